//! Source text to tokens: the first pass. Logos finds most of them; what it cannot (long strings, block comments, templates that nest) is
//! scanned here. Never panics, never loses a byte: every byte that is not blank belongs to a token.

use crate::ast::{FileId, Span};
use crate::diagnostic::{Diagnostic, brief, push_limited};
use crate::limits::MAX_TOKENS;
use crate::token::{Tok, Token};
use logos::Logos;

/// What the first pass found.
#[derive(Debug, Default)]
pub struct Lexed {
    /// All tokens, comments included.
    pub tokens: Vec<Token>,
    /// Strings that are not closed, bad characters, bad numbers.
    pub diagnostics: Vec<Diagnostic>,
    /// The text ends within a long string, a template or a block comment: more input could mend it.
    pub unfinished: bool,
    /// There are more than [`MAX_TOKENS`] tokens; the rest of the text was not looked at.
    pub too_many: bool,
}

/// Splits a text into tokens. The caller has checked its size against [`crate::limits::MAX_SOURCE_BYTES`].
pub fn lex(file: FileId, src: &str) -> Lexed {
    let mut lexer = Lexer { file, src, templates: Vec::new(), out: Lexed::default() };
    lexer.run();
    lexer.out
}

struct Lexer<'s> {
    file: FileId,
    src: &'s str,
    /// For each template expression that is open: how many braces are open within it, and where its template began.
    templates: Vec<(usize, u32)>,
    out: Lexed,
}

impl Lexer<'_> {
    fn run(&mut self) {
        let mut at = 0;
        if self.src.starts_with("#!") {
            at = self.src.find('\n').unwrap_or(self.src.len());
            self.push(Tok::LineComment, 0, at);
        }
        loop {
            at = self.plain(at);
            if self.out.too_many || at >= self.src.len() {
                break;
            }
        }
        if let Some(&(_, open)) = self.templates.last() {
            self.unclosed(
                open as usize,
                1,
                "this template string is never closed",
                "close it with a back-quote",
            );
        }
    }

    /// Lexes with logos from `start` up to a template's text, which is scanned by hand. Returns where to go on.
    fn plain(&mut self, start: usize) -> usize {
        let src = self.src;
        let mut logos = Tok::lexer(&src[start..]);
        while let Some(found) = logos.next() {
            if self.out.tokens.len() >= MAX_TOKENS {
                self.out.too_many = true;
                return src.len();
            }
            let (lo, hi) = (start + logos.span().start, start + logos.span().end);
            match found {
                Err(()) => self.bad(lo, hi),
                Ok(Tok::Tick) => {
                    self.push(Tok::Tick, lo, hi);
                    return self.template_text(hi, lo as u32);
                }
                Ok(tok @ (Tok::LongStr | Tok::BlockComment)) => {
                    let end = self.long(tok, lo, hi);
                    self.push(tok, lo, end);
                    logos.bump(end - hi);
                }
                Ok(tok @ (Tok::LBrace | Tok::DollarBrace)) => {
                    if let Some((depth, _)) = self.templates.last_mut() {
                        *depth += 1;
                    }
                    self.push(tok, lo, hi);
                }
                Ok(Tok::RBrace) => match self.templates.last_mut() {
                    Some((0, open)) => {
                        let open = *open;
                        self.templates.pop();
                        self.push(Tok::TplClose, lo, hi);
                        return self.template_text(hi, open);
                    }
                    top => {
                        if let Some((depth, _)) = top {
                            *depth -= 1;
                        }
                        self.push(Tok::RBrace, lo, hi);
                    }
                },
                Ok(tok) => self.simple(tok, lo, hi),
            }
        }
        src.len()
    }

    /// A token that logos found whole: reports the malformed ones.
    fn simple(&mut self, tok: Tok, lo: usize, hi: usize) {
        match tok {
            Tok::OpenStr => {
                let quote = if self.src[lo..hi].contains('"') { "\"" } else { "'" };
                self.report(
                    Diagnostic::error(self.file, span(lo, hi), "this string is not closed on its line")
                        .label(format!("expected a closing {quote}"))
                        .help("use \\n for a line break, or \"\"\"...\"\"\" for a string of several lines"),
                );
            }
            Tok::BadNumber => self.report(
                Diagnostic::error(
                    self.file,
                    span(lo, hi),
                    format!("`{}` is not a number", brief(&self.src[lo..hi])),
                )
                .help(
                    "a name cannot start with a digit; numbers look like 12, 1_000, 0xff, 0b101, 1.5e3, 12n",
                ),
            ),
            _ => {}
        }
        self.push(tok, lo, hi);
    }

    /// Finds the end of a long string or block comment whose opening ends at `from`.
    fn long(&mut self, tok: Tok, open: usize, from: usize) -> usize {
        let rest = &self.src[from..];
        let end = match tok {
            Tok::BlockComment => rest.find("*/").map(|i| from + i + 2),
            _ => find_unescaped(rest, "\"\"\"").map(|i| from + i + 3),
        };
        end.unwrap_or_else(|| {
            match tok {
                Tok::BlockComment => {
                    self.unclosed(open, 2, "this comment is never closed", "close it with `*/`");
                }
                _ => self.unclosed(open, 3, "this string is never closed", "close it with `\"\"\"`"),
            }
            self.src.len()
        })
    }

    /// Scans a template's text from `from` to the next `${` or to its end.
    fn template_text(&mut self, from: usize, open: u32) -> usize {
        let bytes = self.src.as_bytes();
        let mut at = from;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 1,
                b'`' => {
                    self.text(from, at);
                    self.push(Tok::Tick, at, at + 1);
                    return at + 1;
                }
                b'$' if bytes.get(at + 1) == Some(&b'{') => {
                    self.text(from, at);
                    self.push(Tok::TplOpen, at, at + 2);
                    self.templates.push((0, open));
                    return at + 2;
                }
                _ => {}
            }
            at += 1;
        }
        self.text(from, bytes.len());
        self.unclosed(open as usize, 1, "this template string is never closed", "close it with a back-quote");
        self.templates.clear();
        bytes.len()
    }

    fn text(&mut self, lo: usize, hi: usize) {
        if lo < hi {
            self.push(Tok::TplText, lo, hi);
        }
    }

    fn bad(&mut self, lo: usize, hi: usize) {
        let text = &self.src[lo..hi];
        let c = text.chars().next().unwrap_or(' ');
        let d = Diagnostic::error(self.file, span(lo, hi), format!("unexpected character {c:?}"));
        self.report(match c {
            '#' => d.help("comments start with `//`"),
            '@' => d.help("there are no decorators; call the function instead"),
            '\\' => d.help("a backslash has a meaning only within strings"),
            '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => {
                d.help("strings stand in straight quotes: \"...\" or '...'")
            }
            _ => d,
        });
        self.push(Tok::Bad, lo, hi);
    }

    fn unclosed(&mut self, open: usize, len: usize, message: &str, help: &str) {
        self.out.unfinished = true;
        let at = span(open, open + len);
        self.report(Diagnostic::error(self.file, at, message).label("opened here").help(help));
    }

    fn report(&mut self, d: Diagnostic) {
        push_limited(&mut self.out.diagnostics, d);
    }

    fn push(&mut self, tok: Tok, lo: usize, hi: usize) {
        self.out.tokens.push(Token { tok, span: span(lo, hi) });
    }
}

fn span(lo: usize, hi: usize) -> Span {
    Span::new(lo as u32, hi as u32)
}

/// Where `what` first stands in `text` without a backslash before it.
fn find_unescaped(text: &str, what: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at..].starts_with(what.as_bytes()) {
            return Some(at);
        } else {
            at += 1;
        }
    }
    None
}
