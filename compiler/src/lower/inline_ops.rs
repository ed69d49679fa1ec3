//! `${ name operands };`: ops of the model by name.
//!
//! The table below gives the words of the model; any other op that works on tagged registers alone is reached by its name in the op
//! table with underscores for dots. Invariant: nothing reachable here relies on what only the compiler can know.

use corella_vm::bytecode::{Const, Op, Operand};

use super::literal::Lit;
use super::state::Lower;
use crate::ast::{Expr, ExprKind, InlineOp};
use crate::emit::Reg;

/// Ops whose operands the compiler itself must have prepared, or that belong to a construct.
const DENIED: &[Op] = &[
    Op::ArrayPush,
    Op::ArrayExtend,
    Op::MapExtend,
    Op::NewCell,
    Op::CellGet,
    Op::CellSet,
    Op::Return,
    Op::Rethrow,
    Op::GenYield,
    Op::ScopeEnter,
    Op::ScopeLeave,
    Op::ScopeAbort,
    Op::CallSpread,
    Op::NewSpread,
    Op::Nop,
];

/// The op with this name, and which operand is an attribute's name.
fn find(name: &str) -> Option<(Op, Option<usize>)> {
    Some(match name {
        "setattribute" => (Op::SetAttrDyn, Some(1)),
        "getattribute" => (Op::GetAttrDyn, Some(2)),
        "setindex" => (Op::SetIndex, None),
        "getindex" => (Op::GetIndex, None),
        _ => {
            let op = Op::from_name(&name.replace('_', "."))?;
            (!DENIED.contains(&op) && operands(op).is_some()).then_some((op, None))?
        }
    })
}

/// The operand kinds of an op that works on tagged registers alone.
fn operands(op: Op) -> Option<Vec<Operand>> {
    let info = op.info();
    if info.wide || info.n != Operand::None {
        return None;
    }
    let kinds: Vec<Operand> = [info.a, info.b, info.c].into_iter().filter(|k| *k != Operand::None).collect();
    kinds.iter().all(|k| matches!(k, Operand::Write | Operand::Read | Operand::ReadWrite)).then_some(kinds)
}

/// Which operands of an inline op are assigned.
pub(crate) fn writes(name: &str, _count: usize) -> Vec<usize> {
    let Some(kinds) = find(name).and_then(|(op, _)| operands(op)) else { return Vec::new() };
    kinds
        .iter()
        .enumerate()
        .filter(|(_, k)| matches!(k, Operand::Write | Operand::ReadWrite))
        .map(|(number, _)| number)
        .collect()
}

/// Which operands of an inline op may be attribute names, written bare.
pub(crate) fn names(name: &str) -> Vec<usize> {
    find(name).and_then(|(_, attribute)| attribute).into_iter().collect()
}

impl<'a> Lower<'a, '_> {
    /// Lowers an inline op.
    pub(super) fn inline_op(&mut self, inline: &'a InlineOp<'a>) {
        let Some((op, attribute)) = find(inline.name.text) else {
            self.error(
                inline.name.span,
                format!("there is no inline op `{}`", inline.name.text),
                "inline ops are share, unshare, lock, unlock, setattribute, getattribute, setindex, getindex and the ops on values \
                 listed in docs/opcodes.md, with `_` for `.`"
                    .to_owned(),
            );
            return;
        };
        let kinds = operands(op).unwrap_or_default();
        let given: Vec<&'a Expr<'a>> = inline.operands.to_vec();
        // A sole operand is both target and source; missing last operands are null.
        let back = kinds.first() == Some(&Operand::Write) && given.len() == 1 && kinds.len() > 1;
        let least = match op {
            Op::Share => 2,
            Op::Unlock => 1,
            _ => kinds.len(),
        };
        let short = !back && given.len() < least;
        if short || given.len() > kinds.len() || (back && least > 2) {
            self.error(
                inline.span,
                format!("`{}` takes {} operands, found {}", inline.name.text, kinds.len(), given.len()),
                format!("its meaning: {}", op.info().doc.trim()),
            );
            return;
        }
        let mark = self.mark();
        let mut regs = [0u16; 3];
        for (number, kind) in kinds.iter().enumerate() {
            let source =
                if back && number > 0 { given.first().filter(|_| number == 1) } else { given.get(number) };
            let reg = match (kind, source) {
                (Operand::Write, _) => self.temp(),
                (Operand::ReadWrite, Some(e)) => {
                    let tmp = self.temp();
                    self.to(e, tmp);
                    tmp
                }
                (_, Some(e)) => self.inline_operand(e, attribute == Some(number)),
                (_, None) => {
                    let tmp = self.temp();
                    self.load_lit(Lit::Null, tmp);
                    tmp
                }
            };
            regs[number] = reg.0;
        }
        self.at(inline.span);
        self.op(op, regs[0], regs[1], regs[2]);
        for (number, kind) in kinds.iter().enumerate() {
            if !matches!(kind, Operand::Write | Operand::ReadWrite) {
                continue;
            }
            let Some(target) = given.get(number) else { continue };
            match &target.kind {
                ExprKind::Name(name) => {
                    if let Some(id) = self.var_of(name.span) {
                        self.assign_var_reg(id, Reg(regs[number]));
                    }
                }
                _ => self.error(
                    target.span,
                    format!(
                        "operand {} of `{}` is written, so it must be a variable",
                        number + 1,
                        inline.name.text
                    ),
                    "declare a variable for the result: `var result;`".to_owned(),
                ),
            }
        }
        self.release(mark);
    }

    fn inline_operand(&mut self, e: &'a Expr<'a>, attribute: bool) -> Reg {
        if let ExprKind::Name(name) = e.kind
            && attribute
            && !self.res.uses.contains_key(&name.span.lo)
        {
            return self.const_reg(Const::Str(name.text.to_owned()));
        }
        self.reg(e)
    }
}
