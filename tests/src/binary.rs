//! Finds the `corella` program that belongs to the running test executable.
//!
//! The program is rebuilt first (a no-op when it is fresh), so that a test never judges yesterday's
//! binary. `CORELLA_BIN=path` names another one and skips the build.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The path of the `corella` program; builds it if need be.
///
/// # Panics
/// When the program cannot be built: no test can say anything then.
pub fn corella() -> PathBuf {
    if let Some(given) = std::env::var_os("CORELLA_BIN") {
        return PathBuf::from(given);
    }
    let here = std::env::current_exe().expect("a running program has a path");
    // target/<profile>/deps/golden-0123456789abcdef
    let directory = here.parent().and_then(Path::parent).expect("tests live in target/<profile>/deps");
    build(directory);
    let program = directory.join(format!("corella{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "cargo built no {}", program.display());
    program
}

fn build(directory: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev".to_string(),
        Some(name) => name.to_string(),
    };
    let target = directory.parent().expect("target/<profile> has a parent");
    let status = Command::new(cargo)
        .current_dir(crate::workspace_root())
        .args(["build", "--quiet", "--package", "corella-repl", "--profile", &profile, "--target-dir"])
        .arg(target)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("building corella-repl failed: {status}"),
        Err(error) => panic!("cargo could not be started: {error}"),
    }
}
