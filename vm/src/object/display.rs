//! Values as text: `to_string` and `repr` of everything that has no hook of its own.
//!
//! Containers are walked with an explicit list of what is open, never by native recursion, so depth is bounded by memory
//! alone; a container inside itself is shown as `[...]` or `{...}`. Instances whose class has a `to_string` hook are left to
//! the caller as [`Piece::Hook`]s between the texts. Everything is read as a foreign thread may read it, so that containers
//! reached through proxies are shown as well.

use super::array::{self, Array};
use super::map::{self, Map, Table};
use super::proxy::Proxy;
use super::typed::{self, Element, TypedArray};
use super::{Header, Kind, bigint, function, handle, number, range, string, task};
use crate::native::NativeDef;
use crate::value::Value;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

/// A part of a text to be.
#[derive(Debug)]
pub enum Piece {
    /// Finished text.
    Text(String),
    /// A value that has to be asked for its text. If it was reached through a proxy (given second), it is an object of
    /// another heap and must be wrapped before the native returns.
    Hook(Value, Option<*mut Proxy>),
}

/// The text became longer than the limit given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Writes an instance or host object that has no hook, or says with `false` that it has one.
pub type ShowInstance<'a> = &'a mut dyn FnMut(Value, &mut String) -> bool;

/// Renders a value. `quoted` shows a string at the top as it would be written in source, as strings inside
/// containers always are.
pub fn render(
    value: Value,
    quoted: bool,
    limit: usize,
    instance: ShowInstance<'_>,
) -> Result<Vec<Piece>, TooLong> {
    let mut renderer = Renderer {
        text: String::new(),
        done: Vec::new(),
        written: 0,
        open: Vec::new(),
        path: HashSet::new(),
        instance,
    };
    renderer.value(value, quoted, None);
    while let Some(top) = renderer.open.last_mut() {
        let via = top.via;
        match top.step() {
            Step::Element { value, key, first } => {
                if !first {
                    renderer.text.push_str(", ");
                }
                match key {
                    Some(key) if string::as_str(key).is_some_and(is_identifier) => {
                        renderer.value(key, false, via);
                        renderer.text.push_str(": ");
                    }
                    // A key is never a container of ours to be walked: those hash by identity, and are shown shortly.
                    Some(key) => {
                        renderer.key(key, via);
                        renderer.text.push_str(": ");
                    }
                    None => {}
                }
                renderer.value(value, true, via);
            }
            Step::Word { element, word, first } => {
                if !first {
                    renderer.text.push_str(", ");
                }
                match element {
                    Element::Int => _ = write!(renderer.text, "{}", word as i64),
                    Element::Float => number::write_float(&mut renderer.text, f64::from_bits(word)),
                }
            }
            Step::End { close } => {
                renderer.text.push(close);
                if let Some(frame) = renderer.open.pop() {
                    renderer.path.remove(&frame.object);
                }
            }
        }
        if renderer.text.len() + renderer.written > limit {
            return Err(TooLong);
        }
    }
    if !renderer.text.is_empty() || renderer.done.is_empty() {
        renderer.done.push(Piece::Text(renderer.text));
    }
    Ok(renderer.done)
}

/// Writes what is no container and has no hook; false for other values.
pub fn write_scalar(to: &mut String, value: Value, quoted: bool) -> bool {
    if let Some(i) = value.as_int() {
        let _ = write!(to, "{i}"); // writing into a String does not fail
        return true;
    }
    if let Some(f) = value.as_float() {
        number::write_float(to, f);
        return true;
    }
    let Some(kind) = value.kind() else {
        to.push_str(match value {
            Value::TRUE => "true",
            Value::FALSE => "false",
            _ => "null",
        });
        return true;
    };
    match kind {
        Kind::Str => {
            let text = string::as_str(value).unwrap_or_default();
            if quoted { quote(to, text) } else { to.push_str(text) }
        }
        Kind::Bytes => quote_bytes(to, string::as_bytes(value).unwrap_or_default()),
        Kind::BigInt => _ = write!(to, "{}", bigint::get(value).unwrap_or_default()),
        Kind::Range => {
            if let Some(b) = range::bounds(value) {
                let _ = write!(to, "{}..{}{}", b.start, if b.inclusive { "=" } else { "" }, b.end);
            }
        }
        Kind::Function | Kind::NativeFunction | Kind::BoundMethod => {
            let _ = write!(to, "<function {}>", function_name(value));
        }
        Kind::Class => {
            let name = function::class_of_value(value).map_or("", |class| &class.name);
            let _ = write!(to, "<class {name}>");
        }
        Kind::Module => _ = write!(to, "<{}>", function::module_name(value).unwrap_or_default()),
        Kind::Thread => _ = write!(to, "<Thread {}>", handle::thread_id(value).unwrap_or_default()),
        // SAFETY: the kind was checked; a task's number never changes.
        Kind::Task => _ = write!(to, "<Task {}>", unsafe { (*value.pointer().cast::<task::Task>()).id }),
        Kind::Future => to.push_str("<Future>"),
        Kind::Generator => to.push_str("<Generator>"),
        Kind::Weak => to.push_str("<WeakRef>"),
        Kind::BoxInt | Kind::BoxFloat => {} // handled above
        Kind::Array
        | Kind::Map
        | Kind::IntArray
        | Kind::FloatArray
        | Kind::Instance
        | Kind::Handle
        | Kind::Proxy => {
            return false;
        }
        Kind::Buffer | Kind::RawBuffer | Kind::MapTable | Kind::Cell | Kind::Stack => {
            to.push_str("<internal>")
        }
    }
    true
}

/// The text of a value that is no container and has no hook: strings as they are.
pub fn scalar(value: Value) -> Option<String> {
    let mut text = String::new();
    write_scalar(&mut text, value, false).then_some(text)
}

/// As [`scalar`], but strings as they would be written in source.
pub fn repr_scalar(value: Value) -> Option<String> {
    let mut text = String::new();
    write_scalar(&mut text, value, true).then_some(text)
}

/// The name of something callable.
pub fn function_name(value: Value) -> Cow<'static, str> {
    let value = function::bound_parts(value).map_or(value, |(_, function)| function);
    match function::code_of_value(value) {
        Some(code) => Cow::Borrowed(&code.name),
        None => function::native_of_value(value).map_or_else(Default::default, NativeDef::full_name),
    }
}

/// Whether a text could stand as a name in source.
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// Appends a text in double quotes, escaped.
pub fn quote(to: &mut String, text: &str) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\0' => to.push_str("\\0"),
            c if c.is_control() => _ = write!(to, "\\u{{{:x}}}", u32::from(c)),
            c => to.push(c),
        }
    }
    to.push('"');
}

fn quote_bytes(to: &mut String, bytes: &[u8]) {
    to.push_str("b\"");
    for &byte in bytes {
        match byte {
            b'"' => to.push_str("\\\""),
            b'\\' => to.push_str("\\\\"),
            b'\n' => to.push_str("\\n"),
            b'\r' => to.push_str("\\r"),
            b'\t' => to.push_str("\\t"),
            0x20..0x7f => to.push(byte as char),
            _ => _ = write!(to, "\\x{byte:02x}"),
        }
    }
    to.push('"');
}

struct Renderer<'a> {
    text: String,
    done: Vec<Piece>,
    /// Bytes in `done`.
    written: usize,
    open: Vec<Frame>,
    path: HashSet<*mut Header>,
    instance: ShowInstance<'a>,
}

/// An open container.
struct Frame {
    object: *mut Header,
    content: Content,
    next: usize,
    end: usize,
    any: bool,
    via: Option<*mut Proxy>,
}

#[derive(Clone, Copy)]
enum Content {
    Array(*const Array),
    Typed(*const TypedArray, Element),
    Map(*const Table),
}

enum Step {
    Element { value: Value, key: Option<Value>, first: bool },
    Word { element: Element, word: u64, first: bool },
    End { close: char },
}

impl Frame {
    fn step(&mut self) -> Step {
        while self.next < self.end {
            let number = self.next;
            self.next += 1;
            let first = !self.any;
            let step = match self.content {
                Content::Array(array) => {
                    array::get_foreign(array, number).map(|value| Step::Element { value, key: None, first })
                }
                Content::Typed(array, element) => {
                    typed::get_word_foreign(array, number).map(|word| Step::Word { element, word, first })
                }
                Content::Map(table) => map::key_at(table, number).and_then(|key| {
                    let value = map::value_at(table, number)?;
                    Some(Step::Element { value, key: Some(key), first })
                }),
            };
            if let Some(step) = step {
                self.any = true;
                return step;
            }
        }
        Step::End { close: if matches!(self.content, Content::Map(_)) { '}' } else { ']' } }
    }
}

impl Renderer<'_> {
    /// Writes a value, or opens it if it is a container.
    fn value(&mut self, value: Value, quoted: bool, via: Option<*mut Proxy>) {
        if write_scalar(&mut self.text, value, quoted) {
            return;
        }
        let object = value.pointer();
        let (content, end) = match value.kind() {
            Some(Kind::Array) => {
                let array = object.cast::<Array>();
                (Content::Array(array), array::len_foreign(array))
            }
            Some(Kind::IntArray) => {
                let array = object.cast::<TypedArray>();
                (Content::Typed(array, Element::Int), typed::words_foreign(array).len())
            }
            Some(Kind::FloatArray) => {
                let array = object.cast::<TypedArray>();
                (Content::Typed(array, Element::Float), typed::words_foreign(array).len())
            }
            Some(Kind::Map) => {
                let table = map::table_foreign(object.cast::<Map>());
                (Content::Map(table), map::used_foreign(table))
            }
            Some(Kind::Proxy) => {
                let proxy = object.cast::<Proxy>();
                // SAFETY: the kind was checked; a proxy's target never changes and outlives it.
                let target = Value::object(unsafe { (*proxy).target });
                // Below an outer proxy, the outer one is what the reader holds; its lock counts.
                return self.value(target, quoted, via.or(Some(proxy)));
            }
            _ => return self.instance(value, via),
        };
        let map = matches!(content, Content::Map(_));
        if !self.path.insert(object) {
            self.text.push_str(if map { "{...}" } else { "[...]" });
            return;
        }
        self.text.push(if map { '{' } else { '[' });
        self.open.push(Frame { object, content, next: 0, end, any: false, via });
    }

    fn key(&mut self, key: Value, via: Option<*mut Proxy>) {
        if write_scalar(&mut self.text, key, true) {
            return;
        }
        match Value::object(super::equality::identity(key)).kind() {
            Some(Kind::Array) => self.text.push_str("<Array>"),
            Some(Kind::IntArray) => self.text.push_str("<IntArray>"),
            Some(Kind::FloatArray) => self.text.push_str("<FloatArray>"),
            Some(Kind::Map) => self.text.push_str("<Map>"),
            _ => self.value(key, true, via),
        }
    }

    fn instance(&mut self, value: Value, via: Option<*mut Proxy>) {
        if !(self.instance)(value, &mut self.text) {
            let text = std::mem::take(&mut self.text);
            self.written += text.len() + 16;
            if !text.is_empty() {
                self.done.push(Piece::Text(text));
            }
            self.done.push(Piece::Hook(value, via));
        }
    }
}
