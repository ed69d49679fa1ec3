//! Listings of what the compiler makes of typical constructs: `lowering/*.cor` with the expected text form beside them as `*.txt`, and the
//! verifier over the whole corpus of scripts. `UPDATE_GOLDENS=1` writes the expected texts anew.

use std::fs;
use std::path::{Path, PathBuf};

use corella_compiler::ast::FileId;
use corella_compiler::source::{Source, SourceMap};
use corella_compiler::{CompileOptions, Failure, compile};
use corella_vm::bytecode::Module;
use corella_vm::bytecode::disasm::disassemble;
use corella_vm::bytecode::verify::verify;

/// Names that the VM provides, as far as the scripts here use them.
const BUILTINS: &[&str] = &[
    "print",
    "say",
    "write",
    "len",
    "type",
    "repr",
    "int",
    "float",
    "string",
    "bool",
    "any",
    "sleep",
    "share",
    "unshare",
    "lock",
    "unlock",
    "copy",
    "receive",
    "exit",
    "assert",
    "Array",
    "Map",
    "Bytes",
    "IntArray",
    "FloatArray",
    "BigInt",
    "Error",
    "TypeError",
    "ValueError",
    "RangeError",
    "OverflowError",
    "DivisionByZero",
    "NameError",
    "AttributeError",
    "ArgumentError",
    "KeyError",
    "StackOverflow",
    "MemoryError",
    "ProxyLocked",
    "ThreadEnded",
    "Deadlock",
    "TaskExit",
    "Cancelled",
    "TimeoutError",
    "ImportError",
    "IoError",
    "AssertionError",
    "StateError",
    "LimitError",
    "MatchError",
    "Thread",
    "Task",
    "Future",
    "ThreadScheduler",
    "Proxy",
    "WeakRef",
    "Channel",
    "Range",
    "Function",
    "Module",
    "Set",
    "Continuation",
    "Generator",
];

fn source(path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("readable");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    Source { name: name.into(), text: text.into() }
}

fn compiled(path: &Path) -> Result<Module, Failure> {
    // Listings of a session's unit have names of their own.
    let session = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("session_"));
    let session_globals = if session { vec!["total".to_owned(), "area".to_owned()] } else { Vec::new() };
    let options = CompileOptions { builtins: BUILTINS, session, session_globals };
    compile(FileId(0), &source(path), &options).map(|c| c.module)
}

fn scripts(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|e| e == "cor") {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn listings_are_as_expected() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lowering");
    let mut found = Vec::new();
    scripts(&dir, &mut found);
    assert!(!found.is_empty());
    let mut wrong = String::new();
    for path in found {
        let listing = match compiled(&path) {
            Ok(module) => {
                if let Err(e) = verify(&module) {
                    wrong += &format!("{}: {e:?}\n", path.display());
                }
                disassemble(&module)
            }
            Err(failure) => failure.diagnostics.iter().map(|d| format!("{}\n", d.message)).collect(),
        };
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&golden, &listing).expect("writable");
        } else if fs::read_to_string(&golden).unwrap_or_default() != listing {
            wrong += &format!("{} gives:\n{listing}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_compiles_is_accepted_by_the_verifier() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for dir in ["tests/scripts", "examples", "benches"] {
        scripts(&root.join(dir), &mut found);
    }
    let mut wrong = String::new();
    for path in found {
        let verbose = std::env::var_os("SHOW_REJECTED").is_some();
        match compiled(&path) {
            Ok(module) => {
                if let Err(e) = verify(&module) {
                    wrong += &format!("{}: {e:?}\n", path.display());
                }
            }
            Err(failure) if verbose => {
                let mut sources = SourceMap::new();
                let Source { name, text } = source(&path);
                sources.add(&name, &text);
                for d in &failure.diagnostics {
                    println!("{}: {}", path.display(), d.one_line(&sources));
                }
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A small generator of repeatable random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Scripts damaged at random are refused or give bytecode that the verifier accepts; nothing panics.
#[test]
fn damaged_scripts_never_give_bad_bytecode() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for dir in ["tests/scripts", "examples", "benches/programs", "compiler/tests/lowering"] {
        scripts(&root.join(dir), &mut found);
    }
    let texts: Vec<String> = found.iter().map(|p| source(p).text.to_string()).collect();
    let rounds: usize = std::env::var("FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let options = CompileOptions { builtins: BUILTINS, ..CompileOptions::default() };
    let session =
        CompileOptions { session: true, session_globals: vec!["x".into(), "xs".into()], ..options.clone() };
    for round in 0..rounds {
        let a = &texts[random.below(texts.len())];
        let b = &texts[random.below(texts.len())];
        let text = damaged(a, b, &mut random);
        let source = Source { name: "damaged.cor".into(), text: text.as_str().into() };
        let options = if round % 2 == 0 { &options } else { &session };
        if let Ok(compiled) = compile(FileId(0), &source, options)
            && let Err(e) = verify(&compiled.module)
        {
            panic!("round {round}: {e:?}\n{text}\n{}", disassemble(&compiled.module));
        }
    }
}

/// `a` with some of its words replaced, removed, repeated, or taken from `b`.
fn damaged(a: &str, b: &str, random: &mut Random) -> String {
    let words = |text: &str| -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for c in text.chars() {
            match words.last_mut() {
                Some(last) if c.is_alphanumeric() && last.chars().all(char::is_alphanumeric) => last.push(c),
                _ => words.push(c.to_string()),
            }
        }
        words
    };
    let (mut words, other) = (words(a), words(b));
    for _ in 0..=random.below(3) {
        let at = random.below(words.len());
        match random.below(5) {
            0 => {
                words.remove(at.min(words.len().saturating_sub(1)));
            }
            1 => words.insert(at, other[random.below(other.len())].clone()),
            2 => {
                let from = random.below(words.len());
                let word = words[from].clone();
                words[at] = word;
            }
            3 => words[at] = other[random.below(other.len())].clone(),
            _ => {
                // A whole line of the other script.
                let lines: Vec<&str> = b.lines().collect();
                let line = lines[random.below(lines.len())];
                let mut place = at;
                while place < words.len() && words[place] != "\n" {
                    place += 1;
                }
                words.insert(place, format!("\n{line}"));
            }
        }
        if words.is_empty() {
            break;
        }
    }
    words.concat()
}
