//! Functions of the host that scripts call.
//!
//! Invariant: a host function gets data and handles, never values of the heap, so it cannot keep what a later collection frees.

use super::value::{self, HostError, HostValue};
use crate::class::ErrorClass;
use crate::error::Control;
use crate::native::{NativeCode, NativeDef};
use crate::thread::Thread;
use crate::vm::Vm;
use std::io::Write as _;

/// What a host function may do with the VM that calls it.
pub struct Context<'t> {
    thread: &'t mut Thread,
}

impl Context<'_> {
    /// Writes to where `print` writes.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn print(&mut self, text: &str) -> std::io::Result<()> {
        self.thread.vm.output.lock().expect("not poisoned").write_all(text.as_bytes())
    }

    /// The number of the VM's thread that calls; 1 is the master.
    pub fn thread(&self) -> u64 {
        self.thread.shared.id
    }

    /// Counts work that the function does against the calling task's tick and the VM's fuel: about one unit for what takes
    /// 5 ns.
    pub fn charge(&mut self, units: u64) {
        self.thread.charge(units);
    }
}

/// Makes a function of the host known to all scripts of a VM under a built-in name. `max` is `None` for any number of arguments.
///
/// The function runs between two safepoints of the calling task: no task of that thread runs meanwhile, so it should be quick.
pub fn define_function(
    vm: &Vm,
    name: &str,
    doc: &str,
    (min, max): (u8, Option<u8>),
    f: impl Fn(&mut Context<'_>, Vec<HostValue>) -> Result<HostValue, HostError> + Send + Sync + 'static,
) {
    let owned = name.to_owned();
    let call = move |thread: &mut Thread, args: &[crate::value::Value]| {
        let args = args.iter().map(|arg| value::to_host(thread, *arg)).collect();
        match f(&mut Context { thread }, args) {
            Ok(result) => match value::from_host(thread, &result) {
                // The call must not be repeated after a collection: it may have had effects.
                Err(Control::OutOfMemory) => Err(thread
                    .error(ErrorClass::MemoryError, format!("no memory for the result of {owned}"))
                    .or_last_resort(thread)),
                result => result,
            },
            Err(error) => Err(value::error_from_host(thread, error).or_last_resort(thread)),
        }
    };
    let def = NativeDef {
        owner: "",
        name: name.to_owned().into(),
        min_args: min,
        max_args: max.unwrap_or(crate::native::ANY),
        method: false,
        writes: false,
        code: NativeCode::Host(Box::new(call)),
        doc: doc.to_owned().into(),
    };
    let function = vm.native(def);
    vm.define_builtin(name, function);
}

impl Control {
    /// Lack of memory as a thrown value, where the operation cannot be repeated.
    fn or_last_resort(self, thread: &Thread) -> Control {
        match self {
            Control::OutOfMemory => Control::Throw(thread.vm.last_resort_error()),
            other => other,
        }
    }
}
