//! The names that a request asks for.

use super::RequestError;
use crate::ca::der::{Reader, tag};
use crate::ca::names::{Kind, Name};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most names that are looked at.
const MAX_NAMES: usize = 200;

/// A name that is asked for, its kind kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Dns(String),
    Ip(IpAddr),
    Email(String),
    Uri(String),
}

impl Asked {
    /// The name, where a certificate of `kind` can bear such a one.
    pub(super) fn text(&self, kind: Kind) -> Result<String, RequestError> {
        let (text, what) = match self {
            Self::Dns(text) => (text.clone(), "DNS name"),
            Self::Ip(address) => (address.to_string(), "address"),
            Self::Email(text) => (text.clone(), "e-mail address"),
            Self::Uri(text) => (text.clone(), "URI"),
        };
        // It must read as a name of its own kind: a DNS name would pass for a client's name in words.
        let same = match Name::parse(kind, &text) {
            Ok(Name::Dns(_)) => matches!(self, Self::Dns(_)),
            Ok(Name::Ip(_)) => matches!(self, Self::Ip(_)),
            Ok(Name::Email(_)) => matches!(self, Self::Email(_)),
            Ok(Name::Uri(_)) => matches!(self, Self::Uri(_)),
            Ok(Name::Common(_)) => false,
            // The caller tells why.
            Err(_) => true,
        };
        if same {
            Ok(text)
        } else {
            Err(RequestError::NotForKind(kind.word(), text, what))
        }
    }
}

/// The names of a subjectAltName.
pub(super) fn alternative_names(value: &[u8]) -> Result<Vec<Asked>, RequestError> {
    let told = RequestError::Structure("its names");
    let mut outer = Reader::new(value);
    let Some(mut list) = outer.open(tag::SEQUENCE).filter(|_| outer.is_empty()) else {
        return Err(told);
    };
    let mut names = Vec::new();
    while !list.is_empty() {
        if names.len() >= MAX_NAMES {
            return Err(RequestError::TooManyNames);
        }
        let Some(name) = list.next() else { return Err(told) };
        let text = || {
            std::str::from_utf8(name.content)
                .ok()
                .filter(|text| text.is_ascii())
                .map(str::to_owned)
        };
        let asked = match name.tag {
            0x81 => text().map(Asked::Email),
            0x82 => text().map(Asked::Dns),
            0x86 => text().map(Asked::Uri),
            0x87 => address(name.content).map(Asked::Ip),
            _ => return Err(RequestError::NameKind),
        };
        let Some(asked) = asked else { return Err(told) };
        names.push(asked);
    }
    Ok(names)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(octets).map(|four| Ipv4Addr::from(four).into());
    let sixteen = <[u8; 16]>::try_from(octets).map(|sixteen| Ipv6Addr::from(sixteen).into());
    four.or(sixteen).ok()
}
