//! Runs a program as a child process with a time limit, its three streams piped.
//!
//! Invariant: when [`run`] returns, the child has ended; one that overstayed its time was killed.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a child process did.
#[derive(Debug)]
pub struct Outcome {
    /// Everything it wrote to stdout.
    pub stdout: String,
    /// Everything it wrote to stderr.
    pub stderr: String,
    /// Its exit status; `None` when a signal or the time limit ended it.
    pub status: Option<i32>,
    /// How it died, when it has no exit status.
    pub death: Option<String>,
}

/// Runs `command` with `stdin` and waits for its end, at most for `limit`.
///
/// # Errors
/// When the program cannot be started at all.
pub fn run(mut command: Command, stdin: &str, limit: Duration) -> std::io::Result<Outcome> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let feeder = feed(&mut child, stdin.to_string());
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());

    let (status, death) = wait(&mut child, limit)?;
    // A child that never reads its input leaves the feeder with a broken pipe, which is no error here.
    let _ = feeder.join();
    Ok(Outcome { stdout: collect(stdout), stderr: collect(stderr), status, death })
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<(Option<i32>, Option<String>)> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            let death = if status.code().is_none() { Some(status.to_string()) } else { None };
            return Ok((status.code(), death));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok((None, Some(format!("killed: it ran for more than {} s", limit.as_secs()))));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

fn feed(child: &mut Child, text: String) -> JoinHandle<()> {
    let pipe = child.stdin.take();
    thread::spawn(move || {
        if let Some(mut pipe) = pipe {
            let _ = pipe.write_all(text.as_bytes());
        }
    })
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn collect(reader: JoinHandle<Vec<u8>>) -> String {
    let bytes = reader.join().unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}
