//! `Proxy`: what subclasses of it can fall back on, and the mapping of classes to proxy classes.

use crate::args::{optional, wrong, wrong_receiver};
use crate::table::ClassTable;
use corella_vm::class::Class;
use corella_vm::error::Outcome;
use corella_vm::interp::{instances, proxies};
use corella_vm::object::proxy::lock;
use corella_vm::object::{Kind, class_id, function, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::sync::atomic::Ordering;

/// The natives of proxies.
pub(crate) static TABLE: ClassTable = ClassTable {
    readers: &[
        (
            "read",
            1,
            1,
            read,
            "What reading attribute or element `key` gives without a hook: `super.read(key)` in a subclass.",
        ),
        (
            "write",
            2,
            2,
            write,
            "What assigning attribute or element `key` does without a hook: `super.write(key, value)`.",
        ),
        (
            "wrap",
            1,
            2,
            wrap,
            "`child`, as it is or as a proxy of class `proxy_class` that follows the same lock: `super.wrap(child, proxy_class)` in a subclass.",
        ),
    ],
    statics: &[
        (
            "map",
            2,
            2,
            map,
            "From now on, `share` uses proxies of class `proxy_class` for instances of `class`; null takes that back.",
        ),
        ("is_locked", 1, 1, is_locked, "Whether writes through `proxy` are refused."),
        ("is_proxy", 1, 1, is_proxy, "Whether `value` is a proxy."),
        ("target_class", 1, 1, target_class, "The class of the object that `proxy` stands for."),
    ],
    ..ClassTable::empty(class_id::PROXY, "Proxy")
};

fn this(thread: &mut Thread, method: &str, value: Value) -> Outcome<Value> {
    if value.is_kind(Kind::Proxy) { Ok(value) } else { Err(wrong_receiver(thread, method, value)) }
}

fn read(thread: &mut Thread, args: &[Value]) -> Outcome {
    let proxy = this(thread, "Proxy.read", args[0])?;
    match string::as_str(args[1]) {
        Some(name) if proxies::is_instance(proxy) => {
            let name = thread.vm.symbols.intern(name);
            proxies::read_attr(thread, proxy, name)
        }
        _ => proxies::read_index(thread, proxy, args[1]),
    }
}

fn write(thread: &mut Thread, args: &[Value]) -> Outcome {
    let proxy = this(thread, "Proxy.write", args[0])?;
    match string::as_str(args[1]) {
        Some(name) if proxies::is_instance(proxy) => {
            let name = thread.vm.symbols.intern(name);
            proxies::write_attr(thread, proxy, name, args[2])?;
        }
        _ => proxies::write_index(thread, proxy, args[1], args[2])?,
    }
    Ok(Value::NULL)
}

fn wrap(thread: &mut Thread, args: &[Value]) -> Outcome {
    this(thread, "Proxy.wrap", args[0])?;
    // What a hook has in its hands has been wrapped already.
    let (child, class) = (args[1], optional(args, 2));
    match class {
        Value::NULL => Ok(child),
        class => {
            let class = proxy_class(thread, "Proxy.wrap", class)?;
            if child.is_kind(Kind::Proxy) { proxies::rewrap(thread, child, class.id) } else { Ok(child) }
        }
    }
}

fn proxy_class(thread: &mut Thread, method: &str, value: Value) -> Outcome<&'static Class> {
    function::class_of_value(value)
        .filter(|class| instances::derives_from(class, class_id::PROXY))
        .ok_or_else(|| wrong(thread, method, "proxy_class", "a class derived from Proxy", value))
}

fn map(thread: &mut Thread, args: &[Value]) -> Outcome {
    let of = function::class_of_value(args[0])
        .ok_or_else(|| wrong(thread, "Proxy.map", "class", "a class", args[0]))?;
    let pointer = match optional(args, 1) {
        Value::NULL => std::ptr::null_mut(),
        value => std::ptr::from_ref(proxy_class(thread, "Proxy.map", value)?).cast_mut(),
    };
    of.proxy_class.store(pointer, Ordering::Release);
    Ok(Value::NULL)
}

fn is_locked(thread: &mut Thread, args: &[Value]) -> Outcome {
    if !args[0].is_kind(Kind::Proxy) {
        return Err(wrong(thread, "Proxy.is_locked", "proxy", "a proxy", args[0]));
    }
    Ok(Value::bool(proxies::lock_state(args[0]) == lock::LOCKED))
}

fn is_proxy(_: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(args[0].is_kind(Kind::Proxy)))
}

fn target_class(thread: &mut Thread, args: &[Value]) -> Outcome {
    if !args[0].is_kind(Kind::Proxy) {
        return Err(wrong(thread, "Proxy.target_class", "proxy", "a proxy", args[0]));
    }
    Ok(proxies::target_class(thread, args[0]).value)
}
