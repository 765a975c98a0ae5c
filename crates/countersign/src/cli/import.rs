//! `countersign import`: another program's configuration, in ours.

use crate::import::jwtauthrequest::{Wishes, import};
use crate::output::Output;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::Subcommand;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whose configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// jwtauthrequest's JSON. Your nginx snippet goes on working unchanged.
    #[command(after_help = "countersign import jwtauthrequest config.json\n\
                            countersign import jwtauthrequest config.json --query-token --output /etc/countersign")]
    Jwtauthrequest(Args),
}

/// What to import, and what to add.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Their configuration.
    file: PathBuf,
    /// The folder to write countersign.toml and secrets into; nothing there is overwritten.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    output: PathBuf,
    /// Where to listen, instead of their port on loopback.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where the keys are, instead of discovery at the issuer.
    #[arg(long, value_name = "URL")]
    jwks: Option<String>,
    /// The issuer of clients that name none.
    #[arg(long)]
    issuer: Option<String>,
    /// The audience of clients that name none.
    #[arg(long)]
    audience: Option<String>,
    /// A token to read issuer and audience from: shown, and nothing of it trusted.
    #[arg(long, value_name = "TOKEN")]
    from_token: Option<String>,
    /// Go on taking tokens from the query.
    #[arg(long)]
    query_token: bool,
}

/// Imports.
pub(super) fn run(command: &Import, out: &mut Output) -> ExitCode {
    let Import::Jwtauthrequest(args) = command;
    match jwtauthrequest(args, out) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            out.error_line(&format!("countersign cannot go on: {why}"));
            ExitCode::from(2)
        }
    }
}

fn jwtauthrequest(args: &Args, out: &mut Output) -> Result<bool, String> {
    let json = std::fs::read(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
    let mut wishes = Wishes {
        listen: args.listen.clone(),
        jwks: args.jwks.clone(),
        issuer: args.issuer.clone(),
        audience: args.audience.clone(),
        query_token: args.query_token,
    };
    if let Some(token) = &args.from_token {
        let (issuer, audience) = claimed(token).ok_or("--from-token is no token with a JSON payload")?;
        out.line(&format!(
            "the token says, and nobody has checked: issuer {issuer:?}, audience {audience:?}"
        ));
        wishes.issuer = wishes.issuer.or(issuer);
        wishes.audience = wishes.audience.or(audience);
    }
    let imported = import(&json, &wishes).map_err(|why| format!("{}: {why}", args.file.display()))?;
    let config = args.output.join("countersign.toml");
    write(&config, imported.toml.as_bytes(), 0o644)?;
    for (file, secret) in &imported.secrets {
        write(&args.output.join(file), secret.expose(), 0o600)?;
    }
    imported.report.iter().for_each(|line| out.line(line));
    out.line(&format!("written: {}", config.display()));
    imported
        .missing
        .iter()
        .for_each(|line| out.error_line(&format!("to do: {line}")));
    Ok(imported.missing.is_empty())
}

/// Issuer and (first) audience of a token, as it says.
fn claimed(token: &str) -> Option<(Option<String>, Option<String>)> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let audience = payload
        .get("aud")
        .and_then(|aud| text(aud).or_else(|| aud.get(0).and_then(text)));
    Some((payload.get("iss").and_then(text), audience))
}

/// A new file; one that is there already is not touched.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(told)
}
