//! Subject alternative names (RFC 5280 section 4.2.1.6), each of its kind, in the order of the certificate.
//!
//! A name that is not well formed for its kind is left out of the names and kept among the misshapen ones, by its kind
//! only: it is nobody's identity and is in no header, but who must see exactly one name (SPIFFE) sees that there was
//! another. An extension whose encoding is broken makes the whole certificate unreadable.

use crate::der::{self, Reader, constructed, context};
use crate::name::{Name, is_invisible};
use countersign_core::certificate::{SanKind, SubjectAlternativeName};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use pattern::{SanPattern, SanPatternError};

mod pattern;

/// 1.3.6.1.4.1.311.20.2.3
const UPN: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];
const UTF8_STRING: u8 = 0x0c;
/// RFC 1035 section 2.3.4.
const MAX_LABEL: usize = 63;
const MAX_DNS_NAME: usize = 253;

/// What stands in a URI besides letters and digits (RFC 3986 section 2).
const URI: &[u8] = b"-._~:/?#[]@!$&'()*+,;=%";
/// What stands in an atom of an e-mail address besides letters and digits (RFC 5321 section 4.1.2).
const EMAIL: &[u8] = b"!#$%&'*+-/=?^_`{|}~";

/// A name that is left out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MisshapenName {
    /// Of which kind it says it is.
    pub kind: SanKind,
    /// What is wrong with it.
    pub fault: NameFault,
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It holds a control character, NUL among them.
    #[error("it holds a control character")]
    ControlCharacter,
    /// It holds a byte outside ASCII, where its type (IA5String) has none.
    #[error("it holds a byte outside ASCII")]
    NotAscii,
    /// It is not what its kind looks like.
    #[error("it is not what a name of its kind looks like")]
    Shape,
}

/// The names of an extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) well_formed: Vec<SubjectAlternativeName>,
    pub(crate) misshapen: Vec<MisshapenName>,
}

/// Reads the content of the extension. `None` when it is not a sequence of one or more general names.
pub(crate) fn parse(extension: &[u8]) -> Option<Names> {
    let mut reader = Reader::whole(extension, der::SEQUENCE)?;
    let mut names = Names::default();
    loop {
        match general_name(&mut reader)? {
            Ok(name) => names.well_formed.push(name),
            Err(misshapen) => names.misshapen.push(misshapen),
        }
        if reader.is_empty() {
            return Some(names);
        }
    }
}

fn general_name(reader: &mut Reader<'_>) -> Option<Result<SubjectAlternativeName, MisshapenName>> {
    let element = reader.any()?;
    let content = element.content;
    let of = |kind| move |fault| MisshapenName { kind, fault };
    Some(match element.tag {
        tag if tag == constructed(0) => return other_name(content),
        tag if tag == context(1) => ia5(content, is_email)
            .map(SubjectAlternativeName::Email)
            .map_err(of(SanKind::Email)),
        tag if tag == context(2) => ia5(content, is_dns)
            .map(SubjectAlternativeName::Dns)
            .map_err(of(SanKind::Dns)),
        tag if tag == constructed(4) => {
            let name = Name::parse(content)?;
            directory_name(&name).map_err(of(SanKind::DirectoryName))
        }
        tag if tag == context(6) => ia5(content, is_uri)
            .map(SubjectAlternativeName::Uri)
            .map_err(of(SanKind::Uri)),
        tag if tag == context(7) => address(content)
            .map(SubjectAlternativeName::Ip)
            .map_err(of(SanKind::Ip)),
        tag if tag == constructed(3) => Ok(other_kind("3")),
        tag if tag == constructed(5) => Ok(other_kind("5")),
        tag if tag == context(8) && der::is_oid(content) => Ok(other_kind("8")),
        _ => return None,
    })
}

/// `x400Address`, `ediPartyName` and `registeredID`, of which only the number is told.
fn other_kind(number: &str) -> SubjectAlternativeName {
    SubjectAlternativeName::Other(number.into())
}

/// `OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }`, its tag replaced.
fn other_name(content: &[u8]) -> Option<Result<SubjectAlternativeName, MisshapenName>> {
    let mut reader = Reader::new(content);
    let oid = reader.expect(der::OBJECT_IDENTIFIER)?;
    let mut value = Reader::new(reader.expect(constructed(0))?);
    reader.end()?;
    let value_element = value.any()?;
    value.end()?;
    if oid != UPN {
        return Some(Ok(SubjectAlternativeName::Other(der::dotted(oid)?.into())));
    }
    let upn = if value_element.tag == UTF8_STRING {
        user_principal_name(value_element.content)
    } else {
        Err(NameFault::Shape)
    };
    Some(
        upn.map(SubjectAlternativeName::Upn)
            .map_err(|fault| MisshapenName {
                kind: SanKind::Upn,
                fault,
            }),
    )
}

/// Letters of any script, digits and visible ASCII, with one `@` within: what a directory hands out, without the
/// characters that cannot be seen or stand on others.
fn user_principal_name(content: &[u8]) -> Result<Box<str>, NameFault> {
    let text = std::str::from_utf8(content).map_err(|_| NameFault::Shape)?;
    if text.is_empty() {
        return Err(NameFault::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(NameFault::ControlCharacter);
    }
    let letter =
        |character: char| !character.is_ascii() && character.is_alphanumeric() && !is_invisible(character);
    let visible = |character: char| character.is_ascii_graphic() || letter(character);
    let (user, suffix) = text.split_once('@').ok_or(NameFault::Shape)?;
    let whole = !user.is_empty() && !suffix.is_empty() && !suffix.contains('@');
    let shaped = whole && text.chars().all(visible);
    shaped.then(|| text.into()).ok_or(NameFault::Shape)
}

fn directory_name(name: &Name) -> Result<SubjectAlternativeName, NameFault> {
    let text = name.rfc4514();
    if text.is_empty() {
        return Err(NameFault::Empty);
    }
    Ok(SubjectAlternativeName::DirectoryName(text.into()))
}

/// Four or sixteen bytes, and no mask.
fn address(content: &[u8]) -> Result<IpAddr, NameFault> {
    let v4 = <[u8; 4]>::try_from(content).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let v6 = <[u8; 16]>::try_from(content).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
    v4.or(v6).map_err(|_| {
        if content.is_empty() {
            NameFault::Empty
        } else {
            NameFault::Shape
        }
    })
}

fn ia5(content: &[u8], shaped: fn(&str) -> bool) -> Result<Box<str>, NameFault> {
    if content.is_empty() {
        return Err(NameFault::Empty);
    }
    if content.iter().any(u8::is_ascii_control) {
        return Err(NameFault::ControlCharacter);
    }
    let text = std::str::from_utf8(content)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or(NameFault::NotAscii)?;
    shaped(text).then(|| text.into()).ok_or(NameFault::Shape)
}

/// A scheme, a colon, and only the characters of RFC 3986, percent escapes whole.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let scheme_shaped = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || URI.contains(&byte);
    let escapes_whole = rest.split('%').skip(1).all(|after| {
        after
            .as_bytes()
            .get(..2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    scheme_shaped && !rest.is_empty() && rest.bytes().all(allowed) && escapes_whole
}

/// Labels of letters, digits, `-` and `_`, the first perhaps `*`; the last not a number, or it would read as an address.
fn is_dns(text: &str) -> bool {
    is_host(text.strip_prefix("*.").unwrap_or(text))
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let last_is_number = text
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= MAX_DNS_NAME && text.split('.').all(label) && !last_is_number
}

/// A local part in dots and atoms (RFC 5321 section 4.1.2) at a host. Quoted ones are left out: none is in use, and they
/// can hold anything.
fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else {
        return false;
    };
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || EMAIL.contains(&byte))
    };
    local.split('.').all(atom) && is_host(host)
}

#[cfg(test)]
mod tests;
