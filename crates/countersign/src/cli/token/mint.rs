//! Test tokens: with a key made on the spot, or one hour's token that a configured table takes.

use super::judge::{Judge, Verdict};
use super::shown::harmless;
use crate::cli::offline_parts;
use crate::compose;
use crate::config::{Environment, Sources};
use crate::output::Output;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::entropy::Entropy as _;
use countersign_core::options::Values;
use countersign_core::secret::Secret;
use countersign_core::time::{Clock as _, Now};
use countersign_edge::system::{OsEntropy, SystemClock};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;
use serde_json::{Map, Value};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How long a token holds, in seconds.
const LIFE: i64 = 3600;
/// The key id of keys that are made here.
const KID: &str = "test";
/// As long as the longest hash, so that one length is enough for all of HS*.
const SECRET_BYTES: usize = 64;

/// What to make.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The configuration whose table the token satisfies, as `run --config` takes it.
    #[arg(long, value_name = "FILE-or-folder", requires = "token")]
    config: Option<PathBuf>,
    /// The table: NAME of [token.NAME]. It has an `hmac_secret`, for nobody else can sign for an issuer.
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
    /// The algorithm of the key that is made: ES256, RS256, PS256, EdDSA, HS256 and so on.
    #[arg(long, default_value = "ES256", conflicts_with = "token")]
    algorithm: String,
    /// `iss`
    #[arg(long, default_value = "https://op.test", conflicts_with = "token")]
    issuer: String,
    /// `aud`
    #[arg(long, default_value = "api", conflicts_with = "token")]
    audience: String,
    /// `sub`
    #[arg(long, default_value = "ann")]
    subject: String,
    /// Further claims, as a JSON object; they win over the others.
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// Where to write the JWK Set; otherwise it goes to standard error. A file that is there is replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    keys: Option<PathBuf>,
    /// One JSON object: `token`, and `jwks` when a key was made.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let further = further(args.claims.as_deref())?;
    let (token, set) = if let Some(name) = &args.token {
        (for_table(name, args, further, environment, out)?, None)
    } else {
        let algorithm = Algorithm::parse(&args.algorithm).ok_or_else(|| {
            let known = Algorithm::NAMES.join(", ");
            format!(
                "--algorithm {:?} is not known here; known are {known}",
                args.algorithm
            )
        })?;
        let (key, set) = new_key(algorithm)?;
        let payload = payload(&args.issuer, &args.audience, &args.subject, further);
        let header = format!(r#""kid":"{KID}","typ":"at+jwt""#);
        let token = key.sign(&header, payload.as_bytes());
        (token.map_err(|error| error.to_string())?, Some((set, algorithm)))
    };
    if let (Some(path), Some((set, algorithm))) = (&args.keys, &set) {
        write(path, set, algorithm.is_hmac()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    match set {
        Some((set, _)) if args.json => out.line(&format!(r#"{{"token":"{token}","jwks":{set}}}"#)),
        None if args.json => out.line(&format!(r#"{{"token":"{token}"}}"#)),
        Some((set, _)) if args.keys.is_none() => {
            out.error_line(&set);
            out.line(&token);
        }
        Some(_) | None => out.line(&token),
    }
    Ok(())
}

fn further(text: Option<&str>) -> Result<Map<String, Value>, String> {
    let Some(text) = text else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err("--claims is not a JSON object".to_owned()),
        Err(error) => Err(format!("--claims is not a JSON object: {error}")),
    }
}

/// A new key, and the JWK Set that verifies what it signs.
fn new_key(algorithm: Algorithm) -> Result<(SigningKey, String), String> {
    let set = |jwk: &str| format!(r#"{{"keys":[{jwk}]}}"#);
    if algorithm.is_hmac() {
        let mut secret = vec![0; SECRET_BYTES];
        OsEntropy::new().fill(&mut secret);
        let (encoded, name) = (BASE64_URL_SAFE_NO_PAD.encode(&secret), algorithm.name());
        let key = SigningKey::hmac(algorithm, &Secret::new(secret)).map_err(|error| error.to_string())?;
        let jwk = format!(r#"{{"kty":"oct","k":"{encoded}","kid":"{KID}","alg":"{name}","use":"sig"}}"#);
        return Ok((key, set(&jwk)));
    }
    let key = SigningKey::generate(algorithm).map_err(|error| error.to_string())?;
    let jwk = key.public_jwk(KID).ok_or("the key has no public half")?;
    Ok((key, set(&jwk)))
}

/// A token that the table `name` takes, tried by the table itself.
fn for_table(
    name: &str,
    args: &Args,
    further: Map<String, Value>,
    environment: &Environment,
    out: &mut Output,
) -> Result<String, String> {
    let path = Sources::locate(args.config.as_deref(), environment).map_err(|error| error.to_string())?;
    let sources = Sources::read(&path, environment).map_err(|error| error.to_string())?;
    let judge = Judge::tables(&sources, Some(name), environment, &offline_parts())?;
    let document = compose::document(&sources, environment);
    let mut tables = document.values.named("token").iter();
    let table = tables.find(|(own, _)| own == name).map(|(_, values)| values);
    let table = table.ok_or_else(|| format!("the configuration has no table [token.{name}]"))?;
    let token = signed(table, &args.subject, further)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| error.to_string())?;
    match runtime.block_on(judge.judge(&token, now())) {
        Verdict::Accepted(_) => Ok(token),
        // What the claims asked for is made all the same: also refusals want to be tried.
        Verdict::Refused(reason, detail) if args.claims.is_some() => {
            let note = format!("note: [token.{name}] refuses this token: {reason}: {detail}");
            out.error_line(&harmless(&note));
            Ok(token)
        }
        Verdict::Refused(reason, detail) => Err(format!(
            "no token made here satisfies [token.{name}]: {reason}: {}; give what it asks for with --claims",
            harmless(&detail)
        )),
    }
}

fn signed(table: &Values, subject: &str, mut further: Map<String, Value>) -> Result<String, String> {
    let secret = table.secret("hmac_secret");
    let secret = secret.ok_or(
        "this table's keys are its issuer's: only for a table with `hmac_secret` can a token be signed here",
    )?;
    let mut listed = table.texts("algorithms").filter_map(Algorithm::parse);
    let algorithm = listed.find(|algorithm| algorithm.is_hmac());
    let algorithm = algorithm.unwrap_or(Algorithm::Hs256);
    let key = SigningKey::hmac(algorithm, secret).map_err(|error| error.to_string())?;
    if table.flag("audience_is_origin") && !further.contains_key("aud") {
        return Err("a token of this table is for one site: say which with --claims '{\"aud\":\"https://app.home.example\"}'".to_owned());
    }
    let audience = table.texts("audiences").next().unwrap_or("");
    if let Some(claim) = table.text("audience_claim").filter(|claim| *claim != "aud") {
        further.entry(claim).or_insert_with(|| Value::from(audience));
    }
    let mut claims = claims(table.text("issuer").unwrap_or(""), audience, subject);
    for name in table.texts("required_claims") {
        claims.entry(name).or_insert_with(|| example(name));
    }
    claims.extend(further);
    let typ = Value::from(table.text("require_typ").unwrap_or("JWT"));
    let payload = Value::Object(claims).to_string();
    key.sign(&format!(r#""typ":{typ}"#), payload.as_bytes())
        .map_err(|error| error.to_string())
}

/// Something of the right type for a claim that must be there.
fn example(claim: &str) -> Value {
    match claim {
        "nbf" | "auth_time" | "updated_at" => now().wall.seconds().into(),
        "email_verified" | "phone_number_verified" => true.into(),
        "groups" | "roles" | "amr" => vec!["test"].into(),
        _ => "test".into(),
    }
}

fn payload(issuer: &str, audience: &str, subject: &str, further: Map<String, Value>) -> String {
    let mut claims = claims(issuer, audience, subject);
    claims.extend(further);
    Value::Object(claims).to_string()
}

fn claims(issuer: &str, audience: &str, subject: &str) -> Map<String, Value> {
    let now = now().wall.seconds();
    let mut claims = Map::new();
    for (name, value) in [("iss", issuer), ("aud", audience), ("sub", subject)] {
        claims.insert(name.to_owned(), value.into());
    }
    claims.insert("iat".to_owned(), now.into());
    claims.insert("exp".to_owned(), (now + LIFE).into());
    claims
}

fn now() -> Now {
    SystemClock::new().now()
}

/// Writes the keys; a secret so that only its owner can read it.
fn write(path: &Path, set: &str, secret: bool) -> std::io::Result<()> {
    let mode = if secret { 0o600 } else { 0o644 };
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    if secret {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    writeln!(file, "{set}")
}
