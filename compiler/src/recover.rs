//! Going on after a syntax error: the statement concerned is replaced by one [`Tok::ErrorStmt`], or a missing `;` is put in, and the text is parsed
//! again. Statements are found with the marks of the second pass, so the rest of the file is judged as it stands.

use crate::ast::Span;
use crate::marks::{Marked, TOP};
use crate::token::Tok;

/// The marked tokens with the mends made so far.
pub(crate) struct Mended<'m> {
    marked: &'m Marked,
    mate: &'m [usize],
    /// The token is not handed to the parser.
    dead: Vec<bool>,
    /// The token begins a statement that was replaced.
    error: Vec<bool>,
    /// Tokens left out one by one.
    dropped: Vec<usize>,
    /// A `;` is put in before the token (the last entry: at the end).
    semi: Vec<bool>,
}

impl<'m> Mended<'m> {
    pub(crate) fn new(marked: &'m Marked, mate: &'m [usize]) -> Mended<'m> {
        let n = marked.tokens.len();
        Mended {
            marked,
            mate,
            dead: vec![false; n],
            error: vec![false; n],
            semi: vec![false; n + 1],
            dropped: Vec::new(),
        }
    }

    /// The tokens as the parser gets them.
    pub(crate) fn stream(&self) -> impl Iterator<Item = (u32, Tok, u32)> + '_ {
        let n = self.marked.tokens.len();
        (0..=n).flat_map(move |i| {
            let at = match self.marked.tokens.get(i) {
                Some(t) => t.span.lo,
                None => self.marked.tokens.last().map_or(0, |t| t.span.hi),
            };
            let semi = self.semi[i].then_some((at, Tok::Semi, at));
            let token = self.marked.tokens.get(i).and_then(|t| {
                let tok = if self.error[i] { Tok::ErrorStmt } else { t.tok };
                (self.error[i] || !self.dead[i]).then_some((t.span.lo, tok, t.span.hi))
            });
            semi.into_iter().chain(token)
        })
    }

    /// The index of the token that begins at this offset (the number of tokens, at the end of the text).
    pub(crate) fn index_at(&self, offset: u32) -> usize {
        self.marked.tokens.partition_point(|t| t.span.lo < offset)
    }

    /// The last token before this one that the parser still sees as it is.
    pub(crate) fn before(&self, i: usize) -> Option<(Tok, Span)> {
        (0..i.min(self.dead.len())).rev().find(|&k| !self.dead[k]).map(|k| {
            let t = self.marked.tokens[k];
            (t.tok, t.span)
        })
    }

    /// Leaves one token out.
    pub(crate) fn drop_token(&mut self, i: usize) {
        self.dead[i] = true;
        self.dropped.push(i);
    }

    /// Puts a `;` before the token. False if there is one already.
    pub(crate) fn insert_semicolon(&mut self, i: usize) -> bool {
        !std::mem::replace(&mut self.semi[i], true)
    }

    /// Whether the token before this one was left out.
    pub(crate) fn follows_dropped(&self, i: usize) -> bool {
        self.dropped.iter().any(|&d| d + 1 == i)
    }

    /// Whether the token has been replaced, with or without others.
    pub(crate) fn is_error(&self, i: usize) -> bool {
        self.error.get(i).is_some_and(|&e| e)
    }

    /// Replaces the statement around the token by an error statement. If that was done before, the statement before it is added, then the
    /// statement around it. False if nothing is left to be replaced.
    pub(crate) fn replace_statement(&mut self, i: usize) -> bool {
        let n = self.marked.tokens.len();
        if n == 0 {
            return false;
        }
        let mut at = i.min(n - 1);
        loop {
            let block = self.marked.block[at];
            let mut from = at + 1;
            while let Some(start) = self.start_before(from, block) {
                let end = self.statement_end(start, i, block);
                if self.replace(start, end) {
                    return true;
                }
                from = start;
            }
            if block == TOP {
                // Nothing begins before it: the text from its first token on.
                return self.replace(0, n);
            }
            at = block;
        }
    }

    /// The last statement of this block that begins before token `from`.
    fn start_before(&self, from: usize, block: usize) -> Option<usize> {
        let first = if block == TOP { 0 } else { block + 1 };
        (first..from).rev().find(|&k| self.marked.starts[k] && self.marked.block[k] == block)
    }

    /// One past the last token of the statement that begins at `start` and reaches at least token `i`.
    fn statement_end(&self, start: usize, i: usize, block: usize) -> usize {
        let n = self.marked.tokens.len();
        let close = if block == TOP { n } else { self.mate[block] };
        let mut k = start;
        while k < close {
            let tok = self.marked.tokens[k].tok;
            if k > i && k > start && self.marked.starts[k] && self.marked.block[k] == block {
                return k;
            }
            if tok.opens() && self.mate[k] > k {
                // An unclosed bracket ends before the token that showed it.
                let mate = self.mate[k].min(close);
                let closed = mate < n && self.mate[mate] == k;
                k = if closed { mate + 1 } else { mate };
                continue;
            }
            if tok == Tok::Semi && k >= i {
                return k + 1;
            }
            k += 1;
        }
        close
    }

    /// Replaces the tokens `start..end` by one error statement. False if that changes nothing.
    fn replace(&mut self, start: usize, end: usize) -> bool {
        let lone = (start..end).all(|k| self.dead[k] && (k == start) == self.error[k]);
        if start >= end || lone {
            return false;
        }
        for k in start..end {
            self.dead[k] = true;
            self.error[k] = false;
            self.semi[k] = false;
        }
        self.error[start] = true;
        true
    }
}
