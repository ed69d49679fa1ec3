//! One program in the interpreter and as machine code: everything that can be seen of it has to be the same.
//!
//! A first line `// flags: ...` says under which limits it runs, in the words of the command line, so that a finding can be repeated with
//! `corella` and become a golden script: `--seed N`, `--max-fuel N`, `--tick-fuel N`, `--switch-always`, `--jit-threshold N`, `--gc-stress`,
//! `--verify-heap`. All runs are seeded: functions are then compiled at once, not on another thread whose speed would matter.

use crate::programs::{self, Draw, NEXT_INPUT};
use corella::{Builder, Captured, Engine, Error, JitMode, Session, Tick};

/// What a run may take of memory. A program that needs more tells nothing: how much is free at a moment is no part of what it means.
const MEMORY: usize = 96 << 20;

/// Limits and settings of all runs of a program.
#[derive(Clone, Debug)]
pub struct Terms {
    seed: u64,
    fuel: u64,
    tick: Tick,
    threshold: u32,
    gc_stress: bool,
    verify_heap: bool,
}

impl Default for Terms {
    fn default() -> Self {
        let tick = Tick::Fuel(1000);
        Terms { seed: 1, fuel: 400_000, tick, threshold: 40, gc_stress: false, verify_heap: false }
    }
}

impl Terms {
    /// Terms that follow from a number: often fuel that ends in the middle, sometimes a collection at every safepoint.
    pub fn drawn(draw: &mut Draw) -> Terms {
        let mut terms = Terms { seed: u64::from(draw.below(1000)), ..Terms::default() };
        if draw.one_in(2) {
            terms.fuel = u64::from(draw.from_to(3, 60)) << draw.below(13);
        }
        match draw.below(10) {
            0 => (terms.gc_stress, terms.fuel) = (true, terms.fuel.min(6_000)),
            1 => terms.verify_heap = true,
            2 => terms.tick = Tick::Always,
            _ => terms.tick = Tick::Fuel(draw.of(&[7, 30, 100, 1000, 1000, 5000, 20_000])),
        }
        terms.threshold = draw.of(&[2, 10, 40, 40, 150, 600]);
        terms
    }

    /// The first line of a program with these terms.
    pub fn line(&self) -> String {
        let mut line = format!(
            "// flags: --seed {} --max-fuel {} --jit-threshold {}",
            self.seed, self.fuel, self.threshold
        );
        line.push_str(&match self.tick {
            Tick::Fuel(units) => format!(" --tick-fuel {units}"),
            _ => " --switch-always".to_owned(),
        });
        for (on, word) in [(self.gc_stress, " --gc-stress"), (self.verify_heap, " --verify-heap")] {
            line.push_str(if on { word } else { "" });
        }
        line
    }

    /// The terms that a program's first line states.
    pub fn of(text: &str) -> Terms {
        let mut terms = Terms::default();
        let line = text.lines().next().unwrap_or_default();
        let mut words = line.strip_prefix("// flags: ").unwrap_or_default().split_whitespace();
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
            match word {
                "--seed" => terms.seed = number(),
                "--max-fuel" => terms.fuel = number(),
                "--tick-fuel" => terms.tick = Tick::Fuel(number().max(1)),
                "--jit-threshold" => terms.threshold = number() as u32,
                "--switch-always" => terms.tick = Tick::Always,
                "--gc-stress" => terms.gc_stress = true,
                "--verify-heap" => terms.verify_heap = true,
                _ => {}
            }
        }
        terms
    }

    fn builder(&self, jit: JitMode) -> Builder {
        Engine::builder()
            .jit(jit)
            .jit_threshold(self.threshold)
            .seed(self.seed)
            .tick(self.tick)
            .fuel_limit(self.fuel)
            .gc_stress(self.gc_stress)
            .verify_heap(self.verify_heap)
            .stack_limit(1 << 15)
            .memory_limit(MEMORY)
    }
}

/// A generated program, with terms that follow from the seed as well.
pub fn program(seed: u64) -> String {
    let mut draw = Draw::new(seed);
    let terms = Terms::drawn(&mut draw);
    format!("{}\n{}", terms.line(), programs::program(draw.bits()))
}

/// What can be seen of a run: what was printed, how each input ended, the fuel that was left; and how many functions were compiled. `None`
/// if the program does not compile.
fn seen(text: &str, builder: Builder) -> Option<(String, u64)> {
    let captured = Captured::new();
    let engine = builder.output(captured.clone()).build();
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
    let left = vm.fuel_left();
    vm.flush();
    let seen = format!("{}\n{endings}\nfuel left: {left}\n", captured.take());
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
    let Some((interpreted, _)) = seen(text, terms.builder(JitMode::Off)) else {
        return Ok(Compared::Nothing);
    };
    if interpreted.contains("MemoryError") {
        return Ok(Compared::Nothing);
    }
    let mut functions = 0;
    for mode in [JitMode::Auto, JitMode::Always] {
        let (compiled, count) = seen(text, terms.builder(mode)).unwrap_or_default();
        functions = count;
        if compiled != interpreted {
            return Err(format!("{mode:?}: {}", difference(&interpreted, &compiled)));
        }
    }
    Ok(Compared::Same(functions))
}
