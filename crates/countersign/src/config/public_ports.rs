//! `public_ports`: where clients reach sites.

use super::check::tell;
use super::diagnostic::Diagnostic;
use super::listen::address;
use super::route::remark::certificates::overlap;
use super::shape::{Document, Way};
use countersign_authn::login::site;
use countersign_core::gate::PublicPorts;
use countersign_core::options::{Fault, Values};
use countersign_core::route::{HostPattern, Route};
use countersign_edge::listen::Address;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The name of the key.
pub(super) const KEY: &str = "public_ports";

/// The ports that are listed; else those where we speak TLS ourselves; else 443. What is wrong with the list is told.
pub(super) fn public_ports(document: &Document, told: &mut Vec<Diagnostic>) -> PublicPorts {
    let values = &document.values;
    if !values.has(KEY) {
        let own = values.tables("listen").iter().filter_map(own_port);
        let own = own.collect::<BTreeSet<_>>();
        return if own.is_empty() {
            PublicPorts::default()
        } else {
            PublicPorts::new(own)
        };
    }
    let listed = values.integers(KEY).filter_map(|port| u16::try_from(port).ok());
    let listed = PublicPorts::new(listed);
    if listed.all().next().is_none() && !document.is_faulty(&[KEY]) {
        let message = "the list is empty: nothing that is bound to a site's origin would count anywhere";
        let fault = Fault::new(KEY, message).help("leave it out, or name the port: public_ports = [8443]");
        tell(document, &[], vec![fault], told);
    }
    listed
}

/// The tables of what is bound to a site's origin, each with its full name.
pub(super) fn by_origin(document: &Document) -> impl Iterator<Item = (String, &Values)> {
    let tables = [site::TABLE, "token"].into_iter();
    let all = tables.flat_map(|table| {
        let named = document.values.named(table).iter();
        named.map(move |(name, values)| (table, name, values))
    });
    all.filter(|(table, _, values)| *table == site::TABLE || values.flag("audience_is_origin"))
        .map(|(table, name, values)| (format!("{table}.{name}"), values))
}

/// The number of the first listener at which a proxy asks: nothing here says at which port its clients come.
pub(super) fn asking(document: &Document) -> Option<usize> {
    let mut listeners = document.values.tables("listen").iter();
    listeners.position(|listen| matches!(listen.text("speak"), Some("auth-request" | "forward-auth")))
}

/// The ports at which we speak TLS ourselves to clients of `host`; of some that it governs, where it is many.
pub(super) fn own_ports(document: &Document, host: &HostPattern) -> BTreeSet<u16> {
    ports_of_names(document, |name| overlap(name, host))
}

/// The ports of listeners that have a certificate for such a name.
fn ports_of_names(document: &Document, is_meant: impl Fn(&HostPattern) -> bool) -> BTreeSet<u16> {
    let listeners = document.values.tables("listen").iter();
    let serve = |listen: &&Values| {
        let names = listen.tables("host").iter().flat_map(|host| host.texts("names"));
        let mut names = names.filter_map(|name| HostPattern::parse(name).ok());
        names.any(|name| is_meant(&name))
    };
    listeners.filter(serve).filter_map(own_port).collect()
}

/// Whether `name` is one of every host that `host` governs.
fn covers_all(name: &HostPattern, host: &HostPattern) -> bool {
    match (name, host) {
        (HostPattern::Any, _) => true,
        (_, HostPattern::Exact(host)) => name.covers(host),
        (HostPattern::Suffix(wide), HostPattern::Suffix(narrow)) => narrow.ends_with(&**wide),
        (HostPattern::Exact(_), HostPattern::Suffix(_))
        | (HostPattern::Exact(_) | HostPattern::Suffix(_), HostPattern::Any) => false,
    }
}

/// What is bound to a site's origin, and comes through a proxy too: the port there is the proxy's, and nothing here says it.
/// A host with a certificate of our own is reached here; many hosts are where all of them have one.
pub(super) fn behind_a_proxy(document: &Document, routes: &[(Way, Arc<Route>)]) -> Option<Diagnostic> {
    let values = &document.values;
    if values.has(KEY) || document.is_faulty(&["listen"]) {
        return None;
    }
    let bound = by_origin(document).map(|(name, _)| name).collect::<Vec<_>>();
    let takes = |route: &Route| {
        let mut accepted = route.accept.iter();
        accepted.any(|way| bound.iter().any(|name| *name == **way.name()))
    };
    let routes = routes.iter().filter(|(_, route)| takes(route));
    let mut hosts = routes.flat_map(|(_, route)| &route.hosts);
    let own = values
        .tables("listen")
        .iter()
        .filter_map(own_port)
        .collect::<BTreeSet<_>>();
    let usual = PublicPorts::default().usual();
    let asked = asking(document)?;
    let is_ours = |host| !ports_of_names(document, |name| covers_all(name, host)).is_empty();
    if own.is_empty() || own.contains(&usual) || hosts.all(is_ours) {
        return None;
    }
    let message = format!(
        "sites behind the proxy that asks here count at {} alone: `{KEY}` is not set, and then the ports at which TLS is spoken here \
         are those of all sites",
        PublicPorts::new(own.iter().copied())
    );
    let all = PublicPorts::new(std::iter::once(usual).chain(own));
    let help = format!("{KEY} = [{all}] at the top: every port in people's addresses");
    let way = ["listen".to_owned(), asked.to_string(), "speak".to_owned()];
    Some(Diagnostic::warning(document.place(&way), message).help(help))
}

/// The port of a listener that is reached by https; the usual one where a socket that is handed over does not say.
fn own_port(listen: &Values) -> Option<u16> {
    let is_https = listen.text("speak") == Some("reverse-proxy") && !listen.tables("host").is_empty();
    match address(listen.text("address")?).ok().filter(|_| is_https)? {
        Address::Tcp(address) => Some(address.port()),
        Address::Unix(_) | Address::Systemd(_) => Some(PublicPorts::default().usual()),
    }
}
