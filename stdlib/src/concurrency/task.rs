//! `Task`: a handle of a task. Through a proxy (a task of another thread) the methods that change it are sent to its thread.

use crate::args::{self, optional, wrong_receiver};
use crate::table::ClassTable;
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::native::ANY;
use corella_vm::object::task::{Task, TaskState};
use corella_vm::object::{Kind, class_id, equality, string};
use corella_vm::thread::{Thread, messages, tasks, trace};
use corella_vm::value::Value;

/// The natives of tasks.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "Task",
        1,
        ANY,
        construct,
        "A task that will call `function` with the other arguments once a thread schedules it.",
    )),
    getters: &[
        ("id", 0, 0, id, "Number within the VM."),
        ("name", 0, 0, name, "Name, or null."),
        ("priority", 0, 0, priority, "Higher runs first; 0 unless set."),
        ("state", 0, 0, state, "\"ready\", \"running\", \"waiting\" or \"done\"."),
        ("done", 0, 0, done, "Whether it has ended."),
        ("future", 0, 0, future, "Its future, or null if it has none."),
        ("atomic", 0, 0, atomic, "Depth of its atomic sections."),
    ],
    readers: &[("trace", 0, 0, stack, "Where it stands, as text.")],
    writers: &[
        ("kill", 0, 0, kill, "Throws TaskExit where the task stands, so that its `finally` blocks run."),
        ("send", 1, 1, send, "Puts `value` into the task's mailbox."),
        (
            "set_atomic",
            1,
            1,
            set_atomic,
            "Sets the depth of the running task's atomic sections; returns the old one.",
        ),
        ("set_name", 1, 1, set_name, "Names the task, for traces and lists."),
        ("set_priority", 1, 1, set_priority, "Sets the priority, between -1000 and 1000."),
    ],
    statics: &[("current", 0, 0, current, "The running task.")],
    ..ClassTable::empty(class_id::TASK, "Task")
};

fn read(thread: &mut Thread, method: &str, value: Value) -> Outcome<*mut Task> {
    let object = equality::identity(value);
    if value.is_object() && Value::object(object).is_kind(Kind::Task) {
        return Ok(object.cast());
    }
    Err(wrong_receiver(thread, method, value))
}

fn own(thread: &mut Thread, method: &str, value: Value) -> Outcome<*mut Task> {
    if value.is_kind(Kind::Task) {
        Ok(value.pointer().cast())
    } else {
        Err(wrong_receiver(thread, method, value))
    }
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = tasks::create(thread, args[0], &args[1..])?;
    Ok(tasks::to_value(task))
}

fn current(thread: &mut Thread, _: &[Value]) -> Outcome {
    Ok(tasks::to_value(thread.current))
}

fn id(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = read(thread, "Task.id", args[0])?;
    // SAFETY: the kind was checked; the number never changes.
    Ok(Value::int_unchecked(unsafe { (*task).id } as i64))
}

fn name(thread: &mut Thread, args: &[Value]) -> Outcome {
    match args[0].is_kind(Kind::Task) {
        true => Ok(tasks::extra_get(args[0].pointer().cast(), tasks::extra::NAME)),
        // Names of another thread's tasks are its own affair.
        false => read(thread, "Task.name", args[0]).map(|_| Value::NULL),
    }
}

fn priority(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = read(thread, "Task.priority", args[0])?;
    // SAFETY: the kind was checked; a half-word read of another thread's task gives an old or a new priority.
    Ok(Value::int_unchecked(i64::from(unsafe { (*task).priority })))
}

fn state_of(thread: &mut Thread, method: &str, value: Value) -> Outcome<TaskState> {
    let task = read(thread, method, value)?;
    // SAFETY: the kind was checked; the state is one byte that is always a valid one.
    Ok(unsafe { (*task).state })
}

fn state(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = match state_of(thread, "Task.state", args[0])? {
        TaskState::Ready => "ready",
        TaskState::Running => "running",
        TaskState::Parked => "waiting",
        TaskState::Done => "done",
    };
    Ok(string::new(&mut thread.heap, text)?)
}

fn done(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(state_of(thread, "Task.done", args[0])? == TaskState::Done))
}

fn future(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.future", args[0])?;
    // SAFETY: the kind was checked.
    let future = unsafe { (*task).future };
    if future.is_null() {
        return Ok(Value::NULL);
    }
    thread.heap.import_own(future.cast());
    Ok(Value::object(future.cast()))
}

fn atomic(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.atomic", args[0])?;
    // SAFETY: the kind was checked.
    Ok(Value::int_unchecked(i64::from(unsafe { (*task).atomic })))
}

fn stack(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.trace", args[0])?;
    let text = trace::of_task(thread, task);
    Ok(string::new(&mut thread.heap, &text)?)
}

fn kill(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.kill", args[0])?;
    tasks::kill(thread, task)?;
    Ok(Value::NULL)
}

fn send(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.send", args[0])?;
    messages::post(thread, task, args[1])?;
    Ok(Value::NULL)
}

fn set_atomic(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.set_atomic", args[0])?;
    let depth = args::size(thread, "Task.set_atomic", "depth", args[1])?;
    if task != thread.current {
        return Err(thread
            .error(ErrorClass::StateError, "Task.set_atomic: only the running task can set its own depth"));
    }
    // SAFETY: the kind was checked.
    let old = unsafe { std::mem::replace(&mut (*task).atomic, u32::try_from(depth).unwrap_or(u32::MAX)) };
    // A request that was held off is looked at at the next safepoint.
    thread.shared.limit.store(0, std::sync::atomic::Ordering::Relaxed);
    Ok(Value::int_unchecked(i64::from(old)))
}

fn set_name(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.set_name", args[0])?;
    if !args[1].is_null() {
        args::text(thread, "Task.set_name", "name", args[1])?;
    }
    tasks::extra_set(thread, task, tasks::extra::NAME, args[1])?;
    Ok(Value::NULL)
}

fn set_priority(thread: &mut Thread, args: &[Value]) -> Outcome {
    let task = own(thread, "Task.set_priority", args[0])?;
    let priority = args::int(thread, "Task.set_priority", "priority", optional(args, 1))?;
    if !(-1000..=1000).contains(&priority) {
        return Err(thread.error(
            ErrorClass::RangeError,
            format!("Task.set_priority: priority must be between -1000 and 1000, and {priority} is not"),
        ));
    }
    tasks::set_priority(thread, task, priority as i16);
    Ok(Value::NULL)
}
