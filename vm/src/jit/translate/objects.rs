//! Attributes, elements, variables: read and written inline where the object is what it was seen to be.

use super::super::masks::{ALL, ARRAY, FLOAT, INT, NULL, OTHER};
use super::super::runtime;
use super::Translator;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::code::LinkedType;
use crate::interp::access;
use crate::object::Kind;
use crate::object::array::Array;
use crate::object::function::Closure;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};
use std::mem::offset_of;

/// What a value's tag adds to the address.
const TAG: i32 = 1;
const LENGTH: i32 = offset_of!(Array, len) as i32 - TAG;
const BUFFER: i32 = offset_of!(Array, buffer) as i32 - TAG;
/// Where a buffer's slots begin.
const SLOTS: i32 = 16;

impl Translator<'_, '_> {
    /// Goes on if the value is an object of this kind, else to `other`.
    fn expect_kind(&mut self, value: Ir, kind: Kind, other: Block) {
        let (object, fine) = (self.block(), self.block());
        let tag = self.b.ins().band_imm_s(value, 7);
        let is_object = self.b.ins().icmp_imm_s(IntCC::Equal, tag, 1);
        self.b.ins().brif(is_object, object, &[], other, &[]);
        self.b.switch_to_block(object);
        let found = self.b.ins().load(I8, MemFlagsData::trusted(), value, -TAG);
        let same = self.b.ins().icmp_imm_s(IntCC::Equal, found, kind as i64);
        self.b.ins().brif(same, fine, &[], other, &[]);
        self.b.switch_to_block(fine);
    }

    /// Stores into a slot, with the write barrier unless the value is certainly no object.
    fn store_slot(&mut self, value: Ir, owner: Ir, address: Ir, mask: u8) {
        self.publish(value, address);
        if mask & (OTHER | ARRAY | FLOAT) == 0 {
            return;
        }
        let (check, log, done) = (self.block(), self.cold(), self.block());
        let tag = self.b.ins().band_imm_s(value, 7);
        let is_object = self.b.ins().icmp_imm_s(IntCC::Equal, tag, 1);
        self.b.ins().brif(is_object, check, &[], done, &[]);
        self.b.switch_to_block(check);
        let block = self.b.ins().band_imm_s(owner, !(self.layout.block as i64 - 1));
        let inside = self.b.ins().band_imm_s(owner, self.layout.block as i64 - 1);
        let granule = self.b.ins().ushr_imm_s(inside, 4);
        let side = self.b.ins().iadd(block, granule);
        let side = self.b.ins().load(I8, MemFlagsData::trusted(), side, 0);
        let to_log = self.b.ins().band_imm_s(side, i64::from(self.layout.log));
        self.b.ins().brif(to_log, log, &[], done, &[]);
        self.b.switch_to_block(log);
        self.call(runtime::log_slot as *const () as usize, b"iii>", &[self.thread, owner, address]);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    /// A store that makes what the value refers to visible to other threads' readers: on x86-64 all stores do.
    fn publish(&mut self, value: Ir, address: Ir) {
        if self.layout.stores_in_order {
            self.store(value, address, 0);
        } else {
            self.b.ins().atomic_store(MemFlagsData::trusted(), value, address);
        }
    }

    pub(super) fn current_task(&mut self, i: Instr) {
        let task = self.load(self.thread, std::mem::offset_of!(crate::thread::Thread, current) as i32);
        // The tag of a pointer.
        let value = self.b.ins().iadd_imm_s(task, 1);
        self.set(i.a(), value, ALL);
    }

    pub(super) fn captured(&mut self, i: Instr) {
        let cell = match i.op() {
            Some(Op::CellGet) => self.tagged(i.b()),
            _ => self.capture(i),
        };
        if i.op() == Some(Op::UpGet) {
            return self.set(i.a(), cell, ALL);
        }
        let other = self.deopt();
        self.expect_kind(cell, Kind::Cell, other);
        let value = self.load(cell, 8 - TAG);
        self.set(i.a(), value, ALL);
    }

    /// The address of variable `slot` of the module and the buffer that it lies in; `slow` if the variables are another thread's.
    fn variable(&mut self, slot: u32, slow: Block) -> (Ir, Ir) {
        // A thread that runs a function of the module knows the module's environment, or has an empty table.
        let count = self.load(self.thread, self.layout.environment_count);
        let known = self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThan, count, i64::from(self.code.env));
        let fine = self.block();
        self.b.ins().brif(known, fine, &[], slow, &[]);
        self.b.switch_to_block(fine);
        let first = self.load(self.thread, self.layout.environments);
        let env = self.load(first, self.code.env as i32 * 8);
        self.expect_kind(env, Kind::Array, slow);
        let buffer = self.load(env, BUFFER);
        (self.b.ins().iadd_imm_s(buffer, i64::from(SLOTS) + i64::from(slot) * 8), buffer)
    }

    pub(super) fn get_global(&mut self, i: Instr) {
        let (slow, done) = (self.cold(), self.result_block());
        let (address, _) = self.variable(i.d(), slow);
        let value = self.load(address, 0);
        let unset = self.b.ins().icmp_imm_s(IntCC::Equal, value, Value::EMPTY.bits() as i64);
        self.b.ins().brif(unset, slow, &[], done, &[value.into()]);
        self.b.switch_to_block(slow);
        let slot = self.word(i.d().into());
        let value = self.helper(runtime::get_global as *const () as usize, b"ii>i", &[self.thread, slot]);
        self.b.ins().jump(done, &[value.into()]);
        self.take_result(i, done);
    }

    pub(super) fn set_global(&mut self, i: Instr) {
        let mask = self.mask(i.a());
        let value = self.tagged(i.a());
        let (slow, done) = (self.cold(), self.block());
        let (address, buffer) = self.variable(i.d(), slow);
        self.store_slot(value, buffer, address, mask);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(slow);
        let slot = self.word(i.d().into());
        self.helper(runtime::set_global as *const () as usize, b"iii>i", &[self.thread, slot, value]);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    /// Assigns a captured variable.
    pub(super) fn set_cell(&mut self, i: Instr) {
        let (cell, value) = match i.op() {
            Some(Op::CellSet) => (self.tagged(i.a()), i.b()),
            _ => (self.capture(i), i.a()),
        };
        let mask = self.mask(value);
        let value = self.tagged(value);
        let other = self.deopt();
        self.expect_kind(cell, Kind::Cell, other);
        let owner = self.b.ins().iadd_imm_s(cell, -i64::from(TAG));
        let address = self.b.ins().iadd_imm_s(owner, 8);
        self.store_slot(value, owner, address, mask);
    }

    /// The captured value of the running closure that operand `b` names.
    fn capture(&mut self, i: Instr) -> Ir {
        let base = self.b.use_var(self.base);
        let callee = self.load(base, -8);
        self.load(callee, size_of::<Closure>() as i32 + i32::from(i.b()) * 8 - TAG)
    }

    /// Goes on if the register's value is an object of a class that has the attribute of this site where it was seen: else leaves
    /// compiled code where one class is taken for granted, or goes to `slow`.
    fn expect_slot(&mut self, r: u16, value: Ir, number: u16, slow: Block) {
        let site = self.feedback.site(number);
        if self.state.classes[r as usize] == site.class {
            return;
        }
        let classes = self.feedback.classes(number);
        let fits = self.is_of_class(value, &classes);
        if self.feedback.one_class(number, self.assume) {
            self.guard(fits);
            self.state.classes[r as usize] = site.class;
        } else {
            let fast = self.block();
            self.b.ins().brif(fits, fast, &[], slow, &[]);
            self.b.switch_to_block(fast);
        }
    }

    pub(super) fn get_attr(&mut self, i: Instr) {
        let site = self.feedback.site(i.c());
        let object = self.tagged(i.b());
        let one = self.feedback.one_class(i.c(), self.assume);
        let slow = self.cold();
        if one && site.kind == access::SLOT {
            self.expect_slot(i.b(), object, i.c(), slow);
            let value = self.load(object, 8 + site.data as i32 * 8 - TAG);
            self.set(i.a(), value, self.feedback.slot_mask(i.c()));
            return self.unreachable(slow);
        }
        let done = self.result_block();
        if site.kind == access::SLOT {
            self.expect_slot(i.b(), object, i.c(), slow);
            let value = self.load(object, 8 + site.data as i32 * 8 - TAG);
            self.b.ins().jump(done, &[value.into()]);
        } else {
            self.b.ins().jump(slow, &[]);
        }
        self.otherwise_get_attr(i, object, slow, done);
    }

    /// The slow way of reading the attribute that operand `c` names, in block `slow`; then on with the result of either way.
    fn otherwise_get_attr(&mut self, i: Instr, object: Ir, slow: Block, done: Block) {
        self.b.switch_to_block(slow);
        let number = self.word(i.c().into());
        let value =
            self.helper(runtime::get_attr as *const () as usize, b"iii>i", &[self.thread, object, number]);
        self.b.ins().jump(done, &[value.into()]);
        self.take_result(i, done);
    }

    /// A block that turned out not to be needed.
    fn unreachable(&mut self, block: Block) {
        let go_on = self.block();
        self.b.ins().jump(go_on, &[]);
        self.b.switch_to_block(block);
        self.b.ins().trap(cranelift_codegen::ir::TrapCode::unwrap_user(1));
        self.b.switch_to_block(go_on);
    }

    /// Goes on if the value fits what the attribute may hold, else to `slow`. What is known of it then.
    fn expect_fitting(
        &mut self,
        fitting: access::Fitting,
        target: u64,
        value: Ir,
        mask: u8,
        slow: Block,
    ) -> u8 {
        use access::Fitting;
        let fast = self.block();
        let mask = match fitting {
            Fitting::Any => {
                self.b.ins().jump(fast, &[]);
                mask
            }
            Fitting::Float if mask == FLOAT => {
                self.b.ins().jump(fast, &[]);
                FLOAT
            }
            Fitting::Int => {
                let odd = self.b.ins().band_imm_s(value, 1);
                self.b.ins().brif(odd, slow, &[], fast, &[]);
                INT
            }
            Fitting::Float => {
                let tag = self.b.ins().band_imm_s(value, 3);
                let is_float = self.b.ins().icmp_imm_s(IntCC::Equal, tag, 3);
                self.b.ins().brif(is_float, fast, &[], slow, &[]);
                NULL
            }
            Fitting::Bool => {
                let without = self.b.ins().band_imm_s(value, !0x18);
                let is_bool = self.b.ins().icmp_imm_s(IntCC::Equal, without, 5);
                let not_null = self.b.ins().icmp_imm_s(IntCC::NotEqual, value, Value::NULL.bits() as i64);
                let not_empty = self.b.ins().icmp_imm_s(IntCC::NotEqual, value, Value::EMPTY.bits() as i64);
                let fits = self.b.ins().band(is_bool, not_null);
                let fits = self.b.ins().band(fits, not_empty);
                self.b.ins().brif(fits, fast, &[], slow, &[]);
                NULL
            }
            Fitting::Str => {
                self.expect_kind(value, Kind::Str, slow);
                self.b.ins().jump(fast, &[]);
                OTHER
            }
            Fitting::Class => {
                let not_null = self.block();
                let null = self.b.ins().icmp_imm_s(IntCC::Equal, value, Value::NULL.bits() as i64);
                self.b.ins().brif(null, fast, &[], not_null, &[]);
                self.b.switch_to_block(not_null);
                let fits = self.is_of_class(value, &[target as u32]);
                let fits = self.method_epoch_is((target >> 32) as u32, fits);
                self.b.ins().brif(fits, fast, &[], slow, &[]);
                OTHER
            }
        };
        self.b.switch_to_block(fast);
        mask
    }

    pub(super) fn set_attr(&mut self, i: Instr) {
        let site = self.feedback.site(i.c());
        let mask = self.mask(i.b());
        let (object, value) = (self.tagged(i.a()), self.tagged(i.b()));
        let (slow, done) = (self.cold(), self.block());
        if let Some(fitting) = access::fitting_tag(site.kind) {
            self.expect_slot(i.a(), object, i.c(), slow);
            let mask = self.expect_fitting(fitting, site.target, value, mask, slow);
            let owner = self.b.ins().iadd_imm_s(object, -i64::from(TAG));
            let slot = self.b.ins().iadd_imm_s(owner, 8 + i64::from(site.data) * 8);
            self.store_slot(value, owner, slot, mask);
            self.b.ins().jump(done, &[]);
        } else {
            self.b.ins().jump(slow, &[]);
        }
        self.b.switch_to_block(slow);
        let number = self.word(i.c().into());
        self.helper(
            runtime::set_attr as *const () as usize,
            b"iiii>i",
            &[self.thread, object, value, number],
        );
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    /// Checks a value against a declared type: the common ways to fit inline.
    pub(super) fn check_type(&mut self, i: Instr) {
        // SAFETY: linked code lives as long as the VM; the verifier checked the type's index.
        let module = unsafe { &*self.code.module };
        let ty = &module.types[i.b() as usize];
        let before = self.mask(i.a());
        let known = match ty {
            LinkedType::Int => INT,
            LinkedType::Float => FLOAT,
            LinkedType::Bool => super::super::masks::BOOL,
            LinkedType::Any => ALL,
            _ => 0,
        };
        if before & !known == 0 {
            return;
        }
        let value = self.tagged(i.a());
        let (slow, fast, done) = (self.cold(), self.block(), self.block());
        self.b.append_block_param(done, I64);
        match ty {
            LinkedType::Class(_) | LinkedType::Global(_) | LinkedType::Member(..) => {
                let not_null = self.block();
                let null = self.b.ins().icmp_imm_s(IntCC::Equal, value, Value::NULL.bits() as i64);
                self.b.ins().brif(null, fast, &[], not_null, &[]);
                self.b.switch_to_block(not_null);
                let object = self.block();
                let tag = self.b.ins().band_imm_s(value, 7);
                let is_object = self.b.ins().icmp_imm_s(IntCC::Equal, tag, i64::from(TAG));
                self.b.ins().brif(is_object, object, &[], slow, &[]);
                self.b.switch_to_block(object);
                // The word that fitted last: method epoch and class.
                let class = self.b.ins().uload32(MemFlagsData::trusted(), value, 4 - TAG);
                let at = self.word(self.layout.method_epoch as i64);
                let epoch = self.b.ins().uload32(MemFlagsData::trusted(), at, 0);
                let epoch = self.b.ins().ishl_imm_s(epoch, 32);
                let word = self.b.ins().bor(epoch, class);
                let seen = self.address(std::ptr::from_ref(&module.types_seen[i.b() as usize]));
                let seen = self.load(seen, 0);
                let same = self.b.ins().icmp(IntCC::Equal, seen, word);
                self.b.ins().brif(same, fast, &[], slow, &[]);
            }
            LinkedType::Str => {
                self.expect_kind(value, Kind::Str, slow);
                self.b.ins().jump(fast, &[]);
            }
            _ => {
                let fitting = match ty {
                    LinkedType::Int => access::Fitting::Int,
                    LinkedType::Float => access::Fitting::Float,
                    LinkedType::Bool => access::Fitting::Bool,
                    _ => access::Fitting::Any,
                };
                self.expect_fitting(fitting, 0, value, before, slow);
                self.b.ins().jump(fast, &[]);
            }
        }
        self.b.switch_to_block(fast);
        self.b.ins().jump(done, &[value.into()]);
        self.b.switch_to_block(slow);
        let (ty, what) = (self.word(i.b().into()), self.word(i.c().into()));
        let fitted = self.helper(
            runtime::check_type as *const () as usize,
            b"iiii>i",
            &[self.thread, value, ty, what],
        );
        self.b.ins().jump(done, &[fitted.into()]);
        self.b.switch_to_block(done);
        let value = self.b.block_params(done)[0];
        let class = self.state.classes[i.a() as usize];
        let mut masks = self.state.masks.clone();
        super::super::masks::apply(self.code, self.feedback, self.assume, i, &mut masks);
        self.set(i.a(), value, masks[i.a() as usize]);
        self.state.classes[i.a() as usize] = class;
    }

    /// `is`, as a flag.
    pub(super) fn is_type(&mut self, value: u16, ty: u16) -> Ir {
        let value = self.tagged(value);
        let ty = self.word(ty.into());
        let found = self.helper(runtime::is_type as *const () as usize, b"iii>i", &[self.thread, value, ty]);
        self.b.ins().icmp_imm_s(IntCC::Equal, found, Value::TRUE.bits() as i64)
    }

    pub(super) fn length(&mut self, i: Instr) {
        let object = self.tagged(i.b());
        let (slow, done) = (self.cold(), self.result_block());
        self.expect_kind(object, Kind::Array, slow);
        let length = self.load(object, LENGTH);
        let word = self.b.ins().ishl_imm_s(length, 1);
        self.b.ins().jump(done, &[word.into()]);
        self.otherwise_get_attr(i, object, slow, done);
    }

    /// The address of element `index` of an array whose kind was checked; `slow` if it is not inside.
    fn element(&mut self, array: Ir, index: Ir, slow: Block) -> (Ir, Ir) {
        let length = self.load(array, LENGTH);
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, index, length);
        let fine = self.block();
        self.b.ins().brif(inside, fine, &[], slow, &[]);
        self.b.switch_to_block(fine);
        let buffer = self.load(array, BUFFER);
        let offset = self.b.ins().ishl_imm_s(index, 3);
        (self.b.ins().iadd(buffer, offset), buffer)
    }

    /// The index operand as an integer, and as a value for the slow path; `slow` if it is no small integer.
    fn index(&mut self, r: u16, slow: Block) -> (Ir, Ir) {
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
        let (slow, done) = (self.cold(), self.result_block());
        let raw = i.op() == Some(Op::ArrGet);
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
        self.expect_kind(object, Kind::Array, slow);
        let (element, _) = self.element(object, index, slow);
        let value = self.load(element, SLOTS);
        self.b.ins().jump(done, &[value.into()]);
        self.b.switch_to_block(slow);
        let value = match raw {
            true => {
                self.helper(runtime::get_raw as *const () as usize, b"iii>i", &[self.thread, object, key])
            }
            false => self.binary_slowly(Op::GetIndex, object, key),
        };
        self.b.ins().jump(done, &[value.into()]);
        self.take_result(i, done);
    }

    pub(super) fn set_index(&mut self, i: Instr) {
        let object = self.tagged(i.a());
        let mask = self.mask(i.c());
        let value = self.tagged(i.c());
        let (slow, done) = (self.cold(), self.block());
        let raw = i.op() == Some(Op::ArrSet);
        let (index, key) = match raw {
            true => {
                let index = self.raw_int(i.b());
                (index, index)
            }
            false => self.index(i.b(), slow),
        };
        self.expect_kind(object, Kind::Array, slow);
        let (element, buffer) = self.element(object, index, slow);
        let slot = self.b.ins().iadd_imm_s(element, i64::from(SLOTS));
        self.store_slot(value, buffer, slot, mask);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(slow);
        let address = match raw {
            true => runtime::set_raw as *const () as usize,
            false => runtime::set_index as *const () as usize,
        };
        self.helper(address, b"iiii>i", &[self.thread, object, key, value]);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    pub(super) fn push(&mut self, i: Instr) {
        let (array, value) = (self.tagged(i.a()), self.tagged(i.b()));
        self.helper(runtime::push as *const () as usize, b"iii>i", &[self.thread, array, value]);
    }

    pub(super) fn get_typed(&mut self, i: Instr) {
        let float = i.op() == Some(Op::FAGet);
        let object = self.tagged(i.b());
        let index = self.raw_int(i.c());
        let other = self.deopt();
        self.expect_kind(object, if float { Kind::FloatArray } else { Kind::IntArray }, other);
        let (element, _) = self.element(object, index, other);
        if float {
            let value =
                self.b.ins().load(cranelift_codegen::ir::types::F64, MemFlagsData::trusted(), element, SLOTS);
            self.set_raw_float(i.a(), value);
        } else {
            let value = self.load(element, SLOTS);
            self.set_raw_int(i.a(), value);
        }
    }

    pub(super) fn set_typed(&mut self, i: Instr) {
        let float = i.op() == Some(Op::FASet);
        let object = self.tagged(i.a());
        let index = self.raw_int(i.b());
        let other = self.deopt();
        self.expect_kind(object, if float { Kind::FloatArray } else { Kind::IntArray }, other);
        let (element, _) = self.element(object, index, other);
        let value = self.b.use_var(self.words[i.c() as usize]);
        self.store(value, element, SLOTS);
    }

    pub(super) fn iterate(&mut self, i: Instr) {
        if i.n() != 1 {
            return self.step(i);
        }
        let (state, position) = (self.tagged(i.a()), self.tagged(i.a() + 1));
        // The values that the slow way leaves in the frame.
        for r in [i.a(), i.a() + 1, i.b()] {
            self.tagged(r);
        }
        let (slow, done) = (self.block(), self.block());
        for _ in 0..3 {
            self.b.append_block_param(done, I64);
        }
        self.expect_kind(state, Kind::Array, slow);
        let index = self.b.ins().sshr_imm_s(position, 1);
        let (element, _) = self.element(state, index, slow);
        let value = self.load(element, SLOTS);
        let next = self.b.ins().iadd_imm_s(position, 2);
        self.b.ins().jump(done, &[state.into(), next.into(), value.into()]);
        let before = self.state.clone();
        self.b.switch_to_block(slow);
        self.step(i);
        let words: Vec<Ir> =
            [i.a(), i.a() + 1, i.b()].iter().map(|r| self.b.use_var(self.words[*r as usize])).collect();
        self.b.ins().jump(done, &[words[0].into(), words[1].into(), words[2].into()]);
        self.state = before;
        self.b.switch_to_block(done);
        let results = self.b.block_params(done).to_vec();
        self.set(i.a(), results[0], ALL);
        self.set(i.a() + 1, results[1], INT);
        self.set(i.b(), results[2], ALL);
    }
}
