//! What can be said about a function's code without running it: what each instruction reads and writes, where control goes, which
//! registers are live.
//!
//! Everything is derived from the op table's operand kinds; only what the table cannot say (how a pair is used, what a closure
//! captures) stands here by op.

use crate::bytecode::ops::{Op, Operand};
use crate::bytecode::{Capture, Instr};
use crate::code::Code;
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

    /// Adds all of `other`; whether there was a new one.
    pub(super) fn union(&mut self, other: &Bits) -> bool {
        let mut grew = false;
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            grew |= theirs & !*mine != 0;
            *mine |= theirs;
        }
        grew
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, &bits)| {
            (0..64).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| word * 64 + bit)
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
pub(super) fn registers(code: &Code, i: Instr) -> Registers {
    let mut found = Registers::default();
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
            let callee = unsafe { (&(*code.module).functions)[i.d() as usize] };
            found.reads.extend(callee.capture_list.iter().filter_map(|capture| match *capture {
                Capture::Register(r) => Some(r),
                Capture::Upvalue(_) => None,
            }));
        }
        _ => {}
    }
    found
}

/// Where the jump of an instruction goes, if it has one.
pub(super) fn jump_target(pc: usize, i: Instr) -> Option<usize> {
    let field = i.op().expect("verified").info().field_of(Operand::Jump)?;
    Some((pc as i64 + 1 + i64::from(field.signed(i))) as usize)
}

/// Whether control may reach the next instruction.
pub(super) fn falls_through(i: Instr) -> bool {
    let info = i.op().expect("verified").info();
    info.flags & crate::bytecode::ops::ENDS == 0 && !info.jumps_always()
}

/// Blocks and liveness of a function.
pub(super) struct Facts {
    /// Whether a block begins at an instruction.
    pub(super) leads: Vec<bool>,
    /// Targets of backward jumps, in order.
    pub(super) loop_heads: Vec<usize>,
    /// Registers whose values may be read when control is before an instruction, by its handlers too.
    pub(super) live: Vec<Bits>,
    /// Registers that a handler around an instruction may read.
    pub(super) caught: Vec<Bits>,
}

impl Facts {
    pub(super) fn new(code: &Code) -> Self {
        let count = code.code.len();
        let registers_count = code.registers as usize;
        let mut leads = vec![false; count];
        leads[0] = true;
        let mut loop_heads = Vec::new();
        for (pc, i) in code.code.iter().enumerate() {
            if let Some(target) = jump_target(pc, *i) {
                leads[target] = true;
                if target <= pc && !loop_heads.contains(&target) {
                    loop_heads.push(target);
                }
            }
            if (jump_target(pc, *i).is_some() || !falls_through(*i)) && pc + 1 < count {
                leads[pc + 1] = true;
            }
        }
        loop_heads.sort_unstable();
        let mut facts = Facts {
            leads,
            loop_heads,
            live: vec![Bits::new(registers_count); count],
            caught: vec![Bits::new(registers_count); count],
        };
        facts.find_live(code);
        facts
    }

    fn find_live(&mut self, code: &Code) {
        let count = code.code.len();
        let accesses: Vec<Registers> = code.code.iter().map(|i| registers(code, *i)).collect();
        loop {
            let mut changed = false;
            for handler in &code.handlers {
                let mut live = self.live[handler.target as usize].clone();
                live.remove(handler.register as usize);
                for pc in handler.start as usize..handler.end as usize {
                    changed |= self.caught[pc].union(&live);
                }
            }
            for pc in (0..count).rev() {
                let i = code.code[pc];
                let mut live = Bits::new(code.registers as usize);
                if falls_through(i) {
                    live.union(&self.live[pc + 1]);
                }
                if let Some(target) = jump_target(pc, i) {
                    live.union(&self.live[target]);
                }
                for r in &accesses[pc].writes {
                    live.remove(*r as usize);
                }
                for r in &accesses[pc].reads {
                    live.add(*r as usize);
                }
                live.union(&self.caught[pc]);
                changed |= self.live[pc].union(&live);
            }
            if !changed {
                return;
            }
        }
    }
}
