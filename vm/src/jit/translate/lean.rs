//! Lean functions: their begin, calls of them, and how they are left.
//!
//! A lean function takes the thread, the place where its frame would lie, the fuel used with its call counted, and its arguments; it gives a value
//! and the fuel used, or [`runtime::FAILED`] once its frame is in memory and `used` in the thread.

use super::super::detours::words;
use super::super::facts::Bits;
use super::super::lean_runtime as runtime;
use super::super::masks::ALL;
use super::super::runtime::{FAILED, link};
use super::Translator;
use crate::code::Code;
use crate::object::task::FRAME_WORDS;
use crate::thread::stack::ReturnKind;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, InstBuilder, Signature, Value as Ir};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::Variable;

/// The signature of a lean function with so many parameters.
pub(in super::super) fn lean_signature(parameters: usize, convention: CallConv) -> Signature {
    words(3 + parameters, 2, convention)
}

impl Translator<'_, '_> {
    /// The begin of a lean function: attention is looked after, and the stacks are asked for room, by the interpreter.
    pub(super) fn lean_entry(&mut self, entry: Block) {
        let params = self.b.block_params(entry).to_vec();
        let [_, base, used] = params[..3] else { unreachable!("a lean function has them") };
        let args = &params[3..];
        self.b.def_var(self.base, base);
        self.b.def_var(self.used(), used);
        self.make_blocks();
        self.limit_at = Some(self.load(self.thread, self.layout.limit));
        let sp = self.b.ins().get_stack_pointer(I64);
        let native_limit = self.load(self.thread, self.layout.native_limit);
        let deep = self.b.ins().icmp(IntCC::UnsignedLessThan, sp, native_limit);
        let end = self.b.ins().iadd_imm_s(base, self.unit.extent() as i64 * 8);
        let stack_end = self.load(self.thread, self.layout.stack_end);
        let high = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, stack_end);
        let limit = self.limit();
        let over = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, used, limit);
        let elsewhere = self.cold();
        for flag in [deep, high, over] {
            let fine = self.block();
            self.b.ins().brif(flag, elsewhere, &[], fine, &[]);
            self.b.switch_to_block(fine);
        }
        let begin = self.block();
        self.b.ins().jump(begin, &[]);
        self.b.switch_to_block(elsewhere);
        for (k, arg) in args.iter().enumerate() {
            self.store(*arg, base, k as i32 * 8);
        }
        self.flush_used();
        let code = self.whole_code();
        self.call_plainly(runtime::begin as *const () as usize, b"iii>", &[self.thread, base, code]);
        self.leave_lean();
        self.b.switch_to_block(begin);
        self.enter_state(0);
        self.begin_registers(|_, r| args.get(r).copied());
        self.goto(0);
        self.seal();
    }

    /// The variable that counts fuel in a lean function.
    pub(super) fn used(&self) -> Variable {
        self.used.expect("lean code counts in a register")
    }

    pub(super) fn whole_code(&mut self) -> Ir {
        self.address(std::ptr::from_ref(self.unit.frames[0].code))
    }

    /// Leaves a lean function whose frame is in memory.
    pub(super) fn leave_lean(&mut self) {
        let none = self.word(0);
        self.exit(none);
    }

    /// Where cold code of lean code would have to call something that wants frames: the interpreter does the instruction.
    /// What comes behind is never reached.
    pub(super) fn out_of_lean(&mut self) {
        if !self.is_cold() {
            self.spoiled = true;
        }
        self.give_up();
        let never = self.cold();
        self.b.switch_to_block(never);
    }

    /// A new instance of a class: allocation never collects, so it needs no frame. If there is no memory, the interpreter finds out.
    pub(super) fn allocate_in_lean(&mut self, class: Ir) -> Ir {
        let made = self.call(runtime::allocate as *const () as usize, b"ii>i", &[self.thread, class])[0];
        let failed = self.b.ins().icmp_imm_s(IntCC::Equal, made, FAILED as i64);
        let (deopt, fine) = (self.deopt(), self.cold());
        self.b.ins().brif(failed, deopt, &[], fine, &[]);
        self.b.switch_to_block(fine);
        made
    }

    /// Calls a lean function with these arguments. The frames of the running unit are written if it leaves.
    pub(super) fn lean_call(&mut self, callee: &'static Code, args: &[Ir], dst: u16) {
        let inst = self.inst();
        let unit = self.unit.clone();
        let frame = unit.frame(&inst);
        let delta = frame.code.registers as usize + FRAME_WORDS;
        let distance = (frame.place + delta) as i64 * 8;
        let itself = unit.lean && std::ptr::eq(callee, unit.frames[0].code);
        let entry = match itself {
            true => None,
            false => {
                let code = self.address(std::ptr::from_ref(callee));
                let entry = self.load_foreign(code, self.layout.code_lean);
                self.guard(entry);
                Some(entry)
            }
        };
        let used = self.fuel();
        let used = self.b.ins().iadd_imm_s(used, 1);
        let base = self.b.use_var(self.base);
        let new = self.b.ins().iadd_imm_s(base, distance);
        let all = [&[self.thread, new, used], args].concat();
        let call = match entry {
            None => self.b.ins().call(self.own, &all),
            Some(entry) => {
                let signature = self.lean_signature_of(args.len());
                self.b.ins().call_indirect(signature, entry, &all)
            }
        };
        let (value, used) = (self.b.inst_results(call)[0], self.b.inst_results(call)[1]);
        let left = self.b.ins().icmp_imm_s(IntCC::Equal, value, FAILED as i64);
        let (leave, returned) = (self.cold(), self.block());
        self.b.ins().brif(left, leave, &[], returned, &[]);
        self.b.switch_to_block(leave);
        let link = link(delta, dst - frame.at as u16, ReturnKind::Register, args.len() as u8);
        let link = self.word(link as i64);
        let base = self.b.use_var(self.base);
        self.store(link, base, distance as i32 - 32);
        let live = self.live_after_call(dst, ReturnKind::Register);
        self.leave_behind_call(&live);
        self.b.switch_to_block(returned);
        self.set_fuel(used);
        self.set(dst, value, if itself { self.assume.own } else { ALL });
    }

    fn lean_signature_of(&mut self, parameters: usize) -> cranelift_codegen::ir::SigRef {
        if let Some(known) = self.lean_signatures[parameters] {
            return known;
        }
        let made = lean_signature(parameters, CallConv::triple_default(&self.layout.triple));
        let made = self.b.import_signature(made);
        self.lean_signatures[parameters] = Some(made);
        made
    }

    /// A lean callee has left: writes the frames of the unit as they are behind the call, and leaves.
    fn leave_behind_call(&mut self, live: &Bits) {
        let state = self.state.clone();
        let exit = self.store_for_exit(&state, live, self.pc, 1);
        let base = self.b.use_var(self.base);
        let code = if self.unit.lean { self.whole_code() } else { self.word(0) };
        let passed = runtime::pass as *const () as usize;
        let left = self.call_plainly(passed, b"iiii>i", &[self.thread, base, exit, code])[0];
        self.exit(left);
    }
}
