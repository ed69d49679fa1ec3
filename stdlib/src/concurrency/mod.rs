//! Tasks, futures, threads, proxies and generators as scripts see them: natives over the VM's own operations.

pub(crate) mod functions;
pub(crate) mod future;
pub(crate) mod generator;
pub(crate) mod hooks;
pub(crate) mod memory;
pub(crate) mod proxy;
pub(crate) mod shared;
pub(crate) mod task;
pub(crate) mod thread;
