//! Big integers: sign and magnitude digits in the object, immutable; arithmetic is num-bigint's.

use super::Header;

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
