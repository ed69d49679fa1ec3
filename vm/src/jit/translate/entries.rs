//! The ways into a unit's code: called by compiled code, called by the interpreter, at a loop's head, behind a wait.
//!
//! Where the interpreter enters, its frame is exact; whatever the code takes for granted there is checked first. An entry is refused,
//! and the interpreter goes on, if something is not so.

use super::super::family::Classes;
use super::super::masks::{self, INT, Known, NULL};
use super::super::runtime;
use super::super::unit::Kind;
use super::super::{FROM_START, LEFT};
use super::{Have, Translator};
use crate::code::Code;
use crate::object::task::FRAME_WORDS;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ir};
use cranelift_frontend::Switch;

impl Translator<'_, '_> {
    /// The ways in: a call by compiled code (0), a call by the interpreter (1), loop heads and what follows a wait (2 and up).
    pub(super) fn entries(&mut self, entry: Block) -> Box<[u16]> {
        let (base, which) = (self.b.block_params(entry)[1], self.b.block_params(entry)[2]);
        self.b.def_var(self.base, base);
        if self.used.is_some() {
            self.limit_at = Some(self.load(self.thread, self.layout.limit));
        }
        self.no_strips();
        self.make_blocks();
        let whole = self.unit.frames[0].code;
        let (called, others, begin) = (self.block(), self.block(), self.block());
        self.b.ins().brif(which, others, &[], called, &[]);
        self.b.switch_to_block(called);
        self.prologue();
        self.b.ins().jump(begin, &[]);
        self.b.switch_to_block(others);
        let heads: Vec<usize> =
            self.facts.loop_heads.iter().chain(&self.facts.resumptions).copied().collect();
        let mut switch = Switch::new();
        let mut ways = Vec::new();
        let mut entries = vec![0; whole.code.len()].into_boxed_slice();
        for &head in &heads {
            let inst = self.unit.insts[head];
            if self.at[head].is_some() && inst.frame == 0 {
                // Safepoints lead here too, and are translated later.
                let way = self.b.create_block();
                self.ways_in[head] = Some(way);
                // The number does not depend on what else is an entry: another compilation may know others, and keeps the table.
                let number = inst.pc as u16 + 2;
                entries[inst.pc as usize] = number;
                switch.set_entry(number.into(), way);
                ways.push((head, way));
            }
        }
        switch.set_entry(FROM_START.into(), begin);
        let unknown = self.cold();
        switch.emit(self.b, which, unknown);
        self.b.switch_to_block(unknown);
        self.refuse();
        for (head, way) in ways {
            self.b.switch_to_block(way);
            self.enter_at(head);
        }
        self.b.switch_to_block(begin);
        self.load_used();
        self.enter_state(0);
        let given = whole.params as usize + usize::from(whole.flags & Code::REST != 0);
        self.begin_registers(|translator, k| (k < given).then(|| translator.load_register(FRAME_WORDS + k)));
        self.goto(0);
        self.seal();
        entries
    }

    /// Makes the blocks that instructions begin.
    pub(super) fn make_blocks(&mut self) {
        for pc in 0..self.unit.insts.len() {
            let block = (self.facts.leads[pc] && self.at[pc].is_some()).then(|| self.b.create_block());
            self.blocks.push(block);
            self.ways_in.push(None);
            self.epoch_at.push(None);
        }
    }

    /// What the first frame's registers hold when its function is called: its parameters, which `given` has, and zeroes.
    pub(super) fn begin_registers(&mut self, given: impl Fn(&mut Self, usize) -> Option<Ir>) {
        let zero = self.word(0);
        let whole = self.unit.frames[0].code;
        for r in 0..self.unit.registers() {
            self.state.regs[r].have = Have::WORD;
            let parameter = r.checked_sub(FRAME_WORDS).and_then(|k| given(self, k));
            if let Some(word) = parameter {
                self.b.def_var(self.words[r], word);
            } else if r >= FRAME_WORDS + whole.registers as usize {
                break;
            } else if self.raw_floats[r] {
                let zero = self.b.ins().f64const(0.0);
                self.b.def_var(self.words[r], zero);
            } else {
                self.b.def_var(self.words[r], zero);
            }
        }
        self.state.views.clear();
    }

    /// A callee's begin, called by compiled code: the frame has its room, link, code, callee and parameters.
    fn prologue(&mut self) {
        let base = self.b.use_var(self.base);
        let sp = self.b.ins().get_stack_pointer(I64);
        let limit = self.load(self.thread, self.layout.native_limit);
        let deep = self.b.ins().icmp(IntCC::UnsignedLessThan, sp, limit);
        let (elsewhere, mut fine) = (self.cold(), self.block());
        self.b.ins().brif(deep, elsewhere, &[], fine, &[]);
        if self.unit.extent() > self.unit.frames[0].code.registers as usize {
            // The frames of spliced functions, and of lean ones that are called, need room too.
            self.b.switch_to_block(fine);
            let end = self.b.ins().iadd_imm_s(base, self.unit.extent() as i64 * 8);
            let stack_end = self.load(self.thread, self.layout.stack_end);
            let over = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, stack_end);
            fine = self.block();
            self.b.ins().brif(over, elsewhere, &[], fine, &[]);
        }
        self.b.switch_to_block(elsewhere);
        let code = self.address(std::ptr::from_ref(self.unit.frames[0].code));
        let enter = runtime::enter_interpreter as *const () as usize;
        let left = self.call_plainly(enter, b"iii>i", &[self.thread, base, code])[0];
        self.exit(left);
        self.b.switch_to_block(fine);
        let used = self.load(self.thread, self.layout.used);
        let used = self.b.ins().iadd_imm_s(used, 1);
        self.store(used, self.thread, self.layout.used);
        let limit = self.limit();
        let over = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, used, limit);
        let (attend, go_on) = (self.cold(), self.block());
        self.b.ins().brif(over, attend, &[], go_on, &[]);
        self.b.switch_to_block(attend);
        let code = self.address(std::ptr::from_ref(self.unit.frames[0].code));
        let begin = runtime::begin_safepoint as *const () as usize;
        let left = self.call(begin, b"iii>i", &[self.thread, base, code])[0];
        let leaving = self.cold();
        self.b.ins().brif(left, leaving, &[], go_on, &[]);
        self.b.switch_to_block(leaving);
        let left = self.b.ins().iadd_imm_s(left, -1);
        self.exit(left);
        self.b.switch_to_block(go_on);
    }

    /// Entry at a loop head or behind a wait from the interpreter: all registers lie in the frame, and must be what the code takes them for.
    fn enter_at(&mut self, head: usize) {
        self.load_used();
        self.enter_state(head);
        let refuse = self.cold();
        // Whether an integer is not what it is taken for: one branch for all of them.
        let mut wrong = Vec::new();
        let live: Vec<usize> = self.facts.live[head].iter().collect();
        for r in live {
            let word = self.load_register(r);
            if self.unit.kinds[r] == Kind::Raw {
                if !self.raw_floats[r] {
                    wrong.extend(self.outside(head, r, word));
                }
                self.b.def_var(self.words[r], word);
                continue;
            }
            let known = self.state.regs[r].known;
            if known.mask == INT {
                let odd = self.b.ins().band_imm_s(word, 1);
                wrong.push(self.b.ins().icmp_imm_s(IntCC::NotEqual, odd, 0));
            } else {
                self.expect(word, known, refuse);
            }
            match self.state.regs[r].have {
                Have::FLOAT => {
                    let float = self.unbox_known_float(word);
                    self.b.def_var(self.floats[r], float);
                }
                Have::INT => {
                    let n = self.unbox_known_int(word);
                    wrong.extend(self.outside(head, r, n));
                    self.b.def_var(self.ints[r], n);
                }
                _ => {
                    if known.mask == INT {
                        let n = self.b.ins().sshr_imm_s(word, 1);
                        wrong.extend(self.outside(head, r, n));
                    }
                    self.b.def_var(self.words[r], word);
                }
            }
        }
        if let Some(wrong) = wrong.into_iter().reduce(|some, more| self.b.ins().bor(some, more)) {
            let fine = self.block();
            self.b.ins().brif(wrong, refuse, &[], fine, &[]);
            self.b.switch_to_block(fine);
        }
        for r in self.state.views.clone().iter() {
            self.make_view(r);
        }
        let block = self.blocks[head].expect("reached");
        self.b.ins().jump(block, &[]);
        self.b.switch_to_block(refuse);
        let code = self.address(std::ptr::from_ref(self.unit.frames[0].code));
        self.call(runtime::failed as *const () as usize, b"ii>", &[self.thread, code]);
        self.refuse();
    }

    /// A flag: an integer is none of those that a register can hold. None if it can hold all.
    fn outside(&mut self, head: usize, r: usize, n: Ir) -> Option<Ir> {
        Some(match self.facts.ranges.at_entry(head, r).bounds() {
            (None, None) => return None,
            (Some(low), None) => self.b.ins().icmp_imm_s(IntCC::SignedLessThan, n, low),
            (None, Some(high)) => self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, n, high),
            (Some(low), Some(high)) => {
                // Without a sign, what is below the least is above the greatest.
                let above = self.b.ins().iadd_imm_s(n, low.wrapping_neg());
                self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThan, above, high.wrapping_sub(low))
            }
        })
    }

    /// The interpreter goes on where it came from.
    fn refuse(&mut self) {
        let left = self.word(LEFT.0 as i64);
        self.exit(left);
    }

    /// Goes on if a value is what is taken to be known of it, else to `refuse`: the forms that are tested fast come first.
    fn expect(&mut self, word: Ir, known: Known, refuse: Block) {
        if known == Known::form(masks::ALL) {
            return;
        }
        let fine = self.block();
        let mut left = known.mask;
        let unless = |translator: &mut Self, fits: Ir| {
            let other = translator.block();
            translator.b.ins().brif(fits, fine, &[], other, &[]);
            translator.b.switch_to_block(other);
        };
        if left & INT != 0 {
            let odd = self.b.ins().band_imm_s(word, 1);
            let even = self.b.ins().icmp_imm_s(IntCC::Equal, odd, 0);
            unless(self, even);
            left &= !INT;
        }
        if left & NULL != 0 {
            let null = self.is_null(word);
            unless(self, null);
            left &= !NULL;
        }
        if left == 0 {
            self.b.ins().jump(refuse, &[]);
        } else if known.family.is_known() && left & !Known::OBJECTS == 0 {
            let classes: Classes = known.family.classes().collect();
            self.expect_class(word, &classes, refuse);
            self.b.ins().jump(fine, &[]);
        } else {
            let wanted = self.word(runtime::wanted(left, known.family) as i64);
            let fits = self.call(runtime::fits as *const () as usize, b"ii>i", &[word, wanted])[0];
            self.b.ins().brif(fits, fine, &[], refuse, &[]);
        }
        self.b.switch_to_block(fine);
    }
}
