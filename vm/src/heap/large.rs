//! Large chunks: objects with an allocation of their own, and the cards that note where these were written.
//!
//! Memory from the system has its price (`room`), and programs whose arrays and texts grow ask for the same sizes again and again. So
//! sizes are rounded up to a few, and chunks that were freed lately are kept for the next who asks. What is expected to grow has addresses
//! behind it, so that it need not be copied.

use super::block::{BLOCK, Head, LARGE_DATA};
use super::room::{Room, Rooms};
use crate::object::Header;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

/// Bytes of a large object that one card stands for: a slot, since programs write at random places of a large array, and what each card
/// stands for is looked at by the next collection.
const CARD: usize = 8;

/// Bytes of freed chunks that are kept at least; the oldest go first.
const KEPT: usize = 8 << 20;
/// How many times its size an object that is expected to grow has addresses for; and how many times its size a kept chunk may be for it.
const GROWS: usize = 4;
/// Bytes that are given back to the system at once; more of them by the thread of `room`.
const GIVEN_AT_ONCE: usize = 256 << 10;

/// Bytes of the room that a chunk of an object of so many bytes has: rounded up by at most an eighth, or by a block.
fn room_for(bytes: usize) -> Option<usize> {
    let bytes = bytes.checked_add(LARGE_DATA)?;
    let step = (bytes.checked_next_power_of_two()? / 16).max(BLOCK);
    bytes.checked_next_multiple_of(step)
}

/// Where a VM's large chunks come from: from what was freed lately, or from the system.
#[derive(Default)]
pub(crate) struct Chunks {
    kept: Mutex<Kept>,
    rooms: Arc<Rooms>,
}

#[derive(Default)]
struct Kept {
    /// In the order in which they were freed.
    rooms: VecDeque<Room>,
    /// Their sizes together.
    bytes: usize,
}

impl Chunks {
    /// Chunks that lie in these rooms.
    pub(super) fn new(rooms: Arc<Rooms>) -> Self {
        Self { kept: Mutex::default(), rooms }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A chunk for an object of `bytes` (a whole number of granules), or none if the system has no memory. Whether the object is expected to
    /// grow is said by `grows`.
    pub(crate) fn take(&self, bytes: usize, grows: bool, heap: u32) -> Option<NonNull<Head>> {
        let size = room_for(bytes)?;
        let most = if grows { size.saturating_mul(GROWS) } else { size };
        let mut kept = self.kept();
        // The latest of the smallest that will do.
        let fits = |room: &Room| room.size() >= size && room.size() <= most;
        let fitting = kept.rooms.iter().enumerate().rev().filter(|(_, room)| fits(room));
        let room = match fitting.min_by_key(|(_, room)| room.size()).map(|(at, _)| at) {
            Some(at) => {
                let room = kept.rooms.remove(at)?;
                kept.bytes -= room.size();
                room
            }
            None => {
                drop(kept);
                self.rooms.take(size, most)?
            }
        };
        let chunk = room.start();
        let room_size = room.size();
        // SAFETY: the chunk begins with LARGE_DATA bytes of head and side bytes.
        unsafe {
            chunk.write_bytes(0, LARGE_DATA);
            chunk.cast().write(Head { large: bytes, room: room.into_raw(), room_size, ..Head::new(heap) });
        }
        Some(chunk.cast())
    }

    /// Makes a chunk's object longer where it lies; false if there is no room for that.
    ///
    /// # Safety
    /// The chunk is from [`take`](Self::take), and its head and cards are used by nobody else.
    pub(crate) unsafe fn lengthen(&self, chunk: NonNull<Head>, bytes: usize) -> bool {
        let Some(size) = room_for(bytes) else { return false };
        let head = chunk.as_ptr();
        // SAFETY: by the caller's promise. The room stays the chunk's: it is not dropped here.
        unsafe {
            let mut room = ManuallyDrop::new(Room::from_raw((*head).room, chunk.cast(), (*head).room_size));
            if size > room.extent() {
                return false;
            }
            self.rooms.grow(&mut room, size);
            (*head).room_size = room.size();
            if !(*head).cards.is_null() {
                let (old, new) = (card_words((*head).large), card_words(bytes));
                let before = Box::from_raw(std::ptr::slice_from_raw_parts_mut((*head).cards, old.0 + old.1));
                let mut cards = vec![0u64; new.0 + new.1].into_boxed_slice();
                cards[..old.0].copy_from_slice(&before[..old.0]);
                cards[new.0..][..old.1].copy_from_slice(&before[old.0..]);
                (*head).cards = Box::into_raw(cards).cast();
            }
            (*head).large = bytes;
        }
        true
    }

    /// Frees chunks. As much as is `used` is kept for the next who asks: a heap that goes on as it did needs it before its next collection.
    /// The rest is given back, many bytes by another thread, so that nobody waits for the system.
    ///
    /// # Safety
    /// The chunks are from [`take`](Self::take), and nobody refers to them any more.
    pub(crate) unsafe fn give(&self, chunks: Vec<NonNull<Head>>, used: usize) {
        let most = used.max(KEPT);
        let mut surplus: Vec<Room> = Vec::new();
        let mut kept = self.kept();
        for chunk in chunks {
            // SAFETY: by the caller's promise the head is there; cards and room are the chunk's own, and were so since it was taken.
            let room = unsafe {
                let bytes = (*chunk.as_ptr()).large;
                let cards = (*chunk.as_ptr()).cards;
                if !cards.is_null() {
                    let (groups, words) = card_words(bytes);
                    drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(cards, groups + words)));
                }
                Room::from_raw((*chunk.as_ptr()).room, chunk.cast(), (*chunk.as_ptr()).room_size)
            };
            if room.size() > most {
                surplus.push(room);
                continue;
            }
            kept.bytes += room.size();
            kept.rooms.push_back(room);
            while kept.bytes > most
                && let Some(oldest) = kept.rooms.pop_front()
            {
                kept.bytes -= oldest.size();
                surplus.push(oldest);
            }
        }
        drop(kept);
        if surplus.iter().map(Room::size).sum::<usize>() > GIVEN_AT_ONCE {
            self.rooms.give(surplus);
        }
    }
}

/// The object of a large chunk.
pub(crate) fn object(chunk: NonNull<Head>) -> *mut Header {
    chunk.as_ptr().cast::<u8>().wrapping_add(LARGE_DATA).cast()
}

/// How many words the cards of a large object of so many bytes take, and the words that have a bit for each of those: the latter first.
fn card_words(bytes: usize) -> (usize, usize) {
    let words = bytes.div_ceil(CARD * 64);
    (words.div_ceil(64), words)
}

/// Notes that something was written at `offset` bytes into the object of a large chunk.
///
/// # Safety
/// `chunk` is a large chunk of the calling thread's heap, and the offset lies in its object.
pub(crate) unsafe fn set_card(chunk: *mut Head, offset: usize) {
    // SAFETY: by the caller's promise; there is a card for every CARD bytes.
    unsafe {
        let (groups, words) = card_words((*chunk).large);
        if (*chunk).cards.is_null() {
            let cards = vec![0u64; groups + words].into_boxed_slice();
            (*chunk).cards = Box::into_raw(cards).cast();
        }
        let word = offset / CARD / 64;
        *(*chunk).cards.add(word / 64) |= 1 << (word % 64);
        *(*chunk).cards.add(groups + word) |= 1 << (offset / CARD % 64);
    }
}

/// Calls `written` with the ranges of bytes that up to `most` cards note, those that lie side by side at once, and clears these. Tells
/// whether none are left; the chunk is no longer carded then.
///
/// # Safety
/// `chunk` is a large chunk of the calling thread's heap.
pub(crate) unsafe fn take_cards(
    chunk: *mut Head,
    most: usize,
    mut written: impl FnMut(usize, usize),
) -> bool {
    // SAFETY: by the caller's promise; the cards are a slice of this length.
    unsafe {
        let bytes = (*chunk).large;
        let mut left = most;
        if !(*chunk).cards.is_null() {
            let (groups, words) = card_words(bytes);
            let cards = std::slice::from_raw_parts_mut((*chunk).cards, groups + words);
            let (groups, words) = cards.split_at_mut(groups);
            for (number, group) in groups.iter_mut().enumerate() {
                while *group != 0 {
                    let word = number * 64 + group.trailing_zeros() as usize;
                    while words[word] != 0 {
                        if left == 0 {
                            return false;
                        }
                        let first = words[word].trailing_zeros();
                        let count = (words[word] >> first).trailing_ones() as usize;
                        let count = count.min(left);
                        left -= count;
                        words[word] &= !(u64::MAX >> (64 - count) << first);
                        let from = (word * 64 + first as usize) * CARD;
                        written(from, (from + count * CARD).min(bytes));
                    }
                    *group &= *group - 1;
                }
            }
        }
        (*chunk).carded = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_chunks_serve_the_next_of_their_size() {
        let chunks = Chunks::default();
        let first = chunks.take(100 << 10, false, 1).unwrap();
        // SAFETY: the test's own chunks, each given once.
        unsafe {
            chunks.give(vec![first], 0);
            assert_eq!(chunks.kept().bytes, 128 << 10);
            let other = chunks.take(500 << 10, false, 1).unwrap();
            assert_ne!(other, first);
            let again = chunks.take(120 << 10, false, 2).unwrap();
            assert_eq!(again, first);
            assert_eq!(((*again.as_ptr()).large, (*again.as_ptr()).heap), (120 << 10, 2));
            chunks.give(vec![again, other], 0);
            // More than is kept: the oldest go.
            let many: Vec<_> = (0..20).map(|_| chunks.take(1 << 20, false, 1).unwrap()).collect();
            let last = many[19];
            chunks.give(many, 0);
            assert!(chunks.kept().bytes <= KEPT);
            assert_eq!(chunks.take(1 << 20, false, 1), Some(last));
            chunks.give(vec![last, chunks.take(KEPT, false, 1).unwrap()], 0);
            assert!(chunks.kept().bytes <= KEPT);
            // Who uses much keeps much, until that is less.
            let many: Vec<_> = (0..20).map(|_| chunks.take(1 << 20, false, 1).unwrap()).collect();
            chunks.give(many, 3 * KEPT);
            assert!(chunks.kept().bytes > 2 * KEPT);
            chunks.give(vec![chunks.take(1 << 20, false, 1).unwrap()], 0);
            assert!(chunks.kept().bytes <= KEPT);
        }
    }

    #[test]
    fn rooms_are_little_larger_than_what_they_are_for() {
        for bytes in (0..60)
            .flat_map(|power| [1usize << power, (1 << power) + 16, (3usize << power).saturating_sub(16)])
        {
            let room = room_for(bytes).unwrap();
            assert!(
                room >= bytes + LARGE_DATA && room - bytes <= (bytes / 8 + LARGE_DATA).max(BLOCK) + BLOCK,
                "{bytes}: {room}"
            );
        }
        assert!(room_for(usize::MAX).is_none() && room_for(usize::MAX - LARGE_DATA).is_none());
    }

    #[test]
    fn what_grows_where_it_lies_keeps_its_cards() {
        let (chunks, bytes) = (Chunks::default(), 1 << 20);
        let chunk = chunks.take(bytes, true, 1).unwrap();
        let written = vec![0, 8, 4096, bytes - 8, 2 * bytes - 8, 3 * bytes - 8];
        let mut found = Vec::new();
        // SAFETY: the test's own chunk; the offsets lie in its object.
        unsafe {
            for &offset in &written {
                if offset >= (*chunk.as_ptr()).large {
                    assert!(chunks.lengthen(chunk, (offset + 8).next_multiple_of(bytes)));
                }
                set_card(chunk.as_ptr(), offset);
            }
            assert!(!chunks.lengthen(chunk, 5 * bytes));
            let mut add = |from: usize, to: usize| found.extend((from..to).step_by(CARD));
            assert!(take_cards(chunk.as_ptr(), usize::MAX, &mut add));
            assert_eq!(found, written);
            chunks.give(vec![chunk], 0);
            // What may grow takes a room that has grown before; what may not, takes none that is too large for it.
            let exact = chunks.take(bytes, false, 1).unwrap();
            let grown = chunks.take(bytes, true, 1).unwrap();
            assert!(exact != chunk && grown == chunk);
            chunks.give(vec![exact, grown], 0);
        }
    }

    #[test]
    fn cards_give_back_each_written_slot_once() {
        let (chunks, bytes) = (Chunks::default(), 5 << 20);
        let chunk = chunks.take(bytes, false, 1).unwrap();
        let mut written = vec![0, 8, 504, 512, 4096, 32768, 32776, bytes - 8];
        written.extend((1 << 20..(1 << 20) + 512).step_by(CARD));
        // SAFETY: the test's own chunk; the offsets lie in its object.
        unsafe {
            for &offset in written.iter().rev().chain(&written) {
                set_card(chunk.as_ptr(), offset);
            }
            let mut found = Vec::new();
            let mut looks = 0;
            loop {
                looks += 1;
                let done = take_cards(chunk.as_ptr(), 3, |from, to| {
                    assert_eq!(to % CARD, 0);
                    found.extend((from..to).step_by(CARD));
                });
                if done {
                    break;
                }
            }
            written.sort_unstable();
            assert_eq!((found, looks), (written, 24));
            assert!(take_cards(chunk.as_ptr(), 1, |_, _| panic!("all have been taken")));
            chunks.give(vec![chunk], 0);
        }
    }
}
