//! The section "Machine code" of the results.

use super::series::{Compiled, Rounds};
use super::warming::Warmed;
use super::{Results, native, preemption, warm, warming};
use crate::report::number;
use std::fmt::Write as _;

/// Milliseconds, or a dash.
fn millis(seconds: Option<f64>) -> String {
    seconds.map_or("–".into(), |seconds| number(seconds * 1e3))
}

/// All tables that there is something for.
pub fn tables(out: &mut String, results: &Results) {
    let Results { warm, warming, native, preemption } = results;
    if warm.is_empty() && warming.is_empty() && native.is_empty() && preemption.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## Machine code");
    warm_table(out, warm);
    warming_table(out, warming);
    native_table(out, native);
    preemption_table(out, preemption);
}

fn warm_table(out: &mut String, rows: &[warm::Row]) {
    if rows.is_empty() {
        return;
    }
    let systems: Vec<_> = warm::SYSTEMS
        .iter()
        .filter(|(key, _)| rows.iter().any(|row| row.cells.iter().any(|cell| cell.system == *key)))
        .collect();
    let head: Vec<&str> = systems.iter().map(|(_, title)| *title).collect();
    let _ = writeln!(out, "\n### Once warm\n");
    let _ = writeln!(
        out,
        "Milliseconds of one run of many in the same process; behind the dot: Corella's time divided by that of the peer.\n"
    );
    let _ = writeln!(out, "| program | size | {} |", head.join(" | "));
    let _ = writeln!(out, "|---|---|{}", "---:|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = systems
            .iter()
            .map(|(key, _)| match (row.cells.iter().find(|cell| cell.system == *key), row.ratio(key)) {
                (Some(cell), _) if cell.rounds.fault.is_some() => "failed".into(),
                (Some(cell), _) if *key == "corella" => format!("**{}**", millis(cell.rounds.seconds())),
                (Some(cell), Some(ratio)) => format!("{} · {ratio:.2}", millis(cell.rounds.seconds())),
                (Some(cell), None) => millis(cell.rounds.seconds()),
                (None, _) => "–".into(),
            })
            .collect();
        let _ = writeln!(out, "| {} | {} | {} |", row.program, row.size, cells.join(" | "));
    }
    let means: Vec<String> = systems
        .iter()
        .map(|(key, _)| match warm::mean_ratio(rows, key) {
            Some(mean) if *key != "corella" => format!("**{mean:.2}**"),
            _ => String::new(),
        })
        .collect();
    let _ = writeln!(out, "| **geometric mean of the ratios** | | {} |", means.join(" | "));
    let _ = writeln!(
        out,
        "\nEach process repeats the program for 0.5 s and at least 36 times; what counts is the median of the second half of the runs, of the better of two \
         processes. Functions, classes and constants are made once, all else anew in every run. Corella runs in a Rust program that embeds it, with the \
         settings of `corella`."
    );
}

fn warming_table(out: &mut String, rows: &[warming::Row]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Warming up\n");
    let _ = writeln!(
        out,
        "| program | size | first run, ms | warm run, ms | warm after, ms | runs | functions compiled | compiling, ms | machine code, bytes |"
    );
    let _ = writeln!(out, "|---|---|{}", "---:|".repeat(7));
    for row in rows {
        let Some(Warmed { series, runs, seconds }) = row.best() else {
            // Not near the peak in the runs that there were: too few (`--quick`), or a busy machine.
            let why = if row.rounds.fault.is_some() { "failed" } else { "–" };
            let _ = writeln!(out, "| {} | {} | {why} |{}", row.program, row.size, " – |".repeat(6));
            continue;
        };
        let compiled = match series.compiled {
            Some(Compiled { functions, seconds, bytes }) => {
                format!("{functions} | {} | {}", millis(Some(seconds)), number(bytes))
            }
            None => "– | – | –".into(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | **{}** | {runs} | {compiled} |",
            row.program,
            row.size,
            millis(series.times.first().copied()),
            millis(Some(row.peak())),
            millis(Some(seconds)),
        );
    }
    let _ = writeln!(
        out,
        "\nA program is warm at the end of the first run that is at least 90 % as fast as the peak, if the median of the next three is so too; the peak is the \
         median of the second half of all runs (40 or more, 0.3 s or more), of the quickest of three processes. The time goes from the start of the first call to the end of that run; loading \
         the file is not in it. Shown is the process that was warm soonest. What was compiled: by the end of the process, in a thread of its own while the program goes on \
         interpreted, so that the time of compiling is not simply part of the other one."
    );
}

fn native_table(out: &mut String, rows: &[native::Row]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Beside Rust\n");
    let _ = writeln!(out, "| program | size | what | Corella, ms | Rust, ms | Corella / Rust |");
    let _ = writeln!(out, "|---|---|---|---:|---:|---:|");
    for row in rows {
        let side = |side: &Rounds| match side.fault {
            Some(_) => "failed".into(),
            None => millis(side.seconds()),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            row.program,
            row.size,
            row.what,
            side(&row.script),
            side(&row.rust),
            row.ratio().map_or(String::new(), |ratio| format!("**{ratio:.2}**"))
        );
    }
    let _ = writeln!(
        out,
        "\nBoth once warm, as above, for 0.3 s and at least 30 times. Rust: optimisation level 3, ints of 64 bits that wrap around, as usual in an optimised build (Corella's are checked); \
         arrays are indexed with Rust's usual checks. The loops are such that a compiler can neither compute them beforehand nor do several turns at once; \
         the answers are equal."
    );
}

fn preemption_table(out: &mut String, rows: &[preemption::Row]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Giving way\n");
    let _ = writeln!(out, "Microseconds, of 500 times.\n");
    let _ = writeln!(out, "| | p50 | p99 | max |\n|---|---:|---:|---:|");
    for row in rows {
        let cell = |field| match &row.fault {
            Some(_) => "failed".into(),
            None => row.micros(field).map_or("–".into(), number),
        };
        let _ =
            writeln!(out, "| {} | {} | {} | {} |", row.label, cell("p50_us"), cell("p99_us"), cell("max_us"));
    }
    let _ = writeln!(
        out,
        "\nOne task computes in a loop without ever waiting, at the default tick of {} us. *A ready task waits*: another one of the same thread gives way and is \
         ready at once; counted is the time until it goes on, less one tick: from the end of the tick, when the other has to give way, to the switch (and \
         what passes until the tick begins: it is counted from the first look at the clock, which comes after some thousand turns of a loop). *A sleeper's \
         delay*: another one sleeps for 2 ms at a time; counted is what passes from the moment at which it is due until it goes on, which holds what is left \
         of the other one's tick.",
        preemption::TICK
    );
}
