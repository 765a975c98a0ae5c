//! What an expression can see of the client's certificate, whoever was let in: `certificate`.

use super::Failure;
use super::variables::{Boxed, Extent, Members, boxed, list_of, owned, reference};
use crate::client_certificate::Spelling;
use cel::common::ast::IdedExpr;
use countersign_core::certificate::{SanKind, Verdict};

/// The members of `certificate`. All but `verify` are absent without a certificate that holds.
pub(super) const MEMBERS: [&str; 15] = [
    "verify",
    "subject",
    "issuer",
    "serial",
    "fingerprint",
    "spki",
    "not_before",
    "not_after",
    "spiffe_id",
    "uris",
    "dns_names",
    "emails",
    "ips",
    "upns",
    "directory_names",
];

/// How the texts of the member are written that `node` names; `None` where it names none, or any text can be meant.
pub(super) fn spelling(node: &IdedExpr) -> Option<Spelling> {
    match reference(node)? {
        ("certificate", "ips") => Spelling::of_claim("certificate.san.ip"),
        ("certificate", "directory_names") => Spelling::of_claim("certificate.san.dn"),
        ("certificate", member) => Spelling::of_claim(&format!("certificate.{member}")),
        _ => None,
    }
}

/// The member of this name, when it is there.
fn member<'v>(
    member: &'static str,
    verdict: &'v Verdict,
) -> Result<Option<(&'v str, Boxed<'v>, Extent)>, Failure> {
    if member == "verify" {
        return Ok(Some(owned(member, verdict.nginx().into_owned())));
    }
    let Some(facts) = verdict.facts() else {
        return Ok(None);
    };
    let kind = match member {
        "uris" => SanKind::Uri,
        "dns_names" => SanKind::Dns,
        "emails" => SanKind::Email,
        "ips" => SanKind::Ip,
        "upns" => SanKind::Upn,
        "directory_names" => SanKind::DirectoryName,
        "not_before" => return Ok(Some(owned(member, facts.not_before.to_string()))),
        "not_after" => return Ok(Some(owned(member, facts.not_after.to_string()))),
        _ => {
            let text = match member {
                "subject" => Some(&*facts.subject),
                "issuer" => Some(&*facts.issuer),
                "serial" => Some(&*facts.serial),
                "fingerprint" => Some(&*facts.fingerprint),
                "spki" => Some(&*facts.spki),
                _ => facts.spiffe_id.as_deref(),
            };
            return Ok(text.map(|text| (member, boxed(text), Extent::text(text.len()))));
        }
    };
    let names = facts.sans.iter().filter(|name| name.kind() == kind);
    let names = names.map(|name| name.text());
    list_of(member, names).map(Some)
}

/// Those that are used and there.
pub(super) fn members(
    used: impl Iterator<Item = &'static str>,
    verdict: &Verdict,
) -> Result<Members<'_>, Failure> {
    used.filter_map(|name| member(name, verdict).transpose())
        .collect()
}
