//! Tokens of sessions that go on: in headers, and as cookies.

use super::super::check::Declared;
use super::super::diagnostic::Diagnostic;
use super::super::shape::{Document, Way};
use countersign_core::credential_place::{CredentialPlace, folded_cookie};
use countersign_core::identity_headers::{Fact, TokenFact};
use countersign_core::options::{Fault, Values};

/// The key.
const KEY: &str = "cookies";

/// The cookies of one table, as far as they are sound.
pub(super) fn cookies(values: &Values, faults: &mut Vec<Fault>) -> Vec<(Box<str>, TokenFact)> {
    let mut wanted = Vec::<(Box<str>, TokenFact)>::new();
    for (name, text) in values.text_map(KEY) {
        let mut fault = |message: String, help: &str| {
            faults.push(Fault::new(name, message).within(KEY).help(help));
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let ours = ["__host-", "__secure-"];
        let is_ours = ours
            .iter()
            .any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
        let is_same = |(other, _): &(Box<str>, TokenFact)| {
            folded_cookie(other.as_bytes()) == folded_cookie(name.as_bytes())
        };
        match Fact::parse(text) {
            _ if name.is_empty() || !name.bytes().all(is_plain) || is_ours => fault(
                "not the name of an application's cookie".to_owned(),
                "letters, digits, `-`, `_` and `.`, without the prefixes `__Host-` and `__Secure-`: AccessToken",
            ),
            _ if wanted.iter().any(is_same) => fault(
                format!("`{name}` is another one's name to applications that fold case, `-`, `_` and `.`"),
                "keep one of the two",
            ),
            Some(Fact::Token(token @ (TokenFact::Id | TokenFact::Access))) => {
                wanted.push((name.as_str().into(), token));
            }
            _ => fault(
                format!("{text:?} goes in no cookie"),
                "`id_token` or `access_token`; everything else is told in a header: `add`",
            ),
        }
    }
    wanted
}

/// Every table of identity headers, and its way.
fn tables(values: &Values) -> impl Iterator<Item = (Way, &Values)> {
    let own = "identity_headers";
    let routes = values.tables("route").iter().enumerate();
    let routes = routes.filter_map(move |(index, route)| {
        let way = vec!["route".to_owned(), index.to_string(), own.to_owned()];
        Some((way, route.table(own)?))
    });
    let standard = values.table(own).map(|table| (vec![own.to_owned()], table));
    standard.into_iter().chain(routes)
}

/// Where each cookie stands, and its name.
fn all(values: &Values) -> impl Iterator<Item = (Way, &str)> {
    tables(values).flat_map(|(way, table)| {
        let names = table.text_map(KEY).iter();
        names.map(move |(name, _)| {
            let below = [KEY.to_owned(), name.clone()];
            ([way.as_slice(), &below].concat(), name.as_str())
        })
    })
}

/// Where a token of a session is asked for.
pub(in crate::config) fn sent(values: &Values) -> Vec<Way> {
    let headers = tables(values).flat_map(|(way, table)| {
        let lines = table.text_map("add").iter();
        let tokens = lines.filter(|(_, text)| matches!(Fact::parse(text), Some(Fact::Token(_))));
        tokens.map(move |(name, _)| [way.as_slice(), &["add".to_owned(), name.clone()]].concat())
    });
    headers.chain(all(values).map(|(way, _)| way)).collect()
}

/// Tokens of sessions that are told where nobody has a session.
pub(super) fn never_there(document: &Document) -> Vec<Diagnostic> {
    let values = &document.values;
    let routes = values.tables("route");
    let has_sessions = |route: &Values| {
        let mut ways = route.texts("accept");
        // A route without the list has been told about.
        !route.has("accept") || ways.any(|way| way.starts_with("login.") || way.starts_with("sso."))
    };
    let comes = |way: &Way| {
        if let Some(index) = way.get(1).and_then(|index| index.parse::<usize>().ok()) {
            return routes.get(index).is_some_and(has_sessions);
        }
        let mut standard = routes.iter().filter(|route| !route.has("identity_headers"));
        standard.clone().next().is_none() || standard.any(has_sessions)
    };
    let never = sent(values).into_iter().filter(|way| !comes(way));
    let told = never.map(|way| {
        let message =
            "a session has such a token, and where this is told no session is accepted: it is always empty";
        let help = "leave it out; or accept a `login.NAME` or `sso.NAME` in the route";
        Diagnostic::warning(document.place(&way), message).help(help)
    });
    told.collect()
}

/// What clients send in cookies of these names: it goes no further.
pub(in crate::config) fn places(values: &Values) -> Vec<CredentialPlace> {
    let names = all(values).map(|(_, name)| name);
    names
        .map(|name| CredentialPlace::IdentityCookie(name.into()))
        .collect()
}

/// A token that clients show in a cookie of such a name would be taken for ours.
pub(super) fn read_and_sent(document: &Document, declared: &Declared) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for authenticator in declared.iter().filter_map(|(_, built)| built.as_ref()) {
        let read = |name: &str| {
            let mut places = authenticator.credential_places().iter();
            places.any(|place| match place {
                CredentialPlace::Cookie(own) => {
                    folded_cookie(own.as_bytes()) == folded_cookie(name.as_bytes())
                }
                CredentialPlace::Header(_)
                | CredentialPlace::CookiesFrom(_)
                | CredentialPlace::IdentityCookie(_)
                | CredentialPlace::Query(_) => false,
            })
        };
        for (way, name) in all(&document.values).filter(|(_, name)| read(name)) {
            let message = format!(
                "`{}` reads tokens of clients in this cookie",
                authenticator.name()
            );
            let help = format!("another name than `{name}` for one of the two");
            told.push(Diagnostic::error(document.place(&way), message).help(help));
        }
    }
    told
}
