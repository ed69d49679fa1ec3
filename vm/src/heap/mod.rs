//! One heap a thread: allocation, collection, and what keeps objects alive for other threads.
//!
//! First form: the interface that the rest builds on, over the system's allocator.

use crate::error::Control;
use crate::object::{BoxFloat, BoxInt, FLAG_IMMORTAL, Header, Kind, Slot, class_id};
use crate::value::Value;
use std::alloc::{Layout, alloc};

/// The heap's limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl From<OutOfMemory> for Control {
    fn from(_: OutOfMemory) -> Self {
        Control::OutOfMemory
    }
}

/// A thread's heap.
pub struct Heap {
    used: usize,
}

// SAFETY: a heap is used by one thread at a time; it moves to its thread before that starts.
unsafe impl Send for Heap {}

impl Heap {
    /// A new object with its header written; the caller fills the rest before the next safepoint.
    #[inline(always)]
    pub fn alloc(&mut self, kind: Kind, class: u32, bytes: usize) -> Result<*mut Header, OutOfMemory> {
        self.used += bytes;
        Ok(raw(kind, 0, class, bytes))
    }

    /// Stores into a slot of `owner`.
    #[inline(always)]
    pub fn store(&mut self, owner: *mut Header, slot: &Slot, value: Value) {
        self.barrier(owner);
        slot.set_unbarriered(value);
    }

    /// Tells the collector that slots of `owner` are written without [`store`](Self::store) before the next safepoint.
    #[inline(always)]
    pub fn barrier(&mut self, owner: *mut Header) {
        let _ = owner;
    }

    /// An integer as a value, boxed if need be.
    #[inline(always)]
    pub fn int(&mut self, value: i64) -> Result<Value, OutOfMemory> {
        match Value::small_int(value) {
            Some(v) => Ok(v),
            None => {
                let object = self.alloc(Kind::BoxInt, class_id::INT, size_of::<BoxInt>())?;
                // SAFETY: the object was just allocated with room for a BoxInt.
                unsafe { (*object.cast::<BoxInt>()).value = value };
                Ok(Value::object(object))
            }
        }
    }

    /// A float as a value, boxed if need be.
    #[inline(always)]
    pub fn float(&mut self, value: f64) -> Result<Value, OutOfMemory> {
        match Value::small_float(value) {
            Some(v) => Ok(v),
            None => {
                let object = self.alloc(Kind::BoxFloat, class_id::FLOAT, size_of::<BoxFloat>())?;
                // SAFETY: the object was just allocated with room for a BoxFloat.
                unsafe { (*object.cast::<BoxFloat>()).value = value };
                Ok(Value::object(object))
            }
        }
    }
}

fn raw(kind: Kind, flags: u8, class: u32, bytes: usize) -> *mut Header {
    let bytes = bytes.next_multiple_of(16);
    let layout = Layout::from_size_align(bytes, 16).expect("object sizes are far below isize::MAX");
    // SAFETY: the size is not zero; the header fits in every object.
    unsafe {
        let object = alloc(layout).cast::<Header>();
        object.write(Header::new(kind, flags, (bytes / 16) as u16, class));
        object
    }
}

/// Objects outside all heaps: constants, functions, classes, modules.
#[derive(Default)]
pub struct Immortals;

impl Immortals {
    /// A new immortal object with its header written.
    pub fn alloc(&self, kind: Kind, class: u32, bytes: usize) -> *mut Header {
        raw(kind, FLAG_IMMORTAL, class, bytes)
    }
}
