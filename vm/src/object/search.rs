//! Looking for texts in texts, by the crate `memchr`: where processors compare many bytes at once, it does too.
//!
//! Invariant: offsets are those at which code points begin, for an encoded code point never begins inside another one.

use memchr::memmem;

/// Where `part` first occurs in `text`, in bytes.
#[inline]
pub fn find(text: &str, part: &str) -> Option<usize> {
    memmem::find(text.as_bytes(), part.as_bytes())
}

/// Where `part` occurs in `text`, in bytes, without overlaps. An empty one occurs before each code point and at the end.
pub fn positions<'a>(text: &'a str, part: &'a str) -> impl Iterator<Item = usize> + 'a {
    let (nothing, something) = match part {
        "" => (Some(text.char_indices().map(|(at, _)| at).chain([text.len()])), None),
        _ => (None, Some(memmem::find_iter(text.as_bytes(), part.as_bytes()))),
    };
    nothing.into_iter().flatten().chain(something.into_iter().flatten())
}

/// What lies between the occurrences of `separator`: at most `limit` parts, the last of which is all that is left.
pub fn split<'a>(text: &'a str, separator: &'a str, limit: usize) -> impl Iterator<Item = &'a str> + 'a {
    let mut ends = positions(text, separator).take(limit.saturating_sub(1));
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let from = next?;
        let end = ends.next();
        next = end.map(|end| end + separator.len());
        Some(&text[from..end.unwrap_or(text.len())])
    })
}

/// The text with all occurrences of `part` replaced, or none if there is none.
pub fn replace(text: &str, part: &str, by: &str) -> Option<String> {
    let mut result = String::new();
    let mut rest = 0;
    for at in positions(text, part) {
        if result.is_empty() {
            result.reserve(text.len());
        }
        result.push_str(&text[rest..at]);
        result.push_str(by);
        rest = at + part.len();
    }
    if rest == 0 && !part.is_empty() {
        return None;
    }
    result.push_str(&text[rest..]);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_find_what_the_standard_library_finds() {
        let texts = ["", "a", "aaa", "abcabc", "ä€😀ä", "one two  three ", " ", "aXbXXc", "😀😀"];
        let parts = ["", "a", "aa", "b", "bc", "ä", "€", "😀", " ", "X", "XX", "abcabcabc"];
        for text in texts {
            for part in parts {
                assert_eq!(find(text, part), text.find(part), "{text:?} {part:?}");
                let expected: Vec<usize> = text.match_indices(part).map(|(at, _)| at).collect();
                assert_eq!(positions(text, part).collect::<Vec<_>>(), expected, "{text:?} {part:?}");
                for by in ["", "-", "ää"] {
                    let replaced = replace(text, part, by).unwrap_or_else(|| text.to_owned());
                    assert_eq!(replaced, text.replace(part, by), "{text:?} {part:?} {by:?}");
                }
                for limit in [1, 2, 3, usize::MAX] {
                    let expected: Vec<&str> = text.splitn(limit, part).collect();
                    if !part.is_empty() {
                        assert_eq!(
                            split(text, part, limit).collect::<Vec<_>>(),
                            expected,
                            "{text:?} {part:?}"
                        );
                    }
                }
            }
        }
    }
}
