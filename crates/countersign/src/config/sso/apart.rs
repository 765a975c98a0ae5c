//! Ports of one host that are two sites to our own provider, and one to a guard.

use super::Beside;
use crate::config::diagnostic::Diagnostic;
use crate::config::public_ports::KEY;
use crate::config::shape::Way;
use countersign_authn::login::site;
use countersign_authn::provider::apart::Said;
use countersign_authn::provider::{Provider, TABLE};
use countersign_core::gate::PublicPorts;
use countersign_core::route::Route;

impl Beside<'_> {
    /// What the provider says of a site on one public port alone.
    pub(super) fn told_apart(&self, provider: &Provider, ports: &PublicPorts) -> Vec<Diagnostic> {
        let takes = |route: &Route| {
            route
                .accept
                .iter()
                .any(|way| self.is_for_sites(provider, way.name()))
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

    /// Whether `name` takes what our own provider made for one origin.
    fn is_for_sites(&self, provider: &Provider, name: &str) -> bool {
        let Some((table, own)) = name.split_once('.') else {
            return false;
        };
        let mut tables = self.document.values.named(table).iter();
        let values = tables.find_map(|(name, values)| (name == own).then_some(values));
        values.is_some_and(|values| {
            let by_origin = table == site::TABLE || values.flag("audience_is_origin");
            by_origin && values.text("issuer") == Some(provider.issuer.as_str())
        })
    }
}
