//! Attributes that a class derived from Proxy declares: they belong to the proxy, not to its target.
//!
//! Invariant: a proxy has such attributes exactly if its class declares any. They lie in an instance in the holder's heap which only
//! the proxy refers to, filled with the constant initial values from the start; computed ones are set when an attribute is first used,
//! since a proxy is made in places where no script can run. Such proxies are not shared between reads: each has its own.

use super::{hooks, parts};
use crate::class::Class;
use crate::error::Outcome;
use crate::heap::OutOfMemory;
use crate::interp::{access, instances, slots};
use crate::object::proxy::{Proxy, ProxyWithAttributes};
use crate::object::{Header, array, class_id, string};
use crate::symbol::Symbol;
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::Ordering;

/// A proxy of any class; see [`crate::heap::Heap::proxy`] for what the caller owes.
pub fn make(
    thread: &mut Thread,
    class: u32,
    heap: u32,
    target: *mut Header,
    root: *mut Proxy,
    lock: u32,
) -> Result<Value, OutOfMemory> {
    if class != class_id::PROXY {
        let own = thread.vm.class(class);
        if !own.attributes.is_empty() {
            let attributes = instances::allocate(thread, own)?.pointer();
            let made = thread.heap.proxy_with_attributes(class, heap, target, root, lock, attributes)?;
            return Ok(Value::object(made.cast()));
        }
    }
    Ok(Value::object(thread.heap.proxy(class, heap, target, root, lock)?.cast()))
}

/// The slot of the proxy's own attribute of that name, with the proxy's class.
pub(super) fn find(thread: &Thread, proxy: Value, name: Symbol) -> Option<(&'static Class, u32)> {
    let class = thread.vm.class(parts(proxy).header.class);
    class.slots.get(&name).map(|slot| (class, *slot))
}

/// The proxy's own attribute of that name, if its class declares it.
pub(super) fn read(thread: &mut Thread, proxy: Value, name: Symbol) -> Outcome<Option<Value>> {
    let Some((class, slot)) = find(thread, proxy, name) else { return Ok(None) };
    if let Some((text, inits)) = begin(thread, class, proxy, name)? {
        return Err(hooks::ask_library(thread, "__proxy_read", &[proxy, text, inits]));
    }
    // SAFETY: the slot belongs to the class that the attributes were made for; they are this thread's own.
    Ok(Some(unsafe { slots::read(&mut thread.heap, class, own(proxy).attributes, slot)? }))
}

/// Assigns the proxy's own attribute of that name; `false` if its class declares none.
pub(super) fn write(thread: &mut Thread, proxy: Value, name: Symbol, value: Value) -> Outcome<bool> {
    let Some((class, slot)) = find(thread, proxy, name) else { return Ok(false) };
    let value = access::fit_attribute(thread, class, slot, value)?;
    if let Some((text, inits)) = begin(thread, class, proxy, name)? {
        return Err(hooks::ask_library(thread, "__proxy_write", &[proxy, text, inits, value]));
    }
    let attributes = own(proxy).attributes;
    // SAFETY: as in `read`.
    unsafe { slots::write(&mut thread.heap, class, attributes, slot, value) };
    Ok(true)
}

fn own(proxy: Value) -> &'static ProxyWithAttributes {
    // SAFETY: only called where the class declares attributes, so `make` used the larger layout; the reference is used within
    // the running instruction.
    unsafe { &*proxy.pointer().cast() }
}

/// At the first use of any attribute: the name as a string and the functions that set the computed initial values,
/// superclasses' first. `None` at every later use, or if there are none.
fn begin(
    thread: &mut Thread,
    class: &'static Class,
    proxy: Value,
    name: Symbol,
) -> Outcome<Option<(Value, Value)>> {
    if own(proxy).ready.load(Ordering::Relaxed) != 0 {
        return Ok(None);
    }
    let mut inits: Vec<Value> =
        std::iter::successors(Some(class), |c| c.superclass).filter_map(|c| c.init.get().copied()).collect();
    inits.reverse();
    let asked = match inits.is_empty() {
        true => None,
        false => {
            let text = thread.vm.symbols.name(name);
            let text = string::new(&mut thread.heap, &text)?;
            Some((text, array::to_value(array::from_slice(&mut thread.heap, &inits)?)))
        }
    };
    // Last, since an operation that finds no memory is executed again.
    own(proxy).ready.store(1, Ordering::Relaxed);
    Ok(asked)
}
