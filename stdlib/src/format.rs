//! `string.format`: placeholders in a text.
//!
//! ```text
//! {}  {2}  {:spec}  {2:spec}    {{ and }} for braces
//! spec: [[filler]<|>|^] [+] [0] [width] [.digits] [x|X|b|o|e|%]
//! ```

use crate::{args, text};
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::object::{number, string};
use corella_vm::thread::Thread;
use corella_vm::value::Value;

/// Widest field that a placeholder may ask for.
const MAX_WIDTH: usize = 1 << 16;

/// What a placeholder says after its colon.
#[derive(Default)]
struct Spec {
    filler: Option<char>,
    align: Option<char>,
    plus: bool,
    width: usize,
    digits: Option<usize>,
    style: Option<char>,
}

/// Formats; `args[0]` is the pattern as a value, what is to be filled in follows.
pub(crate) fn format(thread: &mut Thread, pattern: &str, args: &[Value]) -> Outcome {
    let mut result = String::new();
    let mut rest = pattern;
    let mut next = 1;
    while let Some(at) = rest.find(['{', '}']) {
        result.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            result.push_str(brace);
            rest = after;
            continue;
        }
        let end = if brace == "{" { rest.find('}') } else { None };
        let Some(end) = end else {
            let message = "string.format: a brace stands alone: write {{ or }} for a brace in the text";
            return Err(thread.error(ErrorClass::ValueError, message));
        };
        let (which, spec) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
        rest = &rest[end + 1..];
        let index = match which.parse::<usize>() {
            Ok(index) => index.saturating_add(1),
            Err(_) if which.is_empty() => {
                next += 1;
                next - 1
            }
            Err(_) => {
                let message = format!(
                    "string.format: {{{which}}} is no placeholder: write {{}} or the number of an argument"
                );
                return Err(thread.error(ErrorClass::ValueError, message));
            }
        };
        let Some(value) = args.get(index) else {
            let message =
                format!("string.format: the text asks for argument {}, {} given", index - 1, args.len() - 1);
            return Err(thread.error(ErrorClass::ArgumentError, message));
        };
        let Some(spec_read) = read_spec(spec) else {
            let message = format!("string.format: cannot read the format {spec:?}");
            return Err(thread.error(ErrorClass::ValueError, message));
        };
        let Some(shown) = show(thread, *value, &spec_read)? else {
            // An argument whose hook has to be called: the prelude makes strings of all of them and comes back.
            let list = crate::list(thread, &args[1..])?;
            return crate::prelude_call(thread, "__format", &[args[0], list]);
        };
        pad(&mut result, &shown, &spec_read, value.as_number().is_some());
        if result.len() > string::MAX_BYTES {
            return Err(Control::OutOfMemory);
        }
    }
    result.push_str(rest);
    thread.charge(result.len() as u64 / 8);
    Ok(string::new(&mut thread.heap, &result)?)
}

fn read_spec(spec: &str) -> Option<Spec> {
    let mut read = Spec::default();
    let is_align = |c: char| matches!(c, '<' | '>' | '^');
    let mut chars = spec.chars().peekable();
    let mut ahead = spec.chars();
    let (first, second) = (ahead.next(), ahead.next());
    if second.is_some_and(is_align) {
        read.filler = first;
        read.align = second;
        chars.nth(1);
    } else if first.is_some_and(is_align) {
        read.align = first;
        chars.next();
    }
    read.plus = chars.next_if_eq(&'+').is_some();
    if chars.next_if_eq(&'0').is_some() && read.align.is_none() {
        read.filler = Some('0');
        read.align = Some('=');
    }
    read.width = digits(&mut chars).unwrap_or(0);
    if chars.next_if_eq(&'.').is_some() {
        read.digits = Some(digits(&mut chars)?);
    }
    read.style = chars.next_if(|c| "xXboe%".contains(*c));
    (chars.next().is_none() && read.width <= MAX_WIDTH && read.digits.unwrap_or(0) <= 1000).then_some(read)
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut value: Option<usize> = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize));
    }
    value
}

/// The value's text before padding; `None` if a hook has to be asked.
fn show(thread: &mut Thread, value: Value, spec: &Spec) -> Outcome<Option<String>> {
    let sign = |text: String| if spec.plus && !text.starts_with('-') { format!("+{text}") } else { text };
    match spec.style {
        Some(style @ ('x' | 'X' | 'b' | 'o')) => {
            let base = match style {
                'b' => 2,
                'o' => 8,
                _ => 16,
            };
            let value = args::int(thread, "string.format", &format!("what {{:{style}}} shows"), value)?;
            let text = number::int_to_string(value, base);
            return Ok(Some(sign(if style == 'X' { text.to_uppercase() } else { text })));
        }
        Some(style @ ('e' | '%')) => {
            let value = args::number(thread, "string.format", &format!("what {{:{style}}} shows"), value)?;
            let text = match (style, spec.digits) {
                ('e', Some(digits)) => format!("{value:.digits$e}"),
                ('e', None) => format!("{value:e}"),
                (_, digits) => number::float_to_fixed(value * 100.0, digits.unwrap_or(0)) + "%",
            };
            return Ok(Some(sign(text)));
        }
        _ => {}
    }
    match (spec.digits, value.as_number()) {
        (Some(digits), Some(f)) => Ok(Some(sign(number::float_to_fixed(f, digits)))),
        (None, Some(_)) => Ok(text::plain(thread, value)?.map(sign)),
        // Of other values the digits cut the text.
        (Some(digits), None) => {
            Ok(text::plain(thread, value)?.map(|text| text.chars().take(digits).collect()))
        }
        (None, None) => text::plain(thread, value),
    }
}

fn pad(to: &mut String, text: &str, spec: &Spec, is_number: bool) {
    let missing = spec.width.saturating_sub(text.chars().count());
    let filler = spec.filler.unwrap_or(' ');
    let fill = |to: &mut String, count: usize| to.extend(std::iter::repeat_n(filler, count));
    match spec.align {
        Some('=') => {
            let sign = text.len() - text.trim_start_matches(['+', '-']).len();
            to.push_str(&text[..sign]);
            fill(to, missing);
            to.push_str(&text[sign..]);
        }
        Some('^') => {
            fill(to, missing / 2);
            to.push_str(text);
            fill(to, missing - missing / 2);
        }
        align => {
            let left = align == Some('>') || align.is_none() && is_number;
            fill(to, if left { missing } else { 0 });
            to.push_str(text);
            fill(to, if left { 0 } else { missing });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_and_padded() {
        for (spec, text, number, expected) in [
            ("", "ab", false, "ab"),
            ("5", "ab", false, "ab   "),
            ("5", "12", true, "   12"),
            (">5", "ab", false, "   ab"),
            ("*^6", "ab", false, "**ab**"),
            ("05", "-12", true, "-0012"),
            ("<5", "12", true, "12   "),
        ] {
            let mut result = String::new();
            pad(&mut result, text, &read_spec(spec).unwrap(), number);
            assert_eq!(result, expected, "{spec}");
        }
        for wrong in ["q", "5q", ".", "99999999999", ".5000", "x5"] {
            assert!(read_spec(wrong).is_none(), "{wrong}");
        }
    }
}
