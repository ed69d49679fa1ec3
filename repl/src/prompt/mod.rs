//! The prompt: reads inputs, has them evaluated, shows what they give.
//!
//! Invariant: the VM lives on a thread of its own (`worker`), so its tasks go on while the editor waits for keys; the editor's
//! thread only sends requests and waits for the answer to an evaluation. Ctrl-C never ends the program while something is
//! evaluated: it interrupts that.

mod editor;
mod screen;
mod worker;

use crate::args::Settings;
use crate::commands::builder;
use crate::failure::{Failure, to_stderr};
use editor::Helper;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use screen::Screen;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use worker::{Answer, Worker};

const HELP: &str = "\
An input is run when it is complete; an open bracket asks for another line.
The value of a last expression is shown. Tab completes names.
  :dis NAME     the bytecode of a function (or Class.method) of this session
  :time INPUT   runs the input and says how long it took
  :tasks        how many tasks live
  :help, :quit
Ctrl-C interrupts what is running; Ctrl-D leaves.
";

/// How often Ctrl-C has to be pressed before a program that does not react is ended.
const PATIENCE: u32 = 3;

pub(crate) fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none();
    let screen = Screen::new();
    let engine = builder(settings).output(screen.writer()).build();
    let names = engine.builtin_names().to_vec();
    let worker = Arc::new(Worker::start(engine, screen.clone())?);
    let pressed = Arc::new(AtomicU32::new(0));
    on_ctrl_c(&worker, &pressed)?;

    let config = Config::builder()
        .completion_type(CompletionType::List)
        .history_ignore_dups(true)
        .map_err(Failure::plain)?
        .auto_add_history(false)
        .build();
    let mut editor: Editor<Helper, FileHistory> = Editor::with_config(config).map_err(Failure::plain)?;
    editor.set_helper(Some(Helper::new(names, worker.clone(), colours)));
    if let Ok(printer) = editor.create_external_printer() {
        screen.print_beside_editor(printer);
    }
    let history = history_file();
    if let Some(file) = &history {
        // The first session has none yet.
        let _ = editor.load_history(file);
    }
    if terminal {
        println!("Corella {}. :help says what can be done here, Ctrl-D leaves.", env!("CARGO_PKG_VERSION"));
    }
    loop {
        screen.begin_edit();
        let read = editor.readline("> ");
        screen.end_edit();
        if let Some(status) = worker.exit_wanted() {
            return Ok(exit_code(status));
        }
        let input = match read {
            Ok(input) => input,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(Failure::plain(format!("cannot read the input: {error}"))),
        };
        if input.trim().is_empty() {
            continue;
        }
        // A history that cannot be kept must not keep anybody from working.
        let _ = editor.add_history_entry(&input);
        if let Some(file) = &history {
            let _ = editor.append_history(file);
        }
        pressed.store(0, Ordering::SeqCst);
        match command(&worker, &input, colours) {
            Next::GoOn => {}
            Next::Leave(status) => return Ok(status),
        }
    }
}

enum Next {
    GoOn,
    Leave(ExitCode),
}

fn command(worker: &Worker, input: &str, colours: bool) -> Next {
    let Some(line) = input.trim_start().strip_prefix(':') else {
        return evaluate(worker, input, colours);
    };
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match word.trim() {
        "help" | "h" | "?" => print!("{HELP}"),
        "quit" | "q" | "exit" => return Next::Leave(ExitCode::SUCCESS),
        "tasks" => println!("{}", worker.tasks()),
        "dis" if rest.is_empty() => to_stderr("which function? :dis NAME\n"),
        "dis" => match worker.listing(rest) {
            Some(listing) => print!("{listing}"),
            None => to_stderr(&format!("no input of this session declared a function {rest}\n")),
        },
        "time" if rest.is_empty() => to_stderr("time what? :time INPUT\n"),
        "time" => {
            let begun = Instant::now();
            let next = evaluate(worker, rest, colours);
            println!("{:.3?}", begun.elapsed());
            return next;
        }
        other => to_stderr(&format!("there is no command :{other}; see :help\n")),
    }
    Next::GoOn
}

fn evaluate(worker: &Worker, input: &str, colours: bool) -> Next {
    match worker.evaluate(input, colours) {
        Answer::Nothing => {}
        Answer::Value(text) => println!("{text}"),
        Answer::Failed(text) => to_stderr(&text),
        Answer::Exit(status) => return Next::Leave(exit_code(status)),
    }
    Next::GoOn
}

fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status & 0xff).unwrap_or(1))
}

/// Ctrl-C interrupts the evaluation; pressed again and again it ends a program that does not listen.
fn on_ctrl_c(worker: &Arc<Worker>, pressed: &Arc<AtomicU32>) -> Result<(), Failure> {
    let (interrupt, pressed) = (worker.interrupt_handle(), pressed.clone());
    ctrlc::set_handler(move || {
        if !interrupt.is_running() {
            return;
        }
        interrupt.interrupt();
        if pressed.fetch_add(1, Ordering::SeqCst) + 1 >= PATIENCE {
            to_stderr("\ncorella: the program does not react: it is ended\n");
            std::process::exit(130);
        }
    })
    .map_err(|error| Failure::plain(format!("cannot watch for Ctrl-C: {error}")))
}

/// Where the inputs of all sessions are kept.
fn history_file() -> Option<PathBuf> {
    match std::env::var_os("CORELLA_HISTORY") {
        Some(file) if file.is_empty() => None,
        Some(file) => Some(PathBuf::from(file)),
        None => std::env::home_dir().map(|home| home.join(".corella_history")),
    }
}
