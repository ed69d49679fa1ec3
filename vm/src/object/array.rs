//! Arrays: a header with a length and a pointer to a buffer of slots.
//!
//! A foreign reader takes the buffer (Acquire), then the length (Acquire), and is bounded by the smaller of length and the
//! buffer's capacity. Shrinking stores null into the dropped slots.

use super::{FLAG_IMMORTAL, Header, Kind, Slot, class_id};
use crate::heap::{Fixed, Heap, OutOfMemory};
use crate::value::Value;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// An array.
#[repr(C)]
pub struct Array {
    /// Header.
    pub header: Header,
    /// Number of elements.
    pub len: AtomicU64,
    /// Storage; never null (an empty array points to the immortal empty buffer).
    pub buffer: AtomicPtr<Buffer>,
    /// Unused; keeps the object a whole number of granules.
    pub spare: u64,
}

/// Storage of an array; `capacity` slots follow.
#[repr(C)]
pub struct Buffer {
    /// Header.
    pub header: Header,
    /// Number of slots; may grow, never shrinks. Slots at and beyond the array's length hold null.
    pub capacity: AtomicU64,
}

const _: () = assert!(size_of::<Array>() == 32 && size_of::<Buffer>() == 16);

impl Buffer {
    /// Slot `index`.
    ///
    /// # Safety
    /// `this` points to a buffer that is alive (or was, at the caller's last quiescent point) and `index < capacity`.
    #[inline(always)]
    pub unsafe fn slot<'a>(this: *const Buffer, index: usize) -> &'a Slot {
        // SAFETY: by the caller's promise the slot lies inside the buffer.
        unsafe { &*this.add(1).cast::<Slot>().add(index) }
    }
}

/// What empty arrays point to. Immortal, outside all heaps.
static EMPTY: Fixed<Buffer> = Fixed::new(Buffer {
    header: Header::new(Kind::Buffer, FLAG_IMMORTAL, 1, class_id::INTERNAL),
    capacity: AtomicU64::new(0),
});

/// Most elements that an array may have.
pub const MAX_LEN: usize = 1 << 40;

fn empty_buffer() -> *mut Buffer {
    std::ptr::from_ref(EMPTY.object()).cast_mut()
}

fn head<'a>(array: *const Array) -> &'a Array {
    // SAFETY: the module's functions take pointers to live arrays (see `object`); all mutable fields are atomics.
    unsafe { &*array }
}

fn slots<'a>(buffer: *const Buffer, len: usize) -> &'a [Slot] {
    // SAFETY: the buffer is alive, as what an array refers to is kept by the collector (or by the grace period, for a
    // foreign reader); `capacity` initialised slots follow its header and the length is cut to that.
    unsafe { std::slice::from_raw_parts(buffer.add(1).cast::<Slot>(), len.min(capacity(buffer))) }
}

fn capacity(buffer: *const Buffer) -> usize {
    // SAFETY: as in `slots`. Who reads an older capacity sees less of the array.
    unsafe { (*buffer).capacity.load(Ordering::Relaxed) as usize }
}

/// The array that a value is, on the thread that owns it.
#[inline]
pub fn from_value(value: Value) -> Option<*mut Array> {
    value.is_kind(Kind::Array).then(|| value.pointer().cast())
}

/// An array as a value.
#[inline]
pub fn to_value(array: *mut Array) -> Value {
    Value::object(array.cast())
}

/// Size of a buffer of so many slots, at most [`MAX_LEN`].
fn bytes_of(capacity: usize) -> usize {
    size_of::<Buffer>() + capacity * size_of::<Slot>()
}

/// A buffer of `capacity` nulls.
fn new_buffer(heap: &mut Heap, capacity: usize) -> Result<*mut Buffer, OutOfMemory> {
    buffer_of(heap, &[], capacity, false)
}

/// A buffer of these values and, up to `capacity`, nulls; one that has grown, or not.
fn buffer_of(
    heap: &mut Heap,
    values: &[Value],
    capacity: usize,
    grown: bool,
) -> Result<*mut Buffer, OutOfMemory> {
    debug_assert!(values.len() <= capacity);
    if capacity == 0 {
        return Ok(empty_buffer());
    }
    if capacity > MAX_LEN {
        return Err(OutOfMemory);
    }
    let made = heap.alloc_buffer(Kind::Buffer, class_id::INTERNAL, bytes_of(capacity), grown)?;
    let buffer = made.cast::<Buffer>();
    // SAFETY: the object was just allocated with room for its capacity; nobody else sees it yet.
    unsafe {
        (&raw mut (*buffer).capacity).write(AtomicU64::new(capacity as u64));
        let first = buffer.add(1).cast::<Value>();
        std::ptr::copy_nonoverlapping(values.as_ptr(), first, values.len());
        for i in values.len()..capacity {
            first.add(i).write(Value::NULL);
        }
    }
    Ok(buffer)
}

/// The elements of an array of the own heap as values, which must not be used beyond the next change of the array.
pub fn values<'a>(array: *const Array) -> &'a [Value] {
    as_values(elements(array))
}

/// Slots of the own heap as the values that they hold.
fn as_values(slots: &[Slot]) -> &[Value] {
    // SAFETY: a slot is a word that holds a value; only this thread writes slots of its heap, and it does not while the result is used.
    unsafe { std::slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) }
}

/// An empty array with room for `room` elements.
pub fn new(heap: &mut Heap, room: usize) -> Result<*mut Array, OutOfMemory> {
    let buffer = new_buffer(heap, room)?;
    with_buffer(heap, buffer, 0)
}

fn with_buffer(heap: &mut Heap, buffer: *mut Buffer, len: usize) -> Result<*mut Array, OutOfMemory> {
    let array = heap.alloc(Kind::Array, class_id::ARRAY, size_of::<Array>())?.cast::<Array>();
    // SAFETY: the object was just allocated; the header is written, the other fields follow here.
    unsafe {
        (&raw mut (*array).len).write(AtomicU64::new(len as u64));
        (&raw mut (*array).buffer).write(AtomicPtr::new(buffer));
        (&raw mut (*array).spare).write(0);
    }
    heap.barrier(array.cast());
    Ok(array)
}

/// An array of these elements.
pub fn from_slice(heap: &mut Heap, elements: &[Value]) -> Result<*mut Array, OutOfMemory> {
    let buffer = buffer_of(heap, elements, elements.len(), false)?;
    if !elements.is_empty() {
        heap.barrier(buffer.cast());
    }
    with_buffer(heap, buffer, elements.len())
}

/// An array of `len` times the same value.
pub fn filled(heap: &mut Heap, len: usize, value: Value) -> Result<*mut Array, OutOfMemory> {
    let buffer = new_buffer(heap, len)?;
    if !value.is_null() && len > 0 {
        for slot in slots(buffer, len) {
            slot.set_unbarriered(value);
        }
        heap.barrier(buffer.cast());
    }
    with_buffer(heap, buffer, len)
}

/// Number of elements.
#[inline(always)]
pub fn len(array: *const Array) -> usize {
    head(array).len.load(Ordering::Relaxed) as usize
}

/// The elements, as the owner sees them. The slots stay readable until the next safepoint, but an operation that grows
/// or shrinks the array leaves this view behind.
#[inline(always)]
pub fn elements<'a>(array: *const Array) -> &'a [Slot] {
    let head = head(array);
    slots(head.buffer.load(Ordering::Relaxed), head.len.load(Ordering::Relaxed) as usize)
}

/// Element `index`.
#[inline(always)]
pub fn get(array: *const Array, index: usize) -> Option<Value> {
    elements(array).get(index).map(Slot::get)
}

/// Stores into element `index`; false if there is no such element.
#[inline(always)]
pub fn set(heap: &mut Heap, array: *mut Array, index: usize, value: Value) -> bool {
    match elements(array).get(index) {
        Some(slot) => {
            heap.store(head(array).buffer.load(Ordering::Relaxed).cast(), slot, value);
            true
        }
        None => false,
    }
}

/// Makes room for `additional` more elements without changing what the array holds.
pub fn reserve(heap: &mut Heap, array: *mut Array, additional: usize) -> Result<(), OutOfMemory> {
    let head = head(array);
    let old = head.buffer.load(Ordering::Relaxed);
    let need = len(array).checked_add(additional).ok_or(OutOfMemory)?;
    let has = capacity(old);
    if need <= has || lengthen(heap, old, longer(has, need)) {
        return Ok(());
    }
    replace_buffer(heap, array, copied(has, need))
}

/// Capacity for a buffer of `has` elements that needs `need`, if it becomes longer where it lies, which costs little.
pub(super) fn longer(has: usize, need: usize) -> usize {
    need.max(has + has / 4)
}

/// The same if it has to be copied, which is to happen seldom.
pub(super) fn copied(has: usize, need: usize) -> usize {
    let grown = if has < 1 << 16 { has * 2 } else { has / 2 * 3 };
    need.max(grown).max(4)
}

/// Lets a buffer have so many slots where it lies; false if there is no room for that.
fn lengthen(heap: &mut Heap, buffer: *mut Buffer, room: usize) -> bool {
    if room > MAX_LEN || !heap.lengthen(buffer.cast(), bytes_of(room)) {
        return false;
    }
    // SAFETY: the object has got these bytes just now; nobody looks beyond its capacity, which follows.
    unsafe {
        for i in capacity(buffer)..room {
            buffer.add(1).cast::<Value>().add(i).write(Value::NULL);
        }
        (*buffer).capacity.store(room as u64, Ordering::Release);
    }
    true
}

/// Copies the elements into a new buffer and publishes that.
fn replace_buffer(heap: &mut Heap, array: *mut Array, room: usize) -> Result<(), OutOfMemory> {
    let new = buffer_of(heap, values(array), room, true)?;
    if room > 0 {
        heap.barrier(new.cast());
    }
    heap.barrier(array.cast());
    head(array).buffer.store(new, Ordering::Release);
    Ok(())
}

/// Appends.
#[inline]
pub fn push(heap: &mut Heap, array: *mut Array, value: Value) -> Result<(), OutOfMemory> {
    let head = head(array);
    let len = len(array);
    if len >= capacity(head.buffer.load(Ordering::Relaxed)) {
        reserve(heap, array, 1)?;
    }
    let buffer = head.buffer.load(Ordering::Relaxed);
    if let Some(slot) = slots(buffer, len + 1).get(len) {
        heap.store(buffer.cast(), slot, value);
        head.len.store(len as u64 + 1, Ordering::Release);
    }
    Ok(())
}

/// Removes the last element.
#[inline]
pub fn pop(array: *mut Array) -> Option<Value> {
    let last = elements(array).last()?;
    let value = last.get();
    head(array).len.store(len(array) as u64 - 1, Ordering::Release);
    last.set_unbarriered(Value::NULL);
    Some(value)
}

/// Inserts before element `index`, which is at most the length (else nothing happens and the result is false).
pub fn insert(heap: &mut Heap, array: *mut Array, index: usize, value: Value) -> Result<bool, OutOfMemory> {
    let len = len(array);
    if index > len {
        return Ok(false);
    }
    push(heap, array, value)?;
    let elements = elements(array);
    heap.barrier(head(array).buffer.load(Ordering::Relaxed).cast());
    for i in (index..len).rev() {
        elements[i + 1].set_unbarriered(elements[i].get());
    }
    elements[index].set_unbarriered(value);
    Ok(true)
}

/// Removes element `index` and closes the gap.
pub fn remove(heap: &mut Heap, array: *mut Array, index: usize) -> Option<Value> {
    let value = get(array, index)?;
    let elements = elements(array);
    heap.barrier(head(array).buffer.load(Ordering::Relaxed).cast());
    for i in index + 1..elements.len() {
        elements[i - 1].set_unbarriered(elements[i].get());
    }
    pop(array);
    Some(value)
}

/// Drops the first `count` elements (all, if there are not so many). The buffer stays.
pub fn remove_front(heap: &mut Heap, array: *mut Array, count: usize) {
    let elements = elements(array);
    let rest = elements.len().saturating_sub(count);
    if rest > 0 {
        heap.barrier(head(array).buffer.load(Ordering::Relaxed).cast());
    }
    for i in 0..rest {
        elements[i].set_unbarriered(elements[i + count].get());
    }
    head(array).len.store(rest as u64, Ordering::Release);
    for slot in &elements[rest..] {
        slot.set_unbarriered(Value::NULL);
    }
}

/// Drops the elements from `len` on. An emptied array gives its buffer back.
pub fn truncate(array: *mut Array, len: usize) {
    let dropped = elements(array).get(len..).unwrap_or_default();
    if dropped.is_empty() {
        return;
    }
    head(array).len.store(len as u64, Ordering::Release);
    for slot in dropped {
        slot.set_unbarriered(Value::NULL);
    }
    if len == 0 {
        head(array).buffer.store(empty_buffer(), Ordering::Release);
    }
}

/// Appends all these elements.
pub fn extend(heap: &mut Heap, array: *mut Array, values: &[Value]) -> Result<(), OutOfMemory> {
    if values.is_empty() {
        return Ok(());
    }
    reserve(heap, array, values.len())?;
    let head = head(array);
    let old = len(array);
    let buffer = head.buffer.load(Ordering::Relaxed);
    heap.barrier(buffer.cast());
    for (slot, value) in slots(buffer, old + values.len())[old..].iter().zip(values) {
        slot.set_unbarriered(*value);
    }
    head.len.store((old + values.len()) as u64, Ordering::Release);
    Ok(())
}

/// Appends the elements of another array of the same thread (or of this one itself).
pub fn extend_from(heap: &mut Heap, array: *mut Array, other: *const Array) -> Result<(), OutOfMemory> {
    reserve(heap, array, len(other))?;
    let values = elements(other);
    let old = len(array);
    let head = head(array);
    let buffer = head.buffer.load(Ordering::Relaxed);
    if values.is_empty() {
        return Ok(());
    }
    heap.barrier(buffer.cast());
    for (slot, value) in slots(buffer, old + values.len())[old..].iter().zip(values) {
        slot.set_unbarriered(value.get());
    }
    head.len.store((old + values.len()) as u64, Ordering::Release);
    Ok(())
}

/// A new array of the elements `from..to`, cut to what is there.
pub fn slice(
    heap: &mut Heap,
    array: *const Array,
    from: usize,
    to: usize,
) -> Result<*mut Array, OutOfMemory> {
    let len = to.min(len(array)).saturating_sub(from);
    let part = if len == 0 { &[] } else { &elements(array)[from..from + len] };
    let buffer = buffer_of(heap, as_values(part), len, false)?;
    if len > 0 {
        heap.barrier(buffer.cast());
    }
    with_buffer(heap, buffer, len)
}

/// Reverses in place.
pub fn reverse(heap: &mut Heap, array: *mut Array) {
    let elements = elements(array);
    if elements.is_empty() {
        return;
    }
    heap.barrier(head(array).buffer.load(Ordering::Relaxed).cast());
    for i in 0..elements.len() / 2 {
        let j = elements.len() - 1 - i;
        let (a, b) = (elements[i].get(), elements[j].get());
        elements[i].set_unbarriered(b);
        elements[j].set_unbarriered(a);
    }
}

/// Overwrites the elements from the first on with these.
pub fn overwrite(heap: &mut Heap, array: *mut Array, values: &[Value]) {
    if len(array) > 0 {
        heap.barrier(head(array).buffer.load(Ordering::Relaxed).cast());
        for (slot, value) in elements(array).iter().zip(values) {
            slot.set_unbarriered(*value);
        }
    }
}

/// The elements as any thread may see them within its slice: a buffer and a length that may be of different moments, cut
/// to fit. Read the slots with [`Slot::get_foreign`].
#[inline]
pub fn elements_foreign<'a>(array: *const Array) -> &'a [Slot] {
    let head = head(array);
    let buffer = head.buffer.load(Ordering::Acquire);
    slots(buffer, head.len.load(Ordering::Acquire) as usize)
}

/// Number of elements, for any thread.
#[inline]
pub fn len_foreign(array: *const Array) -> usize {
    elements_foreign(array).len()
}

/// Element `index`, for any thread.
#[inline]
pub fn get_foreign(array: *const Array, index: usize) -> Option<Value> {
    elements_foreign(array).get(index).map(Slot::get_foreign)
}
