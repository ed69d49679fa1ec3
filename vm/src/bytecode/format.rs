//! The layout of a `.corb` file: header, and the order of fields in each record, declared once for writer and reader.
//!
//! ```text
//! magic     4 bytes   "CORB"
//! version   4 bytes   FORMAT_VERSION
//! ops       8 bytes   op_table_hash()
//! length    8 bytes   of the payload
//! checksum  8 bytes   FNV-1a of the payload
//! payload             one Module record
//! ```
//!
//! Numbers in the header and instructions are little endian; all other numbers are LEB128 (signed ones zigzag), strings and
//! lists carry their length in front. Invariant: changing a record or the meaning of an op raises [`FORMAT_VERSION`];
//! a changed op table is noticed by its hash.

use super::module::{
    AttributeDef, Capture, ClassDef, Const, Export, Function, Handler, Line, Module, NamespaceDef, Site,
    TypeRef, Variable,
};
use super::ops::TABLE;
use super::reader::{Get, Input, ReadError};
use super::writer::Put;
use std::sync::LazyLock;

/// First bytes of every compiled file.
pub const MAGIC: [u8; 4] = *b"CORB";

/// Raised whenever an older file would be misread or an op changes its meaning.
pub const FORMAT_VERSION: u32 = 2;

/// Bytes before the payload.
pub const HEADER: usize = 32;

/// FNV-1a, 64 bits: notices damage, not malice; the verifier is there for that.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// A hash of all ops' numbers, names and operands: a file compiled for another table is foreign.
pub fn op_table_hash() -> u64 {
    static HASH: LazyLock<u64> = LazyLock::new(|| {
        let mut bytes = Vec::with_capacity(16 * TABLE.len());
        for info in TABLE {
            bytes.extend_from_slice(info.name.as_bytes());
            for (field, kind) in info.operands() {
                bytes.extend_from_slice(field.name().as_bytes());
                bytes.push(kind as u8);
            }
            bytes.push(0xFF);
        }
        fnv1a(&bytes)
    });
    *HASH
}

/// A struct's fields in the order in which they are written and read.
macro_rules! record {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl Put for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let $type { $($field),* } = self;
                $( $field.put(out); )*
            }
        }

        impl Get for $type {
            fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
                $( let $field = Get::get(input)?; )*
                Ok($type { $($field),* })
            }
        }
    };
}

/// An enum's variants: the tag byte, then the fields in order.
macro_rules! variants {
    ($type:ident { $( $tag:literal => $variant:ident $( ( $($item:ident),* ) )? $( { $($field:ident),* } )? ),* $(,)? }) => {
        impl Put for $type {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $( $type::$variant $( ( $($item),* ) )? $( { $($field),* } )? => {
                        out.push($tag);
                        $( $( $item.put(out); )* )?
                        $( $( $field.put(out); )* )?
                    } )*
                }
            }
        }

        impl Get for $type {
            fn get(input: &mut Input<'_>) -> Result<Self, ReadError> {
                let at = input.at();
                match input.byte()? {
                    $( $tag => {
                        $( $( let $item = Get::get(input)?; )* )?
                        $( $( let $field = Get::get(input)?; )* )?
                        Ok($type::$variant $( ( $($item),* ) )? $( { $($field),* } )?)
                    } )*
                    tag => Err(ReadError::malformed(at, format!("{tag} marks no {}", stringify!($type)))),
                }
            }
        }
    };
}

record!(Module { name, consts, functions, classes, types, globals, namespaces, main, yields_value });
record!(Function {
    name,
    params,
    required,
    rest,
    generator,
    method,
    tagged,
    raw,
    code,
    handlers,
    variables,
    lines,
    sites,
    captures,
    param_names,
    doc,
});
record!(Handler { start, end, target, register });
record!(Variable { start, end, register });
record!(Line { pc, line, column });
record!(Site { name });
record!(ClassDef { name, attributes, methods, statics, init, doc });
record!(AttributeDef { name, ty, initial, doc });
record!(NamespaceDef { path, members });

variants!(Const {
    0 => Null,
    1 => Bool(value),
    2 => Int(value),
    3 => Float(value),
    4 => Str(value),
    5 => Bytes(value),
    6 => Big(digits),
    7 => Range { start, end, inclusive },
    8 => Builtin(name),
    9 => Namespace(index),
});
variants!(Capture { 0 => Register(register), 1 => Upvalue(index) });
variants!(Export { 0 => Global(slot), 1 => Function(function), 2 => Namespace(index) });
variants!(TypeRef {
    0 => Any,
    1 => Int,
    2 => Float,
    3 => Bool,
    4 => Str,
    5 => Builtin(name),
    6 => Global(slot),
    7 => Member(slot, path),
});
