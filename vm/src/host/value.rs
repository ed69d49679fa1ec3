//! Values between a VM and its host: data is copied, everything else is a handle that keeps its object alive.

use super::run::Thrown;
use crate::class::ErrorClass;
use crate::error::{Control, Outcome};
use crate::heap::Pin;
use crate::object::proxy::{Proxy, lock};
use crate::object::typed::{self, Element};
use crate::object::{Header, Kind, array, class_id, function, map, string};
use crate::thread::Thread;
use crate::value::Value;
use crate::vm::Vm;
use std::fmt;
use std::sync::{Arc, Weak};

/// Containers nested deeper than this arrive as handles.
const DEPTH: usize = 64;
/// Containers inside others are copied up to this many elements in all; what lies beyond arrives as handles. (Parts that are
/// referred to often are copied as often.)
const ELEMENTS: usize = 1 << 22;
/// Values nested deeper than this are refused on their way into the VM.
const DEPTH_IN: usize = 512;

/// A value as a host has it: owned, of no VM, safe to keep and to send to other threads.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum HostValue {
    /// `null`
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A copy of an Array.
    Array(Vec<HostValue>),
    /// A copy of a Map, in its order.
    Map(Vec<(HostValue, HostValue)>),
    /// A copy of an IntArray.
    IntArray(Vec<i64>),
    /// A copy of a FloatArray.
    FloatArray(Vec<f64>),
    /// Anything else: an instance, a function, a class, a proxy, a big integer, ...
    Object(HostObject),
}

/// A handle of an object of a VM; keeps it alive.
#[derive(Clone)]
pub struct HostObject {
    vm: Weak<Vm>,
    class: Arc<str>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    /// An object outside all heaps: a function, a class. Valid as long as the VM.
    Immortal(u64),
    /// An object of a heap; another thread gets a proxy of this class in this lock state.
    Pinned { pin: Arc<Pin>, class: u32, lock: u32 },
}

impl HostObject {
    /// The name of its class.
    pub fn class_name(&self) -> &str {
        &self.class
    }
}

impl fmt::Debug for HostObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.class)
    }
}

impl PartialEq for HostObject {
    fn eq(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.vm, &other.vm)
            && match (&self.place, &other.place) {
                (Place::Immortal(a), Place::Immortal(b)) => a == b,
                (Place::Pinned { pin: a, .. }, Place::Pinned { pin: b, .. }) => a.target() == b.target(),
                _ => false,
            }
    }
}

/// Why a host did not get what it asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum HostError {
    /// The script threw.
    Thrown(Thrown),
    /// The script called `exit(status)`.
    Exit(i32),
    /// A unit has no such variable or function.
    NoSuchName {
        /// What was looked for.
        name: String,
        /// Where.
        unit: String,
    },
    /// A module that cannot be loaded, a handle of another VM, and the like; a message that says so.
    Refused(String),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::Thrown(thrown) if thrown.message.is_empty() => f.write_str(&thrown.class),
            HostError::Thrown(thrown) => write!(f, "{}: {}", thrown.class, thrown.message),
            HostError::Exit(status) => write!(f, "the script called exit({status})"),
            HostError::NoSuchName { name, unit } => {
                write!(f, "{unit} has no variable or function named {name}")
            }
            HostError::Refused(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for HostError {}

/// A value of this thread as the host gets it. Never fails: what is too deep, too large or cyclic is a handle.
pub(super) fn to_host(thread: &mut Thread, value: Value) -> HostValue {
    Reader { path: Vec::new(), left: ELEMENTS }.read(thread, value)
}

struct Reader {
    /// Containers that are being copied.
    path: Vec<*mut Header>,
    left: usize,
}

impl Reader {
    fn read(&mut self, thread: &mut Thread, value: Value) -> HostValue {
        if let Some(b) = value.as_bool() {
            return HostValue::Bool(b);
        }
        if let Some(i) = value.as_int() {
            return HostValue::Int(i);
        }
        if let Some(f) = value.as_float() {
            return HostValue::Float(f);
        }
        let Some(kind) = value.kind() else { return HostValue::Null };
        match kind {
            Kind::Str => HostValue::Str(string::as_str(value).unwrap_or_default().to_owned()),
            Kind::Bytes => HostValue::Bytes(string::bytes_of(value).to_vec()),
            Kind::Array | Kind::Map | Kind::IntArray | Kind::FloatArray if self.enter(value, kind) => {
                let read = self.container(thread, value, kind);
                self.path.pop();
                read
            }
            _ => handle(thread, value),
        }
    }

    /// Whether a container is to be copied.
    fn enter(&mut self, value: Value, kind: Kind) -> bool {
        let len = match kind {
            Kind::Array => array::from_value(value).map(|a| array::len(a)),
            Kind::Map => map::from_value(value).map(|m| map::len(m)),
            _ => typed::from_value(value).map(|(a, _)| typed::len(a)),
        };
        // The outermost container is copied whatever its length.
        let len = len.filter(|_| !self.path.is_empty()).unwrap_or(0);
        let Some(left) = self.left.checked_sub(len) else { return false };
        if self.path.len() >= DEPTH || self.path.contains(&value.pointer()) {
            return false;
        }
        self.left = left;
        self.path.push(value.pointer());
        true
    }

    fn container(&mut self, thread: &mut Thread, value: Value, kind: Kind) -> HostValue {
        match kind {
            Kind::Array => {
                let items: Vec<Value> = array::from_value(value)
                    .map(|a| array::elements(a).iter().map(|slot| slot.get()).collect())
                    .unwrap_or_default();
                HostValue::Array(items.into_iter().map(|item| self.read(thread, item)).collect())
            }
            Kind::Map => {
                let mut entries = Vec::new();
                if let Some(map) = map::from_value(value) {
                    let mut position = map::Position { table: map::table(map), number: 0 };
                    while let Some((key, value)) = position.next_entry() {
                        entries.push((self.read(thread, key), self.read(thread, value)));
                    }
                }
                HostValue::Map(entries)
            }
            _ => {
                let Some((array, element)) = typed::from_value(value) else { return HostValue::Null };
                let words = typed::words(array).iter().map(|w| w.load(std::sync::atomic::Ordering::Relaxed));
                match element {
                    Element::Int => HostValue::IntArray(words.map(|w| w as i64).collect()),
                    Element::Float => HostValue::FloatArray(words.map(f64::from_bits).collect()),
                }
            }
        }
    }
}

fn handle(thread: &mut Thread, value: Value) -> HostValue {
    let class = crate::interp::describe::type_name(thread, value).into();
    // SAFETY: the caller has a live object.
    let place = if unsafe { (*value.pointer()).is_immortal() } {
        Place::Immortal(value.bits())
    } else if value.is_kind(Kind::Proxy) {
        let proxy = value.pointer().cast::<Proxy>();
        // SAFETY: the kind was checked; this thread's listing keeps the target alive.
        let (target, heap, class) = unsafe { ((*proxy).target, (*proxy).heap, (*proxy).header.class) };
        let pin = Arc::new(thread.heap.shared().pin(heap, target));
        Place::Pinned { pin, class, lock: crate::interp::proxies::lock_state(value) }
    } else {
        let class = thread.vm.class_of(value).mapped_proxy_class().map_or(class_id::PROXY, |c| c.id);
        Place::Pinned { pin: Arc::new(thread.heap.pin(value.pointer())), class, lock: lock::LOCKED }
    };
    HostValue::Object(HostObject { vm: Arc::downgrade(&thread.vm), class, place })
}

/// The object behind a handle: itself on its owner's thread, elsewhere a proxy.
pub(super) fn object_value(thread: &mut Thread, object: &HostObject) -> Outcome {
    if !std::ptr::eq(object.vm.as_ptr(), Arc::as_ptr(&thread.vm)) {
        return Err(thread.error(
            ErrorClass::StateError,
            format!("this {} belongs to another VM of the host", object.class),
        ));
    }
    Ok(match &object.place {
        // SAFETY: made from a value of an immortal object of this VM.
        Place::Immortal(bits) => unsafe { Value::from_bits(*bits) },
        Place::Pinned { pin, .. } if pin.heap() == thread.heap.number() => {
            thread.heap.import_own(pin.target());
            Value::object(pin.target())
        }
        Place::Pinned { pin, class, lock } => crate::interp::proxies::make(
            thread,
            *class,
            pin.heap(),
            pin.target(),
            std::ptr::null_mut(),
            *lock,
        )?,
    })
}

/// A value of the host as this thread gets it.
pub(super) fn from_host(thread: &mut Thread, value: &HostValue) -> Outcome {
    write(thread, value, 0)
}

fn write(thread: &mut Thread, value: &HostValue, depth: usize) -> Outcome {
    if depth > DEPTH_IN {
        return Err(thread.error(
            ErrorClass::ValueError,
            format!("a value of the host is nested more than {DEPTH_IN} levels deep"),
        ));
    }
    Ok(match value {
        HostValue::Null => Value::NULL,
        HostValue::Bool(b) => Value::bool(*b),
        HostValue::Int(i) => thread.heap.int(*i)?,
        HostValue::Float(f) => thread.heap.float(*f)?,
        HostValue::Str(text) => string::new(&mut thread.heap, text)?,
        HostValue::Bytes(bytes) => string::new_bytes(&mut thread.heap, bytes)?,
        HostValue::Array(items) => {
            thread.charge(items.len() as u64);
            let items =
                items.iter().map(|item| write(thread, item, depth + 1)).collect::<Outcome<Vec<_>>>()?;
            super::run::array_value(thread, &items)?
        }
        HostValue::Map(entries) => {
            thread.charge(entries.len() as u64);
            let made = map::new(&mut thread.heap, entries.len())?;
            for (key, value) in entries {
                let key = write(thread, key, depth + 1)?;
                if crate::interp::index::needs_key_hooks(thread, key) {
                    return Err(thread.error(
                        ErrorClass::TypeError,
                        "a host cannot use an object with a hash hook as a key: let the script make this map",
                    ));
                }
                let value = write(thread, value, depth + 1)?;
                map::insert(&mut thread.heap, made, key, value)?;
            }
            map::to_value(made)
        }
        HostValue::IntArray(items) => {
            let words = items.iter().map(|i| *i as u64);
            typed::to_value(typed::from_words(&mut thread.heap, Element::Int, words)?)
        }
        HostValue::FloatArray(items) => {
            let words = items.iter().map(|f| f.to_bits());
            typed::to_value(typed::from_words(&mut thread.heap, Element::Float, words)?)
        }
        HostValue::Object(object) => object_value(thread, object)?,
    })
}

/// An error of a host's function as a script error.
pub(super) fn error_from_host(thread: &mut Thread, error: HostError) -> Control {
    match error {
        HostError::Thrown(thrown) => {
            // The very error, if the host passes on what it was given.
            if matches!(*thrown.value, HostValue::Object(_)) {
                return match from_host(thread, &thrown.value) {
                    Ok(value) => Control::Throw(value),
                    Err(control) => control,
                };
            }
            let class = ErrorClass::by_name(&thrown.class).unwrap_or(ErrorClass::Error);
            thread.error(class, thrown.message)
        }
        HostError::Exit(status) => {
            thread.vm.registry.set_exit(status);
            thread.error(ErrorClass::TaskExit, "the program ends")
        }
        other => thread.error(ErrorClass::Error, other.to_string()),
    }
}

/// Names that can follow a dot after this value.
pub(super) fn member_names(thread: &Thread, value: Value) -> Vec<String> {
    let symbols = &thread.vm.symbols;
    let mut names = Vec::new();
    if value.is_kind(Kind::Module) {
        // SAFETY: the kind was checked; modules live as long as the VM.
        let (module, namespace) = unsafe {
            let object = value.pointer().cast::<function::ModuleObject>();
            (&*(*object).module, (*object).namespace)
        };
        if let Some(namespace) = module.data.namespaces.get(namespace as usize) {
            names.extend(namespace.members.iter().map(|(name, _)| name.clone()));
        }
        return names;
    }
    let statics = function::class_of_value(value);
    let start = match (statics, value.kind()) {
        (Some(class), _) => class,
        (None, Some(Kind::Proxy)) => crate::interp::proxies::target_class(thread, value),
        _ => thread.vm.class_of(value),
    };
    let mut class = Some(start);
    while let Some(c) = class {
        for (name, member) in c.members.read().expect("not poisoned").iter() {
            use crate::class::Member::{Constant, Getter, Method, Static};
            let shown = match member {
                Static(_) | Constant(_) => statics.is_some(),
                Method(_) | Getter(_) => statics.is_none(),
            };
            if shown {
                names.push(symbols.name(*name).to_string());
            }
        }
        class = c.superclass;
    }
    if statics.is_none() {
        names.extend(start.attributes.iter().map(|a| symbols.name(a.name).to_string()));
    }
    names.retain(|name| name != "new" && !name.starts_with("__"));
    names.sort();
    names.dedup();
    names
}
