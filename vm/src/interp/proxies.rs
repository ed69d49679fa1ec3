//! Proxies: share, unshare, lock, unlock, and every op whose operand may be one.
//!
//! Reads happen on the reader's thread within its slice: target slots are loaded with `Acquire`, and what is read is wrapped
//! ([`wrap`]) before the instruction ends, so no raw foreign pointer lives in a register. Writes go by the lock of the root:
//! refused, sent to the owner, or (unshared) done in place where that can be done with one atomic store.

use super::call::{self, Called, Target};
use super::describe::type_name;
use super::{access, arith, index, iterate};
use crate::bytecode::Instr;
use crate::class::{Class, ErrorClass, Member};
use crate::error::{Control, Outcome};
use crate::object::function::Closure;
use crate::object::proxy::{Proxy, lock as state};
use crate::object::{Cell, Header, Instance, Kind, array, class_id, equality, function, map, string, typed};
use crate::symbol::{Symbol, sym};
use crate::thread::registry::{Message, Reply};
use crate::thread::{Thread, futures, messages, transfer};
use crate::value::Value;
use std::sync::atomic::Ordering;

fn parts(v: Value) -> &'static Proxy {
    // SAFETY: callers checked the kind; the reference is used within the running instruction, during which nothing is freed.
    unsafe { &*v.pointer().cast::<Proxy>() }
}

fn root(v: Value) -> &'static Proxy {
    let proxy = parts(v);
    // SAFETY: a root lives as long as the proxies that name it (the collector traces it).
    if proxy.root.is_null() { proxy } else { unsafe { &*proxy.root } }
}

/// The lock state that counts for a proxy.
pub fn lock_state(v: Value) -> u32 {
    root(v).lock.load(Ordering::Relaxed)
}

fn target(v: Value) -> *mut Header {
    parts(v).target
}

fn target_kind(v: Value) -> Kind {
    // SAFETY: the target is kept alive by the listing of this thread's imports.
    unsafe { (*target(v)).kind() }
}

/// The class of a proxy's target.
pub fn target_class(thread: &Thread, v: Value) -> &'static Class {
    // SAFETY: as above; the class never changes.
    thread.vm.class(unsafe { (*target(v)).class })
}

/// Whether two values, at least one a proxy, stand for the same object.
pub fn same_target(x: Value, y: Value) -> bool {
    x.is_object() && y.is_object() && equality::identity(x) == equality::identity(y)
}

fn is_immutable(v: Value) -> bool {
    match v.kind() {
        None => true,
        Some(
            Kind::BoxInt
            | Kind::BoxFloat
            | Kind::Str
            | Kind::Bytes
            | Kind::BigInt
            | Kind::Range
            | Kind::NativeFunction
            | Kind::Class
            | Kind::Module
            | Kind::Thread,
        ) => true,
        // SAFETY: an object value points to a live object.
        Some(Kind::Function) => unsafe { (*v.pointer()).is_immortal() },
        Some(_) => false,
    }
}

/// `share(value, class)`.
pub fn share(thread: &mut Thread, v: Value, class: Value) -> Outcome {
    if is_immutable(v) {
        return Ok(v);
    }
    let class_id = match class {
        Value::NULL => {
            if v.is_kind(Kind::Proxy) {
                let proxy = parts(v);
                if proxy.root.is_null() {
                    return Ok(v);
                }
                proxy.header.class
            } else {
                thread.vm.class_of(v).mapped_proxy_class().map_or(class_id::PROXY, |c| c.id)
            }
        }
        _ => match function::class_of_value(class)
            .filter(|c| super::instances::derives_from(c, class_id::PROXY))
        {
            Some(class) => class.id,
            None => {
                let found = type_name(thread, class);
                return Err(thread.error(
                    ErrorClass::TypeError,
                    format!("share(x, C) needs a class derived from Proxy, not {found}"),
                ));
            }
        },
    };
    let (heap, target) = match v.is_kind(Kind::Proxy) {
        true => (parts(v).heap, target(v)),
        false => (thread.heap.number(), v.pointer()),
    };
    Ok(Value::object(thread.heap.proxy(class_id, heap, target, std::ptr::null_mut(), state::LOCKED)?.cast()))
}

fn need_proxy(thread: &mut Thread, what: &str, v: Value) -> Outcome<()> {
    if v.is_kind(Kind::Proxy) {
        return Ok(());
    }
    let found = type_name(thread, v);
    Err(thread.error(ErrorClass::TypeError, format!("{what} needs a proxy, not {found}: share(x) makes one")))
}

/// `unshare(proxy)`.
pub fn unshare(thread: &mut Thread, v: Value) -> Outcome {
    need_proxy(thread, "unshare", v)?;
    let proxy = parts(v);
    if proxy.heap == thread.heap.number() {
        thread.heap.import_own(proxy.target);
        return Ok(Value::object(proxy.target));
    }
    Ok(Value::object(
        thread
            .heap
            .proxy(proxy.header.class, proxy.heap, proxy.target, std::ptr::null_mut(), state::DIRECT)?
            .cast(),
    ))
}

fn need_root(thread: &mut Thread, what: &str, v: Value) -> Outcome<()> {
    need_proxy(thread, what, v)?;
    if parts(v).root.is_null() {
        return Ok(());
    }
    Err(thread.error(
        ErrorClass::StateError,
        format!("{what}: this proxy was read through another one and follows its lock: {what} that one, or share(p.child) for a lock of its own"),
    ))
}

/// `lock(proxy)`.
pub fn lock(thread: &mut Thread, v: Value) -> Outcome<()> {
    need_root(thread, "lock", v)?;
    parts(v).lock.store(state::LOCKED, Ordering::Relaxed);
    Ok(())
}

/// `unlock(proxy, mode)`.
pub fn unlock(thread: &mut Thread, v: Value, mode: Value) -> Outcome<()> {
    need_root(thread, "unlock", v)?;
    let state = match (mode, string::as_str(mode)) {
        (Value::NULL, _) | (_, Some("async")) => state::ASYNC,
        (_, Some("sync")) => state::SYNC,
        _ => {
            return Err(thread.error(
                ErrorClass::ValueError,
                "unlock(proxy, mode): the mode is \"async\" (messages) or \"sync\" (waits for each)",
            ));
        }
    };
    parts(v).lock.store(state, Ordering::Relaxed);
    Ok(())
}

/// Whether a proxy stands for an instance of a script class.
pub fn is_instance(v: Value) -> bool {
    v.is_kind(Kind::Proxy) && target_kind(v) == Kind::Instance
}

/// Makes what was read through `via` from a foreign slot a value of this thread.
pub fn wrap(thread: &mut Thread, via: Value, found: Value) -> Outcome {
    let Some(kind) = found.kind() else { return Ok(found) };
    // SAFETY: read within this slice from a live object, so the object is still allocated.
    if unsafe { (*found.pointer()).is_immortal() } {
        return Ok(found);
    }
    let own = parts(via).heap == thread.heap.number();
    Ok(match kind {
        Kind::Str
        | Kind::Bytes
        | Kind::BigInt
        | Kind::Range
        | Kind::BoxInt
        | Kind::BoxFloat
        | Kind::Thread
            if own =>
        {
            found
        }
        Kind::Str | Kind::Bytes => string::import(&mut thread.heap, found)?,
        Kind::BigInt | Kind::Range | Kind::BoxInt | Kind::BoxFloat | Kind::Thread => {
            let copy = transfer::export(thread, found)?;
            transfer::import(thread, copy)?
        }
        Kind::Function => {
            let code = function::code_of_value(found).expect("the kind was checked");
            let mut captures: call::Args = call::Args::new();
            for i in 0..code.captures as usize {
                // SAFETY: the index is below the number of captures.
                let captured = unsafe { Closure::capture(found.pointer().cast(), i).get_foreign() };
                captures.push(match captured.is_kind(Kind::Function) {
                    true => wrap_object(thread, via, captured.pointer())?,
                    false => wrap(thread, via, captured)?,
                });
            }
            Value::object(function::new_closure(&mut thread.heap, code, &captures)?.cast())
        }
        Kind::Proxy => {
            // The owner's own proxy to something: unwrap it, so that proxies of proxies never arise.
            let inner = parts(found);
            if inner.heap == thread.heap.number() {
                thread.heap.import_own(inner.target);
                Value::object(inner.target)
            } else {
                let root = std::ptr::from_ref(root(via)).cast_mut();
                Value::object(
                    thread
                        .heap
                        .proxy(inner.header.class, inner.heap, inner.target, root, state::LOCKED)?
                        .cast(),
                )
            }
        }
        _ => wrap_object(thread, via, found.pointer())?,
    })
}

fn wrap_object(thread: &mut Thread, via: Value, object: *mut Header) -> Outcome {
    // SAFETY: as in `wrap`.
    let class =
        thread.vm.class(unsafe { (*object).class }).mapped_proxy_class().map_or(class_id::PROXY, |c| c.id);
    // SAFETY: as above.
    if unsafe { (*object).is_immortal() } {
        return Ok(Value::object(object));
    }
    let root = std::ptr::from_ref(root(via)).cast_mut();
    Ok(Value::object(thread.heap.proxy(class, parts(via).heap, object, root, state::LOCKED)?.cast()))
}

/// The script-defined hook of a proxy subclass, if the proxy has one.
fn own_hook(thread: &Thread, proxy: Value, name: Symbol) -> Option<Value> {
    let class = parts(proxy).header.class;
    if class == class_id::PROXY {
        return None;
    }
    match thread.vm.class(class).member(name) {
        Some(Member::Method(f)) if f.is_kind(Kind::Function) => Some(f),
        _ => None,
    }
}

/// `proxy.name`.
pub fn get_attr(thread: &mut Thread, proxy: Value, name: Symbol) -> Outcome {
    if let Some(hook) = own_hook(thread, proxy, sym::READ) {
        let text = thread.vm.symbols.name(name);
        let text = string::new(&mut thread.heap, &text)?;
        return Err(Control::call(hook, &[proxy, text]));
    }
    read_attr(thread, proxy, name)
}

/// What `proxy.name` gives without a hook.
pub fn read_attr(thread: &mut Thread, proxy: Value, name: Symbol) -> Outcome {
    let class = target_class(thread, proxy);
    if target_kind(proxy) == Kind::Instance {
        if let Some(&slot) = class.slots.get(&name) {
            // SAFETY: the slot belongs to the target's class; the target is kept alive by the listing.
            let found = unsafe { Instance::slot(target(proxy).cast(), slot as usize).get_foreign() };
            return wrap(thread, proxy, found);
        }
    }
    let own_class = thread.vm.class(parts(proxy).header.class);
    match class.member(name).or_else(|| own_class.member(name)) {
        Some(Member::Getter(f)) => {
            if let Some(len) = length(proxy).filter(|_| name == sym::LENGTH) {
                return Ok(Value::int_unchecked(len as i64));
            }
            Err(Control::call(f, &[proxy]))
        }
        Some(Member::Method(f)) => Ok(function::new_bound_method(&mut thread.heap, proxy, f)?),
        _ => access::get_member(thread, proxy, class, name),
    }
}

fn length(proxy: Value) -> Option<usize> {
    Some(match target_kind(proxy) {
        Kind::Array => array::len_foreign(target(proxy).cast()),
        Kind::IntArray | Kind::FloatArray => typed::words_foreign(target(proxy).cast()).len(),
        // SAFETY: the kind was checked.
        Kind::Map => unsafe { (*target(proxy).cast::<map::Map>()).len.load(Ordering::Acquire) as usize },
        _ => return None,
    })
}

/// `proxy[key]`.
pub fn get_index(thread: &mut Thread, proxy: Value, key: Value) -> Outcome {
    if let Some(hook) = own_hook(thread, proxy, sym::READ) {
        return Err(Control::call(hook, &[proxy, key]));
    }
    read_index(thread, proxy, key)
}

/// What `proxy[key]` gives without a hook.
pub fn read_index(thread: &mut Thread, proxy: Value, key: Value) -> Outcome {
    match target_kind(proxy) {
        Kind::Array if key.as_int().is_some() => {
            let elements = array::elements_foreign(target(proxy).cast());
            let found = key
                .as_int()
                .and_then(|i| index::position(i, elements.len()))
                .map(|i| elements[i].get_foreign());
            match found {
                Some(found) => wrap(thread, proxy, found),
                None => {
                    let len = elements.len();
                    Err(thread.error(
                        ErrorClass::RangeError,
                        format!(
                            "array index {} is out of range: the length is {len}",
                            key.as_int().unwrap_or(0)
                        ),
                    ))
                }
            }
        }
        Kind::Map if !index::needs_key_hooks(thread, key) => {
            match map::get_foreign(target(proxy).cast(), key) {
                Some(found) => wrap(thread, proxy, found),
                None => Err(index::no_key(thread, key)),
            }
        }
        Kind::IntArray | Kind::FloatArray if key.as_int().is_some() => {
            let kind = target_kind(proxy);
            let word = typed_word(thread, proxy, key.as_int().unwrap_or(0), kind)?;
            let element = if kind == Kind::IntArray { typed::Element::Int } else { typed::Element::Float };
            Ok(typed::value_of(&mut thread.heap, element, word.unwrap_or(0))?)
        }
        Kind::Instance => match arith::hook(thread, proxy, sym::GET_INDEX) {
            Some(hook) => Err(Control::call(hook, &[proxy, key])),
            None => {
                let found = type_name(thread, proxy);
                Err(thread.error(ErrorClass::TypeError, format!("{found} has no elements")))
            }
        },
        _ => {
            let copy = shallow(thread, proxy)?;
            if copy.is_kind(Kind::Proxy) {
                let found = type_name(thread, proxy);
                return Err(thread.error(ErrorClass::TypeError, format!("{found} has no elements")));
            }
            index::get(thread, copy, key)
        }
    }
}

/// The raw element of a typed array behind a proxy; `None` if it is something else.
pub fn typed_word(thread: &mut Thread, proxy: Value, key: i64, kind: Kind) -> Outcome<Option<u64>> {
    if target_kind(proxy) != kind {
        return Ok(None);
    }
    let words = typed::words_foreign(target(proxy).cast());
    match index::position(key, words.len()) {
        Some(i) => Ok(Some(words[i].load(Ordering::Acquire))),
        None => Err(thread.error(
            ErrorClass::RangeError,
            format!("array index {key} is out of range: the length is {}", words.len()),
        )),
    }
}

/// A copy of the container itself, its elements wrapped: for operations that walk a whole container in one go.
pub fn shallow(thread: &mut Thread, proxy: Value) -> Outcome {
    let object = target(proxy);
    match target_kind(proxy) {
        Kind::Array => {
            let elements = array::elements_foreign(object.cast());
            thread.charge(elements.len() as u64);
            let mut copy = Vec::with_capacity(elements.len());
            for slot in elements {
                copy.push(wrap(thread, proxy, slot.get_foreign())?);
            }
            Ok(array::to_value(array::from_slice(&mut thread.heap, &copy)?))
        }
        Kind::Map => {
            let entries: Vec<(Value, Value)> = map::entries_foreign(object.cast()).collect();
            thread.charge(entries.len() as u64 * 2);
            let copy = map::new(&mut thread.heap, entries.len())?;
            for (key, value) in entries {
                let key = wrap(thread, proxy, key)?;
                let value = wrap(thread, proxy, value)?;
                map::insert(&mut thread.heap, copy, key, value)?;
            }
            Ok(Value::object(copy.cast()))
        }
        kind @ (Kind::IntArray | Kind::FloatArray) => {
            let words: Vec<u64> =
                typed::words_foreign(object.cast()).iter().map(|w| w.load(Ordering::Acquire)).collect();
            thread.charge(words.len() as u64 / 2);
            let element = if kind == Kind::IntArray { typed::Element::Int } else { typed::Element::Float };
            Ok(typed::to_value(typed::from_words(&mut thread.heap, element, words.into_iter())?))
        }
        _ => Ok(proxy),
    }
}

/// `x in proxy`.
pub fn contains(thread: &mut Thread, x: Value, proxy: Value) -> Outcome {
    let found = match target_kind(proxy) {
        Kind::Array => array::elements_foreign(target(proxy).cast())
            .iter()
            .any(|slot| equality::same_value(slot.get_foreign(), x)),
        Kind::Map => map::get_foreign(target(proxy).cast(), x).is_some(),
        _ => {
            if let Some(hook) = arith::hook(thread, proxy, sym::CONTAINS) {
                return Err(Control::call(hook, &[proxy, x]));
            }
            let copy = shallow(thread, proxy)?;
            if copy.is_kind(Kind::Proxy) {
                let found = type_name(thread, proxy);
                return Err(
                    thread.error(ErrorClass::TypeError, format!("{found} is not something to look in"))
                );
            }
            return super::compare::contains(thread, x, copy);
        }
    };
    Ok(Value::bool(found))
}

/// What to iterate over for a proxy.
pub fn iteration_state(thread: &mut Thread, proxy: Value) -> Outcome {
    match target_kind(proxy) {
        Kind::Array | Kind::Map | Kind::IntArray | Kind::FloatArray => Ok(proxy),
        _ => {
            let found = type_name(thread, proxy);
            Err(thread.error(ErrorClass::TypeError, format!("cannot iterate over {found}")))
        }
    }
}

/// The next element behind a proxy.
pub fn next(thread: &mut Thread, i: Instr, proxy: Value, position: i64) -> Outcome<iterate::Step> {
    let at = usize::try_from(position).unwrap_or(usize::MAX);
    let found = match target_kind(proxy) {
        Kind::Array => {
            let found = array::elements_foreign(target(proxy).cast()).get(at).map(|slot| slot.get_foreign());
            match found {
                Some(found) => Some(wrap(thread, proxy, found)?),
                None => None,
            }
        }
        Kind::IntArray | Kind::FloatArray => {
            let word = typed::words_foreign(target(proxy).cast()).get(at).map(|w| w.load(Ordering::Acquire));
            let element = if target_kind(proxy) == Kind::IntArray {
                typed::Element::Int
            } else {
                typed::Element::Float
            };
            match word {
                Some(word) => Some(typed::value_of(&mut thread.heap, element, word)?),
                None => None,
            }
        }
        Kind::Map => {
            return Ok(match map::entry_from_foreign(target(proxy).cast(), at) {
                Some((number, key, value)) => {
                    let key = wrap(thread, proxy, key)?;
                    let value = wrap(thread, proxy, value)?;
                    iterate::set_entry(thread, i, number as i64 + 1, key, value);
                    iterate::Step::Element
                }
                None => iterate::Step::End,
            });
        }
        _ => return Err(thread.error(ErrorClass::StateError, "not an iteration (malformed bytecode)")),
    };
    Ok(match found {
        Some(value) => iterate::element(thread, i, position, value),
        None => iterate::Step::End,
    })
}

/// `proxy[start..end]`.
pub fn slice(thread: &mut Thread, proxy: Value, start: Value, end: Value, inclusive: bool) -> Outcome {
    let copy = shallow(thread, proxy)?;
    if copy.is_kind(Kind::Proxy) {
        let found = type_name(thread, proxy);
        return Err(thread.error(ErrorClass::TypeError, format!("{found} cannot be sliced")));
    }
    index::slice(thread, copy, start, end, inclusive)
}

/// A script function behind a proxy (a closure captured by a closure), made one of this thread.
pub fn local_function(thread: &mut Thread, proxy: Value) -> Outcome<Option<Value>> {
    if target_kind(proxy) != Kind::Function {
        return Ok(None);
    }
    wrap(thread, proxy, Value::object(target(proxy))).map(Some)
}

// ---- writes ----

enum Way {
    Direct,
    Message(Option<()>),
}

fn way(thread: &mut Thread, proxy: Value, what: &str) -> Outcome<Way> {
    match lock_state(proxy) {
        state::ASYNC => Ok(Way::Message(None)),
        state::SYNC => Ok(Way::Message(Some(()))),
        state::DIRECT => Ok(Way::Direct),
        _ => {
            let found = type_name(thread, proxy);
            Err(thread.error(
                ErrorClass::ProxyLocked,
                format!(
                    "cannot {what} through a locked {found}: unlock(p) sends writes to its owner as messages"
                ),
            ))
        }
    }
}

/// Sends a message about a proxy's target to its owner; with `sync` the running task waits for the answer.
fn send(
    thread: &mut Thread,
    proxy: Value,
    sync: bool,
    make: impl FnOnce(Option<Reply>) -> Message,
) -> Outcome {
    let heap = parts(proxy).heap;
    let Some(owner) = thread.vm.registry.thread_of_heap(heap) else {
        return Err(thread.error(
            ErrorClass::ThreadEnded,
            "the thread that owns the object has ended: it can be read, but not written",
        ));
    };
    if !sync {
        messages::send(thread, owner, make(None))?;
        return Ok(Value::NULL);
    }
    // Where the owner is this thread itself, the message is handled between its tasks while this one waits.
    let (future, reply) = futures::remote(thread, owner)?;
    messages::send(thread, owner, make(Some(reply)))?;
    futures::await_value(thread, future)
}

/// `proxy.name = value`.
pub fn set_attr(thread: &mut Thread, proxy: Value, name: Symbol, value: Value) -> Outcome<()> {
    if let Some(hook) = own_hook(thread, proxy, sym::WRITE) {
        let text = thread.vm.symbols.name(name);
        let text = string::new(&mut thread.heap, &text)?;
        return Err(Control::call(hook, &[proxy, text, value]));
    }
    write_attr(thread, proxy, name, value)
}

/// What `proxy.name = value` does without a hook.
pub fn write_attr(thread: &mut Thread, proxy: Value, name: Symbol, value: Value) -> Outcome<()> {
    let class = target_class(thread, proxy);
    let slot = match target_kind(proxy) {
        Kind::Instance => class.slots.get(&name).copied(),
        _ => None,
    };
    let Some(slot) = slot else {
        let text = thread.vm.symbols.name(name);
        let found = type_name(thread, proxy);
        return Err(thread.error(
            ErrorClass::AttributeError,
            format!("{found} has no attribute {text}: attributes are declared in the class"),
        ));
    };
    let way = way(thread, proxy, "assign an attribute")?;
    let sync = match way {
        Way::Direct => {
            let value = access::fit_attribute(thread, class, slot, value)?;
            if stores_in_place(value) {
                // SAFETY: the slot belongs to the target's class; the word is no pointer into any heap, so the owner's
                // collector need not know of it.
                unsafe { Instance::slot(target(proxy).cast(), slot as usize).set_unbarriered(value) };
                return Ok(());
            }
            true
        }
        Way::Message(sync) => sync.is_some(),
    };
    let (to, value) = (transfer::export(thread, proxy)?, transfer::export(thread, value)?);
    send(thread, proxy, sync, |reply| Message::SetAttr { target: to, name, value, reply }).map(|_| ())
}

/// Whether a foreign thread may store this word itself: it refers to no heap.
fn stores_in_place(value: Value) -> bool {
    // SAFETY: an object value points to a live object.
    !value.is_object() || unsafe { (*value.pointer()).is_immortal() }
}

/// `proxy[key] = value`.
pub fn set_index(thread: &mut Thread, proxy: Value, key: Value, value: Value) -> Outcome<()> {
    if let Some(hook) = own_hook(thread, proxy, sym::WRITE) {
        return Err(Control::call(hook, &[proxy, key, value]));
    }
    write_index(thread, proxy, key, value)
}

/// What `proxy[key] = value` does without a hook.
pub fn write_index(thread: &mut Thread, proxy: Value, key: Value, value: Value) -> Outcome<()> {
    let way = way(thread, proxy, "assign an element")?;
    let sync = match way {
        Way::Direct => {
            if store_element(proxy, key, value) {
                return Ok(());
            }
            true
        }
        Way::Message(sync) => sync.is_some(),
    };
    let to = transfer::export(thread, proxy)?;
    let (key, value) = (transfer::export(thread, key)?, transfer::export(thread, value)?);
    send(thread, proxy, sync, |reply| Message::SetIndex { target: to, key, value, reply }).map(|_| ())
}

/// Stores into an existing element of an unshared array at once, where one atomic store does it.
fn store_element(proxy: Value, key: Value, value: Value) -> bool {
    let Some(key) = key.as_int() else { return false };
    match target_kind(proxy) {
        Kind::Array if stores_in_place(value) => {
            let elements = array::elements_foreign(target(proxy).cast());
            match index::position(key, elements.len()) {
                Some(i) => {
                    elements[i].set_unbarriered(value);
                    true
                }
                None => false,
            }
        }
        kind @ (Kind::IntArray | Kind::FloatArray) => {
            let element = if kind == Kind::IntArray { typed::Element::Int } else { typed::Element::Float };
            let words = typed::words_foreign(target(proxy).cast());
            match (index::position(key, words.len()), typed::word_of(element, value)) {
                (Some(i), Some(word)) => {
                    words[i].store(word, Ordering::Release);
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// The content of a captured variable of a closure that came from another thread.
pub fn cell_get(thread: &mut Thread, proxy: Value) -> Outcome {
    if target_kind(proxy) != Kind::Cell {
        return Err(thread.error(ErrorClass::StateError, "not a captured variable (malformed bytecode)"));
    }
    // SAFETY: the kind was checked; the target is kept alive by the listing.
    let found = unsafe { (*target(proxy).cast::<Cell>()).slot.get_foreign() };
    wrap(thread, proxy, found)
}

/// Assigns a captured variable of a closure that came from another thread.
pub fn cell_set(thread: &mut Thread, proxy: Value, value: Value) -> Outcome<()> {
    let way = way(thread, proxy, "assign a captured variable")?;
    let (to, value) = (transfer::export(thread, proxy)?, transfer::export(thread, value)?);
    let sync = !matches!(way, Way::Message(None));
    send(thread, proxy, sync, |reply| Message::SetCell { target: to, value, reply }).map(|_| ())
}

// ---- methods ----

/// Whether a function is a native that changes its receiver.
fn writes(f: Value) -> bool {
    function::native_of_value(f).is_some_and(|def| def.writes)
}

/// `proxy.name(args...)`; `all` begins with the proxy.
pub fn call_method(thread: &mut Thread, all: &[Value], name: Symbol, target: Target) -> Outcome<Called> {
    let proxy = all[0];
    let own_class = thread.vm.class(parts(proxy).header.class);
    // A method that the proxy's own class adds comes first, then the target's class with the proxy as `self`.
    if own_class.id != class_id::PROXY {
        if let Some(Member::Method(f)) = own_class.member(name) {
            return call::call_value(thread, f, all, target);
        }
    }
    let class = target_class(thread, proxy);
    if target_kind(proxy) == Kind::Instance && class.slots.contains_key(&name) {
        let callee = get_attr(thread, proxy, name)?;
        return call::call_value(thread, callee, &all[1..], target);
    }
    match class.member(name) {
        Some(Member::Method(f)) => call_with_self(thread, f, name, all, target),
        Some(_) => {
            let callee = read_attr(thread, proxy, name)?;
            call::call_value(thread, callee, &all[1..], target)
        }
        None => match own_class.member(name) {
            Some(Member::Method(f)) => call::call_value(thread, f, all, target),
            _ => Err(access::get_member(thread, proxy, class, name).err().unwrap_or(Control::Yield)),
        },
    }
}

fn call_with_self(thread: &mut Thread, f: Value, name: Symbol, all: &[Value], to: Target) -> Outcome<Called> {
    if writes(f) {
        return send_call(thread, all, name).map(Called::Value);
    }
    if f.is_kind(Kind::NativeFunction) {
        return call_native(thread, f, all, to);
    }
    call::call_value(thread, f, all, to)
}

/// Sends a method call to the owner of a proxy's target.
fn send_call(thread: &mut Thread, all: &[Value], name: Symbol) -> Outcome {
    let proxy = all[0];
    // Handles take their calls in every lock state.
    let handle = matches!(target_kind(proxy), Kind::Task | Kind::Future);
    let sync = match handle {
        true => false,
        false => {
            let text = thread.vm.symbols.name(name);
            !matches!(way(thread, proxy, &format!("call {text}"))?, Way::Message(None))
        }
    };
    let to = transfer::export(thread, proxy)?;
    let args = transfer::export_all(thread, &all[1..])?;
    send(thread, proxy, sync, |reply| Message::CallMethod { target: to, name, args, reply })
}

/// Calls a native method whose receiver is a proxy: on a copy of the container itself.
pub fn call_native(thread: &mut Thread, f: Value, all: &[Value], target: Target) -> Outcome<Called> {
    let def = function::native_of_value(f).expect("the kind was checked");
    if def.writes {
        let method = def.name.rsplit('.').next().unwrap_or("");
        let name = thread.vm.symbols.intern(method);
        return send_call(thread, all, name).map(Called::Value);
    }
    // The library's natives read through proxies themselves.
    call::call_value(thread, f, all, target)
}

// ---- module variables of other threads ----

/// A variable of a module that another thread loaded.
pub fn foreign_variable(thread: &mut Thread, env: u32, slot: u32) -> Outcome {
    let proxy = env_proxy(thread, env)?;
    let elements = array::elements_foreign(target(proxy).cast());
    match elements.get(slot as usize).map(|s| s.get_foreign()) {
        Some(found) => wrap(thread, proxy, found),
        None => Ok(Value::EMPTY),
    }
}

/// This thread's proxy of another thread's environment: one a thread, made on first use.
fn env_proxy(thread: &mut Thread, env: u32) -> Outcome {
    if let Some(&known) = thread.envs.get(env as usize) {
        if known.is_kind(Kind::Proxy) {
            return Ok(known);
        }
    }
    let Some(pin) = thread.vm.env_pin(env) else {
        return Err(thread.error(ErrorClass::StateError, "the module is not loaded"));
    };
    let proxy =
        thread.heap.proxy(class_id::PROXY, pin.heap(), pin.target(), std::ptr::null_mut(), state::LOCKED)?;
    drop(pin);
    if thread.envs.len() <= env as usize {
        thread.envs.resize(env as usize + 1, Value::NULL);
    }
    thread.envs[env as usize] = Value::object(proxy.cast());
    Ok(Value::object(proxy.cast()))
}

/// Assigns a variable of a module that another thread loaded: it is theirs.
pub fn set_foreign_variable(thread: &mut Thread, env: u32, slot: u32, value: Value) -> Outcome<()> {
    let _ = value;
    let name = thread.vm.variable_name(env, slot);
    Err(thread.error(
        ErrorClass::ProxyLocked,
        format!("variable {name} belongs to the thread that loaded its module: send that thread a message, or return the value"),
    ))
}
