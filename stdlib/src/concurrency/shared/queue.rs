//! A queue that every thread puts into and takes from. What it holds is on its way like a message.

use super::waiters::{Waiters, moment};
use super::{lock, structure};
use crate::args::{optional, size};
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::object::handle;
use corella_vm::thread::Thread;
use corella_vm::thread::transfer::{self, Transfer};
use corella_vm::value::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The natives, known as `__shared_queue_...`.
pub(crate) static ROWS: &[NativeRow] = &[
    ("queue_new", 1, 1, new, "A queue with room for so many values; null: for any number."),
    ("queue_push", 3, 3, push, "Puts a value in, waiting for room until the deadline; whether it did."),
    ("queue_pop", 3, 3, pop, "Takes the oldest value out, waiting until the deadline; then `default`."),
    ("queue_length", 1, 1, length, "How many values it holds."),
    ("queue_close", 1, 1, close, "Lets nothing more in."),
    ("queue_closed", 1, 1, closed, "Whether it lets nothing more in."),
    ("queue_pass", 1, 1, pass, "A woken task will not look: others are to."),
];

struct State {
    values: VecDeque<Transfer>,
    closed: bool,
}

struct Queue {
    capacity: usize,
    state: Mutex<State>,
    takers: Arc<Waiters>,
    putters: Arc<Waiters>,
}

fn this(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<Arc<Queue>> {
    structure::<Queue>(thread, method, args[0])
}

fn new(thread: &mut Thread, args: &[Value]) -> Outcome {
    let capacity = match args[0].is_null() {
        true => usize::MAX,
        false => size(thread, "SharedQueue", "capacity", args[0])?,
    };
    if capacity == 0 {
        return Err(thread.error(ErrorClass::ValueError, "SharedQueue: a capacity of 0 lets nothing through"));
    }
    let state = Mutex::new(State { values: VecDeque::new(), closed: false });
    let queue = Queue { capacity, state, takers: Arc::default(), putters: Arc::default() };
    Ok(handle::new_shared(&mut thread.heap, Arc::new(queue))?)
}

fn push(thread: &mut Thread, args: &[Value]) -> Outcome {
    let queue = this(thread, "SharedQueue.push", args)?;
    let until = moment(thread, args[2]);
    let mut value = Some(transfer::export(thread, args[1])?);
    loop {
        let mut state = lock(&queue.state);
        if state.closed {
            drop(state);
            return Err(thread.error(ErrorClass::StateError, "SharedQueue.push: the queue is closed"));
        }
        if state.values.len() < queue.capacity {
            state.values.extend(value.take());
            drop(state);
            queue.takers.wake_one(thread);
            return Ok(Value::TRUE);
        }
        drop(state);
        if until.is_some_and(|moment| moment <= thread.now()) {
            return Ok(Value::FALSE);
        }
        let full = || {
            let state = lock(&queue.state);
            state.values.len() >= queue.capacity && !state.closed
        };
        if let Some(control) = queue.putters.park(thread, until, full) {
            return Err(control);
        }
    }
}

fn pop(thread: &mut Thread, args: &[Value]) -> Outcome {
    let queue = this(thread, "SharedQueue.pop", args)?;
    let until = moment(thread, args[1]);
    loop {
        let mut state = lock(&queue.state);
        if let Some(value) = state.values.front() {
            // Without memory for it, it stays where it is.
            let value = transfer::import(thread, value)?;
            let taken = state.values.pop_front();
            drop(state);
            drop(taken);
            if queue.capacity != usize::MAX {
                queue.putters.wake_one(thread);
            }
            return Ok(value);
        }
        let closed = state.closed;
        drop(state);
        if closed || until.is_some_and(|moment| moment <= thread.now()) {
            return Ok(optional(args, 2));
        }
        let empty = || {
            let state = lock(&queue.state);
            state.values.is_empty() && !state.closed
        };
        if let Some(control) = queue.takers.park(thread, until, empty) {
            return Err(control);
        }
    }
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    let queue = this(thread, "SharedQueue.length", args)?;
    let length = lock(&queue.state).values.len();
    Ok(Value::int_unchecked(length as i64))
}

fn close(thread: &mut Thread, args: &[Value]) -> Outcome {
    let queue = this(thread, "SharedQueue.close", args)?;
    lock(&queue.state).closed = true;
    queue.takers.wake_all(thread);
    queue.putters.wake_all(thread);
    Ok(Value::NULL)
}

fn closed(thread: &mut Thread, args: &[Value]) -> Outcome {
    let queue = this(thread, "SharedQueue.closed", args)?;
    let closed = lock(&queue.state).closed;
    Ok(Value::bool(closed))
}

fn pass(thread: &mut Thread, args: &[Value]) -> Outcome {
    let queue = this(thread, "SharedQueue", args)?;
    let (some, room) = {
        let state = lock(&queue.state);
        (!state.values.is_empty(), state.values.len() < queue.capacity)
    };
    if some {
        queue.takers.wake_one(thread);
    }
    if room {
        queue.putters.wake_one(thread);
    }
    Ok(Value::NULL)
}
