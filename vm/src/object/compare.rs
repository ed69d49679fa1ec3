//! Order and exact comparison of numbers, strings and bytes.
//!
//! Integers and floats are compared as the numbers that they are: no conversion rounds, so `2**53 + 1 > 2.0**53`.

use super::{Kind, bigint, string};
use crate::value::Value;
use num_bigint::BigInt;
use num_traits::FromPrimitive;
use std::cmp::Ordering;

/// How two values stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    /// They are ordered.
    Ordered(Ordering),
    /// One of them is NaN.
    Unordered,
    /// Values of these types have no order.
    Incomparable,
}

/// Compares two numbers, two strings or two bytes; hooks are the caller's affair. Any thread may ask.
pub fn compare(a: Value, b: Value) -> Compared {
    if a.is_small_int() && b.is_small_int() {
        return Compared::Ordered(a.small_int_unchecked().cmp(&b.small_int_unchecked()));
    }
    match (a.kind(), b.kind()) {
        (Some(Kind::Str), Some(Kind::Str)) | (Some(Kind::Bytes), Some(Kind::Bytes)) => {
            Compared::Ordered(string::bytes_of(a).cmp(string::bytes_of(b)))
        }
        _ => compare_numbers(a, b),
    }
}

/// Compares two numbers of any kind.
pub fn compare_numbers(a: Value, b: Value) -> Compared {
    let order = match (Number::of(a), Number::of(b)) {
        (Some(Number::Int(a)), Some(Number::Int(b))) => Some(a.cmp(&b)),
        (Some(Number::Float(a)), Some(Number::Float(b))) => a.partial_cmp(&b),
        (Some(Number::Int(a)), Some(Number::Float(b))) => int_with_float(a, b),
        (Some(Number::Float(a)), Some(Number::Int(b))) => int_with_float(b, a).map(Ordering::reverse),
        (Some(Number::Big(a)), Some(Number::Float(b))) => big_with_float(&a, b),
        (Some(Number::Float(a)), Some(Number::Big(b))) => big_with_float(&b, a).map(Ordering::reverse),
        (Some(Number::Big(a)), Some(Number::Int(b))) => Some(a.cmp(&BigInt::from(b))),
        (Some(Number::Int(a)), Some(Number::Big(b))) => Some(BigInt::from(a).cmp(&b)),
        (Some(Number::Big(a)), Some(Number::Big(b))) => Some(a.cmp(&b)),
        (None, _) | (_, None) => return Compared::Incomparable,
    };
    order.map_or(Compared::Unordered, Compared::Ordered)
}

enum Number {
    Int(i64),
    Float(f64),
    Big(BigInt),
}

impl Number {
    fn of(value: Value) -> Option<Self> {
        if let Some(i) = value.as_int() {
            Some(Self::Int(i))
        } else if let Some(f) = value.as_float() {
            Some(Self::Float(f))
        } else {
            bigint::get(value).map(Self::Big)
        }
    }
}

/// Compares an integer with a float exactly; `None` for NaN.
pub fn int_with_float(i: i64, f: f64) -> Option<Ordering> {
    if f.is_nan() {
        None
    } else if f >= 9_223_372_036_854_775_808.0 {
        Some(Ordering::Less)
    } else if f < -9_223_372_036_854_775_808.0 {
        Some(Ordering::Greater)
    } else {
        // Now the whole part fits; where it is equal, the fraction decides.
        let whole = f.trunc();
        Some(i.cmp(&(whole as i64)).then_with(|| whole.partial_cmp(&f).unwrap_or(Ordering::Equal)))
    }
}

fn big_with_float(big: &BigInt, f: f64) -> Option<Ordering> {
    if f.is_nan() {
        return None;
    }
    match BigInt::from_f64(f.trunc()) {
        Some(whole) => {
            Some(big.cmp(&whole).then_with(|| f.trunc().partial_cmp(&f).unwrap_or(Ordering::Equal)))
        }
        None => Some(if f > 0.0 { Ordering::Less } else { Ordering::Greater }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};

    #[test]
    fn integers_and_floats_compare_exactly() {
        let big = 1i64 << 53;
        for (i, f, expected) in [
            (big, 9_007_199_254_740_992.0, Some(Equal)),
            (big + 1, 9_007_199_254_740_992.0, Some(Greater)),
            (big - 1, 9_007_199_254_740_992.0, Some(Less)),
            (i64::MAX, 9_223_372_036_854_775_808.0, Some(Less)),
            (i64::MIN, -9_223_372_036_854_775_808.0, Some(Equal)),
            (i64::MIN, -9_223_372_036_854_777_856.0, Some(Greater)),
            (1, 1.5, Some(Less)),
            (-1, -1.5, Some(Greater)),
            (2, 1.5, Some(Greater)),
            (0, -0.0, Some(Equal)),
            (0, 5e-324, Some(Less)),
            (i64::MAX, f64::INFINITY, Some(Less)),
            (i64::MIN, f64::NEG_INFINITY, Some(Greater)),
            (0, f64::NAN, None),
        ] {
            assert_eq!(int_with_float(i, f), expected, "{i} with {f}");
            assert_eq!(big_with_float(&BigInt::from(i), f), expected, "big {i} with {f}");
        }
    }
}
