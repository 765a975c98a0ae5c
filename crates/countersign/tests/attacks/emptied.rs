//! Options that were emptied, misspelt or made of another kind (attack 151): none of that may open a door. Each line of a
//! configuration that uses every option that guards something is changed in every way, one at a time.

use countersign::cli::offline_parts;
use countersign::compose;
use countersign::config::{Environment, Sources, render};
use std::path::Path;

/// Every option that says who may enter, who is believed, or by which keys.
const GUARDED: &str = r#"config = 1
[[listen]]
address = "127.0.0.1:9180"
speak = "auth-request"
trusted_peers = ["10.0.0.1"]
[listen.trusted_secret]
header = "X-Proxy-Secret"
value = { file = "secret" }
[token.discovered]
issuer = "https://op.test"
audiences = ["api"]
algorithms = ["RS256"]
discovery_url = "https://op.test/x/.well-known/openid-configuration"
ca_file = "ca.pem"
required_claims = ["tenant"]
require_typ = "at+jwt"
groups_claim = "realm_access.roles"
header = "X-Token"
prefix = "Token "
audience_claim = "client_id"
leeway = "10s"
max_staleness = "1h"
[token.fetched]
issuer = "https://fetched.test"
audiences = ["api"]
jwk_set_url = "https://fetched.test/jwks"
cookie = "token"
query = ["token"]
[token.shared]
issuer = "shared"
audiences = ["api"]
hmac_secret = { file = "secret" }
[token.filed]
issuer = "filed"
audiences = ["api"]
pem_file = "key.pem"
[token.set]
issuer = "set"
audiences = ["api"]
jwk_set_file = "jwks.json"
[identity_headers]
preset = "x-auth"
[[route]]
name = "all"
hosts = ["app.test"]
paths = ["/**"]
methods = ["GET"]
accept = ["token.discovered", "token.fetched", "token.shared", "token.filed", "token.set"]
when = "claims.age >= 18"
challenge = "401"
case = "insensitive"
[route.require]
groups = ["token.shared:operators"]
scopes = ["read"]
subjects = ["token.shared:ann"]
email_domains = ["token.shared:op.test"]
not_groups = ["token.shared:guests"]
not_scopes = ["token.shared:none"]
not_subjects = ["token.shared:bob"]
not_email_domains = ["token.shared:other.test"]
[route.require.claims.tier]
equals = "gold"
[route.require.claims.level]
one_of = ["a", "b"]
[route.require.claims.flags]
contains = ["x"]
[route.require.not_claims.tier]
equals = "tin"
[status]
address = "127.0.0.1:9181"
"#;

const JWKS: &str = concat!(
    "{\"keys\":[",
    include_str!("../../../testkit/keys/rsa-1.jwk.json"),
    "]}"
);

/// Changes that are taken, for they close: nobody is trusted any more, and no token is read from the query.
const TAKEN: [&str; 2] = ["trusted_peers = []", "query = []"];

/// Takes the configuration, or says what is wrong with it.
fn load(text: &str) -> Result<(), String> {
    let read = |path: &Path| {
        Ok(match path.to_str() {
            Some("secret") => b"0123456789abcdef0123456789abcdef".to_vec(),
            Some("ca.pem") => b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
            Some("key.pem") => include_bytes!("../../../testkit/keys/rsa-1.pub.pem").to_vec(),
            Some("jwks.json") => JWKS.into(),
            _ => return Err(std::io::ErrorKind::NotFound.into()),
        })
    };
    let environment = Environment {
        read: Box::new(read),
        ..Environment::empty()
    };
    let sources = Sources::text("countersign.toml", text);
    let loaded = compose::load(&sources, &environment, &offline_parts());
    loaded.map(drop).map_err(|told| render(&told, &sources, false))
}

#[test]
fn an_option_that_says_nothing_any_more_is_refused() {
    assert_eq!(load(GUARDED), Ok(()));
    let mut open = Vec::new();
    for line in GUARDED.lines() {
        let Some((key, value)) = line.split_once(" = ") else {
            continue;
        };
        let changed = [
            format!("{key} = \"\""),
            format!("{key} = []"),
            format!("{key} = [\"\"]"),
            format!("{key} = {{}}"),
            format!("{key} = false"),
            format!("{key} = 0"),
            format!("{key}s = {value}"),
            format!("{} = {value}", key.replace('_', "-") + "-"),
            format!("{} = {value}", key.to_uppercase()),
        ];
        for changed in changed {
            let text = GUARDED.replacen(&format!("\n{line}\n"), &format!("\n{changed}\n"), 1);
            if text != GUARDED && load(&text).is_ok() && !TAKEN.contains(&&*changed) {
                open.push(format!("{line}  ->  {changed}"));
            }
        }
    }
    assert!(open.is_empty(), "{}", open.join("\n"));
}
