//! Classes at run time: fixed attribute layouts and method tables that all threads share.
//!
//! Invariant: a class's attributes never change after creation; an instance's slot `i` belongs to attribute `i` for ever, and a
//! subclass's attributes begin with its superclass's. Attributes that are declared to be floats lie unboxed in the first 64 slots. Methods may be added (`extend`); every addition advances the VM's
//! method epoch, which inline caches check.

use crate::symbol::{Symbol, SymbolMap};
use crate::value::Value;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{OnceLock, RwLock};

/// A class. Lives as long as the VM.
pub struct Class {
    /// Index in the VM's class table.
    pub id: u32,
    /// Name for messages.
    pub name: String,
    /// Superclass.
    pub superclass: Option<&'static Class>,
    /// Distance from the root of the hierarchy.
    pub depth: u32,
    /// The class as a value.
    pub value: Value,
    /// Attributes in slot order, inherited ones first.
    pub attributes: Vec<Attribute>,
    /// Slot by name.
    pub slots: SymbolMap<u32>,
    /// Methods and static functions: script or native function values (immortal).
    pub members: RwLock<SymbolMap<Member>>,
    /// Sets attributes with computed initial values; runs before the constructor, superclasses' first.
    pub init: OnceLock<Value>,
    /// Whether script code may derive from it and make instances with the general layout.
    pub extensible: bool,
    /// The words of a fresh instance after its header, padding included.
    pub template: Vec<u64>,
    /// The slots that hold unboxed floats, a bit for each of the first 64.
    pub unboxed: u64,
    /// The method epoch at which its instances were found to have no hook `equals`: 0 before.
    pub plain_equality: AtomicU32,
    /// The proxy class that `share` uses for its instances, or null for the general one (`Proxy.map`).
    pub proxy_class: AtomicPtr<Class>,
    /// The `///` comment.
    pub doc: String,
}

/// What `new` has to do.
#[derive(Clone, Copy)]
pub enum Construction {
    /// Call a plain script constructor with the fresh instance in front of the arguments; nothing else is computed.
    Plain(&'static crate::code::Code, Value),
    /// There is no constructor, and nothing to compute.
    Bare,
    /// Anything else.
    General,
}

/// One attribute of a class.
pub struct Attribute {
    /// Name.
    pub name: Symbol,
    /// What may be assigned.
    pub ty: AttributeType,
    /// Initial value (immortal or not an object).
    pub initial: Value,
    /// Module whose types `ty` refers to (null where it does not).
    pub module: *const crate::code::LoadedModule,
}

/// Declared type of an attribute, resolved as far as it can be when the class is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    /// Anything.
    Any,
    /// An integer.
    Int,
    /// A float; integers are converted.
    Float,
    /// A truth value.
    Bool,
    /// A string.
    Str,
    /// A value of the declared type with this number in the module that declared the class, or null.
    Declared(u32),
}

/// A method or static.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// Called with the receiver.
    Method(Value),
    /// Called without a receiver.
    Static(Value),
    /// An immutable value.
    Constant(Value),
    /// Called with the receiver when the attribute is read.
    Getter(Value),
}

impl Class {
    /// Whether slot `slot` of an instance holds a float as it is, not as a value.
    #[inline]
    pub fn is_unboxed(&self, slot: u32) -> bool {
        slot < u64::BITS && self.unboxed >> slot & 1 != 0
    }

    /// The member of that name, own or inherited.
    pub fn member(&self, name: Symbol) -> Option<Member> {
        let mut class = Some(self);
        while let Some(c) = class {
            if let Some(member) = c.members.read().expect("no panic while the lock is held").get(&name) {
                return Some(*member);
            }
            class = c.superclass;
        }
        None
    }

    /// Whether this is `other` or derived from it.
    pub fn is_subclass_of(&self, other: &Class) -> bool {
        let mut class = Some(self);
        while let Some(c) = class {
            if std::ptr::eq(c, other) {
                return true;
            }
            class = c.superclass;
        }
        false
    }

    /// How instances are made, as things stand.
    pub fn construction(&self) -> Construction {
        let own = std::iter::successors(Some(self), |c| c.superclass);
        if self.id < crate::object::class_id::ERROR
            || own.clone().any(|c| c.id == crate::object::class_id::PROXY || c.init.get().is_some())
        {
            return Construction::General;
        }
        match self.member(crate::symbol::sym::NEW) {
            None => Construction::Bare,
            Some(Member::Method(f)) => match crate::object::function::code_of_value(f) {
                Some(code) if code.is_plain() => Construction::Plain(code, f),
                _ => Construction::General,
            },
            Some(_) => Construction::General,
        }
    }

    /// The proxy class mapped to this class or, failing that, to the nearest superclass that has one.
    pub fn mapped_proxy_class(&self) -> Option<&'static Class> {
        let mut class = self;
        loop {
            // SAFETY: only pointers to classes of this VM are stored, and they live as long as the VM.
            if let Some(mapped) = unsafe { class.proxy_class.load(Ordering::Acquire).as_ref() } {
                return Some(mapped);
            }
            class = class.superclass?;
        }
    }
}

// SAFETY: a class's values are immortal or not objects, so sharing them between threads is sound; the rest is Sync by itself.
unsafe impl Sync for Class {}
// SAFETY: as above.
unsafe impl Send for Class {}

macro_rules! errors {
    ($($(#[doc = $doc:literal])* $name:ident : $parent:ident;)*) => {
        /// The built-in error classes.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u32)]
        pub enum ErrorClass { $($(#[doc = $doc])* $name),* }

        impl ErrorClass {
            /// All of them with their parents, parents first.
            pub const ALL: &[(ErrorClass, &str, ErrorClass)] = &[$((ErrorClass::$name, stringify!($name), ErrorClass::$parent)),*];

            /// The class of that name.
            pub fn by_name(name: &str) -> Option<ErrorClass> {
                Self::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
            }

            /// Its class id, which is fixed.
            pub const fn class_id(self) -> u32 {
                crate::object::class_id::ERROR + self as u32
            }
        }
    };
}

errors! {
    /// Root of the hierarchy.
    Error: Error;
    /// A value of the wrong type.
    TypeError: Error;
    /// A value of the right type that does not serve.
    ValueError: Error;
    /// An index or number out of its range.
    RangeError: Error;
    /// An integer result that does not fit.
    OverflowError: Error;
    /// Division by zero.
    DivisionByZero: Error;
    /// A variable that is not there (yet).
    NameError: Error;
    /// An attribute or method that is not there.
    AttributeError: Error;
    /// A wrong number of arguments.
    ArgumentError: Error;
    /// A key that is not in the map.
    KeyError: Error;
    /// Too deep recursion.
    StackOverflow: Error;
    /// The heap's limit is reached.
    MemoryError: Error;
    /// A write through a locked proxy.
    ProxyLocked: Error;
    /// A message to a thread that has ended.
    ThreadEnded: Error;
    /// Nothing can ever wake the waiting task.
    Deadlock: Error;
    /// Thrown in a task that is killed.
    TaskExit: Error;
    /// Thrown in a task whose future was dropped or cancelled.
    Cancelled: TaskExit;
    /// A wait that took too long.
    TimeoutError: Error;
    /// A module that cannot be loaded.
    ImportError: Error;
    /// Failed input or output.
    IoError: Error;
    /// A failed assertion.
    AssertionError: Error;
    /// An operation that does not fit the object's state.
    StateError: Error;
    /// A limit of the VM (fuel, tasks, threads) is reached.
    LimitError: Error;
    /// A `match` without a fitting arm.
    MatchError: Error;
}

/// First class id that scripts and hosts get.
pub const FIRST_FREE_CLASS: u32 = crate::object::class_id::ERROR + ErrorClass::ALL.len() as u32;

/// Slots of an Error instance.
pub mod error_slot {
    /// The message.
    pub const MESSAGE: usize = 0;
    /// The cause or null.
    pub const CAUSE: usize = 1;
    /// The trace: null or an array of strings, innermost frame first.
    pub const TRACE: usize = 2;
}
