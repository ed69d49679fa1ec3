//! Tasks, futures and generators: continuations as heap data.
//!
//! A [`Stack`] holds the frames of one task or generator. A frame:
//!
//! ```text
//! base-4: link   prev base (32) | destination register (16) | return kind (8) | argument count (8)
//! base-3: pc     where this frame continues, while another frame or the scheduler runs
//! base-2: code   *const Code
//! base-1: callee the function value (for captures); tagged
//! base+0 ..      registers: tagged ones first, then raw ones
//! ```
//!
//! Only the owning thread touches these objects, but for a [`Task`]'s `id`, and a [`Future`]'s state words that a foreign
//! reader may look at.

use super::{Header, Slot};
use crate::value::Value;
use std::sync::atomic::AtomicU32;

/// Words of a frame before its registers.
pub const FRAME_WORDS: usize = 4;

/// Frames; `capacity` words follow.
#[repr(C)]
pub struct Stack {
    /// Header.
    pub header: Header,
    /// Number of words.
    pub capacity: u32,
    /// Word index of the innermost frame's base; 0 if there is no frame. Valid while the stack is not running.
    pub base: u32,
}

impl Stack {
    /// The first word.
    #[inline(always)]
    pub fn words(this: *mut Stack) -> *mut u64 {
        this.wrapping_add(1).cast()
    }
}

/// State of a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TaskState {
    /// In the run queue, or about to be.
    Ready,
    /// Being run.
    Running,
    /// Waiting for something.
    Parked,
    /// Ended.
    Done,
}

/// A task. Owner only.
#[repr(C)]
pub struct Task {
    /// Header.
    pub header: Header,
    /// Number within the VM, never used again.
    pub id: u64,
    /// Frames; null once ended.
    pub stack: *mut Stack,
    /// Its future if somebody holds it (weak: cleared by the collector when the future dies); null for a detached task.
    pub future: *mut Future,
    /// What it receives when it continues: a value, or an error to be thrown (`RESUME_THROWS`). The empty marker until its first turn.
    pub resume: Slot,
    /// What it waits for (a future, a generator, an array, ...), for traces and cancellation; null otherwise.
    pub waits_for: Slot,
    /// Mailbox: an array, or null before the first message. What has been taken from its front is null and counted by `taken`.
    pub mailbox: Slot,
    /// Rarely used attributes (name, locals, scope): an array, or null.
    pub extra: Slot,
    /// The running generators, innermost first: a generator or null.
    pub generator: Slot,
    /// Its place in the queue of the scheduler where it stands or stood last.
    pub place: u32,
    /// Messages taken from the front of the mailbox's array.
    pub taken: u32,
    /// Counts parkings, so that a late wake-up is recognised.
    pub wake: u32,
    /// Depth of `atomic`.
    pub atomic: u32,
    /// Priority; higher runs first.
    pub priority: i16,
    /// State.
    pub state: TaskState,
    /// Bits: see `task_flag`.
    pub flags: u8,
    /// Position in the thread's table of tasks.
    pub table_index: u32,
}

/// Bits in [`Task::flags`].
pub mod task_flag {
    /// `resume` is to be thrown, not delivered.
    pub const RESUME_THROWS: u8 = 1;
    /// A kill waits until the task leaves its atomic section or runs next.
    pub const KILL_PENDING: u8 = 2;
    /// Its frames changed since the collector last scanned them.
    pub const DIRTY: u8 = 4;
    /// Its stack was fitted to its size once.
    pub const FITTED: u8 = 8;
    /// It was spawned with a future: dropping that cancels it.
    pub const HAS_FUTURE: u8 = 16;
    /// The instruction that it stands behind is completed with `resume` when it continues.
    pub const DELIVER: u8 = 32;
    /// A pending kill is a cancellation.
    pub const CANCELLED: u8 = 64;
    /// `resume` is a message that has not gone through the mailbox: it goes there if something else is thrown first.
    pub const MAIL: u8 = 128;
}

/// State of a future.
pub mod future_state {
    /// No result yet.
    pub const PENDING: u32 = 0;
    /// `value` is the result.
    pub const DONE: u32 = 1;
    /// `value` is the error.
    pub const FAILED: u32 = 2;
}

/// The result of a task to be.
#[repr(C)]
pub struct Future {
    /// Header.
    pub header: Header,
    /// See [`future_state`].
    pub state: AtomicU32,
    /// For a future whose task lives on another thread: number in the thread's table of remote futures, else 0.
    pub remote: u32,
    /// Result or error.
    pub value: Slot,
    /// The task, or null once it ended or if there is none (a handle of another thread's task for a remote one).
    pub task: Slot,
    /// Who waits: null, a task, or an array of tasks and callbacks.
    pub waiters: Slot,
}

/// A generator: frames that run on behalf of whoever asks for the next element.
#[repr(C)]
pub struct Generator {
    /// Header.
    pub header: Header,
    /// Frames; null once ended.
    pub stack: *mut Stack,
    /// Base offset to return to in the caller's stack while running; `u32::MAX` when suspended.
    pub caller_base: u32,
    /// 0 not started, 1 suspended, 2 running, 3 ended.
    pub state: u32,
    /// The stack that resumed it, while running; else null.
    pub caller_stack: *mut Stack,
    /// The generator that was innermost before (see [`Task::generator`]), or null.
    pub outer: Value,
}

const _: () = assert!(size_of::<Task>() == 96 && size_of::<Future>() == 40 && size_of::<Stack>() == 16);
