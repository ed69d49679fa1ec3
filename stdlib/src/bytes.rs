//! Methods of Bytes.

use crate::args::{self, optional};
use crate::receiver as views;
use crate::table::ClassTable;
use crate::{list, prelude_call};
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::native::ANY;
use corella_vm::object::{class_id, display, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// The natives of bytes.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "Bytes",
        0,
        1,
        construct,
        "The UTF-8 form of a string, `n` zeros, or the bytes of an array of ints.",
    )),
    getters: &[("length", 0, 0, length, "Number of bytes.")],
    readers: &[
        ("decode", 0, 0, decode, "The string that it is as UTF-8; ValueError if it is none."),
        ("decode_lossy", 0, 0, decode_lossy, "As `decode`, with U+FFFD for what is no UTF-8."),
        ("hex", 0, 0, hex, "Its bytes as hexadecimal digits."),
        ("slice", 0, 2, slice, "The bytes from `start` to before `end`; negative ones count from the end."),
        (
            "find",
            1,
            2,
            find,
            "Index of the first occurrence of `part` (Bytes or one byte) from `from` on, or -1.",
        ),
        ("contains", 1, 1, contains, "Whether `part` (Bytes or one byte) occurs."),
        ("starts_with", 1, 1, starts_with, "Whether it begins with `part`."),
        ("ends_with", 1, 1, ends_with, "Whether it ends with `part`."),
        ("concat", 0, ANY, concat, "Its bytes and those of the arguments."),
        ("repeat", 1, 1, repeat, "Itself `n` times."),
        ("to_array", 0, 0, to_array, "An array of its bytes as ints."),
        ("to_string", 0, 0, to_string, "As it would be written: `b\"...\"`."),
        ("compare", 1, 1, compare, "-1, 0 or 1 for less, equal or greater than `other`."),
        ("is_empty", 0, 0, is_empty, "Whether it has no bytes."),
        ("hash", 0, 0, hash, "A number that equal bytes share, for this run of the program."),
    ],
    statics: &[("from_hex", 1, 1, from_hex, "The bytes that hexadecimal digits spell.")],
    ..ClassTable::empty(class_id::BYTES, "Bytes")
};

fn receiver<'a>(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<&'a [u8]> {
    let value = optional(args, 0);
    string::as_bytes(value).ok_or_else(|| args::wrong_receiver(thread, method, value))
}

fn made(thread: &mut Thread, bytes: &[u8]) -> Outcome {
    thread.charge(bytes.len() as u64 / 16);
    Ok(string::new_bytes(&mut thread.heap, bytes)?)
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    let value = optional(args, 0);
    if args.is_empty() {
        return made(thread, &[]);
    }
    if string::as_bytes(value).is_some() {
        return Ok(value);
    }
    if let Some(text) = string::as_str(value) {
        return made(thread, text.as_bytes());
    }
    if value.as_int().is_some() {
        let len = args::size(thread, "Bytes", "n", value)?;
        if len > string::MAX_BYTES {
            return Err(Control::OutOfMemory);
        }
        thread.heap.reserve_external(len)?;
        return made(thread, &vec![0; len]);
    }
    match views::array_view(value) {
        Some(view) => {
            let mut bytes = Vec::with_capacity(view.len());
            for element in view.raw_values() {
                bytes.push(byte(thread, "Bytes", "each element", element)?);
            }
            made(thread, &bytes)
        }
        None if value.is_object() => {
            let class = thread.vm.class(class_id::BYTES).value;
            prelude_call(thread, "__construct_from", &[class, value])
        }
        None => Err(args::wrong(thread, "Bytes", "the value", "a string, an int or an array of ints", value)),
    }
}

fn byte(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<u8> {
    let given = args::int(thread, method, param, value)?;
    u8::try_from(given).map_err(|_| {
        let message = format!("{method}: {param} must be between 0 and 255, and {given} is not");
        thread.error(ErrorClass::ValueError, message)
    })
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(receiver(thread, "Bytes.length", args)?.len() as i64))
}

fn is_empty(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver(thread, "Bytes.is_empty", args)?.is_empty()))
}

fn decode(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.decode", args)?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(string::new(&mut thread.heap, text)?),
        Err(error) => {
            let message = format!(
                "Bytes.decode: no UTF-8 from byte {} on: decode_lossy() replaces such bytes",
                error.valid_up_to()
            );
            Err(thread.error(ErrorClass::ValueError, message))
        }
    }
}

fn decode_lossy(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = String::from_utf8_lossy(receiver(thread, "Bytes.decode_lossy", args)?);
    thread.charge(text.len() as u64 / 16);
    Ok(string::new(&mut thread.heap, &text)?)
}

fn hex(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.hex", args)?;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    thread.charge(bytes.len() as u64 / 4);
    Ok(string::new(&mut thread.heap, &text)?)
}

fn from_hex(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = args::text(thread, "Bytes.from_hex", "digits", args[0])?;
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    match digits.filter(|digits| digits.len() % 2 == 0) {
        Some(digits) => {
            let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            made(thread, &bytes)
        }
        None => {
            let message = "Bytes.from_hex: digits must be an even number of hexadecimal digits";
            Err(thread.error(ErrorClass::ValueError, message))
        }
    }
}

fn slice(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.slice", args)?;
    let (from, to) = args::slice(thread, "Bytes.slice", args, bytes.len())?;
    made(thread, &bytes[from..to])
}

/// An argument that is Bytes or one byte.
fn part(thread: &mut Thread, method: &str, value: Value) -> Outcome<Vec<u8>> {
    match string::as_bytes(value) {
        Some(bytes) => Ok(bytes.to_vec()),
        None if value.as_int().is_some() => Ok(vec![byte(thread, method, "part", value)?]),
        None => Err(args::wrong(thread, method, "part", "Bytes or an int", value)),
    }
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    match part {
        [] => Some(0),
        [byte] => bytes.iter().position(|b| b == byte),
        _ => bytes.windows(part.len()).position(|window| window == part),
    }
}

fn find(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.find", args)?;
    let part = part(thread, "Bytes.find", args[1])?;
    let from = args::int_or(thread, "Bytes.find", "from", optional(args, 2), 0)?;
    let from = if from < 0 { from.saturating_add(bytes.len() as i64).max(0) } else { from } as usize;
    thread.charge(bytes.len() as u64 / 8);
    let found = bytes.get(from..).and_then(|rest| position(rest, &part));
    Ok(Value::int_unchecked(found.map_or(-1, |at| (at + from) as i64)))
}

fn contains(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.contains", args)?;
    let part = part(thread, "Bytes.contains", args[1])?;
    thread.charge(bytes.len() as u64 / 8);
    Ok(Value::bool(position(bytes, &part).is_some()))
}

fn starts_with(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.starts_with", args)?;
    Ok(Value::bool(bytes.starts_with(&part(thread, "Bytes.starts_with", args[1])?)))
}

fn ends_with(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.ends_with", args)?;
    Ok(Value::bool(bytes.ends_with(&part(thread, "Bytes.ends_with", args[1])?)))
}

fn concat(thread: &mut Thread, args: &[Value]) -> Outcome {
    let mut all = receiver(thread, "Bytes.concat", args)?.to_vec();
    for value in &args[1..] {
        match string::as_bytes(value) {
            Some(bytes) => all.extend_from_slice(bytes),
            None => return Err(args::wrong(thread, "Bytes.concat", "each argument", "Bytes", *value)),
        }
    }
    made(thread, &all)
}

fn repeat(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.repeat", args)?;
    let times = args::size(thread, "Bytes.repeat", "n", args[1])?;
    let len = bytes.len().checked_mul(times).filter(|&len| len <= string::MAX_BYTES);
    thread.heap.reserve_external(len.ok_or(Control::OutOfMemory)?)?;
    made(thread, &bytes.repeat(times))
}

fn to_array(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.to_array", args)?;
    let all: Vec<Value> = bytes.iter().map(|byte| Value::int_unchecked(i64::from(*byte))).collect();
    thread.charge(all.len() as u64 / 4);
    list(thread, &all)
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "Bytes.to_string", args)?;
    let text = display::scalar(args[0]).unwrap_or_default();
    Ok(string::new(&mut thread.heap, &text)?)
}

fn compare(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bytes = receiver(thread, "Bytes.compare", args)?;
    match string::as_bytes(args[1]) {
        Some(other) => Ok(Value::int_unchecked(bytes.cmp(other) as i64)),
        None => Err(args::wrong(thread, "Bytes.compare", "other", "Bytes", args[1])),
    }
}

fn hash(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "Bytes.hash", args)?;
    Ok(Value::int_unchecked(i64::from(string::hash(args[0]))))
}
