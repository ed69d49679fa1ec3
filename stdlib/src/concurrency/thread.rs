//! `Thread`: a handle of a thread, and what can be asked of it.

use crate::args::{self, optional, wrong, wrong_receiver};
use crate::table::ClassTable;
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::native::ANY;
use corella_vm::object::{Kind, array, class_id, equality, handle, string};
use corella_vm::thread::registry::{Message, ThreadShared, Work};
use corella_vm::thread::{Mode, Thread, futures, life, messages, tasks, transfer};
use corella_vm::value::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The natives of threads.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "Thread",
        0,
        2,
        construct,
        "Starts an OS thread of its own; `mode`: \"preemptive\" (default), \"cooperative\" or \"single\".",
    )),
    getters: &[
        ("id", 0, 0, id, "Number within the VM."),
        ("name", 0, 0, name, "Its name."),
        ("mode", 0, 0, mode, "\"preemptive\", \"cooperative\" or \"single\"; null once it has ended."),
        ("alive", 0, 0, alive, "Whether it takes messages."),
    ],
    readers: &[
        (
            "spawn",
            1,
            ANY,
            spawn,
            "Starts a task on the thread that calls `function` with the other arguments; gives its Future.",
        ),
        (
            "send_message",
            1,
            ANY,
            send_message,
            "Sends a message: `function` and data. The thread runs it between two tasks' turns.",
        ),
        (
            "schedule",
            2,
            ANY,
            schedule,
            "Starts `function` with `priority` and arguments, or a Task that was made here, detached.",
        ),
        ("execute", 1, 1, execute, "Runs `task` next, in place of the running one, which stays ready."),
        ("yield", 0, 0, yield_now, "Gives the other tasks their turn."),
        ("join", 0, 0, join, "Waits until the thread has ended."),
        ("end", 0, 0, end, "Ends the thread: its tasks are killed first."),
        ("tasks", 0, 0, list_tasks, "The tasks of the running thread."),
    ],
    statics: &[
        ("current", 0, 0, current, "The running thread."),
        ("list", 0, 0, list, "All living threads."),
        ("master", 0, 0, master, "The first thread, where the program began."),
    ],
    ..ClassTable::empty(class_id::THREAD, "Thread")
};

fn this(thread: &mut Thread, method: &str, value: Value) -> Outcome<u64> {
    handle::thread_id(value).ok_or_else(|| wrong_receiver(thread, method, value))
}

fn living(thread: &mut Thread, method: &str, value: Value) -> Outcome<Arc<ThreadShared>> {
    let id = this(thread, method, value)?;
    match thread.vm.registry.get(id) {
        Some(shared) => Ok(shared),
        None => Err(ended(thread, method, id)),
    }
}

/// As [`living`], for what is to begin there. Its own tasks go on making tasks until they have ended.
fn taking_tasks(thread: &mut Thread, method: &str, value: Value) -> Outcome<Arc<ThreadShared>> {
    let shared = living(thread, method, value)?;
    match shared.id == thread.shared.id || shared.takes_tasks() {
        true => Ok(shared),
        false => Err(ended(thread, method, shared.id)),
    }
}

fn ended(thread: &mut Thread, method: &str, id: u64) -> Control {
    thread.error(ErrorClass::ThreadEnded, format!("{method}: thread {id} has ended"))
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    let name = match optional(args, 0) {
        Value::NULL => None,
        name => Some(args::text(thread, "Thread", "name", name)?.to_owned()),
    };
    let mode = match optional(args, 1) {
        Value::NULL => Mode::Preemptive,
        mode => match args::text(thread, "Thread", "mode", mode)? {
            "preemptive" => Mode::Preemptive,
            "cooperative" => Mode::Cooperative,
            "single" => Mode::Single,
            other => {
                let message = format!(
                    "Thread: there is no mode \"{other}\": choose \"preemptive\", \"cooperative\" or \"single\""
                );
                return Err(thread.error(ErrorClass::ValueError, message));
            }
        },
    };
    let vm = thread.vm.clone();
    match life::start(&vm, name, mode) {
        Ok(id) => Ok(handle::new_thread(&mut thread.heap, id)?),
        Err(message) => Err(thread.error(ErrorClass::LimitError, message)),
    }
}

fn current(thread: &mut Thread, _: &[Value]) -> Outcome {
    let id = thread.shared.id;
    Ok(handle::new_thread(&mut thread.heap, id)?)
}

fn master(thread: &mut Thread, _: &[Value]) -> Outcome {
    Ok(handle::new_thread(&mut thread.heap, 1)?)
}

fn list(thread: &mut Thread, _: &[Value]) -> Outcome {
    let ids: Vec<u64> = thread.vm.registry.threads().iter().map(|t| t.id).collect();
    let mut handles = Vec::with_capacity(ids.len());
    for id in ids {
        handles.push(handle::new_thread(&mut thread.heap, id)?);
    }
    Ok(array::to_value(array::from_slice(&mut thread.heap, &handles)?))
}

fn id(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(this(thread, "Thread.id", args[0])? as i64))
}

fn name(thread: &mut Thread, args: &[Value]) -> Outcome {
    let id = this(thread, "Thread.name", args[0])?;
    let name =
        thread.vm.registry.get(id).map_or_else(|| format!("thread {id}"), |shared| shared.name.clone());
    Ok(string::new(&mut thread.heap, &name)?)
}

fn mode(thread: &mut Thread, args: &[Value]) -> Outcome {
    let id = this(thread, "Thread.mode", args[0])?;
    let Some(shared) = thread.vm.registry.get(id) else { return Ok(Value::NULL) };
    let text = match shared.mode {
        Mode::Preemptive => "preemptive",
        Mode::Cooperative => "cooperative",
        Mode::Single => "single",
    };
    Ok(string::new(&mut thread.heap, text)?)
}

fn alive(thread: &mut Thread, args: &[Value]) -> Outcome {
    let id = this(thread, "Thread.alive", args[0])?;
    let alive = thread.vm.registry.get(id).is_some_and(|shared| shared.takes_tasks());
    Ok(Value::bool(alive))
}

fn spawn(thread: &mut Thread, args: &[Value]) -> Outcome {
    let shared = taking_tasks(thread, "Thread.spawn", args[0])?;
    start(thread, &shared, args[1], &args[2..])
}

fn start(thread: &mut Thread, shared: &ThreadShared, callee: Value, args: &[Value]) -> Outcome {
    tasks::check_callable(thread, callee)?;
    if shared.id == thread.shared.id {
        return tasks::spawn(thread, callee, args, true);
    }
    let callee = transfer::export(thread, callee)?;
    let args = transfer::export_all(thread, args)?;
    let (future, reply) = futures::remote(thread, shared.id)?;
    messages::send(
        thread,
        shared.id,
        Message::request(Work::Call { callee, args, priority: 0 }, Some(reply)),
    )?;
    Ok(future)
}

fn send_message(thread: &mut Thread, args: &[Value]) -> Outcome {
    let shared = taking_tasks(thread, "Thread.send_message", args[0])?;
    tasks::check_callable(thread, args[1])?;
    let callee = transfer::export(thread, args[1])?;
    let data = transfer::export_all(thread, &args[2..])?;
    messages::send(
        thread,
        shared.id,
        Message::request(Work::Call { callee, args: data, priority: 0 }, None),
    )?;
    Ok(Value::NULL)
}

fn priority_of(thread: &mut Thread, method: &str, value: Value) -> Outcome<i16> {
    match args::int(thread, method, "priority", value)? {
        p @ -1000..=1000 => Ok(p as i16),
        p => Err(thread.error(
            ErrorClass::RangeError,
            format!("{method}: priority must be between -1000 and 1000, and {p} is not"),
        )),
    }
}

fn schedule(thread: &mut Thread, args: &[Value]) -> Outcome {
    let shared = taking_tasks(thread, "Thread.schedule", args[0])?;
    let priority = priority_of(thread, "Thread.schedule", optional(args, 2))?;
    if args[1].is_kind(Kind::Task) {
        if shared.id != thread.shared.id {
            return Err(thread.error(
                ErrorClass::StateError,
                "Thread.schedule: a task stays on the thread that made it: schedule the function instead",
            ));
        }
        let task = args[1].pointer().cast();
        tasks::set_priority(thread, task, priority);
        tasks::begin(thread, task)?;
        return Ok(Value::NULL);
    }
    let data = args.get(3..).unwrap_or(&[]);
    tasks::check_callable(thread, args[1])?;
    if shared.id == thread.shared.id {
        let task = tasks::create(thread, args[1], data)?;
        tasks::set_priority(thread, task, priority);
        tasks::begin(thread, task)?;
    } else {
        let callee = transfer::export(thread, args[1])?;
        let data = transfer::export_all(thread, data)?;
        messages::send(
            thread,
            shared.id,
            Message::request(Work::Call { callee, args: data, priority }, None),
        )?;
    }
    Ok(Value::NULL)
}

fn execute(thread: &mut Thread, args: &[Value]) -> Outcome {
    let shared = living(thread, "Thread.execute", args[0])?;
    let task = args[1];
    if !task.is_object() || !Value::object(equality::identity(task)).is_kind(Kind::Task) {
        return Err(wrong(thread, "Thread.execute", "task", "a Task", task));
    }
    if shared.id != thread.shared.id || !task.is_kind(Kind::Task) {
        return Err(thread.error(
            ErrorClass::StateError,
            "Thread.execute: only a task of the running thread can be run next",
        ));
    }
    tasks::run_next(thread, task.pointer().cast())?;
    Err(Control::Yield)
}

fn yield_now(thread: &mut Thread, args: &[Value]) -> Outcome {
    let id = this(thread, "Thread.yield", args[0])?;
    if id != thread.shared.id {
        return Err(thread.error(
            ErrorClass::StateError,
            "Thread.yield: only the running thread can give its tasks their turn",
        ));
    }
    Err(Control::Yield)
}

fn join(thread: &mut Thread, args: &[Value]) -> Outcome {
    let id = this(thread, "Thread.join", args[0])?;
    if id == thread.shared.id {
        return Err(thread.error(ErrorClass::StateError, "Thread.join: a thread cannot wait for its own end"));
    }
    let Some(other) = thread.vm.registry.get(id) else { return Ok(Value::NULL) };
    other.park_until_it_ends(thread).map_or(Ok(Value::NULL), Err)
}

fn end(thread: &mut Thread, args: &[Value]) -> Outcome {
    let shared = living(thread, "Thread.end", args[0])?;
    if shared.id == 1 {
        return Err(thread.error(
            ErrorClass::StateError,
            "Thread.end: the master thread ends with the program: exit(code) ends that",
        ));
    }
    shared.asked_to_end.store(true, Ordering::Release);
    messages::send(thread, shared.id, Message::End)?;
    Ok(Value::NULL)
}

fn list_tasks(thread: &mut Thread, args: &[Value]) -> Outcome {
    let id = this(thread, "Thread.tasks", args[0])?;
    if id != thread.shared.id {
        return Err(thread.error(
            ErrorClass::StateError,
            "Thread.tasks: a thread's tasks are known to that thread only: ask there, by a message",
        ));
    }
    let all: Vec<Value> =
        thread.sched.tasks.iter().filter(|t| !t.is_null()).map(|t| tasks::to_value(*t)).collect();
    Ok(array::to_value(array::from_slice(&mut thread.heap, &all)?))
}
