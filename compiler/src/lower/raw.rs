//! Numbers in raw registers: which expressions are best computed there, and how.
//!
//! An expression is [`Rep::Raw`] if its value arises unboxed, [`Rep::Both`] if it is at hand either way, [`Rep::Lit`] if it is
//! known, else [`Rep::Tagged`]. Mixing costs a box or an unbox, so a tree is computed where its leaves are.

use corella_vm::bytecode::{Const, Op};

use super::literal::Lit;
use super::state::{Home, Lower, Num};
use super::vars::Access;
use crate::ast::{BinaryOp, Expr, ExprKind, Span, TargetKind, UnaryOp};
use crate::emit::Raw;
use crate::resolve::{Binding, Place, Ty};

/// Where an expression's value arises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rep {
    /// In a tagged register.
    Tagged,
    /// In a raw register.
    Raw,
    /// In either, at no cost.
    Both,
    /// It is a number known when compiling.
    Lit,
}

/// The number kind of a static type.
pub(super) fn num_of(ty: Ty<'_>) -> Option<Num> {
    match ty {
        Ty::Int => Some(Num::Int),
        Ty::Float => Some(Num::Float),
        _ => None,
    }
}

impl<'a> Lower<'a, '_> {
    /// Where an expression's value arises.
    pub(super) fn rep(&self, e: &'a Expr<'a>) -> Rep {
        if matches!(self.lit(e), Some(Lit::Int(_) | Lit::Float(_))) {
            return Rep::Lit;
        }
        match &e.kind {
            ExprKind::Name(name) => self.name_rep(name.span),
            ExprKind::Unary { op: UnaryOp::Neg | UnaryOp::Plus | UnaryOp::BitNot, operand }
                if self.ty(e).is_number() =>
            {
                self.rep(operand)
            }
            ExprKind::Binary { op, left, right, .. } if self.ty(e).is_number() => {
                if *op == BinaryOp::Pow && self.ty(e) == Ty::Int {
                    return Rep::Tagged;
                }
                match (self.rep(left), self.rep(right)) {
                    (Rep::Raw, _) | (_, Rep::Raw) => Rep::Raw,
                    (Rep::Tagged, _) | (_, Rep::Tagged) => Rep::Tagged,
                    (Rep::Both | Rep::Lit, Rep::Both | Rep::Lit) => Rep::Both,
                }
            }
            ExprKind::Assign { target, .. }
            | ExprKind::AssignOp { target, .. }
            | ExprKind::Update { target, .. } => match target.kind {
                TargetKind::Name(name) => self.name_rep(name.span),
                _ => Rep::Tagged,
            },
            ExprKind::Conditional { then, otherwise, .. } if self.ty(e).is_number() => {
                match (self.rep(then), self.rep(otherwise)) {
                    (Rep::Tagged, _) | (_, Rep::Tagged) => Rep::Tagged,
                    (Rep::Raw, _) | (_, Rep::Raw) => Rep::Raw,
                    _ => Rep::Both,
                }
            }
            ExprKind::Index { object, index, optional: false } => match (self.ty(object), self.ty(index)) {
                (Ty::Builtin("IntArray" | "FloatArray"), Ty::Int) => Rep::Raw,
                _ => Rep::Tagged,
            },
            ExprKind::Call { callee, args, optional: false } => match args {
                [arg] if !arg.spread => {
                    if self.ty(arg.value).is_number()
                        && (self.conversion(callee).is_some() || self.math_function(callee).is_some())
                    {
                        Rep::Raw
                    } else {
                        Rep::Tagged
                    }
                }
                _ => Rep::Tagged,
            },
            _ => Rep::Tagged,
        }
    }

    fn name_rep(&self, at: Span) -> Rep {
        let Some(id) = self.var_of(at) else { return Rep::Tagged };
        if self.var(id).func != self.f_ref().id || self.var(id).place != Place::Local {
            return Rep::Tagged;
        }
        match self.f_ref().homes.get(&id) {
            Some(Home::Raw(..)) => Rep::Raw,
            Some(Home::Both(..)) => Rep::Both,
            Some(Home::Reg(_) | Home::Cell(_)) | None => Rep::Tagged,
        }
    }

    /// `int` or `float` where they mean the built-in conversions.
    pub(super) fn conversion(&self, callee: &'a Expr<'a>) -> Option<Num> {
        let ExprKind::Name(name) = callee.kind else { return None };
        match (self.res.uses.get(&name.span.lo)?, name.text) {
            (Binding::Builtin, "int") => Some(Num::Int),
            (Binding::Builtin, "float") => Some(Num::Float),
            _ => None,
        }
    }

    /// A raw register with the value of a number expression: a variable's own or a new one.
    pub(super) fn raw(&mut self, e: &'a Expr<'a>, num: Num, what: &str) -> Raw {
        if let Some(lit) = self.lit(e)
            && self.f_ref().loops > 0
            && let Some(k) = raw_const(lit, num)
        {
            let k = self.m.constant(k);
            if let Some(raw) = self.b().pin_raw(k) {
                return raw;
            }
        }
        if let ExprKind::Name(name) = e.kind
            && let Some(id) = self.var_of(name.span)
            && self.lit(e).is_none()
        {
            match self.access(id) {
                Access::Home(Home::Raw(raw, have)) if have == num => return raw,
                Access::Home(Home::Both(raw, _)) if num == Num::Int => return raw,
                _ => {}
            }
        }
        let dst = self.raw_temp();
        self.raw_to(e, num, dst, what);
        dst
    }

    /// As [`Self::raw`], for an operand that stands before another one: copied if that one assigns it.
    pub(super) fn raw_before(&mut self, e: &'a Expr<'a>, num: Num, later: Span) -> Raw {
        if let ExprKind::Name(name) = e.kind
            && let Some(id) = self.var_of(name.span)
            && self.var(id).assigned_in(later)
        {
            let dst = self.raw_temp();
            self.raw_to(e, num, dst, "operand");
            return dst;
        }
        self.raw(e, num, "operand")
    }

    /// Computes a number into a raw register; `what` names it in the error if it turns out to be none.
    pub(super) fn raw_to(&mut self, e: &'a Expr<'a>, num: Num, dst: Raw, what: &str) {
        if let Some(k) = self.lit(e).and_then(|lit| raw_const(lit, num)) {
            match k {
                Const::Int(i) if i32::try_from(i).is_ok() => self.wide(Op::LoadIntRaw, dst.0, i as u32),
                k => {
                    let k = self.m.constant(k);
                    self.wide(Op::LoadKRaw, dst.0, k);
                }
            }
            return;
        }
        let have = num_of(self.ty(e));
        let mark = self.mark();
        match (have, self.rep(e)) {
            (Some(have), Rep::Raw | Rep::Both | Rep::Lit) if have == num => self.raw_compute(e, num, dst),
            (Some(Num::Int), Rep::Raw | Rep::Both) if num == Num::Float => {
                let tmp = self.raw(e, Num::Int, what);
                self.at(e.span);
                self.op(Op::IToF, dst.0, tmp.0, 0);
            }
            _ => {
                let r = self.reg(e);
                self.at(e.span);
                self.unboxed(dst, r, num, what);
            }
        }
        self.release(mark);
    }

    /// Computes an expression that is at home in raw registers.
    fn raw_compute(&mut self, e: &'a Expr<'a>, num: Num, dst: Raw) {
        match &e.kind {
            ExprKind::Name(name) => {
                if let Some(id) = self.var_of(name.span)
                    && let Access::Home(Home::Raw(raw, _) | Home::Both(raw, _)) = self.access(id)
                {
                    self.mov_raw(dst, raw);
                }
            }
            ExprKind::Unary { op, operand } => {
                let src = self.raw(operand, num, "operand");
                self.at(e.span);
                match (op, num) {
                    (UnaryOp::Neg, Num::Int) => self.op(Op::INeg, dst.0, src.0, 0),
                    (UnaryOp::Neg, Num::Float) => self.op(Op::FNeg, dst.0, src.0, 0),
                    (UnaryOp::BitNot, _) => self.op(Op::IBitNot, dst.0, src.0, 0),
                    (UnaryOp::Plus | UnaryOp::Not, _) => self.mov_raw(dst, src),
                }
            }
            ExprKind::Binary { op, op_span, left, right } => {
                self.raw_binary(*op, *op_span, left, right, num, dst);
            }
            ExprKind::Conditional { cond, then, otherwise } => {
                let (other, done) = (self.label(), self.label());
                self.cond(cond, other, false);
                self.raw_to(then, num, dst, "operand");
                self.goto(done);
                self.bind(other);
                self.raw_to(otherwise, num, dst, "operand");
                self.bind(done);
            }
            ExprKind::Assign { .. } | ExprKind::AssignOp { .. } | ExprKind::Update { .. } => {
                self.raw_assignment(e, dst);
            }
            ExprKind::Index { object, index, .. } => {
                let obj = self.operand(object, index.span);
                let i = self.raw(index, Num::Int, "index");
                self.at(e.span);
                let op = if num == Num::Int { Op::IAGet } else { Op::FAGet };
                self.op(op, dst.0, obj.0, i.0);
            }
            ExprKind::Call { callee, args, .. } => {
                let Some(arg) = args.first() else { return };
                let have = num_of(self.ty(arg.value)).unwrap_or(Num::Float);
                if let Some(op) = self.math_function(callee) {
                    let src = self.raw(arg.value, Num::Float, "argument");
                    self.at(e.span);
                    self.op(op, dst.0, src.0, 0);
                    return;
                }
                let src = self.raw(arg.value, have, "argument");
                self.at(e.span);
                match (have, num) {
                    (Num::Int, Num::Float) => self.op(Op::IToF, dst.0, src.0, 0),
                    (Num::Float, Num::Int) => self.op(Op::FToI, dst.0, src.0, 0),
                    _ => self.mov_raw(dst, src),
                }
            }
            // No other kind is at home in raw registers.
            _ => {
                let r = self.reg(e);
                self.unboxed(dst, r, num, "operand");
            }
        }
    }

    /// Computes `left op right` in raw registers; the result has kind `num`.
    pub(super) fn raw_binary(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        num: Num,
        dst: Raw,
    ) {
        let mark = self.mark();
        if num == Num::Int {
            if let Some((imm_op, imm)) = self.int_immediate(op, right) {
                let l = self.raw(left, Num::Int, "operand");
                self.at(op_span);
                self.op(imm_op, dst.0, l.0, imm as u16);
            } else if let (BinaryOp::Add | BinaryOp::Mul | BinaryOp::BitAnd, Some((imm_op, imm))) =
                (op, self.int_immediate(op, left))
            {
                let r = self.raw(right, Num::Int, "operand");
                self.at(op_span);
                self.op(imm_op, dst.0, r.0, imm as u16);
            } else {
                let l = self.raw_before(left, Num::Int, right.span);
                let r = self.raw(right, Num::Int, "operand");
                self.at(op_span);
                self.op(int_op(op), dst.0, l.0, r.0);
            }
        } else {
            let l = self.raw_before(left, Num::Float, right.span);
            let r = self.raw(right, Num::Float, "operand");
            self.at(op_span);
            self.op(float_op(op), dst.0, l.0, r.0);
        }
        self.release(mark);
    }

    /// The immediate form of an integer operation with a literal right operand.
    pub(super) fn int_immediate(&self, op: BinaryOp, right: &'a Expr<'a>) -> Option<(Op, i16)> {
        use BinaryOp as B;
        let imm = self.lit(right)?.imm()?;
        Some(match op {
            B::Add => (Op::IAddI, imm),
            B::Sub => (Op::IAddI, imm.checked_neg()?),
            B::Mul => (Op::IMulI, imm),
            B::Div => (Op::IDivI, imm),
            B::Rem => (Op::IModI, imm),
            B::BitAnd => (Op::IAndI, imm),
            B::Shl => (Op::IShlI, imm),
            B::Shr => (Op::IShrI, imm),
            _ => return None,
        })
    }
}

/// A known number as a constant for a raw register of a kind.
fn raw_const(lit: Lit<'_>, num: Num) -> Option<Const> {
    match (lit, num) {
        (Lit::Int(i), Num::Int) => Some(Const::Int(i)),
        (Lit::Int(i), Num::Float) => Some(Const::Float(i as f64)),
        (Lit::Float(f), Num::Float) => Some(Const::Float(f)),
        _ => None,
    }
}

/// The op on raw integers. Comparisons are not asked for.
pub(super) fn int_op(op: BinaryOp) -> Op {
    use BinaryOp as B;
    match op {
        B::Add => Op::IAdd,
        B::Sub => Op::ISub,
        B::Mul => Op::IMul,
        B::Div => Op::IDiv,
        B::Rem => Op::IMod,
        B::BitAnd => Op::IAnd,
        B::BitOr => Op::IOr,
        B::BitXor => Op::IXor,
        B::Shl => Op::IShl,
        B::Shr => Op::IShr,
        B::UShr => Op::IUShr,
        B::Pow | B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge | B::In | B::NotIn => Op::Nop,
    }
}

/// The op on raw floats. Comparisons and bit operations are not asked for.
pub(super) fn float_op(op: BinaryOp) -> Op {
    use BinaryOp as B;
    match op {
        B::Add => Op::FAdd,
        B::Sub => Op::FSub,
        B::Mul => Op::FMul,
        B::Div => Op::FDiv,
        B::Rem => Op::FMod,
        B::Pow => Op::FPow,
        B::BitAnd | B::BitOr | B::BitXor | B::Shl | B::Shr | B::UShr => Op::Nop,
        B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge | B::In | B::NotIn => Op::Nop,
    }
}
