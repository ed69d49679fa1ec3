//! Room for a table whose address never changes: addresses for all that it can ever hold, memory only for what is used.
//!
//! It comes from the system itself. An allocator that reuses freed memory would have to clear such room, and so to commit all of it: 25 MB
//! for every thread that begins after one has ended.

use memmap2::MmapMut;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Zeroed room for a fixed number of `T`.
pub(crate) struct Reserved<T> {
    start: NonNull<T>,
    len: usize,
    /// What keeps it; given back when this is dropped, without dropping any `T`.
    _map: MmapMut,
    _of: PhantomData<T>,
}

impl<T> Reserved<T> {
    /// Room for `len` things.
    ///
    /// # Panics
    /// If the system does not give that many addresses.
    ///
    /// # Safety
    /// All-zero bytes are a valid `T`.
    pub(crate) unsafe fn zeroed(len: usize) -> Self {
        const { assert!(!std::mem::needs_drop::<T>() && align_of::<T>() <= 4096) };
        let bytes = size_of::<T>().checked_mul(len).expect("tables are small beside the address space");
        let mut map = MmapMut::map_anon(bytes.max(1))
            .unwrap_or_else(|error| panic!("the system gives no room for a table of {bytes} bytes: {error}"));
        let start = NonNull::new(map.as_mut_ptr().cast()).expect("a mapping's address is not zero");
        Self { start, len, _map: map, _of: PhantomData }
    }

    /// Where the first one is.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.start.as_ptr()
    }

    /// All of them.
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: `len` of them lie there, valid from the beginning, as long as the mapping.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

// SAFETY: it owns its room, as a Box would.
unsafe impl<T: Send> Send for Reserved<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Reserved<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn room_is_zero_and_stays_where_it_is() {
        // SAFETY: zero is a number.
        let room = unsafe { Reserved::<AtomicU64>::zeroed(1 << 20) };
        assert_eq!(room.as_slice().len(), 1 << 20);
        room.as_slice()[(1 << 20) - 1].store(7, Ordering::Relaxed);
        assert_eq!(room.as_slice()[0].load(Ordering::Relaxed), 0);
        // SAFETY: the last one of the room.
        assert_eq!(unsafe { &*room.as_ptr().add((1 << 20) - 1) }.load(Ordering::Relaxed), 7);
    }
}
