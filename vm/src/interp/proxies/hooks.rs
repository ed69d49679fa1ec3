//! The hooks of a class derived from Proxy, and what the library does for such proxies.

use super::{parts, wrap};
use crate::class::{ErrorClass, Member};
use crate::error::{Control, Outcome};
use crate::object::{Kind, class_id};
use crate::symbol::{Symbol, sym};
use crate::thread::Thread;
use crate::value::Value;

/// The script-defined hook of a proxy subclass, if the proxy has one.
pub(super) fn find(thread: &Thread, proxy: Value, name: Symbol) -> Option<Value> {
    let class = parts(proxy).header.class;
    if class == class_id::PROXY {
        return None;
    }
    match thread.vm.class(class).member(name) {
        Some(Member::Method(f)) if f.is_kind(Kind::Function) => Some(f),
        _ => None,
    }
}

/// What was found behind `proxy`, as the proxy hands it out: wrapped, and given to the hook `wrap` if it became a proxy.
pub(super) fn hand_out(thread: &mut Thread, proxy: Value, found: Value) -> Outcome {
    let wrapped = wrap(thread, proxy, found)?;
    if parts(proxy).header.class != class_id::PROXY
        && wrapped.is_kind(Kind::Proxy)
        && let Some(hook) = find(thread, proxy, sym::WRAP)
    {
        return Err(Control::call(hook, &[proxy, wrapped]));
    }
    Ok(wrapped)
}

/// Whether a script has a say in what is read through `proxy`.
pub(super) fn have_a_say(thread: &Thread, proxy: Value) -> bool {
    find(thread, proxy, sym::READ).is_some() || find(thread, proxy, sym::WRAP).is_some()
}

/// Asks a function of the library to do what takes several calls.
pub(super) fn ask_library(thread: &mut Thread, name: &str, args: &[Value]) -> Control {
    match thread.vm.builtin(name) {
        Some(function) => Control::call(function, args),
        None => thread.error(ErrorClass::StateError, format!("the library function {name} is missing")),
    }
}
