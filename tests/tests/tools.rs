//! Tools that look at compiled code from outside, and what the program itself tells of it: `perf`, `gdb`, `dis --jit`, `--jit-stats`.
//! Where a tool is not there or may not look, its test says so and passes.

use corella::JitMode;
use corella_tests::{binary, child, scratch::Scratch};
use std::collections::HashSet;
use std::process::{Child, Command};
use std::time::Duration;

/// Ends in a loop of a compiled function that a compiled function has called, and says in a file that it is there: what it prints stays in
/// a buffer until it ends. Both are too long to be spliced into their callers.
fn busy() -> String {
    let long: String = (0..40).map(|k| format!("    sum = (sum * {k} + depth) % 1009;\n")).collect();
    format!(
        "\
import file;
function spin(depth, n) {{
    var sum = 0;
{long}    for (i in 0..n) for (k in 0..n) sum = (sum + k) % 1000;
    return sum;
}}
function deep(depth, n) {{
    var sum = 0;
{long}    if (depth == 0) return spin(depth, n);
    return deep(depth - 1, n) + sum;
}}
for (i in 0..200) deep(3, 10);
file.write(\"hot\", \"\");
deep(3, 1_000_000_000);
"
    )
}

/// A child that is ended when the test is.
struct Busy(Child);

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = std::fs::remove_file(self.map());
    }
}

impl Busy {
    /// Runs the program with a switch until it is in its last loop.
    fn start(folder: &Scratch, switch: &str) -> Busy {
        Self::start_with(folder, switch, |_| ())
    }

    /// The same, of a command that is prepared further.
    fn start_with(folder: &Scratch, switch: &str, prepare: impl Fn(&mut Command)) -> Busy {
        folder.write("busy.cor", busy());
        let mut command = Command::new(binary::corella());
        command.current_dir(folder.path()).args([switch, "--jit=always", "busy.cor"]);
        prepare(&mut command);
        let mut busy = Busy(command.spawn().expect("the program starts"));
        while !folder.path().join("hot").exists() {
            assert!(busy.0.try_wait().expect("a child").is_none(), "it ended before its last loop");
            std::thread::sleep(Duration::from_millis(10));
        }
        // Into the loop.
        std::thread::sleep(Duration::from_millis(100));
        busy
    }

    fn map(&self) -> String {
        format!("/tmp/perf-{}.map", self.0.id())
    }
}

/// What a tool prints, or `None`, with a word on stderr, if it cannot be used here.
fn tool(name: &str, arguments: &[&str], cannot: &[&str]) -> Option<String> {
    let mut command = Command::new(name);
    command.args(arguments);
    let outcome = match child::run(command, "", Duration::from_secs(60)) {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("skipped: {name} cannot be started: {error}");
            return None;
        }
    };
    let said = outcome.stdout + &outcome.stderr;
    if let Some(why) = cannot.iter().find(|why| said.contains(**why)) {
        eprintln!("skipped: {name} says `{why}`");
        return None;
    }
    Some(said)
}

#[test]
fn gdb_names_script_functions() {
    if !JitMode::AVAILABLE || !cfg!(target_os = "linux") {
        return;
    }
    let folder = Scratch::new();
    let busy = Busy::start(&folder, "--gdb-jit");
    let id = busy.0.id().to_string();
    let cannot = ["ptrace: Operation not permitted"];
    let arguments = ["--nx", "--batch", "-p", &id, "-ex", "thread apply all backtrace"];
    let Some(trace) = tool("gdb", &arguments, &cannot) else { return };
    let callers = trace.matches("in deep (busy.cor:").count();
    assert!(trace.contains("spin (busy.cor:") && callers == 4, "{trace}");
}

#[test]
fn perf_finds_names_of_script_functions() {
    if !JitMode::AVAILABLE || !cfg!(target_os = "linux") {
        return;
    }
    let folder = Scratch::new();
    let busy = Busy::start(&folder, "--perf-map");
    let map = std::fs::read_to_string(busy.map()).expect("the map");
    let spin = map.lines().find(|line| line.contains(" spin (busy.cor:")).expect("a line for the function");
    let hex = |word: Option<&str>| word.and_then(|word| u64::from_str_radix(word, 16).ok());
    let mut words = spin.split(' ');
    assert!(hex(words.next()).is_some_and(|address| address > 4096), "{spin}");
    assert!(hex(words.next()).is_some_and(|size| (32..1 << 20).contains(&size)), "{spin}");

    let id = busy.0.id().to_string();
    let data = folder.path().join("perf.data");
    let data = data.to_str().expect("a path of ASCII");
    let record = ["record", "-q", "-e", "cpu-clock", "-o", data, "-p", &id, "--", "sleep", "1"];
    let cannot = ["not permitted", "Permission", "not supported", "paranoid"];
    if tool("perf", &record, &cannot).is_none() {
        return;
    }
    let report = tool("perf", &["report", "--stdio", "-i", data], &[]).expect("it was started before");
    assert!(report.contains("spin (busy.cor:"), "{report}");
}

#[test]
fn perf_that_starts_the_program_finds_each_name_once() {
    if !JitMode::AVAILABLE || !cfg!(target_os = "linux") {
        return;
    }
    let folder = Scratch::new();
    // `perf record` sets it for the program that it starts, and Cranelift writes the map where it finds it.
    let busy = Busy::start_with(&folder, "--perf-map", |command| {
        command.env("PERF_BUILDID_DIR", folder.path());
    });
    let map = std::fs::read_to_string(busy.map()).expect("the map");
    let of = |name: &str| map.lines().filter(|line| line.contains(name)).count();
    let addresses: HashSet<&str> = map.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(of(" spin (busy.cor:") >= 1 && of(".Lfn") == 0, "{map}");
    assert_eq!(addresses.len(), map.lines().count(), "{map}");
}

#[test]
fn listings_show_bytecode_intermediate_form_and_machine_code() {
    if !JitMode::AVAILABLE {
        return;
    }
    let folder = Scratch::new();
    folder.write("a.cor", "print(\"ran\");\nfunction twice(int n) {\n    return n * 2;\n}\n");
    let mut command = Command::new(binary::corella());
    command.current_dir(folder.path()).args(["dis", "--jit", "a.cor"]);
    let outcome = child::run(command, "", Duration::from_secs(30)).expect("the program starts");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let listing = outcome.stdout;
    assert!(!listing.contains("\nran\n"), "nothing is run:\n{listing}");
    let (_, twice) = listing.split_once("== twice (a.cor:2)\n").expect("the function's part");
    // In this order, and each with something in it.
    let marks = [
        "function f1 twice(n)",
        "return",
        "-- intermediate form\nfunction u0:",
        "block0",
        "-- machine code, ",
        " bytes\n",
        "block0:",
        "ret",
    ];
    let mut rest = twice;
    for mark in marks {
        let (_, after) = rest.split_once(mark).unwrap_or_else(|| panic!("no `{mark}` in order in:\n{twice}"));
        rest = after;
    }
}

#[test]
fn other_threads_see_what_compiled_code_writes_in_its_order() {
    if !JitMode::AVAILABLE {
        return;
    }
    let folder = Scratch::new();
    let source = "function ints(IntArray xs, int n) { xs[0] = n; }\n\
        function floats(FloatArray xs, float x) { xs[0] = x; }\n\
        function objects(xs, x) { xs[0] = x; }\n\
        function read(IntArray xs) { return xs[0]; }\n\
        function update(IntArray xs) { xs[0] = xs[1]; }\n";
    folder.write("a.cor", source);
    let mut command = Command::new(binary::corella());
    command.current_dir(folder.path()).args(["dis", "--jit", "a.cor"]);
    let outcome = child::run(command, "", Duration::from_secs(30)).expect("the program starts");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    // On x86-64 plain stores and loads do that.
    let weak = !cfg!(target_arch = "x86_64");
    for (name, stores, loads) in
        [("ints", 1, 0), ("floats", 1, 0), ("objects", 1, 0), ("read", 0, 1), ("update", 1, 0)]
    {
        let parts = outcome.stdout.split("\n== ");
        let part = parts.filter(|part| part.starts_with(&format!("{name} (a.cor:"))).collect::<String>();
        let wanted = |count: usize| if weak { count } else { 0 };
        assert_eq!(part.matches("atomic_store").count(), wanted(stores), "{part}");
        assert_eq!(part.matches("atomic_load.i64").count(), wanted(loads), "{part}");
    }
}

#[test]
fn statistics_have_a_line_for_each_function() {
    if !JitMode::AVAILABLE {
        return;
    }
    let folder = Scratch::new();
    folder.write("a.cor", "function twice(n) {\n    return n * 2;\n}\nfor (i in 0..50) twice(i);\n");
    let mut command = Command::new(binary::corella());
    command.current_dir(folder.path()).args(["--jit=always", "--jit-stats", "a.cor"]);
    let outcome = child::run(command, "", Duration::from_secs(30)).expect("the program starts");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""));
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let (head, rest) = lines.split_first().expect("a head");
    let (totals, functions) = rest.split_last().expect("totals");
    assert_eq!(
        head.split_whitespace().collect::<Vec<_>>().join(" "),
        "time ms bytes compiled failures function"
    );
    let twice =
        functions.iter().find(|line| line.ends_with("  twice (a.cor:2)")).expect("the function's line");
    let numbers: Vec<f64> = twice.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [time, bytes, compiled, failures] = numbers[..] else { panic!("{twice}") };
    assert!(time >= 0.0 && bytes > 32.0 && compiled == 1.0 && failures == 0.0, "{twice}");
    let bytes_of_all: f64 =
        functions.iter().filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum();
    let stated = format!("{} functions compiled to {bytes_of_all} bytes of machine code (", functions.len());
    assert!(totals.starts_with(&stated), "{stated} / {totals}");
}
