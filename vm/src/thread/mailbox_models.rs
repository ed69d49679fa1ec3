//! The mailbox's protocol in all interleavings:
//! `RUSTFLAGS="--cfg loom" cargo test -p corella-vm --release --lib thread::mailbox::models`.
//!
//! The queue of the model is a pair of relaxed words, weaker than the real one, so that only the mailbox's own fences order it. A
//! message or wake-up that gets lost leaves the owner asleep, which loom reports as a deadlock. Each model is run without one of
//! the protocol's fences as well, and has to fail then.

use super::{Mailbox, Side};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

fn check(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

/// The ignored test `name` has to fail. It runs in a process of its own: a deadlock that loom finds ends the process.
fn refuted(name: &str) {
    let name = format!("thread::mailbox::models::{name}");
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(text.contains("running 1 test"), "no such test: {name}");
    assert!(
        text.contains("deadlock"),
        "the weakened protocol passed: the model does not see what the fence is for"
    );
}

fn mailbox(without: Option<Side>) -> Arc<Mailbox<()>> {
    let mut mailbox = Mailbox::new();
    mailbox.without = without;
    Arc::new(mailbox)
}

fn post(mailbox: &Mailbox<()>, word: &AtomicUsize) {
    word.store(1, Ordering::Relaxed);
    if !mailbox.has_been_asked() && mailbox.ask() {
        mailbox.wake();
    }
}

/// Two senders, and an owner that sleeps when nothing is asked of it.
fn mail(without: Option<Side>) {
    let mailbox = mailbox(without);
    let words = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let senders: Vec<_> = (0..2)
        .map(|i| {
            let (mailbox, words) = (mailbox.clone(), words.clone());
            thread::spawn(move || post(&mailbox, &words[i]))
        })
        .collect();
    let mut seen = 0;
    while seen < 2 {
        if mailbox.take_request() {
            seen = words.iter().map(|word| word.load(Ordering::Relaxed)).sum();
        } else {
            mailbox.sleep(None);
        }
    }
    for sender in senders {
        sender.join().unwrap();
    }
}

/// One sender, and an owner on its way to sleep.
fn wake_up(without: Option<Side>) {
    let mailbox = mailbox(without);
    let sender = {
        let mailbox = mailbox.clone();
        thread::spawn(move || {
            if mailbox.ask() {
                mailbox.wake();
            }
        })
    };
    while !mailbox.take_request() {
        mailbox.sleep(None);
    }
    sender.join().unwrap();
}

#[test]
fn no_message_is_left_with_a_sleeping_owner() {
    check(|| mail(None));
}

#[test]
fn without_the_sender_s_fence_a_message_is_left() {
    refuted("no_sender_fence");
}

#[test]
#[ignore = "fails on purpose"]
fn no_sender_fence() {
    check(|| mail(Some(Side::Sender)));
}

#[test]
fn without_the_owner_s_fence_a_message_is_left() {
    refuted("no_owner_fence");
}

#[test]
#[ignore = "fails on purpose"]
fn no_owner_fence() {
    check(|| mail(Some(Side::Owner)));
}

#[test]
fn no_wake_up_is_lost() {
    check(|| wake_up(None));
}

#[test]
fn without_the_waker_s_fence_a_wake_up_is_lost() {
    refuted("no_waker_fence");
}

#[test]
#[ignore = "fails on purpose"]
fn no_waker_fence() {
    check(|| wake_up(Some(Side::Waker)));
}

#[test]
fn without_the_sleeper_s_fence_a_wake_up_is_lost() {
    refuted("no_sleeper_fence");
}

#[test]
#[ignore = "fails on purpose"]
fn no_sleeper_fence() {
    check(|| wake_up(Some(Side::Sleeper)));
}
