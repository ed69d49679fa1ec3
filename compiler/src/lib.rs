//! From Corella source text to bytecode: tokens, syntax tree, names and types, code. Nothing here runs a program.

pub mod ast;
pub mod limits;
