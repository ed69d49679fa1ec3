//! What waits for the thread that compiles: the hottest comes first, not the oldest.
//!
//! A function that goes on being called while it waits is worth more than one that was called often once. Invariant: what was pushed is taken
//! once, unless the queue ends before.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue between threads that ask and one that works.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    /// Something has come, or the end.
    news: Condvar,
}

struct Inner<T> {
    /// In the order in which they came.
    waiting: Vec<T>,
    ended: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { waiting: Vec::new(), ended: false }), news: Condvar::new() }
    }
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, item: T) {
        self.lock().waiting.push(item);
        self.news.notify_one();
    }

    /// Nothing is taken any more.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.news.notify_one();
    }

    /// Waits for the hottest of what there is, the oldest of several; none at the end.
    pub(super) fn take(&self, heat: impl Fn(&T) -> u32) -> Option<T> {
        let mut inner = self.lock();
        loop {
            if inner.ended {
                return None;
            }
            let hottest = inner.waiting.iter().enumerate().rev().max_by_key(|(_, item)| heat(item));
            if let Some((at, _)) = hottest {
                return Some(inner.waiting.remove(at));
            }
            inner = self.news.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use std::sync::Arc;

    #[test]
    fn the_hottest_is_taken_first_and_of_equals_the_oldest() {
        let queue = Queue::default();
        [(1, 'a'), (3, 'b'), (3, 'c'), (2, 'd')].into_iter().for_each(|item| queue.push(item));
        let taken: String = (0..4).filter_map(|_| queue.take(|item| item.0)).map(|item| item.1).collect();
        assert_eq!(taken, "bcda");
    }

    #[test]
    fn who_waits_gets_what_comes_and_learns_of_the_end() {
        let queue = Arc::new(Queue::default());
        let taker = queue.clone();
        let worker = std::thread::spawn(move || {
            std::iter::from_fn(|| taker.take(|_| 0)).inspect(|_| taker.end()).collect::<Vec<i32>>()
        });
        queue.push(7);
        assert_eq!(worker.join().expect("it ends"), [7]);
        queue.push(8);
        assert_eq!(queue.take(|_| 0), None);
    }
}
