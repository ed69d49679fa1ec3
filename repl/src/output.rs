//! Where scripts print: stdout, at once on a terminal, in large pieces otherwise.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes gathered before they are written to a file or pipe.
const BUFFER: usize = 64 << 10;
/// The usual status of a program whose reader went away.
const BROKEN_PIPE: i32 = 141;

/// Stdout for the VMs of this program.
#[derive(Clone)]
pub(crate) struct Stdout(Arc<Mutex<Box<dyn Write + Send>>>);

impl Stdout {
    pub(crate) fn new() -> Stdout {
        let stdout = io::stdout();
        let inner: Box<dyn Write + Send> = match stdout.is_terminal() {
            true => Box::new(Terminal(stdout)),
            false => match file(&stdout) {
                Some(file) => Box::new(BufWriter::with_capacity(BUFFER, file)),
                None => Box::new(BufWriter::with_capacity(BUFFER, stdout)),
            },
        };
        Stdout(Arc::new(Mutex::new(inner)))
    }
}

/// What is written to a terminal is to be seen at once, without a line end as well: somebody watches a progress bar.
struct Terminal(io::Stdout);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.0.flush()?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Stdout without the standard library's line buffer.
#[cfg(unix)]
fn file(stdout: &io::Stdout) -> Option<File> {
    use std::os::fd::AsFd as _;
    stdout.as_fd().try_clone_to_owned().ok().map(File::from)
}

#[cfg(not(unix))]
fn file(_: &io::Stdout) -> Option<File> {
    None
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        check(self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        check(self.0.lock().unwrap_or_else(PoisonError::into_inner).flush())
    }
}

/// When the reader has gone (`corella a.cor | head`), the program ends quietly.
fn check<T>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(BROKEN_PIPE),
        result => result,
    }
}
