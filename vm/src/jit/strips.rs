//! Which loops poll once for many turns.
//!
//! A loop whose turns are short need not ask at each of them whether somebody wants attention, if a raw integer counts them. It is cut into
//! strips ("strip mining"): within a strip a turn compares its counter with the strip's end instead of the loop's, and costs nothing beside;
//! at the strip's end the turns of the next one are counted as fuel, and it is polled. So the fuel of a loop that is gone through to its
//! end is exact, and one that is left early has counted at most [`TURNS`] too many: where fuel has to be exact, there are no strips. Loops
//! without a counter would have to count turns down, which costs as much as it saves.
//!
//! Loops over ranges count by one and are compared at their ends; each keeps the end of its strip until something else writes the counter.
//! Other loops stride: they begin with a comparison of a counter, which each turn adds the same to at its end. Their strips begin at their
//! heads and are compared at their ends.
//!
//! Invariant: a strip's end lies at most [`TURNS`] turns beyond the counter and never beyond the loop's end. Neither the end of a loop nor
//! its step is written in it, nor the counter in any other way.

use super::facts::Facts;
use super::stepped::by_step;
use super::unit::{Inst, Unit, What};
use crate::bytecode::ops::Op;

/// Turns between two polls, at most.
pub(super) const TURNS: i64 = 256;

/// The loops of a unit that are cut into strips.
pub(super) struct Strips {
    /// For each instruction, whether it is the end of such a loop.
    pub(super) ends: Vec<bool>,
    /// The loops that stride, by their heads.
    pub(super) strides: Vec<(usize, Stride)>,
}

/// A loop that strides.
#[derive(Clone, Copy)]
pub(super) struct Stride {
    /// Its last instruction.
    pub(super) last: usize,
    pub(super) counter: u16,
    /// The loop is left when the counter is beyond this.
    pub(super) end: Bound,
    /// There is a turn where the counter is the end.
    pub(super) inclusive: bool,
    /// It goes down.
    pub(super) down: bool,
    /// What each turn adds, or subtracts if it goes down: if it is not positive, every turn is polled.
    pub(super) step: Bound,
}

/// An integer that stays the same for as long as a loop goes on.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    Register(u16),
    Constant(i64),
}

impl Stride {
    /// The loop from `head` to the instruction at `last`, the only one that goes back there, if it strides and can be cut.
    fn find(unit: &Unit, facts: &Facts, head: usize, last: usize) -> Option<Self> {
        let ops = |at: usize| (unit.insts[at].what == What::Op).then(|| unit.insts[at].i);
        let (test, add) = (ops(head)?, ops(last.checked_sub(1)?)?);
        // What adds to the counter is executed in each turn.
        if ops(last)?.op() != Some(Op::Loop) || facts.leads[last] || last - 1 == head {
            return None;
        }
        let (counter, down, step) = match add.op()? {
            Op::IAdd if add.a() == add.b() => (add.a(), false, Bound::Register(add.c())),
            Op::IAddI if add.a() == add.b() && add.sc() != 0 => {
                (add.a(), add.sc() < 0, Bound::Constant(i64::from(add.sc()).abs()))
            }
            _ => return None,
        };
        let (x, y, constant) = (test.a(), Bound::Register(test.b()), Bound::Constant(test.sb().into()));
        let (tested, end, inclusive) = match (test.op()?, down) {
            (Op::IJLt, false) => (test.b(), Bound::Register(x), true),
            (Op::IJLe, false) => (test.b(), Bound::Register(x), false),
            (Op::IJGtI, false) => (x, constant, true),
            (Op::IJGeI, false) => (x, constant, false),
            (Op::IJLt, true) => (x, y, true),
            (Op::IJLe, true) => (x, y, false),
            (Op::IJLtI, true) => (x, constant, true),
            (Op::IJLeI, true) => (x, constant, false),
            _ => return None,
        };
        let is_fixed =
            |r: u16| [end, step].iter().any(|bound| matches!(bound, Bound::Register(fixed) if *fixed == r));
        let stays = |at: usize| {
            let writes = &facts.accesses[at].writes;
            !writes.iter().any(|r| is_fixed(*r) || *r == counter && at != last - 1)
        };
        let leaves = !(head..=last).contains(&(unit.insts[head].target as usize));
        (tested == counter
            && leaves
            && facts.is_entered_at_head(unit, head, last)
            && (head..=last).all(|at| is_short(&unit.insts[at]) && stays(at)))
        .then_some(Self { last, counter, end, inclusive, down, step })
    }
}

impl Strips {
    /// None of the loops is cut.
    pub(super) fn none(unit: &Unit) -> Self {
        Self { ends: vec![false; unit.insts.len()], strides: Vec::new() }
    }

    /// Finds the loops that can be cut.
    pub(super) fn find(unit: &Unit, facts: &Facts) -> Self {
        let mut found = Self::none(unit);
        for &head in &facts.loop_heads {
            let ends: Vec<usize> =
                unit.jumps_into(head..head + 1).map(|(from, _)| from).filter(|from| *from >= head).collect();
            for &last in &ends {
                found.ends[last] = counts(unit, facts, head, last);
            }
            if let [last] = ends[..]
                && let Some(stride) = Stride::find(unit, facts, head, last)
            {
                found.ends[last] = true;
                found.strides.push((head, stride));
            }
        }
        found
    }

    /// Whether nothing else in a unit's loops counts fuel.
    pub(super) fn count_all(&self, unit: &Unit) -> bool {
        let mut loops = unit.insts.iter().enumerate().filter(|(at, inst)| inst.target as usize <= *at);
        loops.all(|(at, inst)| {
            let inside = &unit.insts[inst.target as usize..=at];
            self.ends[at] && !inside.iter().any(|inst| matches!(inst.what, What::Enter(_)))
        })
    }

    /// The counters of the other loops.
    pub(super) fn counters(&self, unit: &Unit) -> impl Iterator<Item = u16> {
        let ends = self.ends.iter().zip(&unit.insts).filter(|(is_end, _)| **is_end).map(|(_, inst)| inst.i);
        ends.filter(|i| i.op() != Some(Op::Loop)).map(|i| i.a())
    }
}

/// Whether the loop from `head` to the instruction at `last` goes over a range and can be cut: all that is executed in it is short and lies
/// between the two.
fn counts(unit: &Unit, facts: &Facts, head: usize, last: usize) -> bool {
    let inst = &unit.insts[last];
    let end = inst.i.b();
    inst.what == What::Op
        && matches!(inst.i.op(), Some(Op::ForLt | Op::ForLe))
        && facts.is_entered_at_head(unit, head, last)
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
