//! Ways into the loops of compiled code: what the interpreter's frame has to hold where it is entered at a loop's head.
//!
//! What the code takes for granted is looked at here, register by register, and not by the code itself: it is entered rarely, and each check
//! would be two blocks for the register allocator. What the code wants of the frame is handed over as plain words, unboxed where it keeps numbers
//! unboxed, in the order in which the way names it; so the code does nothing but read them. Invariant: a frame that does not fit is left
//! as it is, and the interpreter goes on.

use super::masks::{INT, Known};
use super::runtime::{self, value};
use crate::code::Code;
use crate::object::array::Array;
use crate::object::typed::TypedArray;
use crate::thread::Thread;
use crate::value::Value;
use crate::vm::class_id_of;
use std::mem::offset_of;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

/// The ways into one function's code.
pub(super) struct Ways {
    code: &'static Code,
    ways: Vec<Way>,
    /// By the numbers that they are entered by, which of them; of what is none, one more than there are.
    places: Vec<u16>,
}

impl Ways {
    pub(super) fn new(code: &'static Code, ways: Vec<Way>) -> Self {
        let numbers = ways.iter().map(|way| usize::from(way.number) + 1).max().unwrap_or(0);
        let mut places = vec![ways.len() as u16; numbers];
        for (k, way) in ways.iter().enumerate() {
            places[usize::from(way.number)] = k as u16;
        }
        Self { code, ways, places }
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Way] {
        &self.ways
    }

    /// The way of this number, if there is one.
    pub(super) fn find(&self, number: usize) -> Option<&Way> {
        self.ways.get(usize::from(*self.places.get(number)?))
    }
}

/// One of them.
pub(super) struct Way {
    /// The number that it is entered by.
    pub(super) number: u16,
    pub(super) registers: Vec<Register>,
    /// Arrays whose buffers and lengths are wanted as well, two words each, behind the registers.
    pub(super) views: Vec<View>,
}

/// A register that is read where the code is entered.
pub(super) struct Register {
    /// Words above the frame's base.
    pub(super) place: i32,
    pub(super) form: Form,
}

/// What a register has to hold, and how it is handed over.
pub(super) enum Form {
    /// A word without a tag, whatever it is.
    Bits,
    /// A value, whatever it is.
    Any,
    /// An integer without a tag.
    Raw(RangeInclusive<i64>),
    /// A value of which this is known, as it is; between these bounds if it is an integer and nothing else.
    Word(Known, RangeInclusive<i64>),
    /// A float, unboxed.
    Float,
    /// An integer, unboxed.
    Int(RangeInclusive<i64>),
}

/// An array whose buffer and length are wanted.
pub(super) struct View {
    pub(super) place: i32,
    pub(super) class: u32,
    /// Another thread's array will do.
    pub(super) foreign: bool,
}

impl Form {
    /// What the code gets for a word of the frame; none if it is not what it has to be.
    fn of(&self, word: u64) -> Option<u64> {
        match self {
            Self::Bits | Self::Any => Some(word),
            Self::Raw(bounds) => bounds.contains(&(word as i64)).then_some(word),
            Self::Word(known, bounds) => {
                let value = value(word);
                let fits = known.holds_of(value)
                    && (known.mask != INT || value.as_int().is_some_and(|n| bounds.contains(&n)));
                fits.then_some(word)
            }
            Self::Float => value(word).as_float().map(f64::to_bits),
            Self::Int(bounds) => value(word).as_int().filter(|n| bounds.contains(n)).map(|n| n as u64),
        }
    }
}

impl View {
    /// Buffer and length of the array that a value is; nothing and 0 if it is none that is wanted.
    fn of(&self, value: Value) -> [u64; 2] {
        if class_id_of(value) != self.class {
            return match self.foreign {
                true => runtime::foreign_view(value.bits(), self.class.into()).words(),
                false => [0, 0],
            };
        }
        // SAFETY: a live object of the own heap, whose class says that it is an array. Typed arrays begin as others do.
        let array = unsafe { &*value.pointer().cast::<Array>() };
        [array.buffer.load(Ordering::Relaxed).addr() as u64, array.len.load(Ordering::Relaxed)]
    }
}

const _: () = {
    assert!(offset_of!(TypedArray, len) == offset_of!(Array, len));
    assert!(offset_of!(TypedArray, buffer) == offset_of!(Array, buffer));
};

/// What the way of this number hands over of the frame at `base`: the address of its words, which stay until the thread asks again; null if
/// there is no such way or the frame does not fit.
pub(super) extern "C" fn words_of_way(
    thread: &mut Thread,
    base: *const u64,
    number: u64,
    ways: &Ways,
) -> *const u64 {
    let Some(way) = ways.find(number as usize) else { return std::ptr::null() };
    // SAFETY: the frame is one of the function whose ways these are, so all places lie in it.
    let word = |place: i32| unsafe { base.offset(place as isize).read() };
    let wanted = way.registers.len() + 2 * way.views.len();
    if thread.jit.words.len() < wanted {
        thread.jit.words.resize(wanted, 0);
    }
    let (words, views) = thread.jit.words.split_at_mut(way.registers.len());
    for (given, register) in words.iter_mut().zip(&way.registers) {
        let Some(found) = register.form.of(word(register.place)) else {
            super::failed(thread, ways.code);
            return std::ptr::null();
        };
        *given = found;
    }
    for (given, view) in views.chunks_exact_mut(2).zip(&way.views) {
        given.copy_from_slice(&view.of(value(word(view.place))));
    }
    thread.jit.words.as_ptr()
}
