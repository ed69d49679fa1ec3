//! The concurrency library under many interleavings: each scenario of `tests/interleavings/` runs with 500 seeds on one thread, on
//! two threads, and with tasks killed at random moments. A scenario's functions take a seed, which decides where its
//! tasks pause, and throw when something was lost, doubled or kept waiting; the tick in units of fuel varies as well.
//!
//! `INTERLEAVINGS=20000` asks for more. A failure names the function, the fuel and the seed: with the same ones it happens again
//! (on one thread).

use corella::{Engine, Tick, Vm};
use corella_tests::workspace_root;

/// Ticks that the runs are spread over, in units of fuel: short ones switch nearly everywhere, long ones seldom.
const FUELS: [u64; 10] = [1, 2, 3, 4, 5, 7, 11, 19, 40, 150];

fn runs() -> u64 {
    std::env::var("INTERLEAVINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(500)
}

/// A VM whose switches are decided by the fuel alone.
fn vm(fuel: u64) -> Vm {
    let engine = Engine::builder().import_files(true).tick(Tick::Fuel(fuel)).build();
    engine.vm().expect("the VM starts")
}

fn check(scenario: &str) {
    let path = workspace_root().join("tests").join("interleavings").join(format!("{scenario}.cor"));
    let per_fuel = runs().div_ceil(FUELS.len() as u64);
    for (number, fuel) in FUELS.into_iter().enumerate() {
        let mut vm = vm(fuel);
        let script = vm.engine().compile_file(&path).expect("the scenario compiles");
        let module = vm.load(&script).expect("the scenario loads");
        for function in ["one_thread", "two_threads", "random_kills"] {
            for i in 0..per_fuel {
                let seed = (number as u64 * per_fuel + i) as i64;
                if let Err(error) = vm.call::<()>(&module, function, (seed,)) {
                    panic!("{scenario}.cor: {function}({seed}) with a tick of {fuel} units: {error}");
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

scenarios!(channel, select, locks, condition, gates, rwlock, future);
