//! From Corella source text to bytecode: tokens, syntax tree, names and types, code. Nothing here runs a program.

mod actions;
pub mod ast;
mod brackets;
mod compile;
pub mod complete;
pub mod diagnostic;
mod emit;
mod excerpt;
mod explain;
pub mod lexer;
pub mod limits;
mod literal;
mod lower;
mod marks;
pub mod parse;
mod prepare;
mod problem;
mod recover;
mod resolve;
pub mod slips;
pub mod source;
pub mod token;

pub use compile::{CompileOptions, Compiled, Failure, check, compile};
