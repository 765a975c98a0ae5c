//! Certificates and revocation lists, written byte by byte: good ones in a line, and each of the bad ones that no
//! careful library would make.
//!
//! ```
//! use countersign_testkit::pki::{Authority, Key, Revocations, San, Template};
//! let root = Authority::root("Root", Key(1));
//! let issuing = root.under("Issuing", Key(2));
//! let leaf = issuing.issue(&Template::client("joe", Key(3)).names(&[San::Uri("spiffe://example.test/joe")]).serial(&[7]));
//! let list = issuing.revoke(&Revocations::of(&[&[7]]));
//! assert!(!leaf.is_empty() && !list.is_empty());
//! ```
//!
//! Everything is valid from 2025 to 2035 unless told otherwise; the tests' clock stands in 2030. This file needs nothing
//! else of this crate, so that crates below it can take it in by its path.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const KEYS: [&str; 6] = [
    include_str!("../keys/certificate-1.pem"),
    include_str!("../keys/certificate-2.pem"),
    include_str!("../keys/certificate-3.pem"),
    include_str!("../keys/certificate-4.pem"),
    include_str!("../keys/certificate-5.pem"),
    include_str!("../keys/certificate-6.pem"),
];
/// `ecdsa-with-SHA256`, as an `AlgorithmIdentifier`.
const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";

/// One of the six key pairs on P-256 that are checked in, by its number from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub usize);

impl Key {
    /// The private half: PKCS#8 in PEM.
    pub fn pem(self) -> &'static str {
        KEYS[self.0 - 1]
    }

    fn pair(self) -> EcdsaKeyPair {
        let body = self
            .pem()
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect::<String>();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &STANDARD.decode(body).unwrap()).unwrap()
    }

    /// The public half: `SubjectPublicKeyInfo`, DER.
    pub fn spki(self) -> Vec<u8> {
        let algorithm = sequence(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]);
        sequence(&[algorithm, bit_string(0, self.pair().public_key().as_ref())])
    }

    /// `signed`, the algorithm and the signature, in a sequence: how certificates and lists are signed.
    pub fn sign(self, signed: &[u8]) -> Vec<u8> {
        let signature = self.pair().sign(&SystemRandom::new(), signed).unwrap();
        sequence(&[
            signed.to_vec(),
            sequence(&[oid(ECDSA_WITH_SHA256)]),
            bit_string(0, signature.as_ref()),
        ])
    }
}

/// A subject alternative name.
#[derive(Clone, Copy, Debug)]
pub enum San<'a> {
    /// `uniformResourceIdentifier`
    Uri(&'a str),
    /// `dNSName`
    Dns(&'a str),
    /// `rfc822Name`
    Email(&'a str),
    /// `iPAddress`
    Ip(&'a [u8]),
    /// `otherName` with a user principal name.
    Upn(&'a str),
    /// `directoryName`, of one common name.
    DirectoryName(&'a str),
    /// Any element.
    Raw(&'a [u8]),
}

impl San<'_> {
    fn der(&self) -> Vec<u8> {
        match self {
            Self::Uri(text) => element(0x86, text.as_bytes()),
            Self::Dns(text) => element(0x82, text.as_bytes()),
            Self::Email(text) => element(0x81, text.as_bytes()),
            Self::Ip(bytes) => element(0x87, bytes),
            Self::Upn(text) => {
                let value = element(0xa0, &element(0x0c, text.as_bytes()));
                element(0xa0, &[oid("1.3.6.1.4.1.311.20.2.3"), value].concat())
            }
            Self::DirectoryName(name) => element(0xa4, &common(name)),
            Self::Raw(bytes) => bytes.to_vec(),
        }
    }
}

/// A certificate to be.
#[derive(Clone, Debug)]
pub struct Template {
    subject: Vec<u8>,
    key: Key,
    serial: Vec<u8>,
    not_before: String,
    not_after: String,
    extensions: Vec<Vec<u8>>,
}

impl Template {
    /// One without extensions.
    pub fn new(common_name: &str, key: Key) -> Self {
        Self {
            subject: common(common_name),
            key,
            serial: vec![1],
            not_before: "20250101000000Z".to_owned(),
            not_after: "20350101000000Z".to_owned(),
            extensions: Vec::new(),
        }
    }

    /// A client's: no authority, digital signatures, client authentication.
    pub fn client(common_name: &str, key: Key) -> Self {
        Self::new(common_name, key)
            .basic_constraints(false, None)
            .key_usage(0x80)
            .extended_key_usages(&["1.3.6.1.5.5.7.3.2"])
    }

    /// A server's: no authority, digital signatures, server authentication, and this DNS name.
    pub fn server(dns_name: &str, key: Key) -> Self {
        Self::new(dns_name, key)
            .basic_constraints(false, None)
            .key_usage(0x80)
            .extended_key_usages(&["1.3.6.1.5.5.7.3.1"])
            .names(&[San::Dns(dns_name)])
    }

    /// An authority's: may sign certificates and lists.
    pub fn authority(common_name: &str, key: Key) -> Self {
        Self::new(common_name, key)
            .basic_constraints(true, None)
            .key_usage(0x06)
    }

    /// Another subject: a `Name`, DER.
    #[must_use]
    pub fn subject(mut self, name: Vec<u8>) -> Self {
        self.subject = name;
        self
    }

    /// Another serial number: the bytes of an INTEGER.
    #[must_use]
    pub fn serial(mut self, bytes: &[u8]) -> Self {
        self.serial = bytes.to_vec();
        self
    }

    /// Another validity, as in `20300101000000Z`.
    #[must_use]
    pub fn valid(mut self, not_before: &str, not_after: &str) -> Self {
        (self.not_before, self.not_after) = (not_before.to_owned(), not_after.to_owned());
        self
    }

    /// One extension more.
    #[must_use]
    pub fn extension(mut self, dots: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.push(extension(dots, critical, value));
        self
    }

    /// Basic constraints, critical.
    #[must_use]
    pub fn basic_constraints(self, ca: bool, path_length: Option<u8>) -> Self {
        let ca = if ca { element(1, &[0xff]) } else { Vec::new() };
        let length = path_length.map(|length| element(2, &[length]));
        self.extension("2.5.29.19", true, &sequence(&[ca, length.unwrap_or_default()]))
    }

    /// Key usage, critical: the bits from the highest on, digital signature first.
    #[must_use]
    pub fn key_usage(self, bits: u8) -> Self {
        let unused = u8::try_from(bits.trailing_zeros()).unwrap();
        self.extension("2.5.29.15", true, &bit_string(unused, &[bits]))
    }

    /// Extended key usages, in dots.
    #[must_use]
    pub fn extended_key_usages(self, dots: &[&str]) -> Self {
        let usages = dots.iter().map(|dots| oid(dots)).collect::<Vec<_>>();
        self.extension("2.5.29.37", false, &sequence(&usages))
    }

    /// Subject alternative names.
    #[must_use]
    pub fn names(self, names: &[San<'_>]) -> Self {
        let names = names.iter().map(San::der).collect::<Vec<_>>();
        self.extension("2.5.29.17", false, &sequence(&names))
    }

    /// CRL distribution points, each with one URI.
    #[must_use]
    pub fn distribution_points(self, uris: &[&str]) -> Self {
        let points = uris
            .iter()
            .map(|uri| sequence(&[distribution_point_name(uri)]))
            .collect::<Vec<_>>();
        self.extension("2.5.29.31", false, &sequence(&points))
    }

    /// The part that is signed, as version 3 when it has extensions, else 1.
    pub fn to_be_signed(&self, issuer: &[u8]) -> Vec<u8> {
        let versioned = !self.extensions.is_empty();
        sequence(&[
            if versioned {
                element(0xa0, &element(2, &[2]))
            } else {
                Vec::new()
            },
            element(2, &self.serial),
            sequence(&[oid(ECDSA_WITH_SHA256)]),
            issuer.to_vec(),
            sequence(&[time(&self.not_before), time(&self.not_after)]),
            self.subject.clone(),
            self.key.spki(),
            if versioned {
                element(0xa3, &sequence(&self.extensions))
            } else {
                Vec::new()
            },
        ])
    }

    /// Signed by `key` in the name of `issuer`.
    pub fn signed_by(&self, issuer: &[u8], key: Key) -> Vec<u8> {
        key.sign(&self.to_be_signed(issuer))
    }

    /// Signed by itself.
    pub fn self_signed(&self) -> Vec<u8> {
        self.signed_by(&self.subject, self.key)
    }
}

/// An authority with its key.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Its name, DER.
    pub name: Vec<u8>,
    /// Its key.
    pub key: Key,
}

impl Authority {
    /// One that vouches for itself.
    pub fn root(common_name: &str, key: Key) -> Self {
        let template = Template::authority(common_name, key);
        Self {
            certificate: template.self_signed(),
            name: template.subject,
            key,
        }
    }

    /// One that this one vouches for.
    #[must_use]
    pub fn under(&self, common_name: &str, key: Key) -> Self {
        let template = Template::authority(common_name, key);
        Self {
            certificate: self.issue(&template),
            name: template.subject,
            key,
        }
    }

    /// A certificate of this authority, DER.
    pub fn issue(&self, template: &Template) -> Vec<u8> {
        template.signed_by(&self.name, self.key)
    }

    /// A revocation list of this authority, DER.
    pub fn revoke(&self, revocations: &Revocations) -> Vec<u8> {
        self.key.sign(&revocations.to_be_signed(&self.name))
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }
}

/// A revocation list to be.
#[derive(Clone, Debug)]
pub struct Revocations {
    this_update: String,
    next_update: Option<String>,
    entries: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

impl Revocations {
    /// A list of these serial numbers (the bytes of INTEGERs): number 1, from 2029 to 2031.
    pub fn of(serials: &[&[u8]]) -> Self {
        let empty = Self {
            this_update: "20290101000000Z".to_owned(),
            next_update: Some("20310101000000Z".to_owned()),
            entries: Vec::new(),
            extensions: Vec::new(),
        };
        serials
            .iter()
            .fold(empty, |list, serial| list.entry(serial, &[]))
            .number(1)
    }

    /// Another time of making, and another of the next.
    #[must_use]
    pub fn updated(mut self, this: &str, next: Option<&str>) -> Self {
        (self.this_update, self.next_update) = (this.to_owned(), next.map(str::to_owned));
        self
    }

    /// One entry more, with these extensions.
    #[must_use]
    pub fn entry(mut self, serial: &[u8], extensions: &[Vec<u8>]) -> Self {
        let extensions = if extensions.is_empty() {
            Vec::new()
        } else {
            sequence(extensions)
        };
        self.entries.push(sequence(&[
            element(2, serial),
            time("20290101000000Z"),
            extensions,
        ]));
        self
    }

    /// The CRL number.
    #[must_use]
    pub fn number(self, number: u8) -> Self {
        self.extension("2.5.29.20", false, &element(2, &[number]))
    }

    /// The issuing distribution point: this content of the sequence.
    #[must_use]
    pub fn scope(self, parts: &[Vec<u8>]) -> Self {
        self.extension("2.5.29.28", true, &sequence(parts))
    }

    /// One extension more; one of the same kind goes.
    #[must_use]
    pub fn extension(mut self, dots: &str, critical: bool, value: &[u8]) -> Self {
        let kind = sequence(&[oid(dots)]).split_off(2);
        self.extensions
            .retain(|extension| !extension.windows(kind.len()).take(5).any(|part| part == kind));
        self.extensions.push(extension(dots, critical, value));
        self
    }

    /// Without extensions: version 1.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.extensions.clear();
        self
    }

    /// The part that is signed.
    pub fn to_be_signed(&self, issuer: &[u8]) -> Vec<u8> {
        let versioned = !self.extensions.is_empty();
        sequence(&[
            if versioned { element(2, &[1]) } else { Vec::new() },
            sequence(&[oid(ECDSA_WITH_SHA256)]),
            issuer.to_vec(),
            time(&self.this_update),
            self.next_update.as_deref().map(time).unwrap_or_default(),
            if self.entries.is_empty() {
                Vec::new()
            } else {
                sequence(&self.entries)
            },
            if versioned {
                element(0xa0, &sequence(&self.extensions))
            } else {
                Vec::new()
            },
        ])
    }
}

/// A `Name` with one common name.
pub fn common(name: &str) -> Vec<u8> {
    relatives(&[&[("2.5.4.3", 0x0c, name.as_bytes())]])
}

/// A `Name`: of each relative name its attributes, each a type in dots, a tag and a content.
pub fn relatives(relatives: &[&[(&str, u8, &[u8])]]) -> Vec<u8> {
    let sets = relatives.iter().map(|attributes| {
        let attributes = attributes
            .iter()
            .flat_map(|(dots, tag, content)| sequence(&[oid(dots), element(*tag, content)]));
        element(0x31, &attributes.collect::<Vec<_>>())
    });
    sequence(&sets.collect::<Vec<_>>())
}

/// `[0] { [0] { URI } }`: how distribution points name themselves.
pub fn distribution_point_name(uri: &str) -> Vec<u8> {
    element(0xa0, &element(0xa0, &element(0x86, uri.as_bytes())))
}

/// An extension, of a certificate, a list or an entry.
pub fn extension(dots: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { element(1, &[0xff]) } else { Vec::new() };
    sequence(&[oid(dots), critical, element(4, value)])
}

/// A SEQUENCE of these elements.
pub fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &elements.concat())
}

/// A BIT STRING whose last `unused` bits are not part of it.
pub fn bit_string(unused: u8, bytes: &[u8]) -> Vec<u8> {
    element(3, &[&[unused], bytes].concat())
}

/// One element of DER.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let bytes = content.len().to_be_bytes();
    let digits = bytes
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect::<Vec<_>>();
    let length = match (content.len(), digits) {
        (0..0x80, _) => vec![u8::try_from(content.len()).unwrap()],
        (_, digits) => [&[0x80 | u8::try_from(digits.len()).unwrap()], digits.as_slice()].concat(),
    };
    [&[tag], length.as_slice(), content].concat()
}

/// An OBJECT IDENTIFIER from its dots.
pub fn oid(dots: &str) -> Vec<u8> {
    let numbers = dots
        .split('.')
        .map(|number| number.parse::<u64>().unwrap())
        .collect::<Vec<_>>();
    let mut bytes = Vec::new();
    for number in [&[numbers[0] * 40 + numbers[1]], &numbers[2..]].concat() {
        let groups = (64 - number.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let low = u8::try_from(number >> (group * 7) & 0x7f).unwrap();
            bytes.push(if group == 0 { low } else { low | 0x80 });
        }
    }
    element(6, &bytes)
}

/// `20300101000000Z` as RFC 5280 wants it: two digits of the year before 2050.
fn time(text: &str) -> Vec<u8> {
    if ("1950".."2050").contains(&&text[..4]) {
        element(0x17, &text.as_bytes()[2..])
    } else {
        element(0x18, text.as_bytes())
    }
}

/// Bytes in PEM.
pub fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines = body
        .as_bytes()
        .chunks(64)
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!(
        "-----BEGIN {label}-----\n{}-----END {label}-----\n",
        lines.collect::<String>()
    )
}
