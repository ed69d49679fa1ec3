//! `==` without hooks, and equality of map keys.

use super::compare::{self, Compared};
use super::proxy::Proxy;
use super::{Header, Kind, range, string};
use crate::value::Value;
use std::cmp::Ordering;

/// The language's `==` where no hook applies: numbers, strings, bytes and ranges by value, a proxy as its target,
/// everything else by identity. Any thread may ask, within its slice.
#[inline]
pub fn same_value(a: Value, b: Value) -> bool {
    if a.bits() == b.bits() {
        // NaN, which has one form only, is the one value that differs from itself.
        return a.is_object() || a.is_small_int() || a.is_tagged_float() || !is_nan(a);
    }
    if a.is_small_int() && b.is_small_int() {
        return false;
    }
    same_slowly(a, b)
}

/// Equality of map keys: as `==`, but NaN equals itself.
#[inline]
pub fn same_key(a: Value, b: Value) -> bool {
    a.bits() == b.bits() || !(a.is_small_int() && b.is_small_int()) && same_slowly(a, b)
}

#[cold]
fn is_nan(value: Value) -> bool {
    value.as_float().is_some_and(f64::is_nan)
}

fn same_slowly(a: Value, b: Value) -> bool {
    match (a.kind(), b.kind()) {
        (Some(Kind::Str), Some(Kind::Str)) | (Some(Kind::Bytes), Some(Kind::Bytes)) => string::same(a, b),
        (Some(Kind::Range), Some(Kind::Range)) => range::bounds(a) == range::bounds(b),
        (Some(Kind::Proxy), Some(_)) | (Some(_), Some(Kind::Proxy)) => identity(a) == identity(b),
        (Some(Kind::Thread), Some(Kind::Thread)) => {
            super::handle::thread_id(a) == super::handle::thread_id(b)
        }
        (Some(Kind::Instance), _) | (_, Some(Kind::Instance)) => false,
        _ => compare::compare_numbers(a, b) == Compared::Ordered(Ordering::Equal),
    }
}

/// The address that makes an object what it is: its own, or a proxy's target's.
pub fn identity(value: Value) -> *mut Header {
    if value.is_kind(Kind::Proxy) {
        // SAFETY: the kind was checked; a proxy's target never changes.
        unsafe { (*value.pointer().cast::<Proxy>()).target }
    } else {
        value.pointer()
    }
}
