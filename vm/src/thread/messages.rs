//! Mail: what a thread does with messages between its tasks, and the mailboxes of tasks.

use super::registry::{Message, Reply, Work};
use super::transfer;
use super::{Thread, futures, tasks};
use crate::class::{ErrorClass, Member};
use crate::error::{Control, Outcome};
use crate::interp::{access, call, control, globals, index};
use crate::object::task::{Task, TaskState, task_flag};
use crate::object::{Kind, array, function};
use crate::value::Value;
use std::time::{Duration, Instant};

/// Most messages handled between two tasks, so that a flood of mail does not starve them.
const BATCH: usize = 1024;
/// Messages taken out of the mailbox together.
const TAKEN_AT_ONCE: usize = 32;

/// What a task waits for that looks at its mailbox when something has come in.
const SOME_MESSAGE: Value = Value::TRUE;
/// What a task waits for that takes whatever message comes first.
const ANY_MESSAGE: Value = Value::FALSE;

/// Empty places at the front of a mailbox that are not worth moving the rest.
const LEAST_MOVED: usize = 16;

/// Sends a message to a thread.
///
/// # Errors
/// ThreadEnded.
pub fn send(thread: &mut Thread, to: u64, message: Message) -> Outcome<()> {
    let sent = match thread.peer(|peer| peer.id == to) {
        Some(peer) => thread.vm.registry.send_to(thread.known(peer), message).is_ok(),
        None => false,
    };
    if sent { Ok(()) } else { Err(ended(thread, to)) }
}

/// As [`send`], to the thread that owns a heap. Whether there is such a thread.
///
/// # Errors
/// ThreadEnded, if it ends just now.
pub fn send_to_owner(thread: &mut Thread, heap: u32, message: Message) -> Outcome<bool> {
    let Some(peer) = thread.owner_of(heap) else { return Ok(false) };
    let shared = thread.known(peer);
    match thread.vm.registry.send_to(shared, message) {
        Ok(()) => Ok(true),
        Err(_) => {
            let id = shared.id;
            Err(ended(thread, id))
        }
    }
}

#[cold]
fn ended(thread: &mut Thread, id: u64) -> Control {
    thread.error(ErrorClass::ThreadEnded, format!("thread {id} has ended and takes no messages"))
}

/// Handles the mail that is there.
pub fn drain(thread: &mut Thread) {
    let shared = thread.shared.clone();
    // Before the mail is looked at: what comes later asks again.
    if !shared.inbox.mailbox.take_request() {
        return;
    }
    let mut memory = Memory::Unknown;
    for _ in 0..BATCH {
        // What handles a message may come here again, and goes on with the next one then.
        if thread.mail.is_empty() {
            let mail = &mut thread.mail;
            shared.inbox.mailbox.take(TAKEN_AT_ONCE, |message| mail.push_back(message));
        }
        let Some(message) = thread.mail.pop_front() else {
            return thread.vm.registry.handled();
        };
        handle(thread, message, &mut memory);
    }
    while let Some(message) = thread.mail.pop_front() {
        handle(thread, message, &mut memory);
    }
    // More may wait; if nobody has asked again yet, the request that was taken stands in for it.
    if !shared.inbox.mailbox.ask() {
        thread.vm.registry.handled();
    }
}

/// What is known, while mail is handled, of whether a collection helps when memory is short.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    Unknown,
    /// It did not for the last message that needed one: for those behind it there is none.
    Full,
}

fn handle(thread: &mut Thread, message: Message, memory: &mut Memory) {
    let message = match message {
        Message::Host(f) => return f(thread),
        message => message,
    };
    let mut outcome = process(thread, &message);
    // As with an instruction: what runs out of memory has changed nothing, and is done again after a collection.
    if matches!(outcome, Err(Control::OutOfMemory)) && *memory == Memory::Unknown {
        thread.collect_for_room();
        outcome = process(thread, &message);
        if matches!(outcome, Err(Control::OutOfMemory)) {
            *memory = Memory::Full;
        }
    }
    if matches!(outcome, Err(Control::OutOfMemory)) && is_unanswered_call(&message) {
        // Whoever sent it relies on its being done, and nobody can be told that it was not: the reserve is for that.
        thread.heap.grant_reserve();
        outcome = process(thread, &message);
    }
    if let Err(control) = outcome {
        failed(thread, control, &message);
    }
}

fn is_unanswered_call(message: &Message) -> bool {
    match message {
        Message::Request(request) => request.reply.is_none() && matches!(request.what, Work::Call { .. }),
        _ => false,
    }
}

/// Does what a message says, and answers it.
fn process(thread: &mut Thread, message: &Message) -> Outcome<()> {
    let reply = message.reply();
    match apply(thread, message) {
        Ok(Done::Nothing) => {}
        Ok(Done::Value(value)) => {
            if let Some(reply) = reply {
                futures::answer(thread, reply, Ok(value));
            }
        }
        // A hook has to run: the message becomes a task.
        Err(Control::Call(invoke)) => start(thread, invoke.callee, &invoke.args, 0, reply)?,
        Err(control) => return Err(control),
    }
    Ok(())
}

fn failed(thread: &mut Thread, control: Control, message: &Message) {
    let error = match control {
        Control::Throw(error) => error,
        Control::OutOfMemory => control::memory_error(thread),
        _ => thread.certain_error(ErrorClass::StateError, "a message cannot wait"),
    };
    match (message.reply(), message) {
        (Some(reply), _) => futures::answer(thread, reply, Err(error)),
        // Somebody waits for a result that cannot be held.
        (None, Message::Resolve { number, .. }) => futures::fail(thread, *number, error),
        (None, _) => super::trace::report(thread, "Uncaught error in a message", error),
    }
}

enum Done {
    Nothing,
    Value(Value),
}

fn apply(thread: &mut Thread, message: &Message) -> Outcome<Done> {
    match message {
        Message::Request(request) => work(thread, &request.what, request.reply),
        Message::SetVariable { env, slot, value } => {
            let value = transfer::import(thread, value)?;
            if let Some(own) = thread.own_env(*env) {
                array::set(&mut thread.heap, own, *slot as usize, value);
            }
            Ok(Done::Nothing)
        }
        Message::Post { task, value } => {
            let value = transfer::import(thread, value)?;
            if let Some(task) = tasks::by_id(thread, *task) {
                post(thread, task, value)?;
            }
            Ok(Done::Nothing)
        }
        Message::Kill { task } => {
            let task = transfer::import(thread, task)?;
            if task.is_kind(Kind::Task) {
                tasks::kill(thread, task.pointer().cast())?;
            }
            Ok(Done::Nothing)
        }
        Message::Resolve { number, result } => {
            futures::resolved(thread, *number, result)?;
            Ok(Done::Nothing)
        }
        Message::Subscribe { future, reply } => {
            let future = transfer::import(thread, future)?;
            if future.is_kind(Kind::Future) {
                futures::serve(thread, future, *reply)?;
                return Ok(Done::Nothing);
            }
            Err(thread.error(ErrorClass::TypeError, "await needs a Future"))
        }
        Message::Cancel(reply) => {
            // Nobody over there holds the future any more: unless somebody here does, the collector cancels its task.
            futures::serve_no_more(thread, *reply);
            // A thread that rests has collected already, when it was still held.
            thread.ran = true;
            Ok(Done::Nothing)
        }
        Message::Started { number, task } => {
            let task = transfer::import(thread, task)?;
            futures::started(thread, *number, task);
            Ok(Done::Nothing)
        }
        Message::CancelTask(reply) => {
            if let Some(future) = thread.remote.serving.get(&(reply.thread, reply.number)).copied() {
                // SAFETY: the table holds futures of this heap.
                let task = unsafe { (*future.pointer().cast::<crate::object::task::Future>()).task.get() };
                if task.is_kind(Kind::Task) {
                    tasks::cancel_now(thread, task.pointer().cast())?;
                }
            }
            Ok(Done::Nothing)
        }
        Message::End => {
            thread.end_tasks();
            Ok(Done::Nothing)
        }
        Message::EndWaiting => {
            thread.end_waiting_tasks();
            Ok(Done::Nothing)
        }
        Message::Host(_) => unreachable!("it has been run: it cannot be done again"),
    }
}

/// Does what a request asks for.
fn work(thread: &mut Thread, what: &Work, reply: Option<Reply>) -> Outcome<Done> {
    match what {
        Work::Call { callee, args, priority } => {
            let callee = transfer::import(thread, callee)?;
            let args = transfer::import_all(thread, args)?;
            start(thread, callee, &args, *priority, reply)?;
            Ok(Done::Nothing)
        }
        Work::SetAttr { target, name, value } => {
            let target = transfer::import(thread, target)?;
            let value = transfer::import(thread, value)?;
            access::set(thread, target, *name, value)?;
            Ok(Done::Value(Value::NULL))
        }
        Work::SetIndex { target, key, value } => {
            let target = transfer::import(thread, target)?;
            let key = transfer::import(thread, key)?;
            let value = transfer::import(thread, value)?;
            index::set(thread, target, key, value)?;
            Ok(Done::Value(Value::NULL))
        }
        Work::SetCell { target, value } => {
            let target = transfer::import(thread, target)?;
            let value = transfer::import(thread, value)?;
            globals::cell_set(thread, target, value)?;
            Ok(Done::Value(Value::NULL))
        }
        Work::CallMethod { target, name, args } => {
            let target = transfer::import(thread, target)?;
            let args = transfer::import_all(thread, args)?;
            call_method(thread, target, *name, &args, reply)
        }
    }
}

/// Starts a task for a message.
fn start(
    thread: &mut Thread,
    callee: Value,
    args: &[Value],
    priority: i16,
    reply: Option<Reply>,
) -> Outcome<()> {
    let task = tasks::create(thread, callee, args)?;
    // SAFETY: the task is fresh and live.
    unsafe { (*task).priority = priority };
    let known = match reply {
        Some(reply) => tell_of(thread, task, reply),
        None => Ok(()),
    };
    match known {
        Ok(()) => thread.sched.enqueue(task),
        Err(_) => tasks::discard(thread, task),
    }
    known
}

/// Tells the thread that asked for a task who it is, and sees to it that it gets the result.
fn tell_of(thread: &mut Thread, task: *mut Task, reply: Reply) -> Outcome<()> {
    let future = futures::of_task(thread, task)?;
    let handle = transfer::export(thread, tasks::to_value(task))?;
    // What may want memory comes before what cannot be taken back.
    futures::serve(thread, future, reply)?;
    let told = send(thread, reply.thread, Message::Started { number: reply.number, task: handle });
    if told.is_err() {
        futures::serve_no_more(thread, reply);
    }
    told
}

fn call_method(
    thread: &mut Thread,
    target: Value,
    name: crate::symbol::Symbol,
    args: &[Value],
    reply: Option<Reply>,
) -> Outcome<Done> {
    let class = thread.vm.class_of(target);
    let mut all = vec![target];
    all.extend_from_slice(args);
    match class.member(name) {
        Some(Member::Method(f)) if f.is_kind(Kind::NativeFunction) => {
            let def = function::native_of_value(f).expect("the kind was checked");
            Ok(Done::Value(call::native(thread, def, &all)?))
        }
        Some(Member::Method(f)) => {
            start(thread, f, &all, 0, reply)?;
            Ok(Done::Nothing)
        }
        _ => {
            let callee = access::get(thread, target, name)?;
            start(thread, callee, args, 0, reply)?;
            Ok(Done::Nothing)
        }
    }
}

/// Puts a value into a task's mailbox and wakes the task if it waits for one.
pub fn post(thread: &mut Thread, task: *mut Task, value: Value) -> Outcome<()> {
    // SAFETY: the caller has a task as a value.
    unsafe {
        if (*task).state == TaskState::Done {
            return Ok(());
        }
        // The task stands at a `receive()`, so its mailbox is empty: the message is what the call gives.
        if (*task).state == TaskState::Parked && (*task).waits_for.get() == ANY_MESSAGE {
            (*task).flags |= task_flag::MAIL;
            tasks::wake(thread, task, value);
            return Ok(());
        }
        match array::from_value((*task).mailbox.get()) {
            Some(mailbox) => array::push(&mut thread.heap, mailbox, value)?,
            None => {
                let mailbox = array::from_slice(&mut thread.heap, &[value])?;
                thread.heap.store(task.cast(), &(*task).mailbox, array::to_value(mailbox));
            }
        }
        if (*task).state == TaskState::Parked && (*task).waits_for.get() == SOME_MESSAGE {
            tasks::wake(thread, task, Value::NULL);
        }
    }
    Ok(())
}

/// The deadline of a receive: seconds on the VM's clock as a float, or null.
pub fn receive_start(thread: &mut Thread, timeout: Value) -> Outcome {
    if timeout.is_null() {
        return Ok(Value::NULL);
    }
    let Some(seconds) = timeout.as_number().filter(|s| !s.is_nan()) else {
        let found = match timeout.as_number() {
            Some(_) => "NaN".into(),
            None => crate::interp::describe::type_name(thread, timeout),
        };
        return Err(thread.error(
            ErrorClass::TypeError,
            format!("the time after which a receive gives up is a number of seconds, not {found}"),
        ));
    };
    let now = thread.now().saturating_duration_since(thread.vm.registry.start).as_secs_f64();
    Ok(thread.heap.float(now + seconds.max(0.0))?)
}

/// The moment that seconds on the VM's clock stand for.
fn moment(thread: &Thread, deadline: Value) -> Option<Instant> {
    let seconds = deadline.as_number()?;
    thread.vm.registry.start.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

/// A message that was handed to a waiting task, which has not taken it, goes to the front of its mailbox.
pub fn put_back(thread: &mut Thread, task: *mut Task) {
    // SAFETY: the caller has a live task of this thread.
    unsafe {
        if (*task).flags & task_flag::MAIL == 0 {
            return;
        }
        (*task).flags &= !task_flag::MAIL;
        let message = (*task).resume.get();
        let kept = match array::from_value((*task).mailbox.get()) {
            Some(mailbox) if (*task).taken > 0 => {
                (*task).taken -= 1;
                Ok(array::set(&mut thread.heap, mailbox, (*task).taken as usize, message))
            }
            Some(mailbox) => array::insert(&mut thread.heap, mailbox, 0, message),
            None => array::from_slice(&mut thread.heap, &[message]).map(|mailbox| {
                thread.heap.store(task.cast(), &(*task).mailbox, array::to_value(mailbox));
                true
            }),
        };
        // Without memory for a mailbox of one message, the task that is about to be told of its end has no use for it either.
        let _ = kept;
    }
}

/// Message number `position` of a task's mailbox.
fn waiting(task: *mut Task, position: usize) -> Option<Value> {
    // SAFETY: the caller has a live task of this thread.
    let (mailbox, taken) = unsafe { ((*task).mailbox.get(), (*task).taken as usize) };
    array::get(array::from_value(mailbox)?, taken + position)
}

/// Takes message number `position` out of a task's mailbox. From the front that costs the same however much waits: the array
/// is moved up only when more than half of it is empty.
fn take(thread: &mut Thread, task: *mut Task, position: usize) -> Option<Value> {
    // SAFETY: the caller has a live task of this thread.
    let (mailbox, taken) = unsafe { (array::from_value((*task).mailbox.get())?, (*task).taken as usize) };
    if position > 0 {
        return array::remove(&mut thread.heap, mailbox, taken + position);
    }
    let message = array::get(mailbox, taken)?;
    array::set(&mut thread.heap, mailbox, taken, Value::NULL);
    let mut taken = taken + 1;
    let all = array::len(mailbox);
    if taken == all || (taken >= LEAST_MOVED && taken * 2 > all) {
        array::remove_front(&mut thread.heap, mailbox, taken);
        taken = 0;
    }
    // SAFETY: as above.
    unsafe { (*task).taken = taken as u32 };
    Some(message)
}

/// Message number `position` of the running task's mailbox; waits for it if need be. `None`: the deadline has passed.
pub fn receive_next(thread: &mut Thread, position: Value, deadline: Value) -> Outcome<Option<Value>> {
    let task = thread.current;
    let position = position.as_int().and_then(|p| usize::try_from(p).ok()).unwrap_or(0);
    if let Some(message) = waiting(task, position) {
        return Ok(Some(message));
    }
    let until = moment(thread, deadline);
    if until.is_some_and(|moment| moment <= thread.now()) {
        return Ok(None);
    }
    let control = tasks::park_and_retry(thread, SOME_MESSAGE);
    if let Some(moment) = until {
        tasks::wake_at(thread, moment);
    }
    Err(control)
}

/// Removes the message that `receive_next` gave last (its position has been advanced past it).
pub fn receive_take(thread: &mut Thread, position: Value) -> Outcome<()> {
    if let Some(at) = position.as_int().and_then(|p| usize::try_from(p).ok()).and_then(|p| p.checked_sub(1)) {
        take(thread, thread.current, at);
    }
    Ok(())
}

/// `receive(timeout)`: the oldest message, or null when the timeout has passed.
pub fn receive(thread: &mut Thread, timeout: Value) -> Outcome {
    if let Some(message) = take(thread, thread.current, 0) {
        return Ok(message);
    }
    let deadline = receive_start(thread, timeout)?;
    let until = moment(thread, deadline);
    if until.is_some_and(|moment| moment <= thread.now()) {
        return Ok(Value::NULL);
    }
    let control = tasks::park(thread, ANY_MESSAGE);
    if let Some(moment) = until {
        tasks::wake_at(thread, moment);
    }
    Err(control)
}
