//! Calls: compiled code calls compiled code directly, with a frame laid out as the interpreter's.

use super::super::facts::Bits;
use super::super::masks::ALL;
use super::super::runtime;
use super::{Rep, State, Translator};
use crate::bytecode::Instr;
use crate::code::Code;
use crate::interp::access;
use crate::object::task::FRAME_WORDS;
use crate::thread::stack::ReturnKind;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};

/// What is called.
enum Callee {
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

    pub(super) fn call_static(&mut self, i: Instr) {
        // SAFETY: the verifier checked the function's index; linked code lives as long as the VM.
        let callee: &'static Code = unsafe { (&(*self.code.module).functions)[i.b() as usize] };
        if !Self::takes(callee, i.n() as usize) {
            return self.step(i);
        }
        let args: Vec<Ir> = (0..u16::from(i.n())).map(|k| self.tagged(i.c() + k)).collect();
        let value = self.word(callee.value.bits() as i64);
        let result = self.frame_call(Callee::Known(callee), value, &args, Some(i.a()), ReturnKind::Register);
        self.set(i.a(), result, ALL);
    }

    pub(super) fn call_value(&mut self, i: Instr) {
        let callee = self.tagged(i.b());
        let args: Vec<Ir> = (0..u16::from(i.n())).map(|k| self.tagged(i.c() + k)).collect();
        let n = self.word(i.n().into());
        let found = self.call(runtime::plain_code as *const () as usize, b"ii>i", &[callee, n])[0];
        let done = self.result_block();
        self.call_found(i, found, Some(callee), &args, done);
        self.take_result(i, done);
    }

    /// Calls the code that was found, or lets the interpreter do the call if there is none (0); then to `done` with the result. Without
    /// a callee, the code's own function value is called.
    fn call_found(&mut self, i: Instr, found: Ir, callee: Option<Ir>, args: &[Ir], done: Block) {
        let (direct, other) = (self.block(), self.block());
        self.b.ins().brif(found, direct, &[], other, &[]);
        let state = self.state.clone();
        self.b.switch_to_block(direct);
        let callee = callee.unwrap_or_else(|| self.load(found, self.layout.code_value));
        let result = self.frame_call(Callee::Found(found), callee, args, Some(i.a()), ReturnKind::Register);
        self.b.ins().jump(done, &[result.into()]);
        let after = std::mem::replace(&mut self.state, state);
        self.otherwise_step(i, other, done, after);
    }

    /// A block with a result: of a call, or of whatever has a fast and a slow way.
    pub(super) fn result_block(&mut self) -> Block {
        let done = self.block();
        self.b.append_block_param(done, I64);
        done
    }

    /// Goes on in such a block: the result, which may be anything, goes into the instruction's register.
    pub(super) fn take_result(&mut self, i: Instr, done: Block) {
        self.b.switch_to_block(done);
        let result = self.b.block_params(done)[0];
        self.set(i.a(), result, ALL);
    }

    /// The way of a call that the interpreter does: in block `other`, to `done` with the result. `after` is the state on the direct way.
    fn otherwise_step(&mut self, i: Instr, other: Block, done: Block, after: State) {
        self.b.switch_to_block(other);
        self.step(i);
        let result = self.b.use_var(self.words[i.a() as usize]);
        self.b.ins().jump(done, &[result.into()]);
        self.join(after);
    }

    /// After two ways that wrote registers back: what is clean on both. Values are where both have them.
    fn join(&mut self, other: State) {
        let stale: Vec<usize> = other.dirty.iter().collect();
        for r in stale {
            self.state.dirty.add(r);
        }
        for (mine, theirs) in self.state.classes.iter_mut().zip(&other.classes) {
            if *mine != *theirs {
                *mine = 0;
            }
        }
        for (mine, theirs) in self.state.reps.iter_mut().zip(&other.reps) {
            if *mine != *theirs {
                *mine = match (*mine, *theirs) {
                    (Rep::Both, rep) | (rep, Rep::Both) => rep,
                    (rep, _) => rep,
                };
            }
        }
    }

    pub(super) fn call_method(&mut self, i: Instr) {
        let site = self.feedback.site(i.b());
        let receiver = self.tagged(i.c());
        let n = usize::from(i.n()) + 1;
        match site.kind {
            access::METHOD_SCRIPT => {
                // SAFETY: a cached target is an immortal script function.
                let callee = unsafe { Value::from_bits(site.target) };
                let code = crate::object::function::code_of_value(callee).expect("a script function");
                if !Self::takes(code, n) {
                    return self.step(i);
                }
                let args: Vec<Ir> = (0..n as u16).map(|k| self.tagged(i.c() + k)).collect();
                let fits = self.is_of(i.c(), receiver, site.class);
                let fits = self.method_epoch_is(site.data, fits);
                let (direct, other, done) = (self.block(), self.block(), self.result_block());
                self.b.ins().brif(fits, direct, &[], other, &[]);
                let state = self.state.clone();
                self.b.switch_to_block(direct);
                let value = self.word(site.target as i64);
                let result =
                    self.frame_call(Callee::Known(code), value, &args, Some(i.a()), ReturnKind::Register);
                self.b.ins().jump(done, &[result.into()]);
                let after = std::mem::replace(&mut self.state, state);
                self.b.switch_to_block(other);
                self.method_elsewhere(i, &args, done);
                self.join(after);
                self.take_result(i, done);
            }
            access::METHOD_NATIVE => {
                // SAFETY: a cached target is an immortal native function.
                let def = unsafe {
                    let native = Value::from_bits(site.target).pointer();
                    (*native.cast::<crate::object::function::Native>()).def
                };
                for k in 0..n as u16 {
                    self.tagged(i.c() + k);
                }
                let fits = self.is_of(i.c(), receiver, site.class);
                let fits = self.method_epoch_is(site.data, fits);
                let (direct, other, done) = (self.block(), self.block(), self.result_block());
                self.b.ins().brif(fits, direct, &[], other, &[]);
                let state = self.state.clone();
                self.b.switch_to_block(direct);
                self.write_back_live();
                let def = self.address(def);
                let (first, count) = (self.word(i.c().into()), self.word(n as i64));
                let result = self.helper(
                    runtime::call_native as *const () as usize,
                    b"iiii>i",
                    &[self.thread, def, first, count],
                );
                self.b.ins().jump(done, &[result.into()]);
                let after = std::mem::replace(&mut self.state, state);
                self.otherwise_step(i, other, done, after);
                self.take_result(i, done);
            }
            _ => {
                let args: Vec<Ir> = (0..n as u16).map(|k| self.tagged(i.c() + k)).collect();
                let done = self.result_block();
                self.method_elsewhere(i, &args, done);
                self.take_result(i, done);
            }
        }
    }

    /// A method call whose receiver is not of the class that compilation saw: by the thread's cache if that is a script's, else by the
    /// interpreter. Ends with a jump to `done`.
    fn method_elsewhere(&mut self, i: Instr, args: &[Ir], done: Block) {
        let name = self.word(self.code.sites[i.b() as usize].0.into());
        let n = self.word(args.len() as i64);
        let found = self.call(
            runtime::method_code as *const () as usize,
            b"iiii>i",
            &[self.thread, args[0], name, n],
        )[0];
        self.call_found(i, found, None, args, done);
    }

    pub(super) fn new_instance(&mut self, i: Instr) {
        let class = self.tagged(i.b());
        let args: Vec<Ir> = (0..u16::from(i.n())).map(|k| self.tagged(i.c() + k)).collect();
        self.save_position(self.pc + 1);
        let n = self.word(i.n().into());
        let results =
            self.call(runtime::construct as *const () as usize, b"iii>ii", &[self.thread, class, n]);
        let (instance, found) = (results[0], results[1]);
        let (made, not, done) = (self.block(), self.block(), self.result_block());
        let failed = self.b.ins().icmp_imm_s(IntCC::Equal, instance, runtime::FAILED as i64);
        self.b.ins().brif(failed, not, &[], made, &[]);
        let state = self.state.clone();
        self.b.switch_to_block(made);
        let construct = self.block();
        self.b.ins().brif(found, construct, &[], done, &[instance.into()]);
        self.b.switch_to_block(construct);
        let base = self.b.use_var(self.base);
        self.store(instance, base, i32::from(i.a()) * 8);
        let mut all = vec![instance];
        all.extend(args);
        let callee = self.load(found, self.layout.code_value);
        self.frame_call(Callee::Found(found), callee, &all, Some(i.a()), ReturnKind::Discard);
        self.b.ins().jump(done, &[instance.into()]);
        let after = std::mem::replace(&mut self.state, state);
        self.b.switch_to_block(not);
        let general = self.block();
        let leaving = self.leaving();
        self.b.ins().brif(found, general, &[], leaving, &[]);
        self.otherwise_step(i, general, done, after);
        self.join(self.before.clone());
        self.take_result(i, done);
    }

    /// A flag: the value is an object of one of these classes.
    pub(super) fn is_of_class(&mut self, value: Ir, classes: &[u32]) -> Ir {
        use cranelift_codegen::ir::types::I8;
        let done = self.block();
        self.b.append_block_param(done, I8);
        let object = self.block();
        let tag = self.b.ins().band_imm_s(value, 7);
        let is_object = self.b.ins().icmp_imm_s(IntCC::Equal, tag, 1);
        let no = self.b.ins().iconst(I8, 0);
        self.b.ins().brif(is_object, object, &[], done, &[no.into()]);
        self.b.switch_to_block(object);
        let found = self.b.ins().load(I32, MemFlagsData::trusted(), value, 3);
        let mut same = self.b.ins().icmp_imm_s(IntCC::Equal, found, i64::from(classes[0]));
        for class in &classes[1..] {
            let other = self.b.ins().icmp_imm_s(IntCC::Equal, found, i64::from(*class));
            same = self.b.ins().bor(same, other);
        }
        self.b.ins().jump(done, &[same.into()]);
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// A flag: the value of a register is an object of this class.
    fn is_of(&mut self, r: u16, value: Ir, class: u32) -> Ir {
        use cranelift_codegen::ir::types::I8;
        match self.state.classes[r as usize] == class {
            true => self.b.ins().iconst(I8, 1),
            false => self.is_of_class(value, &[class]),
        }
    }

    /// The flag, if the methods found at `epoch` still stand.
    pub(super) fn method_epoch_is(&mut self, epoch: u32, flag: Ir) -> Ir {
        let at = self.word(self.layout.method_epoch as i64);
        let now = self.b.ins().atomic_load(I32, MemFlagsData::trusted(), at);
        let same = self.b.ins().icmp_imm_s(IntCC::Equal, now, i64::from(epoch));
        self.b.ins().band(flag, same)
    }

    /// Calls a script function with these arguments. What is live afterwards is in the frame before.
    fn frame_call(
        &mut self,
        callee: Callee,
        function: Ir,
        args: &[Ir],
        dst: Option<u16>,
        kind: ReturnKind,
    ) -> Ir {
        let live = self.live_after_call(dst);
        for r in live.iter().filter(|r| self.state.dirty.has(*r)).collect::<Vec<_>>() {
            self.write_back(r);
        }
        let delta = self.code.registers as usize + FRAME_WORDS;
        let base = self.b.use_var(self.base);
        let new = self.b.ins().iadd_imm_s(base, delta as i64 * 8);
        let (address, registers) = match &callee {
            Callee::Known(code) => {
                let address = self.address(std::ptr::from_ref(*code));
                (address, self.word(code.registers.into()))
            }
            Callee::Found(address) => {
                let registers =
                    self.b.ins().uload32(MemFlagsData::trusted(), *address, self.layout.code_registers);
                (*address, registers)
            }
        };
        let bytes = self.b.ins().ishl_imm_s(registers, 3);
        let end = self.b.ins().iadd(new, bytes);
        let stack_end = self.load(self.thread, self.layout.stack_end);
        let over = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, stack_end);
        let (grow, room) = (self.cold(), self.block());
        self.b.append_block_param(room, I64);
        self.b.ins().brif(over, grow, &[], room, &[new.into()]);
        self.b.switch_to_block(grow);
        self.save_position(self.pc + 1);
        let moved = self.call(runtime::grow as *const () as usize, b"ii>i", &[self.thread, registers])[0];
        let grown = self.block();
        let leaving = self.leaving();
        self.b.ins().brif(moved, grown, &[], leaving, &[]);
        self.b.switch_to_block(grown);
        let new = self.b.ins().iadd_imm_s(moved, delta as i64 * 8);
        self.b.ins().jump(room, &[new.into()]);
        self.b.switch_to_block(room);
        let new = self.b.block_params(room)[0];
        for (k, arg) in args.iter().enumerate() {
            self.store(*arg, new, k as i32 * 8);
        }
        if let Callee::Known(code) = &callee {
            let zero = self.word(0);
            for k in args.len()..code.params as usize {
                self.store(zero, new, k as i32 * 8);
            }
        }
        let link_dst = if kind == ReturnKind::Register { dst.unwrap_or(0) } else { 0 };
        let link = self.word(runtime::link(delta, link_dst, kind, args.len() as u8) as i64);
        self.store(link, new, -32);
        self.store(address, new, -16);
        self.store(function, new, -8);
        let pc = self.address(self.code.entry.wrapping_add(self.pc + 1));
        self.store(pc, new, -(delta as i32 * 8) - 24);
        self.flush_used();
        let entry = self.load(address, self.layout.code_entry);
        let (compiled, not) = (self.block(), self.cold());
        self.b.ins().brif(entry, compiled, &[], not, &[]);
        self.b.switch_to_block(not);
        let enter = runtime::enter_interpreter as *const () as usize;
        let left = self.call(enter, b"iii>i", &[self.thread, new, address])[0];
        self.exit(left);
        self.b.switch_to_block(compiled);
        let zero = self.word(0);
        let signature = self.signature(b"iii>ii");
        let call = self.b.ins().call_indirect(signature, entry, &[self.thread, new, zero]);
        let (value, below) = (self.b.inst_results(call)[0], self.b.inst_results(call)[1]);
        let left = self.b.ins().icmp_imm_s(IntCC::Equal, value, runtime::FAILED as i64);
        let (leave, returned) = (self.cold(), self.block());
        self.b.ins().brif(left, leave, &[], returned, &[]);
        self.b.switch_to_block(leave);
        self.exit(below);
        self.b.switch_to_block(returned);
        let base = self.b.ins().iadd_imm_s(below, -(delta as i64 * 8));
        self.b.def_var(self.base, base);
        self.load_used();
        value
    }

    fn live_after_call(&self, dst: Option<u16>) -> Bits {
        let mut live = self.facts.live[self.pc + 1].clone();
        if let Some(dst) = dst {
            live.remove(dst as usize);
        }
        live.union(&self.facts.caught[self.pc]);
        live
    }
}
