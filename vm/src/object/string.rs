//! Strings and bytes: immutable after creation, so any thread reads their content with plain loads.
//!
//! Short content lies in the object; long content (from [`EXTERNAL_FROM`] bytes) in a reference-counted allocation outside
//! all heaps, so that handing a long string to another thread costs a small object and a count.

use super::Header;
use std::sync::atomic::AtomicU32;

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
