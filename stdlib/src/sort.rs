//! Sorting without hooks: stable, by the order of numbers or of strings.

use corella_vm::object::compare::{self, Compared};
use corella_vm::object::{Kind, string};
use corella_vm::value::Value;
use std::cmp::Ordering;

/// Sorts values that are all numbers or all strings; false (and unchanged) for anything else. NaNs come last.
pub(crate) fn sort(values: &mut [Value]) -> bool {
    if values.iter().all(|value| value.is_small_int()) {
        // Equal ones are the same: their order cannot be told, and takes no memory.
        values.sort_unstable_by_key(|value| value.small_int_unchecked());
    } else if values.iter().all(|value| value.is_kind(Kind::Str)) {
        values.sort_by(|a, b| string::bytes_of(*a).cmp(string::bytes_of(*b)));
    } else if values.iter().all(|value| value.as_number().is_some() || value.is_kind(Kind::BigInt)) {
        values.sort_by(|a, b| match compare::compare_numbers(*a, *b) {
            Compared::Ordered(order) => order,
            _ => is_nan(*a).cmp(&is_nan(*b)),
        });
    } else {
        return values.len() < 2;
    }
    true
}

fn is_nan(value: Value) -> bool {
    value.as_float().is_some_and(f64::is_nan)
}

/// What sorting so many values costs, in units of `Thread::charge`.
pub(crate) fn cost(len: usize) -> u64 {
    let len = len as u64;
    len * u64::from(len.max(1).ilog2() + 1) / 4
}

/// Order of floats with NaNs last, for typed arrays.
pub(crate) fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_kinds_and_nan() {
        let float = |f| Value::small_float(f).unwrap();
        let int = Value::int_unchecked;
        let mut values = [float(2.5), int(3), float(f64::NAN), int(-1), float(-0.5), int(2)];
        assert!(sort(&mut values));
        assert_eq!(values, [int(-1), float(-0.5), int(2), float(2.5), int(3), float(f64::NAN)]);
        assert!(!sort(&mut [int(1), Value::NULL]));
        assert!(sort(&mut [Value::NULL]));
        assert_eq!((cost(0), cost(1)), (0, 0));
    }
}
