//! Words and quoted strings of the text form, as the disassembler prints and the assembler reads them.
//!
//! Invariant: what [`name`] and [`quoted`] print, [`Tokens`] reads back as the same text, on one line.

use std::fmt::Write;

/// Whether a name can stand without quotes.
fn is_plain(name: &str) -> bool {
    let begins = |c: char| c.is_alphabetic() || "_<$".contains(c);
    let goes_on = |c: char| c.is_alphanumeric() || "_<>$.".contains(c);
    name.chars().next().is_some_and(begins) && name.chars().all(goes_on)
}

/// A name, in quotes if it needs them.
pub(super) fn name(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { quoted(name) }
}

/// A string in quotes, with whatever could break a line or hide escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c.is_control() || "\u{2028}\u{2029}\u{200E}\u{200F}\u{FEFF}".contains(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A fault in the text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsmError {
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
    /// What was expected, and what stands there.
    pub message: String,
}

impl std::fmt::Display for AsmError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for AsmError {}

/// A place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    pub(super) fn fault<T>(self, message: impl Into<String>) -> Result<T, AsmError> {
        Err(AsmError { line: self.line, column: self.column, message: message.into() })
    }
}

/// A token of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Anything between spaces and punctuation.
    Word(String),
    /// A quoted string, its escapes resolved.
    Text(String),
    /// One of `,` `(` `)`.
    Mark(char),
}

/// The tokens of one line, taken one after the other.
pub(super) struct Tokens {
    tokens: Vec<(u32, Token)>,
    next: usize,
    line: u32,
    width: u32,
}

impl Tokens {
    /// Splits a line; a comment from `;` on is dropped.
    pub(super) fn of(text: &str, line: u32) -> Result<Self, AsmError> {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            let column = at as u32 + 1;
            match c {
                ';' => break,
                ',' | '(' | ')' => {
                    tokens.push((column, Token::Mark(c)));
                    at += 1;
                }
                '"' => {
                    let (content, end) = string(&chars, at, line)?;
                    tokens.push((column, Token::Text(content)));
                    at = end;
                }
                _ if c.is_whitespace() => at += 1,
                _ => {
                    let ends = |c: &char| c.is_whitespace() || ";,()\"".contains(*c);
                    let length = chars[at..].iter().position(ends).unwrap_or(chars.len() - at);
                    tokens.push((column, Token::Word(chars[at..at + length].iter().collect())));
                    at += length;
                }
            }
        }
        Ok(Tokens { tokens, next: 0, line, width: chars.len() as u32 })
    }

    /// Whether all tokens are taken.
    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.tokens.len()
    }

    /// The place of the next token, or of the line's end.
    pub(super) fn place(&self) -> Place {
        let column = self.tokens.get(self.next).map_or(self.width + 1, |(column, _)| *column);
        Place { line: self.line, column }
    }

    /// The next token, left where it is.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    /// Drops the token that [`Tokens::peek`] showed.
    pub(super) fn skip(&mut self) {
        self.next += 1;
    }

    /// An error at the next token: what was expected instead of it.
    pub(super) fn expected<T>(&self, what: &str) -> Result<T, AsmError> {
        let found = match self.peek() {
            None => "the end of the line".to_owned(),
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Text(text)) => quoted(text),
            Some(Token::Mark(mark)) => format!("`{mark}`"),
        };
        self.place().fault(format!("expected {what}, found {found}"))
    }

    /// A word that `read` accepts.
    pub(super) fn word<T>(&mut self, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, AsmError> {
        if let Some(Token::Word(word)) = self.peek()
            && let Some(value) = read(word)
        {
            self.next += 1;
            return Ok(value);
        }
        self.expected(what)
    }

    /// An index such as `k12`, with its letter.
    pub(super) fn index(&mut self, letter: &str, what: &str) -> Result<u32, AsmError> {
        self.word(&format!("{what} such as {letter}0"), |word| number(word.strip_prefix(letter)?))
    }

    /// A name, plain or in quotes.
    pub(super) fn name(&mut self, what: &str) -> Result<String, AsmError> {
        match self.peek() {
            Some(Token::Word(text)) if is_plain(text) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            Some(Token::Text(_)) => self.text(what),
            _ => self.expected(what),
        }
    }

    /// A quoted string.
    pub(super) fn text(&mut self, what: &str) -> Result<String, AsmError> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => self.expected(what),
        }
    }

    /// Takes this punctuation if it is next.
    pub(super) fn mark(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.next += usize::from(found);
        found
    }

    /// Demands this punctuation.
    pub(super) fn demand(&mut self, mark: char) -> Result<(), AsmError> {
        if self.mark(mark) { Ok(()) } else { self.expected(&format!("`{mark}`")) }
    }

    /// Demands that nothing follows.
    pub(super) fn end(&self) -> Result<(), AsmError> {
        if self.is_empty() { Ok(()) } else { self.expected("the end of the line") }
    }
}

/// Digits only: no sign, no spaces.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// The string that begins with the quote at `start`, and where it ends.
fn string(chars: &[char], start: usize, line: u32) -> Result<(String, usize), AsmError> {
    let place = |at: usize| Place { line, column: at as u32 + 1 };
    let mut content = String::new();
    let mut at = start + 1;
    loop {
        match chars.get(at) {
            None => return place(start).fault("expected a `\"` that ends this string on its line"),
            Some('"') => return Ok((content, at + 1)),
            Some('\\') => {
                let (c, next) = match chars.get(at + 1) {
                    Some('n') => ('\n', at + 2),
                    Some('r') => ('\r', at + 2),
                    Some('t') => ('\t', at + 2),
                    Some(&c @ ('"' | '\\')) => (c, at + 2),
                    Some('u') => match unicode(chars, at + 2) {
                        Some(found) => found,
                        None => return place(at).fault("expected a character's number such as \\u{1f40d}"),
                    },
                    _ => {
                        return place(at).fault("expected one of the escapes \\n \\r \\t \\\" \\\\ \\u{...}");
                    }
                };
                content.push(c);
                at = next;
            }
            Some(&c) => {
                content.push(c);
                at += 1;
            }
        }
    }
}

/// The character in `{hex}` at `at`, and where the braces end.
fn unicode(chars: &[char], at: usize) -> Option<(char, usize)> {
    let inside = chars.get(at..)?.strip_prefix(&['{'])?;
    let length = inside.iter().position(|&c| c == '}').filter(|&length| (1..=6).contains(&length))?;
    let mut value = 0;
    for c in &inside[..length] {
        value = value * 16 + c.to_digit(16)?;
    }
    Some((char::from_u32(value)?, at + length + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_strings_come_back() {
        for text in
            ["", "plain", "a\"b\\c\nd\te\r\u{0}\u{7f}\u{2028}", "; no comment", "\u{1F40D} é", "\\u{41}"]
        {
            let mut tokens = Tokens::of(&format!("  {} ; comment", quoted(text)), 1).unwrap();
            assert_eq!(tokens.text("a string"), Ok(text.to_owned()));
            assert_eq!(tokens.end(), Ok(()));
        }
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for plain in ["fib", "Account.deposit", "<lambda>", "_x9", "größe"] {
            assert_eq!(name(plain), plain);
        }
        for other in ["", "two words", "9x", "a,b", "a\"b", ".x", "(f)"] {
            assert_eq!(name(other), quoted(other));
        }
    }

    #[test]
    fn faults_name_place_and_mend() {
        let fault = |text: &str| Tokens::of(text, 3).err().unwrap().to_string();
        assert_eq!(fault("  \"open"), "3:3: expected a `\"` that ends this string on its line");
        assert!(fault("\"\\q\"").starts_with("3:2: expected one of the escapes"));
        assert!(fault("\"\\u{110000}\"").contains("character's number"));
        let mut tokens = Tokens::of("add r1", 4).unwrap();
        let error = tokens.index("k", "a constant").unwrap_err();
        assert_eq!(error.to_string(), "4:1: expected a constant such as k0, found add");
    }
}
