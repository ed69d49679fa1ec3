//! Assignment, compound assignment, `++` and `--`.
//!
//! Invariant: a target's object and index are evaluated once, before the value.

use corella_vm::bytecode::Op;

use super::literal::Lit;
use super::raw::{Rep, float_op, int_op, num_of};
use super::state::{Home, Lower, Num};
use super::types::Fit;
use super::vars::Access;
use crate::ast::{AssignOp, BinaryOp, Expr, ExprKind, LogicalOp, Name, Span, Target, TargetKind};
use crate::emit::{Raw, Reg};
use crate::resolve::{Binding, NsMember, Place, Ty, VarId, VarKind};

/// A target whose object and index have been evaluated.
#[derive(Clone, Copy)]
enum Slot<'a> {
    /// A variable.
    Var(VarId),
    /// An attribute of the object in a register.
    Member(Reg, Name<'a>),
    /// An element.
    Index(Reg, Reg),
    /// An element with a raw index.
    RawIndex(Reg, Raw),
    /// Something reported as an error.
    Nothing,
}

impl<'a> Lower<'a, '_> {
    /// Lowers `target = value`; with `keep`, the value is in that register afterwards.
    pub(super) fn assign(&mut self, target: &'a Target<'a>, value: &'a Expr<'a>, keep: Option<Reg>) {
        match &target.kind {
            TargetKind::Name(name) => match self.var_of(name.span) {
                Some(id) => self.assign_var(id, value, keep),
                None => self.value_only(value, keep),
            },
            TargetKind::Array { .. } | TargetKind::Map { .. } => {
                let src = match keep {
                    Some(dst) => {
                        self.to(value, dst);
                        dst
                    }
                    None => {
                        // The value must not change while its parts are written to variables.
                        let tmp = self.temp();
                        self.to(value, tmp);
                        tmp
                    }
                };
                self.destructure_target(target, src);
            }
            TargetKind::Member { object, name } => {
                if let Some(id) = self.namespace_variable(object, *name) {
                    return self.assign_var(id, value, keep);
                }
                self.check_self_attribute(object, *name);
                let want = self.target_ty(target);
                if self.fit(want, value) == Fit::No {
                    let what = format!("attribute `{}`", name.text);
                    self.misfit(want, value, &what);
                }
                let obj = self.operand(object, value.span);
                let src = self.kept(value, keep);
                self.at(target.span);
                let site = self.site(name.text);
                self.op(Op::SetAttr, obj.0, src.0, site);
            }
            TargetKind::Index { object, index } => {
                let later = Span::new(index.span.lo, value.span.hi);
                let element = match self.ty(object) {
                    Ty::Builtin("IntArray") => Some(Num::Int),
                    Ty::Builtin("FloatArray") => Some(Num::Float),
                    _ => None,
                };
                let obj = self.operand(object, later);
                if let Some(num) = element
                    && self.ty(index) == Ty::Int
                    && self.ty(value).is_number()
                    && !(num == Num::Int && self.ty(value) == Ty::Float)
                {
                    let i = self.raw_before(index, Num::Int, value.span);
                    let v = self.raw(value, num, "element");
                    self.at(target.span);
                    self.op(if num == Num::Int { Op::IASet } else { Op::FASet }, obj.0, i.0, v.0);
                    if let Some(dst) = keep {
                        self.boxed(dst, v, num);
                    }
                    return;
                }
                let slot = self.index_slot(obj, index, value.span);
                let src = self.kept(value, keep);
                self.at(target.span);
                self.write_slot(slot, src);
            }
        }
    }

    fn value_only(&mut self, value: &'a Expr<'a>, keep: Option<Reg>) {
        match keep {
            Some(dst) => self.to(value, dst),
            None => self.effect(value),
        }
    }

    /// The value in `keep`, if that is wanted, else wherever it is.
    fn kept(&mut self, value: &'a Expr<'a>, keep: Option<Reg>) -> Reg {
        match keep {
            Some(dst) => {
                // `keep` may be a variable that the object is read from, so it is written last.
                let src = self.reg(value);
                self.mov(dst, src);
                src
            }
            None => self.reg(value),
        }
    }

    /// The variable that `object.name` means, if `object` is a namespace of this file.
    fn namespace_variable(&mut self, object: &'a Expr<'a>, name: Name<'a>) -> Option<VarId> {
        self.check_namespace_member(object, name);
        let Some(Binding::Namespace(ns)) = self.member_binding(object) else { return None };
        let Some(NsMember::Var(id)) = self.res.namespaces[ns].get(name.text) else { return None };
        if self.var(id).kind != VarKind::Var {
            self.error(
                name.span,
                format!("`{}` cannot be assigned: it is not a variable", name.text),
                "declare it with `var` in its namespace for a value that changes".to_owned(),
            );
        }
        Some(id)
    }

    fn index_slot(&mut self, obj: Reg, index: &'a Expr<'a>, later: Span) -> Slot<'a> {
        if self.ty(index) == Ty::Int && matches!(self.rep(index), Rep::Raw | Rep::Both) {
            Slot::RawIndex(obj, self.raw_before(index, Num::Int, later))
        } else {
            Slot::Index(obj, self.operand(index, later))
        }
    }

    fn slot(&mut self, target: &'a Target<'a>, later: Span) -> Slot<'a> {
        match &target.kind {
            TargetKind::Name(name) => self.var_of(name.span).map_or(Slot::Nothing, Slot::Var),
            TargetKind::Member { object, name } => match self.namespace_variable(object, *name) {
                Some(id) => Slot::Var(id),
                None => {
                    self.check_self_attribute(object, *name);
                    Slot::Member(self.operand(object, later), *name)
                }
            },
            TargetKind::Index { object, index } => {
                let obj = self.operand(object, Span::new(index.span.lo, later.hi.max(index.span.hi)));
                self.index_slot(obj, index, later)
            }
            TargetKind::Array { .. } | TargetKind::Map { .. } => Slot::Nothing,
        }
    }

    fn read_slot(&mut self, slot: Slot<'a>, dst: Reg) {
        match slot {
            Slot::Var(id) => self.load_var(id, dst),
            Slot::Member(obj, name) => {
                let site = self.site(name.text);
                self.op(Op::GetAttr, dst.0, obj.0, site);
            }
            Slot::Index(obj, i) => self.op(Op::GetIndex, dst.0, obj.0, i.0),
            Slot::RawIndex(obj, i) => self.op(Op::ArrGet, dst.0, obj.0, i.0),
            Slot::Nothing => self.load_lit(Lit::Null, dst),
        }
    }

    fn write_slot(&mut self, slot: Slot<'a>, src: Reg) {
        match slot {
            Slot::Var(id) => self.assign_var_reg(id, src),
            Slot::Member(obj, name) => {
                let site = self.site(name.text);
                self.op(Op::SetAttr, obj.0, src.0, site);
            }
            Slot::Index(obj, i) => self.op(Op::SetIndex, obj.0, i.0, src.0),
            Slot::RawIndex(obj, i) => self.op(Op::ArrSet, obj.0, i.0, src.0),
            Slot::Nothing => {}
        }
    }

    /// The raw register that a target's variable lives in.
    fn raw_home(&mut self, target: &'a Target<'a>) -> Option<(Raw, Num, VarId)> {
        let TargetKind::Name(name) = &target.kind else { return None };
        let id = self.var_of(name.span)?;
        match self.access(id) {
            Access::Home(Home::Raw(raw, num)) => Some((raw, num, id)),
            _ => None,
        }
    }

    /// Lowers `target op= value`.
    pub(super) fn assign_op(
        &mut self,
        op: AssignOp,
        op_span: Span,
        target: &'a Target<'a>,
        value: &'a Expr<'a>,
        keep: Option<Reg>,
    ) {
        match op {
            AssignOp::Binary(op) => self.assign_binary(op, op_span, target, value, keep),
            AssignOp::Logical(op) => {
                let slot = self.slot(target, value.span);
                let done = self.label();
                let tmp = self.temp();
                self.read_slot(slot, tmp);
                let jump = match op {
                    LogicalOp::And => Op::JFalse,
                    LogicalOp::Or => Op::JTrue,
                    LogicalOp::Coalesce => Op::JNotNull,
                };
                self.at(op_span);
                self.jump(jump, tmp.0, 0, done);
                self.to(value, tmp);
                self.at(op_span);
                self.write_slot(slot, tmp);
                self.bind(done);
                if let Some(dst) = keep {
                    self.mov(dst, tmp);
                }
            }
        }
    }

    fn assign_binary(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        target: &'a Target<'a>,
        value: &'a Expr<'a>,
        keep: Option<Reg>,
    ) {
        if let Some((raw, num, id)) = self.raw_home(target) {
            self.assign_binary_raw(op, op_span, raw, num, id, value);
            if let Some(dst) = keep {
                self.boxed(dst, raw, num);
            }
            return;
        }
        if let TargetKind::Index { object, index } = &target.kind
            && self.assign_binary_element(op, op_span, target, object, index, value, keep)
        {
            return;
        }
        let slot = self.slot(target, value.span);
        if let Slot::Var(id) = slot
            && let Some(reg) = self.var_reg(id)
            && (self.var(id).declared.is_none() || self.keeps_type(op, id, value))
        {
            let left = if self.var(id).assigned_in(value.span) {
                let copy = self.temp();
                self.mov(copy, reg);
                copy
            } else {
                reg
            };
            self.binary_reg(op, op_span, left, value, reg);
            if let Some(dst) = keep {
                self.mov(dst, reg);
            }
            return;
        }
        let tmp = self.temp();
        self.at(op_span);
        self.read_slot(slot, tmp);
        self.binary_reg(op, op_span, tmp, value, tmp);
        self.at(op_span);
        match slot {
            Slot::Var(id) if self.keeps_type(op, id, value) => self.store_var(id, tmp),
            Slot::Var(id) => self.assign_var_temp(id, tmp),
            slot => self.write_slot(slot, tmp),
        }
        if let Some(dst) = keep {
            self.mov(dst, tmp);
        }
    }

    /// Whether `x op= value` surely leaves a value of the variable's declared type.
    fn keeps_type(&self, op: BinaryOp, id: VarId, value: &'a Expr<'a>) -> bool {
        let var = self.var(id);
        let safe = matches!(var.place, Place::Local | Place::Cell) && self.sure(value);
        match (var.ty, self.ty(value)) {
            (Ty::Str, Ty::Str) => safe && op == BinaryOp::Add,
            (Ty::Int, Ty::Int) => safe && op != BinaryOp::Pow,
            (Ty::Float, Ty::Int | Ty::Float) => {
                safe && matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div)
            }
            _ => false,
        }
    }

    /// `x op= value` where `x` lives in a raw register.
    fn assign_binary_raw(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        raw: Raw,
        num: Num,
        id: VarId,
        value: &'a Expr<'a>,
    ) {
        let mark = self.mark();
        let operand = num_of(self.ty(value));
        let bits = matches!(
            op,
            BinaryOp::BitAnd
                | BinaryOp::BitOr
                | BinaryOp::BitXor
                | BinaryOp::Shl
                | BinaryOp::Shr
                | BinaryOp::UShr
        );
        match (num, operand) {
            (Num::Int, Some(Num::Int)) if op != BinaryOp::Pow => {
                if let Some((imm_op, imm)) = self.int_immediate(op, value) {
                    self.at(op_span);
                    self.op(imm_op, raw.0, raw.0, imm as u16);
                } else {
                    let left = self.before_change(id, raw, value.span);
                    let v = self.raw(value, Num::Int, "operand");
                    self.at(op_span);
                    self.op(int_op(op), raw.0, left.0, v.0);
                }
            }
            (Num::Float, Some(_)) if !bits => {
                let left = self.before_change(id, raw, value.span);
                let v = self.raw(value, Num::Float, "operand");
                self.at(op_span);
                self.op(float_op(op), raw.0, left.0, v.0);
            }
            _ => {
                if num == Num::Int && operand == Some(Num::Float) && self.sure(value) && !bits {
                    let what = format!("variable `{}`", self.var(id).name);
                    self.misfit(Ty::Int, value, &what);
                }
                let tmp = self.temp();
                self.boxed(tmp, raw, num);
                self.binary_reg(op, op_span, tmp, value, tmp);
                let what = format!("variable {}", self.var(id).name);
                self.at(op_span);
                self.unboxed(raw, tmp, num, &what);
            }
        }
        self.release(mark);
    }

    /// The raw register, or a copy of it if code at `later` assigns the variable.
    fn before_change(&mut self, id: VarId, raw: Raw, later: Span) -> Raw {
        if !self.var(id).assigned_in(later) {
            return raw;
        }
        let copy = self.raw_temp();
        self.mov_raw(copy, raw);
        copy
    }

    /// `xs[i] op= value` on an IntArray or FloatArray; false if it is none.
    #[allow(clippy::too_many_arguments)] // the parts of one construct
    fn assign_binary_element(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        target: &'a Target<'a>,
        object: &'a Expr<'a>,
        index: &'a Expr<'a>,
        value: &'a Expr<'a>,
        keep: Option<Reg>,
    ) -> bool {
        let num = match self.ty(object) {
            Ty::Builtin("IntArray") => Num::Int,
            Ty::Builtin("FloatArray") => Num::Float,
            _ => return false,
        };
        let plain =
            matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem);
        if self.ty(index) != Ty::Int || !plain {
            return false;
        }
        match (num, num_of(self.ty(value))) {
            (Num::Int, Some(Num::Int)) | (Num::Float, Some(_)) => {}
            _ => return false,
        }
        let later = Span::new(index.span.lo, value.span.hi);
        let obj = self.operand(object, later);
        let i = self.raw_before(index, Num::Int, value.span);
        let element = self.raw_temp();
        self.at(target.span);
        self.op(if num == Num::Int { Op::IAGet } else { Op::FAGet }, element.0, obj.0, i.0);
        let v = self.raw(value, num, "operand");
        self.at(op_span);
        let op = if num == Num::Int { int_op(op) } else { float_op(op) };
        self.op(op, element.0, element.0, v.0);
        self.op(if num == Num::Int { Op::IASet } else { Op::FASet }, obj.0, i.0, element.0);
        if let Some(dst) = keep {
            self.boxed(dst, element, num);
        }
        true
    }

    /// Lowers `x++` and its kin.
    pub(super) fn update(
        &mut self,
        delta: i8,
        prefix: bool,
        target: &'a Target<'a>,
        span: Span,
        keep: Option<Reg>,
    ) {
        self.at(span);
        if let Some((raw, num, _)) = self.raw_home(target) {
            if let (Some(dst), false) = (keep, prefix) {
                self.boxed(dst, raw, num);
            }
            self.raw_step(raw, num, delta);
            if let (Some(dst), true) = (keep, prefix) {
                self.boxed(dst, raw, num);
            }
            return;
        }
        let op = if delta < 0 { Op::SubI } else { Op::AddI };
        let slot = self.slot(target, Span::default());
        if let Slot::Var(id) = slot
            && let Some(reg) = self.var_reg(id)
        {
            match (keep, prefix) {
                (Some(dst), false) if dst != reg => self.mov(dst, reg),
                // `x = x++` leaves x as it was.
                (Some(_), false) => return,
                _ => {}
            }
            self.op(op, reg.0, reg.0, 1);
            if let (Some(dst), true) = (keep, prefix) {
                self.mov(dst, reg);
            }
            return;
        }
        let (old, new) = (self.temp(), self.temp());
        self.read_slot(slot, old);
        self.op(op, new.0, old.0, 1);
        self.write_slot(slot, new);
        if let Some(dst) = keep {
            self.mov(dst, if prefix { new } else { old });
        }
    }

    fn raw_step(&mut self, raw: Raw, num: Num, delta: i8) {
        match num {
            Num::Int => self.op(Op::IAddI, raw.0, raw.0, i16::from(delta) as u16),
            Num::Float => {
                let mark = self.mark();
                let k = self.m.constant(corella_vm::bytecode::Const::Float(f64::from(delta)));
                let one = self.raw_temp();
                self.wide(Op::LoadKRaw, one.0, k);
                self.op(Op::FAdd, raw.0, raw.0, one.0);
                self.release(mark);
            }
        }
    }

    /// An assignment to a variable in a raw register, as a value.
    pub(super) fn raw_assignment(&mut self, e: &'a Expr<'a>, dst: Raw) {
        let (target, old) = match &e.kind {
            ExprKind::Assign { target, .. } | ExprKind::AssignOp { target, .. } => (target, false),
            ExprKind::Update { target, prefix, .. } => (target, !prefix),
            _ => return,
        };
        let Some((raw, ..)) = self.raw_home(target) else { return };
        if old && dst != raw {
            self.mov_raw(dst, raw);
            self.effect(e);
        } else if old {
            // `x = x++` leaves x as it was.
        } else {
            self.effect(e);
            self.mov_raw(dst, raw);
        }
    }

    /// Writes the value in a register to a target without evaluating it again.
    pub(super) fn store_target(&mut self, target: &'a Target<'a>, src: Reg) {
        let mark = self.mark();
        self.at(target.span);
        let slot = self.slot(target, Span::default());
        self.at(target.span);
        self.write_slot(slot, src);
        self.release(mark);
    }
}
