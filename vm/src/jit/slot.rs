//! What a function has of compiled code: counters, and the entry once there is one.
//!
//! Protocol. Whoever finds a function hot claims it by moving `state` from `COLD` to `ASKED`; one does, and has it compiled. Machine
//! code, the table of entries and the state are written first, then `called`, which compiled code reads, and `entry`, with `Release`: who reads an entry with `Acquire`
//! may run the code and find the table. Lean code is published by a word of its own in the same way, and taken back when what comes next is not lean. A function whose assumptions do not hold is claimed once more (`READY` to `ASKED`) and
//! gets another entry; the code before stays as long as others may be running it (`store`). `models` checks this in all interleavings.

use crate::code::Code;
use crate::heap::sync::{AtomicPtr, AtomicU32, Ordering};
use crate::interp::ic::Ic;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

#[cfg(not(loom))]
type Table = std::sync::OnceLock<Box<[u16]>>;

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

/// What a model leaves out, to show what it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The entry is stored so that what was written before is seen.
    Release,
    /// The entry is stored after the table.
    EntryLast,
    /// Of several who find the function hot, one claims it.
    Claim,
}

/// The part of linked code that belongs to the JIT.
pub struct JitSlot {
    /// Machine code, or null.
    pub entry: AtomicPtr<u8>,
    /// What compiled code calls: that, or what has the interpreter go on.
    pub(crate) called: AtomicPtr<u8>,
    /// For each instruction, the number of the entry there; 0 for none.
    entries: Table,
    /// Calls and turns of loops counted by the interpreter.
    pub(crate) heat: AtomicU32,
    /// See [`state`].
    state: AtomicU32,
    /// Calls and turns of loops counted since it was claimed, but for those that `heat` has.
    waits: AtomicU32,
    /// How often compiled code had to leave because an assumption was wrong.
    pub(crate) failures: AtomicU32,
    /// How often it has been compiled again for that.
    pub(crate) again: AtomicU32,
    /// How often its code has come to instructions that had never been executed when it was made.
    pub(crate) unseen: AtomicU32,
    /// How often it has been compiled again for that.
    pub(crate) fills: AtomicU32,
    /// Machine code that is called without a frame (see `lean`), or null.
    pub(crate) lean: AtomicPtr<u8>,
    /// Words above its base that a compiled frame may take.
    pub(crate) extent: AtomicU32,
    /// The last time that its code was entered at a loop, the task waited almost at once.
    brief: AtomicBool,
    /// What was called at calls of values where that was not what compiled code expected.
    seen: Mutex<Vec<(u32, &'static Code)>>,
    /// What the caches of its sites had seen when it was translated last.
    sites: Mutex<Vec<Ic>>,
    #[cfg(loom)]
    without: Option<Step>,
}

impl Default for JitSlot {
    fn default() -> Self {
        Self {
            entry: AtomicPtr::new(std::ptr::null_mut()),
            called: AtomicPtr::new(INTERPRETED as *mut u8),
            entries: Table::new(),
            heat: AtomicU32::new(0),
            state: AtomicU32::new(state::COLD),
            waits: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            again: AtomicU32::new(0),
            unseen: AtomicU32::new(0),
            fills: AtomicU32::new(0),
            lean: AtomicPtr::new(std::ptr::null_mut()),
            extent: AtomicU32::new(0),
            brief: AtomicBool::new(false),
            seen: Mutex::default(),
            sites: Mutex::default(),
            #[cfg(loom)]
            without: None,
        }
    }
}

/// What is called where there is no machine code.
#[cfg(feature = "jit")]
const INTERPRETED: *const () = super::runtime::interpreted as *const ();
/// Without a compiler nobody calls it.
#[cfg(not(feature = "jit"))]
const INTERPRETED: *const () = std::ptr::null();

/// Calls and turns of loops from which on entering compiled code for them pays.
const BRIEF: u64 = 3;
/// Calls and turns of loops that it takes as long to interpret as to leave compiled code.
const COST_OF_LEAVING: u32 = 8;
/// Functions that are remembered at the calls of one function.
const SEEN: usize = 16;

impl JitSlot {
    /// The machine code, if there is some.
    #[inline(always)]
    pub fn entry(&self) -> *mut u8 {
        self.entry.load(Ordering::Acquire)
    }

    /// Whether a task that entered the code at a loop waited almost at once, the last time: then leaving the code again cost more than it gained.
    #[inline(always)]
    pub(crate) fn is_brief(&self) -> bool {
        self.brief.load(Ordering::Relaxed)
    }

    /// A task that entered the code at a loop waits, after so many calls and turns of loops.
    #[inline(always)]
    pub(crate) fn left_after(&self, units: u64) {
        let brief = units < BRIEF;
        if brief != self.is_brief() {
            self.brief.store(brief, Ordering::Relaxed);
        }
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

    /// What the caches of its sites have seen: those of a thread, and where they are empty, those of threads that had it translated before. Who
    /// runs compiled code only never fills caches.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn learn(&self, caches: &[Ic]) -> Vec<Ic> {
        let mut known = self.sites.lock().expect("no panic while the lock is held");
        known.resize(caches.len(), Ic::EMPTY);
        for (known, now) in known.iter_mut().zip(caches) {
            if now.kind != 0 {
                *known = *now;
            }
        }
        known.clone()
    }

    /// The number of the entry at an instruction of a function that has an entry, or 0.
    #[inline]
    pub(crate) fn entry_at(&self, pc: usize) -> u16 {
        self.entries.get().map_or(0, |entries| entries[pc])
    }
}

#[cfg_attr(not(feature = "jit"), allow(dead_code))]
impl JitSlot {
    /// Whether the protocol has a step; only a model may leave one out.
    #[inline(always)]
    fn takes(&self, step: Step) -> bool {
        #[cfg(loom)]
        if self.without == Some(step) {
            return false;
        }
        let _ = step;
        true
    }

    /// Whether nobody has claimed the function yet.
    pub(super) fn is_cold(&self) -> bool {
        self.state.load(Ordering::Relaxed) == state::COLD
    }

    /// Whether it has been compiled before.
    pub(super) fn is_again(&self) -> bool {
        self.again.load(Ordering::Relaxed) > 0 || self.fills.load(Ordering::Relaxed) > 0
    }

    /// What it has cost, since it was claimed, that its code is not there yet, in calls and turns of loops that are interpreted: of the functions that
    /// wait for the compiler, those come first that go on being called, and those whose code is left again and again.
    pub(super) fn cost_of_waiting(&self) -> u32 {
        let of = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        let left = of(&self.failures).saturating_add(of(&self.unseen));
        of(&self.waits).saturating_add(of(&self.heat)).saturating_add(left.saturating_mul(COST_OF_LEAVING))
    }

    /// It was found hot after so many calls and turns of loops, but had been claimed before.
    pub(super) fn still_hot(&self, units: u32) {
        let waits = self.waits.load(Ordering::Relaxed);
        self.waits.store(waits.saturating_add(units), Ordering::Relaxed);
    }

    /// It has been claimed just now.
    pub(super) fn begin_waiting(&self) {
        self.waits.store(0, Ordering::Relaxed);
    }

    /// Claims a function that is in state `from`: true for the one who is to have it compiled.
    pub(super) fn claim(&self, from: u32) -> bool {
        if !self.takes(Step::Claim) {
            let found = self.state.load(Ordering::Acquire) == from;
            if found {
                self.state.store(state::ASKED, Ordering::Release);
            }
            return found;
        }
        self.state.compare_exchange(from, state::ASKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The lean code, if there is some.
    pub(super) fn lean(&self) -> *mut u8 {
        self.lean.load(Ordering::Acquire)
    }

    /// Publishes machine code: its entry, and if it is lean, where it begins. Each time that a function is compiled its table is the same.
    pub(super) fn publish(&self, entry: *mut u8, lean: *mut u8, entries: Box<[u16]>) {
        let order = if self.takes(Step::Release) { Ordering::Release } else { Ordering::Relaxed };
        if !self.takes(Step::EntryLast) {
            self.entry.store(entry, order);
        }
        self.entries.get_or_init(|| entries);
        self.lean.store(lean, order);
        self.state.store(state::READY, Ordering::Release);
        self.called.store(entry, order);
        self.entry.store(entry, order);
    }

    /// Leaves the function to the interpreter for good.
    pub(super) fn refuse(&self) {
        self.state.store(state::REFUSED, Ordering::Release);
        self.lean.store(std::ptr::null_mut(), Ordering::Release);
        self.called.store(INTERPRETED as *mut u8, Ordering::Release);
        self.entry.store(std::ptr::null_mut(), Ordering::Release);
    }
}

/// What loom follows in the place of a lock that is set once: it gives no order at all, so all order comes from the entry and the state.
#[cfg(loom)]
struct Table {
    full: loom::sync::atomic::AtomicBool,
    entries: loom::cell::UnsafeCell<Box<[u16]>>,
}

#[cfg(loom)]
impl Table {
    fn new() -> Self {
        Self {
            full: loom::sync::atomic::AtomicBool::new(false),
            entries: loom::cell::UnsafeCell::new(Box::default()),
        }
    }

    fn get(&self) -> Option<&[u16]> {
        // SAFETY: loom checks that it is not being set at the same time; it is set once.
        self.full.load(Ordering::Relaxed).then(|| self.entries.with(|entries| unsafe { &**entries }))
    }

    fn get_or_init(&self, make: impl FnOnce() -> Box<[u16]>) {
        if self.get().is_none() {
            // SAFETY: loom checks that nobody reads it at the same time.
            self.entries.with_mut(|entries| unsafe { *entries = make() });
            self.full.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, loom))]
#[path = "slot_models.rs"]
mod models;
