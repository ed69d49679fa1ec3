//! Interned names: attribute, method and variable names as numbers, the same in all threads of a VM.
//!
//! Names that the VM itself asks for have fixed numbers ([`sym`]).

use crate::names::NameMap;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, RwLock};

/// An interned name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Symbol(pub u32);

/// Tables by name. A symbol is a number without structure, so one multiplication spreads it enough.
pub type SymbolMap<V> = HashMap<Symbol, V, BuildHasherDefault<SymbolHasher>>;

/// The hash of a [`Symbol`] (Fibonacci hashing).
#[derive(Default)]
pub struct SymbolHasher(u64);

impl Hasher for SymbolHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// A VM's names.
pub struct Symbols {
    inner: RwLock<Inner>,
}

struct Inner {
    by_name: NameMap<Arc<str>, Symbol>,
    names: Vec<Arc<str>>,
}

macro_rules! fixed {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// Names with fixed numbers.
        #[allow(missing_docs, non_upper_case_globals)]
        pub mod sym {
            use super::Symbol;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Ids { $($name),* }
            $(pub const $name: Symbol = Symbol(Ids::$name as u32);)*
        }
        const FIXED: &[&str] = &[$($text),*];
    };
}

fixed! {
    NEW = "new", LENGTH = "length", MESSAGE = "message", CAUSE = "cause", TRACE = "$trace",
    TO_STRING = "to_string", EQUALS = "equals", HASH = "hash", COMPARE = "compare", CONTAINS = "contains",
    ITERATE = "iterate", CALL = "call", GET_INDEX = "get_index", SET_INDEX = "set_index", SLICE = "slice",
    ADD = "add", SUB = "sub", MUL = "mul", DIV = "div", MOD = "mod", POW = "pow", NEG = "neg",
    BIT_AND = "bit_and", BIT_OR = "bit_or", BIT_XOR = "bit_xor", BIT_NOT = "bit_not", SHL = "shl", SHR = "shr",
    READ = "read", WRITE = "write", WRAP = "wrap", NAME = "name", SEND = "send",
}

impl Symbols {
    /// The table with the fixed names in it.
    pub fn new() -> Self {
        let mut inner = Inner { by_name: NameMap::default(), names: Vec::new() };
        for name in FIXED {
            inner.add(name);
        }
        Self { inner: RwLock::new(inner) }
    }

    /// The symbol of `name`, made if need be.
    pub fn intern(&self, name: &str) -> Symbol {
        if let Some(symbol) = self.lookup(name) {
            return symbol;
        }
        self.inner.write().expect("no panic while the lock is held").add(name)
    }

    /// The symbol of `name`, if there is one.
    pub fn lookup(&self, name: &str) -> Option<Symbol> {
        self.inner.read().expect("no panic while the lock is held").by_name.get(name).copied()
    }

    /// The name of a symbol.
    pub fn name(&self, symbol: Symbol) -> Arc<str> {
        self.inner.read().expect("no panic while the lock is held").names[symbol.0 as usize].clone()
    }
}

impl Default for Symbols {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn add(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.by_name.get(name) {
            return *symbol;
        }
        let symbol = Symbol(self.names.len() as u32);
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.by_name.insert(name, symbol);
        symbol
    }
}
