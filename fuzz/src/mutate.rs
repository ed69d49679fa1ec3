//! Damaged source texts: golden scripts whose tokens, lines and bytes were exchanged, repeated or left out.

use crate::corpus::Corpus;
use crate::{Rng, pick};

const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "2",
    "255",
    "256",
    "65535",
    "65536",
    "4611686018427387903",
    "4611686018427387904",
    "9223372036854775807",
    "int.MIN",
    "1.5",
    "-0.0",
    "1e308",
    "5e-324",
    "0.0 / 0.0",
    "1.0 / 0.0",
    "12345678901234567890n",
    "0x7fffffffffffffff",
    "1_000_000",
    "0b101",
];

const WORDS: [&str; 48] = [
    "null",
    "true",
    "false",
    "self",
    "super",
    "var",
    "const",
    "function",
    "function*",
    "class",
    "extend",
    "return",
    "if",
    "else",
    "while",
    "do",
    "for",
    "in",
    "break",
    "continue",
    "switch",
    "case",
    "default",
    "throw",
    "try",
    "catch",
    "finally",
    "match",
    "yield",
    "await",
    "spawn",
    "atomic",
    "scope",
    "receive",
    "after",
    "import",
    "export",
    "namespace",
    "is",
    "new",
    "int",
    "float",
    "bool",
    "string",
    "as",
    "static",
    "x",
    "_",
];

const SIGNS: [&str; 56] = [
    "+", "-", "*", "/", "%", "**", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "!", "??", "?.", "?", ":",
    ";", ",", ".", "..", "..=", "...", "(", ")", "[", "]", "{", "}", "=>", "->", "=", "+=", "-=", "*=", "/=",
    "%=", "&", "|", "^", "~", "<<", ">>", "++", "--", "**=", "<<=", ">>=", "|=", "&=", "??=", "`", "${",
    "\"",
];

const STATEMENTS: [&str; 24] = [
    "yield;",
    "import gc; gc.collect();",
    "for (q in 0..5) { yield; }",
    "try { throw new Error(\"x\"); } catch (e) { print(e); } finally { print(1); }",
    "spawn (() => { yield; })();",
    "await spawn (() => 5)();",
    "var th = new Thread(\"t\"); await th.spawn(() => [1]); th.end();",
    "Task.current().kill();",
    "atomic { yield; }",
    "scope { spawn (() => 1)(); spawn (() => { yield; throw new Error(\"s\"); })(); }",
    "receive { x => print(x); after 0.01 => print(0); }",
    "Task.current().send([1, {a: 2}]);",
    "var sh = share([1, [2]]); unlock(sh, \"sync\"); sh.push(3); print(sh);",
    "return 5;",
    "break;",
    "continue;",
    "sleep(0.01);",
    "print([1, 2.5, \"x\", null, {a: [1]}], 1..5);",
    "var big = \"ab\".repeat(100000); print(big.length);",
    "var list = []; for (q in 0..3000) list = [list]; print(copy(list).equals(list));",
    "function rec(n) { return n == 0 ? 0 : 1 + rec(n - 1); } print(rec(2000));",
    "while (true) {}",
    "var hog = []; while (true) hog.push([hog.length]);",
    "class Q { var a = 1; function to_string() { yield; return `${self.a}`; } } print(new Q());",
];

/// Cuts a text into tokens and what lies between them, crudely; together they are the text.
fn tokens(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let first = bytes[at];
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
        if first.is_ascii_whitespace() {
            while at < bytes.len() && bytes[at].is_ascii_whitespace() {
                at += 1;
            }
        } else if word(first) {
            while at < bytes.len() && word(bytes[at]) {
                at += 1;
            }
        } else if first == b'"' || first == b'\'' {
            at += 1;
            while at < bytes.len() && bytes[at] != first && bytes[at] != b'\n' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at = (at + 1).min(bytes.len());
        } else if text[start..].starts_with("//") {
            while at < bytes.len() && bytes[at] != b'\n' {
                at += 1;
            }
        } else {
            at += 1;
            if SIGNS.iter().any(|sign| text.get(start..start + 2) == Some(sign)) {
                at += 1;
            }
        }
        while !text.is_char_boundary(at) {
            at += 1;
        }
        found.push(&text[start..at]);
    }
    found
}

fn class_of(token: &str) -> u8 {
    match token.bytes().next() {
        None => 0,
        Some(b) if b.is_ascii_whitespace() => 1,
        Some(b) if b.is_ascii_digit() => 2,
        Some(b) if b.is_ascii_alphabetic() || b == b'_' => 3,
        Some(b'"' | b'\'' | b'`') => 4,
        Some(_) => 5,
    }
}

fn line_of(rng: &mut Rng, corpus: &Corpus) -> String {
    corpus.lines[rng.below(corpus.lines.len() as u32) as usize].clone()
}

/// A text made of one or two scripts.
pub fn text(rng: &mut Rng, corpus: &Corpus) -> String {
    let any = |rng: &mut Rng| &corpus.scripts[rng.below(corpus.scripts.len() as u32) as usize].1;
    let mut text = any(rng).clone();
    if rng.one_in(6) {
        text.push('\n');
        text.push_str(any(rng));
    }
    if rng.one_in(12) {
        return String::from_utf8_lossy(&bytes(rng, text.into_bytes())).into_owned();
    }
    if rng.one_in(2) {
        text = lines(rng, corpus, &text);
    }
    for _ in 0..rng.below(5) {
        text = one_token(rng, corpus, &text);
    }
    text
}

/// Exchanges, repeats, moves and inserts lines.
fn lines(rng: &mut Rng, corpus: &Corpus, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..1 + rng.below(4) {
        let count = lines.len() as u32;
        let at = rng.below(count + 1) as usize;
        match rng.below(8) {
            0 if count > 1 => drop(lines.remove(rng.below(count) as usize)),
            1 if count > 0 => {
                let line = lines[rng.below(count) as usize].clone();
                lines.insert(at, line);
            }
            2 | 3 => lines.insert(at, line_of(rng, corpus)),
            4 | 5 => lines.insert(at, pick(rng, &STATEMENTS).to_owned()),
            6 if count > 0 => {
                // Around a few lines.
                let from = rng.below(count) as usize;
                let to = (from + 1 + rng.below(5) as usize).min(lines.len());
                let (open, close) = [
                    ("try {", "} catch (e) { print(e); }"),
                    ("atomic {", "}"),
                    ("for (q in 0..3) {", "}"),
                    ("await spawn (() => {", "})();"),
                    ("await new Thread(\"t\").spawn(() => {", "});"),
                    ("scope { spawn (() => {", "})(); }"),
                    ("function wrapped() {", "} wrapped();"),
                    ("try {", "} finally { yield; }"),
                ][rng.below(8) as usize];
                lines.insert(to, close.to_owned());
                lines.insert(from, open.to_owned());
            }
            _ if count > 0 => {
                // A piece of another script's length.
                lines.truncate(1 + rng.below(count) as usize);
            }
            _ => {}
        }
    }
    lines.join("\n")
}

fn one_token(rng: &mut Rng, corpus: &Corpus, text: &str) -> String {
    let mut tokens: Vec<&str> = tokens(text);
    if tokens.is_empty() {
        return text.to_owned();
    }
    let count = tokens.len() as u32;
    let spot = |rng: &mut Rng| rng.below(count) as usize;
    // Most tokens are blanks; look for one that is not.
    let mut at = spot(rng);
    for _ in 0..8 {
        if class_of(tokens[at]) > 1 && !tokens[at].starts_with("//") {
            break;
        }
        at = spot(rng);
    }
    let class = class_of(tokens[at]);
    let member = corpus.members[rng.below(corpus.members.len() as u32) as usize].clone();
    let line = line_of(rng, corpus);
    match rng.below(10) {
        0..=2 => {
            // Another token of the same kind from the same text.
            for _ in 0..30 {
                let other = spot(rng);
                if class_of(tokens[other]) == class {
                    tokens[at] = tokens[other];
                    break;
                }
            }
        }
        3 | 4 => {
            tokens[at] = match class {
                2 => pick(rng, &NUMBERS),
                3 if at > 0 && tokens[at - 1] == "." => &member,
                3 => pick(rng, &WORDS),
                5 => pick(rng, &SIGNS),
                _ => "\"\\u{1F600}e\\u{301}\"",
            };
        }
        5 => tokens[at] = "",
        6 => {
            let other = spot(rng);
            tokens.swap(at, other);
        }
        7 => {
            let length = 1 + rng.below(12) as usize;
            let piece: Vec<&str> = tokens[at..(at + length).min(tokens.len())].to_vec();
            let times = if rng.one_in(20) { 1 + rng.below(2000) as usize } else { 1 + rng.below(3) as usize };
            let mut more = Vec::new();
            for _ in 0..times {
                more.extend_from_slice(&piece);
            }
            tokens.splice(at..at, more);
        }
        8 => tokens.insert(at, if rng.one_in(2) { pick(rng, &SIGNS) } else { pick(rng, &WORDS) }),
        _ => {
            // A piece of another line.
            let words = self::tokens(&line);
            let from = rng.below(words.len() as u32) as usize;
            let piece: String = words[from..(from + 1 + rng.below(8) as usize).min(words.len())].concat();
            tokens[at] = &piece;
            return tokens.concat();
        }
    }
    tokens.concat()
}

/// Damages bytes: flips, gaps, repetitions, numbers at the edge of what fits.
pub fn bytes(rng: &mut Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..1 + rng.below(6) {
        let length = bytes.len() as u32;
        if length == 0 {
            return vec![rng.bits() as u8];
        }
        let at = rng.below(length) as usize;
        match rng.below(8) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.bits() as u8,
            2 => {
                bytes[at] =
                    pick(rng, &[&[0, 1, 0x7f, 0x80, 0xff, b'"', b'\n', b'{'] as &[u8]])[rng.below(8) as usize]
            }
            3 => drop(bytes.remove(at)),
            4 => bytes.insert(at, rng.bits() as u8),
            5 => {
                let to = (at + 1 + rng.below(16) as usize).min(bytes.len());
                bytes.drain(at..to);
            }
            6 => {
                let to = (at + 1 + rng.below(32) as usize).min(bytes.len());
                let piece = bytes[at..to].to_vec();
                let place = rng.below(length) as usize;
                bytes.splice(place..place, piece);
            }
            _ => bytes.truncate(at.max(8)),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_make_the_text_again() {
        let corpus = Corpus::read();
        for (name, text) in &corpus.scripts {
            assert_eq!(tokens(text).concat(), *text, "{name}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_text() {
        let corpus = Corpus::read();
        for seed in 0..50 {
            assert_eq!(text(&mut Rng::new(seed), &corpus), text(&mut Rng::new(seed), &corpus));
        }
    }
}
