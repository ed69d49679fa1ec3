//! Between which bounds the integers lie that registers hold: what cannot overflow need not be tested.
//!
//! One range for each web of a register (`webs`): the hull of all that is ever written to it; closer ones from where it is written or
//! compared to the end of the block, or of those that only follow it. What would grow for ever is taken to be anything; but what is only counted up
//! or down by little steps does not reach the end of 64 bits in years. So that counters of loops have bounds, the ends of loops are taken to be at most [`MOST_TURNS`]; compiled code tests that where
//! an end is computed, and leaves if it is not so. Where compiled code is entered in the middle, what lies in the interpreter's registers
//! is tested. Where a register may hold something else, nothing is known of its integers. Invariant: as long as these tests hold, and no result is used for good before its overflow has been looked for, a register
//! that holds an integer holds one of its range.

use super::facts::{Bits, Facts};
use super::masks::Assume;
use super::stepped::by_step;
use super::unit::{Inst, NOWHERE, Unit, What};
use super::webs::Webs;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::code::Code;
use crate::object::task::FRAME_WORDS;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};

/// Loops are taken to end at this or before; the product of two sums of counters then has room in 64 bits.
pub(super) const MOST_TURNS: i64 = 1 << 30;
/// The largest step of a counter that is taken not to come far.
const STEP: i16 = 16;
/// Where such a counter begins, at most, and how far it comes: in steps that take a quarter of a nanosecond, in two years.
const START: i128 = 1 << 60;
const FAR: i128 = START + (1 << 60);
/// Rounds after which a bound that still grows is dropped.
const PATIENCE: usize = 4;

/// The integers from `low` to `high`. Those of results that have not been tested may lie outside of 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    low: i128,
    high: i128,
}

impl Range {
    const ALL: Range = Range { low: i64::MIN as i128, high: i64::MAX as i128 };
    const ZERO: Range = Range { low: 0, high: 0 };

    fn one(n: i64) -> Self {
        Range { low: n.into(), high: n.into() }
    }

    /// The least range that holds all of these numbers.
    fn hull<const N: usize>(numbers: [i128; N]) -> Self {
        Range {
            low: numbers.into_iter().min().expect("some numbers"),
            high: numbers.into_iter().max().expect("some numbers"),
        }
    }

    fn or(self, other: Range) -> Self {
        Range { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// What is left of it once the others have left compiled code.
    fn without_overflow(self) -> Self {
        Range {
            low: self.low.clamp(Self::ALL.low, Self::ALL.high),
            high: self.high.clamp(Self::ALL.low, Self::ALL.high),
        }
    }

    /// What is left of it where all numbers are multiples of this one.
    fn multiple_of(self, factor: i128) -> Self {
        match factor {
            0 => self,
            _ => Range { low: self.low / factor * factor, high: self.high / factor * factor },
        }
    }

    fn limited(self) -> Self {
        let most = MOST_TURNS.into();
        Range { low: self.low.min(most), high: self.high.min(most) }
    }

    fn is_within(self, other: Range) -> bool {
        self.low >= other.low && self.high <= other.high
    }

    /// Whether no number of it is below zero.
    fn is_positive(self) -> bool {
        self.low >= 0
    }

    /// Whether all of it are integers without a box.
    fn is_small(self) -> bool {
        self.is_within(Range { low: -(1 << 62), high: (1 << 62) - 1 })
    }

    /// The bounds, as far as they are closer than those of 64 bits.
    pub(super) fn bounds(self) -> (Option<i64>, Option<i64>) {
        let low = (self.low > Self::ALL.low).then_some(self.low as i64);
        (low, (self.high < Self::ALL.high).then_some(self.high as i64))
    }

    fn sum(self, other: Range) -> Self {
        Range { low: self.low + other.low, high: self.high + other.high }
    }

    fn negated(self) -> Self {
        Range { low: -self.high, high: -self.low }
    }

    fn product(self, other: Range) -> Self {
        let (a, b) = (self, other);
        Range::hull([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high])
    }

    fn quotient(self, divisor: Range) -> Self {
        match divisor.low == divisor.high && divisor.low != 0 {
            true => Range::hull([self.low / divisor.low, self.high / divisor.low]),
            false => Range::hull([self.low, -self.low, self.high, -self.high]).without_overflow(),
        }
    }

    /// Of a division that rounds towards zero.
    fn remainder(self, divisor: Range) -> Self {
        let most = divisor.low.abs().max(divisor.high.abs()) - 1;
        let most = most.max(0).min(self.low.abs().max(self.high.abs()));
        Range { low: if self.low < 0 { -most } else { 0 }, high: if self.high > 0 { most } else { 0 } }
    }

    /// Of numbers without a sign, those that have no more bits.
    fn of_bits(self, other: Range) -> Self {
        match self.is_positive() && other.is_positive() {
            true => {
                let bits = 128 - self.high.max(other.high).leading_zeros();
                Range { low: 0, high: (1 << bits) - 1 }
            }
            false => Self::ALL,
        }
    }

    fn and(self, other: Range) -> Self {
        match (self.is_positive(), other.is_positive()) {
            (true, true) => Range { low: 0, high: self.high.min(other.high) },
            (true, false) => Range { low: 0, high: self.high },
            (false, true) => Range { low: 0, high: other.high },
            (false, false) => Self::ALL,
        }
    }
}

/// The ranges of a unit's registers.
#[derive(Default)]
pub(super) struct Ranges {
    /// The ranges of registers that are live where compiled code is entered in the middle, by place and register.
    entries: BTreeMap<(usize, usize), Range>,
    /// What each instruction computes, before overflow is looked for; none where nothing is known of it.
    computed: Vec<Option<Range>>,
    /// Which instructions divide or multiply a number that is not below zero.
    unsigned: Vec<bool>,
    /// Which instructions write ends of loops, to which registers: those are tested.
    limited: BTreeSet<(usize, usize)>,
}

impl Ranges {
    pub(super) fn find(unit: &Unit, facts: &Facts, assume: Assume) -> Self {
        let webs = Webs::find(unit, facts);
        let limited = if assume.bounded { ends(unit, facts, &webs) } else { Bits::new(webs.count()) };
        let mut finder = Finder::new(unit, facts, &webs, &limited);
        let mut round = 0;
        while finder.go_through(round) {
            round += 1;
        }
        let mut entries = BTreeMap::new();
        for at in facts.loop_heads.iter().chain(&facts.resumptions).copied() {
            entries.extend(facts.live[at].iter().map(|r| ((at, r), finder.of[webs.at(r, at)])));
        }
        let written = facts.accesses.iter().enumerate();
        let written =
            written.flat_map(|(at, access)| access.writes.iter().map(move |r| (at, usize::from(*r))));
        let is_end =
            |&(at, r): &(usize, usize)| webs.of_write(unit, facts, at, r).is_some_and(|web| limited.has(web));
        let tested = written.filter(is_end).collect();
        let Finder { computed, unsigned, .. } = finder;
        Ranges { entries, computed, unsigned, limited: tested }
    }

    /// The range of a register where compiled code is entered in the middle.
    pub(super) fn at_entry(&self, at: usize, r: usize) -> Range {
        self.entries.get(&(at, r)).copied().unwrap_or(Range::ALL)
    }

    /// Whether the integer that an instruction gives needs no box.
    pub(super) fn is_small(&self, at: usize) -> bool {
        self.computed[at].is_some_and(Range::is_small)
    }

    /// Whether an instruction divides or multiplies a number that is not below zero.
    pub(super) fn is_unsigned(&self, at: usize) -> bool {
        self.unsigned[at]
    }

    /// Whether what an instruction writes to a register has to be tested.
    pub(super) fn is_tested(&self, at: usize, r: usize) -> bool {
        self.limited.contains(&(at, r)) && self.computed[at].is_none_or(|result| result != result.limited())
    }

    /// Whether the result of an instruction has room in 64 bits whatever it computes with.
    pub(super) fn fits(&self, at: usize) -> bool {
        self.computed[at].is_some_and(|result| result.is_within(Range::ALL))
    }
}

/// Finds the ranges of a unit by going through it until nothing changes.
struct Finder<'a> {
    unit: &'a Unit,
    facts: &'a Facts,
    webs: &'a Webs,
    /// Webs of ends of loops.
    limited: &'a Bits,
    /// The instruction that is looked at.
    at: usize,
    /// By web.
    of: Vec<Range>,
    /// The hull of what is written by other instructions than those by which loops count, by web.
    begun: Vec<Range>,
    /// What has been written or compared since the block began, which may be closer.
    lately: Vec<Option<Range>>,
    /// Instructions where control comes from others than the one before.
    joins: Vec<bool>,
    computed: Vec<Option<Range>>,
    unsigned: Vec<bool>,
}

impl<'a> Finder<'a> {
    fn new(unit: &'a Unit, facts: &'a Facts, webs: &'a Webs, limited: &'a Bits) -> Self {
        let whole = &unit.frames[0];
        let given = usize::from(whole.code.params) + usize::from(whole.code.flags & Code::REST != 0);
        let mut of = vec![Range::ZERO; webs.count()];
        for r in facts.live[0].iter().filter(|r| *r < FRAME_WORDS + given) {
            of[webs.at(r, 0)] = Range::ALL;
        }
        // Anything may be thrown.
        for handler in unit.handlers.iter().filter(|handler| facts.live[handler.target].has(handler.register))
        {
            of[webs.at(handler.register, handler.target)] = Range::ALL;
        }
        let count = unit.insts.len();
        let mut joins = vec![false; count];
        for (at, inst) in unit.insts.iter().enumerate() {
            joins[at] |= facts.leads[at] && (at == 0 || !unit.falls_through(&unit.insts[at - 1]));
            if inst.target != NOWHERE {
                joins[inst.target as usize] = true;
            }
        }
        facts.resumptions.iter().for_each(|at| joins[*at] = true);
        unit.handlers.iter().for_each(|handler| joins[handler.target] = true);
        let (lately, computed) = (vec![None; unit.registers()], vec![None; count]);
        let (begun, unsigned) = (of.clone(), vec![false; count]);
        Finder { unit, facts, webs, limited, at: 0, begun, of, lately, joins, computed, unsigned }
    }

    /// Whether there was something new.
    fn go_through(&mut self, round: usize) -> bool {
        let mut changed = false;
        for (at, inst) in self.unit.insts.iter().enumerate() {
            if self.joins[at] {
                self.lately.fill(None);
            }
            self.at = at;
            self.computed[at] = self.result(inst);
            let divides =
                matches!(inst.i.op(), Some(Op::IDiv | Op::IMod | Op::IDivI | Op::IModI | Op::IMulI));
            self.unsigned[at] = inst.what == What::Op && divides && self.now(inst.i.b()).is_positive();
            let counts = inst.what == What::Op
                && (matches!(inst.i.op(), Some(Op::ForLt | Op::ForLe)) || is_step(inst.i));
            for (r, result) in self.writes(at) {
                let mut result = result.without_overflow();
                if inst.what == What::Op && inst.i.op() == Some(Op::IMulI) {
                    result = result.multiple_of(inst.i.sc().into());
                }
                let web = self.webs.of_write(self.unit, self.facts, at, r);
                if web.is_some_and(|web| self.limited.has(web)) {
                    result = result.limited();
                }
                self.lately[r] = Some(result);
                let Some(web) = web else { continue };
                if !counts {
                    changed |= grow(&mut self.begun[web], result, round);
                }
                changed |= grow(&mut self.of[web], result, round);
            }
            if inst.what == What::Op {
                self.compare(inst.i);
            }
        }
        changed
    }

    /// Takes note of what a comparison says where it does not jump.
    fn compare(&mut self, i: Instr) {
        let (a, b) = (i.a(), i.b());
        let immediate = i128::from(i.sb());
        let (low, high) = (Range::ALL.low, Range::ALL.high);
        match i.op() {
            Some(op @ (Op::IJLt | Op::IJLe)) => {
                let beyond = i128::from(op == Op::IJLe);
                let (x, y) = (self.now(a), self.now(b));
                self.narrow(a, y.low + beyond, high);
                self.narrow(b, low, x.high - beyond);
            }
            Some(Op::IJNe) => {
                let (x, y) = (self.now(a), self.now(b));
                self.narrow(a, y.low, y.high);
                self.narrow(b, x.low, x.high);
            }
            Some(Op::IJLtI) => self.narrow(a, immediate, high),
            Some(Op::IJLeI) => self.narrow(a, immediate + 1, high),
            Some(Op::IJGtI) => self.narrow(a, low, immediate),
            Some(Op::IJGeI) => self.narrow(a, low, immediate - 1),
            Some(Op::IJNeI) => self.narrow(a, immediate, immediate),
            _ => {}
        }
    }

    /// A register's number lies between these, too.
    fn narrow(&mut self, r: u16, low: i128, high: i128) {
        let now = self.now(r);
        let both = Range { low: now.low.max(low), high: now.high.min(high) };
        // Otherwise control does not come here.
        if both.low <= both.high {
            self.lately[r as usize] = Some(both);
        }
    }

    /// The range of a register where control is now.
    fn now(&self, r: u16) -> Range {
        self.lately[r as usize].unwrap_or_else(|| self.of[self.webs.at(r as usize, self.at)])
    }

    /// What a register that is read holds if no loop counts it.
    fn begun(&self, r: u16) -> Range {
        self.begun[self.webs.at(r as usize, self.at)]
    }

    /// What an instruction writes to which registers.
    fn writes(&self, at: usize) -> SmallVec<[(usize, Range); 4]> {
        let inst = &self.unit.insts[at];
        let i = inst.i;
        let all = |result: Range| self.facts.accesses[at].writes.iter().map(move |r| (*r as usize, result));
        match inst.what {
            What::Op => all(self.computed[at].unwrap_or(Range::ALL)).collect(),
            What::Enter(_) => {
                let entered = self.unit.entered(inst).expect("it enters");
                let fresh = usize::from(i.op() == Some(Op::New));
                let registers = entered.at..entered.at + entered.code.registers as usize;
                let argument = |k: usize| (entered.at + k, self.now(i.c() + (k - fresh) as u16));
                let arguments = (fresh..usize::from(entered.given)).map(argument);
                let instance = (fresh == 1).then_some([entered.at, entered.dst as usize]);
                let instance = instance.into_iter().flatten().map(|r| (r, Range::ALL));
                registers.map(|r| (r, Range::ZERO)).chain(arguments).chain(instance).collect()
            }
            What::Leave if i.op() == Some(Op::Return) => all(self.now(i.a())).collect(),
            What::Leave => all(Range::ALL).collect(),
        }
    }

    /// What an instruction computes, before overflow is looked for; none if nothing is known of it.
    fn result(&self, inst: &Inst) -> Option<Range> {
        let i = inst.i;
        let op = i.op().expect("verified");
        if inst.what != What::Op || by_step(op) {
            return None;
        }
        let (x, y) = (|| self.now(i.b()), || self.now(i.c()));
        let immediate = || Range::one(i.sc().into());
        let power = |by: Range| match by.low == by.high && (0..63).contains(&by.low) {
            true => Some(Range::one(1 << by.low)),
            false => None,
        };
        let constant = || {
            // SAFETY: the verifier checked the constant's index; linked code lives as long as the VM.
            unsafe { *self.unit.frame(inst).code.consts.add(i.d() as usize) }.as_int().map(Range::one)
        };
        Some(match op {
            Op::LoadIntRaw | Op::LoadInt => Range::one(i.sd().into()),
            Op::LoadKRaw | Op::LoadK => constant()?,
            Op::Move | Op::MoveRaw | Op::BoxI | Op::UnboxI => x(),
            Op::IAdd => x().sum(y()),
            Op::IAddI if is_step(i) && self.begun(i.a()).is_within(Range { low: -START, high: START }) => {
                Range { low: -FAR, high: FAR }
            }
            Op::IAddI => x().sum(immediate()),
            Op::ISub => x().sum(y().negated()),
            Op::IMul => x().product(y()),
            Op::IMulI => x().product(immediate()),
            Op::INeg => x().negated(),
            Op::IBitNot => x().negated().sum(Range::one(-1)),
            Op::IDiv => x().quotient(y()),
            Op::IDivI => x().quotient(immediate()),
            Op::IMod => x().remainder(y()),
            Op::IModI => x().remainder(immediate()),
            Op::IAnd => x().and(y()),
            Op::IAndI => x().and(immediate()),
            Op::IOr | Op::IXor => x().of_bits(y()),
            Op::IShl => x().product(power(y())?),
            Op::IShlI => x().product(power(immediate())?),
            Op::IShr | Op::IUShr | Op::IShrI if x().is_positive() => Range { low: 0, high: x().high },
            Op::ForLt | Op::ForLe => {
                let begun = self.begun(i.a());
                // One that counts is below the end before.
                Range { low: begun.low, high: (begun.high + 1).max(self.now(i.b()).high) }
            }
            _ => return None,
        })
    }
}

/// Whether an instruction counts a register up or down by a little.
fn is_step(i: Instr) -> bool {
    i.op() == Some(Op::IAddI) && i.a() == i.b() && i.sc().abs() <= STEP
}

/// Adds a range to what a register holds; whether there was something new. Bounds that still grow after a while are dropped.
fn grow(held: &mut Range, new: Range, round: usize) -> bool {
    let hull = held.or(new);
    if hull == *held {
        return false;
    }
    let drop = round >= PATIENCE;
    let low = if drop && hull.low < held.low { Range::ALL.low } else { hull.low };
    let high = if drop && hull.high > held.high { Range::ALL.high } else { hull.high };
    *held = Range { low, high };
    true
}

/// The webs of ends of loops that can be tested wherever they get a value: it is computed, and may be computed again by the interpreter.
fn ends(unit: &Unit, facts: &Facts, webs: &Webs) -> Bits {
    use Op::{ForLe, ForLt, IAdd, IAddI, IDiv, IDivI, IMul, IMulI, ISub, MoveRaw, UnboxI};
    let (mut ends, mut others) = (Bits::new(webs.count()), Bits::new(webs.count()));
    for (at, inst) in unit.insts.iter().enumerate() {
        match inst.i.op().filter(|_| inst.what == What::Op) {
            Some(UnboxI | MoveRaw | IAdd | IAddI | ISub | IMul | IMulI | IDiv | IDivI) => continue,
            Some(ForLt | ForLe) => ends.add(webs.at(inst.i.b() as usize, at)),
            _ => {}
        }
        for r in &facts.accesses[at].writes {
            webs.of_write(unit, facts, at, *r as usize).into_iter().for_each(|web| others.add(web));
        }
    }
    others.iter().for_each(|web| ends.remove(web));
    ends
}
