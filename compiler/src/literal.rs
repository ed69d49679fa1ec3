//! The values of literals: numbers, escapes in strings, the indentation of long strings.

use crate::ast::Span;

/// What is wrong within a literal: where, what, and the mend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadLiteral {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// The magnitude of an int literal; `None` if it does not fit in 64 bits.
pub(crate) fn int(text: &str) -> Option<u64> {
    let (digits, radix) = radix(text);
    u64::from_str_radix(&digits, radix).ok()
}

/// The decimal digits of a BigInt literal (with its `n`), without leading zeros. Empty if there are no digits.
pub(crate) fn big(text: &str) -> String {
    let (digits, radix) = radix(text.strip_suffix('n').unwrap_or(text));
    match num_bigint::BigUint::parse_bytes(digits.as_bytes(), radix) {
        Some(n) => n.to_string(),
        None => String::new(),
    }
}

/// The value of a float literal.
pub(crate) fn float(text: &str) -> f64 {
    text.replace('_', "").parse().unwrap_or(f64::NAN)
}

/// The digits without underscores and prefix, and their radix.
fn radix(text: &str) -> (String, u32) {
    let (rest, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'b' | b'B', ..] => (&text[2..], 2),
        [b'0', b'o' | b'O', ..] => (&text[2..], 8),
        _ => (text, 10),
    };
    (rest.replace('_', ""), radix)
}

/// The text of a string (or template) body without its quotes, escapes replaced. `lo` is where the body begins.
pub(crate) fn unescape(body: &str, lo: u32, bad: &mut Vec<BadLiteral>) -> String {
    let mut out = String::with_capacity(body.len());
    each(body, lo, bad, &mut |piece| match piece {
        Piece::Char(c) => out.push(c),
        Piece::Code(c, span, bad) => match char::from_u32(c) {
            Some(c) => out.push(c),
            None => bad.push(BadLiteral {
                span,
                message: format!("there is no character U+{c:X}"),
                help: "characters go up to U+10FFFF, and U+D800 to U+DFFF are none",
            }),
        },
    });
    out
}

/// The bytes of a `b"..."` body: characters must be ASCII, others are written as escapes.
pub(crate) fn unescape_bytes(body: &str, lo: u32, bad: &mut Vec<BadLiteral>) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    each(body, lo, bad, &mut |piece| match piece {
        Piece::Char(c) => {
            let mut buffer = [0; 4];
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
        Piece::Code(c, span, bad) => match u8::try_from(c) {
            Ok(byte) => out.push(byte),
            Err(_) => bad.push(BadLiteral {
                span,
                message: "a byte is at most 0xff".into(),
                help: "write one \\xHH for each byte",
            }),
        },
    });
    out
}

enum Piece<'b> {
    /// A character as it stands, or of an escape such as `\n`.
    Char(char),
    /// `\xHH` or `\u{H}`, with its place.
    Code(u32, Span, &'b mut Vec<BadLiteral>),
}

fn each(body: &str, lo: u32, bad: &mut Vec<BadLiteral>, f: &mut dyn FnMut(Piece<'_>)) {
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            // Line ends are the same on every system.
            if !(c == '\r' && rest[1..].starts_with('\n')) {
                f(Piece::Char(c));
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let at = lo + (body.len() - rest.len()) as u32;
        let (length, code) = escape(rest);
        match code {
            Escape::Char(c) => f(Piece::Char(c)),
            Escape::Nothing => {}
            Escape::Code(code) => f(Piece::Code(code, Span::new(at, at + length as u32), bad)),
            Escape::Bad => {
                let shown = &rest[..length];
                bad.push(BadLiteral {
                    span: Span::new(at, at + length as u32),
                    message: format!("`{shown}` is not an escape"),
                    help: "escapes are \\n \\t \\r \\0 \\\\ \\' \\\" \\` \\$ \\xHH \\u{H...}; write \\\\ for a backslash, or use r\"...\"",
                });
            }
        }
        rest = &rest[length..];
    }
}

enum Escape {
    Char(char),
    Code(u32),
    Nothing,
    Bad,
}

/// The escape that `text` begins with, and its length in bytes.
fn escape(text: &str) -> (usize, Escape) {
    let Some(c) = text[1..].chars().next() else { return (1, Escape::Bad) };
    let simple = |c| (2, Escape::Char(c));
    match c {
        'n' => simple('\n'),
        't' => simple('\t'),
        'r' => simple('\r'),
        '0' => simple('\0'),
        '\\' | '\'' | '"' | '`' | '$' => simple(c),
        // A backslash at the end of a line (in long strings and templates) joins it with the next.
        '\n' => (2, Escape::Nothing),
        'x' => match text.get(2..4).and_then(hex) {
            Some(code) => (4, Escape::Code(code)),
            None => (2, Escape::Bad),
        },
        'u' => match text.get(2..).and_then(|d| d.strip_prefix('{')).and_then(|d| d.split_once('}')) {
            Some((digits, _)) if (1..=6).contains(&digits.len()) => match hex(digits) {
                Some(code) => (digits.len() + 4, Escape::Code(code)),
                None => (2, Escape::Bad),
            },
            _ => (2, Escape::Bad),
        },
        _ => (1 + c.len_utf8(), Escape::Bad),
    }
}

fn hex(digits: &str) -> Option<u32> {
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// The body of a `"""` string without the indentation of its closing quotes. `Err` is the offset in `body` of a line that is indented less.
///
/// If the text begins on the line after the opening quotes, the first line end is not part of it; if the closing quotes stand on a line of
/// their own, the last line end is not part of it either, and their indentation is taken from every line.
pub(crate) fn dedent(body: &str) -> Result<String, usize> {
    let first = body.find('\n').filter(|&i| body[..i].trim().is_empty());
    let start = first.map_or(0, |i| i + 1);
    let text = &body[start..];
    let Some(last) = text.rfind('\n').filter(|&i| text[i + 1..].trim_matches([' ', '\t']).is_empty()) else {
        // `"""` on its own line and nothing before it: an empty string.
        return Ok(if start > 0 && text.trim_matches([' ', '\t']).is_empty() {
            String::new()
        } else {
            text.to_owned()
        });
    };
    let indent = &text[last + 1..];
    let mut out = String::with_capacity(text.len());
    let mut offset = start;
    for (n, line) in text[..last].split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        match line.strip_prefix(indent) {
            Some(rest) => out.push_str(rest),
            None if line.trim().is_empty() => {}
            None if n == 0 && first.is_none() => out.push_str(line),
            None => return Err(offset),
        }
        offset += line.len() + 1;
    }
    Ok(out)
}
