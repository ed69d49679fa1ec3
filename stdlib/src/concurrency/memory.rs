//! `WeakRef`, and what the module `gc` is made of.

use crate::args::wrong_receiver;
use crate::table::ClassTable;
use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::object::{Kind, class_id, handle, map, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// The natives of weak references.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some(("WeakRef", 1, 1, construct, "A reference that does not keep `target` alive.")),
    readers: &[("get", 0, 0, get, "The target, or null once it has been collected.")],
    ..ClassTable::empty(class_id::WEAK, "WeakRef")
};

/// The natives of the module `gc`.
pub(crate) static GC: &[NativeRow] = &[
    ("collect", 0, 0, collect, "Collects the running thread's heap fully."),
    ("stats", 0, 0, stats, "Figures of the running thread's heap, as a map."),
];

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::object(handle::new_weak(&mut thread.heap, args[0])?.cast()))
}

fn get(thread: &mut Thread, args: &[Value]) -> Outcome {
    if !args[0].is_kind(Kind::Weak) {
        return Err(wrong_receiver(thread, "WeakRef.get", args[0]));
    }
    // SAFETY: the kind was checked; it is a live weak reference of this thread's heap.
    Ok(unsafe { thread.heap.weak_target(args[0].pointer().cast()) })
}

/// A full collection of the running thread's heap, at the next safepoint that the call itself is.
fn collect(thread: &mut Thread, _: &[Value]) -> Outcome {
    thread.request_collection();
    // The task goes to the back of the queue, so that cancellations that the collection finds happen first.
    Err(corella_vm::error::Control::Yield)
}

/// Figures of the running thread's heap, as a map.
fn stats(thread: &mut Thread, _: &[Value]) -> Outcome {
    let stats = thread.heap.stats();
    let result = map::new(&mut thread.heap, 4)?;
    for (name, value) in [
        ("used_bytes", stats.used_bytes as i64),
        ("young_collections", stats.young as i64),
        ("full_collections", stats.full as i64),
        ("tasks", thread.sched.living as i64),
    ] {
        let key = string::new(&mut thread.heap, name)?;
        map::insert(&mut thread.heap, result, key, Value::int_unchecked(value))?;
    }
    Ok(Value::object(result.cast()))
}
