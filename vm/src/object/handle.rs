//! Weak references, host objects and thread handles.

use super::{Header, Kind, Slot, class_id};
use crate::heap::{Heap, OutOfMemory};
use crate::value::Value;
use std::any::Any;

/// A weak reference: the target is not kept alive; the collector stores null when it dies.
#[repr(C)]
pub struct Weak {
    /// Header.
    pub header: Header,
    /// The target or null.
    pub target: Slot,
}

/// An object of the host, dropped when the handle dies. Only the owning thread may reach the content,
/// but for what [`shared`] gives out.
#[repr(C)]
pub struct Handle {
    /// Header, with [`super::FLAG_FINALISER`]; `class` may be a host-registered class.
    pub header: Header,
    /// The content; `None` once taken.
    pub content: Option<Box<dyn Any + Send>>,
}

/// A thread as a value; crosses threads as it is.
#[repr(C)]
pub struct ThreadHandle {
    /// Header.
    pub header: Header,
    /// The thread's number, never used again in this VM.
    pub id: u64,
}

/// A new weak reference; the caller enters it in the thread's list of weak references.
pub fn new_weak(heap: &mut Heap, target: Value) -> Result<*mut Weak, OutOfMemory> {
    let weak = heap.alloc(Kind::Weak, class_id::WEAK, size_of::<Weak>())?.cast::<Weak>();
    // SAFETY: the object was just allocated as a weak reference.
    unsafe { (&raw mut (*weak).target).write(Slot::new(target)) };
    Ok(weak)
}

/// A new host object that all threads may use, each through its own proxy: see [`shared`].
pub fn new_shared<T: Any + Send + Sync>(
    heap: &mut Heap,
    content: std::sync::Arc<T>,
) -> Result<Value, OutOfMemory> {
    Ok(Value::object(new_handle(heap, class_id::INTERNAL, Box::new(content))?.cast()))
}

/// What [`new_shared`] made: of a handle of this thread, or of another one's behind a proxy.
pub fn shared<T: Any + Send + Sync>(value: Value) -> Option<std::sync::Arc<T>> {
    let object = super::equality::identity(value);
    if !value.is_object() || !Value::object(object).is_kind(Kind::Handle) {
        return None;
    }
    // SAFETY: the kind was checked. The content was written before anybody else could see the handle, and is dropped only
    // after the grace period of the handle's end, so another thread may look at it as well; an `Arc` of what is `Sync` may be
    // cloned from any thread.
    unsafe { (*object.cast::<Handle>()).content.as_ref()?.downcast_ref::<std::sync::Arc<T>>().cloned() }
}

/// A new host object of a class that the host registered.
pub fn new_handle(
    heap: &mut Heap,
    class: u32,
    content: Box<dyn Any + Send>,
) -> Result<*mut Handle, OutOfMemory> {
    let handle = heap.alloc_finalised(Kind::Handle, class, size_of::<Handle>())?.cast::<Handle>();
    // SAFETY: the object was just allocated as a handle.
    unsafe { (&raw mut (*handle).content).write(Some(content)) };
    Ok(handle)
}

/// A thread's number as a value.
pub fn new_thread(heap: &mut Heap, id: u64) -> Result<Value, OutOfMemory> {
    let handle = heap.alloc(Kind::Thread, class_id::THREAD, size_of::<ThreadHandle>())?;
    // SAFETY: the object was just allocated as a thread handle.
    unsafe { (&raw mut (*handle.cast::<ThreadHandle>()).id).write(id) };
    Ok(Value::object(handle))
}

/// The number of the thread that a value stands for; any thread may ask.
pub fn thread_id(value: Value) -> Option<u64> {
    // SAFETY: the kind is checked first; thread handles are immutable.
    value.is_kind(Kind::Thread).then(|| unsafe { (*value.pointer().cast::<ThreadHandle>()).id })
}
