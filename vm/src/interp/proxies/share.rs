//! `share`, `unshare`, `lock`, `unlock`.

use super::{attributes, parts, target};
use crate::class::ErrorClass;
use crate::error::Outcome;
use crate::interp::describe::type_name;
use crate::interp::instances;
use crate::object::proxy::lock as state;
use crate::object::{Kind, class_id, function, string};
use crate::thread::Thread;
use crate::value::Value;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

fn is_immutable(v: Value) -> bool {
    match v.kind() {
        None => true,
        Some(
            Kind::BoxInt
            | Kind::BoxFloat
            | Kind::Str
            | Kind::Bytes
            | Kind::BigInt
            | Kind::Range
            | Kind::NativeFunction
            | Kind::Class
            | Kind::Module
            | Kind::Thread,
        ) => true,
        // SAFETY: an object value points to a live object.
        Some(Kind::Function) => unsafe { (*v.pointer()).is_immortal() },
        Some(_) => false,
    }
}

/// `share(value, class)`.
pub fn share(thread: &mut Thread, v: Value, class: Value) -> Outcome {
    if is_immutable(v) {
        return Ok(v);
    }
    let class_id = match class {
        Value::NULL => {
            if v.is_kind(Kind::Proxy) {
                let proxy = parts(v);
                if proxy.root.is_null() {
                    return Ok(v);
                }
                proxy.header.class
            } else {
                thread.vm.class_of(v).mapped_proxy_class().map_or(class_id::PROXY, |c| c.id)
            }
        }
        _ => match function::class_of_value(class).filter(|c| instances::derives_from(c, class_id::PROXY)) {
            Some(class) => class.id,
            None => {
                let found = type_name(thread, class);
                return Err(thread.error(
                    ErrorClass::TypeError,
                    format!("share(x, C) needs a class derived from Proxy, not {found}"),
                ));
            }
        },
    };
    let (heap, target) = match v.is_kind(Kind::Proxy) {
        true => (parts(v).heap, target(v)),
        false => (thread.heap.number(), v.pointer()),
    };
    Ok(attributes::make(thread, class_id, heap, target, null_mut(), state::LOCKED)?)
}

fn need_proxy(thread: &mut Thread, what: &str, v: Value) -> Outcome<()> {
    if v.is_kind(Kind::Proxy) {
        return Ok(());
    }
    let found = type_name(thread, v);
    Err(thread.error(ErrorClass::TypeError, format!("{what} needs a proxy, not {found}: share(x) makes one")))
}

/// `unshare(proxy)`.
pub fn unshare(thread: &mut Thread, v: Value) -> Outcome {
    need_proxy(thread, "unshare", v)?;
    let proxy = parts(v);
    if proxy.heap == thread.heap.number() {
        thread.heap.import_own(proxy.target);
        return Ok(Value::object(proxy.target));
    }
    let (class, heap, target) = (proxy.header.class, proxy.heap, proxy.target);
    Ok(attributes::make(thread, class, heap, target, null_mut(), state::DIRECT)?)
}

fn need_root(thread: &mut Thread, what: &str, v: Value) -> Outcome<()> {
    need_proxy(thread, what, v)?;
    if parts(v).root.is_null() {
        return Ok(());
    }
    Err(thread.error(
        ErrorClass::StateError,
        format!("{what}: this proxy was read through another one and follows its lock: {what} that one, or share(p.child) for a lock of its own"),
    ))
}

/// `lock(proxy)`.
pub fn lock(thread: &mut Thread, v: Value) -> Outcome<()> {
    need_root(thread, "lock", v)?;
    parts(v).lock.store(state::LOCKED, Ordering::Relaxed);
    Ok(())
}

/// `unlock(proxy, mode)`.
pub fn unlock(thread: &mut Thread, v: Value, mode: Value) -> Outcome<()> {
    need_root(thread, "unlock", v)?;
    let state = match (mode, string::as_str(mode)) {
        (Value::NULL, _) | (_, Some("async")) => state::ASYNC,
        (_, Some("sync")) => state::SYNC,
        _ => {
            return Err(thread.error(
                ErrorClass::ValueError,
                "unlock(proxy, mode): the mode is \"async\" (messages) or \"sync\" (waits for each)",
            ));
        }
    };
    parts(v).lock.store(state, Ordering::Relaxed);
    Ok(())
}
