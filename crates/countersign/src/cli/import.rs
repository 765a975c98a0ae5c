//! `countersign import`: another program's configuration, in ours.

use crate::cli::offline_parts;
use crate::cli::token::shown::harmless;
use crate::compose;
use crate::config::{Environment, Severity, Sources, render};
use crate::import::jwtauthrequest::{Imported, Wishes, import};
use crate::output::Output;
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use from_token::Claimed;
use serde_json::json;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use url::Url;

mod from_token;

/// The name of the file that is written.
const CONFIGURATION: &str = "countersign.toml";

/// Whose configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// jwtauthrequest's JSON. Your nginx snippet goes on working unchanged.
    #[command(after_help = "\
Writes countersign.toml, and a file of mode 0600 for each HMAC secret. Says of each option whether
it was kept, bettered or dropped, and what is left to do; exits with 1 when something is.

  countersign import jwtauthrequest config.json
  countersign import jwtauthrequest config.json --output /etc/countersign
  countersign check /etc/countersign && countersign run --config /etc/countersign

Where the JSON names no issuer or audience, for theirs checks none then:

  countersign import jwtauthrequest config.json --issuer https://op.example --audience api
  countersign import jwtauthrequest config.json --from-token eyJhbGciOi…

Where keys cannot be discovered at the issuer, and where clients send `?token=`:

  countersign import jwtauthrequest config.json --jwks https://op.example/jwks
  countersign import jwtauthrequest config.json --query-token")]
    Jwtauthrequest(Args),
}

/// What to import, and what to add.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Their configuration.
    file: PathBuf,
    /// The folder to write into; it is made where it is missing, and nothing there is overwritten.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    output: PathBuf,
    /// Where to listen: 0.0.0.0:8081, unix:/run/countersign/check.sock. Otherwise their port, on loopback.
    #[arg(long, value_name = "ADDRESS", value_parser = NonEmptyStringValueParser::new())]
    listen: Option<String>,
    /// Where the keys are (a JWK Set), instead of discovery at the issuer. The issuer may be any text then.
    #[arg(long, value_name = "URL", value_parser = web_url)]
    jwks: Option<Url>,
    /// The issuer of clients that name none.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// The audience of clients that name none.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    audience: Option<String>,
    /// A token to read issuer and audience from: shown, and nothing of it trusted.
    #[arg(long, value_name = "TOKEN")]
    from_token: Option<String>,
    /// Go on taking tokens from the query.
    #[arg(long)]
    query_token: bool,
    /// One JSON object: what became of each option, what is left to do, and the files that were written.
    #[arg(long)]
    json: bool,
}

/// A URL that keys can be fetched from.
fn web_url(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().map_err(|error| error.to_string())?;
    match url.scheme() {
        "https" | "http" => Ok(url),
        other => Err(format!("keys are fetched over https, not {other}")),
    }
}

/// Imports.
pub(super) fn run(command: &Import, environment: &Environment, out: &mut Output) -> ExitCode {
    let Import::Jwtauthrequest(args) = command;
    match jwtauthrequest(args, environment, out) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            out.error_line(&format!("countersign cannot go on: {}", harmless(&why)));
            ExitCode::from(2)
        }
    }
}

/// Whether nothing is left to do.
fn jwtauthrequest(args: &Args, environment: &Environment, out: &mut Output) -> Result<bool, String> {
    let told = |why: String| format!("{}: {why}", args.file.display());
    let json = environment.whole(&args.file)?;
    let mut wishes = Wishes {
        listen: args.listen.clone(),
        jwks: args.jwks.clone(),
        issuer: args.issuer.clone(),
        audience: args.audience.clone(),
        query_token: args.query_token,
    };
    let claimed = args.from_token.as_deref().map(Claimed::read);
    if let Some(claimed) = &claimed {
        let claimed = claimed
            .as_ref()
            .ok_or("--from-token is no token with a JSON payload")?;
        wishes.issuer = wishes.issuer.or_else(|| claimed.issuer.clone());
        // Of several, which is ours is not the token's to say.
        let only = claimed.audiences.first().filter(|_| claimed.audiences.len() == 1);
        wishes.audience = wishes.audience.or_else(|| only.cloned());
    }
    let mut imported = import(&json, &wishes).map_err(told)?;
    if imported.missing.is_empty() {
        imported.missing.extend(mistakes(&imported));
    }
    write_all(&args.output, &imported)?;
    let claimed = claimed.flatten();
    if args.json {
        let report = report(&args.output, &imported, claimed.as_ref());
        out.line(&harmless(&report.to_string()));
    } else {
        tell(&args.output, &imported, claimed.as_ref(), out);
    }
    Ok(imported.missing.is_empty())
}

fn tell(folder: &Path, imported: &Imported, claimed: Option<&Claimed>, out: &mut Output) {
    let claimed = claimed.map(Claimed::lines).into_iter().flatten();
    let report = imported.report.iter();
    let report = report.map(|remark| format!("{}: {remark}", remark.verdict.word()));
    let written = files(imported).map(|file| format!("written: {}", folder.join(file).display()));
    for line in claimed.chain(report).chain(written) {
        out.line(&harmless(&line));
    }
    for missing in &imported.missing {
        for (number, line) in missing.lines().enumerate() {
            let indent = if number == 0 { "to do: " } else { "       " };
            out.error_line(&format!("{indent}{}", harmless(line)));
        }
    }
}

/// The same for a program.
fn report(folder: &Path, imported: &Imported, claimed: Option<&Claimed>) -> serde_json::Value {
    let options = imported.report.iter().map(|remark| {
        json!({
            "verdict": remark.verdict.word(), "client": remark.client, "option": remark.option, "message": remark.what,
        })
    });
    let written = files(imported).map(|file| folder.join(file).display().to_string());
    let is_whole = imported.missing.is_empty();
    let claimed = claimed.map(|claimed| json!({ "issuer": claimed.issuer, "audiences": claimed.audiences }));
    json!({
        "status": if is_whole { "complete" } else { "unfinished" },
        "options": options.collect::<Vec<_>>(),
        "missing": imported.missing,
        "written": written.collect::<Vec<_>>(),
        "unverified_token": claimed,
    })
}

/// What `countersign check` would say of it.
fn mistakes(imported: &Imported) -> Vec<String> {
    let secrets = imported.secrets.iter();
    let secrets = secrets
        .map(|(file, secret)| (PathBuf::from(file), secret.clone()))
        .collect::<Vec<_>>();
    let read = move |path: &Path| {
        let found = secrets.iter().find(|(file, _)| file == path);
        let found = found.map(|(_, secret)| secret.expose().clone());
        found.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let environment = Environment {
        read: Box::new(read),
        ..Environment::empty()
    };
    let sources = Sources::text(CONFIGURATION, &imported.toml);
    match compose::load(&sources, &environment, &offline_parts()) {
        Ok(_) => Vec::new(),
        Err(told) => {
            let told = told.iter().filter(|one| one.severity == Severity::Error);
            told.map(|one| render(std::slice::from_ref(one), &sources, false))
                .collect()
        }
    }
}

fn files(imported: &Imported) -> impl Iterator<Item = &str> {
    let secrets = imported.secrets.iter().map(|(file, _)| file.as_str());
    secrets.chain([CONFIGURATION])
}

/// Writes all or nothing; what is there already is not touched.
fn write_all(folder: &Path, imported: &Imported) -> Result<(), String> {
    let told =
        |path: &Path, error: &std::io::Error| format!("{}: {error}; nothing was written", path.display());
    std::fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
    let secrets = imported.secrets.iter();
    let secrets = secrets.map(|(file, secret)| (folder.join(file), secret.expose().as_slice(), 0o600));
    let configuration = (folder.join(CONFIGURATION), imported.toml.as_bytes(), 0o644);
    let mut written = Vec::new();
    for (path, bytes, mode) in secrets.chain([configuration]) {
        match write(&path, bytes, mode) {
            Ok(()) => written.push(path),
            Err(error) => {
                // What cannot be taken back was at least made by us.
                for path in written {
                    drop(std::fs::remove_file(path));
                }
                return Err(if error.kind() == std::io::ErrorKind::AlreadyExists {
                    let path = path.display();
                    format!(
                        "{path} is there already, so nothing was written: move it away, or name another folder (--output)"
                    )
                } else {
                    told(&path, &error)
                });
            }
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)
        .inspect_err(|_| drop(std::fs::remove_file(path)))
}
