//! Between the interpreter and compiled code.

use super::slot::state;
use super::unit::Unit;
use super::{FILLS, JitMode, LESSONS, Left, OFTEN_UNSEEN, TOO_MANY_FAILURES, runtime};
use crate::bytecode::Instr;
use crate::code::Code;
use crate::interp::{Exit, control};
use crate::thread::Thread;
use crate::thread::stack::Link;
use crate::value::Value;
use std::sync::atomic::Ordering;

/// What compiled code returns: a value and where its frame lies now, or [`runtime::FAILED`] and a [`Left`].
#[repr(C)]
struct Returned {
    value: u64,
    rest: u64,
}

/// Compiled code: thread, base of the frame, number of the entry.
type Entry = unsafe extern "C" fn(*mut Thread, *mut u64, u64) -> Returned;

/// Runs the running frame by compiled code, from the entry of this number on. `None`: the interpreter goes on from the thread's state.
pub(crate) fn enter(thread: &mut Thread, code: *mut u8, entry: u64) -> Option<Exit> {
    if !make_room(thread) {
        return None; // there is none for the frames of spliced functions: the interpreter goes on
    }
    // SAFETY: `code` is what the compiler published for the running frame's code, with this signature. The frame is exact, as everywhere
    // where the interpreter calls out.
    let returned = unsafe { std::mem::transmute::<*mut u8, Entry>(code)(thread, thread.base, entry) };
    if thread.jit.is_awaited() {
        thread.jit.stands_outside();
    }
    if returned.value == runtime::FAILED {
        return Left(returned.rest).into();
    }
    // SAFETY: compiled code returns values, and the base of the frame that has returned.
    unsafe {
        let value = Value::from_bits(returned.value);
        let base = returned.rest as *mut u64;
        let link = Link(*base.sub(4));
        thread.base = base;
        thread.code = *base.sub(2) as *const Code;
        if !link.is_plain() {
            return control::return_value(thread, value);
        }
        thread.base = base.sub(link.delta());
        thread.code = *thread.base.sub(2) as *const Code;
        thread.pc = *thread.base.sub(3) as *const Instr;
        thread.base.add(link.dst() as usize).write(value.bits());
    }
    None
}

/// Makes room for what the compiled code of the running frame's function takes of the stack; whether there is some.
pub(super) fn make_room(thread: &mut Thread) -> bool {
    // SAFETY: linked code lives as long as the VM; the running frame is live.
    unsafe {
        let extent = (*thread.code).jit.extent.load(Ordering::Relaxed) as usize;
        thread.base.add(extent) <= thread.stack_end || thread.make_room(extent)
    }
}

/// Counts a call or a turn of a loop of code that is not compiled; compiles it when that was often enough. The thread's position need
/// not be saved.
#[inline]
pub(crate) fn count(thread: &mut Thread, code: &'static Code) {
    let heat = code.jit.heat.load(Ordering::Relaxed) + 1;
    code.jit.heat.store(heat, Ordering::Relaxed);
    if heat >= thread.jit.hot {
        code.jit.heat.store(0, Ordering::Relaxed);
        if !ask(thread, code, false) {
            code.jit.still_hot(heat);
        }
    }
}

/// Has a function compiled, unless somebody else does: false then.
#[cold]
fn ask(thread: &mut Thread, code: &'static Code, wide: bool) -> bool {
    let from = if code.jit.is_again() { state::READY } else { state::COLD };
    if !code.jit.claim(from) {
        return false;
    }
    code.jit.begin_waiting();
    let Ok(unit) = Unit::make(thread, code, wide) else {
        thread.vm.jit.refuse(code);
        return true;
    };
    // A test that wants everything compiled, or a run to be repeated, does not depend on how fast another thread is.
    let at_once = thread.vm.config.jit == JitMode::Always || thread.vm.config.seed.is_some();
    thread.vm.jit.request(code, unit, wide, at_once);
    true
}

/// An assumption that compiled code was made with did not hold. Where that happens often, the function is compiled again: with what inline
/// caches and calls have shown meanwhile, and in the end without any assumption.
#[cold]
pub(crate) fn failed(thread: &mut Thread, code: &'static Code) {
    if code.jit.failures.fetch_add(1, Ordering::Relaxed) + 1 != TOO_MANY_FAILURES {
        return;
    }
    let again = code.jit.again.fetch_add(1, Ordering::Relaxed);
    if again <= LESSONS {
        ask(thread, code, again == LESSONS);
    }
}

/// Compiled code came to an instruction that had never been executed when it was made, so that nothing was known of what it works with. Where
/// that happens again, the function is compiled with what has been seen meanwhile.
#[cold]
pub(crate) fn unseen(thread: &mut Thread, code: &'static Code) {
    let slot = &code.jit;
    if slot.unseen.fetch_add(1, Ordering::Relaxed) + 1 != OFTEN_UNSEEN {
        return;
    }
    // Code from before may still run when nothing is taken for granted any more.
    let learns = slot.again.load(Ordering::Relaxed) <= LESSONS;
    if learns && slot.fills.fetch_add(1, Ordering::Relaxed) < FILLS {
        ask(thread, code, false);
    }
}
