//! Blocks of 64 KiB: where objects lie, and the side bytes that the collector keeps about them.
//!
//! ```text
//! block   | head 64 B | side bytes, one per granule of 16 B ... 4096 | objects ...            65536 |
//! large   | head 64 B | one side byte ...                       1024 | one object ...               |
//! ```
//! Both are aligned to 64 KiB, so that the side byte of any object is found from its address alone, large or not, immortal
//! or not (`large` has the large ones). A side byte says, for the granule where an object begins: its colour (marked), and
//! whether a write to it must be logged; for the granule where it ends: the colour and `END`. Everything without colour is
//! dead or younger than the last collection. Only the owner of a block touches its head and side bytes.

use super::room::{Room, Rooms};
use crate::object::Header;
use memmap2::MmapMut;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

/// Size and alignment of a block.
pub(crate) const BLOCK: usize = 1 << 16;
/// The unit of allocation.
pub(crate) const GRANULE: usize = 16;
/// Offset of the first object in a block: the side bytes of the granules before it would be those of head and side bytes.
pub(crate) const BLOCK_DATA: usize = BLOCK / GRANULE;
/// First granule that holds objects.
pub(crate) const FIRST_GRANULE: usize = BLOCK_DATA / GRANULE;
/// Granules in a block.
pub(crate) const GRANULES: usize = BLOCK / GRANULE;
/// Offset of the object in a large chunk.
pub(crate) const LARGE_DATA: usize = 1024;

/// First mark colour; which one means "live" changes with every full collection.
pub(crate) const COLOUR_A: u8 = 1;
/// Second mark colour.
pub(crate) const COLOUR_B: u8 = 2;
/// A write to this object must be logged.
pub(crate) const LOG: u8 = 4;
/// The object ends in this granule.
pub(crate) const END: u8 = 8;
/// A marked object begins in this granule.
pub(crate) const START: u8 = 16;
/// What immortals have: marked whatever the colour, never logged.
pub(crate) const IMMORTAL: u8 = COLOUR_A | COLOUR_B;

/// The first bytes of a block or large chunk.
#[repr(C)]
pub(crate) struct Head {
    /// Bytes of the object of a large chunk, 0 for a block.
    pub(crate) large: usize,
    /// Index in the heap's table of blocks or large chunks.
    pub(crate) index: u32,
    /// Number of the heap.
    pub(crate) heap: u32,
    /// How many full collections had ended their marking when it was taken.
    pub(crate) born: u32,
    /// The full collection since which no side byte has an outdated colour (blocks).
    pub(crate) cleaned: u32,
    /// Its unmarked objects are waiting to be swept by a young collection (see `Space::is_pending`).
    pub(crate) pending: bool,
    /// Stands in the list of carded chunks (large).
    pub(crate) carded: bool,
    /// Bits that note where a large object was written (see `large`). Null before the first is set.
    pub(crate) cards: *mut u64,
    /// What keeps a chunk's room (large); null for a block.
    pub(crate) room: *const MmapMut,
    /// Bytes of the room that are used, or were so once (large).
    pub(crate) room_size: usize,
}

impl Head {
    /// The head of a block that has just been taken by a heap.
    pub(crate) fn new(heap: u32) -> Self {
        let (cards, room) = (std::ptr::null_mut(), std::ptr::null());
        let (pending, carded) = (false, false);
        Self { large: 0, index: 0, heap, born: 0, cleaned: 0, pending, carded, cards, room, room_size: 0 }
    }
}

const _: () = assert!(size_of::<Head>() <= 64 && LARGE_DATA / GRANULE >= 64);

/// The head of the block or chunk that an object lies in.
#[inline(always)]
pub(crate) fn head(object: *const Header) -> *mut Head {
    object.map_addr(|address| address & !(BLOCK - 1)).cast_mut().cast()
}

/// The side byte of an object.
#[inline(always)]
pub(crate) fn side(object: *const Header) -> *mut u8 {
    let granule = (object.addr() & (BLOCK - 1)) / GRANULE;
    head(object).cast::<u8>().wrapping_add(granule)
}

/// Size of an object in bytes, whole granules.
///
/// # Safety
/// `object` points to an object with its header written, in a block or chunk.
#[inline(always)]
pub(crate) unsafe fn size_of_object(object: *const Header) -> usize {
    // SAFETY: by the caller's promise; an object with no granules in its header lies in a large chunk.
    unsafe {
        match (*object).granules {
            0 => (*head(object)).large,
            granules => granules as usize * GRANULE,
        }
    }
}

/// Every byte of a word set to `byte`.
#[inline(always)]
pub(crate) const fn splat(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

/// First granule at or after `from` whose side byte has a bit of `mask`, or [`GRANULES`].
///
/// # Safety
/// `block` is a block of the calling thread's heap.
#[inline]
pub(crate) unsafe fn find(block: *mut Head, from: usize, mask: u8) -> usize {
    let mask = splat(mask);
    let bytes = block.cast::<u8>();
    let mut at = from & !7;
    // Bytes below `from` in the first word do not count.
    let mut hide = u64::MAX << ((from & 7) * 8);
    while at < GRANULES {
        // SAFETY: the side bytes end at GRANULES, a multiple of 8, and are aligned to 8.
        let word = unsafe { bytes.add(at).cast::<u64>().read() }.to_le() & mask & hide;
        if word != 0 {
            return at + word.trailing_zeros() as usize / 8;
        }
        hide = u64::MAX;
        at += 8;
    }
    GRANULES
}

/// Which granules of a block are free: a bit for each.
pub(crate) struct FreeMap {
    /// Free granules.
    free: [u64; GRANULES / 64],
    /// Granules that begin four free ones.
    room: [u64; GRANULES / 64],
}

/// Smallest hole that a [`FreeMap`] shows, in granules.
#[cfg(test)]
pub(crate) const SMALLEST_HOLE: usize = 4;

impl FreeMap {
    pub(crate) const fn new() -> Self {
        Self { free: [0; GRANULES / 64], room: [0; GRANULES / 64] }
    }

    /// Reads a block's side bytes.
    ///
    /// # Safety
    /// `block` is a clean block of the calling thread's heap, all of whose marked objects have their ends noted.
    pub(crate) unsafe fn read(&mut self, block: *mut Head) {
        let bytes = block.cast::<u64>();
        let first = FIRST_GRANULE / 64;
        self.free[..first].fill(0);
        // An object from granule s to e contributes 2^(e+1) - 2^s: bits s to e. Objects do not overlap, so one subtraction of
        // long numbers, the starts from the doubled ends, gives all of them.
        let (mut carry, mut borrow) = (0, false);
        for word in first..GRANULES / 64 {
            let (mut starts, mut ends) = (0u64, 0u64);
            for byte in 0..8 {
                // SAFETY: inside the side bytes.
                let eight = unsafe { bytes.add(word * 8 + byte).read() }.to_le();
                starts |= gather(eight >> START.trailing_zeros()) << (byte * 8);
                ends |= gather(eight >> END.trailing_zeros()) << (byte * 8);
            }
            let doubled = ends << 1 | carry;
            carry = ends >> 63;
            let (difference, under) = doubled.overflowing_sub(starts);
            let (difference, under_again) = difference.overflowing_sub(borrow as u64);
            borrow = under || under_again;
            self.free[word] = !difference;
        }
        let mut above = 0;
        for word in (0..GRANULES / 64).rev() {
            let free = self.free[word];
            let pairs = free & (free >> 1 | above << 63);
            let above_pairs = above & above >> 1;
            self.room[word] = pairs & (pairs >> 2 | above_pairs << 62);
            above = free;
        }
    }

    /// The next hole at or after granule `from` that has `wanted` granules (perhaps less, if more than eight are wanted): first
    /// granule and the one after the last; `None` at the block's end.
    #[inline]
    pub(crate) fn hole(&self, from: usize, wanted: usize) -> Option<(usize, usize)> {
        // Four free granules here and four that end where the wanted ones do make up to eight.
        let apart = wanted.clamp(4, 8) - 4;
        let mut word = from / 64;
        let mut hide = u64::MAX << (from % 64);
        let start = loop {
            let here = *self.room.get(word)?;
            let mut found = here & hide;
            if apart > 0 && found != 0 {
                let above = self.room.get(word + 1).copied().unwrap_or(0);
                found &= here >> apart | above << (64 - apart);
            }
            if found != 0 {
                break word * 64 + found.trailing_zeros() as usize;
            }
            word += 1;
            hide = u64::MAX;
        };
        Some((start, next_bit(&self.free, start, u64::MAX).unwrap_or(GRANULES)))
    }
}

/// Bit 0 of every byte, gathered into the low byte.
#[inline(always)]
fn gather(word: u64) -> u64 {
    (word & splat(1)).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The first bit at or after `from` that is set after inverting with `invert`.
#[inline(always)]
fn next_bit(words: &[u64; GRANULES / 64], from: usize, invert: u64) -> Option<usize> {
    let mut word = from / 64;
    let mut bits = (words.get(word)? ^ invert) & u64::MAX << (from % 64);
    while bits == 0 {
        word += 1;
        bits = words.get(word)? ^ invert;
    }
    Some(word * 64 + bits.trailing_zeros() as usize)
}

/// Clears every side byte that lacks `colour`, that of full collection number `epoch`; tells whether any is left.
///
/// # Safety
/// `block` is a block of the calling thread's heap.
pub(crate) unsafe fn clean(block: *mut Head, colour: u8, epoch: u32) -> bool {
    let shift = colour.trailing_zeros();
    let words = block.cast::<u64>();
    let mut any = 0;
    for i in FIRST_GRANULE / 8..GRANULES / 8 {
        // SAFETY: inside the side bytes.
        unsafe {
            let word = words.add(i).read();
            let keep = ((word >> shift) & splat(1)) * 0xff;
            words.add(i).write(word & keep);
            any |= word & keep;
        }
    }
    // SAFETY: by the caller's promise.
    unsafe { (*block).cleaned = epoch };
    any != 0
}

const ARENA_BLOCKS: usize = 16;
const ARENA: usize = ARENA_BLOCKS * BLOCK;

/// The VM's blocks: taken from the system in arenas of 1 MiB, given back when an arena is wholly free.
#[derive(Default)]
pub(crate) struct BlockPool {
    inner: Mutex<Arenas>,
    rooms: Arc<Rooms>,
}

#[derive(Default)]
struct Arenas {
    /// By address.
    arenas: BTreeMap<usize, Arena>,
    free: Vec<NonNull<Head>>,
}

struct Arena {
    /// What keeps it.
    _room: Room,
    /// Blocks that nobody has.
    free: u32,
}

// SAFETY: the pool hands every block to one heap at a time; the tables are behind the mutex.
unsafe impl Send for BlockPool {}
// SAFETY: as above.
unsafe impl Sync for BlockPool {}

impl BlockPool {
    /// A pool whose arenas are these rooms.
    pub(super) fn new(rooms: Arc<Rooms>) -> Self {
        Self { inner: Mutex::default(), rooms }
    }

    /// A block with cleared head and side bytes, or none if the system has no memory.
    pub(crate) fn take(&self, heap: u32) -> Option<NonNull<Head>> {
        let mut inner = self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if inner.free.is_empty() {
            let room = self.rooms.take(ARENA, ARENA)?;
            let start = room.start();
            inner.arenas.insert(start.addr().get(), Arena { _room: room, free: ARENA_BLOCKS as u32 });
            for i in (0..ARENA_BLOCKS).rev() {
                // SAFETY: inside the arena.
                inner.free.push(unsafe { start.add(i * BLOCK) }.cast());
            }
        }
        let block = inner.free.pop()?;
        if let Some((_, arena)) = inner.arenas.range_mut(..=block.addr().get()).next_back() {
            arena.free -= 1;
        }
        drop(inner);
        // SAFETY: a free block of 64 KiB; head and side bytes lie before BLOCK_DATA.
        unsafe {
            block.cast::<u8>().write_bytes(0, BLOCK_DATA);
            block.as_ptr().write(Head::new(heap));
        }
        Some(block)
    }

    /// Takes a block back; nobody refers to it any more.
    pub(crate) fn give(&self, block: NonNull<Head>) {
        let mut inner = self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        inner.free.push(block);
        let address = block.addr().get();
        let Some((&start, arena)) = inner.arenas.range_mut(..=address).next_back() else { return };
        arena.free += 1;
        // Two arenas' worth stay here for the next who needs a block.
        if arena.free as usize == ARENA_BLOCKS && inner.free.len() > 2 * ARENA_BLOCKS {
            inner.free.retain(|block| !(start..start + ARENA).contains(&block.addr().get()));
            inner.arenas.remove(&start);
        }
    }
}

impl Drop for BlockPool {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (_, arena) in std::mem::take(&mut inner.arenas) {
            // An arena with blocks in use is leaked: some heap outlived the pool.
            if (arena.free as usize) < ARENA_BLOCKS {
                std::mem::forget(arena);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_map_shows_the_holes_between_objects() {
        let pool = BlockPool::default();
        let block = pool.take(1).unwrap();
        let mut seed = 88172645463325252u64;
        let mut random = |n: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % n as u64) as usize
        };
        for round in 0..200 {
            let density = 1 + round % 40;
            let mut taken = vec![false; GRANULES];
            // SAFETY: the test's own block.
            unsafe {
                block.cast::<u8>().add(FIRST_GRANULE).write_bytes(0, GRANULES - FIRST_GRANULE);
                let mut at = FIRST_GRANULE + random(density);
                loop {
                    let size = 1 + if random(10) == 0 { random(300) } else { random(5) };
                    if at + size > GRANULES {
                        break;
                    }
                    taken[at..at + size].fill(true);
                    let side = block.cast::<u8>();
                    side.add(at).write(COLOUR_A | START | LOG);
                    *side.add(at + size - 1).as_ptr() |= COLOUR_A | END;
                    at += size + random(density);
                }
                let mut map = FreeMap::new();
                map.read(block.as_ptr());
                let mut holes = Vec::new();
                let mut from = FIRST_GRANULE;
                while let Some((start, end)) = map.hole(from, SMALLEST_HOLE) {
                    holes.push((start, end));
                    from = end;
                }
                let mut expected = Vec::new();
                let mut at = FIRST_GRANULE;
                while at < GRANULES {
                    let end = (at..GRANULES).find(|&g| taken[g]).unwrap_or(GRANULES);
                    if end - at >= SMALLEST_HOLE {
                        expected.push((at, end));
                    }
                    at = end.max(at + 1);
                }
                assert_eq!(holes, expected);
                for wanted in SMALLEST_HOLE + 1..=8 {
                    let mut wide = Vec::new();
                    let mut from = FIRST_GRANULE;
                    while let Some((start, end)) = map.hole(from, wanted) {
                        wide.push((start, end));
                        from = end;
                    }
                    let fitting: Vec<_> =
                        expected.iter().copied().filter(|(start, end)| end - start >= wanted).collect();
                    assert_eq!(wide, fitting, "holes of {wanted}");
                }
            }
        }
        pool.give(block);
    }
}
