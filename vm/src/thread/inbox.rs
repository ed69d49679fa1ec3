//! A thread's mailbox as others reach it: open until the thread ends, and counted while its owner has been asked to look.
//!
//! Invariant: every message that is put in is handled by the owner or given to a `refuse`, once; and every request to look that has
//! been counted as under way is counted off again, once. An owner that ends closes the inbox and then empties it; a sender puts its
//! message in and then looks whether the inbox is still open. A fence lies between the two steps on either side, so one of them sees what the other
//! did. The same holds for a request (raised, then looks whether the owner has left) against leaving (left, then takes requests
//! back). A request is counted before the owner can see it. `models` checks all this in all interleavings.

use super::mailbox::Mailbox;
use crate::heap::sync::{AtomicBool, Ordering, fence};

/// Counts what is under way in a VM.
pub trait UnderWay {
    /// One thing more.
    fn begin(&self);
    /// One thing less.
    fn end(&self);
}

/// What a model leaves out, to show what it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// A sender looks whether the inbox is still open after putting its message in.
    SenderLooksAgain,
    /// Who asks looks whether the owner has left.
    AskerLooksForOwner,
    /// A request is counted before it is raised, not after.
    CountFirst,
    /// An owner that leaves takes requests back.
    OwnerTakesBack,
}

/// A mailbox with an owner who may end.
pub struct Inbox<T> {
    /// False once the owner handles no more messages.
    open: AtomicBool,
    /// Set when the owner will never look again.
    left: AtomicBool,
    /// The queue, the request to look, and sleeping.
    pub mailbox: Mailbox<T>,
    #[cfg(loom)]
    without: Option<Step>,
}

impl<T> Inbox<T> {
    /// An open one.
    pub fn new() -> Self {
        Self {
            open: AtomicBool::new(true),
            left: AtomicBool::new(false),
            mailbox: Mailbox::new(),
            #[cfg(loom)]
            without: None,
        }
    }

    /// Whether the protocol has a step; only a model may leave one out.
    #[inline(always)]
    fn takes(&self, step: Step) -> bool {
        #[cfg(loom)]
        if self.without == Some(step) {
            return false;
        }
        let _ = step;
        true
    }

    /// Whether messages are taken.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Puts a message in and has the owner look at it (`rouse` makes it do so soon); gives it back if the inbox is closed. `refuse` gets
    /// what the owner will not handle, because it ends just now.
    pub fn send(
        &self,
        message: T,
        count: &impl UnderWay,
        rouse: impl FnOnce(),
        refuse: impl FnMut(T),
    ) -> Result<(), T> {
        if !self.is_open() {
            return Err(message);
        }
        self.mailbox.push(message);
        self.ask(count, rouse);
        if self.takes(Step::SenderLooksAgain) && !self.is_open() {
            self.refuse_all(count, refuse);
        }
        Ok(())
    }

    /// Asks the owner to look, unless it will anyway.
    pub fn ask(&self, count: &impl UnderWay, rouse: impl FnOnce()) {
        // This has the fence between a message and the look at `open`.
        if self.mailbox.has_been_asked() {
            return;
        }
        let count_first = self.takes(Step::CountFirst);
        if count_first {
            count.begin();
        }
        let first = self.mailbox.ask();
        if !count_first && first {
            count.begin();
        }
        if !first {
            if count_first {
                count.end();
            }
            return;
        }
        fence(Ordering::SeqCst);
        if self.takes(Step::AskerLooksForOwner) && self.left.load(Ordering::Relaxed) {
            // Nobody will look any more.
            return self.take_back(count);
        }
        rouse();
    }

    /// Takes no more messages (owner only); [`refuse_all`](Self::refuse_all) follows.
    pub fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Empties a closed inbox.
    pub fn refuse_all(&self, count: &impl UnderWay, mut refuse: impl FnMut(T)) {
        // This has the fence between closing and the look into the queue.
        let asked = self.mailbox.take_request();
        self.mailbox.take(usize::MAX, &mut refuse);
        if asked {
            count.end();
        }
    }

    /// The owner looks no more (owner only, after closing).
    pub fn leave(&self, count: &impl UnderWay) {
        self.left.store(true, Ordering::Release);
        if self.takes(Step::OwnerTakesBack) {
            self.take_back(count);
        }
    }

    /// Counts off a request that nobody will see.
    fn take_back(&self, count: &impl UnderWay) {
        fence(Ordering::SeqCst);
        if self.mailbox.take_request() {
            count.end();
        }
    }
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, loom))]
#[path = "inbox_models.rs"]
mod models;
