//! Source text to syntax tree. The only file that sees the generated parser.
//!
//! The way of a text: `lexer` (characters to tokens), `prepare` (comments out), `brackets` (partners, nesting limit), `marks` (what one token of
//! lookahead cannot decide), the LALRPOP grammar with `actions` (the tree), and last the check of its depth. After a syntax error `recover`
//! mends the tokens and the grammar runs again, so that one run reports several errors. Nothing here recurses on the nesting of the text.

use crate::actions::Cx;
use crate::ast::{FileId, Module, Span, Stmt, walk};
use crate::brackets::{Brackets, match_brackets};
use crate::diagnostic::Diagnostic;
use crate::explain::Stuck;
use crate::lexer::lex;
use crate::limits::{MAX_ERRORS, MAX_SOURCE_BYTES, MAX_TOKENS, MAX_TREE_DEPTH};
use crate::marks::{Marked, mark};
use crate::prepare::prepare;
use crate::recover::Mended;
use crate::source::too_large;
use crate::token::Tok;
use bumpalo::Bump;
use lalrpop_util::{ParseError, lalrpop_mod};

lalrpop_mod!(
    #[allow(clippy::all, missing_docs, unreachable_pub, unused, rust_2018_idioms)]
    grammar
);

/// What became of a source text.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// The tree; absent if there is any error.
    pub tree: Option<&'a Module<'a>>,
    /// Errors and warnings in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The only thing wrong is that the text ends too early: more input could mend it.
    pub incomplete: bool,
    /// How many nodes of the tree lie below each other at most.
    pub depth: usize,
}

impl Parsed<'_> {
    /// A text that is not looked at any further.
    fn refused(diagnostics: Vec<Diagnostic>) -> Self {
        Parsed { tree: None, diagnostics, incomplete: false, depth: 0 }
    }
}

/// How to parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    File,
    Interactive,
}

/// Parses a file. The tree lives in `arena` and does not refer to `src`.
pub fn parse<'a>(arena: &'a Bump, file: FileId, src: &str) -> Parsed<'a> {
    run(arena, file, src, Mode::File)
}

/// Parses what was typed at a prompt: as [`parse`], but the last statement needs no `;`.
pub fn parse_interactive<'a>(arena: &'a Bump, file: FileId, src: &str) -> Parsed<'a> {
    run(arena, file, src, Mode::Interactive)
}

fn run<'a>(arena: &'a Bump, file: FileId, src: &str, mode: Mode) -> Parsed<'a> {
    if src.len() > MAX_SOURCE_BYTES {
        return Parsed::refused(vec![too_large(file, src.len())]);
    }
    let lexed = lex(file, src);
    if lexed.too_many {
        let message = format!("the file has more than {MAX_TOKENS} tokens");
        let d = Diagnostic::error_at_start(file, message).help("read large tables from a data file instead");
        return Parsed::refused(vec![d]);
    }
    let prepared = prepare(file, src, &lexed.tokens);
    let brackets = match_brackets(file, src, &prepared.tokens, lexed.unfinished);
    if brackets.too_deep {
        return Parsed::refused(brackets.diagnostics);
    }
    let marked = mark(file, src, prepared.tokens, &brackets.mate);
    let cut_short = usize::from(lexed.unfinished) + usize::from(brackets.open_at_end);
    let mut session = Session {
        file,
        src,
        mode,
        docs: &prepared.docs,
        diagnostics: [
            lexed.diagnostics,
            prepared.diagnostics,
            brackets.diagnostics.clone(),
            marked.diagnostics.clone(),
        ]
        .concat(),
        ended_early: cut_short > 0,
        depth: 0,
    };
    let tree = session.parse(arena, &marked, &brackets);
    session.finish(tree)
}

/// One text on its way through the grammar.
struct Session<'s> {
    file: FileId,
    src: &'s str,
    mode: Mode,
    docs: &'s [(u32, String)],
    diagnostics: Vec<Diagnostic>,
    /// The text ends within something.
    ended_early: bool,
    /// See [`Parsed::depth`].
    depth: usize,
}

impl Session<'_> {
    fn parse<'a>(&mut self, arena: &'a Bump, marked: &Marked, brackets: &Brackets) -> Option<&'a Module<'a>> {
        let mut mended = Mended::new(marked, &brackets.mate);
        for &i in &brackets.stray {
            mended.drop_token(i);
        }
        for &i in brackets.unclosed.iter().take(MAX_ERRORS) {
            mended.replace_statement(i);
        }
        if self.diagnostics.is_empty() {
            let src = arena.alloc_str(self.src);
            let docs = arena.alloc(self.docs.to_vec());
            match self.grammar(arena, src, docs, &mended) {
                Ok(body) => return Some(self.module(arena, body)),
                Err(error) => {
                    // At a prompt the last `;` may be left out.
                    if self.mode == Mode::Interactive && self.lacks_last_semicolon(&error, &mended) {
                        mended.insert_semicolon(marked.tokens.len());
                        if let Ok(body) = self.grammar(arena, src, docs, &mended) {
                            return Some(self.module(arena, body));
                        }
                    } else {
                        self.recover(error, &mut mended);
                    }
                }
            }
        }
        // From here on it is only about finding more errors; the trees are thrown away.
        let mut scratch = Bump::new();
        for _ in 0..rounds(self.src.len()) {
            scratch.reset();
            match self.grammar(&scratch, self.src, self.docs, &mended) {
                Ok(_) => break,
                Err(error) => {
                    if !self.recover(error, &mut mended) {
                        break;
                    }
                }
            }
        }
        None
    }

    fn grammar<'b>(
        &mut self,
        arena: &'b Bump,
        src: &'b str,
        docs: &'b [(u32, String)],
        tokens: &Mended<'_>,
    ) -> Result<Vec<Stmt<'b>>, Error> {
        let cx = Cx::new(arena, self.file, src, docs);
        let result = grammar::ModuleParser::new().parse(&cx, tokens.stream().map(Ok::<_, String>));
        for d in cx.finish() {
            if !self.diagnostics.contains(&d) {
                self.diagnostics.push(d);
            }
        }
        result.map_err(Error::from)
    }

    fn module<'a>(&mut self, arena: &'a Bump, body: Vec<Stmt<'a>>) -> &'a Module<'a> {
        let body: &'a [Stmt<'a>] = arena.alloc_slice_copy(&body);
        match walk::depth(body, MAX_TREE_DEPTH) {
            Ok(depth) => self.depth = depth,
            Err(node) => self.diagnostics.push(
                Diagnostic::error(self.file, node.span(), format!("this is nested more than {MAX_TREE_DEPTH} levels deep"))
                    .help("a chain of operators counts one level for each; split it over several variables or functions"),
            ),
        }
        arena.alloc(Module { file: self.file, body, span: Span::new(0, self.src.len() as u32) })
    }

    fn lacks_last_semicolon(&self, error: &Error, mended: &Mended<'_>) -> bool {
        error.at.is_none() && self.stuck(error, mended).lacks_semicolon()
    }

    fn stuck<'e>(&'e self, error: &'e Error, mended: &Mended<'_>) -> Stuck<'e> {
        let index = error.at.map_or(usize::MAX, |(_, span)| mended.index_at(span.lo));
        Stuck {
            file: self.file,
            src: self.src,
            prev: mended.before(index),
            found: error.at,
            expected: &error.expected,
        }
    }

    /// Reports an error and mends the tokens. False if that is not possible or there were enough errors.
    fn recover(&mut self, error: Error, mended: &mut Mended<'_>) -> bool {
        let index = mended.index_at(error.at.map_or(u32::MAX, |(_, span)| span.lo));
        let stuck = self.stuck(&error, mended);
        if stuck.lacks_semicolon() && !mended.is_error(index) && mended.insert_semicolon(index) {
            let d = stuck.missing_semicolon();
            let swallowed = matches!(stuck.prev, Some((Tok::OpenStr, _)));
            if !swallowed && (self.mode == Mode::File || error.at.is_some()) {
                self.diagnostics.push(d);
            }
        } else {
            // An error next to what has been replaced is most likely a consequence.
            let consequence =
                mended.is_error(index) || mended.follows_dropped(index) || self.is_reported(error.at);
            if !consequence {
                let d = stuck.diagnostic();
                self.ended_early |= error.at.is_none();
                self.diagnostics.push(d);
            }
            if !mended.replace_statement(index) {
                return false;
            }
        }
        self.diagnostics.iter().filter(|d| d.is_error()).count() < MAX_ERRORS
    }

    /// Whether there is a message for this very token already (the lexer's, for instance).
    fn is_reported(&self, at: Option<(Tok, Span)>) -> bool {
        match at {
            Some((_, span)) => self.diagnostics.iter().any(|d| d.primary.span == span),
            None => !self.diagnostics.is_empty(),
        }
    }

    fn finish<'a>(mut self, tree: Option<&'a Module<'a>>) -> Parsed<'a> {
        self.diagnostics.sort_by_key(|d| d.primary.span.lo);
        let errors = self.diagnostics.iter().filter(|d| d.is_error()).count();
        let mut kept = 0;
        self.diagnostics.retain(|d| {
            kept += usize::from(d.is_error());
            !d.is_error() || kept <= MAX_ERRORS
        });
        Parsed {
            tree: tree.filter(|_| errors == 0),
            incomplete: self.ended_early && errors == 1,
            depth: self.depth,
            diagnostics: self.diagnostics,
        }
    }
}

/// How often a text of this size is parsed again to find more errors: large ones less often.
fn rounds(bytes: usize) -> usize {
    ((4 << 20) / bytes.max(1)).clamp(1, 3 * MAX_ERRORS)
}

/// A syntax error without the generated parser's types.
struct Error {
    /// The token that did not fit; none at the end of the text.
    at: Option<(Tok, Span)>,
    expected: Vec<String>,
}

impl From<ParseError<u32, Tok, String>> for Error {
    fn from(e: ParseError<u32, Tok, String>) -> Error {
        match e {
            ParseError::UnrecognizedToken { token: (lo, tok, hi), expected } => {
                Error { at: Some((tok, Span::new(lo, hi))), expected }
            }
            ParseError::ExtraToken { token: (lo, tok, hi) } => {
                Error { at: Some((tok, Span::new(lo, hi))), expected: Vec::new() }
            }
            ParseError::UnrecognizedEof { expected, .. } => Error { at: None, expected },
            ParseError::InvalidToken { .. } | ParseError::User { .. } => {
                Error { at: None, expected: Vec::new() }
            }
        }
    }
}
