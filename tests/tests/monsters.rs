//! Sources of absurd size or depth, made here because nobody wants to read them. Each either runs or
//! is refused with a reason; none makes the program panic, overflow its native stack or hang.

use corella_tests::child::{self, Outcome};
use corella_tests::{binary, scratch::Scratch};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

const MILLION: usize = 1_000_000;

/// How deep data and calls are nested, in levels. `CORELLA_DEPTH=10000000` was tried as well; it takes 4 GB and minutes.
fn depth() -> usize {
    std::env::var("CORELLA_DEPTH").ok().and_then(|n| n.parse().ok()).unwrap_or(MILLION)
}

/// Only a hang takes as long; ten times the depth may take ten times the time.
fn limit() -> Duration {
    Duration::from_secs(300) * (depth() / MILLION).max(1) as u32
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(binary::corella)
}

fn run(source: &str) -> Outcome {
    run_with(source, &[])
}

fn run_with(source: &str, switches: &[&str]) -> Outcome {
    let folder = Scratch::new();
    folder.write("monster.cor", source);
    let mut command = Command::new(program());
    command.current_dir(folder.path()).arg("run").args(switches).arg("monster.cor");
    let outcome = child::run(command, "", limit()).expect("the program starts");
    let told: String = outcome.stderr.chars().take(2000).collect();
    assert!(!outcome.stderr.contains("panicked at"), "it panicked:\n{told}");
    assert!(outcome.death.is_none(), "{:?}\n{told}", outcome.death);
    outcome
}

#[track_caller]
fn refused(source: &str) -> Outcome {
    let outcome = run(source);
    assert_eq!(outcome.status, Some(1));
    assert!(!outcome.stderr.is_empty(), "a refusal needs a reason");
    // One mistake is one error, not a million, and no line of source is repeated at full length.
    assert!(outcome.stderr.len() < 20_000, "{} bytes of complaint", outcome.stderr.len());
    outcome
}

#[track_caller]
fn prints(source: &str, stdout: &str) {
    let outcome = run(source);
    let told: String = outcome.stderr.chars().take(2000).collect();
    assert_eq!(outcome.status, Some(0), "{told}");
    assert_eq!(outcome.stdout, stdout);
}

#[track_caller]
fn deep(source: &str, switches: &[&str], stdout: &str) {
    let source = source.replace("DEPTH", &depth().to_string());
    let outcome = run_with(&source, switches);
    let told: String = outcome.stderr.chars().take(2000).collect();
    assert_eq!((outcome.stdout.as_str(), outcome.status), (stdout, Some(0)), "{told}");
}

#[test]
fn deep_arrays() {
    let source = "
        import gc;
        function nest(n) { var xs = []; for (i in 0..n) xs = [xs]; return xs; }
        function levels(xs) { var n = 0; while (xs.length > 0) { xs = xs[0]; n += 1; } return n; }
        // In a function of its own: the registers of a frame that is gone keep nothing alive.
        function all() {
        var xs = nest(DEPTH);
        print(xs.equals(nest(DEPTH)), xs.equals(nest(DEPTH - 1)), string(xs).length > 100);
        gc.collect();
        print(copy(xs).equals(xs));
        var t = new Thread(\"other\");
        print(await t.spawn(levels, share(xs)) == DEPTH);
        print(await t.spawn(levels, copy(xs)) == DEPTH, await t.spawn(xs => levels(copy(xs)), xs) == DEPTH);
        print(levels(await t.spawn(() => copy(nest(DEPTH)))) == DEPTH);
        t.end();
        t.join();
        }
        all();
        gc.collect();
        print(gc.stats()[\"used_bytes\"] < 20_000_000);";
    deep(source, &[], "true false true\ntrue\ntrue\ntrue true\ntrue\ntrue\n");
}

#[test]
fn deep_maps_and_instances() {
    let source = "
        import gc;
        class Node { var next; function Node(next) { self.next = next; } }
        function all() {
        var m = {}; var list = null; var f = () => 0; var e = null;
        for (i in 0..DEPTH) {
            m = {k: m}; list = new Node(list);
            const inner = f; f = () => inner;
            e = new Error(\"e\", e);
        }
        print(string(m).length > 100, m.equals(copy(m)), `${e}`);
        var other = copy(list);
        gc.collect();
        var n = 0;
        while (other != null) { other = other.next; n += 1; }
        print(n == DEPTH);
        }
        all();
        gc.collect();
        print(gc.stats()[\"used_bytes\"] < 20_000_000);";
    deep(source, &[], "true true Error: e\ntrue\ntrue\n");
}

#[test]
fn deep_recursion_under_a_raised_limit() {
    let words = (depth() * 40).to_string();
    let source = "
        class Box { var inner; function Box(b) { self.inner = b; } function depth() { return self.inner == null ? 0 : 1 + self.inner.depth(); } }
        function down(n) { return n == 0 ? 0 : 1 + down(n - 1); }
        print(down(DEPTH) == DEPTH);
        var b = null; for (i in 0..DEPTH) b = new Box(b);
        print(b.depth() == DEPTH - 1);";
    deep(source, &["--max-depth", &words], "true\ntrue\n");
}

#[test]
fn endless_recursion_at_a_raised_limit() {
    let words = (depth() * 10).to_string();
    let source = "
        function down(n) { return 1 + down(n + 1); }
        function safely() { try { return down(0); } catch (StackOverflow e) { return e.message.contains(\"limited\"); } }
        print(safely());
        try { [1].map(x => down(x)); } catch (StackOverflow e) { print(\"again\"); }
        down(0);";
    let outcome = run_with(source, &["--max-depth", &words]);
    assert_eq!((outcome.stdout.as_str(), outcome.status), ("true\nagain\n", Some(1)));
    let lines = outcome.stderr.lines().count();
    assert!(lines < 100 && outcome.stderr.contains("frames left out"), "{lines} lines");
}

#[track_caller]
fn runs_or_is_refused(source: &str) {
    let outcome = run(source);
    match outcome.status {
        Some(0) => assert_eq!(outcome.stderr, ""),
        status => {
            assert_eq!(status, Some(1));
            assert!(!outcome.stderr.is_empty() && outcome.stderr.len() < 20_000);
        }
    }
}

#[test]
fn a_million_open_brackets() {
    for open in ["(", "[", "{"] {
        refused(&open.repeat(MILLION));
    }
    refused(&format!("var x = {}", "[".repeat(MILLION)));
}

#[test]
fn a_million_balanced_brackets() {
    refused(&format!("print({}1{});", "(".repeat(MILLION), ")".repeat(MILLION)));
    refused(&format!("var x = {}{};", "[".repeat(MILLION), "]".repeat(MILLION)));
}

#[test]
fn a_million_closing_brackets() {
    refused(&"}".repeat(MILLION));
    refused(&")".repeat(MILLION));
}

#[test]
fn a_million_prefix_operators() {
    runs_or_is_refused(&format!("print({}1);", "!".repeat(MILLION)));
    runs_or_is_refused(&format!("print({}1);", "- ".repeat(MILLION)));
    runs_or_is_refused(&format!("{} f();", "await ".repeat(MILLION)));
}

#[test]
fn long_chains_of_operators() {
    for operator in [" + ", " - ", " * ", " ** ", " && ", " ?? ", " == ", " .. "] {
        runs_or_is_refused(&format!("var a = 1; var b = a{};", format!("{operator}a").repeat(200_000)));
    }
}

#[test]
fn long_chains_behind_a_name() {
    for link in [".b", "()", "[0]", "?.b", ".b()"] {
        runs_or_is_refused(&format!("var a = null; try {{ a{}; }} catch (e) {{}}", link.repeat(200_000)));
    }
}

#[test]
fn long_chains_to_the_right() {
    runs_or_is_refused(&format!("var a = 1; {}2;", "a = ".repeat(200_000)));
    runs_or_is_refused(&format!("var a = 1; var b = {}2;", "a ? 1 : ".repeat(200_000)));
    runs_or_is_refused(&format!("var f = {}1;", "x => ".repeat(200_000)));
    runs_or_is_refused(&format!("{}print(1);", "if (true) ".repeat(200_000)));
    runs_or_is_refused(&format!("{}{{}}", "if (false) {} else ".repeat(200_000)));
    runs_or_is_refused(&format!("{}print(1);", "while (false) ".repeat(200_000)));
    runs_or_is_refused(&format!("{}print(1);", "label: ".repeat(200_000)));
}

#[test]
fn nested_templates() {
    runs_or_is_refused(&format!("print({}1{});", "`${".repeat(100_000), "}`".repeat(100_000)));
    refused(&"`${".repeat(MILLION));
}

#[test]
fn nested_functions() {
    let source = format!("{}{}", "function f() { ".repeat(50_000), "}".repeat(50_000));
    runs_or_is_refused(&source);
    runs_or_is_refused(&format!("{}{}", "namespace a { ".repeat(50_000), "}".repeat(50_000)));
}

#[test]
fn nesting_that_people_write_is_allowed() {
    prints(&format!("print({}1{});", "(".repeat(60), ")".repeat(60)), "1\n");
    prints(&format!("{}print(2);{}", "if (true) { ".repeat(60), "}".repeat(60)), "2\n");
    prints(&format!("print({}3{});", "(x => x)(".repeat(40), ")".repeat(40)), "3\n");
}

#[test]
fn huge_literals() {
    refused(&format!("print({});", "9".repeat(MILLION)));
    refused(&format!("print(0x{});", "f".repeat(MILLION)));
    runs_or_is_refused(&format!("print({}n > 5n);", "9".repeat(20_000)));
    runs_or_is_refused(&format!("print(1.{});", "3".repeat(MILLION)));
    prints(&format!("print(\"{}\".length);", "x".repeat(MILLION)), "1000000\n");
    refused(&format!("var {} = {};", "x".repeat(MILLION), "y".repeat(MILLION)));
}

#[test]
fn a_large_array_literal() {
    let items: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    prints(&format!("var xs = [{}]; print(xs.length, xs[99999]);", items.join(",")), "100000 99999\n");
}

#[test]
fn a_large_map_literal() {
    let items: Vec<String> = (0..50_000).map(|n| format!("k{n}: \"v{n}\"")).collect();
    prints(&format!("var m = {{{}}}; print(m.length, m[\"k49999\"]);", items.join(",")), "50000 v49999\n");
}

#[test]
fn many_statements_in_a_loop() {
    // The loop's jump is far longer than 16 bits can say.
    let body = "n += 1;\n".repeat(40_000);
    prints(&format!("var n = 0; for (i in 0..2) {{ {body} }} print(n);"), "80000\n");
    prints(&format!("var n = 0; if (n == 0) {{ {body} }} else {{ {body} }} print(n);"), "40000\n");
}

#[test]
fn many_functions_and_names() {
    let functions: String =
        (0..20_000).map(|n| format!("function f{n}(x) {{ return x + {n}; }}\n")).collect();
    prints(&format!("{functions} print(f19999(1));"), "20000\n");
    let variables: String = (0..30_000).map(|n| format!("var v{n} = {n};\n")).collect();
    runs_or_is_refused(&format!("{variables} print(v29999);"));
}

#[test]
fn many_locals_in_one_function() {
    let locals = |count: usize| -> String { (0..count).map(|n| format!("var v{n} = {n};")).collect() };
    prints(&format!("function f() {{ {} return v299; }} print(f());", locals(300)), "299\n");
    runs_or_is_refused(&format!("function f() {{ {} return v69999; }} print(f());", locals(70_000)));
}

#[test]
fn many_constants_in_one_function() {
    let strings: String = (0..70_000).map(|n| format!("s = \"text{n}\";")).collect();
    runs_or_is_refused(&format!("function f() {{ var s; {strings} return s; }} print(f());"));
}

#[test]
fn many_parameters() {
    let names: Vec<String> = (0..300).map(|n| format!("p{n}")).collect();
    let values: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    let source =
        format!("function f({}) {{ return p299; }} print(f({}));", names.join(","), values.join(","));
    runs_or_is_refused(&source);
}

#[test]
fn a_long_chain_of_classes() {
    let classes: String = (1..2_000).map(|n| format!("class C{n} : C{} {{}}\n", n - 1)).collect();
    let source =
        format!("class C0 {{ function f() {{ return \"f\"; }} }}\n{classes} print(new C1999().f());");
    prints(&source, "f\n");
}

#[test]
fn a_class_with_many_attributes() {
    let attributes: String = (0..5_000).map(|n| format!("int a{n} = {n};")).collect();
    runs_or_is_refused(&format!("class C {{ {attributes} }} print(new C().a4999);"));
}

#[test]
fn a_switch_and_a_match_with_many_arms() {
    let cases: String = (0..5_000).map(|n| format!("case {n}: return \"c{n}\";")).collect();
    prints(&format!("function f(x) {{ switch (x) {{ {cases} }} }} print(f(4999));"), "c4999\n");
    let arms: String = (0..5_000).map(|n| format!("{n} => \"a{n}\",")).collect();
    prints(&format!("print(match (4999) {{ {arms} _ => \"none\" }});"), "a4999\n");
}

#[test]
fn many_errors_are_cut_short() {
    let outcome = run(&"print(missing);\n".repeat(20_000));
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.len() < 200_000, "{} bytes of complaint", outcome.stderr.len());
}

#[test]
fn one_very_long_line() {
    let source = format!("{}print(missing);", "print(\"\");".repeat(50_000));
    refused(&source);
}

#[test]
fn random_tokens() {
    const TOKENS: [&str; 40] = [
        "var ",
        "x",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ";",
        ",",
        "=>",
        "=",
        "==",
        "1",
        "2.5",
        "\"s\"",
        "`a${",
        "}`",
        "function ",
        "class ",
        "return ",
        "yield ",
        "await ",
        "spawn ",
        "match ",
        "receive ",
        "if ",
        "else ",
        "for ",
        " in ",
        "..",
        "...",
        "?.",
        "??",
        ":",
        ".",
        "try ",
        "catch ",
        "finally ",
        "/*",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..60 {
        let mut source = String::new();
        for _ in 0..120 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            source.push_str(TOKENS[usize::try_from(state % 40).unwrap_or(0)]);
        }
        runs_or_is_refused(&format!("exit(0); {source}"));
    }
}
