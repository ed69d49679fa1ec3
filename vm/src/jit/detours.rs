//! Detours: functions through which cold code calls the runtime and finds all its registers as they were.
//!
//! A call by the platform's convention destroys most registers, on x86-64 all that hold floats. What lives across a slow path that is hardly ever
//! taken would have to lie in memory on the fast path too: an inner loop would read and write its variables there because of the safepoint
//! that it polls for. A detour saves all registers itself ("preserve_all" in Cranelift, "preserve_most" of LLVM is alike), calls the
//! runtime's function, and leaves the results in the thread, for such functions return nothing in registers.

use super::compile::Output;
use super::layout::Layout;
use cranelift_codegen::Context;
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature, UserFuncName};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::JITModule;
use cranelift_module::Module;
use std::collections::HashMap;

/// Results of a function that detours are made for, at most.
pub(super) const RESULTS: usize = 2;

/// The detours of a VM, by the function that each calls.
#[derive(Default)]
pub(super) struct Detours {
    made: HashMap<usize, Option<usize>>,
    contexts: FunctionBuilderContext,
}

/// Parameters and results of a function of the runtime. In `shape`, `i` stands for a word, `f` for a float; results come after `>`.
pub(super) fn signature(shape: &'static [u8], convention: CallConv) -> Signature {
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

/// The same for the detour to it: the thread comes first, and nothing comes back.
pub(super) fn detour_signature(shape: &'static [u8]) -> Signature {
    let mut detour = signature(shape, CallConv::PreserveAll);
    detour.params.insert(0, AbiParam::new(I64));
    detour.returns.clear();
    detour
}

impl Detours {
    /// The address of the detour to the runtime's function at `target`. `None` if there can be none: it is called directly then.
    pub(super) fn to(
        &mut self,
        target: usize,
        shape: &'static [u8],
        output: &mut Output,
        layout: &Layout,
    ) -> Option<usize> {
        if let Some(known) = self.made.get(&target) {
            return *known;
        }
        let mut context = self.translate(target, shape, &mut output.module, layout);
        let made = output.emit(&mut context, "detour").ok().map(|(entry, _)| entry.addr());
        self.made.insert(target, made);
        made
    }

    fn translate(
        &mut self,
        target: usize,
        shape: &'static [u8],
        module: &mut JITModule,
        layout: &Layout,
    ) -> Context {
        let mut context = module.make_context();
        context.func.signature = detour_signature(shape);
        context.func.name = UserFuncName::user(1, self.made.len() as u32);
        let mut b = FunctionBuilder::new(&mut context.func, &mut self.contexts);
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        let params = b.block_params(entry).to_vec();
        let signature = b.import_signature(signature(shape, CallConv::triple_default(&layout.triple)));
        let callee = b.ins().iconst(I64, target as i64);
        let call = b.ins().call_indirect(signature, callee, &params[1..]);
        let results = b.inst_results(call).to_vec();
        for (k, result) in results.into_iter().enumerate() {
            b.ins().store(MemFlagsData::trusted(), result, params[0], layout.results + 8 * k as i32);
        }
        b.ins().return_(&[]);
        b.finalize(module.target_config());
        context
    }
}
