//! Ranges of integers: immutable.

use super::{Header, Kind, class_id};
use crate::heap::{Heap, OutOfMemory};
use crate::value::Value;

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

/// What a range says, apart from its object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Bounds {
    /// First element.
    pub start: i64,
    /// End.
    pub end: i64,
    /// Whether `end` belongs to the range.
    pub inclusive: bool,
}

impl Bounds {
    /// The last element, if there is any.
    pub fn last(self) -> Option<i64> {
        let last = if self.inclusive { self.end } else { self.end.checked_sub(1)? };
        (self.start <= last).then_some(last)
    }

    /// Number of elements; `i64::MIN..=i64::MAX` has one more than a `u64` can say and saturates.
    pub fn len(self) -> u64 {
        match self.last() {
            Some(last) => last.abs_diff(self.start).saturating_add(1),
            None => 0,
        }
    }

    /// Whether there is no element.
    pub fn is_empty(self) -> bool {
        self.last().is_none()
    }

    /// Whether `i` is an element.
    pub fn contains(self, i: i64) -> bool {
        self.last().is_some_and(|last| self.start <= i && i <= last)
    }

    /// Element number `index`.
    pub fn get(self, index: u64) -> Option<i64> {
        (index < self.len()).then(|| self.start.wrapping_add(index as i64))
    }
}

/// A new range.
pub fn new(heap: &mut Heap, bounds: Bounds) -> Result<Value, OutOfMemory> {
    let range = heap.alloc(Kind::Range, class_id::RANGE, size_of::<Range>())?.cast::<Range>();
    // SAFETY: the object was just allocated; the header is written, the other fields follow here.
    unsafe {
        (&raw mut (*range).start).write(bounds.start);
        (&raw mut (*range).end).write(bounds.end);
        (&raw mut (*range).inclusive).write(bounds.inclusive as u64);
    }
    Ok(Value::object(range.cast()))
}

/// A range constant, outside all heaps.
pub fn immortal(immortals: &crate::heap::Immortals, bounds: Bounds) -> Value {
    let object = immortals.alloc(Kind::Range, class_id::RANGE, size_of::<Range>()).cast::<Range>();
    // SAFETY: just allocated with room for a Range.
    unsafe {
        (*object).start = bounds.start;
        (*object).end = bounds.end;
        (*object).inclusive = u64::from(bounds.inclusive);
    }
    Value::object(object.cast())
}

/// The bounds of a range; any thread may ask.
pub fn bounds(value: Value) -> Option<Bounds> {
    if !value.is_kind(Kind::Range) {
        return None;
    }
    // SAFETY: the kind was checked; ranges are immutable.
    let range = unsafe { &*value.pointer().cast::<Range>() };
    Some(Bounds { start: range.start, end: range.end, inclusive: range.inclusive != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_at_the_borders() {
        let range = |start, end, inclusive| Bounds { start, end, inclusive };
        assert_eq!(range(1, 5, false).len(), 4);
        assert_eq!(range(1, 5, true).len(), 5);
        assert_eq!(range(5, 1, true).len(), 0);
        assert_eq!(range(i64::MIN, i64::MIN, false).len(), 0);
        assert_eq!(range(i64::MIN, i64::MIN, true).len(), 1);
        assert_eq!(range(i64::MIN, i64::MAX, false).len(), u64::MAX);
        assert_eq!(range(i64::MIN, i64::MAX, false).get(u64::MAX - 1), Some(i64::MAX - 1));
        assert!(range(i64::MIN, i64::MAX, true).contains(i64::MAX));
    }
}
