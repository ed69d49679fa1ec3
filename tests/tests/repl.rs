//! The prompt, in a pseudo-terminal as a user has it: what is typed, and what is shown.
#![cfg(unix)]

use corella_tests::{binary, scratch::Scratch};
use rexpect::session::{PtySession, spawn_command};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Far above what any answer takes.
const PATIENCE_MS: u64 = 20_000;
const PROMPT: &str = "> ";

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(binary::corella)
}

/// A prompt with a history file of its own.
struct Prompt {
    pty: PtySession,
    folder: Scratch,
}

impl Prompt {
    fn open() -> Prompt {
        Self::open_in(Scratch::new())
    }

    fn open_in(folder: Scratch) -> Prompt {
        let mut command = Command::new(program());
        command
            .current_dir(folder.path())
            .env("CORELLA_HISTORY", folder.path().join("history"))
            .env("NO_COLOR", "1")
            .env("TERM", "xterm");
        let pty = spawn_command(command, Some(PATIENCE_MS)).expect("a pseudo-terminal can be had");
        let mut prompt = Prompt { pty, folder };
        prompt.sees("Ctrl-D leaves");
        prompt.sees(PROMPT);
        prompt
    }

    #[track_caller]
    fn sees(&mut self, text: &str) {
        if let Err(error) = self.pty.exp_string(text) {
            panic!("`{text}` does not come: {error}");
        }
    }

    #[track_caller]
    fn types(&mut self, text: &str) {
        self.pty.send(text).and_then(|_| self.pty.flush()).expect("the terminal takes keys");
    }

    /// Types a line and waits for what it gives, and for the next prompt.
    #[track_caller]
    fn gives(&mut self, line: &str, shown: &str) {
        self.types(line);
        self.types("\r");
        self.sees("\n");
        self.sees(shown);
        self.sees(PROMPT);
    }

    #[track_caller]
    fn leaves(mut self) -> Scratch {
        self.types("\u{4}");
        self.pty.exp_eof().expect("Ctrl-D leaves");
        self.folder
    }
}

#[test]
fn values_are_shown_and_definitions_kept() {
    let mut prompt = Prompt::open();
    prompt.gives("1 + 2", "3\r\n");
    prompt.gives("\"text\"", "\"text\"\r\n");
    prompt.gives("var xs = [1, \"two\"];", "");
    prompt.gives("xs", "[1, \"two\"]\r\n");
    prompt.gives("function twice(x) { return 2 * x; }", "");
    prompt.gives("twice(21)", "42\r\n");
    prompt.gives("function twice(x) { return `2${x}`; }", "");
    prompt.gives("twice(21)", "\"221\"\r\n");
    prompt.gives("print(\"out\");", "out\r\n");
    prompt.leaves();
}

#[test]
fn an_open_bracket_asks_for_another_line() {
    let mut prompt = Prompt::open();
    prompt.types("function f(x) {\r");
    prompt.types("return x + 1;\r");
    prompt.types("}\r");
    prompt.sees(PROMPT);
    prompt.gives("f(1)", "2\r\n");
    prompt.leaves();
}

#[test]
fn errors_are_shown_with_carets_and_traces_and_the_session_goes_on() {
    let mut prompt = Prompt::open();
    prompt.gives("missing + 1", "missing");
    prompt.gives("throw new ValueError(\"no\");", "ValueError: no\r\n");
    prompt.gives("1 +* 2", "expression");
    prompt.gives("40 + 2", "42\r\n");
    prompt.leaves();
}

#[test]
fn ctrl_c_ends_the_evaluation_only() {
    let mut prompt = Prompt::open();
    prompt.gives("var kept = 7;", "");
    prompt.types("while (true) {}\r");
    std::thread::sleep(std::time::Duration::from_millis(400));
    prompt.types("\u{3}");
    prompt.sees("TaskExit: interrupted");
    prompt.sees(PROMPT);
    prompt.types("receive()\r");
    std::thread::sleep(std::time::Duration::from_millis(400));
    prompt.sees("Deadlock");
    prompt.sees(PROMPT);
    prompt.types("sleep(600)\r");
    std::thread::sleep(std::time::Duration::from_millis(400));
    prompt.types("\u{3}");
    prompt.sees("TaskExit: interrupted");
    prompt.sees(PROMPT);
    // At the prompt itself it gives up the line.
    prompt.types("half a li");
    prompt.sees("half a li");
    prompt.types("\u{3}");
    prompt.sees("\r\n");
    prompt.sees(PROMPT);
    prompt.gives("kept", "7\r\n");
    prompt.leaves();
}

#[test]
fn tasks_go_on_while_the_prompt_waits() {
    let mut prompt = Prompt::open();
    prompt.gives("function later() { sleep(0.3); print(\"from the task\"); }", "");
    prompt.gives("spawn later();", "");
    // Nothing is typed.
    prompt.sees("from the task");
    prompt.gives("1 + 1", "2\r\n");
    prompt.leaves();
}

#[test]
fn names_are_completed() {
    let mut prompt = Prompt::open();
    prompt.gives("var temperature = 21;", "");
    prompt.types("temper\t");
    prompt.sees("temperature");
    prompt.types(" + 1\r");
    prompt.sees("22");
    prompt.sees(PROMPT);
    prompt.gives("class Account { int balance = 5; }", "");
    prompt.gives("var acc = new Account();", "");
    prompt.types("acc.bal\t");
    prompt.sees("acc.balance");
    prompt.types("\r");
    prompt.sees("5");
    prompt.sees(PROMPT);
    prompt.leaves();
}

#[test]
fn commands_help_list_and_time() {
    let mut prompt = Prompt::open();
    prompt.gives(":help", ":dis NAME");
    prompt.gives("function add(a, b) { return a + b; }", "");
    prompt.gives(":dis add", "add");
    prompt.gives(":dis nothing", "no input of this session");
    prompt.gives(":time 6 * 7", "42");
    prompt.gives(":nonsense", "there is no command");
    prompt.types(":quit\r");
    prompt.pty.exp_eof().expect(":quit leaves");
}

#[test]
fn the_history_outlives_the_session() {
    let mut prompt = Prompt::open();
    prompt.gives("6 * 111", "666\r\n");
    let mut prompt = Prompt::open_in(prompt.leaves());
    // Arrow up, Enter.
    prompt.types("\u{1b}[A");
    prompt.sees("6 * 111");
    prompt.types("\r");
    prompt.sees("666\r\n");
    prompt.sees(PROMPT);
    prompt.leaves();
}

#[test]
fn what_a_script_writes_to_a_terminal_is_seen_before_the_line_ends() {
    let mut command = Command::new(program());
    command.args(["-e", "write(\"half done\"); sleep(60);"]);
    let mut pty = spawn_command(command, Some(PATIENCE_MS)).expect("a pseudo-terminal can be had");
    pty.exp_string("half done").expect("it is shown while the script goes on");
}
