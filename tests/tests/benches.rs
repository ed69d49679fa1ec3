//! The benchmark programs: each runs with a small size and prints what its peers in other languages print, as
//! `benches/programs/expected.tsv` says, so that a benchmark never measures wrong work.

use corella_tests::{binary, child, workspace_root};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn benchmark_programs_print_what_their_peers_print() {
    let folder = workspace_root().join("benches").join("programs");
    let table = std::fs::read_to_string(folder.join("expected.tsv")).expect("the table is there");
    let program = binary::corella();
    let mut faults = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [script, arguments, fragment] = fields[..] else {
            faults.push(format!("not three fields: {line}"));
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
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
