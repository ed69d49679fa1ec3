//! Instances and classes: construction, declaration, extension.

use super::call::{self, Args, Called, Target};
use super::describe::type_name;
use crate::bytecode::{ClassDef, TypeRef};
use crate::class::{Attribute, AttributeType, Class, Construction, ErrorClass, Member};
use crate::code::{Code, LoadedModule};
use crate::error::Outcome;
use crate::heap::OutOfMemory;
use crate::object::{Header, Instance, Kind, array, class_id, function, string};
use crate::symbol::sym;
use crate::thread::Thread;
use crate::thread::stack::{Link, ReturnKind};
use crate::value::Value;
use smallvec::SmallVec;
use std::sync::atomic::Ordering;

/// A new instance with its attributes' initial values; no constructor runs.
#[inline]
pub fn allocate(thread: &mut Thread, class: &'static Class) -> Result<Value, OutOfMemory> {
    let words = class.template.len();
    let object = thread.heap.alloc(Kind::Instance, class.id, size_of::<Header>() + words * 8)?;
    // SAFETY: just allocated with room for the template, which fills the object to its last granule; the object is fresh, so no
    // barrier is due.
    unsafe {
        for (i, word) in class.template.iter().enumerate() {
            Instance::slot(object.cast(), i).set_word(*word);
        }
    }
    Ok(Value::object(object))
}

/// How instances of a class are made.
#[inline]
fn construction(thread: &mut Thread, class: &'static Class) -> Construction {
    let epoch = thread.vm.method_epoch.load(Ordering::Acquire);
    match thread.constructions.get(class.id as usize) {
        Some(&(found_at, known)) if found_at == epoch => known,
        _ => find_construction(thread, class, epoch),
    }
}

#[cold]
fn find_construction(thread: &mut Thread, class: &'static Class, epoch: u32) -> Construction {
    let found = class.construction();
    let index = class.id as usize;
    if thread.constructions.len() <= index {
        thread.constructions.resize(index + 1, (0, Construction::General));
    }
    thread.constructions[index] = (epoch, found);
    found
}

/// The constructor of a class whose instances are made by [`allocate`] and nothing else, or by that and a call of the constructor with
/// the instance and all of its parameters; `None` if there is more to do.
#[cfg_attr(not(feature = "jit"), allow(dead_code))]
pub fn simple_construction(
    thread: &mut Thread,
    class: &'static Class,
    n: u8,
) -> Option<Option<&'static Code>> {
    match construction(thread, class) {
        Construction::Bare if n == 0 => Some(None),
        Construction::Plain(code, _) if n + 1 == code.params && n + 1 >= code.required => Some(Some(code)),
        _ => None,
    }
}

/// `new class(args...)` with arguments in registers.
pub fn new(thread: &mut Thread, class: Value, first: u16, n: u8, dst: u16) -> Outcome<Called> {
    let Some(known) = function::class_of_value(class) else {
        let found = type_name(thread, class);
        return Err(thread.error(ErrorClass::TypeError, format!("new needs a class, not {found}")));
    };
    match construction(thread, known) {
        Construction::Bare if n == 0 => return Ok(Called::Value(allocate(thread, known)?)),
        Construction::Plain(code, callee) if n + 1 >= code.required && n < code.params => {
            let instance = allocate(thread, known)?;
            let discard = Target { dst: 0, kind: ReturnKind::Discard };
            call::push_with_receiver(thread, code, callee, instance, first, n, discard)?;
            // The instance is the result already, rooted by its register; the constructor's frame returns nothing. The register may be
            // that of an argument, so it is written only now.
            // SAFETY: the caller's frame lies below the one just pushed; the destination is a checked register of it.
            unsafe {
                let caller = thread.base.sub(Link(*thread.base.sub(4)).delta());
                caller.add(dst as usize).write(instance.bits());
            }
            return Ok(Called::Frame);
        }
        _ => {}
    }
    let args = call::window(thread, first, n as usize);
    construct(thread, class, &args, Target::register(dst))
}

/// `new class(...list)`.
pub fn new_spread(thread: &mut Thread, class: Value, list: Value, dst: u16) -> Outcome<Called> {
    if !class.is_kind(Kind::Class) {
        let found = type_name(thread, class);
        return Err(thread.error(ErrorClass::TypeError, format!("new needs a class, not {found}")));
    }
    call::call_spread(thread, class, list, dst)
}

/// Makes an instance and runs its initialisers and constructor.
pub fn construct(thread: &mut Thread, class: Value, args: &[Value], target: Target) -> Outcome<Called> {
    let class = function::class_of_value(class).expect("the caller checked the kind");
    let constructor = class.member(sym::NEW);
    if let Some(Member::Static(make)) = constructor {
        return call::call_value(thread, make, args, target);
    }
    if class.id < class_id::ERROR {
        let hint = if class.id == class_id::PROXY { ": share(x) makes one" } else { "" };
        return Err(
            thread.error(ErrorClass::TypeError, format!("{} cannot be constructed{hint}", class.name))
        );
    }
    if derives_from(class, class_id::PROXY) {
        return Err(thread.error(
            ErrorClass::TypeError,
            format!("{} is a class of proxies: share(x, {}) makes one", class.name, class.name),
        ));
    }
    if constructor.is_none() && !args.is_empty() {
        return Err(thread.error(
            ErrorClass::ArgumentError,
            format!(
                "class {} has no constructor, so it takes no arguments; {} given",
                class.name,
                args.len()
            ),
        ));
    }
    let instance = allocate(thread, class)?;
    if target.kind != ReturnKind::Register {
        return construct_for_slow_path(thread, class, instance, constructor, args);
    }
    // The instance is the result already; the frames that follow return nothing. It is rooted by the register.
    // SAFETY: the destination is a checked register of the running frame.
    unsafe { thread.base.add(target.dst as usize).write(instance.bits()) };
    let discard = Target { dst: 0, kind: ReturnKind::Discard };
    let mut pushed = false;
    if let Some(Member::Method(f)) = constructor {
        let mut all: Args = SmallVec::from_slice(&[instance]);
        all.extend_from_slice(args);
        if let Called::Frame = call::call_value(thread, f, &all, discard)? {
            pushed = true;
        }
    }
    // Initialisers run before the constructor, superclasses' first: the frame pushed last runs first.
    let mut c = Some(class);
    while let Some(k) = c {
        if let Some(init) = k.init.get() {
            if pushed {
                // SAFETY: the frame just pushed is live; it waits at its entry.
                unsafe { thread.base.sub(3).write(thread.pc as u64) };
            }
            let code = function::code_of_value(*init).expect("an initialiser is a script function");
            call::push(thread, code, *init, &[instance], 1, discard)?;
            pushed = true;
        }
        c = k.superclass;
    }
    Ok(if pushed { Called::Frame } else { Called::Value(instance) })
}

/// Construction on behalf of a slow path (a class called by a native): a script function does it.
fn construct_for_slow_path(
    thread: &mut Thread,
    class: &'static Class,
    instance: Value,
    constructor: Option<Member>,
    args: &[Value],
) -> Outcome<Called> {
    let has_init = std::iter::successors(Some(class), |c| c.superclass).any(|c| c.init.get().is_some());
    if constructor.is_none() && !has_init {
        return Ok(Called::Value(instance));
    }
    let list = array::from_slice(&mut thread.heap, args)?;
    match thread.vm.builtin("__construct") {
        Some(f) => call::call_value(
            thread,
            f,
            &[class.value, array::to_value(list)],
            Target { dst: 0, kind: ReturnKind::Complete },
        ),
        None => Err(thread.error(ErrorClass::StateError, "the library function __construct is missing")),
    }
}

/// Whether a class is derived from the one with a fixed id.
pub fn derives_from(class: &'static Class, id: u32) -> bool {
    std::iter::successors(Some(class), |c| c.superclass).any(|c| c.id == id)
}

fn definition(thread: &Thread, number: u16) -> (&'static LoadedModule, &'static ClassDef) {
    // SAFETY: linked code lives as long as the VM; the verifier checked the declaration's index.
    let module: &'static LoadedModule = unsafe { &*(*thread.code).module };
    (module, &module.data.classes[number as usize])
}

/// Makes a class from its declaration.
pub fn new_class(thread: &mut Thread, superclass: Value, number: u16) -> Outcome {
    let (module, def) = definition(thread, number);
    let parent = match superclass {
        Value::NULL => None,
        _ => match function::class_of_value(superclass) {
            Some(parent) if parent.extensible => Some(parent),
            Some(parent) => {
                let message = format!("class {}: {} cannot be derived from", def.name, parent.name);
                return Err(thread.error(ErrorClass::TypeError, message));
            }
            None => {
                let found = type_name(thread, superclass);
                return Err(thread.error(
                    ErrorClass::TypeError,
                    format!("class {}: its superclass is {found}, not a class", def.name),
                ));
            }
        },
    };
    if !thread.vm.has_room_for_class() {
        return Err(thread.error(ErrorClass::LimitError, "there are too many classes"));
    }
    let mut attributes = Vec::with_capacity(def.attributes.len());
    for a in &def.attributes {
        let name = thread.vm.symbols.intern(&a.name);
        if parent.is_some_and(|p| p.slots.contains_key(&name)) {
            let message = format!("class {}: attribute {} is inherited already", def.name, a.name);
            return Err(thread.error(ErrorClass::NameError, message));
        }
        let ty = match &module.data.types[a.ty as usize] {
            TypeRef::Any => AttributeType::Any,
            TypeRef::Int => AttributeType::Int,
            TypeRef::Float => AttributeType::Float,
            TypeRef::Bool => AttributeType::Bool,
            TypeRef::Str => AttributeType::Str,
            TypeRef::Builtin(_) | TypeRef::Global(_) | TypeRef::Member(..) => {
                AttributeType::Declared(u32::from(a.ty))
            }
        };
        attributes.push(Attribute { name, ty, initial: module.consts[a.initial as usize], module });
    }
    let class = thread.vm.add_class(def.name.clone(), parent, attributes, true, def.doc.clone());
    if let Some(init) = def.init {
        let code = module.functions[init as usize];
        set_home(module, code, class);
        let _ = class.init.set(code.value);
    }
    add_members(thread, module, def, class);
    Ok(class.value)
}

fn add_members(
    thread: &mut Thread,
    module: &'static LoadedModule,
    def: &'static ClassDef,
    class: &'static Class,
) {
    for (name, number) in &def.methods {
        let code = module.functions[*number as usize];
        set_home(module, code, class);
        let symbol = thread.vm.symbols.intern(name);
        thread.vm.add_member(class, symbol, Member::Method(code.value));
    }
    for (name, number) in &def.statics {
        let code = module.functions[*number as usize];
        let symbol = thread.vm.symbols.intern(name);
        thread.vm.add_member(class, symbol, Member::Static(code.value));
    }
}

/// Tells a method, and the functions nested in it, which class they were declared in (for `super`).
fn set_home(module: &'static LoadedModule, code: &'static Code, class: &'static Class) {
    let mut open = vec![code];
    while let Some(code) = open.pop() {
        if code.home.swap(std::ptr::from_ref(class).cast_mut(), Ordering::AcqRel)
            == std::ptr::from_ref(class).cast_mut()
        {
            continue;
        }
        for i in &code.code {
            if i.op() == Some(crate::bytecode::Op::Closure) {
                open.push(module.functions[i.d() as usize]);
            }
        }
    }
}

/// `extend class { ... }`.
pub fn extend_class(thread: &mut Thread, class: Value, number: u16) -> Outcome<()> {
    let (module, def) = definition(thread, number);
    match function::class_of_value(class) {
        Some(class) => {
            add_members(thread, module, def, class);
            Ok(())
        }
        None => {
            let found = type_name(thread, class);
            Err(thread.error(ErrorClass::TypeError, format!("extend needs a class, not {found}")))
        }
    }
}

/// A constant member of a class.
pub fn set_static(thread: &mut Thread, class: Value, value: Value, name: u16) -> Outcome<()> {
    // SAFETY: linked code lives as long as the VM; the verifier checked that the constant is a string.
    let name = unsafe { *(*thread.code).consts.add(name as usize) };
    let name = string::as_str(name).unwrap_or("").to_owned();
    let Some(class) = function::class_of_value(class) else {
        let found = type_name(thread, class);
        return Err(
            thread.error(ErrorClass::TypeError, format!("a static constant needs a class, not {found}"))
        );
    };
    let shared = match value.kind() {
        None => value,
        Some(Kind::Str) => thread.vm.immortal_string(string::as_str(value).unwrap_or("")),
        // SAFETY: an object value points to a live object.
        Some(_) if unsafe { (*value.pointer()).is_immortal() } => value,
        Some(_) => {
            let found = type_name(thread, value);
            return Err(thread.error(
                ErrorClass::TypeError,
                format!("static constant {name} of {}: all threads see it, so it must be a number, bool, string, function or class, not {found}: use a module variable", class.name),
            ));
        }
    };
    let symbol = thread.vm.symbols.intern(&name);
    thread.vm.add_member(class, symbol, Member::Constant(shared));
    Ok(())
}
