//! Methods of ints, and what the class `int` offers.

use crate::args::{self, optional};
use crate::table::{ClassTable, Constant};
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::object::hash::hash_value;
use corella_vm::object::number::{self, NumberError};
use corella_vm::object::{bigint, class_id, compare, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use num_traits::ToPrimitive;

/// The natives of ints.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "int",
        0,
        1,
        construct,
        "The value as an int: floats are cut off, text is read, true is 1; 0 without one.",
    )),
    readers: &[
        ("abs", 0, 0, abs, "Without its sign."),
        ("sign", 0, 0, sign, "-1, 0 or 1."),
        ("to_string", 0, 1, to_string, "Its digits in base 10 or `base`."),
        ("to_float", 0, 0, to_float, "The nearest float."),
        ("to_int", 0, 0, to_int, "Itself."),
        ("clamp", 2, 2, clamp, "Itself, but not less than `low` and not more than `high`."),
        ("compare", 1, 1, compare_with, "-1, 0 or 1 for less, equal or greater than the number `other`."),
        ("count_ones", 0, 0, count_ones, "Number of bits set, of 64."),
        ("leading_zeros", 0, 0, leading_zeros, "Number of highest bits that are not set, of 64."),
        ("trailing_zeros", 0, 0, trailing_zeros, "Number of lowest bits that are not set, of 64."),
        ("hash", 0, 0, hash, "A number that equal numbers share, for this run of the program."),
    ],
    statics: &[
        ("parse", 1, 2, parse, "The integer that a text spells in base 10 or `base`."),
        ("wrapping_add", 2, 2, wrapping_add, "The lower 64 bits of the sum."),
        ("wrapping_sub", 2, 2, wrapping_sub, "The lower 64 bits of the difference."),
        ("wrapping_mul", 2, 2, wrapping_mul, "The lower 64 bits of the product."),
        ("wrapping_shl", 2, 2, wrapping_shl, "The lower 64 bits of the first shifted left by the second."),
    ],
    constants: &[
        ("MAX", Constant::Int(i64::MAX), "The greatest int."),
        ("MIN", Constant::Int(i64::MIN), "The least int."),
    ],
    ..ClassTable::empty(class_id::INT, "int")
};

fn receiver(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<i64> {
    let value = optional(args, 0);
    value.as_int().ok_or_else(|| args::wrong_receiver(thread, method, value))
}

fn made(thread: &mut Thread, i: i64) -> Outcome {
    Ok(thread.heap.int(i)?)
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    let value = optional(args, 0);
    if args.is_empty() {
        return Ok(Value::int_unchecked(0));
    }
    if value.as_int().is_some() {
        return Ok(value);
    }
    if let Some(f) = value.as_float() {
        return from_float(thread, "int", f);
    }
    if let Some(b) = value.as_bool() {
        return Ok(Value::int_unchecked(i64::from(b)));
    }
    if let Some(text) = string::as_str(value) {
        return parsed(thread, "int", text, 10);
    }
    if let Some(big) = bigint::get(value) {
        return match big.to_i64() {
            Some(i) => made(thread, i),
            None => Err(thread.error(ErrorClass::RangeError, format!("int: {big} does not fit in 64 bits"))),
        };
    }
    Err(args::wrong(thread, "int", "the value", "a number, string or bool", value))
}

/// A float with its fraction cut off.
pub(crate) fn from_float(thread: &mut Thread, method: &str, f: f64) -> Outcome {
    match number::float_to_int(f) {
        Some(i) => made(thread, i),
        None => {
            let text = number::float_to_string(f);
            Err(thread.error(ErrorClass::RangeError, format!("{method}: {text} does not fit in an int")))
        }
    }
}

/// The integer that a text spells.
pub(crate) fn parsed(thread: &mut Thread, method: &str, text: &str, base: u32) -> Outcome {
    match number::parse_int(text, base) {
        Ok(i) => made(thread, i),
        Err(error) => Err(unreadable(thread, method, text, base, error)),
    }
}

#[cold]
fn unreadable(thread: &mut Thread, method: &str, text: &str, base: u32, error: NumberError) -> Control {
    let mut quoted = String::new();
    corella_vm::object::display::quote(&mut quoted, &text.chars().take(60).collect::<String>());
    match error {
        NumberError::TooLarge => {
            let message =
                format!("{method}: {quoted} does not fit in an int: BigInt(text) reads larger numbers");
            thread.error(ErrorClass::RangeError, message)
        }
        NumberError::Malformed => {
            let base = if base == 10 { String::new() } else { format!(" in base {base}") };
            thread.error(ErrorClass::ValueError, format!("{method}: {quoted} is no integer{base}"))
        }
    }
}

fn abs(thread: &mut Thread, args: &[Value]) -> Outcome {
    let i = receiver(thread, "int.abs", args)?;
    match i.checked_abs() {
        Some(i) => made(thread, i),
        None => {
            let message = format!("int.abs: -({i}) does not fit in an int: use BigInt for larger numbers");
            Err(thread.error(ErrorClass::OverflowError, message))
        }
    }
}

fn sign(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(receiver(thread, "int.sign", args)?.signum()))
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    let i = receiver(thread, "int.to_string", args)?;
    let base = args::base(thread, "int.to_string", optional(args, 1))?;
    Ok(string::new(&mut thread.heap, &number::int_to_string(i, base))?)
}

fn to_float(thread: &mut Thread, args: &[Value]) -> Outcome {
    let i = receiver(thread, "int.to_float", args)?;
    Ok(thread.heap.float(i as f64)?)
}

fn to_int(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "int.to_int", args)?;
    Ok(args[0])
}

fn clamp(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "int.clamp", args)?;
    crate::math::clamped(thread, "int.clamp", args)
}

fn compare_with(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "int.compare", args)?;
    number_order(thread, "int.compare", args)
}

/// How two numbers are ordered, as -1, 0 or 1.
pub(crate) fn number_order(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome {
    match compare::compare_numbers(args[0], args[1]) {
        compare::Compared::Ordered(order) => Ok(Value::int_unchecked(order as i64)),
        compare::Compared::Unordered => {
            let message = format!("{method}: nan has no order: test is_nan() first");
            Err(thread.error(ErrorClass::ValueError, message))
        }
        compare::Compared::Incomparable => Err(args::wrong(thread, method, "other", "a number", args[1])),
    }
}

fn count_ones(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(i64::from(receiver(thread, "int.count_ones", args)?.count_ones())))
}

fn leading_zeros(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(i64::from(receiver(thread, "int.leading_zeros", args)?.leading_zeros())))
}

fn trailing_zeros(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(i64::from(receiver(thread, "int.trailing_zeros", args)?.trailing_zeros())))
}

fn hash(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "int.hash", args)?;
    Ok(Value::int_unchecked((hash_value(args[0]) >> 2) as i64))
}

fn parse(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = args::text(thread, "int.parse", "text", args[0])?;
    let base = args::base(thread, "int.parse", optional(args, 1))?;
    parsed(thread, "int.parse", text, base)
}

fn wrapping(thread: &mut Thread, method: &str, args: &[Value], op: fn(i64, i64) -> i64) -> Outcome {
    let a = args::int(thread, method, "the first argument", args[0])?;
    let b = args::int(thread, method, "the second argument", args[1])?;
    made(thread, op(a, b))
}

fn wrapping_add(thread: &mut Thread, args: &[Value]) -> Outcome {
    wrapping(thread, "int.wrapping_add", args, i64::wrapping_add)
}

fn wrapping_sub(thread: &mut Thread, args: &[Value]) -> Outcome {
    wrapping(thread, "int.wrapping_sub", args, i64::wrapping_sub)
}

fn wrapping_mul(thread: &mut Thread, args: &[Value]) -> Outcome {
    wrapping(thread, "int.wrapping_mul", args, i64::wrapping_mul)
}

fn wrapping_shl(thread: &mut Thread, args: &[Value]) -> Outcome {
    wrapping(thread, "int.wrapping_shl", args, |a, b| if (0..64).contains(&b) { a << b } else { 0 })
}
