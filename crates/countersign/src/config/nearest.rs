//! "Did you mean": the word of a list that is fewest keystrokes away.

/// The longest slip of a word that is looked for, in bytes.
const MAX_TYPED: usize = 100;

/// The nearest of `words` to `typed`, when it is near enough to be meant.
pub fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > MAX_TYPED {
        return None;
    }
    let allowed = (typed.chars().count() / 3).max(1);
    let scored = words.into_iter().map(|word| (distance(typed, word), word));
    scored
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Letters to add, drop, change or swap with their neighbour (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.chars().collect::<Vec<_>>(), other.chars().collect::<Vec<_>>());
    let mut before: Vec<usize> = Vec::new();
    let mut last = (0..=other.len()).collect::<Vec<_>>();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j + 1) + 1)
                .min(at(&row, j) + 1)
                .min(at(&last, j) + usize::from(a != b));
            let swapped = i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let words = ["issuer", "audiences", "algorithms", "leeway"];
        assert_eq!(nearest("isuer", words), Some("issuer"));
        assert_eq!(nearest("audience", words), Some("audiences"));
        assert_eq!(nearest("leewya", words), Some("leeway"));
        assert_eq!(nearest("secret", words), None);
    }
}
