//! Arithmetic beyond the loop's fast paths: boxed numbers, mixed types, overflow, big integers, strings, hooks.

use super::describe::type_name;
use crate::bytecode::Op;
use crate::class::{ErrorClass, Member};
use crate::error::{Control, Outcome};
use crate::object::{Kind, bigint, string};
use crate::symbol::{Symbol, sym};
use crate::thread::Thread;
use crate::value::Value;
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

/// `x % y` with the dividend's sign; `None` if `y` is zero. The one overflowing pair gives 0.
#[inline(always)]
pub fn checked_mod(x: i64, y: i64) -> Option<i64> {
    if y == 0 { None } else { Some(x.wrapping_rem(y)) }
}

/// `x << y` if no bit is lost and `y` is a sane count.
#[inline(always)]
pub fn checked_shl(x: i64, y: i64) -> Option<i64> {
    if !(0..64).contains(&y) {
        return None;
    }
    let r = x << y;
    if r >> y == x { Some(r) } else { None }
}

/// `x >> y`, keeping the sign, if `y` is a sane count.
#[inline(always)]
pub fn checked_shr(x: i64, y: i64) -> Option<i64> {
    (0..64).contains(&y).then(|| x >> y)
}

/// `x >>> y`, filling with zeros, if `y` is a sane count.
#[inline(always)]
pub fn checked_ushr(x: i64, y: i64) -> Option<i64> {
    (0..64).contains(&y).then(|| (x as u64 >> y) as i64)
}

/// The error of an integer operation that gave `None`.
#[cold]
pub fn int_error(thread: &mut Thread, op: Op, x: i64, y: i64) -> Control {
    // A constant is subtracted by adding its opposite.
    let (op, y) = if op == Op::IAddI && y < 0 { (Op::ISub, -y) } else { (op, y) };
    let (symbol, kind) = match op {
        Op::IAdd | Op::IAddI | Op::Add => ("+", 0),
        Op::ISub | Op::Sub => ("-", 0),
        Op::IMul | Op::IMulI | Op::Mul => ("*", 0),
        Op::IDiv | Op::IDivI | Op::Div => ("/", 1),
        Op::IMod | Op::IModI | Op::Mod => ("%", 1),
        Op::IShl | Op::IShlI | Op::Shl => ("<<", 2),
        Op::IShr | Op::IShrI | Op::Shr => (">>", 2),
        Op::IUShr | Op::UShr => (">>>", 2),
        Op::Pow => ("**", 0),
        _ => ("-", 3),
    };
    match kind {
        1 if y == 0 => thread.error(ErrorClass::DivisionByZero, format!("{x} {symbol} 0: test the divisor first, or divide floats")),
        2 if !(0..64).contains(&y) => {
            thread.error(ErrorClass::ValueError, format!("{x} {symbol} {y}: the count of a shift is between 0 and 63"))
        }
        3 => thread.error(ErrorClass::OverflowError, format!("-({x}) does not fit in an int: use BigInt for larger numbers")),
        _ => thread.error(
            ErrorClass::OverflowError,
            format!("{x} {symbol} {y} does not fit in an int: use BigInt for larger numbers, or int.wrapping_{} to wrap", wrapping_name(symbol)),
        ),
    }
}

fn wrapping_name(symbol: &str) -> &'static str {
    match symbol {
        "+" => "add",
        "-" => "sub",
        "<<" => "shl",
        _ => "mul",
    }
}

/// The integer part of a float.
pub fn float_to_int(thread: &mut Thread, f: f64) -> Outcome<i64> {
    let t = f.trunc();
    // 2^63 is a float, i64::MAX is not.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&t) {
        Ok(t as i64)
    } else {
        Err(thread.error(ErrorClass::RangeError, format!("{f:?} does not fit in an int")))
    }
}

struct BinaryOp {
    op: Op,
    symbol: &'static str,
    hook: Symbol,
    int: fn(i64, i64) -> Option<i64>,
    float: Option<fn(f64, f64) -> f64>,
    big: fn(&BigInt, &BigInt) -> Option<BigInt>,
}

macro_rules! binary {
    ($(#[doc = $doc:literal])* $name:ident, $op:ident, $symbol:literal, $hook:ident, $int:expr, $float:expr, $big:expr) => {
        $(#[doc = $doc])*
        #[cold]
        #[inline(never)]
        pub fn $name(thread: &mut Thread, x: Value, y: Value) -> Outcome {
            binary(thread, &BinaryOp { op: Op::$op, symbol: $symbol, hook: sym::$hook, int: $int, float: $float, big: $big }, x, y)
        }
    };
}

binary!(
    /// `x - y`.
    sub, Sub, "-", SUB, i64::checked_sub, Some(|x, y| x - y), |x, y| Some(x - y)
);
binary!(
    /// `x * y`.
    mul, Mul, "*", MUL, i64::checked_mul, Some(|x, y| x * y), |x, y| Some(x * y)
);
binary!(
    /// `x / y`.
    div, Div, "/", DIV, i64::checked_div, Some(|x, y| x / y), |x, y| if y.is_zero() { None } else { Some(x / y) }
);
binary!(
    /// `x % y`.
    modulo, Mod, "%", MOD, checked_mod, Some(|x, y| x % y), |x, y| if y.is_zero() { None } else { Some(x % y) }
);
binary!(
    /// `x & y`.
    bit_and, BitAnd, "&", BIT_AND, |x, y| Some(x & y), None, |x, y| Some(x & y)
);
binary!(
    /// `x | y`.
    bit_or, BitOr, "|", BIT_OR, |x, y| Some(x | y), None, |x, y| Some(x | y)
);
binary!(
    /// `x ^ y`.
    bit_xor, BitXor, "^", BIT_XOR, |x, y| Some(x ^ y), None, |x, y| Some(x ^ y)
);
binary!(
    /// `x << y`.
    shl, Shl, "<<", SHL, checked_shl, None, |x, y| y.to_u32().filter(|n| *n < 1 << 26).map(|n| x << n)
);
binary!(
    /// `x >> y`.
    shr, Shr, ">>", SHR, checked_shr, None, |x, y| y.to_u32().map(|n| x >> n)
);
binary!(
    /// `x >>> y`.
    ushr, UShr, ">>>", SHR, checked_ushr, None, |_, _| None
);

#[cold]
#[inline(never)]
fn add_numbers(thread: &mut Thread, x: Value, y: Value) -> Outcome {
    let op = BinaryOp {
        op: Op::Add,
        symbol: "+",
        hook: sym::ADD,
        int: i64::checked_add,
        float: Some(|x, y| x + y),
        big: |x, y| Some(x + y),
    };
    binary(thread, &op, x, y)
}

/// `x + y`.
pub fn add(thread: &mut Thread, x: Value, y: Value) -> Outcome {
    if x.is_kind(Kind::Str) && y.is_kind(Kind::Str) {
        return concat(thread, &[x, y]);
    }
    add_numbers(thread, x, y)
}

/// The strings joined; all of `parts` must be strings.
pub fn concat(thread: &mut Thread, parts: &[Value]) -> Outcome {
    if let Some(wrong) = parts.iter().find(|part| !part.is_kind(Kind::Str)) {
        let found = type_name(thread, *wrong);
        return Err(thread.error(ErrorClass::TypeError, format!("cannot join {found} into a string")));
    }
    let bytes: usize = parts.iter().map(|part| string::len(*part)).sum();
    thread.charge(bytes as u64 / 16);
    if bytes > string::MAX_BYTES {
        return Err(thread.error(ErrorClass::LimitError, "a string cannot be longer than 4 GiB"));
    }
    Ok(string::concat(&mut thread.heap, parts)?)
}

fn binary(thread: &mut Thread, op: &BinaryOp, x: Value, y: Value) -> Outcome {
    if let (Some(a), Some(b)) = (x.as_int(), y.as_int()) {
        return match (op.int)(a, b) {
            Some(r) => Ok(thread.heap.int(r)?),
            None => Err(int_error(thread, op.op, a, b)),
        };
    }
    if let (Some(a), Some(b)) = (x.as_number(), y.as_number()) {
        if let Some(float) = op.float {
            return Ok(thread.heap.float(float(a, b))?);
        }
    } else if x.is_kind(Kind::BigInt) || y.is_kind(Kind::BigInt) {
        if let (Some(a), Some(b)) = (bigint::get_integer(x), bigint::get_integer(y)) {
            thread.charge(a.bits() / 64 * (b.bits() / 64) / 8 + 1);
            return match (op.big)(&a, &b) {
                Some(r) => Ok(bigint::new(&mut thread.heap, &r)?),
                None if b.is_zero() => {
                    Err(thread.error(ErrorClass::DivisionByZero, format!("{a} {} 0", op.symbol)))
                }
                None => Err(thread
                    .error(ErrorClass::ValueError, format!("{b} does not serve as the count of a shift"))),
            };
        }
        if let (Some(a), Some(b), Some(float)) = (big_number(x), big_number(y), op.float) {
            return Ok(thread.heap.float(float(a, b))?);
        }
    }
    if let Some(hook) = hook(thread, x, op.hook) {
        return Err(Control::call(hook, &[x, y]));
    }
    Err(no_operator(thread, op.symbol, x, y))
}

fn big_number(v: Value) -> Option<f64> {
    v.as_number().or_else(|| bigint::get(v).and_then(|b| b.to_f64()))
}

/// The hook method `name` of an instance (or of what a proxy stands for).
pub fn hook(thread: &Thread, x: Value, name: Symbol) -> Option<Value> {
    let class = match x.kind()? {
        Kind::Instance => thread.vm.class_of(x),
        // What built-in classes have under these names is for their own objects.
        Kind::Proxy if super::proxies::is_instance(x) => super::proxies::target_class(thread, x),
        _ => return None,
    };
    match class.member(name) {
        Some(Member::Method(function)) => Some(function),
        _ => None,
    }
}

#[cold]
fn no_operator(thread: &mut Thread, symbol: &str, x: Value, y: Value) -> Control {
    let (a, b) = (type_name(thread, x), type_name(thread, y));
    let hint = if symbol == "+" && (x.is_kind(Kind::Str) || y.is_kind(Kind::Str)) {
        ": write a template `${a}${b}` or string(x) to join"
    } else if x.is_null() || y.is_null() {
        ": is a variable not set, or a result missing?"
    } else {
        ""
    };
    thread.error(ErrorClass::TypeError, format!("no operator {symbol} for {a} and {b}{hint}"))
}

/// `x ** y`.
#[cold]
#[inline(never)]
pub fn pow(thread: &mut Thread, x: Value, y: Value) -> Outcome {
    if let (Some(a), Some(b)) = (x.as_int(), y.as_int()) {
        if b < 0 {
            return Ok(thread.heap.float((a as f64).powf(b as f64))?);
        }
        return match u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).or(if a == 1 || a == 0 {
            Some(a)
        } else {
            None
        }) {
            Some(r) => Ok(thread.heap.int(r)?),
            None if a == -1 => Ok(Value::int_unchecked(if b % 2 == 0 { 1 } else { -1 })),
            None => Err(int_error(thread, Op::Pow, a, b)),
        };
    }
    if x.is_kind(Kind::BigInt) || y.is_kind(Kind::BigInt) {
        if let (Some(a), Some(b)) = (bigint::get_integer(x), bigint::get_integer(y)) {
            if b.is_negative() {
                return Err(
                    thread.error(ErrorClass::ValueError, "a BigInt cannot be raised to a negative power")
                );
            }
            let bits = b.to_u64().and_then(|b| b.checked_mul(a.bits())).filter(|bits| *bits < 1 << 32);
            let Some((b, bits)) = b.to_u32().zip(bits) else {
                return Err(thread.error(ErrorClass::LimitError, "the power is too large to compute"));
            };
            thread.charge(bits / 64);
            return Ok(bigint::new(&mut thread.heap, &a.pow(b))?);
        }
    }
    if let (Some(a), Some(b)) = (big_number(x), big_number(y)) {
        return Ok(thread.heap.float(a.powf(b))?);
    }
    if let Some(hook) = hook(thread, x, sym::POW) {
        return Err(Control::call(hook, &[x, y]));
    }
    Err(no_operator(thread, "**", x, y))
}

/// `-x`.
pub fn neg(thread: &mut Thread, x: Value) -> Outcome {
    if let Some(a) = x.as_int() {
        return match a.checked_neg() {
            Some(r) => Ok(thread.heap.int(r)?),
            None => Err(int_error(thread, Op::INeg, a, 0)),
        };
    }
    if let Some(f) = x.as_float() {
        return Ok(thread.heap.float(-f)?);
    }
    if let Some(b) = bigint::get(x) {
        return Ok(bigint::new(&mut thread.heap, &-b)?);
    }
    unary(thread, "-", x, sym::NEG)
}

/// `~x`.
pub fn bit_not(thread: &mut Thread, x: Value) -> Outcome {
    if let Some(a) = x.as_int() {
        return Ok(thread.heap.int(!a)?);
    }
    if let Some(b) = bigint::get(x) {
        return Ok(bigint::new(&mut thread.heap, &!b)?);
    }
    unary(thread, "~", x, sym::BIT_NOT)
}

fn unary(thread: &mut Thread, symbol: &str, x: Value, name: Symbol) -> Outcome {
    if let Some(hook) = hook(thread, x, name) {
        return Err(Control::call(hook, &[x]));
    }
    let found = type_name(thread, x);
    Err(thread.error(ErrorClass::TypeError, format!("no operator {symbol} for {found}")))
}
