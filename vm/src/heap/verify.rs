//! The heap verifier: walks everything that is reachable and checks what collection and foreign reads rely on.
//!
//! Slow; for tests, the stress modes and debugging. It allocates outside the heap only.

use super::block::{self, BLOCK, BLOCK_DATA, END, GRANULE, LOG};
use super::collect::Phase;
use super::mark::Lister;
use super::{Heap, Roots, trace};
use crate::object::array::{Array, Buffer};
use crate::object::map::{Map, Table};
use crate::object::proxy::Proxy;
use crate::object::typed::{RawBuffer, TypedArray};
use crate::object::{FLAG_IMMORTAL, Header, Kind};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU8, Ordering};

impl Heap {
    /// Checks the whole reachable heap: headers, side bytes, that slots refer to live objects of this heap or to immortals,
    /// lengths against capacities, map indices, and that no write went past the write barrier.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn verify(&mut self, roots: &mut dyn Roots) -> Result<(), String> {
        self.tracer.listing = Some(Vec::new());
        roots.trace(&mut self.tracer);
        roots.trace_volatile(&mut self.tracer);
        let mut found = self.tracer.listing.take().unwrap_or_default();
        let _ = self.owner.scan(&mut super::Cursors::default(), |target| found.push(target as *mut Header));

        let own: HashSet<usize> =
            self.space.blocks.iter().chain(&self.space.large).map(|c| c.addr().get()).collect();
        let mut sizes: HashMap<usize, usize> = HashMap::new();
        let mut from: Vec<(*mut Header, *mut Header)> =
            found.iter().map(|&o| (std::ptr::null_mut(), o)).collect();
        let mut children = Vec::new();
        while let Some((parent, object)) = from.pop() {
            if sizes.contains_key(&object.addr()) {
                continue;
            }
            let complain = |what: &str| {
                Err(format!("{what}: object {object:p} ({}) held by {}", name(object), name(parent)))
            };
            if object.is_null() || !object.addr().is_multiple_of(8) {
                return Err(format!("not an address: {object:p} held by {}", name(parent)));
            }
            if !own.contains(&block::head(object).addr()) {
                // SAFETY: what is not of this heap must be immortal, so its header can be read.
                if unsafe { flags(object) } & FLAG_IMMORTAL == 0 {
                    return complain("neither of this heap nor immortal");
                }
                continue;
            }
            // SAFETY: the object lies in a block or chunk of this heap; everything is checked before it is relied on.
            unsafe {
                if object.cast::<u8>().read() > Kind::Proxy as u8 {
                    return complain("no kind");
                }
                let size = self.check_place(object).or_else(|what| complain(&what).map(|()| 0))?;
                sizes.insert(object.addr(), size);
                if let Err(what) = check_content(object, self.number) {
                    return complain(&what);
                }
                children.clear();
                trace::visit(object, &mut Lister { list: &mut children, layouts: &self.tracer.layouts });
                if (*object).kind() == Kind::Proxy && (*object.cast::<Proxy>()).heap == self.number {
                    children.push((*object.cast::<Proxy>()).target);
                }
                let unlogged = self.tracer.is_marked(object) && *block::side(object) & LOG != 0;
                let stacks = matches!((*object).kind(), Kind::Task | Kind::Generator);
                let carded = (*object).granules == 0 && (*block::head(object)).carded;
                for &child in &children {
                    if unlogged
                        && !stacks
                        && !carded
                        && matches!(self.cycle.phase, Phase::Idle)
                        && own.contains(&block::head(child).addr())
                        && !self.tracer.is_marked(child)
                    {
                        return Err(format!(
                            "a write to {} went past the write barrier: it refers to {}",
                            name(object),
                            name(child)
                        ));
                    }
                    from.push((object, child));
                }
            }
        }
        let mut places: Vec<(usize, usize)> = sizes.into_iter().collect();
        places.sort_unstable();
        for pair in places.windows(2) {
            if pair[0].0 + pair[0].1 > pair[1].0 {
                return Err(format!(
                    "objects overlap: {:#x} (+{}) and {:#x}",
                    pair[0].0, pair[0].1, pair[1].0
                ));
            }
        }
        Ok(())
    }

    /// # Safety
    /// `object` lies in a block or chunk of this heap.
    unsafe fn check_place(&self, object: *mut Header) -> Result<usize, String> {
        // SAFETY: by the caller's promise.
        unsafe {
            let head = block::head(object);
            if (*head).heap != self.number {
                return Err(format!("a block of heap {}", (*head).heap));
            }
            let offset = object.addr() - head.addr();
            let granules = (*object).granules as usize;
            if granules == 0 {
                return if (*head).large > 0 && offset == block::LARGE_DATA {
                    Ok((*head).large)
                } else {
                    Err("no size".into())
                };
            }
            let size = granules * GRANULE;
            if (*head).large > 0
                || offset < BLOCK_DATA
                || offset + size > BLOCK
                || !offset.is_multiple_of(GRANULE)
            {
                return Err("a place where no object can be".into());
            }
            let first = offset / GRANULE;
            let next = block::find(head, first + 1, 0xff);
            if !matches!(self.cycle.phase, Phase::Idle) {
                return Ok(size);
            }
            if self.tracer.is_marked(object) {
                let last = head.cast::<u8>().add(first + granules - 1).read();
                if last & END == 0 || granules > 1 && next != first + granules - 1 {
                    return Err("its end is not where its side bytes say".into());
                }
            } else if next < first + granules {
                return Err("side bytes inside a new object".into());
            }
            Ok(size)
        }
    }
}

/// # Safety
/// `object` can be read.
unsafe fn flags(object: *mut Header) -> u8 {
    // SAFETY: by the caller's promise; the flags are the second byte.
    unsafe { (*object.cast::<u8>().add(1).cast::<AtomicU8>()).load(Ordering::Relaxed) }
}

fn name(object: *mut Header) -> String {
    if object.is_null() {
        return "the roots".into();
    }
    // SAFETY: only called for what was found in the heap; the byte may be nonsense, so it is not read as a kind.
    let kind = unsafe { object.cast::<u8>().read() };
    if kind <= Kind::Proxy as u8 {
        // SAFETY: kinds are numbered without gaps up to this one.
        let kind: Kind = unsafe { std::mem::transmute(kind) };
        format!("{kind:?} {object:p}")
    } else {
        format!("kind {kind:#x} {object:p}")
    }
}

/// # Safety
/// `object` is a live object of this heap.
unsafe fn check_content(object: *mut Header, heap: u32) -> Result<(), String> {
    // SAFETY: by the caller's promise; the kind tells the layout.
    unsafe {
        let size = block::size_of_object(object);
        match (*object).kind() {
            Kind::Array => {
                let array = object.cast::<Array>();
                let buffer = (*array).buffer.load(Ordering::Relaxed);
                if buffer.is_null() || (*buffer).header.kind() != Kind::Buffer {
                    return Err("an array without buffer".into());
                }
                let len = (*array).len.load(Ordering::Relaxed);
                let capacity = (*buffer).capacity.load(Ordering::Relaxed);
                if len > capacity {
                    return Err(format!("an array of {len} with room for {capacity}"));
                }
            }
            Kind::IntArray | Kind::FloatArray => {
                let array = object.cast::<TypedArray>();
                let buffer = (*array).buffer.load(Ordering::Relaxed);
                if buffer.is_null() || (*buffer).header.kind() != Kind::RawBuffer {
                    return Err("a typed array without buffer".into());
                }
                if (*array).len.load(Ordering::Relaxed) > (*buffer).capacity.load(Ordering::Relaxed) {
                    return Err("a typed array longer than its buffer".into());
                }
            }
            Kind::Buffer => {
                let capacity = (*object.cast::<Buffer>()).capacity.load(Ordering::Relaxed);
                if size_of::<Buffer>() + capacity as usize * 8 > size {
                    return Err("a buffer larger than its object".into());
                }
            }
            Kind::RawBuffer => {
                let capacity = (*object.cast::<RawBuffer>()).capacity.load(Ordering::Relaxed);
                if size_of::<RawBuffer>() + capacity as usize * 8 > size {
                    return Err("a raw buffer larger than its object".into());
                }
            }
            Kind::Map => {
                let map = object.cast::<Map>();
                let table = (*map).table.load(Ordering::Relaxed);
                if table.is_null() || (*table).header.kind() != Kind::MapTable {
                    return Err("a map without table".into());
                }
                let used = (*table).used.load(Ordering::Relaxed);
                if (*map).len.load(Ordering::Relaxed) > used || used > (*table).capacity as u64 {
                    return Err("a map's numbers do not fit".into());
                }
            }
            Kind::MapTable => return check_table(object.cast(), size),
            Kind::Proxy => {
                let proxy = object.cast::<Proxy>();
                if (*proxy).target.is_null() || (*proxy).heap == 0 {
                    return Err("a proxy without target".into());
                }
                if (*proxy).heap == heap && (*(*proxy).target).kind() == Kind::Proxy {
                    return Err("a proxy of a proxy".into());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// # Safety
/// `table` is a live table of this heap in an object of `size` bytes.
unsafe fn check_table(table: *mut Table, size: usize) -> Result<(), String> {
    // SAFETY: by the caller's promise; sizes are checked before the index is read.
    unsafe {
        let capacity = (*table).capacity as usize;
        let used = (*table).used.load(Ordering::Relaxed) as usize;
        let words = (*table).index_mask as usize + 1;
        if used > capacity || Table::bytes(capacity, words) > size {
            return Err("a map's table larger than its object".into());
        }
        let mut seen = HashSet::new();
        for position in 0..words {
            let entry = Table::index(table, position).load(Ordering::Relaxed) as usize;
            if entry > used {
                return Err(format!("a map's index names entry {entry} of {used}"));
            }
            if entry > 0 && !seen.insert(entry) {
                return Err(format!("a map's index names entry {entry} twice"));
            }
        }
    }
    Ok(())
}
