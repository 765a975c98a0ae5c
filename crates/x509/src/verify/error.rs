//! Why a certificate does not hold: for the program, for the log, and in OpenSSL's words.

use crate::certificate::CertificateError;
use countersign_core::reason::RejectionReason;
use webpki::Error;

/// A check that failed, on the leaf or on an authority of the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The leaf cannot be read, or in more than one way.
    #[error("{0}")]
    Malformed(CertificateError),
    /// A certificate is not of version 3.
    #[error("a certificate is not of version 3")]
    Version,
    /// A certificate has a critical extension that is not known here.
    #[error("a certificate has a critical extension that is not known here")]
    CriticalExtension,
    /// A certificate has expired.
    #[error("a certificate has expired")]
    Expired,
    /// A certificate is not valid yet.
    #[error("a certificate is not valid yet")]
    NotYetValid,
    /// No authority of the leaf's issuer's name is known, and the client sent nothing but the leaf.
    #[error("no authority is known that issued the certificate, and the client sent none")]
    UnknownIssuerAlone,
    /// No path leads to an anchor.
    #[error("no path leads to an authority that is known")]
    UnknownIssuer,
    /// The leaf vouches for itself.
    #[error("the certificate vouches for itself")]
    SelfSigned,
    /// The path ends at a root that the client sent and that is not known.
    #[error("the path ends at a root that the client brought along")]
    SelfSignedInChain,
    /// The leaf is not for clients.
    #[error("the certificate's usages do not allow it to be a client's")]
    Purpose,
    /// The leaf is an authority's.
    #[error("an authority's certificate is not a client's")]
    AuthorityAsClient,
    /// A certificate that is no authority's, or may not sign certificates, vouches for another.
    #[error("a certificate that is no authority's vouches for another")]
    NotAnAuthority,
    /// A signature does not hold.
    #[error("a signature on the path does not hold")]
    Signature,
    /// A signature is made in a way that is not accepted: SHA-1, a short key, an unknown algorithm.
    #[error("a signature on the path is made in a way that is not accepted")]
    SignatureAlgorithm,
    /// The leaf's key is not of a kind and length that is accepted.
    #[error("the certificate's key is not of a kind and length that is accepted")]
    WeakKey,
    /// A name is outside what an authority of the path may vouch for.
    #[error("a name is outside what an authority of the path may vouch for")]
    NameConstraint,
    /// There are more authorities on the path than one of them allows.
    #[error("there are more authorities on the path than one of them allows")]
    PathLength,
    /// The path is longer, or has more turns, than is tried here.
    #[error("the path is longer than is tried here")]
    TooLong,
    /// A certificate of the path is revoked.
    #[error("a certificate of the path is revoked")]
    Revoked,
    /// No list of this authority covers what it issued on the path.
    #[error("no revocation list of {0} covers what it issued on the path")]
    CrlMissing(Box<str>),
    /// The list of this authority is no longer in force.
    #[error("the revocation list of {0} is no longer in force")]
    CrlExpired(Box<str>),
    /// The list of this authority is not in force yet.
    #[error("the revocation list of {0} is not in force yet")]
    CrlNotYetValid(Box<str>),
    /// The list in this authority's name is not signed by it.
    #[error("the revocation list of {0} is not signed by it")]
    CrlSignature(Box<str>),
    /// This authority of the path may not sign lists.
    #[error("{0}, an authority of the path, may not sign revocation lists")]
    CrlSigner(Box<str>),
}

impl VerifyError {
    /// What the library that builds paths found.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library may tell of more; what is left is about encodings, or lists and server names, which it is not asked about"
    )]
    pub(super) fn of(error: &Error) -> Self {
        use Error as E;
        match error {
            E::CertExpired { .. } | E::InvalidCertValidity => Self::Expired,
            E::CertNotValidYet { .. } => Self::NotYetValid,
            E::UnknownIssuer => Self::UnknownIssuer,
            E::CaUsedAsEndEntity => Self::AuthorityAsClient,
            E::EndEntityUsedAsCa => Self::NotAnAuthority,
            E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Self::Purpose,
            // Names are looked at for constraints only: one that cannot be compared is outside.
            E::NameConstraintViolation
            | E::InvalidNetworkMaskConstraint
            | E::MalformedNameConstraint
            | E::MalformedDnsIdentifier => Self::NameConstraint,
            E::PathLenConstraintViolated => Self::PathLength,
            E::MaximumPathDepthExceeded
            | E::MaximumSignatureChecksExceeded
            | E::MaximumPathBuildCallsExceeded
            | E::MaximumNameConstraintComparisonsExceeded => Self::TooLong,
            E::InvalidSignatureForPublicKey => Self::Signature,
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::SignatureAlgorithm,
            E::UnsupportedCriticalExtension => Self::CriticalExtension,
            E::UnsupportedCertVersion => Self::Version,
            _ => Self::Malformed(CertificateError::Structure),
        }
    }

    /// What OpenSSL says (`X509_verify_cert_error_string`), and so nginx after `FAILED:`.
    pub const fn openssl(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Version => "unspecified certificate verification error",
            Self::CriticalExtension => "unhandled critical extension",
            Self::Expired => "certificate has expired",
            Self::NotYetValid => "certificate is not yet valid",
            Self::UnknownIssuerAlone => "unable to verify the first certificate",
            Self::UnknownIssuer => "unable to get local issuer certificate",
            Self::SelfSigned => "self-signed certificate",
            Self::SelfSignedInChain => "self-signed certificate in certificate chain",
            Self::Purpose | Self::AuthorityAsClient => "unsuitable certificate purpose",
            Self::NotAnAuthority => "invalid CA certificate",
            Self::Signature => "certificate signature failure",
            Self::SignatureAlgorithm => "CA signature digest algorithm too weak",
            Self::WeakKey => "EE certificate key too weak",
            Self::NameConstraint => "permitted subtree violation",
            Self::PathLength => "path length constraint exceeded",
            Self::TooLong => "certificate chain too long",
            Self::Revoked => "certificate revoked",
            Self::CrlMissing(_) => "unable to get certificate CRL",
            Self::CrlExpired(_) => "CRL has expired",
            Self::CrlNotYetValid(_) => "CRL is not yet valid",
            Self::CrlSignature(_) => "CRL signature failure",
            Self::CrlSigner(_) => "key usage does not include CRL signing",
        }
    }

    /// The stable word for the answer, the log and the metrics.
    pub const fn reason(&self) -> RejectionReason {
        match self {
            Self::Malformed(_) | Self::Version | Self::CriticalExtension => {
                RejectionReason::CertificateMalformed
            }
            Self::Expired => RejectionReason::CertificateExpired,
            Self::NotYetValid => RejectionReason::CertificateNotYetValid,
            Self::UnknownIssuerAlone | Self::UnknownIssuer | Self::SelfSigned | Self::SelfSignedInChain => {
                RejectionReason::CertificateUnknownAuthority
            }
            Self::Purpose | Self::AuthorityAsClient => RejectionReason::CertificateUsage,
            Self::Signature | Self::SignatureAlgorithm | Self::WeakKey => {
                RejectionReason::CertificateSignature
            }
            Self::NotAnAuthority | Self::NameConstraint | Self::PathLength | Self::TooLong => {
                RejectionReason::CertificateChain
            }
            Self::Revoked => RejectionReason::CertificateRevoked,
            Self::CrlMissing(_)
            | Self::CrlExpired(_)
            | Self::CrlNotYetValid(_)
            | Self::CrlSignature(_)
            | Self::CrlSigner(_) => RejectionReason::RevocationUnknown,
        }
    }
}
