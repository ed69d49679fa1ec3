//! Registers as variables: reading them in the form that is wanted, writing them, writing them back to the frame.

use super::super::facts::{Bits, Facts, falls_through, jump_target, registers};
use super::super::masks::{self, FLOAT, INT, Mask};
use super::super::runtime;
use super::{Rep, State, Translator, by_step, syncs};
use crate::bytecode::Instr;
use crate::code::Code;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value as Ir};

const FLOAT_BIAS: i64 = 3 << 60;

/// Which registers' words may be stale where each block begins.
pub(super) fn dirty_at_blocks(code: &Code, facts: &Facts) -> Vec<Bits> {
    let count = code.code.len();
    let mut at = vec![Bits::new(code.registers as usize); count];
    // Raw registers begin with what an earlier frame left.
    for r in code.tagged as usize..code.registers as usize {
        at[0].add(r);
    }
    loop {
        let mut changed = false;
        let mut dirty = Bits::new(code.registers as usize);
        for pc in 0..count {
            if facts.leads[pc] {
                dirty = at[pc].clone();
            }
            let i = code.code[pc];
            let written = registers(code, i).writes;
            let op = i.op().expect("verified");
            if syncs(op) {
                dirty = Bits::new(code.registers as usize);
            }
            // What the interpreter writes, it writes to the frame.
            if !by_step(op) {
                written.iter().for_each(|r| dirty.add(*r as usize));
            }
            if let Some(target) = jump_target(pc, i) {
                changed |= at[target].union(&dirty);
            }
            if falls_through(i) && pc + 1 < count && facts.leads[pc + 1] {
                changed |= at[pc + 1].union(&dirty);
            }
        }
        if !changed {
            return at;
        }
    }
}

impl Translator<'_, '_> {
    /// The state with which a block begins.
    pub(super) fn enter_state(&mut self, pc: usize) {
        let masks = self.at[pc].clone().expect("reached");
        let reps = masks.iter().map(|mask| Self::rep_for(*mask)).collect();
        let classes = vec![0; masks.len()];
        self.state = State { masks, reps, classes, dirty: self.dirty_at[pc].clone() };
    }

    /// Jumps to the block at `pc`, whose registers are to be as it expects them.
    pub(super) fn goto(&mut self, pc: usize) {
        let wanted = self.at[pc].clone().expect("reached");
        let live: Vec<usize> = self.facts.live[pc].iter().collect();
        for r in live {
            if self.state.dirty.has(r) && !self.dirty_at[pc].has(r) {
                self.write_back(r);
            }
            if r >= wanted.len() {
                continue;
            }
            debug_assert_eq!(
                self.state.masks[r] & !wanted[r],
                0,
                "register {r} at {pc} of {}",
                self.code.name
            );
            match Self::rep_for(wanted[r]) {
                Rep::Float => {
                    self.float(r as u16);
                }
                _ => {
                    self.tagged(r as u16);
                }
            }
        }
        let block = self.blocks[pc].expect("reached");
        self.b.ins().jump(block, &[]);
    }

    /// A register's value as a tagged word.
    pub(super) fn tagged(&mut self, r: u16) -> Ir {
        let r = r as usize;
        if self.state.reps[r] == Rep::Float {
            let float = self.b.use_var(self.floats[r]);
            let word = self.box_float(float);
            self.b.def_var(self.words[r], word);
            self.state.reps[r] = Rep::Both;
        }
        self.b.use_var(self.words[r])
    }

    /// The value of a register that is known to hold a float.
    pub(super) fn float(&mut self, r: u16) -> Ir {
        debug_assert_eq!(self.state.masks[r as usize], FLOAT);
        let r = r as usize;
        if self.state.reps[r] == Rep::Tagged {
            let word = self.b.use_var(self.words[r]);
            let float = self.unbox_known_float(word);
            self.b.def_var(self.floats[r], float);
            self.state.reps[r] = Rep::Both;
        }
        self.b.use_var(self.floats[r])
    }

    /// The float in a word that holds one in whatever form.
    fn unbox_known_float(&mut self, word: Ir) -> Ir {
        let (common, rare, done) = (self.block(), self.cold(), self.block());
        self.b.append_block_param(done, F64);
        let tag = self.b.ins().band_imm_s(word, 3);
        let is_tagged = self.b.ins().icmp_imm_s(IntCC::Equal, tag, 3);
        self.b.ins().brif(is_tagged, common, &[], rare, &[]);
        self.b.switch_to_block(common);
        let float = self.untag_float(word);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(rare);
        let bits = self.call(runtime::unbox_float as *const () as usize, b"i>ii", &[word])[0];
        let float = self.b.ins().bitcast(F64, MemFlagsData::new(), bits);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// The float in a word with a float's tag.
    pub(super) fn untag_float(&mut self, word: Ir) -> Ir {
        let bits = self.b.ins().rotr_imm_s(word, 3);
        let bias = self.word(FLOAT_BIAS);
        let bits = self.b.ins().isub(bits, bias);
        self.b.ins().bitcast(F64, MemFlagsData::new(), bits)
    }

    /// A float as a value.
    pub(super) fn box_float(&mut self, float: Ir) -> Ir {
        let bits = self.b.ins().bitcast(I64, MemFlagsData::new(), float);
        let bias = self.word(FLOAT_BIAS);
        let word = self.b.ins().iadd(bits, bias);
        let word = self.b.ins().rotl_imm_s(word, 3);
        let tag = self.b.ins().band_imm_s(word, 3);
        let is_tagged = self.b.ins().icmp_imm_s(IntCC::Equal, tag, 3);
        let (rare, done) = (self.cold(), self.block());
        self.b.append_block_param(done, I64);
        self.b.ins().brif(is_tagged, done, &[word.into()], rare, &[]);
        self.b.switch_to_block(rare);
        let boxed = self.box_rare_float(bits);
        self.b.ins().jump(done, &[boxed.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    fn box_rare_float(&mut self, bits: Ir) -> Ir {
        self.call(runtime::box_float as *const () as usize, b"ii>i", &[self.thread, bits])[0]
    }

    /// Gives a register a tagged value.
    pub(super) fn set(&mut self, r: u16, word: Ir, mask: Mask) {
        self.b.def_var(self.words[r as usize], word);
        self.state.masks[r as usize] = mask;
        self.state.reps[r as usize] = Rep::Tagged;
        self.state.classes[r as usize] = 0;
        self.state.dirty.add(r as usize);
    }

    /// Gives a register an unboxed float.
    pub(super) fn set_float(&mut self, r: u16, float: Ir) {
        self.b.def_var(self.floats[r as usize], float);
        self.state.masks[r as usize] = FLOAT;
        self.state.reps[r as usize] = Rep::Float;
        self.state.classes[r as usize] = 0;
        self.state.dirty.add(r as usize);
    }

    pub(super) fn mask(&self, r: u16) -> Mask {
        self.state.masks[r as usize]
    }

    pub(super) fn constant(&mut self, r: u16, value: Value) {
        match value.as_float() {
            Some(f) => {
                let f = self.b.ins().f64const(f);
                self.set_float(r, f);
            }
            None => {
                let word = self.word(value.bits() as i64);
                self.set(r, word, masks::mask_of(value));
            }
        }
    }

    pub(super) fn move_tagged(&mut self, to: u16, from: u16) {
        let mask = self.mask(from);
        match self.state.reps[from as usize] {
            Rep::Tagged | Rep::Both if mask != FLOAT => {
                let word = self.tagged(from);
                let class = self.state.classes[from as usize];
                self.set(to, word, mask);
                self.state.classes[to as usize] = class;
            }
            _ => {
                let float = self.float(from);
                self.set_float(to, float);
            }
        }
    }

    /// The forms after an instruction are what the analysis says, which may know less than the translation.
    pub(super) fn state_after(&mut self, i: Instr) {
        if self.ended {
            return;
        }
        let mut masks = self.before.masks.clone();
        masks::apply(self.code, self.feedback, self.assume, i, &mut masks);
        for r in registers(self.code, i).writes {
            let r = r as usize;
            if r < masks.len() && self.state.masks[r] & !masks[r] == 0 {
                self.state.masks[r] = masks[r];
            }
            debug_assert!(
                r >= masks.len() || self.state.masks[r] & !masks[r] == 0,
                "{:?} at {} of {}: {:b} is not in {:b}",
                i.op(),
                self.pc,
                self.code.name,
                self.state.masks[r],
                masks[r]
            );
        }
    }

    /// Writes a register to the frame, on the straight path.
    pub(super) fn write_back(&mut self, r: usize) {
        let word =
            if r < self.code.tagged as usize { self.tagged(r as u16) } else { self.b.use_var(self.words[r]) };
        let base = self.b.use_var(self.base);
        self.store(word, base, r as i32 * 8);
        self.state.dirty.remove(r);
    }

    /// Writes all registers to the frame that this instruction or what comes after it may read there.
    pub(super) fn write_back_live(&mut self) {
        let live: Vec<usize> = self.facts.live[self.pc].iter().filter(|r| self.state.dirty.has(*r)).collect();
        for r in live {
            self.write_back(r);
        }
    }

    /// Writes the registers of `live` to the frame on a cold way out, as they are in `state`, which stays as it is.
    pub(super) fn write_back_cold(&mut self, state: &State, live: &Bits) {
        let base = self.b.use_var(self.base);
        for r in live.iter().filter(|r| state.dirty.has(*r)) {
            let word = if r < self.code.tagged as usize && state.reps[r] == Rep::Float {
                let float = self.b.use_var(self.floats[r]);
                let bits = self.b.ins().bitcast(I64, MemFlagsData::new(), float);
                self.box_rare_float(bits)
            } else {
                self.b.use_var(self.words[r])
            };
            self.store(word, base, r as i32 * 8);
        }
    }

    /// Whether a register certainly holds a small integer.
    pub(super) fn is_int(&self, r: u16) -> bool {
        self.mask(r) == INT
    }
}
