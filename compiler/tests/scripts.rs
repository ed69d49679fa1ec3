//! Every script of the repository parses, save those that say they must not.

use corella_compiler::parse::parse;
use corella_compiler::source::SourceMap;
use std::path::{Path, PathBuf};

fn scripts(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() && !path.ends_with("target") {
            scripts(&path, out);
        } else if path.extension().is_some_and(|e| e == "cor") {
            out.push(path);
        }
    }
}

#[test]
fn all_scripts_parse() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for dir in ["tests", "stdlib", "examples", "benches"] {
        scripts(&root.join(dir), &mut files);
    }
    let mut failures = String::new();
    for path in files {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let mut sources = SourceMap::new();
        let file = sources.add(&path.display().to_string(), &text);
        let arena = bumpalo::Bump::new();
        let parsed = parse(&arena, file, &text);
        let name = path.to_string_lossy();
        let may_fail = text.contains("expect compile error")
            || ["diagnostics", "broken.cor", "errors/missing_"].iter().any(|part| name.contains(part));
        if parsed.tree.is_none() && !may_fail {
            for d in parsed.diagnostics {
                failures += &d.render(&sources, false);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
