//! Corella in a Rust program: compile scripts, run them, call both ways, keep them within limits.
//!
//! ```
//! use corella::Engine;
//!
//! let engine = Engine::builder()
//!     .function("shout", |text: String| text.to_uppercase())
//!     .build();
//! let script = engine.compile("greet.cor", "function greet(name) { return shout(`hello ${name}`); }")?;
//! let mut vm = engine.vm()?;
//! let module = vm.load(&script)?;
//! let greeting: String = vm.call(&module, "greet", ("Ada",))?;
//! assert_eq!(greeting, "HELLO ADA");
//! # Ok::<(), corella::Error>(())
//! ```
//!
//! The parts, from the outside inwards:
//!
//! - an [`Engine`] holds what is the same for all VMs: limits, host functions, where modules come from, where output goes;
//! - a [`Script`] is compiled once, belongs to no VM, and can be run in any number of them, on any thread;
//! - a [`Vm`] has heaps, tasks and threads of its own. The thread that calls its methods acts as its master thread;
//! - a [`Module`] is a script that has been loaded into a VM: its variables and functions can be reached by name;
//! - a [`Value`] is data of the host's own. What is not plain data arrives as an [`Object`], a handle that keeps it alive.
//!
//! A host with an event loop starts tasks ([`Vm::start`]) and lets them run for a while in each turn of its loop
//! ([`Vm::pump`]); other threads of the VM ask for attention through [`Vm::set_waker`]. Whatever a script does, it can be
//! [interrupted](Interrupt) from another thread, and what it may use is bounded by the builder's limits: exceeding one is an
//! error that the script can catch, and an [`Error`] in the host.
//!
//! Only safe Rust is used here, and no value of the VM's heaps is ever in the hands of the host.

#![forbid(unsafe_code)]

mod convert;
mod engine;
mod error;
mod function;
mod loader;
mod output;
mod script;
mod session;
mod vm;

pub use convert::{Args, FromValue, IntoValue, WrongType};
pub use corella_vm::config::Tick;
pub use corella_vm::host::{
    Context, HostObject as Object, HostValue as Value, Interrupt, Thrown as ScriptError,
};
pub use corella_vm::jit::{JitFunction, JitListing, JitMode, JitStats, JitText};
pub use engine::{Builder, Engine};
pub use error::{CompileError, Diagnostic, Error};
pub use function::{HostFunction, IntoReturn};
pub use loader::{Loader, SourceText};
pub use output::Captured;
pub use script::{Completeness, TokenClass};
pub use script::{Highlight, Script, completeness, highlight};
pub use session::Session;
pub use vm::{Module, Task, Vm};
