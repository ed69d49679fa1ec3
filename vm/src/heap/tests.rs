//! Tests of the heap against shadow models: random mutation in every mode, weak references, finalisers, depth, size,
//! the limit, and two heaps that refer to each other.

use super::*;
use crate::object::array::{Array, Buffer};
use crate::object::handle::{Handle, Weak};
use crate::object::proxy::lock;
use crate::object::{Cell, Instance};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};

#[derive(Default)]
pub(super) struct Fixed {
    pub(super) values: Vec<Value>,
    weak: Vec<*mut Header>,
}

impl Roots for Fixed {
    fn trace(&mut self, tracer: &mut Tracer) {
        self.trace_volatile(tracer);
    }

    fn trace_volatile(&mut self, tracer: &mut Tracer) {
        self.values.iter().for_each(|&value| tracer.value(value));
    }

    fn after_mark(&mut self, live: &Liveness) {
        self.weak.retain(|&object| live.is_live(object));
    }
}

fn heap_with(config: HeapConfig) -> Heap {
    let heap = Heap::new(HeapShared::new(usize::MAX), config);
    heap.online();
    heap
}

pub(super) fn config() -> HeapConfig {
    HeapConfig {
        verify: true,
        young_bytes: 64 << 10,
        slice: Duration::from_micros(50),
        ..HeapConfig::default()
    }
}

fn cell(heap: &mut Heap, value: Value) -> Value {
    let object = heap.alloc(Kind::Cell, class_id::INTERNAL, size_of::<Cell>()).unwrap();
    // SAFETY: just allocated.
    unsafe { (*object.cast::<Cell>()).slot.set_unbarriered(value) };
    Value::object(object)
}

fn set(heap: &mut Heap, cell: Value, value: Value) {
    assert_eq!(cell.kind(), Some(Kind::Cell));
    // SAFETY: a live cell.
    heap.store(cell.pointer(), unsafe { &(*cell.pointer().cast::<Cell>()).slot }, value);
}

fn content(cell: Value) -> Value {
    assert_eq!(cell.kind(), Some(Kind::Cell));
    // SAFETY: a live cell.
    unsafe { (*cell.pointer().cast::<Cell>()).slot.get() }
}

pub(super) fn instance(heap: &mut Heap, slots: usize) -> Value {
    let object = heap.alloc(Kind::Instance, 100, 8 + 8 * slots).unwrap();
    for i in 0..slots {
        // SAFETY: just allocated with that many slots.
        unsafe { Instance::slot(object.cast(), i).set_unbarriered(Value::NULL) };
    }
    Value::object(object)
}

pub(super) fn slot<'a>(instance: Value, i: usize) -> &'a Slot {
    assert_eq!(instance.kind(), Some(Kind::Instance));
    // SAFETY: the tests stay inside the object.
    unsafe { Instance::slot(instance.pointer().cast(), i) }
}

fn array(heap: &mut Heap, len: usize) -> Value {
    let buffer = heap.alloc(Kind::Buffer, class_id::INTERNAL, 16 + 8 * len).unwrap();
    // SAFETY: just allocated with room for that.
    unsafe {
        (&raw mut (*buffer.cast::<Buffer>()).capacity).write(AtomicU64::new(len as u64));
        for i in 0..len {
            Buffer::slot(buffer.cast(), i).set_unbarriered(Value::NULL);
        }
        let array = heap.alloc(Kind::Array, class_id::ARRAY, size_of::<Array>()).unwrap().cast::<Array>();
        (*array).len = AtomicU64::new(len as u64);
        (*array).buffer = AtomicPtr::new(buffer.cast());
        (*array).spare = 0;
        Value::object(array.cast())
    }
}

fn buffer(array: Value) -> *mut Buffer {
    // SAFETY: a live array.
    unsafe { (*array.pointer().cast::<Array>()).buffer.load(Ordering::Relaxed) }
}

fn put(heap: &mut Heap, array: Value, i: usize, value: Value) {
    let buffer = buffer(array);
    // SAFETY: the tests stay inside the array.
    unsafe { heap.store(buffer.cast(), Buffer::slot(buffer, i), value) };
}

fn get(array: Value, i: usize) -> Value {
    // SAFETY: the tests stay inside the array.
    unsafe { Buffer::slot(buffer(array), i).get() }
}

pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Instances of 2 to 5 slots, slot 0 an identity number, linked at random, in a table that grows; a shadow of the graph tells what must be there.
fn mutate(config: HeapConfig, steps: usize, seed: u64) -> HeapStats {
    let mut heap = heap_with(config);
    let mut roots = Fixed::default();
    let mut random = Random(seed);
    // Identity number -> identity numbers in its slots (0: null), and the array's.
    let mut shadow: HashMap<i64, Vec<i64>> = HashMap::new();
    let table = array(&mut heap, 9000);
    roots.values.push(table);
    let mut in_table = vec![0i64; 9000];
    let id = |value: Value| if value.is_null() { 0 } else { slot(value, 0).get().as_int().unwrap() };
    let mut next = 1;
    for step in 0..steps {
        match random.below(12) {
            0..=5 => {
                let slots = 2 + random.below(4);
                let object = instance(&mut heap, slots);
                slot(object, 0).set_unbarriered(Value::small_int(next).unwrap());
                let mut links = vec![0; slots - 1];
                for (i, link) in links.iter_mut().enumerate() {
                    if random.below(2) == 0 {
                        let other = get(table, random.below(in_table.len()));
                        slot(object, i + 1).set_unbarriered(other);
                        *link = id(other);
                    }
                }
                shadow.insert(next, links);
                let at = random.below(in_table.len());
                put(&mut heap, table, at, object);
                in_table[at] = next;
                next += 1;
            }
            6..=7 => {
                let (a, b) =
                    (get(table, random.below(in_table.len())), get(table, random.below(in_table.len())));
                if !a.is_null() {
                    let links = shadow.get_mut(&id(a)).unwrap();
                    let i = random.below(links.len());
                    links[i] = id(b);
                    heap.store(a.pointer(), slot(a, i + 1), b);
                }
            }
            8 => {
                let at = random.below(in_table.len());
                put(&mut heap, table, at, Value::NULL);
                in_table[at] = 0;
            }
            9..=10 => {
                let other = get(table, random.below(in_table.len()));
                crate::object::array::push(&mut heap, table.pointer().cast(), other).unwrap();
                in_table.push(id(other));
            }
            _ => {
                // A walk along links must meet the shadow's numbers.
                let mut at = get(table, random.below(in_table.len()));
                for _ in 0..8 {
                    if at.is_null() {
                        break;
                    }
                    let links = &shadow[&id(at)];
                    let i = random.below(links.len());
                    at = slot(at, i + 1).get();
                    assert_eq!(id(at), links[i]);
                }
            }
        }
        if heap.wants_safepoint() {
            heap.safepoint(&mut roots);
        }
        if step % 20_000 == 19_999 {
            for (i, &number) in in_table.iter().enumerate() {
                assert_eq!(id(get(table, i)), number);
            }
            let mut live: HashSet<i64> = HashSet::new();
            let mut grey: Vec<i64> = in_table.iter().copied().filter(|&n| n != 0).collect();
            while let Some(number) = grey.pop() {
                if live.insert(number) {
                    grey.extend(shadow[&number].iter().copied().filter(|&n| n != 0));
                }
            }
            shadow.retain(|number, _| live.contains(number));
        }
    }
    heap.verify(&mut roots).unwrap();
    heap.stats()
}

#[test]
fn random_graphs_survive_young_and_full_collections() {
    let stats = mutate(config(), 150_000, 0x1234_5678_9abc);
    assert!(stats.young > 3 && stats.full > 1, "{stats:?}");
    // Slices of no time at all: every state between two of them is met. So a collection takes many more of them.
    let tiny = HeapConfig { slice: Duration::ZERO, ..config() };
    let stats = mutate(tiny, 1_200_000, 0x77_1234_5678_9abc);
    assert!(stats.young > 1 && stats.full > 1, "{stats:?}");
}

#[test]
fn random_graphs_survive_stress() {
    mutate(HeapConfig { stress: true, verify: false, ..config() }, 1500, 99);
    mutate(HeapConfig { stress: true, ..config() }, 300, 98);
}

#[test]
fn garbage_is_reclaimed_by_young_collections_alone() {
    let mut heap = heap_with(HeapConfig { verify: false, ..config() });
    let mut roots = Fixed::default();
    for i in 0..1_000_000 {
        let value = cell(&mut heap, Value::small_int(i).unwrap());
        roots.values.clear();
        roots.values.push(value);
        if heap.wants_safepoint() {
            heap.safepoint(&mut roots);
        }
    }
    assert!(heap.used_bytes() < 1 << 20, "{}", heap.used_bytes());
    assert_eq!(heap.stats().full, 0);
    assert_eq!(content(roots.values[0]).as_int(), Some(999_999));
}

#[test]
fn a_heap_whose_objects_are_replaced_at_random_stays_small() {
    const OBJECTS: usize = 20_000;
    let mut heap = heap_with(config());
    let mut roots = Fixed::default();
    let list = array(&mut heap, OBJECTS);
    roots.values.push(list);
    let mut seed = 42u64;
    let replace = |heap: &mut Heap, roots: &mut Fixed, i: usize| {
        let object = instance(heap, 4);
        put(heap, roots.values[0], i, object);
        if heap.wants_safepoint() {
            heap.safepoint(roots);
        }
    };
    for i in 0..OBJECTS {
        replace(&mut heap, &mut roots, i);
    }
    heap.collect(&mut roots);
    let live = heap.used_bytes();
    for _ in 0..40 * OBJECTS {
        seed = seed * 16_807 % 2_147_483_647;
        replace(&mut heap, &mut roots, seed as usize % OBJECTS);
    }
    // Three quarters more begin a full collection, and while that goes on nothing is freed.
    assert!(heap.used_bytes() < 4 * live, "{} bytes for {live} that live", heap.used_bytes());
}

#[test]
fn a_list_of_ten_million_is_marked_without_recursion() {
    let mut heap = Heap::standalone();
    let mut roots = Fixed::default();
    roots.values.push(Value::NULL);
    for _ in 0..10_000_000 {
        roots.values[0] = cell(&mut heap, roots.values[0]);
        if heap.wants_safepoint() {
            heap.safepoint(&mut roots);
        }
    }
    heap.collect(&mut roots);
    assert!(heap.stats().live_bytes >= 160_000_000);
    let mut length = 0;
    let mut at = roots.values[0];
    while !at.is_null() {
        at = content(at);
        length += 1;
    }
    assert_eq!(length, 10_000_000);
    roots.values.clear();
    heap.collect(&mut roots);
    assert!(heap.used_bytes() < 8 << 20, "{}", heap.used_bytes());
}

#[test]
fn huge_arrays_are_marked_in_pieces_and_written_by_cards() {
    let mut heap = heap_with(HeapConfig { verify: false, ..config() });
    let mut roots = Fixed::default();
    const LEN: usize = 500_000;
    let big = array(&mut heap, LEN);
    roots.values.push(big);
    heap.collect(&mut roots);
    let mut random = Random(5);
    for i in 0..300_000 {
        let value = cell(&mut heap, Value::small_int(i).unwrap());
        let at = random.below(LEN);
        put(&mut heap, big, at, value);
        if heap.wants_safepoint() {
            heap.safepoint(&mut roots);
        }
    }
    heap.verify(&mut roots).unwrap();
    let held = (0..LEN).filter(|&i| get(big, i).is_kind(Kind::Cell)).count();
    assert!(held > 200_000);
    assert!(heap.stats().young > 3);
}

#[test]
fn weak_references_are_cleared_when_their_targets_die() {
    let mut heap = heap_with(config());
    let mut roots = Fixed::default();
    let (kept, lost) = (cell(&mut heap, Value::NULL), cell(&mut heap, Value::NULL));
    let mut weak = |target: Value| {
        let object = heap.alloc(Kind::Weak, class_id::WEAK, size_of::<Weak>()).unwrap().cast::<Weak>();
        // SAFETY: just allocated.
        unsafe { (*object).target = Slot::new(target) };
        Value::object(object.cast())
    };
    let (a, b) = (weak(kept), weak(lost));
    roots.values.extend([kept, a, b]);
    roots.weak.extend([kept.pointer(), lost.pointer()]);
    heap.collect(&mut roots);
    // SAFETY: both are roots.
    unsafe {
        assert_eq!(heap.weak_target(a.pointer().cast()), kept);
        assert!(heap.weak_target(b.pointer().cast()).is_null());
    }
    assert_eq!(roots.weak, [kept.pointer()]);
    roots.values.remove(0);
    heap.collect(&mut roots);
    // SAFETY: a root.
    assert!(unsafe { heap.weak_target(a.pointer().cast()) }.is_null());
    assert!(roots.weak.is_empty());
}

struct CountsDrops(Arc<AtomicUsize>);

impl Drop for CountsDrops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn handle(heap: &mut Heap, count: &Arc<AtomicUsize>) -> Value {
    let object = heap.alloc_finalised(Kind::Handle, class_id::INTERNAL, size_of::<Handle>()).unwrap();
    // SAFETY: just allocated; the field is initialised for the first time.
    unsafe {
        (&raw mut (*object.cast::<Handle>()).content).write(Some(Box::new(CountsDrops(count.clone()))));
    }
    Value::object(object)
}

#[test]
fn handles_drop_their_content_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let mut heap = heap_with(config());
    let mut roots = Fixed::default();
    for i in 0..10_000 {
        let value = handle(&mut heap, &count);
        if i % 10 == 0 {
            roots.values.push(value);
        }
        if heap.wants_safepoint() {
            heap.safepoint(&mut roots);
        }
    }
    heap.collect(&mut roots);
    assert_eq!(count.load(Ordering::Relaxed), 9000);
    roots.values.truncate(1);
    heap.collect(&mut roots);
    assert_eq!(count.load(Ordering::Relaxed), 9999);
    drop(heap);
    assert_eq!(count.load(Ordering::Relaxed), 10_000);
}

#[test]
fn the_limit_is_kept_and_collecting_helps() {
    let shared = HeapShared::new(4 << 20);
    let mut heap = Heap::new(shared.clone(), config());
    heap.online();
    let mut roots = Fixed::default();
    roots.values.push(Value::NULL);
    let full = loop {
        match heap.alloc(Kind::Cell, class_id::INTERNAL, size_of::<Cell>()) {
            Ok(object) => {
                // SAFETY: just allocated.
                unsafe { (*object.cast::<Cell>()).slot.set_unbarriered(roots.values[0]) };
                roots.values[0] = Value::object(object);
            }
            Err(error) => break error,
        }
    };
    assert_eq!(full, OutOfMemory);
    assert!(heap.used_bytes() <= (4 << 20) + (64 << 10));
    assert!(heap.alloc(Kind::RawBuffer, class_id::INTERNAL, 1 << 20).is_err());
    assert!(heap.alloc(Kind::RawBuffer, class_id::INTERNAL, usize::MAX - 8).is_err());
    heap.collect(&mut roots);
    assert!(heap.alloc(Kind::Cell, class_id::INTERNAL, 16).is_err(), "everything is alive");
    heap.grant_reserve();
    cell(&mut heap, Value::NULL);
    roots.values.clear();
    heap.collect(&mut roots);
    assert!(!heap.over_limit());
    array(&mut heap, 100_000);
    drop(heap);
    assert_eq!(shared.used_bytes(), 0);
    assert_eq!(shared.frozen_heaps(), 0);
}

/// Reads a cell's content through a proxy, as another thread does.
fn read_through(heap: &mut Heap, proxy: Value) -> Value {
    assert_eq!(proxy.kind(), Some(Kind::Proxy));
    // SAFETY: a live proxy; its target is kept alive by its listing.
    unsafe {
        let proxy = proxy.pointer().cast::<Proxy>();
        let value = (*(*proxy).target.cast::<Cell>()).slot.get_foreign();
        if !value.is_object() {
            return value;
        }
        let root = if (*proxy).root.is_null() { proxy } else { (*proxy).root };
        let inner = heap.proxy(class_id::PROXY, (*proxy).heap, value.pointer(), root, lock::LOCKED).unwrap();
        Value::object(inner.cast())
    }
}

#[test]
fn imports_keep_foreign_objects_alive_until_they_are_dropped() {
    let shared = HeapShared::new(usize::MAX);
    let (mut a, mut b) = (Heap::new(shared.clone(), config()), Heap::new(shared.clone(), config()));
    a.online();
    b.online();
    let (mut roots_a, mut roots_b) = (Fixed::default(), Fixed::default());
    let inner = cell(&mut a, Value::small_int(42).unwrap());
    let outer = cell(&mut a, inner);
    roots_a.values.push(outer);
    let pin = a.pin(outer.pointer());
    roots_a.values.clear();
    b.quiescent();
    a.collect(&mut roots_a);
    assert_eq!(content(content(outer)).as_int(), Some(42), "the pin holds it");
    let proxy =
        b.proxy(class_id::PROXY, a.number(), pin.target(), std::ptr::null_mut(), lock::LOCKED).unwrap();
    roots_b.values.push(Value::object(proxy.cast()));
    drop(pin);
    b.quiescent();
    a.collect(&mut roots_a);
    let through = read_through(&mut b, roots_b.values[0]);
    assert_eq!(read_through(&mut b, through), Value::small_int(42).unwrap());
    assert_eq!(read_through(&mut b, roots_b.values[0]), through, "the same proxy while it is known");
    // The inner object's proxy is the only one kept; the owner overwrites the outer cell.
    roots_b.values[0] = through;
    set(&mut a, outer, Value::NULL);
    b.collect(&mut roots_b);
    a.collect(&mut roots_a);
    assert_eq!(read_through(&mut b, roots_b.values[0]), Value::small_int(42).unwrap());
    let live = a.stats().live_bytes;
    roots_b.values.clear();
    // B waits for A, who is online: let A be quiescent meanwhile.
    a.offline();
    b.collect(&mut roots_b);
    a.online();
    b.quiescent();
    assert_eq!(a.owner.count(), Some(0));
    b.offline();
    a.collect(&mut roots_a);
    assert!(a.stats().live_bytes < live);
}

#[test]
fn a_white_object_that_another_thread_has_just_read_is_not_swept() {
    let shared = HeapShared::new(usize::MAX);
    let (mut a, mut b) = (Heap::new(shared.clone(), config()), Heap::new(shared.clone(), config()));
    a.online();
    b.online();
    let (mut roots_a, mut roots_b) = (Fixed::default(), Fixed::default());
    let inner = cell(&mut a, Value::small_int(7).unwrap());
    let outer = cell(&mut a, inner);
    roots_a.values.push(outer);
    let proxy =
        b.proxy(class_id::PROXY, a.number(), outer.pointer(), std::ptr::null_mut(), lock::LOCKED).unwrap();
    roots_b.values.push(Value::object(proxy.cast()));
    // B has the raw address of `inner`; A overwrites the slot and collects as far as it gets.
    // SAFETY: live cells.
    let raw = unsafe { (*outer.pointer().cast::<Cell>()).slot.get_foreign() };
    set(&mut a, outer, Value::NULL);
    a.collect(&mut roots_a);
    assert!(a.collecting(), "B has not been quiescent");
    let late = b.proxy(class_id::PROXY, a.number(), raw.pointer(), proxy, lock::LOCKED).unwrap();
    roots_b.values.push(Value::object(late.cast()));
    b.quiescent();
    while a.collecting() {
        a.safepoint(&mut roots_a);
        b.quiescent();
    }
    assert_eq!(read_through(&mut b, roots_b.values[1]), Value::small_int(7).unwrap());
    a.verify(&mut roots_a).unwrap();
}

#[test]
fn what_is_allocated_while_others_are_waited_for_survives() {
    let shared = HeapShared::new(usize::MAX);
    let (mut a, b) = (Heap::new(shared.clone(), config()), Heap::new(shared, config()));
    a.online();
    b.online();
    let mut roots = Fixed::default();
    let keep = instance(&mut a, 3);
    roots.values.push(keep);
    for full in [true, false, true, false] {
        if full {
            a.collect(&mut roots);
        } else {
            a.quota = 0;
            while !matches!(a.cycle.phase, Phase::Grace { .. }) {
                a.safepoint(&mut roots);
            }
        }
        assert!(a.collecting());
        for i in 0..20_000 {
            let value = cell(&mut a, Value::small_int(i).unwrap());
            let pair = cell(&mut a, value);
            if i % 100 == 0 {
                a.store(keep.pointer(), slot(keep, 0), pair);
            }
        }
        b.quiescent();
        while a.collecting() {
            a.safepoint(&mut roots);
        }
        assert_eq!(content(content(slot(keep, 0).get())).as_int(), Some(19_900));
    }
    b.offline();
    a.collect(&mut roots);
    a.collect(&mut roots);
    assert!(a.used_bytes() < 1 << 20, "{}", a.used_bytes());
}

#[test]
fn the_heap_of_an_ended_thread_lives_while_others_refer_to_it() {
    let shared = HeapShared::new(usize::MAX);
    let count = Arc::new(AtomicUsize::new(0));
    let (mut a, mut b) = (Heap::new(shared.clone(), config()), Heap::new(shared.clone(), config()));
    b.online();
    a.online();
    let mut roots = Fixed::default();
    handle(&mut a, &count);
    let value = cell(&mut a, Value::small_int(1).unwrap());
    let pin = a.pin(value.pointer());
    let number = a.number();
    drop(a);
    let proxy = b.proxy(class_id::PROXY, number, pin.target(), std::ptr::null_mut(), lock::LOCKED).unwrap();
    drop(pin);
    roots.values.push(Value::object(proxy.cast()));
    for _ in 0..3 {
        b.collect(&mut roots);
    }
    assert_eq!(read_through(&mut b, roots.values[0]), Value::small_int(1).unwrap());
    assert_eq!(shared.frozen_heaps(), 1);
    roots.values.clear();
    for _ in 0..3 {
        b.collect(&mut roots);
    }
    assert_eq!(shared.frozen_heaps(), 0);
    assert_eq!(count.load(Ordering::Relaxed), 1);
    b.collect(&mut roots);
    assert!(b.importers.is_empty(), "the list of a heap that is gone goes as well");
}

/// A cell of `to` that holds a proxy of an object of `from`, which it gets through a pin.
fn cell_with_proxy(from: &mut Heap, target: Value, to: &mut Heap) -> Value {
    let pin = from.pin(target.pointer());
    let proxy =
        to.proxy(class_id::PROXY, from.number(), pin.target(), std::ptr::null_mut(), lock::LOCKED).unwrap();
    cell(to, Value::object(proxy.cast()))
}

#[test]
fn frozen_heaps_that_refer_to_each_other_are_collected_when_others_let_go() {
    let shared = HeapShared::new(usize::MAX);
    let (mut a, mut b) = (Heap::new(shared.clone(), config()), Heap::new(shared.clone(), config()));
    let mut last = Heap::new(shared.clone(), config());
    for heap in [&a, &b, &last] {
        heap.online();
    }
    // Each holds a leaf of the other: a cycle of heaps, not of objects.
    let leaf_of_a = cell(&mut a, Value::small_int(1).unwrap());
    let leaf_of_b = cell(&mut b, Value::small_int(2).unwrap());
    let holder_in_a = cell_with_proxy(&mut b, leaf_of_b, &mut a);
    let holder_in_b = cell_with_proxy(&mut a, leaf_of_a, &mut b);
    let mut roots = Fixed::default();
    let kept = cell_with_proxy(&mut a, holder_in_a, &mut last);
    roots.values.push(kept);
    let kept = cell_with_proxy(&mut b, holder_in_b, &mut last);
    roots.values.push(kept);
    drop(a);
    drop(b);
    for _ in 0..20 {
        last.collect(&mut roots);
    }
    assert_eq!(shared.frozen_heaps(), 2, "both are held");
    for i in 0..2 {
        // SAFETY: what the proxy holds is kept alive by its listing, and what that refers to with it.
        let leaf = unsafe {
            let holder = (*content(roots.values[i]).pointer().cast::<Proxy>()).target;
            let proxy = (*holder.cast::<Cell>()).slot.get_foreign();
            (*(*proxy.pointer().cast::<Proxy>()).target.cast::<Cell>()).slot.get_foreign()
        };
        assert_eq!(leaf.as_int(), Some(2 - i as i64));
    }
    roots.values.clear();
    for _ in 0..100 {
        last.collect(&mut roots);
    }
    assert_eq!(shared.frozen_heaps(), 0);
}

#[test]
fn the_verifier_finds_a_write_past_the_barrier() {
    let mut heap = heap_with(HeapConfig { verify: false, ..config() });
    let mut roots = Fixed::default();
    let old = cell(&mut heap, Value::NULL);
    roots.values.push(old);
    heap.collect(&mut roots);
    let young = cell(&mut heap, Value::NULL);
    // SAFETY: a live cell.
    unsafe { (*old.pointer().cast::<Cell>()).slot.set_unbarriered(young) };
    let error = heap.verify(&mut roots).unwrap_err();
    assert!(error.contains("past the write barrier"), "{error}");
}
