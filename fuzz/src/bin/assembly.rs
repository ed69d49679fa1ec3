//! Texts of bytecode: whatever stands there is refused with its place, or is valid bytecode that runs without harm.

use corella::{Engine, Script};
use corella_fuzz::corpus::Corpus;
use corella_fuzz::farm::{self, Target};
use corella_fuzz::{Rng, mutate, trial};
use corella_vm::bytecode::{disassemble, generate};
use std::process::ExitCode;

struct Assembly;

impl Target for Assembly {
    const NAME: &'static str = "assembly";
    const ENDING: &'static str = "asm";

    fn make(&self, rng: &mut Rng, corpus: &Corpus) -> Vec<u8> {
        let script = &corpus.scripts[rng.below(corpus.scripts.len() as u32) as usize].1;
        let listing = match Engine::new().compile("fuzz.cor", script) {
            Ok(script) if !rng.one_in(5) => script.listing(),
            _ => disassemble(&generate::module(rng)),
        };
        if rng.one_in(4) {
            return mutate::bytes(rng, listing.into_bytes());
        }
        let mut lines: Vec<&str> = listing.lines().collect();
        for _ in 0..1 + rng.below(4) {
            let count = lines.len() as u32;
            let (at, other) = (rng.below(count) as usize, rng.below(count) as usize);
            match rng.below(4) {
                0 if count > 1 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[other]),
                2 => lines.swap(at, other),
                _ => lines[at] = lines[other],
            }
        }
        let mut text = lines.join("\n");
        if rng.one_in(3) {
            // Another number somewhere.
            let digits: Vec<usize> =
                text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
            if let Some(at) = digits.get(rng.below(digits.len() as u32) as usize) {
                text.replace_range(
                    at..&(at + 1),
                    ["0", "1", "9", "65535", "-1", "99999999999"][rng.below(6) as usize],
                );
            }
        }
        text.into_bytes()
    }

    fn check(&self, input: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(input);
        let Ok(script) = Script::assemble("fuzz.asm", &text) else { return Ok(()) };
        let listing = script.listing();
        let again = Script::assemble("again.asm", &listing)
            .map_err(|error| format!("the listing cannot be assembled: {error}"))?;
        if again.listing() != listing {
            return Err("a listing that is assembled gives another listing".into());
        }
        trial::run(input, &script).map(|_| ())
    }
}

fn main() -> ExitCode {
    farm::main(Assembly)
}
