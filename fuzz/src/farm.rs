//! Runs a target for a while: a parent watches a child that does the work, so that a crash or a hang costs one input and is kept.
//!
//! The child tells the number of each input before it tries it. Input `i` of seed `s` depends on nothing else (and the corpus), so the parent
//! can make it again when the child is dead.

use crate::corpus::Corpus;
use crate::{Rng, shrink, trial};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A kind of input, and what must hold for each.
pub trait Target {
    /// Name, as the binary is called.
    const NAME: &'static str;
    /// Ending of the files that findings are kept in.
    const ENDING: &'static str;
    /// How often a finding is tried until it shows again.
    const REPLAYS: u32 = 1;

    /// Makes an input.
    fn make(&self, rng: &mut Rng, corpus: &Corpus) -> Vec<u8>;

    /// Tries it.
    ///
    /// # Errors
    /// What must not happen.
    fn check(&self, input: &[u8]) -> Result<(), String>;
}

/// Inputs that one child tries: then a new one begins, so that what one leaves behind cannot grow for ever unseen.
const INPUTS_PER_CHILD: u64 = 4_000;
/// What a child may have grown by after that many inputs.
const GROWTH: usize = 768 << 20;
/// An input that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Address space of a child; a VM's threads reserve some 30 MiB each.
const ADDRESS_SPACE: usize = 8 << 30;
/// Findings kept of one kind.
const KEPT: u32 = 4;

struct Arguments {
    seconds: u64,
    seed: u64,
    out: PathBuf,
    first: u64,
    replay: Option<PathBuf>,
    shrink: Option<PathBuf>,
    show: Option<u64>,
    child: bool,
}

fn arguments(name: &str) -> Result<Arguments, String> {
    let usage = format!(
        "usage: {name} [--seconds N] [--seed S] [--first I] [--out FOLDER] | --replay FILE | --shrink FILE | --show I"
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut read = Arguments {
        seconds: 60,
        seed: 1,
        out: root.join("findings"),
        first: 0,
        replay: None,
        shrink: None,
        show: None,
        child: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--child" {
            read.child = true;
            continue;
        }
        let value = words.next().ok_or_else(|| usage.clone())?;
        let number =
            || value.parse::<u64>().map_err(|_| format!("{word} wants a number, not `{value}`\n{usage}"));
        match word.as_str() {
            "--seconds" => read.seconds = number()?,
            "--seed" => read.seed = number()?,
            "--first" => read.first = number()?,
            "--show" => read.show = Some(number()?),
            "--out" => read.out = value.into(),
            "--replay" => read.replay = Some(value.into()),
            "--shrink" => read.shrink = Some(value.into()),
            _ => return Err(usage),
        }
    }
    Ok(read)
}

fn input<T: Target>(target: &T, corpus: &Corpus, seed: u64, number: u64) -> Vec<u8> {
    target.make(&mut Rng::new(seed.wrapping_mul(0x1_0000_0001) ^ number.wrapping_mul(0x9E37_79B9)), corpus)
}

/// What a fuzz binary's `main` does.
pub fn main<T: Target>(target: T) -> ExitCode {
    let arguments = match arguments(T::NAME) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    if let Some(file) = &arguments.replay {
        return replay(&target, file);
    }
    if let Some(file) = &arguments.shrink {
        return shrink::file(file);
    }
    let corpus = Corpus::read();
    if let Some(number) = arguments.show {
        let made = input(&target, &corpus, arguments.seed, number);
        let _ = std::io::stdout().write_all(&made);
        return ExitCode::SUCCESS;
    }
    if arguments.child {
        work(&target, &corpus, &arguments);
        return ExitCode::SUCCESS;
    }
    watch(&target, &corpus, &arguments)
}

fn replay<T: Target>(target: &T, file: &Path) -> ExitCode {
    die_of_panics();
    let input = match std::fs::read(file) {
        Ok(input) => input,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::from(2);
        }
    };
    match (0..T::REPLAYS).try_for_each(|_| judged(target, &input)) {
        Ok(()) => {
            println!("nothing found");
            ExitCode::SUCCESS
        }
        Err(what) => {
            println!("{what}");
            ExitCode::FAILURE
        }
    }
}

/// The target's own judgement, and that memory did not grow beyond what the input's VM may take.
fn judged<T: Target>(target: &T, input: &[u8]) -> Result<(), String> {
    trial::forget_peak();
    let (_, before) = trial::memory();
    target.check(input)?;
    let (peak, _) = trial::memory();
    let grown = peak.saturating_sub(before);
    if grown > trial::MEMORY + trial::MEMORY_BESIDES {
        return Err(format!("memory: it took {} MiB", grown >> 20));
    }
    Ok(())
}

/// A panic is a finding even where somebody catches it, as the VM does while it compiles.
fn die_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("panic: {panic}");
        std::process::abort();
    }));
}

/// The child.
fn work<T: Target>(target: &T, corpus: &Corpus, arguments: &Arguments) {
    die_of_panics();
    let mut stdout = std::io::stdout();
    let (_, at_start) = trial::memory();
    for number in arguments.first..arguments.first + INPUTS_PER_CHILD {
        let made = input(target, corpus, arguments.seed, number);
        if stdout.write_all(&number.to_le_bytes()).and_then(|()| stdout.flush()).is_err() {
            return;
        }
        if let Err(what) = judged(target, &made) {
            eprintln!("finding: {what}");
            std::process::exit(3);
        }
    }
    let (_, at_end) = trial::memory();
    if at_end > at_start + GROWTH {
        eprintln!("finding: {} inputs left {} MiB behind", INPUTS_PER_CHILD, (at_end - at_start) >> 20);
        std::process::exit(3);
    }
}

/// How a child came to its end.
struct End {
    /// The last input that it began.
    last: Option<u64>,
    /// What was found, if it did not end by itself.
    finding: Option<String>,
    /// How long an input took at most, and which.
    slowest: (Duration, u64),
}

fn spawn(arguments: &Arguments, first: u64) -> std::io::Result<Child> {
    // What asks for more than this has outgrown every limit.
    Command::new("sh")
        .args(["-c", &format!("ulimit -v {} 2>/dev/null; exec \"$0\" \"$@\"", ADDRESS_SPACE >> 10)])
        .arg(std::env::current_exe()?)
        .args(["--child", "--seed", &arguments.seed.to_string(), "--first", &first.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// The last thing a child says that is worth telling.
fn last_words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let marks = ["panic: ", "finding: ", "fatal runtime error", "memory allocation of"];
    let lines: Vec<&str> = text.lines().collect();
    match lines.iter().rposition(|line| marks.iter().any(|mark| line.starts_with(mark))) {
        Some(at) => lines[at..lines.len().min(at + 4)].join(" | "),
        None => String::new(),
    }
}

fn follow(mut child: Child, end: Instant) -> End {
    let (tell, hear) = mpsc::channel();
    let mut stdout = child.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || {
        let mut number = [0; 8];
        while stdout.read_exact(&mut number).is_ok() {
            if tell.send(u64::from_le_bytes(number)).is_err() {
                break;
            }
        }
    });
    let mut stderr = child.stderr.take().expect("piped");
    let words = std::thread::spawn(move || {
        // Scripts' uncaught errors come here too: only the end is kept.
        let (mut kept, mut piece) = (Vec::new(), [0; 8192]);
        while let Ok(count @ 1..) = stderr.read(&mut piece) {
            kept.extend_from_slice(&piece[..count]);
            if kept.len() > 1 << 20 {
                kept.drain(..kept.len() - (1 << 16));
            }
        }
        kept
    });
    let mut last = None;
    let (mut slowest, mut begun) = ((Duration::ZERO, 0), Instant::now());
    let mut hangs = false;
    let mut over = false;
    loop {
        match hear.recv_timeout(PATIENCE) {
            Ok(number) => {
                slowest = slowest.max((begun.elapsed(), last.unwrap_or(number)));
                begun = Instant::now();
                last = Some(number);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => hangs = true,
        }
        over = Instant::now() >= end;
        if hangs || over {
            let _ = child.kill();
            break;
        }
    }
    let status = child.wait();
    let _ = reader.join();
    let said = last_words(&words.join().unwrap_or_default());
    let finding = match status {
        _ if hangs => Some(format!("hangs: no end after {} s", PATIENCE.as_secs())),
        _ if over => None,
        Ok(status) if status.success() => None,
        Ok(status) if said.is_empty() => Some(format!("dies: {status}")),
        Ok(_) => Some(said),
        Err(error) => Some(error.to_string()),
    };
    End { last, finding, slowest }
}

/// The parent.
fn watch<T: Target>(target: &T, corpus: &Corpus, arguments: &Arguments) -> ExitCode {
    let begin = Instant::now();
    let end = begin + Duration::from_secs(arguments.seconds);
    let (mut next, mut found) = (arguments.first, 0);
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    let mut slowest = (Duration::ZERO, 0);
    while Instant::now() < end {
        let child = match spawn(arguments, next) {
            Ok(child) => child,
            Err(error) => {
                eprintln!("cannot start the worker: {error}");
                return ExitCode::from(2);
            }
        };
        let ending = follow(child, end);
        slowest = slowest.max(ending.slowest);
        next = ending.last.map_or(next, |last| last + 1);
        let Some(finding) = ending.finding else { continue };
        found += 1;
        let number = ending.last.unwrap_or(next);
        // Numbers and quoted text differ from case to case of one kind.
        let kind: String = finding.chars().filter(|c| !c.is_ascii_digit()).take(100).collect();
        let count = kinds.entry(kind).or_default();
        *count += 1;
        if *count > KEPT {
            continue;
        }
        let file = arguments.out.join(format!("{}-{}-{number}.{}", T::NAME, arguments.seed, T::ENDING));
        let made = input(target, corpus, arguments.seed, number);
        match std::fs::create_dir_all(&arguments.out).and_then(|()| std::fs::write(&file, made)) {
            Ok(()) => println!(
                "{finding}\n  input {number} of seed {}; again: {} --replay {}",
                arguments.seed,
                T::NAME,
                file.display()
            ),
            Err(error) => println!("{finding}\n  input {number} of seed {} ({error})", arguments.seed),
        }
    }
    let tried = next - arguments.first;
    println!(
        "{}: seed {}, {tried} inputs in {} s, {found} findings; the slowest, input {}, took {:?}",
        T::NAME,
        arguments.seed,
        begin.elapsed().as_secs(),
        slowest.1,
        slowest.0
    );
    if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
