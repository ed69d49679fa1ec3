//! Big integers: sign and magnitude digits in the object, immutable; arithmetic is num-bigint's.

use super::{Header, Kind, class_id};
use crate::heap::{Heap, OutOfMemory};
use crate::value::Value;
use num_bigint::{BigInt, BigUint, Sign};

/// A big integer; `digits` words of 32 bits follow, least significant first, the last one not 0.
#[repr(C)]
pub struct Big {
    /// Header.
    pub header: Header,
    /// Number of 32-bit digits; 0 for zero.
    pub digits: u32,
    /// 1 if negative.
    pub negative: u32,
}

/// Most 32-bit digits of a big integer (about 40 million decimal digits); a result beyond them is out of memory.
pub const MAX_DIGITS: usize = 1 << 22;

/// Sign and digits of a big integer; any thread may ask.
pub fn parts<'a>(value: Value) -> Option<(bool, &'a [u32])> {
    if !value.is_kind(Kind::BigInt) {
        return None;
    }
    let big = value.pointer().cast::<Big>();
    // SAFETY: the kind was checked; big integers are immutable, and `digits` words follow the fixed part.
    unsafe {
        let digits = std::slice::from_raw_parts(big.add(1).cast::<u32>(), (*big).digits as usize);
        Some(((*big).negative != 0, digits))
    }
}

/// The number that a BigInt value holds.
pub fn get(value: Value) -> Option<BigInt> {
    let (negative, digits) = parts(value)?;
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    Some(BigInt::from_biguint(sign, BigUint::from_slice(digits)))
}

/// The number that a BigInt or int value holds.
pub fn get_integer(value: Value) -> Option<BigInt> {
    match value.as_int() {
        Some(i) => Some(BigInt::from(i)),
        None => get(value),
    }
}

/// A new BigInt.
pub fn new(heap: &mut Heap, number: &BigInt) -> Result<Value, OutOfMemory> {
    let (sign, digits) = number.to_u32_digits();
    if digits.len() > MAX_DIGITS {
        return Err(OutOfMemory);
    }
    let object = heap.alloc(Kind::BigInt, class_id::BIGINT, size_of::<Big>() + digits.len() * 4)?;
    fill(object.cast(), sign, &digits);
    Ok(Value::object(object))
}

/// A new BigInt outside all heaps.
pub fn immortal(immortals: &crate::heap::Immortals, number: &BigInt) -> Value {
    let (sign, digits) = number.to_u32_digits();
    let object = immortals.alloc(Kind::BigInt, class_id::BIGINT, size_of::<Big>() + digits.len() * 4);
    fill(object.cast(), sign, &digits);
    Value::object(object)
}

fn fill(big: *mut Big, sign: Sign, digits: &[u32]) {
    // SAFETY: both callers have just allocated the object with room for the digits.
    unsafe {
        (&raw mut (*big).digits).write(digits.len() as u32);
        (&raw mut (*big).negative).write((sign == Sign::Minus) as u32);
        big.add(1).cast::<u32>().copy_from_nonoverlapping(digits.as_ptr(), digits.len());
    }
}
