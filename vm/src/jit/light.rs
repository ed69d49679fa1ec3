//! Light detours: for calls across which no float lives.
//!
//! A detour (`detours`) saves all registers. Those that hold floats are as many as all others and twice as wide, and most calls find nothing
//! in them. So when a function has been translated, it is found out which of its calls do, and the others go by detours that save the registers
//! of words only. They are written in assembly, since Cranelift knows no such convention; on machines for which there are none, all calls go by
//! the others. Invariant: a call goes by a light detour only if no value that is not a word is used both before and after it.

use super::detours::Detours;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Value};

/// Floats that are told apart; functions with more keep their detours.
const FLOATS: u32 = u64::BITS;

/// A set of a function's floats.
type Floats = u64;

/// The floats of a function, numbered.
struct Numbers {
    of: SecondaryMap<Value, u8>,
    count: u32,
}

impl Numbers {
    const NONE: u8 = u8::MAX;

    /// None if there are too many.
    fn new(func: &Function) -> Option<Self> {
        let mut numbers = Self { of: SecondaryMap::with_default(Self::NONE), count: 0 };
        for block in func.layout.blocks() {
            let results = func.layout.block_insts(block).flat_map(|inst| func.dfg.inst_results(inst));
            for &value in func.dfg.block_params(block).iter().chain(results) {
                if func.dfg.value_type(value).is_int() {
                    continue;
                }
                if numbers.count == FLOATS {
                    return None;
                }
                numbers.of[value] = numbers.count as u8;
                numbers.count += 1;
            }
        }
        Some(numbers)
    }

    fn set<'a>(&self, values: impl IntoIterator<Item = &'a Value>) -> Floats {
        values.into_iter().fold(0, |set, value| match self.of[*value] {
            Self::NONE => set,
            number => set | 1 << number,
        })
    }

    /// The floats that are used from an instruction on, by those that are used behind it.
    fn before(&self, func: &Function, inst: Inst, behind: Floats) -> Floats {
        let used = func.dfg.inst_values(inst).map(|value| func.dfg.resolve_aliases(value));
        let used = used.fold(0, |set, value| set | self.set([&value]));
        behind & !self.set(func.dfg.inst_results(inst)) | used
    }
}

/// Has those of the `calls`, which are calls by `detours` in the order in which they were made, go by light detours that may.
pub(super) fn lighten(func: &mut Function, calls: &[Inst], detours: &Detours) {
    let Some(light) = detours.light else { return };
    if calls.is_empty() {
        return;
    }
    let Some(numbers) = Numbers::new(func) else { return };
    for call in find_light(func, calls, &numbers) {
        let callee = func.dfg.inst_args(call)[0];
        let Some(constant) = func.dfg.value_def(callee).inst() else { continue };
        if let InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } = &mut func.dfg.insts[constant] {
            let address = match imm.bits() as usize {
                heavy if heavy == detours.plain => light.plain,
                heavy if heavy == detours.placed => light.placed,
                other => other,
            };
            *imm = (address as i64).into();
        }
    }
}

/// The calls across which no float lives.
fn find_light(func: &Function, calls: &[Inst], numbers: &Numbers) -> Vec<Inst> {
    if numbers.count == 0 {
        return calls.to_vec();
    }
    let graph = ControlFlowGraph::with_function(func);
    // What is used of the floats where each block begins, once nothing changes any more.
    let mut begin: SecondaryMap<Block, Floats> = SecondaryMap::new();
    let end = |begin: &SecondaryMap<Block, Floats>, block: Block| {
        graph
            .succ_iter(block)
            .fold(0, |set, next| set | begin[next] & !numbers.set(func.dfg.block_params(next)))
    };
    // Blocks from the last one on, with what each uses of what it finds, and what passes through it.
    let mut blocks: Vec<(Block, Floats, Floats)> = Vec::new();
    for block in func.layout.blocks() {
        let through =
            |live| func.layout.block_insts(block).rev().fold(live, |live, i| numbers.before(func, i, live));
        let used = through(0);
        blocks.push((block, used, through(Floats::MAX) & !used));
    }
    blocks.reverse();
    loop {
        let mut changed = false;
        for &(block, used, passes) in &blocks {
            let live = end(&begin, block) & passes | used;
            changed |= live != begin[block];
            begin[block] = live;
        }
        if !changed {
            break;
        }
    }
    let mut found = Vec::new();
    for block in func.layout.blocks() {
        let mut live = end(&begin, block);
        for inst in func.layout.block_insts(block).rev() {
            if live == 0 && calls.binary_search(&inst).is_ok() {
                found.push(inst);
            }
            live = numbers.before(func, inst, live);
        }
    }
    found
}

/// The addresses of light detours, which are called like those of the same names.
#[derive(Clone, Copy)]
pub(super) struct Light {
    plain: usize,
    placed: usize,
}

impl Light {
    /// Those for this machine, if there are.
    pub(super) fn of_this_machine() -> Option<Self> {
        #[cfg(all(target_arch = "x86_64", not(windows)))]
        let light =
            Some(Self { plain: x64::plain as *const () as usize, placed: x64::placed as *const () as usize });
        #[cfg(not(all(target_arch = "x86_64", not(windows))))]
        let light = None;
        light
    }
}

/// By the convention of System V: the first arguments are in rdi, rsi, rdx, rcx, r8 and r9, results in rax and rdx, and a function that is called
/// keeps rbx, rbp and r12 to r15 itself.
#[cfg(all(target_arch = "x86_64", not(windows)))]
mod x64 {
    use super::super::detours::Position;
    use super::super::layout::RESULTS;
    use crate::thread::Thread;
    use std::arch::naked_asm;
    use std::mem::offset_of;

    /// Saves the registers that a called function may change, and r12, which then keeps the thread's address. The stack is aligned for a call
    /// afterwards.
    macro_rules! save {
        () => {
            "push rbp
             mov rbp, rsp
             push rax
             push rcx
             push rdx
             push rsi
             push rdi
             push r8
             push r9
             push r10
             push r11
             push r12
             mov r12, rdi"
        };
    }

    /// Stores the results, and goes back with all registers as they were.
    macro_rules! restore {
        () => {
            "mov [r12 + {results}], rax
             mov [r12 + {results} + 8], rdx
             pop r12
             pop r11
             pop r10
             pop r9
             pop r8
             pop rdi
             pop rsi
             pop rdx
             pop rcx
             pop rax
             pop rbp
             ret"
        };
    }

    /// Takes the thread, the address of a function, and its arguments.
    #[unsafe(naked)]
    pub(super) extern "C" fn plain() {
        naked_asm!(
            save!(),
            "mov rax, rsi",
            "mov rdi, rdx",
            "mov rsi, rcx",
            "mov rdx, r8",
            "mov rcx, r9",
            "call rax",
            restore!(),
            results = const RESULTS,
        )
    }

    /// Takes the thread, the base of the unit's first frame, a [`Position`], and the arguments behind the thread.
    #[unsafe(naked)]
    pub(super) extern "C" fn placed() {
        naked_asm!(
            save!(),
            "add rsi, [rdx + {distance}]",
            "mov [rdi + {base}], rsi",
            "mov rax, [rdx + {position_pc}]",
            "mov [rdi + {pc}], rax",
            "mov rax, [rdx + {position_code}]",
            "mov [rdi + {code}], rax",
            "mov rax, [rdx + {target}]",
            "mov rsi, rcx",
            "mov rdx, r8",
            "mov rcx, r9",
            "call rax",
            restore!(),
            distance = const offset_of!(Position, distance),
            position_pc = const offset_of!(Position, pc),
            position_code = const offset_of!(Position, code),
            target = const offset_of!(Position, target),
            base = const offset_of!(Thread, base),
            pc = const offset_of!(Thread, pc),
            code = const offset_of!(Thread, code),
            results = const RESULTS,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::ir::types::{F64, I64};
    use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature};
    use cranelift_codegen::isa::CallConv;
    use cranelift_codegen::settings::{Flags, builder};
    use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

    /// Calls before a loop, in it and behind it; a float lives from before the loop into it, another one only within a turn.
    #[test]
    fn calls_across_which_a_float_lives_stay_as_they_are() {
        let isa = cranelift_native::builder().unwrap().finish(Flags::new(builder())).unwrap();
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params.push(AbiParam::new(I64));
        signature.params.push(AbiParam::new(F64));
        let mut func = Function::with_name_signature(Default::default(), signature);
        let mut contexts = FunctionBuilderContext::new();
        let mut b = FunctionBuilder::new(&mut func, &mut contexts);
        let callee = b.import_signature(Signature::new(CallConv::PreserveAll));
        let mut calls = Vec::new();
        let mut call = |b: &mut FunctionBuilder<'_>| {
            let address = b.ins().iconst(I64, 0x1000);
            calls.push(b.ins().call_indirect(callee, address, &[]));
        };
        let (entry, head, body, done) =
            (b.create_block(), b.create_block(), b.create_block(), b.create_block());
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        let (word, float) = (b.block_params(entry)[0], b.block_params(entry)[1]);
        call(&mut b);
        let sum = b.append_block_param(head, F64);
        b.ins().jump(head, &[float.into()]);
        b.switch_to_block(head);
        call(&mut b);
        b.ins().brif(word, body, &[], done, &[]);
        b.switch_to_block(body);
        let next = b.ins().fadd(sum, sum);
        b.ins().jump(head, &[next.into()]);
        b.switch_to_block(done);
        call(&mut b);
        let own = b.ins().f64const(1.0);
        call(&mut b);
        b.ins().store(cranelift_codegen::ir::MemFlagsData::trusted(), own, word, 0);
        call(&mut b);
        b.ins().return_(&[]);
        b.seal_all_blocks();
        b.finalize(isa.frontend_config());
        let numbers = Numbers::new(&func).unwrap();
        let mut found = find_light(&func, &calls, &numbers);
        found.sort_unstable();
        assert_eq!(found, [calls[2], calls[4]]);
        let light = Some(Light { plain: 0x2000, placed: 0x3000 });
        lighten(&mut func, &calls, &Detours { plain: 0x1000, placed: 0x1001, light });
        let target = |call: &Inst| {
            let constant = func.dfg.value_def(func.dfg.inst_args(*call)[0]).unwrap_inst();
            let InstructionData::UnaryImm { imm, .. } = func.dfg.insts[constant] else {
                panic!("a constant")
            };
            imm.bits()
        };
        let targets: Vec<i64> = calls.iter().map(target).collect();
        assert_eq!(targets, [0x1000, 0x1000, 0x2000, 0x1000, 0x2000]);
    }
}
