//! Registers as variables: reading them in the form that is wanted, writing them, writing them back to their frames.

use super::super::facts::{Bits, Facts};
use super::super::masks::{self, BIG, FLOAT, INT, Known, Mask};
use super::super::runtime;
use super::super::stepped::by_step;
use super::super::unit::{Callee, Kind, NOWHERE, Unit, What};
use super::{Have, Reg, Translator};
use crate::bytecode::ops::Op;
use crate::object::task::FRAME_WORDS;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ir};

const FLOAT_BIAS: i64 = 3 << 60;

/// Which registers' words may be stale where each block begins. The first word of a frame's header is among them while the frame is not in
/// memory: see [`Translator::open_frames`].
pub(super) fn dirty_at_blocks(unit: &Unit, facts: &Facts, wide: bool) -> Vec<Option<Bits>> {
    let count = unit.insts.len();
    let mut at: Vec<Option<Bits>> = vec![None; count];
    let mut entry = Bits::new(unit.registers());
    let whole = &unit.frames[0];
    entry.add(whole.at - FRAME_WORDS);
    // Raw registers begin with what an earlier frame left, and compiled callers leave all but the parameters to the callee, of lean code
    // those too.
    let given = if unit.lean { 0 } else { whole.code.params as usize };
    for r in whole.at + given..whole.at + whole.code.registers as usize {
        entry.add(r);
    }
    at[0] = Some(entry);
    let mut dirty = Bits::new(unit.registers());
    loop {
        let mut changed = false;
        let mut reached = false;
        for pc in 0..count {
            if facts.leads[pc] {
                reached = at[pc].is_some();
                if let Some(known) = &at[pc] {
                    dirty.copy_from(known);
                }
            }
            if !reached {
                continue;
            }
            let inst = &unit.insts[pc];
            if inst.target != NOWHERE && matches!(inst.what, What::Enter(_)) {
                changed |= join(&mut at[inst.target as usize], &dirty);
            }
            after(unit, facts, pc, wide, &mut dirty);
            if inst.target != NOWHERE && !matches!(inst.what, What::Enter(_)) {
                changed |= join(&mut at[inst.target as usize], &dirty);
            }
            if unit.falls_through(inst) && pc + 1 < count && facts.leads[pc + 1] {
                changed |= join(&mut at[pc + 1], &dirty);
            }
        }
        if !changed {
            return at;
        }
    }
}

fn join(at: &mut Option<Bits>, dirty: &Bits) -> bool {
    match at {
        Some(known) => known.union(dirty),
        None => {
            *at = Some(dirty.clone());
            true
        }
    }
}

/// What is stale after an instruction.
fn after(unit: &Unit, facts: &Facts, pc: usize, wide: bool, dirty: &mut Bits) {
    let inst = &unit.insts[pc];
    match inst.what {
        What::Enter(frame) => {
            let frame = &unit.frames[frame as usize];
            (frame.at - FRAME_WORDS..frame.at + frame.code.registers as usize).for_each(|r| dirty.add(r));
            if matches!(frame.callee, Callee::Constructor { .. }) {
                dirty.add(frame.dst as usize);
            }
        }
        _ => {
            let op = inst.i.op().expect("verified");
            let plain = inst.what == What::Op;
            if unit.syncs(inst, wide) {
                dirty.clear();
            }
            // What the interpreter writes, it writes to the frame.
            if !(plain && by_step(op)) {
                facts.accesses[pc].writes.iter().for_each(|r| dirty.add(*r as usize));
            }
        }
    }
}

impl Translator<'_, '_> {
    /// The state with which a block begins.
    pub(super) fn enter_state(&mut self, pc: usize) {
        let known = self.at[pc].as_ref().expect("reached");
        self.state.regs.clear();
        self.state.regs.extend(known.iter().map(|&known| Reg { known, have: Self::have_for(known) }));
        self.state.dirty.copy_from(self.dirty_at[pc].as_ref().expect("reached"));
        self.state.views.clear();
        if self.views.any {
            self.state.views.copy_from(&self.views.at[pc]);
        }
        // Of loops and of what follows a wait not all ways are known yet.
        let early = self.facts.loop_heads.contains(&pc) || self.facts.resumptions.contains(&pc);
        self.state.epoch = !early && self.epoch_at[pc].unwrap_or(false);
    }

    /// Takes note that control goes from here to the block at `pc`.
    fn arrive(&mut self, pc: usize) -> Block {
        let known = &mut self.epoch_at[pc];
        *known = Some(self.state.epoch && known.unwrap_or(true));
        self.blocks[pc].expect("reached")
    }

    /// The block at `pc`, if control can go there as things are: all registers are as it expects them.
    pub(super) fn plain_way(&mut self, pc: usize) -> Option<Block> {
        let (wanted, clean) = (self.at[pc].as_ref()?, self.dirty_at[pc].as_ref()?);
        let plain = self.facts.live[pc].iter().all(|r| {
            let in_memory = !self.state.dirty.has(r) || clean.has(r);
            in_memory && (self.unit.kinds[r] == Kind::Raw || self.have(r, Self::have_for(wanted[r])))
        });
        let viewed = !self.views.any || self.views.at[pc].iter().all(|r| self.state.views.has(r));
        (plain && viewed).then(|| self.arrive(pc))
    }

    /// In which form a block's register is at hand.
    fn have_for(known: Known) -> Have {
        if known.mask == FLOAT {
            Have::FLOAT
        } else if known.is_integer() && known.mask & BIG != 0 {
            Have::INT
        } else {
            Have::WORD
        }
    }

    /// Jumps to the block at `pc`, whose registers are to be as it expects them.
    pub(super) fn goto(&mut self, pc: usize) {
        self.pass_by(pc);
        let live: Vec<usize> = self.facts.live[pc].iter().collect();
        for r in live {
            if self.state.dirty.has(r) && !self.dirty_at[pc].as_ref().expect("reached").has(r) {
                self.write_back(r);
            }
            if self.unit.kinds[r] == Kind::Raw {
                continue;
            }
            let wanted = self.at[pc].as_ref().expect("reached")[r];
            debug_assert_eq!(
                self.state.regs[r].known.mask & !wanted.mask,
                0,
                "register {r} at {pc} of {}",
                self.code().name
            );
            match Self::have_for(wanted) {
                Have::FLOAT => {
                    self.float(r as u16);
                }
                Have::INT => {
                    self.int(r as u16);
                }
                _ => {
                    self.tagged(r as u16);
                }
            }
        }
        if self.views.any {
            let missing: Vec<usize> =
                self.views.at[pc].iter().filter(|r| !self.state.views.has(*r)).collect();
            for r in missing {
                match self.facts.live[pc].has(r) {
                    true => self.make_view(r),
                    false => self.no_view(r),
                }
            }
        }
        let block = self.arrive(pc);
        self.b.ins().jump(block, &[]);
    }

    pub(super) fn have(&self, r: usize, form: Have) -> bool {
        self.state.regs[r].have.0 & form.0 != 0
    }

    fn also(&mut self, r: usize, form: Have) {
        self.state.regs[r].have.0 |= form.0;
    }

    /// A register's value as a tagged word.
    pub(super) fn tagged(&mut self, r: u16) -> Ir {
        let r = r as usize;
        if !self.have(r, Have::WORD) {
            let word = match self.have(r, Have::FLOAT) {
                true => {
                    let float = self.b.use_var(self.floats[r]);
                    self.box_float(float)
                }
                false => {
                    let n = self.b.use_var(self.ints[r]);
                    match self.state.regs[r].known.mask & BIG {
                        0 => self.b.ins().ishl_imm_s(n, 1),
                        _ => self.box_int(n),
                    }
                }
            };
            self.b.def_var(self.words[r], word);
            self.also(r, Have::WORD);
        }
        self.b.use_var(self.words[r])
    }

    /// The value of a register that is known to hold a float.
    pub(super) fn float(&mut self, r: u16) -> Ir {
        debug_assert_eq!(self.mask(r) & !FLOAT, 0);
        let r = r as usize;
        if !self.have(r, Have::FLOAT) {
            let word = self.b.use_var(self.words[r]);
            let float = self.unbox_known_float(word);
            self.b.def_var(self.floats[r], float);
            self.also(r, Have::FLOAT);
        }
        self.b.use_var(self.floats[r])
    }

    /// The value of a register that is known to hold an integer.
    pub(super) fn int(&mut self, r: u16) -> Ir {
        let r = r as usize;
        debug_assert!(self.state.regs[r].known.is_integer());
        if !self.have(r, Have::INT) {
            let word = self.b.use_var(self.words[r]);
            let n = match self.state.regs[r].known.mask & BIG {
                0 => self.b.ins().sshr_imm_s(word, 1),
                _ => self.unbox_known_int(word),
            };
            self.b.def_var(self.ints[r], n);
            self.also(r, Have::INT);
        }
        self.b.use_var(self.ints[r])
    }

    /// The integer in a word that holds one, boxed or not.
    pub(super) fn unbox_known_int(&mut self, word: Ir) -> Ir {
        let (small, rare, done) = (self.block(), self.cold(), self.block());
        self.b.append_block_param(done, I64);
        let odd = self.b.ins().band_imm_s(word, 1);
        self.b.ins().brif(odd, rare, &[], small, &[]);
        self.b.switch_to_block(small);
        let n = self.b.ins().sshr_imm_s(word, 1);
        self.b.ins().jump(done, &[n.into()]);
        self.b.switch_to_block(rare);
        let n = self.call(runtime::unbox_int as *const () as usize, b"i>ii", &[word])[0];
        self.b.ins().jump(done, &[n.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// The float in a word that holds one in whatever form.
    pub(super) fn unbox_known_float(&mut self, word: Ir) -> Ir {
        let (common, rare, done) = (self.block(), self.cold(), self.block());
        self.b.append_block_param(done, F64);
        let is_tagged = self.has_float_tag(word);
        self.go_if(is_tagged, common, rare);
        self.b.switch_to_block(common);
        let float = self.untag_float(word);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(rare);
        let bits = self.call(runtime::unbox_float as *const () as usize, b"i>ii", &[word])[0];
        let float = self.float_of(bits);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// Whether a word has a float's tag.
    pub(super) fn has_float_tag(&mut self, word: Ir) -> Ir {
        self.has_tag(word, 3, 3)
    }

    /// Whether a word is an object.
    pub(super) fn is_object(&mut self, word: Ir) -> Ir {
        self.has_tag(word, 7, 1)
    }

    /// Whether the lowest bits of a word, those of `mask`, are this tag: a subtraction and a test for zero, which is one instruction less than a
    /// comparison with the tag.
    fn has_tag(&mut self, word: Ir, mask: i64, tag: i64) -> Ir {
        let rest = self.b.ins().iadd_imm_s(word, -tag);
        let rest = self.b.ins().band_imm_s(rest, mask);
        self.b.ins().icmp_imm_s(IntCC::Equal, rest, 0)
    }

    /// The float in a word with a float's tag.
    pub(super) fn untag_float(&mut self, word: Ir) -> Ir {
        let bits = self.b.ins().rotr_imm_s(word, 3);
        let bias = self.word(FLOAT_BIAS);
        let bits = self.b.ins().isub(bits, bias);
        self.float_of(bits)
    }

    /// The bits of a float, the word that they make with a float's tag, and whether that is a value: others have no room for the tag.
    pub(super) fn tag_float(&mut self, float: Ir) -> (Ir, Ir, Ir) {
        let bits = self.bits_of(float);
        let bias = self.word(FLOAT_BIAS);
        let word = self.b.ins().iadd(bits, bias);
        let word = self.b.ins().rotl_imm_s(word, 3);
        (bits, word, self.has_float_tag(word))
    }

    /// A float as a value.
    pub(super) fn box_float(&mut self, float: Ir) -> Ir {
        let (bits, word, is_tagged) = self.tag_float(float);
        let (rare, done) = (self.cold(), self.block());
        self.b.append_block_param(done, I64);
        self.b.ins().brif(is_tagged, done, &[word.into()], rare, &[]);
        self.b.switch_to_block(rare);
        let boxed = self.call(runtime::box_float as *const () as usize, b"ii>i", &[self.thread, bits])[0];
        self.b.ins().jump(done, &[boxed.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// An integer as a value.
    pub(super) fn box_int(&mut self, n: Ir) -> Ir {
        let (word, over) = self.b.ins().sadd_overflow(n, n);
        let (large, done) = (self.cold(), self.block());
        self.b.append_block_param(done, I64);
        self.b.ins().brif(over, large, &[], done, &[word.into()]);
        self.b.switch_to_block(large);
        let boxed = self.call(runtime::box_int as *const () as usize, b"ii>i", &[self.thread, n])[0];
        self.b.ins().jump(done, &[boxed.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    fn put(&mut self, r: u16, known: Known, have: Have) {
        self.state.regs[r as usize] = Reg { known, have };
        self.state.dirty.add(r as usize);
        self.state.views.remove(r as usize);
    }

    /// Gives a register a tagged value.
    pub(super) fn set(&mut self, r: u16, word: Ir, mask: Mask) {
        self.set_known(r, word, Known::form(mask));
    }

    /// Gives a register a tagged value of which something is known.
    pub(super) fn set_known(&mut self, r: u16, word: Ir, known: Known) {
        self.b.def_var(self.words[r as usize], word);
        self.put(r, known, Have::WORD);
    }

    /// Gives a register an unboxed float.
    pub(super) fn set_float(&mut self, r: u16, float: Ir) {
        self.b.def_var(self.floats[r as usize], float);
        self.put(r, Known::form(FLOAT), Have::FLOAT);
    }

    /// Gives a register an unboxed integer.
    pub(super) fn set_int(&mut self, r: u16, n: Ir) {
        self.b.def_var(self.ints[r as usize], n);
        self.put(r, Known::form(INT | BIG), Have::INT);
    }

    pub(super) fn mask(&self, r: u16) -> Mask {
        self.state.regs[r as usize].known.mask
    }

    pub(super) fn known(&self, r: u16) -> Known {
        self.state.regs[r as usize].known
    }

    /// Takes note of what a check has shown about a register.
    pub(super) fn learn(&mut self, r: u16, known: Known) {
        self.state.regs[r as usize].known = known;
    }

    /// Takes note of what a jump that was taken, or was not, says about the register that it tests.
    pub(super) fn narrow(&mut self, op: Op, r: u16, jumps: bool) {
        let reg = &mut self.state.regs[r as usize];
        reg.known = masks::narrowed(op, jumps, reg.known);
    }

    pub(super) fn constant(&mut self, r: u16, value: Value) {
        match value.as_float() {
            Some(f) => {
                let f = self.b.ins().f64const(f);
                self.set_float(r, f);
            }
            None => {
                let word = self.word(value.bits() as i64);
                let mask = masks::mask_of(value);
                self.set(r, word, mask);
            }
        }
    }

    /// Gives a register the value of another one, in all forms that are at hand.
    pub(super) fn move_tagged(&mut self, to: u16, from: u16) {
        let reg = self.state.regs[from as usize];
        for (form, variables) in [(Have::WORD, 0), (Have::FLOAT, 1), (Have::INT, 2)] {
            if reg.have.0 & form.0 == 0 {
                continue;
            }
            let of = |r: u16| match variables {
                0 => self.words[r as usize],
                1 => self.floats[r as usize],
                _ => self.ints[r as usize],
            };
            let (source, target) = (of(from), of(to));
            let value = self.b.use_var(source);
            self.b.def_var(target, value);
        }
        self.put(to, reg.known, reg.have);
    }

    /// What is known after an instruction is what the analysis says, which may be less than the translation knows.
    pub(super) fn state_after(&mut self, at: usize) {
        if self.ended {
            return;
        }
        let mut known = std::mem::take(&mut self.scratch);
        known.clear();
        known.extend(self.before.regs.iter().map(|reg| reg.known));
        masks::apply(&self.unit, &self.facts, self.assume, at, &mut known);
        // Both are right, so what both say is.
        for (r, known) in known.iter().enumerate() {
            let mine = &mut self.state.regs[r].known;
            mine.mask &= known.mask;
            mine.family = mine.family.and(known.family);
        }
        self.scratch = known;
    }

    /// The address of a register's word, as an offset from the first frame's base.
    pub(super) fn offset(&self, r: usize) -> i32 {
        self.unit.places[r] * 8
    }

    /// Writes a register to its frame, on the straight path.
    pub(super) fn write_back(&mut self, r: usize) {
        let word = match self.unit.kinds[r] {
            Kind::Raw => self.b.use_var(self.words[r]),
            _ => self.tagged(r as u16),
        };
        let base = self.b.use_var(self.base);
        self.store(word, base, self.offset(r));
        self.state.dirty.remove(r);
    }

    /// Writes what an instruction reads to its frame, on the straight path.
    pub(super) fn write_back_reads(&mut self) {
        let reads = self.facts.accesses[self.pc].reads.clone();
        for r in reads {
            if self.state.dirty.has(r as usize) {
                self.write_back(r as usize);
            }
        }
    }

    /// Writes all registers to their frames that this instruction or what comes after it may read there.
    pub(super) fn write_back_live(&mut self) {
        let live = self.facts.live[self.pc].clone();
        self.write_back_all(&live);
    }

    /// Writes these registers to their frames, which are complete then.
    pub(super) fn write_back_all(&mut self, registers: &Bits) {
        self.open_frames(Some(registers));
        for r in registers.iter() {
            if self.state.dirty.has(r) {
                self.write_back(r);
            }
        }
    }

    /// Makes the running frame and those around it complete in memory: headers, and values in all tagged registers but these, which the caller
    /// writes next.
    pub(super) fn open_frames(&mut self, but: Option<&Bits>) {
        let frame = self.unit.insts[self.pc].frame as usize;
        let unit = self.unit.clone();
        for f in unit.around(frame).chain([0]) {
            let open = &unit.frames[f];
            let first = open.at - FRAME_WORDS;
            if !self.state.dirty.has(first) {
                continue;
            }
            let base = self.b.use_var(self.base);
            let start = open.place as i32 * 8;
            if f != 0 {
                let link = self.word(self.link_of(f) as i64);
                self.store(link, base, start - 32);
                let code = self.address(std::ptr::from_ref(open.code));
                self.store(code, base, start - 16);
                let function = self.function_of(f);
                self.store(function, base, start - 8);
                let parent = &unit.frames[open.parent];
                let pc = self.address(parent.code.entry.wrapping_add(open.call as usize + 1));
                self.store(pc, base, parent.place as i32 * 8 - 24);
            }
            let zero = self.word(0);
            for r in open.at..open.at + open.code.tagged as usize {
                if self.state.dirty.has(r) && !but.is_some_and(|but| but.has(r)) {
                    self.store(zero, base, self.offset(r));
                }
            }
            self.state.dirty.remove(first);
        }
    }

    /// The link word of a spliced frame.
    pub(super) fn link_of(&self, frame: usize) -> u64 {
        let frame = &self.unit.frames[frame];
        let parent = &self.unit.frames[frame.parent];
        let dst = match frame.kind {
            crate::thread::stack::ReturnKind::Register => frame.dst - parent.at as u16,
            _ => 0,
        };
        runtime::link(frame.place - parent.place, dst, frame.kind, frame.given)
    }

    /// The function value of a spliced frame.
    fn function_of(&mut self, frame: usize) -> Ir {
        match self.unit.constant_function(frame) {
            Some(bits) => self.word(bits as i64),
            None => self.b.use_var(self.words[self.unit.frames[frame].at - 1]),
        }
    }

    /// Whether a register certainly holds a small integer.
    pub(super) fn is_int(&self, r: u16) -> bool {
        self.mask(r) == INT
    }
}
