//! Compiled scripts, which belong to no VM, and what can be asked of source text without running it.

use crate::error::diagnostic;
use crate::{CompileError, Diagnostic, Error};
use corella_compiler::complete;
use corella_compiler::diagnostic::Diagnostic as Finding;
use corella_compiler::source::{SourceMap, decode};
use corella_compiler::{CompileOptions, compile};
use corella_vm::bytecode::{self, assemble, disassemble, reader, verify};
use std::path::Path;
use std::sync::Arc;

pub use corella_compiler::complete::{Completeness, TokenClass};

/// A compiled script. Cloning is cheap; it can be loaded into any number of VMs.
///
/// ```
/// use corella::{Engine, Script};
/// let engine = Engine::new();
/// let script = engine.compile("double.cor", "function double(x) { return 2 * x; }")?;
/// let bytes = script.to_bytes();
/// let again = Script::from_bytes(&bytes)?;
/// let mut vm = engine.vm()?;
/// let module = vm.load(&again)?;
/// assert_eq!(vm.call::<i64>(&module, "double", (21,))?, 42);
/// # Ok::<(), corella::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) module: Arc<bytecode::Module>,
    warnings: Arc<(Vec<Finding>, SourceMap)>,
}

impl Script {
    fn of(module: bytecode::Module) -> Self {
        Script { module: Arc::new(module), warnings: Arc::default() }
    }

    /// The name shown in traces.
    pub fn name(&self) -> &str {
        &self.module.name
    }

    /// The compiled form of a file (`.corb`).
    pub fn to_bytes(&self) -> Vec<u8> {
        bytecode::write(&self.module)
    }

    /// Whether bytes begin like the compiled form.
    pub fn is_compiled(bytes: &[u8]) -> bool {
        reader::is_compiled(bytes)
    }

    /// Reads the compiled form. Nothing in the bytes is trusted.
    ///
    /// # Errors
    /// They are damaged, or stem from another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let module = reader::read(bytes).map_err(|error| Error::Refused(error.to_string()))?;
        verify::verify(&module).map_err(|error| Error::Refused(error.to_string()))?;
        Ok(Self::of(module))
    }

    /// The script as read from this compiled file: what it imports by relative paths lies beside that, wherever it was compiled.
    pub(crate) fn placed(self, file: &Path) -> Self {
        let mut module = Arc::unwrap_or_clone(self.module);
        let source = Path::new(&module.name).file_name().unwrap_or(file.as_os_str()).to_owned();
        module.name = file.with_file_name(source).display().to_string();
        Script { module: Arc::new(module), warnings: self.warnings }
    }

    /// The bytecode as text.
    pub fn listing(&self) -> String {
        disassemble(&self.module)
    }

    /// The bytecode of the function of that name as text, if there is one.
    pub fn listing_of(&self, function: &str) -> Option<String> {
        let number = self.module.functions.iter().position(|f| f.name == function)?;
        Some(bytecode::disasm::function(&self.module, number as u32))
    }

    /// Makes bytecode of such a text. `file` is named in errors.
    ///
    /// # Errors
    /// The text, with its place.
    pub fn assemble(file: &str, text: &str) -> Result<Self, Error> {
        let module = assemble(text).map_err(|error| {
            let text = error.to_string();
            Error::Refused(format!("{file}:{text}"))
        })?;
        verify::verify(&module).map_err(|error| Error::Refused(format!("{file}: {error}")))?;
        Ok(Self::of(module))
    }

    /// What the compiler found doubtful.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.warnings.0.iter().map(|finding| diagnostic(finding, &self.warnings.1)).collect()
    }

    /// The warnings with source lines and carets.
    pub fn render_warnings(&self, colours: bool) -> String {
        self.warnings.0.iter().map(|finding| finding.render(&self.warnings.1, colours)).collect()
    }
}

/// Compiles a text.
pub(crate) fn compile_text(
    name: &str,
    text: &str,
    builtins: &[String],
    session: Option<&[String]>,
) -> Result<Script, CompileError> {
    let mut sources = SourceMap::new();
    let file = sources.add(name, text);
    let names: Vec<&str> = builtins.iter().map(String::as_str).collect();
    let options = CompileOptions {
        builtins: &names,
        session: session.is_some(),
        session_globals: session.unwrap_or_default().to_vec(),
    };
    let Some(source) = sources.get(file) else {
        return Err(CompileError::new(Vec::new(), sources, false));
    };
    match compile(file, source, &options) {
        Ok(compiled) => {
            Ok(Script { module: Arc::new(compiled.module), warnings: Arc::new((compiled.warnings, sources)) })
        }
        Err(failure) => Err(CompileError::new(failure.diagnostics, sources, failure.incomplete)),
    }
}

/// The text of a source file, or what is wrong with its bytes.
pub(crate) fn text_of<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, CompileError> {
    let mut sources = SourceMap::new();
    let file = sources.add(name, "");
    decode(file, bytes).map_err(|finding| CompileError::new(vec![finding], sources, false))
}

/// Reads a file, with an error that names it.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path)
        .map_err(|error| Error::Refused(format!("cannot read {}: {}", path.display(), reason(&error))))
}

/// An I/O error's text without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Whether a text typed at a prompt can be run, needs more lines, or is wrong.
pub fn completeness(text: &str) -> Completeness {
    complete::completeness(text)
}

/// A piece of source text with its class.
pub type Highlight = (std::ops::Range<usize>, TokenClass);

/// The pieces of a source text, in order, without the blanks between them. Never fails.
pub fn highlight(text: &str) -> Vec<Highlight> {
    complete::highlight(text)
        .into_iter()
        .map(|(span, class)| (span.lo as usize..span.hi as usize, class))
        .collect()
}
