//! Methods of ranges.

use crate::args::{self, optional};
use crate::list;
use crate::table::ClassTable;
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::object::range::{self, Bounds};
use corella_vm::object::{class_id, display, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// Most elements of an array made from a range.
const MAX_ELEMENTS: u64 = 1 << 32;

/// The natives of ranges.
pub(crate) static TABLE: ClassTable = ClassTable {
    getters: &[
        ("length", 0, 0, length, "Number of elements."),
        ("start", 0, 0, start, "Where it begins."),
        ("end", 0, 0, end, "Where it ends, as written."),
        ("inclusive", 0, 0, inclusive, "Whether the end belongs to it."),
    ],
    readers: &[
        ("contains", 1, 1, contains, "Whether a number is one of its elements."),
        ("to_array", 0, 0, to_array, "An array of its elements."),
        ("step", 1, 1, step, "An array of every `n`th element; a negative `n` counts down from the last."),
        ("reversed", 0, 0, reversed, "An array of its elements from the last to the first."),
        ("sum", 0, 0, sum, "The elements added up."),
        ("to_string", 0, 0, to_string, "As written: `1..5`."),
        ("is_empty", 0, 0, is_empty, "Whether it has no elements."),
    ],
    ..ClassTable::empty(class_id::RANGE, "Range")
};

fn receiver(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<Bounds> {
    let value = optional(args, 0);
    range::bounds(value).ok_or_else(|| args::wrong_receiver(thread, method, value))
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    let len = receiver(thread, "Range.length", args)?.len();
    Ok(thread.heap.int(i64::try_from(len).unwrap_or(i64::MAX))?)
}

fn start(thread: &mut Thread, args: &[Value]) -> Outcome {
    let start = receiver(thread, "Range.start", args)?.start;
    Ok(thread.heap.int(start)?)
}

fn end(thread: &mut Thread, args: &[Value]) -> Outcome {
    let end = receiver(thread, "Range.end", args)?.end;
    Ok(thread.heap.int(end)?)
}

fn inclusive(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver(thread, "Range.inclusive", args)?.inclusive))
}

fn is_empty(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver(thread, "Range.is_empty", args)?.is_empty()))
}

fn contains(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bounds = receiver(thread, "Range.contains", args)?;
    let element = args[1].as_int().or_else(|| {
        let f = args[1].as_float()?;
        corella_vm::object::number::float_to_int(f).filter(|&i| i as f64 == f)
    });
    Ok(Value::bool(element.is_some_and(|i| bounds.contains(i))))
}

/// The elements `first`, `first + step`, ... as an array of `count`.
fn elements(thread: &mut Thread, first: i64, step: i64, count: u64) -> Outcome {
    if count > MAX_ELEMENTS {
        return Err(Control::OutOfMemory);
    }
    thread.heap.reserve_external(count as usize * 8)?;
    thread.charge(count / 4);
    let mut all = Vec::with_capacity(count as usize);
    let mut next = first;
    for _ in 0..count {
        all.push(thread.heap.int(next)?);
        next = next.wrapping_add(step);
    }
    list(thread, &all)
}

fn to_array(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bounds = receiver(thread, "Range.to_array", args)?;
    elements(thread, bounds.start, 1, bounds.len())
}

fn reversed(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bounds = receiver(thread, "Range.reversed", args)?;
    elements(thread, bounds.last().unwrap_or(0), -1, bounds.len())
}

fn step(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bounds = receiver(thread, "Range.step", args)?;
    let step = args::int(thread, "Range.step", "n", args[1])?;
    if step == 0 {
        return Err(thread.error(ErrorClass::ValueError, "Range.step: n must not be 0"));
    }
    let first = if step > 0 { bounds.start } else { bounds.last().unwrap_or(0) };
    elements(thread, first, step, bounds.len().div_ceil(step.unsigned_abs()))
}

fn sum(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bounds = receiver(thread, "Range.sum", args)?;
    let sum = match bounds.last() {
        // The product is even, and below 2^130; the division by 2 comes first where it can.
        Some(last) => {
            let (ends, count) = (i128::from(bounds.start) + i128::from(last), i128::from(bounds.len()));
            if ends % 2 == 0 { (ends / 2).checked_mul(count) } else { ends.checked_mul(count / 2) }
        }
        None => Some(0),
    };
    match sum.and_then(|sum| i64::try_from(sum).ok()) {
        Some(sum) => Ok(thread.heap.int(sum)?),
        None => {
            let message = "Range.sum: the sum does not fit in an int: use BigInt for larger numbers";
            Err(thread.error(ErrorClass::OverflowError, message))
        }
    }
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "Range.to_string", args)?;
    let text = display::scalar(args[0]).unwrap_or_default();
    Ok(string::new(&mut thread.heap, &text)?)
}
