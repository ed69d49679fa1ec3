//! Variables that hold an object which nothing reads any more.
//!
//! A variable in scope keeps what it refers to alive, whether it is read again or not: a future that somebody holds goes on, and a weak
//! reference still finds its object. The interpreter's registers keep it by themselves. Compiled code writes to its frames what is live; so
//! a variable counts as live from where it gets an object until it is overwritten or its scope ends. Numbers, strings and constants keep
//! nothing alive: for them it is enough that they are read. So it is for what is in no variable: how long the interpreter's registers
//! hold that is no part of what a program means.

use super::facts::{Bits, Facts};
use super::masks::{self, Assume, Known};
use super::unit::{Frame, Inst, NOWHERE, Unit, What};
use crate::bytecode::ops::Op;
use crate::object::class_id;

/// The registers that hold an object before each instruction, by what is `known` where blocks begin.
pub(super) fn held(unit: &Unit, facts: &Facts, assume: Assume, known: &[Option<Vec<Known>>]) -> Vec<Bits> {
    let count = unit.insts.len();
    let none = Bits::new(unit.registers());
    // Which of the registers that each instruction writes get an object.
    let mut given = Vec::with_capacity(count);
    let mut now = Vec::new();
    for (at, known) in known.iter().enumerate() {
        if facts.leads[at] {
            now.clear();
            now.extend(known.iter().flatten());
        }
        let mut objects = none.clone();
        if !now.is_empty() {
            masks::apply(unit, facts, assume, at, &mut now);
            add_objects(unit, facts, at, &now, &mut objects);
        }
        given.push(objects);
    }
    let mut held = vec![none.clone(); count];
    let scopes = scopes(unit);
    let mut after = none;
    loop {
        let mut changed = false;
        for handler in &unit.handlers {
            for at in handler.start..handler.end {
                after.copy_from(&held[at]);
                after.intersect(&scopes[handler.target]);
                changed |= held[handler.target].union(&after);
            }
        }
        for at in 0..count {
            let inst = &unit.insts[at];
            after.copy_from(&held[at]);
            facts.accesses[at].writes.iter().for_each(|r| after.remove(*r as usize));
            after.union(&given[at]);
            if unit.falls_through(inst) && at + 1 < count {
                after.intersect(&scopes[at + 1]);
                changed |= held[at + 1].union(&after);
            }
            if inst.target != NOWHERE {
                if matches!(inst.what, What::Enter(_)) {
                    after.copy_from(&held[at]);
                }
                let target = inst.target as usize;
                after.intersect(&scopes[target]);
                changed |= held[target].union(&after);
            }
        }
        if !changed {
            return held;
        }
    }
}

/// Adds the registers that an instruction writes and that may hold an object afterwards which only they keep alive, by what is `known` then.
/// Of registers that belong to no variable nothing is taken note anyway.
fn add_objects(unit: &Unit, facts: &Facts, at: usize, known: &[Known], objects: &mut Bits) {
    let inst = &unit.insts[at];
    if inst.what == What::Op && inst.i.op() == Some(Op::LoadK) {
        return;
    }
    for &r in &facts.accesses[at].writes {
        let known = known[r as usize];
        if known.mask & Known::OBJECTS != 0 && !known.is(class_id::STRING) {
            objects.add(r as usize);
        }
    }
}

/// The registers that belong to variables in scope where control is before each instruction, in its frame and those around it.
fn scopes(unit: &Unit) -> Vec<Bits> {
    let add = |scope: &mut Bits, frame: &Frame, pc: u32| {
        let inside =
            frame.code.variables.iter().filter(|variable| (variable.start..variable.end).contains(&pc));
        inside.for_each(|variable| scope.add(frame.at + variable.register as usize));
    };
    // While a function runs that is spliced in, those around it are at the call.
    let mut around: Vec<Bits> = Vec::with_capacity(unit.frames.len());
    for (number, frame) in unit.frames.iter().enumerate() {
        let scope = match number {
            0 => Bits::new(unit.registers()),
            _ => {
                let mut scope = around[frame.parent].clone();
                add(&mut scope, &unit.frames[frame.parent], frame.call);
                scope
            }
        };
        around.push(scope);
    }
    let of = |inst: &Inst| {
        let mut scope = around[inst.frame as usize].clone();
        add(&mut scope, unit.frame(inst), inst.pc);
        scope
    };
    unit.insts.iter().map(of).collect()
}
