//! The library in a VM: the prelude loads, every module links, and small programs behave.

use corella_compiler::ast::FileId;
use corella_compiler::source::Source;
use corella_compiler::{CompileOptions, compile};
use corella_stdlib::{install, library};
use corella_vm::config::VmConfig;
use corella_vm::loader;
use corella_vm::thread::{Mode, Thread, trace};
use corella_vm::vm::{LoadedSource, ModuleLoader, Vm};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Imports of library modules only.
struct LibraryOnly;

impl ModuleLoader for LibraryOnly {
    fn load(&self, path: &str, _: &str) -> Result<(String, LoadedSource), String> {
        let module = library::module(path).ok_or("there is no such module")?;
        Ok((format!("std:{path}"), LoadedSource::Module(Box::new(|| Ok(module)))))
    }
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a program prints, with the error that ends it, if one does.
fn run(text: &str) -> String {
    let output = Output::default();
    let vm = Arc::new(Vm::new(VmConfig::default(), Some(Box::new(LibraryOnly)), Box::new(output.clone())));
    install(&vm);
    let shared = vm.registry.add(None, Mode::Preemptive, 8).expect("one thread");
    let mut thread = Thread::new(vm.clone(), shared, Mode::Preemptive);
    library::load_prelude(&mut thread).expect("the prelude loads");
    let names = vm.builtin_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let source = Source { name: "test".into(), text: text.into() };
    let options = CompileOptions { builtins: &names, ..CompileOptions::default() };
    let module = match compile(FileId(0), &source, &options) {
        Ok(compiled) => compiled.module,
        Err(failure) => panic!("{text}\n{:#?}", failure.diagnostics),
    };
    let module = vm.link(module, vm.new_env(), false).expect("the compiler's output is valid");
    assert!(loader::attach(&mut thread, module).is_ok());
    let result = thread.run_program(module.functions[0].value, &[]);
    let mut text = String::from_utf8(output.0.lock().unwrap().clone()).expect("output is UTF-8");
    if let Err(error) = result {
        text.push_str(&trace::describe(&thread, error));
    }
    text
}

/// Runs programs whose lines say in comments what they print (`// expect: ...`).
fn check(programs: &[&str]) {
    for program in programs {
        let expected: Vec<&str> =
            program.lines().filter_map(|line| line.split_once("// expect: ")).map(|e| e.1).collect();
        assert_eq!(run(program).lines().collect::<Vec<_>>(), expected, "{program}");
    }
}

#[test]
fn every_module_links_and_runs() {
    for name in library::module_names() {
        assert_eq!(run(&format!("import {name};")), "", "{name}");
    }
}

#[test]
fn hooks_are_called_inside_containers() {
    check(&[
        "class P { int n; function P(n) { self.n = n; } function to_string() { return `P${self.n}`; } }
         print([new P(1), {k: new P(2)}], new P(3));  // expect: [P1, {k: P2}] P3
         print([new P(1), 2].join(\"-\"), \"{} {}\".format(new P(4), 5));  // expect: P1-2 P4 5",
        "class E { int n; function E(n) { self.n = n; } function equals(o) { return o is E && o.n == self.n; } }
         var xs = [new E(1), new E(2)];
         print(xs.contains(new E(2)), xs.index_of(new E(3)), xs.equals([new E(1), new E(2)]), xs.remove(new E(1)), xs.length);  // expect: true -1 true true 1",
        "class K { int n; function K(n) { self.n = n; } function hash() { return self.n % 2; } function equals(o) { return o is K && o.n == self.n; } }
         var m = {};
         m[new K(1)] = \"one\"; m[new K(3)] = \"three\"; m[new K(1)] = \"uno\";
         print(m.length, m[new K(1)], m.get(new K(3)), m.get(new K(5), 0), new K(3) in m, m.has(new K(2)));  // expect: 2 uno three 0 true false
         print(m.remove(new K(1)), m.length, {}.merge(m).get(new K(3)));  // expect: uno 1 three",
        "class C { int n; function C(n) { self.n = n; } function compare(o) { return self.n - o.n; } }
         print([new C(3), new C(1), new C(2)].sort().map(c => c.n), [new C(3), new C(1)].min().n);  // expect: [1, 2, 3] 1",
    ]);
}

#[test]
fn sorting_is_stable_whoever_compares() {
    check(&[
        "var xs = (0..100).map(i => [i * 7 % 10, i]);
         xs.sort((a, b) => a[0] - b[0]);
         print((1..100).all(i => xs[i - 1][0] < xs[i][0] || xs[i - 1][0] == xs[i][0] && xs[i - 1][1] < xs[i][1]));  // expect: true
         print([\"bb\", \"a\", \"cc\", \"d\"].sort_by(s => s.length));  // expect: [\"a\", \"d\", \"bb\", \"cc\"]",
    ]);
}

#[test]
fn errors_have_text_and_name_the_method() {
    check(&[
        "try { [1].join(2); } catch (e) { print(e); }  // expect: TypeError: Array.join: separator must be a string, not int
         try { [].pop(); } catch (e) { print(e); }  // expect: RangeError: Array.pop: the array is empty: test its length first
         try { Array.push(1, 2); } catch (e) { print(e); }  // expect: TypeError: Array.push: called on int, but it needs a value of type Array
         print([new ValueError(\"x\")], new Error());  // expect: [ValueError: x] Error",
    ]);
}
