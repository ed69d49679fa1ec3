//! The variables of the modules, as one thread reaches them.
//!
//! Invariant: `first` and `count` are those of `values`, for compiled code.

use crate::value::Value;
use std::ops::Deref;

/// Variables by environment: an array of this thread's heap, or a proxy of one, or null while unknown here.
#[repr(C)]
pub struct Environments {
    first: *const Value,
    count: usize,
    values: Vec<Value>,
}

impl Environments {
    /// Offset of the address of the first environment.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) const FIRST_OFFSET: usize = std::mem::offset_of!(Environments, first);

    /// Offset of their number.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub(crate) const COUNT_OFFSET: usize = std::mem::offset_of!(Environments, count);

    /// None are known yet.
    pub(crate) fn new() -> Self {
        let values = Vec::new();
        Self { first: values.as_ptr(), count: 0, values }
    }

    /// Makes an environment known.
    pub(crate) fn set(&mut self, env: u32, value: Value) {
        if self.values.len() <= env as usize {
            self.values.resize(env as usize + 1, Value::NULL);
            (self.first, self.count) = (self.values.as_ptr(), self.values.len());
        }
        self.values[env as usize] = value;
    }
}

impl Deref for Environments {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.values
    }
}
