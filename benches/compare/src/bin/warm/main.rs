//! One program again and again in one process: `warm script FILE SECONDS LEAST ARGUMENTS...` a script of Corella in an embedded VM,
//! `warm interpreted ...` the same without machine code, `warm native NAME SECONDS LEAST ARGUMENTS...` the same work in Rust.
//!
//! Prints as `benches/peers/warm.js` and `warm.lua` do: the answer, and how long each run took, in nanoseconds; of a script also what was
//! compiled to machine code.

mod native;
mod script;

use corella::JitMode;
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [how @ ("script" | "interpreted"), file, seconds, least, ref rest @ ..] => {
            let jit = if how == "script" { JitMode::Auto } else { JitMode::Off };
            Plan::parse(seconds, least).and_then(|plan| script::repeat(file, jit, &plan, rest))
        }
        ["native", name, seconds, least, ref rest @ ..] => {
            Plan::parse(seconds, least).and_then(|plan| native::repeat(name, &plan, rest))
        }
        _ => Err("usage: warm script FILE|interpreted FILE|native NAME SECONDS LEAST ARGUMENTS...".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// How long to go on.
struct Plan {
    time: Duration,
    least: usize,
}

impl Plan {
    fn parse(seconds: &str, least: &str) -> Result<Plan, String> {
        let time = seconds.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
        match (time, least.parse()) {
            (Some(time), Ok(least)) => Ok(Plan { time, least }),
            _ => Err(format!("not a time and a number of runs: {seconds} {least}")),
        }
    }

    /// Calls it until the time is over and the least number of runs is done, and prints answer and times. The answer is what `run`
    /// gives, and must be the same each time.
    fn carry_out(&self, mut run: impl FnMut() -> Result<String, String>) -> Result<(), String> {
        let mut times = Vec::new();
        let mut answer: Option<String> = None;
        let begun = Instant::now();
        while times.len() < self.least || begun.elapsed() < self.time {
            let started = Instant::now();
            let found = run()?;
            times.push(started.elapsed().as_nanos());
            if answer.as_ref().is_some_and(|answer| *answer != found) {
                return Err(format!("run {} gives another answer: {found}", times.len()));
            }
            answer = Some(found);
        }
        println!("answer\t{}", answer.unwrap_or_default().trim_end());
        let times: Vec<String> = times.iter().map(u128::to_string).collect();
        println!("times\t{}", times.join(" "));
        Ok(())
    }
}
