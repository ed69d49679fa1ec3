//! Stack traces: what an error remembers of where it was thrown, and how it is reported.
//!
//! A trace is an array of integers, innermost frame first: code number and instruction packed into one; -1 stands between the
//! frames of a task and those of the task that awaited it. Text is made only when somebody asks.

use super::stack::{Link, ReturnKind};
use super::{Thread, tasks};
use crate::bytecode::{Instr, Op};
use crate::class::{ErrorClass, error_slot};
use crate::code::Code;
use crate::interp::types;
use crate::object::task::{Generator, Stack, Task, task_flag};
use crate::object::{Instance, Kind, array};
use crate::value::Value;
use std::fmt::Write as _;
use std::io::Write as _;

/// Most frames kept of either end of a deep stack.
const KEEP: usize = 32;
/// Frames gone through for one unit of fuel.
const FRAMES_A_UNIT: usize = 16;
/// Errors of other threads whose awaiting frames a thread remembers.
const MOST_AWAITED: usize = 16;
const AWAITED: i64 = -1;
const LEFT_OUT: i64 = -2;

/// One place in the code.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    code: *const Code,
    pc: usize,
}

/// Calls `f` for each frame from the innermost outwards.
///
/// # Safety
/// `base` is the base of a live frame of code `code` that stands at instruction `pc` (counted from the entry, one past).
unsafe fn walk(
    mut base: *mut u64,
    mut code: *const Code,
    mut pc: *const Instr,
    mut generator: Value,
    mut f: impl FnMut(Place),
) {
    loop {
        // SAFETY: by the caller's promise, and the links of live frames.
        unsafe {
            let at = (pc.offset_from((*code).entry) as usize).saturating_sub(1);
            f(Place { code, pc: at });
            let link = Link(*base.sub(4));
            match link.kind() {
                ReturnKind::Task => return,
                ReturnKind::Generator => {
                    if !generator.is_kind(Kind::Generator) {
                        return;
                    }
                    let g = generator.pointer().cast::<Generator>();
                    let caller = (*g).caller_stack;
                    if caller.is_null() {
                        return;
                    }
                    generator = (*g).outer;
                    base = Stack::words(caller).add((*g).caller_base as usize);
                }
                _ => base = base.sub(link.delta()),
            }
            code = *base.sub(2) as *const Code;
            pc = *base.sub(3) as *const Instr;
        }
    }
}

/// The places of a stack, innermost first; of a deep one those of both ends.
#[derive(Default)]
struct Places {
    /// The innermost `KEEP`, and behind them the outermost seen so far, in a ring.
    kept: Vec<Place>,
    /// How many there are in all.
    count: usize,
}

impl Places {
    fn push(&mut self, place: Place) {
        if self.count < 2 * KEEP {
            self.kept.push(place);
        } else {
            self.kept[KEEP + self.count % KEEP] = place;
        }
        self.count += 1;
    }

    /// Each place that was kept, and how many were left out before it.
    fn each(&self) -> impl Iterator<Item = (usize, Place)> {
        let (inner, ring) = self.kept.split_at(self.kept.len().min(KEEP));
        let begin = if self.count > 2 * KEEP { self.count % KEEP } else { 0 };
        let outer = ring[begin..].iter().chain(&ring[..begin]);
        let left_out = self.count - self.kept.len();
        inner
            .iter()
            .map(|place| (0, *place))
            .chain(outer.enumerate().map(move |(at, place)| (if at == 0 { left_out } else { 0 }, *place)))
    }
}

fn current_places(thread: &mut Thread) -> Places {
    places_from(thread, thread.pc)
}

/// `pc` as [`walk`] takes it, for a frame that stands before the instruction at `pc` and not behind the one that it waits in. Behind a bare
/// `yield` that is the place meant all the same.
///
/// # Safety
/// `pc` points into (or one past) `code`, which lives.
unsafe fn standing_before(code: *const Code, pc: *const Instr) -> *const Instr {
    // SAFETY: by the caller's promise; the instruction before `pc` is read only if there is one.
    unsafe {
        if pc != (*code).entry && (*pc.sub(1)).op() == Some(Op::Yield) { pc } else { pc.wrapping_add(1) }
    }
}

/// Going through a deep stack is work that counts: errors thrown at its end one after the other would outlast the fuel.
fn places_from(thread: &mut Thread, pc: *const Instr) -> Places {
    let places = running_places(thread, pc);
    thread.charge((places.count / FRAMES_A_UNIT) as u64);
    places
}

fn running_places(thread: &Thread, pc: *const Instr) -> Places {
    let mut all = Places::default();
    if thread.current.is_null() || thread.base.is_null() {
        return all;
    }
    // SAFETY: a task is running and its state has been saved.
    unsafe { walk(thread.base, thread.code, pc, (*thread.current).generator.get(), |p| all.push(p)) };
    all
}

/// The frames of a task that is not running, as text.
pub fn of_task(thread: &Thread, task: *mut Task) -> String {
    let mut text = String::new();
    if task == thread.current {
        for (left_out, place) in running_places(thread, thread.pc).each() {
            if left_out > 0 {
                let _ = writeln!(text, "  ... {left_out} frames left out");
            }
            write_place(&mut text, place);
        }
        return text;
    }
    // SAFETY: the task lives; its stacks' bases were saved when it stopped.
    unsafe {
        let generator = (*task).generator.get();
        let stack = if generator.is_null() {
            (*task).stack
        } else {
            (*generator.pointer().cast::<Generator>()).stack
        };
        if stack.is_null() {
            return text;
        }
        let base = Stack::words(stack).add((*stack).base as usize);
        let (code, mut pc) = (*base.sub(2) as *const Code, *base.sub(3) as *const Instr);
        if (*task).flags & task_flag::DELIVER == 0 {
            pc = standing_before(code, pc);
        }
        let mut count = 0;
        walk(base, code, pc, generator, |place| {
            count += 1;
            if count <= KEEP {
                write_place(&mut text, place);
            }
        });
        if count > KEEP {
            let _ = writeln!(text, "  ... {} more", count - KEEP);
        }
    }
    text
}

/// Whether a value is an instance of Error.
pub fn is_error(thread: &Thread, v: Value) -> bool {
    v.is_kind(Kind::Instance) && types::instance_of(thread, v, thread.vm.class(ErrorClass::Error.class_id()))
}

fn pack(places: &Places, to: &mut Vec<Value>) {
    for (left_out, place) in places.each() {
        if left_out > 0 {
            to.push(Value::int_unchecked(LEFT_OUT - left_out as i64));
        }
        // SAFETY: code lives as long as the VM.
        let id = unsafe { (*place.code).id } as i64;
        to.push(Value::int_unchecked(id << 32 | place.pc as i64));
    }
}

/// Gives an error that the instruction before `pc` raised its trace, if it is an Error without one.
pub fn attach(thread: &mut Thread, error: Value) {
    if !attach_from(thread, error, thread.pc) {
        attach_after_collection(thread, error, thread.pc);
    }
}

/// Without memory even then, the error goes without a trace.
#[cold]
fn attach_after_collection(thread: &mut Thread, error: Value, pc: *const Instr) {
    collect_beside(thread, error);
    attach_from(thread, error, pc);
}

/// Collects while an error is held that nothing else may refer to.
fn collect_beside(thread: &mut Thread, error: Value) {
    let key = thread.pin(error);
    thread.collect_now();
    thread.unpin(key);
}

/// The same for an error that comes between two instructions: at the one that would have been next.
pub fn attach_between(thread: &mut Thread, error: Value) {
    if thread.current.is_null() || thread.base.is_null() {
        return;
    }
    // SAFETY: a task is running, `pc` points into its code.
    let pc = unsafe { standing_before(thread.code, thread.pc) };
    if !attach_from(thread, error, pc) {
        attach_after_collection(thread, error, pc);
    }
}

/// Whether there was memory for it, if anything was to be done.
fn attach_from(thread: &mut Thread, error: Value, pc: *const Instr) -> bool {
    if !is_error(thread, error) {
        return true;
    }
    // SAFETY: an instance of Error has the slots of `error_slot`.
    let slot = unsafe { Instance::slot(error.pointer().cast(), error_slot::TRACE) };
    // SAFETY: an object value points to a live object.
    let immortal = unsafe { (*error.pointer()).is_immortal() };
    if immortal || !slot.get().is_null() || thread.current.is_null() {
        return true;
    }
    let mut frames = Vec::new();
    pack(&places_from(thread, pc), &mut frames);
    let made = array::from_slice(&mut thread.heap, &frames);
    if let Ok(list) = made {
        thread.heap.store(error.pointer(), slot, array::to_value(list));
    }
    made.is_ok()
}

/// Adds the frames of the running task, which awaited the one that threw.
pub fn extend(thread: &mut Thread, error: Value) {
    if error.is_kind(Kind::Proxy) {
        return extend_foreign(thread, error);
    }
    if !is_error(thread, error) {
        return;
    }
    if !extend_own(thread, error) {
        // Without memory even then the trace stays shorter.
        collect_beside(thread, error);
        extend_own(thread, error);
    }
}

/// Whether there was memory for it.
fn extend_own(thread: &mut Thread, error: Value) -> bool {
    // SAFETY: as in `attach`.
    let slot = unsafe { Instance::slot(error.pointer().cast(), error_slot::TRACE) };
    let Some(list) = array::from_value(slot.get()) else {
        attach(thread, error);
        return true;
    };
    if array::len(list) > 8 * KEEP {
        return true;
    }
    let mut frames = vec![Value::int_unchecked(AWAITED)];
    pack(&current_places(thread), &mut frames);
    // A new list: an error thrown to several awaiters is one object.
    let mut all: Vec<Value> = array::elements(list).iter().map(|s| s.get()).collect();
    all.extend(frames);
    let made = array::from_slice(&mut thread.heap, &all);
    if let Ok(list) = made {
        thread.heap.store(error.pointer(), slot, array::to_value(list));
    }
    made.is_ok()
}

/// The same for an error of another thread, which cannot be written from here: the frames are kept on this side.
fn extend_foreign(thread: &mut Thread, error: Value) {
    if trace_list(thread, error).is_none() {
        return;
    }
    let mut frames = vec![Value::int_unchecked(AWAITED)];
    pack(&current_places(thread), &mut frames);
    let frames: Vec<i64> = frames.into_iter().filter_map(Value::as_int).collect();
    let known = position_awaited(thread, error);
    if let Some(at) = known {
        if thread.awaited[at].1.len() < 8 * KEEP {
            thread.awaited[at].1.extend(frames);
        }
        return;
    }
    if thread.awaited.len() == MOST_AWAITED
        && let Some((key, _)) = thread.awaited.pop_front()
    {
        thread.unpin(key);
    }
    let key = thread.pin(error);
    thread.awaited.push_back((key, frames));
}

/// Where the frames are that this thread has added to a foreign error.
fn position_awaited(thread: &Thread, error: Value) -> Option<usize> {
    let identity = crate::object::equality::identity(error);
    thread
        .awaited
        .iter()
        .position(|(key, _)| std::ptr::eq(crate::object::equality::identity(thread.pinned(*key)), identity))
}

fn write_place(text: &mut String, place: Place) {
    // SAFETY: code and modules live as long as the VM.
    let (code, module) = unsafe { (&*place.code, &*(*place.code).module) };
    if code.flags & Code::INTERNAL != 0 {
        return;
    }
    let (line, column) = code.position(place.pc);
    let _ = writeln!(text, "  at {} ({}:{line}:{column})", code.name, module.name);
}

/// The text of a trace as an error keeps it.
pub fn text(thread: &Thread, error: Value) -> String {
    let mut text = String::new();
    let Some(mut list) = trace_list(thread, error) else { return text };
    if error.is_kind(Kind::Proxy)
        && let Some(at) = position_awaited(thread, error)
    {
        list.extend(&thread.awaited[at].1);
    }
    for packed in list {
        match packed {
            AWAITED => text.push_str("  awaited\n"),
            n if n <= LEFT_OUT => {
                let _ = writeln!(text, "  ... {} frames left out", LEFT_OUT - n);
            }
            n => {
                if let Some(code) = thread.vm.code_by_id((n >> 32) as u32) {
                    write_place(&mut text, Place { code, pc: (n & 0xffff_ffff) as usize });
                }
            }
        }
    }
    text
}

/// The trace of an error of this or (through a proxy) another heap.
fn trace_list(thread: &Thread, error: Value) -> Option<Vec<i64>> {
    if !error.is_object() {
        return None;
    }
    let object = crate::object::equality::identity(error);
    // SAFETY: an own object, or a foreign one listed by this thread and read within its slice.
    unsafe {
        if (*object).kind() != Kind::Instance {
            return None;
        }
        let class = thread.vm.class((*object).class);
        if !class.is_subclass_of(thread.vm.class(ErrorClass::Error.class_id())) {
            return None;
        }
        let list = Instance::slot(object.cast(), error_slot::TRACE).get_foreign();
        if !list.is_kind(Kind::Array) {
            return None;
        }
        Some(
            array::elements_foreign(list.pointer().cast())
                .iter()
                .filter_map(|s| s.get_foreign().as_int())
                .collect(),
        )
    }
}

/// An error as the user is shown it: class and message, trace, causes.
pub fn describe(thread: &Thread, error: Value) -> String {
    let mut out = String::new();
    let mut at = error;
    for depth in 0..16 {
        if depth > 0 {
            out.push_str("caused by ");
        }
        if !at.is_object() {
            let _ = writeln!(out, "Error: thrown value {}", show(thread, at));
            return out;
        }
        let object = crate::object::equality::identity(at);
        // SAFETY: as in `trace_list`.
        let (class, is_instance) =
            unsafe { (thread.vm.class((*object).class), (*object).kind() == Kind::Instance) };
        if !(is_instance && class.is_subclass_of(thread.vm.class(ErrorClass::Error.class_id()))) {
            let _ = writeln!(out, "Error: thrown value {}", show(thread, at));
            return out;
        }
        // SAFETY: an instance of Error has the slots of `error_slot`.
        let (message, cause) = unsafe {
            (
                Instance::slot(object.cast(), error_slot::MESSAGE).get_foreign(),
                Instance::slot(object.cast(), error_slot::CAUSE).get_foreign(),
            )
        };
        let message = if message.is_null() { String::new() } else { show(thread, message) };
        let _ = match message.is_empty() {
            true => writeln!(out, "{}", class.name),
            false => writeln!(out, "{}: {message}", class.name),
        };
        out.push_str(&text(thread, at));
        if cause.is_null() {
            break;
        }
        at = cause;
    }
    out
}

/// A value as text, without running script code.
pub fn show(thread: &Thread, v: Value) -> String {
    let vm = thread.vm.clone();
    let mut instance = |value: Value, to: &mut String| {
        // SAFETY: only called for objects, which are readable within this slice.
        let class = vm.class(unsafe { (*value.pointer()).class });
        let _ = write!(to, "<{}>", class.name);
        true
    };
    match crate::object::display::render(v, false, 1 << 16, &mut instance) {
        Ok(pieces) => pieces
            .into_iter()
            .map(|piece| match piece {
                crate::object::display::Piece::Text(text) => text,
                crate::object::display::Piece::Hook(value, _) => {
                    crate::interp::describe::brief(thread, value)
                }
            })
            .collect(),
        Err(_) => crate::interp::describe::brief(thread, v),
    }
}

/// Writes an error to stderr, after what the program printed so far.
pub fn report(thread: &mut Thread, title: &str, error: Value) {
    let text = describe(thread, error);
    let _ = thread.vm.output.lock().expect("not poisoned").flush();
    // A closed stderr leaves nobody to tell.
    let _ = write!(std::io::stderr(), "{title}: {text}");
}

/// A task without a future ended with an error.
pub fn report_unhandled(thread: &mut Thread, task: *mut Task, error: Value) {
    if types::is_task_exit(thread, error) {
        return;
    }
    let name = tasks::describe(task);
    report(thread, &format!("Uncaught error in {name}"), error);
}
