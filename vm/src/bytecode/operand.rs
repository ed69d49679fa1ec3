//! Where an instruction keeps its operands, read off the op table.
//!
//! Invariant: whoever walks operands without knowing the op (verifier, assembler, disassembler, documentation)
//! does it through [`OpInfo::operands`], so that the table stays the only place that describes an op.

use super::instr::Instr;
use super::ops::{Op, OpInfo, Operand};

/// A field of the instruction word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// The 8-bit field `n`.
    N,
    /// The 16-bit field `a`.
    A,
    /// The 16-bit field `b`.
    B,
    /// The 16-bit field `c`.
    C,
    /// `b` and `c` together, 32 bits.
    D,
}

impl Field {
    /// Lowest bit and width in the instruction word.
    const fn place(self) -> (u32, u32) {
        match self {
            Field::N => (8, 8),
            Field::A => (16, 16),
            Field::B => (32, 16),
            Field::C => (48, 16),
            Field::D => (32, 32),
        }
    }

    /// The field's name in the op table's documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Field::N => "n",
            Field::A => "a",
            Field::B => "b",
            Field::C => "c",
            Field::D => "d",
        }
    }

    /// Width in bits.
    pub const fn width(self) -> u32 {
        self.place().1
    }

    /// The field's content as an unsigned number.
    pub const fn unsigned(self, instr: Instr) -> u32 {
        let (low, width) = self.place();
        ((instr.0 >> low) & ((1 << width) - 1)) as u32
    }

    /// The field's content as a signed number.
    pub const fn signed(self, instr: Instr) -> i32 {
        let unused = 32 - self.place().1;
        ((self.unsigned(instr) << unused) as i32) >> unused
    }

    /// The instruction with this field set, or `None` if the number does not fit the field.
    pub const fn with_unsigned(self, instr: Instr, value: u64) -> Option<Instr> {
        let (low, width) = self.place();
        if value >> width != 0 {
            return None;
        }
        let mask = ((1u64 << width) - 1) << low;
        Some(Instr(instr.0 & !mask | value << low))
    }

    /// The instruction with this field set to a signed number, or `None` if it does not fit.
    pub const fn with_signed(self, instr: Instr, value: i64) -> Option<Instr> {
        let width = self.place().1;
        let half = 1i64 << (width - 1);
        if value < -half || value >= half {
            return None;
        }
        self.with_unsigned(instr, value as u64 & ((1 << width) - 1))
    }
}

impl OpInfo {
    /// The fields in the order of the text form (`a`, then `b` and `c` or `d`, then `n`) with their kinds, unused ones
    /// included.
    pub fn fields(&self) -> impl Iterator<Item = (Field, Operand)> + use<> {
        let (wide, n, a, b, c) = (self.wide, self.n, self.a, self.b, self.c);
        let second = if wide { Field::D } else { Field::B };
        let third = if wide { None } else { Some((Field::C, c)) };
        [Some((Field::A, a)), Some((second, b)), third, Some((Field::N, n))].into_iter().flatten()
    }

    /// The operands the op has: [`OpInfo::fields`] without the unused ones.
    pub fn operands(&self) -> impl Iterator<Item = (Field, Operand)> + use<> {
        self.fields().filter(|(_, kind)| *kind != Operand::None)
    }

    /// The field of the first operand of this kind.
    pub fn field_of(&self, kind: Operand) -> Option<Field> {
        self.operands().find(|(_, k)| *k == kind).map(|(field, _)| field)
    }

    /// How many registers a window of this op has beyond its count: a method call's receiver.
    pub fn window_extra(&self) -> u32 {
        u32::from(self.field_of(Operand::Window).is_some() && self.field_of(Operand::Site).is_some())
    }

    /// Whether this is a jump without condition: one that has no operand but its distance.
    pub fn jumps_always(&self) -> bool {
        self.operands().all(|(_, kind)| kind == Operand::Jump) && self.field_of(Operand::Jump).is_some()
    }

    /// Whether the op's jump goes backward; all others go forward.
    pub fn jumps_back(&self) -> bool {
        matches!(self.op, Op::Loop | Op::ForLt | Op::ForLe)
    }
}

impl Operand {
    /// Prefix letter and meaning in the text form and in the documentation.
    pub const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Operand::None => ("", "unused; zero"),
            Operand::Write => ("r", "tagged register, written"),
            Operand::Read => ("r", "tagged register, read"),
            Operand::ReadWrite => ("r", "tagged register, read and written"),
            Operand::RawWrite => ("x", "raw register, written"),
            Operand::RawRead => ("x", "raw register, read"),
            Operand::RawReadWrite => ("x", "raw register, read and written"),
            Operand::Window => ("r", "first of consecutive tagged registers, as many as the count says"),
            Operand::Pair => ("r", "first of two consecutive tagged registers"),
            Operand::Count => ("*", "number of registers or elements"),
            Operand::Flag => ("!", "flag, 0 or 1"),
            Operand::Imm => ("#", "signed immediate integer"),
            Operand::Jump => ("", "label; encoded as the distance from the next instruction"),
            Operand::Const => ("k", "constant of the module"),
            Operand::Type => ("t", "declared type of the module"),
            Operand::Site => ("s", "inline-cache site of the function and its name"),
            Operand::Function => ("f", "function of the module"),
            Operand::Global => ("g", "variable slot of the module"),
            Operand::Upvalue => ("u", "captured value"),
            Operand::Param => ("p", "parameter"),
            Operand::Class => ("c", "class declaration of the module"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::ops::TABLE;

    #[test]
    fn fields_agree_with_the_accessors_of_the_word() {
        let instr = Instr(0xFEDC_BA98_7654_3210);
        assert_eq!(Field::N.unsigned(instr), u32::from(instr.n()));
        assert_eq!(Field::A.unsigned(instr), u32::from(instr.a()));
        assert_eq!(Field::B.unsigned(instr), u32::from(instr.b()));
        assert_eq!(Field::C.signed(instr), i32::from(instr.sc()));
        assert_eq!(Field::B.signed(instr), i32::from(instr.sb()));
        assert_eq!(Field::D.signed(instr), instr.sd());
        assert_eq!(Field::D.unsigned(instr), instr.d());
    }

    #[test]
    fn a_field_takes_what_fits_and_no_more() {
        let zero = Instr::default();
        assert_eq!(Field::N.with_unsigned(zero, 256), None);
        assert_eq!(Field::C.with_signed(zero, -32769), None);
        assert_eq!(Field::C.with_signed(zero, 32768), None);
        let set = Field::C.with_signed(Instr(u64::MAX), -2).unwrap();
        assert_eq!((set.sc(), set.b(), set.op_byte()), (-2, 0xFFFF, 0xFF));
        assert_eq!(Field::D.with_signed(zero, i64::from(i32::MIN)).unwrap().sd(), i32::MIN);
    }

    #[test]
    fn each_window_has_a_count_and_no_field_is_used_twice() {
        for info in TABLE {
            let counted = info.field_of(Operand::Window).is_none() || info.field_of(Operand::Count).is_some();
            assert!(counted, "{}: a window without count", info.name);
            assert!(!info.wide || info.c == Operand::None, "{}: wide, yet uses c", info.name);
            let wide = |kind: Operand| !["r", "x"].contains(&kind.describe().0);
            assert!(!info.wide || wide(info.b), "{}: a register in 32 bits", info.name);
            let jumps = info.operands().filter(|(_, kind)| *kind == Operand::Jump).count();
            assert!(jumps <= 1, "{}: two jumps", info.name);
        }
    }
}
