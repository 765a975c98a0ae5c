//! The ports of sites beside the listeners, and beside our own provider's `sites`: where nobody would be signed in, and no token
//! taken.

use super::Beside;
use crate::config::diagnostic::Diagnostic;
use crate::config::public_ports::{KEY, asking, behind_a_proxy, by_origin, own_ports};
use crate::config::shape::Way;
use countersign_authn::login::site::TABLE;
use countersign_authn::provider::Provider;
use countersign_core::gate::PublicPorts;
use countersign_core::options::Values;
use countersign_core::route::HostPattern;

impl Beside<'_> {
    /// All there is to say of them.
    pub(super) fn told_of_ports(&self) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        told.extend(self.in_the_clear());
        told.extend(self.several_ports());
        told.extend(behind_a_proxy(self.document, self.routes));
        // An empty list is told by itself.
        if self.ports.all().next().is_none() {
            return told;
        }
        told.extend(self.sent_elsewhere());
        if let Some(provider) = self.provider {
            told.extend(self.told_apart(provider, self.ports));
            told.extend(self.unlisted(provider));
        }
        told
    }

    /// Where the table `name` begins.
    fn table(name: &str) -> Way {
        name.splitn(2, '.').map(str::to_owned).collect()
    }

    /// Whether the table says that our own provider is its issuer.
    pub(super) fn is_of(provider: &Provider, values: &Values) -> bool {
        values.text("issuer") == Some(provider.issuer.as_str())
    }

    /// No listener is reached by https, as far as it knows.
    fn in_the_clear(&self) -> Option<Diagnostic> {
        let (name, _) = by_origin(self.document).next()?;
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
        let so = if is_of_people(&name) {
            "nobody can be signed in".to_owned()
        } else {
            format!("no token of `{name}` counts")
        };
        let message =
            format!("{so}: every listener is reached by http, and a site is known by an origin of https");
        let help = "name a certificate in [[listen.host]]; or let a proxy in front that speaks TLS ask (`auth-request`, `forward-auth`)";
        let place = self.document.key_place(&Self::table(&name));
        Some(Diagnostic::error(place, message).help(help))
    }

    /// Several ports of hosts whose provider is elsewhere: what it tells apart is not known here.
    fn several_ports(&self) -> Option<Diagnostic> {
        self.ports.all().nth(1)?;
        let is_elsewhere = |values: &Values| {
            !self
                .provider
                .is_some_and(|provider| Self::is_of(provider, values))
        };
        let (name, _) = by_origin(self.document).find(|(_, values)| is_elsewhere(values))?;
        let message = format!(
            "the ports of a host, {}, are one site to a gateway: whoever a provider lets in at one can come in at the others",
            self.ports
        );
        let help = "rules of the provider that tell them apart need a gateway for each";
        let listed = self.document.place(&[KEY.to_owned()]);
        let place = listed.or_else(|| self.document.key_place(&Self::table(&name)));
        Some(Diagnostic::note(place, message).help(help))
    }

    /// Listeners that send clients to a port that is none of those.
    fn sent_elsewhere(&self) -> Vec<Diagnostic> {
        if by_origin(self.document).next().is_none() {
            return Vec::new();
        }
        let listeners = self.document.values.tables("listen").iter().enumerate();
        let told = listeners.filter(|(_, listen)| listen.text("speak") == Some("redirect"));
        let told = told.filter_map(|(index, listen)| {
            let port = listen.integer("https_port").and_then(|port| u16::try_from(port).ok());
            let port = port.unwrap_or(PublicPorts::default().usual());
            if self.ports.hold(port) {
                return None;
            }
            let message = format!(
                "clients are sent to port {port}, and sites count at {} alone: nobody is signed in there, and no token is taken",
                self.ports
            );
            let help = format!(
                "{KEY} = [{port}] at the top, where that is the port in people's addresses; or https_port = {}",
                self.ports.usual()
            );
            let way = ["listen".to_owned(), index.to_string()];
            let is_written = self.document.is_written(&way, "https_port");
            let key = if is_written { "https_port" } else { "speak" };
            let place = self.document.place(&[way.as_slice(), &[key.to_owned()]].concat());
            Some(Diagnostic::warning(place, message).help(help))
        });
        told.collect()
    }

    /// Hosts that our own provider signs nobody in at, and makes no token for.
    fn unlisted(&self, provider: &Provider) -> Vec<Diagnostic> {
        let own = by_origin(self.document).filter(|(_, values)| Self::is_of(provider, values));
        let own = own.map(|(name, _)| name).collect::<Vec<_>>();
        let mut told = Vec::new();
        for (way, route) in self.routes {
            let accepted = || route.accept.iter().map(|way| &**way.name());
            let named = || accepted().filter(|name| own.iter().any(|one| one == name));
            let Some(name) = named().find(|name| is_of_people(name)).or_else(|| named().next()) else {
                continue;
            };
            let so = if is_of_people(name) {
                "signs nobody in"
            } else {
                "takes no token"
            };
            for (index, host) in route.hosts.iter().enumerate() {
                let ports = self.ports_of(host);
                let listed = provider.clients.ports_of(host).collect::<Vec<_>>();
                if listed.iter().any(|port| ports.hold(*port)) {
                    continue;
                }
                let below = ["hosts".to_owned(), index.to_string()];
                let place = self.document.place(&[way.as_slice(), &below].concat());
                let is_ours = |port: &&u16| self.ports.hold(**port);
                told.push(if let Some(port) = listed.iter().find(is_ours) {
                    // A port of ours can be that of a router, which leads it here to another one.
                    let message = format!(
                        "`{name}` {so} at port {ports} of {host}, where its listener is: in the provider's `sites` it has port {port}"
                    );
                    let help = format!(
                        "in [openid_provider]: sites = [\"{}\"]; or {KEY} = [{}] at the top, where a router leads port {port} here",
                        written(host, ports.usual()),
                        self.ports
                    );
                    Diagnostic::warning(place, message).help(help)
                } else if let Some(port) = listed.first() {
                    let message = format!(
                        "`{name}` {so} at {host}: in the provider's `sites` it has port {port}, and clients come to {ports}"
                    );
                    Diagnostic::error(place, message).help(self.mended(host, *port, &ports))
                } else {
                    let message = format!("`{name}` {so} at {host}: it is none of the provider's `sites`");
                    let help =
                        format!("in [openid_provider]: sites = [\"{host}\"], with a port where it is not 443");
                    Diagnostic::error(place, message).help(help)
                });
            }
        }
        told
    }

    /// How a site at `port`, which is none of ours, comes to be one at which clients come.
    fn mended(&self, host: &HostPattern, port: u16, ports: &PublicPorts) -> String {
        let listed = format!("{KEY} = [{port}] at the top, where that is the port in people's addresses");
        let is_assumed = own_ports(self.document, &HostPattern::Any).is_empty();
        if is_assumed || self.document.values.has(KEY) {
            return listed;
        }
        if asking(self.document).is_some() {
            // Others come to our own.
            let all = PublicPorts::new(std::iter::once(port).chain(ports.all()));
            return format!("{KEY} = [{all}] at the top: every port in people's addresses");
        }
        format!(
            "in [openid_provider]: sites = [\"{}\"]; or {listed}",
            written(host, ports.usual())
        )
    }

    /// The ports at which clients come to `host`, as far as the listeners tell.
    fn ports_of(&self, host: &HostPattern) -> PublicPorts {
        let own = own_ports(self.document, host);
        if own.is_empty() || self.document.values.has(KEY) || asking(self.document).is_some() {
            return self.ports.clone();
        }
        PublicPorts::new(own)
    }
}

/// Whether the table `name` is about people who are signed in, and not about tokens alone.
fn is_of_people(name: &str) -> bool {
    name.split_once('.').is_some_and(|(table, _)| table == TABLE)
}

/// A site as it is listed.
pub(super) fn written(host: &HostPattern, port: u16) -> String {
    if port == PublicPorts::default().usual() {
        host.to_string()
    } else {
        format!("{host}:{port}")
    }
}
