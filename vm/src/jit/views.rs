//! Which arrays' buffers and lengths compiled code keeps in variables, and where.
//!
//! Only a script or a native changes an array's length or replaces its buffer. So between two calls, and around a loop without calls, both can
//! be read once. What other tasks do at a safepoint is seen by reading them again on the way back from one.
//!
//! A view of a register that holds no such array has the length 0, so that each access goes the slow way: views can be made anywhere.
//! Typed arrays of other threads are read by views too, unless the register's array is written somewhere: what they hold are words, which
//! nobody has to wrap, and a buffer that its owner replaces stays readable until this thread's next safepoint.

use super::facts::{Bits, Facts};
use super::unit::{NOWHERE, OF_MAP, Unit, What};
use crate::bytecode::ops::Op;
use crate::object::class_id;

/// The views of a unit.
pub(super) struct Views {
    /// For each register, the class of the arrays that it is used as; 0 for those without a view.
    pub(super) classes: Vec<u32>,
    /// Registers whose elements are assigned: their views are of own arrays only.
    pub(super) written: Bits,
    /// Registers whose views are there where each block begins.
    pub(super) at: Vec<Bits>,
    /// Whether there is any.
    pub(super) any: bool,
}

/// The register that an instruction accesses as an array, and the class that it expects.
fn accessed(unit: &Unit, at: usize) -> Option<(usize, u32)> {
    let inst = &unit.insts[at];
    if inst.what != What::Op || inst.hint == OF_MAP {
        return None;
    }
    match inst.i.op().expect("verified") {
        Op::IAGet => Some((inst.i.b() as usize, class_id::INT_ARRAY)),
        Op::FAGet => Some((inst.i.b() as usize, class_id::FLOAT_ARRAY)),
        Op::ArrGet => Some((inst.i.b() as usize, class_id::ARRAY)),
        Op::IASet => Some((inst.i.a() as usize, class_id::INT_ARRAY)),
        Op::FASet => Some((inst.i.a() as usize, class_id::FLOAT_ARRAY)),
        Op::ArrSet => Some((inst.i.a() as usize, class_id::ARRAY)),
        _ => None,
    }
}

/// Whether an instruction may change the length of an array: views made before it are of no use after it.
pub(super) fn changes_lengths(unit: &Unit, at: usize, wide: bool) -> bool {
    let inst = &unit.insts[at];
    if inst.what != What::Op {
        return false;
    }
    let op = inst.i.op().expect("verified");
    unit.syncs(inst, wide)
        || inst.lean.is_some()
        || matches!(op, Op::CallMethod | Op::New | Op::IterNext | Op::ArrayPush)
}

impl Views {
    /// Finds where views are worth having.
    pub(super) fn find(unit: &Unit, facts: &Facts, wide: bool) -> Self {
        let (count, registers) = (unit.insts.len(), unit.registers());
        let none = Bits::new(registers);
        let (classes, written) = (vec![0; registers], none.clone());
        let mut views = Self { classes, written, at: Vec::new(), any: false };
        let mut mixed = none.clone();
        for at in 0..count {
            if let Some((r, class)) = accessed(unit, at) {
                if views.classes[r] != 0 && views.classes[r] != class {
                    mixed.add(r);
                }
                views.classes[r] = class;
                if matches!(unit.insts[at].i.op(), Some(Op::IASet | Op::FASet | Op::ArrSet)) {
                    views.written.add(r);
                }
            }
        }
        mixed.iter().for_each(|r| views.classes[r] = 0);
        views.any = views.classes.iter().any(|class| *class != 0);
        if !views.any {
            return views;
        }
        let mut all = none.clone();
        (0..registers).filter(|r| views.classes[*r] != 0).for_each(|r| all.add(r));
        // Blocks are taken to have everything until a way shows that they have not; loop heads have what pays.
        views.at = vec![all; count];
        views.at[0] = none;
        let heads: Vec<(usize, Bits)> =
            facts.loop_heads.iter().map(|&head| (head, views.worth(unit, facts, head, wide))).collect();
        for (head, bits) in &heads {
            views.at[*head] = bits.clone();
        }
        let is_head = |at: usize| heads.iter().any(|(head, _)| *head == at);
        let mut there = Bits::new(registers);
        loop {
            let mut changed = false;
            for at in 0..count {
                if facts.leads[at] {
                    there.copy_from(&views.at[at]);
                }
                let inst = &unit.insts[at];
                let before = there.clone();
                views.step(unit, facts, at, wide, &mut there);
                let carried = if matches!(inst.what, What::Enter(_)) { &before } else { &there };
                if inst.target != NOWHERE && !is_head(inst.target as usize) {
                    changed |= views.at[inst.target as usize].intersect(carried);
                }
                if unit.falls_through(inst) && at + 1 < count && facts.leads[at + 1] && !is_head(at + 1) {
                    changed |= views.at[at + 1].intersect(&there);
                }
            }
            if !changed {
                return views;
            }
        }
    }

    /// Whether the view of a register may be of another thread's array.
    pub(super) fn may_be_foreign(&self, r: usize) -> bool {
        self.classes[r] != class_id::ARRAY && !self.written.has(r)
    }

    /// What an instruction does to views.
    fn step(&self, unit: &Unit, facts: &Facts, at: usize, wide: bool, there: &mut Bits) {
        if changes_lengths(unit, at, wide) {
            there.clear();
        }
        if let Some((r, class)) = accessed(unit, at)
            && self.classes[r] == class
        {
            there.add(r);
        }
        for r in &facts.accesses[at].writes {
            there.remove(*r as usize);
        }
    }

    /// Registers whose views go once around the loop at `head` and are used in it.
    fn worth(&self, unit: &Unit, facts: &Facts, head: usize, wide: bool) -> Bits {
        let mut worth = Bits::new(unit.registers());
        let last = (head..unit.insts.len()).rev().find(|at| unit.insts[*at].target as usize == head);
        let Some(last) = last else { return worth };
        if (head..=last).any(|at| changes_lengths(unit, at, wide)) {
            return worth;
        }
        for at in head..=last {
            if let Some((r, class)) = accessed(unit, at)
                && self.classes[r] == class
                && facts.live[head].has(r)
            {
                worth.add(r);
            }
        }
        for at in head..=last {
            facts.accesses[at].writes.iter().for_each(|r| worth.remove(*r as usize));
        }
        worth
    }
}
