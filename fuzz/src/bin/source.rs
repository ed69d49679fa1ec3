//! Source texts: no text makes the compiler panic or take for ever; what compiles is valid bytecode, which survives being written and
//! read, as a file and as text; and no program crashes the VM, outlasts its fuel or outgrows its memory limit.

use corella::{Engine, Script};
use corella_fuzz::corpus::Corpus;
use corella_fuzz::farm::{self, Target};
use corella_fuzz::{Rng, api, digest, mutate, trial};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Compiling a text of this corpus's size takes milliseconds; even on a busy machine not this long.
const SLOW: Duration = Duration::from_secs(10);

struct Source;

impl Target for Source {
    const NAME: &'static str = "source";
    const ENDING: &'static str = "cor";

    fn make(&self, rng: &mut Rng, corpus: &Corpus) -> Vec<u8> {
        match rng.below(5) {
            0 | 1 => api::script(rng, corpus).into_bytes(),
            _ => mutate::text(rng, corpus).into_bytes(),
        }
    }

    fn check(&self, input: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(input);
        let begin = Instant::now();
        let compiled = Engine::new().compile("fuzz.cor", &text);
        if begin.elapsed() > SLOW {
            return Err(format!("slow: compiling {} bytes took {:?}", text.len(), begin.elapsed()));
        }
        let script = match compiled {
            Ok(script) => script,
            Err(error) => {
                if error.diagnostics().is_empty() {
                    return Err("it is refused without a reason".into());
                }
                let shown = error.render(false);
                if shown.len() > 100_000 {
                    return Err(format!("{} bytes of complaint", shown.len()));
                }
                return Ok(());
            }
        };
        let _ = script.render_warnings(false);
        let bytes = script.to_bytes();
        let read = Script::from_bytes(&bytes)
            .map_err(|error| format!("the verifier refuses what the compiler made: {error}"))?;
        if read.to_bytes() != bytes {
            return Err("bytecode that is read and written again differs".into());
        }
        if digest(input).is_multiple_of(4) {
            let listing = script.listing();
            let again = Script::assemble("fuzz.asm", &listing)
                .map_err(|error| format!("the listing cannot be assembled: {error}"))?;
            if again.listing() != listing {
                return Err("a listing that is assembled gives another listing".into());
            }
        }
        trial::run(input, &script).map(|_| ())
    }
}

fn main() -> ExitCode {
    farm::main(Source)
}
