//! Compares what a run did with what the script expects, and words the difference.

use crate::child::Outcome;
use crate::expect::{Expectations, ExpectedError};

/// Compares `outcome` with `expected`. `file` is the script's name as error messages show it.
///
/// # Errors
/// A report of all that differs, expected and got side by side.
pub fn judge(expected: &Expectations, file: &str, outcome: &Outcome) -> Result<(), String> {
    let mut faults = Vec::new();
    if let Some(death) = &outcome.death {
        faults.push(format!("it did not end by itself: {death}"));
    }
    if outcome.stderr.contains("panicked at") {
        faults.push("the program panicked".into());
    }
    if outcome.status != Some(expected.status()) && outcome.death.is_none() {
        let got = outcome.status.map_or("none".to_string(), |status| status.to_string());
        faults.push(format!("exit status: expected {}, got {got}", expected.status()));
    }
    for error in &expected.compile_errors {
        judge_compile_error(error, file, &outcome.stderr, &mut faults);
    }
    if let Some(error) = &expected.runtime_error {
        judge_runtime_error(error, file, &outcome.stderr, &mut faults);
    }
    for fragment in &expected.stderr {
        if !outcome.stderr.contains(fragment.as_str()) {
            faults.push(format!("stderr does not contain: {fragment}"));
        }
    }
    if expected.silent() && !outcome.stderr.is_empty() {
        faults.push("stderr should be empty".into());
    }
    let got: Vec<&str> = outcome.stdout.lines().map(str::trim_end).collect();
    if got != expected.stdout {
        faults.push(format!("stdout differs:\n{}", side_by_side(&expected.stdout, &got)));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let mut report = faults.join("\n");
    if !outcome.stderr.is_empty() {
        report.push_str("\n--- stderr\n");
        report.push_str(&shorten(&outcome.stderr));
    }
    Err(report)
}

fn judge_compile_error(error: &ExpectedError, file: &str, stderr: &str, faults: &mut Vec<String>) {
    let place = format!("{file}:{}:", error.line);
    if !stderr.contains(&place) {
        faults.push(format!("no error is reported at {place}"));
    }
    if !stderr.contains(&error.message) {
        faults.push(format!("no error says: {}", error.message));
    }
}

/// The first line names class and message; the innermost frame inside the script gives the line
/// (frames of library code may stand before it).
fn judge_runtime_error(error: &ExpectedError, file: &str, stderr: &str, faults: &mut Vec<String>) {
    let first = stderr.lines().next().unwrap_or_default();
    let (class, fragment) = error.message.split_once(':').unwrap_or((&error.message, ""));
    let opens_with_class =
        first.strip_prefix(class).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    if !opens_with_class || !first.contains(fragment.trim()) {
        faults.push(format!("uncaught error: expected `{}`, got `{first}`", error.message));
    }
    let place = format!("{file}:");
    let frame = stderr.lines().skip(1).filter(|line| line.trim_start().starts_with("at ")).find_map(|line| {
        let at = line.find(&place)? + place.len();
        line[at..].split(':').next()?.trim_end_matches(')').parse::<usize>().ok()
    });
    match frame {
        Some(line) if line == error.line => {}
        Some(line) => faults.push(format!("error reported at line {line}, expected line {}", error.line)),
        None => faults.push(format!("the trace names no line of {file}")),
    }
}

/// Two columns; a `|` marks the lines that differ.
pub fn side_by_side(expected: &[String], got: &[&str]) -> String {
    const WIDTH: usize = 44;
    let mut table = format!("    {:<WIDTH$}   {}\n", "expected", "got");
    let first = (0..expected.len().max(got.len()))
        .find(|&row| expected.get(row).map(String::as_str) != got.get(row).copied())
        .unwrap_or(0);
    // Long outputs: a few equal lines for orientation, then what follows the first difference.
    let begin = first.saturating_sub(3);
    for row in begin..expected.len().max(got.len()).min(begin + 30) {
        let left = expected.get(row).map_or("<nothing>", String::as_str);
        let right = got.get(row).copied().unwrap_or("<nothing>");
        let mark = if left == right { ' ' } else { '|' };
        table.push_str(&format!("{:>3} {left:<WIDTH$} {mark} {right}\n", row + 1));
    }
    table
}

fn shorten(text: &str) -> String {
    const LINES: usize = 40;
    let mut short: String = text.lines().take(LINES).flat_map(|line| [line, "\n"]).collect();
    let count = text.lines().count();
    if count > LINES {
        short.push_str(&format!("... {} more lines\n", count - LINES));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stdout: &str, stderr: &str, status: i32) -> Outcome {
        Outcome { stdout: stdout.into(), stderr: stderr.into(), status: Some(status), death: None }
    }

    #[test]
    fn equal_output_passes_and_other_output_does_not() {
        let expected = Expectations::read("print(1); // expect: 1").unwrap();
        assert!(judge(&expected, "a.cor", &outcome("1\n", "", 0)).is_ok());
        assert!(judge(&expected, "a.cor", &outcome("2\n", "", 0)).is_err());
        assert!(judge(&expected, "a.cor", &outcome("1\n2\n", "", 0)).is_err());
        assert!(judge(&expected, "a.cor", &outcome("1\n", "", 1)).is_err());
    }

    #[test]
    fn an_uncaught_error_is_judged_by_class_text_and_line() {
        let expected = Expectations::read("\nx.y; // expect runtime error: KeyError: no key").unwrap();
        let trace = |text: &str| outcome("", text, 1);
        let good = "KeyError: no key 3\n  at get (lib.cor:9:1)\n  at main (a.cor:2:4)\n";
        assert!(judge(&expected, "a.cor", &trace(good)).is_ok());
        assert!(judge(&expected, "a.cor", &trace("KeyError: no key\n  at main (a.cor:3:4)\n")).is_err());
        assert!(judge(&expected, "a.cor", &trace("KeyErrors: no key\n  at main (a.cor:2:4)\n")).is_err());
    }
}
