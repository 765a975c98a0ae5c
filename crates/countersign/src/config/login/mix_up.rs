//! What logins and routes are together: nothing is wrong with one of them alone.

use super::super::diagnostic::Diagnostic;
use super::super::shape::{Document, Way};
use countersign_authn::login::party::RelyingParty;
use countersign_authn::login::{self, Login};
use countersign_core::route::{HostPattern, Route};
use std::sync::Arc;

/// Tells of logins that the answer of one provider could be led between, and of sessions that anybody could have.
pub(in crate::config) fn remark(
    document: &Document,
    logins: &[Arc<Login>],
    routes: &[(Way, Arc<Route>)],
    told: &mut Vec<Diagnostic>,
) {
    for (index, login) in logins.iter().enumerate() {
        let party = login.party();
        let before = logins.iter().take(index).map(|other| other.party());
        if let Some(other) = before
            .into_iter()
            .find(|other| may_be_mixed_up(party, other, routes))
        {
            told.push(mixed_up(document, party, other));
        }
        told.extend(for_every_host(document, party, routes));
    }
}

/// A login with `at` sends codes to where the request has come from: to a host that nobody has named, too.
fn for_every_host(
    document: &Document,
    party: &RelyingParty,
    routes: &[(Way, Arc<Route>)],
) -> Option<Diagnostic> {
    party.at()?;
    let open = |route: &Route| route.hosts.contains(&HostPattern::Any) && accepts(route, party);
    let (way, _) = routes.iter().find(|(_, route)| open(route))?;
    let place = document.place(&[way.as_slice(), &["hosts".to_owned()]].concat());
    let message = format!(
        "`{}` hands sessions to every host, whatever clients call it: with `at`, hosts are named",
        party.name
    );
    let help = "hosts = [\"*.home.example\"], or each by its name";
    Some(Diagnostic::error(place, message).help(help))
}

fn accepts(route: &Route, party: &RelyingParty) -> bool {
    route.accept.iter().any(|way| *way.name() == party.name)
}

/// Whether an answer at one's callback could be the other provider's. Where both are one provider's, it is that one's.
fn may_be_mixed_up(one: &RelyingParty, other: &RelyingParty, routes: &[(Way, Arc<Route>)]) -> bool {
    let run_at = runs_at(other, routes);
    // A provider of sites always says who it is, and is held to it.
    !one.known_as.is_site()
        && !other.known_as.is_site()
        && one.callback() == other.callback()
        && one.issuer.as_str() != other.issuer.as_str()
        && runs_at(one, routes).iter().any(|host| run_at.contains(host))
}

/// The hosts on which it is the login that providers send browsers back to.
fn runs_at(party: &RelyingParty, routes: &[(Way, Arc<Route>)]) -> Vec<HostPattern> {
    if let Some(at) = party.at() {
        return vec![HostPattern::Exact(at.host.name().into())];
    }
    let routes = routes.iter().map(|(_, route)| route);
    let accepting = routes.filter(|route| accepts(route, party));
    accepting.flat_map(|route| route.hosts.iter().cloned()).collect()
}

fn mixed_up(document: &Document, party: &RelyingParty, other: &RelyingParty) -> Diagnostic {
    let name = party.name.strip_prefix("login.").unwrap_or(&party.name);
    let way = [login::TABLE, name].map(str::to_owned);
    let key = [way.as_slice(), &["callback".to_owned()]].concat();
    let place = document.place(&key).filter(|_| document.stands(&key));
    let place = place.or_else(|| document.key_place(&way));
    let message = format!(
        "`{}` and `{}` have one `callback` on one host: one provider can have the other's answer sent to it, unless both say `iss` there (RFC 9207)",
        other.name, party.name
    );
    let help = format!("callback = \"/{name}-callback\", and register it with this provider instead");
    Diagnostic::warning(place, message).help(help)
}
