//! Expressions.

use super::{Block, Function, Match, Name, Path, Receive, Span, TypeRef};

/// An expression.
#[derive(Debug, Clone, Copy)]
pub struct Expr<'a> {
    /// What it computes.
    pub kind: ExprKind<'a>,
    /// Where it stands, enclosing parentheses included.
    pub span: Span,
}

/// The kinds of expressions. Operands are evaluated from left to right.
#[derive(Debug, Clone, Copy)]
pub enum ExprKind<'a> {
    // --- literals
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An int literal; one that does not fit has been reported. `-9223372036854775808` arrives as this, other negative numbers as `Unary`.
    Int(i64),
    /// A float literal.
    Float(f64),
    /// `123n`: decimal digits without sign, underscores and leading zeros (hexadecimal and others are converted by the parser).
    BigInt(&'a str),
    /// A string, unescaped.
    String(&'a str),
    /// `b"..."`, unescaped.
    Bytes(&'a [u8]),
    /// `` `text ${e}` ``: the parts, joined; expressions are turned to strings as `to_string` does.
    Template(&'a [TemplatePart<'a>]),
    /// `[a, ...b]`
    Array(&'a [Item<'a>]),
    /// `{name, age: 3, "a b": 1, [e]: v, ...m}`; later entries win.
    Map(&'a [MapEntry<'a>]),
    /// `x => e`, `(a, b) => { }`, `function (x) { }`, `function* (x) { }`. A name after `function` is bound inside of it only.
    Lambda(&'a Function<'a>),

    // --- names
    /// A variable, function, class or module.
    Name(Name<'a>),
    /// `self`
    SelfRef,

    // --- operators
    /// `-a`, `!a`, ...
    Unary {
        /// Which operator.
        op: UnaryOp,
        /// Its operand.
        operand: &'a Expr<'a>,
    },
    /// `a + b`, `a < b`, `a in b`, ...
    Binary {
        /// Which operator.
        op: BinaryOp,
        /// Where the operator itself stands.
        op_span: Span,
        /// Left operand.
        left: &'a Expr<'a>,
        /// Right operand.
        right: &'a Expr<'a>,
    },
    /// `a && b`, `a || b`, `a ?? b`: the right side runs only if needed; the value is that of the side that decided.
    Logical {
        /// Which operator.
        op: LogicalOp,
        /// Left operand.
        left: &'a Expr<'a>,
        /// Right operand.
        right: &'a Expr<'a>,
    },
    /// `a is T`, `a is not T`
    Is {
        /// The value.
        value: &'a Expr<'a>,
        /// The type.
        ty: TypeRef<'a>,
        /// `is not`.
        negated: bool,
    },
    /// `c ? a : b`
    Conditional {
        /// The condition.
        cond: &'a Expr<'a>,
        /// Value if truthy.
        then: &'a Expr<'a>,
        /// Value if falsy.
        otherwise: &'a Expr<'a>,
    },
    /// `a..b`, `a..=b` as a value.
    Range {
        /// First value.
        start: &'a Expr<'a>,
        /// Last value, or one past it.
        end: &'a Expr<'a>,
        /// `..=`
        inclusive: bool,
    },

    // --- assignment
    /// `a = v`. The value of the expression is `v`.
    Assign {
        /// Where to.
        target: &'a Target<'a>,
        /// What.
        value: &'a Expr<'a>,
    },
    /// `a += v`, `a ??= v`, ... The target's object and index are evaluated once. Never `Array` or `Map`.
    AssignOp {
        /// Which operator is applied.
        op: AssignOp,
        /// Where the operator itself stands.
        op_span: Span,
        /// Read, then written.
        target: &'a Target<'a>,
        /// Right operand; with `&&=`, `||=`, `??=` it runs (and the write happens) only if needed.
        value: &'a Expr<'a>,
    },
    /// `++a`, `a++`, `--a`, `a--`. Never `Array` or `Map`.
    Update {
        /// +1 or -1.
        delta: i8,
        /// `++a` has the new value, `a++` the old one.
        prefix: bool,
        /// What is changed.
        target: &'a Target<'a>,
    },

    // --- access and calls
    /// `a.name`, `a?.name`
    Member {
        /// The object.
        object: &'a Expr<'a>,
        /// The attribute or method; any word is allowed.
        name: Name<'a>,
        /// `?.`: if the object is null, the enclosing `OptionalChain` is null.
        optional: bool,
    },
    /// `a[i]`, `a?.[i]`
    Index {
        /// The container.
        object: &'a Expr<'a>,
        /// The index or key.
        index: &'a Expr<'a>,
        /// As in `Member`.
        optional: bool,
    },
    /// `a[i..j]`, `a[i..]`, `a[..=j]`, `a[..]`
    Slice {
        /// The container.
        object: &'a Expr<'a>,
        /// From, or from the beginning.
        start: Option<&'a Expr<'a>>,
        /// To, or to the end.
        end: Option<&'a Expr<'a>>,
        /// `..=`; only with an end.
        inclusive: bool,
        /// As in `Member`.
        optional: bool,
    },
    /// `f(a, ...b)`, `f?.(a)`. With a `Member` as callee it is a method call.
    Call {
        /// What is called.
        callee: &'a Expr<'a>,
        /// With what.
        args: &'a [Item<'a>],
        /// As in `Member`.
        optional: bool,
    },
    /// The whole of a chain of members, indexes and calls that has a `?.` in it, such as `a?.b.c(d)`. As soon as the object of an optional
    /// link is null, the value of this node is null and the rest of the chain is not evaluated.
    OptionalChain(&'a Expr<'a>),
    /// `super(args)`: the base class's constructor.
    SuperCall(&'a [Item<'a>]),
    /// `super.name`: the base class's method, bound to self. As a callee it is a method call.
    SuperMember(Name<'a>),
    /// `new geo.Point(args)`. The path is looked up as an expression would be (a class in a variable is fine).
    New {
        /// The class.
        class: Path<'a>,
        /// Arguments of the constructor.
        args: &'a [Item<'a>],
    },

    // --- tasks
    /// `spawn f(a)`, `spawn { ... }`: a new task on this thread; the value is its Future. As a statement of its own: a detached task.
    Spawn(SpawnBody<'a>),
    /// `await e`
    Await(&'a Expr<'a>),
    /// `yield e`, bare `yield`. In a generator it hands out a value; in other code the bare form gives other tasks their turn.
    Yield(Option<&'a Expr<'a>>),

    // --- with blocks in them
    /// `match (e) { ... }` as a value; see [`Match`].
    Match(&'a Match<'a>),
    /// `receive { ... }` as a value; see [`Receive`].
    Receive(&'a Receive<'a>),
}

/// An element of an array literal, or an argument of a call.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The value.
    pub value: &'a Expr<'a>,
    /// `...value`: all elements of the value.
    pub spread: bool,
}

/// An entry of a map literal.
#[derive(Debug, Clone, Copy)]
pub enum MapEntry<'a> {
    /// `name: v`, `"text": v`; the shorthand `name` has the variable `name` as its value.
    Named {
        /// The key, a string.
        key: Name<'a>,
        /// The value.
        value: &'a Expr<'a>,
    },
    /// `[e]: v`, and `1: v` (any literal).
    Computed {
        /// The key.
        key: &'a Expr<'a>,
        /// The value.
        value: &'a Expr<'a>,
    },
    /// `...m`: all entries of m.
    Spread(&'a Expr<'a>),
}

/// A part of a template string.
#[derive(Debug, Clone, Copy)]
pub enum TemplatePart<'a> {
    /// Text, unescaped, never empty.
    Text(&'a str),
    /// `${e}`
    Expr(&'a Expr<'a>),
}

/// What an assignment writes to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The kind of place.
    pub kind: TargetKind<'a>,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of places that can be assigned to.
#[derive(Debug, Clone, Copy)]
pub enum TargetKind<'a> {
    /// A variable.
    Name(Name<'a>),
    /// `object.name`
    Member {
        /// The object.
        object: &'a Expr<'a>,
        /// The attribute.
        name: Name<'a>,
    },
    /// `object[index]`
    Index {
        /// The container.
        object: &'a Expr<'a>,
        /// The index or key.
        index: &'a Expr<'a>,
    },
    /// `[a, b.c, ...d] = e`
    Array {
        /// The first elements' places.
        items: &'a [Target<'a>],
        /// The place for an Array of the others. Without it, further elements are ignored.
        rest: Option<&'a Target<'a>>,
    },
    /// `({a, key: b.c} = e)`
    Map {
        /// The keys (strings) and the places for their values.
        entries: &'a [(Name<'a>, Target<'a>)],
        /// The place for a Map of the keys not mentioned.
        rest: Option<&'a Target<'a>>,
    },
}

/// What `spawn` starts.
#[derive(Debug, Clone, Copy)]
pub enum SpawnBody<'a> {
    /// `spawn f(a, b)`, `spawn t.m(a)`, `spawn f?.(a)`...: callee and arguments are evaluated first, here; the call runs in the new task.
    /// Always a `Call` (perhaps within an `OptionalChain`).
    Call(&'a Expr<'a>),
    /// `spawn { ... }`: a closure without parameters; `return` in it gives the Future's value.
    Block(Block<'a>),
}

/// Prefix operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `+`: a number stays as it is, all else is an error.
    Plus,
    /// `!`
    Not,
    /// `~`
    BitNot,
}

/// Operators that evaluate both operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `**`
    Pow,
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `^`
    BitXor,
    /// `<<`
    Shl,
    /// `>>`: arithmetic
    Shr,
    /// `>>>`: logical
    UShr,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `not in`, `!in`
    NotIn,
}

/// Operators that may skip their right side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogicalOp {
    /// `&&`
    And,
    /// `||`
    Or,
    /// `??`: the left side unless it is null.
    Coalesce,
}

/// The operator within a compound assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssignOp {
    /// `+=`, `-=`, `*=`, `/=`, `%=`, `**=`, `&=`, `|=`, `^=`, `<<=`, `>>=`, `>>>=`
    Binary(BinaryOp),
    /// `&&=`, `||=`, `??=`
    Logical(LogicalOp),
}
