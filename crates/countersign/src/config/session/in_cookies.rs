//! `session.store = "cookie"`: what that is worth, and what does not go with it.

use super::super::diagnostic::Diagnostic;
use super::super::identity::tokens;
use super::super::shape::Document;
use super::shown;
use countersign_authn::login::in_cookie::SEAL_LIVES;
use countersign_authn::login::{self, site};
use countersign_authn::provider;
use countersign_core::options::Fault;
use countersign_edge::sessions::SessionSettings;
use std::time::Duration;

/// The longest `token_life` that a provider can have.
const LONGEST_TOKEN: Duration = Duration::from_hours(1);

/// The keys that have a default, and are about a store.
const OF_STORES: [&str; 6] = ["idle", "recheck", "grace", "per_user", "cached", "max_sessions"];

/// What is set, and would change nothing.
pub(super) fn needless(document: &Document) -> Vec<Fault> {
    let written = |key: &&str| document.is_written(&["session".to_owned()], key);
    let keys = OF_STORES.into_iter().filter(written);
    let faults = keys.map(|key| {
        let message = format!("`{key}` is for sessions in a store, and these are in their cookies");
        let help = if key == "idle" {
            format!(
                "leave it out: unused, such a session is asked for again after {}",
                shown(SEAL_LIVES)
            )
        } else {
            "leave it out".to_owned()
        };
        Fault::new(key, message).help(help)
    });
    faults.collect()
}

/// Identity headers that ask for tokens, which no such session has.
pub(super) fn tokens_asked_for(document: &Document) -> impl Iterator<Item = Diagnostic> {
    tokens::sent(&document.values).into_iter().map(|way| {
        let message = "sessions in cookies hold no tokens: this would always be empty";
        let help =
            "leave it out, or keep sessions in a store: `session.store` = \"memory\", \"file\" or \"redis\"";
        Diagnostic::error(document.place(&way), message).help(help)
    })
}

/// What sessions in cookies are worth, in a number, and what does not go with them.
pub(super) fn worth(document: &Document, settings: SessionSettings) -> Diagnostic {
    let most = token_life(document).map_or(settings.absolute, |life| life.min(settings.absolute));
    let whole = shown(most);
    let good_for = if most > SEAL_LIVES {
        format!("{}, or {whole} where it is renewed", shown(SEAL_LIVES))
    } else {
        whole
    };
    let message = format!(
        "sessions are in their cookies: nobody can list, revoke or end them but the browser, and a copy of the cookie is good \
         for {good_for}"
    );
    let place = document.place(&["session".to_owned(), "store".to_owned()]);
    Diagnostic::warning(place, message).help(
        "without a store there are no refresh and no tokens for applications, no logout by the provider, no `session list` and \
         `revoke`, no `at`; a long address to come back to is cut to its path, and claims must fit into 1 KB",
    )
}

/// How long tokens hold at most that sessions end with, where every session is a site's.
fn token_life(document: &Document) -> Option<Duration> {
    let values = &document.values;
    if !values.named(login::TABLE).is_empty() {
        return None;
    }
    let own = values.table(provider::TABLE);
    let lives = values.named(site::TABLE).iter().map(|(_, site)| {
        let own = own.filter(|own| own.text("issuer") == site.text("issuer"));
        own.and_then(|own| own.duration("token_life"))
            .unwrap_or(LONGEST_TOKEN)
    });
    lives.max()
}

/// What our own provider keeps where nothing is kept.
pub(super) fn codes(document: &Document) -> Diagnostic {
    let message = "`[openid_provider]` keeps its codes and grants in memory: on this node alone, and until it is restarted";
    let place = document.place(&["session".to_owned(), "store".to_owned()]);
    Diagnostic::warning(place, message).help(
        "one node, whose clients log in again after a restart; or `session.store` = \"file\" or \"redis\"",
    )
}
