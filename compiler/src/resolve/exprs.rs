//! Expressions: uses of names, captures, and where `self`, `super` and `yield` may stand.

use super::scope::{FuncCtx, Resolver};
use super::{Binding, FuncKind, VarKind};
use crate::ast::{
    Expr, ExprKind, InlineOp, Item, MapEntry, Receive, Span, SpawnBody, Target, TargetKind, TemplatePart,
};

impl<'a> Resolver<'a, '_> {
    /// Walks an expression.
    pub(super) fn expr(&mut self, e: &'a Expr<'a>) {
        match &e.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::BigInt(_)
            | ExprKind::String(_)
            | ExprKind::Bytes(_) => {}
            ExprKind::Template(parts) => {
                for part in *parts {
                    match part {
                        TemplatePart::Text(_) => {}
                        TemplatePart::Expr(e) => self.expr(e),
                    }
                }
            }
            ExprKind::Array(items) => self.items(items),
            ExprKind::Map(entries) => {
                for entry in *entries {
                    match entry {
                        MapEntry::Named { value, .. } => self.expr(value),
                        MapEntry::Computed { key, value } => {
                            self.expr(key);
                            self.expr(value);
                        }
                        MapEntry::Spread(e) => self.expr(e),
                    }
                }
            }
            ExprKind::Lambda(f) => match f.name {
                None => self.function(f, FuncKind::Lambda, None, None),
                Some(name) => {
                    // The name of a function expression is a variable around the function, visible to nothing else.
                    let id = self.func_number(f.span.lo, FuncKind::Lambda, Some(f), None);
                    self.push_scope();
                    self.declare(name, VarKind::Function(id), None);
                    self.function(f, FuncKind::Lambda, None, None);
                    self.pop_scope();
                }
            },
            ExprKind::Name(name) => self.use_name(*name, false),
            ExprKind::SelfRef => self.self_ref(e.span),
            ExprKind::Unary { operand, .. } => self.expr(operand),
            ExprKind::Binary { left, right, .. } | ExprKind::Logical { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Is { value, ty, .. } => {
                self.expr(value);
                self.type_ref(ty);
            }
            ExprKind::Conditional { cond, then, otherwise } => {
                self.expr(cond);
                self.expr(then);
                self.expr(otherwise);
            }
            ExprKind::Range { start, end, .. } => {
                self.expr(start);
                self.expr(end);
            }
            ExprKind::Assign { target, value } => {
                self.target_parts(target);
                self.expr(value);
                self.target_names(target);
            }
            ExprKind::AssignOp { target, value, .. } => {
                self.target_parts(target);
                self.expr(value);
                self.target_names(target);
            }
            ExprKind::Update { target, .. } => {
                self.target_parts(target);
                self.target_names(target);
            }
            ExprKind::Member { object, .. } => self.expr(object),
            ExprKind::Index { object, index, .. } => {
                self.expr(object);
                self.expr(index);
            }
            ExprKind::Slice { object, start, end, .. } => {
                self.expr(object);
                start.iter().chain(end.iter()).for_each(|e| self.expr(e));
            }
            ExprKind::Call { callee, args, .. } => {
                self.expr(callee);
                self.items(args);
            }
            ExprKind::OptionalChain(e) => self.expr(e),
            ExprKind::SuperCall(args) => {
                self.super_ref(e.span, true);
                self.items(args);
            }
            ExprKind::SuperMember(_) => self.super_ref(e.span, false),
            ExprKind::New { class, args } => {
                self.use_path(*class);
                self.items(args);
            }
            ExprKind::Spawn(SpawnBody::Call(e)) | ExprKind::Await(e) => self.expr(e),
            ExprKind::Spawn(SpawnBody::Block(block)) => {
                self.enter_func(block.span.lo, FuncKind::Lambda, None, None, None);
                self.declare_block(block.stmts);
                self.stmts(block.stmts);
                self.leave_func();
            }
            ExprKind::Yield(value) => {
                if let Some(value) = value {
                    self.expr(value);
                    if !self.func().generator {
                        self.problems
                            .error(e.span, "`yield` with a value stands outside of a generator")
                            .help("declare the function with `function*`; a bare `yield;` gives other tasks their turn");
                    }
                }
            }
            ExprKind::Match(m) => {
                self.expr(m.value);
                self.arms(m.arms);
            }
            ExprKind::Receive(receive) => self.receive(receive),
        }
    }

    pub(super) fn receive(&mut self, receive: &'a Receive<'a>) {
        if let Some(after) = &receive.after {
            self.expr(after.seconds);
        }
        self.arms(receive.arms);
        if let Some(after) = &receive.after {
            self.push_scope();
            self.arm_body(&after.body);
            self.pop_scope();
        }
    }

    fn items(&mut self, items: &'a [Item<'a>]) {
        for item in items {
            self.expr(item.value);
        }
    }

    /// Walks the objects and indices of a target.
    fn target_parts(&mut self, target: &'a Target<'a>) {
        match &target.kind {
            TargetKind::Name(_) => {}
            TargetKind::Member { object, .. } => self.expr(object),
            TargetKind::Index { object, index } => {
                self.expr(object);
                self.expr(index);
            }
            TargetKind::Array { items, rest } => {
                items.iter().chain(rest.iter().copied()).for_each(|t| self.target_parts(t));
            }
            TargetKind::Map { entries, rest } => {
                entries.iter().map(|(_, t)| t).chain(rest.iter().copied()).for_each(|t| self.target_parts(t));
            }
        }
    }

    /// Resolves the variables of a target as assigned.
    fn target_names(&mut self, target: &'a Target<'a>) {
        match &target.kind {
            TargetKind::Name(name) => self.use_name(*name, true),
            TargetKind::Member { .. } | TargetKind::Index { .. } => {}
            TargetKind::Array { items, rest } => {
                items.iter().chain(rest.iter().copied()).for_each(|t| self.target_names(t));
            }
            TargetKind::Map { entries, rest } => {
                entries.iter().map(|(_, t)| t).chain(rest.iter().copied()).for_each(|t| self.target_names(t));
            }
        }
    }

    fn self_ref(&mut self, span: Span) {
        let binding = match self.find("self") {
            Some(Binding::Var(id)) => {
                self.use_var(id, span);
                Binding::Var(id)
            }
            _ => {
                self.problems
                    .error(span, "`self` stands outside of a method")
                    .help("`self` exists in methods, constructors and attributes' initial values of a class");
                Binding::Error
            }
        };
        self.note(span.lo, binding);
    }

    /// `super` means the method around this place, however many functions lie in between; they capture its `self`.
    fn super_ref(&mut self, span: Span, call: bool) {
        let direct = self.funcs.len() - 1;
        let method = self.funcs.iter().rposition(|f| f.has_base.is_some());
        match method.map(|at| (at, &self.funcs[at])) {
            Some((at, &FuncCtx { kind, has_base: Some(true), .. }))
                if matches!(kind, FuncKind::Method | FuncKind::Constructor | FuncKind::Init) =>
            {
                if call && (kind != FuncKind::Constructor || at != direct) {
                    self.problems
                        .error(span, "`super(...)` can be called only in a constructor")
                        .help("call a method of the base class as `super.name(...)`");
                }
                if at != direct
                    && let Some(Binding::Var(id)) = self.find("self")
                {
                    self.use_var(id, span);
                    self.note(span.lo, Binding::Var(id));
                }
            }
            Some((_, &FuncCtx { has_base: Some(false), .. })) => {
                self.problems
                    .error(span, "`super` stands in a class that extends no other")
                    .help("declare the base class: `class Name : Base { ... }`");
            }
            _ => {
                self.problems
                    .error(span, "`super` stands outside of a method")
                    .help("`super` exists in methods and constructors, and in functions within them");
            }
        }
    }

    pub(super) fn inline_op(&mut self, op: &'a InlineOp<'a>) {
        let writes = crate::lower::inline_op_writes(op.name.text, op.operands.len());
        for (number, operand) in op.operands.iter().enumerate() {
            match operand.kind {
                ExprKind::Name(name) if writes.contains(&number) => self.use_name(name, true),
                // Attribute names in inline ops are written bare.
                ExprKind::Name(name)
                    if crate::lower::inline_op_names(op.name.text).contains(&number)
                        && self.find_any(name.text).is_none() => {}
                _ => self.expr(operand),
            }
        }
    }
}
