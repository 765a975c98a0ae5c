//! jwtauthrequest's JSON becomes our TOML, with a word on every option: kept, bettered or dropped.

use countersign_core::claims::{Claims, Members, Value};
use countersign_core::secret::Secret;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::parse_object;
use std::fmt::Write as _;
use url::Url;

/// What the command line adds to the JSON.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Where to listen, instead of the JSON's port on loopback.
    pub listen: Option<String>,
    /// Where the keys are, instead of discovery at the issuer.
    pub jwks: Option<String>,
    /// The issuer of clients that name none.
    pub issuer: Option<String>,
    /// The audience of clients that name none.
    pub audience: Option<String>,
    /// Whether tokens in the query go on being taken.
    pub query_token: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Imported {
    /// Our configuration.
    pub toml: String,
    /// HMAC secrets, each with the name of the file the configuration reads it from.
    pub secrets: Vec<(String, Secret<Vec<u8>>)>,
    /// A word on every option.
    pub report: Vec<String>,
    /// What must be mended before this can be run; empty when nothing must.
    pub missing: Vec<String>,
}

/// A member by its name without regard to case, as Go reads JSON.
fn member<'a>(members: Members<'a>, name: &str) -> Option<Value<'a>> {
    members
        .into_iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn texts(value: Option<Value<'_>>) -> Vec<String> {
    countersign_core::principal::strings(value)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

fn quoted(texts: &[String]) -> String {
    let each = texts
        .iter()
        .map(|text| serde_json::Value::from(text.as_str()).to_string());
    format!("[{}]", each.collect::<Vec<_>>().join(", "))
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const AT_THE_TOP: [&str; 2] = ["listen-port", "clients"];
const OF_A_CLIENT: [&str; 11] = [
    "endpoints",
    "name",
    "required-claims",
    "allowed-algo",
    "token-name",
    "trim-prefix",
    "audience",
    "hmac",
    "debug",
    "issuer",
    "endpoint",
];

/// Imports the JSON text `json`. Fails when it is no such configuration at all.
pub fn import(json: &[u8], wishes: &Wishes) -> Result<Imported, String> {
    let document: Claims = parse_object(json).map_err(|error| error.to_string())?;
    let mut imported = Imported::default();
    imported.toml.push_str("# Written by `countersign import jwtauthrequest`. `countersign check` tells what is left to do.\nconfig = 1\n");
    unknown(document.root(), &AT_THE_TOP, "", &mut imported);
    let address = address(member(document.root(), "listen-port"), wishes, &mut imported);
    push(
        &mut imported.toml,
        &format!(
            "\n[[listen]]\naddress = {}\nspeak   = \"check\"\n",
            quote(&address)
        ),
    );
    let clients = member(document.root(), "clients").and_then(Value::as_array);
    let clients = clients.ok_or("there is no array `clients`")?;
    for (number, client) in clients.enumerate() {
        let members = client.as_object().ok_or("a client is no object")?;
        self::client(members, number, wishes, &mut imported);
    }
    imported.report.extend([
        "bettered: a token without `exp`, issuer or audience is refused from now on, and so is one without a subject".to_owned(),
        "bettered: 60 s of clock skew are allowed (`leeway`); theirs had none".to_owned(),
        "kept: 200 and 403 and nothing else (`challenge = \"403\"`); for 401 with WWW-Authenticate write `challenge = \"401\"`".to_owned(),
        "bettered: a 200 carries identity headers (X-Auth-Subject and others), which nginx can pass on with auth_request_set".to_owned(),
    ]);
    Ok(imported)
}

fn push(out: &mut String, text: &str) {
    out.push_str(text);
}

fn unknown(members: Members<'_>, known: &[&str], whose: &str, imported: &mut Imported) {
    for (key, _) in members {
        if known.iter().all(|known| !key.eq_ignore_ascii_case(known)) {
            imported.report.push(format!(
                "unknown: {whose}`{key}` is no option we know; it was left out"
            ));
            imported.missing.push(format!(
                "{whose}`{key}` means something there: say here what, or remove it"
            ));
        }
    }
}

fn address(port: Option<Value<'_>>, wishes: &Wishes, imported: &mut Imported) -> String {
    if let Some(listen) = &wishes.listen {
        imported
            .report
            .push(format!("bettered: listens on {listen}, as asked"));
        return listen.clone();
    }
    let text = texts(port)
        .into_iter()
        .next()
        .unwrap_or_else(|| ":8081".to_owned());
    let Some(port) = text.strip_prefix(':') else {
        imported.report.push(format!("kept: `listen-port` {text}"));
        return text.replace("localhost:", "127.0.0.1:");
    };
    imported.report.push(format!(
        "bettered: `listen-port` {text} listened on every address; 127.0.0.1:{port} does on loopback (--listen says otherwise)"
    ));
    format!("127.0.0.1:{port}")
}

/// A name that can name a table.
fn table_name(name: &str, number: usize) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() {
            character.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name = name.chars().map(plain).collect::<String>();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() {
        format!("client-{}", number + 1)
    } else {
        name
    }
}

fn client(members: Members<'_>, number: usize, wishes: &Wishes, imported: &mut Imported) {
    let label = texts(member(members, "name"))
        .into_iter()
        .next()
        .unwrap_or_else(|| format!("client {}", number + 1));
    let mut name = table_name(&label, number);
    if imported.toml.contains(&format!("[token.{name}]")) {
        let _: std::fmt::Result = write!(name, "-{}", number + 1);
    }
    unknown(members, &OF_A_CLIENT, &format!("{label}: "), imported);
    let secret = texts(member(members, "HMAC")).into_iter().next();
    let algorithms = algorithms(members, &label, secret.as_deref(), imported);
    let issuer = texts(member(members, "issuer"))
        .into_iter()
        .next()
        .or_else(|| wishes.issuer.clone());
    let audiences = texts(member(members, "audience"));
    let audiences = if audiences.is_empty() {
        wishes.audience.iter().cloned().collect()
    } else {
        audiences
    };
    push(&mut imported.toml, &format!("\n[token.{name}]\n"));
    required(
        &mut imported.toml,
        "issuer",
        issuer.as_deref().map(quote),
        &label,
        &mut imported.missing,
    );
    let listed = (!audiences.is_empty()).then(|| quoted(&audiences));
    required(
        &mut imported.toml,
        "audiences",
        listed,
        &label,
        &mut imported.missing,
    );
    push(
        &mut imported.toml,
        &format!("algorithms = {}\n", quoted(&algorithms)),
    );
    imported.report.push(format!(
        "kept: {label}: `issuer` and `audience`; bettered: they are checked always"
    ));
    keys(
        &name,
        &label,
        secret,
        &algorithms,
        issuer.as_deref(),
        wishes,
        imported,
    );
    place(members, &label, wishes, imported);
    claims(members, &label, imported);
    route(members, &name, &label, imported);
}

fn claims(members: Members<'_>, label: &str, imported: &mut Imported) {
    let claims = texts(member(members, "required-claims"));
    let claims = claims
        .into_iter()
        .filter(|claim| !["iss", "aud", "exp"].contains(&claim.as_str()))
        .collect::<Vec<_>>();
    if !claims.is_empty() {
        push(
            &mut imported.toml,
            &format!("required_claims = {}\n", quoted(&claims)),
        );
    }
    imported.report.push(format!(
        "kept: {label}: `required-claims`; `iss`, `aud` and `exp` are required always"
    ));
    if member(members, "debug").is_some() {
        imported.report.push(format!(
            "dropped: {label}: `debug`: the log always says why, and never shows a token"
        ));
    }
}

fn required(toml: &mut String, key: &str, value: Option<String>, label: &str, missing: &mut Vec<String>) {
    let Some(value) = value else {
        push(toml, &format!("# {key} = …   # missing in the JSON\n"));
        let option = key.trim_end_matches('s');
        missing.push(format!(
            "{label}: no `{option}`: theirs then checks none, ours never does that; give --{option} or --from-token TOKEN"
        ));
        return;
    };
    push(toml, &format!("{key} = {value}\n"));
}

fn algorithms(
    members: Members<'_>,
    label: &str,
    secret: Option<&str>,
    imported: &mut Imported,
) -> Vec<String> {
    let listed = texts(member(members, "allowed-algo"));
    if listed.is_empty() {
        let fits =
            |algorithm: &Algorithm| algorithm.is_hmac() == secret.is_some() && *algorithm != Algorithm::EdDsa;
        let all = Algorithm::ALL
            .into_iter()
            .filter(fits)
            .map(|algorithm| algorithm.name().to_owned())
            .collect::<Vec<_>>();
        imported.report.push(format!(
            "bettered: {label}: `allowed-algo` is empty: {}",
            all.join(", ")
        ));
        return all;
    }
    for name in listed.iter().filter(|name| Algorithm::parse(name).is_none()) {
        imported
            .missing
            .push(format!("{label}: the algorithm {name:?} is not accepted here"));
    }
    let hmac = listed.iter().filter(|name| name.starts_with("HS")).count();
    if hmac > 0 && hmac < listed.len() {
        imported.missing.push(format!("{label}: `allowed-algo` mixes HS* with others: a public key could pose as a secret; make two clients of it"));
    }
    imported
        .report
        .push(format!("kept: {label}: `allowed-algo`, each bound to its key"));
    listed
}

#[expect(clippy::too_many_arguments, reason = "one client's facts, read once")]
fn keys(
    name: &str,
    label: &str,
    secret: Option<String>,
    algorithms: &[String],
    issuer: Option<&str>,
    wishes: &Wishes,
    imported: &mut Imported,
) {
    let hmac = algorithms
        .iter()
        .filter_map(|name| Algorithm::parse(name))
        .any(Algorithm::is_hmac);
    match (hmac, secret) {
        (true, Some(secret)) => {
            let file = format!("{name}.secret");
            let needed = if algorithms.iter().any(|name| name == "HS512") {
                64
            } else if algorithms.iter().any(|name| name == "HS384") {
                48
            } else {
                32
            };
            if secret.len() < needed {
                imported.missing.push(format!("{label}: the HMAC secret has {} bytes; {needed} are the least for these algorithms (RFC 7518 section 3.2)", secret.len()));
            }
            push(
                &mut imported.toml,
                &format!("hmac_secret = {{ file = {} }}\n", quote(&file)),
            );
            imported.report.push(format!(
                "bettered: {label}: `HMAC` is in {file}, which only you can read"
            ));
            imported.secrets.push((file, Secret::new(secret.into_bytes())));
        }
        (true, None) => imported
            .missing
            .push(format!("{label}: HS* is allowed and there is no `HMAC`")),
        (false, _) => match &wishes.jwks {
            Some(url) => {
                push(&mut imported.toml, &format!("jwk_set_url = {}\n", quote(url)));
                imported.report.push(format!(
                    "kept: {label}: keys from {url}, refreshed in the background"
                ));
            }
            None if issuer
                .is_some_and(|issuer| Url::parse(issuer).is_ok_and(|url| url.scheme() == "https")) =>
            {
                imported.report.push(format!(
                    "bettered: {label}: keys by discovery at the issuer, the last good ones kept on disk"
                ));
            }
            None => imported.missing.push(format!(
                "{label}: the issuer is no https URL, so its keys cannot be discovered; give --jwks URL"
            )),
        },
    }
}

fn place(members: Members<'_>, label: &str, wishes: &Wishes, imported: &mut Imported) {
    let header = texts(member(members, "token-name")).into_iter().next();
    let prefix = match member(members, "trim-prefix") {
        Some(Value::String(prefix)) => prefix.to_owned(),
        _ => String::new(),
    };
    let named = header.clone().unwrap_or_else(|| "Authorization".to_owned());
    if named.eq_ignore_ascii_case("authorization") {
        if prefix != "Bearer " && !prefix.is_empty() {
            push(&mut imported.toml, &format!("prefix = {}\n", quote(&prefix)));
        } else {
            push(
                &mut imported.toml,
                "allow_bare = true    # theirs took a token without `Bearer ` as well\n",
            );
        }
    } else {
        push(&mut imported.toml, &format!("header = {}\n", quote(&named)));
        if !prefix.is_empty() {
            push(&mut imported.toml, &format!("prefix = {}\n", quote(&prefix)));
        }
    }
    imported.report.push(format!(
        "kept: {label}: `token-name` and `trim-prefix`: the header {named}; `Bearer` in any case"
    ));
    if wishes.query_token {
        let mut names = vec!["token".to_owned()];
        names.extend(header.filter(|name| name != "token"));
        push(&mut imported.toml, &format!("query = {}\n", quoted(&names)));
        imported.report.push(format!(
            "kept: {label}: a token in the query ({}), cut from our log",
            names.join(", ")
        ));
    } else {
        imported.report.push(format!(
            "dropped: {label}: a token in the query: URLs end up in logs; --query-token keeps it"
        ));
    }
}

fn route(members: Members<'_>, name: &str, label: &str, imported: &mut Imported) {
    let mut endpoints = texts(member(members, "endpoints"));
    endpoints.extend(texts(member(members, "endpoint")));
    if endpoints.is_empty() {
        imported
            .missing
            .push(format!("{label}: no `endpoints`: nothing could ask"));
    }
    // Paths of their own: this route answers at its endpoints alone.
    push(
        &mut imported.toml,
        &format!(
            "\n[[route]]\nname      = {}\nhosts     = [\"*\"]\npaths     = {list}\nendpoint  = {list}\naccept    = [\"token.{name}\"]\nchallenge = \"403\"\n",
            quote(label),
            list = quoted(&endpoints)
        ),
    );
    imported
        .report
        .push(format!("kept: {label}: `endpoints` {}", endpoints.join(", ")));
}
