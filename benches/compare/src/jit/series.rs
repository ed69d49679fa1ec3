//! The times of many runs of a program in one process, as `warm`, `warm.js` and `warm.lua` print them, and what is read out of them.

use crate::peers::invocation;
use crate::run::{self, Invocation};
use crate::stats::median;
use std::path::Path;

/// A run is warm that is at least this part as fast as the runs at the end.
const NEARLY: f64 = 0.9;
/// Of so many runs after it, the median must be so fast too.
const STAYS: usize = 3;

/// What was compiled to machine code meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Compiled {
    pub functions: f64,
    pub seconds: f64,
    pub bytes: f64,
}

/// One process.
#[derive(Clone, Debug)]
pub struct Series {
    pub answer: String,
    /// Seconds of each run, in order.
    pub times: Vec<f64>,
    pub compiled: Option<Compiled>,
}

impl Series {
    /// Runs a process to its end and reads what it prints.
    pub fn take(invocation: &Invocation) -> Result<Series, String> {
        Series::parse(&run::run(invocation)?.stdout).ok_or_else(|| "prints no answer and times".into())
    }

    fn parse(text: &str) -> Option<Series> {
        let part = |key: &str| {
            text.lines().find_map(|line| line.split_once('\t').filter(|(k, _)| *k == key)).map(|(_, v)| v)
        };
        let numbers = |text: &str| -> Option<Vec<f64>> {
            text.split_whitespace().map(|word| word.parse().ok()).collect()
        };
        let times: Vec<f64> = numbers(part("times")?)?.iter().map(|nanoseconds| nanoseconds / 1e9).collect();
        let compiled = part("compiled").and_then(numbers).and_then(|fields| match fields[..] {
            [functions, nanoseconds, bytes] => {
                Some(Compiled { functions, seconds: nanoseconds / 1e9, bytes })
            }
            _ => None,
        });
        (!times.is_empty()).then(|| Series {
            answer: part("answer").unwrap_or_default().into(),
            times,
            compiled,
        })
    }

    /// Time of a run that is warm: the median of the second half.
    pub fn peak(&self) -> f64 {
        median(&self.times[self.times.len() / 2..])
    }

    /// Runs and seconds until the end of the first run that is warm: nearly as fast as `peak`, and so is the median of the next few.
    pub fn warm_up(&self, peak: f64) -> Option<(usize, f64)> {
        let limit = peak / NEARLY;
        let warm = |run: usize| {
            let next = &self.times[run + 1..(run + 1 + STAYS).min(self.times.len())];
            self.times[run] <= limit && (next.is_empty() || median(next) <= limit)
        };
        let runs = (0..self.times.len()).find(|run| warm(*run))? + 1;
        Some((runs, self.times[..runs].iter().sum()))
    }
}

/// What processes of one program gave.
#[derive(Debug, Default)]
pub struct Rounds {
    pub series: Vec<Series>,
    pub fault: Option<String>,
}

impl Rounds {
    /// Runs one process more.
    pub fn take(&mut self, invocation: &Invocation) {
        match Series::take(invocation) {
            Ok(series) => self.series.push(series),
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// Seconds of a warm run: that of the process that was quickest, if the answer was right.
    pub fn seconds(&self) -> Option<f64> {
        let peaks = self.series.iter().map(Series::peak);
        peaks.min_by(f64::total_cmp).filter(|_| self.fault.is_none())
    }
}

/// How `warm` repeats something, for so many seconds and at least so many times. The folder is `benches/`.
pub fn repeat(
    benches: &Path,
    host: &Path,
    what: [&str; 2],
    plan: (f64, usize),
    arguments: &[String],
) -> Invocation {
    let [kind, name] = what;
    let words = [kind.to_owned(), name.to_owned(), plan.0.to_string(), plan.1.to_string()];
    invocation(host.to_owned(), words.into_iter().chain(arguments.iter().cloned()), benches)
}

#[cfg(test)]
mod tests {
    use super::Series;

    fn series(milliseconds: &[f64]) -> Series {
        let nanoseconds: Vec<String> = milliseconds.iter().map(|ms| (ms * 1e6).to_string()).collect();
        Series::parse(&format!("answer\t5 7\ntimes\t{}\ncompiled\t2 3000000 400\n", nanoseconds.join(" ")))
            .unwrap()
    }

    #[test]
    fn output_is_read() {
        let series = series(&[1.5, 1.0]);
        assert_eq!(series.answer, "5 7");
        assert_eq!(series.times.len(), 2);
        let compiled = series.compiled.unwrap();
        assert_eq!((compiled.functions, compiled.bytes), (2.0, 400.0));
        assert!((compiled.seconds - 0.003).abs() < 1e-12);
        assert!(Series::parse("times\t1 x").is_none());
    }

    #[test]
    fn a_program_is_warm_when_it_stays_fast() {
        // The second run is fast by chance; the fifth is the first of the fast ones.
        let slow_then_fast = series(&[9.0, 1.0, 9.0, 9.0, 1.05, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let (runs, seconds) = slow_then_fast.warm_up(slow_then_fast.peak()).unwrap();
        assert_eq!(runs, 5);
        assert!((seconds - 0.02905).abs() < 1e-9);
        assert_eq!(series(&[1.0]).warm_up(0.001).unwrap().0, 1);
        assert!(series(&[1.0]).warm_up(0.0005).is_none());
    }
}
