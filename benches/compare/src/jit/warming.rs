//! How soon the sequential programs are warm in Corella, and what was compiled for that.

use super::series::{Rounds, Series, repeat};
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
    pub rounds: Rounds,
}

/// A process and when it was warm.
#[derive(Clone, Copy, Debug)]
pub struct Warmed<'a> {
    pub series: &'a Series,
    pub runs: usize,
    pub seconds: f64,
}

impl Row {
    /// Time of a warm run: the shortest peak of the processes.
    pub fn peak(&self) -> f64 {
        self.rounds.series.iter().map(Series::peak).fold(f64::INFINITY, f64::min)
    }

    /// The process that came near that peak soonest: other programs on the machine only make it later.
    pub fn best(&self) -> Option<Warmed<'_>> {
        let warmed = self.rounds.series.iter().filter_map(|series| {
            let (runs, seconds) = series.warm_up(self.peak())?;
            Some(Warmed { series, runs, seconds })
        });
        warmed.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).filter(|_| self.rounds.fault.is_none())
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
            let mut row =
                Row { program: program.name.clone(), size: arguments.join(" "), rounds: Rounds::default() };
            eprint!("{:<14}", program.name);
            for _ in 0..options.runs().min(ROUNDS) {
                row.rounds.take(&invocation);
                eprint!(".");
            }
            eprintln!(" warming");
            row
        })
        .collect()
}
