//! Typed loops and calls in Corella beside the same in optimised Rust, both warm in one process.

use super::series::{Series, repeat};
use crate::Options;
use crate::programs::Native;
use std::path::Path;

/// How long a process repeats a program, and how often at least.
const PLAN: (f64, usize) = (0.3, 30);
/// Most processes of each.
const ROUNDS: usize = 2;

/// One of the two languages.
#[derive(Debug, Default)]
pub struct Side {
    pub rounds: Vec<Series>,
    pub fault: Option<String>,
}

impl Side {
    /// Seconds of a warm run: that of the process that was quickest, if the answer was right.
    pub fn seconds(&self) -> Option<f64> {
        let peaks = self.rounds.iter().map(Series::peak);
        peaks.min_by(f64::total_cmp).filter(|_| self.fault.is_none())
    }

    fn answer(&self) -> Option<&str> {
        self.rounds.first().map(|series| series.answer.as_str())
    }
}

/// One program.
#[derive(Debug)]
pub struct Row {
    pub program: String,
    pub size: String,
    pub what: String,
    pub script: Side,
    pub rust: Side,
}

impl Row {
    /// Corella's time divided by Rust's.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.script.seconds()? / self.rust.seconds()?)
    }
}

/// Measures every program.
pub fn measure(benches: &Path, host: &Path, programs: &[Native], options: &Options) -> Vec<Row> {
    let plan = if options.quick { (0.0, 4) } else { PLAN };
    programs
        .iter()
        .map(|program| {
            let arguments = if options.quick { &program.quick } else { &program.arguments };
            let file = format!("programs/{}/{}.cor", program.folder, program.name);
            let script = repeat(benches, host, ["script", &file], plan, arguments);
            let rust = repeat(benches, host, ["native", &program.name], plan, arguments);
            let mut row = Row {
                program: program.name.clone(),
                size: arguments.join(" "),
                what: program.what.clone(),
                script: Side::default(),
                rust: Side::default(),
            };
            eprint!("{:<14}", program.name);
            for _ in 0..options.runs().min(ROUNDS) {
                for (side, invocation) in [(&mut row.script, &script), (&mut row.rust, &rust)] {
                    match Series::take(invocation) {
                        Ok(series) => side.rounds.push(series),
                        Err(fault) => side.fault = Some(fault),
                    }
                }
                eprint!(".");
            }
            eprintln!(" beside Rust");
            if let (Some(ours), Some(theirs)) = (row.script.answer(), row.rust.answer())
                && ours != theirs
            {
                row.script.fault = Some(format!("another answer: {ours} instead of Rust's {theirs}"));
            }
            row
        })
        .collect()
}
