//! Certificates that the proxy in front tells of in a header, in each of the forms proxies write.
//!
//! Only from a trusted peer is any of this read; what comes out is as unverified as what a handshake brings. Each form has
//! one reading: nothing around it, nothing after it, no second certificate where the proxy sends one, and only the
//! characters that the proxy would write.

mod text;
mod xfcc;

use crate::der::{self, Reader};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::certificate::{MAX_CHAIN, MAX_CHAIN_BYTES};
use text::{one_section, percent_decoded};
pub use xfcc::xfcc;

/// The longest header that is looked at: base64 of the most that is decoded, every second character escaped, and then
/// some.
const MAX_HEADER_BYTES: usize = 4 * MAX_CHAIN_BYTES;

/// Why a header is not one chain of certificates with one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// It is empty: the client has shown no certificate.
    #[error("it is empty")]
    Empty,
    /// It decodes to more than 32 KiB, or to more than 16 certificates.
    #[error("it holds more than 32 KiB, or more than 16 certificates")]
    TooLarge,
    /// An escape is broken, or a character that must be escaped is not.
    #[error("it is not escaped as a URL is: a `%` without two digits, or a character that has to be escaped")]
    Escape,
    /// It is not PEM of certificates and nothing else.
    #[error("it is not PEM of certificates and nothing else")]
    Pem,
    /// It is not base64 with its padding.
    #[error("it is not base64 with its padding")]
    Base64,
    /// It is not a byte sequence of a structured field (`:…:`), or not a list of them.
    #[error("it is not a byte sequence of a structured field (`:` base64 `:`)")]
    StructuredField,
    /// It holds more than the one certificate that this form is for.
    #[error("it holds more than one certificate, and this form is for one")]
    Several,
    /// A certificate is not one element of DER.
    #[error("a certificate in it is not one element of DER")]
    Der,
    /// It is not elements of keys and values as Envoy writes them.
    #[error("it is not written as Envoy writes X-Forwarded-Client-Cert")]
    Element,
    /// It has more than one element: a proxy appended to what it was told (`APPEND_FORWARD`), or forwards it.
    #[error(
        "it has more than one element, so that part of it may be the client's own words: set \
         `forward_client_cert_details: SANITIZE_SET` in Envoy"
    )]
    SeveralElements,
    /// It has neither `Cert` nor `Chain`.
    #[error(
        "it has neither Cert nor Chain: set `set_current_client_cert_details: {{ cert: true }}` in Envoy"
    )]
    CertificateMissing,
    /// `Hash` is of another certificate, or the first of `Chain` is another than `Cert`.
    #[error("Hash, Cert and Chain are not of the same certificate")]
    Contradiction,
}

/// nginx's `$ssl_client_escaped_cert`: one certificate in PEM, escaped as a part of a URL.
pub fn escaped_pem(value: &str) -> Result<Vec<Vec<u8>>, ForwardedError> {
    bounded(value)?;
    let text = percent_decoded(value)?;
    chain(vec![one_section(&text)?])
}

/// Caddy's `{http.request.tls.client.certificate_pem}`: one certificate in PEM, its line ends made spaces or tabs on the
/// way into a header. Caddy does not do that by itself, and answers 502: after `header_up X-Client-Cert {…}` it takes a
/// second line, `header_up X-Client-Cert \n " "`. `certificate_der_base64` needs none. Without a certificate it writes
/// a section with nothing in it, which is [`ForwardedError::Empty`].
pub fn spaced_pem(value: &str) -> Result<Vec<Vec<u8>>, ForwardedError> {
    bounded(value)?;
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(ForwardedError::Pem);
    }
    let der = one_section(value.as_bytes())?;
    if der.is_empty() {
        return Err(ForwardedError::Empty);
    }
    chain(vec![der])
}

/// Traefik's `X-Forwarded-Tls-Client-Cert` and Caddy's `certificate_der_base64`: base64 of each certificate, leaf first,
/// joined by commas. Older versions of Traefik escape the whole as a part of a URL.
pub fn base64_der(value: &str) -> Result<Vec<Vec<u8>>, ForwardedError> {
    bounded(value)?;
    let unescaped;
    let value = if value.contains('%') {
        unescaped = percent_decoded(value)?;
        std::str::from_utf8(&unescaped).map_err(|_| ForwardedError::Base64)?
    } else {
        value
    };
    let ders = value
        .split(',')
        .take(MAX_CHAIN + 1)
        .map(|part| STANDARD.decode(part).map_err(|_| ForwardedError::Base64))
        .collect::<Result<Vec<_>, _>>()?;
    chain(ders)
}

/// RFC 9440: the value of `Client-Cert`, and the lines of `Client-Cert-Chain`. Parameters are not taken: the RFC has none.
pub fn rfc9440(client_cert: &str, client_cert_chain: &[&str]) -> Result<Vec<Vec<u8>>, ForwardedError> {
    bounded(client_cert)?;
    let mut ders = vec![byte_sequence(client_cert)?];
    for line in client_cert_chain {
        bounded(line)?;
        for item in line.split(',').take(MAX_CHAIN) {
            let item = item.trim_matches([' ', '\t']);
            ders.push(byte_sequence(item)?);
        }
        if ders.len() > MAX_CHAIN {
            return Err(ForwardedError::TooLarge);
        }
    }
    chain(ders)
}

/// RFC 8941 section 3.3.5, with the padding that a sender must write.
fn byte_sequence(item: &str) -> Result<Vec<u8>, ForwardedError> {
    let body = item
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or(ForwardedError::StructuredField)?;
    STANDARD.decode(body).map_err(|_| ForwardedError::Base64)
}

const fn bounded(value: &str) -> Result<(), ForwardedError> {
    if value.is_empty() {
        Err(ForwardedError::Empty)
    } else if value.len() > MAX_HEADER_BYTES {
        Err(ForwardedError::TooLarge)
    } else {
        Ok(())
    }
}

/// What was decoded, when it is a chain: each one element of DER, and together within the bounds.
fn chain(ders: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, ForwardedError> {
    if ders.is_empty() {
        return Err(ForwardedError::Empty);
    }
    let bytes = ders.iter().map(Vec::len).sum::<usize>();
    if ders.len() > MAX_CHAIN || bytes > MAX_CHAIN_BYTES {
        return Err(ForwardedError::TooLarge);
    }
    let whole = ders.iter().all(|der| Reader::whole(der, der::SEQUENCE).is_some());
    whole.then_some(ders).ok_or(ForwardedError::Der)
}

#[cfg(test)]
mod tests;
