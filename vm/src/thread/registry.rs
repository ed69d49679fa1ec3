//! What the threads of a VM know of each other: identities, mailboxes, sleeping and waking, the count of what is under way.
//!
//! Invariant of `busy`: it counts the threads that are not idle (idle: nothing to run, no timer) plus the mailboxes whose owners have
//! been asked to look and have not emptied them since. A mailbox is counted before the request can be seen, and until what it
//! held has been handled by a busy thread, so `busy` is 0 only when nothing in the VM can ever happen again without the host.

use super::baton::Baton;
use super::inbox::{Inbox, UnderWay};
use super::transfer::Transfer;
use super::waiter::Waiter;
use super::{Mode, Thread};
use crate::config::VmConfig;
use crate::error::Control;
use crate::heap::HeapShared;
use crate::symbol::Symbol;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

/// [`Registry::exit`] while nobody asked for one.
const NO_EXIT: i64 = i64::MAX;
/// Units of fuel that can be used beyond what was given, so that a program that catches the error can put its things in order: a tenth of
/// it, within these bounds. After that, tasks end without being asked: handlers that go on working would keep the program going for ever.
const OVERDRAFT: std::ops::RangeInclusive<u64> = 10_000..=1_000_000;
/// What each error that says that the fuel is used up counts for, besides what its handlers use.
const OVERDRAWN_BY_ERROR: u64 = 100;

/// Where an answer is to go: a thread and the number of a future of its.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The waiting thread.
    pub thread: u64,
    /// Its future's number.
    pub number: u32,
}

/// What is sent to a thread: function and data, or one of the stock messages. Small, since floods of them lie in queues.
pub enum Message {
    /// One of the larger ones, which may be answered.
    Request(Box<Request>),
    /// Assign a module variable.
    SetVariable {
        /// Environment.
        env: u32,
        /// Slot.
        slot: u32,
        /// The new value.
        value: Transfer,
    },
    /// Put a value into a task's mailbox; nothing, if it has ended.
    Post {
        /// The task: its place in the thread's table, and its number.
        task: (u32, u64),
        /// The value.
        value: Transfer,
    },
    /// Kill a task.
    Kill {
        /// The task.
        task: Transfer,
    },
    /// The result of a future of the receiver.
    Resolve {
        /// The future's number.
        number: u32,
        /// Result or error.
        result: Result<Transfer, Transfer>,
    },
    /// Somebody waits for a future of the receiver.
    Subscribe {
        /// The future.
        future: Transfer,
        /// Who waits.
        reply: Reply,
    },
    /// The task that the receiver waits for has been made.
    Started {
        /// The future's number.
        number: u32,
        /// The task.
        task: Transfer,
    },
    /// Cancel the task that the sender waits for.
    CancelTask(Reply),
    /// Nobody waits any more.
    Cancel(Reply),
    /// Run a host's function on the thread.
    Host(Box<dyn FnOnce(&mut super::Thread) + Send>),
    /// End: tasks are killed, then the thread ends.
    End,
    /// End, although nothing happens any more since that was asked for: what waits in spite of its kill waits for ever.
    EndWaiting,
}

const _: () = assert!(size_of::<Message>() <= 64);

/// A message that may be answered.
pub struct Request {
    /// What is to be done.
    pub what: Work,
    /// Who wants the result, or waits until it is applied.
    pub reply: Option<Reply>,
}

/// What a [`Request`] asks for.
pub enum Work {
    /// Run a function as a task.
    Call {
        /// What to call.
        callee: Transfer,
        /// Arguments.
        args: Vec<Transfer>,
        /// The task's priority.
        priority: i16,
    },
    /// Assign an attribute.
    SetAttr {
        /// The object.
        target: Transfer,
        /// The attribute.
        name: Symbol,
        /// The new value.
        value: Transfer,
    },
    /// Assign an element.
    SetIndex {
        /// The container.
        target: Transfer,
        /// Index or key.
        key: Transfer,
        /// The new value.
        value: Transfer,
    },
    /// Call a method.
    CallMethod {
        /// The receiver.
        target: Transfer,
        /// The method.
        name: Symbol,
        /// Arguments.
        args: Vec<Transfer>,
    },
    /// Assign a captured variable.
    SetCell {
        /// The cell.
        target: Transfer,
        /// The new value.
        value: Transfer,
    },
}

impl Message {
    /// A message that may be answered.
    pub fn request(what: Work, reply: Option<Reply>) -> Self {
        Message::Request(Box::new(Request { what, reply }))
    }

    /// Who waits for an answer.
    pub fn reply(&self) -> Option<Reply> {
        match self {
            Message::Request(request) => request.reply,
            Message::Subscribe { reply, .. } => Some(*reply),
            _ => None,
        }
    }
}

/// The part of a thread that others may touch.
pub struct ThreadShared {
    /// Number, never used again in this VM.
    pub id: u64,
    /// Name for lists and traces.
    pub name: String,
    /// How it switches.
    pub mode: Mode,
    /// Poll limit: 0 asks for attention at the next safepoint.
    pub limit: Arc<AtomicU64>,
    /// Number of its heap, once it runs.
    pub heap_number: AtomicU32,
    /// A host wants what runs to end, even if nothing may come in between (`atomic`, a thread that does not switch).
    pub stop: AtomicBool,
    /// It has collected and waits until others have: see `room`.
    pub(super) waits_for_room: AtomicBool,
    /// Somebody has asked it to end: nothing new is to begin there.
    pub asked_to_end: AtomicBool,
    /// Tasks of other threads that wait for the end of this one; `None` once that has come.
    joiners: Mutex<Option<Vec<Waiter>>>,
    /// What others sent; the request to look stands for anything that asks for attention. Closed when the thread ends.
    pub inbox: Inbox<Message>,
    /// Whether there is a waker.
    has_waker: AtomicBool,
    /// Called when something came in for a thread that a host drives.
    waker: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
}

impl ThreadShared {
    /// Whether what is sent to it begins.
    pub fn takes_tasks(&self) -> bool {
        self.inbox.is_open() && !self.asked_to_end.load(Ordering::Acquire)
    }

    /// Whether messages wait.
    pub fn has_mail(&self) -> bool {
        self.inbox.mailbox.has_mail()
    }

    /// Parks the running task of `thread` until this thread has ended; `None` if it has.
    pub fn park_until_it_ends(&self, thread: &mut Thread) -> Option<Control> {
        let mut joiners = self.joiners.lock().expect("not poisoned");
        let waiting = joiners.as_mut()?;
        let (waiter, control) = Waiter::park(thread);
        waiting.push(waiter);
        Some(control)
    }

    /// Has `waker` called whenever something comes in for a thread that had not been asked to look.
    pub fn set_waker(&self, waker: Box<dyn Fn() + Send + Sync>) {
        *self.waker.lock().expect("not poisoned") = Some(waker);
        self.has_waker.store(true, Ordering::Release);
    }
}

/// All threads of a VM.
pub struct Registry {
    /// What the heaps share.
    pub heaps: Arc<HeapShared>,
    /// When the VM was made: script clocks count from here.
    pub start: Instant,
    /// Who may run, in a seeded run.
    pub baton: Option<Baton>,
    threads: RwLock<Vec<Arc<ThreadShared>>>,
    joins: Mutex<Vec<std::thread::JoinHandle<()>>>,
    next: AtomicU64,
    busy: AtomicI64,
    fuel: AtomicU64,
    /// What can still be used beyond it.
    overdraft: AtomicU64,
    /// Exit status asked for by `exit(code)`; beyond 32 bits while there is none.
    exit: AtomicI64,
}

impl Registry {
    /// An empty registry.
    pub fn new(config: &VmConfig) -> Self {
        Self {
            heaps: HeapShared::new(config.memory_limit),
            start: Instant::now(),
            baton: config.seed.map(Baton::new),
            threads: RwLock::default(),
            joins: Mutex::default(),
            next: AtomicU64::new(1),
            busy: AtomicI64::new(0),
            fuel: AtomicU64::new(config.fuel_limit),
            overdraft: AtomicU64::new(overdraft(config.fuel_limit)),
            exit: AtomicI64::new(NO_EXIT),
        }
    }

    /// Enters a new thread; it counts as busy. `None` when there are as many as allowed.
    pub fn add(&self, name: Option<String>, mode: Mode, limit: usize) -> Option<Arc<ThreadShared>> {
        let mut threads = self.threads.write().expect("not poisoned");
        if threads.len() >= limit {
            return None;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(ThreadShared {
            id,
            name: name.unwrap_or_else(|| if id == 1 { "master".into() } else { format!("thread {id}") }),
            mode,
            limit: Arc::new(AtomicU64::new(0)),
            heap_number: AtomicU32::new(u32::MAX),
            stop: AtomicBool::new(false),
            waits_for_room: AtomicBool::new(false),
            asked_to_end: AtomicBool::new(false),
            joiners: Mutex::new(Some(Vec::new())),
            inbox: Inbox::new(),
            has_waker: AtomicBool::new(false),
            waker: Mutex::new(None),
        });
        threads.push(shared.clone());
        self.busy.fetch_add(1, Ordering::SeqCst);
        Some(shared)
    }

    /// All living threads.
    pub fn threads(&self) -> Vec<Arc<ThreadShared>> {
        self.threads.read().expect("not poisoned").clone()
    }

    /// The living thread with this number.
    pub fn get(&self, id: u64) -> Option<Arc<ThreadShared>> {
        self.threads.read().expect("not poisoned").iter().find(|t| t.id == id).cloned()
    }

    /// The living thread for which `is_it` holds.
    pub fn find(&self, is_it: impl Fn(&ThreadShared) -> bool) -> Option<Arc<ThreadShared>> {
        self.threads.read().expect("not poisoned").iter().find(|t| is_it(t)).cloned()
    }

    /// The first thread, where the program began.
    pub fn master(&self) -> Option<Arc<ThreadShared>> {
        self.get(1)
    }

    /// Sends a message; gives it back if the thread takes no more.
    #[allow(clippy::result_large_err)] // the message comes back to its sender, who made it on this stack
    pub fn send(&self, to: u64, message: Message) -> Result<(), Message> {
        match self.get(to) {
            Some(shared) => self.send_to(&shared, message),
            None => Err(message),
        }
    }

    /// As [`send`](Self::send), to a thread that the sender knows.
    #[allow(clippy::result_large_err)] // as above
    pub fn send_to(&self, shared: &ThreadShared, message: Message) -> Result<(), Message> {
        shared.inbox.send(message, self, || self.rouse(shared), |message| self.refuse(shared, message))
    }

    /// Asks a thread to look at its mail and whatever else changed: at its next safepoint, or at once if it sleeps.
    pub fn interrupt(&self, shared: &ThreadShared) {
        shared.inbox.ask(self, || self.rouse(shared));
    }

    /// Makes a thread that has been asked to look do so.
    fn rouse(&self, shared: &ThreadShared) {
        shared.limit.store(0, Ordering::Release);
        shared.inbox.mailbox.wake();
        if let Some(baton) = &self.baton {
            baton.wake(shared.id, false);
        }
        if shared.has_waker.load(Ordering::Acquire)
            && let Some(waker) = &*shared.waker.lock().expect("not poisoned")
        {
            waker();
        }
    }

    /// Answers what an ended thread will never handle.
    pub fn discard_mail(&self, shared: &ThreadShared) {
        shared.inbox.refuse_all(self, |message| self.refuse(shared, message));
    }

    fn refuse(&self, shared: &ThreadShared, message: Message) {
        if let Some(reply) = message.reply() {
            let error =
                Transfer::error(crate::class::ErrorClass::ThreadEnded, format!("{} has ended", shared.name));
            let _ = self.send(reply.thread, Message::Resolve { number: reply.number, result: Err(error) });
        }
    }

    /// A thread's mailbox has been emptied after a request.
    pub fn handled(&self) {
        self.no_longer_busy();
    }

    /// A thread has nothing to do. Whether nothing at all is under way any more.
    pub fn idle(&self) -> bool {
        self.no_longer_busy()
    }

    fn no_longer_busy(&self) -> bool {
        let quiet = self.busy.fetch_sub(1, Ordering::SeqCst) == 1;
        if quiet {
            self.ring_master();
        }
        quiet
    }

    fn ring_master(&self) {
        if let Some(master) = self.master() {
            master.inbox.mailbox.ring();
            if let Some(baton) = &self.baton {
                baton.wake(master.id, false);
            }
        }
    }

    /// A thread goes on.
    pub fn busy_again(&self) {
        self.busy.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == 0
    }

    /// Takes an ended thread out.
    pub fn remove(&self, shared: &ThreadShared) {
        self.threads.write().expect("not poisoned").retain(|t| t.id != shared.id);
        shared.inbox.leave(self);
        let joiners = shared.joiners.lock().expect("not poisoned").take();
        for waiter in joiners.into_iter().flatten() {
            waiter.wake(self);
        }
        for thread in self.threads() {
            self.interrupt(&thread);
        }
        self.no_longer_busy();
    }

    /// Keeps the handle of an OS thread for [`join_all`](Self::join_all).
    pub fn keep_join(&self, handle: std::thread::JoinHandle<()>) {
        let mut joins = self.joins.lock().expect("not poisoned");
        joins.retain(|j| !j.is_finished());
        joins.push(handle);
    }

    /// Waits for all OS threads of the VM.
    pub fn join_all(&self) {
        loop {
            let Some(handle) = self.joins.lock().expect("not poisoned").pop() else { return };
            // A panic in a thread is a bug of ours that has been reported on stderr already.
            let _ = handle.join();
        }
    }

    /// Fuel that is left.
    pub fn fuel_left(&self) -> u64 {
        self.fuel.load(Ordering::Relaxed)
    }

    /// Asks the whole program to end with this status.
    pub fn request_exit(&self, code: i32) {
        self.set_exit(code);
        for thread in self.threads() {
            self.interrupt(&thread);
        }
        self.ring_master();
    }

    /// Sets the exit status without waking anybody.
    pub fn set_exit(&self, code: i32) {
        self.exit.store(i64::from(code), Ordering::Release);
    }

    /// The exit status asked for, if any.
    pub fn exit(&self) -> Option<i32> {
        i32::try_from(self.exit.load(Ordering::Acquire)).ok()
    }

    /// Takes the exit status back.
    pub fn take_exit(&self) -> Option<i32> {
        i32::try_from(self.exit.swap(NO_EXIT, Ordering::AcqRel)).ok()
    }

    /// Takes fuel.
    pub fn use_fuel(&self, units: u64) {
        // What took the last of it, however much that was, is not counted: the error that says so can be caught.
        if take(&self.fuel, units) == 0 {
            take(&self.overdraft, units);
        }
    }

    /// The fuel is used up and somebody is told so. Whether so much was done since that nobody may catch it any more.
    pub fn overdraw(&self) -> bool {
        take(&self.overdraft, OVERDRAWN_BY_ERROR) == 0
    }

    /// Gives the VM this much fuel from now on.
    pub fn set_fuel(&self, units: u64) {
        self.overdraft.store(overdraft(units), Ordering::Relaxed);
        self.fuel.store(units, Ordering::Relaxed);
    }
}

/// What can be used beyond so much fuel.
fn overdraft(fuel: u64) -> u64 {
    (fuel / 10).clamp(*OVERDRAFT.start(), *OVERDRAFT.end())
}

/// Takes units, or what is left of them; gives what was there before.
fn take(from: &AtomicU64, units: u64) -> u64 {
    let taken = |left: u64| Some(left.saturating_sub(units));
    let (Ok(before) | Err(before)) = from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
    before
}

impl UnderWay for Registry {
    fn begin(&self) {
        self.busy_again();
    }

    fn end(&self) {
        self.no_longer_busy();
    }
}
