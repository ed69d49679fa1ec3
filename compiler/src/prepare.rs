//! Between the lexer and the brackets: comments are taken out (doc comments are kept aside), words after `.` become plain names, and pairs that
//! mean one thing (`else if`, `not in`, `is not`) become one token. Afterwards every token matters to the grammar.

use crate::ast::{FileId, Span};
use crate::diagnostic::{Diagnostic, push_limited};
use crate::token::{Tok, Token};

/// The tokens that matter, and the doc comments.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) tokens: Vec<Token>,
    /// Doc comments: the offset of the token each stands before, and its text. Sorted by offset.
    pub(crate) docs: Vec<(u32, String)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

pub(crate) fn prepare(file: FileId, src: &str, raw: &[Token]) -> Prepared {
    let mut out = Prepared { tokens: Vec::with_capacity(raw.len()), ..Prepared::default() };
    let mut doc: Option<String> = None;
    for &Token { tok, span } in raw {
        if tok == Tok::LineComment {
            match doc_line(span.text(src)) {
                Some(line) => match &mut doc {
                    Some(text) => {
                        text.push('\n');
                        text.push_str(line);
                    }
                    None => doc = Some(line.to_owned()),
                },
                None => doc = None,
            }
            continue;
        }
        if tok == Tok::BlockComment {
            continue;
        }
        if let Some(text) = doc.take() {
            out.docs.push((span.lo, text));
        }
        let prev = out.tokens.last().map(|t| t.tok);
        let tok = match tok {
            _ if tok.is_keyword() && matches!(prev, Some(Tok::Dot | Tok::QuestionDot)) => Tok::Name,
            Tok::EqEqEq | Tok::NotEqEq => strict_equality(file, tok, span, &mut out.diagnostics),
            _ => tok,
        };
        match joined(prev, tok, &out.tokens, span, src) {
            Some(both) => {
                if let Some(last) = out.tokens.last_mut() {
                    *last = Token { tok: both, span: last.span.to(span) };
                }
            }
            None => out.tokens.push(Token { tok, span }),
        }
    }
    out
}

/// The text of a `///` comment (four slashes make an ordinary one).
fn doc_line(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("///").filter(|r| !r.starts_with('/'))?.trim_end();
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// What the previous token and this one are together, if they are one.
fn joined(prev: Option<Tok>, tok: Tok, before: &[Token], span: Span, src: &str) -> Option<Tok> {
    match (prev?, tok) {
        (Tok::Else, Tok::If) => Some(Tok::ElseIf),
        (Tok::Bang, Tok::In) => Some(Tok::NotIn),
        (Tok::Name, Tok::In) => {
            let [.., left, not] = before else { return None };
            (not.span.text(src) == "not" && left.tok.ends_expr()).then_some(Tok::NotIn)
        }
        (Tok::Is, Tok::Name) if span.text(src) == "not" => Some(Tok::IsNot),
        _ => None,
    }
}

fn strict_equality(file: FileId, tok: Tok, span: Span, out: &mut Vec<Diagnostic>) -> Tok {
    let (long, short, plain) =
        if tok == Tok::EqEqEq { ("===", "==", Tok::EqEq) } else { ("!==", "!=", Tok::NotEq) };
    push_limited(
        out,
        Diagnostic::error(file, span, format!("there is no operator `{long}`: write `{short}`")).help(
            format!("`{short}` never converts a value to another type, save an int compared with a float"),
        ),
    );
    plain
}
