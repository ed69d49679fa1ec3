//! The loop: fetch, decode, execute. Fast paths stand here, everything else behind a call.
//!
//! Local copies of the thread's `pc`, `base`, `code` and `used` are written back (`save!`) before anything that may look at
//! them, and read again (`load!`) after anything that may change them.

use super::{access, arith, call, compare, control, globals, index, instances, iterate, types};
use crate::bytecode::Instr;
use crate::bytecode::ops::{ALLOCATES, Op, TABLE};
use crate::code::Code;
use crate::error::{Control, Outcome};
use crate::jit;
use crate::object::array::{Array, Buffer};
use crate::object::function::Closure;
use crate::object::task::FRAME_WORDS;
use crate::object::{Cell, Header, Instance, Kind, class_id};
use crate::thread::Thread;
use crate::thread::stack::{Link, ReturnKind};
use crate::value::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why the loop stopped running a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The task ended; its result has been delivered.
    Ended,
    /// The task waits.
    Parked,
    /// The task gave way of its own accord.
    Yielded,
    /// The task's tick is over, or something else is more urgent.
    Preempted,
    /// One instruction was executed, as [`step`] was asked to; the scheduler never sees this.
    Stepped,
}

/// The loop executes everything itself.
const PLAIN: u8 = 0;
/// The loop counts what is hot, and enters compiled code.
const TIERED: u8 = 1;
/// The loop executes one instruction, for compiled code.
const STEP: u8 = 2;

/// Runs the current task from the thread's saved state until it stops.
pub fn run(thread: &mut Thread) -> Exit {
    thread.jit.set_native_limit();
    match (thread.vm.config.gc_stress, thread.jit.is_on()) {
        (false, false) => run_loop::<false, PLAIN>(thread),
        (false, true) => run_loop::<false, TIERED>(thread),
        (true, _) => run_loop::<true, TIERED>(thread),
    }
}

/// Executes the instruction at `pc` of the running frame. `None` if the task goes on, from the thread's state.
#[cfg_attr(not(feature = "jit"), allow(dead_code))]
pub fn step(thread: &mut Thread) -> Option<Exit> {
    let exit = if thread.vm.config.gc_stress {
        run_loop::<true, STEP>(thread)
    } else {
        run_loop::<false, STEP>(thread)
    };
    (exit != Exit::Stepped).then_some(exit)
}

/// A raw integer operation that overflowed or divided by zero.
#[cold]
fn int_error(thread: &mut Thread, op: Op, x: i64, y: i64) -> Control {
    arith::int_error(thread, op, x, y)
}

#[allow(clippy::cognitive_complexity)] // one arm per op: the table is the structure
fn run_loop<const STRESS: bool, const MODE: u8>(thread: &mut Thread) -> Exit {
    let mut stepped = false;
    // Whether the task has come to a loop's head since it began to run. One that waits in every turn would have to leave compiled code in each:
    // where that has been seen, the first turn is interpreted.
    let mut settled = MODE != TIERED || thread.jit.hot <= 1;
    let mut pc: *const Instr;
    let mut base: *mut u64;
    let mut code: *const Code;
    let mut used: u64;

    // The word that other threads, the collector and the scheduler set to ask for attention.
    let limit: *const AtomicU64 = Arc::as_ptr(&thread.shared.limit);

    // SAFETY (whole loop): the verifier checked every register, constant, site, jump and window index of the code that runs;
    // `base` points to a frame with `code.registers` words on the live stack; tagged registers hold values of this heap or
    // immortals. Register words are only reached through `base`.
    macro_rules! load {
        () => {
            pc = thread.pc;
            base = thread.base;
            code = thread.code;
            used = thread.used;
        };
    }
    macro_rules! save {
        () => {
            thread.pc = pc;
            thread.base = base;
            thread.code = code;
            thread.used = used;
        };
    }
    macro_rules! reg {
        ($i:expr) => {
            // SAFETY: see the loop's invariant.
            unsafe { Value::from_bits(*base.add($i as usize)) }
        };
    }
    macro_rules! set {
        ($i:expr, $v:expr) => {{
            let value: Value = $v;
            // SAFETY: see the loop's invariant.
            unsafe { *base.add($i as usize) = value.bits() }
        }};
    }
    macro_rules! int {
        ($i:expr) => {
            // SAFETY: see the loop's invariant.
            unsafe { *base.add($i as usize) as i64 }
        };
    }
    macro_rules! set_int {
        ($i:expr, $v:expr) => {{
            let value: i64 = $v;
            // SAFETY: see the loop's invariant.
            unsafe { *base.add($i as usize) = value as u64 }
        }};
    }
    macro_rules! float {
        ($i:expr) => {
            // SAFETY: see the loop's invariant.
            f64::from_bits(unsafe { *base.add($i as usize) })
        };
    }
    macro_rules! set_float {
        ($i:expr, $v:expr) => {{
            let value: f64 = $v;
            // SAFETY: see the loop's invariant.
            unsafe { *base.add($i as usize) = value.to_bits() }
        }};
    }
    macro_rules! jump {
        ($distance:expr) => {
            // SAFETY: the verifier checked the target.
            pc = unsafe { pc.offset($distance as isize) }
        };
    }
    // Leaves the straight path: throw, call, park, retry.
    macro_rules! leave {
        ($control:expr) => {{
            save!();
            let control: Control = $control;
            match control::handle(thread, control) {
                None => {
                    load!();
                    continue;
                }
                Some(exit) => return exit,
            }
        }};
    }
    // The outcome of a slow path goes into register `a`.
    macro_rules! slow {
        ($a:expr, $outcome:expr) => {{
            save!();
            match $outcome {
                Ok(value) => set!($a, value),
                Err(control) => leave!(control),
            }
        }};
    }
    macro_rules! effect {
        ($outcome:expr) => {{
            save!();
            if let Err(control) = $outcome {
                leave!(control)
            }
        }};
    }
    macro_rules! poll {
        () => {
            used += 1;
            // SAFETY: the word lives as long as the thread's shared part.
            if used >= unsafe { (*limit).load(Ordering::Relaxed) } {
                save!();
                if let Some(exit) = control::safepoint(thread) {
                    return exit;
                }
                load!();
            }
        };
    }
    // Compiled code takes the running frame over at the entry with this number (0: there is none here).
    macro_rules! enter {
        ($entry:expr, $at:expr, $left:block) => {
            let at: u64 = $at;
            if at != 0 {
                save!();
                if let Some(exit) = jit::enter(thread, $entry, at) {
                    $left
                    return exit;
                }
                load!();
            }
        };
    }
    // The same, if there is compiled code; if not, the function becomes hotter.
    macro_rules! tier_up {
        (|$running:ident| $at:expr, $left:block) => {
            if MODE == TIERED {
                // SAFETY: linked code lives as long as the VM.
                let $running: &'static Code = unsafe { &*code };
                if $running.jit.entry().is_null() {
                    jit::count(thread, $running);
                }
                let entry = $running.jit.entry();
                if !entry.is_null() {
                    enter!(entry, $at, $left);
                }
            }
        };
    }
    // A frame has just been pushed, unless something happened at the safepoint.
    macro_rules! tier_up_call {
        () => {
            tier_up!(|running| if pc == running.entry { jit::FROM_START } else { 0 }, {})
        };
    }
    // Control is at the head of a loop.
    macro_rules! tier_up_loop {
        () => {
            let before = used;
            tier_up!(
                |running| match std::mem::replace(&mut settled, true) || !running.jit.is_brief() {
                    // SAFETY: `pc` lies in the running code.
                    true => running.jit.entry_at(unsafe { pc.offset_from(running.entry) } as usize).into(),
                    false => 0,
                },
                { running.jit.left_after(thread.used.wrapping_sub(before)) }
            );
        };
    }
    macro_rules! arith {
        ($i:ident, $x:expr, $y:expr, $checked:ident, $fop:tt, $slow:expr) => {{
            let (x, y): (Value, Value) = ($x, $y);
            let both = x.bits() & y.bits();
            if (x.bits() | y.bits()) & 1 == 0 {
                match (x.bits() as i64).$checked(y.bits() as i64) {
                    // SAFETY: an even word is a small integer.
                    Some(r) => set!($i.a(), unsafe { Value::from_bits(r as u64) }),
                    None => slow!($i.a(), $slow(thread, x, y)),
                }
            } else if both & 3 == 3 {
                let r = x.tagged_float_unchecked() $fop y.tagged_float_unchecked();
                match Value::small_float(r) {
                    Some(v) => set!($i.a(), v),
                    None => slow!($i.a(), thread.heap.float(r).map_err(Control::from)),
                }
            } else {
                slow!($i.a(), $slow(thread, x, y));
            }
        }};
    }
    macro_rules! binary {
        ($i:ident, $slow:expr) => {{
            let (x, y) = (reg!($i.b()), reg!($i.c()));
            slow!($i.a(), $slow(thread, x, y));
        }};
    }
    macro_rules! binary_imm {
        ($i:ident, $slow:expr) => {{
            let (x, y) = (reg!($i.b()), Value::int_unchecked($i.sc() as i64));
            slow!($i.a(), $slow(thread, x, y));
        }};
    }
    // Comparison of two values giving a condition: integers and tagged floats here, the rest outside.
    macro_rules! compare {
        ($i:ident, $x:expr, $y:expr, $op:tt, $slow:expr, |$cond:ident| $then:expr) => {{
            let (x, y): (Value, Value) = ($x, $y);
            let $cond = if (x.bits() | y.bits()) & 1 == 0 {
                (x.bits() as i64) $op (y.bits() as i64)
            } else if x.bits() & y.bits() & 3 == 3 {
                x.tagged_float_unchecked() $op y.tagged_float_unchecked()
            } else {
                save!();
                match $slow(thread, x, y) {
                    Ok(c) => c,
                    Err(control) => leave!(control),
                }
            };
            $then
        }};
    }
    macro_rules! jump_imm {
        ($i:ident, $op:tt, $slow:expr, $wanted:expr) => {{
            let x = reg!($i.a());
            let imm = $i.sb() as i64;
            let cond = if x.is_small_int() {
                x.small_int_unchecked() $op imm
            } else if x.is_tagged_float() {
                x.tagged_float_unchecked() $op imm as f64
            } else {
                save!();
                match $slow(thread, x, Value::int_unchecked(imm)) {
                    Ok(c) => c,
                    Err(control) => leave!(control),
                }
            };
            if cond == $wanted {
                jump!($i.sc());
            }
        }};
    }
    macro_rules! int_op {
        ($i:ident, $y:expr, $checked:ident) => {{
            let (x, y): (i64, i64) = (int!($i.b()), $y);
            match x.$checked(y) {
                Some(r) => set_int!($i.a(), r),
                None => {
                    save!();
                    let op = $i.op().expect("verified");
                    leave!(int_error(thread, op, x, y))
                }
            }
        }};
    }
    macro_rules! int_shift {
        ($i:ident, $y:expr, $shift:path) => {{
            let (x, y): (i64, i64) = (int!($i.b()), $y);
            match $shift(x, y) {
                Some(r) => set_int!($i.a(), r),
                None => {
                    save!();
                    let op = $i.op().expect("verified");
                    leave!(int_error(thread, op, x, y))
                }
            }
        }};
    }
    // Pushes a frame of plain `callee_code` with arguments from register `first` on; falls back where the stack is full.
    macro_rules! push_frame {
        ($code:expr, $callee:expr, $first:expr, $n:expr, $dst:expr, $kind:expr) => {{
            let callee_code: *const Code = $code;
            // SAFETY: see the loop's invariant; the room was checked before the frame is written.
            unsafe {
                let delta = (*code).registers as usize + FRAME_WORDS;
                let registers = (*callee_code).registers as usize;
                let mut new = base.add(delta);
                if new.add(registers) > thread.stack_end {
                    save!();
                    if let Err(control) = thread.grow_stack(registers + FRAME_WORDS) {
                        leave!(control)
                    }
                    base = thread.base;
                    new = base.add(delta);
                }
                let args = base.add($first as usize);
                let n = $n as usize;
                for k in 0..n {
                    *new.add(k) = *args.add(k);
                }
                // A few words: a call of `memset`, which plain stores would become, costs more than they do.
                for k in n..registers {
                    new.add(k).write_volatile(0);
                }
                *new.sub(4) = Link::new(delta, $dst, $kind, $n as u8).0;
                *new.sub(2) = callee_code as u64;
                *new.sub(1) = $callee.bits();
                *base.sub(3) = pc as u64;
                base = new;
                code = callee_code;
                pc = (*callee_code).entry;
            }
            poll!();
            tier_up_call!();
        }};
    }
    macro_rules! general_call {
        ($i:ident, $outcome:expr) => {{
            save!();
            match $outcome {
                Ok(call::Called::Value(value)) => set!($i.a(), value),
                Ok(call::Called::Frame) => {
                    load!();
                    poll!();
                    tier_up_call!();
                }
                Err(control) => leave!(control),
            }
        }};
    }

    load!();
    // A task that goes on may stand where compiled code can be entered: behind a wait that such code was left at, or at a loop's head.
    if MODE == TIERED {
        // SAFETY: linked code lives as long as the VM; `pc` lies in it.
        let (running, at): (&'static Code, usize) =
            unsafe { (&*code, pc.offset_from((*code).entry) as usize) };
        let entry = running.jit.entry();
        if !entry.is_null() {
            enter!(entry, running.jit.entry_at(at).into(), {});
        }
    }
    loop {
        if MODE == STEP {
            if stepped {
                save!();
                return Exit::Stepped;
            }
            stepped = true;
        }
        // SAFETY: `pc` lies inside verified code, which ends with an instruction that never falls through.
        let i = unsafe { *pc };
        // SAFETY: as above; one past the last instruction is a valid address.
        pc = unsafe { pc.add(1) };
        if STRESS && TABLE[i.op_byte() as usize].flags & ALLOCATES != 0 {
            save!();
            thread.collect_now();
        }
        // SAFETY: the verifier checked that the byte names an op.
        let op: Op = unsafe { std::mem::transmute::<u8, Op>(i.op_byte()) };
        match op {
            Op::Nop => {}
            Op::Move | Op::MoveRaw => set_int!(i.a(), int!(i.b())),
            // SAFETY: the verifier checked the constant's index.
            Op::LoadK => set!(i.a(), unsafe { *(*code).consts.add(i.d() as usize) }),
            Op::LoadNull => set!(i.a(), Value::NULL),
            Op::LoadTrue => set!(i.a(), Value::TRUE),
            Op::LoadFalse => set!(i.a(), Value::FALSE),
            Op::LoadInt => set!(i.a(), Value::int_unchecked(i.sd() as i64)),
            Op::LoadIntRaw => set_int!(i.a(), i.sd() as i64),
            Op::LoadKRaw => {
                // SAFETY: the verifier checked the constant's index and that it is a number.
                let k = unsafe { *(*code).consts.add(i.d() as usize) };
                match k.as_int() {
                    Some(n) => set_int!(i.a(), n),
                    None => set_float!(i.a(), k.as_float().unwrap_or(0.0)),
                }
            }
            Op::BoxI => {
                let n = int!(i.b());
                match Value::small_int(n) {
                    Some(v) => set!(i.a(), v),
                    None => slow!(i.a(), thread.heap.int(n).map_err(Control::from)),
                }
            }
            Op::BoxF => {
                let f = float!(i.b());
                match Value::small_float(f) {
                    Some(v) => set!(i.a(), v),
                    None => slow!(i.a(), thread.heap.float(f).map_err(Control::from)),
                }
            }
            Op::UnboxI => {
                let v = reg!(i.b());
                if v.is_small_int() {
                    set_int!(i.a(), v.small_int_unchecked());
                } else {
                    save!();
                    match types::unbox_int(thread, v, i.c()) {
                        Ok(n) => set_int!(i.a(), n),
                        Err(control) => leave!(control),
                    }
                }
            }
            Op::UnboxF => {
                let v = reg!(i.b());
                if v.is_tagged_float() {
                    set_float!(i.a(), v.tagged_float_unchecked());
                } else {
                    save!();
                    match types::unbox_float(thread, v, i.c()) {
                        Ok(f) => set_float!(i.a(), f),
                        Err(control) => leave!(control),
                    }
                }
            }
            Op::IToF => set_float!(i.a(), int!(i.b()) as f64),
            Op::FToI => {
                save!();
                match arith::float_to_int(thread, float!(i.b())) {
                    Ok(n) => set_int!(i.a(), n),
                    Err(control) => leave!(control),
                }
            }
            Op::CheckType => slow!(i.a(), types::check(thread, reg!(i.a()), i.b(), i.c())),

            Op::Add => arith!(i, reg!(i.b()), reg!(i.c()), checked_add, +, arith::add),
            Op::Sub => arith!(i, reg!(i.b()), reg!(i.c()), checked_sub, -, arith::sub),
            Op::Mul => {
                let (x, y) = (reg!(i.b()), reg!(i.c()));
                if (x.bits() | y.bits()) & 1 == 0 {
                    match x.small_int_unchecked().checked_mul(y.bits() as i64) {
                        // SAFETY: n times an even word is an even word: a small integer.
                        Some(r) => set!(i.a(), unsafe { Value::from_bits(r as u64) }),
                        None => slow!(i.a(), arith::mul(thread, x, y)),
                    }
                } else if x.bits() & y.bits() & 3 == 3 {
                    let r = x.tagged_float_unchecked() * y.tagged_float_unchecked();
                    match Value::small_float(r) {
                        Some(v) => set!(i.a(), v),
                        None => slow!(i.a(), thread.heap.float(r).map_err(Control::from)),
                    }
                } else {
                    slow!(i.a(), arith::mul(thread, x, y));
                }
            }
            Op::Div => {
                let (x, y) = (reg!(i.b()), reg!(i.c()));
                if x.bits() & y.bits() & 3 == 3 {
                    let r = x.tagged_float_unchecked() / y.tagged_float_unchecked();
                    slow!(i.a(), thread.heap.float(r).map_err(Control::from));
                } else {
                    slow!(i.a(), arith::div(thread, x, y));
                }
            }
            Op::Mod => {
                let (x, y) = (reg!(i.b()), reg!(i.c()));
                if (x.bits() | y.bits()) & 1 == 0 && y.small_int_unchecked() > 0 {
                    set!(i.a(), Value::int_unchecked(x.small_int_unchecked() % y.small_int_unchecked()));
                } else {
                    slow!(i.a(), arith::modulo(thread, x, y));
                }
            }
            Op::Pow => binary!(i, arith::pow),
            Op::BitAnd => {
                let (x, y) = (reg!(i.b()), reg!(i.c()));
                if (x.bits() | y.bits()) & 1 == 0 {
                    // SAFETY: even words are small integers, and so is their conjunction.
                    set!(i.a(), unsafe { Value::from_bits(x.bits() & y.bits()) });
                } else {
                    slow!(i.a(), arith::bit_and(thread, x, y));
                }
            }
            Op::BitOr => binary!(i, arith::bit_or),
            Op::BitXor => binary!(i, arith::bit_xor),
            Op::Shl => binary!(i, arith::shl),
            Op::Shr => binary!(i, arith::shr),
            Op::UShr => binary!(i, arith::ushr),
            Op::AddI => {
                arith!(i, reg!(i.b()), Value::int_unchecked(i.sc() as i64), checked_add, +, arith::add)
            }
            Op::SubI => {
                arith!(i, reg!(i.b()), Value::int_unchecked(i.sc() as i64), checked_sub, -, arith::sub)
            }
            Op::MulI => binary_imm!(i, arith::mul),
            Op::DivI => {
                let x = reg!(i.b());
                if x.is_small_int() && i.sc() > 0 {
                    set!(i.a(), Value::int_unchecked(x.small_int_unchecked() / i.sc() as i64));
                } else {
                    slow!(i.a(), arith::div(thread, x, Value::int_unchecked(i.sc() as i64)));
                }
            }
            Op::ModI => {
                let x = reg!(i.b());
                if x.is_small_int() && i.sc() > 0 {
                    set!(i.a(), Value::int_unchecked(x.small_int_unchecked() % i.sc() as i64));
                } else {
                    slow!(i.a(), arith::modulo(thread, x, Value::int_unchecked(i.sc() as i64)));
                }
            }
            Op::BitAndI => binary_imm!(i, arith::bit_and),
            Op::ShlI => binary_imm!(i, arith::shl),
            Op::ShrI => binary_imm!(i, arith::shr),
            Op::Neg => slow!(i.a(), arith::neg(thread, reg!(i.b()))),
            Op::BitNot => slow!(i.a(), arith::bit_not(thread, reg!(i.b()))),
            Op::Not => set!(i.a(), Value::bool(!compare::truthy(reg!(i.b())))),
            Op::Eq => {
                let (x, y) = (reg!(i.b()), reg!(i.c()));
                save!();
                match compare::equal(thread, x, y) {
                    Ok(c) => set!(i.a(), Value::bool(c)),
                    Err(control) => leave!(control),
                }
            }
            Op::Ne => {
                let (x, y) = (reg!(i.b()), reg!(i.c()));
                save!();
                match compare::equal(thread, x, y) {
                    Ok(c) => set!(i.a(), Value::bool(!c)),
                    Err(control) => leave!(control),
                }
            }
            Op::Lt => {
                compare!(i, reg!(i.b()), reg!(i.c()), <, compare::less, |c| set!(i.a(), Value::bool(c)))
            }
            Op::Le => {
                compare!(i, reg!(i.b()), reg!(i.c()), <=, compare::less_equal, |c| set!(i.a(), Value::bool(c)))
            }
            Op::In => slow!(i.a(), compare::contains(thread, reg!(i.b()), reg!(i.c()))),
            Op::Is => slow!(i.a(), types::is(thread, reg!(i.b()), i.c()).map(Value::bool)),

            Op::IAdd => int_op!(i, int!(i.c()), checked_add),
            Op::ISub => int_op!(i, int!(i.c()), checked_sub),
            Op::IMul => int_op!(i, int!(i.c()), checked_mul),
            Op::IDiv => int_op!(i, int!(i.c()), checked_div),
            Op::IMod => int_shift!(i, int!(i.c()), arith::checked_mod),
            Op::IAnd => set_int!(i.a(), int!(i.b()) & int!(i.c())),
            Op::IOr => set_int!(i.a(), int!(i.b()) | int!(i.c())),
            Op::IXor => set_int!(i.a(), int!(i.b()) ^ int!(i.c())),
            Op::IShl => int_shift!(i, int!(i.c()), arith::checked_shl),
            Op::IShr => int_shift!(i, int!(i.c()), arith::checked_shr),
            Op::IUShr => int_shift!(i, int!(i.c()), arith::checked_ushr),
            Op::IAddI => int_op!(i, i.sc() as i64, checked_add),
            Op::IMulI => int_op!(i, i.sc() as i64, checked_mul),
            Op::IDivI => int_op!(i, i.sc() as i64, checked_div),
            Op::IModI => int_shift!(i, i.sc() as i64, arith::checked_mod),
            Op::IAndI => set_int!(i.a(), int!(i.b()) & i.sc() as i64),
            Op::IShlI => int_shift!(i, i.sc() as i64, arith::checked_shl),
            Op::IShrI => int_shift!(i, i.sc() as i64, arith::checked_shr),
            Op::INeg => {
                let x = int!(i.b());
                match x.checked_neg() {
                    Some(r) => set_int!(i.a(), r),
                    None => {
                        save!();
                        leave!(int_error(thread, Op::INeg, x, 0))
                    }
                }
            }
            Op::IBitNot => set_int!(i.a(), !int!(i.b())),
            Op::IEq => set!(i.a(), Value::bool(int!(i.b()) == int!(i.c()))),
            Op::ILt => set!(i.a(), Value::bool(int!(i.b()) < int!(i.c()))),
            Op::ILe => set!(i.a(), Value::bool(int!(i.b()) <= int!(i.c()))),
            Op::FAdd => set_float!(i.a(), float!(i.b()) + float!(i.c())),
            Op::FSub => set_float!(i.a(), float!(i.b()) - float!(i.c())),
            Op::FMul => set_float!(i.a(), float!(i.b()) * float!(i.c())),
            Op::FDiv => set_float!(i.a(), float!(i.b()) / float!(i.c())),
            Op::FMod => set_float!(i.a(), float!(i.b()) % float!(i.c())),
            Op::FPow => set_float!(i.a(), float!(i.b()).powf(float!(i.c()))),
            Op::FNeg => set_float!(i.a(), -float!(i.b())),
            Op::FSqrt => set_float!(i.a(), float!(i.b()).sqrt()),
            Op::FAbs => set_float!(i.a(), float!(i.b()).abs()),
            Op::FFloor => set_float!(i.a(), float!(i.b()).floor()),
            Op::FEq => set!(i.a(), Value::bool(float!(i.b()) == float!(i.c()))),
            Op::FLt => set!(i.a(), Value::bool(float!(i.b()) < float!(i.c()))),
            Op::FLe => set!(i.a(), Value::bool(float!(i.b()) <= float!(i.c()))),

            Op::Jump => jump!(i.sd()),
            Op::Loop => {
                jump!(i.sd());
                poll!();
                tier_up_loop!();
            }
            Op::JTrue => {
                if compare::truthy(reg!(i.a())) {
                    jump!(i.sd());
                }
            }
            Op::JFalse => {
                if !compare::truthy(reg!(i.a())) {
                    jump!(i.sd());
                }
            }
            Op::JNull => {
                if reg!(i.a()).is_null() {
                    jump!(i.sd());
                }
            }
            Op::JNotNull => {
                if !reg!(i.a()).is_null() {
                    jump!(i.sd());
                }
            }
            Op::JTaskExit => {
                if types::is_task_exit(thread, reg!(i.a())) {
                    jump!(i.sd());
                }
            }
            Op::JNotIs => {
                save!();
                match types::is(thread, reg!(i.a()), i.b()) {
                    Ok(true) => {}
                    Ok(false) => jump!(i.sc()),
                    Err(control) => leave!(control),
                }
            }
            Op::JEq | Op::JNe => {
                let (x, y) = (reg!(i.a()), reg!(i.b()));
                let equal = if (x.bits() | y.bits()) & 1 == 0 {
                    x == y
                } else {
                    save!();
                    match compare::equal(thread, x, y) {
                        Ok(c) => c,
                        Err(control) => leave!(control),
                    }
                };
                if equal == (op == Op::JEq) {
                    jump!(i.sc());
                }
            }
            Op::JLt => compare!(i, reg!(i.a()), reg!(i.b()), <, compare::less, |c| if c { jump!(i.sc()) }),
            Op::JLe => {
                compare!(i, reg!(i.a()), reg!(i.b()), <=, compare::less_equal, |c| if c { jump!(i.sc()) })
            }
            Op::JNLt => compare!(i, reg!(i.a()), reg!(i.b()), <, compare::less, |c| if !c { jump!(i.sc()) }),
            Op::JNLe => {
                compare!(i, reg!(i.a()), reg!(i.b()), <=, compare::less_equal, |c| if !c { jump!(i.sc()) })
            }
            Op::JEqI => jump_imm!(i, ==, compare::equal, true),
            Op::JNeI => jump_imm!(i, ==, compare::equal, false),
            Op::JLtI => jump_imm!(i, <, compare::less, true),
            Op::JLeI => jump_imm!(i, <=, compare::less_equal, true),
            Op::JGtI => jump_imm!(i, >, compare::greater, true),
            Op::JGeI => jump_imm!(i, >=, compare::greater_equal, true),
            Op::JNLtI => jump_imm!(i, <, compare::less, false),
            Op::JNLeI => jump_imm!(i, <=, compare::less_equal, false),
            Op::JNGtI => jump_imm!(i, >, compare::greater, false),
            Op::JNGeI => jump_imm!(i, >=, compare::greater_equal, false),
            Op::IJEq => {
                if int!(i.a()) == int!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::IJNe => {
                if int!(i.a()) != int!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::IJLt => {
                if int!(i.a()) < int!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::IJLe => {
                if int!(i.a()) <= int!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::IJEqI => {
                if int!(i.a()) == i.sb() as i64 {
                    jump!(i.sc());
                }
            }
            Op::IJNeI => {
                if int!(i.a()) != i.sb() as i64 {
                    jump!(i.sc());
                }
            }
            Op::IJLtI => {
                if int!(i.a()) < i.sb() as i64 {
                    jump!(i.sc());
                }
            }
            Op::IJLeI => {
                if int!(i.a()) <= i.sb() as i64 {
                    jump!(i.sc());
                }
            }
            Op::IJGtI => {
                if int!(i.a()) > i.sb() as i64 {
                    jump!(i.sc());
                }
            }
            Op::IJGeI => {
                if int!(i.a()) >= i.sb() as i64 {
                    jump!(i.sc());
                }
            }
            Op::FJEq => {
                if float!(i.a()) == float!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::FJNe => {
                if float!(i.a()) != float!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::FJLt => {
                if float!(i.a()) < float!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::FJLe => {
                if float!(i.a()) <= float!(i.b()) {
                    jump!(i.sc());
                }
            }
            Op::FJNLt => {
                let less = float!(i.a()) < float!(i.b());
                if !less {
                    jump!(i.sc());
                }
            }
            Op::FJNLe => {
                let less = float!(i.a()) <= float!(i.b());
                if !less {
                    jump!(i.sc());
                }
            }
            Op::ForLt => {
                // The counter cannot overflow in code that enters the loop with a < b; foreign bytecode may wrap.
                let next = int!(i.a()).wrapping_add(1);
                set_int!(i.a(), next);
                if next < int!(i.b()) {
                    jump!(i.sc());
                    poll!();
                    tier_up_loop!();
                }
            }
            Op::ForLe => {
                let n = int!(i.a());
                if n < int!(i.b()) {
                    set_int!(i.a(), n + 1);
                    jump!(i.sc());
                    poll!();
                    tier_up_loop!();
                }
            }

            Op::Call => {
                let callee = reg!(i.b());
                if callee.is_kind(Kind::Function) {
                    // SAFETY: the kind was checked.
                    let callee_code = unsafe { (*callee.pointer().cast::<Closure>()).code };
                    // SAFETY: code lives as long as the VM.
                    let plain = unsafe {
                        (*callee_code).is_plain()
                            && i.n() >= (*callee_code).required
                            && i.n() <= (*callee_code).params
                    };
                    if plain {
                        push_frame!(callee_code, callee, i.c(), i.n(), i.a(), ReturnKind::Register);
                        continue;
                    }
                }
                general_call!(i, call::call(thread, callee, i.c(), i.n(), i.a()));
            }
            Op::CallStatic => {
                // SAFETY: the verifier checked the function's index; linked code lives as long as the VM.
                let callee_code: *const Code =
                    unsafe { *(*(*code).module).functions.as_ptr().add(i.b() as usize) };
                // SAFETY: as above.
                let (plain, value) = unsafe {
                    (
                        (*callee_code).is_plain()
                            && i.n() >= (*callee_code).required
                            && i.n() <= (*callee_code).params,
                        (*callee_code).value,
                    )
                };
                if plain {
                    push_frame!(callee_code, value, i.c(), i.n(), i.a(), ReturnKind::Register);
                } else {
                    general_call!(i, call::call(thread, value, i.c(), i.n(), i.a()));
                }
            }
            Op::CallMethod => {
                let receiver = reg!(i.c());
                // SAFETY: the verifier checked the site; the table of caches has room for all sites of the VM.
                let ic = unsafe { &*thread.ics.add((*code).ic_base as usize + i.b() as usize) };
                if receiver.is_object() {
                    // SAFETY: an object value points to a live object.
                    let class = unsafe { (*receiver.pointer()).class };
                    if class == ic.class
                        && ic.kind == access::METHOD_SCRIPT
                        && ic.data == thread.vm.method_epoch.load(Ordering::Relaxed)
                    {
                        let target = ic.target;
                        // SAFETY: a cached target is an immortal script function.
                        let callee = unsafe { Value::from_bits(target) };
                        // SAFETY: as above.
                        let callee_code = unsafe { (*callee.pointer().cast::<Closure>()).code };
                        let n = i.n() as usize + 1;
                        // SAFETY: as above.
                        let fits = unsafe {
                            n >= (*callee_code).required as usize && n <= (*callee_code).params as usize
                        };
                        if fits {
                            push_frame!(callee_code, callee, i.c(), n, i.a(), ReturnKind::Register);
                            continue;
                        }
                    }
                }
                general_call!(i, call::call_method(thread, i.b(), i.c(), i.n(), i.a()));
            }
            Op::CallSuper => general_call!(i, call::call_super(thread, i.b(), i.c(), i.n(), i.a())),
            Op::New => general_call!(i, instances::new(thread, reg!(i.b()), i.c(), i.n(), i.a())),
            Op::CallSpread => general_call!(i, call::call_spread(thread, reg!(i.b()), reg!(i.c()), i.a())),
            Op::CallMethodSpread => general_call!(i, call::call_method_spread(thread, i.b(), i.c(), i.a())),
            Op::CallSuperSpread => general_call!(i, call::call_super_spread(thread, i.b(), i.c(), i.a())),
            Op::NewSpread => general_call!(i, instances::new_spread(thread, reg!(i.b()), reg!(i.c()), i.a())),
            Op::Return | Op::ReturnNull => {
                let value = if op == Op::Return { reg!(i.a()) } else { Value::NULL };
                // SAFETY: every frame has its link word.
                let link = Link(unsafe { *base.sub(4) });
                if link.is_plain() {
                    // SAFETY: a plain frame has a caller `delta` words below, whose pc and code were saved at the call.
                    unsafe {
                        base = base.sub(link.delta());
                        code = *base.sub(2) as *const Code;
                        pc = *base.sub(3) as *const Instr;
                    }
                    set!(link.dst(), value);
                } else {
                    save!();
                    match control::return_value(thread, value) {
                        None => {
                            load!();
                        }
                        Some(exit) => return exit,
                    }
                }
            }
            Op::DefaultArg => {
                // SAFETY: every frame has its link word.
                let given = Link(unsafe { *base.sub(4) }).args();
                if given as u16 > i.a() {
                    jump!(i.sd());
                }
            }

            Op::Closure => slow!(i.a(), call::closure(thread, i.d())),
            Op::NewCell => slow!(i.a(), globals::new_cell(thread, reg!(i.b()))),
            Op::CellGet => {
                let cell = reg!(i.b());
                if cell.is_kind(Kind::Cell) {
                    // SAFETY: the kind was checked.
                    set!(i.a(), unsafe { (*cell.pointer().cast::<Cell>()).slot.get() });
                } else {
                    slow!(i.a(), globals::cell_get(thread, cell));
                }
            }
            Op::CellSet => effect!(globals::cell_set(thread, reg!(i.a()), reg!(i.b()))),
            Op::UpGet => {
                // SAFETY: the verifier checked the capture's index; a frame of code with captures has its closure as callee.
                set!(i.a(), unsafe {
                    Closure::capture(Value::from_bits(*base.sub(1)).pointer().cast(), i.b() as usize).get()
                });
            }
            Op::UpCellGet => {
                // SAFETY: as for UpGet.
                let cell = unsafe {
                    Closure::capture(Value::from_bits(*base.sub(1)).pointer().cast(), i.b() as usize).get()
                };
                if cell.is_kind(Kind::Cell) {
                    // SAFETY: the kind was checked.
                    set!(i.a(), unsafe { (*cell.pointer().cast::<Cell>()).slot.get() });
                } else {
                    slow!(i.a(), globals::cell_get(thread, cell));
                }
            }
            Op::UpCellSet => {
                // SAFETY: as for UpGet.
                let cell = unsafe {
                    Closure::capture(Value::from_bits(*base.sub(1)).pointer().cast(), i.b() as usize).get()
                };
                effect!(globals::cell_set(thread, cell, reg!(i.a())));
            }
            Op::GetGlobal => {
                // SAFETY: linked code lives as long as the VM.
                let env = unsafe { (*code).env };
                if let Some(env) = thread.own_env(env) {
                    // SAFETY: the loader made the environment as long as the module's variables need.
                    let value =
                        unsafe { Buffer::slot((*env).buffer.load(Ordering::Relaxed), i.d() as usize).get() };
                    if !value.is_empty_marker() {
                        set!(i.a(), value);
                        continue;
                    }
                }
                slow!(i.a(), globals::get(thread, i.d()));
            }
            Op::SetGlobal => {
                // SAFETY: linked code lives as long as the VM.
                let env = unsafe { (*code).env };
                let value = reg!(i.a());
                if let Some(env) = thread.own_env(env) {
                    // SAFETY: as for GetGlobal.
                    unsafe {
                        let buffer = (*env).buffer.load(Ordering::Relaxed);
                        thread.heap.store(buffer.cast(), Buffer::slot(buffer, i.d() as usize), value);
                    }
                } else {
                    effect!(globals::set(thread, i.d(), value));
                }
            }
            Op::Import => general_call!(i, globals::import(thread, i.d())),

            Op::GetAttr => {
                let object = reg!(i.b());
                // SAFETY: the verifier checked the site; the table of caches has room for all sites of the VM.
                let ic = unsafe { &*thread.ics.add((*code).ic_base as usize + i.c() as usize) };
                // SAFETY: an object value points to a live object.
                if object.is_object()
                    && ic.kind == access::SLOT
                    // SAFETY: an object value points to a live object.
                    && unsafe { (*object.pointer()).class } == ic.class
                {
                    // SAFETY: the cached slot belongs to the class.
                    let value = unsafe { Instance::slot(object.pointer().cast(), ic.data as usize).get() };
                    set!(i.a(), value);
                    continue;
                }
                if object.is_object()
                    && ic.kind == access::FLOAT_SLOT
                    // SAFETY: as above.
                    && unsafe { (*object.pointer()).class } == ic.class
                    // SAFETY: as above.
                    && let Some(value) = Value::small_float(unsafe { Instance::slot(object.pointer().cast(), ic.data as usize).float() })
                {
                    set!(i.a(), value);
                    continue;
                }
                slow!(i.a(), access::get_attr(thread, object, i.c()));
            }
            Op::SetAttr => {
                let (object, value) = (reg!(i.a()), reg!(i.b()));
                if object.is_object() {
                    // SAFETY: as for GetAttr.
                    unsafe {
                        let ic = &*thread.ics.add((*code).ic_base as usize + i.c() as usize);
                        if (*object.pointer()).class == ic.class
                            && ic.kind == access::SET_FLOAT
                            && value.is_tagged_float()
                        {
                            let slot = Instance::slot(object.pointer().cast(), ic.data as usize);
                            slot.set_float(value.tagged_float_unchecked());
                            continue;
                        }
                        if (*object.pointer()).class == ic.class
                            && (access::fits(ic, value)
                                || access::fits_class(
                                    ic,
                                    value,
                                    thread.vm.method_epoch.load(Ordering::Relaxed),
                                )
                                || access::fits_other(ic, value))
                        {
                            thread.heap.store(
                                object.pointer(),
                                Instance::slot(object.pointer().cast(), ic.data as usize),
                                value,
                            );
                            continue;
                        }
                    }
                }
                effect!(access::set_attr(thread, object, value, i.c()));
            }
            Op::GetLen => {
                let object = reg!(i.b());
                if object.is_kind(Kind::Array) {
                    // SAFETY: the kind was checked.
                    set!(
                        i.a(),
                        // SAFETY: the kind was checked.
                        Value::int_unchecked(unsafe {
                            (*object.pointer().cast::<Array>()).len.load(Ordering::Relaxed)
                        } as i64)
                    );
                } else {
                    slow!(i.a(), access::get_length(thread, object, i.c()));
                }
            }
            Op::GetSuper => slow!(i.a(), call::get_super(thread, reg!(i.b()), i.c())),
            Op::GetAttrDyn => slow!(i.a(), access::get_attr_dynamic(thread, reg!(i.b()), reg!(i.c()))),
            Op::SetAttrDyn => {
                effect!(access::set_attr_dynamic(thread, reg!(i.a()), reg!(i.b()), reg!(i.c())))
            }
            Op::GetIndex => {
                let (object, key) = (reg!(i.b()), reg!(i.c()));
                if key.is_small_int() && object.is_kind(Kind::Array) {
                    if let Some(value) = array_get(object.pointer(), key.small_int_unchecked()) {
                        set!(i.a(), value);
                        continue;
                    }
                }
                slow!(i.a(), index::get(thread, object, key));
            }
            Op::GetIndexI => {
                let (object, key) = (reg!(i.b()), i.sc() as i64);
                if object.is_kind(Kind::Array) {
                    if let Some(value) = array_get(object.pointer(), key) {
                        set!(i.a(), value);
                        continue;
                    }
                }
                slow!(i.a(), index::get(thread, object, Value::int_unchecked(key)));
            }
            Op::ArrGet => {
                let (object, key) = (reg!(i.b()), int!(i.c()));
                if object.is_kind(Kind::Array) {
                    if let Some(value) = array_get(object.pointer(), key) {
                        set!(i.a(), value);
                        continue;
                    }
                }
                slow!(i.a(), index::get_raw(thread, object, key));
            }
            Op::SetIndex => {
                let (object, key, value) = (reg!(i.a()), reg!(i.b()), reg!(i.c()));
                if key.is_small_int()
                    && object.is_kind(Kind::Array)
                    && array_set(thread, object.pointer(), key.small_int_unchecked(), value)
                {
                    continue;
                }
                effect!(index::set(thread, object, key, value));
            }
            Op::ArrSet => {
                let (object, key, value) = (reg!(i.a()), int!(i.b()), reg!(i.c()));
                if object.is_kind(Kind::Array) && array_set(thread, object.pointer(), key, value) {
                    continue;
                }
                effect!(index::set_raw(thread, object, key, value));
            }
            Op::IAGet | Op::FAGet => {
                let (object, key) = (reg!(i.b()), int!(i.c()));
                let kind = if op == Op::IAGet { Kind::IntArray } else { Kind::FloatArray };
                if let Some(word) = index::own_word(object, key, kind) {
                    set_int!(i.a(), word.load(Ordering::Relaxed) as i64);
                    continue;
                }
                save!();
                match index::get_typed(thread, object, key, kind) {
                    Ok(bits) => set_int!(i.a(), bits as i64),
                    Err(control) => leave!(control),
                }
            }
            Op::IASet | Op::FASet => {
                let (object, key) = (reg!(i.a()), int!(i.b()));
                let kind = if op == Op::IASet { Kind::IntArray } else { Kind::FloatArray };
                if let Some(word) = index::own_word(object, key, kind) {
                    word.store(int!(i.c()) as u64, Ordering::Release);
                    continue;
                }
                effect!(index::set_typed(thread, object, key, int!(i.c()) as u64, kind));
            }
            Op::Slice => {
                slow!(i.a(), index::slice(thread, reg!(i.b()), reg!(i.c()), reg!(i.c() + 1), i.n() == 1))
            }

            Op::NewArray => {
                // SAFETY: the verifier checked the window.
                let items = unsafe {
                    std::slice::from_raw_parts(base.add(i.b() as usize).cast::<Value>(), i.c() as usize)
                };
                slow!(i.a(), index::new_array(thread, items));
            }
            Op::ArrayPush => effect!(index::push(thread, reg!(i.a()), reg!(i.b()))),
            Op::ArrayExtend => effect!(iterate::extend(thread, reg!(i.a()), reg!(i.b()))),
            Op::NewMap => slow!(i.a(), index::new_map(thread, i.b() as usize)),
            Op::MapExtend => effect!(index::map_extend(thread, reg!(i.a()), reg!(i.b()))),
            Op::NewRange => slow!(i.a(), index::new_range(thread, reg!(i.b()), reg!(i.c()), i.n() == 1)),
            Op::ToStr => {
                let v = reg!(i.b());
                if v.is_kind(Kind::Str) {
                    set!(i.a(), v);
                } else {
                    slow!(i.a(), super::describe::to_string(thread, v));
                }
            }
            Op::Concat => {
                // SAFETY: the verifier checked the window.
                let parts = unsafe {
                    std::slice::from_raw_parts(base.add(i.b() as usize).cast::<Value>(), i.c() as usize)
                };
                slow!(i.a(), arith::concat(thread, parts));
            }

            Op::IterStart => {
                save!();
                match iterate::start(thread, reg!(i.b())) {
                    Ok(state) => {
                        set!(i.a(), state);
                        set!(i.a() + 1, Value::int_unchecked(0));
                    }
                    Err(control) => leave!(control),
                }
            }
            Op::IterNext => {
                let state = reg!(i.a());
                if state.is_kind(Kind::Array) && i.n() == 1 {
                    let position = reg!(i.a() + 1);
                    if position.is_small_int() {
                        if let Some(value) = array_get(state.pointer(), position.small_int_unchecked()) {
                            set!(i.a() + 1, Value::int_unchecked(position.small_int_unchecked() + 1));
                            set!(i.b(), value);
                            continue;
                        }
                    }
                }
                save!();
                match iterate::next(thread, i) {
                    Ok(iterate::Step::Element) => {}
                    Ok(iterate::Step::End) => jump!(i.sc()),
                    Ok(iterate::Step::Frame) => {
                        load!();
                    }
                    Err(control) => leave!(control),
                }
            }
            Op::GenYield => {
                save!();
                match control::generator_yield(thread, reg!(i.b())) {
                    None => {
                        load!();
                    }
                    Some(exit) => return exit,
                }
            }

            Op::Throw => {
                save!();
                let error = reg!(i.a());
                leave!(Control::Throw(error))
            }
            Op::Rethrow => {
                save!();
                let error = reg!(i.a());
                leave!(Control::Throw(error))
            }
            Op::Fail => {
                save!();
                leave!(control::fail(thread, i.d()))
            }

            Op::CurrentTask => set!(i.a(), crate::thread::tasks::to_value(thread.current)),
            Op::Spawn => slow!(i.a(), call::spawn(thread, reg!(i.b()), i.c(), i.n(), true)),
            Op::SpawnDetached => {
                save!();
                if let Err(control) = call::spawn(thread, reg!(i.b()), i.c(), i.n(), false) {
                    leave!(control)
                }
            }
            Op::Await => slow!(i.a(), crate::thread::futures::await_value(thread, reg!(i.b()))),
            Op::Yield => {
                save!();
                leave!(Control::Yield)
            }
            Op::AtomicEnter => {
                // SAFETY: a running task is live.
                unsafe { (*thread.current).atomic += 1 }
            }
            Op::AtomicLeave => {
                // SAFETY: the word lives as long as the thread's shared part.
                if control::atomic_leave(thread) || used >= unsafe { (*limit).load(Ordering::Relaxed) } {
                    save!();
                    if let Some(exit) = control::safepoint(thread) {
                        return exit;
                    }
                    load!();
                }
            }
            Op::ScopeEnter => slow!(i.a(), crate::thread::tasks::scope_enter(thread)),
            Op::ScopeLeave => effect!(crate::thread::tasks::scope_leave(thread, reg!(i.a()))),
            Op::ScopeAbort => effect!(crate::thread::tasks::scope_abort(thread, reg!(i.a()))),
            Op::RecvStart => {
                save!();
                match crate::thread::messages::receive_start(thread, reg!(i.b())) {
                    Ok(deadline) => {
                        set!(i.a(), Value::int_unchecked(0));
                        set!(i.a() + 1, deadline);
                    }
                    Err(control) => leave!(control),
                }
            }
            Op::RecvNext => {
                save!();
                match crate::thread::messages::receive_next(thread, reg!(i.a()), reg!(i.a() + 1)) {
                    Ok(Some(message)) => {
                        let next = reg!(i.a()).as_int().unwrap_or(0).wrapping_add(1);
                        set!(i.a(), Value::int_unchecked(next));
                        set!(i.b(), message);
                    }
                    Ok(None) => jump!(i.sc()),
                    Err(control) => leave!(control),
                }
            }
            Op::RecvTake => effect!(crate::thread::messages::receive_take(thread, reg!(i.a()))),

            Op::Share => slow!(i.a(), super::proxies::share(thread, reg!(i.b()), reg!(i.c()))),
            Op::Unshare => slow!(i.a(), super::proxies::unshare(thread, reg!(i.b()))),
            Op::Lock => effect!(super::proxies::lock(thread, reg!(i.a()))),
            Op::Unlock => effect!(super::proxies::unlock(thread, reg!(i.a()), reg!(i.b()))),

            Op::NewClass => slow!(i.a(), instances::new_class(thread, reg!(i.b()), i.c())),
            Op::ExtendClass => effect!(instances::extend_class(thread, reg!(i.a()), i.b())),
            Op::SetStatic => effect!(instances::set_static(thread, reg!(i.a()), reg!(i.b()), i.c())),
        }
    }
}

/// Element `key` of an own array if it is in range (negative counts from the end).
#[inline(always)]
fn array_get(object: *mut Header, key: i64) -> Option<Value> {
    // SAFETY: the caller checked that this is an array of the own heap; its length never exceeds its buffer's capacity.
    unsafe {
        let array = object.cast::<Array>();
        let len = (*array).len.load(Ordering::Relaxed);
        let key = if key < 0 { key.wrapping_add(len as i64) } else { key };
        if (key as u64) < len {
            Some(Buffer::slot((*array).buffer.load(Ordering::Relaxed), key as usize).get())
        } else {
            None
        }
    }
}

/// Stores an element of an own array if the index is in range.
#[inline(always)]
fn array_set(thread: &mut Thread, object: *mut Header, key: i64, value: Value) -> bool {
    // SAFETY: as for `array_get`.
    unsafe {
        let array = object.cast::<Array>();
        let len = (*array).len.load(Ordering::Relaxed);
        let key = if key < 0 { key.wrapping_add(len as i64) } else { key };
        if (key as u64) >= len {
            return false;
        }
        let buffer = (*array).buffer.load(Ordering::Relaxed);
        thread.heap.store(buffer.cast(), Buffer::slot(buffer, key as usize), value);
        true
    }
}

const _: () = assert!(class_id::NULL == 0);
const _: fn(&mut Thread, Value, Value) -> Outcome = arith::add;
