//! IntArray and FloatArray: unboxed 64-bit elements behind the same header-and-buffer pair as arrays.

use super::Header;
use std::sync::atomic::{AtomicPtr, AtomicU64};

/// A typed array; the header's kind tells integers from floats.
#[repr(C)]
pub struct TypedArray {
    /// Header.
    pub header: Header,
    /// Number of elements.
    pub len: AtomicU64,
    /// Storage; never null.
    pub buffer: AtomicPtr<RawBuffer>,
    /// Unused.
    pub spare: u64,
}

/// Storage of a typed array; `capacity` words follow, each an `i64` or the bits of an `f64`.
#[repr(C)]
pub struct RawBuffer {
    /// Header.
    pub header: Header,
    /// Number of words.
    pub capacity: u64,
}

impl RawBuffer {
    /// Word `index`.
    ///
    /// # Safety
    /// `this` points to a buffer that is alive (or was, at the caller's last quiescent point) and `index < capacity`.
    #[inline(always)]
    pub unsafe fn word<'a>(this: *const RawBuffer, index: usize) -> &'a AtomicU64 {
        // SAFETY: by the caller's promise the word lies inside the buffer.
        unsafe { &*this.add(1).cast::<AtomicU64>().add(index) }
    }
}
