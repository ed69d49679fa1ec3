//! The cycle of a collection, in slices at safepoints.
//!
//! ```text
//!          quota used up            nothing grey, roots visited again
//!   Idle ----------------> Marking ----------------------------------> Grace
//!     ^                       ^                                          |
//!     |                       +--- another thread held a white object ---+
//!     +---------------------------- grace passed, nothing new -----------+
//! ```
//! A *young* collection marks from the roots and the logged old objects and leaves the marks of earlier collections in place;
//! a *full* one changes the mark colour first. Both are the same otherwise. During `Grace` the mutator allocates only in
//! blocks that are not waiting to be swept, so what is unmarked in a waiting block is dead or held by another thread.

use super::block::{self, COLOUR_A, COLOUR_B, LOG};
use super::imports::Scan;
use super::large;
use super::mark::Tracer;
use super::quiesce::Ticket;
use super::trace;
use super::{Heap, Import, Roots};
use crate::object::Header;
use crate::object::handle::Weak;
use crate::value::Value;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Allocation between two slices of marking.
const MARKING_QUOTA: isize = 128 << 10;
/// Allocation between two looks whether the grace period has passed.
const GRACE_QUOTA: isize = 256 << 10;
/// How often the roots may be visited and a slice end before all that was found there is marked; then one slice is made
/// as long as it takes.
const MOST_ATTEMPTS: u32 = 12;
/// Slices of one marking that may end with written objects not yet visited: a program that writes faster than they are visited would keep
/// the marking from its end. Where what was written while a gigabyte was marked is visited, 100 are usual.
const MOST_RESTS: u32 = 256;
/// By how many quarters of what lives a heap grows until the next full collection has ended its marking: the program allocates on while
/// that goes on, and as much as the last time is taken off.
const GROWTH: usize = 3;
/// How long a full collection that was asked for waits for other threads.
const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// Blocks swept at one safepoint.
const SWEEP: usize = 128;
/// Logged objects, or written slots of large ones, visited between two looks at the clock.
const LOGGED: usize = 256;

/// Where the collector stands.
pub(crate) enum Phase {
    Idle,
    Marking { full: bool },
    Grace { full: bool, ticket: Ticket },
}

/// What became of the log.
enum Logged {
    /// It was empty.
    None,
    /// It is empty now.
    Visited,
    /// The time is over.
    Rest,
}

/// The collector's state between slices.
pub(crate) struct Cycle {
    pub(crate) phase: Phase,
    attempts: u32,
    /// See [`MOST_RESTS`].
    rests: u32,
    /// Figures when the collection began.
    allocated_before: u64,
    live_before: usize,
    /// Allocation until marking ended.
    allocated_at_end: u64,
    /// Live bytes at which the next full collection begins.
    pub(crate) next_full: usize,
    /// Weak references whose targets look dead; their slots are empty until that is certain.
    weak: HashMap<*mut Weak, *mut Header>,
    /// White objects that came back to the owner during `Grace`.
    revived: Vec<*mut Header>,
    /// Targets in other heaps, by heap, that marking has reached and that are not published yet.
    survivors: HashMap<u32, Vec<usize>>,
    /// The next publication replaces the whole lists.
    publish_all: bool,
    /// The last publication reached all lists.
    pub(super) published: bool,
}

impl Cycle {
    pub(crate) fn new(first_full: usize) -> Self {
        Self {
            phase: Phase::Idle,
            attempts: 0,
            rests: 0,
            allocated_before: 0,
            live_before: 0,
            allocated_at_end: 0,
            next_full: first_full,
            weak: HashMap::new(),
            revived: Vec::new(),
            survivors: HashMap::new(),
            publish_all: false,
            published: true,
        }
    }
}

/// Tells which objects survive, to [`Roots::after_mark`].
pub struct Liveness<'a> {
    tracer: &'a Tracer,
}

impl Liveness<'_> {
    /// Whether all objects were looked at, not only those made since the last collection.
    pub fn is_full(&self) -> bool {
        !self.tracer.young
    }

    /// Whether the object survives every young collection from now on.
    pub fn is_old(&self, object: *mut Header) -> bool {
        self.tracer.is_marked(object)
    }

    /// Whether the object (of this heap, or immortal) survives.
    pub fn is_live(&self, object: *mut Header) -> bool {
        // SAFETY: the caller's object has not been freed yet; the head belongs to this heap.
        self.tracer.is_marked(object) || unsafe { !self.tracer.is_pending(block::head(object)) }
    }
}

/// A heap without a thread has no roots but what others hold.
struct NoRoots;

impl Roots for NoRoots {
    fn trace(&mut self, _: &mut Tracer) {}
    fn trace_volatile(&mut self, _: &mut Tracer) {}
    fn after_mark(&mut self, _: &Liveness) {}
}

impl Heap {
    /// A bounded slice of whatever is due. The thread is online, holds no foreign pointer, and has stored the running
    /// stack's base in [`Stack::base`](crate::object::task::Stack::base).
    pub fn safepoint(&mut self, roots: &mut dyn Roots) {
        if self.config.stress {
            self.collect(roots);
            return;
        }
        self.member.quiescent();
        let start = Instant::now();
        self.step(roots, Some(start + self.config.slice * self.urgency()));
        self.rest();
        self.stats.pause(start.elapsed());
    }

    /// A full collection now, under the same conditions. It waits a little while for other threads to let go of what is dead;
    /// if they do not, later safepoints finish it.
    pub fn collect(&mut self, roots: &mut dyn Roots) {
        self.member.quiescent();
        let start = Instant::now();
        self.complete(roots);
        if matches!(self.cycle.phase, Phase::Idle) {
            self.begin(roots, true);
            self.complete(roots);
        }
        // Heaps of ended threads that only this one referred to kept objects of this one.
        if matches!(self.cycle.phase, Phase::Idle) && self.drop_frozen() {
            self.begin(roots, true);
            self.complete(roots);
        }
        if matches!(self.cycle.phase, Phase::Idle) {
            let keep = if self.space.nearly_full() { 0 } else { self.config.young_bytes };
            while !self.space.sweep(SWEEP, self.tracer.colour, keep) {}
            self.space.slack = block::BLOCK;
        }
        self.rest();
        self.stats.pause(start.elapsed());
    }

    /// Whether a heap without a thread could be dropped now.
    fn drop_frozen(&mut self) -> bool {
        let shared = self.shared().clone();
        let before = shared.frozen_heaps();
        if before == 0 {
            return false;
        }
        // Once to begin its grace period, once after it.
        shared.drop_unreferenced();
        self.member.quiescent();
        shared.drop_unreferenced();
        shared.frozen_heaps() < before
    }

    /// Carries a begun collection to its end, if the other threads let it.
    fn complete(&mut self, roots: &mut dyn Roots) {
        let mut waiting_since = None;
        loop {
            match self.cycle.phase {
                Phase::Idle => return,
                Phase::Marking { .. } => self.mark(roots, None),
                Phase::Grace { .. } => {
                    self.look(roots);
                    if matches!(self.cycle.phase, Phase::Grace { .. }) {
                        let since = *waiting_since.get_or_insert_with(Instant::now);
                        if since.elapsed() > LONGEST_WAIT {
                            return;
                        }
                        self.member.quiescent();
                        std::thread::yield_now();
                    }
                }
            }
        }
    }

    /// How many times longer than usual a slice may be: grows when the program allocates faster than marking comes to an end.
    fn urgency(&self) -> u32 {
        match self.cycle.phase {
            Phase::Idle | Phase::Grace { .. } => 1,
            Phase::Marking { full } => {
                let allocated = self.stats.allocated_bytes.saturating_sub(self.cycle.allocated_before);
                // A young collection has little to do: if it goes on for long, the program writes faster than a slice follows.
                let expected = match full {
                    false => self.config.young_bytes / 8,
                    true => self.config.young_bytes + self.cycle.live_before / 16,
                };
                1 + (allocated / expected as u64).min(1000) as u32
            }
        }
    }

    fn step(&mut self, roots: &mut dyn Roots, deadline: Option<Instant>) {
        match self.cycle.phase {
            Phase::Idle => {
                if self.quota > 0 {
                    self.space.sweep(SWEEP, self.tracer.colour, self.config.young_bytes);
                    return;
                }
                let full = self.tracer.marked >= self.cycle.next_full
                    || self.space.nearly_full()
                        && self.quota < 0
                        && self.allocated_since_full > self.tracer.marked / 4;
                // What the last full collection left to sweep is swept before the next begins: in slices as well, unless memory is short.
                if full
                    && !self.space.nearly_full()
                    && !self.space.sweep(SWEEP, self.tracer.colour, self.config.young_bytes)
                {
                    self.quota = MARKING_QUOTA;
                    return;
                }
                self.begin(roots, full);
                self.mark(roots, deadline);
            }
            Phase::Marking { .. } => self.mark(roots, deadline),
            Phase::Grace { .. } => self.look(roots),
        }
    }

    /// A slice of a full collection, or of one that the heap's thread has left, for a heap without a thread. A new one is begun
    /// only if `begin` says so. Whether there is nothing more to do.
    pub(super) fn collect_without_thread(&mut self, begin: bool, deadline: Instant) -> bool {
        let mut roots = NoRoots;
        // What the thread had allocated keeps nobody waiting.
        self.cycle.allocated_at_end = self.stats.allocated_bytes;
        match self.cycle.phase {
            Phase::Idle => {
                if !self.space.sweep(SWEEP, self.tracer.colour, 0) {
                    return false;
                }
                if !begin {
                    return true;
                }
                self.begin(&mut roots, true);
                self.mark(&mut roots, Some(deadline));
            }
            Phase::Marking { .. } => self.mark(&mut roots, Some(deadline)),
            Phase::Grace { .. } => self.look(&mut roots),
        }
        false
    }

    /// Sets the quota until the next slice.
    fn rest(&mut self) {
        let quota = match self.cycle.phase {
            Phase::Idle => self.config.young_bytes as isize,
            Phase::Marking { .. } => MARKING_QUOTA.min(self.config.young_bytes as isize / 8),
            Phase::Grace { .. } => GRACE_QUOTA.min(self.config.young_bytes as isize / 4),
        };
        // Between collections the quota runs on from safepoint to safepoint.
        if self.quota <= 0 || !matches!(self.cycle.phase, Phase::Idle) {
            self.quota = quota;
        }
        self.wants = self.config.stress;
    }

    fn begin(&mut self, roots: &mut dyn Roots, full: bool) {
        self.tracer.clear();
        self.cycle.attempts = 0;
        self.cycle.rests = 0;
        self.cycle.allocated_before = self.stats.allocated_bytes;
        self.cycle.live_before = self.tracer.marked;
        if full {
            self.stats.full += 1;
            // No side byte may have the colour that is about to mean "live".
            while !self.space.sweep(SWEEP, self.tracer.colour, self.config.young_bytes) {}
            self.tracer.colour = if self.tracer.colour == COLOUR_A { COLOUR_B } else { COLOUR_A };
            self.tracer.marked = 0;
            self.log.clear();
            for chunk in self.carded.drain(..) {
                // SAFETY: a chunk of this heap with cards.
                unsafe { large::take_cards(chunk.as_ptr(), usize::MAX, |_, _| {}) };
            }
            self.cursors.reset();
            self.cycle.survivors.clear();
            self.cycle.publish_all = true;
            self.allocated_since_full = 0;
        } else {
            self.stats.young += 1;
        }
        self.cycle.phase = Phase::Marking { full };
        self.tracer.young = !full;
        roots.trace(&mut self.tracer);
    }

    /// A slice of marking.
    fn mark(&mut self, roots: &mut dyn Roots, deadline: Option<Instant>) {
        let Phase::Marking { full } = self.cycle.phase else { return };
        let patient = self.cycle.attempts < MOST_ATTEMPTS && self.cycle.rests < MOST_RESTS;
        let deadline = deadline.filter(|_| patient);
        let mut roots_done = false;
        loop {
            if !self.tracer.drain(deadline) {
                return;
            }
            match self.drain_log(deadline) {
                Logged::None => {}
                Logged::Visited => continue,
                Logged::Rest => {
                    self.cycle.rests += 1;
                    return;
                }
            }
            if roots_done {
                break;
            }
            // Nothing runs between here and the end of this slice, so once a slice is enough.
            roots_done = true;
            self.cycle.attempts += 1;
            roots.trace_volatile(&mut self.tracer);
            let tracer = &mut self.tracer;
            // An incomplete scan is made up for by the one that `look` makes.
            let _ = self.owner.scan(&mut self.cursors, |target| tracer.mark(target as *mut Header));
        }
        self.end_of_marking(roots, full);
    }

    /// Visits logged objects until there are none or the time is over.
    fn drain_log(&mut self, deadline: Option<Instant>) -> Logged {
        let mut found = Logged::None;
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        while !self.log.is_empty() {
            if matches!(found, Logged::Visited) && is_late() {
                return Logged::Rest;
            }
            found = Logged::Visited;
            let from = self.log.len().saturating_sub(LOGGED.max(self.log.len() / 2));
            for object in self.log.drain(from..) {
                if self.tracer.is_marked(object) {
                    // SAFETY: logged objects are of this heap; a marked one is live.
                    unsafe {
                        *block::side(object) |= LOG;
                        self.tracer.scan(object);
                    }
                }
            }
        }
        // However short the time, each slice gets on with both: else one that always has something in it would keep the other waiting for ever.
        let mut begun = false;
        while let Some(&chunk) = self.carded.last() {
            if begun && is_late() {
                return Logged::Rest;
            }
            (found, begun) = (Logged::Visited, true);
            let object = large::object(chunk);
            let tracer = &mut self.tracer;
            let marked = tracer.is_marked(object);
            // SAFETY: a chunk of this heap with cards; a marked object is live.
            let done = unsafe {
                large::take_cards(chunk.as_ptr(), LOGGED, |from, to| {
                    if marked {
                        trace::visit_bytes(object, from, to, tracer);
                    }
                })
            };
            if done {
                self.carded.pop();
            }
        }
        found
    }

    fn end_of_marking(&mut self, roots: &mut dyn Roots, full: bool) {
        self.drop_regions();
        self.proxies.clear();
        for import in &mut self.importers {
            import.importer.set_boundary();
        }
        self.space.close(full, &mut self.tracer);
        for weak in std::mem::take(&mut self.tracer.weaks) {
            // SAFETY: the collector visited this weak reference, so it is live; its target has not been freed.
            unsafe {
                let target = (*weak).target.get();
                if target.is_object() && !self.is_held(target.pointer()) {
                    self.cycle.weak.insert(weak, target.pointer());
                    (*weak).target.set_unbarriered(Value::NULL);
                }
            }
        }
        self.cycle.allocated_at_end = self.stats.allocated_bytes;
        let ticket = self.shared().quiesce.grace_begin(Some(&self.member));
        self.cycle.phase = Phase::Grace { full, ticket };
        self.look(roots);
    }

    /// Whether the object is marked, or was allocated after marking ended.
    fn is_held(&self, object: *mut Header) -> bool {
        Liveness { tracer: &self.tracer }.is_live(object)
    }

    /// Finishes the collection if no other thread can hold a dead object, or goes on marking if one does.
    fn look(&mut self, roots: &mut dyn Roots) {
        let shared = self.shared().clone();
        let quiesce = &shared.quiesce;
        let Phase::Grace { full, ticket } = &mut self.cycle.phase else { return };
        let full = *full;
        let passed = quiesce.grace_passed(ticket);
        if !passed {
            self.be_patient();
        }
        for object in std::mem::take(&mut self.cycle.revived) {
            self.tracer.mark(object);
        }
        if passed && !self.tracer.has_work() {
            let tracer = &mut self.tracer;
            let scan = self.owner.scan(&mut self.cursors, |target| tracer.mark(target as *mut Header));
            if !self.tracer.has_work() {
                if scan == Scan::Complete {
                    self.finish(roots, full);
                }
                return;
            }
        }
        if self.tracer.has_work() {
            for (weak, target) in self.cycle.weak.drain() {
                // SAFETY: nothing has been freed since the slot was emptied; the weak reference is live.
                unsafe { (*weak).target.set_unbarriered(Value::object(target)) };
                self.tracer.weaks.push(weak);
            }
            self.space.reopen(full, &mut self.tracer);
            self.drop_regions();
            self.cycle.phase = Phase::Marking { full };
        }
    }

    /// The program allocates while another thread, which may have lost its processor, is waited for: the more it has allocated,
    /// the more time it leaves to others.
    fn be_patient(&self) {
        let allocated = self.stats.allocated_bytes.saturating_sub(self.cycle.allocated_at_end) as usize;
        if allocated > 8 * self.config.young_bytes {
            std::thread::sleep(Duration::from_micros(100));
        } else if allocated > self.config.young_bytes {
            std::thread::yield_now();
        }
    }

    fn finish(&mut self, roots: &mut dyn Roots, full: bool) {
        self.cycle.weak.clear();
        roots.after_mark(&Liveness { tracer: &self.tracer });
        // A dead carded chunk must not stay in the list.
        let tracer = &self.tracer;
        self.carded.retain(|&chunk| {
            // SAFETY: chunks of this heap, not freed yet.
            tracer.is_marked(large::object(chunk)) || unsafe { !tracer.is_pending(chunk.as_ptr()) }
        });
        let check = self.config.verify || self.config.stress || self.config.poison;
        let survived = self.tracer.marked.saturating_sub(self.cycle.live_before);
        let crowded = survived > self.config.young_bytes / 2;
        self.space.release(&mut self.tracer, full, crowded, check);
        self.publish();
        if full {
            let live = self.tracer.marked;
            let meanwhile = self.cycle.allocated_at_end.saturating_sub(self.cycle.allocated_before) as usize;
            let goal = (live + live / 4 * GROWTH).saturating_sub(meanwhile).max(live + live / 4);
            self.cycle.next_full = goal.max(live + self.config.young_bytes * 4);
        }
        self.cycle.phase = Phase::Idle;
        self.quota = self.config.young_bytes as isize;
        if !self.frozen {
            self.shared().tend_frozen();
        }
        if self.config.verify
            && let Err(error) = self.verify(roots)
        {
            panic!("heap {} after a collection: {error}", self.number);
        }
    }

    /// Tells the owners of foreign targets which of them this heap still refers to.
    fn publish(&mut self) {
        for proxy in std::mem::take(&mut self.tracer.proxies) {
            // SAFETY: a live proxy of this heap.
            let (heap, target) = unsafe { ((*proxy).heap, (*proxy).target as usize) };
            self.cycle.survivors.entry(heap).or_default().push(target);
        }
        let all = self.cycle.publish_all;
        if all {
            self.forget_dead_owners();
        }
        let mut published = true;
        let mut none = Vec::new();
        for Import { heap, importer, .. } in &mut self.importers {
            let targets = self.cycle.survivors.get_mut(heap).unwrap_or(&mut none);
            published &= importer.publish(targets, all);
        }
        // A list that was busy keeps all it had, and what was to be its content is added next time.
        if published {
            self.cycle.survivors.clear();
        }
        self.cycle.publish_all = false;
        self.cycle.published = published;
    }

    /// Drops the lists of heaps that are gone: they went because none of their objects was listed any more.
    fn forget_dead_owners(&mut self) {
        let shared = self.shared().clone();
        self.importers.retain(|import| shared.owner(import.heap).is_some());
    }

    /// The target of a weak reference of this heap, held from now on; null if it is dead.
    ///
    /// # Safety
    /// `weak` points to a live weak reference of this heap.
    pub unsafe fn weak_target(&mut self, weak: *mut Weak) -> Value {
        // SAFETY: by the caller's promise.
        let target = unsafe { (*weak).target.get() };
        if !target.is_null() || self.cycle.weak.is_empty() {
            return target;
        }
        let Some(object) = self.cycle.weak.remove(&weak) else { return target };
        self.import_own(object);
        let target = Value::object(object);
        // SAFETY: by the caller's promise; the target is held.
        unsafe { (*weak).target.set_unbarriered(target) };
        self.tracer.weaks.push(weak);
        target
    }

    /// An object of this heap comes back through a foreign proxy, a message or a weak pointer of the thread's own: from
    /// now on it is held here.
    #[inline]
    pub fn import_own(&mut self, target: *mut Header) {
        if let Phase::Grace { .. } = self.cycle.phase
            && !self.is_held(target)
        {
            self.cycle.revived.push(target);
        }
    }
}
