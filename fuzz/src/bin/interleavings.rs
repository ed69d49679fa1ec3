//! Interleavings: two threads and the master work on the same data in a seeded VM; nothing crashes, and the same seed gives the same run,
//! to the byte and to the unit of fuel, by machine code too.

use corella::Engine;
use corella_fuzz::corpus::Corpus;
use corella_fuzz::farm::{self, Target};
use corella_fuzz::{Rng, pairs, trial};
use std::process::ExitCode;

struct Interleavings;

impl Target for Interleavings {
    const NAME: &'static str = "interleavings";
    const ENDING: &'static str = "cor";

    fn make(&self, rng: &mut Rng, _: &Corpus) -> Vec<u8> {
        pairs::program(rng).into_bytes()
    }

    fn check(&self, input: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(input);
        let script = Engine::new()
            .compile("fuzz.cor", &text)
            .map_err(|error| format!("a generated program does not compile: {error}"))?;
        let first = trial::run(input, &script)?;
        let second = trial::run(input, &script)?;
        if first != second {
            return Err(format!("the same seed, another run: {first:?} and {second:?}"));
        }
        if trial::compiles_exactly(input) {
            let interpreted = trial::interpret(input, &script)?;
            if first != interpreted {
                return Err(format!("compiled code differs: {first:?} and {interpreted:?}"));
            }
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    farm::main(Interleavings)
}
