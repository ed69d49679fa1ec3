//! The commands that are not the prompt.

use crate::args::Settings;
use crate::failure::{FAILED, Failure, report, to_stderr};
use crate::output::Stdout;
use corella::{Builder, Engine, Error, JitFunction, JitListing, JitMode, JitStats, Script};
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Outcome = Result<ExitCode, Failure>;

fn engine(settings: &Settings) -> Engine {
    builder(settings).output(Stdout::new()).build()
}

/// An engine as the switches want it.
pub(crate) fn builder(settings: &Settings) -> Builder {
    let mut builder = Engine::builder()
        .import_files(true)
        .file_access(true)
        .jit(settings.jit)
        .perf_map(settings.perf_map)
        .gdb_jit(settings.gdb_jit)
        .gc_stress(settings.gc_stress)
        .verify_heap(settings.verify_heap);
    if let Some(tick) = settings.tick {
        builder = builder.tick(tick);
    }
    if let Some(seed) = settings.seed {
        builder = builder.seed(seed);
    }
    if let Some(turns) = settings.jit_threshold {
        builder = builder.jit_threshold(turns);
    }
    if let Some(bytes) = settings.memory {
        builder = builder.memory_limit(bytes);
    }
    if let Some(units) = settings.fuel {
        builder = builder.fuel_limit(units);
    }
    if let Some(words) = settings.stack {
        builder = builder.stack_limit(words);
    }
    if let Some(tasks) = settings.tasks {
        builder = builder.task_limit(tasks);
    }
    if let Some(threads) = settings.threads {
        builder = builder.thread_limit(threads);
    }
    builder
}

pub(crate) fn run_file(settings: &Settings, file: &Path, args: &[String]) -> Outcome {
    let engine = engine(settings);
    let script = engine.compile_file(file)?;
    run(settings, &engine, &script, args)
}

pub(crate) fn run_text(settings: &Settings, name: &str, text: &str, args: &[String]) -> Outcome {
    let engine = engine(settings);
    let script = engine.compile(name, text).map_err(Error::from)?;
    run(settings, &engine, &script, args)
}

pub(crate) fn run_stdin(settings: &Settings, args: &[String]) -> Outcome {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::plain(format!("cannot read the program from stdin: {error}")))?;
    let engine = engine(settings);
    let script = if Script::is_compiled(&bytes) {
        Script::from_bytes(&bytes)?
    } else {
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Failure::plain(format!("the program from stdin is not UTF-8: see byte {at}"))
        })?;
        engine.compile("<stdin>", &text).map_err(Error::from)?
    };
    run(settings, &engine, &script, args)
}

fn run(settings: &Settings, engine: &Engine, script: &Script, args: &[String]) -> Outcome {
    warn(script);
    let mut vm = engine.vm()?;
    let result = vm.run_program(script, args, report);
    vm.flush();
    if settings.jit_stats {
        to_stderr(&jit_report(&vm.jit_stats(), &vm.jit_functions()));
    }
    let status = match result {
        Ok(status) => status,
        Err(Error::Exit(status)) => status,
        Err(_) => i32::from(FAILED),
    };
    // The VM's memory goes with the process: taking it apart would only cost time.
    std::process::exit(status)
}

/// A line for each function that was to be compiled, those that took longest first, and the totals.
fn jit_report(stats: &JitStats, functions: &[JitFunction]) -> String {
    let mut functions: Vec<&JitFunction> = functions.iter().collect();
    functions.sort_by_key(|function| std::cmp::Reverse(function.time));
    let mut report = String::new();
    if !functions.is_empty() {
        report.push_str("  time ms    bytes  compiled  failures  function\n");
    }
    for function in functions {
        let refused =
            function.refused.as_ref().map_or(String::new(), |reason| format!(": refused, {reason}"));
        report.push_str(&format!(
            "{:9.1} {:8} {:9} {:9}  {}{refused}\n",
            function.time.as_secs_f64() * 1e3,
            function.code_bytes,
            function.compiled,
            function.failures,
            function.name,
        ));
    }
    report.push_str(&jit_totals(stats));
    report
}

fn jit_totals(stats: &JitStats) -> String {
    let count = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!(
        "{} compiled to {} bytes of machine code ({} of them replaced and freed) in {:.1} ms, {} again, {} refused\n",
        count(stats.functions, "function"),
        stats.code_bytes,
        stats.freed_bytes,
        stats.time.as_secs_f64() * 1e3,
        stats.again,
        stats.refused
    )
}

fn warn(script: &Script) {
    let warnings = script.render_warnings(std::io::stderr().is_terminal());
    if !warnings.is_empty() {
        to_stderr(&warnings);
    }
}

pub(crate) fn check(settings: &Settings, files: &[PathBuf]) -> Outcome {
    let engine = engine(settings);
    let mut failed = false;
    for file in files {
        match engine.compile_file(file) {
            Ok(script) => warn(&script),
            Err(error) => {
                report(&error);
                failed = true;
            }
        }
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

pub(crate) fn dis(settings: &Settings, file: &Path, jit: bool) -> Outcome {
    let engine = engine(settings);
    let script = engine.compile_file(file)?;
    let listing = match jit {
        true if !JitMode::AVAILABLE => {
            return Err(Failure::plain("there is no compiler for this machine in this build"));
        }
        true => engine.vm()?.jit_listings(&script)?.iter().map(function_listing).collect(),
        false => script.listing(),
    };
    let mut stdout = Stdout::new();
    stdout
        .write_all(listing.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::plain(format!("cannot write the listing: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// A function's bytecode, and what it is compiled to.
fn function_listing(listing: &JitListing) -> String {
    let JitListing { name, bytecode, code } = listing;
    match code {
        Ok(text) => format!(
            "== {name}\n{}\n\n-- intermediate form\n{}\n\n-- machine code, {} bytes\n{}\n\n",
            bytecode.trim_end(),
            text.clif.trim_end(),
            text.code_bytes,
            text.assembly.trim_end()
        ),
        Err(reason) => format!("== {name}\n{}\n\n-- not compiled: {reason}\n\n", bytecode.trim_end()),
    }
}

pub(crate) fn asm(file: &Path, output: Option<&Path>) -> Outcome {
    let name = file.display().to_string();
    let text = std::fs::read(file)
        .map_err(|error| Failure::plain(format!("cannot read {name}: {}", reason(&error))))?;
    let text = String::from_utf8(text).map_err(|error| {
        Failure::plain(format!(
            "{name}: the file is not UTF-8: see byte {}",
            error.utf8_error().valid_up_to()
        ))
    })?;
    write_compiled(&Script::assemble(&name, &text)?, file, output)
}

pub(crate) fn compile(settings: &Settings, file: &Path, output: Option<&Path>) -> Outcome {
    let script = engine(settings).compile_file(file)?;
    warn(&script);
    write_compiled(&script, file, output)
}

fn write_compiled(script: &Script, file: &Path, output: Option<&Path>) -> Outcome {
    let output = output.map_or_else(|| file.with_extension("corb"), Path::to_owned);
    std::fs::write(&output, script.to_bytes())
        .map_err(|error| Failure::plain(format!("cannot write {}: {}", output.display(), reason(&error))))?;
    Ok(ExitCode::SUCCESS)
}

/// An I/O error's text without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
