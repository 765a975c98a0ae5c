//! `public_ports`: where clients reach sites.

use super::check::tell;
use super::diagnostic::Diagnostic;
use super::listen::address;
use super::shape::Document;
use countersign_authn::login::site;
use countersign_core::gate::PublicPorts;
use countersign_core::options::{Fault, Values};
use countersign_edge::listen::Address;
use std::collections::BTreeSet;

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

/// What is bound to a site's origin, and comes through a proxy too: the port there is the proxy's, and nothing here says it.
pub(super) fn behind_a_proxy(document: &Document) -> Option<Diagnostic> {
    let values = &document.values;
    let mut tokens = values.named("token").iter();
    let is_bound =
        !values.named(site::TABLE).is_empty() || tokens.any(|(_, token)| token.flag("audience_is_origin"));
    if values.has(KEY) || !is_bound || document.is_faulty(&["listen"]) {
        return None;
    }
    let listeners = values.tables("listen");
    let own = listeners.iter().filter_map(own_port).collect::<BTreeSet<_>>();
    let usual = PublicPorts::default().usual();
    let mut asking = listeners.iter();
    let asked =
        asking.position(|listen| matches!(listen.text("speak"), Some("auth-request" | "forward-auth")))?;
    if own.is_empty() || own.contains(&usual) {
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
