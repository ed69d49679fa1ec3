//! The interpreter: a `match` loop over verified instructions, and the slow paths of its ops by area.
//!
//! Invariant: the loop indexes registers, constants and sites without checks because the verifier accepted the code. No slow path
//! recurses into the loop: what must run script code asks for it with [`crate::error::Control::Call`].

pub mod access;
pub mod arith;
pub mod call;
pub mod compare;
pub mod control;
pub mod describe;
pub mod globals;
pub mod ic;
pub mod index;
pub mod instances;
pub mod iterate;
pub mod proxies;
pub mod run;
pub mod slots;
pub mod types;

pub use run::Exit;
