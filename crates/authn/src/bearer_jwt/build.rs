//! From checked values to an authenticator: all that can be wrong with `[token.NAME]`, told at once.

use super::BearerJwt;
use super::audience::NOBODY;
use super::credential::{Grammar, Places};
use super::source::Reading;
use crate::keys::Keys;
use crate::kinds::{Built, Parts};
use crate::token_cache::TokenCache;
use countersign_core::claims::ClaimPath;
use countersign_core::options::{Fault, Values};
use countersign_core::principal::FactPaths;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::Expectation;
use http::HeaderName;
use http::header::AUTHORIZATION;
use std::sync::Arc;

/// What OpenID Connect Discovery and RFC 8414 put behind, or into, an issuer.
const WELL_KNOWN: &str = "/.well-known/";
/// Accepted without a word: what issuers use, and nothing weak.
const DEFAULT_ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];
/// Headers a token cannot be in, because they say something else.
const OTHER_HEADERS: [&str; 5] = [
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
];

/// The option by which a token is for the site that it is shown at.
const ORIGIN: &str = "audience_is_origin";

/// Builds `token.name`.
pub fn build(name: &str, values: &Values, parts: &Parts) -> Result<Built, Vec<Fault>> {
    let (authenticator, warnings) = build_token(name, values, parts)?;
    Ok(Built {
        authenticator: Arc::new(authenticator),
        login: None,
        warnings,
    })
}

/// The same, with the type still showing, and the warnings.
pub fn build_token(
    name: &str,
    values: &Values,
    parts: &Parts,
) -> Result<(BearerJwt, Vec<String>), Vec<Fault>> {
    let mut reading = Reading::of(values);
    let issuer: Arc<str> = values.text("issuer").unwrap_or("").into();
    reading.check_issuer(&issuer);
    let algorithms = reading.algorithms();
    let keys = reading.keys(&issuer, &algorithms, parts);
    let places = reading.places();
    let groups = reading.path("groups_claim");
    let expectation = reading.expectation(issuer, algorithms);
    match (keys, places, groups, expectation) {
        (Some(keys), Some(places), Some(groups), Some(expectation)) if reading.faults.is_empty() => {
            let name = format!("token.{name}");
            let token = BearerJwt::assemble(
                &name,
                places,
                keys,
                expectation,
                groups,
                Arc::clone(&parts.tokens),
            );
            let by_origin = values.flag(ORIGIN).then(|| parts.public_ports.clone());
            Ok((BearerJwt { by_origin, ..token }, reading.warnings))
        }
        _ => Err(reading.faults),
    }
}

impl BearerJwt {
    /// Judges by `keys` and `expectation`, with no configuration around them. Tokens come as `Bearer` in Authorization.
    pub fn with_keys(
        name: &str,
        keys: Arc<dyn Keys>,
        expectation: Expectation,
        tokens: Arc<TokenCache>,
    ) -> Self {
        let grammar = Grammar::Bearer { allow_bare: false };
        let places = Places::new(AUTHORIZATION, grammar, None, &[]);
        let groups = ClaimPath::parse("groups").unwrap_or_else(ClaimPath::subject);
        Self::assemble(name, places, keys, expectation, groups, tokens)
    }

    pub(crate) fn assemble(
        name: &str,
        places: Places,
        keys: Arc<dyn Keys>,
        expectation: Expectation,
        groups: ClaimPath,
        tokens: Arc<TokenCache>,
    ) -> Self {
        let facts = FactPaths {
            subject: ClaimPath::subject(),
            groups,
            trust_unverified_email: false,
            leeway: expectation.leeway,
        };
        Self {
            name: name.into(),
            places,
            expectation,
            by_origin: None,
            keys,
            judge: tokens.judge(),
            tokens,
            facts: Arc::new(facts),
        }
    }
}

impl Reading<'_> {
    fn check_issuer(&mut self, issuer: &str) {
        if issuer.is_empty() {
            self.fault(Fault::new("issuer", "an issuer is required"));
        }
        if let Some((before, after)) = issuer.split_once(WELL_KNOWN) {
            let path = after.split_once('/').map_or("", |(_, path)| path);
            let right = if path.is_empty() {
                before.to_owned()
            } else {
                format!("{before}/{path}")
            };
            let message = "this is where the discovery document is, not the issuer";
            self.fault(Fault::new("issuer", message).help(format!(
                "the issuer is probably {right:?}: see `issuer` in that document"
            )));
        }
    }

    /// The algorithms listed, or what goes with the source. HS* and the others are never mixed: a public key would
    /// become a secret everybody knows.
    fn algorithms(&mut self) -> Vec<Algorithm> {
        let hmac = self.values.has("hmac_secret");
        let listed = self
            .values
            .texts("algorithms")
            .filter_map(Algorithm::parse)
            .collect::<Vec<_>>();
        if listed.is_empty() {
            if self.values.has("algorithms") {
                let help = "leave it out for those that are usual, or name what the issuer signs with";
                self.fault(Fault::new("algorithms", "the list is empty").help(help));
            }
            return if hmac {
                vec![Algorithm::Hs256]
            } else {
                DEFAULT_ALGORITHMS.to_vec()
            };
        }
        let shared = listed.iter().filter(|algorithm| algorithm.is_hmac()).count();
        if shared > 0 && shared < listed.len() {
            let message = "HS* and the other algorithms do not go together: one key would have two meanings";
            let help = "make two tables, one for each";
            self.fault(Fault::new("algorithms", message).help(help));
        } else if shared > 0 && !hmac {
            let message = "HS* needs `hmac_secret`: an issuer's public keys are no secret";
            let help = "name what the issuer signs with: algorithms = [\"RS256\"]";
            self.fault(Fault::new("algorithms", message).help(help));
        } else if shared == 0 && hmac {
            let message = "with `hmac_secret` only HS256, HS384 and HS512 make sense";
            let help =
                "algorithms = [\"HS256\"]; for an issuer that signs with a key, leave `hmac_secret` out";
            self.fault(Fault::new("algorithms", message).help(help));
        }
        listed
    }

    pub(crate) fn places(&mut self) -> Option<Places> {
        let text = self.values.text("header").unwrap_or("Authorization");
        let header = HeaderName::from_bytes(text.as_bytes()).ok();
        let header = header.filter(|name| !OTHER_HEADERS.contains(&name.as_str()));
        if header.is_none() {
            let message = format!("{text:?} is no header a token can be in");
            let help = "leave it out for Authorization, or a name of its own: header = \"X-Api-Token\"";
            self.fault(Fault::new("header", message).help(help));
        }
        let allow_bare = self.values.flag("allow_bare");
        let is_authorization = header.as_ref() == Some(&AUTHORIZATION);
        let prefix = self.values.text("prefix");
        let prefix = prefix.filter(|prefix| !(is_authorization && prefix.eq_ignore_ascii_case("bearer ")));
        let grammar = match (prefix, is_authorization) {
            (Some(prefix), _) => {
                if !prefix.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
                    || prefix.starts_with(' ')
                {
                    let message = "a prefix is printable ASCII and does not begin with a space";
                    self.fault(Fault::new("prefix", message).help("prefix = \"Token \""));
                }
                Grammar::Prefix(prefix.into())
            }
            (None, true) => Grammar::Bearer { allow_bare },
            (None, false) => Grammar::Prefix("".into()),
        };
        if allow_bare && !matches!(grammar, Grammar::Bearer { .. }) {
            let message = "it is about `Bearer` in Authorization, and the token is elsewhere";
            self.fault(Fault::new("allow_bare", message).help("leave it out"));
        }
        let cookie = self.cookie();
        let query = self.query();
        Some(Places::new(header?, grammar, cookie.as_deref(), &query))
    }

    fn cookie(&mut self) -> Option<String> {
        let name = self.values.text("cookie")?;
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
        if name.bytes().all(allowed) {
            return Some(name.to_owned());
        }
        let help = "letters, digits, `-` and `_`: cookie = \"token\"";
        self.fault(Fault::new("cookie", format!("{name:?} is no cookie's name")).help(help));
        None
    }

    fn query(&mut self) -> Vec<&str> {
        let names = self.values.texts("query").collect::<Vec<_>>();
        if !names.is_empty() {
            let warning = format!(
                "`query`: tokens in the URL ({}) end up in the logs and histories of everything on the way",
                names.join(", ")
            );
            self.warnings.push(warning);
        }
        names
    }

    pub(crate) fn path(&mut self, at: &str) -> Option<ClaimPath> {
        let text = self.values.text(at).unwrap_or("groups");
        let path = ClaimPath::parse(text);
        if path.is_none() {
            let message = format!("{text:?} is no claim, nor claims joined with dots");
            self.fault(Fault::new(at, message).help("names from the top down: \"realm_access.roles\""));
        }
        path
    }

    fn expectation(&mut self, issuer: Arc<str>, algorithms: Vec<Algorithm>) -> Option<Expectation> {
        let audiences = if self.values.flag(ORIGIN) {
            self.by_origin();
            vec![NOBODY.into()]
        } else {
            self.audiences("it is what the issuer writes into `aud` for this application")
        };
        let mut expectation = Expectation::new(issuer, audiences, algorithms)?;
        self.refine(&mut expectation);
        if let Some(claim) = self.values.text("audience_claim") {
            expectation.audience_claim = claim.into();
        }
        expectation.require_typ = self.values.text("require_typ").map(Into::into);
        Some(expectation)
    }

    /// What goes without saying where a token is for the site that it is shown at.
    fn by_origin(&mut self) {
        for name in ["audiences", "audience_claim"] {
            if self.values.has(name) && self.values.text(name) != Some("aud") {
                let message = format!(
                    "`{ORIGIN}` says what the audience is: the origin of the host that is asked, in `aud`"
                );
                self.fault(Fault::new(name, message).help("leave one of the two out"));
            }
        }
    }

    /// At least one audience; `help` says where it comes from.
    pub(crate) fn audiences(&mut self, help: &str) -> Vec<Box<str>> {
        let audiences = self
            .values
            .texts("audiences")
            .map(Into::into)
            .collect::<Vec<Box<str>>>();
        if audiences.is_empty() || audiences.iter().any(|audience| audience.is_empty()) {
            self.fault(
                Fault::new(
                    "audiences",
                    "at least one audience is required, and none is empty",
                )
                .help(help),
            );
        }
        audiences
    }

    /// What may be asked beyond what is asked of every token.
    pub(crate) fn refine(&mut self, expectation: &mut Expectation) {
        if let Some(leeway) = self.values.duration("leeway") {
            expectation.leeway = leeway;
        }
        if self.values.has("required_claims") && self.values.texts("required_claims").next().is_none() {
            let message = "an empty list asks for nothing more";
            self.fault(Fault::new("required_claims", message).help("leave it out, or fill it"));
        }
        expectation.required_claims = self.values.texts("required_claims").map(Into::into).collect();
    }
}
