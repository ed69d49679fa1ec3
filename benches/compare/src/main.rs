//! One command that measures Corella beside its peers: finds them, builds what has to be built, runs every program several times
//! in turn, checks the answers, and writes tables and plots into `docs/benchmarks/`.

mod compile;
mod concurrency;
mod jit;
mod machine;
mod peers;
mod plot;
mod programs;
mod report;
mod run;
mod sequential;
mod stats;

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures Corella beside the peers found on this machine and writes docs/benchmarks/.
#[derive(Parser)]
pub struct Options {
    /// Runs of each program by each language (fewer of those that take seconds).
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Measures only what has this name: a program, a measure, `sequential`, `concurrency`, `compile` or `jit`; prints, writes nothing.
    #[arg(long)]
    only: Vec<String>,
    /// The `corella` program to measure; without it, a release build of this repository.
    #[arg(long)]
    corella: Option<PathBuf>,
    /// Small sizes, one run: a test of the command and of the programs, not of speed. Prints, writes nothing.
    #[arg(long)]
    quick: bool,
    /// Writes the results to this folder instead of `docs/benchmarks/`.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Options {
    fn wants(&self, group: &str, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == group || only == name)
    }

    fn runs(&self) -> usize {
        if self.quick { 1 } else { self.runs.max(1) }
    }
}

/// The repository that this command belongs to.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root)
}

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            eprintln!("\n{} of the programs failed or gave another answer:", faults.len());
            faults.iter().for_each(|fault| eprintln!("  {fault}"));
            ExitCode::FAILURE
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<Vec<String>, String> {
    let root = root();
    let peers = peers::Peers::find(&root, options.corella.as_deref())?;
    for note in &peers.notes {
        eprintln!("left out: {note}");
    }
    let load = machine::foreign_load();
    if let Some(load) = load {
        eprintln!("other programs are running (load {load}): do not trust single figures");
    }
    let benches = root.join("benches");
    let all = report::Results {
        sequential: sequential::measure(&benches, &peers, options)?,
        compile: compile::measure(&benches, &peers, options)?,
        concurrency: concurrency::measure(&benches, &peers, options)?,
        jit: jit::measure(&root, &peers, options)?,
    };
    let text = report::markdown(&all, &peers, options, load);
    println!("{text}");
    if options.only.is_empty() && !options.quick {
        let folder = options.out.clone().unwrap_or_else(|| root.join("docs").join("benchmarks"));
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text)
                .map_err(|e| format!("{}: {e}", folder.join(name).display()))
        };
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        write("results.md", &text)?;
        write("sequential.svg", &plot::sequential(&all.sequential))?;
        write("concurrency.svg", &plot::concurrency(&all.concurrency))?;
        write("pauses.svg", &plot::pauses(&all.concurrency))?;
        eprintln!("written to {}", folder.display());
    }
    Ok(all.faults())
}
