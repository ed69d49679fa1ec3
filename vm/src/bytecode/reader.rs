//! Reads a `.corb` file. The layout stands in [`format`](super::format).
//!
//! Invariants: [`read`] is total: any bytes give a module or an error that says what to do. Memory in use stays in
//! proportion to the bytes at hand, whatever lengths they claim. The module is not verified yet: whoever runs it
//! calls [`verify`](super::verify::verify) first.

use super::format::{FORMAT_VERSION, HEADER, MAGIC, fnv1a, op_table_hash};
use super::instr::Instr;
use super::module::Module;
use std::fmt;

/// Why bytes are no compiled file for this VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The magic is missing: something else than a compiled file.
    NotCompiled,
    /// Compiled for another format or op table.
    OtherVersion,
    /// Bytes are missing at the end.
    Truncated {
        /// Bytes at hand.
        have: u64,
        /// Bytes that the header announces.
        need: u64,
    },
    /// The checksum does not match.
    Damaged,
    /// The checksum matches, but the content is none that the writer makes.
    Malformed {
        /// Offset in the file.
        at: usize,
        /// What is wrong there.
        message: String,
    },
}

impl ReadError {
    pub(super) fn malformed(at: usize, message: impl Into<String>) -> Self {
        ReadError::Malformed { at, message: message.into() }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::NotCompiled => {
                f.write_str("this is not a compiled Corella file: it does not begin with CORB")
            }
            ReadError::OtherVersion => {
                f.write_str("this file was compiled by another version of Corella: compile it again")
            }
            ReadError::Truncated { have, need } => write!(
                f,
                "this compiled file is incomplete, {have} of {need} bytes: copy or compile it again"
            ),
            ReadError::Damaged => {
                f.write_str("this compiled file is damaged, its checksum is wrong: compile it again")
            }
            ReadError::Malformed { at, message } => {
                write!(f, "this compiled file is malformed at byte {at}, {message}: compile it again")
            }
        }
    }
}

impl std::error::Error for ReadError {}

/// Whether these bytes begin like a compiled file, so that they are not taken for source text.
pub fn is_compiled(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The module in a compiled file, not verified yet.
pub fn read(bytes: &[u8]) -> Result<Module, ReadError> {
    let (header, payload) = bytes.split_at(bytes.len().min(HEADER));
    if !is_compiled(header) {
        return Err(ReadError::NotCompiled);
    }
    let have = bytes.len() as u64;
    let mut fields = Input { bytes: header, at: MAGIC.len() };
    let short = |_| ReadError::Truncated { have, need: HEADER as u64 };
    if u32::from_le_bytes(fields.array().map_err(short)?) != FORMAT_VERSION {
        return Err(ReadError::OtherVersion);
    }
    if u64::from_le_bytes(fields.array().map_err(short)?) != op_table_hash() {
        return Err(ReadError::OtherVersion);
    }
    let length = u64::from_le_bytes(fields.array().map_err(short)?);
    let checksum = u64::from_le_bytes(fields.array().map_err(short)?);
    if (payload.len() as u64) < length {
        return Err(ReadError::Truncated { have, need: length.saturating_add(HEADER as u64) });
    }
    if payload.len() as u64 > length {
        return Err(ReadError::malformed(HEADER + length as usize, "more bytes than the header announces"));
    }
    if fnv1a(payload) != checksum {
        return Err(ReadError::Damaged);
    }
    let mut input = Input { bytes, at: HEADER };
    let module = Module::get(&mut input)?;
    if input.at != bytes.len() {
        return Err(ReadError::malformed(input.at, "the module ends before the file does"));
    }
    Ok(module)
}

/// The module in an image that the build of this very program wrote: what the header is for need not be asked.
///
/// # Errors
/// Those of [`read`], but for damage that only the checksum shows.
pub fn read_own(image: &[u8]) -> Result<Module, ReadError> {
    Module::get(&mut Input { bytes: image, at: HEADER })
}

/// The bytes of a file and the place where to read on.
pub(super) struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Input<'b> {
    /// Offset of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, ReadError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'b [u8], ReadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.get(..count) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(self.too_short(count, rest.len())),
        }
    }

    #[cold]
    fn too_short(&self, count: usize, left: usize) -> ReadError {
        ReadError::malformed(self.at, format!("{count} bytes expected where {left} are left"))
    }

    #[cold]
    fn too_wide(at: usize, value: u64, most: u64) -> ReadError {
        ReadError::malformed(at, format!("{value} is more than {most}"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    #[inline]
    fn number(&mut self) -> Result<u64, ReadError> {
        // Most are small.
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, ReadError> {
        let at = self.at;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7F);
            if part << shift >> shift != part {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ReadError::malformed(at, "a number of more than 64 bits"))
    }

    /// A number of items, each of which takes at least one byte of what is left.
    fn count(&mut self) -> Result<usize, ReadError> {
        let at = self.at;
        let count = self.number()?;
        let left = self.bytes.len().saturating_sub(self.at);
        match usize::try_from(count) {
            Ok(count) if count <= left => Ok(count),
            _ => Err(ReadError::malformed(at, format!("a length of {count} where {left} bytes are left"))),
        }
    }
}

/// What can be read.
pub(super) trait Get: Sized {
    /// Reads one value.
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError>;
}

macro_rules! unsigned {
    ($($type:ty)*) => { $( impl Get for $type {
        #[inline]
        fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
            let at = input.at;
            let value = input.number()?;
            <$type>::try_from(value).map_err(|_| Input::too_wide(at, value, u64::from(<$type>::MAX)))
        }
    } )* };
}

unsigned!(u16 u32);

impl Get for u8 {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        input.byte()
    }
}

impl Get for bool {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        let at = input.at;
        match input.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(ReadError::malformed(at, format!("a truth value of {other}"))),
        }
    }
}

impl Get for i64 {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        let value = input.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

impl Get for f64 {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        Ok(f64::from_bits(u64::from_le_bytes(input.array()?)))
    }
}

impl Get for Instr {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        Ok(Instr(u64::from_le_bytes(input.array()?)))
    }
}

impl Get for String {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        let count = input.count()?;
        let at = input.at;
        match std::str::from_utf8(input.take(count)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(ReadError::malformed(at, "a string that is not UTF-8")),
        }
    }
}

impl<T: Get> Get for Vec<T> {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        let count = input.count()?;
        // The length may lie; the items cannot.
        let mut items = Vec::with_capacity(count.min(256));
        for _ in 0..count {
            items.push(T::get(input)?);
        }
        Ok(items)
    }
}

impl<T: Get> Get for Option<T> {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        if bool::get(input)? { T::get(input).map(Some) } else { Ok(None) }
    }
}

impl<A: Get, B: Get> Get for (A, B) {
    fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
        Ok((A::get(input)?, B::get(input)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::generate::{self, Rng};
    use crate::bytecode::module::Const;
    use crate::bytecode::writer::write;

    /// A file with a header that fits this payload.
    fn file(payload: &[u8]) -> Vec<u8> {
        let mut bytes = write(&Module::default());
        bytes.truncate(HEADER);
        bytes[16..24].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        bytes[24..].copy_from_slice(&fnv1a(payload).to_le_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn modules_come_back_as_they_were() {
        assert_eq!(read(&write(&Module::default())), Ok(Module::default()));
        for seed in 0..500 {
            let module = generate::module(&mut Rng::new(seed));
            assert_eq!(read(&write(&module)).as_ref(), Ok(&module), "seed {seed}");
        }
    }

    #[test]
    fn floats_keep_their_bits() {
        for bits in [0x7FF8_0000_0000_0001, 0xFFF0_0000_0000_0001u64, 1 << 63, 1] {
            let module = Module { consts: vec![Const::Float(f64::from_bits(bits))], ..Module::default() };
            match read(&write(&module)).unwrap().consts[0] {
                Const::Float(back) => assert_eq!(back.to_bits(), bits),
                ref other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn whole_numbers_of_all_sizes_come_back() {
        for value in [0, 1, -1, 63, 64, -64, -65, i64::MAX, i64::MIN] {
            let module = Module { consts: vec![Const::Int(value)], ..Module::default() };
            assert_eq!(read(&write(&module)), Ok(module));
        }
    }

    #[test]
    fn what_is_foreign_is_named() {
        assert_eq!(read(b""), Err(ReadError::NotCompiled));
        assert_eq!(read(b"var x = 1;"), Err(ReadError::NotCompiled));
        let good = write(&Module::default());
        for place in [4, 8, 15] {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            let error = read(&bytes).unwrap_err();
            assert_eq!(error, ReadError::OtherVersion);
            assert!(error.to_string().ends_with("compile it again"));
        }
    }

    #[test]
    fn each_shortened_file_is_refused() {
        let bytes = write(&generate::module(&mut Rng::new(7)));
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]).unwrap_err();
            if length >= 4 {
                assert!(matches!(error, ReadError::Truncated { .. }), "{length} bytes: {error}");
            }
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(matches!(read(&longer), Err(ReadError::Malformed { .. })));
    }

    #[test]
    fn each_changed_byte_is_noticed() {
        let bytes = write(&generate::module(&mut Rng::new(8)));
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            assert!(read(&changed).is_err(), "byte {place}");
        }
    }

    #[test]
    fn lying_lengths_do_not_allocate() {
        // A name of 2^63 bytes, a name longer than the file, 2^40 constants.
        let mut huge = vec![0xFF; 9];
        huge.push(0x00);
        let payloads: [&[u8]; 4] =
            [&huge, &[100, b'a'], &[0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20], &[0xFF; 12]];
        for payload in payloads {
            assert!(matches!(read(&file(payload)), Err(ReadError::Malformed { .. })), "{payload:?}");
        }
    }

    #[test]
    fn random_payloads_never_panic() {
        let mut rng = Rng::new(99);
        let good = write(&generate::module(&mut Rng::new(9)))[HEADER..].to_vec();
        for _ in 0..20_000 {
            let payload: Vec<u8> = if rng.one_in(2) {
                (0..rng.below(200)).map(|_| rng.bits() as u8 >> rng.below(8)).collect()
            } else {
                let mut bytes = good.clone();
                for _ in 0..1 + rng.below(4) {
                    let place = rng.below(bytes.len() as u32) as usize;
                    bytes[place] = rng.bits() as u8;
                }
                bytes
            };
            if let Ok(module) = read(&file(&payload)) {
                // Whatever was read is a module like any other.
                let _ = crate::bytecode::verify(&module);
                let again = write(&module);
                assert_eq!(write(&read(&again).unwrap()), again);
            }
        }
    }
}
