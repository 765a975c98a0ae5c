//! What stays the same of one login: whose client it is, what it asks for, and what it makes of the answer.

use super::cookies::{Cookies, Life};
use super::handoff::At;
use super::host_of;
use super::provider::{Provider, ProviderError};
use super::tokens::{Exchange, Proved};
use crate::keys::Keys;
use crate::session::{RenewError, Scope, SessionOwner, SessionRecord, Sessions};
use countersign_core::BoxFuture;
use countersign_core::entropy::Entropy;
use countersign_core::gate::{Host, PublicPorts, Scheme};
use countersign_core::identity_headers::Written;
use countersign_core::own_path::{CALLBACK, LOGOUT, OwnPage};
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal, SessionTokens};
use countersign_core::time::{Now, Timestamp};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::parse_object;
use countersign_oidc::discovery::ProviderMetadata;
use countersign_oidc::issuer::IssuerRule;
use countersign_oidc::provider::site::Origin;
use countersign_oidc::relying_party::authorization::{AuthenticationWishes, ResponseMode};
use countersign_oidc::relying_party::client::{Client, ClientAuthentication};
use countersign_oidc::relying_party::refresh::Tokens;
use countersign_oidc::userinfo::UserinfoMapping;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long before its end an access token is renewed, at most: a fifth of its life where that is less.
const RENEW_BEFORE: Duration = Duration::from_mins(1);
/// How long an access token is taken to last whose provider does not say.
const UNSAID_LIFE: Duration = Duration::from_hours(1);
/// The longest that a browser is told to keep a cookie (RFC 6265bis section 5.5).
const LONGEST_COOKIE: Duration = Duration::from_hours(400 * 24);

/// When the userinfo endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskUserinfo {
    /// Never.
    Never,
    /// At the login.
    Login,
    /// At the login, and with each renewal.
    Refresh,
}

/// What is asked of the provider.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The scopes, joined.
    pub scope: Box<str>,
    /// How it answers.
    pub response_mode: ResponseMode,
    /// What the user is to be asked for, unless the route says otherwise.
    pub wishes: AuthenticationWishes,
    /// When the userinfo endpoint is asked.
    pub userinfo: AskUserinfo,
}

/// How what it answers is believed.
#[derive(Debug)]
pub struct Believing {
    /// Its keys.
    pub keys: Arc<dyn Keys>,
    /// How its tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// The clock skew allowed.
    pub leeway: Duration,
    /// The tenants (`tid`) whose users may log in, where the issuer has a gap for them.
    pub tenants: Vec<Box<str>>,
    /// How a provider without ID Tokens says who it is.
    pub mapping: Option<UserinfoMapping>,
}

/// The browser's side.
#[derive(Clone, Debug)]
pub struct Visiting {
    /// The gateway's own cookies.
    pub cookies: Cookies,
    /// Where the provider sends browsers back to.
    pub callback: Box<str>,
    /// What ends the session.
    pub logout: Box<str>,
    /// Where the browser goes after the logout.
    pub after_logout: Option<Url>,
    /// Where logins are run, when not on the host that wants them.
    pub at: Option<At>,
    /// Whether the session outlives the browser.
    pub remember: bool,
    /// Whether people may log in over plain http.
    pub over_http: bool,
    /// Where sessions are in their cookies: how long one lasts at most.
    pub in_cookie: Option<Duration>,
    /// Whether some identity header asks for a token.
    pub keep_tokens: bool,
}

/// Who we are at the provider's.
#[derive(Clone, Debug)]
pub enum KnownAs {
    /// The client that is registered there, on every host.
    Client(Client),
    /// A site on each host: its origin is its name, and it proves itself by the verifier of its code alone.
    Site {
        /// The ports of those origins.
        ports: PublicPorts,
        /// How long a session proves somebody past the end of its token while the provider does not answer.
        grace: Duration,
    },
}

impl KnownAs {
    /// The client that we are on `host`.
    pub fn at(&self, host: &Host) -> Cow<'_, Client> {
        match self {
            Self::Client(client) => Cow::Borrowed(client),
            Self::Site { .. } => self.named(Origin::of(host).as_str()),
        }
    }

    /// The client of this name, as which a session was begun.
    pub fn named(&self, id: &str) -> Cow<'_, Client> {
        match self {
            Self::Client(client) => Cow::Borrowed(client),
            Self::Site { .. } => Cow::Owned(Client {
                id: id.into(),
                authentication: ClientAuthentication::None,
            }),
        }
    }

    /// The ports of its origins, if it is a site of its host.
    pub const fn ports(&self) -> Option<&PublicPorts> {
        match self {
            Self::Client(_) => None,
            Self::Site { ports, .. } => Some(ports),
        }
    }

    /// How long its sessions go on without the provider, if it is a site of its host.
    pub const fn grace(&self) -> Option<Duration> {
        match self {
            Self::Client(_) => None,
            Self::Site { grace, .. } => Some(*grace),
        }
    }

    /// Whether it is a site of its host.
    pub const fn is_site(&self) -> bool {
        matches!(self, Self::Site { .. })
    }
}

/// One client of one provider.
#[derive(Debug)]
pub struct RelyingParty {
    /// `login.home`
    pub name: Arc<str>,
    /// What people call the provider.
    pub label: Box<str>,
    /// Who the provider is.
    pub issuer: IssuerRule,
    /// Who we are there, and how we prove it.
    pub known_as: KnownAs,
    /// By which its sessions' cookies are told from others': 8 hexadecimal digits.
    pub tag: Box<str>,
    pub(super) asking: Asking,
    pub(super) believing: Believing,
    pub(super) visiting: Visiting,
    pub(super) facts: Arc<FactPaths>,
    pub(super) provider: Provider,
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl RelyingParty {
    /// Where its sessions on `host` are worth something.
    pub fn scope(&self, host: &Host) -> Scope {
        let bound_to = self.cookies().bound_to(host_of(host));
        Scope::of(self.issuer.as_str(), &self.known_as.at(host).id, &bound_to)
    }

    /// What tells `host` from others whose sessions are others: its name, and for a site its port, too.
    pub(super) fn place<'h>(&self, host: &'h Host) -> Cow<'h, str> {
        match host.port_for(Scheme::Https) {
            port if self.known_as.is_site() && port != 443 => format!("{}:{port}", host.name()).into(),
            _ => host_of(host).into(),
        }
    }

    /// The sessions.
    pub fn sessions(&self) -> &Arc<dyn Sessions> {
        &self.sessions
    }

    /// The gateway's own cookies.
    pub const fn cookies(&self) -> &Cookies {
        &self.visiting.cookies
    }

    /// Where the provider sends browsers back to: a path.
    pub fn callback(&self) -> &str {
        &self.visiting.callback
    }

    /// The origin at which it is run, where that is one for all hosts.
    pub const fn at(&self) -> Option<&At> {
        self.visiting.at.as_ref()
    }

    /// Pages of ours that it has elsewhere.
    pub fn own_pages(&self) -> Vec<(Box<str>, OwnPage)> {
        let pages = [
            (&self.visiting.callback, CALLBACK, OwnPage::Callback),
            (&self.visiting.logout, LOGOUT, OwnPage::Logout),
        ];
        let moved = pages.into_iter().filter(|(path, usual, _)| ***path != **usual);
        moved.map(|(path, _, page)| (path.clone(), page)).collect()
    }

    /// Where the provider sends browsers back to that came from `host`.
    pub fn redirect_uri(&self, scheme: Scheme, host: &Host) -> String {
        match self.known_as {
            KnownAs::Client(_) => format!("{}://{host}{}", scheme.as_str(), self.visiting.callback),
            KnownAs::Site { .. } => Origin::of(host).callback(),
        }
    }

    /// Whether people may log in here: their cookies would travel in the clear otherwise. Browsers take loopback for safe; a
    /// site's name says https.
    pub fn may_log_in(&self, scheme: Scheme, host: &Host) -> bool {
        let is_safe = self.visiting.over_http || is_loopback(host.name());
        scheme == Scheme::Https || is_safe && !self.known_as.is_site()
    }

    /// Whether anything of it counts at `host`: a site is one at the ports that clients reach it at, and `Host` alone says
    /// nothing about that.
    pub fn is_at(&self, host: &Host) -> bool {
        self.known_as.ports().is_none_or(|ports| ports.are_of(host))
    }

    /// The origin of `host` where people log in, whatever port it is written with.
    pub fn usual_origin(&self, scheme: Scheme, host: &Host) -> String {
        let usual = scheme.default_port();
        let port = self.known_as.ports().map_or(usual, PublicPorts::usual);
        if port == usual {
            format!("{}://{}", scheme.as_str(), host.name())
        } else {
            format!("{}://{}:{port}", scheme.as_str(), host.name())
        }
    }

    /// When the token of `record` ends.
    fn token_ends(record: &SessionRecord) -> Timestamp {
        record
            .access_ends
            .unwrap_or_else(|| record.renewed.plus(UNSAID_LIFE))
    }

    /// How long the browser keeps the cookie of `record`.
    pub fn cookie_life(&self, record: &SessionRecord, now: Timestamp) -> Life {
        if record.remember {
            Life::Seconds(record.ends.since(now).min(LONGEST_COOKIE).as_secs())
        } else {
            Life::Browser
        }
    }

    /// When a session ends with what proved it: a site that keeps no grant has its ID Token, and nothing to renew it with.
    pub(super) fn ends_with(&self, proved: &Proved) -> Option<Timestamp> {
        let keeps_none = self.known_as.is_site() && proved.tokens.refresh_token.is_none();
        proved.ends.filter(|_| keeps_none)
    }

    /// An errand to the provider of the client that is called so.
    pub(super) fn exchange(&self, client_id: &str, now: Now) -> Exchange<'_> {
        Exchange {
            party: self,
            client: self.known_as.named(client_id),
            now,
        }
    }

    /// What the provider says about itself.
    pub(super) async fn metadata(&self, now: Now) -> Result<Arc<ProviderMetadata>, ProviderError> {
        self.provider.metadata(now).await
    }

    /// The origins a form may be led on to: the provider's, as far as they are known.
    pub async fn origins(&self, now: Now) -> Vec<String> {
        use countersign_oidc::discovery::Endpoint;
        let metadata = self.provider.metadata(now).await.ok();
        let endpoints = [Endpoint::EndSession, Endpoint::Authorization].into_iter();
        let urls = endpoints.filter_map(|endpoint| metadata.as_ref()?.find(endpoint));
        let after = self.visiting.after_logout.iter();
        let origins = urls.chain(after).map(|url| url.origin().ascii_serialization());
        origins.collect()
    }
}

/// Whether browsers take the host for their own machine.
pub fn is_loopback(name: &str) -> bool {
    name == "localhost" || name == "127.0.0.1" || name == "[::1]" || name.ends_with(".localhost")
}

impl SessionOwner for RelyingParty {
    fn principal(&self, record: &SessionRecord) -> Option<Principal> {
        let ours = *record.login == *self.name && self.issuer.admits(&record.issuer);
        let claims = parse_object(record.claims.as_bytes()).ok().filter(|_| ours)?;
        let principal = Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Session,
            issuer: (&*record.issuer).into(),
            claims,
            facts: Arc::clone(&self.facts),
            written: Written::default(),
            tokens: self.visiting.keep_tokens.then(|| {
                Arc::new(SessionTokens {
                    access: record.access_token.clone(),
                    id: record.id_token.clone(),
                    refresh: record.refresh_token.clone(),
                })
            }),
        };
        (!principal.subject().is_empty()).then_some(principal)
    }

    fn renew_at(&self, record: &SessionRecord) -> Option<Timestamp> {
        record.refresh_token.as_ref()?;
        let ends = Self::token_ends(record);
        let life = ends.since(record.renewed);
        let before = RENEW_BEFORE.min(life / 5);
        Some(record.renewed.plus(life.saturating_sub(before)))
    }

    fn holds_unrenewed(&self, record: &SessionRecord) -> Option<Timestamp> {
        let grace = self.known_as.grace()?;
        Some(Self::token_ends(record).plus(grace))
    }

    fn refresh<'a>(
        &'a self,
        record: &'a SessionRecord,
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Tokens>, RenewError>> {
        Box::pin(self.exchange(&record.client_id, now).refresh(record))
    }

    fn renewed<'a>(
        &'a self,
        record: &'a SessionRecord,
        tokens: Tokens,
        now: Now,
    ) -> BoxFuture<'a, Result<SessionRecord, RenewError>> {
        Box::pin(self.exchange(&record.client_id, now).renewed(record, tokens))
    }
}
