//! Weak references, host objects and thread handles.

use super::{Header, Slot};
use std::any::Any;

/// A weak reference: the target is not kept alive; the collector stores null when it dies.
#[repr(C)]
pub struct Weak {
    /// Header.
    pub header: Header,
    /// The target or null.
    pub target: Slot,
}

/// An object of the host, dropped when the handle dies. Only the owning thread may reach the content.
#[repr(C)]
pub struct Handle {
    /// Header, with [`super::FLAG_FINALISER`]; `class` may be a host-registered class.
    pub header: Header,
    /// The content; `None` once taken.
    pub content: Option<Box<dyn Any + Send>>,
}

/// A thread as a value; crosses threads as it is.
#[repr(C)]
pub struct ThreadHandle {
    /// Header.
    pub header: Header,
    /// The thread's number, never used again in this VM.
    pub id: u64,
}
