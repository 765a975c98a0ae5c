//! Certificate revocation lists (RFC 5280 section 5), versions 1 and 2: read once, sorted once, asked often.
//!
//! A list is kept as the bytes it came in and eight more for each entry. Taken are complete lists, and lists of users only,
//! of authorities only, or of one distribution point. Refused when read: delta and indirect lists, lists of some reasons
//! only and of attribute certificates, anything critical that is not known here, and lists that do not say when the next
//! is due.

mod compare;
mod entries;
mod index;
mod known;
mod scope;
mod serials;
mod signers;

use crate::certificate::all_extensions;
use crate::der::{self, Reader, constructed};
use crate::name::Name;
use crate::signature::{SignatureFault, Signed};
use countersign_core::time::Timestamp;
use entries::Entries;
pub use index::{CrlIndex, CrlSummary, Signer, Standing, Unknown};
pub use known::{KeptList, KnownLists};
use scope::Scope;
use serials::Serials;
use signers::Signers;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The largest list that is read, in bytes of DER.
pub const MAX_CRL_BYTES: usize = 64 * 1024 * 1024;

const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1d, 0x1b];
const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 0x1c];

/// A list. Cheap to copy.
#[derive(Clone)]
pub struct Crl {
    inner: Arc<Inner>,
}

struct Inner {
    der: Box<[u8]>,
    issuer: Name,
    this_update: Timestamp,
    next_update: Timestamp,
    number: Box<[u8]>,
    scope: Scope,
    serials: Serials,
    signers: Signers,
    /// Whether it ever had begun.
    begun: AtomicBool,
}

/// Why bytes are no list that can be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// It is larger than 64 MiB.
    #[error("the list is larger than 64 MiB")]
    TooLarge,
    /// The bytes are not DER of a list, or there are bytes left over.
    #[error("these bytes are not one revocation list in DER or PEM")]
    Structure,
    /// The version is neither 1 nor 2, or has extensions that it cannot have.
    #[error("the list's version is neither 1 nor 2, or cannot have what it holds")]
    Version,
    /// The signature's algorithm outside the signed part is another than inside.
    #[error("the list names two different signature algorithms")]
    Algorithm,
    /// The issuer's name cannot be read.
    #[error("the issuer's name cannot be read")]
    Name,
    /// A time cannot be read.
    #[error("the times of the list cannot be read")]
    Time,
    /// It does not say when the next is due, so that nobody can tell whether it is still in force.
    #[error("the list does not say when the next one is due (nextUpdate)")]
    NoNextUpdate,
    /// An entry cannot be read; counted from 0.
    #[error("entry {} cannot be read", .0 + 1)]
    Entry(usize),
    /// The extensions cannot be read, or one is there twice.
    #[error("the extensions of the list cannot be read")]
    Extensions,
    /// There is a critical extension that is not known here.
    #[error("the list has a critical extension that is not known here: {0}")]
    CriticalExtension(Box<str>),
    /// It holds only what has changed since another.
    #[error("it is a delta list, and only complete ones are taken")]
    Delta,
    /// It speaks for other issuers too.
    #[error("it is an indirect list: it speaks for other authorities than its issuer")]
    Indirect,
    /// It holds only revocations for some reasons.
    #[error("it is a list for some reasons of revocation only")]
    SomeReasons,
    /// It is about attribute certificates.
    #[error("it is a list of attribute certificates")]
    AttributeCertificates,
    /// The key of every authority of this name is another than the one that signed it.
    #[error("its signature does not hold by the key of any authority of its issuer's name")]
    Signature,
    /// It is signed in a way that is not accepted.
    #[error("it is signed in a way that is not accepted (SHA-1, or a key that is too short)")]
    SignatureAlgorithm,
    /// Its issuer's certificate says that its key does not sign lists.
    #[error("its issuer's certificate does not allow it to sign lists (cRLSign)")]
    NotASigner,
}

impl Crl {
    /// Reads a list in DER, or in PEM with nothing else in it. The signature is not looked at yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, CrlError> {
        if bytes.len() > MAX_CRL_BYTES * 2 {
            return Err(CrlError::TooLarge);
        }
        if bytes.first() == Some(&der::SEQUENCE) {
            return Self::parse_der(bytes.into());
        }
        let sections = crate::pem::sections(bytes).map_err(|_| CrlError::Structure)?;
        match sections.try_into() {
            Ok::<[_; 1], _>([section]) if section.label == "X509 CRL" => Self::parse_der(section.der.into()),
            Ok(_) | Err(_) => Err(CrlError::Structure),
        }
    }

    /// Reads every list of a file: one in DER, or any number in PEM with nothing else between them.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, CrlError> {
        if bytes.first() == Some(&der::SEQUENCE) {
            return Ok(vec![Self::parse(bytes)?]);
        }
        let sections = crate::pem::sections(bytes).map_err(|_| CrlError::Structure)?;
        if sections.is_empty() || sections.iter().any(|section| section.label != "X509 CRL") {
            return Err(CrlError::Structure);
        }
        sections
            .into_iter()
            .map(|section| Self::parse_der(section.der.into()))
            .collect()
    }

    fn parse_der(bytes: Box<[u8]>) -> Result<Self, CrlError> {
        use CrlError as E;
        if bytes.len() > MAX_CRL_BYTES {
            return Err(E::TooLarge);
        }
        let signed = Signed::read(&bytes).ok_or(E::Structure)?;
        let mut reader = Reader::whole(signed.message, der::SEQUENCE).ok_or(E::Structure)?;
        let version_2 = match reader.optional(der::INTEGER).ok_or(E::Structure)? {
            None => false,
            Some([1]) => true,
            Some(_) => return Err(E::Version),
        };
        if reader.expect(der::SEQUENCE) != Some(signed.algorithm) {
            return Err(E::Algorithm);
        }
        let issuer = reader.element(der::SEQUENCE).ok_or(E::Structure)?;
        let issuer = Name::parse(issuer.whole).ok_or(E::Name)?;
        let this_update = reader.time().ok_or(E::Time)?;
        if matches!(reader.peek(), None | Some(der::SEQUENCE | 0xa0)) {
            return Err(E::NoNextUpdate);
        }
        let next_update = reader.time().ok_or(E::Time)?;
        let entries = reader.optional(der::SEQUENCE).ok_or(E::Structure)?;
        let after_entries = reader.remaining();
        let extensions = reader.optional(constructed(0)).ok_or(E::Structure)?;
        reader.end().ok_or(E::Structure)?;
        if extensions.is_some() && !version_2 {
            return Err(E::Version);
        }
        let (number, scope) = read_extensions(extensions)?;
        // The signed part is what the list begins with, and the entries end where the extensions begin.
        let header =
            bytes.len() - Reader::whole(&bytes, der::SEQUENCE).map_or(0, |content| content.remaining());
        let entries = Entries {
            end: header + signed.message.len() - after_entries,
            content: entries.unwrap_or_default(),
        };
        let serials = entries::serials(&bytes, &entries, version_2)?;
        Ok(Self {
            inner: Arc::new(Inner {
                issuer,
                this_update,
                next_update,
                number,
                scope,
                serials,
                signers: Signers::default(),
                begun: AtomicBool::new(false),
                der: bytes,
            }),
        })
    }

    /// Whose list it says it is.
    pub fn issuer(&self) -> &Name {
        &self.inner.issuer
    }

    /// Since when it is in force.
    pub fn this_update(&self) -> Timestamp {
        self.inner.this_update
    }

    /// When it is in force no more.
    pub fn next_update(&self) -> Timestamp {
        self.inner.next_update
    }

    /// Its number: the bytes of an INTEGER, none in version 1.
    pub fn number(&self) -> &[u8] {
        &self.inner.number
    }

    /// How many certificates it revokes.
    pub fn revoked(&self) -> usize {
        self.inner.serials.len()
    }

    /// Whether it is in force at `now`.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.has_begun(now) && now < self.next_update()
    }

    /// Whether it has begun at `now`, or ever had. Those that it outdated are gone by then: whoever sets the clock back, or
    /// right, neither brings them back nor leaves everybody without a list.
    pub fn has_begun(&self, now: Timestamp) -> bool {
        self.this_update() <= now || self.inner.begun.load(Ordering::Acquire)
    }

    /// When it begins or ends next, seen from `now`.
    fn turns(&self, now: Timestamp) -> Option<Timestamp> {
        let next = if self.has_begun(now) {
            self.next_update()
        } else {
            self.this_update()
        };
        (next > now).then_some(next)
    }

    /// Whether a key is known that signed it.
    pub fn has_known_signer(&self) -> bool {
        self.inner.signers.any()
    }

    /// The keys that are known to have signed it: `SubjectPublicKeyInfo`, DER.
    pub fn signers(&self) -> Vec<Box<[u8]>> {
        self.inner.signers.holding()
    }

    /// Whether this key, which somebody vouched for, signed it. From then on it is known to have.
    pub fn is_signed_by(&self, spki: &[u8]) -> bool {
        self.signed_by(spki).is_ok()
    }

    /// The list in DER.
    pub fn der(&self) -> &[u8] {
        &self.inner.der
    }

    /// Whether it lists this serial number ([`crate::certificate::Certificate::serial`]).
    pub fn lists(&self, serial: &[u8]) -> bool {
        let inner = &*self.inner;
        inner.serials.contains(&inner.der, serial)
    }

    /// Whether the key of `spki` signed it. Worked out once for each key.
    fn signed_by(&self, spki: &[u8]) -> Result<(), SignatureFault> {
        self.inner.signers.asked(spki, || {
            let signed = Signed::read(&self.inner.der).ok_or(SignatureFault::Invalid)?;
            signed.holds_by(spki)
        })
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({}, {} revoked)", self.issuer().rfc4514(), self.revoked())
    }
}

/// The number and the scope.
fn read_extensions(extensions: Option<&[u8]>) -> Result<(Box<[u8]>, Scope), CrlError> {
    let (mut number, mut scope) = (Box::default(), Scope::default());
    let Some(extensions) = extensions else {
        return Ok((number, scope));
    };
    let all = all_extensions(extensions).ok_or(CrlError::Extensions)?;
    for (index, extension) in all.iter().enumerate() {
        if all.iter().take(index).any(|before| before.oid == extension.oid) {
            return Err(CrlError::Extensions);
        }
        match extension.oid {
            CRL_NUMBER => {
                let mut reader = Reader::new(extension.value);
                number = reader.integer().ok_or(CrlError::Extensions)?.into();
                reader.end().ok_or(CrlError::Extensions)?;
            }
            ISSUING_DISTRIBUTION_POINT => scope = Scope::read(extension.value)?,
            DELTA_CRL_INDICATOR => return Err(CrlError::Delta),
            _ if extension.critical => return Err(CrlError::CriticalExtension(extension.dots().into())),
            _ => {}
        }
    }
    Ok((number, scope))
}

#[cfg(test)]
mod tests;
