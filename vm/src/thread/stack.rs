//! Frames: pushing, growing, walking.
//!
//! The layout is drawn in `object::task`. A frame's link says how far below the caller's frame lies (in words), so that a
//! stack can be copied to a larger buffer without touching its frames.

use super::Thread;
use super::sched::SPARE_WORDS;
use crate::class::ErrorClass;
use crate::code::Code;
use crate::error::Control;
use crate::heap::OutOfMemory;
use crate::object::task::{FRAME_WORDS, Stack, task_flag};
use crate::object::{Kind, class_id};
use crate::value::Value;

/// What happens with the value that a frame returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ReturnKind {
    /// Into the caller's destination register.
    Register = 0,
    /// Completes the caller's instruction (a hook of an operator, a comparison in a jump, ...).
    Complete = 1,
    /// Ignored: the destination already holds the result (constructors).
    Discard = 2,
    /// The task ends.
    Task = 3,
    /// The generator ends.
    Generator = 4,
    /// The module's top level ended; the caller's import instruction is executed again.
    Module = 5,
}

impl ReturnKind {
    fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Register,
            1 => Self::Complete,
            2 => Self::Discard,
            3 => Self::Task,
            4 => Self::Generator,
            _ => Self::Module,
        }
    }
}

/// A frame's link word.
#[derive(Clone, Copy)]
pub struct Link(pub u64);

impl Link {
    /// Packs a link.
    #[inline(always)]
    pub fn new(delta: usize, dst: u16, kind: ReturnKind, args: u8) -> Self {
        Self(delta as u64 & 0xffff_ffff | (dst as u64) << 32 | (kind as u64) << 48 | (args as u64) << 56)
    }

    /// Words from the caller's base to this one; 0 in a bottom frame.
    #[inline(always)]
    pub fn delta(self) -> usize {
        self.0 as u32 as usize
    }

    /// The caller's register for the result.
    #[inline(always)]
    pub fn dst(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// What happens with the result.
    #[inline(always)]
    pub fn kind(self) -> ReturnKind {
        ReturnKind::from_byte((self.0 >> 48) as u8)
    }

    /// Whether the result simply goes into a register.
    #[inline(always)]
    pub fn is_plain(self) -> bool {
        (self.0 >> 48) as u8 == 0
    }

    /// How many arguments were given.
    #[inline(always)]
    pub fn args(self) -> u8 {
        (self.0 >> 56) as u8
    }
}

/// A new stack of at least `words` words, without frames.
pub fn new_stack(thread: &mut Thread, words: usize) -> Result<*mut Stack, OutOfMemory> {
    let words = words.next_multiple_of(2);
    let stack =
        thread.heap.alloc(Kind::Stack, class_id::INTERNAL, size_of::<Stack>() + words * 8)?.cast::<Stack>();
    // SAFETY: just allocated with room for the struct.
    unsafe {
        (*stack).capacity = words as u32;
        (*stack).base = 0;
    }
    Ok(stack)
}

/// One past the last word.
///
/// # Safety
/// `stack` points to a live stack.
pub unsafe fn end(stack: *mut Stack) -> *mut u64 {
    // SAFETY: by the caller's promise.
    unsafe { Stack::words(stack).add((*stack).capacity as usize) }
}

/// Writes a bottom frame onto an empty stack: the arguments in place (`given` of them by the caller), other registers zero, pc at
/// the entry.
///
/// # Safety
/// `stack` points to a live stack with room for the frame; `code` to linked code; the arguments fit its parameters.
pub unsafe fn bottom_frame(
    stack: *mut Stack,
    code: *const Code,
    callee: Value,
    args: &[Value],
    given: u8,
    kind: ReturnKind,
) {
    // SAFETY: by the caller's promise all words written lie in the stack.
    unsafe {
        let base = Stack::words(stack).add(FRAME_WORDS);
        (*stack).base = FRAME_WORDS as u32;
        base.sub(4).write(Link::new(0, 0, kind, given).0);
        base.sub(3).write((*code).entry as u64);
        base.sub(2).write(code as u64);
        base.sub(1).write(callee.bits());
        let registers = (*code).registers as usize;
        std::ptr::write_bytes(base, 0, registers);
        for (i, arg) in args.iter().enumerate() {
            base.add(i).write(arg.bits());
        }
    }
}

impl Thread {
    /// Makes room for `words` words above the running frame's registers, moving the stack if need be.
    ///
    /// # Errors
    /// StackOverflow when the limit is reached, OutOfMemory.
    #[cold]
    pub fn grow_stack(&mut self, words: usize) -> Result<(), Control> {
        // SAFETY: the running stack and frame are live.
        unsafe {
            let start = Stack::words(self.stack);
            let base = self.base.offset_from(start) as usize;
            let used = base + (*self.code).registers as usize;
            let needed = used + words + FRAME_WORDS;
            let limit = self.vm.config.stack_limit;
            if needed > limit {
                return Err(self.error(
                    ErrorClass::StackOverflow,
                    format!("the stack is limited to {limit} words of frames: is a recursion without end?"),
                ));
            }
            let target = (needed.max((*self.stack).capacity as usize * 2)).min(limit.max(needed));
            // A task that has waited has shown what it needs; until then a large stack for a while costs less than growing often.
            let first = (*self.current).flags & task_flag::FITTED == 0
                && (*self.current).generator.get().is_null()
                && target <= SPARE_WORDS;
            let new = match if first { self.sched.spare_stack() } else { None } {
                Some(spare) => spare,
                None => new_stack(self, if first { SPARE_WORDS } else { target })?,
            };
            std::ptr::copy_nonoverlapping(start, Stack::words(new), used);
            (*new).base = base as u32;
            self.replace_stack(new);
            self.base = Stack::words(new).add(base);
            self.stack_end = end(new);
        }
        Ok(())
    }

    /// Makes room for `words` words from the running frame's base on, if the limit allows it and there is memory.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    #[cold]
    pub(crate) fn make_room(&mut self, words: usize) -> bool {
        // SAFETY: the running stack and frame are live.
        let base = unsafe { self.base.offset_from(Stack::words(self.stack)) } as usize;
        base + words + 2 * FRAME_WORDS <= self.vm.config.stack_limit && self.grow_stack(words).is_ok()
    }

    /// Puts a stack in the place of the running one: in the innermost running generator, or in the task.
    fn replace_stack(&mut self, new: *mut Stack) {
        let old = self.stack;
        // SAFETY: the current task and its generators are live.
        unsafe {
            let generator = (*self.current).generator.get();
            if generator.is_null() {
                (*self.current).stack = new;
                self.heap.barrier(self.current.cast());
            } else {
                let generator = generator.pointer().cast::<crate::object::task::Generator>();
                (*generator).stack = new;
                self.heap.barrier(generator.cast());
            }
        }
        self.stack = new;
        self.sched.recycle_stack(old);
    }
}
