//! Rust types for script values, both ways.
//!
//! Conversions lose nothing: an int that does not fit, or a value of another type, is an error that names both.

use crate::{Error, Object, Value};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};

/// A value is not of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongType {
    /// What was wanted: `an int`.
    pub expected: &'static str,
    /// What was there: `string`.
    pub found: String,
}

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for WrongType {}

impl From<WrongType> for Error {
    fn from(error: WrongType) -> Self {
        Error::Type(error.to_string())
    }
}

/// A type that script values can be turned into.
///
/// Implemented for `bool`, the integer types, `f64`, `String`, `()`, `Option` (null is `None`), `Vec` (Array, and IntArray or
/// FloatArray for numbers), `HashMap` and `BTreeMap` (Map), tuples (Arrays of exactly that length), [`Object`] and [`Value`].
///
/// ```
/// use corella::{FromValue, Value};
/// let list = Value::Array(vec![Value::Int(1), Value::Null]);
/// assert_eq!(Vec::<Option<i64>>::from_value(list), Ok(vec![Some(1), None]));
/// ```
pub trait FromValue: Sized {
    /// Whether an argument of this type may be left out.
    const OPTIONAL: bool = false;

    /// Turns a value into `Self`.
    ///
    /// # Errors
    /// It is of another type.
    fn from_value(value: Value) -> Result<Self, WrongType>;
}

/// A type that can be turned into a script value.
pub trait IntoValue {
    /// Turns `self` into a value.
    fn into_value(self) -> Value;
}

pub(crate) fn type_name(value: &Value) -> String {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Str(_) => "string",
        Value::Bytes(_) => "Bytes",
        Value::Array(_) => "Array",
        Value::Map(_) => "Map",
        Value::IntArray(_) => "IntArray",
        Value::FloatArray(_) => "FloatArray",
        Value::Object(object) => object.class_name(),
    }
    .to_owned()
}

fn wrong<T>(expected: &'static str, found: &Value) -> Result<T, WrongType> {
    Err(WrongType { expected, found: type_name(found) })
}

impl FromValue for Value {
    const OPTIONAL: bool = true;

    fn from_value(value: Value) -> Result<Self, WrongType> {
        Ok(value)
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl IntoValue for &Value {
    fn into_value(self) -> Value {
        self.clone()
    }
}

impl FromValue for () {
    /// Any value will do: for calls whose result is of no interest.
    fn from_value(_: Value) -> Result<Self, WrongType> {
        Ok(())
    }
}

impl IntoValue for () {
    fn into_value(self) -> Value {
        Value::Null
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Bool(b) => Ok(b),
            other => wrong("a bool", &other),
        }
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}

macro_rules! integers {
    ($($ty:ty: $expected:literal),*) => {$(
        impl FromValue for $ty {
            fn from_value(value: Value) -> Result<Self, WrongType> {
                match value {
                    Value::Int(i) => match <$ty>::try_from(i) {
                        Ok(i) => Ok(i),
                        Err(_) => Err(WrongType { expected: $expected, found: i.to_string() }),
                    },
                    other => wrong($expected, &other),
                }
            }
        }
    )*};
}

integers!(
    i64: "an int", i32: "an int of 32 bits", i16: "an int of 16 bits", i8: "an int of 8 bits",
    u64: "an int that is not negative", u32: "an int from 0 to 2^32 - 1", u16: "an int from 0 to 65535",
    u8: "an int from 0 to 255", usize: "an int that is not negative", isize: "an int"
);

macro_rules! small_integers {
    ($($ty:ty),*) => {$(
        impl IntoValue for $ty {
            fn into_value(self) -> Value {
                Value::Int(i64::from(self))
            }
        }
    )*};
}

small_integers!(i64, i32, i16, i8, u32, u16, u8);

impl FromValue for f64 {
    /// Integers are converted, as everywhere in the language.
    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Float(f) => Ok(f),
            Value::Int(i) => Ok(i as f64),
            other => wrong("a number", &other),
        }
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Value {
        Value::Float(self)
    }
}

impl IntoValue for f32 {
    fn into_value(self) -> Value {
        Value::Float(f64::from(self))
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Str(text) => Ok(text),
            other => wrong("a string", &other),
        }
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::Str(self)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::Str(self.to_owned())
    }
}

impl IntoValue for &String {
    fn into_value(self) -> Value {
        Value::Str(self.clone())
    }
}

impl FromValue for Object {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Object(object) => Ok(object),
            other => wrong("an object", &other),
        }
    }
}

impl IntoValue for Object {
    fn into_value(self) -> Value {
        Value::Object(self)
    }
}

impl IntoValue for &Object {
    fn into_value(self) -> Value {
        Value::Object(self.clone())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const OPTIONAL: bool = true;

    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Array(items) => items.into_iter().map(T::from_value).collect(),
            Value::IntArray(items) => items.into_iter().map(|i| T::from_value(Value::Int(i))).collect(),
            Value::FloatArray(items) => items.into_iter().map(|f| T::from_value(Value::Float(f))).collect(),
            Value::Bytes(bytes) => bytes.into_iter().map(|b| T::from_value(Value::Int(b.into()))).collect(),
            other => wrong("an Array", &other),
        }
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> Value {
        Value::Array(self.into_iter().map(T::into_value).collect())
    }
}

impl<T: IntoValue + Clone> IntoValue for &[T] {
    fn into_value(self) -> Value {
        Value::Array(self.iter().cloned().map(T::into_value).collect())
    }
}

impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn into_value(self) -> Value {
        Value::Array(self.into_iter().map(T::into_value).collect())
    }
}

fn entries<K: FromValue, V: FromValue>(
    value: Value,
) -> Result<impl Iterator<Item = Result<(K, V), WrongType>>, WrongType> {
    match value {
        Value::Map(entries) => {
            Ok(entries.into_iter().map(|(key, value)| Ok((K::from_value(key)?, V::from_value(value)?))))
        }
        other => wrong("a Map", &other),
    }
}

impl<K: FromValue + Eq + Hash, V: FromValue, S: BuildHasher + Default> FromValue for HashMap<K, V, S> {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        entries(value)?.collect()
    }
}

impl<K: IntoValue, V: IntoValue, S> IntoValue for HashMap<K, V, S> {
    fn into_value(self) -> Value {
        Value::Map(self.into_iter().map(|(key, value)| (key.into_value(), value.into_value())).collect())
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        entries(value)?.collect()
    }
}

impl<K: IntoValue, V: IntoValue> IntoValue for BTreeMap<K, V> {
    fn into_value(self) -> Value {
        Value::Map(self.into_iter().map(|(key, value)| (key.into_value(), value.into_value())).collect())
    }
}

/// The arguments of a call: a tuple of values, or a `Vec<Value>`.
pub trait Args {
    /// The arguments in order.
    fn into_args(self) -> Vec<Value>;
}

impl Args for () {
    fn into_args(self) -> Vec<Value> {
        Vec::new()
    }
}

impl Args for Vec<Value> {
    fn into_args(self) -> Vec<Value> {
        self
    }
}

impl Args for &[Value] {
    fn into_args(self) -> Vec<Value> {
        self.to_vec()
    }
}

macro_rules! tuples {
    ($(($count:literal $expected:literal: $($name:ident)+))*) => {$(
        impl<$($name: IntoValue),+> Args for ($($name,)+) {
            fn into_args(self) -> Vec<Value> {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                vec![$($name.into_value()),+]
            }
        }

        impl<$($name: IntoValue),+> IntoValue for ($($name,)+) {
            fn into_value(self) -> Value {
                Value::Array(self.into_args())
            }
        }

        impl<$($name: FromValue),+> FromValue for ($($name,)+) {
            fn from_value(value: Value) -> Result<Self, WrongType> {
                match value {
                    Value::Array(items) if items.len() == $count => {
                        let mut items = items.into_iter();
                        Ok(($($name::from_value(items.next().unwrap_or_default())?,)+))
                    }
                    Value::Array(items) => Err(WrongType {
                        expected: $expected,
                        found: format!("one of {}", items.len()),
                    }),
                    other => wrong($expected, &other),
                }
            }
        }
    )*};
}

tuples! {
    (1 "an Array of 1 element": A)
    (2 "an Array of 2 elements": A B)
    (3 "an Array of 3 elements": A B C)
    (4 "an Array of 4 elements": A B C D)
    (5 "an Array of 5 elements": A B C D E)
    (6 "an Array of 6 elements": A B C D E F)
}
