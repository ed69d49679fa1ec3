//! Built-in functions of tasks, messages and proxies.

use crate::args::{optional, wrong};
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::interp::proxies;
use corella_vm::native::NativeRow;
use corella_vm::object::Kind;
use corella_vm::object::task::Future;
use corella_vm::thread::{Thread, futures, graph, messages, tasks, timers};
use corella_vm::value::Value;

/// The functions.
pub(crate) static FUNCTIONS: &[NativeRow] = &[
    ("sleep", 1, 1, sleep, "Suspends the running task for `seconds`."),
    (
        "receive",
        0,
        1,
        receive,
        "The oldest message of the running task's mailbox; waits for one, at most `timeout` seconds (then null).",
    ),
    ("share", 1, 2, share, "A proxy of `value`, locked; `proxy_class` chooses its class."),
    ("unshare", 1, 1, unshare, "The target of `proxy`; off its thread a direct reference to it."),
    ("lock", 1, 1, lock, "Locks `proxy`: writes through it throw ProxyLocked."),
    (
        "unlock",
        1,
        2,
        unlock,
        "Unlocks `proxy`: writes become messages to the owner; `mode` \"sync\" waits for each.",
    ),
    (
        "copy",
        1,
        1,
        copy,
        "A deep copy of `value`; sent to another thread, it arrives as an object of that thread.",
    ),
    ("exit", 0, 1, exit, "Ends the program with status `code`."),
    ("__future", 0, 0, future, "A future without a task."),
    ("__resolve", 2, 2, resolve, "Gives a future its result; whether it had none."),
    ("__reject", 2, 2, reject, "Gives a future its error; whether it had no result."),
    (
        "__await_for",
        2,
        2,
        await_for,
        "As `await future`, for at most `seconds`: then null, and the future is not done.",
    ),
    (
        "__await_again",
        1,
        1,
        await_again,
        "Makes a future that was completed by hand wait for a result again, and waits for that: nobody else may have the future.",
    ),
    ("__task", 0, 0, current_task, "The running task."),
];

fn sleep(thread: &mut Thread, args: &[Value]) -> Outcome {
    let Some(duration) = timers::seconds(args[0]) else {
        return match args[0].as_number() {
            // Longer than any clock: for ever.
            Some(s) if s > 0.0 => Err(tasks::park(thread, Value::NULL)),
            Some(s) => Err(thread
                .error(ErrorClass::ValueError, format!("sleep: seconds must not be negative, and {s} is"))),
            None => Err(wrong(thread, "sleep", "seconds", "a number", args[0])),
        };
    };
    let control = tasks::park(thread, Value::NULL);
    let Some(deadline) = thread.now().checked_add(duration) else { return Err(control) };
    tasks::wake_at(thread, deadline);
    Err(control)
}

fn receive(thread: &mut Thread, args: &[Value]) -> Outcome {
    messages::receive(thread, optional(args, 0))
}

fn share(thread: &mut Thread, args: &[Value]) -> Outcome {
    proxies::share(thread, args[0], optional(args, 1))
}

fn unshare(thread: &mut Thread, args: &[Value]) -> Outcome {
    proxies::unshare(thread, args[0])
}

fn lock(thread: &mut Thread, args: &[Value]) -> Outcome {
    proxies::lock(thread, args[0])?;
    Ok(args[0])
}

fn unlock(thread: &mut Thread, args: &[Value]) -> Outcome {
    proxies::unlock(thread, args[0], optional(args, 1))?;
    Ok(args[0])
}

fn copy(thread: &mut Thread, args: &[Value]) -> Outcome {
    graph::copy(thread, args[0])
}

fn exit(thread: &mut Thread, args: &[Value]) -> Outcome {
    let code = crate::args::int_or(thread, "exit", "code", optional(args, 0), 0)?;
    if !(0..=255).contains(&code) {
        return Err(thread.error(
            ErrorClass::RangeError,
            format!("exit: code must be between 0 and 255, and {code} is not"),
        ));
    }
    thread.vm.registry.request_exit(code as i32);
    Err(tasks::park(thread, Value::NULL))
}

fn future(thread: &mut Thread, _: &[Value]) -> Outcome {
    Ok(Value::object(futures::new(thread, Value::NULL, 0)?.cast()))
}

fn current_task(thread: &mut Thread, _: &[Value]) -> Outcome {
    Ok(tasks::to_value(thread.current))
}

fn await_for(thread: &mut Thread, args: &[Value]) -> Outcome {
    let future = future_of(thread, "a wait with a timeout", args[0])?;
    let duration = match (timers::seconds(args[1]), args[1].as_number()) {
        (Some(duration), _) => duration,
        // Longer than any clock: for ever.
        (None, Some(s)) if s > 0.0 => return futures::await_value(thread, args[0]),
        (None, Some(s)) => {
            return Err(thread.error(
                ErrorClass::ValueError,
                format!("a timeout is a number of seconds that is not negative, and {s} is"),
            ));
        }
        (None, None) => return Err(wrong(thread, "a wait", "timeout", "a number of seconds", args[1])),
    };
    if duration.is_zero() && !futures::is_done(future) {
        return Ok(Value::NULL);
    }
    let outcome = futures::await_value(thread, args[0]);
    if let (Err(Control::Park), Some(deadline)) = (&outcome, thread.now().checked_add(duration)) {
        tasks::wake_at(thread, deadline);
    }
    outcome
}

fn await_again(thread: &mut Thread, args: &[Value]) -> Outcome {
    let future = future_of(thread, "a wait", args[0])?;
    futures::await_again(thread, future)
}

fn resolve(thread: &mut Thread, args: &[Value]) -> Outcome {
    let future = future_of(thread, "Continuation", args[0])?;
    Ok(Value::bool(futures::resolve(thread, future, args[1])))
}

fn reject(thread: &mut Thread, args: &[Value]) -> Outcome {
    let future = future_of(thread, "Continuation", args[0])?;
    Ok(Value::bool(futures::complete(thread, future, Err(args[1]))))
}

#[inline]
fn future_of(thread: &mut Thread, method: &str, target: Value) -> Outcome<*mut Future> {
    if !target.is_kind(Kind::Future) {
        return Err(wrong(thread, method, "future", "a Future of this thread", target));
    }
    Ok(target.pointer().cast())
}
