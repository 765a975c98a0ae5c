//! What is told of revocation lists.

use super::{ListSet, Remote, is_url};
use countersign_core::time::Timestamp;
use countersign_x509::crl::{Crl, KnownLists, Unknown};
use countersign_x509::name::Name;
use std::collections::BTreeSet;

/// How many authorities are named in one line.
const NAMED: usize = 3;

/// What was told last, so that it is told once.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What was known then. `None` when there is to be told in any case.
    pub(super) generation: Option<u64>,
    lacking: String,
    idle: BTreeSet<String>,
}

impl ListSet {
    /// What of this set refuses everybody or counts for nothing, in whole sentences. Nothing of what is lacking while lists
    /// are still to be fetched.
    pub(in super::super) fn shortcomings(&self, accept_stale: bool) -> Vec<String> {
        let now = self.known.now();
        let mut said = Vec::new();
        if self.sources.urls.is_empty() {
            let index = self.known.index();
            let names = index.lacking(&self.authorities, now);
            said.extend(lacking(&names, accept_stale));
        }
        let places = self.places();
        let known = self.known.lists();
        for place in &places {
            let strangers = known.at(place).iter().filter(|list| {
                let mut authorities = self.authorities.all();
                !authorities.any(|authority| authority.subject() == list.issuer())
            });
            said.extend(strangers.map(|list| stranger(&self.shown(place), list)));
        }
        let own = places
            .iter()
            .flat_map(|place| known.at(place))
            .collect::<Vec<_>>();
        // Another set's list that ours outdates: whichever was read first, it is told.
        let idle = known.places().filter_map(|(place, list)| {
            let newer = known.outdated_by(list)?;
            let ours = places.iter().any(|own| own == place) || own.iter().any(|own| own.is(newer));
            ours.then(|| older(&self.shown(place), list, newer, now))
        });
        said.extend(idle);
        said
    }

    /// Tells of whom no list is in force, and what of its lists does not count, when it is something else than before.
    pub(super) fn tell_changes(&self) {
        let generation = self.known.generation();
        let before = self.state().told.generation.replace(generation);
        if before != Some(generation) {
            self.tell_idle();
            self.tell_lacking();
        }
    }

    fn tell_lacking(&self) {
        let index = self.known.index();
        let lacking = lacking(&index.lacking(&self.authorities, self.known.now()), false);
        let text = lacking.unwrap_or_default();
        let mut state = self.state();
        if state.remotes.iter().any(Remote::is_awaited) {
            return;
        }
        let before = std::mem::replace(&mut state.told.lacking, text.clone());
        drop(state);
        if before != text && !text.is_empty() {
            self.tell("warning", "crl_missing", &text);
        }
    }

    fn tell_idle(&self) {
        if self.log.get().is_none() {
            return;
        }
        let (places, now) = (self.places(), self.known.now());
        let known = self.known.lists();
        let all = places.iter().flat_map(|place| {
            let lists = known.at(place).iter();
            lists.filter_map(|list| idle(&self.shown(place), list, &known, now))
        });
        let all = all.collect::<Vec<_>>();
        drop(known);
        let now_idle = all.iter().map(|(_, text)| text.clone()).collect();
        let before = std::mem::replace(&mut self.state().told.idle, now_idle);
        for (event, text) in all.iter().filter(|(_, text)| !before.contains(text)) {
            self.tell("warning", event, text);
        }
    }

    /// Tells that something there cannot be relied on.
    pub(super) fn tell_refused(&self, place: &str, why: &str) {
        let now = self.known.now();
        let known = self.known.lists();
        let mut before = known.at(place).iter();
        let counts = |list: &Crl| known.outdated_by(list).unwrap_or(list).in_force(now);
        let stays = if before.any(counts) {
            "; what was taken from there before stays in force"
        } else {
            ""
        };
        drop(known);
        let (level, event) = if is_url(place) {
            ("warning", "crl_fetch")
        } else {
            ("error", "crl_refused")
        };
        let place = self.shown(place);
        self.tell(level, event, &format!("{place}: {why}{stays}"));
    }

    /// Tells whose lists these places held and no place does any more.
    pub(super) fn tell_left_out(&self, before: &[(String, Vec<Crl>)]) {
        let now = self.known.now();
        let known = self.known.lists();
        let issuers = known.places().map(|(_, list)| list.issuer());
        let issuers = issuers.collect::<BTreeSet<_>>();
        let before = before.iter();
        let gone = before.flat_map(|(place, lists)| lists.iter().map(move |list| (place, list)));
        let gone = gone.filter(|(_, list)| !issuers.contains(list.issuer()));
        let gone = gone.filter_map(|(place, gone)| {
            let counts = known
                .outdated_by(gone)
                .or_else(|| known.holds(gone).then_some(gone))?;
            let issuer = gone.issuer().rfc4514();
            let fate = fate(counts, now);
            let place = self.shown(place);
            Some(format!("{place}: there is no list of {issuer} any more; {fate}"))
        });
        let gone = gone.collect::<Vec<_>>();
        drop(issuers);
        drop(known);
        for text in gone {
            self.tell("warning", "crl_left_out", &text);
        }
    }

    /// How long a revocation takes to count: told when the lists are opened.
    pub(in super::super) fn tell_bound(&self) {
        for text in self.bound() {
            self.tell("info", "crl_watched", &text);
        }
        self.state().told.generation = None;
        self.tell_changes();
    }

    /// How long a revocation takes to count.
    fn bound(&self) -> Vec<String> {
        let mut told = Vec::new();
        if !self.sources.paths.is_empty() {
            let looked = super::super::LOOKED_AT.as_secs();
            told.push(format!(
                "files are looked at every {looked} s: what is revoked there is refused from the first request on that comes \
                 after, also on open connections"
            ));
        }
        let refresh = self.sources.refresh.as_secs();
        let urls = self.sources.urls.iter().map(|url| self.shown(url.as_str()));
        told.extend(urls.map(|url| format!("{url}: fetched every {refresh} s")));
        told
    }

    fn tell(&self, level: &'static str, event: &'static str, text: &str) {
        if let Some(log) = self.log.get() {
            log.event(level, event, text);
        }
    }
}

/// Why a list does not count: the event, and the text.
fn idle(place: &str, list: &Crl, known: &KnownLists, now: Timestamp) -> Option<(&'static str, String)> {
    if let Some(newer) = known.outdated_by(list) {
        return Some(("crl_older", older(place, list, newer, now)));
    }
    let issuer = list.issuer().rfc4514();
    if !known.holds(list) {
        let text = format!("{place}: there is no room for the list of {issuer}: too many are held already");
        return Some(("crl_no_room", text));
    }
    let begins = list.this_update();
    (!list.has_begun(now)).then(|| {
        let text = format!(
            "{place}: the list of {issuer} begins at {begins}, and what was known before counts until then"
        );
        ("crl_begins_later", text)
    })
}

/// That a list was outdone by another.
fn older(place: &str, list: &Crl, newer: &Crl, now: Timestamp) -> String {
    format!(
        "{place}: the list of {} is of {}, older than one that was taken before, and counts for nothing; {}",
        list.issuer().rfc4514(),
        list.this_update(),
        fate(newer, now)
    )
}

/// What becomes of a list that is held.
fn fate(list: &Crl, now: Timestamp) -> String {
    let (made, ends) = (list.this_update(), list.next_update());
    if ends <= now {
        return format!("that of {made} has ended, and what it revokes stays revoked");
    }
    if !list.has_begun(now) {
        return format!("that of {made} has not begun");
    }
    format!("that of {made} stays in force until {ends}")
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
