//! `[session]`: what is allowed, and is to be known.

use super::super::diagnostic::Diagnostic;
use super::super::shape::Document;
use super::super::source::Environment;
use super::{Read, RedisPlan, StorePlan, in_cookies, shown};
use countersign_authn::login::shared::SharedDomain;
use countersign_authn::login::{self, site};
use countersign_core::options::Values;
use countersign_edge::sessions::SessionSettings;
use countersign_edge::store::redis::Address;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// The scope that asks for a refresh token (OpenID Connect Core section 11).
const OFFLINE_ACCESS: &str = "offline_access";

/// All there is to be known of a table without a fault.
pub(super) fn remarks(document: &Document, environment: &Environment, read: &Read) -> Vec<Diagnostic> {
    let mut told: Vec<Diagnostic> = match &read.store {
        StorePlan::Cookie { provides } => {
            let codes = provides.then(|| in_cookies::codes(document));
            std::iter::once(in_cookies::worth(document, read.settings))
                .chain(codes)
                .collect()
        }
        StorePlan::Memory { .. } | StorePlan::File { .. } | StorePlan::Redis(_) => {
            let logins = document.values.named(login::TABLE).iter();
            let never_renewed = logins.filter(|(_, values)| asks_for_no_refresh(values));
            let notes = never_renewed.map(|(name, _)| not_renewed(document, name, read.settings));
            std::iter::once(bound(document, read.settings))
                .chain(notes)
                .collect()
        }
    };
    told.extend(match &read.store {
        StorePlan::Redis(plan) => in_the_clear(document, plan),
        StorePlan::File { path: Some(path) } => nowhere(document, environment, path),
        StorePlan::Memory { .. } | StorePlan::File { path: None } | StorePlan::Cookie { .. } => None,
    });
    told.extend(read.share.as_ref().map(|domain| shared(document, domain)));
    told
}

/// A place in `[session]`.
fn at(document: &Document, key: &str) -> Option<super::Place> {
    document.place(&["session".to_owned(), key.to_owned()])
}

/// How long a logout takes everywhere: `check` says it in a number.
fn bound(document: &Document, settings: SessionSettings) -> Diagnostic {
    let (recheck, longest) = (shown(settings.recheck), shown(settings.recheck + settings.grace));
    let mut message = format!("a session that ends is not served any more after {recheck}, on any node");
    if settings.grace > Duration::ZERO {
        message.push_str("; while the store is away, after ");
        message.push_str(&longest);
    }
    let way = |name: &str| ["session".to_owned(), name.to_owned()];
    let place = document
        .place(&way("recheck"))
        .or_else(|| document.place(&way("grace")))
        .or_else(|| document.key_place(&first_login(document)?));
    Diagnostic::note(place, message)
        .help("`session.recheck`, and `session.grace` on top while the store is away")
}

/// The login that sessions are first needed for.
fn first_login(document: &Document) -> Option<[String; 2]> {
    let mut tables = [login::TABLE, site::TABLE].into_iter();
    tables.find_map(|table| {
        let (name, _) = document.values.named(table).first()?;
        Some([table.to_owned(), name.clone()])
    })
}

/// Whether nothing asks for a refresh token; a plain OAuth 2.0 provider has no word for it.
fn asks_for_no_refresh(login: &Values) -> bool {
    let asked = login.texts("scopes").any(|scope| scope == OFFLINE_ACCESS);
    !asked && !login.has("oauth2_claims")
}

fn not_renewed(document: &Document, name: &str, settings: SessionSettings) -> Diagnostic {
    let way = [login::TABLE, name, "scopes"].map(str::to_owned);
    let (idle, absolute) = (shown(settings.idle), shown(settings.absolute));
    let message = format!(
        "login.{name} does not ask for `offline_access`: where the provider gives no refresh token without, a session is never \
         renewed, and lasts its time ({idle} unused, {absolute} in all) whatever becomes of its user there"
    );
    Diagnostic::note(document.place(&way), message)
        .help("add \"offline_access\" to `scopes`; or leave it so, as with Keycloak, which gives one for every login")
}

/// What it costs that Redis is asked over the network without TLS.
fn in_the_clear(document: &Document, plan: &RedisPlan) -> Option<Diagnostic> {
    let Address::Network {
        host,
        with_tls: false,
        ..
    } = &plan.address
    else {
        return None;
    };
    let here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let message = format!(
        "{host} is asked in the clear: whoever is on the way sees the password, and can end sessions or bring back ended ones"
    );
    let help = "write rediss:// in `url`; or let a tunnel on this machine lead there";
    (!here).then(|| Diagnostic::warning(at(document, "url"), message).help(help))
}

/// A file whose folder is not there.
fn nowhere(document: &Document, environment: &Environment, path: &Path) -> Option<Diagnostic> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    let folder = Some(folder)
        .filter(|folder| (environment.mode)(folder).is_none())?
        .display();
    let message = format!("there is no folder {folder}: the file cannot be made in it");
    let help =
        "make it, for the user that the gateway runs as alone; or leave `path` out for the state folder";
    Some(Diagnostic::warning(at(document, "path"), message).help(help))
}

/// What it costs that hosts share their sessions.
fn shared(document: &Document, domain: &SharedDomain) -> Diagnostic {
    let name = domain.name();
    let place = document.place(&["session".to_owned(), "share".to_owned()]);
    let routes = document.values.tables("route").iter();
    let is_under = |host: &str| host == "*" || domain.holds(host.strip_prefix("*.").unwrap_or(host));
    let hosts = routes.flat_map(|route| route.texts("hosts")).collect::<Vec<_>>();
    if !hosts.is_empty() && !hosts.into_iter().any(is_under) {
        let message = format!("`share`: no route has a host under {name}, so nobody would have its cookie");
        return Diagnostic::error(place, message).help("a domain that hosts of the routes are under");
    }
    let message = format!(
        "`share`: whoever runs any host under {name} sees the sessions of people who go there, and can use them"
    );
    Diagnostic::warning(place, message).help(
        "`at` in `[login.NAME]` serves many hosts under one redirect URI, each with sessions of its own",
    )
}
