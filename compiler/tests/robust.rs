//! Hostile and broken input: nothing panics, nothing takes long, limits are reported once.

use corella_compiler::ast::{FileId, walk};
use corella_compiler::complete::{Completeness, completeness, highlight};
use corella_compiler::limits::{MAX_ERRORS, MAX_NESTING, MAX_TREE_DEPTH};
use corella_compiler::parse::parse;
use corella_compiler::source::{SourceMap, decode};
use std::time::{Duration, Instant};

/// The messages for a source text; checks what must hold for every text.
fn errors(src: &str) -> Vec<String> {
    let started = Instant::now();
    let arena = bumpalo::Bump::new();
    let mut sources = SourceMap::new();
    let file = sources.add("test.cor", src);
    let parsed = parse(&arena, file, src);
    let errors: Vec<_> = parsed.diagnostics.iter().filter(|d| d.is_error()).collect();
    assert_eq!(parsed.tree.is_none(), !errors.is_empty());
    assert!(errors.len() <= MAX_ERRORS);
    for d in &parsed.diagnostics {
        let span = d.primary.span;
        assert!(span.lo <= span.hi && span.hi as usize <= src.len(), "{d:?} in {src:?}");
    }
    if let Some(tree) = parsed.tree {
        assert!(walk::depth(tree.body, MAX_TREE_DEPTH).is_ok());
    }
    if src.len() < 10_000 {
        for d in &parsed.diagnostics {
            d.render(&sources, true);
        }
    }
    assert!(started.elapsed() < Duration::from_secs(20), "slow: {:?}", started.elapsed());
    errors.iter().map(|d| d.message.clone()).collect()
}

#[test]
fn a_million_brackets_are_one_error() {
    for bracket in ["(", "[", "{", "${", "`${", "f(", "x => {", "if (a) {", "{a: "] {
        let found = errors(&bracket.repeat(1_000_000));
        assert_eq!(found, [format!("brackets are nested more than {MAX_NESTING} deep")], "{bracket}");
    }
}

#[test]
fn long_chains_are_one_error() {
    let n = 100_000;
    let deep = format!("this is nested more than {MAX_TREE_DEPTH} levels deep");
    for (head, link, tail) in [
        ("a", " + a", ";"),
        ("a", ".b", ";"),
        ("a", "()", ";"),
        ("a", "?.b", ";"),
        ("", "!", "a;"),
        ("", "- ", "a;"),
        ("", "a = ", "b;"),
        ("", "a ? b : ", "c;"),
        ("", "x => ", "y;"),
        ("", "await ", "y;"),
        ("", "if (a) ", "b;"),
        ("", "while (a) ", "b;"),
        ("", "l: ", "while (a) b;"),
        ("a", " ** a", ";"),
        ("a", " ?? a", ";"),
    ] {
        assert_eq!(errors(&format!("{head}{}{tail}", link.repeat(n))), [deep.as_str()], "{link}");
    }
}

#[test]
fn flat_things_may_be_long() {
    let n = 50_000;
    for (head, item, tail) in [
        ("", "a;", ""),
        ("var xs = [", "1, ", "];"),
        ("f(", "a, ", ");"),
        ("if (a) b;", " else if (c) d;", ""),
        ("match (x) {", "1 => a,", "}"),
        ("switch (x) {", "case 1: a;", "}"),
        ("match (x) { 1", " | 2", " => 3 }"),
        ("`", "${a}", "`;"),
    ] {
        assert_eq!(errors(&format!("{head}{}{tail}", item.repeat(n))), Vec::<String>::new(), "{item}");
    }
}

#[test]
fn no_message_repeats_a_long_line() {
    let million = 1_000_000;
    for source in [
        ")".repeat(million),
        "9".repeat(million) + ";",
        "0x".to_owned() + &"f".repeat(million) + ";",
        "9".repeat(million) + "n;",
        "9".repeat(million) + "x;",
        "1e".to_owned() + &"9".repeat(million) + ";",
        format!("var {} {};", "x".repeat(million), "y".repeat(million)),
        format!("f({}", "\"".to_owned() + &"y".repeat(million)),
        format!("f {};", "\"".to_owned() + &"y".repeat(million) + "\""),
        format!("import \"{}\";", "- ".repeat(million)),
        "`${".repeat(million),
    ] {
        let arena = bumpalo::Bump::new();
        let mut sources = SourceMap::new();
        let file = sources.add("test.cor", &source);
        let parsed = parse(&arena, file, &source);
        let shown: String = parsed.diagnostics.iter().map(|d| d.render(&sources, false)).collect();
        assert!(!shown.contains(&"x".repeat(300)));
        assert!(!shown.is_empty() && shown.len() < 20_000, "{}: {} bytes", &source[..10], shown.len());
    }
}

#[test]
fn a_shortened_line_keeps_its_column() {
    let source = format!("{} = * 3;", "var x = 1; ".repeat(100));
    let arena = bumpalo::Bump::new();
    let mut sources = SourceMap::new();
    let file = sources.add("test.cor", &source);
    let parsed = parse(&arena, file, &source);
    let shown = parsed.diagnostics[0].render(&sources, false);
    assert!(shown.contains("test.cor:1:1102 ]") && shown.contains(" 1 | ..."), "{shown}");
}

#[test]
fn too_many_tokens() {
    assert_eq!(errors(&";".repeat(9 << 20)), ["the file has more than 8388608 tokens"]);
}

#[test]
fn many_errors_are_cut_off() {
    assert_eq!(errors(&"var = 1;\n".repeat(20_000)).len(), MAX_ERRORS);
    assert_eq!(errors(&"@".repeat(20_000)).len(), MAX_ERRORS);
    errors(&")".repeat(100_000));
    errors(&"(;".repeat(100_000));
    errors(&"l: x; ".repeat(50_000));
    errors(&"for (".repeat(150));
    errors(&"a b\n".repeat(50_000));
}

/// A small generator of numbers, the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn any_bytes_are_safe() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..4_000 {
        let bytes: Vec<u8> = (0..random.below(80))
            .map(|_| match round % 3 {
                0 => random.below(256) as u8,
                1 => random.below(128) as u8,
                _ => b"\"'`${}()[];:\\/*=>.?abrn019_ \n"[random.below(29)],
            })
            .collect();
        let text = String::from_utf8_lossy(&bytes);
        errors(&text);
        completeness(&text);
        check_highlight(&text);
    }
}

#[test]
fn any_words_are_safe() {
    const WORDS: &[&str] = &[
        "var",
        "const",
        "function",
        "class",
        "extend",
        "namespace",
        "import",
        "export",
        "static",
        "if",
        "else",
        "while",
        "do",
        "for",
        "in",
        "is",
        "not",
        "switch",
        "case",
        "default",
        "break",
        "continue",
        "return",
        "throw",
        "try",
        "catch",
        "finally",
        "new",
        "super",
        "self",
        "spawn",
        "await",
        "yield",
        "null",
        "true",
        "match",
        "receive",
        "after",
        "atomic",
        "scope",
        "as",
        "x",
        "int",
        "A",
        "1",
        "1.5",
        "'s'",
        "`",
        "${",
        "`a${",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        ":",
        ".",
        "..",
        "...",
        "?",
        "?.",
        "=>",
        "->",
        "+",
        "-",
        "*",
        "|",
        "=",
        "==",
        "+=",
        "!",
        "++",
        "\n",
        "let",
        "and",
        "elif",
        "\"",
    ];
    let mut random = Random(42);
    for _ in 0..6_000 {
        let text: Vec<&str> = (0..random.below(40)).map(|_| WORDS[random.below(WORDS.len())]).collect();
        let text = text.join(" ");
        errors(&text);
        completeness(&text);
        check_highlight(&text);
    }
}

/// Every prefix of a program, as it is while somebody types, and every program with one token left out.
#[test]
fn broken_programs_are_safe() {
    let source = include_str!("tree/stmt.txt");
    for end in (0..source.len()).filter(|&i| source.is_char_boundary(i)).step_by(3) {
        errors(&source[end.saturating_sub(300)..end]);
    }
}

fn check_highlight(text: &str) {
    let mut at = 0;
    for (span, _) in highlight(text) {
        assert!(span.lo >= at && span.lo < span.hi, "{text:?}");
        assert!(text.get(span.range()).is_some(), "{text:?}");
        at = span.hi;
    }
    assert!(at as usize <= text.len());
}

#[test]
fn prompt() {
    use Completeness::*;
    for (text, expected) in [
        ("", Complete),
        ("1 + 1", Complete),
        ("1 + 1;", Complete),
        ("var x = 3", Complete),
        ("f(x)\n", Complete),
        ("if (a) { b; }", Complete),
        ("// only a comment", Complete),
        ("1 +", Incomplete),
        ("f(", Incomplete),
        ("f(1,\n2", Incomplete),
        ("function f() {", Incomplete),
        ("function f()", Incomplete),
        ("if (a)", Incomplete),
        ("if (a) b; else", Incomplete),
        ("class A", Incomplete),
        ("var s = \"\"\"abc", Incomplete),
        ("var s = `abc ${x", Incomplete),
        ("f(`abc", Incomplete),
        ("/* comment", Incomplete),
        ("match (x) { 1 => 2,", Incomplete),
        ("x => {", Incomplete),
        ("var = 1", Wrong),
        (")", Wrong),
        ("1 2", Wrong),
        ("let x = 1", Wrong),
        ("var s = \"abc", Wrong),
        ("var = 1; f(", Wrong),
    ] {
        assert_eq!(completeness(text), expected, "{text:?}");
    }
}

#[test]
fn bytes_that_are_not_text() {
    let d = decode(FileId(0), b"var x;\n\xff").expect_err("not UTF-8");
    assert_eq!(d.message, "the file is not UTF-8: byte 7 (line 2) is 0xff");
    assert_eq!(decode(FileId(0), "é".as_bytes()).ok(), Some("é"));
}
