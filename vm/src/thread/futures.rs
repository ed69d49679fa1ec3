//! Futures: results to be, of tasks on this thread and on others.
//!
//! A future of another thread's task is an ordinary future here with a number; the thread where the task lives answers with
//! a message that names it. If it dies here unresolved, the task over there is cancelled.

use super::registry::{Message, Reply};
use super::transfer::{self, Transfer};
use super::{Thread, tasks, unseen};
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::object::proxy::Proxy;
use crate::object::task::{Future, Task, TaskState, future_state, task_flag};
use crate::object::{Kind, Slot, array, class_id};
use crate::value::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// Futures that concern other threads.
#[derive(Default)]
pub struct RemoteFutures {
    /// Futures here of tasks elsewhere, by number, with the thread where the task lives. Weak.
    pub waiting: HashMap<u32, (*mut Future, u64)>,
    /// Futures of tasks here that others wait for: kept alive. By waiting thread and its number.
    pub serving: HashMap<(u64, u32), Value>,
    next: u32,
}

/// A new future.
pub fn new(thread: &mut Thread, task: Value, remote: u32) -> Outcome<*mut Future> {
    let future = thread.heap.alloc(Kind::Future, class_id::FUTURE, size_of::<Future>())?.cast::<Future>();
    // SAFETY: just allocated with room for a Future; all fields are written.
    unsafe {
        let header = std::ptr::read(future.cast());
        future.write(Future {
            header,
            state: AtomicU32::new(future_state::PENDING),
            remote,
            value: Slot::new(Value::NULL),
            task: Slot::new(task),
            waiters: Slot::new(Value::NULL),
        });
        // The object is a whole number of granules; its last word belongs to nobody.
        future.add(1).cast::<u64>().write(Value::NULL.bits());
    }
    Ok(future)
}

/// The future of a fresh task.
pub fn of_task(thread: &mut Thread, task: *mut Task) -> Outcome {
    let future = new(thread, tasks::to_value(task), 0)?;
    // SAFETY: the task is fresh and live.
    unsafe {
        (*task).future = future;
        (*task).flags |= task_flag::HAS_FUTURE;
        // The collector does not follow this reference; it asks those that it has not seen yet whether they live.
        thread.sched.young_futures.push(((*task).table_index, (*task).id));
    }
    Ok(Value::object(future.cast()))
}

/// A future of a task of this thread that says when it has ended. Unlike the one that `spawn` gives, dropping it cancels nothing.
pub fn observe(thread: &mut Thread, task: *mut Task) -> Outcome {
    // SAFETY: the caller has a task as a value.
    unsafe {
        let known = (*task).future;
        if !known.is_null() {
            thread.heap.import_own(known.cast());
            return Ok(Value::object(known.cast()));
        }
        let future = new(thread, tasks::to_value(task), 0)?;
        if (*task).state == TaskState::Done {
            complete(thread, future, Ok(Value::NULL));
        } else {
            (*task).future = future;
            thread.sched.young_futures.push(((*task).table_index, (*task).id));
        }
        Ok(Value::object(future.cast()))
    }
}

/// Nobody wants the result of the task behind a future any more: the future only observes it from now on.
pub fn detach(future: *mut Future) {
    // SAFETY: the caller has a live future of this thread, which keeps its task.
    unsafe {
        let task = (*future).task.get();
        if task.is_kind(Kind::Task) {
            (*task.pointer().cast::<Task>()).flags &= !task_flag::HAS_FUTURE;
        }
    }
}

/// A future for the answer of another thread, and how that thread is to address it.
pub fn remote(thread: &mut Thread, other: u64) -> Outcome<(Value, Reply)> {
    thread.remote.next = thread.remote.next.wrapping_add(1).max(1);
    let number = thread.remote.next;
    let future = new(thread, Value::NULL, number)?;
    thread.remote.waiting.insert(number, (future, other));
    Ok((Value::object(future.cast()), Reply { thread: thread.shared.id, number }))
}

/// `await value`.
pub fn await_value(thread: &mut Thread, value: Value) -> Outcome {
    match value.kind() {
        Some(Kind::Future) => {}
        Some(Kind::Task) => {
            // A task as a handle: what its future gives.
            let task = value.pointer().cast::<Task>();
            // SAFETY: the kind was checked.
            let future = unsafe { (*task).future };
            // SAFETY: as above.
            if future.is_null() && unsafe { (*task).state } != TaskState::Done {
                let future = of_task(thread, task)?;
                return await_value(thread, future);
            }
            if future.is_null() {
                return Err(thread.error(
                    ErrorClass::StateError,
                    "the task has no future: it has ended, or was spawned as a statement",
                ));
            }
            return await_value(thread, Value::object(future.cast()));
        }
        Some(Kind::Proxy) => {
            let local = subscribe(thread, value)?;
            return await_value(thread, local);
        }
        _ => {
            let found = crate::interp::describe::type_name(thread, value);
            return Err(thread.error(
                ErrorClass::TypeError,
                format!("await needs a Future, not {found}: spawn gives one"),
            ));
        }
    }
    let future = value.pointer().cast::<Future>();
    // SAFETY: the kind was checked.
    unsafe {
        match (*future).state.load(Ordering::Relaxed) {
            future_state::DONE => Ok((*future).value.get()),
            future_state::FAILED => {
                let error = (*future).value.get();
                Err(unseen::thrown(thread, future, error))
            }
            _ => {
                if (*future).task.get() == tasks::to_value(thread.current) {
                    return Err(thread.error(ErrorClass::StateError, "a task cannot await itself"));
                }
                // After a wait that timed out the task may stand there already.
                let task = tasks::to_value(thread.current);
                if (*future).waiters.get() != task {
                    add_waiter(thread, future, task)?;
                }
                let awaited = (*future).task.get();
                if awaited.is_kind(Kind::Task) && (*future).remote == 0 {
                    tasks::run_awaited(thread, awaited.pointer().cast());
                }
                Err(tasks::park(thread, value))
            }
        }
    }
}

/// A future here for a future (or task) of another thread.
fn subscribe(thread: &mut Thread, proxy: Value) -> Outcome {
    // SAFETY: the caller checked the kind; the target is read within this slice.
    let (kind, heap) = unsafe {
        let proxy = proxy.pointer().cast::<Proxy>();
        ((*(*proxy).target).kind(), (*proxy).heap)
    };
    if kind != Kind::Future {
        let found = crate::interp::describe::type_name(thread, proxy);
        return Err(thread.error(ErrorClass::TypeError, format!("await needs a Future, not {found}")));
    }
    if heap == thread.heap.number() {
        // SAFETY: a proxy of an own object: the object itself serves.
        return Ok(Value::object(unsafe { (*proxy.pointer().cast::<Proxy>()).target }));
    }
    let Some(owner) = thread.owner_of(heap).map(|peer| thread.known(peer).id) else {
        return Err(thread.error(ErrorClass::ThreadEnded, "the thread of the awaited future has ended"));
    };
    let (local, reply) = remote(thread, owner)?;
    let future = transfer::export(thread, proxy)?;
    super::messages::send(thread, owner, Message::Subscribe { future, reply })?;
    Ok(local)
}

/// Enters a waiter: a task, a function to be called with the future, or the number of another thread's future.
pub fn add_waiter(thread: &mut Thread, future: *mut Future, waiter: Value) -> Outcome<()> {
    // SAFETY: the caller has a live future.
    unsafe {
        let waiters = (*future).waiters.get();
        if waiters.is_null() {
            if waiter.is_kind(Kind::Array) {
                let list = array::from_slice(&mut thread.heap, &[waiter])?;
                thread.heap.store(future.cast(), &(*future).waiters, array::to_value(list));
            } else {
                thread.heap.store(future.cast(), &(*future).waiters, waiter);
            }
        } else if let Some(list) = array::from_value(waiters) {
            array::push(&mut thread.heap, list, waiter)?;
        } else {
            let list = array::from_slice(&mut thread.heap, &[waiters, waiter])?;
            thread.heap.store(future.cast(), &(*future).waiters, array::to_value(list));
        }
    }
    Ok(())
}

/// Gives a future its result and wakes who waits; whether it had none: the first result stays.
pub fn complete(thread: &mut Thread, future: *mut Future, result: Result<Value, Value>) -> bool {
    if is_done(future) {
        return false;
    }
    let (state, value) = match result {
        Ok(value) => (future_state::DONE, value),
        Err(error) => (future_state::FAILED, error),
    };
    // SAFETY: the caller has a live future.
    let waiters = unsafe {
        thread.heap.store(future.cast(), &(*future).value, value);
        (*future).state.store(state, Ordering::Release);
        let waiters = (*future).waiters.get();
        thread.heap.store(future.cast(), &(*future).waiters, Value::NULL);
        waiters
    };
    if let (Err(error), true) = (result, waiters.is_null()) {
        unseen::add(thread, future, error);
        return true;
    }
    match array::from_value(waiters) {
        Some(list) => {
            let all: Vec<Value> = array::elements(list).iter().map(Slot::get).collect();
            for waiter in all {
                notify(thread, future, waiter, result);
            }
        }
        None => notify(thread, future, waiters, result),
    }
    true
}

/// Whether a task waits for a future. One that was killed meanwhile waits for something else or is done.
#[inline]
fn awaits(task: *mut Task, future: *mut Future) -> bool {
    // SAFETY: the caller has a task as a value.
    unsafe { (*task).state == TaskState::Parked && (*task).waits_for.get() == Value::object(future.cast()) }
}

/// Whether a future is nobody's result: it is completed by hand.
#[inline]
fn is_by_hand(future: *mut Future) -> bool {
    // SAFETY: the caller has a live future.
    unsafe { (*future).task.get().is_null() && (*future).remote == 0 }
}

fn notify(thread: &mut Thread, future: *mut Future, waiter: Value, result: Result<Value, Value>) {
    match waiter.kind() {
        Some(Kind::Task) => {
            let task = waiter.pointer().cast::<Task>();
            match result {
                _ if !awaits(task, future) => {}
                // A channel or lock wakes in turn, or two tasks could keep all others waiting.
                Ok(value) if is_by_hand(future) => tasks::wake(thread, task, value),
                _ => tasks::wake_at_once(thread, task, result),
            }
        }
        None => {
            if let Some(address) = waiter.as_int() {
                answer(thread, Reply { thread: (address >> 32) as u64, number: address as u32 }, result);
            }
        }
        Some(_) => {
            // A callback becomes a task of its own. Whoever completes the future has done so, and cannot try again: if there is
            // no memory now, the scheduler does.
            let future = Value::object(future.cast());
            if let Err(Control::OutOfMemory) = tasks::spawn(thread, waiter, &[future], false) {
                let late = Late::Callback { callback: thread.pin(waiter), future: thread.pin(future) };
                thread.late.push(late);
            }
        }
    }
}

/// What there was no memory for when a future was done: values are keys of pins.
pub enum Late {
    /// A function is to be called with its future.
    Callback {
        /// The function.
        callback: usize,
        /// The future.
        future: usize,
    },
    /// Another thread waits for a result.
    Answer {
        /// Who waits.
        reply: Reply,
        /// Result or error.
        result: Result<usize, usize>,
    },
}

/// Between two tasks: does what there was no memory for, after a collection.
#[cold]
pub fn catch_up(thread: &mut Thread) {
    thread.collect_now();
    for late in std::mem::take(&mut thread.late) {
        match late {
            Late::Callback { callback, future } => call_late(thread, callback, future),
            Late::Answer { reply, result } => answer_late(thread, reply, result),
        }
    }
}

fn call_late(thread: &mut Thread, callback: usize, future: usize) {
    let (function, argument) = (thread.pinned(callback), thread.pinned(future));
    let mut made = tasks::spawn(thread, function, &[argument], false);
    if let Err(Control::OutOfMemory) = made {
        thread.heap.grant_reserve();
        made = tasks::spawn(thread, function, &[argument], false);
    }
    thread.unpin(callback);
    thread.unpin(future);
    if let Err(control) = made {
        let error = thread.control_as_error(control);
        super::trace::report(thread, "Uncaught error in a callback that could not be called", error);
    }
}

fn answer_late(thread: &mut Thread, reply: Reply, result: Result<usize, usize>) {
    let (Ok(key) | Err(key)) = result;
    let value = thread.pinned(key);
    let value = result.map(|_| value).map_err(|_| value);
    let exported = export_result(thread, value).or_else(|_| {
        thread.heap.grant_reserve();
        export_result(thread, value)
    });
    thread.unpin(key);
    let result = exported.unwrap_or_else(|_| {
        let message = "the memory limit is reached: the result could not be sent".into();
        Err(Transfer::error(ErrorClass::MemoryError, message))
    });
    send_result(thread, reply, result);
}

/// Makes a future that was completed by hand a future without a result again, and lets the running task wait for that: what was made for one
/// wait serves for the next. Only its maker may have it.
pub fn await_again(thread: &mut Thread, future: *mut Future) -> Outcome {
    // SAFETY: the caller has a live future.
    unsafe {
        debug_assert!(is_by_hand(future));
        (*future).value.set_unbarriered(Value::NULL);
        (*future).state.store(future_state::PENDING, Ordering::Release);
        if !(*future).waiters.get().is_null() {
            return await_value(thread, Value::object(future.cast()));
        }
        let task = tasks::to_value(thread.current);
        thread.heap.store(future.cast(), &(*future).waiters, task);
    }
    Err(tasks::park(thread, Value::object(future.cast())))
}

/// Gives a future its value; whether it had no result. The usual case, a future made by hand that one task waits for, is short.
#[inline]
pub fn resolve(thread: &mut Thread, future: *mut Future, value: Value) -> bool {
    // SAFETY: the caller has a live future; the kind of what waits for it is checked.
    unsafe {
        let waiter = (*future).waiters.get();
        if waiter.is_kind(Kind::Task) && is_by_hand(future) && !is_done(future) {
            let task = waiter.pointer().cast::<Task>();
            if awaits(task, future) {
                thread.heap.store(future.cast(), &(*future).value, value);
                (*future).state.store(future_state::DONE, Ordering::Release);
                (*future).waiters.set_unbarriered(Value::NULL);
                tasks::wake(thread, task, value);
                return true;
            }
        }
    }
    complete(thread, future, Ok(value))
}

/// Whether a future has its result.
pub fn is_done(future: *mut Future) -> bool {
    // SAFETY: the caller has a live future.
    unsafe { (*future).state.load(Ordering::Relaxed) != future_state::PENDING }
}

/// A future's task on another thread has been made.
pub fn started(thread: &mut Thread, number: u32, task: Value) {
    let Some((future, _)) = thread.remote.waiting.get(&number).copied() else { return };
    // SAFETY: the table holds living futures of this heap.
    let waiters = unsafe {
        thread.heap.store(future.cast(), &(*future).task, task);
        (*future).waiters.get()
    };
    let all: Vec<Value> = match array::from_value(waiters) {
        Some(list) => array::elements(list).iter().map(Slot::get).collect(),
        None => vec![waiters],
    };
    for waiter in all {
        if waiter.is_kind(Kind::Task) {
            let waiting = waiter.pointer().cast::<Task>();
            // SAFETY: the kind was checked.
            let asks = unsafe { (*waiting).flags & task_flag::DELIVER == 0 };
            if asks && awaits(waiting, future) {
                tasks::wake(thread, waiting, Value::NULL);
            }
        }
    }
}

/// The task of a future; waits until another thread has made it.
pub fn task_of(thread: &mut Thread, future: *mut Future) -> Outcome {
    // SAFETY: the caller has a live future of this heap.
    let (task, remote) = unsafe { ((*future).task.get(), (*future).remote) };
    if !task.is_null() || remote == 0 || is_done(future) {
        return Ok(task);
    }
    add_waiter(thread, future, tasks::to_value(thread.current))?;
    Err(tasks::park_and_retry(thread, Value::object(future.cast())))
}

/// Cancels the task on another thread that a future of this one waits for.
pub fn cancel_remote(thread: &mut Thread, number: u32) -> Outcome<()> {
    let Some((_, other)) = thread.remote.waiting.get(&number).copied() else { return Ok(()) };
    let reply = Reply { thread: thread.shared.id, number };
    // If that thread has ended, so has the task.
    let _ = thread.vm.registry.send(other, Message::CancelTask(reply));
    Ok(())
}

/// Sends a result to the thread that waits for it; if there is no memory for that now, the scheduler does so later.
pub fn answer(thread: &mut Thread, reply: Reply, result: Result<Value, Value>) {
    serve_no_more(thread, reply);
    match export_result(thread, result) {
        Ok(exported) => send_result(thread, reply, exported),
        Err(_) => {
            let result = match result {
                Ok(value) => Ok(thread.pin(value)),
                Err(error) => Err(thread.pin(error)),
            };
            thread.late.push(Late::Answer { reply, result });
        }
    }
}

fn export_result(thread: &mut Thread, result: Result<Value, Value>) -> Outcome<Result<Transfer, Transfer>> {
    Ok(match result {
        Ok(value) => Ok(transfer::export(thread, value)?),
        Err(error) => Err(transfer::export(thread, error)?),
    })
}

fn send_result(thread: &mut Thread, reply: Reply, result: Result<Transfer, Transfer>) {
    // If the waiting thread has ended, nobody is interested.
    let _ = super::messages::send(thread, reply.thread, Message::Resolve { number: reply.number, result });
}

/// Nobody waits any more for the future that was served under this number.
pub fn serve_no_more(thread: &mut Thread, reply: Reply) {
    thread.remote.serving.remove(&(reply.thread, reply.number));
}

/// A message brought the result of a future here.
pub fn resolved(thread: &mut Thread, number: u32, result: &Result<Transfer, Transfer>) -> Outcome<()> {
    if !thread.remote.waiting.contains_key(&number) {
        return Ok(());
    }
    let result = match result {
        Ok(value) => Ok(transfer::import(thread, value)?),
        Err(error) => Err(transfer::import(thread, error)?),
    };
    if let Some((future, _)) = thread.remote.waiting.remove(&number) {
        complete(thread, future, result);
    }
    Ok(())
}

/// The result of a future is on its way no more: it could not be held here.
pub fn fail(thread: &mut Thread, number: u32, error: Value) {
    if let Some((future, _)) = thread.remote.waiting.remove(&number) {
        complete(thread, future, Err(error));
    }
}

/// A task or answer here that another thread waits for.
pub fn serve(thread: &mut Thread, future: Value, reply: Reply) -> Outcome<()> {
    let pointer = future.pointer().cast::<Future>();
    // SAFETY: the caller checked the kind.
    let (state, value) = unsafe { ((*pointer).state.load(Ordering::Relaxed), (*pointer).value.get()) };
    match state {
        future_state::DONE => answer(thread, reply, Ok(value)),
        future_state::FAILED => {
            unseen::seen(thread, pointer);
            answer(thread, reply, Err(value));
        }
        _ => {
            let address = (reply.thread as i64) << 32 | i64::from(reply.number);
            add_waiter(thread, pointer, Value::int_unchecked(address))?;
            thread.remote.serving.insert((reply.thread, reply.number), future);
        }
    }
    Ok(())
}
