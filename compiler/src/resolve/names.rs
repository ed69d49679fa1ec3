//! Looking names up: from the innermost scope outwards, then session variables, then built-in names.

use super::scope::Resolver;
use super::suggest::closest;
use super::{Binding, Func, NsMember, Place, Ty, Var, VarId, VarKind};
use crate::ast::{Name, Span};

impl<'a> Resolver<'a, '_> {
    /// Looks a name up without noting a use.
    pub(super) fn find(&self, name: &str) -> Option<Binding> {
        for scope in self.scopes.iter().rev() {
            let found = match scope.namespace {
                Some(ns) => self.out.namespaces[ns].get(name).map(|member| match member {
                    NsMember::Var(id) => Binding::Var(id),
                    NsMember::Namespace(ns) => Binding::Namespace(ns),
                }),
                None => scope.names.get(name).map(|&id| Binding::Var(id)),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Looks a name up, session variables and built-in names included.
    pub(super) fn find_any(&mut self, name: &'a str) -> Option<Binding> {
        self.find(name)
            .or_else(|| self.session_var(name))
            .or_else(|| self.input.builtins.contains(&name).then_some(Binding::Builtin))
    }

    /// The variable of an earlier unit with this name.
    fn session_var(&mut self, name: &'a str) -> Option<Binding> {
        let slot = self.input.session_globals.iter().rposition(|known| known == name)?;
        let id = self.out.vars.len();
        self.out.vars.push(Var {
            name,
            span: Span::default(),
            kind: VarKind::Session,
            declared: None,
            ty: Ty::Any,
            func: 0,
            namespace: None,
            captured: false,
            early: false,
            assigns: Vec::new(),
            used: true,
            exported: false,
            value: None,
            origin: None,
            ready: true,
            place: Place::Global(slot as u32),
        });
        Some(Binding::Var(id))
    }

    /// Resolves a name that is read (or assigned: then `assign` holds the assignment's place).
    pub(super) fn use_name(&mut self, name: Name<'a>, assign: bool) {
        let binding = match self.find_any(name.text) {
            Some(binding) => binding,
            None => {
                self.unknown_name(name);
                Binding::Error
            }
        };
        if let Binding::Var(id) = binding {
            self.use_var(id, name.span);
            if assign {
                self.assign_var(id, name);
            }
        } else if assign && binding != Binding::Error {
            self.problems
                .error(name.span, format!("`{}` cannot be assigned: it is not a variable", name.text))
                .help(format!("declare a variable of another name: `var my_{} = ...;`", name.text));
        }
        self.note(name.span.lo, binding);
    }

    /// Notes a use of a variable from the function being walked.
    pub(super) fn use_var(&mut self, id: VarId, span: Span) {
        let here = self.func().id;
        let var = &mut self.out.vars[id];
        var.used = true;
        if var.func == here {
            if !var.ready {
                // A function that captures nothing exists at all times; whether it does is known at the end.
                self.early_uses.push((id, span));
            }
            return;
        }
        if matches!(var.kind, VarKind::Session) {
            return;
        }
        var.captured = true;
        if !var.ready {
            var.early = true;
        }
        if var.namespace.is_some() {
            return;
        }
        let owner = var.func;
        let mut at = here;
        while at != owner {
            let func: &mut Func = &mut self.out.funcs[at];
            if !func.free.contains(&id) {
                func.free.push(id);
            }
            match func.parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
    }

    /// Reports uses before declarations, when it is known where everything lives.
    pub(super) fn report_early_uses(&mut self) {
        for (id, span) in std::mem::take(&mut self.early_uses) {
            let var = &self.out.vars[id];
            if matches!(var.place, Place::Static(_)) {
                continue;
            }
            let (name, at) = (var.name, var.span);
            self.problems
                .error(span, format!("`{name}` is used before its declaration"))
                .see(at, "declared here")
                .help("move the declaration up, or rename one of the two if another variable is meant");
        }
    }

    fn assign_var(&mut self, id: VarId, name: Name<'a>) {
        let var = &mut self.out.vars[id];
        var.assigns.push(name.span.lo);
        let what = match var.kind {
            VarKind::Var | VarKind::Param | VarKind::Session => return,
            VarKind::Const => "a constant",
            VarKind::SelfParam => "`self`",
            VarKind::Function(_) => "a function",
            VarKind::Class(_) => "a class",
            VarKind::Import => "an imported name",
        };
        let at = var.span;
        self.problems
            .error(name.span, format!("`{}` cannot be assigned: it is {what}", name.text))
            .see(at, "declared here")
            .help("declare a variable with `var` for a value that changes");
    }

    fn unknown_name(&mut self, name: Name<'a>) {
        let mut known: Vec<&str> = Vec::new();
        if self.problems.full() {
            self.problems.error(name.span, "unknown name");
            return;
        }
        for scope in self.scopes.iter().rev() {
            known.extend(scope.names.keys().copied());
            if let Some(ns) = scope.namespace {
                known.extend(self.out.namespaces[ns].members.iter().map(|(name, _)| *name));
            }
        }
        known.extend(self.input.session_globals.iter().map(String::as_str));
        known.extend(self.input.builtins.iter().copied());
        known.sort_unstable();
        let hint = match (crate::slips::for_unknown_name(name.text), closest(name.text, &known)) {
            (Some(slip), _) => slip.to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!(
                "declare it with `var {0} = ...;`, or `import` it if another module has it",
                name.text
            ),
        };
        self.problems.error(name.span, format!("unknown name `{}`", name.text)).help(hint);
    }
}
