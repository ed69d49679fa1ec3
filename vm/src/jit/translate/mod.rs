//! From bytecode to Cranelift's intermediate form, one unit at a time.
//!
//! Registers are variables of the intermediate form. The frames in memory are brought up to date where somebody may look at them: before
//! calls and whatever else may run script code, switch or collect, and on the cold ways out. Invariants:
//!
//! - control leaves compiled code only with the thread's `pc`, `base`, `code` and `used` exact, the frames of spliced functions as calls would
//!   have made them, and all live registers in their frames, so the interpreter can go on from there (this is the only kind of
//!   deoptimisation that there is);
//! - every tagged word of a frame holds a value at every safepoint: a frame is cleared when it is first brought up to date;
//! - nothing here depends on feedback being right, only on its being checked.

mod arith;
mod arrays;
mod calls;
mod division;
mod entries;
mod exits;
mod iterate;
mod jumps;
mod lean;
mod objects;
mod raw;
mod runtime_calls;
mod selects;
mod splice;
mod state;
mod texts;
mod types;

use super::detours::{ARGUMENTS, Detours, Position};
use super::facts::{Bits, Facts};
use super::feedback::Feedback;
use super::held;
use super::layout::Layout;
use super::lean as lean_units;
use super::masks::{self, Assume, Known, Mask};
use super::restore::Exit;
use super::stepped::by_step;
use super::strips::{Stride, Strips};
use super::unit::{Inst, NOWHERE, Unit, What};
use super::views::{self, Views};
use super::ways::Ways;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::code::Code;
pub(super) use lean::lean_signature;

use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{
    self, Block, FuncRef, InstBuilder, InstructionData, MemFlagsData, SigRef, Value as Ir,
};
use cranelift_frontend::{FunctionBuilder, Variable};
use std::rc::Rc;

/// In which forms a tagged register's value is at hand: a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Have(u8);

impl Have {
    /// As a tagged word.
    const WORD: Have = Have(1);
    /// As an unboxed float.
    const FLOAT: Have = Have(2);
    /// As an unboxed integer.
    const INT: Have = Have(4);
}

/// What is known of a register at one place.
#[derive(Clone, Copy, Debug)]
struct Reg {
    known: Known,
    have: Have,
}

/// What is known of the registers at one place.
#[derive(Clone)]
struct State {
    regs: Vec<Reg>,
    /// Registers whose words in memory may be old.
    dirty: Bits,
    /// Registers of whose arrays buffer and length are at hand.
    views: Bits,
    /// The method epoch is that of the unit: between two calls it is taken to stay as it is.
    epoch: bool,
}

impl State {
    fn copy_from(&mut self, other: &State) {
        self.regs.clone_from(&other.regs);
        self.dirty.copy_from(&other.dirty);
        self.views.copy_from(&other.views);
        self.epoch = other.epoch;
    }
}

/// What a VM wants of its code.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demands {
    /// Whatever allocates is left to the interpreter, which collects each time.
    pub(super) stress: bool,
    /// Whatever asks for attention is seen at every call, spliced or not, so that a run can be repeated.
    pub(super) exact: bool,
}

/// Translates one unit.
pub(super) struct Translator<'a, 'b> {
    b: &'a mut FunctionBuilder<'b>,
    unit: Rc<Unit>,
    layout: &'a Layout,
    /// The function that is being made, for calls of itself.
    own: FuncRef,
    detours: Detours,
    assume: Assume,
    demands: Demands,
    facts: Facts,
    /// What is known of the registers where blocks begin; none for what is not reached.
    at: Vec<Option<Vec<Known>>>,
    /// Stale words where blocks begin.
    dirty_at: Vec<Option<Bits>>,
    blocks: Vec<Option<Block>>,
    /// Where the interpreter's frame is entered, by its base and the number of the way in; none where it cannot be.
    way_in: Option<Block>,
    /// Whether all ways to a block that have been translated know the method epoch; none where there is none yet.
    epoch_at: Vec<Option<bool>>,
    words: Vec<Variable>,
    floats: Vec<Variable>,
    ints: Vec<Variable>,
    /// Buffers and lengths of the arrays in registers.
    buffers: Vec<Variable>,
    lengths: Vec<Variable>,
    views: Views,
    /// Which raw registers only ever hold floats.
    raw_floats: Vec<bool>,
    /// What those raw registers hold that only ever hold one integer.
    constants: Vec<Option<i64>>,
    /// Which instructions are ends of loops that are cut into strips.
    strips: Vec<bool>,
    /// The ends of the strips that registers count to.
    strip_ends: Vec<Option<Variable>>,
    /// The loops that stride, by their heads, with the ends of their strips.
    strides: Vec<(usize, Stride, Variable)>,
    /// Where the first frame's registers lie.
    base: Variable,
    /// Fuel used, for a unit with loops; others count in the thread.
    used: Option<Variable>,
    /// Where the word lies that is polled, for a unit with loops.
    limit_at: Option<Ir>,
    thread: Ir,
    state: State,
    /// The state before the instruction that is being translated, for its cold ways out.
    before: State,
    scratch: Vec<Known>,
    pc: usize,
    /// Instructions before this one have been translated with a branch.
    behind: usize,
    /// Control cannot come here.
    ended: bool,
    /// Where failed helpers of the instruction that is being translated go.
    leaving: Option<exits::ColdEnd>,
    /// The place that failed assumptions go back to.
    checkpoint: Option<exits::Checkpoint>,
    /// A flag: integers have overflowed since then. What is computed with them does no harm before it is looked at.
    overflow: Option<Ir>,
    /// What remained of divisions by powers of two: that, the dividend, and the bits of it that say whether it is zero.
    remainders: Vec<(Ir, Ir, i64)>,
    ends: Vec<exits::ColdEnd>,
    checkpoints: Vec<exits::Checkpoint>,
    /// Where all cold ways out of a kind meet, with what describes the way as argument.
    common_deopt: Option<Block>,
    common_leave: Option<Block>,
    common_exit: Option<Block>,
    referred: Referred,
    /// Calls by detours.
    detoured: Vec<ir::Inst>,
    /// Blocks of the instruction that is being translated.
    fresh: Vec<Block>,
    /// Signatures of functions of the runtime, and those of detours by the number of arguments, once they are needed.
    signatures: Vec<(&'static [u8], SigRef)>,
    detour_signatures: [Option<SigRef>; 3 + ARGUMENTS],
    /// Signatures of lean functions by the number of parameters.
    lean_signatures: [Option<SigRef>; lean_units::PARAMETERS + 1],
    /// The unit cannot be lean code after all.
    spoiled: bool,
    /// Words above the first frame's base that the unit's frames, and those of the functions that it calls, may take.
    room: usize,
    /// Where the code says how many bytes that is.
    extent_at: Option<ir::Inst>,
}

/// What compiled code refers to: it has to live as long.
#[derive(Default)]
pub(super) struct Referred {
    exits: Vec<Box<Exit>>,
    positions: Vec<Box<Position>>,
    ways: Option<Box<Ways>>,
}

/// What a translation gives beside the code.
pub(super) struct Translated {
    /// For each instruction of the first function, the number of the entry there; 0 for none.
    pub(super) entries: Box<[u16]>,
    pub(super) referred: Referred,
    /// Calls by detours.
    pub(super) detoured: Vec<ir::Inst>,
    /// Something in a unit that was to be lean code needs a frame: what was made is of no use.
    pub(super) spoiled: bool,
    /// Words above the first frame's base that have to be there.
    pub(super) extent: usize,
}

impl<'a, 'b> Translator<'a, 'b> {
    /// Translates `unit` into the function that `builder` builds.
    pub(super) fn run(
        builder: &'a mut FunctionBuilder<'b>,
        unit: Rc<Unit>,
        own: FuncRef,
        layout: &'a Layout,
        detours: Detours,
        assume: Assume,
        demands: Demands,
    ) -> Translated {
        let mut facts = Facts::new(&unit, assume);
        let assume = Assume { own: masks::own_result(&unit, &facts, assume), ..assume };
        let mut at = masks::at_blocks(&unit, &facts, assume);
        let held = held::held(&unit, &facts, assume, &at);
        if facts.keep(&unit, held) {
            // What is held is merged where blocks meet, too.
            at = masks::at_blocks(&unit, &facts, assume);
        }
        let registers = unit.registers();
        let raw_floats = raw::only_floats(&unit);
        let constants = raw::constants(&unit, &facts);
        let words =
            (0..registers).map(|r| builder.declare_var(if raw_floats[r] { F64 } else { I64 })).collect();
        let floats = (0..registers).map(|_| builder.declare_var(F64)).collect();
        let ints = (0..registers).map(|_| builder.declare_var(I64)).collect();
        let views = Views::find(&unit, &facts, assume.wide);
        let kept = if views.any { registers } else { 0 };
        let buffers = (0..kept).map(|_| builder.declare_var(I64)).collect();
        let lengths = (0..kept).map(|_| builder.declare_var(I64)).collect();
        let base = builder.declare_var(I64);
        let strips =
            if demands.exact || demands.stress { Strips::none(&unit) } else { Strips::find(&unit, &facts) };
        // Where fuel is only counted strip by strip, it is counted in the thread, and takes no register.
        let counts = unit.lean || !facts.loop_heads.is_empty() && !strips.count_all(&unit);
        let used = counts.then(|| builder.declare_var(I64));
        let mut strip_ends = vec![None; registers];
        for counter in strips.counters(&unit) {
            strip_ends[counter as usize].get_or_insert_with(|| builder.declare_var(I64));
        }
        let Strips { ends: strips, strides } = strips;
        let strides =
            strides.into_iter().map(|(head, stride)| (head, stride, builder.declare_var(I64))).collect();
        let dirty_at = state::dirty_at_blocks(&unit, &facts, assume.wide);
        let (dirty, none) = (Bits::new(registers), Bits::new(registers));
        let empty = State { regs: Vec::new(), dirty, views: none, epoch: false };
        let room = unit.extent();
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let thread = builder.block_params(entry)[0];
        let mut translator = Translator {
            b: builder,
            unit,
            layout,
            own,
            detours,
            assume,
            demands,
            facts,
            at,
            dirty_at,
            blocks: Vec::new(),
            way_in: None,
            epoch_at: Vec::new(),
            words,
            floats,
            ints,
            buffers,
            lengths,
            views,
            raw_floats,
            constants,
            strips,
            strip_ends,
            strides,
            base,
            used,
            limit_at: None,
            thread,
            state: empty.clone(),
            before: empty,
            scratch: Vec::new(),
            pc: 0,
            behind: 0,
            ended: false,
            leaving: None,
            checkpoint: None,
            overflow: None,
            remainders: Vec::new(),
            ends: Vec::new(),
            checkpoints: Vec::new(),
            common_deopt: None,
            common_leave: None,
            common_exit: None,
            referred: Referred::default(),
            detoured: Vec::new(),
            fresh: Vec::new(),
            signatures: Vec::new(),
            detour_signatures: [None; 3 + ARGUMENTS],
            lean_signatures: [None; lean_units::PARAMETERS + 1],
            spoiled: false,
            room,
            extent_at: None,
        };
        let entries = match translator.unit.lean {
            true => {
                translator.lean_entry(entry);
                vec![0; translator.unit.frames[0].code.code.len()].into_boxed_slice()
            }
            false => translator.entries(entry),
        };
        translator.body();
        translator.emit_cold_ends();
        translator.b.seal_all_blocks();
        translator.say_extent();
        let Self { referred, detoured, spoiled, room: extent, .. } = translator;
        Translated { entries, referred, detoured, spoiled, extent }
    }

    /// Tells the function's begin how much room it has to see to.
    fn say_extent(&mut self) {
        if let Some(inst) = self.extent_at
            && let InstructionData::UnaryImm { imm, .. } = &mut self.b.func.dfg.insts[inst]
        {
            *imm = (self.room as i64 * 8).into();
        }
    }

    /// The code of the frame that the instruction which is being translated belongs to.
    fn code(&self) -> &'static Code {
        self.unit.frame(&self.unit.insts[self.pc]).code
    }

    /// What its inline caches have seen.
    fn feedback(&self) -> &Feedback {
        &self.unit.frame(&self.unit.insts[self.pc]).feedback
    }

    fn inst(&self) -> Inst {
        self.unit.insts[self.pc]
    }

    /// Where the instruction that is being translated jumps.
    fn target(&self) -> usize {
        self.unit.insts[self.pc].target as usize
    }

    fn wide(&self) -> bool {
        self.assume.wide
    }

    fn body(&mut self) {
        let count = self.unit.insts.len();
        let mut open = false;
        for pc in 0..count {
            if let Some(block) = self.blocks[pc].filter(|_| pc >= self.behind) {
                if open {
                    self.expect_no_overflow();
                    self.goto(pc);
                }
                self.end_checkpoint();
                self.b.switch_to_block(block);
                self.enter_state(pc);
                open = true;
            } else if self.facts.leads[pc] {
                open = false;
            }
            if pc < self.behind {
                open = false;
            }
            if !open {
                continue;
            }
            self.pc = pc;
            self.ended = false;
            self.before.copy_from(&self.state);
            let inst = self.unit.insts[pc];
            if !self.tolerates_overflow(&inst) {
                self.expect_no_overflow();
            }
            self.begin_checkpoint();
            if self.views.any && views::changes_lengths(&self.unit, pc, self.assume.wide) {
                self.state.views.clear();
            }
            match inst.what {
                What::Op => self.instruction(inst.i),
                What::Enter(frame) => self.enter(frame as usize),
                What::Leave => self.leave_spliced(),
            }
            self.state_after(pc);
            self.end_strips();
            self.cold_ends();
            if !self.may_be_repeated(&inst) {
                self.expect_no_overflow();
                self.end_checkpoint();
            }
            self.seal();
            open = self.unit.falls_through(&inst) && !self.ended;
        }
        self.end_checkpoint();
    }

    fn instruction(&mut self, i: Instr) {
        let op = i.op().expect("verified");
        if self.unit.is_unseen(&self.inst()) {
            self.give_up();
            self.ended = true;
            return;
        }
        if by_step(op) || self.demands.stress && op.info().flags & crate::bytecode::ops::ALLOCATES != 0 {
            return self.step();
        }
        match op {
            Op::Nop => {}
            Op::Move => self.move_tagged(i.a(), i.b()),
            Op::LoadK => {
                // SAFETY: the verifier checked the constant's index.
                let k = unsafe { *self.code().consts.add(i.d() as usize) };
                self.constant(i.a(), k);
            }
            Op::LoadNull => {
                self.constant(i.a(), crate::value::Value::NULL);
                // A script that drops what it refers to means it: the frame is to forget it too.
                if !self.unit.lean {
                    self.write_back(i.a() as usize);
                }
            }
            Op::LoadTrue => self.constant(i.a(), crate::value::Value::TRUE),
            Op::LoadFalse => self.constant(i.a(), crate::value::Value::FALSE),
            Op::LoadInt => self.constant(i.a(), crate::value::Value::int_unchecked(i.sd().into())),
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::AddI | Op::SubI | Op::MulI | Op::DivI => {
                self.arithmetic(i)
            }
            Op::Mod | Op::ModI | Op::BitAnd | Op::BitAndI | Op::BitOr | Op::BitXor => self.integral(i),
            Op::Shl | Op::ShlI | Op::Shr | Op::ShrI | Op::UShr | Op::Pow | Op::In => self.shifted(i),
            Op::Neg | Op::BitNot => self.negated(i),
            Op::Not => self.not(i),
            Op::Eq | Op::Ne | Op::Lt | Op::Le => self.comparison(i),
            Op::CheckType => self.check_type(i),
            Op::Is => {
                let flag = self.is_type(i.b(), i.c());
                let word = self.truth(flag);
                self.set(i.a(), word, masks::BOOL);
            }
            Op::JNotIs => {
                let flag = self.is_type(i.a(), i.b());
                self.branch(flag, false, self.target());
            }
            Op::Jump => self.goto_and_end(),
            Op::Loop => self.loop_back(),
            Op::JTrue | Op::JFalse => self.jump_if_true(i),
            Op::JNull | Op::JNotNull => self.jump_if_null(i),
            Op::JEq | Op::JNe | Op::JLt | Op::JLe | Op::JNLt | Op::JNLe => self.jump_compared(i),
            Op::JEqI
            | Op::JNeI
            | Op::JLtI
            | Op::JLeI
            | Op::JGtI
            | Op::JGeI
            | Op::JNLtI
            | Op::JNLeI
            | Op::JNGtI
            | Op::JNGeI => self.jump_compared(i),
            Op::ForLt | Op::ForLe => self.for_loop(i),
            Op::Call => self.call_value(i),
            Op::CallStatic => self.call_static(i),
            Op::CallMethod => self.call_method(i),
            Op::CallSuper => self.call_super(i),
            Op::New => self.new_instance(i),
            Op::Return | Op::ReturnNull => self.return_from(i),
            Op::DefaultArg => self.default_argument(i),
            Op::CellGet | Op::UpGet | Op::UpCellGet => self.captured(i),
            Op::CurrentTask => self.current_task(i),
            Op::CellSet | Op::UpCellSet => self.set_cell(i),
            Op::GetGlobal => self.get_global(i),
            Op::SetGlobal => self.set_global(i),
            Op::GetAttr => self.get_attr(i),
            Op::SetAttr => self.set_attr(i),
            Op::GetLen => self.length(i),
            Op::GetIndex | Op::GetIndexI | Op::ArrGet => self.get_index(i),
            Op::SetIndex | Op::ArrSet => self.set_index(i),
            Op::ArrayPush => self.push(i.a(), i.b()),
            Op::IAGet | Op::FAGet => self.get_typed(i),
            Op::IASet | Op::FASet => self.set_typed(i),
            Op::IterStart => self.iter_start(i),
            Op::IterNext => self.iterate(i),
            Op::ToStr => self.text_of(i),
            Op::Closure | Op::NewCell | Op::NewArray | Op::NewMap | Op::NewRange | Op::Concat | Op::Slice => {
                self.make(i)
            }
            _ => self.raw(i, op),
        }
    }

    /// Executes the instruction by the interpreter: all that it may look at is in the frames, and what it wrote is read from there.
    fn step(&mut self) {
        if self.unit.lean {
            self.spoiled |= !matches!(self.inst().i.op(), Some(Op::Throw | Op::Fail));
            self.give_up();
            self.ended = true;
            return;
        }
        self.write_back_live();
        self.save_position(0);
        let left = self.call(super::runtime::step as *const () as usize, b"i>i", &[self.thread])[0];
        let leave = self.cold();
        let jumps = self.unit.insts[self.pc].target != NOWHERE;
        let falls = self.unit.falls_through(&self.inst());
        let code = if jumps {
            let jumped = self.block();
            let stays = self.block();
            let more = self.cold();
            self.b.ins().brif(left, more, &[], stays, &[]);
            self.b.switch_to_block(more);
            let one = self.b.ins().icmp_imm_s(IntCC::Equal, left, 1);
            self.b.ins().brif(one, jumped, &[], leave, &[]);
            Some((jumped, stays))
        } else if falls {
            let stays = self.block();
            self.b.ins().brif(left, leave, &[], stays, &[]);
            Some((stays, stays))
        } else {
            self.b.ins().jump(leave, &[]);
            None
        };
        self.b.switch_to_block(leave);
        let code_left = self.b.ins().iadd_imm_s(left, -2);
        self.exit(code_left);
        let Some((jumped, stays)) = code else {
            self.ended = true;
            return;
        };
        if jumps {
            let saved = self.state.clone();
            self.b.switch_to_block(jumped);
            self.reload();
            self.goto(self.target());
            self.state = saved;
        }
        self.b.switch_to_block(stays);
        self.reload();
    }

    /// Reads what the interpreter has written.
    fn reload(&mut self) {
        self.reload_base();
        self.load_used();
        self.state.epoch = false;
        let mut known: Vec<Known> = self.state.regs.iter().map(|reg| reg.known).collect();
        masks::apply(&self.unit, &self.facts, self.assume, self.pc, &mut known);
        for r in self.facts.accesses[self.pc].writes.clone() {
            let r = r as usize;
            let word = self.load_register(r);
            self.b.def_var(self.words[r], word);
            self.state.regs[r] = Reg { known: known[r], have: Have::WORD };
            self.state.dirty.remove(r);
        }
    }

    /// Where the first frame lies, after the stack may have moved.
    fn reload_base(&mut self) {
        let place = self.unit.frame(&self.inst()).place as i64 * 8;
        let base = self.load(self.thread, self.layout.base);
        let base = if place == 0 { base } else { self.b.ins().iadd_imm_s(base, -place) };
        self.b.def_var(self.base, base);
    }

    fn word(&mut self, word: i64) -> Ir {
        self.b.ins().iconst(I64, word)
    }

    fn address<T>(&mut self, pointer: *const T) -> Ir {
        self.b.ins().iconst(I64, pointer.addr() as i64)
    }

    fn load(&mut self, from: Ir, offset: i32) -> Ir {
        self.b.ins().load(I64, MemFlagsData::trusted(), from, offset)
    }

    fn store(&mut self, value: Ir, to: Ir, offset: i32) {
        self.b.ins().store(MemFlagsData::trusted(), value, to, offset);
    }

    fn load_register(&mut self, r: usize) -> Ir {
        let base = self.b.use_var(self.base);
        let kind = if self.raw_floats[r] { F64 } else { I64 };
        let offset = self.offset(r);
        self.b.ins().load(kind, MemFlagsData::trusted(), base, offset)
    }

    /// The word that others set to ask for attention. A plain load is read at its place: nothing moves loads that may not be moved.
    fn limit(&mut self) -> Ir {
        let at = match self.limit_at {
            Some(at) => at,
            None => self.load(self.thread, self.layout.limit),
        };
        self.load(at, 0)
    }

    /// A block inside an instruction: nothing jumps there once the instruction is translated. It is off the straight path if what is being
    /// translated is.
    fn block(&mut self) -> Block {
        if self.is_cold() {
            return self.cold();
        }
        let block = self.b.create_block();
        self.fresh.push(block);
        block
    }

    /// A block off the straight path.
    fn cold(&mut self) -> Block {
        let block = self.b.create_block();
        self.fresh.push(block);
        self.b.set_cold_block(block);
        block
    }

    /// Goes to `likely` if the flag is set, else to `unlikely`.
    ///
    /// Cranelift orders blocks by a walk that puts the first way of a branch behind all that the second way leads to, and the register
    /// allocator takes what lies between a loop's head and its end for part of the loop: ways out of it have to lie behind.
    fn go_if(&mut self, flag: Ir, likely: Block, unlikely: Block) {
        let compared = self.b.func.dfg.value_def(flag).inst().map(|inst| self.b.func.dfg.insts[inst]);
        let not = match compared {
            Some(InstructionData::IntCompare { args: [x, y], cond, .. }) => {
                self.b.ins().icmp(cond.complement(), x, y)
            }
            _ => self.b.ins().icmp_imm_s(IntCC::Equal, flag, 0),
        };
        self.b.ins().brif(not, unlikely, &[], likely, &[]);
    }

    /// Goes on in a block of this instruction to which all jumps are there, if there is one.
    fn reached(&mut self, block: Block) -> bool {
        self.fresh.retain(|fresh| *fresh != block);
        self.b.seal_block(block);
        self.b.switch_to_block(block);
        !self.b.is_unreachable()
    }

    /// All jumps to the blocks made lately are there.
    fn seal(&mut self) {
        for block in self.fresh.drain(..) {
            self.b.seal_block(block);
        }
    }

    /// A block with a result: of a call, or of whatever has a fast and a slow way.
    fn result_block(&mut self) -> Block {
        let done = self.block();
        self.b.append_block_param(done, I64);
        done
    }

    /// Goes on in such a block: the result, which may be anything of these forms, goes into register `a`.
    fn take_result(&mut self, a: u16, done: Block, mask: Mask) {
        self.b.switch_to_block(done);
        let result = self.b.block_params(done)[0];
        self.set(a, result, mask);
    }
}
