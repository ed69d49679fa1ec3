//! Binary operators on tagged registers.

use corella_vm::bytecode::{Const, Op};

use super::literal::Lit;
use super::raw::{Rep, num_of};
use super::state::{Lower, Num};
use crate::ast::{BinaryOp, Expr, Span};
use crate::emit::Reg;
use crate::resolve::Ty;

impl<'a> Lower<'a, '_> {
    /// Computes `left op right` into `dst`.
    pub(super) fn binary_to(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        dst: Reg,
    ) {
        use BinaryOp as B;
        match op {
            B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge => {
                if let Some(num) = self.raw_comparison(left, right) {
                    return self.raw_compare_to(op, op_span, left, right, num, dst);
                }
                let l = self.operand(left, right.span);
                let r = self.reg(right);
                self.at(op_span);
                match op {
                    B::Eq => self.op(Op::Eq, dst.0, l.0, r.0),
                    B::Ne => self.op(Op::Ne, dst.0, l.0, r.0),
                    B::Lt => self.op(Op::Lt, dst.0, l.0, r.0),
                    B::Le => self.op(Op::Le, dst.0, l.0, r.0),
                    B::Gt => self.op(Op::Lt, dst.0, r.0, l.0),
                    _ => self.op(Op::Le, dst.0, r.0, l.0),
                }
                return;
            }
            B::In | B::NotIn => {
                let l = self.operand(left, right.span);
                let r = self.reg(right);
                self.at(op_span);
                self.op(Op::In, dst.0, l.0, r.0);
                if op == B::NotIn {
                    self.op(Op::Not, dst.0, dst.0, 0);
                }
                return;
            }
            _ => {}
        }
        self.check_operands(op, op_span, left, right);
        if let Some((imm_op, imm)) = self.immediate(op, right) {
            let l = self.reg(left);
            self.at(op_span);
            self.op(imm_op, dst.0, l.0, imm as u16);
            return;
        }
        if matches!(op, B::Add | B::Mul)
            && self.ty(right).is_number()
            && let Some((imm_op, imm)) = self.immediate(op, left)
        {
            let r = self.reg(right);
            self.at(op_span);
            self.op(imm_op, dst.0, r.0, imm as u16);
            return;
        }
        let l = self.operand(left, right.span);
        let r = self.reg(right);
        self.at(op_span);
        self.op(tagged_op(op), dst.0, l.0, r.0);
    }

    /// Computes `left op right` for a left operand that is in a register.
    pub(super) fn binary_reg(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: Reg,
        right: &'a Expr<'a>,
        dst: Reg,
    ) {
        let mark = self.mark();
        if let Some((imm_op, imm)) = self.immediate(op, right) {
            self.at(op_span);
            self.op(imm_op, dst.0, left.0, imm as u16);
        } else {
            let r = self.reg(right);
            self.at(op_span);
            self.op(tagged_op(op), dst.0, left.0, r.0);
        }
        self.release(mark);
    }

    /// The immediate form of an operation with a literal operand.
    fn immediate(&self, op: BinaryOp, operand: &'a Expr<'a>) -> Option<(Op, i16)> {
        use BinaryOp as B;
        let imm = self.lit(operand)?.imm()?;
        Some(match op {
            B::Add => (Op::AddI, imm),
            B::Sub => (Op::SubI, imm),
            B::Mul => (Op::MulI, imm),
            B::Div => (Op::DivI, imm),
            B::Rem => (Op::ModI, imm),
            B::BitAnd => (Op::BitAndI, imm),
            B::Shl => (Op::ShlI, imm),
            B::Shr => (Op::ShrI, imm),
            _ => return None,
        })
    }

    /// Reports operators on values that are known not to fit them.
    fn check_operands(&mut self, op: BinaryOp, op_span: Span, left: &'a Expr<'a>, right: &'a Expr<'a>) {
        if op != BinaryOp::Add {
            return;
        }
        let string_and_number = |a: Ty<'a>, b: Ty<'a>| a == Ty::Str && b.is_number();
        let (l, r) = (self.ty(left), self.ty(right));
        if (string_and_number(l, r) || string_and_number(r, l)) && self.sure(left) && self.sure(right) {
            let (l, r) = (self.describe(l), self.describe(r));
            self.error(
                op_span,
                format!("`+` joins a string only with a string, found {l} and {r}"),
                "use a template: `` `${a}${b}` ``, or convert with `string(...)`".to_owned(),
            );
        }
    }

    /// Whether a comparison is made on raw registers, and of which kind.
    pub(super) fn raw_comparison(&self, left: &'a Expr<'a>, right: &'a Expr<'a>) -> Option<Num> {
        let (l, r) = (num_of(self.ty(left))?, num_of(self.ty(right))?);
        let reps = (self.rep(left), self.rep(right));
        let raw = match reps {
            (Rep::Raw, _) | (_, Rep::Raw) => true,
            (Rep::Both, Rep::Both | Rep::Lit) | (Rep::Lit, Rep::Both) => true,
            (Rep::Tagged, _) | (_, Rep::Tagged) | (Rep::Lit, Rep::Lit) => false,
        };
        raw.then_some(if l == Num::Int && r == Num::Int { Num::Int } else { Num::Float })
    }

    fn raw_compare_to(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        num: Num,
        dst: Reg,
    ) {
        use BinaryOp as B;
        let l = self.raw_before(left, num, right.span);
        let r = self.raw(right, num, "operand");
        self.at(op_span);
        let (eq, lt, le) = match num {
            Num::Int => (Op::IEq, Op::ILt, Op::ILe),
            Num::Float => (Op::FEq, Op::FLt, Op::FLe),
        };
        match op {
            B::Lt => self.op(lt, dst.0, l.0, r.0),
            B::Le => self.op(le, dst.0, l.0, r.0),
            B::Gt => self.op(lt, dst.0, r.0, l.0),
            B::Ge => self.op(le, dst.0, r.0, l.0),
            _ => self.op(eq, dst.0, l.0, r.0),
        }
        if op == B::Ne {
            self.op(Op::Not, dst.0, dst.0, 0);
        }
    }

    /// A register with a known value, for comparisons.
    pub(super) fn lit_reg(&mut self, lit: Lit<'a>) -> Reg {
        match lit {
            Lit::Int(_) | Lit::Float(_) | Lit::Str(_) => self.const_reg(lit.constant()),
            Lit::Null => self.const_reg(Const::Null),
            Lit::Bool(b) => self.const_reg(Const::Bool(b)),
        }
    }
}

/// The op on any values. Comparisons are not asked for.
pub(super) fn tagged_op(op: BinaryOp) -> Op {
    use BinaryOp as B;
    match op {
        B::Add => Op::Add,
        B::Sub => Op::Sub,
        B::Mul => Op::Mul,
        B::Div => Op::Div,
        B::Rem => Op::Mod,
        B::Pow => Op::Pow,
        B::BitAnd => Op::BitAnd,
        B::BitOr => Op::BitOr,
        B::BitXor => Op::BitXor,
        B::Shl => Op::Shl,
        B::Shr => Op::Shr,
        B::UShr => Op::UShr,
        B::Eq => Op::Eq,
        B::Ne => Op::Ne,
        B::Lt => Op::Lt,
        B::Le => Op::Le,
        B::In => Op::In,
        B::Gt | B::Ge | B::NotIn => Op::Nop,
    }
}
