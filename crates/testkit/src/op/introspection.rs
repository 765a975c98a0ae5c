//! An issuer that is asked about its tokens (RFC 7662). `opaque-ann`, `opaque-ann-2` and so on are ann's, and so is a JWT that
//! says so; anything else it does not know.

use super::provider::{client_of, merge, respond};
use crate::clock::HandClock;
use crate::tokens::Token;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_core::http_client::{FetchLimits, HttpError};
use countersign_core::time::Clock as _;
use http::{Request, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The token that may ask in place of a client.
const BEARER: &str = "Bearer the-token-to-ask-with";

/// What it was told to say.
#[derive(Debug, Default)]
pub(super) struct Introspection {
    taken_back: BTreeSet<String>,
    /// `down`, `slow`, or a status.
    says: Option<String>,
    /// Merged into every answer about a token that is active.
    answer: Value,
}

impl Introspection {
    /// Whether `word` begins a change of ours.
    pub(super) fn knows(word: &str) -> bool {
        ["introspects", "takes-back"].contains(&word)
    }

    /// `introspects down`, `slow`, `503`, `{"aud":null}` or `as usual`; `takes-back opaque-ann`.
    pub(super) fn change(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match (word, rest) {
            ("takes-back", token) => drop(self.taken_back.insert(token.to_owned())),
            (_, "as usual") => (self.says, self.answer) = (None, json!({})),
            (_, object) if object.starts_with('{') => {
                self.answer = serde_json::from_str(object).map_err(|error| error.to_string())?;
            }
            (_, says) => self.says = Some(says.to_owned()),
        }
        Ok(())
    }

    /// The answer, when the request is for this endpoint of `issuer`.
    pub(super) fn answer(
        &self,
        issuer: &str,
        request: &Request<Bytes>,
        limits: &FetchLimits,
        clock: &HandClock,
    ) -> Option<Result<Response<Bytes>, HttpError>> {
        if request.uri() != format!("{issuer}/introspect").as_str() {
            return None;
        }
        match self.says.as_deref() {
            None => {}
            Some("down") => return Some(Err(HttpError::Unreachable("connection refused".into()))),
            Some("slow") => return Some(Err(HttpError::TooSlow(limits.deadline))),
            Some(status) => return Some(Ok(respond(status.parse().unwrap_or(500), &json!({})))),
        }
        let form = url::form_urlencoded::parse(request.body())
            .into_owned()
            .collect::<BTreeMap<_, _>>();
        let bears = request
            .headers()
            .get("authorization")
            .is_some_and(|value| value == BEARER);
        if !bears && client_of(request, &form).is_none() {
            return Some(Ok(respond(401, &json!({ "error": "invalid_client" }))));
        }
        let token = form.get("token").map_or("", String::as_str);
        let known = claims_of(token).filter(|_| !self.taken_back.contains(token));
        let now = clock.now().wall.seconds();
        let lasts = |claims: &Value| claims["exp"].as_i64().is_none_or(|ends| now < ends);
        let Some(mut claims) = known.filter(lasts) else {
            return Some(Ok(respond(200, &json!({ "active": false }))));
        };
        merge(
            &mut claims,
            &json!({ "active": true, "iss": issuer, "token_type": "Bearer" }),
        );
        merge(&mut claims, &self.answer);
        Some(Ok(respond(200, &claims)))
    }
}

/// What stands behind `token`, in the words of the same person's JWT.
fn claims_of(token: &str) -> Option<Value> {
    let jwt = match token.strip_prefix("opaque-") {
        Some(person) => Token::of(person.split('-').next()?)?.compact(),
        None => token.to_owned(),
    };
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}
