//! From a module's data form to linked code, and from an import to a loaded module.
//!
//! A module is loaded once per VM. The thread that imports it first owns its variables and runs its top level; another thread
//! that imports it meanwhile waits for that.

use crate::bytecode::{self, Const, verify};
use crate::class::ErrorClass;
use crate::code::{Code, LoadedModule};
use crate::error::{Control, Outcome};
use crate::heap::Pin;
use crate::interp::call::{self, Called, Target};
use crate::interp::{globals, types};
use crate::object::function::ModuleObject;
use crate::object::{Kind, bigint, class_id, function, range, string};
use crate::thread::Thread;
use crate::thread::stack::ReturnKind;
use crate::thread::waiter::Waiter;
use crate::value::Value;
use crate::vm::{LoadedSource, Vm};
use num_bigint::BigInt;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What is known of modules.
#[derive(Default)]
pub struct ModuleTable {
    by_key: HashMap<String, State>,
    /// Keys of imports seen before, by importing module and path, so that the loader is not asked again.
    known: HashMap<String, HashMap<String, String>>,
    /// Who waits until a module has been loaded elsewhere, by its key.
    waiting: HashMap<String, Vec<Waiter>>,
    envs: Vec<Env>,
}

struct Env {
    /// Keeps the variables alive for all threads; `None` until they exist.
    pin: Option<Pin>,
    names: Vec<String>,
}

#[derive(Clone, Copy)]
enum State {
    /// Its top level runs on the thread with this number.
    Loading(&'static LoadedModule, u64),
    Loaded(&'static LoadedModule),
}

impl Vm {
    /// The name of a module variable, for messages.
    pub fn variable_name(&self, env: u32, slot: u32) -> String {
        let table = self.modules.lock().expect("not poisoned");
        table
            .envs
            .get(env as usize)
            .and_then(|e| e.names.get(slot as usize))
            .cloned()
            .unwrap_or_else(|| format!("#{slot}"))
    }

    /// A pin of an environment, for a thread that makes its proxy of it.
    pub fn env_pin(&self, env: u32) -> Option<Pin> {
        let table = self.modules.lock().expect("not poisoned");
        let pin = table.envs.get(env as usize)?.pin.as_ref()?;
        Some(self.registry.heaps.pin(pin.heap(), pin.target()))
    }

    /// The code with this number.
    pub fn code_by_id(&self, id: u32) -> Option<&'static Code> {
        let owned = self.owned.lock().expect("not poisoned");
        let code: *const Code = &**owned.codes.get(id as usize)?;
        // SAFETY: code is boxed and lives as long as the VM.
        Some(unsafe { &*code })
    }

    /// A new, empty environment.
    pub fn new_env(&self) -> u32 {
        let mut table = self.modules.lock().expect("not poisoned");
        table.envs.push(Env { pin: None, names: Vec::new() });
        (table.envs.len() - 1) as u32
    }

    /// Links a module into the VM: nothing of it runs yet.
    ///
    /// # Errors
    /// What the verifier found, a built-in name that does not exist, or a limit that is reached.
    pub fn link(
        &self,
        data: bytecode::Module,
        env: u32,
        internal: bool,
    ) -> Result<&'static LoadedModule, String> {
        verify::verify(&data).map_err(|e| e.to_string())?;
        // SAFETY: the verifier has just accepted it.
        unsafe { self.link_verified(data, env, internal) }
    }

    /// As [`link`](Self::link), for a module that was verified where it was compiled.
    ///
    /// # Errors
    /// A built-in name that does not exist, or a limit that is reached.
    ///
    /// # Safety
    /// The verifier accepts the module.
    pub unsafe fn link_verified(
        &self,
        data: bytecode::Module,
        env: u32,
        internal: bool,
    ) -> Result<&'static LoadedModule, String> {
        let sites: usize = data.functions.iter().map(|f| f.sites.len()).sum();
        let ic_base = self.ic_count.fetch_add(sites as u32, Ordering::Relaxed);
        if ic_base as usize + sites > crate::thread::MAX_IC_SITES {
            return Err("too much code is loaded: no room for its inline caches".into());
        }
        let types = data.types.iter().map(|t| types::link(self, t)).collect::<Result<Vec<_>, _>>()?;
        let mut module = Box::new(LoadedModule {
            id: 0,
            name: data.name.clone(),
            functions: Box::default(),
            consts: Box::default(),
            types_seen: types.iter().map(|_| AtomicU64::new(0)).collect(),
            types: types.into(),
            env,
            namespaces: Box::default(),
            data,
        });
        let address: *mut LoadedModule = &mut *module;
        module.namespaces = (0..module.data.namespaces.len() as u32)
            .map(|namespace| {
                let object = self.immortals.alloc(Kind::Module, class_id::MODULE, size_of::<ModuleObject>());
                // SAFETY: just allocated with room for the struct.
                unsafe {
                    (&raw mut (*object.cast::<ModuleObject>()).module).write(address);
                    (&raw mut (*object.cast::<ModuleObject>()).namespace).write(namespace);
                }
                Value::object(object)
            })
            .collect();
        let mut consts = Vec::with_capacity(module.data.consts.len());
        for constant in &module.data.consts {
            consts.push(self.link_const(constant, &module.namespaces)?);
        }
        module.consts = consts.into();
        let mut owned = self.owned.lock().expect("not poisoned");
        module.id = owned.modules.len() as u32;
        let mut base = ic_base;
        let mut functions = Vec::with_capacity(module.data.functions.len());
        for f in &mut module.data.functions {
            let id = owned.codes.len() as u32;
            let mut flags = 0;
            for (on, flag) in [
                (f.rest, Code::REST),
                (f.generator, Code::GENERATOR),
                (f.method, Code::METHOD),
                (internal, Code::INTERNAL),
            ] {
                if on {
                    flags |= flag;
                }
            }
            let code: Box<[_]> = std::mem::take(&mut f.code).into();
            let mut linked = Box::new(Code {
                entry: code.as_ptr(),
                tagged: u32::from(f.tagged),
                registers: u32::from(f.tagged) + u32::from(f.raw),
                params: f.params,
                required: f.required,
                flags,
                captures: f.captures.len() as u16,
                ic_base: base,
                consts: module.consts.as_ptr(),
                value: Value::NULL,
                id,
                env,
                module: address,
                home: AtomicPtr::new(std::ptr::null_mut()),
                jit: crate::jit::JitSlot::default(),
                code,
                handlers: std::mem::take(&mut f.handlers).into(),
                variables: std::mem::take(&mut f.variables).into(),
                lines: std::mem::take(&mut f.lines).into(),
                sites: f.sites.iter().map(|s| self.symbols.intern(&s.name)).collect(),
                capture_list: std::mem::take(&mut f.captures).into(),
                name: std::mem::take(&mut f.name),
                param_names: std::mem::take(&mut f.param_names),
                doc: std::mem::take(&mut f.doc),
            });
            base += linked.sites.len() as u32;
            let pointer: *const Code = &*linked;
            if linked.captures == 0 {
                linked.value = function::immortal_closure(&self.immortals, pointer);
            }
            owned.codes.push(linked);
            // SAFETY: boxed, and never removed before the VM is dropped.
            functions.push(unsafe { &*pointer });
        }
        module.functions = functions.into();
        owned.modules.push(module);
        drop(owned);
        // SAFETY: boxed, and never removed before the VM is dropped; nobody mutates it from here on.
        let module: &'static LoadedModule = unsafe { &*address };
        let mut table = self.modules.lock().expect("not poisoned");
        table.envs[env as usize].names.clone_from(&module.data.globals);
        Ok(module)
    }

    fn link_const(&self, constant: &Const, namespaces: &[Value]) -> Result<Value, String> {
        let immortal = &self.immortals;
        Ok(match constant {
            Const::Null => Value::NULL,
            Const::Bool(b) => Value::bool(*b),
            Const::Int(i) => match Value::small_int(*i) {
                Some(v) => v,
                None => crate::object::immortal_int(immortal, *i),
            },
            Const::Float(f) => match Value::small_float(*f) {
                Some(v) => v,
                None => crate::object::immortal_float(immortal, *f),
            },
            Const::Str(s) => string::immortal(immortal, s),
            Const::Bytes(b) => string::immortal_bytes(immortal, b),
            Const::Big(digits) => {
                let number: BigInt = digits.parse().map_err(|_| format!("malformed big integer {digits}"))?;
                bigint::immortal(immortal, &number)
            }
            Const::Range { start, end, inclusive } => {
                range::immortal(immortal, range::Bounds { start: *start, end: *end, inclusive: *inclusive })
            }
            Const::Builtin(name) => {
                self.builtin(name).ok_or_else(|| format!("there is no built-in name {name}"))?
            }
            Const::Namespace(n) => namespaces[*n as usize],
        })
    }
}

/// Makes the variables of a module on this thread, which owns them from now on.
pub fn attach(thread: &mut Thread, module: &'static LoadedModule) -> Outcome<()> {
    let variables = module.data.globals.len();
    if thread.own_env(module.env).is_some() {
        return globals::grow_env(thread, module.env, variables);
    }
    globals::new_env(thread, module.env, variables)?;
    let own = thread.own_env(module.env).expect("just made");
    let pin = thread.heap.pin(own.cast());
    thread.vm.modules.lock().expect("not poisoned").envs[module.env as usize].pin = Some(pin);
    Ok(())
}

impl ModuleTable {
    fn known(&self, path: &str, from: &str) -> Option<String> {
        self.known.get(from)?.get(path).cloned()
    }

    /// The loading of a module has come to its end: it is loaded, or the next import tries again.
    fn settle(&mut self, module: *const LoadedModule, loaded: bool) -> Vec<Waiter> {
        let is_it = |state: &State| matches!(state, State::Loading(m, _) if std::ptr::eq(*m, module));
        let Some(key) = self.by_key.iter().find(|(_, state)| is_it(state)).map(|(key, _)| key.clone()) else {
            return Vec::new();
        };
        match self.by_key.remove(&key) {
            Some(State::Loading(module, _)) if loaded => {
                self.by_key.insert(key.clone(), State::Loaded(module));
            }
            _ => {}
        }
        self.waiting.remove(&key).unwrap_or_default()
    }
}

/// What the table of modules says of an import.
enum Found {
    /// The module, loaded or (in a cycle of imports) as far as it has got.
    Here(&'static LoadedModule),
    /// Another thread runs its top level; the task has been parked until that ends.
    Elsewhere(Control),
    Nothing,
}

fn look_up(thread: &mut Thread, vm: &Vm, key: &str) -> Found {
    let mut table = vm.modules.lock().expect("not poisoned");
    match table.by_key.get(key).copied() {
        Some(State::Loaded(module)) => Found::Here(module),
        Some(State::Loading(module, owner)) if owner == thread.shared.id => Found::Here(module),
        Some(State::Loading(..)) => {
            let (waiter, control) = Waiter::park(thread);
            table.waiting.entry(key.to_owned()).or_default().push(waiter);
            Found::Elsewhere(control)
        }
        None => Found::Nothing,
    }
}

/// The `import` op: the module, if it is loaded; otherwise its top level is run first, and the op executed again.
pub fn import(thread: &mut Thread, path: &str, from: &str) -> Outcome<Called> {
    let vm = thread.vm.clone();
    let known = vm.modules.lock().expect("not poisoned").known(path, from);
    if let Some(key) = known {
        match look_up(thread, &vm, &key) {
            Found::Here(module) => return Ok(Called::Value(module.namespaces[0])),
            Found::Elsewhere(control) => return Err(control),
            Found::Nothing => {}
        }
    }
    let Some(loader) = &vm.loader else {
        return Err(thread
            .error(ErrorClass::ImportError, format!("cannot import {path}: this VM has no module loader")));
    };
    let (key, source) = match loader.load(path, from) {
        Ok(found) => found,
        Err(message) => {
            return Err(thread.error(ErrorClass::ImportError, format!("cannot import {path}: {message}")));
        }
    };
    {
        let mut table = vm.modules.lock().expect("not poisoned");
        table.known.entry(from.to_owned()).or_default().insert(path.to_owned(), key.clone());
    }
    match look_up(thread, &vm, &key) {
        Found::Here(module) => return Ok(Called::Value(module.namespaces[0])),
        Found::Elsewhere(control) => return Err(control),
        Found::Nothing => {}
    }
    let LoadedSource::Module(load) = source;
    let data = match load() {
        Ok(data) => data,
        Err(message) => return Err(thread.error(ErrorClass::ImportError, message)),
    };
    let internal = key.starts_with("std:");
    let env = vm.new_env();
    let module = match vm.link(data, env, internal) {
        Ok(module) => module,
        Err(message) => {
            return Err(thread.error(ErrorClass::ImportError, format!("cannot import {path}: {message}")));
        }
    };
    {
        let mut table = vm.modules.lock().expect("not poisoned");
        if table.by_key.contains_key(&key) {
            // Another thread was quicker: use its module.
            drop(table);
            return import(thread, path, from);
        }
        table.by_key.insert(key, State::Loading(module, thread.shared.id));
    }
    let code = module.functions[0];
    let target = Target { dst: 0, kind: ReturnKind::Module };
    match attach(thread, module).and_then(|()| call::push(thread, code, code.value, &[], 0, target)) {
        Ok(()) => Ok(Called::Frame),
        Err(control) => {
            // It does not run: whoever tries again finds nothing half loaded.
            failed(thread, code);
            Err(control)
        }
    }
}

/// The top level of a module ended well.
pub fn finished(thread: &mut Thread, code: &'static Code) {
    settle(thread, code, true);
}

/// The top level of a module threw: the next import tries again.
pub fn failed(thread: &mut Thread, code: &'static Code) {
    settle(thread, code, false);
}

fn settle(thread: &mut Thread, code: &'static Code, loaded: bool) {
    let waiters = thread.vm.modules.lock().expect("not poisoned").settle(code.module, loaded);
    for waiter in waiters {
        waiter.wake(&thread.vm.registry);
    }
}

/// Marks a module as loaded under a key without running it (library modules that a builder links).
pub fn register(vm: &Vm, key: &str, module: &'static LoadedModule) {
    vm.modules.lock().expect("not poisoned").by_key.insert(key.to_owned(), State::Loaded(module));
}
