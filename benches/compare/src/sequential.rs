//! The sequential programs: whole-process time and peak memory of each in every language, taken in turn.

use crate::peers::{Peers, SYSTEMS};
use crate::run::{self, Run};
use crate::stats::{geometric_mean, median};
use crate::{Options, programs};
use std::path::Path;

/// A program that takes longer than so many seconds gets no more than so many runs.
const SLOW: &[(f64, usize)] = &[(2.0, 3), (5.0, 2)];

/// What one system did with one program.
#[derive(Debug)]
pub struct Cell {
    pub system: &'static str,
    pub runs: Vec<Run>,
    pub fault: Option<String>,
}

/// One program in every system that has it.
#[derive(Debug)]
pub struct Row {
    pub program: String,
    pub size: String,
    pub what: String,
    pub cells: Vec<Cell>,
}

impl Cell {
    /// Times of all runs.
    pub fn times(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.seconds).collect()
    }

    /// Median time, if every run was right.
    pub fn seconds(&self) -> Option<f64> {
        (self.fault.is_none() && !self.runs.is_empty()).then(|| median(&self.times()))
    }

    /// Largest peak memory of the runs.
    pub fn peak_bytes(&self) -> Option<f64> {
        self.runs.iter().map(|run| run.peak_bytes).max_by(f64::total_cmp)
    }
}

impl Row {
    /// The cell of a system.
    pub fn cell(&self, system: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.system == system)
    }

    /// The time of one system divided by that of another.
    pub fn ratio(&self, system: &str, other: &str) -> Option<f64> {
        Some(self.cell(system)?.seconds()? / self.cell(other)?.seconds()?)
    }
}

/// Geometric mean of one system's time divided by another's, over the programs that both have.
pub fn mean_ratio(rows: &[Row], system: &str, other: &str) -> Option<f64> {
    geometric_mean(&rows.iter().filter_map(|row| row.ratio(system, other)).collect::<Vec<_>>())
}

/// The program in which one system is slowest beside another, and the ratio of the times.
pub fn worst<'a>(rows: &'a [Row], system: &str, other: &str) -> Option<(f64, &'a str)> {
    rows.iter()
        .filter_map(|row| Some((row.ratio(system, other)?, row.program.as_str())))
        .max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Measures the programs that the options want.
pub fn measure(benches: &Path, peers: &Peers, options: &Options) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for program in programs::sequential(benches)? {
        if !options.wants("sequential", &program.name) {
            continue;
        }
        let size = if options.quick { program.quick.clone() } else { program.size.clone() };
        let arguments: Vec<String> = size.split_whitespace().map(str::to_owned).collect();
        let mut work: Vec<_> = SYSTEMS
            .iter()
            .filter_map(|(system, _)| {
                let invocation = peers.sequential(benches, system, &program.name, &arguments)?;
                Some((Cell { system, runs: Vec::new(), fault: None }, invocation))
            })
            .collect();
        eprint!("{:<14}", program.name);
        for _ in 0..options.runs() {
            for (cell, invocation) in &mut work {
                let time = median(&cell.times());
                let enough = SLOW.iter().any(|(seconds, runs)| time > *seconds && cell.runs.len() >= *runs);
                if cell.fault.is_some() || enough {
                    continue;
                }
                match run::run(invocation) {
                    Ok(run) => cell.runs.push(run),
                    Err(fault) => cell.fault = Some(fault),
                }
            }
            eprint!(".");
        }
        eprintln!();
        let mut cells: Vec<Cell> = work.into_iter().map(|(cell, _)| cell).collect();
        compare_answers(&mut cells);
        rows.push(Row { program: program.name, size, what: program.what, cells });
    }
    Ok(rows)
}

/// What a system printed must be what the most systems printed, at every run.
fn compare_answers(cells: &mut [Cell]) {
    let answers: Vec<String> =
        cells.iter().flat_map(|cell| &cell.runs).map(|run| run.stdout.trim().to_owned()).collect();
    let votes = |answer: &String| answers.iter().filter(|other| *other == answer).count();
    let Some(right) = answers.iter().max_by_key(|answer| votes(answer)) else { return };
    for cell in cells {
        if let Some(wrong) = cell.runs.iter().find(|run| run.stdout.trim() != right) {
            let start: String = wrong.stdout.trim().chars().take(60).collect();
            cell.fault = Some(format!("another answer: {start}"));
        }
    }
}
