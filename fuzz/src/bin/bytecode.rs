//! Bytecode files: whatever the bytes are, they are refused with a reason, or run without harm.

use corella::{Engine, Script};
use corella_fuzz::corpus::Corpus;
use corella_fuzz::farm::{self, Target};
use corella_fuzz::{Rng, api, mutate, trial};
use corella_vm::bytecode::{self, Function, Instr, Module, generate};
use std::process::ExitCode;

struct Bytecode;

/// A compiled script of the corpus, or calls of the library, as a module.
fn compiled(rng: &mut Rng, corpus: &Corpus) -> Option<Module> {
    let text = if rng.one_in(5) {
        api::script(rng, corpus)
    } else {
        corpus.scripts[rng.below(corpus.scripts.len() as u32) as usize].1.clone()
    };
    let script = Engine::new().compile("fuzz.cor", &text).ok()?;
    bytecode::read(&script.to_bytes()).ok()
}

/// Changes that the verifier has often no reason to refuse: another register, constant or distance, instructions exchanged.
fn shuffle(rng: &mut Rng, function: &mut Function) {
    let count = function.code.len() as u32;
    if count == 0 {
        return;
    }
    let at = rng.below(count) as usize;
    let Instr(word) = function.code[at];
    let near = |rng: &mut Rng, shift: u32| {
        let field = (word >> shift) as u16;
        let changed = match rng.below(4) {
            0 => field.wrapping_add(1),
            1 => field.wrapping_sub(1),
            2 => rng.below(u32::from(function.tagged) + u32::from(function.raw) + 1) as u16,
            _ => rng.below(12) as u16,
        };
        word & !(0xffff << shift) | u64::from(changed) << shift
    };
    let word = match rng.below(10) {
        0 | 1 => near(rng, 16),
        2 | 3 => near(rng, 32),
        4 | 5 => near(rng, 48),
        6 => word & !0xff00 | u64::from(rng.below(4)) << 8,
        // Another op with the same operands.
        7 => word & !0xff | rng.bits() & 0xff,
        8 => function.code[rng.below(count) as usize].0,
        _ => {
            function.code.swap(at, rng.below(count) as usize);
            return;
        }
    };
    function.code[at] = Instr(word);
}

impl Target for Bytecode {
    const NAME: &'static str = "bytecode";
    const ENDING: &'static str = "bin";

    fn make(&self, rng: &mut Rng, corpus: &Corpus) -> Vec<u8> {
        let mut module = match rng.below(6) {
            0 => generate::module(rng),
            _ => compiled(rng, corpus).unwrap_or_else(|| generate::module(rng)),
        };
        if rng.one_in(5) {
            return mutate::bytes(rng, bytecode::write(&module));
        }
        let mut accepted = module.clone();
        for _ in 0..1 + rng.below(12) {
            if module.functions.is_empty() {
                break;
            }
            if rng.one_in(8) {
                generate::damage(rng, &mut module);
            } else {
                let number = rng.below(module.functions.len() as u32) as usize;
                shuffle(rng, &mut module.functions[number]);
            }
            // Most changes are refused. Those that are not are what is to be run; now and then a refused one is tried as well.
            if bytecode::verify(&module).is_ok() {
                accepted = module.clone();
            } else if !rng.one_in(40) {
                module = accepted.clone();
            }
        }
        bytecode::write(&module)
    }

    fn check(&self, input: &[u8]) -> Result<(), String> {
        let Ok(script) = Script::from_bytes(input) else { return Ok(()) };
        // What was accepted can be shown, written and read again.
        let _ = script.listing();
        let written = script.to_bytes();
        let again =
            Script::from_bytes(&written).map_err(|error| format!("accepted once, then refused: {error}"))?;
        if again.to_bytes() != written {
            return Err("bytecode that is read and written again differs".into());
        }
        trial::run(input, &script).map(|_| ())
    }
}

fn main() -> ExitCode {
    farm::main(Bytecode)
}
