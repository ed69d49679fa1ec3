//! Arrays and typed arrays: elements, lengths, appending, iterating, and views of their buffers.

use super::super::masks::{self, ALL, INT};
use super::super::runtime;
use super::super::unit::OF_MAP;
use super::Translator;
use super::objects::TAG;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::object::array::{Array, Buffer};
use crate::object::map::Map;
use crate::object::{Kind, class_id};
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F64, I8, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};
use std::mem::offset_of;

const LENGTH: i32 = offset_of!(Array, len) as i32 - TAG;
pub(super) const BUFFER: i32 = offset_of!(Array, buffer) as i32 - TAG;
/// Where a buffer's capacity lies, and where its slots begin.
const CAPACITY: i32 = offset_of!(Buffer, capacity) as i32;
pub(super) const SLOTS: i32 = 16;

impl Translator<'_, '_> {
    pub(super) fn length(&mut self, i: Instr) {
        let object = self.tagged(i.b());
        if self.known(i.b()).is(class_id::ARRAY) {
            let length = self.load(object, LENGTH);
            let word = self.b.ins().ishl_imm_s(length, 1);
            return self.set(i.a(), word, INT);
        }
        let (slow, done) = (self.cold(), self.result_block());
        let (array, other) = (self.block(), self.block());
        self.expect_object(object, slow);
        let kind = self.b.ins().load(I8, MemFlagsData::trusted(), object, -TAG);
        let is_array = self.b.ins().icmp_imm_s(IntCC::Equal, kind, Kind::Array as i64);
        self.go_if(is_array, array, other);
        self.b.switch_to_block(array);
        let length = self.load(object, LENGTH);
        let word = self.b.ins().ishl_imm_s(length, 1);
        self.b.ins().jump(done, &[word.into()]);
        self.b.switch_to_block(other);
        let (no_text, map) = (self.block(), self.block());
        self.text_length(object, kind, no_text, done);
        self.b.switch_to_block(no_text);
        let is_map = self.b.ins().icmp_imm_s(IntCC::Equal, kind, Kind::Map as i64);
        self.go_if(is_map, map, slow);
        self.b.switch_to_block(map);
        let entries = self.load(object, offset_of!(Map, len) as i32 - TAG);
        let word = self.b.ins().ishl_imm_s(entries, 1);
        self.b.ins().jump(done, &[word.into()]);
        self.otherwise_get_attr(i, runtime::get_length as *const () as usize, object, slow, done);
    }

    /// Reads buffer and length of the array that a register holds; if it holds none of the class that it is used as, the length is 0.
    pub(super) fn make_view(&mut self, r: usize) {
        let class = self.views.classes[r];
        let value = self.tagged(r as u16);
        let load = |translator: &mut Self| {
            let length = translator.load(value, LENGTH);
            (translator.load(value, BUFFER), length)
        };
        let (buffer, length) = if self.known(r as u16).is(class) {
            load(self)
        } else {
            let (other, done) = (self.cold(), self.block());
            self.b.append_block_param(done, I64);
            self.b.append_block_param(done, I64);
            self.expect_class(value, self.mask(r as u16), &[class], other);
            let (buffer, length) = load(self);
            self.b.ins().jump(done, &[buffer.into(), length.into()]);
            self.b.switch_to_block(other);
            let (buffer, length) = if self.views.may_be_foreign(r) {
                let class = self.word(class.into());
                let seen = self.call(runtime::foreign_view as *const () as usize, b"ii>ii", &[value, class]);
                (seen[0], seen[1])
            } else {
                let zero = self.word(0);
                (zero, zero)
            };
            self.b.ins().jump(done, &[buffer.into(), length.into()]);
            self.b.switch_to_block(done);
            (self.b.block_params(done)[0], self.b.block_params(done)[1])
        };
        self.b.def_var(self.buffers[r], buffer);
        self.b.def_var(self.lengths[r], length);
        self.state.views.add(r);
    }

    /// Reads what another thread may be writing, so that what it wrote before is seen: on x86-64 all loads do.
    pub(super) fn load_foreign(&mut self, from: Ir, offset: i32) -> Ir {
        if self.layout.stores_in_order {
            return self.load(from, offset);
        }
        let address = self.b.ins().iadd_imm_s(from, i64::from(offset));
        self.b.ins().atomic_load(I64, MemFlagsData::trusted(), address)
    }

    /// A view of nothing, for a register that nobody reads.
    pub(super) fn no_view(&mut self, r: usize) {
        let zero = self.word(0);
        self.b.def_var(self.buffers[r], zero);
        self.b.def_var(self.lengths[r], zero);
        self.state.views.add(r);
    }

    /// The address of element `index` of the array in a register, and its buffer, by the register's view; `other` if there is no such element.
    fn element_of(&mut self, r: u16, index: Ir, class: u32, other: Block) -> Option<(Ir, Ir)> {
        if !self.views.any || self.views.classes[r as usize] != class {
            return None;
        }
        if !self.state.views.has(r as usize) {
            self.make_view(r as usize);
        }
        let length = self.b.use_var(self.lengths[r as usize]);
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, index, length);
        let fine = self.block();
        self.go_if(inside, fine, other);
        self.b.switch_to_block(fine);
        let buffer = self.b.use_var(self.buffers[r as usize]);
        let offset = self.b.ins().ishl_imm_s(index, 3);
        Some((self.b.ins().iadd(buffer, offset), buffer))
    }

    /// The address of element `index` of an array whose kind was checked; `slow` if it is not inside.
    pub(super) fn element(&mut self, array: Ir, index: Ir, slow: Block) -> (Ir, Ir) {
        let length = self.load(array, LENGTH);
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, index, length);
        let fine = self.block();
        self.go_if(inside, fine, slow);
        self.b.switch_to_block(fine);
        let buffer = self.load(array, BUFFER);
        let offset = self.b.ins().ishl_imm_s(index, 3);
        (self.b.ins().iadd(buffer, offset), buffer)
    }

    /// The index operand as an integer, and as a value for the slow path; `slow` if it is no small integer.
    pub(super) fn index(&mut self, r: u16, slow: Block) -> (Ir, Ir) {
        let word = self.tagged(r);
        if !self.is_int(r) {
            let fine = self.block();
            let odd = self.b.ins().band_imm_s(word, 1);
            self.b.ins().brif(odd, slow, &[], fine, &[]);
            self.b.switch_to_block(fine);
        }
        (self.b.ins().sshr_imm_s(word, 1), word)
    }

    pub(super) fn get_index(&mut self, i: Instr) {
        let object = self.tagged(i.b());
        let raw = i.op() == Some(Op::ArrGet);
        if self.inst().hint == OF_MAP {
            let key = match i.op() {
                Some(Op::ArrGet) => self.raw_int(i.c()),
                Some(Op::GetIndexI) => self.word(Value::int_unchecked(i.sc().into()).bits() as i64),
                _ => self.tagged(i.c()),
            };
            let value = self.get_by_helper(raw, object, key);
            return self.set(i.a(), value, ALL);
        }
        let (slow, done) = (self.cold(), self.result_block());
        let (index, key) = match i.op() {
            Some(Op::GetIndexI) => {
                (self.word(i.sc().into()), self.word(Value::int_unchecked(i.sc().into()).bits() as i64))
            }
            Some(Op::ArrGet) => {
                let index = self.raw_int(i.c());
                (index, index)
            }
            _ => self.index(i.c(), slow),
        };
        let element = if raw { self.element_of(i.b(), index, class_id::ARRAY, slow) } else { None };
        let element = match element {
            Some((element, _)) => element,
            None => {
                self.expect_kind_known(i.b(), object, Kind::Array, slow);
                self.element(object, index, slow).0
            }
        };
        let value = self.load(element, SLOTS);
        self.b.ins().jump(done, &[value.into()]);
        self.b.switch_to_block(slow);
        let value = self.get_by_helper(raw, object, key);
        self.b.ins().jump(done, &[value.into()]);
        self.take_result(i.a(), done, ALL);
    }

    /// An element of whatever it is, by a key that is a value or a raw integer.
    fn get_by_helper(&mut self, raw: bool, object: Ir, key: Ir) -> Ir {
        let args = [self.thread, object, key];
        match raw {
            true => self.helper_for_free(runtime::get_raw as *const () as usize, b"iii>i", &args),
            false => self.helper(runtime::get_index as *const () as usize, b"iii>i", &args),
        }
    }

    pub(super) fn set_index(&mut self, i: Instr) {
        let object = self.tagged(i.a());
        let known = self.known(i.c());
        let value = self.tagged(i.c());
        let raw = i.op() == Some(Op::ArrSet);
        let set = match raw {
            true => runtime::set_raw as *const () as usize,
            false => runtime::set_index as *const () as usize,
        };
        if self.inst().hint == OF_MAP {
            let key = if raw { self.raw_int(i.b()) } else { self.tagged(i.b()) };
            self.helper_for_free(set, b"iiii>i", &[self.thread, object, key, value]);
            return;
        }
        let (slow, done) = (self.cold(), self.block());
        let (index, key) = match raw {
            true => {
                let index = self.raw_int(i.b());
                (index, index)
            }
            false => self.index(i.b(), slow),
        };
        let element = if raw { self.element_of(i.a(), index, class_id::ARRAY, slow) } else { None };
        let (element, buffer) = match element {
            Some(found) => found,
            None => {
                self.expect_kind_known(i.a(), object, Kind::Array, slow);
                self.element(object, index, slow)
            }
        };
        let slot = self.b.ins().iadd_imm_s(element, i64::from(SLOTS));
        self.store_slot(value, buffer, slot, known);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(slow);
        self.helper_for_free(set, b"iiii>i", &[self.thread, object, key, value]);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    /// Appends to an array of the own heap.
    pub(super) fn push(&mut self, array: u16, value: u16) {
        let (known, stored) = (self.known(array), self.known(value));
        let (array, value) = (self.tagged(array), self.tagged(value));
        let (slow, done) = (self.cold(), self.block());
        if !known.is(class_id::ARRAY) {
            self.expect_kind(array, Kind::Array, slow);
        }
        let (length, buffer) = (self.load(array, LENGTH), self.load(array, BUFFER));
        let capacity = self.load(buffer, CAPACITY);
        let fits = self.b.ins().icmp(IntCC::UnsignedLessThan, length, capacity);
        let room = self.block();
        self.go_if(fits, room, slow);
        self.b.switch_to_block(room);
        let offset = self.b.ins().ishl_imm_s(length, 3);
        let slot = self.b.ins().iadd(buffer, offset);
        let slot = self.b.ins().iadd_imm_s(slot, i64::from(SLOTS));
        self.store_slot(value, buffer, slot, stored);
        // Readers elsewhere see the element before the length that includes it.
        let longer = self.b.ins().iadd_imm_s(length, 1);
        let at = self.b.ins().iadd_imm_s(array, i64::from(LENGTH));
        self.publish(longer, at);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(slow);
        self.helper_for_free(runtime::push as *const () as usize, b"iii>i", &[self.thread, array, value]);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    /// The address of element `index` of the typed array in register `r`, which `op` works on; `other` if there is no such element.
    fn typed_element(&mut self, op: Op, r: u16, index: Ir, other: Block) -> Ir {
        let object = self.tagged(r);
        if let Some((element, _)) = self.element_of(r, index, masks::typed_class(op), other) {
            return element;
        }
        let kind = if matches!(op, Op::FAGet | Op::FASet) { Kind::FloatArray } else { Kind::IntArray };
        self.expect_kind_known(r, object, kind, other);
        self.element(object, index, other).0
    }

    /// Where control goes if an array is not what was expected: a slow way where that has happened before, out of compiled code else.
    fn otherwise(&mut self) -> Block {
        if self.wide() { self.cold() } else { self.deopt() }
    }

    /// Whether what a typed access has found in a register is certainly no view of another thread's array.
    fn is_own(&self, r: u16, op: Op) -> bool {
        let (r, class) = (r as usize, masks::typed_class(op));
        let viewed = self.views.any && self.views.classes[r] == class;
        !viewed || self.views.written.has(r) || self.known(r as u16).is(class)
    }

    pub(super) fn get_typed(&mut self, i: Instr) {
        let op = i.op().expect("verified");
        let form = if op == Op::FAGet { F64 } else { I64 };
        let (index, other) = (self.raw_int(i.c()), self.otherwise());
        let element = self.typed_element(op, i.b(), index, other);
        let mut value = match self.layout.stores_in_order || self.is_own(i.b(), op) {
            true => self.b.ins().load(form, MemFlagsData::trusted(), element, SLOTS),
            false => {
                let word = self.load_foreign(element, SLOTS);
                if form == F64 { self.float_of(word) } else { word }
            }
        };
        if self.wide() {
            let (fine, done) = (self.cold(), self.block());
            self.b.append_block_param(done, form);
            self.b.ins().jump(done, &[value.into()]);
            self.b.switch_to_block(other);
            let (object, class) = (self.tagged(i.b()), self.word(masks::typed_class(op).into()));
            let helper = runtime::get_typed as *const () as usize;
            let found = self.call_placed(helper, b"iiii>ii", &[self.thread, object, index, class]);
            let leaving = self.leaving();
            self.go_if(found[1], fine, leaving);
            self.b.switch_to_block(fine);
            let word = if form == F64 { self.float_of(found[0]) } else { found[0] };
            self.b.ins().jump(done, &[word.into()]);
            self.b.switch_to_block(done);
            value = self.b.block_params(done)[0];
        }
        match form {
            F64 => self.set_raw_float(i.a(), value),
            _ => self.set_raw_int(i.a(), value),
        }
    }

    pub(super) fn set_typed(&mut self, i: Instr) {
        let op = i.op().expect("verified");
        let (index, other) = (self.raw_int(i.b()), self.otherwise());
        let element = self.typed_element(op, i.a(), index, other);
        let value = self.b.use_var(self.words[i.c() as usize]);
        self.publish_at(value, element, SLOTS);
        if self.wide() {
            let done = self.block();
            self.b.ins().jump(done, &[]);
            self.b.switch_to_block(other);
            let (object, word) = (self.tagged(i.a()), self.raw_int(i.c()));
            let helper = match op {
                Op::FASet => runtime::set_float as *const () as usize,
                _ => runtime::set_int as *const () as usize,
            };
            self.helper(helper, b"iiii>i", &[self.thread, object, index, word]);
            self.b.ins().jump(done, &[]);
            self.b.switch_to_block(done);
        }
    }
}
