//! Ranges of integers: immutable.

use super::Header;

/// A range.
#[repr(C)]
pub struct Range {
    /// Header.
    pub header: Header,
    /// First element.
    pub start: i64,
    /// End.
    pub end: i64,
    /// 1 if `end` belongs to the range.
    pub inclusive: u64,
}
