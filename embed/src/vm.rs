//! A VM: modules that have been loaded into it, calls, tasks, limits.

use crate::convert::{Args, FromValue, IntoValue};
use crate::loader::key_of;
use crate::{Engine, Error, Interrupt, Object, Script, Session, Value};
use corella_vm::host::{Host, HostTask, Unit};
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A VM with heaps, tasks and threads of its own. It can be sent to another thread of the host, but is used by one at a time.
///
/// ```
/// let engine = corella::Engine::new();
/// let mut vm = engine.vm()?;
/// let module = vm.load(&engine.compile("counter.cor", "
///     int count = 0;
///     function up(int by) { count += by; return count; }
/// ")?)?;
/// assert_eq!(vm.call::<i64>(&module, "up", (2,))?, 2);
/// vm.set(&module, "count", 40)?;
/// assert_eq!(vm.call::<i64>(&module, "up", (2,))?, 42);
/// assert_eq!(vm.get::<i64>(&module, "count")?, 42);
/// # Ok::<(), corella::Error>(())
/// ```
pub struct Vm {
    pub(crate) host: Host,
    engine: Engine,
    session: Option<Session>,
}

/// A script that has been loaded into a VM: its variables and functions.
#[derive(Clone)]
pub struct Module(pub(crate) Unit);

/// A task that the host started. Dropping it cancels the task, as with every future that nobody holds.
pub struct Task(HostTask);

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vm")
            .field("tasks", &self.tasks())
            .field("memory", &self.memory_used())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(&self.0.name()).finish()
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

impl Vm {
    pub(crate) fn new(host: Host, engine: Engine) -> Vm {
        Vm { host, engine, session: None }
    }

    /// The engine that made it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Loads a script and runs its top level to the end. Every call makes a module with variables of its own.
    ///
    /// # Errors
    /// What the top level threw, or a limit that is reached.
    pub fn load(&mut self, script: &Script) -> Result<Module, Error> {
        let unit = self.host.load((*script.module).clone(), None)?;
        self.host.run(&unit)?;
        Ok(Module(unit))
    }

    /// Runs a script as the `corella` program does: the top level, then `main` with these arguments, if there is one, then
    /// the tasks and threads that they left behind. The result is the exit status: what `main` returned, if that is an int.
    /// An error is given to `failed` at once, before those tasks end.
    ///
    /// # Errors
    /// What was thrown. [`Error::Exit`] if the script called `exit`; its tasks end where they stand then, and nothing of it goes on when
    /// the VM is used again.
    pub fn run_program(
        &mut self,
        script: &Script,
        args: &[String],
        failed: impl FnOnce(&Error),
    ) -> Result<i32, Error> {
        let mut result = self.run_to_main(script, args);
        if !matches!(result, Err(Error::Exit(_))) {
            if let Err(error) = &result {
                self.host.flush();
                failed(error);
            }
            self.host.finish();
            if let Some(status) = self.host.take_exit() {
                result = Err(Error::Exit(status));
            }
        }
        if matches!(result, Err(Error::Exit(_))) {
            self.host.abandon();
        }
        result
    }

    fn run_to_main(&mut self, script: &Script, args: &[String]) -> Result<i32, Error> {
        let unit = self.host.load((*script.module).clone(), None)?;
        if Path::new(script.name()).is_file() {
            // A module that imports the program's own file gets this one.
            self.host.register(&key_of(Path::new(script.name())), &unit)?;
        }
        self.host.run(&unit)?;
        Ok(match self.host.run_main(&unit, args)? {
            Some(Value::Int(status)) => i32::try_from(status).unwrap_or(i32::MAX).clamp(0, 255),
            _ => 0,
        })
    }

    /// Runs a piece of code in the VM's session and gives the value of its last expression. What it declares is known to later calls.
    ///
    /// ```
    /// let mut vm = corella::Engine::new().vm()?;
    /// vm.eval::<()>("var xs = [1, 2, 3];")?;
    /// assert_eq!(vm.eval::<i64>("xs.sum()")?, 6);
    /// # Ok::<(), corella::Error>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with the code, what it threw, or its value is of another type.
    pub fn eval<T: FromValue>(&mut self, code: &str) -> Result<T, Error> {
        let mut session = self.session.take().unwrap_or_default();
        let result = session.eval(self, code);
        self.session = Some(session);
        Ok(T::from_value(result?)?)
    }

    /// Calls a function of a module, and lets the thread run until it has returned.
    ///
    /// # Errors
    /// What it threw, there is no such function, or its result is of another type.
    pub fn call<T: FromValue>(&mut self, module: &Module, name: &str, args: impl Args) -> Result<T, Error> {
        let result = self.host.call(&module.0, name, &args.into_args())?;
        Ok(T::from_value(result)?)
    }

    /// Calls an object: a function, a class (which makes an instance), an instance with a `call` hook.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn call_object<T: FromValue>(&mut self, callee: &Object, args: impl Args) -> Result<T, Error> {
        let result = self.host.call_object(callee, &args.into_args())?;
        Ok(T::from_value(result)?)
    }

    /// Calls a method of an object.
    ///
    /// ```
    /// use corella::{Engine, Object};
    /// let engine = Engine::new();
    /// let mut vm = engine.vm()?;
    /// let module = vm.load(&engine.compile("account.cor", "
    ///     class Account {
    ///         int balance = 0;
    ///         function deposit(int n) { self.balance += n; return self.balance; }
    ///     }
    ///     function open() { return new Account(); }
    /// ")?)?;
    /// let account: Object = vm.call(&module, "open", ())?;
    /// assert_eq!(vm.call_method::<i64>(&account, "deposit", (5,))?, 5);
    /// assert_eq!(vm.attribute::<i64>(&account, "balance")?, 5);
    /// assert_eq!(account.class_name(), "Account");
    /// # Ok::<(), corella::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`call`](Self::call), or the object has no such method.
    pub fn call_method<T: FromValue>(
        &mut self,
        object: &Object,
        name: &str,
        args: impl Args,
    ) -> Result<T, Error> {
        let result = self.host.call_method(object, name, &args.into_args())?;
        Ok(T::from_value(result)?)
    }

    /// Reads an attribute of an object.
    ///
    /// # Errors
    /// There is no such attribute, or it is of another type.
    pub fn attribute<T: FromValue>(&mut self, object: &Object, name: &str) -> Result<T, Error> {
        Ok(T::from_value(self.host.attribute(object, name)?)?)
    }

    /// Assigns an attribute of an object.
    ///
    /// # Errors
    /// There is no such attribute, or the value does not fit its declared type.
    pub fn set_attribute(&mut self, object: &Object, name: &str, value: impl IntoValue) -> Result<(), Error> {
        Ok(self.host.set_attribute(object, name, &value.into_value())?)
    }

    /// Reads a variable of a module.
    ///
    /// # Errors
    /// There is no such variable, or its value is of another type.
    pub fn get<T: FromValue>(&mut self, module: &Module, name: &str) -> Result<T, Error> {
        Ok(T::from_value(self.host.get(&module.0, name)?)?)
    }

    /// Assigns a variable of a module. Its declared type is not checked here but where a script uses it.
    ///
    /// # Errors
    /// There is no such variable.
    pub fn set(&mut self, module: &Module, name: &str, value: impl IntoValue) -> Result<(), Error> {
        Ok(self.host.set(&module.0, name, &value.into_value())?)
    }

    /// Whether a module has a variable or function of this name.
    pub fn has(&self, module: &Module, name: &str) -> bool {
        self.host.has(&module.0, name)
    }

    /// A value as one line of text, without running script code.
    pub fn show(&mut self, value: &Value) -> String {
        self.host.show(value)
    }

    /// Starts a call as a task. It runs in [`pump`](Self::pump), [`wait`](Self::wait), and while the host calls something else.
    ///
    /// ```
    /// use std::time::Duration;
    /// let engine = corella::Engine::new();
    /// let mut vm = engine.vm()?;
    /// let module = vm.load(&engine.compile("work.cor", "
    ///     function work(n) { var sum = 0; for (i in 0..n) { sum += i; yield; } return sum; }
    /// ")?)?;
    /// let task = vm.start(&module, "work", (100,))?;
    /// let result = loop {
    ///     vm.pump(Duration::from_millis(2));
    ///     if let Some(result) = vm.poll::<i64>(&task)? {
    ///         break result;
    ///     }
    /// };
    /// assert_eq!(result, 4950);
    /// # Ok::<(), corella::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such function, or no room for another task.
    pub fn start(&mut self, module: &Module, name: &str, args: impl Args) -> Result<Task, Error> {
        Ok(Task(self.host.start(&module.0, name, &args.into_args())?))
    }

    /// Starts a call as a task whose result nobody wants; an error of it is reported on stderr.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_detached(&mut self, module: &Module, name: &str, args: impl Args) -> Result<(), Error> {
        Ok(self.host.start_detached(&module.0, name, &args.into_args())?)
    }

    /// The result of a task, if it has ended.
    ///
    /// # Errors
    /// What it threw, or its result is of another type.
    pub fn poll<T: FromValue>(&mut self, task: &Task) -> Result<Option<T>, Error> {
        match self.host.poll(&task.0)? {
            Some(value) => Ok(Some(T::from_value(value)?)),
            None => Ok(None),
        }
    }

    /// Runs the thread until a task has ended.
    ///
    /// # Errors
    /// What it threw, its result is of another type, or it can never end (a `Deadlock` error).
    pub fn wait<T: FromValue>(&mut self, task: &Task) -> Result<T, Error> {
        Ok(T::from_value(self.host.wait(&task.0)?)?)
    }

    /// Cancels a task: `Cancelled` is thrown where it stands, so that its `finally` blocks run in the next
    /// [`pump`](Self::pump).
    ///
    /// # Errors
    /// It was started in another VM.
    pub fn cancel(&mut self, task: &Task) -> Result<(), Error> {
        Ok(self.host.cancel(&task.0)?)
    }

    /// Lets tasks run for about this long, or until they have nothing to do: what a host with an event loop calls in
    /// every turn of it. Gives the moment when there will be something to do by itself (a timer; now, if the time was not enough), or `None`
    /// if only the host or another thread can bring something.
    pub fn pump(&mut self, budget: Duration) -> Option<Instant> {
        self.host.pump(budget)
    }

    /// As [`pump`](Self::pump) until this moment, sleeping while there is nothing to do; returns earlier when no task is left.
    pub fn pump_until(&mut self, end: Instant) {
        self.host.pump_until(end);
    }

    /// Has `waker` called, on another thread, whenever that thread gives this VM something to do: the host should
    /// [`pump`](Self::pump) soon. The waker must not block; setting a flag or writing to the event loop's own queue is its job.
    pub fn set_waker(&mut self, waker: impl Fn() + Send + Sync + 'static) {
        self.host.set_waker(waker);
    }

    /// A handle that ends what the host waits for, from any thread.
    ///
    /// ```
    /// use std::time::Duration;
    /// let mut vm = corella::Engine::new().vm()?;
    /// let handle = vm.interrupt_handle();
    /// std::thread::spawn(move || {
    ///     std::thread::sleep(Duration::from_millis(50));
    ///     handle.interrupt();
    /// });
    /// let error = vm.eval::<()>("while (true) {}").unwrap_err();
    /// assert_eq!(error.to_string(), "TaskExit: interrupted");
    /// # Ok::<(), corella::Error>(())
    /// ```
    pub fn interrupt_handle(&self) -> Interrupt {
        self.host.interrupt_handle()
    }

    /// The status that a task gave to `exit` while the host called [`pump`](Self::pump); forgotten by this call.
    pub fn take_exit(&mut self) -> Option<i32> {
        self.host.take_exit()
    }

    /// How many tasks live on the master thread.
    pub fn tasks(&self) -> usize {
        self.host.tasks()
    }

    /// Bytes that the VM's heaps take.
    pub fn memory_used(&self) -> usize {
        self.host.used_bytes()
    }

    /// Sets the limit of what the VM's heaps may take.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        self.host.set_memory_limit(bytes);
    }

    /// Counts allocations from now on, and has `count` of them fail from number `first` on, as if there were no memory (0: none); the VM
    /// must have been made with [`failing_allocations`](crate::Builder::failing_allocations). One failure is followed by a collection
    /// and another try, two by a `MemoryError`, and with more there may be no memory for that either.
    pub fn fail_allocations(&mut self, first: u64, count: u64) {
        if let Some(failures) = &self.host.vm().config.failures {
            failures.set(first, count);
        }
    }

    /// Allocations since then.
    pub fn allocations(&self) -> u64 {
        self.host.vm().config.failures.as_ref().map_or(0, |failures| failures.made())
    }

    /// Gives the VM this much fuel from now on; it must have been made with [`fuel_limit`](crate::Builder::fuel_limit).
    pub fn set_fuel(&mut self, units: u64) {
        self.host.set_fuel(units);
    }

    /// Fuel that is left.
    pub fn fuel_left(&self) -> u64 {
        self.host.fuel_left()
    }

    /// Collects the garbage of the master thread's heap now.
    pub fn collect_garbage(&mut self) {
        self.host.collect();
    }

    /// What has been compiled to machine code.
    pub fn jit_stats(&self) -> crate::JitStats {
        corella_vm::jit::stats(self.host.vm())
    }

    /// What was compiled to machine code so far, function by function.
    pub fn jit_functions(&self) -> Vec<crate::JitFunction> {
        corella_vm::jit::functions(self.host.vm())
    }

    /// What the functions of a script are compiled to at their first call. Nothing of it runs. Empty where [`JitMode::AVAILABLE`] is false.
    ///
    /// [`JitMode::AVAILABLE`]: crate::JitMode::AVAILABLE
    ///
    /// # Errors
    /// A limit that is reached.
    pub fn jit_listings(&mut self, script: &Script) -> Result<Vec<crate::JitListing>, Error> {
        Ok(self.host.jit_listings((*script.module).clone())?)
    }

    /// Writes out what scripts printed.
    pub fn flush(&self) {
        self.host.flush();
    }
}
