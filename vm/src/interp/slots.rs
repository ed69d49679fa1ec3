//! Attributes by slot, whether they lie there as values or as unboxed floats.

use crate::class::Class;
use crate::heap::{Heap, OutOfMemory};
use crate::object::{Header, Instance};
use crate::value::Value;

/// The attribute in slot `slot` of an instance of `class`, which may be another thread's. A float that has no other form gets a box
/// in `heap`.
///
/// # Safety
/// `object` is a live instance of `class` (or was, at the caller's last quiescent point), which has such a slot.
#[inline]
pub unsafe fn read(
    heap: &mut Heap,
    class: &Class,
    object: *mut Header,
    slot: u32,
) -> Result<Value, OutOfMemory> {
    // SAFETY: by the caller's promise.
    let found = unsafe { Instance::slot(object.cast(), slot as usize) };
    match class.is_unboxed(slot) {
        true => heap.float(found.float()),
        false => Ok(found.get_foreign()),
    }
}

/// Assigns the attribute in slot `slot` of an own instance of `class`. The value is one that fits: see
/// [`fit_attribute`](super::access::fit_attribute).
///
/// # Safety
/// As for [`read`], and the object is one of `heap`.
#[inline]
pub unsafe fn write(heap: &mut Heap, class: &Class, object: *mut Header, slot: u32, value: Value) {
    // SAFETY: by the caller's promise.
    let place = unsafe { Instance::slot(object.cast(), slot as usize) };
    match class.is_unboxed(slot) {
        true => place.set_float(value.as_float().unwrap_or(f64::NAN)),
        false => heap.store(object, place, value),
    }
}
