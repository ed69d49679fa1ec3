//! How fast source is compiled: the same 40,000 lines in each language, compiled but not run, less the time for an empty file.
//! Node is not among them: it leaves functions uncompiled until they are called.

use crate::Options;
use crate::peers::Peers;
use crate::run::{self, Invocation};
use crate::stats::median;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Lines per second of one language.
#[derive(Debug)]
pub struct Speed {
    pub label: &'static str,
    pub how: &'static str,
    pub lines: usize,
    pub lines_per_second: Option<f64>,
    pub fault: Option<String>,
}

const CORELLA: &str = "function step@(int n, items) {
    int total = 0;
    for (i in 0..n) {
        if (i % 3 == 0) total += i * 2;
        else if (i % 5 == 0) total -= items.length;
        else total += items[i % 4];
    }
    var text = `step ${total}`;
    if (total > 100 && n < 50) return text;
    return text + \"!\";
}
";

const LUA: &str = "function step@(n, items)
  local total = 0
  for i = 0, n - 1 do
    if i % 3 == 0 then total = total + i * 2
    elseif i % 5 == 0 then total = total - #items
    else total = total + items[i % 4 + 1] end
  end
  local text = 'step ' .. total
  if total > 100 and n < 50 then return text end
  return text .. '!'
end
";

const PYTHON: &str = "def step@(n, items):
    total = 0
    for i in range(n):
        if i % 3 == 0:
            total += i * 2
        elif i % 5 == 0:
            total -= len(items)
        else:
            total += items[i % 4]
    text = f'step {total}'
    return text if total > 100 and n < 50 else text + '!'
";

/// Rhai and Rune write this alike.
const RHAI_AND_RUNE: &str = "fn step@(n, items) {
    let total = 0;
    for i in 0..n {
        if i % 3 == 0 { total += i * 2; }
        else if i % 5 == 0 { total -= items.len(); }
        else { total += items[i % 4]; }
    }
    let text = `step ${total}`;
    if total > 100 && n < 50 { return text; }
    text + \"!\"
}
";

struct Language {
    label: &'static str,
    how: &'static str,
    tool: &'static str,
    extension: &'static str,
    function: &'static str,
    /// Arguments; `@` is the file.
    arguments: &'static [&'static str],
}

const LANGUAGES: &[Language] = &[
    Language {
        label: "Corella",
        how: "`corella check`: parsing, names, types, bytecode",
        tool: "corella",
        extension: "cor",
        function: CORELLA,
        arguments: &["check", "@"],
    },
    Language {
        label: "Lua 5.4",
        how: "`loadfile`",
        tool: "lua",
        extension: "lua",
        function: LUA,
        arguments: &["-e", "assert(loadfile('@'))"],
    },
    Language {
        label: "LuaJIT",
        how: "`loadfile`",
        tool: "luajit",
        extension: "lua",
        function: LUA,
        arguments: &["-e", "assert(loadfile('@'))"],
    },
    Language {
        label: "Python",
        how: "`compile`",
        tool: "python",
        extension: "py",
        function: PYTHON,
        arguments: &["-I", "-c", "compile(open('@').read(), '@', 'exec')"],
    },
    Language {
        label: "Rhai",
        how: "`Engine::compile_file`: a tree",
        tool: "rhai",
        extension: "rhai",
        function: RHAI_AND_RUNE,
        arguments: &["rhai", "check", "@"],
    },
    Language {
        label: "Rune",
        how: "`rune::prepare`",
        tool: "rune",
        extension: "rn",
        function: RHAI_AND_RUNE,
        arguments: &["rune", "check", "@"],
    },
];

/// Measures every language found.
pub fn measure(benches: &Path, peers: &Peers, options: &Options) -> Result<Vec<Speed>, String> {
    if !options.wants("compile", "compile") {
        return Ok(Vec::new());
    }
    let folder = benches.join("compare/target/peers");
    let functions = if options.quick { 100 } else { 4000 };
    let mut work = Vec::new();
    for language in LANGUAGES {
        let Some(program) = peers.program(language.tool) else { continue };
        let long = folder.join(format!("long.{}", language.extension));
        let empty = folder.join(format!("empty.{}", language.extension));
        let mut text = String::new();
        for k in 0..functions {
            let _ = writeln!(text, "{}", language.function.replacen('@', &k.to_string(), 1));
        }
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        std::fs::write(&long, text).map_err(|e| e.to_string())?;
        std::fs::write(&empty, "").map_err(|e| e.to_string())?;
        let command = |file: &PathBuf| Invocation {
            program: program.clone(),
            arguments: language
                .arguments
                .iter()
                .map(|a| a.replace('@', &file.to_string_lossy()).into())
                .collect(),
            environment: Vec::new(),
            folder: folder.clone(),
        };
        let speed =
            Speed { label: language.label, how: language.how, lines, lines_per_second: None, fault: None };
        work.push((speed, command(&long), command(&empty), Vec::new()));
    }
    eprint!("{:<14}", "compile");
    for _ in 0..options.runs() {
        for (speed, long, empty, seconds) in work.iter_mut().filter(|(speed, ..)| speed.fault.is_none()) {
            match run::run(long).and_then(|long| Ok((long, run::run(empty)?))) {
                Ok((long, empty)) => seconds.push((long.seconds - empty.seconds).max(1e-6)),
                Err(fault) => speed.fault = Some(fault),
            }
        }
        eprint!(".");
    }
    eprintln!();
    Ok(work
        .into_iter()
        .map(|(speed, _, _, seconds)| Speed {
            lines_per_second: (speed.fault.is_none()).then(|| speed.lines as f64 / median(&seconds)),
            ..speed
        })
        .collect())
}
