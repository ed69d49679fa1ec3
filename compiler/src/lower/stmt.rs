//! Statements: the dispatch over all kinds, and the simple ones.

use corella_vm::bytecode::Op;

use super::state::{Ctl, CtlKind, Exit, Home, Lower};
use crate::ast::{Block, Decl, DeclKind, Function, PatternKind, Stmt, StmtKind, VarDecl};
use crate::resolve::{Place, bound_names};

impl<'a> Lower<'a, '_> {
    /// Lowers statements one after the other.
    pub(super) fn stmts(&mut self, stmts: &'a [Stmt<'a>]) {
        for stmt in stmts {
            self.stmt(stmt);
        }
    }

    /// Lowers a block; its variables' registers are free again afterwards.
    pub(super) fn block(&mut self, block: &'a Block<'a>) {
        let mark = self.mark();
        self.block_cells(block.stmts);
        self.stmts(block.stmts);
        self.release(mark);
    }

    /// Lowers a statement that is a body.
    pub(super) fn body(&mut self, stmt: &'a Stmt<'a>) {
        let mark = self.mark();
        if !matches!(stmt.kind, StmtKind::Block(_)) {
            self.block_cells(std::slice::from_ref(stmt));
        }
        self.stmt(stmt);
        self.release(mark);
    }

    /// Makes the cells of variables that inner functions use from places before their declaration.
    pub(super) fn block_cells(&mut self, stmts: &'a [Stmt<'a>]) {
        for stmt in stmts {
            let Some(decl) = Decl::of(stmt) else { continue };
            let mut names = Vec::new();
            match &decl.kind {
                DeclKind::Var(vars) => {
                    vars.bindings.iter().for_each(|b| bound_names(&b.target, &mut |name| names.push(name)));
                }
                DeclKind::Function(f) => names.extend(f.name),
                DeclKind::Class(_) | DeclKind::Extend(_) | DeclKind::Namespace(_) | DeclKind::Import(_) => {}
            }
            for name in names {
                let Some(&id) = self.res.decls.get(&name.span.lo) else { continue };
                if self.var(id).place == Place::Cell && self.var(id).early {
                    self.at(name.span);
                    self.empty_cell(id);
                }
            }
        }
    }

    /// Makes the cells of all variables that a case of a `switch` declares.
    pub(super) fn case_cells(&mut self, stmts: &'a [Stmt<'a>]) {
        self.block_cells(stmts);
        for stmt in stmts {
            let Some(DeclKind::Var(vars)) = Decl::of(stmt).map(|d| &d.kind) else { continue };
            let mut names = Vec::new();
            vars.bindings.iter().for_each(|b| bound_names(&b.target, &mut |name| names.push(name)));
            for name in names {
                if let Some(&id) = self.res.decls.get(&name.span.lo)
                    && self.var(id).place == Place::Cell
                    && !self.f_ref().homes.contains_key(&id)
                {
                    self.empty_cell(id);
                }
            }
        }
    }

    /// Makes a cell that holds null for a variable.
    pub(super) fn empty_cell(&mut self, id: usize) {
        let cell = self.temp();
        self.op(Op::LoadNull, cell.0, 0, 0);
        self.op(Op::NewCell, cell.0, cell.0, 0);
        self.settle(id, Home::Cell(cell));
    }

    /// Lowers a statement. Declarations take registers that the enclosing block frees.
    pub(super) fn stmt(&mut self, stmt: &'a Stmt<'a>) {
        self.labelled_stmt(stmt, None);
    }

    fn labelled_stmt(&mut self, stmt: &'a Stmt<'a>, label: Option<&'a str>) {
        self.at(stmt.span);
        match &stmt.kind {
            StmtKind::Empty | StmtKind::Error => {}
            StmtKind::Expr(e) => self.effect(e),
            StmtKind::Decl(decl) => self.decl(decl),
            StmtKind::Block(block) => {
                if label.is_none() {
                    return self.block(block);
                }
                let exit = self.label();
                self.f().ctl.push(Ctl { name: label, kind: CtlKind::Block { exit } });
                self.block(block);
                self.f().ctl.pop();
                self.bind(exit);
            }
            StmtKind::If { arms, otherwise } => {
                let done = self.label();
                for arm in *arms {
                    match self.lit(arm.cond).map(super::literal::Lit::truth) {
                        Some(false) => continue,
                        Some(true) => {
                            self.body(arm.body);
                            self.bind(done);
                            return;
                        }
                        None => {}
                    }
                    let next = self.label();
                    self.cond(arm.cond, next, false);
                    self.body(arm.body);
                    self.goto(done);
                    self.bind(next);
                }
                if let Some(s) = otherwise {
                    self.body(s);
                }
                self.bind(done);
            }
            StmtKind::While { cond, body } => self.while_loop(cond, body, label),
            StmtKind::DoWhile { body, cond } => self.do_loop(body, cond, label),
            StmtKind::For { init, cond, step, body } => {
                self.for_loop(init.as_ref(), *cond, step, body, label);
            }
            StmtKind::ForIn { vars, iter, body } => self.for_in(vars, iter, body, label),
            StmtKind::Switch { value, cases } => self.switch(value, cases, label),
            StmtKind::Labelled { label, body } => self.labelled_stmt(body, Some(label.text)),
            StmtKind::Break(label) => self.leave(Exit::Break(label.map(|l| l.text)), None),
            StmtKind::Continue(label) => self.leave(Exit::Continue(label.map(|l| l.text)), None),
            StmtKind::Return(value) => self.return_value(*value, stmt.span),
            StmtKind::Throw(e) => {
                let mark = self.mark();
                let r = self.reg(e);
                self.at(stmt.span);
                self.op(Op::Throw, r.0, 0, 0);
                self.release(mark);
            }
            StmtKind::Try { body, catches, finally } => self.try_stmt(body, catches, finally.as_ref()),
            StmtKind::Match(m) => self.match_value(m, None),
            StmtKind::Receive(receive) => self.receive(receive, None),
            StmtKind::Atomic(block) => self.atomic(block),
            StmtKind::Scope(block) => self.scope(block),
            StmtKind::InlineOp(op) => self.inline_op(op),
        }
    }

    fn decl(&mut self, decl: &'a Decl<'a>) {
        match &decl.kind {
            DeclKind::Var(vars) => self.var_decl(vars),
            DeclKind::Function(f) => self.function_decl(f, decl.doc),
            DeclKind::Class(class) => self.class_stmt(class, decl.doc),
            DeclKind::Extend(extend) => self.extend_stmt(extend),
            DeclKind::Namespace(ns) => self.stmts(ns.body.stmts),
            DeclKind::Import(import) => self.import(import, decl.span),
        }
    }

    /// Lowers declared variables.
    pub(super) fn var_decl(&mut self, vars: &'a VarDecl<'a>) {
        for binding in vars.bindings {
            match &binding.target.kind {
                PatternKind::Bind(name) => self.declare_var(*name, binding.init),
                _ => {
                    let Some(init) = binding.init else { continue };
                    // The value's register is below those of the variables, so it is not freed before the block ends.
                    let src = self.temp();
                    self.to(init, src);
                    self.bind_pattern(&binding.target, src);
                }
            }
        }
    }

    /// Lowers a declared function; one that captures nothing needs no code here.
    fn function_decl(&mut self, f: &'a Function<'a>, doc: Option<&'a str>) {
        let Some(name) = f.name else { return };
        let Some(&id) = self.res.decls.get(&name.span.lo) else { return };
        let place = self.var(id).place;
        let full_name = match self.var(id).namespace {
            Some(ns) if ns != 0 => format!("{}.{}", self.res.namespaces[ns].path, name.text),
            _ => name.text.to_owned(),
        };
        match place {
            Place::Static(_) => {
                self.function(f, full_name, doc);
            }
            // Made at the start of the module.
            Place::Global(_) => {}
            Place::Local => {
                let reg = self.temp();
                let number = self.function(f, full_name, doc);
                self.at(f.span);
                self.wide(Op::Closure, reg.0, number);
                self.settle(id, Home::Reg(reg));
            }
            Place::Cell => {
                if !self.f_ref().homes.contains_key(&id) {
                    self.empty_cell(id);
                }
                let mark = self.mark();
                let tmp = self.temp();
                let number = self.function(f, full_name, doc);
                self.at(f.span);
                self.wide(Op::Closure, tmp.0, number);
                if let Some(&Home::Cell(cell)) = self.f_ref().homes.get(&id) {
                    self.op(Op::CellSet, cell.0, tmp.0, 0);
                }
                self.release(mark);
            }
        }
    }
}
