//! `Generator`: what a call of a `function*` gives.

use crate::args::{optional, wrong_receiver};
use crate::table::ClassTable;
use corella_vm::error::{Control, Outcome};
use corella_vm::interp::control;
use corella_vm::object::{Kind, class_id};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// The natives of generators.
pub(crate) static TABLE: ClassTable = ClassTable {
    getters: &[("done", 0, 0, done, "Whether it has ended.")],
    readers: &[(
        "next",
        0,
        1,
        next,
        "Continues it to its next `yield` and gives the value; `value` is what the `yield` before gives in it. Null at the end.",
    )],
    ..ClassTable::empty(class_id::GENERATOR, "Generator")
};

fn done(thread: &mut Thread, args: &[Value]) -> Outcome {
    if !args[0].is_kind(Kind::Generator) {
        return Err(wrong_receiver(thread, "Generator.done", args[0]));
    }
    Ok(Value::bool(control::generator_done(args[0])))
}

fn next(thread: &mut Thread, args: &[Value]) -> Outcome {
    if !args[0].is_kind(Kind::Generator) {
        return Err(wrong_receiver(thread, "Generator.next", args[0]));
    }
    Err(Control::call(args[0], &[optional(args, 1)]))
}
