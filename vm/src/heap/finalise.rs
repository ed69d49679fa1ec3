//! What dies with an object: the content that strings, bytes and handles own outside the heap.

use crate::object::handle::Handle;
use crate::object::string::Str;
use crate::object::{Header, Kind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Drops what the object owns outside the heap; returns how many bytes that was (for what is charged by size).
///
/// # Safety
/// `object` is initialised, and nobody will look at it again.
pub(crate) unsafe fn drop_content(object: *mut Header) -> usize {
    // SAFETY: by the caller's promise; the kind tells the layout.
    unsafe {
        match (*object).kind() {
            Kind::Str | Kind::Bytes => {
                let string = object.cast::<Str>();
                if (*string).external == 0 {
                    return 0;
                }
                let len = (*string).len as usize;
                let content = string.add(1).cast::<*const u8>().read();
                drop(Arc::from_raw(std::ptr::slice_from_raw_parts(content, len)));
                (*string).external = 0;
                (*string).len = 0;
                len
            }
            Kind::Handle => {
                let content = (*object.cast::<Handle>()).content.take();
                // A host's destructor that panics must not leave the collection half done.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(content)));
                0
            }
            _ => 0,
        }
    }
}
