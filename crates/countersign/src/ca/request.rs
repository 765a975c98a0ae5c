//! Certification requests (PKCS#10, RFC 2986): what a stranger asks for, read strictly and within bounds. A request is
//! never signed as it is: only its key and the names that were confirmed go on.

use super::der::{Reader, tag};
use super::names::{Kind, Name, NameError};
use super::pem;
use asked::{Asked, alternative_names};
use key::{public_key, verification};

mod asked;
mod key;

pub use key::RequestedKey;

/// The largest request, in bytes of DER: one with a key of RSA 8192 and 100 names is smaller.
pub const MAX_REQUEST_BYTES: usize = 32 << 10;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 1.2.840.113549.1.9.14
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// 1.3.6.1.5.5.7.3.1 and 2
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// Why a request is not signed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No PEM block of a request.
    #[error("it holds no certificate request in PEM (-----BEGIN CERTIFICATE REQUEST-----), or more than one")]
    NotPem,
    /// Larger than any request is.
    #[error("it is larger than 32 KiB, which no request needs to be")]
    TooLarge,
    /// Not what RFC 2986 says.
    #[error("it is no certificate request (PKCS#10): {0} cannot be read")]
    Structure(&'static str),
    /// Of a kind that is not signed.
    #[error(
        "its key or its signature is of a kind that is not taken: ECDSA on P-256 or P-384, Ed25519 and RSA of 2048 to 8192 bits are, with SHA-256 to SHA-512"
    )]
    Key,
    /// Whoever sent it does not have the key.
    #[error("its signature is not by its own key")]
    Signature,
    /// It asks to be an authority.
    #[error("it asks to be an authority, and nothing is signed here that could sign further certificates")]
    Authority,
    /// It asks for another purpose than its kind's.
    #[error("it asks for purposes that a {0}'s certificate does not have")]
    Purpose(&'static str),
    /// A name of a kind that is not known here.
    #[error("it asks for a name that is neither a DNS name, an address, an e-mail address nor a URI")]
    NameKind,
    /// Very many names.
    #[error("it asks for more than 200 names")]
    TooManyNames,
    /// A name of a kind that is for others.
    #[error("it asks for {1:?}: a {0}'s certificate bears no {2}")]
    NotForKind(&'static str, String, &'static str),
    /// No name at all.
    #[error("it asks for no name that a {0}'s certificate bears")]
    NoName(&'static str),
    /// A name that is none.
    #[error("it asks for a name that is none: {0}")]
    Name(#[from] NameError),
}

/// A request whose signature is its own key's.
#[derive(Clone, Debug)]
pub struct Request {
    common_name: Option<String>,
    names: Vec<Asked>,
    purposes: Vec<Purpose>,
    key: RequestedKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Server,
    Client,
    Other,
}

impl Request {
    /// The one request of a PEM file.
    pub fn from_pem(text: &str) -> Result<Self, RequestError> {
        let blocks = pem::decode(text).ok_or(RequestError::NotPem)?.into_iter();
        // The second label is what old programs write.
        let requests =
            blocks.filter(|(label, _)| ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"].contains(label));
        let requests = requests.map(|(_, der)| der).collect::<Vec<_>>();
        match requests.as_slice() {
            [der] => Self::from_der(der),
            [] | [_, _, ..] => Err(RequestError::NotPem),
        }
    }

    /// A request in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        use RequestError::Structure;
        if der.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge);
        }
        let mut outer = Reader::new(der);
        let whole = outer.open(tag::SEQUENCE).filter(|_| outer.is_empty());
        let mut whole = whole.ok_or(Structure("its outer part"))?;
        let info = whole.next().ok_or(Structure("its outer part"))?;
        let mut signature_kind = whole.open(tag::SEQUENCE).ok_or(Structure("its algorithm"))?;
        let signature_kind = signature_kind
            .bytes(tag::OBJECT_IDENTIFIER)
            .ok_or(Structure("its algorithm"))?;
        let signature = whole
            .bits()
            .filter(|_| whole.is_empty())
            .ok_or(Structure("its signature"))?;

        let mut parts = info.open(tag::SEQUENCE).ok_or(Structure("its inner part"))?;
        parts
            .number()
            .filter(|version| *version == 0)
            .ok_or(Structure("its version"))?;
        let subject = parts.open(tag::SEQUENCE).ok_or(Structure("its subject"))?;
        let key = parts
            .open(tag::SEQUENCE)
            .and_then(public_key)
            .ok_or(RequestError::Key)?;
        let attributes = parts.open(tag::CONTEXT_0).filter(|_| parts.is_empty());
        let attributes = attributes.ok_or(Structure("its attributes"))?;
        let verification = verification(&key, signature_kind).ok_or(RequestError::Key)?;
        if !key.has_signed(verification, info.whole, signature) {
            return Err(RequestError::Signature);
        }

        let mut request = Self {
            common_name: common_name(subject)?,
            names: Vec::new(),
            purposes: Vec::new(),
            key,
        };
        request.read_attributes(attributes)?;
        Ok(request)
    }

    fn read_attributes(&mut self, mut attributes: Reader<'_>) -> Result<(), RequestError> {
        use RequestError::Structure;
        let mut asked_before = false;
        while !attributes.is_empty() {
            let mut attribute = attributes.open(tag::SEQUENCE).ok_or(Structure("an attribute"))?;
            if attribute
                .bytes(tag::OBJECT_IDENTIFIER)
                .ok_or(Structure("an attribute"))?
                != EXTENSION_REQUEST
            {
                continue;
            }
            let mut values = attribute.open(tag::SET).ok_or(Structure("an attribute"))?;
            let extensions = values
                .open(tag::SEQUENCE)
                .filter(|_| values.is_empty() && !asked_before);
            asked_before = true;
            self.read_extensions(extensions.ok_or(Structure("what it asks for"))?)?;
        }
        Ok(())
    }

    fn read_extensions(&mut self, mut extensions: Reader<'_>) -> Result<(), RequestError> {
        use RequestError::Structure;
        let mut seen = Vec::new();
        while !extensions.is_empty() {
            let mut extension = extensions
                .open(tag::SEQUENCE)
                .ok_or(Structure("what it asks for"))?;
            let name = extension
                .bytes(tag::OBJECT_IDENTIFIER)
                .ok_or(Structure("what it asks for"))?;
            let _critical = extension.optional(tag::BOOLEAN);
            let value = extension
                .bytes(tag::OCTET_STRING)
                .filter(|_| extension.is_empty());
            let value = value.ok_or(Structure("what it asks for"))?;
            if seen.contains(&name) {
                return Err(Structure("what it asks for twice"));
            }
            seen.push(name);
            match name {
                ALTERNATIVE_NAME => self.names = alternative_names(value)?,
                BASIC_CONSTRAINTS => no_authority(value)?,
                KEY_USAGE => no_signer(value)?,
                EXTENDED_KEY_USAGE => self.purposes = purposes(value).ok_or(Structure("its purposes"))?,
                // Whatever else it wishes is ours to decide.
                _ => {}
            }
        }
        Ok(())
    }

    /// The names that it asks for, judged as those of a certificate of `kind` are.
    pub fn names(&self, kind: Kind) -> Result<Vec<Name>, RequestError> {
        let wrong = self.purposes.iter().any(|purpose| match (kind, purpose) {
            (Kind::Server | Kind::Workload, Purpose::Server)
            | (Kind::Client | Kind::Workload, Purpose::Client) => false,
            (Kind::Server, Purpose::Client) | (Kind::Client, Purpose::Server) | (_, Purpose::Other) => true,
        });
        if wrong {
            return Err(RequestError::Purpose(kind.word()));
        }
        let mut texts = Vec::new();
        for asked in &self.names {
            texts.push(asked.text(kind)?);
        }
        // A server's common name only repeats one of its names, and a workload's says nothing.
        let common = self.common_name.clone().filter(|common| match kind {
            Kind::Server => texts.is_empty(),
            Kind::Client => !texts.contains(common),
            Kind::Workload => false,
        });
        if let Some(common) = common {
            texts.insert(0, common);
        }
        if texts.is_empty() {
            return Err(RequestError::NoName(kind.word()));
        }
        Ok(Name::parse_all(kind, &texts)?)
    }

    /// Its key.
    pub const fn key(&self) -> &RequestedKey {
        &self.key
    }
}

/// The last common name of a subject.
fn common_name(mut subject: Reader<'_>) -> Result<Option<String>, RequestError> {
    let told = || RequestError::Structure("its subject");
    let mut common = None;
    while !subject.is_empty() {
        let mut set = subject.open(tag::SET).ok_or_else(told)?;
        while !set.is_empty() {
            let mut attribute = set.open(tag::SEQUENCE).ok_or_else(told)?;
            let name = attribute.bytes(tag::OBJECT_IDENTIFIER).ok_or_else(told)?;
            let value = attribute
                .next()
                .filter(|_| attribute.is_empty())
                .ok_or_else(told)?;
            if name == COMMON_NAME {
                let is_text = [tag::UTF8_STRING, tag::PRINTABLE_STRING, tag::IA5_STRING].contains(&value.tag);
                let text = std::str::from_utf8(value.content).ok().filter(|_| is_text);
                common = Some(text.ok_or_else(told)?.to_owned()).filter(|text| !text.is_empty());
            }
        }
    }
    Ok(common)
}

fn no_authority(value: &[u8]) -> Result<(), RequestError> {
    let constraints = Reader::new(value).open(tag::SEQUENCE);
    let mut constraints = constraints.ok_or(RequestError::Structure("its basic constraints"))?;
    match constraints.optional(tag::BOOLEAN).map(|flag| flag.content) {
        None | Some([0]) => Ok(()),
        Some(_) => Err(RequestError::Authority),
    }
}

fn no_signer(value: &[u8]) -> Result<(), RequestError> {
    let bits = Reader::new(value).bytes(tag::BIT_STRING);
    match bits.ok_or(RequestError::Structure("its key usage"))? {
        // keyCertSign and cRLSign
        [_, first, ..] if first & 0b0000_0110 != 0 => Err(RequestError::Authority),
        _ => Ok(()),
    }
}

fn purposes(value: &[u8]) -> Option<Vec<Purpose>> {
    let mut list = Reader::new(value).open(tag::SEQUENCE)?;
    let mut purposes = Vec::new();
    while !list.is_empty() {
        let purpose = match list.bytes(tag::OBJECT_IDENTIFIER)? {
            SERVER_AUTH => Purpose::Server,
            CLIENT_AUTH => Purpose::Client,
            _ => Purpose::Other,
        };
        // What was said is not said again.
        if !purposes.contains(&purpose) {
            purposes.push(purpose);
        }
    }
    Some(purposes)
}

#[cfg(test)]
mod tests;
