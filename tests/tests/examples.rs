//! The examples: every `examples/*.cor` runs from the root of the workspace, ends with status 0 and
//! prints exactly what its twin `.out` file holds. `// args:`, `// stdin:` and `// flags:` comments
//! in the example say how it is run. `UPDATE_GOLDENS=1` writes the `.out` files anew.

use corella_tests::expect::Expectations;
use corella_tests::{binary, child, files, judge};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    let arguments = Arguments::from_args();
    let root = corella_tests::workspace_root();
    let mut trials = Vec::new();
    for path in files::below(&root.join("examples"), "cor") {
        let name = files::relative(&path, &root);
        // Only the examples themselves; modules that they import stand in folders below.
        if name.matches('/').count() == 1 {
            trials.push(Trial::test(name.clone(), move || run(&path, &name).map_err(Failed::from)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(path: &Path, name: &str) -> Result<(), String> {
    let source = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let how = Expectations::read(&source)?;
    let mut command = Command::new(program());
    command
        .current_dir(corella_tests::workspace_root())
        .arg("run")
        .args(&how.flags)
        .arg(name)
        .args(&how.args);
    let outcome = child::run(command, &how.stdin, LIMIT).map_err(|error| error.to_string())?;
    let twin = path.with_extension("out");
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1") && outcome.status == Some(0) {
        std::fs::write(&twin, &outcome.stdout).map_err(|error| error.to_string())?;
    }
    let wanted = std::fs::read_to_string(&twin).map_err(|_| format!("{name} has no .out file"))?;
    let wanted = Expectations {
        stdout: wanted.lines().map(|line| line.trim_end().to_string()).collect(),
        exit: how.exit,
        ..Expectations::default()
    };
    judge::judge(&wanted, name, &outcome)
}

fn program() -> &'static Path {
    static PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(binary::corella)
}
