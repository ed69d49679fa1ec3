//! The expectations inside a script: comments on the line concerned.
//!
//! ```text
//! print(1 + 2);                  // expect: 3                       the next line of stdout
//! foo(;                          // expect compile error: fragment  reported on this line
//! null.x;                        // expect runtime error: AttributeError: fragment
//! // expect stderr: fragment                                        somewhere in stderr
//! // args: a b        // stdin: one line      // flags: --tick-fuel 100
//! // exit: 2          // modes: plain         // skip: reason       // command: check
//! ```
//!
//! A script without an expected error must end with status 0 and write nothing to stderr.

/// The place and text of an expected error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedError {
    /// The line, from 1.
    pub line: usize,
    /// What the message must contain.
    pub message: String,
}

/// Everything that a script says about how it is run and what must come of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// The lines of stdout.
    pub stdout: Vec<String>,
    /// Errors that the compiler must report; the program must not run.
    pub compile_errors: Vec<ExpectedError>,
    /// The uncaught error that must end the program: `Class: fragment`.
    pub runtime_error: Option<ExpectedError>,
    /// Fragments that stderr must contain.
    pub stderr: Vec<String>,
    /// The exit status, where the script names it.
    pub exit: Option<i32>,
    /// Arguments of the script.
    pub args: Vec<String>,
    /// Switches of the `corella` program.
    pub flags: Vec<String>,
    /// What the script reads from stdin.
    pub stdin: String,
    /// The only modes to run it in; empty: all.
    pub modes: Vec<String>,
    /// Why the script is not run.
    pub skip: Option<String>,
    /// The subcommand; `run` when not given.
    pub command: Option<String>,
}

impl Expectations {
    /// Reads the expectations of a script.
    ///
    /// # Errors
    /// A comment that looks like an expectation but is none, so that a typing slip cannot pass.
    pub fn read(source: &str) -> Result<Expectations, String> {
        let mut all = Expectations::default();
        for (index, line) in source.lines().enumerate() {
            if let Some(comment) = directive(line) {
                all.take(index + 1, comment).map_err(|error| format!("line {}: {error}", index + 1))?;
            }
        }
        Ok(all)
    }

    fn take(&mut self, line: usize, comment: &str) -> Result<(), String> {
        let (key, text) = comment.split_once(':').ok_or_else(|| format!("no ':' in '{comment}'"))?;
        let text = text.strip_prefix(' ').unwrap_or(text).trim_end();
        let words = || text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        match key {
            "expect" => self.stdout.push(text.to_string()),
            "expect compile error" => {
                self.compile_errors.push(ExpectedError { line, message: text.to_string() });
            }
            "expect runtime error" if self.runtime_error.is_some() => {
                return Err("a script ends with one error only".into());
            }
            "expect runtime error" => {
                self.runtime_error = Some(ExpectedError { line, message: text.to_string() });
            }
            "expect stderr" => self.stderr.push(text.to_string()),
            "exit" => self.exit = Some(text.parse().map_err(|_| format!("'{text}' is no status"))?),
            "args" => self.args = words(),
            "flags" => self.flags = words(),
            "modes" => self.modes = words(),
            "stdin" => {
                self.stdin.push_str(text);
                self.stdin.push('\n');
            }
            "skip" if text.is_empty() => return Err("skip needs a reason".into()),
            "skip" => self.skip = Some(text.to_string()),
            "command" => self.command = Some(text.to_string()),
            _ => return Err(format!("unknown expectation '{key}'")),
        }
        Ok(())
    }

    /// The exit status that the program must have.
    pub fn status(&self) -> i32 {
        let failing = self.runtime_error.is_some() || !self.compile_errors.is_empty();
        self.exit.unwrap_or(if failing { 1 } else { 0 })
    }

    /// Whether stderr must be empty.
    pub fn silent(&self) -> bool {
        self.runtime_error.is_none() && self.compile_errors.is_empty() && self.stderr.is_empty()
    }

    /// Whether the program never runs, so that one mode tells as much as all.
    pub fn stops_before_running(&self) -> bool {
        !self.compile_errors.is_empty()
    }
}

/// The words that open an expectation. `expect` also stands behind code; the others have their
/// own line, so that ordinary comments that mention them are left alone.
const WHOLE_LINE: [&str; 7] = ["args:", "flags:", "stdin:", "exit:", "modes:", "skip:", "command:"];

fn directive(line: &str) -> Option<&str> {
    if let Some(at) = line.find("// expect") {
        return Some(&line[at + 3..]);
    }
    let comment = line.trim_start().strip_prefix("// ")?;
    WHOLE_LINE.iter().any(|word| comment.starts_with(word)).then_some(comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_stands_behind_code_and_alone() {
        let read = Expectations::read("print(1); // expect: 1\n// expect: two \n// expect:\n").unwrap();
        assert_eq!(read.stdout, ["1", "two", ""]);
        assert!(read.silent());
        assert_eq!(read.status(), 0);
    }

    #[test]
    fn errors_know_their_line() {
        let read = Expectations::read("var a;\na.b; // expect runtime error: AttributeError: b\n").unwrap();
        let error = read.runtime_error.clone().unwrap();
        assert_eq!((error.line, error.message.as_str()), (2, "AttributeError: b"));
        assert_eq!(read.status(), 1);
    }

    #[test]
    fn how_to_run_stands_on_lines_of_its_own() {
        let read = Expectations::read("// args: a b\n// stdin: x\n// stdin: y\n// exit: 3\n").unwrap();
        assert_eq!((read.args.len(), read.stdin.as_str(), read.status()), (2, "x\ny\n", 3));
        assert_eq!(Expectations::read("f(); // args: none\n").unwrap().args.len(), 0);
    }

    #[test]
    fn slips_are_refused() {
        assert!(Expectations::read("// expect output: 3").is_err());
        assert!(Expectations::read("// expect 3").is_err());
        assert!(Expectations::read("// skip:").is_err());
    }
}
