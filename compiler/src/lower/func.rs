//! Functions: prologue (defaults, checks, unboxing, cells), body, end.

use corella_vm::bytecode::{Function as VmFunction, Op};
use corella_vm::names::NameMap;

use super::state::{FnState, Home, Lower, Num};
use super::types::Fit;
use crate::ast::{Block, Expr, ExprKind, Function, FunctionBody, Param, Span};
use crate::emit::{FunctionBuilder, Reg};
use crate::resolve::{FuncId, FuncKind, Place, Ty};

/// Most parameters of a function.
const MAX_PARAMS: usize = 250;

impl<'a> Lower<'a, '_> {
    /// Begins a function with `params` parameters, `self` and rest included.
    pub(super) fn begin(&mut self, id: FuncId, name: String, params: usize) {
        self.fns.push(FnState {
            b: FunctionBuilder::new(params),
            id,
            name,
            homes: NameMap::default(),
            ups: NameMap::default(),
            ctl: Vec::new(),
            loops: 0,
            result: None,
            result_ty: Ty::Any,
            chains: Vec::new(),
        });
    }

    /// Finishes the function begun last and stores it under its number.
    pub(super) fn end(&mut self, shape: VmFunction, span: Span) -> u32 {
        let Some(state) = self.fns.pop() else { return 0 };
        let number = self.number(state.id);
        let name = state.name;
        let shape = VmFunction { name: name.clone(), ..shape };
        match state.b.finish(shape, &self.m.module.consts, self.line_of) {
            Ok(function) => self.m.module.functions[number as usize] = function,
            Err(problem) => {
                self.error(
                    span,
                    format!("function `{name}` {problem}"),
                    "split it into smaller functions".to_owned(),
                );
            }
        }
        number
    }

    /// Lowers a function and emits the op that makes its value.
    pub(super) fn closure(&mut self, f: &'a Function<'a>, dst: Reg) {
        let name = match f.name {
            Some(name) => name.text.to_owned(),
            None => "<lambda>".to_owned(),
        };
        let number = self.function(f, name, None);
        self.at(f.span);
        self.wide(Op::Closure, dst.0, number);
    }

    /// Lowers a function and gives its number.
    pub(super) fn function(&mut self, f: &'a Function<'a>, name: String, doc: Option<&'a str>) -> u32 {
        let Some(&id) = self.res.func_at.get(&f.span.lo) else { return 0 };
        let method = matches!(self.res.funcs[id].kind, FuncKind::Method | FuncKind::Constructor);
        let total = f.params.len() + usize::from(method);
        if total > MAX_PARAMS {
            self.error(
                f.span,
                format!("a function takes at most {MAX_PARAMS} parameters, found {total}"),
                "pass an array or a map".to_owned(),
            );
            return 0;
        }
        self.begin(id, name, total);
        self.at(f.span);
        if method && let Some(var) = self.res.funcs[id].self_var {
            self.settle(var, Home::Reg(Reg(0)));
        }
        self.f().result = f.result.filter(|_| !f.is_generator);
        self.f().result_ty = match self.f_ref().result {
            Some(ty) => self.resolved(&ty),
            None => Ty::Any,
        };
        for (number, param) in f.params.iter().enumerate() {
            self.param(param, Reg((number + usize::from(method)) as u16));
        }
        match f.body {
            FunctionBody::Expr(e) => self.return_value(Some(e), e.span),
            FunctionBody::Block(block) => {
                self.block_cells(block.stmts);
                self.stmts(block.stmts);
                self.fall_off(block.span);
            }
        }
        let rest = f.params.last().is_some_and(|p| p.is_rest);
        let required =
            f.params.iter().take_while(|p| p.default.is_none() && !p.is_rest).count() + usize::from(method);
        let shape = VmFunction {
            params: (total - usize::from(rest)) as u8,
            required: required as u8,
            rest,
            generator: f.is_generator,
            method,
            param_names: f.params.iter().map(|p| p.name.text.to_owned()).collect(),
            doc: doc.unwrap_or("").to_owned(),
            ..VmFunction::default()
        };
        self.end(shape, f.span)
    }

    fn param(&mut self, param: &'a Param<'a>, reg: Reg) {
        let Some(&id) = self.res.decls.get(&param.name.span.lo) else { return };
        let var = self.var(id);
        let (ty, place, captured, assigned) = (var.ty, var.place, var.captured, var.assigned());
        self.at(param.span);
        if let Some(default) = param.default {
            if param.ty.is_some() && self.fit(ty, default) == Fit::No {
                let what = format!("parameter `{}`", param.name.text);
                self.misfit(ty, default, &what);
            }
            let given = self.label();
            self.b().jump(Op::DefaultArg, 0, reg.0, 0, given);
            self.to(default, reg);
            self.bind(given);
            self.at(param.span);
        }
        let what = format!("parameter {} of {}", param.name.text, self.f_ref().name);
        let home = match (&param.ty, ty) {
            (Some(_), Ty::Int | Ty::Float) if place == Place::Local && !captured => {
                let num = if ty == Ty::Int { Num::Int } else { Num::Float };
                let raw = self.raw_temp();
                self.unboxed(raw, reg, num, &what);
                if num == Num::Int && !assigned { Home::Both(raw, reg) } else { Home::Raw(raw, num) }
            }
            (Some(written), ty) => {
                if ty != Ty::Any {
                    self.check_type(reg, written, &what);
                }
                Home::Reg(reg)
            }
            (None, _) => Home::Reg(reg),
        };
        let home = if place == Place::Cell {
            self.op(Op::NewCell, reg.0, reg.0, 0);
            Home::Cell(reg)
        } else {
            home
        };
        self.settle(id, home);
    }

    /// The end of a body that may be reached without `return`.
    pub(super) fn fall_off(&mut self, span: Span) {
        if !self.b().alive() {
            return;
        }
        self.b().at(span.hi.saturating_sub(1));
        match (self.f_ref().result, self.f_ref().result_ty) {
            (Some(ty), Ty::Int | Ty::Float | Ty::Bool | Ty::Str) => {
                let tmp = self.temp();
                self.op(Op::LoadNull, tmp.0, 0, 0);
                let what = format!("result of {}", self.f_ref().name);
                self.check_type(tmp, &ty, &what);
                self.op(Op::Return, tmp.0, 0, 0);
            }
            _ => self.op(Op::ReturnNull, 0, 0, 0),
        }
    }

    /// Lowers `return e`.
    pub(super) fn return_value(&mut self, value: Option<&'a Expr<'a>>, span: Span) {
        if let Some(Expr { kind: ExprKind::Conditional { cond, then, otherwise }, .. }) = value
            && self.lit(cond).is_none()
        {
            // Each side returns by itself.
            let other = self.label();
            self.cond(cond, other, false);
            self.return_value(Some(then), then.span);
            self.bind(other);
            return self.return_value(Some(otherwise), otherwise.span);
        }
        let mark = self.mark();
        let (result, ty) = (self.f_ref().result, self.f_ref().result_ty);
        match value {
            None => {
                if matches!(ty, Ty::Int | Ty::Float | Ty::Bool | Ty::Str) {
                    let (name, ty) = (self.f_ref().name.clone(), self.describe(ty));
                    self.error(
                        span,
                        format!("`return` without a value in `{name}`, whose result is declared as {ty}"),
                        format!("return a value of type {ty}"),
                    );
                }
                self.leave_with(None);
            }
            Some(e) => match (result, self.fit(ty, e)) {
                (Some(_), Fit::No) => {
                    let what = format!("the result of `{}`", self.f_ref().name);
                    self.misfit(ty, e, &what);
                }
                (Some(written), Fit::Check) => {
                    let tmp = self.temp();
                    self.to(e, tmp);
                    self.at(e.span);
                    let what = format!("result of {}", self.f_ref().name);
                    self.check_type(tmp, &written, &what);
                    self.leave_with(Some(tmp));
                }
                (None, _) | (Some(_), Fit::Yes) => {
                    let r = self.reg(e);
                    self.at(span);
                    self.leave_with(Some(r));
                }
            },
        }
        self.release(mark);
    }

    /// Lowers a block as a function without parameters: a spawned block.
    pub(super) fn block_function(&mut self, block: &'a Block<'a>, dst: Reg) {
        let Some(&id) = self.res.func_at.get(&block.span.lo) else { return };
        self.begin(id, "<spawned block>".to_owned(), 0);
        self.at(block.span);
        self.block_cells(block.stmts);
        self.stmts(block.stmts);
        self.fall_off(block.span);
        let number = self.end(VmFunction::default(), block.span);
        self.at(block.span);
        self.wide(Op::Closure, dst.0, number);
    }
}
