//! Whether a certificate holds, by the code that judges those of clients.

use super::files::{authorities, chain, lists};
use super::shown::Shown;
use crate::cli::token::instant::instant;
use crate::cli::token::shown::harmless;
use crate::config::Environment;
use crate::output::Output;
use countersign_core::certificate::PresentedCertificate;
use countersign_core::reason::AnswerReason;
use countersign_core::time::{Clock as _, Timestamp};
use countersign_edge::system::SystemClock;
use countersign_x509::authorities::Authorities;
use countersign_x509::certificate::Certificate;
use countersign_x509::crl::CrlIndex;
use countersign_x509::verify::{Checks, VerifiedChain, VerifyError, verify};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What to judge, and by what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's certificate and what it came with, leaf first: PEM, or one in DER. Otherwise standard input.
    #[arg(value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Certificates of authorities in PEM, as often as needed: those that signed themselves are believed, the others
    /// help to build a path.
    #[arg(long, value_name = "FILE", required = true)]
    authorities: Vec<PathBuf>,
    /// Revocation lists, PEM or DER, as often as needed. Without any, revocation is not checked.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// Another now: 2030-01-01T00:00:00Z (RFC 3339), or seconds since 1970.
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    at: Option<String>,
    /// One JSON object: `verdict`, `reason` and what else there is to say.
    #[arg(long)]
    json: bool,
}

/// Judges. Whether it was accepted, or why nothing could be judged.
pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<bool, String> {
    let now = match &args.at {
        None => SystemClock::new().now().wall,
        Some(text) => instant(text)
            .ok_or("--at is neither a time such as 2030-01-01T00:00:00Z nor seconds since 1970")?,
    };
    let authorities = authorities(&args.authorities, environment)?;
    let index = index(&args.crl, &authorities)?;
    let ders = chain(args.chain.as_deref(), environment, |line| out.error_line(line))?;
    let presented = PresentedCertificate::new(ders)
        .ok_or("a client may present 16 certificates of 32 KiB together, and these are more")?;
    let verified = verify(
        presented.chain(),
        &authorities,
        index.as_ref(),
        Checks::default(),
        now,
    );
    let answer = Answer {
        leaf: Certificate::parse(presented.leaf()).ok(),
        verified,
        revocation_checked: index.is_some(),
        now,
    };
    if args.json {
        out.line(&harmless(&answer.json().to_string()));
    } else {
        answer.lines().iter().for_each(|line| out.line(&harmless(line)));
    }
    Ok(answer.verified.is_ok())
}

/// The lists of these files; `None` when there are none.
fn index(files: &[PathBuf], authorities: &Authorities) -> Result<Option<CrlIndex>, String> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut all = Vec::new();
    let mut of_file = Vec::new();
    for path in files {
        for list in lists(path)? {
            all.push(list);
            of_file.push(path);
        }
    }
    CrlIndex::new(all, authorities)
        .map(Some)
        .map_err(|(list, error)| {
            let path = of_file.get(list).map(|path| path.display().to_string());
            format!("{}: {error}", path.unwrap_or_default())
        })
}

/// What became of the certificate.
struct Answer {
    /// It, if it could be read.
    leaf: Option<Certificate>,
    verified: Result<VerifiedChain, VerifyError>,
    revocation_checked: bool,
    now: Timestamp,
}

impl Answer {
    fn lines(&self) -> Vec<String> {
        let leaf = self.leaf.as_ref().and_then(Shown::new);
        let mut lines = vec![match &self.verified {
            Ok(chain) => format!(
                "accepted {}: {}",
                AnswerReason::Allowed.code(),
                named(chain.leaf())
            ),
            Err(error) => format!(
                "refused {}: {error} (nginx: FAILED:{})",
                error.reason().code(),
                error.openssl()
            ),
        }];
        lines.push(format!("judged at    {}", self.now));
        lines.extend(leaf.map(|leaf| leaf.lines()).unwrap_or_default());
        if let Ok(chain) = &self.verified {
            let path = chain.issuers().map(named).collect::<Vec<_>>();
            lines.push(format!("path         {}", path.join(" < ")));
            lines.push(format!("holds until  {}", chain.holds_until()));
            lines.extend(
                anchor_names(chain)
                    .map(|name| format!("its root     also names {name}, which counts for nothing")),
            );
        }
        if !self.revocation_checked {
            lines.push("revocation   not checked: there is no --crl".to_owned());
        }
        lines
    }

    fn json(&self) -> Value {
        let leaf = self.leaf.as_ref().and_then(Shown::new);
        let certificate = leaf.map(|leaf| leaf.json());
        let mut told = match &self.verified {
            Ok(chain) => json!({
                "verdict": "accepted",
                "reason": AnswerReason::Allowed.code(),
                "nginx": "SUCCESS",
                "path": chain.issuers().map(|issuer| issuer.subject().nginx()).collect::<Vec<_>>(),
                "holds_until": chain.holds_until().to_string(),
            }),
            Err(error) => json!({
                "verdict": "refused",
                "reason": error.reason().code(),
                "detail": error.to_string(),
                "nginx": format!("FAILED:{}", error.openssl()),
            }),
        };
        if let Value::Object(members) = &mut told {
            members.insert("at".to_owned(), self.now.to_string().into());
            members.insert("revocation_checked".to_owned(), self.revocation_checked.into());
            members.insert("certificate".to_owned(), certificate.unwrap_or(Value::Null));
        }
        told
    }
}

/// A certificate's subject; its first name where the subject is empty.
fn named(certificate: &Certificate) -> String {
    let subject = certificate.subject().nginx();
    let first = certificate.sans().first();
    match (subject.is_empty(), first) {
        (true, Some(name)) => name.text().into_owned(),
        (true, None) => format!("serial {}", certificate.serial_text()),
        (false, _) => subject,
    }
}

/// The names that the anchor has for itself, and that nobody reads.
fn anchor_names(chain: &VerifiedChain) -> impl Iterator<Item = String> {
    let anchor = chain.anchor().into_iter();
    anchor.flat_map(|anchor| anchor.sans().iter().map(|name| name.text().into_owned()))
}
