//! The module `file`: whole files in, whole files out. Reading and writing block the thread for as long as they last.

use crate::args;
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::native::NativeRow;
use corella_vm::object::string;
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// The natives of the module.
pub(crate) static ROWS: &[NativeRow] = &[
    ("read", 1, 1, read, "The content of the file at `path` as a string."),
    ("read_bytes", 1, 1, read_bytes, "The content of the file at `path` as bytes."),
    ("write", 2, 2, write, "Makes or replaces the file at `path` with `content`, a string or bytes."),
    ("exists", 1, 1, exists, "Whether there is a file or folder at `path`."),
];

fn failed(thread: &mut Thread, what: &str, path: &str, error: &std::io::Error) -> Control {
    thread.error(ErrorClass::IoError, format!("cannot {what} {path}: {error}"))
}

/// Runs blocking work while the thread counts as outside the VM, so that no collection of another heap waits for it.
pub(crate) fn blocking<T>(thread: &mut Thread, work: impl FnOnce() -> T) -> T {
    thread.heap.offline();
    let result = work();
    thread.heap.online();
    result
}

fn read(thread: &mut Thread, args: &[Value]) -> Outcome {
    let path = args::text(thread, "file.read", "path", args[0])?;
    let bytes = match blocking(thread, || std::fs::read(path)) {
        Ok(bytes) => bytes,
        Err(error) => return Err(failed(thread, "read", path, &error)),
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            thread.charge(text.len() as u64 / 16);
            Ok(string::new(&mut thread.heap, text)?)
        }
        Err(error) => {
            let at = error.valid_up_to();
            let message = format!(
                "cannot read {path} as text: byte {at} is not UTF-8; file.read_bytes(path) reads any file"
            );
            Err(thread.error(ErrorClass::ValueError, message))
        }
    }
}

fn read_bytes(thread: &mut Thread, args: &[Value]) -> Outcome {
    let path = args::text(thread, "file.read_bytes", "path", args[0])?;
    match blocking(thread, || std::fs::read(path)) {
        Ok(bytes) => Ok(string::new_bytes(&mut thread.heap, &bytes)?),
        Err(error) => Err(failed(thread, "read", path, &error)),
    }
}

fn write(thread: &mut Thread, args: &[Value]) -> Outcome {
    let path = args::text(thread, "file.write", "path", args[0])?;
    let Some(content) = string::as_str(args[1]).map(str::as_bytes).or_else(|| string::as_bytes(args[1]))
    else {
        return Err(args::wrong(thread, "file.write", "content", "a string or bytes", args[1]));
    };
    match blocking(thread, || std::fs::write(path, content)) {
        Ok(()) => Ok(Value::NULL),
        Err(error) => Err(failed(thread, "write", path, &error)),
    }
}

fn exists(thread: &mut Thread, args: &[Value]) -> Outcome {
    let path = args::text(thread, "file.exists", "path", args[0])?;
    Ok(Value::bool(std::path::Path::new(path).exists()))
}
