//! What is the same for all VMs of a host: settings, host functions, where modules come from.

use crate::function::{HostFunction, Raw, to_throw};
use crate::loader::{Imports, Loader};
use crate::script::{compile_text, read_file, text_of};
use crate::{CompileError, Error, JitMode, Script, ScriptError, Tick, Value, Vm};
use corella_stdlib::library;
use corella_vm::config::VmConfig;
use corella_vm::host::{Context, Host, HostError, define_function};
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Compiles scripts and makes VMs. Cloning is cheap.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

type Output = Box<dyn Fn() -> Box<dyn Write + Send> + Send + Sync>;

/// What VMs, their loaders and scripts share.
pub(crate) struct Shared {
    config: VmConfig,
    functions: Vec<Function>,
    pub(crate) loaders: Vec<Box<dyn Loader>>,
    pub(crate) files: bool,
    /// Whether the module `file` works.
    file_access: bool,
    output: Output,
    failing: bool,
    /// The built-in names, once a VM has been made.
    names: OnceLock<Vec<String>>,
    /// A VM that had to be made to learn the names, and serves as the next one that is wanted.
    spare: Mutex<Option<Host>>,
}

impl Shared {
    /// The names that scripts may use without declaring them.
    pub(crate) fn names(&self) -> &[String] {
        self.names.get().map_or(&[], Vec::as_slice)
    }
}

struct Function {
    name: String,
    doc: String,
    arity: (u8, Option<u8>),
    call: Raw,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine with default settings: no limits, output to stdout, the standard library, no files.
    pub fn new() -> Engine {
        Engine::builder().build()
    }

    /// Begins an engine with other settings.
    pub fn builder() -> Builder {
        Builder {
            config: VmConfig::default(),
            functions: Vec::new(),
            loaders: Vec::new(),
            files: false,
            file_access: false,
            output: Box::new(|| Box::new(std::io::stdout())),
            failing: false,
        }
    }

    /// Compiles a text. `name` is shown in errors and traces; imports of files are relative to it.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn compile(&self, name: &str, text: &str) -> Result<Script, CompileError> {
        self.learn_names();
        compile_text(name, text, self.0.names(), None)
    }

    /// Compiles one input of a session whose earlier inputs had these variables.
    pub(crate) fn compile_input(
        &self,
        name: &str,
        text: &str,
        globals: &[String],
    ) -> Result<Script, CompileError> {
        self.learn_names();
        compile_text(name, text, self.0.names(), Some(globals))
    }

    /// Compiles a file, or reads a compiled one.
    ///
    /// # Errors
    /// The file cannot be read, or what is wrong with its content.
    pub fn compile_file(&self, path: impl AsRef<Path>) -> Result<Script, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = read_file(path)?;
        if Script::is_compiled(&bytes) || path.extension().is_some_and(|extension| extension == "corb") {
            return match Script::from_bytes(&bytes) {
                Ok(script) => Ok(script.placed(path)),
                Err(error) => Err(Error::Refused(format!("{name}: {error}"))),
            };
        }
        Ok(self.compile(&name, text_of(&name, &bytes)?)?)
    }

    /// Makes a VM with the standard library and the host's functions.
    ///
    /// # Errors
    /// The limits leave no room for the library.
    pub fn vm(&self) -> Result<Vm, Error> {
        let spare = self.0.spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        let host = match spare {
            Some(host) => host,
            None => self.make()?,
        };
        Ok(Vm::new(host, self.clone()))
    }

    fn make(&self) -> Result<Host, Error> {
        let shared = &self.0;
        let imports = Imports(Arc::downgrade(shared));
        let mut config = shared.config.clone();
        config.failures = shared.failing.then(Arc::default);
        let vm = corella_vm::vm::Vm::new(config, Some(Box::new(imports)), (shared.output)());
        corella_stdlib::install(&vm);
        if !shared.file_access {
            close_files(&vm);
        }
        for function in &shared.functions {
            let call = function.call.clone();
            define_function(&vm, &function.name, &function.doc, function.arity, move |context, args| {
                call(context, args)
            });
        }
        let mut host = Host::new(vm).map_err(Error::Refused)?;
        library::load_prelude(host.thread()).map_err(Error::Refused)?;
        if shared.names.get().is_none() {
            let mut names = host.vm().builtin_names();
            names.retain(|name| !name.starts_with("__"));
            // Another thread may have been quicker, with the same names.
            let _ = shared.names.set(names);
        }
        Ok(host)
    }

    fn learn_names(&self) {
        if self.0.names.get().is_none() {
            // If the limits leave no room for a VM, the names of its classes have to do; making the VM will fail anyway.
            if let Ok(host) = self.make() {
                *self.0.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(host);
            }
        }
    }

    /// The names that scripts may use without declaring them: classes, functions of the library and of the host.
    pub fn builtin_names(&self) -> &[String] {
        self.learn_names();
        self.0.names()
    }
}

/// Puts a refusal in the place of every native that reaches files, so that forged bytecode does not get at them either.
fn close_files(vm: &corella_vm::vm::Vm) {
    for name in vm.builtin_names().into_iter().filter(|name| name.starts_with("__file_")) {
        define_function(vm, &name, "", (0, None), |_, _| {
            Err(to_throw(Error::Script(Box::new(ScriptError {
                class: "IoError".into(),
                message: "this VM may not use files: its host does not allow it".into(),
                trace: String::new(),
                report: String::new(),
                value: Box::default(),
            }))))
        });
    }
}

/// Settings of an [`Engine`].
///
/// ```
/// use corella::{Engine, Error};
/// let engine = Engine::builder().fuel_limit(100_000).build();
/// let script = engine.compile("loop.cor", "while (true) {}")?;
/// let error = engine.vm()?.load(&script).unwrap_err();
/// assert_eq!(error.script().unwrap().class, "LimitError");
/// # Ok::<(), Error>(())
/// ```
pub struct Builder {
    config: VmConfig,
    functions: Vec<Function>,
    loaders: Vec<Box<dyn Loader>>,
    files: bool,
    file_access: bool,
    output: Output,
    failing: bool,
}

impl Builder {
    /// The engine.
    pub fn build(self) -> Engine {
        Engine(Arc::new(Shared {
            config: self.config,
            functions: self.functions,
            loaders: self.loaders,
            files: self.files,
            file_access: self.file_access,
            output: self.output,
            failing: self.failing,
            names: OnceLock::new(),
            spare: Mutex::default(),
        }))
    }

    /// Makes a Rust function known to scripts under this name. Arguments are converted and counted; a wrong one is a
    /// `TypeError` or `ArgumentError` in the script.
    ///
    /// ```
    /// use corella::Engine;
    /// use std::io::{Error, ErrorKind};
    /// let engine = Engine::builder()
    ///     .function("add", |a: i64, b: Option<i64>| a + b.unwrap_or(1))
    ///     .function("refuse", |name: String| -> Result<(), Error> {
    ///         Err(Error::new(ErrorKind::NotFound, format!("no such thing: {name}")))
    ///     })
    ///     .build();
    /// let mut vm = engine.vm()?;
    /// assert_eq!(vm.eval::<i64>("add(2, 3) + add(1)")?, 7);
    /// assert!(vm.eval::<()>("refuse(\"x\")").unwrap_err().to_string().contains("no such thing: x"));
    /// assert!(vm.eval::<()>("add(\"x\")").unwrap_err().to_string().starts_with("TypeError"));
    /// # Ok::<(), corella::Error>(())
    /// ```
    pub fn function<P, F: HostFunction<P>>(mut self, name: &str, function: F) -> Builder {
        let (min, max) = F::arity();
        let owned = name.to_owned();
        let call: Raw =
            Arc::new(move |_: &mut Context<'_>, args| function.call(&owned, args).map_err(to_throw));
        self.functions.push(Function {
            name: name.to_owned(),
            doc: String::new(),
            arity: (min, Some(max)),
            call,
        });
        self
    }

    /// Makes a Rust function known to scripts that takes any arguments as they are, and a [`Context`] of the call.
    pub fn raw_function(
        mut self,
        name: &str,
        doc: &str,
        function: impl Fn(&mut Context<'_>, Vec<Value>) -> Result<Value, Error> + Send + Sync + 'static,
    ) -> Builder {
        let call: Raw = Arc::new(move |context: &mut Context<'_>, args| -> Result<Value, HostError> {
            function(context, args).map_err(to_throw)
        });
        self.functions.push(Function { name: name.to_owned(), doc: doc.to_owned(), arity: (0, None), call });
        self
    }

    /// Adds a source of modules; those added first are asked first, and all of them before the library.
    pub fn loader(mut self, loader: impl Loader) -> Builder {
        self.loaders.push(Box::new(loader));
        self
    }

    /// Whether scripts may import files (`import "./name"`). Off unless switched on.
    pub fn import_files(mut self, allowed: bool) -> Builder {
        self.files = allowed;
        self
    }

    /// Whether scripts may read and write any file that the host can (the module `file`). Off unless switched on.
    pub fn file_access(mut self, allowed: bool) -> Builder {
        self.file_access = allowed;
        self
    }

    /// Where `print` writes, for all VMs.
    pub fn output(mut self, output: impl Write + Clone + Send + Sync + 'static) -> Builder {
        self.output = Box::new(move || Box::new(output.clone()));
        self
    }

    /// Most bytes that all heaps of a VM may take together; more is a `MemoryError`.
    pub fn memory_limit(mut self, bytes: usize) -> Builder {
        self.config.memory_limit = bytes;
        self
    }

    /// Units of work (calls, turns of loops, elements handled by the library) that a VM may do, until
    /// [`Vm::set_fuel`] gives it more; after that a `LimitError`.
    pub fn fuel_limit(mut self, units: u64) -> Builder {
        // The greatest number means that nothing is counted.
        self.config.fuel_limit = units.min(u64::MAX - 1);
        self
    }

    /// Most words of frames of one task; deeper recursion is a `StackOverflow`. A small function takes about 10.
    pub fn stack_limit(mut self, words: usize) -> Builder {
        self.config.stack_limit = words;
        self
    }

    /// Most living tasks of one thread; another one is a `LimitError`.
    pub fn task_limit(mut self, tasks: usize) -> Builder {
        self.config.task_limit = tasks;
        self
    }

    /// Most threads of a VM, the master included; another one is a `LimitError`.
    pub fn thread_limit(mut self, threads: usize) -> Builder {
        self.config.thread_limit = threads;
        self
    }

    /// When a task has to give way to others.
    pub fn tick(mut self, tick: Tick) -> Builder {
        self.config.tick = tick;
        self
    }

    /// When a task has to give way to others: after this time.
    pub fn tick_time(self, time: Duration) -> Builder {
        self.tick(Tick::Time(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1)))
    }

    /// Makes runs repeatable: while the tick would be time, its lengths follow from the seed, and so does the interleaving of the VM's
    /// threads, of which one runs at a time. Timers and timeouts go by a clock that counts work and jumps to what is waited for.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Builder {
        self.config.seed = Some(seed);
        self
    }

    /// When functions are compiled to machine code: when they are hot, unless set. Where there is no compiler for the machine, or the
    /// crate is built without it, everything is interpreted.
    #[must_use]
    pub fn jit(mut self, mode: JitMode) -> Builder {
        self.config.jit = mode;
        self
    }

    /// Calls and turns of loops after which a function is hot ([`JitMode::Auto`]); 8000 unless set.
    #[must_use]
    pub fn jit_threshold(mut self, turns: u32) -> Builder {
        self.config.jit_threshold = turns;
        self
    }

    /// Writes names and places of compiled functions to `/tmp/perf-PID.map`, so that `perf` shows them.
    #[must_use]
    pub fn perf_map(mut self, on: bool) -> Builder {
        self.config.perf_map = on;
        self
    }

    /// Registers compiled functions with gdb, so that its traces show them. Linux only; a few hundred bytes for each function.
    #[must_use]
    pub fn gdb_jit(mut self, on: bool) -> Builder {
        self.config.gdb_jit = on;
        self
    }

    /// Collects garbage at every safepoint: finds references that the collector does not know, slowly.
    pub fn gc_stress(mut self, on: bool) -> Builder {
        self.config.gc_stress = on;
        self
    }

    /// Makes it possible to let allocations fail ([`Vm::fail_allocations`](crate::Vm::fail_allocations)). For tests; slow.
    pub fn failing_allocations(mut self, on: bool) -> Builder {
        self.failing = on;
        self
    }

    /// Checks the heap after every collection.
    pub fn verify_heap(mut self, on: bool) -> Builder {
        self.config.verify_heap = on;
        self
    }
}
