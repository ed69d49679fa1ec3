//! The module `time`: clocks. Sleeping is the scheduler's affair.

use corella_vm::error::Outcome;
use corella_vm::native::NativeRow;
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The functions of `time`, each known to the module's script part as `__time_NAME`.
pub(crate) static ROWS: &[NativeRow] = &[
    ("now", 0, 0, now, "Seconds since 1970 (UTC) as a float."),
    ("monotonic", 0, 0, monotonic, "Seconds since some moment before, by a clock that never goes back."),
];

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now(thread: &mut Thread, _: &[Value]) -> Outcome {
    // A clock set before 1970 shows as a negative number.
    let seconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    };
    Ok(thread.heap.float(seconds)?)
}

fn monotonic(thread: &mut Thread, _: &[Value]) -> Outcome {
    let seconds = match thread.vm.registry.baton {
        None => START.elapsed(),
        Some(_) => thread.now().saturating_duration_since(thread.vm.registry.start),
    }
    .as_secs_f64();
    Ok(thread.heap.float(seconds)?)
}
