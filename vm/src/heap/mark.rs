//! Marking: from grey objects to the black closure, in slices, without native recursion.
//!
//! Colours: *white* has no mark of the current colour; *grey* is marked and stands on the stack, among the pieces or in the
//! log; *black* is marked and has been visited. The write barrier logs a marked object that is written, which makes it grey
//! again; new objects are white, and what of them is reachable is found from the roots that are visited again at the end
//! and from the log. So when stack, pieces and log are empty right after the volatile roots were visited, every
//! reachable object is marked.

use super::block::{self, END, Head, LOG, START};
use super::layouts::Layouts;
use super::trace::{self, Visitor};
use crate::object::handle::Weak;
use crate::object::proxy::Proxy;
use crate::object::task::Stack;
use crate::object::{Header, Kind};
use crate::value::Value;
use std::sync::Arc;
use std::time::Instant;

/// Slots or entries visited at once in a large object.
const PIECE: usize = 2048;
/// Objects visited between two looks at the clock.
const CLOCK: usize = 256;
/// How far ahead headers are fetched into the cache.
const AHEAD: usize = 8;

/// Marks objects; given to [`Roots`](super::Roots) to be told the roots.
pub struct Tracer {
    pub(crate) colour: u8,
    pub(crate) heap: u32,
    /// Bytes of all marked objects.
    pub(crate) marked: usize,
    /// Weak references visited in this cycle.
    pub(crate) weaks: Vec<*mut Weak>,
    /// Proxies of foreign objects visited in this cycle.
    pub(crate) proxies: Vec<*mut Proxy>,
    stack: Vec<*mut Header>,
    /// Objects visited in part: up to which piece.
    pieces: Vec<(*mut Header, usize)>,
    /// Marks of earlier collections stay valid: what had been found live then is not visited again.
    pub(crate) young: bool,
    /// While a full collection waits for the other threads: what was taken before so many had ended their marking waits to be swept.
    pub(crate) pending_before: u32,
    /// When set, roots are only listed (the verifier).
    pub(crate) listing: Option<Vec<*mut Header>>,
    pub(crate) layouts: Arc<Layouts>,
}

impl Tracer {
    pub(crate) fn new(heap: u32, layouts: Arc<Layouts>) -> Self {
        Self {
            colour: block::COLOUR_A,
            heap,
            marked: 0,
            weaks: Vec::new(),
            proxies: Vec::new(),
            stack: Vec::new(),
            pieces: Vec::new(),
            young: false,
            pending_before: 0,
            listing: None,
            layouts,
        }
    }

    /// A root.
    #[inline]
    pub fn value(&mut self, value: Value) {
        if value.is_object() {
            self.object(value.pointer());
        }
    }

    /// A root.
    #[inline]
    pub fn object(&mut self, object: *mut Header) {
        match &mut self.listing {
            None => self.mark(object),
            Some(list) => list.push(object),
        }
    }

    /// The frames of a stack whose innermost frame has this base (0: none). For the running stack; those of tasks and
    /// generators that do not run are found through their owners by [`Stack::base`].
    ///
    /// # Safety
    /// The stack is a live one of this heap, and its frames from `base` down are well-formed.
    pub unsafe fn stack(&mut self, stack: *mut Stack, base: u32) {
        match &mut self.listing {
            // SAFETY: by the caller's promise.
            None => unsafe { Visitor::stack(self, stack, base) },
            Some(list) => {
                list.push(stack.cast());
                let mut lister = Lister { list, layouts: &self.layouts };
                // SAFETY: by the caller's promise.
                unsafe { trace::visit_frames(stack, base, &mut lister) };
            }
        }
    }

    /// Whether the roots are only listed, not marked (by the verifier): nothing may be noted as seen.
    pub fn only_lists(&self) -> bool {
        self.listing.is_some()
    }

    /// Whether roots may leave out what has been traced in an earlier collection and has not changed since.
    pub fn wants_changes_only(&self) -> bool {
        self.young && self.listing.is_none()
    }

    /// Whether the object has the current colour (immortals always do).
    #[inline(always)]
    pub(crate) fn is_marked(&self, object: *const Header) -> bool {
        // SAFETY: every object lies in a block or chunk with side bytes; those of this heap are read by its owner, those of
        // immortals never change.
        unsafe { *block::side(object) & self.colour != 0 }
    }

    /// Whether the unmarked objects of a block or chunk of this heap are waiting to be swept.
    ///
    /// # Safety
    /// `head` points to the head of a block or chunk that has not been freed.
    #[inline(always)]
    pub(crate) unsafe fn is_pending(&self, head: *const Head) -> bool {
        // SAFETY: by the caller's promise.
        unsafe { (*head).pending || (*head).born < self.pending_before }
    }

    /// Makes a white object grey.
    #[inline(always)]
    pub(crate) fn mark(&mut self, object: *mut Header) {
        let side = block::side(object);
        // SAFETY: as in `is_marked`; an unmarked object is of this heap, so this thread may write its side byte.
        unsafe {
            if *side & self.colour == 0 {
                // In an object of one granule the old end stays: holes may be looked for meanwhile.
                *side = *side & END | self.colour | LOG | START;
                self.stack.push(object);
            }
        }
    }

    /// Whether grey objects wait.
    pub(crate) fn has_work(&self) -> bool {
        !self.stack.is_empty() || !self.pieces.is_empty()
    }

    /// Forgets all grey objects.
    pub(crate) fn clear(&mut self) {
        self.stack.clear();
        self.pieces.clear();
        self.weaks.clear();
        self.proxies.clear();
    }

    /// Notes where the object ends, and its size.
    ///
    /// # Safety
    /// `object` is a marked object of this heap.
    #[inline(always)]
    unsafe fn seal(&mut self, object: *mut Header) {
        // SAFETY: by the caller's promise; the last granule of an object in a block lies in the same block.
        unsafe {
            let granules = (*object).granules as usize;
            if granules == 0 {
                self.marked += (*block::head(object)).large;
            } else {
                let last = block::side(object).add(granules - 1);
                *last = if granules == 1 { *last | END } else { self.colour | END };
                self.marked += granules * block::GRANULE;
            }
        }
    }

    /// Visits an object, or begins to if it is large.
    ///
    /// # Safety
    /// `object` is a marked, initialised object of this heap.
    #[inline(always)]
    pub(crate) unsafe fn scan(&mut self, object: *mut Header) {
        // SAFETY: by the caller's promise.
        unsafe {
            if (*object).granules == 0 && trace::pieces(object) > PIECE {
                trace::visit_whole_part(object, self);
                self.pieces.push((object, 0));
            } else {
                trace::visit(object, self);
            }
        }
    }

    /// Visits grey objects until there are none or the time is over; tells whether there are none left.
    pub(crate) fn drain(&mut self, deadline: Option<Instant>) -> bool {
        loop {
            if !self.drain_stack(deadline) {
                return false;
            }
            let Some((object, from)) = self.pieces.pop() else { return true };
            // SAFETY: grey objects are live.
            unsafe {
                let all = trace::pieces(object);
                let to = (from + PIECE).min(all);
                if to < all {
                    self.pieces.push((object, to));
                }
                if from < to {
                    trace::visit_pieces(object, from, to, self);
                }
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return !self.has_work();
            }
        }
    }

    fn drain_stack(&mut self, deadline: Option<Instant>) -> bool {
        let mut ahead = [std::ptr::null_mut::<Header>(); AHEAD];
        let (mut first, mut waiting) = (0usize, 0usize);
        let mut count = 0;
        loop {
            while waiting < AHEAD {
                let Some(object) = self.stack.pop() else { break };
                prefetch(object);
                ahead[(first + waiting) % AHEAD] = object;
                waiting += 1;
            }
            if waiting == 0 {
                return true;
            }
            let object = ahead[first];
            first = (first + 1) % AHEAD;
            waiting -= 1;
            // SAFETY: grey objects are live and marked.
            unsafe {
                self.seal(object);
                self.scan(object);
            }
            count += 1;
            if count % CLOCK == 0 && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                for i in 0..waiting {
                    self.stack.push(ahead[(first + i) % AHEAD]);
                }
                return !self.has_work();
            }
        }
    }
}

#[inline(always)]
fn prefetch(object: *const Header) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch has no effect but on the cache.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(object.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = object;
}

impl Visitor for Tracer {
    #[inline(always)]
    fn unboxed(&self, class: u32) -> u64 {
        self.layouts.unboxed(class)
    }

    #[inline(always)]
    fn object(&mut self, target: *mut Header) {
        self.mark(target);
    }

    unsafe fn stack(&mut self, stack: *mut Stack, base: u32) {
        let side = block::side(stack.cast());
        // SAFETY: the stack is of this heap.
        unsafe {
            if *side & self.colour == 0 {
                *side = *side & END | self.colour | LOG | START;
                self.seal(stack.cast());
            }
            trace::visit_frames(stack, base, self);
        }
    }

    fn weak(&mut self, weak: *mut Weak) {
        self.weaks.push(weak);
    }

    fn proxy(&mut self, proxy: *mut Proxy, heap: u32) {
        if heap == self.heap {
            // SAFETY: a live proxy; its target is an object of this heap.
            self.mark(unsafe { (*proxy).target });
        } else {
            self.proxies.push(proxy);
        }
    }
}

/// Lists references instead of marking them.
pub(crate) struct Lister<'a> {
    pub(crate) list: &'a mut Vec<*mut Header>,
    pub(crate) layouts: &'a Layouts,
}

impl Visitor for Lister<'_> {
    fn unboxed(&self, class: u32) -> u64 {
        self.layouts.unboxed(class)
    }

    fn object(&mut self, target: *mut Header) {
        self.list.push(target);
    }

    unsafe fn stack(&mut self, stack: *mut Stack, base: u32) {
        self.list.push(stack.cast());
        // SAFETY: by the caller's promise.
        unsafe { trace::visit_frames(stack, base, self) };
    }

    fn weak(&mut self, _: *mut Weak) {}

    fn proxy(&mut self, _: *mut Proxy, _: u32) {}
}

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracer").field("grey", &self.stack.len()).finish_non_exhaustive()
    }
}

const _: () = assert!(Kind::Proxy as u8 == 27);
