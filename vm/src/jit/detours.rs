//! Detours: functions through which cold code calls the runtime and finds all its registers as they were.
//!
//! A call by the platform's convention destroys most registers, on x86-64 all that hold floats. What lives across a slow path that is hardly ever
//! taken would have to lie in memory on the fast path too: an inner loop would read and write its variables there because of the safepoint
//! that it polls for. A detour saves all registers itself ("preserve_all" in Cranelift, "preserve_most" of LLVM is alike), calls the
//! runtime's function, and leaves the results in the thread, for such functions return nothing in registers.
//!
//! There are two for all functions of the runtime, which they call with words only: as many as a call may have. One of them first tells
//! the thread where control is; so cold code, of which there is a lot, need not.

use super::compile::Output;
use super::layout::Layout;
use super::light::Light;
use crate::bytecode::Instr;
use crate::code::Code;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature, UserFuncName};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::Module;
use std::mem::offset_of;

/// Results of a function that is called by a detour, at most.
pub(super) const RESULTS: usize = 2;
/// Its arguments, at most. Beside them both detours take two words: of those of the one that tells the position, the thread is the first.
pub(super) const ARGUMENTS: usize = 4;

/// Where control is while a function of the runtime works that may look at it.
#[repr(C)]
pub(super) struct Position {
    pub(super) pc: *const Instr,
    pub(super) code: *const Code,
    /// From the base of the unit's first frame to that of the running one, in bytes.
    pub(super) distance: usize,
    /// The function of the runtime that is called.
    pub(super) target: usize,
}

/// The addresses of a VM's detours.
#[derive(Clone, Copy)]
pub(super) struct Detours {
    /// Takes the thread, the address of a function, and its arguments.
    pub(super) plain: usize,
    /// Takes the thread, the base of the unit's first frame, a [`Position`], and the arguments behind the thread.
    pub(super) placed: usize,
    /// The same for calls across which no float lives, where there are such.
    pub(super) light: Option<Light>,
}

/// The signature by which a detour is called with so many words. It may be fewer than it takes: what it finds in the place of the others it
/// passes on to a function that does not take them.
pub(super) fn detour_signature(count: usize) -> Signature {
    words(count, 0, CallConv::PreserveAll)
}

/// The signature of a function that takes and gives so many words.
pub(super) fn words(params: usize, results: usize, convention: CallConv) -> Signature {
    let mut signature = Signature::new(convention);
    signature.params.extend(vec![AbiParam::new(I64); params]);
    signature.returns.extend(vec![AbiParam::new(I64); results]);
    signature
}

impl Detours {
    /// Makes them.
    pub(super) fn make(output: &mut Output, layout: &Layout) -> Result<Self, String> {
        let (plain, placed) = (make(output, layout, false)?, make(output, layout, true)?);
        Ok(Self { plain, placed, light: Light::of_this_machine() })
    }
}

/// What tools call them.
const NAME: &str = "detour";

/// The address of a new detour.
fn make(output: &mut Output, layout: &Layout, placed: bool) -> Result<usize, String> {
    let mut context = output.module.make_context();
    context.func.signature = detour_signature(2 + ARGUMENTS);
    let id = output.declare(NAME, &context.func.signature)?;
    context.func.name = UserFuncName::user(0, id.as_u32());
    let mut contexts = FunctionBuilderContext::new();
    let mut b = FunctionBuilder::new(&mut context.func, &mut contexts);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    b.seal_block(entry);
    let params = b.block_params(entry).to_vec();
    let (flags, thread) = (MemFlagsData::trusted(), params[0]);
    let (callee, arguments) = if placed {
        let (base, position) = (params[1], params[2]);
        let mut of = |offset: usize| b.ins().load(I64, flags, position, offset as i32);
        let (pc, code) = (of(offset_of!(Position, pc)), of(offset_of!(Position, code)));
        let (distance, callee) = (of(offset_of!(Position, distance)), of(offset_of!(Position, target)));
        let base = b.ins().iadd(base, distance);
        for (word, place) in [(pc, layout.pc), (code, layout.code), (base, layout.base)] {
            b.ins().store(flags, word, thread, place);
        }
        (callee, [&[thread], &params[3..]].concat())
    } else {
        (params[1], params[2..].to_vec())
    };
    let signature = words(arguments.len(), RESULTS, CallConv::triple_default(&layout.triple));
    let signature = b.import_signature(signature);
    let call = b.ins().call_indirect(signature, callee, &arguments);
    let results = b.inst_results(call).to_vec();
    for (k, result) in results.into_iter().enumerate() {
        b.ins().store(flags, result, thread, layout.results + 8 * k as i32);
    }
    b.ins().return_(&[]);
    b.finalize(output.module.target_config());
    output.emit(id, &mut context, NAME).map(|(entry, _)| entry.addr())
}
