//! Makes a finding smaller: takes away statements and blocks, then parts of expressions, as long as what was found stays.
//!
//! It knows nothing of the language but that a line which opens a block ends with `{` and one that closes it begins with `}`. Each attempt is
//! judged by a process of its own, so what crashes or hangs can be made smaller too.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// An attempt that takes longer tells nothing.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the text in a file smaller, and writes the result beside it.
pub fn file(path: &Path) -> ExitCode {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(2);
        }
    };
    let attempt = path.with_extension("attempt");
    let found = |text: &str| std::fs::write(&attempt, text).ok().and_then(|()| kind_of_finding(&attempt));
    let Some(kind) = found(&text) else {
        println!("nothing found");
        return ExitCode::SUCCESS;
    };
    let small = smaller(&text, |text| found(text).as_ref() == Some(&kind));
    let _ = std::fs::remove_file(&attempt);
    let result = path.with_extension("small");
    match std::fs::write(&result, &small) {
        Ok(()) => println!("{kind}: {} lines, {}", small.lines().count(), result.display()),
        Err(error) => eprintln!("{}: {error}", result.display()),
    }
    ExitCode::FAILURE
}

/// What this target finds in a file, up to its first colon, or `None`.
fn kind_of_finding(file: &Path) -> Option<String> {
    let mut child = Command::new(std::env::current_exe().ok()?)
        .arg("--replay")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() > end => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    if status.success() {
        return None;
    }
    let mut said = String::new();
    child.stdout.take()?.read_to_string(&mut said).ok()?;
    let kind = said.split(':').next().unwrap_or_default();
    Some(if kind.is_empty() { status.to_string() } else { kind.to_owned() })
}

/// A smaller text for which `keeps` holds, as it does for `text`.
pub fn smaller(text: &str, mut keeps: impl FnMut(&str) -> bool) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut keeps = |lines: &[String]| keeps(&(lines.join("\n") + "\n"));
    loop {
        let before = lines.clone();
        without_statements(&mut lines, &mut keeps);
        without_shells(&mut lines, &mut keeps);
        simpler_lines(&mut lines, &mut keeps);
        if lines == before {
            return lines.join("\n") + "\n";
        }
    }
}

fn opens(line: &str) -> bool {
    line.trim_end().ends_with('{')
}

fn closes(line: &str) -> bool {
    line.trim_start().starts_with('}')
}

/// The line that closes what line `first` opens, and the lines between that close one block and open the next.
fn end_of_block(lines: &[String], first: usize) -> Option<(usize, Vec<usize>)> {
    let (mut depth, mut between) = (1, Vec::new());
    for (at, line) in lines.iter().enumerate().skip(first + 1) {
        match (closes(line), opens(line)) {
            (true, true) if depth == 1 => between.push(at),
            (true, false) => depth -= 1,
            (false, true) => depth += 1,
            _ => {}
        }
        if depth == 0 {
            return Some((at, between));
        }
    }
    None
}

/// Takes the lines of a range away if that keeps the finding.
fn take(
    lines: &mut Vec<String>,
    gone: impl Fn(usize) -> bool,
    keeps: &mut impl FnMut(&[String]) -> bool,
) -> bool {
    let rest: Vec<String> =
        lines.iter().enumerate().filter(|(at, _)| !gone(*at)).map(|(_, line)| line.clone()).collect();
    let kept = rest.len() < lines.len() && keeps(&rest);
    if kept {
        *lines = rest;
    }
    kept
}

/// Statements and whole blocks, from the last to the first: what is declared goes after what uses it.
fn without_statements(lines: &mut Vec<String>, keeps: &mut impl FnMut(&[String]) -> bool) {
    // Many at once first, where that works.
    for size in [32, 8] {
        let mut at = lines.len().saturating_sub(size);
        loop {
            take(lines, |line| (at..at + size).contains(&line), keeps);
            if at == 0 {
                break;
            }
            at = at.saturating_sub(size);
        }
    }
    let mut at = lines.len();
    while at > 0 {
        at -= 1;
        let Some(line) = lines.get(at) else { continue };
        if line.starts_with("// flags") {
            continue;
        }
        match (closes(line), opens(line)) {
            (false, true) => {
                if let Some((end, _)) = end_of_block(lines, at) {
                    take(lines, |line| (at..=end).contains(&line), keeps);
                }
            }
            (true, true) => {
                // The rest of an `if` or `try` up to its next part.
                if let Some((end, between)) = end_of_block(lines, at) {
                    let end = between.first().copied().unwrap_or(end);
                    take(lines, |line| (at..end).contains(&line), keeps);
                }
            }
            (true, false) => {}
            (false, false) => drop(take(lines, |line| line == at, keeps)),
        }
    }
}

/// Blocks lose what surrounds them.
fn without_shells(lines: &mut Vec<String>, keeps: &mut impl FnMut(&[String]) -> bool) {
    let mut at = 0;
    while at < lines.len() {
        if opens(&lines[at])
            && !closes(&lines[at])
            && let Some((end, between)) = end_of_block(lines, at)
        {
            let rest = between.first().copied().unwrap_or(end);
            take(lines, |line| line == at || (rest..=end).contains(&line), keeps);
        }
        at += 1;
    }
}

/// Parts in brackets become something simple.
fn simpler_lines(lines: &mut [String], keeps: &mut impl FnMut(&[String]) -> bool) {
    for at in 0..lines.len() {
        let mut from = 0;
        while let Some(begin) = lines[at][from..].find(['(', '[', '{', '=', ',']).map(|found| from + found) {
            from = begin + 1;
            let was = lines[at].clone();
            for simple in simpler(&was, begin) {
                if simple.len() < was.len() {
                    lines[at] = simple;
                    if keeps(lines) {
                        break;
                    }
                    lines[at].clone_from(&was);
                }
            }
        }
    }
}

/// What could stand instead of what begins at a place of a line.
fn simpler(line: &str, begin: usize) -> Vec<String> {
    let (head, tail) = line.split_at(begin);
    if tail.starts_with(['=', ',']) {
        // An operand as a whole: up to where it must end.
        let mut depth = 0;
        let end = tail.char_indices().skip(1).find(|(_, c)| {
            depth += i32::from("([{".contains(*c)) - i32::from(")]}".contains(*c));
            depth < 0 || depth == 0 && matches!(c, ',' | ';')
        });
        let Some((end, _)) = end else { return Vec::new() };
        let mut made: Vec<String> =
            ["0", "1", "null"].map(|value| format!("{head}{} {value}{}", &tail[..1], &tail[end..])).into();
        if tail.starts_with(',') {
            made.push(format!("{head}{}", &tail[end..]));
        }
        return made;
    }
    let mut depth = 0;
    let end = tail.char_indices().find(|(_, c)| {
        depth += i32::from("([{".contains(*c)) - i32::from(")]}".contains(*c));
        depth == 0
    });
    let Some((end, _)) = end else { return Vec::new() };
    let (inner, rest) = (&tail[1..end], &tail[end + 1..]);
    let mut made = vec![format!("{head}0{rest}"), format!("{head}{inner}{rest}")];
    let mut depth = 0;
    for (at, c) in inner.char_indices() {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        if depth == 0 && c == ' ' {
            made.push(format!("{head}({}){rest}", &inner[..at]));
            if let Some(after) = inner[at + 1..].find(' ') {
                made.push(format!("{head}({}){rest}", &inner[at + 1 + after + 1..]));
            }
        }
    }
    made
}
