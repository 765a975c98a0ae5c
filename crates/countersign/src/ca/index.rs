//! What an authority remembers: itself, and each certificate it ever signed. One JSON document.

use super::make::{Life, Role};
use super::names::Kind;
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The only format there is.
const FORMAT: u32 = 1;
/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    format: u32,
    /// What the pair of authorities is called.
    pub name: String,
    /// The root's certificates, the newest last.
    pub roots: Vec<AuthorityRecord>,
    /// The intermediate's certificates, the newest last.
    pub intermediates: Vec<AuthorityRecord>,
    /// The number of the root's last revocation list.
    pub root_crl: u64,
    /// The number of the intermediate's last revocation list.
    pub intermediate_crl: u64,
    /// What was issued, the newest last.
    pub certificates: Vec<Record>,
}

/// A certificate of an authority. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityRecord {
    /// Hexadecimal, in upper case.
    pub serial: String,
    /// When it begins.
    pub not_before: i64,
    /// When it ends.
    pub not_after: i64,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// When and why it was called back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

/// A certificate that was issued. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What its files are called, without their ending.
    pub file: String,
    /// The folder of its files, where they are not with the authority's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Whether its key is somebody else's, who sent a request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
    /// What it is for.
    pub kind: Kind,
    /// Its names, as they were asked for.
    pub names: Vec<String>,
    /// Hexadecimal, in upper case.
    pub serial: String,
    /// When it begins.
    pub not_before: i64,
    /// When it ends.
    pub not_after: i64,
    /// How many days it was asked to hold.
    pub days: u32,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// When and why it was called back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

/// That a certificate was called back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// When, in seconds since 1970.
    pub at: i64,
    /// Why.
    pub reason: Reason,
}

/// Why a certificate was called back (RFC 5280, section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing is said.
    Unspecified,
    /// Somebody else may have its key.
    KeyCompromise,
    /// Somebody else may have the authority's key.
    CaCompromise,
    /// Whoever it names belongs elsewhere now.
    AffiliationChanged,
    /// Another has taken its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// Whoever it names may not do any more what it allows.
    PrivilegeWithdrawn,
}

impl Reason {
    pub(super) const fn code(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::CaCompromise => rcgen::RevocationReason::CaCompromise,
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => rcgen::RevocationReason::PrivilegeWithdrawn,
        }
    }
}

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    Valid,
    /// It has ended.
    Expired,
    /// It was called back.
    Revoked,
}

impl Status {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    fn of(revoked: bool, not_after: i64, now: Timestamp) -> Self {
        match (revoked, not_after < now.seconds()) {
            (true, _) => Self::Revoked,
            (false, true) => Self::Expired,
            (false, false) => Self::Valid,
        }
    }
}

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Not what was written.
    #[error("it is no index of an authority: {0}")]
    Broken(#[from] serde_json::Error),
    /// Something in it is missing.
    #[error("it is no index of an authority: it names no {0}")]
    Without(&'static str),
    /// A later program wrote it.
    #[error("it has format {0}, and this program knows 1: use the program that wrote it")]
    Later(u32),
}

impl Index {
    /// Of an authority that has issued nothing.
    pub(super) fn new(name: &str, root: AuthorityRecord, intermediate: AuthorityRecord) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            roots: vec![root],
            intermediates: vec![intermediate],
            root_crl: 0,
            intermediate_crl: 0,
            certificates: Vec::new(),
        }
    }

    /// From a file.
    pub fn from_json(text: &[u8]) -> Result<Self, IndexError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_slice(text)?;
        if format != FORMAT {
            return Err(IndexError::Later(format));
        }
        let index = serde_json::from_slice::<Self>(text)?;
        for role in [Role::Root, Role::Intermediate] {
            if index.authorities(role).is_empty() {
                return Err(IndexError::Without(role.word()));
            }
        }
        Ok(index)
    }

    /// For a file.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The certificates of one authority, the newest last.
    pub fn authorities(&self, role: Role) -> &[AuthorityRecord] {
        match role {
            Role::Root => &self.roots,
            Role::Intermediate => &self.intermediates,
        }
    }

    /// The newest certificate of one authority.
    pub fn current(&self, role: Role) -> Option<&AuthorityRecord> {
        self.authorities(role).last()
    }

    /// Whether something has this serial number already.
    pub(super) fn has(&self, serial: &str) -> bool {
        let authorities = self.roots.iter().chain(&self.intermediates);
        let authorities = authorities.map(|record| &record.serial);
        let issued = self.certificates.iter().map(|record| &record.serial);
        authorities.chain(issued).any(|known| known == serial)
    }

    /// The certificates with this fingerprint.
    pub fn find_sha256(&self, sha256: &str) -> Vec<usize> {
        self.places(|record| record.sha256 == sha256)
    }

    /// The certificate with this serial number.
    pub fn find_serial(&self, serial: &str) -> Vec<usize> {
        let serial = serial.replace(':', "").to_ascii_uppercase();
        self.places(|record| record.serial == serial)
    }

    /// The certificates whose files are called so.
    pub fn find_file(&self, file: &str) -> Vec<usize> {
        self.places(|record| record.file == file)
    }

    fn places(&self, wanted: impl Fn(&Record) -> bool) -> Vec<usize> {
        let records = self.certificates.iter().enumerate();
        let found = records.filter(|(_, record)| wanted(record));
        found.map(|(place, _)| place).collect()
    }
}

/// Whether a text is a serial number of ours: 16 bytes in hexadecimal digits, with or without colons.
pub fn is_serial(text: &str) -> bool {
    let digits = text.replace(':', "");
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl AuthorityRecord {
    /// When it holds.
    pub const fn life(&self) -> Life {
        Life {
            not_before: Timestamp::from_seconds(self.not_before),
            not_after: Timestamp::from_seconds(self.not_after),
        }
    }

    /// How it stands.
    pub fn status(&self, now: Timestamp) -> Status {
        Status::of(self.revoked.is_some(), self.not_after, now)
    }
}

impl Record {
    /// Whether another is for the same, in the same place: the one before, or the one that took its place.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        self.is_for(other.kind, &other.names) && self.folder == other.folder
    }

    /// Whether it is for just these names.
    pub fn is_for(&self, kind: Kind, names: &[String]) -> bool {
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        self.kind == kind && set(&self.names) == set(names)
    }

    /// How it stands.
    pub fn status(&self, now: Timestamp) -> Status {
        Status::of(self.revoked.is_some(), self.not_after, now)
    }
}

/// How many days are left until `not_after`, the one that has begun among them; none or fewer when it is over.
pub const fn days_left(not_after: i64, now: Timestamp) -> i64 {
    not_after
        .saturating_sub(now.seconds())
        .saturating_add(DAY - 1)
        .div_euclid(DAY)
}

/// Bytes in hexadecimal, in upper case: how serial numbers are shown.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _: std::fmt::Result = write!(text, "{byte:02X}");
    }
    text
}

/// The bytes of [`hex`].
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let pairs = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect()
}
