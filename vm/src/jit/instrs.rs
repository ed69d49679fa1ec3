//! What can be said of one instruction by itself: where control goes from it, and how it looks with other registers.

use crate::bytecode::Instr;
use crate::bytecode::ops::{ENDS, Operand};

/// Whether control may go from an instruction of a function to the next one.
pub(super) fn falls_through(i: Instr) -> bool {
    let info = i.op().expect("verified").info();
    info.flags & ENDS == 0 && !info.jumps_always()
}

/// Where an instruction of a function jumps, as an index in the function.
pub(super) fn target(pc: usize, i: Instr) -> Option<u32> {
    let field = i.op().expect("verified").info().field_of(Operand::Jump)?;
    Some((pc as i64 + 1 + i64::from(field.signed(i))) as u32)
}

/// An instruction with its registers moved by so many numbers.
pub(super) fn moved(i: Instr, by: usize) -> Instr {
    let mut moved = i;
    for (field, kind) in i.op().expect("verified").info().operands() {
        let register = matches!(
            kind,
            Operand::Write
                | Operand::Read
                | Operand::ReadWrite
                | Operand::RawWrite
                | Operand::RawRead
                | Operand::RawReadWrite
                | Operand::Window
                | Operand::Pair
        );
        if register {
            let number = u64::from(field.unsigned(i)) + by as u64;
            moved = field.with_unsigned(moved, number).expect("a unit has few registers");
        }
    }
    moved
}
