//! What lean code calls when it leaves: frames become what the interpreter wants to find.
//!
//! The innermost function tells the thread where control is; those around it only complete their frames. What asked for attention waits until
//! all are complete (`ThreadJit::attend`).

use super::restore::{Exit, restore, restore_frames};
use super::{LEFT, Left, runtime};
use crate::class::Class;
use crate::code::Code;
use crate::interp::{control, instances};
use crate::thread::Thread;

/// Writes the header of a lean function's frame, except for the link, which is its caller's to write.
///
/// # Safety
/// The frame at `base` fits on the stack.
unsafe fn write_header(base: *mut u64, code: &'static Code) {
    // SAFETY: by the caller's promise. What is lean captures nothing: its value is the code's.
    unsafe {
        base.sub(2).write(std::ptr::from_ref(code) as u64);
        base.sub(1).write(code.value.bits());
    }
}

/// A lean function that was called with parameters that lie in its frame is left to the interpreter: something asks for attention, or a stack
/// is at its end.
pub(super) extern "C" fn begin(thread: &mut Thread, base: *mut u64, code: &'static Code) {
    runtime::begin(thread, base, code);
    // SAFETY: the frame has room, which callers of lean code see to.
    unsafe { write_header(base, code) };
    thread.jit.attend = thread.used >= thread.limit();
}

/// A new instance, or [`runtime::FAILED`]: the interpreter, which tries again, collects.
pub(super) extern "C" fn allocate(thread: &mut Thread, class: &'static Class) -> u64 {
    instances::allocate(thread, class).map_or(runtime::FAILED, |instance| instance.bits())
}

/// An assumption of lean code did not hold.
pub(super) extern "C" fn deoptimise(thread: &mut Thread, base: *mut u64, exit: &Exit, whole: &'static Code) {
    // SAFETY: as in `begin`, and compiled code has stored what `exit` says.
    unsafe {
        write_header(base, whole);
        runtime::deoptimise(thread, base, exit, whole);
    }
}

/// Lean code has come to a safepoint that something asks to be looked after.
pub(super) extern "C" fn safepoint(thread: &mut Thread, base: *mut u64, exit: &Exit, whole: &'static Code) {
    // SAFETY: as in `deoptimise`.
    unsafe {
        write_header(base, whole);
        restore(thread, base, exit);
    }
    thread.jit.attend = true;
}

/// A function that was called by the unit at `base` has left: its frames are completed as `exit` says. `whole`: the unit is lean, too, and
/// its callers do the same. Else all frames are complete now, and what asked for attention gets it; the result says how the interpreter goes
/// on.
pub(super) extern "C" fn pass(
    thread: &mut Thread,
    base: *mut u64,
    exit: &Exit,
    whole: Option<&'static Code>,
) -> u64 {
    // SAFETY: as in `deoptimise`.
    unsafe {
        restore_frames(thread, base, exit);
        base.add(exit.place as usize).sub(3).write(exit.pc as u64);
        match whole {
            Some(code) => {
                write_header(base, code);
                LEFT.0
            }
            None => attended(thread),
        }
    }
}

/// All frames are complete: what asked for attention gets it. The result says how the interpreter goes on.
pub(super) extern "C" fn attended(thread: &mut Thread) -> u64 {
    // It may have been left because a frame did not fit.
    super::make_room(thread);
    match std::mem::take(&mut thread.jit.attend) {
        true => Left::from(control::safepoint(thread)).0,
        false => LEFT.0,
    }
}
