//! Where imported modules come from: the host's own loader, the standard library, files.
//!
//! Invariant: a module has one key however it is imported, so that it is loaded once a VM: `std:NAME` for the library,
//! `host:NAME` for what the host gives, the canonical path for a file.

use crate::engine::Shared;
use crate::script::{compile_text, read_file, text_of};
use crate::{CompileError, Script};
use corella_stdlib::library;
use corella_vm::bytecode;
use corella_vm::vm::{LoadedSource, ModuleLoader};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Weak};

/// The text of a module that a host gives.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Its name, unique among the host's modules; shown in traces.
    pub name: String,
    /// The text.
    pub text: String,
}

/// A host's own source of modules (a database, an archive, the network). It is asked before the library and files are.
///
/// ```
/// use corella::{Engine, SourceText};
/// let rates = |path: &str, _from: &str| {
///     (path == "rates").then(|| Ok(SourceText { name: "rates".into(), text: "export const VAT = 19;".into() }))
/// };
/// let engine = Engine::builder().loader(rates).build();
/// let mut vm = engine.vm()?;
/// let module = vm.load(&engine.compile("a.cor", "import rates; function f() { return rates.VAT; }")?)?;
/// assert_eq!(vm.call::<i64>(&module, "f", ())?, 19);
/// # Ok::<(), corella::Error>(())
/// ```
pub trait Loader: Send + Sync + 'static {
    /// The module that `path` names when it is imported from the module called `from`; `None` if it is not this loader's.
    ///
    /// # Errors
    /// Why it cannot be had; the script gets an `ImportError` that says so.
    fn find(&self, path: &str, from: &str) -> Option<Result<SourceText, String>>;
}

impl<F> Loader for F
where
    F: Fn(&str, &str) -> Option<Result<SourceText, String>> + Send + Sync + 'static,
{
    fn find(&self, path: &str, from: &str) -> Option<Result<SourceText, String>> {
        self(path, from)
    }
}

/// What the VM asks. A VM of the engine's own waits in [`Shared`] for its use, so this must not keep that alive; a VM that a host has
/// holds its engine itself.
pub(crate) struct Imports(pub(crate) Weak<Shared>);

impl Imports {
    fn shared(&self) -> Result<Arc<Shared>, String> {
        self.0.upgrade().ok_or_else(|| "the engine of this VM is gone".to_owned())
    }
}

impl ModuleLoader for Imports {
    fn load(&self, path: &str, from: &str) -> Result<(String, LoadedSource), String> {
        let shared = self.shared()?;
        for loader in &shared.loaders {
            if let Some(found) = loader.find(path, from) {
                let SourceText { name, text } = found?;
                let shared = shared.clone();
                return Ok((format!("host:{name}"), source(move || compiled(&name, &text, &shared))));
            }
        }
        if is_relative(path) || Path::new(path).is_absolute() {
            return self.file(path, from);
        }
        let Some(name) = library::module_names().find(|name| *name == path) else {
            let known: Vec<&str> = library::module_names().collect();
            return Err(format!(
                "the library has no such module (it has {}); a file is imported by its path: import \"./{path}\"",
                known.join(", ")
            ));
        };
        let missing = move || format!("the library's module {name} is missing");
        Ok((format!("std:{name}"), source(move || library::module(name).ok_or_else(missing))))
    }
}

fn source(load: impl FnOnce() -> Result<bytecode::Module, String> + 'static) -> LoadedSource {
    LoadedSource::Module(Box::new(load))
}

fn is_relative(path: &str) -> bool {
    path.starts_with("./") || path.starts_with("../")
}

impl Imports {
    fn file(&self, path: &str, from: &str) -> Result<(String, LoadedSource), String> {
        let shared = self.shared()?;
        if !shared.files {
            return Err("this VM may not read files".into());
        }
        let file = resolve(path, from);
        let key = key_of(&file);
        Ok((key, source(move || load_file(&file, &shared))))
    }
}

/// The key of a file.
pub(crate) fn key_of(file: &Path) -> String {
    // A file that is not there gets its error when it is read.
    std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()).display().to_string()
}

/// The file that a path means in a module: relative to the module's own file.
fn resolve(path: &str, from: &str) -> PathBuf {
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let mut file = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(file.components().next_back(), Some(Component::Normal(_))) => {
                file.pop();
            }
            part => file.push(part),
        }
    }
    let known = file.extension().is_some_and(|extension| extension == "cor" || extension == "corb");
    if !known {
        file.as_mut_os_string().push(".cor");
    }
    file
}

fn compiled(name: &str, text: &str, shared: &Shared) -> Result<bytecode::Module, String> {
    let script = compile_text(name, text, shared.names(), None).map_err(|error| indented(&error))?;
    Ok((*script.module).clone())
}

fn load_file(file: &Path, shared: &Shared) -> Result<bytecode::Module, String> {
    let name = file.display().to_string();
    let bytes = read_file(file).map_err(|error| error.to_string())?;
    if Script::is_compiled(&bytes) {
        let script = Script::from_bytes(&bytes).map_err(|error| format!("{name}: {error}"))?;
        return Ok(Arc::unwrap_or_clone(script.placed(file).module));
    }
    compiled(&name, text_of(&name, &bytes).map_err(|error| indented(&error))?, shared)
}

/// A compile error inside another error's message.
fn indented(error: &CompileError) -> String {
    format!("it cannot be compiled\n{}", error.render(false).trim_end())
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use std::path::Path;

    #[track_caller]
    fn check(path: &str, from: &str, file: &str) {
        assert_eq!(resolve(path, from), Path::new(file));
    }

    #[test]
    fn paths_are_relative_to_the_importing_file() {
        check("./geometry", "main.cor", "geometry.cor");
        check("./geometry.cor", "src/main.cor", "src/geometry.cor");
        check("../lib/v1.2", "src/main.cor", "lib/v1.2.cor");
        check("../../a", "src/main.cor", "../a.cor");
        check("./a.corb", "<command line>", "a.corb");
        check("./b", "../x/main.cor", "../x/b.cor");
    }
}
