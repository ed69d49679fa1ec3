//! gdb's interface for code that is made at run time: a list of object files in memory, which gdb finds by the name of its head, and a
//! function at which it stops to hear of changes. Each compiled function is an object file of its own with one symbol and no content:
//! the code is where the symbol says.
//!
//! The names are weak, because a host may have another compiler in it that offers the same interface: the linker then makes the two share
//! one list. Invariant: the list is changed under [`LIST`] only, and an entry is taken out before its memory goes.

use object::elf;
use object::write::elf::{FileHeader, SectionHeader, Sym, Writer};
use std::sync::{Mutex, PoisonError};

/// An entry of the list, as gdb knows it.
#[repr(C)]
struct Entry {
    next: *mut Entry,
    previous: *mut Entry,
    file: *const u8,
    size: u64,
}

/// The head of the list, as gdb knows it.
#[repr(C)]
struct Descriptor {
    version: u32,
    /// What happened last: [`REGISTERED`] or [`REMOVED`].
    action: u32,
    relevant: *mut Entry,
    first: *mut Entry,
}

const REGISTERED: u32 = 1;
const REMOVED: u32 = 2;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
std::arch::global_asm!(
    ".weak __jit_debug_register_code",
    ".type __jit_debug_register_code, %function",
    ".text",
    "__jit_debug_register_code:",
    "    ret",
    ".size __jit_debug_register_code, . - __jit_debug_register_code",
    ".weak __jit_debug_descriptor",
    ".type __jit_debug_descriptor, %object",
    ".data",
    ".balign 8",
    "__jit_debug_descriptor:",
    "    .long 1",
    "    .long 0",
    "    .quad 0",
    "    .quad 0",
    ".size __jit_debug_descriptor, . - __jit_debug_descriptor",
    ".text",
);

unsafe extern "C" {
    #[link_name = "__jit_debug_register_code"]
    fn tell();
    #[link_name = "__jit_debug_descriptor"]
    static mut DESCRIPTOR: Descriptor;
}

/// Held while the list is changed.
static LIST: Mutex<()> = Mutex::new(());

/// A function that gdb knows of, until this is dropped.
pub(super) struct Registration {
    entry: *mut Entry,
    /// What the entry points to.
    _file: Vec<u8>,
}

// SAFETY: the entry is a box of its own, and looked at under the lock only.
unsafe impl Send for Registration {}

/// Makes a function known to gdb.
pub(super) fn register(name: &str, address: u64, size: u64) -> Option<Registration> {
    let file = object_file(name, address, size)?;
    let entry = Box::into_raw(Box::new(Entry {
        next: std::ptr::null_mut(),
        previous: std::ptr::null_mut(),
        file: file.as_ptr(),
        size: file.len() as u64,
    }));
    let _guard = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the list is changed under the lock only; its entries live until they are taken out of it.
    unsafe {
        let head = &raw mut DESCRIPTOR;
        (*entry).next = (*head).first;
        if let Some(next) = (*entry).next.as_mut() {
            next.previous = entry;
        }
        (*head).first = entry;
        (*head).relevant = entry;
        (*head).action = REGISTERED;
        tell();
    }
    Some(Registration { entry, _file: file })
}

impl Drop for Registration {
    fn drop(&mut self) {
        let _guard = LIST.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: as above; the entry is in the list since it was made, and is freed when it is not there any more.
        unsafe {
            let head = &raw mut DESCRIPTOR;
            match (*self.entry).previous.as_mut() {
                Some(previous) => previous.next = (*self.entry).next,
                None => (*head).first = (*self.entry).next,
            }
            if let Some(next) = (*self.entry).next.as_mut() {
                next.previous = (*self.entry).previous;
            }
            (*head).relevant = self.entry;
            (*head).action = REMOVED;
            tell();
            drop(Box::from_raw(self.entry));
        }
    }
}

/// An ELF file that says: at this address lies a function of this name and size.
fn object_file(name: &str, address: u64, size: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(object::Endianness::Little, true, &mut bytes);
    let text_name = writer.add_section_name(b".text");
    let symbol_name = writer.add_string(name.as_bytes());
    writer.reserve_file_header();
    writer.reserve_null_section_index();
    let text = writer.reserve_section_index();
    writer.reserve_symbol_index(Some(text));
    writer.reserve_symtab_section_index();
    writer.reserve_strtab_section_index();
    writer.reserve_shstrtab_section_index();
    writer.reserve_symtab();
    writer.reserve_strtab().ok()?;
    writer.reserve_shstrtab().ok()?;
    writer.reserve_section_headers();
    let header = FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        // Addresses are final.
        e_type: elf::ET_EXEC,
        e_machine: if cfg!(target_arch = "aarch64") { elf::EM_AARCH64 } else { elf::EM_X86_64 },
        e_entry: 0,
        e_flags: Default::default(),
    };
    writer.write_file_header(&header).ok()?;
    writer.write_null_symbol();
    writer.write_symbol(&Sym {
        section: Some(text.0),
        st_name: writer.string_offset(Some(symbol_name)),
        st_info: elf::SymbolInfo::new(elf::STB_GLOBAL, elf::STT_FUNC),
        st_other: Default::default(),
        st_shndx: Default::default(),
        st_value: address,
        st_size: size,
    });
    writer.write_strtab();
    writer.write_shstrtab();
    writer.write_null_section_header();
    writer.write_section_header(&SectionHeader {
        sh_name: writer.section_name_offset(Some(text_name)),
        sh_type: elf::SHT_NOBITS,
        sh_flags: elf::SHF_ALLOC | elf::SHF_EXECINSTR,
        sh_addr: address,
        sh_offset: 0,
        sh_size: size,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 16,
        sh_entsize: 0,
    });
    writer.write_symtab_section_header(1);
    writer.write_strtab_section_header();
    writer.write_shstrtab_section_header();
    Some(bytes)
}
