//! Listings of what the compiler makes of typical constructs: `lowering/*.cor` with the expected text form beside them as `*.txt`, and the
//! verifier over the whole corpus of scripts. `UPDATE_GOLDENS=1` writes the expected texts anew.

use std::fs;
use std::path::{Path, PathBuf};

use corella_compiler::ast::FileId;
use corella_compiler::source::Source;
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
    let options = CompileOptions { builtins: BUILTINS, ..CompileOptions::default() };
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
                for d in &failure.diagnostics {
                    println!("{}: {}", path.display(), d.message);
                }
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
