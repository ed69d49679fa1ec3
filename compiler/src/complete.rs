//! For the prompt: whether what was typed is complete, and how to colour it. Both follow the parser's own passes, so they never disagree with it.

use crate::ast::{FileId, Span};
use crate::brackets::match_brackets;
use crate::lexer::lex;
use crate::limits::MAX_SOURCE_BYTES;
use crate::marks::mark;
use crate::parse::parse_interactive;
use crate::prepare::prepare;
use crate::token::{Tok, Token};
use bumpalo::Bump;

/// What can be done with a text typed at the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completeness {
    /// Run it.
    Complete,
    /// Ask for another line.
    Incomplete,
    /// Show what is wrong; no further line can mend it.
    Wrong,
}

/// Whether a text is complete. The last `;` may be missing.
pub fn completeness(src: &str) -> Completeness {
    let arena = Bump::new();
    let parsed = parse_interactive(&arena, FileId::default(), src);
    match parsed.tree {
        Some(_) => Completeness::Complete,
        None if parsed.incomplete => Completeness::Incomplete,
        None => Completeness::Wrong,
    }
}

/// What a piece of source text is, for colouring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenClass {
    /// A reserved word, or a word that acts as one in its place (`match`, `receive`, `after`, ...).
    Keyword,
    /// `null`, `true`, `false`, `self`
    Constant,
    /// A type: `int`, or the name before a variable's name.
    Type,
    /// A name that is called or declared as a function.
    Function,
    /// A name after a dot.
    Member,
    /// Any other name.
    Name,
    /// A number.
    Number,
    /// A string, or the text of a template.
    String,
    /// A comment.
    Comment,
    /// An operator.
    Operator,
    /// Brackets, commas, and the like.
    Punctuation,
    /// Something that is no token.
    Bad,
}

/// The pieces of a text with their classes, in order, without blanks between them. Never fails, whatever the text.
pub fn highlight(src: &str) -> Vec<(Span, TokenClass)> {
    let src = &src[..src.floor_char_boundary(MAX_SOURCE_BYTES)];
    let file = FileId::default();
    let lexed = lex(file, src);
    let prepared = prepare(file, src, &lexed.tokens);
    let brackets = match_brackets(file, src, &prepared.tokens, true);
    let tokens = if brackets.too_deep {
        prepared.tokens
    } else {
        mark(file, src, prepared.tokens, &brackets.mate).tokens
    };
    let is_comment = |t: &&Token| matches!(t.tok, Tok::LineComment | Tok::BlockComment);
    let mut out: Vec<_> =
        lexed.tokens.iter().filter(is_comment).map(|t| (t.span, TokenClass::Comment)).collect();
    for (i, t) in tokens.iter().enumerate() {
        let prev = i.checked_sub(1).map(|p| tokens[p].tok);
        let next = tokens.get(i + 1).map(|t| t.tok);
        out.push((t.span, class(*t, src, prev, next)));
    }
    out.sort_by_key(|(span, _)| span.lo);
    out
}

fn class(token: Token, src: &str, prev: Option<Tok>, next: Option<Tok>) -> TokenClass {
    use Tok::*;
    match token.tok {
        TypeName => TokenClass::Type,
        Name if matches!(next, Some(LParen)) => TokenClass::Function,
        Name if matches!(prev, Some(Dot | QuestionDot)) => TokenClass::Member,
        Name if matches!(prev, Some(Is | IsNot | New | Arrow)) => TokenClass::Type,
        Name if matches!(token.span.text(src), "int" | "float" | "bool" | "string") => TokenClass::Type,
        Name | ArrowName => TokenClass::Name,
        OpName => TokenClass::Function,
        Int | BigInt | Float => TokenClass::Number,
        Str | RawStr | Bytes | LongStr | Tick | TplText => TokenClass::String,
        Null | True | False | SelfKw => TokenClass::Constant,
        BadNumber | OpenStr | Bad => TokenClass::Bad,
        NotIn => TokenClass::Operator,
        t if t.is_word() => TokenClass::Keyword,
        t if t.opens() || t.closes() => TokenClass::Punctuation,
        Comma | Semi | Colon | Dot | QuestionDot | FatArrow | Arrow => TokenClass::Punctuation,
        _ => TokenClass::Operator,
    }
}
