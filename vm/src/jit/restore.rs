//! Back to the interpreter from the middle of a unit: what compiled code left behind becomes frames as calls would have made them.
//!
//! Compiled code stores its live registers where they belong, unboxed numbers as they are, and says by an [`Exit`] what it has stored. Neither
//! fails for want of memory: what a few boxes take is taken beyond the limit, which the next safepoint sees.

use crate::bytecode::Instr;
use crate::code::Code;
use crate::thread::Thread;
use crate::value::Value;

/// A way out of compiled code.
pub(super) struct Exit {
    /// The instruction that the interpreter goes on with; for a failed helper, the one behind it.
    pub(super) pc: *const Instr,
    /// The code that it belongs to.
    pub(super) code: *const Code,
    /// How many words above the first frame's base its frame lies.
    pub(super) place: u32,
    /// The instruction had never been executed when the code was made.
    pub(super) unseen: bool,
    /// The method epoch that the code relies on if it goes on.
    pub(super) epoch: Option<u32>,
    /// Frames that were not in memory, the innermost first.
    pub(super) frames: Box<[Spliced]>,
    /// Places of tagged words that hold nothing.
    pub(super) clear: Box<[i32]>,
    /// Places of unboxed numbers that tagged registers hold.
    pub(super) floats: Box<[i32]>,
    pub(super) ints: Box<[i32]>,
}

/// The frame of a spliced function.
pub(super) struct Spliced {
    /// Words above the first frame's base.
    pub(super) place: u32,
    pub(super) link: u64,
    pub(super) code: *const Code,
    /// Bits of its function; 0 where compiled code has stored it.
    pub(super) function: u64,
    /// Where its caller goes on, and where the caller's frame lies.
    pub(super) caller_pc: *const Instr,
    pub(super) caller_place: u32,
}

/// Makes the frames complete and the innermost one the running one.
///
/// # Safety
/// `base` is the base of the unit's first frame on the running stack, which has room for all of the unit's frames, and compiled code has
/// stored what `exit` says.
pub(super) unsafe fn restore(thread: &mut Thread, base: *mut u64, exit: &Exit) {
    // SAFETY: by the caller's promise all places lie in the stack.
    unsafe {
        restore_frames(thread, base, exit);
        thread.base = base.add(exit.place as usize);
    }
    thread.pc = exit.pc;
    thread.code = exit.code;
}

/// Makes the frames complete; the running one stays what it is.
///
/// # Safety
/// As for [`restore`].
pub(super) unsafe fn restore_frames(thread: &mut Thread, base: *mut u64, exit: &Exit) {
    // SAFETY: by the caller's promise all places lie in the stack.
    unsafe {
        for &place in &exit.clear {
            base.offset(place as isize).write(0);
        }
        for &place in &exit.floats {
            let word = base.offset(place as isize);
            word.write(thread.heap.float_beyond_limit(f64::from_bits(word.read())).bits());
        }
        for &place in &exit.ints {
            let word = base.offset(place as isize);
            word.write(thread.heap.int_beyond_limit(word.read() as i64).bits());
        }
        for frame in &exit.frames {
            let at = base.add(frame.place as usize);
            at.sub(4).write(frame.link);
            at.sub(2).write(frame.code as u64);
            if frame.function != 0 {
                at.sub(1).write(frame.function);
            }
            base.add(frame.caller_place as usize).sub(3).write(frame.caller_pc as u64);
        }
    }
}

/// What is called at the instruction where compiled code is left, if it is a call of a value.
pub(super) fn called(thread: &Thread, exit: &Exit) -> Option<Value> {
    // SAFETY: linked code lives as long as the VM; the frame has just been restored.
    unsafe {
        let i = *exit.pc;
        (i.op() == Some(crate::bytecode::ops::Op::Call))
            .then(|| Value::from_bits(thread.base.add(i.b() as usize).read()))
    }
}
