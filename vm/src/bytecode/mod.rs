//! Bytecode: what the compiler hands to the VM, and nothing that executes.
//!
//! [`ops`] holds the one op table; everything that knows ops by name derives from it. [`module`] is the data a
//! compilation yields. A register machine: an instruction is one 64-bit word with an op byte, a small
//! count `n` and three 16-bit operands `a`, `b`, `c` (`b` and `c` together form the wide operand `d`).
//!
//! # Registers
//!
//! A function owns `tagged + raw` registers. Registers `0..tagged` hold tagged values and are scanned by the
//! collector; registers `tagged..tagged + raw` hold unboxed `i64`/`f64` bits and are not. Both start as zero bits
//! (which is the tagged integer 0). Parameters arrive in registers `0..params` (a method's receiver is register 0,
//! and counts as a parameter); a rest parameter is the register behind them.

pub mod asm;
pub mod disasm;
pub mod docgen;
pub mod format;
#[cfg(any(test, feature = "fuzz"))]
pub mod generate;
pub mod instr;
pub mod module;
pub mod operand;
pub mod ops;
pub mod reader;
mod text;
pub mod verify;
pub mod writer;

pub use asm::{AsmError, assemble};
pub use disasm::disassemble;
pub use instr::Instr;
pub use module::{
    AttributeDef, Capture, ClassDef, Const, Export, Function, Handler, Line, Module, NamespaceDef, Site,
    TypeRef, Variable,
};
pub use operand::Field;
pub use ops::{Op, OpInfo, Operand};
pub use reader::{ReadError, read};
pub use verify::{VerifyError, verify};
pub use writer::write;
