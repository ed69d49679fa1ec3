//! Hashes of values, for map keys: equal keys (see `equality`) have equal hashes.
//!
//! The seed is drawn once a process, so that nobody outside can choose keys that collide. It is not a VM's own: the strings of one letter
//! lie in static memory, with their hashes, for all VMs. Nothing that a script sees depends on it but the numbers that `hash` gives:
//! maps keep insertion order, and runs by counted fuel repeat exactly.

use super::proxy::Proxy;
use super::{Kind, bigint, range, string};
use crate::value::Value;
use num_traits::ToPrimitive;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

static SEED: AtomicU64 = AtomicU64::new(0);

/// Odd, with bits well spread; the golden ratio's fraction.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The seed; never 0.
#[inline(always)]
pub fn seed() -> u64 {
    match SEED.load(Ordering::Relaxed) {
        0 => draw_seed(),
        seed => seed,
    }
}

#[cold]
fn draw_seed() -> u64 {
    let drawn = RandomState::new().hash_one(0u64) | 1;
    match SEED.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => drawn,
        Err(earlier) => earlier,
    }
}

/// Both halves of the product: every bit of the factors reaches every bit of the result.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Hash of a number or address.
#[inline(always)]
pub fn hash_word(word: u64) -> u64 {
    fold(word ^ seed(), SPREAD)
}

/// Hash of bytes.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let (seed, other) = (seed(), seed().rotate_left(32) ^ SPREAD);
    let word = |at: usize| {
        let mut word = [0; 8];
        let rest = &bytes[at.min(bytes.len())..];
        let len = rest.len().min(8);
        word[..len].copy_from_slice(&rest[..len]);
        u64::from_le_bytes(word)
    };
    let mut hash = fold(bytes.len() as u64 ^ seed, SPREAD);
    let mut at = 0;
    while at < bytes.len() {
        hash = fold(word(at) ^ seed ^ hash, word(at + 8) ^ other);
        at += 16;
    }
    hash
}

/// Hash of a float, equal to that of the integer that it equals.
pub fn hash_float(f: f64) -> u64 {
    // Exactly the floats in this range that are whole convert without loss.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f) && f.trunc() == f {
        hash_word(f as i64 as u64)
    } else if f.is_nan() {
        hash_word(f64::NAN.to_bits())
    } else {
        hash_word(f.to_bits())
    }
}

/// The hash of a value as a key, hooks not regarded. Any thread may ask, within its slice.
#[inline]
pub fn hash_value(value: Value) -> u64 {
    if value.is_small_int() {
        return hash_word(value.small_int_unchecked() as u64);
    }
    if value.is_kind(Kind::Str) {
        return u64::from(string::hash(value));
    }
    hash_other(value)
}

fn hash_other(value: Value) -> u64 {
    if let Some(f) = value.as_float() {
        return hash_float(f);
    }
    match value.kind() {
        Some(Kind::BoxInt) => hash_word(value.as_int().unwrap_or_default() as u64),
        Some(Kind::Str | Kind::Bytes) => u64::from(string::hash(value)),
        Some(Kind::Range) => match range::bounds(value) {
            Some(b) => fold(hash_word(b.start as u64) ^ b.end as u64, SPREAD ^ u64::from(b.inclusive)),
            None => 0,
        },
        Some(Kind::BigInt) => match bigint::get(value) {
            // As the equal int, the equal float, or, if there is neither, as the nearest float.
            Some(big) => match big.to_i64() {
                Some(i) => hash_word(i as u64),
                None => hash_float(big.to_f64().unwrap_or(f64::INFINITY)),
            },
            None => 0,
        },
        Some(Kind::Proxy) => {
            // SAFETY: the kind was checked; a proxy's target never changes.
            let target = unsafe { (*value.pointer().cast::<Proxy>()).target };
            hash_word(target as u64)
        }
        Some(_) => hash_word(value.pointer() as u64),
        None => hash_word(value.bits()),
    }
}
