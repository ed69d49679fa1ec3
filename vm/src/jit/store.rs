//! Where machine code lies, and when it is freed.
//!
//! Each function has pages of its own. Memory is writable before it is executable, never both (`cranelift-jit` sees to that). Code that has been
//! replaced may still be running: a native frame returns into it, or somebody has read its entry and is about to call it. But the
//! scheduler and the interpreter of a thread have no compiled code below them on the native stack. So invariant: what has been replaced is freed
//! once each thread has been there after that, or sleeps in its scheduler (a grace period, see [`Quiesce`]); what it refers to lives as long.
//! Compiled code is left at the next safepoint that does something, so that a thread which does nothing but compute gets there.

use super::symbols::Symbols;
use super::translate::Referred;
use crate::code::Code;
use crate::heap::quiesce::{Quiesce, Ticket};
use cranelift_jit::{BranchProtection, JITMemoryKind, JITMemoryProvider, SystemMemoryProvider};
use cranelift_module::ModuleResult;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The pages of all functions. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Pages(Arc<Mutex<Parts>>);

#[derive(Default)]
struct Parts {
    /// What is being written: where it begins, and its pages.
    open: Option<(usize, SystemMemoryProvider)>,
    /// What can be executed, by where it begins.
    closed: HashMap<usize, SystemMemoryProvider>,
}

impl Pages {
    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees what begins there.
    ///
    /// # Safety
    /// Nobody executes it, or will.
    unsafe fn free(&self, begins: usize) {
        if let Some(mut pages) = self.lock().closed.remove(&begins) {
            // SAFETY: the caller's.
            unsafe { pages.free_memory() };
        }
    }
}

impl JITMemoryProvider for Pages {
    fn allocate(&mut self, size: usize, align: u64, kind: JITMemoryKind) -> io::Result<*mut u8> {
        let mut pages = self.lock();
        // Cranelift allocates once for each function that it defines; whatever else it should want lies with it.
        let mut open = pages.open.take().map_or_else(SystemMemoryProvider::new, |(_, open)| open);
        let begins = open.allocate(size, align, kind)?;
        pages.open = Some((begins.addr(), open));
        Ok(begins)
    }

    unsafe fn free_memory(&mut self) {
        let mut pages = self.lock();
        pages.open = None;
        for (_, mut closed) in pages.closed.drain() {
            // SAFETY: the caller's: nobody executes any of it.
            unsafe { closed.free_memory() };
        }
    }

    fn finalize(&mut self, protection: BranchProtection) -> ModuleResult<()> {
        let mut pages = self.lock();
        if let Some((begins, mut open)) = pages.open.take() {
            open.finalize(protection)?;
            pages.closed.insert(begins, open);
        }
        Ok(())
    }
}

/// Machine code of one function.
pub(super) struct Stored {
    pub(super) begins: *const u8,
    pub(super) size: usize,
    /// What it refers to.
    pub(super) _referred: Referred,
}

/// The machine code of all functions that have some: what is entered now, and what may still be running.
#[derive(Default)]
pub(super) struct Store {
    current: HashMap<*const Code, Stored>,
    replaced: Vec<(Ticket, Stored)>,
}

// SAFETY: linked code is a key here, and what machine code refers to is linked code too, which any thread may read.
unsafe impl Send for Store {}

impl Store {
    /// A function has other code from now on, or none any more; that has been published.
    pub(super) fn replace(&mut self, code: &Code, new: Option<Stored>, threads: &Quiesce) {
        let key = std::ptr::from_ref(code);
        let before = match new {
            Some(new) => self.current.insert(key, new),
            None => self.current.remove(&key),
        };
        self.replaced.extend(before.map(|before| (threads.grace_begin(None), before)));
    }

    /// Whether there is code that has been replaced and not been freed.
    pub(super) fn has_replaced(&self) -> bool {
        !self.replaced.is_empty()
    }

    /// Replaced code that cannot be running any more.
    pub(super) fn take_gone(&mut self, threads: &Quiesce) -> Vec<Gone> {
        let gone = self.replaced.extract_if(.., |(ticket, _)| threads.grace_passed(ticket));
        gone.map(|(_, stored)| Gone(stored)).collect()
    }
}

/// Machine code that nobody executes, or will.
pub(super) struct Gone(Stored);

impl Gone {
    /// Frees it: how many bytes.
    pub(super) fn free(self, pages: &Pages, symbols: &mut Symbols) -> usize {
        let Stored { begins, size, .. } = self.0;
        symbols.forget(begins);
        // SAFETY: its entry has been replaced before the ticket was taken, and since then each thread has been where it stands on no
        // compiled code and has read no entry.
        unsafe { pages.free(begins.addr()) };
        size
    }
}
