//! Native functions: how Rust code is called from scripts.
//!
//! A native runs between two safepoints: nothing is collected, no task is switched and no foreign message is applied while
//! it runs, so it may hold values freely, but must not keep them in Rust data beyond its return (use a heap object or
//! [`crate::thread::Thread::pin`]). It must not run long without bound: bulk work charges
//! [`crate::thread::Thread::charge`].

use crate::error::Outcome;
use crate::thread::Thread;
use crate::value::Value;
use std::borrow::Cow;

/// A native function: the running thread and the arguments (a method's receiver first).
pub type NativeFn = fn(&mut Thread, &[Value]) -> Outcome;

/// A closure registered by a host.
pub type HostFn = Box<dyn Fn(&mut Thread, &[Value]) -> Outcome + Send + Sync>;

/// The code of a native.
pub enum NativeCode {
    /// A plain function.
    Plain(NativeFn),
    /// A host's closure.
    Host(HostFn),
}

/// A native function's declaration.
pub struct NativeDef {
    /// What stands before its name in messages: its class or module; nothing for a function of neither.
    pub owner: &'static str,
    /// Its own name.
    pub name: Cow<'static, str>,
    /// Fewest arguments, a method's receiver included.
    pub min_args: u8,
    /// Most arguments, or `u8::MAX` for any number.
    pub max_args: u8,
    /// Whether the first argument is a receiver, which messages do not count.
    pub method: bool,
    /// Whether it changes its receiver: called through a proxy, it is sent to the owner instead of being run here.
    pub writes: bool,
    /// The code.
    pub code: NativeCode,
    /// Description for documentation and help.
    pub doc: Cow<'static, str>,
}

impl NativeDef {
    /// Name shown in messages: `print`, `Array.push`.
    pub fn full_name(&self) -> Cow<'_, str> {
        match self.owner {
            "" => Cow::Borrowed(&self.name),
            owner => Cow::Owned(format!("{owner}.{}", self.name)),
        }
    }

    /// Whether it can be called with so many arguments.
    #[inline]
    pub fn takes(&self, args: usize) -> bool {
        args >= self.min_args as usize && (self.max_args == ANY || args <= self.max_args as usize)
    }
}

/// A row of a table of natives: name, fewest and most arguments, function, one line of documentation. In a table of
/// methods the counts exclude the receiver.
pub type NativeRow = (&'static str, u8, u8, NativeFn, &'static str);

/// Any number of arguments.
pub const ANY: u8 = u8::MAX;
