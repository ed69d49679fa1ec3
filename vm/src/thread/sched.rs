//! Which task runs next: queues by priority, ticks, and the loop that a thread lives in.

use super::baton::Draw;
use super::{Mode, Thread, messages, tasks, timers};
use crate::config::Tick;
use crate::interp::{self, Exit};
use crate::object::task::{Stack, Task, TaskState, task_flag};
use crate::value::Value;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Units of fuel between two looks at the clock; about 50-100 us of script code.
pub(super) const POLL_UNITS: u64 = 10_000;
/// Units that the handlers of an error that says that there is no fuel have until it is thrown again.
const FUEL_GRACE: u64 = 1_000;
/// Most stacks kept for new tasks.
const MAX_SPARE_STACKS: usize = 32;
/// Words of the stack that a new task gets when it first calls something; it is fitted when the task first waits.
pub(super) const SPARE_WORDS: usize = 256;

/// Tasks that run between two looks at the clock for timers, while there are ready ones.
const TURNS_WITHOUT_CLOCK: u32 = 16;

/// A queue of tasks of one priority. A task knows its place in it, so that it can be taken out at once wherever it stands: its
/// entry becomes null and is skipped later.
struct Queue {
    priority: i16,
    entries: VecDeque<*mut Task>,
    /// Number of the first entry: [`Task::place`] counts from the queue's beginning, and wraps.
    first: u32,
}

impl Queue {
    fn push(&mut self, task: *mut Task) {
        // SAFETY: the task is live; it is in no queue.
        unsafe { (*task).place = self.first.wrapping_add(self.entries.len() as u32) };
        self.entries.push_back(task);
    }

    fn pop(&mut self) -> Option<*mut Task> {
        let task = self.entries.pop_front()?;
        self.first = self.first.wrapping_add(1);
        self.trim();
        Some(task)
    }

    /// The first entry is never null, so that an empty queue has no entries.
    fn trim(&mut self) {
        while self.entries.front().is_some_and(|task| task.is_null()) {
            self.entries.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Takes a task out if it stands here.
    fn remove(&mut self, task: *mut Task) -> bool {
        // SAFETY: the task is live.
        let place = unsafe { (*task).place }.wrapping_sub(self.first);
        let Some(entry) = self.entries.get_mut(place as usize) else { return false };
        let found = *entry == task;
        if found {
            *entry = std::ptr::null_mut();
            self.trim();
        }
        found
    }
}

/// The scheduler's state.
#[derive(Default)]
pub struct Sched {
    /// Queues by descending priority.
    queues: Vec<Queue>,
    /// All living tasks by number; a hole is null and stands in `free`.
    pub tasks: Vec<*mut Task>,
    /// Holes in `tasks`.
    pub free: Vec<u32>,
    /// How many tasks live.
    pub living: usize,
    /// Waiting tasks by time.
    pub timers: timers::Timers,
    /// Tasks that ran since the collector last scanned their frames, and new ones.
    pub dirty: Vec<*mut Task>,
    /// Tasks (place in `tasks`, number) whose futures the collector has not seen yet or found young.
    pub young_futures: Vec<(u32, u64)>,
    /// A task that runs before all queued ones (`Thread.execute`), if any.
    pub chosen: Option<*mut Task>,
    /// The task that goes on in the tick of the one that runs, once that waits or ends, if any.
    handoff: Option<*mut Task>,
    /// A task that watches how long the others run, while it waits.
    pub watchdog: Option<Box<super::watchdog::Watchdog>>,
    /// A full collection was asked for.
    pub collect: bool,
    /// A full collection is due at this moment.
    pub collect_due: Option<Instant>,
    spare: Vec<*mut Stack>,
    /// End of the tick, known from the first poll on.
    tick_end: Option<Instant>,
    tick_fuel: u64,
    /// Length of the tick in units of fuel, if it is not time.
    tick_units: Option<u64>,
    /// What the lengths of ticks are drawn from in a seeded run.
    pub(super) draw: Option<Draw>,
    ready: usize,
    /// Tasks run since the clock was last looked at for timers.
    since_timers: u32,
}

impl Sched {
    /// Keeps a stack for the next task that needs a large one, if it serves.
    pub fn recycle_stack(&mut self, stack: *mut Stack) {
        // SAFETY: the stack was in use until now.
        let capacity = unsafe { (*stack).capacity } as usize;
        if capacity == SPARE_WORDS && self.spare.len() < MAX_SPARE_STACKS {
            self.spare.push(stack);
        }
    }

    /// A kept stack of [`SPARE_WORDS`] words.
    pub fn spare_stack(&mut self) -> Option<*mut Stack> {
        self.spare.pop()
    }

    /// Forgets kept stacks: the collector is about to decide what lives.
    pub fn drop_spare_stacks(&mut self) {
        self.spare.clear();
    }

    /// Puts a task at the end of its priority's queue.
    pub fn enqueue(&mut self, task: *mut Task) {
        // SAFETY: the task is live.
        let priority = unsafe {
            (*task).state = TaskState::Ready;
            (*task).priority
        };
        // Most programs have tasks of one priority only.
        let at = match self.queues.first() {
            Some(first) if first.priority == priority => 0,
            _ => self.queue_for(priority),
        };
        self.queues[at].push(task);
        self.ready += 1;
    }

    /// The place of a priority's queue, which is made if there is none.
    fn queue_for(&mut self, priority: i16) -> usize {
        match self.queues.iter().position(|q| q.priority <= priority) {
            Some(i) if self.queues[i].priority == priority => i,
            found => {
                let i = found.unwrap_or(self.queues.len());
                self.queues.insert(i, Queue { priority, entries: VecDeque::new(), first: 0 });
                i
            }
        }
    }

    /// Lets a ready or just woken task that is in no queue run next, in what is left of the running one's tick; puts it at the
    /// end of its queue if there is such a task already, or if a more urgent one waits.
    pub fn hand_off(&mut self, task: *mut Task) {
        if !self.may_hand_off(task) {
            return self.enqueue(task);
        }
        // SAFETY: the task is live.
        unsafe { (*task).state = TaskState::Ready };
        self.handoff = Some(task);
        self.ready += 1;
    }

    fn may_hand_off(&mut self, task: *mut Task) -> bool {
        // SAFETY: the task is live.
        let priority = unsafe { (*task).priority };
        // In a seeded run every other one goes the usual way.
        let by_chance = self.draw.as_mut().is_none_or(|draw| draw.below(2) == 0);
        by_chance && self.handoff.is_none() && !self.urgent_at(priority.saturating_add(1))
    }

    /// Lets a task that stands in a queue run next, if it may; otherwise it keeps its place.
    pub fn advance(&mut self, task: *mut Task) {
        if self.may_hand_off(task) && self.remove(task) {
            self.handoff = Some(task);
            self.ready += 1;
        }
    }

    fn take_handoff(&mut self) -> Option<*mut Task> {
        let task = self.handoff.take()?;
        self.ready -= 1;
        Some(task)
    }

    /// Takes the next task to run, and whether a new tick begins for it.
    fn dequeue(&mut self) -> Option<(*mut Task, bool)> {
        if let Some(task) = self.chosen.take() {
            self.ready -= 1;
            return Some((task, true));
        }
        if let Some(task) = self.take_handoff() {
            return Some((task, false));
        }
        let task = self.queues.iter_mut().find_map(Queue::pop)?;
        self.ready -= 1;
        Some((task, true))
    }

    /// Takes a certain task out of the queues. Whether it was ready.
    pub fn remove(&mut self, wanted: *mut Task) -> bool {
        let found = if self.handoff == Some(wanted) {
            self.handoff = None;
            true
        } else if self.chosen == Some(wanted) {
            self.chosen = None;
            true
        } else {
            // SAFETY: the caller has a live task; one that is queued stands in the queue of its priority.
            let priority = unsafe { (*wanted).priority };
            self.queues.iter_mut().find(|q| q.priority == priority).is_some_and(|q| q.remove(wanted))
        };
        self.ready -= found as usize;
        found
    }

    /// Makes a task that was taken out of the queues the very next one.
    pub fn choose(&mut self, task: *mut Task) {
        // SAFETY: the task is live.
        unsafe { (*task).state = TaskState::Ready };
        self.ready += 1;
        if let Some(before) = self.chosen.replace(task) {
            self.ready -= 1;
            self.enqueue(before);
        }
    }

    /// How many tasks are ready.
    pub fn ready(&self) -> usize {
        self.ready
    }

    /// All ready tasks, in the order in which they would run.
    pub fn queued(&self) -> Vec<*mut Task> {
        let queued = self.queues.iter().flat_map(|q| q.entries.iter().copied()).filter(|t| !t.is_null());
        self.chosen.into_iter().chain(self.handoff).chain(queued).collect()
    }

    /// Whether a task of at least this priority is ready.
    fn urgent_at(&self, priority: i16) -> bool {
        self.queues.iter().any(|q| q.priority >= priority && !q.entries.is_empty())
    }
}

/// What became of a thread's turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// A task ran.
    Ran,
    /// Nothing can run before this moment.
    Sleep(Option<Instant>),
}

impl Thread {
    fn begin_tick(&mut self) {
        self.sched.tick_fuel = 0;
        self.sched.tick_end = None;
        self.sched.tick_units = match (self.vm.config.tick, &mut self.sched.draw) {
            (Tick::Fuel(fuel), _) => Some(fuel),
            (Tick::Always, _) => Some(1),
            (Tick::Time(_), Some(draw)) => Some(draw.tick()),
            (Tick::Time(_), None) => None,
        };
    }

    /// In a seeded run: lets other threads run, perhaps. The thread holds no foreign pointer.
    fn pass_baton(&mut self) {
        if let Some(baton) = &self.vm.registry.baton {
            self.heap.offline();
            baton.pass(self.shared.id);
            self.heap.online();
        }
    }

    /// In a seeded run: other threads go on while a long task runs, whether it may be interrupted or not.
    pub fn let_others_run(&mut self) {
        if self.sched.tick_units.is_some_and(|units| self.sched.tick_fuel >= units) {
            self.pass_baton();
        }
    }

    /// Begins a tick, or goes on in the one that was handed on.
    fn enter_tick(&mut self, new: bool) {
        if new {
            self.begin_tick();
        }
        if self.exact || self.limit() == 0 || self.held_off {
            self.set_limit();
        }
    }

    /// Sets the poll limit to the next event.
    pub fn set_limit(&mut self) {
        let mut units = match self.sched.tick_units {
            None => POLL_UNITS,
            Some(fuel) => fuel.saturating_sub(self.sched.tick_fuel).clamp(1, 1 << 40),
        };
        if self.vm.config.fuel_limit != u64::MAX {
            let left = match self.vm.registry.fuel_left() {
                0 => self.fuel_grace,
                left => left,
            };
            units = units.min(left.max(1));
        }
        self.used = 0;
        if let Some(left) = self.watchdog_left() {
            units = units.min(left.max(1));
        }
        self.held_off = false;
        // A request that came in between must not be lost: whoever makes one raises the flag before it writes the limit, and the swap
        // sees what came before a limit that it overwrites.
        self.shared.limit.swap(units, Ordering::AcqRel);
        // Tasks of other modes are not interrupted by requests.
        if self.mode == Mode::Preemptive && self.shared.inbox.mailbox.is_asked() {
            self.shared.limit.store(0, Ordering::Relaxed);
        }
    }

    /// Sets the poll limit so that a held-off request is looked at again soon (inside `atomic`).
    pub fn set_limit_soon(&mut self) {
        self.account();
        self.held_off = true;
        self.shared.limit.store(POLL_UNITS, Ordering::Relaxed);
    }

    /// Moves what was used since the last look to the accounts.
    pub fn account(&mut self) {
        let spent = self.used + self.charged;
        self.used = 0;
        self.charged = 0;
        self.sched.tick_fuel += spent;
        self.fuel_used += spent;
        if let Some(baton) = &self.vm.registry.baton {
            baton.spend(spent);
        }
        if self.vm.config.fuel_limit != u64::MAX {
            self.fuel_grace = match self.fuel_exhausted() {
                true => self.fuel_grace.saturating_sub(spent),
                false => 0,
            };
            self.vm.registry.use_fuel(spent);
        }
    }

    /// Whether the VM's fuel is used up.
    pub fn fuel_exhausted(&self) -> bool {
        self.vm.config.fuel_limit != u64::MAX && self.vm.registry.fuel_left() == 0
    }

    /// It is told that there is no fuel: what handlers do is not told again at once.
    pub fn begin_fuel_grace(&mut self) {
        self.fuel_grace = FUEL_GRACE;
        self.set_limit();
    }

    /// Runs one task until it stops (and those that it hands its tick to), or says how long there is nothing to do. Messages and
    /// timers come first.
    pub fn turn(&mut self) -> Turn {
        self.jit.stands_outside();
        self.pass_baton();
        if self.shared.inbox.mailbox.is_asked() {
            messages::drain(self);
            // What mail leaves behind is garbage too, and without a task nobody comes to a safepoint.
            if self.sched.ready() == 0 && self.heap.wants_safepoint() {
                self.collect_slice();
            }
        }
        self.fire_timers();
        if !self.late.is_empty() {
            super::futures::catch_up(self);
        }
        if self.sched.collect_due.is_some_and(|due| self.sched.ready() == 0 || self.now() >= due) {
            self.sched.collect_due = None;
            self.collect_now();
        }
        self.reap();
        let Some((task, new_tick)) = self.sched.dequeue() else {
            if self.watchdog_wake(Value::NULL) {
                return Turn::Ran;
            }
            self.jit.idle();
            return Turn::Sleep(self.sched.timers.next_deadline());
        };
        self.ran = true;
        self.enter_tick(new_tick);
        let mut exit = self.run_chain(task);
        // As long as nothing else asks for a look, one task follows the other without leaving.
        for _ in 0..TURNS_WITHOUT_CLOCK {
            if matches!(exit, Exit::Ended) || self.has_something_else_to_do() {
                break;
            }
            let Some((task, new_tick)) = self.sched.dequeue() else { break };
            self.enter_tick(new_tick);
            exit = self.run_chain(task);
        }
        Turn::Ran
    }

    /// Whether there is more to do between two tasks than to take the next one.
    fn has_something_else_to_do(&self) -> bool {
        self.shared.inbox.mailbox.is_asked()
            || !self.sched.timers.is_empty()
            || self.sched.collect_due.is_some()
            || !self.sched_dead_futures.is_empty()
            || !self.late.is_empty()
            || self.budget_end.is_some()
    }

    /// Wakes tasks whose moments have come. Reading the clock costs as much as a switch: with tasks at hand it is done after a few.
    fn fire_timers(&mut self) {
        if self.sched.timers.is_empty() {
            return;
        }
        self.sched.since_timers += 1;
        let by_time = matches!(self.vm.config.tick, Tick::Time(_));
        if !by_time || self.sched.since_timers >= TURNS_WITHOUT_CLOCK || self.sched.ready() == 0 {
            self.sched.since_timers = 0;
            timers::fire(self);
        }
    }

    /// Asks for a full collection in a moment: many such requests become one collection.
    pub fn collect_soon(&mut self) {
        let due = self.now() + Duration::from_millis(2);
        self.sched.collect_due.get_or_insert(due);
    }

    /// Asks for a full collection after the running task's turn.
    pub fn request_collection(&mut self) {
        self.sched.collect = true;
    }

    /// Runs a task that is in no queue until it stops, then the one that it hands its tick to, and so on.
    fn run_chain(&mut self, mut task: *mut Task) -> Exit {
        let exit = loop {
            let exit = self.run_task(task);
            // A tick that was given up or is over is not handed on; nor when something asked for attention.
            if matches!(exit, Exit::Yielded | Exit::Preempted) {
                self.sched.since_timers = TURNS_WITHOUT_CLOCK;
                break exit;
            }
            if self.heap.wants_safepoint() || self.used >= self.limit() || self.sched.collect {
                break exit;
            }
            match self.sched.take_handoff() {
                Some(next) => task = next,
                None => break exit,
            }
        };
        self.account();
        if std::mem::take(&mut self.sched.collect) {
            self.collect_now();
        } else if self.heap.wants_safepoint() {
            self.collect_slice();
        }
        exit
    }

    fn run_task(&mut self, task: *mut Task) -> Exit {
        // SAFETY: the task is live and has a stack with a frame: it has not ended.
        unsafe {
            self.watchdog_enter(task);
            self.current = task;
            (*task).state = TaskState::Running;
            if (*task).flags & task_flag::DIRTY == 0 {
                (*task).flags |= task_flag::DIRTY;
                self.sched.dirty.push(task);
            }
            let generator = (*task).generator.get();
            let stack = match generator.is_null() {
                true => (*task).stack,
                false => (*generator.pointer().cast::<crate::object::task::Generator>()).stack,
            };
            self.enter_stack(stack);
        }
        let exit = match tasks::deliver(self) {
            // Tasks that reach no safepoint of their own do not go on for ever without fuel either.
            None if self.fuel_exhausted() && self.vm.registry.overdraw() => {
                interp::control::end_without_fuel(self).unwrap_or_else(|| interp::run::run(self))
            }
            None => interp::run::run(self),
            Some(exit) => exit,
        };
        let task = self.current;
        self.current = std::ptr::null_mut();
        self.heap.quiescent();
        match exit {
            Exit::Ended | Exit::Stepped => {}
            Exit::Parked => tasks::fit_stack(self, task),
            Exit::Preempted if self.watchdog_leave(task) => {}
            Exit::Yielded => self.sched.enqueue(task),
            Exit::Preempted => {
                // A sleeper for whose sake it was interrupted comes before it.
                if !self.sched.timers.is_empty() {
                    timers::fire(self);
                }
                self.sched.enqueue(task);
            }
        }
        exit
    }

    /// Ends tasks whose futures died, and reports errors that nobody can look at any more.
    fn reap(&mut self) {
        super::unseen::report_lost(self);
        while let Some(id) = self.sched_dead_futures.pop() {
            if let Some(task) = tasks::by_id(self, id) {
                tasks::cancel(self, task);
            }
        }
    }
}

/// Whether the running task has to give way now.
pub fn tick_is_over(thread: &mut Thread) -> bool {
    if thread.watchdog_left() == Some(0) {
        return true;
    }
    if thread.mode != Mode::Preemptive {
        // Messages and timers are still looked at when the task waits; nothing interrupts it.
        return false;
    }
    let over = match (thread.sched.tick_units, thread.vm.config.tick) {
        (Some(fuel), _) => thread.sched.tick_fuel >= fuel,
        (None, Tick::Time(nanoseconds)) => {
            let now = Instant::now();
            now >= *thread.sched.tick_end.get_or_insert(now + Duration::from_nanos(nanoseconds))
        }
        (None, _) => true,
    };
    let asked = thread.shared.inbox.mailbox.is_asked();
    if !over && !asked {
        return false;
    }
    // SAFETY: a running task is live.
    let priority = unsafe { (*thread.current).priority };
    if asked
        || thread.sched.handoff.is_some()
        || thread.sched.chosen.is_some()
        || thread.sched.urgent_at(priority)
        || thread.sched.timers.is_due(thread.now())
        || !thread.sched_dead_futures.is_empty()
        || thread.budget_over()
    {
        return true;
    }
    // Nobody else: a new tick begins right away.
    thread.begin_tick();
    false
}
