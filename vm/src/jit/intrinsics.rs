//! Native functions that compiled code knows: it does what they do for the usual operands, and calls them for the others.

use super::masks::{ALL, FLOAT, INT, Mask, NULL};
use crate::class::Member;
use crate::native::NativeDef;
use crate::object::function::{class_of_value, native_of_value};
use crate::symbol::sym;
use crate::value::Value;

/// A native that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intrinsic {
    /// `math.sqrt(x)`.
    Sqrt,
    /// `array.push(x)`.
    Push,
    /// `text.code_at(index)`.
    CodeAt,
    /// `__await_again(future)`: the task always waits, and compiled code can be entered behind the call.
    Wait,
}

/// Owner and name of each native that is known. The library's tests check that it has them.
pub const INTRINSICS: &[(&str, &str, Intrinsic)] = &[
    ("math", "sqrt", Intrinsic::Sqrt),
    ("Array", "push", Intrinsic::Push),
    ("string", "code_at", Intrinsic::CodeAt),
    ("", "__await_again", Intrinsic::Wait),
];

impl Intrinsic {
    fn of(def: &NativeDef) -> Option<Self> {
        let known = INTRINSICS.iter().find(|(owner, name, _)| def.owner == *owner && def.name == *name);
        known.map(|(.., intrinsic)| *intrinsic)
    }

    /// Forms of the result, where operands that are not the usual ones leave compiled code.
    pub(super) fn result(self) -> Mask {
        match self {
            Self::Sqrt => FLOAT,
            Self::Push => NULL,
            Self::CodeAt => INT,
            Self::Wait => ALL,
        }
    }
}

/// What a call's hint names, if that may be looked into.
fn called(hint: u64) -> Option<Value> {
    // SAFETY: hints are the bits of values; natives and classes among them are immortal, and others were live when the unit was
    // made and are not looked into, but for their header.
    (hint != 0).then(|| unsafe { Value::from_bits(hint) })
}

/// The native that a call's hint names.
pub(super) fn native(hint: u64) -> Option<&'static NativeDef> {
    native_of_value(called(hint)?)
}

/// The native by which the built-in class that a call's hint names makes instances, as long as the method epoch stays what it is.
pub(super) fn conversion(hint: u64) -> Option<&'static NativeDef> {
    match class_of_value(called(hint)?)?.member(sym::NEW) {
        Some(Member::Static(make)) => native_of_value(make),
        _ => None,
    }
}

/// The known native that a call's hint names.
pub(super) fn of_value(hint: u64) -> Option<Intrinsic> {
    native(hint).and_then(Intrinsic::of)
}

/// The known native that a method's cache names.
pub(super) fn of_method(target: u64) -> Option<Intrinsic> {
    // SAFETY: a cached target is an immortal native function.
    Intrinsic::of(unsafe { crate::interp::call::native_of_target(target) })
}
