//! The sequential programs once they are warm: repeated in one process, in Corella, its interpreter alone, Node and LuaJIT in turn.

use super::series::{Rounds, repeat};
use crate::Options;
use crate::peers::Peers;
use crate::programs::Repeated;
use crate::stats::geometric_mean;
use std::path::Path;

/// Corella with machine code first, then without, then systems with a compiler at run time.
pub const SYSTEMS: &[(&str, &str)] = &[
    ("corella", "Corella"),
    ("corella-interpreted", "Corella --jit=off"),
    ("node", "Node"),
    ("luajit", "LuaJIT"),
];

/// How long a process repeats a program, and how often at least.
const PLAN: (f64, usize) = (0.5, 36);
/// Most processes of each.
const ROUNDS: usize = 2;

/// One program in one system.
#[derive(Debug)]
pub struct Cell {
    pub system: &'static str,
    pub rounds: Rounds,
}

/// One program in every system that is there.
#[derive(Debug)]
pub struct Row {
    pub program: String,
    pub size: String,
    pub cells: Vec<Cell>,
}

impl Row {
    /// Seconds of a warm run in a system.
    pub fn seconds(&self, system: &str) -> Option<f64> {
        self.cells.iter().find(|cell| cell.system == system)?.rounds.seconds()
    }

    /// Corella's time divided by that of another system.
    pub fn ratio(&self, other: &str) -> Option<f64> {
        Some(self.seconds("corella")? / self.seconds(other)?)
    }
}

/// Geometric mean of the ratios to another system.
pub fn mean_ratio(rows: &[Row], other: &str) -> Option<f64> {
    geometric_mean(&rows.iter().filter_map(|row| row.ratio(other)).collect::<Vec<_>>())
}

/// Measures every program.
pub fn measure(
    benches: &Path,
    host: &Path,
    peers: &Peers,
    programs: &[Repeated],
    options: &Options,
) -> Vec<Row> {
    let plan = if options.quick { (0.0, 4) } else { PLAN };
    programs
        .iter()
        .map(|program| {
            let arguments = if options.quick { &program.quick } else { &program.warm };
            let script = format!("programs/sequential/{}.cor", program.name);
            let mut work: Vec<_> = SYSTEMS
                .iter()
                .filter_map(|(system, _)| {
                    let invocation = match *system {
                        "corella" => repeat(benches, host, ["script", &script], plan, arguments),
                        "corella-interpreted" => {
                            repeat(benches, host, ["interpreted", &script], plan, arguments)
                        }
                        peer => peers.repeated(benches, peer, &program.name, plan, arguments)?,
                    };
                    Some((Cell { system, rounds: Rounds::default() }, invocation))
                })
                .collect();
            eprint!("{:<14}", program.name);
            for _ in 0..options.runs().min(ROUNDS) {
                for (cell, invocation) in work.iter_mut().filter(|(cell, _)| cell.rounds.fault.is_none()) {
                    cell.rounds.take(invocation);
                }
                eprint!(".");
            }
            eprintln!(" warm");
            let mut cells: Vec<Cell> = work.into_iter().map(|(cell, _)| cell).collect();
            compare_answers(&mut cells);
            Row { program: program.name.clone(), size: arguments.join(" "), cells }
        })
        .collect()
}

/// What differs from Corella's first answer is a fault.
fn compare_answers(cells: &mut [Cell]) {
    let answers = cells.iter().flat_map(|cell| &cell.rounds.series).map(|series| series.answer.clone());
    let Some(right) = answers.into_iter().next() else { return };
    for cell in cells {
        if let Some(wrong) = cell.rounds.series.iter().find(|series| series.answer != right) {
            cell.rounds.fault = Some(format!("another answer: {} instead of {right}", wrong.answer));
        }
    }
}
