//! Names that patterns bind.

use super::VarKind;
use super::scope::Resolver;
use crate::ast::{Name, Pattern, PatternKind};

/// Calls `found` for every name that the pattern binds.
pub(crate) fn bound_names<'a>(pattern: &Pattern<'a>, found: &mut dyn FnMut(Name<'a>)) {
    match pattern.kind {
        PatternKind::Wildcard
        | PatternKind::Constant(_)
        | PatternKind::Literal(_)
        | PatternKind::Range { .. } => {}
        PatternKind::Bind(name) => found(name),
        PatternKind::Default { pattern, .. } => bound_names(pattern, found),
        PatternKind::Type { name, .. } => {
            if let Some(name) = name {
                found(name);
            }
        }
        PatternKind::Array { items, rest } => {
            for item in items {
                bound_names(item, found);
            }
            if let Some(name) = rest.and_then(|r| r.name) {
                found(name);
            }
        }
        PatternKind::Map { entries, rest } => {
            for entry in entries {
                bound_names(&entry.value, found);
            }
            if let Some(name) = rest.and_then(|r| r.name) {
                found(name);
            }
        }
        PatternKind::Or(patterns) => {
            // All of them bind the same names, so the first one's are declared; see `declare_or`.
            if let Some(first) = patterns.first() {
                bound_names(first, found);
            }
        }
    }
}

impl<'a> Resolver<'a, '_> {
    /// Declares and resolves the pattern of a match or receive arm in the scope that is open.
    pub(super) fn arm_pattern(&mut self, pattern: &'a Pattern<'a>) {
        let mut names = Vec::new();
        bound_names(pattern, &mut |name| names.push(name));
        for name in names {
            self.declare(name, VarKind::Var, None);
            self.ready(name);
        }
        self.pattern_uses(pattern);
    }

    /// Resolves types and constants in a pattern, and the repeated bindings of alternatives.
    pub(super) fn pattern_uses(&mut self, pattern: &'a Pattern<'a>) {
        match &pattern.kind {
            PatternKind::Wildcard
            | PatternKind::Bind(_)
            | PatternKind::Literal(_)
            | PatternKind::Range { .. } => {}
            PatternKind::Constant(path) => self.use_name(path.segments[0], false),
            PatternKind::Default { pattern, .. } => self.pattern_uses(pattern),
            PatternKind::Type { ty, name } => {
                let resolved = self.type_ref(ty);
                if let Some(id) = name.and_then(|n| self.out.decls.get(&n.span.lo).copied()) {
                    self.out.vars[id].ty = resolved;
                }
            }
            PatternKind::Array { items, .. } => {
                for item in *items {
                    self.pattern_uses(item);
                }
            }
            PatternKind::Map { entries, .. } => {
                for entry in *entries {
                    self.pattern_uses(&entry.value);
                }
            }
            PatternKind::Or(patterns) => {
                self.declare_or(patterns);
                for p in *patterns {
                    self.pattern_uses(p);
                }
            }
        }
    }

    /// The names of a binding pattern have their values from here on, one after the other: a default may use those before it.
    pub(super) fn binding_parts(&mut self, pattern: &'a Pattern<'a>) {
        match &pattern.kind {
            PatternKind::Default { pattern, value } => {
                self.expr(value);
                self.binding_parts(pattern);
            }
            PatternKind::Array { items, rest } => {
                items.iter().for_each(|item| self.binding_parts(item));
                rest.and_then(|r| r.name).into_iter().for_each(|name| self.ready(name));
            }
            PatternKind::Map { entries, rest } => {
                entries.iter().for_each(|entry| self.binding_parts(&entry.value));
                rest.and_then(|r| r.name).into_iter().for_each(|name| self.ready(name));
            }
            PatternKind::Bind(name) => self.ready(*name),
            // The parser lets no other kinds through where values are only bound.
            _ => {}
        }
    }

    /// The later alternatives' names mean the first one's variables; all must bind the same ones.
    fn declare_or(&mut self, patterns: &'a [Pattern<'a>]) {
        let mut first = Vec::new();
        bound_names(&patterns[0], &mut |name| first.push(name));
        for p in &patterns[1..] {
            let mut names = Vec::new();
            bound_names(p, &mut |name| names.push(name));
            for name in &names {
                match first.iter().find(|f| f.text == name.text) {
                    Some(f) => {
                        if let Some(&id) = self.out.decls.get(&f.span.lo) {
                            self.out.decls.insert(name.span.lo, id);
                        }
                    }
                    None => self.uneven_or(*name),
                }
            }
            for f in &first {
                if !names.iter().any(|n| n.text == f.text) {
                    self.uneven_or(*f);
                }
            }
        }
        // A variable with several declarations has no one type.
        for f in first {
            if let Some(&id) = self.out.decls.get(&f.span.lo) {
                self.out.vars[id].assigns.push(f.span.lo);
            }
        }
    }

    fn uneven_or(&mut self, name: Name<'a>) {
        self.problems
            .error(name.span, format!("`{}` is not bound by every alternative of this pattern", name.text))
            .help("let all alternatives bind the same names, or use `_`");
        self.declare_missing(name);
    }

    fn declare_missing(&mut self, name: Name<'a>) {
        if !self.out.decls.contains_key(&name.span.lo) {
            self.declare(name, VarKind::Var, None);
            self.ready(name);
        }
    }
}
