//! The names that a certificate can bear, by its kind. Each is judged before anything is signed: what is no name of its
//! kind is refused, never bent into one.

use countersign_core::spiffe::SpiffeIdError;
use shape::{email, host, is_unseen, spiffe, uri};
use std::fmt;
use std::net::IpAddr;

/// The longest common name (RFC 5280, appendix A: ub-common-name).
pub(super) const MAX_COMMON_NAME: usize = 64;
/// The most names of one certificate.
const MAX_NAMES: usize = 100;
/// The longest name of a file without its ending, in bytes: no file system has room for less than 255 with it.
const MAX_STEM: usize = 120;
const SPIFFE: &str = "spiffe://";

mod shape;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A server, by its DNS names and addresses.
    Server,
    /// A person or program, by name, e-mail address or URI.
    Client,
    /// A workload, by its SPIFFE ID; client and server at once.
    Workload,
}

impl Kind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Workload => "workload",
        }
    }
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A DNS name in lower case, also `*.example.org`.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// An e-mail address.
    Email(String),
    /// A URI, a SPIFFE ID among them.
    Uri(String),
    /// A name in words, which stands in the subject alone.
    Common(String),
}

/// Why something is no name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing.
    #[error("a name is empty")]
    Empty,
    /// Nobody is named.
    #[error("no name is given")]
    None,
    /// Very many.
    #[error("more than 100 names are given")]
    TooMany,
    /// The same name twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// Characters that no name has.
    #[error("{0:?} has a control character, or one that is not seen")]
    Control(String),
    /// Not a DNS name.
    #[error("{0:?} is no DNS name: {1}")]
    Dns(String, &'static str),
    /// Letters beyond ASCII.
    #[error("{0:?} is no DNS name as certificates write it{1}")]
    NotAscii(String, String),
    /// Looks like an address.
    #[error("{0:?} looks like an address, and is none")]
    NoAddress(String),
    /// Everybody's address.
    #[error("{0} is no address of one machine")]
    AnyAddress(IpAddr),
    /// `*` where it is not allowed.
    #[error("{0:?}: `*` stands only as the first label, before a domain of two or more: `*.example.org`")]
    Wildcard(String),
    /// Not an e-mail address.
    #[error("{0:?} is no e-mail address: {1}")]
    Email(String, &'static str),
    /// Not a URI.
    #[error("{0:?} is no URI: {1}")]
    Uri(String, &'static str),
    /// Not a SPIFFE ID.
    #[error("{0:?} is no SPIFFE ID of a workload (spiffe://example.org/billing): {1}")]
    Spiffe(String, SpiffeIdError),
    /// The SPIFFE ID of a trust domain.
    #[error("{0:?} names a trust domain, and no workload in it: spiffe://example.org/billing has a path")]
    TrustDomain(String),
    /// A workload has one name.
    #[error("a workload has one SPIFFE ID, and {0} names are given")]
    OneSpiffe(usize),
    /// A SPIFFE ID for something else.
    #[error("{0:?} is a workload's name: `countersign ca issue workload`")]
    IsWorkload(String),
    /// Too long for a subject.
    #[error("{0:?} is longer than the 64 characters of a common name")]
    TooLong(String),
    /// Two names in words.
    #[error("{0:?} and {1:?}: a subject has one name in words; further names are e-mail addresses or URIs")]
    TwoCommon(String, String),
}

impl Name {
    /// The name that `text` is for a certificate of `kind`. What it prints as is read as the same name again.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().any(is_unseen) {
            return Err(NameError::Control(text.to_owned()));
        }
        match kind {
            Kind::Server => host(text),
            Kind::Client if text.starts_with(SPIFFE) => Err(NameError::IsWorkload(text.to_owned())),
            Kind::Client if text.contains("://") => uri(text),
            Kind::Client if text.contains('@') => email(text),
            Kind::Client if text.trim() != text => Err(NameError::Control(text.to_owned())),
            Kind::Client if text.chars().count() > MAX_COMMON_NAME => {
                Err(NameError::TooLong(text.to_owned()))
            }
            Kind::Client => Ok(Self::Common(text.to_owned())),
            Kind::Workload => spiffe(text),
        }
    }

    /// All names of one certificate.
    pub fn parse_all<T: AsRef<str>>(kind: Kind, texts: &[T]) -> Result<Vec<Self>, NameError> {
        if texts.len() > MAX_NAMES {
            return Err(NameError::TooMany);
        }
        let mut names = Vec::<Self>::new();
        for text in texts {
            let name = Self::parse(kind, text.as_ref())?;
            if names.contains(&name) {
                return Err(NameError::Twice(name.to_string()));
            }
            let common = names.iter().find(|other| matches!(other, Self::Common(_)));
            if let (Self::Common(second), Some(first)) = (&name, common) {
                return Err(NameError::TwoCommon(first.to_string(), second.clone()));
            }
            names.push(name);
        }
        match (kind, names.len()) {
            (_, 0) => Err(NameError::None),
            (Kind::Workload, 2..) => Err(NameError::OneSpiffe(names.len())),
            (Kind::Server | Kind::Client | Kind::Workload, _) => Ok(names),
        }
    }

    /// What the files of a certificate are called that this is the first name of: in ASCII, of which all is seen.
    pub fn file_stem(&self) -> String {
        let text = self.to_string();
        let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let plain = text.chars().map(|character| match character {
            '*' => '_',
            '/' | ':' | '\\' | '?' | '#' | ' ' => '-',
            other if other.is_ascii() => other,
            _ => '_',
        });
        let mut stem = plain.collect::<String>();
        stem.truncate(stem.floor_char_boundary(MAX_STEM));
        let stem = stem.trim_matches(['.', '-']);
        if stem.is_empty() {
            "certificate".to_owned()
        } else {
            stem.to_owned()
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) | Self::Common(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests;
