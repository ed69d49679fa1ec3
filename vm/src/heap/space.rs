//! A heap's memory: its blocks and large chunks, the search for holes, and what is swept.
//!
//! Every block is in one of these places: `available` (swept; its holes may be allocated from), `unswept` (its dead objects may
//! be swept, lazily), `touched` (objects were allocated in it since the last mark's end), `pending` (marking has ended, but
//! its dead objects may still be read by other threads), or none of them (full). Allocation goes through a block once, from
//! front to back, from hole to hole; a hole is what lies between side bytes.

use super::block::{self, BLOCK, END, FIRST_GRANULE, FreeMap, GRANULE, GRANULES, Head, LARGE_DATA};
use super::mark::Tracer;
use super::shared::Memory;
use super::{OutOfMemory, finalise, large};
use crate::object::Header;
use std::collections::VecDeque;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

/// How many blocks are looked at for a hole before a new one is taken.
const LONGEST_SEARCH: u32 = 16;
/// Granules that most objects have at most: a block without a hole of that size is as good as full.
const MODEST: usize = 8;
/// How many blocks are looked at for an empty one.
const EMPTY_SEARCH: usize = 8;
/// How many blocks could be swept in the time that the system takes to get one back.
const GIVEN_BACK: usize = 7;
/// What a dead object's memory is filled with in checking modes: as a value an unknown special, as a header no kind.
pub(crate) const POISON: u64 = 0xdead_dead_dead_deed;

/// A heap's memory.
pub(crate) struct Space {
    pub(crate) number: u32,
    memory: Arc<Memory>,
    pub(crate) blocks: Vec<NonNull<Head>>,
    available: VecDeque<NonNull<Head>>,
    unswept: Vec<NonNull<Head>>,
    touched: Vec<NonNull<Head>>,
    pending: Vec<NonNull<Head>>,
    pub(crate) large: Vec<NonNull<Head>>,
    young_large: Vec<NonNull<Head>>,
    pending_large: Vec<NonNull<Head>>,
    /// The block that holes are taken from, and where the search goes on.
    current: *mut Head,
    /// Whether something has been allocated in it, so that it is among the touched ones.
    current_touched: bool,
    granule: usize,
    holes: Box<FreeMap>,
    /// Objects with content outside the heap: those that no collection has seen yet, and the others.
    young_finalisers: Vec<*mut Header>,
    old_finalisers: Vec<*mut Header>,
    external: usize,
    /// Bytes that this heap has taken from the budget.
    used: usize,
    /// Overshoot of the limit that is allowed just now.
    pub(crate) slack: usize,
    /// Empty blocks that sweeping kept since the last full collection.
    kept: usize,
    /// How many full collections have ended their marking: what was taken before waits to be swept while one waits for the others.
    ended: u32,
    /// How many full collections have come to their end: side bytes of blocks that were not cleaned since may have an outdated colour.
    epoch: u32,
}

// SAFETY: a space is used by one thread at a time, and its memory is not tied to a thread.
unsafe impl Send for Space {}

impl Space {
    pub(crate) fn new(number: u32, memory: Arc<Memory>) -> Self {
        Self {
            number,
            memory,
            blocks: Vec::new(),
            available: VecDeque::new(),
            unswept: Vec::new(),
            touched: Vec::new(),
            pending: Vec::new(),
            large: Vec::new(),
            young_large: Vec::new(),
            pending_large: Vec::new(),
            current: null_mut(),
            current_touched: false,
            granule: GRANULES,
            holes: Box::new(FreeMap::new()),
            young_finalisers: Vec::new(),
            old_finalisers: Vec::new(),
            external: 0,
            used: 0,
            slack: BLOCK,
            kept: 0,
            ended: 0,
            epoch: 0,
        }
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn over_limit(&self) -> bool {
        self.memory.budget.used() > self.memory.budget.limit()
    }

    /// Whether `bytes` more would stay within the VM's limit and the overshoot that is allowed just now.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= self.room()
    }

    /// Bytes that the VM's limit leaves.
    pub(crate) fn room(&self) -> usize {
        let most = self.memory.budget.limit().saturating_add(self.slack);
        most.saturating_sub(self.memory.budget.used())
    }

    /// Whether less than an eighth of the VM's limit is left.
    pub(crate) fn nearly_full(&self) -> bool {
        let limit = self.memory.budget.limit();
        self.memory.budget.used() > limit - limit / 8
    }

    /// The next hole of at least `bytes` (at most what a block holds): its start and end. At most `most` bytes of it are
    /// taken, if that is enough.
    pub(crate) fn next_hole(
        &mut self,
        bytes: usize,
        most: usize,
        colour: u8,
    ) -> Result<(*mut u8, *mut u8), OutOfMemory> {
        let wanted = bytes / GRANULE;
        let mut searched = 0;
        loop {
            while let Some((from, to)) = self.holes.hole(self.granule, wanted) {
                let to = to.min(from + wanted.max(most / GRANULE));
                self.granule = to;
                if to - from >= wanted {
                    if !self.current_touched {
                        self.current_touched = true;
                        self.touched.extend(NonNull::new(self.current));
                    }
                    let start = self.current.cast::<u8>();
                    return Ok((start.wrapping_add(from * GRANULE), start.wrapping_add(to * GRANULE)));
                }
            }
            // A search through a large heap without holes would hold the program up: a new block ends it, unless memory is short.
            searched += 1;
            if wanted > MODEST
                && !self.current_touched
                && !self.nearly_full()
                && let Some(current) = NonNull::new(self.current)
            {
                // There may be smaller holes in it.
                self.available.push_front(current);
            }
            (self.current, self.current_touched) = match searched > LONGEST_SEARCH && !self.nearly_full() {
                true => (self.new_block()?, true),
                false => self.next_block(colour)?,
            };
            self.granule = FIRST_GRANULE;
            // SAFETY: a block of this heap that is clean; its objects were marked in an earlier collection.
            unsafe { self.holes.read(self.current) };
        }
    }

    /// A whole free block for middle-sized objects: start and end. Looks at a few swept blocks before it takes a new one.
    pub(crate) fn fresh_block(&mut self, colour: u8) -> Result<(*mut u8, *mut u8), OutOfMemory> {
        self.sweep(EMPTY_SEARCH, colour, usize::MAX);
        let from = self.available.len().saturating_sub(EMPTY_SEARCH);
        let empty = (from..self.available.len()).rev().find(|&i| {
            // SAFETY: a block of this heap; those that are available are clean.
            unsafe { block::find(self.available[i].as_ptr(), FIRST_GRANULE, 0xff) == GRANULES }
        });
        let block = match empty {
            Some(i) => {
                let block = self.available.swap_remove_back(i).expect("found there");
                self.touched.push(block);
                block.as_ptr()
            }
            None => self.new_block()?,
        }
        .cast::<u8>();
        Ok((block.wrapping_add(block::BLOCK_DATA), block.wrapping_add(BLOCK)))
    }

    /// A block to look for holes in, and whether it is among the touched ones. One in which there is none is in no list any more, until
    /// the next full collection: all its objects are old.
    fn next_block(&mut self, colour: u8) -> Result<(*mut Head, bool), OutOfMemory> {
        let Some(block) = self.available.pop_back().or_else(|| self.unswept.pop()) else {
            return Ok((self.new_block()?, true));
        };
        let block = block.as_ptr();
        // SAFETY: a block of this heap.
        unsafe {
            if (*block).cleaned != self.epoch {
                block::clean(block, colour, self.epoch);
            }
        }
        Ok((block, false))
    }

    fn new_block(&mut self) -> Result<*mut Head, OutOfMemory> {
        if !self.memory.budget.take(BLOCK, self.slack) {
            return Err(OutOfMemory);
        }
        let Some(block) = self.memory.pool.take(self.number) else {
            self.memory.budget.give(BLOCK);
            return Err(OutOfMemory);
        };
        self.used += BLOCK;
        // SAFETY: a fresh block.
        unsafe {
            (*block.as_ptr()).index = self.blocks.len() as u32;
            (*block.as_ptr()).born = self.ended;
            (*block.as_ptr()).cleaned = self.epoch;
        }
        self.blocks.push(block);
        self.touched.push(block);
        Ok(block.as_ptr())
    }

    /// A place for a large object, which may be expected to grow; `bytes` is a whole number of granules.
    pub(crate) fn take_large(&mut self, bytes: usize, grows: bool) -> Result<*mut Header, OutOfMemory> {
        let charge = bytes.saturating_add(LARGE_DATA);
        if !self.memory.budget.take(charge, 0) {
            return Err(OutOfMemory);
        }
        let Some(chunk) = self.memory.chunks.take(bytes, grows, self.number) else {
            self.memory.budget.give(charge);
            return Err(OutOfMemory);
        };
        self.used += charge;
        // SAFETY: a fresh chunk.
        unsafe {
            (*chunk.as_ptr()).index = self.large.len() as u32;
            (*chunk.as_ptr()).born = self.ended;
        }
        self.large.push(chunk);
        self.young_large.push(chunk);
        Ok(large::object(chunk))
    }

    /// Makes a large object of this heap longer where it lies; false if there is no room for that.
    pub(crate) fn lengthen(&mut self, object: *mut Header, bytes: usize) -> bool {
        let Some(chunk) = NonNull::new(block::head(object)) else { return false };
        // SAFETY: a chunk of this heap; only this thread touches its head.
        unsafe {
            let more = bytes.saturating_sub((*chunk.as_ptr()).large);
            if !self.memory.budget.take(more, 0) {
                return false;
            }
            if !self.memory.chunks.lengthen(chunk, bytes) {
                self.memory.budget.give(more);
                return false;
            }
            self.used += more;
        }
        true
    }

    pub(crate) fn charge_external(&mut self, bytes: isize) {
        if bytes >= 0 {
            let bytes = bytes as usize;
            self.external += bytes;
            self.used += bytes;
            self.memory.budget.charge(bytes);
        } else {
            let bytes = bytes.unsigned_abs().min(self.external);
            self.external -= bytes;
            self.used -= bytes;
            self.memory.budget.give(bytes);
        }
    }

    pub(crate) fn add_finaliser(&mut self, object: *mut Header) {
        self.young_finalisers.push(object);
    }

    /// Marking has ended: what was allocated until now (in a full collection: everything) waits to be swept. In a full collection no
    /// block is looked at: there may be very many.
    pub(crate) fn close(&mut self, full: bool, tracer: &mut Tracer) {
        if !self.current_touched && !full {
            self.available.extend(NonNull::new(self.current));
        }
        self.current = null_mut();
        self.current_touched = false;
        self.granule = GRANULES;
        self.pending.clear();
        self.pending_large.clear();
        if full {
            self.available.clear();
            self.touched.clear();
            self.young_large.clear();
            self.pending.extend_from_slice(&self.blocks);
            self.pending_large.extend_from_slice(&self.large);
            self.ended += 1;
            tracer.pending_before = self.ended;
        } else {
            self.pending.append(&mut self.touched);
            self.pending_large.append(&mut self.young_large);
            self.set_pending(true);
        }
    }

    /// Notes whether the objects of what a young collection has closed wait to be swept.
    fn set_pending(&self, pending: bool) {
        for &chunk in self.pending.iter().chain(&self.pending_large) {
            // SAFETY: blocks and chunks of this heap.
            unsafe { (*chunk.as_ptr()).pending = pending };
        }
    }

    /// Marking goes on after all.
    pub(crate) fn reopen(&mut self, full: bool, tracer: &mut Tracer) {
        tracer.pending_before = 0;
        if !full {
            self.set_pending(false);
            self.touched.append(&mut self.pending);
            self.young_large.append(&mut self.pending_large);
        }
    }

    /// Nobody can read dead objects any more: drops what they own and frees them, blocks lazily. `full` as at
    /// [`close`](Self::close); `crowded` says that most of what a young collection looked at lives.
    pub(crate) fn release(&mut self, tracer: &mut Tracer, full: bool, crowded: bool, poison: bool) {
        self.finalise(tracer, full);
        tracer.pending_before = 0;
        match full {
            true => self.epoch += 1,
            false => self.set_pending(false),
        }
        let mut dead = Vec::new();
        for chunk in std::mem::take(&mut self.pending_large) {
            // What is unmarked now is dead for everybody.
            if !tracer.is_marked(large::object(chunk)) {
                self.unlink_large(chunk);
                dead.push(chunk);
            }
        }
        // SAFETY: chunks of this heap that nobody refers to and no table holds any more.
        unsafe { self.memory.chunks.give(dead, self.memory.budget.used()) };
        if poison {
            for &block in &self.pending {
                // SAFETY: a block of this heap.
                unsafe {
                    block::clean(block.as_ptr(), tracer.colour, self.epoch);
                    poison_holes(block.as_ptr());
                }
            }
        }
        if full {
            self.kept = 0;
            self.unswept.append(&mut self.pending);
        } else if crowded {
            // Most of their objects live: they are looked at again when there is nothing better.
            self.pending.drain(..).for_each(|block| self.available.push_front(block));
        } else {
            self.available.extend(self.pending.drain(..));
        }
    }

    fn finalise(&mut self, tracer: &Tracer, full: bool) {
        let mut freed = 0;
        let mut sift = |list: &mut Vec<*mut Header>, survivors: Option<&mut Vec<*mut Header>>| {
            let dead = |object: *mut Header| {
                // SAFETY: an object in the list has not been freed; block or chunk is of this heap.
                !tracer.is_marked(object) && unsafe { tracer.is_pending(block::head(object)) }
            };
            let mut moved = Vec::new();
            list.retain(|&object| {
                if dead(object) {
                    // SAFETY: nobody can reach the object any more, and it leaves the list.
                    freed += unsafe { finalise::drop_content(object) };
                    return false;
                }
                if survivors.is_some() && tracer.is_marked(object) {
                    moved.push(object);
                    return false;
                }
                true
            });
            if let Some(survivors) = survivors {
                survivors.append(&mut moved);
            }
        };
        if full {
            sift(&mut self.old_finalisers, None);
        }
        sift(&mut self.young_finalisers, Some(&mut self.old_finalisers));
        self.charge_external(-(freed as isize));
    }

    /// Takes a chunk out of the table of large ones, and its bytes off the budget.
    fn unlink_large(&mut self, chunk: NonNull<Head>) {
        // SAFETY: a chunk of this heap; the table's indices are kept right.
        unsafe {
            let index = (*chunk.as_ptr()).index as usize;
            let bytes = (*chunk.as_ptr()).large + LARGE_DATA;
            self.large.swap_remove(index);
            if let Some(moved) = self.large.get(index) {
                (*moved.as_ptr()).index = index as u32;
            }
            self.used -= bytes;
            self.memory.budget.give(bytes);
        }
    }

    /// Sweeps up to `count` blocks, fewer if many are given back; empty ones beyond `keep` bytes go back to the pool. Tells whether none
    /// are left.
    pub(crate) fn sweep(&mut self, count: usize, colour: u8, keep: usize) -> bool {
        let mut left = count;
        while left > 0 {
            left -= 1;
            let Some(block) = self.unswept.pop() else { return true };
            // SAFETY: a block of this heap, whose dead objects nobody reads.
            unsafe {
                let any = if (*block.as_ptr()).cleaned == self.epoch {
                    block::find(block.as_ptr(), FIRST_GRANULE, 0xff) < GRANULES
                } else {
                    block::clean(block.as_ptr(), colour, self.epoch)
                };
                if !any && self.kept * BLOCK >= keep {
                    let index = (*block.as_ptr()).index as usize;
                    self.blocks.swap_remove(index);
                    if let Some(moved) = self.blocks.get(index) {
                        (*moved.as_ptr()).index = index as u32;
                    }
                    self.memory.pool.give(block);
                    self.memory.budget.give(BLOCK);
                    self.used -= BLOCK;
                    left = left.saturating_sub(GIVEN_BACK);
                    continue;
                }
                self.kept += !any as usize;
            }
            self.available.push_back(block);
        }
        self.unswept.is_empty()
    }
}

/// # Safety
/// A clean block of the calling thread's heap that nobody else reads and nothing has been allocated in since.
unsafe fn poison_holes(block: *mut Head) {
    let mut from = FIRST_GRANULE;
    while from < GRANULES {
        // SAFETY: by the caller's promise nothing alive lies between side bytes.
        unsafe {
            let to = block::find(block, from, 0xff);
            let words = block.cast::<u64>();
            for word in from * 2..to * 2 {
                words.add(word).write(POISON);
            }
            from = block::find(block, to, END) + 1;
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        for &object in self.young_finalisers.iter().chain(&self.old_finalisers) {
            // SAFETY: the heap goes as a whole: nobody refers to its objects any more.
            unsafe { finalise::drop_content(object) };
        }
        // SAFETY: as above.
        unsafe { self.memory.chunks.give(std::mem::take(&mut self.large), 0) };
        for &block in &self.blocks {
            self.memory.pool.give(block);
        }
        self.memory.budget.give(self.used);
    }
}
