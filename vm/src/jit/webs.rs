//! Which uses of a register belong together: the bytecode compiler gives a register to one variable after the other, and what is known of one
//! says nothing of the next.
//!
//! A web ("live range" in some books) is a set of places where a register is live, between which its value can pass. Places are instructions,
//! before they are executed. Invariant: if control can go from one place to another one, the register is live at both and nothing writes it
//! in between, both are in the same web; so is where a write arrives.

use super::facts::Facts;
use super::unit::{NOWHERE, Unit};
use std::cell::Cell;

/// The webs of a unit's registers.
pub(super) struct Webs {
    /// For each register, where stretches begin at which it is live, in order, and the stretch's number.
    stretches: Vec<Vec<(u32, u32)>>,
    /// For each stretch, another one of its web, or itself.
    parents: Vec<Cell<u32>>,
}

impl Webs {
    pub(super) fn find(unit: &Unit, facts: &Facts) -> Self {
        let mut webs = Self { stretches: vec![Vec::new(); unit.registers()], parents: Vec::new() };
        for (at, live) in facts.live.iter().enumerate() {
            let continues = at > 0 && unit.falls_through(&unit.insts[at - 1]);
            for r in live.iter().filter(|r| !continues || !facts.live[at - 1].has(*r)) {
                let number = webs.parents.len() as u32;
                webs.stretches[r].push((at as u32, number));
                webs.parents.push(Cell::new(number));
            }
        }
        for (at, inst) in unit.insts.iter().enumerate().filter(|(_, inst)| inst.target != NOWHERE) {
            let target = inst.target as usize;
            webs.join_all(facts, at, target);
            if unit.falls_through(inst) {
                // Control may go both ways, and what is written with it.
                let goes_both = |r: &usize| facts.live[at + 1].has(*r) && facts.live[target].has(*r);
                let written = facts.accesses[at].writes.iter().map(|r| usize::from(*r));
                written.filter(goes_both).for_each(|r| webs.join(r, at + 1, target));
            }
        }
        for handler in &unit.handlers {
            (handler.start..handler.end).for_each(|at| webs.join_all(facts, at, handler.target));
        }
        webs
    }

    /// Whatever is live at both places passes from one to the other.
    fn join_all(&self, facts: &Facts, from: usize, to: usize) {
        let mut both = facts.live[from].clone();
        both.intersect(&facts.live[to]);
        both.iter().for_each(|r| self.join(r, from, to));
    }

    fn join(&self, r: usize, from: usize, to: usize) {
        let (from, to) = (self.at(r, from), self.at(r, to));
        self.parents[from].set(to as u32);
    }

    /// How many numbers of webs there are.
    pub(super) fn count(&self) -> usize {
        self.parents.len()
    }

    /// The web that a register belongs to where it is live.
    pub(super) fn at(&self, r: usize, place: usize) -> usize {
        let stretches = &self.stretches[r];
        let next = stretches.partition_point(|(begin, _)| *begin as usize <= place);
        let mut web = stretches[next.saturating_sub(1)].1;
        loop {
            let parent = self.parents[web as usize].get();
            if parent == web {
                return web as usize;
            }
            // Ways become shorter as they are gone.
            self.parents[web as usize].set(self.parents[parent as usize].get());
            web = parent;
        }
    }

    /// The web that an instruction's write to a register begins or goes on in; none if nobody reads what it writes.
    pub(super) fn of_write(&self, unit: &Unit, facts: &Facts, at: usize, r: usize) -> Option<usize> {
        let inst = &unit.insts[at];
        let next = unit.falls_through(inst).then_some(at + 1);
        let target = (inst.target != NOWHERE).then_some(inst.target as usize);
        let place = [next, target].into_iter().flatten().find(|place| facts.live[*place].has(r))?;
        Some(self.at(r, place))
    }
}
