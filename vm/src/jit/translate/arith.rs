//! Arithmetic and comparison of values: integers and floats inline, everything else by the interpreter's slow paths.

use super::super::masks::{self, ALL, BIG, BOOL, FLOAT, INT, Known, Mask, NULL, OTHER};
use super::super::runtime;
use super::Translator;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::object::Kind;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::F64;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ir};

/// An operand: a register, or an immediate integer.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    Register(u16),
    Immediate(i64),
}

/// The op without an immediate that does the same.
fn plain(op: Op) -> Op {
    match op {
        Op::AddI => Op::Add,
        Op::SubI => Op::Sub,
        Op::MulI => Op::Mul,
        Op::DivI => Op::Div,
        Op::ModI => Op::Mod,
        Op::BitAndI => Op::BitAnd,
        Op::ShlI => Op::Shl,
        Op::ShrI => Op::Shr,
        other => other,
    }
}

impl Translator<'_, '_> {
    fn operand_mask(&self, x: Operand) -> Mask {
        match x {
            Operand::Register(r) => self.mask(r),
            Operand::Immediate(_) => INT,
        }
    }

    fn operand(&mut self, x: Operand) -> Ir {
        match x {
            Operand::Register(r) => self.tagged(r),
            Operand::Immediate(n) => self.word(Value::int_unchecked(n).bits() as i64),
        }
    }

    fn operands(&self, i: Instr) -> (Op, Operand, Operand) {
        let op = i.op().expect("verified");
        let y = match plain(op) == op {
            true => Operand::Register(i.c()),
            false => Operand::Immediate(i.sc().into()),
        };
        (plain(op), Operand::Register(i.b()), y)
    }

    /// The operand as an unboxed float; leaves if it is no number.
    pub(super) fn number(&mut self, x: Operand) -> Ir {
        let mask = self.operand_mask(x);
        let r = match x {
            Operand::Immediate(n) => return self.b.ins().f64const(n as f64),
            Operand::Register(r) => r,
        };
        if mask == FLOAT {
            return self.float(r);
        }
        if mask & !(INT | BIG) == 0 {
            let n = self.int(r);
            return self.b.ins().fcvt_from_sint(F64, n);
        }
        let word = self.tagged(r);
        let (tagged, other, done) = (self.block(), self.block(), self.block());
        self.b.append_block_param(done, F64);
        let is_float = self.has_float_tag(word);
        self.go_if(is_float, tagged, other);
        self.b.switch_to_block(tagged);
        let float = self.untag_float(word);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(other);
        let (int, rare) = (self.block(), self.cold());
        let odd = self.b.ins().band_imm_s(word, 1);
        self.b.ins().brif(odd, rare, &[], int, &[]);
        self.b.switch_to_block(int);
        let n = self.b.ins().sshr_imm_s(word, 1);
        let float = self.b.ins().fcvt_from_sint(F64, n);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(rare);
        let results = self.call(runtime::unbox_float as *const () as usize, b"i>ii", &[word]);
        self.guard(results[1]);
        let float = self.float_of(results[0]);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    fn float_op(&mut self, op: Op, x: Ir, y: Ir) -> Ir {
        match op {
            Op::Add => self.b.ins().fadd(x, y),
            Op::Sub => self.b.ins().fsub(x, y),
            Op::Mul => self.b.ins().fmul(x, y),
            _ => self.b.ins().fdiv(x, y),
        }
    }

    /// `x op y` of two small integers, as words; `out` if the result is none.
    fn int_op(&mut self, op: Op, x: Ir, y: Ir, out: Block) -> Ir {
        let (result, over) = match op {
            Op::Add => self.b.ins().sadd_overflow(x, y),
            Op::Sub => self.b.ins().ssub_overflow(x, y),
            Op::Mul => {
                let n = self.b.ins().sshr_imm_s(x, 1);
                self.b.ins().smul_overflow(n, y)
            }
            Op::Div | Op::Mod => {
                // A positive divisor neither traps nor overflows; the others are rare.
                let positive = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, y, 0);
                let fine = self.block();
                self.go_if(positive, fine, out);
                self.b.switch_to_block(fine);
                let (n, m) = (self.b.ins().sshr_imm_s(x, 1), self.b.ins().sshr_imm_s(y, 1));
                let result = if op == Op::Div { self.b.ins().sdiv(n, m) } else { self.b.ins().srem(n, m) };
                return self.b.ins().ishl_imm_s(result, 1);
            }
            Op::BitAnd => return self.b.ins().band(x, y),
            Op::BitOr => return self.b.ins().bor(x, y),
            Op::BitXor => return self.b.ins().bxor(x, y),
            Op::Shl | Op::Shr => {
                // Counts outside 0..63 and lost bits are for the slow path.
                let count = self.b.ins().sshr_imm_s(y, 1);
                let small = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, count, 63);
                let fine = self.block();
                self.go_if(small, fine, out);
                self.b.switch_to_block(fine);
                if op == Op::Shr {
                    let shifted = self.b.ins().sshr(x, count);
                    return self.b.ins().band_imm_s(shifted, -2);
                }
                let shifted = self.b.ins().ishl(x, count);
                let back = self.b.ins().sshr(shifted, count);
                let same = self.b.ins().icmp(IntCC::Equal, back, x);
                let kept = self.block();
                self.go_if(same, kept, out);
                self.b.switch_to_block(kept);
                return shifted;
            }
            other => unreachable!("{other:?} is no operation on integers here"),
        };
        let fine = self.block();
        self.b.ins().brif(over, out, &[], fine, &[]);
        self.b.switch_to_block(fine);
        result
    }

    /// A positive constant divisor needs no check.
    fn int_op_with(&mut self, op: Op, x: Ir, y: Operand, out: Block) -> Ir {
        if let (Op::Div | Op::Mod, Operand::Immediate(m)) = (op, y)
            && m > 0
        {
            let n = self.b.ins().sshr_imm_s(x, 1);
            let result = self.divided(op == Op::Div, n, m);
            return self.b.ins().ishl_imm_s(result, 1);
        }
        let y = self.operand(y);
        self.int_op(op, x, y, out)
    }

    pub(super) fn arithmetic(&mut self, i: Instr) {
        let (op, x, y) = self.operands(i);
        let (mx, my) = (self.operand_mask(x), self.operand_mask(y));
        let result = masks::arithmetic(self.assume, mx, my);
        if result == INT {
            let word = self.operand(x);
            if self.facts.ranges.is_small(self.pc) && matches!(op, Op::Add | Op::Sub) {
                let y = self.operand(y);
                let word =
                    if op == Op::Add { self.b.ins().iadd(word, y) } else { self.b.ins().isub(word, y) };
                return self.set(i.a(), word, INT);
            }
            let deopt = self.deopt();
            let word = self.int_op_with(op, word, y, deopt);
            return self.set(i.a(), word, INT);
        }
        if result == INT | BIG {
            return self.integers(i.a(), op, x, y);
        }
        if result == FLOAT {
            let (fx, fy) = (self.number(x), self.number(y));
            let float = self.float_op(op, fx, fy);
            return self.set_float(i.a(), float);
        }
        self.two_ways(i.a(), op, x, y, result, true);
    }

    pub(super) fn integral(&mut self, i: Instr) {
        let (op, x, y) = self.operands(i);
        let (mx, my) = (self.operand_mask(x), self.operand_mask(y));
        if masks::integral(self.assume, mx, my) == INT {
            let word = self.operand(x);
            let deopt = self.deopt();
            let word = self.int_op_with(op, word, y, deopt);
            return self.set(i.a(), word, INT);
        }
        let result = masks::integral(self.assume, mx, my);
        if result == INT | BIG {
            return self.integers(i.a(), op, x, y);
        }
        self.two_ways(i.a(), op, x, y, result, false);
    }

    /// The operand, which is known to be an integer, without a tag.
    fn whole(&mut self, x: Operand) -> Ir {
        match x {
            Operand::Register(r) => self.int(r),
            Operand::Immediate(n) => self.word(n),
        }
    }

    /// `x op y` of two integers of 64 bits; the interpreter does what overflows, divides by what is not positive, or shifts strangely.
    fn integers(&mut self, a: u16, op: Op, x: Operand, y: Operand) {
        let (x, y) = (self.whole(x), self.whole(y));
        let result = match op {
            Op::Add | Op::Sub | Op::Mul => {
                let (result, over) = match op {
                    Op::Add => self.b.ins().sadd_overflow(x, y),
                    Op::Sub => self.b.ins().ssub_overflow(x, y),
                    _ => self.b.ins().smul_overflow(x, y),
                };
                self.note_overflow(over);
                result
            }
            Op::Div | Op::Mod => match self.constant_of(y).filter(|y| *y > 0) {
                Some(divisor) => self.divided(op == Op::Div, x, divisor),
                None => {
                    let positive = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, y, 0);
                    self.guard(positive);
                    if op == Op::Div { self.b.ins().sdiv(x, y) } else { self.b.ins().srem(x, y) }
                }
            },
            Op::BitAnd => self.b.ins().band(x, y),
            Op::BitOr => self.b.ins().bor(x, y),
            Op::BitXor => self.b.ins().bxor(x, y),
            Op::Shr => {
                let small = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, y, 64);
                self.guard(small);
                self.b.ins().sshr(x, y)
            }
            Op::Shl => {
                let small = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, y, 63);
                self.guard(small);
                let shifted = self.b.ins().ishl(x, y);
                let back = self.b.ins().sshr(shifted, y);
                let same = self.b.ins().icmp(IntCC::Equal, back, x);
                self.guard(same);
                shifted
            }
            other => unreachable!("{other:?} is no operation on integers here"),
        };
        self.set_int(a, result);
    }

    pub(super) fn shifted(&mut self, i: Instr) {
        let (op, x, y) = self.operands(i);
        if matches!(op, Op::Shl | Op::Shr) {
            return self.integral(i);
        }
        let (x, y) = (self.operand(x), self.operand(y));
        let value = self.binary_slowly(op, x, y);
        let mask = if op == Op::In { BOOL } else { ALL };
        self.set(i.a(), value, mask);
    }

    /// `x op y` by the interpreter's slow path.
    pub(super) fn binary_slowly(&mut self, op: Op, x: Ir, y: Ir) -> Ir {
        let number = self.word(op as i64);
        self.helper(runtime::binary as *const () as usize, b"iiii>i", &[self.thread, x, y, number])
    }

    /// Goes where two operands of these forms are handled: blocks for two small integers and for two floats with a float's tag, as far as
    /// there can be such (`floats`: as far as they are handled), and one for all else.
    fn by_form(
        &mut self,
        (mx, my): (Mask, Mask),
        (wx, wy): (Ir, Ir),
        floats: bool,
    ) -> (Option<Block>, Option<Block>, Block) {
        let slow = self.cold();
        let float = (floats && mx & my & FLOAT != 0).then(|| self.block());
        let int = (mx & my & INT != 0).then(|| self.block());
        let otherwise = if float.is_some() { self.block() } else { slow };
        match int {
            Some(int) => {
                let either = match (mx == INT, my == INT) {
                    (true, _) => wy,
                    (_, true) => wx,
                    _ => self.b.ins().bor(wx, wy),
                };
                let odd = self.b.ins().band_imm_s(either, 1);
                self.b.ins().brif(odd, otherwise, &[], int, &[]);
            }
            None => {
                self.b.ins().jump(otherwise, &[]);
            }
        }
        if let Some(float) = float {
            self.b.switch_to_block(otherwise);
            let both = self.b.ins().band(wx, wy);
            let tagged = self.has_float_tag(both);
            self.go_if(tagged, float, slow);
        }
        (int, float, slow)
    }

    /// Integers inline, floats inline if they may be (`floats`), the rest by a helper.
    fn two_ways(&mut self, a: u16, op: Op, x: Operand, y: Operand, mask: Mask, floats: bool) {
        let masks = (self.operand_mask(x), self.operand_mask(y));
        let (wx, wy) = (self.operand(x), self.operand(y));
        let done = self.result_block();
        let (int, float, slow) = self.by_form(masks, (wx, wy), floats);
        if let Some(int) = int {
            self.b.switch_to_block(int);
            let word = self.int_op_with(op, wx, y, slow);
            self.b.ins().jump(done, &[word.into()]);
        }
        if let Some(float) = float {
            self.b.switch_to_block(float);
            let (fx, fy) = (self.untag_float(wx), self.untag_float(wy));
            let result = self.float_op(op, fx, fy);
            let word = self.box_float(result);
            self.b.ins().jump(done, &[word.into()]);
        }
        self.b.switch_to_block(slow);
        let value = self.binary_slowly(op, wx, wy);
        self.b.ins().jump(done, &[value.into()]);
        self.b.switch_to_block(done);
        let word = self.b.block_params(done)[0];
        self.set(a, word, mask);
    }

    pub(super) fn negated(&mut self, i: Instr) {
        let op = i.op().expect("verified");
        let mask = self.mask(i.b());
        if op == Op::Neg && mask == FLOAT {
            let float = self.float(i.b());
            let float = self.b.ins().fneg(float);
            return self.set_float(i.a(), float);
        }
        let is_integer = op == Op::Neg && mask & !(INT | BIG) == 0;
        let result = if is_integer { masks::arithmetic(self.assume, mask, mask) } else { ALL };
        if result == INT | BIG {
            return self.integers(i.a(), Op::Sub, Operand::Immediate(0), Operand::Register(i.b()));
        }
        if result == INT {
            let (zero, word) = (self.word(0), self.tagged(i.b()));
            let deopt = self.deopt();
            let word = self.int_op(Op::Sub, zero, word, deopt);
            return self.set(i.a(), word, INT);
        }
        let x = self.tagged(i.b());
        let null = self.word(Value::NULL.bits() as i64);
        let value = self.binary_slowly(op, x, null);
        self.set(i.a(), value, ALL);
    }

    /// A truth value from a flag.
    pub(super) fn truth(&mut self, flag: Ir) -> Ir {
        let (yes, no) = (self.word(Value::TRUE.bits() as i64), self.word(Value::FALSE.bits() as i64));
        self.b.ins().select(flag, yes, no)
    }

    pub(super) fn comparison(&mut self, i: Instr) {
        let op = i.op().expect("verified");
        let (x, y) = (Operand::Register(i.b()), Operand::Register(i.c()));
        let flag = match op {
            Op::Eq | Op::Ne => self.compare(Op::Eq, x, y),
            op => self.compare(op, x, y),
        };
        let flag = if op == Op::Ne { self.b.ins().icmp_imm_s(IntCC::Equal, flag, 0) } else { flag };
        let word = self.truth(flag);
        self.set(i.a(), word, BOOL);
    }

    /// Whether `x op y`, as a flag; `op` is one of `eq`, `lt`, `le`, `jump.gt.i`, `jump.ge.i`.
    pub(super) fn compare(&mut self, op: Op, x: Operand, y: Operand) -> Ir {
        use cranelift_codegen::ir::types::I8;
        let (ints, floats) = match op {
            Op::Eq => (IntCC::Equal, FloatCC::Equal),
            Op::Lt => (IntCC::SignedLessThan, FloatCC::LessThan),
            Op::Le => (IntCC::SignedLessThanOrEqual, FloatCC::LessThanOrEqual),
            Op::JGtI => (IntCC::SignedGreaterThan, FloatCC::GreaterThan),
            _ => (IntCC::SignedGreaterThanOrEqual, FloatCC::GreaterThanOrEqual),
        };
        let (mx, my) = (self.operand_mask(x), self.operand_mask(y));
        if mx == INT && my == INT {
            let (wx, wy) = (self.operand(x), self.operand(y));
            return self.b.ins().icmp(ints, wx, wy);
        }
        if (mx | my) & !(INT | BIG) == 0 {
            let (x, y) = (self.whole(x), self.whole(y));
            return self.b.ins().icmp(ints, x, y);
        }
        if op == Op::Eq && (my == NULL || mx == NULL) {
            // Nothing else equals null.
            let (wx, wy) = (self.operand(x), self.operand(y));
            return self.b.ins().icmp(IntCC::Equal, wx, wy);
        }
        // An integer in a register may be too large to be compared as a float.
        if mx == FLOAT && (my == FLOAT || matches!(y, Operand::Immediate(_))) {
            let (fx, fy) = (self.number(x), self.number(y));
            return self.b.ins().fcmp(floats, fx, fy);
        }
        let (wx, wy) = (self.operand(x), self.operand(y));
        let done = self.block();
        self.b.append_block_param(done, I8);
        let (int, float, slow) = self.by_form((mx, my), (wx, wy), true);
        if let Some(int) = int {
            self.b.switch_to_block(int);
            let flag = self.b.ins().icmp(ints, wx, wy);
            self.b.ins().jump(done, &[flag.into()]);
        }
        if let Some(float) = float {
            self.b.switch_to_block(float);
            let (fx, fy) = (self.untag_float(wx), self.untag_float(wy));
            let flag = self.b.ins().fcmp(floats, fx, fy);
            self.b.ins().jump(done, &[flag.into()]);
        }
        self.b.switch_to_block(slow);
        if op == Op::Eq {
            self.same_objects((mx, my), (wx, wy), done);
        }
        let value = self.binary_slowly(op, wx, wy);
        let flag = self.b.ins().icmp_imm_s(IntCC::Equal, value, Value::TRUE.bits() as i64);
        self.b.ins().jump(done, &[flag.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// Goes to `done` with what `==` gives where that is told by identity; goes on where it is not.
    fn same_objects(&mut self, (mx, my): (Mask, Mask), (wx, wy): (Ir, Ir), done: Block) {
        use cranelift_codegen::ir::types::I8;
        let (same, different, other) = (self.block(), self.block(), self.cold());
        let (yes, no) = (self.b.ins().iconst(I8, 1), self.b.ins().iconst(I8, 0));
        let equal = self.b.ins().icmp(IntCC::Equal, wx, wy);
        self.b.ins().brif(equal, same, &[], different, &[]);
        // An object is equal to itself; a float that is not, NaN, is no object.
        self.b.switch_to_block(same);
        let is_object = self.is_object(wx);
        self.b.ins().brif(is_object, done, &[yes.into()], other, &[]);
        self.b.switch_to_block(different);
        for (mask, word) in [(mx, wx), (my, wy)] {
            if mask & NULL != 0 {
                let (null, next) = (self.is_null(word), self.block());
                self.b.ins().brif(null, done, &[no.into()], next, &[]);
                self.b.switch_to_block(next);
            }
        }
        if mx & my & OTHER != 0 && self.unit.plain_equality && !self.wide() {
            self.expect_kind(wx, Kind::Instance, other);
            self.expect_kind(wy, Kind::Instance, other);
            let epoch = self.unit.epoch;
            let as_then = self.epoch_is(epoch);
            self.b.ins().brif(as_then, done, &[no.into()], other, &[]);
        } else {
            self.b.ins().jump(other, &[]);
        }
        self.b.switch_to_block(other);
    }

    /// Whether a register counts as true, as a flag.
    pub(super) fn truthy(&mut self, r: u16) -> Ir {
        use cranelift_codegen::ir::types::I8;
        let mask = self.mask(r);
        let word = self.tagged(r);
        if mask == BOOL {
            return self.b.ins().icmp_imm_s(IntCC::Equal, word, Value::TRUE.bits() as i64);
        }
        if mask == INT {
            return self.b.ins().icmp_imm_s(IntCC::NotEqual, word, 0);
        }
        let done = self.block();
        self.b.append_block_param(done, I8);
        let (yes, no) = (self.block(), self.block());
        self.branch_on_truth(r, yes, no);
        for (way, flag) in [(yes, 1), (no, 0)] {
            self.b.switch_to_block(way);
            let flag = self.b.ins().iconst(I8, flag);
            self.b.ins().jump(done, &[flag.into()]);
        }
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// Goes to `yes` if a register counts as true, else to `no`.
    pub(super) fn branch_on_truth(&mut self, r: u16, yes: Block, no: Block) {
        let (word, mask) = (self.tagged(r), self.mask(r));
        let constants = [(Value::TRUE, BOOL, yes), (Value::FALSE, BOOL, no), (Value::NULL, NULL, no)];
        for (constant, _, way) in constants.into_iter().filter(|(_, form, _)| mask & form != 0) {
            let is = self.b.ins().icmp_imm_s(IntCC::Equal, word, constant.bits() as i64);
            let next = self.block();
            self.b.ins().brif(is, way, &[], next, &[]);
            self.b.switch_to_block(next);
        }
        let other = self.cold();
        let rest = if mask & Known::OBJECTS != 0 {
            self.expect_kind(word, Kind::Instance, other);
            yes
        } else {
            other
        };
        self.b.ins().jump(rest, &[]);
        self.b.switch_to_block(other);
        let found = self.call(runtime::truthy as *const () as usize, b"i>i", &[word])[0];
        self.b.ins().brif(found, yes, &[], no, &[]);
    }

    pub(super) fn not(&mut self, i: Instr) {
        let flag = self.truthy(i.b());
        let flag = self.b.ins().icmp_imm_s(IntCC::Equal, flag, 0);
        let word = self.truth(flag);
        self.set(i.a(), word, BOOL);
    }
}
