//! Where scripts' output goes when the host wants to have it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Collects what scripts print; clones share one buffer.
///
/// ```
/// use corella::{Captured, Engine};
/// let output = Captured::new();
/// let engine = Engine::builder().output(output.clone()).build();
/// engine.vm()?.load(&engine.compile("hello.cor", "print(\"hello\");")?)?;
/// assert_eq!(output.take(), "hello\n");
/// # Ok::<(), corella::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has been printed since the last call.
    pub fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
