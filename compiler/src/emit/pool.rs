//! The builder of a module: constants and types without duplicates, function numbers given out before the code exists.
//!
//! Invariant: every number that was given out refers to an entry of the finished module.

use corella_vm::names::NameMap;

use corella_vm::bytecode::{ClassDef, Const, Function, Module, TypeRef};

/// A constant as a key: floats by their bits.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Str(String),
    Bytes(Vec<u8>),
    Big(String),
    Range(i64, i64, bool),
    Builtin(String),
    Namespace(u32),
}

/// Builds a module.
#[derive(Default)]
pub(crate) struct ModuleBuilder {
    /// What will be the module; functions that are not finished yet are empty.
    pub(crate) module: Module,
    consts: NameMap<Key, u32>,
    /// What went beyond a limit of the format, if anything did.
    pub(crate) overflow: Option<&'static str>,
}

impl ModuleBuilder {
    /// The number of a constant.
    pub(crate) fn constant(&mut self, value: Const) -> u32 {
        let key = match &value {
            Const::Null => Key::Null,
            Const::Bool(b) => Key::Bool(*b),
            Const::Int(i) => Key::Int(*i),
            Const::Float(f) => Key::Float(f.to_bits()),
            Const::Str(s) => Key::Str(s.clone()),
            Const::Bytes(b) => Key::Bytes(b.clone()),
            Const::Big(s) => Key::Big(s.clone()),
            Const::Range { start, end, inclusive } => Key::Range(*start, *end, *inclusive),
            Const::Builtin(s) => Key::Builtin(s.clone()),
            Const::Namespace(n) => Key::Namespace(*n),
        };
        let consts = &mut self.module.consts;
        *self.consts.entry(key).or_insert_with(|| {
            consts.push(value);
            consts.len() as u32 - 1
        })
    }

    /// The number of a string constant for an operand of 16 bits.
    pub(crate) fn short_string(&mut self, text: &str) -> u16 {
        let number = self.constant(Const::Str(text.to_owned()));
        u16::try_from(number).unwrap_or_else(|_| {
            self.overflow = Some("has too many constants");
            0
        })
    }

    /// The number of a type.
    pub(crate) fn type_index(&mut self, ty: TypeRef) -> u16 {
        let types = &mut self.module.types;
        let number = types.iter().position(|known| *known == ty).unwrap_or_else(|| {
            types.push(ty);
            types.len() - 1
        });
        u16::try_from(number).unwrap_or_else(|_| {
            self.overflow = Some("names too many types");
            0
        })
    }

    /// A number for a function whose code comes later.
    pub(crate) fn reserve_function(&mut self) -> u32 {
        self.module.functions.push(Function::default());
        self.module.functions.len() as u32 - 1
    }

    /// Adds a class declaration.
    pub(crate) fn class(&mut self, class: ClassDef) -> u16 {
        self.module.classes.push(class);
        u16::try_from(self.module.classes.len() - 1).unwrap_or_else(|_| {
            self.overflow = Some("declares too many classes");
            0
        })
    }
}
