//! Tokens for machines, which are bound to their certificate, at sites where nobody can show one.

use super::Beside;
use super::ports::written;
use crate::config::diagnostic::Diagnostic;
use crate::config::public_ports::by_origin;
use crate::config::route::remark::certificates::asking;
use countersign_authn::provider::{Provider, TABLE};
use countersign_core::route::{HostPattern, Route};

impl Beside<'_> {
    /// Routes at which all tokens would be refused that our own provider makes for machines. Behind a proxy that passes certificates
    /// on nobody here can tell.
    pub(super) fn refused_machines(&self) -> Vec<Diagnostic> {
        let listeners = self.document.values.tables("listen");
        let is_known = !listeners.is_empty() && !self.document.is_faulty(&["listen"]);
        let Some(provider) = self.provider.filter(|_| is_known && !self.has_unbound_clients()) else {
            return Vec::new();
        };
        let told = self.routes.iter().filter_map(|(way, route)| {
            let (index, name) = self.takes_machines(provider, route)?;
            let site = route.hosts.iter().find_map(|host| self.refuses(provider, host))?;
            let message = format!(
                "route `{}`: what `{name}` takes of our own provider is bound to a certificate, and no listener asks for one at \
                 {site}: every such token is refused there (`token_bound`)",
                route.name
            );
            let help = format!(
                "client_certificates = {{ mode = \"ask\", … }} in a [[listen.host]], or forwarded_certificate where a proxy in \
                 front passes them on; or bind = false in [{TABLE}.site.\"{site}\"]"
            );
            let below = ["accept".to_owned(), index.to_string()];
            let place = self.document.place(&[way.as_slice(), &below].concat());
            Some(Diagnostic::warning(place, message).help(help))
        });
        told.collect()
    }

    /// Whether there are registered machines whose tokens are bound nowhere.
    fn has_unbound_clients(&self) -> bool {
        let provider = self.document.values.table(TABLE);
        let mut clients = provider.into_iter().flat_map(|values| values.named("client"));
        clients.any(|(_, client)| !client.flag("bind"))
    }

    /// The first way of a route by which tokens of our own provider come, if there is one.
    fn takes_machines<'r>(&self, provider: &Provider, route: &'r Route) -> Option<(usize, &'r str)> {
        let own = by_origin(self.document).filter(|(_, values)| Self::is_of(provider, values));
        let own = own.map(|(name, _)| name).collect::<Vec<_>>();
        let mut ways = route.accept.iter().map(|way| &**way.name()).enumerate();
        ways.find(|(_, name)| name.starts_with("token.") && own.iter().any(|own| own == name))
    }

    /// The site of this host where nobody can show a certificate, and every token wants one.
    fn refuses(&self, provider: &Provider, host: &HostPattern) -> Option<String> {
        let mut ports = provider.clients.ports_of(host);
        let port = ports.find(|port| self.ports.hold(*port))?;
        let is_unbound = provider.unbound.iter().any(|site| site.may_hold(host));
        let asks = !asking(&self.document.values, std::slice::from_ref(host)).is_empty();
        (!is_unbound && !asks).then(|| written(host, port))
    }
}
