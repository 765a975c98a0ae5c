//! What a verified certificate says, as claims: for requirements and conditions.

use countersign_core::certificate::{CertificateFacts, SanKind, SubjectAlternativeName};
use countersign_core::claims::{Claims, ClaimsBuilder, ClaimsError};
use countersign_x509::certificate::Certificate;

/// How a claim is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// Once.
    One,
    /// As a list.
    Many,
}

/// Every claim that a certificate can have, by its path.
pub const CLAIMS: [(&str, ClaimKind); 19] = [
    ("sub", ClaimKind::One),
    ("groups", ClaimKind::Many),
    ("name", ClaimKind::One),
    ("email", ClaimKind::One),
    ("email_verified", ClaimKind::One),
    ("certificate.subject", ClaimKind::One),
    ("certificate.issuer", ClaimKind::One),
    ("certificate.serial", ClaimKind::One),
    ("certificate.fingerprint", ClaimKind::One),
    ("certificate.spki", ClaimKind::One),
    ("certificate.not_before", ClaimKind::One),
    ("certificate.not_after", ClaimKind::One),
    ("certificate.spiffe_id", ClaimKind::One),
    ("certificate.san.uri", ClaimKind::Many),
    ("certificate.san.dns", ClaimKind::Many),
    ("certificate.san.email", ClaimKind::Many),
    ("certificate.san.ip", ClaimKind::Many),
    ("certificate.san.dn", ClaimKind::Many),
    ("certificate.san.upn", ClaimKind::Many),
];

/// The claims: `sub`, `groups`, `name` (the one common name), `email` (the one e-mail address among the names), and
/// everything else under `certificate`.
pub(super) fn claims(
    facts: &CertificateFacts,
    leaf: &Certificate,
    subject: &str,
    groups: &[String],
) -> Result<Claims, ClaimsError> {
    let mut builder = ClaimsBuilder::with_capacity(1024);
    builder.open_object()?;
    text(&mut builder, "sub", subject)?;
    list(&mut builder, "groups", groups.iter().map(String::as_str))?;
    if let [name] = leaf.subject().attribute("CN").as_slice() {
        text(&mut builder, "name", name)?;
    }
    let emails = facts.sans.iter().filter(|name| name.kind() == SanKind::Email);
    if let [email] = emails.collect::<Vec<_>>().as_slice() {
        text(&mut builder, "email", &email.text())?;
        // Whoever issued the certificate vouches for the address.
        builder.key("email_verified")?;
        builder.bool(true)?;
    }
    builder.key("certificate")?;
    builder.open_object()?;
    for (name, value) in [
        ("subject", &*facts.subject),
        ("issuer", &facts.issuer),
        ("serial", &facts.serial),
        ("fingerprint", &facts.fingerprint),
        ("spki", &facts.spki),
        ("not_before", &facts.not_before.to_string()),
        ("not_after", &facts.not_after.to_string()),
    ] {
        text(&mut builder, name, value)?;
    }
    if let Some(id) = &facts.spiffe_id {
        text(&mut builder, "spiffe_id", id)?;
    }
    builder.key("san")?;
    builder.open_object()?;
    for kind in SanKind::NAMED {
        let of_kind = |name: &&SubjectAlternativeName| name.kind() == kind;
        let names = facts
            .sans
            .iter()
            .filter(of_kind)
            .map(SubjectAlternativeName::text);
        let names = names.collect::<Vec<_>>();
        list(&mut builder, kind.name(), names.iter().map(AsRef::as_ref))?;
    }
    builder.close()?;
    builder.close()?;
    builder.close()?;
    builder.finish()
}

fn text(builder: &mut ClaimsBuilder, name: &str, value: &str) -> Result<(), ClaimsError> {
    builder.key(name)?;
    builder.string(value)
}

fn list<'v>(
    builder: &mut ClaimsBuilder,
    name: &str,
    values: impl Iterator<Item = &'v str>,
) -> Result<(), ClaimsError> {
    builder.key(name)?;
    builder.open_array()?;
    for value in values {
        builder.string(value)?;
    }
    builder.close()
}
