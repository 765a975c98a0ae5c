//! Tokens judged: against a configuration, by the gateway's own path; against a key, with issuer and audience; or the
//! signature alone.

use super::instant::now;
use super::judge::{Judge, Verdict, fetching_parts};
use super::shown::{harmless, quoted};
use super::tokens::each_token;
use crate::config::{Environment, Sources};
use crate::output::Output;
use countersign_core::reason;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What to judge, and by what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Tokens; otherwise one a line from standard input.
    tokens: Vec<String>,
    /// The configuration whose tables judge, as `run --config` takes it. Otherwise the one `run` would take.
    #[arg(long, value_name = "FILE-or-folder", conflicts_with = "jwk")]
    config: Option<PathBuf>,
    /// Only this table: NAME of [token.NAME]. Otherwise the table of the token's issuer.
    #[arg(long, value_name = "NAME", conflicts_with = "jwk")]
    token: Option<String>,
    /// A JWK, a JWK Set or a PEM of public keys.
    #[arg(long, value_name = "FILE")]
    jwk: Option<PathBuf>,
    /// The issuer wanted, with --jwk.
    #[arg(long, requires = "jwk", requires = "audience")]
    issuer: Option<String>,
    /// The audience wanted, with --jwk.
    #[arg(long, requires = "jwk", requires = "issuer")]
    audience: Option<String>,
    /// The signature alone, with --jwk: the payload stays opaque bytes.
    #[arg(long, requires = "jwk", conflicts_with_all = ["issuer", "audience"])]
    signature_only: bool,
    /// Another now: 2030-01-01T00:00:00Z (RFC 3339), or seconds since 1970.
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    at: Option<String>,
    /// One JSON object a line: `verdict`, `reason` and what else there is to say.
    #[arg(long)]
    json: bool,
}

/// Judges each token. Whether all were accepted, or why nothing could be judged.
pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<bool, String> {
    let now = now(args.at.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let entered = runtime.enter();
    let judge = judge(args, environment, out)?;
    drop(entered);
    let mut all = true;
    each_token(&args.tokens, out, |token, out| {
        let verdict = runtime.block_on(judge.judge(token, now));
        all &= verdict.is_accepted();
        out.line(&worded(&verdict, args.json));
    })?;
    Ok(all)
}

fn judge(args: &Args, environment: &Environment, out: &mut Output) -> Result<Judge, String> {
    let Some(path) = &args.jwk else {
        let path = Sources::locate(args.config.as_deref(), environment);
        let path = path.map_err(|error| format!("{error}, or a key with --jwk FILE"))?;
        if args.config.is_none() {
            out.error_line(&format!("judged by {}", path.display()));
        }
        let sources = Sources::read(&path, environment).map_err(|error| error.to_string())?;
        let parts = fetching_parts(environment)?;
        return Judge::tables(&sources, args.token.as_deref(), environment, &parts);
    };
    let expected = args.issuer.as_deref().zip(args.audience.as_deref());
    if expected.is_none() && !args.signature_only {
        let why = "with --jwk, say whose token is wanted (--issuer and --audience), or that the signature is \
                   enough (--signature-only)";
        return Err(why.to_owned());
    }
    let (judge, left_out) = Judge::keys(path, expected, environment)?;
    for key in left_out {
        let name = key.kid.as_deref().map_or_else(String::new, quoted);
        let number = key.index + 1;
        out.error_line(&format!(
            "key {number} {name} of {} is left out: {}",
            path.display(),
            key.error
        ));
    }
    Ok(judge)
}

fn worded(verdict: &Verdict, as_json: bool) -> String {
    let word = if verdict.is_accepted() {
        "accepted"
    } else {
        "refused"
    };
    let reason = verdict.reason();
    if as_json {
        let mut line = format!(r#"{{"verdict":"{word}","reason":"{reason}""#);
        let mut member = |name: &str, text: &str| {
            if !text.is_empty() {
                // Writing to a String does not fail.
                let _: std::fmt::Result = write!(line, r#","{name}":{}"#, quoted(text));
            }
        };
        match verdict {
            Verdict::Accepted(Some(principal)) => {
                member("issuer", &principal.issuer);
                member("subject", principal.subject());
                member("authenticator", &principal.authenticator);
            }
            Verdict::Accepted(None) => {}
            Verdict::Refused(_, detail) => member("detail", detail),
        }
        line.push('}');
        return line;
    }
    let more = match verdict {
        Verdict::Accepted(Some(principal)) => format!(
            "{} of {}, by {}",
            principal.subject(),
            principal.issuer,
            principal.authenticator
        ),
        Verdict::Accepted(None) => "the signature holds; nothing else was looked at".to_owned(),
        Verdict::Refused(_, detail) if detail.is_empty() => meaning(reason).to_owned(),
        Verdict::Refused(_, detail) => detail.clone(),
    };
    format!("{word} {reason}: {}", harmless(&more))
}

fn meaning(code: &str) -> &'static str {
    let mut all = reason::all();
    all.find(|(_, known, _)| *known == code)
        .map_or("", |(_, _, meaning)| meaning)
}
