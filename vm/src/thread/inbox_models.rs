//! The inbox's protocol in all interleavings: messages against the end of their receiver, the count of what is under way, and a
//! kill against the completion of its task.
//! `RUSTFLAGS="--cfg loom" cargo test -p corella-vm --release --lib thread::inbox::models`.
//!
//! Each model is run without one of the protocol's steps as well, and has to fail then.

use super::{Inbox, Step, UnderWay};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

fn check(bound: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    builder.check(body);
}

/// The count of what is under way.
struct Count(AtomicUsize);

impl UnderWay for Count {
    fn begin(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn end(&self) {
        self.less();
    }
}

impl Count {
    /// Counts one thing off; whether nothing is left.
    fn less(&self) -> bool {
        let before = self.0.fetch_sub(1, Ordering::AcqRel);
        assert!(before > 0, "more was counted off than on");
        before == 1
    }
}

fn inbox<T>(without: Option<Step>) -> Inbox<T> {
    let mut inbox = Inbox::new();
    inbox.without = without;
    inbox
}

/// Two senders, and a receiver that looks once, then ends.
fn end_of_the_receiver(without: Option<Step>) {
    check(2, move || {
        let inbox = Arc::new(inbox::<()>(without));
        let count = Arc::new(Count(AtomicUsize::new(3)));
        let (seen, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let (inbox, count, refused) = (inbox.clone(), count.clone(), refused.clone());
                thread::spawn(move || {
                    let refuse = |()| _ = refused.fetch_add(1, Ordering::Relaxed);
                    if inbox.send((), &*count, || inbox.mailbox.wake(), refuse).is_err() {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    count.end();
                })
            })
            .collect();
        if inbox.mailbox.take_request() {
            inbox.mailbox.take(2, |()| _ = seen.fetch_add(1, Ordering::Relaxed));
            count.end();
        }
        inbox.close();
        inbox.refuse_all(&*count, |()| _ = refused.fetch_add(1, Ordering::Relaxed));
        inbox.leave(&*count);
        count.end();
        for sender in senders {
            sender.join().unwrap();
        }
        let (seen, refused) = (seen.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
        assert_eq!(seen + refused, 2, "a message was lost");
        assert_eq!(count.0.load(Ordering::Relaxed), 0, "something counts as under way for ever");
    });
}

#[test]
fn every_message_is_handled_or_refused() {
    end_of_the_receiver(None);
}

#[test]
#[should_panic(expected = "a message was lost")]
fn a_sender_that_does_not_look_again_loses_its_message() {
    end_of_the_receiver(Some(Step::SenderLooksAgain));
}

/// Two who ask for attention without a message, and an owner that ends.
fn attention(without: Option<Step>) {
    check(3, move || {
        let inbox = Arc::new(inbox::<()>(without));
        let count = Arc::new(Count(AtomicUsize::new(3)));
        let askers: Vec<_> = (0..2)
            .map(|_| {
                let (inbox, count) = (inbox.clone(), count.clone());
                thread::spawn(move || {
                    inbox.ask(&*count, || inbox.mailbox.wake());
                    count.end();
                })
            })
            .collect();
        inbox.close();
        inbox.refuse_all(&*count, drop);
        inbox.leave(&*count);
        count.end();
        for asker in askers {
            asker.join().unwrap();
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 0, "something counts as under way for ever");
    });
}

#[test]
fn no_request_counts_for_ever() {
    attention(None);
}

#[test]
#[should_panic(expected = "something counts as under way for ever")]
fn a_request_to_nobody_counts_for_ever() {
    attention(Some(Step::AskerLooksForOwner));
}

#[test]
#[should_panic(expected = "something counts as under way for ever")]
fn a_request_that_nobody_takes_back_counts_for_ever() {
    attention(Some(Step::OwnerTakesBack));
}

/// A master that waits for mail, a sender that writes to another thread first and then to the master, and that other thread,
/// which has nothing to do afterwards.
fn quiet(without: Option<Step>) {
    check(2, move || {
        let (master, other) = (Arc::new(inbox::<()>(without)), Arc::new(inbox::<()>(without)));
        let count = Arc::new(Count(AtomicUsize::new(3)));
        let sender = {
            let (master, other, count) = (master.clone(), other.clone(), count.clone());
            thread::spawn(move || {
                let _ = other.send((), &*count, || other.mailbox.wake(), drop);
                let _ = master.send((), &*count, || master.mailbox.wake(), drop);
                if count.less() {
                    master.mailbox.ring();
                }
            })
        };
        let reader = {
            let (master, other, count) = (master.clone(), other.clone(), count.clone());
            thread::spawn(move || {
                if other.mailbox.take_request() {
                    other.mailbox.take(2, drop);
                    count.end();
                }
                if count.less() {
                    master.mailbox.ring();
                }
            })
        };
        let mut seen = 0;
        while seen == 0 {
            if master.mailbox.take_request() {
                master.mailbox.take(2, |()| seen += 1);
                count.end();
                continue;
            }
            if !count.less() {
                master.mailbox.sleep(None);
            }
            // As in the VM: nothing is under way, and nothing has come in.
            let quiet = count.0.load(Ordering::Acquire) == 0 && !master.mailbox.has_mail();
            assert!(!quiet, "called quiet while a message was still to come");
            count.begin();
        }
        sender.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn nothing_comes_when_all_is_quiet() {
    quiet(None);
}

#[test]
#[should_panic]
fn a_request_that_is_counted_late_lets_all_seem_quiet() {
    quiet(Some(Step::CountFirst));
}

#[derive(Clone, Copy)]
enum Order {
    Call,
    Kill,
}

/// A thread has a task made on another one and kills it; that other one runs it to its end at some moment and ends itself.
/// Whoever waits gets one answer.
fn kill_against_completion(looks_at_state: bool) {
    check(3, move || {
        let inbox = Arc::new(inbox::<Order>(None));
        let count = Arc::new(Count(AtomicUsize::new(2)));
        let answers = Arc::new(AtomicUsize::new(0));
        let caller = {
            let (inbox, count, answers) = (inbox.clone(), count.clone(), answers.clone());
            thread::spawn(move || {
                for order in [Order::Call, Order::Kill] {
                    let refuse = |order| {
                        if matches!(order, Order::Call) {
                            answers.fetch_add(1, Ordering::Relaxed);
                        }
                    };
                    let rouse = || inbox.mailbox.wake();
                    if let Err(order) = inbox.send(order, &*count, rouse, refuse) {
                        refuse(order);
                    }
                }
                count.end();
            })
        };
        let answer = || _ = answers.fetch_add(1, Ordering::Relaxed);
        let mut living = false;
        for _ in 0..2 {
            if inbox.mailbox.take_request() {
                inbox.mailbox.take(2, |order| match order {
                    Order::Call => living = true,
                    Order::Kill if living || !looks_at_state => {
                        living = false;
                        answer();
                    }
                    Order::Kill => {}
                });
                count.end();
            }
            if std::mem::take(&mut living) {
                answer();
            }
        }
        inbox.close();
        inbox.refuse_all(&*count, |order| {
            if matches!(order, Order::Call) {
                answer();
            }
        });
        inbox.leave(&*count);
        count.end();
        caller.join().unwrap();
        assert_eq!(answers.load(Ordering::Relaxed), 1, "one answer for one call");
        assert_eq!(count.0.load(Ordering::Relaxed), 0, "something counts as under way for ever");
    });
}

#[test]
fn a_killed_task_is_answered_for_once() {
    kill_against_completion(true);
}

#[test]
#[should_panic(expected = "one answer for one call")]
fn a_kill_that_does_not_look_whether_its_task_lives_answers_twice() {
    kill_against_completion(false);
}
