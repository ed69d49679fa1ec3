//! Several threads that read each other's heaps, send references and collect, all at random: every object met must be whole.

use super::tests::{Fixed, Random, config, instance, slot};
use super::*;
use crate::object::Instance;
use crate::object::proxy::lock;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

const MAGIC: i64 = 0x5eed;
const THREADS: usize = 3;
const SLOTS: usize = 4;

/// Slot `i` of the instance behind a value: an own one, or a foreign one through its proxy.
fn read(heap: &mut Heap, value: Value, i: usize) -> Value {
    if value.is_kind(Kind::Instance) {
        return slot(value, i).get();
    }
    assert_eq!(value.kind(), Some(Kind::Proxy));
    // SAFETY: a live proxy, whose listing keeps its target alive; raw reads end before the next quiescent point.
    unsafe {
        let proxy = value.pointer().cast::<Proxy>();
        let (target, from) = ((*proxy).target, (*proxy).heap);
        assert_eq!((*target).kind(), Kind::Instance, "a freed object was read");
        let mut inner = Instance::slot(target.cast(), i).get_foreign();
        if !inner.is_object() {
            return inner;
        }
        let mut heap_of = from;
        if inner.is_kind(Kind::Proxy) {
            let foreign = inner.pointer().cast::<Proxy>();
            heap_of = (*foreign).heap;
            inner = Value::object((*foreign).target);
        }
        assert!(inner.is_kind(Kind::Instance), "a freed object was reached");
        if heap_of == heap.number() {
            heap.import_own(inner.pointer());
            return inner;
        }
        let root = if (*proxy).root.is_null() { proxy } else { (*proxy).root };
        let made = heap.proxy(class_id::PROXY, heap_of, inner.pointer(), root, lock::LOCKED).unwrap();
        Value::object(made.cast())
    }
}

fn check(heap: &mut Heap, value: Value) {
    if value.is_object() {
        assert_eq!(read(heap, value, 0).as_int(), Some(MAGIC), "a freed object was read");
    }
}

fn run(me: usize, shared: Arc<HeapShared>, mail: &[Mutex<Vec<Pin>>; THREADS], steps: usize) {
    let mut heap = Heap::new(
        shared.clone(),
        HeapConfig { young_bytes: 32 << 10, verify: me == 0, poison: true, ..config() },
    );
    heap.online();
    let mut roots = Fixed::default();
    roots.values.resize(64, Value::NULL);
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (me as u64 + 1) << 20);
    for step in 0..steps {
        let at = random.below(64);
        let value = roots.values[at];
        match random.below(16) {
            0..=4 => {
                let new = instance(&mut heap, SLOTS);
                slot(new, 0).set_unbarriered(Value::small_int(MAGIC).unwrap());
                for i in 1..SLOTS {
                    slot(new, i).set_unbarriered(roots.values[random.below(64)]);
                }
                roots.values[at] = new;
            }
            5..=7 => {
                if value.is_object() {
                    let inner = read(&mut heap, value, 1 + random.below(SLOTS - 1));
                    check(&mut heap, inner);
                    roots.values[random.below(64)] = inner;
                }
            }
            8..=9 => {
                if value.is_kind(Kind::Instance) {
                    let other = roots.values[random.below(64)];
                    heap.store(value.pointer(), slot(value, 1 + random.below(SLOTS - 1)), other);
                }
            }
            10 => {
                if value.is_object() {
                    let pin = if value.is_kind(Kind::Proxy) {
                        // SAFETY: a live proxy.
                        let (from, target) = unsafe {
                            let proxy = value.pointer().cast::<Proxy>();
                            ((*proxy).heap, (*proxy).target)
                        };
                        shared.pin(from, target)
                    } else {
                        heap.pin(value.pointer())
                    };
                    let mut to = mail[random.below(THREADS)].lock().unwrap();
                    if to.len() < 50 {
                        to.push(pin);
                    }
                }
            }
            11..=12 => {
                let received = mail[me].lock().unwrap().pop();
                if let Some(pin) = received {
                    roots.values[at] = if pin.heap() == heap.number() {
                        heap.import_own(pin.target());
                        Value::object(pin.target())
                    } else {
                        let root = std::ptr::null_mut();
                        let made = heap
                            .proxy(class_id::PROXY, pin.heap(), pin.target(), root, lock::LOCKED)
                            .unwrap();
                        Value::object(made.cast())
                    };
                    drop(pin);
                    check(&mut heap, roots.values[at]);
                }
            }
            13..=14 => roots.values[at] = Value::NULL,
            _ => check(&mut heap, value),
        }
        if heap.wants_safepoint() {
            heap.safepoint(&mut roots);
        } else if random.below(8) == 0 {
            heap.quiescent();
        }
        if step % 5000 == 4999 {
            heap.collect(&mut roots);
        }
        if step % 700 == 699 {
            heap.offline();
            std::thread::yield_now();
            heap.online();
        }
    }
    heap.offline();
    let stats = heap.stats();
    assert!(stats.young + stats.full > 0, "{stats:?}");
}

#[test]
fn threads_that_share_at_random_never_meet_a_freed_object() {
    let shared = HeapShared::new(usize::MAX);
    let mail: [Mutex<Vec<Pin>>; THREADS] = Default::default();
    // Each number of steps differs, so that threads outlive others and their frozen heaps.
    for round in 1..4 {
        std::thread::scope(|scope| {
            for me in 0..THREADS {
                let (shared, mail) = (shared.clone(), &mail);
                scope.spawn(move || run(me, shared, mail, 8_000 * (me + round)));
            }
        });
    }
    mail.iter().for_each(|mail| mail.lock().unwrap().clear());
    let mut last = Heap::new(shared.clone(), config());
    let mut roots = Fixed::default();
    for _ in 0..100 {
        last.collect(&mut roots);
    }
    println!("frozen heaps: {}", shared.frozen_heaps());
}

/// An owner overwrites the slots of one object all the time and collects; readers hold what they read for a while, first as
/// a raw address, then by a proxy.
#[test]
fn what_readers_hold_survives_an_owner_that_overwrites_and_collects() {
    let shared = HeapShared::new(usize::MAX);
    let done = AtomicBool::new(false);
    let mut owner = Heap::new(shared.clone(), HeapConfig { poison: true, young_bytes: 16 << 10, ..config() });
    owner.online();
    let board = instance(&mut owner, 16);
    for i in 0..16 {
        slot(board, i).set_unbarriered(Value::NULL);
    }
    let mut roots = Fixed::default();
    roots.values.push(board);
    let number = owner.number();
    let pins: Vec<Pin> = (0..2).map(|_| owner.pin(board.pointer())).collect();
    let reads = [const { AtomicU64::new(0) }; 2];
    std::thread::scope(|scope| {
        for (me, pin) in pins.into_iter().enumerate() {
            let (shared, done, reads) = (shared.clone(), &done, &reads[me]);
            scope.spawn(move || {
                let mut heap =
                    Heap::new(shared, HeapConfig { poison: true, young_bytes: 8 << 10, ..config() });
                heap.online();
                let mut roots = Fixed::default();
                let board =
                    heap.proxy(class_id::PROXY, number, pin.target(), null_mut(), lock::LOCKED).unwrap();
                drop(pin);
                roots.values.push(Value::object(board.cast()));
                let mut random = Random(me as u64 + 77);
                while !done.load(Ordering::Relaxed) {
                    // SAFETY: the board is listed, so it lives; what is read from it lives until the next quiescent point.
                    let raw =
                        unsafe { Instance::slot((*board).target.cast(), random.below(16)).get_foreign() };
                    if raw.is_object() {
                        for _ in 0..random.below(4) {
                            std::thread::yield_now();
                        }
                        assert_eq!(raw.kind(), Some(Kind::Instance), "freed under a raw pointer");
                        assert_eq!(slot(raw, 1).get().as_int(), Some(MAGIC));
                        let proxy =
                            heap.proxy(class_id::PROXY, number, raw.pointer(), board, lock::LOCKED).unwrap();
                        roots.values.push(Value::object(proxy.cast()));
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                    heap.quiescent();
                    if roots.values.len() > 20 {
                        for value in &roots.values[1..] {
                            assert_eq!(
                                read(&mut heap, *value, 1).as_int(),
                                Some(MAGIC),
                                "freed under a proxy"
                            );
                        }
                        roots.values.truncate(1 + random.below(10));
                    }
                    if heap.wants_safepoint() {
                        heap.safepoint(&mut roots);
                    }
                }
                heap.offline();
            });
        }
        let mut random = Random(3);
        let start = std::time::Instant::now();
        for round in 0.. {
            if round % 1000 == 0 {
                std::thread::yield_now();
                let read = reads.iter().all(|reads| reads.load(Ordering::Relaxed) > 10);
                if read && owner.stats().young > 20 || start.elapsed() > Duration::from_secs(60) {
                    break;
                }
            }
            // Objects of one granule's neighbours: what is freed is soon allocated anew, and poisoned before.
            let new = instance(&mut owner, 3);
            slot(new, 1).set_unbarriered(Value::small_int(MAGIC).unwrap());
            owner.store(board.pointer(), slot(board, random.below(16)), new);
            if owner.wants_safepoint() {
                owner.safepoint(&mut roots);
            }
        }
        done.store(true, Ordering::Relaxed);
        owner.offline();
    });
    let stats = owner.stats();
    assert!(stats.young > 1, "{stats:?}");
    assert!(reads.iter().all(|reads| reads.load(Ordering::Relaxed) > 10), "{reads:?}");
}
