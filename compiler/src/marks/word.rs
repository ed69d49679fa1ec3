//! The second pass on words: names that are keywords only in their place, types before variables, words from other languages.

use super::frame::{Header, Kind, Role};
use super::{Diagnostic, Marker, Tok, push_limited};
use crate::slips;

impl Marker<'_> {
    /// Marks a word. True if that was all that is to do with it.
    pub(super) fn word(&mut self, i: usize, start: bool) -> bool {
        if self.prev(i) == Some(Tok::DollarBrace) {
            self.set(i, Tok::OpName);
            return true;
        }
        if self.is_plain_name(i) {
            self.set(i, Tok::Name);
            return true;
        }
        match self.tok(i) {
            Some(Tok::Name) => {
                self.name(i, start);
                true
            }
            Some(Tok::Function) => {
                let after = if self.tok(i + 1) == Some(Tok::Star) { i + 2 } else { i + 1 };
                let declared = (start && self.tok(after) != Some(Tok::LParen))
                    || matches!(self.prev(i), Some(Tok::Export | Tok::Static));
                if declared {
                    self.set(i, Tok::FunctionDecl);
                }
                self.function_header(declared);
                true
            }
            Some(Tok::For) => {
                if self.is_for_in(i) {
                    self.set(i, Tok::ForIn);
                }
                self.frame().role = Some(Role::For);
                true
            }
            Some(Tok::Spawn) => {
                if start && self.tok(i + 1) == Some(Tok::LBrace) {
                    self.set(i, Tok::SpawnStmt);
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn function_header(&mut self, declared: bool) {
        let f = self.frame();
        f.role = Some(Role::Params);
        f.header = Some(Header::Function { declared });
    }

    /// Whether a word stands where every word is just a name: a function's name, a map's key.
    fn is_plain_name(&self, i: usize) -> bool {
        let prev = self.prev(i);
        let is_function = |t| matches!(t, Some(Tok::Function | Tok::FunctionDecl));
        if is_function(prev) || (prev == Some(Tok::Star) && i >= 2 && is_function(self.tok(i - 2))) {
            return true;
        }
        let in_map = self.top().kind == Kind::Map;
        in_map
            && matches!(prev, Some(Tok::MapBrace | Tok::Comma))
            && (self.tok(i + 1) == Some(Tok::Colon)
                || (self.tok(i) == Some(Tok::Name)
                    && matches!(self.tok(i + 1), Some(Tok::Comma | Tok::RBrace))))
    }

    fn name(&mut self, i: usize, start: bool) {
        let next = self.tok(i + 1);
        let prev = self.prev(i);
        let after_expr = !start && prev.is_some_and(Tok::ends_expr);
        if matches!(prev, Some(Tok::Dot | Tok::QuestionDot)) {
            return;
        }
        let marked = match self.text(i) {
            "match" if next == Some(Tok::LParen) && self.tok(self.mate[i + 1] + 1) == Some(Tok::LBrace) => {
                let f = self.frame();
                f.role = Some(Role::Head);
                f.header = Some(Header::Match { statement: start });
                Some(if start { Tok::MatchStmt } else { Tok::Match })
            }
            "receive" if next == Some(Tok::LBrace) => {
                self.frame().header = Some(Header::Receive { statement: start });
                Some(if start { Tok::ReceiveStmt } else { Tok::Receive })
            }
            "atomic" if start && next == Some(Tok::LBrace) => Some(Tok::Atomic),
            "scope" if start && next == Some(Tok::LBrace) => Some(Tok::Scope),
            "after" if self.is_after(next, prev) => {
                self.frame().in_guard = true;
                Some(Tok::After)
            }
            "as" if self.in_import() && matches!(prev, Some(Tok::Name | Tok::Str | Tok::RawStr)) => {
                Some(Tok::As)
            }
            _ => None,
        };
        if let Some(tok) = marked {
            self.set(i, tok);
        } else if self.in_import() {
        } else if next == Some(Tok::FatArrow) {
            if !after_expr && !self.frame().in_pattern {
                self.set(i, Tok::ArrowName);
            }
        } else if !self.slip(i, start, after_expr)
            && self.may_be_type(start, prev)
            && self.is_type_before_name(i)
        {
            self.set(i, Tok::TypeName);
        }
    }

    fn in_import(&self) -> bool {
        self.top().in_import || self.top().kind == Kind::Import
    }

    fn is_after(&self, next: Option<Tok>, prev: Option<Tok>) -> bool {
        let f = self.top();
        f.kind == (Kind::Arms { receive: true })
            && f.in_pattern
            && !f.in_guard
            && matches!(prev, Some(Tok::LBrace | Tok::Semi | Tok::Comma | Tok::RBrace))
            && !matches!(next, Some(Tok::FatArrow | Tok::If | Tok::Pipe | Tok::Dot))
    }

    /// Whether a typed variable may be declared here.
    fn may_be_type(&self, start: bool, prev: Option<Tok>) -> bool {
        let f = self.top();
        match prev {
            _ if start => true,
            Some(Tok::Export | Tok::Static | Tok::Const) => true,
            Some(Tok::LParen | Tok::ArrowParen | Tok::Comma)
                if matches!(f.kind, Kind::Paren(Role::Params | Role::Catch | Role::For)) =>
            {
                true
            }
            Some(
                Tok::LBrace | Tok::RBrace | Tok::Comma | Tok::Semi | Tok::Pipe | Tok::LBracket | Tok::Colon,
            ) => f.expects_pattern(),
            _ => false,
        }
    }

    /// `Name Name` or `Name.Name Name`, on one line.
    fn is_type_before_name(&self, i: usize) -> bool {
        let mut last = i;
        while self.tok(last + 1) == Some(Tok::Dot) && self.tok(last + 2) == Some(Tok::Name) {
            last += 2;
        }
        self.tok(last + 1) == Some(Tok::Name)
            && !self.line_between(last)
            && !matches!(self.text(last + 1), "and" | "or" | "of")
    }

    /// Whether a line ends between token `i` and the next one.
    pub(super) fn line_between(&self, i: usize) -> bool {
        let (Some(a), Some(b)) = (self.out.tokens.get(i), self.out.tokens.get(i + 1)) else { return true };
        self.src[a.span.hi as usize..b.span.lo as usize].contains('\n')
    }

    /// `for (x in xs)`: no `;` between its parentheses.
    fn is_for_in(&self, i: usize) -> bool {
        if self.tok(i + 1) != Some(Tok::LParen) {
            return false;
        }
        let close = self.mate[i + 1];
        let mut at = i + 2;
        while at < close {
            match self.tok(at) {
                Some(Tok::Semi) => return false,
                Some(t) if t.opens() => at = self.mate[at].max(at),
                _ => {}
            }
            at += 1;
        }
        true
    }

    /// Mends a word from another language, with a message. True if the token was changed.
    fn slip(&mut self, i: usize, start: bool, after_expr: bool) -> bool {
        let next = self.tok(i + 1);
        let word = self.text(i);
        let starts_operand = next.is_some_and(|t| {
            t.is_word()
                || t.is_literal()
                || matches!(t, Tok::LParen | Tok::LBracket | Tok::Bang | Tok::Minus | Tok::Tick)
        });
        let name_next = next == Some(Tok::Name) && !self.line_between(i);
        let (tok, mend) = match word {
            _ if start && name_next && slips::is_variable_word(word) => (Tok::Var, "var"),
            _ if start && name_next && slips::is_function_word(word) => (Tok::FunctionDecl, "function"),
            _ if start && next == Some(Tok::LParen) && slips::is_else_if_word(word) => {
                (Tok::ElseIf, "else if")
            }
            "foreach" if start && next == Some(Tok::LParen) => (Tok::ForIn, "for (x in xs)"),
            "and" if after_expr && starts_operand => (Tok::AndAnd, "&&"),
            "or" if after_expr && starts_operand => (Tok::OrOr, "||"),
            "not" if !after_expr && starts_operand && (name_next || next != Some(Tok::LParen)) => {
                (Tok::Bang, "!")
            }
            "this" if next == Some(Tok::Dot) => (Tok::SelfKw, "self"),
            "extends" if self.top().header == Some(Header::Class) => (Tok::Colon, "class A : B"),
            _ => return false,
        };
        let message = format!("`{word}` is not a word of Corella: write `{mend}`");
        let d = Diagnostic::error(self.file, self.out.tokens[i].span, message);
        push_limited(&mut self.out.diagnostics, d);
        self.set(i, tok);
        match tok {
            Tok::FunctionDecl => self.function_header(true),
            Tok::ElseIf => {
                self.out.starts[i] = false;
                self.frame().role = Some(Role::Control);
            }
            Tok::ForIn => self.frame().role = Some(Role::For),
            _ => {}
        }
        true
    }
}
