//! Literals and what is known like one: constants of the source, folded arithmetic.
//!
//! Invariant: folding never changes what a program does: whatever could overflow or divide by zero is left to run time.

use corella_vm::bytecode::{Const, Op};

use super::state::Lower;
use crate::ast::{BinaryOp, Expr, ExprKind, Item, MapEntry, TemplatePart, UnaryOp};
use crate::emit::Reg;
use crate::resolve::Binding;

/// Elements of an array literal that are gathered in registers; more are pushed one by one.
const ARRAY_WINDOW: usize = 32;

/// A value known when compiling.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Lit<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(&'a str),
}

impl Lit<'_> {
    /// Whether it counts as true.
    pub(super) fn truth(self) -> bool {
        match self {
            Lit::Null => false,
            Lit::Bool(b) => b,
            Lit::Int(i) => i != 0,
            Lit::Float(f) => f != 0.0,
            Lit::Str(s) => !s.is_empty(),
        }
    }

    /// As a constant of the module.
    pub(super) fn constant(self) -> Const {
        match self {
            Lit::Null => Const::Null,
            Lit::Bool(b) => Const::Bool(b),
            Lit::Int(i) => Const::Int(i),
            Lit::Float(f) => Const::Float(f),
            Lit::Str(s) => Const::Str(s.to_owned()),
        }
    }

    /// As an immediate operand of 16 bits.
    pub(super) fn imm(self) -> Option<i16> {
        match self {
            Lit::Int(i) => i16::try_from(i).ok(),
            _ => None,
        }
    }
}

impl<'a> Lower<'a, '_> {
    /// The value of an expression, if it is known when compiling.
    pub(super) fn lit(&self, e: &'a Expr<'a>) -> Option<Lit<'a>> {
        match &e.kind {
            ExprKind::Null => Some(Lit::Null),
            ExprKind::Bool(b) => Some(Lit::Bool(*b)),
            ExprKind::Int(i) => Some(Lit::Int(*i)),
            ExprKind::Float(f) => Some(Lit::Float(*f)),
            ExprKind::String(s) => Some(Lit::Str(s)),
            ExprKind::Name(name) => match self.res.uses.get(&name.span.lo) {
                Some(&Binding::Var(id)) => {
                    let var = self.var(id);
                    let lit = self.lit(var.value?)?;
                    match (lit, var.ty, var.declared) {
                        (_, _, None)
                        | (Lit::Int(_), crate::resolve::Ty::Int, _)
                        | (Lit::Float(_), crate::resolve::Ty::Float, _)
                        | (Lit::Bool(_), crate::resolve::Ty::Bool, _)
                        | (Lit::Str(_), crate::resolve::Ty::Str, _) => Some(lit),
                        (Lit::Int(i), crate::resolve::Ty::Float, _) => Some(Lit::Float(i as f64)),
                        _ => None,
                    }
                }
                _ => None,
            },
            ExprKind::Unary { op, operand } => match (op, self.lit(operand)?) {
                (UnaryOp::Neg, Lit::Int(i)) => i.checked_neg().map(Lit::Int),
                (UnaryOp::Neg, Lit::Float(f)) => Some(Lit::Float(-f)),
                (UnaryOp::Plus, lit @ (Lit::Int(_) | Lit::Float(_))) => Some(lit),
                (UnaryOp::BitNot, Lit::Int(i)) => Some(Lit::Int(!i)),
                (UnaryOp::Not, lit) => Some(Lit::Bool(!lit.truth())),
                _ => None,
            },
            ExprKind::Binary { op, left, right, .. } => {
                // Long chains of variables are not searched for literals again at each level.
                if matches!(
                    right.kind,
                    ExprKind::Call { .. } | ExprKind::Member { .. } | ExprKind::Index { .. }
                ) {
                    return None;
                }
                let r = self.lit(right)?;
                fold(*op, self.lit(left)?, r)
            }
            _ => None,
        }
    }

    /// Loads a value known when compiling.
    pub(super) fn load_lit(&mut self, lit: Lit<'a>, dst: Reg) {
        match lit {
            Lit::Null => self.op(Op::LoadNull, dst.0, 0, 0),
            Lit::Bool(true) => self.op(Op::LoadTrue, dst.0, 0, 0),
            Lit::Bool(false) => self.op(Op::LoadFalse, dst.0, 0, 0),
            Lit::Int(i) => match i32::try_from(i) {
                Ok(small) => self.wide(Op::LoadInt, dst.0, small as u32),
                Err(_) => self.load_k(dst, Const::Int(i)),
            },
            Lit::Float(_) | Lit::Str(_) => self.load_k(dst, lit.constant()),
        }
    }

    /// Lowers a template string.
    pub(super) fn template(&mut self, parts: &'a [TemplatePart<'a>], dst: Reg) {
        match parts {
            [] => self.load_lit(Lit::Str(""), dst),
            [TemplatePart::Text(text)] => self.load_lit(Lit::Str(text), dst),
            [TemplatePart::Expr(e)] => {
                let mark = self.mark();
                let r = self.reg(e);
                self.op(Op::ToStr, dst.0, r.0, 0);
                self.release(mark);
            }
            _ if parts.len() > 200 => {
                // Very long templates are joined piece by piece.
                let mark = self.mark();
                let pair = self.b().temps(2);
                self.template(&parts[..100], pair);
                for piece in parts[100..].chunks(100) {
                    self.template(piece, pair.plus(1));
                    self.op(Op::Concat, pair.0, pair.0, 2);
                }
                self.mov(dst, pair);
                self.release(mark);
            }
            _ => {
                let mark = self.mark();
                let first = self.b().temps(parts.len());
                for (number, part) in parts.iter().enumerate() {
                    let at = first.plus(number);
                    match part {
                        TemplatePart::Text(text) => self.load_lit(Lit::Str(text), at),
                        TemplatePart::Expr(e) => {
                            let inner = self.mark();
                            if self.ty(e) == crate::resolve::Ty::Str && self.sure(e) {
                                self.to(e, at);
                            } else {
                                let r = self.reg(e);
                                self.op(Op::ToStr, at.0, r.0, 0);
                            }
                            self.release(inner);
                        }
                    }
                }
                self.op(Op::Concat, dst.0, first.0, parts.len() as u16);
                self.release(mark);
            }
        }
    }

    /// Lowers an array literal, or arguments with a spread among them, into `dst`, which no element may read.
    pub(super) fn array(&mut self, items: &'a [Item<'a>], dst: Reg) {
        let plain = items.iter().take_while(|i| !i.spread).count().min(ARRAY_WINDOW);
        let mark = self.mark();
        let first = self.b().temps(plain);
        for (number, item) in items[..plain].iter().enumerate() {
            self.to(item.value, first.plus(number));
        }
        self.op(Op::NewArray, dst.0, if plain == 0 { 0 } else { first.0 }, plain as u16);
        self.release(mark);
        for item in &items[plain..] {
            let mark = self.mark();
            let r = self.reg(item.value);
            let op = if item.spread { Op::ArrayExtend } else { Op::ArrayPush };
            self.op(op, dst.0, r.0, 0);
            self.release(mark);
        }
    }

    /// Lowers a map literal into `dst`, which no entry may read.
    pub(super) fn map(&mut self, entries: &'a [MapEntry<'a>], dst: Reg) {
        let room = entries.len().min(usize::from(u16::MAX)) as u16;
        self.op(Op::NewMap, dst.0, room, 0);
        for entry in entries {
            let mark = self.mark();
            match entry {
                MapEntry::Named { key, value } => {
                    let k = self.const_reg(Const::Str(key.text.to_owned()));
                    let v = self.reg(value);
                    self.op(Op::SetIndex, dst.0, k.0, v.0);
                }
                MapEntry::Computed { key, value } => {
                    let k = self.operand(key, value.span);
                    let v = self.reg(value);
                    self.op(Op::SetIndex, dst.0, k.0, v.0);
                }
                MapEntry::Spread(e) => {
                    let m = self.reg(e);
                    self.op(Op::MapExtend, dst.0, m.0, 0);
                }
            }
            self.release(mark);
        }
    }
}

/// Arithmetic on known numbers, where it cannot fail.
fn fold<'a>(op: BinaryOp, l: Lit<'a>, r: Lit<'a>) -> Option<Lit<'a>> {
    use BinaryOp as B;
    match (l, r) {
        (Lit::Int(a), Lit::Int(b)) => match op {
            B::Add => a.checked_add(b).map(Lit::Int),
            B::Sub => a.checked_sub(b).map(Lit::Int),
            B::Mul => a.checked_mul(b).map(Lit::Int),
            B::Div => a.checked_div(b).map(Lit::Int),
            B::Rem => a.checked_rem(b).map(Lit::Int),
            B::BitAnd => Some(Lit::Int(a & b)),
            B::BitOr => Some(Lit::Int(a | b)),
            B::BitXor => Some(Lit::Int(a ^ b)),
            B::Shl if (0..63).contains(&b) => {
                let shifted = a << b;
                (shifted >> b == a).then_some(Lit::Int(shifted))
            }
            _ => None,
        },
        (Lit::Int(_) | Lit::Float(_), Lit::Int(_) | Lit::Float(_)) => {
            let value = |lit| match lit {
                Lit::Int(i) => i as f64,
                Lit::Float(f) => f,
                Lit::Null | Lit::Bool(_) | Lit::Str(_) => f64::NAN,
            };
            let (a, b) = (value(l), value(r));
            match op {
                B::Add => Some(Lit::Float(a + b)),
                B::Sub => Some(Lit::Float(a - b)),
                B::Mul => Some(Lit::Float(a * b)),
                B::Div => Some(Lit::Float(a / b)),
                _ => None,
            }
        }
        _ => None,
    }
}
