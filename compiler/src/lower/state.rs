//! The pass's state: the module being built, and a stack of functions being built, the innermost last.

use corella_vm::names::{NameMap, NameSet};
use std::cell::RefCell;

use corella_vm::bytecode::{Const, Op};

use crate::ast::{Span, TypeRef};
use crate::emit::{FunctionBuilder, Label, Mark, ModuleBuilder, Raw, Reg};
use crate::problem::Problems;
use crate::resolve::{ClassId, FuncId, FuncKind, Resolution, Ty, Var, VarId};

/// Which numbers a raw register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Num {
    /// An `i64`.
    Int,
    /// An `f64`.
    Float,
}

/// Where a variable of the current function is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Home {
    /// In a tagged register.
    Reg(Reg),
    /// In the cell that a tagged register holds.
    Cell(Reg),
    /// In a raw register.
    Raw(Raw, Num),
    /// An integer that never changes, in a raw register and in a tagged one.
    Both(Raw, Reg),
}

/// Something that `break`, `continue` or `return` leaves.
pub(super) struct Ctl<'a> {
    /// Its label in the source.
    pub(super) name: Option<&'a str>,
    /// What it is.
    pub(super) kind: CtlKind<'a>,
}

/// The kinds of [`Ctl`].
pub(super) enum CtlKind<'a> {
    /// A loop: where `break` and `continue` go.
    Loop {
        /// Behind it.
        exit: Label,
        /// Before its step.
        next: Label,
    },
    /// A `switch`: where `break` goes.
    Switch {
        /// Behind it.
        exit: Label,
    },
    /// A labelled block.
    Block {
        /// Behind it.
        exit: Label,
    },
    /// A body whose end must be passed, however it is left.
    Finally(Finally<'a>),
}

/// The ways out of a body with a `finally`, collected while the body is lowered.
pub(super) struct Finally<'a> {
    /// Where the finally part begins.
    pub(super) entry: Label,
    /// Raw register with the number of the way out.
    pub(super) reason: Raw,
    /// Register for the thrown or returned value.
    pub(super) value: Reg,
    /// The ways out by number from [`Self::FIRST`] on.
    pub(super) exits: Vec<Exit<'a>>,
}

impl Finally<'_> {
    /// The reason for falling off the end of the body.
    pub(super) const FALL: i64 = 0;
    /// The reason for an error.
    pub(super) const THROW: i64 = 1;
    /// The reason of the first of `exits`.
    pub(super) const FIRST: i64 = 2;
}

/// A way out of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit<'a> {
    /// `break`, perhaps to a label.
    Break(Option<&'a str>),
    /// `continue`, perhaps to a label.
    Continue(Option<&'a str>),
    /// `return` with the value in the finally's register.
    Return,
}

/// A function being built.
pub(super) struct FnState<'a> {
    /// Its code.
    pub(super) b: FunctionBuilder,
    /// Which function it is.
    pub(super) id: FuncId,
    /// Its name for messages.
    pub(super) name: String,
    /// Where its variables are.
    pub(super) homes: NameMap<VarId, Home>,
    /// Numbers of captured values.
    pub(super) ups: NameMap<VarId, u16>,
    /// What encloses the place being lowered.
    pub(super) ctl: Vec<Ctl<'a>>,
    /// How many loops enclose it.
    pub(super) loops: usize,
    /// The declared result type.
    pub(super) result: Option<TypeRef<'a>>,
    /// The same, resolved.
    pub(super) result_ty: Ty<'a>,
    /// Where optional chains around the place go when an object is null.
    pub(super) chains: Vec<Label>,
}

/// The pass.
pub(super) struct Lower<'a, 'r> {
    /// What the names mean.
    pub(super) res: &'r Resolution<'a>,
    /// The module being built.
    pub(super) m: ModuleBuilder,
    /// What is found wrong.
    pub(super) problems: &'r mut Problems,
    /// Turns byte offsets into lines and columns.
    pub(super) line_of: &'r dyn Fn(u32) -> (u32, u32),
    /// Whether this is a unit of a session.
    pub(super) session: bool,
    /// The functions being built.
    pub(super) fns: Vec<FnState<'a>>,
    /// Numbers of functions in the module.
    pub(super) numbers: NameMap<FuncId, u32>,
    /// Which classes have been made.
    pub(super) ready_classes: Vec<bool>,
    /// `extend` declarations that have been lowered, by where their class is named.
    pub(super) extended: NameSet<u32>,
    /// Documentation comments of declarations at the top level, by where their name stands.
    pub(super) docs: NameMap<u32, &'a str>,
    /// Loop counters without a declared type that are integers all the same.
    pub(super) inferred: NameSet<VarId>,
    /// The number of the function that `spawn` with spread arguments starts.
    pub(super) spreading: Option<u32>,
    /// Static types of expressions, by their address in the arena.
    pub(super) type_memo: RefCell<NameMap<usize, Ty<'a>>>,
}

impl<'a> Lower<'a, '_> {
    /// The function being built.
    pub(super) fn f(&mut self) -> &mut FnState<'a> {
        let last = self.fns.len() - 1;
        &mut self.fns[last]
    }

    /// The same, to look at.
    pub(super) fn f_ref(&self) -> &FnState<'a> {
        &self.fns[self.fns.len() - 1]
    }

    /// The builder of the function being built.
    pub(super) fn b(&mut self) -> &mut FunctionBuilder {
        let last = self.fns.len() - 1;
        &mut self.fns[last].b
    }

    /// Emits an instruction.
    pub(super) fn op(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.b().op(op, 0, a, b, c);
    }

    /// Emits an instruction with a count.
    pub(super) fn op_n(&mut self, op: Op, n: u8, a: u16, b: u16, c: u16) {
        self.b().op(op, n, a, b, c);
    }

    /// Emits an instruction with a wide operand.
    pub(super) fn wide(&mut self, op: Op, a: u16, d: u32) {
        self.b().wide(op, a, d);
    }

    /// Emits a jump.
    pub(super) fn jump(&mut self, op: Op, a: u16, b: u16, to: Label) {
        self.b().jump(op, 0, a, b, to);
    }

    /// Emits an unconditional forward jump.
    pub(super) fn goto(&mut self, to: Label) {
        self.b().jump(Op::Jump, 0, 0, 0, to);
    }

    /// A new label.
    pub(super) fn label(&mut self) -> Label {
        self.b().label()
    }

    /// Binds a label here.
    pub(super) fn bind(&mut self, label: Label) {
        self.b().bind(label);
    }

    /// A new label bound here.
    pub(super) fn here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    /// A free tagged register.
    pub(super) fn temp(&mut self) -> Reg {
        self.b().temp()
    }

    /// A free raw register.
    pub(super) fn raw_temp(&mut self) -> Raw {
        self.b().raw_temp()
    }

    /// The registers in use.
    pub(super) fn mark(&mut self) -> Mark {
        self.b().mark()
    }

    /// Frees the registers taken since.
    pub(super) fn release(&mut self, mark: Mark) {
        self.b().release(mark);
    }

    /// Code from here on stems from `span`.
    pub(super) fn at(&mut self, span: Span) {
        self.b().at(span.lo);
    }

    /// Gives a variable of the current function its place.
    pub(super) fn settle(&mut self, id: VarId, home: Home) {
        let keeps_nothing = matches!(self.var(id).ty, Ty::Int | Ty::Float | Ty::Bool | Ty::Str);
        match home {
            Home::Reg(reg) if !keeps_nothing => self.b().variable(reg),
            Home::Cell(reg) => self.b().variable(reg),
            _ => {}
        }
        self.f().homes.insert(id, home);
    }

    /// Moves between tagged registers.
    pub(super) fn mov(&mut self, dst: Reg, src: Reg) {
        if dst != src {
            self.op(Op::Move, dst.0, src.0, 0);
        }
    }

    /// Moves between raw registers.
    pub(super) fn mov_raw(&mut self, dst: Raw, src: Raw) {
        if dst != src {
            self.op(Op::MoveRaw, dst.0, src.0, 0);
        }
    }

    /// Boxes a raw register.
    pub(super) fn boxed(&mut self, dst: Reg, src: Raw, num: Num) {
        let op = match num {
            Num::Int => Op::BoxI,
            Num::Float => Op::BoxF,
        };
        self.op(op, dst.0, src.0, 0);
    }

    /// Unboxes a tagged register; `what` names the value in the error.
    pub(super) fn unboxed(&mut self, dst: Raw, src: Reg, num: Num, what: &str) {
        let name = self.m.short_string(what);
        let op = match num {
            Num::Int => Op::UnboxI,
            Num::Float => Op::UnboxF,
        };
        self.op(op, dst.0, src.0, name);
    }

    /// Loads a constant.
    pub(super) fn load_k(&mut self, dst: Reg, value: Const) {
        let k = self.m.constant(value);
        self.wide(Op::LoadK, dst.0, k);
    }

    /// A register that holds a constant: kept from the start of the function on if a loop would load it in every turn.
    pub(super) fn const_reg(&mut self, value: Const) -> Reg {
        let k = self.m.constant(value);
        if self.f_ref().loops > 0
            && let Some(reg) = self.b().pin(k)
        {
            return reg;
        }
        let dst = self.temp();
        self.wide(Op::LoadK, dst.0, k);
        dst
    }

    /// A site for a name.
    pub(super) fn site(&mut self, name: &str) -> u16 {
        self.b().site(name)
    }

    /// A variable.
    pub(super) fn var(&self, id: VarId) -> &Var<'a> {
        &self.res.vars[id]
    }

    /// The number of a function in the module.
    pub(super) fn number(&mut self, id: FuncId) -> u32 {
        if let Some(&number) = self.numbers.get(&id) {
            return number;
        }
        let number = self.m.reserve_function();
        self.numbers.insert(id, number);
        number
    }

    /// The class in whose member the place is, lambdas in members included.
    pub(super) fn current_class(&self) -> Option<ClassId> {
        let mut id = self.f_ref().id;
        loop {
            let func = &self.res.funcs[id];
            match (func.kind, func.parent) {
                (FuncKind::Lambda, Some(parent)) => id = parent,
                _ => return func.class,
            }
        }
    }
}
