//! Groups of a certificate: attributes of its subject, and names that fit a pattern.

use countersign_core::certificate::SanKind;
use countersign_x509::certificate::{Certificate, hexadecimal};
use countersign_x509::name::NamePattern;
use countersign_x509::san::SanPattern;
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
    San(SanPattern),
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

/// What is wrong with a pattern, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatternFault {
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// What a pattern of distinguished names looks like.
const DN: &str = "\"dn:CN=*,OU=staff,O=Example\": one relative name after the other, the most special first; `*` is any \
                  text of one value, and alone between commas any number of relative names";

/// What other patterns look like.
const LIKE: &str = "\"uri:spiffe://home.example/ops/*\", \"email:*@home.example\" or the like";

impl Pattern {
    /// Reads `kind:text`, `*` in it for any text.
    pub(super) fn parse(text: &str) -> Result<Self, PatternFault> {
        const KINDS: &str = "a pattern begins with uri:, dns:, email:, ip:, upn:, dn:, fingerprint: or spki:";
        const NOTHING: &str = "a pattern that fits every name says nothing";
        let fault = |message: &str, help| PatternFault {
            message: message.to_owned(),
            help,
        };
        let (kind, pattern) = text.split_once(':').ok_or_else(|| fault(KINDS, LIKE))?;
        let help = if kind == "dn" { DN } else { LIKE };
        if pattern.chars().all(|character| character == '*') {
            return Err(fault(NOTHING, help));
        }
        match kind {
            "dn" => match NamePattern::parse(pattern) {
                Ok(name) if name.says_nothing() => Err(fault(NOTHING, DN)),
                Ok(name) => Ok(Self::SubjectDn(name)),
                Err(error) => Err(fault(&error.to_string(), DN)),
            },
            "fingerprint" => digest(pattern).map(Self::Fingerprint),
            "spki" => digest(pattern).map(Self::Spki),
            other => {
                let kind = SanKind::parse(other).ok_or_else(|| fault(KINDS, LIKE))?;
                let pattern = SanPattern::parse(kind, pattern);
                let pattern = pattern.map_err(|error| fault(&error.to_string(), error.help()))?;
                Ok(Self::San(pattern))
            }
        }
    }

    fn fits(&self, leaf: &Certificate) -> bool {
        match self {
            Self::San(pattern) => leaf.sans().iter().any(|name| pattern.fits(name)),
            Self::SubjectDn(name) => name.fits(leaf.subject()),
            Self::Fingerprint(text) => text.fits(&hexadecimal(&leaf.sha256())),
            Self::Spki(text) => text.fits(&hexadecimal(&leaf.spki_sha256())),
        }
    }
}

/// A pattern of a SHA-256, also as OpenSSL writes it. One that none fits is a fault.
fn digest(pattern: &str) -> Result<TextPattern, PatternFault> {
    let digits = pattern.replace(':', "").to_ascii_lowercase();
    let others = digits.bytes().filter(|byte| *byte != b'*').count();
    let known = digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'*');
    let long_enough = others == 64 || (others < 64 && digits.contains('*'));
    if known && long_enough {
        return Ok(TextPattern::parse(&digits));
    }
    Err(PatternFault {
        message: "a SHA-256 is 64 hexadecimal digits, of which `*` may stand for any: none fits this"
            .to_owned(),
        help: "as `countersign certificate inspect` prints it, or `openssl x509 -fingerprint -sha256`",
    })
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
            "email:ann",
            "email: ann@home.test",
            "ip:10.0.0.0/8",
            "dn:*,*",
            "dn:*OU=admins*",
            "dn:admins",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        assert!(Pattern::parse("dn:*,OU=admins,*").is_ok());
    }

    #[test]
    fn a_digest_is_taken_as_openssl_writes_it_and_a_dns_name_in_any_letters() {
        use crate::pki::{Authority, Key, San, Template};
        let root = Authority::root("home", Key(1));
        let template = Template::client("ann", Key(2)).names(&[San::Dns("Www.App.test")]);
        let leaf = Certificate::parse(&root.issue(&template)).unwrap();
        let print = hexadecimal(&leaf.sha256());
        let pairs = print.to_ascii_uppercase();
        let pairs = pairs
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        let openssl = pairs.collect::<Vec<_>>().join(":");
        for pattern in [
            format!("fingerprint:{openssl}"),
            format!("fingerprint:{print}"),
            format!("fingerprint:{}*", &openssl[..9]),
            format!("spki:{}", hexadecimal(&leaf.spki_sha256()).to_ascii_uppercase()),
            "dns:*.APP.test".to_owned(),
            "dns:www.app.TEST".to_owned(),
        ] {
            assert!(Pattern::parse(&pattern).unwrap().fits(&leaf), "{pattern}");
        }
        let short = &print[1..];
        for pattern in [
            format!("fingerprint:{short}"),
            format!("spki:{print}0*"),
            "spki:no-digits".to_owned(),
        ] {
            assert!(Pattern::parse(&pattern).is_err(), "{pattern}");
        }
        assert!(!Pattern::parse("dns:*.other.test").unwrap().fits(&leaf));
    }
}
