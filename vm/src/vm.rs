//! The VM: what all threads share.

use crate::heap::Immortals;
use crate::symbol::Symbols;

/// What all threads of a VM share.
pub struct Vm {
    /// Interned names.
    pub symbols: Symbols,
    /// Objects outside all heaps.
    pub immortals: Immortals,
    /// Seed of the hash of map keys.
    pub hash_seed: u64,
}
