//! Statements: scopes, and which `break`, `continue`, `return` stand where they may.

use corella_vm::names::NameMap;

use super::VarKind;
use super::patterns::bound_names;
use super::scope::{Leave, Resolver};
use super::{FuncKind, Ty};
use crate::ast::{ArmBody, ExprKind, ForInit, MatchArm, Name, Span, Stmt, StmtKind, SwitchCase};

impl<'a> Resolver<'a, '_> {
    /// Walks a statement.
    pub(super) fn stmt(&mut self, stmt: &'a Stmt<'a>) {
        let label = self.label.take();
        match &stmt.kind {
            StmtKind::Empty | StmtKind::Error => {}
            StmtKind::Expr(e) => self.expr(e),
            StmtKind::Decl(decl) => self.decl(decl),
            StmtKind::Block(block) => {
                if label.is_some() {
                    self.func_mut().leaves.push((Leave::Block, label));
                }
                self.block(block.stmts);
                if label.is_some() {
                    self.func_mut().leaves.pop();
                }
            }
            StmtKind::If { arms, otherwise } => {
                for arm in *arms {
                    self.expr(arm.cond);
                    self.body(arm.body);
                }
                if let Some(s) = otherwise {
                    self.body(s);
                }
            }
            StmtKind::While { cond, body } => {
                self.expr(cond);
                self.loop_body(body, label);
            }
            StmtKind::DoWhile { body, cond } => {
                self.loop_body(body, label);
                self.expr(cond);
            }
            StmtKind::For { init, cond, step, body } => {
                self.push_scope();
                match init {
                    Some(ForInit::Var(vars)) => {
                        self.declare_vars(vars);
                        self.var_decl(vars);
                    }
                    Some(ForInit::Exprs(exprs)) => exprs.iter().for_each(|e| self.expr(e)),
                    None => {}
                }
                if let Some(cond) = cond {
                    self.expr(cond);
                }
                step.iter().for_each(|e| self.expr(e));
                self.loop_body(body, label);
                self.pop_scope();
            }
            StmtKind::ForIn { vars, iter, body } => {
                self.expr(iter);
                self.push_scope();
                let over_range = matches!(iter.kind, ExprKind::Range { .. }) && vars.len() == 1;
                for var in *vars {
                    let ty = match &var.ty {
                        Some(ty) => self.type_ref(ty),
                        None if over_range => Ty::Int,
                        None => Ty::Any,
                    };
                    let mut names = Vec::new();
                    bound_names(&var.pattern, &mut |name| names.push(name));
                    for name in names {
                        self.declare(name, VarKind::Var, var.ty);
                    }
                    self.bind_pattern(&var.pattern, ty);
                }
                self.loop_body(body, label);
                self.pop_scope();
            }
            StmtKind::Switch { value, cases } => {
                self.expr(value);
                self.func_mut().leaves.push((Leave::Switch, label));
                self.push_scope();
                self.switch(cases);
                self.pop_scope();
                self.func_mut().leaves.pop();
            }
            StmtKind::Labelled { label, body } => {
                if self.func().leaves.iter().any(|(_, known)| *known == Some(label.text)) {
                    self.problems
                        .error(
                            label.span,
                            format!("label `{}` is already used around this place", label.text),
                        )
                        .help("give the inner one another name");
                }
                self.label = Some(label.text);
                self.stmt(body);
                self.label = None;
            }
            StmtKind::Break(label) => self.leave(stmt.span, *label, false),
            StmtKind::Continue(label) => self.leave(stmt.span, *label, true),
            StmtKind::Return(value) => {
                if let Some(e) = value {
                    self.expr(e);
                }
                match (self.func().kind, value) {
                    (FuncKind::Module, _) => {
                        self.problems
                            .error(stmt.span, "`return` stands outside of any function")
                            .help("put the code into a function, or use `exit()` to end the program");
                    }
                    (FuncKind::Constructor, Some(e)) => {
                        self.problems
                            .error(e.span, "a constructor returns no value")
                            .help("the value of `new` is the instance; use a bare `return;`");
                    }
                    _ => {}
                }
            }
            StmtKind::Throw(e) => self.expr(e),
            StmtKind::Try { body, catches, finally } => {
                self.block(body.stmts);
                for clause in *catches {
                    self.push_scope();
                    let ty = self.opt_type(&clause.ty);
                    if let Some(name) = clause.name {
                        let id = self.declare(name, VarKind::Var, None);
                        self.out.vars[id].ty = ty;
                        self.ready(name);
                    }
                    self.block(clause.body.stmts);
                    self.pop_scope();
                }
                if let Some(block) = finally {
                    self.block(block.stmts);
                }
            }
            StmtKind::Match(m) => {
                self.expr(m.value);
                self.arms(m.arms);
            }
            StmtKind::Receive(receive) => self.receive(receive),
            StmtKind::Atomic(block) | StmtKind::Scope(block) => self.block(block.stmts),
            StmtKind::InlineOp(op) => self.inline_op(op),
        }
    }

    /// Walks a statement that is a body: a declaration in it has a scope of its own.
    fn body(&mut self, stmt: &'a Stmt<'a>) {
        match &stmt.kind {
            StmtKind::Block(block) => self.block(block.stmts),
            _ => self.block(std::slice::from_ref(stmt)),
        }
    }

    fn loop_body(&mut self, body: &'a Stmt<'a>, label: Option<&'a str>) {
        self.func_mut().leaves.push((Leave::Loop, label));
        self.body(body);
        self.func_mut().leaves.pop();
    }

    fn switch(&mut self, cases: &'a [SwitchCase<'a>]) {
        let mut default: Option<Span> = None;
        let mut seen: NameMap<String, Span> = NameMap::default();
        for case in cases {
            if case.values.is_empty()
                && let Some(first) = default.replace(case.span)
            {
                self.problems
                    .error(case.span, "this `switch` has two `default` cases")
                    .see(first, "the first one")
                    .help("keep one of the two");
            }
            for value in case.values {
                self.expr(value);
                let text = match value.kind {
                    ExprKind::Int(i) => i.to_string(),
                    ExprKind::String(s) => format!("{s:?}"),
                    ExprKind::Bool(b) => b.to_string(),
                    ExprKind::Null => "null".to_owned(),
                    _ => continue,
                };
                if let Some(first) = seen.get(&text) {
                    self.problems
                        .error(value.span, format!("case {text} appears twice"))
                        .see(*first, "the first one")
                        .help("remove one of the two");
                }
                seen.entry(text).or_insert(value.span);
            }
            self.declare_block(case.body);
        }
        for case in cases {
            self.stmts(case.body);
        }
    }

    fn leave(&mut self, span: Span, label: Option<Name<'a>>, again: bool) {
        let word = if again { "continue" } else { "break" };
        let leaves = &self.func().leaves;
        match label {
            Some(name) => match leaves.iter().rev().find(|(_, known)| *known == Some(name.text)) {
                None => {
                    self.problems
                        .error(
                            name.span,
                            format!("no loop or block around this place has the label `{}`", name.text),
                        )
                        .help(format!("write `{}:` before the loop that `{word}` shall leave", name.text));
                }
                Some((Leave::Loop, _)) => {}
                Some(_) if again => {
                    self.problems
                        .error(name.span, format!("`{}` is not a loop, so it cannot be continued", name.text))
                        .help("use `break` to leave it");
                }
                Some(_) => {}
            },
            None => {
                let fits = leaves.iter().any(|(kind, _)| match kind {
                    Leave::Loop => true,
                    Leave::Switch => !again,
                    Leave::Block => false,
                });
                if !fits {
                    let where_to = if again { "a loop" } else { "a loop or `switch`" };
                    self.problems
                        .error(span, format!("`{word}` stands outside of {where_to}"))
                        .help("to leave a function use `return`");
                }
            }
        }
    }

    /// Walks the arms of `match` and `receive`.
    pub(super) fn arms(&mut self, arms: &'a [MatchArm<'a>]) {
        for arm in arms {
            self.push_scope();
            self.arm_pattern(&arm.pattern);
            if let Some(guard) = arm.guard {
                self.expr(guard);
            }
            self.arm_body(&arm.body);
            self.pop_scope();
        }
    }

    /// Walks what an arm does.
    pub(super) fn arm_body(&mut self, body: &'a ArmBody<'a>) {
        match body {
            ArmBody::Expr(e) => self.expr(e),
            ArmBody::Block(block) => self.block(block.stmts),
            ArmBody::Stmt(stmt) => self.stmt(stmt),
        }
    }
}
