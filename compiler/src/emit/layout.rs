//! Lays a function out: final register numbers, jump distances, line and handler tables.
//!
//! Invariant: a jump whose distance does not fit its operand is replaced by a short jump around a wide one, so any
//! function that fits 32-bit distances can be laid out.

use corella_vm::bytecode::{Const, Function, Handler, Instr, Line, Op, Operand};

use super::function::{FunctionBuilder, Label, PIN_BIT, RAW_BIT};

/// An instruction before layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ins {
    pub(super) op: Op,
    pub(super) n: u8,
    pub(super) a: u16,
    pub(super) b: u16,
    pub(super) c: u16,
    pub(super) target: Option<Label>,
}

/// A handler in terms of instruction indices.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingHandler {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) target: u32,
    pub(super) register: u16,
}

/// How a jump is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Not at all: it goes to the next instruction.
    Gone,
    /// As it is.
    Short,
    /// Around a wide jump.
    Long,
}

/// Rounds in which only jumps that do not reach are made long.
const EXACT_ROUNDS: usize = 6;
/// How many times longer code can get by its jumps becoming long, at most (see [`size`]).
const GROWTH: i64 = 4;

fn size(ins: &Ins, form: Form) -> u32 {
    match (form, ins.op) {
        (Form::Gone, _) => 0,
        (Form::Short, _) => 1,
        (Form::Long, Op::ForLt | Op::ForLe) => 4,
        (Form::Long, _) => 3,
    }
}

/// Turns what was emitted into a finished function.
pub(super) fn finish(
    mut builder: FunctionBuilder,
    shape: Function,
    consts: &[Const],
    line_of: &dyn Fn(u32) -> (u32, u32),
) -> Result<Function, &'static str> {
    builder.end_scopes(0);
    let FunctionBuilder {
        code,
        labels,
        handlers,
        mut variables,
        lines,
        pinned,
        pinned_raw,
        max_tagged,
        max_raw,
        ..
    } = builder;
    let target_of = |label: Label| labels[label.0 as usize].at.unwrap_or(code.len() as u32) as usize;
    // A jump to a forward jump goes where that one goes.
    let targets: Vec<Option<usize>> = code
        .iter()
        .map(|ins| {
            ins.target.map(|label| {
                let mut to = target_of(label);
                if !matches!(ins.op, Op::Loop | Op::ForLt | Op::ForLe) {
                    for _ in 0..8 {
                        match code.get(to) {
                            Some(Ins { op: Op::Jump, target: Some(next), .. }) => to = target_of(*next),
                            _ => break,
                        }
                    }
                }
                to
            })
        })
        .collect();

    let prologue = (pinned.len() + pinned_raw.len()) as u32;
    let mut forms: Vec<Form> = code
        .iter()
        .enumerate()
        .map(
            |(at, ins)| {
                if ins.op == Op::Jump && targets[at] == Some(at + 1) { Form::Gone } else { Form::Short }
            },
        )
        .collect();
    let mut pcs = vec![0u32; code.len() + 1];
    // Each long jump may push others out of reach. A few rounds find the shortest forms of all but huge functions; then whatever could get
    // out of reach if all code between grew as far as it can is made long, which is final.
    let mut rounds = 0;
    loop {
        let reach = if rounds < EXACT_ROUNDS { i64::from(i16::MAX) } else { i64::from(i16::MAX) / GROWTH };
        rounds += 1;
        let mut pc = prologue;
        for (at, ins) in code.iter().enumerate() {
            pcs[at] = pc;
            pc += size(ins, forms[at]);
        }
        pcs[code.len()] = pc;
        let mut stable = true;
        for (at, ins) in code.iter().enumerate() {
            if forms[at] != Form::Short || ins.op.info().wide {
                continue;
            }
            if let Some(to) = targets[at] {
                let distance = i64::from(pcs[to]) - i64::from(pcs[at]) - 1;
                if distance.abs() > reach {
                    forms[at] = Form::Long;
                    stable = false;
                }
            }
        }
        if stable {
            break;
        }
    }

    // A function has at least one register.
    let max_tagged = max_tagged.max(1);
    let tagged = max_tagged + pinned.len() as u16;
    let raw = max_raw + pinned_raw.len() as u16;
    if u32::from(tagged) + u32::from(raw) >= 0x8000 {
        return Err("needs too many registers");
    }
    let fix = |kind: Operand, value: u16| -> u16 {
        match kind {
            Operand::RawWrite | Operand::RawRead | Operand::RawReadWrite => {
                debug_assert!(value & RAW_BIT != 0, "a raw operand holds a tagged register");
                let number = value & !RAW_BIT;
                if number & PIN_BIT != 0 { tagged + max_raw + (number & !PIN_BIT) } else { tagged + number }
            }
            Operand::Write | Operand::Read | Operand::ReadWrite | Operand::Window | Operand::Pair => {
                debug_assert!(value & RAW_BIT == 0, "a tagged operand holds a raw register");
                if value & PIN_BIT != 0 { max_tagged + (value & !PIN_BIT) } else { value }
            }
            _ => value,
        }
    };

    let mut out: Vec<Instr> = Vec::with_capacity(pcs[code.len()] as usize);
    for (number, &k) in pinned.iter().enumerate() {
        out.push(Instr::wide(Op::LoadK, 0, max_tagged + number as u16, k));
    }
    for (number, &(_, k)) in pinned_raw.iter().enumerate() {
        debug_assert!(matches!(consts.get(k as usize), Some(Const::Int(_) | Const::Float(_))));
        out.push(Instr::wide(Op::LoadKRaw, 0, tagged + max_raw + number as u16, k));
    }
    for (at, ins) in code.iter().enumerate() {
        let info = ins.op.info();
        let a = fix(info.a, ins.a);
        let b = if info.wide { ins.b } else { fix(info.b, ins.b) };
        let c = if info.wide { ins.c } else { fix(info.c, ins.c) };
        let Some(to) = targets[at] else {
            out.push(Instr::new(ins.op, ins.n, a, b, c));
            continue;
        };
        // The distance from the instruction at `pc` to the target.
        let from = |pc: usize| (i64::from(pcs[to]) - pc as i64 - 1) as i32;
        let pc = out.len();
        match (forms[at], ins.op) {
            (Form::Gone, _) => {}
            (Form::Short, _) if info.wide => out.push(Instr::wide(ins.op, ins.n, a, from(pc) as u32)),
            (Form::Short, _) => out.push(Instr::new(ins.op, ins.n, a, b, from(pc) as u16)),
            (Form::Long, Op::ForLt) => {
                out.push(Instr::new(Op::IAddI, 0, a, a, 1));
                out.push(Instr::new(Op::IJLt, 0, a, b, 1));
                out.push(Instr::wide(Op::Jump, 0, 0, 1));
                out.push(Instr::wide(Op::Loop, 0, 0, from(pc + 3) as u32));
            }
            (Form::Long, Op::ForLe) => {
                out.push(Instr::new(Op::IJLt, 0, a, b, 1));
                out.push(Instr::wide(Op::Jump, 0, 0, 2));
                out.push(Instr::new(Op::IAddI, 0, a, a, 1));
                out.push(Instr::wide(Op::Loop, 0, 0, from(pc + 3) as u32));
            }
            (Form::Long, _) => {
                out.push(Instr::new(ins.op, ins.n, a, b, 1));
                out.push(Instr::wide(Op::Jump, 0, 0, 1));
                out.push(Instr::wide(Op::Jump, 0, 0, from(pc + 2) as u32));
            }
        }
    }

    let mut table: Vec<Line> = Vec::with_capacity(lines.len());
    for (at, offset) in lines {
        let (line, column) = line_of(offset);
        let entry = Line { pc: if table.is_empty() { 0 } else { pcs[at as usize] }, line, column };
        match table.last_mut() {
            Some(last) if last.pc == entry.pc => *last = entry,
            Some(last) if (last.line, last.column) == (line, column) => {}
            _ => table.push(entry),
        }
    }
    let handlers = handlers
        .iter()
        .map(|h| Handler {
            start: pcs[h.start as usize],
            end: pcs[h.end as usize],
            target: pcs[h.target as usize],
            register: h.register,
        })
        .filter(|h| h.start < h.end)
        .collect();
    for variable in &mut variables {
        // Parameters are there from the function's begin on.
        let start = if variable.start == 0 { 0 } else { pcs[variable.start as usize] };
        (variable.start, variable.end) = (start, pcs[variable.end as usize]);
    }
    variables.retain(|variable| variable.start < variable.end);
    Ok(Function { tagged, raw, code: out, handlers, variables, lines: table, ..shape })
}

#[cfg(test)]
mod tests {
    use super::super::function::FunctionBuilder;
    use super::*;

    fn built(builder: FunctionBuilder) -> Function {
        let shape = Function { tagged: 0, ..Function::default() };
        builder.finish(shape, &[], &|offset| (1, offset + 1)).expect("fits")
    }

    #[test]
    fn a_far_conditional_jump_goes_around_a_wide_one() {
        let mut b = FunctionBuilder::new(1);
        let end = b.label();
        b.jump(Op::JTrue, 0, 0, 0, end);
        let near = b.label();
        b.jump(Op::JEq, 0, 0, 0, near);
        for _ in 0..40_000 {
            b.op(Op::Nop, 0, 0, 0, 0);
        }
        b.bind(near);
        b.bind(end);
        let f = built(b);
        // `jump.true` is wide already; `jump.eq` is not.
        assert_eq!(f.code[0].op(), Some(Op::JTrue));
        assert_eq!(f.code[0].sd(), 3 + 40_000);
        assert_eq!(f.code[1], Instr::new(Op::JEq, 0, 0, 0, 1));
        assert_eq!(f.code[2], Instr::wide(Op::Jump, 0, 0, 1));
        assert_eq!(f.code[3].sd(), 40_000);
    }

    #[test]
    fn a_far_counting_loop_is_spelled_out() {
        let mut b = FunctionBuilder::new(0);
        let (x, y) = (b.raw_temp(), b.raw_temp());
        let top = b.label();
        b.bind(top);
        for _ in 0..40_000 {
            b.op(Op::Nop, 0, 0, 0, 0);
        }
        b.jump(Op::ForLt, 0, x.0, y.0, top);
        let f = built(b);
        let tail: Vec<Op> = f.code[40_000..].iter().filter_map(|i| i.op()).collect();
        assert_eq!(tail, [Op::IAddI, Op::IJLt, Op::Jump, Op::Loop, Op::ReturnNull]);
        assert_eq!(f.code[40_003].sd(), -40_004);
    }

    #[test]
    fn raw_registers_stand_behind_tagged_ones_and_pinned_constants_behind_their_bank() {
        let mut b = FunctionBuilder::new(2);
        let x = b.raw_temp();
        let one = b.pin(7).expect("room");
        b.op(Op::UnboxI, 0, x.0, 1, 0);
        b.op(Op::Return, 0, one.0, 0, 0);
        let f = built(b);
        assert_eq!((f.tagged, f.raw), (3, 1));
        assert_eq!(f.code[0], Instr::wide(Op::LoadK, 0, 2, 7));
        assert_eq!(f.code[1], Instr::new(Op::UnboxI, 0, 3, 1, 0));
        assert_eq!(f.code[2], Instr::new(Op::Return, 0, 2, 0, 0));
    }

    #[test]
    fn code_behind_an_end_is_not_kept() {
        let mut b = FunctionBuilder::new(0);
        b.op(Op::ReturnNull, 0, 0, 0, 0);
        b.op(Op::Nop, 0, 0, 0, 0);
        assert_eq!(built(b).code.len(), 1);
    }
}
