//! Certificates and revocation lists as bytes. Time, serial numbers and keys come in; nothing is remembered here.

use super::CaError;
use super::key::PrivateKey;
use super::names::{Kind, MAX_COMMON_NAME, Name};
use countersign_core::time::Timestamp;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData,
    RevocationReason, RevokedCertParams, SanType, SerialNumber,
};
use time::OffsetDateTime;

/// Which of the two authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The one that others trust. Its key signs the intermediate, and can be put away.
    Root,
    /// The one that signs what is issued.
    Intermediate,
}

impl Role {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Intermediate => "intermediate",
        }
    }

    /// The subject of this authority of a pair that is called `name`.
    pub(super) fn common_name(self, name: &str) -> String {
        match self {
            Self::Root => format!("{name} Root CA"),
            Self::Intermediate => format!("{name} Issuing CA"),
        }
    }

    fn subject(self, name: &str) -> DistinguishedName {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, name);
        subject.push(DnType::CommonName, self.common_name(name));
        subject
    }

    /// What its certificate and its signatures say of it.
    fn params(self, name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = self.subject(name);
        // A root signs one kind of authority, and that one signs no further.
        let further = match self {
            Self::Root => 1,
            Self::Intermediate => 0,
        };
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(further));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }
}

/// When a certificate holds, both ends included, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Not before this.
    pub not_before: Timestamp,
    /// Not after this.
    pub not_after: Timestamp,
}

/// An authority with its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signer<'a> {
    pub(super) role: Role,
    /// What the pair of authorities is called.
    pub(super) name: &'a str,
    pub(super) key: &'a PrivateKey,
}

impl<'a> Signer<'a> {
    fn issuer(&self) -> Issuer<'a, &'a KeyPair> {
        Issuer::new(self.role.params(self.name), self.key.pair())
    }
}

/// The certificate (DER) of an authority, signed by `issuer`: a root's is signed by itself.
pub(super) fn authority(
    role: Role,
    key: &PrivateKey,
    life: Life,
    serial: &[u8],
    issuer: &Signer<'_>,
) -> Result<Vec<u8>, CaError> {
    let mut params = role.params(issuer.name);
    hold(&mut params, life, serial)?;
    params.use_authority_key_identifier_extension = role == Role::Intermediate;
    let certificate = match role {
        Role::Root => params.self_signed(key.pair())?,
        Role::Intermediate => params.signed_by(key.pair(), &issuer.issuer())?,
    };
    Ok(certificate.der().to_vec())
}

/// The certificate (DER) of somebody who is no authority.
pub(super) fn leaf(
    kind: Kind,
    names: &[Name],
    public: &impl PublicKeyData,
    life: Life,
    serial: &[u8],
    issuer: &Signer<'_>,
) -> Result<Vec<u8>, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(names);
    params.subject_alt_names = names.iter().filter_map(alternative).collect::<Result<_, _>>()?;
    // This also brings the key identifier.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = usages(kind);
    params.use_authority_key_identifier_extension = true;
    hold(&mut params, life, serial)?;
    Ok(params.signed_by(public, &issuer.issuer())?.der().to_vec())
}

/// The purposes that a certificate of `kind` names.
pub(super) fn usages(kind: Kind) -> Vec<ExtendedKeyUsagePurpose> {
    match kind {
        Kind::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Kind::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Kind::Workload => vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ],
    }
}

/// The name in words, else the first name where a common name has room for it. Without one the subject is empty and the
/// alternative names are critical (RFC 5280, section 4.1.2.6).
fn subject(names: &[Name]) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    let common = names.iter().find(|name| matches!(name, Name::Common(_)));
    let common = common.or(names.first()).map(ToString::to_string);
    if let Some(common) = common.filter(|common| common.chars().count() <= MAX_COMMON_NAME) {
        subject.push(DnType::CommonName, common);
    }
    subject
}

fn alternative(name: &Name) -> Option<Result<SanType, CaError>> {
    let text = |text: &str| Ia5String::try_from(text).map_err(CaError::from);
    match name {
        Name::Dns(name) => Some(text(name).map(SanType::DnsName)),
        Name::Ip(address) => Some(Ok(SanType::IpAddress(*address))),
        Name::Email(name) => Some(text(name).map(SanType::Rfc822Name)),
        Name::Uri(name) => Some(text(name).map(SanType::URI)),
        Name::Common(_) => None,
    }
}

fn hold(params: &mut CertificateParams, life: Life, serial: &[u8]) -> Result<(), CaError> {
    params.not_before = date(life.not_before)?;
    params.not_after = date(life.not_after)?;
    params.serial_number = Some(SerialNumber::from_slice(serial));
    Ok(())
}

fn date(time: Timestamp) -> Result<OffsetDateTime, CaError> {
    // Four digits of a year are all that a certificate has room for.
    let date = OffsetDateTime::from_unix_timestamp(time.seconds());
    date.ok()
        .filter(|date| (1970..=9999).contains(&date.year()))
        .ok_or(CaError::NoDate)
}

/// A certificate that is called back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Revoked<'a> {
    pub(super) serial: &'a [u8],
    pub(super) at: Timestamp,
    pub(super) reason: RevocationReason,
}

/// The revocation list (DER) of one authority.
pub(super) fn revocation_list(
    issuer: &Signer<'_>,
    number: u64,
    life: Life,
    revoked: &[Revoked<'_>],
) -> Result<Vec<u8>, CaError> {
    let revoked = revoked.iter().map(|one| {
        Ok(RevokedCertParams {
            serial_number: SerialNumber::from_slice(one.serial),
            revocation_time: date(one.at)?,
            reason_code: Some(one.reason),
            invalidity_date: None,
        })
    });
    let params = CertificateRevocationListParams {
        this_update: date(life.not_before)?,
        next_update: date(life.not_after)?,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect::<Result<_, CaError>>()?,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(&issuer.issuer())?.der().to_vec())
}
