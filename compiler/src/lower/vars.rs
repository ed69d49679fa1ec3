//! Reading and writing variables, wherever they live.

use corella_vm::bytecode::{Capture, Const, Op};

use super::state::{Home, Lower, Num};
use super::types::Fit;
use crate::ast::{Expr, Name, Span, TypeRef};
use crate::emit::{Raw, Reg};
use crate::resolve::{Binding, Place, Ty, VarId};

/// How the current function reaches a variable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// It is its own.
    Home(Home),
    /// It captured the value.
    Up(u16),
    /// It captured the cell.
    UpCell(u16),
    /// It is a slot of the module.
    Global(u32),
    /// It is a function known by number.
    Static(usize),
}

impl<'a> Lower<'a, '_> {
    /// How the current function reaches a variable.
    pub(super) fn access(&mut self, id: VarId) -> Access {
        let var = self.var(id);
        let (place, owner) = (var.place, var.func);
        match place {
            Place::Global(slot) => Access::Global(slot),
            Place::Static(f) => Access::Static(f),
            Place::Local | Place::Cell if owner == self.f_ref().id => match self.f_ref().homes.get(&id) {
                Some(&home) => Access::Home(home),
                // Only code that cannot be reached names a variable without a register.
                None => Access::Home(Home::Reg(Reg(0))),
            },
            Place::Local => Access::Up(self.upvalue(self.fns.len() - 1, id)),
            Place::Cell => Access::UpCell(self.upvalue(self.fns.len() - 1, id)),
        }
    }

    /// The number under which function `level` has captured a variable.
    fn upvalue(&mut self, level: usize, id: VarId) -> u16 {
        if let Some(&number) = self.fns[level].ups.get(&id) {
            return number;
        }
        let Some(parent) = level.checked_sub(1) else { return 0 };
        let from = if self.fns[parent].id == self.var(id).func {
            match self.fns[parent].homes.get(&id) {
                Some(Home::Reg(r) | Home::Cell(r) | Home::Both(_, r)) => Capture::Register(r.0),
                // Captured variables are never in raw registers alone.
                Some(Home::Raw(..)) | None => Capture::Register(0),
            }
        } else {
            Capture::Upvalue(self.upvalue(parent, id))
        };
        let number = self.fns[level].b.capture(from);
        self.fns[level].ups.insert(id, number);
        number
    }

    /// Loads a variable into a register.
    pub(super) fn load_var(&mut self, id: VarId, dst: Reg) {
        match self.access(id) {
            Access::Home(Home::Reg(r) | Home::Both(_, r)) => self.mov(dst, r),
            Access::Home(Home::Cell(r)) => self.op(Op::CellGet, dst.0, r.0, 0),
            Access::Home(Home::Raw(r, num)) => self.boxed(dst, r, num),
            Access::Up(n) => self.op(Op::UpGet, dst.0, n, 0),
            Access::UpCell(n) => self.op(Op::UpCellGet, dst.0, n, 0),
            Access::Global(slot) => self.wide(Op::GetGlobal, dst.0, slot),
            Access::Static(f) => {
                let number = self.number(f);
                self.wide(Op::Closure, dst.0, number);
            }
        }
    }

    /// The tagged register that a variable is in, if it is in one.
    pub(super) fn var_reg(&mut self, id: VarId) -> Option<Reg> {
        match self.access(id) {
            Access::Home(Home::Reg(r) | Home::Both(_, r)) => Some(r),
            _ => None,
        }
    }

    /// Writes a register, whose value fits, to a variable that has no raw register.
    pub(super) fn store_var(&mut self, id: VarId, src: Reg) {
        match self.access(id) {
            Access::Home(Home::Reg(r) | Home::Both(_, r)) => self.mov(r, src),
            Access::Home(Home::Cell(r)) => self.op(Op::CellSet, r.0, src.0, 0),
            Access::Home(Home::Raw(r, num)) => {
                let what = format!("variable {}", self.var(id).name);
                self.unboxed(r, src, num, &what);
            }
            Access::UpCell(n) => self.op(Op::UpCellSet, src.0, n, 0),
            Access::Global(slot) => self.wide(Op::SetGlobal, src.0, slot),
            // Neither can be assigned: the resolver has seen to it.
            Access::Up(_) | Access::Static(_) => {}
        }
    }

    /// Assigns the value in a tagged register, checking it against the variable's type.
    pub(super) fn assign_var_reg(&mut self, id: VarId, src: Reg) {
        let declared = self.var(id).declared;
        match (declared, self.access(id)) {
            (_, Access::Home(Home::Raw(..))) | (None, _) => self.store_var(id, src),
            (Some(_), _) => {
                let mark = self.mark();
                let tmp = self.temp();
                self.mov(tmp, src);
                self.assign_var_temp(id, tmp);
                self.release(mark);
            }
        }
    }

    /// As [`Self::assign_var_reg`], for a value in a temporary register, which the check may convert.
    pub(super) fn assign_var_temp(&mut self, id: VarId, tmp: Reg) {
        if let Some(ty) = self.var(id).declared
            && !matches!(self.access(id), Access::Home(Home::Raw(..)))
        {
            self.check_var(id, tmp, &ty);
        }
        self.store_var(id, tmp);
    }

    fn check_var(&mut self, id: VarId, reg: Reg, ty: &TypeRef<'a>) {
        if self.var(id).ty == Ty::Any {
            return;
        }
        let what = format!("variable {}", self.var(id).name);
        self.check_type(reg, ty, &what);
    }

    /// Assigns the value of an expression to a variable; with `keep`, gives the register that has the value afterwards.
    pub(super) fn assign_var(&mut self, id: VarId, value: &'a Expr<'a>, keep: Option<Reg>) {
        let declared = self.var(id).declared;
        let ty = self.var(id).ty;
        if declared.is_some() && self.fit(ty, value) == Fit::No {
            let what = format!("variable `{}`", self.var(id).name);
            self.misfit(ty, value, &what);
        }
        let access = self.access(id);
        if let Access::Home(Home::Raw(raw, num)) = access {
            let what = format!("variable {}", self.var(id).name);
            self.raw_to(value, num, raw, &what);
            if let Some(dst) = keep {
                self.boxed(dst, raw, num);
            }
            return;
        }
        let check = declared.filter(|_| self.fit(ty, value) == Fit::Check);
        let mark = self.mark();
        match (access, check) {
            (Access::Home(Home::Reg(r)), None) if !self.writes_early(value) => {
                self.to(value, r);
                if let Some(dst) = keep {
                    self.mov(dst, r);
                }
            }
            (_, Some(ty)) => {
                let tmp = match keep {
                    Some(dst) => dst,
                    None => self.temp(),
                };
                self.to(value, tmp);
                self.check_var(id, tmp, &ty);
                self.store_var(id, tmp);
            }
            (_, None) => {
                let src = match keep {
                    Some(dst) => {
                        self.to(value, dst);
                        dst
                    }
                    None => self.reg(value),
                };
                self.store_var(id, src);
            }
        }
        self.release(mark);
    }

    /// Gives a variable of the current function, or of the module, its place and its first value.
    pub(super) fn declare_var(&mut self, name: Name<'a>, init: Option<&'a Expr<'a>>) {
        let Some(&id) = self.res.decls.get(&name.span.lo) else { return };
        let var = self.var(id);
        let (place, ty, declared, captured) = (var.place, var.ty, var.declared, var.captured);
        if declared.is_some()
            && let Some(init) = init
            && self.fit(ty, init) == Fit::No
        {
            let what = format!("variable `{}`", name.text);
            self.misfit(ty, init, &what);
        }
        self.at(name.span);
        match (place, declared) {
            (Place::Static(_), _) => {}
            (Place::Local, Some(_)) if ty.is_number() && !captured => {
                let num = if ty == Ty::Int { Num::Int } else { Num::Float };
                let raw = self.raw_temp();
                match init {
                    Some(init) => {
                        let what = format!("variable {}", name.text);
                        self.raw_to(init, num, raw, &what);
                    }
                    None => self.raw_zero(raw, num),
                }
                self.settle(id, Home::Raw(raw, num));
            }
            (Place::Local, _) => {
                let reg = self.temp();
                self.first_value(id, init, reg);
                self.settle(id, Home::Reg(reg));
            }
            (Place::Cell, _) => {
                // The cell of a variable that is captured before its declaration is made where its block begins.
                if self.var(id).early && !self.f_ref().homes.contains_key(&id) {
                    self.empty_cell(id);
                }
                if let Some(&Home::Cell(cell)) = self.f_ref().homes.get(&id) {
                    let mark = self.mark();
                    let tmp = self.temp();
                    self.first_value(id, init, tmp);
                    self.op(Op::CellSet, cell.0, tmp.0, 0);
                    self.release(mark);
                } else {
                    let reg = self.temp();
                    self.first_value(id, init, reg);
                    self.op(Op::NewCell, reg.0, reg.0, 0);
                    self.settle(id, Home::Cell(reg));
                }
            }
            (Place::Global(slot), _) => {
                let mark = self.mark();
                let tmp = self.temp();
                self.first_value(id, init, tmp);
                self.wide(Op::SetGlobal, tmp.0, slot);
                self.release(mark);
            }
        }
    }

    /// Computes a variable's first value, checked against its type.
    fn first_value(&mut self, id: VarId, init: Option<&'a Expr<'a>>, dst: Reg) {
        let (declared, ty) = (self.var(id).declared, self.var(id).ty);
        match init {
            Some(init) => {
                self.to(init, dst);
                if let Some(declared) = declared
                    && self.fit(ty, init) == Fit::Check
                {
                    self.check_var(id, dst, &declared);
                }
            }
            None => self.zero(ty, dst),
        }
    }

    /// Loads the value that a variable of a type has when none is written.
    pub(super) fn zero(&mut self, ty: Ty<'a>, dst: Reg) {
        match ty {
            Ty::Int => self.wide(Op::LoadInt, dst.0, 0),
            Ty::Float => self.load_k(dst, Const::Float(0.0)),
            Ty::Bool => self.op(Op::LoadFalse, dst.0, 0, 0),
            Ty::Str => self.load_k(dst, Const::Str(String::new())),
            Ty::Any | Ty::Null | Ty::Class(_) | Ty::Builtin(_) | Ty::Foreign => {
                self.op(Op::LoadNull, dst.0, 0, 0)
            }
        }
    }

    /// Zeroes a raw register.
    pub(super) fn raw_zero(&mut self, raw: Raw, num: Num) {
        match num {
            Num::Int => self.wide(Op::LoadIntRaw, raw.0, 0),
            Num::Float => {
                let k = self.m.constant(Const::Float(0.0));
                self.wide(Op::LoadKRaw, raw.0, k);
            }
        }
    }

    /// Gives a variable that a pattern or a loop binds its place, to be filled by [`Self::fill_var`].
    pub(super) fn place_var(&mut self, name: Name<'a>) -> Option<VarId> {
        let id = *self.res.decls.get(&name.span.lo)?;
        let var = self.var(id);
        match var.place {
            Place::Local => {
                let home = if var.declared.is_some() && var.ty.is_number() && !var.captured {
                    let num = if var.ty == Ty::Int { Num::Int } else { Num::Float };
                    Home::Raw(self.raw_temp(), num)
                } else {
                    Home::Reg(self.temp())
                };
                self.settle(id, home);
            }
            Place::Cell => {
                if !self.f_ref().homes.contains_key(&id) {
                    let reg = self.temp();
                    self.settle(id, Home::Cell(reg));
                }
            }
            Place::Global(_) | Place::Static(_) => {}
        }
        Some(id)
    }

    /// Gives a variable placed by [`Self::place_var`] its first value.
    pub(super) fn fill_var(&mut self, id: VarId, src: Reg) {
        if let Some(ty) = self.var(id).declared
            && !matches!(self.f_ref().homes.get(&id), Some(Home::Raw(..)))
        {
            self.check_var(id, src, &ty);
        }
        match (self.var(id).place, self.f_ref().homes.get(&id).copied()) {
            (Place::Cell, Some(Home::Cell(cell))) if !self.var(id).early => {
                self.op(Op::NewCell, cell.0, src.0, 0);
            }
            _ => self.store_var(id, src),
        }
    }

    /// The variable that a name in the source means, if it means one.
    pub(super) fn var_of(&self, at: Span) -> Option<VarId> {
        match self.res.uses.get(&at.lo) {
            Some(&Binding::Var(id)) => Some(id),
            _ => None,
        }
    }
}
