//! The provider's own hosts beside the listeners that there are: whether anybody can show a certificate there, and whether everybody
//! else gets what is everybody's.

use super::super::diagnostic::Diagnostic;
use super::super::route::remark::certificates::{Asks, asking, overlap};
use super::super::shape::Document;
use countersign_authn::provider::{Provider, TABLE};
use countersign_core::gate::Host;
use countersign_core::options::Values;
use countersign_core::route::HostPattern;

/// All there is to say of it.
pub(super) fn told(document: &Document, provider: &Provider) -> Vec<Diagnostic> {
    let beside = Beside { document, provider };
    let mut told = beside.own_sites();
    let listeners = document.values.tables("listen");
    if listeners.is_empty() || document.is_faulty(&["listen"]) {
        return told;
    }
    told.extend(beside.unserved(listeners));
    told.extend(beside.closed());
    told.extend(beside.unwanted());
    told
}

/// What the provider is judged beside.
struct Beside<'d> {
    document: &'d Document,
    provider: &'d Provider,
}

impl<'d> Beside<'d> {
    /// A warning at a key of the provider's table.
    fn warning(&self, below: &[&str], message: String, help: String) -> Diagnostic {
        let way = [&[TABLE], below].concat();
        let way = way.into_iter().map(str::to_owned).collect::<Vec<_>>();
        Diagnostic::warning(self.document.place(&way), message).help(help)
    }

    fn texts(&self, key: &str) -> Vec<&'d str> {
        let values = self.document.values.table(TABLE);
        values.map_or_else(Vec::new, |values| values.texts(key).collect())
    }

    /// Its hosts, each with the key that names it.
    fn hosts(&self) -> impl Iterator<Item = (&'static str, Host)> {
        let issuer = std::iter::once(("issuer", self.provider.host()));
        issuer.chain(self.provider.mtls_host().map(|host| ("mtls_origin", host)))
    }

    fn asking(&self, host: &Host) -> Vec<Asks<'d>> {
        let host = HostPattern::parse(host.name()).ok();
        asking(&self.document.values, host.as_slice())
    }

    /// Hosts of its own among `sites`, each by itself.
    fn own_sites(&self) -> Vec<Diagnostic> {
        let own = self.hosts().filter(|(_, host)| self.provider.clients.lists(host));
        let told = own.map(|(key, host)| {
            let message = format!(
                "{} is the provider itself, and one of `sites`: an application there could do all that the provider can",
                host.name()
            );
            let help = "leave it out of `sites`: nothing else should live on that host".to_owned();
            self.warning(&[key], message, help)
        });
        told.collect()
    }

    /// Hosts of its own for which no listener has a certificate. Behind a proxy nobody here can tell.
    fn unserved(&self, listeners: &[Values]) -> Vec<Diagnostic> {
        let mut served = listeners
            .iter()
            .filter(|listen| listen.text("speak") != Some("redirect"));
        let all_are_known = served.all(|listen| !listen.tables("host").is_empty());
        let names = || {
            let hosts = listeners.iter().flat_map(|listen| listen.tables("host"));
            hosts
                .flat_map(|host| host.texts("names"))
                .filter_map(|name| HostPattern::parse(name).ok())
        };
        let unserved = self.hosts().filter(|(_, host)| {
            let host = HostPattern::Exact(host.name().into());
            all_are_known && !names().any(|name| overlap(&name, &host))
        });
        let told = unserved.map(|(key, host)| {
            let host = host.name();
            let message = format!(
                "no listener has a certificate for {host}: whoever comes there is shown another host's"
            );
            let help = format!("names = [\"{host}\"] in a [[listen.host]] of its own");
            self.warning(&[key], message, help)
        });
        told.collect()
    }

    /// Hosts at which nobody can show a certificate, or nobody else comes in.
    fn closed(&self) -> Vec<Diagnostic> {
        let judges = self.texts("certificates").into_iter();
        let judges = judges
            .map(|name| format!("{name:?}"))
            .collect::<Vec<_>>()
            .join(", ");
        let told = self.hosts().filter_map(|(key, host)| {
            let asking = self.asking(&host);
            let host = host.name();
            if asking.is_empty() {
                let who = if key == "issuer" { "nobody can log in" } else { "no machine gets a token there" };
                let message = format!("{who}: no listener asks for a certificate at {host}");
                let help = format!(
                    "client_certificates = {{ mode = \"ask\", by = [{judges}] }} in the [[listen.host]] of that name, or \
                     forwarded_certificate where a proxy in front passes them on"
                );
                return Some(self.warning(&[key], message, help));
            }
            let is_required = key == "issuer" && asking.iter().any(|asks| asks.required);
            is_required.then(|| {
                let message = format!(
                    "{host} is closed to whoever shows no certificate: gateways and applications elsewhere cannot fetch the \
                     provider's keys, nor tokens, and people without one are not told what to do"
                );
                let help = "mode = \"ask\" in the `client_certificates` of that host: logging in takes a certificate all the same";
                self.warning(&[key], message, help.to_owned())
            })
        });
        told.collect()
    }

    /// Tables whose certificates nobody is asked for. A proxy in front asks for those that it knows.
    fn unwanted(&self) -> Vec<Diagnostic> {
        let asking = self
            .hosts()
            .flat_map(|(_, host)| self.asking(&host))
            .collect::<Vec<_>>();
        if asking.is_empty() || asking.iter().any(|asks| asks.key != "client_certificates") {
            return Vec::new();
        }
        let judges = self.texts("certificates").into_iter().enumerate();
        let unwanted = judges.filter(|(_, name)| !asking.iter().any(|asks| asks.by.contains(name)));
        let told = unwanted.map(|(index, name)| {
            let host = self.provider.issuer.host().name();
            let message = format!("clients are not told at {host} that certificates of `{name}` are wanted, and browsers offer none");
            let help = format!("name it in the `client_certificates.by` of that host, or leave it out here: {name:?}");
            self.warning(&["certificates", &index.to_string()], message, help)
        });
        told.collect()
    }
}
