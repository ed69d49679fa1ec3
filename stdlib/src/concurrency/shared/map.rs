//! A map that every thread reads and changes atomically, in the order in which keys were first set.
//!
//! Each entry has a version, new with every change, so that an update made of what was read before is applied only to that.

use super::stored::Stored;
use super::{lock, structure};
use crate::args::optional;
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::interp::describe;
use corella_vm::native::NativeRow;
use corella_vm::object::{Kind, array, handle, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// The natives, known as `__shared_map_...`.
pub(crate) static ROWS: &[NativeRow] = &[
    ("map_new", 0, 0, new, "An empty map."),
    ("map_get", 3, 3, get, "The value of a key, or `default`."),
    ("map_has", 2, 2, has, "Whether a key is there."),
    ("map_set", 3, 3, set, "Sets the value of a key."),
    ("map_remove", 2, 2, remove, "Removes a key; whether it was there."),
    ("map_read", 3, 3, read, "The value of a key (or `default`) and its version, 0 if it is not there."),
    ("map_replace", 4, 4, replace, "Sets the value of a key if it has still this version; whether it did."),
    (
        "map_compare",
        4,
        4,
        compare,
        "Sets the value of a key if it is the expected one (null: not there); whether it did.",
    ),
    ("map_length", 1, 1, length, "How many keys there are."),
    ("map_entries", 1, 1, entries, "Keys and values at this moment: key, value, key, value, ..."),
    ("map_clear", 1, 1, clear, "Removes all keys."),
];

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Word(u64),
    Int(i64),
    Float(u64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
}

impl Key {
    fn of(thread: &mut Thread, method: &str, value: Value) -> Outcome<Self> {
        if let Some(i) = value.as_int() {
            return Ok(Self::Int(i));
        }
        if let Some(f) = value.as_float() {
            // A float that is an int is the same key, as in every map.
            return Ok(match f as i64 {
                i if i as f64 == f && f.abs() < 9e18 => Self::Int(i),
                _ => Self::Float(f.to_bits()),
            });
        }
        match value.kind() {
            None => Ok(Self::Word(value.bits())),
            Some(Kind::Str) => Ok(Self::Text(string::as_str(value).unwrap_or("").into())),
            Some(Kind::Bytes) => Ok(Self::Bytes(string::bytes_of(value).into())),
            Some(_) => Err(no_key(thread, method, value)),
        }
    }

    fn load(&self, thread: &mut Thread) -> Outcome {
        Ok(match self {
            // SAFETY: the word of a value without an object.
            Self::Word(bits) => unsafe { Value::from_bits(*bits) },
            Self::Int(i) => thread.heap.int(*i)?,
            Self::Float(bits) => thread.heap.float(f64::from_bits(*bits))?,
            Self::Text(text) => string::new(&mut thread.heap, text)?,
            Self::Bytes(bytes) => string::new_bytes(&mut thread.heap, bytes)?,
        })
    }
}

#[cold]
fn no_key(thread: &mut Thread, method: &str, value: Value) -> Control {
    let found = describe::type_name(thread, value);
    let message = format!(
        "{method}: a key is null, a bool, a number, a string or Bytes, not {found}: use its id or name"
    );
    thread.error(ErrorClass::TypeError, message)
}

#[derive(Default)]
struct Entries {
    /// Keys to their places in the order.
    places: HashMap<Key, u64>,
    order: BTreeMap<u64, (Key, Stored, u64)>,
    /// The last place or version given out.
    last: u64,
}

impl Entries {
    fn find(&self, key: &Key) -> Option<&(Key, Stored, u64)> {
        self.order.get(self.places.get(key)?)
    }

    fn set(&mut self, key: Key, value: Stored) {
        self.last += 1;
        let version = self.last;
        let place = *self.places.entry(key.clone()).or_insert(version);
        self.order.insert(place, (key, value, version));
    }

    fn remove(&mut self, key: &Key) -> bool {
        self.places.remove(key).is_some_and(|place| self.order.remove(&place).is_some())
    }
}

type SharedMap = Mutex<Entries>;

fn this(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<(Arc<SharedMap>, Key)> {
    let map = structure::<SharedMap>(thread, method, args[0])?;
    let key = Key::of(thread, method, args[1])?;
    Ok((map, key))
}

fn new(thread: &mut Thread, _: &[Value]) -> Outcome {
    Ok(handle::new_shared(&mut thread.heap, Arc::new(SharedMap::default()))?)
}

fn get(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (map, key) = this(thread, "SharedMap.get", args)?;
    let found = lock(&map).find(&key).map(|entry| entry.1.clone());
    found.map_or(Ok(optional(args, 2)), |value| value.load(thread))
}

fn has(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (map, key) = this(thread, "SharedMap.has", args)?;
    let found = lock(&map).places.contains_key(&key);
    Ok(Value::bool(found))
}

fn set(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (map, key) = this(thread, "SharedMap.set", args)?;
    let value = Stored::of(thread, "SharedMap.set", args[2])?;
    lock(&map).set(key, value);
    Ok(Value::NULL)
}

fn remove(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (map, key) = this(thread, "SharedMap.remove", args)?;
    let removed = lock(&map).remove(&key);
    Ok(Value::bool(removed))
}

fn read(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (map, key) = this(thread, "SharedMap.update", args)?;
    let found = lock(&map).find(&key).map(|entry| (entry.1.clone(), entry.2));
    let (value, version) = match found {
        Some((value, version)) => (value.load(thread)?, version),
        None => (optional(args, 2), 0),
    };
    crate::list(thread, &[value, Value::int_unchecked(version as i64)])
}

fn replace(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (map, key) = this(thread, "SharedMap.update", args)?;
    let value = Stored::of(thread, "SharedMap.update", args[2])?;
    let version = args[3].as_int().unwrap_or(0) as u64;
    let mut entries = lock(&map);
    let same = entries.find(&key).map_or(0, |entry| entry.2) == version;
    if same {
        entries.set(key, value);
    }
    Ok(Value::bool(same))
}

fn compare(thread: &mut Thread, args: &[Value]) -> Outcome {
    let (map, key) = this(thread, "SharedMap.compare_and_set", args)?;
    let expected = Stored::of(thread, "SharedMap.compare_and_set", args[2])?;
    let value = Stored::of(thread, "SharedMap.compare_and_set", args[3])?;
    let mut entries = lock(&map);
    let same = match entries.find(&key) {
        Some(entry) => entry.1.same(&expected),
        None => args[2].is_null(),
    };
    if same {
        entries.set(key, value);
    }
    Ok(Value::bool(same))
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = structure::<SharedMap>(thread, "SharedMap.length", args[0])?;
    let length = lock(&map).order.len();
    Ok(Value::int_unchecked(length as i64))
}

fn entries(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = structure::<SharedMap>(thread, "SharedMap.entries", args[0])?;
    let all: Vec<(Key, Stored)> =
        lock(&map).order.values().map(|entry| (entry.0.clone(), entry.1.clone())).collect();
    let list = array::new(&mut thread.heap, all.len() * 2)?;
    thread.charge(all.len() as u64);
    for (key, value) in all {
        let (key, value) = (key.load(thread)?, value.load(thread)?);
        array::push(&mut thread.heap, list, key)?;
        array::push(&mut thread.heap, list, value)?;
    }
    Ok(array::to_value(list))
}

fn clear(thread: &mut Thread, args: &[Value]) -> Outcome {
    let map = structure::<SharedMap>(thread, "SharedMap.clear", args[0])?;
    let old = {
        let mut entries = lock(&map);
        let last = entries.last;
        std::mem::replace(&mut *entries, Entries { last, ..Entries::default() })
    };
    drop(old);
    Ok(Value::NULL)
}
