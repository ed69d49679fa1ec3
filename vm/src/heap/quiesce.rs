//! Quiescent-state-based reclamation: when memory that other threads may still be reading can be freed.
//!
//! Every VM thread is a [`Member`]. While online it announces quiescent points (safepoints, task switches): moments at
//! which it holds no raw pointer into a foreign heap. A thread that blocks or runs host code goes offline first. Who wants
//! to free something unlinks it, takes a [`Ticket`] and frees once the ticket has passed: every member was offline or
//! announced a quiescent point after the ticket was taken.
//!
//! Why it holds: a member that announces epoch `e >= ticket` loaded the epoch with `Acquire` after the ticket's `Release`
//! increment, so what it reads later includes the unlinking; what it read before happened before its `Release` store, which
//! the ticket's holder loads with `Acquire`. For a member seen offline the two `SeqCst` fences (in `online` and in
//! `grace_begin`) order "announce, then read" against "unlink, then look": one of the two sees the other.

use super::sync::{Arc, AtomicU64, Mutex, Ordering, fence};

const OFFLINE: u64 = 0;

/// The state of one member, on a cache line of its own.
#[repr(align(128))]
#[derive(Debug)]
struct State {
    /// Epoch at the last quiescent point, or [`OFFLINE`].
    seen: AtomicU64,
}

/// The shared part: the epoch and the members.
#[derive(Debug)]
pub struct Quiesce {
    epoch: Arc<State>,
    members: Mutex<Vec<Arc<State>>>,
}

/// A thread's membership. Dropping it (the thread has ended) takes the thread out.
#[derive(Debug)]
pub struct Member {
    state: Arc<State>,
    epoch: Arc<State>,
}

/// A point in time; asks whether every other member has been quiescent since.
#[derive(Debug)]
pub struct Ticket {
    epoch: u64,
    waiting: Vec<Arc<State>>,
}

impl Quiesce {
    /// A domain without members.
    pub fn new() -> Self {
        Self { epoch: Arc::new(State { seen: AtomicU64::new(1) }), members: Mutex::new(Vec::new()) }
    }

    /// A new member, offline.
    pub fn join(&self) -> Member {
        let state = Arc::new(State { seen: AtomicU64::new(OFFLINE) });
        let mut members = self.members.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        members.retain(|member| Arc::strong_count(member) > 1);
        members.push(state.clone());
        Member { state, epoch: self.epoch.clone() }
    }

    /// Starts a grace period for what was unlinked before. `own` is not waited for: its thread is the one that asks.
    pub fn grace_begin(&self, own: Option<&Member>) -> Ticket {
        let epoch = self.epoch.seen.fetch_add(1, Ordering::SeqCst) + 1;
        fence(Ordering::SeqCst);
        let mut members = self.members.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        members.retain(|member| Arc::strong_count(member) > 1);
        let waiting = members
            .iter()
            .filter(|member| own.is_none_or(|own| !Arc::ptr_eq(member, &own.state)))
            .cloned()
            .collect();
        Ticket { epoch, waiting }
    }

    /// Whether the grace period has passed; never blocks.
    pub fn grace_passed(&self, ticket: &mut Ticket) -> bool {
        let epoch = ticket.epoch;
        ticket.waiting.retain(|member| {
            let seen = member.seen.load(Ordering::Acquire);
            seen != OFFLINE && seen < epoch
        });
        ticket.waiting.is_empty()
    }
}

impl Default for Quiesce {
    fn default() -> Self {
        Self::new()
    }
}

impl Member {
    /// The thread may read foreign heaps from now on.
    pub fn online(&self) {
        self.state.seen.store(self.epoch.seen.load(Ordering::Acquire), Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// The thread holds no foreign pointer and will not read foreign heaps until it is online again.
    pub fn offline(&self) {
        self.state.seen.store(OFFLINE, Ordering::Release);
    }

    /// Whether it is online.
    pub fn is_online(&self) -> bool {
        self.state.seen.load(Ordering::Relaxed) != OFFLINE
    }

    /// Whether somebody may wait for the thread's next quiescent point.
    #[inline(always)]
    pub fn is_behind(&self) -> bool {
        self.epoch.seen.load(Ordering::Relaxed) != self.state.seen.load(Ordering::Relaxed)
    }

    /// The thread holds no foreign pointer at this moment; it must be online.
    #[inline(always)]
    pub fn quiescent(&self) {
        let epoch = self.epoch.seen.load(Ordering::Acquire);
        self.state.seen.store(epoch, Ordering::Release);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.offline();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_waits_for_online_members_only() {
        let domain = Quiesce::new();
        let (a, b, own) = (domain.join(), domain.join(), domain.join());
        a.online();
        own.online();
        let mut ticket = domain.grace_begin(Some(&own));
        assert!(!domain.grace_passed(&mut ticket));
        b.online();
        assert!(!domain.grace_passed(&mut ticket), "a has not been quiescent");
        a.quiescent();
        assert!(domain.grace_passed(&mut ticket));
        let mut second = domain.grace_begin(Some(&own));
        assert!(!domain.grace_passed(&mut second));
        a.offline();
        drop(b);
        assert!(domain.grace_passed(&mut second));
    }
}
