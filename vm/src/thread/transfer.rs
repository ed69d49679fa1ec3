//! What may cross a thread boundary, and in which form.
//!
//! Immutable values and handles cross as they are, an object as a locked proxy, a proxy as a proxy in the lock state that it
//! had, on its owner's thread as the object itself. While a reference is on its way, a [`Pin`] keeps its target alive.

use super::Thread;
use crate::class::ErrorClass;
use crate::error::Outcome;
use crate::heap::Pin;
use crate::interp::proxies;
use crate::object::function::Closure;
use crate::object::proxy::{Proxy, lock};
use crate::object::range::Bounds;
use crate::object::{Kind, bigint, class_id, function, handle, range, string};
use crate::value::Value;
use num_bigint::BigInt;

/// A value on its way.
pub enum Transfer {
    /// Not an object, or an immortal one.
    Word(u64),
    /// An integer that needs a box.
    Int(i64),
    /// A float that needs a box.
    Float(f64),
    /// A string.
    Text(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// A long string or long bytes, shared.
    Long(Pin),
    /// A big integer.
    Big(Box<BigInt>),
    /// A range.
    Range(Bounds),
    /// A thread's handle.
    Thread(u64),
    /// An object of some heap; the receiver makes a proxy of this class in this lock state.
    Object {
        /// The target.
        pin: Pin,
        /// Class of the proxy to be.
        class: u32,
        /// Its lock state.
        lock: u32,
    },
    /// A closure: shared code with its captures.
    Closure {
        /// Address of the code, which lives as long as the VM.
        code: usize,
        /// What it captured.
        captures: Vec<Transfer>,
    },
    /// A bound method.
    Bound(Box<(Transfer, Transfer)>),
    /// A deep copy of an object graph.
    Graph(Box<super::graph::Graph>),
    /// An error that was made outside any heap.
    Error(ErrorClass, String),
}

impl Transfer {
    /// A string.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// An error to be made at the receiver.
    pub fn error(class: ErrorClass, message: String) -> Self {
        Self::Error(class, message)
    }
}

/// Prepares a value of this thread for another one.
pub fn export(thread: &mut Thread, value: Value) -> Outcome<Transfer> {
    let Some(kind) = value.kind() else { return Ok(Transfer::Word(value.bits())) };
    // SAFETY: an object value points to a live object.
    if unsafe { (*value.pointer()).is_immortal() } {
        return Ok(Transfer::Word(value.bits()));
    }
    Ok(match kind {
        Kind::BoxInt => Transfer::Int(value.as_int().unwrap_or(0)),
        Kind::BoxFloat => Transfer::Float(value.as_float().unwrap_or(0.0)),
        Kind::Str if string::bytes_of(value).len() < string::EXTERNAL_FROM => {
            Transfer::Text(string::as_str(value).unwrap_or("").into())
        }
        Kind::Bytes if string::bytes_of(value).len() < string::EXTERNAL_FROM => {
            Transfer::Bytes(string::bytes_of(value).into())
        }
        Kind::Str | Kind::Bytes => Transfer::Long(thread.heap.pin(value.pointer())),
        Kind::BigInt => Transfer::Big(Box::new(bigint::get(value).expect("the kind was checked"))),
        Kind::Range => Transfer::Range(range::bounds(value).expect("the kind was checked")),
        Kind::Thread => Transfer::Thread(handle::thread_id(value).expect("the kind was checked")),
        Kind::Function => {
            let code = function::code_of_value(value).expect("the kind was checked");
            let mut captures = Vec::with_capacity(code.captures as usize);
            for i in 0..code.captures as usize {
                // SAFETY: the index is below the number of captures.
                let captured = unsafe { Closure::capture(value.pointer().cast(), i).get() };
                captures.push(
                    match captured == value || captured.is_kind(Kind::Function) && !is_immortal(captured) {
                        // A closure that captures closures (itself, perhaps): by proxy, so that this ends.
                        true => object(thread, captured),
                        false => export(thread, captured)?,
                    },
                );
            }
            Transfer::Closure { code: std::ptr::from_ref(code) as usize, captures }
        }
        Kind::BoundMethod => {
            let (receiver, method) = function::bound_parts(value).expect("the kind was checked");
            Transfer::Bound(Box::new((export(thread, receiver)?, export(thread, method)?)))
        }
        Kind::Proxy => {
            let proxy = value.pointer().cast::<Proxy>();
            // SAFETY: the kind was checked; this thread's listing keeps the target alive.
            let (target, heap, class) = unsafe { ((*proxy).target, (*proxy).heap, (*proxy).header.class) };
            Transfer::Object {
                pin: thread.heap.pin_foreign(heap, target),
                class,
                lock: proxies::lock_state(value),
            }
        }
        _ if super::graph::is_copy(value) => match super::graph::snapshot(thread, value)? {
            Some(graph) => Transfer::Graph(Box::new(graph)),
            None => object(thread, value),
        },
        _ => object(thread, value),
    })
}

fn is_immortal(value: Value) -> bool {
    // SAFETY: an object value points to a live object.
    value.is_object() && unsafe { (*value.pointer()).is_immortal() }
}

fn object(thread: &mut Thread, value: Value) -> Transfer {
    let class = thread.vm.class_of(value).mapped_proxy_class().map_or(class_id::PROXY, |c| c.id);
    Transfer::Object { pin: thread.heap.pin(value.pointer()), class, lock: lock::LOCKED }
}

/// Makes a value that came from another thread one of this thread. Without memory for it nothing is lost: it can be tried again.
pub fn import(thread: &mut Thread, transfer: &Transfer) -> Outcome {
    Ok(match transfer {
        // SAFETY: only words without an object, or of immortal ones, are sent so.
        Transfer::Word(bits) => unsafe { Value::from_bits(*bits) },
        Transfer::Int(i) => thread.heap.int(*i)?,
        Transfer::Float(f) => thread.heap.float(*f)?,
        Transfer::Text(text) => string::new(&mut thread.heap, text)?,
        Transfer::Bytes(bytes) => string::new_bytes(&mut thread.heap, bytes)?,
        Transfer::Long(pin) => string::import(&mut thread.heap, Value::object(pin.target()))?,
        Transfer::Big(b) => bigint::new(&mut thread.heap, b)?,
        Transfer::Range(bounds) => range::new(&mut thread.heap, *bounds)?,
        Transfer::Thread(id) => handle::new_thread(&mut thread.heap, *id)?,
        Transfer::Object { pin, class, lock } => {
            if pin.heap() == thread.heap.number() {
                thread.heap.import_own(pin.target());
                Value::object(pin.target())
            } else {
                proxies::make(thread, *class, pin.heap(), pin.target(), std::ptr::null_mut(), *lock)?
            }
        }
        Transfer::Closure { code, captures } => {
            let values = import_all(thread, captures)?;
            Value::object(
                function::new_closure(&mut thread.heap, *code as *const crate::code::Code, &values)?.cast(),
            )
        }
        Transfer::Bound(parts) => {
            let receiver = import(thread, &parts.0)?;
            let method = import(thread, &parts.1)?;
            function::new_bound_method(&mut thread.heap, receiver, method)?
        }
        Transfer::Graph(graph) => super::graph::build(thread, graph)?,
        Transfer::Error(class, message) => thread.new_error(*class, message)?,
    })
}

/// Makes several values this thread's.
pub fn import_all(thread: &mut Thread, all: &[Transfer]) -> Outcome<Vec<Value>> {
    all.iter().map(|transfer| import(thread, transfer)).collect()
}

/// Prepares several values.
pub fn export_all(thread: &mut Thread, values: &[Value]) -> Outcome<Vec<Transfer>> {
    values.iter().map(|v| export(thread, *v)).collect()
}
