//! Declarations: variables, functions, classes, namespaces, imports.

use super::{Block, Expr, Name, Path, Pattern, Span, Stmt, TypeRef};

/// A declaration.
#[derive(Debug, Clone, Copy)]
pub struct Decl<'a> {
    /// What is declared.
    pub kind: DeclKind<'a>,
    /// `export` stands before it. Never with `Extend`, `Import`.
    pub exported: bool,
    /// The text of its `///` comment, line by line, without the slashes and one space after them.
    pub doc: Option<&'a str>,
    /// Where it stands, `export` included.
    pub span: Span,
}

/// The kinds of declarations.
#[derive(Debug, Clone, Copy)]
pub enum DeclKind<'a> {
    /// `var a = 1, b;`, `int n;`, `const X = 1;`
    Var(VarDecl<'a>),
    /// `function f(...) { ... }`, `function* f(...) { ... }`; `Function::name` is there.
    Function(&'a Function<'a>),
    /// `class A : B { ... }`
    Class(&'a ClassDecl<'a>),
    /// `extend A { ... }`
    Extend(ExtendDecl<'a>),
    /// `namespace A.B { ... }`
    Namespace(NamespaceDecl<'a>),
    /// `import ...;`
    Import(ImportDecl<'a>),
}

/// One or several variables declared together.
#[derive(Debug, Clone, Copy)]
pub struct VarDecl<'a> {
    /// `const`: every binding has an initial value and is never assigned again.
    pub is_const: bool,
    /// The type of `Type a = 1, b;`: holds for all of them. Always absent with `var`; with `const` as in `const int N = 3;`.
    pub ty: Option<TypeRef<'a>>,
    /// The variables, at least one.
    pub bindings: &'a [Binding<'a>],
    /// The whole of it.
    pub span: Span,
}

/// One variable (or one destructuring pattern) of a [`VarDecl`].
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// A name, or an array or map pattern of names (then there is an initial value and no type).
    pub target: Pattern<'a>,
    /// The initial value.
    pub init: Option<&'a Expr<'a>>,
    /// The whole of it.
    pub span: Span,
}

/// A function: declared, a method, a constructor, or a lambda.
#[derive(Debug, Clone, Copy)]
pub struct Function<'a> {
    /// Its name; lambdas have none.
    pub name: Option<Name<'a>>,
    /// Its parameters. A rest parameter is the last one; after one with a default all others have one too.
    pub params: &'a [Param<'a>],
    /// `-> Type`
    pub result: Option<TypeRef<'a>>,
    /// What it does.
    pub body: FunctionBody<'a>,
    /// `function*`
    pub is_generator: bool,
    /// The whole of it.
    pub span: Span,
}

/// A function's body.
#[derive(Debug, Clone, Copy)]
pub enum FunctionBody<'a> {
    /// `{ ... }`
    Block(Block<'a>),
    /// `=> e`: returns the value.
    Expr(&'a Expr<'a>),
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Param<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// Its declared type.
    pub ty: Option<TypeRef<'a>>,
    /// The value when the argument is missing; evaluated at each such call, sees the parameters before it.
    pub default: Option<&'a Expr<'a>>,
    /// `...name`: an Array of all further arguments. Has neither type nor default.
    pub is_rest: bool,
    /// The whole of it.
    pub span: Span,
}

/// `class name : base { members }`
#[derive(Debug, Clone, Copy)]
pub struct ClassDecl<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// The class it extends.
    pub base: Option<Path<'a>>,
    /// Its members, in order.
    pub members: &'a [Member<'a>],
    /// The whole of it.
    pub span: Span,
}

/// A member of a class.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// What it is.
    pub kind: MemberKind<'a>,
    /// As in [`Decl`].
    pub doc: Option<&'a str>,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of class members.
#[derive(Debug, Clone, Copy)]
pub enum MemberKind<'a> {
    /// `int balance = 0;`, `var a, b = 1;`: attributes of every instance. Targets are plain names, `is_const` is false. The initial
    /// values are evaluated at each `new`, before the constructor's body, and see `self`.
    Attributes(VarDecl<'a>),
    /// `const X = 1;` or `static const X = 1;`: `A.X`. Targets are plain names, `is_const` is true.
    Constants(VarDecl<'a>),
    /// A function with the class's own name.
    Constructor(&'a Function<'a>),
    /// `function m(...) { ... }`
    Method(&'a Function<'a>),
    /// `static function m(...) { ... }`: `A.m(...)`, without self.
    StaticMethod(&'a Function<'a>),
}

/// `extend path { methods }`
#[derive(Debug, Clone, Copy)]
pub struct ExtendDecl<'a> {
    /// The class.
    pub class: Path<'a>,
    /// What is added: `Method`, `StaticMethod` or `Constants`.
    pub members: &'a [Member<'a>],
}

/// `namespace A.B { ... }`
#[derive(Debug, Clone, Copy)]
pub struct NamespaceDecl<'a> {
    /// Its name.
    pub path: Path<'a>,
    /// Declarations and statements, in order.
    pub body: Block<'a>,
}

/// `import a.b;`, `import a.b as c;`, `import "./x" as y;`, `import math { sin, cos as c };`, `import "./x" { f };`
#[derive(Debug, Clone, Copy)]
pub struct ImportDecl<'a> {
    /// Which module.
    pub source: ImportSource<'a>,
    /// The name the module itself is bound to: that after `as`; else, if no names are listed, the last segment of the path or the last
    /// part of the file name (without `.cor`). None if names are listed.
    pub alias: Option<Name<'a>>,
    /// The names taken from it.
    pub names: &'a [ImportName<'a>],
}

/// What is imported.
#[derive(Debug, Clone, Copy)]
pub enum ImportSource<'a> {
    /// A module by its name.
    Path(Path<'a>),
    /// A file, relative to this one.
    File {
        /// The text between the quotes.
        text: &'a str,
        /// Where it stands.
        span: Span,
    },
}

/// `name` or `name as alias` in an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportName<'a> {
    /// The name in the other module.
    pub name: Name<'a>,
    /// The name here; the same one without `as`.
    pub alias: Name<'a>,
}

impl<'a> ClassDecl<'a> {
    /// The constructor, if the class has one.
    pub fn constructor(&self) -> Option<&'a Function<'a>> {
        self.members.iter().find_map(|m| match m.kind {
            MemberKind::Constructor(f) => Some(f),
            _ => None,
        })
    }
}

impl<'a> Decl<'a> {
    /// The declaration that a statement is, if it is one.
    pub fn of(stmt: &Stmt<'a>) -> Option<&'a Decl<'a>> {
        match stmt.kind {
            super::StmtKind::Decl(d) => Some(d),
            _ => None,
        }
    }
}
