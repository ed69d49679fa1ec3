//! Tables by name, and by other small keys, for the VM and the compiler.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// A table by name.
pub type NameMap<K, V> = HashMap<K, V, NameState>;

/// A set of names.
pub type NameSet<K> = HashSet<K, NameState>;

/// Makes hashes that are quick for short keys, from a secret seed, so that no source text can be made to have names of one hash.
#[derive(Clone, Debug)]
pub struct NameState(u64);

impl Default for NameState {
    fn default() -> Self {
        static SEED: OnceLock<u64> = OnceLock::new();
        Self(*SEED.get_or_init(|| RandomState::new().hash_one(0)))
    }
}

impl BuildHasher for NameState {
    type Hasher = NameHasher;

    #[inline]
    fn build_hasher(&self) -> NameHasher {
        NameHasher(self.0)
    }
}

/// A hash: eight bytes at a time are multiplied in, and the halves of the product folded.
#[derive(Debug)]
pub struct NameHasher(u64);

impl NameHasher {
    #[inline]
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
        self.0 = (product as u64 ^ (product >> 64) as u64).wrapping_add(0xa076_1d64_78bd_642f);
    }
}

impl Hasher for NameHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        // A last word with fewer bytes is not that of a text with zeros behind.
        self.0 = self.0.wrapping_add(bytes.len() as u64);
        for eight in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..eight.len()].copy_from_slice(eight);
            self.mix(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.mix(n.into());
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.mix(n.into());
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_little_have_different_hashes() {
        let state = NameState::default();
        let mut hashes: Vec<u64> = (0..10_000).map(|n| state.hash_one(format!("name{n}").as_str())).collect();
        hashes.extend(["", "a", "a\0", "aaaaaaaa", "aaaaaaaaa"].map(|name| state.hash_one(name)));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 10_005);
        // The table takes its places from the low bits.
        let mut places: Vec<u64> =
            (0..1000).map(|n| state.hash_one(format!("v{n}").as_str()) & 0xfff).collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() > 800, "{} of 1000", places.len());
    }
}
