//! Heaps whose threads have ended: read-only for all, and collected by whoever has just collected a heap of its own.
//!
//! Invariant: a frozen heap is in one pair of hands at a time: in the list of [`HeapShared`], or out of it with the thread that tends
//! it. Nothing is allocated or written in it any more; its roots are what other heaps list and what is pinned. It is collected with the same
//! code as a living heap, grace periods included, so its own lists of what it holds elsewhere shrink with what others still hold of it; heaps
//! of ended threads would otherwise keep each other alive as wholes.

use super::imports::{Farewell, Stamp};
use super::{Heap, HeapShared};
use std::sync::Arc;
use std::time::Instant;

/// Slices that are left out, for each slice of the last collection, before the next begins: few frozen heaps die, and each
/// collection of one visits all that lives in it.
const RESTS: u32 = 4;

/// A heap without a thread.
pub(crate) struct Frozen {
    heap: Heap,
    farewell: Farewell,
    /// What others held when the last collection began.
    collected: Option<Stamp>,
    slices: u32,
    rests: u32,
}

impl Frozen {
    pub(crate) fn new(mut heap: Heap) -> Self {
        heap.shared = None;
        Self { heap, farewell: Farewell::default(), collected: None, slices: 0, rests: 0 }
    }

    pub(crate) fn number(&self) -> u32 {
        self.heap.number
    }

    /// Heaps that it held objects of.
    pub(crate) fn imports_from(&self) -> Vec<u32> {
        self.heap.importers.iter().map(|import| import.heap).collect()
    }

    /// Whether the heap can be dropped.
    pub(crate) fn is_unreferenced(&mut self, shared: &HeapShared) -> bool {
        !self.heap.permanent && self.farewell.look(&self.heap.owner, &shared.quiesce)
    }

    /// A bounded piece of a collection, if one is due.
    pub(crate) fn collect(&mut self, shared: &Arc<HeapShared>, end: Instant) {
        if !self.heap.permanent && !self.farewell.has_begun() {
            self.heap.shared = Some(shared.clone());
            self.step(end);
            self.heap.shared = None;
        }
    }

    fn step(&mut self, end: Instant) {
        let begin = !self.heap.collecting() && self.rests == 0 && {
            let stamp = self.heap.owner.stamp();
            let changed = stamp.is_none() || stamp != self.collected;
            if changed {
                self.collected = stamp;
            }
            changed
        };
        self.rests = self.rests.saturating_sub(1);
        if !self.heap.cycle.published {
            // Some list was busy and says more than it should: once more, later.
            self.collected = None;
        }
        if self.heap.collect_without_thread(begin, end) {
            if self.slices > 0 {
                self.rests = self.slices.saturating_mul(RESTS);
                self.slices = 0;
            }
        } else {
            self.slices += 1;
        }
    }
}
