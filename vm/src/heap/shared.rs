//! What the heaps of one VM share: the memory limit, the pool of blocks, the quiescence domain, the registry of heaps with
//! their imports, and the frozen heaps of threads that have ended.

use super::Heap;
use super::block::BlockPool;
use super::frozen::Frozen;
use super::imports::OwnerTable;
use super::large::Chunks;
use super::layouts::Layouts;
use super::quiesce::Quiesce;
use super::room::{self, Rooms};
use crate::object::Header;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long a thread that has finished a collection of its own looks after the heaps of ended threads.
const TENDING: Duration = Duration::from_micros(200);

/// The VM's memory limit and how much of it is used.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Takes `bytes`, unless that exceeds the limit by more than `slack`.
    pub(crate) fn take(&self, bytes: usize, slack: usize) -> bool {
        let limit = self.limit().saturating_add(slack);
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|after| after <= limit);
        if !fits {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Takes `bytes` whatever the limit.
    pub(crate) fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What all heaps of a VM share.
pub struct HeapShared {
    pub(crate) quiesce: Quiesce,
    pub(crate) memory: Arc<Memory>,
    pub(crate) layouts: Arc<Layouts>,
    next: AtomicU32,
    owners: Mutex<HashMap<u32, Arc<OwnerTable>>>,
    frozen: Mutex<VecDeque<Frozen>>,
}

/// The part of it that a heap's memory needs even after the VM is gone.
pub(crate) struct Memory {
    pub(crate) pool: BlockPool,
    pub(crate) chunks: Chunks,
    pub(crate) budget: Budget,
}

impl HeapShared {
    /// The shared part for a VM whose heaps may use `limit_bytes` together.
    pub fn new(limit_bytes: usize) -> Arc<HeapShared> {
        room::accustom_allocator();
        let rooms = Arc::new(Rooms::default());
        Arc::new(HeapShared {
            quiesce: Quiesce::new(),
            memory: Arc::new(Memory {
                pool: BlockPool::new(rooms.clone()),
                chunks: Chunks::new(rooms),
                budget: Budget { limit: AtomicUsize::new(limit_bytes), used: AtomicUsize::new(0) },
            }),
            layouts: Arc::default(),
            next: AtomicU32::new(1),
            owners: Mutex::new(HashMap::new()),
            frozen: Mutex::new(VecDeque::new()),
        })
    }

    /// The quiescence domain.
    pub fn quiesce(&self) -> &Quiesce {
        &self.quiesce
    }

    /// Bytes in use by all heaps.
    pub fn used_bytes(&self) -> usize {
        self.memory.budget.used()
    }

    /// The limit for all heaps together.
    pub fn limit_bytes(&self) -> usize {
        self.memory.budget.limit()
    }

    /// Sets the limit.
    pub fn set_limit_bytes(&self, bytes: usize) {
        self.memory.budget.limit.store(bytes, Ordering::Relaxed);
    }

    /// Number of heaps of ended threads that others still refer to.
    pub fn frozen_heaps(&self) -> usize {
        self.lock_frozen().len()
    }

    /// Keeps an object alive while a reference to it is on its way in a message. The caller is its owner, or holds a
    /// proxy of it; the receiver drops the pin after it has listed the target ([`Heap::proxy`](super::Heap::proxy)).
    pub fn pin(self: &Arc<Self>, heap: u32, target: *mut Header) -> Pin {
        Pin::new(self.owner(heap), heap, target)
    }

    /// A number for a new heap, with its table.
    pub(crate) fn enter(&self) -> (u32, Arc<OwnerTable>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let owner = Arc::new(OwnerTable::new());
        self.lock_owners().insert(number, owner.clone());
        (number, owner)
    }

    /// The table of a heap that lives or is frozen.
    pub(crate) fn owner(&self, heap: u32) -> Option<Arc<OwnerTable>> {
        self.lock_owners().get(&heap).cloned()
    }

    fn lock_owners(&self) -> MutexGuard<'_, HashMap<u32, Arc<OwnerTable>>> {
        self.owners.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn lock_frozen(&self) -> MutexGuard<'_, VecDeque<Frozen>> {
        self.frozen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes over the heap of a thread that has ended.
    pub(crate) fn freeze(&self, heap: Heap) {
        self.lock_frozen().push_back(Frozen::new(heap));
    }

    /// Looks after heaps without threads for a moment: collects them, and drops those that nobody refers to.
    pub(crate) fn tend_frozen(self: &Arc<Self>) {
        let end = Instant::now() + TENDING;
        self.each_frozen(|heap| {
            let dead = heap.is_unreferenced(self);
            if !dead {
                heap.collect(self, end);
            }
            (dead, Instant::now() >= end)
        });
    }

    /// Drops heaps without threads that nobody refers to.
    pub(crate) fn drop_unreferenced(&self) {
        self.each_frozen(|heap| (heap.is_unreferenced(self), false));
    }

    /// Calls `look` for each frozen heap, which says whether the heap can be dropped, and whether to stop. Each is taken out of the list meanwhile, so
    /// nobody waits for that.
    fn each_frozen(&self, mut look: impl FnMut(&mut Frozen) -> (bool, bool)) {
        let many = match self.frozen.try_lock() {
            Ok(frozen) => frozen.len(),
            Err(_) => return,
        };
        for _ in 0..many {
            let Some(mut heap) = self.lock_frozen().pop_front() else { return };
            let (dead, stop) = look(&mut heap);
            if dead {
                self.lock_owners().remove(&heap.number());
                for owner in heap.imports_from() {
                    if let Some(owner) = self.owner(owner) {
                        owner.forget(heap.number());
                    }
                }
            } else {
                self.lock_frozen().push_back(heap);
            }
            if stop {
                return;
            }
        }
    }
}

/// A reference in transit: its target stays alive until this is dropped.
pub struct Pin {
    owner: Option<Arc<OwnerTable>>,
    heap: u32,
    target: *mut Header,
}

// SAFETY: the pointer is only an address here; who uses it follows the protocol of foreign reads.
unsafe impl Send for Pin {}
// SAFETY: as above; a pin has no mutable state of its own.
unsafe impl Sync for Pin {}

impl Pin {
    /// Under the same conditions as [`HeapShared::pin`]; `owner` is the table of the heap, if that is not gone.
    pub(super) fn new(owner: Option<Arc<OwnerTable>>, heap: u32, target: *mut Header) -> Self {
        if let Some(owner) = &owner {
            owner.pin(target as usize);
        }
        Pin { owner, heap, target }
    }

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
        if let Some(owner) = &self.owner {
            owner.unpin(self.target as usize);
        }
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pin({}:{:p})", self.heap, self.target)
    }
}
