//! A thread's life: the loop it lives in, sleeping, ending; and how a program on the master thread is run to its end.

use super::registry::{Message, ThreadShared};
use super::sched::Turn;
use super::{Mode, Thread, tasks, trace};
use crate::class::ErrorClass;
use crate::error::Control;
use crate::object::task::{Future, Task, TaskState, future_state};
use crate::value::Value;
use crate::vm::Vm;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a thread that ran out of work looks for mail before it sleeps: a wake-up through the kernel costs about as much.
const SPIN: Duration = Duration::from_micros(20);

/// How long a thread rests before it collects.
pub(super) const REST: Duration = Duration::from_millis(2);
/// The same at most, when it does so again and again because another thread keeps it from getting done.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Native stack of a VM thread: the interpreter does not recurse, so little is needed.
const OS_STACK: usize = 2 << 20;

/// Starts a new thread of the VM.
///
/// # Errors
/// A message, if there are too many threads or the OS refuses.
pub fn start(vm: &Arc<Vm>, name: Option<String>, mode: Mode) -> Result<u64, String> {
    let limit = vm.config.thread_limit;
    let Some(shared) = vm.registry.add(name, mode, limit) else {
        return Err(format!("a VM can have {limit} threads at most: let some end first, or use tasks"));
    };
    let id = shared.id;
    let (vm_for_thread, shared_for_thread) = (vm.clone(), shared.clone());
    let body = move || {
        let mut thread = Thread::new(vm_for_thread, shared_for_thread, mode);
        thread.live();
    };
    match std::thread::Builder::new().name(shared.name.clone()).stack_size(OS_STACK).spawn(body) {
        Ok(handle) => {
            vm.registry.keep_join(handle);
            if let Some(baton) = &vm.registry.baton {
                baton.wake(id, true);
            }
            Ok(id)
        }
        Err(error) => {
            vm.registry.remove(&shared);
            Err(format!("the operating system refuses another thread: {error}"))
        }
    }
}

/// Milliseconds of nothing going on in the whole VM after which threads that are to end are asked again.
const QUIET_TURNS: u32 = 50;
/// How often waiting tasks are killed at the end of the program before they end without being asked.
const MOST_KILLS: u32 = 3;

impl Thread {
    /// The loop of a thread that is not the master.
    fn live(&mut self) {
        if let Some(baton) = &self.vm.registry.baton {
            baton.enter(self.shared.id);
        }
        self.heap.online();
        loop {
            match self.turn() {
                Turn::Ran => {}
                Turn::Sleep(_) if self.ending && self.sched.living == 0 => break,
                Turn::Sleep(deadline) => {
                    self.rest(deadline);
                }
            }
        }
        super::unseen::report_all(self);
        self.shared.inbox.close();
        self.heap.offline();
        let vm = self.vm.clone();
        vm.registry.discard_mail(&self.shared);
        vm.registry.remove(&self.shared);
        if let Some(baton) = &vm.registry.baton {
            baton.leave(self.shared.id);
        }
    }

    /// Looks for mail for a short while, then sleeps. Returns whether nothing at all is under way in the VM.
    fn rest(&mut self, deadline: Option<Instant>) -> bool {
        if self.vm.config.seed.is_none() && self.spin(deadline) {
            return false;
        }
        if self.rested_collection(deadline) {
            return false;
        }
        if deadline.is_some() {
            // A timer will run something: the thread stays busy while it sleeps.
            self.sleep(deadline);
            return false;
        }
        let vm = self.vm.clone();
        let quiet = vm.registry.idle();
        if !quiet || self.shared.id != 1 {
            self.sleep(None);
        }
        let still_quiet = vm.registry.is_quiet();
        vm.registry.busy_again();
        still_quiet && !self.shared.has_mail()
    }

    /// Looks for mail for a short while; whether there is some.
    fn spin(&self, deadline: Option<Instant>) -> bool {
        let begun = Instant::now();
        let until = deadline.map_or(begun + SPIN, |d| d.min(begun + SPIN));
        while Instant::now() < until {
            for _ in 0..64 {
                if self.shared.inbox.mailbox.is_asked() {
                    return true;
                }
                std::hint::spin_loop();
            }
        }
        false
    }

    /// The first time that a thread has nothing to do for a while after having run: collects, so that tasks whose futures
    /// nobody holds are cancelled even if nothing is allocated any more. Whether there may be something to do now.
    fn rested_collection(&mut self, deadline: Option<Instant>) -> bool {
        let moment = self.now() + self.rest_for;
        if !self.ran || deadline.is_some_and(|d| d <= moment) || self.sched.living == 0 {
            return false;
        }
        self.sleep(Some(moment));
        if self.shared.has_mail() || self.now() < moment {
            return true;
        }
        self.collect_now();
        // Another thread that does not come to a safepoint for long (a native takes its time) may still read what looks dead here.
        self.ran = self.heap.collecting();
        self.rest_for = match self.ran {
            true => (self.rest_for * 2).min(LONGEST_REST),
            false => REST,
        };
        true
    }

    /// Whether the thread has been asked to end: what it does besides ending is in vain.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// Kills all tasks; the thread ends when they have.
    pub fn end_tasks(&mut self) {
        self.ending = true;
        let all: Vec<*mut Task> = self.sched.tasks.iter().copied().filter(|t| !t.is_null()).collect();
        for task in all {
            if task == self.current {
                continue;
            }
            // A task that cannot be told for lack of memory ends when it runs next and finds no memory.
            let _ = tasks::kill(self, task);
        }
    }

    /// The program ends and nothing happens any more, but tasks of this thread still wait: inside `atomic`, where no kill reaches them, or
    /// because they caught it. They are killed wherever they stand, and after some times end without being asked.
    pub fn end_waiting_tasks(&mut self) {
        self.waits_for_ever += 1;
        for task in self.sched.tasks.clone() {
            // SAFETY: the table holds living tasks and nulls.
            if task.is_null() || unsafe { (*task).state != TaskState::Parked } {
                continue;
            }
            if self.waits_for_ever <= MOST_KILLS {
                // SAFETY: as above.
                unsafe { (*task).atomic = 0 };
            } else {
                tasks::abandon(self, task);
            }
        }
        self.end_tasks();
    }

    /// The program has called `exit`: its tasks end where they stand, and the other threads are asked to end.
    pub(crate) fn abandon_program(&mut self) {
        // What waits for a task's end may have a callback, which becomes a task.
        while self.sched.living > 0 {
            for index in 0..self.sched.tasks.len() {
                let task = self.sched.tasks[index];
                if !task.is_null() {
                    self.sched.remove(task);
                    tasks::abandon(self, task);
                }
            }
        }
        self.ask_others(|| Message::End);
    }

    /// The VM's other threads.
    pub(super) fn other_threads(&self) -> Vec<Arc<ThreadShared>> {
        let mut threads = self.vm.registry.threads();
        threads.retain(|thread| thread.id != self.shared.id);
        threads
    }

    /// Sends a message to each of them; one that has ended meanwhile needs none.
    fn ask_others(&self, message: fn() -> Message) {
        for other in self.other_threads() {
            let _ = self.vm.registry.send(other.id, message());
        }
    }

    /// Starts a task on this thread and runs the thread until its future is done, then until the thread's other tasks are,
    /// then ends the VM's other threads. What waits for ever by then is killed.
    ///
    /// # Errors
    /// The task's error; a Deadlock error when the task can never end.
    pub fn run_program(&mut self, callee: Value, args: &[Value]) -> Result<Value, Value> {
        self.heap.online();
        let result = self.run_to_end(callee, args);
        if self.exit_status().is_none() {
            self.finish_others();
        }
        self.heap.offline();
        result
    }

    /// The status that `exit(code)` asked for.
    pub fn exit_status(&self) -> Option<i32> {
        self.vm.registry.exit()
    }

    /// Runs the thread until a new task's future is done.
    ///
    /// # Errors
    /// The task's error; a Deadlock error when the task can never end.
    pub fn run_to_end(&mut self, callee: Value, args: &[Value]) -> Result<Value, Value> {
        let future = match tasks::spawn(self, callee, args, true) {
            Ok(future) => future,
            Err(control) => return Err(self.control_as_error(control)),
        };
        self.run_until_done(future)
    }

    /// Runs the thread until a future of its is done.
    ///
    /// # Errors
    /// As for [`run_to_end`](Self::run_to_end).
    pub fn run_until_done(&mut self, future: Value) -> Result<Value, Value> {
        let key = self.pin(future);
        let pointer = future.pointer().cast::<Future>();
        let mut quiet_before = false;
        let result = loop {
            // SAFETY: the future is pinned.
            match unsafe { (*pointer).state.load(Ordering::Relaxed) } {
                // SAFETY: as above.
                future_state::DONE => break Ok(unsafe { (*pointer).value.get() }),
                future_state::FAILED => {
                    super::unseen::seen(self, pointer);
                    // SAFETY: as above.
                    break Err(unsafe { (*pointer).value.get() });
                }
                _ => {}
            }
            if self.exit_status().is_some() {
                break Ok(Value::NULL);
            }
            match self.turn() {
                Turn::Ran => quiet_before = false,
                Turn::Sleep(deadline) => {
                    let quiet = self.rest(deadline);
                    if quiet && quiet_before {
                        break Err(self.deadlock());
                    }
                    if quiet {
                        // A future that nobody holds may be what keeps its task waiting: the collector knows.
                        self.collect_now();
                    }
                    quiet_before = quiet;
                }
            }
        };
        self.unpin(key);
        result
    }

    /// A throw or lack of memory outside any task, as an error value.
    pub fn control_as_error(&mut self, control: Control) -> Value {
        match control {
            Control::Throw(error) => error,
            Control::OutOfMemory => self
                .new_error(ErrorClass::MemoryError, "the memory limit is reached")
                .unwrap_or_else(|_| self.vm.last_resort_error()),
            Control::Call(_) | Control::Park | Control::ParkAndRetry | Control::Yield => self
                .new_error(ErrorClass::StateError, "this operation needs a task to run in")
                .unwrap_or_else(|_| self.vm.last_resort_error()),
        }
    }

    /// The thread's tasks and where they stand.
    fn waiting_tasks(&self) -> String {
        let mut text = String::new();
        for task in self.sched.tasks.iter().filter(|task| !task.is_null()) {
            let _ = write!(
                text,
                "\n{} waits:\n{}",
                tasks::describe(*task),
                trace::of_task(self, *task).trim_end()
            );
        }
        if text.is_empty() {
            text.push_str(" no tasks");
        }
        text
    }

    fn deadlock(&mut self) -> Value {
        let mut text = String::from("every task waits for another, and nothing can come from outside");
        text.push_str(&self.waiting_tasks());
        for thread in self.other_threads() {
            let (tell, told) = std::sync::mpsc::channel();
            let ask = Message::Host(Box::new(move |other| {
                // Nobody listens any more if the answer took too long.
                let _ = tell.send(other.waiting_tasks());
            }));
            let tasks = match self.vm.registry.send(thread.id, ask) {
                Ok(()) => self.hear(&told),
                Err(_) => String::new(),
            };
            let _ = write!(text, "\non {}:{tasks}", thread.name);
        }
        self.new_error(ErrorClass::Deadlock, &text).unwrap_or_else(|_| self.vm.last_resort_error())
    }

    /// What another thread tells, if it does so soon.
    fn hear(&mut self, told: &std::sync::mpsc::Receiver<String>) -> String {
        let end = Instant::now() + Duration::from_secs(1);
        loop {
            match told.try_recv() {
                Ok(text) => return text,
                Err(_) if Instant::now() >= end => return String::new(),
                Err(_) => self.sleep(Some(self.now() + Duration::from_millis(1))),
            }
        }
    }

    /// Lets the other tasks of this thread end, then the other threads.
    pub(crate) fn finish_others(&mut self) {
        let mut quiet_before = false;
        let mut killed = false;
        while self.sched.living > 0 && self.exit_status().is_none() {
            match self.turn() {
                Turn::Ran => quiet_before = false,
                Turn::Sleep(deadline) => {
                    let quiet = self.rest(deadline);
                    if quiet && quiet_before {
                        // Nothing will ever wake them: they end here, running their `finally` blocks; those that wait again, or inside
                        // `atomic`, end wherever they stand.
                        match killed {
                            true => self.end_waiting_tasks(),
                            false => self.end_tasks(),
                        }
                        killed = true;
                    }
                    quiet_before = quiet;
                }
            }
        }
        self.wait_for_quiet();
        self.end_other_threads();
        super::unseen::report_all(self);
        // A host may run something else on this thread.
        (self.ending, self.waits_for_ever) = (false, 0);
    }

    /// Other threads' tasks that still have something to do get to do it.
    fn wait_for_quiet(&mut self) {
        while self.exit_status().is_none() && self.vm.registry.threads().len() > 1 {
            match self.turn() {
                Turn::Ran => {}
                Turn::Sleep(deadline) => {
                    if self.rest(deadline) {
                        return;
                    }
                }
            }
        }
    }

    /// Ends all other threads of the VM and waits for them.
    pub fn end_other_threads(&mut self) {
        let vm = self.vm.clone();
        self.ask_others(|| Message::End);
        // They may send to this thread while they end, and wait for its answers.
        let mut quiet_for = 0;
        while vm.registry.threads().len() > 1 {
            match self.turn() {
                Turn::Ran => quiet_for = 0,
                Turn::Sleep(_) => {
                    let quiet = vm.registry.idle();
                    self.sleep(Some(self.now() + Duration::from_millis(1)));
                    let quiet = quiet && vm.registry.is_quiet();
                    vm.registry.busy_again();
                    quiet_for = if quiet { quiet_for + 1 } else { 0 };
                    // A `finally` that waits for what never comes (a message that was lost for want of memory) is ended too.
                    if quiet_for == QUIET_TURNS {
                        quiet_for = 0;
                        self.ask_others(|| Message::EndWaiting);
                    }
                }
            }
        }
        self.heap.offline();
        vm.registry.join_all();
        self.heap.online();
    }

    /// Runs tasks for a host with an event loop: until the budget is over or there is nothing to do. Gives the moment when
    /// there will be something by itself, if any.
    pub fn pump(&mut self, budget: Duration) -> Option<Instant> {
        self.heap.online();
        let end = Instant::now() + budget;
        self.budget_end = Some(end);
        let mut next = None;
        loop {
            match self.turn() {
                Turn::Ran => {
                    if Instant::now() >= end {
                        if self.sched.ready() > 0 || self.shared.has_mail() {
                            next = Some(Instant::now());
                        }
                        break;
                    }
                }
                Turn::Sleep(deadline) => {
                    next = deadline;
                    break;
                }
            }
        }
        self.budget_end = None;
        self.heap.offline();
        next
    }
}

/// Writes out what the program printed.
pub fn flush(vm: &Vm) {
    // A closed stdout leaves nobody to tell.
    let _ = vm.output.lock().expect("not poisoned").flush();
}
