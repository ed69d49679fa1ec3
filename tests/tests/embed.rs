//! The crate `corella` as a host uses it: the example hosts, and the edges between host and script.

#[path = "../../embed/examples/avatar.rs"]
mod avatar;
#[path = "../../embed/examples/config_rules.rs"]
mod config_rules;
#[path = "../../embed/examples/game_loop.rs"]
mod game_loop;

use corella::{Captured, Engine, Error, Module, Object, Value, Vm};
use std::collections::HashMap;
use std::time::{Duration, Instant};

fn load(text: &str) -> (Vm, Module) {
    let engine = Engine::new();
    let mut vm = engine.vm().unwrap();
    let script = engine.compile("test.cor", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let module = vm.load(&script).unwrap_or_else(|e| panic!("{}", e.report()));
    (vm, module)
}

#[test]
fn the_game_plays_to_its_end() {
    let reports = game_loop::play().unwrap();
    assert_eq!(reports.len(), 4, "{reports:?}");
    assert!(reports.contains(&"guard stands at 5".to_string()), "{reports:?}");
    assert!(reports.contains(&"dog stands at 3".to_string()), "{reports:?}");
    assert!(reports.contains(&"path of 976".to_string()), "{reports:?}");
}

#[test]
fn avatars_are_loaded_while_the_host_goes_on() {
    let (reports, given_up) = avatar::load().unwrap();
    assert_eq!(reports.len(), 3, "{reports:?}");
    assert_eq!(reports[0], "ANN wears a hat and a coat");
    assert_eq!(reports[1], "BOB wears a hat and a coat");
    assert!(reports[2].starts_with("eve: NetworkError: no answer about eve"), "{reports:?}");
    assert_eq!(given_up, 2, "what the closed window was loading");
}

#[test]
fn the_rules_price_orders_and_survive_wild_rules() {
    let lines = config_rules::price_orders().unwrap();
    assert_eq!(lines[0], "30.90 [\"bulk: pen\"]");
    assert_eq!(lines[1], "150.00 [\"discount 25%\"]");
    assert_eq!(lines[2], "refused: ValueError: no delivery to Atlantis");
    assert!(lines[3].starts_with("refused: LimitError"), "{lines:?}");
    assert!(
        lines[4].starts_with("refused: MemoryError") || lines[4].starts_with("refused: LimitError"),
        "{lines:?}"
    );
    assert_eq!(lines[5], "7.15 [\"discount 25%\"]");
}

#[test]
fn values_go_there_and_back() {
    let (mut vm, module) = load("function same(x) { return x; }");
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MAX),
        Value::Int(i64::MIN),
        Value::Float(0.1),
        Value::Float(1e300),
        Value::Str("größe \u{1f600}".into()),
        Value::Str("x".repeat(100_000)),
        Value::Bytes(vec![0, 255, 7]),
        Value::Array(vec![Value::Int(1), Value::Array(vec![]), Value::Null]),
        Value::Map(vec![(Value::Str("b".into()), Value::Int(1)), (Value::Int(2), Value::Null)]),
        Value::IntArray(vec![1, -2]),
        Value::FloatArray(vec![0.5, -0.0]),
    ];
    for value in values {
        assert_eq!(vm.call::<Value>(&module, "same", (value.clone(),)).unwrap(), value);
    }
}

#[test]
fn typed_values_go_there_and_back() {
    let (mut vm, module) = load("function same(x) { return x; } function swap(p) { return [p[1], p[0]]; }");
    let table = HashMap::from([("a".to_string(), vec![1i64, 2]), ("b".to_string(), vec![])]);
    assert_eq!(vm.call::<HashMap<String, Vec<i64>>>(&module, "same", (table.clone(),)).unwrap(), table);
    assert_eq!(vm.call::<(String, i64)>(&module, "swap", ((1, "x"),)).unwrap(), ("x".to_string(), 1));
    assert_eq!(vm.call::<Option<f64>>(&module, "same", ((),)).unwrap(), None);
    assert_eq!(vm.call::<Option<f64>>(&module, "same", (3,)).unwrap(), Some(3.0));
    let error = vm.call::<u8>(&module, "same", (256,)).unwrap_err();
    assert_eq!(error.to_string(), "expected an int from 0 to 255, found 256");
    let error = vm.call::<Vec<i64>>(&module, "same", ("text",)).unwrap_err();
    assert_eq!(error.to_string(), "expected an Array, found string");
}

#[test]
fn cycles_and_depth_arrive_as_handles() {
    let (mut vm, module) = load(
        "function ring() { var a = [1]; a.push(a); return a; }\n\
         function deep(n) { var a = []; for (i in 0..n) a = [a]; return a; }\n\
         function wide() { var a = [0]; for (i in 0..60) a = [a, a]; return a; }",
    );
    let Value::Array(ring) = vm.call::<Value>(&module, "ring", ()).unwrap() else { panic!() };
    assert!(matches!(ring[1], Value::Object(_)));
    assert!(matches!(vm.call::<Value>(&module, "deep", (1_000_000,)).unwrap(), Value::Array(_)));
    // Shared parts are copied once for each reference, but not without end.
    let begun = Instant::now();
    assert!(matches!(vm.call::<Value>(&module, "wide", ()).unwrap(), Value::Array(_)));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn an_object_keeps_its_identity_and_its_life() {
    let (mut vm, module) = load(
        "class Box { var content; function Box(c) { self.content = c; } function get() { return self.content; } }\n\
         Box kept = null;\n\
         function make(c) { return new Box(c); }\n\
         function keep(b) { kept = b; return kept == b; }\n\
         function is_kept(b) { return kept == b; }",
    );
    let object: Object = vm.call(&module, "make", ("x",)).unwrap();
    vm.collect_garbage();
    assert_eq!(vm.call_method::<String>(&object, "get", ()).unwrap(), "x");
    assert!(vm.call::<bool>(&module, "keep", (&object,)).unwrap());
    assert!(vm.call::<bool>(&module, "is_kept", (object.clone(),)).unwrap());
    vm.set_attribute(&object, "content", vec![1, 2]).unwrap();
    assert_eq!(vm.attribute::<Vec<i64>>(&object, "content").unwrap(), [1, 2]);
    let error = vm.attribute::<i64>(&object, "contents").unwrap_err();
    assert!(error.to_string().starts_with("AttributeError"), "{error}");
    let class: Object = vm.get(&module, "Box").unwrap();
    let other: Object = vm.call_object(&class, (5,)).unwrap();
    assert_ne!(other, object);
    let (mut stranger, elsewhere) = load("function f(x) { return x; }");
    let error = stranger.call::<Value>(&elsewhere, "f", (object,)).unwrap_err();
    assert!(error.to_string().contains("another VM"), "{error}");
}

#[test]
fn variables_are_read_and_written() {
    let (mut vm, module) = load(
        "var total = 1; export const LIMIT = 7; const RATE = 0.5; const ONLY = -3; function read() { return RATE > 0 ? total : 0; }",
    );
    vm.set(&module, "total", "text").unwrap();
    assert_eq!(vm.call::<String>(&module, "read", ()).unwrap(), "text");
    assert_eq!(vm.get::<i64>(&module, "LIMIT").unwrap(), 7);
    assert_eq!(vm.get::<f64>(&module, "RATE").unwrap(), 0.5);
    assert_eq!(vm.get::<i64>(&module, "ONLY").unwrap(), -3);
    assert!(vm.has(&module, "read") && !vm.has(&module, "reed"));
    let error = vm.get::<i64>(&module, "reed").unwrap_err();
    assert_eq!(error.to_string(), "test.cor has no variable or function named reed");
}

#[test]
fn errors_have_class_message_and_trace() {
    let (mut vm, module) =
        load("function f(x) {\n    return g(x);\n}\nfunction g(x) {\n    throw new KeyError(`no ${x}`);\n}");
    let Error::Script(error) = vm.call::<()>(&module, "f", (3,)).unwrap_err() else { panic!() };
    assert_eq!((error.class.as_str(), error.message.as_str()), ("KeyError", "no 3"));
    assert!(error.trace.contains("at g (test.cor:5:"), "{}", error.trace);
    assert!(error.trace.contains("at f (test.cor:2:"), "{}", error.trace);
    assert!(error.report.starts_with("KeyError: no 3\n  at g"), "{}", error.report);
}

#[test]
fn host_functions_fail_as_script_errors() {
    let engine = Engine::builder()
        .function("half", |x: i64| if x % 2 == 0 { Ok(x / 2) } else { Err(format!("{x} is odd")) })
        .function("end", || -> Result<(), Error> { Err(Error::Exit(3)) })
        .build();
    let mut vm = engine.vm().unwrap();
    assert_eq!(vm.eval::<i64>("half(8)").unwrap(), 4);
    vm.eval::<()>("var message = null; try { half(3); } catch (e) { message = e.message; }").unwrap();
    assert_eq!(vm.eval::<String>("message").unwrap(), "3 is odd");
    assert!(vm.eval::<()>("half()").unwrap_err().to_string().starts_with("ArgumentError"));
    assert!(matches!(vm.eval::<()>("end()"), Err(Error::Exit(3))));
    assert_eq!(vm.eval::<i64>("half(2)").unwrap(), 1, "the VM goes on");
}

#[test]
fn one_script_runs_in_many_vms_and_threads() {
    let engine = Engine::new();
    let script = engine
        .compile("sum.cor", "function sum(n) { var s = 0; for (i in 0..n) s += i; return s; }")
        .unwrap();
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (engine, script) = (engine.clone(), script.clone());
            std::thread::spawn(move || {
                let mut vm = engine.vm().unwrap();
                let module = vm.load(&script).unwrap();
                vm.call::<i64>(&module, "sum", (1000 + n,)).unwrap()
            })
        })
        .collect();
    for (n, thread) in (1000i64..).zip(threads) {
        assert_eq!(thread.join().unwrap(), n * (n - 1) / 2);
    }
}

#[test]
fn a_dropped_task_is_cancelled_and_a_kept_one_waits() {
    let output = Captured::new();
    let engine = Engine::builder().output(output.clone()).build();
    let mut vm = engine.vm().unwrap();
    let text = "function f(name) { try { while (true) yield; } finally { print(`${name} ends`); } }";
    let module = vm.load(&engine.compile("t.cor", text).unwrap()).unwrap();
    let first = vm.start(&module, "f", ("first",)).unwrap();
    let second = vm.start(&module, "f", ("second",)).unwrap();
    vm.pump(Duration::from_millis(5));
    drop(first);
    vm.pump(Duration::from_millis(5));
    assert_eq!(output.take(), "first ends\n");
    assert!(vm.poll::<()>(&second).unwrap().is_none());
    vm.cancel(&second).unwrap();
    let error = vm.wait::<()>(&second).unwrap_err();
    assert!(error.to_string().starts_with("Cancelled"), "{error}");
    assert_eq!(output.take(), "second ends\n");
}

#[test]
fn a_dropped_task_is_cancelled_at_the_next_switch() {
    let output = Captured::new();
    let engine = Engine::builder().output(output.clone()).build();
    let mut vm = engine.vm().unwrap();
    let text = "function f(name) { var n = 0; try { while (true) { n++; yield; } } finally { sleep(0.005); print(`${name} ends`); } }\n\
                function g() { return 1; }";
    let module = vm.load(&engine.compile("t.cor", text).unwrap()).unwrap();
    let task = vm.start(&module, "f", ("first",)).unwrap();
    vm.pump(Duration::from_millis(2));
    drop(task);
    vm.pump(Duration::ZERO);
    // Its `finally` block is not interrupted when the collector finds that nobody holds the future.
    vm.collect_garbage();
    vm.pump_until(Instant::now() + Duration::from_secs(5));
    assert_eq!((output.take().as_str(), vm.tasks()), ("first ends\n", 0));
    // Dropped on another thread of the host, and while the VM runs something else.
    let task = vm.start(&module, "f", ("second",)).unwrap();
    vm.pump(Duration::from_millis(2));
    std::thread::spawn(move || drop(task)).join().unwrap();
    assert_eq!(vm.call::<i64>(&module, "g", ()).unwrap(), 1);
    vm.pump_until(Instant::now() + Duration::from_secs(5));
    assert_eq!((output.take().as_str(), vm.tasks()), ("second ends\n", 0));
    // Before it has begun, nothing of it runs.
    drop(vm.start(&module, "f", ("third",)).unwrap());
    vm.pump_until(Instant::now() + Duration::from_secs(5));
    assert_eq!((output.take().as_str(), vm.tasks()), ("", 0));
    // One that was cancelled already is not cancelled in its `finally` block, and one that has ended is left alone.
    let task = vm.start(&module, "f", ("fourth",)).unwrap();
    vm.pump(Duration::from_millis(2));
    vm.cancel(&task).unwrap();
    vm.pump(Duration::ZERO);
    drop(task);
    vm.pump_until(Instant::now() + Duration::from_secs(5));
    assert_eq!((output.take().as_str(), vm.tasks()), ("fourth ends\n", 0));
    let task = vm.start(&module, "g", ()).unwrap();
    assert_eq!(vm.wait::<i64>(&task).unwrap(), 1);
    drop(task);
    // A task may outlive its VM.
    let task = vm.start(&module, "f", ("fifth",)).unwrap();
    drop(vm);
    drop(task);
}

#[test]
fn other_threads_wake_the_host() {
    let (mut vm, module) = load(
        "function ask() { var t = new Thread(\"t\"); var r = await t.spawn(work); t.end(); return r; }\n\
         function work() { sleep(0.05); return 7; }",
    );
    let (ring, bell) = std::sync::mpsc::channel();
    let ring = std::sync::Mutex::new(ring);
    vm.set_waker(move || {
        let _ = ring.lock().unwrap().send(());
    });
    let task = vm.start(&module, "ask", ()).unwrap();
    let result = loop {
        vm.pump(Duration::from_millis(2));
        if let Some(result) = vm.poll::<i64>(&task).unwrap() {
            break result;
        }
        bell.recv_timeout(Duration::from_secs(10)).expect("the thread rings when it has the answer");
    };
    assert_eq!(result, 7);
}

#[test]
fn waiting_for_nothing_is_a_deadlock() {
    let (mut vm, module) = load("function f() { return receive(); }");
    let error = vm.call::<()>(&module, "f", ()).unwrap_err();
    assert!(error.to_string().starts_with("Deadlock"), "{error}");
}

#[test]
fn an_interrupt_ends_what_waits_and_what_runs() {
    let (mut vm, module) = load(
        "function wait() { sleep(60); }\nfunction run() { while (true) { try { run_on(); } catch (e) { } } }\nfunction run_on() { while (true) { } }\n\
         function atomic_loop() { atomic { while (true) { try { run_on(); } catch (e) { } } } }\n\
         function other() { spawn atomic_loop(); sleep(60); }",
    );
    for name in ["wait", "run", "atomic_loop", "other"] {
        let interrupt = vm.interrupt_handle();
        let interrupter = std::thread::spawn(move || {
            while !interrupt.is_running() {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(30));
            interrupt.interrupt();
        });
        let begun = Instant::now();
        let error = vm.call::<()>(&module, name, ()).unwrap_err();
        assert_eq!(error.to_string(), "TaskExit: interrupted");
        assert!(begun.elapsed() < Duration::from_secs(10));
        interrupter.join().unwrap();
    }
}

#[test]
fn limits_are_errors_and_the_vm_goes_on() {
    let engine = Engine::builder().memory_limit(24 << 20).stack_limit(100_000).task_limit(50).build();
    let mut vm = engine.vm().unwrap();
    let text = "function deep(n) { return deep(n + 1) + 1; }\n\
                function hoard() { var a = []; while (true) a.push(`text ${a.length}`); }\n\
                function crowd() { var all = []; while (true) all.push(spawn (() => sleep(60))()); }\n\
                function fine() { return 1; }";
    let module = vm.load(&engine.compile("t.cor", text).unwrap()).unwrap();
    for (name, class) in [("hoard", "MemoryError"), ("crowd", "LimitError")] {
        let error = vm.call::<()>(&module, name, ()).unwrap_err();
        assert_eq!(error.script().map(|e| e.class.as_str()), Some(class), "{error}");
    }
    let error = vm.call::<()>(&module, "deep", (0,)).unwrap_err();
    assert_eq!(error.script().map(|e| e.class.as_str()), Some("StackOverflow"), "{error}");
    assert_eq!(vm.call::<i64>(&module, "fine", ()).unwrap(), 1);
}

#[test]
fn files_are_imported_only_if_allowed() {
    let mut vm = Engine::new().vm().unwrap();
    let error = vm.eval::<()>("import \"./somewhere\" as s;").unwrap_err();
    assert!(error.to_string().contains("may not read files"), "{error}");
    let error = vm.eval::<()>("import file; file.read(\"Cargo.toml\")").unwrap_err();
    assert!(error.to_string().starts_with("IoError: this VM may not use files"), "{error}");
    assert!(vm.eval::<f64>("import math; math.sqrt(2)").unwrap() > 1.41);
    let error = vm.eval::<()>("import maths;").unwrap_err();
    assert!(error.to_string().contains("math"), "{error}");
}

#[test]
fn compiled_scripts_are_not_trusted() {
    let script = Engine::new().compile("a.cor", "print(1);").unwrap();
    let mut bytes = script.to_bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(corella::Script::from_bytes(&bytes).is_err());
    assert!(corella::Script::from_bytes(b"print(1);").is_err());
}

/// A program in a VM that has room for 50 tasks: the VM, what was printed, and how the program ended.
fn run_with_few_tasks(text: &str) -> (Vm, Captured, Result<i32, Error>) {
    let captured = Captured::new();
    let engine = Engine::builder().output(captured.clone()).task_limit(50).build();
    let mut vm = engine.vm().unwrap();
    let script = engine.compile("test.cor", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let ended = vm.run_program(&script, &[], |error| panic!("{}", error.report()));
    (vm, captured, ended)
}

/// What still waits when a program has ended, even where no kill reaches it, is not there any more when the host goes on.
#[test]
fn what_waits_in_atomic_ends_with_the_program() {
    let text = r#"
        function wait() { atomic { try { receive(); } finally { receive(); } } }
        try { while (true) spawn wait(); } catch (LimitError e) { print("full"); }
    "#;
    let (mut vm, captured, ended) = run_with_few_tasks(text);
    ended.unwrap();
    assert_eq!(vm.eval::<i64>("await spawn (() => 42)()").unwrap(), 42);
    assert_eq!(captured.take(), "full\n");
}

/// `exit` ends the program with everything that it has under way, and the host's VM serves for the next one.
#[test]
fn what_a_program_has_under_way_ends_with_its_exit() {
    let text = r#"
        var t = new Thread("other");
        function wait() { receive(); }
        function count() { while (true) yield; }
        var futures = [];
        try { while (true) { futures.push(spawn wait()); futures.push(spawn count()); } } catch (LimitError e) {}
        futures[0].on_done(f => print("nobody hears this"));
        t.spawn(count);
        exit(3);
    "#;
    let (mut vm, captured, ended) = run_with_few_tasks(text);
    assert!(matches!(ended, Err(Error::Exit(3))), "{ended:?}");
    assert_eq!(vm.eval::<i64>("await spawn (() => 42)()").unwrap(), 42);
    assert_eq!(captured.take(), "");
}
