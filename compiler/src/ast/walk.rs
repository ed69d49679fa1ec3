//! Walking the tree without recursion: the children of a node, and the check of the tree's depth.

use super::*;

/// A node of any kind that can contain others.
#[derive(Debug, Clone, Copy)]
pub enum Node<'a> {
    /// A statement.
    Stmt(&'a Stmt<'a>),
    /// An expression.
    Expr(&'a Expr<'a>),
    /// A pattern.
    Pattern(&'a Pattern<'a>),
    /// A place to assign to.
    Target(&'a Target<'a>),
    /// A function: its parameters' defaults and its body.
    Function(&'a Function<'a>),
}

impl Node<'_> {
    /// Where the node stands.
    pub fn span(self) -> Span {
        match self {
            Node::Stmt(n) => n.span,
            Node::Expr(n) => n.span,
            Node::Pattern(n) => n.span,
            Node::Target(n) => n.span,
            Node::Function(n) => n.span,
        }
    }
}

/// How deep the tree below the statements given is, or a node that lies deeper than `limit`.
pub fn depth<'a>(body: &'a [Stmt<'a>], limit: usize) -> Result<usize, Node<'a>> {
    let mut work: Vec<(Node<'a>, usize)> = body.iter().map(|s| (Node::Stmt(s), 1)).collect();
    let mut deepest = 0;
    while let Some((node, depth)) = work.pop() {
        if depth > limit {
            return Err(node);
        }
        deepest = deepest.max(depth);
        children(node, &mut |child| work.push((child, depth + 1)));
    }
    Ok(deepest)
}

/// Calls `f` with every node directly below this one, in the order of the source.
pub fn children<'a>(node: Node<'a>, f: &mut dyn FnMut(Node<'a>)) {
    match node {
        Node::Stmt(s) => of_stmt(s, f),
        Node::Expr(e) => of_expr(e, f),
        Node::Pattern(p) => of_pattern(p, f),
        Node::Target(t) => of_target(t, f),
        Node::Function(func) => {
            func.params.iter().filter_map(|p| p.default).for_each(|e| f(Node::Expr(e)));
            match &func.body {
                FunctionBody::Block(b) => stmts(b.stmts, f),
                FunctionBody::Expr(e) => f(Node::Expr(e)),
            }
        }
    }
}

type Visit<'f, 'a> = &'f mut dyn FnMut(Node<'a>);

fn stmts<'a>(list: &'a [Stmt<'a>], f: Visit<'_, 'a>) {
    list.iter().for_each(|s| f(Node::Stmt(s)));
}

fn exprs<'a>(list: impl IntoIterator<Item = &'a Expr<'a>>, f: Visit<'_, 'a>) {
    list.into_iter().for_each(|e| f(Node::Expr(e)));
}

fn items<'a>(list: &'a [Item<'a>], f: Visit<'_, 'a>) {
    exprs(list.iter().map(|i| i.value), f);
}

fn of_stmt<'a>(s: &'a Stmt<'a>, f: Visit<'_, 'a>) {
    match &s.kind {
        StmtKind::Empty | StmtKind::Break(_) | StmtKind::Continue(_) | StmtKind::Error => {}
        StmtKind::Expr(e) | StmtKind::Throw(e) => f(Node::Expr(e)),
        StmtKind::Return(e) => exprs(*e, f),
        StmtKind::Decl(d) => of_decl(d, f),
        StmtKind::Block(b) | StmtKind::Atomic(b) | StmtKind::Scope(b) => stmts(b.stmts, f),
        StmtKind::If { arms, otherwise } => {
            for arm in *arms {
                f(Node::Expr(arm.cond));
                f(Node::Stmt(arm.body));
            }
            otherwise.iter().for_each(|s| f(Node::Stmt(s)));
        }
        StmtKind::While { cond, body } => {
            f(Node::Expr(cond));
            f(Node::Stmt(body));
        }
        StmtKind::DoWhile { body, cond } => {
            f(Node::Stmt(body));
            f(Node::Expr(cond));
        }
        StmtKind::For { init, cond, step, body } => {
            match init {
                Some(ForInit::Var(v)) => of_var(v, f),
                Some(ForInit::Exprs(list)) => exprs(list.iter().copied(), f),
                None => {}
            }
            exprs(*cond, f);
            exprs(step.iter().copied(), f);
            f(Node::Stmt(body));
        }
        StmtKind::ForIn { vars, iter, body } => {
            vars.iter().for_each(|v| f(Node::Pattern(&v.pattern)));
            f(Node::Expr(iter));
            f(Node::Stmt(body));
        }
        StmtKind::Switch { value, cases } => {
            f(Node::Expr(value));
            for case in *cases {
                exprs(case.values.iter().copied(), f);
                stmts(case.body, f);
            }
        }
        StmtKind::Labelled { body, .. } => f(Node::Stmt(body)),
        StmtKind::Try { body, catches, finally } => {
            stmts(body.stmts, f);
            catches.iter().for_each(|c| stmts(c.body.stmts, f));
            finally.iter().for_each(|b| stmts(b.stmts, f));
        }
        StmtKind::Match(m) => of_match(m, f),
        StmtKind::Receive(r) => of_receive(r, f),
        StmtKind::InlineOp(op) => exprs(op.operands.iter().copied(), f),
    }
}

fn of_decl<'a>(d: &'a Decl<'a>, f: Visit<'_, 'a>) {
    match &d.kind {
        DeclKind::Var(v) => of_var(v, f),
        DeclKind::Function(func) => f(Node::Function(func)),
        DeclKind::Class(c) => of_members(c.members, f),
        DeclKind::Extend(e) => of_members(e.members, f),
        DeclKind::Namespace(n) => stmts(n.body.stmts, f),
        DeclKind::Import(_) => {}
    }
}

fn of_var<'a>(v: &'a VarDecl<'a>, f: Visit<'_, 'a>) {
    for b in v.bindings {
        f(Node::Pattern(&b.target));
        exprs(b.init, f);
    }
}

fn of_members<'a>(members: &'a [Member<'a>], f: Visit<'_, 'a>) {
    for m in members {
        match &m.kind {
            MemberKind::Attributes(v) | MemberKind::Constants(v) => of_var(v, f),
            MemberKind::Constructor(func) | MemberKind::Method(func) | MemberKind::StaticMethod(func) => {
                f(Node::Function(func));
            }
        }
    }
}

fn of_match<'a>(m: &'a Match<'a>, f: Visit<'_, 'a>) {
    f(Node::Expr(m.value));
    of_arms(m.arms, f);
}

fn of_receive<'a>(r: &'a Receive<'a>, f: Visit<'_, 'a>) {
    of_arms(r.arms, f);
    if let Some(after) = &r.after {
        f(Node::Expr(after.seconds));
        of_arm_body(&after.body, f);
    }
}

fn of_arms<'a>(arms: &'a [MatchArm<'a>], f: Visit<'_, 'a>) {
    for arm in arms {
        f(Node::Pattern(&arm.pattern));
        exprs(arm.guard, f);
        of_arm_body(&arm.body, f);
    }
}

fn of_arm_body<'a>(body: &'a ArmBody<'a>, f: Visit<'_, 'a>) {
    match body {
        ArmBody::Expr(e) => f(Node::Expr(e)),
        ArmBody::Block(b) => stmts(b.stmts, f),
        ArmBody::Stmt(s) => f(Node::Stmt(s)),
    }
}

fn of_expr<'a>(e: &'a Expr<'a>, f: Visit<'_, 'a>) {
    match &e.kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::BigInt(_)
        | ExprKind::String(_)
        | ExprKind::Bytes(_)
        | ExprKind::Name(_)
        | ExprKind::SelfRef
        | ExprKind::SuperMember(_) => {}
        ExprKind::Template(parts) => {
            for part in *parts {
                if let TemplatePart::Expr(e) = part {
                    f(Node::Expr(e));
                }
            }
        }
        ExprKind::Array(list) => items(list, f),
        ExprKind::Map(entries) => {
            for entry in *entries {
                match entry {
                    MapEntry::Named { value, .. } | MapEntry::Spread(value) => f(Node::Expr(value)),
                    MapEntry::Computed { key, value } => exprs([*key, *value], f),
                }
            }
        }
        ExprKind::Lambda(func) => f(Node::Function(func)),
        ExprKind::Unary { operand, .. } => f(Node::Expr(operand)),
        ExprKind::Binary { left, right, .. } | ExprKind::Logical { left, right, .. } => {
            exprs([*left, *right], f)
        }
        ExprKind::Is { value, .. } => f(Node::Expr(value)),
        ExprKind::Conditional { cond, then, otherwise } => exprs([*cond, *then, *otherwise], f),
        ExprKind::Range { start, end, .. } => exprs([*start, *end], f),
        ExprKind::Assign { target, value } | ExprKind::AssignOp { target, value, .. } => {
            f(Node::Target(target));
            f(Node::Expr(value));
        }
        ExprKind::Update { target, .. } => f(Node::Target(target)),
        ExprKind::Member { object, .. } => f(Node::Expr(object)),
        ExprKind::Index { object, index, .. } => exprs([*object, *index], f),
        ExprKind::Slice { object, start, end, .. } => {
            f(Node::Expr(object));
            exprs(*start, f);
            exprs(*end, f);
        }
        ExprKind::Call { callee, args, .. } => {
            f(Node::Expr(callee));
            items(args, f);
        }
        ExprKind::OptionalChain(inner) | ExprKind::Await(inner) => f(Node::Expr(inner)),
        ExprKind::SuperCall(args) | ExprKind::New { args, .. } => items(args, f),
        ExprKind::Spawn(SpawnBody::Call(call)) => f(Node::Expr(call)),
        ExprKind::Spawn(SpawnBody::Block(b)) => stmts(b.stmts, f),
        ExprKind::Yield(value) => exprs(*value, f),
        ExprKind::Match(m) => of_match(m, f),
        ExprKind::Receive(r) => of_receive(r, f),
    }
}

fn of_pattern<'a>(p: &'a Pattern<'a>, f: Visit<'_, 'a>) {
    match &p.kind {
        PatternKind::Wildcard
        | PatternKind::Bind(_)
        | PatternKind::Constant(_)
        | PatternKind::Type { .. } => {}
        PatternKind::Literal(e) => f(Node::Expr(e)),
        PatternKind::Range { start, end, .. } => {
            exprs(*start, f);
            exprs(*end, f);
        }
        PatternKind::Array { items, .. } | PatternKind::Or(items) => {
            items.iter().for_each(|p| f(Node::Pattern(p)));
        }
        PatternKind::Default { pattern, value } => {
            f(Node::Pattern(pattern));
            f(Node::Expr(value));
        }
        PatternKind::Map { entries, .. } => entries.iter().for_each(|e| f(Node::Pattern(&e.value))),
    }
}

fn of_target<'a>(t: &'a Target<'a>, f: Visit<'_, 'a>) {
    match &t.kind {
        TargetKind::Name(_) => {}
        TargetKind::Member { object, .. } => f(Node::Expr(object)),
        TargetKind::Index { object, index } => exprs([*object, *index], f),
        TargetKind::Array { items, rest } => {
            items.iter().chain(*rest).for_each(|t| f(Node::Target(t)));
        }
        TargetKind::Map { entries, rest } => {
            entries.iter().map(|(_, t)| t).chain(*rest).for_each(|t| f(Node::Target(t)));
        }
    }
}
