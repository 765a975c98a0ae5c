//! Which route governs a request. No route, no entry.

use crate::authn::Authenticator;
use crate::credential_place::CredentialPlace;
use crate::gate::{Host, PathOddities, Unreadable};
use crate::identity_headers::Projection;
use crate::own_path::{OwnPage, ProviderPage};
use crate::policy::Requirement;
use crate::reason::UnreadableReason;
use crate::request::{Forwarder, OriginalRequest};
use http::{HeaderName, Method};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use login_demand::LoginDemand;
pub use pattern::{HostPattern, PathPattern, PatternError, Specificity};

mod login_demand;
mod pattern;

/// How a route wants its refusals answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChallengeStyle {
    /// By what the client is: a browser that navigates is sent to log in, where that is a way; 401 for everybody else.
    #[default]
    Auto,
    /// Every GET and HEAD is sent to log in, scripts' too.
    Login,
    /// Whoever accepts HTML is sent to log in; 403 for everybody else.
    LoginOrForbidden,
    /// 401 with `WWW-Authenticate`, whoever asks.
    Unauthorized,
    /// 403, whoever asks.
    Forbidden,
}

/// Where a route forwards to: plain HTTP to one host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// `host:port`, as it is connected to.
    pub authority: Box<str>,
}

/// One route, ready to decide.
#[derive(Debug)]
pub struct Route {
    /// Its name, for logs and metrics.
    pub name: Arc<str>,
    /// Whose requests it governs.
    pub hosts: Vec<HostPattern>,
    /// Which paths.
    pub paths: Vec<PathPattern>,
    /// Which methods; empty for all.
    pub methods: Vec<Method>,
    /// The ways of proving who you are, asked in this order.
    pub accept: Vec<Arc<dyn Authenticator>>,
    /// What must be proved besides, each of them: "and a managed device".
    pub also: Vec<Arc<dyn Authenticator>>,
    /// What is asked of the login itself.
    pub login: LoginDemand,
    /// Who a genuine CORS preflight is let in as, without being asked for anything.
    pub preflight: Option<Arc<dyn Authenticator>>,
    /// What is asked of the principal.
    pub require: Requirement,
    /// How refusals are answered.
    pub challenge: ChallengeStyle,
    /// The identity headers it sends.
    pub identity: Arc<Projection>,
    /// Where it forwards, in proxy mode.
    pub to: Option<Upstream>,
    /// Whether the client's own credential goes upstream, in proxy mode.
    pub forward_credentials: bool,
    /// The gateway's own cookies: never sent on, whatever the route.
    pub own_cookies: Arc<[CredentialPlace]>,
    /// Path spellings it lets through, in proxy mode.
    pub allow_in_path: PathOddities,
    /// The paths a listener that speaks `check` answers for this route at.
    pub endpoints: Vec<Box<str>>,
}

impl Route {
    /// A route that governs nothing and accepts nobody.
    pub fn bare(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            hosts: Vec::new(),
            paths: Vec::new(),
            methods: Vec::new(),
            accept: Vec::new(),
            also: Vec::new(),
            login: LoginDemand::default(),
            preflight: None,
            require: Requirement::default(),
            challenge: ChallengeStyle::Auto,
            identity: Arc::default(),
            to: None,
            forward_credentials: false,
            own_cookies: Arc::default(),
            allow_in_path: PathOddities::NONE,
            endpoints: Vec::new(),
        }
    }
}

/// Two routes that no request can tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EqualRoutes {
    /// The places of the two in the list given.
    pub routes: (usize, usize),
    /// The host and path both govern, or the endpoint.
    pub at: String,
}

/// One path of one route, under one host.
#[derive(Debug)]
struct Entry {
    path: PathPattern,
    route: Arc<Route>,
}

/// What is governed under one host.
#[derive(Debug)]
struct HostRoutes {
    /// The most specific first.
    entries: Vec<Entry>,
    /// Who is who here: every way that one of the routes accepts, and no requirement.
    whoami: Arc<Route>,
    /// Pages of the gateway's own at paths that a login chose.
    moved: Vec<(Box<str>, OwnPage)>,
}

/// All routes, found by host, path and method.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: BTreeMap<Box<str>, HostRoutes>,
    /// Longest first; each with its leading dot.
    suffixes: Vec<(Box<str>, HostRoutes)>,
    any: Option<HostRoutes>,
    endpoints: HashMap<Box<str>, Arc<Route>>,
    differ_by_method: bool,
    /// The host of our own OpenID Provider, and where its token endpoint answers as well.
    provider: Option<(Host, Option<Host>)>,
}

/// Headers by which a client asks a framework for another method than the one it used.
const METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

impl RouteTable {
    /// Sorts `routes` so that the most specific is met first. Refused: two routes no request can tell apart.
    pub fn new(routes: &[Arc<Route>]) -> Result<Self, Vec<EqualRoutes>> {
        let mut faults = Vec::new();
        let mut hosts: BTreeMap<HostPattern, Vec<(usize, Entry)>> = BTreeMap::new();
        let mut endpoints: HashMap<Box<str>, (usize, Arc<Route>)> = HashMap::new();
        for (index, route) in routes.iter().enumerate() {
            for (host, path) in route
                .hosts
                .iter()
                .flat_map(|host| route.paths.iter().map(move |path| (host, path)))
            {
                let entries = hosts.entry(host.clone()).or_default();
                let equal = |(_, other): &&(usize, Entry)| {
                    other.path.is_as(path) && share_a_method(&other.route, route)
                };
                if let Some((other, _)) = entries.iter().find(equal) {
                    faults.push(EqualRoutes {
                        routes: (*other, index),
                        at: format!("{host}{path}"),
                    });
                }
                entries.push((
                    index,
                    Entry {
                        path: path.clone(),
                        route: Arc::clone(route),
                    },
                ));
            }
            for endpoint in &route.endpoints {
                if let Some((other, _)) = endpoints.insert(endpoint.clone(), (index, Arc::clone(route))) {
                    faults.push(EqualRoutes {
                        routes: (other, index),
                        at: endpoint.to_string(),
                    });
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut table = Self {
            differ_by_method: routes.iter().any(|route| !route.methods.is_empty()),
            ..Self::default()
        };
        table.endpoints.extend(
            endpoints
                .into_iter()
                .map(|(endpoint, (_, route))| (endpoint, route)),
        );
        for (host, entries) in hosts {
            let under = HostRoutes::new(&host, entries);
            match host {
                HostPattern::Exact(name) => drop(table.exact.insert(name, under)),
                HostPattern::Suffix(suffix) => table.suffixes.push((suffix, under)),
                HostPattern::Any => table.any = Some(under),
            }
        }
        table
            .suffixes
            .sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        Ok(table)
    }

    /// The route that governs `request`. The most specific host that any route names governs alone, then the most
    /// specific path; a method that its routes do not list has no route, whatever a wider pattern would say.
    pub fn find(&self, request: &OriginalRequest) -> Result<Option<&Arc<Route>>, Unreadable> {
        if self.differ_by_method
            && METHOD_OVERRIDES
                .iter()
                .any(|name| request.headers.contains_key(name))
        {
            return Err(Unreadable::new(
                UnreadableReason::MethodOverride,
                "a method override header",
            ));
        }
        let route = self.governing(&request.host, request.target.path(), &request.method);
        let allowed = match (route, request.forwarder) {
            (Some(route), Forwarder::Us) => route.allow_in_path,
            (Some(_) | None, Forwarder::Another) | (None, Forwarder::Us) => PathOddities::NONE,
        };
        request.target.oddities().refused_unless(allowed)?;
        Ok(route)
    }

    /// The route of the page that tells who is asking, on `host`: whoever proves anything that a route there accepts.
    pub fn whoami(&self, host: &Host) -> Option<&Arc<Route>> {
        self.under(host.name()).map(|under| &under.whoami)
    }

    /// Whether one of the gateway's own pages is at `path` on some host.
    pub fn has_own_page(&self, path: &str) -> bool {
        let exact = self.exact.values();
        let all = exact
            .chain(self.suffixes.iter().map(|(_, under)| under))
            .chain(&self.any);
        let mut moved = all.flat_map(|under| &under.moved);
        let provided = self.provider.is_some() && ProviderPage::at(path).is_some();
        OwnPage::at(path).is_some() || provided || moved.any(|(own, _)| **own == *path)
    }

    /// The same routes, and the pages of our own OpenID Provider on `host`, whatever routes govern there. Its token endpoint is
    /// on `alias`, too (RFC 8705 section 5).
    #[must_use]
    pub fn with_provider(mut self, host: Host, alias: Option<Host>) -> Self {
        self.provider = Some((host, alias));
        self
    }

    fn provides(&self, page: ProviderPage, host: &Host) -> bool {
        self.provider.as_ref().is_some_and(|(own, alias)| {
            let is_alias = alias.as_ref().is_some_and(|alias| alias.name() == host.name());
            own.name() == host.name() || (is_alias && page == ProviderPage::Token)
        })
    }

    /// Which of the gateway's own pages is at `path` on `host`.
    pub fn own_page(&self, host: &Host, path: &str) -> Option<OwnPage> {
        let provided = ProviderPage::at(path).filter(|page| self.provides(*page, host));
        OwnPage::at(path).or(provided.map(OwnPage::Provider)).or_else(|| {
            let moved = &self.under(host.name())?.moved;
            let found = moved.iter().find(|(own, _)| **own == *path);
            found.map(|(_, page)| *page)
        })
    }

    /// The route that answers at `endpoint` on a listener that speaks `check`.
    pub fn at_endpoint(&self, endpoint: &str) -> Option<&Arc<Route>> {
        self.endpoints.get(endpoint)
    }

    /// The route that governs this place, whatever else a request says.
    pub fn governing(&self, host: &Host, path: &str, method: &Method) -> Option<&Arc<Route>> {
        let entries = &self.under(host.name())?.entries;
        let best = entries.iter().find(|entry| entry.path.covers(path))?;
        let level = entries
            .iter()
            .filter(|entry| entry.path.specificity() == best.path.specificity());
        let mut governing = level.filter(|entry| entry.path.covers(path));
        governing
            .find(|entry| entry.route.methods.is_empty() || entry.route.methods.contains(method))
            .map(|entry| &entry.route)
    }

    fn under(&self, host: &str) -> Option<&HostRoutes> {
        if let Some(under) = self.exact.get(host) {
            return Some(under);
        }
        let suffix = self
            .suffixes
            .iter()
            .find(|(suffix, _)| host.len() > suffix.len() && host.ends_with(&**suffix));
        suffix.map(|(_, under)| under).or(self.any.as_ref())
    }
}

impl HostRoutes {
    /// `entries` are in the order of the configuration.
    fn new(host: &HostPattern, entries: Vec<(usize, Entry)>) -> Self {
        let mut entries = entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>();
        let ways = every_way(&entries);
        let moved = ways.iter().flat_map(|way| way.own_pages().iter().cloned());
        let moved = moved.collect();
        let whoami = Arc::new(Route {
            hosts: vec![host.clone()],
            accept: ways,
            ..Route::bare("whoami")
        });
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.path.specificity()));
        Self {
            entries,
            whoami,
            moved,
        }
    }
}

/// Each way of the routes once, in the order they are met; `anonymous` only where there is no other, for it tells
/// nothing of whoever has one.
fn every_way(entries: &[Entry]) -> Vec<Arc<dyn Authenticator>> {
    let all = entries
        .iter()
        .flat_map(|entry| entry.route.accept.iter().chain(&entry.route.also));
    let mut ways: Vec<Arc<dyn Authenticator>> = Vec::new();
    for way in all {
        if ways.iter().all(|known| known.name() != way.name()) {
            ways.push(Arc::clone(way));
        }
    }
    if ways.iter().any(|way| !way.is_anonymous()) {
        ways.retain(|way| !way.is_anonymous());
    }
    ways
}

fn share_a_method(one: &Route, other: &Route) -> bool {
    one.methods.is_empty()
        || other.methods.is_empty()
        || one.methods.iter().any(|method| other.methods.contains(method))
}

#[cfg(test)]
mod tests;
