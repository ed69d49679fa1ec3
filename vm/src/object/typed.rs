//! IntArray and FloatArray: unboxed 64-bit elements behind the same header-and-buffer pair as arrays.

use super::{FLAG_IMMORTAL, Header, Kind, array as arrays, class_id};
use crate::heap::{Fixed, Heap, OutOfMemory};
use crate::value::Value;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// A typed array; the header's kind tells integers from floats.
#[repr(C)]
pub struct TypedArray {
    /// Header.
    pub header: Header,
    /// Number of elements.
    pub len: AtomicU64,
    /// Storage; never null.
    pub buffer: AtomicPtr<RawBuffer>,
    /// Unused.
    pub spare: u64,
}

/// Storage of a typed array; `capacity` words follow, each an `i64` or the bits of an `f64`.
#[repr(C)]
pub struct RawBuffer {
    /// Header.
    pub header: Header,
    /// Number of words; may grow, never shrinks.
    pub capacity: AtomicU64,
}

impl RawBuffer {
    /// Word `index`.
    ///
    /// # Safety
    /// `this` points to a buffer that is alive (or was, at the caller's last quiescent point) and `index < capacity`.
    #[inline(always)]
    pub unsafe fn word<'a>(this: *const RawBuffer, index: usize) -> &'a AtomicU64 {
        // SAFETY: by the caller's promise the word lies inside the buffer.
        unsafe { &*this.add(1).cast::<AtomicU64>().add(index) }
    }
}

/// What empty typed arrays point to. Immortal, outside all heaps.
static EMPTY: Fixed<RawBuffer> = Fixed::new(RawBuffer {
    header: Header::new(Kind::RawBuffer, FLAG_IMMORTAL, 1, class_id::INTERNAL),
    capacity: AtomicU64::new(0),
});

/// Whether elements are integers or floats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element {
    /// `i64`.
    Int,
    /// The bits of an `f64`.
    Float,
}

fn head<'a>(array: *const TypedArray) -> &'a TypedArray {
    // SAFETY: the module's functions take pointers to live typed arrays (see `object`); all mutable fields are atomics.
    unsafe { &*array }
}

fn slice_of<'a>(buffer: *const RawBuffer, len: usize) -> &'a [AtomicU64] {
    // SAFETY: the buffer is alive, as what an array refers to is kept by the collector (or by the grace period, for a
    // foreign reader); `capacity` initialised words follow its header and the length is cut to that.
    unsafe { std::slice::from_raw_parts(buffer.add(1).cast::<AtomicU64>(), len.min(capacity(buffer))) }
}

fn capacity(buffer: *const RawBuffer) -> usize {
    // SAFETY: as in `slice_of`. Who reads an older capacity sees less of the array.
    unsafe { (*buffer).capacity.load(Ordering::Relaxed) as usize }
}

/// The typed array that a value is, with the kind of its elements, on the thread that owns it.
#[inline]
pub fn from_value(value: Value) -> Option<(*mut TypedArray, Element)> {
    match value.kind()? {
        Kind::IntArray => Some((value.pointer().cast(), Element::Int)),
        Kind::FloatArray => Some((value.pointer().cast(), Element::Float)),
        _ => None,
    }
}

/// A typed array as a value.
#[inline]
pub fn to_value(array: *mut TypedArray) -> Value {
    Value::object(array.cast())
}

/// What the elements of an array are.
#[inline]
pub fn element(array: *const TypedArray) -> Element {
    if head(array).header.kind() == Kind::IntArray { Element::Int } else { Element::Float }
}

/// Size of a buffer of so many words, at most [`MAX_LEN`](super::array::MAX_LEN).
fn bytes_of(capacity: usize) -> usize {
    size_of::<RawBuffer>() + capacity * 8
}

/// A buffer of zeros (0 and 0.0 have the same word); one that has grown, or not.
fn new_buffer(heap: &mut Heap, capacity: usize, grown: bool) -> Result<*mut RawBuffer, OutOfMemory> {
    if capacity == 0 {
        return Ok(std::ptr::from_ref(EMPTY.object()).cast_mut());
    }
    if capacity > arrays::MAX_LEN {
        return Err(OutOfMemory);
    }
    let made = heap.alloc_buffer(Kind::RawBuffer, class_id::INTERNAL, bytes_of(capacity), grown)?;
    let buffer = made.cast::<RawBuffer>();
    // SAFETY: the object was just allocated with room for its capacity; nobody else sees it yet.
    unsafe {
        (&raw mut (*buffer).capacity).write(AtomicU64::new(capacity as u64));
        buffer.add(1).cast::<u64>().write_bytes(0, capacity);
    }
    Ok(buffer)
}

/// A typed array of `len` zeros.
pub fn new(heap: &mut Heap, element: Element, len: usize) -> Result<*mut TypedArray, OutOfMemory> {
    let buffer = new_buffer(heap, len, false)?;
    let (kind, class) = match element {
        Element::Int => (Kind::IntArray, class_id::INT_ARRAY),
        Element::Float => (Kind::FloatArray, class_id::FLOAT_ARRAY),
    };
    let array = heap.alloc(kind, class, size_of::<TypedArray>())?.cast::<TypedArray>();
    // SAFETY: the object was just allocated; the header is written, the other fields follow here.
    unsafe {
        (&raw mut (*array).len).write(AtomicU64::new(len as u64));
        (&raw mut (*array).buffer).write(AtomicPtr::new(buffer));
        (&raw mut (*array).spare).write(0);
    }
    heap.barrier(array.cast());
    Ok(array)
}

/// A typed array of these words.
pub fn from_words(
    heap: &mut Heap,
    element: Element,
    words: impl ExactSizeIterator<Item = u64>,
) -> Result<*mut TypedArray, OutOfMemory> {
    let array = new(heap, element, words.len())?;
    for (to, word) in self::words(array).iter().zip(words) {
        to.store(word, Ordering::Relaxed);
    }
    Ok(array)
}

/// Number of elements.
#[inline(always)]
pub fn len(array: *const TypedArray) -> usize {
    head(array).len.load(Ordering::Relaxed) as usize
}

/// The elements as the owner sees them; a view that growing or shrinking leaves behind.
#[inline(always)]
pub fn words<'a>(array: *const TypedArray) -> &'a [AtomicU64] {
    let head = head(array);
    slice_of(head.buffer.load(Ordering::Relaxed), head.len.load(Ordering::Relaxed) as usize)
}

/// Element `index` as a word.
#[inline(always)]
pub fn get_word(array: *const TypedArray, index: usize) -> Option<u64> {
    words(array).get(index).map(|word| word.load(Ordering::Relaxed))
}

/// Stores a word into element `index`; false if there is no such element.
#[inline(always)]
pub fn set_word(array: *mut TypedArray, index: usize, word: u64) -> bool {
    match words(array).get(index) {
        Some(place) => {
            place.store(word, Ordering::Release);
            true
        }
        None => false,
    }
}

/// Element `index` as a value.
pub fn get(heap: &mut Heap, array: *const TypedArray, index: usize) -> Result<Option<Value>, OutOfMemory> {
    let element = element(array);
    get_word(array, index).map(|word| value_of(heap, element, word)).transpose()
}

/// The value that a word stands for.
#[inline]
pub fn value_of(heap: &mut Heap, element: Element, word: u64) -> Result<Value, OutOfMemory> {
    match element {
        Element::Int => heap.int(word as i64),
        Element::Float => heap.float(f64::from_bits(word)),
    }
}

/// The word for a value, if it fits the elements' type; integers become floats where those are wanted.
#[inline]
pub fn word_of(element: Element, value: Value) -> Option<u64> {
    match element {
        Element::Int => value.as_int().map(|i| i as u64),
        Element::Float => value.as_number().map(f64::to_bits),
    }
}

/// Makes room for `additional` more elements.
pub fn reserve(heap: &mut Heap, array: *mut TypedArray, additional: usize) -> Result<(), OutOfMemory> {
    let head = head(array);
    let old = head.buffer.load(Ordering::Relaxed);
    let has = capacity(old);
    let need = len(array).checked_add(additional).ok_or(OutOfMemory)?;
    if need <= has || lengthen(heap, old, arrays::longer(has, need)) {
        return Ok(());
    }
    let room = arrays::copied(has, need);
    let new = new_buffer(heap, room, true)?;
    for (to, from) in slice_of(new, room).iter().zip(words(array)) {
        to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    heap.barrier(array.cast());
    head.buffer.store(new, Ordering::Release);
    Ok(())
}

/// Lets a buffer have so many words where it lies; false if there is no room for that.
fn lengthen(heap: &mut Heap, buffer: *mut RawBuffer, room: usize) -> bool {
    if room > arrays::MAX_LEN || !heap.lengthen(buffer.cast(), bytes_of(room)) {
        return false;
    }
    // SAFETY: the object has got these bytes just now; nobody looks beyond its capacity, which follows.
    unsafe {
        let has = capacity(buffer);
        buffer.add(1).cast::<u64>().add(has).write_bytes(0, room - has);
        (*buffer).capacity.store(room as u64, Ordering::Release);
    }
    true
}

/// Appends a word.
#[inline]
pub fn push_word(heap: &mut Heap, array: *mut TypedArray, word: u64) -> Result<(), OutOfMemory> {
    let head = head(array);
    let len = len(array);
    if len >= capacity(head.buffer.load(Ordering::Relaxed)) {
        reserve(heap, array, 1)?;
    }
    if let Some(place) = slice_of(head.buffer.load(Ordering::Relaxed), len + 1).get(len) {
        place.store(word, Ordering::Release);
        head.len.store(len as u64 + 1, Ordering::Release);
    }
    Ok(())
}

/// Removes the last element.
#[inline]
pub fn pop_word(array: *mut TypedArray) -> Option<u64> {
    let word = words(array).last()?.load(Ordering::Relaxed);
    head(array).len.store(len(array) as u64 - 1, Ordering::Release);
    Some(word)
}

/// Inserts before element `index`, which is at most the length (else nothing happens and the result is false).
pub fn insert_word(
    heap: &mut Heap,
    array: *mut TypedArray,
    index: usize,
    word: u64,
) -> Result<bool, OutOfMemory> {
    let len = len(array);
    if index > len {
        return Ok(false);
    }
    push_word(heap, array, word)?;
    let words = words(array);
    for i in (index..len).rev() {
        words[i + 1].store(words[i].load(Ordering::Relaxed), Ordering::Release);
    }
    words[index].store(word, Ordering::Release);
    Ok(true)
}

/// Removes element `index` and closes the gap.
pub fn remove_word(array: *mut TypedArray, index: usize) -> Option<u64> {
    let word = get_word(array, index)?;
    let words = words(array);
    for i in index + 1..words.len() {
        words[i - 1].store(words[i].load(Ordering::Relaxed), Ordering::Release);
    }
    pop_word(array);
    Some(word)
}

/// Drops the elements from `len` on.
pub fn truncate(array: *mut TypedArray, len: usize) {
    if len < self::len(array) {
        head(array).len.store(len as u64, Ordering::Release);
    }
}

/// A new typed array of the elements `from..to`, cut to what is there.
pub fn slice(
    heap: &mut Heap,
    array: *const TypedArray,
    from: usize,
    to: usize,
) -> Result<*mut TypedArray, OutOfMemory> {
    let to = to.min(len(array));
    let part = words_foreign(array).get(from..to).unwrap_or_default();
    from_words(heap, element(array), part.iter().map(|word| word.load(Ordering::Acquire)))
}

/// The elements as any thread may see them within its slice.
#[inline]
pub fn words_foreign<'a>(array: *const TypedArray) -> &'a [AtomicU64] {
    let head = head(array);
    let buffer = head.buffer.load(Ordering::Acquire);
    slice_of(buffer, head.len.load(Ordering::Acquire) as usize)
}

/// Element `index` as a word, for any thread.
#[inline]
pub fn get_word_foreign(array: *const TypedArray, index: usize) -> Option<u64> {
    words_foreign(array).get(index).map(|word| word.load(Ordering::Acquire))
}

/// Whether an element of a typed array equals a value; any thread may ask.
pub fn contains(array: Value, value: Value) -> bool {
    from_value(array).is_some_and(|(array, element)| position_of(array, element, value, 0).is_some())
}

/// The first element from `from` on that equals a value; any thread may ask.
pub fn position_of(array: *const TypedArray, element: Element, value: Value, from: usize) -> Option<usize> {
    let words = words_foreign(array).get(from..)?;
    let found = match (element, value.as_int(), value.as_float()) {
        (Element::Int, Some(i), _) => words.iter().position(|word| word.load(Ordering::Acquire) as i64 == i),
        (Element::Int, None, Some(f)) => {
            let whole = super::number::float_to_int(f).filter(|&i| i as f64 == f)?;
            words.iter().position(|word| word.load(Ordering::Acquire) as i64 == whole)
        }
        (Element::Float, _, Some(f)) => {
            words.iter().position(|word| f64::from_bits(word.load(Ordering::Acquire)) == f)
        }
        (Element::Float, Some(i), None) => {
            let equal = |word: &AtomicU64| {
                let f = f64::from_bits(word.load(Ordering::Acquire));
                super::compare::int_with_float(i, f) == Some(std::cmp::Ordering::Equal)
            };
            words.iter().position(equal)
        }
        _ => None,
    };
    found.map(|at| at + from)
}
