//! The syntax tree: what the parser hands to the later passes, and the only thing they know of the source.
//!
//! Every node lives in one `bumpalo` arena (`'a`), is `Copy`, and carries the [`Span`] of the text it came from.
//! Lists are slices in the same arena. Nothing in the tree owns memory outside of the arena, so dropping it is free.
//!
//! What the parser guarantees to later passes:
//! - the tree is no deeper than [`crate::limits::MAX_TREE_DEPTH`] nodes, so plain recursion over it is safe;
//! - string literals are unescaped, numbers are converted, `else if` chains are flat, parentheses are gone;
//! - assignment targets are assignable, rest elements come last, names after `.` are plain names.
//!
//! What it does not check: whether names exist, whether types fit, whether `break`, `return`, `yield`, `super` and `self`
//! stand where they may.

pub mod decl;
pub mod dump;
pub mod expr;
pub mod pattern;
pub mod stmt;
pub mod types;
pub mod walk;

pub use decl::*;
pub use expr::*;
pub use pattern::*;
pub use stmt::*;
pub use types::*;

/// Which source text a span belongs to. Numbers are given out by whoever loads the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileId(pub u32);

/// A range of bytes `lo..hi` in one source text. Both ends lie on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub lo: u32,
    /// Offset one past the last byte.
    pub hi: u32,
}

impl Span {
    /// The span `lo..hi`.
    pub const fn new(lo: u32, hi: u32) -> Span {
        Span { lo, hi }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// The text that the span covers in `src`, or `""` if it does not fit.
    pub fn text(self, src: &str) -> &str {
        src.get(self.lo as usize..self.hi as usize).unwrap_or("")
    }

    /// The span as a range of `usize`, for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.lo as usize..self.hi as usize
    }
}

/// A name as it stands in the source.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    /// Its text.
    pub text: &'a str,
    /// Where it stands.
    pub span: Span,
}

/// A dotted name: `Account`, `geo.Point`. Never empty.
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    /// The names between the dots, at least one.
    pub segments: &'a [Name<'a>],
    /// From the first to the last.
    pub span: Span,
}

/// One source file.
#[derive(Debug, Clone, Copy)]
pub struct Module<'a> {
    /// Which file.
    pub file: FileId,
    /// Its statements and declarations in the order of the source; they run in that order.
    pub body: &'a [Stmt<'a>],
    /// The whole file.
    pub span: Span,
}
