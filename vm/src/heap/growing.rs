//! Objects that grow: a large one has addresses behind it (see `room`), so that it becomes longer without being copied.
//!
//! Invariant: an object's bytes that were there before stay what they are and where they are; whoever makes it longer initialises what is new
//! before anything tells others of it, the collector included.

use super::block::{self, GRANULE};
use super::{Heap, LARGEST_IN_BLOCK, OutOfMemory};
use crate::object::{Header, Kind};

impl Heap {
    /// As [`alloc`](Self::alloc), for a buffer. If it `grows`, because it has grown out of another one, and is large, it can be
    /// [made longer](Self::lengthen) where it lies.
    pub fn alloc_buffer(
        &mut self,
        kind: Kind,
        class: u32,
        bytes: usize,
        grows: bool,
    ) -> Result<*mut Header, OutOfMemory> {
        if !grows || bytes <= LARGEST_IN_BLOCK {
            return self.alloc(kind, class, bytes);
        }
        self.may_fail()?;
        self.alloc_large(kind, class, bytes.checked_next_multiple_of(GRANULE).ok_or(OutOfMemory)?, true)
    }

    /// Makes an object of this heap longer where it lies, if it is large and there is room for that; else nothing changes and the result is
    /// false. What is new is not initialised.
    pub fn lengthen(&mut self, object: *mut Header, bytes: usize) -> bool {
        let Some(bytes) = bytes.checked_next_multiple_of(GRANULE) else { return false };
        // SAFETY: an object of this heap.
        let (is_large, old) = unsafe { ((*object).granules == 0, block::size_of_object(object)) };
        if !is_large || bytes <= old || !self.space.lengthen(object, bytes) {
            return false;
        }
        self.count(bytes - old);
        true
    }
}
