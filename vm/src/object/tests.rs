//! Tests of what is subtle in objects: maps against a model, iteration over rehashes, strings by code point, display of
//! nested, shared and cyclic containers.

use super::display::{self, Piece};
use super::{array, bigint, deep, equality, hash, map, range, string, typed};
use crate::heap::Heap;
use crate::value::Value;
use std::collections::HashMap;

fn int(i: i64) -> Value {
    Value::int_unchecked(i)
}

fn text(heap: &mut Heap, content: &str) -> Value {
    string::new(heap, content).unwrap()
}

fn shown(value: Value) -> String {
    let pieces = display::render(value, false, usize::MAX, &mut |_, to| {
        to.push_str("<instance>");
        true
    });
    match pieces.unwrap().as_slice() {
        [Piece::Text(text)] => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_map_behaves_as_its_model() {
    let heap = &mut Heap::standalone();
    let map = map::new(heap, 0).unwrap();
    let mut model: HashMap<i64, i64> = HashMap::new();
    let mut order: Vec<i64> = Vec::new();
    let mut state = 0x1234_5678_9abc_def1u64;
    for step in 0..20_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let key = (state >> 33) as i64 % 300;
        if state & 3 != 0 {
            let new = map::insert(heap, map, int(key), int(step)).unwrap();
            assert_eq!(new, model.insert(key, step).is_none());
            if new {
                order.push(key);
            }
        } else {
            assert_eq!(map::remove(map, int(key)), model.remove(&key).map(int));
            order.retain(|&k| k != key);
        }
        assert_eq!(map::len(map), model.len());
    }
    for key in 0..300 {
        assert_eq!(map::get(map, int(key)), model.get(&key).copied().map(int));
        assert_eq!(map::get_foreign(map, int(key)), model.get(&key).copied().map(int));
    }
    let mut at = map::Position { table: map::table(map), number: 0 };
    for key in &order {
        assert_eq!(at.next_entry(), Some((int(*key), int(model[key]))));
    }
    assert_eq!(at.next_entry(), None);
    assert_eq!(map::entries_foreign(map).count(), order.len());
    let copy = map::copy(heap, map).unwrap();
    assert!(map::entries_foreign(copy).eq(map::entries_foreign(map)));
    assert_eq!(map::len(copy), order.len());
    map::clear(heap, map);
    assert_eq!((map::len(map), map::get(map, int(order[0]))), (0, None));
}

#[test]
fn an_iteration_goes_on_in_the_new_table() {
    let heap = &mut Heap::standalone();
    let map = map::new(heap, 0).unwrap();
    for i in 0..6 {
        map::insert(heap, map, int(i), Value::NULL).unwrap();
    }
    map::remove(map, int(0));
    let mut at = map::Position { table: map::table(map), number: 0 };
    assert_eq!(at.next_entry().unwrap().0, int(1));
    assert_eq!(at.next_entry().unwrap().0, int(2));
    map::remove(map, int(1));
    map::remove(map, int(4));
    for i in 100..200 {
        map::insert(heap, map, int(i), Value::NULL).unwrap();
    }
    let rest: Vec<_> = std::iter::from_fn(|| at.next_entry()).map(|(key, _)| key).collect();
    let expected: Vec<_> = [3, 5].into_iter().chain(100..200).map(int).collect();
    assert_eq!(rest, expected);

    let mut at = map::Position { table: map::table(map), number: 0 };
    at.next_entry();
    map::clear(heap, map);
    assert_eq!(at.next_entry(), None);
}

#[test]
fn keys_are_equal_by_value() {
    let heap = &mut Heap::standalone();
    let float = |heap: &mut Heap, f| heap.float(f).unwrap();
    let big = |heap: &mut Heap, digits: &str| bigint::new(heap, &digits.parse().unwrap()).unwrap();
    let two_53 = 9_007_199_254_740_992i64;
    let bounds = range::Bounds { start: 1, end: 5, inclusive: false };
    let equal = [
        (int(1), float(heap, 1.0)),
        (int(1), big(heap, "1")),
        (int(0), float(heap, -0.0)),
        (int(two_53), float(heap, two_53 as f64)),
        (heap.int(i64::MIN).unwrap(), float(heap, i64::MIN as f64)),
        (heap.int(i64::MAX).unwrap(), heap.int(i64::MAX).unwrap()),
        (big(heap, "18446744073709551616"), float(heap, 18_446_744_073_709_551_616.0)),
        (float(heap, 1e-300), float(heap, 1e-300)),
        (text(heap, "hello"), text(heap, "hello")),
        (string::new_bytes(heap, b"ab").unwrap(), string::new_bytes(heap, b"ab").unwrap()),
        (range::new(heap, bounds).unwrap(), range::new(heap, bounds).unwrap()),
        (float(heap, f64::NAN), float(heap, f64::NAN)),
    ];
    for (a, b) in equal {
        assert!(equality::same_key(a, b) && equality::same_key(b, a), "{a:?} {b:?}");
        assert_eq!(hash::hash_value(a), hash::hash_value(b), "{a:?} {b:?}");
    }
    assert!(!equality::same_value(float(heap, f64::NAN), float(heap, f64::NAN)));
    let different = [
        (int(two_53 + 1), float(heap, two_53 as f64)),
        (heap.int(i64::MAX).unwrap(), float(heap, i64::MAX as f64)),
        (int(1), text(heap, "1")),
        (int(1), Value::TRUE),
        (int(0), Value::NULL),
        (text(heap, "ab"), string::new_bytes(heap, b"ab").unwrap()),
        (text(heap, "ab"), text(heap, "abc")),
        (array::to_value(array::new(heap, 0).unwrap()), array::to_value(array::new(heap, 0).unwrap())),
    ];
    for (a, b) in different {
        assert!(!equality::same_key(a, b) && !equality::same_value(b, a), "{a:?} {b:?}");
    }
}

#[test]
fn strings_are_indexed_by_code_point() {
    let heap = &mut Heap::standalone();
    let mixed = text(heap, "aé€😀z");
    assert_eq!((string::chars(mixed), string::is_ascii(mixed)), (5, false));
    let chars: Vec<_> = (0..6)
        .map(|i| string::char_at(heap, mixed, i).unwrap())
        .map(|c| string::as_str(c).unwrap())
        .collect();
    assert_eq!(chars, ["a", "é", "€", "😀", "z", ""]);
    assert_eq!(string::text_between(mixed, 1, 4), "é€😀");
    assert_eq!(string::text_between(mixed, 4, 99), "z");
    assert_eq!(string::text_between(mixed, 4, 2), "");
    let long = text(heap, &"ab".repeat(1000));
    let e = text(heap, "é");
    let longer = string::concat(heap, &[long, long, e]).unwrap();
    assert_eq!((string::chars(longer), string::len(longer)), (4001, 4002));
    assert_eq!(string::text_between(longer, 4000, 4001), "é");
    let imported = string::import(heap, longer).unwrap();
    assert_eq!(string::as_str(imported), string::as_str(longer));
    assert_eq!(text(heap, "x").bits(), string::ascii(b'x').bits());
}

/// A heap for a value that only has to live as long as the test.
fn heap_of() -> &'static mut Heap {
    Box::leak(Box::new(Heap::standalone()))
}

#[test]
fn arrays_grow_shrink_and_shift() {
    let heap = &mut Heap::standalone();
    let xs = array::new(heap, 0).unwrap();
    for i in 0..100 {
        array::push(heap, xs, int(i)).unwrap();
    }
    assert!(array::insert(heap, xs, 0, int(-1)).unwrap() && !array::insert(heap, xs, 200, int(0)).unwrap());
    assert_eq!(array::remove(heap, xs, 1), Some(int(0)));
    assert_eq!((array::get(xs, 1), array::len(xs)), (Some(int(1)), 100));
    array::extend_from(heap, xs, xs).unwrap();
    assert_eq!((array::len(xs), array::get(xs, 100)), (200, Some(int(-1))));
    array::truncate(xs, 3);
    array::reverse(heap, xs);
    assert_eq!(shown(array::to_value(xs)), "[2, 1, -1]");
    assert_eq!(array::pop(xs), Some(int(-1)));
    array::truncate(xs, 0);
    assert_eq!((array::pop(xs), array::get_foreign(xs, 0)), (None, None));
    array::push(heap, xs, int(7)).unwrap();
    assert_eq!(shown(array::to_value(xs)), "[7]");
    let floats = typed::new(heap, typed::Element::Float, 2).unwrap();
    typed::set_word(floats, 1, 1.5f64.to_bits());
    assert!(typed::insert_word(heap, floats, 1, 2.0f64.to_bits()).unwrap());
    assert_eq!(shown(typed::to_value(floats)), "[0.0, 2.0, 1.5]");
}

#[test]
fn containers_are_shown_without_recursion() {
    let heap = &mut Heap::standalone();
    let map = map::new(heap, 0).unwrap();
    for (key, value) in [("a", int(1)), ("b c", text(heap_of(), "q\"\n")), ("_x1", Value::NULL)] {
        let key = text(heap, key);
        map::insert(heap, map, key, value).unwrap();
    }
    map::insert(heap, map, int(3), map::to_value(map)).unwrap();
    assert_eq!(shown(map::to_value(map)), r#"{a: 1, "b c": "q\"\n", _x1: null, 3: {...}}"#);
    let xs = array::from_slice(heap, &[int(1)]).unwrap();
    let ys = array::from_slice(heap, &[array::to_value(xs), array::to_value(xs)]).unwrap();
    array::push(heap, ys, array::to_value(ys)).unwrap();
    assert_eq!(shown(array::to_value(ys)), "[[1], [1], [...]]");
    let mut deep = array::new(heap, 0).unwrap();
    let mut other = array::new(heap, 0).unwrap();
    for _ in 0..300_000 {
        deep = array::from_slice(heap, &[array::to_value(deep)]).unwrap();
        other = array::from_slice(heap, &[array::to_value(other)]).unwrap();
    }
    assert_eq!(shown(array::to_value(deep)).len(), 600_002);
    let (result, _) = deep::equal(array::to_value(deep), array::to_value(other), &mut |_, _| false);
    assert_eq!(result, deep::DeepEquality::EqualIf(Vec::new()));
    assert_eq!(
        display::render(array::to_value(deep), false, 100, &mut |_, _| true).unwrap_err(),
        display::TooLong
    );
}

/// What a thread holds: these values, which a collection visits as the frames' registers are visited.
struct Held(Vec<Value>);

impl crate::heap::Roots for Held {
    fn trace(&mut self, tracer: &mut crate::heap::Tracer) {
        self.trace_volatile(tracer);
    }

    fn trace_volatile(&mut self, tracer: &mut crate::heap::Tracer) {
        self.0.iter().for_each(|value| tracer.value(*value));
    }

    fn after_mark(&mut self, _: &crate::heap::Liveness) {}
}

#[test]
fn short_strings_and_empty_containers_are_left_alone_by_the_collector() {
    let heap = &mut Heap::standalone();
    let xs = array::new(heap, 0).unwrap();
    let empty = [array::to_value(array::new(heap, 0).unwrap()), map::to_value(map::new(heap, 0).unwrap())];
    let mut held = Held(vec![array::to_value(xs), string::empty(), empty[0], empty[1]]);
    for byte in 0..128 {
        array::push(heap, xs, string::ascii(byte)).unwrap();
        held.0.push(string::ascii(byte));
    }
    for _ in 0..3 {
        heap.collect(&mut held);
        assert_eq!(heap.verify(&mut held), Ok(()));
        for byte in 0..128u8 {
            let kept = array::get(xs, usize::from(byte)).unwrap();
            assert_eq!(string::as_str(kept).unwrap().as_bytes(), [byte]);
            array::set(heap, xs, usize::from(byte), string::ascii(byte));
        }
    }
    assert_eq!(string::as_str(string::empty()), Some(""));
}
