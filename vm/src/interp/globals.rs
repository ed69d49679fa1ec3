//! Module variables, shared variables of closures, imports.

use super::call::Called;
use super::proxies;
use crate::class::ErrorClass;
use crate::error::Outcome;
use crate::object::array::Buffer;
use crate::object::{Cell, Kind, array, function, string};
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::Ordering;

/// A new cell.
pub fn new_cell(thread: &mut Thread, value: Value) -> Outcome {
    Ok(Value::object(function::new_cell(&mut thread.heap, value)?.cast()))
}

/// The content of what should be a cell: here, a proxy of one (a closure that came from another thread).
#[cold]
pub fn cell_get(thread: &mut Thread, cell: Value) -> Outcome {
    match cell.kind() {
        Some(Kind::Proxy) => proxies::cell_get(thread, cell),
        _ => Err(thread.error(ErrorClass::StateError, "not a captured variable (malformed bytecode)")),
    }
}

/// Assigns a captured variable.
pub fn cell_set(thread: &mut Thread, cell: Value, value: Value) -> Outcome<()> {
    match cell.kind() {
        Some(Kind::Cell) => {
            // SAFETY: the kind was checked.
            unsafe { thread.heap.store(cell.pointer(), &(*cell.pointer().cast::<Cell>()).slot, value) };
            Ok(())
        }
        Some(Kind::Proxy) => proxies::cell_set(thread, cell, value),
        _ => Err(thread.error(ErrorClass::StateError, "not a captured variable (malformed bytecode)")),
    }
}

/// Variable `slot` of the running module, where the loop did not find it.
#[cold]
pub fn get(thread: &mut Thread, slot: u32) -> Outcome {
    // SAFETY: linked code lives as long as the VM.
    let env = unsafe { (*thread.code).env };
    variable(thread, env, slot)
}

/// Variable `slot` of an environment.
pub fn variable(thread: &mut Thread, env: u32, slot: u32) -> Outcome {
    let value = match thread.own_env(env) {
        // SAFETY: the loader made the environment as long as the module's variables need.
        Some(env) => unsafe { Buffer::slot((*env).buffer.load(Ordering::Relaxed), slot as usize).get() },
        None => proxies::foreign_variable(thread, env, slot)?,
    };
    if value.is_empty_marker() {
        let name = thread.vm.variable_name(env, slot);
        return Err(thread.error(
            ErrorClass::NameError,
            format!("variable {name} has no value yet: it is declared further down"),
        ));
    }
    Ok(value)
}

/// Assigns a variable of the running module that belongs to another thread.
#[cold]
pub fn set(thread: &mut Thread, slot: u32, value: Value) -> Outcome<()> {
    // SAFETY: linked code lives as long as the VM.
    let env = unsafe { (*thread.code).env };
    proxies::set_foreign_variable(thread, env, slot, value)
}

/// `import path`: the module, if it is loaded; otherwise its top level is run first.
pub fn import(thread: &mut Thread, constant: u32) -> Outcome<Called> {
    // SAFETY: linked code lives as long as the VM; the verifier checked that the constant is a string.
    let (path, from) = unsafe { (*(*thread.code).consts.add(constant as usize), &*(*thread.code).module) };
    let path = string::as_str(path).unwrap_or("").to_owned();
    crate::loader::import(thread, &path, &from.name)
}

/// Makes the environment of a module on this thread: all variables empty.
pub fn new_env(thread: &mut Thread, env: u32, variables: usize) -> Outcome<()> {
    let made = array::filled(&mut thread.heap, variables.max(1), Value::EMPTY)?;
    thread.envs.set(env, array::to_value(made));
    Ok(())
}

/// Lengthens an environment (a session's next unit).
pub fn grow_env(thread: &mut Thread, env: u32, variables: usize) -> Outcome<()> {
    if let Some(own) = thread.own_env(env) {
        let mut missing = array::len(own)..variables;
        let grown = missing.try_for_each(|_| array::push(&mut thread.heap, own, Value::EMPTY));
        thread.envs.set(env, array::to_value(own));
        grown?;
    }
    Ok(())
}
