//! Test tokens: with a key made on the spot, or one hour's token that a configured table will take.

use crate::compose;
use crate::config::{Environment, Sources};
use crate::output::Output;
use countersign_core::options::Values;
use countersign_core::time::Clock as _;
use countersign_edge::system::SystemClock;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// How long a token holds, in seconds.
const LIFE: i64 = 3600;

/// What to make.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The configuration whose table the token satisfies (it has an `hmac_secret`).
    #[arg(long, value_name = "FILE-or-folder", requires = "token")]
    config: Option<PathBuf>,
    /// The table: NAME of [token.NAME].
    #[arg(long, value_name = "NAME", requires = "config")]
    token: Option<String>,
    /// The algorithm of the key that is made.
    #[arg(long, default_value = "ES256", conflicts_with = "config")]
    algorithm: String,
    /// `iss`
    #[arg(long, default_value = "https://op.test", conflicts_with = "config")]
    issuer: String,
    /// `aud`
    #[arg(long, default_value = "api", conflicts_with = "config")]
    audience: String,
    /// `sub`
    #[arg(long, default_value = "ann")]
    subject: String,
    /// Further claims, as a JSON object; they win over the others.
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// Where to write the JWK Set; otherwise it goes to standard error.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    keys: Option<PathBuf>,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let further = further(args.claims.as_deref())?;
    if let (Some(config), Some(name)) = (&args.config, &args.token) {
        let sources = Sources::read(config, environment).map_err(|error| error.to_string())?;
        let document = compose::document(&sources, environment);
        let tables = document.values.named("token");
        let table = tables
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, values)| values);
        let table = table.ok_or_else(|| format!("{} has no table [token.{name}]", config.display()))?;
        out.line(&for_table(table, &args.subject, further)?);
        return Ok(());
    }
    let algorithm = Algorithm::parse(&args.algorithm).filter(|algorithm| !algorithm.is_hmac());
    let algorithm = algorithm.ok_or("not an algorithm with a public key; ES256, RS256 and EdDSA are")?;
    let key = SigningKey::generate(algorithm).map_err(|error| error.to_string())?;
    let payload = payload(&args.issuer, &args.audience, &args.subject, further);
    let token = key
        .sign(r#""kid":"test","typ":"at+jwt""#, payload.as_bytes())
        .map_err(|error| error.to_string())?;
    let set = format!(r#"{{"keys":[{}]}}"#, key.public_jwk("test").unwrap_or_default());
    match &args.keys {
        Some(path) => std::fs::write(path, &set).map_err(|error| format!("{}: {error}", path.display()))?,
        None => out.error_line(&set),
    }
    out.line(&token);
    Ok(())
}

fn further(text: Option<&str>) -> Result<Map<String, Value>, String> {
    let Some(text) = text else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) | Err(_) => Err("--claims is not a JSON object".to_owned()),
    }
}

fn for_table(table: &Values, subject: &str, mut further: Map<String, Value>) -> Result<String, String> {
    let secret = table.secret("hmac_secret");
    let secret = secret.ok_or(
        "this table's keys are its issuer's: only a table with `hmac_secret` can be signed for here",
    )?;
    let algorithm = table
        .texts("algorithms")
        .filter_map(Algorithm::parse)
        .find(|algorithm| algorithm.is_hmac());
    let key =
        SigningKey::hmac(algorithm.unwrap_or(Algorithm::Hs256), secret).map_err(|error| error.to_string())?;
    for name in table
        .texts("required_claims")
        .filter(|name| !["iss", "aud", "exp", "sub", "iat"].contains(name))
    {
        further.entry(name).or_insert_with(|| Value::from("test"));
    }
    let audience = table.texts("audiences").next().unwrap_or("");
    if let Some(claim) = table.text("audience_claim").filter(|claim| *claim != "aud") {
        further.entry(claim).or_insert_with(|| Value::from(audience));
    }
    let payload = payload(table.text("issuer").unwrap_or(""), audience, subject, further);
    let header = format!(
        r#""typ":{}"#,
        Value::from(table.text("require_typ").unwrap_or("JWT"))
    );
    key.sign(&header, payload.as_bytes())
        .map_err(|error| error.to_string())
}

fn payload(issuer: &str, audience: &str, subject: &str, further: Map<String, Value>) -> String {
    let now = SystemClock::new().now().wall.seconds();
    let mut claims = Map::new();
    for (name, value) in [("iss", issuer), ("aud", audience), ("sub", subject)] {
        claims.insert(name.to_owned(), value.into());
    }
    claims.insert("iat".to_owned(), now.into());
    claims.insert("exp".to_owned(), (now + LIFE).into());
    claims.extend(further);
    Value::Object(claims).to_string()
}
