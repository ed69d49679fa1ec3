//! Callable objects, classes and modules.

use super::{Cell, Header, Kind, Slot, class_id};
use crate::class::Class;
use crate::code::{Code, LoadedModule};
use crate::heap::{Heap, Immortals, OutOfMemory};
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

/// A new closure; the captures are given in the order of the code's capture list.
pub fn new_closure(
    heap: &mut Heap,
    code: *const Code,
    captures: &[Value],
) -> Result<*mut Closure, OutOfMemory> {
    let bytes = size_of::<Closure>() + captures.len() * size_of::<Slot>();
    let closure = heap.alloc(Kind::Function, class_id::FUNCTION, bytes)?.cast::<Closure>();
    // SAFETY: the object was just allocated with room for the captures.
    unsafe {
        (&raw mut (*closure).code).write(code);
        let first = closure.add(1).cast::<Value>();
        for (i, value) in captures.iter().enumerate() {
            first.add(i).write(*value);
        }
    }
    heap.barrier(closure.cast());
    Ok(closure)
}

/// A function without captures, outside all heaps.
pub fn immortal_closure(immortals: &Immortals, code: *const Code) -> Value {
    let closure = immortals.alloc(Kind::Function, class_id::FUNCTION, size_of::<Closure>());
    // SAFETY: the object was just allocated as a closure.
    unsafe { (&raw mut (*closure.cast::<Closure>()).code).write(code) };
    Value::object(closure)
}

/// A native function.
pub fn immortal_native(immortals: &Immortals, def: *const NativeDef) -> Value {
    let native = immortals.alloc(Kind::NativeFunction, class_id::FUNCTION, size_of::<Native>());
    // SAFETY: the object was just allocated as a native.
    unsafe { (&raw mut (*native.cast::<Native>()).def).write(def) };
    Value::object(native)
}

/// A class as a value.
pub fn immortal_class(immortals: &Immortals, class: *const Class) -> Value {
    let object = immortals.alloc(Kind::Class, class_id::CLASS, size_of::<ClassObject>());
    // SAFETY: the object was just allocated as a class object.
    unsafe { (&raw mut (*object.cast::<ClassObject>()).class).write(class) };
    Value::object(object)
}

/// A module or one of its namespaces as a value.
pub fn immortal_module(immortals: &Immortals, module: *const LoadedModule, namespace: u32) -> Value {
    let object = immortals.alloc(Kind::Module, class_id::MODULE, size_of::<ModuleObject>());
    // SAFETY: the object was just allocated as a module object.
    unsafe {
        (&raw mut (*object.cast::<ModuleObject>()).module).write(module);
        (&raw mut (*object.cast::<ModuleObject>()).namespace).write(namespace);
    }
    Value::object(object)
}

/// A method with its receiver.
pub fn new_bound_method(heap: &mut Heap, receiver: Value, function: Value) -> Result<Value, OutOfMemory> {
    let object = heap.alloc(Kind::BoundMethod, class_id::FUNCTION, size_of::<BoundMethod>())?;
    // SAFETY: the object was just allocated as a bound method.
    unsafe {
        (&raw mut (*object.cast::<BoundMethod>()).receiver).write(receiver);
        (&raw mut (*object.cast::<BoundMethod>()).function).write(function);
    }
    heap.barrier(object);
    Ok(Value::object(object))
}

/// A new cell.
pub fn new_cell(heap: &mut Heap, value: Value) -> Result<*mut Cell, OutOfMemory> {
    let cell = heap.alloc(Kind::Cell, class_id::INTERNAL, size_of::<Cell>())?.cast::<Cell>();
    // SAFETY: the object was just allocated as a cell.
    unsafe { (&raw mut (*cell).slot).write(Slot::new(value)) };
    heap.barrier(cell.cast());
    Ok(cell)
}

/// The class that a class value stands for.
pub fn class_of_value(value: Value) -> Option<&'static Class> {
    // SAFETY: the kind is checked first; class objects are immutable and their classes live as long as the VM.
    value.is_kind(Kind::Class).then(|| unsafe { &*(*value.pointer().cast::<ClassObject>()).class })
}

/// The declaration of a native function.
pub fn native_of_value(value: Value) -> Option<&'static NativeDef> {
    // SAFETY: the kind is checked first; natives are immutable and their declarations live as long as the VM.
    value.is_kind(Kind::NativeFunction).then(|| unsafe { &*(*value.pointer().cast::<Native>()).def })
}

/// The code of a script function.
pub fn code_of_value(value: Value) -> Option<&'static Code> {
    // SAFETY: the kind is checked first; a closure's code never changes and lives as long as the VM.
    value.is_kind(Kind::Function).then(|| unsafe { &*(*value.pointer().cast::<Closure>()).code })
}

/// Receiver and function of a bound method.
pub fn bound_parts(value: Value) -> Option<(Value, Value)> {
    if !value.is_kind(Kind::BoundMethod) {
        return None;
    }
    // SAFETY: the kind was checked; bound methods are immutable.
    let bound = unsafe { &*value.pointer().cast::<BoundMethod>() };
    Some((bound.receiver, bound.function))
}

/// What a module value is called: `module geo`, `namespace A.B`.
pub fn module_name(value: Value) -> Option<String> {
    if !value.is_kind(Kind::Module) {
        return None;
    }
    // SAFETY: the kind was checked; module objects are immutable and their modules live as long as the VM.
    let (module, namespace) = unsafe {
        let object = &*value.pointer().cast::<ModuleObject>();
        (&*object.module, object.namespace)
    };
    match module.data.namespaces.get(namespace as usize) {
        Some(inner) if namespace > 0 => Some(format!("namespace {}", inner.path)),
        _ => Some(format!("module {}", module.name)),
    }
}
