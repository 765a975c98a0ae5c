//! From checked values to an authenticator: all that can be wrong with `[introspection.NAME]`, told at once.

use super::answers::{Answers, Lives};
use super::ask::Asker;
use super::budget::Budget;
use super::flights::Flights;
use super::slots::Slots;
use super::{Introspection, TABLE};
use crate::bearer_jwt::source::Reading;
use crate::kinds::{Built, Parts};
use crate::login::build::client;
use crate::login::provider::{Provider, Reach};
use countersign_core::claims::ClaimPath;
use countersign_core::options::{Fault, Values};
use countersign_core::principal::FactPaths;
use countersign_core::secret::Secret;
use countersign_oidc::discovery::{Endpoint, discovery_url};
use countersign_oidc::introspection::IntrospectionExpectation;
use countersign_oidc::issuer::IssuerRule;
use countersign_oidc::relying_party::client::{Client, ClientAuthentication};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

/// How many wait for each that is under way.
const WAITING_PER_SLOT: usize = 8;

/// Builds `introspection.name`.
pub fn build(name: &str, values: &Values, parts: &Parts) -> Result<Built, Vec<Fault>> {
    let mut reading = Reading::of(values);
    let issuer = values.text("issuer").unwrap_or("");
    let client = reading.asking_client(issuer);
    let audiences = reading.expected_audiences();
    let provider = reading.introspection_provider(issuer, parts);
    let places = reading.places();
    let (subject, groups) = (
        reading.path_or("subject_claim", "sub"),
        reading.path("groups_claim"),
    );
    let (Some(client), Some(audiences), Some(provider), Some(places), Some(subject), Some(groups), []) = (
        client,
        audiences,
        provider,
        places,
        subject,
        groups,
        reading.faults.as_slice(),
    ) else {
        return Err(reading.faults);
    };
    let seconds = |name: &str, default: u64| values.duration(name).unwrap_or(Duration::from_secs(default));
    let lives = Lives {
        active: seconds("cache", 60),
        refused: seconds("refused_cache", 10),
    };
    let expectation = IntrospectionExpectation {
        issuer: issuer.into(),
        audiences,
        leeway: seconds("leeway", 60),
    };
    // Everything an answer depends on. The endpoint may be discovered: then it is the issuer's own word.
    let whose = format!(
        "{issuer:?} {:?} {expectation:?} {:?}",
        values.text("url"),
        client.id
    );
    let name: Arc<str> = format!("{TABLE}.{name}").into();
    let slots = whole(values, "at_once").unwrap_or(32);
    let facts = FactPaths {
        subject,
        groups,
        trust_unverified_email: false,
        leeway: expectation.leeway,
    };
    let asker = Asker {
        name: Arc::clone(&name),
        provider,
        client,
        expectation,
        facts: Arc::new(facts),
        entropy: Arc::clone(&parts.entropy),
        answers: Answers::new(&whose, lives, &*parts.entropy),
        slots: Slots::new(slots, slots * WAITING_PER_SLOT),
        budget: Mutex::new(Budget::new(
            whole(values, "unknown_per_second").map_or(50, |number| number as u64),
        )),
        paused: Mutex::default(),
    };
    let authenticator = Introspection {
        name,
        places,
        ask_about_jwts: values.flag("ask_about_jwts"),
        asker: Arc::new(asker),
        flights: Flights::default(),
    };
    Ok(Built {
        authenticator: Arc::new(authenticator),
        login: None,
        warnings: reading.warnings,
    })
}

fn whole(values: &Values, name: &str) -> Option<usize> {
    values
        .integer(name)
        .and_then(|number| usize::try_from(number).ok())
}

impl Reading<'_> {
    /// As whom the issuer is asked. It is always as somebody: an endpoint that answers everybody lets anybody try tokens.
    fn asking_client(&mut self, issuer: &str) -> Option<Client> {
        let values = self.values;
        if values.has("bearer_token") {
            for name in [
                "client_id",
                "client_secret",
                "private_key",
                "client_authentication",
            ] {
                if values.has(name) {
                    let message = "the issuer is asked with `bearer_token`, or as a client, and not both";
                    self.fault(Fault::new(name, message).help("keep one of them"));
                }
            }
            return self.bearer_token();
        }
        if !values.has("client_id") || !(values.has("client_secret") || values.has("private_key")) {
            let message =
                "the issuer is asked as a client: `client_id`, and `client_secret` or `private_key`";
            let help = "or with `bearer_token`, where the issuer wants one (RFC 7662 section 2.1)";
            self.fault(Fault {
                at: Vec::new(),
                message: message.to_owned(),
                help: Some(help.to_owned()),
            });
            return None;
        }
        client::client(self, issuer)
    }

    fn bearer_token(&mut self) -> Option<Client> {
        let bytes = self.values.secret("bearer_token")?.expose();
        let text = std::str::from_utf8(bytes)
            .unwrap_or("")
            .trim_end_matches(['\r', '\n']);
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.fault(Fault::new(
                "bearer_token",
                "empty, or not one word of printable ASCII",
            ));
            return None;
        }
        Some(Client {
            id: "".into(),
            authentication: ClientAuthentication::Bearer(Secret::new(text.to_owned())),
        })
    }

    /// The audiences; the inner `None` where the operator takes any.
    #[expect(clippy::option_option, reason = "a fault and any audience are two things")]
    fn expected_audiences(&mut self) -> Option<Option<Box<[Box<str>]>>> {
        if !self.values.flag("danger_any_audience") {
            let help = "it is what the issuer writes into `aud` for this application; for an issuer that writes none, \
                        danger_any_audience = true";
            let audiences = self.audiences(help);
            return Some(Some(audiences.into())).filter(|_| self.faults.is_empty());
        }
        if self.values.has("audiences") {
            let message = "`danger_any_audience` takes every audience, so that a list of them means nothing";
            self.fault(Fault::new("audiences", message).help("keep the list, and leave the danger out"));
            return None;
        }
        let warning =
            "`danger_any_audience`: a token that the issuer gave out for another application opens this one";
        self.warnings.push(warning.to_owned());
        Some(None)
    }

    fn introspection_provider(&mut self, issuer: &str, parts: &Parts) -> Option<Provider> {
        let values = self.values;
        let allow_http = values.flag("danger_allow_http");
        if issuer.is_empty() {
            self.fault(Fault::new("issuer", "an issuer is required"));
        }
        let authorities = self.authorities();
        let rule = IssuerRule::exact(issuer);
        let reach = |authorities| Reach::of(issuer, &parts.http, authorities, allow_http);
        if values.has("url") {
            if values.has("discovery_url") {
                let message = "where to ask is in `url`, so that nothing is discovered";
                self.fault(Fault::new("discovery_url", message).help("keep one of them"));
            }
            let url = self.asked_url("url", values.text("url")?)?;
            let mut reach = reach(authorities?);
            // The operator wrote this address down: it may be inside.
            reach.limits.as_public_as = None;
            let said = vec![(Endpoint::Introspection, url)];
            return Some(Provider::new(rule, None, said, reach));
        }
        let url = if let Some(text) = values.text("discovery_url") {
            self.asked_url("discovery_url", text)?
        } else {
            let Some(url) = discovery_url(issuer) else {
                let message =
                    "where to ask is discovered at the issuer, so it must be an https URL without query";
                self.fault(Fault::new("issuer", message).help("or say where to ask: url = \"https://…\""));
                return None;
            };
            self.asked_url("issuer", url.as_str())?
        };
        Some(Provider::new(rule, Some(url), Vec::new(), reach(authorities?)))
    }

    fn asked_url(&mut self, at: &str, text: &str) -> Option<Url> {
        let Some(url) = Url::parse(text).ok() else {
            self.fault(Fault::new(at, "not an absolute URL"));
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            self.fault(Fault::new(
                at,
                "a URL with a user name, a password or a fragment in it",
            ));
            return None;
        }
        match (url.scheme(), self.values.flag("danger_allow_http")) {
            ("https", _) => Some(url),
            ("http", true) => {
                let warning = "`danger_allow_http`: tokens go to the issuer over plain http, and whoever is on the way can \
                               read them and answer for the issuer";
                self.warnings.push(warning.to_owned());
                Some(url)
            }
            ("http", false) => {
                let help = "write https; for tests, danger_allow_http = true";
                self.fault(Fault::new(at, "tokens would go out over plain http").help(help));
                None
            }
            _ => {
                self.fault(Fault::new(at, "not an https URL"));
                None
            }
        }
    }

    fn path_or(&mut self, at: &str, default: &str) -> Option<ClaimPath> {
        let text = self.values.text(at).unwrap_or(default);
        let path = ClaimPath::parse(text);
        if path.is_none() {
            let message = format!("{text:?} is no claim, nor claims joined with dots");
            self.fault(Fault::new(at, message));
        }
        path
    }
}
