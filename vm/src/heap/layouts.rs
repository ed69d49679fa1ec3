//! Which slots of a class's instances hold unboxed floats, for the collector, which must not take them for references.
//!
//! Invariant: a class's layout is told before there is an instance of it, and never changes.

use crate::reserved::Reserved;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most classes whose layouts can be told.
pub const MAX_LAYOUTS: usize = 1 << 16;

/// The layouts of a VM's classes.
pub(crate) struct Layouts(Reserved<AtomicU64>);

impl Default for Layouts {
    fn default() -> Self {
        // SAFETY: all-zero bytes are the number 0.
        Self(unsafe { Reserved::zeroed(MAX_LAYOUTS) })
    }
}

impl Layouts {
    /// The slots that hold unboxed floats, a bit for each of the first 64.
    #[inline(always)]
    pub(crate) fn unboxed(&self, class: u32) -> u64 {
        self.0.as_slice().get(class as usize).map_or(0, |slots| slots.load(Ordering::Relaxed))
    }

    /// Tells them of a class that nobody has seen yet; of one that is not told of, there are none.
    ///
    /// # Panics
    /// If the class's number is [`MAX_LAYOUTS`] or more.
    pub(crate) fn tell(&self, class: u32, unboxed: u64) {
        // Who sees an instance has seen its class, which is published later.
        self.0.as_slice()[class as usize].store(unboxed, Ordering::Relaxed);
    }
}
