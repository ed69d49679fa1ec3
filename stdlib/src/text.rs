//! Values as text, hooks included: scalars and containers are rendered here; where an instance has a `to_string` of its
//! own, a function of the prelude is asked to call it.

use crate::receiver;
use corella_vm::class::{Class, Member, error_slot};
use corella_vm::error::{Control, Outcome};
use corella_vm::object::display::{self, Piece, TooLong};
use corella_vm::object::{Instance, Kind, array, class_id, string};
use corella_vm::symbol::sym;
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use corella_vm::vm::Vm;

/// Most bytes of a rendered value.
const LIMIT: usize = 1 << 30;

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
    let pieces = display::render(value, quoted, LIMIT, &mut |value, to| {
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
            thread.charge(bytes as u64 / 8);
            Ok(pieces)
        }
        Err(TooLong) => Err(Control::OutOfMemory),
    }
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
