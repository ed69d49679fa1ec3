//! The publication of machine code in all interleavings: `RUSTFLAGS="--cfg loom" cargo test -p corella-vm --release --lib jit::slot::models`.
//!
//! Machine code is a loom cell: running it is `with`, writing it is `with_mut`, and loom fails the model when the two are not ordered.
//! Each model is run without one of the protocol's steps as well, and has to fail then.

use super::{INTERPRETED, JitSlot, Step, state};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering;
use loom::thread;

/// A function that two threads call, and room for the code of two compilations.
struct Function {
    slot: JitSlot,
    code: [UnsafeCell<u32>; 2],
    /// Who replaces the code frees what was there before: wrong.
    frees: bool,
}

/// What the code of each compilation is, and the loop entry at its only instruction.
const CODE: [u32; 2] = [11, 22];
const LOOP: u16 = 5;
/// Failed assumptions after which it is compiled again.
const TOO_MANY: u32 = 2;

impl Function {
    fn new(without: Option<Step>, frees: bool) -> Arc<Self> {
        let slot = JitSlot { without, ..JitSlot::default() };
        Arc::new(Function { slot, code: [UnsafeCell::new(0), UnsafeCell::new(0)], frees })
    }

    /// Has it compiled, for the first or the second time: two at once would write over each other.
    fn compile(&self, time: usize) {
        // SAFETY: loom checks that nobody writes or runs the code at the same time.
        self.code[time].with_mut(|code| unsafe { *code = CODE[time] });
        // The entry stands for the code by its number.
        let entry = std::ptr::without_provenance_mut(time + 1);
        // What is compiled again is not lean any more.
        let lean = if time == 0 { entry } else { std::ptr::null_mut() };
        self.slot.publish(entry, lean, Box::new([LOOP]));
    }

    /// Calls it: runs its code, if there is some, and gives its number.
    fn run(&self) -> Option<usize> {
        let number = self.slot.entry().addr().checked_sub(1)?;
        // SAFETY: loom checks that the code is not being written.
        self.code[number].with(|code| assert_eq!(unsafe { *code }, CODE[number]));
        assert_eq!(self.slot.entry_at(0), LOOP, "there is code, and its loop entry is not found");
        Some(number)
    }

    /// Calls its code as compiled code does: its lean code, if there is some, and what is called with a frame.
    fn run_from_compiled_code(&self) {
        let called = self.slot.called.load(Ordering::Acquire);
        let called = if std::ptr::eq(called, INTERPRETED.cast()) { 0 } else { called.addr() };
        for entry in [self.slot.lean().addr(), called] {
            if let Some(number) = entry.checked_sub(1) {
                // SAFETY: loom checks that the code is not being written.
                self.code[number].with(|code| assert_eq!(unsafe { *code }, CODE[number]));
            }
        }
    }

    /// As the interpreter calls a hot function.
    fn call(&self) {
        if self.run().is_none() && self.slot.claim(state::COLD) {
            self.compile(0);
        }
    }

    /// A call in which an assumption fails.
    fn call_in_vain(&self) {
        if self.run().is_some() && self.slot.failures.fetch_add(1, Ordering::Relaxed) + 1 == TOO_MANY {
            assert!(self.slot.claim(state::READY), "nobody compiles it again");
            self.compile(1);
            if self.frees {
                // SAFETY: loom is to find that somebody runs it.
                self.code[0].with_mut(|code| unsafe { *code = 0 });
            }
        }
    }
}

fn check(without: Option<Step>, frees: bool, body: impl Fn(&Function) + Sync + Send + Copy + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let function = Function::new(without, frees);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let function = function.clone();
                thread::spawn(move || body(&function))
            })
            .collect();
        for other in others {
            other.join().unwrap();
        }
        // Both have called it often enough, so it has been compiled.
        assert!(function.run().is_some());
    });
}

/// Two threads find a function hot.
fn publication(without: Option<Step>) {
    check(without, false, |function| {
        function.call();
        function.call();
        function.run_from_compiled_code();
    });
}

#[test]
fn model_publication() {
    publication(None);
}

#[test]
#[should_panic]
fn model_publication_without_release_fails() {
    publication(Some(Step::Release));
}

#[test]
#[should_panic]
fn model_publication_of_the_entry_first_fails() {
    publication(Some(Step::EntryLast));
}

#[test]
#[should_panic]
fn model_publication_without_claim_fails() {
    publication(Some(Step::Claim));
}

/// Two threads run compiled code whose assumptions fail.
fn replacement(frees: bool) {
    check(None, frees, |function| {
        function.call();
        function.call_in_vain();
        function.run_from_compiled_code();
        function.call_in_vain();
    });
}

#[test]
fn model_replacement() {
    replacement(false);
}

#[test]
#[should_panic]
fn model_replacement_that_frees_the_code_before_fails() {
    replacement(true);
}
