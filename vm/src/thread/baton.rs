//! Seeded runs: one thread of the VM runs at a time, which one is drawn from a generator, and time is counted instead of measured.
//!
//! Invariant: whatever the drawing depends on changes only while its changer holds the baton: a thread is made ready by the thread
//! that sends to it, that starts it or that moves the clock on, not by the moment when the OS wakes it. So the same seed gives
//! the same interleaving, and a failing schedule can be run again. (What comes from outside, such as a host's calls from threads of
//! its own, is not covered.)

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// A generator of numbers that look random (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// A sequence for a seed; each `stream` has its own.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// The length of a tick in units of fuel: often a few safepoints, sometimes thousands.
    pub fn tick(&mut self) -> u64 {
        let longest = [4, 64, 1024, 16384][self.below(4) as usize];
        1 + self.below(longest)
    }
}

/// Who may run.
pub struct Baton {
    state: Mutex<State>,
    /// Rung whenever the baton is given to somebody.
    given: Condvar,
}

struct State {
    draw: Draw,
    holder: Option<u64>,
    /// Threads that could run.
    ready: BTreeSet<u64>,
    /// Threads that sleep, with the moment that ends it if nothing else does.
    asleep: BTreeMap<u64, Option<Duration>>,
    /// Time since the VM was made.
    clock: Duration,
}

impl State {
    /// Gives the baton to one that is ready, be it that its moment has come while others worked; if there is none, time passes until a
    /// sleeper's moment comes.
    fn give(&mut self) {
        if self.ready.is_empty() {
            let next = self.asleep.values().copied().flatten().min();
            self.clock = self.clock.max(next.unwrap_or_default());
        }
        self.asleep.retain(|id, until| {
            let is_due = until.is_some_and(|until| until <= self.clock);
            if is_due {
                self.ready.insert(*id);
            }
            !is_due
        });
        let count = self.ready.len() as u64;
        self.holder = match count {
            0 => None,
            _ => self.ready.iter().nth(self.draw.below(count) as usize).copied(),
        };
        if let Some(id) = self.holder {
            self.ready.remove(&id);
        }
    }
}

impl Baton {
    /// The master thread, number 1, holds it first.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(State {
                draw: Draw::new(seed, 0),
                holder: Some(1),
                ready: BTreeSet::new(),
                asleep: BTreeMap::new(),
                clock: Duration::ZERO,
            }),
            given: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>, id: u64) {
        while state.holder != Some(id) {
            state = self.given.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// Time since the VM was made.
    pub fn clock(&self) -> Duration {
        self.lock().clock
    }

    /// Work was done: some time has passed.
    pub fn spend(&self, units: u64) {
        self.lock().clock += Duration::from_nanos(units.saturating_mul(10));
    }

    /// Thread `id` can run from now on: it was just started, or something came in for it.
    pub fn wake(&self, id: u64, new: bool) {
        let mut state = self.lock();
        if (new || state.asleep.remove(&id).is_some()) && state.holder != Some(id) {
            state.ready.insert(id);
        }
        if state.holder.is_none() {
            state.give();
            self.given.notify_all();
        }
    }

    /// The thread has just begun: waits for its first turn.
    pub fn enter(&self, id: u64) {
        self.wait(self.lock(), id);
    }

    /// Lets another thread run, perhaps.
    pub fn pass(&self, id: u64) {
        let mut state = self.lock();
        state.ready.insert(id);
        state.give();
        if state.holder != Some(id) {
            self.given.notify_all();
            self.wait(state, id);
        }
    }

    /// Sleeps until somebody wakes the thread or the moment comes, unless `asked` tells that something has come in already.
    pub fn sleep(&self, id: u64, until: Option<Duration>, asked: impl Fn() -> bool) {
        let mut state = self.lock();
        if asked() || until.is_some_and(|until| until <= state.clock) {
            return;
        }
        state.asleep.insert(id, until);
        state.give();
        self.given.notify_all();
        self.wait(state, id);
    }

    /// The thread ends.
    pub fn leave(&self, id: u64) {
        let mut state = self.lock();
        state.ready.remove(&id);
        state.asleep.remove(&id);
        if state.holder == Some(id) {
            state.give();
            self.given.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Baton;
    use std::time::Duration;

    #[test]
    fn who_sleeps_is_ready_when_the_work_of_others_has_taken_as_long() {
        let baton = Baton::new(1);
        baton.lock().asleep.insert(2, Some(Duration::from_nanos(100)));
        for (units, is_ready) in [(9, false), (1, true)] {
            baton.spend(units);
            let mut state = baton.lock();
            state.ready.insert(1);
            state.give();
            let woken = state.ready.contains(&2) || state.holder == Some(2);
            assert_eq!(woken, is_ready, "{:?}", state.clock);
            assert_eq!(state.asleep.is_empty(), is_ready);
        }
    }
}
