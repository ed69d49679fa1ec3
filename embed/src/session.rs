//! A session: inputs that come one by one and see what earlier ones declared, as at a prompt.
//!
//! Invariant: all units of a session share one environment, and `globals` names its slots; an input that could not be compiled changes
//! nothing, one that threw keeps what it declared before.

use crate::{Error, Script, Value, Vm};
use corella_vm::host::Unit;

/// A sequence of inputs that share their variables.
///
/// ```
/// use corella::{Engine, Session, Value};
/// let mut vm = Engine::new().vm()?;
/// let mut session = Session::new();
/// session.eval(&mut vm, "function square(x) { return x * x; }")?;
/// assert_eq!(session.eval(&mut vm, "square(7)")?, Value::Int(49));
/// # Ok::<(), corella::Error>(())
/// ```
#[derive(Default)]
pub struct Session {
    globals: Vec<String>,
    last: Option<Unit>,
    inputs: usize,
    scripts: Vec<Script>,
}

impl Session {
    /// A session without inputs.
    pub fn new() -> Session {
        Session::default()
    }

    /// The names that its inputs have declared.
    pub fn globals(&self) -> &[String] {
        &self.globals
    }

    /// Compiles and runs an input; gives the value of its last expression, or null.
    ///
    /// # Errors
    /// What is wrong with it, or what it threw.
    pub fn eval(&mut self, vm: &mut Vm, text: &str) -> Result<Value, Error> {
        let script = self.compile(vm, text)?;
        self.run(vm, &script)
    }

    /// Compiles an input for [`run`](Self::run).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(&mut self, vm: &Vm, text: &str) -> Result<Script, crate::CompileError> {
        let name = format!("<input {}>", self.inputs + 1);
        vm.engine().compile_input(&name, text, &self.globals)
    }

    /// Runs a compiled input of this session.
    ///
    /// # Errors
    /// What it threw.
    pub fn run(&mut self, vm: &mut Vm, script: &Script) -> Result<Value, Error> {
        let unit = self.load(vm, script)?;
        Ok(vm.host.run(&unit)?)
    }

    /// As [`run`](Self::run), but gives the value as text as it would be written in source; nothing for null.
    ///
    /// # Errors
    /// What it threw, or what the value's `to_string` threw.
    pub fn run_shown(&mut self, vm: &mut Vm, script: &Script) -> Result<Option<String>, Error> {
        let unit = self.load(vm, script)?;
        Ok(vm.host.run_shown(&unit)?)
    }

    fn load(&mut self, vm: &mut Vm, script: &Script) -> Result<Unit, Error> {
        self.inputs += 1;
        let unit = vm.host.load((*script.module).clone(), self.last.as_ref())?;
        self.globals.clone_from(&script.module.globals);
        self.last = Some(unit.clone());
        self.scripts.push(script.clone());
        Ok(unit)
    }

    /// The bytecode of a function of the session (`name` or `Class.name`) as text: of the latest of that name.
    pub fn listing(&self, name: &str) -> Option<String> {
        self.scripts.iter().rev().find_map(|script| script.listing_of(name))
    }

    /// The names that can follow a dot after this dotted path of names; runs no script code.
    pub fn members(&self, vm: &mut Vm, path: &[&str]) -> Vec<String> {
        self.last.as_ref().map_or_else(Vec::new, |unit| vm.host.members(unit, path))
    }
}
