//! The variables of the modules, as one thread reaches them.
//!
//! Invariant: for each environment, `own` has the buffer of the array that is this thread's, and null for what is another one's or not known
//! here; `first` and `count` are `own`'s, for compiled code.

use crate::object::array;
use crate::object::array::{Array, Buffer};
use crate::value::Value;
use std::ops::Deref;
use std::sync::atomic::Ordering;

/// Variables by environment: an array of this thread's heap, or a proxy of one, or null while unknown here.
#[repr(C)]
pub struct Environments {
    first: *const *mut Buffer,
    count: usize,
    own: Vec<*mut Buffer>,
    values: Vec<Value>,
}

impl Environments {
    /// Offset of the address of the first environment's buffer.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) const FIRST_OFFSET: usize = std::mem::offset_of!(Environments, first);

    /// Offset of their number.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) const COUNT_OFFSET: usize = std::mem::offset_of!(Environments, count);

    /// So many buffers there are from the begin, so that nobody has to look for these.
    pub(crate) const LEAST: usize = 64;

    /// None are known yet.
    pub(crate) fn new() -> Self {
        let own = vec![std::ptr::null_mut(); Self::LEAST];
        Self { first: own.as_ptr(), count: own.len(), own, values: Vec::new() }
    }

    /// Makes an environment known, or its buffer, which is another one if it has been lengthened.
    pub(crate) fn set(&mut self, env: u32, value: Value) {
        let env = env as usize;
        if self.values.len() <= env {
            self.values.resize(env + 1, Value::NULL);
        }
        if self.own.len() <= env {
            self.own.resize(env + 1, std::ptr::null_mut());
            (self.first, self.count) = (self.own.as_ptr(), self.own.len());
        }
        self.values[env] = value;
        // SAFETY: a live array of the own heap.
        let buffer = |array: *mut Array| unsafe { (*array).buffer.load(Ordering::Relaxed) };
        self.own[env] = array::from_value(value).map_or(std::ptr::null_mut(), buffer);
    }
}

impl Deref for Environments {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.values
    }
}
