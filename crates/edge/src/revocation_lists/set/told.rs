//! What is told of revocation lists.

use super::{ListSet, Remote};
use countersign_authn::revocations::RevocationSources;
use countersign_core::time::Timestamp;
use countersign_x509::crl::{Crl, Unknown};
use countersign_x509::name::Name;

/// How many authorities are named in one line.
const NAMED: usize = 3;

impl ListSet {
    /// Tells what is held now.
    pub(super) fn tell_taken(&self, now: Timestamp) {
        let lists = self.state().lists();
        let in_force = lists.iter().filter(|list| list.in_force(now)).count();
        let text = match lists.len().saturating_sub(in_force) {
            0 => format!("revocation lists in force: {in_force}"),
            others => format!("revocation lists in force: {in_force}; held and not in force: {others}"),
        };
        self.tell("info", "crl_taken", &text);
        self.tell_lacking(now);
    }

    /// What of this set refuses everybody, in whole sentences. Nothing while lists are still to be fetched.
    pub(in super::super) fn shortcomings(&self, accept_stale: bool) -> Vec<String> {
        let now = self.ports.clock.now().wall;
        let index = self.index();
        let mut said = Vec::new();
        if self.sources.urls.is_empty() {
            let names = index.lacking(&self.authorities, now);
            said.extend(lacking(&names, accept_stale));
        }
        let state = self.state();
        let strangers = state.sourced().filter(|(_, list)| {
            let mut authorities = self.authorities.all();
            !authorities.any(|authority| authority.subject() == list.issuer())
        });
        said.extend(strangers.map(|(source, list)| stranger(&source, list)));
        said
    }

    /// Tells when a list has ended since the last look.
    pub(super) fn tell_ended(&self) {
        let now = self.ports.clock.now().wall;
        let next = self.state().told.1;
        if next.is_some_and(|next| next <= now) {
            self.tell_lacking(now);
        }
    }

    /// Tells of whom no list is in force, when these are others than before.
    pub(super) fn tell_lacking(&self, now: Timestamp) {
        let index = self.index();
        let text = lacking(&index.lacking(&self.authorities, now), false).unwrap_or_default();
        let mut state = self.state();
        if state.remotes.iter().any(Remote::is_awaited) {
            return;
        }
        let turns = state.lists();
        let turns = turns
            .iter()
            .flat_map(|list| [list.this_update(), list.next_update()]);
        let next = turns.filter(|turn| *turn > now).min();
        let before = std::mem::replace(&mut state.told, (text.clone(), next));
        drop(state);
        if before.0 != text && !text.is_empty() {
            self.tell("warning", "crl_missing", &text);
        }
    }

    /// How long a revocation takes to count: told when the lists are opened.
    pub(in super::super) fn tell_bound(&self) {
        for text in bound(&self.sources) {
            self.tell("info", "crl_watched", &text);
        }
        self.tell_lacking(self.ports.clock.now().wall);
    }
}

/// Of whom no list is in force. `None` when there is nobody.
fn lacking(all: &[(&Name, Unknown)], accept_stale: bool) -> Option<String> {
    let lacking = all.iter().filter_map(|(name, unknown)| {
        let why = match unknown {
            Unknown::Missing | Unknown::Signature => "there is none",
            Unknown::Expired if accept_stale => return None,
            Unknown::Expired => "it has ended",
            Unknown::NotYetInForce => "it has not begun",
        };
        Some(format!("{} ({why})", name.rfc4514()))
    });
    let lacking = lacking.collect::<Vec<_>>();
    if lacking.is_empty() {
        return None;
    }
    let named = lacking.iter().take(NAMED).map(String::as_str);
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match lacking.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and of {more} others"),
    };
    Some(format!(
        "no revocation list is in force of {named}{more}: what they issued is refused (revocation_unknown)"
    ))
}

/// That a list is of nobody who is known here.
fn stranger(source: &str, list: &Crl) -> String {
    format!(
        "{source}: the list of {}, who is none of the authorities here: it counts only where a client brings that \
         authority's certificate along",
        list.issuer().rfc4514()
    )
}

/// How long a revocation takes to count.
fn bound(sources: &RevocationSources) -> Vec<String> {
    let mut told = Vec::new();
    if !sources.paths.is_empty() {
        let looked = super::super::LOOKED_AT.as_secs();
        told.push(format!(
            "files are looked at every {looked} s: what is revoked there is refused from the first request on that comes \
             after, also on open connections"
        ));
    }
    let refresh = sources.refresh.as_secs();
    let urls = sources.urls.iter();
    told.extend(urls.map(|url| format!("{url}: fetched every {refresh} s")));
    told
}
