//! Into and out of functions that are spliced into their callers.

use super::super::masks::{self, Known};
use super::super::unit::{Callee, NOWHERE};
use super::{Have, Reg, Translator};
use crate::bytecode::ops::Op;
use crate::object::Kind;
use crate::object::function::Closure;
use crate::thread::stack::ReturnKind;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ir};
use std::mem::offset_of;

impl Translator<'_, '_> {
    /// Goes into frame `number`: if what is called is another function, control goes elsewhere, or out.
    pub(super) fn enter(&mut self, number: usize) {
        let unit = self.unit.clone();
        let frame = &unit.frames[number];
        let inst = self.inst();
        let i = inst.i;
        let other = match inst.target {
            NOWHERE => None,
            _ => Some(self.block()),
        };
        let operand = match &frame.callee {
            Callee::Whole | Callee::Static(_) | Callee::Super { .. } => None,
            Callee::Closure(register) => Some(*register),
            Callee::Function(_) | Callee::Constructor { .. } => Some(i.b()),
            Callee::Method { .. } => Some(i.c()),
        };
        if let Some(r) = operand {
            self.tagged(r);
        }
        // What methods of other classes there are elsewhere is no surer then: one look for all of them.
        if let Callee::Method { epoch, .. } | Callee::Super { epoch, .. } = &frame.callee {
            self.expect_epoch(*epoch, None);
        }
        let elsewhere = other.map(|_| self.state.clone());
        let mut instance = None;
        match &frame.callee {
            Callee::Whole => unreachable!("the first frame is not spliced in"),
            Callee::Static(_) => {}
            Callee::Function(function) => {
                let callee = self.tagged(i.b());
                let same = self.b.ins().icmp_imm_s(IntCC::Equal, callee, function.bits() as i64);
                self.go_on_if(same, other);
            }
            Callee::Closure(register) => {
                let callee = self.tagged(*register);
                let out = self.other_or_deopt(other);
                self.expect_kind_known(*register, callee, Kind::Function, out);
                let code = self.load(callee, offset_of!(Closure, code) as i32 - super::objects::TAG);
                let same =
                    self.b.ins().icmp_imm_s(IntCC::Equal, code, std::ptr::from_ref(frame.code).addr() as i64);
                self.go_on_if(same, other);
            }
            Callee::Method { classes, .. } => {
                self.expect_one_of(i.c(), classes, other);
                let receiver = masks::receiver_of(classes, self.known(i.c()));
                self.learn(i.c(), receiver);
            }
            Callee::Super { .. } => {}
            Callee::Constructor { class, epoch, .. } => {
                let value = self.tagged(i.b());
                let same = self.b.ins().icmp_imm_s(IntCC::Equal, value, class.value.bits() as i64);
                self.go_on_if(same, other);
                self.expect_epoch(*epoch, other);
                instance = Some(self.fresh_instance(class));
            }
        }
        if let (Some(other), Some(elsewhere)) = (other, elsewhere) {
            // Nothing may have been left to check.
            let here = self.block();
            self.b.ins().jump(here, &[]);
            let state = std::mem::replace(&mut self.state, elsewhere);
            self.b.switch_to_block(other);
            self.goto(inst.target as usize);
            self.state = state;
            self.b.switch_to_block(here);
        }
        // The frame is new: nothing of it is in memory.
        for r in frame.at - crate::object::task::FRAME_WORDS..frame.at + frame.code.registers as usize {
            self.state.dirty.add(r);
        }
        self.place_arguments(number, instance);
        self.count_call(self.pc + 1);
    }

    pub(super) fn other_or_deopt(&mut self, other: Option<Block>) -> Block {
        match other {
            Some(block) => block,
            None => self.deopt(),
        }
    }

    fn go_on_if(&mut self, flag: Ir, other: Option<Block>) {
        let out = self.other_or_deopt(other);
        let fine = self.block();
        self.go_if(flag, fine, out);
        self.b.switch_to_block(fine);
    }

    /// Goes on if the methods found at `epoch` still stand.
    pub(super) fn expect_epoch(&mut self, epoch: u32, other: Option<Block>) {
        let current = epoch == self.unit.epoch;
        if current && self.state.epoch {
            return;
        }
        let same = self.epoch_is(epoch);
        self.go_on_if(same, other);
        self.state.epoch = current;
    }

    /// Arguments become the callee's parameters; its other registers are zero.
    fn place_arguments(&mut self, number: usize, instance: Option<Ir>) {
        let unit = self.unit.clone();
        let frame = &unit.frames[number];
        let i = self.inst().i;
        let first = frame.at as u16;
        let given = u16::from(frame.given);
        let fresh = u16::from(i.op() == Some(Op::New));
        for k in fresh..given {
            self.move_tagged(first + k, i.c() + k - fresh);
        }
        if let (Some(instance), Callee::Constructor { class, .. }) = (instance, &frame.callee) {
            let known = Known::of_class(class.id);
            self.set_known(first, instance, known);
            self.set_known(frame.dst, instance, known);
        }
        let zero = self.word(0);
        for k in given..frame.code.tagged as u16 {
            self.b.def_var(self.words[(first + k) as usize], zero);
            let zero = Reg { known: Known::form(masks::INT), have: Have::WORD };
            self.state.regs[(first + k) as usize] = zero;
        }
        for r in frame.at + frame.code.tagged as usize..frame.at + frame.code.registers as usize {
            let zero = match self.raw_floats[r] {
                true => self.b.ins().f64const(0.0),
                false => zero,
            };
            self.b.def_var(self.words[r], zero);
        }
        if let Callee::Closure(register) = frame.callee {
            let function = self.tagged(register);
            self.set_known(first - 1, function, Known::of_class(crate::object::class_id::FUNCTION));
        }
    }

    /// Comes back with a spliced function's result.
    pub(super) fn leave_spliced(&mut self) {
        let unit = self.unit.clone();
        let inst = self.inst();
        let frame = unit.frame(&inst);
        if frame.kind == ReturnKind::Register {
            match inst.i.op() {
                Some(Op::Return) => self.move_tagged(frame.dst, inst.i.a()),
                _ => self.constant(frame.dst, Value::NULL),
            }
        }
        self.state_after(self.pc);
        self.goto(inst.target as usize);
        self.ended = true;
    }
}
