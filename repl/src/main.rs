//! The `corella` program: runs, checks, compiles and lists scripts, and has a prompt.
//!
//! Invariant: every way out flushes stdout before it writes to stderr, and ends with the status that `docs/` promises.

mod args;
mod commands;
mod failure;
mod output;
mod prompt;

use args::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    failure::report_bugs_as_such();
    let arguments = match args::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let settings = arguments.settings;
    let result = match arguments.command {
        Command::Run { file, args } => commands::run_file(&settings, &file, &args),
        Command::Eval { code, args } => commands::run_text(&settings, "<command line>", &code, &args),
        Command::Stdin { args } => commands::run_stdin(&settings, &args),
        Command::Prompt => prompt::run(&settings),
        Command::Check { files } => commands::check(&settings, &files),
        Command::Dis { file, jit } => commands::dis(&settings, &file, jit),
        Command::Asm { file, output } => commands::asm(&file, output.as_deref()),
        Command::Compile { file, output } => commands::compile(&settings, &file, output.as_deref()),
    };
    match result {
        Ok(status) => status,
        Err(failure) => failure.end(),
    }
}
