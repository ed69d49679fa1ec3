//! From a source text to bytecode in one call: parse, resolve, lower, with all that was found wrong on the way.
//!
//! Invariant: a result has no error among its diagnostics, a failure has at least one. The passes recurse over a tree of bounded depth, and
//! run on a thread of their own, because the caller's stack might be too small even for that.

use bumpalo::Bump;
use corella_vm::bytecode::Module;

use crate::ast::FileId;
use crate::diagnostic::Diagnostic;
use crate::parse::{parse, parse_interactive};
use crate::problem::{Problem, Problems};
use crate::source::Source;
use crate::{lower, resolve};

/// Stack of the thread that compiles: a tree of the greatest depth needs a fraction of it, and only what is touched costs memory.
const STACK: usize = 64 << 20;

/// How to compile.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions<'o> {
    /// Names that need no declaration: what the VM provides.
    pub builtins: &'o [&'o str],
    /// Whether the text is one of the inputs of a session (a REPL): its functions can be replaced by later inputs, and the value of a
    /// last expression is the unit's result.
    pub session: bool,
    /// The variables of the session's earlier inputs, by slot: [`Module::globals`] of the last one.
    pub session_globals: Vec<String>,
}

/// A compiled unit.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The bytecode.
    pub module: Module,
    /// What is doubtful, but does not keep the program from running.
    pub warnings: Vec<Diagnostic>,
}

/// Why a text was not compiled.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Errors and warnings in the order of the text, at least one error.
    pub diagnostics: Vec<Diagnostic>,
    /// The only thing wrong is that the text ends too early: more input could mend it.
    pub incomplete: bool,
}

/// Compiles a source text. `file` is the number it has in the caller's source map.
pub fn compile(file: FileId, source: &Source, options: &CompileOptions<'_>) -> Result<Compiled, Failure> {
    std::thread::scope(|scope| {
        let compiling = std::thread::Builder::new()
            .name("compiler".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || on_this_stack(file, source, options));
        match compiling {
            Ok(handle) => handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // Without a thread to be had, the caller's stack has to do.
            Err(_) => on_this_stack(file, source, options),
        }
    })
}

/// Finds out what is wrong with a source text without keeping the bytecode.
pub fn check(file: FileId, source: &Source, options: &CompileOptions<'_>) -> Vec<Diagnostic> {
    match compile(file, source, options) {
        Ok(compiled) => compiled.warnings,
        Err(failure) => failure.diagnostics,
    }
}

fn on_this_stack(file: FileId, source: &Source, options: &CompileOptions<'_>) -> Result<Compiled, Failure> {
    let arena = Bump::new();
    let parsed = if options.session {
        parse_interactive(&arena, file, &source.text)
    } else {
        parse(&arena, file, &source.text)
    };
    let mut diagnostics = parsed.diagnostics;
    let tree = match parsed.tree {
        Some(tree) if !diagnostics.iter().any(Diagnostic::is_error) => tree,
        _ => return Err(Failure { diagnostics, incomplete: parsed.incomplete }),
    };
    let mut problems = Problems::default();
    let input = resolve::Input {
        builtins: options.builtins,
        session: options.session,
        session_globals: &options.session_globals,
    };
    let resolution = resolve::resolve(tree, &input, &mut problems);
    let lines = Lines::new(&source.text);
    let module = lower::lower(tree, &source.name, &resolution, options.session, &mut problems, &|offset| {
        lines.line_column(offset)
    });
    let failed = problems.any_error();
    diagnostics.extend(problems.into_sorted().into_iter().map(|p| diagnostic(file, p)));
    if failed {
        return Err(Failure { diagnostics, incomplete: false });
    }
    Ok(Compiled { module, warnings: diagnostics })
}

fn diagnostic(file: FileId, problem: Problem) -> Diagnostic {
    let mut d = Diagnostic::error(file, problem.span, problem.message);
    for (span, text) in problem.related {
        d = d.also(span, text);
    }
    match problem.help {
        Some(help) => d.help(help),
        None => d,
    }
}

/// Where the lines of a text begin.
struct Lines<'s> {
    text: &'s str,
    starts: Vec<u32>,
}

impl<'s> Lines<'s> {
    fn new(text: &'s str) -> Lines<'s> {
        let newlines = text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(at, _)| at as u32 + 1);
        Lines { text, starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// Line and column from 1, the column in characters.
    fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        let start = self.starts[line - 1] as usize;
        let before = self.text.get(start..offset as usize).unwrap_or("");
        (line as u32, before.chars().count() as u32 + 1)
    }
}
