//! Declarations: what a block declares is known before its first statement is walked.
//!
//! Invariant: functions and classes at the top level are usable in the whole file; all else only from its declaration on, except
//! from inner functions, which may run later.

use super::patterns::bound_names;
use super::scope::Resolver;
use super::{Binding, FuncKind, Namespace, NsId, NsMember, Ty, VarKind};
use crate::ast::{
    Binding as VarBinding, Decl, DeclKind, Expr, ExprKind, Function, FunctionBody, ImportDecl, ImportSource,
    NamespaceDecl, Param, Pattern, PatternKind, Span, Stmt, TypeRef, UnaryOp, VarDecl,
};

impl<'a> Resolver<'a, '_> {
    /// Declares what the statements of a block declare directly.
    pub(super) fn declare_block(&mut self, stmts: &'a [Stmt<'a>]) {
        for stmt in stmts {
            if let Some(decl) = Decl::of(stmt) {
                self.declare_decl(decl);
            }
        }
    }

    fn declare_decl(&mut self, decl: &'a Decl<'a>) {
        let top = self.at_top();
        let before = self.out.vars.len();
        match decl.kind {
            DeclKind::Var(ref vars) => self.declare_vars(vars),
            DeclKind::Function(f) => {
                if let Some(name) = f.name {
                    let id = self.func_number(f.span.lo, FuncKind::Function, Some(f), None);
                    self.declare(name, VarKind::Function(id), None);
                }
            }
            DeclKind::Class(class) => {
                if top {
                    self.declare_class(class);
                } else {
                    self.only_at_top(decl.span, "a class");
                    self.declare(class.name, VarKind::Import, None);
                }
            }
            DeclKind::Extend(_) => {
                if !top {
                    self.only_at_top(decl.span, "`extend`");
                }
            }
            DeclKind::Namespace(ref ns) => {
                if top {
                    self.declare_namespace(ns, decl.exported);
                } else {
                    self.only_at_top(decl.span, "a namespace");
                }
            }
            DeclKind::Import(ref import) => {
                if !top {
                    self.only_at_top(decl.span, "`import`");
                }
                self.declare_import(import);
            }
        }
        if decl.exported {
            if top {
                for var in &mut self.out.vars[before..] {
                    var.exported = true;
                }
            } else {
                self.problems
                    .error(decl.span, "`export` can stand only at the top level of a file or namespace")
                    .help("move the declaration out of the block, or leave `export` out");
            }
        }
    }

    fn only_at_top(&mut self, span: Span, what: &str) {
        self.problems
            .error(span, format!("{what} can stand only at the top level of a file or namespace"))
            .help("move it out of the function or block");
    }

    /// Declares the variables of `var`, `const` and typed declarations.
    pub(super) fn declare_vars(&mut self, vars: &'a VarDecl<'a>) {
        let kind = if vars.is_const { VarKind::Const } else { VarKind::Var };
        for binding in vars.bindings {
            let mut names = Vec::new();
            bound_names(&binding.target, &mut |name| names.push(name));
            for name in names {
                self.declare(name, kind, vars.ty);
            }
        }
    }

    fn declare_import(&mut self, import: &'a ImportDecl<'a>) {
        let module = match import.source {
            ImportSource::Path(path) if path.segments.len() == 1 => Some(path.segments[0].text),
            ImportSource::Path(_) | ImportSource::File { .. } => None,
        };
        if let Some(alias) = import.alias {
            let id = self.declare(alias, VarKind::Import, None);
            self.out.vars[id].origin = module.map(|m| (m, ""));
        }
        for name in import.names {
            let id = self.declare(name.alias, VarKind::Import, None);
            self.out.vars[id].origin = module.map(|m| (m, name.name.text));
        }
    }

    /// Opens (or opens again) the namespaces of a path and declares what is in the body.
    fn declare_namespace(&mut self, decl: &'a NamespaceDecl<'a>, exported: bool) {
        let outer = self.namespace;
        let depth = self.scopes.len();
        for (number, segment) in decl.path.segments.iter().enumerate() {
            let here = self.namespace;
            let id = match self.out.namespaces[here].get(segment.text) {
                Some(NsMember::Namespace(id)) => id,
                Some(NsMember::Var(var)) => {
                    let at = self.out.vars[var].span;
                    self.problems
                        .error(segment.span, format!("`{}` is declared twice in this scope", segment.text))
                        .see(at, "first declared here")
                        .help("rename one of the two");
                    self.new_namespace(here, segment.text)
                }
                None => self.new_namespace(here, segment.text),
            };
            self.out.namespaces[id].exported |= exported || number > 0;
            self.note(segment.span.lo, Binding::Namespace(id));
            self.enter_namespace(id);
        }
        self.declare_block(decl.body.stmts);
        self.scopes.truncate(depth);
        self.namespace = outer;
    }

    fn new_namespace(&mut self, parent: NsId, name: &'a str) -> NsId {
        let id = self.out.namespaces.len();
        let parent_path = &self.out.namespaces[parent].path;
        let path = if parent_path.is_empty() { name.to_owned() } else { format!("{parent_path}.{name}") };
        self.out.namespaces.push(Namespace { path, ..Namespace::default() });
        let outer = &mut self.out.namespaces[parent];
        outer.members.push((name, NsMember::Namespace(id)));
        outer.by_name.insert(name, NsMember::Namespace(id));
        id
    }

    fn enter_namespace(&mut self, id: NsId) {
        self.push_scope();
        if let Some(scope) = self.scopes.last_mut() {
            scope.namespace = Some(id);
        }
        self.namespace = id;
    }

    /// Runs `walk` with the scopes of a namespace open.
    pub(super) fn in_namespace(&mut self, decl: &'a NamespaceDecl<'a>, walk: &mut dyn FnMut(&mut Self)) {
        let outer = self.namespace;
        let depth = self.scopes.len();
        for segment in decl.path.segments {
            if let Some(&Binding::Namespace(id)) = self.out.uses.get(&segment.span.lo) {
                self.enter_namespace(id);
            }
        }
        walk(self);
        self.scopes.truncate(depth);
        self.namespace = outer;
    }

    /// Walks a declaration whose names are declared already.
    pub(super) fn decl(&mut self, decl: &'a Decl<'a>) {
        match decl.kind {
            DeclKind::Var(ref vars) => self.var_decl(vars),
            DeclKind::Function(f) => {
                // A function may name itself: the variable has no value yet when its body is compiled into a closure.
                self.function(f, FuncKind::Function, None, None);
                if let Some(name) = f.name {
                    self.ready(name);
                }
            }
            DeclKind::Class(class) => {
                if self.at_top() {
                    self.class_body(class);
                }
            }
            DeclKind::Extend(ref extend) => {
                if self.at_top() {
                    self.extend_body(extend);
                }
            }
            DeclKind::Namespace(ref ns) => {
                if self.at_top() {
                    self.in_namespace(ns, &mut |r| r.stmts(ns.body.stmts));
                }
            }
            DeclKind::Import(_) => {}
        }
    }

    /// Walks declared variables: each has its value after its own initialiser.
    pub(super) fn var_decl(&mut self, vars: &'a VarDecl<'a>) {
        let ty = self.opt_type(&vars.ty);
        for binding in vars.bindings {
            self.var_binding(binding, ty);
        }
    }

    fn var_binding(&mut self, binding: &'a VarBinding<'a>, ty: Ty<'a>) {
        if let Some(init) = binding.init {
            self.expr(init);
        }
        self.bind_pattern(&binding.target, ty);
        if let (PatternKind::Bind(name), Some(init)) = (&binding.target.kind, binding.init)
            && let Some(&id) = self.out.decls.get(&name.span.lo)
        {
            let var = &mut self.out.vars[id];
            if var.kind == VarKind::Const && is_literal(init) {
                var.value = Some(init);
            }
        }
    }

    /// The names of a binding pattern have their values from here on.
    pub(super) fn bind_pattern(&mut self, pattern: &'a Pattern<'a>, ty: Ty<'a>) {
        self.binding_parts(pattern);
        if let PatternKind::Bind(name) = pattern.kind
            && let Some(&id) = self.out.decls.get(&name.span.lo)
        {
            self.out.vars[id].ty = ty;
        }
        self.pattern_uses(pattern);
    }

    /// Walks a function: parameters, defaults, body.
    pub(super) fn function(
        &mut self,
        f: &'a Function<'a>,
        kind: FuncKind,
        class: Option<super::ClassId>,
        has_base: Option<bool>,
    ) {
        self.enter_func(f.span.lo, kind, Some(f), class, has_base);
        if matches!(kind, FuncKind::Method | FuncKind::Constructor) {
            self.declare_self(f.span);
        }
        for param in f.params {
            self.param(param);
        }
        if let Some(result) = &f.result {
            self.type_ref(result);
        }
        match f.body {
            FunctionBody::Block(block) => {
                self.declare_block(block.stmts);
                self.stmts(block.stmts);
            }
            FunctionBody::Expr(e) => self.expr(e),
        }
        self.leave_func();
    }

    fn param(&mut self, param: &'a Param<'a>) {
        let declared: Option<TypeRef<'a>> = param.ty;
        let ty = self.opt_type(&declared);
        if let Some(default) = param.default {
            self.expr(default);
        }
        let id = self.declare(param.name, VarKind::Param, declared);
        self.out.vars[id].ty = ty;
    }
}

/// Whether it is a literal (perhaps negative) without parts.
fn is_literal(e: &Expr<'_>) -> bool {
    match e.kind {
        ExprKind::Null | ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::String(_) => {
            true
        }
        ExprKind::Unary { op: UnaryOp::Neg, operand } => {
            matches!(operand.kind, ExprKind::Int(_) | ExprKind::Float(_))
        }
        _ => false,
    }
}
