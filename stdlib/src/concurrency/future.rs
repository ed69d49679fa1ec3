//! `Future`: the result of a task to be.

use crate::args::wrong_receiver;
use crate::table::ClassTable;
use corella_vm::error::Outcome;
use corella_vm::interp::proxies;
use corella_vm::object::task::{Future, Task, future_state};
use corella_vm::object::{Kind, class_id, equality};
use corella_vm::thread::{Thread, futures, tasks, unseen};
use corella_vm::value::Value;
use std::sync::atomic::Ordering;

/// The natives of futures.
pub(crate) static TABLE: ClassTable = ClassTable {
    getters: &[
        ("done", 0, 0, done, "Whether the result or an error is there."),
        ("value", 0, 0, value, "The result; null while there is none."),
        ("error", 0, 0, error, "The error that the task ended with, or null."),
        ("task", 0, 0, task, "The task, as a proxy if it lives on another thread."),
    ],
    writers: &[
        ("cancel", 0, 0, cancel, "Cancels the task: Cancelled is thrown where it stands."),
        (
            "on_done",
            1,
            1,
            on_done,
            "Calls `function` with this future, in a task of its own, when it is done.",
        ),
    ],
    ..ClassTable::empty(class_id::FUTURE, "Future")
};

fn read(thread: &mut Thread, method: &str, value: Value) -> Outcome<&'static Future> {
    let object = equality::identity(value);
    if value.is_object() && Value::object(object).is_kind(Kind::Future) {
        // SAFETY: the kind was checked; the state is atomic, and the reference ends with the native.
        return Ok(unsafe { &*object.cast::<Future>() });
    }
    Err(wrong_receiver(thread, method, value))
}

fn own(thread: &mut Thread, method: &str, value: Value) -> Outcome<*mut Future> {
    if value.is_kind(Kind::Future) {
        Ok(value.pointer().cast())
    } else {
        Err(wrong_receiver(thread, method, value))
    }
}

/// What was read from a future, as this thread may hold it.
fn wrap(thread: &mut Thread, receiver: Value, found: Value) -> Outcome {
    if receiver.is_kind(Kind::Proxy) { proxies::wrap(thread, receiver, found) } else { Ok(found) }
}

fn done(thread: &mut Thread, args: &[Value]) -> Outcome {
    let future = read(thread, "Future.done", args[0])?;
    Ok(Value::bool(future.state.load(Ordering::Acquire) != future_state::PENDING))
}

fn in_state(thread: &mut Thread, method: &str, receiver: Value, state: u32) -> Outcome {
    let future = read(thread, method, receiver)?;
    if future.state.load(Ordering::Acquire) != state {
        return Ok(Value::NULL);
    }
    wrap(thread, receiver, future.value.get_foreign())
}

fn value(thread: &mut Thread, args: &[Value]) -> Outcome {
    in_state(thread, "Future.value", args[0], future_state::DONE)
}

fn error(thread: &mut Thread, args: &[Value]) -> Outcome {
    if args[0].is_kind(Kind::Future) {
        unseen::seen(thread, args[0].pointer().cast());
    }
    in_state(thread, "Future.error", args[0], future_state::FAILED)
}

fn task(thread: &mut Thread, args: &[Value]) -> Outcome {
    if args[0].is_kind(Kind::Future) {
        return futures::task_of(thread, args[0].pointer().cast());
    }
    let future = read(thread, "Future.task", args[0])?;
    wrap(thread, args[0], future.task.get_foreign())
}

fn cancel(thread: &mut Thread, args: &[Value]) -> Outcome {
    let future = own(thread, "Future.cancel", args[0])?;
    // SAFETY: the kind was checked.
    let (task, remote) = unsafe { ((*future).task.get(), (*future).remote) };
    if task.is_kind(Kind::Task) {
        let pointer = task.pointer().cast::<Task>();
        tasks::cancel_now(thread, pointer)?;
    } else if remote != 0 {
        futures::cancel_remote(thread, remote)?;
    }
    Ok(Value::NULL)
}

fn on_done(thread: &mut Thread, args: &[Value]) -> Outcome {
    let future = own(thread, "Future.on_done", args[0])?;
    // SAFETY: the kind was checked.
    if unsafe { (*future).state.load(Ordering::Relaxed) } != future_state::PENDING {
        unseen::seen(thread, future);
        tasks::spawn(thread, args[1], &[args[0]], false)?;
    } else {
        futures::add_waiter(thread, future, args[1])?;
    }
    Ok(args[0])
}
