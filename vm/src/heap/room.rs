//! Memory from the system, and the thread that touches it before the program does.
//!
//! The system gives memory page by page, at the first touch of each, for one to three microseconds: a fifth of the time of a program that makes
//! much. Half of that, or all of it, can be another thread's: it touches new rooms from their ends, while their owners begin to fill
//! them at the front. It also gives rooms back, so that nobody waits for that either. Small programs never have such a thread.
//!
//! Invariant: to touch is not to write. What a room holds is its owner's alone, and it is given back when neither its owner nor the thread has
//! it any more.

use super::block::BLOCK;
use memmap2::MmapMut;
use std::collections::VecDeque;
use std::hint::black_box;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread::JoinHandle;

/// Bytes that a VM takes from the system before the thread begins.
const BEGINS: usize = 4 << 20;
/// Rooms of fewer bytes are not touched ahead: waking the thread would cost as much.
const WORTH: usize = 256 << 10;
/// Bytes that are touched at once.
const PIECE: usize = 64 << 10;
/// Rooms that wait for being touched; the program has filled older ones meanwhile.
const WAITING: usize = 8;

/// Memory that begins at a multiple of [`BLOCK`], and addresses behind it into which it can grow.
pub(super) struct Room {
    map: Arc<MmapMut>,
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: a room's memory is reached through its owner only.
unsafe impl Send for Room {}

impl Room {
    /// A room of which nothing is used yet, all zero, that can grow to `extent`; none if the system has no memory.
    fn new(extent: usize) -> Option<Self> {
        let mut map = MmapMut::map_anon(extent.checked_add(BLOCK)?).ok()?;
        let begin = map.as_mut_ptr();
        let start = NonNull::new(begin.wrapping_add(begin.align_offset(BLOCK)))?;
        Some(Self { map: Arc::new(map), start, size: 0 })
    }

    /// Where it begins.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Bytes that are used, or were so once.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Bytes that there are addresses for.
    pub(super) fn extent(&self) -> usize {
        self.map.len() - self.offset()
    }

    /// Where it begins in its mapping.
    fn offset(&self) -> usize {
        self.start.addr().get() - self.map.as_ptr().addr()
    }

    /// The room is kept by a pointer from now on.
    pub(super) fn into_raw(self) -> *const MmapMut {
        Arc::into_raw(self.map)
    }

    /// The room again.
    ///
    /// # Safety
    /// `map` is from [`into_raw`](Self::into_raw) of a room with this start, which is made again once for each time, and of whose extent no more
    /// than `size` bytes have been used.
    pub(super) unsafe fn from_raw(map: *const MmapMut, start: NonNull<u8>, size: usize) -> Self {
        // SAFETY: by the caller's promise.
        Self { map: unsafe { Arc::from_raw(map) }, start, size }
    }
}

/// Has the C library's allocator keep freed memory, up to a few megabytes, for long texts and what natives need for a while.
///
/// glibc gives large pieces back to the system at once, to get them anew page by page, until it has seen one of their size being freed: then
/// it takes such sizes for usual, and keeps twice as much. Other allocators pay a few microseconds.
pub(super) fn accustom_allocator() {
    const USUAL: usize = 8 << 20;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(USUAL))));
}

/// Rooms for all heaps of a VM.
#[derive(Default)]
pub(super) struct Rooms {
    /// Bytes taken so far.
    taken: AtomicUsize,
    worker: Mutex<Option<JoinHandle<()>>>,
    work: Arc<Work>,
}

#[derive(Default)]
struct Work {
    todo: Mutex<Todo>,
    /// Something has come, or the end.
    news: Condvar,
}

#[derive(Default)]
struct Todo {
    touch: VecDeque<(Arc<MmapMut>, Range<usize>)>,
    give: Vec<Room>,
    ended: bool,
}

impl Work {
    fn todo(&self) -> MutexGuard<'_, Todo> {
        self.todo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is to be done, and lets the thread know.
    fn change(&self, change: impl FnOnce(&mut Todo)) {
        change(&mut self.todo());
        self.news.notify_one();
    }

    /// What the thread does.
    fn run(&self) {
        let mut todo = self.todo();
        while !todo.ended {
            if let Some((map, range)) = todo.touch.pop_back() {
                drop(todo);
                touch(&map, range);
                drop(map);
            } else if let Some(room) = todo.give.pop() {
                drop(todo);
                drop(room);
            } else {
                todo = self.news.wait(todo).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            todo = self.todo();
        }
    }
}

/// Touches these bytes of a room from the last to the first, until nobody else has it.
#[cfg(target_os = "linux")]
fn touch(map: &Arc<MmapMut>, bytes: Range<usize>) {
    let mut end = bytes.end;
    while end > bytes.start && Arc::strong_count(map) > 1 {
        let from = end.saturating_sub(PIECE).max(bytes.start);
        let piece = from..std::mem::replace(&mut end, from);
        if map.advise_range(memmap2::Advice::PopulateWrite, piece.start, piece.len()).is_err() {
            return; // a system before 5.14, or one without memory: the program touches what it needs
        }
    }
}

/// Elsewhere there is no way to touch memory without writing to it.
#[cfg(not(target_os = "linux"))]
fn touch(_: &Arc<MmapMut>, _: Range<usize>) {}

impl Rooms {
    /// A room of `size` bytes, or none if the system has no memory, that can grow to `extent` if it has so many addresses. Its owner is going to
    /// fill it, or most of it.
    pub(super) fn take(&self, size: usize, extent: usize) -> Option<Room> {
        let mut room = Room::new(extent.max(size)).or_else(|| Room::new(size))?;
        self.grow(&mut room, size);
        Some(room)
    }

    /// Lets a room have `size` bytes, which are no more than its extent. Its owner is going to fill what is new.
    pub(super) fn grow(&self, room: &mut Room, size: usize) {
        debug_assert!(size <= room.extent());
        let old = room.size;
        if size <= old {
            return;
        }
        room.size = size;
        let taken = self.taken.fetch_add(size - old, Ordering::Relaxed);
        if cfg!(target_os = "linux") && taken >= BEGINS && size - old >= WORTH && self.works() {
            let offset = room.offset();
            self.work.change(|todo| {
                if todo.touch.len() == WAITING {
                    todo.touch.pop_front();
                }
                todo.touch.push_back((room.map.clone(), offset + old..offset + size));
            });
        }
    }

    /// Gives rooms back to the system, without waiting for it.
    pub(super) fn give(&self, rooms: Vec<Room>) {
        if self.works() {
            self.work.change(|todo| todo.give.extend(rooms));
        }
    }

    /// Whether the thread works, which begins now if it has not yet.
    fn works(&self) -> bool {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_none() {
            let work = self.work.clone();
            *worker = std::thread::Builder::new().name("memory".into()).spawn(move || work.run()).ok();
        }
        worker.is_some()
    }
}

impl Drop for Rooms {
    fn drop(&mut self) {
        self.work.change(|todo| todo.ended = true);
        let worker = self.worker.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = worker.take() {
            let _ = thread.join(); // it panics nowhere
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_aligned_zero_and_keep_what_is_written_while_they_are_touched() {
        let rooms = Rooms::default();
        let filled: Vec<Room> = (0..40u8)
            .map(|i| {
                let room = rooms.take((1 << 20) + usize::from(i) * BLOCK, 0).expect("a megabyte");
                assert_eq!((room.start().addr().get() % BLOCK, room.size() % BLOCK), (0, 0));
                // SAFETY: the test's own room.
                unsafe {
                    let words = std::slice::from_raw_parts_mut(room.start().as_ptr(), room.size());
                    assert!(words.iter().step_by(512).all(|byte| *byte == 0));
                    words.fill(i + 1);
                }
                room
            })
            .collect();
        for (i, room) in (0..).zip(&filled) {
            // SAFETY: the test's own room, which it has filled.
            let words = unsafe { std::slice::from_raw_parts(room.start().as_ptr(), room.size()) };
            assert!(words.iter().all(|byte| *byte == i + 1));
        }
        rooms.give(filled);
    }

    #[test]
    fn a_room_that_cannot_be_is_none() {
        let rooms = Rooms::default();
        assert!(rooms.take(usize::MAX, 0).is_none() && rooms.take(usize::MAX / 2, 0).is_none());
        let exact = rooms.take(BLOCK, usize::MAX / 2).expect("without addresses to grow into");
        assert!(exact.size() == BLOCK && exact.extent() <= 2 * BLOCK);
    }

    #[test]
    fn a_room_grows_where_it_lies() {
        let rooms = Rooms::default();
        let mut room = rooms.take(BLOCK, 64 * BLOCK).expect("addresses");
        let start = room.start();
        for blocks in [1, 3, 64] {
            rooms.grow(&mut room, blocks * BLOCK);
            assert_eq!((room.start(), room.size()), (start, blocks * BLOCK));
            // SAFETY: the test's own room.
            unsafe { start.add(blocks * BLOCK - 1).write(7) };
        }
        rooms.grow(&mut room, BLOCK);
        assert_eq!(room.size(), 64 * BLOCK);
        // SAFETY: as above.
        assert_eq!(unsafe { (start.add(3 * BLOCK - 1).read(), start.add(3 * BLOCK).read()) }, (7, 0));
    }
}
