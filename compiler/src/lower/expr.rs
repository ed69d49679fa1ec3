//! Expressions into tagged registers: the dispatch over all kinds.

use corella_vm::bytecode::{Const, Op};

use super::literal::Lit;
use super::raw::{Rep, num_of};
use super::state::{Home, Lower, Num};
use super::vars::Access;
use crate::ast::{Expr, ExprKind, Function, LogicalOp, Name, Span, TypeRef, UnaryOp};
use crate::emit::Reg;
use crate::resolve::{Binding, NsMember, Place, Ty};

impl<'a> Lower<'a, '_> {
    /// Computes an expression into `dst`. `dst` may be written before the expression is done (see [`Self::writes_early`]).
    pub(super) fn to(&mut self, e: &'a Expr<'a>, dst: Reg) {
        if let Some(lit) = self.lit(e) {
            self.at(e.span);
            self.load_lit(lit, dst);
            return;
        }
        if self.rep(e) == Rep::Raw
            && let Some(num) = num_of(self.ty(e))
        {
            let mark = self.mark();
            let raw = self.raw(e, num, "operand");
            self.boxed(dst, raw, num);
            self.release(mark);
            return;
        }
        let mark = self.mark();
        self.at(e.span);
        self.tagged(e, dst);
        self.release(mark);
    }

    fn tagged(&mut self, e: &'a Expr<'a>, dst: Reg) {
        match &e.kind {
            ExprKind::Null => self.load_lit(Lit::Null, dst),
            ExprKind::Bool(b) => self.load_lit(Lit::Bool(*b), dst),
            ExprKind::Int(i) => self.load_lit(Lit::Int(*i), dst),
            ExprKind::Float(f) => self.load_lit(Lit::Float(*f), dst),
            ExprKind::String(s) => self.load_lit(Lit::Str(s), dst),
            ExprKind::BigInt(digits) => self.load_k(dst, Const::Big((*digits).to_owned())),
            ExprKind::Bytes(bytes) => self.load_k(dst, Const::Bytes(bytes.to_vec())),
            ExprKind::Template(parts) => self.template(parts, dst),
            ExprKind::Array(items) => self.array(items, dst),
            ExprKind::Map(entries) => self.map(entries, dst),
            ExprKind::Lambda(f) => self.lambda(f, dst),
            ExprKind::Name(name) => self.name_to(*name, dst),
            ExprKind::SelfRef => self.self_to(e.span, dst),
            ExprKind::Unary { op, operand } => self.unary_to(*op, operand, e.span, dst),
            ExprKind::Binary { op, op_span, left, right } => self.binary_to(*op, *op_span, left, right, dst),
            ExprKind::Logical { op, left, right } => self.logical_to(*op, left, right, dst),
            ExprKind::Is { value, ty, negated } => self.is_to(value, ty, *negated, dst),
            ExprKind::Conditional { cond, then, otherwise } => {
                if let Some(lit) = self.lit(cond) {
                    return self.to(if lit.truth() { then } else { otherwise }, dst);
                }
                let (other, done) = (self.label(), self.label());
                self.cond(cond, other, false);
                self.to(then, dst);
                self.goto(done);
                self.bind(other);
                self.to(otherwise, dst);
                self.bind(done);
            }
            ExprKind::Range { start, end, inclusive } => {
                if let (Some(Lit::Int(start)), Some(Lit::Int(end))) = (self.lit(start), self.lit(end)) {
                    return self.load_k(dst, Const::Range { start, end, inclusive: *inclusive });
                }
                let a = self.operand(start, end.span);
                let b = self.reg(end);
                self.at(e.span);
                self.op_n(Op::NewRange, u8::from(*inclusive), dst.0, a.0, b.0);
            }
            ExprKind::Assign { target, value } => self.assign(target, value, Some(dst)),
            ExprKind::AssignOp { op, op_span, target, value } => {
                self.assign_op(*op, *op_span, target, value, Some(dst));
            }
            ExprKind::Update { delta, prefix, target } => {
                self.update(*delta, *prefix, target, e.span, Some(dst))
            }
            ExprKind::Member { object, name, optional } => self.member_to(e, object, *name, *optional, dst),
            ExprKind::Index { object, index, optional } => self.index_to(e, object, index, *optional, dst),
            ExprKind::Slice { object, start, end, inclusive, optional } => {
                let later =
                    start.or(*end).map_or(Span::default(), |first| Span::new(first.span.lo, e.span.hi));
                let obj = self.operand(object, later);
                self.link(obj, *optional);
                let pair = self.b().temps(2);
                for (number, side) in [start, end].into_iter().enumerate() {
                    match side {
                        Some(side) => self.to(side, pair.plus(number)),
                        None => self.load_lit(Lit::Null, pair.plus(number)),
                    }
                }
                self.at(e.span);
                self.op_n(Op::Slice, u8::from(*inclusive), dst.0, obj.0, pair.0);
            }
            ExprKind::Call { callee, args, optional } => self.call(e, callee, args, *optional, dst),
            ExprKind::OptionalChain(inner) => {
                let (null, done) = (self.label(), self.label());
                self.f().chains.push(null);
                self.to(inner, dst);
                self.f().chains.pop();
                self.goto(done);
                self.bind(null);
                self.op(Op::LoadNull, dst.0, 0, 0);
                self.bind(done);
            }
            ExprKind::SuperCall(args) => self.super_call("new", args, e.span, dst),
            ExprKind::SuperMember(name) => {
                let receiver = self.super_receiver(e.span);
                let site = self.site(name.text);
                self.at(name.span);
                self.op(Op::GetSuper, dst.0, receiver.0, site);
            }
            ExprKind::New { class, args } => self.new_to(*class, args, e.span, dst),
            ExprKind::Spawn(body) => self.spawn(body, e.span, Some(dst)),
            ExprKind::Await(inner) => {
                let r = self.reg(inner);
                self.at(e.span);
                self.op(Op::Await, dst.0, r.0, 0);
            }
            ExprKind::Yield(value) => match value {
                Some(value) => {
                    let r = self.reg(value);
                    self.at(e.span);
                    self.op(Op::GenYield, dst.0, r.0, 0);
                }
                None => {
                    self.op(Op::Yield, 0, 0, 0);
                    self.op(Op::LoadNull, dst.0, 0, 0);
                }
            },
            ExprKind::Match(m) => self.match_value(m, Some(dst)),
            ExprKind::Receive(receive) => self.receive(receive, Some(dst)),
        }
    }

    /// A register that holds the value: a variable's own or a new one.
    pub(super) fn reg(&mut self, e: &'a Expr<'a>) -> Reg {
        match &e.kind {
            ExprKind::Name(name) if self.lit(e).is_none() => {
                if let Some(id) = self.var_of(name.span) {
                    if let Some(reg) = self.var_reg(id) {
                        return reg;
                    }
                } else if let Some(Binding::Builtin) = self.res.uses.get(&name.span.lo) {
                    self.at(e.span);
                    return self.const_reg(Const::Builtin(name.text.to_owned()));
                }
            }
            ExprKind::SelfRef => {
                if let Some(id) = self.var_of(e.span)
                    && let Some(reg) = self.var_reg(id)
                {
                    return reg;
                }
            }
            _ => {}
        }
        if let Some(lit) = self.lit(e)
            && self.f_ref().loops > 0
        {
            self.at(e.span);
            return self.const_reg(lit.constant());
        }
        let dst = self.temp();
        self.to(e, dst);
        dst
    }

    /// As [`Self::reg`], for an operand that stands before others at `later`: copied if they assign it.
    pub(super) fn operand(&mut self, e: &'a Expr<'a>, later: Span) -> Reg {
        if let ExprKind::Name(name) = e.kind
            && let Some(id) = self.var_of(name.span)
            && self.var(id).assigned_in(later)
        {
            let dst = self.temp();
            self.to(e, dst);
            return dst;
        }
        self.reg(e)
    }

    /// Evaluates an expression for what it does.
    pub(super) fn effect(&mut self, e: &'a Expr<'a>) {
        let mark = self.mark();
        self.at(e.span);
        match &e.kind {
            ExprKind::Assign { target, value } => self.assign(target, value, None),
            ExprKind::AssignOp { op, op_span, target, value } => {
                self.assign_op(*op, *op_span, target, value, None)
            }
            ExprKind::Update { delta, prefix, target } => self.update(*delta, *prefix, target, e.span, None),
            ExprKind::Spawn(body) => self.spawn(body, e.span, None),
            ExprKind::Yield(None) => self.op(Op::Yield, 0, 0, 0),
            ExprKind::Match(m) => self.match_value(m, None),
            ExprKind::Receive(receive) => self.receive(receive, None),
            ExprKind::Logical { op: op @ (LogicalOp::And | LogicalOp::Or), left, right } => {
                let done = self.label();
                self.cond(left, done, *op == LogicalOp::Or);
                self.effect(right);
                self.bind(done);
            }
            ExprKind::Conditional { cond, then, otherwise } => {
                let (other, done) = (self.label(), self.label());
                self.cond(cond, other, false);
                self.effect(then);
                self.goto(done);
                self.bind(other);
                self.effect(otherwise);
                self.bind(done);
            }
            ExprKind::OptionalChain(inner) => {
                let done = self.label();
                self.f().chains.push(done);
                self.effect(inner);
                self.f().chains.pop();
                self.bind(done);
            }
            _ => {
                if self.lit(e).is_none() {
                    self.reg(e);
                }
            }
        }
        self.release(mark);
    }

    /// Whether computing the expression writes its destination before it has read everything.
    pub(super) fn writes_early(&self, e: &'a Expr<'a>) -> bool {
        match &e.kind {
            ExprKind::Logical { .. }
            | ExprKind::Array(_)
            | ExprKind::Map(_)
            | ExprKind::Match(_)
            | ExprKind::Receive(_)
            | ExprKind::Lambda(_)
            | ExprKind::OptionalChain(_)
            | ExprKind::Assign { .. }
            | ExprKind::AssignOp { .. }
            | ExprKind::Update { .. } => true,
            ExprKind::Conditional { then, otherwise, .. } => {
                self.writes_early(then) || self.writes_early(otherwise)
            }
            ExprKind::Binary { .. } => false,
            _ => false,
        }
    }

    fn name_to(&mut self, name: Name<'a>, dst: Reg) {
        match self.res.uses.get(&name.span.lo) {
            Some(&Binding::Var(id)) => self.load_var(id, dst),
            Some(Binding::Builtin) => self.load_k(dst, Const::Builtin(name.text.to_owned())),
            Some(&Binding::Namespace(ns)) => self.load_k(dst, Const::Namespace(ns as u32)),
            Some(Binding::Error) | None => self.op(Op::LoadNull, dst.0, 0, 0),
        }
    }

    fn self_to(&mut self, span: Span, dst: Reg) {
        match self.var_of(span) {
            Some(id) => self.load_var(id, dst),
            None => self.op(Op::LoadNull, dst.0, 0, 0),
        }
    }

    /// `self` in the member being lowered, which is register 0 there.
    pub(super) fn self_reg(&mut self) -> Reg {
        let id = self.f_ref().id;
        match self.res.funcs[id].self_var.map(|var| self.access(var)) {
            Some(Access::Home(Home::Reg(r))) => r,
            _ => Reg(0),
        }
    }

    /// The `self` that goes with a `super` at `span`: the member's own, or the one that a function within it has captured.
    pub(super) fn super_receiver(&mut self, span: Span) -> Reg {
        match self.var_of(span) {
            None => self.self_reg(),
            Some(id) => match self.var_reg(id) {
                Some(reg) => reg,
                None => {
                    let tmp = self.temp();
                    self.load_var(id, tmp);
                    tmp
                }
            },
        }
    }

    fn unary_to(&mut self, op: UnaryOp, operand: &'a Expr<'a>, span: Span, dst: Reg) {
        let r = self.reg(operand);
        self.at(span);
        match op {
            UnaryOp::Neg => self.op(Op::Neg, dst.0, r.0, 0),
            UnaryOp::Not => self.op(Op::Not, dst.0, r.0, 0),
            UnaryOp::BitNot => self.op(Op::BitNot, dst.0, r.0, 0),
            // Times one: a number stays as it is, all else is an error.
            UnaryOp::Plus => self.op(Op::MulI, dst.0, r.0, 1),
        }
    }

    fn logical_to(&mut self, op: LogicalOp, left: &'a Expr<'a>, right: &'a Expr<'a>, dst: Reg) {
        if let Some(lit) = self.lit(left) {
            let decided = match op {
                LogicalOp::And => !lit.truth(),
                LogicalOp::Or => lit.truth(),
                LogicalOp::Coalesce => lit != Lit::Null,
            };
            return self.to(if decided { left } else { right }, dst);
        }
        let done = self.label();
        self.to(left, dst);
        let jump = match op {
            LogicalOp::And => Op::JFalse,
            LogicalOp::Or => Op::JTrue,
            LogicalOp::Coalesce => Op::JNotNull,
        };
        self.jump(jump, dst.0, 0, done);
        self.to(right, dst);
        self.bind(done);
    }

    fn is_to(&mut self, value: &'a Expr<'a>, ty: &TypeRef<'a>, negated: bool, dst: Reg) {
        let r = self.reg(value);
        let index = self.type_index(ty);
        self.op(Op::Is, dst.0, r.0, index);
        if negated {
            self.op(Op::Not, dst.0, dst.0, 0);
        }
    }

    /// Leaves the enclosing optional chain if this link is optional and its object null.
    pub(super) fn link(&mut self, object: Reg, optional: bool) {
        if optional && let Some(&null) = self.f_ref().chains.last() {
            self.jump(Op::JNull, object.0, 0, null);
        }
    }

    /// What a chain of members of namespaces means, if it means something of this file.
    pub(super) fn member_binding(&self, e: &'a Expr<'a>) -> Option<Binding> {
        match &e.kind {
            ExprKind::Name(name) => self.res.uses.get(&name.span.lo).copied(),
            ExprKind::Member { object, name, optional: false } => match self.member_binding(object)? {
                Binding::Namespace(ns) => Some(match self.res.namespaces[ns].get(name.text)? {
                    NsMember::Var(id) => Binding::Var(id),
                    NsMember::Namespace(id) => Binding::Namespace(id),
                }),
                Binding::Var(_) | Binding::Builtin | Binding::Error => None,
            },
            _ => None,
        }
    }

    fn member_to(&mut self, e: &'a Expr<'a>, object: &'a Expr<'a>, name: Name<'a>, optional: bool, dst: Reg) {
        match self.member_binding(e) {
            Some(Binding::Var(id)) => return self.load_var(id, dst),
            Some(Binding::Namespace(ns)) => return self.load_k(dst, Const::Namespace(ns as u32)),
            Some(Binding::Builtin | Binding::Error) | None => {}
        }
        self.check_namespace_member(object, name);
        self.check_self_attribute(object, name);
        let obj = self.reg(object);
        self.link(obj, optional);
        self.at(name.span);
        let site = self.site(name.text);
        let op = if name.text == "length" { Op::GetLen } else { Op::GetAttr };
        self.op(op, dst.0, obj.0, site);
    }

    /// Reports a member that a namespace of this file does not have.
    pub(super) fn check_namespace_member(&mut self, object: &'a Expr<'a>, name: Name<'a>) {
        if let Some(Binding::Namespace(ns)) = self.member_binding(object)
            && self.res.namespaces[ns].get(name.text).is_none()
        {
            let known: Vec<&str> = self.res.namespaces[ns].members.iter().map(|(n, _)| *n).collect();
            let help = match crate::resolve::closest(name.text, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it in that namespace".to_owned(),
            };
            let path = self.res.namespaces[ns].path.clone();
            self.error(name.span, format!("namespace `{path}` has no `{}`", name.text), help);
        }
    }

    fn index_to(
        &mut self,
        e: &'a Expr<'a>,
        object: &'a Expr<'a>,
        index: &'a Expr<'a>,
        optional: bool,
        dst: Reg,
    ) {
        let obj = self.operand(object, index.span);
        self.link(obj, optional);
        if let Some(imm) = self.lit(index).and_then(Lit::imm) {
            self.at(e.span);
            self.op(Op::GetIndexI, dst.0, obj.0, imm as u16);
        } else if self.ty(index) == Ty::Int && self.rep(index) == Rep::Raw {
            let i = self.raw(index, Num::Int, "index");
            self.at(e.span);
            self.op(Op::ArrGet, dst.0, obj.0, i.0);
        } else {
            let i = self.reg(index);
            self.at(e.span);
            self.op(Op::GetIndex, dst.0, obj.0, i.0);
        }
    }

    /// Lowers a function expression.
    fn lambda(&mut self, f: &'a Function<'a>, dst: Reg) {
        let own = f.name.and_then(|name| self.res.decls.get(&name.span.lo).copied());
        let cell = own.filter(|&id| self.var(id).place == Place::Cell);
        if let Some(id) = cell {
            // A function expression that names itself finds itself in a cell.
            let cell = self.temp();
            self.op(Op::LoadNull, dst.0, 0, 0);
            self.op(Op::NewCell, cell.0, dst.0, 0);
            self.settle(id, Home::Cell(cell));
            self.closure(f, dst);
            self.op(Op::CellSet, cell.0, dst.0, 0);
        } else {
            self.closure(f, dst);
        }
    }
}
