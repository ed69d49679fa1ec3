//! Deep copies: `copy(x)`, and how such a copy crosses to another thread as an object of the receiver's own.
//!
//! A graph is walked with an explicit list, so depth is bounded by memory alone; shared parts and cycles stay shared and cyclic.
//! Containers and instances are copied; functions, classes and handles cross as they do everywhere ([`transfer`]). What is
//! reached through a proxy is copied as well, read as a foreign reader reads.

use super::Thread;
use super::transfer::{self, Transfer};
use crate::error::Outcome;
use crate::interp::{proxies, slots};
use crate::object::{FLAG_COPY, Header, Kind, array, equality, map, typed};
use crate::value::Value;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// A copied object graph outside any heap; node 0 is the root.
pub struct Graph {
    nodes: Vec<Node>,
}

enum Node {
    Array(Vec<Part>),
    Map(Vec<(Part, Part)>),
    Typed(typed::Element, Vec<u64>),
    Instance(u32, Vec<Part>),
}

enum Part {
    Node(usize),
    Value(Transfer),
}

/// Whether copying means anything for a value.
fn is_copied(kind: Kind) -> bool {
    matches!(kind, Kind::Array | Kind::Map | Kind::IntArray | Kind::FloatArray | Kind::Instance)
}

struct Walk {
    numbers: HashMap<*mut Header, usize>,
    /// Objects in the order of their numbers, with the proxy that each was reached through.
    objects: Vec<(*mut Header, Value)>,
}

impl Walk {
    /// The part that a value found in an object becomes.
    fn part(&mut self, thread: &mut Thread, found: Value, via: Value) -> Outcome<Part> {
        let (object, via) = match found.kind() {
            // Read within this slice: a proxy found in a foreign slot is unwrapped at once.
            Some(Kind::Proxy) => {
                let wrapped = if via.is_null() { found } else { proxies::wrap(thread, via, found)? };
                (
                    equality::identity(wrapped),
                    if wrapped.is_kind(Kind::Proxy) { wrapped } else { Value::NULL },
                )
            }
            _ => (if found.is_object() { found.pointer() } else { std::ptr::null_mut() }, via),
        };
        // SAFETY: an own object, or a foreign one that is readable within this slice.
        if !object.is_null() && unsafe { is_copied((*object).kind()) && !(*object).is_immortal() } {
            let next = self.objects.len();
            let number = *self.numbers.entry(object).or_insert(next);
            if number == next {
                self.objects.push((object, via));
            }
            return Ok(Part::Node(number));
        }
        let own = if via.is_null() { found } else { proxies::wrap(thread, via, found)? };
        transfer::export(thread, own).map(Part::Value)
    }
}

/// Copies what a value leads to out of its heap; `None` if the value is not something that is copied.
pub fn snapshot(thread: &mut Thread, root: Value) -> Outcome<Option<Graph>> {
    let mut walk = Walk { numbers: HashMap::new(), objects: Vec::new() };
    let Part::Node(_) = walk.part(thread, root, Value::NULL)? else { return Ok(None) };
    let mut nodes = Vec::new();
    while let Some(&(object, via)) = walk.objects.get(nodes.len()) {
        // SAFETY: as in `part`; this thread passes no quiescent point in here.
        let kind = unsafe { (*object).kind() };
        nodes.push(match kind {
            Kind::Array => {
                let elements = array::elements_foreign(object.cast());
                let mut parts = Vec::with_capacity(elements.len());
                for slot in elements {
                    parts.push(walk.part(thread, slot.get_foreign(), via)?);
                }
                Node::Array(parts)
            }
            Kind::Map => {
                let entries: Vec<(Value, Value)> = map::entries_foreign(object.cast()).collect();
                let mut parts = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    parts.push((walk.part(thread, key, via)?, walk.part(thread, value, via)?));
                }
                Node::Map(parts)
            }
            Kind::Instance => {
                // SAFETY: as above.
                let class = unsafe { (*object).class };
                let mut parts = Vec::new();
                let layout = thread.vm.class(class);
                for slot in 0..layout.attributes.len() as u32 {
                    // SAFETY: the slot is below the class's number of attributes.
                    let value = unsafe { slots::read(&mut thread.heap, layout, object, slot)? };
                    parts.push(walk.part(thread, value, via)?);
                }
                Node::Instance(class, parts)
            }
            _ => {
                let element =
                    if kind == Kind::IntArray { typed::Element::Int } else { typed::Element::Float };
                let words =
                    typed::words_foreign(object.cast()).iter().map(|w| w.load(Ordering::Acquire)).collect();
                Node::Typed(element, words)
            }
        });
    }
    thread.charge(nodes.len() as u64 * 4);
    Ok(Some(Graph { nodes }))
}

/// Makes the objects of a graph in this thread's heap; the root is marked as a copy.
pub fn build(thread: &mut Thread, graph: &Graph) -> Outcome {
    let mut made: Vec<Value> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        made.push(match node {
            Node::Array(parts) => array::to_value(array::new(&mut thread.heap, parts.len())?),
            Node::Map(parts) => Value::object(map::new(&mut thread.heap, parts.len())?.cast()),
            Node::Typed(element, words) => {
                typed::to_value(typed::from_words(&mut thread.heap, *element, words.iter().copied())?)
            }
            Node::Instance(class, _) => crate::interp::instances::allocate(thread, thread.vm.class(*class))?,
        });
    }
    for (node, object) in graph.nodes.iter().zip(made.iter().copied()) {
        match node {
            Node::Array(parts) => {
                for part in parts {
                    let value = resolve(thread, &made, part)?;
                    array::push(&mut thread.heap, object.pointer().cast(), value)?;
                }
            }
            Node::Map(parts) => {
                for (key, value) in parts {
                    let key = resolve(thread, &made, key)?;
                    let value = resolve(thread, &made, value)?;
                    map::insert(&mut thread.heap, object.pointer().cast(), key, value)?;
                }
            }
            Node::Instance(class, parts) => {
                let class = thread.vm.class(*class);
                for (slot, part) in parts.iter().enumerate() {
                    let value = resolve(thread, &made, part)?;
                    // SAFETY: the instance was made of the class that the parts were counted by.
                    unsafe {
                        slots::write(&mut thread.heap, class, object.pointer(), slot as u32, value);
                    }
                }
            }
            Node::Typed(..) => {}
        }
    }
    let root = made[0];
    // SAFETY: the root was just made in this heap; only its owner changes flags.
    unsafe { (*root.pointer()).flags.fetch_or(FLAG_COPY, Ordering::Relaxed) };
    Ok(root)
}

fn resolve(thread: &mut Thread, made: &[Value], part: &Part) -> Outcome {
    match part {
        Part::Node(number) => Ok(made[*number]),
        Part::Value(value) => transfer::import(thread, value),
    }
}

/// `copy(value)`: a deep copy; what cannot be copied is itself.
pub fn copy(thread: &mut Thread, value: Value) -> Outcome {
    match snapshot(thread, value)? {
        Some(graph) => build(thread, &graph),
        None => Ok(value),
    }
}

/// Whether a value was made by [`copy`], so that it crosses as a copy.
pub fn is_copy(value: Value) -> bool {
    // SAFETY: an object value points to a live object.
    value.is_object() && unsafe { (*value.pointer()).flags.load(Ordering::Relaxed) & FLAG_COPY != 0 }
}
