//! Tasks that wait for something that another thread does: the end of that thread, or of the loading of a module.
//!
//! Invariant: a waiter names its task by thread, place and parking count, never by address, so it may be kept anywhere, and waking one
//! that has been woken otherwise does nothing. Who registers a waiter does so under the lock under which the event is announced,
//! so none is missed.

use super::registry::{Message, Registry};
use super::{Thread, tasks};
use crate::error::Control;
use crate::value::Value;

/// A parked task, as other threads may know it.
#[derive(Clone, Copy, Debug)]
pub struct Waiter {
    thread: u64,
    index: u32,
    wake: u32,
}

impl Waiter {
    /// Parks the running task until it is woken; its instruction is executed again then.
    pub fn park(thread: &mut Thread) -> (Waiter, Control) {
        let control = tasks::park_and_retry(thread, Value::NULL);
        // SAFETY: a running task is live.
        let (index, wake) = unsafe { ((*thread.current).table_index, (*thread.current).wake) };
        (Waiter { thread: thread.shared.id, index, wake }, control)
    }

    /// Wakes the task, from any thread.
    pub fn wake(self, registry: &Registry) {
        let wake = Message::Host(Box::new(move |thread| {
            if let Some(task) = tasks::parked_at(thread, self.index, self.wake) {
                tasks::wake(thread, task, Value::NULL);
            }
        }));
        // A thread that has ended has no tasks that wait.
        let _ = registry.send(self.thread, wake);
    }
}
