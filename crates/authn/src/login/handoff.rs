//! One redirect URI for many hosts: a login that is begun on one host, run at another (`at`), and handed back.
//!
//! The host that wants the login seals what it wants and sends the browser to the host that runs it, keeping a cookie of its
//! own. That host sends the browser to the provider and back, and hands the session over under a code: good for a minute,
//! once, for that host and for the browser that holds the cookie. So every host has a session of its own.

use super::transaction::{LASTS, Transaction, state_hash};
use super::{Login, Logins};
use crate::login::start::Start;
use crate::session::{Purpose, SessionRecord};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::gate::{Host, Scheme};
use countersign_core::own_path::LOGIN;
use countersign_core::request::OriginalRequest;
use countersign_core::return_to::ReturnTo;
use countersign_core::route::LoginDemand;
use countersign_core::session::StoreError;
use countersign_core::time::{Now, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// How long a session waits to be taken by the host that it is for.
const CODE_LASTS: Duration = Duration::from_mins(1);
/// The bytes of a code.
const CODE_BYTES: usize = 32;
/// The longest wish, sealed and encoded, in bytes.
const MAX_WISH_BYTES: usize = 4 * 1024;

/// The origin at which logins are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// How it is reached.
    pub scheme: Scheme,
    /// Where.
    pub host: Host,
}

impl At {
    /// Reads an origin: `https://auth.home.example`, and nothing behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let authority = url.authority();
        (plain && url.username().is_empty() && url.password().is_none()).then_some(())?;
        Some(Self {
            scheme: Scheme::judge(url.scheme()).ok()?,
            host: Host::judge(authority).ok()?,
        })
    }

    /// Whether a request has come to it.
    pub fn is_of(&self, request: &OriginalRequest) -> bool {
        self.scheme == request.scheme
            && self.host.name() == request.host.name()
            && self.host.port_for(self.scheme) == request.host.port_for(request.scheme)
    }

    /// Whether a session may be handed to where a request has come: to a port that nobody chose but the operator. The request
    /// says which port its client wrote, and something else may listen there.
    pub fn hands_to(&self, request: &OriginalRequest) -> bool {
        let port = request.host.port_for(request.scheme);
        port == request.scheme.default_port() || port == self.host.port_for(self.scheme)
    }
}

/// What one host wants of another, sealed while it is on the way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    login: Box<str>,
    /// The origin to hand the session to.
    pub(super) origin: Box<str>,
    /// The name of the host there, to which the session is bound.
    host: Box<str>,
    /// The state of the login begun there.
    pub(super) state: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acr_values: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ask_the_user: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_hint: Option<Box<str>>,
    ends: i64,
}

/// What waits under a code.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    /// The state of the login that it is the end of, hashed.
    state: Box<str>,
    /// The record, as it will be kept.
    record: Box<str>,
}

/// State and code of a form that hands a session over: one of each, and nothing else.
pub(super) fn handed(form: &[u8]) -> Option<(String, String)> {
    if form.len() > MAX_WISH_BYTES {
        return None;
    }
    let pairs = form_urlencoded::parse(form).collect::<Vec<_>>();
    let [(first, state), (second, code)] = pairs.as_slice() else {
        return None;
    };
    (first == "state" && second == "handoff").then(|| (state.to_string(), code.to_string()))
}

impl Wish {
    pub(super) fn of(
        transaction: &Transaction,
        state: &str,
        request: &OriginalRequest,
        start: &Start,
        now: Timestamp,
    ) -> Self {
        Self {
            login: transaction.login.clone(),
            origin: format!("{}://{}", request.scheme.as_str(), request.host).into(),
            host: request.host.name().into(),
            state: state.into(),
            max_age: start.demand.max_age.map(|age| age.as_secs()),
            acr_values: start.demand.acr_values.clone(),
            prompt: start.demand.prompt.clone(),
            ask_the_user: start.ask_the_user,
            login_hint: start.login_hint.clone(),
            ends: now.plus(LASTS).milliseconds(),
        }
    }

    /// As bytes, for the store.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads them again.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn start(&self) -> Start {
        Start {
            to: ReturnTo::root(),
            demand: LoginDemand {
                max_age: self.max_age.map(Duration::from_secs),
                acr_values: self.acr_values.clone(),
                prompt: self.prompt.clone(),
            },
            tries: 0,
            ask_the_user: self.ask_the_user,
            login_hint: self.login_hint.clone(),
            wish: None,
        }
    }
}

impl Login {
    /// Where the browser goes that logs in elsewhere. What somebody believes of who it is stays behind where it is too long.
    pub(super) fn place_elsewhere(&self, at: &At, mut wish: Wish) -> String {
        let mut sealed = self.sealed_wish(&wish);
        if sealed.len() > MAX_WISH_BYTES {
            wish.login_hint = None;
            sealed = self.sealed_wish(&wish);
        }
        format!("{}://{}{LOGIN}?handoff={sealed}", at.scheme.as_str(), at.host)
    }

    fn sealed_wish(&self, wish: &Wish) -> String {
        let sessions = &self.party.sessions;
        BASE64_URL_SAFE_NO_PAD.encode(sessions.seal(Purpose::Handoff, b"wish", &wish.to_bytes()))
    }

    /// Keeps `record` for the host that wants it, and says where the browser takes it.
    pub(super) async fn hand_over(
        &self,
        wish: &Wish,
        record: SessionRecord,
        now: Now,
    ) -> Result<String, StoreError> {
        let mut bytes = [0; CODE_BYTES];
        self.party.entropy.fill(&mut bytes);
        let code = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let record = SessionRecord {
            host: wish.host.clone(),
            ..record
        };
        let record = record
            .to_bytes()
            .map_err(|error| StoreError::Full(error.to_string()))?;
        let waiting = Waiting {
            state: BASE64_URL_SAFE_NO_PAD.encode(state_hash(&wish.state)).into(),
            record: BASE64_URL_SAFE_NO_PAD.encode(record.expose()).into(),
        };
        let waiting = serde_json::to_vec(&waiting).unwrap_or_default();
        let ends = now.wall.plus(CODE_LASTS);
        let sessions = &self.party.sessions;
        sessions
            .put(Purpose::Handoff, code.as_bytes(), &waiting, ends, now)
            .await?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("state", &wish.state)
            .append_pair("handoff", &code)
            .finish();
        Ok(format!("{}{}?{query}", wish.origin, self.party.visiting.callback))
    }

    /// The session that waits under `code`, if it is for this host and this login under way.
    pub(super) async fn take_over(
        &self,
        request: &OriginalRequest,
        state: &str,
        code: &str,
        now: Now,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let sessions = &self.party.sessions;
        let waiting = sessions.take(Purpose::Handoff, code.as_bytes(), now).await?;
        Ok(waiting.and_then(|bytes| {
            let waiting = serde_json::from_slice::<Waiting>(&bytes).ok()?;
            let hash = BASE64_URL_SAFE_NO_PAD.encode(state_hash(state));
            let record = BASE64_URL_SAFE_NO_PAD.decode(&*waiting.record).ok()?;
            let record = SessionRecord::from_bytes(&record).ok()?;
            let fits = *waiting.state == *hash
                && *record.host == *request.host.name()
                && *record.login == *self.party.name;
            fits.then_some(record)
        }))
    }
}

impl Logins {
    /// The login that another host wants run here, and how; `None` when nobody of ours wants it, or not here.
    pub fn wanted(&self, request: &OriginalRequest, sealed: &str, now: Now) -> Option<(&Arc<Login>, Start)> {
        if sealed.len() > MAX_WISH_BYTES {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let sessions = &self.all().first()?.party.sessions;
        let bytes = sessions.open(Purpose::Handoff, b"wish", &sealed)?;
        let wish = Wish::from_bytes(&bytes)?;
        let login = self.named(&wish.login)?;
        let runs_here = login
            .party
            .visiting
            .at
            .as_ref()
            .is_some_and(|at| at.is_of(request));
        if !runs_here || now.wall > Timestamp::from_milliseconds(wish.ends) {
            return None;
        }
        let start = Start {
            wish: Some(bytes),
            ..wish.start()
        };
        Some((login, start))
    }
}
