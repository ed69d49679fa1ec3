//! Attributes by name: slots, methods, getters, members of modules and classes.

use super::describe::type_name;
use super::ic::Ic;
use super::{proxies, slots, types};
use crate::bytecode::Export;
use crate::class::{AttributeType, Class, ErrorClass, Member};
use crate::error::{Control, Outcome};
use crate::object::function::{self, ModuleObject};
use crate::object::{Kind, string, typed};
use crate::symbol::Symbol;
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::Ordering;

/// [`Ic::kind`] of `attr.get`: `data` is a slot that holds a value.
pub const SLOT: u32 = 1;
/// [`Ic::kind`] of `attr.get`: `data` is a slot that holds an unboxed float.
pub const FLOAT_SLOT: u32 = 15;
/// [`Ic::kind`] of `attr.get`: a proxy of which no script has a say, whose target's class has the attribute in slot `data`. Compiled code
/// looks at it; the interpreter takes the general way.
pub const PROXY_SLOT: u32 = 12;
/// [`Ic::kind`] of any site: it has been executed, but what it saw cannot be remembered.
pub const UNREMEMBERED: u32 = 13;
/// [`Ic::kind`] of `call.method`: `target` is a plain script function, valid at method epoch `data`.
pub const METHOD_SCRIPT: u32 = 2;
const SET_ANY: u32 = 3;
const SET_INT: u32 = 4;
/// [`Ic::kind`] of `attr.set`: `data` is a slot that holds an unboxed float.
pub const SET_FLOAT: u32 = 5;
const SET_BOOL: u32 = 6;
const SET_STR: u32 = 7;
/// [`Ic::target`] is the method epoch (upper half) and a class id: instances of that class fit the declared type.
const SET_CLASS: u32 = 8;
/// [`Ic::kind`] of `call.method`: `target` is a native function, valid at method epoch `data`.
pub const METHOD_NATIVE: u32 = 9;
/// [`Ic::kind`] of `call.method`: the receiver is the class with the id that the cache has, `target` its static native function, found at
/// method epoch `data`.
pub const STATIC_NATIVE: u32 = 14;
/// `target` is a module's value, `data` the number of its function.
const MODULE_FUNCTION: u32 = 10;
/// `target` is a module's value, `data` its variable.
const MODULE_VARIABLE: u32 = 11;

/// What a value must be so that compiled code may store it at an `attr.set` site whose cache has this kind.
pub enum Fitting {
    /// Anything.
    Any,
    /// A small integer.
    Int,
    /// A float.
    Float,
    /// A truth value.
    Bool,
    /// A string.
    Str,
    /// Null, or an instance of the class in the lower half of the cache's target, at the method epoch in its upper half.
    Class,
}

/// Whether a cache of this kind is about a slot: of `attr.get`, or of `attr.set`.
#[cfg_attr(not(feature = "jit"), allow(dead_code))]
pub fn is_slot(kind: u32) -> bool {
    is_slot_read(kind) || matches!(kind, SET_ANY..=SET_CLASS)
}

/// Whether a cache of this kind is about a slot of `attr.get`.
#[cfg_attr(not(feature = "jit"), allow(dead_code))]
pub fn is_slot_read(kind: u32) -> bool {
    matches!(kind, SLOT | FLOAT_SLOT)
}

/// Whether a cache of this kind is about a module's member.
#[cfg_attr(not(feature = "jit"), allow(dead_code))]
pub fn is_module_member(kind: u32) -> bool {
    matches!(kind, MODULE_FUNCTION | MODULE_VARIABLE)
}

/// See [`Fitting`]; none for a cache that is not about `attr.set`.
pub fn fitting_tag(kind: u32) -> Option<Fitting> {
    match kind {
        SET_ANY => Some(Fitting::Any),
        SET_INT => Some(Fitting::Int),
        SET_FLOAT => Some(Fitting::Float),
        SET_BOOL => Some(Fitting::Bool),
        SET_STR => Some(Fitting::Str),
        SET_CLASS => Some(Fitting::Class),
        _ => None,
    }
}

/// Whether a value may be stored right away at an `attr.set` site whose cache has this kind. The common kinds are compared with one after the
/// other: a jump by table would be mispredicted. See `fits_class` and `fits_other` for the others.
#[inline(always)]
pub fn fits(ic: &Ic, value: Value) -> bool {
    ic.kind == SET_ANY || ic.kind == SET_INT && value.is_small_int()
}

/// As [`fits`], for the rarer kinds, out of the loop's way.
#[inline(never)]
pub fn fits_other(ic: &Ic, value: Value) -> bool {
    match ic.kind {
        SET_BOOL => value.as_bool().is_some(),
        SET_STR => value.is_kind(Kind::Str),
        // The epoch in the upper half is checked where the site is looked at again: see `fits_class`.
        _ => false,
    }
}

/// As [`fits`], for a declared type that is a class: null, or an instance of the class that fitted last.
#[inline(always)]
pub fn fits_class(ic: &Ic, value: Value, epoch: u32) -> bool {
    ic.kind == SET_CLASS && ic.target >> 32 == u64::from(epoch) && {
        // SAFETY: an object value points to a live object.
        value.is_null() || value.is_object() && unsafe { (*value.pointer()).class } == ic.target as u32
    }
}

/// How a site can remember a member of a module: a kind of [`Ic`], and its data.
pub fn module_site(thread: &Thread, object: Value, name: Symbol) -> Option<(u32, u32)> {
    // SAFETY: the caller checked the kind; modules live as long as the VM.
    let (module, namespace) = unsafe {
        let object = &*object.pointer().cast::<ModuleObject>();
        (&*object.module, object.namespace)
    };
    let text = thread.vm.symbols.name(name);
    let members = &module.data.namespaces[namespace as usize].members;
    match members.iter().find(|(n, _)| **n == *text)?.1 {
        Export::Global(slot) => Some((MODULE_VARIABLE, slot)),
        Export::Function(f) => Some((MODULE_FUNCTION, f)),
        Export::Namespace(_) => None,
    }
}

/// The member of a module that a site remembers, if it is about this object.
#[inline]
pub fn cached_module_member(thread: &mut Thread, object: Value, ic: Ic) -> Option<Outcome> {
    if !matches!(ic.kind, MODULE_FUNCTION | MODULE_VARIABLE) || ic.target != object.bits() {
        return None;
    }
    // SAFETY: a site's target with these kinds is the value of a module, which lives as long as the VM.
    let module = unsafe { &*(*object.pointer().cast::<ModuleObject>()).module };
    Some(match ic.kind {
        MODULE_FUNCTION => Ok(module.functions[ic.data as usize].value),
        _ => super::globals::variable(thread, module.env, ic.data),
    })
}

fn site_name(thread: &Thread, site: u16) -> Symbol {
    types::running_code(thread).sites[site as usize]
}

/// The cache of a site of the running code.
pub fn cache(thread: &mut Thread, site: u16) -> &mut Ic {
    let index = types::running_code(thread).ic_base as usize + site as usize;
    // SAFETY: the table has room for all sites of the VM; the verifier checked the site.
    unsafe { &mut *thread.ics.add(index) }
}

/// `object.name` at a site.
#[cold]
#[inline(never)]
pub fn get_attr(thread: &mut Thread, object: Value, site: u16) -> Outcome {
    let known = *cache(thread, site);
    if let Some(member) = cached_module_member(thread, object, known) {
        return member;
    }
    cache(thread, site).executed();
    let name = site_name(thread, site);
    if object.is_kind(Kind::Module)
        && let Some((kind, data)) = module_site(thread, object, name)
    {
        let ic = cache(thread, site);
        let misses = ic.misses.saturating_add(1);
        *ic = Ic { class: crate::object::class_id::MODULE, data, kind, misses, target: object.bits() };
    }
    if object.is_kind(Kind::Instance) {
        let class = thread.vm.class_of(object);
        if let Some(&slot) = class.slots.get(&name) {
            let ic = cache(thread, site);
            *ic = Ic {
                class: class.id,
                data: slot,
                kind: if class.is_unboxed(slot) { FLOAT_SLOT } else { SLOT },
                misses: ic.misses.saturating_add(1),
                target: 0,
            };
            // SAFETY: the slot belongs to the instance's class.
            return Ok(unsafe { slots::read(&mut thread.heap, class, object.pointer(), slot)? });
        }
    }
    if let Some((class, slot)) = proxies::plain_slot(thread, object, name) {
        let ic = cache(thread, site);
        let misses = ic.misses.saturating_add(1);
        *ic = Ic { class, data: slot, kind: PROXY_SLOT, misses, target: 0 };
    }
    get(thread, object, name)
}

/// `object.length` at a site, of what is no own array.
pub fn get_length(thread: &mut Thread, object: Value, site: u16) -> Outcome {
    if object.is_kind(Kind::Str) {
        return Ok(Value::int_unchecked(string::chars(object) as i64));
    }
    match typed::from_value(object) {
        Some((array, _)) => Ok(Value::int_unchecked(typed::len(array) as i64)),
        None => get_attr(thread, object, site),
    }
}

/// `object.name` for any name.
pub fn get(thread: &mut Thread, object: Value, name: Symbol) -> Outcome {
    match object.kind() {
        Some(Kind::Instance) => {
            let class = thread.vm.class_of(object);
            if let Some(&slot) = class.slots.get(&name) {
                // SAFETY: the slot belongs to the instance's class.
                return Ok(unsafe { slots::read(&mut thread.heap, class, object.pointer(), slot)? });
            }
        }
        Some(Kind::Proxy) => return proxies::get_attr(thread, object, name),
        Some(Kind::Class) => return class_member(thread, object, name),
        Some(Kind::Module) => return module_member(thread, object, name),
        _ => {}
    }
    let class = thread.vm.class_of(object);
    get_member(thread, object, class, name)
}

/// The method, getter or constant `name` of a class, for `receiver`.
pub fn get_member(thread: &mut Thread, receiver: Value, class: &'static Class, name: Symbol) -> Outcome {
    match class.member(name) {
        Some(Member::Method(f)) => Ok(function::new_bound_method(&mut thread.heap, receiver, f)?),
        Some(Member::Getter(f)) => Err(Control::call(f, &[receiver])),
        Some(Member::Static(v) | Member::Constant(v)) => Ok(v),
        None => Err(no_attribute(thread, receiver, class, name)),
    }
}

#[cold]
fn no_attribute(thread: &mut Thread, receiver: Value, class: &Class, name: Symbol) -> Control {
    let text = thread.vm.symbols.name(name);
    if receiver.is_null() {
        return thread.error(
            ErrorClass::TypeError,
            format!("null has no attribute {text}: test for null first, or use ?."),
        );
    }
    let mut names: Vec<std::sync::Arc<str>> =
        class.attributes.iter().map(|a| thread.vm.symbols.name(a.name)).collect();
    let mut c = Some(class);
    while let Some(class) = c {
        names.extend(class.members.read().expect("not poisoned").keys().map(|k| thread.vm.symbols.name(*k)));
        c = class.superclass;
    }
    names.retain(|n| !n.starts_with('$') && !n.starts_with("__") && &**n != "new");
    let hint = match nearest(&text, names.iter().map(|n| &**n)) {
        Some(near) => format!(": did you mean {near}?"),
        None if receiver.is_kind(Kind::Map) => format!(": use m[\"{text}\"] for the entries of a map"),
        None => String::new(),
    };
    let found = type_name(thread, receiver);
    thread.error(ErrorClass::AttributeError, format!("{found} has no attribute {text}{hint}"))
}

/// The candidate most like `name`, if one is alike enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    candidates.map(|c| (distance(name, c), c)).filter(|(d, _)| *d <= allowed).min().map(|(_, c)| c)
}

/// Edit distance (insertions, deletions, replacements).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + (x != *y) as usize;
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn class_member(thread: &mut Thread, object: Value, name: Symbol) -> Outcome {
    let class = function::class_of_value(object).expect("the kind was checked");
    match class.member(name) {
        Some(Member::Static(v) | Member::Constant(v)) => return Ok(v),
        Some(Member::Method(v)) if name != crate::symbol::sym::NEW => return Ok(v),
        _ => {}
    }
    if name == crate::symbol::sym::NAME {
        let text = class.name.clone();
        return Ok(string::new(&mut thread.heap, &text)?);
    }
    // What every class value can do (`Class` itself).
    let meta = thread.vm.class(crate::object::class_id::CLASS);
    if let Some(Member::Method(f)) = meta.member(name) {
        return Ok(function::new_bound_method(&mut thread.heap, object, f)?);
    }
    let text = thread.vm.symbols.name(name);
    let message = format!("class {} has no static member {text}", class.name);
    Err(thread.error(ErrorClass::AttributeError, message))
}

fn module_member(thread: &mut Thread, object: Value, name: Symbol) -> Outcome {
    // SAFETY: the kind was checked; modules live as long as the VM.
    let (module, namespace) = unsafe {
        let object = &*object.pointer().cast::<ModuleObject>();
        (&*object.module, object.namespace)
    };
    let text = thread.vm.symbols.name(name);
    let members = &module.data.namespaces[namespace as usize].members;
    match members.iter().find(|(n, _)| **n == *text) {
        Some((_, Export::Global(slot))) => super::globals::variable(thread, module.env, *slot),
        Some((_, Export::Function(f))) => Ok(module.functions[*f as usize].value),
        Some((_, Export::Namespace(n))) => Ok(module.namespaces[*n as usize]),
        None => {
            let hint = match nearest(&text, members.iter().map(|(n, _)| n.as_str())) {
                Some(near) => format!(": did you mean {near}?"),
                None if module.data.globals.iter().any(|g| **g == *text) => {
                    ": put `export` before its declaration".into()
                }
                None => String::new(),
            };
            Err(thread
                .error(ErrorClass::AttributeError, format!("module {} exports no {text}{hint}", module.name)))
        }
    }
}

/// `object.name = value` at a site.
#[cold]
#[inline(never)]
pub fn set_attr(thread: &mut Thread, object: Value, value: Value, site: u16) -> Outcome<()> {
    cache(thread, site).executed();
    let name = site_name(thread, site);
    if object.is_kind(Kind::Instance) {
        // SAFETY: an object value points to a live object.
        if unsafe { (*object.pointer()).is_immortal() } {
            return Err(cannot_change(thread, object));
        }
        let class = thread.vm.class_of(object);
        if let Some(&slot) = class.slots.get(&name) {
            let epoch = thread.vm.method_epoch.load(Ordering::Acquire);
            let ic = *cache(thread, site);
            let misses = ic.misses.saturating_add(1);
            let (kind, target) = match class.attributes[slot as usize].ty {
                AttributeType::Any => (SET_ANY, 0),
                AttributeType::Int => (SET_INT, 0),
                AttributeType::Float if class.is_unboxed(slot) => (SET_FLOAT, 0),
                AttributeType::Float => (UNREMEMBERED, 0),
                AttributeType::Bool => (SET_BOOL, 0),
                AttributeType::Str => (SET_STR, 0),
                // Redefining the class that the type names means another class, and adds its members: another epoch.
                AttributeType::Declared(_) => {
                    let fitted = fit_attribute(thread, class, slot, value)?;
                    // What a proxy fits depends on its target, not on its class.
                    let id = match fitted.kind() {
                        Some(Kind::Proxy) => 0,
                        Some(_) => crate::vm::class_id_of(fitted),
                        None if ic.kind == SET_CLASS && ic.target >> 32 == u64::from(epoch) => {
                            ic.target as u32
                        }
                        None => 0,
                    };
                    (SET_CLASS, u64::from(epoch) << 32 | u64::from(id))
                }
            };
            *cache(thread, site) = Ic { class: class.id, data: slot, kind, misses, target };
        }
    }
    set(thread, object, name, value)
}

/// `object.name = value` for any name.
pub fn set(thread: &mut Thread, object: Value, name: Symbol, value: Value) -> Outcome<()> {
    match object.kind() {
        // SAFETY: an object value points to a live object.
        Some(Kind::Instance) if unsafe { (*object.pointer()).is_immortal() } => {
            Err(cannot_change(thread, object))
        }
        Some(Kind::Instance) => {
            let class = thread.vm.class_of(object);
            let Some(&slot) = class.slots.get(&name) else {
                return Err(cannot_set(thread, object, class, name));
            };
            let value = fit_attribute(thread, class, slot, value)?;
            // SAFETY: the slot belongs to the instance's class.
            unsafe { slots::write(&mut thread.heap, class, object.pointer(), slot, value) };
            Ok(())
        }
        Some(Kind::Proxy) => proxies::set_attr(thread, object, name, value),
        Some(Kind::Task) => crate::thread::tasks::set_attr(thread, object, name, value),
        _ => {
            let class = thread.vm.class_of(object);
            Err(cannot_set(thread, object, class, name))
        }
    }
}

/// An error that was made without memory belongs to no heap: all threads share it.
#[cold]
fn cannot_change(thread: &mut Thread, object: Value) -> Control {
    let found = type_name(thread, object);
    thread.error(
        ErrorClass::StateError,
        format!(
            "this {found} was made when there was no memory left, and cannot be changed: throw another error"
        ),
    )
}

#[cold]
fn cannot_set(thread: &mut Thread, object: Value, class: &'static Class, name: Symbol) -> Control {
    let text = thread.vm.symbols.name(name);
    match class.member(name) {
        Some(_) => {
            let found = type_name(thread, object);
            thread.error(ErrorClass::AttributeError, format!("{text} of {found} cannot be assigned"))
        }
        None => match object.kind() {
            Some(Kind::Instance) => {
                let near = nearest(
                    &text,
                    class
                        .attributes
                        .iter()
                        .map(|a| thread.vm.symbols.name(a.name))
                        .collect::<Vec<_>>()
                        .iter()
                        .map(|n| &**n),
                )
                .map(str::to_owned);
                let hint = match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => "attributes are declared in the class".into(),
                };
                thread.error(
                    ErrorClass::AttributeError,
                    format!("{} has no attribute {text}: {hint}", class.name),
                )
            }
            _ => no_attribute(thread, object, class, name),
        },
    }
}

/// The value converted to the attribute's declared type.
pub fn fit_attribute(thread: &mut Thread, class: &'static Class, slot: u32, value: Value) -> Outcome {
    let attribute = &class.attributes[slot as usize];
    let expected: String = match attribute.ty {
        AttributeType::Any => return Ok(value),
        AttributeType::Int if value.as_int().is_some() => return Ok(value),
        AttributeType::Float if value.as_float().is_some() => return Ok(value),
        AttributeType::Float if value.as_int().is_some() => {
            return Ok(thread.heap.float(value.as_int().unwrap_or(0) as f64)?);
        }
        AttributeType::Bool if value.as_bool().is_some() => return Ok(value),
        AttributeType::Str if value.is_kind(Kind::Str) => return Ok(value),
        AttributeType::Declared(ty) => {
            // SAFETY: an attribute of a declared type names its module, which lives as long as the VM.
            let module = unsafe { &*attribute.module };
            let ty = &module.types[ty as usize];
            if let Some(v) = types::fit(thread, module, ty, value)? {
                return Ok(v);
            }
            types::name(thread, module, ty)
        }
        AttributeType::Int => "int".into(),
        AttributeType::Float => "float".into(),
        AttributeType::Bool => "bool".into(),
        AttributeType::Str => "string".into(),
    };
    let found = type_name(thread, value);
    let text = thread.vm.symbols.name(attribute.name);
    Err(thread.error(
        ErrorClass::TypeError,
        format!("attribute {text} of {}: expected {expected}, found {found}", class.name),
    ))
}

fn dynamic_name(thread: &mut Thread, name: Value) -> Outcome<Symbol> {
    match string::as_str(name) {
        Some(text) => Ok(thread.vm.symbols.intern(text)),
        None => {
            let found = type_name(thread, name);
            Err(thread.error(ErrorClass::TypeError, format!("an attribute's name is a string, not {found}")))
        }
    }
}

/// Attribute whose name is a string value.
pub fn get_attr_dynamic(thread: &mut Thread, object: Value, name: Value) -> Outcome {
    let name = dynamic_name(thread, name)?;
    get(thread, object, name)
}

/// Assigns the attribute whose name is a string value.
pub fn set_attr_dynamic(thread: &mut Thread, object: Value, name: Value, value: Value) -> Outcome<()> {
    let name = dynamic_name(thread, name)?;
    set(thread, object, name, value)
}
