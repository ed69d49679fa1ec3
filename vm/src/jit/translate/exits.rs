//! Ways out of compiled code: what a helper failed at, what was assumed and does not hold, requests for attention.

use super::super::facts::Bits;
use super::super::{LEFT, runtime};
use super::{State, Translator};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ir};

/// A cold way out: of a helper that failed (`leaves`), or of an assumption that does not hold.
pub(super) struct ColdEnd {
    block: Block,
    leaves: bool,
    pc: usize,
    /// The state before the instruction.
    state: State,
}

impl Translator<'_, '_> {
    /// Writes the position before instruction `pc` (for a slow path of an instruction: the one behind it) to the thread.
    pub(super) fn save_position(&mut self, pc: usize) {
        let at = self.address(self.code.entry.wrapping_add(pc));
        self.store(at, self.thread, self.layout.pc);
        let base = self.b.use_var(self.base);
        self.store(base, self.thread, self.layout.base);
        let code = self.address(std::ptr::from_ref(self.code));
        self.store(code, self.thread, self.layout.code);
        self.flush_used();
    }

    pub(super) fn flush_used(&mut self) {
        if let Some(used) = self.used {
            let used = self.b.use_var(used);
            self.store(used, self.thread, self.layout.used);
        }
    }

    pub(super) fn load_used(&mut self) {
        if let Some(variable) = self.used {
            let used = self.load(self.thread, self.layout.used);
            self.b.def_var(variable, used);
        }
    }

    /// Leaves the function; the thread's state says where the interpreter goes on.
    pub(super) fn exit(&mut self, left: Ir) {
        let marker = self.word(runtime::FAILED as i64);
        self.b.ins().return_(&[marker, left]);
    }

    /// The result of a helper that may have failed: control goes on only if it did not.
    pub(super) fn check(&mut self, result: Ir) {
        let failed = self.b.ins().icmp_imm_s(IntCC::Equal, result, runtime::FAILED as i64);
        let block = self.leaving();
        let fine = self.block();
        self.b.ins().brif(failed, block, &[], fine, &[]);
        self.b.switch_to_block(fine);
    }

    /// Calls a helper that gives a value or fails.
    pub(super) fn helper(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Ir {
        self.save_position(self.pc + 1);
        let result = self.call(address, shape, args)[0];
        self.check(result);
        result
    }

    /// Where a failed helper of this instruction goes.
    pub(super) fn leaving(&mut self) -> Block {
        match self.leave_block {
            Some(block) => block,
            None => {
                let block = self.cold();
                self.leave_block = Some(block);
                block
            }
        }
    }

    /// Where control goes if the interpreter is to execute this instruction, because an assumption does not hold.
    pub(super) fn deopt(&mut self) -> Block {
        match self.deopt_block {
            Some(block) => block,
            None => {
                let block = self.cold();
                self.deopt_block = Some(block);
                block
            }
        }
    }

    /// Goes on only if `condition` holds; else the interpreter does.
    pub(super) fn guard(&mut self, condition: Ir) {
        let deopt = self.deopt();
        let fine = self.block();
        self.b.ins().brif(condition, fine, &[], deopt, &[]);
        self.b.switch_to_block(fine);
    }

    /// Goes on only if `condition` does not hold.
    pub(super) fn guard_not(&mut self, condition: Ir) {
        let deopt = self.deopt();
        let fine = self.block();
        self.b.ins().brif(condition, deopt, &[], fine, &[]);
        self.b.switch_to_block(fine);
    }

    /// Notes the cold ways out that the instruction needed.
    pub(super) fn cold_ends(&mut self) {
        for (block, leaves) in [(self.leave_block.take(), true), (self.deopt_block.take(), false)] {
            if let Some(block) = block {
                self.ends.push(ColdEnd { block, leaves, pc: self.pc, state: self.before.clone() });
            }
        }
    }

    /// Emits the cold ways out, behind everything else.
    pub(super) fn emit_cold_ends(&mut self) {
        for end in std::mem::take(&mut self.ends) {
            self.b.switch_to_block(end.block);
            let live: Bits = self.facts.live[end.pc].clone();
            self.write_back_cold(&end.state, &live);
            let left = if end.leaves {
                self.call(runtime::leave as *const () as usize, b"i>i", &[self.thread])[0]
            } else {
                self.count_failure();
                self.save_position(end.pc);
                self.word(LEFT.0 as i64)
            };
            self.exit(left);
            self.seal();
        }
    }

    /// Counts that an assumption did not hold.
    pub(super) fn count_failure(&mut self) {
        let code = self.address(std::ptr::from_ref(self.code));
        self.call(runtime::failed as *const () as usize, b"ii>", &[self.thread, code]);
    }

    /// A safepoint at the head of a loop that control is about to jump to.
    pub(super) fn poll(&mut self, head: usize) {
        let variable = self.used.expect("a function with loops");
        let used = self.b.use_var(variable);
        let used = self.b.ins().iadd_imm_s(used, 1);
        self.b.def_var(variable, used);
        let limit = self.limit();
        let over = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, used, limit);
        let (attend, leave, go_on) = (self.cold(), self.cold(), self.block());
        self.b.ins().brif(over, attend, &[], go_on, &[]);
        self.b.switch_to_block(attend);
        let state = self.state.clone();
        let live = self.facts.live[head].clone();
        self.write_back_cold(&state, &live);
        self.save_position(head);
        let left = self.call(runtime::safepoint as *const () as usize, b"i>i", &[self.thread])[0];
        let back = self.cold();
        self.b.ins().brif(left, leave, &[], back, &[]);
        self.b.switch_to_block(leave);
        let left = self.b.ins().iadd_imm_s(left, -1);
        self.exit(left);
        self.b.switch_to_block(back);
        self.load_used();
        self.b.ins().jump(go_on, &[]);
        self.b.switch_to_block(go_on);
    }
}
