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
    /// For `attr.set`: 0 any value fits, else see `attr_set`; for methods: kind of target.
    pub kind: u32,
    /// How often the site missed, for tiering.
    pub misses: u32,
    /// Method found: value bits of a function.
    pub target: u64,
}

const _: () = assert!(size_of::<Ic>() == 24);
