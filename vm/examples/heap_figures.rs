//! Measures the heap alone: binary trees, a large live heap with garbage, a growing table. Run with `--release`; the argument
//! is the size of the nursery in KiB.

use corella_vm::heap::{Heap, HeapConfig, HeapShared, HeapStats, Liveness, Roots, Tracer};
use corella_vm::object::{Header, Instance, Kind};
use corella_vm::value::Value;
use std::time::Instant;

/// A stack of roots.
#[derive(Default)]
struct Stack(Vec<Value>);

impl Roots for Stack {
    fn trace(&mut self, _: &mut Tracer) {}

    fn trace_volatile(&mut self, tracer: &mut Tracer) {
        self.0.iter().for_each(|&value| tracer.value(value));
    }

    fn after_mark(&mut self, _: &Liveness) {}
}

struct Machine {
    heap: Heap,
    stack: Stack,
}

fn slot<'a>(object: *mut Header, i: usize) -> &'a corella_vm::object::Slot {
    // SAFETY: the programs below stay inside their objects, which are live.
    unsafe { Instance::slot(object.cast(), i) }
}

impl Machine {
    fn new() -> Self {
        let mut config = HeapConfig::default();
        if let Some(kib) = std::env::args().nth(1).and_then(|arg| arg.parse::<usize>().ok()) {
            config.young_bytes = kib << 10;
        }
        let heap = Heap::new(HeapShared::new(usize::MAX), config);
        heap.online();
        Machine { heap, stack: Stack::default() }
    }

    #[inline(always)]
    fn poll(&mut self) {
        if self.heap.wants_safepoint() {
            self.heap.safepoint(&mut self.stack);
        }
    }

    #[inline(always)]
    fn node(&mut self, a: Value, b: Value) -> Value {
        let object = self.heap.alloc(Kind::Instance, 100, 32).expect("no limit");
        slot(object, 0).set_unbarriered(a);
        slot(object, 1).set_unbarriered(b);
        slot(object, 2).set_unbarriered(Value::NULL);
        Value::object(object)
    }

    fn tree(&mut self, depth: u32) -> Value {
        self.poll();
        if depth == 0 {
            return self.node(Value::NULL, Value::NULL);
        }
        let left = self.tree(depth - 1);
        self.stack.0.push(left);
        let right = self.tree(depth - 1);
        self.stack.0.push(right);
        let (right, left) = (self.stack.0.pop(), self.stack.0.pop());
        self.node(left.unwrap_or(Value::NULL), right.unwrap_or(Value::NULL))
    }
}

fn count(tree: Value) -> u64 {
    if tree.is_null() {
        return 0;
    }
    1 + count(slot(tree.pointer(), 0).get()) + count(slot(tree.pointer(), 1).get())
}

fn report(name: &str, start: Instant, objects: u64, stats: &HeapStats) {
    let time = start.elapsed();
    println!(
        "{name:28} {:8.1} ms  {:6.2} ns/object  young {:5} full {:3}  collecting {:7.1} ms, longest {:6.2} ms  used {} KiB",
        time.as_secs_f64() * 1e3,
        time.as_secs_f64() * 1e9 / objects as f64,
        stats.young,
        stats.full,
        stats.total.as_secs_f64() * 1e3,
        stats.longest.as_secs_f64() * 1e3,
        stats.used_bytes >> 10,
    );
    println!("    pauses by 2^i us: {:?}", &stats.pauses[..18]);
}

fn binary_trees(depth: u32) {
    let mut machine = Machine::new();
    let start = Instant::now();
    let long = machine.tree(depth);
    machine.stack.0.push(long);
    let mut objects = 2 << depth;
    let mut d = 4;
    while d <= depth {
        for _ in 0..1 << (depth - d + 4) {
            let tree = machine.tree(d);
            assert_eq!(count(tree), (2 << d) - 1);
            objects += 2 << d;
        }
        d += 2;
    }
    report(&format!("binary trees {depth}"), start, objects, &machine.heap.stats());
}

fn short_lived() {
    let mut machine = Machine::new();
    let start = Instant::now();
    let objects = 100_000_000;
    for _ in 0..objects {
        machine.poll();
        let value = machine.node(Value::NULL, Value::NULL);
        std::hint::black_box(value);
    }
    report("short-lived objects", start, objects, &machine.heap.stats());
}

fn large_live() {
    let mut machine = Machine::new();
    let tree = machine.tree(21);
    machine.stack.0.push(tree);
    machine.heap.collect(&mut machine.stack);
    let before = machine.heap.stats();
    println!(
        "    tree of 128 MiB: longest {:?}, {} young, {} full",
        before.longest, before.young, before.full
    );
    let start = Instant::now();
    let mut seed = 1u64;
    let mut objects = 0;
    for _ in 0..400_000 {
        // Replace a random subtree of depth 4.
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let new = machine.tree(4);
        objects += 31;
        let mut at = tree.pointer();
        for bit in 0..16 {
            at = slot(at, (seed >> (40 + bit)) as usize & 1).get().pointer();
        }
        machine.heap.store(at, slot(at, 0), new);
    }
    report("subtrees of a large tree", start, objects, &machine.heap.stats());
    assert_eq!(count(tree), (2 << 21) - 1);
}

fn main() {
    short_lived();
    binary_trees(15);
    binary_trees(18);
    large_live();
}
