//! Proxies: share, unshare, lock, unlock, and every op whose operand may be one.
//!
//! Reads happen on the reader's thread within its slice: target slots are loaded with `Acquire`, and what is read is wrapped
//! ([`wrap`](wrap()) and its siblings) before the instruction ends, so no raw foreign pointer lives in a register. Writes go by the
//! lock of the root: refused, sent to the owner, or (unshared) done in place where that can be done with one atomic store.
//!
//! Here: what a proxy consists of. The rooms: `share` (making and locking), `wrap` (what is read becomes a value of the
//! reader), `read`, `walk` (whole containers), `write`, `call` (methods), `hooks` and `attributes` (what a subclass of Proxy
//! adds), `modules` (variables of other threads' modules).

mod attributes;
mod call;
mod hooks;
mod modules;
mod read;
mod share;
mod walk;
mod wrap;
mod write;

pub use attributes::make;
pub use call::{call_method, call_native};
pub use modules::{foreign_variable, set_foreign_variable};
pub use read::{cell_get, get_attr, get_index, read_attr, read_index, typed_word};
pub use share::{lock, share, unlock, unshare};
pub use walk::{contains, iteration_state, next, shallow, slice};
pub use wrap::{local_function, rewrap, wrap};
pub use write::{cell_set, set_attr, set_index, write_attr, write_index};

use crate::class::Class;
use crate::object::proxy::Proxy;
use crate::object::typed;
use crate::object::{Header, Kind, class_id, equality};
use crate::symbol::Symbol;
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::{AtomicU64, Ordering};

fn parts(v: Value) -> &'static Proxy {
    // SAFETY: callers checked the kind; the reference is used within the running instruction, during which nothing is freed.
    unsafe { &*v.pointer().cast::<Proxy>() }
}

fn root(v: Value) -> &'static Proxy {
    let proxy = parts(v);
    // SAFETY: a root lives as long as the proxies that name it (the collector traces it).
    if proxy.root.is_null() { proxy } else { unsafe { &*proxy.root } }
}

/// The lock state that counts for a proxy.
pub fn lock_state(v: Value) -> u32 {
    root(v).lock.load(Ordering::Relaxed)
}

fn target(v: Value) -> *mut Header {
    parts(v).target
}

fn target_kind(v: Value) -> Kind {
    // SAFETY: the target is kept alive by the listing of this thread's imports.
    unsafe { (*target(v)).kind() }
}

/// The class of a proxy's target.
pub fn target_class(thread: &Thread, v: Value) -> &'static Class {
    // SAFETY: as above; the class never changes.
    thread.vm.class(unsafe { (*target(v)).class })
}

/// The elements of the typed array of this class that a value stands for, if it is a proxy of one. They may be read until the next safepoint.
pub fn typed_words<'a>(v: Value, class: u32) -> Option<&'a [AtomicU64]> {
    // SAFETY: the target is kept alive by the listing; the class never changes.
    let fits = v.is_kind(Kind::Proxy) && unsafe { (*target(v)).class } == class;
    fits.then(|| typed::words_foreign(target(v).cast()))
}

/// The class of a plain proxy's target and the slot that it has for an attribute, if it is an instance with one.
pub fn plain_slot(thread: &Thread, v: Value, name: Symbol) -> Option<(u32, u32)> {
    if !v.is_kind(Kind::Proxy) || parts(v).header.class != class_id::PROXY || target_kind(v) != Kind::Instance
    {
        return None;
    }
    let class = target_class(thread, v);
    class.slots.get(&name).map(|&slot| (class.id, slot))
}

/// Whether two values, at least one a proxy, stand for the same object.
pub fn same_target(x: Value, y: Value) -> bool {
    x.is_object() && y.is_object() && equality::identity(x) == equality::identity(y)
}

/// Whether a proxy stands for an instance of a script class.
pub fn is_instance(v: Value) -> bool {
    v.is_kind(Kind::Proxy) && target_kind(v) == Kind::Instance
}
