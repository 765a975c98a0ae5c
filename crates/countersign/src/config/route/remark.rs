//! What is allowed in routes and may still surprise.

use super::Surroundings;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::listen::covers;
use crate::config::shape::Way;
use countersign_authn::provider;
use countersign_core::options::Values;
use countersign_core::own_path;
use countersign_core::route::{PathPattern, Route};
use countersign_edge::listen::Address;
use std::net::SocketAddr;
use std::sync::Arc;

pub(in crate::config) mod certificates;

/// About one route.
pub(super) fn remark(
    route: &Route,
    values: &Values,
    way: &[String],
    surroundings: &Surroundings<'_>,
    told: &mut Vec<Diagnostic>,
) {
    let at = |key: &str| surroundings.document.place(&[way, &[key.to_owned()]].concat());
    let mut warn = |key: &str, message: String, help: &str| {
        told.push(Diagnostic::warning(at(key), message).help(help));
    };
    let open = route.accept.iter().any(|way| way.is_anonymous());
    let name = &route.name;
    if open && !route.require.is_empty() {
        warn(
            "accept",
            format!("route `{name}`: nobody anonymous meets a `require`; strangers get 403"),
            "leave `anonymous` out, and they are asked who they are",
        );
    }
    if !route.endpoints.is_empty() && !surroundings.speaks("check") {
        warn(
            "endpoint",
            "no listener speaks `check`: nothing asks at this endpoint".to_owned(),
            "leave it out, or add a [[listen]] with speak = \"check\"",
        );
    }
    if values.has("to") && !surroundings.speaks("reverse-proxy") {
        warn(
            "to",
            "no listener speaks `reverse-proxy`: nothing is forwarded".to_owned(),
            "leave it out, or add a [[listen]] with speak = \"reverse-proxy\"",
        );
    }
    if route.to.is_none() && surroundings.speaks_only("reverse-proxy") {
        let message =
            format!("route `{name}` has no `to`, and every listener forwards: it can only answer 404");
        warn("accept", message, "to = \"http://127.0.0.1:9000\"");
    }
    if route.endpoints.is_empty() && surroundings.speaks_only("check") {
        let message = format!(
            "route `{name}` has no `endpoint`, and every listener speaks `check`: nothing reaches it"
        );
        warn("accept", message, "endpoint = \"/auth\"");
    }
    if route.require.is_empty() && !open {
        let message =
            format!("route `{name}` has no `require`: any principal that its `accept` proves may enter");
        told.push(Diagnostic::note(at("accept"), message));
    }
    certificates::remark(route, values, way, surroundings, told);
    refuse_loop(route, way, surroundings, told);
}

/// A route that forwards to a listener that forwards: the request would come back until something breaks.
fn refuse_loop(route: &Route, way: &[String], surroundings: &Surroundings<'_>, told: &mut Vec<Diagnostic>) {
    let Some(to) = &route.to else { return };
    let named = to.authority.replace("localhost:", "127.0.0.1:");
    let Ok(to) = named.parse::<SocketAddr>() else {
        return;
    };
    let ours = surroundings.listeners.iter().any(|listen| match &listen.address {
        Address::Tcp(own) => {
            own == &to || own.port() == to.port() && to.ip().is_loopback() && covers(own.ip(), to.ip())
        }
        Address::Unix(_) | Address::Systemd(_) => false,
    });
    if ours {
        let place = surroundings.document.place(&[way, &["to".to_owned()]].concat());
        let help = "the application listens elsewhere, and nobody but the gateway reaches it";
        told.push(Diagnostic::error(place, "this is a listener of our own").help(help));
    }
}

/// About the routes beside each other, and the authenticators beside them.
pub(super) fn remark_on_all(
    routes: &[(Way, Arc<Route>)],
    surroundings: &Surroundings<'_>,
    told: &mut Vec<Diagnostic>,
) {
    let document = surroundings.document;
    for (index, (way, route)) in routes.iter().enumerate() {
        let earlier = routes.get(..index).unwrap_or_default();
        let named = document
            .values
            .tables("route")
            .get(number(way))
            .is_some_and(|values| values.has("name"));
        if named && earlier.iter().any(|(_, other)| other.name == route.name) {
            let place = document.place(&below(way, &["name"]));
            let message = "another route has this name: logs and metrics cannot tell them apart";
            told.push(Diagnostic::warning(place, message).help("another `name`, or none"));
        }
        for (number, path) in route.paths.iter().enumerate() {
            let place = || document.place(&below(way, &["paths", &number.to_string()]));
            let text = path.to_string();
            let own = text
                .strip_prefix(own_path::PREFIX)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if own {
                let message = format!("unreachable: paths below {}/ are our own", own_path::PREFIX);
                told.push(Diagnostic::warning(place(), message).help("leave it out"));
            } else if let Some(before) = shadow(route, path, earlier) {
                let message = format!(
                    "unreachable: `{}` of route `{}` is as specific, covers all of it and stands before it",
                    before.1, before.0.name
                );
                let help = "put this route before that one";
                told.push(Diagnostic::warning(place(), message).help(help));
            }
        }
    }
    if told.iter().all(|one| one.severity != Severity::Error) {
        remark_on_unused(surroundings, told);
    }
}

/// Authenticators that no route accepts. Beside a mistake it may be the mistake that keeps them from being used.
fn remark_on_unused(surroundings: &Surroundings<'_>, told: &mut Vec<Diagnostic>) {
    let document = surroundings.document;
    let used = |name: &str| {
        let all = document.values.tables("route").iter();
        let named = all.flat_map(|route| route.texts("accept").chain(route.texts("also")));
        let provider = document.values.table(provider::TABLE).into_iter();
        let judges = provider.flat_map(|provider| provider.texts("certificates"));
        named.chain(judges).any(|one| one == name)
    };
    let names = surroundings.declared.iter().map(|(name, _)| name);
    for name in names.filter(|name| ***name != *super::ANONYMOUS && !used(name)) {
        let way = name.split('.').map(str::to_owned).collect::<Vec<_>>();
        let message = format!("no route accepts `{name}`");
        told.push(Diagnostic::note(document.key_place(&way), message));
    }
}

/// The route before, and its path, that takes every request `path` of `route` could take, under every host.
fn shadow<'r>(
    route: &Route,
    path: &PathPattern,
    earlier: &'r [(Way, Arc<Route>)],
) -> Option<(&'r Route, &'r PathPattern)> {
    let takes_methods = |other: &Route| {
        let has = |method| other.methods.contains(method);
        other.methods.is_empty() || !route.methods.is_empty() && route.methods.iter().all(has)
    };
    let takes = |other: &Route| {
        !route.hosts.is_empty()
            && route.hosts.iter().all(|host| other.hosts.contains(host))
            && takes_methods(other)
    };
    earlier
        .iter()
        .filter(|(_, other)| takes(other))
        .find_map(|(_, other)| {
            let over = |one: &&PathPattern| one.specificity() == path.specificity() && one.includes(path);
            other.paths.iter().find(over).map(|found| (&**other, found))
        })
}

fn number(way: &[String]) -> usize {
    way.get(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(usize::MAX)
}

fn below(way: &[String], keys: &[&str]) -> Way {
    let keys = keys.iter().map(|key| (*key).to_owned());
    way.iter().cloned().chain(keys).collect()
}
