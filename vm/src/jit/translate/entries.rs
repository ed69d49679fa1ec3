//! The ways into a unit's code: called by compiled code, called by the interpreter, at a loop's head, behind a wait.
//!
//! Where the interpreter enters, its frame is exact; whatever the code takes for granted there is checked first: at loops' heads by the runtime
//! (`ways`), behind waits, where code is entered again and again, by the code itself. An entry is refused, and the interpreter goes on, if
//! something is not so.

use super::super::family::Classes;
use super::super::masks::{ALL, INT, Known, NULL};
use super::super::runtime;
use super::super::unit::Kind;
use super::super::ways::{Form, Register, View, Way, Ways, words_of_way};
use super::super::{FROM_START, LEFT};
use super::{Have, Reg, Translator};
use crate::code::Code;
use crate::object::task::FRAME_WORDS;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};
use cranelift_frontend::Switch;
use std::ops::RangeInclusive;

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
        let can_be_entered = |head: &usize| self.at[*head].is_some() && self.unit.insts[*head].frame == 0;
        let heads = self.facts.loop_heads.iter().copied().filter(can_be_entered).collect::<Vec<_>>();
        let waits = self.facts.resumptions.iter().copied().filter(can_be_entered);
        let waits: Vec<usize> = waits.filter(|at| !heads.contains(at)).collect();
        let mut entries = vec![0; whole.code.len()].into_boxed_slice();
        for &at in heads.iter().chain(&waits) {
            entries[self.unit.insts[at].pc as usize] = self.number_of(at);
        }
        let mut switch = Switch::new();
        switch.set_entry(FROM_START.into(), begin);
        let waiting: Vec<Block> = waits.iter().map(|_| self.block()).collect();
        for (&at, &block) in waits.iter().zip(&waiting) {
            switch.set_entry(self.number_of(at).into(), block);
        }
        let other = self.cold();
        switch.emit(self.b, which, other);
        self.b.switch_to_block(other);
        if heads.is_empty() {
            self.refuse();
        } else {
            let way_in = self.b.create_block();
            self.b.append_block_param(way_in, I64);
            self.b.append_block_param(way_in, I64);
            self.way_in = Some(way_in);
            self.b.ins().jump(way_in, &[base.into(), which.into()]);
            self.b.switch_to_block(way_in);
            self.enter_loops(way_in, &heads);
        }
        for (at, block) in waits.into_iter().zip(waiting) {
            self.b.switch_to_block(block);
            self.enter_behind_wait(at);
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

    /// The number by which an instruction is entered. It does not depend on what else is an entry: another compilation may know others, and
    /// keeps the table.
    pub(super) fn number_of(&self, head: usize) -> u16 {
        self.unit.insts[head].pc as u16 + 2
    }

    /// Where the code is entered at a loop's head, by what [`number_of`](Self::number_of) gives; none within a spliced function.
    pub(super) fn way_into_loop(&self, head: usize) -> Option<Block> {
        self.way_in.filter(|_| self.unit.insts[head].frame == 0)
    }

    /// At loops' heads, by the base and the number that `way_in` is given. Safepoints lead here too, and are translated later.
    fn enter_loops(&mut self, way_in: Block, heads: &[usize]) {
        let (base, number) = (self.b.block_params(way_in)[0], self.b.block_params(way_in)[1]);
        self.b.def_var(self.base, base);
        let code = self.unit.frames[0].code;
        let ways = Box::new(Ways::new(code, heads.iter().map(|&head| self.way(head)).collect()));
        let described = self.address(std::ptr::from_ref(&*ways));
        let asked = [self.thread, base, number, described];
        let words = self.call_plainly(words_of_way as *const () as usize, b"iiii>i", &asked)[0];
        let (refuse, enter) = (self.cold(), self.block());
        self.b.ins().brif(words, enter, &[], refuse, &[]);
        self.b.switch_to_block(refuse);
        self.refuse();
        self.b.switch_to_block(enter);
        self.load_used();
        let blocks: Vec<Block> = heads.iter().map(|_| self.block()).collect();
        let (&last, others) = blocks.split_last().expect("there is a way in");
        let mut switch = Switch::new();
        for (&head, &block) in heads.iter().zip(others) {
            switch.set_entry(self.number_of(head).into(), block);
        }
        switch.emit(self.b, number, last);
        for ((&head, block), way) in heads.iter().zip(blocks).zip(ways.all()) {
            self.b.switch_to_block(block);
            self.enter_at(head, way, words);
        }
        self.referred.ways = Some(ways);
    }

    /// Makes the blocks that instructions begin.
    pub(super) fn make_blocks(&mut self) {
        for pc in 0..self.unit.insts.len() {
            let block = (self.facts.leads[pc] && self.at[pc].is_some()).then(|| self.b.create_block());
            self.blocks.push(block);
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
        if self.unit.extent() > self.unit.frames[0].code.registers as usize || self.unit.makes_calls() {
            // The frames of spliced functions, and of others that are called, need room too: how much is known in the end.
            self.b.switch_to_block(fine);
            let extent = self.word(0);
            self.extent_at = self.b.func.dfg.value_def(extent).inst();
            let end = self.b.ins().iadd(base, extent);
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

    /// What has to lie in the frame where it is entered at an instruction.
    fn way(&mut self, head: usize) -> Way {
        self.enter_state(head);
        let live: Vec<usize> = self.facts.live[head].iter().collect();
        let register = |r: usize| {
            let (low, high) = self.facts.ranges.at_entry(head, r).bounds();
            let bounds = low.unwrap_or(i64::MIN)..=high.unwrap_or(i64::MAX);
            let Reg { known, have } = self.state.regs[r];
            let form = match self.unit.kinds[r] {
                Kind::Raw if self.raw_floats[r] => Form::Bits,
                Kind::Raw => Form::Raw(bounds),
                _ if have == Have::FLOAT => Form::Float,
                _ if have == Have::INT => Form::Int(bounds),
                _ if known == Known::form(ALL) => Form::Any,
                _ => Form::Word(known, bounds),
            };
            Register { place: self.unit.places[r], form }
        };
        let view = |r: usize| {
            let foreign = self.views.may_be_foreign(r);
            View { place: self.unit.places[r], class: self.views.classes[r], foreign }
        };
        Way {
            number: self.number_of(head),
            registers: live.into_iter().map(register).collect(),
            views: self.state.views.iter().map(view).collect(),
        }
    }

    /// Goes on at an instruction with what has been handed over for it.
    fn enter_at(&mut self, head: usize, way: &Way, words: Ir) {
        self.enter_state(head);
        let live: Vec<usize> = self.facts.live[head].iter().collect();
        for (k, (&r, register)) in live.iter().zip(&way.registers).enumerate() {
            let (kind, variable) = match register.form {
                Form::Bits => (F64, self.words[r]),
                Form::Float => (F64, self.floats[r]),
                Form::Int(_) => (I64, self.ints[r]),
                Form::Any | Form::Raw(_) | Form::Word(..) => (I64, self.words[r]),
            };
            let word = self.b.ins().load(kind, MemFlagsData::trusted(), words, k as i32 * 8);
            self.b.def_var(variable, word);
        }
        let views: Vec<usize> = self.state.views.iter().collect();
        for (k, r) in views.into_iter().enumerate() {
            let at = (live.len() + 2 * k) as i32 * 8;
            let (buffer, length) = (self.load(words, at), self.load(words, at + 8));
            self.b.def_var(self.buffers[r], buffer);
            self.b.def_var(self.lengths[r], length);
        }
        let block = self.blocks[head].expect("reached");
        self.b.ins().jump(block, &[]);
    }

    /// Entry behind a wait: all registers lie in the frame, and must be what the code takes them for.
    fn enter_behind_wait(&mut self, at: usize) {
        let way = self.way(at);
        debug_assert!(way.views.is_empty(), "a wait is a call, which ends all views");
        self.load_used();
        let refuse = self.cold();
        // Whether an integer is not what it is taken for: one branch for all of them.
        let mut wrong = Vec::new();
        let live: Vec<usize> = self.facts.live[at].iter().collect();
        for (r, register) in live.into_iter().zip(&way.registers) {
            let word = self.load_register(r);
            let known = self.state.regs[r].known;
            match &register.form {
                Form::Bits | Form::Any => self.b.def_var(self.words[r], word),
                Form::Raw(bounds) => {
                    wrong.extend(self.outside(bounds, word));
                    self.b.def_var(self.words[r], word);
                }
                Form::Word(_, bounds) if known.mask == INT => {
                    let odd = self.b.ins().band_imm_s(word, 1);
                    wrong.push(self.b.ins().icmp_imm_s(IntCC::NotEqual, odd, 0));
                    let n = self.b.ins().sshr_imm_s(word, 1);
                    wrong.extend(self.outside(bounds, n));
                    self.b.def_var(self.words[r], word);
                }
                Form::Word(..) => {
                    self.expect(word, known, refuse);
                    self.b.def_var(self.words[r], word);
                }
                Form::Float => {
                    self.expect(word, known, refuse);
                    let float = self.unbox_known_float(word);
                    self.b.def_var(self.floats[r], float);
                }
                Form::Int(bounds) => {
                    self.expect(word, known, refuse);
                    let n = self.unbox_known_int(word);
                    wrong.extend(self.outside(bounds, n));
                    self.b.def_var(self.ints[r], n);
                }
            }
        }
        if let Some(wrong) = wrong.into_iter().reduce(|some, more| self.b.ins().bor(some, more)) {
            let fine = self.block();
            self.b.ins().brif(wrong, refuse, &[], fine, &[]);
            self.b.switch_to_block(fine);
        }
        let block = self.blocks[at].expect("reached");
        self.b.ins().jump(block, &[]);
        self.b.switch_to_block(refuse);
        let code = self.address(std::ptr::from_ref(self.unit.frames[0].code));
        self.call(runtime::failed as *const () as usize, b"ii>", &[self.thread, code]);
        self.refuse();
    }

    /// A flag: an integer is outside these bounds. None if none is.
    fn outside(&mut self, bounds: &RangeInclusive<i64>, n: Ir) -> Option<Ir> {
        Some(match (*bounds.start(), *bounds.end()) {
            (i64::MIN, i64::MAX) => return None,
            (low, i64::MAX) => self.b.ins().icmp_imm_s(IntCC::SignedLessThan, n, low),
            (i64::MIN, high) => self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, n, high),
            (low, high) => {
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
            // Nothing is sure of the word yet, whatever the code takes for known.
            self.expect_class(word, ALL, &classes, refuse);
            self.b.ins().jump(fine, &[]);
        } else {
            let wanted = self.word(runtime::wanted(left, known.family) as i64);
            let fits = self.call(runtime::fits as *const () as usize, b"ii>i", &[word, wanted])[0];
            self.b.ins().brif(fits, fine, &[], refuse, &[]);
        }
        self.b.switch_to_block(fine);
    }
}
