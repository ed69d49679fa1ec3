//! What the line editor asks while a line is typed: is it complete, how is it coloured, how could it go on.

use super::worker::Worker;
use corella::{Completeness, TokenClass, completeness, highlight};
use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Result};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// Words of the language that begin or continue something.
const WORDS: &[&str] = &[
    "atomic",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "else",
    "export",
    "extend",
    "false",
    "finally",
    "float",
    "for",
    "function",
    "if",
    "import",
    "int",
    "match",
    "namespace",
    "new",
    "null",
    "receive",
    "return",
    "scope",
    "self",
    "spawn",
    "string",
    "super",
    "switch",
    "throw",
    "true",
    "try",
    "var",
    "while",
    "yield",
];

pub(super) struct Helper {
    builtins: Vec<String>,
    worker: Arc<Worker>,
    colours: bool,
}

impl Helper {
    pub(super) fn new(builtins: Vec<String>, worker: Arc<Worker>, colours: bool) -> Helper {
        Helper { builtins, worker, colours }
    }
}

impl rustyline::Helper for Helper {}

impl Hinter for Helper {
    type Hint = String;
}

impl Validator for Helper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let input = context.input();
        let is_command = input.trim_start().starts_with(':');
        Ok(match completeness(input) {
            Completeness::Incomplete if !is_command && !input.trim().is_empty() => {
                ValidationResult::Incomplete
            }
            // What is wrong is shown by the evaluation.
            _ => ValidationResult::Valid(None),
        })
    }
}

/// The dotted path before the cursor: where its last word begins, the parts before it, and that word.
fn path_before(line: &str, at: usize) -> (usize, Vec<&str>, &str) {
    let before = &line[..at];
    let in_path = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let begin = before.char_indices().rev().take_while(|(_, c)| in_path(*c)).last().map_or(at, |(i, _)| i);
    let path = &before[begin..];
    match path.rsplit_once('.') {
        Some((parts, word)) => (at - word.len(), parts.split('.').collect(), word),
        None => (begin, Vec::new(), path),
    }
}

impl Completer for Helper {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> Result<(usize, Vec<String>)> {
        let (start, path, word) = path_before(line, at);
        if path.is_empty() && word.is_empty() || path.iter().any(|part| part.is_empty()) {
            return Ok((at, Vec::new()));
        }
        let mut names = self.worker.names(&path);
        if path.is_empty() {
            names.extend(self.builtins.iter().cloned());
            names.extend(WORDS.iter().map(|word| (*word).to_owned()));
        }
        names.retain(|name| name.starts_with(word));
        names.sort();
        names.dedup();
        Ok((start, names))
    }
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if !self.colours || line.trim_start().starts_with(':') {
            return Cow::Borrowed(line);
        }
        let mut text = String::with_capacity(line.len() * 2);
        let mut done = 0;
        for (span, class) in highlight(line) {
            let Some(piece) = line.get(span.clone()) else { continue };
            if span.start < done {
                continue;
            }
            text.push_str(&line[done..span.start]);
            match colour(class) {
                // Writing into a String does not fail.
                Some(code) => _ = write!(text, "\x1b[{code}m{piece}\x1b[0m"),
                None => text.push_str(piece),
            }
            done = span.end;
        }
        text.push_str(&line[done..]);
        Cow::Owned(text)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.colours {
            true => Cow::Owned(format!("\x1b[1;32m{prompt}\x1b[0m")),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.colours && kind != CmdKind::MoveCursor
    }
}

fn colour(class: TokenClass) -> Option<&'static str> {
    match class {
        TokenClass::Keyword => Some("35"),
        TokenClass::Constant | TokenClass::Number => Some("36"),
        TokenClass::Type => Some("33"),
        TokenClass::Function => Some("34"),
        TokenClass::String => Some("32"),
        TokenClass::Comment => Some("90"),
        TokenClass::Bad => Some("4;31"),
        TokenClass::Member | TokenClass::Name | TokenClass::Operator | TokenClass::Punctuation => None,
    }
}

#[cfg(test)]
mod tests {
    use super::path_before;

    #[test]
    fn the_path_before_the_cursor_is_found() {
        assert_eq!(path_before("x + acc.ow", 10), (8, vec!["acc"], "ow"));
        assert_eq!(path_before("f(a.b.", 6), (6, vec!["a", "b"], ""));
        assert_eq!(path_before("pri", 3), (0, vec![], "pri"));
        assert_eq!(path_before("größe.x", "größe.x".len()), ("größe.".len(), vec!["größe"], "x"));
        assert_eq!(path_before("a = ", 4), (4, vec![], ""));
    }
}
