//! The 64-bit instruction word and its fields.
//!
//! ```text
//!  63       48 47       32 31       16 15   8 7    0
//! +-----------+-----------+-----------+------+------+
//! |     c     |     b     |     a     |  n   |  op  |
//! +-----------+-----------+-----------+------+------+
//! |      d = (c << 16 | b), 32 bits    |
//! ```

use super::ops::Op;

/// One instruction. Which fields an op uses, and how, is declared in the op table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Instr(pub u64);

impl Instr {
    /// An instruction with its three 16-bit operands and the small operand `n`.
    pub const fn new(op: Op, n: u8, a: u16, b: u16, c: u16) -> Self {
        Self(op as u64 | (n as u64) << 8 | (a as u64) << 16 | (b as u64) << 32 | (c as u64) << 48)
    }

    /// An instruction whose `b` and `c` form one 32-bit operand.
    pub const fn wide(op: Op, n: u8, a: u16, d: u32) -> Self {
        Self(op as u64 | (n as u64) << 8 | (a as u64) << 16 | (d as u64) << 32)
    }

    /// The op byte, unchecked: a verified instruction's byte is always a valid [`Op`].
    #[inline(always)]
    pub const fn op_byte(self) -> u8 {
        self.0 as u8
    }

    /// The op, or `None` for a byte that names none.
    pub fn op(self) -> Option<Op> {
        Op::from_byte(self.op_byte())
    }

    /// The small operand.
    #[inline(always)]
    pub const fn n(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Operand `a`.
    #[inline(always)]
    pub const fn a(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Operand `b`.
    #[inline(always)]
    pub const fn b(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Operand `c`.
    #[inline(always)]
    pub const fn c(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The wide operand, unsigned.
    #[inline(always)]
    pub const fn d(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The wide operand as a signed number: an immediate, or a jump distance relative to the next instruction.
    #[inline(always)]
    pub const fn sd(self) -> i32 {
        (self.0 >> 32) as i32
    }

    /// Operand `b` as a signed immediate.
    #[inline(always)]
    pub const fn sb(self) -> i16 {
        (self.0 >> 32) as i16
    }

    /// Operand `c` as a signed immediate or short jump distance relative to the next instruction.
    #[inline(always)]
    pub const fn sc(self) -> i16 {
        (self.0 >> 48) as i16
    }
}
