//! Values as a structure of all threads keeps them: outside every heap, readable any number of times.
//!
//! Immutable values are kept by value. Handles (threads, tasks, futures, proxies) keep what they refer to alive, by a pin. Other
//! objects belong to one thread and can change there, so they are refused: the error names the ways out.

use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::heap::Pin;
use corella_vm::interp::{describe, proxies};
use corella_vm::object::proxy::{Proxy, lock};
use corella_vm::object::range::Bounds;
use corella_vm::object::{Kind, bigint, class_id, function, handle, range, string};
use corella_vm::thread::Thread;
use corella_vm::thread::transfer::{self, Transfer};
use corella_vm::value::Value;
use num_bigint::BigInt;
use std::sync::Arc;

/// A value of no heap.
#[derive(Clone)]
pub(super) enum Stored {
    /// Null, a bool, a plain function, a class: words that mean the same on every thread.
    Word(u64),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Big(Arc<BigInt>),
    Range(Bounds),
    Thread(u64),
    Handle {
        pin: Arc<Pin>,
        class: u32,
        lock: u32,
    },
}

impl Stored {
    /// The form of a value that is to be kept; `method` is named in the error.
    pub(super) fn of(thread: &mut Thread, method: &str, value: Value) -> Outcome<Self> {
        if let Some(i) = value.as_int() {
            return Ok(Self::Int(i));
        }
        if let Some(f) = value.as_float() {
            return Ok(Self::Float(f));
        }
        let Some(kind) = value.kind() else { return Ok(Self::Word(value.bits())) };
        Ok(match kind {
            Kind::Str => Self::Text(string::as_str(value).unwrap_or("").into()),
            Kind::Bytes => Self::Bytes(string::bytes_of(value).into()),
            Kind::BigInt => match bigint::get(value) {
                Some(number) => Self::Big(Arc::new(number)),
                None => return Err(refused(thread, method, value)),
            },
            Kind::Range => match range::bounds(value) {
                Some(bounds) => Self::Range(bounds),
                None => return Err(refused(thread, method, value)),
            },
            Kind::Thread => Self::Thread(handle::thread_id(value).unwrap_or(0)),
            Kind::Proxy => {
                let proxy = value.pointer().cast::<Proxy>();
                // SAFETY: the kind was checked; this thread's listing keeps the target alive.
                let (target, heap, class) =
                    unsafe { ((*proxy).target, (*proxy).heap, (*proxy).header.class) };
                let pin = Arc::new(thread.heap.shared().pin(heap, target));
                Self::Handle { pin, class, lock: proxies::lock_state(value) }
            }
            Kind::Task | Kind::Future => Self::Handle {
                pin: Arc::new(thread.heap.pin(value.pointer())),
                class: class_id::PROXY,
                lock: lock::LOCKED,
            },
            Kind::Function if function::code_of_value(value).is_some_and(|code| code.captures > 0) => {
                return Err(refused(thread, method, value));
            }
            // SAFETY: an object value points to a live object.
            _ if unsafe { (*value.pointer()).is_immortal() } => Self::Word(value.bits()),
            _ => return Err(refused(thread, method, value)),
        })
    }

    /// The value as an object of this thread.
    pub(super) fn load(&self, thread: &mut Thread) -> Outcome {
        let transfer = match self {
            Self::Word(bits) => Transfer::Word(*bits),
            Self::Int(i) => Transfer::Int(*i),
            Self::Float(f) => Transfer::Float(*f),
            Self::Text(text) => return Ok(string::new(&mut thread.heap, text)?),
            Self::Bytes(bytes) => return Ok(string::new_bytes(&mut thread.heap, bytes)?),
            Self::Big(number) => return Ok(bigint::new(&mut thread.heap, number)?),
            Self::Range(bounds) => Transfer::Range(*bounds),
            Self::Thread(id) => Transfer::Thread(*id),
            Self::Handle { pin, class, lock } => Transfer::Object {
                pin: thread.heap.shared().pin(pin.heap(), pin.target()),
                class: *class,
                lock: *lock,
            },
        };
        transfer::import(thread, &transfer)
    }

    /// Whether both are the same value, by the rules of `==`.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Word(a), Self::Word(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Int(i), Self::Float(f)) | (Self::Float(f), Self::Int(i)) => *i as f64 == *f,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Big(a), Self::Big(b)) => a == b,
            (Self::Range(a), Self::Range(b)) => a == b,
            (Self::Thread(a), Self::Thread(b)) => a == b,
            (Self::Handle { pin: a, .. }, Self::Handle { pin: b, .. }) => {
                a.heap() == b.heap() && std::ptr::eq(a.target(), b.target())
            }
            _ => false,
        }
    }
}

#[cold]
fn refused(thread: &mut Thread, method: &str, value: Value) -> corella_vm::error::Control {
    let found = describe::type_name(thread, value);
    thread.error(
        ErrorClass::TypeError,
        format!(
            "{method}: {found} belongs to its thread and can change there: keep immutable values, \
             or a proxy of it, share(x)"
        ),
    )
}
