//! Ways out of compiled code: what a helper failed at, what was assumed and does not hold, requests for attention.

use super::super::facts::Bits;
use super::super::lean_runtime;
use super::super::masks::{BIG, BOOL, FLOAT, INT, NULL};
use super::super::restore::{Exit, Spliced};
use super::super::runtime;
use super::super::stepped::by_step;
use super::super::unit::{Inst, Kind, NOWHERE, What};
use super::{Have, State, Translator};
use crate::bytecode::ops::Op;
use crate::interp::access;
use crate::object::task::FRAME_WORDS;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ir};

/// A cold way out of a helper that failed.
pub(super) struct ColdEnd {
    block: Block,
    /// Index of the instruction.
    at: usize,
    /// The state before the instruction, but for what is in memory by now.
    state: State,
}

/// A place that the interpreter can go on from when an assumption does not hold, there or a few instructions later that have done nothing but
/// computing registers: they are then computed again. So many assumptions share one way out.
pub(super) struct Checkpoint {
    at: usize,
    state: State,
    /// The values of the registers that have to be stored.
    values: Vec<(usize, Ir)>,
    /// Where failed assumptions go, once there is one.
    block: Option<Block>,
}

impl Translator<'_, '_> {
    /// Writes the position of the instruction that is being translated to the thread (`ahead` = 0), or of the one behind it (1), as slow paths
    /// want it.
    pub(super) fn save_position(&mut self, ahead: usize) {
        let inst = self.inst();
        let code = self.code();
        let at = self.address(code.entry.wrapping_add(inst.pc as usize + ahead));
        self.store(at, self.thread, self.layout.pc);
        let base = self.frame_base();
        self.store(base, self.thread, self.layout.base);
        let code = self.address(std::ptr::from_ref(code));
        self.store(code, self.thread, self.layout.code);
        self.flush_used();
    }

    /// Where the registers of the frame that is running lie.
    pub(super) fn frame_base(&mut self) -> Ir {
        let place = self.unit.frame(&self.inst()).place as i64 * 8;
        let base = self.b.use_var(self.base);
        if place == 0 { base } else { self.b.ins().iadd_imm_s(base, place) }
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
        let block = match self.common_exit {
            Some(block) => block,
            None => self.common_block(),
        };
        self.common_exit = Some(block);
        self.b.ins().jump(block, &[left.into()]);
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
        let result = self.helper_for_free(address, shape, args);
        if !self.unit.lean {
            self.load_used(); // bulk work costs fuel
        }
        result
    }

    /// The same for a helper that uses no fuel.
    pub(super) fn helper_for_free(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Ir {
        let result = self.call_placed(address, shape, args)[0];
        if !self.unit.lean {
            self.check(result);
        }
        result
    }

    /// Where a failed helper of this instruction goes.
    pub(super) fn leaving(&mut self) -> Block {
        match &mut self.leaving {
            Some(end) => {
                end.state.dirty.union(&self.state.dirty);
                end.block
            }
            None => {
                let block = self.cold();
                // What has been written to memory meanwhile need not be written again.
                let mut state = self.before.clone();
                state.dirty.copy_from(&self.state.dirty);
                self.leaving = Some(ColdEnd { block, at: self.pc, state });
                block
            }
        }
    }

    /// Where control goes if the interpreter is to go on, because an assumption does not hold.
    pub(super) fn deopt(&mut self) -> Block {
        if let Some(block) = self.checkpoint.as_ref().expect("set before each instruction").block {
            return block;
        }
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        self.checkpoint.as_mut().expect("just read").block = Some(block);
        block
    }

    /// The interpreter goes on, from the checkpoint.
    pub(super) fn give_up(&mut self) {
        let deopt = self.deopt();
        self.b.ins().jump(deopt, &[]);
    }

    /// Makes the instruction that is about to be translated the place to go back to, unless an earlier one serves.
    pub(super) fn begin_checkpoint(&mut self) {
        // What is called instead of what was expected is learnt from the call itself.
        let inst = self.inst();
        if matches!(inst.what, What::Enter(_)) && inst.i.op() == Some(Op::Call) || self.unit.is_unseen(&inst)
        {
            self.end_checkpoint();
        }
        if self.checkpoint.is_some() {
            return;
        }
        let mut values = Vec::new();
        let live: Vec<usize> = self.facts.live[self.pc].iter().filter(|r| self.state.dirty.has(*r)).collect();
        for r in live {
            let variable = self.stored_variable(&self.state, r);
            values.push((r, self.b.use_var(variable)));
        }
        self.checkpoint = Some(Checkpoint { at: self.pc, state: self.state.clone(), values, block: None });
    }

    /// Takes note of whether a computation of integers has overflowed. It is looked at before anything that may not be repeated: one test for
    /// several computations.
    pub(super) fn note_overflow(&mut self, flag: Ir) {
        self.overflow = Some(match self.overflow {
            Some(before) => self.b.ins().bor(before, flag),
            None => flag,
        });
    }

    /// Goes on only if no integer has overflowed since the checkpoint; else the interpreter does, from there.
    pub(super) fn expect_no_overflow(&mut self) {
        if let Some(flag) = self.overflow.take() {
            self.guard_not(flag);
        }
    }

    /// What follows cannot go back any more.
    pub(super) fn end_checkpoint(&mut self) {
        debug_assert!(self.overflow.is_none(), "looked at before");
        if let Some(checkpoint) = self.checkpoint.take()
            && checkpoint.block.is_some()
        {
            self.checkpoints.push(checkpoint);
        }
    }

    /// The variable that a register is stored from on a way out.
    fn stored_variable(&self, state: &State, r: usize) -> cranelift_frontend::Variable {
        if self.unit.kinds[r] == Kind::Raw || state.regs[r].have.0 & Have::WORD.0 != 0 {
            self.words[r]
        } else if state.regs[r].have.0 & Have::FLOAT.0 != 0 {
            self.floats[r]
        } else {
            self.ints[r]
        }
    }

    /// Goes on only if `condition` holds; else the interpreter does.
    pub(super) fn guard(&mut self, condition: Ir) {
        let deopt = self.deopt();
        let fine = self.block();
        self.go_if(condition, fine, deopt);
        self.b.switch_to_block(fine);
    }

    /// Goes on only if an integer has no box.
    pub(super) fn guard_small(&mut self, word: Ir) {
        let odd = self.b.ins().band_imm_s(word, 1);
        self.guard_not(odd);
    }

    /// Goes on only if `condition` does not hold.
    pub(super) fn guard_not(&mut self, condition: Ir) {
        let deopt = self.deopt();
        let fine = self.block();
        self.b.ins().brif(condition, deopt, &[], fine, &[]);
        self.b.switch_to_block(fine);
    }

    /// Notes the cold way out that the instruction needed.
    pub(super) fn cold_ends(&mut self) {
        if let Some(mut end) = self.leaving.take() {
            end.state.dirty.intersect(&self.before.dirty);
            self.ends.push(end);
        }
    }

    fn common_block(&mut self) -> Block {
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        self.b.append_block_param(block, I64);
        block
    }

    /// Emits the cold ways out, behind everything else.
    pub(super) fn emit_cold_ends(&mut self) {
        for end in std::mem::take(&mut self.ends) {
            self.b.switch_to_block(end.block);
            let live = self.facts.live[end.at].clone();
            let exit = self.store_for_exit(&end.state, &live, end.at, 1);
            let common = match self.common_leave {
                Some(block) => block,
                None => self.common_block(),
            };
            self.common_leave = Some(common);
            self.b.ins().jump(common, &[exit.into()]);
            self.seal();
        }
        for checkpoint in std::mem::take(&mut self.checkpoints) {
            let block = checkpoint.block.expect("kept only with one");
            self.b.seal_block(block);
            self.b.switch_to_block(block);
            let base = self.b.use_var(self.base);
            for &(r, value) in &checkpoint.values {
                let offset = self.offset(r);
                self.store(value, base, offset);
            }
            let live = self.facts.live[checkpoint.at].clone();
            let exit = self.describe_exit(&checkpoint.state, &live, checkpoint.at, 0);
            let common = match self.common_deopt {
                Some(block) => block,
                None => self.common_block(),
            };
            self.common_deopt = Some(common);
            self.b.ins().jump(common, &[exit.into()]);
        }
        let deoptimise = match self.unit.lean {
            true => lean_runtime::deoptimise as *const () as usize,
            false => runtime::deoptimise as *const () as usize,
        };
        let ends = [
            (self.common_leave, runtime::leave as *const () as usize, false),
            (self.common_deopt, deoptimise, true),
        ];
        for (block, helper, flush) in ends {
            let Some(block) = block else { continue };
            self.b.seal_block(block);
            self.b.switch_to_block(block);
            let exit = self.b.block_params(block)[0];
            let base = self.b.use_var(self.base);
            // What a helper that failed has used is in the thread already.
            if flush {
                self.flush_used();
            }
            let code = self.address(std::ptr::from_ref(self.unit.frames[0].code));
            let left = self.call_plainly(helper, b"iiii>i", &[self.thread, base, exit, code])[0];
            self.exit(left);
        }
        if let Some(block) = self.common_exit {
            self.b.seal_block(block);
            self.b.switch_to_block(block);
            let left = self.b.block_params(block)[0];
            let marker = self.word(runtime::FAILED as i64);
            self.b.ins().return_(&[marker, left]);
        }
    }

    /// Stores the registers of `live` for a way out at instruction `at`, as they are in `state`, which stays as it is; `ahead` instructions
    /// later the interpreter goes on. The address of what describes it.
    pub(super) fn store_for_exit(&mut self, state: &State, live: &Bits, at: usize, ahead: usize) -> Ir {
        let base = self.b.use_var(self.base);
        for r in live.iter().filter(|r| state.dirty.has(*r)) {
            let variable = self.stored_variable(state, r);
            let value = self.b.use_var(variable);
            let offset = self.offset(r);
            self.store(value, base, offset);
        }
        self.describe_exit(state, live, at, ahead)
    }

    /// The address of what describes a way out, whose registers have been stored.
    fn describe_exit(&mut self, state: &State, live: &Bits, at: usize, ahead: usize) -> Ir {
        let unit = self.unit.clone();
        let inst = &unit.insts[at];
        let (mut floats, mut ints, mut clear, mut frames) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for r in live.iter().filter(|r| state.dirty.has(*r) && unit.kinds[*r] != Kind::Raw) {
            let have = state.regs[r].have.0;
            if have & Have::WORD.0 == 0 {
                if have & Have::FLOAT.0 != 0 { &mut floats } else { &mut ints }.push(unit.places[r]);
            }
        }
        for f in unit.around(inst.frame as usize).chain([0]) {
            let frame = &unit.frames[f];
            if !state.dirty.has(frame.at - FRAME_WORDS) {
                continue;
            }
            let tagged = frame.at..frame.at + frame.code.tagged as usize;
            clear.extend(tagged.filter(|r| state.dirty.has(*r) && !live.has(*r)).map(|r| unit.places[r]));
            if f != 0 {
                let parent = &unit.frames[frame.parent];
                frames.push(Spliced {
                    place: frame.place as u32,
                    link: self.link_of(f),
                    code: frame.code,
                    function: unit.constant_function(f).unwrap_or(0),
                    caller_pc: parent.code.entry.wrapping_add(frame.call as usize + 1),
                    caller_place: parent.place as u32,
                });
            }
        }
        let frame = unit.frame(inst);
        let exit = Box::new(Exit {
            pc: frame.code.entry.wrapping_add(inst.pc as usize + ahead),
            code: frame.code,
            place: frame.place as u32,
            unseen: unit.is_unseen(inst),
            epoch: state.epoch.then_some(unit.epoch),
            frames: frames.into(),
            clear: clear.into(),
            floats: floats.into(),
            ints: ints.into(),
        });
        let address = self.address(std::ptr::from_ref(&*exit));
        self.referred.exits.push(exit);
        address
    }

    /// Whether an instruction does nothing but compute registers, so that it may be executed again by the interpreter.
    pub(super) fn may_be_repeated(&self, inst: &Inst) -> bool {
        let op = inst.i.op().expect("verified");
        match inst.what {
            What::Enter(_) | What::Leave => false,
            What::Op if self.demands.stress || by_step(op) => false,
            What::Op => match op {
                Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Div
                | Op::Mod
                | Op::AddI
                | Op::SubI
                | Op::MulI
                | Op::DivI => self.known(inst.i.a()).mask & !(INT | BIG | FLOAT) == 0,
                Op::ModI | Op::BitAnd | Op::BitAndI | Op::BitOr | Op::BitXor => {
                    self.known(inst.i.a()).is_integer()
                }
                Op::GetAttr => {
                    let site = self.feedback().site(inst.i.c());
                    self.feedback().leaves(inst.i.c(), self.assume) && access::is_slot_read(site.kind)
                }
                // Who goes back comes by the same branches again.
                Op::JTrue | Op::JFalse => self.mask(inst.i.a()) & !(BOOL | NULL | INT) == 0,
                Op::JNull | Op::JNotNull | Op::GetGlobal | Op::CellGet | Op::UpCellGet => true,
                Op::CheckType | Op::Move | Op::MoveRaw | Op::LoadK | Op::LoadTrue | Op::LoadFalse => true,
                Op::LoadInt
                | Op::LoadIntRaw
                | Op::LoadKRaw
                | Op::BoxI
                | Op::BoxF
                | Op::UnboxI
                | Op::UnboxF => true,
                Op::IToF | Op::UpGet | Op::Nop | Op::IAGet | Op::FAGet => true,
                // The interpreter divides by these.
                Op::IDivI | Op::IModI => !matches!(inst.i.sc(), 0 | -1),
                op => op.info().name.starts_with("int.") || op.info().name.starts_with("float."),
            },
        }
    }

    /// Whether an instruction may compute with integers that have overflowed before anybody finds out: it goes on to the next one, or back to the
    /// checkpoint, and nowhere else.
    pub(super) fn tolerates_overflow(&self, inst: &Inst) -> bool {
        let op = inst.i.op().expect("verified");
        let computes = match op {
            Op::Move | Op::MoveRaw | Op::LoadK | Op::LoadTrue | Op::LoadFalse | Op::LoadInt | Op::Nop => true,
            Op::LoadIntRaw | Op::LoadKRaw | Op::BoxI | Op::BoxF | Op::UnboxI | Op::UnboxF | Op::IToF => true,
            Op::IAGet | Op::FAGet => !self.wide(),
            Op::GetAttr => true,
            op => op.info().name.starts_with("int.") || op.info().name.starts_with("float."),
        };
        computes && inst.target == NOWHERE && self.may_be_repeated(inst)
    }

    /// A spliced function is called, whose first instruction is `at`. What asks for attention is seen at the next loop or call, if nobody wants
    /// it to be seen here.
    pub(super) fn count_call(&mut self, at: usize) {
        if self.demands.exact {
            return self.poll_once(at);
        }
        let one = self.word(1);
        self.use_fuel(one);
    }

    /// Counts units of fuel: how much has been used.
    fn use_fuel(&mut self, units: Ir) -> Ir {
        let used = self.fuel();
        let used = self.b.ins().iadd(used, units);
        self.set_fuel(used);
        used
    }

    /// The fuel used so far.
    pub(super) fn fuel(&mut self) -> Ir {
        match self.used {
            Some(variable) => self.b.use_var(variable),
            None => self.load(self.thread, self.layout.used),
        }
    }

    /// So much fuel has been used.
    pub(super) fn set_fuel(&mut self, used: Ir) {
        match self.used {
            Some(variable) => self.b.def_var(variable, used),
            None => self.store(used, self.thread, self.layout.used),
        }
    }

    /// A safepoint at instruction `at`, which control is about to reach: the head of a loop, or the first instruction of a spliced function.
    /// It costs so many units.
    pub(super) fn poll(&mut self, at: usize, units: Ir) {
        let used = self.use_fuel(units);
        let limit = self.limit();
        let over = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, used, limit);
        let (attend, leave, go_on) = (self.cold(), self.cold(), self.block());
        self.b.ins().brif(over, attend, &[], go_on, &[]);
        self.b.switch_to_block(attend);
        let state = self.state.clone();
        let live = self.facts.live[at].clone();
        let exit = self.store_for_exit(&state, &live, at, 0);
        self.flush_used();
        let base = self.b.use_var(self.base);
        if self.unit.lean {
            let (safepoint, code) = (lean_runtime::safepoint as *const () as usize, self.whole_code());
            self.call_plainly(safepoint, b"iiii>", &[self.thread, base, exit, code]);
            self.leave_lean();
            return self.b.switch_to_block(go_on);
        }
        let left =
            self.call(runtime::safepoint as *const () as usize, b"iii>i", &[self.thread, base, exit])[0];
        let back = self.cold();
        self.b.ins().brif(left, leave, &[], back, &[]);
        self.b.switch_to_block(leave);
        let left = self.b.ins().iadd_imm_s(left, -1);
        self.exit(left);
        self.b.switch_to_block(back);
        if let Some(way_in) = self.way_into_loop(at) {
            // All is in the frame, as when the interpreter enters: so nothing in a loop changes by being looked after.
            self.no_strips();
            let number = self.word(self.number_of(at).into());
            self.b.ins().jump(way_in, &[base.into(), number.into()]);
            return self.b.switch_to_block(go_on);
        }
        self.load_used();
        // Meanwhile other tasks may have changed arrays.
        for r in self.state.views.clone().iter() {
            self.make_view(r);
        }
        self.b.ins().jump(go_on, &[]);
        self.b.switch_to_block(go_on);
    }

    /// A safepoint that costs one unit.
    pub(super) fn poll_once(&mut self, at: usize) {
        let one = self.word(1);
        self.poll(at, one);
    }
}
