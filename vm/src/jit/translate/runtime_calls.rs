//! Calls of the runtime's functions: by the platform's convention on the straight path, by detours beside it.
//!
//! Invariant: a call by a detour leaves every register as it was, so cold code costs the straight path nothing.

use super::super::detours::{self, ARGUMENTS, Position};
use super::Translator;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{AbiParam, InstBuilder, SigRef, Signature, Value as Ir};
use cranelift_codegen::isa::CallConv;

/// What a function of the runtime gives.
type Results = smallvec::SmallVec<[Ir; 2]>;

/// Parameters and results of a function of the runtime. In `shape`, `i` stands for a word, `f` for a float; results come after `>`.
fn signature(shape: &'static [u8], convention: CallConv) -> Signature {
    let mut signature = Signature::new(convention);
    let mut results = false;
    for c in shape {
        let kind = AbiParam::new(if *c == b'f' { F64 } else { I64 });
        match c {
            b'>' => results = true,
            _ if results => signature.returns.push(kind),
            _ => signature.params.push(kind),
        }
    }
    signature
}

impl Translator<'_, '_> {
    /// The signature of a function of the runtime.
    pub(super) fn signature(&mut self, shape: &'static [u8]) -> SigRef {
        if let Some((_, known)) = self.signatures.iter().find(|(s, _)| *s == shape) {
            return *known;
        }
        let made = signature(shape, CallConv::triple_default(&self.layout.triple));
        let made = self.b.import_signature(made);
        self.signatures.push((shape, made));
        made
    }

    /// Calls a function of the runtime; in cold code so that nothing has to leave its register. `shape`: `i` for a word, `f` for a float,
    /// results after `>`.
    pub(super) fn call(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Results {
        if !self.is_cold() {
            return self.call_plainly(address, shape, args);
        }
        debug_assert!(args.len() <= ARGUMENTS);
        let target = self.word(address as i64);
        let first = [self.thread, target];
        self.call_by_detour(self.detours.plain, &[&first, args].concat(), shape)
    }

    /// The same for a function that may look at where control is, or fail. Its first argument is the thread.
    pub(super) fn call_placed(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Results {
        if self.unit.lean {
            self.out_of_lean();
            let results = shape.iter().skip_while(|c| **c != b'>').count().saturating_sub(1);
            return (0..results).map(|_| self.word(0)).collect();
        }
        if !self.is_cold() {
            self.save_position(1);
            return self.call_plainly(address, shape, args);
        }
        debug_assert!(args.len() <= ARGUMENTS && args[0] == self.thread);
        self.flush_used();
        let inst = self.inst();
        let frame = self.unit.frame(&inst);
        let position = Box::new(Position {
            pc: frame.code.entry.wrapping_add(inst.pc as usize + 1),
            code: frame.code,
            distance: frame.place * 8,
            target: address,
        });
        let first = [self.thread, self.b.use_var(self.base), self.address(std::ptr::from_ref(&*position))];
        self.referred.positions.push(position);
        self.call_by_detour(self.detours.placed, &[&first, &args[1..]].concat(), shape)
    }

    /// Whether what is being translated is off the straight path.
    pub(super) fn is_cold(&self) -> bool {
        self.b.current_block().is_some_and(|block| self.b.func.layout.is_cold(block))
    }

    fn call_by_detour(&mut self, detour: usize, args: &[Ir], shape: &'static [u8]) -> Results {
        debug_assert!(!shape.contains(&b'f'), "detours take and give words");
        let signature = match self.detour_signatures[args.len()] {
            Some(known) => known,
            None => self.b.import_signature(detours::detour_signature(args.len())),
        };
        self.detour_signatures[args.len()] = Some(signature);
        let callee = self.word(detour as i64);
        let call = self.b.ins().call_indirect(signature, callee, args);
        self.detoured.push(call);
        let results = shape.iter().skip_while(|c| **c != b'>').count().saturating_sub(1);
        (0..results as i32).map(|k| self.load(self.thread, self.layout.results + 8 * k)).collect()
    }

    /// Calls a function of the runtime by the platform's convention.
    pub(super) fn call_plainly(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Results {
        let signature = self.signature(shape);
        let callee = self.word(address as i64);
        let call = self.b.ins().call_indirect(signature, callee, args);
        self.b.inst_results(call).into()
    }
}
