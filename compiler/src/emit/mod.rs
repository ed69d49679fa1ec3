//! From a sequence of emitted instructions to finished bytecode: labels, jumps, registers, tables.
//!
//! Invariant: what leaves [`FunctionBuilder::finish`] satisfies the verifier's rules on jumps, registers and tables, whatever was
//! emitted; the emitting code only has to pass operands of the kinds that the op table asks for.

mod function;
mod layout;
mod pool;

pub(crate) use function::{FunctionBuilder, Label, Mark, Raw, Reg};
pub(crate) use pool::ModuleBuilder;
