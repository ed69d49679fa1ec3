//! Deep comparison of containers: `equals` of arrays and maps.
//!
//! Pairs still to be compared stand in a list, never on the native stack. A pair of containers that has been met is not
//! compared again, so cycles end and shared parts cost once. Pairs that only hooks can compare are collected for the caller.

use super::array::{self, Array};
use super::map::{self, Map};
use super::typed::{self, TypedArray};
use super::{Header, Kind, equality};
use crate::value::Value;
use std::collections::HashSet;
use std::sync::atomic::Ordering;

/// The result of a deep comparison.
#[derive(Debug, PartialEq, Eq)]
pub enum DeepEquality {
    /// They differ.
    Different,
    /// They are equal if all these pairs are, which hooks have to say; usually there are none.
    EqualIf(Vec<(Value, Value)>),
}

/// Compares two values deeply; `hooked` says whether a pair is to be compared by a hook (asked for what is neither
/// equal by `==` nor a pair of containers). Any thread may ask, within its slice; values in pairs that stem from a foreign
/// container are foreign. The second result is the number of elements visited.
pub fn equal(a: Value, b: Value, hooked: &mut dyn FnMut(Value, Value) -> bool) -> (DeepEquality, u64) {
    let mut work = vec![(a, b)];
    let mut met: HashSet<(*mut Header, *mut Header)> = HashSet::new();
    let mut pairs = Vec::new();
    let mut visited = 0;
    while let Some((a, b)) = work.pop() {
        visited += 1;
        if equality::same_value(a, b) {
            continue;
        }
        if !(a.is_object() && b.is_object()) {
            return (DeepEquality::Different, visited);
        }
        let (x, y) = (equality::identity(a), equality::identity(b));
        let same = match (Value::object(x).kind(), Value::object(y).kind()) {
            (Some(Kind::Array), Some(Kind::Array)) => {
                !met.insert((x, y)) || arrays(x.cast(), y.cast(), &mut work)
            }
            (Some(Kind::Map), Some(Kind::Map)) => !met.insert((x, y)) || maps(x.cast(), y.cast(), &mut work),
            (Some(Kind::IntArray), Some(Kind::IntArray))
            | (Some(Kind::FloatArray), Some(Kind::FloatArray)) => {
                visited += typed::words_foreign(x.cast()).len() as u64;
                typed_arrays(x.cast(), y.cast())
            }
            _ if hooked(a, b) => {
                pairs.push((a, b));
                true
            }
            _ => false,
        };
        if !same {
            return (DeepEquality::Different, visited);
        }
    }
    // The list was worked from its end; hooks are called in the order of the elements.
    pairs.reverse();
    (DeepEquality::EqualIf(pairs), visited)
}

fn arrays(x: *const Array, y: *const Array, work: &mut Vec<(Value, Value)>) -> bool {
    let (x, y) = (array::elements_foreign(x), array::elements_foreign(y));
    if x.len() != y.len() {
        return false;
    }
    work.extend(x.iter().zip(y).map(|(a, b)| (a.get_foreign(), b.get_foreign())));
    true
}

fn maps(x: *const Map, y: *const Map, work: &mut Vec<(Value, Value)>) -> bool {
    if map::len(x) != map::len(y) {
        return false;
    }
    for (key, value) in map::entries_foreign(x) {
        match map::get_foreign(y, key) {
            Some(other) => work.push((value, other)),
            None => return false,
        }
    }
    true
}

fn typed_arrays(x: *const TypedArray, y: *const TypedArray) -> bool {
    let float = typed::element(x) == typed::Element::Float;
    let (x, y) = (typed::words_foreign(x), typed::words_foreign(y));
    x.len() == y.len()
        && x.iter().zip(y).all(|(a, b)| {
            let (a, b) = (a.load(Ordering::Acquire), b.load(Ordering::Acquire));
            if float { f64::from_bits(a) == f64::from_bits(b) } else { a == b }
        })
}
