//! Elements: indexing, slices, literals.

use super::arith::hook;
use super::describe::type_name;
use super::proxies;
use crate::bytecode::Instr;
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::object::typed::{RawBuffer, TypedArray};
use crate::object::{Kind, array, map, range, string, typed};
use crate::symbol::sym;
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether a key's hash or equality is defined by script methods (or it is a proxy of such an object).
pub fn needs_key_hooks(thread: &Thread, key: Value) -> bool {
    key.is_object() && hook(thread, key, sym::HASH).is_some()
}

/// Asks for a call of a prelude function that serves keys with hooks.
pub fn hooked_call(thread: &mut Thread, name: &str, args: &[Value]) -> Outcome {
    match thread.vm.builtin(name) {
        Some(function) => Err(Control::call(function, args)),
        None => Err(thread.error(ErrorClass::StateError, format!("the library function {name} is missing"))),
    }
}

#[cold]
fn out_of_range(thread: &mut Thread, what: &str, index: i64, len: usize) -> Control {
    let range = match len {
        0 => "it is empty".to_owned(),
        n => format!("valid are {} to {}", -(n as i64), n - 1),
    };
    thread.error(ErrorClass::RangeError, format!("{what} index {index} is out of range: {range}"))
}

/// A possibly negative index as a position below `len`.
pub fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|i| *i < len)
}

fn int_index(thread: &mut Thread, what: &str, key: Value) -> Outcome<i64> {
    match key.as_int() {
        Some(i) => Ok(i),
        None => {
            let found = type_name(thread, key);
            Err(thread
                .error(ErrorClass::TypeError, format!("the index of {what} must be an int, not {found}")))
        }
    }
}

/// `object[key]`.
pub fn get(thread: &mut Thread, object: Value, key: Value) -> Outcome {
    match object.kind() {
        Some(Kind::Array | Kind::Str | Kind::Bytes | Kind::IntArray | Kind::FloatArray)
            if key.is_kind(Kind::Range) =>
        {
            let bounds = range::bounds(key).expect("the kind was checked");
            let (start, end) = (Value::small_int(bounds.start), Value::small_int(bounds.end));
            let (start, end) = (start.unwrap_or(Value::NULL), end.unwrap_or(Value::NULL));
            return slice(thread, object, start, end, bounds.inclusive);
        }
        Some(Kind::Array) => {
            let index = int_index(thread, "an array", key)?;
            let elements = array::from_value(object).expect("the kind was checked");
            let len = array::len(elements);
            match position(index, len).and_then(|i| array::get(elements, i)) {
                Some(v) => return Ok(v),
                None => return Err(out_of_range(thread, "array", index, len)),
            }
        }
        Some(Kind::Map) => {
            if needs_key_hooks(thread, key) {
                return hooked_call(thread, "__map_get", &[object, key]);
            }
            return match map::get(object.pointer().cast(), key) {
                Some(v) => Ok(v),
                None => Err(no_key(thread, key)),
            };
        }
        Some(Kind::Str) => {
            let index = int_index(thread, "a string", key)?;
            let len = string::chars(object);
            return match position(index, len) {
                Some(i) => Ok(string::char_at(&mut thread.heap, object, i)?),
                None => Err(out_of_range(thread, "string", index, len)),
            };
        }
        Some(Kind::Bytes) => {
            let index = int_index(thread, "bytes", key)?;
            let bytes = string::bytes_of(object);
            return match position(index, bytes.len()) {
                Some(i) => Ok(Value::int_unchecked(bytes[i] as i64)),
                None => {
                    let len = bytes.len();
                    Err(out_of_range(thread, "bytes", index, len))
                }
            };
        }
        Some(Kind::IntArray | Kind::FloatArray) => {
            let index = int_index(thread, "a typed array", key)?;
            let (elements, _) = typed::from_value(object).expect("the kind was checked");
            let len = typed::len(elements);
            let found = match position(index, len) {
                Some(i) => typed::get(&mut thread.heap, elements, i)?,
                None => None,
            };
            return found.ok_or_else(|| out_of_range(thread, "array", index, len));
        }
        Some(Kind::Range) => {
            let index = int_index(thread, "a range", key)?;
            let bounds = range::bounds(object).expect("the kind was checked");
            let len = bounds.len();
            let at = if index < 0 { index.checked_add_unsigned(len) } else { Some(index) };
            return match at.and_then(|i| u64::try_from(i).ok()).and_then(|i| bounds.get(i)) {
                Some(n) => Ok(thread.heap.int(n)?),
                None => Err(out_of_range(thread, "range", index, usize::try_from(len).unwrap_or(usize::MAX))),
            };
        }
        Some(Kind::Proxy) => return proxies::get_index(thread, object, key),
        _ => {}
    }
    if let Some(hook) = hook(thread, object, sym::GET_INDEX) {
        return Err(Control::call(hook, &[object, key]));
    }
    let found = type_name(thread, object);
    let hint = if object.is_null() {
        ": is a variable not set, or a result missing?"
    } else {
        ": give the class a method get_index(key)"
    };
    Err(thread.error(ErrorClass::TypeError, format!("{found} has no elements{hint}")))
}

/// The error of a map without such a key.
#[cold]
pub fn no_key(thread: &mut Thread, key: Value) -> Control {
    let text =
        crate::object::display::repr_scalar(key).unwrap_or_else(|| super::describe::brief(thread, key));
    thread
        .error(ErrorClass::KeyError, format!("no key {text} in the map: m.get(key, default) gives a default"))
}

/// `object[index]` with a raw index.
pub fn get_raw(thread: &mut Thread, object: Value, index: i64) -> Outcome {
    let key = thread.heap.int(index)?;
    get(thread, object, key)
}

/// `object[key] = value`.
pub fn set(thread: &mut Thread, object: Value, key: Value, value: Value) -> Outcome<()> {
    match object.kind() {
        Some(Kind::Array) => {
            let index = int_index(thread, "an array", key)?;
            let elements = array::from_value(object).expect("the kind was checked");
            let len = array::len(elements);
            match position(index, len) {
                Some(i) => {
                    array::set(&mut thread.heap, elements, i, value);
                    return Ok(());
                }
                None => {
                    let mut error = out_of_range(thread, "array", index, len);
                    if index == len as i64 {
                        error = thread.error(
                            ErrorClass::RangeError,
                            format!("array index {index} is out of range: push(value) appends"),
                        );
                    }
                    return Err(error);
                }
            }
        }
        Some(Kind::Map) => {
            if needs_key_hooks(thread, key) {
                return hooked_call(thread, "__map_set", &[object, key, value]).map(|_| ());
            }
            map::insert(&mut thread.heap, object.pointer().cast(), key, value)?;
            return Ok(());
        }
        Some(Kind::IntArray | Kind::FloatArray) => {
            let index = int_index(thread, "a typed array", key)?;
            let (elements, element) = typed::from_value(object).expect("the kind was checked");
            let Some(word) = typed::word_of(element, value) else {
                let found = type_name(thread, value);
                let holder = type_name(thread, object);
                let expected = if object.is_kind(Kind::IntArray) { "int" } else { "float" };
                return Err(thread.error(
                    ErrorClass::TypeError,
                    format!("an element of {holder} must be {expected}, not {found}"),
                ));
            };
            let len = typed::len(elements);
            return match position(index, len) {
                Some(i) => {
                    typed::set_word(elements, i, word);
                    Ok(())
                }
                None => Err(out_of_range(thread, "array", index, len)),
            };
        }
        Some(Kind::Proxy) => return proxies::set_index(thread, object, key, value),
        Some(Kind::Str | Kind::Bytes | Kind::Range) => {
            let found = type_name(thread, object);
            return Err(
                thread.error(ErrorClass::TypeError, format!("{found} cannot be changed: make a new one"))
            );
        }
        _ => {}
    }
    if let Some(hook) = hook(thread, object, sym::SET_INDEX) {
        return Err(Control::call(hook, &[object, key, value]));
    }
    let found = type_name(thread, object);
    Err(thread.error(
        ErrorClass::TypeError,
        format!("{found} has no elements to assign: give the class a method set_index(key, value)"),
    ))
}

/// `object[index] = value` with a raw index.
pub fn set_raw(thread: &mut Thread, object: Value, index: i64, value: Value) -> Outcome<()> {
    let key = thread.heap.int(index)?;
    set(thread, object, key, value)
}

#[cold]
fn wrong_typed(thread: &mut Thread, object: Value, kind: Kind) -> Control {
    let expected = if kind == Kind::IntArray { "IntArray" } else { "FloatArray" };
    let found = type_name(thread, object);
    thread.error(ErrorClass::TypeError, format!("expected {expected}, found {found}"))
}

/// The raw element of what should be a typed array: here, errors and proxies.
#[cold]
pub fn get_typed(thread: &mut Thread, object: Value, index: i64, kind: Kind) -> Outcome<u64> {
    if object.is_kind(kind) {
        let (elements, _) = typed::from_value(object).expect("the kind was checked");
        let len = typed::len(elements);
        return Err(out_of_range(thread, "array", index, len));
    }
    if object.is_kind(Kind::Proxy) {
        if let Some(word) = proxies::typed_word(thread, object, index, kind)? {
            return Ok(word);
        }
    }
    Err(wrong_typed(thread, object, kind))
}

/// Element `index` of a typed array of this kind, if it is the thread's own and has one.
#[inline(always)]
pub fn own_word<'a>(object: Value, index: i64, kind: Kind) -> Option<&'a AtomicU64> {
    if !object.is_kind(kind) {
        return None;
    }
    // SAFETY: a typed array of the own heap: its buffer has room for all of its length.
    unsafe {
        let array = object.pointer().cast::<TypedArray>();
        let len = (*array).len.load(Ordering::Relaxed);
        let index = if index < 0 { index.wrapping_add(len as i64) } else { index };
        ((index as u64) < len)
            .then(|| RawBuffer::word((*array).buffer.load(Ordering::Relaxed), index as usize))
    }
}

/// A raw element of what should be a typed array, wherever it is.
pub fn typed_word(thread: &mut Thread, object: Value, index: i64, kind: Kind) -> Outcome<u64> {
    match own_word(object, index, kind) {
        Some(word) => Ok(word.load(Ordering::Relaxed)),
        None => get_typed(thread, object, index, kind),
    }
}

/// Assigns a raw element of what should be a typed array, wherever it is.
pub fn set_typed_word(thread: &mut Thread, object: Value, index: i64, word: u64, kind: Kind) -> Outcome<()> {
    match own_word(object, index, kind) {
        Some(place) => place.store(word, Ordering::Release),
        None => return set_typed(thread, object, index, word, kind),
    }
    Ok(())
}

/// Assigns a raw element of what should be a typed array.
#[cold]
pub fn set_typed(thread: &mut Thread, object: Value, index: i64, word: u64, kind: Kind) -> Outcome<()> {
    if object.is_kind(Kind::Proxy) {
        let key = thread.heap.int(index)?;
        let value = if kind == Kind::IntArray {
            thread.heap.int(word as i64)?
        } else {
            thread.heap.float(f64::from_bits(word))?
        };
        return proxies::set_index(thread, object, key, value);
    }
    match object.is_kind(kind) {
        true => get_typed(thread, object, index, kind).map(|_| ()),
        false => Err(wrong_typed(thread, object, kind)),
    }
}

/// Completes `ints.get`/`floats.get` with a value that a proxy's hook returned.
pub fn deliver_typed(thread: &mut Thread, i: Instr, value: Value) -> Outcome<()> {
    let word = match i.op() {
        Some(crate::bytecode::Op::IAGet) => value.as_int().map(|n| n as u64),
        _ => value.as_number().map(f64::to_bits),
    };
    match word {
        Some(word) => {
            // SAFETY: the verifier checked the register.
            unsafe { thread.base.add(i.a() as usize).write(word) };
            Ok(())
        }
        None => Err(wrong_typed(thread, value, Kind::IntArray)),
    }
}

/// `object[start..end]`, clamped as slices are; null is an open end.
pub fn slice(thread: &mut Thread, object: Value, start: Value, end: Value, inclusive: bool) -> Outcome {
    let len = match object.kind() {
        Some(Kind::Array) => array::len(object.pointer().cast()),
        Some(Kind::Str) => string::chars(object),
        Some(Kind::Bytes) => string::len(object),
        Some(Kind::IntArray | Kind::FloatArray) => typed::len(object.pointer().cast()),
        Some(Kind::Proxy) => return proxies::slice(thread, object, start, end, inclusive),
        _ => {
            if let Some(hook) = hook(thread, object, sym::SLICE) {
                return Err(Control::call(hook, &[object, start, end]));
            }
            let found = type_name(thread, object);
            return Err(thread.error(ErrorClass::TypeError, format!("{found} cannot be sliced")));
        }
    };
    let from = if start.is_null() { 0 } else { clamp(int_index(thread, "a slice", start)?, len) };
    let to = match end.is_null() {
        true => len,
        false => {
            let end = int_index(thread, "a slice", end)?;
            match inclusive {
                true if end == -1 => len,
                true => clamp(end.saturating_add(1), len),
                false => clamp(end, len),
            }
        }
    };
    let to = to.max(from);
    thread.charge((to - from) as u64 / 4);
    Ok(match object.kind() {
        Some(Kind::Array) => {
            array::to_value(array::slice(&mut thread.heap, object.pointer().cast(), from, to)?)
        }
        Some(Kind::Str) => string::slice(&mut thread.heap, object, from, to)?,
        Some(Kind::Bytes) => string::slice_bytes(&mut thread.heap, object, from, to)?,
        _ => typed::to_value(typed::slice(&mut thread.heap, object.pointer().cast(), from, to)?),
    })
}

fn clamp(index: i64, len: usize) -> usize {
    let index = if index < 0 { index.saturating_add(len as i64) } else { index };
    usize::try_from(index).unwrap_or(0).min(len)
}

/// A new array of these values.
pub fn new_array(thread: &mut Thread, items: &[Value]) -> Outcome {
    Ok(array::to_value(array::from_slice(&mut thread.heap, items)?))
}

/// Appends to an array.
pub fn push(thread: &mut Thread, target: Value, value: Value) -> Outcome<()> {
    match array::from_value(target) {
        Some(target) => Ok(array::push(&mut thread.heap, target, value)?),
        None => {
            let found = type_name(thread, target);
            Err(thread.error(ErrorClass::TypeError, format!("cannot append to {found}")))
        }
    }
}

/// A new map.
pub fn new_map(thread: &mut Thread, room: usize) -> Outcome {
    Ok(Value::object(map::new(&mut thread.heap, room)?.cast()))
}

/// Copies entries of one map into another.
pub fn map_extend(thread: &mut Thread, target: Value, source: Value) -> Outcome<()> {
    if source.is_kind(Kind::Proxy) {
        let source = proxies::shallow(thread, source)?;
        if source.is_kind(Kind::Map) {
            return map_extend(thread, target, source);
        }
    }
    if !(target.is_kind(Kind::Map) && source.is_kind(Kind::Map)) {
        let found = type_name(thread, source);
        return Err(thread.error(ErrorClass::TypeError, format!("cannot spread {found} into a map")));
    }
    map::extend(&mut thread.heap, target.pointer().cast(), source.pointer().cast())?;
    Ok(())
}

/// `start..end` or `start..=end`.
pub fn new_range(thread: &mut Thread, start: Value, end: Value, inclusive: bool) -> Outcome {
    match (start.as_int(), end.as_int()) {
        (Some(start), Some(end)) => {
            Ok(range::new(&mut thread.heap, range::Bounds { start, end, inclusive })?)
        }
        _ => {
            let (a, b) = (type_name(thread, start), type_name(thread, end));
            Err(thread.error(ErrorClass::TypeError, format!("the ends of a range are ints, not {a} and {b}")))
        }
    }
}
