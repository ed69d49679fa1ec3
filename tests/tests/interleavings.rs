//! The concurrency library under many interleavings: each scenario of `tests/interleavings/` runs 500 times on one thread, on
//! two threads, and with tasks killed at random moments. A scenario's functions take a number, which decides where its
//! tasks pause, and throw when something was lost, doubled or kept waiting. The VM they run in is seeded: which of the threads
//! runs, and in half of the VMs how long each tick is, follows from the seed; in the others the tick is so many units of fuel.
//!
//! `INTERLEAVINGS=20000` asks for more. A failure names the seed of the VM; `INTERLEAVINGS_SEED` runs that one alone, and it
//! happens again.

use corella::{Engine, Tick, Vm};
use corella_tests::workspace_root;

/// Ticks in units of fuel: short ones switch nearly everywhere, long ones seldom.
const FUELS: [u64; 10] = [1, 2, 3, 4, 5, 7, 11, 19, 40, 150];

/// How often a VM runs each function. A VM of its own for each would be more different, but takes longer to make than to use.
const RUNS_PER_VM: u64 = 10;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|n| n.parse().ok())
}

/// A VM whose switches are decided by its seed alone.
fn vm(seed: u64) -> Vm {
    let mut builder = Engine::builder().import_files(true).seed(seed);
    if seed % 2 == 1 {
        let fuel = FUELS[(seed / 2 % FUELS.len() as u64) as usize];
        builder = builder.tick(Tick::Fuel(fuel));
    }
    builder.build().vm().expect("the VM starts")
}

fn check(scenario: &str) {
    let path = workspace_root().join("tests").join("interleavings").join(format!("{scenario}.cor"));
    let seeds = match number("INTERLEAVINGS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("INTERLEAVINGS").unwrap_or(500).div_ceil(RUNS_PER_VM),
    };
    for seed in seeds {
        let mut vm = vm(seed);
        let script = vm.engine().compile_file(&path).expect("the scenario compiles");
        let module = vm.load(&script).expect("the scenario loads");
        for function in ["one_thread", "two_threads", "random_kills"] {
            for i in seed * RUNS_PER_VM..(seed + 1) * RUNS_PER_VM {
                if let Err(error) = vm.call::<()>(&module, function, (i as i64,)) {
                    panic!("{scenario}.cor with INTERLEAVINGS_SEED={seed}: {function}({i}): {error}");
                }
            }
        }
    }
}

macro_rules! scenarios {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn each_scenario_is_run() {
            let folder = workspace_root().join("tests").join("interleavings");
            let mut found: Vec<String> = std::fs::read_dir(folder)
                .expect("the folder is there")
                .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".cor").map(str::to_owned))
                .collect();
            found.sort();
            let mut known = vec![$(stringify!($name)),*];
            known.sort_unstable();
            assert_eq!(found, known);
        }
    };
}

scenarios!(
    channel,
    handover,
    select,
    select_between,
    locks,
    condition,
    gates,
    rwlock,
    future,
    timing,
    group,
    watch,
    watchdog,
    supervisor,
    locals,
    pool,
    weaver,
    weaver_control,
    shared_queue,
    shared
);
