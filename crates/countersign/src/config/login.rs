//! Logins beside the routes and listeners there are: where they come back to, where they lead, and what they are in the way
//! of.

use super::diagnostic::{Diagnostic, Place};
use super::shape::{Document, Way};
use countersign_authn::login::handoff::At;
use countersign_authn::login::party::is_loopback;
use countersign_authn::login::{Login, TABLE};
use countersign_core::gate::{Host, Scheme};
use countersign_core::options::Values;
use countersign_core::own_path::OwnPage;
use countersign_core::route::{HostPattern, PathPattern, Route, RouteTable};
use http::Method;
use std::sync::Arc;
use url::Url;

pub(super) mod mix_up;

/// The keys of the pages that a login may have elsewhere.
const PAGES: [&str; 2] = ["callback", "logout"];

/// What logins are judged beside.
pub(super) struct Beside<'d> {
    pub(super) document: &'d Document,
    /// Those without a fault.
    pub(super) logins: &'d [Arc<Login>],
    pub(super) routes: &'d [(Way, Arc<Route>)],
    /// The same; `None` when one has a fault, or two are equal: then it is not known where anything leads.
    pub(super) table: Option<&'d RouteTable>,
}

/// One login, and what is said of it.
struct One<'d> {
    name: &'d str,
    values: &'d Values,
}

impl One<'_> {
    /// As routes accept it.
    fn full(&self) -> String {
        format!("{TABLE}.{}", self.name)
    }

    fn way(&self, key: &str) -> Way {
        [TABLE, self.name, key].map(str::to_owned).into()
    }

    /// Where its page is; nothing where that is our own usual place.
    fn page(&self, key: &str) -> Option<&str> {
        let path = self.values.text(key)?;
        OwnPage::at(path).is_none().then_some(path)
    }
}

impl<'d> Beside<'d> {
    /// All there is to say.
    pub(super) fn told(&self) -> Vec<Diagnostic> {
        let all = self.document.values.named(TABLE).iter();
        let all = all.map(|(name, values)| One { name, values });
        let sound = |one: &One<'_>| self.logins.iter().any(|login| *login.party().name == *one.full());
        let all = all.filter(sound).collect::<Vec<_>>();
        let mut told = Vec::new();
        for (index, one) in all.iter().enumerate() {
            let at = one.values.text("at").and_then(At::parse);
            told.extend(at.and_then(|at| self.run_nowhere(one, &at)));
            told.extend(self.led_back(one));
            told.extend(self.in_the_way_of(one, all.get(..index).unwrap_or_default()));
            told.extend(self.in_the_way(one));
        }
        told
    }

    fn place(&self, one: &One<'_>, key: &str) -> Option<Place> {
        self.document.place(&one.way(key))
    }

    /// A host that runs the logins of others, and cannot.
    fn run_nowhere(&self, one: &One<'_>, at: &At) -> Option<Diagnostic> {
        let name = at.host.name();
        let safe = at.scheme == Scheme::Https || is_loopback(name);
        if !safe && !one.values.flag("danger_cookies_over_http") {
            let message = "nobody can log in there: over plain http their cookies would be read on the way";
            let help = format!("at = \"https://{name}\"");
            return Some(Diagnostic::error(self.place(one, "at"), message).help(help));
        }
        let moved = one.page("callback");
        let is_callback =
            |path, table: &RouteTable| table.own_page(&at.host, path) == Some(OwnPage::Callback);
        if let (Some(path), Some(table)) = (moved, self.table)
            && !is_callback(path, table)
        {
            let message = format!(
                "nobody comes back there: no route of {name} accepts this login, and only there {path} is ours"
            );
            let help = format!(
                "a route with hosts = [\"{name}\"] and accept = [\"{}\"]; or leave `callback` out",
                one.full()
            );
            return Some(Diagnostic::error(self.place(one, "at"), message).help(help));
        }
        if self.may_be_shown(name) {
            return None;
        }
        let message =
            format!("no listener names {name}: browsers are shown the certificate of another host there");
        let help = "name it in a [[listen.host]], with a certificate that is for it";
        Some(Diagnostic::warning(self.place(one, "at"), message).help(help))
    }

    /// Whether some listener may have a certificate for `name`: one whose hosts are not all known, or a proxy's in front.
    fn may_be_shown(&self, name: &str) -> bool {
        let listeners = self.document.values.tables("listen");
        let unknown = |index: usize| self.document.is_faulty(&["listen", &index.to_string()]);
        let named = |listen: &Values| {
            let hosts = listen.tables("host");
            let mut names = hosts.iter().flat_map(|host| host.texts("names"));
            hosts.is_empty()
                || names.any(|text| HostPattern::parse(text).is_ok_and(|pattern| pattern.covers(name)))
        };
        let browsers = listeners
            .iter()
            .enumerate()
            .filter(|(_, listen)| listen.text("speak") != Some("redirect"));
        let mut browsers = browsers.peekable();
        browsers.peek().is_none() || browsers.any(|(index, listen)| unknown(index) || named(listen))
    }

    /// A logout that ends where a login begins. A proxy in front may have open places that it asks nobody about.
    fn led_back(&self, one: &One<'_>) -> Option<Diagnostic> {
        let listeners = self.document.values.tables("listen").iter();
        let mut spoken = listeners.map(|listen| listen.text("speak"));
        if spoken.any(|speak| !matches!(speak, Some("reverse-proxy" | "redirect"))) {
            return None;
        }
        let url = Url::parse(one.values.text("after_logout")?).ok()?;
        let host = Host::judge(url.authority()).ok()?;
        let table = self
            .table
            .filter(|table| table.own_page(&host, url.path()).is_none())?;
        let route = table.governing(&host, url.path(), &Method::GET)?;
        if route.accept.iter().any(|way| way.is_anonymous()) {
            return None;
        }
        let message = format!(
            "after the logout the browser comes to a place that asks for a login (route `{}`): who is logged in at the provider \
             still is logged in here again at once",
            route.name
        );
        let help = "a page that is open to all: a route with accept = [\"anonymous\"]";
        Some(Diagnostic::warning(self.place(one, "after_logout"), message).help(help))
    }

    /// The page of a login that is another's page on the same host.
    fn in_the_way_of(&self, one: &One<'_>, before: &[One<'_>]) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        for other in before {
            for (key, others) in [("callback", "logout"), ("logout", "callback")] {
                let path = one.page(key);
                if path.is_some() && path == other.page(others) && self.share_a_host(one, other) {
                    let message = format!(
                        "this is where {} has its `{others}`, on the same host",
                        other.full()
                    );
                    let help = format!("another path: {key} = \"/{}/{key}\"", one.name);
                    told.push(Diagnostic::error(self.place(one, key), message).help(help));
                }
            }
        }
        told
    }

    fn share_a_host(&self, one: &One<'_>, other: &One<'_>) -> bool {
        let (one, other) = (self.hosts(one), self.hosts(other));
        one.iter().any(|host| other.contains(host))
    }

    /// The hosts of the routes that accept it: there its pages are.
    fn hosts(&self, one: &One<'_>) -> Vec<&'d HostPattern> {
        let name = one.full();
        let accepts = |route: &&Arc<Route>| route.accept.iter().any(|way| **way.name() == *name);
        let routes = self.routes.iter().map(|(_, route)| route).filter(accepts);
        routes.flat_map(|route| &route.hosts).collect()
    }

    /// Paths of routes that nobody reaches, because a page of this login is there.
    fn in_the_way(&self, one: &One<'_>) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        if PAGES.iter().all(|key| one.page(key).is_none()) {
            return told;
        }
        let hosts = self.hosts(one);
        for (way, route) in self.routes {
            if !route.hosts.iter().any(|host| hosts.contains(&host)) {
                continue;
            }
            for key in PAGES {
                let Some(page) = one.page(key) else { continue };
                let same = PathPattern::parse(page, false).ok();
                let found = route.paths.iter().position(|path| same.as_ref() == Some(path));
                if let Some(index) = found {
                    let below = ["paths".to_owned(), index.to_string()];
                    let place = self.document.place(&[way.as_slice(), &below].concat());
                    let message = format!(
                        "`{key}` of {} is here: the application gets no such request",
                        one.full()
                    );
                    let help =
                        format!("leave it out; or give `{key}` a path that the application has no use for");
                    told.push(Diagnostic::warning(place, message).help(help));
                }
            }
        }
        told
    }
}
