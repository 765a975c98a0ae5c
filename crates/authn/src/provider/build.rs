//! From checked values to the provider: all that can be wrong with `[openid_provider]`, told at once.

use super::Provider;
use super::person::EmailFrom;
use crate::bearer_jwt::source::authorities;
use crate::kinds::Parts;
use countersign_core::certificate::CertificateJudge;
use countersign_core::options::{Fault, Values};
use countersign_core::policy::Requirement;
use countersign_jose::json::{parse_object, quoted};
use countersign_oidc::provider::claims::{RegisteredClaim, StaticClaims};
use countersign_oidc::provider::metadata::Issuer;
use countersign_oidc::provider::site::Origin;
use signing::signing_keys;
use std::sync::Arc;
use std::time::Duration;

mod clients;
mod signing;

/// How long tokens hold where nothing is said.
const TOKEN_LIFE: Duration = Duration::from_mins(5);
/// How long a client may have new ones.
const GRANT_LIFE: Duration = Duration::from_hours(24);

/// Builds the provider; `judges` are those of `certificates`, and `requirements` those of each `rule`.
pub fn build(
    values: &Values,
    judges: Vec<Arc<dyn CertificateJudge>>,
    requirements: Vec<Requirement>,
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
    let name = issuer.as_ref().map_or("", Issuer::as_str);
    let keys = signing_keys(values, name, parts, &mut faults);
    let clients = clients::clients(values, &judges, &mut faults);
    let rules = clients::rules(values, requirements, &clients, &mut faults);
    let unbound = clients::unbound(values, &clients, &mut faults);
    let mtls_origin = mtls_origin(values, &mut faults);
    let static_claims = static_claims(values, &mut faults);
    let told_by = authorities(values).map_err(|fault| faults.push(fault)).ok();
    let (Some(issuer), Some(keys), Some(static_claims), Some(told_by), []) =
        (issuer, keys, static_claims, told_by, faults.as_slice())
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
        grant_life: values.duration("grant_life").unwrap_or(GRANT_LIFE),
        rules,
        unbound,
        mtls_origin,
        keys,
        sessions: Arc::clone(&parts.sessions),
        entropy: Arc::clone(&parts.entropy),
        http: Arc::clone(&parts.http),
        authorities: told_by,
    })
}

fn mtls_origin(values: &Values, faults: &mut Vec<Fault>) -> Option<Origin> {
    let text = values.text("mtls_origin")?;
    let origin = Origin::parse(text).ok();
    let is_another = origin
        .as_ref()
        .is_some_and(|origin| values.text("issuer") != Some(origin.as_str()));
    if !is_another {
        let message =
            format!("{text:?} is not the origin of another host: `https://`, a host, a port that is not 443");
        faults.push(Fault::new("mtls_origin", message).help("mtls_origin = \"https://mtls.home.example\""));
    }
    origin
}

fn static_claims(values: &Values, faults: &mut Vec<Fault>) -> Option<StaticClaims> {
    let members = values.text_map("claims").iter();
    let members = members.map(|(name, text)| format!("{}:{}", quoted(name), quoted(text)));
    let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    // Names of keys are each there once, and texts are texts.
    let claims = parse_object(text.as_bytes()).ok()?;
    StaticClaims::new(claims)
        .map_err(|errors| {
            faults.extend(errors.iter().map(|error| {
                let name = error.name();
                let help = match (error, name) {
                    (_, "iss") => "the issuer is `issuer`".to_owned(),
                    (_, "exp") => "how long tokens hold is `token_life`".to_owned(),
                    (RegisteredClaim::Ours(_), _) => "call it otherwise".to_owned(),
                    (RegisteredClaim::Personal(_), _) => format!(
                        "call what holds for all otherwise: `our_{name}`, which a site passes on by \
                         `identity_headers.add`; who somebody is, `subject` and `email` of the certificate say"
                    ),
                };
                let fault = Fault::new(name, error.to_string()).within("claims");
                fault.help(help)
            }));
        })
        .ok()
}
