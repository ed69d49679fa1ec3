//! What the fuzz targets share. Each target makes inputs from a seed and a number alone, so a finding needs no record but these two;
//! the input is written to a file nevertheless, because the corpus changes.
//!
//! - `farm`: runs a target in a child process, watches it, restarts it, keeps what it found;
//! - `corpus`: the golden scripts, as texts and as pieces;
//! - `mutate`, `api`, `pairs`: inputs: damaged scripts, calls of the library with anything, two threads that share data;
//! - `shrink`: makes a text smaller that still shows what was found;
//! - `trial`: runs a script under limits and tells what must not have happened.

pub mod api;
pub mod corpus;
pub mod farm;
pub mod mutate;
pub mod pairs;
pub mod shrink;
pub mod trial;

pub use corella_vm::bytecode::generate::Rng;

/// One of several.
pub fn pick<'a, T: ?Sized>(rng: &mut Rng, from: &[&'a T]) -> &'a T {
    from[rng.below(from.len() as u32) as usize]
}

/// A number that depends on all bytes (FNV-1a): the settings of a trial follow from its input, so that the input alone repeats it.
pub fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
