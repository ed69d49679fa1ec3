//! What the grammar does when a rule is complete: builds the node, and checks what the grammar cannot say (what may be assigned to, whether a
//! number fits). A check that fails is reported and parsing goes on with some node in its place; nothing is handed out then.
//!
//! `Cx` is shared by all actions of one parse; split by construct like the tree: here names and plumbing, then `expr`, `stmt`, `decl`, `pattern`.

mod decl;
mod expr;
mod pattern;
mod stmt;

use crate::ast::*;
use crate::diagnostic::{Diagnostic, push_limited};
use crate::literal::BadLiteral;
use bumpalo::Bump;
use std::cell::RefCell;

/// What the actions of one parse share.
pub(crate) struct Cx<'a> {
    arena: &'a Bump,
    file: FileId,
    src: &'a str,
    /// Doc comments by the offset of the token they stand before.
    docs: &'a [(u32, String)],
    diagnostics: RefCell<Vec<Diagnostic>>,
}

/// The part of an arm before its `=>`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Head<'a> {
    Pattern(Pattern<'a>, Option<&'a Expr<'a>>),
    After(&'a Expr<'a>),
}

/// An arm of a match or a receive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arm<'a> {
    Match(MatchArm<'a>),
    After(After<'a>, Span),
}

impl<'a> Cx<'a> {
    pub(crate) fn new(arena: &'a Bump, file: FileId, src: &'a str, docs: &'a [(u32, String)]) -> Cx<'a> {
        Cx { arena, file, src, docs, diagnostics: RefCell::default() }
    }

    /// What the actions found wrong.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        self.diagnostics.into_inner()
    }

    pub(crate) fn alloc<T: Copy>(&self, x: T) -> &'a T {
        self.arena.alloc(x)
    }

    pub(crate) fn slice<T: Copy>(&self, v: Vec<T>) -> &'a [T] {
        self.arena.alloc_slice_copy(&v)
    }

    pub(crate) fn name(&self, l: u32, r: u32) -> Name<'a> {
        Name { text: self.text(l, r), span: Span::new(l, r) }
    }

    pub(crate) fn path(&self, v: Vec<Name<'a>>, l: u32, r: u32) -> Path<'a> {
        Path { segments: self.slice(v), span: Span::new(l, r) }
    }

    pub(crate) fn type_ref(&self, path: Path<'a>) -> TypeRef<'a> {
        let kind = match path.segments {
            [one] => match one.text {
                "int" => TypeKind::Int,
                "float" => TypeKind::Float,
                "bool" => TypeKind::Bool,
                "string" => TypeKind::String,
                _ => TypeKind::Named(path),
            },
            _ => TypeKind::Named(path),
        };
        TypeRef { kind, span: path.span }
    }

    fn text(&self, l: u32, r: u32) -> &'a str {
        self.src.get(l as usize..r as usize).unwrap_or("")
    }

    fn doc(&self, lo: u32) -> Option<&'a str> {
        let at = self.docs.binary_search_by_key(&lo, |d| d.0).ok()?;
        Some(&self.docs[at].1)
    }

    fn error(&self, span: Span, message: impl Into<String>, help: &str) {
        self.report(Diagnostic::error(self.file, span, message).help(help));
    }

    fn report(&self, d: Diagnostic) {
        push_limited(&mut self.diagnostics.borrow_mut(), d);
    }

    fn bad_literals(&self, bad: Vec<BadLiteral>) {
        for b in bad {
            self.error(b.span, b.message, b.help);
        }
    }
}
