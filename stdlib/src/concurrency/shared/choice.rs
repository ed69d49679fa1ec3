//! Which one of several things happens that are offered on several threads: whoever is first to take the choice decides.
//!
//! A select over channels of several threads has an offer waiting on each of them. Who serves an offer takes its choice first;
//! whoever comes later finds it taken and lets the offer be. Where two such selects meet in a channel, both choices are taken in one step or
//! none is: otherwise one of the two would have been decided for a partner that is gone.

use super::{lock, structure};
use crate::args::int;
use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::object::handle;
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::sync::{Arc, Mutex};

/// The natives, known as `__choice_...`.
pub(crate) static ROWS: &[NativeRow] = &[
    ("new", 0, 0, new, "A choice that nobody has taken."),
    ("take", 2, 2, take, "Takes a choice for the offer with this number; whether nobody had taken it."),
    (
        "take_both",
        4,
        4,
        take_both,
        "Takes two choices, each with a number: 0 if both were free; else takes none and gives 1 if the first was not, or 2.",
    ),
    ("taken", 1, 1, taken, "The number of the offer that it was taken for; null while nobody has taken it."),
];

/// The number of the offer that was taken.
type Choice = Mutex<Option<i64>>;

fn this(thread: &mut Thread, value: Value) -> Outcome<Arc<Choice>> {
    structure::<Choice>(thread, "select", value)
}

fn number(thread: &mut Thread, value: Value) -> Outcome<i64> {
    int(thread, "select", "number", value)
}

fn new(thread: &mut Thread, _: &[Value]) -> Outcome {
    Ok(handle::new_shared(&mut thread.heap, Arc::new(Choice::default()))?)
}

fn take(thread: &mut Thread, args: &[Value]) -> Outcome {
    let choice = this(thread, args[0])?;
    let number = number(thread, args[1])?;
    let mut taken = lock(&choice);
    let free = taken.is_none();
    taken.get_or_insert(number);
    Ok(Value::bool(free))
}

fn take_both(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (a, b) = (this(thread, args[0])?, this(thread, args[2])?);
    let (n, m) = (number(thread, args[1])?, number(thread, args[3])?);
    Ok(Value::int_unchecked(both(&a, n, &b, m)))
}

/// The locks are taken in the order of their addresses, so that two threads never wait for each other. One choice is not free for itself.
fn both(a: &Arc<Choice>, n: i64, b: &Arc<Choice>, m: i64) -> i64 {
    if Arc::ptr_eq(a, b) {
        return 1;
    }
    let a_first = Arc::as_ptr(a) < Arc::as_ptr(b);
    let (first, second) = if a_first { (a, b) } else { (b, a) };
    let (first, second) = (lock(first), lock(second));
    let (mut a, mut b) = if a_first { (first, second) } else { (second, first) };
    if a.is_some() {
        return 1;
    }
    if b.is_some() {
        return 2;
    }
    (*a, *b) = (Some(n), Some(m));
    0
}

fn taken(thread: &mut Thread, args: &[Value]) -> Outcome {
    let choice = this(thread, args[0])?;
    let taken = *lock(&choice);
    Ok(taken.map_or(Value::NULL, Value::int_unchecked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice() -> Arc<Choice> {
        Arc::default()
    }

    #[test]
    fn both_or_none() {
        let (a, b, c) = (choice(), choice(), choice());
        assert_eq!(both(&a, 1, &b, 2), 0);
        assert_eq!((*lock(&a), *lock(&b)), (Some(1), Some(2)));
        assert_eq!((both(&a, 3, &c, 4), both(&c, 4, &a, 3)), (1, 2));
        assert_eq!(*lock(&c), None);
    }

    #[test]
    fn one_choice_does_not_meet_itself() {
        let a = choice();
        assert_eq!(both(&a, 1, &a, 2), 1);
        assert_eq!(*lock(&a), None);
    }

    #[test]
    fn two_threads_that_take_the_same_two_the_other_way_round() {
        for _ in 0..200 {
            let (a, b) = (choice(), choice());
            let (c, d) = (a.clone(), b.clone());
            let other = std::thread::spawn(move || both(&d, 3, &c, 4));
            let here = both(&a, 1, &b, 2);
            let there = other.join().expect("it does not panic");
            assert_eq!((here == 0) as u8 + (there == 0) as u8, 1);
            assert_eq!(
                (*lock(&a), *lock(&b)),
                if here == 0 { (Some(1), Some(2)) } else { (Some(4), Some(3)) }
            );
        }
    }
}
