//! Calls of the runtime's functions: by the platform's convention on the straight path, by detours beside it.
//!
//! Invariant: a call by a detour leaves every register as it was, so cold code costs the straight path nothing.

use super::super::detours;
use super::Translator;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, SigRef, Value as Ir};
use cranelift_codegen::isa::CallConv;

/// What a function of the runtime gives.
type Results = smallvec::SmallVec<[Ir; 2]>;

impl Translator<'_, '_> {
    /// The signature of a function of the runtime, or of the detour to it.
    pub(super) fn signature(&mut self, shape: &'static [u8], detour: bool) -> SigRef {
        if let Some((.., known)) = self.signatures.iter().find(|(s, d, _)| (*s, *d) == (shape, detour)) {
            return *known;
        }
        let signature = match detour {
            true => detours::detour_signature(shape),
            false => detours::signature(shape, CallConv::triple_default(&self.layout.triple)),
        };
        let made = self.b.import_signature(signature);
        self.signatures.push((shape, detour, made));
        made
    }

    /// Calls a function of the runtime; in cold code so that nothing has to leave its register. `shape`: `i` for a word, `f` for a float,
    /// results after `>`.
    pub(super) fn call(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Results {
        if self.is_cold()
            && let Some(detour) = (self.detour)(address, shape)
        {
            return self.call_by_detour(detour, shape, args);
        }
        self.call_plainly(address, shape, args)
    }

    /// Whether what is being translated is off the straight path.
    fn is_cold(&self) -> bool {
        self.b.current_block().is_some_and(|block| self.b.func.layout.is_cold(block))
    }

    fn call_by_detour(&mut self, detour: usize, shape: &'static [u8], args: &[Ir]) -> Results {
        let signature = self.signature(shape, true);
        let callee = self.b.ins().iconst(I64, detour as i64);
        let mut all: smallvec::SmallVec<[Ir; 8]> = smallvec::smallvec![self.thread];
        all.extend_from_slice(args);
        self.b.ins().call_indirect(signature, callee, &all);
        let results = shape.iter().skip_while(|c| **c != b'>').skip(1);
        let place = |k: usize| self.layout.results + 8 * k as i32;
        results
            .enumerate()
            .map(|(k, c)| {
                let kind = if *c == b'f' { F64 } else { I64 };
                self.b.ins().load(kind, MemFlagsData::trusted(), self.thread, place(k))
            })
            .collect()
    }

    /// Calls a function of the runtime by the platform's convention.
    pub(super) fn call_plainly(&mut self, address: usize, shape: &'static [u8], args: &[Ir]) -> Results {
        let signature = self.signature(shape, false);
        let callee = self.b.ins().iconst(I64, address as i64);
        let call = self.b.ins().call_indirect(signature, callee, args);
        self.b.inst_results(call).into()
    }

    /// A block that is off the straight path if what is being translated is.
    pub(super) fn beside(&mut self) -> Block {
        if self.is_cold() { self.cold() } else { self.block() }
    }
}
