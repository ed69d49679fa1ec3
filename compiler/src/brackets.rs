//! Which bracket closes which, and what is wrong with those that have no partner. Also the limit on nesting.
//!
//! Braces are stronger than other brackets: a `}` closes every `(` and `[` opened since its `{`, and a `;` closes those before it (save
//! the parentheses of `for (;;)`). So one forgotten bracket gives one message, at the place where it was opened.

use crate::ast::FileId;
use crate::diagnostic::{Diagnostic, push_limited};
use crate::limits::MAX_NESTING;
use crate::token::{Tok, Token};

/// The result: for each token, the index of its partner.
#[derive(Debug, Default)]
pub(crate) struct Brackets {
    /// For an opening bracket: the index of its closing one or, if that is missing, of the token before which it is taken to end. For a closing
    /// bracket: its opening one. For other tokens: their own index.
    pub(crate) mate: Vec<usize>,
    /// Opening brackets without a partner.
    pub(crate) unclosed: Vec<usize>,
    /// Closing brackets without a partner.
    pub(crate) stray: Vec<usize>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The text is nested too deeply; nothing else is known of it.
    pub(crate) too_deep: bool,
    /// Some bracket was still open at the end of the text.
    pub(crate) open_at_end: bool,
}

/// `unfinished`: the lexer has already said that the text ends too early.
pub(crate) fn match_brackets(file: FileId, src: &str, tokens: &[Token], unfinished: bool) -> Brackets {
    let newlines = src.bytes().zip(1u32..).filter(|&(b, _)| b == b'\n').map(|(_, next)| next);
    let lines = std::iter::once(0).chain(newlines).collect();
    let (stack, out) = (Vec::new(), Brackets::default());
    let mut m = Matcher { file, src, lines, tokens, unfinished, stack, suspect: None, out };
    m.out.mate = (0..tokens.len()).collect();
    for (i, &Token { tok, .. }) in tokens.iter().enumerate() {
        if tok.opens() {
            if m.stack.len() >= MAX_NESTING {
                m.too_deep(i);
                return m.out;
            }
            m.stack.push(i);
        } else if tok.closes() {
            m.close(i);
        } else if tok == Tok::Semi || m.begins_statement(i) {
            m.semicolon(i);
        }
    }
    m.end();
    m.out
}

struct Matcher<'t> {
    file: FileId,
    src: &'t str,
    /// Where the lines begin.
    lines: Vec<u32>,
    tokens: &'t [Token],
    unfinished: bool,
    stack: Vec<usize>,
    /// A `{` whose `}` stands further left than its line: probably the one that is not closed when the text ends too early.
    suspect: Option<usize>,
    out: Brackets,
}

impl Matcher<'_> {
    fn fits(&self, open: usize, close: Tok) -> bool {
        matches!(
            (self.tokens[open].tok, close),
            (Tok::LParen, Tok::RParen)
                | (Tok::LBracket, Tok::RBracket)
                | (Tok::LBrace | Tok::DollarBrace, Tok::RBrace)
                | (Tok::TplOpen, Tok::TplClose)
        )
    }

    fn is_brace(&self, open: usize) -> bool {
        !matches!(self.tokens[open].tok, Tok::LParen | Tok::LBracket)
    }

    fn close(&mut self, i: usize) {
        let tok = self.tokens[i].tok;
        let strong = matches!(tok, Tok::RBrace | Tok::TplClose);
        // Look for the partner; weak closers do not look beyond a brace.
        let found = self
            .stack
            .iter()
            .rposition(|&open| self.fits(open, tok) || (!strong && self.is_brace(open)))
            .filter(|&at| self.fits(self.stack[at], tok));
        let Some(at) = found else {
            match self.stack.last() {
                Some(&open) if !self.is_brace(open) && !strong => self.mismatch(open, i),
                _ => self.stray(i),
            }
            return;
        };
        let mut first = true;
        while self.stack.len() > at + 1 {
            self.pop_unclosed(i, std::mem::take(&mut first));
        }
        if let Some(open) = self.stack.pop() {
            self.out.mate[open] = i;
            self.out.mate[i] = open;
            if tok == Tok::RBrace && self.suspect.is_none() && self.indent(i) < self.indent(open) {
                self.suspect = Some(open);
            }
        }
    }

    /// Whether the token cannot stand within parentheses.
    fn begins_statement(&self, i: usize) -> bool {
        let before = i.checked_sub(1).map_or(0, |p| self.tokens[p].span.hi as usize);
        let next = |n: usize| self.tokens.get(i + n).map(|t| t.tok);
        match self.tokens[i].tok {
            // `var` may stand before a parameter.
            Tok::Var => false,
            t if t.begins_statement() => next(1) != Some(Tok::Colon),
            // A function with a name could be an argument, but not at the beginning of a line.
            Tok::Function => {
                next(1) == Some(Tok::Name)
                    && next(2) == Some(Tok::LParen)
                    && self.src[before..self.tokens[i].span.lo as usize].contains('\n')
            }
            _ => false,
        }
    }

    /// A `;` or a statement within parentheses or brackets means that those are not closed, unless they belong to `for`.
    fn semicolon(&mut self, i: usize) {
        let mut first = true;
        while let Some(&open) = self.stack.last() {
            let is_for = open > 0 && self.tokens[open - 1].tok == Tok::For;
            if self.is_brace(open) || is_for {
                break;
            }
            self.pop_unclosed(i, std::mem::take(&mut first));
        }
    }

    /// Ends the innermost bracket before token `i`. Only the first of several is reported: mending it often mends the others.
    fn pop_unclosed(&mut self, i: usize, first: bool) {
        let Some(open) = self.stack.pop() else { return };
        self.out.mate[open] = i;
        self.out.unclosed.push(open);
        if !first || self.swallowed(open, i) {
            return;
        }
        let text = self.text(open);
        let d = Diagnostic::error(self.file, self.tokens[open].span, format!("`{text}` is never closed"))
            .label("opened here");
        let d = d.also(self.tokens[i].span, format!("expected `{}` before this", closing(&text)));
        push_limited(&mut self.out.diagnostics, d);
    }

    /// Whether a string that is not closed stands behind the bracket: it has swallowed what would have closed it.
    fn swallowed(&self, open: usize, end: usize) -> bool {
        self.tokens[open..end].iter().any(|t| t.tok == Tok::OpenStr)
    }

    /// `[1, 2)`: taken as one slip, not as two brackets without partners.
    fn mismatch(&mut self, open: usize, i: usize) {
        self.stack.pop();
        self.out.mate[open] = i;
        self.out.unclosed.push(open);
        self.out.stray.push(i);
        let (opened, found) = (self.text(open), self.text(i));
        let d =
            Diagnostic::error(self.file, self.tokens[i].span, format!("`{opened}` is closed by `{found}`"));
        let d = d.label(format!("expected `{}`", closing(&opened)));
        push_limited(&mut self.out.diagnostics, d.also(self.tokens[open].span, "opened here"));
    }

    fn stray(&mut self, i: usize) {
        self.out.stray.push(i);
        let text = self.text(i);
        let mut d =
            Diagnostic::error(self.file, self.tokens[i].span, format!("`{text}` without an opening bracket"))
                .label("nothing is open that this could close");
        if let Some(&open) = self.stack.last() {
            let opened = self.text(open);
            d = d.also(
                self.tokens[open].span,
                format!("`{opened}` is open here and needs `{}`", closing(&opened)),
            );
            d.primary.text = "this does not close what is open".into();
        }
        push_limited(&mut self.out.diagnostics, d);
    }

    /// At the end of the text: one message for the innermost bracket that is open.
    fn end(&mut self) {
        let Some(&open) = self.stack.last() else { return };
        self.out.open_at_end = true;
        if !self.unfinished && !self.swallowed(open, self.tokens.len()) {
            let text = self.text(open);
            let mut d =
                Diagnostic::error(self.file, self.tokens[open].span, format!("`{text}` is never closed"))
                    .label("opened here")
                    .help(format!("add `{}`", closing(&text)));
            if let Some(suspect) = self.suspect {
                d = d.also(self.tokens[suspect].span, "or is it this one? its `}` is indented differently");
            }
            push_limited(&mut self.out.diagnostics, d);
        }
        while let Some(open) = self.stack.pop() {
            self.out.mate[open] = self.tokens.len();
            self.out.unclosed.push(open);
        }
    }

    fn too_deep(&mut self, i: usize) {
        self.out.too_deep = true;
        self.out.diagnostics = vec![
            Diagnostic::error(
                self.file,
                self.tokens[i].span,
                format!("brackets are nested more than {MAX_NESTING} deep"),
            )
            .help("move the inner parts into variables or functions of their own"),
        ];
    }

    fn text(&self, i: usize) -> String {
        self.tokens[i].span.text(self.src).to_owned()
    }

    /// How many blanks the line of a token begins with; as many as are worth counting.
    fn indent(&self, i: usize) -> usize {
        let at = self.tokens[i].span.lo;
        let line = self.lines.partition_point(|&start| start <= at).max(1);
        let text = &self.src.as_bytes()[self.lines[line - 1] as usize..];
        text.iter().take(1000).take_while(|b| matches!(b, b' ' | b'\t')).count()
    }
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}
