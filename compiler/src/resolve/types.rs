//! Types as written: which class a type's name means.

use super::scope::Resolver;
use super::suggest::closest;
use super::{Binding, NsMember, Ty, VarKind};
use crate::ast::{Path, TypeKind, TypeRef};

impl<'a> Resolver<'a, '_> {
    /// Resolves a type; names in it are noted as uses.
    pub(super) fn type_ref(&mut self, ty: &TypeRef<'a>) -> Ty<'a> {
        match ty.kind {
            TypeKind::Int => Ty::Int,
            TypeKind::Float => Ty::Float,
            TypeKind::Bool => Ty::Bool,
            TypeKind::String => Ty::Str,
            TypeKind::Named(path) => self.named_type(path),
        }
    }

    /// Resolves the type of a declaration, if there is one.
    pub(super) fn opt_type(&mut self, ty: &Option<TypeRef<'a>>) -> Ty<'a> {
        ty.as_ref().map_or(Ty::Any, |ty| self.type_ref(ty))
    }

    fn named_type(&mut self, path: Path<'a>) -> Ty<'a> {
        let first = path.segments[0];
        if path.segments.len() == 1 && first.text == "any" && self.find("any").is_none() {
            self.note(first.span.lo, Binding::Builtin);
            return Ty::Any;
        }
        let Some(binding) = self.find_any(first.text) else {
            self.note(first.span.lo, Binding::Error);
            if self.problems.full() {
                self.problems.error(first.span, "unknown type");
                return Ty::Any;
            }
            let mut known: Vec<&str> = vec!["int", "float", "bool", "string", "any"];
            known.extend(self.out.classes.iter().map(|c| c.decl.name.text));
            known.extend(self.input.builtins.iter().filter(|b| b.starts_with(char::is_uppercase)).copied());
            let hint = match crate::slips::for_unknown_name(first.text) {
                Some(slip) => Some(slip.to_owned()),
                None => closest(first.text, &known).map(|near| format!("did you mean `{near}`?")),
            };
            let problem = self.problems.error(first.span, format!("unknown type `{}`", first.text));
            problem.help(hint.unwrap_or_else(|| {
                "a type is int, float, bool, string, a built-in class or a class that is declared or imported here".into()
            }));
            return Ty::Any;
        };
        if let Binding::Var(id) = binding {
            // A type lives in a slot, so a local variable cannot be one.
            self.out.vars[id].used = true;
            self.out.vars[id].captured = true;
        }
        self.note(first.span.lo, binding);
        let mut at = binding;
        let mut rest = &path.segments[1..];
        while let (Binding::Namespace(ns), Some((next, tail))) = (at, rest.split_first()) {
            at = match self.out.namespaces[ns].get(next.text) {
                Some(NsMember::Var(id)) => Binding::Var(id),
                Some(NsMember::Namespace(inner)) => Binding::Namespace(inner),
                None => {
                    let path = self.out.namespaces[ns].path.clone();
                    self.problems.error(next.span, format!("namespace `{path}` has no `{}`", next.text));
                    return Ty::Any;
                }
            };
            rest = tail;
        }
        match at {
            Binding::Builtin if rest.is_empty() => Ty::Builtin(first.text),
            Binding::Var(id) => match self.out.vars[id].kind {
                VarKind::Class(class) if rest.is_empty() => Ty::Class(class),
                VarKind::Import | VarKind::Session => Ty::Foreign,
                VarKind::Var | VarKind::Const if self.out.vars[id].namespace.is_some() && rest.is_empty() => {
                    Ty::Foreign
                }
                _ => self.not_a_type(path),
            },
            _ => self.not_a_type(path),
        }
    }

    fn not_a_type(&mut self, path: Path<'a>) -> Ty<'a> {
        let text: Vec<&str> = path.segments.iter().map(|s| s.text).collect();
        self.problems
            .error(path.span, format!("`{}` is not a type", text.join(".")))
            .help("a type is int, float, bool, string, a built-in class or a class that is declared or imported here");
        Ty::Any
    }
}
