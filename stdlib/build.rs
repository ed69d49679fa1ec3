//! Compiles the library's script part (`prelude/`, `modules/`) to bytecode files that the crate includes.

use corella_compiler::ast::FileId;
use corella_compiler::source::Source;
use corella_compiler::{CompileOptions, compile};
use corella_vm::bytecode::{verify, writer};
use corella_vm::class::ErrorClass;
use corella_vm::object::class_id;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for folder in ["prelude", "modules", "src"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    let (prelude, mut modules) = (scripts(&root.join("prelude")), scripts(&root.join("modules")));
    // Its natives are there with the feature only.
    if env::var_os("CARGO_FEATURE_IMAGE").is_none() {
        modules.retain(|file| file.file_stem().is_none_or(|stem| stem != "image"));
    }
    let names = known_names(&root, prelude.iter().chain(&modules));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut listing = String::new();
    for (table, doc, files) in [
        ("PRELUDE", "Run once a VM, in this order; what they export is known everywhere.", prelude),
        ("MODULES", "Imported by name.", modules),
    ] {
        let _ = writeln!(listing, "/// {doc}\npub(crate) static {table}: &[(&str, &[u8])] = &[");
        for file in files {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("file names are ASCII");
            let image = out.join(format!("{}_{stem}.corb", table.to_lowercase()));
            fs::write(&image, compiled(&file, stem, &names)).expect("the output folder is writable");
            let _ = writeln!(listing, "    ({stem:?}, include_bytes!({:?})),", image.display().to_string());
        }
        listing.push_str("];\n");
    }
    fs::write(out.join("library.rs"), listing).expect("the output folder is writable");
}

/// The scripts of a folder in the order of their names.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(folder, "cor");
    files.sort();
    files
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is part of the crate") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files
}

fn compiled(file: &Path, stem: &str, names: &[&str]) -> Vec<u8> {
    let text = fs::read_to_string(file).expect("the script is readable");
    let source = Source { name: format!("std:{stem}").into(), text: text.into() };
    let options = CompileOptions { builtins: names, ..CompileOptions::default() };
    match compile(FileId(0), &source, &options) {
        Ok(compiled) => {
            // Once here, and not at every start of the program.
            verify::verify(&compiled.module).expect("the compiler makes what the verifier accepts");
            writer::write(&compiled.module)
        }
        Err(failure) => {
            let lines: Vec<String> = failure.diagnostics.iter().map(|d| format!("{d:?}")).collect();
            panic!("{}:\n{}", file.display(), lines.join("\n"));
        }
    }
}

/// Every name that a script of the library may use without declaring it: the built-in classes, what stands in a string of
/// the Rust part (the tables of natives among it), what the scripts export, and hidden names (`__...`). A name too many does
/// no harm: the VM checks each name that is really used when it links the script, and a test does that.
fn known_names<'a>(root: &Path, scripts: impl Iterator<Item = &'a PathBuf>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = class_id::NAMES.iter().map(|name| (*name).to_owned()).collect();
    names.extend(ErrorClass::ALL.iter().map(|(_, name, _)| (*name).to_owned()));
    for file in files_below(&root.join("src"), "rs") {
        let text = fs::read_to_string(file).expect("the source is readable");
        names.extend(text.split('"').map(str::to_owned));
    }
    for file in scripts {
        let text = fs::read_to_string(file).expect("the script is readable");
        let words: Vec<&str> =
            text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).collect();
        for (i, word) in words.iter().enumerate() {
            if word.starts_with("__") || i >= 2 && words[i - 2] == "export" {
                names.insert((*word).to_owned());
            }
        }
    }
    names.retain(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    names
}
