//! Names of values for messages, and `to_string`.

use super::arith::hook;
use crate::error::{Control, Outcome};
use crate::object::{Kind, display, string};
use crate::symbol::sym;
use crate::thread::Thread;
use crate::value::Value;

/// The type of a value as messages name it: `int`, `null`, `Account`, `proxy of Account`.
pub fn type_name(thread: &Thread, v: Value) -> String {
    match v.kind() {
        Some(Kind::Proxy) => format!("proxy of {}", super::proxies::target_class(thread, v).name),
        Some(Kind::Buffer | Kind::RawBuffer | Kind::MapTable | Kind::Cell | Kind::Stack) => {
            "internal object".into()
        }
        _ => thread.vm.class_of(v).name.clone(),
    }
}

/// The string form of a value: scalars here, hooks and containers by script functions.
pub fn to_string(thread: &mut Thread, v: Value) -> Outcome {
    if let Some(text) = display::scalar(v) {
        return Ok(string::new(&mut thread.heap, &text)?);
    }
    match v.kind() {
        Some(Kind::Str) => return Ok(v),
        Some(Kind::Array | Kind::Map | Kind::Instance | Kind::Proxy | Kind::IntArray | Kind::FloatArray) => {
            if let Some(hook) = hook(thread, v, sym::TO_STRING) {
                return Err(Control::call(hook, &[v]));
            }
            if v.is_kind(Kind::Instance) {
                let text = format!("<{}>", type_name(thread, v));
                return Ok(string::new(&mut thread.heap, &text)?);
            }
            // Containers: elements may have hooks, so a script function walks them.
            if let Some(function) = thread.vm.builtin("__to_string") {
                return Err(Control::call(function, &[v]));
            }
        }
        _ => {}
    }
    let text = brief(thread, v);
    Ok(string::new(&mut thread.heap, &text)?)
}

/// A one-line form without hooks or content: `<function fib>`, `<class Account>`, `<Account>`.
pub fn brief(thread: &Thread, v: Value) -> String {
    use crate::object::function as f;
    if let Some(text) = display::scalar(v) {
        return text;
    }
    match v.kind() {
        Some(Kind::Str) => string::as_str(v).unwrap_or("").to_owned(),
        Some(Kind::Function) => format!("<function {}>", f::code_of_value(v).map_or("", |code| &code.name)),
        Some(Kind::NativeFunction) => format!("<function {}>", display::function_name(v)),
        Some(Kind::BoundMethod) => match f::bound_parts(v) {
            Some((_, function)) => brief(thread, function),
            None => "<function>".into(),
        },
        Some(Kind::Class) => format!("<class {}>", f::class_of_value(v).map_or("", |class| &class.name)),
        Some(Kind::Module) => {
            // SAFETY: the kind was checked; modules live as long as the VM.
            let (module, namespace) = unsafe {
                let object = &*v.pointer().cast::<f::ModuleObject>();
                (&*object.module, object.namespace)
            };
            match namespace {
                0 => format!("<module {}>", module.name),
                n => format!("<namespace {}>", module.data.namespaces[n as usize].path),
            }
        }
        // SAFETY: the kind was checked.
        Some(Kind::Task) => {
            // SAFETY: the kind was checked; the number never changes.
            format!("<Task {}>", unsafe { (*v.pointer().cast::<crate::object::task::Task>()).id })
        }
        _ => format!("<{}>", type_name(thread, v)),
    }
}
