//! Methods of floats, and what the classes `float` and `bool` offer.

use crate::args::{self, optional};
use crate::table::{ClassTable, Constant};
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::object::hash::hash_value;
use corella_vm::object::{bigint, class_id, number, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use num_traits::ToPrimitive;

/// The natives of floats.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "float",
        0,
        1,
        construct,
        "The value as a float: text is read, true is 1.0; 0.0 without one.",
    )),
    readers: &[
        ("abs", 0, 0, abs, "Without its sign."),
        ("sign", 0, 0, sign, "-1, 0 or 1."),
        ("floor", 0, 0, floor, "The greatest int that is not greater."),
        ("ceil", 0, 0, ceil, "The least int that is not less."),
        (
            "round",
            0,
            1,
            round,
            "The nearest int, halves away from 0; with `digits` the float rounded to so many after the point.",
        ),
        ("trunc", 0, 0, trunc, "As an int, the fraction cut off."),
        ("sqrt", 0, 0, sqrt, "Its square root."),
        ("is_nan", 0, 0, is_nan, "Whether it is not a number."),
        ("is_finite", 0, 0, is_finite, "Whether it is neither infinite nor nan."),
        ("is_infinite", 0, 0, is_infinite, "Whether it is infinite."),
        ("to_int", 0, 0, trunc, "As an int, the fraction cut off."),
        ("to_float", 0, 0, to_float, "Itself."),
        ("to_string", 0, 1, to_string, "As text, with `digits` after the point if given."),
        ("to_bits", 0, 0, to_bits, "Its IEEE form as an int."),
        ("clamp", 2, 2, clamp, "Itself, but not less than `low` and not more than `high`."),
        ("compare", 1, 1, compare_with, "-1, 0 or 1 for less, equal or greater than the number `other`."),
        ("hash", 0, 0, hash, "A number that equal numbers share, for this run of the program."),
    ],
    statics: &[
        ("parse", 1, 1, parse, "The float that a text spells."),
        ("from_bits", 1, 1, from_bits, "The float with this IEEE form."),
    ],
    constants: &[
        ("NAN", Constant::Float(f64::NAN), "Not a number."),
        ("INFINITY", Constant::Float(f64::INFINITY), "Greater than every number."),
        ("EPSILON", Constant::Float(f64::EPSILON), "The difference between 1.0 and the next float."),
        ("MAX", Constant::Float(f64::MAX), "The greatest finite float."),
        ("MIN_POSITIVE", Constant::Float(f64::MIN_POSITIVE), "The least positive float of full precision."),
    ],
    ..ClassTable::empty(class_id::FLOAT, "float")
};

/// The natives of truth values.
pub(crate) static BOOL: ClassTable = ClassTable {
    construct: Some(("bool", 0, 1, construct_bool, "The truth of the value; false without one.")),
    readers: &[("to_string", 0, 0, bool_to_string, "`true` or `false`.")],
    ..ClassTable::empty(class_id::BOOL, "bool")
};

fn receiver(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<f64> {
    let value = optional(args, 0);
    value.as_float().ok_or_else(|| args::wrong_receiver(thread, method, value))
}

fn made(thread: &mut Thread, f: f64) -> Outcome {
    Ok(thread.heap.float(f)?)
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    let value = optional(args, 0);
    if args.is_empty() {
        return Ok(Value::ZERO_FLOAT);
    }
    if value.as_float().is_some() {
        return Ok(value);
    }
    if let Some(i) = value.as_int() {
        return made(thread, i as f64);
    }
    if let Some(b) = value.as_bool() {
        return made(thread, f64::from(b));
    }
    if let Some(text) = string::as_str(value) {
        return parsed(thread, "float", text);
    }
    if let Some(big) = bigint::get(value) {
        return made(thread, big.to_f64().unwrap_or(f64::INFINITY));
    }
    Err(args::wrong(thread, "float", "the value", "a number, string or bool", value))
}

/// The float that a text spells.
pub(crate) fn parsed(thread: &mut Thread, method: &str, text: &str) -> Outcome {
    match number::parse_float(text) {
        Some(f) => made(thread, f),
        None => {
            let mut quoted = String::new();
            corella_vm::object::display::quote(&mut quoted, &text.chars().take(60).collect::<String>());
            Err(thread.error(ErrorClass::ValueError, format!("{method}: {quoted} is no number")))
        }
    }
}

fn abs(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.abs", args)?;
    made(thread, f.abs())
}

fn sign(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.sign", args)?;
    Ok(Value::int_unchecked(i64::from(f > 0.0) - i64::from(f < 0.0)))
}

fn floor(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.floor", args)?;
    crate::int::from_float(thread, "float.floor", f.floor())
}

fn ceil(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.ceil", args)?;
    crate::int::from_float(thread, "float.ceil", f.ceil())
}

fn round(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.round", args)?;
    match optional(args, 1) {
        Value::NULL => crate::int::from_float(thread, "float.round", f.round()),
        digits => {
            let digits = args::size(thread, "float.round", "digits", digits)?.min(400);
            // The decimal form is exact, so reading it back rounds once.
            made(thread, format!("{f:.digits$}").parse().unwrap_or(f))
        }
    }
}

fn trunc(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.trunc", args)?;
    crate::int::from_float(thread, "float.trunc", f)
}

fn sqrt(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.sqrt", args)?;
    made(thread, f.sqrt())
}

fn is_nan(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver(thread, "float.is_nan", args)?.is_nan()))
}

fn is_finite(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver(thread, "float.is_finite", args)?.is_finite()))
}

fn is_infinite(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver(thread, "float.is_infinite", args)?.is_infinite()))
}

fn to_float(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "float.to_float", args)?;
    Ok(args[0])
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.to_string", args)?;
    let text = match optional(args, 1) {
        Value::NULL => number::float_to_string(f),
        digits => {
            let digits = args::size(thread, "float.to_string", "digits", digits)?.min(1000);
            number::float_to_fixed(f, digits)
        }
    };
    Ok(string::new(&mut thread.heap, &text)?)
}

fn to_bits(thread: &mut Thread, args: &[Value]) -> Outcome {
    let f = receiver(thread, "float.to_bits", args)?;
    Ok(thread.heap.int(f.to_bits() as i64)?)
}

fn clamp(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "float.clamp", args)?;
    crate::math::clamped(thread, "float.clamp", args)
}

fn compare_with(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "float.compare", args)?;
    crate::int::number_order(thread, "float.compare", args)
}

fn hash(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "float.hash", args)?;
    Ok(Value::int_unchecked((hash_value(args[0]) >> 2) as i64))
}

fn parse(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = args::text(thread, "float.parse", "text", args[0])?;
    parsed(thread, "float.parse", text)
}

fn from_bits(thread: &mut Thread, args: &[Value]) -> Outcome {
    let bits = args::int(thread, "float.from_bits", "bits", args[0])?;
    made(thread, f64::from_bits(bits as u64))
}

fn construct_bool(_: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(args.first().is_some_and(|value| corella_vm::interp::compare::truthy(*value))))
}

fn bool_to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    match optional(args, 0).as_bool() {
        Some(b) => Ok(string::new(&mut thread.heap, if b { "true" } else { "false" })?),
        None => Err(args::wrong_receiver(thread, "bool.to_string", optional(args, 0))),
    }
}
