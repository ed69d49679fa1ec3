//! Figures about a heap.

use std::time::Duration;

/// Figures about one heap.
#[derive(Clone, Debug, Default)]
pub struct HeapStats {
    /// Bytes in use: blocks, large objects, external content.
    pub used_bytes: usize,
    /// Bytes allocated since the heap was made.
    pub allocated_bytes: u64,
    /// Bytes of the objects that were found live and not collected since.
    pub live_bytes: usize,
    /// Young collections.
    pub young: u64,
    /// Full collections.
    pub full: u64,
    /// Pauses by duration: bucket `i` counts those below `2^i` microseconds (and not below half of that).
    pub pauses: [u64; 24],
    /// The longest pause.
    pub longest: Duration,
    /// All pauses together.
    pub total: Duration,
}

impl HeapStats {
    pub(crate) fn pause(&mut self, pause: Duration) {
        let micros = pause.as_micros() as u64;
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.pauses[bucket.min(self.pauses.len() - 1)] += 1;
        self.longest = self.longest.max(pause);
        self.total += pause;
    }
}
