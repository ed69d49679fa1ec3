//! The golden scripts: every `tests/scripts/**/*.cor` is one test in every mode, named
//! `mode/folder/file`. Files in a folder called `support` are modules that scripts import.
//!
//! In mode `seeds` the scripts about concurrency run in as many interleavings as `CORELLA_SEEDS` says (10 unless set), each
//! with `--seed N`; a failure names the seed, so that it can be run again. `CORELLA_FIRST_SEED` is where they begin.
//!
//! `tests/scripts/diagnostics/` holds scripts whose whole stderr is kept in a twin `.err` file;
//! `UPDATE_GOLDENS=1` writes those anew (read the difference before you commit it).

use corella_tests::expect::Expectations;
use corella_tests::{binary, child, files, judge};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A way to run a script: its name in the test's name, and the switch that turns it on.
const MODES: [(&str, Option<&str>); 5] = [
    ("plain", None),
    ("jit", Some("--jit=always")),
    ("gc-stress", Some("--gc-stress")),
    ("switch-always", Some("--switch-always")),
    ("verify-heap", Some("--verify-heap")),
];

/// Folders whose scripts run under seeds.
const SEEDED: [&str; 4] = ["tasks", "threads", "proxies", "library"];

/// Far above what the slowest script needs in the slowest mode: only a hang gets there.
const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    let mut arguments = Arguments::from_args();
    // The scripts with threads need a core of their own: no more runs at once than cores.
    if arguments.test_threads.is_none() {
        arguments.test_threads = std::thread::available_parallelism().ok().map(usize::from);
    }
    let trials = trials();
    if !arguments.list {
        // Once, before the clock of the first test runs.
        let _ = program();
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trials() -> Vec<Trial> {
    let root = corella_tests::workspace_root().join("tests").join("scripts");
    let updating = updating();
    let mut trials = Vec::new();
    for path in files::below(&root, "cor") {
        let name = files::relative(&path, &root);
        if name.split('/').any(|part| part == "support") {
            continue;
        }
        let expected = std::fs::read_to_string(&path)
            .map_err(|error| error.to_string())
            .and_then(|source| Expectations::read(&source));
        if let Ok(expected) = &expected
            && SEEDED.contains(&name.split('/').next().unwrap_or_default())
            && !updating
            && expected.skip.is_none()
            && !expected.stops_before_running()
            && (expected.modes.is_empty() || expected.modes.iter().any(|only| only == "seeds"))
        {
            let (path, expected) = (path.clone(), expected.clone());
            trials.push(Trial::test(format!("seeds/{}", name.trim_end_matches(".cor")), move || {
                run_seeds(&path, &expected).map_err(Failed::from)
            }));
        }
        for (mode, switch) in MODES {
            let wanted = match &expected {
                Ok(expected) if mode != "plain" => {
                    !updating
                        && !expected.stops_before_running()
                        && (expected.modes.is_empty() || expected.modes.iter().any(|only| only == mode))
                }
                _ => mode == "plain",
            };
            if !wanted {
                continue;
            }
            let path = path.clone();
            let expected = expected.clone();
            let skipped = expected.as_ref().is_ok_and(|expected| expected.skip.is_some());
            let trial = Trial::test(format!("{mode}/{}", name.trim_end_matches(".cor")), move || {
                run(&path, expected, switch.as_slice()).map_err(Failed::from)
            });
            trials.push(trial.with_ignored_flag(skipped));
        }
    }
    trials
}

/// The script's own switches, without the tick that the mode sets itself.
fn flags<'e>(wanted: &'e [String], switches: &[&str]) -> Vec<&'e str> {
    let mut flags: Vec<&str> = wanted.iter().map(String::as_str).collect();
    if switches == ["--switch-always"]
        && let Some(at) = flags.iter().position(|flag| *flag == "--tick-fuel")
    {
        flags.drain(at..(at + 2).min(flags.len()));
    }
    flags
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1")
}

fn program() -> &'static Path {
    static PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(binary::corella)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn run_seeds(path: &Path, expected: &Expectations) -> Result<(), String> {
    let first = number("CORELLA_FIRST_SEED", 1);
    for seed in first..first + number("CORELLA_SEEDS", 10) {
        run(path, Ok(expected.clone()), &["--seed", &seed.to_string()])
            .map_err(|report| format!("with --seed {seed}: {report}"))?;
    }
    Ok(())
}

fn run(path: &Path, expected: Result<Expectations, String>, switches: &[&str]) -> Result<(), String> {
    let shown = files::relative(path, &corella_tests::workspace_root());
    let mut expected = expected.map_err(|error| format!("{shown}: {error}"))?;
    let file = path.file_name().and_then(|name| name.to_str()).ok_or("a script's name is UTF-8")?;
    let mut command = Command::new(program());
    command
        .current_dir(path.parent().ok_or("a script stands in a folder")?)
        .env_remove("CORELLA_HOME")
        .arg(expected.command.as_deref().unwrap_or("run"))
        .args(switches)
        .args(flags(&expected.flags, switches))
        .arg(file)
        .args(&expected.args);
    let outcome = child::run(command, &expected.stdin, LIMIT).map_err(|error| error.to_string())?;

    if shown.contains("scripts/diagnostics/") {
        let golden = path.with_extension("err");
        if updating() {
            std::fs::write(&golden, &outcome.stderr).map_err(|error| error.to_string())?;
        }
        let wanted = std::fs::read_to_string(&golden)
            .map_err(|_| format!("{shown}: no .err file; make it with UPDATE_GOLDENS=1"))?;
        if wanted != outcome.stderr {
            let wanted: Vec<String> = wanted.lines().map(str::to_string).collect();
            let got: Vec<&str> = outcome.stderr.lines().collect();
            return Err(format!("{shown}\nstderr differs:\n{}", judge::side_by_side(&wanted, &got)));
        }
        // The .err file says it all; only stdout and the status are left to judge.
        expected.stderr.push(String::new());
        expected.exit = Some(expected.exit.unwrap_or(1));
    }
    judge::judge(&expected, file, &outcome).map_err(|report| format!("{shown}\n{report}"))
}
