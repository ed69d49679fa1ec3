//! The VM: what all threads share.
//!
//! Invariant: classes, code and modules are never freed before the VM; their tables only grow. So a `&'static` to one of
//! them is valid as long as any thread of the VM can hold it (threads own an `Arc<Vm>`).

use crate::class::{Class, ErrorClass, error_slot};
use crate::code::{Code, LoadedModule};
use crate::config::VmConfig;
use crate::heap::Immortals;
use crate::names::NameMap;
use crate::native::NativeDef;
use crate::object::class_id;
use crate::object::function::{ClassObject, Native};
use crate::object::{Header, Instance, Kind, string};
use crate::reserved::Reserved;
use crate::symbol::{Symbol, Symbols};
use crate::thread::registry::Registry;
use crate::value::Value;
use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

/// Most classes a VM can have.
pub const MAX_CLASSES: usize = crate::heap::MAX_LAYOUTS;

/// Turns an import path into a module.
pub trait ModuleLoader: Send + Sync {
    /// Finds and compiles the module that `path` names when imported from the module called `from`. The result's first part
    /// is the key under which it is loaded once.
    ///
    /// # Errors
    /// A message that says what was looked for and why it failed.
    fn load(&self, path: &str, from: &str) -> Result<(String, LoadedSource), String>;
}

/// What a loader found.
pub enum LoadedSource {
    /// A module to link and run, unless the key has been loaded before.
    Module(Box<dyn FnOnce() -> Result<crate::bytecode::Module, String>>),
}

/// What all threads of a VM share.
pub struct Vm {
    /// What compiles functions to machine code. It is dropped first, for a compiler may be reading what follows until then.
    pub(crate) jit: crate::jit::Jit,
    /// Interned names.
    pub symbols: Symbols,
    /// Objects outside all heaps.
    pub immortals: Immortals,
    /// Settings, fixed when the VM is made.
    pub config: VmConfig,
    /// Advances whenever a method is added to any class; caches of method look-ups check it.
    pub method_epoch: AtomicU32,
    /// Threads, heaps, and what is under way between them.
    pub registry: Registry,
    /// Where `print` writes.
    pub output: Mutex<Box<dyn Write + Send>>,
    /// Finds imported modules.
    pub loader: Option<Box<dyn ModuleLoader>>,
    classes: Reserved<AtomicPtr<Class>>,
    class_count: AtomicU32,
    /// A method epoch, and in the lowest bit what [`has_plain_equality`](Self::has_plain_equality) found then.
    plain_equality: AtomicU64,
    pub(crate) builtins: RwLock<NameMap<String, Value>>,
    pub(crate) modules: Mutex<crate::loader::ModuleTable>,
    pub(crate) owned: Mutex<Owned>,
    pub(crate) ic_count: AtomicU32,
    next_task: AtomicU64,
    /// Errors that need no memory to be thrown, by class and message; the first is that of [`Vm::last_resort_error`].
    immortal_errors: Mutex<HashMap<(u32, String), Value>>,
}

/// What lives as long as the VM.
#[derive(Default)]
pub(crate) struct Owned {
    pub(crate) classes: Vec<Box<Class>>,
    pub(crate) codes: Vec<Box<Code>>,
    pub(crate) modules: Vec<Box<LoadedModule>>,
    pub(crate) natives: Chunks<NativeDef>,
}

/// Things that stay where they are until all of them are dropped; a chunk is one allocation.
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

/// Things in a chunk.
const CHUNK: usize = 64;

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    fn push(&mut self, thing: T) -> *const T {
        if self.0.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.0.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.0.last_mut().expect("just made");
        // There is room, so the chunk does not move.
        chunk.push(thing);
        &raw const chunk[chunk.len() - 1]
    }
}

impl Vm {
    /// A VM without library: the classes with fixed ids and nothing else.
    pub fn new(
        config: VmConfig,
        loader: Option<Box<dyn ModuleLoader>>,
        output: Box<dyn Write + Send>,
    ) -> Self {
        // SAFETY: all-zero bytes are a null pointer.
        let classes = unsafe { Reserved::zeroed(MAX_CLASSES) };
        let vm = Self {
            symbols: Symbols::new(),
            immortals: Immortals::default(),
            registry: Registry::new(&config),
            config,
            method_epoch: AtomicU32::new(1),
            output: Mutex::new(output),
            loader,
            jit: crate::jit::Jit::default(),
            classes,
            class_count: AtomicU32::new(0),
            plain_equality: AtomicU64::new(0),
            builtins: RwLock::default(),
            modules: Mutex::default(),
            owned: Mutex::default(),
            ic_count: AtomicU32::new(0),
            next_task: AtomicU64::new(1),
            immortal_errors: Mutex::default(),
        };
        vm.make_fixed_classes();
        // While there is certainly room for its class.
        vm.last_resort_error();
        vm
    }

    fn make_fixed_classes(&self) {
        use crate::class::{Attribute, AttributeType};
        use crate::symbol::sym;
        for (id, name) in class_id::NAMES.iter().enumerate().take(class_id::ERROR as usize) {
            let extensible = id as u32 == class_id::PROXY || id as u32 == class_id::THREAD;
            let class = self.add_class(name.to_string(), None, Vec::new(), extensible, String::new());
            debug_assert_eq!(class.id as usize, id);
            self.builtins.write().expect("not poisoned").insert(name.to_string(), class.value);
        }
        for (class, name, parent) in ErrorClass::ALL {
            let (parent, attributes) = if *class == ErrorClass::Error {
                let attribute = |name| Attribute {
                    name,
                    ty: AttributeType::Any,
                    initial: Value::NULL,
                    module: std::ptr::null(),
                };
                (None, vec![attribute(sym::MESSAGE), attribute(sym::CAUSE), attribute(sym::TRACE)])
            } else {
                (Some(self.class(parent.class_id())), Vec::new())
            };
            let made = self.add_class(name.to_string(), parent, attributes, true, String::new());
            debug_assert_eq!(made.id, class.class_id());
            self.builtins.write().expect("not poisoned").insert(name.to_string(), made.value);
        }
    }

    /// Adds a class; `attributes` are its own ones.
    ///
    /// # Panics
    /// When there are more than [`MAX_CLASSES`]; callers that serve scripts check [`Vm::has_room_for_class`] first.
    pub fn add_class(
        &self,
        name: String,
        superclass: Option<&'static Class>,
        attributes: Vec<crate::class::Attribute>,
        extensible: bool,
        doc: String,
    ) -> &'static Class {
        let mut owned = self.owned.lock().expect("not poisoned");
        let id = self.class_count.load(Ordering::Relaxed);
        assert!((id as usize) < MAX_CLASSES, "too many classes");
        let object = self.immortals.alloc(Kind::Class, class_id::CLASS, size_of::<ClassObject>());
        let mut all: Vec<crate::class::Attribute> = Vec::new();
        if let Some(parent) = superclass {
            all.extend(parent.attributes.iter().map(|a| crate::class::Attribute {
                name: a.name,
                ty: a.ty,
                initial: a.initial,
                module: a.module,
            }));
        }
        all.extend(attributes);
        let slots = all.iter().enumerate().map(|(slot, a)| (a.name, slot as u32)).collect();
        // Header and slots are whole granules of two words; at least one slot.
        let words = (1 + all.len().max(1)).next_multiple_of(2) - 1;
        let mut template: Vec<u64> = all.iter().map(|a| a.initial.bits()).collect();
        template.resize(words, Value::NULL.bits());
        let mut unboxed = 0;
        for (slot, attribute) in all.iter().enumerate().take(u64::BITS as usize) {
            if attribute.ty == crate::class::AttributeType::Float
                && let Some(float) = attribute.initial.as_float()
            {
                unboxed |= 1 << slot;
                template[slot] = float.to_bits();
            }
        }
        if unboxed != 0 {
            self.registry.heaps.layouts.tell(id, unboxed);
        }
        let class = Box::new(Class {
            id,
            name,
            superclass,
            depth: superclass.map_or(0, |c| c.depth + 1),
            value: Value::object(object),
            attributes: all,
            slots,
            template,
            unboxed,
            members: RwLock::default(),
            init: std::sync::OnceLock::new(),
            extensible,
            plain_equality: AtomicU32::new(0),
            proxy_class: AtomicPtr::new(std::ptr::null_mut()),
            doc,
        });
        let pointer: *const Class = &*class;
        // SAFETY: the object was just allocated with room for a ClassObject; the class lives as long as the VM.
        unsafe { (&raw mut (*object.cast::<ClassObject>()).class).write(pointer) };
        self.classes.as_slice()[id as usize].store(pointer.cast_mut(), Ordering::Release);
        self.class_count.store(id + 1, Ordering::Release);
        // A name may mean another class from now on.
        self.method_epoch.fetch_add(1, Ordering::Release);
        owned.classes.push(class);
        // SAFETY: boxed and never removed before the VM is dropped.
        unsafe { &*pointer }
    }

    /// All classes that there are by now.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn classes(&self) -> impl Iterator<Item = &'static Class> + '_ {
        (0..self.class_count.load(Ordering::Acquire)).map(|id| self.class(id))
    }

    /// Whether no class whose objects are instances has a hook `equals`, at this method epoch.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn has_plain_equality(&self, epoch: u32) -> bool {
        let known = self.plain_equality.load(Ordering::Relaxed);
        if known >> 1 == u64::from(epoch) {
            return known & 1 != 0;
        }
        let mut instances = self.classes().filter(|class| class.id >= class_id::ERROR);
        let hooked = instances.any(|class| {
            class.members.read().expect("not poisoned").contains_key(&crate::symbol::sym::EQUALS)
        });
        // A class made or extended meanwhile has begun another epoch.
        self.plain_equality.store(u64::from(epoch) << 1 | u64::from(!hooked), Ordering::Relaxed);
        !hooked
    }

    /// Whether another class can be added.
    pub fn has_room_for_class(&self) -> bool {
        (self.class_count.load(Ordering::Relaxed) as usize) < MAX_CLASSES
    }

    /// The class with this id.
    #[inline]
    pub fn class(&self, id: u32) -> &'static Class {
        let pointer = self.classes.as_slice()[id as usize].load(Ordering::Acquire);
        assert!(!pointer.is_null(), "class ids in headers are ids of classes that exist");
        // SAFETY: classes live as long as the VM.
        unsafe { &*pointer }
    }

    /// The class of any value.
    pub fn class_of(&self, value: Value) -> &'static Class {
        self.class(class_id_of(value))
    }

    /// A string constant that all threads share.
    pub fn immortal_string(&self, text: &str) -> Value {
        string::immortal(&self.immortals, text)
    }

    /// Makes a native function value.
    pub fn native(&self, def: NativeDef) -> Value {
        let pointer = self.owned.lock().expect("not poisoned").natives.push(def);
        let object = self.immortals.alloc(Kind::NativeFunction, class_id::FUNCTION, size_of::<Native>());
        // SAFETY: the object was just allocated with room for a Native.
        unsafe { (&raw mut (*object.cast::<Native>()).def).write(pointer) };
        Value::object(object)
    }

    /// Adds a member to a class.
    pub fn add_member(&self, class: &Class, name: Symbol, member: crate::class::Member) {
        class.members.write().expect("not poisoned").insert(name, member);
        self.method_epoch.fetch_add(1, Ordering::Release);
    }

    /// Defines a built-in name; the value must be immortal or not an object.
    pub fn define_builtin(&self, name: &str, value: Value) {
        self.builtins.write().expect("not poisoned").insert(name.to_owned(), value);
    }

    /// The value of a built-in name.
    pub fn builtin(&self, name: &str) -> Option<Value> {
        self.builtins.read().expect("not poisoned").get(name).copied()
    }

    /// All built-in names.
    pub fn builtin_names(&self) -> Vec<String> {
        self.builtins.read().expect("not poisoned").keys().cloned().collect()
    }

    /// The error thrown when there is no memory to make one: immortal, and without a trace.
    pub fn last_resort_error(&self) -> Value {
        self.immortal_error(ErrorClass::MemoryError, "the memory limit is reached")
    }

    /// An error that takes nothing from any heap: immortal, without a trace, the same for everybody, and so not to be changed. Its
    /// class is one of its own, derived from `class`: inline caches made for ordinary errors never let a write through to it.
    pub fn immortal_error(&self, class: ErrorClass, message: &str) -> Value {
        let key = (class.class_id(), message.to_owned());
        let mut made = self.immortal_errors.lock().expect("not poisoned");
        if let Some(&error) = made.get(&key) {
            return error;
        }
        if !self.has_room_for_class() {
            drop(made);
            return self.last_resort_error();
        }
        let parent = self.class(class.class_id());
        let class = self.add_class(parent.name.clone(), Some(parent), Vec::new(), false, String::new());
        let bytes = (size_of::<Header>() + class.attributes.len() * 8).next_multiple_of(16);
        let object = self.immortals.alloc(Kind::Instance, class.id, bytes);
        for index in 0..bytes / 8 - 1 {
            // SAFETY: just allocated with room for these slots.
            unsafe { Instance::slot(object.cast(), index).set_unbarriered(Value::NULL) };
        }
        let message = self.immortal_string(message);
        // SAFETY: an instance of an error class has the slots of `error_slot`.
        unsafe { Instance::slot(object.cast(), error_slot::MESSAGE).set_unbarriered(message) };
        let error = Value::object(object);
        made.insert(key, error);
        error
    }

    /// A number that no task had before.
    pub fn new_task_id(&self) -> u64 {
        self.next_task.fetch_add(1, Ordering::Relaxed)
    }
}

/// The class id of any value.
#[inline]
pub fn class_id_of(value: Value) -> u32 {
    if value.is_object() {
        // SAFETY: a pointer value refers to a live object with an initialised header.
        unsafe { (*value.pointer()).class }
    } else if value.is_small_int() {
        class_id::INT
    } else if value.is_null() || value.is_empty_marker() {
        class_id::NULL
    } else if value.as_bool().is_some() {
        class_id::BOOL
    } else {
        class_id::FLOAT
    }
}
