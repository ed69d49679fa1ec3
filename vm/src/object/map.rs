//! Maps: insertion-ordered hash tables in the compact form (index of positions + entries in order).
//!
//! Within one table a key slot goes from empty to a key once and never to another key; an insertion stores the value before
//! the key; a removal stores the empty marker as value. Entries are re-used only in a new table, published with one
//! `Release` store. So a foreign reader never pairs one key with another key's value.

use super::{Header, Slot};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

/// A map.
#[repr(C)]
pub struct Map {
    /// Header.
    pub header: Header,
    /// Storage; never null (an empty map points to the immortal empty table).
    pub table: AtomicPtr<Table>,
    /// Number of live entries.
    pub len: AtomicU64,
    /// Unused.
    pub spare: u64,
}

/// Storage of a map.
///
/// ```text
/// | header | capacity, index_mask | used | next | entries: capacity x (key, value, hash) | index: (index_mask + 1) x u32 |
/// ```
/// An index word is 0 for free, else entry number + 1.
#[repr(C)]
pub struct Table {
    /// Header.
    pub header: Header,
    /// Room for entries; never changes.
    pub capacity: u32,
    /// Number of index words minus one (a power of two minus one).
    pub index_mask: u32,
    /// Entries used so far, removed ones included.
    pub used: AtomicU64,
    /// The table that has replaced this one, so that an iteration over this one can go on there; null for a map's
    /// current table. Traced by the collector; never used by foreign readers.
    pub next: AtomicPtr<Table>,
}

/// One entry of a table.
#[repr(C)]
pub struct Entry {
    /// The key; the empty marker where unused.
    pub key: Slot,
    /// The value; the empty marker where removed.
    pub value: Slot,
    /// The key's hash, valid once the key is there.
    pub hash: AtomicU64,
}

const _: () = assert!(size_of::<Map>() == 32 && size_of::<Table>() == 32 && size_of::<Entry>() == 24);

impl Table {
    /// Entry `number`.
    ///
    /// # Safety
    /// `this` points to a table that is alive (or was, at the caller's last quiescent point) and `number < capacity`.
    #[inline(always)]
    pub unsafe fn entry<'a>(this: *const Table, number: usize) -> &'a Entry {
        // SAFETY: by the caller's promise the entry lies inside the table.
        unsafe { &*this.add(1).cast::<Entry>().add(number) }
    }

    /// Index word `position`.
    ///
    /// # Safety
    /// As for [`entry`](Self::entry), with `position <= index_mask`.
    #[inline(always)]
    pub unsafe fn index<'a>(this: *const Table, position: usize) -> &'a AtomicU32 {
        // SAFETY: the index follows the entries inside the same object.
        unsafe {
            &*this.add(1).cast::<Entry>().add((*this).capacity as usize).cast::<AtomicU32>().add(position)
        }
    }

    /// Size in bytes of a table with this capacity and this many index words.
    pub const fn bytes(capacity: usize, index_words: usize) -> usize {
        size_of::<Table>() + capacity * size_of::<Entry>() + index_words * 4
    }
}
