//! Allocation failure: golden scripts run again and again while their n-th allocation fails, for n = 1, 2, 3 ...
//!
//! - `once/...`: one allocation fails. The instruction (or the message, outside any task) is executed again after a collection, so the
//!   script must print what it always prints: nothing may be left half done.
//! - `twice/...`: the second try fails too, which is a `MemoryError`; `often/...`: there is no memory for that error either, nor for
//!   whatever is tried in the next moments. The script ends as it likes, but the heap is whole and the VM can be used afterwards.
//!
//! Each test is a child process, so that a crash costs one test; it tells the number of the allocation. `MEMORY_SCRIPTS=all` takes all golden
//! scripts, `MEMORY_POINTS` says for how many allocations of each (spread evenly; 0: for all), `MEMORY_JIT=1` compiles everything.

use corella::{Captured, Engine, Error, JitMode, Script, Vm};
use corella_tests::expect::Expectations;
use corella_tests::{child, files, workspace_root};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Scripts that reach every kind of object and each area of the library.
const CHOSEN: &[&str] = &[
    "classes/arithmetic_hooks",
    "classes/iterate_hook",
    "classes/subclass_of_error_with_attributes",
    "closures/captures_by_reference",
    "errors/finally_runs_after_catch",
    "generators/pipeline",
    "library/channel/select_over_channels_of_two_threads",
    "library/future/all_gives_results_in_order",
    "library/sync/killed_waiter_passes_the_lock_on",
    "library/thread/pool_accounts_for_each_call",
    "library/weaver/accounts_for_each_job",
    "library/weaver/accounts_for_jobs_of_another_thread",
    "library/weaver/errors_reach_dependants_and_the_finisher",
    "match/nested_patterns",
    "modules/names_by_path",
    "numbers/boxed_integers_as_keys",
    "programs/json_reader",
    "programs/memoized_fibonacci_with_big_integers",
    "proxies/direct_reference_by_unshare_elsewhere",
    "stdlib/array_sort_with_comparison",
    "stdlib/bytes_slice_and_iterate",
    "stdlib/copy_keeps_cycles_and_sharing",
    "stdlib/float_array",
    "stdlib/map_many_entries",
    "tasks/scope_failure_cancels_siblings",
    "threads/kill_across_threads",
];

/// Scripts that account for all that they have started. They catch what is told to them, so they end as usual or with a
/// `MemoryError` of their own: what waits for ever, or finds that something was lost or doubled, ends otherwise.
const ACCOUNTING: &[&str] = &[
    "library/thread/pool_accounts_for_each_call",
    "library/weaver/accounts_for_each_job",
    "library/weaver/accounts_for_jobs_of_another_thread",
];

/// How an allocation fails: name, and how many fail from there on.
const WAYS: [(&str, u64); 3] = [("once", 1), ("twice", 2), ("often", 12)];

/// Allocations of one script that are made to fail, unless the environment wants more.
const POINTS: u64 = 25;

/// Only a hang takes as long.
const LIMIT: Duration = Duration::from_secs(300);

/// What a run may do; more than any golden script does. One that has lost the task which would have ended another goes on for as long.
const FUEL: u64 = 4_000_000;

fn main() {
    if let Ok(work) = std::env::var("MEMORY_WORK") {
        return match work.split_once(' ') {
            Some((count, path)) => worker(count.parse().expect("a number"), Path::new(path)),
            None => panic!("MEMORY_WORK is `COUNT PATH`"),
        };
    }
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials()).exit();
}

fn trials() -> Vec<Trial> {
    let root = workspace_root().join("tests").join("scripts");
    let all = std::env::var_os("MEMORY_SCRIPTS").is_some_and(|value| value == "all");
    let mut trials = Vec::new();
    for path in files::below(&root, "cor") {
        let name = files::relative(&path, &root).trim_end_matches(".cor").to_owned();
        if !(all || CHOSEN.contains(&name.as_str())) || !suits(&name, &path) {
            continue;
        }
        for (way, count) in WAYS {
            let path = path.clone();
            trials.push(Trial::test(format!("{way}/{name}"), move || check(count, &path)));
        }
    }
    assert!(all || trials.len() == CHOSEN.len() * WAYS.len(), "a chosen script is missing");
    trials
}

/// Scripts that run to their end by themselves, without switches of their own.
fn suits(name: &str, path: &Path) -> bool {
    let Some(expected) = std::fs::read_to_string(path).ok().and_then(|text| Expectations::read(&text).ok())
    else {
        return false;
    };
    !name.split('/').any(|part| part == "support")
        && !expected.stops_before_running()
        && expected.exit != Some(2)
        && expected.compile_errors.is_empty()
        && expected.skip.is_none()
        && expected.command.is_none()
        && expected.flags.is_empty()
        && expected.stdin.is_empty()
        && !name.starts_with("diagnostics/")
}

fn check(count: u64, path: &Path) -> Result<(), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .current_dir(path.parent().unwrap_or(path))
        .env("MEMORY_WORK", format!("{count} {}", path.display()))
        .env_remove("CORELLA_HOME");
    let outcome = child::run(command, "", LIMIT)?;
    if outcome.death.is_none() && outcome.status == Some(0) && !outcome.stderr.contains("panicked at") {
        return Ok(());
    }
    let last = outcome.stdout.lines().last().unwrap_or("nothing");
    let words: Vec<&str> = outcome.stderr.lines().rev().take(12).collect();
    let words: Vec<&str> = words.into_iter().rev().collect();
    Err(format!("{last}: {:?} {:?}\n{}", outcome.status, outcome.death, words.join("\n")).into())
}

/// What a run did.
struct Run {
    printed: String,
    result: Result<i32, Error>,
    allocations: u64,
}

impl Run {
    /// How it ended, in one line.
    fn ending(&self) -> String {
        match &self.result {
            Ok(status) => format!("status {status}"),
            Err(error) => error.to_string(),
        }
    }
}

/// Runs the script with that allocation failing, and looks whether the VM can be used afterwards.
fn run(script: &Script, args: &[String], first: u64, count: u64) -> Run {
    let output = Captured::new();
    let engine = Engine::builder()
        .failing_allocations(true)
        .verify_heap(true)
        .import_files(true)
        .file_access(true)
        .fuel_limit(FUEL)
        .seed(1)
        .jit(if std::env::var_os("MEMORY_JIT").is_some() { JitMode::Always } else { JitMode::default() })
        .output(output.clone())
        .build();
    let mut vm = engine.vm().expect("a VM starts");
    vm.fail_allocations(first, count);
    let result = vm.run_program(script, args, |_| ());
    let allocations = vm.allocations();
    vm.fail_allocations(0, 0);
    vm.set_fuel(FUEL);
    // Verifies the heap as well.
    vm.collect_garbage();
    use_it(&mut vm);
    Run { printed: output.take(), result, allocations }
}

fn use_it(vm: &mut Vm) {
    let text = "
        function after(n) { var m = {}; for (i in 0..n) m[`k${i}`] = [i]; return m; }
        var done = await spawn after(40);
        copy(done).equals(done) && done[\"k39\"][0] == 39";
    match vm.eval::<bool>(text) {
        Ok(true) => {}
        other => panic!("afterwards the VM gives {other:?}"),
    }
    vm.collect_garbage();
}

fn worker(count: u64, path: &Path) {
    let text = std::fs::read_to_string(path).expect("a script");
    let expected = Expectations::read(&text).expect("a golden script");
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    let Ok(script) = Engine::new().compile(name, &text) else {
        // It is about an error of the compiler.
        return;
    };
    let usual = run(&script, &expected.args, 0, 0);
    let points = std::env::var("MEMORY_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(POINTS);
    let step = match points {
        0 => 1,
        _ => usual.allocations.div_ceil(points).max(1),
    };
    // Not the same ones in each way of failing.
    let mut first = 1 + count % step;
    while first <= usual.allocations {
        println!("allocation {first} of {}", usual.allocations);
        let run = run(&script, &expected.args, first, count);
        let accounts = ACCOUNTING.iter().any(|name| path.ends_with(format!("{name}.cor")));
        // Where there is no memory for whatever is tried next either, a message may be lost; that is reported.
        if accounts && count <= 2 && run.ending() != usual.ending() {
            let ending = run.ending();
            assert!(ending.starts_with("MemoryError"), "it ended with {ending}");
        }
        if count == 1 && (run.printed != usual.printed || run.ending() != usual.ending()) {
            let told = format!("{}{}", run.printed, run.ending());
            assert!(
                told.contains("memory limit"),
                "it printed:\n{}\nand ended with {}; usually:\n{}\nand {}",
                run.printed,
                run.ending(),
                usual.printed,
                usual.ending()
            );
        }
        first += step;
    }
}
