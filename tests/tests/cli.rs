//! The command line, and how it meets bad input: every refusal has a reason on stderr and the
//! status that `docs/` promises (1 for a program that cannot run, 2 for wrong usage), and nothing
//! makes the program panic or hang.

use corella_tests::child::{self, Outcome};
use corella_tests::{binary, scratch::Scratch};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(binary::corella)
}

fn corella(folder: &Scratch, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(program());
    command.current_dir(folder.path()).args(arguments);
    let outcome = child::run(command, "", Duration::from_secs(30)).expect("the program starts");
    assert!(!outcome.stderr.contains("panicked at"), "{arguments:?} panicked:\n{}", outcome.stderr);
    assert!(outcome.death.is_none(), "{arguments:?}: {:?}\n{}", outcome.death, head(&outcome.stderr));
    outcome
}

fn head(text: &str) -> String {
    text.chars().take(2000).collect()
}

#[track_caller]
fn succeeds(folder: &Scratch, arguments: &[&str], stdout: &str) {
    let outcome = corella(folder, arguments);
    assert_eq!(outcome.status, Some(0), "{}", head(&outcome.stderr));
    assert_eq!(outcome.stdout, stdout);
    assert_eq!(outcome.stderr, "");
}

/// Status `status`, and a reason that contains `fragment`.
#[track_caller]
fn refuses(folder: &Scratch, arguments: &[&str], status: i32, fragment: &str) {
    let outcome = corella(folder, arguments);
    assert_eq!(outcome.status, Some(status), "{}", head(&outcome.stderr));
    assert!(outcome.stderr.contains(fragment), "no `{fragment}` in:\n{}", head(&outcome.stderr));
}

#[test]
fn a_file_is_run_with_and_without_the_word_run() {
    let folder = Scratch::new();
    folder.write("a.cor", "function main(args) { print(args); }");
    succeeds(&folder, &["run", "a.cor", "x", "y"], "[\"x\", \"y\"]\n");
    succeeds(&folder, &["a.cor", "x"], "[\"x\"]\n");
}

#[test]
fn arguments_of_the_script_may_look_like_switches() {
    let folder = Scratch::new();
    folder.write("a.cor", "function main(args) { print(args); }");
    succeeds(&folder, &["run", "a.cor", "--help", "-x"], "[\"--help\", \"-x\"]\n");
}

#[test]
fn code_on_the_command_line() {
    let folder = Scratch::new();
    succeeds(&folder, &["-e", "print(1 + 2);"], "3\n");
    refuses(&folder, &["-e", "print(1 + );"], 1, "expression");
    refuses(&folder, &["-e", "throw new ValueError(\"no\");"], 1, "ValueError: no");
}

#[test]
fn check_compiles_and_does_not_run() {
    let folder = Scratch::new();
    folder.write("good.cor", "print(1);");
    folder.write("bad.cor", "print(missing);");
    let outcome = corella(&folder, &["check", "good.cor"]);
    assert_eq!((outcome.status, outcome.stdout.contains('1')), (Some(0), false));
    refuses(&folder, &["check", "bad.cor"], 1, "missing");
}

#[test]
fn missing_files_are_named() {
    let folder = Scratch::new();
    for command in ["run", "check", "dis", "asm", "compile"] {
        refuses(&folder, &[command, "nowhere.cor"], 1, "nowhere.cor");
    }
}

#[test]
fn a_folder_is_no_script() {
    let folder = Scratch::new();
    std::fs::create_dir(folder.path().join("dir.cor")).unwrap();
    refuses(&folder, &["run", "dir.cor"], 1, "dir.cor");
}

#[test]
fn wrong_usage_has_status_2() {
    let folder = Scratch::new();
    folder.write("a.cor", "print(1);");
    refuses(&folder, &["run", "--no-such-switch", "a.cor"], 2, "--no-such-switch");
    refuses(&folder, &["run"], 2, "");
    refuses(&folder, &["run", "--tick-fuel", "many", "a.cor"], 2, "many");
}

#[test]
fn help_and_version() {
    let folder = Scratch::new();
    assert!(corella(&folder, &["--help"]).stdout.contains("run"));
    assert!(corella(&folder, &["--version"]).stdout.contains("corella"));
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_place() {
    let folder = Scratch::new();
    folder.write("latin.cor", b"print(\"caf\xe9\");\n");
    refuses(&folder, &["run", "latin.cor"], 1, "UTF-8");
    folder.write("zero.cor", [0u8, 255, 254, 1, 2, 3]);
    refuses(&folder, &["run", "zero.cor"], 1, "zero.cor");
}

#[test]
fn an_empty_file_is_a_program() {
    let folder = Scratch::new();
    folder.write("empty.cor", "");
    succeeds(&folder, &["run", "empty.cor"], "");
    folder.write("bom.cor", "\u{feff}print(1);");
    succeeds(&folder, &["run", "bom.cor"], "1\n");
    folder.write("crlf.cor", "print(1);\r\nprint(2);\r\n");
    succeeds(&folder, &["run", "crlf.cor"], "1\n2\n");
}

#[test]
fn a_compiled_file_runs_the_same() {
    let folder = Scratch::new();
    folder.write("a.cor", "class P { int n = 3; }\nfunction f(x) { return x * new P().n; }\nprint(f(4));");
    assert_eq!(corella(&folder, &["compile", "a.cor", "-o", "a.corb"]).status, Some(0));
    succeeds(&folder, &["run", "a.corb"], "12\n");
}

#[test]
fn a_compiled_file_imports_from_its_own_folder() {
    let folder = Scratch::new();
    for name in ["src", "out"] {
        std::fs::create_dir(folder.path().join(name)).expect("a scratch folder can be made");
    }
    folder.write("src/a.cor", "import \"./b\";\nprint(b.N);");
    folder.write("src/b.cor", "export const N = 1;");
    folder.write("out/b.cor", "export const N = 2;");
    assert_eq!(corella(&folder, &["compile", "src/a.cor", "-o", "out/a.corb"]).status, Some(0));
    succeeds(&folder, &["run", "out/a.corb"], "2\n");
}

#[test]
fn errors_of_a_compiled_file_still_name_their_line() {
    let folder = Scratch::new();
    folder.write("a.cor", "\n\nthrow new Error(\"x\");");
    assert_eq!(corella(&folder, &["compile", "a.cor", "-o", "b.corb"]).status, Some(0));
    refuses(&folder, &["run", "b.corb"], 1, "a.cor:3:");
}

#[test]
fn a_damaged_compiled_file_is_refused() {
    let folder = Scratch::new();
    folder.write("a.cor", "var xs = [1, 2, 3];\nfor (x in xs) print(`${x}`);");
    assert_eq!(corella(&folder, &["compile", "a.cor", "-o", "a.corb"]).status, Some(0));
    let whole = folder.read("a.corb");
    for cut in [0, 1, 3, 4, 8, 16, whole.len() / 2, whole.len() - 1] {
        folder.write("cut.corb", &whole[..cut.min(whole.len())]);
        refuses(&folder, &["run", "cut.corb"], 1, "cut.corb");
    }
    let step = (whole.len() / 40).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut hurt = whole.clone();
        hurt[at] ^= 0x55;
        folder.write("hurt.corb", &hurt);
        let outcome = corella(&folder, &["run", "hurt.corb"]);
        assert_eq!(outcome.status, Some(1), "a flipped byte at {at} went unnoticed");
    }
    folder.write("text.corb", "print(1);");
    refuses(&folder, &["run", "text.corb"], 1, "text.corb");
}

#[test]
fn the_text_form_round_trips() {
    let folder = Scratch::new();
    folder.write(
        "a.cor",
        "class P { int n = 2; function f(x) { return `${x}:${self.n}`; } }\n\
         function* g(n) { for (i in 0..n) yield i * 1.5; }\n\
         try { for (x in g(3)) print(new P().f(x)); null.boom; } catch (AttributeError e) { print(\"caught\"); }\n\
         match ([1, \"a\\n\\\"q\"]) { [a, string s] => print(a, s), _ => print(0) }\n",
    );
    let text = corella(&folder, &["dis", "a.cor"]);
    assert_eq!(text.status, Some(0), "{}", text.stderr);
    folder.write("a.casm", &text.stdout);
    let assembled = corella(&folder, &["asm", "a.casm", "-o", "b.corb"]);
    assert_eq!(assembled.status, Some(0), "{}", head(&assembled.stderr));
    let again = corella(&folder, &["dis", "b.corb"]);
    assert_eq!(again.stdout, text.stdout);
    let direct = corella(&folder, &["run", "a.cor"]);
    assert_eq!(corella(&folder, &["run", "b.corb"]).stdout, direct.stdout);
}

#[test]
fn the_assembler_names_the_place_of_an_error() {
    let folder = Scratch::new();
    folder.write("bad.casm", "this is no listing\n");
    refuses(&folder, &["asm", "bad.casm", "-o", "x.corb"], 1, "bad.casm:1:");
}

#[test]
fn output_to_a_closed_pipe_does_not_panic() {
    let folder = Scratch::new();
    folder.write("a.cor", "for (i in 0..100000) print(i);");
    let mut child = Command::new(program())
        .current_dir(folder.path())
        .args(["run", "a.cor"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}
