//! Operations on unboxed integers and floats.

use super::super::facts::Facts;
use super::super::masks::{BOOL, INT, Known};
use super::super::ranges::{Grows, MOST_TURNS};
use super::super::runtime;
use super::super::unit::{Unit, What};
use super::{Have, Translator};
use crate::bytecode::Instr;
use crate::bytecode::ops::{Op, Operand};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::Ieee64;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{InstBuilder, InstructionData, MemFlagsData, Opcode, Value as Ir};

/// Which registers only ever hold floats: raw ones that no operation on integers touches, directly or over moves.
pub(super) fn only_floats(unit: &Unit) -> Vec<bool> {
    let count = unit.registers();
    let (mut float, mut int) = (vec![false; count], vec![false; count]);
    let mut moves = Vec::new();
    for inst in unit.insts.iter().filter(|inst| inst.what == What::Op) {
        let (i, code) = (&inst.i, unit.frame(inst).code);
        let op = i.op().expect("verified");
        if op == Op::MoveRaw {
            moves.push((i.a() as usize, i.b() as usize));
            continue;
        }
        for (field, kind) in op.info().operands() {
            if !matches!(kind, Operand::RawRead | Operand::RawWrite | Operand::RawReadWrite) {
                continue;
            }
            let r = field.unsigned(*i) as usize;
            let first = kind == Operand::RawWrite;
            let is_float = match op {
                // SAFETY: the verifier checked the constant's index.
                Op::LoadKRaw => unsafe { *code.consts.add(i.d() as usize) }.as_int().is_none(),
                Op::IToF => first,
                Op::FToI => !first,
                Op::UnboxF | Op::BoxF => true,
                Op::FAGet => first,
                Op::FASet => r == i.c() as usize && field == crate::bytecode::Field::C,
                _ => op.info().name.starts_with("float."),
            };
            if is_float { float[r] = true } else { int[r] = true }
        }
    }
    loop {
        let mut changed = false;
        for &(a, b) in &moves {
            for set in [&mut float, &mut int] {
                if set[a] != set[b] {
                    (set[a], set[b]) = (true, true);
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    (0..count).map(|r| float[r] && !int[r]).collect()
}

/// How many instructions write each register.
fn writes(unit: &Unit, facts: &Facts) -> Vec<u32> {
    let mut writes = vec![0; unit.registers()];
    facts.accesses.iter().flat_map(|access| &access.writes).for_each(|r| writes[*r as usize] += 1);
    writes
}

/// The integer that each raw register holds wherever it is read, for those that are given one where their function begins and no other. The
/// bytecode compiler loads a loop's constants there.
pub(super) fn constants(unit: &Unit, facts: &Facts) -> Vec<Option<i64>> {
    let mut constants = vec![None; unit.registers()];
    let mut begun = vec![false; unit.frames.len()];
    for (at, inst) in unit.insts.iter().enumerate() {
        let (i, code) = (inst.i, unit.frame(inst).code);
        let frame = inst.frame as usize;
        if inst.what == What::Op && !begun[frame] && (at == 0 || !facts.leads[at]) {
            match i.op().expect("verified") {
                Op::LoadKRaw => {
                    // SAFETY: the verifier checked the constant's index.
                    let constant = unsafe { *code.consts.add(i.d() as usize) };
                    constants[i.a() as usize] = constant.as_int();
                }
                Op::LoadIntRaw => constants[i.a() as usize] = Some(i.sd().into()),
                _ => begun[frame] = true,
            }
        } else {
            begun[frame] = true;
        }
    }
    for (constant, writes) in constants.iter_mut().zip(writes(unit, facts)) {
        *constant = constant.filter(|_| writes == 1);
    }
    constants
}

impl Translator<'_, '_> {
    /// The operation that computes a value, if that is one.
    fn made_by(&self, value: Ir) -> Option<InstructionData> {
        let dfg = &self.b.func.dfg;
        Some(dfg.insts[dfg.value_def(value).inst()?])
    }

    /// The integer that a value always is, if it has just been made from a constant.
    pub(super) fn constant_of(&self, value: Ir) -> Option<i64> {
        match self.made_by(value)? {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits()),
            _ => None,
        }
    }

    /// The float with these bits: the one that they have been taken from, if they have just been.
    pub(super) fn float_of(&mut self, bits: Ir) -> Ir {
        if let Some(constant) = self.constant_of(bits) {
            return self.b.ins().f64const(Ieee64::with_bits(constant as u64));
        }
        match self.made_by(bits) {
            Some(InstructionData::LoadNoOffset { opcode: Opcode::Bitcast, arg, .. }) => arg,
            _ => self.b.ins().bitcast(F64, MemFlagsData::new(), bits),
        }
    }

    /// The bits of a float: those that it has been made of, if it has just been.
    pub(super) fn bits_of(&mut self, float: Ir) -> Ir {
        match self.made_by(float) {
            Some(InstructionData::LoadNoOffset { opcode: Opcode::Bitcast, arg, .. }) => arg,
            _ => self.b.ins().bitcast(I64, MemFlagsData::new(), float),
        }
    }

    pub(super) fn raw_int(&mut self, r: u16) -> Ir {
        if let Some(constant) = self.constants[r as usize] {
            return self.word(constant);
        }
        let value = self.b.use_var(self.words[r as usize]);
        match self.raw_floats[r as usize] {
            true => self.bits_of(value),
            false => value,
        }
    }

    fn raw_float(&mut self, r: u16) -> Ir {
        let value = self.b.use_var(self.words[r as usize]);
        match self.raw_floats[r as usize] {
            true => value,
            false => self.float_of(value),
        }
    }

    pub(super) fn set_raw_int(&mut self, r: u16, value: Ir) {
        if self.facts.ranges.is_tested(self.pc, r as usize) {
            let usual = self.b.ins().icmp_imm_s(IntCC::SignedLessThanOrEqual, value, MOST_TURNS);
            self.guard(usual);
        }
        let value = match self.raw_floats[r as usize] {
            true => self.float_of(value),
            false => value,
        };
        self.b.def_var(self.words[r as usize], value);
        self.state.dirty.add(r as usize);
    }

    pub(super) fn set_raw_float(&mut self, r: u16, value: Ir) {
        let value = match self.raw_floats[r as usize] {
            true => value,
            false => self.bits_of(value),
        };
        self.b.def_var(self.words[r as usize], value);
        self.state.dirty.add(r as usize);
    }

    /// The ops of raw registers.
    pub(super) fn raw(&mut self, i: Instr, op: Op) {
        match op {
            Op::MoveRaw => match self.raw_floats[i.b() as usize] {
                true => {
                    let value = self.raw_float(i.b());
                    self.set_raw_float(i.a(), value);
                }
                false => {
                    let value = self.raw_int(i.b());
                    self.set_raw_int(i.a(), value);
                }
            },
            Op::LoadIntRaw => {
                let n = self.word(i.sd().into());
                self.set_raw_int(i.a(), n);
            }
            Op::LoadKRaw => {
                // SAFETY: the verifier checked the constant's index and that it is a number.
                let k = unsafe { *self.code().consts.add(i.d() as usize) };
                match k.as_int() {
                    Some(n) => {
                        let n = self.word(n);
                        self.set_raw_int(i.a(), n);
                    }
                    None => {
                        let f = self.b.ins().f64const(k.as_float().unwrap_or(0.0));
                        self.set_raw_float(i.a(), f);
                    }
                }
            }
            Op::BoxI => {
                let n = self.raw_int(i.b());
                self.set_int(i.a(), n);
            }
            Op::BoxF => {
                let float = self.raw_float(i.b());
                self.set_float(i.a(), float);
            }
            Op::UnboxI => self.unbox_int(i),
            Op::UnboxF => {
                let float = self.number(super::arith::Operand::Register(i.b()));
                self.set_raw_float(i.a(), float);
            }
            Op::IToF => {
                let n = self.raw_int(i.b());
                let float = self.b.ins().fcvt_from_sint(F64, n);
                self.set_raw_float(i.a(), float);
            }
            Op::IAdd | Op::ISub | Op::IMul => {
                let (x, y) = (self.raw_int(i.b()), self.raw_int(i.c()));
                self.checked(i.a(), op, x, y);
            }
            Op::IAddI | Op::IMulI => {
                let (x, y) = (self.raw_int(i.b()), self.word(i.sc().into()));
                self.checked(i.a(), if op == Op::IAddI { Op::IAdd } else { Op::IMul }, x, y);
            }
            Op::IDiv | Op::IMod => {
                let (x, y) = (self.raw_int(i.b()), self.raw_int(i.c()));
                let result = match self.constant_of(y).filter(|y| Self::is_easy_divisor(*y)) {
                    Some(divisor) => self.divided(op == Op::IDiv, x, divisor),
                    None => {
                        // Zero is an error, and -1 may overflow: both are left to the interpreter.
                        let above = self.b.ins().iadd_imm_s(y, 1);
                        let usual = self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThan, above, 1);
                        self.guard(usual);
                        if op == Op::IDiv { self.b.ins().sdiv(x, y) } else { self.b.ins().srem(x, y) }
                    }
                };
                self.set_raw_int(i.a(), result);
            }
            Op::IDivI | Op::IModI => {
                if matches!(i.sc(), 0 | -1) {
                    return self.step();
                }
                let (x, divisor) = (self.raw_int(i.b()), i64::from(i.sc()));
                let result = self.divided(op == Op::IDivI, x, divisor);
                self.set_raw_int(i.a(), result);
            }
            Op::IAnd | Op::IOr | Op::IXor => {
                let (x, y) = (self.raw_int(i.b()), self.raw_int(i.c()));
                let result = match op {
                    Op::IAnd => self.b.ins().band(x, y),
                    Op::IOr => self.b.ins().bor(x, y),
                    _ => self.b.ins().bxor(x, y),
                };
                self.set_raw_int(i.a(), result);
            }
            Op::IAndI => {
                let x = self.raw_int(i.b());
                let result = self.b.ins().band_imm_s(x, i64::from(i.sc()));
                self.set_raw_int(i.a(), result);
            }
            Op::IShl | Op::IShr | Op::IUShr => {
                let (x, y) = (self.raw_int(i.b()), self.raw_int(i.c()));
                self.raw_shift(i.a(), op, x, y);
            }
            Op::IShlI | Op::IShrI => {
                let (x, y) = (self.raw_int(i.b()), self.word(i.sc().into()));
                self.raw_shift(i.a(), if op == Op::IShlI { Op::IShl } else { Op::IShr }, x, y);
            }
            Op::INeg => {
                let (zero, x) = (self.word(0), self.raw_int(i.b()));
                self.checked(i.a(), Op::ISub, zero, x);
            }
            Op::IBitNot => {
                let x = self.raw_int(i.b());
                let result = self.b.ins().bnot(x);
                self.set_raw_int(i.a(), result);
            }
            Op::IEq | Op::ILt | Op::ILe => {
                let cc = match op {
                    Op::IEq => IntCC::Equal,
                    Op::ILt => IntCC::SignedLessThan,
                    _ => IntCC::SignedLessThanOrEqual,
                };
                let (x, y) = (self.raw_int(i.b()), self.raw_int(i.c()));
                let flag = self.b.ins().icmp(cc, x, y);
                let word = self.truth(flag);
                self.set(i.a(), word, BOOL);
            }
            Op::FAdd | Op::FSub | Op::FMul | Op::FDiv | Op::FMod | Op::FPow => {
                let (x, y) = (self.raw_float(i.b()), self.raw_float(i.c()));
                let result = match op {
                    Op::FAdd => self.b.ins().fadd(x, y),
                    Op::FSub => self.b.ins().fsub(x, y),
                    Op::FMul => self.b.ins().fmul(x, y),
                    Op::FDiv => self.b.ins().fdiv(x, y),
                    Op::FMod => self.call(runtime::float_rem as *const () as usize, b"ff>f", &[x, y])[0],
                    _ => self.call(runtime::float_pow as *const () as usize, b"ff>f", &[x, y])[0],
                };
                self.set_raw_float(i.a(), result);
            }
            Op::FNeg | Op::FSqrt | Op::FAbs | Op::FFloor => {
                let x = self.raw_float(i.b());
                let result = match op {
                    Op::FNeg => self.b.ins().fneg(x),
                    Op::FSqrt => self.b.ins().sqrt(x),
                    Op::FAbs => self.b.ins().fabs(x),
                    _ => self.b.ins().floor(x),
                };
                self.set_raw_float(i.a(), result);
            }
            Op::FEq | Op::FLt | Op::FLe => {
                let cc = match op {
                    Op::FEq => FloatCC::Equal,
                    Op::FLt => FloatCC::LessThan,
                    _ => FloatCC::LessThanOrEqual,
                };
                let (x, y) = (self.raw_float(i.b()), self.raw_float(i.c()));
                let flag = self.b.ins().fcmp(cc, x, y);
                let word = self.truth(flag);
                self.set(i.a(), word, BOOL);
            }
            _ => self.raw_jump(i),
        }
    }

    fn raw_jump(&mut self, i: Instr) {
        let target = self.target();
        let (flag, wanted) = self.raw_test(i);
        if let Some((stride, end)) = self.stride_at(self.pc) {
            self.branch_out(flag, target);
            return self.begin_strip(stride, end);
        }
        if wanted && let Some(ways) = self.ways() {
            return self.compute_both(&ways, flag);
        }
        self.branch(flag, wanted, target);
    }

    /// What a jump tests, as a flag, and whether it jumps if that is set.
    pub(super) fn raw_test(&mut self, i: Instr) -> (Ir, bool) {
        use Op::*;
        let (ints, floats, immediate, wanted) = match i.op().expect("verified") {
            IJEq => (Some(IntCC::Equal), None, false, true),
            IJNe => (Some(IntCC::NotEqual), None, false, true),
            IJLt => (Some(IntCC::SignedLessThan), None, false, true),
            IJLe => (Some(IntCC::SignedLessThanOrEqual), None, false, true),
            IJEqI => (Some(IntCC::Equal), None, true, true),
            IJNeI => (Some(IntCC::NotEqual), None, true, true),
            IJLtI => (Some(IntCC::SignedLessThan), None, true, true),
            IJLeI => (Some(IntCC::SignedLessThanOrEqual), None, true, true),
            IJGtI => (Some(IntCC::SignedGreaterThan), None, true, true),
            IJGeI => (Some(IntCC::SignedGreaterThanOrEqual), None, true, true),
            FJEq => (None, Some(FloatCC::Equal), false, true),
            FJNe => (None, Some(FloatCC::NotEqual), false, true),
            FJLt => (None, Some(FloatCC::LessThan), false, true),
            FJLe => (None, Some(FloatCC::LessThanOrEqual), false, true),
            FJNLt => (None, Some(FloatCC::LessThan), false, false),
            FJNLe => (None, Some(FloatCC::LessThanOrEqual), false, false),
            other => unreachable!("{other:?} is translated elsewhere"),
        };
        let flag = match (ints, floats) {
            (Some(cc), _) => {
                let mut x = self.raw_int(i.a());
                if immediate && i.sb() == 0 && matches!(cc, IntCC::Equal | IntCC::NotEqual) {
                    x = self.zero_like(x);
                }
                let y = if immediate { self.word(i.sb().into()) } else { self.raw_int(i.b()) };
                self.b.ins().icmp(cc, x, y)
            }
            (_, Some(cc)) => {
                let (x, y) = (self.raw_float(i.a()), self.raw_float(i.b()));
                self.b.ins().fcmp(cc, x, y)
            }
            _ => unreachable!("one of them is given"),
        };
        (flag, wanted)
    }

    /// An operation that overflows into the interpreter, which throws.
    fn checked(&mut self, a: u16, op: Op, x: Ir, y: Ir) {
        let fits = self.facts.ranges.fits(self.pc);
        let beyond = if fits { None } else { self.overflow_by_bound(op, x, y) };
        let grows = self.facts.ranges.grows(self.pc);
        if !fits && beyond.is_none() && grows.is_none() {
            let (result, over) = match op {
                Op::IAdd => self.b.ins().sadd_overflow(x, y),
                Op::ISub => self.b.ins().ssub_overflow(x, y),
                _ => self.b.ins().smul_overflow(x, y),
            };
            self.note_overflow(over);
            return self.set_raw_int(a, result);
        }
        let result = match op {
            Op::IAdd => self.b.ins().iadd(x, y),
            Op::ISub => self.b.ins().isub(x, y),
            _ => self.product(x, y),
        };
        // A comparison and a jump are one operation of the processor; a flag of overflow would go through a register.
        let beyond = beyond.or_else(|| {
            let (cc, before) = match grows.filter(|_| !fits)? {
                Grows::UpFromFirst => (IntCC::SignedLessThan, x),
                Grows::DownFromFirst => (IntCC::SignedGreaterThan, x),
                Grows::UpFromSecond => (IntCC::SignedLessThan, y),
            };
            Some(self.b.ins().icmp(cc, result, before))
        });
        beyond.into_iter().for_each(|over| self.note_overflow(over));
        self.set_raw_int(a, result);
    }

    /// A product that has room: by a shift and a sum, which cost less time than a multiplication, where they make it.
    fn product(&mut self, x: Ir, y: Ir) -> Ir {
        let shift = match self.constant_of(y) {
            Some(3) => 1,
            Some(5) => 2,
            Some(9) => 3,
            _ => return self.b.ins().imul(x, y),
        };
        let shifted = self.b.ins().ishl_imm_s(x, shift);
        self.b.ins().iadd(x, shifted)
    }

    /// Whether an operation with a constant overflows, as a comparison of the other operand: what is computed need not be waited for.
    fn overflow_by_bound(&mut self, op: Op, x: Ir, y: Ir) -> Option<Ir> {
        let (cc, bound) = match (op, self.constant_of(y)?) {
            (Op::IAdd, y) if y >= 0 => (IntCC::SignedGreaterThan, i64::MAX - y),
            (Op::IAdd, y) => (IntCC::SignedLessThan, i64::MIN - y),
            (Op::IMul, y @ 2..) if self.facts.ranges.is_unsigned(self.pc) => {
                (IntCC::UnsignedGreaterThan, i64::MAX / y)
            }
            _ => return None,
        };
        Some(self.b.ins().icmp_imm_s(cc, x, bound))
    }

    fn raw_shift(&mut self, a: u16, op: Op, x: Ir, y: Ir) {
        let in_range = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, y, 64);
        self.guard(in_range);
        let result = match op {
            Op::IShr => self.b.ins().sshr(x, y),
            Op::IUShr => self.b.ins().ushr(x, y),
            _ => {
                let shifted = self.b.ins().ishl(x, y);
                if self.facts.ranges.fits(self.pc) {
                    return self.set_raw_int(a, shifted);
                }
                let back = self.b.ins().sshr(shifted, y);
                let same = self.b.ins().icmp(IntCC::Equal, back, x);
                self.guard(same);
                shifted
            }
        };
        self.set_raw_int(a, result);
    }

    fn unbox_int(&mut self, i: Instr) {
        if self.facts.ranges.unboxes_small() && self.mask(i.b()) != INT {
            let unboxed = self.have(i.b().into(), Have::INT) && !self.have(i.b().into(), Have::WORD);
            if unboxed {
                let n = self.int(i.b());
                let (_, over) = self.b.ins().sadd_overflow(n, n);
                self.guard_not(over);
            } else {
                let word = self.tagged(i.b());
                self.guard_small(word);
            }
            self.learn(i.b(), Known::form(INT));
        }
        if self.known(i.b()).is_integer() {
            let n = self.int(i.b());
            return self.set_raw_int(i.a(), n);
        }
        let word = self.tagged(i.b());
        let (small, rare, done) = (self.block(), self.cold(), self.block());
        self.b.append_block_param(done, I64);
        let odd = self.b.ins().band_imm_s(word, 1);
        self.b.ins().brif(odd, rare, &[], small, &[]);
        self.b.switch_to_block(small);
        let n = self.b.ins().sshr_imm_s(word, 1);
        self.b.ins().jump(done, &[n.into()]);
        self.b.switch_to_block(rare);
        let results = self.call(runtime::unbox_int as *const () as usize, b"i>ii", &[word]);
        self.guard(results[1]);
        self.b.ins().jump(done, &[results[0].into()]);
        self.b.switch_to_block(done);
        let n = self.b.block_params(done)[0];
        self.set_raw_int(i.a(), n);
    }
}
