//! Errors of futures at which nobody has looked yet.
//!
//! Invariant: an entry's future is weak and its error is held. When the collector finds such a future dead, nobody can ever
//! look at its error: it is reported then, once. What is left when the program ends is reported there.

use super::{Thread, trace};
use crate::error::Control;
use crate::heap::{Liveness, Tracer};
use crate::interp::types;
use crate::object::task::Future;
use crate::value::Value;

/// The errors of a thread's futures that nobody has looked at.
#[derive(Default)]
pub struct Unseen {
    waiting: Vec<(*mut Future, Value)>,
    lost: Vec<Value>,
}

impl Unseen {
    /// Shows the collector the errors.
    pub fn trace(&self, tracer: &mut Tracer) {
        for error in self.waiting.iter().map(|(_, error)| error).chain(&self.lost) {
            tracer.value(*error);
        }
    }

    /// Finds the futures that died.
    pub fn after_mark(&mut self, live: &Liveness) {
        let lost = &mut self.lost;
        self.waiting.retain(|(future, error)| {
            let lives = live.is_live((*future).cast());
            if !lives {
                lost.push(*error);
            }
            lives
        });
    }
}

/// A future got an error that nobody waited for.
pub fn add(thread: &mut Thread, future: *mut Future, error: Value) {
    if !types::is_task_exit(thread, error) {
        thread.unseen.waiting.push((future, error));
    }
}

/// Somebody looked at a future's error.
#[inline]
pub fn seen(thread: &mut Thread, future: *mut Future) {
    if !thread.unseen.waiting.is_empty() {
        thread.unseen.waiting.retain(|(waiting, _)| *waiting != future);
    }
}

/// Reports the errors of futures that died.
#[inline]
pub fn report_lost(thread: &mut Thread) {
    while let Some(error) = thread.unseen.lost.pop() {
        report(thread, error);
    }
}

/// Reports all that is left: the program ends.
pub fn report_all(thread: &mut Thread) {
    let left: Vec<Value> = thread.unseen.waiting.drain(..).map(|(_, error)| error).collect();
    report_lost(thread);
    for error in left {
        report(thread, error);
    }
}

fn report(thread: &mut Thread, error: Value) {
    trace::report(thread, "Error of a task that nobody awaited", error);
}

/// What a failed future throws to somebody who looks at it.
pub fn thrown(thread: &mut Thread, future: *mut Future, error: Value) -> Control {
    seen(thread, future);
    trace::extend(thread, error);
    Control::Throw(error)
}
