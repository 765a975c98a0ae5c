//! A JWS in compact form (RFC 7515 section 7.1), before anybody has vouched for it.

use crate::algorithm::Algorithm;
use crate::json::parse_object;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::claims::{Claims, Value};
use std::sync::OnceLock;

/// The longest token that is read, in bytes: half of what a request head may be.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The longest `kid`, in bytes.
const MAX_KID_BYTES: usize = 512;

/// Header members that bring a key or say where to fetch one (RFC 7515 section 4.1.2 to 4.1.6; `sub_jwk` of the
/// self-issued tokens of OpenID Connect Core section 7). Keys come from the configuration only. The thumbprints `x5t` and
/// `x5t#S256` bring nothing and are in every token of Microsoft's; they are left alone.
const KEYS_IN_HEADER: [&str; 5] = ["jwk", "jku", "x5u", "x5c", "sub_jwk"];
/// Header members of an encrypted or compressed token (RFC 7516 section 4.1, RFC 7518 section 4).
const ENCRYPTION_IN_HEADER: [&str; 7] = ["enc", "zip", "epk", "apu", "apv", "p2c", "p2s"];

/// Why a text is not a token that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("longer than 16 KiB")]
    TooLarge,
    /// Not three segments of strict base64url, or the header is not one strict JSON object with the right types.
    #[error("not a JWS in compact form")]
    Malformed,
    /// A JWE, by its five segments or its header.
    #[error("encrypted")]
    Encrypted,
    /// `alg` is `none`, in any case, or empty, or missing.
    #[error("not signed")]
    AlgorithmNone,
    /// `alg` names nothing known here.
    #[error("an algorithm that is not known here")]
    AlgorithmUnknown,
    /// The header holds `crit` or `b64`.
    #[error("the header holds crit or b64")]
    CriticalHeader,
    /// The header brings or points to its own key.
    #[error("the header brings its own key")]
    KeyInHeader,
}

impl TokenError {
    /// The reason code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::Malformed => "token_malformed",
            Self::Encrypted => "token_encrypted",
            Self::AlgorithmNone => "algorithm_none",
            Self::AlgorithmUnknown => "algorithm_unknown",
            Self::CriticalHeader => "critical_header",
            Self::KeyInHeader => "key_in_header",
        }
    }
}

/// A token as it came: well formed, and nothing more. Its claims are readable on
/// [`VerifiedToken`](crate::verify::VerifiedToken) only; the reads here are called `…_unverified`.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<Box<str>>,
    typ: Option<Box<str>>,
    claims: OnceLock<Result<Claims, TokenError>>,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads the header and the signature. The payload is opaque until somebody asks for it.
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let mut segments = text.splitn(6, '.');
        let parts = (segments.next(), segments.next(), segments.next());
        let (Some(header), Some(payload), Some(signature)) = parts else {
            return Err(TokenError::Malformed);
        };
        match (segments.next(), segments.next(), segments.next()) {
            (None, _, _) => {}
            (Some(_), Some(_), None) => return Err(TokenError::Encrypted),
            (Some(_), None | Some(_), _) => return Err(TokenError::Malformed),
        }
        let decoded = decode(header)?;
        let header = parse_object(&decoded).map_err(|_| TokenError::Malformed)?;
        let algorithm = judge_header(&header)?;
        let text_of = |name: &str| match header.member(name) {
            None => Ok(None),
            Some(value) => value
                .as_str()
                .map(|text| Some(text.into()))
                .ok_or(TokenError::Malformed),
        };
        let (kid, typ): (Option<Box<str>>, Option<Box<str>>) = (text_of("kid")?, text_of("typ")?);
        drop::<Option<Box<str>>>(text_of("cty")?);
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(TokenError::Malformed);
        }
        let signed = text
            .get(..text.len() - signature.len() - 1)
            .ok_or(TokenError::Malformed)?;
        let signature = decode(signature)?;
        Ok(Self {
            signed,
            payload,
            signature,
            algorithm,
            kid,
            typ,
            claims: OnceLock::new(),
        })
    }

    /// The algorithm the header names.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key id the header names.
    pub fn kid_unverified(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The type the header names, as written.
    pub fn typ_unverified(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Who the payload says it is from; `None` when it does not say so with a string. Fails when the payload is not one
    /// strict JSON object.
    pub fn issuer_unverified(&self) -> Result<Option<&str>, TokenError> {
        Ok(self.claims()?.member("iss").and_then(Value::as_str))
    }

    /// Whom the payload says it is about; `None` when it does not say so with a string.
    pub fn subject_unverified(&self) -> Result<Option<&str>, TokenError> {
        Ok(self.claims()?.member("sub").and_then(Value::as_str))
    }

    /// Whom the payload says it is for (`aud`, or the claim named): every string of it.
    pub fn audiences_unverified(&self, claim: &str) -> Result<impl Iterator<Item = &str>, TokenError> {
        Ok(countersign_core::principal::strings(self.claims()?.member(claim)))
    }

    /// The bytes that are signed: header and payload, still encoded, with the dot between them.
    pub(crate) const fn signed(&self) -> &'a str {
        self.signed
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(crate) fn payload_bytes(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.payload)
    }

    pub(crate) fn claims(&self) -> Result<&Claims, TokenError> {
        let read = || parse_object(&decode(self.payload)?).map_err(|_| TokenError::Malformed);
        self.claims.get_or_init(read).as_ref().map_err(|error| *error)
    }

    pub(crate) fn into_claims(self) -> Result<Claims, TokenError> {
        self.claims()?;
        self.claims.into_inner().unwrap_or(Err(TokenError::Malformed))
    }
}

/// Strict base64url without padding (RFC 7515 section 2).
fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    BASE64_URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| TokenError::Malformed)
}

fn judge_header(header: &Claims) -> Result<Algorithm, TokenError> {
    let holds = |names: &[&str]| names.iter().any(|name| header.member(name).is_some());
    if holds(&ENCRYPTION_IN_HEADER) {
        return Err(TokenError::Encrypted);
    }
    if holds(&["crit", "b64"]) {
        return Err(TokenError::CriticalHeader);
    }
    if holds(&KEYS_IN_HEADER) {
        return Err(TokenError::KeyInHeader);
    }
    match header.member("alg") {
        None => Err(TokenError::AlgorithmNone),
        Some(Value::String(name)) if name.is_empty() || name.eq_ignore_ascii_case("none") => {
            Err(TokenError::AlgorithmNone)
        }
        Some(Value::String(name)) => Algorithm::parse(name).ok_or(TokenError::AlgorithmUnknown),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(TokenError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str, rest: &str) -> Option<TokenError> {
        let text = format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header));
        UnverifiedToken::parse(&text).err()
    }

    #[test]
    fn headers_that_are_not_accepted_are_told_apart() {
        use TokenError as E;
        let cases = [
            (r#"{"alg":"RS256"}"#, None),
            (r#"{"alg":"RS256","kid":"k","typ":"at+jwt","cty":"x"}"#, None),
            (r#"{"alg":"none"}"#, Some(E::AlgorithmNone)),
            (r#"{"alg":"nOnE"}"#, Some(E::AlgorithmNone)),
            (r#"{"alg":""}"#, Some(E::AlgorithmNone)),
            (r#"{"typ":"JWT"}"#, Some(E::AlgorithmNone)),
            (r#"{"alg":["RS256"]}"#, Some(E::Malformed)),
            (r#"{"alg":"rs256"}"#, Some(E::AlgorithmUnknown)),
            (
                r#"{"alg":"PBES2-HS256+A128KW","p2c":2147483647}"#,
                Some(E::Encrypted),
            ),
            (r#"{"alg":"RS256","enc":"A256GCM"}"#, Some(E::Encrypted)),
            (r#"{"alg":"RS256","zip":"DEF"}"#, Some(E::Encrypted)),
            (r#"{"alg":"RS256","crit":[]}"#, Some(E::CriticalHeader)),
            (
                r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
                Some(E::CriticalHeader),
            ),
            (r#"{"alg":"RS256","b64":false}"#, Some(E::CriticalHeader)),
            (r#"{"alg":"RS256","jwk":{}}"#, Some(E::KeyInHeader)),
            (r#"{"alg":"RS256","jku":"https://x"}"#, Some(E::KeyInHeader)),
            (r#"{"alg":"RS256","x5c":[]}"#, Some(E::KeyInHeader)),
            (r#"{"alg":"RS256","x5u":"https://x"}"#, Some(E::KeyInHeader)),
            (r#"{"alg":"RS256","sub_jwk":{}}"#, Some(E::KeyInHeader)),
            (r#"{"alg":"RS256","x5t":"AA","x5t#S256":"AA"}"#, None),
            (r#"{"alg":"RS256","kid":7}"#, Some(E::Malformed)),
            (r#"{"alg":"RS256","kid":"../../dev/null"}"#, None),
            (r#"{"alg":"RS256","kid":"https://x' OR 1=1"}"#, None),
            (r#"{"alg":"RS256","alg":"HS256"}"#, Some(E::Malformed)),
            (r#"{"alg":"RS256"} "#, None),
            (r#"{"alg":"RS256"}x"#, Some(E::Malformed)),
        ];
        for (header, expect) in cases {
            assert_eq!(parse(header, "e30.AA"), expect, "{header}");
        }
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(513));
        assert_eq!(parse(&long, "e30.AA"), Some(E::Malformed));
    }

    #[test]
    fn only_three_strict_segments_are_a_token() {
        use TokenError as E;
        let header = r#"{"alg":"RS256"}"#;
        let cases = [
            ("e30", Some(E::Malformed)),
            ("e30.AA.x", Some(E::Malformed)),
            ("e30.AA.x.y", Some(E::Encrypted)),
            ("e30.AA.x.y.z", Some(E::Malformed)),
            ("e30.A", Some(E::Malformed)),
            ("e30.AA==", Some(E::Malformed)),
            ("e30.AB", Some(E::Malformed)),
            ("e30.A+", Some(E::Malformed)),
            ("e30.A A", Some(E::Malformed)),
            ("e30.", None),
        ];
        for (rest, expect) in cases {
            assert_eq!(parse(header, rest), expect, "{rest}");
        }
        assert_eq!(
            UnverifiedToken::parse(&".".repeat(1_000_000)).err(),
            Some(E::TooLarge)
        );
        assert_eq!(
            UnverifiedToken::parse(&".".repeat(16_000)).err(),
            Some(E::Malformed)
        );
        assert_eq!(UnverifiedToken::parse("").err(), Some(E::Malformed));
    }

    #[test]
    fn a_payload_that_is_no_object_is_met_when_it_is_asked_for() {
        let text = format!(
            "{}.{}.AA",
            BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#),
            BASE64_URL_SAFE_NO_PAD.encode("opaque")
        );
        let token = UnverifiedToken::parse(&text).unwrap();
        assert_eq!(token.payload_bytes().unwrap(), b"opaque");
        assert_eq!(token.issuer_unverified(), Err(TokenError::Malformed));
        let detached = format!("{}..AA", text.split_once('.').unwrap().0);
        let token = UnverifiedToken::parse(&detached).unwrap();
        assert_eq!(token.issuer_unverified(), Err(TokenError::Malformed));
        for json in [
            r#"{"payload":"e30","signatures":[]}"#,
            r#"{"protected":"e30","payload":"e30"}"#,
        ] {
            assert_eq!(UnverifiedToken::parse(json).err(), Some(TokenError::Malformed));
        }
    }
}
