//! Loops over what a value holds: arrays and maps step by step in place, the rest by the runtime or the interpreter.

use super::super::family::Classes;
use super::super::masks::{ALL, INT, Known};
use super::super::runtime;
use super::Translator;
use super::arrays::SLOTS;
use super::objects::TAG;
use crate::bytecode::Instr;
use crate::object::map::{Entry, Table};
use crate::object::{Kind, class_id};
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ir};
use std::mem::offset_of;

impl Translator<'_, '_> {
    /// Begins iterating: over an array at once, over anything else by the interpreter.
    pub(super) fn iter_start(&mut self, i: Instr) {
        let value = self.tagged(i.b());
        if self.inst().begins_over_array(self.assume) {
            self.expect_one_of(i.b(), &[class_id::ARRAY], None);
            self.learn(i.b(), Known::of_class(class_id::ARRAY));
        }
        if self.known(i.b()).is(class_id::ARRAY) {
            self.set_known(i.a(), value, Known::of_class(class_id::ARRAY));
            return self.constant(i.a() + 1, Value::int_unchecked(0));
        }
        let (slow, done) = (self.block(), self.block());
        self.b.append_block_param(done, I64);
        self.b.append_block_param(done, I64);
        self.expect_kind(value, Kind::Array, slow);
        let zero = self.word(0);
        self.b.ins().jump(done, &[value.into(), zero.into()]);
        let before = self.state.clone();
        self.b.switch_to_block(slow);
        self.step();
        let words = [i.a(), i.a() + 1].map(|r| self.b.use_var(self.words[r as usize]));
        self.b.ins().jump(done, &[words[0].into(), words[1].into()]);
        self.state = before;
        self.state.epoch = false;
        self.b.switch_to_block(done);
        let results = self.b.block_params(done).to_vec();
        self.set(i.a(), results[0], ALL);
        self.set(i.a() + 1, results[1], INT);
    }

    /// The next position, the key and the value of an iteration over a map that is not changed meanwhile; to `other` where it comes to its end or
    /// to an entry that was removed, and for anything else than a map.
    fn entry_of_map(&mut self, table: Ir, position: Ir, other: Block) -> (Ir, Ir, Ir) {
        self.expect_kind(table, Kind::MapTable, other);
        let index = self.b.ins().sshr_imm_s(position, 1);
        let used = self.load(table, offset_of!(Table, used) as i32 - TAG);
        let newer = self.load(table, offset_of!(Table, next) as i32 - TAG);
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, index, used);
        let current = self.b.ins().icmp_imm_s(IntCC::Equal, newer, 0);
        let (there, entry) = (self.b.ins().band(inside, current), self.block());
        self.go_if(there, entry, other);
        self.b.switch_to_block(entry);
        let distance = self.b.ins().imul_imm_s(index, size_of::<Entry>() as i64);
        let entry = self.b.ins().iadd(table, distance);
        let first = size_of::<Table>() as i32 - TAG;
        let key = self.load(entry, first + offset_of!(Entry, key) as i32);
        let value = self.load(entry, first + offset_of!(Entry, value) as i32);
        let removed = self.b.ins().icmp_imm_s(IntCC::Equal, value, Value::EMPTY.bits() as i64);
        let found = self.block();
        self.b.ins().brif(removed, other, &[], found, &[]);
        self.b.switch_to_block(found);
        (self.b.ins().iadd_imm_s(position, 2), key, value)
    }

    /// The next element: of an array or a map at once, of anything else by the interpreter.
    pub(super) fn iterate(&mut self, i: Instr) {
        if !self.is_int(i.a() + 1) {
            return self.step();
        }
        let (state, position) = (self.tagged(i.a()), self.tagged(i.a() + 1));
        let array = self.known(i.a());
        let is_array = array.is(class_id::ARRAY);
        let written: Classes = match i.n() {
            2 => {
                Classes::from_slice(&[i.a().into(), u32::from(i.a()) + 1, i.b().into(), u32::from(i.b()) + 1])
            }
            _ => Classes::from_slice(&[i.a().into(), u32::from(i.a()) + 1, i.b().into()]),
        };
        // The values that the slow way leaves in the frame.
        for &r in &written {
            self.tagged(r as u16);
        }
        let done = self.block();
        for _ in &written {
            self.b.append_block_param(done, I64);
        }
        let slow = (!is_array).then(|| self.block());
        if let Some(slow) = slow {
            self.expect_kind(state, Kind::Array, slow);
        }
        let before = self.state.clone();
        let index = self.b.ins().sshr_imm_s(position, 1);
        let end = self.block();
        let (element, _) = self.element(state, index, end);
        let value = self.load(element, SLOTS);
        let next = self.b.ins().iadd_imm_s(position, 2);
        self.go_with(i, done, [state, next], [position, value], value);
        self.b.switch_to_block(end);
        self.goto(self.target());
        self.state = before.clone();
        if let Some(slow) = slow {
            self.b.switch_to_block(slow);
            let other = self.block();
            let (next, key, value) = self.entry_of_map(state, position, other);
            self.go_with(i, done, [state, next], [key, value], key);
            self.b.switch_to_block(other);
            let element = runtime::next_element as *const () as usize;
            let variables = self.word(i.n().into());
            let results = self.call(element, b"iiii>ii", &[self.thread, state, position, variables]);
            let (value, next, found, general) = (results[0], results[1], self.block(), self.block());
            self.b.ins().brif(next, found, &[], general, &[]);
            self.b.switch_to_block(found);
            self.go_with(i, done, [state, next], [position, value], value);
            self.b.switch_to_block(general);
            self.step();
            let words: Vec<_> =
                written.iter().map(|r| self.b.use_var(self.words[*r as usize]).into()).collect();
            self.b.ins().jump(done, &words);
            self.state = before;
            self.state.epoch = false;
        }
        self.b.switch_to_block(done);
        let results = self.b.block_params(done).to_vec();
        let known = if is_array { array } else { Known::form(ALL) };
        self.set_known(i.a(), results[0], known);
        self.set(i.a() + 1, results[1], INT);
        for (k, &r) in written.iter().enumerate().skip(2) {
            self.set(r as u16, results[k], ALL);
        }
    }

    /// Goes to `done` with where the iteration stands and its element: one value or two, by how many variables it has.
    fn go_with(&mut self, i: Instr, done: Block, place: [Ir; 2], two: [Ir; 2], one: Ir) {
        let element: &[Ir] = if i.n() == 2 { &two } else { &[one] };
        let words: Vec<_> = place.iter().chain(element).map(|word| (*word).into()).collect();
        self.b.ins().jump(done, &words);
    }
}
