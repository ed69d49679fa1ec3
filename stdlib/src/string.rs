//! Methods of strings.

use crate::args::{self, optional};
use crate::format;
use crate::table::ClassTable;
use crate::text;
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::native::ANY;
use corella_vm::object::{array, class_id, number, search, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use unicode_segmentation::UnicodeSegmentation;

/// The natives of strings.
pub(crate) static TABLE: ClassTable = ClassTable {
    construct: Some((
        "string",
        0,
        1,
        construct,
        "The value as text, by its `to_string`; `\"\"` without one.",
    )),
    getters: &[("length", 0, 0, length, "Number of code points.")],
    readers: &[
        ("upper", 0, 0, upper, "In upper case."),
        ("lower", 0, 0, lower, "In lower case."),
        ("trim", 0, 0, trim, "Without white space at both ends."),
        ("trim_start", 0, 0, trim_start, "Without white space at the start."),
        ("trim_end", 0, 0, trim_end, "Without white space at the end."),
        (
            "split",
            0,
            2,
            split,
            "The parts between occurrences of `separator` (default: runs of white space), at most `limit` of them; by `\"\"` into code points.",
        ),
        ("lines", 0, 0, lines, "The lines, without their ends."),
        ("chars", 0, 0, chars, "The code points, each as a string."),
        ("bytes", 0, 0, bytes, "The UTF-8 form as Bytes."),
        ("graphemes", 0, 0, graphemes, "What readers see as characters, each as a string."),
        ("find", 1, 2, find, "Index of the first occurrence of `part` from `from` on, or -1."),
        ("find_last", 1, 1, find_last, "Index of the last occurrence of `part`, or -1."),
        ("count", 1, 1, count, "Number of occurrences of `part` that do not overlap."),
        ("contains", 1, 1, contains, "Whether `part` occurs."),
        ("starts_with", 1, 1, starts_with, "Whether it begins with `part`."),
        ("ends_with", 1, 1, ends_with, "Whether it ends with `part`."),
        ("replace", 2, 2, replace, "With every occurrence of `part` replaced by `by`."),
        ("repeat", 1, 1, repeat, "Itself `n` times."),
        (
            "pad_left",
            1,
            2,
            pad_left,
            "Filled up on the left to `n` code points with `filler` (default: space).",
        ),
        (
            "pad_right",
            1,
            2,
            pad_right,
            "Filled up on the right to `n` code points with `filler` (default: space).",
        ),
        (
            "slice",
            0,
            2,
            slice,
            "The code points from `start` to before `end`; negative ones count from the end.",
        ),
        ("code_at", 1, 1, code_at, "The code point at `index` as an int."),
        ("reverse", 0, 0, reverse, "With the code points in reverse order."),
        ("to_int", 0, 1, to_int, "The integer that it spells, in base 10 or `base`."),
        ("to_float", 0, 0, to_float, "The float that it spells."),
        ("to_string", 0, 0, to_string, "Itself."),
        (
            "format",
            0,
            ANY,
            format,
            "With each `{}` replaced by the next argument, `{1}` by argument 1, `{:>8.2}` aligned in 8 places with 2 digits after the point.",
        ),
        ("compare", 1, 1, compare, "-1, 0 or 1 for less, equal or greater than `other`."),
        ("is_empty", 0, 0, is_empty, "Whether it has no code points."),
        ("hash", 0, 0, hash, "A number that equal strings share, for this run of the program."),
    ],
    statics: &[
        ("from_code", 1, ANY, from_code, "The string of these code points."),
        ("from_chars", 1, 1, from_chars, "The strings of an array joined."),
    ],
    ..ClassTable::empty(class_id::STRING, "string")
};

/// The receiver of method `string.NAME`.
fn receiver<'a>(thread: &mut Thread, name: &str, args: &[Value]) -> Outcome<&'a str> {
    let value = optional(args, 0);
    string::as_str(value).ok_or_else(|| args::wrong_receiver(thread, name, value))
}

fn made(thread: &mut Thread, text: &str) -> Outcome {
    thread.charge(text.len() as u64 / 16);
    Ok(string::new(&mut thread.heap, text)?)
}

/// An array of the parts as strings.
fn array_of<'a>(thread: &mut Thread, parts: impl Iterator<Item = &'a str>) -> Outcome {
    let heap = &mut thread.heap;
    let array = array::new(heap, parts.size_hint().0)?;
    for part in parts {
        let part = string::new(heap, part)?;
        array::push(heap, array, part)?;
    }
    thread.charge(array::len(array) as u64 * 2);
    Ok(array::to_value(array))
}

fn construct(thread: &mut Thread, args: &[Value]) -> Outcome {
    match args.first() {
        Some(value) => text::to_string(thread, *value),
        None => Ok(string::empty()),
    }
}

fn length(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "string.length", args)?;
    Ok(Value::int_unchecked(string::chars(args[0]) as i64))
}

fn upper(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.upper", args)?.to_uppercase();
    made(thread, &text)
}

fn lower(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.lower", args)?.to_lowercase();
    made(thread, &text)
}

fn trim(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.trim", args)?;
    made(thread, text.trim())
}

fn trim_start(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.trim_start", args)?;
    made(thread, text.trim_start())
}

fn trim_end(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.trim_end", args)?;
    made(thread, text.trim_end())
}

fn split(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.split", args)?;
    let separator = optional(args, 1);
    let limit = match optional(args, 2) {
        Value::NULL => usize::MAX,
        limit => args::size(thread, "string.split", "limit", limit)?.max(1),
    };
    if separator.is_null() {
        return match limit {
            // Byte by byte is faster, and the same but for the vertical tab.
            usize::MAX if string::is_ascii(args[0]) && !text.contains('\x0b') => {
                array_of(thread, text.split_ascii_whitespace())
            }
            usize::MAX => array_of(thread, text.split_whitespace()),
            _ => array_of(thread, text.trim_start().splitn(limit, char::is_whitespace)),
        };
    }
    match args::text(thread, "string.split", "separator", separator)? {
        "" => array_of(thread, char_texts(text)),
        separator => array_of(thread, search::split(text, separator, limit)),
    }
}

/// The code points of a text, each as text.
fn char_texts(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()])
}

fn lines(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.lines", args)?;
    array_of(thread, text.lines())
}

fn chars(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.chars", args)?;
    array_of(thread, char_texts(text))
}

fn bytes(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.bytes", args)?;
    Ok(string::new_bytes(&mut thread.heap, text.as_bytes())?)
}

fn graphemes(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.graphemes", args)?;
    array_of(thread, text.graphemes(true))
}

/// A byte offset in a receiver as an index of code points.
fn char_index(receiver: Value, text: &str, offset: usize) -> Value {
    let index = if string::is_ascii(receiver) { offset } else { string::count_chars(&text[..offset]) };
    Value::int_unchecked(index as i64)
}

fn find(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.find", args)?;
    let part = args::text(thread, "string.find", "part", args[1])?;
    let len = string::chars(args[0]);
    let from = args::int_or(thread, "string.find", "from", optional(args, 2), 0)?;
    let from = if from < 0 { from.saturating_add(len as i64).max(0) } else { from } as usize;
    if from > len {
        return Ok(Value::int_unchecked(-1));
    }
    thread.charge(text.len() as u64 / 16);
    let start = if string::is_ascii(args[0]) { from } else { string::byte_offset(text, from) };
    Ok(match search::find(&text[start..], part) {
        Some(at) => char_index(args[0], text, start + at),
        None => Value::int_unchecked(-1),
    })
}

fn find_last(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.find_last", args)?;
    let part = args::text(thread, "string.find_last", "part", args[1])?;
    thread.charge(text.len() as u64 / 16);
    Ok(text.rfind(part).map_or(Value::int_unchecked(-1), |at| char_index(args[0], text, at)))
}

fn count(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.count", args)?;
    let part = args::text(thread, "string.count", "part", args[1])?;
    thread.charge(text.len() as u64 / 16);
    Ok(Value::int_unchecked(search::positions(text, part).count() as i64))
}

fn contains(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.contains", args)?;
    let part = args::text(thread, "string.contains", "part", args[1])?;
    thread.charge(text.len() as u64 / 16);
    Ok(Value::bool(search::find(text, part).is_some()))
}

fn starts_with(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.starts_with", args)?;
    Ok(Value::bool(text.starts_with(args::text(thread, "string.starts_with", "part", args[1])?)))
}

fn ends_with(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.ends_with", args)?;
    Ok(Value::bool(text.ends_with(args::text(thread, "string.ends_with", "part", args[1])?)))
}

/// Refuses a result of more bytes than a string can have before it is built.
fn bounded(bytes: Option<usize>) -> Outcome<usize> {
    bytes.filter(|&bytes| bytes <= string::MAX_BYTES).ok_or(Control::OutOfMemory)
}

fn replace(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.replace", args)?;
    let part = args::text(thread, "string.replace", "part", args[1])?;
    let by = args::text(thread, "string.replace", "by", args[2])?;
    if by.len() > part.len() {
        let growth = search::positions(text, part).count().checked_mul(by.len() - part.len());
        let bytes = bounded(growth.and_then(|growth| growth.checked_add(text.len())))?;
        thread.heap.reserve_external(bytes)?;
    }
    match search::replace(text, part, by) {
        Some(replaced) => made(thread, &replaced),
        None => Ok(args[0]),
    }
}

fn repeat(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.repeat", args)?;
    let times = args::size(thread, "string.repeat", "n", args[1])?;
    let bytes = bounded(text.len().checked_mul(times))?;
    thread.heap.reserve_external(bytes)?;
    made(thread, &text.repeat(times))
}

fn padded(thread: &mut Thread, method: &str, args: &[Value], left: bool) -> Outcome {
    let text = receiver(thread, method, args)?;
    let width = args::size(thread, method, "n", args[1])?;
    let filler = match optional(args, 2) {
        Value::NULL => " ",
        filler => args::text(thread, method, "filler", filler)?,
    };
    let missing = width.saturating_sub(string::chars(args[0]));
    if missing == 0 {
        return Ok(args[0]);
    }
    if filler.is_empty() {
        let message = format!("{method}: filler must not be empty");
        return Err(thread.error(ErrorClass::ValueError, message));
    }
    let bytes = bounded(missing.checked_mul(4).and_then(|bytes| bytes.checked_add(text.len())))?;
    thread.heap.reserve_external(bytes)?;
    let filling = filler.chars().cycle().take(missing);
    let mut result = String::new();
    if left {
        result.extend(filling);
        result.push_str(text);
    } else {
        result.push_str(text);
        result.extend(filling);
    }
    made(thread, &result)
}

fn pad_left(thread: &mut Thread, args: &[Value]) -> Outcome {
    padded(thread, "string.pad_left", args, true)
}

fn pad_right(thread: &mut Thread, args: &[Value]) -> Outcome {
    padded(thread, "string.pad_right", args, false)
}

fn slice(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "string.slice", args)?;
    let (from, to) = args::slice(thread, "string.slice", args, string::chars(args[0]))?;
    thread.charge((to - from) as u64 / 16);
    Ok(string::slice(&mut thread.heap, args[0], from, to)?)
}

fn code_at(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "string.code_at", args)?;
    let index = args::index(thread, "string.code_at", args[1], string::chars(args[0]))?;
    let code = string::text_between(args[0], index, index + 1).chars().next().map_or(0, u32::from);
    Ok(Value::int_unchecked(i64::from(code)))
}

fn reverse(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text: String = receiver(thread, "string.reverse", args)?.chars().rev().collect();
    made(thread, &text)
}

fn to_int(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.to_int", args)?;
    let base = args::base(thread, "string.to_int", optional(args, 1))?;
    crate::int::parsed(thread, "string.to_int", text, base)
}

fn to_float(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.to_float", args)?;
    crate::float::parsed(thread, "string.to_float", text)
}

fn to_string(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "string.to_string", args)?;
    Ok(args[0])
}

fn format(thread: &mut Thread, args: &[Value]) -> Outcome {
    let pattern = receiver(thread, "string.format", args)?;
    format::format(thread, pattern, args)
}

fn compare(thread: &mut Thread, args: &[Value]) -> Outcome {
    let text = receiver(thread, "string.compare", args)?;
    let other = args::text(thread, "string.compare", "other", args[1])?;
    Ok(Value::int_unchecked(text.cmp(other) as i64))
}

fn is_empty(thread: &mut Thread, args: &[Value]) -> Outcome {
    Ok(Value::bool(receiver(thread, "string.is_empty", args)?.is_empty()))
}

fn hash(thread: &mut Thread, args: &[Value]) -> Outcome {
    receiver(thread, "string.hash", args)?;
    Ok(Value::int_unchecked(i64::from(string::hash(args[0]))))
}

fn from_code(thread: &mut Thread, args: &[Value]) -> Outcome {
    if let [one] = args
        && let Some(code @ 0..128) = one.as_int()
    {
        return Ok(string::ascii(code as u8));
    }
    let mut text = String::new();
    for value in args {
        let code = args::int(thread, "string.from_code", "code", *value)?;
        match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(c) => text.push(c),
            None => {
                let digits = number::int_to_string(code, 16);
                let message =
                    format!("string.from_code: there is no code point {code} (hexadecimal {digits})");
                return Err(thread.error(ErrorClass::ValueError, message));
            }
        }
    }
    made(thread, &text)
}

fn from_chars(thread: &mut Thread, args: &[Value]) -> Outcome {
    let view = crate::receiver::array(thread, "string.from_chars", "parts", args[0])?;
    let mut parts = Vec::with_capacity(view.len());
    for part in view.raw_values() {
        parts.push((args::text(thread, "string.from_chars", "each part", part)?, string::chars(part)));
    }
    thread.charge(parts.len() as u64);
    Ok(string::concat_parts(&mut thread.heap, parts.iter().copied())?)
}
