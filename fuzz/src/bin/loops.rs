//! Generated loops over numbers and arrays, without exact fuel: interpreted, compiled at the first call, and compiled in the middle by a thread of
//! the compiler's own, they print the same and end the same.

use corella_fuzz::Rng;
use corella_fuzz::corpus::Corpus;
use corella_fuzz::farm::{self, Target};
use corella_tests::differ;
use std::process::ExitCode;

struct Loops;

impl Target for Loops {
    const NAME: &'static str = "loops";
    const ENDING: &'static str = "cor";
    // What is compiled when differs from run to run.
    const REPLAYS: u32 = 6;

    fn make(&self, rng: &mut Rng, _: &Corpus) -> Vec<u8> {
        differ::looping_program(rng.bits()).into_bytes()
    }

    fn check(&self, input: &[u8]) -> Result<(), String> {
        differ::compare(&String::from_utf8_lossy(input)).map(|_| ())
    }
}

fn main() -> ExitCode {
    farm::main(Loops)
}
