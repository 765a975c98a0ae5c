//! What is in certificates, with no word about whether it is true.

use super::files::chain;
use super::shown::Shown;
use crate::cli::token::shown::harmless;
use crate::config::Environment;
use crate::output::Output;
use countersign_core::certificate::{Judged, PresentedCertificate, Verdict};
use countersign_core::claims::{ClaimPath, Claims};
use countersign_core::identity_headers::{Fact, PRESETS, Written, preset};
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_x509::certificate::{Certificate, CertificateError};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// What to look into.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Certificates in PEM, or one in DER. Otherwise standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// One JSON object, with `verified`: false.
    #[arg(long)]
    json: bool,
}

/// What a preset would say: its name, and each header with its value.
type Preset = (&'static str, Vec<(String, String)>);

/// Shows each certificate. Whether all could be read.
pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<bool, String> {
    let ders = chain(args.file.as_deref(), environment, |line| out.error_line(line))?;
    let read = ders.iter().map(|der| Certificate::parse(der)).collect::<Vec<_>>();
    let presets = presets(&ders).unwrap_or_default();
    if args.json {
        let told = json!({
            "verified": false,
            "certificates": read.iter().map(as_json).collect::<Vec<_>>(),
            "presets": presets_as_json(&presets),
        });
        out.line(&harmless(&told.to_string()));
    } else {
        out.line("Nothing here is verified: anybody can make this.");
        for (number, certificate) in (1..).zip(&read) {
            out.line("");
            out.line(&format!("certificate {number}"));
            for line in lines(certificate) {
                out.line(&harmless(&line));
            }
        }
        for (name, headers) in &presets {
            out.line("");
            out.line(&format!(
                "If the first holds, applications read with the preset `{name}`:"
            ));
            for (header, value) in headers {
                out.line(&harmless(&format!("{header}: {value}")));
            }
        }
    }
    Ok(read.iter().all(Result::is_ok))
}

fn lines(certificate: &Result<Certificate, CertificateError>) -> Vec<String> {
    match certificate {
        Ok(certificate) => match Shown::new(certificate) {
            Some(shown) => shown.lines(),
            None => vec!["larger than 32 KiB, which no client may present".to_owned()],
        },
        Err(error) => vec![format!("unreadable   {error}")],
    }
}

fn as_json(certificate: &Result<Certificate, CertificateError>) -> Value {
    match certificate {
        Ok(certificate) => Shown::new(certificate).map_or(Value::Null, |shown| shown.json()),
        Err(error) => json!({ "unreadable": error.to_string() }),
    }
}

/// What each preset that tells of certificates would say of the first, if it holds.
fn presets(ders: &[Vec<u8>]) -> Option<Vec<Preset>> {
    let presented = Arc::new(PresentedCertificate::new(ders.iter().cloned())?);
    let leaf = Certificate::parse(presented.leaf()).ok()?;
    let verdict = Verdict::Success(Judged {
        principal: Arc::new(nobody()),
        facts: Arc::new(leaf.facts(presented, None)),
    });
    let told = PRESETS.iter().filter_map(|name| {
        let headers = preset(name)?.into_iter().filter_map(|(header, fact)| match fact {
            Fact::Certificate(fact) => Some((header.to_string(), fact.text(&verdict))),
            Fact::Subject
            | Fact::Issuer
            | Fact::Groups
            | Fact::Scopes
            | Fact::Email
            | Fact::Authenticator
            | Fact::Token(_)
            | Fact::Claim(_) => None,
        });
        let headers = headers.collect::<Vec<_>>();
        (!headers.is_empty()).then_some((*name, headers))
    });
    Some(told.collect())
}

fn presets_as_json(presets: &[Preset]) -> Value {
    let presets = presets.iter().map(|(name, headers)| {
        let headers = headers.iter().cloned().map(|(name, value)| (name, value.into()));
        ((*name).to_owned(), Value::Object(headers.collect()))
    });
    Value::Object(presets.collect::<Map<_, _>>())
}

/// No fact of a certificate is about the principal.
fn nobody() -> Principal {
    Principal {
        authenticator: "".into(),
        method: AuthenticationMethod::Certificate,
        issuer: "".into(),
        claims: Claims::empty(),
        facts: Arc::new(FactPaths {
            subject: ClaimPath::subject(),
            groups: ClaimPath::subject(),
            trust_unverified_email: false,
            leeway: FactPaths::LEEWAY,
        }),
        written: Written::default(),
        tokens: None,
    }
}
