//! `[sso.NAME]` beside the routes, the listeners and the provider that there are: none of them alone can tell that nobody would be
//! signed in.

use super::diagnostic::{Diagnostic, Place};
use super::session::{lasts, shown};
use super::shape::{Document, Way};
use countersign_authn::login::Login;
use countersign_authn::login::in_cookie::SEAL_LIVES;
use countersign_authn::login::site::TABLE;
use countersign_authn::provider::{self as own_provider, Provider};
use countersign_core::gate::PublicPorts;
use countersign_core::route::Route;
use std::sync::Arc;
use url::Url;

mod apart;
mod machines;
mod ports;

/// All there is to say of those without a fault; `provider` is our own.
pub(super) fn told(
    document: &Document,
    logins: &[Arc<Login>],
    routes: &[(Way, Arc<Route>)],
    provider: Option<&Provider>,
    ports: &PublicPorts,
) -> Vec<Diagnostic> {
    let beside = Beside {
        document,
        routes,
        provider,
        ports,
    };
    let sites = logins.iter().filter(|login| login.party().known_as.is_site());
    let sites = sites.collect::<Vec<_>>();
    let mut told = sites
        .iter()
        .flat_map(|login| beside.told(login))
        .collect::<Vec<_>>();
    told.extend(beside.told_once(&sites));
    told.extend(beside.refused_machines());
    told
}

/// What `[sso.NAME]` is judged beside.
struct Beside<'d> {
    document: &'d Document,
    routes: &'d [(Way, Arc<Route>)],
    provider: Option<&'d Provider>,
    /// Where clients reach sites.
    ports: &'d PublicPorts,
}

impl Beside<'_> {
    fn told(&self, login: &Login) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        told.extend(self.another_port(login));
        told.extend(self.grace_of_nothing(login));
        told.push(self.bound(login));
        told
    }

    /// What is not about one of them alone.
    fn told_once(&self, sites: &[&Arc<Login>]) -> Vec<Diagnostic> {
        let mut told = self.told_of_ports();
        let mut own = sites
            .iter()
            .filter_map(|login| Some((login, self.provider_of(login)?)));
        if let Some((login, provider)) = own.next() {
            told.extend(self.ends_with_its_grant(login, provider));
        }
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

    /// The key of its table, and where it stands.
    fn place(&self, login: &Login, key: &str) -> Option<Place> {
        let mut way = Self::way(login);
        way.push(key.to_owned());
        self.document.place(&way)
    }

    /// An issuer that our own provider nearly is.
    fn another_port(&self, login: &Login) -> Option<Diagnostic> {
        let (own, party) = (&self.provider?.issuer, login.party());
        let asked = party.issuer.as_str();
        let url = Url::parse(asked).ok()?;
        if asked == own.as_str() || url.host_str() != Some(own.host().name()) {
            return None;
        }
        let message = format!(
            "`{}` asks another port of the host that our own provider is on: nobody is signed in unless another gateway is there",
            party.name
        );
        let help = format!("issuer = \"{}\", where that is meant", own.as_str());
        Some(Diagnostic::warning(self.place(login, "issuer"), message).help(help))
    }

    /// A grace past the end of what ends with its token.
    fn grace_of_nothing(&self, login: &Login) -> Option<Diagnostic> {
        if !login.is_in_cookie() || !self.document.is_written(&Self::way(login), "grace") {
            return None;
        }
        let message = "`grace` is for sessions in a store: in its cookie a session ends with its token";
        Some(Diagnostic::error(self.place(login, "grace"), message).help("leave it out"))
    }

    /// Sessions that end before `session.absolute` does.
    fn ends_with_its_grant(&self, login: &Login, provider: &Provider) -> Option<Diagnostic> {
        let absolute = lasts(self.document.values.table("session"));
        if login.is_in_cookie() || provider.grant_life >= absolute {
            return None;
        }
        let (granted, absolute) = (shown(provider.grant_life), shown(absolute));
        let message = format!(
            "sessions of sites end after {granted}, with their grant, and not after {absolute}: a navigation signs in again, and a \
             script of an open page reads 401"
        );
        let help = format!("`grant_life` = \"{absolute}\"; or `session.absolute` = \"{granted}\"");
        let way = [own_provider::TABLE, "grant_life"].map(str::to_owned);
        let own = self.document.is_written(&way[..1], "grant_life");
        let way = if own {
            way
        } else {
            ["session", "absolute"].map(str::to_owned)
        };
        Some(Diagnostic::warning(self.document.place(&way), message).help(help))
    }

    /// How long a session outlives the certificate: `check` says it in a number.
    fn bound(&self, login: &Login) -> Diagnostic {
        let name = &login.party().name;
        let life = self.provider_of(login).map_or_else(
            || "the `token_life` of its provider, an hour at most".to_owned(),
            |provider| shown(provider.token_life),
        );
        let told = "who shows a certificate that was revoked meanwhile, or has ended, is out by then";
        let lists = "revocation lists are read as soon as they change";
        let place = self.document.key_place(&Self::way(login));
        if login.is_in_cookie() {
            let message = format!("a session of `{name}` ends with its token, after {life}: {told}");
            let help = format!(
                "`token_life` in [openid_provider] says how long; {lists}. Scripts of a page that is left open read 401 then, or \
                 after {} where none of them renews the session, until the page is loaded anew",
                shown(SEAL_LIVES)
            );
            return Diagnostic::note(place, message).help(help);
        }
        let grace = shown(login.party().known_as.grace().unwrap_or_default());
        let message = format!(
            "a session of `{name}` is renewed with its token, after {life}: {told}, or {grace} later while the provider cannot be asked; from then on nobody is let in until it can"
        );
        let help = format!("`token_life` in [openid_provider] and `grace` here say how long; {lists}");
        Diagnostic::note(place, message).help(help)
    }
}
