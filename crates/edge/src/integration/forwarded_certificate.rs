//! The client's certificate as a trusted peer passes it on: read strictly, then judged here as if it had been shown to us.

use super::fields::take_lines;
use countersign_core::certificate::{CertificateJudge, ClientCertificate, PresentedCertificate, Verdict};
use countersign_core::gate::Unreadable;
use countersign_core::reason::UnreadableReason;
use countersign_core::time::Now;
use countersign_x509::forwarded::{self, ForwardedError};
use http::{HeaderMap, HeaderName};
use std::sync::Arc;

/// How a proxy writes a certificate into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFormat {
    /// PEM, percent-escaped: nginx's `$ssl_client_escaped_cert`.
    EscapedPem,
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    Rfc9440,
    /// Envoy's `X-Forwarded-Client-Cert`, with `Cert` or `Chain`.
    Xfcc,
    /// Base64 of DER, several joined with commas: Traefik's `X-Forwarded-Tls-Client-Cert`, Caddy's
    /// `{http.request.tls.client.certificate_der_base64}`.
    Base64Der,
    /// PEM with spaces or tabs for its line ends: Caddy's `{http.request.tls.client.certificate_pem}`.
    SpacedPem,
}

impl CertificateFormat {
    /// The names in the configuration.
    pub const NAMES: &'static [&'static str] =
        &["escaped-pem", "rfc9440", "xfcc", "base64-der", "spaced-pem"];

    /// The format called `name`.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "escaped-pem" => Self::EscapedPem,
            "rfc9440" => Self::Rfc9440,
            "xfcc" => Self::Xfcc,
            "base64-der" => Self::Base64Der,
            "spaced-pem" => Self::SpacedPem,
            _ => return None,
        })
    }

    /// The header it stands in when nobody says otherwise.
    pub const fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::EscapedPem => "x-original-client-cert",
            Self::Rfc9440 => "client-cert",
            Self::Xfcc => "x-forwarded-client-cert",
            Self::Base64Der => "x-forwarded-tls-client-cert",
            Self::SpacedPem => "x-client-cert",
        })
    }
}

const CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// Where one listener finds the client's certificate, and who judges it.
#[derive(Clone, Debug)]
pub struct ForwardedCertificate {
    format: CertificateFormat,
    header: HeaderName,
    judges: Arc<[Arc<dyn CertificateJudge>]>,
}

impl ForwardedCertificate {
    /// In `header`, written as `format` says, judged by `judges`.
    pub fn new(
        format: CertificateFormat,
        header: HeaderName,
        judges: Vec<Arc<dyn CertificateJudge>>,
    ) -> Self {
        Self {
            format,
            header,
            judges: judges.into(),
        }
    }

    /// The headers that are read: a client's own never arrive in them.
    pub fn headers(&self) -> Vec<HeaderName> {
        match self.format {
            CertificateFormat::Rfc9440 => vec![self.header.clone(), CHAIN],
            CertificateFormat::EscapedPem
            | CertificateFormat::Xfcc
            | CertificateFormat::Base64Der
            | CertificateFormat::SpacedPem => vec![self.header.clone()],
        }
    }

    /// Takes the certificate out of `headers`, which a trusted peer sent, and judges it. None, and an empty header, is no
    /// certificate.
    pub(super) fn take(&self, headers: &mut HeaderMap, now: Now) -> Result<ClientCertificate, Unreadable> {
        let text = take_text(headers, &self.header)?;
        let chain = match self.format {
            // A list may be spread over lines (RFC 9110 section 5.3).
            CertificateFormat::Rfc9440 => take_lines(headers, &CHAIN)
                .ok_or_else(|| Unreadable::new(UnreadableReason::HeaderMalformed, CHAIN.as_str()))?,
            CertificateFormat::EscapedPem
            | CertificateFormat::Xfcc
            | CertificateFormat::Base64Der
            | CertificateFormat::SpacedPem => Vec::new(),
        };
        let malformed = |why: &ForwardedError| {
            Unreadable::new(
                UnreadableReason::HeaderMalformed,
                format!("{}: {why}", self.header),
            )
        };
        let Some(text) = text else {
            // A chain without a certificate is half of something.
            return if chain.iter().all(String::is_empty) {
                Ok(ClientCertificate::default())
            } else {
                Err(Unreadable::new(
                    UnreadableReason::HeaderMissing,
                    self.header.as_str(),
                ))
            };
        };
        let chain = chain.iter().map(String::as_str).filter(|line| !line.is_empty());
        let chain = chain.collect::<Vec<_>>();
        let read = match self.format {
            CertificateFormat::EscapedPem => forwarded::escaped_pem(&text),
            CertificateFormat::Rfc9440 => forwarded::rfc9440(&text, &chain),
            CertificateFormat::Xfcc => forwarded::xfcc(&text),
            CertificateFormat::Base64Der => forwarded::base64_der(&text),
            CertificateFormat::SpacedPem => forwarded::spaced_pem(&text),
        };
        let ders = match read {
            // PEM around nothing, which Caddy writes.
            Err(ForwardedError::Empty) => return Ok(ClientCertificate::default()),
            read => read.map_err(|why| malformed(&why))?,
        };
        let presented = PresentedCertificate::new(ders)
            .map(Arc::new)
            .ok_or_else(|| malformed(&ForwardedError::TooLarge))?;
        Ok(ClientCertificate {
            verdict: Verdict::of(&self.judges, Some(&presented), now),
            presented: Some(presented),
        })
    }
}

/// The one value of `name`; `None` when it is not there, or empty.
fn take_text(headers: &mut HeaderMap, name: &HeaderName) -> Result<Option<String>, Unreadable> {
    let lines = take_lines(headers, name)
        .ok_or_else(|| Unreadable::new(UnreadableReason::HeaderMalformed, name.as_str()))?;
    let mut lines = lines.into_iter();
    match (lines.next(), lines.next()) {
        (one, None) => Ok(one.filter(|text| !text.is_empty())),
        (_, Some(_)) => Err(Unreadable::new(UnreadableReason::HeaderDoubled, name.as_str())),
    }
}
