//! Attributes, elements, variables: read and written inline where the object is what it was seen to be.

use super::super::family::{Classes, Family};
use super::super::masks::{self, ALL, ARRAY, BIG, FLOAT, INT, Known, Mask, NULL, OTHER};
use super::super::runtime;
use super::Translator;
use super::arrays::SLOTS;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::class::Class;
use crate::code::LinkedType;
use crate::interp::access::{self, Fitting};
use crate::object::function::Closure;
use crate::object::proxy::Proxy;
use crate::object::{Kind, class_id};
use crate::thread::environments::Environments;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F64, I8, I32};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};
use std::mem::offset_of;

/// What a value's tag adds to the address.
pub(super) const TAG: i32 = 1;
/// Instances larger than this are made by a helper.
const MAX_INLINE_BYTES: usize = 256;

impl Translator<'_, '_> {
    /// Goes on if the value, which has one of these forms, is an object, else to `other`.
    pub(super) fn expect_object_among(&mut self, value: Ir, forms: Mask, other: Block) {
        match forms & !(Known::OBJECTS | BIG) {
            0 => {}
            NULL => {
                let object = self.block();
                let null = self.is_null(value);
                self.b.ins().brif(null, other, &[], object, &[]);
                self.b.switch_to_block(object);
            }
            _ => self.expect_object(value, other),
        }
    }

    /// Goes on if the value is an object, else to `other`.
    pub(super) fn expect_object(&mut self, value: Ir, other: Block) {
        let object = self.block();
        let is_object = self.is_object(value);
        self.go_if(is_object, object, other);
        self.b.switch_to_block(object);
    }

    /// Goes on if the value is an object of this kind, else to `other`.
    pub(super) fn expect_kind(&mut self, value: Ir, kind: Kind, other: Block) {
        self.expect_object(value, other);
        let fine = self.block();
        let found = self.b.ins().load(I8, MemFlagsData::trusted(), value, -TAG);
        let same = self.b.ins().icmp_imm_s(IntCC::Equal, found, kind as i64);
        self.go_if(same, fine, other);
        self.b.switch_to_block(fine);
    }

    /// As [`expect_kind`](Self::expect_kind) for a register's value, unless its class says it.
    pub(super) fn expect_kind_known(&mut self, r: u16, value: Ir, kind: Kind, other: Block) {
        let class = match kind {
            Kind::Array => class_id::ARRAY,
            Kind::FloatArray => class_id::FLOAT_ARRAY,
            Kind::IntArray => class_id::INT_ARRAY,
            Kind::Function => class_id::FUNCTION,
            _ => 0,
        };
        // Natives and bound methods share the class of functions.
        if kind != Kind::Function && self.known(r).is(class) {
            return;
        }
        if kind != Kind::Function
            && class != 0
            && self.known(r).family.single() == Some(class)
            && self.mask(r) & !(NULL | ARRAY | OTHER) == 0
        {
            return self.expect_one_of(r, &[class], Some(other));
        }
        self.expect_kind(value, kind, other);
    }

    /// Stores into a slot, with the write barrier unless the value, of which this is known, is certainly no object.
    pub(super) fn store_slot(&mut self, value: Ir, owner: Ir, address: Ir, known: Known) {
        self.publish(value, address);
        if known.mask & (OTHER | ARRAY | FLOAT | BIG) == 0 {
            return;
        }
        let (log, done) = (self.cold(), self.block());
        self.expect_object_among(value, known.mask, done);
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
    pub(super) fn publish(&mut self, value: Ir, address: Ir) {
        if self.layout.stores_in_order {
            self.store(value, address, 0);
        } else {
            self.b.ins().atomic_store(MemFlagsData::trusted(), value, address);
        }
    }

    /// The same for a word that refers to nothing, or a float, at an offset: who sees it sees what was written before.
    pub(super) fn publish_at(&mut self, value: Ir, to: Ir, offset: i32) {
        if self.layout.stores_in_order {
            return self.store(value, to, offset);
        }
        let word = if self.b.func.dfg.value_type(value) == F64 { self.bits_of(value) } else { value };
        let address = self.b.ins().iadd_imm_s(to, i64::from(offset));
        self.b.ins().atomic_store(MemFlagsData::trusted(), word, address);
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
        if self.wide() {
            let (other, done) = (self.block(), self.result_block());
            self.expect_kind(cell, Kind::Cell, other);
            let value = self.load(cell, 8 - TAG);
            self.b.ins().jump(done, &[value.into()]);
            let state = self.state.clone();
            self.otherwise_step(Some(i.a()), other, done, state);
            return self.take_result(i.a(), done, ALL);
        }
        let other = self.deopt();
        self.expect_kind(cell, Kind::Cell, other);
        let value = self.load(cell, 8 - TAG);
        self.set(i.a(), value, ALL);
    }

    /// The address of variable `slot` of the module and the buffer that it lies in; `slow` if the variables are another thread's.
    fn variable(&mut self, slot: u32, slow: Block) -> (Ir, Ir) {
        let env = self.code().env;
        if env as usize >= Environments::LEAST {
            let count = self.load(self.thread, self.layout.environment_count);
            let known = self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThan, count, i64::from(env));
            let fine = self.block();
            self.go_if(known, fine, slow);
            self.b.switch_to_block(fine);
        }
        let first = self.load(self.thread, self.layout.environments);
        let buffer = self.load(first, env as i32 * 8);
        let own = self.block();
        self.go_if(buffer, own, slow);
        self.b.switch_to_block(own);
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
        let value =
            self.helper_for_free(runtime::get_global as *const () as usize, b"ii>i", &[self.thread, slot]);
        self.b.ins().jump(done, &[value.into()]);
        self.take_result(i.a(), done, ALL);
    }

    pub(super) fn set_global(&mut self, i: Instr) {
        let known = self.known(i.a());
        let value = self.tagged(i.a());
        let (slow, done) = (self.cold(), self.block());
        let (address, buffer) = self.variable(i.d(), slow);
        self.store_slot(value, buffer, address, known);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(slow);
        let slot = self.word(i.d().into());
        self.helper_for_free(
            runtime::set_global as *const () as usize,
            b"iii>i",
            &[self.thread, slot, value],
        );
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    /// Assigns a captured variable.
    pub(super) fn set_cell(&mut self, i: Instr) {
        let (cell, value) = match i.op() {
            Some(Op::CellSet) => (self.tagged(i.a()), i.b()),
            _ => (self.capture(i), i.a()),
        };
        let known = self.known(value);
        let value = self.tagged(value);
        let other = if self.wide() { self.block() } else { self.deopt() };
        self.expect_kind(cell, Kind::Cell, other);
        let owner = self.b.ins().iadd_imm_s(cell, -i64::from(TAG));
        let address = self.b.ins().iadd_imm_s(owner, 8);
        self.store_slot(value, owner, address, known);
        if self.wide() {
            // Another thread's variable.
            let (state, done) = (self.state.clone(), self.block());
            self.b.ins().jump(done, &[]);
            self.otherwise_step(None, other, done, state);
            self.b.switch_to_block(done);
        }
    }

    /// The captured value of the running closure that operand `b` names.
    fn capture(&mut self, i: Instr) -> Ir {
        let frame = self.inst().frame as usize;
        let at = self.unit.frames[frame].at;
        let callee = match frame {
            0 => {
                let base = self.b.use_var(self.base);
                self.load(base, -8)
            }
            _ => self.tagged(at as u16 - 1),
        };
        self.load(callee, size_of::<Closure>() as i32 + i32::from(i.b()) * 8 - TAG)
    }

    /// Goes on if the register's value is an object of a class that has the attribute of this site where it was seen: else leaves
    /// compiled code where that is taken for granted, or goes to `slow`.
    fn expect_slot(&mut self, r: u16, number: u16, slow: Option<Block>) {
        let classes = self.feedback().classes(number);
        if self.feedback().leaves(number, self.assume) {
            self.expect_one_of(r, &classes, None);
            let met = self.feedback().owner(number).met(self.known(r));
            self.learn(r, met);
        } else {
            self.expect_one_of(r, &classes, slow);
        }
    }

    pub(super) fn get_attr(&mut self, i: Instr) {
        let site = self.feedback().site(i.c());
        let object = self.tagged(i.b());
        let slot = 8 + site.data as i32 * 8 - TAG;
        let is_slot = access::is_slot_read(site.kind);
        if is_slot && self.feedback().leaves(i.c(), self.assume) {
            self.expect_slot(i.b(), i.c(), None);
            if self.feedback().is_unboxed(i.c()) {
                let float = self.b.ins().load(F64, MemFlagsData::trusted(), object, slot);
                return self.set_float(i.a(), float);
            }
            let value = self.load(object, slot);
            if self.feedback().is_taken_for_small(i.c(), self.assume) {
                self.guard_small(value);
            }
            let mask = self.feedback().slot_mask(i.c(), self.assume);
            return self.set(i.a(), value, mask);
        }
        let (slow, done) = (self.cold(), self.result_block());
        if site.kind == access::PROXY_SLOT {
            self.slot_by_proxy(object, i.c(), slow, done);
        } else if is_slot {
            self.expect_slot(i.b(), i.c(), Some(slow));
            let word = self.load(object, slot);
            let value = self.value_of_slot(word, i.c());
            self.b.ins().jump(done, &[value.into()]);
        } else {
            self.b.ins().jump(slow, &[]);
        }
        self.otherwise_get_attr(i, runtime::get_attr as *const () as usize, object, slow, done);
    }

    /// What the word in the slot of a site stands for, as a value.
    fn value_of_slot(&mut self, word: Ir, site: u16) -> Ir {
        match self.feedback().is_unboxed(site) {
            true => {
                let float = self.float_of(word);
                self.box_float(float)
            }
            false => word,
        }
    }

    /// Goes to `done` with the value of an attribute that was seen through proxies: of the same class's instance, be it an own one or what a
    /// plain proxy stands for. Objects that are read through a proxy have to be wrapped, which is done in `slow`.
    fn slot_by_proxy(&mut self, object: Ir, number: u16, slow: Block, done: Block) {
        let site = self.feedback().site(number);
        let slot = 8 + site.data as i32 * 8;
        let (other, proxy) = (self.block(), self.block());
        self.expect_class(object, ALL, &[site.class], other);
        let word = self.load(object, slot - TAG);
        let value = self.value_of_slot(word, number);
        self.b.ins().jump(done, &[value.into()]);
        self.b.switch_to_block(other);
        self.by_class(object, ALL, &[class_id::PROXY], proxy, slow);
        self.b.switch_to_block(proxy);
        let target = self.load(object, offset_of!(Proxy, target) as i32 - TAG);
        let (found, fine) = (self.b.ins().load(I32, MemFlagsData::trusted(), target, 4), self.block());
        let same = self.b.ins().icmp_imm_s(IntCC::Equal, found, i64::from(site.class));
        self.go_if(same, fine, slow);
        self.b.switch_to_block(fine);
        let word = self.load_foreign(target, slot);
        if self.feedback().is_unboxed(number) {
            let value = self.value_of_slot(word, number);
            self.b.ins().jump(done, &[value.into()]);
            return;
        }
        let is_object = self.is_object(word);
        self.b.ins().brif(is_object, slow, &[], done, &[word.into()]);
    }

    /// The slow way of reading the attribute that operand `c` names, by this function of the runtime, in block `slow`; then on with the result of
    /// either way.
    pub(super) fn otherwise_get_attr(&mut self, i: Instr, get: usize, object: Ir, slow: Block, done: Block) {
        self.b.switch_to_block(slow);
        let number = self.word(i.c().into());
        let value = self.helper(get, b"iii>i", &[self.thread, object, number]);
        self.b.ins().jump(done, &[value.into()]);
        self.take_result(i.a(), done, ALL);
    }

    /// Goes on if the value fits what the attribute may hold, else to `slow`. What is known of it then.
    fn expect_fitting(
        &mut self,
        fitting: Fitting,
        target: u64,
        value: Ir,
        known: Known,
        slow: Block,
    ) -> Known {
        let fits = match fitting {
            Fitting::Any => return known,
            Fitting::Float if known.mask == FLOAT => return known,
            Fitting::Int if known.mask == INT => return known,
            Fitting::Bool if known.mask == masks::BOOL => return known,
            Fitting::Class if known.mask == NULL => return known,
            Fitting::Class => return self.expect_declared(target, value, known, slow),
            Fitting::Int => {
                let odd = self.b.ins().band_imm_s(value, 1);
                let fast = self.block();
                self.b.ins().brif(odd, slow, &[], fast, &[]);
                self.b.switch_to_block(fast);
                return Known::form(INT);
            }
            Fitting::Float => self.has_float_tag(value),
            Fitting::Bool => {
                let without = self.b.ins().band_imm_s(value, !0x18);
                let is_bool = self.b.ins().icmp_imm_s(IntCC::Equal, without, 5);
                let not_null = self.b.ins().icmp_imm_s(IntCC::NotEqual, value, Value::NULL.bits() as i64);
                let not_empty = self.b.ins().icmp_imm_s(IntCC::NotEqual, value, Value::EMPTY.bits() as i64);
                let fits = self.b.ins().band(is_bool, not_null);
                self.b.ins().band(fits, not_empty)
            }
            Fitting::Str => {
                self.expect_kind(value, Kind::Str, slow);
                return Known::of_class(class_id::STRING);
            }
        };
        let fast = self.block();
        self.go_if(fits, fast, slow);
        self.b.switch_to_block(fast);
        // Neither a truth value nor a float with a float's tag is an object.
        Known::form(NULL)
    }

    /// [`expect_fitting`](Self::expect_fitting) where the attribute's type is a class: null, or an object of one that fits.
    fn expect_declared(&mut self, target: u64, value: Ir, known: Known, slow: Block) -> Known {
        let (classes, epoch) = match self.feedback().assignable(self.inst().i.c()) {
            [] => (Classes::from_slice(&[target as u32]), (target >> 32) as u32),
            fitting => (Classes::from_slice(fitting), self.unit.epoch),
        };
        self.expect_epoch(epoch, Some(slow));
        let forms = NULL | Known::OBJECTS;
        if known.family.is_within(&classes) && known.mask & !forms == 0 {
            return known;
        }
        let (fast, object) = (self.block(), self.block());
        let null = self.is_null(value);
        self.b.ins().brif(null, fast, &[], object, &[]);
        self.b.switch_to_block(object);
        self.by_class(value, known.mask & !NULL, &classes, fast, slow);
        self.b.switch_to_block(fast);
        // Which class it is does not matter to who stores it.
        Known { mask: NULL | OTHER, family: Family::of(&classes) }
    }

    pub(super) fn set_attr(&mut self, i: Instr) {
        let site = self.feedback().site(i.c());
        if site.kind == access::SET_FLOAT {
            return self.set_float_attr(i, site.data as i32);
        }
        let known = self.known(i.b());
        let (object, value) = (self.tagged(i.a()), self.tagged(i.b()));
        let (slow, done) = (self.cold(), self.block());
        let before = self.state.epoch;
        if let Some(fitting) = access::fitting_tag(site.kind) {
            self.expect_slot(i.a(), i.c(), Some(slow));
            // Where nothing has failed yet, what does not fit is left to the interpreter, but for what is rare among floats.
            let other =
                if self.assume.bounded && !matches!(fitting, Fitting::Float) { self.deopt() } else { slow };
            let known = self.expect_fitting(fitting, site.target, value, known, other);
            let owner = self.b.ins().iadd_imm_s(object, -i64::from(TAG));
            let slot = self.b.ins().iadd_imm_s(owner, 8 + i64::from(site.data) * 8);
            self.store_slot(value, owner, slot, known);
            self.b.ins().jump(done, &[]);
        } else {
            self.b.ins().jump(slow, &[]);
        }
        if !self.reached(slow) {
            return self.b.switch_to_block(done);
        }
        // The slow way has not looked at the epoch, or found another one.
        self.state.epoch = before;
        self.set_attr_slowly(i, object, value);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    /// Assigns an attribute that lies in its slot as an unboxed float.
    fn set_float_attr(&mut self, i: Instr, slot: i32) {
        let object = self.tagged(i.a());
        let (slow, done) = (self.cold(), self.block());
        let (value, float) = if self.mask(i.b()) == FLOAT {
            (None, Some(self.float(i.b())))
        } else if self.known(i.b()).is_integer() {
            let n = self.int(i.b());
            (Some(self.tagged(i.b())), Some(self.b.ins().fcvt_from_sint(F64, n)))
        } else {
            (Some(self.tagged(i.b())), None)
        };
        self.expect_slot(i.a(), i.c(), Some(slow));
        let float = match (float, value) {
            (None, Some(value)) => {
                let fast = self.block();
                let is_tagged = self.has_float_tag(value);
                self.go_if(is_tagged, fast, slow);
                self.b.switch_to_block(fast);
                self.untag_float(value)
            }
            (float, _) => float.expect("one of them is there"),
        };
        self.publish_at(float, object, 8 + slot * 8 - TAG);
        self.b.ins().jump(done, &[]);
        if !self.reached(slow) {
            return self.b.switch_to_block(done);
        }
        let value = value.unwrap_or_else(|| {
            let bits = self.bits_of(float);
            self.call(runtime::box_float as *const () as usize, b"ii>i", &[self.thread, bits])[0]
        });
        self.set_attr_slowly(i, object, value);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
    }

    fn set_attr_slowly(&mut self, i: Instr, object: Ir, value: Ir) {
        let (helper, number) = (runtime::set_attr as *const () as usize, self.word(i.c().into()));
        self.helper_for_free(helper, b"iiii>i", &[self.thread, object, value, number]);
    }

    /// Checks a value against a declared type: the common ways to fit inline.
    pub(super) fn check_type(&mut self, i: Instr) {
        // SAFETY: linked code lives as long as the VM; the verifier checked the type's index.
        let module = unsafe { &*self.code().module };
        let ty = &module.types[i.b() as usize];
        let before = self.mask(i.a());
        let by_class = matches!(ty, LinkedType::Class(_) | LinkedType::Global(_) | LinkedType::Member(..));
        if by_class && !self.wide() && !self.feedback().fitting(i.b()).is_empty() {
            return self.check_class(i.a(), i.b());
        }
        let known = match ty {
            LinkedType::Int => INT | BIG,
            LinkedType::Float => FLOAT,
            LinkedType::Bool => masks::BOOL,
            LinkedType::Any => ALL,
            _ => 0,
        };
        if before & !known == 0 {
            return;
        }
        let value = self.tagged(i.a());
        let (slow, fast, done) = (self.cold(), self.block(), self.result_block());
        match ty {
            LinkedType::Class(_) | LinkedType::Global(_) | LinkedType::Member(..) => {
                let not_null = self.block();
                let null = self.is_null(value);
                self.b.ins().brif(null, fast, &[], not_null, &[]);
                self.b.switch_to_block(not_null);
                self.expect_object(value, slow);
                // The word that fitted last: method epoch and class.
                let class = self.b.ins().uload32(MemFlagsData::trusted(), value, 4 - TAG);
                let at = self.word(self.layout.method_epoch as i64);
                let epoch = self.b.ins().uload32(MemFlagsData::trusted(), at, 0);
                let epoch = self.b.ins().ishl_imm_s(epoch, 32);
                let word = self.b.ins().bor(epoch, class);
                let seen = self.address(std::ptr::from_ref(&module.types_seen[i.b() as usize]));
                let seen = self.load(seen, 0);
                let same = self.b.ins().icmp(IntCC::Equal, seen, word);
                self.go_if(same, fast, slow);
            }
            LinkedType::Str => {
                self.expect_kind(value, Kind::Str, slow);
                self.b.ins().jump(fast, &[]);
            }
            _ => {
                let fitting = match ty {
                    LinkedType::Int => Fitting::Int,
                    LinkedType::Float => Fitting::Float,
                    LinkedType::Bool => Fitting::Bool,
                    _ => Fitting::Any,
                };
                self.expect_fitting(fitting, 0, value, Known::form(before), slow);
                self.b.ins().jump(fast, &[]);
            }
        }
        self.b.switch_to_block(fast);
        self.b.ins().jump(done, &[value.into()]);
        self.b.switch_to_block(slow);
        let (ty, what) = (self.word(i.b().into()), self.word(i.c().into()));
        let fitted = self.helper_for_free(
            runtime::check_type as *const () as usize,
            b"iiii>i",
            &[self.thread, value, ty, what],
        );
        self.b.ins().jump(done, &[fitted.into()]);
        self.take_result(i.a(), done, ALL);
    }

    /// Goes on if the register's value is null or an object of a class that fits the type; else the interpreter says what is wrong.
    fn check_class(&mut self, r: u16, ty: u16) {
        let epoch = self.unit.epoch;
        self.expect_epoch(epoch, None);
        let classes = Classes::from_slice(self.feedback().fitting(ty));
        let known = self.known(r);
        let forms = Known::of_class(classes[0]).mask | NULL;
        let fits_already = known.mask == NULL || known.family.is_within(&classes) && known.mask & !forms == 0;
        if fits_already {
            return;
        }
        let value = self.tagged(r);
        let fine = self.block();
        if known.mask & NULL != 0 {
            let object = self.block();
            let null = self.is_null(value);
            self.b.ins().brif(null, fine, &[], object, &[]);
            self.b.switch_to_block(object);
        }
        let deopt = self.deopt();
        self.by_class(value, known.mask & !NULL, &classes, fine, deopt);
        self.b.switch_to_block(fine);
    }

    /// An op that makes an object of what its registers hold: done by a helper, which reads them from the frame.
    pub(super) fn make(&mut self, i: Instr) {
        if i.op() == Some(Op::Closure) && self.inst().frame != 0 {
            self.open_frames(None); // it may capture what the running function has captured
        }
        self.write_back_reads();
        let made = self.helper(runtime::make as *const () as usize, b"i>i", &[self.thread]);
        self.set(i.a(), made, ALL);
    }

    /// A new instance of a class with its initial values.
    pub(super) fn fresh_instance(&mut self, class: &'static Class) -> Ir {
        let words = class.template.len();
        let bytes = (8 + words * 8).next_multiple_of(16);
        let done = self.result_block();
        let slow = self.cold();
        if bytes > MAX_INLINE_BYTES {
            self.b.ins().jump(slow, &[]);
        } else {
            let object = self.load(self.thread, self.layout.bump);
            let end = self.load(self.thread, self.layout.bump_end);
            let next = self.b.ins().iadd_imm_s(object, bytes as i64);
            let fits = self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, next, end);
            let room = self.block();
            self.go_if(fits, room, slow);
            self.b.switch_to_block(room);
            self.store(next, self.thread, self.layout.bump);
            let header = u64::from(class.id) << 32 | ((bytes / 16) as u64) << 16 | Kind::Instance as u64;
            let header = self.word(header as i64);
            self.store(header, object, 0);
            let null = [Value::NULL.bits()].into_iter().cycle();
            for (k, word) in class.template.iter().copied().chain(null).take(bytes / 8 - 1).enumerate() {
                let word = self.word(word as i64);
                self.store(word, object, 8 + k as i32 * 8);
            }
            let value = self.b.ins().iadd_imm_s(object, i64::from(TAG));
            self.b.ins().jump(done, &[value.into()]);
        }
        self.b.switch_to_block(slow);
        let known = self.address(std::ptr::from_ref(class));
        let made = match self.unit.lean {
            true => self.allocate_in_lean(known),
            false => {
                self.helper_for_free(runtime::allocate as *const () as usize, b"ii>i", &[self.thread, known])
            }
        };
        self.b.ins().jump(done, &[made.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }
}
