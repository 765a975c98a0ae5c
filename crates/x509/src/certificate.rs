//! One certificate (RFC 5280 section 4), read whole and strictly. Nothing about it is verified here.

mod extensions;
mod key;

use crate::der::{self, Reader, constructed, context};
use crate::name::Name;
use crate::san::MisshapenName;
use aws_lc_rs::digest::{SHA256, digest};
use countersign_core::certificate::{CertificateFacts, PresentedCertificate, SubjectAlternativeName};
use countersign_core::time::Timestamp;
use extensions::Read;
pub(crate) use extensions::all as all_extensions;
pub use extensions::{BasicConstraints, ExtendedKeyUsage, Extension, KeyUsage};
pub use key::KeyKind;
use std::fmt::Write as _;
use std::sync::Arc;

/// The largest certificate that is read, in bytes. A client's whole chain is held to less.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;
/// RFC 5280 section 4.1.2.2 has 20; a few authorities have had more.
const MAX_SERIAL_BYTES: usize = 32;

/// A certificate that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Box<[u8]>,
    version: u8,
    serial: Box<[u8]>,
    issuer: Name,
    subject: Name,
    not_before: Timestamp,
    not_after: Timestamp,
    spki: Box<[u8]>,
    key: KeyKind,
    extensions: Box<[u8]>,
    read: Read,
}

/// Why bytes are no certificate that has one reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is larger than 64 KiB.
    #[error("the certificate is larger than 64 KiB")]
    TooLarge,
    /// The bytes are not DER of a certificate, or there are bytes left over.
    #[error("these bytes are not one certificate in DER")]
    Structure,
    /// The version is none of 1, 2 and 3, or has extensions that it cannot have.
    #[error("the certificate's version is not one of 1, 2 and 3, or cannot have what it holds")]
    Version,
    /// The serial number is no number, or longer than 32 bytes.
    #[error("the serial number is not a whole number of at most 32 bytes")]
    Serial,
    /// The signature's algorithm outside the signed part is another than inside.
    #[error("the certificate names two different signature algorithms")]
    Algorithm,
    /// The issuer's or the subject's name cannot be read.
    #[error("a distinguished name in the certificate cannot be read")]
    Name,
    /// The times of validity cannot be read.
    #[error("the times of validity cannot be read")]
    Validity,
    /// The public key's envelope cannot be read.
    #[error("the public key cannot be read")]
    Key,
    /// The list of extensions cannot be read.
    #[error("the list of extensions cannot be read")]
    Extensions,
    /// An extension is there twice.
    #[error("the extension {0} is there twice")]
    ExtensionDoubled(Box<str>),
    /// An extension that matters here cannot be read.
    #[error("the extension {0} cannot be read")]
    Extension(Box<str>),
}

/// The parts of the signed part, in their order.
struct Signed<'a> {
    version: u8,
    serial: &'a [u8],
    algorithm: &'a [u8],
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
    extensions: Option<&'a [u8]>,
}

impl Certificate {
    /// Reads one certificate and nothing after it.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        use CertificateError as E;
        if bytes.len() > MAX_CERTIFICATE_BYTES {
            return Err(E::TooLarge);
        }
        let (signed, algorithm) = outer(bytes).ok_or(E::Structure)?;
        let signed = signed_parts(signed)?;
        if signed.algorithm != algorithm {
            return Err(E::Algorithm);
        }
        if signed.extensions.is_some() && signed.version != 3 {
            return Err(E::Version);
        }
        let (not_before, not_after) = validity(signed.validity).ok_or(E::Validity)?;
        let extensions = signed.extensions.unwrap_or_default();
        Ok(Self {
            der: bytes.into(),
            version: signed.version,
            serial: signed.serial.into(),
            issuer: Name::parse(signed.issuer).ok_or(E::Name)?,
            subject: Name::parse(signed.subject).ok_or(E::Name)?,
            not_before,
            not_after,
            spki: signed.spki.into(),
            key: KeyKind::of(signed.spki).ok_or(E::Key)?,
            extensions: extensions.into(),
            read: extensions::read(extensions)?,
        })
    }

    /// The certificate as it came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// 1, 2 or 3.
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// Whom it is about.
    pub const fn subject(&self) -> &Name {
        &self.subject
    }

    /// Who made it.
    pub const fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Whether subject and issuer are the same name. Whether it also signed itself only its key can say.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// The serial number as the certificate holds it: the shortest big-endian bytes, a zero before a first bit of one.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The serial number as OpenSSL and nginx (`$ssl_client_serial`) write it: capital hexadecimal digits in pairs, `-`
    /// before a negative one.
    pub fn serial_text(&self) -> String {
        let negative = self.serial.first().is_some_and(|first| first & 0x80 != 0);
        let magnitude = if negative {
            negated(&self.serial)
        } else {
            self.serial.to_vec()
        };
        let digits = match magnitude.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        let sign = if negative { "-" } else { "" };
        format!("{sign}{}", hexadecimal(digits).to_ascii_uppercase())
    }

    /// From when it holds.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when, that second included.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The `SubjectPublicKeyInfo`, DER.
    pub fn subject_public_key_info(&self) -> &[u8] {
        &self.spki
    }

    /// What kind of key it is of.
    pub const fn key(&self) -> &KeyKind {
        &self.key
    }

    /// SHA-256 of the certificate: its fingerprint, and `x5t#S256` (RFC 8705).
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.der)
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`: the same for every certificate of this key.
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// The well-formed subject alternative names, in the order of the certificate.
    pub fn sans(&self) -> &[SubjectAlternativeName] {
        &self.read.sans
    }

    /// The subject alternative names that are left out because they are not well formed for their kind.
    pub fn misshapen_names(&self) -> &[MisshapenName] {
        &self.read.misshapen
    }

    /// The basic constraints, if there are any.
    pub const fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.read.basic_constraints
    }

    /// Whether it says that it is an authority's.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|basic| basic.ca)
    }

    /// What its key may be used for; `None` when it does not say.
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.read.key_usage
    }

    /// What the certificate may be used for; `None` when it does not say.
    pub fn extended_key_usages(&self) -> Option<&[ExtendedKeyUsage]> {
        self.read.extended_key_usages.as_deref()
    }

    /// The first critical extension that nobody here knows, in dots.
    pub fn unknown_critical_extension(&self) -> Option<&str> {
        self.read.unknown_critical.as_deref()
    }

    /// Every extension, in the order of the certificate.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        extensions::iterate(&self.extensions)
    }

    /// What it says, ready to be told, as the leaf of `presented`. The SPIFFE ID is whoever's who checked it.
    pub fn facts(
        &self,
        presented: Arc<PresentedCertificate>,
        spiffe_id: Option<Box<str>>,
    ) -> CertificateFacts {
        CertificateFacts {
            presented,
            subject: self.subject.nginx().into(),
            issuer: self.issuer.nginx().into(),
            serial: self.serial_text().into(),
            fingerprint: hexadecimal(&self.sha256()).into(),
            spki: hexadecimal(&self.spki_sha256()).into(),
            not_before: self.not_before,
            not_after: self.not_after,
            sans: self.sans().into(),
            spiffe_id,
        }
    }

    /// The content of an extension by its object identifier in dots.
    pub fn extension(&self, oid: &str) -> Option<&[u8]> {
        let oid = der::oid(oid)?;
        self.extensions()
            .find(|extension| extension.oid == oid)
            .map(|extension| extension.value)
    }
}

/// The signed part and the algorithm of the signature.
fn outer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut certificate = Reader::whole(bytes, der::SEQUENCE)?;
    let signed = certificate.expect(der::SEQUENCE)?;
    let algorithm = certificate.expect(der::SEQUENCE)?;
    certificate.whole_bits()?;
    certificate.end()?;
    Some((signed, algorithm))
}

fn signed_parts(signed: &[u8]) -> Result<Signed<'_>, CertificateError> {
    use CertificateError as E;
    let mut reader = Reader::new(signed);
    let version = match reader.optional(constructed(0)).ok_or(E::Structure)? {
        None => 1,
        Some([der::INTEGER, 1, number @ (1 | 2)]) => number + 1,
        Some(_) => return Err(E::Version),
    };
    let serial = reader.integer().ok_or(E::Serial)?;
    if serial.len() > MAX_SERIAL_BYTES {
        return Err(E::Serial);
    }
    let mut sequence = || reader.element(der::SEQUENCE).ok_or(E::Structure);
    let (algorithm, issuer, validity) = (sequence()?, sequence()?, sequence()?);
    let (subject, spki) = (sequence()?, sequence()?);
    let mut unique = |number| reader.optional(context(number)).ok_or(E::Structure);
    let unique_identifiers = [unique(1)?, unique(2)?];
    if version == 1 && unique_identifiers.iter().any(Option::is_some) {
        return Err(E::Version);
    }
    let extensions = reader.optional(constructed(3)).ok_or(E::Structure)?;
    reader.end().ok_or(E::Structure)?;
    Ok(Signed {
        version,
        serial,
        algorithm: algorithm.content,
        issuer: issuer.whole,
        validity: validity.content,
        subject: subject.whole,
        spki: spki.whole,
        extensions,
    })
}

fn validity(content: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let mut reader = Reader::new(content);
    let (not_before, not_after) = (reader.time()?, reader.time()?);
    reader.end()?;
    Some((not_before, not_after))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

/// The magnitude of a negative number in two's complement.
fn negated(number: &[u8]) -> Vec<u8> {
    let mut carry = true;
    let mut magnitude = number.to_vec();
    for byte in magnitude.iter_mut().rev() {
        let (sum, over) = (!*byte).overflowing_add(u8::from(carry));
        (*byte, carry) = (sum, over);
    }
    magnitude
}

/// A serial number as [`Certificate::serial_text`] writes it, from how people have it: small letters, colons, `0x`, with
/// leading zeros or without. `None` when it is none.
pub fn canonical_serial(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let digits = digits.strip_prefix("0x").unwrap_or(digits).replace(':', "");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0').to_ascii_uppercase();
    Some(match digits.len() {
        0 => "00".to_owned(),
        length if length % 2 == 1 => format!("{sign}0{digits}"),
        _ => format!("{sign}{digits}"),
    })
}

/// A SHA-256 as [`hexadecimal`] writes it, from capitals and colons. `None` when it is none.
pub fn canonical_sha256(text: &str) -> Option<String> {
    let digits = text.replace(':', "").to_ascii_lowercase();
    let is_whole = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then_some(digits)
}

/// Lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A String takes whatever it is given.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
