//! Patterns of names. One that no well-formed name fits is refused: it would be a rule that never counts, and nobody would
//! know.

use super::{EMAIL, URI, is_dns, is_email, is_uri, user_principal_name};
use crate::text_pattern::TextPattern;
use countersign_core::certificate::{SanKind, SubjectAlternativeName};
use std::borrow::Cow;
use std::net::IpAddr;

/// A pattern of the names of one kind, in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanPattern {
    kind: SanKind,
    text: TextPattern,
}

/// No name of this kind fits a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pattern that no name of its kind fits")]
pub struct SanPatternError(SanKind);

impl SanPatternError {
    /// How names of the kind read.
    pub const fn help(self) -> &'static str {
        match self.0 {
            SanKind::Uri => {
                "a URI has a scheme and a `:`, and neither spaces nor letters outside ASCII: \"uri:spiffe://home.example/*\""
            }
            SanKind::Dns => {
                "a DNS name has letters, digits, `-`, `_` and `.`, and other letters only as xn--…: \"dns:*.home.example\""
            }
            SanKind::Email => "an e-mail address has one `@`, and no spaces: \"email:*@home.example\"",
            SanKind::Ip => {
                "an address is \"ip:10.0.0.7\" or \"ip:2001:db8::7\", the beginning of several \"ip:10.0.*\"; networks are not read"
            }
            SanKind::Upn => "a user principal name has one `@`, and no spaces: \"upn:*@home.example\"",
            SanKind::DirectoryName | SanKind::Other => "names of this kind have no patterns",
        }
    }
}

impl SanPattern {
    /// Reads a pattern of names of `kind`.
    pub fn parse(kind: SanKind, text: &str) -> Result<Self, SanPatternError> {
        let text = if kind == SanKind::Ip {
            address(text).ok_or(SanPatternError(kind))?
        } else {
            compared(kind, text).into_owned()
        };
        if !may_fit(kind, &text) {
            return Err(SanPatternError(kind));
        }
        let text = TextPattern::parse(&text);
        Ok(Self { kind, text })
    }

    /// Whether `name` is of the kind and fits.
    pub fn fits(&self, name: &SubjectAlternativeName) -> bool {
        let text = name.text();
        // What stands between two stars may be of either part of an address: that is taken as it is written.
        name.kind() == self.kind && (self.text.fits(&compared(self.kind, &text)) || self.text.fits(&text))
    }
}

/// A name, or a pattern, in the letters in which they are compared: large and small ones are one in names of the DNS, and in
/// the domain of an e-mail address. What follows the last star of a pattern without `@` is the end of the domain.
fn compared(kind: SanKind, text: &str) -> Cow<'_, str> {
    let domain = match kind {
        SanKind::Dns => 0,
        SanKind::Email => text.rfind('@').or_else(|| text.rfind('*')).unwrap_or(text.len()),
        SanKind::Uri | SanKind::Ip | SanKind::DirectoryName | SanKind::Upn | SanKind::Other => text.len(),
    };
    match text.split_at_checked(domain) {
        Some((local, domain)) if domain.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Cow::Owned(format!("{local}{}", domain.to_ascii_lowercase()))
        }
        _ => Cow::Borrowed(text),
    }
}

/// Whether some well-formed name of `kind` may fit; with a star this is judged by the characters alone.
fn may_fit(kind: SanKind, text: &str) -> bool {
    let only = |further: &[u8]| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'*' || further.contains(&byte);
        text.contains('*') && text.bytes().all(known)
    };
    let room_for_one_at = text.matches('@').count() < 2;
    match kind {
        SanKind::Uri => is_uri(text) || only(URI),
        SanKind::Dns => is_dns(text) || only(b"-_."),
        SanKind::Email => is_email(text) || room_for_one_at && only(&[EMAIL, b".@"].concat()),
        SanKind::Upn => {
            let visible = |character: char| !character.is_whitespace() && !character.is_control();
            let starred = text.contains('*') && text.chars().all(visible);
            user_principal_name(text.as_bytes()).is_ok() || room_for_one_at && starred
        }
        SanKind::Ip => true,
        SanKind::DirectoryName | SanKind::Other => false,
    }
}

/// A pattern of addresses as they are printed, whole or in part; `None` where no address is printed so.
fn address(text: &str) -> Option<String> {
    if !text.contains('*') {
        return text.parse::<IpAddr>().ok().map(|address| address.to_string());
    }
    let text = text.to_ascii_lowercase();
    let digit = |byte: u8| byte.is_ascii_hexdigit() || b".:*".contains(&byte);
    let (v4, v6) = (text.contains('.'), text.contains(':'));
    // Whole numbers have no zeros before them, and are no larger than they can be.
    let whole = |part: &str, longest: usize| part.len() <= longest && (part == "0" || !part.starts_with('0'));
    let part = |part: &str| {
        let open = part.is_empty() || part.contains('*') || v4 && v6;
        open || if v4 {
            part.parse::<u8>().is_ok() && whole(part, 3)
        } else {
            whole(part, 4)
        }
    };
    let parts = text.split(['.', ':']);
    (text.bytes().all(digit) && parts.into_iter().all(part)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SubjectAlternativeName::{Dns, Email, Ip, Upn, Uri};

    fn pattern(kind: SanKind, text: &str) -> SanPattern {
        SanPattern::parse(kind, text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_domain_of_a_name_has_no_case_and_everything_else_has() {
        let ann = Email("Ann@Example.ORG".into());
        for (text, fits) in [
            ("Ann@example.org", true),
            ("Ann@EXAMPLE.org", true),
            ("ann@example.org", false),
            ("*@Example.Org", true),
            ("*@*.ORG", true),
            ("*Example.Org", true),
            ("Ann@*", true),
            ("Ann*", true),
            ("ann*", false),
            ("*Exa*", true),
            ("*exa*", true),
            ("*nn@Exa*", true),
            ("*@ORG", false),
            ("*@example.org.evil", false),
        ] {
            assert_eq!(pattern(SanKind::Email, text).fits(&ann), fits, "{text}");
        }
        assert!(pattern(SanKind::Dns, "*.APP.test").fits(&Dns("Www.App.Test".into())));
        assert!(!pattern(SanKind::Uri, "https://a.test/Ann").fits(&Uri("https://a.test/ann".into())));
        assert!(!pattern(SanKind::Upn, "Ann@a.test").fits(&Upn("ann@a.test".into())));
        // Each is of its kind.
        assert!(!pattern(SanKind::Email, "*@Example.Org").fits(&Upn("Ann@example.org".into())));
    }

    #[test]
    fn an_address_is_one_however_it_is_written() {
        for (text, address, fits) in [
            ("2001:DB8:0::1", "2001:db8::1", true),
            ("2001:0db8::0001", "2001:db8::1", true),
            ("2001:DB8:*", "2001:db8::1", true),
            ("2001:DB8:*", "2001:db9::1", false),
            ("10.0.*", "10.0.255.1", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("::FFFF:10.0.*", "::ffff:10.0.0.7", true),
            ("*.7", "10.0.0.7", true),
        ] {
            let name = Ip(address.parse().unwrap());
            assert_eq!(pattern(SanKind::Ip, text).fits(&name), fits, "{text}");
        }
    }

    #[test]
    fn what_no_name_fits_is_refused() {
        for (kind, texts) in [
            (
                SanKind::Email,
                &[
                    "ann",
                    " ann@x.test",
                    "ann@x.test ",
                    "ann@x@y",
                    "*@x@y",
                    "ann @*",
                    "ann@x..y",
                    "*@bücher.test",
                ][..],
            ),
            (SanKind::Upn, &["ann", " ann@x", "*@x@y", "ann@x y", "* @x"]),
            (
                SanKind::Dns,
                &[
                    "a b.test",
                    " *.test",
                    "bücher.test",
                    "a:80",
                    "https://a.test",
                    "10.0.0.7",
                    "a..test",
                ],
            ),
            (
                SanKind::Uri,
                &["a.test", " https://a.test", "https://a.test/ b*", "*ü*"],
            ),
            (
                SanKind::Ip,
                &[
                    "10.0.0.0/8",
                    "10.0.*/8",
                    "010.0.0.1",
                    "10.00.*",
                    "256.*",
                    "10.0.0.7 ",
                    "2001:0db8:*",
                    "10.0.0",
                    "x*",
                    "12345:*",
                ],
            ),
            (SanKind::DirectoryName, &["CN=ann"]),
        ] {
            for text in texts {
                assert_eq!(
                    SanPattern::parse(kind, text),
                    Err(SanPatternError(kind)),
                    "{text}"
                );
            }
        }
    }
}
