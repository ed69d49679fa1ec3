//! Structures that every thread changes at once: the natives under the module `shared`, the pool of jobs under `thread` and
//! `weaver`, and what decides a select of the module `channel` over several threads.
//!
//! Each structure is an `Arc` in a handle. The script object that holds the handle belongs to one thread; others reach the
//! handle by a proxy, and the natives go through that to the same `Arc`. No lock in here is held while a script runs, while a
//! task waits, or while anything is allocated in a heap that could run out.

pub(crate) mod choice;
pub(crate) mod counter;
pub(crate) mod map;
pub(crate) mod pool;
pub(crate) mod queue;
pub(crate) mod stored;
pub(crate) mod waiters;

use crate::args::wrong;
use corella_vm::error::Outcome;
use corella_vm::object::handle;
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The structure behind a handle; only the library's scripts pass handles, so a wrong one is a bug of theirs.
fn structure<T: Any + Send + Sync>(thread: &mut Thread, native: &str, value: Value) -> Outcome<Arc<T>> {
    handle::shared(value).ok_or_else(|| wrong(thread, native, "handle", "a handle of its kind", value))
}

/// Locks; nothing panics while a lock of this folder is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
