//! Methods called on a proxy: the proxy's own class comes first, then the target's, with the proxy as `self`.

use super::write::{Way, send, way};
use super::{attributes, hooks, parts, read_attr, target_class, target_kind};
use crate::class::Member;
use crate::error::{Control, Outcome};
use crate::interp::access;
use crate::interp::call::{self, Called, Target};
use crate::object::task::Task;
use crate::object::{Kind, array, class_id, function, string};
use crate::symbol::{Symbol, sym};
use crate::thread::registry::{Message, Work};
use crate::thread::{Thread, transfer};
use crate::value::Value;
use std::sync::atomic::Ordering;

/// Whether a function is a native that changes its receiver.
fn writes(f: Value) -> bool {
    function::native_of_value(f).is_some_and(|def| def.writes)
}

/// `proxy.name(args...)`; `all` begins with the proxy.
pub fn call_method(thread: &mut Thread, all: &[Value], name: Symbol, target: Target) -> Outcome<Called> {
    let proxy = all[0];
    let own_class = thread.vm.class(parts(proxy).header.class);
    if name == sym::SEND
        && all.len() == 2
        && own_class.id == class_id::PROXY
        && target_kind(proxy) == Kind::Task
        && tasks_send_is_native(thread)
    {
        return post(thread, proxy, all[1]).map(Called::Value);
    }
    // A method that the proxy's own class adds comes first, then the target's class with the proxy as `self`.
    if own_class.id != class_id::PROXY {
        if let Some(Member::Method(f)) = own_class.member(name) {
            return call::call_value(thread, f, all, target);
        }
        if attributes::find(thread, proxy, name).is_some() || hooks::have_a_say(thread, proxy) {
            if attributes::find(thread, proxy, name).is_some() || has_slot(thread, proxy, name) {
                // Reading the function may run script code itself: the library does one after the other.
                let text = thread.vm.symbols.name(name);
                let text = string::new(&mut thread.heap, &text)?;
                let args = array::to_value(array::from_slice(&mut thread.heap, &all[1..])?);
                return Err(hooks::ask_library(thread, "__proxy_call", &[proxy, text, args]));
            }
        }
    }
    let class = target_class(thread, proxy);
    if has_slot(thread, proxy, name) {
        let callee = read_attr(thread, proxy, name)?;
        return call::call_value(thread, callee, &all[1..], target);
    }
    match class.member(name) {
        Some(Member::Method(f)) => call_with_self(thread, f, name, all, target),
        Some(_) => {
            let callee = read_attr(thread, proxy, name)?;
            call::call_value(thread, callee, &all[1..], target)
        }
        None => match own_class.member(name) {
            Some(Member::Method(f)) => call::call_value(thread, f, all, target),
            _ => Err(access::get_member(thread, proxy, class, name).err().unwrap_or(Control::Yield)),
        },
    }
}

/// Whether `send` of a task is what the library says: looked up when methods have changed.
fn tasks_send_is_native(thread: &mut Thread) -> bool {
    let epoch = thread.vm.method_epoch.load(Ordering::Acquire);
    if thread.native_send.0 != epoch {
        let member = thread.vm.class(class_id::TASK).member(sym::SEND);
        thread.native_send = (epoch, matches!(member, Some(Member::Method(f)) if writes(f)));
    }
    thread.native_send.1
}

/// Whether the target has an attribute of that name.
fn has_slot(thread: &Thread, proxy: Value, name: Symbol) -> bool {
    target_kind(proxy) == Kind::Instance && target_class(thread, proxy).slots.contains_key(&name)
}

fn call_with_self(thread: &mut Thread, f: Value, name: Symbol, all: &[Value], to: Target) -> Outcome<Called> {
    if writes(f) {
        return send_call(thread, all, name).map(Called::Value);
    }
    if f.is_kind(Kind::NativeFunction) {
        return call_native(thread, f, all, to);
    }
    call::call_value(thread, f, all, to)
}

/// Sends a method call to the owner of a proxy's target.
fn send_call(thread: &mut Thread, all: &[Value], name: Symbol) -> Outcome {
    let proxy = all[0];
    // Handles take their calls in every lock state.
    let kind = target_kind(proxy);
    if kind == Kind::Task && name == sym::SEND && all.len() == 2 {
        return post(thread, proxy, all[1]);
    }
    let handle = matches!(kind, Kind::Task | Kind::Future);
    let sync = match handle {
        true => false,
        false => {
            let text = thread.vm.symbols.name(name);
            !matches!(way(thread, proxy, &format!("call {text}"))?, Way::Message(None))
        }
    };
    let to = transfer::export(thread, proxy)?;
    let args = transfer::export_all(thread, &all[1..])?;
    send(thread, proxy, sync, |reply| Message::request(Work::CallMethod { target: to, name, args }, reply))
}

/// Sends a value to the mailbox of another thread's task.
fn post(thread: &mut Thread, proxy: Value, value: Value) -> Outcome {
    // SAFETY: the target is live within this slice; number and place of a task never change.
    let task = unsafe {
        let task = parts(proxy).target.cast::<Task>();
        ((*task).table_index, (*task).id)
    };
    let value = transfer::export(thread, value)?;
    send(thread, proxy, false, |_| Message::Post { task, value })
}

/// Calls a native method whose receiver is a proxy: on a copy of the container itself.
pub fn call_native(thread: &mut Thread, f: Value, all: &[Value], target: Target) -> Outcome<Called> {
    let def = function::native_of_value(f).expect("the kind was checked");
    if def.writes {
        let name = thread.vm.symbols.intern(&def.name);
        return send_call(thread, all, name).map(Called::Value);
    }
    // The library's natives read through proxies themselves.
    call::call_value(thread, f, all, target)
}
