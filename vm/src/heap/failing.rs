//! Allocations that fail on purpose, for tests: the n-th of a VM and some after it, whatever memory there is.
//!
//! Off, this costs nothing: allocation looks at it on its slow path only. On, a heap keeps its hole closed, so that each allocation
//! takes the slow path and is counted.

use super::{Heap, OutOfMemory};
use crate::object::{Header, Kind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Which allocations of a VM fail. Numbers begin with 1.
#[derive(Debug, Default)]
pub struct Failures {
    made: AtomicU64,
    first: AtomicU64,
    count: AtomicU64,
}

impl Failures {
    /// None fails until [`set`](Self::set) says so.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts from now on, and has `count` allocations fail from number `first` on (0: none).
    pub fn set(&self, first: u64, count: u64) {
        self.first.store(first, Ordering::Relaxed);
        self.count.store(if first == 0 { 0 } else { count }, Ordering::Relaxed);
        self.made.store(0, Ordering::Relaxed);
    }

    /// Allocations that were tried.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Whether the allocation that is about to be made may be made.
    fn next(&self) -> Result<(), OutOfMemory> {
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let first = self.first.load(Ordering::Relaxed);
        match number >= first && number - first < self.count.load(Ordering::Relaxed) {
            true => Err(OutOfMemory),
            false => Ok(()),
        }
    }
}

impl Heap {
    /// An allocation that may fail on purpose.
    pub(super) fn alloc_counted(
        &mut self,
        kind: Kind,
        class: u32,
        bytes: usize,
    ) -> Result<*mut Header, OutOfMemory> {
        self.may_fail()?;
        self.limit = self.hole_end;
        let made = match bytes <= self.limit.addr() - self.bump.addr() {
            true => self.alloc(kind, class, bytes),
            false => self.alloc_elsewhere(kind, class, bytes),
        };
        // The next one comes this way again.
        self.hole_end = self.limit;
        self.limit = self.bump;
        made
    }

    /// Counts an allocation, if that is asked for.
    #[inline]
    pub(super) fn may_fail(&self) -> Result<(), OutOfMemory> {
        match &self.config.failures {
            Some(failures) => failures.next(),
            None => Ok(()),
        }
    }
}
