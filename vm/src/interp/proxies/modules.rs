//! Variables of modules that another thread loaded.

use super::{target, wrap};
use crate::class::ErrorClass;
use crate::error::Outcome;
use crate::object::proxy::lock as state;
use crate::object::{Kind, array, class_id};
use crate::thread::Thread;
use crate::value::Value;

/// A variable of a module that another thread loaded.
pub fn foreign_variable(thread: &mut Thread, env: u32, slot: u32) -> Outcome {
    let proxy = env_proxy(thread, env)?;
    let elements = array::elements_foreign(target(proxy).cast());
    match elements.get(slot as usize).map(|s| s.get_foreign()) {
        Some(found) => wrap(thread, proxy, found),
        None => Ok(Value::EMPTY),
    }
}

/// This thread's proxy of another thread's environment: one a thread, made on first use.
fn env_proxy(thread: &mut Thread, env: u32) -> Outcome {
    if let Some(&known) = thread.envs.get(env as usize) {
        if known.is_kind(Kind::Proxy) {
            return Ok(known);
        }
    }
    let Some(pin) = thread.vm.env_pin(env) else {
        return Err(thread.error(ErrorClass::StateError, "the module is not loaded"));
    };
    let proxy =
        thread.heap.proxy(class_id::PROXY, pin.heap(), pin.target(), std::ptr::null_mut(), state::LOCKED)?;
    drop(pin);
    thread.envs.set(env, Value::object(proxy.cast()));
    Ok(Value::object(proxy.cast()))
}

/// Assigns a variable of a module that another thread loaded: it is theirs.
pub fn set_foreign_variable(thread: &mut Thread, env: u32, slot: u32, value: Value) -> Outcome<()> {
    let _ = value;
    let name = thread.vm.variable_name(env, slot);
    Err(thread.error(
        ErrorClass::ProxyLocked,
        format!("variable {name} belongs to the thread that loaded its module: send that thread a message, or return the value"),
    ))
}
