//! The compiler of a VM: Cranelift behind a lock, what waits for it, and the thread that it works on.
//!
//! Invariant: what is made of a function is published before what it had before is given up (`store`).

use super::detours::{Detours, words};
use super::layout::Layout;
use super::lean_entries::LeanEntries;
use super::light;
use super::masks::Assume;
use super::queue::{Next, Queue};
use super::record::{Records, name_of};
use super::store::{Gone, Pages, Store, Stored};
use super::symbols::{Symbols, Wanted};
use super::translate::{Demands, Referred, Translated, Translator, lean_signature};
use super::unit::Unit;
use crate::code::Code;
use crate::heap::quiesce::{Member, Quiesce};
use cranelift_codegen::Context;
use cranelift_codegen::ir::{Signature, UserFuncName};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the compilers of a VM have done. It may be read while they work.
#[derive(Default, Debug)]
struct Counters {
    functions: AtomicU64,
    refused: AtomicU64,
    again: AtomicU64,
    bytes: AtomicU64,
    freed: AtomicU64,
    nanoseconds: AtomicU64,
}

/// How long the thread that compiles waits, with nothing to do, until it looks whether replaced code can be freed: first, and at most.
const SHORT_PATIENCE: Duration = Duration::from_millis(20);
const LONG_PATIENCE: Duration = Duration::from_secs(2);

/// The compiler of a VM.
#[derive(Default)]
pub(crate) struct Jit {
    shared: Arc<Shared>,
    /// The thread that compiles, once there was something to do.
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread that compiles shares with the VM's.
#[derive(Default)]
struct Shared {
    compiler: Mutex<Option<Compiler>>,
    store: Mutex<Store>,
    /// The VM's threads: when each has last been where it stands on no compiled code.
    threads: Quiesce,
    counters: Counters,
    records: Records,
    settings: OnceLock<Settings>,
    /// What waits to be compiled. When the VM goes away it ends, and what still waits is not compiled.
    queue: Queue<Request>,
}

/// What the compiler has to know of its VM.
#[derive(Clone, Copy)]
struct Settings {
    /// Address of the method epoch.
    method_epoch: usize,
    demands: Demands,
    symbols: Wanted,
}

impl Settings {
    fn of(vm: &crate::vm::Vm) -> Self {
        Self {
            method_epoch: (&raw const vm.method_epoch).addr(),
            demands: Demands { stress: vm.config.gc_stress, exact: vm.config.is_exact() },
            symbols: Wanted::of(&vm.config),
        }
    }
}

/// A function to be compiled.
struct Request {
    code: &'static Code,
    unit: Unit,
    wide: bool,
}

// SAFETY: what a unit refers to is linked code, classes and other immortal objects, which any thread may read.
unsafe impl Send for Request {}

/// What became of a function.
struct Compiled {
    entry: *const u8,
    /// Its lean code, which is entered by `entry`.
    lean: Option<*const u8>,
    /// For each instruction, the number of the entry there; 0 for none.
    entries: Box<[u16]>,
    stored: Stored,
    /// Words above its base that a frame of the function needs, with those of functions that are spliced in or called.
    extent: usize,
}

/// The memory that code lies in, and the names that are given out for it.
pub(super) struct Output {
    pub(super) module: JITModule,
    pages: Pages,
    symbols: Symbols,
}

impl Output {
    fn new(isa: OwnedTargetIsa, symbols: Symbols) -> Self {
        let pages = Pages::default();
        let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
        builder.memory_provider(Box::new(pages.clone()));
        Self { module: JITModule::new(builder), pages, symbols }
    }

    /// A function that is going to be made.
    pub(super) fn declare(&mut self, name: &str, signature: &Signature) -> Result<FuncId, String> {
        let declared = match self.symbols.declared_as(name) {
            Some(name) => self.module.declare_function(&name, Linkage::Local, signature),
            None => self.module.declare_anonymous_function(signature),
        };
        declared.map_err(|e| e.to_string())
    }

    /// Makes machine code of a function that has been declared: where it lies, and its bytes.
    pub(super) fn emit(
        &mut self,
        id: FuncId,
        context: &mut Context,
        name: &str,
    ) -> Result<(*const u8, usize), String> {
        let module = &mut self.module;
        module.define_function(id, context).map_err(|e| format!("{e:?}"))?;
        let size = context.compiled_code().map_or(0, |compiled| compiled.code_buffer().len());
        module.clear_context(context);
        module.finalize_definitions().map_err(|e| e.to_string())?;
        let entry = module.get_finalized_function(id);
        self.symbols.add(name, entry, size);
        Ok((entry, size))
    }
}

/// A function in Cranelift's intermediate form.
pub(super) struct Translation {
    id: FuncId,
    pub(super) context: Context,
    /// For each instruction, the number of the entry there; 0 for none.
    entries: Box<[u16]>,
    referred: Referred,
    /// It is lean code.
    lean: bool,
    /// Words above its base that a frame of the function needs, with those of functions that are spliced in or called.
    extent: usize,
}

/// Cranelift and what it works with.
pub(super) struct Compiler {
    /// There until the drop.
    output: Option<Output>,
    contexts: FunctionBuilderContext,
    layout: Layout,
    detours: Detours,
    lean_entries: LeanEntries,
    /// What the function before was made in: its memory, the register allocator's above all, serves the next one.
    context: Option<Context>,
}

// SAFETY: exits and positions refer to linked code, which any thread may read.
unsafe impl Send for Compiler {}

impl Compiler {
    /// One for a VM, beside its own.
    pub(super) fn for_vm(vm: &crate::vm::Vm) -> Result<Self, String> {
        Self::new(Settings { symbols: Wanted::default(), ..Settings::of(vm) })
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let mut flags = settings::builder();
        let mut set = |name, value| flags.set(name, value).map_err(|e| e.to_string());
        // What Cranelift's optimiser finds in code that has been specialised already makes long runs 2 % faster (at most 9 %, nbody); it
        // costs a third of the time that compiling takes, and most functions do not live that long.
        set("opt_level", "none")?;
        set("is_pic", "false")?;
        set("use_colocated_libcalls", "false")?;
        set("preserve_frame_pointers", "true")?;
        set("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" })?;
        let isa =
            cranelift_native::builder()?.finish(settings::Flags::new(flags)).map_err(|e| e.to_string())?;
        let layout = Layout::new(isa.triple().clone(), settings.method_epoch);
        let mut output = Output::new(isa, Symbols::new(settings.symbols));
        let detours = Detours::make(&mut output, &layout)?;
        let contexts = FunctionBuilderContext::new();
        let lean_entries = LeanEntries::default();
        Ok(Self { output: Some(output), contexts, layout, detours, lean_entries, context: None })
    }

    pub(super) fn isa(&self) -> &dyn TargetIsa {
        self.output.as_ref().expect("there until it is dropped").module.isa()
    }

    /// Translates a function to the intermediate form: of lean code, if it can be.
    pub(super) fn translate(
        &mut self,
        mut unit: Unit,
        assume: Assume,
        demands: Demands,
    ) -> Result<Translation, String> {
        // Where what lean code took for granted did not hold, it left all callers' code too.
        if assume.bounded && unit.make_lean(assume.wide) {
            let tried = Rc::new(unit);
            if let Some(made) = self.translate_as_is(&tried, assume, demands)? {
                return Ok(made);
            }
            unit = Rc::into_inner(tried).ok_or("a translator keeps its unit")?;
        }
        unit.make_framed(assume.wide);
        let made = self.translate_as_is(&Rc::new(unit), assume, demands)?;
        made.ok_or_else(|| "code with frames needs none".into())
    }

    /// Translates a unit; none if it was to be lean and cannot be.
    fn translate_as_is(
        &mut self,
        unit: &Rc<Unit>,
        assume: Assume,
        demands: Demands,
    ) -> Result<Option<Translation>, String> {
        let output = self.output.as_mut().expect("there until it is dropped");
        let target = output.module.target_config();
        let mut context = self.context.take().unwrap_or_else(|| output.module.make_context());
        let convention = CallConv::triple_default(&self.layout.triple);
        let signature = match unit.lean {
            true => lean_signature(unit.frames[0].code.params.into(), convention),
            false => words(3, 2, convention),
        };
        let id = output.declare(&name_of(unit.frames[0].code), &signature)?;
        context.func.signature = signature;
        context.func.name = UserFuncName::user(0, id.as_u32());
        let own = output.module.declare_func_in_func(id, &mut context.func);
        let mut builder = FunctionBuilder::new(&mut context.func, &mut self.contexts);
        let Translated { entries, referred, detoured, spoiled, extent } =
            Translator::run(&mut builder, unit.clone(), own, &self.layout, self.detours, assume, demands);
        builder.finalize(target);
        if spoiled {
            output.module.clear_context(&mut context);
            self.context = Some(context);
            return Ok(None);
        }
        light::lighten(&mut context.func, &detoured, &self.detours);
        Ok(Some(Translation { id, context, entries, referred, lean: unit.lean, extent }))
    }

    /// Compiles a function.
    fn compile(&mut self, unit: Unit, assume: Assume, demands: Demands) -> Result<Compiled, String> {
        let code = unit.frames[0].code;
        let Translation { id, mut context, entries, referred, lean, extent } =
            self.translate(unit, assume, demands)?;
        let output = self.output.as_mut().expect("there until it is dropped");
        let (made, size) = output.emit(id, &mut context, &name_of(code))?;
        self.context = Some(context);
        let entry = match lean {
            true => self.lean_entries.of(code.params.into(), output, &self.layout)?,
            false => made,
        };
        let stored = Stored { begins: made, size, _referred: referred };
        Ok(Compiled { entry, lean: lean.then_some(made), entries, stored, extent })
    }

    /// Frees machine code, unless a tool goes by where it lies: how many bytes.
    fn free(&mut self, gone: Vec<Gone>) -> usize {
        let Some(Output { pages, symbols, .. }) = &mut self.output else { return 0 };
        if symbols.keep_places() {
            return 0;
        }
        gone.into_iter().map(|gone| gone.free(pages, symbols)).sum()
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        if let Some(mut output) = self.output.take() {
            output.symbols.forget_all();
            // SAFETY: the compiler is dropped with its VM, when no thread runs its code any more.
            unsafe { output.module.free_memory() };
        }
    }
}

impl Jit {
    /// Takes note of where the VM lies, now that it does not move any more.
    pub(crate) fn prepare(&self, vm: &crate::vm::Vm) {
        self.shared.settings.get_or_init(|| Settings::of(vm));
    }

    /// A thread of the VM that may run compiled code.
    pub(super) fn join(&self) -> Member {
        self.shared.threads.join()
    }

    /// Has a function compiled whose state has been set to `ASKED`: at once, or by a thread of its own while the interpreter goes on.
    pub(super) fn request(&self, code: &'static Code, unit: Unit, wide: bool, at_once: bool) {
        let request = Request { code, unit, wide };
        let request = match at_once {
            true => Some(request),
            false => self.send(request),
        };
        if let Some(request) = request {
            self.shared.compile(request);
            self.shared.free_replaced();
        }
    }

    /// A function that is left to the interpreter.
    pub(super) fn refuse(&self, code: &Code) {
        self.shared.refuse(code);
    }

    /// Gives the request back if there can be no thread.
    fn send(&self, request: Request) -> Option<Request> {
        let Ok(mut worker) = self.worker.lock() else { return Some(request) };
        if worker.is_none() {
            let shared = self.shared.clone();
            let work = move || {
                let mut patience = SHORT_PATIENCE;
                loop {
                    let wait = shared.store().has_replaced().then_some(patience);
                    match shared.queue.take(wait, |request| request.code.jit.cost_of_waiting()) {
                        Next::Item(request) => {
                            shared.compile(request);
                            patience = SHORT_PATIENCE;
                        }
                        Next::Nothing => patience = (patience * 2).min(LONG_PATIENCE),
                        Next::End => break,
                    }
                    shared.free_replaced();
                }
            };
            match std::thread::Builder::new().name("compiler".into()).spawn(work) {
                Ok(thread) => *worker = Some(thread),
                Err(_) => return Some(request),
            }
        }
        self.shared.queue.push(request);
        None
    }

    pub(super) fn stats(&self) -> super::JitStats {
        let counters = &self.shared.counters;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        super::JitStats {
            functions: of(&counters.functions),
            again: of(&counters.again),
            refused: of(&counters.refused),
            code_bytes: of(&counters.bytes),
            freed_bytes: of(&counters.freed),
            time: Duration::from_nanos(of(&counters.nanoseconds)),
        }
    }

    pub(super) fn functions(&self) -> Vec<super::JitFunction> {
        self.shared.records.all()
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        self.shared.queue.end();
        if let Ok(worker) = self.worker.get_mut()
            && let Some(thread) = worker.take()
        {
            let _ = thread.join(); // if it panicked, it has said so
        }
    }
}

impl Shared {
    /// Compiles a function and publishes it.
    fn compile(&self, request: Request) {
        let Request { code, wide, unit } = request;
        let begun = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| self.try_compile(unit, wide)))
            .unwrap_or_else(|_| Err("the compiler failed".into()));
        let counters = &self.counters;
        let time = begun.elapsed();
        counters.nanoseconds.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
        let size = done.as_ref().map(|made| made.stored.size as u64);
        self.records.add(code, time, size.map_err(String::as_str));
        match done {
            Ok(Compiled { entry, lean, entries, stored, extent }) => {
                counters.bytes.fetch_add(stored.size as u64, Ordering::Relaxed);
                let counter = if code.jit.is_again() { &counters.again } else { &counters.functions };
                counter.fetch_add(1, Ordering::Relaxed);
                // An entry that somebody has read before may need as much as its own code did.
                code.jit.extent.fetch_max(extent as u32, Ordering::Relaxed);
                let lean = lean.map_or(std::ptr::null_mut(), <*const u8>::cast_mut);
                self.replace(code, Some(stored), || code.jit.publish(entry.cast_mut(), lean, entries));
                code.jit.failures.store(0, Ordering::Relaxed);
                code.jit.unseen.store(0, Ordering::Relaxed);
            }
            Err(_) => self.refuse(code),
        }
    }

    fn refuse(&self, code: &Code) {
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
        self.replace(code, None, || code.jit.refuse());
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `publish` publishes for a function takes the place of what it had.
    fn replace(&self, code: &Code, stored: Option<Stored>, publish: impl FnOnce()) {
        // Once it is published, another thread may have the function compiled again: what that makes must not be taken for what was before.
        let mut store = self.store();
        publish();
        store.replace(code, stored, &self.threads);
    }

    /// Frees replaced code that cannot be running any more.
    fn free_replaced(&self) {
        let gone = self.store().take_gone(&self.threads);
        if gone.is_empty() {
            return;
        }
        // If the compiler has failed while it held the lock, its memory goes with the VM.
        if let Ok(mut compiler) = self.compiler.lock()
            && let Some(compiler) = compiler.as_mut()
        {
            self.counters.freed.fetch_add(compiler.free(gone) as u64, Ordering::Relaxed);
        }
    }

    fn try_compile(&self, unit: Unit, wide: bool) -> Result<Compiled, String> {
        let settings = *self.settings.get().ok_or("the VM is being made")?;
        let mut compiler = self.compiler.lock().map_err(|_| "the compiler failed before")?;
        if compiler.is_none() {
            *compiler = Some(Compiler::new(settings)?);
        }
        let failed = unit.frames[0].code.jit.again.load(Ordering::Relaxed);
        let assume = Assume::new(wide, failed);
        compiler.as_mut().expect("just made").compile(unit, assume, settings.demands)
    }
}
