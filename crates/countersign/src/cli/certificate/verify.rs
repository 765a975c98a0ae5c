//! Whether a certificate holds, by the code that judges those of clients.

use super::answer::Answer;
use super::files::chain;
use super::judge::Judge;
use crate::cli::token::instant::now;
use crate::cli::token::shown::harmless;
use crate::config::{Environment, Sources};
use crate::output::Output;
use crate::state;
use countersign_core::certificate::PresentedCertificate;
use countersign_edge::revocation_lists::A_LIST;
use countersign_x509::certificate::Certificate;
use std::path::PathBuf;
use std::sync::Arc;

/// What to judge, and by what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's certificate and what it came with, leaf first: PEM, or one in DER. Otherwise standard input.
    #[arg(value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Certificates of authorities in PEM, as often as needed: those that signed themselves are believed, the others
    /// help to build a path.
    #[arg(long, value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// Revocation lists, PEM or DER, as often as needed. Without any, revocation is not checked.
    #[arg(long, value_name = "FILE", requires = "authorities")]
    crl: Vec<PathBuf>,
    /// The configuration whose table judges, as `run --config` takes it. Otherwise the one `run` would take.
    #[arg(long, value_name = "FILE-or-folder", conflicts_with = "authorities")]
    config: Option<PathBuf>,
    /// The table: NAME of [certificate.NAME]. Otherwise the only one there is.
    #[arg(long, value_name = "NAME", conflicts_with = "authorities")]
    certificate: Option<String>,
    /// The state folder of the gateway, as `run --state` takes it: what it knows of revocations counts, and is only read.
    /// Nothing is judged where that cannot be read: ask as the gateway's user. Otherwise the first of the usual folders
    /// in which revocations are kept, whoever keeps them there: it is named.
    #[arg(long, value_name = "FOLDER", conflicts_with = "authorities")]
    state: Option<PathBuf>,
    /// Another now: 2030-01-01T00:00:00Z (RFC 3339), or seconds since 1970.
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    at: Option<String>,
    /// One JSON object: `verdict`, `reason` and what else there is to say; `state_folder` is null where no revocations are
    /// kept.
    #[arg(long)]
    json: bool,
}

/// Judges. Whether it was accepted, or why nothing could be judged.
pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<bool, String> {
    let now = now(args.at.as_deref())?;
    let judge = judge(args, environment, out)?;
    if let (Some(folder), None) = (judge.state_folder(), &args.state) {
        out.error_line(&format!(
            "what is kept of revocations in {} counts",
            folder.display()
        ));
    }
    let ders = chain(args.chain.as_deref(), environment, |line| out.error_line(line))?;
    let presented = PresentedCertificate::new(ders)
        .ok_or("a client may present 16 certificates of 32 KiB together, and these are more")?;
    if !leaf_first(&presented) {
        out.error_line(
            "note: the first certificate is an authority's, which issued one after it: the client's own comes first",
        );
    }
    let presented = Arc::new(presented);
    let answer = Answer {
        leaf: Certificate::parse(presented.leaf()).ok(),
        verdict: judge.judge(&presented, now),
        revocation_left: judge.leaves_revocation(),
        state_folder: judge.state_folder(),
        at: now.wall,
    };
    if args.json {
        out.line(&harmless(&answer.json().to_string()));
    } else {
        for line in answer.lines() {
            out.line(&harmless(&line));
        }
    }
    Ok(answer.verdict.is_ok())
}

/// Whether nobody after the first certificate was issued by it.
fn leaf_first(presented: &PresentedCertificate) -> bool {
    let mut chain = presented.chain().filter_map(|der| Certificate::parse(der).ok());
    let Some(first) = chain.next() else { return true };
    !first.is_ca() || !chain.any(|other| other.issuer() == first.subject() && other != first)
}

fn judge(args: &Args, environment: &Environment, out: &mut Output) -> Result<Judge, String> {
    if !args.authorities.is_empty() {
        return Judge::named(&args.authorities, &args.crl, environment);
    }
    let path = Sources::locate(args.config.as_deref(), environment);
    let path = path.map_err(|error| format!("{error}, or authorities with --authorities FILE"))?;
    if args.config.is_none() {
        out.error_line(&format!("judged by {}", path.display()));
    }
    let sources = Sources::read(&path, environment).map_err(|error| error.to_string())?;
    if let Some(named) = &args.state {
        let looked = std::fs::read_dir(named);
        looked.map_err(|error| format!("--state {}: {error}", named.display()))?;
    }
    let state = state::folder_keeping(A_LIST, args.state.as_deref(), environment);
    let wanted = args.certificate.as_deref();
    let say = |line: String| out.error_line(&line);
    Judge::table(&sources, wanted, environment, &state, say)
}
