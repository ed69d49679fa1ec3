//! Calls of the runtime's functions: by the platform's convention on the straight path, by detours beside it.
//!
//! Invariant: a call by a detour leaves every register as it was, so cold code costs the straight path nothing.

use super::super::detours;
use super::Translator;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, SigRef, Value as Ir};
use cranelift_codegen::isa::CallConv;

impl Translator<'_, '_> {
    pub(super) fn signature(&mut self, shape: &'static [u8]) -> SigRef {
        if let Some((_, known)) = self.signatures.iter().find(|(s, _)| *s == shape) {
            return *known;
        }
        let convention = CallConv::triple_default(&self.layout.triple);
        let made = self.b.import_signature(detours::signature(shape, convention));
        self.signatures.push((shape, made));
        made
    }

    /// Calls a function of the runtime; in cold code so that nothing has to leave its register. `shape`: `i` for a word, `f` for a float,
    /// results after `>`.
    pub(super) fn call(
        &mut self,
        address: usize,
        shape: &'static [u8],
        args: &[Ir],
    ) -> smallvec::SmallVec<[Ir; 2]> {
        if self.is_cold()
            && let Some(detour) = (self.detour)(address, shape)
        {
            return self.call_by_detour(detour, shape, args);
        }
        self.call_plainly(address, shape, args)
    }

    /// Whether what is being translated is off the straight path.
    pub(super) fn is_cold(&self) -> bool {
        self.b.current_block().is_some_and(|block| self.b.func.layout.is_cold(block))
    }

    fn call_by_detour(
        &mut self,
        detour: usize,
        shape: &'static [u8],
        args: &[Ir],
    ) -> smallvec::SmallVec<[Ir; 2]> {
        let known = self.detour_signatures.iter().find(|(s, _)| *s == shape).map(|(_, known)| *known);
        let signature = known.unwrap_or_else(|| {
            let made = self.b.import_signature(detours::detour_signature(shape));
            self.detour_signatures.push((shape, made));
            made
        });
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
    pub(super) fn call_plainly(
        &mut self,
        address: usize,
        shape: &'static [u8],
        args: &[Ir],
    ) -> smallvec::SmallVec<[Ir; 2]> {
        let signature = self.signature(shape);
        let callee = self.b.ins().iconst(I64, address as i64);
        let call = self.b.ins().call_indirect(signature, callee, args);
        self.b.inst_results(call).into()
    }

    /// A block that is off the straight path if what is being translated is.
    pub(super) fn beside(&mut self) -> Block {
        if self.is_cold() { self.cold() } else { self.block() }
    }
}
