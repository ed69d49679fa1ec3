//! The languages on this machine, and how each runs a program. What is absent is noted and left out.

use crate::run::Invocation;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The sequential systems, in the order of the table: key and title.
pub const SYSTEMS: &[(&str, &str)] = &[
    ("corella", "Corella"),
    ("corella-interpreted", "Corella --jit=off"),
    ("lua", "Lua 5.4"),
    ("luajit-joff", "LuaJIT -joff"),
    ("luajit", "LuaJIT"),
    ("node", "Node"),
    ("python", "Python"),
    ("rhai", "Rhai"),
    ("rune", "Rune"),
];

/// A tool that was found.
#[derive(Clone, Debug)]
struct Tool {
    program: PathBuf,
    version: String,
}

/// Everything that was found.
pub struct Peers {
    tools: BTreeMap<&'static str, Tool>,
    /// Where Go and Erlang programs were built.
    built: PathBuf,
    /// What is left out, and why.
    pub notes: Vec<String>,
}

impl Peers {
    /// Looks for every peer and builds the programs that need it.
    pub fn find(root: &Path, corella: Option<&Path>) -> Result<Peers, String> {
        let built = root.join("benches/compare/target/peers");
        std::fs::create_dir_all(&built).map_err(|e| format!("{}: {e}", built.display()))?;
        let mut peers = Peers { tools: BTreeMap::new(), built, notes: Vec::new() };
        let corella = match corella {
            Some(path) => path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?,
            None => build_corella(root)?,
        };
        let version = output(&corella, &["--version"]).ok_or("corella --version gives nothing")?;
        peers.tools.insert("corella", Tool { program: corella, version });
        peers.add("lua", "lua5.4", &["-v"]);
        peers.add("luajit", "luajit", &["-v"]);
        peers.add("node", "node", &["--version"]);
        // The real program instead of a wrapper that chooses one at each start.
        let python = output(Path::new("python3"), &["-c", "import sys; print(sys.executable)"]);
        peers.add("python", python.as_deref().unwrap_or("python3"), &["--version"]);
        match peers.tools.get("python").cloned() {
            Some(tool) if output(&tool.program, &["-c", "import greenlet; print(1)"]).is_some() => {
                peers.tools.insert("greenlet", tool);
            }
            _ => peers.notes.push("Python's greenlet is not installed".into()),
        }
        peers.add_rust_peers();
        peers.add("go", "go", &["version"]);
        peers.add(
            "erlang",
            "erl",
            &["-noshell", "-eval", "io:put_chars(erlang:system_info(otp_release)), halt()."],
        );
        peers.build_go(&root.join("benches/peers/concurrency/go"));
        peers.build_erlang(&root.join("benches/peers/concurrency/erlang"));
        Ok(peers)
    }

    fn add(&mut self, key: &'static str, program: &str, version: &[&str]) {
        match output(Path::new(program), version) {
            Some(version) => {
                self.tools.insert(key, Tool { program: program.into(), version });
            }
            None => self.notes.push(format!("{program} was not found on this machine")),
        }
    }

    fn add_rust_peers(&mut self) {
        let beside = std::env::current_exe().ok().map(|own| own.with_file_name("rust-peers"));
        match beside.and_then(|program| Some((output(&program, &["versions"])?, program))) {
            Some((versions, program)) => {
                for (key, version) in ["rhai", "rune"].into_iter().zip(versions.split(',')) {
                    self.tools.insert(key, Tool { program: program.clone(), version: version.trim().into() });
                }
            }
            None => self.notes.push("Rhai and Rune: the program rust-peers was not built".into()),
        }
    }

    fn build_go(&mut self, sources: &Path) {
        let Some(go) = self.tools.get("go").cloned() else { return };
        for source in files(sources, "go") {
            let target = self.built.join(source.file_stem().unwrap_or_default());
            let built = Command::new(&go.program)
                .args(["build", "-o"])
                .args([&target, &source])
                .env("GO111MODULE", "off")
                .output();
            if !built.is_ok_and(|built| built.status.success()) {
                self.notes.push(format!("Go: {} could not be built", name(&source)));
            }
        }
    }

    fn build_erlang(&mut self, sources: &Path) {
        if !self.tools.contains_key("erlang") {
            return;
        }
        for source in files(sources, "erl") {
            let built = Command::new("erlc").arg("-o").args([&self.built, &source]).output();
            if !built.is_ok_and(|built| built.status.success()) {
                self.notes.push(format!("Erlang: {} could not be compiled", name(&source)));
            }
        }
    }

    /// Builds the program that repeats others in one process, from this repository.
    pub fn build_warm(root: &Path) -> Result<PathBuf, String> {
        let compare = root.join("benches/compare");
        eprintln!("building what embeds corella");
        let built = Command::new("cargo")
            .args(["build", "--release", "--quiet", "--bin", "warm"])
            .current_dir(&compare)
            .status();
        match built {
            Ok(status) if status.success() => Ok(compare.join("target/release/warm")),
            _ => Err("the program warm could not be built".into()),
        }
    }

    /// Names and versions, for the report.
    pub fn versions(&self) -> Vec<String> {
        self.tools
            .iter()
            .filter(|(key, _)| **key != "greenlet")
            .map(|(key, tool)| match *key {
                "lua" | "luajit" => tool
                    .version
                    .split("Copyright")
                    .next()
                    .unwrap_or_default()
                    .trim_end_matches([' ', '-'])
                    .to_owned(),
                "node" => format!("Node {}", tool.version.trim_start_matches('v')),
                "erlang" => format!("Erlang/OTP {}", tool.version),
                "rhai" | "rune" => {
                    let mut version = tool.version.clone();
                    version[..1].make_ascii_uppercase();
                    version
                }
                "go" => tool
                    .version
                    .replace("go version go", "Go ")
                    .split(' ')
                    .take(2)
                    .collect::<Vec<_>>()
                    .join(" "),
                "corella" => tool.version.replacen('c', "C", 1),
                _ => tool.version.clone(),
            })
            .collect()
    }

    /// The program of a tool.
    pub fn program(&self, key: &str) -> Option<PathBuf> {
        self.tools.get(key).map(|tool| tool.program.clone())
    }

    /// How a system runs a sequential program, if it is there and has the program. The folder is `benches/`.
    pub fn sequential(
        &self,
        benches: &Path,
        system: &str,
        program: &str,
        arguments: &[String],
    ) -> Option<Invocation> {
        let (tool, extension, before): (&str, &str, &[&str]) = match system {
            "corella" => ("corella", "cor", &["run"]),
            "corella-interpreted" => ("corella", "cor", &["run", "--jit=off"]),
            "lua" => ("lua", "lua", &[]),
            "luajit" => ("luajit", "lua", &[]),
            "luajit-joff" => ("luajit", "lua", &["-joff"]),
            "node" => ("node", "js", &[]),
            "python" => ("python", "py", &[]),
            "rhai" => ("rhai", "rhai", &["rhai"]),
            "rune" => ("rune", "rn", &["rune"]),
            _ => return None,
        };
        let home = if tool == "corella" { "programs" } else { "peers" };
        let file = format!("{home}/sequential/{program}.{extension}");
        if !benches.join(&file).exists() {
            return None;
        }
        let words =
            before.iter().map(|word| (*word).to_owned()).chain([file]).chain(arguments.iter().cloned());
        Some(invocation(self.program(tool)?, words, benches))
    }

    /// How a sequential program is repeated in one process of a peer, for so many seconds and at least so many times.
    pub fn repeated(
        &self,
        benches: &Path,
        system: &str,
        program: &str,
        plan: (f64, usize),
        arguments: &[String],
    ) -> Option<Invocation> {
        let extension = match system {
            "luajit" => "lua",
            "node" => "js",
            _ => return None,
        };
        let words = [
            format!("peers/warm.{extension}"),
            format!("peers/sequential/{program}.{extension}"),
            plan.0.to_string(),
            plan.1.to_string(),
        ];
        let words = words.into_iter().chain(arguments.iter().cloned());
        Some(invocation(self.program(system)?, words, benches))
    }

    /// How a measure of concurrency is run: `runner` is a tool and perhaps a number of threads.
    pub fn concurrency(&self, benches: &Path, runner: &str, arguments: &[String]) -> Option<Invocation> {
        let (tool, threads) = runner.split_once(':').unwrap_or((runner, "1"));
        let program = self.program(tool)?;
        let (first, rest) = arguments.split_first()?;
        let script = |folder: &str| format!("{folder}/{first}");
        let with = |before: Vec<String>| {
            invocation(program.clone(), before.into_iter().chain(rest.iter().cloned()), benches)
        };
        Some(match tool {
            "corella" => with(vec!["run".into(), script("programs/concurrency")]),
            "lua" | "luajit" => with(vec![script("peers/concurrency/lua")]),
            "node" => with(vec!["--max-old-space-size=8192".into(), script("peers/concurrency/node")]),
            "python" | "greenlet" => with(vec![script("peers/concurrency/python")]),
            "go" => {
                let mut invocation = invocation(self.built.join(first), rest.iter().cloned(), benches);
                invocation.environment.push(("GOMAXPROCS", threads.to_owned()));
                invocation
            }
            "erlang" => {
                let (module, command) =
                    if first == "hello" { ("hello", None) } else { ("conc", Some(first)) };
                let flags =
                    ["-noshell", "+S", threads, "+P", "4000000", "+hmqd", "off_heap", "-run", module, "main"];
                let words = flags
                    .iter()
                    .map(|word| (*word).to_owned())
                    .chain(command.cloned())
                    .chain(rest.iter().cloned());
                invocation(program.clone(), words, &self.built)
            }
            _ => return None,
        })
    }
}

/// A command line without anything in its environment.
pub fn invocation(program: PathBuf, words: impl Iterator<Item = String>, folder: &Path) -> Invocation {
    Invocation {
        program,
        arguments: words.map(OsString::from).collect(),
        environment: Vec::new(),
        folder: folder.to_owned(),
    }
}

/// The first line that a program prints, on stdout or (`lua -v`) stderr, if it runs at all.
fn output(program: &Path, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().map(|line| line.trim().to_owned())
}

fn build_corella(root: &Path) -> Result<PathBuf, String> {
    eprintln!("building corella");
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--package", "corella-repl", "--bin", "corella"])
        .current_dir(root)
        .status();
    match built {
        Ok(status) if status.success() => Ok(root.join("target/release/corella")),
        _ => Err("corella could not be built; or give one: --corella PATH".into()),
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
