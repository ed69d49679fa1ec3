//! What a function has of compiled code: counters, and the entry once there is one.
//!
//! Invariant: `entry` is stored last, with `Release`; who reads it with `Acquire` sees the table of loop entries.

use crate::code::Code;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// States of [`JitSlot::state`].
pub(super) mod state {
    /// Not compiled.
    pub(crate) const COLD: u32 = 0;
    /// Waits for the compiler.
    pub(crate) const ASKED: u32 = 1;
    /// Compiled.
    pub(crate) const READY: u32 = 2;
    /// It will never be compiled.
    pub(crate) const REFUSED: u32 = 3;
}

/// The part of linked code that belongs to the JIT.
#[derive(Default)]
pub struct JitSlot {
    /// Machine code, or null.
    pub entry: AtomicPtr<u8>,
    /// For each instruction, the number of the entry there; 0 for none.
    pub(crate) entries: std::sync::OnceLock<Box<[u16]>>,
    /// Calls and turns of loops counted by the interpreter.
    pub(crate) heat: AtomicU32,
    /// See [`state`].
    pub(crate) state: AtomicU32,
    /// How often compiled code had to leave because an assumption was wrong.
    pub(crate) failures: AtomicU32,
    /// How often it has been compiled again.
    pub(crate) again: AtomicU32,
    /// Words above its base that a compiled frame may take.
    pub(crate) extent: AtomicU32,
    /// What was called at calls of values where that was not what compiled code expected.
    seen: Mutex<Vec<(u32, &'static Code)>>,
}

/// Functions that are remembered at the calls of one function.
const SEEN: usize = 16;

impl JitSlot {
    /// The machine code, if there is some.
    #[inline(always)]
    pub fn entry(&self) -> *mut u8 {
        self.entry.load(Ordering::Acquire)
    }

    /// Takes note of what was called at the instruction with this index.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn note_call(&self, pc: u32, callee: &'static Code) {
        let mut seen = self.seen.lock().expect("no panic while the lock is held");
        if seen.len() < SEEN && !seen.iter().any(|&(at, code)| at == pc && std::ptr::eq(code, callee)) {
            seen.push((pc, callee));
        }
    }

    /// What was called at the instruction with this index.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn seen_at(&self, pc: u32) -> Vec<&'static Code> {
        let seen = self.seen.lock().expect("no panic while the lock is held");
        seen.iter().filter(|(at, _)| *at == pc).map(|(_, code)| *code).collect()
    }

    /// The number of the loop entry at an instruction, or 0.
    #[inline]
    pub(crate) fn entry_at(&self, pc: usize) -> u16 {
        self.entries.get().map_or(0, |entries| entries[pc])
    }
}
