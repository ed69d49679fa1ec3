//! Calls: compiled code calls compiled code directly, with a frame laid out as the interpreter's.

use super::super::facts::Bits;
use super::super::family::Family;
use super::super::feedback::super_method;
use super::super::intrinsics::{self, Intrinsic};
use super::super::masks::{ALL, Known, Mask, NULL};
use super::super::runtime;
use super::super::{METHODS, Method};
use super::objects::TAG;
use super::{State, Translator};
use crate::bytecode::Instr;
use crate::class::Class;
use crate::code::Code;
use crate::interp::{access, call};
use crate::native::{NativeCode, NativeDef};
use crate::object::function::{ClassObject, code_of_value};
use crate::object::task::FRAME_WORDS;
use crate::thread::stack::ReturnKind;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Block, Inst, InstBuilder, MemFlagsData, Value as Ir};
use std::mem::offset_of;

/// What is called.
enum Target {
    /// A function known now.
    Known(&'static Code),
    /// The address of linked code that takes the arguments as they are.
    Found(Ir),
}

impl Translator<'_, '_> {
    /// Whether code takes so many arguments without preparation.
    fn takes(code: &Code, n: usize) -> bool {
        code.is_plain() && n >= code.required as usize && n <= code.params as usize
    }

    fn args(&mut self, first: u16, n: usize) -> Vec<Ir> {
        (0..n as u16).map(|k| self.tagged(first + k)).collect()
    }

    pub(super) fn call_static(&mut self, i: Instr) {
        // SAFETY: the verifier checked the function's index; linked code lives as long as the VM.
        let callee: &'static Code = unsafe { (&(*self.code().module).functions)[i.b() as usize] };
        if !Self::takes(callee, i.n() as usize) {
            return self.step();
        }
        let args = self.args(i.c(), i.n().into());
        if let Some(lean) = self.inst().lean {
            return self.lean_call(lean, &args, i.a());
        }
        let value = self.word(callee.value.bits() as i64);
        let result = self.frame_call(Target::Known(callee), value, &args, i.a(), ReturnKind::Register);
        self.set(i.a(), result, ALL);
    }

    pub(super) fn call_value(&mut self, i: Instr) {
        let hint = self.inst().hint;
        let n = usize::from(i.n());
        if intrinsics::of_value(hint) == Some(Intrinsic::Sqrt) && n == 1 && !self.wide() {
            let callee = self.tagged(i.b());
            let same = self.b.ins().icmp_imm_s(IntCC::Equal, callee, hint as i64);
            self.guard(same);
            let x = self.number(super::arith::Operand::Register(i.c()));
            let root = self.b.ins().sqrt(x);
            return self.set_float(i.a(), root);
        }
        let callee = self.tagged(i.b());
        let native = intrinsics::native(hint);
        if let Some(def) = native.or_else(|| intrinsics::conversion(hint))
            && !self.wide()
        {
            self.args(i.c(), n);
            let same = self.b.ins().icmp_imm_s(IntCC::Equal, callee, hint as i64);
            self.guard(same);
            if native.is_none() {
                let epoch = self.unit.epoch;
                self.expect_epoch(epoch, None);
            }
            let result = self.call_native(def, i.c(), n);
            return self.set(i.a(), result, ALL);
        }
        let args = self.args(i.c(), n);
        if let Some(lean) = self.inst().lean {
            let same = self.b.ins().icmp_imm_s(IntCC::Equal, callee, hint as i64);
            self.guard(same);
            return self.lean_call(lean, &args, i.a());
        }
        let done = self.result_block();
        let (direct, other) = (self.block(), self.block());
        // SAFETY: a hint is the bits of a value that is immortal if it is a function.
        let known = if hint == 0 { None } else { code_of_value(unsafe { Value::from_bits(hint) }) };
        if let Some(code) = known
            && Self::takes(code, n)
        {
            let same = self.b.ins().icmp_imm_s(IntCC::Equal, callee, hint as i64);
            self.b.ins().brif(same, direct, &[], other, &[]);
            let state = self.state.clone();
            self.b.switch_to_block(direct);
            let result = self.frame_call(Target::Known(code), callee, &args, i.a(), ReturnKind::Register);
            self.b.ins().jump(done, &[result.into()]);
            let after = std::mem::replace(&mut self.state, state);
            self.b.switch_to_block(other);
            self.call_any(i, callee, &args, done);
            self.join(&after);
        } else {
            self.call_any(i, callee, &args, done);
        }
        self.take_result(i.a(), done, ALL);
    }

    /// Calls whatever a register holds; then to `done` with the result.
    fn call_any(&mut self, i: Instr, callee: Ir, args: &[Ir], done: Block) {
        let count = self.word(args.len() as i64);
        let found = self.call(runtime::plain_code as *const () as usize, b"ii>i", &[callee, count])[0];
        self.call_found(i, found, Some(callee), args, done);
    }

    /// Calls a method of the superclass.
    pub(super) fn call_super(&mut self, i: Instr) {
        let n = usize::from(i.n()) + 1;
        let Some((code, function)) =
            super_method(self.code(), i.b()).filter(|(code, _)| Self::takes(code, n))
        else {
            return self.step();
        };
        let args = self.args(i.c(), n);
        let epoch = self.unit.epoch;
        if let Some(lean) = self.inst().lean {
            self.expect_epoch(epoch, None);
            return self.lean_call(lean, &args, i.a());
        }
        let same = self.epoch_is(epoch);
        let (direct, other, done) = (self.block(), self.block(), self.result_block());
        self.b.ins().brif(same, direct, &[], other, &[]);
        let state = self.state.clone();
        self.b.switch_to_block(direct);
        let value = self.word(function.bits() as i64);
        let result = self.frame_call(Target::Known(code), value, &args, i.a(), ReturnKind::Register);
        self.b.ins().jump(done, &[result.into()]);
        let after = std::mem::replace(&mut self.state, state);
        self.otherwise_step(Some(i.a()), other, done, after);
        self.take_result(i.a(), done, ALL);
    }

    /// Calls a native with `n` arguments from register `first` on.
    fn call_native(&mut self, def: &'static NativeDef, first: u16, n: usize) -> Ir {
        self.write_back_live();
        let at = self.unit.frame(&self.inst()).at as u16;
        let (place, count) = (self.word((first - at).into()), self.word(n as i64));
        let (helper, callee) = match &def.code {
            NativeCode::Plain(function) if def.takes(n) => {
                (runtime::call_plain as *const () as usize, self.word(*function as *const () as i64))
            }
            _ => (runtime::call_native as *const () as usize, self.address(def)),
        };
        self.state.epoch = false;
        self.helper(helper, b"iiii>i", &[self.thread, callee, place, count])
    }

    /// Calls the code that was found, or lets the interpreter do the call if there is none (0); then to `done` with the result. Without
    /// a callee, the code's own function value is called.
    fn call_found(&mut self, i: Instr, found: Ir, callee: Option<Ir>, args: &[Ir], done: Block) {
        let (direct, other) = (self.block(), self.block());
        self.b.ins().brif(found, direct, &[], other, &[]);
        let state = self.state.clone();
        self.b.switch_to_block(direct);
        let callee = callee.unwrap_or_else(|| self.load(found, self.layout.code_value));
        let result = self.frame_call(Target::Found(found), callee, args, i.a(), ReturnKind::Register);
        self.b.ins().jump(done, &[result.into()]);
        let after = std::mem::replace(&mut self.state, state);
        if self.assume.bounded && self.feedback().calls_scripts(i) {
            self.b.switch_to_block(other);
            self.give_up();
            self.state = after;
            return;
        }
        self.otherwise_step(Some(i.a()), other, done, after);
    }

    /// The way on which the interpreter executes the instruction: in block `other`, to `done` with what it writes to register `result`, if it
    /// writes one. `after` is the state on the direct way.
    pub(super) fn otherwise_step(&mut self, result: Option<u16>, other: Block, done: Block, after: State) {
        self.b.switch_to_block(other);
        if self.unit.lean {
            self.give_up();
            self.state = after;
            return;
        }
        self.step();
        match result {
            Some(r) => {
                let result = self.b.use_var(self.words[r as usize]);
                self.b.ins().jump(done, &[result.into()]);
            }
            None => {
                self.b.ins().jump(done, &[]);
            }
        }
        self.join(&after);
    }

    /// After two ways that wrote registers back: what is clean on both. Values are where both have them.
    pub(super) fn join(&mut self, other: &State) {
        let stale: Vec<usize> = other.dirty.iter().collect();
        for r in stale {
            self.state.dirty.add(r);
        }
        self.state.epoch &= other.epoch;
        for (mine, theirs) in self.state.regs.iter_mut().zip(&other.regs) {
            mine.have.0 &= theirs.have.0;
            mine.known = mine.known.or(theirs.known);
        }
    }

    pub(super) fn call_method(&mut self, i: Instr) {
        let site = self.feedback().site(i.b());
        let n = usize::from(i.n()) + 1;
        let one_class = self.feedback().few(i.b()) && !self.wide();
        match site.kind {
            access::METHOD_SCRIPT => {
                // SAFETY: a cached target is an immortal script function.
                let callee = unsafe { Value::from_bits(site.target) };
                let code = code_of_value(callee).expect("a script function");
                if !Self::takes(code, n) {
                    return self.step();
                }
                let args = self.args(i.c(), n);
                if !one_class {
                    let done = self.result_block();
                    self.method_elsewhere(i, &args, done);
                    return self.take_result(i.a(), done, ALL);
                }
                self.expect_receiver(i.c(), site.class, site.data, None);
                self.learn(i.c(), Known::of_class(site.class));
                if let Some(lean) = self.inst().lean {
                    return self.lean_call(lean, &args, i.a());
                }
                let value = self.word(site.target as i64);
                let result = self.frame_call(Target::Known(code), value, &args, i.a(), ReturnKind::Register);
                self.set(i.a(), result, ALL);
            }
            access::METHOD_NATIVE => {
                // SAFETY: the site's kind says so.
                let def = unsafe { call::native_of_target(site.target) };
                self.args(i.c(), n);
                let known = intrinsics::of_method(site.target).filter(|_| n == 2);
                if let (Some(Intrinsic::CodeAt), NativeCode::Plain(native)) = (known, &def.code)
                    && one_class
                {
                    self.expect_receiver(i.c(), site.class, site.data, None);
                    return self.code_at(*native, i.c(), i.a());
                }
                if known == Some(Intrinsic::Push) && !self.wide() {
                    self.expect_receiver(i.c(), site.class, site.data, None);
                    self.learn(i.c(), Known::of_class(site.class));
                    self.push(i.c(), i.c() + 1);
                    return self.constant(i.a(), Value::NULL);
                }
                if one_class {
                    self.expect_receiver(i.c(), site.class, site.data, None);
                    let result = self.call_native(def, i.c(), n);
                    return self.set(i.a(), result, ALL);
                }
                let (other, done) = (self.block(), self.result_block());
                self.expect_receiver(i.c(), site.class, site.data, Some(other));
                let state = self.state.clone();
                let result = self.call_native(def, i.c(), n);
                self.b.ins().jump(done, &[result.into()]);
                let after = std::mem::replace(&mut self.state, state);
                self.otherwise_step(Some(i.a()), other, done, after);
                self.take_result(i.a(), done, ALL);
            }
            access::STATIC_NATIVE if one_class => {
                // SAFETY: the site's kind says so.
                let def = unsafe { call::native_of_target(site.target) };
                self.args(i.c(), n);
                let class = self.tagged(i.c());
                let deopt = self.deopt();
                self.expect_kind(class, crate::object::Kind::Class, deopt);
                let class = self.load(class, offset_of!(ClassObject, class) as i32 - TAG);
                let id = self.b.ins().load(I32, MemFlagsData::trusted(), class, offset_of!(Class, id) as i32);
                let same = self.b.ins().icmp_imm_s(IntCC::Equal, id, i64::from(site.class));
                self.guard(same);
                self.expect_epoch(site.data, None);
                let result = self.call_native(def, i.c() + 1, n - 1);
                self.set(i.a(), result, ALL);
            }
            kind if access::is_module_member(kind) => self.call_member(i, n - 1),
            _ => {
                let args = self.args(i.c(), n);
                let done = self.result_block();
                self.method_elsewhere(i, &args, done);
                self.take_result(i.a(), done, ALL);
            }
        }
    }

    /// Calls a function of a module that a site remembers, at once if it is a native.
    fn call_member(&mut self, i: Instr, n: usize) {
        self.args(i.c(), n + 1);
        self.write_back_live();
        let at = self.unit.frame(&self.inst()).at as u16;
        let (site, place) = (self.word(i.b().into()), self.word((i.c() - at).into()));
        let count = self.word(n as i64);
        let call = runtime::call_member as *const () as usize;
        let results = self.call_placed(call, b"iiii>ii", &[self.thread, site, place, count]);
        let (native, other, done) = (self.block(), self.block(), self.result_block());
        self.b.ins().brif(results[1], other, &[], native, &[]);
        self.state.epoch = false;
        let state = self.state.clone();
        self.b.switch_to_block(native);
        self.check(results[0]);
        self.load_used();
        self.b.ins().jump(done, &[results[0].into()]);
        let after = std::mem::replace(&mut self.state, state);
        self.otherwise_step(Some(i.a()), other, done, after);
        self.take_result(i.a(), done, ALL);
    }

    /// A method call whose receiver is not of the class that compilation saw: by the thread's cache if that is a script's, else by the
    /// interpreter. Ends with a jump to `done`.
    fn method_elsewhere(&mut self, i: Instr, args: &[Ir], done: Block) {
        let name = self.code().sites[i.b() as usize].0;
        let (slow, found) = (self.cold(), self.result_block());
        self.expect_object(args[0], slow);
        let class = self.b.ins().uload32(MemFlagsData::trusted(), args[0], 3);
        let at = self.b.ins().bxor_imm_s(class, Method::place(0, name) as i64);
        let at = self.b.ins().band_imm_s(at, METHODS as i64 - 1);
        let at = self.b.ins().ishl_imm_s(at, i64::from(size_of::<Method>().ilog2()));
        let table = self.load(self.thread, self.layout.methods);
        let method = self.b.ins().iadd(table, at);
        let key = self.b.ins().iadd_imm_s(class, Method::key(0, name) as i64);
        self.expect_field(method, offset_of!(Method, key), key, slow);
        let epoch = self.method_epoch();
        let epoch = self.b.ins().uextend(I64, epoch);
        let valid = self.b.ins().iadd_imm_s(epoch, Method::valid(0, args.len() as u32) as i64);
        self.expect_field(method, offset_of!(Method, valid), valid, slow);
        let code = self.load(method, offset_of!(Method, code) as i32);
        self.b.ins().jump(found, &[code.into()]);
        self.b.switch_to_block(slow);
        let (name, n) = (self.word(name.into()), self.word(args.len() as i64));
        let code = self.call(
            runtime::method_code as *const () as usize,
            b"iiii>i",
            &[self.thread, args[0], name, n],
        )[0];
        self.b.ins().jump(found, &[code.into()]);
        self.b.switch_to_block(found);
        let found = self.b.block_params(found)[0];
        self.call_found(i, found, None, args, done);
    }

    /// Goes on if a field of something has this value, else to `other`.
    fn expect_field(&mut self, of: Ir, offset: usize, wanted: Ir, other: Block) {
        let field = self.load(of, offset as i32);
        let same = self.b.ins().icmp(IntCC::Equal, field, wanted);
        let fine = self.block();
        self.go_if(same, fine, other);
        self.b.switch_to_block(fine);
    }

    pub(super) fn new_instance(&mut self, i: Instr) {
        if let Some((class, constructor)) = self.unit.constructed(&self.inst(), self.wide()) {
            return self.construct(i, class, constructor);
        }
        let class = self.tagged(i.b());
        let args = self.args(i.c(), i.n().into());
        let n = self.word(i.n().into());
        let construct = runtime::construct as *const () as usize;
        let results = self.call_placed(construct, b"iii>ii", &[self.thread, class, n]);
        let (instance, found) = (results[0], results[1]);
        let (made, not, done) = (self.block(), self.block(), self.result_block());
        let failed = self.b.ins().icmp_imm_s(IntCC::Equal, instance, runtime::FAILED as i64);
        self.b.ins().brif(failed, not, &[], made, &[]);
        let state = self.state.clone();
        self.b.switch_to_block(made);
        let construct = self.block();
        self.b.ins().brif(found, construct, &[], done, &[instance.into()]);
        self.b.switch_to_block(construct);
        self.open_frames(None);
        let base = self.b.use_var(self.base);
        self.store(instance, base, self.offset(i.a() as usize));
        let mut all = vec![instance];
        all.extend(args);
        let callee = self.load(found, self.layout.code_value);
        self.frame_call(Target::Found(found), callee, &all, i.a(), ReturnKind::Discard);
        self.b.ins().jump(done, &[instance.into()]);
        let after = std::mem::replace(&mut self.state, state);
        self.b.switch_to_block(not);
        let general = self.block();
        let leaving = self.leaving();
        self.b.ins().brif(found, general, &[], leaving, &[]);
        self.otherwise_step(Some(i.a()), general, done, after);
        let before = self.before.clone();
        self.join(&before);
        self.take_result(i.a(), done, ALL);
    }

    /// Makes an instance of a class that is known, or leaves if the class is another one.
    fn construct(&mut self, i: Instr, class: &'static Class, constructor: Option<(&'static Code, Value)>) {
        let value = self.tagged(i.b());
        let args = self.args(i.c(), i.n().into());
        let same = self.b.ins().icmp_imm_s(IntCC::Equal, value, class.value.bits() as i64);
        let epoch = self.unit.epoch;
        self.guard(same);
        self.expect_epoch(epoch, None);
        let instance = self.fresh_instance(class);
        if let Some((code, function)) = constructor {
            self.open_frames(None);
            let base = self.b.use_var(self.base);
            let offset = self.offset(i.a() as usize);
            self.store(instance, base, offset);
            let mut all = vec![instance];
            all.extend(args);
            let function = self.word(function.bits() as i64);
            self.frame_call(Target::Known(code), function, &all, i.a(), ReturnKind::Discard);
        }
        self.set_known(i.a(), instance, Known::of_class(class.id));
    }

    /// Goes on if the value, which has one of these forms, is an object of one of these classes, else to `other`.
    pub(super) fn expect_class(&mut self, value: Ir, forms: Mask, classes: &[u32], other: Block) {
        let fine = self.block();
        self.by_class(value, forms, classes, fine, other);
        self.b.switch_to_block(fine);
    }

    /// Goes to `fine` if the value, which has one of these forms, is an object of one of these classes, else to `other`.
    pub(super) fn by_class(&mut self, value: Ir, forms: Mask, classes: &[u32], fine: Block, other: Block) {
        self.expect_object_among(value, forms, other);
        let found = self.b.ins().load(I32, MemFlagsData::trusted(), value, 3);
        let same = self.is_among(found, classes);
        self.go_if(same, fine, other);
    }

    /// A flag: a class's number is one of these.
    pub(super) fn is_among(&mut self, found: Ir, classes: &[u32]) -> Ir {
        let (first, members) = Family::of(classes).parts();
        let width = members.trailing_ones();
        if classes.len() > 1 && width == u32::BITS - members.leading_zeros() {
            let distance = self.b.ins().iadd_imm_s(found, -i64::from(first));
            return self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, distance, i64::from(width));
        }
        if classes.len() > 3 && members != 0 {
            let distance = self.b.ins().iadd_imm_s(found, -i64::from(first));
            let near = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, distance, i64::from(u32::BITS));
            let members = self.b.ins().iconst(I32, i64::from(members));
            let bit = self.b.ins().ushr(members, distance);
            let bit = self.b.ins().band_imm_s(bit, 1);
            let is_member = self.b.ins().icmp_imm_s(IntCC::NotEqual, bit, 0);
            return self.b.ins().band(near, is_member);
        }
        let mut same = self.b.ins().icmp_imm_s(IntCC::Equal, found, i64::from(classes[0]));
        for class in &classes[1..] {
            let other = self.b.ins().icmp_imm_s(IntCC::Equal, found, i64::from(*class));
            same = self.b.ins().bor(same, other);
        }
        same
    }

    /// The same for a register's value, as far as it is not known; without `other`, out of compiled code.
    pub(super) fn expect_one_of(&mut self, r: u16, classes: &[u32], other: Option<Block>) {
        let (known, value) = (self.known(r), self.tagged(r));
        if !known.family.is_within(classes) || known.mask & !(NULL | Known::OBJECTS) != 0 {
            let other = self.other_or_deopt(other);
            self.expect_class(value, known.mask, classes, other);
        } else if known.mask & NULL != 0 {
            let other = self.other_or_deopt(other);
            let fine = self.block();
            let null = self.is_null(value);
            self.b.ins().brif(null, other, &[], fine, &[]);
            self.b.switch_to_block(fine);
        }
    }

    /// A flag: the value is null.
    pub(super) fn is_null(&mut self, value: Ir) -> Ir {
        self.b.ins().icmp_imm_s(IntCC::Equal, value, Value::NULL.bits() as i64)
    }

    /// Goes on if the receiver in a register is an object of this class, whose methods are those found at `epoch`.
    fn expect_receiver(&mut self, r: u16, class: u32, epoch: u32, other: Option<Block>) {
        self.expect_one_of(r, &[class], other);
        self.expect_epoch(epoch, other);
    }

    /// A flag: the methods found at `epoch` still stand.
    pub(super) fn epoch_is(&mut self, epoch: u32) -> Ir {
        let now = self.method_epoch();
        self.b.ins().icmp_imm_s(IntCC::Equal, now, i64::from(epoch))
    }

    /// The method epoch, 32 bits.
    fn method_epoch(&mut self) -> Ir {
        let at = self.word(self.layout.method_epoch as i64);
        self.b.ins().atomic_load(I32, MemFlagsData::trusted(), at)
    }

    /// Calls a script function with these arguments. What is live afterwards is in the frames before.
    fn frame_call(&mut self, callee: Target, function: Ir, args: &[Ir], dst: u16, kind: ReturnKind) -> Ir {
        self.spoiled |= self.unit.lean;
        let live = self.live_after_call(dst, kind);
        self.write_back_all(&live);
        let inst = self.inst();
        let unit = self.unit.clone();
        let frame = unit.frame(&inst);
        let delta = frame.code.registers as usize + FRAME_WORDS;
        // From the first frame's base to the new one's.
        let distance = (frame.place + delta) as i64 * 8;
        let base = self.b.use_var(self.base);
        let new = self.b.ins().iadd_imm_s(base, distance);
        let new = match &callee {
            Target::Known(code) => {
                self.room = self.room.max(frame.place + delta + code.registers as usize);
                new
            }
            Target::Found(address) => self.expect_room(*address, new, delta),
        };
        for (k, arg) in args.iter().enumerate() {
            self.store(*arg, new, k as i32 * 8);
        }
        if let Target::Known(code) = &callee {
            let zero = self.word(0);
            for k in args.len()..code.params as usize {
                self.store(zero, new, k as i32 * 8);
            }
        }
        let link_dst = if kind == ReturnKind::Register { dst - frame.at as u16 } else { 0 };
        let link = self.word(runtime::link(delta, link_dst, kind, args.len() as u8) as i64);
        self.store(link, new, -32);
        let address = self.address_of(&callee);
        self.store(address, new, -16);
        self.store(function, new, -8);
        let pc = self.address(frame.code.entry.wrapping_add(inst.pc as usize + 1));
        self.store(pc, new, -(delta as i32 * 8) - 24);
        self.flush_used();
        let call = self.call_entry(&callee, new);
        let (value, below) = (self.b.inst_results(call)[0], self.b.inst_results(call)[1]);
        let left = self.b.ins().icmp_imm_s(IntCC::Equal, value, runtime::FAILED as i64);
        let (leave, returned) = (self.cold(), self.block());
        self.b.ins().brif(left, leave, &[], returned, &[]);
        self.b.switch_to_block(leave);
        self.exit(below);
        self.b.switch_to_block(returned);
        let base = self.b.ins().iadd_imm_s(below, -distance);
        self.b.def_var(self.base, base);
        self.load_used();
        self.state.epoch = false;
        value
    }

    /// Calls the machine code of a function whose frame has been made at `new`; if it has none, what is called has the interpreter go on in it.
    fn call_entry(&mut self, callee: &Target, new: Ir) -> Inst {
        if let Target::Known(code) = callee
            && std::ptr::eq(*code, self.unit.frames[0].code)
        {
            let zero = self.word(0);
            return self.b.ins().call(self.own, &[self.thread, new, zero]);
        }
        let address = self.address_of(callee);
        let called = self.load_foreign(address, self.layout.code_called);
        let zero = self.word(0);
        let signature = self.signature(b"iii>ii");
        self.b.ins().call_indirect(signature, called, &[self.thread, new, zero])
    }

    /// Sees to it that a frame of the code at an address fits on the stack at `new`, which is so many words above the running frame. Where it
    /// lies then.
    fn expect_room(&mut self, code: Ir, new: Ir, delta: usize) -> Ir {
        let registers = self.registers_of(code);
        let bytes = self.b.ins().ishl_imm_s(registers, 3);
        let end = self.b.ins().iadd(new, bytes);
        let stack_end = self.load(self.thread, self.layout.stack_end);
        let over = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, stack_end);
        let (grow, room) = (self.cold(), self.block());
        self.b.append_block_param(room, I64);
        self.b.ins().brif(over, grow, &[], room, &[new.into()]);
        self.b.switch_to_block(grow);
        let registers = self.registers_of(code);
        let grow = runtime::grow as *const () as usize;
        let moved = self.call_placed(grow, b"ii>i", &[self.thread, registers])[0];
        let grown = self.block();
        let leaving = self.leaving();
        self.go_if(moved, grown, leaving);
        self.b.switch_to_block(grown);
        let new = self.b.ins().iadd_imm_s(moved, delta as i64 * 8);
        self.b.ins().jump(room, &[new.into()]);
        self.b.switch_to_block(room);
        self.b.block_params(room)[0]
    }

    /// The address of linked code, made anew where it is wanted: a constant costs less than a register.
    fn address_of(&mut self, callee: &Target) -> Ir {
        match callee {
            Target::Known(code) => self.address(std::ptr::from_ref(*code)),
            Target::Found(address) => *address,
        }
    }

    /// How many registers the linked code at an address has.
    fn registers_of(&mut self, code: Ir) -> Ir {
        self.b.ins().uload32(MemFlagsData::trusted(), code, self.layout.code_registers)
    }

    /// Registers that have to be in the frame when a callee runs. If it throws, a handler sees what its result's register held before the
    /// call; but that of a constructor holds the instance already, and is in the frame.
    pub(super) fn live_after_call(&self, dst: u16, kind: ReturnKind) -> Bits {
        let mut live = self.facts.live[self.pc + 1].clone();
        live.remove(dst as usize);
        live.union(&self.facts.held[self.pc]);
        if let Some(caught) = self.facts.caught(self.pc) {
            live.union(caught);
        }
        if kind == ReturnKind::Discard {
            live.remove(dst as usize);
        }
        live
    }
}
