//! What the command line means.
//!
//! `corella FILE` and `corella -e CODE` are short for `run`; whatever follows the file belongs to the script.

use clap::builder::styling::Styles;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// The whole command line.
pub(crate) struct Arguments {
    pub(crate) settings: Settings,
    pub(crate) command: Command,
}

/// Switches that concern every run.
#[derive(Default, Clone)]
pub(crate) struct Settings {
    pub(crate) tick: Option<corella::Tick>,
    /// Seed of a run that can be repeated.
    pub(crate) seed: Option<u64>,
    pub(crate) jit: corella::JitMode,
    pub(crate) jit_threshold: Option<u32>,
    pub(crate) jit_stats: bool,
    pub(crate) perf_map: bool,
    pub(crate) gdb_jit: bool,
    pub(crate) gc_stress: bool,
    pub(crate) verify_heap: bool,
    pub(crate) memory: Option<usize>,
    pub(crate) fuel: Option<u64>,
    pub(crate) stack: Option<usize>,
    pub(crate) tasks: Option<usize>,
    pub(crate) threads: Option<usize>,
}

/// What is to be done.
pub(crate) enum Command {
    Run { file: PathBuf, args: Vec<String> },
    Eval { code: String, args: Vec<String> },
    Stdin { args: Vec<String> },
    Prompt,
    Check { files: Vec<PathBuf> },
    Dis { file: PathBuf, jit: bool },
    Asm { file: PathBuf, output: Option<PathBuf> },
    Compile { file: PathBuf, output: Option<PathBuf> },
}

/// Reads the command line.
///
/// # Errors
/// Wrong usage, or a wish for help or the version; the error knows how to end the program.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let mut program = program();
    let matches = program.try_get_matches_from_mut(words)?;
    let (name, inner) = match matches.subcommand() {
        Some((name, inner)) => (name, inner),
        None => ("", &matches),
    };
    let settings = settings(&matches, inner, &mut program)?;
    let file = || inner.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    let output = || inner.get_one::<PathBuf>("output").cloned();
    let command = match name {
        "run" => {
            let mut words = inner.get_many::<OsString>("script").into_iter().flatten();
            let file = words.next().map(PathBuf::from).unwrap_or_default();
            Command::Run { file, args: texts(words) }
        }
        "check" => Command::Check {
            files: inner.get_many::<PathBuf>("files").into_iter().flatten().cloned().collect(),
        },
        "dis" => Command::Dis { file: file(), jit: inner.get_flag("jit") },
        "asm" => Command::Asm { file: file(), output: output() },
        "compile" => Command::Compile { file: file(), output: output() },
        "repl" => Command::Prompt,
        // No subcommand: the first word is the script's file.
        file => {
            if let Some(code) = matches.get_one::<String>("code") {
                let mut args: Vec<String> = Vec::new();
                if !file.is_empty() {
                    args.push(file.to_owned());
                    args.extend(texts(inner.get_many::<OsString>("").into_iter().flatten()));
                }
                Command::Eval { code: code.clone(), args }
            } else if file == "-" {
                Command::Stdin { args: texts(inner.get_many::<OsString>("").into_iter().flatten()) }
            } else if !file.is_empty() {
                let args = texts(inner.get_many::<OsString>("").into_iter().flatten());
                Command::Run { file: PathBuf::from(file), args }
            } else if std::io::stdin().is_terminal() {
                Command::Prompt
            } else {
                Command::Stdin { args: Vec::new() }
            }
        }
    };
    Ok(Arguments { settings, command })
}

fn texts<'a>(words: impl Iterator<Item = &'a OsString>) -> Vec<String> {
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

fn program() -> clap::Command {
    fn file(help: &'static str) -> Arg {
        Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help(help)
    }
    fn output(help: &'static str) -> Arg {
        Arg::new("output").short('o').value_name("OUT").value_parser(value_parser!(PathBuf)).help(help)
    }
    // The switches of a command are made when it is the one that is asked for.
    let command = |name: &'static str, about: &'static str, rest: fn(clap::Command) -> clap::Command| {
        clap::Command::new(name).about(about).styles(Styles::plain()).defer(rest)
    };
    clap::Command::new("corella")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The Corella language: runs FILE, or the code given with -e, or shows a prompt")
        .override_usage(
            "corella [SWITCHES] FILE [ARGS]...\n       corella [SWITCHES] -e CODE [ARGS]...\n       corella <COMMAND> ...",
        )
        .styles(Styles::plain())
        .allow_external_subcommands(true)
        .arg(Arg::new("code").short('e').value_name("CODE").allow_hyphen_values(true).help("runs CODE"))
        .args(switches())
        .subcommand(command("run", "Compiles and runs a script", |command| {
            command.args(switches()).arg(
                Arg::new("script")
                    .value_name("FILE [ARGS]")
                    .required(true)
                    .num_args(1..)
                    .trailing_var_arg(true)
                    .value_parser(value_parser!(OsString))
                    .help("the script (.cor or .corb), and what goes to its main"),
            )
        }))
        .subcommand(command("check", "Compiles only, and reports what is wrong", |command| {
            command.args(switches()).arg(
                Arg::new("files")
                    .value_name("FILE")
                    .required(true)
                    .num_args(1..)
                    .value_parser(value_parser!(PathBuf))
                    .help("the scripts"),
            )
        }))
        .subcommand(command("dis", "Prints the bytecode of a script as text", |command| {
            command
                // Here the switch has a meaning of its own.
                .args(switches().into_iter().filter(|switch| switch.get_id() != "jit"))
                .arg(
                    Arg::new("jit")
                        .long("jit")
                        .action(ArgAction::SetTrue)
                        .help("after each function, what it is compiled to: intermediate form and machine code"),
                )
                .arg(file("a .cor or .corb file"))
        }))
        .subcommand(command("asm", "Makes bytecode of such a text", |command| {
            command
                .args(switches())
                .arg(file("the text"))
                .arg(output("the .corb file to write; FILE with that ending unless given"))
        }))
        .subcommand(command("compile", "Writes the bytecode of a script", |command| {
            command
                .args(switches())
                .arg(file("the script"))
                .arg(output("the .corb file to write; FILE with that ending unless given"))
        }))
        .subcommand(command("repl", "Shows a prompt (so does corella alone)", |command| command.args(switches())))
}

fn switches() -> Vec<Arg> {
    let number = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(value_parser!(u64)).help(help)
    };
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    vec![
        number("tick-fuel", "N", "a task gives way after N units of work: repeatable"),
        number(
            "seed",
            "N",
            "a run that can be repeated: ticks and threads interleave as N says, one thread at a time",
        ),
        number("tick-time", "US", "a task gives way after this many microseconds"),
        flag("switch-always", "a task gives way at every safepoint"),
        Arg::new("jit")
            .long("jit")
            .value_name("WHEN")
            .value_parser(["off", "auto", "always"])
            .help("compiles functions to machine code: never, when they are hot (the default), or at their first call"),
        number("jit-threshold", "N", "calls and turns of loops after which a function is hot"),
        flag("jit-stats", "says at the end what was compiled to machine code, function by function"),
        flag("perf-map", "writes the names of compiled functions to /tmp/perf-PID.map, for perf"),
        flag("gdb-jit", "registers compiled functions with gdb"),
        flag("gc-stress", "collects garbage at every safepoint"),
        flag("verify-heap", "checks the heap after each collection"),
        Arg::new("max-memory")
            .long("max-memory")
            .alias("memory-limit")
            .value_name("BYTES")
            .value_parser(bytes)
            .help("most bytes of all heaps; K, M and G are understood"),
        number("max-fuel", "N", "most units of work in all").alias("fuel"),
        number("max-depth", "N", "most words of frames of one task").alias("stack-limit"),
        number("max-tasks", "N", "most living tasks of a thread"),
        number("max-threads", "N", "most threads"),
    ]
}

fn bytes(text: &str) -> Result<usize, String> {
    let (digits, factor) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1usize),
    };
    digits
        .parse()
        .ok()
        .and_then(|number: usize| number.checked_mul(factor))
        .ok_or_else(|| "a number of bytes, such as 5000000, 512K, 64M or 2G".into())
}

/// The switches before the command and those after it.
fn settings(
    outer: &ArgMatches,
    inner: &ArgMatches,
    program: &mut clap::Command,
) -> Result<Settings, clap::Error> {
    fn of<T: Clone + Send + Sync + 'static>(outer: &ArgMatches, inner: &ArgMatches, name: &str) -> Option<T> {
        let given = inner.try_get_one::<T>(name).ok().flatten();
        given.or_else(|| outer.get_one::<T>(name)).cloned()
    }
    let number = |name: &str| of::<u64>(outer, inner, name);
    let flag = |name: &str| {
        outer.get_flag(name) || inner.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or_default()
    };
    let size = |name: &str| number(name).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let ticks = [
        number("tick-fuel").map(|n| corella::Tick::Fuel(n.max(1))),
        number("tick-time").map(|n| corella::Tick::Time(n.saturating_mul(1000).max(1))),
        flag("switch-always").then_some(corella::Tick::Always),
    ];
    let mut ticks = ticks.into_iter().flatten();
    let tick = ticks.next();
    if ticks.next().is_some() {
        return Err(program.error(
            clap::error::ErrorKind::ArgumentConflict,
            "--tick-fuel, --tick-time and --switch-always exclude each other",
        ));
    }
    Ok(Settings {
        tick,
        seed: number("seed"),
        jit: match of::<String>(outer, inner, "jit").as_deref() {
            Some("off") => corella::JitMode::Off,
            Some("always") => corella::JitMode::Always,
            _ => corella::JitMode::Auto,
        },
        jit_threshold: number("jit-threshold").map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        jit_stats: flag("jit-stats"),
        perf_map: flag("perf-map"),
        gdb_jit: flag("gdb-jit"),
        gc_stress: flag("gc-stress"),
        verify_heap: flag("verify-heap"),
        memory: of::<usize>(outer, inner, "max-memory"),
        fuel: number("max-fuel"),
        stack: size("max-depth"),
        tasks: size("max-tasks"),
        threads: size("max-threads"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Arguments, clap::Error> {
        parse(std::iter::once("corella").chain(words.iter().copied()).map(OsString::from))
    }

    #[test]
    fn what_follows_the_file_belongs_to_the_script() {
        for words in
            [&["run", "--gc-stress", "a.cor", "--help", "-x"][..], &["--gc-stress", "a.cor", "--help", "-x"]]
        {
            let read = read(words).unwrap();
            assert!(read.settings.gc_stress, "{words:?}");
            let Command::Run { file, args } = read.command else { panic!("{words:?}") };
            assert_eq!(
                (file.to_str(), args.as_slice()),
                (Some("a.cor"), &["--help".to_string(), "-x".into()][..])
            );
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("64M"), Ok(64 << 20));
        assert_eq!(bytes("7"), Ok(7));
        assert!(bytes("M").is_err() && bytes("-1").is_err() && bytes("99999999999G").is_err());
    }

    #[test]
    fn wrong_usage_is_refused() {
        for words in [
            &["run"][..],
            &["run", "--no-such-switch", "a.cor"],
            &["run", "--tick-fuel", "many", "a.cor"],
            &["run", "--tick-fuel", "1", "--switch-always", "a.cor"],
            &["check"],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
    }
}
