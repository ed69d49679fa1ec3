//! What a file of natives declares about its class.

use corella_vm::native::NativeRow;

/// The value of a constant member.
#[derive(Clone, Copy, Debug)]
pub enum Constant {
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
}

/// A constant member of a class: name, value, one line of documentation.
pub type ConstantRow = (&'static str, Constant, &'static str);

/// The natives of one built-in class. Numbers of arguments exclude the receiver.
pub struct ClassTable {
    /// Fixed id of the class.
    pub class: u32,
    /// Name of the class, as it stands before the methods' names in messages.
    pub name: &'static str,
    /// What runs for `Name(...)`, if anything.
    pub construct: Option<NativeRow>,
    /// Methods that only read their receiver; it may be a proxy.
    pub readers: &'static [NativeRow],
    /// Methods that change their receiver, which is never a proxy: such calls are sent to the owner.
    pub writers: &'static [NativeRow],
    /// Read without parentheses; the receiver may be a proxy.
    pub getters: &'static [NativeRow],
    /// Called on the class.
    pub statics: &'static [NativeRow],
    /// Read from the class.
    pub constants: &'static [ConstantRow],
}

impl ClassTable {
    /// A table without rows, to be filled by struct update.
    pub const fn empty(class: u32, name: &'static str) -> Self {
        Self {
            class,
            name,
            construct: None,
            readers: &[],
            writers: &[],
            getters: &[],
            statics: &[],
            constants: &[],
        }
    }
}
