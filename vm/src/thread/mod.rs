//! A thread of the VM: its heap, its tasks, and the state that the interpreter runs on.
//!
//! Invariant: a `Thread` is used by one OS thread at a time (host-driven master threads may move between pumps). While a task
//! runs, `pc`, `base` and `code` are exact at every safepoint and at every call of a slow path, so that a switch, a throw, a
//! trace and a collection are the same walk over frames.

pub mod baton;
pub mod environments;
pub mod futures;
pub mod graph;
pub mod inbox;
pub mod life;
pub mod mailbox;
pub mod messages;
mod queue;
pub mod registry;
mod room;
pub mod roots;
pub mod sched;
pub mod stack;
pub mod tasks;
pub mod timers;
pub mod trace;
pub mod transfer;
pub mod unseen;
pub mod waiter;
pub mod watchdog;

use crate::bytecode::Instr;
use crate::class::{Construction, ErrorClass};
use crate::code::Code;
use crate::error::Control;
use crate::heap::Heap;
use crate::interp::ic::Ic;
use crate::object::array::Array;
use crate::object::task::{Stack, Task};
use crate::reserved::Reserved;
use crate::value::Value;
use crate::vm::Vm;
use registry::ThreadShared;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How a thread switches tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Involuntary switches at the end of a tick.
    Preemptive,
    /// Only where a task waits or yields.
    Cooperative,
    /// As `Cooperative`, for a thread that has one task at a time: a watchdog, which interrupts tasks, is refused. What other threads
    /// ask of it runs while the task waits.
    Single,
}

/// A thread.
pub struct Thread {
    /// What all threads share.
    pub vm: Arc<Vm>,
    /// The part of this thread that others may touch.
    pub shared: Arc<ThreadShared>,
    /// Its heap.
    pub heap: Heap,
    /// Cost charged by bulk work since the last safepoint.
    pub charged: u64,
    /// Next instruction of the running task.
    pub pc: *const Instr,
    /// Registers of the running frame.
    pub base: *mut u64,
    /// Code of the running frame.
    pub code: *const Code,
    /// Stack that the running frame is on (the task's, or that of the generator it runs).
    pub stack: *mut Stack,
    /// One past the stack's last word.
    pub stack_end: *mut u64,
    /// Fuel used since the tick began.
    pub used: u64,
    /// A request was held off by `atomic`: it is looked at when that is left.
    pub(crate) held_off: bool,
    /// When the running task was first seen to hold off a host's interrupt.
    pub(crate) stop_seen: Option<std::time::Instant>,
    /// Units of fuel until it is told again that there is none: what handlers have in the meantime, wherever safepoints lie.
    pub(crate) fuel_grace: u64,
    /// Whether polls have to come at exact counts.
    exact: bool,
    /// When other threads were last asked to collect and it did not help.
    asked_for_room: Option<std::time::Instant>,
    /// What compiled code needs of the thread.
    pub(crate) jit: crate::jit::ThreadJit,
    /// The running task, or null.
    pub current: *mut Task,
    /// Inline caches, indexed by `Code::ic_base + site`.
    pub ics: *mut Ic,
    /// The room that `ics` leads to.
    _ics: Reserved<Ic>,
    /// How instances of each class are made, with the method epoch at which that was found.
    pub(crate) constructions: Vec<(u32, Construction)>,
    /// Whether `Task.send` is the library's, and the method epoch at which that was found.
    pub(crate) native_send: (u32, bool),
    /// How it switches.
    pub mode: Mode,
    /// The scheduler's state.
    pub sched: sched::Sched,
    /// Variables by environment.
    pub envs: environments::Environments,
    /// Futures that wait for tasks of other threads.
    pub remote: futures::RemoteFutures,
    /// Key of the thread's own values (`ThreadLocal`), a map among `pins`; made when first asked for.
    pub locals: Option<usize>,
    /// Errors that nobody has looked at.
    pub unseen: unseen::Unseen,
    /// Values that natives and hosts keep: slot table.
    pub pins: Vec<Value>,
    /// What there was no memory for when futures were done.
    pub late: Vec<futures::Late>,
    /// Fuel used in all.
    pub fuel_used: u64,
    /// `pc` of the instruction that is being executed again after a collection.
    pub(crate) retry_pc: *const Instr,
    /// Numbers of tasks whose futures the collector found dead.
    pub(crate) sched_dead_futures: Vec<(u32, u64)>,
    /// End of the host's time budget for this pump.
    pub(crate) budget_end: Option<std::time::Instant>,
    /// The last parking's number.
    pub(crate) wakes: u32,
    /// A task ran since the thread last collected for want of work, or another thread let go of a future.
    pub(crate) ran: bool,
    /// How long it rests before that.
    rest_for: std::time::Duration,
    /// Whether another thread asked this one to end.
    pub(crate) ending: bool,
    /// How often it was told that its tasks wait for ever nevertheless.
    pub(crate) waits_for_ever: u32,
    free_pins: Vec<usize>,
    /// Errors of other threads that were awaited here lately (pinned), with the frames that awaited them.
    pub(crate) awaited: std::collections::VecDeque<(usize, Vec<i64>)>,
    /// Threads that this one sent something to.
    peers: Vec<Arc<ThreadShared>>,
    /// Messages taken out of the inbox and not handled yet; empty but within `messages::drain`.
    mail: std::collections::VecDeque<registry::Message>,
}

// SAFETY: a thread's raw pointers lead into its own heap, its own tables and immortal data; it is used by one OS thread at a time.
unsafe impl Send for Thread {}

/// Most inline-cache sites of a VM: every thread reserves (not commits) room for all of them, so that their address is constant.
pub const MAX_IC_SITES: usize = 1 << 20;

impl Thread {
    /// A thread of `vm` whose shared part has been registered.
    pub fn new(vm: Arc<Vm>, shared: Arc<ThreadShared>, mode: Mode) -> Self {
        let config = crate::heap::HeapConfig {
            stress: vm.config.gc_stress,
            verify: vm.config.verify_heap,
            // A repeatable run must not depend on how fast this machine collects.
            slice: match vm.config.seed {
                None => crate::heap::HeapConfig::default().slice,
                Some(_) => std::time::Duration::MAX / 4096,
            },
            poke: Some(shared.limit.clone()),
            failures: vm.config.failures.clone(),
            ..crate::heap::HeapConfig::default()
        };
        let heap = Heap::new(vm.registry.heaps.clone(), config);
        shared.heap_number.store(heap.number(), Ordering::Release);
        // SAFETY: all-zero bytes are a valid (empty) Ic.
        let room = unsafe { Reserved::<Ic>::zeroed(MAX_IC_SITES) };
        // Otherwise the clock is looked at equally often whoever runs, and the limit need not be set anew for each task.
        let exact = vm.config.is_exact();
        let draw = vm.config.seed.map(|seed| baton::Draw::new(seed, shared.id));
        let mut sched = sched::Sched::default();
        sched.draw = draw;
        vm.jit.prepare(&vm);
        let jit = crate::jit::ThreadJit::new(&vm, Arc::as_ptr(&shared.limit));
        Self {
            vm,
            shared,
            heap,
            charged: 0,
            pc: std::ptr::null(),
            base: std::ptr::null_mut(),
            code: std::ptr::null(),
            stack: std::ptr::null_mut(),
            stack_end: std::ptr::null_mut(),
            used: 0,
            held_off: false,
            stop_seen: None,
            asked_for_room: None,
            fuel_grace: 0,
            exact,
            jit,
            current: std::ptr::null_mut(),
            ics: room.as_ptr(),
            _ics: room,
            constructions: Vec::new(),
            native_send: (0, false),
            mode,
            sched,
            envs: environments::Environments::new(),
            remote: futures::RemoteFutures::default(),
            locals: None,
            unseen: unseen::Unseen::default(),
            pins: Vec::new(),
            late: Vec::new(),
            fuel_used: 0,
            retry_pc: std::ptr::null(),
            sched_dead_futures: Vec::new(),
            budget_end: None,
            wakes: 0,
            ran: false,
            rest_for: life::REST,
            ending: false,
            waits_for_ever: 0,
            free_pins: Vec::new(),
            awaited: std::collections::VecDeque::new(),
            peers: Vec::new(),
            mail: std::collections::VecDeque::new(),
        }
    }

    /// Adds the cost of bulk work (about one unit per element or 16 bytes handled), so that it counts against the tick.
    #[inline]
    pub fn charge(&mut self, units: u64) {
        self.charged += units;
        if self.exact {
            self.bring_forward(units);
        } else if self.charged >= sched::POLL_UNITS {
            // The poll does not see this: without a look now, it would be accounted for after thousands of such pieces of work.
            self.shared.limit.store(0, Ordering::Relaxed);
        }
    }

    /// The next event comes so many units earlier. When fuel or a tick ends then depends on what was done alone, not on whether something
    /// else, like the collector, had the thread look at its accounts meanwhile.
    fn bring_forward(&mut self, units: u64) {
        let limit = self.shared.limit.load(Ordering::Relaxed);
        // Whoever writes it meanwhile wants the thread's attention, which is sooner still.
        let earlier = limit.saturating_sub(units);
        let _ = self.shared.limit.compare_exchange(limit, earlier, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A script error of a built-in class, to be returned by a native.
    #[cold]
    pub fn error(&mut self, class: ErrorClass, message: impl Into<String>) -> Control {
        match self.new_error(class, &message.into()) {
            Ok(error) => Control::Throw(error),
            Err(_) => Control::OutOfMemory,
        }
    }

    /// An instance of a built-in error class.
    pub fn new_error(&mut self, class: ErrorClass, message: &str) -> Result<Value, crate::heap::OutOfMemory> {
        let message = crate::object::string::new(&mut self.heap, message)?;
        let class = self.vm.class(class.class_id());
        let error = crate::interp::instances::allocate(self, class)?;
        // SAFETY: an instance of an error class has the slots of `error_slot`; it is fresh, so no barrier is due.
        unsafe {
            crate::object::Instance::slot(error.pointer().cast(), crate::class::error_slot::MESSAGE)
                .set_unbarriered(message);
        }
        Ok(error)
    }

    /// An error that is thrown whatever the memory limit: after a collection, from the reserve, and at last one that needs no
    /// memory. At a safepoint, between two instructions.
    #[cold]
    pub fn certain_error(&mut self, class: ErrorClass, message: &str) -> Value {
        if let Ok(error) = self.new_error(class, message) {
            return error;
        }
        self.collect_now();
        if let Ok(error) = self.new_error(class, message) {
            return error;
        }
        self.heap.grant_reserve();
        self.new_error(class, message).unwrap_or_else(|_| self.vm.immortal_error(class, message))
    }

    /// Keeps `value` alive until [`unpin`](Self::unpin); returns the key.
    pub fn pin(&mut self, value: Value) -> usize {
        match self.free_pins.pop() {
            Some(key) => {
                self.pins[key] = value;
                key
            }
            None => {
                self.pins.push(value);
                self.pins.len() - 1
            }
        }
    }

    /// The value behind a key of [`pin`](Self::pin).
    pub fn pinned(&self, key: usize) -> Value {
        self.pins[key]
    }

    /// Gives a key back.
    pub fn unpin(&mut self, key: usize) {
        self.pins[key] = Value::NULL;
        self.free_pins.push(key);
    }

    /// Whether other threads asked for this thread's attention (or a tick of zero is in force).
    #[inline(always)]
    pub fn limit(&self) -> u64 {
        self.shared.limit.load(Ordering::Relaxed)
    }

    /// The living thread for which `is_it` holds, as a place for [`known`](Self::known): one that this thread knows, or that the
    /// registry finds. No lock is taken for one that is known.
    pub fn peer(&mut self, is_it: impl Fn(&ThreadShared) -> bool) -> Option<usize> {
        if let Some(at) = self.peers.iter().position(|peer| is_it(peer)) {
            if self.peers[at].inbox.is_open() {
                return Some(at);
            }
            self.peers.swap_remove(at);
        }
        let found = self.vm.registry.find(is_it)?;
        self.peers.push(found);
        Some(self.peers.len() - 1)
    }

    /// The living thread that owns a heap, as [`peer`](Self::peer) gives it.
    pub fn owner_of(&mut self, heap: u32) -> Option<usize> {
        self.peer(|peer| peer.heap_number.load(Ordering::Acquire) == heap)
    }

    /// A thread that [`peer`](Self::peer) has just found.
    pub fn known(&self, peer: usize) -> &ThreadShared {
        &self.peers[peer]
    }

    /// The moment that this is, by the clock of timers and timeouts: in a seeded run it counts work, and jumps to what is waited for.
    pub fn now(&self) -> std::time::Instant {
        match &self.vm.registry.baton {
            None => std::time::Instant::now(),
            Some(baton) => self.vm.registry.start + baton.clock(),
        }
    }

    /// Sleeps until something comes in or the moment has come. The heap is offline meanwhile.
    pub(crate) fn sleep(&mut self, until: Option<std::time::Instant>) {
        self.heap.offline();
        match &self.vm.registry.baton {
            None => self.shared.inbox.mailbox.sleep(until),
            Some(baton) => {
                let until = until.map(|until| until.saturating_duration_since(self.vm.registry.start));
                baton.sleep(self.shared.id, until, || self.shared.inbox.mailbox.is_asked());
            }
        }
        self.heap.online();
    }

    /// Whether the host's time budget is used up.
    pub(crate) fn budget_over(&self) -> bool {
        self.budget_end.is_some_and(|end| std::time::Instant::now() >= end)
    }

    /// The variables of an environment, if this thread owns them.
    #[inline(always)]
    pub fn own_env(&self, env: u32) -> Option<*mut Array> {
        let value = *self.envs.get(env as usize)?;
        value.is_kind(crate::object::Kind::Array).then(|| value.pointer().cast())
    }
}
