//! Which counting loops poll once for many turns.
//!
//! A loop over a range of raw integers whose turns are short need not ask at each of them whether somebody wants attention. It is cut into
//! strips ("strip mining"): within a strip a turn compares its counter with the strip's end instead of the loop's, and costs nothing beside;
//! at the strip's end the turns of the next one are counted as fuel, and it is polled. So the fuel of a loop that is gone through to its
//! end is exact, and one that is left early has counted at most [`TURNS`] too many: where fuel has to be exact, there are no strips. Loops
//! without a counter would have to count turns down, which costs as much as it saves.
//!
//! Invariant: a strip's end lies at most [`TURNS`] beyond the counter and never beyond the loop's end. Whatever else writes the counter
//! ends the strip; loops that write their own end have none.

use super::facts::Facts;
use super::stepped::by_step;
use super::unit::{Inst, Unit, What};
use crate::bytecode::ops::Op;

/// Turns between two polls, at most.
pub(super) const TURNS: i64 = 64;

/// For each instruction, whether it is the end of a loop that is cut into strips.
pub(super) fn find(unit: &Unit, facts: &Facts) -> Vec<bool> {
    let is_strip = |at: usize| {
        let inst = &unit.insts[at];
        let counts = inst.what == What::Op && matches!(inst.i.op(), Some(Op::ForLt | Op::ForLe));
        counts && is_cut(unit, facts, inst.target as usize, at)
    };
    (0..unit.insts.len()).map(is_strip).collect()
}

/// Whether the loop from `head` to the instruction at `last` can be cut: all that is executed in it is short and lies between the two.
fn is_cut(unit: &Unit, facts: &Facts, head: usize, last: usize) -> bool {
    let end = unit.insts[last].i.b();
    let inside = head..last + 1;
    // Otherwise what is executed in the loop may lie elsewhere.
    let is_entered = unit
        .jumps_into(inside.clone())
        .any(|(from, to)| !inside.contains(&from) && (to != head || from > last));
    !is_entered
        && !facts.resumptions.iter().any(|at| inside.contains(at))
        && !unit.catches_in(inside)
        && (head..=last).all(|at| is_short(&unit.insts[at]) && !facts.accesses[at].writes.contains(&end))
}

/// Whether an instruction is executed in little time, or polls itself.
fn is_short(inst: &Inst) -> bool {
    let op = inst.i.op().expect("verified");
    match inst.what {
        What::Enter(_) | What::Leave => true,
        What::Op if by_step(op) => false,
        What::Op => match op {
            Op::Nop | Op::Move | Op::MoveRaw | Op::LoadK | Op::LoadNull | Op::LoadTrue | Op::LoadFalse => {
                true
            }
            Op::LoadInt | Op::LoadIntRaw | Op::LoadKRaw | Op::BoxI | Op::BoxF | Op::UnboxI | Op::UnboxF => {
                true
            }
            Op::CheckType | Op::Not | Op::Is | Op::JNotIs | Op::JTrue | Op::JFalse | Op::JNull => true,
            Op::JNotNull | Op::Jump | Op::Loop | Op::ForLt | Op::ForLe | Op::CallStatic => true,
            Op::JEqI | Op::JNeI | Op::JLtI | Op::JLeI | Op::JGtI | Op::JGeI => true,
            Op::JNLtI | Op::JNLeI | Op::JNGtI | Op::JNGeI => true,
            Op::CellGet | Op::CellSet | Op::UpGet | Op::UpCellGet | Op::UpCellSet => true,
            Op::GetGlobal | Op::SetGlobal | Op::GetAttr | Op::SetAttr | Op::GetLen => true,
            Op::GetIndex | Op::GetIndexI | Op::ArrGet | Op::SetIndex | Op::ArrSet => true,
            Op::IAGet | Op::IASet | Op::FAGet | Op::FASet | Op::AddI | Op::SubI => true,
            op => op.info().name.starts_with("int.") || op.info().name.starts_with("float."),
        },
    }
}
