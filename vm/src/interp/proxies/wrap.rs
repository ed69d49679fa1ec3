//! What is read through a proxy becomes a value of the reader: scalars as they are, objects as proxies under the same lock.

use super::{attributes, parts, root, target, target_kind};
use crate::error::Outcome;
use crate::interp::call::Args;
use crate::object::function::Closure;
use crate::object::proxy::lock as state;
use crate::object::{Header, Kind, class_id, function, string};
use crate::thread::{Thread, transfer};
use crate::value::Value;

/// Makes what was read through `via` from a foreign slot a value of this thread.
pub fn wrap(thread: &mut Thread, via: Value, found: Value) -> Outcome {
    let Some(kind) = found.kind() else { return Ok(found) };
    // SAFETY: read within this slice from a live object, so the object is still allocated.
    if unsafe { (*found.pointer()).is_immortal() } {
        return Ok(found);
    }
    let own = parts(via).heap == thread.heap.number();
    Ok(match kind {
        Kind::Str
        | Kind::Bytes
        | Kind::BigInt
        | Kind::Range
        | Kind::BoxInt
        | Kind::BoxFloat
        | Kind::Thread
            if own =>
        {
            found
        }
        Kind::Str | Kind::Bytes => string::import(&mut thread.heap, found)?,
        Kind::BigInt | Kind::Range | Kind::BoxInt | Kind::BoxFloat | Kind::Thread => {
            let copy = transfer::export(thread, found)?;
            transfer::import(thread, &copy)?
        }
        Kind::Function => {
            let code = function::code_of_value(found).expect("the kind was checked");
            let mut captures = Args::new();
            for i in 0..code.captures as usize {
                // SAFETY: the index is below the number of captures.
                let captured = unsafe { Closure::capture(found.pointer().cast(), i).get_foreign() };
                captures.push(match captured.is_kind(Kind::Function) {
                    true => wrap_object(thread, via, captured.pointer())?,
                    false => wrap(thread, via, captured)?,
                });
            }
            Value::object(function::new_closure(&mut thread.heap, code, &captures)?.cast())
        }
        Kind::Proxy => {
            // The owner's own proxy to something: unwrap it, so that proxies of proxies never arise.
            let inner = parts(found);
            if inner.heap == thread.heap.number() {
                thread.heap.import_own(inner.target);
                Value::object(inner.target)
            } else {
                let root = std::ptr::from_ref(root(via)).cast_mut();
                attributes::make(thread, inner.header.class, inner.heap, inner.target, root, state::LOCKED)?
            }
        }
        _ => wrap_object(thread, via, found.pointer())?,
    })
}

/// A proxy of an object that was reached through `via`.
pub(super) fn wrap_object(thread: &mut Thread, via: Value, object: *mut Header) -> Outcome {
    // SAFETY: as in `wrap`.
    let class =
        thread.vm.class(unsafe { (*object).class }).mapped_proxy_class().map_or(class_id::PROXY, |c| c.id);
    // SAFETY: as above.
    if unsafe { (*object).is_immortal() } {
        return Ok(Value::object(object));
    }
    let root = std::ptr::from_ref(root(via)).cast_mut();
    Ok(attributes::make(thread, class, parts(via).heap, object, root, state::LOCKED)?)
}

/// A script function behind a proxy (a closure captured by a closure), made one of this thread.
pub fn local_function(thread: &mut Thread, proxy: Value) -> Outcome<Option<Value>> {
    if target_kind(proxy) != Kind::Function {
        return Ok(None);
    }
    wrap(thread, proxy, Value::object(target(proxy))).map(Some)
}

/// A proxy of class `class` for what `proxy` stands for, under the lock of `proxy`.
pub fn rewrap(thread: &mut Thread, proxy: Value, class: u32) -> Outcome {
    let (heap, object) = (parts(proxy).heap, target(proxy));
    let root = std::ptr::from_ref(root(proxy)).cast_mut();
    Ok(attributes::make(thread, class, heap, object, root, state::LOCKED)?)
}
