//! Methods of maps that need no call of script code. Keys with the hooks `hash` and `equals` are served by functions of
//! the prelude, over the natives in the second table.

use crate::args::{self, optional};
use crate::receiver::{self, MapView};
use crate::table::ClassTable;
use crate::{array as arrays, list, prelude_call};
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::object::hash::hash_word;
use corella_vm::object::map::{self, Map, Probe};
use corella_vm::object::{Kind, class_id, equality};
use corella_vm::symbol::sym;
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// The natives of maps.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "Map",
        0,
        1,
        construct,
        "An empty map, a copy of a map, or the map of an array of pairs of key and value.",
    )),
    getters: &[("length", 0, 0, length, "Number of entries.")],
    readers: &[
        ("get", 1, 2, get, "The value of `key`, or `default` (null) if it is not there."),
        ("has", 1, 1, has, "Whether `key` is there."),
        ("keys", 0, 0, keys, "An array of the keys, in the order of their insertion."),
        ("values", 0, 0, values, "An array of the values, in the order of their keys."),
        ("entries", 0, 0, entries, "An array of pairs of key and value."),
        ("copy", 0, 0, copy, "A new map of the same entries."),
        ("equals", 1, 1, equals, "Whether `other` is a map of the same keys with deeply equal values."),
        ("to_string", 0, 0, to_string, "As text: `{a: 1, 2: \"b\"}`."),
        ("is_empty", 0, 0, is_empty, "Whether it has no entries."),
    ],
    writers: &[
        ("set", 2, 2, set, "Sets the value of `key`; returns the map."),
        ("remove", 1, 1, remove, "Removes `key` and returns its value, or null if it was not there."),
        ("clear", 0, 0, clear, "Removes all entries."),
        ("merge", 1, 1, merge, "Sets all entries of another map; returns the map."),
    ],
    ..ClassTable::empty(class_id::MAP, "Map")
};

/// What the prelude's functions for keys with hooks are made of.
pub(crate) static HIDDEN: &[NativeRow] = &[
    ("__map_candidates", 2, 2, candidates, "The keys of a map that were entered with this hash."),
    ("__map_read", 3, 3, read, "The value of exactly this key object with this hash."),
    ("__map_write", 4, 4, write, "Sets the value of exactly this key object with this hash."),
    ("__map_drop", 3, 3, drop_key, "Removes exactly this key object with this hash; its value or null."),
];

fn own(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<*mut Map> {
    let value = optional(args, 0);
    map::from_value(value).ok_or_else(|| args::wrong_receiver(thread, method, value))
}

/// Whether a key's equality is defined by hooks of its class.
pub(crate) fn hooked(thread: &Thread, key: Value) -> bool {
    let object = if key.is_kind(Kind::Proxy) { Value::object(equality::identity(key)) } else { key };
    object.is_kind(Kind::Instance) && thread.vm.class_of(object).member(sym::HASH).is_some()
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    let Some(source) = args.first() else {
        return Ok(map::to_value(map::new(&mut thread.heap, 0)?));
    };
    if receiver::map_view(*source).is_some() {
        return copy(thread, args);
    }
    prelude_call(thread, "__map_from", &[*source])
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::int_unchecked(receiver::this_map(thread, "Map.length", args)?.len() as i64))
}

fn is_empty(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver::this_map(thread, "Map.is_empty", args)?.len() == 0))
}

fn get(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.get", args)?;
    if hooked(thread, args[1]) {
        return prelude_call(thread, "__map_get_or", &[args[0], args[1], optional(args, 2)]);
    }
    match view.raw(args[1]) {
        Some(value) => view.wrap(thread, value),
        None => Ok(optional(args, 2)),
    }
}

fn has(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.has", args)?;
    if hooked(thread, args[1]) {
        return prelude_call(thread, "__map_has", &[args[0], args[1]]);
    }
    Ok(Value::bool(view.raw(args[1]).is_some()))
}

/// What `pick` takes from every entry, as an array.
fn collected(
    thread: &mut Thread,
    view: MapView,
    mut pick: impl FnMut(&mut Thread, Value, Value) -> Outcome,
) -> Outcome {
    let mut all = Vec::with_capacity(view.len());
    for (key, value) in view.raw_entries() {
        all.push(pick(thread, key, value)?);
    }
    thread.charge(all.len() as u64 / 2);
    list(thread, &all)
}

fn keys(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.keys", args)?;
    collected(thread, view, |thread, key, _| view.wrap(thread, key))
}

fn values(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.values", args)?;
    collected(thread, view, |thread, _, value| view.wrap(thread, value))
}

fn entries(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.entries", args)?;
    collected(thread, view, |thread, key, value| {
        let pair = [view.wrap(thread, key)?, view.wrap(thread, value)?];
        list(thread, &pair)
    })
}

fn copy(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.copy", args)?;
    thread.charge(view.len() as u64);
    if let Some(own) = view.own() {
        return Ok(map::to_value(map::copy(&mut thread.heap, own)?));
    }
    let new = map::new(&mut thread.heap, view.len())?;
    for (key, value) in view.raw_entries() {
        let (key, value) = (view.wrap(thread, key)?, view.wrap(thread, value)?);
        map::insert(&mut thread.heap, new, key, value)?;
    }
    Ok(map::to_value(new))
}

fn equals(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver::this_map(thread, "Map.equals", args)?;
    arrays::deeply_equal(thread, args[0], args[1])
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver::this_map(thread, "Map.to_string", args)?;
    crate::text::to_string(thread, args[0])
}

fn set(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = own(thread, "Map.set", args)?;
    if hooked(thread, args[1]) {
        return prelude_call(thread, "__map_set", args);
    }
    map::insert(&mut thread.heap, map, args[1], args[2])?;
    Ok(args[0])
}

fn remove(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = own(thread, "Map.remove", args)?;
    if hooked(thread, args[1]) {
        return prelude_call(thread, "__map_remove", args);
    }
    Ok(map::remove(map, args[1]).unwrap_or(Value::NULL))
}

fn clear(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = own(thread, "Map.clear", args)?;
    thread.charge(map::len(map) as u64 / 4);
    map::clear(&mut thread.heap, map);
    Ok(Value::NULL)
}

fn merge(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = own(thread, "Map.merge", args)?;
    let view = receiver::map(thread, "Map.merge", "other", args[1])?;
    thread.charge(view.len() as u64);
    let mut entries = Vec::with_capacity(view.len());
    for (key, value) in view.raw_entries() {
        if hooked(thread, key) {
            return prelude_call(thread, "__map_merge", args);
        }
        entries.push((view.wrap(thread, key)?, view.wrap(thread, value)?));
    }
    map::reserve(&mut thread.heap, map, entries.len())?;
    for (key, value) in entries {
        map::insert(&mut thread.heap, map, key, value)?;
    }
    Ok(args[0])
}

/// The stored hash of a key whose hook gave this number.
fn hash_of(thread: &mut Thread, value: Value) -> Outcome<u64> {
    match value.as_int() {
        Some(i) => Ok(hash_word(i as u64)),
        None => {
            let found = corella_vm::interp::describe::type_name(thread, value);
            let message = format!("the hash of a key must be an int, not {found}: see its method hash");
            Err(thread.error(ErrorClass::TypeError, message))
        }
    }
}

fn candidates(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.get", args)?;
    let table = view.table();
    let mut probe = Probe::new(hash_of(thread, args[1])?);
    let mut keys = Vec::new();
    while let Some(number) = map::next_candidate(table, &mut probe) {
        if let Some(key) = map::key_at(table, number) {
            keys.push(view.wrap(thread, key)?);
        }
    }
    list(thread, &keys)
}

/// The entry of exactly this key object.
fn exact(view: MapView, key: Value, hash: u64) -> Option<usize> {
    let table = view.table();
    let mut probe = Probe::new(hash);
    while let Some(number) = map::next_candidate(table, &mut probe) {
        if map::key_at(table, number).is_some_and(|found| equality::same_key(found, key)) {
            return Some(number);
        }
    }
    None
}

fn read(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = receiver::this_map(thread, "Map.get", args)?;
    let hash = hash_of(thread, args[2])?;
    match exact(view, args[1], hash).and_then(|number| map::value_at(view.table(), number)) {
        Some(value) => view.wrap(thread, value),
        None => Ok(Value::NULL),
    }
}

fn write(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = own(thread, "Map.set", args)?;
    let view = receiver::this_map(thread, "Map.set", args)?;
    let hash = hash_of(thread, args[2])?;
    match exact(view, args[1], hash) {
        Some(number) => map::set_value_at(&mut thread.heap, map, number, args[3]),
        None => map::append(&mut thread.heap, map, args[1], hash, args[3])?,
    }
    Ok(args[0])
}

fn drop_key(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = own(thread, "Map.remove", args)?;
    let view = receiver::this_map(thread, "Map.remove", args)?;
    let hash = hash_of(thread, args[2])?;
    Ok(exact(view, args[1], hash).and_then(|number| map::remove_at(map, number)).unwrap_or(Value::NULL))
}
