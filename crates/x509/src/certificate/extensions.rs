//! The list of extensions (RFC 5280 section 4.2): each at most once, those that matter here read whole.

use super::CertificateError;
use crate::der::{self, Reader};
use crate::san::{self, MisshapenName};
use countersign_core::certificate::SubjectAlternativeName;

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// Those that may be critical: read here or by the library that verifies paths.
const KNOWN: [&[u8]; 6] = [
    KEY_USAGE,
    SUBJECT_ALTERNATIVE_NAME,
    BASIC_CONSTRAINTS,
    NAME_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE,
];
/// No certificate in use has as many; each is compared with those before it.
const MAX_EXTENSIONS: usize = 64;

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its object identifier, as DER holds it.
    pub oid: &'a [u8],
    /// Whether who does not know it must refuse the certificate.
    pub critical: bool,
    /// Its content, DER.
    pub value: &'a [u8],
}

impl Extension<'_> {
    /// Its object identifier in dots.
    pub fn dots(&self) -> String {
        der::dotted(self.oid).unwrap_or_default()
    }
}

/// RFC 5280 section 4.2.1.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the key is an authority's.
    pub ca: bool,
    /// How many authorities may stand between this one and a leaf.
    pub path_length: Option<u32>,
}

/// RFC 5280 section 4.2.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// The names of the bits, in their order.
    pub const NAMES: [&'static str; 9] = [
        "digitalSignature",
        "contentCommitment",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];

    /// Whether the bit of this number, counted as the RFC does, is set.
    const fn has(self, bit: u32) -> bool {
        self.0 & (0x8000 >> bit) != 0
    }

    /// `digitalSignature`
    pub const fn digital_signature(self) -> bool {
        self.has(0)
    }

    /// `keyAgreement`
    pub const fn key_agreement(self) -> bool {
        self.has(4)
    }

    /// `keyCertSign`
    pub const fn key_cert_sign(self) -> bool {
        self.has(5)
    }

    /// `cRLSign`
    pub const fn crl_sign(self) -> bool {
        self.has(6)
    }

    /// The names of the bits that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0..)
            .zip(Self::NAMES)
            .filter_map(move |(bit, name)| self.has(bit).then_some(name))
    }
}

/// RFC 5280 section 4.2.1.12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtendedKeyUsage {
    /// `anyExtendedKeyUsage`
    Any,
    /// `serverAuth`
    ServerAuth,
    /// `clientAuth`
    ClientAuth,
    /// Another, in dots.
    Other(Box<str>),
}

impl ExtendedKeyUsage {
    fn of(oid: &[u8]) -> Option<Self> {
        Some(match oid {
            [0x55, 0x1d, 0x25, 0] => Self::Any,
            [0x2b, 6, 1, 5, 5, 7, 3, 1] => Self::ServerAuth,
            [0x2b, 6, 1, 5, 5, 7, 3, 2] => Self::ClientAuth,
            oid => Self::Other(der::dotted(oid)?.into()),
        })
    }

    /// The RFC's word for it, or its dots.
    pub fn name(&self) -> &str {
        match self {
            Self::Any => "anyExtendedKeyUsage",
            Self::ServerAuth => "serverAuth",
            Self::ClientAuth => "clientAuth",
            Self::Other(dots) => dots,
        }
    }
}

/// What was read of the extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) sans: Box<[SubjectAlternativeName]>,
    pub(super) misshapen: Box<[MisshapenName]>,
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usages: Option<Box<[ExtendedKeyUsage]>>,
    pub(super) unknown_critical: Option<Box<str>>,
}

/// Reads `Extensions`; of nothing, nothing.
pub(super) fn read(extensions: &[u8]) -> Result<Read, CertificateError> {
    let mut read = Read::default();
    if extensions.is_empty() {
        return Ok(read);
    }
    let all = all(extensions).ok_or(CertificateError::Extensions)?;
    for (index, extension) in all.iter().enumerate() {
        let before = all.iter().take(index);
        if before.into_iter().any(|other| other.oid == extension.oid) {
            return Err(CertificateError::ExtensionDoubled(extension.dots().into()));
        }
        read_one(&mut read, extension).ok_or_else(|| CertificateError::Extension(extension.dots().into()))?;
    }
    Ok(read)
}

/// The extensions of a list that was read before.
pub(super) fn iterate(extensions: &[u8]) -> impl Iterator<Item = Extension<'_>> {
    all(extensions).unwrap_or_default().into_iter()
}

/// Every extension of a list (also of a revocation list, RFC 5280 section 5.2), one at least.
pub(crate) fn all(extensions: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut list = Reader::whole(extensions, der::SEQUENCE)?;
    let mut found = Vec::new();
    while !list.is_empty() || found.is_empty() {
        let mut extension = Reader::new(list.expect(der::SEQUENCE)?);
        let oid = extension.expect(der::OBJECT_IDENTIFIER)?;
        if !der::is_oid(oid) {
            return None;
        }
        let critical = extension.default_false()?;
        let value = extension.expect(der::OCTET_STRING)?;
        extension.end()?;
        found.push(Extension { oid, critical, value });
        if found.len() > MAX_EXTENSIONS {
            return None;
        }
    }
    Some(found)
}

fn read_one(read: &mut Read, extension: &Extension<'_>) -> Option<()> {
    match extension.oid {
        SUBJECT_ALTERNATIVE_NAME => {
            let names = san::parse(extension.value)?;
            read.sans = names.well_formed.into();
            read.misshapen = names.misshapen.into();
        }
        BASIC_CONSTRAINTS => read.basic_constraints = Some(basic_constraints(extension.value)?),
        KEY_USAGE => read.key_usage = Some(key_usage(extension.value)?),
        EXTENDED_KEY_USAGE => read.extended_key_usages = Some(extended_key_usages(extension.value)?),
        oid if extension.critical && !KNOWN.contains(&oid) => {
            let dots = extension.dots().into();
            read.unknown_critical.get_or_insert(dots);
        }
        _ => {}
    }
    Some(())
}

fn basic_constraints(value: &[u8]) -> Option<BasicConstraints> {
    let mut reader = Reader::whole(value, der::SEQUENCE)?;
    let ca = reader.default_false()?;
    let path_length = if reader.is_empty() {
        None
    } else {
        let number = reader
            .integer()
            .filter(|number| number.len() <= 4 && number.first().is_some_and(|first| first & 0x80 == 0))?;
        let length = number
            .iter()
            .fold(0, |length, byte| length << 8 | u32::from(*byte));
        Some(length)
    };
    reader.end()?;
    Some(BasicConstraints { ca, path_length })
}

fn key_usage(value: &[u8]) -> Option<KeyUsage> {
    let mut reader = Reader::new(value);
    let bits = reader.expect(der::BIT_STRING)?;
    reader.end()?;
    let (unused, bytes) = bits.split_first()?;
    let possible = *unused < 8 && bytes.len() <= 2 && (*unused == 0 || !bytes.is_empty());
    let last = bytes.last().copied().unwrap_or(0);
    let zero_padded = last.trailing_zeros() >= u32::from(*unused);
    let mut all = bytes.iter().copied().chain([0, 0]);
    let number = u16::from_be_bytes([all.next()?, all.next()?]);
    (possible && zero_padded).then_some(KeyUsage(number))
}

fn extended_key_usages(value: &[u8]) -> Option<Box<[ExtendedKeyUsage]>> {
    let mut reader = Reader::whole(value, der::SEQUENCE)?;
    let mut usages = Vec::new();
    while !reader.is_empty() || usages.is_empty() {
        usages.push(ExtendedKeyUsage::of(reader.expect(der::OBJECT_IDENTIFIER)?)?);
    }
    Some(usages.into())
}
