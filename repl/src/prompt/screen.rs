//! What scripts print while a prompt may be on the screen.
//!
//! Invariant: the VM's thread never waits for the editor. While a line is edited, output is gathered and a thread of its own hands it to
//! the editor's printer, which puts it above the prompt; what it has not taken by the end of the edit is written as it is.

use rustyline::ExternalPrinter;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an unfinished line waits for its end.
const PATIENCE: Duration = Duration::from_millis(100);

/// The screen, shared by the editor's and the VM's threads.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether there is somebody who prints beside the editor.
    printer: bool,
    editing: bool,
    pending: Vec<u8>,
}

/// Where a VM writes.
#[derive(Clone)]
pub(crate) struct Writer(Arc<Shared>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen {
    pub(crate) fn new() -> Screen {
        Screen(Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() }))
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer(self.0.clone())
    }

    /// The editor is about to read a line.
    pub(crate) fn begin_edit(&self) {
        let mut state = self.0.lock();
        state.editing = state.printer;
    }

    /// The editor has read its line.
    pub(crate) fn end_edit(&self) {
        let mut state = self.0.lock();
        state.editing = false;
        let pending = std::mem::take(&mut state.pending);
        // A closed terminal leaves nobody to tell.
        let _ = io::stdout().write_all(&pending);
        let _ = io::stdout().flush();
    }

    /// Prints above the prompt from now on.
    pub(crate) fn print_beside_editor(&self, mut printer: impl ExternalPrinter + Send + 'static) {
        self.0.lock().printer = true;
        let shared = self.0.clone();
        let serve = move || {
            loop {
                let text = next_text(&shared);
                if printer.print(text).is_err() {
                    shared.lock().printer = false;
                    return;
                }
            }
        };
        // Without the thread, output comes when the line has been read.
        if std::thread::Builder::new().name("printer".into()).spawn(serve).is_err() {
            self.0.lock().printer = false;
        }
    }
}

/// Waits for whole lines, or for the start of a line that does not go on.
fn next_text(shared: &Shared) -> String {
    let mut state = shared.lock();
    loop {
        if !state.editing || state.pending.is_empty() {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let mut end = state.pending.iter().rposition(|b| *b == b'\n').map(|at| at + 1);
        if end.is_none() {
            let (after, timeout) =
                shared.changed.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if timeout.timed_out() && state.editing {
                end = Some(state.pending.len());
            }
        }
        if let Some(end) = end {
            let bytes: Vec<u8> = state.pending.drain(..end).collect();
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.editing {
            state.pending.extend_from_slice(bytes);
            self.0.changed.notify_one();
            return Ok(bytes.len());
        }
        drop(state);
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0.lock().editing { Ok(()) } else { io::stdout().flush() }
    }
}
