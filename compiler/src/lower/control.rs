//! Ways out: `break`, `continue`, `return`, errors, and the `finally` parts they pass.
//!
//! A body with a finally part (also of `atomic` and `scope`) has that part once. It is entered with the number of the way out in a
//! raw register; at its end the ways out part again. Invariant: between the two, the value thrown or returned is in a tagged register.

use corella_vm::bytecode::Op;

use super::state::{Ctl, CtlKind, Exit, Finally, Home, Lower};
use crate::ast::{Block, Catch, TypeKind};
use crate::emit::{Label, Raw, Reg};
use crate::resolve::Place;

/// What leaving one level does.
enum Step {
    Jump(Label),
    Through { entry: Label, reason: u16, value: Reg, number: i64 },
}

impl<'a> Lower<'a, '_> {
    /// Leaves the function with a value (or null).
    pub(super) fn leave_with(&mut self, value: Option<Reg>) {
        let passes = self.f_ref().ctl.iter().any(|c| matches!(c.kind, CtlKind::Finally(_)));
        match value {
            None if !passes => self.op(Op::ReturnNull, 0, 0, 0),
            None => {
                let mark = self.mark();
                let tmp = self.temp();
                self.op(Op::LoadNull, tmp.0, 0, 0);
                self.leave(Exit::Return, Some(tmp));
                self.release(mark);
            }
            Some(value) => self.leave(Exit::Return, Some(value)),
        }
    }

    /// Leaves by `exit`, through the finally parts in between.
    pub(super) fn leave(&mut self, exit: Exit<'a>, value: Option<Reg>) {
        let mut step = None;
        for ctl in self.f().ctl.iter_mut().rev() {
            let name = ctl.name;
            let labelled = |label: Option<&'a str>| label.is_some() && label == name;
            step = match (&mut ctl.kind, exit) {
                (CtlKind::Loop { exit, .. }, Exit::Break(label)) if label.is_none() || labelled(label) => {
                    Some(Step::Jump(*exit))
                }
                (CtlKind::Loop { next, .. }, Exit::Continue(label)) if label.is_none() || labelled(label) => {
                    Some(Step::Jump(*next))
                }
                (CtlKind::Switch { exit }, Exit::Break(label)) if label.is_none() || labelled(label) => {
                    Some(Step::Jump(*exit))
                }
                (CtlKind::Block { exit }, Exit::Break(label)) if labelled(label) => Some(Step::Jump(*exit)),
                (CtlKind::Finally(f), exit) => {
                    let number = f.exits.iter().position(|known| *known == exit).unwrap_or_else(|| {
                        f.exits.push(exit);
                        f.exits.len() - 1
                    });
                    Some(Step::Through {
                        entry: f.entry,
                        reason: f.reason.0,
                        value: f.value,
                        number: Finally::FIRST + number as i64,
                    })
                }
                _ => None,
            };
            if step.is_some() {
                break;
            }
        }
        match step {
            Some(Step::Jump(label)) => self.goto(label),
            Some(Step::Through { entry, reason, value: place, number }) => {
                if let Some(value) = value {
                    self.mov(place, value);
                }
                self.wide(Op::LoadIntRaw, reason, number as u32);
                self.goto(entry);
            }
            None => {
                if let Some(value) = value {
                    self.op(Op::Return, value.0, 0, 0);
                }
            }
        }
    }

    /// Lowers `try { } catch { } finally { }`.
    pub(super) fn try_stmt(
        &mut self,
        body: &'a Block<'a>,
        catches: &'a [Catch<'a>],
        finally: Option<&'a Block<'a>>,
    ) {
        match finally {
            None => self.try_catch(body, catches),
            Some(block) => self.with_finally(
                &mut |l| l.try_catch(body, catches),
                &mut |l, _| l.block(block),
                &mut |_, _| {},
                block.span.lo,
            ),
        }
    }

    /// Lowers a body and the part that runs however the body ends; `failed` runs before it if an error ended the body,
    /// with the error in a register.
    pub(super) fn with_finally(
        &mut self,
        body: &mut dyn FnMut(&mut Self),
        part: &mut dyn FnMut(&mut Self, Raw),
        failed: &mut dyn FnMut(&mut Self, Reg),
        at: u32,
    ) {
        let mark = self.mark();
        let (reason, value) = (self.raw_temp(), self.temp());
        let entry = self.label();
        let finally = Finally { entry, reason, value, exits: Vec::new() };
        self.f().ctl.push(Ctl { name: None, kind: CtlKind::Finally(finally) });
        let start = self.b().here();
        body(self);
        self.b().at(at);
        self.wide(Op::LoadIntRaw, reason.0, Finally::FALL as u32);
        self.goto(entry);
        let end = self.b().here();
        let exits = match self.f().ctl.pop() {
            Some(Ctl { kind: CtlKind::Finally(f), .. }) => f.exits,
            _ => Vec::new(),
        };
        let throws = self.b().handler(start, end, value);
        if throws {
            failed(self, value);
            self.wide(Op::LoadIntRaw, reason.0, Finally::THROW as u32);
        }
        self.bind(entry);
        part(self, reason);
        self.b().at(at);
        if throws {
            let next = self.label();
            self.jump(Op::IJNeI, reason.0, Finally::THROW as u16, next);
            self.op(Op::Rethrow, value.0, 0, 0);
            self.bind(next);
        }
        for (number, exit) in exits.into_iter().enumerate() {
            let next = self.label();
            self.jump(Op::IJNeI, reason.0, (Finally::FIRST as usize + number) as u16, next);
            self.leave(exit, (exit == Exit::Return).then_some(value));
            self.bind(next);
        }
        self.release(mark);
    }

    fn try_catch(&mut self, body: &'a Block<'a>, catches: &'a [Catch<'a>]) {
        if catches.is_empty() {
            return self.block(body);
        }
        let mark = self.mark();
        let error = self.temp();
        let done = self.label();
        let start = self.b().here();
        self.block(body);
        let end = self.b().here();
        self.goto(done);
        self.at(catches[0].span);
        if self.b().handler(start, end, error) {
            for clause in catches {
                self.at(clause.span);
                let next = self.label();
                match &clause.ty {
                    Some(ty) if !is_any(&ty.kind) => {
                        let index = self.type_index(ty);
                        self.jump(Op::JNotIs, error.0, index, next);
                    }
                    // What ends a task is caught only by its name.
                    Some(_) | None => self.jump(Op::JTaskExit, error.0, 0, next),
                }
                let inner = self.mark();
                if let Some(name) = clause.name
                    && let Some(&id) = self.res.decls.get(&name.span.lo)
                {
                    if self.var(id).place == Place::Local {
                        self.settle(id, Home::Reg(error));
                    } else {
                        self.place_var(name);
                        self.fill_var(id, error);
                    }
                }
                self.block(&clause.body);
                self.release(inner);
                self.goto(done);
                self.bind(next);
            }
            self.op(Op::Rethrow, error.0, 0, 0);
        }
        self.bind(done);
        self.release(mark);
    }
}

fn is_any(kind: &TypeKind<'_>) -> bool {
    matches!(kind, TypeKind::Named(path) if path.segments.len() == 1 && path.segments[0].text == "any")
}
