//! The Corella virtual machine: values, heaps, bytecode, interpreter, tasks, threads, proxies.
//!
//! Architecture invariants: this crate never sees source text; only a heap's owner writes it; a collection happens only
//! at a safepoint; bytecode runs only after the verifier accepted it; no object moves.

// Functions of this crate pass pointers to live objects of the running thread's own heap to each other; each says so at the
// dereference. Hosts never see them: `embed` is the safe face.
#![allow(clippy::not_unsafe_ptr_arg_deref)]
// Boxes keep linked code at fixed addresses while the tables that own them grow.
#![allow(clippy::vec_box)]

pub mod bytecode;
pub mod class;
pub mod code;
pub mod config;
pub mod error;
pub mod heap;
pub mod host;
pub mod interp;
#[cfg_attr(not(feature = "jit"), allow(dead_code))] // what only compiled code uses
pub mod jit;
pub mod loader;
pub mod names;
pub mod native;
pub mod object;
mod reserved;
pub mod symbol;
pub mod thread;
pub mod value;
pub mod vm;
