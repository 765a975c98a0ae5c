//! `public_ports`: where clients reach sites.

use super::check::tell;
use super::diagnostic::Diagnostic;
use super::listen::address;
use super::shape::Document;
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

/// The port of a listener that is reached by https; the usual one where a socket that is handed over does not say.
fn own_port(listen: &Values) -> Option<u16> {
    let is_https = listen.text("speak") == Some("reverse-proxy") && !listen.tables("host").is_empty();
    match address(listen.text("address")?).ok().filter(|_| is_https)? {
        Address::Tcp(address) => Some(address.port()),
        Address::Unix(_) | Address::Systemd(_) => Some(PublicPorts::default().usual()),
    }
}
