//! Between which bounds the integers lie that registers hold: what cannot overflow need not be tested.
//!
//! One range for each web of a register (`webs`): the hull of all that is ever written to it; closer ones from where it is written or
//! compared to the end of the block, or of those that only follow it; of tagged registers only where they certainly hold integers. What would grow for ever is taken to be anything; but what is only counted up
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
    /// The integers without a box.
    const SMALL: Range = Range { low: -(1 << 62), high: (1 << 62) - 1 };

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
        self.is_within(Self::SMALL)
    }

    /// Those that are in both; none if there is none.
    fn within(self, other: Range) -> Option<Self> {
        let both = Range { low: self.low.max(other.low), high: self.high.min(other.high) };
        (both.low <= both.high).then_some(both)
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

/// How the result of a sum or a difference lies to one of the operands, unless it overflows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Grows {
    /// It is not less than the first one.
    UpFromFirst,
    /// It is not greater than the first one.
    DownFromFirst,
    /// It is not less than the second one.
    UpFromSecond,
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
    /// For sums and differences: what they do with a number of known sign.
    growing: Vec<Option<Grows>>,
    /// Which instructions write ends of loops, to which registers: those are tested.
    limited: BTreeSet<(usize, usize)>,
    /// Integers in tagged registers are taken to have no box where they are unboxed.
    small: bool,
}

impl Ranges {
    pub(super) fn find(unit: &Unit, facts: &Facts, assume: Assume) -> Self {
        let webs = Webs::find(unit, facts);
        let limited = if assume.bounded { ends(unit, facts, &webs) } else { Bits::new(webs.count()) };
        let small = assume.bounded;
        let mut finder = Finder::new(unit, facts, &webs, &limited, small);
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
        let Finder { computed, unsigned, growing, .. } = finder;
        Ranges { entries, computed, unsigned, growing, limited: tested, small }
    }

    /// The range of a register where compiled code is entered in the middle.
    pub(super) fn at_entry(&self, at: usize, r: usize) -> Range {
        self.entries.get(&(at, r)).copied().unwrap_or(Range::ALL)
    }

    /// Whether the integer that an instruction gives needs no box.
    pub(super) fn is_small(&self, at: usize) -> bool {
        self.computed[at].is_some_and(Range::is_small)
    }

    /// Whether an integer that is unboxed has to be one without a box.
    pub(super) fn unboxes_small(&self) -> bool {
        self.small
    }

    /// Whether an instruction divides or multiplies a number that is not below zero.
    pub(super) fn is_unsigned(&self, at: usize) -> bool {
        self.unsigned[at]
    }

    /// What a sum or a difference does with a number of known sign.
    pub(super) fn grows(&self, at: usize) -> Option<Grows> {
        self.growing[at]
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

/// What is known since a block began.
#[derive(Clone, Default)]
struct Lately {
    /// What has been written or compared, which may be closer than what the web holds.
    of: Vec<Option<Range>>,
    /// Another register that holds the same.
    same: Vec<Option<u16>>,
    /// Tagged registers that certainly hold integers.
    certain: Bits,
}

impl Lately {
    fn nothing(registers: usize) -> Self {
        Self { of: vec![None; registers], same: vec![None; registers], certain: Bits::new(registers) }
    }

    fn forget(&mut self) {
        self.of.fill(None);
        self.same.fill(None);
        self.certain.clear();
    }

    /// A register gets another value.
    fn write(&mut self, r: usize, range: Range, certain: bool) {
        self.of[r] = Some(range);
        self.same[r] = None;
        self.same.iter_mut().filter(|same| **same == Some(r as u16)).for_each(|same| *same = None);
        if certain { self.certain.add(r) } else { self.certain.remove(r) }
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
    /// Instructions that unbox what has no box.
    small: bool,
    lately: Lately,
    /// Ways from elsewhere than the instruction before to each instruction: none, one jump that is the only way at all, or more.
    ways: Vec<u8>,
    /// What is known where the only way to an instruction begins.
    carried: BTreeMap<usize, Lately>,
    computed: Vec<Option<Range>>,
    unsigned: Vec<bool>,
    growing: Vec<Option<Grows>>,
}

impl<'a> Finder<'a> {
    fn new(unit: &'a Unit, facts: &'a Facts, webs: &'a Webs, limited: &'a Bits, small: bool) -> Self {
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
        let mut ways = vec![0u8; count];
        ways[0] = 2;
        for (at, inst) in unit.insts.iter().enumerate() {
            if inst.target != NOWHERE {
                let target = inst.target as usize;
                let only = target > at && !unit.falls_through(&unit.insts[target - 1]);
                ways[target] = ways[target].saturating_add(if only { 1 } else { 2 });
            }
        }
        facts.resumptions.iter().for_each(|at| ways[*at] = 2);
        unit.handlers.iter().for_each(|handler| ways[handler.target] = 2);
        let (lately, computed) = (Lately::nothing(unit.registers()), vec![None; count]);
        let (begun, unsigned, carried) = (of.clone(), vec![false; count], BTreeMap::new());
        let growing = vec![None; count];
        Finder {
            unit,
            facts,
            webs,
            limited,
            at: 0,
            begun,
            of,
            small,
            lately,
            ways,
            carried,
            computed,
            unsigned,
            growing,
        }
    }

    /// Whether there was something new.
    fn go_through(&mut self, round: usize) -> bool {
        let mut changed = false;
        for (at, inst) in self.unit.insts.iter().enumerate() {
            if at == 0 || self.ways[at] > 0 || !self.unit.falls_through(&self.unit.insts[at - 1]) {
                match self.carried.remove(&at) {
                    Some(carried) => self.lately = carried,
                    None => self.lately.forget(),
                }
            }
            self.at = at;
            self.computed[at] = self.result(inst);
            let divides =
                matches!(inst.i.op(), Some(Op::IDiv | Op::IMod | Op::IDivI | Op::IModI | Op::IMulI));
            self.unsigned[at] = inst.what == What::Op && divides && self.now(inst.i.b()).is_positive();
            self.growing[at] = self.grows(inst);
            let counts = inst.what == What::Op
                && (matches!(inst.i.op(), Some(Op::ForLt | Op::ForLe)) || is_step(inst.i));
            let certain = self.certain(at);
            for (r, result) in self.writes(at) {
                let mut result = result.without_overflow();
                if inst.what == What::Op && inst.i.op() == Some(Op::IMulI) {
                    result = result.multiple_of(inst.i.sc().into());
                }
                let web = self.webs.of_write(self.unit, self.facts, at, r);
                if web.is_some_and(|web| self.limited.has(web)) {
                    result = result.limited();
                }
                self.lately.write(r, result, certain.contains(&r));
                let Some(web) = web else { continue };
                if !counts {
                    changed |= grow(&mut self.begun[web], result, round);
                }
                changed |= grow(&mut self.of[web], result, round);
            }
            self.copied(inst);
            let target = inst.target as usize;
            if inst.target != NOWHERE && self.ways[target] == 1 && !matches!(inst.what, What::Enter(_)) {
                let here = self.lately.clone();
                if inst.what == What::Op {
                    self.compared(inst.i, true);
                }
                let there = std::mem::replace(&mut self.lately, here);
                self.carried.insert(target, there);
            }
            if inst.what == What::Op {
                self.compared(inst.i, false);
            }
        }
        changed
    }

    /// What a sum or a difference does with a number of known sign.
    fn grows(&self, inst: &Inst) -> Option<Grows> {
        let op = inst.i.op().filter(|op| inst.what == What::Op && matches!(op, Op::IAdd | Op::ISub))?;
        let (x, y) = (self.now(inst.i.b()), self.now(inst.i.c()));
        match (op, y.is_positive()) {
            (Op::IAdd, true) => Some(Grows::UpFromFirst),
            (_, true) => Some(Grows::DownFromFirst),
            (Op::IAdd, false) if x.is_positive() => Some(Grows::UpFromSecond),
            _ => None,
        }
    }

    /// The registers that an instruction writes with what is certainly an integer.
    fn certain(&self, at: usize) -> SmallVec<[usize; 4]> {
        let inst = &self.unit.insts[at];
        let i = inst.i;
        let is = |r: u16| self.lately.certain.has(r as usize);
        let written = || self.facts.accesses[at].writes.iter().map(|r| *r as usize).collect();
        match inst.what {
            What::Enter(_) => {
                let entered = self.unit.entered(inst).expect("it enters");
                let fresh = usize::from(i.op() == Some(Op::New));
                let given = fresh..usize::from(entered.given);
                given.filter(|k| is(i.c() + (k - fresh) as u16)).map(|k| entered.at + k).collect()
            }
            What::Leave if i.op() == Some(Op::Return) && is(i.a()) => written(),
            What::Leave => SmallVec::new(),
            What::Op => match i.op().expect("verified") {
                Op::BoxI | Op::LoadInt => written(),
                Op::Move | Op::AddI | Op::SubI | Op::MulI if is(i.b()) => written(),
                Op::Add | Op::Sub | Op::Mul if is(i.b()) && is(i.c()) => written(),
                _ => SmallVec::new(),
            },
        }
    }

    /// Takes note of what an instruction that gives one register the value of another one says about both.
    fn copied(&mut self, inst: &Inst) {
        let i = inst.i;
        if inst.what != What::Op || i.a() == i.b() {
            return;
        }
        if matches!(i.op(), Some(Op::Move | Op::MoveRaw | Op::BoxI | Op::UnboxI)) {
            self.lately.same[i.a() as usize] = Some(i.b());
        }
        if i.op() == Some(Op::UnboxI) {
            self.lately.certain.add(i.b() as usize);
            if self.small {
                self.narrow(i.a(), Range::SMALL.low, Range::SMALL.high);
            }
        }
    }

    /// Takes note of what a comparison says where it jumps, or where it does not.
    fn compared(&mut self, i: Instr, jumps: bool) {
        let (a, b) = (i.a(), i.b());
        let immediate = i128::from(i.sb());
        let (low, high) = (Range::ALL.low, Range::ALL.high);
        let op = i.op().expect("verified");
        match op {
            Op::IJLt | Op::IJLe => {
                let less = i128::from((op == Op::IJLt) == jumps);
                if jumps { self.ordered(a, b, less) } else { self.ordered(b, a, less) }
            }
            Op::IJLtI | Op::IJGeI if (op == Op::IJLtI) == jumps => self.narrow(a, low, immediate - 1),
            Op::IJLtI | Op::IJGeI => self.narrow(a, immediate, high),
            Op::IJLeI | Op::IJGtI if (op == Op::IJLeI) == jumps => self.narrow(a, low, immediate),
            Op::IJLeI | Op::IJGtI => self.narrow(a, immediate + 1, high),
            Op::IJNe if !jumps => {
                let (x, y) = (self.now(a), self.now(b));
                self.narrow(a, y.low, y.high);
                self.narrow(b, x.low, x.high);
            }
            Op::IJNeI if !jumps => self.narrow(a, immediate, immediate),
            _ => {}
        }
    }

    /// A register's number is below another one's by at least `less`.
    fn ordered(&mut self, a: u16, b: u16, less: i128) {
        let (x, y) = (self.now(a), self.now(b));
        self.narrow(a, Range::ALL.low, y.high - less);
        self.narrow(b, x.low + less, Range::ALL.high);
    }

    /// A register's number lies between these, too.
    fn narrow(&mut self, r: u16, low: i128, high: i128) {
        // Otherwise control does not come here.
        let Some(both) = self.now(r).within(Range { low, high }) else { return };
        self.lately.of[r as usize] = Some(both);
        let source = self.lately.same[r as usize];
        for other in 0..self.lately.same.len() as u16 {
            let same = source == Some(other) || self.lately.same[other as usize] == Some(r);
            if same && let Some(both) = self.now_if_live(other).and_then(|now| now.within(both)) {
                self.lately.of[other as usize] = Some(both);
            }
        }
    }

    /// The range of a register that may be dead.
    fn now_if_live(&self, r: u16) -> Option<Range> {
        let live = || self.facts.live[self.at].has(r as usize).then(|| self.now(r));
        self.lately.of[r as usize].or_else(live)
    }

    /// The range of a register where control is now.
    fn now(&self, r: u16) -> Range {
        self.lately.of[r as usize].unwrap_or_else(|| self.of[self.webs.at(r as usize, self.at)])
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
        let certain = |r: u16| self.lately.certain.has(r as usize);
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
            Op::UnboxI if self.small => x().within(Range::SMALL).unwrap_or(Range::SMALL),
            Op::Move | Op::MoveRaw | Op::BoxI | Op::UnboxI => x(),
            Op::AddI if certain(i.b()) => x().sum(immediate()),
            Op::SubI if certain(i.b()) => x().sum(immediate().negated()),
            Op::MulI if certain(i.b()) => x().product(immediate()),
            Op::Add if certain(i.b()) && certain(i.c()) => x().sum(y()),
            Op::Sub if certain(i.b()) && certain(i.c()) => x().sum(y().negated()),
            Op::Mul if certain(i.b()) && certain(i.c()) => x().product(y()),
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
