//! The stress program: rounds of `tests/stress/stress.cor`, in which threads read and write each other's objects in every way while
//! tasks are killed, threads end and all heaps collect. 10 seconds of it by default, in several modes.
//!
//! ```text
//! cargo test --release -p corella-tests --test stress -- --minutes 5 --mode plain --threads 8 --tasks 1000 --seed 7
//! ```
//!
//! It fails when a script error comes out (a message lost, doubled or out of order; a torn record; a deadlock report), when a round takes
//! more than `--limit` seconds, or when memory has grown from the warm-up to the end. The round that failed is named with its seed;
//! `--vm-seed N` runs it serialised, so that it can be repeated exactly.

use corella::{Engine, Module, Tick, Vm};
use corella_tests::workspace_root;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How the VM of a part of the run is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Plain,
    /// A tick is a few turns of a loop.
    ShortTicks,
    /// Each heap is checked after each collection.
    VerifyHeap,
    /// Collects at every safepoint.
    GcStress,
    /// One thread at a time, drawn from a seed.
    Seeded,
}

/// Mode, its share of the time in percent, and of the tasks.
const PARTS: [(Mode, u32, i64); 5] = [
    (Mode::Plain, 60, 100),
    (Mode::ShortTicks, 10, 20),
    (Mode::VerifyHeap, 10, 10),
    (Mode::GcStress, 10, 0),
    (Mode::Seeded, 10, 5),
];

struct Settings {
    time: Duration,
    threads: i64,
    tasks: i64,
    seed: i64,
    vm_seed: Option<u64>,
    mode: Option<Mode>,
    limit: Duration,
    rounds: u64,
    chatty: bool,
}

fn settings() -> Result<Option<Settings>, String> {
    let mut settings = Settings {
        time: Duration::from_secs(10),
        threads: 8,
        tasks: 1000,
        seed: 1,
        vm_seed: None,
        mode: None,
        limit: Duration::from_secs(120),
        rounds: u64::MAX,
        chatty: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || -> Result<u64, String> {
            let text = args.next().unwrap_or_default();
            text.parse().map_err(|_| format!("{arg} needs a number, not {text:?}"))
        };
        match arg.as_str() {
            "--seconds" => settings.time = Duration::from_secs(number()?),
            "--minutes" => settings.time = Duration::from_secs(60 * number()?),
            "--threads" => settings.threads = number()? as i64,
            "--tasks" => settings.tasks = number()? as i64,
            "--seed" => settings.seed = number()? as i64,
            "--vm-seed" => settings.vm_seed = Some(number()?),
            "--limit" => settings.limit = Duration::from_secs(number()?),
            "--rounds" => settings.rounds = number()?,
            "--verbose" => settings.chatty = true,
            "--mode" => {
                let name = args.next().unwrap_or_default();
                let found = PARTS.iter().find(|(mode, ..)| format!("{mode:?}") == name);
                let names = || PARTS.map(|(mode, ..)| format!("{mode:?}")).join(", ");
                settings.mode = Some(found.ok_or_else(|| format!("--mode is one of {}", names()))?.0);
            }
            // What the usual test harness takes: a filter that this is not meant by, and options that change nothing here.
            "--list" => {
                println!("stress: test");
                return Ok(None);
            }
            other if !other.starts_with('-') && !"stress".contains(other) => return Ok(None),
            _ => {}
        }
    }
    Ok(Some(settings))
}

/// Ends the process when a round takes too long, saying which.
struct Watch {
    /// When the round is to be over, in milliseconds since the start; 0 between rounds.
    until: AtomicU64,
    limit: Duration,
    what: Mutex<String>,
    start: Instant,
}

impl Watch {
    fn new(limit: Duration) -> Arc<Watch> {
        let watch = Arc::new(Watch {
            until: AtomicU64::new(0),
            limit,
            what: Mutex::default(),
            start: Instant::now(),
        });
        let seen = watch.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(200));
                let until = seen.until.load(Ordering::Relaxed);
                if until > 0 && seen.start.elapsed().as_millis() as u64 > until {
                    let what = seen.what.lock().map(|what| what.clone()).unwrap_or_default();
                    eprintln!("stress: hangs: {what}");
                    if std::env::var_os("STRESS_HOLD").is_some() {
                        // For a debugger to look at.
                        std::thread::sleep(Duration::from_secs(3600));
                    }
                    std::process::abort();
                }
            }
        });
        watch
    }

    fn begin(&self, mode: Mode, what: String) {
        if let Ok(mut place) = self.what.lock() {
            *place = what;
        }
        // On a busy machine each collection waits until each other thread has had its turn.
        let limit = if mode == Mode::GcStress { self.limit * 10 } else { self.limit };
        self.until.store((self.start.elapsed() + limit).as_millis() as u64, Ordering::Relaxed);
    }

    fn end(&self) {
        self.until.store(0, Ordering::Relaxed);
    }
}

/// Resident memory of this process in KiB; 0 where that is not known.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}

fn vm(mode: Mode, seed: u64) -> Result<(Vm, Module), String> {
    let mut builder = Engine::builder().import_files(true).memory_limit(4 << 30);
    match mode {
        Mode::Plain => {}
        Mode::ShortTicks => builder = builder.tick(Tick::Fuel(1 + seed % 60)),
        Mode::VerifyHeap => builder = builder.verify_heap(true),
        Mode::GcStress => builder = builder.gc_stress(true),
        Mode::Seeded => builder = builder.seed(seed),
    }
    let mut vm = builder.build().vm().map_err(|error| error.to_string())?;
    let path = workspace_root().join("tests").join("stress").join("stress.cor");
    let script = vm.engine().compile_file(&path).map_err(|error| error.to_string())?;
    let module = vm.load(&script).map_err(|error| error.report())?;
    Ok((vm, module))
}

/// What memory was like, round by round, in KiB.
#[derive(Default)]
struct Memory {
    resident: Vec<u64>,
    heaps: Vec<u64>,
}

impl Memory {
    /// The highest of the second quarter and of the last, if there are enough rounds to tell.
    fn early_and_late(of: &[u64]) -> Option<(u64, u64)> {
        let quarter = of.len() / 4;
        if quarter < 4 {
            return None;
        }
        let early = of[quarter..2 * quarter].iter().max()?;
        let late = of[of.len() - quarter..].iter().max()?;
        Some((*early, *late))
    }

    fn check(&self) -> Result<String, String> {
        let mut text = String::new();
        for (name, of) in [("resident", &self.resident), ("heaps", &self.heaps)] {
            if let Some((early, late)) = Memory::early_and_late(of) {
                if late > early + early / 8 + 4096 {
                    return Err(format!(
                        "memory grows: {name} {early} KiB after warm-up, {late} KiB at the end"
                    ));
                }
                text += &format!(" {name} {early} -> {late} KiB;");
            }
        }
        Ok(text)
    }
}

/// Rounds in one VM (in a seeded or short-ticked run, in one VM for every few) until the time is over.
fn part(settings: &Settings, watch: &Watch, mode: Mode, time: Duration, tasks: i64) -> Result<(), String> {
    let end = Instant::now() + time;
    // With a collection at each safepoint, each waiting for all other threads, a round of many threads takes long.
    let most = if mode == Mode::GcStress && settings.mode.is_none() { 3 } else { i64::MAX };
    let threads = settings.threads.min(most);
    let mut memory = Memory::default();
    let mut round = 0;
    while round == 0 || (Instant::now() < end && round < settings.rounds) {
        let vm_seed = settings.vm_seed.unwrap_or(settings.seed as u64 + round);
        let (mut vm, module) = vm(mode, vm_seed)?;
        let many = if mode == Mode::Plain { u64::MAX } else { 8 };
        for _ in 0..many {
            let seed = settings.seed + round as i64;
            let what = format!(
                "--mode {mode:?} --threads {threads} --tasks {tasks} --seed {seed} --vm-seed {vm_seed} --rounds 1"
            );
            watch.begin(mode, what.clone());
            let begun = Instant::now();
            let done = vm.call::<String>(&module, "round_text", (seed, threads, tasks));
            watch.end();
            let text = done.map_err(|error| format!("{what}: {}", error.report()))?;
            round += 1;
            memory.resident.push(resident());
            memory.heaps.push(vm.memory_used() as u64 / 1024);
            if settings.chatty {
                let (resident, heaps) = (resident() / 1024, vm.memory_used() >> 20);
                println!("{mode:?} {seed}: {:?}, {resident} MiB, heaps {heaps} MiB: {text}", begun.elapsed());
            }
            if Instant::now() >= end || round >= settings.rounds {
                break;
            }
        }
        watch.begin(mode, format!("{mode:?}: the end of the VM"));
        vm.call::<()>(&module, "finish", ()).map_err(|error| error.report())?;
        drop(vm);
        watch.end();
    }
    let memory = if mode == Mode::Plain { memory.check()? } else { String::new() };
    println!("stress: {mode:?}: {round} rounds of {threads} x {tasks} tasks;{memory}");
    Ok(())
}

fn run() -> Result<(), String> {
    let Some(settings) = settings()? else { return Ok(()) };
    let watch = Watch::new(settings.limit);
    for (mode, share, of_tasks) in PARTS {
        match settings.mode {
            None => {
                let tasks = (settings.tasks * of_tasks / 100).max(5);
                part(&settings, &watch, mode, settings.time * share / 100, tasks)?;
            }
            Some(only) if only == mode => part(&settings, &watch, mode, settings.time, settings.tasks)?,
            Some(_) => {}
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stress: {error}");
            ExitCode::FAILURE
        }
    }
}
