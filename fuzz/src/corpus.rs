//! The corpus: all golden scripts, whole, as lines, and the names that they use.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The scripts that inputs are made of.
pub struct Corpus {
    /// Name and text of each script.
    pub scripts: Vec<(String, String)>,
    /// All lines that are more than a bracket.
    pub lines: Vec<String>,
    /// Names behind a dot, sorted.
    pub members: Vec<String>,
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "cor") {
            found.push(path);
        }
    }
}

impl Corpus {
    /// Reads `tests/scripts` and `examples` of the workspace.
    pub fn read() -> Corpus {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
        let mut paths = Vec::new();
        for folder in ["tests/scripts", "tests/regressions", "examples"] {
            collect(&root.join(folder), &mut paths);
        }
        // The order of a folder's entries is the file system's; ours must not be.
        paths.sort();
        let mut corpus = Corpus { scripts: Vec::new(), lines: Vec::new(), members: Vec::new() };
        let mut members = BTreeSet::new();
        for path in paths {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if text.len() > 20_000 {
                continue;
            }
            for line in text.lines().filter(|line| line.trim().len() > 3 && line.len() < 300) {
                corpus.lines.push(line.to_owned());
                for piece in line.split('.').skip(1) {
                    let end = piece.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(piece.len());
                    let name = &piece[..end];
                    if name.len() > 1 && name.starts_with(|c: char| c.is_ascii_lowercase()) {
                        members.insert(name.to_owned());
                    }
                }
            }
            let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
            corpus.scripts.push((name, text));
        }
        assert!(!corpus.scripts.is_empty(), "no scripts below {}", root.display());
        corpus.members = members.into_iter().collect();
        corpus
    }
}
