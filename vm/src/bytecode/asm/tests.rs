//! The text form, there and back: exact for every module, with errors that show the place.

use super::assemble;
use crate::bytecode::disasm::{disassemble, function};
use crate::bytecode::generate::{self, Rng};
use crate::bytecode::{Const, Function, Instr, Line, Module, Op, verify, write};

#[track_caller]
fn comes_back(module: &Module) {
    let text = disassemble(module);
    match assemble(&text) {
        // Compared as bytes, since a NaN does not equal itself.
        Ok(back) => assert_eq!(write(&back), write(module), "in:\n{text}\nout:\n{}", disassemble(&back)),
        Err(error) => panic!("{error} in\n{text}"),
    }
}

#[test]
fn valid_modules_come_back() {
    comes_back(&Module::default());
    for seed in 0..500 {
        comes_back(&generate::module(&mut Rng::new(seed)));
    }
}

#[test]
fn damaged_modules_come_back() {
    let mut rng = Rng::new(5);
    for seed in 0..120 {
        let mut module = generate::module(&mut Rng::new(seed));
        while !module.functions.is_empty() && !rng.one_in(8) {
            generate::damage(&mut rng, &mut module);
            comes_back(&module);
        }
    }
}

#[test]
fn odd_things_come_back() {
    let mut module = Module { name: "a\nb".into(), ..Module::default() };
    for bits in
        [0x7FF8_0000_0000_0000, 0xFFF0_0000_0000_0001u64, 0x8000_0000_0000_0000, 1, 0x7FF0_0000_0000_0000]
    {
        module.consts.push(Const::Float(f64::from_bits(bits)));
    }
    let strays = [-5, 0, i32::MIN, i32::MAX].map(|distance| Instr::wide(Op::Jump, 0, 0, distance as u32));
    let line = |pc| Line { pc, line: 2, column: 9 };
    module.functions = vec![
        Function { code: strays.to_vec(), lines: vec![line(3), line(1)], ..Function::default() },
        Function { rest: true, params: 255, lines: vec![line(0), line(0)], ..Function::default() },
        Function {
            param_names: vec!["a".into(); 300],
            params: 3,
            lines: vec![line(9)],
            ..Function::default()
        },
        Function { param_names: vec![String::new()], rest: true, ..Function::default() },
    ];
    comes_back(&module);
}

/// What a listing looks like, and that a hand-written text may leave things out.
#[test]
fn a_listing_reads_like_this() {
    let source = r#"
        module "fib.cor"
        const k0 str "parameter n"
        namespace n0 ""
          member fib f1
        function f0 <module>() tagged 2 raw 0
            .line 5:1
            load.int r0, #30
            call.static r1, f1, r0, *1
            attr.get r1, r1, .size
            return r1
        function f1 fib(n) tagged 3 raw 1
            .handler start end end r2
            .variable start @4 r1
            .line 2:5
        start:
            unbox.int x3, r0, k0     ; checked
            int.jump.ge.i x3, #2, again
            return r0
        again:
            load.int r1, #-1
        end: 
            return.null
    "#;
    let module = assemble(source).unwrap();
    assert_eq!(verify(&module), Ok(()));
    let expected = r#"function f1 fib(n) required 1 tagged 3 raw 1
  .handler L1 L3 L3 r2
  .variable L1 L3 r1
  .line 2:5
L1:
    unbox.int x3, r0, k0                     ; "parameter n"
    int.jump.ge.i x3, #2, L2
    return r0
L2:
    load.int r1, #-1
L3:
    return.null
"#;
    assert_eq!(function(&module, 1), expected);
    assert!(function(&module, 0).contains("    call.static r1, f1, r0, *1               ; fib\n"));
    assert!(function(&module, 0).contains("    attr.get r1, r1, s0.size\n"));
    assert_eq!(function(&module, 2), "");
    comes_back(&module);
}

#[track_caller]
fn complains(text: &str, expected: &str) {
    match assemble(text) {
        Ok(_) => panic!("accepted, though: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[track_caller]
fn body_complains(line: &str, expected: &str) {
    complains(&format!("function f0 f() tagged 2 raw 0\n{line}\n"), expected);
}

#[test]
fn errors_say_where_and_what() {
    complains(
        "cosnt k0 null",
        "1:1: expected a declaration (const, type, global, class, namespace, function, ...), found cosnt",
    );
    complains("const k1 null", "1:7: expected k0, the next number, found k1");
    complains("const k0 int x", "1:14: expected an integer of 64 bits, found x");
    complains(
        "function f0 f() tagged 1 row 1",
        "1:26: expected params, required, tagged, raw, rest, generator or method, found row",
    );
    complains(
        "type t0 an",
        "1:9: expected any, int, float, bool, string, builtin, global or member, found an",
    );
    complains("const k0 bytes \"0g\"", "1:16: expected two hexadecimal digits for each byte");
    complains("const k0 null null", "1:15: expected the end of the line, found null");
    complains(
        "const k0",
        "1:9: expected null, bool, int, float, str, bytes, big, range, builtin or namespace, found the end of the line",
    );
    complains("add r0, r1, r2", "1:1: expected a function around this, found add");
    complains("function f0 f(a b)", "1:17: expected `)`, found b");
    complains("function f0 f() tagged 70000", "1:24: expected a number up to 65535, found 70000");
    complains(
        "class c0 C\n  metod m f0",
        "2:3: expected an attribute, method, static, init, doc or the next declaration, found metod",
    );
    body_complains("  ad r0", "2:3: expected an op, a label, a directive or the next declaration, found ad");
    body_complains("  move r0 r1", "2:11: expected `,`, found r1");
    body_complains("  move r0, x1", "2:12: expected a tagged register, read such as r0, found x1");
    body_complains("  move r70000, r1", "2:8: expected a number that fits 16 bits");
    body_complains("  add.i r0, r0, #40000", "2:17: expected a number that fits 16 bits");
    body_complains("  jump away", "2:8: expected a label of this function, found away");
    body_complains("  jump @3000000000", "2:8: expected a target at most 2147483647 instructions away");
    body_complains("a:\na:", "3:1: label a stands at another place already");
    body_complains(
        "  .what",
        "2:3: expected .doc, .capture, .handler, .variable, .site, .line or .word, found .what",
    );
    body_complains("  attr.get r0, r0, s1.x", "1:13: expected a name for site s0 of this function");
    body_complains(
        "  attr.get r0, r0, s0.x\n  attr.get r0, r0, s0.y",
        "3:20: expected \"x\", as site 0 is named before",
    );
}

#[test]
fn mangled_texts_are_answered_without_panic() {
    let mut rng = Rng::new(77);
    for seed in 0..40 {
        let text: Vec<char> = disassemble(&generate::module(&mut Rng::new(seed))).chars().collect();
        for _ in 0..12 {
            let mut mangled = text.clone();
            for _ in 0..1 + rng.below(3) {
                let place = rng.below(mangled.len() as u32) as usize;
                match rng.below(3) {
                    0 => drop(mangled.remove(place)),
                    1 => mangled[place] = ['9', '"', '@', '-', '\n', '.'][rng.below(6) as usize],
                    _ => mangled.insert(place, text[rng.below(text.len() as u32) as usize]),
                }
            }
            if let Ok(module) = assemble(&mangled.iter().collect::<String>()) {
                let _ = verify(&module);
                comes_back(&module);
            }
        }
    }
}
