//! Arrays: a header with a length and a pointer to a buffer of slots.
//!
//! A foreign reader takes the buffer (Acquire), then the length (Acquire), and is bounded by the smaller of length and the
//! buffer's capacity. Shrinking stores null into the dropped slots.

use super::{Header, Slot};
use std::sync::atomic::{AtomicPtr, AtomicU64};

/// An array.
#[repr(C)]
pub struct Array {
    /// Header.
    pub header: Header,
    /// Number of elements.
    pub len: AtomicU64,
    /// Storage; never null (an empty array points to the immortal empty buffer).
    pub buffer: AtomicPtr<Buffer>,
    /// Unused; keeps the object a whole number of granules.
    pub spare: u64,
}

/// Storage of an array; `capacity` slots follow.
#[repr(C)]
pub struct Buffer {
    /// Header.
    pub header: Header,
    /// Number of slots; never changes. Slots at and beyond the array's length hold null.
    pub capacity: u64,
}

const _: () = assert!(size_of::<Array>() == 32 && size_of::<Buffer>() == 16);

impl Buffer {
    /// Slot `index`.
    ///
    /// # Safety
    /// `this` points to a buffer that is alive (or was, at the caller's last quiescent point) and `index < capacity`.
    #[inline(always)]
    pub unsafe fn slot<'a>(this: *const Buffer, index: usize) -> &'a Slot {
        // SAFETY: by the caller's promise the slot lies inside the buffer.
        unsafe { &*this.add(1).cast::<Slot>().add(index) }
    }
}
