//! The builder of one function: emits instructions, hands out registers as a stack, records lines, sites and handlers.
//!
//! Invariant: tagged registers are numbered from 0, raw ones from 0 with [`RAW_BIT`] set, pinned constants from 0 with
//! [`PIN_BIT`] set; only `layout` turns these into the final numbering. Unreachable instructions are not kept.

use corella_vm::names::NameMap;

use corella_vm::bytecode::{Capture, Const, Function, Op, Site, Variable};

use super::layout::{self, Ins, PendingHandler};

/// Marks a raw register's number in an instruction that is not laid out yet.
pub(super) const RAW_BIT: u16 = 0x8000;
/// Marks a tagged register that holds a constant for the whole run of the function.
pub(super) const PIN_BIT: u16 = 0x4000;
/// Most constants that are kept in registers.
const MAX_PINNED: usize = 24;

/// A tagged register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Reg(pub(crate) u16);

impl Reg {
    /// The register `n` places further on.
    pub(crate) fn plus(self, n: usize) -> Reg {
        Reg(self.0.wrapping_add(n as u16))
    }
}

/// A raw register; the number carries [`RAW_BIT`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Raw(pub(crate) u16);

/// A place in the code, perhaps not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Label(pub(super) u32);

/// How many registers were in use at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    tagged: u16,
    raw: u16,
}

/// What is known about a label while emitting.
#[derive(Clone, Copy, Default)]
pub(super) struct LabelState {
    /// Index of the instruction it stands before.
    pub(super) at: Option<u32>,
    /// Whether a jump to it was emitted.
    used: bool,
}

/// Builds one function.
pub(crate) struct FunctionBuilder {
    pub(super) code: Vec<Ins>,
    pub(super) labels: Vec<LabelState>,
    pub(super) handlers: Vec<PendingHandler>,
    /// Variables whose scope has ended, by indices of instructions.
    pub(super) variables: Vec<Variable>,
    /// Variables in scope, by register: that, and where the scope begins.
    in_scope: Vec<(u16, u32)>,
    /// (index of instruction, byte offset in the source)
    pub(super) lines: Vec<(u32, u32)>,
    pub(super) pinned: Vec<u32>,
    pub(super) pinned_raw: Vec<(u16, u32)>,
    pub(super) max_tagged: u16,
    pub(super) max_raw: u16,
    tagged: u16,
    raw: u16,
    sites: Vec<Site>,
    site_of: NameMap<String, u16>,
    pins: NameMap<u32, u16>,
    raw_pins: NameMap<u32, u16>,
    captures: Vec<Capture>,
    alive: bool,
    position: u32,
    /// What went beyond a limit of the instruction format, if anything did.
    pub(crate) overflow: Option<&'static str>,
}

impl FunctionBuilder {
    /// An empty function whose first `params` tagged registers are taken.
    pub(crate) fn new(params: usize) -> FunctionBuilder {
        FunctionBuilder {
            code: Vec::new(),
            labels: Vec::new(),
            handlers: Vec::new(),
            variables: Vec::new(),
            in_scope: Vec::new(),
            lines: Vec::new(),
            pinned: Vec::new(),
            pinned_raw: Vec::new(),
            max_tagged: params as u16,
            max_raw: 0,
            tagged: params as u16,
            raw: 0,
            sites: Vec::new(),
            site_of: NameMap::default(),
            pins: NameMap::default(),
            raw_pins: NameMap::default(),
            captures: Vec::new(),
            alive: true,
            position: 0,
            overflow: None,
        }
    }

    // --- registers

    /// The registers in use now, to go back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark { tagged: self.tagged, raw: self.raw }
    }

    /// Frees all registers taken since `mark`.
    pub(crate) fn release(&mut self, mark: Mark) {
        self.tagged = mark.tagged;
        self.raw = mark.raw;
        self.end_scopes(mark.tagged);
    }

    /// From here on a tagged register belongs to a variable that may hold an object, until it is released.
    pub(crate) fn variable(&mut self, reg: Reg) {
        let at = self.in_scope.partition_point(|(register, _)| *register <= reg.0);
        self.in_scope.insert(at, (reg.0, self.here()));
    }

    /// Ends the scopes of the variables in registers from `first` on.
    pub(super) fn end_scopes(&mut self, first: u16) {
        let end = self.here();
        while let Some((register, start)) = self.in_scope.pop_if(|(register, _)| *register >= first) {
            if start < end {
                self.variables.push(Variable { start, end, register });
            }
        }
    }

    /// A free tagged register.
    pub(crate) fn temp(&mut self) -> Reg {
        self.temps(1)
    }

    /// The first of `n` consecutive free tagged registers.
    pub(crate) fn temps(&mut self, n: usize) -> Reg {
        let first = self.tagged;
        let next = usize::from(first) + n;
        if next >= usize::from(PIN_BIT) {
            self.overflow = Some("needs too many registers");
            return Reg(0);
        }
        self.tagged = next as u16;
        self.max_tagged = self.max_tagged.max(self.tagged);
        Reg(first)
    }

    /// The register that [`Self::temp`] would give next.
    pub(crate) fn next_temp(&self) -> Reg {
        Reg(self.tagged)
    }

    /// A free raw register.
    pub(crate) fn raw_temp(&mut self) -> Raw {
        let number = self.raw;
        if number >= PIN_BIT {
            self.overflow = Some("needs too many registers");
            return Raw(RAW_BIT);
        }
        self.raw += 1;
        self.max_raw = self.max_raw.max(self.raw);
        Raw(number | RAW_BIT)
    }

    /// A register that holds constant `k` from the function's start on, if there is room for one more.
    pub(crate) fn pin(&mut self, k: u32) -> Option<Reg> {
        if let Some(&reg) = self.pins.get(&k) {
            return Some(Reg(reg));
        }
        if self.pinned.len() >= MAX_PINNED {
            return None;
        }
        let reg = self.pinned.len() as u16 | PIN_BIT;
        self.pinned.push(k);
        self.pins.insert(k, reg);
        Some(Reg(reg))
    }

    /// A raw register that holds the number constant `k` from the function's start on, if there is room for one more.
    pub(crate) fn pin_raw(&mut self, k: u32) -> Option<Raw> {
        if let Some(&reg) = self.raw_pins.get(&k) {
            return Some(Raw(reg));
        }
        if self.pinned_raw.len() >= MAX_PINNED {
            return None;
        }
        let reg = self.pinned_raw.len() as u16 | PIN_BIT | RAW_BIT;
        self.pinned_raw.push((reg, k));
        self.raw_pins.insert(k, reg);
        Some(Raw(reg))
    }

    // --- instructions

    /// Whether the next instruction can be reached.
    pub(crate) fn alive(&self) -> bool {
        self.alive
    }

    /// From here on code stems from byte `offset` of the source.
    pub(crate) fn at(&mut self, offset: u32) {
        self.position = offset;
    }

    /// The byte of the source that code stems from now.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    fn push(&mut self, ins: Ins) {
        if !self.alive {
            return;
        }
        if self.lines.last().is_none_or(|&(_, at)| at != self.position) {
            self.lines.push((self.code.len() as u32, self.position));
        }
        self.alive = ins.op.info().flags & corella_vm::bytecode::ops::ENDS == 0;
        if matches!(ins.op, Op::Jump | Op::Loop) {
            self.alive = false;
        }
        self.code.push(ins);
    }

    /// Emits an instruction with three operands.
    pub(crate) fn op(&mut self, op: Op, n: u8, a: u16, b: u16, c: u16) {
        self.push(Ins { op, n, a, b, c, target: None });
    }

    /// Emits an instruction with a wide operand.
    pub(crate) fn wide(&mut self, op: Op, a: u16, d: u32) {
        self.push(Ins { op, n: 0, a, b: d as u16, c: (d >> 16) as u16, target: None });
    }

    /// Emits an instruction that jumps to `label`; `a` and `b` are its other operands, as far as it has them.
    pub(crate) fn jump(&mut self, op: Op, n: u8, a: u16, b: u16, label: Label) {
        if self.alive {
            self.labels[label.0 as usize].used = true;
        }
        self.push(Ins { op, n, a, b, c: 0, target: Some(label) });
    }

    /// A new label, not bound yet.
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(LabelState::default());
        Label(self.labels.len() as u32 - 1)
    }

    /// Binds `label` to the next instruction, which is reachable if the label was jumped to or the code before falls through.
    pub(crate) fn bind(&mut self, label: Label) {
        let state = &mut self.labels[label.0 as usize];
        state.at = Some(self.code.len() as u32);
        self.alive |= state.used;
    }

    /// The index of the next instruction, for [`Self::handler`].
    pub(crate) fn here(&self) -> u32 {
        self.code.len() as u32
    }

    /// Begins, at the next instruction, the handler of what is thrown in the instructions `start..end`; the value arrives in `reg`.
    /// Handlers of inner ranges must be begun before those of outer ones. False if the range is empty: nothing can arrive.
    pub(crate) fn handler(&mut self, start: u32, end: u32, reg: Reg) -> bool {
        if start >= end {
            return false;
        }
        self.handlers.push(PendingHandler { start, end, target: self.here(), register: reg.0 });
        self.alive = true;
        true
    }

    // --- tables

    /// A site for `name`. Sites are not shared between instructions, so each has its own cache.
    pub(crate) fn site(&mut self, name: &str) -> u16 {
        if self.sites.len() >= 4096 {
            // A huge function shares its sites by name, lest their number overflow.
            if let Some(&site) = self.site_of.get(name) {
                return site;
            }
        }
        if self.sites.len() > usize::from(u16::MAX) {
            self.overflow = Some("names too many attributes");
            return 0;
        }
        let site = self.sites.len() as u16;
        self.sites.push(Site { name: name.to_owned() });
        self.site_of.insert(name.to_owned(), site);
        site
    }

    /// Adds a captured value and gives its number.
    pub(crate) fn capture(&mut self, from: Capture) -> u16 {
        if self.captures.len() > usize::from(u16::MAX) {
            self.overflow = Some("captures too many variables");
            return 0;
        }
        self.captures.push(from);
        self.captures.len() as u16 - 1
    }

    /// The finished function; `shape` gives what the builder does not know (name, parameters, flags), `consts` the
    /// module's constants and `line_of` turns a byte offset into line and column.
    pub(crate) fn finish(
        mut self,
        shape: Function,
        consts: &[Const],
        line_of: &dyn Fn(u32) -> (u32, u32),
    ) -> Result<Function, &'static str> {
        if self.alive {
            self.op(Op::ReturnNull, 0, 0, 0, 0);
        }
        if let Some(problem) = self.overflow {
            return Err(problem);
        }
        let (sites, captures) = (std::mem::take(&mut self.sites), std::mem::take(&mut self.captures));
        layout::finish(self, Function { sites, captures, ..shape }, consts, line_of)
    }
}
