//! Whole containers behind a proxy: copies, search, iteration, slices.

use super::wrap::wrap_object;
use super::{hooks, parts, target, target_kind, wrap};
use crate::bytecode::Instr;
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::interp::describe::type_name;
use crate::interp::{arith, compare, index, iterate};
use crate::object::{Header, Kind, array, class_id, equality, map, typed};
use crate::symbol::sym;
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::Ordering;

/// A copy of the container itself, its elements wrapped: for operations that walk a whole container in one go.
pub fn shallow(thread: &mut Thread, proxy: Value) -> Outcome {
    let object = target(proxy);
    match target_kind(proxy) {
        Kind::Array => {
            let elements = array::elements_foreign(object.cast());
            thread.charge(elements.len() as u64);
            let mut copy = Vec::with_capacity(elements.len());
            for slot in elements {
                copy.push(wrap(thread, proxy, slot.get_foreign())?);
            }
            Ok(array::to_value(array::from_slice(&mut thread.heap, &copy)?))
        }
        Kind::Map => {
            let entries: Vec<(Value, Value)> = map::entries_foreign(object.cast()).collect();
            thread.charge(entries.len() as u64 * 2);
            let copy = map::new(&mut thread.heap, entries.len())?;
            for (key, value) in entries {
                let key = wrap(thread, proxy, key)?;
                let value = wrap(thread, proxy, value)?;
                map::insert(&mut thread.heap, copy, key, value)?;
            }
            Ok(Value::object(copy.cast()))
        }
        kind @ (Kind::IntArray | Kind::FloatArray) => {
            let words: Vec<u64> =
                typed::words_foreign(object.cast()).iter().map(|w| w.load(Ordering::Acquire)).collect();
            thread.charge(words.len() as u64 / 2);
            let element = if kind == Kind::IntArray { typed::Element::Int } else { typed::Element::Float };
            Ok(typed::to_value(typed::from_words(&mut thread.heap, element, words.into_iter())?))
        }
        _ => Ok(proxy),
    }
}

/// `x in proxy`.
pub fn contains(thread: &mut Thread, x: Value, proxy: Value) -> Outcome {
    let found = match target_kind(proxy) {
        Kind::Array => array::elements_foreign(target(proxy).cast())
            .iter()
            .any(|slot| equality::same_value(slot.get_foreign(), x)),
        Kind::Map => map::get_foreign(target(proxy).cast(), x).is_some(),
        _ => {
            if let Some(hook) = arith::hook(thread, proxy, sym::CONTAINS) {
                return Err(Control::call(hook, &[proxy, x]));
            }
            let copy = shallow(thread, proxy)?;
            if copy.is_kind(Kind::Proxy) {
                let found = type_name(thread, proxy);
                return Err(
                    thread.error(ErrorClass::TypeError, format!("{found} is not something to look in"))
                );
            }
            return compare::contains(thread, x, copy);
        }
    };
    Ok(Value::bool(found))
}

/// What to iterate over for a proxy.
pub fn iteration_state(thread: &mut Thread, proxy: Value) -> Outcome {
    match target_kind(proxy) {
        // Each element is read as by index, so the hooks see it.
        Kind::Array | Kind::Map | Kind::IntArray | Kind::FloatArray
            if parts(proxy).header.class != class_id::PROXY && hooks::have_a_say(thread, proxy) =>
        {
            Err(hooks::ask_library(thread, "__proxy_elements", &[proxy]))
        }
        Kind::Array | Kind::IntArray | Kind::FloatArray => Ok(proxy),
        Kind::Map => {
            // A proxy of the table of this moment: where the owner rebuilds it meanwhile, positions in this one stay what they are.
            let table: *mut Header = map::table_foreign(target(proxy).cast()).cast_mut().cast();
            // SAFETY: read within this slice from a live map, so the table is still allocated.
            match unsafe { (*table).is_immortal() } {
                true => Ok(array::to_value(array::from_slice(&mut thread.heap, &[])?)),
                false => wrap_object(thread, proxy, table),
            }
        }
        _ => {
            let found = type_name(thread, proxy);
            Err(thread.error(ErrorClass::TypeError, format!("cannot iterate over {found}")))
        }
    }
}

/// The next element behind a proxy.
pub fn next(thread: &mut Thread, i: Instr, proxy: Value, position: i64) -> Outcome<iterate::Step> {
    let at = usize::try_from(position).unwrap_or(usize::MAX);
    let found = match target_kind(proxy) {
        Kind::Array => {
            let found = array::elements_foreign(target(proxy).cast()).get(at).map(|slot| slot.get_foreign());
            match found {
                Some(found) => Some(wrap(thread, proxy, found)?),
                None => None,
            }
        }
        Kind::IntArray | Kind::FloatArray => {
            let word = typed::words_foreign(target(proxy).cast()).get(at).map(|w| w.load(Ordering::Acquire));
            let element = if target_kind(proxy) == Kind::IntArray {
                typed::Element::Int
            } else {
                typed::Element::Float
            };
            match word {
                Some(word) => Some(typed::value_of(&mut thread.heap, element, word)?),
                None => None,
            }
        }
        Kind::MapTable => {
            return Ok(match map::entry_from_foreign(target(proxy), at) {
                Some((number, key, value)) => {
                    let key = wrap(thread, proxy, key)?;
                    let value = wrap(thread, proxy, value)?;
                    iterate::set_entry(thread, i, number as i64 + 1, key, value);
                    iterate::Step::Element
                }
                None => iterate::Step::End,
            });
        }
        _ => return Err(thread.error(ErrorClass::StateError, "not an iteration (malformed bytecode)")),
    };
    Ok(match found {
        Some(value) => iterate::element(thread, i, position, value),
        None => iterate::Step::End,
    })
}

/// `proxy[start..end]`.
pub fn slice(thread: &mut Thread, proxy: Value, start: Value, end: Value, inclusive: bool) -> Outcome {
    let copy = shallow(thread, proxy)?;
    if copy.is_kind(Kind::Proxy) {
        let found = type_name(thread, proxy);
        return Err(thread.error(ErrorClass::TypeError, format!("{found} cannot be sliced")));
    }
    index::slice(thread, copy, start, end, inclusive)
}
