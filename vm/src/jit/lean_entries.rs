//! How lean code is entered by those who have made a frame: the interpreter, and compiled code that does not know that the callee is lean.
//!
//! An entry loads the parameters from the frame and calls the lean code of the frame's function; if that leaves, the frame is complete like all
//! others. There is one entry for each number of parameters.

use super::compile::Output;
use super::detours::words;
use super::layout::Layout;
use super::translate::lean_signature;
use super::{FROM_START, LEFT, lean, lean_runtime, runtime};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, UserFuncName, Value};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::Module;

/// The entries of a VM, by the number of parameters, once they are needed.
#[derive(Default)]
pub(super) struct LeanEntries([Option<usize>; lean::PARAMETERS + 1]);

impl LeanEntries {
    /// The address of the entry for functions with so many parameters.
    pub(super) fn of(
        &mut self,
        parameters: usize,
        output: &mut Output,
        layout: &Layout,
    ) -> Result<*const u8, String> {
        let address = match self.0[parameters] {
            Some(made) => made,
            None => make(parameters, output, layout)?,
        };
        self.0[parameters] = Some(address);
        Ok(std::ptr::with_exposed_provenance(address))
    }
}

/// What tools call them.
const NAME: &str = "entry of lean code";

fn make(parameters: usize, output: &mut Output, layout: &Layout) -> Result<usize, String> {
    let convention = CallConv::triple_default(&layout.triple);
    let mut context = output.module.make_context();
    context.func.signature = words(3, 2, convention);
    let id = output.declare(NAME, &context.func.signature)?;
    context.func.name = UserFuncName::user(0, id.as_u32());
    let mut contexts = FunctionBuilderContext::new();
    let mut b = FunctionBuilder::new(&mut context.func, &mut contexts);
    let (entry, call, refuse) = (b.create_block(), b.create_block(), b.create_block());
    let (gone, attended, taken_over, left_alone) =
        (b.create_block(), b.create_block(), b.create_block(), b.create_block());
    [refuse, attended, taken_over, left_alone].into_iter().for_each(|block| b.set_cold_block(block));
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let [thread, base, which] = b.block_params(entry)[..] else { unreachable!("the signature says so") };
    let flags = MemFlagsData::trusted();
    let code = b.ins().load(I64, flags, base, -16);
    let at = b.ins().iadd_imm_s(code, i64::from(layout.code_lean));
    let lean = b.ins().atomic_load(I64, flags, at);
    let begins = b.ins().icmp_imm_s(IntCC::UnsignedLessThanOrEqual, which, FROM_START as i64);
    let zero = b.ins().iconst(I64, 0);
    let lean = b.ins().select(begins, lean, zero);
    b.ins().brif(lean, call, &[], refuse, &[]);

    b.switch_to_block(call);
    // The interpreter has counted its call already.
    let used = b.ins().load(I64, flags, thread, layout.used);
    let one = b.ins().iconst(I64, FROM_START as i64);
    let uncounted = b.ins().isub(one, which);
    let used = b.ins().iadd(used, uncounted);
    let mut args: Vec<Value> = vec![thread, base, used];
    for k in 0..parameters as i32 {
        args.push(b.ins().load(I64, flags, base, 8 * k));
    }
    let signature = b.import_signature(lean_signature(parameters, convention));
    let results = b.ins().call_indirect(signature, lean, &args);
    let [value, used] = b.inst_results(results)[..] else { unreachable!("the signature says so") };
    let left = b.ins().icmp_imm_s(IntCC::Equal, value, runtime::FAILED as i64);
    b.ins().brif(left, attended, &[], gone, &[]);

    b.switch_to_block(gone);
    b.ins().store(flags, used, thread, layout.used);
    b.ins().return_(&[value, base]);

    let failed = |b: &mut FunctionBuilder<'_>, left: Value| {
        let marker = b.ins().iconst(I64, runtime::FAILED as i64);
        b.ins().return_(&[marker, left]);
    };
    let call_runtime = |b: &mut FunctionBuilder<'_>, address: usize, args: &[Value]| {
        let signature = b.import_signature(words(args.len(), 1, convention));
        let callee = b.ins().iconst(I64, address as i64);
        let call = b.ins().call_indirect(signature, callee, args);
        b.inst_results(call)[0]
    };
    b.switch_to_block(attended);
    let left = call_runtime(&mut b, lean_runtime::attended as *const () as usize, &[thread]);
    failed(&mut b, left);

    // The function has no lean code any more.
    b.switch_to_block(refuse);
    b.ins().brif(which, left_alone, &[], taken_over, &[]);
    b.switch_to_block(taken_over);
    let left = call_runtime(&mut b, runtime::enter_interpreter as *const () as usize, &[thread, base, code]);
    failed(&mut b, left);
    b.switch_to_block(left_alone);
    let left = b.ins().iconst(I64, LEFT.0 as i64);
    failed(&mut b, left);

    b.seal_all_blocks();
    b.finalize(output.module.target_config());
    output.emit(id, &mut context, NAME).map(|(entry, _)| entry.expose_provenance())
}
