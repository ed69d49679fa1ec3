//! Checking of arguments, and the wording of what is wrong with them, for all natives.
//!
//! A message names the method, the parameter, what was expected and what came: `Array.join: separator must be a string,
//! not int`.

use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::interp::describe::type_name;
use corella_vm::object::{range, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// The error of an argument of the wrong type; `expected` comes with its article.
#[cold]
pub(crate) fn wrong(thread: &mut Thread, method: &str, param: &str, expected: &str, found: Value) -> Control {
    let found = type_name(thread, found);
    thread.error(ErrorClass::TypeError, format!("{method}: {param} must be {expected}, not {found}"))
}

/// The error of a method called on something else (taken from its class as a function).
#[cold]
pub(crate) fn wrong_receiver(thread: &mut Thread, method: &str, found: Value) -> Control {
    let class = method.split('.').next().unwrap_or(method);
    let found = type_name(thread, found);
    thread.error(
        ErrorClass::TypeError,
        format!("{method}: called on {found}, but it needs a value of type {class}"),
    )
}

/// An argument, or null if it was not given.
#[inline]
pub(crate) fn optional(args: &[Value], index: usize) -> Value {
    args.get(index).copied().unwrap_or(Value::NULL)
}

/// An integer.
#[inline]
pub(crate) fn int(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<i64> {
    value.as_int().ok_or_else(|| wrong(thread, method, param, "an int", value))
}

/// An integer, or `default` for null.
pub(crate) fn int_or(
    thread: &mut Thread,
    method: &str,
    param: &str,
    value: Value,
    default: i64,
) -> Outcome<i64> {
    if value.is_null() { Ok(default) } else { int(thread, method, param, value) }
}

/// An integer that is not negative.
pub(crate) fn size(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<usize> {
    let given = int(thread, method, param, value)?;
    usize::try_from(given).map_err(|_| {
        thread
            .error(ErrorClass::ValueError, format!("{method}: {param} must not be negative, and {given} is"))
    })
}

/// A number as a float.
#[inline]
pub(crate) fn number(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<f64> {
    value.as_number().ok_or_else(|| wrong(thread, method, param, "a number", value))
}

/// The text of a string.
#[inline]
pub(crate) fn text<'a>(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<&'a str> {
    string::as_str(value).ok_or_else(|| wrong(thread, method, param, "a string", value))
}

/// The base of a number's digits; 10 if not given.
pub(crate) fn base(thread: &mut Thread, method: &str, value: Value) -> Outcome<u32> {
    match int_or(thread, method, "base", value, 10)? {
        base @ 2..=36 => Ok(base as u32),
        base => Err(thread.error(
            ErrorClass::ValueError,
            format!("{method}: base must be between 2 and 36, and {base} is not"),
        )),
    }
}

/// The start and end of a slice of something with `len` elements, from two arguments that may be missing, null or
/// negative (counting from the end), or from one range; cut to what is there.
pub(crate) fn slice(
    thread: &mut Thread,
    method: &str,
    args: &[Value],
    len: usize,
) -> Outcome<(usize, usize)> {
    let from = optional(args, 1);
    let (from, to) = match range::bounds(from) {
        Some(bounds) => {
            let end = if bounds.inclusive { bounds.end.saturating_add(1) } else { bounds.end };
            // `..=-1` ends with the last element: one past -1 is the length, not 0.
            let end = if bounds.inclusive && bounds.end == -1 { i64::MAX } else { end };
            (bounds.start, end)
        }
        None => (
            int_or(thread, method, "start", from, 0)?,
            int_or(thread, method, "end", optional(args, 2), i64::MAX)?,
        ),
    };
    let clamp = |i: i64| {
        let i = if i < 0 { i.saturating_add(len as i64) } else { i };
        i.clamp(0, len as i64) as usize
    };
    let (from, to) = (clamp(from), clamp(to));
    Ok((from, to.max(from)))
}

/// A possibly negative index of an existing element.
pub(crate) fn index(thread: &mut Thread, method: &str, value: Value, len: usize) -> Outcome<usize> {
    let given = int(thread, method, "index", value)?;
    let at = if given < 0 { given.saturating_add(len as i64) } else { given };
    match usize::try_from(at) {
        Ok(at) if at < len => Ok(at),
        _ => Err(out_of_range(thread, method, given, len)),
    }
}

/// The error of an index that no element has.
#[cold]
pub(crate) fn out_of_range(thread: &mut Thread, method: &str, index: i64, len: usize) -> Control {
    let valid = match len {
        0 => "it is empty".to_owned(),
        _ => format!("valid are {} to {}", -(len as i64), len - 1),
    };
    thread.error(ErrorClass::RangeError, format!("{method}: index {index} is out of range: {valid}"))
}

/// The error of taking an element from something that has none.
#[cold]
pub(crate) fn empty(thread: &mut Thread, method: &str, what: &str) -> Control {
    thread.error(ErrorClass::RangeError, format!("{method}: the {what} is empty: test its length first"))
}
