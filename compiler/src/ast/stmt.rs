//! Statements.

use super::{Decl, Expr, Name, Pattern, Span, TypeRef, VarDecl};

/// A statement.
#[derive(Debug, Clone, Copy)]
pub struct Stmt<'a> {
    /// What it does.
    pub kind: StmtKind<'a>,
    /// Where it stands, its `;` included.
    pub span: Span,
}

/// `{ ... }`: a list of statements with a scope of its own.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// The statements.
    pub stmts: &'a [Stmt<'a>],
    /// Where it stands, braces included.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Debug, Clone, Copy)]
pub enum StmtKind<'a> {
    /// `;`
    Empty,
    /// `e;`
    Expr(&'a Expr<'a>),
    /// A declaration: variables, functions, classes, namespaces, imports. May stand anywhere a statement may; the later passes
    /// say which of them must stand at the top.
    Decl(&'a Decl<'a>),
    /// `{ ... }`
    Block(Block<'a>),
    /// `if (c) s else if (c) s else s`, flat.
    If {
        /// The conditions with their bodies, at least one, tested in order.
        arms: &'a [IfArm<'a>],
        /// The last `else`.
        otherwise: Option<&'a Stmt<'a>>,
    },
    /// `while (c) s`
    While {
        /// Tested before every turn.
        cond: &'a Expr<'a>,
        /// The body.
        body: &'a Stmt<'a>,
    },
    /// `do s while (c);`
    DoWhile {
        /// The body.
        body: &'a Stmt<'a>,
        /// Tested after every turn.
        cond: &'a Expr<'a>,
    },
    /// `for (init; cond; step) s`. Every turn has its own copy of the variables declared in `init`.
    For {
        /// What is done first.
        init: Option<ForInit<'a>>,
        /// Tested before every turn; missing means true.
        cond: Option<&'a Expr<'a>>,
        /// What is done after every turn, in order.
        step: &'a [&'a Expr<'a>],
        /// The body.
        body: &'a Stmt<'a>,
    },
    /// `for (x in xs) s`, `for (k, v in m) s`. The variables are new in every turn.
    ForIn {
        /// One or two.
        vars: &'a [LoopVar<'a>],
        /// What is iterated; evaluated once.
        iter: &'a Expr<'a>,
        /// The body.
        body: &'a Stmt<'a>,
    },
    /// `switch (e) { case a, b: ... default: ... }`: falls through from case to case, as in C.
    Switch {
        /// The value, compared with `==` to the case values from top to bottom.
        value: &'a Expr<'a>,
        /// The cases in order.
        cases: &'a [SwitchCase<'a>],
    },
    /// `label: s`. The statement is a loop, a `switch`, a block, or has a further label.
    Labelled {
        /// The label.
        label: Name<'a>,
        /// What it labels.
        body: &'a Stmt<'a>,
    },
    /// `break;`, `break label;`
    Break(Option<Name<'a>>),
    /// `continue;`, `continue label;`
    Continue(Option<Name<'a>>),
    /// `return;`, `return e;`
    Return(Option<&'a Expr<'a>>),
    /// `throw e;`
    Throw(&'a Expr<'a>),
    /// `try { } catch (T e) { } finally { }`; at least one catch or a finally.
    Try {
        /// What is tried.
        body: Block<'a>,
        /// Tested in order; the first that fits runs.
        catches: &'a [Catch<'a>],
        /// Runs in any case.
        finally: Option<Block<'a>>,
    },
    /// `match (e) { ... }` as a statement: without a fitting arm nothing happens.
    Match(&'a Match<'a>),
    /// `receive { ... }` as a statement.
    Receive(&'a Receive<'a>),
    /// `atomic { ... }`
    Atomic(Block<'a>),
    /// `scope { ... }`
    Scope(Block<'a>),
    /// `${ name a, b };`
    InlineOp(InlineOp<'a>),
    /// A statement with a syntax error that has been reported. Never in a tree that the parser hands out.
    Error,
}

/// One `if (cond) body` of an if chain.
#[derive(Debug, Clone, Copy)]
pub struct IfArm<'a> {
    /// The condition.
    pub cond: &'a Expr<'a>,
    /// Runs if it is truthy.
    pub body: &'a Stmt<'a>,
}

/// The first part of `for (;;)`.
#[derive(Debug, Clone, Copy)]
pub enum ForInit<'a> {
    /// `var i = 0, j = 1` or `int i = 0`
    Var(VarDecl<'a>),
    /// `i = 0, j = 1`: expressions in order.
    Exprs(&'a [&'a Expr<'a>]),
}

/// A variable of `for (... in ...)`.
#[derive(Debug, Clone, Copy)]
pub struct LoopVar<'a> {
    /// What it binds: a name, `_`, or a destructuring pattern.
    pub pattern: Pattern<'a>,
    /// Its declared type; only with a plain name.
    pub ty: Option<TypeRef<'a>>,
}

/// `case a, b: ...` or `default: ...`
#[derive(Debug, Clone, Copy)]
pub struct SwitchCase<'a> {
    /// The values; empty for `default`, which may stand anywhere but only once.
    pub values: &'a [&'a Expr<'a>],
    /// The statements up to the next case. All cases share one scope.
    pub body: &'a [Stmt<'a>],
    /// From `case` to the last statement.
    pub span: Span,
}

/// `catch (T e) { ... }`
#[derive(Debug, Clone, Copy)]
pub struct Catch<'a> {
    /// Which errors; without it, everything thrown.
    pub ty: Option<TypeRef<'a>>,
    /// The variable; `catch { ... }` has none.
    pub name: Option<Name<'a>>,
    /// The handler.
    pub body: Block<'a>,
    /// The whole clause.
    pub span: Span,
}

/// `match (value) { arms }`, as a statement or as an expression.
///
/// As an expression its value is that of the arm taken; if no arm fits, `MatchError` is thrown.
#[derive(Debug, Clone, Copy)]
pub struct Match<'a> {
    /// The value to test.
    pub value: &'a Expr<'a>,
    /// Tested in order.
    pub arms: &'a [MatchArm<'a>],
    /// The whole of it.
    pub span: Span,
}

/// `receive { arms; after t => ... }`, as a statement or as an expression: waits for the first message of this task's mailbox
/// that fits an arm; messages that fit none stay.
#[derive(Debug, Clone, Copy)]
pub struct Receive<'a> {
    /// Tested in order against each message.
    pub arms: &'a [MatchArm<'a>],
    /// `after seconds => body`
    pub after: Option<After<'a>>,
    /// The whole of it.
    pub span: Span,
}

/// `after seconds => body` in a `receive`.
#[derive(Debug, Clone, Copy)]
pub struct After<'a> {
    /// How long to wait.
    pub seconds: &'a Expr<'a>,
    /// What to do then.
    pub body: ArmBody<'a>,
}

/// `pattern if guard => body`
#[derive(Debug, Clone, Copy)]
pub struct MatchArm<'a> {
    /// What the value must match.
    pub pattern: Pattern<'a>,
    /// What must be truthy besides; sees the pattern's bindings.
    pub guard: Option<&'a Expr<'a>>,
    /// What is done.
    pub body: ArmBody<'a>,
    /// The whole arm.
    pub span: Span,
}

/// What an arm does.
#[derive(Debug, Clone, Copy)]
pub enum ArmBody<'a> {
    /// `=> e`: the arm's value.
    Expr(&'a Expr<'a>),
    /// `=> { ... }`: statements; the arm's value is null.
    Block(Block<'a>),
    /// `=> return e`, `throw e`, `break`, `continue`: leaves.
    Stmt(&'a Stmt<'a>),
}

/// `${ name a, b };`: one op of the model by its name.
#[derive(Debug, Clone, Copy)]
pub struct InlineOp<'a> {
    /// The op.
    pub name: Name<'a>,
    /// Its operands. Those that the op writes must be variables (not checked here).
    pub operands: &'a [&'a Expr<'a>],
    /// The whole of it.
    pub span: Span,
}
