//! Objects outside all heaps: constants, functions, classes, modules. Never collected, freed with the VM.
//!
//! They lie in blocks like other objects, with side bytes that say "marked, whatever the colour, and not to be logged", so
//! that neither marking nor the write barrier has to ask whether an object is immortal.

use super::block::{self, BLOCK, BLOCK_DATA, GRANULE, Head, IMMORTAL, LARGE_DATA};
use super::{finalise, large};
use crate::object::{FLAG_IMMORTAL, Header, Kind};
use crate::value::Value;
use std::ptr::NonNull;
use std::sync::Mutex;

/// Bytes of a chunk's head, before its side bytes.
const HEAD: usize = 64;

/// An immortal object in static memory, laid out like a large chunk so that its side byte is where the collector looks: what
/// empty containers point to. (Without that, marking would write into whatever static data lies there.)
#[repr(C, align(65536))]
pub struct Fixed<T> {
    head: [u8; HEAD],
    side: [u8; LARGE_DATA - HEAD],
    object: T,
}

const _: () =
    assert!(align_of::<Fixed<u64>>() == BLOCK && std::mem::offset_of!(Fixed<u64>, object) == LARGE_DATA);
const _: () = assert!(size_of::<Head>() <= HEAD && LARGE_DATA / GRANULE >= HEAD);

impl<T> Fixed<T> {
    /// Most bytes of an object, or of several in a row: the side bytes are those before the first one.
    pub const MAX_SIZE: usize = LARGE_DATA * GRANULE - LARGE_DATA;

    /// The object, which begins with an immortal header.
    pub const fn new(object: T) -> Self {
        Self { head: [0; HEAD], side: [IMMORTAL; LARGE_DATA - HEAD], object }
    }

    /// The object.
    pub const fn object(&self) -> &T {
        &self.object
    }
}

/// The VM's allocator of immortal objects.
#[derive(Default)]
pub struct Immortals {
    inner: Mutex<Inner>,
}

struct Inner {
    blocks: block::BlockPool,
    chunks: large::Chunks,
    taken: Vec<NonNull<Head>>,
    large: Vec<NonNull<Head>>,
    /// Offset of the free part in the last block.
    offset: usize,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            blocks: block::BlockPool::default(),
            chunks: large::Chunks::default(),
            taken: Vec::new(),
            large: Vec::new(),
            offset: BLOCK,
        }
    }
}

// SAFETY: the tables are behind the mutex; objects are handed out once.
unsafe impl Send for Immortals {}
// SAFETY: as above.
unsafe impl Sync for Immortals {}

impl Immortals {
    /// A new immortal object with its header written; the caller fills the rest before it shows the object to others.
    /// Its slots may refer to immortal objects only.
    pub fn alloc(&self, kind: Kind, class: u32, bytes: usize) -> *mut Header {
        let bytes = bytes.next_multiple_of(GRANULE);
        let mut inner = self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (object, granules) = if bytes > BLOCK - BLOCK_DATA {
            let Some(chunk) = inner.chunks.take(bytes, false, 0) else { no_memory(bytes) };
            inner.large.push(chunk);
            (large::object(chunk), 0)
        } else {
            if inner.offset + bytes > BLOCK {
                let Some(block) = inner.blocks.take(0) else { no_memory(BLOCK) };
                inner.taken.push(block);
                inner.offset = BLOCK_DATA;
            }
            let offset = inner.offset;
            inner.offset += bytes;
            let block = inner.taken[inner.taken.len() - 1];
            (block.as_ptr().cast::<u8>().wrapping_add(offset).cast(), (bytes / GRANULE) as u16)
        };
        // SAFETY: the place was just taken, for `bytes` bytes; its side byte belongs to this allocator.
        unsafe {
            // Zero is a small integer: an immortal whose tail is left unwritten holds no wild pointer.
            object.cast::<u8>().write_bytes(0, bytes);
            object.write(Header::new(kind, FLAG_IMMORTAL, granules, class));
            if kind == Kind::Instance {
                object.cast::<u64>().add(bytes / 8 - 1).write(Value::NULL.bits());
            }
            block::side(object).write(IMMORTAL);
        }
        object
    }
}

fn no_memory(bytes: usize) -> ! {
    std::alloc::handle_alloc_error(
        std::alloc::Layout::from_size_align(bytes, GRANULE).unwrap_or(std::alloc::Layout::new::<u64>()),
    )
}

impl Drop for Inner {
    fn drop(&mut self) {
        for (i, &block) in self.taken.iter().enumerate() {
            let end = if i + 1 == self.taken.len() { self.offset } else { BLOCK };
            // SAFETY: the objects of a block begin where their side bytes say so, and the VM is gone.
            unsafe {
                let mut granule = block::find(block.as_ptr(), BLOCK_DATA / GRANULE, IMMORTAL);
                while granule * GRANULE < end {
                    let object = block.as_ptr().cast::<u8>().add(granule * GRANULE).cast::<Header>();
                    finalise::drop_content(object);
                    granule = block::find(block.as_ptr(), granule + 1, IMMORTAL);
                }
            }
            self.blocks.give(block);
        }
        for &chunk in &self.large {
            // SAFETY: as above.
            unsafe {
                finalise::drop_content(large::object(chunk));
                self.chunks.give(vec![chunk], 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::class_id;

    #[test]
    fn immortals_are_always_marked_and_never_logged() {
        let immortals = Immortals::default();
        for bytes in [16, 24, 1000, 40_000, 70_000, 16] {
            let object = immortals.alloc(Kind::Range, class_id::RANGE, bytes);
            // SAFETY: just allocated.
            unsafe {
                assert!((*object).is_immortal());
                assert_eq!(*block::side(object), IMMORTAL);
                assert_eq!(block::size_of_object(object), bytes.next_multiple_of(16));
            }
        }
    }
}
