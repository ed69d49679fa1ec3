//! "Did you mean": the known name closest to an unknown one.

/// The closest of `known`, if one is near enough to be meant.
pub(crate) fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = match name.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    known
        .iter()
        .map(|&candidate| {
            let same_letters = candidate.eq_ignore_ascii_case(name);
            (if same_letters { 0 } else { distance(name, candidate) }, candidate)
        })
        .filter(|&(d, candidate)| candidate != name && (d <= limit || candidate.eq_ignore_ascii_case(name)))
        .min_by_key(|&(d, _)| d)
        .map(|(_, candidate)| candidate)
}

/// Edits from one to the other: insertion, removal, replacement, exchange of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 || a.len() > 64 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let mut best =
                (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + usize::from(a[i - 1] != b[j - 1]));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["print", "length", "balance"];
        assert_eq!(closest("pritn", &known), Some("print"));
        assert_eq!(closest("Print", &known), Some("print"));
        assert_eq!(closest("balnce", &known), Some("balance"));
        assert_eq!(closest("x", &known), None);
        assert_eq!(closest("account", &known), None);
    }
}
