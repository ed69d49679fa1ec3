//! Checks of namespaces: members exist, exported functions capture nothing, and no namespace contains itself.

use super::{Check, capture_free, fault};
use crate::bytecode::module::{Export, Module};

/// Checks all namespaces of a module.
pub(super) fn all(module: &Module) -> Check {
    // How many members each namespace is, over all namespaces.
    let mut holders = vec![0u32; module.namespaces.len()];
    for (number, namespace) in module.namespaces.iter().enumerate() {
        for (name, export) in &namespace.members {
            match *export {
                Export::Global(slot) if slot as usize >= module.globals.len() => {
                    return fault(format!(
                        "member {name:?} of namespace {number} is variable slot {slot}, which does not exist"
                    ));
                }
                Export::Global(_) => {}
                Export::Function(function) => {
                    let what = format!("member {name:?} of namespace {number}");
                    capture_free(module, function, &what)?;
                }
                Export::Namespace(inner) => match holders.get_mut(inner as usize) {
                    Some(count) => *count += 1,
                    None => {
                        return fault(format!(
                            "member {name:?} of namespace {number} is namespace {inner}, which does not exist"
                        ));
                    }
                },
            }
        }
    }
    acyclic(module, holders)
}

/// Takes away, again and again, a namespace that nobody holds; what cannot be taken away contains itself.
fn acyclic(module: &Module, mut holders: Vec<u32>) -> Check {
    let mut free: Vec<usize> = (0..holders.len()).filter(|&index| holders[index] == 0).collect();
    let mut taken = 0;
    while let Some(number) = free.pop() {
        taken += 1;
        for (_, export) in &module.namespaces[number].members {
            if let Export::Namespace(inner) = *export {
                holders[inner as usize] -= 1;
                if holders[inner as usize] == 0 {
                    free.push(inner as usize);
                }
            }
        }
    }
    match holders.iter().position(|&count| count != 0) {
        Some(number) if taken < holders.len() => fault(format!("namespace {number} contains itself")),
        _ => Ok(()),
    }
}
