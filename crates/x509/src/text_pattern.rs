//! Text in which `*` stands for any text.

/// The text between the stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPattern(Box<[Box<str>]>);

impl TextPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Self {
        Self(text.split('*').map(Into::into).collect())
    }

    /// One of what stands between its stars.
    pub(crate) fn of(pieces: Vec<String>) -> Self {
        Self(pieces.into_iter().map(Into::into).collect())
    }

    /// The whole text, where nothing stands for something else.
    pub(crate) fn literal(&self) -> Option<&str> {
        match &*self.0 {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether the pieces stand in `text` in their order, the first at its beginning and the last at its end. The leftmost
    /// place is right for each in between, so the time grows with the text alone.
    pub fn fits(&self, text: &str) -> bool {
        let Some((first, others)) = self.0.split_first() else {
            return false;
        };
        let Some((last, between)) = others.split_last() else {
            return text == &**first;
        };
        let inner = text
            .strip_prefix(&**first)
            .and_then(|rest| rest.strip_suffix(&**last));
        let Some(mut inner) = inner else { return false };
        for piece in between {
            let Some((_, after)) = inner.split_once(&**piece) else {
                return false;
            };
            inner = after;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_everything_else_is_itself() {
        let check = |pattern: &str, text: &str, fits: bool| {
            let pattern = TextPattern::parse(pattern);
            assert_eq!(pattern.fits(text), fits, "{pattern:?} {text}");
        };
        check("spiffe://a/ops/*", "spiffe://a/ops/ann", true);
        check("spiffe://a/ops/*", "spiffe://a/ops", false);
        check("spiffe://a/ops", "spiffe://a/ops", true);
        check("spiffe://a/ops", "spiffe://a/ops/ann", false);
        check("*.example", "a.example", true);
        check("*.example", "a.example.evil", false);
        check("a*b*c", "abc", true);
        check("a*b*c", "aXbXc", true);
        check("a*b*c", "aXc", false);
        check("a*a", "a", false);
    }
}
