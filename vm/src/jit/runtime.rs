//! What compiled code calls.
//!
//! A helper is called with `pc`, `base`, `code` and `used` of the thread exact, like a slow path of the interpreter. One that can fail
//! keeps the reason in the thread (`jit.control`) and gives [`FAILED`]; the caller then writes its registers back and calls
//! [`leave`]. So what succeeds costs no write of registers.

use super::family::Family;
use super::masks::{Known, Mask};
use super::restore::{self, Exit, restore};
use super::{LEFT, Left, Method, instrs};
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::class::{Class, Member};
use crate::code::Code;
use crate::error::{Control, Outcome};
use crate::interp::{
    access, arith, call, compare, control, describe, globals, index, instances, iterate, proxies, run, types,
};
use crate::native::{NativeDef, NativeFn};
use crate::object::function::{self, Closure};
use crate::object::task::{FRAME_WORDS, Stack};
use crate::object::typed::RawBuffer;
use crate::object::{Header, Kind, Slot, class_id};
use crate::symbol::Symbol;
use crate::thread::Thread;
use crate::thread::stack::{Link, ReturnKind};
use crate::value::Value;
use std::sync::atomic::Ordering;

/// What a helper gives instead of a value when it failed: a word that is no script value.
pub(super) const FAILED: u64 = Value::EMPTY.bits();

/// Two words in return registers.
#[repr(C)]
pub(super) struct Pair {
    first: u64,
    second: u64,
}

impl Pair {
    pub(super) fn words(self) -> [u64; 2] {
        [self.first, self.second]
    }
}

fn outcome(thread: &mut Thread, outcome: Outcome) -> u64 {
    match outcome {
        Ok(value) => value.bits(),
        Err(control) => fail(thread, control),
    }
}

#[cold]
fn fail(thread: &mut Thread, control: Control) -> u64 {
    thread.jit.control = Some(control);
    FAILED
}

/// A value that compiled code passes, or that lies in a tagged word of a frame.
pub(super) fn value(bits: u64) -> Value {
    // SAFETY: compiled code passes words of tagged registers, which hold values wherever the runtime looks.
    unsafe { Value::from_bits(bits) }
}

/// Acts on the failure that a helper kept. The result says how the interpreter goes on (see [`Left`]).
pub(super) extern "C" fn leave(thread: &mut Thread, base: *mut u64, exit: &Exit, _: &'static Code) -> u64 {
    // SAFETY: compiled code passes its base, and an exit whose registers it has stored.
    unsafe { restore(thread, base, exit) };
    let control = thread.jit.control.take().expect("a helper failed");
    Left::from(control::handle(thread, control)).0
}

/// An assumption of this code did not hold.
pub(super) extern "C" fn failed(thread: &mut Thread, code: &'static Code) {
    super::failed(thread, code);
}

/// An assumption of the unit of `whole` did not hold: the interpreter goes on.
pub(super) extern "C" fn deoptimise(
    thread: &mut Thread,
    base: *mut u64,
    exit: &Exit,
    whole: &'static Code,
) -> u64 {
    // SAFETY: as in `leave`.
    unsafe { restore(thread, base, exit) };
    if let Some(called) = restore::called(thread, exit).and_then(function::code_of_value) {
        // SAFETY: linked code lives as long as the VM; `pc` points into it.
        let (code, pc) = unsafe { (&*exit.code, exit.pc.offset_from((*exit.code).entry) as u32) };
        code.jit.note_call(pc, called);
    }
    match exit.unseen {
        true => super::unseen(thread, whole),
        false => super::failed(thread, whole),
    }
    LEFT.0
}

/// Looks after what asked for attention. 0: the frame goes on where it was.
pub(super) extern "C" fn safepoint(thread: &mut Thread, base: *mut u64, exit: &Exit) -> u64 {
    // SAFETY: as in `leave`.
    unsafe { restore(thread, base, exit) };
    attend(thread, exit.epoch)
}

/// The same at the first instruction of a function that compiled code has called.
pub(super) extern "C" fn begin_safepoint(thread: &mut Thread, base: *mut u64, code: &'static Code) -> u64 {
    begin(thread, base, code);
    attend(thread, None)
}

/// What a safepoint does. 0 if compiled code, which relies on this method epoch, goes on.
fn attend(thread: &mut Thread, epoch: Option<u32>) -> u64 {
    let (pc, base, code) = (thread.pc, thread.base, thread.code);
    match control::safepoint(thread) {
        None if epoch.is_some_and(|epoch| thread.vm.method_epoch.load(Ordering::Acquire) != epoch) => {
            LEFT.0 + 1
        }
        // Code that has been replaced is left once, so that it can be freed; the interpreter enters what is there now.
        None if thread.jit.is_awaited() => LEFT.0 + 1,
        None if (thread.pc, thread.base, thread.code) == (pc, base, code) => 0,
        left => Left::from(left).0 + 1,
    }
}

/// Executes the instruction at `pc` by the interpreter. 0: control is at the next instruction of the same frame; 1: it has jumped;
/// else 2 more than what [`Left`] says.
pub(super) extern "C" fn step(thread: &mut Thread) -> u64 {
    let (pc, code) = (thread.pc, thread.code);
    let below = depth(thread);
    match run::step(thread) {
        None if thread.code == code && depth(thread) == below => {
            // SAFETY: linked code lives as long as the VM; `pc` points into the running code.
            let (code, i): (&Code, Instr) = unsafe { (&*code, *pc) };
            let index = |at: *const Instr| (at.addr() - code.entry.addr()) / size_of::<Instr>();
            let (was, now) = (index(pc), index(thread.pc));
            if code.handlers.iter().any(|handler| handler.target as usize == now) {
                // Something may have been thrown: the error is in the frame only.
                LEFT.0 + 2
            } else if now == was + 1 && instrs::falls_through(i) {
                0
            } else if instrs::target(was, i) == Some(now as u32) {
                1
            } else {
                LEFT.0 + 2
            }
        }
        left => Left::from(left).0 + 2,
    }
}

fn depth(thread: &Thread) -> usize {
    thread.base.addr().wrapping_sub(Stack::words(thread.stack).addr())
}

/// Makes a frame that compiled code has written at `base` the running one.
pub(super) fn begin(thread: &mut Thread, base: *mut u64, code: &'static Code) {
    thread.base = base;
    thread.code = code;
    thread.pc = code.entry;
    // Compiled callers leave all but the parameters to the callee.
    for r in code.params as usize..code.registers as usize {
        // SAFETY: the caller checked that the frame has room.
        unsafe { base.add(r).write(0) };
    }
}

/// The frame of a script function has been written at `base`; the interpreter takes it over.
pub(super) extern "C" fn enter_interpreter(thread: &mut Thread, base: *mut u64, code: &'static Code) -> u64 {
    begin(thread, base, code);
    if code.jit.entry().is_null() {
        super::count(thread, code);
    } else {
        // Next time it is to fit.
        super::make_room(thread);
    }
    thread.used += 1;
    if thread.used >= thread.limit() {
        return Left::from(control::safepoint(thread)).0;
    }
    LEFT.0
}

/// What compiled code calls instead of a function that has none: as [`enter_interpreter`] for the frame at `base`.
pub(super) extern "C" fn interpreted(thread: &mut Thread, base: *mut u64, _: u64) -> Pair {
    // SAFETY: the caller has made the frame, its code above all; linked code lives as long as the VM.
    let code = unsafe { &*(base.sub(2).read() as *const Code) };
    Pair { first: FAILED, second: enter_interpreter(thread, base, code) }
}

/// Moves the stack so that a frame of `registers` registers fits above the running one. 0 if it failed.
pub(super) extern "C" fn grow(thread: &mut Thread, registers: u64) -> u64 {
    match thread.grow_stack(registers as usize + FRAME_WORDS) {
        Ok(()) => thread.base as u64,
        Err(control) => {
            fail(thread, control);
            0
        }
    }
}

/// `x op y` for the ops that have no fast path, or whose fast path did not apply.
pub(super) extern "C" fn binary(thread: &mut Thread, x: u64, y: u64, op: u64) -> u64 {
    let (x, y) = (value(x), value(y));
    let result = match Op::from_byte(op as u8).expect("a constant of compiled code") {
        Op::Add => arith::add(thread, x, y),
        Op::Sub => arith::sub(thread, x, y),
        Op::Mul => arith::mul(thread, x, y),
        Op::Div => arith::div(thread, x, y),
        Op::Mod => arith::modulo(thread, x, y),
        Op::Pow => arith::pow(thread, x, y),
        Op::BitAnd => arith::bit_and(thread, x, y),
        Op::BitOr => arith::bit_or(thread, x, y),
        Op::BitXor => arith::bit_xor(thread, x, y),
        Op::Shl => arith::shl(thread, x, y),
        Op::Shr => arith::shr(thread, x, y),
        Op::UShr => arith::ushr(thread, x, y),
        Op::Neg => arith::neg(thread, x),
        Op::BitNot => arith::bit_not(thread, x),
        Op::Eq => compare::equal(thread, x, y).map(Value::bool),
        Op::Lt => compare::less(thread, x, y).map(Value::bool),
        Op::Le => compare::less_equal(thread, x, y).map(Value::bool),
        Op::JGtI => compare::greater(thread, x, y).map(Value::bool),
        Op::JGeI => compare::greater_equal(thread, x, y).map(Value::bool),
        Op::In => compare::contains(thread, x, y),
        other => unreachable!("{other:?} is not compiled as a binary operation"),
    };
    outcome(thread, result)
}

/// 1 if the value counts as true.
pub(super) extern "C" fn truthy(x: u64) -> u64 {
    compare::truthy(value(x)).into()
}

/// A float as a value. The few bytes of a box are taken even beyond the memory limit; the next safepoint sees that.
pub(super) extern "C" fn box_float(thread: &mut Thread, bits: u64) -> u64 {
    thread.heap.float_beyond_limit(f64::from_bits(bits)).bits()
}

/// An integer as a value; its box as that of a float.
pub(super) extern "C" fn box_int(thread: &mut Thread, n: i64) -> u64 {
    thread.heap.int_beyond_limit(n).bits()
}

/// The integer in a value, with 1, or 0 and 0.
pub(super) extern "C" fn unbox_int(x: u64) -> Pair {
    match value(x).as_int() {
        Some(n) => Pair { first: n as u64, second: 1 },
        None => Pair { first: 0, second: 0 },
    }
}

/// The number in a value as a float's bits, with 1, or 0 and 0.
pub(super) extern "C" fn unbox_float(x: u64) -> Pair {
    match value(x).as_number() {
        Some(f) => Pair { first: f.to_bits(), second: 1 },
        None => Pair { first: 0, second: 0 },
    }
}

/// `x ** y`, `x % y`.
pub(super) extern "C" fn float_pow(x: f64, y: f64) -> f64 {
    x.powf(y)
}

/// The remainder with the dividend's sign.
pub(super) extern "C" fn float_rem(x: f64, y: f64) -> f64 {
    x % y
}

/// What [`fits`] is asked.
pub(super) fn wanted(mask: Mask, family: Family) -> u64 {
    let (first, members) = family.parts();
    u64::from(mask) | u64::from(first) << 8 | u64::from(members) << 32
}

/// Whether a value has one of the forms of a mask, and is of a family if it is an object other than a number.
pub(super) extern "C" fn fits(x: u64, wanted: u64) -> u64 {
    let family = Family::from_parts((wanted >> 8) as u32 & 0xff_ffff, (wanted >> 32) as u32);
    Known { mask: wanted as u8, family }.holds_of(value(x)).into()
}

/// Executes the instruction before the thread's position: one that makes an object of what lies in its registers, and writes none.
pub(super) extern "C" fn make(thread: &mut Thread) -> u64 {
    // SAFETY: compiled code has stored the position behind the instruction, and in the frame what it reads.
    let i = unsafe { *thread.pc.sub(1) };
    // SAFETY: as above; the registers are tagged ones.
    let register = |thread: &Thread, r: u16| unsafe { Value::from_bits(thread.base.add(r as usize).read()) };
    let window = |thread: &Thread, first: u16, n: u16| {
        (0..n).map(|k| register(thread, first + k)).collect::<smallvec::SmallVec<[Value; 8]>>()
    };
    let result = match i.op() {
        Some(Op::Closure) => call::closure(thread, i.d()),
        Some(Op::NewCell) => {
            let content = register(thread, i.b());
            globals::new_cell(thread, content)
        }
        Some(Op::NewArray) => {
            // SAFETY: the window is part of the running frame, which nothing moves while the array is made.
            let items = unsafe {
                std::slice::from_raw_parts(thread.base.add(i.b() as usize).cast::<Value>(), i.c() as usize)
            };
            index::new_array(thread, items)
        }
        Some(Op::NewMap) => index::new_map(thread, i.b() as usize),
        Some(Op::NewRange) => {
            let (from, to) = (register(thread, i.b()), register(thread, i.c()));
            index::new_range(thread, from, to, i.n() == 1)
        }
        Some(Op::ToStr) => {
            let x = register(thread, i.b());
            if x.is_kind(Kind::Str) { Ok(x) } else { describe::to_string(thread, x) }
        }
        Some(Op::Concat) => {
            let parts = window(thread, i.b(), i.c());
            arith::concat(thread, &parts)
        }
        Some(Op::Slice) => {
            let [x, from, to] = [i.b(), i.c(), i.c() + 1].map(|r| register(thread, r));
            index::slice(thread, x, from, to, i.n() == 1)
        }
        other => unreachable!("{other:?} makes nothing"),
    };
    outcome(thread, result)
}

/// Does what uses no fuel: compiled code does not look at how much has been used afterwards.
fn for_free<T>(thread: &mut Thread, work: impl FnOnce(&mut Thread) -> T) -> T {
    let used = thread.used;
    let result = work(thread);
    debug_assert_eq!(thread.used, used);
    result
}

/// A new instance with initial values.
pub(super) extern "C" fn allocate(thread: &mut Thread, class: &'static Class) -> u64 {
    let made = for_free(thread, |thread| instances::allocate(thread, class).map_err(Control::from));
    outcome(thread, made)
}

/// Variable `slot` of the running module.
pub(super) extern "C" fn get_global(thread: &mut Thread, slot: u64) -> u64 {
    let result = for_free(thread, |thread| globals::get(thread, slot as u32));
    outcome(thread, result)
}

/// Assigns variable `slot` of the running module.
pub(super) extern "C" fn set_global(thread: &mut Thread, slot: u64, x: u64) -> u64 {
    let result = for_free(thread, |thread| globals::set(thread, slot as u32, value(x)));
    outcome(thread, result.map(|()| Value::NULL))
}

/// `x` as one of a declared type of the running module; constant `what` says what it is.
pub(super) extern "C" fn check_type(thread: &mut Thread, x: u64, ty: u64, what: u64) -> u64 {
    let result = for_free(thread, |thread| types::check(thread, value(x), ty as u16, what as u16));
    outcome(thread, result)
}

/// Whether `x` is a value of a declared type of the running module.
pub(super) extern "C" fn is_type(thread: &mut Thread, x: u64, ty: u64) -> u64 {
    let result = for_free(thread, |thread| types::is(thread, value(x), ty as u16));
    outcome(thread, result.map(Value::bool))
}

/// `x.name` at a site.
pub(super) extern "C" fn get_attr(thread: &mut Thread, x: u64, site: u64) -> u64 {
    let result = access::get_attr(thread, value(x), site as u16);
    outcome(thread, result)
}

/// `x.length` at a site.
pub(super) extern "C" fn get_length(thread: &mut Thread, x: u64, site: u64) -> u64 {
    let result = access::get_length(thread, value(x), site as u16);
    outcome(thread, result)
}

/// `x.name = y` at a site.
pub(super) extern "C" fn set_attr(thread: &mut Thread, x: u64, y: u64, site: u64) -> u64 {
    let result = for_free(thread, |thread| access::set_attr(thread, value(x), value(y), site as u16));
    outcome(thread, result.map(|()| Value::NULL))
}

/// `x[y] = z`.
pub(super) extern "C" fn set_index(thread: &mut Thread, x: u64, y: u64, z: u64) -> u64 {
    let result = for_free(thread, |thread| index::set(thread, value(x), value(y), value(z)));
    outcome(thread, result.map(|()| Value::NULL))
}

/// `x[y]`.
pub(super) extern "C" fn get_index(thread: &mut Thread, x: u64, y: u64) -> u64 {
    let result = index::get(thread, value(x), value(y));
    outcome(thread, result)
}

/// The element at a position of what is iterated over by so many variables, and the next position; 0 instead of that if the interpreter has to
/// say what comes. Positions are integers, as values.
pub(super) extern "C" fn next_element(
    thread: &mut Thread,
    state: u64,
    position: u64,
    variables: u64,
) -> Pair {
    let (state, at) = (value(state), value(position).small_int_unchecked());
    let found = match state.is_kind(Kind::Str) {
        true if variables == 1 => iterate::next_of_text(thread, state, at).ok().flatten(),
        true => None,
        false => {
            let found = iterate::element_at(thread, state, at as usize);
            found.and_then(Result::ok).flatten().map(|found| (found, at + 1))
        }
    };
    match found {
        Some((found, next)) => Pair { first: found.bits(), second: Value::int_unchecked(next).bits() },
        None => Pair { first: 0, second: 0 },
    }
}

/// `x[n]` with a raw index.
pub(super) extern "C" fn get_raw(thread: &mut Thread, x: u64, n: i64) -> u64 {
    let result = for_free(thread, |thread| index::get_raw(thread, value(x), n));
    outcome(thread, result)
}

/// `x[n] = y` with a raw index.
pub(super) extern "C" fn set_raw(thread: &mut Thread, x: u64, n: i64, y: u64) -> u64 {
    let result = for_free(thread, |thread| index::set_raw(thread, value(x), n, value(y)));
    outcome(thread, result.map(|()| Value::NULL))
}

/// Buffer and length of the typed array of this class that a proxy stands for; the length is 0 if the value is no such proxy.
pub(super) extern "C" fn foreign_view(x: u64, class: u64) -> Pair {
    let (first, length) = proxies::typed_words(value(x), class as u32)
        .map_or((0, 0), |words| (words.as_ptr().addr() - size_of::<RawBuffer>(), words.len()));
    Pair { first: first as u64, second: length as u64 }
}

/// `x[n]` of what should be a typed array of this class, as a word, and 1; 0 for none.
pub(super) extern "C" fn get_typed(thread: &mut Thread, x: u64, n: i64, class: u64) -> Pair {
    let kind = if class == u64::from(class_id::FLOAT_ARRAY) { Kind::FloatArray } else { Kind::IntArray };
    match index::typed_word(thread, value(x), n, kind) {
        Ok(word) => Pair { first: word, second: 1 },
        Err(control) => Pair { first: fail(thread, control), second: 0 },
    }
}

/// `x[n] = y` of what should be an IntArray.
pub(super) extern "C" fn set_int(thread: &mut Thread, x: u64, n: i64, y: u64) -> u64 {
    let result = index::set_typed_word(thread, value(x), n, y, Kind::IntArray);
    outcome(thread, result.map(|()| Value::NULL))
}

/// `x[n] = y` of what should be a FloatArray.
pub(super) extern "C" fn set_float(thread: &mut Thread, x: u64, n: i64, y: u64) -> u64 {
    let result = index::set_typed_word(thread, value(x), n, y, Kind::FloatArray);
    outcome(thread, result.map(|()| Value::NULL))
}

/// Appends to a fresh array.
pub(super) extern "C" fn push(thread: &mut Thread, x: u64, y: u64) -> u64 {
    let result = for_free(thread, |thread| index::push(thread, value(x), value(y)));
    outcome(thread, result.map(|()| Value::NULL))
}

/// The write barrier of a slot whose owner is to be logged.
pub(super) extern "C" fn log_slot(thread: &mut Thread, owner: *mut Header, slot: &Slot) {
    thread.heap.log_store(owner, slot);
}

/// The arguments of a native, which lie in `n` registers from `first` on.
///
/// # Safety
/// The running frame has these registers. They stay where they are during the call: natives neither move the stack nor run other tasks.
unsafe fn arguments<'a>(thread: &Thread, first: u64, n: u64) -> &'a [Value] {
    // SAFETY: by the caller's promise.
    unsafe { std::slice::from_raw_parts(thread.base.add(first as usize).cast::<Value>(), n as usize) }
}

/// Calls a native with `n` arguments in registers from `first` on.
pub(super) extern "C" fn call_native(
    thread: &mut Thread,
    def: &'static NativeDef,
    first: u64,
    n: u64,
) -> u64 {
    // SAFETY: the verifier checked the window.
    let args = unsafe { arguments(thread, first, n) };
    let result = call::native(thread, def, args);
    outcome(thread, result)
}

/// Calls the function of a native that takes `n` arguments, with those in registers from `first` on.
pub(super) extern "C" fn call_plain(thread: &mut Thread, function: u64, first: u64, n: u64) -> u64 {
    // SAFETY: the verifier checked the window; compiled code passes the function of a native.
    let (function, args) =
        unsafe { (std::mem::transmute::<u64, NativeFn>(function), arguments(thread, first, n)) };
    let result = function(thread, args);
    outcome(thread, result)
}

/// Calls what a site remembers of the module in register `first` with `n` arguments that follow, if that is a native function; else
/// nothing, and the second result is 1.
pub(super) extern "C" fn call_member(thread: &mut Thread, site: u64, first: u64, n: u64) -> Pair {
    // SAFETY: the verifier checked the window.
    let all = unsafe { arguments(thread, first, n + 1) };
    let known = *access::cache(thread, site as u16);
    let member = access::cached_module_member(thread, all[0], known);
    match member.and_then(Result::ok).and_then(function::native_of_value) {
        Some(def) => {
            let result = call::native(thread, def, &all[1..]);
            Pair { first: outcome(thread, result), second: 0 }
        }
        None => Pair { first: 0, second: 1 },
    }
}

/// Calls the function of a native that takes two arguments.
pub(super) extern "C" fn call_with_two(thread: &mut Thread, function: u64, x: u64, y: u64) -> u64 {
    // SAFETY: compiled code passes the function of a native.
    let function = unsafe { std::mem::transmute::<u64, NativeFn>(function) };
    let result = function(thread, &[value(x), value(y)]);
    outcome(thread, result)
}

/// A new instance of a class and the code of the constructor that is to be called with it and `n` arguments: none if there is none.
/// [`FAILED`] and 1 if this is not as simple; [`FAILED`] and 0 if there is no memory.
pub(super) extern "C" fn construct(thread: &mut Thread, class: u64, n: u64) -> Pair {
    let Some(class) = function::class_of_value(value(class)) else {
        return Pair { first: FAILED, second: 1 };
    };
    let Some(code) = instances::simple_construction(thread, class, n as u8) else {
        return Pair { first: FAILED, second: 1 };
    };
    let made = instances::allocate(thread, class).map_err(Control::from);
    Pair { first: outcome(thread, made), second: code.map_or(0, |code| std::ptr::from_ref(code) as u64) }
}

/// The code of a callee that takes `n` arguments as they are, or 0.
pub(super) extern "C" fn plain_code(callee: u64, n: u64) -> u64 {
    match function::code_of_value(value(callee)) {
        Some(code) if code.is_plain() && n >= u64::from(code.required) && n == u64::from(code.params) => {
            std::ptr::from_ref(code) as u64
        }
        _ => 0,
    }
}

/// The code of the script method of a receiver's class that a site names, if it takes `n` arguments (the receiver included) as they
/// are; else 0. What is found is put in the thread's table, where compiled code looks first.
pub(super) extern "C" fn method_code(thread: &mut Thread, receiver: u64, name: u64, n: u64) -> u64 {
    let receiver = value(receiver);
    if !receiver.is_kind(Kind::Instance) {
        return 0;
    }
    let epoch = thread.vm.method_epoch.load(Ordering::Acquire);
    let of = thread.vm.class_of(receiver);
    let name = Symbol(name as u32);
    match of.member(name) {
        Some(Member::Method(function)) if !of.slots.contains_key(&name) => {
            let code = plain_code(function.bits(), n);
            if code != 0
                && let Some(methods) = &mut thread.jit.methods
            {
                methods[Method::place(of.id, name.0)] = Method {
                    key: Method::key(of.id, name.0),
                    valid: Method::valid(epoch, n as u32),
                    code: code as usize,
                };
            }
            code
        }
        _ => 0,
    }
}

/// The word of a link of a compiled caller's frame.
pub(super) fn link(delta: usize, dst: u16, kind: ReturnKind, given: u8) -> u64 {
    Link::new(delta, dst, kind, given).0
}

const _: () = assert!(std::mem::offset_of!(Closure, code) == 8);
