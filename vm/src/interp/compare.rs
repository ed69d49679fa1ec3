//! Truth, equality, order, membership.

use super::arith::hook;
use super::describe::type_name;
use super::proxies;
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::object::{Kind, array, compare as order, equality, map, range, string};
use crate::symbol::sym;
use crate::thread::Thread;
use crate::value::Value;
use std::cmp::Ordering;
use std::sync::atomic;

/// Truth value: null, false, 0, 0.0 and "" are false.
#[inline(always)]
pub fn truthy(v: Value) -> bool {
    match v {
        Value::TRUE => true,
        Value::FALSE | Value::NULL => false,
        _ if v.is_small_int() => v.small_int_unchecked() != 0,
        _ => uncommon_truth(v),
    }
}

fn uncommon_truth(v: Value) -> bool {
    match v.kind() {
        None => v.as_float() != Some(0.0),
        Some(Kind::Str) => string::len(v) != 0,
        Some(Kind::BigInt) => crate::object::bigint::parts(v).is_some_and(|(_, digits)| !digits.is_empty()),
        Some(_) => true,
    }
}

/// `x == y`, with the hook `equals` of an instance on the left.
pub fn equal(thread: &mut Thread, x: Value, y: Value) -> Outcome<bool> {
    if x == y && (x.is_object() && !x.is_kind(Kind::BoxFloat) || x.as_float().is_none()) {
        return Ok(true);
    }
    if x.is_object() {
        if x.is_kind(Kind::Proxy) || y.is_kind(Kind::Proxy) {
            if proxies::same_target(x, y) {
                return Ok(true);
            }
        }
        if !y.is_null() {
            if let Some(hook) = equals_hook(thread, x) {
                return Err(Control::call(hook, &[x, y]));
            }
        }
    }
    Ok(equality::same_value(x, y))
}

/// The hook `equals` of an instance, or of what a proxy stands for. Most classes have none, and remember it.
pub fn equals_hook(thread: &Thread, x: Value) -> Option<Value> {
    if !x.is_kind(Kind::Instance) {
        return hook(thread, x, sym::EQUALS);
    }
    let epoch = thread.vm.method_epoch.load(atomic::Ordering::Acquire);
    let class = thread.vm.class_of(x);
    if class.plain_equality.load(atomic::Ordering::Relaxed) == epoch {
        return None;
    }
    let found = hook(thread, x, sym::EQUALS);
    if found.is_none() {
        class.plain_equality.store(epoch, atomic::Ordering::Relaxed);
    }
    found
}

macro_rules! relation {
    ($(#[doc = $doc:literal])* $name:ident, $symbol:literal, |$o:ident| $test:expr) => {
        $(#[doc = $doc])*
        #[cold]
        #[inline(never)]
        pub fn $name(thread: &mut Thread, x: Value, y: Value) -> Outcome<bool> {
            match ordering(thread, $symbol, x, y)? {
                Some($o) => Ok($test),
                None => Ok(false),
            }
        }
    };
}

relation!(
    /// `x < y`.
    less, "<", |o| o == Ordering::Less
);
relation!(
    /// `x <= y`.
    less_equal, "<=", |o| o != Ordering::Greater
);
relation!(
    /// `x > y`.
    greater, ">", |o| o == Ordering::Greater
);
relation!(
    /// `x >= y`.
    greater_equal, ">=", |o| o != Ordering::Less
);

fn ordering(thread: &mut Thread, symbol: &str, x: Value, y: Value) -> Outcome<Option<Ordering>> {
    match order::compare(x, y) {
        order::Compared::Ordered(o) => Ok(Some(o)),
        order::Compared::Unordered => Ok(None),
        order::Compared::Incomparable => {
            if let Some(hook) = hook(thread, x, sym::COMPARE) {
                return Err(Control::call(hook, &[x, y]));
            }
            let (a, b) = (type_name(thread, x), type_name(thread, y));
            Err(thread.error(
                ErrorClass::TypeError,
                format!("cannot compare {a} {symbol} {b}: give the class a method compare(other)"),
            ))
        }
    }
}

/// `x in container`.
pub fn contains(thread: &mut Thread, x: Value, container: Value) -> Outcome {
    let found = match container.kind() {
        Some(Kind::Array) => {
            let elements = array::elements(container.pointer().cast());
            thread.charge(elements.len() as u64 / 4);
            elements.iter().any(|slot| equality::same_value(slot.get(), x))
        }
        Some(Kind::Map) => {
            if super::index::needs_key_hooks(thread, x) {
                return super::index::hooked_call(thread, "__map_has", &[container, x]);
            }
            map::get(container.pointer().cast(), x).is_some()
        }
        Some(Kind::Str) => match x.is_kind(Kind::Str) {
            true => {
                thread.charge(string::len(container) as u64 / 16);
                string::contains(container, x)
            }
            false => {
                let found = type_name(thread, x);
                return Err(
                    thread.error(ErrorClass::TypeError, format!("a string contains strings, not {found}"))
                );
            }
        },
        Some(Kind::Range) => match (x.as_int(), range::bounds(container)) {
            (Some(n), Some(bounds)) => bounds.contains(n),
            _ => false,
        },
        Some(Kind::IntArray | Kind::FloatArray) => crate::object::typed::contains(container, x),
        Some(Kind::Bytes) => x
            .as_int()
            .is_some_and(|n| u8::try_from(n).is_ok_and(|b| string::bytes_of(container).contains(&b))),
        Some(Kind::Proxy) => return proxies::contains(thread, x, container),
        _ => {
            if let Some(hook) = hook(thread, container, sym::CONTAINS) {
                return Err(Control::call(hook, &[container, x]));
            }
            let found = type_name(thread, container);
            return Err(thread.error(ErrorClass::TypeError, format!("{found} is not something to look in: `in` works on arrays, maps, strings, ranges and objects with a method contains(x)")));
        }
    };
    Ok(Value::bool(found))
}
