//! An issuer that people log in at: authorization, token, userinfo, revocation and end session endpoints, with a switch
//! for each way a real one fails. It checks what a relying party sends as strictly as a good one does.

use crate::clock::HandClock;
use crate::tokens::Token;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use countersign_core::http_client::{FetchLimits, HttpError};
use countersign_core::time::Clock as _;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

/// The secret of every client that has one.
pub const CLIENT_SECRET: &str = "the-secret-of-the-client";

/// Where a browser is sent from the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// To this URL.
    To(String),
    /// With this form, to this URL.
    Form(String, String),
    /// Nowhere: it stays there.
    Nowhere,
}

/// What a code or refresh token stands for.
#[derive(Clone, Debug)]
struct Grant {
    person: String,
    client: String,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    scope: String,
    sid: String,
    auth_time: i64,
    acr: Option<String>,
}

/// How it behaves, apart from what is the same for keys and discovery.
#[derive(Debug)]
struct Switches {
    /// The error that every authentication request gets.
    says: Option<String>,
    /// How the token endpoint answers, when not as it should: `down`, `slow`, `500`, `429`, or an OAuth error.
    token: Option<String>,
    /// Merged into ID Tokens.
    claims: Value,
    /// Merged into userinfo.
    userinfo: Value,
    /// The status of userinfo, when it does not answer as it should.
    userinfo_fails: Option<u16>,
    /// Merged into the token endpoint's answer.
    answer: Value,
    /// Changes of ID Tokens, as in `tokens.rs`.
    token_changes: Vec<(String, String)>,
    /// How long an access token lasts, in seconds.
    lasts: u64,
    /// Whether each refresh token is good once.
    rotates: bool,
    /// Whether authorization responses name their issuer.
    names_itself: Option<String>,
    /// The path that browsers are sent back to, whatever the redirect URI says.
    answers_at: Option<String>,
    /// Merged into the discovery document.
    document: Value,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            says: None,
            token: None,
            claims: json!({}),
            userinfo: json!({}),
            userinfo_fails: None,
            answer: json!({}),
            token_changes: Vec::new(),
            lasts: 300,
            rotates: true,
            names_itself: None,
            answers_at: None,
            document: json!({}),
        }
    }
}

/// Who is logged in where, and what was given out.
#[derive(Debug, Default)]
pub(super) struct Provider {
    counted: u64,
    codes: BTreeMap<String, Grant>,
    refresh: BTreeMap<String, Grant>,
    access: BTreeMap<String, Grant>,
    /// The session of each person here, by name.
    sids: BTreeMap<String, String>,
    switches: Switches,
}

/// The words of [`Provider::change`].
const CHANGES: [&str; 13] = [
    "only",
    "says",
    "token",
    "claims",
    "userinfo",
    "answer",
    "id-token",
    "lasts",
    "rotates",
    "names-itself",
    "answers-at",
    "document",
    "forgets",
];

impl Provider {
    /// Whether `word` begins a change of ours.
    pub(super) fn knows(word: &str) -> bool {
        CHANGES.contains(&word)
    }

    /// `says access_denied`, `token 503`, `claims {"groups":[]}`, `userinfo {…}`, `userinfo 503`, `answer {"id_token":null}`,
    /// `id-token key ec-256`, `lasts 60`, `rotates no`, `names-itself https://op.test`, `answers-at /path`, `forgets` (every
    /// refresh token). `as usual` after the first two ends them. `only` before one ends all others.
    pub(super) fn change(&mut self, word: &str, rest: &str) -> Result<(), String> {
        let object = || serde_json::from_str::<Value>(rest).map_err(|error| error.to_string());
        let said = || (rest != "as usual").then(|| rest.to_owned());
        match word {
            "only" => {
                self.switches = Switches::default();
                let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                self.change(word, rest)?;
            }
            "says" => self.switches.says = said(),
            "token" => self.switches.token = said(),
            "claims" => self.switches.claims = object()?,
            "userinfo" => {
                self.switches.userinfo_fails = rest.parse().ok();
                if self.switches.userinfo_fails.is_none() {
                    self.switches.userinfo = object()?;
                }
            }
            "answer" => self.switches.answer = object()?,
            "id-token" => {
                let (what, value) = rest.split_once(' ').unwrap_or((rest, ""));
                self.switches.token_changes = if rest == "as usual" {
                    Vec::new()
                } else {
                    vec![(what.to_owned(), value.to_owned())]
                };
            }
            "lasts" => self.switches.lasts = rest.parse().map_err(|_| format!("`{rest}` is no number"))?,
            "rotates" => self.switches.rotates = rest != "no",
            "names-itself" => self.switches.names_itself = said(),
            "answers-at" => self.switches.answers_at = said(),
            "document" => self.switches.document = object()?,
            "forgets" => self.refresh.clear(),
            _ => return Err(format!("a provider cannot be `{word}`")),
        }
        Ok(())
    }

    fn draw(&mut self, what: &str) -> String {
        self.counted += 1;
        format!("{what}-{:04}-of-the-provider-at-op-test", self.counted)
    }

    /// A browser comes to the authorization endpoint, and `person` logs in.
    pub(super) fn authorize(
        &mut self,
        issuer: &str,
        url: &Url,
        person: &str,
        clock: &HandClock,
    ) -> Result<Sent, String> {
        let query = url.query_pairs().into_owned().collect::<BTreeMap<_, _>>();
        if query.len() != url.query_pairs().count() {
            return Err(format!("a parameter is there twice: {url}"));
        }
        let get = |name: &str| query.get(name).cloned();
        let need = |name: &str| get(name).ok_or(format!("the authentication request has no `{name}`: {url}"));
        for (name, wanted) in [("response_type", "code"), ("code_challenge_method", "S256")] {
            if need(name)? != wanted {
                return Err(format!("`{name}` is not {wanted}: {url}"));
            }
        }
        let (redirect_uri, state) = (need("redirect_uri")?, need("state")?);
        let mut answer = vec![("state".to_owned(), state)];
        let prompt = get("prompt");
        let says = match (&self.switches.says, person) {
            (Some(error), _) => Some(error.clone()),
            (None, "nobody") if prompt.as_deref() == Some("none") => Some("login_required".to_owned()),
            (None, "nobody") => Some("access_denied".to_owned()),
            (None, _) => None,
        };
        let asked_for = |error: &String| error != "login_required" || prompt.as_deref() == Some("none");
        if let Some(error) = says.filter(asked_for) {
            answer.push(("error".to_owned(), error));
        } else {
            let code = self.draw("code");
            let known = self.sids.get(person).cloned();
            let sid = known.unwrap_or_else(|| self.draw("sid"));
            drop(self.sids.insert(person.to_owned(), sid.clone()));
            let grant = Grant {
                person: person.to_owned(),
                client: need("client_id")?,
                redirect_uri: redirect_uri.clone(),
                challenge: need("code_challenge")?,
                nonce: get("nonce"),
                scope: need("scope")?,
                sid,
                auth_time: clock.now().wall.seconds(),
                acr: get("acr_values").and_then(|values| values.split(' ').next().map(str::to_owned)),
            };
            drop(self.codes.insert(code.clone(), grant));
            answer.push(("code".to_owned(), code));
        }
        if let Some(own) = &self.switches.names_itself {
            let own = if own == "yes" { issuer } else { own };
            answer.push(("iss".to_owned(), own.to_owned()));
        }
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(answer)
            .finish();
        let mut redirect_uri = redirect_uri;
        if let Some(path) = &self.switches.answers_at {
            let mut elsewhere = Url::parse(&redirect_uri).map_err(|error| error.to_string())?;
            elsewhere.set_path(path);
            redirect_uri = elsewhere.into();
        }
        Ok(if get("response_mode").as_deref() == Some("form_post") {
            Sent::Form(redirect_uri, form)
        } else {
            Sent::To(format!("{redirect_uri}?{form}"))
        })
    }

    /// A browser comes to the end session endpoint.
    pub(super) fn end_session(url: &Url) -> Result<Sent, String> {
        let query = url.query_pairs().into_owned().collect::<BTreeMap<_, _>>();
        if !query.contains_key("id_token_hint") && !query.contains_key("client_id") {
            return Err(format!("nobody says whose session is to end: {url}"));
        }
        Ok(match query.get("post_logout_redirect_uri") {
            Some(after) => Sent::To(after.clone()),
            None => Sent::Nowhere,
        })
    }

    /// An answer of one of the endpoints behind the browser's back; `None` when it is none of them.
    pub(super) fn answer(
        &mut self,
        issuer: &str,
        request: &Request<Bytes>,
        limits: &FetchLimits,
        clock: &HandClock,
    ) -> Option<Result<Response<Bytes>, HttpError>> {
        let url = request.uri().to_string();
        let endpoint = url.strip_prefix(issuer)?;
        let form = url::form_urlencoded::parse(request.body())
            .into_owned()
            .collect::<BTreeMap<_, _>>();
        match endpoint {
            "/token" => Some(match self.switches.token.as_deref() {
                Some("down") => Err(HttpError::Unreachable("connection refused".into())),
                Some("slow") => Err(HttpError::TooSlow(limits.deadline)),
                Some(status) if status.parse::<u16>().is_ok() => Ok(respond(
                    status.parse().unwrap_or(500),
                    &json!({"error": "invalid_grant"}),
                )),
                Some(error) => Ok(respond(400, &json!({ "error": error }))),
                None => Ok(self.token(issuer, request, &form, clock)),
            }),
            "/userinfo" => Some(Ok(self.userinfo(request))),
            "/revoke" => Some(Ok(self.revoke(request, &form))),
            _ => None,
        }
    }

    /// What it says about itself that its discovery document would not say.
    pub(super) fn amend(&self, document: &mut Value) {
        merge(document, &self.switches.document);
    }

    fn token(
        &mut self,
        issuer: &str,
        request: &Request<Bytes>,
        form: &BTreeMap<String, String>,
        clock: &HandClock,
    ) -> Response<Bytes> {
        let refused = |error: &str| respond(400, &json!({ "error": error }));
        // A provider that takes secrets in the form alone.
        let posted =
            self.switches.document["token_endpoint_auth_methods_supported"] == json!(["client_secret_post"]);
        let taken = !posted || !request.headers().contains_key("authorization");
        let Some(client) = client_of(request, form).filter(|_| taken) else {
            return respond(401, &json!({ "error": "invalid_client" }));
        };
        let get = |name: &str| form.get(name).map_or("", String::as_str);
        let grant = match get("grant_type") {
            "authorization_code" => self.codes.remove(get("code")).filter(|grant| {
                grant.redirect_uri == get("redirect_uri") && grant.challenge == s256(get("code_verifier"))
            }),
            "refresh_token" if self.switches.rotates => self.refresh.remove(get("refresh_token")),
            "refresh_token" => self.refresh.get(get("refresh_token")).cloned(),
            _ => return refused("unsupported_grant_type"),
        };
        let Some(grant) = grant.filter(|grant| grant.client == client) else {
            return refused("invalid_grant");
        };
        let access = self.draw("access");
        drop(self.access.insert(access.clone(), grant.clone()));
        let mut answer = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": self.switches.lasts,
        });
        if grant.scope.split(' ').any(|scope| scope == "offline_access") {
            let again = get("grant_type") == "refresh_token" && !self.switches.rotates;
            let refresh = if again {
                get("refresh_token").to_owned()
            } else {
                self.draw("refresh")
            };
            answer["refresh_token"] = refresh.clone().into();
            drop(self.refresh.insert(refresh, grant.clone()));
        }
        if grant.scope.split(' ').any(|scope| scope == "openid") {
            match self.id_token(issuer, &grant, clock) {
                Ok(token) => answer["id_token"] = token.into(),
                Err(error) => return respond(500, &json!({ "error": error })),
            }
        }
        merge(&mut answer, &self.switches.answer);
        respond(200, &answer)
    }

    fn id_token(&self, issuer: &str, grant: &Grant, clock: &HandClock) -> Result<String, String> {
        let mut token = Token::of(&grant.person).ok_or(format!("nobody is called {}", grant.person))?;
        let now = clock.now().wall.seconds();
        token.change("iss", issuer)?;
        token.change("aud", &grant.client)?;
        let own = json!({
            "iat": now, "exp": now + 3600, "nonce": grant.nonce, "sid": grant.sid, "auth_time": grant.auth_time,
            "acr": grant.acr, "scope": null,
        });
        token.change("with", &own.to_string())?;
        token.change("with", &self.switches.claims.to_string())?;
        for (what, value) in &self.switches.token_changes {
            token.change(what, value)?;
        }
        Ok(token.compact())
    }

    fn userinfo(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if let Some(status) = self.switches.userinfo_fails {
            return respond(status, &json!({}));
        }
        let token = bearer(request).and_then(|token| self.access.get(token));
        let Some(grant) = token else {
            return respond(401, &json!({ "error": "invalid_token" }));
        };
        let mut facts = json!({ "sub": grant.person, "nickname": format!("{}'s nickname", grant.person) });
        merge(&mut facts, &self.switches.userinfo);
        respond(200, &facts)
    }

    fn revoke(&mut self, request: &Request<Bytes>, form: &BTreeMap<String, String>) -> Response<Bytes> {
        if client_of(request, form).is_none() {
            return respond(401, &json!({ "error": "invalid_client" }));
        }
        if let Some(token) = form.get("token") {
            drop((self.refresh.remove(token), self.access.remove(token)));
        }
        respond(200, &json!({}))
    }
}

/// What `issuer` says about all this in its discovery document.
pub(super) fn document(issuer: &str, document: &mut Map<String, Value>) {
    let at = |path: &str| Value::from(format!("{issuer}/{path}"));
    let members = [
        ("userinfo_endpoint", at("userinfo")),
        ("revocation_endpoint", at("revoke")),
        ("introspection_endpoint", at("introspect")),
        ("end_session_endpoint", at("end")),
        ("code_challenge_methods_supported", json!(["S256"])),
    ];
    for (name, value) in members {
        drop(document.insert(name.to_owned(), value));
    }
}

/// The client that a request proves to be from.
pub(super) fn client_of(request: &Request<Bytes>, form: &BTreeMap<String, String>) -> Option<String> {
    let basic = request.headers().get("authorization");
    let basic = basic.and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    if let Some(text) = basic {
        let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let (client, secret) = pair.split_once(':')?;
        return (secret == CLIENT_SECRET).then(|| client.to_owned());
    }
    let client = form.get("client_id")?.clone();
    let fits = match (form.get("client_secret"), form.get("client_assertion")) {
        (Some(secret), None) => secret == CLIENT_SECRET,
        (None, Some(assertion)) => audience_of(assertion)
            .is_some_and(|audience| audience.ends_with("/token") == client.ends_with("by-token-endpoint")),
        // Sites prove themselves by their verifiers alone.
        (None, None) => client.starts_with("public") || client.starts_with("https://"),
        (Some(_), Some(_)) => false,
    };
    fits.then_some(client)
}

/// Whom an assertion is for. A client named `…by-token-endpoint` says the token endpoint's URL there.
fn audience_of(assertion: &str) -> Option<String> {
    let [_, payload, _] = assertion.split('.').collect::<Vec<_>>().try_into().ok()?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let payload = serde_json::from_slice::<Value>(&payload).ok()?;
    Some(payload.get("aud")?.as_str()?.to_owned())
}

fn bearer(request: &Request<Bytes>) -> Option<&str> {
    let value = request.headers().get("authorization")?;
    value.to_str().ok()?.strip_prefix("Bearer ")
}

fn s256(text: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

pub(super) fn merge(target: &mut Value, patch: &Value) {
    let (Some(target), Some(patch)) = (target.as_object_mut(), patch.as_object()) else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            drop(target.remove(name));
        } else {
            drop(target.insert(name.clone(), value.clone()));
        }
    }
}

pub(super) fn respond(status: u16, body: &Value) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap();
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    answer.body(Bytes::from(body.to_string())).unwrap()
}
