//! The second pass on `(` and `{`: parameters or a group, a block or a map.

use super::frame::{Frame, Header, Kind, Role};
use super::{Marker, Tok};

impl Marker<'_> {
    pub(super) fn open_paren(&mut self, i: usize, start: bool) {
        let close = self.mate[i];
        let prev_ends = !start && self.prev(i).is_some_and(Tok::ends_expr);
        let arrow = self.tok(close) == Some(Tok::RParen) && self.tok(close + 1) == Some(Tok::FatArrow);
        let f = self.frame();
        let role = match f.role.take() {
            Some(role) => role,
            None if arrow && !prev_ends && !f.in_pattern => {
                self.set(i, Tok::ArrowParen);
                Role::Params
            }
            None => Role::Plain,
        };
        self.enter(Frame::new(Kind::Paren(role), i, close));
    }

    pub(super) fn open_brace(&mut self, i: usize, start: bool) {
        let close = self.mate[i];
        let prev = self.prev(i);
        let f = self.frame();
        if f.expects_pattern() {
            self.set(i, Tok::MapBrace);
            self.enter(Frame { pattern: true, ..Frame::new(Kind::Map, i, close) });
            return;
        }
        if f.in_import {
            self.enter(Frame::new(Kind::Import, i, close));
            return;
        }
        let in_arms = matches!(f.kind, Kind::Arms { .. });
        let (kind, ends_statement) = match f.header.take() {
            Some(Header::Class) => (Kind::Class, true),
            Some(Header::Switch) => (Kind::Block, true),
            Some(Header::Match { statement }) => (Kind::Arms { receive: false }, statement),
            Some(Header::Receive { statement }) => (Kind::Arms { receive: true }, statement),
            Some(Header::Function { declared }) => (Kind::Block, declared),
            None => match prev {
                _ if start => (Kind::Block, true),
                Some(Tok::FatArrow | Tok::Spawn) => (Kind::Block, false),
                Some(Tok::Try | Tok::Finally | Tok::Catch | Tok::Atomic | Tok::Scope | Tok::SpawnStmt) => {
                    (Kind::Block, true)
                }
                Some(t) if t.ends_expr() => (Kind::Block, true),
                _ => (Kind::Map, false),
            },
        };
        if kind == Kind::Map {
            self.set(i, Tok::MapBrace);
        }
        let is_arm_body = in_arms && prev == Some(Tok::FatArrow);
        self.enter(Frame { ends_statement, is_arm_body, ..Frame::new(kind, i, close) });
    }
}
