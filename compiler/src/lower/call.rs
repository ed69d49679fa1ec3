//! Calls: the callee decides the op, the arguments fill a window of consecutive registers.

use corella_vm::bytecode::Op;

use super::state::Lower;
use crate::ast::{self, Expr, ExprKind, Item, Name, Path, Span};
use crate::emit::Reg;
use crate::resolve::{Base, Binding, ClassId, NsMember, Place, VarKind};

/// More arguments than this are passed in an array.
const MAX_WINDOW: usize = 250;

/// Whether arguments must be passed in an array.
pub(super) fn needs_array(args: &[Item<'_>]) -> bool {
    args.len() > MAX_WINDOW || args.iter().any(|a| a.spread)
}

impl<'a> Lower<'a, '_> {
    /// What a callee means as far as the file says.
    pub(super) fn callee_binding(&self, callee: &'a Expr<'a>) -> Option<Binding> {
        self.member_binding(callee)
    }

    /// The op for a function of the module `math` that has one.
    pub(super) fn math_function(&self, callee: &'a Expr<'a>) -> Option<Op> {
        let (module, function) = match &callee.kind {
            ExprKind::Name(name) => self.origin(name.span)?,
            ExprKind::Member { object, name, optional: false } => match object.kind {
                ExprKind::Name(module) => match self.origin(module.span)? {
                    (module, "") => (module, name.text),
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        };
        match (module, function) {
            ("math", "sqrt") => Some(Op::FSqrt),
            _ => None,
        }
    }

    fn is_builtin(&self, callee: &'a Expr<'a>, known: &str) -> bool {
        match &callee.kind {
            ExprKind::Name(name) => {
                name.text == known && matches!(self.callee_binding(callee), Some(Binding::Builtin))
            }
            _ => false,
        }
    }

    fn origin(&self, at: Span) -> Option<(&'a str, &'a str)> {
        self.var(self.var_of(at)?).origin
    }

    /// Lowers a call.
    pub(super) fn call(
        &mut self,
        e: &'a Expr<'a>,
        callee: &'a Expr<'a>,
        args: &'a [Item<'a>],
        optional: bool,
        dst: Reg,
    ) {
        if let Some(Binding::Var(id)) = self.callee_binding(callee) {
            if let VarKind::Function(f) = self.var(id).kind
                && let Some(decl) = self.res.funcs[f].decl
            {
                self.check_arity(&format!("`{}`", self.var(id).name), decl, args, e.span);
            }
            if let Place::Static(f) = self.var(id).place
                && !needs_array(args)
            {
                let number = self.number(f);
                if let Ok(number) = u16::try_from(number) {
                    let (first, n) = self.window(None, args);
                    self.at(e.span);
                    self.op_n(Op::CallStatic, n, dst.0, number, first.0);
                    return;
                }
            }
        }
        match &callee.kind {
            ExprKind::SuperMember(name) => return self.super_call(name.text, args, e.span, dst),
            ExprKind::Member { object, name, optional: link } if !optional => {
                let known =
                    matches!(self.callee_binding(callee), Some(Binding::Var(_) | Binding::Namespace(_)));
                if !known {
                    self.check_namespace_member(object, *name);
                    return self.method_call(e.span, object, *name, *link, args, dst);
                }
            }
            _ => {}
        }
        if args.is_empty() && self.is_builtin(callee, "__task") {
            return self.op(Op::CurrentTask, dst.0, 0, 0);
        }
        let later = args_span(args, e.span);
        let f = self.operand(callee, later);
        self.link(f, optional);
        if needs_array(args) {
            let list = self.temp();
            self.array(args, list);
            self.at(e.span);
            self.op(Op::CallSpread, dst.0, f.0, list.0);
        } else {
            let (first, n) = self.window(None, args);
            self.at(e.span);
            self.op_n(Op::Call, n, dst.0, f.0, first.0);
        }
    }

    fn method_call(
        &mut self,
        span: Span,
        object: &'a Expr<'a>,
        name: Name<'a>,
        optional: bool,
        args: &'a [Item<'a>],
        dst: Reg,
    ) {
        if needs_array(args) {
            let pair = self.b().temps(2);
            self.to(object, pair);
            self.link(pair, optional);
            self.array(args, pair.plus(1));
            self.at(span);
            let site = self.site(name.text);
            self.op(Op::CallMethodSpread, dst.0, site, pair.0);
            return;
        }
        let (first, n) = if optional {
            let receiver = self.temp();
            self.to(object, receiver);
            self.link(receiver, true);
            let n = self.fill_window(args);
            (receiver, n)
        } else {
            self.window(Some(object), args)
        };
        self.b().at(name.span.lo);
        let site = self.site(name.text);
        self.op_n(Op::CallMethod, n, dst.0, site, first.0);
    }

    /// Lowers `super(...)` (as method `new`) and `super.name(...)`.
    pub(super) fn super_call(&mut self, name: &str, args: &'a [Item<'a>], span: Span, dst: Reg) {
        if name == "new"
            && let Some(class) = self.res.funcs[self.f_ref().id].class
            && let Base::Class(base) = self.res.classes[class].base
        {
            self.check_constructor(base, args, span);
        }
        let receiver = self.super_receiver(span);
        let site = self.site(name);
        if needs_array(args) {
            let pair = self.b().temps(2);
            self.mov(pair, receiver);
            self.array(args, pair.plus(1));
            self.at(span);
            self.op(Op::CallSuperSpread, dst.0, site, pair.0);
            return;
        }
        let first = if args.is_empty() {
            receiver
        } else {
            let first = self.temp();
            self.mov(first, receiver);
            first
        };
        let n = self.fill_window(args);
        self.at(span);
        self.op_n(Op::CallSuper, n, dst.0, site, first.0);
    }

    /// Lowers `new Path(args)`.
    pub(super) fn new_to(&mut self, path: Path<'a>, args: &'a [Item<'a>], span: Span, dst: Reg) {
        if let Some(Binding::Var(id)) = self.path_binding(path)
            && let VarKind::Class(class) = self.var(id).kind
        {
            self.check_constructor(class, args, span);
        }
        let class = self.path(path, args_span(args, span));
        if needs_array(args) {
            let list = self.temp();
            self.array(args, list);
            self.at(span);
            self.op(Op::NewSpread, dst.0, class.0, list.0);
        } else {
            let (first, n) = self.window(None, args);
            self.at(span);
            self.op_n(Op::New, n, dst.0, class.0, first.0);
        }
    }

    /// The value of a path, in a register that code at `later` does not change.
    pub(super) fn path(&mut self, path: Path<'a>, later: Span) -> Reg {
        let first = path.segments[0];
        let mut at = self.res.uses.get(&first.span.lo).copied().unwrap_or(Binding::Error);
        let mut rest = &path.segments[1..];
        while let (Binding::Namespace(ns), Some((next, tail))) = (at, rest.split_first()) {
            at = match self.res.namespaces[ns].get(next.text) {
                Some(NsMember::Var(id)) => Binding::Var(id),
                Some(NsMember::Namespace(id)) => Binding::Namespace(id),
                None => {
                    let path = self.res.namespaces[ns].path.clone();
                    self.error(
                        next.span,
                        format!("namespace `{path}` has no `{}`", next.text),
                        "declare it in that namespace".to_owned(),
                    );
                    Binding::Error
                }
            };
            rest = tail;
        }
        self.at(path.span);
        let mut reg = match at {
            Binding::Var(id) => match self.var_reg(id) {
                Some(reg) if !self.var(id).assigned_in(later) => reg,
                _ => {
                    let tmp = self.temp();
                    self.load_var(id, tmp);
                    tmp
                }
            },
            Binding::Builtin => self.const_reg(corella_vm::bytecode::Const::Builtin(first.text.to_owned())),
            Binding::Namespace(ns) => self.const_reg(corella_vm::bytecode::Const::Namespace(ns as u32)),
            Binding::Error => {
                let tmp = self.temp();
                self.op(Op::LoadNull, tmp.0, 0, 0);
                tmp
            }
        };
        for segment in rest {
            let tmp = self.temp();
            let site = self.site(segment.text);
            self.op(Op::GetAttr, tmp.0, reg.0, site);
            reg = tmp;
        }
        reg
    }

    /// Puts a receiver and arguments into consecutive registers: variables that are so already stay where they are.
    pub(super) fn window(&mut self, receiver: Option<&'a Expr<'a>>, args: &'a [Item<'a>]) -> (Reg, u8) {
        if args.is_empty() && receiver.is_none() {
            return (Reg(0), 0);
        }
        if let Some(first) = self.in_place(receiver, args) {
            return (first, args.len() as u8);
        }
        let first = self.b().next_temp();
        if let Some(object) = receiver {
            let at = self.temp();
            self.to(object, at);
        }
        let n = self.fill_window(args);
        (first, n)
    }

    fn fill_window(&mut self, args: &'a [Item<'a>]) -> u8 {
        for arg in args {
            let at = self.temp();
            self.to(arg.value, at);
        }
        args.len() as u8
    }

    fn in_place(&mut self, receiver: Option<&'a Expr<'a>>, args: &'a [Item<'a>]) -> Option<Reg> {
        let mut first: Option<Reg> = None;
        for (number, e) in receiver.into_iter().chain(args.iter().map(|a| a.value)).enumerate() {
            let id = match &e.kind {
                ExprKind::Name(name) if self.lit(e).is_none() => self.var_of(name.span)?,
                ExprKind::SelfRef => self.var_of(e.span)?,
                _ => return None,
            };
            let reg = self.var_reg(id)?;
            match first {
                None => first = Some(reg),
                Some(first) if first.plus(number) == reg => {}
                Some(_) => return None,
            }
        }
        first
    }

    /// Reports a number of arguments that a known function does not take.
    pub(super) fn check_arity(
        &mut self,
        what: &str,
        decl: &ast::Function<'a>,
        args: &'a [Item<'a>],
        span: Span,
    ) {
        // In a session a later unit may give the function other parameters.
        if self.session || args.iter().any(|a| a.spread) {
            return;
        }
        let rest = decl.params.last().is_some_and(|p| p.is_rest);
        let most = decl.params.len() - usize::from(rest);
        let least = decl.params.iter().filter(|p| p.default.is_none() && !p.is_rest).count();
        let n = args.len();
        if n >= least && (rest || n <= most) {
            return;
        }
        let expected = match (least, most) {
            (least, most) if rest || least == most => {
                let at_least = if rest { "at least " } else { "" };
                let _ = most;
                format!("{at_least}{least} argument{}", if least == 1 { "" } else { "s" })
            }
            (least, most) => format!("{least} to {most} arguments"),
        };
        let names: Vec<&str> = decl.params.iter().map(|p| p.name.text).collect();
        let at = decl.name.map_or(decl.span, |name| name.span);
        self.problems
            .error(span, format!("{what} takes {expected}, found {n}"))
            .see(at, "declared here")
            .help(format!("its parameters are ({})", names.join(", ")));
    }

    /// Reports a number of arguments that a class's constructor does not take.
    fn check_constructor(&mut self, class: ClassId, args: &'a [Item<'a>], span: Span) {
        let mut at = class;
        let decl = loop {
            let info = &self.res.classes[at];
            if let Some(decl) = info.decl.constructor() {
                break decl;
            }
            match info.base {
                Base::Class(base) => at = base,
                Base::None | Base::Other => return,
            }
        };
        let what = format!("the constructor of `{}`", self.res.classes[class].full_name);
        self.check_arity(&what, decl, args, span);
    }
}

/// The span from the first argument to the end of the call.
fn args_span(args: &[Item<'_>], call: Span) -> Span {
    args.first().map_or(Span::default(), |first| Span::new(first.value.span.lo, call.hi))
}
