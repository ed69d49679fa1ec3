//! Lean code: functions that are called with their arguments in machine registers and have no frame in memory while they run.
//!
//! A frame is for those who look at it: the collector, a trace, a switch of tasks, the interpreter. A function that makes nothing but
//! instances (allocation never collects) and calls nothing but lean functions meets none of them on its straight path. Where an assumption
//! fails or something asks for attention, it writes its frame, and returns a word that is no value; its caller then writes its own, and so
//! on, until one is reached whose frame has been in memory all the time. What was saved at each call is paid once, on the way out.
//!
//! Invariants:
//!
//! - lean code reaches no safepoint: where one would do something, control leaves instead. So nobody else runs, nothing is collected and
//!   the stack stays where it is while lean code has words in machine registers;
//! - whoever calls lean code has seen to it that its frame fits on the stack, so that it can be written without failing.

use super::feedback::super_method;
use super::intrinsics;
use super::stepped::by_step;
use super::unit::{Callee, Inst, NOWHERE, Unit, What};
use crate::bytecode::ops::Op;
use crate::code::Code;
use crate::interp::access;
use crate::object::function::code_of_value;
use crate::object::task::FRAME_WORDS;
use crate::value::Value;

/// Parameters of a lean function, at most.
pub(super) const PARAMETERS: usize = 8;

/// Whether a function can be called without a frame, as far as its declaration goes.
fn may_be_lean(code: &Code) -> bool {
    code.is_plain()
        && code.captures == 0
        && code.required == code.params
        && usize::from(code.params) <= PARAMETERS
        && code.handlers.is_empty()
}

/// Whether an op other than a call has a straight path that needs no frame.
fn needs_no_frame(op: Op) -> bool {
    match op {
        Op::Throw | Op::Fail => true, // control leaves
        Op::New | Op::Closure | Op::NewCell | Op::NewArray | Op::NewMap | Op::NewRange => false,
        Op::Concat | Op::Slice | Op::ToStr | Op::IterStart | Op::IterNext | Op::DefaultArg => false,
        Op::Pow | Op::UShr | Op::In => false,
        op => !by_step(op),
    }
}

/// Whether a function may become lean code that calls nothing but itself: then there is little but its calls, which are worth being saved by
/// splicing it into itself.
pub(super) fn recurses(code: &'static Code) -> bool {
    may_be_lean(code)
        && code.code.iter().all(|i| match i.op().expect("verified") {
            // SAFETY: the verifier checked the function's index; linked code lives as long as the VM.
            Op::CallStatic => std::ptr::eq(unsafe { (&(*code.module).functions)[i.b() as usize] }, code),
            Op::Call | Op::CallSuper | Op::Loop | Op::ForLt | Op::ForLe => false,
            op => needs_no_frame(op),
        })
}

impl Unit {
    /// Whether the unit can become lean code, if its calls of itself are taken to be calls of lean code; else it is to be
    /// [made framed](Self::make_framed).
    pub(super) fn make_lean(&mut self, wide: bool) -> bool {
        if wide || !self.handlers.is_empty() || !may_be_lean(self.frames[0].code) {
            return false;
        }
        self.lean = true;
        self.mark_calls(wide);
        self.lean = self.insts.iter().enumerate().all(|(at, inst)| self.is_lean(at, inst));
        self.lean
    }

    /// The unit becomes code with frames.
    pub(super) fn make_framed(&mut self, wide: bool) {
        self.lean = false;
        self.mark_calls(wide);
    }

    /// Marks the calls of functions that have lean code, with as many arguments as they have parameters.
    fn mark_calls(&mut self, wide: bool) {
        for at in 0..self.insts.len() {
            let callee = if wide { None } else { self.only_callee(&self.insts[at]) };
            let lean = callee.filter(|(code, given)| {
                let whole = std::ptr::eq(*code, self.frames[0].code);
                let compiled = if whole { self.lean } else { !code.jit.lean().is_null() };
                compiled && *given == usize::from(code.params)
            });
            self.insts[at].lean = lean.map(|(code, _)| code);
        }
    }

    /// What a call calls, if compiled code takes for granted that it is nothing else, and how many arguments are given.
    fn only_callee(&self, inst: &Inst) -> Option<(&'static Code, usize)> {
        if inst.what != What::Op {
            return None;
        }
        let (frame, given) = (self.frame(inst), usize::from(inst.i.n()));
        match inst.i.op().expect("verified") {
            Op::CallStatic => {
                // SAFETY: the verifier checked the function's index; linked code lives as long as the VM.
                Some((unsafe { (&(*frame.code.module).functions)[inst.i.b() as usize] }, given))
            }
            Op::CallSuper => super_method(frame.code, inst.i.b()).map(|(code, _)| (code, given + 1)),
            Op::CallMethod => {
                let site = frame.feedback.site(inst.i.b());
                if site.kind != access::METHOD_SCRIPT || !frame.feedback.few(inst.i.b()) {
                    return None;
                }
                // SAFETY: a cached target is an immortal script function.
                code_of_value(unsafe { Value::from_bits(site.target) }).map(|code| (code, given + 1))
            }
            Op::Call if inst.hint != 0 && frame.code.jit.seen_at(inst.pc).len() < 2 => {
                // SAFETY: a hint is the bits of a value that is immortal if it is a function.
                code_of_value(unsafe { Value::from_bits(inst.hint) }).map(|code| (code, given))
            }
            _ => None,
        }
    }

    /// Whether a call calls the unit's function, which is lean.
    pub(super) fn calls_itself(&self, inst: &Inst) -> bool {
        inst.lean.is_some_and(|code| std::ptr::eq(code, self.frames[0].code))
    }

    /// Whether an instruction has a straight path that needs no frame.
    fn is_lean(&self, at: usize, inst: &Inst) -> bool {
        if inst.target != NOWHERE && inst.target as usize <= at {
            return false; // interpreters enter loops at their heads, with a frame
        }
        match inst.what {
            What::Enter(frame) => !matches!(self.frames[frame as usize].callee, Callee::Closure(_)),
            What::Leave => true,
            What::Op => match inst.i.op().expect("verified") {
                Op::Call => {
                    inst.lean.is_some()
                        || intrinsics::of_value(inst.hint) == Some(intrinsics::Intrinsic::Sqrt)
                }
                Op::CallStatic | Op::CallMethod | Op::CallSuper => inst.lean.is_some(),
                Op::New => {
                    self.constructed(inst, false).is_some_and(|(_, constructor)| constructor.is_none())
                }
                op => needs_no_frame(op),
            },
        }
    }

    /// Words above the first frame's base that the frames of lean callees may take.
    pub(super) fn lean_extents(&self) -> impl Iterator<Item = usize> + '_ {
        self.insts.iter().filter_map(|inst| {
            let (frame, callee) = (self.frame(inst), inst.lean?);
            Some(frame.place + frame.code.registers as usize + FRAME_WORDS + callee.registers as usize)
        })
    }
}
