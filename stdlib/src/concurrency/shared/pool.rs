//! Jobs that have not begun, from which idle workers of any thread take: what `ThreadPool` and the weaver are made of.
//!
//! Jobs of one priority wait in a FIFO deque that any number of workers steal from (crossbeam-deque); the deque of the highest
//! priority is looked at first. A job is claimed exactly once: by the worker that takes it, or by whoever revokes it before.
//! What became of it goes into a list that the pool's home thread empties; one message tells it that there is something.
//!
//! Invariant: neither a job nor what became of it is lost when memory runs out. A job that its worker has claimed and cannot be given
//! stays with that worker, a result that the home thread cannot be given stays the first in the list: until there is
//! memory, or the script says that it gives up (`refuse`, `skip`) and tells whoever waits.

use super::waiters::Waiters;
use super::{lock, structure};
use crate::args::{int, size};
use corella_vm::error::Outcome;
use corella_vm::native::{ANY, NativeRow};
use corella_vm::object::{array, handle};
use corella_vm::thread::Thread;
use corella_vm::thread::transfer::{self, Transfer};
use corella_vm::value::Value;
use crossbeam_deque::{Injector, Steal};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The natives, known as `__pool_...`.
pub(crate) static ROWS: &[NativeRow] = &[
    ("new", 1, 1, new, "A pool for so many workers at a time."),
    ("put", 4, ANY, put, "Lets call number `id` with this priority, a function and arguments, be taken."),
    (
        "take",
        2,
        2,
        take,
        "The next call for worker number `index`: [id, function, arguments...]. Waits for one; null when the pool is closed.",
    ),
    ("revoke", 2, 2, revoke, "Takes job number `id` back; whether it had not begun."),
    ("begun", 2, 2, begun, "Whether job number `id` has been taken by a worker (or taken back)."),
    (
        "refuse",
        2,
        2,
        refuse,
        "The number of the call for which there was no memory when worker number `index` took it; null if there is none. It is not called.",
    ),
    ("done", 4, 4, done, "Notes what became of job number `id`; whether the home thread has to be told."),
    (
        "results",
        2,
        2,
        results,
        "What became of jobs since the last call, of so many at most: id, whether it succeeded, value, ...",
    ),
    (
        "skip",
        1,
        1,
        skip,
        "Removes what `results` would give first; the job's number, or null if there is none.",
    ),
    ("limit", 2, 2, limit, "From now on workers with a number below this take jobs."),
    ("suspend", 2, 2, suspend, "Whether no job is to be taken for the time being."),
    ("close", 1, 1, close, "Has all workers end."),
    ("closed", 1, 1, closed, "Whether the workers are to end."),
    ("pass", 2, 2, pass, "Worker number `index` was woken and will not look: others are to."),
    ("waiting", 1, 1, waiting, "How many jobs wait to be taken."),
];

struct Entry {
    id: i64,
    /// The function and its arguments.
    call: Vec<Transfer>,
}

struct Finished {
    id: i64,
    succeeded: bool,
    value: Transfer,
}

struct Pool {
    /// Descending priorities, each with its jobs; a level is never removed.
    levels: RwLock<Vec<(i64, Injector<Entry>)>>,
    /// Jobs that neither a worker nor a revoker has claimed.
    unclaimed: Mutex<HashSet<i64>>,
    finished: Mutex<VecDeque<Finished>>,
    /// Jobs with their priorities that workers have claimed and could not be given, by the worker's number.
    stuck: Mutex<HashMap<usize, (i64, Entry)>>,
    /// The home thread has been told, and has not looked yet.
    told: AtomicBool,
    limit: AtomicUsize,
    suspended: AtomicBool,
    closed: AtomicBool,
    idle: Arc<Waiters>,
    /// Workers beyond the limit.
    resting: Arc<Waiters>,
}

impl Pool {
    /// The next job, and its priority.
    fn take(&self) -> Option<(i64, Entry)> {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        for (priority, jobs) in levels.iter() {
            loop {
                match jobs.steal() {
                    Steal::Success(entry) if lock(&self.unclaimed).remove(&entry.id) => {
                        return Some((*priority, entry));
                    }
                    Steal::Success(_) | Steal::Retry => {}
                    Steal::Empty => break,
                }
            }
        }
        None
    }

    fn put(&self, priority: i64, entry: Entry) {
        lock(&self.unclaimed).insert(entry.id);
        {
            let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, jobs)) = levels.iter().find(|level| level.0 == priority) {
                jobs.push(entry);
                return;
            }
        }
        let mut levels = self.levels.write().unwrap_or_else(PoisonError::into_inner);
        let at = levels.partition_point(|level| level.0 > priority);
        if levels.get(at).is_none_or(|level| level.0 != priority) {
            levels.insert(at, (priority, Injector::new()));
        }
        levels[at].1.push(entry);
    }

    fn has_jobs(&self) -> bool {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        levels.iter().any(|level| !level.1.is_empty())
    }

    fn may_take(&self) -> bool {
        self.has_jobs() && !self.suspended.load(Ordering::SeqCst)
    }
}

fn this(thread: &mut Thread, args: &[Value]) -> Outcome<Arc<Pool>> {
    structure::<Pool>(thread, "ThreadPool", args[0])
}

fn new(thread: &mut Thread, args: &[Value]) -> Outcome {
    let limit = size(thread, "ThreadPool", "size", args[0])?;
    let pool = Pool {
        levels: RwLock::default(),
        unclaimed: Mutex::default(),
        finished: Mutex::default(),
        stuck: Mutex::default(),
        told: AtomicBool::new(false),
        limit: AtomicUsize::new(limit),
        suspended: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        idle: Arc::default(),
        resting: Arc::default(),
    };
    Ok(handle::new_shared(&mut thread.heap, Arc::new(pool))?)
}

fn put(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let id = int(thread, "ThreadPool", "id", args[1])?;
    let priority = int(thread, "ThreadPool", "priority", args[2])?;
    let call = transfer::export_all(thread, &args[3..])?;
    pool.put(priority, Entry { id, call });
    pool.idle.wake_one(thread);
    Ok(Value::NULL)
}

fn take(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let index = size(thread, "ThreadPool", "index", args[1])?;
    let stuck = lock(&pool.stuck).remove(&index);
    if let Some((priority, entry)) = stuck {
        return give(thread, &pool, index, priority, entry);
    }
    loop {
        if pool.closed.load(Ordering::SeqCst) {
            return Ok(Value::NULL);
        }
        if index >= pool.limit.load(Ordering::SeqCst) {
            if pool.has_jobs() {
                // It may have been woken for a job that is not for it any more.
                pool.idle.wake_one(thread);
            }
            let rests = || index >= pool.limit.load(Ordering::SeqCst) && !pool.closed.load(Ordering::SeqCst);
            match pool.resting.park(thread, None, rests) {
                Some(control) => return Err(control),
                None => continue,
            }
        }
        if !pool.suspended.load(Ordering::SeqCst) {
            if let Some((priority, entry)) = pool.take() {
                return give(thread, &pool, index, priority, entry);
            }
        }
        let idles = || {
            !pool.may_take()
                && !pool.closed.load(Ordering::SeqCst)
                && index < pool.limit.load(Ordering::SeqCst)
        };
        if let Some(control) = pool.idle.park(thread, None, idles) {
            return Err(control);
        }
    }
}

/// Gives a worker the job that it has claimed. If there is no memory for that, the worker finds it when it takes once more.
fn give(thread: &mut Thread, pool: &Pool, index: usize, priority: i64, entry: Entry) -> Outcome {
    let call = call_of(thread, &entry);
    if call.is_err() {
        lock(&pool.stuck).insert(index, (priority, entry));
    }
    call
}

fn refuse(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let index = size(thread, "ThreadPool", "index", args[1])?;
    let refused = lock(&pool.stuck).remove(&index);
    Ok(refused.map_or(Value::NULL, |(_, entry)| Value::int_unchecked(entry.id)))
}

/// A job as `take` gives it.
fn call_of(thread: &mut Thread, entry: &Entry) -> Outcome {
    let mut call = vec![Value::int_unchecked(entry.id)];
    call.extend(transfer::import_all(thread, &entry.call)?);
    Ok(array::to_value(array::from_slice(&mut thread.heap, &call)?))
}

fn revoke(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let id = int(thread, "ThreadPool", "id", args[1])?;
    let revoked = lock(&pool.unclaimed).remove(&id);
    Ok(Value::bool(revoked))
}

fn begun(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let id = int(thread, "ThreadPool", "id", args[1])?;
    let waits = lock(&pool.unclaimed).contains(&id);
    Ok(Value::bool(!waits))
}

fn done(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let id = int(thread, "ThreadPool", "id", args[1])?;
    let succeeded = args[2] == Value::TRUE;
    let value = transfer::export(thread, args[3])?;
    lock(&pool.finished).push_back(Finished { id, succeeded, value });
    Ok(Value::bool(!pool.told.swap(true, Ordering::SeqCst)))
}

fn results(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let most = size(thread, "ThreadPool", "most", args[1])?;
    pool.told.store(false, Ordering::SeqCst);
    let mut all = std::mem::take(&mut *lock(&pool.finished));
    let later = all.split_off(most.min(all.len()));
    thread.charge(all.len() as u64);
    let list = list_of(thread, all.iter());
    // Without memory for the list, all of them wait for the next look.
    let mut kept = if list.is_err() { all } else { VecDeque::new() };
    kept.extend(later);
    if !kept.is_empty() {
        let mut finished = lock(&pool.finished);
        kept.append(&mut finished);
        *finished = kept;
    }
    list
}

fn skip(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let first = lock(&pool.finished).pop_front();
    Ok(first.map_or(Value::NULL, |finished| Value::int_unchecked(finished.id)))
}

/// Jobs that are done as `results` gives them.
fn list_of<'a>(thread: &mut Thread, all: impl ExactSizeIterator<Item = &'a Finished>) -> Outcome {
    let list = array::new(&mut thread.heap, all.len() * 3)?;
    for Finished { id, succeeded, value } in all {
        let value = transfer::import(thread, value)?;
        for part in [Value::int_unchecked(*id), Value::bool(*succeeded), value] {
            array::push(&mut thread.heap, list, part)?;
        }
    }
    Ok(array::to_value(list))
}

fn limit(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let limit = size(thread, "ThreadPool.resize", "size", args[1])?;
    pool.limit.store(limit, Ordering::SeqCst);
    pool.resting.wake_all(thread);
    pool.idle.wake_all(thread);
    Ok(Value::NULL)
}

fn suspend(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let suspended = args[1] == Value::TRUE;
    pool.suspended.store(suspended, Ordering::SeqCst);
    if !suspended {
        pool.idle.wake_all(thread);
    }
    Ok(Value::NULL)
}

fn close(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    pool.closed.store(true, Ordering::SeqCst);
    pool.idle.wake_all(thread);
    pool.resting.wake_all(thread);
    Ok(Value::NULL)
}

fn closed(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    Ok(Value::bool(pool.closed.load(Ordering::SeqCst)))
}

fn pass(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let index = size(thread, "ThreadPool", "index", args[1])?;
    let stuck = lock(&pool.stuck).remove(&index);
    if let Some((priority, entry)) = stuck {
        pool.put(priority, entry);
    }
    if pool.may_take() {
        pool.idle.wake_one(thread);
    }
    Ok(Value::NULL)
}

fn waiting(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pool = this(thread, args)?;
    let waiting = lock(&pool.unclaimed).len();
    Ok(Value::int_unchecked(waiting as i64))
}
