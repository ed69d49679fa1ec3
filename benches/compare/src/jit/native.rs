//! Typed loops and calls in Corella beside the same in optimised Rust, both warm in one process.

use super::series::{Rounds, repeat};
use crate::Options;
use crate::programs::Native;
use std::path::Path;

/// How long a process repeats a program, and how often at least.
const PLAN: (f64, usize) = (0.3, 30);
/// Most processes of each.
const ROUNDS: usize = 2;

/// One program.
#[derive(Debug)]
pub struct Row {
    pub program: String,
    pub size: String,
    pub what: String,
    pub script: Rounds,
    pub rust: Rounds,
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
                script: Rounds::default(),
                rust: Rounds::default(),
            };
            eprint!("{:<14}", program.name);
            for _ in 0..options.runs().min(ROUNDS) {
                for (side, invocation) in [(&mut row.script, &script), (&mut row.rust, &rust)] {
                    side.take(invocation);
                }
                eprint!(".");
            }
            eprintln!(" beside Rust");
            if let (Some(ours), Some(theirs)) = (row.script.series.first(), row.rust.series.first())
                && ours.answer != theirs.answer
            {
                let fault = format!("another answer: {} instead of Rust's {}", ours.answer, theirs.answer);
                row.script.fault = Some(fault);
            }
            row
        })
        .collect()
}
