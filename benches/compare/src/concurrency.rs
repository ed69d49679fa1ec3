//! Tasks, threads, messages, start-up, pauses: each program prints `key=value` fields, whose medians are taken.

use crate::Options;
use crate::peers::Peers;
use crate::programs::{self, Measure};
use crate::run::{self, Run};
use crate::stats::median;
use std::path::Path;

/// A measure with a reading for each way that could be run here.
#[derive(Debug)]
pub struct Result {
    pub measure: Measure,
    pub readings: Vec<Reading>,
}

/// What one way gave.
#[derive(Debug)]
pub struct Reading {
    pub label: String,
    pub arguments: String,
    pub runs: Vec<Run>,
    pub fault: Option<String>,
}

impl Reading {
    /// The median of a field.
    pub fn field(&self, name: &str) -> Option<f64> {
        let values: Vec<f64> = self.runs.iter().filter_map(|run| run.field(name)).collect();
        (self.fault.is_none() && !values.is_empty()).then(|| median(&values))
    }

    /// Whether this is Corella.
    pub fn is_corella(&self) -> bool {
        self.label.starts_with("Corella")
    }
}

/// Measures what the options want.
pub fn measure(benches: &Path, peers: &Peers, options: &Options) -> std::result::Result<Vec<Result>, String> {
    let mut results = Vec::new();
    for measure in programs::concurrency(benches)? {
        if !options.wants("concurrency", &measure.id) {
            continue;
        }
        let mut work: Vec<_> = measure
            .runs
            .iter()
            .filter_map(|run| {
                let arguments = if options.quick { &run.quick } else { &run.arguments };
                let invocation = peers.concurrency(benches, &run.runner, arguments)?;
                let reading = Reading {
                    label: run.label.clone(),
                    arguments: arguments.join(" "),
                    runs: Vec::new(),
                    fault: None,
                };
                Some((reading, invocation))
            })
            .collect();
        // Runs take seconds each and gigabytes for some: three tell enough, and one of the histogram.
        let runs = options.runs().min(if measure.id == "pauses" { 1 } else { 3 });
        eprint!("{:<18}", measure.id);
        for _ in 0..runs {
            for (reading, invocation) in &mut work {
                if reading.fault.is_some() {
                    continue;
                }
                match run::run(invocation) {
                    Ok(run) if run.field(&measure.fields[0]).is_none() => {
                        reading.fault = Some(format!("prints no {}", measure.fields[0]));
                    }
                    Ok(run) => reading.runs.push(run),
                    Err(fault) => reading.fault = Some(fault),
                }
            }
            eprint!(".");
        }
        eprintln!();
        let mut readings: Vec<Reading> = work.into_iter().map(|(reading, _)| reading).collect();
        compare_checks(&mut readings);
        results.push(Result { measure, readings });
    }
    Ok(results)
}

/// Runs with the same problem size must print the same `check=`.
fn compare_checks(readings: &mut [Reading]) {
    let size = |reading: &Reading| {
        reading.arguments.split(' ').find(|word| word.parse::<u64>().is_ok()).map(str::to_owned)
    };
    let check = |run: &Run| run.word("check").map(|word| word.trim_end_matches(".0").to_owned());
    let expected: Vec<_> = readings
        .iter()
        .filter_map(|reading| Some((size(reading)?, check(reading.runs.first()?)?)))
        .filter(|(_, check)| check != "0") // printed by programs that check nothing
        .collect();
    for reading in readings {
        let size = size(reading);
        for run in &reading.runs {
            let Some(found) = check(run).filter(|found| found != "0") else { continue };
            if let Some((_, right)) = expected.iter().find(|(s, c)| Some(s) == size.as_ref() && *c != found) {
                reading.fault = Some(format!("check={found}, but another program gives {right}"));
                break;
            }
        }
    }
}
