//! Ports of one host that are two sites here, and one to a guard: a client writes the port into `Host` itself.

use super::Provider;
use countersign_core::gate::PublicPorts;
use countersign_core::route::HostPattern;
use countersign_oidc::provider::site::SitePattern;

/// What is said of a site on one port alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Who may enter: the rule of this number, from 0.
    Rule(usize),
    /// That tokens need no certificate beside them.
    Unbound,
}

/// A site, and another port of its host at which clients come to the same guard, of which nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// What is said.
    pub said: Said,
    /// The site, as it was written.
    pub site: String,
    /// The other port.
    pub port: u16,
}

impl Provider {
    /// What a guard of `hosts` cannot tell apart that clients come to at `ports`; one of each that is said.
    pub fn tells_apart(&self, ports: &PublicPorts, hosts: &[&HostPattern]) -> Vec<Apart> {
        let is_here =
            |site: &&SitePattern| ports.hold(site.port()) && hosts.iter().any(|hosts| site.may_hold(hosts));
        let here = self.clients.sites().iter().filter(is_here).collect::<Vec<_>>();
        let rules = self.rules.iter().enumerate();
        let said = rules.map(|(index, rule)| (Said::Rule(index), &rule.sites));
        let said = said.chain([(Said::Unbound, &self.unbound)]);
        said.filter_map(|(said, some)| {
            let mut named = some.iter().filter(|one| ports.hold(one.port()));
            named.find_map(|one| {
                let port = here.iter().find(|other| is_apart(one, other, some))?.port();
                let site = one.to_string();
                Some(Apart { said, site, port })
            })
        })
        .collect()
    }
}

/// Whether `one` and `other` are ports of one host, and only the former is among `some`.
fn is_apart(one: &SitePattern, other: &SitePattern, some: &[SitePattern]) -> bool {
    let both = if one.has_all_hosts_of(other) {
        other
    } else if other.has_all_hosts_of(one) {
        one
    } else {
        return false;
    };
    let mut there = some.iter().filter(|named| named.port() == other.port());
    one.port() != other.port() && !there.any(|named| named.has_all_hosts_of(both))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_told_apart_of_which_nothing_is_said_for_all_hosts_of_both() {
        let pattern = |text: &&str| SitePattern::parse(text).unwrap();
        for (some, other, apart) in [
            (&["app.home.test"][..], "app.home.test:8443", true),
            (&["app.home.test"], "*.home.test:8443", true),
            (&["*.home.test"], "app.home.test:8443", true),
            (&["*.home.test", "*.home.test:8443"], "app.home.test:8443", false),
            (
                &["*.home.test", "app.home.test:8443"],
                "app.home.test:8443",
                false,
            ),
            (&["*.home.test", "app.home.test:8443"], "*.home.test:8443", true),
            (
                &["app.home.test", "wiki.home.test:8443"],
                "*.home.test:8443",
                true,
            ),
            (&["app.home.test"], "wiki.home.test:8443", false),
            (&["app.home.test"], "*.home.test", false),
        ] {
            let some = some.iter().map(pattern).collect::<Vec<_>>();
            let told = is_apart(&some[0], &pattern(&other), &some);
            assert_eq!(told, apart, "{some:?} {other}");
        }
    }
}
