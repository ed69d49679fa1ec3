//! Names of compiled functions for tools that look at a process from outside.
//!
//! - `perf` reads `/tmp/perf-PID.map`, a line for each function. Where `perf record` is the parent, Cranelift writes these lines, and is told the names;
//! - `gdb` reads object files in this process's memory (`gdb`).

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
use super::gdb;
use crate::config::VmConfig;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;

/// Where names go to.
#[derive(Clone, Copy, Default)]
pub(super) struct Wanted {
    perf_map: bool,
    gdb: bool,
}

impl Wanted {
    pub(super) fn of(config: &VmConfig) -> Self {
        Self { perf_map: config.perf_map, gdb: config.gdb_jit }
    }
}

/// Where gdb's interface is not built.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod gdb {
    pub(super) struct Registration;

    pub(super) fn register(_: &str, _: u64, _: u64) -> Option<Registration> {
        None
    }
}

/// The names given out for one VM.
pub(super) struct Symbols {
    perf: Option<File>,
    /// Cranelift writes perf's map, with the names under which functions are declared; so many have one.
    declared: Option<usize>,
    gdb: bool,
    /// What gdb knows, by address.
    registered: HashMap<usize, gdb::Registration>,
}

impl Symbols {
    pub(super) fn new(wanted: Wanted) -> Self {
        // What makes `cranelift_jit` write the map.
        let is_written = std::env::var_os("PERF_BUILDID_DIR").is_some();
        // Who asked for the map sees that it is missing; the program that is measured goes on.
        let perf = (wanted.perf_map && !is_written).then(|| {
            let path = format!("/tmp/perf-{}.map", std::process::id());
            OpenOptions::new().create(true).append(true).open(path).ok()
        });
        let declared = (wanted.perf_map && is_written).then_some(0);
        Self { perf: perf.flatten(), declared, gdb: wanted.gdb, registered: HashMap::new() }
    }

    /// The name under which a function is to be declared, if it matters: no two are the same.
    pub(super) fn declared_as(&mut self, name: &str) -> Option<String> {
        let number = self.declared.as_mut()?;
        *number += 1;
        Some(format!("{name} #{number}"))
    }

    /// Makes a function known. Its code must stay where it is until it is forgotten.
    pub(super) fn add(&mut self, name: &str, address: *const u8, size: usize) {
        if let Some(file) = &mut self.perf {
            // One write for a line: other VMs of the process append to the same file.
            let line = format!("{:x} {size:x} {name}\n", address.addr());
            if file.write_all(line.as_bytes()).is_err() {
                self.perf = None;
            }
        }
        if self.gdb {
            let registration = gdb::register(name, address.addr() as u64, size as u64);
            self.registered.extend(registration.map(|registration| (address.addr(), registration)));
        }
    }

    /// Whether no code may come to lie where other code has been: perf's map says what lies where, not when.
    pub(super) fn keep_places(&self) -> bool {
        self.perf.is_some() || self.declared.is_some()
    }

    /// Tells gdb that a function is gone.
    pub(super) fn forget(&mut self, address: *const u8) {
        self.registered.remove(&address.addr());
    }

    /// Tells gdb that all functions are gone.
    pub(super) fn forget_all(&mut self) {
        self.registered.clear();
    }
}
