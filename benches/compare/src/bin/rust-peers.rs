//! The peers that are Rust crates, as programs: `rust-peers rhai|rune FILE SIZE` runs a script, `... check FILE` compiles it only.
//!
//! A script finds its problem size in `n`: a global of Rhai, the argument of Rune's `main`.

use std::process::ExitCode;
use std::sync::Arc;

type Fault = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["versions"] => {
            println!("rhai {}, rune {}", version("rhai"), version("rune"));
            Ok(())
        }
        ["rhai", "check", file] => rhai_engine().compile_file(file.into()).map(drop).map_err(text),
        ["rune", "check", file] => rune_unit(file).map(drop),
        ["rhai", file, size] => run_rhai(file, size),
        ["rune", file, size] => run_rune(file, size),
        _ => Err("usage: rust-peers rhai|rune FILE SIZE".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

// The version of a crate that this program was built with.
fn version(name: &str) -> &'static str {
    let wanted = format!("name = \"{name}\"");
    let mut lines = include_str!("../../Cargo.lock").lines().skip_while(|line| *line != wanted);
    lines.nth(1).and_then(|line| line.split('"').nth(1)).unwrap_or("of unknown version")
}

// Rhai's errors are not `Send`, so they cross as text.
fn text(fault: Box<rhai::EvalAltResult>) -> Fault {
    fault.to_string().into()
}

fn rhai_engine() -> rhai::Engine {
    let mut engine = rhai::Engine::new();
    engine.set_max_expr_depths(0, 0);
    engine.set_max_call_levels(10_000);
    engine
}

fn run_rhai(file: &str, size: &str) -> Result<(), Fault> {
    let mut scope = rhai::Scope::new();
    scope.push("n", size.parse::<rhai::INT>()?);
    rhai_engine().run_file_with_scope(&mut scope, file.into()).map_err(text)
}

fn rune_unit(file: &str) -> Result<(Arc<rune::runtime::RuntimeContext>, Arc<rune::Unit>), Fault> {
    let context = rune::Context::with_default_modules()?;
    let runtime = Arc::new(context.runtime()?);
    let mut sources = rune::Sources::new();
    sources.insert(rune::Source::from_path(file)?)?;
    let mut diagnostics = rune::Diagnostics::new();
    let unit = rune::prepare(&mut sources).with_context(&context).with_diagnostics(&mut diagnostics).build();
    if diagnostics.has_error() {
        return Err(format!("{file}: {:?}", diagnostics.diagnostics()).into());
    }
    Ok((runtime, Arc::new(unit?)))
}

fn run_rune(file: &str, size: &str) -> Result<(), Fault> {
    let (runtime, unit) = rune_unit(file)?;
    let mut vm = rune::Vm::new(runtime, unit);
    vm.call(["main"], (size.parse::<i64>()?,))?;
    Ok(())
}
