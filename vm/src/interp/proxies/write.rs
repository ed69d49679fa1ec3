//! Writing through a proxy: refused, sent to the owner, or done in place, by the lock of the root.

use super::{attributes, hooks, lock_state, parts, target, target_class, target_kind};
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::interp::describe::type_name;
use crate::interp::{access, index};
use crate::object::proxy::lock as state;
use crate::object::{Instance, Kind, array, class_id, string, typed};
use crate::symbol::{Symbol, sym};
use crate::thread::registry::{Message, Reply, Work};
use crate::thread::{Thread, futures, messages, transfer};
use crate::value::Value;
use std::sync::atomic::Ordering;

pub(super) enum Way {
    Direct,
    Message(Option<()>),
}

pub(super) fn way(thread: &mut Thread, proxy: Value, what: &str) -> Outcome<Way> {
    match lock_state(proxy) {
        state::ASYNC => Ok(Way::Message(None)),
        state::SYNC => Ok(Way::Message(Some(()))),
        state::DIRECT => Ok(Way::Direct),
        _ => {
            let found = type_name(thread, proxy);
            Err(thread.error(
                ErrorClass::ProxyLocked,
                format!(
                    "cannot {what} through a locked {found}: unlock(p) sends writes to its owner as messages"
                ),
            ))
        }
    }
}

/// Sends a message about a proxy's target to its owner; with `sync` the running task waits for the answer.
pub(super) fn send(
    thread: &mut Thread,
    proxy: Value,
    sync: bool,
    make: impl FnOnce(Option<Reply>) -> Message,
) -> Outcome {
    let heap = parts(proxy).heap;
    if !sync {
        return match messages::send_to_owner(thread, heap, make(None))? {
            true => Ok(Value::NULL),
            false => Err(ended(thread)),
        };
    }
    let Some(owner) = thread.owner_of(heap).map(|peer| thread.known(peer).id) else {
        return Err(ended(thread));
    };
    // Where the owner is this thread itself, the message is handled between its tasks while this one waits.
    let (future, reply) = futures::remote(thread, owner)?;
    messages::send(thread, owner, make(Some(reply)))?;
    futures::await_value(thread, future)
}

#[cold]
fn ended(thread: &mut Thread) -> Control {
    thread.error(
        ErrorClass::ThreadEnded,
        "the thread that owns the object has ended: it can be read, but not written",
    )
}

/// `proxy.name = value`.
pub fn set_attr(thread: &mut Thread, proxy: Value, name: Symbol, value: Value) -> Outcome<()> {
    if parts(proxy).header.class != class_id::PROXY && attributes::write(thread, proxy, name, value)? {
        return Ok(());
    }
    if let Some(hook) = hooks::find(thread, proxy, sym::WRITE) {
        let text = thread.vm.symbols.name(name);
        let text = string::new(&mut thread.heap, &text)?;
        return Err(Control::call(hook, &[proxy, text, value]));
    }
    write_attr(thread, proxy, name, value)
}

/// What `proxy.name = value` does without a hook.
pub fn write_attr(thread: &mut Thread, proxy: Value, name: Symbol, value: Value) -> Outcome<()> {
    let class = target_class(thread, proxy);
    let slot = match target_kind(proxy) {
        Kind::Instance => class.slots.get(&name).copied(),
        _ => None,
    };
    let Some(slot) = slot else {
        let text = thread.vm.symbols.name(name);
        let found = type_name(thread, proxy);
        return Err(thread.error(
            ErrorClass::AttributeError,
            format!("{found} has no attribute {text}: attributes are declared in the class"),
        ));
    };
    let way = way(thread, proxy, "assign an attribute")?;
    let sync = match way {
        Way::Direct => {
            let value = access::fit_attribute(thread, class, slot, value)?;
            // SAFETY: the slot belongs to the target's class.
            let place = unsafe { Instance::slot(target(proxy).cast(), slot as usize) };
            match value.as_float() {
                Some(float) if class.is_unboxed(slot) => {
                    place.set_float(float);
                    return Ok(());
                }
                // The word is no pointer into any heap, so the owner's collector need not know of it.
                _ if stores_in_place(value) => {
                    place.set_unbarriered(value);
                    return Ok(());
                }
                _ => true,
            }
        }
        Way::Message(sync) => sync.is_some(),
    };
    let (to, value) = (transfer::export(thread, proxy)?, transfer::export(thread, value)?);
    send(thread, proxy, sync, |reply| Message::request(Work::SetAttr { target: to, name, value }, reply))
        .map(|_| ())
}

/// Whether a foreign thread may store this word itself: it refers to no heap.
fn stores_in_place(value: Value) -> bool {
    // SAFETY: an object value points to a live object.
    !value.is_object() || unsafe { (*value.pointer()).is_immortal() }
}

/// `proxy[key] = value`.
pub fn set_index(thread: &mut Thread, proxy: Value, key: Value, value: Value) -> Outcome<()> {
    if let Some(hook) = hooks::find(thread, proxy, sym::WRITE) {
        return Err(Control::call(hook, &[proxy, key, value]));
    }
    write_index(thread, proxy, key, value)
}

/// What `proxy[key] = value` does without a hook.
pub fn write_index(thread: &mut Thread, proxy: Value, key: Value, value: Value) -> Outcome<()> {
    let way = way(thread, proxy, "assign an element")?;
    let sync = match way {
        Way::Direct => {
            if store_element(proxy, key, value) {
                return Ok(());
            }
            true
        }
        Way::Message(sync) => sync.is_some(),
    };
    let to = transfer::export(thread, proxy)?;
    let (key, value) = (transfer::export(thread, key)?, transfer::export(thread, value)?);
    send(thread, proxy, sync, |reply| Message::request(Work::SetIndex { target: to, key, value }, reply))
        .map(|_| ())
}

/// Stores into an existing element of an unshared array at once, where one atomic store does it.
fn store_element(proxy: Value, key: Value, value: Value) -> bool {
    let Some(key) = key.as_int() else { return false };
    match target_kind(proxy) {
        Kind::Array if stores_in_place(value) => {
            let elements = array::elements_foreign(target(proxy).cast());
            match index::position(key, elements.len()) {
                Some(i) => {
                    elements[i].set_unbarriered(value);
                    true
                }
                None => false,
            }
        }
        kind @ (Kind::IntArray | Kind::FloatArray) => {
            let element = if kind == Kind::IntArray { typed::Element::Int } else { typed::Element::Float };
            let words = typed::words_foreign(target(proxy).cast());
            match (index::position(key, words.len()), typed::word_of(element, value)) {
                (Some(i), Some(word)) => {
                    words[i].store(word, Ordering::Release);
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Assigns a captured variable of a closure that came from another thread.
pub fn cell_set(thread: &mut Thread, proxy: Value, value: Value) -> Outcome<()> {
    let way = way(thread, proxy, "assign a captured variable")?;
    let (to, value) = (transfer::export(thread, proxy)?, transfer::export(thread, value)?);
    let sync = !matches!(way, Way::Message(None));
    send(thread, proxy, sync, |reply| Message::request(Work::SetCell { target: to, value }, reply))
        .map(|_| ())
}
