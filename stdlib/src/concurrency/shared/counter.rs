//! An integer that every thread changes atomically.

use super::structure;
use crate::args::{int, optional};
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::object::handle;
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The natives, known as `__shared_counter_...`.
pub(crate) static ROWS: &[NativeRow] = &[
    ("counter_new", 1, 1, new, "A counter that begins with `value`."),
    ("counter_get", 1, 1, get, "The value."),
    ("counter_set", 2, 2, set, "Sets the value; gives the old one."),
    ("counter_add", 2, 2, add, "Adds; gives the new value."),
    ("counter_compare", 3, 3, compare, "Sets the value if it is the expected one; whether it did."),
];

fn number(thread: &mut Thread, value: i64) -> Outcome {
    Ok(thread.heap.int(value)?)
}

fn new(thread: &mut Thread, args: &[Value]) -> Outcome {
    let value = int(thread, "SharedCounter", "value", args[0])?;
    Ok(handle::new_shared(&mut thread.heap, Arc::new(AtomicI64::new(value)))?)
}

fn get(thread: &mut Thread, args: &[Value]) -> Outcome {
    let counter = structure::<AtomicI64>(thread, "SharedCounter.get", args[0])?;
    number(thread, counter.load(Ordering::SeqCst))
}

fn set(thread: &mut Thread, args: &[Value]) -> Outcome {
    let counter = structure::<AtomicI64>(thread, "SharedCounter.set", args[0])?;
    let value = int(thread, "SharedCounter.set", "value", args[1])?;
    let old = counter.swap(value, Ordering::SeqCst);
    number(thread, old)
}

fn add(thread: &mut Thread, args: &[Value]) -> Outcome {
    let counter = structure::<AtomicI64>(thread, "SharedCounter.add", args[0])?;
    let n = int(thread, "SharedCounter.add", "n", optional(args, 1))?;
    let mut old = counter.load(Ordering::SeqCst);
    loop {
        let Some(sum) = old.checked_add(n) else {
            let message = format!("SharedCounter.add: {old} + {n} does not fit into an int");
            return Err(thread.error(ErrorClass::OverflowError, message));
        };
        // Made before the exchange: the instruction is executed again if there is no room for it.
        let result = number(thread, sum)?;
        match counter.compare_exchange_weak(old, sum, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => return Ok(result),
            Err(found) => old = found,
        }
    }
}

fn compare(thread: &mut Thread, args: &[Value]) -> Outcome {
    let counter = structure::<AtomicI64>(thread, "SharedCounter.compare_and_set", args[0])?;
    let expected = int(thread, "SharedCounter.compare_and_set", "expected", args[1])?;
    let value = int(thread, "SharedCounter.compare_and_set", "value", args[2])?;
    let done = counter.compare_exchange(expected, value, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    Ok(Value::bool(done))
}
