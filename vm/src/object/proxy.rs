//! Proxies: how one thread sees an object of another.
//!
//! A proxy lives in the heap of the thread that holds it and refers to a foreign object, or to one of its own heap (what
//! `share` makes before it is sent). It is listed with its holder's imports, which keeps the target alive (see
//! `heap::imports`). What is read through a proxy is wrapped in a proxy whose `root` is the one that has the lock.

use super::Header;
use std::sync::atomic::AtomicU32;

/// Lock state of a root proxy.
pub mod lock {
    /// Writes throw ProxyLocked.
    pub const LOCKED: u32 = 0;
    /// Writes become messages to the owner.
    pub const ASYNC: u32 = 1;
    /// Writes become messages to the owner, and the writer waits until they are applied.
    pub const SYNC: u32 = 2;
    /// Reads and writes at once, at the user's risk (`unshare` off the owner's thread).
    pub const DIRECT: u32 = 3;
}

/// A proxy.
#[repr(C)]
pub struct Proxy {
    /// Header; `class` is `class_id::PROXY` or that of a subclass of Proxy.
    pub header: Header,
    /// The target: an object in heap `heap`, never itself a proxy, never immortal.
    pub target: *mut Header,
    /// Number of the target's heap.
    pub heap: u32,
    /// Lock state, meaningful in a root.
    pub lock: AtomicU32,
    /// The proxy whose lock counts, in the same heap as this one; null for a root.
    pub root: *mut Proxy,
}

/// A proxy whose class declares attributes.
#[repr(C)]
pub struct ProxyWithAttributes {
    /// What every proxy has.
    pub proxy: Proxy,
    /// An instance of the proxy's class in the same heap, which holds the attributes; set when the proxy is made.
    pub attributes: *mut Header,
    /// Whether the attributes' computed initial values have been asked for; the holder's only.
    pub ready: AtomicU32,
}

const _: () = assert!(size_of::<Proxy>() == 32);
// The collector tells the two by their size.
const _: () = assert!(size_of::<ProxyWithAttributes>() == 48);
