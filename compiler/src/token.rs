//! Tokens. A token is its kind and its span; its text is read from the source where needed.
//!
//! The first part of [`Tok`] is what the lexer finds by itself. The second part ("marked") is given out by the second pass
//! ([`crate::marks`]), which sees brackets and neighbours and thereby frees the grammar from questions that one token of lookahead
//! cannot answer, such as whether a `{` opens a block or a map.

use crate::ast::Span;
use logos::Logos;

/// A token of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Its kind.
    pub tok: Tok,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of tokens.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[logos(skip r"[ \t\r\n\u{FEFF}\u{00A0}\x0C]+")]
#[allow(missing_docs)] // the pattern beside each kind says what it is
pub enum Tok {
    // --- names and literals
    #[regex(r"[\p{XID_Start}_]\p{XID_Continue}*")]
    Name,
    #[regex(r"[0-9][0-9_]*")]
    #[regex(r"0[xX][0-9a-fA-F_]+", priority = 5)]
    #[regex(r"0[bB][01_]+", priority = 5)]
    #[regex(r"0[oO][0-7_]+", priority = 5)]
    Int,
    #[regex(r"[0-9][0-9_]*n", priority = 5)]
    #[regex(r"0[xX][0-9a-fA-F_]+n", priority = 5)]
    #[regex(r"0[bB][01_]+n", priority = 5)]
    #[regex(r"0[oO][0-7_]+n", priority = 5)]
    BigInt,
    #[regex(r"[0-9][0-9_]*\.[0-9][0-9_]*([eE][+-]?[0-9][0-9_]*)?", priority = 6)]
    #[regex(r"[0-9][0-9_]*[eE][+-]?[0-9][0-9_]*", priority = 6)]
    Float,
    /// Starts as a number and goes on with letters.
    #[regex(r"[0-9][0-9a-zA-Z_]*", priority = 1)]
    BadNumber,
    #[regex(r#""([^"\\\r\n]|\\[^\r\n])*""#)]
    #[regex(r#"'([^'\\\r\n]|\\[^\r\n])*'"#)]
    Str,
    #[regex(r#"r"[^"\r\n]*""#)]
    #[regex(r#"r'[^'\r\n]*'"#)]
    RawStr,
    #[regex(r#"b"([^"\\\r\n]|\\[^\r\n])*""#)]
    #[regex(r#"b'([^'\\\r\n]|\\[^\r\n])*'"#)]
    Bytes,
    /// `"""..."""`: the lexer scans to its end.
    #[token("\"\"\"")]
    LongStr,
    /// A quote whose partner is not on the same line.
    #[regex(r#"b?"([^"\\\r\n]|\\[^\r\n])*"#, priority = 1)]
    #[regex(r#"b?'([^'\\\r\n]|\\[^\r\n])*"#, priority = 1)]
    #[regex(r#"r"[^"\r\n]*"#, priority = 1)]
    #[regex(r#"r'[^'\r\n]*"#, priority = 1)]
    OpenStr,
    /// A back-quote that opens a template, later also the one that closes it.
    #[token("`")]
    Tick,
    /// Text within a template.
    TplText,
    /// `${` within a template.
    TplOpen,
    /// The `}` that belongs to it.
    TplClose,

    // --- comments (never reach the grammar)
    #[regex(r"//[^\n]*", allow_greedy = true)]
    LineComment,
    #[token("/*")]
    BlockComment,

    // --- keywords
    #[token("var")]
    Var,
    #[token("const")]
    Const,
    #[token("function")]
    Function,
    #[token("class")]
    Class,
    #[token("extend")]
    Extend,
    #[token("namespace")]
    Namespace,
    #[token("import")]
    Import,
    #[token("export")]
    Export,
    #[token("static")]
    Static,
    #[token("if")]
    If,
    #[token("else")]
    Else,
    #[token("while")]
    While,
    #[token("do")]
    Do,
    #[token("for")]
    For,
    #[token("in")]
    In,
    #[token("is")]
    Is,
    #[token("switch")]
    Switch,
    #[token("case")]
    Case,
    #[token("default")]
    Default,
    #[token("break")]
    Break,
    #[token("continue")]
    Continue,
    #[token("return")]
    Return,
    #[token("throw")]
    Throw,
    #[token("try")]
    Try,
    #[token("catch")]
    Catch,
    #[token("finally")]
    Finally,
    #[token("new")]
    New,
    #[token("super")]
    Super,
    #[token("self")]
    SelfKw,
    #[token("spawn")]
    Spawn,
    #[token("await")]
    Await,
    #[token("yield")]
    Yield,
    #[token("null")]
    Null,
    #[token("true")]
    True,
    #[token("false")]
    False,

    // --- brackets and punctuation
    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    /// `${` outside of templates: an inline op.
    #[token("${")]
    DollarBrace,
    #[token(",")]
    Comma,
    #[token(";")]
    Semi,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("..")]
    DotDot,
    #[token("..=")]
    DotDotEq,
    #[token("...")]
    Ellipsis,
    #[token("?")]
    Question,
    #[token("?.")]
    QuestionDot,
    #[token("=>")]
    FatArrow,
    #[token("->")]
    Arrow,

    // --- operators
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("**")]
    StarStar,
    #[token("&")]
    Amp,
    #[token("|")]
    Pipe,
    #[token("^")]
    Caret,
    #[token("~")]
    Tilde,
    #[token("<<")]
    Shl,
    #[token(">>")]
    Shr,
    #[token(">>>")]
    UShr,
    #[token("==")]
    EqEq,
    #[token("!=")]
    NotEq,
    #[token("===")]
    EqEqEq,
    #[token("!==")]
    NotEqEq,
    #[token("<")]
    Lt,
    #[token("<=")]
    Le,
    #[token(">")]
    Gt,
    #[token(">=")]
    Ge,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("!")]
    Bang,
    #[token("??")]
    Coalesce,
    #[token("++")]
    PlusPlus,
    #[token("--")]
    MinusMinus,
    #[token("=")]
    Assign,
    #[token("+=")]
    PlusEq,
    #[token("-=")]
    MinusEq,
    #[token("*=")]
    StarEq,
    #[token("/=")]
    SlashEq,
    #[token("%=")]
    PercentEq,
    #[token("**=")]
    StarStarEq,
    #[token("&=")]
    AmpEq,
    #[token("|=")]
    PipeEq,
    #[token("^=")]
    CaretEq,
    #[token("<<=")]
    ShlEq,
    #[token(">>=")]
    ShrEq,
    #[token(">>>=")]
    UShrEq,
    #[token("&&=")]
    AndAndEq,
    #[token("||=")]
    OrOrEq,
    #[token("??=")]
    CoalesceEq,

    /// A character that no token starts with.
    Bad,

    // --- marked
    /// The first name of a type that stands before a variable's name: `Account a`, `geo.Point p`.
    TypeName,
    /// A lambda's only parameter: `x => e`.
    ArrowName,
    /// The `(` before a lambda's parameters.
    ArrowParen,
    /// The `{` of a map literal or a map pattern.
    MapBrace,
    /// `for` of `for (x in xs)`.
    ForIn,
    /// `function` where a declaration may stand.
    FunctionDecl,
    /// `else if`, one token.
    ElseIf,
    /// `not in`, `!in`, one token.
    NotIn,
    /// `is not`, one token.
    IsNot,
    /// `match` with its braces, within an expression.
    Match,
    /// The same, as a statement.
    MatchStmt,
    /// `receive {` within an expression.
    Receive,
    /// The same, as a statement.
    ReceiveStmt,
    /// `spawn {` as a statement.
    SpawnStmt,
    /// `after` in a receive.
    After,
    /// `atomic {`
    Atomic,
    /// `scope {`
    Scope,
    /// `as` in an import.
    As,
    /// The op's name in an inline op.
    OpName,
    /// A statement with an error that has been reported.
    ErrorStmt,
}

impl Tok {
    /// Whether the token is a word: a name or a keyword.
    pub fn is_word(self) -> bool {
        use Tok::*;
        matches!(self, Name | TypeName | ArrowName | As | After | OpName | Match | MatchStmt | Receive)
            || matches!(self, ReceiveStmt | Atomic | Scope)
            || self.is_keyword()
    }

    /// Whether the token is a reserved word.
    pub fn is_keyword(self) -> bool {
        use Tok::*;
        matches!(
            self,
            Var | Const | Function | Class | Extend | Namespace | Import | Export | Static | If | Else
        ) || matches!(self, While | Do | For | In | Is | Switch | Case | Default | Break | Continue | Return)
            || matches!(self, Throw | Try | Catch | Finally | New | Super | SelfKw | Spawn | Await | Yield)
            || matches!(self, Null | True | False | ForIn | FunctionDecl | ElseIf | IsNot | SpawnStmt)
    }

    /// Whether the token is a word that can begin a statement and can stand nowhere in an expression.
    pub fn begins_statement(self) -> bool {
        use Tok::*;
        matches!(
            self,
            Var | Const | Class | Extend | Namespace | Import | Export | If | Do | For | Switch | Break
        ) || matches!(self, Continue | Return | Throw | Try)
    }

    /// Whether an expression may end with this token.
    pub fn ends_expr(self) -> bool {
        use Tok::*;
        matches!(
            self,
            Name | Int | BigInt | Float | BadNumber | Str | RawStr | Bytes | LongStr | OpenStr | Tick
        ) || matches!(self, RParen | RBracket | RBrace | SelfKw | Super | Null | True | False)
            || matches!(self, PlusPlus | MinusMinus)
    }

    /// Whether the token is a literal.
    pub fn is_literal(self) -> bool {
        use Tok::*;
        matches!(self, Int | BigInt | Float | BadNumber | Str | RawStr | Bytes | LongStr | OpenStr)
    }

    /// Whether it opens a bracket of any kind.
    pub fn opens(self) -> bool {
        use Tok::*;
        matches!(self, LParen | LBracket | LBrace | DollarBrace | TplOpen | ArrowParen | MapBrace)
    }

    /// Whether it closes a bracket of any kind.
    pub fn closes(self) -> bool {
        matches!(self, Tok::RParen | Tok::RBracket | Tok::RBrace | Tok::TplClose)
    }
}
