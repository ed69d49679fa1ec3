//! The results as Markdown.

use crate::compile::Speed;
use crate::peers::{Peers, SYSTEMS};
use crate::stats::spread;
use crate::{Options, concurrency, jit, machine, sequential};
use std::fmt::Write as _;

/// All that was measured.
pub struct Results {
    pub sequential: Vec<sequential::Row>,
    pub compile: Vec<Speed>,
    pub concurrency: Vec<concurrency::Result>,
    pub jit: jit::Results,
}

impl Results {
    /// What failed, one line each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in &self.sequential {
            for cell in &row.cells {
                faults.extend(
                    cell.fault.as_ref().map(|f| format!("{} in {}: {f}", row.program, title(cell.system))),
                );
            }
        }
        for speed in &self.compile {
            faults.extend(speed.fault.as_ref().map(|f| format!("compile in {}: {f}", speed.label)));
        }
        for result in &self.concurrency {
            for reading in &result.readings {
                faults.extend(
                    reading
                        .fault
                        .as_ref()
                        .map(|f| format!("{} in {}: {f}", result.measure.id, reading.label)),
                );
            }
        }
        faults.extend(self.jit.faults());
        faults
    }
}

fn title(system: &str) -> &'static str {
    SYSTEMS.iter().find(|(key, _)| *key == system).map_or("?", |(_, title)| title)
}

/// Three significant digits, thousands with commas.
pub fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        let digits = format!("{:.0}", value.abs());
        let mut text = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i) % 3 == 0 {
                text.push(',');
            }
            text.push(digit);
        }
        return if value < 0.0 { format!("-{text}") } else { text };
    }
    if value == 0.0 {
        return "0".into();
    }
    let decimals = (2 - value.abs().log10().floor() as i32).max(0) as usize;
    format!("{value:.decimals$}")
}

/// The whole report.
pub fn markdown(results: &Results, peers: &Peers, options: &Options, load: Option<f64>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "Machine: {}.\n", machine::facts());
    let _ = writeln!(out, "Versions: {}.", peers.versions().join("; "));
    if !peers.notes.is_empty() {
        let _ = writeln!(out, "\nLeft out: {}.", peers.notes.join("; "));
    }
    if let Some(load) = load {
        let _ = writeln!(
            out,
            "\n**Other programs were running meanwhile (load {load:.1}): provisional figures, of which only the ratios tell something.**"
        );
    }
    sequential_tables(&mut out, &results.sequential, options);
    compile_table(&mut out, &results.compile);
    concurrency_tables(&mut out, &results.concurrency, options);
    jit::report::tables(&mut out, &results.jit);
    out
}

fn sequential_tables(out: &mut String, rows: &[sequential::Row], options: &Options) {
    if rows.is_empty() {
        return;
    }
    let systems: Vec<_> =
        SYSTEMS.iter().filter(|(key, _)| rows.iter().any(|row| row.cell(key).is_some())).collect();
    let _ = writeln!(out, "\n## Sequential programs\n");
    let _ = writeln!(
        out,
        "Seconds of the whole process, median of {} run{} taken in turn; behind the dot: Corella's time divided by that of the peer (below 1: Corella is faster). \
         A dash: the language has no version of the program here. Rhai and Rune have those that they express naturally.\n",
        options.runs(),
        if options.runs() == 1 { "" } else { "s (3 where one takes more than 2 s, 2 where more than 5 s)" }
    );
    let head: Vec<&str> = systems.iter().map(|(_, title)| *title).collect();
    let _ = writeln!(out, "| program | size | {} |", head.join(" | "));
    let _ = writeln!(out, "|---|---|{}", "---:|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = systems
            .iter()
            .map(|(key, _)| match (row.cell(key), row.ratio("corella", key)) {
                (Some(cell), _) if cell.fault.is_some() => "failed".into(),
                (Some(cell), _) if *key == "corella" => {
                    format!("**{:.3}**", cell.seconds().unwrap_or(f64::NAN))
                }
                (Some(cell), Some(ratio)) => {
                    format!("{:.3} · {ratio:.2}", cell.seconds().unwrap_or(f64::NAN))
                }
                (Some(cell), None) => format!("{:.3}", cell.seconds().unwrap_or(f64::NAN)),
                (None, _) => "–".into(),
            })
            .collect();
        let _ = writeln!(out, "| {} | {} | {} |", row.program, row.size, cells.join(" | "));
    }
    let means: Vec<String> = systems
        .iter()
        .map(|(key, _)| match sequential::mean_ratio(rows, "corella", key) {
            Some(mean) if *key != "corella" => format!("**{mean:.2}**"),
            _ => String::new(),
        })
        .collect();
    let _ = writeln!(out, "| **geometric mean of the ratios** | | {} |", means.join(" | "));
    largest_ratios(out, rows);
    let spreads: Vec<f64> = rows
        .iter()
        .flat_map(|row| &row.cells)
        .filter(|cell| cell.runs.len() > 1)
        .map(|cell| spread(&cell.times()))
        .collect();
    if !spreads.is_empty() {
        let _ = writeln!(
            out,
            "\nThe slowest run of a cell divided by its fastest: median {:.2}, largest {:.2}.",
            crate::stats::median(&spreads),
            spreads.iter().copied().fold(0.0, f64::max)
        );
    }
    let _ = writeln!(out, "\nWhat each exercises: {}.", {
        let list: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.program, row.what)).collect();
        list.join("; ")
    });
    let _ = writeln!(out, "\nPeak memory, MB:\n\n| program | {} |", head.join(" | "));
    let _ = writeln!(out, "|---|{}", "---:|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = systems
            .iter()
            .map(|(key, _)| {
                row.cell(key)
                    .and_then(|cell| cell.peak_bytes())
                    .map_or("–".into(), |bytes| number(bytes / 1e6))
            })
            .collect();
        let _ = writeln!(out, "| {} | {} |", row.program, cells.join(" | "));
    }
}

/// The largest ratios, and what the interpreter alone does beside those that interpret.
fn largest_ratios(out: &mut String, rows: &[sequential::Row]) {
    let largest = |system, others: &[&str]| {
        let of = |other: &&str| {
            let (ratio, program) = sequential::worst(rows, system, other)?;
            Some(format!("{ratio:.2} to {} ({program})", title(other)))
        };
        others.iter().filter_map(of).collect::<Vec<_>>().join(", ")
    };
    let compiled = largest("corella", &["corella-interpreted", "lua", "luajit"]);
    if !compiled.is_empty() {
        let _ = writeln!(out, "\nThe largest ratios: {compiled}.");
    }
    let mean = |other: &&str| {
        let ratio = sequential::mean_ratio(rows, "corella-interpreted", other)?;
        Some(format!("{ratio:.2} of {}'s", title(other)))
    };
    let means: Vec<String> =
        ["lua", "luajit-joff", "python", "rhai", "rune"].iter().filter_map(mean).collect();
    if !means.is_empty() {
        let _ = writeln!(
            out,
            "\nThe interpreter alone (`--jit=off`): geometric mean of its time {}; its largest ratios: {}.",
            means.join(", "),
            largest("corella-interpreted", &["lua", "luajit-joff"])
        );
    }
}

fn compile_table(out: &mut String, speeds: &[Speed]) {
    if speeds.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## Compilation\n");
    let _ = writeln!(out, "Lines per second of generated source, {} lines or nearly so.\n", speeds[0].lines);
    let _ = writeln!(out, "| | lines/s | how |\n|---|---:|---|");
    for speed in speeds {
        let value = speed.lines_per_second.map_or("failed".into(), number);
        let _ = writeln!(out, "| {} | {value} | {} |", speed.label, speed.how);
    }
}

fn concurrency_tables(out: &mut String, results: &[concurrency::Result], options: &Options) {
    if results.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## Tasks, threads, messages, memory\n");
    let _ = writeln!(
        out,
        "Medians of {} run(s), one run of the pauses. The last column: Corella's first figure divided by this one. Lua and LuaJIT time themselves by processor \
         time, all others by the clock on the wall, which favours those two on a busy machine.",
        options.runs().min(3)
    );
    for result in results {
        let fields = &result.measure.fields;
        let best = result
            .readings
            .iter()
            .find(|reading| reading.is_corella())
            .and_then(|reading| reading.field(&fields[0]));
        let _ = writeln!(out, "\n### {}\n", result.measure.title);
        let _ = writeln!(out, "| | {} | Corella / this |", fields.join(" | "));
        let _ = writeln!(out, "|---|{}---:|", "---:|".repeat(fields.len()));
        for reading in &result.readings {
            let cells: Vec<String> = fields
                .iter()
                .map(|field| match &reading.fault {
                    Some(_) => "failed".into(),
                    None => reading.field(field).map_or(String::new(), number),
                })
                .collect();
            let ratio = match (best, reading.field(&fields[0])) {
                (Some(ours), Some(theirs)) if !reading.is_corella() && theirs > 0.0 => {
                    format!("{:.2}", ours / theirs)
                }
                _ => String::new(),
            };
            let _ = writeln!(out, "| {} | {} | {ratio} |", reading.label, cells.join(" | "));
        }
        if result.measure.more {
            let _ = writeln!(out, "\nMore is better.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(number(1234567.0), "1,234,567");
        assert_eq!(number(999.4), "999");
        assert_eq!(number(48.25), "48.2");
        assert_eq!(number(0.01234), "0.0123");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(-1.6), "-1.60");
    }
}
