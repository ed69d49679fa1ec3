//! From the resolved tree to bytecode, split by construct.
//!
//! Invariants: registers are taken and freed as a stack (every construct frees what it took); an operand that is a variable's own
//! register is copied when a later operand assigns that variable; whatever is lowered, names have been resolved before.

mod arith;
mod assign;
mod call;
mod class;
mod concurrency;
mod cond;
mod control;
mod expr;
mod func;
mod inline_ops;
mod literal;
mod loops;
mod matching;
mod module;
mod pattern;
mod raw;
mod state;
mod stmt;
mod switch;
mod types;
mod vars;

pub(crate) use inline_ops::{names as inline_op_names, writes as inline_op_writes};
pub(crate) use module::lower;
