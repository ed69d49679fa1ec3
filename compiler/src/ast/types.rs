//! Types as written: in typed variables, attributes, parameters, results, `is`, `catch` and patterns.

use super::{Path, Span};

/// A type as written.
#[derive(Debug, Clone, Copy)]
pub struct TypeRef<'a> {
    /// Which type.
    pub kind: TypeKind<'a>,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of types. The four scalars are known by their name alone; all others are looked up.
#[derive(Debug, Clone, Copy)]
pub enum TypeKind<'a> {
    /// `int`: 64-bit, 0 when not initialised.
    Int,
    /// `float`: IEEE double, 0.0 when not initialised; an int is converted silently.
    Float,
    /// `bool`: false when not initialised.
    Bool,
    /// `string`: "" when not initialised.
    String,
    /// Any other type name: a built-in one (`Array`, `Map`, `Bytes`, ...) or a class: an instance of it (or of a subclass), or null.
    Named(Path<'a>),
}
