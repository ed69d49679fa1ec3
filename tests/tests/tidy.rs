//! What review would say again and again, said by a test: module docs, no leftovers, no giant
//! files, the crates' arrows, names of the scripts. Exceptions stand here, each with its reason.

use corella_tests::expect::Expectations;
use corella_tests::{files, workspace_root};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Files longer than this hold more than one idea.
const LONGEST: usize = 700;

/// Longer files, each with the reason why it stays whole.
const LONG_FILES: &[(&str, &str)] = &[(
    "vm/src/interp/run.rs",
    "the loop: one arm per op, which must be one function to keep its state in registers",
)];

/// The workspace's crates and the crates of ours that each may depend on (build and dev included).
const ARROWS: &[(&str, &[&str])] = &[
    ("vm", &[]),
    ("compiler", &["corella-vm"]),
    ("stdlib", &["corella-vm", "corella-compiler"]),
    ("embed", &["corella-vm", "corella-compiler", "corella-stdlib"]),
    ("repl", &["corella"]),
    ("tests", &["corella", "corella-vm", "corella-compiler", "corella-stdlib"]),
];

fn sources() -> Vec<(String, String)> {
    let root = workspace_root();
    files::below(&root, "rs")
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            (files::relative(&path, &root), text)
        })
        .collect()
}

/// The part of the library that is written in Corella.
fn library() -> Vec<(String, String)> {
    let root = workspace_root();
    ["prelude", "modules"]
        .iter()
        .flat_map(|folder| files::below(&root.join("stdlib").join(folder), "cor"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            (files::relative(&path, &root), text)
        })
        .collect()
}

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "{} to mend:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn each_file_says_what_it_holds() {
    let bare =
        |text: &str| !text.lines().find(|line| !line.trim().is_empty()).is_some_and(|l| l.starts_with("//!"));
    let mut faults: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| bare(text))
        .map(|(path, _)| format!("{path}: no //! at its head"))
        .collect();
    let scripts = library();
    assert!(!scripts.is_empty(), "the library's scripts have been moved");
    let bare = scripts.iter().filter(|(_, text)| !text.starts_with("// "));
    faults.extend(bare.map(|(path, _)| format!("{path}: no // at its head")));
    complain(&faults);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let leftovers =
        [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat(), ["dbg", "!("].concat()];
    let macros = [["to", "do!("].concat(), ["unimple", "mented!("].concat()];
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            if leftovers.iter().chain(&macros).any(|word| line.contains(word.as_str())) {
                faults.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    complain(&faults);
}

#[test]
fn no_file_is_a_giant() {
    let mut faults = Vec::new();
    for (path, text) in sources().into_iter().chain(library()) {
        let lines = text.lines().count();
        let excused = LONG_FILES.iter().any(|(excused, _)| *excused == path);
        if lines > LONGEST && !excused {
            faults.push(format!("{path}: {lines} lines, more than {LONGEST}"));
        }
        if lines <= LONGEST && excused {
            faults.push(format!("{path}: {lines} lines; it needs no exception any more"));
        }
    }
    complain(&faults);
}

#[test]
fn arrows_between_crates_run_one_way() {
    let root = workspace_root();
    let mut faults = Vec::new();
    for (folder, allowed) in ARROWS {
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap_or_default();
        for name in dependencies(&manifest) {
            let ours = name == "corella" || name.starts_with("corella-");
            if ours && !allowed.contains(&name.as_str()) {
                faults.push(format!("{folder} must not depend on {name}"));
            }
        }
    }
    complain(&faults);
}

/// The names in all tables of a manifest that end in `dependencies`.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.trim_end_matches(']').ends_with("dependencies");
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                names.push(name.to_string());
            }
        }
    }
    names
}

fn scripts() -> Vec<(String, PathBuf)> {
    let root = workspace_root().join("tests").join("scripts");
    files::below(&root, "cor").into_iter().map(|path| (files::relative(&path, &root), path)).collect()
}

#[test]
fn scripts_are_named_for_what_they_show() {
    let mut faults = Vec::new();
    for (name, _) in scripts() {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.trim_end_matches(".cor").split('/').all(|part| part.chars().all(plain)) {
            faults.push(format!("{name}: a script's name is lower case words joined with _"));
        }
        if !name.contains('/') {
            faults.push(format!("{name}: a script stands in the folder of its subject"));
        }
    }
    complain(&faults);
}

#[test]
fn each_script_expects_something() {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, path) in scripts() {
        if name.contains("support/") || name.starts_with("diagnostics/") {
            continue;
        }
        let Ok(source) = std::fs::read_to_string(&path) else { continue };
        match Expectations::read(&source) {
            Ok(all) if all.stdout.is_empty() && all.silent() && all.exit.is_none() => {
                faults.push(format!("{name}: expects nothing, so it cannot fail"));
            }
            Ok(_) => {}
            Err(error) => faults.push(format!("{name}: {error}")),
        }
        if let Some(other) = seen.insert(source, name.clone()) {
            faults.push(format!("{name}: the same as {other}"));
        }
    }
    complain(&faults);
}
