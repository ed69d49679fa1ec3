//! Machine code for hot functions and loops, made by Cranelift.
//!
//! The interpreter counts calls and turns of loops (`slot`). A function that has become hot is translated as a whole (`translate`), with
//! small functions that it calls in their places (`unit`), guided by what the thread's inline caches have seen (`feedback`); its entry is
//! published by one atomic store. Compiled and
//! interpreted code share frames, so every call and every loop head is a place where one can take over from the other:
//!
//! - the interpreter enters compiled code at calls and at loop heads (on-stack replacement);
//! - compiled code calls compiled code on the native stack, with a frame in the task's stack as always, and the interpreter by
//!   *leaving*: it writes its registers back and returns through all native frames, whose frames in the task's stack are complete;
//! - so a switch of tasks, an error, a kill and a generator need no native stack: they are the interpreter's.
//!
//! Fuel is counted at the same places by both.

mod slot;
pub use slot::JitSlot;

#[cfg(feature = "jit")]
mod compile;
#[cfg(feature = "jit")]
mod detours;
#[cfg(feature = "jit")]
mod facts;
#[cfg(feature = "jit")]
mod family;
#[cfg(feature = "jit")]
mod feedback;
#[cfg(all(feature = "jit", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod gdb;
#[cfg(feature = "jit")]
mod held;
#[cfg(feature = "jit")]
mod instrs;
#[cfg(feature = "jit")]
mod intrinsics;
#[cfg(feature = "jit")]
mod layout;
#[cfg(feature = "jit")]
mod lean;
#[cfg(feature = "jit")]
mod lean_entries;
#[cfg(feature = "jit")]
mod lean_runtime;
#[cfg(feature = "jit")]
mod light;
#[cfg(feature = "jit")]
mod limits;
#[cfg(feature = "jit")]
mod listing;
#[cfg(feature = "jit")]
mod masks;
#[cfg(feature = "jit")]
mod queue;
#[cfg(feature = "jit")]
mod ranges;
#[cfg(feature = "jit")]
mod record;
#[cfg(feature = "jit")]
mod restore;
#[cfg(feature = "jit")]
mod runtime;
#[cfg(feature = "jit")]
mod stepped;
#[cfg(feature = "jit")]
mod store;
#[cfg(feature = "jit")]
mod strips;
#[cfg(feature = "jit")]
mod symbols;
#[cfg(feature = "jit")]
mod translate;
#[cfg(feature = "jit")]
mod unit;
#[cfg(feature = "jit")]
mod views;
#[cfg(feature = "jit")]
mod ways;
#[cfg(feature = "jit")]
mod webs;

use crate::error::Control;
use crate::interp::Exit;
use std::sync::atomic::AtomicU64;

/// When functions are compiled to machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum JitMode {
    /// Never.
    Off,
    /// When they are hot.
    #[default]
    Auto,
    /// At their first call: for tests.
    Always,
}

impl JitMode {
    /// Whether this build has a compiler for this machine.
    pub const AVAILABLE: bool = cfg!(all(
        feature = "jit",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_pointer_width = "64"
    ));
}

/// What was compiled so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct JitStats {
    /// Functions compiled.
    pub functions: u64,
    /// How often one was compiled again because an assumption did not hold.
    pub again: u64,
    /// Functions that are left to the interpreter for good.
    pub refused: u64,
    /// Machine code in bytes.
    pub code_bytes: u64,
    /// So many of these bytes had been replaced by other code of the same functions, and have been freed (none while perf's map is written).
    pub freed_bytes: u64,
    /// Time spent compiling, in all threads together.
    pub time: std::time::Duration,
}

/// What has been compiled for a VM.
pub fn stats(vm: &crate::vm::Vm) -> JitStats {
    vm.jit.stats()
}

/// What became of one function.
#[derive(Clone, Debug)]
pub struct JitFunction {
    /// Name and place, as in a trace.
    pub name: String,
    /// How often it was compiled.
    pub compiled: u32,
    /// Machine code in bytes, all versions together, whether they have been freed or not.
    pub code_bytes: u64,
    /// Time spent compiling it.
    pub time: std::time::Duration,
    /// How often its code had to leave because an assumption did not hold.
    pub failures: u32,
    /// Why it is left to the interpreter, if it is.
    pub refused: Option<String>,
}

/// What has been compiled for a VM, function by function, in the order in which that was asked for.
pub fn functions(vm: &crate::vm::Vm) -> Vec<JitFunction> {
    vm.jit.functions()
}

/// What a function is translated to.
#[derive(Clone, Debug)]
pub struct JitListing {
    /// Name and place, as in a trace.
    pub name: String,
    /// Its bytecode, as text.
    pub bytecode: String,
    /// Cranelift's intermediate form and the machine code with its size, or why there is none.
    pub code: Result<JitText, String>,
}

/// A translated function as text.
#[derive(Clone, Debug)]
pub struct JitText {
    /// Cranelift's intermediate form as it was made, before it is optimised.
    pub clif: String,
    /// The machine code, as assembly.
    pub assembly: String,
    /// Its size in bytes.
    pub code_bytes: usize,
}

/// Wrong assumptions after which a function is compiled again.
#[cfg(feature = "jit")]
const TOO_MANY_FAILURES: u32 = 30;
/// How often that is done with what has been learnt; after that, nothing is taken for granted any more.
#[cfg(feature = "jit")]
const LESSONS: u32 = 3;
/// Times that compiled code comes to an instruction that had never been executed, after which it is compiled again.
#[cfg(feature = "jit")]
const OFTEN_UNSEEN: u32 = 3;
/// How often that is done; after that, such instructions are compiled for all cases.
#[cfg(feature = "jit")]
const FILLS: u32 = 6;
/// Bytes of native stack that compiled code may use below the interpreter's frame before it leaves.
const NATIVE_STACK: usize = 256 << 10;

/// How compiled code was left: 0, the interpreter goes on from the thread's state; else the task stopped for this reason.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left(u64);

/// The interpreter goes on.
pub(crate) const LEFT: Left = Left(0);

impl From<Option<Exit>> for Left {
    fn from(exit: Option<Exit>) -> Self {
        Left(match exit {
            None | Some(Exit::Stepped) => 0,
            Some(Exit::Ended) => 1,
            Some(Exit::Parked) => 2,
            Some(Exit::Yielded) => 3,
            Some(Exit::Preempted) => 4,
        })
    }
}

impl From<Left> for Option<Exit> {
    fn from(left: Left) -> Self {
        match left.0 {
            0 => None,
            1 => Some(Exit::Ended),
            2 => Some(Exit::Parked),
            3 => Some(Exit::Yielded),
            _ => Some(Exit::Preempted),
        }
    }
}

/// Number of the entry at the first instruction, for the interpreter.
pub(crate) const FROM_START: u64 = 1;

/// Entries of a thread's table of methods.
const METHODS: usize = 512;

/// A script method found lately, for calls that pass so many arguments as they are.
#[repr(C, align(32))]
#[derive(Clone, Copy)]
pub(crate) struct Method {
    /// The class of the receiver, and the name above it.
    key: u64,
    /// The method epoch at which it was found, and above it the number of arguments, the receiver included.
    valid: u64,
    /// Address of the method's linked code.
    code: usize,
}

impl Method {
    const NONE: Method = Method { key: 0, valid: 0, code: 0 };

    const fn key(class: u32, name: u32) -> u64 {
        class as u64 | (name as u64) << 32
    }

    const fn valid(epoch: u32, arguments: u32) -> u64 {
        epoch as u64 | (arguments as u64) << 32
    }

    /// Where a table has the method of this name for a class.
    const fn place(class: u32, name: u32) -> usize {
        (class as usize ^ (name as usize) << 3) & (METHODS - 1)
    }
}

/// What a thread has for compiled code.
pub(crate) struct ThreadJit {
    /// Why the last helper failed.
    pub(crate) control: Option<Control>,
    /// Methods by class and name, for sites that see many classes; there if there is compiled code.
    methods: Option<Box<[Method; METHODS]>>,
    /// The word that is polled.
    pub(crate) limit: *const AtomicU64,
    /// Compiled code leaves when the native stack grows below this address.
    pub(crate) native_limit: usize,
    /// Lean code has been left because something asked for attention, which it gets once all frames are complete.
    pub(crate) attend: bool,
    /// Heat at which a function is compiled; `u32::MAX` for never.
    pub(crate) hot: u32,
    /// What the last function that was called by a detour gave.
    #[cfg(feature = "jit")]
    pub(crate) results: [u64; detours::RESULTS],
    /// What the frame holds that compiled code has been entered for last (`ways`).
    #[cfg(feature = "jit")]
    words: Vec<u64>,
    /// Online while the thread may run compiled code.
    #[cfg(feature = "jit")]
    runs: crate::heap::quiesce::Member,
}

impl ThreadJit {
    pub(crate) fn new(vm: &crate::vm::Vm, limit: *const AtomicU64) -> Self {
        let hot = match vm.config.jit {
            _ if !JitMode::AVAILABLE => u32::MAX,
            JitMode::Off => u32::MAX,
            JitMode::Auto => vm.config.jit_threshold.clamp(1, u32::MAX - 1),
            JitMode::Always => 1,
        };
        Self {
            control: None,
            methods: (hot != u32::MAX).then(|| Box::new([Method::NONE; METHODS])),
            limit,
            native_limit: 0,
            attend: false,
            hot,
            #[cfg(feature = "jit")]
            results: [0; detours::RESULTS],
            #[cfg(feature = "jit")]
            words: Vec::new(),
            #[cfg(feature = "jit")]
            runs: vm.jit.join(),
        }
    }

    /// The thread stands on no compiled code and has read no entry of any.
    #[inline]
    pub(crate) fn stands_outside(&self) {
        #[cfg(feature = "jit")]
        match self.runs.is_online() {
            true => self.runs.quiescent(),
            false => self.runs.online(),
        }
    }

    /// Whether code has been replaced since the thread last stood on none: it cannot be freed until it does.
    #[cfg(feature = "jit")]
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.runs.is_behind()
    }

    /// The thread is in its scheduler and may sleep there.
    #[inline]
    pub(crate) fn idle(&self) {
        #[cfg(feature = "jit")]
        self.runs.offline();
    }

    pub(crate) fn is_on(&self) -> bool {
        self.hot != u32::MAX
    }

    /// The native stack that compiled code may use is counted from here.
    #[inline(never)]
    pub(crate) fn set_native_limit(&mut self) {
        let here = 0u8;
        self.native_limit = (&raw const here).addr().saturating_sub(NATIVE_STACK);
    }
}

#[cfg(feature = "jit")]
pub(crate) use compile::Jit;
#[cfg(feature = "jit")]
use enter::make_room;
#[cfg(feature = "jit")]
pub(crate) use enter::{count, enter, failed, unseen};
#[cfg(feature = "jit")]
pub use intrinsics::INTRINSICS;
#[cfg(feature = "jit")]
pub(crate) use listing::listings;

#[cfg(feature = "jit")]
mod enter;

/// A build without compiler.
#[cfg(not(feature = "jit"))]
mod without {
    use super::Exit;
    use crate::code::Code;
    use crate::thread::Thread;

    /// Nothing.
    #[derive(Default)]
    pub(crate) struct Jit {}

    /// No native is known.
    pub const INTRINSICS: &[(&str, &str, ())] = &[];

    impl Jit {
        pub(crate) fn prepare(&self, _: &crate::vm::Vm) {}

        pub(super) fn stats(&self) -> super::JitStats {
            super::JitStats::default()
        }

        pub(super) fn functions(&self) -> Vec<super::JitFunction> {
            Vec::new()
        }
    }

    pub(crate) fn listings(
        _: &Thread,
        _: &'static crate::code::LoadedModule,
        _: Vec<String>,
    ) -> Vec<super::JitListing> {
        Vec::new()
    }

    pub(crate) fn count(_: &mut Thread, _: &'static Code) {}

    pub(crate) fn enter(_: &mut Thread, _: *mut u8, _: u64) -> Option<Exit> {
        unreachable!("nothing is compiled in this build")
    }
}
#[cfg(not(feature = "jit"))]
pub use without::INTRINSICS;
#[cfg(not(feature = "jit"))]
pub(crate) use without::{Jit, count, enter, listings};
