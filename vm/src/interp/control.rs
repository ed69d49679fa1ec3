//! Leaving and re-entering the straight path: throwing, returning in unusual ways, completing an instruction with a value
//! that came later, safepoints, generators.

use super::call::{self, Called, Target};
use super::describe::type_name;
use super::run::Exit;
use super::{compare, iterate, types};
use crate::bytecode::ops::Operand;
use crate::bytecode::{Handler, Instr, Op};
use crate::class::{ErrorClass, error_slot};
use crate::code::Code;
use crate::error::{Control, Outcome};
use crate::object::task::{FRAME_WORDS, Generator, Stack, task_flag};
use crate::object::{Instance, Kind, class_id, string};
use crate::thread::stack::{self, Link, ReturnKind};
use crate::thread::{Mode, Thread, sched, tasks, trace};
use crate::value::Value;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a task may hold off a host's interrupt by `atomic` before it is thrown there nevertheless.
const STOP_GRACE: Duration = Duration::from_millis(50);

const GENERATOR_NEW: u32 = 0;
const GENERATOR_SUSPENDED: u32 = 1;
const GENERATOR_RUNNING: u32 = 2;
const GENERATOR_ENDED: u32 = 3;

/// Acts on what an operation gave instead of a value. `None`: go on from the thread's state.
#[cold]
pub fn handle(thread: &mut Thread, control: Control) -> Option<Exit> {
    match control {
        Control::Throw(error) => throw(thread, error),
        Control::OutOfMemory => {
            if thread.retry_pc == thread.pc {
                thread.retry_pc = std::ptr::null();
                let error = memory_error(thread);
                return throw(thread, error);
            }
            thread.retry_pc = thread.pc;
            thread.collect_for_room();
            // SAFETY: the instruction before `pc` is the one that was being executed.
            thread.pc = unsafe { thread.pc.sub(1) };
            None
        }
        Control::Call(invoke) => {
            match call::call_value(
                thread,
                invoke.callee,
                &invoke.args,
                Target { dst: 0, kind: ReturnKind::Complete },
            ) {
                Ok(Called::Frame) => after_call(thread),
                Ok(Called::Value(value)) => finish_instruction(thread, value),
                Err(control) => handle(thread, control),
            }
        }
        Control::Park => {
            thread.save_frame();
            Some(Exit::Parked)
        }
        Control::ParkAndRetry => {
            // SAFETY: as above.
            thread.pc = unsafe { thread.pc.sub(1) };
            thread.save_frame();
            tasks::expect_no_value(thread);
            Some(Exit::Parked)
        }
        Control::Yield => {
            thread.save_frame();
            // SAFETY: the instruction before `pc` is the one that was being executed.
            if unsafe { (*thread.pc.sub(1)).op() } != Some(Op::Yield) {
                // A native's call is completed with null; the op gives nothing.
                tasks::expect_null(thread);
            }
            Some(Exit::Yielded)
        }
    }
}

/// A safepoint after a call that a slow path made, so that recursion through hooks is interruptible.
fn after_call(thread: &mut Thread) -> Option<Exit> {
    thread.used += 1;
    if thread.used >= thread.limit() { safepoint(thread) } else { None }
}

/// The error that says so, made from the reserve.
#[cold]
pub fn memory_error(thread: &mut Thread) -> Value {
    let limit = thread.vm.config.memory_limit;
    let message = format!("the memory limit of {limit} bytes is reached");
    thread.heap.grant_reserve();
    // If not even the error fits: what was made for this case.
    thread.new_error(ErrorClass::MemoryError, &message).unwrap_or_else(|_| thread.vm.last_resort_error())
}

/// The error of a `fail` instruction.
pub fn fail(thread: &mut Thread, constant: u32) -> Control {
    // SAFETY: linked code lives as long as the VM; the verifier checked that the constant is a string.
    let text = unsafe { *(*thread.code).consts.add(constant as usize) };
    let text = string::as_str(text).unwrap_or("").to_owned();
    let (class, message) = text.split_once(": ").unwrap_or(("Error", &text));
    thread.error(ErrorClass::by_name(class).unwrap_or(ErrorClass::Error), message)
}

/// Throws a value that the instruction before `pc` raised: continues at the innermost handler, or ends the task.
pub fn throw(thread: &mut Thread, error: Value) -> Option<Exit> {
    trace::attach(thread, error);
    unwind(thread, error, &innermost)
}

/// Throws a value between two instructions, as a kill does. The task may stand behind a jump back to the beginning of a `try`, or
/// at an instruction that is to be executed again, so a block that the next instruction is in counts as entered; one whose last
/// instruction has just been executed is not left yet.
pub fn throw_between(thread: &mut Thread, error: Value) -> Option<Exit> {
    trace::attach_between(thread, error);
    let code = types::running_code(thread);
    // SAFETY: as in `unwind`.
    let next = unsafe { thread.pc.offset_from(code.entry) } as usize;
    let covers = |h: &&Handler, at: usize| (h.start as usize) <= at && at < h.end as usize;
    // Inner blocks come first in the list.
    match code.handlers.iter().find(|h| covers(h, next) || covers(h, next.saturating_sub(1))) {
        Some(handler) => {
            // SAFETY: the verifier checked target and register.
            unsafe {
                thread.pc = code.entry.add(handler.target as usize);
                thread.base.add(handler.register as usize).write(error.bits());
            }
            None
        }
        None => unwind(thread, error, &innermost),
    }
}

/// The handler that covers the instruction before `pc`.
fn innermost(thread: &Thread) -> Option<Handler> {
    let code = types::running_code(thread);
    // SAFETY: `pc` points into (or one past) the running code.
    let at = (unsafe { thread.pc.offset_from(code.entry) } as usize).saturating_sub(1);
    code.handlers.iter().find(|h| (h.start as usize) <= at && at < h.end as usize).copied()
}

/// Leaves frames until one has a handler, or the task ends.
fn unwind(
    thread: &mut Thread,
    error: Value,
    handler_of: &dyn Fn(&Thread) -> Option<Handler>,
) -> Option<Exit> {
    loop {
        let code = types::running_code(thread);
        if let Some(handler) = handler_of(thread) {
            // SAFETY: the verifier checked target and register.
            unsafe {
                thread.pc = code.entry.add(handler.target as usize);
                thread.base.add(handler.register as usize).write(error.bits());
            }
            return None;
        }
        // SAFETY: every frame has its link word.
        let link = Link(unsafe { *thread.base.sub(4) });
        match link.kind() {
            ReturnKind::Task => {
                tasks::finish(thread, Err(error));
                return Some(Exit::Ended);
            }
            ReturnKind::Generator => leave_generator(thread, GENERATOR_ENDED),
            ReturnKind::Module => {
                crate::loader::failed(thread, code);
                pop(thread, link);
            }
            _ => pop(thread, link),
        }
    }
}

/// Makes the caller's frame the running one.
fn pop(thread: &mut Thread, link: Link) {
    // SAFETY: a frame that is not the bottom one has its caller `delta` words below, with pc and code saved.
    unsafe {
        thread.base = thread.base.sub(link.delta());
        thread.code = *thread.base.sub(2) as *const Code;
        thread.pc = *thread.base.sub(3) as *const Instr;
    }
}

/// A frame that is not a plain call returned.
#[cold]
pub fn return_value(thread: &mut Thread, value: Value) -> Option<Exit> {
    // SAFETY: every frame has its link word.
    let link = Link(unsafe { *thread.base.sub(4) });
    match link.kind() {
        ReturnKind::Register => {
            pop(thread, link);
            // SAFETY: the destination was a checked register of the caller.
            unsafe { thread.base.add(link.dst() as usize).write(value.bits()) };
            None
        }
        ReturnKind::Complete => {
            pop(thread, link);
            finish_instruction(thread, value)
        }
        ReturnKind::Discard => {
            pop(thread, link);
            None
        }
        ReturnKind::Task => {
            tasks::finish(thread, Ok(value));
            Some(Exit::Ended)
        }
        ReturnKind::Generator => {
            leave_generator(thread, GENERATOR_ENDED);
            // SAFETY: the caller's pc is behind the instruction that resumed the generator.
            let i = unsafe { *thread.pc.sub(1) };
            if i.op() == Some(Op::IterNext) {
                // SAFETY: the verifier checked the target.
                thread.pc = unsafe { thread.pc.offset(i.sc() as isize) };
                None
            } else {
                finish_instruction(thread, value)
            }
        }
        ReturnKind::Module => {
            crate::loader::finished(thread, types::running_code(thread));
            pop(thread, link);
            // The import instruction finds the module now.
            // SAFETY: the instruction before `pc` is the import.
            thread.pc = unsafe { thread.pc.sub(1) };
            None
        }
    }
}

/// Completes the instruction before `pc` with its value.
pub fn finish_instruction(thread: &mut Thread, value: Value) -> Option<Exit> {
    // SAFETY: `pc` is behind an instruction of the running code.
    let i = unsafe { *thread.pc.sub(1) };
    // What tasks wait in, for the most part.
    if let Some(Op::Call | Op::CallMethod | Op::Await) = i.op() {
        // SAFETY: the verifier checked the register.
        unsafe { thread.base.add(i.a() as usize).write(value.bits()) };
        return None;
    }
    match complete(thread, value) {
        Ok(()) => None,
        Err(Control::OutOfMemory) => finish_without_memory(thread, value),
        Err(control) => handle(thread, control),
    }
}

/// As [`finish_instruction`], after a collection: the instruction is not executed again, for what gave the value has been done.
#[cold]
fn finish_without_memory(thread: &mut Thread, value: Value) -> Option<Exit> {
    let key = thread.pin(value);
    thread.collect_for_room();
    thread.unpin(key);
    match complete(thread, value) {
        Ok(()) => None,
        Err(Control::OutOfMemory) => {
            let error = memory_error(thread);
            throw(thread, error)
        }
        Err(control) => handle(thread, control),
    }
}

fn complete(thread: &mut Thread, value: Value) -> Outcome<()> {
    // SAFETY: `pc` is behind an instruction of the running code.
    let i = unsafe { *thread.pc.sub(1) };
    let op = i.op().expect("verified");
    let sign = || value.as_number().map(|n| n.partial_cmp(&0.0));
    macro_rules! set {
        ($r:expr, $v:expr) => {
            // SAFETY: the verifier checked the register.
            unsafe { thread.base.add($r as usize).write(($v).bits()) }
        };
    }
    macro_rules! jump_if {
        ($c:expr) => {
            if $c {
                // SAFETY: the verifier checked the target.
                thread.pc = unsafe { thread.pc.offset(i.sc() as isize) };
            }
        };
    }
    macro_rules! ordered {
        (|$o:ident| $test:expr) => {
            match sign() {
                Some(Some($o)) => $test,
                Some(None) => false,
                None => {
                    let found = type_name(thread, value);
                    return Err(thread
                        .error(ErrorClass::TypeError, format!("compare must return a number, not {found}")));
                }
            }
        };
    }
    match op {
        Op::Eq => set!(i.a(), Value::bool(compare::truthy(value))),
        Op::Ne => set!(i.a(), Value::bool(!compare::truthy(value))),
        Op::In => set!(i.a(), Value::bool(compare::truthy(value))),
        Op::Lt => set!(i.a(), Value::bool(ordered!(|o| o.is_lt()))),
        Op::Le => set!(i.a(), Value::bool(ordered!(|o| o.is_le()))),
        Op::JEq | Op::JEqI => jump_if!(compare::truthy(value)),
        Op::JNe | Op::JNeI => jump_if!(!compare::truthy(value)),
        Op::JLt | Op::JLtI => jump_if!(ordered!(|o| o.is_lt())),
        Op::JLe | Op::JLeI => jump_if!(ordered!(|o| o.is_le())),
        Op::JGtI => jump_if!(ordered!(|o| o.is_gt())),
        Op::JGeI => jump_if!(ordered!(|o| o.is_ge())),
        Op::JNLt | Op::JNLtI => jump_if!(!ordered!(|o| o.is_lt())),
        Op::JNLe | Op::JNLeI => jump_if!(!ordered!(|o| o.is_le())),
        Op::JNGtI => jump_if!(!ordered!(|o| o.is_gt())),
        Op::JNGeI => jump_if!(!ordered!(|o| o.is_ge())),
        Op::ToStr if !value.is_kind(Kind::Str) => {
            let found = type_name(thread, value);
            return Err(
                thread.error(ErrorClass::TypeError, format!("to_string must return a string, not {found}"))
            );
        }
        Op::IterStart => {
            let state = iterate::start(thread, value)?;
            set!(i.a(), state);
            set!(i.a() + 1, Value::int_unchecked(0));
        }
        Op::IterNext => iterate::deliver(thread, i, value),
        Op::ArrayExtend => {
            // SAFETY: the verifier checked the register.
            let target = unsafe { Value::from_bits(*thread.base.add(i.a() as usize)) };
            iterate::extend(thread, target, value)?;
        }
        Op::IAGet | Op::FAGet => super::index::deliver_typed(thread, i, value)?,
        _ => {
            if matches!(op.info().a, Operand::Write | Operand::ReadWrite) {
                set!(i.a(), value);
            }
        }
    }
    Ok(())
}

/// Looks after whatever asked for the thread's attention. The state is saved.
#[cold]
#[inline(never)]
pub fn safepoint(thread: &mut Thread) -> Option<Exit> {
    thread.retry_pc = std::ptr::null();
    thread.account();
    thread.heap.quiescent();
    thread.let_others_run();
    if thread.heap.wants_safepoint() {
        thread.collect_slice();
        if thread.heap.over_limit() {
            thread.collect_for_room();
            if thread.heap.over_limit() {
                let error = memory_error(thread);
                return throw_between(thread, error);
            }
        }
    }
    if thread.fuel_exhausted() && thread.fuel_grace == 0 {
        if thread.vm.registry.overdraw() {
            return end_without_fuel(thread);
        }
        thread.begin_fuel_grace();
        let error = no_fuel(thread);
        return throw_between(thread, error);
    }
    // SAFETY: a running task is live.
    let (atomic, flags) = unsafe { ((*thread.current).atomic, (*thread.current).flags) };
    if (atomic > 0 || thread.mode != Mode::Preemptive)
        && thread.shared.stop.load(Ordering::Relaxed)
        && let Some(error) = overdue_stop(thread)
    {
        return throw_between(thread, error);
    }
    if atomic > 0 {
        thread.set_limit_soon();
        return None;
    }
    if flags & task_flag::KILL_PENDING != 0 {
        let error = tasks::take_kill(thread);
        return throw_between(thread, error);
    }
    if sched::tick_is_over(thread) {
        thread.save_frame();
        return Some(Exit::Preempted);
    }
    thread.set_limit();
    None
}

impl Thread {
    /// What a native returns whose work would need more fuel than is left; it has charged what it did.
    #[cold]
    pub fn fuel_error(&mut self) -> Control {
        Control::Throw(no_fuel(self))
    }
}

fn no_fuel(thread: &mut Thread) -> Value {
    let message = format!("the fuel limit of {} units is used up", thread.vm.config.fuel_limit);
    thread.certain_error(ErrorClass::LimitError, &message)
}

/// Ends the running task for want of fuel, without asking its handlers: they have been asked often enough.
#[cold]
pub fn end_without_fuel(thread: &mut Thread) -> Option<Exit> {
    let error = no_fuel(thread);
    trace::attach_between(thread, error);
    unwind(thread, error, &|_| None)
}

/// What an interrupt by the host throws into a task that held it off for too long: an interrupt is no switch, so not even `atomic`
/// keeps it away for ever.
#[cold]
fn overdue_stop(thread: &mut Thread) -> Option<Value> {
    let seen = *thread.stop_seen.get_or_insert_with(Instant::now);
    if seen.elapsed() < STOP_GRACE {
        return None;
    }
    thread.stop_seen = None;
    thread.shared.stop.store(false, Ordering::Relaxed);
    Some(thread.certain_error(ErrorClass::TaskExit, "interrupted"))
}

/// Leaves one level of `atomic`. Whether that was the last one, and a request was held off that is to be served now.
#[inline(always)]
pub fn atomic_leave(thread: &mut Thread) -> bool {
    // SAFETY: a running task is live.
    unsafe {
        (*thread.current).atomic = (*thread.current).atomic.saturating_sub(1);
        (*thread.current).atomic == 0
            && (thread.held_off || (*thread.current).flags & task_flag::KILL_PENDING != 0)
    }
}

/// A generator over a call of `code`.
pub fn new_generator(
    thread: &mut Thread,
    code: &'static Code,
    callee: Value,
    args: &[Value],
    given: u8,
) -> Outcome {
    let stack = stack::new_stack(thread, FRAME_WORDS + code.registers as usize + 16)?;
    // SAFETY: the stack has room for the frame; the arguments were checked by the caller.
    unsafe { stack::bottom_frame(stack, code, callee, args, given, ReturnKind::Generator) };
    let object =
        thread.heap.alloc(Kind::Generator, class_id::GENERATOR, size_of::<Generator>())?.cast::<Generator>();
    // SAFETY: just allocated with room for the struct.
    unsafe {
        (*object).stack = stack;
        (*object).caller_base = u32::MAX;
        (*object).state = GENERATOR_NEW;
        (*object).caller_stack = std::ptr::null_mut();
        (*object).outer = Value::NULL;
    }
    Ok(Value::object(object.cast()))
}

/// Whether a generator has ended.
pub fn generator_done(generator: Value) -> bool {
    // SAFETY: the caller checked the kind.
    unsafe { (*generator.pointer().cast::<Generator>()).state == GENERATOR_ENDED }
}

/// Continues a generator, sending a value in; what it yields completes the running instruction.
///
/// Gives `Called::Value(null)` for a generator that has ended.
pub fn resume_generator(thread: &mut Thread, value: Value, sent: Value) -> Outcome<Called> {
    let generator = value.pointer().cast::<Generator>();
    // SAFETY: the caller checked the kind; the running task and frame are live.
    unsafe {
        match (*generator).state {
            GENERATOR_ENDED => return Ok(Called::Value(Value::NULL)),
            GENERATOR_RUNNING => {
                return Err(thread.error(
                    ErrorClass::StateError,
                    "the generator is running already: it asks for its own next element",
                ));
            }
            _ => {}
        }
        let started = (*generator).state == GENERATOR_SUSPENDED;
        thread.save_frame();
        (*generator).caller_stack = thread.stack;
        (*generator).caller_base = (*thread.stack).base;
        (*generator).state = GENERATOR_RUNNING;
        (*generator).outer = (*thread.current).generator.get();
        thread.heap.barrier(generator.cast());
        thread.heap.store(thread.current.cast(), &(*thread.current).generator, value);
        thread.enter_stack((*generator).stack);
        if started {
            // The value sent in is the result of the `yield` that it stands at.
            let i = *thread.pc.sub(1);
            thread.base.add(i.a() as usize).write(sent.bits());
        }
    }
    Ok(Called::Frame)
}

/// Ends or suspends the innermost generator and goes back to who resumed it.
fn leave_generator(thread: &mut Thread, state: u32) {
    // SAFETY: a generator is running: the task's slot holds it, and its caller's stack is live.
    unsafe {
        let generator = (*thread.current).generator.get().pointer().cast::<Generator>();
        thread.save_frame();
        (*generator).state = state;
        let caller = (*generator).caller_stack;
        (*generator).caller_stack = std::ptr::null_mut();
        (*generator).caller_base = u32::MAX;
        let outer = (*generator).outer;
        (*generator).outer = Value::NULL;
        if state == GENERATOR_ENDED {
            (*generator).stack = std::ptr::null_mut();
        }
        thread.heap.barrier(generator.cast());
        thread.heap.store(thread.current.cast(), &(*thread.current).generator, outer);
        thread.enter_stack(caller);
    }
}

/// `yield value` in a generator.
pub fn generator_yield(thread: &mut Thread, value: Value) -> Option<Exit> {
    // SAFETY: a running task is live.
    if unsafe { (*thread.current).generator.get().is_null() } {
        let control = thread
            .error(ErrorClass::StateError, "yield with a value outside a generator (malformed bytecode)");
        return handle(thread, control);
    }
    leave_generator(thread, GENERATOR_SUSPENDED);
    finish_instruction(thread, value)
}

impl Thread {
    /// Writes the running frame's position where a walk over frames finds it.
    pub fn save_frame(&mut self) {
        // SAFETY: the running frame is live.
        unsafe {
            self.base.sub(3).write(self.pc as u64);
            (*self.stack).base = self.base.offset_from(Stack::words(self.stack)) as u32;
        }
    }

    /// Makes the innermost frame of a stack the running one.
    ///
    /// # Safety
    /// `stack` is a live stack with a frame, of the running task or one of its generators.
    pub unsafe fn enter_stack(&mut self, stack: *mut Stack) {
        // SAFETY: by the caller's promise.
        unsafe {
            self.stack = stack;
            self.stack_end = stack::end(stack);
            self.base = Stack::words(stack).add((*stack).base as usize);
            self.code = *self.base.sub(2) as *const Code;
            self.pc = *self.base.sub(3) as *const Instr;
        }
    }
}

/// The message of an error value, for reports.
pub fn error_message(error: Value) -> Option<Value> {
    if !error.is_kind(Kind::Instance) {
        return None;
    }
    // SAFETY: the caller checked that it is an instance of an error class.
    Some(unsafe { Instance::slot(error.pointer().cast(), error_slot::MESSAGE).get() })
}
