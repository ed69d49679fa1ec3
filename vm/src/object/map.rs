//! Maps: insertion-ordered hash tables in the compact form (index of positions + entries in order).
//!
//! Within one table a key slot goes from empty to a key once and never to another key; an insertion stores the value before
//! the key; a removal stores the empty marker as value. Entries are re-used only in a new table, published with one
//! `Release` store. So a foreign reader never pairs one key with another key's value.

use super::hash::hash_value;
use super::{FLAG_IMMORTAL, Header, Kind, Slot, class_id, equality};
use crate::heap::{Fixed, Heap, OutOfMemory};
use crate::value::Value;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// A map.
#[repr(C)]
pub struct Map {
    /// Header.
    pub header: Header,
    /// Storage; never null (an empty map points to the immortal empty table).
    pub table: AtomicPtr<Table>,
    /// Number of live entries.
    pub len: AtomicU64,
    /// Unused.
    pub spare: u64,
}

/// Storage of a map.
///
/// ```text
/// | header | capacity, index_mask | used | next | entries: capacity x (key, value, hash) | index: (index_mask + 1) x u32 |
/// ```
/// An index word is 0 for free, else entry number + 1.
#[repr(C)]
pub struct Table {
    /// Header.
    pub header: Header,
    /// Room for entries; never changes.
    pub capacity: u32,
    /// Number of index words minus one (a power of two minus one).
    pub index_mask: u32,
    /// Entries used so far, removed ones included.
    pub used: AtomicU64,
    /// The table that has replaced this one, so that an iteration over this one can go on there; null for a map's
    /// current table. Traced by the collector; never used by foreign readers.
    pub next: AtomicPtr<Table>,
}

/// One entry of a table.
#[repr(C)]
pub struct Entry {
    /// The key; the empty marker where unused.
    pub key: Slot,
    /// The value; the empty marker where removed.
    pub value: Slot,
    /// The key's hash, valid once the key is there.
    pub hash: AtomicU64,
}

const _: () = assert!(size_of::<Map>() == 32 && size_of::<Table>() == 32 && size_of::<Entry>() == 24);

impl Table {
    /// Entry `number`.
    ///
    /// # Safety
    /// `this` points to a table that is alive (or was, at the caller's last quiescent point) and `number < capacity`.
    #[inline(always)]
    pub unsafe fn entry<'a>(this: *const Table, number: usize) -> &'a Entry {
        // SAFETY: by the caller's promise the entry lies inside the table.
        unsafe { &*this.add(1).cast::<Entry>().add(number) }
    }

    /// Index word `position`.
    ///
    /// # Safety
    /// As for [`entry`](Self::entry), with `position <= index_mask`.
    #[inline(always)]
    pub unsafe fn index<'a>(this: *const Table, position: usize) -> &'a AtomicU32 {
        // SAFETY: the index follows the entries inside the same object.
        unsafe {
            &*this.add(1).cast::<Entry>().add((*this).capacity as usize).cast::<AtomicU32>().add(position)
        }
    }

    /// Size in bytes of a table with this capacity and this many index words.
    pub const fn bytes(capacity: usize, index_words: usize) -> usize {
        size_of::<Table>() + capacity * size_of::<Entry>() + index_words * 4
    }
}

/// What empty maps point to: no entries and one free index word. Immortal, outside all heaps.
#[repr(C)]
struct Empty {
    table: Table,
    index: [AtomicU32; 4],
}

static EMPTY: Fixed<Empty> = Fixed::new(Empty {
    table: Table {
        header: Header::new(Kind::MapTable, FLAG_IMMORTAL, 3, class_id::INTERNAL),
        capacity: 0,
        index_mask: 0,
        used: AtomicU64::new(0),
        next: AtomicPtr::new(std::ptr::null_mut()),
    },
    index: [const { AtomicU32::new(0) }; 4],
});

/// Most entries of a table.
const MAX_ENTRIES: usize = 1 << 30;

fn empty_table() -> *mut Table {
    std::ptr::from_ref(&EMPTY.object().table).cast_mut()
}

fn head<'a>(map: *const Map) -> &'a Map {
    // SAFETY: the module's functions take pointers to live maps (see `object`); all mutable fields are atomics.
    unsafe { &*map }
}

fn parts<'a>(table: *const Table) -> &'a Table {
    // SAFETY: a table that a map refers to is kept by the collector (or by the grace period, for a foreign reader).
    unsafe { &*table }
}

fn entry<'a>(table: *const Table, number: usize) -> Option<&'a Entry> {
    // SAFETY: the table is alive as in `parts`, and the number is checked.
    (number < parts(table).capacity as usize).then(|| unsafe { Table::entry(table, number) })
}

fn index<'a>(table: *const Table, position: usize) -> &'a AtomicU32 {
    // SAFETY: the table is alive as in `parts`, and the position is cut to the index.
    unsafe { Table::index(table, position & parts(table).index_mask as usize) }
}

/// The map that a value is, on the thread that owns it.
#[inline]
pub fn from_value(value: Value) -> Option<*mut Map> {
    value.is_kind(Kind::Map).then(|| value.pointer().cast())
}

/// A map as a value.
#[inline]
pub fn to_value(map: *mut Map) -> Value {
    Value::object(map.cast())
}

/// A map's current table, where an iteration begins.
#[inline]
pub fn table(map: *const Map) -> *mut Table {
    head(map).table.load(Ordering::Relaxed)
}

fn new_table(heap: &mut Heap, entries: usize) -> Result<*mut Table, OutOfMemory> {
    if entries == 0 {
        return Ok(empty_table());
    }
    if entries > MAX_ENTRIES {
        return Err(OutOfMemory);
    }
    // At most three quarters of the index are in use.
    let words = (entries * 4).div_ceil(3).next_power_of_two().max(4);
    let capacity = words / 4 * 3;
    let object = heap.alloc(Kind::MapTable, class_id::INTERNAL, Table::bytes(capacity, words))?;
    let table = object.cast::<Table>();
    // SAFETY: the object was just allocated with room for these entries and index words; nobody else sees it yet.
    unsafe {
        (&raw mut (*table).capacity).write(capacity as u32);
        (&raw mut (*table).index_mask).write(words as u32 - 1);
        (&raw mut (*table).used).write(AtomicU64::new(0));
        (&raw mut (*table).next).write(AtomicPtr::new(std::ptr::null_mut()));
        let entries = table.add(1).cast::<Entry>();
        for i in 0..capacity {
            entries.add(i).write(Entry {
                key: Slot::new(Value::EMPTY),
                value: Slot::new(Value::EMPTY),
                hash: AtomicU64::new(0),
            });
        }
        entries.add(capacity).cast::<u32>().write_bytes(0, words);
    }
    Ok(table)
}

/// An empty map with room for `room` entries.
pub fn new(heap: &mut Heap, room: usize) -> Result<*mut Map, OutOfMemory> {
    let table = new_table(heap, room)?;
    let map = heap.alloc(Kind::Map, class_id::MAP, size_of::<Map>())?.cast::<Map>();
    // SAFETY: the object was just allocated; the header is written, the other fields follow here.
    unsafe {
        (&raw mut (*map).table).write(AtomicPtr::new(table));
        (&raw mut (*map).len).write(AtomicU64::new(0));
        (&raw mut (*map).spare).write(0);
    }
    heap.barrier(map.cast());
    Ok(map)
}

/// Number of entries; any thread may ask.
#[inline(always)]
pub fn len(map: *const Map) -> usize {
    head(map).len.load(Ordering::Relaxed) as usize
}

/// Where a search among the entries of one hash stands.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    hash: u64,
    position: usize,
    steps: usize,
}

impl Probe {
    /// A search from the start.
    #[inline]
    pub fn new(hash: u64) -> Self {
        Self { hash, position: hash as usize, steps: 0 }
    }
}

/// The next live entry whose key has the hash searched for. For keys with hooks the caller compares the keys; a call of
/// a hook in between may change the map, so the caller then begins anew if the map's table is another one.
#[inline]
pub fn next_candidate(table: *const Table, probe: &mut Probe) -> Option<usize> {
    while probe.steps <= parts(table).index_mask as usize {
        let word = index(table, probe.position).load(Ordering::Acquire);
        if word == 0 {
            return None;
        }
        probe.position = probe.position.wrapping_add(1);
        probe.steps += 1;
        let number = word as usize - 1;
        if let Some(entry) = entry(table, number)
            && entry.hash.load(Ordering::Relaxed) == probe.hash
            && !entry.value.get_foreign().is_empty_marker()
            && !entry.key.get_foreign().is_empty_marker()
        {
            return Some(number);
        }
    }
    None
}

/// The entry of a key, hooks not regarded.
#[inline]
pub fn find(table: *const Table, key: Value, hash: u64) -> Option<usize> {
    let mut probe = Probe::new(hash);
    while let Some(number) = next_candidate(table, &mut probe) {
        if key_at(table, number).is_some_and(|found| equality::same_key(found, key)) {
            return Some(number);
        }
    }
    None
}

/// Key of an entry.
#[inline]
pub fn key_at(table: *const Table, number: usize) -> Option<Value> {
    entry(table, number).map(|entry| entry.key.get_foreign()).filter(|key| !key.is_empty_marker())
}

/// Value of an entry, unless it is removed.
#[inline]
pub fn value_at(table: *const Table, number: usize) -> Option<Value> {
    entry(table, number).map(|entry| entry.value.get_foreign()).filter(|value| !value.is_empty_marker())
}

/// The value of a key, hooks not regarded.
#[inline]
pub fn get(map: *const Map, key: Value) -> Option<Value> {
    let table = table(map);
    find(table, key, hash_value(key)).and_then(|number| value_at(table, number))
}

/// The value of a key, for any thread; hooks not regarded.
pub fn get_foreign(map: *const Map, key: Value) -> Option<Value> {
    let table = head(map).table.load(Ordering::Acquire);
    find(table, key, hash_value(key)).and_then(|number| value_at(table, number))
}

/// Sets the value of a key; true if the key is new. Hooks are not regarded.
#[inline]
pub fn insert(heap: &mut Heap, map: *mut Map, key: Value, value: Value) -> Result<bool, OutOfMemory> {
    let hash = hash_value(key);
    match find(table(map), key, hash) {
        Some(number) => {
            set_value_at(heap, map, number, value);
            Ok(false)
        }
        None => append(heap, map, key, hash, value).map(|()| true),
    }
}

/// Sets the value of an entry of the current table.
pub fn set_value_at(heap: &mut Heap, map: *mut Map, number: usize, value: Value) {
    let table = table(map);
    if let Some(entry) = entry(table, number) {
        heap.store(table.cast(), &entry.value, value);
    }
}

/// Adds an entry for a key that is not in the map.
pub fn append(
    heap: &mut Heap,
    map: *mut Map,
    key: Value,
    hash: u64,
    value: Value,
) -> Result<(), OutOfMemory> {
    let mut table = table(map);
    if parts(table).used.load(Ordering::Relaxed) as usize >= parts(table).capacity as usize {
        table = rebuild(heap, map, 1)?;
    }
    heap.barrier(table.cast());
    append_within(table, key, hash, value);
    head(map).len.store(len(map) as u64 + 1, Ordering::Release);
    Ok(())
}

/// The value before the key, then the way to it; so a foreign reader that finds the key finds its value.
fn append_within(table: *mut Table, key: Value, hash: u64, value: Value) {
    let number = parts(table).used.load(Ordering::Relaxed) as usize;
    let Some(entry) = entry(table, number) else { return };
    entry.value.set_unbarriered(value);
    entry.hash.store(hash, Ordering::Relaxed);
    entry.key.set_unbarriered(key);
    let mut position = hash as usize;
    while index(table, position).load(Ordering::Relaxed) != 0 {
        position = position.wrapping_add(1);
    }
    index(table, position).store(number as u32 + 1, Ordering::Release);
    parts(table).used.store(number as u64 + 1, Ordering::Release);
}

/// Makes room for `additional` more entries.
pub fn reserve(heap: &mut Heap, map: *mut Map, additional: usize) -> Result<(), OutOfMemory> {
    let table = table(map);
    let used = parts(table).used.load(Ordering::Relaxed) as usize;
    if used.saturating_add(additional) > parts(table).capacity as usize {
        rebuild(heap, map, additional)?;
    }
    Ok(())
}

/// Publishes a new table without the removed entries and with room for `additional` more.
fn rebuild(heap: &mut Heap, map: *mut Map, additional: usize) -> Result<*mut Table, OutOfMemory> {
    let old = table(map);
    let live = len(map);
    let need = live.checked_add(additional).ok_or(OutOfMemory)?;
    // Twice the room, unless a good part of the table was removed entries.
    let room = need.max(live + live / 2 + 1).max(3);
    let new = new_table(heap, room)?;
    let used = parts(old).used.load(Ordering::Relaxed) as usize;
    for entry in (0..used).filter_map(|number| entry(old, number)) {
        let value = entry.value.get();
        if !value.is_empty_marker() {
            append_within(new, entry.key.get(), entry.hash.load(Ordering::Relaxed), value);
        }
    }
    heap.barrier(new.cast());
    publish(heap, map, new);
    Ok(new)
}

fn publish(heap: &mut Heap, map: *mut Map, new: *mut Table) {
    let old = table(map);
    if !std::ptr::eq(old, empty_table()) {
        heap.barrier(old.cast());
        parts(old).next.store(new, Ordering::Release);
    }
    heap.barrier(map.cast());
    head(map).table.store(new, Ordering::Release);
}

/// Removes a key; gives its value. Hooks are not regarded.
pub fn remove(map: *mut Map, key: Value) -> Option<Value> {
    let number = find(table(map), key, hash_value(key))?;
    remove_at(map, number)
}

/// Removes an entry of the current table; gives its value.
pub fn remove_at(map: *mut Map, number: usize) -> Option<Value> {
    let entry = entry(table(map), number)?;
    let value = entry.value.get();
    if value.is_empty_marker() {
        return None;
    }
    entry.value.set_unbarriered(Value::EMPTY);
    head(map).len.store(len(map) as u64 - 1, Ordering::Release);
    Some(value)
}

/// Removes all entries.
pub fn clear(heap: &mut Heap, map: *mut Map) {
    let old = table(map);
    let used = parts(old).used.load(Ordering::Relaxed) as usize;
    // So that an iteration over the old table finds nothing more.
    for entry in (0..used).filter_map(|number| entry(old, number)) {
        entry.value.set_unbarriered(Value::EMPTY);
    }
    head(map).len.store(0, Ordering::Release);
    publish(heap, map, empty_table());
}

/// A copy with the same entries in the same order.
pub fn copy(heap: &mut Heap, map: *const Map) -> Result<*mut Map, OutOfMemory> {
    let new = self::new(heap, len(map))?;
    let to = table(new);
    let mut at = Position { table: table(map), number: 0 };
    let mut count = 0;
    while let Some(number) = at.advance() {
        let Some(entry) = entry(at.table, number) else { break };
        append_within(to, entry.key.get(), entry.hash.load(Ordering::Relaxed), entry.value.get());
        count += 1;
    }
    if count > 0 {
        heap.barrier(to.cast());
    }
    head(new).len.store(count, Ordering::Relaxed);
    Ok(new)
}

/// Where an iteration stands: a table, kept alive by whoever iterates, and the number of the next entry to look at.
///
/// The map may be changed meanwhile: removed entries are not seen, added ones are, and when the map got a new table
/// the iteration goes on there.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// The table ([`Kind::MapTable`]) that the iteration is in.
    pub table: *mut Table,
    /// Number of the next entry.
    pub number: usize,
}

impl Position {
    /// The number of the next live entry, in `self.table`; owner only.
    pub fn advance(&mut self) -> Option<usize> {
        loop {
            let next = parts(self.table).next.load(Ordering::Relaxed);
            if next.is_null() {
                break;
            }
            // Entries keep their order, so as many lie before us there as live ones do here.
            let live = (0..self.number).filter(|&number| value_at(self.table, number).is_some()).count();
            *self = Position { table: next, number: live };
        }
        let used = parts(self.table).used.load(Ordering::Relaxed) as usize;
        while self.number < used {
            let number = self.number;
            self.number += 1;
            if value_at(self.table, number).is_some() {
                return Some(number);
            }
        }
        None
    }

    /// The next live entry's key and value; owner only.
    #[inline]
    pub fn next_entry(&mut self) -> Option<(Value, Value)> {
        let number = self.advance()?;
        Some((key_at(self.table, number)?, value_at(self.table, number)?))
    }
}

/// A step of an iteration whose state is held in two values: see [`next_entry`].
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The table that the iteration is in now, as a value.
    pub state: Value,
    /// The position after this entry.
    pub position: usize,
    /// The key.
    pub key: Value,
    /// Its value.
    pub value: Value,
}

/// What an iteration over a map begins with: its table as a value; the position is 0.
pub fn iteration_state(map: Value) -> Value {
    from_value(map).map_or(map, |map| Value::object(table(map).cast()))
}

/// The next entry of an iteration whose state is `state` (of kind [`Kind::MapTable`]) and `position`; owner only.
#[inline]
pub fn next_entry(state: Value, position: usize) -> Option<Found> {
    if !state.is_kind(Kind::MapTable) {
        return None;
    }
    let mut at = Position { table: state.pointer().cast(), number: position };
    let (key, value) = at.next_entry()?;
    Some(Found { state: Value::object(at.table.cast()), position: at.number, key, value })
}

/// Copies the entries of another map of the same thread. Keys keep the hashes that they were entered with; whether keys
/// with hooks are equal is not asked.
pub fn extend(heap: &mut Heap, map: *mut Map, other: *const Map) -> Result<(), OutOfMemory> {
    if std::ptr::eq(map, other) {
        return Ok(());
    }
    reserve(heap, map, len(other))?;
    let mut at = Position { table: table(other), number: 0 };
    while let Some(number) = at.advance() {
        let Some(entry) = entry(at.table, number) else { break };
        let (key, value, hash) = (entry.key.get(), entry.value.get(), entry.hash.load(Ordering::Relaxed));
        match find(table(map), key, hash) {
            Some(known) => set_value_at(heap, map, known, value),
            None => append(heap, map, key, hash, value)?,
        }
    }
    Ok(())
}

/// A map's current table, for any thread within its slice.
#[inline]
pub fn table_foreign(map: *const Map) -> *const Table {
    head(map).table.load(Ordering::Acquire)
}

/// How many entries of a table have been used, removed ones included, for any thread.
#[inline]
pub fn used_foreign(table: *const Table) -> usize {
    parts(table).used.load(Ordering::Acquire) as usize
}

/// The entries at one moment as any thread may see them within its slice.
pub fn entries_foreign<'a>(map: *const Map) -> impl Iterator<Item = (Value, Value)> + 'a {
    let table = head(map).table.load(Ordering::Acquire);
    let used = parts(table).used.load(Ordering::Acquire) as usize;
    (0..used).filter_map(move |number| Some((key_at(table, number)?, value_at(table, number)?)))
}

/// For a foreign iteration over several slices: the first live entry from number `from` on of a table, with its number. A table that the
/// owner has replaced stays as it was, so each entry is seen once.
pub fn entry_from_foreign(table: *const Header, from: usize) -> Option<(usize, Value, Value)> {
    let table: *mut Table = table.cast_mut().cast();
    let used = parts(table).used.load(Ordering::Acquire) as usize;
    (from..used).find_map(|number| Some((number, key_at(table, number)?, value_at(table, number)?)))
}
