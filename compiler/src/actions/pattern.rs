//! Actions for patterns.

use super::Cx;
use crate::ast::*;

impl<'a> Cx<'a> {
    pub(crate) fn pattern(&self, kind: PatternKind<'a>, l: u32, r: u32) -> Pattern<'a> {
        Pattern { kind, span: Span::new(l, r) }
    }

    /// A name that is bound; `_` binds nothing.
    pub(crate) fn bind(&self, name: Name<'a>) -> Pattern<'a> {
        let kind = if name.text == "_" { PatternKind::Wildcard } else { PatternKind::Bind(name) };
        Pattern { kind, span: name.span }
    }

    /// A name alone binds; with dots it is a constant.
    pub(crate) fn path_pattern(&self, path: Path<'a>) -> Pattern<'a> {
        match path.segments {
            [name] => self.bind(*name),
            _ => Pattern { kind: PatternKind::Constant(path), span: path.span },
        }
    }

    pub(crate) fn type_pattern(
        &self,
        ty: TypeRef<'a>,
        name: Option<Name<'a>>,
        l: u32,
        r: u32,
    ) -> Pattern<'a> {
        let name = name.filter(|n| n.text != "_");
        self.pattern(PatternKind::Type { ty, name }, l, r)
    }

    pub(crate) fn range_pattern(
        &self,
        start: Option<&'a Expr<'a>>,
        end: Option<&'a Expr<'a>>,
        inclusive: bool,
        l: u32,
        r: u32,
    ) -> Pattern<'a> {
        for e in [start, end].into_iter().flatten() {
            use ExprKind::*;
            if !matches!(e.kind, Int(_) | Float(_) | BigInt(_) | String(_) | Unary { .. }) {
                self.error(
                    e.span,
                    "the ends of a range are numbers or strings",
                    "write a number, such as `1..10`",
                );
            }
        }
        self.pattern(PatternKind::Range { start, end, inclusive }, l, r)
    }

    /// `-` before a number literal, folded into it.
    pub(crate) fn negated_literal(&self, e: &'a Expr<'a>, l: u32, r: u32) -> &'a Expr<'a> {
        let kind = match e.kind {
            ExprKind::Int(n) => ExprKind::Int(n.wrapping_neg()),
            ExprKind::Float(x) => ExprKind::Float(-x),
            ExprKind::BigInt(digits) => ExprKind::BigInt(self.arena.alloc_str(&format!("-{digits}"))),
            other => other,
        };
        self.expr(kind, l, r)
    }

    pub(crate) fn array_pattern(
        &self,
        items: Vec<Pattern<'a>>,
        rest: Option<RestPattern<'a>>,
        l: u32,
        r: u32,
    ) -> Pattern<'a> {
        self.pattern(PatternKind::Array { items: self.slice(items), rest }, l, r)
    }

    pub(crate) fn map_pattern(
        &self,
        entries: Vec<MapPatternEntry<'a>>,
        rest: Option<RestPattern<'a>>,
        l: u32,
        r: u32,
    ) -> Pattern<'a> {
        self.pattern(PatternKind::Map { entries: self.slice(entries), rest }, l, r)
    }

    /// `pattern = value`: a part of a declaration's pattern.
    pub(crate) fn default_pattern(
        &self,
        pattern: Pattern<'a>,
        value: &'a Expr<'a>,
        l: u32,
        r: u32,
    ) -> Pattern<'a> {
        self.pattern(PatternKind::Default { pattern: self.alloc(pattern), value }, l, r)
    }

    /// A pattern of `match` or `receive`: its parts have no defaults. Recursion is bounded by the nesting of brackets.
    pub(crate) fn testing(&self, p: Pattern<'a>) -> Pattern<'a> {
        match p.kind {
            PatternKind::Default { value, .. } => self.error(
                value.span,
                "a pattern that tests has no defaults",
                "write another arm for the value without this part",
            ),
            PatternKind::Array { items, .. } | PatternKind::Or(items) => {
                for item in items {
                    self.testing(*item);
                }
            }
            PatternKind::Map { entries, .. } => {
                for entry in entries {
                    self.testing(entry.value);
                }
            }
            _ => {}
        }
        p
    }

    /// A pattern in `var`, `const` or `for`: it must only bind. Recursion is bounded by the nesting of brackets.
    pub(crate) fn irrefutable(&self, p: Pattern<'a>) -> Pattern<'a> {
        match p.kind {
            PatternKind::Bind(_) | PatternKind::Wildcard => {}
            PatternKind::Array { items, .. } => {
                for item in items {
                    self.irrefutable(*item);
                }
            }
            PatternKind::Map { entries, .. } => {
                for entry in entries {
                    self.irrefutable(entry.value);
                }
            }
            PatternKind::Default { pattern, .. } => {
                self.irrefutable(*pattern);
            }
            _ => self.error(
                p.span,
                "only names can stand here",
                "a declaration takes a value apart without testing it; use `match` to test",
            ),
        }
        p
    }
}
