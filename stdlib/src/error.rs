//! Constructor and methods of the class Error, which all error classes inherit.

use crate::args::{self, optional};
use crate::table::ClassTable;
use crate::{receiver, text};
use corella_vm::class::{Class, error_slot};
use corella_vm::error::Outcome;
use corella_vm::object::{Instance, Kind, class_id, equality, string};
use corella_vm::thread::{Thread, trace};
use corella_vm::value::Value;

/// The natives of errors. `new` and `to_string` stand among the methods, as in a script class.
pub(crate) static TABLE: ClassTable = ClassTable {
    readers: &[
        ("new", 0, 2, new, "An error with a message and the error that caused it."),
        ("to_string", 0, 0, to_string, "Its class and message."),
        ("trace", 0, 0, trace_text, "Where it was thrown: a line for each function, innermost first."),
    ],
    ..ClassTable::empty(class_id::ERROR, "Error")
};

/// The class of an error, own or behind a proxy.
fn error_class(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<&'static Class> {
    let value = optional(args, 0);
    if value.is_object() {
        let object = Value::object(equality::identity(value));
        let class = thread.vm.class_of(object);
        if object.is_kind(Kind::Instance) && class.is_subclass_of(thread.vm.class(class_id::ERROR)) {
            return Ok(class);
        }
    }
    Err(args::wrong_receiver(thread, method, value))
}

fn new(thread: &mut Thread, args: &[Value]) -> Outcome {
    error_class(thread, "Error.new", args)?;
    if !args[0].is_kind(Kind::Instance) {
        return Err(args::wrong_receiver(thread, "Error.new", args[0]));
    }
    let object = args[0].pointer();
    for (slot, value) in [(error_slot::MESSAGE, optional(args, 1)), (error_slot::CAUSE, optional(args, 2))] {
        // SAFETY: an instance of a class derived from Error begins with the slots of `error_slot`.
        let slot = unsafe { Instance::slot(object.cast(), slot) };
        thread.heap.store(object, slot, value);
    }
    Ok(Value::NULL)
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    let class = error_class(thread, "Error.to_string", args)?;
    // SAFETY: as in `new`; the object may be foreign and is read so.
    let message =
        unsafe { Instance::slot(equality::identity(args[0]).cast(), error_slot::MESSAGE).get_foreign() };
    let message = match args[0].is_kind(Kind::Proxy) {
        true => receiver::wrap(thread, args[0], message)?,
        false => message,
    };
    match text::plain(thread, message)? {
        Some(message) => Ok(string::new(&mut thread.heap, &text::error_text(class, &message))?),
        None => {
            let name = string::new(&mut thread.heap, &class.name)?;
            crate::prelude_call(thread, "__error_text", &[name, message])
        }
    }
}

fn trace_text(thread: &mut Thread, args: &[Value]) -> Outcome {
    error_class(thread, "Error.trace", args)?;
    let text = trace::text(thread, args[0]);
    Ok(string::new(&mut thread.heap, &text)?)
}
