//! Golden files: `tree/*.txt` hold sources and the trees they become, `errors/*.txt` sources and the messages they get. A case begins with a line
//! `#### name`, then comes the source, a line `---`, and what is expected. `UPDATE_GOLDENS=1 cargo test -p corella-compiler` writes them anew.

use corella_compiler::ast::dump::dump;
use corella_compiler::parse::parse;
use corella_compiler::source::SourceMap;
use std::path::Path;

/// A tree, or the messages if there is none.
fn outcome(source: &str) -> String {
    let mut sources = SourceMap::new();
    let file = sources.add("test.cor", source);
    let arena = bumpalo::Bump::new();
    let parsed = parse(&arena, file, source);
    let mut out: String = parsed.diagnostics.iter().map(|d| d.render(&sources, false)).collect();
    match parsed.tree {
        Some(tree) => out += &dump(tree),
        None => assert!(parsed.diagnostics.iter().any(|d| d.is_error()), "no tree and no error: {source}"),
    }
    out.trim_end().to_owned()
}

/// Judges every case of every file in a folder with `outcome`.
fn check_folder(folder: &str) {
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut failures = String::new();
    for entry in std::fs::read_dir(&dir).expect("golden folder").flatten() {
        let path = entry.path();
        let text = std::fs::read_to_string(&path).expect("golden file");
        let mut new = String::new();
        for case in text.split("#### ").filter(|c| !c.trim().is_empty()) {
            let (name, rest) = case.split_once('\n').expect("a name and a source");
            let (source, expected) = rest.split_once("\n---\n").unwrap_or((rest.trim_end(), ""));
            let actual = outcome(source);
            if actual != expected.trim_end() && !update {
                failures += &format!(
                    "{}: {name}\n{source}\n--- expected\n{expected}\n--- actual\n{actual}\n\n",
                    path.display()
                );
            }
            new += &format!("#### {name}\n{source}\n---\n{actual}\n\n");
        }
        if update {
            std::fs::write(&path, new.trim_end().to_owned() + "\n").expect("golden file");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn trees() {
    check_folder("tree");
}

#[test]
fn errors() {
    check_folder("errors");
}
