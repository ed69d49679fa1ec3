//! A VM as a host program sees it, without unsafe code and without values that a collection could pull away.
//!
//! Invariant: nothing that leaves this module refers to a heap but by a pin ([`HostObject`], [`HostTask`]); everything else is
//! data of the host's own. Between two calls of a [`Host`]'s methods its thread is offline: the host may block as long as it likes.

mod function;
mod run;
mod value;

pub use function::{Context, define_function};
pub use run::{HostTask, Interrupt, Thrown};
pub use value::{HostError, HostObject, HostValue};

use crate::bytecode::{self, Export};
use crate::code::LoadedModule;
use crate::error::{Control, Outcome};
use crate::interp::{access, globals};
use crate::loader;
use crate::object::function::immortal_module;
use crate::thread::{Mode, Thread};
use crate::value::Value;
use crate::vm::Vm;
use run::Evaluation;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// A VM with its master thread, driven by the host.
pub struct Host {
    thread: Thread,
    evaluation: Arc<Evaluation>,
}

/// A module that has been linked into a VM.
#[derive(Clone)]
pub struct Unit {
    vm: Weak<Vm>,
    module: &'static LoadedModule,
}

impl Unit {
    /// The name shown in traces.
    pub fn name(&self) -> Option<String> {
        // The module lives as long as the VM.
        self.vm.upgrade().map(|_| self.module.name.clone())
    }
}

/// What a script sees under a name of a unit.
enum Found {
    /// A variable.
    Slot(u32),
    /// A function without captures, or a namespace.
    Value(Value),
}

impl Host {
    /// Puts a VM under the control of the caller, who becomes its master thread.
    ///
    /// # Errors
    /// The limit of threads is 0.
    pub fn new(vm: Vm) -> Result<Host, String> {
        let vm = Arc::new(vm);
        let Some(shared) = vm.registry.add(None, Mode::Preemptive, vm.config.thread_limit) else {
            return Err("a VM needs a thread: the limit of threads is 0".into());
        };
        let thread = Thread::new(vm, shared, Mode::Preemptive);
        Ok(Host { thread, evaluation: Arc::default() })
    }

    /// The VM.
    pub fn vm(&self) -> &Arc<Vm> {
        &self.thread.vm
    }

    /// The master thread, offline: for who adds to a VM before it runs programs (the standard library).
    pub fn thread(&mut self) -> &mut Thread {
        &mut self.thread
    }

    /// Runs `f` while the thread may touch heaps.
    fn enter<R>(&mut self, f: impl FnOnce(&mut Thread) -> R) -> R {
        self.thread.heap.online();
        let result = f(&mut self.thread);
        self.thread.heap.offline();
        result
    }

    /// Links a module and makes its variables; nothing of it runs yet. `session`: the unit whose variables it shares.
    ///
    /// # Errors
    /// What the verifier found, or a limit that is reached.
    pub fn load(&mut self, data: bytecode::Module, session: Option<&Unit>) -> Result<Unit, HostError> {
        let vm = self.thread.vm.clone();
        let env = match session {
            Some(unit) => self.module(unit)?.env,
            None => vm.new_env(),
        };
        let module = vm.link(data, env, false).map_err(HostError::Refused)?;
        self.enter(|thread| {
            retrying(thread, |thread| loader::attach(thread, module)).map_err(|e| run::thrown(thread, e))
        })
        .map_err(HostError::Thrown)?;
        Ok(Unit { vm: Arc::downgrade(&vm), module })
    }

    /// Makes a unit known under a key of the module loader, so that an import of it finds this one.
    ///
    /// # Errors
    /// The unit belongs to another VM.
    pub fn register(&mut self, key: &str, unit: &Unit) -> Result<(), HostError> {
        let module = self.module(unit)?;
        loader::register(&self.thread.vm, key, module);
        Ok(())
    }

    /// What the functions of a module are compiled to at their first call. It is linked, and nothing of it runs.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn jit_listings(&mut self, data: bytecode::Module) -> Result<Vec<crate::jit::JitListing>, HostError> {
        let count = data.functions.len() as u32;
        let bytecode = (0..count).map(|number| bytecode::disasm::function(&data, number)).collect();
        let unit = self.load(data, None)?;
        Ok(self.enter(|thread| crate::jit::listings(thread, unit.module, bytecode)))
    }

    fn module(&self, unit: &Unit) -> Result<&'static LoadedModule, HostError> {
        if std::ptr::eq(unit.vm.as_ptr(), Arc::as_ptr(&self.thread.vm)) {
            Ok(unit.module)
        } else {
            Err(HostError::Refused("this unit was loaded into another VM".into()))
        }
    }

    fn find(&self, unit: &Unit, name: &str) -> Result<Found, HostError> {
        let module = self.module(unit)?;
        let data = &module.data;
        let root = data.namespaces.first().map_or(&[][..], |root| &root.members);
        if let Some((_, export)) = root.iter().find(|(member, _)| member == name) {
            return Ok(match *export {
                Export::Global(slot) => Found::Slot(slot),
                Export::Function(number) => Found::Value(module.functions[number as usize].value),
                Export::Namespace(number) => {
                    Found::Value(immortal_module(&self.thread.vm.immortals, module, number))
                }
            });
        }
        // A host sees what is not exported as well.
        if let Some(slot) = data.globals.iter().rposition(|global| global == name) {
            return Ok(Found::Slot(slot as u32));
        }
        let plain = |code: &&&'static crate::code::Code| {
            code.name == name && code.captures == 0 && code.flags & crate::code::Code::METHOD == 0
        };
        // Number 0 is the top level.
        match module.functions.iter().skip(1).find(plain) {
            Some(code) => Ok(Found::Value(code.value)),
            None => Err(HostError::NoSuchName { name: name.to_owned(), unit: module.name.clone() }),
        }
    }

    /// The value of a name of a unit: a variable or a function.
    fn value_of(&mut self, unit: &Unit, name: &str) -> Result<Value, HostError> {
        match self.find(unit, name)? {
            Found::Value(value) => Ok(value),
            Found::Slot(slot) => {
                let env = unit.module.env;
                retrying(&mut self.thread, |thread| globals::variable(thread, env, slot))
                    .map_err(|error| HostError::Thrown(run::thrown(&mut self.thread, error)))
            }
        }
    }

    /// Whether a unit has a variable or function of this name.
    pub fn has(&self, unit: &Unit, name: &str) -> bool {
        self.find(unit, name).is_ok()
    }

    /// Reads a variable (or function) of a unit.
    ///
    /// # Errors
    /// There is no such name, or it has no value yet.
    pub fn get(&mut self, unit: &Unit, name: &str) -> Result<HostValue, HostError> {
        self.thread.heap.online();
        let result = self.value_of(unit, name).map(|found| value::to_host(&mut self.thread, found));
        self.thread.heap.offline();
        result
    }

    /// Assigns a variable of a unit.
    ///
    /// # Errors
    /// There is no such variable, or the value cannot be made.
    pub fn set(&mut self, unit: &Unit, name: &str, to: &HostValue) -> Result<(), HostError> {
        let slot = match self.find(unit, name)? {
            Found::Slot(slot) => slot,
            Found::Value(_) => {
                return Err(HostError::Refused(format!(
                    "{name} is a function, not a variable: it cannot be assigned"
                )));
            }
        };
        let env = unit.module.env;
        self.enter(|thread| {
            retrying(thread, |thread| {
                let value = value::from_host(thread, to)?;
                if let Some(own) = thread.own_env(env) {
                    crate::object::array::set(&mut thread.heap, own, slot as usize, value);
                    return Ok(());
                }
                crate::interp::proxies::set_foreign_variable(thread, env, slot, value)
            })
            .map_err(|error| HostError::Thrown(run::thrown(thread, error)))
        })
    }

    /// Reads an attribute of an object; getters run as script code.
    ///
    /// # Errors
    /// The object has no such attribute, or its getter failed.
    pub fn attribute(&mut self, object: &HostObject, name: &str) -> Result<HostValue, HostError> {
        let symbol = self.thread.vm.symbols.intern(name);
        self.operate(|thread| {
            let object = value::object_value(thread, object)?;
            access::get(thread, object, symbol)
        })
    }

    /// Assigns an attribute of an object.
    ///
    /// # Errors
    /// The object has no such attribute, or the value does not fit.
    pub fn set_attribute(
        &mut self,
        object: &HostObject,
        name: &str,
        to: &HostValue,
    ) -> Result<(), HostError> {
        let symbol = self.thread.vm.symbols.intern(name);
        self.operate(|thread| {
            let object = value::object_value(thread, object)?;
            let value = value::from_host(thread, to)?;
            access::set(thread, object, symbol, value).map(|()| Value::NULL)
        })
        .map(|_| ())
    }

    /// The name of an object's class.
    ///
    /// # Errors
    /// The object belongs to another VM.
    pub fn class_name(&mut self, object: &HostObject) -> Result<String, HostError> {
        self.enter(|thread| {
            retrying(thread, |thread| {
                let value = value::object_value(thread, object)?;
                Ok(crate::interp::describe::type_name(thread, value))
            })
            .map_err(|error| HostError::Thrown(run::thrown(thread, error)))
        })
    }

    /// A one-line form of a value without running script code.
    pub fn show(&mut self, of: &HostValue) -> String {
        self.enter(|thread| match retrying(thread, |thread| value::from_host(thread, of)) {
            Ok(value) => crate::thread::trace::show(thread, value),
            Err(_) => String::from("<no memory>"),
        })
    }

    /// An operation on the heap outside of any task; where it needs script code, that runs as a task to its end.
    fn operate(&mut self, f: impl Fn(&mut Thread) -> Outcome) -> Result<HostValue, HostError> {
        let evaluation = self.evaluation.clone();
        self.enter(|thread| {
            let result = match with_memory(thread, f) {
                Ok(value) => Ok(value),
                Err(Control::Call(invoke)) => run::to_end(thread, &evaluation, invoke.callee, &invoke.args),
                Err(control) => Err(thread.control_as_error(control)),
            };
            run::finished(thread, result)
        })
    }

    /// Runs tasks until the budget is over or there is nothing to do. Gives the moment when there will be something to do by
    /// itself, if any.
    pub fn pump(&mut self, budget: Duration) -> Option<Instant> {
        run::clear_stop(&mut self.thread);
        self.thread.pump(budget)
    }

    /// Has `waker` called whenever another thread gives the master thread something to do, which the next
    /// [`pump`](Self::pump) will see to. It runs on that other thread and must neither block nor touch the VM.
    pub fn set_waker(&mut self, waker: impl Fn() + Send + Sync + 'static) {
        self.thread.shared.set_waker(Box::new(waker));
    }

    /// How many tasks of the master thread live.
    pub fn tasks(&self) -> usize {
        self.thread.sched.living
    }

    /// The exit status that the script asked for; forgotten by this call, so that the VM can go on.
    pub fn take_exit(&mut self) -> Option<i32> {
        self.thread.vm.registry.take_exit()
    }

    /// Writes out what scripts printed.
    pub fn flush(&self) {
        crate::thread::life::flush(&self.thread.vm);
    }

    /// Collects garbage now.
    pub fn collect(&mut self) {
        self.enter(Thread::collect_now);
    }

    /// Bytes that all heaps of the VM take.
    pub fn used_bytes(&self) -> usize {
        self.thread.heap.shared().used_bytes()
    }

    /// Sets the limit of what all heaps may take.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        self.thread.heap.shared().set_limit_bytes(bytes);
    }

    /// Gives the VM this much fuel from now on. Only a VM that was made with a limit of fuel counts it.
    pub fn set_fuel(&mut self, units: u64) {
        self.thread.vm.registry.set_fuel(units);
    }

    /// Fuel that is left.
    pub fn fuel_left(&self) -> u64 {
        self.thread.vm.registry.fuel_left()
    }

    /// Lets the other tasks and threads of a program end, as at the end of a program that is run from the command line.
    pub fn finish(&mut self) {
        self.enter(Thread::finish_others);
    }

    /// Ends the tasks that a program left behind when it called `exit`, without running anything of them any more, and asks the VM's other
    /// threads to end.
    pub fn abandon(&mut self) {
        self.enter(Thread::abandon_program);
    }

    /// Names of the attributes, methods and exports of a variable's value, for completion. Runs no script code.
    pub fn members(&mut self, unit: &Unit, path: &[&str]) -> Vec<String> {
        self.thread.heap.online();
        let names = self.members_online(unit, path);
        self.thread.heap.offline();
        names
    }

    fn members_online(&mut self, unit: &Unit, path: &[&str]) -> Vec<String> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let start = match self.value_of(unit, first) {
            Ok(value) => Some(value),
            Err(_) => self.thread.vm.builtin(first),
        };
        let Some(mut at) = start else { return Vec::new() };
        for name in rest {
            let symbol = self.thread.vm.symbols.intern(name);
            match access::get(&mut self.thread, at, symbol) {
                Ok(value) => at = value,
                Err(_) => return Vec::new(),
            }
        }
        value::member_names(&self.thread, at)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.thread.vm.registry.threads().len() > 1 {
            self.enter(Thread::end_other_threads);
        }
        self.flush();
    }
}

/// An operation once more after a collection, if there was no memory for it.
fn with_memory<T>(thread: &mut Thread, f: impl Fn(&mut Thread) -> Outcome<T>) -> Outcome<T> {
    match f(thread) {
        Err(Control::OutOfMemory) => {
            thread.collect_now();
            f(thread)
        }
        result => result,
    }
}

/// As [`with_memory`], with an error value as the error.
fn retrying<T>(thread: &mut Thread, f: impl Fn(&mut Thread) -> Outcome<T>) -> Result<T, Value> {
    with_memory(thread, f).map_err(|control| thread.control_as_error(control))
}
