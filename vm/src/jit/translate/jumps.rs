//! Jumps, loops, returning.

use super::super::masks::{BOOL, INT};
use super::super::strips::{Bound, Stride, TURNS};
use super::super::unit::What;
use super::Translator;
use super::arith::Operand;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};
use cranelift_frontend::Variable;

/// Steps below this are counted in floats without an error, up to [`TURNS`] of them.
const LONGEST_STEP: i64 = 1 << 40;

impl Translator<'_, '_> {
    pub(super) fn goto_and_end(&mut self) {
        self.goto(self.target());
        self.ended = true;
    }

    /// Jumps if the flag is set (`wanted`) or not; goes on otherwise.
    pub(super) fn branch(&mut self, flag: Ir, wanted: bool, target: usize) {
        self.branch_knowing(flag, wanted, target, |_, _| {});
    }

    /// As [`branch`](Self::branch); `learn` takes note of what is known where control jumps (true), and where it goes on.
    fn branch_knowing(&mut self, flag: Ir, wanted: bool, target: usize, learn: impl Fn(&mut Self, bool)) {
        let state = self.state.clone();
        learn(self, true);
        let way = self.plain_way(target);
        let taken = way.unwrap_or_else(|| self.block());
        let jumping = std::mem::replace(&mut self.state, state);
        learn(self, false);
        let next = self.plain_way(self.pc + 1);
        let stays = next.unwrap_or_else(|| self.block());
        match wanted {
            true => self.b.ins().brif(flag, taken, &[], stays, &[]),
            false => self.b.ins().brif(flag, stays, &[], taken, &[]),
        };
        if way.is_none() {
            let staying = std::mem::replace(&mut self.state, jumping);
            self.b.switch_to_block(taken);
            self.goto(target);
            self.state = staying;
        }
        match next {
            Some(_) => self.ended = true,
            None => self.b.switch_to_block(stays),
        }
    }

    /// Jumps if the flag is set, to what lies behind a loop; goes on otherwise, in the same instruction.
    pub(super) fn branch_out(&mut self, flag: Ir, target: usize) {
        let (taken, stays) = (self.block(), self.block());
        self.b.ins().brif(flag, taken, &[], stays, &[]);
        self.part(taken, target, stays, |_, _| {});
    }

    /// From block `taken` control jumps; it goes on in block `stays`. `learn` as for [`branch_knowing`](Self::branch_knowing).
    fn part(&mut self, taken: Block, target: usize, stays: Block, learn: impl Fn(&mut Self, bool)) {
        let state = self.state.clone();
        self.b.switch_to_block(taken);
        learn(self, true);
        self.goto(target);
        self.state = state;
        self.b.switch_to_block(stays);
        learn(self, false);
    }

    pub(super) fn loop_back(&mut self) {
        let target = self.target();
        match self.stride_at(target) {
            Some((stride, end)) => self.stride_on(stride, end),
            None => self.poll_once(target),
        }
        self.goto(target);
        self.ended = true;
    }

    /// Cranelift lays out the second way of a branch next to it: here, that to the next turn.
    pub(super) fn for_loop(&mut self, i: Instr) {
        let target = self.target();
        let (n, end) = (self.raw_int(i.a()), self.raw_int(i.b()));
        let before = i.op() == Some(Op::ForLe);
        let count = |translator: &mut Self| {
            let next = translator.b.ins().iadd_imm_s(n, 1);
            translator.set_raw_int(i.a(), next);
            next
        };
        // What is compared with the end, which is beyond it for as long as there are turns.
        let counted = if before { n } else { count(self) };
        let state = self.state.clone();
        let strip = self.strip_ends[i.a() as usize].filter(|_| self.strips[self.pc]);
        if let Some(strip) = strip {
            let strip_end = self.b.use_var(strip);
            let (within, beyond) = (self.block(), self.block());
            let outside = self.b.ins().icmp(IntCC::SignedGreaterThanOrEqual, counted, strip_end);
            self.b.ins().brif(outside, beyond, &[], within, &[]);
            self.b.switch_to_block(within);
            if before {
                count(self);
            }
            self.goto(target);
            self.state = state.clone();
            self.b.switch_to_block(beyond);
        }
        let over = self.b.ins().icmp(IntCC::SignedGreaterThanOrEqual, counted, end);
        let (taken, stays) = (self.block(), self.block());
        self.b.ins().brif(over, stays, &[], taken, &[]);
        self.b.switch_to_block(taken);
        if before {
            count(self);
        }
        match strip {
            Some(strip) => {
                // Without a sign the difference is right whatever the two are.
                let left = self.b.ins().isub(end, counted);
                let most = self.word(TURNS);
                let turns = self.b.ins().umin(left, most);
                let strip_end = self.b.ins().iadd(counted, turns);
                self.b.def_var(strip, strip_end);
                self.poll(target, turns);
            }
            None => self.poll_once(target),
        }
        self.goto(target);
        self.state = state;
        self.b.switch_to_block(stays);
    }

    /// Makes the next turn of a loop the end of a strip: it is polled.
    pub(super) fn no_strip(&mut self, end: Variable) {
        let before_all = self.word(i64::MIN);
        self.b.def_var(end, before_all);
    }

    /// Ends all strips.
    pub(super) fn no_strips(&mut self) {
        for end in self.strip_ends.clone().into_iter().flatten() {
            self.no_strip(end);
        }
    }

    /// The instruction that has been translated ends the strips of the counters that it writes, unless it counts.
    pub(super) fn end_strips(&mut self) {
        let inst = self.inst();
        if inst.what == What::Op && matches!(inst.i.op(), Some(Op::ForLt | Op::ForLe)) || self.ended {
            return;
        }
        for k in 0..self.facts.accesses[self.pc].writes.len() {
            let r = self.facts.accesses[self.pc].writes[k] as usize;
            if let Some(end) = self.strip_ends[r] {
                self.no_strip(end);
            }
        }
    }

    /// The loop that strides and begins at an instruction, with the end of its strip.
    pub(super) fn stride_at(&self, head: usize) -> Option<(Stride, Variable)> {
        self.strides.iter().find(|(at, ..)| *at == head).map(|&(_, stride, end)| (stride, end))
    }

    /// Where control would enter a loop that strides and has no turn, it goes on behind it.
    pub(super) fn pass_by(&mut self, head: usize) {
        let Some((stride, _)) = self.stride_at(head) else { return };
        if (head..=stride.last).contains(&self.pc) {
            return;
        }
        let test = self.unit.insts[head];
        let (over, _) = self.raw_test(test.i);
        self.branch_out(over, test.target as usize);
    }

    /// The head of a loop that strides, behind its comparison: a strip begins.
    pub(super) fn begin_strip(&mut self, stride: Stride, strip: Variable) {
        let n = self.raw_int(stride.counter);
        let end = match stride.end {
            Bound::Register(r) => self.raw_int(r),
            Bound::Constant(end) => self.word(end),
        };
        // The counter is not beyond the end, so that without a sign the difference is right.
        let left = if stride.down { self.b.ins().isub(n, end) } else { self.b.ins().isub(end, n) };
        let left = if stride.inclusive { left } else { self.b.ins().iadd_imm_s(left, -1) };
        let (step, most, fits) = match stride.step {
            Bound::Constant(step) => (self.word(step), self.word(step.saturating_mul(TURNS - 1)), None),
            Bound::Register(r) => {
                let step = self.raw_int(r);
                // Without a sign, what is not positive is too large.
                let before = self.b.ins().iadd_imm_s(step, -1);
                let fits = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, before, LONGEST_STEP);
                let (one, none) = (self.word(1), self.word(0));
                let most = self.b.ins().imul_imm_s(step, TURNS - 1);
                let most = self.b.ins().select(fits, most, none);
                (self.b.ins().select(fits, step, one), most, Some(fits))
            }
        };
        let width = self.b.ins().umin(left, most);
        let turns = match stride.step {
            Bound::Constant(1) => width,
            _ => self.steps(width, step),
        };
        let turns = self.b.ins().iadd_imm_s(turns, 1);
        let last = if stride.down { self.b.ins().isub(n, width) } else { self.b.ins().iadd(n, width) };
        let mut strip_end = self.b.ins().iadd_imm_s(last, if stride.down { -1 } else { 1 });
        if let Some(fits) = fits {
            // A counter that does not grow is never beyond an end.
            let before_all = self.word(i64::MIN);
            strip_end = self.b.ins().select(fits, strip_end, before_all);
        }
        self.b.def_var(strip, strip_end);
        self.poll(self.pc, turns);
    }

    /// How often `y` is in `x`, both of which are such that floats tell: a division of integers wants registers of its own, around which the
    /// allocator moves what the loop has in them, at every turn.
    fn steps(&mut self, x: Ir, y: Ir) -> Ir {
        let (x, y) = (self.b.ins().fcvt_from_sint(F64, x), self.b.ins().fcvt_from_sint(F64, y));
        let quotient = self.b.ins().fdiv(x, y);
        self.b.ins().fcvt_to_sint_sat(I64, quotient)
    }

    /// The end of a turn: within a strip the next one begins at once, behind the comparison at the loop's head.
    fn stride_on(&mut self, stride: Stride, end: Variable) {
        let (n, end) = (self.raw_int(stride.counter), self.b.use_var(end));
        let (within, beyond) = (self.block(), self.cold());
        let before = if stride.down { IntCC::SignedGreaterThan } else { IntCC::SignedLessThan };
        let inside = self.b.ins().icmp(before, n, end);
        // The way back is a jump, wherever the other one lies.
        self.b.ins().brif(inside, within, &[], beyond, &[]);
        self.part(within, self.target() + 1, beyond, |_, _| {});
    }

    pub(super) fn jump_if_true(&mut self, i: Instr) {
        let op = i.op().expect("verified");
        let wanted = op == Op::JTrue;
        let learn = |translator: &mut Self, jumps| translator.narrow(op, i.a(), jumps);
        if matches!(self.mask(i.a()), BOOL | INT) {
            let flag = self.truthy(i.a());
            return self.branch_knowing(flag, wanted, self.target(), learn);
        }
        let (taken, stays) = (self.block(), self.block());
        let (yes, no) = if wanted { (taken, stays) } else { (stays, taken) };
        self.branch_on_truth(i.a(), yes, no);
        self.part(taken, self.target(), stays, learn);
    }

    pub(super) fn jump_if_null(&mut self, i: Instr) {
        let word = self.tagged(i.a());
        let flag = self.is_null(word);
        let op = i.op().expect("verified");
        self.branch_knowing(flag, op == Op::JNull, self.target(), |translator, jumps| {
            translator.narrow(op, i.a(), jumps);
        });
    }

    pub(super) fn jump_compared(&mut self, i: Instr) {
        use Op::*;
        let (register, immediate) = (Operand::Register(i.b()), Operand::Immediate(i.sb().into()));
        let (op, y, wanted) = match i.op().expect("verified") {
            JEq => (Eq, register, true),
            JNe => (Eq, register, false),
            JLt => (Lt, register, true),
            JLe => (Le, register, true),
            JNLt => (Lt, register, false),
            JNLe => (Le, register, false),
            JEqI => (Eq, immediate, true),
            JNeI => (Eq, immediate, false),
            JLtI => (Lt, immediate, true),
            JLeI => (Le, immediate, true),
            JGtI => (JGtI, immediate, true),
            JGeI => (JGeI, immediate, true),
            JNLtI => (Lt, immediate, false),
            JNLeI => (Le, immediate, false),
            JNGtI => (JGtI, immediate, false),
            _ => (JGeI, immediate, false),
        };
        let flag = self.compare(op, Operand::Register(i.a()), y);
        self.branch(flag, wanted, self.target());
    }

    pub(super) fn return_from(&mut self, i: Instr) {
        let value = match i.op() {
            Some(Op::Return) => self.tagged(i.a()),
            _ => self.word(Value::NULL.bits() as i64),
        };
        let second = if self.unit.lean { self.used() } else { self.base };
        if !self.unit.lean {
            self.flush_used();
        }
        let second = self.b.use_var(second);
        self.b.ins().return_(&[value, second]);
        self.ended = true;
    }

    pub(super) fn default_argument(&mut self, i: Instr) {
        let base = self.b.use_var(self.base);
        let given = self.b.ins().uload8(I64, MemFlagsData::trusted(), base, -25);
        let flag = self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThan, given, i64::from(i.a()));
        self.branch(flag, true, self.target());
    }
}
