//! `switch`: comparisons from top to bottom, then the bodies in order, each falling through to the next.

use corella_vm::bytecode::Op;

use super::literal::Lit;
use super::state::{Ctl, CtlKind, Lower};
use crate::ast::{Expr, SwitchCase};

impl<'a> Lower<'a, '_> {
    /// Lowers `switch (value) { cases }`.
    pub(super) fn switch(
        &mut self,
        value: &'a Expr<'a>,
        cases: &'a [SwitchCase<'a>],
        label: Option<&'a str>,
    ) {
        let mark = self.mark();
        let exit = self.label();
        // A copy: cases are compared while the value stays what it was.
        let subject = self.temp();
        self.to(value, subject);
        let labels: Vec<_> = cases.iter().map(|_| self.label()).collect();
        let mut default = exit;
        for (case, &target) in cases.iter().zip(&labels) {
            if case.values.is_empty() {
                default = target;
            }
            for value in case.values {
                let inner = self.mark();
                match self.lit(value) {
                    Some(Lit::Null) => {
                        self.at(value.span);
                        self.jump(Op::JNull, subject.0, 0, target);
                    }
                    lit => {
                        if let Some(imm) = lit.and_then(Lit::imm) {
                            self.at(value.span);
                            self.jump(Op::JEqI, subject.0, imm as u16, target);
                        } else {
                            let r = self.reg(value);
                            self.at(value.span);
                            self.jump(Op::JEq, subject.0, r.0, target);
                        }
                    }
                }
                self.release(inner);
            }
        }
        for case in cases {
            // A case may be entered without the cases before it, so their cells must exist.
            self.case_cells(case.body);
        }
        self.goto(default);
        self.f().ctl.push(Ctl { name: label, kind: CtlKind::Switch { exit } });
        for (case, target) in cases.iter().zip(labels) {
            self.bind(target);
            self.stmts(case.body);
        }
        self.f().ctl.pop();
        self.bind(exit);
        self.release(mark);
    }
}
