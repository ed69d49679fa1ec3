//! Which task runs next: queues by priority, ticks, and the loop that a thread lives in.

use super::{Mode, Thread, messages, tasks, timers};
use crate::config::Tick;
use crate::heap::OutOfMemory;
use crate::interp::{self, Exit};
use crate::object::task::{Stack, Task, TaskState, task_flag};

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Units of fuel between two looks at the clock; about 50-100 us of script code.
const POLL_UNITS: u64 = 10_000;
/// Most stacks kept for new tasks.
const MAX_SPARE_STACKS: usize = 32;
/// Words of a stack that new tasks begin on; it is fitted when the task first waits.
const SPARE_WORDS: usize = 256;

/// A queue of tasks of one priority.
struct Queue {
    priority: i16,
    head: *mut Task,
    tail: *mut Task,
}

/// The scheduler's state.
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
    /// Tasks that ran since the collector last scanned their frames.
    pub dirty: Vec<*mut Task>,
    /// A task that runs before all queued ones (`Thread.execute`), or null.
    pub chosen: *mut Task,
    /// A full collection was asked for.
    pub collect: bool,
    /// A full collection is due at this moment.
    pub collect_due: Option<Instant>,
    spare: Vec<*mut Stack>,
    tick_end: Option<Instant>,
    tick_fuel: u64,
    ready: usize,
}

impl Default for Sched {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            tasks: Vec::new(),
            free: Vec::new(),
            living: 0,
            timers: timers::Timers::default(),
            dirty: Vec::new(),
            chosen: std::ptr::null_mut(),
            collect: false,
            collect_due: None,
            spare: Vec::new(),
            tick_end: None,
            tick_fuel: 0,
            ready: 0,
        }
    }
}

impl Sched {
    /// Keeps a stack for the next new task, if it serves.
    pub fn recycle_stack(&mut self, stack: *mut Stack) {
        // SAFETY: the stack was in use until now.
        let capacity = unsafe { (*stack).capacity } as usize;
        if capacity == SPARE_WORDS && self.spare.len() < MAX_SPARE_STACKS {
            self.spare.push(stack);
        }
    }

    /// Forgets kept stacks: the collector is about to decide what lives.
    pub fn drop_spare_stacks(&mut self) {
        self.spare.clear();
    }

    /// Puts a task at the end of its priority's queue.
    pub fn enqueue(&mut self, task: *mut Task) {
        // SAFETY: the task is live; it is in no queue.
        unsafe {
            (*task).state = TaskState::Ready;
            (*task).next = std::ptr::null_mut();
            let priority = (*task).priority;
            let at = match self.queues.iter().position(|q| q.priority <= priority) {
                Some(i) if self.queues[i].priority == priority => i,
                found => {
                    let i = found.unwrap_or(self.queues.len());
                    self.queues.insert(
                        i,
                        Queue { priority, head: std::ptr::null_mut(), tail: std::ptr::null_mut() },
                    );
                    i
                }
            };
            let queue = &mut self.queues[at];
            if queue.tail.is_null() {
                queue.head = task;
            } else {
                (*queue.tail).next = task;
            }
            queue.tail = task;
        }
        self.ready += 1;
    }

    /// Takes the next task to run.
    pub fn dequeue(&mut self) -> Option<*mut Task> {
        if !self.chosen.is_null() {
            return Some(std::mem::replace(&mut self.chosen, std::ptr::null_mut()));
        }
        for queue in &mut self.queues {
            if !queue.head.is_null() {
                let task = queue.head;
                // SAFETY: queued tasks are live.
                unsafe {
                    queue.head = (*task).next;
                    (*task).next = std::ptr::null_mut();
                }
                if queue.head.is_null() {
                    queue.tail = std::ptr::null_mut();
                }
                self.ready -= 1;
                return Some(task);
            }
        }
        None
    }

    /// Takes a certain task out of the queues.
    pub fn remove(&mut self, wanted: *mut Task) -> bool {
        for queue in &mut self.queues {
            let mut before: *mut Task = std::ptr::null_mut();
            let mut at = queue.head;
            while !at.is_null() {
                // SAFETY: queued tasks are live.
                unsafe {
                    let next = (*at).next;
                    if at == wanted {
                        if before.is_null() {
                            queue.head = next;
                        } else {
                            (*before).next = next;
                        }
                        if queue.tail == at {
                            queue.tail = before;
                        }
                        (*at).next = std::ptr::null_mut();
                        self.ready -= 1;
                        return true;
                    }
                    before = at;
                    at = next;
                }
            }
        }
        false
    }

    /// How many tasks are ready.
    pub fn ready(&self) -> usize {
        self.ready
    }

    /// All queued tasks, in the order in which they would run.
    pub fn queued(&self) -> Vec<*mut Task> {
        let mut all = Vec::new();
        for queue in &self.queues {
            let mut at = queue.head;
            while !at.is_null() {
                all.push(at);
                // SAFETY: queued tasks are live.
                at = unsafe { (*at).next };
            }
        }
        all
    }

    fn ready_at(&self, priority: i16) -> bool {
        self.queues.iter().any(|q| q.priority >= priority && !q.head.is_null())
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
    /// A stack with at least this many words for a new task.
    pub fn take_stack(&mut self, words: usize) -> Result<*mut Stack, OutOfMemory> {
        if words <= SPARE_WORDS {
            if let Some(stack) = self.sched.spare.pop() {
                return Ok(stack);
            }
            return super::stack::new_stack(self, SPARE_WORDS);
        }
        super::stack::new_stack(self, words)
    }

    /// Begins a tick.
    fn begin_tick(&mut self) {
        self.used = 0;
        self.sched.tick_fuel = 0;
        self.sched.tick_end = match self.vm.config.tick {
            Tick::Time(nanoseconds) => Some(Instant::now() + Duration::from_nanos(nanoseconds)),
            Tick::Fuel(_) | Tick::Always => None,
        };
        self.set_limit();
    }

    /// Sets the poll limit to the next event.
    pub fn set_limit(&mut self) {
        let mut units = match self.vm.config.tick {
            Tick::Time(_) => POLL_UNITS,
            Tick::Fuel(fuel) => fuel.saturating_sub(self.sched.tick_fuel).clamp(1, 1 << 40),
            Tick::Always => 1,
        };
        if self.vm.config.fuel_limit != u64::MAX {
            units = units.min(self.vm.registry.fuel_left().max(1));
        }
        self.used = 0;
        self.shared.limit.store(units, Ordering::Relaxed);
        // A request that came in between must not be lost.
        if self.shared.requested.swap(false, Ordering::AcqRel) {
            self.shared.limit.store(0, Ordering::Relaxed);
        }
    }

    /// Sets the poll limit so that a held-off request is looked at again soon (inside `atomic`).
    pub fn set_limit_soon(&mut self) {
        self.account();
        self.shared.limit.store(POLL_UNITS, Ordering::Relaxed);
    }

    /// Moves what was used since the last look to the accounts.
    pub fn account(&mut self) {
        let spent = self.used + self.charged;
        self.used = 0;
        self.charged = 0;
        self.sched.tick_fuel += spent;
        self.fuel_used += spent;
        if self.vm.config.fuel_limit != u64::MAX {
            self.vm.registry.use_fuel(spent);
        }
    }

    /// Whether the VM's fuel is used up.
    pub fn fuel_exhausted(&self) -> bool {
        self.vm.config.fuel_limit != u64::MAX && self.vm.registry.fuel_left() == 0
    }

    /// Runs one task until it stops, or says how long there is nothing to do. Messages and timers come first.
    pub fn turn(&mut self) -> Turn {
        messages::drain(self);
        timers::fire(self);
        if self.sched.collect_due.is_some_and(|due| self.sched.ready() == 0 || Instant::now() >= due) {
            self.sched.collect_due = None;
            self.collect_now();
        }
        self.reap();
        let Some(task) = self.sched.dequeue() else {
            return Turn::Sleep(self.sched.timers.next_deadline());
        };
        self.ran = true;
        self.run_task(task);
        Turn::Ran
    }

    /// Asks for a full collection in a moment: many such requests become one collection.
    pub fn collect_soon(&mut self) {
        self.sched.collect_due.get_or_insert_with(|| Instant::now() + Duration::from_millis(2));
    }

    /// Asks for a full collection after the running task's turn.
    pub fn request_collection(&mut self) {
        self.sched.collect = true;
    }

    /// Runs a task that is in no queue until it stops.
    pub fn run_task(&mut self, task: *mut Task) -> Exit {
        // SAFETY: the task is live and has a stack with a frame: it has not ended.
        unsafe {
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
        self.begin_tick();
        let exit = match tasks::deliver(self) {
            None => interp::run::run(self),
            Some(exit) => exit,
        };
        self.account();
        let task = self.current;
        self.current = std::ptr::null_mut();
        self.heap.quiescent();
        match exit {
            Exit::Ended => {}
            Exit::Parked => tasks::fit_stack(self, task),
            Exit::Yielded | Exit::Preempted => self.sched.enqueue(task),
        }
        if std::mem::take(&mut self.sched.collect) {
            self.collect_now();
        } else if self.heap.wants_safepoint() {
            self.collect_slice();
        }
        exit
    }

    /// Ends tasks whose futures died.
    fn reap(&mut self) {
        while let Some(id) = self.sched_dead_futures.pop() {
            if let Some(task) = tasks::by_id(self, id) {
                tasks::cancel(self, task);
            }
        }
    }
}

/// Whether the running task has to give way now.
pub fn tick_is_over(thread: &mut Thread) -> bool {
    if thread.mode != Mode::Preemptive {
        // Messages and timers are still looked at when the task waits; nothing interrupts it.
        return false;
    }
    let over = match thread.vm.config.tick {
        Tick::Time(_) => thread.sched.tick_end.is_none_or(|end| Instant::now() >= end),
        Tick::Fuel(fuel) => thread.sched.tick_fuel >= fuel,
        Tick::Always => true,
    };
    let mail = thread.shared.has_mail();
    if !over && !mail {
        return false;
    }
    // SAFETY: a running task is live.
    let priority = unsafe { (*thread.current).priority };
    if mail
        || thread.sched.ready_at(priority)
        || thread.sched.timers.is_due()
        || !thread.sched_dead_futures.is_empty()
        || thread.budget_over()
    {
        return true;
    }
    // Nobody else: a new tick begins right away.
    thread.sched.tick_fuel = 0;
    if let Tick::Time(nanoseconds) = thread.vm.config.tick {
        thread.sched.tick_end = Some(Instant::now() + Duration::from_nanos(nanoseconds));
    }
    false
}
