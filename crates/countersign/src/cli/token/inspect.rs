//! What is in a token, with no word about whether it is true.

use crate::output::Output;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What to look into.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A token in compact form.
    token: String,
    /// One JSON object instead.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), String> {
    let mut segments = args.token.trim().split('.');
    let (header, payload) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
    let (header, payload) = (decoded(header), decoded(payload));
    if header.is_null() {
        return Err("not a token: its first segment is no base64url".to_owned());
    }
    if args.json {
        out.line(&json!({ "verified": false, "header": header, "payload": payload }).to_string());
        return Ok(());
    }
    out.line("Nothing here is verified: anybody can write this.");
    out.line(&format!("header: {header:#}"));
    out.line(&format!("payload: {payload:#}"));
    Ok(())
}

/// A segment as JSON, as text where it is none, or null where it is no base64url.
fn decoded(segment: &str) -> Value {
    let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(segment) else {
        return Value::Null;
    };
    serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).escape_debug().to_string()))
}
