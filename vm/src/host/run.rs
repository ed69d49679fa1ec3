//! Running script code for a host: to its end, or as a task that the host asks after; and interrupting it.
//!
//! Invariant: `Evaluation` names the task that [`Host`] runs to its end at this moment, or none. An interrupt is a message to
//! the master thread, so it is applied between two of its tasks, where the interrupted one is in a queue or parked.

use super::value::{self, HostError, HostObject, HostValue};
use super::{Host, Unit, retrying};
use crate::class::ErrorClass;
use crate::code::LoadedModule;
use crate::error::{Control, Outcome};
use crate::heap::Pin;
use crate::object::task::{Future, Task, TaskState, future_state, task_flag};
use crate::object::{Kind, array};
use crate::thread::registry::Message;
use crate::thread::{Thread, futures, tasks, trace};
use crate::value::Value;
use crate::vm::Vm;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Number of the task that is run to its end; 0 for none.
#[derive(Default)]
pub(super) struct Evaluation(AtomicU64);

/// A script error (or whatever else was thrown), as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Thrown {
    /// Name of its class; of other values the type's name.
    pub class: String,
    /// Its message; other values as text.
    pub message: String,
    /// Where it was thrown: one line a frame, innermost first.
    pub trace: String,
    /// All of it as the user is shown it, causes included; ends with a line end.
    pub report: String,
    /// The value itself.
    pub value: Box<HostValue>,
}

/// What was thrown, for the host.
pub(super) fn thrown(thread: &mut Thread, error: Value) -> Thrown {
    let is_error = trace::is_error(thread, error) || {
        error.is_kind(Kind::Proxy)
            && crate::interp::proxies::target_class(thread, error)
                .is_subclass_of(thread.vm.class(ErrorClass::Error.class_id()))
    };
    let report = trace::describe(thread, error);
    let class = match error.is_kind(Kind::Proxy) {
        true => crate::interp::proxies::target_class(thread, error).name.clone(),
        false => thread.vm.class_of(error).name.clone(),
    };
    let message = match is_error {
        // The first line is `Class: message`, and the message may have lines of its own, up to the trace.
        true => message_of(&report, &class, &trace::text(thread, error)),
        false => trace::show(thread, error),
    };
    Thrown {
        class,
        message,
        trace: trace::text(thread, error),
        report,
        value: Box::new(value::to_host(thread, error)),
    }
}

fn message_of(report: &str, class: &str, trace: &str) -> String {
    let head = match report.find("\ncaused by ") {
        Some(end) => &report[..=end],
        None => report,
    };
    let head = head.strip_suffix(trace).unwrap_or(head);
    let text = head.strip_prefix(class).unwrap_or(head);
    text.strip_prefix(": ").unwrap_or(text).trim_end_matches('\n').to_owned()
}

/// What a computation gave, for the host.
pub(super) fn finished(thread: &mut Thread, result: Result<Value, Value>) -> Result<HostValue, HostError> {
    if let Some(status) = thread.vm.registry.take_exit() {
        return Err(HostError::Exit(status));
    }
    match result {
        Ok(value) => Ok(value::to_host(thread, value)),
        Err(error) => Err(HostError::Thrown(thrown(thread, error))),
    }
}

/// Starts a task; collects once if there is no memory for it.
fn spawn(thread: &mut Thread, callee: Value, args: &[Value]) -> Result<Value, Value> {
    // What is needed afterwards is pinned while the collector runs.
    match tasks::spawn(thread, callee, args, true) {
        Err(Control::OutOfMemory) => {
            let keys: Vec<usize> = std::iter::once(&callee).chain(args).map(|v| thread.pin(*v)).collect();
            thread.collect_now();
            for key in keys {
                thread.unpin(key);
            }
            tasks::spawn(thread, callee, args, true)
        }
        result => result,
    }
    .map_err(|control| thread.control_as_error(control))
}

/// Runs a call as a task to its end.
pub(super) fn to_end(
    thread: &mut Thread,
    evaluation: &Evaluation,
    callee: Value,
    args: &[Value],
) -> Result<Value, Value> {
    clear_stop(thread);
    let future = spawn(thread, callee, args)?;
    let pointer = future.pointer().cast::<Future>();
    // SAFETY: the future was just made, and its task lives.
    let task = unsafe { (*pointer).task.get() };
    if task.is_kind(Kind::Task) {
        // SAFETY: the kind was checked.
        evaluation.0.store(unsafe { (*task.pointer().cast::<Task>()).id }, Ordering::SeqCst);
    }
    let result = thread.run_until_done(future);
    evaluation.0.store(0, Ordering::SeqCst);
    result
}

/// A task that the host started. Dropping it cancels the task, as with every future that nobody holds, but at the next switch and
/// not when a collection finds that: the host knows the moment. [`forget`](std::mem::forget) is not needed to keep one
/// running: see [`Host::start_detached`].
pub struct HostTask {
    vm: Weak<Vm>,
    /// There until the drop.
    pin: Option<Pin>,
    /// The host knows that the task has ended, or has cancelled it: a second time would interrupt its `finally` blocks.
    settled: AtomicBool,
}

impl HostTask {
    /// The host sees its future in this state.
    fn note(&self, state: u32) {
        if matches!(state, future_state::DONE | future_state::FAILED) {
            self.settled.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for HostTask {
    fn drop(&mut self) {
        let Some(pin) = self.pin.take() else { return };
        if *self.settled.get_mut() {
            return;
        }
        let Some(vm) = self.vm.upgrade() else { return };
        let Some(master) = vm.registry.master() else { return };
        // Wherever this is dropped, the task ends on its own thread, between two tasks. If that has ended, so has the task.
        let cancel = Message::Host(Box::new(move |thread| {
            let future = pin.target().cast();
            cancel_task_of(thread, future);
            // A collection that finds the future dead is not to cancel the task once more, in its `finally` blocks.
            futures::detach(future);
        }));
        let _ = vm.registry.send(master.id, cancel);
    }
}

/// Cancels the task of a future that is pinned.
fn cancel_task_of(thread: &mut Thread, future: *mut Future) {
    // SAFETY: the pin keeps the future, an object of this thread's heap, alive.
    let task = unsafe { (*future).task.get() };
    if task.is_kind(Kind::Task) {
        tasks::cancel(thread, task.pointer().cast());
    }
}

impl Host {
    /// Runs the top level of a unit to its end.
    ///
    /// # Errors
    /// What it threw.
    pub fn run(&mut self, unit: &Unit) -> Result<HostValue, HostError> {
        let module = self.module(unit)?;
        let callee = top_level(module)?;
        self.complete(callee, |_| Ok(Vec::new()))
    }

    /// As [`run`](Host::run), but gives the value as source text would have it, instances through their `to_string`;
    /// nothing for null.
    ///
    /// # Errors
    /// What it threw.
    pub fn run_shown(&mut self, unit: &Unit) -> Result<Option<String>, HostError> {
        let module = self.module(unit)?;
        let callee = top_level(module)?;
        let evaluation = self.evaluation.clone();
        self.enter(|thread| {
            let value = match to_end(thread, &evaluation, callee, &[]) {
                Ok(value) if value.is_null() => return finished(thread, Ok(value)).map(|_| None),
                Ok(value) => value,
                error => return finished(thread, error).map(|_| None),
            };
            let Some(repr) = thread.vm.builtin("repr") else { return Ok(Some(trace::show(thread, value))) };
            let key = thread.pin(value);
            let shown = to_end(thread, &evaluation, repr, &[value]);
            thread.unpin(key);
            match finished(thread, shown)? {
                HostValue::Str(text) => Ok(Some(text)),
                _ => Ok(None),
            }
        })
    }

    /// Calls the unit's `main` with an array of these arguments, if it declares one. `function main(...args)` gets the same array.
    ///
    /// # Errors
    /// What it threw.
    pub fn run_main(&mut self, unit: &Unit, args: &[String]) -> Result<Option<HostValue>, HostError> {
        let module = self.module(unit)?;
        let Some(main) = module.data.main else { return Ok(None) };
        let code = module.functions[main as usize];
        if code.required > 1 {
            let message = format!(
                "main of {} takes {} arguments, but is given one, the array of what stands behind the file: \
                 `function main(args) {{ var [a, b] = args; ... }}`",
                module.name, code.required
            );
            let refused =
                |thread: &mut Thread| Err(thread.error(ErrorClass::ArgumentError, message.as_str()));
            return self.complete(code.value, refused).map(Some);
        }
        let strings: Vec<_> = args.iter().map(|arg| HostValue::Str(arg.clone())).collect();
        // `function main()` may leave the arguments alone.
        let args = match code.params {
            0 if code.flags & crate::code::Code::REST != 0 => strings,
            0 => Vec::new(),
            _ => vec![HostValue::Array(strings)],
        };
        self.complete(code.value, |thread| all_from_host(thread, &args)).map(Some)
    }

    /// Calls a function of a unit and runs the thread until it has returned.
    ///
    /// # Errors
    /// What it threw, or there is no such function.
    pub fn call(&mut self, unit: &Unit, name: &str, args: &[HostValue]) -> Result<HostValue, HostError> {
        self.thread.heap.online();
        let callee = self.value_of(unit, name);
        self.thread.heap.offline();
        // Nothing is collected before the call begins.
        self.complete(callee?, |thread| all_from_host(thread, args))
    }

    /// Calls an object: a function, a class, an instance with a `call` hook.
    ///
    /// # Errors
    /// What it threw.
    pub fn call_object(&mut self, callee: &HostObject, args: &[HostValue]) -> Result<HostValue, HostError> {
        let callee = self.own_value(callee)?;
        self.complete(callee, |thread| all_from_host(thread, args))
    }

    /// Calls a method of an object.
    ///
    /// # Errors
    /// What it threw, or the object has no such method.
    pub fn call_method(
        &mut self,
        object: &HostObject,
        name: &str,
        args: &[HostValue],
    ) -> Result<HostValue, HostError> {
        let symbol = self.thread.vm.symbols.intern(name);
        let object = self.own_value(object)?;
        let evaluation = self.evaluation.clone();
        self.enter(|thread| {
            let method = match super::with_memory(thread, |t| crate::interp::access::get(t, object, symbol)) {
                Ok(method) => method,
                Err(Control::Call(invoke)) => {
                    match to_end(thread, &evaluation, invoke.callee, &invoke.args) {
                        Ok(value) => value,
                        Err(error) => return finished(thread, Err(error)),
                    }
                }
                Err(control) => {
                    let error = thread.control_as_error(control);
                    return finished(thread, Err(error));
                }
            };
            let key = thread.pin(method);
            let result = retrying(thread, |thread| all_from_host(thread, args))
                .and_then(|args| to_end(thread, &evaluation, thread.pinned(key), &args));
            thread.unpin(key);
            finished(thread, result)
        })
    }

    fn own_value(&mut self, object: &HostObject) -> Result<Value, HostError> {
        self.enter(|thread| {
            retrying(thread, |thread| value::object_value(thread, object))
                .map_err(|error| HostError::Thrown(thrown(thread, error)))
        })
    }

    fn complete(
        &mut self,
        callee: Value,
        args: impl Fn(&mut Thread) -> Outcome<Vec<Value>>,
    ) -> Result<HostValue, HostError> {
        let evaluation = self.evaluation.clone();
        self.enter(|thread| {
            let key = thread.pin(callee);
            let result = retrying(thread, args)
                .and_then(|args| to_end(thread, &evaluation, thread.pinned(key), &args));
            thread.unpin(key);
            finished(thread, result)
        })
    }

    /// Starts a call as a task, to be run by [`pump`](Host::pump).
    ///
    /// # Errors
    /// There is no such function, or no room for another task.
    pub fn start(&mut self, unit: &Unit, name: &str, args: &[HostValue]) -> Result<HostTask, HostError> {
        self.thread.heap.online();
        let started = self.value_of(unit, name).and_then(|callee| {
            let key = self.thread.pin(callee);
            let started = retrying(&mut self.thread, |thread| all_from_host(thread, args))
                .and_then(|args| spawn(&mut self.thread, callee, &args));
            self.thread.unpin(key);
            started.map_err(|error| HostError::Thrown(thrown(&mut self.thread, error)))
        });
        let task = started.map(|future| HostTask {
            vm: Arc::downgrade(&self.thread.vm),
            pin: Some(self.thread.heap.pin(future.pointer())),
            settled: AtomicBool::new(false),
        });
        self.thread.heap.offline();
        task
    }

    /// Starts a call as a task whose result nobody wants; an error of it is reported on stderr.
    ///
    /// # Errors
    /// There is no such function, or no room for another task.
    pub fn start_detached(&mut self, unit: &Unit, name: &str, args: &[HostValue]) -> Result<(), HostError> {
        self.thread.heap.online();
        let started = self.value_of(unit, name).and_then(|callee| {
            retrying(&mut self.thread, |thread| {
                let args = all_from_host(thread, args)?;
                tasks::spawn(thread, callee, &args, false)
            })
            .map_err(|error| HostError::Thrown(thrown(&mut self.thread, error)))
        });
        self.thread.heap.offline();
        started.map(|_| ())
    }

    fn future_of(&self, task: &HostTask) -> Result<*mut Future, HostError> {
        if !std::ptr::eq(task.vm.as_ptr(), Arc::as_ptr(&self.thread.vm)) {
            return Err(HostError::Refused("this task was started in another VM".into()));
        }
        match &task.pin {
            Some(pin) => Ok(pin.target().cast()),
            None => unreachable!("it is taken by the drop"),
        }
    }

    /// The result of a task, if it has ended.
    ///
    /// # Errors
    /// What it threw.
    pub fn poll(&mut self, task: &HostTask) -> Result<Option<HostValue>, HostError> {
        let future = self.future_of(task)?;
        self.enter(|thread| {
            // SAFETY: the pin keeps the future, an object of this thread's heap, alive.
            let (state, value) = unsafe { ((*future).state.load(Ordering::Relaxed), (*future).value.get()) };
            task.note(state);
            match state {
                future_state::DONE => Ok(Some(value::to_host(thread, value))),
                future_state::FAILED => {
                    crate::thread::unseen::seen(thread, future);
                    Err(HostError::Thrown(thrown(thread, value)))
                }
                _ => match thread.vm.registry.take_exit() {
                    Some(status) => Err(HostError::Exit(status)),
                    None => Ok(None),
                },
            }
        })
    }

    /// Runs the thread until a task has ended.
    ///
    /// # Errors
    /// What it threw; a Deadlock error if it can never end.
    pub fn wait(&mut self, task: &HostTask) -> Result<HostValue, HostError> {
        let future = self.future_of(task)?;
        self.enter(|thread| {
            let result = thread.run_until_done(Value::object(future.cast()));
            // SAFETY: as in `poll`.
            task.note(unsafe { (*future).state.load(Ordering::Relaxed) });
            finished(thread, result)
        })
    }

    /// Cancels a task: `Cancelled` is thrown where it stands, so that its `finally` blocks run with the next
    /// [`pump`](Host::pump).
    ///
    /// # Errors
    /// It was started in another VM.
    pub fn cancel(&mut self, task: &HostTask) -> Result<(), HostError> {
        let future = self.future_of(task)?;
        self.enter(|thread| cancel_task_of(thread, future));
        task.settled.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A handle with which other threads end what the host runs.
    pub fn interrupt_handle(&self) -> Interrupt {
        Interrupt { vm: Arc::downgrade(&self.thread.vm), evaluation: self.evaluation.clone() }
    }

    /// As [`pump`](Host::pump), again and again until the moment or until nothing is left to do; sleeps in between. For
    /// hosts without a loop of their own.
    pub fn pump_until(&mut self, end: Instant) {
        loop {
            let now = Instant::now();
            if now >= end {
                return;
            }
            match self.pump((end - now).min(Duration::from_millis(50))) {
                Some(moment) => {
                    let until = moment.min(end);
                    if until > Instant::now() {
                        self.thread.shared.inbox.mailbox.sleep(Some(until));
                    }
                }
                None if self.thread.sched.living == 0 => return,
                None => self.thread.shared.inbox.mailbox.sleep(Some(end)),
            }
        }
    }
}

fn top_level(module: &'static LoadedModule) -> Result<Value, HostError> {
    match module.functions.first() {
        Some(code) if !code.value.is_null() => Ok(code.value),
        _ => Err(HostError::Refused(format!("{} has no top-level function", module.name))),
    }
}

/// Arguments for the VM. They lie in an array as well while more are made, but nothing collects before the call begins.
fn all_from_host(thread: &mut Thread, args: &[HostValue]) -> Outcome<Vec<Value>> {
    args.iter().map(|arg| value::from_host(thread, arg)).collect()
}

/// Ends what a host runs, from any thread. The interrupted task gets a `TaskExit`: its `finally` blocks run, and no
/// `catch` without a class swallows it.
#[derive(Clone)]
pub struct Interrupt {
    vm: Weak<Vm>,
    evaluation: Arc<Evaluation>,
}

impl Interrupt {
    /// Interrupts the call that the host is waiting for, if any. Returns at once. If another task keeps everything else waiting (in an
    /// `atomic` block, or on a thread that does not switch), that is ended too, after a moment's grace.
    pub fn interrupt(&self) {
        let Some(vm) = self.vm.upgrade() else { return };
        let Some(master) = vm.registry.master() else { return };
        let id = self.evaluation.0.load(Ordering::SeqCst);
        // For a task that lets nothing come in between; taken back when the message below arrives, or the next run begins.
        master.stop.store(true, Ordering::SeqCst);
        vm.registry.interrupt(&master);
        if id != 0 {
            // If the thread has ended, there is nothing to interrupt.
            let _ = vm.registry.send(master.id, Message::Host(Box::new(move |thread| stop(thread, id))));
        }
    }

    /// Whether the host is running something that could be interrupted.
    pub fn is_running(&self) -> bool {
        self.evaluation.0.load(Ordering::SeqCst) != 0
    }
}

/// An interrupt has been served, or was meant for something earlier.
pub(super) fn clear_stop(thread: &mut Thread) {
    thread.shared.stop.store(false, Ordering::SeqCst);
    thread.stop_seen = None;
}

/// Throws TaskExit where the task with this number stands.
fn stop(thread: &mut Thread, id: u64) {
    clear_stop(thread);
    // SAFETY: the table holds living tasks and nulls.
    let found = thread.sched.tasks.iter().copied().find(|t| !t.is_null() && unsafe { (**t).id } == id);
    let Some(task) = found else { return };
    let error = thread
        .new_error(ErrorClass::TaskExit, "interrupted")
        .unwrap_or_else(|_| thread.vm.last_resort_error());
    // SAFETY: the task lives; no task runs while messages are handled.
    unsafe {
        if (*task).atomic > 0 || (*task).resume.get().is_empty_marker() {
            // Inside `atomic` nothing comes in between; the kill is delivered when it is left. A task that has not begun runs nothing.
            let _ = tasks::kill(thread, task);
            return;
        }
        if (*task).state == TaskState::Parked {
            return tasks::wake_with_error(thread, task, error);
        }
        crate::thread::messages::put_back(thread, task);
        (*task).flags |= task_flag::RESUME_THROWS;
        thread.heap.store(task.cast(), &(*task).resume, error);
    }
}

/// A fresh array value, for conversions.
pub(super) fn array_value(thread: &mut Thread, items: &[Value]) -> Outcome {
    Ok(array::to_value(array::from_slice(&mut thread.heap, items)?))
}
