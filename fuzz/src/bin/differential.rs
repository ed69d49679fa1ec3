//! Whole generated programs in the interpreter, as machine code from the first call on, and as machine code in the middle: they print the
//! same, end the same and use the same fuel.

use corella_fuzz::Rng;
use corella_fuzz::corpus::Corpus;
use corella_fuzz::farm::{self, Target};
use corella_tests::differ;
use std::process::ExitCode;

struct Differential;

impl Target for Differential {
    const NAME: &'static str = "differential";
    const ENDING: &'static str = "cor";

    fn make(&self, rng: &mut Rng, _: &Corpus) -> Vec<u8> {
        differ::program(rng.bits()).into_bytes()
    }

    fn check(&self, input: &[u8]) -> Result<(), String> {
        differ::compare(&String::from_utf8_lossy(input)).map(|_| ())
    }
}

fn main() -> ExitCode {
    farm::main(Differential)
}
