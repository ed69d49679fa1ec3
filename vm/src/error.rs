//! How natives and slow paths leave the straight path: a thrown value, a call to be made, a task that must wait.

use crate::value::Value;
use smallvec::SmallVec;

/// Why an operation did not yield a value.
#[derive(Debug)]
pub enum Control {
    /// A script error: any value, usually an instance of Error.
    Throw(Value),
    /// The heap is exhausted. The interpreter collects and executes the instruction once more, so an operation returns this only
    /// before it has changed anything; the second time it becomes a MemoryError.
    OutOfMemory,
    /// A function is to be called; its result becomes the operation's result.
    Call(Box<Invoke>),
    /// The running task waits: it has been entered where its waker will find it. The value it is resumed with
    /// becomes the operation's result.
    Park,
    /// As `Park`, but the instruction is executed again when the task is woken (with whatever value).
    ParkAndRetry,
    /// The running task goes to the back of the run queue; the operation's result is null.
    Yield,
}

/// A call that an operation asks the interpreter to make.
#[derive(Debug)]
pub struct Invoke {
    /// What to call.
    pub callee: Value,
    /// Arguments.
    pub args: SmallVec<[Value; 4]>,
}

impl Control {
    /// Asks the interpreter to call `callee` and to take its result as the operation's.
    #[cold]
    pub fn call(callee: Value, args: &[Value]) -> Self {
        Self::Call(Box::new(Invoke { callee, args: SmallVec::from_slice(args) }))
    }
}

/// What operations yield.
pub type Outcome<T = Value> = Result<T, Control>;

const _: () = assert!(size_of::<Control>() <= 16);
