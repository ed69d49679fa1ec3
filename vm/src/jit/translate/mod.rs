//! From bytecode to Cranelift's intermediate form, one function at a time.
//!
//! Registers are variables of the intermediate form. The frame in memory is brought up to date where somebody may look at it: before
//! calls and whatever else may run script code, switch or collect, and on the cold ways out. Invariants:
//!
//! - control leaves compiled code only with the thread's `pc`, `base`, `code` and `used` exact and all live registers in the frame,
//!   so the interpreter can go on from there (this is the only kind of deoptimisation that there is);
//! - every tagged word of the frame holds a value at every safepoint: callees clear what is no parameter;
//! - nothing here depends on feedback being right, only on its being checked.

mod arith;
mod calls;
mod exits;
mod jumps;
mod objects;
mod raw;
mod state;

use super::facts::{Bits, Facts, falls_through, jump_target, registers};
use super::masks::{self, Assume, FLOAT, Mask};
use super::{Feedback, Layout};
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::code::Code;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{AbiParam, Block, InstBuilder, MemFlagsData, SigRef, Signature, Value as Ir};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, Switch, Variable};

/// How a tagged register's value is at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rep {
    /// As a tagged word.
    Tagged,
    /// As an unboxed float.
    Float,
    /// As both.
    Both,
}

/// What is known of the registers at one place.
#[derive(Clone)]
struct State {
    /// Forms of the tagged registers.
    masks: Vec<Mask>,
    /// Where the tagged registers' values are.
    reps: Vec<Rep>,
    /// Classes of the objects in the tagged registers; 0 where it is not known.
    classes: Vec<u32>,
    /// Registers whose words in the frame may be old.
    dirty: Bits,
}

/// Whether an op is translated by executing it in the interpreter.
fn by_step(op: Op) -> bool {
    matches!(
        op,
        Op::FToI
            | Op::JTaskExit
            | Op::CallSuper
            | Op::CallSpread
            | Op::CallMethodSpread
            | Op::CallSuperSpread
            | Op::NewSpread
            | Op::Closure
            | Op::NewCell
            | Op::Import
            | Op::GetSuper
            | Op::GetAttrDyn
            | Op::SetAttrDyn
            | Op::Slice
            | Op::NewArray
            | Op::ArrayExtend
            | Op::NewMap
            | Op::MapExtend
            | Op::NewRange
            | Op::ToStr
            | Op::Concat
            | Op::IterStart
            | Op::GenYield
            | Op::Throw
            | Op::Rethrow
            | Op::Fail
            | Op::Spawn
            | Op::SpawnDetached
            | Op::Await
            | Op::Yield
            | Op::AtomicEnter
            | Op::AtomicLeave
            | Op::ScopeEnter
            | Op::ScopeLeave
            | Op::ScopeAbort
            | Op::RecvStart
            | Op::RecvNext
            | Op::RecvTake
            | Op::Share
            | Op::Unshare
            | Op::Lock
            | Op::Unlock
            | Op::NewClass
            | Op::ExtendClass
            | Op::SetStatic
    )
}

/// Whether the frame is brought up to date on the straight path of an op.
fn syncs(op: Op) -> bool {
    by_step(op) || matches!(op, Op::Call | Op::CallStatic | Op::CallMethod | Op::New)
}

/// Translates one function.
pub(super) struct Translator<'a, 'b> {
    b: &'a mut FunctionBuilder<'b>,
    code: &'static Code,
    feedback: &'a Feedback,
    layout: &'a Layout,
    assume: Assume,
    stress: bool,
    facts: Facts,
    /// Forms of the registers where blocks begin; none for what is not reached.
    at: Vec<Option<Vec<Mask>>>,
    /// Stale words where blocks begin.
    dirty_at: Vec<Bits>,
    blocks: Vec<Option<Block>>,
    words: Vec<Variable>,
    floats: Vec<Variable>,
    /// Which raw registers only ever hold floats.
    raw_floats: Vec<bool>,
    base: Variable,
    /// Fuel used, for a function with loops; others count in the thread.
    used: Option<Variable>,
    thread: Ir,
    state: State,
    /// The state before the instruction that is being translated, for its cold ways out.
    before: State,
    pc: usize,
    /// Control cannot come here.
    ended: bool,
    leave_block: Option<Block>,
    deopt_block: Option<Block>,
    ends: Vec<exits::ColdEnd>,
    /// Blocks of the instruction that is being translated.
    fresh: Vec<Block>,
    signatures: Vec<(Vec<u8>, SigRef)>,
}

impl<'a, 'b> Translator<'a, 'b> {
    /// Translates `code` into the function that `builder` builds. For each instruction, the number of the entry there.
    pub(super) fn run(
        builder: &'a mut FunctionBuilder<'b>,
        code: &'static Code,
        feedback: &'a Feedback,
        layout: &'a Layout,
        assume: Assume,
        stress: bool,
    ) -> Box<[u16]> {
        let facts = Facts::new(code);
        let at = masks::at_blocks(code, feedback, &facts, assume);
        let registers = code.registers as usize;
        let tagged = code.tagged as usize;
        let raw_floats = raw::only_floats(code);
        let words =
            (0..registers).map(|r| builder.declare_var(if raw_floats[r] { F64 } else { I64 })).collect();
        let floats = (0..tagged).map(|_| builder.declare_var(F64)).collect();
        let base = builder.declare_var(I64);
        let used = (!facts.loop_heads.is_empty()).then(|| builder.declare_var(I64));
        let dirty_at = state::dirty_at_blocks(code, &facts);
        let empty =
            State { masks: Vec::new(), reps: Vec::new(), classes: Vec::new(), dirty: Bits::new(registers) };
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let thread = builder.block_params(entry)[0];
        let mut translator = Translator {
            b: builder,
            code,
            feedback,
            layout,
            assume,
            stress,
            facts,
            at,
            dirty_at,
            blocks: Vec::new(),
            words,
            floats,
            raw_floats,
            base,
            used,
            thread,
            state: empty.clone(),
            before: empty,
            pc: 0,
            ended: false,
            leave_block: None,
            deopt_block: None,
            ends: Vec::new(),
            fresh: Vec::new(),
            signatures: Vec::new(),
        };
        let entries = translator.entries(entry);
        translator.body();
        translator.emit_cold_ends();
        translator.b.seal_all_blocks();
        entries
    }

    /// The ways in: a call by compiled code (0), a call by the interpreter (1), loop heads (2 and up).
    fn entries(&mut self, entry: Block) -> Box<[u16]> {
        let (base, which) = (self.b.block_params(entry)[1], self.b.block_params(entry)[2]);
        self.b.def_var(self.base, base);
        for pc in 0..self.code.code.len() {
            let block = self.at[pc].is_some().then(|| self.b.create_block());
            self.blocks.push(block);
        }
        let (called, others, begin) = (self.block(), self.block(), self.block());
        self.b.ins().brif(which, others, &[], called, &[]);
        self.b.switch_to_block(called);
        self.prologue();
        self.b.ins().jump(begin, &[]);
        self.b.switch_to_block(others);
        let heads: Vec<usize> = self.facts.loop_heads.clone();
        let mut switch = Switch::new();
        let mut ways = Vec::new();
        let mut entries = vec![0; self.code.code.len()].into_boxed_slice();
        for (k, &head) in heads.iter().enumerate() {
            if self.at[head].is_some() {
                let way = self.block();
                entries[head] = k as u16 + 2;
                switch.set_entry(entries[head].into(), way);
                ways.push((head, way));
            }
        }
        switch.emit(self.b, which, begin);
        for (head, way) in ways {
            self.b.switch_to_block(way);
            self.loop_entry(head);
        }
        self.b.switch_to_block(begin);
        self.load_used();
        self.enter_state(0);
        let zero = self.word(0);
        let given = self.code.params as usize + usize::from(self.code.flags & Code::REST != 0);
        for r in 0..self.code.registers as usize {
            if r < given {
                let word = self.load_register(r);
                self.b.def_var(self.words[r], word);
            } else if self.raw_floats[r] {
                let zero = self.b.ins().f64const(0.0);
                self.b.def_var(self.words[r], zero);
            } else {
                self.b.def_var(self.words[r], zero);
            }
        }
        // What lies in the frame: zeros, but for raw registers below compiled callers.
        self.state.reps.fill(Rep::Tagged);
        self.state.dirty = Bits::new(self.code.registers as usize);
        for r in self.code.tagged as usize..self.code.registers as usize {
            self.state.dirty.add(r);
        }
        self.goto(0);
        self.seal();
        entries
    }

    /// A callee's begin, called by compiled code: the frame has its room, link, code, callee and parameters.
    fn prologue(&mut self) {
        let base = self.b.use_var(self.base);
        let zero = self.word(0);
        for r in self.code.params as usize..self.code.tagged as usize {
            self.store(zero, base, r as i32 * 8);
        }
        let sp = self.b.ins().get_stack_pointer(I64);
        let limit = self.load(self.thread, self.layout.native_limit);
        let deep = self.b.ins().icmp(IntCC::UnsignedLessThan, sp, limit);
        let (too_deep, fine) = (self.cold(), self.block());
        self.b.ins().brif(deep, too_deep, &[], fine, &[]);
        self.b.switch_to_block(too_deep);
        let code = self.address(std::ptr::from_ref(self.code));
        let enter = super::runtime::enter_interpreter as *const () as usize;
        let left = self.call(enter, b"iii>i", &[self.thread, base, code])[0];
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
        self.save_position(0);
        let left = self.call(super::runtime::safepoint as *const () as usize, b"i>i", &[self.thread])[0];
        let leaving = self.cold();
        self.b.ins().brif(left, leaving, &[], go_on, &[]);
        self.b.switch_to_block(leaving);
        let left = self.b.ins().iadd_imm_s(left, -1);
        self.exit(left);
        self.b.switch_to_block(go_on);
    }

    /// Entry at a loop head from the interpreter: all registers lie in the frame, and must be what the code takes them for.
    fn loop_entry(&mut self, head: usize) {
        self.load_used();
        self.enter_state(head);
        self.state.dirty = Bits::new(self.code.registers as usize);
        let live: Vec<usize> = self.facts.live[head].iter().collect();
        for r in live {
            let word = self.load_register(r);
            if r >= self.code.tagged as usize {
                self.b.def_var(self.words[r], word);
                continue;
            }
            let mask = self.state.masks[r];
            if mask != masks::ALL {
                let wanted = self.word(mask.into());
                let fits = self.call(super::runtime::fits as *const () as usize, b"ii>i", &[word, wanted])[0];
                let (fine, refuse) = (self.block(), self.cold());
                self.b.ins().brif(fits, fine, &[], refuse, &[]);
                self.b.switch_to_block(refuse);
                self.count_failure();
                let left = self.word(super::LEFT.0 as i64);
                self.exit(left);
                self.b.switch_to_block(fine);
            }
            if self.state.reps[r] == Rep::Float {
                let bits = self.call(super::runtime::unbox_float as *const () as usize, b"i>ii", &[word])[0];
                let float = self.b.ins().bitcast(F64, MemFlagsData::new(), bits);
                self.b.def_var(self.floats[r], float);
            } else {
                self.b.def_var(self.words[r], word);
            }
        }
        let block = self.blocks[head].expect("reached");
        self.b.ins().jump(block, &[]);
    }

    fn body(&mut self) {
        let mut pc = 0;
        let count = self.code.code.len();
        let mut open = false;
        while pc < count {
            if let Some(block) = self.blocks[pc] {
                if open {
                    self.goto(pc);
                }
                self.b.switch_to_block(block);
                self.enter_state(pc);
                open = true;
            }
            if !open {
                pc += 1;
                continue;
            }
            self.pc = pc;
            self.ended = false;
            self.before = self.state.clone();
            let i = self.code.code[pc];
            self.instruction(i);
            self.state_after(i);
            self.cold_ends();
            self.seal();
            open = falls_through(i) && !self.ended;
            pc += 1;
        }
    }

    fn instruction(&mut self, i: Instr) {
        let op = i.op().expect("verified");
        if by_step(op) || self.stress && op.info().flags & crate::bytecode::ops::ALLOCATES != 0 {
            return self.step(i);
        }
        match op {
            Op::Nop => {}
            Op::Move => self.move_tagged(i.a(), i.b()),
            Op::LoadK => {
                // SAFETY: the verifier checked the constant's index.
                let k = unsafe { *self.code.consts.add(i.d() as usize) };
                self.constant(i.a(), k);
            }
            Op::LoadNull => {
                self.constant(i.a(), crate::value::Value::NULL);
                // A script that drops what it refers to means it: the frame is to forget it too.
                self.write_back(i.a() as usize);
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
                let target = jump_target(self.pc, i).expect("a jump");
                self.branch(flag, false, target);
            }
            Op::Jump => self.goto_and_end(i),
            Op::Loop => self.loop_back(i),
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
            Op::ArrayPush => self.push(i),
            Op::IAGet | Op::FAGet => self.get_typed(i),
            Op::IASet | Op::FASet => self.set_typed(i),
            Op::IterNext => self.iterate(i),
            _ => self.raw(i, op),
        }
    }

    /// Executes the instruction by the interpreter: all that it may look at is in the frame, and what it wrote is read from there.
    fn step(&mut self, i: Instr) {
        self.write_back_live();
        self.save_position(self.pc);
        let left = self.call(super::runtime::step as *const () as usize, b"i>i", &[self.thread])[0];
        let leave = self.cold();
        let target = jump_target(self.pc, i);
        let code = if target.is_some() {
            let jumped = self.block();
            let stays = self.block();
            let more = self.cold();
            self.b.ins().brif(left, more, &[], stays, &[]);
            self.b.switch_to_block(more);
            let one = self.b.ins().icmp_imm_s(IntCC::Equal, left, 1);
            self.b.ins().brif(one, jumped, &[], leave, &[]);
            Some((jumped, stays))
        } else if falls_through(i) {
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
        let written = registers(self.code, i).writes;
        let saved = self.state.clone();
        if let Some(target) = target {
            self.b.switch_to_block(jumped);
            self.reload(i, &written);
            self.goto(target);
            self.state = saved;
        }
        self.b.switch_to_block(stays);
        self.reload(i, &written);
    }

    fn reload(&mut self, i: Instr, written: &[u16]) {
        let base = self.load(self.thread, self.layout.base);
        self.b.def_var(self.base, base);
        self.load_used();
        let mut masks = self.state.masks.clone();
        masks::apply(self.code, self.feedback, self.assume, i, &mut masks);
        for &r in written {
            let word = self.load_register(r as usize);
            self.b.def_var(self.words[r as usize], word);
            if (r as usize) < masks.len() {
                self.state.masks[r as usize] = masks[r as usize];
                self.state.reps[r as usize] = Rep::Tagged;
                self.state.classes[r as usize] = 0;
            }
            self.state.dirty.remove(r as usize);
        }
    }

    fn signature(&mut self, shape: &'static [u8]) -> SigRef {
        if let Some((_, known)) = self.signatures.iter().find(|(s, _)| s == shape) {
            return *known;
        }
        let mut signature = Signature::new(CallConv::triple_default(&self.layout.triple));
        let mut results = false;
        for c in shape {
            let kind = AbiParam::new(if *c == b'f' { F64 } else { I64 });
            match c {
                b'>' => results = true,
                _ if results => signature.returns.push(kind),
                _ => signature.params.push(kind),
            }
        }
        let made = self.b.import_signature(signature);
        self.signatures.push((shape.to_vec(), made));
        made
    }

    /// Calls a function of the runtime. `shape`: `i` for a word, `f` for a float, results after `>`.
    fn call(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Vec<Ir> {
        let signature = self.signature(shape);
        let callee = self.b.ins().iconst(I64, address as i64);
        let call = self.b.ins().call_indirect(signature, callee, args);
        self.b.inst_results(call).to_vec()
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
        self.b.ins().load(kind, MemFlagsData::trusted(), base, r as i32 * 8)
    }

    /// The word that others set to ask for attention. It is read anew each time, which a plain load would not be.
    fn limit(&mut self) -> Ir {
        let limit = self.load(self.thread, self.layout.limit);
        self.b.ins().atomic_load(I64, MemFlagsData::trusted(), limit)
    }

    /// A block inside an instruction: nothing jumps there once the instruction is translated.
    fn block(&mut self) -> Block {
        let block = self.b.create_block();
        self.fresh.push(block);
        block
    }

    /// A block off the straight path.
    fn cold(&mut self) -> Block {
        let block = self.block();
        self.b.set_cold_block(block);
        block
    }

    /// All jumps to the blocks made lately are there.
    fn seal(&mut self) {
        for block in self.fresh.drain(..) {
            self.b.seal_block(block);
        }
    }

    /// Whether a block's register is kept as an unboxed float.
    fn rep_for(mask: Mask) -> Rep {
        if mask == FLOAT { Rep::Float } else { Rep::Tagged }
    }
}
