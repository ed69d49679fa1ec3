//! A thread of the VM: its heap, its tasks, the state that the interpreter runs on.

use crate::class::ErrorClass;
use crate::error::Control;
use crate::heap::Heap;
use crate::vm::Vm;
use std::sync::Arc;

/// A thread.
pub struct Thread {
    /// What it shares with the others.
    pub vm: Arc<Vm>,
    /// Its heap.
    pub heap: Heap,
    /// Cost charged by bulk work since the last safepoint.
    pub charged: u64,
}

impl Thread {
    /// Adds the cost of bulk work (about one unit per element or 16 bytes handled), so that it counts against the tick.
    #[inline]
    pub fn charge(&mut self, units: u64) {
        self.charged += units;
    }

    /// A script error of a built-in class, to be returned by a native.
    #[cold]
    pub fn error(&mut self, class: ErrorClass, message: impl Into<String>) -> Control {
        self.make_error(class, message.into())
    }
}

impl Thread {
    fn make_error(&mut self, class: ErrorClass, message: String) -> Control {
        let _ = (class, message);
        Control::OutOfMemory
    }
}
