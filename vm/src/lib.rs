//! The Corella virtual machine: values, heaps, bytecode, interpreter, tasks, threads, proxies.
//!
//! Architecture invariants: this crate never sees source text; only a heap's owner writes it; a collection happens only
//! at a safepoint; bytecode runs only after the verifier accepted it.

pub mod bytecode;
