//! Where compiled code finds what it reads and writes by itself: offsets in the thread, in linked code and in heaps.

use crate::code::Code;
use crate::heap::Heap;
use crate::thread::Thread;
use crate::thread::environments::Environments;
use std::mem::offset_of;
use target_lexicon::Triple;

/// Where things lie, as compiled code sees them.
pub(super) struct Layout {
    pub(super) triple: Triple,
    pub(super) pc: i32,
    pub(super) base: i32,
    pub(super) code: i32,
    pub(super) used: i32,
    pub(super) stack_end: i32,
    pub(super) limit: i32,
    /// Of the address of the first environment, and of how many there are.
    pub(super) environments: i32,
    pub(super) environment_count: i32,
    /// Of the free part of the hole that the heap allocates in, and of its end.
    pub(super) bump: i32,
    pub(super) bump_end: i32,
    pub(super) native_limit: i32,
    /// Of what a detour gives.
    pub(super) results: i32,
    /// Of the address of the table of methods.
    pub(super) methods: i32,
    pub(super) code_called: i32,
    /// Of a function's lean code.
    pub(super) code_lean: i32,
    pub(super) code_value: i32,
    pub(super) code_registers: i32,
    /// Address of the VM's method epoch.
    pub(super) method_epoch: usize,
    /// Bytes of a block, a power of two.
    pub(super) block: usize,
    /// The bit of an object's side byte that asks for its writes to be logged.
    pub(super) log: u8,
    /// Whether other processors see stores in their order.
    pub(super) stores_in_order: bool,
}

/// Where a thread has the results of detours.
pub(super) const RESULTS: usize = offset_of!(Thread, jit) + offset_of!(super::ThreadJit, results);

impl Layout {
    pub(super) fn new(triple: Triple, method_epoch: usize) -> Self {
        let jit = offset_of!(Thread, jit) as i32;
        Self {
            stores_in_order: matches!(triple.architecture, target_lexicon::Architecture::X86_64),
            triple,
            pc: offset_of!(Thread, pc) as i32,
            base: offset_of!(Thread, base) as i32,
            code: offset_of!(Thread, code) as i32,
            used: offset_of!(Thread, used) as i32,
            stack_end: offset_of!(Thread, stack_end) as i32,
            limit: jit + offset_of!(super::ThreadJit, limit) as i32,
            results: RESULTS as i32,
            methods: jit + offset_of!(super::ThreadJit, methods) as i32,
            native_limit: jit + offset_of!(super::ThreadJit, native_limit) as i32,
            code_called: (offset_of!(Code, jit) + offset_of!(super::JitSlot, called)) as i32,
            code_lean: (offset_of!(Code, jit) + offset_of!(super::JitSlot, lean)) as i32,
            code_value: offset_of!(Code, value) as i32,
            code_registers: offset_of!(Code, registers) as i32,
            environments: (offset_of!(Thread, envs) + Environments::FIRST_OFFSET) as i32,
            environment_count: (offset_of!(Thread, envs) + Environments::COUNT_OFFSET) as i32,
            bump: (offset_of!(Thread, heap) + Heap::BUMP_OFFSET) as i32,
            bump_end: (offset_of!(Thread, heap) + Heap::LIMIT_OFFSET) as i32,
            method_epoch,
            block: Heap::BLOCK_BYTES,
            log: Heap::LOG_BIT,
        }
    }
}
