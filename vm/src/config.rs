//! Settings and limits of a VM, each with its default and cause, in one place.

use crate::heap::Failures;
use std::sync::Arc;

/// When the tick of a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// After about this many nanoseconds.
    Time(u64),
    /// After this many units of fuel (loop turns and calls): repeatable.
    Fuel(u64),
    /// At every safepoint: finds what depends on where a switch may happen.
    Always,
}

/// Settings of a VM.
#[derive(Clone, Debug)]
pub struct VmConfig {
    /// When a task has to give way.
    pub tick: Tick,
    /// Makes a run repeatable: lengths of ticks (while they would be time), the interleaving of threads, of which one runs at a time,
    /// and the clock follow from the seed. See `thread::baton`.
    pub seed: Option<u64>,
    /// When functions are compiled to machine code.
    pub jit: crate::jit::JitMode,
    /// With [`JitMode::Auto`](crate::jit::JitMode::Auto): calls and turns of loops after which a function is compiled. Below some thousands
    /// more time goes into compiling than is won; tests set it low, so that functions are compiled in the middle of what they do.
    pub jit_threshold: u32,
    /// Write the names and places of compiled functions to `/tmp/perf-PID.map`, where `perf` looks for them.
    pub perf_map: bool,
    /// Register compiled functions with gdb (Linux only): it then names them in traces.
    pub gdb_jit: bool,
    /// Collect at every allocation.
    pub gc_stress: bool,
    /// Check the heap after every collection.
    pub verify_heap: bool,
    /// Allocations that fail on purpose: finds what an operation leaves behind that runs out of memory. For tests.
    pub failures: Option<Arc<Failures>>,
    /// Most bytes that all heaps together may take; `usize::MAX` for no limit.
    pub memory_limit: usize,
    /// Most units of fuel in all, over all threads; `u64::MAX` for no limit.
    pub fuel_limit: u64,
    /// Most words of frames of one task: bounds recursion. A small function takes about 10.
    pub stack_limit: usize,
    /// Most living tasks of one thread.
    pub task_limit: usize,
    /// Most threads at once; the OS rarely serves more well.
    pub thread_limit: usize,
}

impl VmConfig {
    /// Whether what happens at which unit of fuel is part of what was asked for.
    pub(crate) fn is_exact(&self) -> bool {
        !matches!(self.tick, Tick::Time(_)) || self.fuel_limit != u64::MAX || self.seed.is_some()
    }
}

impl Default for VmConfig {
    fn default() -> Self {
        Self {
            tick: Tick::Time(1_000_000),
            seed: None,
            jit: crate::jit::JitMode::default(),
            jit_threshold: 8_000,
            perf_map: false,
            gdb_jit: false,
            gc_stress: false,
            verify_heap: false,
            failures: None,
            memory_limit: usize::MAX,
            fuel_limit: u64::MAX,
            stack_limit: 1 << 24,
            task_limit: 16 << 20,
            thread_limit: 256,
        }
    }
}
