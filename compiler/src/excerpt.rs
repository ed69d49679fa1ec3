//! What is shown of a source text around an error: as it stands, save lines that are too long to read, of which only the part around the
//! places concerned is kept. The number of lines never changes.

use crate::ast::Span;

/// Lines up to this many bytes are shown whole.
const WHOLE_LINE: usize = 200;
/// Of a longer line: how much is kept before the first place and after the last one.
const BEFORE: usize = 60;
const AFTER: usize = 100;

/// A text to show, and where the places are in it.
pub(crate) struct Excerpt {
    pub(crate) text: String,
    pub(crate) spans: Vec<Span>,
}

/// Shortens `text` and moves `spans` accordingly.
pub(crate) fn excerpt(text: &str, spans: &[Span]) -> Excerpt {
    let mut ends: Vec<u32> = spans.iter().flat_map(|s| [s.lo, s.hi]).collect();
    let mut out = String::with_capacity(text.len().min(1 << 16));
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let body = line.trim_end_matches(['\n', '\r']);
        let here =
            |&at: &u32| (start..end).contains(&(at as usize)) || (at as usize == end && end == text.len());
        let first = spans.iter().flat_map(|s| [s.lo, s.hi]).filter(|at| here(at)).min();
        let (lo, hi) = window(body, first.map(|at| at as usize - start));
        let moved = out.len() + if lo > 0 { 3 } else { 0 };
        for (at, new) in spans.iter().flat_map(|s| [s.lo, s.hi]).zip(&mut ends) {
            if here(&at) {
                let inside = (at as usize - start).clamp(lo, hi.max(lo));
                *new = (moved + inside - lo) as u32;
            }
        }
        out.push_str(if lo > 0 { "..." } else { "" });
        out.push_str(&body[lo..hi]);
        out.push_str(if hi < body.len() { "..." } else { "" });
        out.push_str(&line[body.len()..]);
        start = end;
    }
    let spans = ends.chunks(2).map(|e| Span::new(e[0], e[1].max(e[0]))).collect();
    Excerpt { text: out, spans }
}

/// Which part of a line is kept.
fn window(line: &str, place: Option<usize>) -> (usize, usize) {
    match place {
        _ if line.len() <= WHOLE_LINE => (0, line.len()),
        None => (0, line.floor_char_boundary(WHOLE_LINE)),
        Some(at) => {
            let lo = if at <= BEFORE { 0 } else { line.floor_char_boundary(at.min(line.len()) - BEFORE) };
            (lo, line.floor_char_boundary((at + AFTER).min(line.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, span: (u32, u32), shown: &str, place: &str) {
        let e = excerpt(text, &[Span::new(span.0, span.1)]);
        assert_eq!(e.text, shown);
        assert_eq!(e.spans[0].text(&e.text), place);
    }

    #[test]
    fn short_lines_stay() {
        check("ab\r\ncd\n", (4, 6), "ab\r\ncd\n", "cd");
        check("ab", (2, 2), "ab", "");
        check("", (0, 0), "", "");
    }

    #[test]
    fn long_lines_are_cut() {
        let long = "x".repeat(1000);
        let cut = format!("a\n...{}...\nb", "x".repeat(BEFORE + AFTER));
        check(&format!("a\n{long}\nb"), (502, 504), &cut, "xx");
        check(&format!("a\n{long}\nb"), (502, 1500), &cut, "");
        let head = format!("{}...\n", "x".repeat(AFTER));
        check(&format!("{long}\n"), (0, 1000), &head, &"x".repeat(AFTER));
    }
}
