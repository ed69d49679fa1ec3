//! The module as a whole: what is made before the first statement, imports, exports, namespaces.

use corella_vm::names::{NameMap, NameSet};
use std::cell::RefCell;

use corella_vm::bytecode::{Const, Export, Function as VmFunction, Module as VmModule, NamespaceDef, Op};

use super::state::Lower;
use crate::ast::{self, Decl, DeclKind, Expr, ExprKind, ImportDecl, ImportSource, Span, Stmt, StmtKind};
use crate::emit::ModuleBuilder;
use crate::problem::Problems;
use crate::resolve::{NsId, NsMember, Place, Resolution, VarKind};

/// Lowers a resolved module.
pub(crate) fn lower<'a>(
    module: &'a ast::Module<'a>,
    name: &str,
    res: &Resolution<'a>,
    session: bool,
    problems: &mut Problems,
    line_of: &dyn Fn(u32) -> (u32, u32),
) -> VmModule {
    let mut l = Lower {
        res,
        m: ModuleBuilder::default(),
        problems,
        line_of,
        session,
        fns: Vec::new(),
        numbers: NameMap::default(),
        ready_classes: vec![false; res.classes.len()],
        extended: NameSet::default(),
        docs: NameMap::default(),
        inferred: NameSet::default(),
        spreading: None,
        type_memo: RefCell::new(NameMap::default()),
    };
    l.m.module.name = name.to_owned();
    l.number(0);
    l.collect_docs(module.body);
    l.begin(0, "<module>".to_owned(), 0);
    l.early_classes();
    l.early_extends(module.body);
    l.session_functions();
    l.block_cells(module.body);
    l.top_statements(module.body);
    l.end(VmFunction::default(), Span::new(0, 0));
    l.exports();
    l.m.module.globals = res.globals.clone();
    if let Some(problem) = l.m.overflow {
        l.error(Span::new(0, 0), format!("the file {problem}"), "split it into several modules".to_owned());
    }
    l.m.module
}

impl<'a> Lower<'a, '_> {
    fn collect_docs(&mut self, stmts: &'a [Stmt<'a>]) {
        for decl in stmts.iter().filter_map(Decl::of) {
            let name = match decl.kind {
                DeclKind::Function(f) => f.name,
                DeclKind::Class(class) => Some(class.name),
                DeclKind::Namespace(ref ns) => {
                    self.collect_docs(ns.body.stmts);
                    None
                }
                DeclKind::Var(_) | DeclKind::Extend(_) | DeclKind::Import(_) => None,
            };
            if let (Some(name), Some(doc)) = (name, decl.doc) {
                self.docs.insert(name.span.lo, doc);
            }
        }
    }

    fn early_extends(&mut self, stmts: &'a [Stmt<'a>]) {
        for decl in stmts.iter().filter_map(Decl::of) {
            match decl.kind {
                DeclKind::Extend(ref extend) => self.early_extend(extend),
                DeclKind::Namespace(ref ns) => self.early_extends(ns.body.stmts),
                DeclKind::Var(_) | DeclKind::Function(_) | DeclKind::Class(_) | DeclKind::Import(_) => {}
            }
        }
    }

    /// In a session functions live in slots, so that a later unit can replace them.
    fn session_functions(&mut self) {
        for id in 0..self.res.vars.len() {
            let var = self.var(id);
            let (VarKind::Function(f), Place::Global(slot)) = (var.kind, var.place) else { continue };
            let (name, at) = (var.name.to_owned(), var.span);
            let Some(decl) = self.res.funcs[f].decl else { continue };
            let mark = self.mark();
            let tmp = self.temp();
            let number = self.function(decl, name, self.docs.get(&at.lo).copied());
            self.at(at);
            self.wide(Op::Closure, tmp.0, number);
            self.wide(Op::SetGlobal, tmp.0, slot);
            self.release(mark);
        }
    }

    fn top_statements(&mut self, stmts: &'a [Stmt<'a>]) {
        let value = |e: &Expr<'a>| !matches!(e.kind, ExprKind::Spawn(_) | ExprKind::Yield(None));
        match stmts.split_last() {
            Some((Stmt { kind: StmtKind::Expr(e), span }, before)) if self.session && value(e) => {
                self.stmts(before);
                self.m.module.yields_value = true;
                self.return_value(Some(e), *span);
            }
            _ => self.stmts(stmts),
        }
    }

    /// Lowers an import.
    pub(super) fn import(&mut self, import: &'a ImportDecl<'a>, span: Span) {
        let path = match import.source {
            ImportSource::Path(path) => {
                let segments: Vec<&str> = path.segments.iter().map(|s| s.text).collect();
                segments.join(".")
            }
            ImportSource::File { text, .. } => text.to_owned(),
        };
        let mark = self.mark();
        let module = self.temp();
        let k = self.m.constant(Const::Str(path));
        self.at(span);
        self.wide(Op::Import, module.0, k);
        let names = import.names.iter().map(|n| (Some(n.name), n.alias));
        let alias = import.alias.map(|alias| (None, alias));
        for (source, name) in alias.into_iter().chain(names) {
            let Some(&id) = self.res.decls.get(&name.span.lo) else { continue };
            let Place::Global(slot) = self.var(id).place else { continue };
            match source {
                None => self.wide(Op::SetGlobal, module.0, slot),
                Some(source) => {
                    let inner = self.mark();
                    let tmp = self.temp();
                    self.at(source.span);
                    let site = self.site(source.text);
                    self.op(Op::GetAttr, tmp.0, module.0, site);
                    self.wide(Op::SetGlobal, tmp.0, slot);
                    self.release(inner);
                }
            }
            self.classes_after_import(id);
        }
        self.release(mark);
    }

    /// Fills the module's namespaces, exports and `main`.
    fn exports(&mut self) {
        for ns in 0..self.res.namespaces.len() {
            let mut members = Vec::new();
            for (name, member) in &self.res.namespaces[ns].members {
                let export = match *member {
                    NsMember::Namespace(inner) => (ns != 0 || self.res.namespaces[inner].exported)
                        .then_some(Export::Namespace(inner as u32)),
                    NsMember::Var(id) => self.export(ns, id),
                };
                if let Some(export) = export {
                    members.push(((*name).to_owned(), export));
                }
            }
            let path = self.res.namespaces[ns].path.clone();
            self.m.module.namespaces.push(NamespaceDef { path, members });
        }
        if let Some(NsMember::Var(id)) = self.res.namespaces[0].get("main")
            && let Place::Static(f) = self.var(id).place
        {
            self.m.module.main = Some(self.number(f));
        }
    }

    fn export(&mut self, ns: NsId, id: usize) -> Option<Export> {
        let var = self.var(id);
        if ns == 0 && !var.exported {
            return None;
        }
        match var.place {
            Place::Global(slot) => Some(Export::Global(slot)),
            Place::Static(f) => Some(Export::Function(self.number(f))),
            Place::Local | Place::Cell => None,
        }
    }
}
