//! The second pass over the tokens: it knows brackets and neighbours, and marks what the grammar could not tell with one token of lookahead
//! (the marked part of [`Tok`]). It also notes where statements begin, for recovery, and mends words from other languages, with a message.
//!
//! It never fails and never changes the number of tokens: a text that makes no sense gets marks that make no sense, and the grammar says so.

mod brace;
mod frame;
mod word;

use crate::ast::FileId;
use crate::diagnostic::{Diagnostic, push_limited};
use crate::token::{Tok, Token};
use frame::{Frame, Header, Kind, Role};

/// No block around: the top of the file.
pub(crate) const TOP: usize = usize::MAX;

/// What the second pass found.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    pub(crate) tokens: Vec<Token>,
    /// Whether a statement (or class member) begins with this token.
    pub(crate) starts: Vec<bool>,
    /// The index of the `{` of the innermost block, class or switch around each token, or [`TOP`].
    pub(crate) block: Vec<usize>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

pub(crate) fn mark(file: FileId, src: &str, tokens: Vec<Token>, mate: &[usize]) -> Marked {
    let n = tokens.len();
    let top = Frame { next_start: true, ..Frame::new(Kind::Block, TOP, n) };
    let mut m = Marker {
        file,
        src,
        mate,
        frames: vec![top],
        out: Marked { tokens, starts: vec![false; n], block: vec![TOP; n], diagnostics: Vec::new() },
    };
    for i in 0..n {
        m.token(i);
    }
    m.out
}

struct Marker<'t> {
    file: FileId,
    src: &'t str,
    mate: &'t [usize],
    /// The open brackets; the first is the file itself and is never popped.
    frames: Vec<Frame>,
    out: Marked,
}

impl Marker<'_> {
    fn token(&mut self, i: usize) {
        // Brackets that were never closed end here.
        while self.frames.len() > 1 && self.frame().close == i && self.mate[i] != self.frame().open {
            self.frames.pop();
        }
        self.out.block[i] = self.frame().block;
        if self.frames.len() > 1 && self.frame().close == i {
            self.leave();
            return;
        }
        let tok = self.out.tokens[i].tok;
        let start = (self.frame().next_start || self.starts_anyway(i))
            && !matches!(tok, Tok::Else | Tok::ElseIf | Tok::Catch | Tok::Finally);
        let f = self.frame();
        f.next_start = false;
        let statement_like = matches!(f.kind, Kind::Block | Kind::Class);
        let start = start && statement_like;
        self.out.starts[i] = start && !matches!(tok, Tok::Case | Tok::Default);
        if tok.is_word() && self.word(i, start) {
            return;
        }
        match tok {
            Tok::LParen => self.open_paren(i, start),
            Tok::LBracket => {
                let pattern = self.frame().expects_pattern();
                self.enter(Frame { pattern, ..Frame::new(Kind::Bracket, i, self.mate[i]) });
            }
            Tok::LBrace => self.open_brace(i, start),
            Tok::DollarBrace => self.enter(Frame::new(Kind::InlineOp, i, self.mate[i])),
            Tok::TplOpen => self.enter(Frame::new(Kind::Template, i, self.mate[i])),
            _ => self.punctuation(tok),
        }
    }

    /// A word that can only begin a statement, on a line of its own: the `;` before it is missing.
    fn starts_anyway(&self, i: usize) -> bool {
        let Some(before) = i.checked_sub(1) else { return false };
        self.tok(before).is_some_and(Tok::ends_expr)
            && self.line_between(before)
            && self.tok(i).is_some_and(|t| {
                t.begins_statement() || (t == Tok::Function && self.tok(i + 1) == Some(Tok::Name))
            })
    }

    fn punctuation(&mut self, tok: Tok) {
        let f = self.frame();
        match tok {
            Tok::Semi => {
                f.next_start = true;
                f.end_statement();
                f.begin_arm();
            }
            Tok::Comma => f.begin_arm(),
            Tok::Question => f.ternaries += 1,
            Tok::Colon if f.ternaries > 0 => f.ternaries -= 1,
            // A label, or the end of `case x:`.
            Tok::Colon => f.next_start = f.header.is_none(),
            Tok::FatArrow => {
                f.in_pattern = false;
                f.in_guard = false;
            }
            Tok::Else | Tok::Do => f.next_start = true,
            Tok::If if f.in_pattern => f.in_guard = true,
            Tok::If | Tok::ElseIf | Tok::While => f.role = Some(Role::Control),
            Tok::Switch => {
                f.role = Some(Role::Head);
                f.header = Some(Header::Switch);
            }
            Tok::Catch => f.role = Some(Role::Catch),
            Tok::Class | Tok::Extend => f.header = Some(Header::Class),
            Tok::Import => f.in_import = true,
            _ => {}
        }
    }

    /// Ends the innermost bracket at its partner.
    fn leave(&mut self) {
        let Some(left) = self.frames.pop() else { return };
        let f = self.frame();
        match left.kind {
            Kind::Paren(Role::Control | Role::For) => f.next_start = true,
            _ if left.ends_statement => {
                f.next_start = true;
                f.end_statement();
            }
            _ if left.is_arm_body => f.begin_arm(),
            _ => {}
        }
    }

    fn enter(&mut self, mut frame: Frame) {
        frame.block = match frame.kind {
            Kind::Block | Kind::Class => frame.open,
            _ => self.frame().block,
        };
        self.frames.push(frame);
    }

    /// The innermost bracket. The first one is never popped, so there is always one.
    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the file's own frame")
    }

    /// The same, to look at.
    fn top(&self) -> &Frame {
        self.frames.last().expect("the file's own frame")
    }

    fn tok(&self, i: usize) -> Option<Tok> {
        self.out.tokens.get(i).map(|t| t.tok)
    }

    fn prev(&self, i: usize) -> Option<Tok> {
        i.checked_sub(1).and_then(|p| self.tok(p))
    }

    fn text(&self, i: usize) -> &str {
        self.out.tokens.get(i).map_or("", |t| t.span.text(self.src))
    }

    fn set(&mut self, i: usize, tok: Tok) {
        self.out.tokens[i].tok = tok;
    }
}
