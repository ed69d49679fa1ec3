//! Which values a tagged register can hold at each place: an abstract run of a unit over sets of value forms.
//!
//! The results hold for control that came along the unit's own jumps. What comes in from the interpreter at a loop head is checked
//! against them there. Integer results are taken not to overflow 63 bits, and arithmetic with a float to have two numbers: where
//! that is wrong, compiled code leaves before the instruction; a function that leaves often is compiled again with
//! [`Assume::wide`].

use super::facts::Facts;
use super::family::Family;
use super::unit::{Callee, Inst, NOWHERE, Unit, What};
use crate::bytecode::ops::{Op, Operand};
use crate::code::LinkedType;
use crate::interp::access;
use crate::object::{Kind, class_id};
use crate::value::Value;
use crate::vm::class_id_of;

/// A set of value forms.
pub(super) type Mask = u8;

/// Integers without a box.
pub(super) const INT: Mask = 1;
/// Floats in all their forms.
pub(super) const FLOAT: Mask = 2;
/// Truth values.
pub(super) const BOOL: Mask = 4;
/// `null`.
pub(super) const NULL: Mask = 8;
/// Arrays of the own heap.
pub(super) const ARRAY: Mask = 16;
/// All other objects.
pub(super) const OTHER: Mask = 32;
/// Integers in a box.
pub(super) const BIG: Mask = 64;
/// Anything.
pub(super) const ALL: Mask = 127;

/// What compiled code may take for granted and leave when it is wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Assume {
    /// Nothing: results are whatever the operation can give.
    pub(super) wide: bool,
    /// Loops do not turn more often than usual (see `ranges`), integers that are unboxed or read from attributes have no box, and loops go
    /// over arrays where they did before.
    pub(super) bounded: bool,
    /// Where objects of several classes are met, they are of those that there are.
    pub(super) families: bool,
    /// What lean code gives that calls itself.
    pub(super) own: Mask,
}

impl Assume {
    /// What a function is compiled with whose code failed so often that it was compiled again; `wide`: no assumption holds.
    pub(super) fn new(wide: bool, failed: u32) -> Self {
        Self { wide, bounded: failed == 0, families: expects_families(failed), own: ALL }
    }
}

/// Whether a function whose code failed so often expects several classes to be all that there are.
pub(super) fn expects_families(failed: u32) -> bool {
    failed <= 1
}

/// What is known of a register's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Known {
    pub(super) mask: Mask,
    /// If the value is an object other than a number: which classes it can be of.
    pub(super) family: Family,
}

impl Known {
    pub(super) const fn form(mask: Mask) -> Self {
        Self { mask, family: Family::UNKNOWN }
    }

    pub(super) const fn of_class(class: u32) -> Self {
        let mask = if class == class_id::ARRAY { ARRAY } else { OTHER };
        Self { mask, family: Family::one(class) }
    }

    /// An instance of one of a script's classes.
    pub(super) const fn of_family(family: Family) -> Self {
        Self { mask: OTHER, family }
    }

    /// Forms of which the class says something.
    pub(super) const OBJECTS: Mask = ARRAY | OTHER;

    /// What is known of a value that is one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        let family = match (self.mask & Self::OBJECTS, other.mask & Self::OBJECTS) {
            (_, 0) => self.family,
            (0, _) => other.family,
            _ => self.family.or(other.family),
        };
        Self { mask: self.mask | other.mask, family }
    }

    /// This, knowing what was known before as well.
    pub(super) fn met(self, before: Self) -> Self {
        Self { mask: self.mask, family: self.family.and(before.family) }
    }

    /// Whether the value is certainly an object of this class.
    pub(super) fn is(self, class: u32) -> bool {
        class != 0 && self.family.single() == Some(class) && self.mask & !Self::OBJECTS == 0
    }

    /// Whether this holds of a value.
    pub(super) fn holds_of(self, value: Value) -> bool {
        if value == Value::EMPTY {
            return self == Self::form(ALL);
        }
        let form = mask_of(value);
        let of_family = form & Self::OBJECTS == 0 || self.family.may_be(class_id_of(value));
        form & self.mask != 0 && of_family
    }

    /// Whether the value is an integer, boxed or not.
    pub(super) fn is_integer(self) -> bool {
        self.mask & !(INT | BIG) == 0
    }
}

/// The form of a value.
pub(super) fn mask_of(v: Value) -> Mask {
    if v.is_small_int() {
        return INT;
    }
    match v.kind() {
        Some(Kind::Array) => ARRAY,
        Some(Kind::BoxInt) => BIG,
        Some(Kind::BoxFloat) => FLOAT,
        Some(_) => OTHER,
        None if v.is_null() => NULL,
        None if v.as_bool().is_some() => BOOL,
        None if v == Value::EMPTY => OTHER,
        None => FLOAT,
    }
}

/// Result of `+`, `-`, `*` and `/`.
pub(super) fn arithmetic(assume: Assume, x: Mask, y: Mask) -> Mask {
    if x == INT && y == INT && !assume.wide {
        return INT;
    }
    if (x | y) & !(INT | BIG) == 0 {
        return INT | BIG;
    }
    if (x == FLOAT || y == FLOAT) && (!assume.wide || (x | y) & !(INT | FLOAT) == 0) {
        return FLOAT;
    }
    if (x | y) & !(INT | BIG | FLOAT) == 0 { INT | FLOAT | BIG } else { ALL }
}

/// Result of the bit operations and of `%`.
pub(super) fn integral(assume: Assume, x: Mask, y: Mask) -> Mask {
    match (x | y) & !(INT | BIG) == 0 {
        true if x == INT && y == INT && !assume.wide => INT,
        true => INT | BIG,
        false => ALL,
    }
}

/// What is known of the tagged registers after an instruction, given that before it. For one that goes into a spliced function: inside.
pub(super) fn apply(unit: &Unit, facts: &Facts, assume: Assume, at: usize, known: &mut [Known]) {
    let inst = &unit.insts[at];
    let i = inst.i;
    match inst.what {
        What::Op => {}
        What::Enter(_) => return enter(unit, inst, known),
        What::Leave => {
            let frame = unit.frame(inst);
            if frame.kind == crate::thread::stack::ReturnKind::Register {
                known[frame.dst as usize] = match i.op() {
                    Some(Op::Return) => known[i.a() as usize],
                    _ => Known::form(NULL),
                };
            }
            return;
        }
    }
    let frame = unit.frame(inst);
    let (code, feedback) = (frame.code, &frame.feedback);
    let of = |r: u16, known: &[Known]| known[r as usize].mask;
    let over_array = match i.op() {
        Some(Op::IterStart) => {
            let taken = inst.begins_over_array(assume);
            if taken {
                known[i.b() as usize] = Known::of_class(class_id::ARRAY);
            }
            taken || known[i.b() as usize].is(class_id::ARRAY)
        }
        Some(Op::IterNext) => known[i.a() as usize].is(class_id::ARRAY),
        _ => false,
    };
    let op = i.op().expect("verified");
    let index_before = if op == Op::IterNext { known[i.b() as usize] } else { Known::form(ALL) };
    let (x, y) = match op {
        Op::AddI | Op::SubI | Op::MulI | Op::DivI | Op::ModI | Op::BitAndI | Op::ShlI | Op::ShrI => {
            (of(i.b(), known), INT)
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::BitAnd | Op::BitOr | Op::BitXor => {
            (of(i.b(), known), of(i.c(), known))
        }
        Op::Shl | Op::Shr => (of(i.b(), known), of(i.c(), known)),
        Op::Neg => (of(i.b(), known), ALL),
        _ => (ALL, ALL),
    };
    let result = match op {
        Op::Move => known[i.b() as usize],
        Op::LoadK => {
            // SAFETY: the verifier checked the constant's index.
            let value = unsafe { *code.consts.add(i.d() as usize) };
            let mask = mask_of(value);
            let class = || Family::one(crate::vm::class_id_of(value));
            Known { mask, family: if mask & Known::OBJECTS != 0 { class() } else { Family::UNKNOWN } }
        }
        Op::BoxI if facts.ranges.is_small(at) => Known::form(INT),
        Op::BoxI => Known::form(INT | BIG),
        Op::BoxF => Known::form(FLOAT),
        Op::CheckType => checked(unit, inst, assume, known[i.a() as usize]),
        Op::GetAttr if feedback.leaves(i.c(), assume) && access::is_slot_read(feedback.site(i.c()).kind) => {
            known[i.b() as usize] = feedback.owner(i.c()).met(known[i.b() as usize]);
            Known::form(feedback.slot_mask(i.c(), assume))
        }
        Op::SetAttr
            if feedback.leaves(i.c(), assume) && access::fitting_tag(feedback.site(i.c()).kind).is_some() =>
        {
            known[i.a() as usize] = feedback.owner(i.c()).met(known[i.a() as usize]);
            return;
        }
        Op::NewArray => Known::of_class(class_id::ARRAY),
        Op::New => match unit.constructed(inst, assume.wide) {
            Some((class, _)) => Known::of_class(class.id),
            None => Known::form(ALL),
        },
        Op::GetLen if of(i.b(), known) == ARRAY => Known::form(INT),
        Op::UnboxI if facts.ranges.unboxes_small() => {
            known[i.b() as usize] = Known::form(INT);
            return;
        }
        // What is read may be another thread's.
        Op::IAGet | Op::FAGet => return,
        Op::IASet | Op::FASet if assume.wide => return,
        Op::IASet | Op::FASet => {
            known[i.a() as usize] = Known::of_class(typed_class(op));
            return;
        }
        _ => Known::form(match op {
            Op::LoadNull => NULL,
            Op::LoadTrue | Op::LoadFalse => BOOL,
            Op::LoadInt => INT,
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::AddI | Op::SubI | Op::MulI | Op::DivI => {
                arithmetic(assume, x, y)
            }
            Op::Mod | Op::ModI | Op::BitAnd | Op::BitAndI | Op::BitOr | Op::BitXor => integral(assume, x, y),
            Op::Shl | Op::ShlI | Op::Shr | Op::ShrI => integral(assume, x, y),
            Op::Neg if x == FLOAT || x & !(INT | BIG) == 0 => arithmetic(assume, x, x),
            Op::Not | Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::In | Op::Is => BOOL,
            Op::IEq | Op::ILt | Op::ILe | Op::FEq | Op::FLt | Op::FLe => BOOL,
            Op::ToStr | Op::Concat | Op::Closure | Op::NewCell | Op::NewMap | Op::NewRange => OTHER,
            Op::Call | Op::CallStatic | Op::CallMethod | Op::CallSuper if inst.lean.is_some() => {
                if unit.calls_itself(inst) { assume.own } else { ALL }
            }
            Op::Call if !assume.wide && i.n() == 1 => native_result(inst.hint),
            _ => ALL,
        }),
    };
    for &r in &facts.accesses[at].writes {
        if let Some(register) = known.get_mut(r as usize) {
            *register = result;
        }
    }
    // A pair's second word is a position.
    if let Some(field) = op.info().field_of(Operand::Pair)
        && matches!(op, Op::IterStart | Op::IterNext)
    {
        let a = field.unsigned(i) as usize;
        let array = Known::of_class(class_id::ARRAY);
        known[a] = if over_array { array } else { Known::form(ALL) };
        known[a + 1] = Known::form(INT);
        if op == Op::IterNext && i.n() == 2 && over_array {
            // At the end nothing is written.
            known[i.b() as usize] = index_before.or(Known::form(INT));
        }
    }
}

/// What is known of an object of one of these classes.
pub(super) fn receiver_of(classes: &[u32], before: Known) -> Known {
    match classes {
        [class] => Known::of_class(*class),
        _ if classes.iter().all(|class| *class >= class_id::ERROR) => {
            Known::of_family(Family::of(classes)).met(before)
        }
        _ => before,
    }
}

/// What is known in the function that an instruction goes into.
fn enter(unit: &Unit, inst: &Inst, known: &mut [Known]) {
    let frame = unit.entered(inst).expect("it enters");
    let op = inst.i.op().expect("verified");
    if let Callee::Method { classes, .. } = &frame.callee {
        let receiver = &mut known[inst.i.c() as usize];
        *receiver = receiver_of(classes, *receiver);
    }
    let first = frame.at;
    let given = frame.given as usize;
    let fresh = usize::from(op == Op::New);
    let args: Vec<Known> = (fresh..given).map(|k| known[inst.i.c() as usize + k - fresh]).collect();
    known[first - 1] = Known::of_class(class_id::FUNCTION);
    known[first..first + frame.code.tagged as usize].fill(Known::form(INT)); // zero bits are the integer 0
    known[first + fresh..first + given].copy_from_slice(&args);
    if let Callee::Constructor { class, .. } = &frame.callee {
        known[first] = Known::of_class(class.id);
        known[frame.dst as usize] = Known::of_class(class.id);
    }
}

/// The class of the arrays that an op works on.
pub(super) fn typed_class(op: Op) -> u32 {
    match op {
        Op::FAGet | Op::FASet => class_id::FLOAT_ARRAY,
        _ => class_id::INT_ARRAY,
    }
}

/// What is known of a value that has passed the check of a declared type.
fn checked(unit: &Unit, inst: &Inst, assume: Assume, before: Known) -> Known {
    let frame = unit.frame(inst);
    // SAFETY: linked code lives as long as the VM; the verifier checked the type's index.
    let fits = match unsafe { &(&(*frame.code.module).types)[inst.i.b() as usize] } {
        LinkedType::Int => INT | BIG,
        LinkedType::Float => return Known::form(FLOAT),
        LinkedType::Bool => BOOL,
        LinkedType::Str => OTHER,
        LinkedType::Any => ALL,
        ty @ (LinkedType::Class(_) | LinkedType::Global(_) | LinkedType::Member(..)) => {
            let fitting = frame.feedback.fitting(inst.i.b());
            if !assume.wide
                && let Some(&first) = fitting.first()
            {
                let forms = Known::of_class(first).mask | NULL;
                let mask = if before.mask & forms == 0 { forms } else { before.mask & forms };
                // What was known of the class stays known: it is among those that fit.
                return Known { mask, family: before.family.and(Family::of(fitting)) };
            }
            // A name may stand for the class of integers.
            match ty {
                LinkedType::Class(class) if class.id > class_id::FLOAT => NULL | Known::OBJECTS,
                _ => ALL,
            }
        }
    };
    match before.mask & fits {
        0 => Known::form(fits),
        mask => Known { mask, family: before.family },
    }
}

/// The forms of what a native function gives.
fn native_result(hint: u64) -> Mask {
    match super::intrinsics::of_value(hint) {
        Some(intrinsic) => intrinsic.result(),
        None => ALL,
    }
}

/// What is known of the register that a jump tests for truth or null, once it has been taken or not.
pub(super) fn narrowed(op: Op, jumps: bool, known: Known) -> Known {
    let mask = match (op, jumps) {
        (Op::JNull, true) | (Op::JNotNull, false) => known.mask & NULL,
        (Op::JNull | Op::JFalse, false) | (Op::JNotNull | Op::JTrue, true) => known.mask & !NULL,
        _ => known.mask,
    };
    // No form at all where control cannot go.
    Known { mask, family: known.family }
}

/// What is known of the tagged registers where each block begins.
pub(super) fn at_blocks(unit: &Unit, facts: &Facts, assume: Assume) -> Vec<Option<Vec<Known>>> {
    let mut at: Vec<Option<Vec<Known>>> = vec![None; unit.insts.len()];
    let mut entry = vec![Known::form(INT); unit.registers()];
    let whole = &unit.frames[0];
    let given = whole.code.params as usize + usize::from(whole.code.flags & crate::code::Code::REST != 0);
    entry[whole.at..whole.at + given].fill(Known::form(ALL));
    at[0] = Some(entry);
    let mut open = vec![0];
    let mut waits = vec![false; unit.insts.len()];
    let mut known = Vec::new();
    let mut elsewhere = Vec::new();
    while let Some(start) = open.pop() {
        waits[start] = false;
        known.clone_from(at[start].as_ref().expect("opened with what is known"));
        let mut pc = start;
        loop {
            let inst = &unit.insts[pc];
            let goes_elsewhere = matches!(inst.what, What::Enter(_)) && inst.target != NOWHERE;
            if goes_elsewhere {
                elsewhere.clone_from(&known);
            }
            apply(unit, facts, assume, pc, &mut known);
            let tested = match (inst.what, inst.i.op()) {
                (What::Op, Some(op @ (Op::JNull | Op::JNotNull | Op::JTrue | Op::JFalse))) => Some(op),
                _ => None,
            };
            if inst.target != NOWHERE {
                if let Some(op) = tested {
                    elsewhere.clone_from(&known);
                    let register = &mut elsewhere[inst.i.a() as usize];
                    *register = narrowed(op, true, *register);
                }
                let carried = if goes_elsewhere || tested.is_some() { &elsewhere } else { &known };
                merge(&mut at, facts, carried, inst.target as usize, &mut open, &mut waits);
            }
            if let Some(op) = tested {
                let register = &mut known[inst.i.a() as usize];
                *register = narrowed(op, false, *register);
            }
            if !unit.falls_through(inst) {
                break;
            }
            pc += 1;
            if facts.leads[pc] {
                merge(&mut at, facts, &known, pc, &mut open, &mut waits);
                break;
            }
        }
    }
    at
}

/// What lean code that calls itself gives: a guess that is true if it is true of what it calls.
pub(super) fn own_result(unit: &Unit, facts: &Facts, assume: Assume) -> Mask {
    if !unit.insts.iter().any(|inst| unit.calls_itself(inst)) {
        return ALL;
    }
    let guesses = [INT, FLOAT, BOOL];
    guesses
        .into_iter()
        .find(|&own| returned(unit, facts, Assume { own, ..assume }) & !own == 0)
        .unwrap_or(ALL)
}

/// The forms of what the unit's function returns.
fn returned(unit: &Unit, facts: &Facts, assume: Assume) -> Mask {
    let at = at_blocks(unit, facts, assume);
    let mut returned = 0;
    let mut known = None;
    for (pc, inst) in unit.insts.iter().enumerate() {
        if facts.leads[pc] {
            known.clone_from(&at[pc]);
        }
        let Some(known) = &mut known else { continue };
        match inst.i.op().filter(|_| inst.what == What::Op) {
            Some(Op::Return) => returned |= known[inst.i.a() as usize].mask,
            Some(Op::ReturnNull) => returned |= NULL,
            _ => {}
        }
        apply(unit, facts, assume, pc, known);
    }
    returned
}

fn merge(
    at: &mut [Option<Vec<Known>>],
    facts: &Facts,
    known: &[Known],
    block: usize,
    open: &mut Vec<usize>,
    waits: &mut [bool],
) {
    match &mut at[block] {
        None => at[block] = Some(known.to_vec()),
        Some(old) => {
            let mut grew = false;
            // What is dead may be anything.
            for r in facts.live[block].iter() {
                let both = old[r].or(known[r]);
                grew |= both != old[r];
                old[r] = both;
            }
            if !grew {
                return;
            }
        }
    }
    if !waits[block] {
        waits[block] = true;
        open.push(block);
    }
}
