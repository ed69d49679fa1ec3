//! Linked code: what the loader makes of a verified module, immutable and shared by all threads.

use crate::bytecode::{Capture, Handler, Instr, Line, Variable};
use crate::class::Class;
use crate::symbol::Symbol;
use crate::value::Value;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// A linked function. Lives as long as the VM.
#[repr(C)]
pub struct Code {
    /// First instruction.
    pub entry: *const Instr,
    /// Number of tagged registers.
    pub tagged: u32,
    /// Number of all registers.
    pub registers: u32,
    /// Number of positional parameters, `self` included.
    pub params: u8,
    /// How many must be given.
    pub required: u8,
    /// Bits: [`Code::REST`] and its neighbours.
    pub flags: u8,
    /// Number of captured values of a closure.
    pub captures: u16,
    /// Where this function's sites begin in every thread's table of inline caches.
    pub ic_base: u32,
    /// The module's constants.
    pub consts: *const Value,
    /// The function as a value, if it captures nothing; else null.
    pub value: Value,
    /// Number within the VM.
    pub id: u32,
    /// The module's environment (variables).
    pub env: u32,
    /// The module.
    pub module: *const LoadedModule,
    /// The class that the function was declared in (functions nested in a method too), once it is made.
    pub home: AtomicPtr<Class>,
    /// Machine code, once there is some.
    pub jit: crate::jit::JitSlot,
    /// The instructions (`entry` points to them).
    pub code: Box<[Instr]>,
    /// Exception handlers, innermost first.
    pub handlers: Box<[Handler]>,
    /// Where variables that may hold objects are in scope.
    pub variables: Box<[Variable]>,
    /// Source positions.
    pub lines: Box<[Line]>,
    /// Names looked up at the sites.
    pub sites: Box<[Symbol]>,
    /// What a closure takes from the function around it.
    pub capture_list: Box<[Capture]>,
    /// Name for traces.
    pub name: String,
    /// Parameter names.
    pub param_names: Vec<String>,
    /// The `///` comment.
    pub doc: String,
}

impl Code {
    /// Surplus arguments are collected.
    pub const REST: u8 = 1;
    /// A call makes a generator.
    pub const GENERATOR: u8 = 2;
    /// Register 0 is `self`.
    pub const METHOD: u8 = 4;
    /// Part of the library: left out of traces.
    pub const INTERNAL: u8 = 8;

    /// No rest parameter, no generator: the call needs no preparation beyond its arguments.
    pub fn is_plain(&self) -> bool {
        self.flags & (Self::REST | Self::GENERATOR) == 0
    }

    /// The source position of an instruction, by its index: line and column.
    pub fn position(&self, pc: usize) -> (u32, u32) {
        let i = self.lines.partition_point(|line| line.pc as usize <= pc);
        i.checked_sub(1).map_or((0, 0), |i| (self.lines[i].line, self.lines[i].column))
    }

    /// The class it was declared in.
    pub fn home_class(&self) -> Option<&'static Class> {
        // SAFETY: only classes of this VM are stored, and they live as long as the VM.
        unsafe { self.home.load(Ordering::Acquire).as_ref() }
    }
}

/// A declared type, linked.
#[derive(Clone)]
pub enum LinkedType {
    /// No restriction.
    Any,
    /// An integer.
    Int,
    /// A float; integers are converted.
    Float,
    /// A truth value.
    Bool,
    /// A string.
    Str,
    /// An instance of this class, or null.
    Class(&'static Class),
    /// An instance of the class in this variable, or null.
    Global(u32),
    /// An instance of the class found by following names from the module in this variable, or null.
    Member(u32, Box<[Symbol]>),
}

/// A linked module. Lives as long as the VM.
pub struct LoadedModule {
    /// Number within the VM.
    pub id: u32,
    /// Name for traces.
    pub name: String,
    /// Its functions.
    pub functions: Box<[&'static Code]>,
    /// Its constants.
    pub consts: Box<[Value]>,
    /// Its declared types.
    pub types: Box<[LinkedType]>,
    /// For each of them, if it is a class: the method epoch (upper half) and the class of what fitted last.
    pub types_seen: Box<[AtomicU64]>,
    /// The data form, for class declarations and descriptions.
    pub data: crate::bytecode::Module,
    /// Its environment's number.
    pub env: u32,
    /// The module's namespaces as values.
    pub namespaces: Box<[Value]>,
}

// SAFETY: all values in linked code are immortal or not objects, and everything is immutable but for `home`, an atomic.
unsafe impl Sync for Code {}
// SAFETY: as above.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for LoadedModule {}
// SAFETY: as above.
unsafe impl Send for LoadedModule {}
