//! `spawn`, `receive`, `atomic`, `scope`.

use corella_vm::bytecode::{Function as VmFunction, Op};

use super::literal::Lit;
use super::state::{Finally, Lower};
use crate::ast::{Block, Expr, ExprKind, Receive, Span, SpawnBody};
use crate::emit::{FunctionBuilder, Reg};

impl<'a> Lower<'a, '_> {
    /// Lowers `spawn`; without `dst` the task is detached.
    pub(super) fn spawn(&mut self, body: &'a SpawnBody<'a>, span: Span, dst: Option<Reg>) {
        match body {
            SpawnBody::Block(block) => {
                let f = self.temp();
                self.block_function(block, f);
                self.start(f, Reg(0), 0, span, dst);
            }
            SpawnBody::Call(e) => self.spawn_call(e, span, dst),
        }
    }

    fn spawn_call(&mut self, e: &'a Expr<'a>, span: Span, dst: Option<Reg>) {
        match &e.kind {
            ExprKind::OptionalChain(inner) => {
                let (null, done) = (self.label(), self.label());
                self.f().chains.push(null);
                self.spawn_call(inner, span, dst);
                self.f().chains.pop();
                self.goto(done);
                self.bind(null);
                if let Some(dst) = dst {
                    self.op(Op::LoadNull, dst.0, 0, 0);
                }
                self.bind(done);
            }
            ExprKind::Call { callee, args, optional } => {
                if let (Some(crate::resolve::Binding::Var(id)), false) =
                    (self.callee_binding(callee), *optional)
                    && let crate::resolve::VarKind::Function(f) = self.var(id).kind
                    && let Some(decl) = self.res.funcs[f].decl
                {
                    self.check_arity(&format!("`{}`", self.var(id).name), decl, args, e.span);
                }
                let later = args.first().map_or(Span::default(), |a| Span::new(a.value.span.lo, e.span.hi));
                let f = self.operand(callee, later);
                self.link(f, *optional);
                if super::call::needs_array(args) {
                    // The new task gets the function and the array, and spreads it there.
                    let pair = self.b().temps(2);
                    self.mov(pair, f);
                    self.array(args, pair.plus(1));
                    let helper = self.temp();
                    let number = self.spreading_function();
                    self.wide(Op::Closure, helper.0, number);
                    self.start(helper, pair, 2, span, dst);
                    return;
                }
                let (first, n) = self.window(None, args);
                self.start(f, first, n, span, dst);
            }
            _ => self.effect(e),
        }
    }

    /// The number of the module's function `(f, list) => f(...list)`, made when first needed.
    fn spreading_function(&mut self) -> u32 {
        if let Some(number) = self.spreading {
            return number;
        }
        let number = self.m.reserve_function();
        let mut b = FunctionBuilder::new(2);
        b.at(self.b().position());
        let result = b.temp();
        b.op(Op::CallSpread, 0, result.0, 0, 1);
        b.op(Op::Return, 0, result.0, 0, 0);
        let shape = VmFunction {
            name: "<spawn>".to_owned(),
            params: 2,
            required: 2,
            param_names: vec!["function".to_owned(), "arguments".to_owned()],
            ..VmFunction::default()
        };
        if let Ok(function) = b.finish(shape, &self.m.module.consts, self.line_of) {
            self.m.module.functions[number as usize] = function;
        }
        self.spreading = Some(number);
        number
    }

    fn start(&mut self, f: Reg, first: Reg, n: u8, span: Span, dst: Option<Reg>) {
        self.at(span);
        match dst {
            Some(dst) => self.op_n(Op::Spawn, n, dst.0, f.0, first.0),
            None => self.op_n(Op::SpawnDetached, n, 0, f.0, first.0),
        }
    }

    /// Lowers `receive { arms }`; with `dst`, the value of the arm taken arrives there.
    pub(super) fn receive(&mut self, receive: &'a Receive<'a>, dst: Option<Reg>) {
        let mark = self.mark();
        let state = self.b().temps(2);
        let message = self.temp();
        let inner = self.mark();
        let timeout = match &receive.after {
            Some(after) => self.reg(after.seconds),
            None => {
                let none = self.temp();
                self.load_lit(Lit::Null, none);
                none
            }
        };
        self.at(receive.span);
        self.op(Op::RecvStart, state.0, timeout.0, 0);
        self.release(inner);
        let (late, done) = (self.label(), self.label());
        self.f().loops += 1;
        let top = self.here();
        self.at(receive.span);
        self.jump(Op::RecvNext, state.0, message.0, late);
        self.arms(receive.arms, message, dst, done, Some(state));
        self.f().loops -= 1;
        self.at(receive.span);
        self.jump(Op::Loop, 0, 0, top);
        self.bind(late);
        match &receive.after {
            Some(after) => self.arm_body(&after.body, dst),
            None => {
                if let Some(dst) = dst {
                    self.op(Op::LoadNull, dst.0, 0, 0);
                }
            }
        }
        self.bind(done);
        self.release(mark);
    }

    /// Lowers `atomic { }`.
    pub(super) fn atomic(&mut self, block: &'a Block<'a>) {
        self.op(Op::AtomicEnter, 0, 0, 0);
        self.with_finally(
            &mut |l| l.block(block),
            &mut |l, _| l.op(Op::AtomicLeave, 0, 0, 0),
            &mut |_, _| {},
            block.span.lo,
        );
    }

    /// Lowers `scope { }`.
    pub(super) fn scope(&mut self, block: &'a Block<'a>) {
        let mark = self.mark();
        let scope = self.temp();
        self.op(Op::ScopeEnter, scope.0, 0, 0);
        self.with_finally(
            &mut |l| l.block(block),
            &mut |l, reason| {
                let aborted = l.label();
                l.jump(Op::IJEqI, reason.0, Finally::THROW as u16, aborted);
                l.op(Op::ScopeLeave, scope.0, 0, 0);
                l.bind(aborted);
            },
            &mut |l, _| l.op(Op::ScopeAbort, scope.0, 0, 0),
            block.span.lo,
        );
        self.release(mark);
    }
}
