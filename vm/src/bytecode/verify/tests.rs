//! Each rule of the verifier with a module that breaks just it, and damaged modules that must never make it panic.

use crate::bytecode::generate::{self, Rng};
use crate::bytecode::{
    Capture, ClassDef, Const, Export, Function, Handler, Instr, Line, Module, NamespaceDef, Op, Site,
    TypeRef, Variable, verify,
};

const END: Instr = Instr::new(Op::ReturnNull, 0, 0, 0, 0);

/// Function 0 has registers r0..r3 and x4, x5; function 1 is a method, 2 captures, 3 is a generator.
fn valid() -> Module {
    let plain = Function { tagged: 4, raw: 2, code: vec![END], ..Function::default() };
    let method = Function { method: true, params: 1, required: 1, ..plain.clone() };
    let closure = Function { captures: vec![Capture::Register(1)], ..plain.clone() };
    let generator = Function { generator: true, ..plain.clone() };
    let mut point = ClassDef { name: "Point".into(), init: Some(1), ..ClassDef::default() };
    point.attributes.push(crate::bytecode::module::AttributeDef {
        name: "x".into(),
        ty: 0,
        initial: 1,
        doc: String::new(),
    });
    point.methods.push(("go".into(), 1));
    let extension = ClassDef { name: "More".into(), ..ClassDef::default() };
    Module {
        consts: vec![Const::Null, Const::Int(1), Const::Float(0.5), Const::Str("what".into())],
        functions: vec![plain, method, closure, generator],
        classes: vec![point, extension],
        types: vec![TypeRef::Int, TypeRef::Global(0)],
        globals: vec!["Point".into()],
        namespaces: vec![NamespaceDef::default()],
        ..Module::default()
    }
}

/// Verifies the module with this code as function 0.
fn run(code: &[Instr]) -> Result<(), String> {
    let mut module = valid();
    module.functions[0].code = code.to_vec();
    let names = ["length", "owner"];
    module.functions[0].sites = names.iter().map(|name| Site { name: (*name).into() }).collect();
    verify(&module).map_err(|error| error.to_string())
}

#[track_caller]
fn accepts(instr: Instr) {
    assert_eq!(run(&[instr, END]), Ok(()));
}

#[track_caller]
fn rejects(instr: Instr, expected: &str) {
    said(run(&[instr, END]), expected);
}

#[track_caller]
fn refuses(change: impl FnOnce(&mut Module), expected: &str) {
    let mut module = valid();
    change(&mut module);
    said(verify(&module).map_err(|error| error.to_string()), expected);
}

#[track_caller]
fn said(outcome: Result<(), String>, expected: &str) {
    match outcome {
        Ok(()) => panic!("accepted, though: {expected}"),
        Err(message) => assert!(message.contains(expected), "{message:?} does not say {expected:?}"),
    }
}

#[test]
fn the_base_is_valid() {
    assert_eq!(verify(&valid()), Ok(()));
}

#[test]
fn words() {
    rejects(Instr(0xFF), "byte 0xff is no op");
    rejects(Instr::new(Op::Nop, 1, 0, 0, 0), "operand n: unused, but 1");
    rejects(Instr::new(Op::Move, 0, 0, 0, 7), "operand c: unused, but 7");
    rejects(Instr::wide(Op::Loop, 0, 1, -1i32 as u32), "operand a: unused");
}

#[test]
fn registers() {
    accepts(Instr::new(Op::Move, 0, 3, 0, 0));
    rejects(Instr::new(Op::Move, 0, 4, 0, 0), "move: operand a: register 4 is not one of 4 tagged");
    rejects(Instr::new(Op::Move, 0, 0, 65535, 0), "operand b: register 65535");
    accepts(Instr::new(Op::MoveRaw, 0, 4, 5, 0));
    rejects(Instr::new(Op::MoveRaw, 0, 3, 5, 0), "register 3 is not one of the raw registers 4..6");
    rejects(Instr::new(Op::MoveRaw, 0, 4, 6, 0), "register 6 is not one of the raw registers");
}

#[test]
fn windows() {
    accepts(Instr::new(Op::Call, 3, 0, 0, 1));
    accepts(Instr::new(Op::Call, 0, 0, 0, 4));
    rejects(Instr::new(Op::Call, 3, 0, 0, 2), "registers 2..5 are not inside 4 tagged registers");
    rejects(Instr::new(Op::Call, 0, 0, 0, 5), "operand c");
    accepts(Instr::new(Op::CallMethod, 2, 0, 1, 1));
    rejects(Instr::new(Op::CallMethod, 3, 0, 1, 1), "call.method: operand c: registers 1..5");
    rejects(Instr::new(Op::CallMethod, 0, 0, 1, 4), "call.method: operand c: register 4");
    rejects(Instr::new(Op::CallSuper, 0, 0, 1, 4), "call.super: operand c");
    accepts(Instr::new(Op::Concat, 0, 0, 2, 2));
    rejects(Instr::new(Op::Concat, 0, 0, 2, 3), "concat: operand b");
    rejects(Instr::new(Op::NewArray, 0, 0, 0, 65535), "array.new: operand b");
    accepts(Instr::new(Op::IterStart, 0, 2, 0, 0));
    rejects(Instr::new(Op::IterStart, 0, 3, 0, 0), "iter.start: operand a: registers 3..5");
    rejects(Instr::new(Op::CallMethodSpread, 0, 0, 1, 3), "call.method.spread: operand c");
    accepts(Instr::new(Op::IterNext, 2, 0, 2, 0));
    rejects(Instr::new(Op::IterNext, 2, 0, 3, 0), "iter.next: registers 3..5");
    rejects(Instr::new(Op::IterNext, 0, 0, 2, 0), "yields 1 or 2 values, not 0");
    rejects(Instr::new(Op::IterNext, 3, 0, 0, 0), "yields 1 or 2 values, not 3");
    accepts(Instr::new(Op::IterNext, 1, 1, 0, 0));
    accepts(Instr::new(Op::IterNext, 1, 0, 2, 0));
    rejects(Instr::new(Op::IterNext, 1, 1, 1, 0), "register 1 is written over the iterator in 1 and 2");
    rejects(Instr::new(Op::IterNext, 1, 1, 2, 0), "register 2 is written over the iterator in 1 and 2");
    rejects(Instr::new(Op::IterNext, 2, 1, 0, 0), "register 0 is written over the iterator in 1 and 2");
}

#[test]
fn indices() {
    accepts(Instr::wide(Op::LoadK, 0, 0, 3));
    rejects(Instr::wide(Op::LoadK, 0, 0, 4), "4 is not one of 4 constants");
    rejects(Instr::wide(Op::LoadK, 0, 0, u32::MAX), "constants");
    rejects(Instr::new(Op::Is, 0, 0, 0, 2), "2 is not one of 2 types");
    rejects(Instr::new(Op::GetAttr, 0, 0, 0, 2), "2 is not one of 2 inline-cache sites");
    rejects(Instr::wide(Op::Closure, 0, 0, 4), "4 is not one of 4 functions");
    rejects(Instr::wide(Op::GetGlobal, 0, 0, 1), "1 is not one of 1 variable slots");
    rejects(Instr::new(Op::NewClass, 0, 0, 0, 2), "2 is not one of 2 class declarations");
    rejects(Instr::new(Op::UpGet, 0, 0, 0, 0), "0 is not one of 0 captured values");
    rejects(Instr::wide(Op::DefaultArg, 0, 0, 0), "0 is not one of 0 parameters");
    accepts(Instr::new(Op::Slice, 1, 0, 0, 2));
    rejects(Instr::new(Op::Slice, 2, 0, 0, 2), "a flag is 0 or 1, not 2");
}

#[test]
fn kinds_of_constants() {
    accepts(Instr::wide(Op::LoadKRaw, 0, 4, 1));
    accepts(Instr::wide(Op::LoadKRaw, 0, 4, 2));
    rejects(Instr::wide(Op::LoadKRaw, 0, 4, 3), "constant 3 must be an integer or a float");
    accepts(Instr::wide(Op::Import, 0, 0, 3));
    for instr in [
        Instr::wide(Op::Import, 0, 0, 1),
        Instr::new(Op::CheckType, 0, 0, 0, 1),
        Instr::new(Op::UnboxI, 0, 4, 0, 1),
        Instr::new(Op::UnboxF, 0, 4, 0, 1),
        Instr::new(Op::SetStatic, 0, 0, 0, 1),
        Instr::wide(Op::Fail, 0, 0, 1),
    ] {
        rejects(instr, "constant 1 must be a string");
    }
}

#[test]
fn single_ops() {
    accepts(Instr::new(Op::GetLen, 0, 0, 0, 0));
    rejects(Instr::new(Op::GetLen, 0, 0, 0, 1), "site 1 must be named length");
    accepts(Instr::new(Op::CallStatic, 0, 0, 1, 0));
    rejects(Instr::new(Op::CallStatic, 0, 0, 2, 0), "function 2 captures values");
    rejects(Instr::new(Op::GenYield, 0, 0, 0, 0), "no generator");
    accepts(Instr::new(Op::ExtendClass, 0, 0, 1, 0));
    rejects(Instr::new(Op::ExtendClass, 0, 0, 0, 0), "declaration 0 adds attributes");
}

#[test]
fn a_site_serves_one_op() {
    let get = Instr::new(Op::GetAttr, 0, 0, 0, 1);
    assert_eq!(run(&[get, get, END]), Ok(()));
    let set = Instr::new(Op::SetAttr, 0, 0, 0, 1);
    said(run(&[get, set, END]), "inline-cache site 1 is used by attr.get as well");
}

#[test]
fn jumps() {
    accepts(Instr::wide(Op::Jump, 0, 0, 0));
    rejects(Instr::wide(Op::Jump, 0, 0, 1), "jumps to 2, outside of 2 instructions");
    rejects(Instr::wide(Op::Jump, 0, 0, i32::MAX as u32), "outside");
    rejects(Instr::wide(Op::Jump, 0, 0, -1i32 as u32), "only jumps forward");
    rejects(Instr::new(Op::IJLt, 0, 4, 4, 0xFFFF), "only jumps forward");
    rejects(Instr::new(Op::IterNext, 1, 0, 2, 0xFFFF), "only jumps forward");
    accepts(Instr::wide(Op::Loop, 0, 0, -1i32 as u32));
    rejects(Instr::wide(Op::Loop, 0, 0, 0), "only jumps back");
    rejects(Instr::wide(Op::Loop, 0, 0, -2i32 as u32), "jumps to -1, outside");
    rejects(Instr::wide(Op::Loop, 0, 0, i32::MIN as u32), "outside");
    accepts(Instr::new(Op::ForLt, 0, 4, 5, 0xFFFF));
    rejects(Instr::new(Op::ForLe, 0, 4, 5, 0), "only jumps back");
}

#[test]
fn the_end() {
    said(run(&[]), "no code");
    said(run(&[Instr::new(Op::Nop, 0, 0, 0, 0)]), "at instruction 0: control could run past");
    said(run(&[Instr::new(Op::ForLt, 0, 4, 5, 0xFFFF)]), "control could run past");
    assert_eq!(run(&[Instr::wide(Op::Loop, 0, 0, -1i32 as u32)]), Ok(()));
    assert_eq!(run(&[Instr::new(Op::Throw, 0, 0, 0, 0)]), Ok(()));
}

#[test]
fn limits() {
    refuses(|m| (m.functions[3].tagged, m.functions[3].raw) = (0, 0), "at least one register");
    refuses(|m| (m.functions[3].tagged, m.functions[3].raw) = (65535, 1), "65536 registers");
    refuses(|m| m.functions[3].required = 1, "requires 1 of only 0");
    refuses(|m| m.functions[3].params = 5, "4 tagged registers do not hold the 5 parameters");
    refuses(|m| (m.functions[3].params, m.functions[3].rest) = (4, true), "do not hold");
    refuses(|m| m.functions[1].required = 0, "in function 1: a method requires");
    refuses(|m| m.functions[2].captures = vec![Capture::Upvalue(0); 65537], "captured values are too many");
    refuses(
        |m| m.functions[2].sites = vec![Site { name: String::new() }; 65537],
        "inline-cache sites are too many",
    );
}

#[test]
fn handlers() {
    fn with(start: u32, end: u32, target: u32, register: u16) -> impl FnOnce(&mut Module) {
        move |module| {
            module.functions[0].code = vec![END; 3];
            module.functions[0].handlers = vec![Handler { start, end, target, register }];
        }
    }
    let mut module = valid();
    with(0, 2, 2, 3)(&mut module);
    assert_eq!(verify(&module), Ok(()));
    refuses(with(2, 1, 2, 0), "handler 0 covers 2..1");
    refuses(with(0, 4, 2, 0), "covers 0..4 of 3");
    refuses(with(0, 3, 3, 0), "continues at 3, past the last");
    refuses(with(0, 2, 1, 0), "continues at 1, before the end");
    refuses(with(0, 2, 2, 4), "into register 4");
}

#[test]
fn variables() {
    fn with(start: u32, end: u32, register: u16) -> impl FnOnce(&mut Module) {
        move |module| {
            module.functions[0].code = vec![END; 3];
            module.functions[0].variables = vec![Variable { start, end, register }];
        }
    }
    let mut module = valid();
    with(0, 3, 3)(&mut module);
    assert_eq!(verify(&module), Ok(()));
    refuses(with(2, 1, 0), "variable 0 is in scope in 2..1");
    refuses(with(0, 4, 0), "in scope in 0..4 of 3");
    refuses(with(0, 3, 4), "in register 4");
}

#[test]
fn lines() {
    let entry = |pc, line| Line { pc, line, column: 1 };
    refuses(|m| m.functions[0].lines = vec![entry(1, 1), entry(0, 1)], "line entry 1 for instruction 0");
    refuses(|m| m.functions[0].lines = vec![entry(2, 1)], "line entry 0 is for instruction 2");
    refuses(|m| m.functions[0].lines = vec![entry(0, 0)], "both count from 1");
}

#[test]
fn captures() {
    fn closing(over: Capture) -> impl FnOnce(&mut Module) {
        move |module| {
            module.functions[0].code = vec![Instr::wide(Op::Closure, 0, 0, 2), END];
            module.functions[2].captures = vec![over];
        }
    }
    let mut module = valid();
    closing(Capture::Register(3))(&mut module);
    assert_eq!(verify(&module), Ok(()));
    refuses(closing(Capture::Register(4)), "capture 0 of function 2: register 4");
    refuses(closing(Capture::Upvalue(0)), "capture 0 of function 2: captured value 0");
    // Valid where function 2 itself makes it, not where function 3 does as well.
    let mut module = valid();
    module.functions[2].captures.push(Capture::Upvalue(0));
    module.functions[2].code = vec![Instr::wide(Op::Closure, 0, 0, 2), END];
    assert_eq!(verify(&module), Ok(()));
    module.functions[3].code = module.functions[2].code.clone();
    assert_eq!(verify(&module).unwrap_err().function, Some(3));
}

#[test]
fn who_must_not_capture() {
    refuses(
        |m| m.functions[0].captures = vec![Capture::Register(0)],
        "the top level is function 0, which must",
    );
    refuses(|m| m.main = Some(2), "main is function 2, which must not capture");
    refuses(|m| m.main = Some(4), "main is function 4, which does not exist");
    refuses(|m| m.classes[0].statics = vec![("s".into(), 2)], "static \"s\" of class 0 is function 2");
    refuses(|m| m.functions[1].captures = vec![Capture::Register(0)], "must not capture");
    refuses(
        |m| m.namespaces[0].members = vec![("f".into(), Export::Function(2))],
        "member \"f\" of namespace 0 is function 2, which must not capture",
    );
}

#[test]
fn the_top_level() {
    refuses(|m| m.functions.clear(), "needs function 0");
    refuses(|m| m.functions[0].params = 1, "must not have parameters");
    refuses(|m| m.functions[0].rest = true, "must not have parameters");
    refuses(|m| m.functions[0].generator = true, "must not be a generator");
}

#[test]
fn classes() {
    refuses(
        |m| m.classes[0].methods[0].1 = 9,
        "method \"go\" of class 0 is function 9, which does not exist",
    );
    refuses(|m| m.classes[0].methods[0].1 = 3, "not marked as a method");
    refuses(|m| m.classes[0].init = Some(3), "the initialiser of class 0 is function 3, which is not marked");
    refuses(|m| m.functions[1].params = 2, "no parameter but self");
    refuses(|m| m.functions[1].generator = true, "must not be a generator");
    refuses(
        |m| {
            m.functions.push(Function { generator: true, ..m.functions[1].clone() });
            m.classes[0].methods[0] = ("new".into(), 4);
        },
        "a constructor cannot be",
    );
    refuses(|m| m.classes[0].attributes[0].ty = 2, "has type 2, which does not exist");
    refuses(|m| m.classes[0].attributes[0].initial = 4, "begins as constant 4, which does not exist");
    refuses(|m| m.classes[0].attributes[0].initial = 2, "cannot begin as Float(0.5)");
    refuses(|m| m.classes[0].attributes[0].ty = 1, "cannot begin as Int(1)");
}

#[test]
fn types_constants_namespaces() {
    refuses(|m| m.types[1] = TypeRef::Global(1), "type 1 names variable slot 1");
    refuses(|m| m.types[1] = TypeRef::Member(1, vec![]), "type 1 names variable slot 1");
    refuses(|m| m.consts[0] = Const::Namespace(1), "constant 0 is namespace 1");
    refuses(|m| m.consts[0] = Const::Big("1e5".into()), "no decimal integer");
    refuses(|m| m.consts[0] = Const::Big("-".into()), "no decimal integer");
    refuses(|m| m.namespaces.clear(), "needs namespace 0");
    let member = |export| move |m: &mut Module| m.namespaces[0].members = vec![("m".into(), export)];
    refuses(member(Export::Global(1)), "is variable slot 1, which does not exist");
    refuses(member(Export::Function(4)), "is function 4, which does not exist");
    refuses(member(Export::Namespace(1)), "is namespace 1, which does not exist");
    refuses(member(Export::Namespace(0)), "namespace 0 contains itself");
}

#[test]
fn damage_is_answered_without_panic() {
    let mut rng = Rng::new(2024);
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..3000 {
        let mut module = generate::module(&mut Rng::new(seed));
        for _ in 0..8 {
            generate::damage(&mut rng, &mut module);
            match verify(&module) {
                Ok(()) => accepted += 1,
                Err(_) => refused += 1,
            }
            if module.functions.is_empty() {
                break;
            }
        }
    }
    assert!(accepted > 100 && refused > 1000, "{accepted} accepted, {refused} refused");
}
