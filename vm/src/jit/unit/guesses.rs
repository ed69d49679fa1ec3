//! What registers will hold, guessed from what lies there and in variables now. Invariant: whoever relies on a guess checks it.

use super::{Callee, Known, Maker};
use crate::bytecode::ops::{Op, Operand};
use crate::bytecode::{Capture, Instr};
use crate::interp::access;
use crate::object::function::code_of_value;
use crate::object::{Instance, Kind};
use crate::value::Value;
use crate::vm::class_id_of;

impl Maker<'_> {
    /// Whether an instruction reads or assigns an element of what is a map now.
    pub(super) fn indexes_map(&mut self, frame: usize, pc: usize, i: Instr) -> bool {
        let register = match i.op() {
            Some(Op::GetIndex | Op::GetIndexI | Op::ArrGet) => i.b(),
            Some(Op::SetIndex | Op::ArrSet) => i.a(),
            _ => return false,
        };
        self.peek(frame, pc, register).is_some_and(|value| value.is_kind(Kind::Map))
    }

    /// Whether an instruction begins a loop over what is an array now.
    pub(super) fn begins_over_array(&mut self, frame: usize, pc: usize, i: Instr) -> bool {
        i.op() == Some(Op::IterStart)
            && self.peek(frame, pc, i.b()).is_some_and(|value| value.is_kind(Kind::Array))
    }

    /// The value of a register before an instruction of a frame, as far as it can be told from what is there now: a guess.
    pub(super) fn peek(&mut self, frame: usize, pc: usize, register: u16) -> Option<Value> {
        let code = self.unit.frames[frame].code;
        let mut register = register;
        for at in (0..pc).rev() {
            let i = code.code[at];
            let op = i.op().expect("verified");
            // A join of two ways hides what was there before, but what is guessed is checked.
            let writes = op.info().operands().any(|(field, kind)| {
                matches!(kind, Operand::Write | Operand::ReadWrite | Operand::Pair)
                    && field.unsigned(i) == u32::from(register)
            });
            if !writes {
                continue;
            }
            return match op {
                // SAFETY: the verifier checked the constant's index.
                Op::LoadK => Some(unsafe { *code.consts.add(i.d() as usize) }),
                Op::GetGlobal => crate::jit::feedback::variable(self.thread, code.env, i.d()),
                Op::Move => {
                    register = i.b();
                    continue;
                }
                Op::UpGet => self.captured(frame, i.b()),
                Op::GetAttr => self.attribute(frame, at, i).or_else(|| self.running(frame, register)),
                Op::Closure => {
                    // SAFETY: the verifier checked the function's index; linked code lives as long as the VM.
                    let made = unsafe { (&(*code.module).functions)[i.d() as usize] };
                    (made.captures == 0).then_some(made.value).or_else(|| self.running(frame, register))
                }
                _ => self.running(frame, register),
            };
        }
        if usize::from(register) < code.params as usize && frame != 0 {
            return self.argument(frame, register);
        }
        self.running(frame, register)
    }

    /// What an instruction would read now, of an object that is what has been seen there.
    fn attribute(&mut self, frame: usize, at: usize, i: Instr) -> Option<Value> {
        let object = self.peek(frame, at, i.b())?;
        let feedback = &self.unit.frames[frame].feedback;
        let site = feedback.site(i.c());
        let seen = access::is_slot_read(site.kind)
            && !feedback.is_unboxed(i.c())
            && object.is_kind(Kind::Instance)
            && class_id_of(object) == site.class;
        // SAFETY: an instance of the class that has the attribute in this slot.
        seen.then(|| unsafe { Instance::slot(object.pointer().cast(), site.data as usize).get() })
    }

    /// What lies in a register of the running frame now.
    fn running(&self, frame: usize, register: u16) -> Option<Value> {
        match self.known {
            Known::Running(base) if frame == 0 => {
                // SAFETY: the running frame is live and has the register, which is a tagged one.
                let value = unsafe { Value::from_bits(base.add(register as usize).read()) };
                (value != Value::EMPTY).then_some(value)
            }
            _ => None,
        }
    }

    /// The value that a spliced function is called with.
    fn argument(&mut self, frame: usize, parameter: u16) -> Option<Value> {
        let (parent, call) = (self.unit.frames[frame].parent, self.unit.frames[frame].call as usize);
        let i = self.unit.frames[parent].code.code[call];
        let first = match i.op().expect("verified") {
            Op::New if parameter == 0 => return None,
            Op::New => i.c() + parameter - 1,
            _ => i.c() + parameter,
        };
        self.peek(parent, call, first)
    }

    /// What the function of a frame has captured, if that is known.
    pub(super) fn captured(&mut self, frame: usize, index: u16) -> Option<Value> {
        let function = match (&self.unit.frames[frame].callee, self.known) {
            // SAFETY: the running frame is live; the word before its registers is its function.
            (Callee::Whole, Known::Running(base)) => unsafe { Value::from_bits(base.sub(1).read()) },
            _ => return None,
        };
        let code = code_of_value(function)?;
        let inside =
            matches!(code.capture_list.get(index as usize), Some(Capture::Register(_) | Capture::Upvalue(_)));
        // SAFETY: the index is below the number of captures, which was just checked.
        inside.then(|| unsafe {
            crate::object::function::Closure::capture(function.pointer().cast(), index as usize).get()
        })
    }
}
