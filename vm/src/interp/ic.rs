//! Inline caches: what each site of the code saw last, a table per thread.
//!
//! Invariant: a cache is a hint that is checked by class id (and method epoch) before use; it never keeps anything alive: what it
//! points to is immortal. All-zero bytes are an empty cache: class id 0 (`null`) is never cached.

/// An inline cache.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Ic {
    /// Class id seen, 0 if empty.
    pub class: u32,
    /// Slot of an attribute, or the method epoch at which `target` was found.
    pub data: u32,
    /// What is remembered, one of the constants of `access`; 0 if the site has never been executed.
    pub kind: u32,
    /// How often the site missed, for tiering.
    pub misses: u32,
    /// Method found: value bits of a function.
    pub target: u64,
}

impl Ic {
    /// A cache of a site that has never been executed.
    #[cfg_attr(not(feature = "jit"), allow(dead_code))]
    pub const EMPTY: Ic = Ic { class: 0, data: 0, kind: 0, misses: 0, target: 0 };

    /// Takes note that the site is executed, so that it is not empty any more even if nothing can be remembered.
    pub fn executed(&mut self) {
        if self.kind == 0 {
            self.kind = super::access::UNREMEMBERED;
        }
    }
}

const _: () = assert!(size_of::<Ic>() == 24);
