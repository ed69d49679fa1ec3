//! Layouts of all heap objects, one file per family for what can be done with them.
//!
//! Every object begins with a [`Header`]. Invariants that the foreign-read protocol rests on (see `docs/ARCHITECTURE.md`):
//!
//! - Only the owning thread writes an object; it stores slots with `Release`, so that a fresh object reached through a
//!   slot is seen initialised. Other threads read slots with `Acquire`.
//! - A slot always holds a whole [`Value`]; typed arrays' raw elements are never interpreted as values.
//! - What grows is a header object pointing to a buffer that carries its own capacity; growing publishes a new buffer with
//!   one `Release` store and leaves the old one to the collector, which frees it only after a grace period; or it lets a large buffer have more
//!   capacity where it lies, once what is new there is initialised.
//! - Objects do not move. An object's header never changes after publication except for the bits in `flags`.
//!
//! The operations take raw pointers and are safe functions by one convention: a pointer to an object is only ever made by
//! a creator in this folder, or taken from a [`Value`] whose kind was checked, and is not kept across a safepoint (by a
//! foreign reader: a quiescent point) but in a traced place. Functions named `..._foreign`, and those that say so, may be
//! called by any thread; all others only by the owner of the object. The functions that allocate change nothing if
//! they fail, so that the caller can collect and try again.

#![allow(clippy::not_unsafe_ptr_arg_deref)] // the convention above

pub mod array;
pub mod bigint;
pub mod compare;
pub mod deep;
pub mod display;
pub mod equality;
pub mod function;
pub mod handle;
pub mod hash;
pub mod map;
pub mod number;
pub mod proxy;
pub mod range;
pub mod search;
pub mod string;
pub mod task;
pub mod typed;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::value::Value;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An integer beyond 63 bits: [`BoxInt`].
    BoxInt,
    /// A float without tagged form: [`BoxFloat`].
    BoxFloat,
    /// A string: [`string::Str`].
    Str,
    /// Bytes: [`string::Str`] with arbitrary content.
    Bytes,
    /// A big integer: [`bigint::Big`].
    BigInt,
    /// A range: [`range::Range`].
    Range,
    /// An array: [`array::Array`].
    Array,
    /// Storage of an array: [`array::Buffer`].
    Buffer,
    /// Unboxed integers: [`typed::TypedArray`].
    IntArray,
    /// Unboxed floats: [`typed::TypedArray`].
    FloatArray,
    /// Storage of a typed array: [`typed::RawBuffer`].
    RawBuffer,
    /// A map: [`map::Map`].
    Map,
    /// Storage of a map: [`map::Table`].
    MapTable,
    /// An instance of a script class: [`Instance`].
    Instance,
    /// A captured variable: [`Cell`].
    Cell,
    /// A script function, with or without captures: [`function::Closure`].
    Function,
    /// A native function: [`function::Native`].
    NativeFunction,
    /// A method with its receiver: [`function::BoundMethod`].
    BoundMethod,
    /// A class: [`function::ClassObject`].
    Class,
    /// A module or namespace: [`function::ModuleObject`].
    Module,
    /// A weak reference: [`handle::Weak`].
    Weak,
    /// A host object: [`handle::Handle`].
    Handle,
    /// A task: [`task::Task`].
    Task,
    /// A future: [`task::Future`].
    Future,
    /// A generator: [`task::Generator`].
    Generator,
    /// Frames of a task or generator: [`task::Stack`].
    Stack,
    /// A thread's handle: [`handle::ThreadHandle`].
    Thread,
    /// A proxy: [`proxy::Proxy`].
    Proxy,
}

/// First word of every object.
///
/// ```text
///  63            32 31      16 15    8 7     0
/// +----------------+----------+-------+-------+
/// |    class id    |   size   | flags | kind  |
/// +----------------+----------+-------+-------+
/// ```
#[repr(C)]
pub struct Header {
    kind: Kind,
    /// Bits below; written by the owner only.
    pub flags: AtomicU8,
    /// Size in granules of 16 bytes; 0 for an object that has an allocation of its own.
    pub granules: u16,
    /// Class id: index into the VM's class table; built-in kinds have fixed ids.
    pub class: u32,
}

/// The object lives outside all heaps, is never collected and may be referred to from everywhere.
pub const FLAG_IMMORTAL: u8 = 1;
/// The object has something to do when it dies (it stands in its heap's finaliser list).
pub const FLAG_FINALISER: u8 = 2;

/// The object was made by `copy`: it crosses to another thread as a copy, not as a proxy.
pub const FLAG_COPY: u8 = 4;

impl Header {
    /// A header for a fresh object.
    pub const fn new(kind: Kind, flags: u8, granules: u16, class: u32) -> Self {
        Self { kind, flags: AtomicU8::new(flags), granules, class }
    }

    /// What the object is.
    #[inline(always)]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the object is outside all heaps.
    #[inline(always)]
    pub fn is_immortal(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & FLAG_IMMORTAL != 0
    }
}

/// A slot that its owner writes and any thread may read.
#[repr(transparent)]
pub struct Slot(AtomicU64);

impl Slot {
    /// A slot holding `value`.
    pub const fn new(value: Value) -> Self {
        Self(AtomicU64::new(value.bits()))
    }

    /// The content, read by the owner.
    #[inline(always)]
    pub fn get(&self) -> Value {
        // SAFETY: slots hold only whole values, and the owner's collector keeps what is reachable from them alive.
        unsafe { Value::from_bits(self.0.load(Ordering::Relaxed)) }
    }

    /// The content, read by another thread inside its slice (between two quiescent points).
    #[inline(always)]
    pub fn get_foreign(&self) -> Value {
        // SAFETY: as in `get`; the object stays allocated until the reader's next quiescent point.
        unsafe { Value::from_bits(self.0.load(Ordering::Acquire)) }
    }

    /// The float in a slot that holds one unboxed. Any thread may ask, as in [`get_foreign`](Self::get_foreign).
    #[inline(always)]
    pub fn float(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Acquire))
    }

    /// Stores a float in a slot that holds one unboxed.
    #[inline(always)]
    pub fn set_float(&self, float: f64) {
        self.set_word(float.to_bits());
    }

    /// Stores a word of a class's template into a fresh instance.
    #[inline(always)]
    pub fn set_word(&self, word: u64) {
        self.0.store(word, Ordering::Release);
    }

    /// Stores into a fresh object or where the collector's write barrier has been served; owner only.
    #[inline(always)]
    pub fn set_unbarriered(&self, value: Value) {
        self.0.store(value.bits(), Ordering::Release);
    }
}

/// An integer that does not fit in a tagged word.
#[repr(C)]
pub struct BoxInt {
    /// Header.
    pub header: Header,
    /// The integer.
    pub value: i64,
}

/// A float that has no tagged form.
#[repr(C)]
pub struct BoxFloat {
    /// Header.
    pub header: Header,
    /// The float.
    pub value: f64,
}

/// An instance of a script class; its slots follow the header, as many as the class has attributes. Some hold unboxed floats:
/// [`Class::is_unboxed`](crate::class::Class::is_unboxed).
#[repr(C)]
pub struct Instance {
    /// Header; `class` tells the layout.
    pub header: Header,
}

impl Instance {
    /// Slot `index`, which holds a value, or a float if the class says so.
    ///
    /// # Safety
    /// `this` points to a live instance and `index` is below its class's attribute count.
    #[inline(always)]
    pub unsafe fn slot<'a>(this: *const Instance, index: usize) -> &'a Slot {
        // SAFETY: by the caller's promise the slot lies inside the object.
        unsafe { &*this.cast::<Slot>().add(1 + index) }
    }
}

/// An integer constant that needs a box, outside all heaps.
pub fn immortal_int(immortals: &crate::heap::Immortals, value: i64) -> Value {
    let object = immortals.alloc(Kind::BoxInt, class_id::INT, size_of::<BoxInt>());
    // SAFETY: just allocated with room for a BoxInt.
    unsafe { (*object.cast::<BoxInt>()).value = value };
    Value::object(object)
}

/// A float constant that needs a box, outside all heaps.
pub fn immortal_float(immortals: &crate::heap::Immortals, value: f64) -> Value {
    let object = immortals.alloc(Kind::BoxFloat, class_id::FLOAT, size_of::<BoxFloat>());
    // SAFETY: just allocated with room for a BoxFloat.
    unsafe { (*object.cast::<BoxFloat>()).value = value };
    Value::object(object)
}

/// A variable that closures share.
#[repr(C)]
pub struct Cell {
    /// Header.
    pub header: Header,
    /// The variable's value.
    pub slot: Slot,
}

const _: () = assert!(size_of::<Header>() == 8 && size_of::<Cell>() == 16 && size_of::<BoxInt>() == 16);

/// Class ids of built-in kinds; script classes come after.
pub mod class_id {
    macro_rules! ids {
        ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            #[repr(u32)]
            enum Ids { $($name,)* COUNT }
            $( $(#[doc = $doc])* pub const $name: u32 = Ids::$name as u32; )*
            /// How many ids are fixed.
            pub const COUNT: u32 = Ids::COUNT as u32;
            /// Script names of the classes with fixed ids, by id.
            pub static NAMES: &[&str] = &[$($text),*];
        };
    }
    ids! {
        /// The class of `null`.
        NULL = "null";
        /// Truth values.
        BOOL = "bool";
        /// Integers, boxed or not.
        INT = "int";
        /// Floats, boxed or not.
        FLOAT = "float";
        /// Strings.
        STRING = "string";
        /// Bytes.
        BYTES = "Bytes";
        /// Big integers.
        BIGINT = "BigInt";
        /// Ranges.
        RANGE = "Range";
        /// Arrays.
        ARRAY = "Array";
        /// Integer arrays.
        INT_ARRAY = "IntArray";
        /// Float arrays.
        FLOAT_ARRAY = "FloatArray";
        /// Maps.
        MAP = "Map";
        /// Functions, native functions and bound methods.
        FUNCTION = "Function";
        /// Classes.
        CLASS = "Class";
        /// Modules and namespaces.
        MODULE = "Module";
        /// Weak references.
        WEAK = "WeakRef";
        /// Tasks.
        TASK = "Task";
        /// Futures.
        FUTURE = "Future";
        /// Generators.
        GENERATOR = "Generator";
        /// Thread handles.
        THREAD = "Thread";
        /// Proxies without a class of their own.
        PROXY = "Proxy";
        /// Internal objects: buffers, tables, cells, stacks. No script value has it.
        INTERNAL = "<internal>";
        /// Root of the error classes; an ordinary class with the attributes `message`, `cause` and a hidden trace.
        ERROR = "Error";
    }
}
