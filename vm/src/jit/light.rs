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
use std::ops::Range;

/// Floats that are told apart; functions with more keep their detours.
const FLOATS: u32 = u64::BITS;

/// A set of a function's floats.
type Floats = u64;

/// What matters of an instruction.
enum Event {
    /// A float is made.
    Made(u8),
    /// A float is used.
    Used(u8),
    /// A call by a detour.
    Call(Inst),
}

/// What happens to the floats of a function.
struct Events {
    /// Numbers of floats.
    numbers: SecondaryMap<Value, u8>,
    count: u32,
    /// All that happens, block by block.
    all: Vec<Event>,
    /// Each block, the last one first, and which of the events are its.
    blocks: Vec<(Block, Range<usize>)>,
}

impl Events {
    const NONE: u8 = u8::MAX;

    /// None if there are too many floats.
    fn find(func: &Function, calls: &[Inst]) -> Option<Self> {
        let numbers = SecondaryMap::with_default(Self::NONE);
        let mut events = Self { numbers, count: 0, all: Vec::new(), blocks: Vec::new() };
        for block in func.layout.blocks() {
            let first = events.all.len();
            events.note(func, func.dfg.block_params(block), Event::Made)?;
            for inst in func.layout.block_insts(block) {
                for value in func.dfg.inst_values(inst) {
                    events.note(func, &[value], Event::Used)?;
                }
                if func.dfg.insts[inst].opcode() == Opcode::CallIndirect && calls.binary_search(&inst).is_ok()
                {
                    events.all.push(Event::Call(inst));
                }
                events.note(func, func.dfg.inst_results(inst), Event::Made)?;
            }
            events.blocks.push((block, first..events.all.len()));
        }
        events.blocks.reverse();
        Some(events)
    }

    /// Takes note of what happens to those of the values that are floats.
    fn note(&mut self, func: &Function, values: &[Value], event: fn(u8) -> Event) -> Option<()> {
        for &value in values {
            if func.dfg.value_type(value).is_int() {
                continue;
            }
            let number = &mut self.numbers[func.dfg.resolve_aliases(value)];
            if *number == Self::NONE {
                if self.count == FLOATS {
                    return None;
                }
                *number = self.count as u8;
                self.count += 1;
            }
            self.all.push(event(*number));
        }
        Some(())
    }

    /// The floats that are used from the begin of some events on, by those that are used behind them; `call` is told of calls, and of what is
    /// used behind them.
    fn before(&self, which: &Range<usize>, behind: Floats, mut call: impl FnMut(Inst, Floats)) -> Floats {
        self.all[which.clone()].iter().rev().fold(behind, |live, event| match *event {
            Event::Made(number) => live & !(1 << number),
            Event::Used(number) => live | 1 << number,
            Event::Call(inst) => {
                call(inst, live);
                live
            }
        })
    }
}

/// Has those of the `calls`, which are calls by `detours` in the order in which they were made, go by light detours that may.
pub(super) fn lighten(func: &mut Function, calls: &[Inst], detours: &Detours) {
    let Some(light) = detours.light else { return };
    if calls.is_empty() {
        return;
    }
    let has_floats = func.dfg.values().any(|value| !func.dfg.value_type(value).is_int());
    let light_calls = match has_floats {
        false => calls.to_vec(),
        true => find_light(func, calls),
    };
    for call in light_calls {
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

/// The calls across which no float lives; none if there are too many floats.
fn find_light(func: &Function, calls: &[Inst]) -> Vec<Inst> {
    let Some(events) = Events::find(func, calls) else { return Vec::new() };
    let graph = ControlFlowGraph::with_function(func);
    // What is used of the floats where each block begins, once nothing changes any more.
    let mut begin: SecondaryMap<Block, Floats> = SecondaryMap::new();
    let end = |begin: &SecondaryMap<Block, Floats>, block: Block| {
        graph.succ_iter(block).fold(0, |set, next| set | begin[next])
    };
    // What each block uses of what it finds, and what passes through it.
    let through = |which: &Range<usize>, live| events.before(which, live, |_, _| {});
    let effects: Vec<(Floats, Floats)> =
        events.blocks.iter().map(|(_, which)| (through(which, 0), through(which, Floats::MAX))).collect();
    loop {
        let mut changed = false;
        for ((block, _), (used, passes)) in events.blocks.iter().zip(&effects) {
            let live = end(&begin, *block) & passes | used;
            changed |= live != begin[*block];
            begin[*block] = live;
        }
        if !changed {
            break;
        }
    }
    let mut found = Vec::new();
    for (block, which) in &events.blocks {
        events.before(which, end(&begin, *block), |call, live| {
            if live == 0 {
                found.push(call);
            }
        });
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

        let mut found = find_light(&func, &calls);
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
