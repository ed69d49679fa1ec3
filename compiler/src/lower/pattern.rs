//! Destructuring: patterns that only bind, and targets that take values apart.

use corella_vm::bytecode::{Const, Op, TypeRef as VmType};

use super::literal::Lit;
use super::state::{Home, Lower};
use crate::ast::{Expr, Name, Pattern, PatternKind, Target, TargetKind};
use crate::emit::Reg;
use crate::resolve::{Place, bound_names};

impl<'a> Lower<'a, '_> {
    /// Declares the names of a pattern and fills them from the value in `src`.
    pub(super) fn bind_pattern(&mut self, pattern: &'a Pattern<'a>, src: Reg) {
        self.place_all(pattern);
        self.fill(pattern, src);
    }

    /// Gives all names of a pattern their places.
    pub(super) fn place_all(&mut self, pattern: &'a Pattern<'a>) {
        let mut names = Vec::new();
        bound_names(pattern, &mut |name| names.push(name));
        for name in names {
            self.place_var(name);
        }
    }

    /// Gives the variable that a name declares its first value.
    pub(super) fn fill_name(&mut self, name: Name<'a>, src: Reg) {
        if let Some(&id) = self.res.decls.get(&name.span.lo) {
            self.fill_var(id, src);
        }
    }

    /// The register of the variable that a pattern binds, if a value may be computed right into it; else `other`.
    pub(super) fn part_reg(&mut self, pattern: &'a Pattern<'a>, other: Reg) -> Reg {
        let PatternKind::Bind(name) = pattern.kind else { return other };
        let Some(&id) = self.res.decls.get(&name.span.lo) else { return other };
        match self.f_ref().homes.get(&id) {
            Some(&Home::Reg(reg))
                if self.var(id).declared.is_none() && self.var(id).place == Place::Local =>
            {
                reg
            }
            _ => other,
        }
    }

    fn fill(&mut self, pattern: &'a Pattern<'a>, src: Reg) {
        self.at(pattern.span);
        let mark = self.mark();
        match &pattern.kind {
            PatternKind::Bind(name) => self.fill_name(*name, src),
            PatternKind::Array { items, rest } => {
                let tmp = self.temp();
                for (number, item) in items.iter().enumerate() {
                    self.at(item.span);
                    if matches!(item.kind, PatternKind::Wildcard) {
                        continue;
                    }
                    let (item, default) = without_default(item);
                    let part = self.part_reg(item, tmp);
                    match default {
                        None => self.element(part, src, number),
                        Some(value) => self.element_or(part, src, number, value),
                    }
                    self.fill(item, part);
                }
                if let Some(name) = rest.and_then(|r| r.name) {
                    self.tail(tmp, src, items.len());
                    self.fill_name(name, tmp);
                }
            }
            PatternKind::Map { entries, rest } => {
                let tmp = self.temp();
                for entry in *entries {
                    self.at(entry.span);
                    let (value, default) = without_default(&entry.value);
                    let part = self.part_reg(value, tmp);
                    self.key(part, src, entry.key.text, default);
                    self.fill(value, part);
                }
                if let Some(name) = rest.and_then(|r| r.name) {
                    let keys: Vec<&str> = entries.iter().map(|e| e.key.text).collect();
                    self.without(tmp, src, &keys);
                    self.fill_name(name, tmp);
                }
            }
            // The parser lets no other kinds through where values are only bound.
            PatternKind::Wildcard
            | PatternKind::Constant(_)
            | PatternKind::Literal(_)
            | PatternKind::Range { .. }
            | PatternKind::Type { .. }
            | PatternKind::Default { .. }
            | PatternKind::Or(_) => {}
        }
        self.release(mark);
    }

    /// Writes the parts of the value in `src` to the places of an array or map target.
    pub(super) fn destructure_target(&mut self, target: &'a Target<'a>, src: Reg) {
        let mark = self.mark();
        self.at(target.span);
        match &target.kind {
            TargetKind::Array { items, rest } => {
                let tmp = self.temp();
                for (number, item) in items.iter().enumerate() {
                    self.at(item.span);
                    self.element(tmp, src, number);
                    self.destructure_target(item, tmp);
                }
                if let Some(rest) = rest {
                    self.tail(tmp, src, items.len());
                    self.destructure_target(rest, tmp);
                }
            }
            TargetKind::Map { entries, rest } => {
                let tmp = self.temp();
                for (key, item) in *entries {
                    self.at(key.span);
                    self.key(tmp, src, key.text, None);
                    self.destructure_target(item, tmp);
                }
                if let Some(rest) = rest {
                    let keys: Vec<&str> = entries.iter().map(|(key, _)| key.text).collect();
                    self.without(tmp, src, &keys);
                    self.destructure_target(rest, tmp);
                }
            }
            TargetKind::Name(_) | TargetKind::Member { .. } | TargetKind::Index { .. } => {
                self.store_target(target, src);
            }
        }
        self.release(mark);
    }

    /// `dst = src[number]`
    pub(super) fn element(&mut self, dst: Reg, src: Reg, number: usize) {
        match i16::try_from(number) {
            Ok(imm) => self.op(Op::GetIndexI, dst.0, src.0, imm as u16),
            Err(_) => {
                let mark = self.mark();
                let index = self.const_reg(Const::Int(number as i64));
                self.op(Op::GetIndex, dst.0, src.0, index.0);
                self.release(mark);
            }
        }
    }

    /// `dst = src[number]`, or a default if `src` is not that long.
    fn element_or(&mut self, dst: Reg, src: Reg, number: usize, default: &'a Expr<'a>) {
        let (missing, done) = (self.label(), self.label());
        let mark = self.mark();
        let len = self.temp();
        let site = self.site("length");
        self.op(Op::GetLen, len.0, src.0, site);
        match i16::try_from(number) {
            Ok(imm) => self.jump(Op::JLeI, len.0, imm as u16, missing),
            Err(_) => {
                let index = self.const_reg(Const::Int(number as i64));
                self.jump(Op::JLe, len.0, index.0, missing);
            }
        }
        self.release(mark);
        self.element(dst, src, number);
        self.goto(done);
        self.bind(missing);
        self.to(default, dst);
        self.bind(done);
    }

    /// `dst = src[from..]`
    pub(super) fn tail(&mut self, dst: Reg, src: Reg, from: usize) {
        let mark = self.mark();
        let pair = self.b().temps(2);
        self.load_lit(Lit::Int(from as i64), pair);
        self.load_lit(Lit::Null, pair.plus(1));
        self.op(Op::Slice, dst.0, src.0, pair.0);
        self.release(mark);
    }

    /// `dst = src[key]` of a map, or a default if it has no such key; `src.key` of anything else.
    fn key(&mut self, dst: Reg, src: Reg, key: &str, default: Option<&'a Expr<'a>>) {
        let (attribute, done) = (self.label(), self.label());
        let mark = self.mark();
        let map = self.m.type_index(VmType::Builtin("Map".to_owned()));
        let key_reg = self.const_reg(Const::Str(key.to_owned()));
        self.jump(Op::JNotIs, src.0, map, attribute);
        let missing = default.map(|value| (self.label(), value));
        if let Some((missing, _)) = missing {
            let inner = self.mark();
            let found = self.temp();
            self.op(Op::In, found.0, key_reg.0, src.0);
            self.jump(Op::JFalse, found.0, 0, missing);
            self.release(inner);
        }
        self.op(Op::GetIndex, dst.0, src.0, key_reg.0);
        self.goto(done);
        if let Some((missing, value)) = missing {
            self.bind(missing);
            self.to(value, dst);
            self.goto(done);
        }
        self.bind(attribute);
        let site = self.site(key);
        self.op(Op::GetAttr, dst.0, src.0, site);
        self.bind(done);
        self.release(mark);
    }

    /// `dst` = a copy of the map `src` without some keys.
    pub(super) fn without(&mut self, dst: Reg, src: Reg, keys: &[&str]) {
        self.op(Op::NewMap, dst.0, 0, 0);
        self.op(Op::MapExtend, dst.0, src.0, 0);
        for key in keys {
            let mark = self.mark();
            let window = self.b().temps(2);
            self.mov(window, dst);
            self.load_k(window.plus(1), Const::Str((*key).to_owned()));
            let site = self.site("remove");
            self.op_n(Op::CallMethod, 1, window.0, site, window.0);
            self.release(mark);
        }
    }
}

/// A part of a pattern, and what stands for it where the value has no such part.
fn without_default<'a>(part: &'a Pattern<'a>) -> (&'a Pattern<'a>, Option<&'a Expr<'a>>) {
    match part.kind {
        PatternKind::Default { pattern, value } => (pattern, Some(value)),
        _ => (part, None),
    }
}
