//! The provider's own hosts beside the listeners that there are: whether anybody can show a certificate there, and whether everybody
//! else gets what is everybody's.

use super::super::diagnostic::{Diagnostic, Place};
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
    told.extend(beside.in_the_clear(listeners));
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
        Diagnostic::warning(self.place(below), message).help(help)
    }

    fn place(&self, below: &[&str]) -> Option<Place> {
        let way = [&[TABLE], below].concat();
        let way = way.into_iter().map(str::to_owned).collect::<Vec<_>>();
        self.document.place(&way)
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

    /// Hosts of its own that are reached by http alone, as far as the listeners know: it answers nobody there.
    fn in_the_clear(&self, listeners: &[Values]) -> Vec<Diagnostic> {
        let told = self.hosts().filter(|(_, host)| is_in_the_clear(listeners, host));
        let told = told.map(|(key, host)| {
            let (who, host) = (shut_out(key), host.name());
            let message = format!(
                "{who}: the provider answers over https alone, and the listeners that {host} comes in at are reached by http"
            );
            let help = format!(
                "names = [\"{host}\"] and a certificate in [[listen.host]]; or let a proxy in front that speaks TLS ask \
                 (`auth-request`, `forward-auth`)"
            );
            Diagnostic::error(self.place(&[key]), message).help(help)
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
        let listeners = self.document.values.tables("listen");
        let hosts = self.hosts().filter(|(_, host)| !is_in_the_clear(listeners, host));
        let told = hosts.filter_map(|(key, host)| {
            let asking = self.asking(&host);
            let host = host.name();
            if asking.is_empty() {
                let who = shut_out(key);
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

/// What it comes to that nobody is served at the host that this key names.
fn shut_out(key: &str) -> &'static str {
    if key == "issuer" {
        "nobody can log in"
    } else {
        "no machine gets a token there"
    }
}

/// Whether requests for `host` come in, and by http alone.
fn is_in_the_clear(listeners: &[Values], host: &Host) -> bool {
    let host = HostPattern::Exact(host.name().into());
    let forwards = |listen: &Values| matches!(listen.text("speak"), Some("reverse-proxy" | "check"));
    let is_clear = |listen: &Values| forwards(listen) && listen.tables("host").is_empty();
    let is_secure = |listen: &Values| {
        let names = listen.tables("host").iter().flat_map(|host| host.texts("names"));
        let mut names = names.filter_map(|name| HostPattern::parse(name).ok());
        match listen.text("speak") {
            Some("redirect") => false,
            // Who comes by a name that has no certificate is shown another's, and goes.
            Some(_) if forwards(listen) => names.any(|name| overlap(&name, &host)),
            // The proxy that asks says how its clients came.
            Some(_) | None => true,
        }
    };
    listeners.iter().any(is_clear) && !listeners.iter().any(is_secure)
}
