//! Who judges client certificates where they come in.

use super::check::Declared;
use super::diagnostic::Diagnostic;
use super::identity::has_a_meaning;
use super::nearest::nearest;
use super::shape::Document;
use countersign_core::certificate::{BelievedAuthority, CertificateJudge};
use countersign_core::options::{Fault, Values};
use countersign_core::time::Timestamp;
use countersign_edge::integration::{CertificateFormat, ForwardedCertificate};
use http::HeaderName;
use std::sync::Arc;

/// The table `forwarded_certificate` of a listener, read from trusted peers alone.
pub(super) fn forwarded_certificate(
    values: &Values,
    speak: &str,
    nobody_is_trusted: bool,
    declared: &Declared,
    faults: &mut Vec<Fault>,
) -> Option<ForwardedCertificate> {
    let table = values.table("forwarded_certificate")?;
    if speak == "check" {
        let message = "`check` reads no original request, and so no certificate that was passed on";
        faults.push(Fault::new("forwarded_certificate", message).help("leave it out"));
        return None;
    }
    // Where another proxy asks, that nobody may is told already.
    if speak == "reverse-proxy" && nobody_is_trusted {
        let message = "nobody may pass a certificate on here: no peer is trusted to";
        let help = "trusted_peers = [\"127.0.0.1\"]: the proxy's own address";
        faults.push(Fault::new("forwarded_certificate", message).help(help));
    }
    let mut own = Vec::new();
    let format = table.text("format").and_then(CertificateFormat::by_name);
    let header = match table.text("header").map(str::parse::<HeaderName>) {
        None => format.map(CertificateFormat::header),
        Some(Ok(name)) if has_a_meaning(&name) && name != CertificateFormat::EscapedPem.header() => {
            let message = format!("`{name}` has a meaning of its own and carries no certificate");
            own.push(Fault::new("header", message).help("leave it out for the usual one"));
            None
        }
        Some(Ok(name)) => Some(name),
        Some(Err(_)) => {
            own.push(
                Fault::new("header", "not a header name")
                    .help("letters, digits and `-`: header = \"X-Client-Cert\""),
            );
            None
        }
    };
    let judges = judges(table, "by", declared, &mut own);
    faults.extend(own.into_iter().map(|fault| fault.within("forwarded_certificate")));
    let (format, header) = format.zip(header)?;
    Some(ForwardedCertificate::new(format, header, judges))
}

/// The judges that the list `key` of a table names.
pub(super) fn judges(
    values: &Values,
    key: &str,
    declared: &Declared,
    faults: &mut Vec<Fault>,
) -> Vec<Arc<dyn CertificateJudge>> {
    let names = values.texts(key).collect::<Vec<_>>();
    if values.has(key) && names.is_empty() {
        let message = format!("`{key}` is empty: nobody would judge the certificate");
        faults.push(Fault::new(key, message).help(format!("{key} = [\"certificate.NAME\"]")));
    }
    let mut judges = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let mut fault = |message: String, help: String| {
            faults.push(Fault::new(&index.to_string(), message).within(key).help(help));
        };
        let certificates = || {
            let known = declared.iter().map(|(known, _)| &**known);
            known.filter(|known| known.starts_with("certificate."))
        };
        match declared.iter().find(|(known, _)| **known == **name) {
            Some(_) if names.iter().take(index).any(|before| before == name) => {
                fault(format!("{name:?} is named twice"), "once is enough".to_owned());
            }
            Some((_, Some(way))) => match way.certificate_judge() {
                Some(judge) => judges.push(judge),
                None => fault(
                    format!("{name:?} judges no certificates"),
                    format!("{key} = [\"certificate.NAME\"]"),
                ),
            },
            // Its own table has faults, which are told.
            Some((_, None)) => {}
            None => {
                let help = match nearest(name, certificates()) {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => "there must be a table [certificate.NAME] of this name".to_owned(),
                };
                fault(format!("there is no {name:?}"), help);
            }
        }
    }
    judges
}

/// Everybody who judges certificates. What is no fault of theirs, and keeps people out, or lets them in where somebody would
/// wonder, is told.
pub(super) fn all_judges(
    document: &Document,
    declared: &Declared,
    told: &mut Vec<Diagnostic>,
) -> Vec<Arc<dyn CertificateJudge>> {
    let built = declared.iter().filter_map(|(_, way)| way.as_ref());
    let judges = built
        .filter_map(|way| way.certificate_judge())
        .collect::<Vec<_>>();
    for judge in &judges {
        let way = judge.name().split('.').map(str::to_owned).collect::<Vec<_>>();
        let authorities = judge.authorities();
        let remarks = authorities
            .iter()
            .filter(|authority| !is_renewed(authority, &authorities, document.now))
            .filter_map(|authority| remark_on(authority, document.now));
        for (message, help) in remarks {
            let place = document.key_place(&way);
            told.push(Diagnostic::warning(place, format!("{}: {message}", judge.name())).help(help));
        }
    }
    judges
}

/// Whether it has ended and is no root, and another certificate takes its place: a path goes by its name and key.
fn is_renewed(authority: &BelievedAuthority, all: &[BelievedAuthority], now: Timestamp) -> bool {
    let is_same = |other: &BelievedAuthority| {
        other.subject == authority.subject && other.key_sha256 == authority.key_sha256
    };
    let goes_on = |other: &BelievedAuthority| other.is_anchor || other.not_after >= now;
    let has_ended = !authority.is_anchor && authority.not_after < now;
    has_ended && all.iter().any(|other| is_same(other) && goes_on(other))
}

fn remark_on(authority: &BelievedAuthority, now: Timestamp) -> Option<(String, &'static str)> {
    let BelievedAuthority {
        subject, not_after, ..
    } = authority;
    match (authority.is_anchor, authority.not_after < now) {
        (true, true) => Some((
            format!(
                "the root {subject} ended on {not_after}, which counts for nothing: what it issued is taken"
            ),
            "leave it out if it is not to be believed any more",
        )),
        (false, true) => Some((
            format!(
                "the authority {subject} ended on {not_after}: what it issued is refused, `certificate_expired`"
            ),
            "its renewed certificate in its place",
        )),
        (false, false) if !authority.is_ca => Some((
            format!("{subject} is no authority: nothing that it has signed is taken"),
            "the certificates of authorities alone; those of clients come with the clients",
        )),
        _ => None,
    }
}
