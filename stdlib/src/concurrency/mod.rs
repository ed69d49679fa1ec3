//! Tasks, futures, threads, proxies and generators as scripts see them: natives over the VM's own operations.

pub mod functions;
pub mod future;
pub mod generator;
pub mod memory;
pub mod proxy;
pub mod task;
pub mod thread;
