//! Loops. The test stands at the top and `loop` at the bottom: conditional jumps only go forward, so a test at the bottom would
//! need the same two instructions a turn. Counting loops over integers end in one instruction.

use corella_vm::bytecode::Op;

use super::literal::Lit;
use super::raw::Rep;
use super::state::{Ctl, CtlKind, Home, Lower, Num};
use crate::ast::{
    AssignOp, BinaryOp, Expr, ExprKind, ForInit, LoopVar, Name, PatternKind, Span, Stmt, Target, TargetKind,
    VarDecl,
};
use crate::emit::{Label, Raw, Reg};
use crate::resolve::{Place, Ty, VarId, bound_names};

/// A `for` loop that counts an integer up to a bound.
struct Counting<'a> {
    var: VarId,
    name: Name<'a>,
    init: &'a Expr<'a>,
    bound: &'a Expr<'a>,
    inclusive: bool,
}

impl<'a> Lower<'a, '_> {
    fn enter_loop(&mut self, label: Option<&'a str>, exit: Label, next: Label) {
        self.f().ctl.push(Ctl { name: label, kind: CtlKind::Loop { exit, next } });
    }

    fn leave_loop(&mut self) {
        self.f().ctl.pop();
        self.f().loops -= 1;
    }

    /// Lowers `while (cond) body`.
    pub(super) fn while_loop(&mut self, cond: &'a Expr<'a>, body: &'a Stmt<'a>, label: Option<&'a str>) {
        let (exit, next) = (self.label(), self.label());
        self.f().loops += 1;
        let top = self.here();
        self.cond(cond, exit, false);
        self.enter_loop(label, exit, next);
        self.body(body);
        self.leave_loop();
        self.bind(next);
        self.jump(Op::Loop, 0, 0, top);
        self.bind(exit);
    }

    /// Lowers `do body while (cond);`.
    pub(super) fn do_loop(&mut self, body: &'a Stmt<'a>, cond: &'a Expr<'a>, label: Option<&'a str>) {
        let (exit, next) = (self.label(), self.label());
        self.f().loops += 1;
        let top = self.here();
        self.enter_loop(label, exit, next);
        self.body(body);
        self.f().ctl.pop();
        self.bind(next);
        self.cond(cond, exit, false);
        self.f().loops -= 1;
        self.jump(Op::Loop, 0, 0, top);
        self.bind(exit);
    }

    /// Lowers `for (init; cond; step) body`.
    pub(super) fn for_loop(
        &mut self,
        init: Option<&'a ForInit<'a>>,
        cond: Option<&'a Expr<'a>>,
        step: &'a [&'a Expr<'a>],
        body: &'a Stmt<'a>,
        label: Option<&'a str>,
    ) {
        let mark = self.mark();
        if let Some(counting) = self.counting(init, cond, step, body) {
            self.counting_loop(&counting, body, label);
            self.release(mark);
            return;
        }
        let mut cells: Vec<Reg> = Vec::new();
        match init {
            Some(ForInit::Var(vars)) => {
                self.var_decl(vars);
                cells = self.loop_cells(vars);
            }
            Some(ForInit::Exprs(exprs)) => exprs.iter().for_each(|e| self.effect(e)),
            None => {}
        }
        let (exit, next) = (self.label(), self.label());
        self.f().loops += 1;
        let top = self.here();
        if let Some(cond) = cond {
            self.cond(cond, exit, false);
        }
        self.enter_loop(label, exit, next);
        self.body(body);
        self.leave_loop();
        self.bind(next);
        for cell in cells {
            // Closures made in this turn keep its variable; the next turn has a copy.
            let inner = self.mark();
            let tmp = self.temp();
            self.op(Op::CellGet, tmp.0, cell.0, 0);
            self.op(Op::NewCell, cell.0, tmp.0, 0);
            self.release(inner);
        }
        self.f().loops += 1;
        step.iter().for_each(|e| self.effect(e));
        self.f().loops -= 1;
        self.jump(Op::Loop, 0, 0, top);
        self.bind(exit);
        self.release(mark);
    }

    fn loop_cells(&mut self, vars: &'a VarDecl<'a>) -> Vec<Reg> {
        let mut cells = Vec::new();
        for binding in vars.bindings {
            bound_names(&binding.target, &mut |name| {
                if let Some(id) = self.res.decls.get(&name.span.lo)
                    && let Some(&Home::Cell(cell)) = self.f_ref().homes.get(id)
                {
                    cells.push(cell);
                }
            });
        }
        cells
    }

    /// Recognises `for (int i = a; i < b; i++)` whose body leaves `i` alone and whose bound is an integer in a raw register.
    fn counting(
        &self,
        init: Option<&'a ForInit<'a>>,
        cond: Option<&'a Expr<'a>>,
        step: &'a [&'a Expr<'a>],
        body: &'a Stmt<'a>,
    ) -> Option<Counting<'a>> {
        let Some(ForInit::Var(vars)) = init else { return None };
        let [binding] = vars.bindings else { return None };
        let PatternKind::Bind(name) = binding.target.kind else { return None };
        let init = binding.init?;
        let var = *self.res.decls.get(&name.span.lo)?;
        let info = self.var(var);
        if info.place != Place::Local
            || info.captured
            || info.assigned_in(body.span)
            || self.ty(init) != Ty::Int
        {
            return None;
        }
        if info.declared.is_some() && info.ty != Ty::Int {
            return None;
        }
        let is_var = |e: &Expr<'a>| matches!(e.kind, ExprKind::Name(n) if self.var_of(n.span) == Some(var));
        let ExprKind::Binary { op, left, right: bound, .. } = cond?.kind else { return None };
        let inclusive = match op {
            BinaryOp::Lt => false,
            BinaryOp::Le => true,
            _ => return None,
        };
        if !is_var(left) || self.ty(bound) != Ty::Int {
            return None;
        }
        match self.rep(bound) {
            Rep::Lit => {}
            // The register is read anew in every turn, so the body may change it.
            Rep::Raw | Rep::Both if matches!(bound.kind, ExprKind::Name(_)) => {}
            _ => return None,
        }
        let [step] = step else { return None };
        let steps_var =
            |t: &Target<'a>| matches!(t.kind, TargetKind::Name(n) if self.var_of(n.span) == Some(var));
        let up = match step.kind {
            ExprKind::Update { delta: 1, target, .. } => steps_var(target),
            ExprKind::AssignOp { op: AssignOp::Binary(BinaryOp::Add), target, value, .. } => {
                steps_var(target) && self.lit(value) == Some(Lit::Int(1))
            }
            _ => false,
        };
        let elsewhere = info.assigns.iter().any(|&at| !(step.span.lo <= at && at < step.span.hi));
        (up && !elsewhere).then_some(Counting { var, name, init, bound, inclusive })
    }

    fn counting_loop(&mut self, counting: &Counting<'a>, body: &'a Stmt<'a>, label: Option<&'a str>) {
        self.at(counting.name.span);
        let counter = self.raw_temp();
        let what = format!("variable {}", counting.name.text);
        self.raw_to(counting.init, Num::Int, counter, &what);
        self.settle(counting.var, Home::Raw(counter, Num::Int));
        self.inferred.insert(counting.var);
        let bound = self.raw(counting.bound, Num::Int, "bound");
        let runs = self.runs(counting.init, counting.bound, counting.inclusive);
        self.count(counter, bound, counting.inclusive, runs, label, &mut |l| l.body(body));
    }

    /// Whether it is known that a loop from `start` to `end` has a first turn.
    fn runs(&self, start: &'a Expr<'a>, end: &'a Expr<'a>, inclusive: bool) -> bool {
        match (self.lit(start), self.lit(end)) {
            (Some(Lit::Int(a)), Some(Lit::Int(b))) => a < b || (inclusive && a == b),
            _ => false,
        }
    }

    /// Runs `turn` for each value of a raw counter from where it stands up to a bound. `runs`: there is at least one.
    fn count(
        &mut self,
        counter: Raw,
        bound: Raw,
        inclusive: bool,
        runs: bool,
        label: Option<&'a str>,
        turn: &mut dyn FnMut(&mut Self),
    ) {
        let (exit, next) = (self.label(), self.label());
        let position = self.b().position();
        if !runs {
            // Nothing to do at all if the bound lies before the start.
            self.jump(if inclusive { Op::IJLt } else { Op::IJLe }, bound.0, counter.0, exit);
        }
        let top = self.here();
        self.f().loops += 1;
        self.enter_loop(label, exit, next);
        turn(self);
        self.leave_loop();
        self.bind(next);
        self.b().at(position);
        self.jump(if inclusive { Op::ForLe } else { Op::ForLt }, counter.0, bound.0, top);
        self.bind(exit);
    }

    /// Lowers `for (x in iter) body` and `for (k, v in iter) body`.
    pub(super) fn for_in(
        &mut self,
        vars: &'a [LoopVar<'a>],
        iter: &'a Expr<'a>,
        body: &'a Stmt<'a>,
        label: Option<&'a str>,
    ) {
        let mark = self.mark();
        match (&iter.kind, vars) {
            (ExprKind::Range { start, end, inclusive }, [var])
                if matches!(var.pattern.kind, PatternKind::Bind(_) | PatternKind::Wildcard) =>
            {
                self.for_range(var, start, end, *inclusive, body, label);
            }
            _ => self.for_each(vars, iter, body, label),
        }
        self.release(mark);
    }

    fn for_range(
        &mut self,
        var: &'a LoopVar<'a>,
        start: &'a Expr<'a>,
        end: &'a Expr<'a>,
        inclusive: bool,
        body: &'a Stmt<'a>,
        label: Option<&'a str>,
    ) {
        let counter = self.raw_temp();
        self.raw_to(start, Num::Int, counter, "start of the range");
        let changes = match end.kind {
            ExprKind::Name(name) => {
                self.var_of(name.span).is_some_and(|id| self.var(id).assigned_in(body.span))
            }
            _ => false,
        };
        let bound = if changes {
            let copy = self.raw_temp();
            self.raw_to(end, Num::Int, copy, "end of the range");
            copy
        } else {
            self.raw(end, Num::Int, "end of the range")
        };
        let mut fill: Option<VarId> = None;
        if let PatternKind::Bind(name) = var.pattern.kind
            && let Some(&id) = self.res.decls.get(&name.span.lo)
        {
            let info = self.var(id);
            let own = info.place == Place::Local && !info.captured && !info.assigned();
            if own && (info.declared.is_none() || info.ty == Ty::Int) {
                self.settle(id, Home::Raw(counter, Num::Int));
            } else {
                self.place_var(name);
                fill = Some(id);
            }
        }
        self.at(iter_span(start, end));
        let runs = self.runs(start, end, inclusive);
        self.count(counter, bound, inclusive, runs, label, &mut |l| {
            if let Some(id) = fill {
                let mark = l.mark();
                match l.f_ref().homes.get(&id).copied() {
                    Some(Home::Raw(raw, Num::Int)) => l.mov_raw(raw, counter),
                    Some(Home::Raw(raw, Num::Float)) => l.op(Op::IToF, raw.0, counter.0, 0),
                    Some(Home::Reg(reg)) if l.var(id).declared.is_none() => l.boxed(reg, counter, Num::Int),
                    _ => {
                        let tmp = l.temp();
                        l.boxed(tmp, counter, Num::Int);
                        l.fill_var(id, tmp);
                    }
                }
                l.release(mark);
            }
            l.body(body);
        });
    }

    fn for_each(
        &mut self,
        vars: &'a [LoopVar<'a>],
        iter: &'a Expr<'a>,
        body: &'a Stmt<'a>,
        label: Option<&'a str>,
    ) {
        let state = self.b().temps(2);
        let inner = self.mark();
        let source = self.reg(iter);
        self.at(iter.span);
        self.op(Op::IterStart, state.0, source.0, 0);
        self.release(inner);
        let first = self.b().temps(vars.len().max(1));
        let (exit, next) = (self.label(), self.label());
        self.f().loops += 1;
        let top = self.here();
        self.at(iter.span);
        self.b().jump(Op::IterNext, vars.len() as u8, state.0, first.0, exit);
        let turn = self.mark();
        for (number, var) in vars.iter().enumerate() {
            self.loop_var(var, first.plus(number));
        }
        self.enter_loop(label, exit, next);
        self.body(body);
        self.leave_loop();
        self.release(turn);
        self.bind(next);
        self.at(iter.span);
        self.jump(Op::Loop, 0, 0, top);
        self.bind(exit);
    }

    /// Gives a loop variable the value in a register, in place if it may stay there.
    fn loop_var(&mut self, var: &'a LoopVar<'a>, src: Reg) {
        match var.pattern.kind {
            PatternKind::Wildcard => {}
            PatternKind::Bind(name) => {
                let Some(&id) = self.res.decls.get(&name.span.lo) else { return };
                self.at(name.span);
                if self.var(id).place == Place::Local && self.var(id).declared.is_none() {
                    self.settle(id, Home::Reg(src));
                } else {
                    self.place_var(name);
                    self.fill_var(id, src);
                }
            }
            _ => self.bind_pattern(&var.pattern, src),
        }
    }
}

fn iter_span(start: &Expr<'_>, end: &Expr<'_>) -> Span {
    start.span.to(end.span)
}
