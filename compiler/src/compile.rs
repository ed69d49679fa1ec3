//! From a source text to bytecode in one call: parse, resolve, lower, with all that was found wrong on the way.
//!
//! Invariant: a result has no error among its diagnostics, a failure has at least one. The passes recurse over a tree of bounded depth; a
//! deep one is given a thread of its own, because the caller's stack might be too small even for that.

use bumpalo::Bump;
use corella_vm::bytecode;
use std::cell::Cell;

use crate::ast::{FileId, Module};
use crate::diagnostic::Diagnostic;
use crate::parse::{parse, parse_interactive};
use crate::problem::{Problem, Problems};
use crate::source::Source;
use crate::{lower, resolve};

/// Stack of the thread that compiles a deep tree: one of the greatest depth needs a fraction of it, and only what is touched costs memory.
const STACK: usize = 64 << 20;

/// A tree of this depth is compiled on the caller's stack: a few KiB a level are there, and a thread costs as much as a small program.
const SHALLOW: usize = 32;

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
    pub module: bytecode::Module,
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
    let arena = Bump::new();
    let parsed = if options.session {
        parse_interactive(&arena, file, &source.text)
    } else {
        parse(&arena, file, &source.text)
    };
    let diagnostics = parsed.diagnostics;
    let tree = match parsed.tree {
        Some(tree) if !diagnostics.iter().any(Diagnostic::is_error) => tree,
        _ => return Err(Failure { diagnostics, incomplete: parsed.incomplete }),
    };
    if parsed.depth <= SHALLOW {
        return on_this_stack(tree, source, options, diagnostics);
    }
    std::thread::scope(|scope| {
        let known = diagnostics.clone();
        let compiling = std::thread::Builder::new()
            .name("compiler".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, move || on_this_stack(tree, source, options, known));
        match compiling {
            Ok(handle) => handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // Without a thread to be had, the caller's stack has to do.
            Err(_) => on_this_stack(tree, source, options, diagnostics),
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

/// The passes after the parser; `diagnostics` are its warnings.
fn on_this_stack(
    tree: &Module<'_>,
    source: &Source,
    options: &CompileOptions<'_>,
    mut diagnostics: Vec<Diagnostic>,
) -> Result<Compiled, Failure> {
    let file = tree.file;
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

/// Bytes between two places whose character number is known.
const STRIDE: usize = 512;

/// Turns byte offsets into lines and columns; each takes a bounded time, however long the lines are.
struct Lines<'s> {
    text: &'s str,
    /// Offsets of the lines' first bytes.
    starts: Vec<u32>,
    /// How many characters begin before each multiple of [`STRIDE`].
    chars: Vec<u32>,
    /// The line that was asked for last: the next place is mostly in the same one, or soon after.
    last: Cell<usize>,
}

impl<'s> Lines<'s> {
    fn new(text: &'s str) -> Lines<'s> {
        let newlines = text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(at, _)| at as u32 + 1);
        let mut chars = vec![0];
        let mut count = 0;
        for stride in text.as_bytes().chunks(STRIDE) {
            count += begun(stride);
            chars.push(count);
        }
        Lines { text, starts: std::iter::once(0).chain(newlines).collect(), chars, last: Cell::new(0) }
    }

    /// How many characters begin before an offset.
    fn chars_before(&self, offset: u32) -> u32 {
        let bytes = self.text.as_bytes();
        let offset = (offset as usize).min(bytes.len());
        let stride = offset / STRIDE;
        self.chars[stride] + begun(&bytes[stride * STRIDE..offset])
    }

    /// Line and column from 1, the column in characters.
    fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.line(offset);
        let start = self.starts[line];
        let before = match (offset - start) as usize {
            near if near < STRIDE => begun(&self.text.as_bytes()[start as usize..offset as usize]),
            _ => self.chars_before(offset) - self.chars_before(start),
        };
        (line as u32 + 1, before + 1)
    }

    /// Number of the line that an offset lies in, from 0.
    fn line(&self, offset: u32) -> usize {
        let last = self.last.get();
        let ends_behind = |line: usize| self.starts.get(line + 1).is_none_or(|&next| offset < next);
        let line = match self.starts[last] <= offset {
            true if ends_behind(last) => last,
            true if ends_behind(last + 1) => last + 1,
            _ => self.starts.partition_point(|&start| start <= offset) - 1,
        };
        self.last.set(line);
        line
    }
}

/// How many characters begin in these bytes of UTF-8.
fn begun(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = format!("{}\nä{}x", "ö".repeat(700), "ß".repeat(900));
        let lines = Lines::new(&text);
        assert_eq!(lines.line_column(0), (1, 1));
        assert_eq!(lines.line_column(1398), (1, 700));
        assert_eq!(lines.line_column(1401), (2, 1));
        assert_eq!(lines.line_column(text.len() as u32 - 1), (2, 902));
        assert_eq!(lines.line_column(text.len() as u32 + 9), (2, 903));
    }
}
