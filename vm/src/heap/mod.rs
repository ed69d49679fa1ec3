//! One heap a thread: allocation, collection, and what keeps objects alive for other threads.
//!
//! - `room`: memory from the system; `block`, `large`, `space`: where objects lie in it. Objects never move.
//! - `mark`, `trace`, `collect`: incremental marking, young and full, in slices at safepoints.
//! - `quiesce`, `imports`, `shared`: when memory that other threads may be reading can be freed.
//! - `growing`: large objects that become longer where they lie.
//! - `failing`: allocations that fail on purpose, for tests.
//! - `verify`: checks everything that the others rely on.
//!
//! Invariants: only the owning thread touches a heap's side bytes and writes its objects; values in a heap's slots and in
//! its thread's registers refer to objects of that heap or to immortals, never to another heap (a proxy's `target` is the one
//! foreign address); a marked object that is not logged refers to marked objects only.

mod block;
mod collect;
mod failing;
mod finalise;
mod frozen;
mod growing;
mod immortal;
mod imports;
mod large;
mod layouts;
mod mark;
mod room;
mod shared;
mod space;
mod stats;
pub(crate) mod sync;
#[cfg(all(test, not(loom)))]
mod tests;
#[cfg(all(test, not(loom)))]
mod tests_threads;
mod trace;
mod verify;

pub mod quiesce;

pub use collect::Liveness;
pub use failing::Failures;
pub use immortal::{Fixed, Immortals};
pub use layouts::MAX_LAYOUTS;
pub use mark::Tracer;
pub use shared::{HeapShared, Pin};
pub use stats::HeapStats;

use crate::error::Control;
use crate::object::proxy::{Proxy, ProxyWithAttributes};
use crate::object::{BoxFloat, BoxInt, FLAG_FINALISER, Header, Kind, Slot, class_id};
use crate::value::Value;
use block::{GRANULE, Head, LOG};
use collect::{Cycle, Phase};
use imports::{Cursors, Importer, OwnerTable};
use quiesce::Member;
use space::Space;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The heap's limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl From<OutOfMemory> for Control {
    fn from(_: OutOfMemory) -> Self {
        Control::OutOfMemory
    }
}

/// How one heap works.
#[derive(Clone, Debug)]
pub struct HeapConfig {
    /// Every safepoint is a full collection, and freed memory is poisoned.
    pub stress: bool,
    /// The heap is verified after every collection, and freed memory is poisoned.
    pub verify: bool,
    /// Freed memory is filled with what is no value and no header.
    pub poison: bool,
    /// Allocation between two young collections, in bytes.
    pub young_bytes: usize,
    /// Time that one safepoint spends on marking.
    pub slice: Duration,
    /// The thread's poll limit, set to 0 when the heap wants a safepoint, so that a thread need poll only one word.
    pub poke: Option<Arc<AtomicU64>>,
    /// Allocations that are to fail, for tests.
    pub failures: Option<Arc<Failures>>,
}

impl Default for HeapConfig {
    fn default() -> Self {
        Self {
            stress: false,
            verify: false,
            poison: false,
            young_bytes: 4 << 20,
            slice: Duration::from_micros(300),
            poke: None,
            failures: None,
        }
    }
}

/// What a heap's owner holds outside the heap.
pub trait Roots {
    /// Traces all roots, or those that changed ([`Tracer::wants_changes_only`]). Called when a collection begins. What enters
    /// them later must be found by `trace_volatile`.
    fn trace(&mut self, tracer: &mut Tracer);
    /// Traces the roots that have no write barrier and may have changed since `trace`: the running task's stack and what
    /// else lies in Rust data. Called when marking is to end, perhaps several times.
    fn trace_volatile(&mut self, tracer: &mut Tracer);
    /// The set of live objects is final: weak references held outside the heap (a task's future) are to be cleared.
    fn after_mark(&mut self, live: &Liveness);
}

/// Objects of more bytes than this have an allocation of their own.
const LARGEST_IN_BLOCK: usize = 32 << 10;
/// Objects of more bytes than this are not allowed to end the search of a hole.
const LARGEST_SMALL: usize = 1 << 10;
/// What is taken of a hole when the quota is used up.
const LEAST_TAKEN: isize = 4 << 10;
/// Entries of the table of proxies made lately.
const PROXY_CACHE: usize = 256;

/// A thread's heap.
#[repr(C)]
pub struct Heap {
    /// Free part of the hole that objects are allocated in, at fixed offsets for compiled code.
    bump: *mut u8,
    limit: *mut u8,
    /// The hole's real end while allocations are counted (`failing`), and `limit` therefore says that it is full.
    hole_end: *mut u8,
    /// Free part of a block for middle-sized objects.
    middle: (*mut u8, *mut u8),
    /// A safepoint has something to do.
    wants: bool,
    number: u32,
    /// What may be allocated before it has.
    quota: isize,
    allocated_since_full: usize,
    tracer: Tracer,
    /// Marked objects that were written since they were visited.
    log: Vec<*mut Header>,
    /// Large chunks with cards set.
    carded: Vec<NonNull<Head>>,
    space: Space,
    cycle: Cycle,
    importers: Vec<Import>,
    proxies: ProxyCache,
    cursors: Cursors,
    owner: Arc<OwnerTable>,
    member: Member,
    /// None while the heap is among the frozen ones, which `HeapShared` holds.
    shared: Option<Arc<HeapShared>>,
    config: HeapConfig,
    stats: HeapStats,
    permanent: bool,
    /// Its thread has ended.
    frozen: bool,
}

// SAFETY: a heap is used by one thread at a time; it moves to its thread before that starts.
unsafe impl Send for Heap {}

/// What a heap holds of another one.
struct Import {
    /// The other heap's number.
    heap: u32,
    /// The list of it.
    importer: Importer,
    /// The other heap's table.
    owner: Arc<OwnerTable>,
}

/// Proxies made lately, by target: any may be missing.
#[derive(Default)]
struct ProxyCache {
    entries: Vec<(*mut Header, *mut Proxy)>,
}

impl ProxyCache {
    #[inline]
    fn slot(target: *mut Header) -> usize {
        let address = target as usize >> 4;
        (address ^ address >> 8) % PROXY_CACHE
    }

    fn clear(&mut self) {
        self.entries.clear();
    }
}

impl Heap {
    /// Offset of the pointer to the free part of the current hole.
    pub const BUMP_OFFSET: usize = std::mem::offset_of!(Heap, bump);
    /// Offset of the pointer to its end.
    #[doc(hidden)]
    pub const BLOCK_BYTES: usize = block::BLOCK;
    #[doc(hidden)]
    pub const LOG_BIT: u8 = LOG;
    /// Offset of the pointer to its end.
    pub const LIMIT_OFFSET: usize = std::mem::offset_of!(Heap, limit);

    /// A new heap; its thread begins offline.
    pub fn new(shared: Arc<HeapShared>, config: HeapConfig) -> Heap {
        let member = shared.quiesce.join();
        let (number, owner) = shared.enter();
        Heap::with(shared, config, member, number, owner)
    }

    fn with(
        shared: Arc<HeapShared>,
        config: HeapConfig,
        member: Member,
        number: u32,
        owner: Arc<OwnerTable>,
    ) -> Heap {
        Heap {
            bump: null_mut(),
            limit: null_mut(),
            hole_end: null_mut(),
            middle: (null_mut(), null_mut()),
            wants: config.stress,
            number,
            quota: config.young_bytes as isize,
            allocated_since_full: 0,
            tracer: Tracer::new(number, shared.layouts.clone()),
            log: Vec::new(),
            carded: Vec::new(),
            space: Space::new(number, shared.memory.clone()),
            cycle: Cycle::new(config.young_bytes * 4),
            importers: Vec::new(),
            proxies: ProxyCache::default(),
            cursors: Cursors::default(),
            owner,
            member,
            shared: Some(shared),
            config,
            stats: HeapStats::default(),
            permanent: false,
            frozen: false,
        }
    }

    /// A heap without limit and without others, online: for tests and tools.
    pub fn standalone() -> Heap {
        let heap = Heap::new(HeapShared::new(usize::MAX), HeapConfig::default());
        heap.online();
        heap
    }

    /// The heap's number, never used again in this VM.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What it shares with the VM's other heaps.
    pub fn shared(&self) -> &Arc<HeapShared> {
        self.shared.as_ref().expect("set but while a frozen heap rests")
    }

    /// The thread may read foreign heaps from now on.
    pub fn online(&self) {
        self.member.online();
    }

    /// The thread blocks or runs host code: it holds no foreign pointer.
    pub fn offline(&self) {
        self.member.offline();
    }

    /// The thread holds no foreign pointer at this moment (about 1 ns). It must be online.
    #[inline(always)]
    pub fn quiescent(&self) {
        self.member.quiescent();
    }

    /// A new object with its header written; the caller fills the rest before the next safepoint. (The last word of an
    /// instance is null already: it may be padding.)
    #[inline(always)]
    pub fn alloc(&mut self, kind: Kind, class: u32, bytes: usize) -> Result<*mut Header, OutOfMemory> {
        let object = self.bump;
        if bytes > self.limit.addr() - object.addr() {
            return self.alloc_slowly(kind, class, bytes);
        }
        // The hole is a whole number of granules, so the rounded size fits as well.
        let bytes = bytes.next_multiple_of(GRANULE);
        self.bump = object.wrapping_add(bytes);
        let object = object.cast::<Header>();
        // SAFETY: the hole is free memory of this heap with room for `bytes` bytes.
        unsafe { write_header(object, kind, class, bytes, (bytes / GRANULE) as u16) };
        Ok(object)
    }

    #[cold]
    #[inline(never)]
    fn alloc_slowly(&mut self, kind: Kind, class: u32, bytes: usize) -> Result<*mut Header, OutOfMemory> {
        if self.config.failures.is_some() {
            return self.alloc_counted(kind, class, bytes);
        }
        self.alloc_elsewhere(kind, class, bytes)
    }

    /// Allocates where the current hole has no room.
    fn alloc_elsewhere(&mut self, kind: Kind, class: u32, bytes: usize) -> Result<*mut Header, OutOfMemory> {
        let bytes = bytes.checked_next_multiple_of(GRANULE).ok_or(OutOfMemory)?;
        if bytes > LARGEST_IN_BLOCK {
            return self.alloc_large(kind, class, bytes, false);
        }
        let object = if bytes > LARGEST_SMALL {
            if bytes > self.middle.1.addr() - self.middle.0.addr() {
                match self.space.fresh_block(self.tracer.colour) {
                    Ok(block) => self.middle = block,
                    // The limit is reached, but somewhere there may be a hole.
                    Err(OutOfMemory) => {
                        self.middle = self.space.next_hole(bytes, bytes, self.tracer.colour)?
                    }
                }
                self.count(self.middle.1.addr() - self.middle.0.addr());
            }
            let object = self.middle.0;
            self.middle.0 = object.wrapping_add(bytes);
            object
        } else {
            // No more than the quota, so that a safepoint comes in time.
            let most = self.quota.max(LEAST_TAKEN) as usize;
            (self.bump, self.limit) = self.space.next_hole(bytes, most, self.tracer.colour)?;
            self.count(self.limit.addr() - self.bump.addr());
            let object = self.bump;
            self.bump = object.wrapping_add(bytes);
            object
        };
        let object = object.cast::<Header>();
        // SAFETY: the region just chosen has room for the object.
        unsafe { write_header(object, kind, class, bytes, (bytes / GRANULE) as u16) };
        Ok(object)
    }

    fn alloc_large(
        &mut self,
        kind: Kind,
        class: u32,
        bytes: usize,
        grows: bool,
    ) -> Result<*mut Header, OutOfMemory> {
        let object = self.space.take_large(bytes, grows)?;
        self.count(bytes);
        // SAFETY: a fresh chunk with room for the object.
        unsafe { write_header(object, kind, class, bytes, 0) };
        Ok(object)
    }

    /// Counts allocation against the quota.
    fn count(&mut self, bytes: usize) {
        self.stats.allocated_bytes += bytes as u64;
        self.allocated_since_full = self.allocated_since_full.saturating_add(bytes);
        self.quota -= bytes as isize;
        if self.quota <= 0 && !self.wants {
            self.wants = true;
            if let Some(poke) = &self.config.poke {
                poke.store(0, Ordering::Relaxed);
            }
        }
    }

    /// As [`alloc`](Self::alloc), for an object that owns something outside the heap: external strings and bytes, handles.
    /// What a string or bytes object owns is given back to the budget when it dies, so its creator charges the length
    /// ([`charge_external`](Self::charge_external)).
    pub fn alloc_finalised(
        &mut self,
        kind: Kind,
        class: u32,
        bytes: usize,
    ) -> Result<*mut Header, OutOfMemory> {
        let object = self.alloc(kind, class, bytes)?;
        // SAFETY: the object was just made, by this thread.
        unsafe { (*object).flags.store(FLAG_FINALISER, Ordering::Relaxed) };
        self.space.add_finaliser(object);
        Ok(object)
    }

    fn drop_regions(&mut self) {
        (self.bump, self.limit, self.hole_end) = (null_mut(), null_mut(), null_mut());
        self.middle = (null_mut(), null_mut());
    }

    /// Stores into a slot of `owner`, an object of this heap (not a stack's word).
    #[inline(always)]
    pub fn store(&mut self, owner: *mut Header, slot: &Slot, value: Value) {
        slot.set_unbarriered(value);
        // SAFETY: every object has a side byte; that of an own object is touched by this thread only.
        if value.is_object() && unsafe { *block::side(owner) } & LOG != 0 {
            self.log_slot(owner, slot);
        }
    }

    /// Tells the collector that slots of `owner` are written without [`store`](Self::store) before the next safepoint (or
    /// were since the last one). A task or generator counts as written when it stops running and when it gets a new stack.
    #[inline(always)]
    pub fn barrier(&mut self, owner: *mut Header) {
        // SAFETY: as in `store`.
        if unsafe { *block::side(owner) } & LOG != 0 {
            self.log_object(owner);
        }
    }

    /// The rare half of [`store`](Self::store), for compiled code: the slot has been written and its owner is to be logged.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn log_store(&mut self, owner: *mut Header, slot: &Slot) {
        self.log_slot(owner, slot);
    }

    /// A float as a value, boxed even beyond the memory limit if need be: for places where nothing can be thrown. The next safepoint
    /// sees that the limit is exceeded.
    ///
    /// # Panics
    /// If the system has no memory.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn float_beyond_limit(&mut self, value: f64) -> Value {
        self.beyond_limit(|heap| heap.float(value))
    }

    /// An integer as a value, as [`float_beyond_limit`](Self::float_beyond_limit) makes a float one.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) fn int_beyond_limit(&mut self, value: i64) -> Value {
        self.beyond_limit(|heap| heap.int(value))
    }

    fn beyond_limit(&mut self, make: impl Fn(&mut Self) -> Result<Value, OutOfMemory>) -> Value {
        for _ in 0..64 {
            if let Ok(v) = make(self) {
                return v;
            }
            self.space.slack += block::BLOCK;
        }
        panic!("the system has no memory left");
    }

    #[cold]
    #[inline(never)]
    fn log_object(&mut self, owner: *mut Header) {
        // SAFETY: the side byte of an object of this heap.
        unsafe { *block::side(owner) &= !LOG };
        self.log.push(owner);
    }

    #[cold]
    #[inline(never)]
    fn log_slot(&mut self, owner: *mut Header, slot: &Slot) {
        // SAFETY: an object of this heap; one without granules in its header lies in a large chunk.
        unsafe {
            if (*owner).granules != 0 {
                return self.log_object(owner);
            }
            let chunk = block::head(owner);
            large::set_card(chunk, (slot as *const Slot).addr() - owner.addr());
            if !std::mem::replace(&mut (*chunk).carded, true) {
                self.carded.extend(NonNull::new(chunk));
            }
        }
    }

    /// An integer as a value, boxed if need be.
    #[inline(always)]
    pub fn int(&mut self, value: i64) -> Result<Value, OutOfMemory> {
        match Value::small_int(value) {
            Some(v) => Ok(v),
            None => {
                let object = self.alloc(Kind::BoxInt, class_id::INT, size_of::<BoxInt>())?;
                // SAFETY: the object was just allocated with room for a BoxInt.
                unsafe { (*object.cast::<BoxInt>()).value = value };
                Ok(Value::object(object))
            }
        }
    }

    /// A float as a value, boxed if need be.
    #[inline(always)]
    pub fn float(&mut self, value: f64) -> Result<Value, OutOfMemory> {
        match Value::small_float(value) {
            Some(v) => Ok(v),
            None => {
                let object = self.alloc(Kind::BoxFloat, class_id::FLOAT, size_of::<BoxFloat>())?;
                // SAFETY: the object was just allocated with room for a BoxFloat.
                unsafe { (*object.cast::<BoxFloat>()).value = value };
                Ok(Value::object(object))
            }
        }
    }

    /// Whether [`safepoint`](Self::safepoint) has something to do.
    #[inline(always)]
    pub fn wants_safepoint(&self) -> bool {
        self.wants
    }

    /// Whether the VM's memory limit is exceeded: the thread collects and, if that does not help, throws MemoryError.
    pub fn over_limit(&self) -> bool {
        self.space.over_limit()
    }

    /// Whether less than an eighth of the VM's limit is left.
    pub fn nearly_full(&self) -> bool {
        self.space.nearly_full()
    }

    /// Allows a few blocks beyond the limit until the next full collection, so that a MemoryError can be made and
    /// caught.
    pub fn grant_reserve(&mut self) {
        self.space.slack = 4 * block::BLOCK;
    }

    /// Whether `bytes` more outside the heap would stay within the limit: asked before a long string's content is
    /// allocated, which is charged once its object exists.
    pub fn reserve_external(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        self.may_fail()?;
        if bytes > isize::MAX as usize || !self.space.has_room_for(bytes) { Err(OutOfMemory) } else { Ok(()) }
    }

    /// Bytes that the VM's limit leaves.
    pub fn room(&self) -> usize {
        self.space.room()
    }

    /// Counts memory that objects hold outside the heap (more, or less again).
    pub fn charge_external(&mut self, bytes: isize) {
        self.space.charge_external(bytes);
        if bytes > 0 {
            self.count(bytes as usize);
        }
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> usize {
        self.space.used()
    }

    /// Figures.
    pub fn stats(&self) -> HeapStats {
        HeapStats { used_bytes: self.space.used(), live_bytes: self.tracer.marked, ..self.stats.clone() }
    }

    /// A proxy of an object of heap `heap`, made and listed with this heap's imports, or the one made lately for the
    /// same target, class and root. With a null `root` always a new one, with a lock of its own in state `lock`.
    ///
    /// The target is not a proxy, not immortal, and kept alive at this moment by its owner's heap (the caller read it
    /// since its last quiescent point), a pin, or a listed proxy.
    pub fn proxy(
        &mut self,
        class: u32,
        heap: u32,
        target: *mut Header,
        root: *mut Proxy,
        lock: u32,
    ) -> Result<*mut Proxy, OutOfMemory> {
        let place = ProxyCache::slot(target);
        if !root.is_null()
            && let Some(&(known, proxy)) = self.proxies.entries.get(place)
            && known == target
        {
            // SAFETY: the table is emptied when marking ends, so the proxy is live.
            unsafe {
                if (*proxy).root == root && (*proxy).header.class == class {
                    return Ok(proxy);
                }
            }
        }
        let object = self.new_proxy(size_of::<Proxy>(), class, heap, target, root, lock)?;
        if !root.is_null() {
            if self.proxies.entries.is_empty() {
                self.proxies.entries.resize(PROXY_CACHE, (null_mut(), null_mut()));
            }
            self.proxies.entries[place] = (target, object);
        }
        Ok(object)
    }

    /// As [`Heap::proxy`], but always a new one, which refers to `attributes`: an instance of this heap, made just now.
    pub fn proxy_with_attributes(
        &mut self,
        class: u32,
        heap: u32,
        target: *mut Header,
        root: *mut Proxy,
        lock: u32,
        attributes: *mut Header,
    ) -> Result<*mut Proxy, OutOfMemory> {
        let object = self.new_proxy(size_of::<ProxyWithAttributes>(), class, heap, target, root, lock)?;
        // SAFETY: the object was just allocated with room for the larger layout; both are fresh, so no barrier is due.
        unsafe {
            let own = object.cast::<ProxyWithAttributes>();
            (*own).attributes = attributes;
            (*own).ready = AtomicU32::new(0);
        }
        Ok(object)
    }

    fn new_proxy(
        &mut self,
        bytes: usize,
        class: u32,
        heap: u32,
        target: *mut Header,
        root: *mut Proxy,
        lock: u32,
    ) -> Result<*mut Proxy, OutOfMemory> {
        let object = self.alloc(Kind::Proxy, class, bytes)?.cast::<Proxy>();
        // SAFETY: the object was just allocated with room for a Proxy.
        unsafe {
            (*object).target = target;
            (*object).heap = heap;
            (*object).lock = AtomicU32::new(lock);
            (*object).root = root;
        }
        if heap == self.number {
            self.import_own(target);
        } else {
            self.import(heap, target);
        }
        Ok(object)
    }

    /// Lists a foreign target.
    #[inline]
    fn import(&mut self, heap: u32, target: *mut Header) {
        for i in 0..self.importers.len() {
            if self.importers[i].heap == heap {
                self.importers[i].importer.append(target as usize);
                if i > 0 {
                    self.importers.swap(i, i - 1);
                }
                return;
            }
        }
        if let Some(owner) = self.shared().owner(heap) {
            let mut importer = Importer::new(self.number, &owner);
            importer.append(target as usize);
            self.importers.push(Import { heap, importer, owner });
        }
    }

    /// Keeps an object of this heap alive while a reference to it is on its way in a message.
    pub fn pin(&mut self, target: *mut Header) -> Pin {
        self.import_own(target);
        Pin::new(Some(self.owner.clone()), self.number, target)
    }

    /// As [`pin`](Self::pin), for an object of heap `heap` that a listed proxy of this one refers to.
    pub fn pin_foreign(&mut self, heap: u32, target: *mut Header) -> Pin {
        match self.importers.iter().find(|import| import.heap == heap) {
            Some(import) => Pin::new(Some(import.owner.clone()), heap, target),
            None => self.shared().pin(heap, target),
        }
    }

    /// Keeps the heap's objects until the VM ends, even when its thread ends before: for a thread whose module variables
    /// other threads may read at any time.
    pub fn keep_for_ever(&mut self) {
        self.permanent = true;
    }

    /// Whether a collection has begun and is not finished.
    pub fn collecting(&self) -> bool {
        !matches!(self.cycle.phase, Phase::Idle)
    }
}

impl Drop for Heap {
    /// The thread has ended. The memory lives on, read-only, as long as other heaps refer to it.
    fn drop(&mut self) {
        if self.frozen {
            return;
        }
        self.member.offline();
        let shared = self.shared().clone();
        let (config, member) = (self.config.clone(), shared.quiesce.join());
        let nothing = Heap::with(shared.clone(), config, member, self.number, self.owner.clone());
        let mut heap = std::mem::replace(self, nothing);
        (heap.frozen, self.frozen) = (true, true);
        shared.freeze(heap);
        // Once to begin its grace period, once for the case that nobody is online. Nothing is collected: the VM's immortals may be gone.
        shared.drop_unreferenced();
        shared.drop_unreferenced();
    }
}

/// # Safety
/// `object` has room for `bytes` bytes, a whole number of granules and not zero.
#[inline(always)]
unsafe fn write_header(object: *mut Header, kind: Kind, class: u32, bytes: usize, granules: u16) {
    // SAFETY: by the caller's promise.
    unsafe {
        object.write(Header::new(kind, 0, granules, class));
        if matches!(kind, Kind::Instance) {
            object.cast::<u64>().add(bytes / 8 - 1).write(Value::NULL.bits());
        }
    }
}
