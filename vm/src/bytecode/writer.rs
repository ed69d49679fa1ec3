//! Writes a module as the bytes of a `.corb` file. The layout stands in [`format`](super::format).
//!
//! Invariant: what [`write`] gives, [`read`](super::reader::read) takes back to an equal module, bit for bit.

use super::format::{FORMAT_VERSION, HEADER, MAGIC, fnv1a, op_table_hash};
use super::instr::Instr;
use super::module::Module;

/// The compiled file of a module.
pub fn write(module: &Module) -> Vec<u8> {
    let mut out = vec![0; HEADER];
    module.put(&mut out);
    let (header, payload) = out.split_at_mut(HEADER);
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[8..16].copy_from_slice(&op_table_hash().to_le_bytes());
    header[16..24].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    header[24..].copy_from_slice(&fnv1a(payload).to_le_bytes());
    out
}

/// What can be written.
pub(super) trait Put {
    /// Appends the bytes of this value.
    fn put(&self, out: &mut Vec<u8>);
}

/// LEB128: seven bits a byte, lowest first, the top bit set in all but the last.
fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

macro_rules! unsigned {
    ($($type:ty)*) => { $( impl Put for $type {
        fn put(&self, out: &mut Vec<u8>) {
            number(*self as u64, out);
        }
    } )* };
}

unsigned!(u16 u32);

impl Put for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }
}

impl Put for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Put for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        number((self << 1 ^ self >> 63) as u64, out);
    }
}

impl Put for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_le_bytes());
    }
}

impl Put for Instr {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }
}

impl Put for String {
    fn put(&self, out: &mut Vec<u8>) {
        number(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }
}

impl<T: Put> Put for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        number(self.len() as u64, out);
        for item in self {
            item.put(out);
        }
    }
}

impl<T: Put> Put for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
}

impl<A: Put, B: Put> Put for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
}
