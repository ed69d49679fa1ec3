//! Patterns: what `match` and `receive` test and what `var`, `for` and they bind.

use super::{Expr, Name, Path, Span, TypeRef};

/// A pattern.
///
/// In `var`, `const` and `for` the parser lets through only the kinds that bind: `Bind`, `Wildcard`, `Array` and `Map` of such, whose parts may be
/// `Default`.
#[derive(Debug, Clone, Copy)]
pub struct Pattern<'a> {
    /// What it tests.
    pub kind: PatternKind<'a>,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of patterns.
#[derive(Debug, Clone, Copy)]
pub enum PatternKind<'a> {
    /// `_`: anything, bound to nothing.
    Wildcard,
    /// `name`: anything, bound to the name.
    Bind(Name<'a>),
    /// `Color.RED`: equal to that constant. The path has at least two segments (one alone is a binding).
    Constant(Path<'a>),
    /// A literal: equal to it. The expression is `Null`, `Bool`, `Int`, `Float`, `BigInt`, `String` or `Bytes`; a minus sign is folded in.
    Literal(&'a Expr<'a>),
    /// `lo..hi` or `lo..=hi`: a number in that range. Both ends are number (or string) literals, a minus sign folded in; a missing end is open.
    Range {
        /// Lower end, included.
        start: Option<&'a Expr<'a>>,
        /// Upper end.
        end: Option<&'a Expr<'a>>,
        /// Whether the upper end is included (`..=`).
        inclusive: bool,
    },
    /// `Type name` or `is Type`: a value of that type (null is none), bound to the name if there is one.
    Type {
        /// The type.
        ty: TypeRef<'a>,
        /// The name to bind.
        name: Option<Name<'a>>,
    },
    /// `[a, b, ...rest]`: an Array of exactly these elements, or of at least these with a rest.
    Array {
        /// Patterns of the first elements.
        items: &'a [Pattern<'a>],
        /// `...` (keep nothing) or `...name`: the remaining elements, as a new Array.
        rest: Option<RestPattern<'a>>,
    },
    /// `{key, key: pattern, ...}`: a Map (or an instance: attributes) that has at least these keys. Further keys never matter.
    Map {
        /// The keys and their patterns.
        entries: &'a [MapPatternEntry<'a>],
        /// `...name`: a new Map of the keys not mentioned; a bare `...` binds nothing and changes nothing.
        rest: Option<RestPattern<'a>>,
    },
    /// `p = value` in an array or map pattern of a declaration: `value` where there is no such element or key.
    Default {
        /// What binds the value.
        pattern: &'a Pattern<'a>,
        /// The value to take instead.
        value: &'a Expr<'a>,
    },
    /// `p | q`: one of them, tried from the left. At least two. All must bind the same names (not checked here).
    Or(&'a [Pattern<'a>]),
}

/// `...` or `...name` at the end of an array or map pattern.
#[derive(Debug, Clone, Copy)]
pub struct RestPattern<'a> {
    /// The name to bind, if any.
    pub name: Option<Name<'a>>,
    /// Where it stands, dots included.
    pub span: Span,
}

/// `key` or `key: pattern` in a map pattern.
#[derive(Debug, Clone, Copy)]
pub struct MapPatternEntry<'a> {
    /// The key, a string.
    pub key: Name<'a>,
    /// What its value must match. `{key}` alone has here `Bind(key)`.
    pub value: Pattern<'a>,
    /// The whole entry.
    pub span: Span,
}
