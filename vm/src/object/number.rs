//! Numbers from text and to text.

use num_bigint::BigInt;
use num_traits::Num;
use std::fmt::Write;

/// Why a text is no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumberError {
    /// It is not written as one.
    Malformed,
    /// It is one, but does not fit in 64 bits.
    TooLarge,
}

/// Reads an integer: optional sign, digits of the base, single underscores between digits, spaces around. In base 10
/// the prefixes `0x`, `0b` and `0o` are understood.
pub fn parse_int(text: &str, base: u32) -> Result<i64, NumberError> {
    let (negative, digits, base) = integer_parts(text, base).ok_or(NumberError::Malformed)?;
    let mut value: i64 = 0;
    for digit in digits.chars().filter_map(|c| c.to_digit(base)) {
        // Built up on the negative side, where i64::MIN lies.
        value = value
            .checked_mul(i64::from(base))
            .and_then(|v| v.checked_sub(i64::from(digit)))
            .ok_or(NumberError::TooLarge)?;
    }
    if negative { Ok(value) } else { value.checked_neg().ok_or(NumberError::TooLarge) }
}

/// Reads a big integer, written as for [`parse_int`].
pub fn parse_bigint(text: &str, base: u32) -> Option<BigInt> {
    let (negative, digits, base) = integer_parts(text, base)?;
    let digits: String = digits.chars().filter(|&c| c != '_').collect();
    let value = BigInt::from_str_radix(&digits, base).ok()?;
    Some(if negative { -value } else { value })
}

/// Sign, digits with underscores (checked), base.
fn integer_parts(text: &str, base: u32) -> Option<(bool, &str, u32)> {
    if !(2..=36).contains(&base) {
        return None;
    }
    let text = text.trim();
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = |prefixes: [&str; 2]| prefixes.iter().find_map(|p| rest.strip_prefix(p));
    let (digits, base) = if base != 10 {
        (rest, base)
    } else if let Some(digits) = prefixed(["0x", "0X"]) {
        (digits, 16)
    } else if let Some(digits) = prefixed(["0b", "0B"]) {
        (digits, 2)
    } else if let Some(digits) = prefixed(["0o", "0O"]) {
        (digits, 8)
    } else {
        (rest, 10)
    };
    well_formed(digits, |c| c.is_digit(base)).then_some((negative, digits, base))
}

/// Digits with single underscores between them.
fn well_formed(digits: &str, is_digit: impl Fn(char) -> bool) -> bool {
    let mut after_digit = false;
    for c in digits.chars() {
        if !(is_digit(c) || c == '_' && after_digit) {
            return false;
        }
        after_digit = c != '_';
    }
    after_digit
}

/// Reads a float: optional sign, digits with underscores, fraction, exponent, or `inf`, `nan`; spaces around.
pub fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        "inf" | "nan" => return text.parse().ok(),
        _ => {}
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |part: &str| well_formed(part, |c| c.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, "")) => digits(whole),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    if !(mantissa_ok && exponent_ok) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// A float in the shortest form that reads back as the same number, recognisable as a float: `1.0`, `0.1`, `1e300`, `inf`, `nan`.
pub fn float_to_string(f: f64) -> String {
    let mut text = String::new();
    write_float(&mut text, f);
    text
}

/// Appends a float as [`float_to_string`] writes it.
pub fn write_float(to: &mut String, f: f64) {
    if f.is_nan() {
        to.push_str("nan");
    } else {
        let _ = write!(to, "{f:?}"); // writing into a String does not fail
    }
}

/// A float with so many digits behind the point, rounded to the nearest, of two to the even one, as `format!` does it; most without the long
/// arithmetic that that takes.
pub fn float_to_fixed(f: f64, digits: usize) -> String {
    const MOST: usize = 22;
    let (bits, biased) = (f.to_bits() & ((1 << 52) - 1), f.to_bits() >> 52 & 0x7ff);
    // |f| is mantissa / 2^shift; times 10^22 a mantissa has less than 127 bits.
    let (mantissa, shift) = (bits | 1 << 52, 1075u64.wrapping_sub(biased));
    if biased == 0 || shift > 126 || digits > MOST {
        return format!("{f:.digits$}"); // zero, very small, large, infinite or no number
    }
    let scaled = u128::from(mantissa) * 10u128.pow(digits as u32);
    let (whole, rest) = (scaled >> shift, scaled & ((1 << shift) - 1));
    let half = (1u128 << shift) >> 1;
    let up = rest > half || rest == half && rest > 0 && whole & 1 == 1;
    let sign = if f.is_sign_negative() { "-" } else { "" };
    // Few numbers have more than 64 bits, which take much longer.
    let number = whole + u128::from(up);
    let mut text = match u64::try_from(number) {
        Ok(number) => format!("{sign}{number:0least$}", least = digits + 1),
        Err(_) => format!("{sign}{number:0least$}", least = digits + 1),
    };
    if digits > 0 {
        text.insert(text.len() - digits, '.');
    }
    text
}

/// An integer in a base from 2 to 36.
pub fn int_to_string(i: i64, base: u32) -> String {
    if base == 10 || !(2..=36).contains(&base) {
        return i.to_string();
    }
    let mut digits = Vec::new();
    let mut rest = i.unsigned_abs();
    loop {
        digits.push(char::from_digit((rest % u64::from(base)) as u32, base).unwrap_or('?'));
        rest /= u64::from(base);
        if rest == 0 {
            break;
        }
    }
    if i < 0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
}

/// A float as an integer, its fraction cut off; `None` if it does not fit or is not a number.
pub fn float_to_int(f: f64) -> Option<i64> {
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f).then_some(f as i64)
}

/// An integer power; `None` on overflow.
pub fn int_pow(base: i64, exponent: u64) -> Option<i64> {
    match (base, exponent) {
        (_, 0) | (1, _) => Some(1),
        (0, _) => Some(0),
        (-1, _) => Some(if exponent.is_multiple_of(2) { 1 } else { -1 }),
        _ => base.checked_pow(u32::try_from(exponent).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::generate::Rng;

    #[test]
    fn floats_with_fixed_digits_are_those_of_the_standard_library() {
        let mut rng = Rng::new(1);
        let special =
            [0.0, -0.0, f64::INFINITY, f64::NAN, f64::MIN_POSITIVE, 5e-324, f64::MAX, 0.5, 1.5, 2.5, -0.001];
        let ties = (0..4000).map(|i| f64::from(i) / 64.0);
        let any = (0..20_000).map(|_| f64::from_bits(rng.bits()));
        let common: Vec<f64> = any.map(|f| if f.is_finite() { f % 1e18 } else { f }).collect();
        for f in special.into_iter().chain(ties).chain(common) {
            for f in [f, -f, f / 3.0, f * 1e-12] {
                for digits in [0, 1, 2, 3, 5, 9, 17, 22, 23] {
                    assert_eq!(float_to_fixed(f, digits), format!("{f:.digits$}"), "{f:e} {digits}");
                }
            }
        }
    }

    #[test]
    fn integers_from_text() {
        for (text, base, expected) in [
            ("42", 10, Ok(42)),
            (" -1_000 ", 10, Ok(-1000)),
            ("+7", 10, Ok(7)),
            ("0x1F", 10, Ok(31)),
            ("-0b101", 10, Ok(-5)),
            ("ff", 16, Ok(255)),
            ("zz", 36, Ok(1295)),
            ("9223372036854775807", 10, Ok(i64::MAX)),
            ("-9223372036854775808", 10, Ok(i64::MIN)),
            ("9223372036854775808", 10, Err(NumberError::TooLarge)),
            ("", 10, Err(NumberError::Malformed)),
            ("-", 10, Err(NumberError::Malformed)),
            ("1__0", 10, Err(NumberError::Malformed)),
            ("_1", 10, Err(NumberError::Malformed)),
            ("1_", 10, Err(NumberError::Malformed)),
            ("1.5", 10, Err(NumberError::Malformed)),
            ("0x", 10, Err(NumberError::Malformed)),
            ("12", 2, Err(NumberError::Malformed)),
            ("12", 1, Err(NumberError::Malformed)),
            ("12", 37, Err(NumberError::Malformed)),
        ] {
            assert_eq!(parse_int(text, base), expected, "{text:?} in base {base}");
        }
    }

    #[test]
    fn floats_from_text() {
        for (text, expected) in [
            ("1.5", Some(1.5)),
            ("-1e3", Some(-1000.0)),
            ("1_000.25", Some(1000.25)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("7", Some(7.0)),
            ("inf", Some(f64::INFINITY)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("infinity", None),
            ("1e", None),
            (".", None),
            ("", None),
            ("1.5x", None),
            ("0x10", None),
        ] {
            assert_eq!(parse_float(text), expected, "{text:?}");
        }
    }

    #[test]
    fn floats_to_text() {
        for (f, expected) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e300, "1e300"),
            (1e15, "1000000000000000.0"),
            (123456.789, "123456.789"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (0.30000000000000004, "0.30000000000000004"),
        ] {
            assert_eq!(float_to_string(f), expected);
        }
    }

    #[test]
    fn bases() {
        assert_eq!(int_to_string(255, 16), "ff");
        assert_eq!(int_to_string(i64::MIN, 2), format!("-1{}", "0".repeat(63)));
        assert_eq!(int_to_string(0, 8), "0");
        assert_eq!(int_pow(-1, u64::MAX), Some(-1));
        assert_eq!(int_pow(2, 63), None);
        assert_eq!(int_pow(-2, 63), Some(i64::MIN));
    }
}
