//! Static types of expressions, and how a value meets a declared type.

use corella_vm::bytecode::{Op, TypeRef as VmType};

use super::literal::Lit;
use super::raw::Rep;
use super::state::Lower;
use crate::ast::{
    AssignOp, BinaryOp, Expr, ExprKind, LogicalOp, Path, Span, Target, TargetKind, TypeKind, TypeRef, UnaryOp,
};
use crate::emit::Reg;
use crate::resolve::{Base, Binding, ClassId, NsMember, Place, Ty, VarId, VarKind};

/// How a value meets a declared type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// It always fits as it is.
    Yes,
    /// It never fits.
    No,
    /// The program has to look.
    Check,
}

impl<'a> Lower<'a, '_> {
    /// The static type of an expression.
    pub(super) fn ty(&self, e: &'a Expr<'a>) -> Ty<'a> {
        match e.kind {
            ExprKind::Null => return Ty::Null,
            ExprKind::Bool(_) => return Ty::Bool,
            ExprKind::Int(_) => return Ty::Int,
            ExprKind::Float(_) => return Ty::Float,
            ExprKind::String(_) | ExprKind::Template(_) => return Ty::Str,
            ExprKind::Name(name) => return self.name_ty(name.span.lo),
            ExprKind::SelfRef => return self.name_ty(e.span.lo),
            _ => {}
        }
        let key = std::ptr::from_ref(e) as usize;
        if let Some(&ty) = self.type_memo.borrow().get(&key) {
            return ty;
        }
        let ty = self.compute_ty(e);
        self.type_memo.borrow_mut().insert(key, ty);
        ty
    }

    fn name_ty(&self, at: u32) -> Ty<'a> {
        match self.res.uses.get(&at) {
            Some(&Binding::Var(id)) => self.var_ty(id),
            _ => Ty::Any,
        }
    }

    /// The type that a variable has at all times.
    pub(super) fn var_ty(&self, id: VarId) -> Ty<'a> {
        let var = self.var(id);
        if self.inferred.contains(&id) {
            return Ty::Int;
        }
        if let Some(value) = var.value
            && var.declared.is_none()
        {
            return self.ty(value);
        }
        if var.declared.is_some() || !var.assigned() { var.ty } else { Ty::Any }
    }

    fn compute_ty(&self, e: &'a Expr<'a>) -> Ty<'a> {
        match &e.kind {
            ExprKind::Unary { op, operand } => {
                let ty = self.ty(operand);
                match op {
                    UnaryOp::Neg | UnaryOp::Plus if ty.is_number() => ty,
                    UnaryOp::BitNot if ty == Ty::Int => Ty::Int,
                    UnaryOp::Not => Ty::Bool,
                    UnaryOp::Neg | UnaryOp::Plus | UnaryOp::BitNot => Ty::Any,
                }
            }
            ExprKind::Binary { op, left, right, .. } => self.binary_ty(*op, left, right),
            ExprKind::Is { .. } => Ty::Bool,
            ExprKind::Logical { op, left, right } => {
                let (l, r) = (self.ty(left), self.ty(right));
                match op {
                    _ if l == r => l,
                    LogicalOp::Coalesce if !matches!(l, Ty::Any | Ty::Null) && r == Ty::Null => l,
                    LogicalOp::And | LogicalOp::Or | LogicalOp::Coalesce => Ty::Any,
                }
            }
            ExprKind::Conditional { then, otherwise, .. } => {
                let (a, b) = (self.ty(then), self.ty(otherwise));
                if a == b { a } else { Ty::Any }
            }
            ExprKind::Assign { target, value } => match self.target_ty(target) {
                Ty::Any => self.ty(value),
                ty => ty,
            },
            ExprKind::AssignOp { op, target, value, .. } => match (self.target_ty(target), op) {
                (Ty::Any, AssignOp::Binary(_)) => Ty::Any,
                (Ty::Any, AssignOp::Logical(_)) => {
                    let _ = value;
                    Ty::Any
                }
                (ty, _) => ty,
            },
            ExprKind::Update { target, .. } => self.target_ty(target),
            ExprKind::Member { object, name, .. } => self.member_ty(e, object, name.text),
            ExprKind::Index { object, index, .. } => match (self.ty(object), self.ty(index)) {
                (Ty::Builtin("IntArray"), Ty::Int) => Ty::Int,
                (Ty::Builtin("FloatArray"), Ty::Int) => Ty::Float,
                _ => Ty::Any,
            },
            ExprKind::Call { callee, args, optional } => {
                if *optional {
                    return Ty::Any;
                }
                self.call_ty(callee, args.len())
            }
            ExprKind::New { class, .. } => match self.path_binding(*class) {
                Some(Binding::Var(id)) => match self.var(id).kind {
                    VarKind::Class(class) => Ty::Class(class),
                    _ => Ty::Any,
                },
                Some(Binding::Builtin) => Ty::Builtin(class.segments[0].text),
                _ => Ty::Any,
            },
            ExprKind::Array(_) => Ty::Builtin("Array"),
            ExprKind::Map(_) => Ty::Builtin("Map"),
            ExprKind::Bytes(_) => Ty::Builtin("Bytes"),
            ExprKind::BigInt(_) => Ty::Builtin("BigInt"),
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::String(_)
            | ExprKind::Template(_)
            | ExprKind::Name(_)
            | ExprKind::SelfRef
            | ExprKind::Lambda(_)
            | ExprKind::Range { .. }
            | ExprKind::Slice { .. }
            | ExprKind::OptionalChain(_)
            | ExprKind::SuperCall(_)
            | ExprKind::SuperMember(_)
            | ExprKind::Spawn(_)
            | ExprKind::Await(_)
            | ExprKind::Yield(_)
            | ExprKind::Match(_)
            | ExprKind::Receive(_) => Ty::Any,
        }
    }

    fn binary_ty(&self, op: BinaryOp, left: &'a Expr<'a>, right: &'a Expr<'a>) -> Ty<'a> {
        use BinaryOp as B;
        let (l, r) = (self.ty(left), self.ty(right));
        match op {
            B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge | B::In | B::NotIn => Ty::Bool,
            B::Pow => match (l, r) {
                (Ty::Int, Ty::Int) => match self.lit(right) {
                    Some(Lit::Int(n)) if n >= 0 => Ty::Int,
                    _ => Ty::Any,
                },
                _ if l.is_number() && r.is_number() => Ty::Float,
                _ => Ty::Any,
            },
            B::Add if l == Ty::Str && r == Ty::Str => Ty::Str,
            B::Add | B::Sub | B::Mul | B::Div | B::Rem => match (l, r) {
                (Ty::Int, Ty::Int) => Ty::Int,
                _ if l.is_number() && r.is_number() => Ty::Float,
                _ => Ty::Any,
            },
            B::BitAnd | B::BitOr | B::BitXor | B::Shl | B::Shr | B::UShr => {
                if (l, r) == (Ty::Int, Ty::Int) {
                    Ty::Int
                } else {
                    Ty::Any
                }
            }
        }
    }

    /// The declared type of what a target writes to.
    pub(super) fn target_ty(&self, target: &Target<'a>) -> Ty<'a> {
        match target.kind {
            TargetKind::Name(name) => match self.res.uses.get(&name.span.lo) {
                Some(&Binding::Var(id)) if self.var(id).declared.is_some() => self.var(id).ty,
                _ => Ty::Any,
            },
            TargetKind::Member { object, name } => match self.ty(object) {
                Ty::Class(class) => self.attribute(class, name.text).unwrap_or(Ty::Any),
                _ => Ty::Any,
            },
            TargetKind::Index { .. } | TargetKind::Array { .. } | TargetKind::Map { .. } => Ty::Any,
        }
    }

    fn member_ty(&self, e: &'a Expr<'a>, object: &'a Expr<'a>, name: &str) -> Ty<'a> {
        if let Some(Binding::Var(id)) = self.member_binding(e) {
            return self.var_ty(id);
        }
        match self.ty(object) {
            Ty::Class(class) => self.attribute(class, name).unwrap_or(Ty::Any),
            Ty::Str | Ty::Builtin("Array" | "Map" | "IntArray" | "FloatArray" | "Bytes")
                if name == "length" =>
            {
                Ty::Int
            }
            _ => Ty::Any,
        }
    }

    fn call_ty(&self, callee: &'a Expr<'a>, args: usize) -> Ty<'a> {
        match self.callee_binding(callee) {
            Some(Binding::Var(id)) => match (self.var(id).kind, self.var(id).place) {
                (VarKind::Function(f), Place::Static(_)) => match self.res.funcs[f].decl {
                    Some(decl) if !decl.is_generator => decl.result.map_or(Ty::Any, |ty| self.resolved(&ty)),
                    _ => Ty::Any,
                },
                (VarKind::Class(class), _) => Ty::Class(class),
                _ => Ty::Any,
            },
            Some(Binding::Builtin) => match callee.kind {
                ExprKind::Name(name) if args == 1 => match name.text {
                    "int" | "len" => Ty::Int,
                    "float" => Ty::Float,
                    "string" => Ty::Str,
                    _ => Ty::Any,
                },
                _ => Ty::Any,
            },
            _ if self.math_function(callee).is_some() => Ty::Float,
            _ => Ty::Any,
        }
    }

    /// The declared type of an attribute of a class of this file.
    pub(super) fn attribute(&self, class: ClassId, name: &str) -> Option<Ty<'a>> {
        let mut at = class;
        loop {
            let info = &self.res.classes[at];
            if let Some(a) = info.attributes.iter().find(|a| a.name.text == name) {
                return Some(a.ty);
            }
            match info.base {
                Base::Class(base) => at = base,
                Base::None | Base::Other => return None,
            }
        }
    }

    /// Whether the static type is certain when the program runs, so that nothing has to be checked.
    pub(super) fn sure(&self, e: &'a Expr<'a>) -> bool {
        // What arises in a raw register can be nothing else.
        if self.ty(e).is_number() && self.rep(e) == Rep::Raw {
            return true;
        }
        match &e.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::String(_)
            | ExprKind::Template(_)
            | ExprKind::Array(_)
            | ExprKind::Map(_)
            | ExprKind::Bytes(_)
            | ExprKind::BigInt(_)
            | ExprKind::Is { .. }
            | ExprKind::New { .. } => true,
            ExprKind::Name(name) => match self.res.uses.get(&name.span.lo) {
                Some(&Binding::Var(id)) => {
                    matches!(self.var(id).place, Place::Local | Place::Cell) || self.var(id).value.is_some()
                }
                _ => false,
            },
            ExprKind::Unary { op, operand } => *op == UnaryOp::Not || self.sure(operand),
            ExprKind::Binary { op, left, right, .. } => {
                use BinaryOp as B;
                matches!(op, B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge | B::In | B::NotIn)
                    || (self.sure(left) && self.sure(right))
            }
            ExprKind::Logical { left, right, .. } => self.sure(left) && self.sure(right),
            ExprKind::Conditional { then, otherwise, .. } => self.sure(then) && self.sure(otherwise),
            ExprKind::Call { callee, .. } => match self.callee_binding(callee) {
                Some(Binding::Var(id)) => matches!(self.var(id).place, Place::Static(_)),
                _ => self.rep(e) == super::raw::Rep::Raw,
            },
            _ => self.rep(e) == super::raw::Rep::Raw,
        }
    }

    /// How the value of `e` meets the type `want`.
    pub(super) fn fit(&self, want: Ty<'a>, e: &'a Expr<'a>) -> Fit {
        let have = self.ty(e);
        let sure = self.sure(e);
        match (want, have) {
            (Ty::Any, _) => Fit::Yes,
            (_, Ty::Any | Ty::Foreign) => Fit::Check,
            (Ty::Float, Ty::Int) => Fit::Check,
            (Ty::Int | Ty::Float | Ty::Bool | Ty::Str, _) if want == have => {
                if sure {
                    Fit::Yes
                } else {
                    Fit::Check
                }
            }
            (Ty::Int | Ty::Float | Ty::Bool | Ty::Str, Ty::Null) => Fit::No,
            (Ty::Int | Ty::Float | Ty::Bool | Ty::Str, Ty::Int | Ty::Float | Ty::Bool | Ty::Str) if sure => {
                Fit::No
            }
            (Ty::Int | Ty::Float | Ty::Bool | Ty::Str, _)
                if matches!(e.kind, ExprKind::New { .. } | ExprKind::Array(_) | ExprKind::Map(_)) =>
            {
                Fit::No
            }
            (Ty::Class(_) | Ty::Builtin(_) | Ty::Foreign, Ty::Null) => Fit::Yes,
            (Ty::Class(want), Ty::Class(have)) if sure && self.derives(have, want) => Fit::Yes,
            (Ty::Class(want), Ty::Class(have))
                if matches!(e.kind, ExprKind::New { .. }) && self.known_bases(have) =>
            {
                debug_assert!(!self.derives(have, want), "a derived class fits");
                Fit::No
            }
            (Ty::Builtin(want), Ty::Builtin(have)) if sure && want == have => Fit::Yes,
            (Ty::Class(_), Ty::Int | Ty::Float | Ty::Bool | Ty::Str) if sure => Fit::No,
            (Ty::Class(_), Ty::Builtin(_)) if matches!(e.kind, ExprKind::Array(_) | ExprKind::Map(_)) => {
                Fit::No
            }
            (Ty::Builtin("Array" | "Map" | "Bytes"), Ty::Int | Ty::Float | Ty::Bool | Ty::Str) if sure => {
                Fit::No
            }
            _ => Fit::Check,
        }
    }

    /// Whether all classes that a class is derived from are declared in this file.
    pub(super) fn known_bases(&self, class: ClassId) -> bool {
        let mut at = class;
        loop {
            match self.res.classes[at].base {
                Base::Class(base) => at = base,
                Base::None => return true,
                Base::Other => return false,
            }
        }
    }

    /// Whether one class is the other or derived from it.
    pub(super) fn derives(&self, class: ClassId, from: ClassId) -> bool {
        let mut at = class;
        loop {
            if at == from {
                return true;
            }
            match self.res.classes[at].base {
                Base::Class(base) => at = base,
                Base::None | Base::Other => return false,
            }
        }
    }

    /// Reports that a value never fits a declared type.
    pub(super) fn misfit(&mut self, want: Ty<'a>, e: &'a Expr<'a>, what: &str) {
        let (want_text, have) = (self.describe(want), self.describe(self.ty(e)));
        let help = match (want, self.ty(e)) {
            (Ty::Int, Ty::Float) => "convert it: `int(...)` cuts the fraction off".to_owned(),
            (Ty::Str, _) => "convert it: `string(...)`, or a template `${...}`".to_owned(),
            (Ty::Int, Ty::Str) => "convert it: `int(...)`".to_owned(),
            (Ty::Float, Ty::Str) => "convert it: `float(...)`".to_owned(),
            _ => format!("give it {want_text}, or declare it with `var` to hold any value"),
        };
        self.problems.error(e.span, format!("{what} expects {want_text}, found {have}")).help(help);
    }

    /// A type in words.
    pub(super) fn describe(&self, ty: Ty<'a>) -> String {
        match ty {
            Ty::Any => "any value".into(),
            Ty::Int => "int".into(),
            Ty::Float => "float".into(),
            Ty::Bool => "bool".into(),
            Ty::Str => "string".into(),
            Ty::Null => "null".into(),
            Ty::Class(id) => self.res.classes[id].full_name.clone(),
            Ty::Builtin(name) => name.into(),
            Ty::Foreign => "an instance of that class".into(),
        }
    }

    /// A written type as a static type (names in it are resolved already).
    pub(super) fn resolved(&self, ty: &TypeRef<'a>) -> Ty<'a> {
        match ty.kind {
            TypeKind::Int => Ty::Int,
            TypeKind::Float => Ty::Float,
            TypeKind::Bool => Ty::Bool,
            TypeKind::String => Ty::Str,
            TypeKind::Named(path) => match self.path_binding(path) {
                Some(Binding::Builtin) if path.segments[0].text == "any" => Ty::Any,
                Some(Binding::Builtin) => Ty::Builtin(path.segments[0].text),
                Some(Binding::Var(id)) => match self.var(id).kind {
                    VarKind::Class(class) => Ty::Class(class),
                    _ => Ty::Foreign,
                },
                Some(Binding::Namespace(_) | Binding::Error) | None => Ty::Foreign,
            },
        }
    }

    /// What a path means as far as the file itself says; `None` if its end is reached only at run time.
    pub(super) fn path_binding(&self, path: Path<'a>) -> Option<Binding> {
        let mut at = *self.res.uses.get(&path.segments[0].span.lo)?;
        for segment in &path.segments[1..] {
            let Binding::Namespace(ns) = at else { return None };
            at = match self.res.namespaces[ns].get(segment.text)? {
                NsMember::Var(id) => Binding::Var(id),
                NsMember::Namespace(id) => Binding::Namespace(id),
            };
        }
        Some(at)
    }

    /// The number of a written type in the module's table.
    pub(super) fn type_index(&mut self, ty: &TypeRef<'a>) -> u16 {
        let vm = match ty.kind {
            TypeKind::Int => VmType::Int,
            TypeKind::Float => VmType::Float,
            TypeKind::Bool => VmType::Bool,
            TypeKind::String => VmType::Str,
            TypeKind::Named(path) => self.named_type(path),
        };
        self.m.type_index(vm)
    }

    fn named_type(&mut self, path: Path<'a>) -> VmType {
        let mut at = self.res.uses.get(&path.segments[0].span.lo).copied().unwrap_or(Binding::Error);
        let mut rest = &path.segments[1..];
        while let (Binding::Namespace(ns), Some((next, tail))) = (at, rest.split_first()) {
            at = match self.res.namespaces[ns].get(next.text) {
                Some(NsMember::Var(id)) => Binding::Var(id),
                Some(NsMember::Namespace(id)) => Binding::Namespace(id),
                None => Binding::Error,
            };
            rest = tail;
        }
        match at {
            Binding::Builtin => match path.segments[0].text {
                "any" => VmType::Any,
                "int" => VmType::Int,
                "float" => VmType::Float,
                "bool" => VmType::Bool,
                "string" => VmType::Str,
                name => VmType::Builtin(name.to_owned()),
            },
            Binding::Var(id) => match self.var(id).place {
                Place::Global(slot) if rest.is_empty() => VmType::Global(slot),
                Place::Global(slot) => VmType::Member(slot, rest.iter().map(|s| s.text.to_owned()).collect()),
                Place::Local | Place::Cell | Place::Static(_) => VmType::Any,
            },
            Binding::Namespace(_) | Binding::Error => VmType::Any,
        }
    }

    /// Emits the check that register `reg` fits a declared type.
    pub(super) fn check_type(&mut self, reg: Reg, ty: &TypeRef<'a>, what: &str) {
        let index = self.type_index(ty);
        let name = self.m.short_string(what);
        self.op(Op::CheckType, reg.0, index, name);
    }

    /// Reports an error at a place; for checks that only lowering can make.
    pub(super) fn error(&mut self, span: Span, message: String, help: String) {
        self.problems.error(span, message).help(help);
    }
}
