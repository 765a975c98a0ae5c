//! Sites of an OpenID Provider whose login is the client's certificate: `[sso.NAME]`. A site is known there by its origin, needs
//! no registration, and proves itself by the verifier of its code alone.

use super::build::{login_of, provider, tag};
use super::cookies::Cookies;
use super::party::{AskUserinfo, Asking, Believing, KnownAs, Visiting};
use super::provider::Provider;
use crate::bearer_jwt::source::Reading;
use crate::kinds::{Built, Parts};
use countersign_core::claims::ClaimPath;
use countersign_core::options::{Fault, Field, Kind, Table, Values};
use countersign_core::own_path::{CALLBACK, LOGOUT};
use countersign_core::principal::FactPaths;
use countersign_oidc::discovery::discovery_url;
use countersign_oidc::id_token;
use countersign_oidc::issuer::IssuerRule;
use countersign_oidc::provider::metadata::Issuer;
use countersign_oidc::relying_party::authorization::{AuthenticationWishes, ResponseMode};
use std::sync::Arc;
use std::time::Duration;

/// The name of its tables.
pub const TABLE: &str = "sso";

/// What is asked for where a session is renewed by navigation.
const SCOPE: &str = "openid email groups";
/// The same where a store keeps a grant (OpenID Connect Core section 11).
const SCOPE_WITH_GRANT: &str = "openid email groups offline_access";

/// How long a session goes on without its provider where nobody says.
const GRACE: Duration = Duration::from_hours(1);

/// `[sso.NAME]`
pub const OPTIONS: Table = Table {
    doc: "Browsers are signed in by their certificate, at an OpenID Provider (`[openid_provider]`) that lists the hosts of the routes \
          that accept this among its `sites`: here, or at another gateway. Nothing is registered, and there is no secret: each host \
          is known by its origin, and gets tokens that are worth something there alone.",
    fields: FIELDS,
};

const FIELDS: &[Field] = &[
    Field::required(
        "issuer",
        Kind::Text,
        "The provider's `issuer`: `https://sso.home.example`. Where that is our own `[openid_provider]`, it is asked within the process.",
    ),
    Field::optional(
        "ca_file",
        Kind::File,
        "The certificate authorities (PEM) believed for the provider's host, instead of the system's.",
    ),
    Field::optional(
        "label",
        Kind::Text,
        "What people read where they choose between logins.",
    ),
    Field::or(
        "leeway",
        Kind::Duration(0, 300_000),
        "\"60s\"",
        "How far the provider's clock may be off.",
    ),
    Field::or(
        "grace",
        Kind::Duration(0, 86_400_000),
        "\"1h\"",
        "How long a session goes on past the end of its token while the provider cannot be asked. From then on it lets nobody \
         in (503) before the provider has renewed it. With `session.store` = \"cookie\" it ends with its token.",
    ),
];

/// Builds `sso.name`.
pub fn build(name: &str, values: &Values, parts: &Parts) -> Result<Built, Vec<Fault>> {
    let mut reading = Reading::of(values);
    let issuer = issuer(&mut reading);
    if parts.cookie.share.is_some() {
        let message = "`session.share` is one session for many hosts, and a site's token is worth something on its own host alone";
        let help = "leave `share` out: every site is signed in by itself, without a click";
        reading.fault(Fault::new("issuer", message).help(help));
    }
    let text = values.text("issuer").unwrap_or("");
    let rule = IssuerRule::exact(text);
    let reach = provider::reach(&mut reading, text, parts);
    let facts = facts(values);
    let cookies = Cookies::of_sites(&parts.cookie);
    let (Some(_), Some(discovery), Some(reach), Some(facts), Some(cookies), []) = (
        issuer,
        discovery_url(text),
        reach,
        facts,
        cookies,
        reading.faults.as_slice(),
    ) else {
        return Err(reading.faults);
    };
    let in_cookie = parts.cookie.holds_session;
    let label = values.text("label");
    let full = format!("{TABLE}.{name}");
    let keys = provider::keys(&rule, Some(&discovery), &[], &reach, parts);
    let party = super::party::RelyingParty {
        label: label.map_or_else(|| super::build::named_after(text, name), Into::into),
        tag: tag(&full, text, ""),
        name: full.into(),
        provider: Provider::new(rule.clone(), Some(discovery), Vec::new(), reach),
        issuer: rule,
        known_as: KnownAs::Site {
            ports: parts.public_ports.clone(),
            grace: values.duration("grace").unwrap_or(GRACE),
        },
        asking: Asking {
            scope: in_cookie.map_or(SCOPE_WITH_GRANT, |_| SCOPE).into(),
            response_mode: ResponseMode::Query,
            wishes: AuthenticationWishes::default(),
            // All there is to know stands in the ID Token.
            userinfo: AskUserinfo::Never,
        },
        believing: Believing {
            keys,
            algorithms: id_token::ALGORITHMS.to_vec(),
            leeway: facts.leeway,
            tenants: Vec::new(),
            mapping: None,
        },
        visiting: Visiting {
            cookies,
            callback: CALLBACK.into(),
            logout: LOGOUT.into(),
            after_logout: None,
            at: None,
            remember: false,
            over_http: false,
            in_cookie,
            keep_tokens: parts.sends_tokens,
        },
        facts: Arc::new(facts),
        sessions: Arc::clone(&parts.sessions),
        entropy: Arc::clone(&parts.entropy),
    };
    Ok(login_of(party, reading.warnings))
}

fn issuer(reading: &mut Reading<'_>) -> Option<Issuer> {
    let issuer = Issuer::parse(reading.values.text("issuer").unwrap_or(""));
    issuer
        .map_err(|error| {
            let help = "the same as `issuer` of its `[openid_provider]`; any other OpenID Provider is a `[login.NAME]`";
            reading.fault(Fault::new("issuer", error.to_string()).help(help));
        })
        .ok()
}

/// Where the provider says what: it is a Countersign.
fn facts(values: &Values) -> Option<FactPaths> {
    Some(FactPaths {
        subject: ClaimPath::subject(),
        groups: ClaimPath::parse("groups")?,
        trust_unverified_email: false,
        leeway: values.duration("leeway").unwrap_or(FactPaths::LEEWAY),
    })
}

#[cfg(test)]
mod tests;
