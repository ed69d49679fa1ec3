//! A script in an embedded VM with the settings of the program `corella`: loaded once, its `main` called again and again.

use crate::Plan;
use corella::{Captured, Engine, JitMode, Value};

/// Calls `main` with these arguments as the plan says.
pub fn repeat(file: &str, jit: JitMode, plan: &Plan, arguments: &[&str]) -> Result<(), String> {
    let output = Captured::new();
    let engine =
        Engine::builder().import_files(true).file_access(true).output(output.clone()).jit(jit).build();
    let script = engine.compile_file(file).map_err(|error| error.to_string())?;
    let mut vm = engine.vm().map_err(|error| error.to_string())?;
    let module = vm.load(&script).map_err(|error| error.to_string())?;
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    plan.carry_out(|| {
        vm.call::<Value>(&module, "main", (arguments.clone(),)).map_err(|error| error.to_string())?;
        vm.flush();
        Ok(output.take())
    })?;
    let stats = vm.jit_stats();
    println!("compiled\t{} {} {}", stats.functions, stats.time.as_nanos(), stats.code_bytes);
    Ok(())
}
