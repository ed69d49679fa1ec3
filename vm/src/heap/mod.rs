//! One heap a thread: allocation, collection, and what keeps objects alive for other threads.
//!
//! First form: the interface that the rest builds on, over the system's allocator.

mod sync;

pub mod quiesce;

use crate::error::Control;
use crate::object::handle::Weak;
use crate::object::proxy::Proxy;
use crate::object::task::Stack;
use crate::object::{BoxFloat, BoxInt, FLAG_FINALISER, FLAG_IMMORTAL, Header, Kind, Slot, class_id};
use crate::value::Value;
use quiesce::{Member, Quiesce};
use std::alloc::{Layout, alloc};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
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
    /// Allocation between two young collections, in bytes.
    pub young_bytes: usize,
    /// Time that one safepoint spends on marking.
    pub slice: Duration,
    /// Set when the heap wants a safepoint, so that a thread need poll only one word.
    pub poke: Option<Arc<AtomicBool>>,
}

impl Default for HeapConfig {
    fn default() -> Self {
        Self {
            stress: false,
            verify: false,
            young_bytes: 4 << 20,
            slice: Duration::from_micros(300),
            poke: None,
        }
    }
}

/// What all heaps of a VM share: the memory limit, the quiescence domain, pins and import lists.
pub struct HeapShared {
    quiesce: Quiesce,
    next: AtomicU32,
    pins: Mutex<HashMap<usize, usize>>,
}

impl HeapShared {
    /// The shared part for a VM whose heaps may use `limit_bytes` together.
    pub fn new(limit_bytes: usize) -> Arc<HeapShared> {
        let _ = limit_bytes;
        Arc::new(HeapShared {
            quiesce: Quiesce::new(),
            next: AtomicU32::new(1),
            pins: Mutex::new(HashMap::new()),
        })
    }

    /// The quiescence domain.
    pub fn quiesce(&self) -> &Quiesce {
        &self.quiesce
    }

    /// Keeps an object alive while a reference to it is on its way in a message. The caller is its owner, or holds a
    /// proxy of it; the receiver drops the pin after it has listed the target ([`Heap::proxy`]).
    pub fn pin(self: &Arc<Self>, heap: u32, target: *mut Header) -> Pin {
        *self.pins.lock().unwrap_or_else(|p| p.into_inner()).entry(target as usize).or_insert(0) += 1;
        Pin { shared: self.clone(), heap, target }
    }
}

/// A reference in transit: its target stays alive until this is dropped.
pub struct Pin {
    shared: Arc<HeapShared>,
    heap: u32,
    target: *mut Header,
}

// SAFETY: the pointer is only an address here; who uses it follows the protocol of foreign reads.
unsafe impl Send for Pin {}
// SAFETY: as above; a pin has no mutable state of its own.
unsafe impl Sync for Pin {}

impl Pin {
    /// Number of the target's heap.
    pub fn heap(&self) -> u32 {
        self.heap
    }

    /// The target.
    pub fn target(&self) -> *mut Header {
        self.target
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.shared.pins.lock().unwrap_or_else(|p| p.into_inner());
        if let Some(count) = pins.get_mut(&(self.target as usize)) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&(self.target as usize));
            }
        }
    }
}

/// What a heap's owner holds outside the heap.
pub trait Roots {
    /// Traces all roots. Called when marking begins.
    fn trace(&mut self, tracer: &mut Tracer);
    /// Traces the roots that have no write barrier and may have changed since `trace`: the running task's stack and what
    /// else lies in Rust data. Called when marking is to end, perhaps several times, and by every young collection.
    fn trace_volatile(&mut self, tracer: &mut Tracer);
    /// The set of live objects is final: weak references held outside the heap (a task's future) are to be cleared.
    fn after_mark(&mut self, live: &Liveness);
}

/// Takes roots from [`Roots`].
pub struct Tracer {
    found: Vec<*mut Header>,
}

impl Tracer {
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
        self.found.push(object);
    }

    /// The frames of a stack whose innermost frame has this base (0: none). For the running stack; those of tasks and
    /// generators that do not run are found through their owners by [`Stack::base`].
    pub fn stack(&mut self, stack: *mut Stack, base: u32) {
        let _ = base;
        self.object(stack.cast());
    }
}

/// Tells which objects survive, to [`Roots::after_mark`].
pub struct Liveness {
    _private: (),
}

impl Liveness {
    /// Whether the object (of this heap, or immortal) survives.
    pub fn is_live(&self, object: *mut Header) -> bool {
        let _ = object;
        true
    }
}

/// Figures about one heap.
#[derive(Clone, Debug, Default)]
pub struct HeapStats {
    /// Bytes in use: blocks, large objects, external content.
    pub used_bytes: usize,
    /// Bytes allocated since the heap was made.
    pub allocated_bytes: u64,
    /// Bytes found live by the last full collection.
    pub live_bytes: usize,
    /// Young collections.
    pub young: u64,
    /// Full collections.
    pub full: u64,
    /// Pauses by duration: bucket `i` counts those below `2^i` microseconds (and not below half of that).
    pub pauses: [u64; 24],
    /// The longest pause.
    pub longest: Duration,
    /// All pauses together.
    pub total: Duration,
}

/// A thread's heap.
#[repr(C)]
pub struct Heap {
    used: usize,
    number: u32,
    shared: Arc<HeapShared>,
    member: Member,
    config: HeapConfig,
}

// SAFETY: a heap is used by one thread at a time; it moves to its thread before that starts.
unsafe impl Send for Heap {}

impl Heap {
    /// A new heap; its thread begins offline.
    pub fn new(shared: Arc<HeapShared>, config: HeapConfig) -> Heap {
        let member = shared.quiesce.join();
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        Heap { used: 0, number, member, shared, config }
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
        &self.shared
    }

    /// The thread may read foreign heaps from now on.
    pub fn online(&self) {
        self.member.online();
    }

    /// The thread blocks or runs host code: it holds no foreign pointer.
    pub fn offline(&self) {
        self.member.offline();
    }

    /// The thread holds no foreign pointer at this moment (about 1 ns).
    #[inline(always)]
    pub fn quiescent(&self) {
        self.member.quiescent();
    }

    /// A new object with its header written; the caller fills the rest before the next safepoint.
    #[inline(always)]
    pub fn alloc(&mut self, kind: Kind, class: u32, bytes: usize) -> Result<*mut Header, OutOfMemory> {
        self.used += bytes;
        Ok(raw(kind, 0, class, bytes))
    }

    /// As [`alloc`](Self::alloc), for an object that owns something outside the heap: external strings and bytes, handles.
    pub fn alloc_finalised(
        &mut self,
        kind: Kind,
        class: u32,
        bytes: usize,
    ) -> Result<*mut Header, OutOfMemory> {
        self.used += bytes;
        Ok(raw(kind, FLAG_FINALISER, class, bytes))
    }

    /// Stores into a slot of `owner`.
    #[inline(always)]
    pub fn store(&mut self, owner: *mut Header, slot: &Slot, value: Value) {
        self.barrier(owner);
        slot.set_unbarriered(value);
    }

    /// Tells the collector that slots of `owner` are written without [`store`](Self::store) before the next safepoint (or
    /// were since the last one). A task or generator counts as written when it stops running.
    #[inline(always)]
    pub fn barrier(&mut self, owner: *mut Header) {
        let _ = owner;
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
        self.config.stress
    }

    /// Whether the VM's memory limit is exceeded: the thread collects and, if that does not help, throws MemoryError.
    pub fn over_limit(&self) -> bool {
        false
    }

    /// A bounded slice of whatever is due. The thread is online, holds no foreign pointer, and has stored the running
    /// stack's base in [`Stack::base`].
    pub fn safepoint(&mut self, roots: &mut dyn Roots) {
        let _ = roots;
        self.quiescent();
    }

    /// A full collection now, under the same conditions.
    pub fn collect(&mut self, roots: &mut dyn Roots) {
        let _ = roots;
        self.quiescent();
    }

    /// Checks the whole reachable heap.
    pub fn verify(&mut self, roots: &mut dyn Roots) -> Result<(), String> {
        let _ = roots;
        Ok(())
    }

    /// Whether `bytes` more outside the heap would stay within the limit: asked before a long string's content is
    /// allocated, which is charged once its object exists.
    pub fn reserve_external(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        if bytes > isize::MAX as usize { Err(OutOfMemory) } else { Ok(()) }
    }

    /// Counts memory that objects hold outside the heap (more, or less again).
    pub fn charge_external(&mut self, bytes: isize) {
        self.used = self.used.saturating_add_signed(bytes);
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> usize {
        self.used
    }

    /// Figures.
    pub fn stats(&self) -> HeapStats {
        HeapStats { used_bytes: self.used, ..HeapStats::default() }
    }

    /// A proxy of an object of heap `heap`, made and listed with this heap's imports, or the one made lately for the
    /// same target, class and root. With a null `root` always a new one, with a lock of its own in state `lock`.
    ///
    /// The target is not a proxy, not immortal, and kept alive at this moment by its owner's heap, a pin, or a
    /// proxy's listing.
    pub fn proxy(
        &mut self,
        class: u32,
        heap: u32,
        target: *mut Header,
        root: *mut Proxy,
        lock: u32,
    ) -> Result<*mut Proxy, OutOfMemory> {
        let object = self.alloc(Kind::Proxy, class, size_of::<Proxy>())?.cast::<Proxy>();
        // SAFETY: the object was just allocated with room for a Proxy.
        unsafe {
            (*object).target = target;
            (*object).heap = heap;
            (*object).lock = AtomicU32::new(lock);
            (*object).root = root;
        }
        Ok(object)
    }

    /// An object of this heap comes back through a foreign proxy or a message: from now on it is held here.
    #[inline]
    pub fn import_own(&mut self, target: *mut Header) {
        let _ = target;
    }

    /// The target of a weak reference of this heap, held from now on; null if it is dead.
    pub fn weak_target(&mut self, weak: *mut Weak) -> Value {
        // SAFETY: the caller has a live weak reference of this heap.
        unsafe { (*weak).target.get() }
    }

    /// Keeps an object of this heap alive while a reference to it is on its way in a message.
    pub fn pin(&mut self, target: *mut Header) -> Pin {
        self.shared.pin(self.number, target)
    }
}

fn raw(kind: Kind, flags: u8, class: u32, bytes: usize) -> *mut Header {
    let bytes = bytes.next_multiple_of(16);
    let layout = Layout::from_size_align(bytes, 16).expect("object sizes are far below isize::MAX");
    // SAFETY: the size is not zero; the header fits in every object.
    unsafe {
        let object = alloc(layout).cast::<Header>();
        object.write(Header::new(kind, flags, u16::try_from(bytes / 16).unwrap_or(0), class));
        if kind == Kind::Instance {
            object.cast::<u64>().add(bytes / 8 - 1).write(Value::NULL.bits());
        }
        object
    }
}

/// Objects outside all heaps: constants, functions, classes, modules.
#[derive(Default)]
pub struct Immortals;

impl Immortals {
    /// A new immortal object with its header written.
    pub fn alloc(&self, kind: Kind, class: u32, bytes: usize) -> *mut Header {
        raw(kind, FLAG_IMMORTAL, class, bytes)
    }
}
