//! What can be said about a unit's code without running it: what each instruction reads and writes, where control goes, which
//! registers are live.
//!
//! Everything is derived from the op table's operand kinds; only what the table cannot say (how a pair is used, what a closure
//! captures) stands here by op.

use super::intrinsics::{self, Intrinsic};
use super::masks::Assume;
use super::ranges::Ranges;
use super::unit::{Callee, Frame, Inst, NOWHERE, Unit, What};
use crate::bytecode::ops::{Op, Operand};
use crate::bytecode::{Capture, Instr};
use crate::thread::stack::ReturnKind;
use smallvec::SmallVec;

/// A set of small numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Bits(SmallVec<[u64; 4]>);

impl Bits {
    pub(super) fn new(len: usize) -> Self {
        Self(SmallVec::from_elem(0, len.div_ceil(64)))
    }

    pub(super) fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 != 0
    }

    pub(super) fn add(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }

    pub(super) fn remove(&mut self, i: usize) {
        self.0[i / 64] &= !(1 << (i % 64));
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn copy_from(&mut self, other: &Bits) {
        self.0.copy_from_slice(&other.0);
    }

    /// Adds all of `other`; whether there was a new one.
    pub(super) fn union(&mut self, other: &Bits) -> bool {
        let mut grew = false;
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            grew |= theirs & !*mine != 0;
            *mine |= theirs;
        }
        grew
    }

    /// Keeps only what is in `other` too; whether something was lost.
    pub(super) fn intersect(&mut self, other: &Bits) -> bool {
        let mut lost = false;
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            lost |= *mine & !theirs != 0;
            *mine &= theirs;
        }
        lost
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, &bits)| {
            std::iter::successors(Some(bits), |bits| Some(bits & bits.wrapping_sub(1)))
                .take_while(|bits| *bits != 0)
                .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}

/// The registers of one instruction.
#[derive(Default, Debug)]
pub(super) struct Registers {
    pub(super) reads: SmallVec<[u16; 8]>,
    pub(super) writes: SmallVec<[u16; 4]>,
}

/// What an instruction reads and writes. A write that does not happen on every way out counts as a read too.
pub(super) fn registers(unit: &Unit, inst: &Inst) -> Registers {
    let mut found = Registers::default();
    let frame = unit.frame(inst);
    match inst.what {
        What::Op => of_op(frame, inst.i, &mut found),
        What::Enter(_) => {
            of_op(frame, inst.i, &mut found);
            found.writes.clear();
            let entered = unit.entered(inst).expect("it enters");
            let first = entered.at as u16;
            found.writes.push(first - 1);
            found.writes.extend((0..entered.code.tagged as u16).map(|k| first + k));
            if matches!(entered.callee, Callee::Constructor { .. }) {
                found.writes.push(entered.dst);
            }
        }
        What::Leave => {
            if inst.i.op() == Some(Op::Return) {
                found.reads.push(inst.i.a());
            }
            if frame.kind == ReturnKind::Register {
                found.writes.push(frame.dst);
            }
        }
    }
    // A closure's captured values are reached through it, and its frame needs it.
    if let Callee::Closure(_) = frame.callee {
        found.reads.push(frame.at as u16 - 1);
    }
    found
}

fn of_op(frame: &Frame, i: Instr, found: &mut Registers) {
    let op = i.op().expect("verified");
    let info = op.info();
    for (field, kind) in info.operands() {
        let r = field.unsigned(i) as u16;
        match kind {
            Operand::Write | Operand::RawWrite => found.writes.push(r),
            Operand::Read | Operand::RawRead => found.reads.push(r),
            Operand::ReadWrite | Operand::RawReadWrite => {
                found.reads.push(r);
                found.writes.push(r);
            }
            Operand::Window => {
                let count = info.field_of(Operand::Count).map_or(0, |count| count.unsigned(i));
                found.reads.extend((0..count + info.window_extra()).map(|k| r + k as u16));
            }
            Operand::Pair => match op {
                Op::IterStart | Op::RecvStart => found.writes.extend([r, r + 1]),
                Op::IterNext | Op::RecvNext => {
                    found.reads.extend([r, r + 1]);
                    found.writes.extend([r, r + 1]);
                }
                _ => found.reads.extend([r, r + 1]),
            },
            _ => {}
        }
    }
    match op {
        Op::IterNext | Op::RecvNext => {
            let elements: &[u16] = if op == Op::IterNext && i.n() == 2 { &[0, 1] } else { &[0] };
            for k in elements {
                found.reads.push(i.b() + k);
                if !found.writes.contains(&(i.b() + k)) {
                    found.writes.push(i.b() + k);
                }
            }
        }
        Op::Closure => {
            // SAFETY: linked code lives as long as the VM; the verifier checked the function's index.
            let callee = unsafe { (&(*frame.code.module).functions)[i.d() as usize] };
            found.reads.extend(callee.capture_list.iter().filter_map(|capture| match *capture {
                Capture::Register(r) => Some(r + frame.at as u16),
                Capture::Upvalue(_) => None,
            }));
        }
        _ => {}
    }
}

/// Blocks and liveness of a unit.
pub(super) struct Facts {
    /// Whether a block begins at an instruction.
    pub(super) leads: Vec<bool>,
    /// Targets of backward jumps, in order.
    pub(super) loop_heads: Vec<usize>,
    /// Instructions of the unit's first function that follow a wait: the interpreter enters there when it is over.
    pub(super) resumptions: Vec<usize>,
    /// What each instruction reads and writes.
    pub(super) accesses: Vec<Registers>,
    /// Registers whose values may be read when control is before an instruction, by its handlers too; once that is known, also those
    /// that hold an object.
    pub(super) live: Vec<Bits>,
    /// Registers that hold an object before an instruction.
    pub(super) held: Vec<Bits>,
    /// Which integers registers can hold.
    pub(super) ranges: Ranges,
    /// Registers that a handler around an instruction may read.
    pub(super) caught: Vec<Bits>,
}

/// Whether an instruction lets the task wait, each time.
fn waits(inst: &Inst) -> bool {
    inst.what == What::Op
        && inst.i.op() == Some(Op::Call)
        && intrinsics::of_value(inst.hint) == Some(Intrinsic::Wait)
}

impl Facts {
    pub(super) fn new(unit: &Unit, assume: Assume) -> Self {
        let count = unit.insts.len();
        let mut leads = vec![false; count];
        leads[0] = true;
        let mut loop_heads = Vec::new();
        let mut resumptions = Vec::new();
        for (at, inst) in unit.insts.iter().enumerate() {
            let jumps = inst.target != NOWHERE;
            if jumps {
                let target = inst.target as usize;
                leads[target] = true;
                if target <= at && !loop_heads.contains(&target) {
                    loop_heads.push(target);
                }
            }
            // Going into a spliced function ends no block, unless there is another way.
            if (jumps || !unit.falls_through(inst)) && at + 1 < count {
                leads[at + 1] = true;
            }
            if inst.frame == 0 && waits(inst) {
                leads[at + 1] = true;
                resumptions.push(at + 1);
            }
        }
        loop_heads.sort_unstable();
        let none = Bits::new(unit.registers());
        let caught = if unit.handlers.is_empty() { Vec::new() } else { vec![none.clone(); count] };
        let accesses = unit.insts.iter().map(|inst| registers(unit, inst)).collect();
        let live = vec![none; count];
        let (held, ranges) = (Vec::new(), Ranges::default());
        let mut facts = Facts { leads, loop_heads, resumptions, accesses, live, held, ranges, caught };
        facts.find_live(unit);
        facts.ranges = Ranges::find(unit, &facts, assume);
        facts
    }

    /// What these registers hold before each instruction is kept alive, from where they got it; whether more is live now.
    pub(super) fn keep(&mut self, unit: &Unit, held: Vec<Bits>) -> bool {
        self.held = held;
        self.find_live(unit)
    }

    /// Whether more was found than is known already.
    fn find_live(&mut self, unit: &Unit) -> bool {
        let count = unit.insts.len();
        let mut live = Bits::new(unit.registers());
        let mut found = false;
        loop {
            let mut changed = false;
            for handler in &unit.handlers {
                live.copy_from(&self.live[handler.target]);
                live.remove(handler.register);
                for at in handler.start..handler.end {
                    changed |= self.caught[at].union(&live);
                }
            }
            for at in (0..count).rev() {
                let inst = &unit.insts[at];
                live.clear();
                if unit.falls_through(inst) {
                    live.union(&self.live[at + 1]);
                }
                if inst.target != NOWHERE {
                    live.union(&self.live[inst.target as usize]);
                }
                // Where control goes elsewhere instead of into a spliced function, nobody reads the function's registers.
                for r in &self.accesses[at].writes {
                    live.remove(*r as usize);
                }
                for r in &self.accesses[at].reads {
                    live.add(*r as usize);
                }
                for more in [self.caught.get(at), self.held.get(at)].into_iter().flatten() {
                    live.union(more);
                }
                changed |= self.live[at].union(&live);
            }
            if !changed {
                return found;
            }
            found = true;
        }
    }

    /// Whether a loop is entered at its head only, and all that is executed in it lies between its head and its last instruction.
    pub(super) fn is_entered_at_head(&self, unit: &Unit, head: usize, last: usize) -> bool {
        let inside = head..last + 1;
        let mut jumps = unit.jumps_into(inside.clone());
        !jumps.any(|(from, to)| !inside.contains(&from) && (to != head || from > last))
            && !self.resumptions.iter().any(|at| inside.contains(at))
            && !unit.catches_in(inside)
    }

    /// Registers that a handler around an instruction may read, if there is one.
    pub(super) fn caught(&self, at: usize) -> Option<&Bits> {
        self.caught.get(at)
    }
}
