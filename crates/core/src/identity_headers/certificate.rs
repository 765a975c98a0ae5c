//! What an identity header can say of the client's certificate. All of it is empty without one that holds, but for the
//! verdict.

use super::fact::push_json_string;
use crate::certificate::{CertificateFacts, SanKind, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// One thing to say of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFact {
    /// `NONE`, `SUCCESS` or `FAILED:reason`, as nginx's `$ssl_client_verify`.
    Verify,
    /// The subject's distinguished name, as nginx's `$ssl_client_s_dn`.
    Subject,
    /// The issuer's, as nginx's `$ssl_client_i_dn`.
    Issuer,
    /// The serial number, as nginx's `$ssl_client_serial`.
    Serial,
    /// SHA-256 of the certificate, in hexadecimal digits.
    Fingerprint,
    /// SHA-256 of its public key, in hexadecimal digits.
    Spki,
    /// The SPIFFE ID, where its authenticator speaks for a trust domain.
    SpiffeId,
    /// From when it holds (RFC 3339).
    NotBefore,
    /// Until when it holds (RFC 3339).
    NotAfter,
    /// A JSON array of the names of these kinds, in the order of the certificate.
    San(Box<[SanKind]>),
    /// A JSON array of one object per name, `{"kind":"name"}`, in the order of the certificate.
    TypedSan,
    /// The certificate in PEM, escaped as nginx's `$ssl_client_escaped_cert`.
    EscapedPem,
    /// `Client-Cert` of RFC 9440 section 2.2.
    ClientCert,
    /// `Client-Cert-Chain` of RFC 9440 section 2.3: without the certificate itself.
    ClientCertChain,
    /// `X-Forwarded-Client-Cert` as Envoy writes it: `Hash`, `Subject`, `URI`, `DNS`.
    Xfcc,
}

/// The kinds `X-SSL-San` lists when nobody narrows it.
pub const LISTED_SANS: [SanKind; 3] = [SanKind::Uri, SanKind::Dns, SanKind::Email];

/// Each with the word after `certificate.` in the configuration.
const NAMES: [(&str, CertificateFact); 14] = [
    ("verify", CertificateFact::Verify),
    ("subject", CertificateFact::Subject),
    ("issuer", CertificateFact::Issuer),
    ("serial", CertificateFact::Serial),
    ("fingerprint", CertificateFact::Fingerprint),
    ("spki", CertificateFact::Spki),
    ("spiffe_id", CertificateFact::SpiffeId),
    ("not_before", CertificateFact::NotBefore),
    ("not_after", CertificateFact::NotAfter),
    ("san_typed", CertificateFact::TypedSan),
    ("escaped_pem", CertificateFact::EscapedPem),
    ("client_cert", CertificateFact::ClientCert),
    ("client_cert_chain", CertificateFact::ClientCertChain),
    ("xfcc", CertificateFact::Xfcc),
];

impl CertificateFact {
    /// The names of a certificate, of the kinds that are listed when nobody narrows them.
    pub fn san() -> Self {
        Self::San(Box::new(LISTED_SANS))
    }

    /// Reads the word after `certificate.`.
    pub fn parse(word: &str) -> Option<Self> {
        if word == "san" {
            return Some(Self::san());
        }
        let mut names = NAMES.into_iter();
        names.find(|(name, _)| *name == word).map(|(_, fact)| fact)
    }

    /// Whether it is as long as a certificate.
    pub(super) const fn is_long(&self) -> bool {
        matches!(self, Self::EscapedPem | Self::ClientCert | Self::ClientCertChain)
    }

    /// What there is to say; empty when nothing is.
    pub fn text(&self, verdict: &Verdict) -> String {
        if let Self::Verify = self {
            return verdict.nginx().into_owned();
        }
        let Some(facts) = verdict.facts() else {
            return String::new();
        };
        match self {
            Self::Verify => String::new(),
            Self::Subject => facts.subject.to_string(),
            Self::Issuer => facts.issuer.to_string(),
            Self::Serial => facts.serial.to_string(),
            Self::Fingerprint => facts.fingerprint.to_string(),
            Self::Spki => facts.spki.to_string(),
            Self::SpiffeId => facts.spiffe_id.as_deref().unwrap_or("").to_owned(),
            Self::NotBefore => facts.not_before.to_string(),
            Self::NotAfter => facts.not_after.to_string(),
            Self::San(kinds) => san(facts, kinds),
            Self::TypedSan => typed_san(facts),
            Self::EscapedPem => escaped_pem(facts.presented.leaf()),
            Self::ClientCert => byte_sequence(facts.presented.leaf()),
            Self::ClientCertChain => {
                let issuers = facts.presented.chain().skip(1).map(byte_sequence);
                issuers.collect::<Vec<_>>().join(", ")
            }
            Self::Xfcc => xfcc(facts),
        }
    }
}

fn san(facts: &CertificateFacts, kinds: &[SanKind]) -> String {
    let mut text = "[".to_owned();
    for name in facts.sans.iter().filter(|name| kinds.contains(&name.kind())) {
        text.push_str(if text.len() > 1 { "," } else { "" });
        push_json_string(&mut text, &name.text());
    }
    text.push(']');
    text
}

fn typed_san(facts: &CertificateFacts) -> String {
    let mut text = "[".to_owned();
    for name in &facts.sans {
        text.push_str(if text.len() > 1 { "," } else { "" });
        text.push('{');
        push_json_string(&mut text, name.kind().name());
        text.push(':');
        push_json_string(&mut text, &name.text());
        text.push('}');
    }
    text.push(']');
    text
}

/// The certificate in PEM, every byte escaped that is not unreserved (RFC 3986 section 2.3): one line that any header
/// can carry.
fn escaped_pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = String::with_capacity(body.len() * 9 / 8 + 128);
    text.push_str("-----BEGIN%20CERTIFICATE-----%0A");
    for line in body.as_bytes().chunks(64) {
        for byte in line {
            match byte {
                b'+' => text.push_str("%2B"),
                b'/' => text.push_str("%2F"),
                b'=' => text.push_str("%3D"),
                other => text.push(char::from(*other)),
            }
        }
        text.push_str("%0A");
    }
    text.push_str("-----END%20CERTIFICATE-----%0A");
    text
}

/// A byte sequence of structured fields (RFC 8941 section 3.3.5).
fn byte_sequence(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

/// One element. What is in quotes has `"` and `\` escaped; names with other bytes than visible ASCII are left out.
fn xfcc(facts: &CertificateFacts) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = format!("Hash={};Subject={}", facts.fingerprint, quoted(&facts.subject));
    for name in &facts.sans {
        let key = match name.kind() {
            SanKind::Uri => "URI",
            SanKind::Dns => "DNS",
            SanKind::Email | SanKind::Ip | SanKind::DirectoryName | SanKind::Upn | SanKind::Other => continue,
        };
        let name = name.text();
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b",;=\"\\".contains(&byte));
        let value = if plain { name.into_owned() } else { quoted(&name) };
        // Writing to a String cannot fail.
        let _: std::fmt::Result = write!(text, ";{key}={value}");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::certificate::{Judged, PresentedCertificate, SubjectAlternativeName as San};
    use crate::claims::{ClaimPath, Claims};
    use crate::identity_headers::Written;
    use crate::principal::{AuthenticationMethod, FactPaths, Principal};
    use crate::time::Timestamp;
    use std::sync::Arc;

    /// A certificate that holds, with a chain of these.
    pub(crate) fn verdict(chain: &[&[u8]], sans: Vec<San>) -> Verdict {
        let presented = PresentedCertificate::new(chain.iter().map(|der| der.to_vec())).unwrap();
        let facts = CertificateFacts {
            presented: Arc::new(presented),
            subject: "CN=joe2".into(),
            issuer: "CN=jazstudios.com".into(),
            serial: "0A1B".into(),
            fingerprint: "ab".repeat(32).into(),
            spki: "cd".repeat(32).into(),
            not_before: Timestamp::from_seconds(0),
            not_after: Timestamp::from_seconds(1),
            sans: sans.into(),
            spiffe_id: None,
        };
        let path = ClaimPath::subject();
        let principal = Principal {
            authenticator: "certificate.test".into(),
            method: AuthenticationMethod::Certificate,
            issuer: "".into(),
            claims: Claims::empty(),
            facts: Arc::new(FactPaths {
                subject: path.clone(),
                groups: path,
                trust_unverified_email: false,
                leeway: FactPaths::LEEWAY,
            }),
            written: Written::default(),
            tokens: None,
        };
        Verdict::Success(Judged {
            principal: Arc::new(principal),
            facts: Arc::new(facts),
        })
    }

    #[test]
    fn every_fact_is_empty_without_a_certificate_but_the_verdict() {
        for (name, fact) in NAMES {
            let text = fact.text(&Verdict::None);
            assert_eq!(text, if name == "verify" { "NONE" } else { "" }, "{name}");
            assert_eq!(CertificateFact::parse(name), Some(fact));
        }
        assert_eq!(CertificateFact::san().text(&Verdict::None), "");
        assert_eq!(CertificateFact::parse("password"), None);
    }

    #[test]
    fn names_are_listed_by_kind_in_the_order_of_the_certificate() {
        let sans = vec![
            San::Email("spiffe://a/admin".into()),
            San::Uri("spiffe://www.jazstudios.com/joe".into()),
            San::Ip("10.0.0.1".parse().unwrap()),
            San::Dns("joe.example".into()),
        ];
        let verdict = verdict(&[b"leaf"], sans);
        let check = |fact: CertificateFact, expect: &str| assert_eq!(fact.text(&verdict), expect);
        check(
            CertificateFact::san(),
            r#"["spiffe://a/admin","spiffe://www.jazstudios.com/joe","joe.example"]"#,
        );
        check(
            CertificateFact::San(Box::new([SanKind::Uri])),
            r#"["spiffe://www.jazstudios.com/joe"]"#,
        );
        check(
            CertificateFact::TypedSan,
            r#"[{"email":"spiffe://a/admin"},{"uri":"spiffe://www.jazstudios.com/joe"},{"ip":"10.0.0.1"},{"dns":"joe.example"}]"#,
        );
    }

    #[test]
    fn a_certificate_is_written_as_each_reader_expects_it() {
        let long = vec![0xff_u8; 49];
        let verdict = verdict(&[&long, b"issuer"], vec![San::Uri("spiffe://a/b,c".into())]);
        let body = "%2F".repeat(64);
        assert_eq!(
            CertificateFact::EscapedPem.text(&verdict),
            format!("-----BEGIN%20CERTIFICATE-----%0A{body}%0A%2Fw%3D%3D%0A-----END%20CERTIFICATE-----%0A")
        );
        assert_eq!(CertificateFact::ClientCertChain.text(&verdict), ":aXNzdWVy:");
        assert!(CertificateFact::ClientCert.text(&verdict).ends_with("/w==:"));
        let hash = "ab".repeat(32);
        assert_eq!(
            CertificateFact::Xfcc.text(&verdict),
            format!("Hash={hash};Subject=\"CN=joe2\";URI=\"spiffe://a/b,c\"")
        );
    }
}
