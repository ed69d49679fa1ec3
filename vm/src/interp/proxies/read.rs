//! Reading attributes, elements and captured variables through a proxy.

use super::{attributes, hooks, parts, shallow, target, target_class, target_kind, wrap};
use crate::class::{ErrorClass, Member};
use crate::error::{Control, Outcome};
use crate::interp::describe::type_name;
use crate::interp::{access, arith, index, slots};
use crate::object::{Cell, Kind, array, class_id, function, map, string, typed};
use crate::symbol::{Symbol, sym};
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::Ordering;

/// `proxy.name`.
pub fn get_attr(thread: &mut Thread, proxy: Value, name: Symbol) -> Outcome {
    if parts(proxy).header.class != class_id::PROXY {
        if let Some(own) = attributes::read(thread, proxy, name)? {
            return Ok(own);
        }
        // What objects of built-in kinds have by name, such as `length`, is no data of theirs.
        if target_kind(proxy) == Kind::Instance
            && let Some(hook) = hooks::find(thread, proxy, sym::READ)
        {
            let text = thread.vm.symbols.name(name);
            let text = string::new(&mut thread.heap, &text)?;
            return Err(Control::call(hook, &[proxy, text]));
        }
    }
    read_attr(thread, proxy, name)
}

/// What `proxy.name` gives without a hook.
pub fn read_attr(thread: &mut Thread, proxy: Value, name: Symbol) -> Outcome {
    let class = target_class(thread, proxy);
    if target_kind(proxy) == Kind::Instance {
        if let Some(&slot) = class.slots.get(&name) {
            // SAFETY: the slot belongs to the target's class; the target is kept alive by the listing.
            let found = unsafe { slots::read(&mut thread.heap, class, target(proxy), slot)? };
            return hooks::hand_out(thread, proxy, found);
        }
    }
    let own_class = thread.vm.class(parts(proxy).header.class);
    // What the proxy's own class adds comes first, as in calls.
    let added = if own_class.id == class_id::PROXY { None } else { own_class.member(name) };
    match added.or_else(|| class.member(name)).or_else(|| own_class.member(name)) {
        Some(Member::Getter(f)) => {
            if let Some(len) = length(proxy).filter(|_| name == sym::LENGTH) {
                return Ok(Value::int_unchecked(len as i64));
            }
            Err(Control::call(f, &[proxy]))
        }
        Some(Member::Method(f)) => Ok(function::new_bound_method(&mut thread.heap, proxy, f)?),
        _ => access::get_member(thread, proxy, class, name),
    }
}

fn length(proxy: Value) -> Option<usize> {
    Some(match target_kind(proxy) {
        Kind::Array => array::len_foreign(target(proxy).cast()),
        Kind::IntArray | Kind::FloatArray => typed::words_foreign(target(proxy).cast()).len(),
        // SAFETY: the kind was checked.
        Kind::Map => unsafe { (*target(proxy).cast::<map::Map>()).len.load(Ordering::Acquire) as usize },
        _ => return None,
    })
}

/// `proxy[key]`.
pub fn get_index(thread: &mut Thread, proxy: Value, key: Value) -> Outcome {
    if let Some(hook) = hooks::find(thread, proxy, sym::READ) {
        return Err(Control::call(hook, &[proxy, key]));
    }
    read_index(thread, proxy, key)
}

/// What `proxy[key]` gives without a hook.
pub fn read_index(thread: &mut Thread, proxy: Value, key: Value) -> Outcome {
    match target_kind(proxy) {
        Kind::Array if key.as_int().is_some() => {
            let elements = array::elements_foreign(target(proxy).cast());
            let found = key
                .as_int()
                .and_then(|i| index::position(i, elements.len()))
                .map(|i| elements[i].get_foreign());
            match found {
                Some(found) => hooks::hand_out(thread, proxy, found),
                None => {
                    let len = elements.len();
                    Err(thread.error(
                        ErrorClass::RangeError,
                        format!(
                            "array index {} is out of range: the length is {len}",
                            key.as_int().unwrap_or(0)
                        ),
                    ))
                }
            }
        }
        Kind::Map if !index::needs_key_hooks(thread, key) => {
            match map::get_foreign(target(proxy).cast(), key) {
                Some(found) => hooks::hand_out(thread, proxy, found),
                None => Err(index::no_key(thread, key)),
            }
        }
        Kind::IntArray | Kind::FloatArray if key.as_int().is_some() => {
            let kind = target_kind(proxy);
            let word = typed_word(thread, proxy, key.as_int().unwrap_or(0), kind)?;
            let element = if kind == Kind::IntArray { typed::Element::Int } else { typed::Element::Float };
            Ok(typed::value_of(&mut thread.heap, element, word.unwrap_or(0))?)
        }
        Kind::Instance => match arith::hook(thread, proxy, sym::GET_INDEX) {
            Some(hook) => Err(Control::call(hook, &[proxy, key])),
            None => {
                let found = type_name(thread, proxy);
                Err(thread.error(ErrorClass::TypeError, format!("{found} has no elements")))
            }
        },
        _ => {
            let copy = shallow(thread, proxy)?;
            if copy.is_kind(Kind::Proxy) {
                let found = type_name(thread, proxy);
                return Err(thread.error(ErrorClass::TypeError, format!("{found} has no elements")));
            }
            index::get(thread, copy, key)
        }
    }
}

/// The raw element of a typed array behind a proxy; `None` if it is something else.
pub fn typed_word(thread: &mut Thread, proxy: Value, key: i64, kind: Kind) -> Outcome<Option<u64>> {
    if target_kind(proxy) != kind {
        return Ok(None);
    }
    let words = typed::words_foreign(target(proxy).cast());
    match index::position(key, words.len()) {
        Some(i) => Ok(Some(words[i].load(Ordering::Acquire))),
        None => Err(thread.error(
            ErrorClass::RangeError,
            format!("array index {key} is out of range: the length is {}", words.len()),
        )),
    }
}

/// The content of a captured variable of a closure that came from another thread.
pub fn cell_get(thread: &mut Thread, proxy: Value) -> Outcome {
    if target_kind(proxy) != Kind::Cell {
        return Err(thread.error(ErrorClass::StateError, "not a captured variable (malformed bytecode)"));
    }
    // SAFETY: the kind was checked; the target is kept alive by the listing.
    let found = unsafe { (*target(proxy).cast::<Cell>()).slot.get_foreign() };
    wrap(thread, proxy, found)
}
