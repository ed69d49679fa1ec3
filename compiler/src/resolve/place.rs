//! Where each variable lives, decided when all uses are known.

use super::{Func, Place, Resolution, Var, VarKind};

/// Most variables of the module's top level that live in registers.
const TOP_REGISTERS: usize = 1000;

/// Decides for all variables and gives the module's slots their names.
pub(super) fn decide(out: &mut Resolution<'_>, session: bool) {
    out.vars.iter_mut().for_each(|var| var.assigns.sort_unstable());
    let needs_closure = closures(&out.vars, &out.funcs);
    let mut locals = 0;
    for id in 0..out.vars.len() {
        let var = &out.vars[id];
        // The top level's registers are for its first variables; the others get slots.
        let at_top = var.namespace == Some(0);
        locals += usize::from(at_top && !var.captured);
        let crowded = at_top && locals > TOP_REGISTERS;
        let place = match (var.kind, var.namespace) {
            (VarKind::Session, _) => continue,
            (VarKind::Function(f), Some(_)) if !session => Place::Static(f),
            (VarKind::Function(f), None) if !needs_closure[f] => Place::Static(f),
            (VarKind::Class(_) | VarKind::Import | VarKind::Function(_), Some(_)) => slot(out, id, session),
            (_, Some(ns)) if session || ns != 0 || crowded || var.captured || var.exported => {
                slot(out, id, session)
            }
            // Its uses are the value itself; the slot is for hosts, which read constants by name.
            (VarKind::Const, Some(_)) if var.value.is_some() => slot(out, id, session),
            _ if var.captured
                && (var.assigned() || var.early || matches!(var.kind, VarKind::Function(_))) =>
            {
                Place::Cell
            }
            _ => Place::Local,
        };
        out.vars[id].place = place;
    }
}

/// Which functions need a closure: those that capture a variable, or a function that needs a closure.
fn closures(vars: &[Var<'_>], funcs: &[Func<'_>]) -> Vec<bool> {
    let mut needs: Vec<bool> = vec![false; funcs.len()];
    loop {
        let mut changed = false;
        for (id, func) in funcs.iter().enumerate() {
            if needs[id] {
                continue;
            }
            needs[id] = func.free.iter().any(|&var| match vars[var].kind {
                VarKind::Function(f) => needs[f],
                _ => true,
            });
            changed |= needs[id];
        }
        if !changed {
            return needs;
        }
    }
}

fn slot(out: &mut Resolution<'_>, id: usize, session: bool) -> Place {
    let var = &out.vars[id];
    let name = match var.namespace {
        Some(ns) if ns != 0 => format!("{}.{}", out.namespaces[ns].path, var.name),
        _ => var.name.to_owned(),
    };
    if session && let Some(known) = out.globals.iter().rposition(|g| *g == name) {
        return Place::Global(known as u32);
    }
    out.globals.push(name);
    Place::Global(out.globals.len() as u32 - 1)
}
