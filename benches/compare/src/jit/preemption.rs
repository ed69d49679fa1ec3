//! How soon a task that computes without waiting gives way, compiled and interpreted: `benches/programs/jit/preempt.cor`.

use crate::Options;
use crate::peers::{Peers, invocation};
use crate::run::{self, Run};
use std::path::Path;

/// The default length of a tick, in microseconds (`corella --tick-time`).
pub const TICK: f64 = 1000.0;

/// One way of asking.
#[derive(Debug)]
pub struct Row {
    pub label: String,
    /// Microseconds that are no latency: what the scheduler grants.
    pub granted: f64,
    pub run: Option<Run>,
    pub fault: Option<String>,
}

impl Row {
    /// A percentile in microseconds, less what is granted.
    pub fn micros(&self, field: &str) -> Option<f64> {
        Some(self.run.as_ref()?.field(field)? - self.granted)
    }
}

/// Measures both ways, compiled and interpreted.
pub fn measure(benches: &Path, peers: &Peers, options: &Options) -> Vec<Row> {
    let Some(corella) = peers.program("corella") else { return Vec::new() };
    let samples = if options.quick { "10" } else { "500" };
    let modes = [("yield", "a ready task waits, beyond the tick", TICK), ("sleep", "a sleeper's delay", 0.0)];
    let compilers = [("auto", "compiled"), ("off", "`--jit=off`")];
    let mut rows = Vec::new();
    eprint!("{:<14}", "preemption");
    for (mode, label, granted) in modes {
        for (jit, how) in compilers {
            let words = ["run", &format!("--jit={jit}"), "programs/jit/preempt.cor", samples, mode];
            let invocation = invocation(corella.clone(), words.iter().map(|w| (*w).to_owned()), benches);
            let (run, fault) = match run::run(&invocation) {
                Ok(run) if run.field("p50_us").is_some() => (Some(run), None),
                Ok(_) => (None, Some("prints no p50_us".to_owned())),
                Err(fault) => (None, Some(fault)),
            };
            rows.push(Row { label: format!("{label}, {how}"), granted, run, fault });
            eprint!(".");
        }
    }
    eprintln!();
    rows
}
