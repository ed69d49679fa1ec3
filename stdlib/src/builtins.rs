//! Functions that every program has without an import, and hidden ones (named `__...`) that the prelude is built on.

use crate::args::{self, optional};
use crate::{array, receiver, text};
use corella_vm::class::ErrorClass;
use corella_vm::error::Outcome;
use corella_vm::interp::compare::truthy;
use corella_vm::interp::describe::type_name;
use corella_vm::interp::types;
use corella_vm::native::{ANY, NativeRow};
use corella_vm::object::array as arrays;
use corella_vm::object::{Kind, equality, function, range, string, typed};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// Functions without a module.
pub(crate) static ROWS: &[NativeRow] = &[
    ("print", 0, ANY, print, "Writes the arguments as text, separated by spaces, and a line end."),
    ("say", 0, ANY, print, "As `print`."),
    ("write", 0, ANY, write, "Writes the arguments as text, separated by spaces, without a line end."),
    ("len", 1, 1, len, "Number of elements, entries, code points or bytes."),
    ("type", 1, 1, type_of, "The class of a value; of a proxy, that of its target."),
    ("repr", 1, 1, repr, "The value as text, strings as they would be written in a program."),
    ("assert", 1, 2, assert, "Throws AssertionError with `message` unless `condition` is true."),
];

/// Functions for the prelude's own use.
pub(crate) static HIDDEN: &[NativeRow] = &[
    ("__to_string", 1, 1, to_string, "The value as text."),
    ("__deep_equal", 2, 2, deep_equal, "Deep equality of two values."),
    ("__same", 2, 2, same, "Equality without hooks."),
    ("__is", 2, 2, is, "Whether a value is an instance of a class."),
    (
        "__array_overwrite",
        2,
        2,
        overwrite,
        "Writes the elements of one array over those of another, as far as there are any.",
    ),
    (
        "__array_with_room",
        1,
        1,
        array_with_room,
        "An empty array with room for as many elements as another has.",
    ),
    ("__type_name", 1, 1, type_name_of, "What messages call the type of a value."),
];

/// The arguments as text with spaces between, or `None` if a hook has to be called for one.
fn line(thread: &mut Thread, args: &[Value]) -> Outcome<Option<String>> {
    let mut line = String::new();
    for (i, value) in args.iter().enumerate() {
        if i > 0 {
            line.push(' ');
        }
        match string::as_str(value) {
            Some(text) => line.push_str(text),
            None => match text::plain(thread, *value)? {
                Some(text) => line.push_str(&text),
                None => return Ok(None),
            },
        }
    }
    Ok(Some(line))
}

fn put(thread: &mut Thread, text: &str) -> Outcome {
    thread.charge(text.len() as u64 / 16 + 1);
    let written = match thread.vm.output.lock() {
        Ok(mut output) => output.write_all(text.as_bytes()),
        // A writer that panicked may be half way through something; writing on is still the best there is.
        Err(poisoned) => poisoned.into_inner().write_all(text.as_bytes()),
    };
    match written {
        Ok(()) => Ok(Value::NULL),
        Err(error) => Err(thread.error(ErrorClass::IoError, format!("cannot write the output: {error}"))),
    }
}

fn print(thread: &mut Thread, args: &[Value]) -> Outcome {
    match line(thread, args)? {
        Some(mut line) => {
            line.push('\n');
            put(thread, &line)
        }
        None => {
            let list = crate::list(thread, args)?;
            crate::prelude_call(thread, "__print", &[list])
        }
    }
}

fn write(thread: &mut Thread, args: &[Value]) -> Outcome {
    match line(thread, args)? {
        Some(line) => put(thread, &line),
        None => {
            let list = crate::list(thread, args)?;
            crate::prelude_call(thread, "__write", &[list])
        }
    }
}

fn len(thread: &mut Thread, args: &[Value]) -> Outcome {
    let value = args[0];
    if let Some(view) = receiver::array_view(value) {
        return Ok(Value::int_unchecked(view.len() as i64));
    }
    if let Some(view) = receiver::map_view(value) {
        return Ok(Value::int_unchecked(view.len() as i64));
    }
    if let Some((array, _)) = receiver::typed(value) {
        return Ok(Value::int_unchecked(typed::words_foreign(array).len() as i64));
    }
    match value.kind() {
        Some(Kind::Str | Kind::Bytes) => Ok(Value::int_unchecked(string::chars(value) as i64)),
        Some(Kind::Range) => {
            let len = range::bounds(value).map_or(0, |bounds| bounds.len());
            Ok(thread.heap.int(i64::try_from(len).unwrap_or(i64::MAX))?)
        }
        _ => {
            let found = type_name(thread, value);
            Err(thread.error(ErrorClass::TypeError, format!("len: {found} has no length")))
        }
    }
}

fn type_of(thread: &mut Thread, args: &[Value]) -> Outcome {
    let value = match args[0].is_kind(Kind::Proxy) {
        true => Value::object(equality::identity(args[0])),
        false => args[0],
    };
    Ok(thread.vm.class_of(value).value)
}

fn repr(thread: &mut Thread, args: &[Value]) -> Outcome {
    text::repr(thread, args[0])
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    text::to_string(thread, args[0])
}

fn assert(thread: &mut Thread, args: &[Value]) -> Outcome {
    if truthy(args[0]) {
        return Ok(Value::NULL);
    }
    let message = match optional(args, 1) {
        Value::NULL => "assertion failed".to_owned(),
        message => match text::plain(thread, message)? {
            Some(message) => message,
            None => return crate::prelude_call(thread, "__assertion_failed", &[message]),
        },
    };
    Err(thread.error(ErrorClass::AssertionError, message))
}

fn deep_equal(thread: &mut Thread, args: &[Value]) -> Outcome {
    array::deeply_equal(thread, args[0], args[1])
}

fn same(_: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(equality::same_value(args[0], args[1])))
}

fn is(thread: &mut Thread, args: &[Value]) -> Outcome {
    let Some(class) = function::class_of_value(args[1]) else {
        return Err(args::wrong(thread, "is", "the type", "a class", args[1]));
    };
    Ok(Value::bool(types::instance_of(thread, args[0], class)))
}

fn overwrite(thread: &mut Thread, args: &[Value]) -> Outcome {
    let Some(target) = arrays::from_value(args[0]) else {
        return Err(args::wrong_receiver(thread, "Array.sort", args[0]));
    };
    let source = receiver::array(thread, "Array.sort", "the result", args[1])?;
    let values = source.values(thread, 0, source.len())?;
    arrays::overwrite(&mut thread.heap, target, &values);
    Ok(Value::NULL)
}

/// Most elements that room is made for before any is there.
const FORESEEN: usize = 1 << 20;

fn array_with_room(thread: &mut Thread, args: &[Value]) -> Outcome {
    let room = receiver::array_view(args[0]).map_or(0, |view| view.len().min(FORESEEN));
    thread.charge(room as u64 / 8);
    Ok(arrays::to_value(arrays::new(&mut thread.heap, room)?))
}

fn type_name_of(thread: &mut Thread, args: &[Value]) -> Outcome {
    let name = type_name(thread, args[0]);
    Ok(string::new(&mut thread.heap, &name)?)
}
