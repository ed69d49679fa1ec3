//! Conditions as control flow: a comparison becomes one jump, `&&`, `||` and `!` become none of their own.
//!
//! Invariant: negating a comparison of floats or unknown values uses the `not` form of its jump, never the opposite
//! comparison, so NaN is treated as the source says.

use corella_vm::bytecode::Op;

use super::literal::Lit;
use super::raw::Rep;
use super::state::{Lower, Num};
use crate::ast::{BinaryOp, Expr, ExprKind, LogicalOp, Span, UnaryOp};
use crate::emit::Label;
use crate::resolve::Ty;

impl<'a> Lower<'a, '_> {
    /// Jumps to `target` if the truth of the expression is `jump_if`, otherwise falls through.
    pub(super) fn cond(&mut self, e: &'a Expr<'a>, target: Label, jump_if: bool) {
        let mark = self.mark();
        self.cond_inner(e, target, jump_if);
        self.release(mark);
    }

    fn cond_inner(&mut self, e: &'a Expr<'a>, target: Label, jump_if: bool) {
        if let Some(lit) = self.lit(e) {
            if lit.truth() == jump_if {
                self.goto(target);
            }
            return;
        }
        match &e.kind {
            ExprKind::Unary { op: UnaryOp::Not, operand } => self.cond_inner(operand, target, !jump_if),
            ExprKind::Logical { op: op @ (LogicalOp::And | LogicalOp::Or), left, right } => {
                // `&&` is decided by a false left side, `||` by a true one.
                let decided = *op == LogicalOp::Or;
                if decided == jump_if {
                    self.cond(left, target, jump_if);
                    self.cond(right, target, jump_if);
                } else {
                    let skip = self.label();
                    self.cond(left, skip, decided);
                    self.cond(right, target, jump_if);
                    self.bind(skip);
                }
            }
            ExprKind::Binary { op, op_span, left, right } if is_comparison(*op) => {
                self.compare(*op, *op_span, left, right, target, jump_if);
            }
            ExprKind::Is { value, ty, negated } => {
                let r = self.reg(value);
                let index = self.type_index(ty);
                self.at(e.span);
                if jump_if == *negated {
                    self.jump(Op::JNotIs, r.0, index, target);
                } else {
                    let skip = self.label();
                    self.jump(Op::JNotIs, r.0, index, skip);
                    self.goto(target);
                    self.bind(skip);
                }
            }
            ExprKind::Binary { op: BinaryOp::NotIn, op_span, left, right } => {
                let l = self.operand(left, right.span);
                let r = self.reg(right);
                let tmp = self.temp();
                self.at(*op_span);
                self.op(Op::In, tmp.0, l.0, r.0);
                self.jump(if jump_if { Op::JFalse } else { Op::JTrue }, tmp.0, 0, target);
            }
            _ if self.ty(e) == Ty::Int && self.rep(e) == Rep::Raw => {
                let r = self.raw(e, Num::Int, "operand");
                self.at(e.span);
                self.jump(if jump_if { Op::IJNeI } else { Op::IJEqI }, r.0, 0, target);
            }
            _ => {
                let r = self.reg(e);
                self.at(e.span);
                self.jump(if jump_if { Op::JTrue } else { Op::JFalse }, r.0, 0, target);
            }
        }
    }

    fn compare(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        target: Label,
        jump_if: bool,
    ) {
        match self.raw_comparison(left, right) {
            Some(Num::Int) => self.compare_ints(op, op_span, left, right, target, jump_if),
            Some(Num::Float) => self.compare_floats(op, op_span, left, right, target, jump_if),
            None => self.compare_any(op, op_span, left, right, target, jump_if),
        }
    }

    fn compare_ints(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        target: Label,
        jump_if: bool,
    ) {
        use BinaryOp as B;
        let op = if jump_if { op } else { opposite(op) };
        let (op, left, right) =
            if self.lit(left).is_some() { (mirrored(op), right, left) } else { (op, left, right) };
        if let Some(imm) = self.lit(right).and_then(Lit::imm) {
            let l = self.raw(left, Num::Int, "operand");
            let jump = match op {
                B::Eq => Op::IJEqI,
                B::Ne => Op::IJNeI,
                B::Lt => Op::IJLtI,
                B::Le => Op::IJLeI,
                B::Gt => Op::IJGtI,
                _ => Op::IJGeI,
            };
            self.at(op_span);
            self.jump(jump, l.0, imm as u16, target);
            return;
        }
        let l = self.raw_before(left, Num::Int, right.span);
        let r = self.raw(right, Num::Int, "operand");
        self.at(op_span);
        match op {
            B::Eq => self.jump(Op::IJEq, l.0, r.0, target),
            B::Ne => self.jump(Op::IJNe, l.0, r.0, target),
            B::Lt => self.jump(Op::IJLt, l.0, r.0, target),
            B::Le => self.jump(Op::IJLe, l.0, r.0, target),
            B::Gt => self.jump(Op::IJLt, r.0, l.0, target),
            _ => self.jump(Op::IJLe, r.0, l.0, target),
        }
    }

    fn compare_floats(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        target: Label,
        jump_if: bool,
    ) {
        let l = self.raw_before(left, Num::Float, right.span);
        let r = self.raw(right, Num::Float, "operand");
        self.at(op_span);
        let ordered = if jump_if { [Op::FJLt, Op::FJLe] } else { [Op::FJNLt, Op::FJNLe] };
        self.jump_by_order(op, ordered, [Op::FJNe, Op::FJEq], jump_if, (l.0, r.0), target);
    }

    fn compare_any(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        target: Label,
        jump_if: bool,
    ) {
        use BinaryOp as B;
        let equality = matches!(op, B::Eq | B::Ne);
        // A literal on the left changes sides where that cannot be told from outside.
        let (op, left, right) = if self.lit(left).is_some()
            && self.lit(right).is_none()
            && (equality || self.ty(right).is_number())
        {
            (mirrored(op), right, left)
        } else {
            (op, left, right)
        };
        if equality && self.ty(right) == Ty::Null {
            let l = self.reg(left);
            self.at(op_span);
            let null = (op == B::Eq) == jump_if;
            return self.jump(if null { Op::JNull } else { Op::JNotNull }, l.0, 0, target);
        }
        if let Some(imm) = self.lit(right).and_then(Lit::imm) {
            let l = self.reg(left);
            let jump = match (op, jump_if) {
                (B::Eq, true) | (B::Ne, false) => Op::JEqI,
                (B::Eq, false) | (B::Ne, true) => Op::JNeI,
                (B::Lt, true) => Op::JLtI,
                (B::Lt, false) => Op::JNLtI,
                (B::Le, true) => Op::JLeI,
                (B::Le, false) => Op::JNLeI,
                (B::Gt, true) => Op::JGtI,
                (B::Gt, false) => Op::JNGtI,
                (_, true) => Op::JGeI,
                (_, false) => Op::JNGeI,
            };
            self.at(op_span);
            return self.jump(jump, l.0, imm as u16, target);
        }
        let l = self.operand(left, right.span);
        let r = self.reg(right);
        self.at(op_span);
        let ordered = if jump_if { [Op::JLt, Op::JLe] } else { [Op::JNLt, Op::JNLe] };
        self.jump_by_order(op, ordered, [Op::JNe, Op::JEq], jump_if, (l.0, r.0), target);
    }

    /// The jump of a comparison of two registers; `>` and `>=` are `<` and `<=` with their sides exchanged.
    fn jump_by_order(
        &mut self,
        op: BinaryOp,
        [lt, le]: [Op; 2],
        [ne, eq]: [Op; 2],
        jump_if: bool,
        (l, r): (u16, u16),
        target: Label,
    ) {
        use BinaryOp as B;
        match op {
            B::Lt => self.jump(lt, l, r, target),
            B::Le => self.jump(le, l, r, target),
            B::Gt => self.jump(lt, r, l, target),
            B::Ge => self.jump(le, r, l, target),
            _ => self.jump(if (op == B::Eq) == jump_if { eq } else { ne }, l, r, target),
        }
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp as B;
    matches!(op, B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge)
}

/// The comparison that holds exactly when `op` does not; for integers only.
fn opposite(op: BinaryOp) -> BinaryOp {
    use BinaryOp as B;
    match op {
        B::Eq => B::Ne,
        B::Ne => B::Eq,
        B::Lt => B::Ge,
        B::Le => B::Gt,
        B::Gt => B::Le,
        B::Ge => B::Lt,
        other => other,
    }
}

/// The comparison with its sides exchanged.
fn mirrored(op: BinaryOp) -> BinaryOp {
    use BinaryOp as B;
    match op {
        B::Lt => B::Gt,
        B::Le => B::Ge,
        B::Gt => B::Lt,
        B::Ge => B::Le,
        other => other,
    }
}
