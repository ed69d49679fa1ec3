//! The queue in all interleavings:
//! `RUSTFLAGS="--cfg loom" cargo test -p corella-vm --release --lib thread::queue::models`.

use super::{Ordering, Queue};
use loom::sync::Arc;
use loom::thread;

/// Two senders, who need a second block, against one who takes out.
fn two_senders(mark: Ordering) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let mut queue = Queue::new();
        queue.mark = mark;
        let queue = Arc::new(queue);
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let queue = queue.clone();
                thread::spawn(move || {
                    queue.push((sender, 0));
                    queue.push((sender, 1));
                })
            })
            .collect();
        let mut next = [0; 2];
        let mut seen = |(sender, n): (usize, usize)| {
            assert_eq!(n, next[sender], "out of order");
            next[sender] += 1;
        };
        queue.take(4, &mut seen);
        for sender in senders {
            sender.join().unwrap();
        }
        queue.take(4, &mut seen);
        assert_eq!(next, [2, 2], "a message was lost");
        assert!(queue.is_empty());
    });
}

#[test]
fn each_message_comes_once_and_in_order() {
    two_senders(Ordering::Release);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_place_that_is_marked_without_order_gives_what_is_not_there() {
    two_senders(Ordering::Relaxed);
}
