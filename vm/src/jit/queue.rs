//! What waits for the thread that compiles: the hottest comes first, not the oldest.
//!
//! A function that goes on being called while it waits is worth more than one that was called often once. Invariant: what was pushed is taken
//! once, unless the queue ends before.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A queue between threads that ask and one that works.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    /// Something has come, or the end.
    news: Condvar,
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    Item(T),
    /// So long as the taker waits, nothing has come.
    Nothing,
    /// Nothing will be taken any more.
    End,
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

    /// Waits, at most so long if there is a limit, for the hottest of what there is, the oldest of several.
    pub(super) fn take(&self, limit: Option<Duration>, heat: impl Fn(&T) -> u32) -> Next<T> {
        let idle = |inner: &mut Inner<T>| inner.waiting.is_empty() && !inner.ended;
        let inner = self.lock();
        let mut inner = match limit {
            None => self.news.wait_while(inner, idle).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = self.news.wait_timeout_while(inner, limit, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if inner.ended {
            return Next::End;
        }
        let hottest = inner.waiting.iter().enumerate().rev().max_by_key(|(_, item)| heat(item));
        match hottest {
            Some((at, _)) => Next::Item(inner.waiting.remove(at)),
            None => Next::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Queue};
    use std::sync::Arc;
    use std::time::Duration;

    fn item<T>(next: Next<T>) -> Option<T> {
        match next {
            Next::Item(item) => Some(item),
            Next::Nothing | Next::End => None,
        }
    }

    #[test]
    fn the_hottest_is_taken_first_and_of_equals_the_oldest() {
        let queue = Queue::default();
        [(1, 'a'), (3, 'b'), (3, 'c'), (2, 'd')].into_iter().for_each(|item| queue.push(item));
        let taken: String =
            (0..4).filter_map(|_| item(queue.take(None, |item| item.0))).map(|item| item.1).collect();
        assert_eq!(taken, "bcda");
    }

    #[test]
    fn who_waits_gets_what_comes_and_learns_of_the_end() {
        let queue = Arc::new(Queue::default());
        let taker = queue.clone();
        let worker = std::thread::spawn(move || {
            std::iter::from_fn(|| item(taker.take(None, |_| 0)))
                .inspect(|_| taker.end())
                .collect::<Vec<i32>>()
        });
        queue.push(7);
        assert_eq!(worker.join().expect("it ends"), [7]);
        queue.push(8);
        assert_eq!(queue.take(None, |_| 0), Next::End);
    }

    #[test]
    fn who_waits_for_so_long_only_is_told_that_nothing_has_come() {
        let queue = Queue::default();
        let soon = Some(Duration::from_millis(1));
        assert_eq!(queue.take(soon, |_| 0), Next::Nothing);
        queue.push(7);
        assert_eq!(queue.take(soon, |_| 0), Next::Item(7));
        queue.end();
        assert_eq!(queue.take(soon, |_| 0), Next::End);
    }
}
