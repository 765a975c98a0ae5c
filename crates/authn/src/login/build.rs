//! From checked values to a login: all that can be wrong with `[login.NAME]`, told at once.

use super::cookies::Cookies;
use super::handoff::At;
use super::party::{AskUserinfo, Asking, Believing, KnownAs, RelyingParty, Visiting};
use super::provider::Provider;
use super::{Login, TABLE};
use crate::bearer_jwt::source::Reading;
use crate::kinds::{Built, Parts};
use aws_lc_rs::digest::{SHA256, digest};
use countersign_core::claims::ClaimPath;
use countersign_core::gate::{PathOddities, Target};
use countersign_core::options::{Fault, Values};
use countersign_core::own_path::{CALLBACK, LOGOUT, is_own};
use countersign_core::principal::FactPaths;
use countersign_core::route::LoginDemand;
use countersign_jose::algorithm::Algorithm;
use countersign_oidc::id_token;
use countersign_oidc::relying_party::authorization::{
    AuthenticationWishes, ExtraParameters, Prompt, ResponseMode,
};
use countersign_oidc::userinfo::UserinfoMapping;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

pub(crate) mod client;
pub(super) mod provider;

/// The scope that asks for a refresh token (OpenID Connect Core section 11).
const OFFLINE_ACCESS: &str = "offline_access";

/// Builds `login.name`.
pub fn build(name: &str, values: &Values, parts: &Parts) -> Result<Built, Vec<Fault>> {
    let mut reading = Reading::of(values);
    let issuer = values.text("issuer").unwrap_or("");
    let rule = provider::rule(&mut reading, issuer);
    let reach = provider::reach(&mut reading, issuer, parts);
    let client = client::client(&mut reading, issuer);
    let asking = asking(&mut reading, parts);
    let facts = facts(&mut reading);
    let visiting = visiting(&mut reading, parts);
    let mapping = mapping(&mut reading, issuer);
    let algorithms = algorithms(&mut reading);
    let said = provider::said(&mut reading);
    let discovery = rule
        .as_ref()
        .and_then(|rule| provider::discovery(&mut reading, rule, &said, mapping.is_some()));
    let (Some(rule), Some(reach), Some(client), Some(asking), Some(facts), Some(visiting)) =
        (rule, reach, client, asking, facts, visiting)
    else {
        return Err(reading.faults);
    };
    let keys = provider::keys(&rule, discovery.as_ref(), &said, &reach, parts);
    if !reading.faults.is_empty() {
        return Err(reading.faults);
    }
    let label = values
        .text("label")
        .map_or_else(|| named_after(issuer, name), Into::into);
    let party = RelyingParty {
        name: format!("{TABLE}.{name}").into(),
        label,
        tag: tag(&format!("{TABLE}.{name}"), issuer, &client.id),
        provider: Provider::new(rule.clone(), discovery, said, reach),
        issuer: rule,
        known_as: KnownAs::Client(client),
        asking,
        believing: Believing {
            keys,
            algorithms,
            leeway: leeway(values),
            tenants: values.texts("tenants").map(Into::into).collect(),
            mapping,
        },
        visiting,
        facts,
        sessions: Arc::clone(&parts.sessions),
        entropy: Arc::clone(&parts.entropy),
    };
    Ok(login_of(party, reading.warnings))
}

/// The login of `party`.
pub(super) fn login_of(party: RelyingParty, warnings: Vec<String>) -> Built {
    let login = Arc::new(Login::new(Arc::new(party)));
    Built {
        authenticator: Arc::clone(&login) as _,
        login: Some(login),
        warnings,
    }
}

/// By what cookies are told apart: never a secret. Two logins may be of one client.
pub(super) fn tag(full: &str, issuer: &str, client_id: &str) -> Box<str> {
    let hash = digest(&SHA256, format!("{issuer}\n{client_id}\n{full}").as_bytes());
    let digits = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().into()
}

/// What people read where nobody says: the provider's host.
pub(super) fn named_after(issuer: &str, name: &str) -> Box<str> {
    let url = Url::parse(issuer).ok();
    url.as_ref().and_then(Url::host_str).unwrap_or(name).into()
}

fn asking(reading: &mut Reading<'_>, parts: &Parts) -> Option<Asking> {
    let values = reading.values;
    let scopes = values.texts("scopes").collect::<Vec<_>>();
    for (index, scope) in scopes.iter().enumerate().filter(|(_, scope)| !is_token(scope)) {
        let message =
            format!("{scope:?} is not one scope: printable characters without spaces and quotes are");
        let fault = Fault::new(&index.to_string(), message).within("scopes");
        reading.fault(fault.help("each scope is a string of its own: scopes = [\"openid\", \"email\"]"));
    }
    reading.faults.extend(acr_faults(values));
    if !scopes.contains(&"openid") && !values.has("oauth2_claims") {
        let message = "without `openid` there is no ID Token, and nobody is logged in";
        reading.fault(Fault::new("scopes", message).help("scopes = [\"openid\", …]"));
    }
    let offline = scopes.iter().position(|scope| *scope == OFFLINE_ACCESS);
    if let Some(index) = offline.filter(|_| parts.cookie.holds_session.is_some()) {
        let message = "nothing keeps a refresh token: `session.store` is \"cookie\"";
        let help = "leave it out, or each login leaves a token at the provider that nobody has";
        reading.fault(
            Fault::new(&index.to_string(), message)
                .within("scopes")
                .help(help),
        );
    }
    measured(reading);
    let extra = ExtraParameters::new(
        values
            .text_map("params")
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let extra = match extra {
        Ok(extra) => extra,
        Err(error) => {
            let help = "the options of this table say the rest: `scopes`, `prompt`, `acr_values`, `max_age`";
            reading.fault(Fault::new("params", error.to_string()).help(help));
            return None;
        }
    };
    Some(Asking {
        scope: scopes.join(" ").into(),
        response_mode: match values.text("response_mode") {
            Some("form_post") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        },
        wishes: AuthenticationWishes {
            prompt: values.text("prompt").and_then(Prompt::parse),
            max_age: values.duration("max_age"),
            acr_values: values.texts("acr_values").map(Into::into).collect(),
            login_hint: None,
            extra,
        },
        userinfo: match values.text("userinfo") {
            Some("never") => AskUserinfo::Never,
            Some("refresh") => AskUserinfo::Refresh,
            _ => AskUserinfo::Login,
        },
    })
}

/// What is asked of every login, and measured in its ID Token.
fn measured(reading: &mut Reading<'_>) {
    let values = reading.values;
    for name in ["max_age", "acr_values"] {
        if values.has(name) && values.has("oauth2_claims") {
            let message =
                format!("`{name}` is measured in an ID Token, and with `oauth2_claims` there is none");
            reading.fault(Fault::new(name, message).help("leave it out: nobody would ever be logged in"));
        }
    }
}

/// How far the provider's clock may be off.
fn leeway(values: &Values) -> Duration {
    values.duration("leeway").unwrap_or(FactPaths::LEEWAY)
}

/// Whether a list that is joined by spaces can hold it (RFC 6749 section 3.3).
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(allowed)
}

/// What is wrong with `acr_values`, of a login or of a route.
pub fn acr_faults(values: &Values) -> Vec<Fault> {
    let listed = values.texts("acr_values").enumerate();
    let wrong = listed.filter(|(_, acr)| !is_token(acr));
    let faults = wrong.map(|(index, acr)| {
        let message = format!("{acr:?} cannot be one: printable characters without spaces and quotes are");
        Fault::new(&index.to_string(), message)
            .within("acr_values")
            .help("each is a string of its own, as the provider writes it in `acr`")
    });
    let too_long = LoginDemand::too_long(values.texts("acr_values"));
    let too_long = too_long
        .map(|message| Fault::new("acr_values", message).help("name fewer of them, the most wanted first"));
    faults.chain(too_long).collect()
}

fn facts(reading: &mut Reading<'_>) -> Option<Arc<FactPaths>> {
    let subject = reading.path("subject_claim");
    let groups = reading.path("groups_claim");
    let trust_unverified_email = reading.values.flag("danger_trust_unverified_email");
    if trust_unverified_email {
        let warning = "`danger_trust_unverified_email`: whoever can choose an address at this provider is taken for its owner";
        reading.warnings.push(warning.to_owned());
    }
    Some(Arc::new(FactPaths {
        subject: subject?,
        groups: groups?,
        trust_unverified_email,
        leeway: leeway(reading.values),
    }))
}

fn visiting(reading: &mut Reading<'_>, parts: &Parts) -> Option<Visiting> {
    let values = reading.values;
    let over_http = values.flag("danger_cookies_over_http");
    if over_http {
        let warning = "`danger_cookies_over_http`: whoever is on the way can take over people's sessions";
        reading.warnings.push(warning.to_owned());
    }
    let path = |name: &str, usual: &str| {
        let text = values.text(name).unwrap_or(usual);
        let target = Target::judge(text).ok();
        let sound = target.is_some_and(|target| {
            target.query().is_none()
                && target.oddities() == PathOddities::NONE
                && (text == usual || !is_own(text))
        });
        sound.then(|| text.into())
    };
    let (callback, logout) = (path("callback", CALLBACK), path("logout", LOGOUT));
    for (name, found) in [("callback", &callback), ("logout", &logout)] {
        if found.is_none() {
            let message = "not a plain path such as /auth, or one of our own pages";
            let help = format!("{name} = \"/{name}\": a path of its own on your host, or leave it out");
            reading.fault(Fault::new(name, message).help(help));
        } else if found.as_deref() == Some("/") {
            let message =
                format!("the front page of the application would never be reached: `{name}` is there");
            let help = format!("a path of its own, {name} = \"/{name}\", or leave it out");
            reading.fault(Fault::new(name, message).help(help));
        }
    }
    if callback.is_some() && callback == logout {
        let help = "two pages have two paths";
        reading.fault(Fault::new("logout", "the same path as `callback`").help(help));
    }
    if over_http && values.text("response_mode") == Some("form_post") {
        let message = "over plain http a browser keeps no cookie that `form_post` needs: SameSite=None goes with Secure alone";
        let help = "leave it out, or response_mode = \"query\"";
        reading.fault(Fault::new("danger_cookies_over_http", message).help(help));
    }
    let at = values.text("at").and_then(At::parse);
    if values.has("at") && at.is_none() {
        let message = "not an origin: a scheme and a host, and nothing behind it";
        reading.fault(Fault::new("at", message).help("at = \"https://auth.home.example\""));
    }
    if values.has("at") && parts.cookie.share.is_some() {
        let message = "`session.share` is the other way to serve many hosts";
        let help = "with `at` every host has a session of its own, which is safer: leave `share` out";
        reading.fault(Fault::new("at", message).help(help));
    }
    if values.has("at") && parts.cookie.holds_session.is_some() {
        let message =
            "a session is handed to another host through a store, and `session.store` is \"cookie\"";
        let help =
            "store = \"memory\", \"file\" or \"redis\"; or `session.share`, one cookie for a whole domain";
        reading.fault(Fault::new("at", message).help(help));
    }
    let after_logout = values.text("after_logout").and_then(|text| Url::parse(text).ok());
    Some(Visiting {
        cookies: Cookies::new(&parts.cookie, over_http)?,
        callback: callback?,
        logout: logout?,
        after_logout,
        at,
        remember: values.flag("remember"),
        over_http,
        in_cookie: parts.cookie.holds_session,
        keep_tokens: parts.sends_tokens,
    })
}

/// What a plain OAuth 2.0 provider's userinfo says, as claims.
fn mapping(reading: &mut Reading<'_>, issuer: &str) -> Option<UserinfoMapping> {
    let values = reading.values;
    if !values.has("oauth2_claims") {
        return None;
    }
    let mut subject = None;
    let mut claims = Vec::new();
    for (name, text) in values.text_map("oauth2_claims") {
        match ClaimPath::parse(text) {
            None => {
                let message = format!("{text:?} is no claim path");
                let help =
                    "a member of what `userinfo_url` answers, or several joined with dots: \"plan.name\"";
                reading.fault(Fault::new(name, message).within("oauth2_claims").help(help));
            }
            Some(path) if name == "sub" => subject = Some(path),
            Some(path) => claims.push((Box::<str>::from(name.as_str()), path)),
        }
    }
    if subject.is_none() {
        let message = "`sub` is missing: what never changes hands at this provider";
        reading.fault(Fault::new("oauth2_claims", message).help("oauth2_claims = { sub = \"id\" }"));
    }
    Some(UserinfoMapping {
        issuer: issuer.into(),
        subject: subject?,
        claims: claims.into(),
    })
}

fn algorithms(reading: &mut Reading<'_>) -> Vec<Algorithm> {
    let listed = reading.values.texts("algorithms").filter_map(Algorithm::parse);
    let listed = listed.collect::<Vec<_>>();
    if listed.is_empty() && reading.values.has("algorithms") {
        let help = "leave it out for those that are usual, or name what the provider signs with: algorithms = [\"RS256\"]";
        reading.fault(Fault::new("algorithms", "the list is empty").help(help));
    }
    if listed.iter().any(|algorithm| algorithm.is_hmac()) {
        let message = "HS* are for secrets, and providers sign with keys";
        let help = "leave it out, or name what the provider signs with: algorithms = [\"RS256\"]";
        reading.fault(Fault::new("algorithms", message).help(help));
    }
    if listed.is_empty() {
        return id_token::ALGORITHMS.to_vec();
    }
    listed
}
