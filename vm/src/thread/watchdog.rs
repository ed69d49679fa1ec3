//! The watchdog: a task that has the thread's other tasks run, each for a budget of fuel, and gets the one that used it up.
//!
//! Invariant: while a watchdog is set, its task is parked or about to run. It is cleared when that task goes on, for whatever
//! reason: so a killed watchdog leaves nothing behind. A task that was interrupted is in no queue and parked without waiting
//! for anything, as a task that was made and not begun yet: scheduling it continues it. If the watchdog's task is killed before
//! it has got the interrupted one, that goes on as if nobody watched: nobody else knows that it stands still.

use super::{Mode, Thread, tasks};
use crate::class::ErrorClass;
use crate::error::Outcome;
use crate::object::task::{Task, TaskState, task_flag};
use crate::value::Value;

/// A watchdog at work.
pub struct Watchdog {
    task: *mut Task,
    budget: u64,
    /// The thread's account of fuel when the running task began on its budget.
    since: u64,
    /// Tasks that were preempted within their budget, by number, with the fuel that they have used.
    spent: Vec<(u64, u64)>,
    /// The task has been woken and has yet to go on.
    woken: bool,
    /// Then: the interrupted task that it is to get, if any.
    found: Option<Standing>,
}

/// A task that stands still: its place, its number, and how often it had been parked when it was interrupted.
#[derive(Clone, Copy)]
struct Standing {
    id: (u32, u64),
    wake: u32,
}

/// Parks the running task until another one has used up `budget`, which it is woken with, or until none is ready (null).
///
/// # Errors
/// StateError when the thread has a watchdog already, or never switches.
pub fn start(thread: &mut Thread, budget: u64) -> Outcome {
    if thread.sched.watchdog.is_some() {
        return Err(thread.error(ErrorClass::StateError, "the thread has a watchdog at work already"));
    }
    if thread.mode == Mode::Single {
        return Err(thread.error(ErrorClass::StateError, "a thread of mode \"single\" interrupts no task"));
    }
    let control = tasks::park(thread, Value::NULL);
    let (task, since) = (thread.current, thread.fuel_used);
    thread.sched.watchdog =
        Some(Box::new(Watchdog { task, budget, since, spent: Vec::new(), woken: false, found: None }));
    Err(control)
}

impl Thread {
    /// Fuel that the running task may still use.
    #[inline]
    pub(super) fn watchdog_left(&self) -> Option<u64> {
        let watchdog = self.sched.watchdog.as_ref().filter(|watchdog| !watchdog.woken)?;
        Some(watchdog.budget.saturating_sub(self.fuel_used - watchdog.since))
    }

    /// A task is about to run.
    #[inline]
    pub(super) fn watchdog_enter(&mut self, task: *mut Task) {
        if self.sched.watchdog.is_some() {
            self.watchdog_measure(task);
        }
    }

    #[cold]
    fn watchdog_measure(&mut self, task: *mut Task) {
        self.account();
        let now = self.fuel_used;
        let Some(watchdog) = &mut self.sched.watchdog else { return };
        if watchdog.task == task {
            let found = watchdog.found;
            self.sched.watchdog = None;
            // SAFETY: the caller has a living task.
            let ends = unsafe {
                let killed = (*task).flags & task_flag::KILL_PENDING != 0 && (*task).atomic == 0;
                killed || (*task).flags & task_flag::RESUME_THROWS != 0
            };
            if ends && let Some(found) = found {
                self.watchdog_let_go(found);
            }
        } else {
            // SAFETY: the caller has a living task.
            let id = unsafe { (*task).id };
            let spent = match watchdog.spent.iter().position(|entry| entry.0 == id) {
                Some(at) => watchdog.spent.swap_remove(at).1,
                None => 0,
            };
            watchdog.since = now.saturating_sub(spent);
        }
        self.set_limit();
    }

    /// An interrupted task goes on, unless something else has made it do so.
    fn watchdog_let_go(&mut self, found: Standing) {
        let Some(task) = tasks::by_id(self, found.id) else { return };
        // SAFETY: the table has living tasks.
        if unsafe { (*task).state == TaskState::Parked && (*task).wake == found.wake } {
            tasks::make_ready(self, task);
        }
    }

    /// A task has been interrupted; whether it has been handed to the watchdog.
    pub(super) fn watchdog_leave(&mut self, task: *mut Task) -> bool {
        if self.sched.watchdog.as_ref().is_none_or(|watchdog| watchdog.woken) {
            return false;
        }
        self.account();
        let now = self.fuel_used;
        let Some(watchdog) = &mut self.sched.watchdog else { return false };
        let used = now - watchdog.since;
        if used < watchdog.budget {
            // SAFETY: a preempted task lives.
            watchdog.spent.push((unsafe { (*task).id }, used));
            return false;
        }
        // SAFETY: as above.
        unsafe { (*task).state = TaskState::Parked };
        self.watchdog_wake(tasks::to_value(task));
        true
    }

    /// Wakes the watchdog, if there is one that waits, with what it is to get. Whether there was one.
    pub(super) fn watchdog_wake(&mut self, found: Value) -> bool {
        let Some(watchdog) = &mut self.sched.watchdog else { return false };
        if watchdog.woken {
            return false;
        }
        watchdog.woken = true;
        let task = watchdog.task;
        // SAFETY: what was found is a task that lives, or null.
        let found_task = found.is_object().then(|| unsafe {
            let found = found.pointer().cast::<Task>();
            Standing { id: ((*found).table_index, (*found).id), wake: (*found).wake }
        });
        // SAFETY: the watchdog is cleared before its task ends, so it lives.
        if unsafe { (*task).state } == TaskState::Parked {
            watchdog.found = found_task;
            tasks::wake(self, task, found);
            // It goes on before the others: they are not to run unwatched. It is ready, so this cannot fail.
            let _ = tasks::run_next(self, task);
            return true;
        }
        // It was killed and is ready: it will not get what was found.
        if let Some(found) = found_task {
            self.watchdog_let_go(found);
        }
        false
    }
}
