//! How soon the sequential programs are warm in Corella, and what was compiled for that.

use super::series::{Series, repeat};
use crate::Options;
use crate::programs::Repeated;
use std::path::Path;

/// How long a process repeats a program, and how often at least.
const PLAN: (f64, usize) = (0.3, 40);
/// Most processes of each.
const ROUNDS: usize = 3;

/// One program.
#[derive(Debug)]
pub struct Row {
    pub program: String,
    pub size: String,
    pub rounds: Vec<Series>,
    pub fault: Option<String>,
}

impl Row {
    /// The process that was warm soonest: other programs on the machine only make it later.
    pub fn best(&self) -> Option<&Series> {
        let soonest = self.rounds.iter().min_by(|a, b| a.warm_up().1.total_cmp(&b.warm_up().1));
        soonest.filter(|_| self.fault.is_none())
    }
}

/// Measures every program.
pub fn measure(benches: &Path, host: &Path, programs: &[Repeated], options: &Options) -> Vec<Row> {
    let plan = if options.quick { (0.0, 4) } else { PLAN };
    programs
        .iter()
        .map(|program| {
            let arguments = if options.quick { &program.quick } else { &program.warming };
            let script = format!("programs/sequential/{}.cor", program.name);
            let invocation = repeat(benches, host, ["script", &script], plan, arguments);
            let mut row = Row {
                program: program.name.clone(),
                size: arguments.join(" "),
                rounds: Vec::new(),
                fault: None,
            };
            eprint!("{:<14}", program.name);
            for _ in 0..options.runs().min(ROUNDS) {
                match Series::take(&invocation) {
                    Ok(series) => row.rounds.push(series),
                    Err(fault) => row.fault = Some(fault),
                }
                eprint!(".");
            }
            eprintln!(" warming");
            row
        })
        .collect()
}
