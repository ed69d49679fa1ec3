//! One program in the interpreter and as machine code: everything that can be seen of it has to be the same.
//!
//! A first line `// flags: ...` says under which limits it runs, in the words of the command line, so that a finding can be repeated with
//! `corella` and become a golden script: `--seed N`, `--max-fuel N`, `--tick-fuel N`, `--switch-always`, `--jit-threshold N`, `--gc-stress`,
//! `--verify-heap`. With one of the first three a run is exact: functions are compiled at once, each unit of fuel is counted where it is used, and
//! what is left is compared as well. Without them compiled code may do what exact fuel forbids, loops that poll once for many turns above all;
//! what is hot is then compiled on another thread. The programs for that print the same whatever is compiled when, so each
//! difference is a finding, though it may need more runs than one to come again.

use crate::programs::{self, Draw, NEXT_INPUT, loops};
use corella::{Builder, Captured, Engine, Error, JitMode, Session, Tick};

/// What a run may take of memory. A program that needs more tells nothing: how much is free at a moment is no part of what it means.
const MEMORY: usize = 96 << 20;

/// Limits and settings of all runs of a program.
#[derive(Clone, Debug)]
pub struct Terms {
    seed: Option<u64>,
    fuel: Option<u64>,
    tick: Option<Tick>,
    threshold: u32,
    gc_stress: bool,
    verify_heap: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { seed: Some(1), fuel: Some(400_000), tick: Some(Tick::Fuel(1000)), ..Terms::INEXACT }
    }
}

impl Terms {
    /// Terms of runs that nobody wants to be repeated to the unit of fuel.
    const INEXACT: Terms =
        Terms { seed: None, fuel: None, tick: None, threshold: 40, gc_stress: false, verify_heap: false };

    /// Terms that follow from a number: often fuel that ends in the middle, sometimes a collection at every safepoint.
    pub fn drawn(draw: &mut Draw) -> Terms {
        let mut terms = Terms { seed: Some(u64::from(draw.below(1000))), ..Terms::default() };
        if draw.one_in(2) {
            terms.fuel = Some(u64::from(draw.from_to(3, 60)) << draw.below(13));
        }
        match draw.below(10) {
            0 => (terms.gc_stress, terms.fuel) = (true, terms.fuel.map(|fuel| fuel.min(6_000))),
            1 => terms.verify_heap = true,
            2 => terms.tick = Some(Tick::Always),
            _ => terms.tick = Some(Tick::Fuel(draw.of(&[7, 30, 100, 1000, 1000, 5000, 20_000]))),
        }
        terms.threshold = draw.of(&[2, 10, 40, 40, 150, 600]);
        terms
    }

    /// The first line of a program with these terms.
    pub fn line(&self) -> String {
        let mut line = String::from("// flags:");
        for (number, word) in [(self.seed, "--seed"), (self.fuel, "--max-fuel")] {
            line.push_str(&number.map(|number| format!(" {word} {number}")).unwrap_or_default());
        }
        line.push_str(&format!(" --jit-threshold {}", self.threshold));
        line.push_str(&match self.tick {
            Some(Tick::Fuel(units)) => format!(" --tick-fuel {units}"),
            Some(_) => " --switch-always".to_owned(),
            None => String::new(),
        });
        for (on, word) in [(self.gc_stress, " --gc-stress"), (self.verify_heap, " --verify-heap")] {
            line.push_str(if on { word } else { "" });
        }
        line
    }

    /// The terms that a program's first line states; limits of fuel if it states none.
    pub fn of(text: &str) -> Terms {
        let line = text.lines().next().unwrap_or_default();
        let Some(flags) = line.strip_prefix("// flags: ") else { return Terms::default() };
        let mut terms = Terms::INEXACT;
        let mut words = flags.split_whitespace();
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
            match word {
                "--seed" => terms.seed = Some(number()),
                "--max-fuel" => terms.fuel = Some(number()),
                "--tick-fuel" => terms.tick = Some(Tick::Fuel(number().max(1))),
                "--jit-threshold" => terms.threshold = number() as u32,
                "--switch-always" => terms.tick = Some(Tick::Always),
                "--gc-stress" => terms.gc_stress = true,
                "--verify-heap" => terms.verify_heap = true,
                _ => {}
            }
        }
        terms
    }

    /// Whether what happens at which unit of fuel is compared.
    fn is_exact(&self) -> bool {
        self.seed.is_some() || self.fuel.is_some() || self.tick.is_some()
    }

    fn builder(&self, jit: JitMode) -> Builder {
        let mut builder = Engine::builder()
            .jit(jit)
            .jit_threshold(self.threshold)
            .gc_stress(self.gc_stress)
            .verify_heap(self.verify_heap)
            .stack_limit(1 << 15)
            .memory_limit(MEMORY);
        if let Some(seed) = self.seed {
            builder = builder.seed(seed);
        }
        if let Some(tick) = self.tick {
            builder = builder.tick(tick);
        }
        match self.fuel {
            Some(fuel) => builder.fuel_limit(fuel),
            None => builder,
        }
    }
}

/// A generated program, with terms that follow from the seed as well.
pub fn program(seed: u64) -> String {
    let mut draw = Draw::new(seed);
    let terms = Terms::drawn(&mut draw);
    format!("{}\n{}", terms.line(), programs::program(draw.bits()))
}

/// A generated program of loops, for runs without exact fuel.
pub fn looping_program(seed: u64) -> String {
    let mut draw = Draw::new(seed);
    let threshold = draw.of(&[200, 200, 200, 50, 1000]);
    let terms = Terms { threshold, verify_heap: draw.one_in(8), ..Terms::INEXACT };
    format!("{}\n{}", terms.line(), loops::program(draw.bits()))
}

/// What can be seen of a run: what was printed, how each input ended, the fuel that was left where it is exact; and how many functions were
/// compiled. `None` if the program does not compile.
fn seen(text: &str, terms: &Terms, jit: JitMode) -> Option<(String, u64)> {
    let captured = Captured::new();
    let engine = terms.builder(jit).output(captured.clone()).build();
    let mut vm = engine.vm().ok()?;
    let mut endings = String::new();
    let inputs: Vec<&str> = text.split(NEXT_INPUT).collect();
    let mut note = |error: &Error| endings.push_str(&format!("{}\n", error.report()));
    if let [program] = inputs[..] {
        let script = engine.compile("program.cor", program).ok()?;
        if let Err(error @ Error::Exit(_)) = vm.run_program(&script, &[], &mut note) {
            note(&error);
        }
    } else {
        let mut session = Session::new();
        for input in inputs {
            match session.eval(&mut vm, input) {
                Err(Error::Compile(_)) => return None,
                Err(error) => note(&error),
                Ok(_) => {}
            }
        }
    }
    let left = if terms.is_exact() { format!("fuel left: {}\n", vm.fuel_left()) } else { String::new() };
    vm.flush();
    let seen = format!("{}\n{endings}\n{left}", captured.take());
    Some((seen, vm.jit_stats().functions))
}

/// The first line in which two texts differ.
fn difference(one: &str, other: &str) -> String {
    let (mut ones, mut others) = (one.lines(), other.lines());
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return "nothing".into(),
            (a, b) if a == b => {}
            (a, b) => {
                let end = "the end";
                return format!("interpreted: {} | compiled: {}", a.unwrap_or(end), b.unwrap_or(end));
            }
        }
    }
}

/// What became of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub enum Compared {
    /// The same in all ways, in one of which so many functions were compiled.
    Same(u64),
    /// The program does not compile, or needs too much memory.
    Nothing,
}

/// Runs a program in all ways.
///
/// # Errors
/// What differs.
pub fn compare(text: &str) -> Result<Compared, String> {
    let terms = Terms::of(text);
    let Some((interpreted, _)) = seen(text, &terms, JitMode::Off) else {
        return Ok(Compared::Nothing);
    };
    if interpreted.contains("MemoryError") {
        return Ok(Compared::Nothing);
    }
    let mut functions = 0;
    for mode in [JitMode::Auto, JitMode::Always] {
        let (compiled, count) = seen(text, &terms, mode).unwrap_or_default();
        functions = count;
        if compiled != interpreted {
            return Err(format!("{mode:?}: {}", difference(&interpreted, &compiled)));
        }
    }
    Ok(Compared::Same(functions))
}
