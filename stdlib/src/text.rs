//! Values as text, hooks included: scalars and containers are rendered here; where an instance has a `to_string` of its
//! own, a function of the prelude is asked to call it.

use crate::receiver;
use corella_vm::class::{Class, ErrorClass, Member, error_slot};
use corella_vm::error::{Control, Outcome};
use corella_vm::object::display::{self, Piece, TooLong};
use corella_vm::object::{Instance, Kind, array, class_id, string};
use corella_vm::symbol::sym;
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use corella_vm::vm::Vm;

/// Most bytes of a rendered value. A structure that refers to the same part from many places can be exponentially longer as text.
const LIMIT: usize = 1 << 28;
/// Bytes of text that count as one unit of work.
const BYTES_PER_UNIT: u64 = 8;

/// `to_string` of any value.
pub(crate) fn to_string(thread: &mut Thread, value: Value) -> Outcome {
    if value.is_kind(Kind::Str) { Ok(value) } else { rendered(thread, value, false) }
}

/// `repr` of any value: as `to_string`, but a string is quoted.
pub(crate) fn repr(thread: &mut Thread, value: Value) -> Outcome {
    rendered(thread, value, true)
}

fn rendered(thread: &mut Thread, value: Value, quoted: bool) -> Outcome {
    let pieces = pieces(thread, value, quoted)?;
    if let [Piece::Text(text)] = pieces.as_slice() {
        return Ok(string::new(&mut thread.heap, text)?);
    }
    let mut list = Vec::with_capacity(pieces.len());
    for piece in pieces {
        list.push(match piece {
            Piece::Text(text) => string::new(&mut thread.heap, &text)?,
            Piece::Hook(value, Some(proxy)) => receiver::wrap(thread, Value::object(proxy.cast()), value)?,
            Piece::Hook(value, None) => value,
        });
    }
    let list = array::to_value(array::from_slice(&mut thread.heap, &list)?);
    crate::prelude_call(thread, "__join_pieces", &[list])
}

fn pieces(thread: &mut Thread, value: Value, quoted: bool) -> Outcome<Vec<Piece>> {
    let vm = thread.vm.clone();
    let limit = limit(thread);
    let pieces = display::render(value, quoted, limit, &mut |value, to| {
        let class = vm.class_of(value);
        if class.member(sym::TO_STRING).is_some() {
            return write_error(&vm, value, to);
        }
        to.push('<');
        to.push_str(&class.name);
        to.push('>');
        true
    });
    match pieces {
        Ok(pieces) => {
            let bytes: usize =
                pieces.iter().map(|p| if let Piece::Text(text) = p { text.len() } else { 8 }).sum();
            thread.charge(bytes as u64 / BYTES_PER_UNIT);
            Ok(pieces)
        }
        Err(TooLong) => {
            thread.charge(limit as u64 / BYTES_PER_UNIT);
            Err(if limit == thread.heap.room() {
                Control::OutOfMemory
            } else if limit < LIMIT {
                thread.fuel_error()
            } else {
                let message = format!(
                    "the text of this {} would be longer than {LIMIT} bytes: does it refer to the same things from very many places?",
                    vm.class_of(value).name
                );
                thread.error(ErrorClass::LimitError, message)
            })
        }
    }
}

/// How long a text may become: what memory and fuel are left for, since nothing stops the work on its way.
fn limit(thread: &Thread) -> usize {
    let fuel = thread.vm.registry.fuel_left().saturating_mul(BYTES_PER_UNIT);
    LIMIT.min(thread.heap.room()).min(usize::try_from(fuel).unwrap_or(usize::MAX))
}

/// The text of a value if no hook has to be called for it.
pub(crate) fn plain(thread: &mut Thread, value: Value) -> Outcome<Option<String>> {
    if let Some(text) = display::scalar(value) {
        return Ok(Some(text));
    }
    let mut pieces = pieces(thread, value, false)?;
    match (pieces.pop(), pieces.is_empty()) {
        (Some(Piece::Text(text)), true) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// Writes an instance of Error whose `to_string` is the built-in one; false for other instances, which have hooks.
fn write_error(vm: &Vm, value: Value, to: &mut String) -> bool {
    let method = |class: &Class| match class.member(sym::TO_STRING) {
        Some(Member::Method(method)) => Some(method),
        _ => None,
    };
    let (class, root) = (vm.class_of(value), vm.class(class_id::ERROR));
    if !value.is_kind(Kind::Instance) || !class.is_subclass_of(root) || method(class) != method(root) {
        return false;
    }
    // SAFETY: an instance of a class derived from Error begins with the slots of `error_slot`.
    let message = unsafe { Instance::slot(value.pointer().cast(), error_slot::MESSAGE).get_foreign() };
    match display::scalar(message) {
        Some(message) => {
            to.push_str(&error_text(class, &message));
            true
        }
        None => false,
    }
}

/// The text of an error: the name of its class and its message, if it has one.
pub(crate) fn error_text(class: &Class, message: &str) -> String {
    match message {
        "" | "null" => class.name.clone(),
        _ => format!("{}: {message}", class.name),
    }
}
