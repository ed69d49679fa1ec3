//! Running one program once: its output, its time, its peak memory.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longer than any program needs; what runs longer is ended.
const LIMIT: Duration = Duration::from_secs(120);

/// A command line, with what is to be set in its environment.
#[derive(Clone, Debug)]
pub struct Invocation {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub environment: Vec<(&'static str, String)>,
    pub folder: PathBuf,
}

/// What one run gave.
#[derive(Clone, Debug)]
pub struct Run {
    pub stdout: String,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_bytes: f64,
}

impl Run {
    /// The number after `key=` in the output, or one of the process's own: `wall_ms`, `cpu_ms`, `rss_MB`.
    pub fn field(&self, key: &str) -> Option<f64> {
        match key {
            "wall_ms" => Some(self.seconds * 1e3),
            "cpu_ms" => Some(self.cpu_seconds * 1e3),
            "rss_MB" => Some(self.peak_bytes / 1e6),
            _ => self.word(key)?.parse().ok(),
        }
    }

    /// The text after `key=` in the output, up to white space.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.stdout.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Runs it to its end. An exit status other than 0 is an error, which quotes the last line of stderr.
pub fn run(invocation: &Invocation) -> Result<Run, String> {
    let mut command = Command::new(&invocation.program);
    command.args(&invocation.arguments).current_dir(&invocation.folder);
    command.envs(invocation.environment.iter().map(|(key, value)| (key, value)));
    // SAFETY: the closure does nothing. Its presence makes the child a fork: a child that borrows this process's memory until
    // it has its own program would count that memory in its peak.
    unsafe { command.pre_exec(|| Ok(())) };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let pid = child.id() as libc::pid_t;
    let mut stdout = child.stdout.take().ok_or("no stdout")?;
    let mut stderr = child.stderr.take().ok_or("no stderr")?;
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let (ended, watched) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if watched.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            // SAFETY: the child is reaped only after this thread was told to end, so the number still names it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    });
    let mut text = Vec::new();
    let _ = stdout.read_to_end(&mut text);
    // The watchdog ends before the child is reaped: it may only wait here for a child that closed its output but runs on.
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // WNOWAIT leaves the child to be reaped by wait4, which tells what it used.
    // SAFETY: all-zero bytes are a valid `siginfo_t`, and the pointer to it is good for the call.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, libc::WEXITED | libc::WNOWAIT);
    }
    let seconds = started.elapsed().as_secs_f64();
    let _ = ended.send(());
    let _ = watchdog.join();
    // SAFETY: the child was not reaped; both pointers are good for the call.
    let reaped = unsafe { libc::wait4(pid, &mut status, 0, &mut usage) };
    let errors = errors.join().unwrap_or_default();
    if reaped != pid {
        return Err("the child could not be waited for".into());
    }
    if !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0 {
        let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message").trim();
        let how = if libc::WIFEXITED(status) { "failed" } else { "was ended by a signal (or by the limit)" };
        return Err(format!("{how}: {last}"));
    }
    let time = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    Ok(Run {
        stdout: String::from_utf8_lossy(&text).into_owned(),
        seconds,
        cpu_seconds: time(usage.ru_utime) + time(usage.ru_stime),
        peak_bytes: usage.ru_maxrss as f64 * 1024.0,
    })
}
