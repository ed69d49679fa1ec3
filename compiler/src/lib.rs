//! From Corella source text to bytecode: tokens, syntax tree, names and types, code. Nothing here runs a program.

mod actions;
pub mod ast;
mod brackets;
pub mod complete;
pub mod diagnostic;
mod explain;
pub mod lexer;
pub mod limits;
mod literal;
mod marks;
pub mod parse;
mod prepare;
mod recover;
pub mod slips;
pub mod source;
pub mod token;
