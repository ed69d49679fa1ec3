//! Checks of class declarations: attributes with their types and initial values, and who may be a method.

use super::{Check, capture_free, fault};
use crate::bytecode::module::{AttributeDef, ClassDef, Const, Function, Module, TypeRef};

/// Most attributes of one class: an instance's slots are numbered in 16 bits, inherited ones included.
const MAX_ATTRIBUTES: usize = 0x7FFF;

/// Checks one declaration.
pub(super) fn class(module: &Module, number: usize, class: &ClassDef) -> Check {
    if class.attributes.len() > MAX_ATTRIBUTES {
        let count = class.attributes.len();
        return fault(format!("class {number} has {count} attributes, more than {MAX_ATTRIBUTES}"));
    }
    for attribute in &class.attributes {
        self::attribute(module, number, attribute)?;
    }
    for (name, function) in &class.methods {
        let what = format!("method {name:?} of class {number}");
        let method = method(module, *function, &what)?;
        if name == "new" && method.generator {
            return fault(format!("{what} is a generator; a constructor cannot be"));
        }
    }
    for (name, function) in &class.statics {
        capture_free(module, *function, &format!("static {name:?} of class {number}"))?;
    }
    if let Some(init) = class.init {
        let what = format!("the initialiser of class {number}");
        let function = method(module, init, &what)?;
        if function.params != 1 || function.rest {
            return fault(format!("{what} must have no parameter but self"));
        }
        if function.generator {
            return fault(format!("{what} must not be a generator"));
        }
    }
    Ok(())
}

fn method<'m>(module: &'m Module, number: u32, what: &str) -> Check<&'m Function> {
    let function = capture_free(module, number, what)?;
    if !function.method {
        return fault(format!("{what} is function {number}, which is not marked as a method"));
    }
    Ok(function)
}

fn attribute(module: &Module, class: usize, attribute: &AttributeDef) -> Check {
    let AttributeDef { name, ty, initial, doc: _ } = attribute;
    let Some(declared) = module.types.get(*ty as usize) else {
        return fault(format!("attribute {name:?} of class {class} has type {ty}, which does not exist"));
    };
    let Some(value) = module.consts.get(*initial as usize) else {
        return fault(format!(
            "attribute {name:?} of class {class} begins as constant {initial}, which does not exist"
        ));
    };
    if !fits(value, declared) {
        return fault(format!(
            "attribute {name:?} of class {class} is declared {declared:?} and cannot begin as {value:?}"
        ));
    }
    Ok(())
}

/// Whether an attribute of this type may start with this constant. Exact: an instance is made by copying, without
/// the conversions that an assignment makes.
fn fits(value: &Const, ty: &TypeRef) -> bool {
    match ty {
        TypeRef::Any => true,
        TypeRef::Int => matches!(value, Const::Int(_)),
        TypeRef::Float => matches!(value, Const::Float(_)),
        TypeRef::Bool => matches!(value, Const::Bool(_)),
        TypeRef::Str => matches!(value, Const::Str(_)),
        TypeRef::Builtin(name) => match value {
            Const::Null => true,
            Const::Bytes(_) => name == "Bytes",
            Const::Big(_) => name == "BigInt",
            Const::Range { .. } => name == "Range",
            _ => false,
        },
        TypeRef::Global(_) | TypeRef::Member(..) => matches!(value, Const::Null),
    }
}
