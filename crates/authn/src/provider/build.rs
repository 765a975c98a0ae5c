//! From checked values to the provider: all that can be wrong with `[openid_provider]`, told at once.

use super::Provider;
use super::keys::{OneKey, SigningKeys};
use super::person::EmailFrom;
use crate::kinds::Parts;
use countersign_core::certificate::CertificateJudge;
use countersign_core::options::{Fault, Values};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::{parse_object, quoted};
use countersign_jose::sign::SigningKey;
use countersign_oidc::provider::claims::StaticClaims;
use countersign_oidc::provider::client::{ClientProof, Clients, RegisteredClient, SecretHash};
use countersign_oidc::provider::metadata::Issuer;
use countersign_oidc::provider::site::SitePattern;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long tokens hold where nothing is said.
const TOKEN_LIFE: Duration = Duration::from_mins(5);

/// Builds the provider; `judges` are those of `certificates`.
pub fn build(
    values: &Values,
    judges: Vec<Arc<dyn CertificateJudge>>,
    parts: &Parts,
) -> Result<Provider, Vec<Fault>> {
    let mut faults = Vec::new();
    let issuer = values.text("issuer").unwrap_or("");
    let issuer = Issuer::parse(issuer)
        .map_err(|error| {
            let help = "issuer = \"https://sso.home.example\"";
            faults.push(Fault::new("issuer", error.to_string()).help(help));
        })
        .ok();
    let key = key(values, &mut faults);
    let clients = clients(values, &mut faults);
    let static_claims = static_claims(values, &mut faults);
    let (Some(issuer), Some(keys), Some(static_claims), []) = (issuer, key, static_claims, faults.as_slice())
    else {
        return Err(faults);
    };
    Ok(Provider {
        issuer,
        clients,
        judges,
        email: match values.text("email") {
            Some("subject") => EmailFrom::Subject,
            Some(_) | None => EmailFrom::San,
        },
        static_claims,
        token_life: values.duration("token_life").unwrap_or(TOKEN_LIFE),
        keys,
        sessions: Arc::clone(&parts.sessions),
        entropy: Arc::clone(&parts.entropy),
    })
}

fn key(values: &Values, faults: &mut Vec<Fault>) -> Option<Arc<dyn SigningKeys>> {
    let pem = values.secret("key")?.expose();
    let algorithm = values.text("key_algorithm").and_then(Algorithm::parse);
    let key = algorithm.map_or_else(
        || SigningKey::from_any_pem(pem),
        |algorithm| SigningKey::from_pem(algorithm, pem),
    );
    let one = key.ok().and_then(OneKey::new);
    if one.is_none() {
        let fault = Fault::new("key", "not a private key (PEM, PKCS#8) that signs so");
        faults.push(
            fault.help("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out provider.key"),
        );
    }
    one.map(|one| Arc::new(one) as _)
}

fn clients(values: &Values, faults: &mut Vec<Fault>) -> Clients {
    let mut sites = Vec::new();
    for (index, text) in values.texts("sites").enumerate() {
        match SitePattern::parse(text) {
            Ok(site) => sites.push(site),
            Err(error) => faults.push(
                Fault::new(&index.to_string(), format!("{text:?}: {error}"))
                    .within("sites")
                    .help("sites = [\"app.home.example\", \"*.home.example\"]"),
            ),
        }
    }
    let registered = values.named("client").iter();
    let registered = registered.map(|(id, client)| registered_client(id, client, faults));
    // Names of tables are each there once.
    Clients::new(registered.collect(), sites).unwrap_or_default()
}

fn registered_client(id: &str, values: &Values, faults: &mut Vec<Fault>) -> RegisteredClient {
    let mut redirect_uris = Vec::new();
    for (index, text) in values.texts("redirect_uris").enumerate() {
        let url = Url::parse(text).ok();
        let sound = url.is_some_and(|url| {
            let local = url
                .host_str()
                .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
            let travels_safely = url.scheme() == "https" || (url.scheme() == "http" && local);
            travels_safely
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if sound {
            redirect_uris.push(text.into());
        } else {
            let message = format!("{text:?} is not https, or has a fragment or a user");
            let fault = Fault::new(&index.to_string(), message).within("redirect_uris");
            let help = "https://app.home.example/callback; http at localhost alone";
            faults.push(fault.within(id).within("client").help(help));
        }
    }
    let secret = values.secret("client_secret");
    RegisteredClient {
        id: id.into(),
        redirect_uris,
        proof: secret.map_or(ClientProof::None, |secret| {
            ClientProof::Secret(SecretHash::of(secret.expose().trim_ascii_end()))
        }),
    }
}

fn static_claims(values: &Values, faults: &mut Vec<Fault>) -> Option<StaticClaims> {
    let members = values.text_map("claims").iter();
    let members = members.map(|(name, text)| format!("{}:{}", quoted(name), quoted(text)));
    let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    // Names of keys are each there once, and texts are texts.
    let claims = parse_object(text.as_bytes()).ok()?;
    StaticClaims::new(claims)
        .map_err(|error| {
            let help = match &*error.0 {
                "iss" => "the issuer is `issuer`",
                "exp" => "how long tokens hold is `token_life`",
                _ => "call it otherwise",
            };
            let fault = Fault::new(&error.0, error.to_string()).within("claims");
            faults.push(fault.help(help));
        })
        .ok()
}
