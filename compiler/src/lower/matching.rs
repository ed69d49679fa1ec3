//! `match`: patterns tested from top to bottom.
//!
//! Invariant: a test that fails has no effect but on registers of the arm it belongs to.

use corella_vm::bytecode::{Const, Op, TypeRef as VmType};

use super::literal::Lit;
use super::state::Lower;
use crate::ast::{ArmBody, Expr, Match, MatchArm, Pattern, PatternKind};
use crate::emit::{Label, Reg};

impl<'a> Lower<'a, '_> {
    /// Lowers `match`; with `dst` it is an expression: its value arrives there, and no fitting arm is an error.
    pub(super) fn match_value(&mut self, m: &'a Match<'a>, dst: Option<Reg>) {
        let mark = self.mark();
        let subject = self.operand(m.value, m.span);
        let done = self.label();
        self.arms(m.arms, subject, dst, done, None);
        if dst.is_some() {
            self.at(m.span);
            let k = self.m.constant(Const::Str("MatchError: no pattern matches the value".to_owned()));
            let scratch = self.temp();
            self.wide(Op::Fail, scratch.0, k);
        }
        self.bind(done);
        self.release(mark);
    }

    /// Lowers arms over a value; falls through if none fits. `take` is the state of a receive.
    pub(super) fn arms(
        &mut self,
        arms: &'a [MatchArm<'a>],
        subject: Reg,
        dst: Option<Reg>,
        done: Label,
        take: Option<Reg>,
    ) {
        for arm in arms {
            let mark = self.mark();
            let next = self.label();
            self.at(arm.span);
            self.place_all(&arm.pattern);
            self.test(&arm.pattern, subject, next);
            if let Some(guard) = arm.guard {
                self.cond(guard, next, false);
            }
            if let Some(state) = take {
                self.op(Op::RecvTake, state.0, 0, 0);
            }
            self.arm_body(&arm.body, dst);
            self.goto(done);
            self.bind(next);
            self.release(mark);
        }
    }

    /// Lowers what an arm does.
    pub(super) fn arm_body(&mut self, body: &'a ArmBody<'a>, dst: Option<Reg>) {
        match body {
            ArmBody::Expr(e) => match dst {
                Some(dst) => return self.to(e, dst),
                None => return self.effect(e),
            },
            ArmBody::Block(block) => self.block(block),
            ArmBody::Stmt(stmt) => self.body(stmt),
        }
        if let Some(dst) = dst {
            self.op(Op::LoadNull, dst.0, 0, 0);
        }
    }

    /// Jumps to `fail` unless the value in `src` matches; binds the names of the pattern.
    fn test(&mut self, pattern: &'a Pattern<'a>, src: Reg, fail: Label) {
        self.at(pattern.span);
        let mark = self.mark();
        match &pattern.kind {
            PatternKind::Wildcard => {}
            PatternKind::Bind(name) => self.fill_name(*name, src),
            PatternKind::Constant(path) => {
                let r = self.path(*path, pattern.span);
                self.jump(Op::JNe, src.0, r.0, fail);
            }
            PatternKind::Literal(e) => self.test_literal(e, src, fail),
            PatternKind::Range { start, end, inclusive } => {
                self.test_range(*start, *end, *inclusive, src, fail);
            }
            PatternKind::Type { ty, name } => {
                let index = self.type_index(ty);
                self.jump(Op::JNotIs, src.0, index, fail);
                if let Some(name) = name {
                    self.fill_name(*name, src);
                }
            }
            PatternKind::Array { items, rest } => {
                let array = self.m.type_index(VmType::Builtin("Array".to_owned()));
                self.jump(Op::JNotIs, src.0, array, fail);
                let tmp = self.temp();
                let site = self.site("length");
                self.op(Op::GetLen, tmp.0, src.0, site);
                let n = items.len().min(i16::MAX as usize) as u16;
                self.jump(if rest.is_some() { Op::JLtI } else { Op::JNeI }, tmp.0, n, fail);
                for (number, item) in items.iter().enumerate() {
                    if matches!(item.kind, PatternKind::Wildcard) {
                        continue;
                    }
                    let part = self.part_reg(item, tmp);
                    self.element(part, src, number);
                    self.test(item, part, fail);
                }
                if let Some(name) = rest.and_then(|r| r.name) {
                    self.tail(tmp, src, items.len());
                    self.fill_name(name, tmp);
                }
            }
            PatternKind::Map { entries, rest } => {
                self.jump(Op::JNull, src.0, 0, fail);
                let tmp = self.temp();
                for entry in *entries {
                    self.at(entry.span);
                    let part = self.part_reg(&entry.value, tmp);
                    self.test_key(part, src, entry.key.text, fail);
                    self.test(&entry.value, part, fail);
                }
                if let Some(name) = rest.and_then(|r| r.name) {
                    let keys: Vec<&str> = entries.iter().map(|e| e.key.text).collect();
                    self.without(tmp, src, &keys);
                    self.fill_name(name, tmp);
                }
            }
            // The parser has reported it.
            PatternKind::Default { .. } => {}
            PatternKind::Or(patterns) => {
                let found = self.label();
                for (number, p) in patterns.iter().enumerate() {
                    if number + 1 == patterns.len() {
                        self.test(p, src, fail);
                    } else {
                        let next = self.label();
                        self.test(p, src, next);
                        self.goto(found);
                        self.bind(next);
                    }
                }
                self.bind(found);
            }
        }
        self.release(mark);
    }

    fn test_literal(&mut self, e: &'a Expr<'a>, src: Reg, fail: Label) {
        match self.lit(e) {
            Some(Lit::Null) => self.jump(Op::JNotNull, src.0, 0, fail),
            lit => {
                if let Some(imm) = lit.and_then(Lit::imm) {
                    self.jump(Op::JNeI, src.0, imm as u16, fail);
                } else {
                    let r = match lit {
                        Some(lit) => self.lit_reg(lit),
                        None => self.reg(e),
                    };
                    self.jump(Op::JNe, src.0, r.0, fail);
                }
            }
        }
    }

    fn test_range(
        &mut self,
        start: Option<&'a Expr<'a>>,
        end: Option<&'a Expr<'a>>,
        inclusive: bool,
        src: Reg,
        fail: Label,
    ) {
        let strings = start.or(end).is_some_and(|e| matches!(self.lit(e), Some(Lit::Str(_))));
        if strings {
            let string = self.m.type_index(VmType::Str);
            self.jump(Op::JNotIs, src.0, string, fail);
        } else {
            // Only a number can lie between numbers; comparing anything else would throw.
            let (float, number) = (self.label(), self.label());
            let (int_type, float_type) = (self.m.type_index(VmType::Int), self.m.type_index(VmType::Float));
            self.jump(Op::JNotIs, src.0, int_type, float);
            self.goto(number);
            self.bind(float);
            self.jump(Op::JNotIs, src.0, float_type, fail);
            self.bind(number);
        }
        if let Some(start) = start {
            match self.lit(start).and_then(Lit::imm) {
                Some(imm) => self.jump(Op::JNGeI, src.0, imm as u16, fail),
                None => {
                    let r = self.reg(start);
                    self.jump(Op::JNLe, r.0, src.0, fail);
                }
            }
        }
        if let Some(end) = end {
            match self.lit(end).and_then(Lit::imm) {
                Some(imm) => {
                    self.jump(if inclusive { Op::JNLeI } else { Op::JNLtI }, src.0, imm as u16, fail)
                }
                None => {
                    let r = self.reg(end);
                    self.jump(if inclusive { Op::JNLe } else { Op::JNLt }, src.0, r.0, fail);
                }
            }
        }
    }

    /// Loads the value of a key (of a map) or attribute (of anything else) into `dst`, or jumps to `fail`.
    fn test_key(&mut self, dst: Reg, src: Reg, key: &str, fail: Label) {
        let (attribute, have, other) = (self.label(), self.label(), self.label());
        let mark = self.mark();
        let map = self.m.type_index(VmType::Builtin("Map".to_owned()));
        let key_reg = self.const_reg(Const::Str(key.to_owned()));
        self.jump(Op::JNotIs, src.0, map, attribute);
        self.op(Op::In, dst.0, key_reg.0, src.0);
        self.jump(Op::JFalse, dst.0, 0, fail);
        self.op(Op::GetIndex, dst.0, src.0, key_reg.0);
        self.goto(have);
        self.bind(attribute);
        let start = self.b().here();
        let site = self.site(key);
        self.op(Op::GetAttr, dst.0, src.0, site);
        let end = self.b().here();
        self.goto(have);
        // What has no such attribute does not match.
        let error = self.temp();
        if self.b().handler(start, end, error) {
            let missing = self.m.type_index(VmType::Builtin("AttributeError".to_owned()));
            self.jump(Op::JNotIs, error.0, missing, other);
            self.goto(fail);
            self.bind(other);
            self.op(Op::Rethrow, error.0, 0, 0);
        }
        self.bind(have);
        self.release(mark);
    }
}
