//! Groups of a certificate: attributes of its subject, and names that fit a pattern.

use countersign_core::certificate::SanKind;
use countersign_x509::certificate::{Certificate, hexadecimal};
use countersign_x509::name::NamePattern;
use countersign_x509::text_pattern::TextPattern;

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
pub(super) enum Pattern {
    San(SanKind, TextPattern),
    SubjectDn(NamePattern),
    Fingerprint(TextPattern),
    Spki(TextPattern),
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
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const KINDS: &str = "a pattern begins with uri:, dns:, email:, ip:, upn:, dn:, fingerprint: or spki:";
        const NOTHING: &str = "a pattern that fits every name says nothing";
        let (kind, pattern) = text.split_once(':').ok_or(KINDS)?;
        if pattern.chars().all(|character| character == '*') {
            return Err(NOTHING.to_owned());
        }
        let text = TextPattern::parse(pattern);
        match kind {
            "dn" => match NamePattern::parse(pattern) {
                Ok(name) if name.says_nothing() => Err(NOTHING.to_owned()),
                Ok(name) => Ok(Self::SubjectDn(name)),
                Err(error) => Err(error.to_string()),
            },
            "fingerprint" => Ok(Self::Fingerprint(text)),
            "spki" => Ok(Self::Spki(text)),
            other => Ok(Self::San(SanKind::parse(other).ok_or(KINDS)?, text)),
        }
    }

    fn fits(&self, leaf: &Certificate) -> bool {
        match self {
            Self::San(kind, text) => {
                let mut names = leaf.sans().iter().filter(|name| name.kind() == *kind);
                names.any(|name| text.fits(&name.text()))
            }
            Self::SubjectDn(name) => name.fits(leaf.subject()),
            Self::Fingerprint(text) => text.fits(&hexadecimal(&leaf.sha256())),
            Self::Spki(text) => text.fits(&hexadecimal(&leaf.spki_sha256())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_a_kind_and_says_something() {
        for text in [
            "spiffe",
            "other:x",
            "uri:*",
            "uri:",
            "uri:**",
            "dn:*,*",
            "dn:*OU=admins*",
            "dn:admins",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        assert!(Pattern::parse("dn:*,OU=admins,*").is_ok());
    }
}
