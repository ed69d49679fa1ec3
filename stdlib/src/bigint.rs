//! Methods of big integers. Their operators are the interpreter's affair.

use crate::args::{self, optional};
use crate::table::ClassTable;
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::object::hash::hash_value;
use corella_vm::object::{bigint, class_id, number, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use num_bigint::BigInt;
use num_traits::{FromPrimitive, Signed, ToPrimitive};

/// The natives of big integers.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some(("BigInt", 1, 1, construct, "The integer as a BigInt: an int, a whole float, or text.")),
    readers: &[
        ("abs", 0, 0, abs, "Without its sign."),
        ("sign", 0, 0, sign, "-1, 0 or 1."),
        ("to_string", 0, 1, to_string, "Its digits in base 10 or `base`."),
        ("to_int", 0, 0, to_int, "As an int; RangeError if it does not fit."),
        ("to_float", 0, 0, to_float, "The nearest float."),
        ("pow", 1, 1, pow, "Raised to the int `exponent`."),
        ("bit_length", 0, 0, bit_length, "Number of bits without the sign."),
        ("compare", 1, 1, compare_with, "-1, 0 or 1 for less, equal or greater than the number `other`."),
        ("hash", 0, 0, hash, "A number that equal numbers share, for this run of the program."),
    ],
    statics: &[("parse", 1, 2, parse, "The integer that a text spells in base 10 or `base`.")],
    ..ClassTable::empty(class_id::BIGINT, "BigInt")
};

fn receiver(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<BigInt> {
    let value = optional(args, 0);
    bigint::get(value).ok_or_else(|| args::wrong_receiver(thread, method, value))
}

fn made(thread: &mut Thread, big: &BigInt) -> Outcome {
    thread.charge(big.bits() / 128);
    Ok(bigint::new(&mut thread.heap, big)?)
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    let value = args[0];
    if bigint::parts(value).is_some() {
        return Ok(value);
    }
    if let Some(i) = value.as_int() {
        return made(thread, &BigInt::from(i));
    }
    if let Some(f) = value.as_float() {
        return match BigInt::from_f64(f).filter(|_| f.trunc() == f) {
            Some(big) => made(thread, &big),
            None => {
                let text = number::float_to_string(f);
                Err(thread.error(ErrorClass::ValueError, format!("BigInt: {text} is not whole")))
            }
        };
    }
    if let Some(text) = string::as_str(value) {
        return parsed(thread, "BigInt", text, 10);
    }
    Err(args::wrong(thread, "BigInt", "the value", "an int, a whole float or a string", value))
}

fn parsed(thread: &mut Thread, method: &str, text: &str, base: u32) -> Outcome {
    if text.len() > bigint::MAX_DIGITS * 32 {
        return Err(Control::OutOfMemory);
    }
    // Reading digits costs more than linear time.
    thread.charge((text.len() as u64).pow(2) / 1000);
    match number::parse_bigint(text, base) {
        Some(big) => made(thread, &big),
        None => {
            let mut quoted = String::new();
            corella_vm::object::display::quote(&mut quoted, &text.chars().take(60).collect::<String>());
            Err(thread.error(ErrorClass::ValueError, format!("{method}: {quoted} is no integer")))
        }
    }
}

fn parse(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = args::text(thread, "BigInt.parse", "text", args[0])?;
    let base = args::base(thread, "BigInt.parse", optional(args, 1))?;
    parsed(thread, "BigInt.parse", text, base)
}

fn abs(thread: &mut Thread, args: &[Value]) -> Outcome {
    let big = receiver(thread, "BigInt.abs", args)?;
    made(thread, &big.abs())
}

fn sign(thread: &mut Thread, args: &[Value]) -> Outcome {
    let big = receiver(thread, "BigInt.sign", args)?;
    Ok(Value::int_unchecked(i64::from(big.is_positive()) - i64::from(big.is_negative())))
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    let big = receiver(thread, "BigInt.to_string", args)?;
    let base = args::base(thread, "BigInt.to_string", optional(args, 1))?;
    thread.charge((big.bits() / 64).pow(2) / 16);
    Ok(string::new(&mut thread.heap, &big.to_str_radix(base))?)
}

fn to_int(thread: &mut Thread, args: &[Value]) -> Outcome {
    let big = receiver(thread, "BigInt.to_int", args)?;
    match big.to_i64() {
        Some(i) => Ok(thread.heap.int(i)?),
        None => Err(thread.error(ErrorClass::RangeError, "BigInt.to_int: it does not fit in 64 bits")),
    }
}

fn to_float(thread: &mut Thread, args: &[Value]) -> Outcome {
    let big = receiver(thread, "BigInt.to_float", args)?;
    Ok(thread.heap.float(big.to_f64().unwrap_or(f64::INFINITY))?)
}

fn pow(thread: &mut Thread, args: &[Value]) -> Outcome {
    let big = receiver(thread, "BigInt.pow", args)?;
    let exponent = args::size(thread, "BigInt.pow", "exponent", args[1])?;
    let bits = big.bits().saturating_mul(exponent as u64);
    if big.magnitude().bits() > 1 && bits > bigint::MAX_DIGITS as u64 * 32 {
        return Err(Control::OutOfMemory);
    }
    thread.charge((bits / 64).pow(2) / 16);
    match u32::try_from(exponent) {
        Ok(exponent) => made(thread, &big.pow(exponent)),
        // Only -1, 0 and 1 come here: the parity decides.
        Err(_) => made(thread, &big.pow(2 - (exponent % 2) as u32)),
    }
}

fn bit_length(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(receiver(thread, "BigInt.bit_length", args)?.bits() as i64))
}

fn compare_with(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "BigInt.compare", args)?;
    crate::int::number_order(thread, "BigInt.compare", args)
}

fn hash(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "BigInt.hash", args)?;
    Ok(Value::int_unchecked((hash_value(args[0]) >> 2) as i64))
}
