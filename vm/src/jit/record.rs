//! What became of each function that was to be compiled.

use super::JitFunction;
use crate::code::Code;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A function's name and place, as in a trace.
pub(super) fn name_of(code: &Code) -> String {
    // SAFETY: linked code and its module live as long as the VM.
    let module = unsafe { &(*code.module).name };
    let line = code.lines.first().map_or(0, |line| line.line);
    format!("{} ({module}:{line})", code.name)
}

/// What is known of one function.
struct Record {
    code: &'static Code,
    compiled: u32,
    bytes: u64,
    time: Duration,
    refused: Option<String>,
}

/// The functions that were to be compiled, in the order in which that was asked for first.
#[derive(Default)]
pub(super) struct Records(Mutex<Vec<Record>>);

impl Records {
    /// Takes note of an attempt: the bytes of machine code that it made, or why it made none.
    pub(super) fn add(&self, code: &'static Code, time: Duration, made: Result<u64, &str>) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = records.iter().position(|record| std::ptr::eq(record.code, code)).unwrap_or_else(|| {
            records.push(Record { code, compiled: 0, bytes: 0, time: Duration::ZERO, refused: None });
            records.len() - 1
        });
        let record = &mut records[at];
        record.time += time;
        match made {
            Ok(bytes) => {
                record.compiled += 1;
                record.bytes += bytes;
            }
            Err(reason) => record.refused = Some(reason.to_owned()),
        }
    }

    pub(super) fn all(&self) -> Vec<JitFunction> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let function = |record: &Record| JitFunction {
            name: name_of(record.code),
            compiled: record.compiled,
            code_bytes: record.bytes,
            time: record.time,
            failures: record.code.jit.failures.load(Ordering::Relaxed),
            refused: record.refused.clone(),
        };
        records.iter().map(function).collect()
    }
}
