//! `for in`: iteration state in two registers, so that a loop over a built-in container allocates nothing.
//!
//! The first register holds what is iterated over (for a map its table at the start, see `object::map`), the second a
//! position. Both are ordinary values: whatever malformed bytecode puts there is checked before use.

use super::arith::hook;
use super::call::Called;
use super::control;
use super::describe::type_name;
use super::proxies;
use crate::bytecode::Instr;
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::heap::OutOfMemory;
use crate::object::{Kind, array, map, range, string, typed};
use crate::symbol::sym;
use crate::thread::Thread;
use crate::value::Value;

/// What a step of an iteration led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The registers hold the next element.
    Element,
    /// There is none.
    End,
    /// A generator runs to find it.
    Frame,
}

/// The state to iterate over `v` with.
pub fn start(thread: &mut Thread, v: Value) -> Outcome {
    match v.kind() {
        Some(
            Kind::Array
            | Kind::Str
            | Kind::Bytes
            | Kind::Range
            | Kind::IntArray
            | Kind::FloatArray
            | Kind::Generator
            | Kind::MapTable,
        ) => Ok(v),
        Some(Kind::Map) => Ok(map::iteration_state(v)),
        Some(Kind::Proxy) if hook(thread, v, sym::ITERATE).is_none() => proxies::iteration_state(thread, v),
        _ => {
            if let Some(hook) = hook(thread, v, sym::ITERATE) {
                return Err(Control::call(hook, &[v]));
            }
            let found = type_name(thread, v);
            Err(thread.error(
                ErrorClass::TypeError,
                format!("cannot iterate over {found}: give the class a method iterate()"),
            ))
        }
    }
}

fn set(thread: &mut Thread, register: u16, value: Value) {
    // SAFETY: the verifier checked the registers of the instruction.
    unsafe { thread.base.add(register as usize).write(value.bits()) }
}

fn get(thread: &Thread, register: u16) -> Value {
    // SAFETY: the verifier checked the registers of the instruction.
    unsafe { Value::from_bits(*thread.base.add(register as usize)) }
}

/// Writes element number `position` into the instruction's registers and advances.
pub fn element(thread: &mut Thread, i: Instr, position: i64, value: Value) -> Step {
    set(thread, i.a() + 1, Value::int_unchecked(position + 1));
    if i.n() == 2 {
        set(thread, i.b(), Value::int_unchecked(position));
        set(thread, i.b() + 1, value);
    } else {
        set(thread, i.b(), value);
    }
    Step::Element
}

/// Writes an entry of a map into the instruction's registers; `next` is the position to go on from.
pub fn set_entry(thread: &mut Thread, i: Instr, next: i64, key: Value, value: Value) {
    set(thread, i.a() + 1, Value::int_unchecked(next));
    set(thread, i.b(), key);
    if i.n() == 2 {
        set(thread, i.b() + 1, value);
    }
}

/// The next element.
pub fn next(thread: &mut Thread, i: Instr) -> Outcome<Step> {
    let state = get(thread, i.a());
    let Some(position) = get(thread, i.a() + 1).as_int().filter(|p| (0..1 << 60).contains(p)) else {
        return Err(thread.error(ErrorClass::StateError, "not an iteration (malformed bytecode)"));
    };
    let index = position as usize;
    if let Some(found) = element_at(thread, state, index) {
        return Ok(match found? {
            Some(value) => element(thread, i, position, value),
            None => Step::End,
        });
    }
    match state.kind() {
        Some(Kind::MapTable) => Ok(match map::next_entry(state, index) {
            Some(found) => {
                set(thread, i.a(), found.state);
                set_entry(thread, i, found.position as i64, found.key, found.value);
                Step::Element
            }
            None => Step::End,
        }),
        Some(Kind::Str) => string_step(thread, i, state, position),
        Some(Kind::Generator) => {
            set(thread, i.a() + 1, Value::int_unchecked(position + 1));
            if control::generator_done(state) {
                return Ok(Step::End);
            }
            match control::resume_generator(thread, state, Value::NULL)? {
                Called::Frame => Ok(Step::Frame),
                Called::Value(_) => Ok(Step::End),
            }
        }
        Some(Kind::Proxy) => proxies::next(thread, i, state, position),
        _ => Err(thread.error(ErrorClass::StateError, "not an iteration (malformed bytecode)")),
    }
}

/// The element at a position of what needs nothing but that to tell; nothing at all for anything else.
#[inline]
pub fn element_at(
    thread: &mut Thread,
    state: Value,
    index: usize,
) -> Option<Result<Option<Value>, OutOfMemory>> {
    Some(match state.kind()? {
        Kind::Array => Ok(array::get(state.pointer().cast(), index)),
        Kind::Range => {
            let found = range::bounds(state).and_then(|bounds| bounds.get(index as u64));
            found.map(|n| thread.heap.int(n)).transpose()
        }
        Kind::Bytes => Ok(string::bytes_of(state).get(index).map(|b| Value::int_unchecked(*b as i64))),
        Kind::IntArray | Kind::FloatArray => typed::get(&mut thread.heap, state.pointer().cast(), index),
        _ => return None,
    })
}

/// One code point of a string; the position packs byte offset (40 bits) and index, since the index alone would make
/// iteration over non-ASCII text quadratic.
fn string_step(thread: &mut Thread, i: Instr, state: Value, position: i64) -> Outcome<Step> {
    let Some((value, next)) = next_of_text(thread, state, position)? else { return Ok(Step::End) };
    // Up to 2^28 code points the index is exact; beyond, only the two-variable form would show it.
    element(thread, i, position >> 32, value);
    set(thread, i.a() + 1, Value::int_unchecked(next));
    Ok(Step::Element)
}

/// The code point at such a position, and the next one.
pub fn next_of_text(thread: &mut Thread, text: Value, position: i64) -> Outcome<Option<(Value, i64)>> {
    let (offset, index) = ((position & ((1 << 32) - 1)) as usize, position >> 32);
    let text = string::as_str(text).unwrap_or("");
    let Some(c) = text.get(offset..).and_then(|rest| rest.chars().next()) else { return Ok(None) };
    let mut buffer = [0; 4];
    let value = string::new(&mut thread.heap, c.encode_utf8(&mut buffer))?;
    Ok(Some((value, (offset + c.len_utf8()) as i64 | ((index + 1) & ((1 << 28) - 1)) << 32)))
}

/// Hands a generator's or hook's element to the waiting `iter.next`.
pub fn deliver(thread: &mut Thread, i: Instr, value: Value) {
    let position = get(thread, i.a() + 1).as_int().unwrap_or(1);
    if i.n() == 2 {
        set(thread, i.b(), Value::int_unchecked(position - 1));
        set(thread, i.b() + 1, value);
    } else {
        set(thread, i.b(), value);
    }
}

/// Elements of a range that are collected without a safepoint in between.
const COLLECTED_AT_ONCE: u64 = 1 << 20;

/// `[...source]` into a fresh array.
pub fn extend(thread: &mut Thread, target: Value, source: Value) -> Outcome<()> {
    let Some(array) = array::from_value(target) else {
        return Err(thread.error(ErrorClass::StateError, "not an array (malformed bytecode)"));
    };
    if let Some(other) = array::from_value(source) {
        thread.charge(array::len(other) as u64 / 4);
        return Ok(array::extend_from(&mut thread.heap, array, other)?);
    }
    if let Some(bounds) = range::bounds(source)
        && bounds.len() <= COLLECTED_AT_ONCE
    {
        thread.charge(bounds.len() / 4);
        array::reserve(&mut thread.heap, array, bounds.len() as usize)?;
        for i in (0..bounds.len()).filter_map(|index| bounds.get(index)) {
            let element = thread.heap.int(i)?;
            array::push(&mut thread.heap, array, element)?;
        }
        return Ok(());
    }
    // Everything else: a script function collects it, and comes back here with an array.
    match thread.vm.builtin("__collect") {
        Some(function) => Err(Control::call(function, &[source])),
        None => Err(thread.error(ErrorClass::StateError, "the library function __collect is missing")),
    }
}
