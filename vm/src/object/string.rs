//! Strings and bytes: immutable after creation, so any thread reads their content with plain loads.
//!
//! Short content lies in the object; long content (from [`EXTERNAL_FROM`] bytes) in a reference-counted allocation outside
//! all heaps, so that handing a long string to another thread costs a small object and a count.

use super::{FLAG_IMMORTAL, Header, Kind, class_id, search};
use crate::heap::{Fixed, Heap, Immortals, OutOfMemory};
use crate::value::Value;
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Content of this many bytes and more lives outside the heap.
pub const EXTERNAL_FROM: usize = 256;

/// A string (UTF-8) or bytes.
///
/// ```text
/// +--------+-----+-------+------+----------+----------------------------------+
/// | header | len | chars | hash | external | bytes ... or pointer to Arc<[u8]> |
/// +--------+-----+-------+------+----------+----------------------------------+
///     8       4      4      4        4        inline, or 16 bytes
/// ```
#[repr(C)]
pub struct Str {
    /// Header.
    pub header: Header,
    /// Length in bytes.
    pub len: u32,
    /// Number of code points (equal to `len` exactly when all are ASCII); for bytes the length.
    pub chars: u32,
    /// Hash of the content, 0 until it is first asked for; any thread may fill it in, always with the same number.
    pub hash: AtomicU32,
    /// 1 if the content is external.
    pub external: u32,
    // followed by the bytes, or by a `*const u8` from `Arc<[u8]>::into_raw` and padding
}

const _: () = assert!(size_of::<Str>() == 24);

/// Most bytes of a string; a longer one is out of memory.
pub const MAX_BYTES: usize = u32::MAX as usize - 1;

/// A string of at most eight bytes.
#[repr(C, align(16))]
struct Short {
    head: Str,
    bytes: [u8; 8],
}

/// The empty string and all strings of one ASCII character: immortal, outside all heaps, shared by all VMs.
#[repr(C)]
struct Shorts {
    empty: Short,
    ascii: [Short; 128],
}

const fn short(len: u32, byte: u8) -> Short {
    Short {
        head: Str {
            header: Header::new(Kind::Str, FLAG_IMMORTAL, 2, class_id::STRING),
            len,
            chars: len,
            hash: AtomicU32::new(0),
            external: 0,
        },
        bytes: [byte, 0, 0, 0, 0, 0, 0, 0],
    }
}

static SHORTS: Fixed<Shorts> = Fixed::new(Shorts {
    empty: short(0, 0),
    ascii: {
        let mut all = [const { short(1, 0) }; 128];
        let mut i = 0;
        while i < 128 {
            all[i] = short(1, i as u8);
            i += 1;
        }
        all
    },
});

// The side bytes of all of them have room before the first object.
const _: () = assert!(size_of::<Shorts>() <= Fixed::<Shorts>::MAX_SIZE);

/// The empty string.
#[inline]
pub fn empty() -> Value {
    Value::object(&raw const SHORTS.object().empty.head.header)
}

/// The string of one ASCII character.
#[inline]
pub fn ascii(byte: u8) -> Value {
    Value::object(&raw const SHORTS.object().ascii[usize::from(byte & 127)].head.header)
}

fn head<'a>(this: *const Str) -> &'a Str {
    // SAFETY: the module's functions take pointers to live strings (see `object`), which are immutable but for the hash,
    // an atomic.
    unsafe { &*this }
}

/// The string or bytes object that a value is.
#[inline]
fn object_of(value: Value) -> Option<*const Str> {
    matches!(value.kind(), Some(Kind::Str | Kind::Bytes)).then(|| value.pointer().cast_const().cast())
}

#[inline]
fn content<'a>(this: *const Str) -> &'a [u8] {
    let len = head(this).len as usize;
    // SAFETY: `len` bytes follow the fixed part, or lie where the pointer that follows it says; they never change.
    unsafe {
        let inline = this.add(1).cast::<u8>();
        let start = if head(this).external == 0 { inline } else { *inline.cast::<*const u8>() };
        std::slice::from_raw_parts(start, len)
    }
}

/// The content of a string (as UTF-8) or of bytes; empty for other values. The slice is good until the next safepoint
/// (for a foreign reader, its next quiescent point), or for as long as the value is held in a traced place.
#[inline]
pub fn bytes_of<'a>(value: Value) -> &'a [u8] {
    object_of(value).map_or(&[], content)
}

/// The text of a value that is a string; good for as long as the slice of [`bytes_of`].
#[inline]
pub fn as_str<'a>(value: impl Borrow<Value>) -> Option<&'a str> {
    let value = *value.borrow();
    // SAFETY: an object of kind Str is only ever made of UTF-8.
    value
        .is_kind(Kind::Str)
        .then(|| unsafe { std::str::from_utf8_unchecked(content(value.pointer().cast())) })
}

/// The content of a value that is of type Bytes; good for as long as the slice of [`bytes_of`].
#[inline]
pub fn as_bytes<'a>(value: impl Borrow<Value>) -> Option<&'a [u8]> {
    let value = *value.borrow();
    value.is_kind(Kind::Bytes).then(|| content(value.pointer().cast()))
}

/// Length in bytes; 0 for what is neither string nor bytes.
#[inline]
pub fn len(value: Value) -> usize {
    object_of(value).map_or(0, |this| head(this).len as usize)
}

/// Length in code points (of bytes: in bytes).
#[inline]
pub fn chars(value: Value) -> usize {
    object_of(value).map_or(0, |this| head(this).chars as usize)
}

/// Whether every code point is one byte.
#[inline]
pub fn is_ascii(value: Value) -> bool {
    object_of(value).is_none_or(|this| head(this).chars == head(this).len)
}

/// Number of code points of a text.
pub fn count_chars(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// A new string.
pub fn new(heap: &mut Heap, text: &str) -> Result<Value, OutOfMemory> {
    match *text.as_bytes() {
        [] => Ok(empty()),
        [byte] => Ok(ascii(byte)),
        _ => with_count(heap, text, count_chars(text)),
    }
}

/// A new string whose number of code points is known.
pub fn with_count(heap: &mut Heap, text: &str, chars: usize) -> Result<Value, OutOfMemory> {
    debug_assert_eq!(chars, count_chars(text));
    match *text.as_bytes() {
        [] => Ok(empty()),
        [byte] => Ok(ascii(byte)),
        _ => make(heap, Kind::Str, text.len(), chars, |to| {
            to.write_copy_of_slice(text.as_bytes());
        }),
    }
}

/// A new string of one code point.
#[inline]
pub fn from_char(heap: &mut Heap, c: char) -> Result<Value, OutOfMemory> {
    if c.is_ascii() { Ok(ascii(c as u8)) } else { with_count(heap, c.encode_utf8(&mut [0; 4]), 1) }
}

/// New bytes.
pub fn new_bytes(heap: &mut Heap, content: &[u8]) -> Result<Value, OutOfMemory> {
    make(heap, Kind::Bytes, content.len(), content.len(), |to| {
        to.write_copy_of_slice(content);
    })
}

/// Texts with their numbers of code points, joined. They are gone through twice.
pub fn concat_parts<'a>(
    heap: &mut Heap,
    parts: impl Iterator<Item = (&'a str, usize)> + Clone,
) -> Result<Value, OutOfMemory> {
    let (mut len, mut chars) = (0usize, 0usize);
    for (text, count) in parts.clone() {
        len = len.checked_add(text.len()).ok_or(OutOfMemory)?;
        chars += count;
    }
    match len {
        0 => Ok(empty()),
        _ => make(heap, Kind::Str, len, chars, |mut to| {
            for (text, _) in parts {
                to = put(to, text.as_bytes());
            }
        }),
    }
}

/// Writes bytes to the beginning of a place; what is left of it.
fn put<'a>(to: &'a mut [MaybeUninit<u8>], bytes: &[u8]) -> &'a mut [MaybeUninit<u8>] {
    let (here, rest) = to.split_at_mut(bytes.len());
    here.write_copy_of_slice(bytes);
    rest
}

/// The strings in these values joined, with a separator between them; none if a value is no string.
pub fn join(heap: &mut Heap, values: &[Value], separator: &str) -> Result<Option<Value>, OutOfMemory> {
    let between = values.len().saturating_sub(1);
    let mut len = separator.len().checked_mul(between).ok_or(OutOfMemory)?;
    let mut chars = count_chars(separator) * between;
    for value in values {
        if !value.is_kind(Kind::Str) {
            return Ok(None);
        }
        let text = head(value.pointer().cast());
        len = len.checked_add(text.len as usize).ok_or(OutOfMemory)?;
        chars += text.chars as usize;
    }
    if len == 0 {
        return Ok(Some(empty()));
    }
    let joined = make(heap, Kind::Str, len, chars, |mut to| {
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                to = put(to, separator.as_bytes());
            }
            to = put(to, content(value.pointer().cast()));
        }
    })?;
    Ok(Some(joined))
}

/// Two strings joined (the caller has checked that they are).
pub fn concat2(heap: &mut Heap, a: Value, b: Value) -> Result<Value, OutOfMemory> {
    match (len(a), len(b)) {
        (_, 0) => return Ok(a),
        (0, _) => return Ok(b),
        _ => {}
    }
    let (left, right) = (bytes_of(a), bytes_of(b));
    make(heap, Kind::Str, left.len() + right.len(), chars(a) + chars(b), |to| {
        let (first, second) = to.split_at_mut(left.len());
        first.write_copy_of_slice(left);
        second.write_copy_of_slice(right);
    })
}

/// The strings in these values joined in one allocation; values that are no strings add nothing.
pub fn concat(heap: &mut Heap, values: &[Value]) -> Result<Value, OutOfMemory> {
    if let [a, b] = *values
        && a.is_kind(Kind::Str)
        && b.is_kind(Kind::Str)
    {
        return concat2(heap, a, b);
    }
    let parts: SmallVec<[(&str, usize); 8]> =
        values.iter().filter_map(|value| Some((as_str(value)?, chars(*value)))).collect();
    concat_parts(heap, parts.iter().copied())
}

/// A string outside all heaps, its content always inside the object.
pub fn immortal(immortals: &Immortals, text: &str) -> Value {
    match *text.as_bytes() {
        [] => empty(),
        [byte] => ascii(byte),
        _ => immortal_object(immortals, Kind::Str, text.as_bytes(), count_chars(text)),
    }
}

/// Bytes outside all heaps.
pub fn immortal_bytes(immortals: &Immortals, content: &[u8]) -> Value {
    immortal_object(immortals, Kind::Bytes, content, content.len())
}

fn immortal_object(immortals: &Immortals, kind: Kind, content: &[u8], chars: usize) -> Value {
    assert!(content.len() <= MAX_BYTES, "constants are bounded by the size of a source file");
    let class = if kind == Kind::Str { class_id::STRING } else { class_id::BYTES };
    let object = immortals.alloc(kind, class, size_of::<Str>() + content.len());
    let this = object.cast::<Str>();
    // SAFETY: the object was just allocated with room for the content.
    unsafe {
        write_head(this, content.len(), chars, false);
        this.add(1).cast::<u8>().copy_from_nonoverlapping(content.as_ptr(), content.len());
    }
    Value::object(object)
}

/// # Safety
/// `this` is a fresh object whose header is written.
unsafe fn write_head(this: *mut Str, len: usize, chars: usize, external: bool) {
    // SAFETY: by the caller's promise.
    unsafe {
        (&raw mut (*this).len).write(len as u32);
        (&raw mut (*this).chars).write(chars as u32);
        (&raw mut (*this).hash).write(AtomicU32::new(0));
        (&raw mut (*this).external).write(u32::from(external));
    }
}

fn make(
    heap: &mut Heap,
    kind: Kind,
    len: usize,
    chars: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]),
) -> Result<Value, OutOfMemory> {
    if len >= EXTERNAL_FROM {
        return make_external(heap, kind, len, chars, fill);
    }
    let class = if kind == Kind::Str { class_id::STRING } else { class_id::BYTES };
    let object = heap.alloc(kind, class, size_of::<Str>() + len)?;
    let this = object.cast::<Str>();
    // SAFETY: the object was just allocated with room for `len` bytes; `fill` writes them all.
    unsafe {
        write_head(this, len, chars, false);
        fill(std::slice::from_raw_parts_mut(this.add(1).cast::<MaybeUninit<u8>>(), len));
    }
    Ok(Value::object(object))
}

#[cold]
fn make_external(
    heap: &mut Heap,
    kind: Kind,
    len: usize,
    chars: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]),
) -> Result<Value, OutOfMemory> {
    if len > MAX_BYTES {
        return Err(OutOfMemory);
    }
    heap.reserve_external(len)?;
    let mut content = Arc::<[u8]>::new_uninit_slice(len);
    if let Some(bytes) = Arc::get_mut(&mut content) {
        fill(bytes);
    }
    // SAFETY: the allocation is new, so `get_mut` gave it, and `fill` has written every byte.
    let content = unsafe { content.assume_init() };
    wrap_external(heap, kind, content, chars)
}

fn wrap_external(
    heap: &mut Heap,
    kind: Kind,
    content: Arc<[u8]>,
    chars: usize,
) -> Result<Value, OutOfMemory> {
    let class = if kind == Kind::Str { class_id::STRING } else { class_id::BYTES };
    let len = content.len();
    let object = heap.alloc_finalised(kind, class, size_of::<Str>() + 16)?;
    let this = object.cast::<Str>();
    // SAFETY: the object was just allocated with room for the pointer, which owns one count of the content.
    unsafe {
        write_head(this, len, chars, true);
        this.add(1).cast::<*const u8>().write(Arc::into_raw(content).cast());
    }
    heap.charge_external(len as isize);
    Ok(Value::object(object))
}

/// The allocation that holds the content of an external string.
///
/// # Safety
/// The string is external, and its own count is not given up but by the collector when it frees the string.
unsafe fn external_content(this: *const Str) -> ManuallyDrop<Arc<[u8]>> {
    // SAFETY: the pointer stems from `Arc::into_raw` of a slice of `len` bytes.
    unsafe {
        let start = *this.add(1).cast::<*const u8>();
        ManuallyDrop::new(Arc::from_raw(std::ptr::slice_from_raw_parts(start, head(this).len as usize)))
    }
}

/// A string or bytes of another heap (or of this one) as an object of this heap: short content is copied, long content
/// shared. Other values are given back as they are.
pub fn import(heap: &mut Heap, value: Value) -> Result<Value, OutOfMemory> {
    let Some(this) = object_of(value) else { return Ok(value) };
    let header = &head(this).header;
    if header.is_immortal() {
        return Ok(value);
    }
    if head(this).external == 0 {
        return make(heap, header.kind(), len(value), chars(value), |to| {
            to.write_copy_of_slice(content(this));
        });
    }
    heap.reserve_external(len(value))?;
    // SAFETY: the string is external, and its own count stays with it.
    let content = unsafe { external_content(this) };
    wrap_external(heap, header.kind(), Arc::clone(&content), chars(value))
}

/// Hash of the content of a string or bytes, never 0.
#[inline]
pub fn hash(value: Value) -> u32 {
    let Some(this) = object_of(value) else { return 1 };
    match head(this).hash.load(Ordering::Relaxed) {
        0 => {
            let hash = super::hash::hash_bytes(content(this));
            let hash = (hash as u32 ^ (hash >> 32) as u32).max(1);
            head(this).hash.store(hash, Ordering::Relaxed);
            hash
        }
        hash => hash,
    }
}

/// Whether two strings (or two bytes) have the same content.
#[inline]
pub fn same(a: Value, b: Value) -> bool {
    if a == b {
        return true;
    }
    let (Some(x), Some(y)) = (object_of(a), object_of(b)) else { return false };
    if head(x).len != head(y).len {
        return false;
    }
    let (hash_x, hash_y) = (head(x).hash.load(Ordering::Relaxed), head(y).hash.load(Ordering::Relaxed));
    (hash_x == hash_y || hash_x == 0 || hash_y == 0) && content(x) == content(y)
}

/// Whether the second string occurs in the first.
pub fn contains(container: Value, part: Value) -> bool {
    match (as_str(container), as_str(part)) {
        (Some(text), Some(part)) => search::find(text, part).is_some(),
        _ => false,
    }
}

/// The code point at `index` as a string; empty if there is none.
#[inline]
pub fn char_at(heap: &mut Heap, value: Value, index: usize) -> Result<Value, OutOfMemory> {
    let text = text_between(value, index, index.saturating_add(1));
    match *text.as_bytes() {
        [] => Ok(empty()),
        [byte] => Ok(ascii(byte)),
        _ => with_count(heap, text, 1),
    }
}

/// The code points `from..to` of a string, cut to what is there: at once if all are ASCII, else by counting from the start.
pub fn text_between<'a>(value: Value, from: usize, to: usize) -> &'a str {
    let text = as_str(value).unwrap_or_default();
    let to = to.min(chars(value));
    if from >= to {
        return "";
    }
    let (start, end) = if is_ascii(value) {
        (from, to)
    } else {
        let start = byte_offset(text, from);
        (start, start + byte_offset(&text[start..], to - from))
    };
    &text[start..end]
}

/// Where code point `index` begins; the length if there are not so many.
pub fn byte_offset(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

/// A new string of the code points `from..to`, cut to what is there.
pub fn slice(heap: &mut Heap, value: Value, from: usize, to: usize) -> Result<Value, OutOfMemory> {
    let to = to.min(chars(value));
    if from == 0 && to == chars(value) {
        return Ok(value);
    }
    with_count(heap, text_between(value, from, to), to.saturating_sub(from))
}

/// New bytes from `from..to` of bytes, cut to what is there.
pub fn slice_bytes(heap: &mut Heap, value: Value, from: usize, to: usize) -> Result<Value, OutOfMemory> {
    let bytes = bytes_of(value);
    let to = to.min(bytes.len());
    new_bytes(heap, bytes.get(from..to).unwrap_or_default())
}
