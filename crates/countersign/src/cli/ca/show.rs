//! What is in a certificate file, of ours or of anybody's.

use super::folder::Folder;
use super::{Place, days, now};
use crate::ca::certificates;
use crate::ca::index::{Index, Record, days_left};
use crate::cli::token::shown::harmless;
use crate::config::Environment;
use crate::output::Output;
use countersign_core::time::Timestamp;
use countersign_x509::certificate::{Certificate, hexadecimal};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The most certificates of one file that are shown.
const MOST: usize = 100;

/// What to show.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The file: one certificate or several, in PEM.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// One JSON object for each certificate, one a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", args.file.display());
    let bytes = environment.whole(&args.file)?;
    let text = String::from_utf8_lossy(&bytes);
    let found = certificates(&text).ok_or_else(|| told(&"a PEM block in it is broken"))?;
    if found.is_empty() {
        return Err(told(
            &"holds no certificate in PEM; of a DER file `openssl x509 -inform der` makes one",
        ));
    }
    if found.len() > MOST {
        return Err(told(&format!(
            "holds {} certificates, and {MOST} are the most",
            found.len()
        )));
    }
    // Of others' certificates there need not be an authority at hand.
    let index = Folder(args.place.folder.clone()).index().ok();
    for (number, der) in found.iter().enumerate() {
        let certificate =
            Certificate::parse(der).map_err(|why| told(&format!("certificate {}: {why}", number + 1)))?;
        let record = index.as_ref().and_then(|index| record(index, &certificate));
        if args.json {
            out.line(&harmless(&report(&certificate, record).to_string()));
            continue;
        }
        if number > 0 {
            out.line("");
        }
        for (name, value) in lines(&certificate, record) {
            out.line(&harmless(&format!("{name:<11} {value}")));
        }
    }
    Ok(())
}

fn record<'a>(index: &'a Index, certificate: &Certificate) -> Option<&'a Record> {
    let place = index.find_sha256(&hexadecimal(&certificate.sha256()));
    index.certificates.get(*place.first()?)
}

fn lines(certificate: &Certificate, record: Option<&Record>) -> Vec<(&'static str, String)> {
    let now = now();
    let to_the_second = |time: Timestamp| super::rfc_3339(time.seconds());
    let left = match certificate.not_after() {
        _ if now < certificate.not_before() => "it has not begun".to_owned(),
        end if now.seconds() > end.seconds() => "it is over".to_owned(),
        end => format!("{} left", days(days_left(end.seconds(), now))),
    };
    let subject = certificate.subject().rfc4514();
    let mut lines = vec![
        (
            "subject",
            if subject.is_empty() {
                "(empty)".to_owned()
            } else {
                subject
            },
        ),
        ("issuer", certificate.issuer().rfc4514()),
        ("serial", certificate.serial_text()),
        (
            "holds",
            format!(
                "{} to {}: {left}",
                to_the_second(certificate.not_before()),
                to_the_second(certificate.not_after())
            ),
        ),
    ];
    lines.extend(
        names(certificate)
            .into_iter()
            .map(|(kind, name)| ("name", format!("{kind}: {name}"))),
    );
    let misshapen = certificate.misshapen_names().len();
    if misshapen > 0 {
        lines.push((
            "names",
            format!("{misshapen} more, not well formed for their kind"),
        ));
    }
    lines.push(("key", certificate.key().to_string()));
    lines.push((
        "authority",
        if certificate.is_ca() { "yes" } else { "no" }.to_owned(),
    ));
    for (name, usages) in [
        ("key usage", key_usages(certificate)),
        ("purposes", purposes(certificate)),
    ] {
        lines.push((
            name,
            usages.map_or("not limited".to_owned(), |usages| usages.join(", ")),
        ));
    }
    lines.push(("SHA-256", hexadecimal(&certificate.sha256())));
    if let Some(record) = record {
        let mut status = record.status(now).word().to_owned();
        if let Some(revoked) = &record.revoked {
            let on = super::day(revoked.at);
            status = format!("revoked on {on}");
        }
        lines.push((
            "issued here",
            format!("{} {}: {status}", record.kind.word(), record.file),
        ));
    }
    lines
}

/// Kind and text of each alternative name.
fn names(certificate: &Certificate) -> Vec<(&'static str, String)> {
    let names = certificate.sans().iter();
    names
        .map(|name| (name.kind().name(), name.text().into_owned()))
        .collect()
}

fn key_usages(certificate: &Certificate) -> Option<Vec<String>> {
    let usages = certificate.key_usage()?.names();
    Some(usages.map(str::to_owned).collect())
}

fn purposes(certificate: &Certificate) -> Option<Vec<String>> {
    let usages = certificate.extended_key_usages()?.iter();
    Some(usages.map(|usage| usage.name().to_owned()).collect())
}

fn report(certificate: &Certificate, record: Option<&Record>) -> Value {
    let names = names(certificate);
    let names = names
        .iter()
        .map(|(kind, name)| json!({ "kind": kind, "name": name }));
    json!({
        "subject": certificate.subject().rfc4514(),
        "issuer": certificate.issuer().rfc4514(),
        "serial": certificate.serial_text(),
        "not_before": super::rfc_3339(certificate.not_before().seconds()),
        "not_after": super::rfc_3339(certificate.not_after().seconds()),
        "days_left": days_left(certificate.not_after().seconds(), now()),
        "names": names.collect::<Vec<_>>(),
        "key": certificate.key().to_string(),
        "authority": certificate.is_ca(),
        "key_usage": key_usages(certificate),
        "purposes": purposes(certificate),
        "sha256": hexadecimal(&certificate.sha256()),
        "issued_here": record.map(|record| {
            json!({ "file": record.file, "kind": record.kind, "status": record.status(now()).word() })
        }),
    })
}
