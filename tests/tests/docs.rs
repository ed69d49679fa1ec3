//! The documents' examples: every ```` ```corella ```` block in `README.md` and `docs/**/*.md` is a
//! program that runs and prints what its `// expect:` comments say. ```` ```corella,check ```` is
//! compiled only (a fragment that waits for input, or needs a host). No other mark is allowed.

use corella_tests::expect::Expectations;
use corella_tests::{binary, child, files, judge};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

struct Block {
    /// The line of the document on which the code begins, from 1.
    line: usize,
    mark: String,
    code: String,
}

fn main() {
    let arguments = Arguments::from_args();
    let root = corella_tests::workspace_root();
    let mut documents = vec![root.join("README.md")];
    documents.extend(files::below(&root.join("docs"), "md"));
    let mut trials = Vec::new();
    for document in documents {
        let Ok(text) = std::fs::read_to_string(&document) else { continue };
        let shown = files::relative(&document, &root);
        for block in blocks(&text) {
            let name = format!("{shown}:{}", block.line);
            let shown = shown.clone();
            trials.push(Trial::test(name, move || run(&shown, &block).map_err(Failed::from)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// The Corella blocks of a document. Fences may be indented (inside lists) and have three or more ticks.
fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let ticks = line.trim_start().chars().take_while(|&tick| tick == '`').count();
        if ticks < 3 {
            continue;
        }
        let info = line.trim_start().trim_start_matches('`').trim();
        let fence = "`".repeat(ticks);
        let mut code = String::new();
        for (_, line) in lines.by_ref() {
            if line.trim() == fence {
                break;
            }
            code.push_str(line.get(indent.min(line.len() - line.trim_start().len())..).unwrap_or(line));
            code.push('\n');
        }
        let (language, mark) = info.split_once(',').unwrap_or((info, ""));
        if language.trim() == "corella" {
            found.push(Block { line: index + 2, mark: mark.trim().to_string(), code });
        }
    }
    found
}

fn run(document: &str, block: &Block) -> Result<(), String> {
    let command = match block.mark.as_str() {
        "" => "run",
        "check" => "check",
        other => return Err(format!("'corella,{other}': a block is run, or marked 'check'; nothing else")),
    };
    let name = format!("{}.cor", document.replace(['/', '.'], "_"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("docs").join(format!("line{}", block.line));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // Blank lines before the code, so that the lines of error messages are those of the document.
    let source = format!("{}{}", "\n".repeat(block.line - 1), block.code);
    std::fs::write(folder.join(&name), &source).map_err(|error| error.to_string())?;

    let expected = Expectations::read(&source)?;
    let mut process = Command::new(program());
    process.current_dir(&folder).arg(command).args(&expected.flags).arg(&name).args(&expected.args);
    let outcome = child::run(process, &expected.stdin, LIMIT).map_err(|error| error.to_string())?;
    if command == "check" && expected.compile_errors.is_empty() {
        return match outcome.status {
            Some(0) => Ok(()),
            _ => Err(format!("{document}:{} does not compile\n{}", block.line, outcome.stderr)),
        };
    }
    judge::judge(&expected, &name, &outcome)
        .map_err(|report| format!("{document}:{}\n{report}\n--- code\n{}", block.line, block.code))
}

fn program() -> &'static Path {
    static PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(binary::corella)
}
