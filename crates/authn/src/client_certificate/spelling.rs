//! How what a certificate says is written. It is compared to the letter: written otherwise it would let nobody in, and
//! keep nobody out.

use countersign_core::spiffe::SpiffeId;
use countersign_x509::certificate::{canonical_serial, canonical_sha256};
use countersign_x509::name::NamePattern;
use std::net::IpAddr;

/// What kind of text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// A serial number.
    Serial,
    /// A SHA-256: a fingerprint, or that of a key.
    Sha256,
    /// A SPIFFE ID.
    SpiffeId,
    /// A distinguished name as nginx writes it.
    NginxName,
    /// A distinguished name as RFC 4514 does.
    Name,
    /// A serial number, a space, and the distinguished name of the issuer.
    SerialAndName,
    /// An IP address.
    Ip,
}

/// A text that no certificate has so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelled {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
    /// The right spelling, where it is known what is meant.
    pub meant: Option<String>,
}

impl Spelling {
    /// That of the claim at this path; `None` where any text can be meant.
    pub fn of_claim(path: &str) -> Option<Self> {
        match path.strip_prefix("certificate.")? {
            "serial" => Some(Self::Serial),
            "fingerprint" | "spki" => Some(Self::Sha256),
            "spiffe_id" => Some(Self::SpiffeId),
            "subject" | "issuer" => Some(Self::NginxName),
            "san.dn" => Some(Self::Name),
            "san.ip" => Some(Self::Ip),
            _ => None,
        }
    }

    /// Whether a certificate can have `text`.
    pub fn judge(self, text: &str) -> Result<(), Misspelled> {
        let wrong = |message: String| Misspelled {
            message,
            help: format!(
                "as `countersign certificate inspect` prints it: {}",
                self.example()
            ),
            meant: None,
        };
        let meant = match self {
            Self::SpiffeId => {
                let id = SpiffeId::parse(text);
                return id
                    .map(|_| ())
                    .map_err(|error| wrong(format!("{text:?} is no SPIFFE ID: {error}")));
            }
            Self::Serial => canonical_serial(text),
            Self::Sha256 => canonical_sha256(text),
            Self::Ip => text.parse::<IpAddr>().ok().map(|address| address.to_string()),
            Self::NginxName => NamePattern::as_nginx(text),
            Self::Name => NamePattern::as_rfc4514(text),
            Self::SerialAndName => text.split_once(' ').and_then(|(serial, issuer)| {
                Some(format!(
                    "{} {}",
                    canonical_serial(serial)?,
                    NamePattern::as_rfc4514(issuer)?
                ))
            }),
        };
        match meant {
            Some(meant) if meant == text => Ok(()),
            Some(meant) => Err(Misspelled {
                message: format!("no certificate says {text:?}: it is compared to the letter"),
                help: format!("write {meant:?}"),
                meant: Some(meant),
            }),
            None => Err(wrong(format!("{text:?} is not how {} is written", self.what()))),
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Serial => "a serial number",
            Self::Sha256 => "a SHA-256",
            Self::SpiffeId => "a SPIFFE ID",
            Self::NginxName | Self::Name => "a distinguished name",
            Self::SerialAndName => "a serial number with its issuer",
            Self::Ip => "an IP address",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Serial => "\"0A1B\"",
            Self::Sha256 => "64 hexadecimal digits",
            Self::SpiffeId => "\"spiffe://home.example/ops/ann\"",
            Self::NginxName => "\"CN=ann,O=Example\"",
            Self::Name => "\"CN=ann,O=Example\", and a type that RFC 4514 has no word for as dots and `#`",
            Self::SerialAndName => "\"0A1B CN=Issuing CA,O=Example\"",
            Self::Ip => "\"10.0.0.1\"",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_meant_is_told_in_the_letters_that_certificates_have() {
        let print = "0123456789abcdef".repeat(4);
        let (capitals, id) = (print.to_ascii_uppercase(), "spiffe://home.test/ops");
        for (path, text, meant) in [
            ("certificate.serial", "5F", Ok(())),
            ("certificate.serial", "5f", Err(Some("5F"))),
            ("certificate.serial", "0x5f", Err(Some("5F"))),
            ("certificate.serial", "a:1b", Err(Some("0A1B"))),
            ("certificate.serial", "005F", Err(Some("5F"))),
            ("certificate.serial", "-1", Err(Some("-01"))),
            ("certificate.serial", "0", Err(Some("00"))),
            ("certificate.serial", "ann", Err(None)),
            ("certificate.serial", "0x", Err(None)),
            ("certificate.fingerprint", &print, Ok(())),
            ("certificate.fingerprint", &capitals, Err(Some(&print))),
            ("certificate.spki", "sha256//AAAA", Err(None)),
            ("certificate.spiffe_id", id, Ok(())),
            ("certificate.spiffe_id", "spiffe://Home.test/ops", Err(None)),
            ("certificate.subject", "CN=ann,O=Home", Ok(())),
            ("certificate.subject", "cn=ann, O = Home", Err(None)),
            (
                "certificate.subject",
                "CN=ann, O = Home",
                Err(Some("CN=ann,O=Home")),
            ),
            ("certificate.issuer", "/O=Home/CN=ann", Err(None)),
            ("certificate.issuer", "emailAddress=ann@home.test,CN=ann", Ok(())),
            (
                "certificate.san.dn",
                "emailAddress=ann@home.test,CN=ann",
                Err(None),
            ),
            (
                "certificate.issuer",
                "CN=M\u{fc}ller",
                Err(Some("CN=M\\C3\\BCller")),
            ),
            ("certificate.san.ip", "2001:DB8::1", Err(Some("2001:db8::1"))),
            ("certificate.san.dn", "CN=ann+UID=a", Ok(())),
            ("certificate.san.dn", "OU=b+OU=a,O=Home", Ok(())),
            ("certificate.subject", "CN=*.home.example,O=Home", Ok(())),
            (
                "certificate.subject",
                "CN=\\*.home.example",
                Err(Some("CN=*.home.example")),
            ),
            ("certificate.subject", "*,O=Home", Err(None)),
            // With a SPIFFE ID a certificate needs no subject.
            ("certificate.subject", "", Ok(())),
            ("certificate.san.dn", "", Ok(())),
            ("certificate.serial", "", Err(None)),
            ("certificate.fingerprint", "", Err(None)),
        ] {
            let judged = Spelling::of_claim(path).unwrap().judge(text);
            let meant = meant.map_err(|meant| meant.map(str::to_owned));
            assert_eq!(judged.map_err(|wrong| wrong.meant), meant, "{path} {text}");
        }
        assert_eq!(Spelling::SerialAndName.judge("5F CN=home"), Ok(()));
        let other = Spelling::SerialAndName.judge("5f CN=home").unwrap_err();
        assert_eq!(other.meant.as_deref(), Some("5F CN=home"));
        assert_eq!(Spelling::of_claim("certificate.san.email"), None);
        assert_eq!(Spelling::of_claim("sub"), None);
    }
}
