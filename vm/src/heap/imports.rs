//! Who holds references into whose heap: import lists and pins.
//!
//! For every pair of heaps "R holds proxies of objects of O" there is one [`ImportList`], written by R alone. Importing
//! is an append to its recent part, without a lock or a read-modify-write. When R has collected and its dead proxies
//! may be swept, R replaces what the list said before by what the marking reached ([`ImportList::publish`]). A
//! reference on its way in a message is in no list; its target is *pinned* at O from before the sender lets go of it until
//! the receiver has listed it.
//!
//! O takes all entries and pins as roots. A white object may be swept when, after a grace period that began at the end of
//! marking, one [`OwnerTable::scan`] finds no unmarked target. Why that is enough:
//!
//! 1. After marking no slot of a marked object refers to a white one. So whoever gets hold of a white object's address
//!    later got it through another white object that he had before: listed, pinned, or as a raw pointer.
//! 2. Raw pointers from before the end of marking are gone at the end of the grace period; what was made of them is listed
//!    (the list's `Release` append comes before the holder's quiescent point, the owner's scan after).
//! 3. The scan sees everything that is listed or pinned at the moment when it has locked all lists. A target that is only
//!    pinned then is either still pinned when the pins are read, or was listed before it was unpinned, and lists are
//!    read after the pins. Nothing leaves a list during the scan, because publishing needs its lock. A list that appears
//!    before the pins have been read makes the scan start again.
//! 4. If the scan finds a white target, that is marked with all it refers to, and a new grace period begins: a raw pointer
//!    that somebody read out of it meanwhile is covered by the same argument.
//!
//! Locks are only tried: an owner that finds a list locked scans at its next safepoint; an importer that cannot publish leaves
//! the longer list in place. So no thread waits for another one's collector.

use super::quiesce::{Quiesce, Ticket};
use super::sync::{Arc, AtomicPtr, AtomicUsize, Mutex, Ordering, lock, try_lock};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::null_mut;

/// Entries in a segment.
#[cfg(not(loom))]
const SEGMENT: usize = 254;
#[cfg(loom)]
const SEGMENT: usize = 2;

/// A part of a list that is appended to without a lock.
struct Segment {
    /// Counts the list's segments, so that a reader's place stays meaningful when older ones are freed.
    number: u64,
    len: AtomicUsize,
    next: AtomicPtr<Segment>,
    entries: [AtomicUsize; SEGMENT],
}

impl Segment {
    fn boxed(number: u64) -> *mut Segment {
        Box::into_raw(Box::new(Segment {
            number,
            len: AtomicUsize::new(0),
            next: AtomicPtr::new(null_mut()),
            entries: std::array::from_fn(|_| AtomicUsize::new(0)),
        }))
    }
}

/// What one heap imports from one other.
pub(crate) struct ImportList {
    importer: u32,
    settled: Mutex<Settled>,
}

/// The part behind the lock.
struct Settled {
    /// Targets that the importer's collections have confirmed.
    entries: Vec<usize>,
    /// Advanced when `entries` is replaced (not when it grows).
    version: u64,
    /// The oldest segment of what was appended since.
    first: *mut Segment,
}

// SAFETY: segments are read under the lock and freed under it; their words are atomics.
unsafe impl Send for Settled {}

impl Drop for Settled {
    fn drop(&mut self) {
        free_until(self.first, null_mut());
    }
}

fn free_until(mut segment: *mut Segment, end: *mut Segment) {
    while segment != end && !segment.is_null() {
        // SAFETY: the chain's segments are boxes that only the list refers to; the caller has taken this part out.
        let segment_box = unsafe { Box::from_raw(segment) };
        segment = segment_box.next.load(Ordering::Relaxed);
    }
}

/// How far an owner has read a list.
#[derive(Clone, Copy, Default)]
struct Cursor {
    version: u64,
    settled: usize,
    segment: u64,
    recent: usize,
}

/// The importer's end of a list.
pub(crate) struct Importer {
    list: Arc<ImportList>,
    tail: *mut Segment,
    /// First segment that the next publication keeps.
    boundary: *mut Segment,
}

// SAFETY: the importer's end moves with its heap; the segments it points to belong to the list it keeps alive.
unsafe impl Send for Importer {}

impl Importer {
    /// A new list, entered at the owner's.
    pub(crate) fn new(importer: u32, owner: &OwnerTable) -> Self {
        let first = Segment::boxed(1);
        let list = Arc::new(ImportList {
            importer,
            settled: Mutex::new(Settled { entries: Vec::new(), version: 1, first }),
        });
        let mut lists = lock(&owner.lists);
        lists.all.push(list.clone());
        lists.version += 1;
        drop(lists);
        Self { list, tail: first, boundary: first }
    }

    /// Lists a target, which is kept alive at this moment by a list, a pin or its owner (see the module's text).
    #[inline]
    pub(crate) fn append(&mut self, target: usize) {
        // SAFETY: the tail is never freed before it is replaced as tail, by this thread.
        let mut tail = unsafe { &*self.tail };
        let mut len = tail.len.load(Ordering::Relaxed);
        if len == SEGMENT {
            self.extend();
            // SAFETY: as above.
            tail = unsafe { &*self.tail };
            len = 0;
        }
        tail.entries[len].store(target, Ordering::Relaxed);
        tail.len.store(len + 1, Ordering::Release);
    }

    #[cold]
    fn extend(&mut self) {
        // SAFETY: as in `append`.
        let tail = unsafe { &*self.tail };
        let next = Segment::boxed(tail.number + 1);
        tail.next.store(next, Ordering::Release);
        self.tail = next;
    }

    /// Marking has ended: what is appended from now on outlasts the next publication.
    pub(crate) fn set_boundary(&mut self) {
        // SAFETY: as in `append`.
        if unsafe { &*self.tail }.len.load(Ordering::Relaxed) > 0 {
            self.extend();
        }
        self.boundary = self.tail;
    }

    /// Replaces what was appended before the boundary (and, with `all`, the settled part) by `targets`; false if the
    /// owner is reading the list just now. Only when the importer's dead proxies may be swept.
    pub(crate) fn publish(&mut self, targets: &mut Vec<usize>, all: bool) -> bool {
        let Some(mut settled) = try_lock(&self.list.settled) else { return false };
        if all {
            settled.entries.clear();
            settled.version += 1;
        }
        settled.entries.append(targets);
        if all {
            settled.entries.shrink_to_fit();
        }
        let first = settled.first;
        settled.first = self.boundary;
        drop(settled);
        free_until(first, self.boundary);
        true
    }
}

/// What others hold of one heap's objects.
pub(crate) struct OwnerTable {
    lists: Mutex<Lists>,
    pins: Mutex<Pins>,
}

/// How often each target is pinned.
type Pins = HashMap<usize, usize, BuildHasherDefault<AddressHasher>>;

/// The hash of an address: an object's is a multiple of 16, so one multiplication spreads it enough.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only addresses are hashed");
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// See [`OwnerTable::stamp`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    lists: u64,
    versions: u64,
    pins: usize,
}

struct Lists {
    all: Vec<Arc<ImportList>>,
    version: u64,
}

/// How an owner's scan ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scan {
    /// Everything was seen.
    Complete,
    /// A list is being published or has just appeared: try again.
    Again,
}

/// How far an owner has read all lists about it.
#[derive(Default)]
pub(crate) struct Cursors {
    by_importer: HashMap<u32, Cursor>,
}

impl Cursors {
    /// Everything is to be read again (the colours have changed).
    pub(crate) fn reset(&mut self) {
        self.by_importer.clear();
    }
}

impl OwnerTable {
    pub(crate) fn new() -> Self {
        Self { lists: Mutex::new(Lists { all: Vec::new(), version: 0 }), pins: Mutex::new(Pins::default()) }
    }

    /// Keeps a target alive until [`unpin`](Self::unpin); counts.
    pub(crate) fn pin(&self, target: usize) {
        *lock(&self.pins).entry(target).or_insert(0) += 1;
    }

    pub(crate) fn unpin(&self, target: usize) {
        let mut pins = lock(&self.pins);
        if let Some(count) = pins.get_mut(&target) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&target);
            }
        }
    }

    /// Takes out the list of an importer that is gone.
    pub(crate) fn forget(&self, importer: u32) {
        let mut lists = lock(&self.lists);
        lists.all.retain(|list| list.importer != importer);
        lists.version += 1;
    }

    /// Changes when something that was listed or pinned may be so no longer; `None` when a list is busy.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let lists = lock(&self.lists);
        let mut versions = 0u64;
        for list in &lists.all {
            versions = versions.wrapping_add(try_lock(&list.settled)?.version);
        }
        Some(Stamp { lists: lists.version, versions, pins: lock(&self.pins).len() })
    }

    /// Whether a complete scan finds nothing.
    fn is_unreferenced(&self) -> bool {
        let mut found = false;
        self.scan(&mut Cursors::default(), |_| found = true) == Scan::Complete && !found
    }

    /// Calls `found` with every target that is listed or pinned and was not seen before (as far as `cursors` tell); pins
    /// are always seen.
    pub(crate) fn scan(&self, cursors: &mut Cursors, mut found: impl FnMut(usize)) -> Scan {
        let (lists, version) = {
            let lists = lock(&self.lists);
            (lists.all.clone(), lists.version)
        };
        let mut locked = Vec::with_capacity(lists.len());
        for list in &lists {
            match try_lock(&list.settled) {
                Some(settled) => locked.push((list.importer, settled)),
                None => return Scan::Again,
            }
        }
        lock(&self.pins).keys().for_each(|&target| found(target));
        if lock(&self.lists).version != version {
            return Scan::Again;
        }
        for (importer, settled) in &locked {
            settled.read(cursors.by_importer.entry(*importer).or_default(), &mut found);
        }
        Scan::Complete
    }
}

/// Decides when the heap of an ended thread can be freed: nothing of it is listed or pinned at the end of a grace period that began when
/// nothing was. The argument is the module's, with the whole heap white.
#[derive(Default)]
pub(crate) struct Farewell {
    /// Since when nothing may have referred to the heap any more.
    ticket: Option<Ticket>,
}

impl Farewell {
    /// Whether nothing referred to the heap at the last look.
    pub(crate) fn has_begun(&self) -> bool {
        self.ticket.is_some()
    }

    /// One look, which never waits. Whether the heap can be freed.
    pub(crate) fn look(&mut self, owner: &OwnerTable, quiesce: &Quiesce) -> bool {
        let Some(ticket) = &mut self.ticket else {
            if owner.is_unreferenced() {
                self.ticket = Some(quiesce.grace_begin(None));
            }
            return false;
        };
        if !quiesce.grace_passed(ticket) {
            return false;
        }
        self.ticket = None;
        owner.is_unreferenced()
    }
}

impl Settled {
    fn read(&self, cursor: &mut Cursor, found: &mut impl FnMut(usize)) {
        if cursor.version != self.version {
            cursor.version = self.version;
            cursor.settled = 0;
        }
        self.entries[cursor.settled..].iter().for_each(|&target| found(target));
        cursor.settled = self.entries.len();
        let mut segment = self.first;
        while !segment.is_null() {
            // SAFETY: segments are freed under the lock that the caller holds.
            let this = unsafe { &*segment };
            if this.number >= cursor.segment {
                if this.number > cursor.segment {
                    cursor.segment = this.number;
                    cursor.recent = 0;
                }
                // What was appended while the list is read may be seen or not; the proof does not need it.
                let len = this.len.load(Ordering::Acquire);
                for entry in &this.entries[cursor.recent..len] {
                    found(entry.load(Ordering::Relaxed));
                }
                cursor.recent = len;
            }
            segment = this.next.load(Ordering::Acquire);
        }
    }
}

#[cfg(all(test, not(loom)))]
impl OwnerTable {
    /// Targets listed or pinned, counted with repetitions; none if a list is busy.
    pub(crate) fn count(&self) -> Option<usize> {
        let mut count = 0;
        match self.scan(&mut Cursors::default(), |_| count += 1) {
            Scan::Complete => Some(count),
            Scan::Again => None,
        }
    }
}

#[cfg(all(test, loom))]
#[path = "models.rs"]
mod models;
