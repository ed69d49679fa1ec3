//! Room for a thread that has run out of memory: the limit is the VM's, so garbage in the heaps of other threads stands in its way too.
//!
//! Invariant: a thread that waits here has just collected and holds nothing of other heaps but what its frames refer to; so two threads
//! that wait for each other need not, and see that by each other's flag.

use super::Thread;
use super::registry::{Message, ThreadShared};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long other threads have to collect. One that is inside a long native, or whose host does not run it now, is not waited for longer.
const PATIENCE: Duration = Duration::from_millis(250);
/// Other threads are not asked again so soon after it did not help.
const PAUSE: Duration = Duration::from_secs(1);

impl Thread {
    /// A full collection, since there is no room; if that does not give some and other threads hold much of what is used, they are asked
    /// to collect as well. In a repeatable run only the thread's own heap is collected: how long others take is no part of what repeats.
    #[cold]
    pub fn collect_for_room(&mut self) {
        self.collect_now();
        let limit = self.vm.registry.heaps.limit_bytes();
        let others = self.vm.registry.heaps.used_bytes().saturating_sub(self.heap.used_bytes());
        let may_help = self.heap.nearly_full() && others > limit / 8 && self.vm.registry.baton.is_none();
        let lately = self.asked_for_room.is_some_and(|moment| moment.elapsed() < PAUSE);
        if may_help && !lately && !self.ask_for_room() {
            self.asked_for_room = Some(Instant::now());
        }
    }

    /// Lets all other threads collect; whether much less is used afterwards.
    fn ask_for_room(&mut self) -> bool {
        let vm = self.vm.clone();
        let before = vm.registry.heaps.used_bytes();
        let asked: Vec<_> = self
            .other_threads()
            .into_iter()
            .filter_map(|other| {
                let done = Arc::new(AtomicBool::new(false));
                let told = done.clone();
                let collect = Message::Host(Box::new(move |other: &mut Thread| {
                    other.collect_now();
                    told.store(true, Ordering::Release);
                }));
                vm.registry.send(other.id, collect).ok().map(|()| (other, done))
            })
            .collect();
        self.shared.waits_for_room.store(true, Ordering::Release);
        self.heap.offline();
        let end = Instant::now() + PATIENCE;
        let answered = |(other, done): &(Arc<ThreadShared>, Arc<AtomicBool>)| {
            done.load(Ordering::Acquire) || other.waits_for_room.load(Ordering::Acquire)
        };
        while !asked.iter().all(answered) && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(200));
        }
        self.heap.online();
        self.shared.waits_for_room.store(false, Ordering::Release);
        // What those threads no longer refer to may be this thread's own.
        self.collect_now();
        vm.registry.heaps.used_bytes() < before - before / 16
    }
}
