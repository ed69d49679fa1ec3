//! What a syntax error is called: the tokens the parser could have taken, grouped into a few words, and a hint where a usual slip is seen.

use crate::ast::{FileId, Span};
use crate::diagnostic::{Diagnostic, brief};
use crate::token::Tok;

/// A place where the parser could not go on.
pub(crate) struct Stuck<'s> {
    pub(crate) file: FileId,
    pub(crate) src: &'s str,
    /// The token before, if any.
    pub(crate) prev: Option<(Tok, Span)>,
    /// The token that does not fit; none at the end of the text.
    pub(crate) found: Option<(Tok, Span)>,
    /// The names (in the grammar) of the tokens that would fit, each in quotes.
    pub(crate) expected: &'s [String],
}

impl Stuck<'_> {
    /// Whether a `;` would fit, and its absence explains the error: the text ends here, or a block, or a line.
    pub(crate) fn lacks_semicolon(&self) -> bool {
        let Some((_, prev)) = self.prev else { return false };
        // Where a statement may begin, a `;` fits as an empty one, and is not what is missing.
        self.wants(";")
            && !self.wants("return")
            && match self.found {
                None | Some((Tok::RBrace, _)) => true,
                Some((_, at)) => self.src[prev.hi as usize..at.lo as usize].contains('\n'),
            }
    }

    pub(crate) fn missing_semicolon(&self) -> Diagnostic {
        let at = self.prev.map_or(0, |(_, s)| s.hi);
        let span = Span::new(at.saturating_sub(1), at);
        Diagnostic::error(self.file, span, "missing `;`")
            .label("the statement ends here")
            .help("end every statement with `;`")
    }

    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let span = match (self.found, self.prev) {
            (Some((_, s)), _) => s,
            (None, Some((_, s))) => Span::new(s.hi, s.hi),
            (None, None) => Span::new(0, 0),
        };
        let message = match self.expected_words() {
            words if words.is_empty() => format!("unexpected {}", self.found_words()),
            words => format!("expected {words}, found {}", self.found_words()),
        };
        let d = Diagnostic::error(self.file, span, message);
        match self.hint() {
            Some(hint) => d.help(hint),
            None => d,
        }
    }

    fn wants(&self, token: &str) -> bool {
        self.expected.iter().any(|e| e.strip_prefix('"').and_then(|e| e.strip_suffix('"')) == Some(token))
    }

    fn expected_words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        if self.wants("while") && self.wants("return") && self.wants("var") {
            words.push("a statement".into());
        } else if self.wants("static") {
            words.push("an attribute or a method".into());
        } else if self.wants("new") && self.wants("int") {
            words.push("an expression".into());
        } else if self.wants("is") && self.wants("int") && !self.wants("+") {
            words.push("a pattern".into());
        } else if self.wants("name") {
            words.push(if self.wants("type") { "a name or a type".into() } else { "a name".into() });
        } else if self.wants("var") {
            words.push("a declaration".into());
        }
        const EXACT: [&str; 18] = [
            ";",
            ",",
            ")",
            "]",
            "}",
            ":",
            "=>",
            "(",
            "{",
            "in",
            "=",
            "while",
            "catch",
            "case",
            "template }",
            "as",
            "op name",
            "string",
        ];
        let room = if words.is_empty() { 4 } else { 2 };
        for token in EXACT.iter().filter(|t| self.wants(t)) {
            let shown = match *token {
                "template }" => "`}`".to_owned(),
                "op name" => "the name of an op".to_owned(),
                "string"
                    if words.iter().any(|w| {
                        w.contains("expression") || w.contains("pattern") || w.contains("statement")
                    }) =>
                {
                    continue;
                }
                "string" => "a string".to_owned(),
                "(" | "{" | "=" if self.wants("*") => continue,
                "(" | "{" if words.iter().any(|w| w.contains("expression") || w.contains("statement")) => {
                    continue;
                }
                ";" | "case" | "," | "while"
                    if words.iter().any(|w| w == "a statement" || w.contains("attribute")) =>
                {
                    continue;
                }
                ":" | "in" if self.wants("*") && self.wants(";") => continue,
                "in" if self.wants("*") => continue,
                t => format!("`{t}`"),
            };
            if words.len() < room && !words.contains(&shown) {
                words.push(shown);
            }
        }
        if self.wants("*") && self.wants("==") && words.len() < 3 {
            words.push("an operator".into());
        }
        if words.is_empty() && self.expected.len() <= 3 {
            words.extend(self.expected.iter().map(|e| format!("`{}`", e.trim_matches('"'))));
        }
        match words.split_last() {
            None => String::new(),
            Some((one, [])) => one.clone(),
            Some((last, first)) => format!("{} or {last}", first.join(", ")),
        }
    }

    fn found_words(&self) -> String {
        let Some((tok, span)) = self.found else { return "the end of the file".into() };
        let text = span.text(self.src);
        let short: String = text.chars().take(30).collect();
        let short = short.split('\n').next().unwrap_or("");
        match tok {
            Tok::Str | Tok::RawStr | Tok::LongStr | Tok::OpenStr => {
                if short.len() < text.len() {
                    "a string".into()
                } else {
                    format!("the string {short}")
                }
            }
            Tok::Bytes => "a bytes literal".into(),
            Tok::Int | Tok::Float | Tok::BigInt | Tok::BadNumber => format!("the number `{short}`"),
            Tok::Tick => "a template string".into(),
            Tok::TplText | Tok::TplClose => "the end of the expression in the template".into(),
            Tok::ErrorStmt => "a statement with an error".into(),
            t if t.is_keyword() => format!("the keyword `{short}`"),
            _ => format!("`{short}`"),
        }
    }

    /// A mend, where the slip is a usual one.
    fn hint(&self) -> Option<String> {
        let (found, span) = self.found?;
        let (prev, prev_span) = self.prev?;
        let (prev_text, text) = (&brief(prev_span.text(self.src))[..], &brief(span.text(self.src))[..]);
        Some(match (prev, found) {
            (_, Tok::Arrow) if self.wants("*") => {
                "a member is reached with `.`, and a short function is written `x => ...`".into()
            }
            (Tok::Name, Tok::FunctionDecl | Tok::Function) if prev_text == "async" => {
                "every function can be run as a task: remove `async` and call it with `spawn`".into()
            }
            (
                Tok::Name,
                Tok::Str | Tok::RawStr | Tok::LongStr | Tok::Int | Tok::Float | Tok::Tick | Tok::Name,
            ) if self.wants("*") => match crate::slips::for_unknown_name(prev_text) {
                Some(help) => help.into(),
                None if found == Tok::Name => "an operator or a `;` is missing between the two names".into(),
                None => format!("a call needs parentheses: `{prev_text}({text})`"),
            },
            (Tok::RParen | Tok::Name, Tok::Colon) if self.wants("{") && !self.wants("*") => {
                "bodies stand in braces: `{ ... }`".into()
            }
            (Tok::Name, Tok::Colon) if self.wants(")") || self.wants("=") => {
                format!("a type stands before the name: `int {prev_text}`")
            }
            (Tok::Name, Tok::Name) if self.wants("in") && text == "of" => "write `for (x in xs)`".into(),
            (Tok::Name, Tok::Colon) if self.wants("in") => "write `for (x in xs)`".into(),
            (Tok::RParen, Tok::FatArrow) if self.wants("->") => {
                "a result type is written `-> int`, and the body in braces".into()
            }
            (Tok::RParen, Tok::FatArrow) => {
                "parameters of a short function are names: `(a, b) => ...`".into()
            }
            (Tok::If | Tok::While | Tok::Switch | Tok::For | Tok::ForIn | Tok::ElseIf, _) => {
                "the condition stands in parentheses".into()
            }
            (Tok::Const | Tok::Var, t) if t.is_keyword() => {
                format!("`{text}` is a reserved word; choose another name")
            }
            (_, t) if t.is_keyword() && self.wants("name") && !self.wants("new") => {
                format!("`{text}` is a reserved word; choose another name")
            }
            (_, Tok::Else | Tok::ElseIf) => "an `else` follows the statement of its `if` directly".into(),
            (Tok::New, _) => "write `new Account(...)`".into(),
            (Tok::LBrace, _) if self.wants("static") => {
                "attributes are declared as `var a;` or `int a;`, methods as `function f() { ... }`".into()
            }
            (_, Tok::Name) if self.wants("static") => {
                "attributes are declared as `var a;` or `int a;`, methods as `function f() { ... }`".into()
            }
            (_, Tok::Assign) => {
                "only variables, attributes and elements can be assigned to; `==` compares".into()
            }
            (Tok::Comma | Tok::Semi, Tok::RParen | Tok::RBracket) => {
                "something is missing before this, or the comma is one too many".into()
            }
            _ => return None,
        })
    }
}
