//! One script under limits: what it may take is bounded, what it does is recorded, and the VM has to be usable afterwards.

use crate::{Rng, digest};
use corella::{Builder, Engine, Error, JitMode, Script, Tick};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What a VM may take of memory in a trial.
pub const MEMORY: usize = 24 << 20;
/// What a process may take above that for one input: source text, syntax tree, code, and messages on their way.
pub const MEMORY_BESIDES: usize = 256 << 20;

/// Remembers length and digest of what was printed, not the text.
#[derive(Clone, Default)]
pub struct Printed(Arc<Mutex<(u64, u64)>>);

impl Printed {
    /// Number and digest of the bytes printed.
    pub fn figures(&self) -> (u64, u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.0 += bytes.len() as u64;
        // In pieces of any size the same bytes give the same digest.
        for byte in bytes {
            figures.1 = (figures.1 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Length and digest of what was printed.
    pub printed: (u64, u64),
    /// The exit status, or the error.
    pub result: Result<i32, String>,
    /// Fuel that was left.
    pub fuel: u64,
}

/// What the settings of a trial follow from: the input's digest, unless the input begins with `// settings: N`. With that line a text
/// keeps its settings while it is made smaller.
pub fn settings_number(input: &[u8]) -> u64 {
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let number = std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.strip_prefix("// settings: ")?.trim().parse().ok());
    number.unwrap_or_else(|| digest(input))
}

/// Settings that follow from an input.
struct Settings {
    builder: Builder,
    jit: JitMode,
    /// The VM may well run out of memory.
    tight: bool,
}

/// All VMs are seeded, so that time does not pass by itself and a trial can be repeated.
fn settings(input: &[u8]) -> Settings {
    let mut rng = Rng::new(settings_number(input));
    let (mut fuel, mut builder) = (50_000, Engine::builder().seed(rng.bits()));
    let way = rng.below(8);
    match way {
        0 => (fuel, builder) = (2_000, builder.gc_stress(true)),
        1 => (fuel, builder) = (5_000, builder.verify_heap(true)),
        2 => (fuel, builder) = (20_000, builder.tick(Tick::Always)),
        3 => builder = builder.tick(Tick::Fuel(1 + u64::from(rng.below(40)))),
        _ => {}
    }
    // Going through a large heap at every safepoint takes minutes.
    let tight = way < 2 || rng.one_in(4);
    let builder = builder
        .memory_limit(if tight { (1 << 20) + rng.below(4 << 20) as usize } else { MEMORY })
        .fuel_limit(fuel)
        .stack_limit(1 << 18)
        .task_limit(500)
        .thread_limit(6);
    // Compiling everything takes much longer than running it.
    let jit = match rng.below(10) {
        0 => JitMode::Always,
        1..=3 => JitMode::Auto,
        _ => JitMode::Off,
    };
    Settings { builder, jit, tight }
}

fn words(error: &Error) -> String {
    // The report as well: making it must not fail either.
    let _ = error.report();
    error.to_string()
}

/// Whether the settings of an input have the JIT compile anything, and the interpreter must do the same to the unit of fuel: not if memory
/// is tight, since compiled code asks at once for all that its frames may need of a stack, and so meets the limit elsewhere.
pub fn compiles_exactly(input: &[u8]) -> bool {
    let Settings { jit, tight, .. } = settings(input);
    jit != JitMode::Off && !tight
}

/// Runs a compiled script in a VM of its own.
///
/// # Errors
/// What must not happen: the VM cannot be used afterwards.
pub fn run(input: &[u8], script: &Script) -> Result<Ending, String> {
    let Settings { builder, jit, .. } = settings(input);
    run_in(builder.jit(jit), script)
}

/// As [`run`], by the interpreter alone.
///
/// # Errors
/// As there.
pub fn interpret(input: &[u8], script: &Script) -> Result<Ending, String> {
    run_in(settings(input).builder.jit(JitMode::Off), script)
}

fn run_in(builder: Builder, script: &Script) -> Result<Ending, String> {
    let printed = Printed::default();
    let engine = builder.output(printed.clone()).build();
    let mut vm = engine.vm().map_err(|error| format!("no VM: {error}"))?;
    let result = vm.run_program(script, &["one".into(), "2".into()], |error| drop(words(error)));
    let ending = Ending {
        printed: printed.figures(),
        result: result.map_err(|error| words(&error)),
        fuel: vm.fuel_left(),
    };
    vm.set_memory_limit(MEMORY * 4);
    vm.set_fuel(1_000_000);
    vm.collect_garbage();
    // A program may have redefined nothing that this uses.
    match vm.eval::<i64>("var after = [20, 22]; after[0] + after[1]") {
        Ok(42) => Ok(ending),
        Ok(other) => Err(format!("afterwards 20 + 22 is {other}")),
        Err(error) => Err(format!("afterwards the VM is not usable: {}", words(&error))),
    }
}

/// Bytes of memory that the process used at most since [`forget_peak`], and uses now.
pub fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let figure = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) << 10
    };
    (figure("VmHWM:"), figure("VmRSS:"))
}

/// Begins a new measurement of the peak, where the system offers that.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
