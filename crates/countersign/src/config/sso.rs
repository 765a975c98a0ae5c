//! `[sso.NAME]` beside the routes, the listeners and the provider that there are: none of them alone can tell that nobody would be
//! signed in.

use super::diagnostic::Diagnostic;
use super::session::shown;
use super::shape::{Document, Way};
use countersign_authn::login::Login;
use countersign_authn::login::site::TABLE;
use countersign_authn::provider::Provider;
use countersign_core::route::Route;
use std::sync::Arc;

/// All there is to say of those without a fault; `provider` is our own.
pub(super) fn told(
    document: &Document,
    logins: &[Arc<Login>],
    routes: &[(Way, Arc<Route>)],
    provider: Option<&Provider>,
) -> Vec<Diagnostic> {
    let beside = Beside {
        document,
        routes,
        provider,
    };
    let sites = logins.iter().filter(|login| login.party().known_as.is_site());
    sites.flat_map(|login| beside.told(login)).collect()
}

/// What `[sso.NAME]` is judged beside.
struct Beside<'d> {
    document: &'d Document,
    routes: &'d [(Way, Arc<Route>)],
    provider: Option<&'d Provider>,
}

impl Beside<'_> {
    fn told(&self, login: &Login) -> Vec<Diagnostic> {
        let mut told = self.unlisted(login);
        told.extend(self.in_the_clear(login));
        told.push(self.bound(login));
        told
    }

    fn way(login: &Login) -> Way {
        let name = login.party().name.strip_prefix("sso.").unwrap_or_default();
        [TABLE, name].map(str::to_owned).into()
    }

    /// Our own provider, if this is one of its sites.
    fn provider_of(&self, login: &Login) -> Option<&Provider> {
        let issuer = login.party().issuer.as_str();
        self.provider
            .filter(|provider| provider.issuer.as_str() == issuer)
    }

    /// No listener is reached by https, as far as it knows.
    fn in_the_clear(&self, login: &Login) -> Option<Diagnostic> {
        let listeners = self.document.values.tables("listen");
        let is_faulty = self.document.is_faulty(&["listen"]);
        let clear = |speak: Option<&str>, has_hosts: bool| match speak {
            Some("reverse-proxy" | "check") => !has_hosts,
            Some("redirect") => true,
            Some(_) | None => false,
        };
        let all = listeners
            .iter()
            .all(|listen| clear(listen.text("speak"), !listen.tables("host").is_empty()));
        if listeners.is_empty() || is_faulty || !all {
            return None;
        }
        let message = "nobody can be signed in: every listener is reached by http, and a site is known by an origin of https";
        let help = "name a certificate in [[listen.host]]; or let a proxy in front that speaks TLS ask (`auth-request`, `forward-auth`)";
        let place = self.document.key_place(&Self::way(login));
        Some(Diagnostic::error(place, message).help(help))
    }

    /// Hosts that our own provider does not sign anybody in at.
    fn unlisted(&self, login: &Login) -> Vec<Diagnostic> {
        let Some(provider) = self.provider_of(login) else {
            return Vec::new();
        };
        let name = &login.party().name;
        let accepts = |route: &Route| route.accept.iter().any(|way| way.name() == name);
        let mut told = Vec::new();
        for (way, route) in self.routes.iter().filter(|(_, route)| accepts(route)) {
            for (index, host) in route.hosts.iter().enumerate() {
                if provider.clients.may_be_sites(host) {
                    continue;
                }
                let below = ["hosts".to_owned(), index.to_string()];
                let place = self.document.place(&[way.as_slice(), &below].concat());
                let message =
                    format!("`{name}` signs nobody in at {host}: it is none of the provider's `sites`");
                let help =
                    format!("in [openid_provider]: sites = [\"{host}\"], with a port where it is not 443");
                told.push(Diagnostic::error(place, message).help(help));
            }
        }
        told
    }

    /// How long a session outlives the certificate: `check` says it in a number.
    fn bound(&self, login: &Login) -> Diagnostic {
        let name = &login.party().name;
        let life = self.provider_of(login).map_or_else(
            || "the `token_life` of its provider, an hour at most".to_owned(),
            |provider| shown(provider.token_life),
        );
        let ends = if login.is_in_cookie() {
            "ends with its token"
        } else {
            "is renewed with its token"
        };
        let message = format!(
            "a session of `{name}` {ends}, after {life}: who shows a certificate that was revoked meanwhile, or has ended, is out by then"
        );
        let place = self.document.key_place(&Self::way(login));
        Diagnostic::note(place, message)
            .help("`token_life` in [openid_provider] says how long; revocation lists are read as soon as they change")
    }
}
