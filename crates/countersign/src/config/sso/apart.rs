//! Ports of one host that are two sites to our own provider, and one to a guard.

use super::Beside;
use crate::config::diagnostic::Diagnostic;
use crate::config::public_ports::{KEY, by_origin};
use crate::config::shape::Way;
use countersign_authn::provider::apart::Said;
use countersign_authn::provider::{Provider, TABLE};
use countersign_core::gate::PublicPorts;
use countersign_core::route::Route;

impl Beside<'_> {
    /// What the provider says of a site on one public port alone.
    pub(super) fn told_apart(&self, provider: &Provider, ports: &PublicPorts) -> Vec<Diagnostic> {
        let own = by_origin(self.document).filter(|(_, values)| Self::is_of(provider, values));
        let own = own.map(|(name, _)| name).collect::<Vec<_>>();
        let takes = |route: &Route| {
            let mut accepted = route.accept.iter();
            accepted.any(|way| own.iter().any(|name| *name == **way.name()))
        };
        let routes = self.routes.iter().filter(|(_, route)| takes(route));
        let hosts = routes.flat_map(|(_, route)| &route.hosts).collect::<Vec<_>>();
        let apart = provider.tells_apart(ports, &hosts).into_iter().map(|apart| {
            let (way, so): (Way, _) = match apart.said {
                Said::Rule(index) => (
                    [TABLE, "rule", &index.to_string(), "sites"].map(str::to_owned).into(),
                    "whoever it keeps out can come in at the other",
                ),
                Said::Unbound => (
                    [TABLE, "site", &apart.site].map(str::to_owned).into(),
                    "its tokens hold without a certificate at the other, too",
                ),
            };
            let message = format!(
                "the ports of a host, {ports}, are one site to a gateway: this is about {} and not about its port {}, and {so}",
                apart.site, apart.port
            );
            let help = format!(
                "say the same of both; or name one of the two alone in {KEY}; or guard them by two gateways"
            );
            Diagnostic::warning(self.document.key_place(&way), message).help(help)
        });
        apart.collect()
    }
}
