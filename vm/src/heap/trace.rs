//! What every kind of object refers to: one exhaustive match.
//!
//! Invariant: an object reachable at a safepoint is wholly initialised: every slot that this file visits holds a whole
//! value. Instances are visited to the end of their last granule; [`Heap::alloc`](super::Heap::alloc) fills the padding.

use super::block;
use crate::code::Code;
use crate::object::array::{Array, Buffer};
use crate::object::function::{BoundMethod, Closure};
use crate::object::handle::Weak;
use crate::object::map::{Map, Table};
use crate::object::proxy::{Proxy, ProxyWithAttributes};
use crate::object::task::{FRAME_WORDS, Future, Generator, Stack, Task};
use crate::object::typed::TypedArray;
use crate::object::{Cell, Header, Instance, Kind, Slot};
use crate::value::Value;
use std::sync::atomic::Ordering;

/// Who is told about references.
pub(crate) trait Visitor {
    /// The slots of a class's instances that hold no references: see [`Layouts`](super::layouts::Layouts).
    fn unboxed(&self, class: u32) -> u64;

    /// A reference that keeps its target alive.
    fn object(&mut self, target: *mut Header);

    /// A value, if it is a reference.
    #[inline(always)]
    fn value(&mut self, value: Value) {
        if value.is_object() {
            self.object(value.pointer());
        }
    }

    /// Frames; visited through the task or generator that owns them, since nobody logs writes to them. They are
    /// kept alive like any other object, but have no references of their own.
    ///
    /// # Safety
    /// The stack is live, and `base` is the base of its innermost frame (0: no frame).
    unsafe fn stack(&mut self, stack: *mut Stack, base: u32);

    /// A weak reference (the object that holds it).
    fn weak(&mut self, weak: *mut Weak);

    /// A proxy; its target lies in heap `heap`, which may be another than its own.
    fn proxy(&mut self, proxy: *mut Proxy, heap: u32);
}

/// Number of pieces in which the object's references can be visited: slots of a buffer, entries of a table. 0 for
/// objects that are visited at once.
///
/// # Safety
/// `object` is a live object.
#[inline]
pub(crate) unsafe fn pieces(object: *mut Header) -> usize {
    // SAFETY: by the caller's promise; the kind tells the layout.
    unsafe {
        match (*object).kind() {
            Kind::Buffer => (*object.cast::<Buffer>()).capacity.load(Ordering::Relaxed) as usize,
            Kind::MapTable => {
                let table = object.cast::<Table>();
                ((*table).used.load(Ordering::Relaxed) as usize).min((*table).capacity as usize)
            }
            _ => 0,
        }
    }
}

/// Visits what an object with pieces refers to besides those.
///
/// # Safety
/// `object` is a live object.
#[inline]
pub(crate) unsafe fn visit_whole_part(object: *mut Header, visitor: &mut impl Visitor) {
    // SAFETY: by the caller's promise; the kind tells the layout.
    unsafe {
        if (*object).kind() == Kind::MapTable {
            let next = (*object.cast::<Table>()).next.load(Ordering::Relaxed);
            if !next.is_null() {
                visitor.object(next.cast());
            }
        }
    }
}

/// Visits the pieces `from..to` of an object for which [`pieces`] is not 0.
///
/// # Safety
/// `object` is a live object, and `to <= pieces(object)`.
#[inline]
pub(crate) unsafe fn visit_pieces(object: *mut Header, from: usize, to: usize, visitor: &mut impl Visitor) {
    // SAFETY: by the caller's promise; the kind tells the layout.
    unsafe {
        if (*object).kind() == Kind::Buffer {
            let value = |i: usize| Buffer::slot(object.cast(), i).get();
            let mut i = from;
            while i < to {
                let end = (i + 8).min(to);
                // Arrays of integers are common and large.
                let union = (i..end).fold(0, |union, i| union | value(i).bits());
                if !Value::are_small_ints(union) {
                    (i..end).for_each(|i| visitor.value(value(i)));
                }
                i = end;
            }
        } else {
            for i in from..to {
                let entry = Table::entry(object.cast(), i);
                visitor.value(entry.key.get());
                visitor.value(entry.value.get());
            }
        }
    }
}

/// Visits the pieces that overlap the bytes `from..to` of the object.
///
/// # Safety
/// As for [`visit_pieces`], `from <= to` within the object.
pub(crate) unsafe fn visit_bytes(object: *mut Header, from: usize, to: usize, visitor: &mut impl Visitor) {
    // SAFETY: by the caller's promise; the piece numbers are cut to those that exist.
    unsafe {
        let (start, size) = match (*object).kind() {
            Kind::Buffer => (size_of::<Buffer>(), size_of::<Slot>()),
            Kind::MapTable => (size_of::<Table>(), size_of::<crate::object::map::Entry>()),
            _ => return visit(object, visitor),
        };
        let last = pieces(object);
        let first_piece = from.saturating_sub(start) / size;
        let end_piece = to.saturating_sub(start).div_ceil(size).min(last);
        if first_piece < end_piece {
            visit_pieces(object, first_piece, end_piece, visitor);
        }
    }
}

/// Visits everything that the object refers to.
///
/// # Safety
/// `object` is a live, initialised object of the calling thread's heap.
#[inline]
pub(crate) unsafe fn visit(object: *mut Header, visitor: &mut impl Visitor) {
    // SAFETY: by the caller's promise; the kind tells the layout.
    unsafe {
        match (*object).kind() {
            Kind::BoxInt
            | Kind::BoxFloat
            | Kind::Str
            | Kind::Bytes
            | Kind::BigInt
            | Kind::Range
            | Kind::RawBuffer
            | Kind::NativeFunction
            | Kind::Class
            | Kind::Module
            | Kind::Handle
            | Kind::Thread
            | Kind::Stack => {}
            Kind::Array => visitor.object((*object.cast::<Array>()).buffer.load(Ordering::Relaxed).cast()),
            Kind::IntArray | Kind::FloatArray => {
                visitor.object((*object.cast::<TypedArray>()).buffer.load(Ordering::Relaxed).cast());
            }
            Kind::Map => visitor.object((*object.cast::<Map>()).table.load(Ordering::Relaxed).cast()),
            Kind::Buffer => visit_pieces(object, 0, pieces(object), visitor),
            Kind::MapTable => {
                visit_whole_part(object, visitor);
                visit_pieces(object, 0, pieces(object), visitor);
            }
            Kind::Instance => {
                let slots = block::size_of_object(object) / size_of::<Slot>() - 1;
                let unboxed = visitor.unboxed((*object).class);
                for i in 0..slots {
                    if unboxed == 0 || i >= u64::BITS as usize || unboxed >> i & 1 == 0 {
                        visitor.value(Instance::slot(object.cast(), i).get());
                    }
                }
            }
            Kind::Cell => visitor.value((*object.cast::<Cell>()).slot.get()),
            Kind::Function => {
                let captures = (*(*object.cast::<Closure>()).code).captures as usize;
                for i in 0..captures {
                    visitor.value(Closure::capture(object.cast(), i).get());
                }
            }
            Kind::BoundMethod => {
                let method = object.cast::<BoundMethod>();
                visitor.value((*method).receiver);
                visitor.value((*method).function);
            }
            Kind::Weak => visitor.weak(object.cast()),
            Kind::Proxy => {
                let proxy = object.cast::<Proxy>();
                visitor.proxy(proxy, (*proxy).heap);
                if !(*proxy).root.is_null() {
                    visitor.object((*proxy).root.cast());
                }
                if block::size_of_object(object) >= size_of::<ProxyWithAttributes>() {
                    visitor.object((*object.cast::<ProxyWithAttributes>()).attributes);
                }
            }
            Kind::Task => {
                // `future` is weak (see `Roots::after_mark`).
                let task = object.cast::<Task>();
                visitor.value((*task).resume.get());
                visitor.value((*task).waits_for.get());
                visitor.value((*task).mailbox.get());
                visitor.value((*task).extra.get());
                visitor.value((*task).generator.get());
                if !(*task).stack.is_null() {
                    visitor.stack((*task).stack, (*(*task).stack).base);
                }
            }
            Kind::Future => {
                let future = object.cast::<Future>();
                visitor.value((*future).value.get());
                visitor.value((*future).task.get());
                visitor.value((*future).waiters.get());
            }
            Kind::Generator => {
                let generator = object.cast::<Generator>();
                visitor.value((*generator).outer);
                if !(*generator).stack.is_null() {
                    visitor.stack((*generator).stack, (*(*generator).stack).base);
                }
                if !(*generator).caller_stack.is_null() {
                    visitor.stack((*generator).caller_stack, (*(*generator).caller_stack).base);
                }
            }
        }
    }
}

/// Visits the tagged registers and callees of all frames, innermost first.
///
/// # Safety
/// As for [`Visitor::stack`].
pub(crate) unsafe fn visit_frames(stack: *mut Stack, base: u32, visitor: &mut impl Visitor) {
    let words = Stack::words(stack);
    let mut base = base as usize;
    // SAFETY: frames lie inside the stack and are linked down to the bottom one, whose distance to the next is 0; tagged
    // registers and callees always hold whole values.
    unsafe {
        while base >= FRAME_WORDS {
            let frame = words.add(base);
            let code = frame.sub(2).read() as *const Code;
            visitor.value(Value::from_bits(frame.sub(1).read()));
            for register in 0..(*code).tagged as usize {
                visitor.value(Value::from_bits(frame.add(register).read()));
            }
            let down = frame.sub(4).read() as u32 as usize;
            if down == 0 {
                return;
            }
            base -= down;
        }
    }
}
