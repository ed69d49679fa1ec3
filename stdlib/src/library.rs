//! The library's script part as the build compiled it.

use corella_vm::bytecode::reader;
use corella_vm::bytecode::{Export, Module};
use corella_vm::code::LoadedModule;
use corella_vm::loader;
use corella_vm::object::array;
use corella_vm::thread::{Thread, trace};

include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// The prelude's modules with their names, in the order in which they are to be linked and run, once a VM. What each
/// exports becomes a built-in name before the next is linked.
pub fn prelude() -> impl Iterator<Item = (&'static str, Module)> {
    PRELUDE.iter().map(|(name, image)| (*name, read(name, image)))
}

/// The module that `import name;` means, if the library has it.
pub fn module(name: &str) -> Option<Module> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(name, image)| read(name, image))
}

/// The names of the modules that can be imported.
pub fn module_names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

/// Links the prelude into the thread's VM and runs it there, once, before any program. The VM has the natives already.
///
/// # Errors
/// What was wrong with the library: a bug of it, or a memory limit too small for it.
pub fn load_prelude(thread: &mut Thread) -> Result<(), String> {
    for (name, module) in prelude() {
        let vm = thread.vm.clone();
        // SAFETY: the build script lets nothing into the program that the verifier refuses.
        let module = unsafe { vm.link_verified(module, vm.new_env(), true) }
            .map_err(|error| format!("prelude {name}: {error}"))?;
        loader::attach(thread, module).map_err(|_| format!("prelude {name}: no room for its variables"))?;
        if let Some(top) = module.functions.first() {
            let value = top.value;
            thread
                .run_program(value, &[])
                .map_err(|error| format!("prelude {name}: {}", trace::describe(thread, error)))?;
        }
        define_exports(thread, module)?;
    }
    Ok(())
}

/// Makes built-in names of what a module of the prelude exports: functions and classes.
fn define_exports(thread: &mut Thread, module: &'static LoadedModule) -> Result<(), String> {
    let Some(root) = module.data.namespaces.first() else { return Ok(()) };
    for (name, export) in &root.members {
        let value = match export {
            Export::Function(number) => module.functions.get(*number as usize).map(|code| code.value),
            Export::Global(slot) => {
                thread.own_env(module.env).and_then(|env| array::get(env, *slot as usize))
            }
            Export::Namespace(number) => module.namespaces.get(*number as usize).copied(),
        };
        match value {
            // SAFETY: a value of kind object points to a live object.
            Some(value) if !value.is_object() || unsafe { (*value.pointer()).is_immortal() } => {
                thread.vm.define_builtin(name, value);
            }
            _ => return Err(format!("prelude {}: {name} cannot be shared by all threads", module.name)),
        }
    }
    Ok(())
}

fn read(name: &str, image: &[u8]) -> Module {
    match reader::read_own(image) {
        Ok(module) => module,
        // The build wrote the image with the same VM's code.
        Err(error) => unreachable!("the library's module {name} is damaged: {error}"),
    }
}
