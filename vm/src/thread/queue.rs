//! The queue of a mailbox: anybody puts in, one at a time takes out, in the order of the places.
//!
//! Places are numbered, and `ROOM` of them make a block. Who puts something in takes the next place by one compare-and-swap, fills it, and
//! marks it as full; who takes out goes from place to place while they are full. Behind the places of a block one number is left out: while
//! the tail shows it, whoever took the block's last place appends the next block, and others wait for that.
//!
//! Invariant: marking a place as full is the last thing that a sender does with a block, so a block whose places were all full is nobody's
//! when they have been emptied: it becomes the spare one, or is freed. A place that has been taken and is not full yet hides those behind
//! it: whoever fills it asks the owner to look after that (see `mailbox`). `models` checks this in all interleavings.

use crate::heap::sync::{AtomicBool, AtomicPtr, AtomicUsize, Mutex, Ordering, lock};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

#[cfg(loom)]
use loom::cell::UnsafeCell;

/// Places of a block.
#[cfg(not(loom))]
const ROOM: usize = 31;
#[cfg(loom)]
const ROOM: usize = 2;
/// Numbers from one block to the next.
const LAP: usize = ROOM + 1;

/// As loom's, which watches who touches the content.
#[cfg(not(loom))]
struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    fn new(content: T) -> Self {
        Self(std::cell::UnsafeCell::new(content))
    }

    #[inline(always)]
    fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

struct Place<T> {
    full: AtomicBool,
    message: UnsafeCell<MaybeUninit<T>>,
}

struct Block<T> {
    places: [Place<T>; ROOM],
    next: AtomicPtr<Block<T>>,
}

impl<T> Block<T> {
    fn new() -> Box<Self> {
        let place =
            |_| Place { full: AtomicBool::new(false), message: UnsafeCell::new(MaybeUninit::uninit()) };
        Box::new(Block { places: std::array::from_fn(place), next: AtomicPtr::new(null_mut()) })
    }
}

/// Where those who put in meet, on a cache line of its own.
#[repr(align(128))]
struct Tail<T> {
    /// Number of the next place.
    number: AtomicUsize,
    /// Its block.
    block: AtomicPtr<Block<T>>,
}

/// Where whoever takes out stands.
struct Head<T> {
    number: usize,
    block: *mut Block<T>,
}

// SAFETY: the blocks are reached by one thread at a time, who holds the lock around the head; messages may change threads.
unsafe impl<T: Send> Send for Head<T> {}

/// A queue.
pub(super) struct Queue<T> {
    tail: Tail<T>,
    head: Mutex<Head<T>>,
    /// Number of the place at the head.
    taken: AtomicUsize,
    /// An empty block for whoever needs the next one, or null.
    spare: AtomicPtr<Block<T>>,
    /// How a place is marked as full; a model weakens it, to show what it is for.
    #[cfg(loom)]
    mark: Ordering,
}

// SAFETY: a place is written by the sender that took it, until it is marked as full, and read by whoever takes out after that.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Queue<T> {}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let block = Box::into_raw(Block::new());
        Self {
            tail: Tail { number: AtomicUsize::new(0), block: AtomicPtr::new(block) },
            head: Mutex::new(Head { number: 0, block }),
            taken: AtomicUsize::new(0),
            spare: AtomicPtr::new(null_mut()),
            #[cfg(loom)]
            mark: Ordering::Release,
        }
    }

    /// Puts a message in.
    pub(super) fn push(&self, message: T) {
        let mut next = None;
        let mut number = self.tail.number.load(Ordering::Acquire);
        loop {
            let place = number % LAP;
            if place == ROOM {
                pause();
                number = self.tail.number.load(Ordering::Acquire);
                continue;
            }
            // The number was seen before: if it is still the tail's below, this is its block.
            let block = self.tail.block.load(Ordering::Acquire);
            let is_last = place + 1 == ROOM;
            if is_last && next.is_none() {
                next = Some(self.empty_block());
            }
            let taken =
                self.tail.number.compare_exchange(number, number + 1, Ordering::AcqRel, Ordering::Acquire);
            if let Err(seen) = taken {
                number = seen;
                continue;
            }
            // SAFETY: a block is not freed before all its places were full, and this one is not yet.
            let block = unsafe { &*block };
            if is_last && let Some(next) = next.take() {
                let next = Box::into_raw(next);
                self.tail.block.store(next, Ordering::Release);
                self.tail.number.store(number + 2, Ordering::Release);
                block.next.store(next, Ordering::Release);
            }
            let place = &block.places[place];
            // SAFETY: the place belongs to this sender until it is marked as full.
            place.message.with_mut(|content| unsafe { (*content).write(message) });
            place.full.store(true, self.mark());
            break;
        }
        if let Some(unused) = next {
            self.keep(unused);
        }
    }

    /// Takes out what is there, in order, up to `most` messages.
    pub(super) fn take(&self, most: usize, mut found: impl FnMut(T)) {
        let mut head = lock(&self.head);
        for _ in 0..most {
            // SAFETY: the head's block is freed by nobody but who holds the lock.
            let block = unsafe { &*head.block };
            let place = &block.places[head.number % LAP];
            if !place.full.load(Ordering::Acquire) {
                break;
            }
            // SAFETY: the place is full, so its message is there and nobody else touches it; it is read once, for the head moves on.
            let message = place.message.with_mut(|content| unsafe { (*content).assume_init_read() });
            place.full.store(false, Ordering::Relaxed);
            head.number += 1;
            if head.number % LAP == ROOM {
                // Appended before the last place was marked as full.
                let next = block.next.load(Ordering::Relaxed);
                block.next.store(null_mut(), Ordering::Relaxed);
                // SAFETY: made by `Box::into_raw`, and nobody's now (see the invariant).
                let emptied = unsafe { Box::from_raw(std::mem::replace(&mut head.block, next)) };
                self.keep(emptied);
                head.number += 1;
            }
            self.taken.store(head.number, Ordering::Release);
            found(message);
        }
    }

    /// Whether a place has been taken that is not emptied yet.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.load(Ordering::Acquire) == self.tail.number.load(Ordering::Acquire)
    }

    fn empty_block(&self) -> Box<Block<T>> {
        match self.spare.swap(null_mut(), Ordering::Acquire) {
            spare if spare.is_null() => Block::new(),
            // SAFETY: made by `Box::into_raw` in `keep`, and taken by this thread alone.
            spare => unsafe { Box::from_raw(spare) },
        }
    }

    /// Keeps an empty block as the spare one, if there is none.
    fn keep(&self, block: Box<Block<T>>) {
        let block = Box::into_raw(block);
        let kept = self.spare.compare_exchange(null_mut(), block, Ordering::Release, Ordering::Relaxed);
        if kept.is_err() {
            // SAFETY: just made of a box, and not given away.
            drop(unsafe { Box::from_raw(block) });
        }
    }

    #[inline(always)]
    fn mark(&self) -> Ordering {
        #[cfg(loom)]
        return self.mark;
        #[cfg(not(loom))]
        Ordering::Release
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.take(usize::MAX, drop);
        let block = lock(&self.head).block;
        let spare = self.spare.swap(null_mut(), Ordering::Acquire);
        for block in [block, spare] {
            if !block.is_null() {
                // SAFETY: made by `Box::into_raw`; nobody else has the queue any more. The head's block is the last one: all before were
                // emptied, and one behind is appended only when all places of this one are taken.
                drop(unsafe { Box::from_raw(block) });
            }
        }
    }
}

/// Waits for a block to be appended.
fn pause() {
    #[cfg(not(loom))]
    {
        std::hint::spin_loop();
        // Whoever appends may have lost its processor.
        std::thread::yield_now();
    }
    #[cfg(loom)]
    loom::thread::yield_now();
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn each_message_comes_once_and_in_its_sender_s_order() {
        const SENDERS: usize = 4;
        const EACH: usize = 20_000;
        let queue = Arc::new(Queue::<(usize, Box<usize>)>::new());
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let queue = queue.clone();
                std::thread::spawn(move || (0..EACH).for_each(|n| queue.push((sender, Box::new(n)))))
            })
            .collect();
        let mut next = [0; SENDERS];
        while next.iter().sum::<usize>() < SENDERS * EACH {
            queue.take(100, |(sender, n)| {
                assert_eq!(*n, next[sender]);
                next[sender] += 1;
            });
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        assert!(queue.is_empty());
    }

    #[test]
    fn what_nobody_takes_is_dropped_with_the_queue() {
        let counted = Arc::new(());
        for left in [0, 1, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM] {
            let queue = Queue::new();
            for _ in 0..left + 5 {
                queue.push(counted.clone());
            }
            queue.take(5, drop);
            assert_eq!((Arc::strong_count(&counted), queue.is_empty()), (left + 1, left == 0));
            drop(queue);
            assert_eq!(Arc::strong_count(&counted), 1);
        }
    }
}

#[cfg(all(test, loom))]
#[path = "queue_models.rs"]
mod models;
