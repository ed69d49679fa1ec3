//! Which values a tagged register can hold at each place: an abstract run of the code over sets of value forms.
//!
//! The results hold for control that came along the code's own jumps. What comes in from the interpreter at a loop head is checked
//! against them there. Integer results are taken not to overflow 63 bits, and arithmetic with a float to have two numbers: where
//! that is wrong, compiled code leaves before the instruction; a function that leaves often is compiled again with
//! [`Assume::wide`].

use super::Feedback;
use super::facts::{Facts, falls_through, jump_target, registers};
use crate::bytecode::Instr;
use crate::bytecode::ops::{Op, Operand};
use crate::code::{Code, LinkedType};
use crate::object::Kind;
use crate::value::Value;

/// A set of value forms.
pub(super) type Mask = u8;

/// Integers without a box.
pub(super) const INT: Mask = 1;
/// Floats in all their forms.
pub(super) const FLOAT: Mask = 2;
/// Truth values.
pub(super) const BOOL: Mask = 4;
/// `null`.
pub(super) const NULL: Mask = 8;
/// Arrays of the own heap.
pub(super) const ARRAY: Mask = 16;
/// All else, boxed integers included.
pub(super) const OTHER: Mask = 32;
/// Anything.
pub(super) const ALL: Mask = 63;

/// What compiled code may take for granted and leave when it is wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Assume {
    /// Nothing: results are whatever the operation can give.
    pub(super) wide: bool,
}

/// The form of a value.
pub(super) fn mask_of(v: Value) -> Mask {
    if v.is_small_int() {
        INT
    } else if v.as_float().is_some() {
        FLOAT
    } else if v.as_bool().is_some() {
        BOOL
    } else if v.is_null() {
        NULL
    } else if v.is_kind(Kind::Array) {
        ARRAY
    } else {
        OTHER
    }
}

/// Result of `+`, `-`, `*` and `/`.
pub(super) fn arithmetic(assume: Assume, x: Mask, y: Mask) -> Mask {
    if x == INT && y == INT {
        return if assume.wide { INT | OTHER } else { INT };
    }
    if (x == FLOAT || y == FLOAT) && (!assume.wide || (x | y) & !(INT | FLOAT) == 0) {
        return FLOAT;
    }
    if (x | y) & !(INT | FLOAT) == 0 { INT | FLOAT | OTHER } else { ALL }
}

/// Result of the bit operations and of `%`.
pub(super) fn integral(assume: Assume, x: Mask, y: Mask) -> Mask {
    if x == INT && y == INT { if assume.wide { INT | OTHER } else { INT } } else { ALL }
}

/// The forms in the tagged registers after an instruction, given those before it.
pub(super) fn apply(code: &Code, feedback: &Feedback, assume: Assume, i: Instr, masks: &mut [Mask]) {
    let of = |r: u16, masks: &[Mask]| masks[r as usize];
    let op = i.op().expect("verified");
    let (x, y) = match op {
        Op::AddI | Op::SubI | Op::MulI | Op::DivI | Op::ModI | Op::BitAndI | Op::ShlI | Op::ShrI => {
            (of(i.b(), masks), INT)
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::BitAnd | Op::BitOr | Op::BitXor => {
            (of(i.b(), masks), of(i.c(), masks))
        }
        Op::Shl | Op::Shr => (of(i.b(), masks), of(i.c(), masks)),
        Op::Move | Op::Neg => (of(i.b(), masks), ALL),
        _ => (ALL, ALL),
    };
    let result = match op {
        Op::Move => x,
        // SAFETY: the verifier checked the constant's index.
        Op::LoadK => mask_of(unsafe { *code.consts.add(i.d() as usize) }),
        Op::LoadNull => NULL,
        Op::LoadTrue | Op::LoadFalse => BOOL,
        Op::LoadInt => INT,
        Op::BoxI => INT | OTHER,
        Op::BoxF => FLOAT,
        Op::CheckType => {
            // SAFETY: linked code lives as long as the VM; the verifier checked the type's index.
            let known = match unsafe { &(&(*code.module).types)[i.b() as usize] } {
                LinkedType::Int => INT | OTHER,
                LinkedType::Float => FLOAT,
                LinkedType::Bool => BOOL,
                LinkedType::Str => OTHER,
                _ => ALL,
            };
            match of(i.a(), masks) & known {
                0 => known,
                both => both,
            }
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::AddI | Op::SubI | Op::MulI | Op::DivI => {
            arithmetic(assume, x, y)
        }
        Op::Mod | Op::ModI | Op::BitAnd | Op::BitAndI | Op::BitOr | Op::BitXor => integral(assume, x, y),
        Op::Shl | Op::ShlI | Op::Shr | Op::ShrI => integral(assume, x, y),
        Op::Neg if x == FLOAT || x == INT => arithmetic(assume, x, x),
        Op::Not | Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::In | Op::Is => BOOL,
        Op::IEq | Op::ILt | Op::ILe | Op::FEq | Op::FLt | Op::FLe => BOOL,
        Op::GetAttr if feedback.one_class(i.c(), assume) => feedback.slot_mask(i.c()),
        Op::NewArray => ARRAY,
        Op::ToStr | Op::Concat | Op::Closure | Op::NewCell | Op::NewMap => OTHER,
        _ => ALL,
    };
    for r in registers(code, i).writes {
        if (r as usize) < masks.len() {
            masks[r as usize] = result;
        }
    }
    // A pair's second word is a position.
    if let Some(field) = op.info().field_of(Operand::Pair)
        && matches!(op, Op::IterStart | Op::IterNext)
    {
        masks[field.unsigned(i) as usize] = ALL;
        masks[field.unsigned(i) as usize + 1] = INT;
    }
}

/// The forms in the tagged registers where each block begins.
pub(super) fn at_blocks(
    code: &Code,
    feedback: &Feedback,
    facts: &Facts,
    assume: Assume,
) -> Vec<Option<Vec<Mask>>> {
    let tagged = code.tagged as usize;
    let mut at: Vec<Option<Vec<Mask>>> = vec![None; code.code.len()];
    let mut entry = vec![INT; tagged]; // zero bits are the integer 0
    let given = code.params as usize + usize::from(code.flags & Code::REST != 0);
    entry[..given].fill(ALL);
    at[0] = Some(entry);
    let mut open = vec![0];
    while let Some(start) = open.pop() {
        let mut masks = at[start].clone().expect("opened with its masks");
        let mut pc = start;
        loop {
            let i = code.code[pc];
            apply(code, feedback, assume, i, &mut masks);
            if let Some(target) = jump_target(pc, i) {
                merge(&mut at[target], &masks, target, &mut open);
            }
            if !falls_through(i) {
                break;
            }
            pc += 1;
            if facts.leads[pc] {
                merge(&mut at[pc], &masks, pc, &mut open);
                break;
            }
        }
    }
    at
}

fn merge(at: &mut Option<Vec<Mask>>, masks: &[Mask], block: usize, open: &mut Vec<usize>) {
    match at {
        None => *at = Some(masks.to_vec()),
        Some(old) => {
            let mut grew = false;
            for (old, new) in old.iter_mut().zip(masks) {
                grew |= new & !*old != 0;
                *old |= new;
            }
            if !grew {
                return;
            }
        }
    }
    if !open.contains(&block) {
        open.push(block);
    }
}
