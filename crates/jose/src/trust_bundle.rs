//! Trust bundles (SPIFFE Trust Domain and Bundle, section 4): the keys and certificates of one trust domain, written as a
//! JWK Set whose `use` says what each entry vouches for.
//!
//! A bundle does not say whose it is: whoever reads one knows that already. Certificates stay DER here; `countersign-x509`
//! reads them.

use crate::json::parse_object;
use crate::jwks::{KeySet, MAX_KEYS, MAX_SET_BYTES};
use crate::key::{KeyError, VerificationKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_core::claims::{Claims, Members, Value};
use std::sync::Arc;
use std::time::Duration;

/// What `use` says of a key that signs JWT-SVIDs.
const JWT_SVID: &str = "jwt-svid";
/// What `use` says of a certificate that signs X.509-SVIDs.
const X509_SVID: &str = "x509-svid";

/// The authorities of one trust domain.
#[derive(Clone, Debug)]
pub struct TrustBundle {
    jwt_authorities: KeySet,
    x509_authorities: Box<[Box<[u8]>]>,
    listed: Listed,
    sequence: Option<u64>,
    refresh_hint: Option<Duration>,
    left_out: Vec<LeftOut>,
}

/// An entry that was left out; the others stand, as section 4.1.3 wants it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}{}: {error}", .kid.as_ref().map(|kid| format!(" ({kid:?})")).unwrap_or_default())]
pub struct LeftOut {
    /// Its place in the bundle, from 0.
    pub index: usize,
    /// Its key id, when it has one.
    pub kid: Option<String>,
    /// Why.
    pub error: EntryError,
}

/// Why an entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// `use` is missing or no string (section 4.2.2).
    #[error("`use` is missing")]
    UseMissing,
    /// `use` is neither `jwt-svid` nor `x509-svid`.
    #[error("`use` is {0:?}, which vouches for nothing known here")]
    UseUnknown(String),
    /// A JWT authority without a key id: nothing could name it (JWT-SVID, section 6.1).
    #[error("`kid` is missing")]
    KeyIdMissing,
    /// An X.509 authority without `x5c`, or with an empty one (X.509-SVID, section 6.2).
    #[error("`x5c` holds no certificate")]
    CertificateMissing,
    /// An X.509 authority is exactly one certificate (X.509-SVID, section 6.1).
    #[error("`x5c` holds {0} certificates, and an authority is one")]
    CertificatesMany(usize),
    /// `x5c` is no array of base64 (RFC 7517 section 4.7).
    #[error("`x5c` is no base64")]
    CertificateMalformed,
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a text is no bundle. It never replaces one that was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustBundleError {
    /// Larger than [`MAX_SET_BYTES`], or more entries than [`MAX_KEYS`].
    #[error("a trust bundle of more than 1 MiB or 256 entries")]
    TooLarge,
    /// Not a strict JSON object with an array `keys` of objects.
    #[error("not a trust bundle: {0}")]
    Malformed(String),
    /// `spiffe_sequence` is no whole number from 0 on (section 4.1.1).
    #[error("`spiffe_sequence` is no whole number from 0 on")]
    Sequence,
    /// `spiffe_refresh_hint` is no whole number of seconds from 0 on (section 4.1.2).
    #[error("`spiffe_refresh_hint` is no whole number of seconds from 0 on")]
    RefreshHint,
    /// It has entries, and none of them can be used here.
    #[error("no entry of the trust bundle can be used ({0} were left out)")]
    NothingUsable(usize),
}

/// Of what a bundle has entries, whether they can be used or not.
#[derive(Clone, Copy, Debug, Default)]
struct Listed {
    jwt_authorities: bool,
    x509_authorities: bool,
}

impl Listed {
    /// An entry that does not say what it vouches for may be either.
    fn add(&mut self, usage: Option<&str>) {
        self.jwt_authorities |= usage.is_none_or(|usage| usage == JWT_SVID);
        self.x509_authorities |= usage.is_none_or(|usage| usage == X509_SVID);
    }
}

/// What an entry vouches for.
enum Entry {
    Jwt(Arc<VerificationKey>),
    X509(Box<[u8]>),
}

impl TrustBundle {
    /// Reads a bundle in JSON, as files and bundle endpoints have it. Entries that cannot be used are left out and told; a
    /// bundle of which nothing is left so is an error. One that lists nothing is none: the trust domain has withdrawn
    /// whatever it had said before.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustBundleError> {
        Self::read(bytes, |usage| usage.ok_or(EntryError::UseMissing))
    }

    /// Reads the JWK Set in which the Workload API gives the JWT authorities of one trust domain (SPIFFE Workload API,
    /// section 6.2.3): there `use` may be left out.
    pub fn parse_jwt_authorities(bytes: &[u8]) -> Result<KeySet, TrustBundleError> {
        let bundle = Self::read(bytes, |usage| Ok(usage.unwrap_or(JWT_SVID)))?;
        if bundle.jwt_authorities.keys().is_empty() {
            return Err(TrustBundleError::NothingUsable(bundle.left_out.len()));
        }
        Ok(bundle.jwt_authorities)
    }

    fn read(
        bytes: &[u8],
        purpose: impl Fn(Option<&str>) -> Result<&str, EntryError>,
    ) -> Result<Self, TrustBundleError> {
        if bytes.len() > MAX_SET_BYTES {
            return Err(TrustBundleError::TooLarge);
        }
        let document = parse_object(bytes);
        let document = document.map_err(|error| TrustBundleError::Malformed(error.to_string()))?;
        let listed = document.member("keys").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| TrustBundleError::Malformed("no array `keys`".to_owned()))?;
        let (mut keys, mut certificates, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        let mut has = Listed::default();
        for (index, entry) in listed.enumerate() {
            if index >= MAX_KEYS {
                return Err(TrustBundleError::TooLarge);
            }
            let jwk = entry
                .as_object()
                .ok_or_else(|| TrustBundleError::Malformed("an entry that is no object".to_owned()))?;
            let usage = jwk.member("use").and_then(Value::as_str);
            has.add(usage);
            match purpose(usage).and_then(|usage| read_entry(jwk, usage)) {
                Ok(Entry::Jwt(key)) => keys.push(key),
                Ok(Entry::X509(certificate)) => certificates.push(certificate),
                Err(error) => left_out.push(LeftOut {
                    index,
                    kid: jwk.member("kid").and_then(Value::as_str).map(shown),
                    error,
                }),
            }
        }
        if keys.is_empty() && certificates.is_empty() && !left_out.is_empty() {
            return Err(TrustBundleError::NothingUsable(left_out.len()));
        }
        let refresh_hint = whole_number(&document, "spiffe_refresh_hint");
        Ok(Self {
            jwt_authorities: KeySet::of_keys(keys),
            x509_authorities: certificates.into(),
            listed: has,
            sequence: whole_number(&document, "spiffe_sequence").ok_or(TrustBundleError::Sequence)?,
            refresh_hint: refresh_hint
                .ok_or(TrustBundleError::RefreshHint)?
                .map(Duration::from_secs),
            left_out,
        })
    }

    /// The keys that sign JWT-SVIDs; each has its key id. May be empty.
    pub const fn jwt_authorities(&self) -> &KeySet {
        &self.jwt_authorities
    }

    /// The certificates that sign X.509-SVIDs, in DER, not yet read. May be empty.
    pub const fn x509_authorities(&self) -> &[Box<[u8]>] {
        &self.x509_authorities
    }

    /// Whether an entry of it is for JWT-SVIDs, usable or not. Where none is, the trust domain has withdrawn them all.
    pub const fn lists_jwt_authorities(&self) -> bool {
        self.listed.jwt_authorities
    }

    /// Whether an entry of it is for X.509-SVIDs, usable or not. Where none is, the trust domain has withdrawn them all.
    pub const fn lists_x509_authorities(&self) -> bool {
        self.listed.x509_authorities
    }

    /// Which version of the bundle it is, where it says so. A later one has a higher number.
    pub const fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// How often to look for another, where it says so.
    pub const fn refresh_hint(&self) -> Option<Duration> {
        self.refresh_hint
    }

    /// What was left out, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

fn read_entry(jwk: Members<'_>, usage: &str) -> Result<Entry, EntryError> {
    match usage {
        JWT_SVID => {
            let kid = jwk.member("kid").and_then(Value::as_str);
            if kid.is_none_or(str::is_empty) {
                return Err(EntryError::KeyIdMissing);
            }
            Ok(Entry::Jwt(Arc::new(VerificationKey::from_jwt_authority(jwk)?)))
        }
        X509_SVID => certificate(jwk).map(Entry::X509),
        other => Err(EntryError::UseUnknown(shown(other))),
    }
}

/// The one certificate of `x5c`.
fn certificate(jwk: Members<'_>) -> Result<Box<[u8]>, EntryError> {
    let chain = jwk.member("x5c").ok_or(EntryError::CertificateMissing)?;
    let chain = chain.as_array().ok_or(EntryError::CertificateMalformed)?;
    let mut certificates = chain;
    let first = certificates.next().ok_or(EntryError::CertificateMissing)?;
    let more = certificates.count();
    if more > 0 {
        return Err(EntryError::CertificatesMany(more + 1));
    }
    let text = first.as_str().ok_or(EntryError::CertificateMalformed)?;
    let der = BASE64_STANDARD.decode(text);
    der.map(Into::into).map_err(|_| EntryError::CertificateMalformed)
}

/// The whole number called `name`: nothing where it is not there, `None` where it is something else.
#[expect(clippy::option_option, reason = "not there and something else are two things")]
fn whole_number(document: &Claims, name: &str) -> Option<Option<u64>> {
    let Some(value) = document.member(name) else {
        return Some(None);
    };
    let number = value.as_number()?.as_str();
    number.parse().ok().map(Some)
}

/// A stranger's word, short and printable, for a message.
fn shown(text: &str) -> String {
    let printable = text.chars().filter(|character| !character.is_control());
    printable.take(80).collect()
}

#[cfg(test)]
mod tests;
