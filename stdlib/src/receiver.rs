//! Receivers and containers as natives read them: own objects, or those of another thread behind a proxy.
//!
//! A view reads with the rules of foreign readers, which cost nothing on an own object. What it yields raw may be an object
//! of another heap: it is compared or rendered within the native, and wrapped before it leaves it.

use crate::args::{wrong, wrong_receiver};
use corella_vm::error::Outcome;
use corella_vm::interp::proxies;
use corella_vm::object::array::{self, Array};
use corella_vm::object::map::{self, Map, Table};
use corella_vm::object::typed::{self, Element, TypedArray};
use corella_vm::object::{Kind, equality};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// What has been read through a proxy as this thread may hold it; `via` is the proxy as a value.
pub(crate) fn wrap(thread: &mut Thread, via: Value, found: Value) -> Outcome {
    if found.is_object() { proxies::wrap(thread, via, found) } else { Ok(found) }
}

/// The object itself, and the proxy that it was reached through.
fn target(value: Value) -> (Value, Option<Value>) {
    if value.is_kind(Kind::Proxy) {
        (Value::object(equality::identity(value)), Some(value))
    } else {
        (value, None)
    }
}

/// An array as any thread may read it.
#[derive(Clone, Copy)]
pub(crate) struct ArrayView {
    array: *const Array,
    via: Option<Value>,
}

/// The array that an argument is; the error names the parameter.
pub(crate) fn array(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<ArrayView> {
    array_view(value).ok_or_else(|| wrong(thread, method, param, "an Array", value))
}

/// The array that the receiver (`args[0]`) is.
pub(crate) fn this_array(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<ArrayView> {
    let value = crate::args::optional(args, 0);
    array_view(value).ok_or_else(|| wrong_receiver(thread, method, value))
}

/// The array that a value is or leads to.
pub(crate) fn array_view(value: Value) -> Option<ArrayView> {
    let (object, via) = target(value);
    array::from_value(object).map(|array| ArrayView { array, via })
}

impl ArrayView {
    /// Number of elements at this moment.
    pub(crate) fn len(&self) -> usize {
        array::len_foreign(self.array)
    }

    /// The array, if it is this thread's own.
    pub(crate) fn own(&self) -> Option<*mut Array> {
        self.via.is_none().then_some(self.array.cast_mut())
    }

    /// Element `index`, unwrapped.
    pub(crate) fn raw(&self, index: usize) -> Option<Value> {
        array::get_foreign(self.array, index)
    }

    /// The elements, unwrapped.
    pub(crate) fn raw_values(&self) -> impl ExactSizeIterator<Item = Value> + use<> {
        array::elements_foreign(self.array).iter().map(|slot| slot.get_foreign())
    }

    /// A value read from it as this thread may hold it.
    #[inline]
    pub(crate) fn wrap(&self, thread: &mut Thread, value: Value) -> Outcome {
        match self.via {
            Some(via) => wrap(thread, via, value),
            None => Ok(value),
        }
    }

    /// All elements from `from` to before `to`, as this thread may hold them.
    pub(crate) fn values(&self, thread: &mut Thread, from: usize, to: usize) -> Outcome<Vec<Value>> {
        let elements = array::elements_foreign(self.array);
        let to = to.min(elements.len());
        let part = elements.get(from..to).unwrap_or_default();
        thread.charge(part.len() as u64 / 4);
        part.iter().map(|slot| self.wrap(thread, slot.get_foreign())).collect()
    }
}

/// A map as any thread may read it.
#[derive(Clone, Copy)]
pub(crate) struct MapView {
    map: *const Map,
    via: Option<Value>,
}

/// The map that an argument is; the error names the parameter.
pub(crate) fn map(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<MapView> {
    map_view(value).ok_or_else(|| wrong(thread, method, param, "a Map", value))
}

/// The map that the receiver (`args[0]`) is.
pub(crate) fn this_map(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<MapView> {
    let value = crate::args::optional(args, 0);
    map_view(value).ok_or_else(|| wrong_receiver(thread, method, value))
}

/// The map that a value is or leads to.
pub(crate) fn map_view(value: Value) -> Option<MapView> {
    let (object, via) = target(value);
    map::from_value(object).map(|map| MapView { map, via })
}

impl MapView {
    /// Number of entries at this moment.
    pub(crate) fn len(&self) -> usize {
        map::len(self.map)
    }

    /// The map, if it is this thread's own.
    pub(crate) fn own(&self) -> Option<*mut Map> {
        self.via.is_none().then_some(self.map.cast_mut())
    }

    /// The table at this moment, for a search among candidates.
    pub(crate) fn table(&self) -> *const Table {
        map::table_foreign(self.map)
    }

    /// The value of a key without hooks, unwrapped.
    pub(crate) fn raw(&self, key: Value) -> Option<Value> {
        map::get_foreign(self.map, key)
    }

    /// The entries, unwrapped.
    pub(crate) fn raw_entries(&self) -> impl Iterator<Item = (Value, Value)> + use<> {
        map::entries_foreign(self.map)
    }

    /// A value read from it as this thread may hold it.
    #[inline]
    pub(crate) fn wrap(&self, thread: &mut Thread, value: Value) -> Outcome {
        match self.via {
            Some(via) => wrap(thread, via, value),
            None => Ok(value),
        }
    }
}

/// A typed array as any thread may read it: its elements are plain numbers, so nothing needs wrapping.
pub(crate) fn typed(value: Value) -> Option<(*mut TypedArray, Element)> {
    typed::from_value(target(value).0)
}
