//! Callable objects, classes and modules.

use super::{Header, Slot};
use crate::class::Class;
use crate::code::{Code, LoadedModule};
use crate::native::NativeDef;
use crate::value::Value;

/// A script function. One without captures is immortal, one per function.
#[repr(C)]
pub struct Closure {
    /// Header.
    pub header: Header,
    /// The code; lives as long as the VM.
    pub code: *const Code,
    // followed by the captured values, `code.captures` slots
}

impl Closure {
    /// Captured value `index`.
    ///
    /// # Safety
    /// `this` points to a live closure and `index` is below its code's number of captures.
    #[inline(always)]
    pub unsafe fn capture<'a>(this: *const Closure, index: usize) -> &'a Slot {
        // SAFETY: by the caller's promise the slot lies inside the object.
        unsafe { &*this.add(1).cast::<Slot>().add(index) }
    }
}

/// A native function; immortal.
#[repr(C)]
pub struct Native {
    /// Header.
    pub header: Header,
    /// Its declaration; lives as long as the VM.
    pub def: *const NativeDef,
}

/// A method taken from an object as a value.
#[repr(C)]
pub struct BoundMethod {
    /// Header.
    pub header: Header,
    /// The object.
    pub receiver: Value,
    /// A script or native function.
    pub function: Value,
}

/// A class as a value; immortal.
#[repr(C)]
pub struct ClassObject {
    /// Header.
    pub header: Header,
    /// The class; lives as long as the VM.
    pub class: *const Class,
}

/// A module or namespace as a value; immortal.
#[repr(C)]
pub struct ModuleObject {
    /// Header.
    pub header: Header,
    /// The module; lives as long as the VM.
    pub module: *const LoadedModule,
    /// Which of its namespaces; 0 is the module itself.
    pub namespace: u32,
}
