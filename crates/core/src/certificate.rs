//! Client certificates as the decision sees them: presented, judged, told about. Nothing here parses one.

use crate::authn::Rejection;
use crate::principal::Principal;
use crate::time::{Now, Timestamp};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

/// The most certificates a client may present, its own included.
pub const MAX_CHAIN: usize = 16;
/// What they may be together, in bytes of DER.
pub const MAX_CHAIN_BYTES: usize = 32 * 1024;

/// A certificate whose possession was shown in a handshake, or vouched for by a trusted peer. Nothing about it is
/// verified yet: these are DER bytes, leaf first.
#[derive(Clone)]
pub struct PresentedCertificate {
    chain: Box<[Box<[u8]>]>,
    digests: OnceLock<Digests>,
}

/// What a chain is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256 of the leaf: its fingerprint, and `x5t#S256` (RFC 8705 section 3.1).
    pub leaf: [u8; 32],
    /// SHA-256 of the whole chain, each certificate after its length.
    pub chain: [u8; 32],
}

impl PresentedCertificate {
    /// The chain as presented, leaf first. `None` when it is empty, has more than [`MAX_CHAIN`] certificates, or is larger
    /// than [`MAX_CHAIN_BYTES`].
    pub fn new(chain: impl IntoIterator<Item = Vec<u8>>) -> Option<Self> {
        let chain = chain
            .into_iter()
            .take(MAX_CHAIN + 1)
            .map(Vec::into_boxed_slice)
            .collect::<Box<[_]>>();
        let bytes = chain.iter().map(|der| der.len()).sum::<usize>();
        let bounded = (1..=MAX_CHAIN).contains(&chain.len()) && bytes <= MAX_CHAIN_BYTES;
        bounded.then(|| Self {
            chain,
            digests: OnceLock::new(),
        })
    }

    /// The chain, leaf first, DER.
    pub fn chain(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.chain.iter().map(AsRef::as_ref)
    }

    /// The client's own certificate, DER.
    pub fn leaf(&self) -> &[u8] {
        self.chain.first().map_or(&[], AsRef::as_ref)
    }

    /// What it is known by: worked out once, by whoever asks first.
    pub fn digests(&self, work_out: impl FnOnce(&Self) -> Digests) -> &Digests {
        self.digests.get_or_init(|| work_out(self))
    }
}

impl PartialEq for PresentedCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for PresentedCertificate {}

impl fmt::Debug for PresentedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedCertificate({} certificates)", self.chain.len())
    }
}

/// One name of a certificate (RFC 5280 section 4.2.1.6), its kind kept: an e-mail address that reads like a URI is an
/// e-mail address. Each is well formed for its kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SubjectAlternativeName {
    /// A URI.
    Uri(Box<str>),
    /// A DNS name.
    Dns(Box<str>),
    /// An e-mail address (`rfc822Name`).
    Email(Box<str>),
    /// An IP address.
    Ip(IpAddr),
    /// A distinguished name, as RFC 4514 writes it.
    DirectoryName(Box<str>),
    /// A user principal name (`otherName` 1.3.6.1.4.1.311.20.2.3).
    Upn(Box<str>),
    /// Another kind of `otherName`, or of name: its object identifier, or the number of its kind.
    Other(Box<str>),
}

/// The kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SanKind {
    /// A URI.
    Uri,
    /// A DNS name.
    Dns,
    /// An e-mail address.
    Email,
    /// An IP address.
    Ip,
    /// A distinguished name.
    DirectoryName,
    /// A user principal name.
    Upn,
    /// Anything else.
    Other,
}

impl SanKind {
    /// Every kind that a configuration can name.
    pub const NAMED: [Self; 6] = [
        Self::Uri,
        Self::Dns,
        Self::Email,
        Self::Ip,
        Self::DirectoryName,
        Self::Upn,
    ];

    /// The word in the configuration and in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uri => "uri",
            Self::Dns => "dns",
            Self::Email => "email",
            Self::Ip => "ip",
            Self::DirectoryName => "dn",
            Self::Upn => "upn",
            Self::Other => "other",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|kind| kind.name() == name)
    }
}

impl SubjectAlternativeName {
    /// Its kind.
    pub const fn kind(&self) -> SanKind {
        match self {
            Self::Uri(_) => SanKind::Uri,
            Self::Dns(_) => SanKind::Dns,
            Self::Email(_) => SanKind::Email,
            Self::Ip(_) => SanKind::Ip,
            Self::DirectoryName(_) => SanKind::DirectoryName,
            Self::Upn(_) => SanKind::Upn,
            Self::Other(_) => SanKind::Other,
        }
    }

    /// The name itself.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Uri(text)
            | Self::Dns(text)
            | Self::Email(text)
            | Self::DirectoryName(text)
            | Self::Upn(text)
            | Self::Other(text) => Cow::Borrowed(text),
            Self::Ip(address) => Cow::Owned(address.to_string()),
        }
    }
}

/// What a verified certificate says, ready to be told: visible ASCII throughout but for the names.
#[derive(Debug)]
pub struct CertificateFacts {
    /// The chain as presented.
    pub presented: Arc<PresentedCertificate>,
    /// The subject's distinguished name as OpenSSL writes it by RFC 2253: nginx's `$ssl_client_s_dn`.
    pub subject: Box<str>,
    /// The issuer's, in the same form: nginx's `$ssl_client_i_dn`.
    pub issuer: Box<str>,
    /// The serial number in capital hexadecimal digits: nginx's `$ssl_client_serial`. Unique within its issuer only.
    pub serial: Box<str>,
    /// SHA-256 of the certificate in hexadecimal digits.
    pub fingerprint: Box<str>,
    /// SHA-256 of its SubjectPublicKeyInfo in hexadecimal digits: it stays when a certificate is renewed with the same key.
    pub spki: Box<str>,
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when, that second included.
    pub not_after: Timestamp,
    /// Its names, in the order of the certificate.
    pub sans: Box<[SubjectAlternativeName]>,
    /// Its SPIFFE ID, where its authenticator speaks for a trust domain.
    pub spiffe_id: Option<Box<str>>,
}

/// A certificate that holds: whom it proves, and what it says.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Whom it proves.
    pub principal: Arc<Principal>,
    /// What it says.
    pub facts: Arc<CertificateFacts>,
}

/// A certificate that does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Why, as every other rejection says it.
    pub rejection: Rejection,
    /// The same in OpenSSL's words, which applications behind nginx know.
    pub words: &'static str,
    /// Whether it may hold all the same: what it takes to tell is missing just now.
    pub is_passing: bool,
    /// What it proves if it does, where that much can be told.
    pub proves: Option<Judged>,
}

/// Judges the certificates of one set of authorities: `certificate.NAME`.
pub trait CertificateJudge: Send + Sync + fmt::Debug {
    /// The name in the configuration.
    fn name(&self) -> &Arc<str>;

    /// Whether `presented` holds now. Cheap when asked again about the same chain.
    fn judge(&self, presented: &Arc<PresentedCertificate>, now: Now) -> Result<Judged, Failure>;

    /// The DER of the names of the authorities, by which a client knows which certificate is wanted (RFC 8446 section
    /// 4.2.4).
    fn hints(&self) -> Vec<Vec<u8>>;

    /// Whom it believes now.
    fn authorities(&self) -> Vec<BelievedAuthority>;

    /// Another number whenever authorities or revocations are others: sessions of TLS from before are not resumed.
    fn generation(&self) -> u64;
}

/// An authority that a judge believes, as its own certificate tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BelievedAuthority {
    /// Its distinguished name, as in [`CertificateFacts::subject`].
    pub subject: Box<str>,
    /// The SHA-256 of its key: the same after a renewal.
    pub key_sha256: [u8; 32],
    /// Whether a path may end there. What an anchor says of its own life counts for nothing.
    pub is_anchor: bool,
    /// Whether it says that it is an authority (RFC 5280 section 4.2.1.9).
    pub is_ca: bool,
    /// Until when it holds, that second included.
    pub not_after: Timestamp,
}

/// What became of the client's certificate: nginx's `$ssl_client_verify`.
#[derive(Clone, Debug, Default)]
pub enum Verdict {
    /// There is none.
    #[default]
    None,
    /// It holds.
    Success(Judged),
    /// It does not hold.
    Failed(Failure),
}

impl Verdict {
    /// The verdict of the first of `judges` by whom `presented` holds, else that of the first. Without judges there is
    /// none: nobody asked for a certificate.
    pub fn of(
        judges: &[Arc<dyn CertificateJudge>],
        presented: Option<&Arc<PresentedCertificate>>,
        now: Now,
    ) -> Self {
        let Some(presented) = presented else {
            return Self::None;
        };
        let mut first = None;
        for judge in judges {
            match judge.judge(presented, now) {
                Ok(judged) => return Self::Success(judged),
                Err(failure) => first = first.or(Some(failure)),
            }
        }
        first.map_or(Self::None, Self::Failed)
    }

    /// What a certificate that holds is.
    pub const fn judged(&self) -> Option<&Judged> {
        match self {
            Self::Success(judged) => Some(judged),
            Self::None | Self::Failed(_) => None,
        }
    }

    /// What the certificate says, when it holds.
    pub fn facts(&self) -> Option<&Arc<CertificateFacts>> {
        self.judged().map(|judged| &judged.facts)
    }

    /// As nginx writes it: `NONE`, `SUCCESS`, `FAILED:reason`.
    pub fn nginx(&self) -> Cow<'static, str> {
        match self {
            Self::None => Cow::Borrowed("NONE"),
            Self::Success(_) => Cow::Borrowed("SUCCESS"),
            Self::Failed(failure) => Cow::Owned(format!("FAILED:{}", failure.words)),
        }
    }
}

/// The certificate of one request.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificate {
    /// What was presented.
    pub presented: Option<Arc<PresentedCertificate>>,
    /// What became of it where the request came in.
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_bounded_in_number_and_size() {
        assert!(PresentedCertificate::new([]).is_none());
        assert!(PresentedCertificate::new(vec![vec![0]; MAX_CHAIN]).is_some());
        assert!(PresentedCertificate::new(vec![vec![0]; MAX_CHAIN + 1]).is_none());
        assert!(PresentedCertificate::new([vec![0; MAX_CHAIN_BYTES]]).is_some());
        assert!(PresentedCertificate::new([vec![0; MAX_CHAIN_BYTES], vec![0]]).is_none());
    }

    #[test]
    fn without_a_certificate_or_without_judges_there_is_no_verdict() {
        let now = Now {
            wall: Timestamp::from_seconds(0),
            monotonic: crate::time::Monotonic::default(),
        };
        let presented = PresentedCertificate::new([vec![0]]).map(Arc::new);
        assert_eq!(Verdict::of(&[], presented.as_ref(), now).nginx(), "NONE");
        assert_eq!(Verdict::of(&[], None, now).nginx(), "NONE");
    }
}
