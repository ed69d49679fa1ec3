//! What the modules `task` and `thread` need of the VM beyond the methods of `Task` and `Thread`.

use crate::args::{size, wrong};
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::object::proxy::Proxy;
use corella_vm::object::task::Task;
use corella_vm::object::{Kind, handle, map};
use corella_vm::thread::tasks::{self, extra};
use corella_vm::thread::{Thread, futures, watchdog};
use corella_vm::value::Value;

/// The natives of the module `task`, known as `__task_...`.
pub(crate) static TASK: &[NativeRow] = &[
    ("locals", 0, 0, task_locals, "The running task's own values: a map."),
    ("end", 1, 1, task_end, "A future that is done when `task`, of this thread, has ended."),
    ("watchdog", 1, 1, watch, "Runs the other tasks; gives the one that used up `budget`, or null."),
    ("clock", 0, 0, clock, "Seconds on the VM's clock, by which deadlines are counted."),
];

/// The natives of the module `thread`, known as `__thread_...`.
pub(crate) static THREAD: &[NativeRow] = &[
    ("locals", 0, 0, thread_locals, "The running thread's own values: a map."),
    (
        "owner",
        1,
        1,
        owner,
        "The thread that an object or a proxy's target belongs to; null once it has ended.",
    ),
    ("ending", 0, 0, ending, "Whether the running thread has been asked to end."),
    ("cores", 0, 0, cores, "How many threads the machine runs at a time."),
];

fn task_locals(thread: &mut Thread, _: &[Value]) -> Outcome {
    let known = tasks::extra_get(thread.current, extra::LOCALS);
    if !known.is_null() {
        return Ok(known);
    }
    let made = Value::object(map::new(&mut thread.heap, 4)?.cast());
    tasks::extra_set(thread, thread.current, extra::LOCALS, made)?;
    Ok(made)
}

fn task_end(thread: &mut Thread, args: &[Value]) -> Outcome {
    if !args[0].is_kind(Kind::Task) {
        return Err(wrong(thread, "join", "task", "a Task of this thread", args[0]));
    }
    let task = args[0].pointer().cast::<Task>();
    if task == thread.current {
        return Err(thread.error(ErrorClass::StateError, "join: a task cannot wait for its own end"));
    }
    futures::observe(thread, task)
}

fn watch(thread: &mut Thread, args: &[Value]) -> Outcome {
    let budget = size(thread, "watchdog", "budget", args[0])?;
    if budget == 0 {
        return Err(thread.error(ErrorClass::ValueError, "watchdog: a budget of 0 lets no task run"));
    }
    watchdog::start(thread, budget as u64)
}

fn clock(thread: &mut Thread, _: &[Value]) -> Outcome {
    let seconds = thread.now().saturating_duration_since(thread.vm.registry.start).as_secs_f64();
    Ok(thread.heap.float(seconds)?)
}

fn thread_locals(thread: &mut Thread, _: &[Value]) -> Outcome {
    if let Some(key) = thread.locals {
        return Ok(thread.pinned(key));
    }
    let made = Value::object(map::new(&mut thread.heap, 4)?.cast());
    thread.locals = Some(thread.pin(made));
    Ok(made)
}

fn owner(thread: &mut Thread, args: &[Value]) -> Outcome {
    let id = match args[0].is_kind(Kind::Proxy) {
        true => {
            // SAFETY: the kind was checked; the number never changes.
            let heap = unsafe { (*args[0].pointer().cast::<Proxy>()).heap };
            match thread.owner_of(heap).map(|peer| thread.known(peer).id) {
                Some(id) => id,
                None => return Ok(Value::NULL),
            }
        }
        false => thread.shared.id,
    };
    Ok(handle::new_thread(&mut thread.heap, id)?)
}

fn ending(thread: &mut Thread, _: &[Value]) -> Outcome {
    Ok(Value::bool(thread.is_ending()))
}

fn cores(_: &mut Thread, _: &[Value]) -> Outcome {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Value::int_unchecked(cores as i64))
}
