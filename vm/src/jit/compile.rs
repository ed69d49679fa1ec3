//! The compiler of a VM: Cranelift behind a lock, and the memory that machine code lies in.
//!
//! Invariant: machine code is never freed before the VM, like the linked code that it belongs to: a native frame may return into code
//! that has been replaced. Memory is writable before it is executable, never both (`cranelift-jit` sees to that).

use super::masks::{ALL, Assume, FLOAT, Mask};
use super::record::{Records, name_of};
use super::slot::state;
use super::symbols::{Symbols, Wanted};
use super::translate::Translator;
use crate::class::AttributeType;
use crate::code::Code;
use crate::heap::Heap;
use crate::interp::access;
use crate::interp::ic::Ic;
use crate::thread::Thread;
use crate::thread::environments::Environments;
use cranelift_codegen::Context;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{AbiParam, Signature, UserFuncName};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::Module;
use smallvec::SmallVec;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use target_lexicon::Triple;

/// Functions longer than this are left to the interpreter.
const MAX_INSTRUCTIONS: usize = 6_000;
/// So are functions with more registers.
const MAX_REGISTERS: u32 = 250;

/// Where things lie, as compiled code sees them.
pub(crate) struct Layout {
    pub(super) triple: Triple,
    pub(super) pc: i32,
    pub(super) base: i32,
    pub(super) code: i32,
    pub(super) used: i32,
    pub(super) stack_end: i32,
    pub(super) limit: i32,
    /// Of the address of the first environment, and of how many there are.
    pub(super) environments: i32,
    pub(super) environment_count: i32,
    pub(super) native_limit: i32,
    pub(super) code_entry: i32,
    pub(super) code_value: i32,
    pub(super) code_registers: i32,
    /// Address of the VM's method epoch.
    pub(super) method_epoch: usize,
    /// Bytes of a block, a power of two.
    pub(super) block: usize,
    /// The bit of an object's side byte that asks for its writes to be logged.
    pub(super) log: u8,
    /// Whether other processors see stores in their order.
    pub(super) stores_in_order: bool,
}

impl Layout {
    fn new(triple: Triple, method_epoch: usize) -> Self {
        let jit = offset_of!(Thread, jit) as i32;
        Self {
            stores_in_order: matches!(triple.architecture, target_lexicon::Architecture::X86_64),
            triple,
            pc: offset_of!(Thread, pc) as i32,
            base: offset_of!(Thread, base) as i32,
            code: offset_of!(Thread, code) as i32,
            used: offset_of!(Thread, used) as i32,
            stack_end: offset_of!(Thread, stack_end) as i32,
            limit: jit + offset_of!(super::ThreadJit, limit) as i32,
            native_limit: jit + offset_of!(super::ThreadJit, native_limit) as i32,
            code_entry: (offset_of!(Code, jit) + offset_of!(super::JitSlot, entry)) as i32,
            code_value: offset_of!(Code, value) as i32,
            code_registers: offset_of!(Code, registers) as i32,
            environments: (offset_of!(Thread, envs) + Environments::FIRST_OFFSET) as i32,
            environment_count: (offset_of!(Thread, envs) + Environments::COUNT_OFFSET) as i32,
            method_epoch,
            block: Heap::BLOCK_BYTES,
            log: Heap::LOG_BIT,
        }
    }
}

/// What a thread's inline caches have seen at the sites of a function.
pub(crate) struct Feedback {
    sites: Vec<Site>,
}

/// What is known of one site.
struct Site {
    ic: Ic,
    /// For an attribute: other classes that have it in the same slot.
    others: SmallVec<[u32; 4]>,
    /// The forms of an attribute's values, by its declared type.
    mask: Mask,
}

/// Misses of a cache below which its site is taken to see one class only.
const FEW_MISSES: u32 = 4;

impl Feedback {
    /// The thread's caches as they are.
    pub(super) fn take(thread: &Thread, code: &Code) -> Self {
        // SAFETY: every thread's table has room for all sites of the VM.
        let caches =
            unsafe { std::slice::from_raw_parts(thread.ics.add(code.ic_base as usize), code.sites.len()) };
        let sites = caches.iter().zip(&code.sites).map(|(ic, name)| {
            let mut site = Site { ic: *ic, others: SmallVec::new(), mask: ALL };
            if access::is_slot(ic.kind) {
                let attribute = &thread.vm.class(ic.class).attributes[ic.data as usize];
                if attribute.ty == AttributeType::Float && attribute.initial.as_float().is_some() {
                    site.mask = FLOAT;
                }
                if ic.misses >= FEW_MISSES {
                    site.others.extend(
                        thread
                            .vm
                            .classes()
                            .filter(|class| {
                                class.id != ic.class
                                    && class.slots.get(name) == Some(&ic.data)
                                    && class.attributes[ic.data as usize].ty == attribute.ty
                                    && class.attributes[ic.data as usize].module == attribute.module
                            })
                            .map(|class| class.id)
                            .take(4),
                    );
                }
            }
            site
        });
        Self { sites: sites.collect() }
    }

    pub(super) fn site(&self, site: u16) -> Ic {
        self.sites[site as usize].ic
    }

    /// Whether compiled code leaves if the object at an attribute's site is not of the class seen there.
    pub(super) fn one_class(&self, site: u16, assume: Assume) -> bool {
        let site = &self.sites[site as usize].ic;
        !assume.wide && access::is_slot(site.kind) && site.misses < FEW_MISSES
    }

    /// The forms that the attribute at a site can have, if its object is of the class seen there.
    pub(super) fn slot_mask(&self, site: u16) -> Mask {
        self.sites[site as usize].mask
    }

    /// The classes that have the attribute at a site in the slot seen there.
    pub(super) fn classes(&self, site: u16) -> SmallVec<[u32; 5]> {
        let site = &self.sites[site as usize];
        std::iter::once(site.ic.class).chain(site.others.iter().copied()).collect()
    }
}

/// What the compilers of a VM have done. It may be read while they work.
#[derive(Default, Debug)]
struct Counters {
    functions: AtomicU64,
    refused: AtomicU64,
    again: AtomicU64,
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
}

/// The compiler of a VM.
#[derive(Default)]
pub(crate) struct Jit {
    shared: Arc<Shared>,
    /// The thread that compiles, once there was something to do.
    worker: Mutex<Option<Worker>>,
}

/// What the thread that compiles shares with the VM's.
#[derive(Default)]
struct Shared {
    compiler: Mutex<Option<Compiler>>,
    counters: Counters,
    records: Records,
    settings: OnceLock<Settings>,
    /// The VM is going away: what still waits is not compiled.
    ending: AtomicBool,
}

/// What the compiler has to know of its VM.
#[derive(Clone, Copy)]
struct Settings {
    /// Address of the method epoch.
    method_epoch: usize,
    /// Whether every safepoint collects.
    stress: bool,
    symbols: Wanted,
}

impl Settings {
    fn of(vm: &crate::vm::Vm) -> Self {
        Self {
            method_epoch: (&raw const vm.method_epoch).addr(),
            stress: vm.config.gc_stress,
            symbols: Wanted::of(&vm.config),
        }
    }
}

struct Worker {
    requests: Sender<Request>,
    thread: JoinHandle<()>,
}

/// A function to be compiled.
struct Request {
    code: &'static Code,
    feedback: Feedback,
    wide: bool,
}

/// What became of a function.
struct Compiled {
    entry: *const u8,
    /// For each instruction, the number of the entry there; 0 for none.
    entries: Box<[u16]>,
    /// Bytes of machine code.
    size: usize,
}

/// Cranelift, and the memory that its code lies in.
pub(super) struct Compiler {
    symbols: Symbols,
    module: Option<JITModule>,
    contexts: FunctionBuilderContext,
    layout: Layout,
}

/// Why a function is left to the interpreter, if that can be said before it is translated.
pub(super) fn fits(code: &Code) -> Result<(), String> {
    if code.code.len() > MAX_INSTRUCTIONS || code.registers > MAX_REGISTERS {
        return Err("the function is too large".into());
    }
    Ok(())
}

impl Compiler {
    /// One for a VM, beside its own.
    pub(super) fn for_vm(vm: &crate::vm::Vm) -> Result<Self, String> {
        Self::new(Settings { symbols: Wanted::default(), ..Settings::of(vm) })
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let mut flags = settings::builder();
        let mut set = |name, value| flags.set(name, value).map_err(|e| e.to_string());
        set("opt_level", "speed")?;
        set("is_pic", "false")?;
        set("use_colocated_libcalls", "false")?;
        set("preserve_frame_pointers", "true")?;
        set("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" })?;
        let isa =
            cranelift_native::builder()?.finish(settings::Flags::new(flags)).map_err(|e| e.to_string())?;
        let layout = Layout::new(isa.triple().clone(), settings.method_epoch);
        let builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
        Ok(Self {
            symbols: Symbols::new(settings.symbols),
            module: Some(JITModule::new(builder)),
            contexts: FunctionBuilderContext::new(),
            layout,
        })
    }

    fn module(&mut self) -> &mut JITModule {
        self.module.as_mut().expect("there until it is dropped")
    }

    pub(super) fn isa(&self) -> &dyn TargetIsa {
        self.module.as_ref().expect("there until it is dropped").isa()
    }

    /// Translates a function to the intermediate form. For each instruction, the number of the entry there; 0 for none.
    pub(super) fn translate(
        &mut self,
        code: &'static Code,
        feedback: &Feedback,
        assume: Assume,
        stress: bool,
    ) -> (Context, Box<[u16]>) {
        let module = self.module.as_mut().expect("there until it is dropped");
        let mut context = module.make_context();
        let mut signature = Signature::new(CallConv::triple_default(&self.layout.triple));
        signature.params.extend([AbiParam::new(I64); 3]);
        signature.returns.extend([AbiParam::new(I64); 2]);
        context.func.signature = signature;
        context.func.name = UserFuncName::user(0, code.id);
        let mut builder = FunctionBuilder::new(&mut context.func, &mut self.contexts);
        let entries = Translator::run(&mut builder, code, feedback, &self.layout, assume, stress);
        builder.finalize(module.target_config());
        (context, entries)
    }

    /// Compiles a function.
    fn compile(
        &mut self,
        code: &'static Code,
        feedback: &Feedback,
        assume: Assume,
        stress: bool,
    ) -> Result<Compiled, String> {
        let (mut context, entries) = self.translate(code, feedback, assume, stress);
        let module = self.module();
        let id = module.declare_anonymous_function(&context.func.signature).map_err(|e| e.to_string())?;
        module.define_function(id, &mut context).map_err(|e| format!("{e:?}"))?;
        let size = context.compiled_code().map_or(0, |compiled| compiled.code_buffer().len());
        module.clear_context(&mut context);
        module.finalize_definitions().map_err(|e| e.to_string())?;
        let entry = module.get_finalized_function(id);
        self.symbols.add(&name_of(code), entry, size);
        Ok(Compiled { entry, entries, size })
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        self.symbols.forget();
        if let Some(module) = self.module.take() {
            // SAFETY: the compiler is dropped with its VM, when no thread runs its code any more.
            unsafe { module.free_memory() };
        }
    }
}

impl Jit {
    /// Takes note of where the VM lies, now that it does not move any more.
    pub(crate) fn prepare(&self, vm: &crate::vm::Vm) {
        self.shared.settings.get_or_init(|| Settings::of(vm));
    }

    /// Has a function compiled whose state has been set to `ASKED`: at once, or by a thread of its own while the interpreter goes on.
    pub(super) fn request(&self, code: &'static Code, feedback: Feedback, wide: bool, at_once: bool) {
        let request = Request { code, feedback, wide };
        let request = match at_once {
            true => Some(request),
            false => self.send(request),
        };
        if let Some(request) = request {
            self.shared.compile(&request);
        }
    }

    /// Gives the request back if there can be no thread.
    fn send(&self, request: Request) -> Option<Request> {
        let Ok(mut worker) = self.worker.lock() else { return Some(request) };
        if worker.is_none() {
            let (requests, inbox) = channel::<Request>();
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("compiler".into()).spawn(move || {
                for request in inbox {
                    if shared.ending.load(Ordering::Relaxed) {
                        return;
                    }
                    shared.compile(&request);
                }
            });
            match thread {
                Ok(thread) => *worker = Some(Worker { requests, thread }),
                Err(_) => return Some(request),
            }
        }
        worker.as_ref().and_then(|worker| worker.requests.send(request).err()).map(|back| back.0)
    }

    pub(super) fn stats(&self) -> super::JitStats {
        let counters = &self.shared.counters;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        super::JitStats {
            functions: of(&counters.functions),
            again: of(&counters.again),
            refused: of(&counters.refused),
            code_bytes: of(&counters.bytes),
            time: Duration::from_nanos(of(&counters.nanoseconds)),
        }
    }

    pub(super) fn functions(&self) -> Vec<super::JitFunction> {
        self.shared.records.all()
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        if let Ok(worker) = self.worker.get_mut()
            && let Some(worker) = worker.take()
        {
            drop(worker.requests);
            let _ = worker.thread.join(); // if it panicked, it has said so
        }
    }
}

impl Shared {
    /// Compiles a function and publishes it.
    fn compile(&self, request: &Request) {
        let Request { code, wide, .. } = *request;
        let begun = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| self.try_compile(request)))
            .unwrap_or_else(|_| Err("the compiler failed".into()));
        let counters = &self.counters;
        let time = begun.elapsed();
        counters.nanoseconds.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
        self.records.add(code, time, done.as_ref().map(|made| made.size as u64).map_err(String::as_str));
        match done {
            Ok(Compiled { entry, entries, size }) => {
                counters.bytes.fetch_add(size as u64, Ordering::Relaxed);
                let counter = if wide { &counters.again } else { &counters.functions };
                counter.fetch_add(1, Ordering::Relaxed);
                code.jit.entries.get_or_init(|| entries); // the same each time
                code.jit.entry.store(entry.cast_mut(), Ordering::Release);
                code.jit.state.store(state::READY, Ordering::Release);
            }
            Err(_) => {
                counters.refused.fetch_add(1, Ordering::Relaxed);
                code.jit.entry.store(std::ptr::null_mut(), Ordering::Release);
                code.jit.state.store(state::REFUSED, Ordering::Release);
            }
        }
    }

    fn try_compile(&self, request: &Request) -> Result<Compiled, String> {
        let Request { code, ref feedback, wide } = *request;
        fits(code)?;
        let settings = *self.settings.get().ok_or("the VM is being made")?;
        let mut compiler = self.compiler.lock().map_err(|_| "the compiler failed before")?;
        if compiler.is_none() {
            *compiler = Some(Compiler::new(settings)?);
        }
        compiler.as_mut().expect("just made").compile(code, feedback, Assume { wide }, settings.stress)
    }
}
