//! Declared types: checks, conversions, `is`.

use super::describe::type_name;
use crate::class::{Class, ErrorClass};
use crate::code::{Code, LinkedType, LoadedModule};
use crate::error::{Control, Outcome};
use crate::object::{Kind, class_id, function};
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::Ordering;

fn what(thread: &Thread, constant: u16) -> String {
    // SAFETY: linked code lives as long as the VM; the verifier checked the constant's index.
    let name = unsafe { *(*thread.code).consts.add(constant as usize) };
    crate::object::string::as_str(name).unwrap_or("value").to_owned()
}

#[cold]
fn mismatch(thread: &mut Thread, constant: u16, expected: &str, found: Value) -> Control {
    let what = what(thread, constant);
    let found = type_name(thread, found);
    thread.error(ErrorClass::TypeError, format!("{what}: expected {expected}, found {found}"))
}

/// The raw integer of a value.
#[cold]
pub fn unbox_int(thread: &mut Thread, v: Value, constant: u16) -> Outcome<i64> {
    match v.as_int() {
        Some(n) => Ok(n),
        None => Err(mismatch(thread, constant, "int", v)),
    }
}

/// The raw float of a value, integers converted.
#[cold]
pub fn unbox_float(thread: &mut Thread, v: Value, constant: u16) -> Outcome<f64> {
    match v.as_number() {
        Some(f) => Ok(f),
        None => Err(mismatch(thread, constant, "float", v)),
    }
}

/// Checks a value against declared type `ty` of the running module.
pub fn check(thread: &mut Thread, v: Value, ty: u16, constant: u16) -> Outcome {
    // SAFETY: linked code lives as long as the VM; the verifier checked the type's index.
    let module: &'static LoadedModule = unsafe { &*(*thread.code).module };
    let (seen, ty) = (&module.types_seen[ty as usize], &module.types[ty as usize]);
    let by_class = matches!(ty, LinkedType::Class(_) | LinkedType::Global(_) | LinkedType::Member(..));
    // What fitted last is looked at first: classes are redefined only together with the method epoch. What a proxy fits
    // depends on its target, not on its class.
    let word = match v.kind() {
        Some(kind) if by_class && kind != Kind::Proxy => {
            let epoch = thread.vm.method_epoch.load(Ordering::Acquire);
            Some(u64::from(epoch) << 32 | u64::from(crate::vm::class_id_of(v)))
        }
        _ => None,
    };
    if word.is_some_and(|word| seen.load(Ordering::Relaxed) == word) {
        return Ok(v);
    }
    match fit(thread, module, ty, v)? {
        Some(v) => {
            if let Some(word) = word {
                seen.store(word, Ordering::Relaxed);
            }
            Ok(v)
        }
        None => {
            let expected = name(thread, module, ty);
            Err(mismatch(thread, constant, &expected, v))
        }
    }
}

/// The value as one of the declared type (null fits class types; an integer becomes a float), or `None`.
pub fn fit(
    thread: &mut Thread,
    module: &'static LoadedModule,
    ty: &LinkedType,
    v: Value,
) -> Outcome<Option<Value>> {
    let fits = match ty {
        LinkedType::Any => true,
        LinkedType::Int => v.as_int().is_some(),
        LinkedType::Float => {
            if let Some(n) = v.as_int() {
                return Ok(Some(thread.heap.float(n as f64)?));
            }
            v.as_float().is_some()
        }
        LinkedType::Bool => v.as_bool().is_some(),
        LinkedType::Str => v.is_kind(Kind::Str),
        LinkedType::Class(_) | LinkedType::Global(_) | LinkedType::Member(..) => {
            v.is_null() || is_of(thread, module, ty, v)?
        }
    };
    Ok(fits.then_some(v))
}

/// Whether `v` is a non-null value of declared type `ty` of the running module.
pub fn is(thread: &mut Thread, v: Value, ty: u16) -> Outcome<bool> {
    // SAFETY: as in `check`.
    let module: &'static LoadedModule = unsafe { &*(*thread.code).module };
    is_of(thread, module, &module.types[ty as usize], v)
}

fn is_of(thread: &mut Thread, module: &'static LoadedModule, ty: &LinkedType, v: Value) -> Outcome<bool> {
    Ok(match ty {
        LinkedType::Any => !v.is_null(),
        LinkedType::Int => v.as_int().is_some(),
        LinkedType::Float => v.as_float().is_some(),
        LinkedType::Bool => v.as_bool().is_some(),
        LinkedType::Str => v.is_kind(Kind::Str),
        LinkedType::Class(class) => instance_of(thread, v, class),
        LinkedType::Global(_) | LinkedType::Member(..) => {
            let class = resolve(thread, module, ty)?;
            instance_of(thread, v, class)
        }
    })
}

/// Whether `v` is an instance of `class`; a proxy counts as an instance of its target's class (and of its own).
pub fn instance_of(thread: &Thread, v: Value, class: &Class) -> bool {
    let own = thread.vm.class_of(v);
    if own.is_subclass_of(class) {
        return !v.is_null();
    }
    v.is_kind(Kind::Proxy) && super::proxies::target_class(thread, v).is_subclass_of(class)
}

/// Whether `v` is an instance of TaskExit, be it of another thread.
pub fn is_task_exit(thread: &Thread, v: Value) -> bool {
    v.is_object() && instance_of(thread, v, thread.vm.class(ErrorClass::TaskExit.class_id()))
}

fn resolve(thread: &mut Thread, module: &'static LoadedModule, ty: &LinkedType) -> Outcome<&'static Class> {
    let (slot, path): (u32, &[crate::symbol::Symbol]) = match ty {
        LinkedType::Global(slot) => (*slot, &[]),
        LinkedType::Member(slot, path) => (*slot, path),
        _ => unreachable!("only types by name are resolved"),
    };
    let mut value = super::globals::variable(thread, module.env, slot)?;
    for symbol in path {
        value = super::access::get(thread, value, *symbol)?;
    }
    match function::class_of_value(value) {
        Some(class) => Ok(class),
        None => {
            let name = name(thread, module, ty);
            let found = type_name(thread, value);
            Err(thread.error(
                ErrorClass::TypeError,
                format!("{name} is used as a type, but it is {found}, not a class"),
            ))
        }
    }
}

/// How a declared type is named in messages.
pub fn name(thread: &Thread, module: &LoadedModule, ty: &LinkedType) -> String {
    match ty {
        LinkedType::Any => "any value".into(),
        LinkedType::Int => "int".into(),
        LinkedType::Float => "float".into(),
        LinkedType::Bool => "bool".into(),
        LinkedType::Str => "string".into(),
        LinkedType::Class(class) => class.name.clone(),
        LinkedType::Global(slot) => module.data.globals[*slot as usize].clone(),
        LinkedType::Member(slot, path) => {
            let mut text = module.data.globals[*slot as usize].clone();
            for symbol in path {
                text.push('.');
                text.push_str(&thread.vm.symbols.name(*symbol));
            }
            text
        }
    }
}

/// The linked form of a declared type.
pub fn link(vm: &crate::vm::Vm, ty: &crate::bytecode::TypeRef) -> Result<LinkedType, String> {
    use crate::bytecode::TypeRef;
    Ok(match ty {
        TypeRef::Any => LinkedType::Any,
        TypeRef::Int => LinkedType::Int,
        TypeRef::Float => LinkedType::Float,
        TypeRef::Bool => LinkedType::Bool,
        TypeRef::Str => LinkedType::Str,
        TypeRef::Builtin(name) => match vm.builtin(name).and_then(function::class_of_value) {
            Some(class) => match class.id {
                class_id::INT => LinkedType::Int,
                class_id::FLOAT => LinkedType::Float,
                class_id::BOOL => LinkedType::Bool,
                class_id::STRING => LinkedType::Str,
                _ => LinkedType::Class(class),
            },
            None => return Err(format!("there is no built-in class {name}")),
        },
        TypeRef::Global(slot) => LinkedType::Global(*slot),
        TypeRef::Member(slot, path) => {
            LinkedType::Member(*slot, path.iter().map(|name| vm.symbols.intern(name)).collect())
        }
    })
}

/// The running code.
pub fn running_code(thread: &Thread) -> &'static Code {
    // SAFETY: while a task runs, `code` points to linked code, which lives as long as the VM.
    unsafe { &*thread.code }
}
