//! The resolver itself: its state, its scopes, its entry point.
//!
//! Invariant: `scopes` mirrors the nesting of the source at the node being walked; a variable knows its function, so that
//! one found from another function is a capture.

use corella_vm::names::NameMap;

use super::{
    Binding, Func, FuncId, FuncKind, Input, Namespace, NsId, NsMember, Place, Resolution, Ty, Var, VarId,
    VarKind, place,
};
use crate::ast::{self, Name, Span, Stmt, TypeRef};
use crate::problem::Problems;

/// One scope.
pub(super) struct Scope<'a> {
    /// What is declared in it, for scopes that are not namespaces.
    pub(super) names: NameMap<&'a str, VarId>,
    /// The namespace whose top level it is.
    pub(super) namespace: Option<NsId>,
}

/// What may be left by `break` and `continue`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Loop,
    Switch,
    Block,
}

/// What is known of the function being walked.
pub(super) struct FuncCtx<'a> {
    pub(super) id: FuncId,
    pub(super) kind: FuncKind,
    pub(super) generator: bool,
    /// Loops, switches and labelled blocks around this place, the innermost last, with their labels.
    pub(super) leaves: Vec<(Leave, Option<&'a str>)>,
    /// Whether a class's base class may be reached by `super`; `None` outside of classes.
    pub(super) has_base: Option<bool>,
}

/// The pass.
pub(super) struct Resolver<'a, 'i> {
    pub(super) out: Resolution<'a>,
    pub(super) input: &'i Input<'i>,
    pub(super) problems: &'i mut Problems,
    pub(super) scopes: Vec<Scope<'a>>,
    pub(super) funcs: Vec<FuncCtx<'a>>,
    /// The namespace being walked, at the top level.
    pub(super) namespace: NsId,
    /// Uses of variables by their own function before their declaration.
    pub(super) early_uses: Vec<(VarId, Span)>,
    /// A label waiting for its loop or block.
    pub(super) label: Option<&'a str>,
}

/// Resolves a module.
pub(crate) fn resolve<'a>(
    module: &'a ast::Module<'a>,
    input: &Input<'_>,
    problems: &mut Problems,
) -> Resolution<'a> {
    let mut out = Resolution::default();
    out.namespaces.push(Namespace::default());
    out.globals = input.session_globals.to_vec();
    out.funcs.push(Func {
        kind: FuncKind::Module,
        parent: None,
        class: None,
        decl: None,
        free: Vec::new(),
        self_var: None,
    });
    let mut r = Resolver {
        out,
        input,
        problems,
        scopes: vec![Scope { names: NameMap::default(), namespace: Some(0) }],
        funcs: vec![FuncCtx {
            id: 0,
            kind: FuncKind::Module,
            generator: false,
            leaves: Vec::new(),
            has_base: None,
        }],
        namespace: 0,
        early_uses: Vec::new(),
        label: None,
    };
    r.declare_block(module.body);
    r.class_headers(module.body);
    r.stmts(module.body);
    place::decide(&mut r.out, input.session);
    r.report_early_uses();
    r.out
}

impl<'a> Resolver<'a, '_> {
    /// The function being walked.
    pub(super) fn func(&self) -> &FuncCtx<'a> {
        &self.funcs[self.funcs.len() - 1]
    }

    pub(super) fn func_mut(&mut self) -> &mut FuncCtx<'a> {
        let last = self.funcs.len() - 1;
        &mut self.funcs[last]
    }

    /// Whether declarations here belong to a namespace (or the module) rather than to a block.
    pub(super) fn at_top(&self) -> bool {
        self.scopes.last().is_some_and(|s| s.namespace.is_some())
    }

    pub(super) fn push_scope(&mut self) {
        self.scopes.push(Scope { names: NameMap::default(), namespace: None });
    }

    pub(super) fn pop_scope(&mut self) {
        self.scopes.pop();
    }

    /// Declares a variable in the innermost scope.
    pub(super) fn declare(&mut self, name: Name<'a>, kind: VarKind, declared: Option<TypeRef<'a>>) -> VarId {
        let func = self.func().id;
        let namespace = self.scopes.last().and_then(|s| s.namespace);
        if let Some(previous) = self.declared_here(name.text) {
            let at = self.out.vars[previous].span;
            self.problems
                .error(name.span, format!("`{}` is declared twice in this scope", name.text))
                .see(at, "first declared here")
                .help("rename one of the two, or assign to it without declaring it again");
        }
        let id = self.out.vars.len();
        self.out.vars.push(Var {
            name: name.text,
            span: name.span,
            kind,
            declared,
            ty: Ty::Any,
            func,
            namespace,
            captured: false,
            early: false,
            assigns: Vec::new(),
            used: false,
            exported: false,
            value: None,
            origin: None,
            ready: !matches!(kind, VarKind::Var | VarKind::Const | VarKind::Function(_)) || {
                namespace.is_some() && matches!(kind, VarKind::Function(_))
            },
            place: Place::Local,
        });
        self.out.decls.insert(name.span.lo, id);
        match namespace {
            Some(ns) => {
                let ns = &mut self.out.namespaces[ns];
                ns.by_name.insert(name.text, NsMember::Var(id));
                ns.members.push((name.text, NsMember::Var(id)));
            }
            None => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.names.insert(name.text, id);
                }
            }
        }
        id
    }

    fn declared_here(&self, name: &str) -> Option<VarId> {
        let scope = self.scopes.last()?;
        match scope.namespace {
            Some(ns) => match self.out.namespaces[ns].get(name)? {
                NsMember::Var(id) => Some(id),
                NsMember::Namespace(_) => None,
            },
            None => scope.names.get(name).copied(),
        }
    }

    /// The variable declared by this name has its value from here on.
    pub(super) fn ready(&mut self, name: Name<'a>) {
        if let Some(&id) = self.out.decls.get(&name.span.lo) {
            self.out.vars[id].ready = true;
        }
    }

    /// Enters a function: its scope for parameters is open afterwards.
    pub(super) fn enter_func(
        &mut self,
        at: u32,
        kind: FuncKind,
        decl: Option<&'a ast::Function<'a>>,
        class: Option<super::ClassId>,
        has_base: Option<bool>,
    ) -> FuncId {
        let id = self.func_number(at, kind, decl, class);
        let generator = decl.is_some_and(|f| f.is_generator);
        self.funcs.push(FuncCtx { id, kind, generator, leaves: Vec::new(), has_base });
        self.push_scope();
        id
    }

    /// The number of the function whose text begins at `at`.
    pub(super) fn func_number(
        &mut self,
        at: u32,
        kind: FuncKind,
        decl: Option<&'a ast::Function<'a>>,
        class: Option<super::ClassId>,
    ) -> FuncId {
        if let Some(&id) = self.out.func_at.get(&at) {
            return id;
        }
        let parent = Some(self.func().id);
        let id = self.out.funcs.len();
        self.out.funcs.push(Func { kind, parent, class, decl, free: Vec::new(), self_var: None });
        self.out.func_at.insert(at, id);
        id
    }

    pub(super) fn leave_func(&mut self) {
        self.pop_scope();
        self.funcs.pop();
    }

    /// Declares `self` in the function just entered.
    pub(super) fn declare_self(&mut self, span: Span) {
        let id = self.out.vars.len();
        let func = self.func().id;
        let class = self.out.funcs[func].class;
        self.out.vars.push(Var {
            name: "self",
            span,
            kind: VarKind::SelfParam,
            declared: None,
            ty: class.map_or(Ty::Any, Ty::Class),
            func,
            namespace: None,
            captured: false,
            early: false,
            assigns: Vec::new(),
            used: true,
            exported: false,
            value: None,
            origin: None,
            ready: true,
            place: Place::Local,
        });
        self.out.funcs[func].self_var = Some(id);
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert("self", id);
        }
    }

    /// Walks statements of a scope that is open and declared.
    pub(super) fn stmts(&mut self, stmts: &'a [Stmt<'a>]) {
        for stmt in stmts {
            self.stmt(stmt);
        }
    }

    /// Walks a block in a scope of its own.
    pub(super) fn block(&mut self, stmts: &'a [Stmt<'a>]) {
        self.push_scope();
        self.declare_block(stmts);
        self.stmts(stmts);
        self.pop_scope();
    }

    /// Notes what a name means.
    pub(super) fn note(&mut self, at: u32, binding: Binding) {
        self.out.uses.insert(at, binding);
    }
}
