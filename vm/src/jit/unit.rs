//! What is compiled at once: a function, and in it the small functions that it calls, spliced in where they are called.
//!
//! A spliced function's registers have the places in memory that they would have if the function had been called: frames of a task lie one behind
//! the other. So whatever writes registers to memory makes the frame of a spliced function exactly what a call would have made of it, and the
//! interpreter can go on in the middle of it.
//!
//! Registers of the unit: those of frame `f` begin at number `f.at`; the four numbers before are the words of its header. Each frame has numbers of
//! its own, though frames that do not exist at the same time lie at the same place in memory, which `places` gives.

mod guesses;

use super::family::{Classes, cut};
use super::feedback::{Feedback, super_method};
use super::instrs::{falls_through, moved, target};
use super::intrinsics::{self, Intrinsic};
use super::lean;
use super::limits::{
    self, MAX_INSTRUCTIONS, MAX_REGISTERS, MAX_SHORT, MAX_SPLICED, MAX_TARGETS, MAX_UNIT, MAX_UNIT_REGISTERS,
};
use super::masks::{Assume, expects_families};
use super::stepped::by_step;
use crate::bytecode::Instr;
use crate::bytecode::ops::Op;
use crate::class::{Class, Construction, Member};
use crate::code::Code;
use crate::interp::access;
use crate::object::function::{class_of_value, code_of_value};
use crate::object::task::FRAME_WORDS;
use crate::thread::Thread;
use crate::thread::stack::ReturnKind;
use crate::value::Value;
use smallvec::{SmallVec, smallvec};
use std::ops::Range;
use std::sync::atomic::Ordering;

/// No instruction.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What an instruction of a unit does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// What its op says.
    Op,
    /// Goes into the spliced function that is frame so-and-so; if what is called is something else, to the target, or out of compiled code
    /// if there is none.
    Enter(u16),
    /// Comes back from a spliced function.
    Leave,
}

/// An instruction of a unit.
#[derive(Clone, Copy)]
pub(super) struct Inst {
    /// The instruction, its registers numbered as the unit's.
    pub(super) i: Instr,
    pub(super) what: What,
    /// The frame that it belongs to.
    pub(super) frame: u16,
    /// Its index in the frame's function.
    pub(super) pc: u32,
    /// Where it jumps, as an index in the unit, or [`NOWHERE`].
    pub(super) target: u32,
    /// For a call of a value: bits of what was called when the unit was made, or 0.
    pub(super) hint: u64,
    /// For a call of a function that has lean code (see `lean`): that function, found once, since what is known of calls goes on changing.
    pub(super) lean: Option<&'static Code>,
}

/// What is spliced in, and what has to hold for it to be what is called.
#[derive(Clone)]
pub(super) enum Callee {
    /// The first frame: it is called as a whole.
    Whole,
    /// A function named by the instruction: always.
    Static(Value),
    /// The called value is this function.
    Function(Value),
    /// The called value is a function with this frame's code; it lies in this register.
    Closure(u16),
    /// The receiver's class is one of these, and the method epoch this.
    Method { classes: Classes, epoch: u32, function: Value },
    /// The method epoch is this: a method of the superclass.
    Super { epoch: u32, function: Value },
    /// The class is this, and the method epoch: a fresh instance is made first.
    Constructor { class: &'static Class, epoch: u32, function: Value },
}

// SAFETY: the values in it are immortal.
unsafe impl Send for Callee {}

/// A function of a unit.
pub(super) struct Frame {
    pub(super) code: &'static Code,
    pub(super) feedback: Feedback,
    /// Number of its first register.
    pub(super) at: usize,
    /// Words from the first frame's base to this one's.
    pub(super) place: usize,
    pub(super) parent: usize,
    /// Index of the call in the parent's function.
    pub(super) call: u32,
    /// How many arguments are given.
    pub(super) given: u8,
    /// The register, of the parent's, that the result goes to.
    pub(super) dst: u16,
    pub(super) kind: ReturnKind,
    pub(super) callee: Callee,
}

/// An exception handler of a frame, by indices of the unit.
pub(super) struct Handler {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) target: usize,
    pub(super) register: usize,
}

/// What a register of a unit is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A word of a frame's header.
    Header,
    /// It holds values.
    Tagged,
    /// It holds unboxed numbers.
    Raw,
}

/// The hint of an access by index that is taken to be one of a map.
pub(super) const OF_MAP: u64 = 1;

/// The hint of the begin of a loop over what is taken to be an array.
const OVER_ARRAY: u64 = 2;

/// Whether an op calls functions that may be spliced in.
fn is_call(op: Op) -> bool {
    matches!(op, Op::Call | Op::CallStatic | Op::CallMethod | Op::CallSuper | Op::New)
}

impl Inst {
    /// Whether this, which begins a loop, is taken to begin one over an array.
    pub(super) fn begins_over_array(&self, assume: Assume) -> bool {
        assume.bounded && self.hint == OVER_ARRAY
    }
}

/// A function to be compiled, with what is spliced into it.
pub(crate) struct Unit {
    pub(super) insts: Vec<Inst>,
    pub(super) frames: Vec<Frame>,
    pub(super) handlers: Vec<Handler>,
    pub(super) kinds: Vec<Kind>,
    /// For each register, how many words above the first frame's base it lies.
    pub(super) places: Vec<i32>,
    /// The method epoch when it was made.
    pub(super) epoch: u32,
    /// No instance has a hook for equality, at that epoch.
    pub(super) plain_equality: bool,
    /// Code leaves where nothing has been seen yet.
    leaves_unseen: bool,
    /// The function becomes lean code.
    pub(super) lean: bool,
}

/// What is known of the values that a function of a unit has been called with.
#[derive(Clone, Copy)]
enum Known {
    /// Nothing.
    Nothing,
    /// The registers of the running frame.
    Running(*const u64),
}

impl Unit {
    /// The unit for a function, by what the thread knows now. Fails with the reason if there can be none.
    pub(super) fn make(thread: &mut Thread, code: &'static Code, wide: bool) -> Result<Unit, &'static str> {
        if code.code.len() > MAX_INSTRUCTIONS || code.registers as usize > MAX_REGISTERS {
            return Err("the function is too large");
        }
        let epoch = thread.vm.method_epoch.load(Ordering::Acquire);
        // The running frame is usually that of the function which has become hot; its values hint at what comes.
        let known = match std::ptr::eq(thread.code, code) && !thread.base.is_null() {
            true => Known::Running(thread.base),
            false => Known::Nothing,
        };
        let everything = thread.vm.config.jit == super::JitMode::Always;
        let mut maker = Maker {
            everything,
            splice: !thread.vm.config.gc_stress,
            wide,
            failed: code.jit.again.load(Ordering::Relaxed),
            unit: Unit {
                insts: Vec::new(),
                frames: Vec::new(),
                handlers: Vec::new(),
                kinds: Vec::new(),
                places: Vec::new(),
                epoch,
                plain_equality: thread.vm.has_plain_equality(epoch),
                leaves_unseen: !everything && !wide && code.jit.fills.load(Ordering::Relaxed) < super::FILLS,
                lean: false,
            },
            known,
            thread,
        };
        let feedback = Feedback::take(maker.thread, code, maker.failed > 0);
        maker.unit.frames.push(Frame {
            code,
            feedback,
            at: FRAME_WORDS,
            place: 0,
            parent: 0,
            call: 0,
            given: 0,
            dst: 0,
            kind: ReturnKind::Register,
            callee: Callee::Whole,
        });
        maker.expand(0, NOWHERE);
        Ok(maker.unit)
    }

    /// Registers of the unit, headers included.
    pub(super) fn registers(&self) -> usize {
        self.kinds.len()
    }

    /// Words above the first frame's base that the unit's frames may take.
    pub(super) fn extent(&self) -> usize {
        let frames = self.frames.iter().map(|frame| frame.place + frame.code.registers as usize);
        frames.chain(self.lean_extents()).max().unwrap_or(0)
    }

    /// Whether it may call functions that have frames of their own.
    pub(super) fn makes_calls(&self) -> bool {
        self.insts.iter().any(|inst| inst.what == What::Op && inst.i.op().is_some_and(is_call))
    }

    pub(super) fn frame(&self, inst: &Inst) -> &Frame {
        &self.frames[inst.frame as usize]
    }

    /// The frame that an instruction leads into, for one that enters.
    pub(super) fn entered(&self, inst: &Inst) -> Option<&Frame> {
        match inst.what {
            What::Enter(frame) => Some(&self.frames[frame as usize]),
            _ => None,
        }
    }

    /// Whether control may reach the next instruction.
    pub(super) fn falls_through(&self, inst: &Inst) -> bool {
        match inst.what {
            What::Op => falls_through(inst.i),
            What::Enter(_) => true,
            What::Leave => false,
        }
    }

    /// Whether code leaves at an instruction because it has never been executed: what it works with is to be seen first.
    pub(super) fn is_unseen(&self, inst: &Inst) -> bool {
        if !self.leaves_unseen || inst.what != What::Op {
            return false;
        }
        let site = match inst.i.op().expect("verified") {
            Op::CallMethod => inst.i.b(),
            Op::GetAttr | Op::SetAttr => inst.i.c(),
            _ => return false,
        };
        self.frame(inst).feedback.site(site).kind == 0
    }

    /// What a `new` makes, where compiled code leaves if it is to make anything else: the class, and its constructor.
    pub(super) fn constructed(
        &self,
        inst: &Inst,
        wide: bool,
    ) -> Option<(&'static Class, Option<(&'static Code, Value)>)> {
        if wide || inst.hint == 0 || inst.what != What::Op || inst.i.op() != Some(Op::New) {
            return None;
        }
        // SAFETY: the hint of a `new` is the bits of a class, which is immortal.
        let class = class_of_value(unsafe { Value::from_bits(inst.hint) })?;
        match class.construction() {
            Construction::Bare if inst.i.n() == 0 => Some((class, None)),
            Construction::Plain(code, function)
                if inst.i.n() + 1 >= code.required && inst.i.n() < code.params =>
            {
                Some((class, Some((code, function))))
            }
            _ => None,
        }
    }

    /// Whether an instruction brings all frames up to date on its straight path, whatever becomes of it.
    pub(super) fn syncs(&self, inst: &Inst, wide: bool) -> bool {
        if inst.what != What::Op || inst.lean.is_some() {
            return false;
        }
        match inst.i.op().expect("verified") {
            Op::CallStatic | Op::CallSuper => true,
            Op::Call => wide || intrinsics::of_value(inst.hint) != Some(Intrinsic::Sqrt),
            Op::CallMethod => {
                let site = self.frame(inst).feedback.site(inst.i.b());
                let native = site.kind == access::METHOD_NATIVE;
                wide || !native || intrinsics::of_method(site.target).is_none()
            }
            op => by_step(op),
        }
    }

    /// Bits of the function value of a spliced frame, if it is always the same.
    pub(super) fn constant_function(&self, frame: usize) -> Option<u64> {
        match &self.frames[frame].callee {
            Callee::Static(function)
            | Callee::Function(function)
            | Callee::Method { function, .. }
            | Callee::Super { function, .. }
            | Callee::Constructor { function, .. } => Some(function.bits()),
            Callee::Whole | Callee::Closure(_) => None,
        }
    }

    /// From where and to which of these places control can jump.
    pub(super) fn jumps_into(&self, places: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        let jumps = self.insts.iter().enumerate().map(|(from, inst)| (from, inst.target as usize));
        jumps.filter(move |(_, to)| places.contains(to)) // `NOWHERE` lies behind all places
    }

    /// Whether an exception handler begins at one of these places.
    pub(super) fn catches_in(&self, places: Range<usize>) -> bool {
        self.handlers.iter().any(|handler| places.contains(&handler.target))
    }

    /// A frame and those around it, the innermost first, without the first frame.
    pub(super) fn around(&self, frame: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(frame), |&f| Some(self.frames[f].parent)).take_while(|&f| f != 0)
    }
}

/// Makes a unit.
struct Maker<'a> {
    thread: &'a mut Thread,
    unit: Unit,
    known: Known,
    /// Everything is compiled at once, so nothing is known of what is hot.
    everything: bool,
    splice: bool,
    wide: bool,
    /// How often the function has been compiled again because an assumption did not hold.
    failed: u32,
}

/// How a call is translated.
struct Site {
    /// What is spliced in, by likelihood.
    targets: SmallVec<[(&'static Code, Callee); 4]>,
    /// Whether there may be other targets.
    open: bool,
    hint: u64,
}

impl Maker<'_> {
    /// Appends the instructions of a frame; its results go on at the next instruction behind them, or at `after`.
    fn expand(&mut self, frame: usize, after: u32) {
        let code = self.unit.frames[frame].code;
        let (at, place) = (self.unit.frames[frame].at, self.unit.frames[frame].place);
        self.declare(code, at, place);
        let first = self.unit.insts.len();
        let mut places = Vec::with_capacity(code.code.len() + 1);
        for (pc, &instr) in code.code.iter().enumerate() {
            places.push(self.unit.insts.len() as u32);
            let i = moved(instr, at);
            let op = i.op().expect("verified");
            let mut inst = Inst {
                i,
                what: What::Op,
                frame: frame as u16,
                pc: pc as u32,
                target: NOWHERE,
                hint: 0,
                lean: None,
            };
            if frame != 0 {
                match op {
                    Op::Return | Op::ReturnNull => {
                        inst.what = What::Leave;
                        inst.target = after;
                    }
                    Op::DefaultArg => {
                        // How many are given is known here.
                        let given = self.unit.frames[frame].given;
                        let op = if u16::from(given) > i.a() { Op::Jump } else { Op::Nop };
                        inst.i = Instr::new(op, 0, 0, 0, 0);
                        if op == Op::Jump {
                            inst.target = target(pc, i).expect("it jumps");
                        }
                        self.unit.insts.push(inst);
                        continue;
                    }
                    _ => {}
                }
            }
            if is_call(op) {
                let site = self.site(frame, pc, instr);
                inst.hint = site.hint;
                self.call(inst, site);
                continue;
            }
            if inst.what == What::Op
                && let Some(target) = target(pc, i)
            {
                inst.target = target;
            }
            if self.indexes_map(frame, pc, instr) {
                inst.hint = OF_MAP;
            }
            if self.begins_over_array(frame, pc, instr) {
                inst.hint = OVER_ARRAY;
            }
            self.unit.insts.push(inst);
        }
        places.push(self.unit.insts.len() as u32);
        for inst in &mut self.unit.insts[first..] {
            if inst.frame == frame as u16 && inst.what == What::Op && inst.target != NOWHERE {
                inst.target = places[inst.target as usize];
            }
        }
        for handler in &code.handlers {
            self.unit.handlers.push(Handler {
                start: places[handler.start as usize] as usize,
                end: places[handler.end as usize] as usize,
                target: places[handler.target as usize] as usize,
                register: at + handler.register as usize,
            });
        }
    }

    /// Makes the registers of a frame known.
    fn declare(&mut self, code: &Code, at: usize, place: usize) {
        let unit = &mut self.unit;
        debug_assert_eq!(unit.kinds.len() + FRAME_WORDS, at, "frames have registers of their own");
        unit.kinds.resize(at, Kind::Header);
        unit.kinds.resize(at + code.tagged as usize, Kind::Tagged);
        unit.kinds.resize(at + code.registers as usize, Kind::Raw);
        let first = place as i32 - FRAME_WORDS as i32;
        unit.places.extend((0..(FRAME_WORDS as i32 + code.registers as i32)).map(|k| first + k));
    }

    /// A call, with what is spliced in.
    fn call(&mut self, inst: Inst, site: Site) {
        let (parent, kind) = (inst.frame as usize, inst.i.op().expect("verified"));
        let count = site.targets.len();
        let mut leaves: Vec<std::ops::Range<usize>> = Vec::new();
        for (k, (code, callee)) in site.targets.into_iter().enumerate() {
            let number = self.unit.frames.len();
            let feedback = Feedback::take(self.thread, code, self.failed > 0);
            let extra = u8::from(matches!(kind, Op::CallMethod | Op::CallSuper | Op::New));
            let caller = &self.unit.frames[parent];
            let place = caller.place + caller.code.registers as usize + FRAME_WORDS;
            let at = self.unit.kinds.len() + FRAME_WORDS;
            self.unit.frames.push(Frame {
                code,
                feedback,
                at,
                place,
                parent,
                call: inst.pc,
                given: inst.i.n() + extra,
                dst: inst.i.a(),
                kind: if kind == Op::New { ReturnKind::Discard } else { ReturnKind::Register },
                callee,
            });
            let enter = self.unit.insts.len();
            self.unit.insts.push(Inst { what: What::Enter(number as u16), ..inst });
            let begin = self.unit.insts.len();
            self.expand(number, NOWHERE);
            leaves.push(begin..self.unit.insts.len());
            if k + 1 < count || site.open {
                self.unit.insts[enter].target = self.unit.insts.len() as u32;
            }
        }
        if count == 0 || site.open {
            self.unit.insts.push(inst);
        }
        let after = self.unit.insts.len() as u32;
        for range in leaves {
            for inst in &mut self.unit.insts[range] {
                if inst.what == What::Leave && inst.target == NOWHERE {
                    inst.target = after;
                }
            }
        }
    }
}

impl Maker<'_> {
    /// What may be called at a call of a frame, and what of it is spliced in.
    fn site(&mut self, frame: usize, pc: usize, i: Instr) -> Site {
        let mut site = Site { targets: SmallVec::new(), open: false, hint: 0 };
        let op = i.op().expect("verified");
        let given = usize::from(i.n());
        match op {
            Op::CallStatic => {
                // SAFETY: the verifier checked the function's index; linked code lives as long as the VM.
                let code = unsafe { (&(*self.unit.frames[frame].code.module).functions)[i.b() as usize] };
                self.offer(&mut site, frame, code, given, Callee::Static(code.value));
            }
            Op::Call => {
                let Some(callee) = self.peek(frame, pc, i.b()) else { return site };
                site.hint = match callee.is_object() && !callee.is_kind(crate::object::Kind::Function)
                    || code_of_value(callee).is_some_and(|code| code.captures == 0)
                {
                    true => callee.bits(),
                    false => 0,
                };
                let mut seen: SmallVec<[&'static Code; 4]> = code_of_value(callee).into_iter().collect();
                for code in self.unit.frames[frame].code.jit.seen_at(pc as u32) {
                    if !seen.iter().any(|known| std::ptr::eq(*known, code)) {
                        seen.push(code);
                    }
                }
                for code in &seen {
                    // Should compiled code meet another one there, both are known.
                    self.unit.frames[frame].code.jit.note_call(pc as u32, code);
                }
                let register = i.b() + self.unit.frames[frame].at as u16;
                // What was called once may be anything the next time.
                site.open = seen.len() > 1 || self.wide;
                for code in seen.into_iter().take(MAX_TARGETS) {
                    let how = match code.captures {
                        0 => Callee::Function(code.value),
                        _ => Callee::Closure(register),
                    };
                    self.offer(&mut site, frame, code, given, how);
                }
            }
            Op::CallMethod => self.methods(&mut site, frame, i),
            Op::CallSuper => {
                if let Some((code, function)) = super_method(self.unit.frames[frame].code, i.b()) {
                    let epoch = self.unit.epoch;
                    self.offer(&mut site, frame, code, given + 1, Callee::Super { epoch, function });
                    site.open |= self.wide;
                }
            }
            Op::New => {
                let Some(class) = self.peek(frame, pc, i.b()).and_then(class_of_value) else { return site };
                site.hint = class.value.bits();
                if let Construction::Plain(code, function) = class.construction() {
                    let epoch = self.unit.epoch;
                    self.offer(
                        &mut site,
                        frame,
                        code,
                        given + 1,
                        Callee::Constructor { class, epoch, function },
                    );
                    site.open |= self.wide;
                }
            }
            _ => {}
        }
        site
    }

    /// The script methods that a call may reach: that of the class which the cache saw, and of the VM's other classes. As long as nothing has
    /// gone wrong in the function, a call whose receivers can only be of these classes has no other way.
    fn methods(&mut self, site: &mut Site, frame: usize, i: Instr) {
        let (code, ic) = (self.unit.frames[frame].code, self.unit.frames[frame].feedback.site(i.b()));
        if ic.kind != access::METHOD_SCRIPT || ic.data != self.unit.epoch {
            return;
        }
        let name = code.sites[i.b() as usize];
        let mut found: SmallVec<[(Value, Classes); 4]> = SmallVec::new();
        // SAFETY: a cached target is an immortal script function.
        found.push((unsafe { Value::from_bits(ic.target) }, smallvec![ic.class]));
        let few = self.unit.frames[frame].feedback.few(i.b());
        let mut all = expects_families(self.failed);
        if !few {
            for class in self.thread.vm.classes().filter(|class| class.id != ic.class) {
                let is_attribute = class.slots.contains_key(&name);
                let function = match class.member(name) {
                    Some(Member::Method(function))
                        if !is_attribute && function.is_kind(crate::object::Kind::Function) =>
                    {
                        function
                    }
                    None if !is_attribute => continue,
                    _ => {
                        all = false;
                        continue;
                    }
                };
                match found.iter_mut().find(|(known, _)| *known == function) {
                    Some((_, classes)) => classes.push(class.id),
                    None => found.push((function, smallvec![class.id])),
                }
            }
        }
        if found.len() > MAX_TARGETS {
            found.truncate(1);
            all = false;
        }
        for (_, classes) in &mut found {
            all &= cut(classes);
        }
        site.open = !few && !all || self.wide;
        let epoch = self.unit.epoch;
        for (function, classes) in found {
            let Some(code) = code_of_value(function) else { continue };
            self.offer(
                site,
                frame,
                code,
                usize::from(i.n()) + 1,
                Callee::Method { classes, epoch, function },
            );
        }
        if site.targets.is_empty() {
            site.open = false;
        }
    }

    /// Splices a function in if it is small and there is room.
    fn offer(&mut self, site: &mut Site, frame: usize, code: &'static Code, given: usize, callee: Callee) {
        let around = self.unit.around(frame).count();
        let same = std::iter::once(0)
            .chain(self.unit.around(frame))
            .filter(|f| std::ptr::eq(self.unit.frames[*f].code, code))
            .count();
        let length = code.code.len();
        let most = if length <= MAX_SHORT && lean::recurses(code) { 3 } else { 1 };
        let fits = self.splice
            && code.is_plain()
            && given >= code.required as usize
            && given <= code.params as usize
            && length <= MAX_SPLICED
            && same <= most
            && around < limits::depth(length, same > 0)
            && self.unit.insts.len() + length <= MAX_UNIT
            && self.unit.kinds.len() + code.registers as usize + FRAME_WORDS <= MAX_UNIT_REGISTERS
            && (self.everything || is_warm(code, self.thread.jit.hot));
        match fits {
            true => site.targets.push((code, callee)),
            false => site.open = true,
        }
    }
}

/// Whether a function is called often enough to be worth its room.
fn is_warm(code: &Code, hot: u32) -> bool {
    !code.jit.is_cold() || code.jit.heat.load(Ordering::Relaxed) >= hot / 64
}
