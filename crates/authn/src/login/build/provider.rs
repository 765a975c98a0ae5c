//! Who the provider is, and where its endpoints and keys are.

use super::super::provider::Reach;
use crate::bearer_jwt::source::Reading;
use crate::key_ring::Freshness;
use crate::keys::{KeyLocation, KeySettings, Keys, Offline};
use crate::kinds::Parts;
use countersign_core::options::Fault;
use countersign_oidc::discovery::{Endpoint, discovery_url};
use countersign_oidc::issuer::{IssuerRule, IssuerTemplate};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The claim that fills the gap of an issuer with tenants.
const TENANT_CLAIM: &str = "tid";
/// How a JWK Set is kept fresh.
const FRESHNESS: Freshness = Freshness {
    refresh: Duration::from_mins(10),
    unknown_kid_interval: Duration::from_secs(30),
    max_staleness: Duration::from_hours(24),
};
/// The options that name an endpoint.
const ENDPOINTS: [(&str, Endpoint); 5] = [
    ("authorization_url", Endpoint::Authorization),
    ("token_url", Endpoint::Token),
    ("userinfo_url", Endpoint::Userinfo),
    ("end_session_url", Endpoint::EndSession),
    ("jwk_set_url", Endpoint::JwkSet),
];

/// Who the provider is. A gap is for tenants, and those are listed.
pub(super) fn rule(reading: &mut Reading<'_>, issuer: &str) -> Option<IssuerRule> {
    let has_gap = issuer.contains(['{', '}']);
    let listed = reading.values.has("tenants");
    if !has_gap && listed {
        let message = "`tenants` fill the gap of an issuer, and this one has none";
        let help = "issuer = \"https://login.microsoftonline.com/{tenantid}/v2.0\"";
        reading.fault(Fault::new("tenants", message).help(help));
    }
    if !has_gap {
        return Some(IssuerRule::exact(issuer));
    }
    if reading.values.texts("tenants").next().is_none() {
        let message = "whoever has a tenant at this provider could log in: say whose users may";
        let help = "tenants = [\"…\"]: the tenants' ids, as in the claim `tid`";
        reading.fault(Fault::new("issuer", message).help(help));
        return None;
    }
    let template = IssuerTemplate::new(issuer, TENANT_CLAIM);
    if template.is_none() {
        let message = "one gap, in the path of an https URL: `{tenantid}`";
        let help = "issuer = \"https://login.microsoftonline.com/{tenantid}/v2.0\"";
        reading.fault(Fault::new("issuer", message).help(help));
    }
    Some(IssuerRule::Template(template?))
}

pub(in crate::login) fn reach(reading: &mut Reading<'_>, issuer: &str, parts: &Parts) -> Option<Reach> {
    let authorities = reading.authorities()?;
    let allow_http = reading.values.flag("danger_allow_http");
    Some(Reach::of(issuer, &parts.http, authorities, allow_http))
}

/// The endpoints that the operator names.
pub(super) fn said(reading: &mut Reading<'_>) -> Vec<(Endpoint, Url)> {
    let allow_http = reading.values.flag("danger_allow_http");
    let mut said = Vec::new();
    for (name, endpoint) in ENDPOINTS {
        let url = reading.values.text(name).and_then(|text| Url::parse(text).ok());
        if let Some(url) = url
            && reading.check_url(name, &url, allow_http).is_some()
        {
            said.push((endpoint, url));
        }
    }
    said
}

/// Where the document is; none where the operator says where people log in.
pub(super) fn discovery(
    reading: &mut Reading<'_>,
    rule: &IssuerRule,
    said: &[(Endpoint, Url)],
    oauth2: bool,
) -> Option<Url> {
    let says = |endpoint: Endpoint| said.iter().any(|(own, _)| *own == endpoint);
    let values = reading.values;
    if says(Endpoint::Authorization) || oauth2 {
        let needed = [
            (Endpoint::Authorization, "authorization_url"),
            (Endpoint::Token, "token_url"),
            if oauth2 {
                (Endpoint::Userinfo, "userinfo_url")
            } else {
                (Endpoint::JwkSet, "jwk_set_url")
            },
        ];
        for (_, name) in needed
            .into_iter()
            .filter(|(endpoint, name)| !says(*endpoint) && !values.has(name))
        {
            let message = format!(
                "`{name}` is missing: nothing is discovered where `authorization_url` or `oauth2_claims` is set"
            );
            reading.fault(Fault {
                at: Vec::new(),
                message,
                help: Some(format!(
                    "write {name} = \"https://…\", as the provider's documentation has it"
                )),
            });
        }
        return None;
    }
    let allow_http = values.flag("danger_allow_http");
    let (at, url) = match values.text("discovery_url") {
        Some(text) => ("discovery_url", Url::parse(text).ok()),
        None => ("issuer", discovery_url(rule.as_str())),
    };
    let Some(url) = url else {
        let message = "the provider is discovered at the issuer, so it must be an https URL without query";
        let help = "for a provider without discovery: authorization_url, token_url and jwk_set_url";
        reading.fault(Fault::new(at, message).help(help));
        return None;
    };
    reading.check_url(at, &url, allow_http).map(|()| url)
}

pub(in crate::login) fn keys(
    rule: &IssuerRule,
    discovery: Option<&Url>,
    said: &[(Endpoint, Url)],
    reach: &Reach,
    parts: &Parts,
) -> Arc<dyn Keys> {
    let issuer: Arc<str> = rule.as_str().into();
    let named = said.iter().find(|(endpoint, _)| *endpoint == Endpoint::JwkSet);
    let location = match (named, discovery) {
        (Some((_, url)), _) => KeyLocation::JwkSet {
            issuer,
            url: url.clone(),
        },
        (None, Some(url)) => KeyLocation::Discovery {
            issuer,
            url: url.clone(),
        },
        // There are no ID Tokens to be verified.
        (None, None) => return Arc::new(Offline),
    };
    let settings = KeySettings {
        freshness: FRESHNESS,
        allow_http: reach.allow_http,
        authorities: reach.limits.authorities.clone(),
    };
    parts.keys.open(&location, &settings)
}
