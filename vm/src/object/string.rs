//! Strings and bytes: immutable after creation, so any thread reads their content with plain loads.
//!
//! Short content lies in the object; long content (from [`EXTERNAL_FROM`] bytes) in a reference-counted allocation outside
//! all heaps, so that handing a long string to another thread costs a small object and a count.

use super::{FLAG_IMMORTAL, Header, Kind, class_id};
use crate::heap::{Heap, Immortals, OutOfMemory};
use crate::value::Value;
use smallvec::SmallVec;
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

/// The empty string and all strings of one ASCII character: immortal, outside all heaps, shared by all VMs.
#[repr(C, align(16))]
struct Short {
    head: Str,
    bytes: [u8; 8],
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

static EMPTY: Short = short(0, 0);

static ASCII: [Short; 128] = {
    let mut all = [const { short(1, 0) }; 128];
    let mut i = 0;
    while i < 128 {
        all[i] = short(1, i as u8);
        i += 1;
    }
    all
};

/// The empty string.
#[inline]
pub fn empty() -> Value {
    Value::object(&raw const EMPTY.head.header)
}

/// The string of one ASCII character.
#[inline]
pub fn ascii(byte: u8) -> Value {
    Value::object(&raw const ASCII[usize::from(byte & 127)].head.header)
}

fn head<'a>(this: *const Str) -> &'a Str {
    // SAFETY: the module's functions take pointers to live strings (see `object`), which are immutable but for the hash,
    // an atomic.
    unsafe { &*this }
}

/// The content. The slice is good until the next safepoint (for a foreign reader, its next quiescent point), or for as
/// long as the string is held in a traced place.
#[inline]
pub fn bytes<'a>(this: *const Str) -> &'a [u8] {
    let len = head(this).len as usize;
    // SAFETY: `len` bytes follow the fixed part, or lie where the pointer that follows it says; they never change.
    unsafe {
        let inline = this.add(1).cast::<u8>();
        let start = if head(this).external == 0 { inline } else { *inline.cast::<*const u8>() };
        std::slice::from_raw_parts(start, len)
    }
}

/// The text of a string.
#[inline]
pub fn text<'a>(this: *const Str) -> &'a str {
    debug_assert!(head(this).header.kind() == Kind::Str);
    // SAFETY: an object of kind Str is only made of UTF-8.
    unsafe { std::str::from_utf8_unchecked(bytes(this)) }
}

/// The string object that a value is.
#[inline]
pub fn from_value(value: Value) -> Option<*const Str> {
    value.is_kind(Kind::Str).then(|| value.pointer().cast_const().cast())
}

/// The text of a value that is a string; the lifetime as in [`bytes`].
#[inline]
pub fn as_str<'a>(value: Value) -> Option<&'a str> {
    from_value(value).map(text)
}

/// The content of a value that is of type Bytes; the lifetime as in [`bytes`].
#[inline]
pub fn as_bytes<'a>(value: Value) -> Option<&'a [u8]> {
    value.is_kind(Kind::Bytes).then(|| bytes(value.pointer().cast()))
}

/// Length in code points (of bytes: in bytes).
#[inline]
pub fn len(this: *const Str) -> usize {
    head(this).chars as usize
}

/// Whether every code point is one byte.
#[inline]
pub fn is_ascii(this: *const Str) -> bool {
    head(this).chars == head(this).len
}

/// Number of code points of a text.
pub fn count_chars(text: &str) -> usize {
    text.chars().count()
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

/// Parts of strings joined: the texts with their numbers of code points.
pub fn concat(heap: &mut Heap, parts: &[(&str, usize)]) -> Result<Value, OutOfMemory> {
    let (mut len, mut chars) = (0usize, 0usize);
    for (text, count) in parts {
        len = len.checked_add(text.len()).ok_or(OutOfMemory)?;
        chars += count;
    }
    match len {
        0 => Ok(empty()),
        _ => make(heap, Kind::Str, len, chars, |mut to| {
            for (text, _) in parts {
                let (here, rest) = to.split_at_mut(text.len());
                here.write_copy_of_slice(text.as_bytes());
                to = rest;
            }
        }),
    }
}

/// Two strings joined.
pub fn concat2(heap: &mut Heap, a: *const Str, b: *const Str) -> Result<Value, OutOfMemory> {
    if head(b).len == 0 {
        return Ok(Value::object(a.cast()));
    }
    if head(a).len == 0 {
        return Ok(Value::object(b.cast()));
    }
    let (left, right) = (bytes(a), bytes(b));
    make(heap, Kind::Str, left.len() + right.len(), len(a) + len(b), |to| {
        let (first, second) = to.split_at_mut(left.len());
        first.write_copy_of_slice(left);
        second.write_copy_of_slice(right);
    })
}

/// The strings in these values joined; `Ok(Err(i))` if value `i` is no string.
pub fn concat_values(heap: &mut Heap, values: &[Value]) -> Result<Result<Value, usize>, OutOfMemory> {
    let mut parts = SmallVec::<[(&str, usize); 8]>::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        match from_value(*value) {
            Some(part) => parts.push((text(part), len(part))),
            None => return Ok(Err(i)),
        }
    }
    concat(heap, &parts).map(Ok)
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

/// Called by the collector when a string or bytes object of the finaliser list dies: gives the external content up and
/// says how many bytes the heap is no longer charged with.
///
/// # Safety
/// The object is dead: nobody reads it from now on.
pub unsafe fn finalise(this: *mut Str) -> usize {
    if head(this).external == 0 {
        return 0;
    }
    // SAFETY: the string is external, and by the caller's promise this is the one time that its count is given up.
    drop(ManuallyDrop::into_inner(unsafe { external_content(this) }));
    head(this).len as usize
}

/// A string or bytes of another heap (or of this one) as an object of this heap: short content is copied, long content shared.
pub fn import(heap: &mut Heap, this: *const Str) -> Result<Value, OutOfMemory> {
    let header = &head(this).header;
    if header.is_immortal() {
        return Ok(Value::object(this.cast()));
    }
    if head(this).external == 0 {
        let content = bytes(this);
        return make(heap, header.kind(), content.len(), len(this), |to| {
            to.write_copy_of_slice(content);
        });
    }
    heap.reserve_external(head(this).len as usize)?;
    // SAFETY: the string is external, and its own count stays with it.
    let content = unsafe { external_content(this) };
    wrap_external(heap, header.kind(), Arc::clone(&content), len(this))
}

/// Hash of the content, never 0.
#[inline]
pub fn hash(this: *const Str) -> u32 {
    match head(this).hash.load(Ordering::Relaxed) {
        0 => {
            let hash = super::hash::hash_bytes(bytes(this));
            let hash = (hash as u32 ^ (hash >> 32) as u32).max(1);
            head(this).hash.store(hash, Ordering::Relaxed);
            hash
        }
        hash => hash,
    }
}

/// Whether two strings (or two bytes) have the same content.
#[inline]
pub fn same(a: *const Str, b: *const Str) -> bool {
    let (x, y) = (head(a), head(b));
    if std::ptr::eq(a, b) {
        return true;
    }
    if x.len != y.len {
        return false;
    }
    let (hash_x, hash_y) = (x.hash.load(Ordering::Relaxed), y.hash.load(Ordering::Relaxed));
    (hash_x == hash_y || hash_x == 0 || hash_y == 0) && bytes(a) == bytes(b)
}

/// The code point at `index`, as text.
#[inline]
pub fn char_at<'a>(this: *const Str, index: usize) -> Option<&'a str> {
    if index >= len(this) {
        return None;
    }
    Some(range_of(this, index, index + 1))
}

/// The code points `from..to`, cut to what is there: at once if all are ASCII, else by counting from the start.
pub fn range_of<'a>(this: *const Str, from: usize, to: usize) -> &'a str {
    let text = text(this);
    let to = to.min(len(this));
    if from >= to {
        return "";
    }
    let (start, end) = if is_ascii(this) {
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
pub fn slice(heap: &mut Heap, this: *const Str, from: usize, to: usize) -> Result<Value, OutOfMemory> {
    let to = to.min(len(this));
    if from == 0 && to == len(this) {
        return Ok(Value::object(this.cast()));
    }
    with_count(heap, range_of(this, from, to), to.saturating_sub(from))
}
