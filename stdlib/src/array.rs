//! Methods of arrays that need no call of script code. Where elements have hooks (`equals`, `compare`, `to_string`) or a
//! function is given, a function of the prelude takes over.

use crate::args::{self, optional};
use crate::receiver::{self, ArrayView};
use crate::table::ClassTable;
use crate::{list, prelude_call, sort};
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::interp::compare::equals_hook;
use corella_vm::native::ANY;
use corella_vm::object::array::{self, Array};
use corella_vm::object::compare::{self, Compared};
use corella_vm::object::deep::{self, DeepEquality};
use corella_vm::object::{Kind, class_id, display, equality, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::cmp::Ordering;

/// The natives of arrays.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "Array",
        0,
        2,
        construct,
        "`n` times `value` (default: null), or the elements of an iterable.",
    )),
    getters: &[("length", 0, 0, length, "Number of elements.")],
    readers: &[
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
        ("join", 0, 1, join, "The elements as text, with `separator` (default: nothing) between them."),
        ("concat", 0, ANY, concat, "A new array of its elements and those of the arrays given."),
        ("copy", 0, 0, copy, "A new array of the same elements."),
        ("reversed", 0, 0, reversed, "A new array of its elements in reverse order."),
        ("sorted", 0, 1, sorted, "A new array of its elements in order, see `sort`."),
        ("equals", 1, 1, equals, "Whether `other` is an array of deeply equal elements."),
        ("enumerate", 0, 0, enumerate, "An array of pairs of index and element."),
        ("keys", 0, 0, keys, "The range of its indices."),
        (
            "zip",
            1,
            ANY,
            zip,
            "An array of arrays: the first elements of all, the second ones, ..., as many as the shortest has.",
        ),
        ("sum", 0, 0, sum, "The elements added up; 0 without any."),
        ("min", 0, 0, min, "The least element."),
        ("max", 0, 0, max, "The greatest element."),
        ("to_string", 0, 0, to_string, "As text: `[1, \"a\"]`."),
        ("is_empty", 0, 0, is_empty, "Whether it has no elements."),
    ],
    writers: &[
        ("push", 1, 1, push, "Appends `value`."),
        ("push_all", 1, 1, push_all, "Appends the elements of another array."),
        ("pop", 0, 0, pop, "Removes the last element and returns it."),
        ("insert", 2, 2, insert, "Inserts `value` before the element at `index`."),
        ("remove_at", 1, 1, remove_at, "Removes the element at `index` and returns it."),
        ("remove", 1, 1, remove, "Removes the first element that equals `value`; whether there was one."),
        ("fill", 1, 1, fill, "Sets every element to `value`; returns itself."),
        ("clear", 0, 0, clear, "Removes all elements."),
        ("truncate", 1, 1, truncate, "Removes the elements from index `length` on."),
        ("reverse", 0, 0, reverse, "Reverses the order in place; returns itself."),
        (
            "sort",
            0,
            1,
            sort_in_place,
            "Sorts in place, stably, by `compare(a, b)` (default: ascending); returns itself.",
        ),
    ],
    statics: &[("of", 0, ANY, of, "An array of the arguments.")],
    ..ClassTable::empty(class_id::ARRAY, "Array")
};

/// The own array that a writer changes.
fn own(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<*mut Array> {
    let value = optional(args, 0);
    array::from_value(value).ok_or_else(|| args::wrong_receiver(thread, method, value))
}

fn made(array: *mut Array) -> Outcome {
    Ok(array::to_value(array))
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    match args.first() {
        None => made(array::new(&mut thread.heap, 0)?),
        Some(count) if count.as_int().is_some() => {
            let count = args::size(thread, "Array", "n", *count)?;
            thread.charge(count as u64 / 8);
            made(array::filled(&mut thread.heap, count, optional(args, 1))?)
        }
        Some(source) if args.len() == 1 && source.is_object() => {
            prelude_call(thread, "__collect", &[*source])
        }
        Some(other) => Err(args::wrong(thread, "Array", "n", "an int or something to iterate over", *other)),
    }
}

fn of(thread: &mut Thread, args: &[Value]) -> Outcome {
    list(thread, args)
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(receiver::this_array(thread, "Array.length", args)?.len() as i64))
}

fn is_empty(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver::this_array(thread, "Array.is_empty", args)?.len() == 0))
}

/// Where an element equals `value`; `Err` of the inner result if a hook has to say.
fn position(thread: &mut Thread, view: ArrayView, value: Value, from: usize) -> Result<Option<usize>, ()> {
    if equals_hook(thread, value).is_some() {
        return Err(());
    }
    for (i, element) in view.raw_values().enumerate().skip(from) {
        if equality::same_value(element, value) {
            thread.charge((i - from) as u64 / 4);
            return Ok(Some(i));
        }
        if element.is_kind(Kind::Instance) && equals_hook(thread, element).is_some() {
            return Err(());
        }
    }
    thread.charge(view.len() as u64 / 4);
    Ok(None)
}

fn contains(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.contains", args)?;
    match position(thread, view, args[1], 0) {
        Ok(found) => Ok(Value::bool(found.is_some())),
        Err(()) => prelude_call(thread, "__array_contains", &[args[0], args[1]]),
    }
}

fn index_of(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.index_of", args)?;
    let from = args::int_or(thread, "Array.index_of", "from", optional(args, 2), 0)?;
    let from = if from < 0 { from.saturating_add(view.len() as i64).max(0) } else { from };
    match position(thread, view, args[1], from as usize) {
        Ok(found) => Ok(Value::int_unchecked(found.map_or(-1, |i| i as i64))),
        Err(()) => prelude_call(thread, "__array_index_of", &[args[0], args[1], Value::int_unchecked(from)]),
    }
}

fn slice(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.slice", args)?;
    let (from, to) = args::slice(thread, "Array.slice", args, view.len())?;
    part(thread, view, from, to)
}

fn part(thread: &mut Thread, view: ArrayView, from: usize, to: usize) -> Outcome {
    thread.charge((to - from) as u64 / 4);
    match view.own() {
        Some(own) => made(array::slice(&mut thread.heap, own, from, to)?),
        None => {
            let values = view.values(thread, from, to)?;
            list(thread, &values)
        }
    }
}

fn first(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.first", args)?;
    match view.raw(0) {
        Some(value) => view.wrap(thread, value),
        None => Err(args::empty(thread, "Array.first", "array")),
    }
}

fn last(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.last", args)?;
    match view.len().checked_sub(1).and_then(|i| view.raw(i)) {
        Some(value) => view.wrap(thread, value),
        None => Err(args::empty(thread, "Array.last", "array")),
    }
}

fn join(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.join", args)?;
    let separator = match optional(args, 1) {
        Value::NULL => "",
        separator => args::text(thread, "Array.join", "separator", separator)?,
    };
    thread.charge(view.len() as u64);
    // Another thread's array may change between two looks at it.
    let held: Vec<Value>;
    let elements = match view.own() {
        Some(array) => array::values(array),
        None => {
            held = view.raw_values().collect();
            &held
        }
    };
    // Strings are joined as they are; anything else makes the slower way necessary, containers and hooks the slowest.
    if let Some(joined) = string::join(&mut thread.heap, elements, separator)? {
        return Ok(joined);
    }
    let mut text = String::new();
    for (i, element) in elements.iter().enumerate() {
        if i > 0 {
            text.push_str(separator);
        }
        if !display::write_scalar(&mut text, *element, false) {
            let separator = string::new(&mut thread.heap, separator)?;
            return prelude_call(thread, "__array_join", &[args[0], separator]);
        }
        if text.len() > string::MAX_BYTES {
            return Err(Control::OutOfMemory);
        }
    }
    Ok(string::new(&mut thread.heap, &text)?)
}

fn concat(thread: &mut Thread, args: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for (i, value) in args.iter().enumerate() {
        let view = match i {
            0 => receiver::this_array(thread, "Array.concat", args)?,
            _ => receiver::array(thread, "Array.concat", "each argument", *value)?,
        };
        all.extend(view.values(thread, 0, view.len())?);
    }
    list(thread, &all)
}

fn copy(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.copy", args)?;
    part(thread, view, 0, view.len())
}

fn reversed(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.reversed", args)?;
    let mut values = view.values(thread, 0, view.len())?;
    values.reverse();
    list(thread, &values)
}

fn equals(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver::this_array(thread, "Array.equals", args)?;
    deeply_equal(thread, args[0], args[1])
}

/// Deep equality of two values; pairs that hooks compare are left to the prelude.
pub(crate) fn deeply_equal(thread: &mut Thread, a: Value, b: Value) -> Outcome {
    let hooked = &mut |a: Value, _: Value| equals_hook(thread, a).is_some();
    let (result, visited) = deep::equal(a, b, hooked);
    thread.charge(visited);
    match result {
        DeepEquality::Different => Ok(Value::FALSE),
        DeepEquality::EqualIf(pairs) if pairs.is_empty() => Ok(Value::TRUE),
        DeepEquality::EqualIf(pairs) => {
            // What lies behind a proxy given is wrapped as read through it.
            let wrap = |thread: &mut Thread, side: Value, value: Value| match side.is_kind(Kind::Proxy) {
                true => receiver::wrap(thread, side, value),
                false => Ok(value),
            };
            let mut flat = Vec::with_capacity(pairs.len() * 2);
            for (x, y) in pairs {
                flat.push(wrap(thread, a, x)?);
                flat.push(wrap(thread, b, y)?);
            }
            let flat = list(thread, &flat)?;
            prelude_call(thread, "__pairs_equal", &[flat])
        }
    }
}

fn enumerate(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.enumerate", args)?;
    let mut pairs = view.values(thread, 0, view.len())?;
    thread.charge(pairs.len() as u64 * 3);
    for (i, value) in pairs.iter_mut().enumerate() {
        *value = list(thread, &[Value::int_unchecked(i as i64), *value])?;
    }
    list(thread, &pairs)
}

fn keys(thread: &mut Thread, args: &[Value]) -> Outcome {
    let len = receiver::this_array(thread, "Array.keys", args)?.len() as i64;
    let bounds = corella_vm::object::range::Bounds { start: 0, end: len, inclusive: false };
    Ok(corella_vm::object::range::new(&mut thread.heap, bounds)?)
}

fn zip(thread: &mut Thread, args: &[Value]) -> Outcome {
    let mut views = vec![receiver::this_array(thread, "Array.zip", args)?];
    for value in &args[1..] {
        views.push(receiver::array(thread, "Array.zip", "each argument", *value)?);
    }
    let len = views.iter().map(ArrayView::len).min().unwrap_or(0);
    let columns = views.iter().map(|view| view.values(thread, 0, len)).collect::<Outcome<Vec<_>>>()?;
    thread.charge((len * columns.len()) as u64);
    let mut rows = Vec::with_capacity(len);
    for i in 0..len {
        let row: Vec<Value> =
            columns.iter().map(|column| column.get(i).copied().unwrap_or(Value::NULL)).collect();
        rows.push(list(thread, &row)?);
    }
    list(thread, &rows)
}

fn sum(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.sum", args)?;
    thread.charge(view.len() as u64 / 4);
    let (mut whole, mut fraction, mut float) = (0i64, 0.0, false);
    for element in view.raw_values() {
        match (element.as_int(), element.as_float()) {
            (Some(i), _) if float => fraction += i as f64,
            (Some(i), _) => {
                whole = whole.checked_add(i).ok_or_else(|| {
                    let message = "Array.sum: the sum does not fit in an int: use BigInt for larger numbers";
                    thread.error(ErrorClass::OverflowError, message)
                })?;
            }
            (None, Some(f)) => {
                fraction += if float { f } else { whole as f64 + f };
                float = true;
            }
            // Big integers, instances with the hook `add`, and the error for anything else.
            (None, None) => return prelude_call(thread, "__array_sum", &[args[0]]),
        }
    }
    Ok(if float { thread.heap.float(fraction)? } else { thread.heap.int(whole)? })
}

fn extreme(thread: &mut Thread, args: &[Value], method: &str, wanted: Ordering) -> Outcome {
    let view = receiver::this_array(thread, method, args)?;
    thread.charge(view.len() as u64 / 4);
    let mut best: Option<Value> = None;
    for element in view.raw_values() {
        match best.map(|best| compare::compare(element, best)) {
            Some(Compared::Ordered(order)) if order != wanted => {}
            Some(Compared::Incomparable) => {
                return prelude_call(
                    thread,
                    "__array_extreme",
                    &[args[0], Value::bool(wanted == Ordering::Less)],
                );
            }
            // A NaN makes the result NaN.
            Some(Compared::Unordered) => best = Value::small_float(f64::NAN),
            Some(Compared::Ordered(_)) | None => best = Some(element),
        }
    }
    match best {
        Some(best) => view.wrap(thread, best),
        None => Err(args::empty(thread, method, "array")),
    }
}

fn min(thread: &mut Thread, args: &[Value]) -> Outcome {
    extreme(thread, args, "Array.min", Ordering::Less)
}

fn max(thread: &mut Thread, args: &[Value]) -> Outcome {
    extreme(thread, args, "Array.max", Ordering::Greater)
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver::this_array(thread, "Array.to_string", args)?;
    crate::text::to_string(thread, args[0])
}

fn push(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.push", args)?;
    array::push(&mut thread.heap, array, args[1])?;
    Ok(Value::NULL)
}

fn push_all(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.push_all", args)?;
    let view = receiver::array(thread, "Array.push_all", "other", args[1])?;
    let values = view.values(thread, 0, view.len())?;
    array::extend(&mut thread.heap, array, &values)?;
    Ok(Value::NULL)
}

fn pop(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.pop", args)?;
    array::pop(array).ok_or_else(|| args::empty(thread, "Array.pop", "array"))
}

fn insert(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.insert", args)?;
    let len = array::len(array);
    let given = args::int(thread, "Array.insert", "index", args[1])?;
    let at = if given < 0 { given.saturating_add(len as i64) } else { given };
    let inserted = match usize::try_from(at) {
        Ok(at) => array::insert(&mut thread.heap, array, at, args[2])?,
        Err(_) => false,
    };
    if !inserted {
        let message =
            format!("Array.insert: index {given} is out of range: valid are {} to {len}", -(len as i64));
        return Err(thread.error(ErrorClass::RangeError, message));
    }
    thread.charge((len + 1 - at as usize) as u64 / 8);
    Ok(Value::NULL)
}

fn remove_at(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.remove_at", args)?;
    let at = args::index(thread, "Array.remove_at", args[1], array::len(array))?;
    thread.charge((array::len(array) - at) as u64 / 8);
    Ok(array::remove(&mut thread.heap, array, at).unwrap_or(Value::NULL))
}

fn remove(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.remove", args)?;
    let view = receiver::this_array(thread, "Array.remove", args)?;
    match position(thread, view, args[1], 0) {
        Ok(Some(at)) => {
            array::remove(&mut thread.heap, array, at);
            Ok(Value::TRUE)
        }
        Ok(None) => Ok(Value::FALSE),
        Err(()) => prelude_call(thread, "__array_remove", &[args[0], args[1]]),
    }
}

fn fill(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.fill", args)?;
    let values = vec![args[1]; array::len(array)];
    thread.charge(values.len() as u64 / 8);
    array::overwrite(&mut thread.heap, array, &values);
    Ok(args[0])
}

fn clear(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.clear", args)?;
    thread.charge(array::len(array) as u64 / 8);
    array::truncate(array, 0);
    Ok(Value::NULL)
}

fn truncate(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.truncate", args)?;
    let len = args::size(thread, "Array.truncate", "length", args[1])?;
    array::truncate(array, len);
    Ok(Value::NULL)
}

fn reverse(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.reverse", args)?;
    thread.charge(array::len(array) as u64 / 8);
    array::reverse(&mut thread.heap, array);
    Ok(args[0])
}

fn sort_in_place(thread: &mut Thread, args: &[Value]) -> Outcome {
    let array = own(thread, "Array.sort", args)?;
    let mut values: Vec<Value> = array::elements(array).iter().map(|slot| slot.get()).collect();
    if !optional(args, 1).is_null() || !sort::sort(&mut values) {
        return prelude_call(thread, "__array_sort", &[args[0], optional(args, 1)]);
    }
    thread.charge(sort::cost(values.len()));
    array::overwrite(&mut thread.heap, array, &values);
    Ok(args[0])
}

fn sorted(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_array(thread, "Array.sorted", args)?;
    let mut values = view.values(thread, 0, view.len())?;
    let by_script = !optional(args, 1).is_null() || !sort::sort(&mut values);
    thread.charge(sort::cost(values.len()));
    let copy = list(thread, &values)?;
    if by_script { prelude_call(thread, "__array_sort", &[copy, optional(args, 1)]) } else { Ok(copy) }
}
