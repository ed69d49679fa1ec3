//! Functions as text: what they would be compiled to at their first call, when no inline cache has seen anything yet.

use super::compile::Compiler;
use super::masks::Assume;
use super::record::name_of;
use super::translate::Demands;
use super::unit::Unit;
use super::{JitListing, JitText};
use crate::code::{Code, LoadedModule};
use crate::thread::Thread;

/// All functions of a module, whose bytecode is known as text. Nothing of it runs, and nothing is published.
pub(crate) fn listings(
    thread: &mut Thread,
    module: &'static LoadedModule,
    bytecode: Vec<String>,
) -> Vec<JitListing> {
    let mut compiler = Compiler::for_vm(&thread.vm);
    let mut listing = |code: &'static Code| -> Result<JitText, String> {
        let unit = Unit::make(thread, code, false)?;
        let compiler = compiler.as_mut().map_err(|reason| reason.clone())?;
        compiler.list(unit)
    };
    let functions = module.functions.iter().zip(bytecode);
    functions
        .map(|(&code, bytecode)| JitListing { name: name_of(code), bytecode, code: listing(code) })
        .collect()
}

impl Compiler {
    fn list(&mut self, unit: Unit) -> Result<JitText, String> {
        let assume = Assume::new(false, 0);
        let mut context = self.translate(unit, assume, Demands::default())?.context;
        let clif = context.func.display().to_string();
        context.set_disasm(true);
        let compiled = context
            .compile(self.isa(), &mut Default::default())
            .map_err(|error| format!("{:?}", error.inner))?;
        let code_bytes = compiled.code_buffer().len();
        let text = compiled.vcode.as_deref().unwrap_or_default();
        // Notes for an unwinder stand between the instructions.
        let instructions = text.lines().filter(|line| !line.trim_start().starts_with("unwind "));
        let assembly = instructions.flat_map(|line| [line, "\n"]).collect();
        Ok(JitText { clif, assembly, code_bytes })
    }
}
