//! Methods of IntArray and FloatArray: one set of functions for both kinds of elements.

use crate::args::{self, optional};
use crate::table::ClassTable;
use crate::{list, prelude_call, receiver, sort};
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::object::typed::{self, Element, TypedArray};
use corella_vm::object::{class_id, range};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::sync::atomic::Ordering;

static GETTERS: &[NativeRow] = &[("length", 0, 0, length, "Number of elements.")];

static READERS: &[NativeRow] = &[
    ("contains", 1, 1, contains, "Whether an element equals `value`."),
    ("index_of", 1, 2, index_of, "Index of the first element from `from` on that equals `value`, or -1."),
    (
        "slice",
        0,
        2,
        slice,
        "A copy of the elements from `start` to before `end`; negative ones count from the end.",
    ),
    ("first", 0, 0, first, "The first element."),
    ("last", 0, 0, last, "The last element."),
    ("copy", 0, 0, copy, "A new array of the same elements."),
    ("concat", 1, 1, concat, "A new array of its elements and those of `other`, which is of the same type."),
    ("sorted", 0, 0, sorted, "A new array of its elements in ascending order."),
    ("equals", 1, 1, equals, "Whether `other` is of the same type with equal elements."),
    ("sum", 0, 0, sum, "The elements added up."),
    ("min", 0, 0, min, "The least element."),
    ("max", 0, 0, max, "The greatest element."),
    (
        "dot",
        1,
        1,
        dot,
        "The sum of the products with the elements of `other`, which is of the same type and length.",
    ),
    ("keys", 0, 0, keys, "The range of its indices."),
    ("to_array", 0, 0, to_array, "An Array of its elements."),
    ("to_string", 0, 0, to_string, "As text: `[1, 2]`."),
    ("is_empty", 0, 0, is_empty, "Whether it has no elements."),
];

static WRITERS: &[NativeRow] = &[
    ("push", 1, 1, push, "Appends `value`."),
    ("pop", 0, 0, pop, "Removes the last element and returns it."),
    ("insert", 2, 2, insert, "Inserts `value` before the element at `index`."),
    ("remove_at", 1, 1, remove_at, "Removes the element at `index` and returns it."),
    ("fill", 1, 1, fill, "Sets every element to `value`; returns itself."),
    ("clear", 0, 0, clear, "Removes all elements."),
    ("truncate", 1, 1, truncate, "Removes the elements from index `length` on."),
    ("reverse", 0, 0, reverse, "Reverses the order in place; returns itself."),
    ("sort", 0, 0, sort_in_place, "Sorts in place in ascending order; returns itself."),
];

/// The natives of IntArray.
pub(crate) static INTS: ClassTable = ClassTable {
    construct: Some((
        "IntArray",
        0,
        2,
        construct_ints,
        "`n` times `value` (default: 0), or the ints of an iterable.",
    )),
    getters: GETTERS,
    readers: READERS,
    writers: WRITERS,
    ..ClassTable::empty(class_id::INT_ARRAY, "IntArray")
};

/// The natives of FloatArray.
pub(crate) static FLOATS: ClassTable = ClassTable {
    construct: Some((
        "FloatArray",
        0,
        2,
        construct_floats,
        "`n` times `value` (default: 0.0), or the numbers of an iterable.",
    )),
    getters: GETTERS,
    readers: READERS,
    writers: WRITERS,
    ..ClassTable::empty(class_id::FLOAT_ARRAY, "FloatArray")
};

/// Name of the class, as messages show it.
fn class_name(element: Element) -> &'static str {
    match element {
        Element::Int => "IntArray",
        Element::Float => "FloatArray",
    }
}

/// The typed array that the receiver is, own or not: for reading only.
fn read(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<(*const TypedArray, Element)> {
    let value = optional(args, 0);
    match receiver::typed(value) {
        Some((array, element)) => Ok((array.cast_const(), element)),
        None => Err(args::wrong_receiver(thread, &format!("IntArray.{method}"), value)),
    }
}

/// The own typed array that a writer changes.
fn own(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<(*mut TypedArray, Element)> {
    let value = optional(args, 0);
    typed::from_value(value).ok_or_else(|| args::wrong_receiver(thread, &format!("IntArray.{method}"), value))
}

/// The words of an array at this moment.
fn words(array: *const TypedArray) -> Vec<u64> {
    typed::words_foreign(array).iter().map(|word| word.load(Ordering::Acquire)).collect()
}

fn word(thread: &mut Thread, element: Element, method: &str, param: &str, value: Value) -> Outcome<u64> {
    typed::word_of(element, value).ok_or_else(|| {
        let expected = if element == Element::Int { "an int" } else { "a number" };
        let method = if method.is_empty() { class_name(element).to_owned() } else { named(element, method) };
        args::wrong(thread, &method, param, expected, value)
    })
}

fn named(element: Element, method: &str) -> String {
    format!("{}.{method}", class_name(element))
}

fn made(thread: &mut Thread, element: Element, words: &[u64]) -> Outcome {
    thread.charge(words.len() as u64 / 8);
    Ok(typed::to_value(typed::from_words(&mut thread.heap, element, words.iter().copied())?))
}

fn construct(thread: &mut Thread, args: &[Value], element: Element) -> Outcome {
    let first = optional(args, 0);
    if args.is_empty() {
        return made(thread, element, &[]);
    }
    if first.as_int().is_some() {
        let len = args::size(thread, class_name(element), "n", first)?;
        thread.charge(len as u64 / 16);
        let value = match optional(args, 1) {
            Value::NULL => 0,
            value => word(thread, element, "", "value", value)?,
        };
        let array = typed::new(&mut thread.heap, element, len)?;
        if value != 0 {
            typed::words(array).iter().for_each(|place| place.store(value, Ordering::Relaxed));
        }
        return Ok(typed::to_value(array));
    }
    if let Some((source, from)) = receiver::typed(first) {
        let words = converted(thread, from, element, words(source))?;
        return made(thread, element, &words);
    }
    match receiver::array_view(first) {
        Some(view) => {
            let mut words = Vec::with_capacity(view.len());
            for value in view.raw_values() {
                words.push(word(thread, element, "", "each element", value)?);
            }
            made(thread, element, &words)
        }
        None if first.is_object() => {
            let class = if element == Element::Int { class_id::INT_ARRAY } else { class_id::FLOAT_ARRAY };
            let class = thread.vm.class(class).value;
            prelude_call(thread, "__construct_from", &[class, first])
        }
        None => {
            Err(args::wrong(thread, class_name(element), "n", "an int or something to iterate over", first))
        }
    }
}

fn converted(thread: &mut Thread, from: Element, to: Element, words: Vec<u64>) -> Outcome<Vec<u64>> {
    match (from, to) {
        (Element::Int, Element::Float) => {
            Ok(words.into_iter().map(|word| (word as i64 as f64).to_bits()).collect())
        }
        (Element::Float, Element::Int) => {
            let message = "IntArray: the elements of a FloatArray are no ints: map them first";
            Err(thread.error(ErrorClass::TypeError, message))
        }
        _ => Ok(words),
    }
}

fn construct_ints(thread: &mut Thread, args: &[Value]) -> Outcome {
    construct(thread, args, Element::Int)
}

fn construct_floats(thread: &mut Thread, args: &[Value]) -> Outcome {
    construct(thread, args, Element::Float)
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, _) = read(thread, "length", args)?;
    Ok(Value::int_unchecked(typed::words_foreign(array).len() as i64))
}

fn is_empty(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, _) = read(thread, "is_empty", args)?;
    Ok(Value::bool(typed::words_foreign(array).is_empty()))
}

fn contains(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "contains", args)?;
    thread.charge(typed::words_foreign(array).len() as u64 / 8);
    Ok(Value::bool(typed::position_of(array, element, args[1], 0).is_some()))
}

fn index_of(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "index_of", args)?;
    let len = typed::words_foreign(array).len() as i64;
    let from = args::int_or(thread, &named(element, "index_of"), "from", optional(args, 2), 0)?;
    let from = if from < 0 { from.saturating_add(len).max(0) } else { from };
    thread.charge(len as u64 / 8);
    let found = typed::position_of(array, element, args[1], from as usize);
    Ok(Value::int_unchecked(found.map_or(-1, |at| at as i64)))
}

fn slice(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "slice", args)?;
    let words = words(array);
    let (from, to) = args::slice(thread, &named(element, "slice"), args, words.len())?;
    made(thread, element, &words[from..to])
}

fn end(thread: &mut Thread, args: &[Value], method: &str, pick: fn(&[u64]) -> Option<u64>) -> Outcome {
    let (array, element) = read(thread, method, args)?;
    match pick(&words(array)) {
        Some(word) => Ok(typed::value_of(&mut thread.heap, element, word)?),
        None => Err(args::empty(thread, &named(element, method), "array")),
    }
}

fn first(thread: &mut Thread, args: &[Value]) -> Outcome {
    end(thread, args, "first", |words| words.first().copied())
}

fn last(thread: &mut Thread, args: &[Value]) -> Outcome {
    end(thread, args, "last", |words| words.last().copied())
}

fn copy(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "copy", args)?;
    made(thread, element, &words(array))
}

/// Another typed array with the same kind of elements.
fn other(thread: &mut Thread, element: Element, method: &str, value: Value) -> Outcome<*const TypedArray> {
    match receiver::typed(value) {
        Some((array, kind)) if kind == element => Ok(array.cast_const()),
        _ => {
            let expected = if element == Element::Int { "an IntArray" } else { "a FloatArray" };
            Err(args::wrong(thread, &named(element, method), "other", expected, value))
        }
    }
}

fn concat(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "concat", args)?;
    let other = other(thread, element, "concat", args[1])?;
    let mut all = words(array);
    all.extend(words(other));
    made(thread, element, &all)
}

fn sort_words(element: Element, words: &mut [u64]) {
    match element {
        Element::Int => words.sort_unstable_by_key(|word| *word as i64),
        Element::Float => words.sort_by(|a, b| sort::float_order(f64::from_bits(*a), f64::from_bits(*b))),
    }
}

fn sorted(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "sorted", args)?;
    let mut words = words(array);
    thread.charge(sort::cost(words.len()) / 2);
    sort_words(element, &mut words);
    made(thread, element, &words)
}

fn equals(thread: &mut Thread, args: &[Value]) -> Outcome {
    read(thread, "equals", args)?;
    crate::array::deeply_equal(thread, args[0], args[1])
}

fn sum(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "sum", args)?;
    let words = typed::words_foreign(array);
    thread.charge(words.len() as u64 / 8);
    let mut all = words.iter().map(|word| word.load(Ordering::Relaxed));
    match element {
        Element::Float => {
            let sum = all.fold(0.0, |sum, word| sum + f64::from_bits(word));
            Ok(thread.heap.float(sum)?)
        }
        Element::Int => match all.try_fold(0i64, |sum, word| sum.checked_add(word as i64)) {
            Some(sum) => Ok(thread.heap.int(sum)?),
            None => Err(overflow(thread, "IntArray.sum", "sum")),
        },
    }
}

#[cold]
fn overflow(thread: &mut Thread, method: &str, what: &str) -> corella_vm::error::Control {
    let message = format!("{method}: the {what} does not fit in an int: use BigInt for larger numbers");
    thread.error(ErrorClass::OverflowError, message)
}

fn dot(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "dot", args)?;
    let other = other(thread, element, "dot", args[1])?;
    let (x, y) = (typed::words_foreign(array), typed::words_foreign(other));
    if x.len() != y.len() {
        let message = format!(
            "{}: both must have the same length, not {} and {}",
            named(element, "dot"),
            x.len(),
            y.len()
        );
        return Err(thread.error(ErrorClass::ValueError, message));
    }
    thread.charge(x.len() as u64 / 4);
    let mut pairs = x.iter().zip(y).map(|(a, b)| (a.load(Ordering::Relaxed), b.load(Ordering::Relaxed)));
    match element {
        Element::Float => {
            let sum = pairs.fold(0.0, |sum, (a, b)| sum + f64::from_bits(a) * f64::from_bits(b));
            Ok(thread.heap.float(sum)?)
        }
        Element::Int => {
            let sum = pairs.try_fold(0i64, |sum, (a, b)| sum.checked_add((a as i64).checked_mul(b as i64)?));
            match sum {
                Some(sum) => Ok(thread.heap.int(sum)?),
                None => Err(overflow(thread, "IntArray.dot", "product")),
            }
        }
    }
}

fn min(thread: &mut Thread, args: &[Value]) -> Outcome {
    extreme(thread, args, "min", false)
}

fn max(thread: &mut Thread, args: &[Value]) -> Outcome {
    extreme(thread, args, "max", true)
}

fn extreme(thread: &mut Thread, args: &[Value], method: &str, greatest: bool) -> Outcome {
    let (array, element) = read(thread, method, args)?;
    let words = words(array);
    thread.charge(words.len() as u64 / 8);
    let best = match element {
        Element::Int => {
            let ints = words.iter().map(|word| *word as i64);
            (if greatest { ints.max() } else { ints.min() }).map(|i| i as u64)
        }
        Element::Float => {
            let better = |a: f64, b: f64| {
                if a.is_nan() || b.is_nan() {
                    f64::NAN
                } else if greatest {
                    a.max(b)
                } else {
                    a.min(b)
                }
            };
            words.iter().map(|word| f64::from_bits(*word)).reduce(better).map(f64::to_bits)
        }
    };
    match best {
        Some(word) => Ok(typed::value_of(&mut thread.heap, element, word)?),
        None => Err(args::empty(thread, &named(element, method), "array")),
    }
}

fn keys(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, _) = read(thread, "keys", args)?;
    let end = typed::words_foreign(array).len() as i64;
    Ok(range::new(&mut thread.heap, range::Bounds { start: 0, end, inclusive: false })?)
}

fn to_array(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = read(thread, "to_array", args)?;
    let mut values = Vec::new();
    for word in words(array) {
        values.push(typed::value_of(&mut thread.heap, element, word)?);
    }
    thread.charge(values.len() as u64 / 4);
    list(thread, &values)
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    read(thread, "to_string", args)?;
    crate::text::to_string(thread, args[0])
}

fn push(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = own(thread, "push", args)?;
    let word = word(thread, element, "push", "value", args[1])?;
    typed::push_word(&mut thread.heap, array, word)?;
    Ok(Value::NULL)
}

fn pop(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = own(thread, "pop", args)?;
    let Some(last) = typed::words(array).last().map(|word| word.load(Ordering::Relaxed)) else {
        return Err(args::empty(thread, &named(element, "pop"), "array"));
    };
    // The value first: making it may fail, and then nothing has been removed.
    let value = typed::value_of(&mut thread.heap, element, last)?;
    typed::pop_word(array);
    Ok(value)
}

fn insert(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = own(thread, "insert", args)?;
    let len = typed::len(array);
    let given = args::int(thread, &named(element, "insert"), "index", args[1])?;
    let word = word(thread, element, "insert", "value", args[2])?;
    let at = if given < 0 { given.saturating_add(len as i64) } else { given };
    let inserted = match usize::try_from(at) {
        Ok(at) => typed::insert_word(&mut thread.heap, array, at, word)?,
        Err(_) => false,
    };
    if !inserted {
        let valid = format!("valid are {} to {len}", -(len as i64));
        let message = format!("{}: index {given} is out of range: {valid}", named(element, "insert"));
        return Err(thread.error(ErrorClass::RangeError, message));
    }
    thread.charge((len + 1 - at as usize) as u64 / 8);
    Ok(Value::NULL)
}

fn remove_at(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = own(thread, "remove_at", args)?;
    let at = args::index(thread, &named(element, "remove_at"), args[1], typed::len(array))?;
    let value = typed::get(&mut thread.heap, array, at)?.unwrap_or(Value::NULL);
    thread.charge((typed::len(array) - at) as u64 / 8);
    typed::remove_word(array, at);
    Ok(value)
}

fn fill(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = own(thread, "fill", args)?;
    let word = word(thread, element, "fill", "value", args[1])?;
    thread.charge(typed::len(array) as u64 / 16);
    typed::words(array).iter().for_each(|place| place.store(word, Ordering::Release));
    Ok(args[0])
}

fn clear(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, _) = own(thread, "clear", args)?;
    typed::truncate(array, 0);
    Ok(Value::NULL)
}

fn truncate(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = own(thread, "truncate", args)?;
    let len = args::size(thread, &named(element, "truncate"), "length", args[1])?;
    typed::truncate(array, len);
    Ok(Value::NULL)
}

fn rewrite(array: *mut TypedArray, words: &[u64]) {
    for (place, word) in typed::words(array).iter().zip(words) {
        place.store(*word, Ordering::Release);
    }
}

fn reverse(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, _) = own(thread, "reverse", args)?;
    let mut words = words(array);
    thread.charge(words.len() as u64 / 8);
    words.reverse();
    rewrite(array, &words);
    Ok(args[0])
}

fn sort_in_place(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (array, element) = own(thread, "sort", args)?;
    let mut words = words(array);
    thread.charge(sort::cost(words.len()) / 2);
    sort_words(element, &mut words);
    rewrite(array, &words);
    Ok(args[0])
}
