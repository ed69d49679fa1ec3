//! What a thread's inline caches have seen, as a copy for the compiler.

use super::family::{Classes, Family, cut};
use super::masks::{ALL, Assume, BIG, BOOL, FLOAT, INT, Known, Mask, OTHER, mask_of};
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::class::{AttributeType, Class, Member};
use crate::code::{Code, LinkedType, LoadedModule};
use crate::interp::access;
use crate::interp::ic::Ic;
use crate::object::function::{class_of_value, code_of_value};
use crate::object::{array, class_id};
use crate::thread::Thread;
use crate::value::Value;
use std::sync::atomic::Ordering;

/// What a thread's inline caches have seen at the sites of a function.
pub(crate) struct Feedback {
    sites: Vec<Site>,
    /// For each declared type of the module that is a class and is checked here: all classes whose instances fit, if they are few.
    types: Vec<Classes>,
}

/// What is known of one site.
struct Site {
    ic: Ic,
    /// The class that was seen; for an attribute with the others that have it in the same slot.
    classes: Classes,
    /// One class only is expected.
    few: bool,
    /// These are all the classes that have an attribute of that name.
    complete: bool,
    /// The forms of an attribute's values, by its declared type.
    mask: Mask,
    /// Whether an attribute lies in its slot as an unboxed float.
    unboxed: bool,
    /// Classes that an attribute's values can have, if its declared type is a class.
    fitting: Classes,
}

/// Misses of a cache below which its site is taken to see one class only.
const FEW_MISSES: u32 = 4;

/// The same where that has been wrong. A cache that is filled has missed once.
const FEW_MISSES_AGAIN: u32 = 2;

impl Feedback {
    /// The thread's caches as they are, and what other threads have seen where it has seen nothing. `again`: code that expected one class where
    /// there was one met others.
    pub(super) fn take(thread: &Thread, code: &Code, again: bool) -> Self {
        let few = if again { FEW_MISSES_AGAIN } else { FEW_MISSES };
        // SAFETY: every thread's table has room for all sites of the VM.
        let caches =
            unsafe { std::slice::from_raw_parts(thread.ics.add(code.ic_base as usize), code.sites.len()) };
        let caches = code.jit.learn(caches);
        let sites = caches.iter().zip(&code.sites).map(|(ic, name)| {
            let mut site = Site {
                ic: *ic,
                few: ic.misses < few,
                classes: smallvec::smallvec![ic.class],
                complete: false,
                mask: ALL,
                unboxed: false,
                fitting: Classes::new(),
            };
            if access::is_slot(ic.kind) || ic.kind == access::PROXY_SLOT {
                site.unboxed = thread.vm.class(ic.class).is_unboxed(ic.data);
            }
            if access::is_slot(ic.kind) {
                let attribute = &thread.vm.class(ic.class).attributes[ic.data as usize];
                let declared = match attribute.ty {
                    AttributeType::Float => FLOAT,
                    AttributeType::Int => INT | BIG,
                    AttributeType::Bool => BOOL,
                    AttributeType::Str => OTHER,
                    _ => ALL,
                };
                if mask_of(attribute.initial) & !declared == 0 {
                    site.mask = declared;
                }
                if let (AttributeType::Declared(ty), false) = (attribute.ty, attribute.module.is_null()) {
                    // SAFETY: modules live as long as the VM.
                    site.fitting = fitting(thread, unsafe { &*attribute.module }, ty as usize);
                }
                if !site.few {
                    let alike = |class: &Class| {
                        class.is_unboxed(ic.data) == site.unboxed
                            && class.slots.get(name) == Some(&ic.data)
                            && class.attributes[ic.data as usize].ty == attribute.ty
                            && class.attributes[ic.data as usize].module == attribute.module
                            && mask_of(class.attributes[ic.data as usize].initial) & !site.mask == 0
                    };
                    let has = |class: &&'static Class| class.slots.contains_key(name) && class.id != ic.class;
                    let (others, odd): (Vec<_>, Vec<_>) =
                        thread.vm.classes().filter(has).partition(|class| alike(class));
                    site.classes.extend(others.iter().map(|class| class.id));
                    let all = cut(&mut site.classes);
                    let family = !others.is_empty() && Family::of(&site.classes).is_known();
                    site.complete = family && all && odd.is_empty();
                }
            }
            site
        });
        let sites = sites.collect();
        Self { sites, types: types(thread, code) }
    }

    pub(super) fn site(&self, site: u16) -> Ic {
        self.sites[site as usize].ic
    }

    /// Whether compiled code leaves if the object at an attribute's site is of no class seen there; of classes that were not seen, if they are
    /// few, and all that have an attribute of that name, and nothing has gone wrong yet.
    pub(super) fn leaves(&self, site: u16, assume: Assume) -> bool {
        let site = &self.sites[site as usize];
        let known = site.few || assume.families && site.complete;
        !assume.wide && access::is_slot(site.ic.kind) && known
    }

    /// What is known of the object at an attribute's site that compiled code leaves if it is something else.
    pub(super) fn owner(&self, site: u16) -> Known {
        Known::of_family(Family::of(&self.sites[site as usize].classes))
    }

    /// Whether a site is expected to see one class only.
    pub(super) fn few(&self, site: u16) -> bool {
        self.sites[site as usize].few
    }

    /// Whether an instruction calls methods, and those that have been seen there were a script's.
    pub(super) fn calls_scripts(&self, i: Instr) -> bool {
        i.op() == Some(Op::CallMethod) && self.site(i.b()).kind == access::METHOD_SCRIPT
    }

    /// Whether the attribute at a site lies in its slot as an unboxed float.
    pub(super) fn is_unboxed(&self, site: u16) -> bool {
        self.sites[site as usize].unboxed
    }

    /// The forms that the attribute at a site can have, if its object is of the class seen there.
    pub(super) fn slot_mask(&self, site: u16, assume: Assume) -> Mask {
        match self.is_taken_for_small(site, assume) {
            true => INT,
            false => self.sites[site as usize].mask,
        }
    }

    /// Whether the integer at a site is taken to have no box.
    pub(super) fn is_taken_for_small(&self, site: u16, assume: Assume) -> bool {
        assume.bounded && self.sites[site as usize].mask == INT | BIG
    }

    /// The classes that have the attribute at a site in the slot seen there.
    pub(super) fn classes(&self, site: u16) -> Classes {
        self.sites[site as usize].classes.clone()
    }

    /// All classes whose instances fit a declared type (as long as no method epoch begins); none if that is not known.
    pub(super) fn fitting(&self, ty: u16) -> &[u32] {
        &self.types[ty as usize]
    }

    /// All classes whose instances fit the attribute that is assigned at a site, if they are few and known.
    pub(super) fn assignable(&self, site: u16) -> &[u32] {
        &self.sites[site as usize].fitting
    }
}

/// The classes whose instances fit the declared types that a function checks or asks for; see [`Feedback::types`].
fn types(thread: &Thread, code: &Code) -> Vec<Classes> {
    // SAFETY: modules live as long as the VM.
    let module = unsafe { &*code.module };
    let mut found = vec![Classes::new(); module.types.len()];
    for i in &code.code {
        let ty = usize::from(match i.op() {
            Some(Op::CheckType | Op::JNotIs) => i.b(),
            Some(Op::Is) => i.c(),
            _ => continue,
        });
        if found[ty].is_empty() {
            found[ty] = fitting(thread, module, ty);
        }
    }
    found
}

/// All classes whose instances fit a declared type of a module, that which fitted last first; none if there are many, or if the type is no class
/// or not known now.
fn fitting(thread: &Thread, module: &LoadedModule, ty: usize) -> Classes {
    let declared = match module.types[ty] {
        LinkedType::Class(class) => Some(class),
        LinkedType::Global(slot) => variable(thread, module.env, slot).and_then(class_of_value),
        _ => None,
    };
    let Some(declared) = declared else { return Classes::new() };
    // What is declared as a typed array is often another thread's, seen through a proxy.
    if matches!(declared.id, class_id::INT_ARRAY | class_id::FLOAT_ARRAY) {
        return Classes::new();
    }
    let mut classes: Classes = smallvec::smallvec![declared.id];
    let derived = |class: &&'static Class| class.id != declared.id && class.is_subclass_of(declared);
    classes.extend(thread.vm.classes().filter(derived).map(|class| class.id));
    if !cut(&mut classes) {
        return Classes::new();
    }
    let seen = module.types_seen[ty].load(Ordering::Relaxed) as u32;
    if let Some(at) = classes.iter().position(|class| *class == seen) {
        classes.swap(0, at);
    }
    classes
}

/// A variable of a module, as the thread sees it now; none if it is another thread's.
pub(super) fn variable(thread: &Thread, env: u32, slot: u32) -> Option<Value> {
    let variables = array::from_value(*thread.envs.get(env as usize)?)?;
    let value = array::elements(variables).get(slot as usize)?.get();
    (value != Value::EMPTY).then_some(value)
}

/// The script method that a call of the superclass's at a site reaches, as things stand.
pub(super) fn super_method(code: &Code, site: u16) -> Option<(&'static Code, Value)> {
    let superclass = code.home_class()?.superclass?;
    match superclass.member(code.sites[site as usize])? {
        Member::Method(function) => Some((code_of_value(function)?, function)),
        _ => None,
    }
}
