//! The verifier: accepts a module only if the interpreter and the loader may take it without looking again.
//!
//! What acceptance guarantees: every index (register, constant, type, site, function, variable slot, class, namespace,
//! captured value, parameter) is in range and of the kind its user needs; control stays inside a function's code and goes
//! backward only where a safepoint stands; a closure finds all that it captures. What it does not: types of
//! values in tagged registers, balance of `atomic` and `scope`, names of built-ins; those are checked at run time.
//!
//! [`verify`] is total: for any module, however damaged, it answers and never panics.

mod classes;
mod code;
mod namespaces;

#[cfg(test)]
mod tests;

use super::module::{Const, Function, Module, TypeRef};
use std::fmt;

/// Why a module was refused. The place is as exact as the fault allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The function at fault, if one is.
    pub function: Option<u32>,
    /// The instruction at fault, if one is.
    pub pc: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid bytecode")?;
        if let Some(function) = self.function {
            write!(f, " in function {function}")?;
        }
        if let Some(pc) = self.pc {
            write!(f, " at instruction {pc}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for VerifyError {}

/// Result of one check.
type Check<T = ()> = Result<T, VerifyError>;

/// A fault of the module as a whole.
fn fault<T>(message: String) -> Check<T> {
    Err(VerifyError { function: None, pc: None, message })
}

/// Longest code of one function: distances and line tables stay far inside 32 bits.
pub const MAX_CODE: usize = 1 << 28;

/// Most entries that a table indexed by 32 bits may have.
const MAX_TABLE: usize = u32::MAX as usize;

/// Checks a module; see the module documentation for what acceptance means.
pub fn verify(module: &Module) -> Result<(), VerifyError> {
    tables(module)?;
    consts(module)?;
    types(module)?;
    for (number, function) in module.functions.iter().enumerate() {
        code::function(module, number as u32, function)?;
    }
    entries(module)?;
    for (number, class) in module.classes.iter().enumerate() {
        classes::class(module, number, class)?;
    }
    namespaces::all(module)
}

/// Sizes of the module's tables.
fn tables(module: &Module) -> Check {
    let sizes = [
        ("constants", module.consts.len()),
        ("functions", module.functions.len()),
        ("classes", module.classes.len()),
        ("types", module.types.len()),
        ("globals", module.globals.len()),
        ("namespaces", module.namespaces.len()),
    ];
    for (what, size) in sizes {
        if size > MAX_TABLE {
            return fault(format!("{size} {what} are more than a module can hold"));
        }
    }
    if module.functions.is_empty() {
        return fault("a module needs function 0 for its top-level statements".into());
    }
    if module.namespaces.is_empty() {
        return fault("a module needs namespace 0, its root".into());
    }
    Ok(())
}

fn consts(module: &Module) -> Check {
    for (number, constant) in module.consts.iter().enumerate() {
        match constant {
            Const::Namespace(index) if *index as usize >= module.namespaces.len() => {
                return fault(format!("constant {number} is namespace {index}, which does not exist"));
            }
            Const::Big(digits) if !is_decimal(digits) => {
                return fault(format!("constant {number} is no decimal integer: {digits:?}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Decimal digits with an optional sign.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn types(module: &Module) -> Check {
    for (number, ty) in module.types.iter().enumerate() {
        if let TypeRef::Global(slot) | TypeRef::Member(slot, _) = ty
            && *slot as usize >= module.globals.len()
        {
            return fault(format!("type {number} names variable slot {slot}, which does not exist"));
        }
    }
    Ok(())
}

/// The functions the VM calls by itself: the top level and `main`.
fn entries(module: &Module) -> Check {
    let top = capture_free(module, 0, "the top level")?;
    if top.params != 0 || top.rest {
        return fault("function 0, the top level, must not have parameters".into());
    }
    if top.generator {
        return fault("function 0, the top level, must not be a generator".into());
    }
    if let Some(main) = module.main {
        capture_free(module, main, "main")?;
    }
    Ok(())
}

/// The function with this number, which is used where nothing can be captured.
fn capture_free<'m>(module: &'m Module, number: u32, what: &str) -> Check<&'m Function> {
    let Some(function) = module.functions.get(number as usize) else {
        return fault(format!("{what} is function {number}, which does not exist"));
    };
    if !function.captures.is_empty() {
        return fault(format!("{what} is function {number}, which must not capture anything"));
    }
    Ok(function)
}
