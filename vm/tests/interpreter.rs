//! The interpreter without a compiler: assembled programs through loader, verifier and scheduler.

use corella_vm::bytecode::asm::assemble;
use corella_vm::config::VmConfig;
use corella_vm::loader;
use corella_vm::thread::{Mode, Thread, trace};
use corella_vm::value::Value;
use corella_vm::vm::Vm;
use std::sync::Arc;

/// Runs function 0 of an assembled module to its end.
fn run(text: &str) -> Result<i64, String> {
    let vm = Arc::new(Vm::new(VmConfig::default(), None, Box::new(std::io::sink())));
    let shared = vm.registry.add(None, Mode::Preemptive, 8).expect("one thread");
    let mut thread = Thread::new(vm.clone(), shared, Mode::Preemptive);
    let module = assemble(text).map_err(|e| e.to_string())?;
    let env = vm.new_env();
    let module = vm.link(module, env, false)?;
    loader::attach(&mut thread, module).map_err(|_| "no room")?;
    let main: Value = module.functions[0].value;
    match thread.run_program(main, &[]) {
        Ok(value) => Ok(value.as_int().ok_or("not an int")?),
        Err(error) => Err(trace::describe(&thread, error)),
    }
}

const FIB: &str = r#"
const k0 str "variable n"
namespace n0 ""
function f0 "<module>"() tagged 2 raw 0
    load.int r0, #20
    call.static r1, f1, r0, *1
    return r1
function f1 fib(n) tagged 4 raw 1
    unbox.int x4, r0, k0
    int.jump.ge.i x4, #2, L0
    return r0
L0:
    sub.i r2, r0, #1
    call.static r1, f1, r2, *1
    sub.i r3, r0, #2
    call.static r2, f1, r3, *1
    add r1, r1, r2
    return r1
"#;

#[test]
fn recursion_gives_fibonacci_numbers() {
    assert_eq!(run(FIB), Ok(6765));
}
