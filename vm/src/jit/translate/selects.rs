//! Branches without jumps: where both ways of a branch only compute a few integers, both are computed and the results that hold are selected.
//!
//! A branch that follows no pattern is mispredicted half of the time, which costs as much as twenty instructions. So compilers convert small
//! branches ("if-conversion"). Invariant: what is computed on the way that is not taken has no effect: it writes raw registers only, whose
//! values are dropped, cannot leave compiled code, and its overflows are not counted.

use super::super::unit::{NOWHERE, What};
use super::Translator;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as Ir};
use smallvec::SmallVec;
use std::ops::Range;

/// Most that a way may cost, in simple instructions.
const MOST_ON_A_WAY: usize = 4;
/// Most that both may cost together.
const MOST: usize = 6;

/// A branch whose ways meet again.
pub(super) struct Ways {
    /// The way on which the branch does not jump.
    stays: Range<usize>,
    /// The one on which it does.
    jumps: Range<usize>,
    /// Where they meet.
    end: usize,
}

/// What a way has computed.
struct Computed {
    /// Registers and their values.
    values: SmallVec<[(u16, Ir); 4]>,
    overflow: Option<Ir>,
}

/// What an instruction costs, if it only computes an integer.
fn cost(i: Instr) -> Option<usize> {
    match i.op()? {
        Op::MoveRaw | Op::LoadIntRaw => Some(0),
        Op::IAdd
        | Op::ISub
        | Op::IAddI
        | Op::IAnd
        | Op::IOr
        | Op::IXor
        | Op::IAndI
        | Op::IBitNot
        | Op::INeg => Some(1),
        Op::IMul | Op::IMulI => Some(2),
        Op::IDivI | Op::IModI if i.sc() > 0 && (i.sc() as u16).is_power_of_two() => Some(2),
        _ => None,
    }
}

impl Translator<'_, '_> {
    /// The ways of the branch that is being translated, if they can be computed both.
    pub(super) fn ways(&self) -> Option<Ways> {
        let (pc, target) = (self.pc, self.target());
        if target <= pc + 1 || target - pc > 2 * MOST {
            return None;
        }
        let last = &self.unit.insts[target - 1];
        let meets_later = last.what == What::Op && last.i.op() == Some(Op::Jump);
        let ways = match meets_later {
            true => Ways {
                stays: pc + 1..target - 1,
                jumps: target..last.target as usize,
                end: last.target as usize,
            },
            false => Ways { stays: pc + 1..target, jumps: target..target, end: target },
        };
        if ways.end < target
            || ways.end - pc > 4 * MOST
            || self.blocks.get(ways.end).copied().flatten().is_none()
        {
            return None;
        }
        let (stays, jumps) = (self.cost_of(ways.stays.clone())?, self.cost_of(ways.jumps.clone())?);
        let inside = pc + 1..ways.end;
        let fits = stays <= MOST_ON_A_WAY
            && jumps <= MOST_ON_A_WAY
            && stays + jumps <= MOST
            && self.unit.jumps_into(inside.clone()).all(|(from, _)| from == pc)
            && !self.unit.catches_in(inside);
        fits.then_some(ways)
    }

    /// What a way costs, if it only computes integers in registers that nothing else has to know of.
    fn cost_of(&self, way: Range<usize>) -> Option<usize> {
        way.map(|at| {
            let inst = &self.unit.insts[at];
            let r = usize::from(inst.i.a());
            let computes = inst.what == What::Op && inst.target == NOWHERE;
            let cost = cost(inst.i).filter(|_| computes)?;
            let free =
                !self.raw_floats[r] && self.strip_ends[r].is_none() && !self.facts.ranges.is_tested(at, r);
            free.then_some(cost)
        })
        .sum()
    }

    /// Computes both ways of the branch that is being translated, which jumps if `flag` is set.
    pub(super) fn compute_both(&mut self, ways: &Ways, flag: Ir) {
        debug_assert!(self.overflow.is_none(), "looked at before a branch");
        let stays = self.computed(ways.stays.clone());
        let jumps = self.computed(ways.jumps.clone());
        let mut written: SmallVec<[u16; 4]> =
            stays.values.iter().chain(&jumps.values).map(|(r, _)| *r).collect();
        written.sort_unstable();
        written.dedup();
        written.retain(|r| self.facts.live[ways.end].has(usize::from(*r)));
        for r in written {
            let variable = self.words[usize::from(r)];
            let [there, here] = [&jumps, &stays].map(|way| match way.value_of(r) {
                Some(value) => value,
                None => self.b.use_var(variable),
            });
            let value = self.b.ins().select(flag, there, here);
            self.b.def_var(variable, value);
            self.state.dirty.add(usize::from(r));
        }
        // What overflows on the way that control does not take makes code leave for nothing: where that happens too often, what was computed
        // on either way is told apart.
        let told_apart = !self.assume.bounded;
        for (overflow, jumps) in [(stays.overflow, false), (jumps.overflow, true)] {
            let Some(mut over) = overflow else { continue };
            if told_apart {
                let taken = if jumps { flag } else { self.b.ins().icmp_imm_s(IntCC::Equal, flag, 0) };
                over = self.b.ins().band(over, taken);
            }
            self.note_overflow(over);
        }
        self.expect_no_overflow();
        self.goto(ways.end);
        self.ended = true;
        self.behind = ways.end;
    }

    /// Computes what is on a way; registers whose values are wanted are as before then.
    fn computed(&mut self, way: Range<usize>) -> Computed {
        let registers: SmallVec<[u16; 4]> = way.clone().map(|at| self.unit.insts[at].i.a()).collect();
        let is_live = |r: &&u16| self.facts.live[self.pc].has(usize::from(**r));
        let wanted: SmallVec<[u16; 4]> = registers.iter().filter(is_live).copied().collect();
        let before: SmallVec<[Ir; 4]> =
            wanted.iter().map(|r| self.b.use_var(self.words[usize::from(*r)])).collect();
        let branch = self.pc;
        for at in way {
            self.pc = at;
            self.instruction(self.unit.insts[at].i);
        }
        self.pc = branch;
        let values = registers.iter().map(|r| (*r, self.b.use_var(self.words[usize::from(*r)]))).collect();
        for (r, value) in wanted.iter().zip(before) {
            self.b.def_var(self.words[usize::from(*r)], value);
        }
        Computed { values, overflow: self.overflow.take() }
    }
}

impl Computed {
    fn value_of(&self, r: u16) -> Option<Ir> {
        self.values.iter().find(|(written, _)| *written == r).map(|(_, value)| *value)
    }
}
