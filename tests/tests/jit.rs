//! Compiled code against the interpreter: the same answers, errors and fuel.

use corella::{Builder, Captured, Engine, JitMode, Session, Value, Vm};
use corella_tests::differ::{self, Compared};
use corella_tests::files;
use std::time::{Duration, Instant};

/// Folders of scripts whose runs depend on nothing but their fuel.
const FOLDERS: [&str; 4] = ["jit", "language", "classes", "errors"];

/// What a run of a script with so much fuel prints, and how it ends.
fn run(jit: JitMode, path: &std::path::Path, fuel: u64) -> String {
    let captured = Captured::new();
    let engine = Engine::builder()
        .jit(jit)
        .tick(corella::Tick::Fuel(1000))
        .fuel_limit(fuel)
        .import_files(true)
        .output(captured.clone())
        .build();
    let Ok(script) = engine.compile_file(path) else { return "does not compile".into() };
    let mut vm = engine.vm().expect("a VM");
    let mut reports = String::new();
    let end = vm.run_program(&script, &[], |error| reports.push_str(&error.report()));
    vm.flush();
    format!("{}\n{reports}\n{end:?}", captured.take())
}

/// Runs a program that ends well: what it prints, and its VM.
fn printed(builder: Builder, name: &str, text: &str) -> (String, Vm) {
    let captured = Captured::new();
    let engine = builder.output(captured.clone()).build();
    let mut vm = engine.vm().expect("a VM");
    let script = engine.compile(name, text).unwrap();
    vm.run_program(&script, &[], |error| panic!("{}", error.report())).unwrap();
    vm.flush();
    (captured.take(), vm)
}

#[test]
fn fuel_ends_at_the_same_place() {
    let root = corella_tests::workspace_root().join("tests").join("scripts");
    let mut compared = 0;
    for folder in FOLDERS {
        for path in files::below(&root.join(folder), "cor") {
            let name = files::relative(&path, &root);
            if name.contains("/support/") {
                continue;
            }
            for fuel in [300, 2_000, 9_001] {
                let interpreted = run(JitMode::Off, &path, fuel);
                let compiled = run(JitMode::Always, &path, fuel);
                assert_eq!(interpreted, compiled, "{name} with {fuel} units of fuel");
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "only {compared} runs were compared");
}

/// Generated programs that are run with the tests; the fuzz target `differential` runs others.
const PROGRAMS: u64 = 16;

#[test]
fn generated_programs_do_the_same_when_compiled() {
    let (mut same, mut functions) = (0, 0);
    for seed in 0..PROGRAMS {
        let program = differ::program(seed);
        match differ::compare(&program) {
            Ok(Compared::Same(compiled)) => {
                same += 1;
                functions += compiled;
            }
            Ok(Compared::Nothing) => {}
            Err(what) => panic!("{what}\n{program}"),
        }
    }
    // A few do not compile, because the generator knows less of types than the compiler.
    assert!(same * 10 >= PROGRAMS * 9, "only {same} programs were compared");
    assert!(!JitMode::AVAILABLE || functions > 5 * same, "only {functions} functions were compiled");
}

/// Generated loops that are run with the tests; the fuzz target `loops` runs others.
const LOOPS: u64 = 8;

#[test]
fn generated_loops_do_the_same_when_fuel_is_not_exact() {
    let mut functions = 0;
    for seed in 0..LOOPS {
        let program = differ::looping_program(seed);
        match differ::compare(&program) {
            Ok(Compared::Same(compiled)) => functions += compiled,
            Ok(Compared::Nothing) => panic!("it does not compile\n{program}"),
            Err(what) => panic!("{what}\n{program}"),
        }
    }
    assert!(!JitMode::AVAILABLE || functions > 3 * LOOPS, "only {functions} functions were compiled");
}

/// Calls at every depth: somewhere the frame of the callee fits on the stack, and those of what is spliced into it do not.
#[test]
fn a_stack_that_is_almost_full_compiles_nothing_again() {
    let text = "
        function small(n) { return n + 1; }
        function callee(int n) {
            int sum = 0;
            for (k in n..n + 2) sum += small(small(small(1)));
            // So it is too long to be spliced in.
            if (n == 77) { print(1); print(2); print(3); print(4); print(5); print(6); print(7); print(8); print(9); }
            return sum;
        }
        function down(int depth, a, b) -> int {
            int sum = 0;
            for (k in 0..60) sum += callee(k);
            return depth == 0 ? sum : sum + (a ? down(depth - 1, b, a) : deeper(depth, b, a));
        }
        function deeper(int depth, a, b) -> int {
            var others = [depth, depth, depth, depth, depth, depth, depth];
            return down(depth - 1, a, b) + others.length;
        }
        // Loops that end so far away make code leave, and be compiled again.
        for (k in 0..40) callee(1 << 40);
        print(down(150, true, true), down(150, true, false));
    ";
    let (output, vm) = printed(Engine::builder().jit(JitMode::Always), "almost_full.cor", text);
    assert_eq!(output.trim(), "72480 73005");
    let stats = vm.jit_stats();
    assert!(stats.again <= 2, "{stats:?}");
}

#[test]
fn a_method_redefined_at_the_prompt_is_called_by_compiled_code() {
    let engine = Engine::builder().jit(JitMode::Always).build();
    let mut vm = engine.vm().unwrap();
    let mut session = Session::new();
    let mut eval =
        |text: &str| session.eval(&mut vm, text).unwrap_or_else(|e| panic!("{text}: {}", e.report()));
    eval("class Counter { var n = 0; function step() { self.n += 1; } }");
    eval("function run(Counter c, int times) { for (i in 0..times) c.step(); return c.n; }");
    eval("var c = new Counter();");
    assert_eq!(eval("run(c, 100)"), Value::Int(100));
    eval("extend Counter { function twice() { self.n += 2; } }");
    assert_eq!(eval("run(c, 100)"), Value::Int(200));
    eval("extend Counter { function step() { self.n += 10; } }");
    assert_eq!(eval("run(c, 100)"), Value::Int(1200));
    eval("function run(Counter c, int times) { return times; }");
    assert_eq!(eval("run(c, 7)"), Value::Int(7));
    if JitMode::AVAILABLE {
        assert!(vm.jit_stats().functions > 2, "{:?}", vm.jit_stats());
    }
}

#[test]
fn what_is_off_compiles_nothing_and_what_is_hot_is_compiled_once() {
    let text = "function f(x) { return x * 2; } var s = 0; for (i in 0..200_000) s = s + f(i); s";
    for (mode, most) in [(JitMode::Off, 0), (JitMode::Auto, 2)] {
        let engine = Engine::builder().jit(mode).seed(1).build();
        let mut vm = engine.vm().unwrap();
        let result = Session::new().eval(&mut vm, text).unwrap();
        assert_eq!(result, Value::Int(39_999_800_000));
        let stats = vm.jit_stats();
        assert!(stats.functions <= most, "{stats:?}");
        assert_eq!(stats.functions > 0, mode == JitMode::Auto && JitMode::AVAILABLE, "{stats:?}");
    }
}

#[test]
fn parts_of_a_function_that_run_later_are_compiled_when_something_has_been_seen_there() {
    const PARTS: usize = 12;
    let methods: String =
        (0..PARTS).map(|k| format!("function m{k}(x) {{ return x + self.step + {k}; }}\n")).collect();
    let parts: String = (0..PARTS)
        .map(|k| format!("if (part == {k}) {{ for (i in 0..400) {{ sum += o.m{k}(i); o.last = sum; }} }}\n"))
        .collect();
    let text = format!(
        "class Thing {{ var step = 1; var last = 0;\n{methods}}}\n\
         function run(o, part) {{ var sum = o.last;\n{parts}return sum; }}\n\
         var o = new Thing();\n\
         for (part in 0..{PARTS}) for (k in 0..8) run(o, part);\n\
         print(o.last);"
    );
    let outcome = |jit| printed(Engine::builder().jit(jit).jit_threshold(300).seed(1), "parts.cor", &text);
    let (interpreted, _) = outcome(JitMode::Off);
    let (compiled, vm) = outcome(JitMode::Auto);
    assert_eq!(interpreted, compiled);
    if JitMode::AVAILABLE {
        let functions = vm.jit_functions();
        let run = functions.iter().find(|f| f.name.starts_with("run ")).expect("it is hot");
        assert!(run.compiled > 2, "{run:?}");
        assert!(run.compiled <= 12, "it settles: {run:?}");
    }
}

#[test]
fn a_thread_that_has_seen_nothing_does_not_make_code_forget() {
    let text = "
        class Thing { var n = 1; function a(x) { return x + self.n; } function b(x) { return x - self.n; } }
        function use(o, times, part) {
            var sum = 0;
            for (i in 0..times) {
                sum += o.a(i) + o.b(i) + o.n;
                o.n = i % 7;
                if (part > 0) sum += o.a(part);
                if (part > 1) sum += o.b(part);
            }
            return sum;
        }
        function there(part) { return use(new Thing(), 20_000, part); }
        print(there(0));
        for (part in 0..3) print(await new Thread(`${part}`).spawn(there, part));
    ";
    let (output, vm) = printed(Engine::builder().jit_threshold(300).seed(1), "threads.cor", text);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], lines[1]);
    for function in vm.jit_functions().iter().filter(|f| f.name.starts_with("use ")) {
        assert!(
            function.compiled <= 3,
            "once for all threads, and once for each part that runs later: {function:?}"
        );
    }
}

/// Functions that see something else in each round, so that their code is replaced again and again while it runs.
const SURPRISED: &str = "
    class Low { var n = 1; function step(k) { return self.n + k; } }
    class High : Low { function step(k) { return self.n - k; } }
    class Float { var n = 0.5; function step(k) { return self.n * 2.0 + k; } }
    class Text { var n = 1; function step(k) { return `${k}`.length; } }
    class Deep { var n = 1; function step(k) { return k > 900 ? descend(self, 20) : 1; } }
    function descend(o, depth) { return depth == 0 ? o.n : descend(o, depth - 1) + 1; }
    function rounds(o, times) { var sum = 0; for (k in 0..times) sum += o.step(k) + twice(k, sum); return sum; }
    function twice(k, sum) { return k % 3 == 0 ? k * 2 : sum is float ? 0.5 : 1; }
    function all(times) {
        var found = [];
        for (round in 0..4) {
            for (o in [new Low(), new High(), new Float(), new Text(), new Deep()]) found.push(rounds(o, times));
        }
        return found.join(' ');
    }
";

#[test]
fn replaced_code_is_freed_in_a_program_that_only_computes() {
    let text = format!("{SURPRISED} print(all(1000)); for (k in 0..20) all(1000);");
    let outcome = |jit| printed(Engine::builder().jit(jit).seed(1), "surprised.cor", &text);
    let (interpreted, _) = outcome(JitMode::Off);
    let (compiled, vm) = outcome(JitMode::Always);
    assert_eq!(interpreted, compiled);
    if JitMode::AVAILABLE {
        let stats = vm.jit_stats();
        assert!(stats.again > 2 && stats.freed_bytes > 0, "{stats:?}");
        assert!(stats.freed_bytes < stats.code_bytes, "{stats:?}");
    }
}

#[test]
fn code_is_freed_only_when_no_thread_runs_it_any_more() {
    let text = format!(
        "{SURPRISED}
        function often(times) {{ var last = ''; for (k in 0..times) {{ last = all(1000); if (k % 2 == 0) yield; }} return last; }}
        var others = [];
        for (k in 0..3) others.push(new Thread(`${{k}}`).spawn(often, 40 + k));
        var here = often(40);
        for (other in others) if (await other != here) throw 'they differ';
        print(here);"
    );
    let outcome =
        |jit| printed(Engine::builder().jit(jit).jit_threshold(50), "surprised_threads.cor", &text).0;
    let interpreted = outcome(JitMode::Off);
    for _ in 0..5 {
        assert_eq!(outcome(JitMode::Always), interpreted);
        assert_eq!(outcome(JitMode::Auto), interpreted);
    }
}

/// Failed assumptions of one function's code, after which another one would have been made of it long ago.
const FEW_FAILURES: u32 = 500;

#[test]
fn code_that_is_used_by_several_threads_settles_on_what_holds_for_all() {
    let path =
        corella_tests::workspace_root().join("tests/scripts/jit/data_of_other_threads_in_hot_loops.cor");
    for threshold in [1, 50] {
        let captured = Captured::new();
        let engine =
            Engine::builder().jit_threshold(threshold).import_files(true).output(captured.clone()).build();
        let script = engine.compile_file(&path).expect("it compiles");
        let mut vm = engine.vm().unwrap();
        let end = vm.run_program(&script, &[], |error| panic!("{}", error.report()));
        assert!(captured.take().contains("proxy 495000.0 990000"), "{end:?}");
        // Functions are compiled while the program goes on, and code fails as long as that takes; other code begins with none.
        let failing = || vm.jit_functions().into_iter().find(|function| function.failures >= FEW_FAILURES);
        let patience = Instant::now() + Duration::from_secs(60);
        while failing().is_some() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(failing().is_none(), "{:?}", failing());
    }
}

#[test]
fn a_vm_may_go_while_its_functions_are_being_compiled() {
    let engine = Engine::builder().jit_threshold(100).build();
    for round in 0..30 {
        let mut vm = engine.vm().unwrap();
        // Constants of its own, so that the compiler has something to read that goes with the VM.
        let sums: String =
            (0..60).map(|k| format!("s += x * {k}.{round} - \"{k}{round}\".length; ")).collect();
        let text =
            format!("function f(float x) {{ float s = 0.0; {sums} return s; }} for (i in 0..200) f(i); 1");
        assert_eq!(Session::new().eval(&mut vm, &text).unwrap(), Value::Int(1));
    }
}
