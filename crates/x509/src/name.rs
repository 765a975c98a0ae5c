//! Distinguished names: read once and strictly, printed in two forms, asked attribute by attribute.
//!
//! No identity is ever read out of the printed forms: [`Name::attribute`] goes by the parsed attributes. The printed
//! forms are visible ASCII and spaces whatever is in the name, so that they can stand in a header.

mod attributes;
mod pattern;
mod text;

use crate::der::{self, Reader};
pub use pattern::{NamePattern, NamePatternError};
pub use text::is_invisible;
use text::{Form, decoded, identity};

/// A distinguished name (RFC 5280 section 4.1.2.4). Every value of a string type was read and is text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    der: Box<[u8]>,
}

/// One attribute of one relative name.
#[derive(Clone, Copy, Debug)]
struct Attribute<'a> {
    /// Which relative name it is of, counted from the most general.
    relative: usize,
    oid: &'a [u8],
    tag: u8,
    content: &'a [u8],
    /// The value with its tag and length.
    whole: &'a [u8],
}

/// Whether OpenSSL has an attribute of this name, or it is an object identifier in dots: what [`Name::attribute`] knows.
pub fn is_attribute(name: &str) -> bool {
    attributes::object_identifier(name).is_some()
}

impl Name {
    /// Reads a `Name`. `None` when it is not one, when bytes are left over anywhere in it, or when a string in it is
    /// not of its type (UTF-8 that is none, surrogates, half a character).
    pub fn parse(der: &[u8]) -> Option<Self> {
        let attributes = attributes_of(der)?;
        let all_read = attributes
            .iter()
            .all(|attribute| der::is_oid(attribute.oid) && decoded(attribute.tag, attribute.content).is_ok());
        all_read.then(|| Self { der: der.into() })
    }

    /// The name as it is in the certificate. Two names are the same when these bytes are.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.attributes().is_empty()
    }

    /// As OpenSSL writes it with `-nameopt RFC2253`, which is nginx's `$ssl_client_s_dn`: most special first, bytes
    /// outside ASCII and control bytes as `\C4`, unknown types as dots and `#` with the DER.
    pub fn nginx(&self) -> String {
        text::written(&self.attributes(), Form::OpenSsl)
    }

    /// As RFC 4514 writes it, in ASCII: types that RFC has no word for as dots and `#` with the DER.
    pub fn rfc4514(&self) -> String {
        text::written(&self.attributes(), Form::Rfc4514)
    }

    /// The values of the attribute that OpenSSL calls `name` (`CN`, `O`, `OU`, `UID`, `emailAddress`…; case counts) or
    /// whose object identifier it is, most general first. None at all when one of them is not plain text: control
    /// characters, characters that cannot be seen, or bytes that its string type does not have. So nothing is counted as
    /// the only one that is not.
    pub fn attribute(&self, name: &str) -> Vec<String> {
        let Some(oid) = attributes::object_identifier(name) else {
            return Vec::new();
        };
        let attributes = self.attributes();
        let values = attributes.iter().filter(|attribute| attribute.oid == oid);
        values
            .map(|attribute| identity(attribute.tag, attribute.content))
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default()
    }

    /// Whether there is an attribute of this type, whatever its value.
    pub(crate) fn has_attribute(&self, oid: &[u8]) -> bool {
        self.attributes().iter().any(|attribute| attribute.oid == oid)
    }

    fn attributes(&self) -> Vec<Attribute<'_>> {
        attributes_of(&self.der).unwrap_or_default()
    }
}

fn attributes_of(der: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let mut relatives = Reader::whole(der, der::SEQUENCE)?;
    let mut found = Vec::new();
    let mut relative = 0;
    while !relatives.is_empty() {
        let mut set = Reader::new(relatives.expect(der::SET)?);
        loop {
            let mut pair = Reader::new(set.expect(der::SEQUENCE)?);
            let oid = pair.expect(der::OBJECT_IDENTIFIER)?;
            let value = pair.any()?;
            pair.end()?;
            found.push(Attribute {
                relative,
                oid,
                tag: value.tag,
                content: value.content,
                whole: value.whole,
            });
            if set.is_empty() {
                break;
            }
        }
        relative += 1;
    }
    Some(found)
}

#[cfg(test)]
mod tests;
