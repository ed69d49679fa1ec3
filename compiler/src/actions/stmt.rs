//! Actions for statements.

use super::{Arm, Cx, Diagnostic, Head};
use crate::ast::*;

impl<'a> Cx<'a> {
    pub(crate) fn stmt(&self, kind: StmtKind<'a>, l: u32, r: u32) -> Stmt<'a> {
        Stmt { kind, span: Span::new(l, r) }
    }

    pub(crate) fn block(&self, stmts: Vec<Stmt<'a>>, l: u32, r: u32) -> Block<'a> {
        Block { stmts: self.slice(stmts), span: Span::new(l, r) }
    }

    pub(crate) fn if_arm(&self, cond: &'a Expr<'a>, body: Stmt<'a>) -> IfArm<'a> {
        IfArm { cond, body: self.alloc(body) }
    }

    pub(crate) fn if_(&self, arms: Vec<IfArm<'a>>, otherwise: Option<Stmt<'a>>, l: u32, r: u32) -> Stmt<'a> {
        let otherwise = otherwise.map(|s| self.alloc(s));
        self.stmt(StmtKind::If { arms: self.slice(arms), otherwise }, l, r)
    }

    pub(crate) fn while_(&self, cond: &'a Expr<'a>, body: Stmt<'a>, l: u32, r: u32) -> Stmt<'a> {
        self.stmt(StmtKind::While { cond, body: self.alloc(body) }, l, r)
    }

    pub(crate) fn do_while(&self, body: Stmt<'a>, cond: &'a Expr<'a>, l: u32, r: u32) -> Stmt<'a> {
        self.stmt(StmtKind::DoWhile { body: self.alloc(body), cond }, l, r)
    }

    pub(crate) fn for_(
        &self,
        init: Option<ForInit<'a>>,
        cond: Option<&'a Expr<'a>>,
        step: Vec<&'a Expr<'a>>,
        body: Stmt<'a>,
        l: u32,
        r: u32,
    ) -> Stmt<'a> {
        if let Some(c) = cond {
            self.cond(c);
        }
        if let Some(ForInit::Var(v)) = &init {
            self.check_bindings(v);
        }
        self.stmt(StmtKind::For { init, cond, step: self.slice(step), body: self.alloc(body) }, l, r)
    }

    pub(crate) fn for_in(
        &self,
        vars: Vec<LoopVar<'a>>,
        iter: &'a Expr<'a>,
        body: Stmt<'a>,
        l: u32,
        r: u32,
    ) -> Stmt<'a> {
        if let [_, _, third, ..] = vars[..] {
            self.error(
                third.pattern.span,
                "a loop has at most two variables",
                "one for the elements, or two for keys and values; take an element apart with `for ([a, b, c] in xs)`",
            );
        }
        self.stmt(StmtKind::ForIn { vars: self.slice(vars), iter, body: self.alloc(body) }, l, r)
    }

    pub(crate) fn labelled(&self, label: Name<'a>, body: Stmt<'a>, l: u32, r: u32) -> Stmt<'a> {
        use StmtKind::*;
        if !matches!(
            body.kind,
            While { .. }
                | DoWhile { .. }
                | For { .. }
                | ForIn { .. }
                | Switch { .. }
                | Block(_)
                | Labelled { .. }
                | Error
        ) {
            self.error(
                label.span,
                "a label must stand before a loop, a `switch` or a block",
                "remove it; if a map was meant, put it into parentheses: ({a: 1})",
            );
        }
        self.stmt(Labelled { label, body: self.alloc(body) }, l, r)
    }

    pub(crate) fn switch(&self, value: &'a Expr<'a>, cases: Vec<SwitchCase<'a>>, l: u32, r: u32) -> Stmt<'a> {
        let mut defaults = cases.iter().filter(|c| c.values.is_empty());
        if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
            let at = Span::new(second.span.lo, second.span.lo + "default".len() as u32);
            let d = Diagnostic::error(self.file, at, "a `switch` has only one `default`");
            self.report(d.also(Span::new(first.span.lo, first.span.lo + at.hi - at.lo), "the first one"));
        }
        self.stmt(StmtKind::Switch { value, cases: self.slice(cases) }, l, r)
    }

    pub(crate) fn case(
        &self,
        values: Vec<&'a Expr<'a>>,
        body: Vec<Stmt<'a>>,
        l: u32,
        r: u32,
    ) -> SwitchCase<'a> {
        SwitchCase { values: self.slice(values), body: self.slice(body), span: Span::new(l, r) }
    }

    pub(crate) fn try_(
        &self,
        body: Block<'a>,
        catches: Vec<Catch<'a>>,
        finally: Option<Block<'a>>,
        l: u32,
        r: u32,
    ) -> Stmt<'a> {
        if catches.is_empty() && finally.is_none() {
            self.error(
                Span::new(l, l + 3),
                "this `try` has neither `catch` nor `finally`",
                "add `catch (e) { ... }`, or remove the `try`",
            );
        }
        if let Some(i) = catches.iter().position(|c| c.ty.is_none())
            && let Some(never) = catches.get(i + 1)
        {
            self.error(
                never.span,
                "this `catch` is never reached: the one before it catches everything",
                "put the `catch` without a type last",
            );
        }
        self.stmt(StmtKind::Try { body, catches: self.slice(catches), finally }, l, r)
    }

    pub(crate) fn catch(
        &self,
        ty: Option<TypeRef<'a>>,
        name: Option<Name<'a>>,
        body: Block<'a>,
        l: u32,
        r: u32,
    ) -> Catch<'a> {
        Catch { ty, name, body, span: Span::new(l, r) }
    }

    pub(crate) fn arm(&self, head: Head<'a>, body: ArmBody<'a>, l: u32, r: u32) -> Arm<'a> {
        let span = Span::new(l, r);
        match head {
            Head::Pattern(pattern, guard) => Arm::Match(MatchArm { pattern, guard, body, span }),
            Head::After(seconds) => Arm::After(After { seconds, body }, span),
        }
    }

    pub(crate) fn match_(&self, value: &'a Expr<'a>, arms: Vec<Arm<'a>>, l: u32, r: u32) -> &'a Match<'a> {
        let (arms, _) = self.split_arms(arms);
        self.alloc(Match { value, arms, span: Span::new(l, r) })
    }

    pub(crate) fn receive(&self, arms: Vec<Arm<'a>>, l: u32, r: u32) -> &'a Receive<'a> {
        let (arms, after) = self.split_arms(arms);
        self.alloc(Receive { arms, after, span: Span::new(l, r) })
    }

    /// The second pass lets `after` through only in a receive.
    fn split_arms(&self, arms: Vec<Arm<'a>>) -> (&'a [MatchArm<'a>], Option<After<'a>>) {
        let mut plain = Vec::with_capacity(arms.len());
        let mut after: Option<(After<'a>, Span)> = None;
        for arm in arms {
            match (arm, after) {
                (Arm::Match(m), None) => plain.push(m),
                (Arm::After(a, span), None) => after = Some((a, span)),
                (_, Some((_, span))) => {
                    self.error(span, "`after` must be the last arm", "move it to the end");
                    break;
                }
            }
        }
        (self.slice(plain), after.map(|(a, _)| a))
    }

    pub(crate) fn inline_op(&self, name: Name<'a>, operands: Vec<&'a Expr<'a>>, l: u32, r: u32) -> Stmt<'a> {
        let operands = self.slice(operands);
        self.stmt(StmtKind::InlineOp(InlineOp { name, operands, span: Span::new(l, r) }), l, r)
    }
}
