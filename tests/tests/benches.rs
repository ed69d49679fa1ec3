//! The benchmark programs: each runs with a small size and prints what its peers in other languages print, as
//! `benches/programs/expected.tsv` says, so that a benchmark never measures wrong work. And the lists of what is measured
//! (`sequential.tsv`, `concurrency.tsv`) name programs that are there, in every language that they promise.

use corella_tests::{binary, child, files, workspace_root};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn programs() -> PathBuf {
    workspace_root().join("benches").join("programs")
}

/// The lines of a table, split into fields.
fn table(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(programs().join(name)).expect("the table is there");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// Programs of a folder: `sequential/fib.cor`.
fn scripts(folder: &str) -> BTreeSet<String> {
    let home = programs();
    files::below(&home.join(folder), "cor").iter().map(|path| files::relative(path, &home)).collect()
}

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn benchmark_programs_print_what_their_peers_print() {
    let folder = programs();
    let program = binary::corella();
    let mut faults = Vec::new();
    for fields in table("expected.tsv") {
        let [script, arguments, fragment] = &fields[..] else {
            faults.push(format!("not three fields: {fields:?}"));
            continue;
        };
        let mut command = Command::new(&program);
        command.current_dir(&folder).arg("run").arg(script).args(arguments.split_whitespace());
        let outcome = child::run(command, "", LIMIT).expect("the program starts");
        if outcome.status != Some(0) || !outcome.stdout.contains(fragment) {
            faults.push(format!(
                "{script} {arguments}: expected `{fragment}`, got `{}`\n{}{}",
                outcome.stdout.trim_end(),
                outcome.stderr,
                outcome.death.unwrap_or_default()
            ));
        }
    }
    complain(&faults);
}

#[test]
fn every_program_has_an_expected_output() {
    let expected: BTreeSet<String> =
        table("expected.tsv").into_iter().map(|fields| fields[0].clone()).collect();
    let there: BTreeSet<String> = scripts("sequential").union(&scripts("concurrency")).cloned().collect();
    assert_eq!(expected, there);
}

#[test]
fn the_sequential_list_agrees_with_the_programs() {
    let listed: BTreeSet<String> =
        table("sequential.tsv").into_iter().map(|fields| format!("sequential/{}.cor", fields[0])).collect();
    assert_eq!(listed, scripts("sequential"));
    let peers = workspace_root().join("benches").join("peers").join("sequential");
    let mut faults = Vec::new();
    for fields in table("sequential.tsv") {
        if fields.len() != 4 {
            faults.push(format!("not four fields: {fields:?}"));
        }
        for extension in ["lua", "js", "py"] {
            let peer = format!("{}.{extension}", fields[0]);
            if !peers.join(&peer).exists() {
                faults.push(format!("{peer} is missing"));
            }
        }
    }
    complain(&faults);
}

/// The source file that a run of the concurrency list starts.
fn source(benches: &Path, runner: &str, program: &str) -> Option<PathBuf> {
    let peers = benches.join("peers").join("concurrency");
    Some(match runner.split(':').next()? {
        "corella" => benches.join("programs").join("concurrency").join(program),
        "lua" | "luajit" => peers.join("lua").join(program),
        "node" => peers.join("node").join(program),
        "python" | "greenlet" => peers.join("python").join(program),
        "go" => peers.join("go").join(format!("{program}.go")),
        "erlang" => peers.join("erlang").join(if program == "hello" { "hello.erl" } else { "conc.erl" }),
        _ => return None,
    })
}

#[test]
fn the_concurrency_list_agrees_with_the_programs() {
    let benches = workspace_root().join("benches");
    let mut faults = Vec::new();
    let mut measured = BTreeSet::new();
    let mut measure = String::new();
    for fields in table("concurrency.tsv") {
        match fields.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["measure", id, _, names] if !names.is_empty() => measure = id.to_owned(),
            ["run", id, label, runner, full, quick] => {
                if id != measure {
                    faults.push(format!("{label}: a run of {id} under {measure}"));
                }
                for arguments in [full, quick] {
                    let program = arguments.split_whitespace().next().unwrap_or_default();
                    if !source(&benches, runner, program).is_some_and(|path| path.exists()) {
                        faults.push(format!("{id}, {label}: no program for {runner} {arguments}"));
                    }
                    if runner == "corella" {
                        measured.insert(format!("concurrency/{program}"));
                    }
                }
            }
            _ => faults.push(format!("neither a measure nor a run: {fields:?}")),
        }
    }
    complain(&faults);
    assert_eq!(measured, scripts("concurrency"));
}
