//! Groups of a certificate: attributes of its subject, and names that fit a pattern.

use countersign_core::certificate::SanKind;
use countersign_x509::certificate::{Certificate, hexadecimal};

/// Where groups come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// Attributes whose values are groups.
    pub(super) attributes: Box<[Box<str>]>,
    /// Patterns, and the group of each.
    pub(super) patterns: Box<[(Pattern, Box<str>)]>,
}

/// One pattern of `groups`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    of: Of,
    /// The text between the stars.
    pieces: Box<[Box<str>]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    San(SanKind),
    SubjectDn,
    Fingerprint,
    Spki,
}

impl Groups {
    /// The groups of `leaf`, each once.
    pub(super) fn of(&self, leaf: &Certificate) -> Vec<String> {
        let mut groups = Vec::new();
        let mut add = |group: String| {
            if !group.is_empty() && !groups.contains(&group) {
                groups.push(group);
            }
        };
        for attribute in &self.attributes {
            leaf.subject().attribute(attribute).into_iter().for_each(&mut add);
        }
        for (pattern, group) in &self.patterns {
            if pattern.fits(leaf) {
                add(group.to_string());
            }
        }
        groups
    }
}

impl Pattern {
    /// Reads `kind:text`, `*` in it for any text.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const KINDS: &str = "a pattern begins with uri:, dns:, email:, ip:, upn:, dn:, fingerprint: or spki:";
        let (kind, pattern) = text.split_once(':').ok_or(KINDS)?;
        let of = match kind {
            "dn" => Of::SubjectDn,
            "fingerprint" => Of::Fingerprint,
            "spki" => Of::Spki,
            other => Of::San(SanKind::parse(other).ok_or(KINDS)?),
        };
        if pattern.chars().all(|character| character == '*') {
            return Err("a pattern that fits every name says nothing");
        }
        Ok(Self {
            of,
            pieces: pattern.split('*').map(Into::into).collect(),
        })
    }

    fn fits(&self, leaf: &Certificate) -> bool {
        match self.of {
            Of::San(kind) => {
                let mut names = leaf.sans().iter().filter(|name| name.kind() == kind);
                names.any(|name| self.fits_text(&name.text()))
            }
            Of::SubjectDn => self.fits_text(&leaf.subject().rfc4514()),
            Of::Fingerprint => self.fits_text(&hexadecimal(&leaf.sha256())),
            Of::Spki => self.fits_text(&hexadecimal(&leaf.spki_sha256())),
        }
    }

    /// Whether the pieces stand in `text` in their order, the first at its beginning and the last at its end. The leftmost
    /// place is right for each in between, so the time grows with the text alone.
    fn fits_text(&self, text: &str) -> bool {
        let Some((first, others)) = self.pieces.split_first() else {
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
            let pattern = Pattern::parse(&format!("uri:{pattern}")).unwrap();
            assert_eq!(pattern.fits_text(text), fits, "{pattern:?} {text}");
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

    #[test]
    fn a_pattern_names_a_kind_and_says_something() {
        for text in ["spiffe", "other:x", "uri:*", "uri:", "uri:**"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
