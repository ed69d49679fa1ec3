//! What can go wrong between a host and its scripts.

use crate::ScriptError;
use corella_compiler::diagnostic::{Diagnostic as Finding, Severity};
use corella_compiler::source::SourceMap;
use corella_vm::host::HostError;
use std::fmt;

/// Why a host did not get what it asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The source text is wrong.
    Compile(CompileError),
    /// The script threw and did not catch; limits that were exceeded are errors of this kind as well
    /// (`MemoryError`, `LimitError`, `StackOverflow`).
    Script(Box<ScriptError>),
    /// The script called `exit(status)`.
    Exit(i32),
    /// A value is not of the type that the host wants.
    Type(String),
    /// A module has no variable or function of this name.
    NoSuchName {
        /// What was looked for.
        name: String,
        /// The module.
        module: String,
    },
    /// A file or module that cannot be read or loaded, a handle of another VM, and the like.
    Refused(String),
}

impl Error {
    /// The script error, if it is one.
    pub fn script(&self) -> Option<&ScriptError> {
        match self {
            Error::Script(error) => Some(error),
            _ => None,
        }
    }

    /// Everything there is to say, over several lines: source lines with carets, stack traces, causes.
    pub fn report(&self) -> String {
        match self {
            Error::Compile(error) => error.render(false),
            Error::Script(error) => error.report.clone(),
            other => format!("{other}\n"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Compile(error) => error.fmt(f),
            Error::Script(error) if error.message.is_empty() => f.write_str(&error.class),
            Error::Script(error) => write!(f, "{}: {}", error.class, error.message),
            Error::Exit(status) => write!(f, "the script called exit({status})"),
            Error::Type(message) | Error::Refused(message) => f.write_str(message),
            Error::NoSuchName { name, module } => {
                write!(f, "{module} has no variable or function named {name}")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<CompileError> for Error {
    fn from(error: CompileError) -> Self {
        Error::Compile(error)
    }
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Thrown(thrown) => Error::Script(Box::new(thrown)),
            HostError::Exit(status) => Error::Exit(status),
            HostError::NoSuchName { name, unit } => Error::NoSuchName { name, module: unit },
            HostError::Refused(message) => Error::Refused(message),
        }
    }
}

/// One finding of the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Name of the source text.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Whether the program can run all the same.
    pub warning: bool,
}

/// What the compiler found wrong with a source text.
///
/// ```
/// let engine = corella::Engine::new();
/// let error = engine.compile("a.cor", "var total = 1;\nprint(totl);").unwrap_err();
/// let first = &error.diagnostics()[0];
/// assert_eq!((first.line, first.column), (2, 7));
/// assert!(error.render(false).contains("a.cor:2:7"));
/// ```
#[derive(Clone, Debug)]
pub struct CompileError {
    findings: Vec<Finding>,
    sources: SourceMap,
    incomplete: bool,
}

impl CompileError {
    pub(crate) fn new(findings: Vec<Finding>, sources: SourceMap, incomplete: bool) -> Self {
        CompileError { findings, sources, incomplete }
    }

    /// The findings in the order of the text: errors, and warnings between them.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.findings.iter().map(|finding| diagnostic(finding, &self.sources)).collect()
    }

    /// The findings with the source lines concerned and carets under the places.
    pub fn render(&self, colours: bool) -> String {
        self.findings.iter().map(|finding| finding.render(&self.sources, colours)).collect()
    }

    /// Whether the only thing wrong is that the text ends too early.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<&Finding> = self.findings.iter().filter(|finding| finding.is_error()).collect();
        match errors.as_slice() {
            [] => f.write_str("the text cannot be compiled"),
            [only] => f.write_str(&only.one_line(&self.sources)),
            [first, rest @ ..] => {
                write!(f, "{} (and {} more errors)", first.one_line(&self.sources), rest.len())
            }
        }
    }
}

impl std::error::Error for CompileError {}

pub(crate) fn diagnostic(finding: &Finding, sources: &SourceMap) -> Diagnostic {
    let (line, column) = sources.line_col(finding.primary.file, finding.primary.span.lo);
    Diagnostic {
        file: sources.get(finding.primary.file).map_or_else(String::new, |source| source.name.to_string()),
        line,
        column,
        message: finding.message.clone(),
        help: finding.help.clone(),
        warning: finding.severity == Severity::Warning,
    }
}
