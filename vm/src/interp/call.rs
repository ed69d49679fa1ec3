//! Calls beyond the loop's fast path: natives, classes, bound methods, hooks, rest parameters, generators, spreads.

use super::describe::type_name;
use super::ic::Ic;
use super::{access, instances, proxies, types};
use crate::bytecode::Capture;
use crate::class::{Class, ErrorClass, Member};
use crate::code::Code;
use crate::error::{Control, Outcome};
use crate::native::{ANY, NativeCode, NativeDef};
use crate::object::function::{self, Closure};
use crate::object::task::FRAME_WORDS;
use crate::object::{Kind, array, class_id};
use crate::symbol::{Symbol, sym};
use crate::thread::Thread;
use crate::thread::stack::{Link, ReturnKind};
use crate::value::Value;
use crate::vm::class_id_of;
use smallvec::SmallVec;
use std::sync::atomic::Ordering;

/// Arguments gathered for a call.
pub type Args = SmallVec<[Value; 8]>;

/// What a call led to.
#[derive(Debug)]
pub enum Called {
    /// The result is there.
    Value(Value),
    /// A frame was pushed; the result will go to the destination.
    Frame,
}

/// Where a result goes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Register of the running frame.
    pub dst: u16,
    /// What happens with the result.
    pub kind: ReturnKind,
}

impl Target {
    /// Simply into a register.
    pub fn register(dst: u16) -> Self {
        Self { dst, kind: ReturnKind::Register }
    }
}

pub(super) fn window(thread: &Thread, first: u16, n: usize) -> Args {
    // SAFETY: the verifier checked the window.
    let words = unsafe { std::slice::from_raw_parts(thread.base.add(first as usize).cast::<Value>(), n) };
    SmallVec::from_slice(words)
}

/// `callee(args...)` with arguments in registers.
pub fn call(thread: &mut Thread, callee: Value, first: u16, n: u8, dst: u16) -> Outcome<Called> {
    if callee.is_kind(Kind::NativeFunction) {
        let def = function::native_of_value(callee).expect("the kind was checked");
        // SAFETY: the verifier checked the window; natives neither move the stack nor run other tasks.
        let args = unsafe {
            std::slice::from_raw_parts(thread.base.add(first as usize).cast::<Value>(), n as usize)
        };
        return native(thread, def, args).map(Called::Value);
    }
    let args = window(thread, first, n as usize);
    call_value(thread, callee, &args, Target::register(dst))
}

/// Calls any value with the given arguments; the running frame's pc is the next instruction.
pub fn call_value(thread: &mut Thread, callee: Value, args: &[Value], target: Target) -> Outcome<Called> {
    match callee.kind() {
        Some(Kind::Function) => {
            let code = function::code_of_value(callee).expect("the kind was checked");
            call_script(thread, code, callee, args, target)
        }
        Some(Kind::NativeFunction) => {
            let def = function::native_of_value(callee).expect("the kind was checked");
            native(thread, def, args).map(Called::Value)
        }
        Some(Kind::BoundMethod) => {
            let (receiver, method) = function::bound_parts(callee).expect("the kind was checked");
            call_with_receiver(thread, method, receiver, args, target)
        }
        Some(Kind::Class) => instances::construct(thread, callee, args, target),
        Some(Kind::Generator) => {
            super::control::resume_generator(thread, callee, args.first().copied().unwrap_or(Value::NULL))
        }
        Some(Kind::Instance | Kind::Proxy) => {
            if let Some(hook) = super::arith::hook(thread, callee, sym::CALL) {
                return call_with_receiver(thread, hook, callee, args, target);
            }
            if callee.is_kind(Kind::Proxy) {
                if let Some(target_function) = proxies::local_function(thread, callee)? {
                    return call_value(thread, target_function, args, target);
                }
            }
            Err(not_callable(thread, callee))
        }
        _ => Err(not_callable(thread, callee)),
    }
}

#[cold]
fn not_callable(thread: &mut Thread, callee: Value) -> Control {
    let found = type_name(thread, callee);
    let hint = if callee.is_null() { ": is the name misspelt, or the variable not set yet?" } else { "" };
    thread.error(ErrorClass::TypeError, format!("{found} is not callable{hint}"))
}

/// Calls a method function with its receiver in front of the arguments.
pub fn call_with_receiver(
    thread: &mut Thread,
    method: Value,
    receiver: Value,
    args: &[Value],
    target: Target,
) -> Outcome<Called> {
    let mut all: Args = SmallVec::with_capacity(args.len() + 1);
    all.push(receiver);
    all.extend_from_slice(args);
    if receiver.is_kind(Kind::Proxy) && method.is_kind(Kind::NativeFunction) {
        return proxies::call_native(thread, method, &all, target);
    }
    call_value(thread, method, &all, target)
}

/// Calls a native function after checking the number of arguments.
pub fn native(thread: &mut Thread, def: &'static NativeDef, args: &[Value]) -> Outcome {
    if !def.takes(args.len()) {
        return Err(wrong_count(
            thread,
            &def.full_name(),
            def.min_args,
            if def.max_args == ANY { None } else { Some(def.max_args) },
            args.len(),
            def.method,
        ));
    }
    match &def.code {
        NativeCode::Plain(f) => f(thread, args),
        NativeCode::Host(f) => f(thread, args),
    }
}

#[cold]
fn wrong_count(
    thread: &mut Thread,
    name: &str,
    min: u8,
    max: Option<u8>,
    given: usize,
    method: bool,
) -> Control {
    let skip = method as usize;
    let (min, given) = ((min as usize).saturating_sub(skip), given.saturating_sub(skip));
    let expected = match max.map(|m| (m as usize).saturating_sub(skip)) {
        Some(max) if max == min => format!("{min} argument{}", if min == 1 { "" } else { "s" }),
        Some(max) => format!("{min} to {max} arguments"),
        None => format!("at least {min} argument{}", if min == 1 { "" } else { "s" }),
    };
    thread.error(ErrorClass::ArgumentError, format!("{name} takes {expected}, {given} given"))
}

/// Whether a function without rest parameter takes so many arguments.
fn takes(code: &Code, args: usize) -> bool {
    args >= code.required as usize && args <= code.params as usize
}

/// Checks the number of arguments of a script function and gathers surplus ones.
fn prepare(thread: &mut Thread, code: &'static Code, args: &[Value]) -> Outcome<(Args, u8)> {
    let params = code.params as usize;
    if args.len() < code.required as usize || (args.len() > params && code.flags & Code::REST == 0) {
        let max = if code.flags & Code::REST != 0 { None } else { Some(code.params) };
        // A message has no frame that would show where: the function's own place says which it is.
        let name = match thread.current.is_null() {
            // SAFETY: modules live as long as the VM.
            true => format!("{} ({}:{})", code.name, unsafe { &(*code.module).name }, code.position(0).0),
            false => code.name.clone(),
        };
        return Err(wrong_count(
            thread,
            &name,
            code.required,
            max,
            args.len(),
            code.flags & Code::METHOD != 0,
        ));
    }
    let given = args.len().min(params);
    let mut prepared: Args = SmallVec::from_slice(&args[..given]);
    if code.flags & Code::REST != 0 {
        let rest = array::from_slice(&mut thread.heap, &args[given..])?;
        prepared.resize(params, Value::int_unchecked(0));
        prepared.push(array::to_value(rest));
    }
    Ok((prepared, given as u8))
}

/// Calls a script function.
pub fn call_script(
    thread: &mut Thread,
    code: &'static Code,
    callee: Value,
    args: &[Value],
    target: Target,
) -> Outcome<Called> {
    if code.is_plain() && takes(code, args.len()) {
        push(thread, code, callee, args, args.len() as u8, target)?;
        return Ok(Called::Frame);
    }
    let (args, given) = prepare(thread, code, args)?;
    if code.flags & Code::GENERATOR != 0 {
        let generator = super::control::new_generator(thread, code, callee, &args, given)?;
        return Ok(Called::Value(generator));
    }
    push(thread, code, callee, &args, given, target)?;
    Ok(Called::Frame)
}

/// Where a frame with so many registers goes on the running stack, which has room for it then, and how far that lies above the
/// running frame.
#[inline(always)]
fn place_for(thread: &mut Thread, registers: usize) -> Outcome<(*mut u64, usize)> {
    // SAFETY: the running frame is live, and the new one is inside the stack once that has grown.
    unsafe {
        let delta = (*thread.code).registers as usize + FRAME_WORDS;
        if thread.base.add(delta + registers) > thread.stack_end {
            thread.grow_stack(registers + FRAME_WORDS)?;
        }
        Ok((thread.base.add(delta), delta))
    }
}

/// Pushes a frame of a plain function: the receiver, then what lies in `n` registers of the running frame from `first` on. The
/// function takes so many.
#[inline]
pub fn push_with_receiver(
    thread: &mut Thread,
    code: &'static Code,
    callee: Value,
    receiver: Value,
    first: u16,
    n: u8,
    target: Target,
) -> Outcome<()> {
    let (registers, given) = (code.registers as usize, n as usize + 1);
    let (new, delta) = place_for(thread, registers)?;
    // SAFETY: the new frame has its room; the verifier checked the window.
    unsafe {
        new.write(receiver.bits());
        let args = thread.base.add(first as usize);
        for k in 1..given {
            new.add(k).write(args.add(k - 1).read());
        }
        for k in given..registers {
            new.add(k).write(0);
        }
        enter(thread, code, callee, new, delta, given as u8, target);
    }
    Ok(())
}

/// Makes a frame whose registers have been written the running one.
///
/// # Safety
/// `new` lies `delta` words above the running frame's base on the running stack.
#[inline(always)]
unsafe fn enter(
    thread: &mut Thread,
    code: &'static Code,
    callee: Value,
    new: *mut u64,
    delta: usize,
    given: u8,
    target: Target,
) {
    // SAFETY: by the caller's promise; the running frame is live.
    unsafe {
        new.sub(4).write(Link::new(delta, target.dst, target.kind, given).0);
        new.sub(2).write(std::ptr::from_ref(code) as u64);
        new.sub(1).write(callee.bits());
        thread.base.sub(3).write(thread.pc as u64);
        thread.base = new;
        thread.code = code;
        thread.pc = code.entry;
    }
}

/// Pushes a frame onto the running stack and makes it the running one.
pub fn push(
    thread: &mut Thread,
    code: &'static Code,
    callee: Value,
    args: &[Value],
    given: u8,
    target: Target,
) -> Outcome<()> {
    let registers = code.registers as usize;
    let (new, delta) = place_for(thread, registers)?;
    // SAFETY: the new frame has its room.
    unsafe {
        std::ptr::write_bytes(new, 0, registers);
        for (k, arg) in args.iter().enumerate() {
            new.add(k).write(arg.bits());
        }
        enter(thread, code, callee, new, delta, given, target);
    }
    Ok(())
}

/// Frames and arguments of a new task or generator: the stack with one frame, ready to run.
pub fn first_frame(
    thread: &mut Thread,
    callee: Value,
    args: &[Value],
    kind: ReturnKind,
    words: usize,
) -> Outcome<Option<*mut crate::object::task::Stack>> {
    let (callee, args): (Value, Args) = match callee.kind() {
        Some(Kind::BoundMethod) => {
            let (receiver, method) = function::bound_parts(callee).expect("the kind was checked");
            let mut all: Args = SmallVec::from_slice(&[receiver]);
            all.extend_from_slice(args);
            (method, all)
        }
        _ => (callee, SmallVec::from_slice(args)),
    };
    let Some(code) = function::code_of_value(callee) else { return Ok(None) };
    if code.flags & Code::GENERATOR != 0 {
        return Ok(None);
    }
    let (args, given) = prepare(thread, code, &args)?;
    let needed = FRAME_WORDS + code.registers as usize;
    // Just what the first frame needs: a task that waits or ends before it calls anything never has more.
    let stack = crate::thread::stack::new_stack(thread, needed.max(words))?;
    // SAFETY: the stack has room for the frame; the arguments were checked.
    unsafe { crate::thread::stack::bottom_frame(stack, code, callee, &args, given, kind) };
    Ok(Some(stack))
}

/// Calls the method that a site names: what is not in its cache as a plain script method.
pub fn call_method(thread: &mut Thread, site: u16, first: u16, n: u8, dst: u16) -> Outcome<Called> {
    let code = types::running_code(thread);
    // SAFETY: the verifier checked the window; the table of caches has room for all sites of the VM.
    let (receiver, ic) = unsafe {
        let receiver = Value::from_bits(thread.base.add(first as usize).read());
        (receiver, &*thread.ics.add(code.ic_base as usize + site as usize))
    };
    let epoch = thread.vm.method_epoch.load(Ordering::Acquire);
    let denotes = |class: u32| function::class_of_value(receiver).is_some_and(|denoted| denoted.id == class);
    let skipped = match ic.kind {
        access::METHOD_NATIVE if ic.class == class_id_of(receiver) => Some(0),
        // Statics are not given the class.
        access::STATIC_NATIVE if denotes(ic.class) => Some(1),
        _ => None,
    };
    if let Some(skipped) = skipped.filter(|_| ic.data == epoch) {
        // SAFETY: a cached target is an immortal native function; the verifier checked the window; natives neither move the
        // stack nor run other tasks.
        let (def, args) = unsafe {
            let args = thread.base.add(first as usize + skipped).cast();
            (native_of_target(ic.target), std::slice::from_raw_parts(args, n as usize + 1 - skipped))
        };
        return native(thread, def, args).map(Called::Value);
    }
    if let Some(member) = access::cached_module_member(thread, receiver, *ic) {
        let callee = member?;
        return call(thread, callee, first + 1, n, dst);
    }
    call_method_uncached(thread, code, site, epoch, first, n, dst)
}

/// The native function that a site remembers.
///
/// # Safety
/// It is the [`Ic::target`] of a site of a kind whose target is a native.
pub unsafe fn native_of_target(target: u64) -> &'static NativeDef {
    // SAFETY: by the caller's promise; natives are immortal, and their declarations live as long as the VM.
    unsafe { &*(*Value::from_bits(target).pointer().cast::<function::Native>()).def }
}

fn call_method_uncached(
    thread: &mut Thread,
    code: &'static Code,
    site: u16,
    epoch: u32,
    first: u16,
    n: u8,
    dst: u16,
) -> Outcome<Called> {
    let name = code.sites[site as usize];
    let all = window(thread, first, n as usize + 1);
    let (receiver, args) = (all[0], &all[1..]);
    let target = Target::register(dst);
    access::cache(thread, site).executed();
    let remember = |thread: &mut Thread, class: u32, data: u32, kind: u32, f: Value| {
        let ic = access::cache(thread, site);
        *ic = Ic { class, data, kind, misses: ic.misses.saturating_add(1), target: f.bits() };
    };
    match receiver.kind() {
        Some(Kind::Proxy) => return proxies::call_method(thread, &all, name, target),
        Some(Kind::Module) => {
            if let Some((kind, data)) = access::module_site(thread, receiver, name) {
                remember(thread, class_id::MODULE, data, kind, receiver);
            }
            let callee = access::get(thread, receiver, name)?;
            return call_value(thread, callee, args, target);
        }
        Some(Kind::Class) => {
            let callee = access::get(thread, receiver, name)?;
            if callee.is_kind(Kind::NativeFunction) {
                let class = function::class_of_value(receiver).expect("the kind was checked");
                remember(thread, class.id, epoch, access::STATIC_NATIVE, callee);
            }
            return call_value(thread, callee, args, target);
        }
        Some(Kind::Instance) => {
            let class = thread.vm.class_of(receiver);
            if let Some(&slot) = class.slots.get(&name) {
                // SAFETY: the slot belongs to the instance's class.
                let callee =
                    unsafe { super::slots::read(&mut thread.heap, class, receiver.pointer(), slot)? };
                return call_value(thread, callee, args, target);
            }
        }
        _ => {}
    }
    let class = thread.vm.class_of(receiver);
    match class.member(name) {
        Some(Member::Method(f)) => {
            if let Some(callee) = function::code_of_value(f) {
                if callee.is_plain() && receiver.is_object() {
                    remember(thread, class.id, epoch, access::METHOD_SCRIPT, f);
                }
                return call_script(thread, callee, f, &all, target);
            }
            if f.is_kind(Kind::NativeFunction) {
                remember(thread, class.id, epoch, access::METHOD_NATIVE, f);
            }
            call_value(thread, f, &all, target)
        }
        _ => {
            let callee = access::get_member(thread, receiver, class, name)?;
            call_value(thread, callee, args, target)
        }
    }
}

/// Calls a method of the superclass of the running method's class.
pub fn call_super(thread: &mut Thread, site: u16, first: u16, n: u8, dst: u16) -> Outcome<Called> {
    let all = window(thread, first, n as usize + 1);
    super_method(thread, site, &all, Target::register(dst))
}

/// `super.name` outside of a call.
pub fn get_super(thread: &mut Thread, receiver: Value, site: u16) -> Outcome {
    let (home, name) = super_site(thread, site)?;
    match home.superclass {
        Some(class) if class.member(name).is_some() => access::get_member(thread, receiver, class, name),
        _ => Err(no_super(thread, home, name)),
    }
}

/// The class in which the running method was declared, and the name at a site.
fn super_site(thread: &mut Thread, site: u16) -> Outcome<(&'static Class, Symbol)> {
    let code = types::running_code(thread);
    match code.home_class() {
        Some(home) => Ok((home, code.sites[site as usize])),
        None => Err(thread.error(ErrorClass::StateError, "super is used outside a class")),
    }
}

fn super_method(thread: &mut Thread, site: u16, all: &[Value], target: Target) -> Outcome<Called> {
    let (home, name) = super_site(thread, site)?;
    match home.superclass.and_then(|class| class.member(name)) {
        Some(Member::Method(f)) => call_with_receiver(thread, f, all[0], &all[1..], target),
        _ if name == sym::NEW && all.len() == 1 => Ok(Called::Value(Value::NULL)),
        _ => Err(no_super(thread, home, name)),
    }
}

#[cold]
fn no_super(thread: &mut Thread, home: &'static Class, name: Symbol) -> Control {
    let text = thread.vm.symbols.name(name);
    let text = if name == sym::NEW { "constructor" } else { &text };
    let message = match home.superclass {
        Some(class) => format!(
            "superclass {} has no {text}{}",
            class.name,
            if name == sym::NEW { " that takes arguments" } else { "" }
        ),
        None => format!("class {} has no superclass", home.name),
    };
    thread.error(ErrorClass::AttributeError, message)
}

fn spread(thread: &mut Thread, list: Value) -> Outcome<Args> {
    match array::from_value(list) {
        Some(list) => Ok(array::elements(list).iter().map(|slot| slot.get()).collect()),
        None => {
            let found = type_name(thread, list);
            Err(thread.error(ErrorClass::TypeError, format!("cannot spread {found} into arguments")))
        }
    }
}

fn check_spread(thread: &mut Thread, args: &Args) -> Outcome<()> {
    if args.len() > 250 {
        return Err(thread.error(
            ErrorClass::ArgumentError,
            format!("a call takes at most 250 arguments, {} given: pass the array itself", args.len()),
        ));
    }
    Ok(())
}

/// `callee(...list)`.
pub fn call_spread(thread: &mut Thread, callee: Value, list: Value, dst: u16) -> Outcome<Called> {
    let args = spread(thread, list)?;
    let takes_many = function::code_of_value(callee).is_some_and(|c| c.flags & Code::REST != 0)
        || function::native_of_value(callee).is_some_and(|d| d.max_args == ANY);
    if !takes_many {
        check_spread(thread, &args)?;
    }
    call_value(thread, callee, &args, Target::register(dst))
}

/// `receiver.name(...list)`.
pub fn call_method_spread(thread: &mut Thread, site: u16, first: u16, dst: u16) -> Outcome<Called> {
    let pair = window(thread, first, 2);
    let args = spread(thread, pair[1])?;
    let name = types::running_code(thread).sites[site as usize];
    let callee = access::get(thread, pair[0], name)?;
    call_value(thread, callee, &args, Target::register(dst))
}

/// `super.name(...list)`.
pub fn call_super_spread(thread: &mut Thread, site: u16, first: u16, dst: u16) -> Outcome<Called> {
    let pair = window(thread, first, 2);
    let mut all: Args = SmallVec::from_slice(&[pair[0]]);
    all.extend(spread(thread, pair[1])?);
    super_method(thread, site, &all, Target::register(dst))
}

/// The function value for a `closure` instruction.
pub fn closure(thread: &mut Thread, number: u32) -> Outcome {
    // SAFETY: linked code lives as long as the VM; the verifier checked the function's index.
    let code: &'static Code = unsafe { (&(*(*thread.code).module).functions)[number as usize] };
    if code.captures == 0 {
        return Ok(code.value);
    }
    let captures: Args = code
        .capture_list
        .iter()
        .map(|capture| match *capture {
            // SAFETY: the verifier checked the register.
            Capture::Register(r) => unsafe { Value::from_bits(*thread.base.add(r as usize)) },
            // SAFETY: the verifier checked the index; the running function's callee is its closure.
            Capture::Upvalue(u) => unsafe {
                Closure::capture(Value::from_bits(*thread.base.sub(1)).pointer().cast(), u as usize).get()
            },
        })
        .collect();
    let closure = function::new_closure(&mut thread.heap, code, &captures)?;
    Ok(Value::object(closure.cast()))
}

/// Starts a task on this thread.
pub fn spawn(thread: &mut Thread, callee: Value, first: u16, n: u8, with_future: bool) -> Outcome {
    let args = window(thread, first, n as usize);
    crate::thread::tasks::spawn(thread, callee, &args, with_future)
}
