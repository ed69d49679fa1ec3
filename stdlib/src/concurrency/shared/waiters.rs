//! Tasks of any thread that wait for a structure to change.
//!
//! A waiter is a place in a thread's table of tasks and the number of its parking; so one that has been woken otherwise (by its
//! deadline, by a kill) is recognised, and the wake-up is passed on to the next instead of being lost. A woken task looks
//! again by itself: being woken promises nothing.

use super::lock;
use corella_vm::error::Control;
use corella_vm::thread::registry::Message;
use corella_vm::thread::{Thread, tasks};
use corella_vm::value::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

struct Waiter {
    thread: u64,
    index: u32,
    wake: u32,
}

/// Tasks that wait, the longest waiting one first.
#[derive(Default)]
pub(super) struct Waiters {
    list: Mutex<VecDeque<Waiter>>,
}

impl Waiters {
    /// Parks the running task here; its instruction is executed again when it is woken. `still` is asked under the lock
    /// whether waiting is still right: who changes the structure does so first, and wakes then. `None` if it is not.
    pub(super) fn park(
        &self,
        thread: &mut Thread,
        deadline: Option<Instant>,
        still: impl FnOnce() -> bool,
    ) -> Option<Control> {
        let mut list = lock(&self.list);
        if !still() {
            return None;
        }
        let control = tasks::park_and_retry(thread, Value::NULL);
        // SAFETY: a running task is live.
        let (index, wake) = unsafe { ((*thread.current).table_index, (*thread.current).wake) };
        list.push_back(Waiter { thread: thread.shared.id, index, wake });
        drop(list);
        if let Some(moment) = deadline {
            tasks::wake_at(thread, moment);
        }
        Some(control)
    }

    /// Wakes the task that has waited longest.
    pub(super) fn wake_one(self: &Arc<Self>, thread: &mut Thread) {
        loop {
            let Some(waiter) = lock(&self.list).pop_front() else { return };
            if self.wake(thread, waiter) {
                return;
            }
        }
    }

    /// Wakes all.
    pub(super) fn wake_all(self: &Arc<Self>, thread: &mut Thread) {
        let all = std::mem::take(&mut *lock(&self.list));
        for waiter in all {
            self.wake(thread, waiter);
        }
    }

    /// Whether the waiter has been woken, or will pass it on.
    fn wake(self: &Arc<Self>, thread: &mut Thread, waiter: Waiter) -> bool {
        let Waiter { thread: owner, index, wake } = waiter;
        if owner == thread.shared.id {
            return wake_here(thread, index, wake);
        }
        let list = self.clone();
        let ring = Message::Host(Box::new(move |thread| {
            if !wake_here(thread, index, wake) {
                list.wake_one(thread);
            }
        }));
        thread.vm.registry.send(owner, ring).is_ok()
    }
}

fn wake_here(thread: &mut Thread, index: u32, wake: u32) -> bool {
    match tasks::parked_at(thread, index, wake) {
        Some(task) => {
            tasks::wake(thread, task, Value::NULL);
            true
        }
        None => false,
    }
}

/// The moment on the VM's clock that a script counts in seconds.
pub(super) fn moment(thread: &Thread, deadline: Value) -> Option<Instant> {
    let seconds = Duration::try_from_secs_f64(deadline.as_number()?).ok()?;
    thread.vm.registry.start.checked_add(seconds)
}
