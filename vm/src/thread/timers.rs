//! Tasks that wait for a moment.
//!
//! An entry names its task by number and parking count, never by address: an entry whose task has been woken otherwise, or
//! has ended, is recognised as stale when its moment comes.

use super::{Thread, tasks};
use crate::value::Value;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// The queue of moments.
#[derive(Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, u32, u32)>>,
    order: u64,
}

impl Timers {
    /// Wakes the task in table place `index` at `deadline`, if it is still in its parking number `wake` then.
    pub fn add(&mut self, deadline: Instant, index: u32, wake: u32) {
        self.order += 1;
        self.heap.push(Reverse((deadline, self.order, index, wake)));
    }

    /// Whether no task waits for a moment.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The earliest moment.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((deadline, ..))| *deadline)
    }

    /// Whether an entry's moment has come.
    pub fn is_due(&self, now: Instant) -> bool {
        self.next_deadline().is_some_and(|deadline| deadline <= now)
    }
}

/// Wakes whose moment has come.
pub fn fire(thread: &mut Thread) {
    let now = thread.now();
    while let Some(&Reverse((deadline, _, index, wake))) = thread.sched.timers.heap.peek() {
        let stale = tasks::parked_at(thread, index, wake).is_none();
        if deadline > now && !stale {
            break;
        }
        thread.sched.timers.heap.pop();
        if let Some(task) = tasks::parked_at(thread, index, wake) {
            tasks::wake(thread, task, Value::NULL);
        }
    }
}

/// Seconds as a duration; `None` if negative, not a number, or beyond what a clock holds (then: for ever).
pub fn seconds(value: Value) -> Option<Duration> {
    Duration::try_from_secs_f64(value.as_number()?).ok()
}
