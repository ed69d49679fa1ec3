//! The heaps' protocols between threads, checked in all interleavings (up to a bound on preemptions) with loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p corella-vm --release --lib heap::imports::models`.
//!
//! An object is a loom cell: reading it is `with`, freeing it is `with_mut`, and loom fails the model when the two are not
//! ordered. Every model has a weakened variant that must fail, which shows that the model can tell.

use super::super::quiesce::{Member, Quiesce};
use super::*;
use crate::thread::inbox::{Inbox, UnderWay};
use loom::cell::UnsafeCell;
use loom::thread;

const TARGET: usize = 64;

fn model(bound: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    builder.check(run);
}

/// What stands for an owner's heap: one slot of a reachable object, and one object that the slot refers to at first.
struct World {
    quiesce: Quiesce,
    table: OwnerTable,
    slot: AtomicUsize,
    object: UnsafeCell<u32>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(World {
            quiesce: Quiesce::new(),
            table: OwnerTable::new(),
            slot: AtomicUsize::new(TARGET),
            object: UnsafeCell::new(7),
        })
    }

    fn read(&self) {
        // SAFETY: loom checks that nobody frees the object at the same time.
        self.object.with(|object| assert_eq!(unsafe { *object }, 7));
    }

    fn free(&self) {
        // SAFETY: loom checks that nobody reads the object at the same time.
        self.object.with_mut(|object| unsafe { *object = 0 });
    }

    fn wait_for_grace(&self, own: &Member) {
        let mut ticket = self.quiesce.grace_begin(Some(own));
        while !self.quiesce.grace_passed(&mut ticket) {
            thread::yield_now();
        }
    }

    /// Whether a complete scan finds the object.
    fn found(&self) -> bool {
        let mut cursors = Cursors::default();
        loop {
            let mut found = false;
            if self.table.scan(&mut cursors, |target| found |= target == TARGET) == Scan::Complete {
                return found;
            }
            if found {
                return true;
            }
            thread::yield_now();
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Weak {
    Nothing,
    NoGrace,
    NoScan,
    ScanFirst,
}

/// A reader takes the object's address out of the slot, reads it, passes a quiescent point, takes it again.
fn reclamation(weak: Weak) {
    model(3, move || {
        let world = World::new();
        let (reader, owner) = (world.quiesce.join(), world.quiesce.join());
        owner.online();
        let shared = world.clone();
        let other = thread::spawn(move || {
            reader.online();
            for _ in 0..2 {
                if shared.slot.load(Ordering::Acquire) == TARGET {
                    shared.read();
                }
                reader.quiescent();
            }
            reader.offline();
        });
        world.slot.store(0, Ordering::Release);
        if weak != Weak::NoGrace {
            world.wait_for_grace(&owner);
        }
        world.free();
        other.join().unwrap();
    });
}

#[test]
fn model_reclamation() {
    reclamation(Weak::Nothing);
}

#[test]
#[should_panic]
fn model_reclamation_without_grace_fails() {
    reclamation(Weak::NoGrace);
}

/// A reader makes a proxy of what it read, uses it beyond a quiescent point, and drops it at its own collection.
fn import(weak: Weak) {
    model(3, move || {
        let world = World::new();
        let (reader, owner) = (world.quiesce.join(), world.quiesce.join());
        owner.online();
        let shared = world.clone();
        let other = thread::spawn(move || {
            let mut importer = Importer::new(2, &shared.table);
            reader.online();
            let raw = shared.slot.load(Ordering::Acquire);
            if raw == TARGET {
                shared.read();
                importer.append(raw);
            }
            reader.quiescent();
            if raw == TARGET {
                shared.read();
                importer.set_boundary();
                // If the owner is reading the list, it stays longer.
                let _ = importer.publish(&mut Vec::new(), true);
            }
            reader.offline();
        });
        world.slot.store(0, Ordering::Release);
        let early = weak == Weak::ScanFirst && world.found();
        if weak != Weak::NoGrace {
            world.wait_for_grace(&owner);
        }
        let found = match weak {
            Weak::NoScan => false,
            Weak::ScanFirst => early,
            _ => world.found(),
        };
        if !found {
            world.free();
        }
        other.join().unwrap();
    });
}

#[test]
fn model_import_against_sweep() {
    import(Weak::Nothing);
}

#[test]
#[should_panic]
fn model_import_without_grace_fails() {
    import(Weak::NoGrace);
}

#[test]
#[should_panic]
fn model_import_without_scan_fails() {
    import(Weak::NoScan);
}

#[test]
#[should_panic]
fn model_import_with_the_scan_before_the_grace_fails() {
    import(Weak::ScanFirst);
}

/// One holder sends the reference to another in a message and drops its own proxy, while the owner, for whom the object is
/// white and the grace period over, scans.
fn transit(lists_first: bool) {
    model(2, move || {
        let world = World::new();
        let mut sender = Importer::new(2, &world.table);
        sender.append(TARGET);
        let mail = Arc::new(AtomicUsize::new(0));
        let (shared, sent) = (world.clone(), mail.clone());
        let first = thread::spawn(move || {
            shared.table.pin(TARGET);
            sent.store(TARGET, Ordering::Release);
            sender.set_boundary();
            let _ = sender.publish(&mut Vec::new(), true);
        });
        let shared = world.clone();
        let second = thread::spawn(move || {
            let mut receiver = Importer::new(3, &shared.table);
            if mail.load(Ordering::Acquire) == TARGET {
                receiver.append(TARGET);
                shared.table.unpin(TARGET);
                shared.read();
            }
        });
        let found = if lists_first { found_lists_first(&world.table) } else { world.found() };
        if !found {
            world.free();
        }
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// A scan that reads the pins after the lists: wrong.
fn found_lists_first(table: &OwnerTable) -> bool {
    let lists = lock(&table.lists).all.clone();
    let mut found = false;
    for list in &lists {
        lock(&list.settled).read(&mut Cursor::default(), &mut |target| found |= target == TARGET);
    }
    lock(&table.pins).keys().for_each(|&target| found |= target == TARGET);
    found
}

#[test]
fn model_transit_against_sweep() {
    transit(false);
}

#[test]
#[should_panic]
fn model_transit_with_pins_read_last_fails() {
    transit(true);
}

/// The owner's thread has ended. One holder reads the object, sends the reference to another in a message and drops its own proxy; the
/// other lists it, reads it and drops it. A third thread tends what the owner left.
fn owner_s_end(heeds_pins: bool) {
    model(2, move || {
        let world = World::new();
        let mut first = Importer::new(2, &world.table);
        first.append(TARGET);
        let mail = Arc::new(AtomicUsize::new(0));
        let (shared, sent) = (world.clone(), mail.clone());
        let sender = thread::spawn(move || {
            let member = shared.quiesce.join();
            member.online();
            shared.read();
            if heeds_pins {
                shared.table.pin(TARGET);
            }
            sent.store(TARGET, Ordering::Release);
            member.quiescent();
            first.set_boundary();
            let _ = first.publish(&mut Vec::new(), true);
            member.offline();
        });
        let shared = world.clone();
        let receiver = thread::spawn(move || {
            let member = shared.quiesce.join();
            member.online();
            if mail.load(Ordering::Acquire) == TARGET {
                let mut second = Importer::new(3, &shared.table);
                second.append(TARGET);
                if heeds_pins {
                    shared.table.unpin(TARGET);
                }
                shared.read();
                member.quiescent();
                second.set_boundary();
                let _ = second.publish(&mut Vec::new(), true);
            }
            member.offline();
        });
        let mut farewell = Farewell::default();
        for _ in 0..3 {
            if farewell.look(&world.table, &world.quiesce) {
                world.free();
                break;
            }
        }
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

#[test]
fn model_owner_s_end_against_holders() {
    owner_s_end(true);
}

#[test]
#[should_panic]
fn model_owner_s_end_without_pins_fails() {
    owner_s_end(false);
}

/// Nothing counts what is under way here.
struct Uncounted;

impl UnderWay for Uncounted {
    fn begin(&self) {}
    fn end(&self) {}
}

/// A holder of a task kills it by a message and drops its proxy, while the task completes: its own thread, which holds it no more,
/// sweeps what nobody refers to, and handles the message before that, between or after, or ends first.
fn kill_against_completion(pinned: bool) {
    model(3, move || {
        let world = World::new();
        let inbox = Arc::new(Inbox::<usize>::new());
        let mut holder = Importer::new(2, &world.table);
        holder.append(TARGET);
        let owner = world.quiesce.join();
        owner.online();
        let (shared, letters) = (world.clone(), inbox.clone());
        let killer = thread::spawn(move || {
            if pinned {
                shared.table.pin(TARGET);
            }
            let refuse = |target| shared.table.unpin(target);
            if let Err(target) = letters.send(TARGET, &Uncounted, || letters.mailbox.wake(), refuse) {
                shared.table.unpin(target);
            }
            holder.set_boundary();
            let _ = holder.publish(&mut Vec::new(), true);
        });
        let mut freed = false;
        for _ in 0..2 {
            if inbox.mailbox.take_request() {
                inbox.mailbox.take(usize::MAX, |target| {
                    // The task is looked at: it has ended, so the kill does nothing.
                    world.read();
                    world.table.unpin(target);
                });
            }
            if !freed && !world.found() {
                world.free();
                freed = true;
            }
        }
        inbox.close();
        inbox.refuse_all(&Uncounted, |target| world.table.unpin(target));
        inbox.leave(&Uncounted);
        killer.join().unwrap();
        assert!(lock(&world.table.pins).is_empty(), "a pin was left by a message that nobody got");
    });
}

#[test]
fn model_kill_against_completion() {
    kill_against_completion(true);
}

#[test]
#[should_panic]
fn model_kill_without_a_pin_fails() {
    kill_against_completion(false);
}
