//! The module `math`: natives behind its names.

use crate::args;
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::native::{ANY, NativeRow};
use corella_vm::object::compare::{self, Compared};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use num_integer::Integer;
use std::cell::Cell;
use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

/// The functions of `math`, each known to the module's script part as `__math_NAME`.
pub(crate) static ROWS: &[NativeRow] = &[
    ("sqrt", 1, 1, |t, a| float(t, a, "math.sqrt", f64::sqrt), "Square root."),
    ("cbrt", 1, 1, |t, a| float(t, a, "math.cbrt", f64::cbrt), "Cube root."),
    ("sin", 1, 1, |t, a| float(t, a, "math.sin", f64::sin), "Sine of an angle in radians."),
    ("cos", 1, 1, |t, a| float(t, a, "math.cos", f64::cos), "Cosine of an angle in radians."),
    ("tan", 1, 1, |t, a| float(t, a, "math.tan", f64::tan), "Tangent of an angle in radians."),
    ("asin", 1, 1, |t, a| float(t, a, "math.asin", f64::asin), "The angle whose sine is given."),
    ("acos", 1, 1, |t, a| float(t, a, "math.acos", f64::acos), "The angle whose cosine is given."),
    ("atan", 1, 1, |t, a| float(t, a, "math.atan", f64::atan), "The angle whose tangent is given."),
    ("sinh", 1, 1, |t, a| float(t, a, "math.sinh", f64::sinh), "Hyperbolic sine."),
    ("cosh", 1, 1, |t, a| float(t, a, "math.cosh", f64::cosh), "Hyperbolic cosine."),
    ("tanh", 1, 1, |t, a| float(t, a, "math.tanh", f64::tanh), "Hyperbolic tangent."),
    ("exp", 1, 1, |t, a| float(t, a, "math.exp", f64::exp), "e to the power of x."),
    ("log2", 1, 1, |t, a| float(t, a, "math.log2", f64::log2), "Logarithm to base 2."),
    ("log10", 1, 1, |t, a| float(t, a, "math.log10", f64::log10), "Logarithm to base 10."),
    ("log", 1, 2, log, "Natural logarithm, or that to `base`."),
    (
        "atan2",
        2,
        2,
        |t, a| float2(t, a, "math.atan2", f64::atan2),
        "The angle of the point (x, y), given y first.",
    ),
    ("hypot", 2, 2, |t, a| float2(t, a, "math.hypot", f64::hypot), "Length of the hypotenuse."),
    ("pow", 2, 2, |t, a| float2(t, a, "math.pow", f64::powf), "x to the power of y, as a float."),
    ("floor", 1, 1, |t, a| whole(t, a, "math.floor", f64::floor), "The greatest int that is not greater."),
    ("ceil", 1, 1, |t, a| whole(t, a, "math.ceil", f64::ceil), "The least int that is not less."),
    ("round", 1, 1, |t, a| whole(t, a, "math.round", f64::round), "The nearest int, halves away from 0."),
    ("trunc", 1, 1, |t, a| whole(t, a, "math.trunc", f64::trunc), "As an int, the fraction cut off."),
    ("abs", 1, 1, abs, "Without its sign, of the same type."),
    ("sign", 1, 1, sign, "-1, 0 or 1."),
    ("min", 1, ANY, |t, a| extreme(t, a, "math.min", Ordering::Less), "The least argument."),
    ("max", 1, ANY, |t, a| extreme(t, a, "math.max", Ordering::Greater), "The greatest argument."),
    (
        "clamp",
        3,
        3,
        |t, a| clamped(t, "math.clamp", a),
        "x, but not less than `low` and not more than `high`.",
    ),
    ("gcd", 2, 2, gcd, "Greatest common divisor of two ints."),
    ("lcm", 2, 2, lcm, "Least common multiple of two ints."),
    ("random", 0, 0, random, "A random float from 0.0 to below 1.0."),
    ("random_int", 2, 2, random_int, "A random int from `low` to `high`, both included."),
    ("seed", 1, 1, seed, "Makes what `random` and `random_int` give on this thread repeatable."),
];

fn float(thread: &mut Thread, args: &[Value], name: &str, f: fn(f64) -> f64) -> Outcome {
    let x = args::number(thread, name, "x", args[0])?;
    Ok(thread.heap.float(f(x))?)
}

fn float2(thread: &mut Thread, args: &[Value], name: &str, f: fn(f64, f64) -> f64) -> Outcome {
    let x = args::number(thread, name, "the first argument", args[0])?;
    let y = args::number(thread, name, "the second argument", args[1])?;
    Ok(thread.heap.float(f(x, y))?)
}

fn whole(thread: &mut Thread, args: &[Value], name: &str, f: fn(f64) -> f64) -> Outcome {
    if args[0].as_int().is_some() {
        return Ok(args[0]);
    }
    let x = args::number(thread, name, "x", args[0])?;
    crate::int::from_float(thread, name, f(x))
}

fn log(thread: &mut Thread, args: &[Value]) -> Outcome {
    let x = args::number(thread, "math.log", "x", args[0])?;
    let result = match args::optional(args, 1) {
        Value::NULL => x.ln(),
        base => x.ln() / args::number(thread, "math.log", "base", base)?.ln(),
    };
    Ok(thread.heap.float(result)?)
}

fn abs(thread: &mut Thread, args: &[Value]) -> Outcome {
    match (args[0].as_int(), args[0].as_float()) {
        (Some(i), _) => match i.checked_abs() {
            Some(i) => Ok(thread.heap.int(i)?),
            None => {
                let message =
                    format!("math.abs: -({i}) does not fit in an int: use BigInt for larger numbers");
                Err(thread.error(ErrorClass::OverflowError, message))
            }
        },
        (None, Some(f)) => Ok(thread.heap.float(f.abs())?),
        (None, None) => Err(args::wrong(thread, "math.abs", "x", "a number", args[0])),
    }
}

fn sign(thread: &mut Thread, args: &[Value]) -> Outcome {
    let x = args::number(thread, "math.sign", "x", args[0])?;
    Ok(Value::int_unchecked(i64::from(x > 0.0) - i64::from(x < 0.0)))
}

fn extreme(thread: &mut Thread, args: &[Value], name: &str, wanted: Ordering) -> Outcome {
    let mut best = args[0];
    for value in args {
        match compare::compare_numbers(*value, best) {
            Compared::Ordered(order) if order == wanted => best = *value,
            Compared::Ordered(_) => {}
            // NaN wins over everything.
            Compared::Unordered => return Ok(thread.heap.float(f64::NAN)?),
            Compared::Incomparable => {
                // One of the two is the culprit; the first argument is compared with itself.
                let culprit = if value.as_number().is_some() { best } else { *value };
                return Err(args::wrong(thread, name, "each argument", "a number", culprit));
            }
        }
    }
    Ok(best)
}

/// `x` (the first argument), but not less than the second and not more than the third.
pub(crate) fn clamped(thread: &mut Thread, name: &str, args: &[Value]) -> Outcome {
    let order = |a: Value, b: Value| match compare::compare_numbers(a, b) {
        Compared::Ordered(order) => Some(order),
        _ => None,
    };
    for (value, param) in args.iter().zip(["x", "low", "high"]) {
        args::number(thread, name, param, *value)?;
    }
    let (x, low, high) = (args[0], args[1], args[2]);
    if order(low, high).is_none_or(|order| order == Ordering::Greater) {
        let message = format!("{name}: low must not be greater than high");
        return Err(thread.error(ErrorClass::ValueError, message));
    }
    Ok(match (order(x, low), order(x, high)) {
        (Some(Ordering::Less), _) => low,
        (_, Some(Ordering::Greater)) => high,
        _ => x,
    })
}

fn gcd(thread: &mut Thread, args: &[Value]) -> Outcome {
    let a = args::int(thread, "math.gcd", "the first argument", args[0])?;
    let b = args::int(thread, "math.gcd", "the second argument", args[1])?;
    let gcd = a.unsigned_abs().gcd(&b.unsigned_abs());
    match i64::try_from(gcd) {
        Ok(gcd) => Ok(thread.heap.int(gcd)?),
        Err(_) => Err(thread.error(ErrorClass::OverflowError, "math.gcd: the result does not fit in an int")),
    }
}

fn lcm(thread: &mut Thread, args: &[Value]) -> Outcome {
    let a = args::int(thread, "math.lcm", "the first argument", args[0])?;
    let b = args::int(thread, "math.lcm", "the second argument", args[1])?;
    let (a, b) = (a.unsigned_abs(), b.unsigned_abs());
    let lcm = if a == 0 || b == 0 { Some(0) } else { (a / a.gcd(&b)).checked_mul(b) };
    match lcm.and_then(|lcm| i64::try_from(lcm).ok()) {
        Some(lcm) => Ok(thread.heap.int(lcm)?),
        None => Err(thread.error(ErrorClass::OverflowError, "math.lcm: the result does not fit in an int")),
    }
}

thread_local! {
    /// State of this OS thread's generator; 0 before it is used or seeded. A script thread has an OS thread of its own.
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// The next 64 random bits: a counter with a fixed stride, mixed (the generator known as SplitMix64).
fn random_bits() -> u64 {
    RANDOM.with(|state| {
        let mut x = match state.get() {
            0 => RandomState::new().hash_one(0u8) | 1,
            x => x,
        }
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(x);
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    })
}

fn random(thread: &mut Thread, _: &[Value]) -> Outcome {
    let fraction = (random_bits() >> 11) as f64 / (1u64 << 53) as f64;
    Ok(thread.heap.float(fraction)?)
}

fn random_int(thread: &mut Thread, args: &[Value]) -> Outcome {
    let low = args::int(thread, "math.random_int", "low", args[0])?;
    let high = args::int(thread, "math.random_int", "high", args[1])?;
    if low > high {
        let message = format!("math.random_int: low must not be greater than high, but {low} > {high}");
        return Err(thread.error(ErrorClass::ValueError, message));
    }
    let span = high.abs_diff(low);
    // Drawn again where the last, incomplete round of the span would favour small numbers.
    let offset = match span.checked_add(1) {
        None => random_bits(),
        Some(count) => loop {
            let bits = random_bits();
            if bits < u64::MAX - u64::MAX % count {
                break bits % count;
            }
        },
    };
    Ok(thread.heap.int(low.wrapping_add(offset as i64))?)
}

fn seed(thread: &mut Thread, args: &[Value]) -> Outcome {
    let n = args::int(thread, "math.seed", "n", args[0])?;
    RANDOM.with(|state| state.set((n as u64).wrapping_mul(0xd134_2543_de82_ef95) | 1));
    Ok(Value::NULL)
}
