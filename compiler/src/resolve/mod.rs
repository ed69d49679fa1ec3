//! Names: which declaration every name means, which variables closures capture, where each variable lives.
//!
//! The pass runs over the tree once and leaves side tables keyed by where a name stands (byte offset), which is unique within a
//! file. Invariant: every name that the lowering pass meets has an entry in [`Resolution::uses`] or
//! [`Resolution::decls`], if need be [`Binding::Error`], which has been reported.

mod classes;
mod decls;
mod exprs;
mod names;
mod patterns;
mod place;
mod scope;
mod stmts;
mod suggest;
mod types;

use corella_vm::names::NameMap;

use crate::ast::{self, Name, Span, TypeRef};

pub(crate) use patterns::bound_names;
pub(crate) use scope::resolve;
pub(crate) use suggest::closest;

/// Number of a variable.
pub(crate) type VarId = usize;
/// Number of a function; 0 is the module's top level.
pub(crate) type FuncId = usize;
/// Number of a class declared in this file.
pub(crate) type ClassId = usize;
/// Number of a namespace; 0 is the module's root.
pub(crate) type NsId = usize;

/// What a name means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Binding {
    /// A variable (functions, classes, imports included).
    Var(VarId),
    /// A built-in name.
    Builtin,
    /// A namespace of this file.
    Namespace(NsId),
    /// Unknown; reported.
    Error,
}

/// What kind of thing a variable was declared as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VarKind {
    /// `var`, a typed variable, a loop variable, a pattern's binding.
    Var,
    /// `const`.
    Const,
    /// A parameter.
    Param,
    /// `self`.
    SelfParam,
    /// A declared function.
    Function(FuncId),
    /// A class.
    Class(ClassId),
    /// A name bound by `import`.
    Import,
    /// A variable of an earlier unit of the session.
    Session,
}

/// Where a variable lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In a register of its function; closures take its value.
    Local,
    /// In a cell that closures share.
    Cell,
    /// In a slot of the module.
    Global(u32),
    /// Nowhere: a function that captures nothing is known by its number.
    Static(FuncId),
}

/// A static type, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ty<'a> {
    /// Anything.
    Any,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `string`
    Str,
    /// The value `null` itself.
    Null,
    /// A class of this file, or null.
    Class(ClassId),
    /// A built-in class, or null.
    Builtin(&'a str),
    /// A class known only at run time, or null.
    Foreign,
}

impl Ty<'_> {
    /// Whether it is `int` or `float`.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Ty::Int | Ty::Float)
    }
}

/// A variable.
#[derive(Debug)]
pub(crate) struct Var<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Where it is declared.
    pub(crate) span: Span,
    /// What it was declared as.
    pub(crate) kind: VarKind,
    /// Its declared type.
    pub(crate) declared: Option<TypeRef<'a>>,
    /// The same, resolved.
    pub(crate) ty: Ty<'a>,
    /// The function whose variable it is.
    pub(crate) func: FuncId,
    /// The namespace it belongs to, if it is declared at the top level of one (0: of the module).
    pub(crate) namespace: Option<NsId>,
    /// Whether an inner function uses it.
    pub(crate) captured: bool,
    /// Whether an inner function uses it from a place before its declaration.
    pub(crate) early: bool,
    /// Where it is assigned (byte offsets, ascending), its declaration apart.
    pub(crate) assigns: Vec<u32>,
    /// Whether it was used at all.
    pub(crate) used: bool,
    /// Whether other modules see it.
    pub(crate) exported: bool,
    /// Whether its declaration has been passed.
    ready: bool,
    /// The literal that a constant stands for.
    pub(crate) value: Option<&'a ast::Expr<'a>>,
    /// The module and the name in it (empty: the module itself) that an import binds.
    pub(crate) origin: Option<(&'a str, &'a str)>,
    /// Where it lives; decided at the end.
    pub(crate) place: Place,
}

impl Var<'_> {
    /// Whether it is assigned after its declaration.
    pub(crate) fn assigned(&self) -> bool {
        !self.assigns.is_empty()
    }

    /// Whether it is assigned within `span`.
    pub(crate) fn assigned_in(&self, span: Span) -> bool {
        let first = self.assigns.partition_point(|&at| at < span.lo);
        self.assigns.get(first).is_some_and(|&at| at < span.hi)
    }
}

/// What kind of function it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FuncKind {
    /// The top level of the module.
    Module,
    /// A declared function or a static method.
    Function,
    /// A lambda or a spawned block.
    Lambda,
    /// A method.
    Method,
    /// A constructor.
    Constructor,
    /// The method that computes attributes' initial values.
    Init,
}

/// A function.
#[derive(Debug)]
pub(crate) struct Func<'a> {
    /// What kind.
    pub(crate) kind: FuncKind,
    /// The function around it.
    pub(crate) parent: Option<FuncId>,
    /// The class whose member it is, if that is declared in this file.
    pub(crate) class: Option<ClassId>,
    /// Its declaration; none for the module, spawned blocks and initialisers.
    pub(crate) decl: Option<&'a ast::Function<'a>>,
    /// Variables of enclosing functions that it or a function within it uses.
    pub(crate) free: Vec<VarId>,
    /// The `self` it sees.
    pub(crate) self_var: Option<VarId>,
}

/// What a class extends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    /// Nothing.
    None,
    /// A class of this file.
    Class(ClassId),
    /// A class known only at run time (built-in, imported, computed).
    Other,
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    /// Its name.
    pub(crate) name: Name<'a>,
    /// Its declared type.
    pub(crate) ty: Ty<'a>,
}

/// A class declared in this file.
#[derive(Debug)]
pub(crate) struct Class<'a> {
    /// The declaration.
    pub(crate) decl: &'a ast::ClassDecl<'a>,
    /// Its name with the namespace.
    pub(crate) full_name: String,
    /// Its variable.
    pub(crate) var: VarId,
    /// What it extends.
    pub(crate) base: Base,
    /// Its own attributes.
    pub(crate) attributes: Vec<Attribute<'a>>,
    /// Names of its own methods, constants and static functions, and those that `extend` adds in this file.
    pub(crate) members: NameMap<&'a str, Option<&'a ast::Function<'a>>>,
}

/// A member of a namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NsMember {
    /// A variable, function or class.
    Var(VarId),
    /// A nested namespace.
    Namespace(NsId),
}

/// A namespace.
#[derive(Debug, Default)]
pub(crate) struct Namespace<'a> {
    /// Its full path; empty for the root.
    pub(crate) path: String,
    /// Its members in order of declaration.
    pub(crate) members: Vec<(&'a str, NsMember)>,
    by_name: NameMap<&'a str, NsMember>,
    /// Whether `export` stands before it.
    pub(crate) exported: bool,
}

impl Namespace<'_> {
    /// The member with this name.
    pub(crate) fn get(&self, name: &str) -> Option<NsMember> {
        self.by_name.get(name).copied()
    }
}

/// What the pass finds out.
#[derive(Debug, Default)]
pub(crate) struct Resolution<'a> {
    /// All variables.
    pub(crate) vars: Vec<Var<'a>>,
    /// All functions.
    pub(crate) funcs: Vec<Func<'a>>,
    /// All classes.
    pub(crate) classes: Vec<Class<'a>>,
    /// All namespaces.
    pub(crate) namespaces: Vec<Namespace<'a>>,
    /// What a name used at this offset means.
    pub(crate) uses: NameMap<u32, Binding>,
    /// The variable declared by the name at this offset.
    pub(crate) decls: NameMap<u32, VarId>,
    /// The function whose text begins at this offset.
    pub(crate) func_at: NameMap<u32, FuncId>,
    /// The class that an `extend` at this offset extends, if it is declared in this file.
    pub(crate) extends: NameMap<u32, ClassId>,
    /// Names of the module's slots.
    pub(crate) globals: Vec<String>,
}

/// What the caller gives.
pub(crate) struct Input<'i> {
    /// Names that need no declaration.
    pub(crate) builtins: &'i [&'i str],
    /// Whether this is a unit of a session.
    pub(crate) session: bool,
    /// Names of earlier units' slots.
    pub(crate) session_globals: &'i [String],
}
