//! A thread's mailbox: a queue that anybody puts into, a flag that asks the owner to look, sleeping and waking.
//!
//! Protocol. A sender puts its message into the queue, then looks whether the owner has been asked already; if not, it asks. The
//! owner takes the request back *before* it empties the queue. A fence on both sides lies between the write of one word and the
//! read of the other, so one of the two sees what the other did: either the sender finds the flag down and raises it, or the
//! owner's look into the queue finds the message. An owner that is about to sleep announces that, then looks at the flag; whoever
//! raises the flag then looks whether the owner sleeps (the same argument). `models` checks this in all interleavings.
//!
//! So a message into a mailbox whose owner has been asked costs a push and one load; that is what makes a flood of small messages
//! cheap.

use crate::heap::sync::{AtomicBool, Condvar, Mutex, Ordering, fence, lock};
use std::time::Instant;

#[cfg(not(loom))]
use super::queue::Queue;

/// Who needs a fence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    /// Between putting a message in and looking at the flag.
    Sender,
    /// Between taking the request back and looking into the queue.
    Owner,
    /// Between raising the flag and looking whether the owner sleeps.
    Waker,
    /// Between announcing sleep and looking at the flag.
    Sleeper,
}

/// A mailbox for messages of type `T`.
pub struct Mailbox<T> {
    queue: Queue<T>,
    asked: AtomicBool,
    sleeping: AtomicBool,
    /// Set by whoever rings.
    gate: Mutex<bool>,
    bell: Condvar,
    /// The fence that a model leaves out.
    #[cfg(loom)]
    without: Option<Side>,
}

impl<T> Mailbox<T> {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            queue: Queue::new(),
            asked: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            gate: Mutex::new(false),
            bell: Condvar::new(),
            #[cfg(loom)]
            without: None,
        }
    }

    /// Puts a message in. The caller asks the owner to look, unless [`has_been_asked`](Self::has_been_asked).
    pub fn push(&self, message: T) {
        self.queue.push(message);
    }

    /// Whether the owner will look after this moment anyway.
    pub fn has_been_asked(&self) -> bool {
        self.fence(Side::Sender);
        self.asked.load(Ordering::Relaxed)
    }

    /// Raises the flag. Whether it was down.
    pub fn ask(&self) -> bool {
        !self.asked.swap(true, Ordering::AcqRel)
    }

    /// A fence of the protocol; a model may leave one out, to show what it is for.
    #[inline(always)]
    fn fence(&self, side: Side) {
        #[cfg(loom)]
        if self.without == Some(side) {
            return;
        }
        let _ = side;
        fence(Ordering::SeqCst);
    }

    /// Wakes the owner if it sleeps; called after [`ask`](Self::ask).
    pub fn wake(&self) {
        self.fence(Side::Waker);
        if self.sleeping.load(Ordering::Relaxed) {
            self.ring();
        }
    }

    /// Wakes the owner, or keeps it from sleeping the next time.
    pub fn ring(&self) {
        *lock(&self.gate) = true;
        self.bell.notify_all();
    }

    /// Whether the owner is to look (owner only).
    #[inline(always)]
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Takes the request back, before the queue is emptied; whether there was one (owner only).
    pub fn take_request(&self) -> bool {
        let asked = self.asked.swap(false, Ordering::AcqRel);
        self.fence(Side::Owner);
        asked
    }

    /// Takes out the oldest messages, up to `most`.
    pub fn take(&self, most: usize, found: impl FnMut(T)) {
        self.queue.take(most, found);
    }

    /// Whether a message waits.
    pub fn has_mail(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Sleeps until somebody asks or rings, or the moment has come (owner only).
    pub fn sleep(&self, until: Option<Instant>) {
        self.sleeping.store(true, Ordering::Relaxed);
        self.fence(Side::Sleeper);
        let mut rung = lock(&self.gate);
        while !*rung && !self.asked.load(Ordering::Acquire) {
            rung = match until {
                None => self.bell.wait(rung).unwrap_or_else(|poisoned| poisoned.into_inner()),
                Some(moment) => match moment.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => {
                        let woken = self.bell.wait_timeout(rung, left);
                        woken.unwrap_or_else(|poisoned| poisoned.into_inner()).0
                    }
                    _ => break,
                },
            };
        }
        *rung = false;
        drop(rung);
        self.sleeping.store(false, Ordering::Relaxed);
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// What loom follows in the place of the lock-free queue (which has models of its own): it gives no order at all between a `push` and a
/// `take` that finds nothing, and only the first few messages have room. What is in it is loom's business no more: a model runs on one OS thread.
#[cfg(loom)]
struct Queue<T> {
    full: [loom::sync::atomic::AtomicBool; ROOM],
    messages: std::sync::Mutex<[Option<T>; ROOM]>,
    pushed: std::sync::atomic::AtomicUsize,
}

#[cfg(loom)]
const ROOM: usize = 2;

#[cfg(loom)]
impl<T> Queue<T> {
    fn new() -> Self {
        Self {
            full: std::array::from_fn(|_| loom::sync::atomic::AtomicBool::new(false)),
            messages: std::sync::Mutex::new(std::array::from_fn(|_| None)),
            pushed: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    fn push(&self, message: T) {
        let place = self.pushed.fetch_add(1, Ordering::Relaxed);
        self.messages.lock().unwrap()[place] = Some(message);
        self.full[place].store(true, Ordering::Relaxed);
    }

    fn take(&self, most: usize, mut found: impl FnMut(T)) {
        for _ in 0..most {
            let is_full = |full: &&loom::sync::atomic::AtomicBool| full.load(Ordering::Relaxed);
            let place =
                self.full.iter().position(|full| is_full(&full) && full.swap(false, Ordering::Relaxed));
            let Some(place) = place else { return };
            let message = self.messages.lock().unwrap()[place].take();
            message.into_iter().for_each(&mut found);
        }
    }

    fn is_empty(&self) -> bool {
        !self.full.iter().any(|full| full.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, loom))]
#[path = "mailbox_models.rs"]
mod models;
