//! How the program ends when something went wrong.

use corella::Error;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Status of a program that could not run or failed.
pub(crate) const FAILED: u8 = 1;
/// Status after an error of ours.
const BUG: i32 = 101;

/// Why a command did not do what it was to.
pub(crate) enum Failure {
    /// A compile error or an uncaught error of a script.
    Script(Error),
    /// Something about a file or the system, in one line.
    Plain(String),
}

impl Failure {
    pub(crate) fn plain(message: impl Display) -> Failure {
        Failure::Plain(message.to_string())
    }

    /// Says why, and gives the exit status. What the script printed has been flushed.
    pub(crate) fn end(self) -> ExitCode {
        match self {
            Failure::Script(error) => report(&error),
            Failure::Plain(message) => to_stderr(&format!("corella: {message}\n")),
        }
        ExitCode::from(FAILED)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Script(error)
    }
}

/// Shows an error as it is: a script's begins with its class, a compile error with its first finding.
pub(crate) fn report(error: &Error) {
    match error {
        Error::Compile(error) => to_stderr(&error.render(std::io::stderr().is_terminal())),
        Error::Script(error) => to_stderr(&error.report),
        other => to_stderr(&format!("corella: {other}\n")),
    }
}

/// Writes to stderr; if that is closed there is nobody to tell.
pub(crate) fn to_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A panic anywhere is an error of this program, not of the script; it ends everything at once.
pub(crate) fn report_bugs_as_such() {
    std::panic::set_hook(Box::new(|panic| {
        to_stderr(&format!(
            "corella: internal error: {panic}\nThis is a bug in Corella, not in the script. Please report it with the script.\n"
        ));
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            to_stderr(&format!("{}\n", std::backtrace::Backtrace::force_capture()));
        }
        std::process::exit(BUG);
    }));
}
