//! Tasks: spawning, waiting, waking, ending, killing, scopes.
//!
//! Invariant: a living task stands in the thread's table; it is ready (in a queue), running, or parked. Parking gives it a new
//! parking number; a waker that names an older number does nothing.

use super::{Thread, futures, stack::ReturnKind};
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::heap::OutOfMemory;
use crate::interp::{Exit, call, control};
use crate::object::task::{Task, TaskState, task_flag};
use crate::object::{Kind, Slot, array, class_id};
use crate::value::Value;

/// Positions in [`Task::extra`].
pub mod extra {
    /// Name, or null.
    pub const NAME: usize = 0;
    /// Task-local values: a map, or null.
    pub const LOCALS: usize = 1;
    /// The innermost open scope, or null.
    pub const SCOPE: usize = 2;
    /// The scope that the task belongs to, or null.
    pub const PARENT: usize = 3;
    /// How many there are.
    pub const COUNT: usize = 4;
}

/// A new task that calls `callee`; it is not queued yet.
pub fn create(thread: &mut Thread, callee: Value, args: &[Value]) -> Outcome<*mut Task> {
    if thread.sched.living >= thread.vm.config.task_limit {
        let limit = thread.vm.config.task_limit;
        return Err(thread.error(
            ErrorClass::LimitError,
            format!("a thread can have {limit} tasks at most: let some end first"),
        ));
    }
    // Without loops and calls, tasks that make tasks would go on for ever.
    thread.charge(1);
    let stack = match call::first_frame(thread, callee, args, ReturnKind::Task, 0)? {
        Some(stack) => stack,
        // Natives, classes, generators and objects with a `call` hook: a script function calls them.
        None => {
            let Some(apply) = thread.vm.builtin("__apply") else {
                return Err(thread.error(ErrorClass::TypeError, "a task runs a script function"));
            };
            let list = array::from_slice(&mut thread.heap, args)?;
            let made =
                call::first_frame(thread, apply, &[callee, array::to_value(list)], ReturnKind::Task, 0)?;
            made.expect("__apply is a script function")
        }
    };
    let task = thread.heap.alloc(Kind::Task, class_id::TASK, size_of::<Task>())?.cast::<Task>();
    let index = thread.sched.free.pop().unwrap_or(thread.sched.tasks.len() as u32);
    thread.wakes = thread.wakes.wrapping_add(1);
    // SAFETY: just allocated with room for a Task; all fields are written.
    unsafe {
        let header = std::ptr::read(task.cast());
        task.write(Task {
            header,
            id: thread.vm.new_task_id(),
            stack,
            future: std::ptr::null_mut(),
            resume: Slot::new(Value::EMPTY),
            waits_for: Slot::new(Value::NULL),
            mailbox: Slot::new(Value::NULL),
            extra: Slot::new(Value::NULL),
            generator: Slot::new(Value::NULL),
            place: 0,
            taken: 0,
            wake: thread.wakes,
            atomic: 0,
            priority: 0,
            state: TaskState::Parked,
            flags: task_flag::DIRTY,
            table_index: index,
        });
    }
    if index as usize == thread.sched.tasks.len() {
        thread.sched.tasks.push(task);
    } else {
        thread.sched.tasks[index as usize] = task;
    }
    thread.sched.dirty.push(task);
    thread.sched.living += 1;
    Ok(task)
}

/// Starts a task; gives its future, or null for a detached one.
pub fn spawn(thread: &mut Thread, callee: Value, args: &[Value], with_future: bool) -> Outcome {
    check_callable(thread, callee)?;
    let task = create(thread, callee, args)?;
    let ready = match with_future {
        true => futures::of_task(thread, task),
        false => Ok(Value::NULL),
    }
    .and_then(|future| join_scope(thread, task, future).map(|()| future));
    match ready {
        Ok(_) => thread.sched.enqueue(task),
        Err(_) => discard(thread, task),
    }
    ready
}

/// Takes back a task that [`create`] made and nobody has heard of: there was no memory for what belongs to it.
pub fn discard(thread: &mut Thread, task: *mut Task) {
    // SAFETY: the task is fresh, in the table, and in no queue.
    unsafe {
        let index = (*task).table_index;
        (*task).state = TaskState::Done;
        (*task).future = std::ptr::null_mut();
        (*task).stack = std::ptr::null_mut();
        thread.sched.tasks[index as usize] = std::ptr::null_mut();
        thread.sched.free.push(index);
        thread.sched.living -= 1;
    }
}

/// Whether a task can be made of a value.
///
/// # Errors
/// TypeError.
pub fn check_callable(thread: &mut Thread, callee: Value) -> Outcome<()> {
    match callee.kind() {
        Some(
            Kind::Function
            | Kind::NativeFunction
            | Kind::BoundMethod
            | Kind::Class
            | Kind::Instance
            | Kind::Proxy
            | Kind::Generator,
        ) => Ok(()),
        _ => {
            let found = crate::interp::describe::type_name(thread, callee);
            Err(thread.error(
                ErrorClass::TypeError,
                format!("spawn needs something to call, not {found}: spawn f(x), or spawn {{ ... }}"),
            ))
        }
    }
}

/// The value of a task.
pub fn to_value(task: *mut Task) -> Value {
    Value::object(task.cast())
}

/// The living task in a table place, if its number is this.
pub fn by_id(thread: &Thread, (index, id): (u32, u64)) -> Option<*mut Task> {
    let task = *thread.sched.tasks.get(index as usize)?;
    // SAFETY: the table holds living tasks and nulls.
    (!task.is_null() && unsafe { (*task).id } == id).then_some(task)
}

/// The task in a table place, if it is in this parking.
pub fn parked_at(thread: &Thread, index: u32, wake: u32) -> Option<*mut Task> {
    let task = *thread.sched.tasks.get(index as usize)?;
    // SAFETY: the table holds living tasks and nulls.
    (!task.is_null() && unsafe { (*task).state == TaskState::Parked && (*task).wake == wake }).then_some(task)
}

/// Marks the running task as waiting for `what`; the caller enters it where its waker will find it and returns what this
/// gives. Its wake-up value becomes the operation's result.
pub fn park(thread: &mut Thread, what: Value) -> Control {
    thread.wakes = thread.wakes.wrapping_add(1);
    let task = thread.current;
    // SAFETY: a running task is live.
    unsafe {
        (*task).state = TaskState::Parked;
        (*task).wake = thread.wakes;
        (*task).flags |= task_flag::DELIVER;
        thread.heap.store(task.cast(), &(*task).waits_for, what);
    }
    Control::Park
}

/// As [`park`], but the operation is executed again after the wake-up.
pub fn park_and_retry(thread: &mut Thread, what: Value) -> Control {
    park(thread, what);
    Control::ParkAndRetry
}

/// The parked task's instruction is executed again, so it takes no value.
pub fn expect_no_value(thread: &mut Thread) {
    // SAFETY: a running task is live.
    unsafe { (*thread.current).flags &= !task_flag::DELIVER }
}

/// The task's instruction is completed with null when it continues.
pub fn expect_null(thread: &mut Thread) {
    let task = thread.current;
    // SAFETY: a running task is live.
    unsafe {
        (*task).flags |= task_flag::DELIVER;
        thread.heap.store(task.cast(), &(*task).resume, Value::NULL);
    }
}

/// Puts a new or parked task into its queue.
#[inline]
pub fn make_ready(thread: &mut Thread, task: *mut Task) {
    // SAFETY: the task lives.
    unsafe { (*task).waits_for.set_unbarriered(Value::NULL) };
    thread.sched.enqueue(task);
}

/// Wakes a parked task with the result that it awaited. It goes on as soon as the running task ends or waits, in what is left of
/// the tick: a task that is awaited is like a call, and the tree of tasks is walked in depth, not in breadth.
pub fn wake_at_once(thread: &mut Thread, task: *mut Task, result: Result<Value, Value>) {
    // SAFETY: the caller knows the task to be parked, so it lives.
    unsafe {
        debug_assert_eq!((*task).state, TaskState::Parked);
        let (value, flag) = match result {
            Ok(value) => (value, 0),
            Err(error) => (error, task_flag::RESUME_THROWS),
        };
        (*task).flags |= flag;
        thread.heap.store(task.cast(), &(*task).resume, value);
        thread.heap.store(task.cast(), &(*task).waits_for, Value::NULL);
    }
    thread.sched.hand_off(task);
}

/// The running task is about to wait for another: if that is ready, it runs at once.
pub fn run_awaited(thread: &mut Thread, awaited: *mut Task) {
    // SAFETY: the caller has a task as a value.
    if unsafe { (*awaited).state } == TaskState::Ready {
        thread.sched.advance(awaited);
    }
}

/// Wakes a parked task with a value.
#[inline]
pub fn wake(thread: &mut Thread, task: *mut Task, value: Value) {
    // SAFETY: the caller knows the task to be parked, so it lives.
    unsafe {
        debug_assert_eq!((*task).state, TaskState::Parked);
        thread.heap.store(task.cast(), &(*task).resume, value);
    }
    make_ready(thread, task);
}

/// Wakes a parked task with an error that is thrown where it stands.
pub fn wake_with_error(thread: &mut Thread, task: *mut Task, error: Value) {
    // SAFETY: the caller knows the task to be parked.
    unsafe { (*task).flags |= task_flag::RESUME_THROWS };
    wake(thread, task, error);
}

/// Hands the task that begins to run what it waited for.
pub fn deliver(thread: &mut Thread) -> Option<Exit> {
    let task = thread.current;
    // SAFETY: a running task is live.
    unsafe {
        let flags = (*task).flags;
        if (*task).resume.get().is_empty_marker() {
            (*task).resume.set_unbarriered(Value::NULL);
            if flags & task_flag::KILL_PENDING != 0 {
                return Some(end_unbegun(thread));
            }
        }
        if flags & (task_flag::KILL_PENDING | task_flag::RESUME_THROWS | task_flag::DELIVER) == 0 {
            return None;
        }
        let value = (*task).resume.get();
        if flags & task_flag::KILL_PENDING != 0 && (*task).atomic == 0 {
            super::messages::put_back(thread, task);
            (*task).resume.set_unbarriered(Value::NULL);
            (*task).flags &= !(task_flag::RESUME_THROWS | task_flag::DELIVER);
            let error = take_kill(thread);
            return match flags & task_flag::DELIVER {
                0 => control::throw_between(thread, error),
                _ => control::throw(thread, error),
            };
        }
        (*task).resume.set_unbarriered(Value::NULL);
        (*task).flags &= !(task_flag::RESUME_THROWS | task_flag::DELIVER | task_flag::MAIL);
        if flags & task_flag::RESUME_THROWS != 0 {
            super::trace::extend(thread, value);
            return control::throw(thread, value);
        }
        if flags & task_flag::DELIVER != 0 {
            return control::finish_instruction(thread, value);
        }
    }
    None
}

/// Ends the running task, which was killed before its first turn: nothing of its function runs, no `finally` block either, even if the
/// function begins with one.
#[cold]
fn end_unbegun(thread: &mut Thread) -> Exit {
    let error = take_kill(thread);
    super::trace::attach_between(thread, error);
    finish(thread, Err(error));
    Exit::Ended
}

/// Ends the running task.
pub fn finish(thread: &mut Thread, result: Result<Value, Value>) {
    let task = thread.current;
    // SAFETY: a running task is live.
    unsafe {
        (*task).state = TaskState::Done;
        let index = (*task).table_index;
        thread.sched.tasks[index as usize] = std::ptr::null_mut();
        thread.sched.free.push(index);
        thread.sched.living -= 1;
        let stack = (*task).stack;
        (*task).stack = std::ptr::null_mut();
        thread.sched.recycle_stack(stack);
        let future = (*task).future;
        (*task).future = std::ptr::null_mut();
        let rethrown = leave_parent_scope(thread, task, &result);
        if result.is_err_and(|error| crate::interp::types::is_task_exit(thread, error)) {
            // It may have been the last holder of futures that it awaited.
            thread.collect_soon();
        }
        // A detached task's error is reported even if somebody observes its end.
        let detached = future.is_null() || (*task).flags & task_flag::HAS_FUTURE == 0;
        if detached && let (Err(error), false) = (result, rethrown) {
            super::trace::report_unhandled(thread, task, error);
        }
        if !future.is_null() {
            futures::complete(thread, future, result);
            if rethrown || detached {
                super::unseen::seen(thread, future);
            }
        }
    }
}

/// Ends a parked task that outlived every kill, without running anything of it any more.
pub fn abandon(thread: &mut Thread, task: *mut Task) {
    let error = thread.certain_error(ErrorClass::TaskExit, "the task was killed");
    thread.current = task;
    finish(thread, Err(error));
    thread.current = std::ptr::null_mut();
}

/// Gives a task that waits for the first time a stack of its own size, and the large one back.
pub fn fit_stack(thread: &mut Thread, task: *mut Task) {
    // SAFETY: the task has just been running and is parked now.
    unsafe {
        if (*task).flags & task_flag::FITTED != 0 || !(*task).generator.get().is_null() {
            return;
        }
        (*task).flags |= task_flag::FITTED;
        let stack = (*task).stack;
        let base = (*stack).base as usize;
        let words = crate::object::task::Stack::words(stack);
        let code = *words.add(base - 2) as *const crate::code::Code;
        let used = base + (*code).registers as usize;
        if used * 2 > (*stack).capacity as usize {
            return;
        }
        let Ok(fitted) = super::stack::new_stack(thread, used) else { return };
        std::ptr::copy_nonoverlapping(words, crate::object::task::Stack::words(fitted), used);
        (*fitted).base = base as u32;
        (*task).stack = fitted;
        thread.heap.barrier(task.cast());
        thread.sched.recycle_stack(stack);
    }
}

/// Kills a task: TaskExit is thrown where it stands, so that `finally` blocks run.
pub fn kill(thread: &mut Thread, task: *mut Task) -> Outcome<()> {
    end_by(thread, task, false)
}

/// Cancels a task whose result nobody wants.
pub fn cancel(thread: &mut Thread, task: *mut Task) {
    // A cancellation that does not get through for lack of memory leaves the task running: nothing is lost.
    let _ = end_by(thread, task, true);
}

fn end_by(thread: &mut Thread, task: *mut Task, cancelled: bool) -> Outcome<()> {
    // SAFETY: the caller has the task as a value or from the table.
    unsafe {
        if (*task).state == TaskState::Done {
            return Ok(());
        }
        (*task).flags |= task_flag::KILL_PENDING | if cancelled { task_flag::CANCELLED } else { 0 };
        if task == thread.current {
            if (*task).atomic == 0 {
                let (class, message) = kill_taken(thread);
                return Err(thread.error(class, message));
            }
            return Ok(());
        }
        if (*task).state == TaskState::Parked && (*task).atomic == 0 {
            make_ready(thread, task);
        }
    }
    Ok(())
}

/// The error of the running task's pending kill, at a safepoint.
pub fn take_kill(thread: &mut Thread) -> Value {
    let (class, message) = kill_taken(thread);
    thread.certain_error(class, message)
}

/// The running task's kill is no longer pending: what is to be thrown.
fn kill_taken(thread: &mut Thread) -> (ErrorClass, &'static str) {
    // SAFETY: a running task is live.
    let cancelled = unsafe {
        let flags = (*thread.current).flags;
        (*thread.current).flags &= !(task_flag::KILL_PENDING | task_flag::CANCELLED);
        flags & task_flag::CANCELLED != 0
    };
    match cancelled {
        true => (ErrorClass::Cancelled, "the task was cancelled"),
        false => (ErrorClass::TaskExit, "the task was killed"),
    }
}

/// A rarely used attribute of a task.
pub fn extra_get(task: *mut Task, which: usize) -> Value {
    // SAFETY: the caller has a live task.
    let list = unsafe { (*task).extra.get() };
    array::from_value(list).and_then(|list| array::get(list, which)).unwrap_or(Value::NULL)
}

/// Sets a rarely used attribute of a task.
pub fn extra_set(
    thread: &mut Thread,
    task: *mut Task,
    which: usize,
    value: Value,
) -> Result<(), OutOfMemory> {
    // SAFETY: the caller has a live task.
    let list = unsafe { (*task).extra.get() };
    let list = match array::from_value(list) {
        Some(list) => list,
        None => {
            let list = array::filled(&mut thread.heap, extra::COUNT, Value::NULL)?;
            // SAFETY: as above.
            unsafe { thread.heap.store(task.cast(), &(*task).extra, array::to_value(list)) };
            list
        }
    };
    array::set(&mut thread.heap, list, which, value);
    Ok(())
}

// A scope is an array: [outer scope, children (array of tasks), first error or the empty marker, waiting task or null].
const SCOPE_OUTER: usize = 0;
const SCOPE_CHILDREN: usize = 1;
const SCOPE_ERROR: usize = 2;
const SCOPE_WAITER: usize = 3;

/// Opens a scope for the running task.
pub fn scope_enter(thread: &mut Thread) -> Outcome {
    let task = thread.current;
    let outer = extra_get(task, extra::SCOPE);
    let children = array::new(&mut thread.heap, 4)?;
    let scope =
        array::from_slice(&mut thread.heap, &[outer, array::to_value(children), Value::EMPTY, Value::NULL])?;
    extra_set(thread, task, extra::SCOPE, array::to_value(scope))?;
    Ok(array::to_value(scope))
}

fn scope_parts(thread: &mut Thread, scope: Value) -> Outcome<(*mut array::Array, *mut array::Array)> {
    let parts = array::from_value(scope).filter(|s| array::len(*s) == 4);
    match parts.and_then(|s| Some((s, array::from_value(array::get(s, SCOPE_CHILDREN)?)?))) {
        Some(parts) => Ok(parts),
        None => Err(thread.error(ErrorClass::StateError, "not a scope (malformed bytecode)")),
    }
}

fn join_scope(thread: &mut Thread, task: *mut Task, _future: Value) -> Outcome<()> {
    if thread.current.is_null() {
        return Ok(());
    }
    let scope = extra_get(thread.current, extra::SCOPE);
    if scope.is_null() {
        return Ok(());
    }
    let (_, children) = scope_parts(thread, scope)?;
    extra_set(thread, task, extra::PARENT, scope)?;
    array::push(&mut thread.heap, children, to_value(task))?;
    Ok(())
}

/// Takes an ended task out of its scope. Whether the scope will throw its error.
fn leave_parent_scope(thread: &mut Thread, task: *mut Task, result: &Result<Value, Value>) -> bool {
    let scope = extra_get(task, extra::PARENT);
    let Some(parts) = array::from_value(scope) else { return false };
    let Some(children) = array::get(parts, SCOPE_CHILDREN).and_then(array::from_value) else { return false };
    if let Some(at) = array::elements(children).iter().position(|c| c.get() == to_value(task)) {
        array::remove(&mut thread.heap, children, at);
    }
    let mut rethrown = false;
    if let Err(error) = result {
        let first = array::get(parts, SCOPE_ERROR).is_some_and(Value::is_empty_marker);
        if first && !crate::interp::types::is_task_exit(thread, *error) {
            array::set(&mut thread.heap, parts, SCOPE_ERROR, *error);
            cancel_children(thread, children);
            rethrown = true;
        }
    }
    if rethrown || array::len(children) == 0 {
        let owner = array::get(parts, SCOPE_WAITER).unwrap_or(Value::NULL);
        wake_waiter(thread, owner);
    }
    rethrown
}

fn wake_waiter(thread: &mut Thread, waiter: Value) {
    if waiter.is_kind(Kind::Task) {
        let task = waiter.pointer().cast::<Task>();
        // SAFETY: the kind was checked.
        if unsafe { (*task).state } == TaskState::Parked {
            wake(thread, task, Value::NULL);
        }
    }
}

fn cancel_children(thread: &mut Thread, children: *mut array::Array) {
    let all: Vec<Value> = array::elements(children).iter().map(Slot::get).collect();
    for child in all {
        let task = child.pointer().cast::<Task>();
        if child.is_kind(Kind::Task) && task != thread.current {
            cancel(thread, task);
        }
    }
}

/// Leaves a scope when its children have ended; a child's error is thrown.
pub fn scope_leave(thread: &mut Thread, scope: Value) -> Outcome<()> {
    let (parts, children) = scope_parts(thread, scope)?;
    if array::len(children) > 0 {
        array::set(&mut thread.heap, parts, SCOPE_WAITER, to_value(thread.current));
        return Err(park_and_retry(thread, scope));
    }
    close_scope(thread, parts)?;
    match array::get(parts, SCOPE_ERROR) {
        Some(error) if !error.is_empty_marker() => Err(Control::Throw(error)),
        _ => Ok(()),
    }
}

/// Cancels what a scope's body left running, and waits for it.
pub fn scope_abort(thread: &mut Thread, scope: Value) -> Outcome<()> {
    let (parts, children) = scope_parts(thread, scope)?;
    if array::len(children) > 0 {
        if array::get(parts, SCOPE_WAITER) == Some(Value::NULL) {
            cancel_children(thread, children);
        }
        array::set(&mut thread.heap, parts, SCOPE_WAITER, to_value(thread.current));
        return Err(park_and_retry(thread, scope));
    }
    close_scope(thread, parts)
}

fn close_scope(thread: &mut Thread, parts: *mut array::Array) -> Outcome<()> {
    let outer = array::get(parts, SCOPE_OUTER).unwrap_or(Value::NULL);
    extra_set(thread, thread.current, extra::SCOPE, outer)?;
    Ok(())
}

/// What a task is called in traces and lists.
pub fn describe(task: *mut Task) -> String {
    let name = extra_get(task, extra::NAME);
    // SAFETY: the caller has a live task.
    let id = unsafe { (*task).id };
    match crate::object::string::as_str(name) {
        Some(name) => format!("task {id} ({name})"),
        None => match entry_name(task) {
            Some(name) => format!("task {id} ({name})"),
            None => format!("task {id}"),
        },
    }
}

fn entry_name(task: *mut Task) -> Option<&'static str> {
    // SAFETY: the task is live; the bottom frame's code word is at a fixed place.
    unsafe {
        let stack = (*task).stack;
        if stack.is_null() {
            return None;
        }
        let code = *crate::object::task::Stack::words(stack).add(2) as *const crate::code::Code;
        Some((*code).name.as_str())
    }
}

/// Cancels a task for a script that asks for it; cancelling the running task throws at once.
pub fn cancel_now(thread: &mut Thread, task: *mut Task) -> Outcome<()> {
    end_by(thread, task, true)
}

/// Changes a task's priority; a ready one moves to its new queue.
pub fn set_priority(thread: &mut Thread, task: *mut Task, priority: i16) {
    let queued = thread.sched.remove(task);
    // SAFETY: the caller has a task as a value.
    unsafe { (*task).priority = priority };
    if queued {
        thread.sched.enqueue(task);
    }
}

/// Starts a task that was made but not scheduled yet.
pub fn begin(thread: &mut Thread, task: *mut Task) -> Outcome<()> {
    // SAFETY: the caller has a task as a value.
    let (state, waits) = unsafe { ((*task).state, (*task).flags & task_flag::DELIVER != 0) };
    match state {
        TaskState::Parked if !waits => {
            make_ready(thread, task);
            Ok(())
        }
        TaskState::Ready => Ok(()),
        TaskState::Done => Err(thread.error(ErrorClass::StateError, "the task has ended")),
        _ => Err(thread.error(
            ErrorClass::StateError,
            "the task has begun already: it continues by itself when what it waits for is there",
        )),
    }
}

/// Puts a ready (or new) task at the head of all queues.
pub fn run_next(thread: &mut Thread, task: *mut Task) -> Outcome<()> {
    if task == thread.current {
        return Ok(());
    }
    if !thread.sched.remove(task) {
        begin(thread, task)?;
        thread.sched.remove(task);
    }
    thread.sched.choose(task);
    Ok(())
}

/// Wakes the task that has just been parked at a moment, unless something else does before.
pub fn wake_at(thread: &mut Thread, deadline: std::time::Instant) {
    // SAFETY: the running task is live.
    let (index, wake) = unsafe { ((*thread.current).table_index, (*thread.current).wake) };
    thread.sched.timers.add(deadline, index, wake);
}

/// `task.name = value` for the attributes that can be assigned.
pub fn set_attr(thread: &mut Thread, task: Value, name: crate::symbol::Symbol, value: Value) -> Outcome<()> {
    let pointer = task.pointer().cast::<Task>();
    let text = thread.vm.symbols.name(name);
    match &*text {
        "name" if value.is_null() || value.is_kind(Kind::Str) => {
            Ok(extra_set(thread, pointer, extra::NAME, value)?)
        }
        "priority" if value.as_int().is_some_and(|p| (-1000..=1000).contains(&p)) => {
            set_priority(thread, pointer, value.as_int().unwrap_or(0) as i16);
            Ok(())
        }
        "name" | "priority" => {
            let expected =
                if &*text == "name" { "a string or null" } else { "an int between -1000 and 1000" };
            let found = crate::interp::describe::type_name(thread, value);
            Err(thread.error(ErrorClass::TypeError, format!("Task.{text} must be {expected}, not {found}")))
        }
        _ => Err(thread.error(ErrorClass::AttributeError, format!("{text} of a Task cannot be assigned"))),
    }
}
