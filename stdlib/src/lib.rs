//! Corella's standard library: natives as tables, one file a type, and modules and methods written in Corella itself.
//!
//! A native never calls script code. Where a hook, a comparison function or a callback has to run, the work is done by a
//! function of the prelude (`prelude/`), which the native asks the interpreter to call in its place ([`prelude_call`]).
//! Names of such functions, and of natives that only the prelude uses, begin with `__`.

mod args;
mod array;
mod bigint;
mod builtins;
mod bytes;
mod concurrency;
mod error;
mod file;
mod float;
mod format;
#[cfg(feature = "image")]
mod image;
mod int;
pub mod library;
mod map;
mod math;
mod range;
mod receiver;
mod sort;
mod string;
mod table;
mod text;
mod time;
mod typed;

pub use table::{ClassTable, Constant, ConstantRow};

use corella_vm::class::{ErrorClass, Member};
use corella_vm::error::{Control, Outcome};
use corella_vm::native::{ANY, NativeCode, NativeDef, NativeRow};
use corella_vm::object::{self, array as arrays};
use corella_vm::symbol::sym;
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use corella_vm::vm::Vm;

/// The natives of the built-in classes.
pub static CLASSES: &[&ClassTable] = &[
    &string::TABLE,
    &bytes::TABLE,
    &array::TABLE,
    &map::TABLE,
    &typed::INTS,
    &typed::FLOATS,
    &range::TABLE,
    &int::TABLE,
    &float::TABLE,
    &float::BOOL,
    &bigint::TABLE,
    &error::TABLE,
    &concurrency::task::TABLE,
    &concurrency::future::TABLE,
    &concurrency::thread::TABLE,
    &concurrency::proxy::TABLE,
    &concurrency::generator::TABLE,
    &concurrency::memory::TABLE,
];

/// Functions known everywhere, the hidden ones included.
pub static FUNCTIONS: &[&[NativeRow]] =
    &[builtins::ROWS, builtins::HIDDEN, map::HIDDEN, concurrency::functions::FUNCTIONS];

/// Natives of modules; `("math", sqrt)` is known to the module's script part as `__math_sqrt`.
pub static MODULES: &[(&str, &[NativeRow])] = &[
    ("math", math::ROWS),
    ("time", time::ROWS),
    ("gc", concurrency::memory::GC),
    ("file", file::ROWS),
    #[cfg(feature = "image")]
    ("image", image::ROWS),
    ("task", concurrency::hooks::TASK),
    ("thread", concurrency::hooks::THREAD),
    ("shared", concurrency::shared::counter::ROWS),
    ("shared", concurrency::shared::map::ROWS),
    ("shared", concurrency::shared::queue::ROWS),
    ("pool", concurrency::shared::pool::ROWS),
    ("choice", concurrency::shared::choice::ROWS),
];

/// Gives a VM the natives. The prelude and the modules in Corella come after that, as they are run by a thread.
pub fn install(vm: &Vm) {
    for table in CLASSES {
        install_class(vm, table);
    }
    for row in FUNCTIONS.iter().copied().flatten() {
        vm.define_builtin(row.0, native(vm, "", row, 0, false));
    }
    for (module, rows) in MODULES {
        for row in rows.iter() {
            let value = native(vm, module, row, 0, false);
            vm.define_builtin(&format!("__{module}_{}", row.0), value);
        }
    }
}

fn install_class(vm: &Vm, table: &ClassTable) {
    let class = vm.class(table.class);
    let add = |name: &str, member: Member| vm.add_member(class, vm.symbols.intern(name), member);
    let method = |row: &NativeRow, writes| native(vm, table.name, row, 1, writes);
    if let Some(row) = &table.construct {
        let make = native(vm, "", row, 0, false);
        vm.add_member(class, sym::NEW, Member::Static(make));
    }
    for row in table.readers {
        add(row.0, Member::Method(method(row, false)));
    }
    for row in table.writers {
        add(row.0, Member::Method(method(row, true)));
    }
    for row in table.getters {
        add(row.0, Member::Getter(method(row, false)));
    }
    for row in table.statics {
        let value = native(vm, table.name, row, 0, false);
        add(row.0, Member::Static(value));
    }
    for (name, constant, _) in table.constants {
        add(name, Member::Constant(immortal(vm, *constant)));
    }
}

/// A native of a row; `receiver` is 1 if a receiver comes before the arguments that the row counts.
fn native(vm: &Vm, owner: &'static str, row: &NativeRow, receiver: u8, writes: bool) -> Value {
    let (name, min, max, code, doc) = *row;
    let max_args = if max == ANY { ANY } else { max + receiver };
    vm.native(NativeDef {
        owner,
        name: name.into(),
        min_args: min + receiver,
        max_args,
        method: receiver > 0,
        writes,
        code: NativeCode::Plain(code),
        doc: doc.into(),
    })
}

/// A number as a value outside all heaps.
fn immortal(vm: &Vm, constant: Constant) -> Value {
    match constant {
        Constant::Int(i) => Value::small_int(i).unwrap_or_else(|| object::immortal_int(&vm.immortals, i)),
        Constant::Float(f) => {
            Value::small_float(f).unwrap_or_else(|| object::immortal_float(&vm.immortals, f))
        }
    }
}

/// A new array of values.
fn list(thread: &mut Thread, values: &[Value]) -> Outcome {
    thread.charge(values.len() as u64 / 8);
    Ok(arrays::to_value(arrays::from_slice(&mut thread.heap, values)?))
}

/// Has a function of the prelude called; its result becomes the native's.
#[cold]
fn prelude_call(thread: &mut Thread, name: &str, args: &[Value]) -> Outcome {
    match thread.vm.builtin(name) {
        Some(function) => Err(Control::call(function, args)),
        None => {
            let message = format!("the library function {name} is missing: the prelude has not been loaded");
            Err(thread.error(ErrorClass::StateError, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compiled_code_knows_by_name_is_there() {
        let mut names: Vec<(&str, &str)> =
            MODULES.iter().flat_map(|(module, rows)| rows.iter().map(|row| (*module, row.0))).collect();
        names.extend(FUNCTIONS.iter().copied().flatten().map(|row| ("", row.0)));
        for table in CLASSES {
            names.extend(table.readers.iter().chain(table.writers).map(|row| (table.name, row.0)));
        }
        for (owner, name, _) in corella_vm::jit::INTRINSICS {
            assert!(names.contains(&(owner, name)), "the library has no native {owner}.{name}");
        }
    }
}
