//! Routes that accept certificates, and the listeners at which they would be shown.

use super::super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use countersign_core::options::Values;
use countersign_core::route::{HostPattern, Route};

/// A place at which clients are asked for certificates, or a proxy passes theirs on.
pub(in crate::config) struct Asks<'d> {
    pub(in crate::config) by: Vec<&'d str>,
    /// Its key, for whoever mends it.
    pub(in crate::config) key: &'static str,
    /// Whether nothing is served without one that holds by these.
    pub(in crate::config) required: bool,
    /// The first name of the host, where every request of the route for such a host comes in.
    host: Option<&'d str>,
}

/// About the certificates that `route` accepts: one that nobody could show, and one that a listener has not asked for.
pub(super) fn remark(
    route: &Route,
    values: &Values,
    way: &[String],
    surroundings: &Surroundings<'_>,
    told: &mut Vec<Diagnostic>,
) {
    if surroundings.listeners.is_empty() {
        return;
    }
    let asking = asking(&surroundings.document.values, &route.hosts);
    for key in ["accept", "also"] {
        for (index, name) in values.texts(key).enumerate() {
            if !name.starts_with("certificate.") {
                continue;
            }
            let way = [way, &[key.to_owned(), index.to_string()]].concat();
            if let Some((message, help)) = about(name, &asking) {
                let message = format!("route `{}`: {message}", route.name);
                let place = surroundings.document.place(&way);
                told.push(Diagnostic::warning(place, message).help(&help));
            }
        }
    }
}

/// What is to be said of certificates of the table `name`, and how to mend it.
fn about(name: &str, asking: &[Asks<'_>]) -> Option<(String, String)> {
    let Some(first) = asking.first() else {
        let message = format!(
            "no listener asks for a certificate where this route is met: nobody can show one of `{name}`"
        );
        let help = format!(
            "client_certificates = {{ mode = \"ask\", by = [\"{name}\"] }} in a [[listen.host]], or \
             forwarded_certificate where a proxy in front passes them on"
        );
        return Some((message, help));
    };
    let lacks = |asks: &&Asks<'_>| !asks.by.contains(&name);
    let host = asking.iter().filter(|asks| asks.host.is_some()).find(lacks);
    let lacking = host.or_else(|| asking.iter().all(|asks| lacks(&asks)).then_some(first))?;
    let at = match lacking.host {
        Some(host) => format!("of the host `{host}`"),
        None => "of any listener".to_owned(),
    };
    let so = if lacking.required {
        "who shows one of its certificates is refused before this route is met"
    } else {
        "clients are not told that its certificates are wanted, and who shows one enters all the same"
    };
    let message = format!("`{name}` is not among `{}.by` {at}: {so}", lacking.key);
    Some((message, "name it there, or leave it out of this route".to_owned()))
}

/// Every place at which certificates are asked for, as far as requests for `hosts` come in there.
pub(in crate::config) fn asking<'d>(values: &'d Values, hosts: &[HostPattern]) -> Vec<Asks<'d>> {
    let listeners = values.tables("listen").iter();
    listeners.flat_map(|listen| asks(listen, hosts)).collect()
}

/// Where certificates are asked for at `listen`, as far as requests for `hosts` come in there.
fn asks<'d>(listen: &'d Values, hosts: &[HostPattern]) -> Vec<Asks<'d>> {
    let mut asks = Vec::new();
    if let Some(table) = listen.table("forwarded_certificate") {
        asks.push(Asks {
            by: table.texts("by").collect(),
            key: "forwarded_certificate",
            required: false,
            host: None,
        });
    }
    let forwards = listen.text("speak") == Some("reverse-proxy");
    for (index, host) in listen.tables("host").iter().enumerate() {
        let Some(table) = host.table("client_certificates") else {
            continue;
        };
        let names = host
            .texts("names")
            .filter_map(|name| HostPattern::parse(name).ok());
        let names = names.collect::<Vec<_>>();
        // Whatever is asked for by a name that no host has comes in at the first.
        let meets =
            !forwards || index == 0 && stray(listen, hosts) || names.iter().any(|name| meet(name, hosts));
        if meets && table.text("mode") != Some("off") {
            asks.push(Asks {
                by: table.texts("by").collect(),
                key: "client_certificates",
                required: table.text("mode") == Some("required"),
                host: host.texts("names").next().filter(|_| forwards),
            });
        }
    }
    asks
}

fn meet(name: &HostPattern, hosts: &[HostPattern]) -> bool {
    hosts.iter().any(|host| overlap(host, name))
}

/// Whether one of `hosts` has no host of its own at `listen`.
fn stray(listen: &Values, hosts: &[HostPattern]) -> bool {
    let names = listen.tables("host").iter().flat_map(|host| host.texts("names"));
    let names = names.filter_map(|name| HostPattern::parse(name).ok());
    let names = names.collect::<Vec<_>>();
    hosts
        .iter()
        .any(|host| !names.iter().any(|name| overlap(host, name)))
}

/// Whether there are hosts that both name.
pub(in crate::config) fn overlap(one: &HostPattern, other: &HostPattern) -> bool {
    use HostPattern::{Any, Exact, Suffix};
    match (one, other) {
        (Any, _) | (_, Any) => true,
        (Exact(one), Exact(other)) => one == other,
        (Exact(host), Suffix(suffix)) | (Suffix(suffix), Exact(host)) => {
            host.len() > suffix.len() && host.ends_with(&**suffix)
        }
        (Suffix(one), Suffix(other)) => one.ends_with(&**other) || other.ends_with(&**one),
    }
}
