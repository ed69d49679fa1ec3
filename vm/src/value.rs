//! One tagged 64-bit word: integers, common floats, specials and heap pointers.
//!
//! ```text
//! ...iiii iii0   integer, 63 bits signed
//! ...ffff ff11   float: (bits + 3<<60) rotated left by 3; magnitudes from about 2^-255 to 2^257
//! ...pppp p001   pointer to a heap object (8-aligned), plus 1
//! ...ssss s101   specials: null, false, true, empty, +0.0, -0.0, inf, -inf, nan
//! ```
//!
//! What does not fit is boxed (`object::BoxInt`, `object::BoxFloat`) and equal by value. The float form is self-tagging
//! (Melançon, Serrano, Feeley, "Float Self-Tagging", 2024): after adding `3 << 60` the two top exponent bits of every common
//! magnitude are `11`, and the rotation brings them down to where a tag is tested.
//!
//! Invariant: every word that a heap slot or a tagged register ever holds is one of these forms, so that a foreign
//! reader always sees some whole value.

use crate::object::{BoxFloat, BoxInt, Header, Kind};
use std::fmt;

/// A value. Copying it copies no data; who holds it across a safepoint must have it in a traced place.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Value(u64);

const TAG_POINTER: u64 = 0b001;
const FLOAT_BIAS: u64 = 3 << 60;

/// Smallest integer that needs no box.
pub const SMALL_INT_MIN: i64 = -(1 << 62);
/// Largest integer that needs no box.
pub const SMALL_INT_MAX: i64 = (1 << 62) - 1;

impl Value {
    /// The value `null`.
    pub const NULL: Value = Value(0x05);
    /// The value `false`.
    pub const FALSE: Value = Value(0x0d);
    /// The value `true`.
    pub const TRUE: Value = Value(0x15);
    /// Not a script value: an unset variable, a deleted map entry.
    pub const EMPTY: Value = Value(0x1d);
    /// The float 0.0.
    pub const ZERO_FLOAT: Value = Value(0x25);
    const NEG_ZERO_FLOAT: Value = Value(0x2d);
    const INFINITY: Value = Value(0x35);
    const NEG_INFINITY: Value = Value(0x3d);
    const NAN: Value = Value(0x45);

    /// The word itself.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// A value from a word that [`bits`](Self::bits) gave.
    ///
    /// # Safety
    /// `bits` must stem from `bits()` of a value whose object, if it has one, is still alive.
    #[inline(always)]
    pub const unsafe fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// A truth value.
    #[inline(always)]
    pub const fn bool(b: bool) -> Self {
        if b { Self::TRUE } else { Self::FALSE }
    }

    /// An integer that fits in 63 bits; the caller has checked it or knows it (see [`small_int`](Self::small_int)).
    #[inline(always)]
    pub const fn int_unchecked(i: i64) -> Self {
        Self((i << 1) as u64)
    }

    /// An integer without a box, if it fits.
    #[inline(always)]
    pub const fn small_int(i: i64) -> Option<Self> {
        if i >= SMALL_INT_MIN && i <= SMALL_INT_MAX { Some(Self::int_unchecked(i)) } else { None }
    }

    /// A float without a box, if it has such a form.
    #[inline(always)]
    pub fn small_float(f: f64) -> Option<Self> {
        let word = f.to_bits().wrapping_add(FLOAT_BIAS).rotate_left(3);
        if word & 3 == 3 { Some(Self(word)) } else { Self::special_float(f) }
    }

    #[cold]
    fn special_float(f: f64) -> Option<Self> {
        if f == 0.0 {
            Some(if f.is_sign_negative() { Self::NEG_ZERO_FLOAT } else { Self::ZERO_FLOAT })
        } else if f.is_nan() {
            Some(Self::NAN)
        } else if f.is_infinite() {
            Some(if f > 0.0 { Self::INFINITY } else { Self::NEG_INFINITY })
        } else {
            None
        }
    }

    /// A pointer to a heap object.
    #[inline(always)]
    pub fn object(pointer: *const Header) -> Self {
        debug_assert!(pointer as u64 & 7 == 0 && !pointer.is_null());
        Self(pointer as u64 | TAG_POINTER)
    }

    /// Whether this is an integer without a box.
    #[inline(always)]
    pub const fn is_small_int(self) -> bool {
        self.0 & 1 == 0
    }

    /// Whether all words of a set are integers without a box, of which `union` has the bits that any has.
    #[inline(always)]
    pub(crate) const fn are_small_ints(union: u64) -> bool {
        union & 1 == 0
    }

    /// The integer of a value for which [`is_small_int`](Self::is_small_int) holds (garbage otherwise).
    #[inline(always)]
    pub const fn small_int_unchecked(self) -> i64 {
        self.0 as i64 >> 1
    }

    /// Whether this is a float in self-tagged form (specials and boxed floats are not).
    #[inline(always)]
    pub const fn is_tagged_float(self) -> bool {
        self.0 & 3 == 3
    }

    /// The float of a value for which [`is_tagged_float`](Self::is_tagged_float) holds (garbage otherwise).
    #[inline(always)]
    pub const fn tagged_float_unchecked(self) -> f64 {
        f64::from_bits(self.0.rotate_right(3).wrapping_sub(FLOAT_BIAS))
    }

    /// Whether this points to a heap object.
    #[inline(always)]
    pub const fn is_object(self) -> bool {
        self.0 & 7 == TAG_POINTER
    }

    /// The object's address; meaningful only if [`is_object`](Self::is_object).
    #[inline(always)]
    pub const fn pointer(self) -> *mut Header {
        (self.0 - TAG_POINTER) as *mut Header
    }

    /// Whether this is `null`.
    #[inline(always)]
    pub const fn is_null(self) -> bool {
        self.0 == Self::NULL.0
    }

    /// Whether this is the empty marker.
    #[inline(always)]
    pub const fn is_empty_marker(self) -> bool {
        self.0 == Self::EMPTY.0
    }

    /// The truth value, if it is one.
    #[inline(always)]
    pub const fn as_bool(self) -> Option<bool> {
        match self.0 {
            0x15 => Some(true),
            0x0d => Some(false),
            _ => None,
        }
    }

    /// The kind of the object, if it is one.
    #[inline(always)]
    pub fn kind(self) -> Option<Kind> {
        if self.is_object() {
            // SAFETY: a pointer value always refers to a live object with an initialised header.
            Some(unsafe { (*self.pointer()).kind() })
        } else {
            None
        }
    }

    /// Whether this is an object of the given kind.
    #[inline(always)]
    pub fn is_kind(self, kind: Kind) -> bool {
        self.kind() == Some(kind)
    }

    /// The integer, boxed or not.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        if self.is_small_int() {
            return Some(self.small_int_unchecked());
        }
        if self.is_kind(Kind::BoxInt) {
            // SAFETY: the kind was checked; boxes are immutable.
            return Some(unsafe { (*self.pointer().cast::<BoxInt>()).value });
        }
        None
    }

    /// The float (integers are not converted).
    #[inline]
    pub fn as_float(self) -> Option<f64> {
        if self.is_tagged_float() {
            return Some(self.tagged_float_unchecked());
        }
        self.as_uncommon_float()
    }

    #[cold]
    fn as_uncommon_float(self) -> Option<f64> {
        match self {
            Self::ZERO_FLOAT => Some(0.0),
            Self::NEG_ZERO_FLOAT => Some(-0.0),
            Self::INFINITY => Some(f64::INFINITY),
            Self::NEG_INFINITY => Some(f64::NEG_INFINITY),
            Self::NAN => Some(f64::NAN),
            // SAFETY: the kind was checked; boxes are immutable.
            _ if self.is_kind(Kind::BoxFloat) => Some(unsafe { (*self.pointer().cast::<BoxFloat>()).value }),
            _ => None,
        }
    }

    /// The number as a float, integers converted.
    #[inline]
    pub fn as_number(self) -> Option<f64> {
        if self.is_tagged_float() {
            return Some(self.tagged_float_unchecked());
        }
        match self.as_int() {
            Some(i) => Some(i as f64),
            None => self.as_uncommon_float(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(i) = self.as_int() {
            write!(f, "{i}")
        } else if let Some(x) = self.as_float() {
            write!(f, "{x:?}")
        } else if let Some(kind) = self.kind() {
            write!(f, "{kind:?}@{:p}", self.pointer())
        } else {
            f.write_str(match *self {
                Self::NULL => "null",
                Self::TRUE => "true",
                Self::FALSE => "false",
                Self::EMPTY => "<empty>",
                _ => "<invalid>",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_round_trip_to_the_borders() {
        for i in [0, 1, -1, 42, SMALL_INT_MAX, SMALL_INT_MIN] {
            let v = Value::small_int(i).unwrap();
            assert!(v.is_small_int() && !v.is_object() && !v.is_tagged_float());
            assert_eq!(v.as_int(), Some(i));
        }
        assert_eq!(Value::small_int(SMALL_INT_MAX + 1), None);
        assert_eq!(Value::small_int(SMALL_INT_MIN - 1), None);
    }

    #[test]
    fn floats_of_every_exponent_round_trip_or_need_a_box() {
        let mut tagged = 0;
        for exponent in 0..2048u64 {
            for sign in [0, 1u64] {
                for mantissa in [0, 1, 0xf_ffff_ffff_ffff, 0x8_0000_0000_0001] {
                    let f = f64::from_bits(sign << 63 | exponent << 52 | mantissa);
                    let Some(v) = Value::small_float(f) else { continue };
                    assert!(!v.is_small_int() && !v.is_object());
                    tagged += v.is_tagged_float() as u32;
                    let back = v.as_float().unwrap();
                    assert!(back.to_bits() == f.to_bits() || f.is_nan() && back.is_nan(), "{f:e}");
                }
            }
        }
        assert_eq!(tagged, 512 * 2 * 4);
    }

    #[test]
    fn specials_are_distinct() {
        let all = [
            Value::NULL,
            Value::TRUE,
            Value::FALSE,
            Value::EMPTY,
            Value::ZERO_FLOAT,
            Value::NAN,
            Value::INFINITY,
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(!a.is_object() && !a.is_small_int());
            assert!(all.iter().skip(i + 1).all(|b| a != b));
        }
        assert_eq!(Value::small_float(-0.0).unwrap().as_float().unwrap().to_bits(), (-0.0f64).to_bits());
    }
}
