//! The library's script part as the build compiled it.

use corella_vm::bytecode::Module;
use corella_vm::bytecode::reader;

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

fn read(name: &str, image: &[u8]) -> Module {
    match reader::read(image) {
        Ok(module) => module,
        // The build wrote the image with the same VM's code.
        Err(error) => unreachable!("the library's module {name} is damaged: {error}"),
    }
}
