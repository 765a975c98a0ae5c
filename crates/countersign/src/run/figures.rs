//! Figures that key sets and the token cache keep themselves, read when somebody asks for metrics.

use super::asked::Asked;
use crate::compose::Loaded;
use crate::version::{COMMIT, VERSION};
use countersign_authn::token_cache::{CacheStats, TokenCache};
use countersign_core::certificate::CertificateJudge;
use countersign_core::time::{Clock, Timestamp};
use countersign_edge::key_sets::KeySets;
use countersign_edge::provider_keys::ProviderKeysStatus;
use countersign_edge::revocation_lists::ListStatus;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

mod sessions;

/// The token cache in force, and what those before it have counted.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    cache: Arc<TokenCache>,
    before: CacheStats,
}

impl Tokens {
    /// The first cache.
    pub(super) fn first(cache: &Arc<TokenCache>) -> Self {
        Self {
            cache: Arc::clone(cache),
            before: CacheStats::default(),
        }
    }

    /// The next cache: counters go on.
    pub(super) fn followed_by(&self, cache: &Arc<TokenCache>) -> Self {
        Self {
            cache: Arc::clone(cache),
            before: self.stats(),
        }
    }

    fn stats(&self) -> CacheStats {
        let stats = self.cache.stats();
        CacheStats {
            hits: stats.hits + self.before.hits,
            misses: stats.misses + self.before.misses,
            ..stats
        }
    }
}

/// Until when the certificates of the listeners hold, by the names that they are shown under.
type Ends = BTreeMap<String, Timestamp>;

/// The ends of the certificates of `loaded`: of two under one name, the earlier.
fn ends(loaded: &Loaded) -> Ends {
    let mut ends = Ends::new();
    let hosts = loaded.listeners.iter().filter_map(|listen| listen.hosts.as_ref());
    for (name, end) in hosts.flat_map(|hosts| hosts.ends()) {
        let known = ends.entry(name).or_insert(end);
        *known = end.min(*known);
    }
    ends
}

/// The lines for `/metrics`.
pub(super) fn source(
    asked: &Asked,
    tokens: &Tokens,
    loaded: &Loaded,
    clock: &Arc<dyn Clock>,
) -> Box<dyn Fn(&mut String) + Send + Sync> {
    let (key_sets, revocations) = (Arc::clone(&asked.key_sets), Arc::clone(&asked.revocations));
    let (sessions, provider_keys) = (Arc::clone(&asked.sessions), Arc::clone(&asked.provider_keys));
    let (tokens, clock) = (tokens.clone(), Arc::clone(clock));
    let (ends, judges) = (ends(loaded), loaded.judges.clone());
    Box::new(move |text| {
        // Writing to a String does not fail.
        let _: std::fmt::Result = write_all(text, &key_sets, &tokens, &*clock)
            .and_then(|()| write_ends(text, &ends, clock.now().wall))
            .and_then(|()| write_authorities(text, &judges, clock.now().wall))
            .and_then(|()| write_lists(text, &revocations.status(), clock.now().wall))
            .and_then(|()| write_provider(text, provider_keys.status().as_ref(), clock.now().wall))
            .and_then(|()| sessions::write(text, &sessions.stats()));
    })
}

fn write_ends(text: &mut String, ends: &Ends, now: Timestamp) -> std::fmt::Result {
    let name = "countersign_certificate_seconds_left";
    writeln!(
        text,
        "# HELP {name} Until a listener's certificate ends; below zero it has ended."
    )?;
    writeln!(text, "# TYPE {name} gauge")?;
    for (host, end) in ends {
        let left = end.seconds() - now.seconds();
        writeln!(text, "{name}{{name=\"{}\"}} {left}", label(host))?;
    }
    Ok(())
}

/// Of two of one name, as of an authority that has been renewed, the one that goes on for longer.
fn write_authorities(
    text: &mut String,
    judges: &[Arc<dyn CertificateJudge>],
    now: Timestamp,
) -> std::fmt::Result {
    let name = "countersign_authority_seconds_left";
    writeln!(
        text,
        "# HELP {name} Until an authority of clients' certificates ends; below zero it has ended. A root's end counts for nothing."
    )?;
    writeln!(text, "# TYPE {name} gauge")?;
    for judge in judges {
        let mut ends = BTreeMap::new();
        for authority in judge.authorities() {
            let known = ends.entry(authority.subject).or_insert(authority.not_after);
            *known = authority.not_after.max(*known);
        }
        for (subject, end) in ends {
            let left = end.seconds() - now.seconds();
            let (table, subject) = (label(judge.name()), label(&subject));
            writeln!(text, "{name}{{table=\"{table}\",subject=\"{subject}\"}} {left}")?;
        }
    }
    Ok(())
}

/// The keys that our own OpenID Provider makes, while there are any.
fn write_provider(text: &mut String, keys: Option<&ProviderKeysStatus>, now: Timestamp) -> std::fmt::Result {
    let Some(keys) = keys else { return Ok(()) };
    let published = i64::try_from(keys.published).unwrap_or(i64::MAX);
    for (name, help, value) in [
        (
            "key_age_seconds",
            "Since the provider's key signs.",
            now.seconds() - keys.signs_from.seconds(),
        ),
        (
            "key_seconds_left",
            "Until the provider's next key signs; below zero it is late.",
            keys.next_signs.seconds() - now.seconds(),
        ),
        ("keys", "Keys that the provider publishes.", published),
    ] {
        writeln!(text, "# HELP countersign_provider_{name} {help}")?;
        writeln!(text, "# TYPE countersign_provider_{name} gauge")?;
        writeln!(text, "countersign_provider_{name} {value}")?;
    }
    Ok(())
}

/// A gauge's name, what it tells, and its value for one list.
type ListGauge = (&'static str, &'static str, fn(&ListStatus, Timestamp) -> i64);

fn write_lists(text: &mut String, lists: &[ListStatus], now: Timestamp) -> std::fmt::Result {
    let gauges: [ListGauge; 3] = [
        ("age_seconds", "Since a revocation list was made.", |list, now| {
            now.seconds() - list.this_update.seconds()
        }),
        (
            "seconds_left",
            "Until a revocation list ends; below zero it has ended.",
            |list, now| list.next_update.seconds() - now.seconds(),
        ),
        ("revoked", "Certificates a revocation list names.", |list, _| {
            i64::try_from(list.revoked).unwrap_or(i64::MAX)
        }),
    ];
    for (name, help, value) in gauges {
        writeln!(text, "# HELP countersign_crl_{name} {help}")?;
        writeln!(text, "# TYPE countersign_crl_{name} gauge")?;
        for list in lists {
            writeln!(
                text,
                "countersign_crl_{name}{{source=\"{}\",issuer=\"{}\"}} {}",
                label(&list.source),
                label(&list.issuer),
                value(list, now)
            )?;
        }
    }
    Ok(())
}

fn write_all(text: &mut String, key_sets: &KeySets, tokens: &Tokens, clock: &dyn Clock) -> std::fmt::Result {
    let (commit, date) = COMMIT.split_once(' ').unwrap_or((COMMIT, ""));
    writeln!(text, "# HELP countersign_build Which program this is.")?;
    writeln!(text, "# TYPE countersign_build info")?;
    writeln!(
        text,
        "countersign_build_info{{version=\"{}\",commit=\"{}\",date=\"{}\"}} 1",
        label(VERSION),
        label(commit),
        label(date)
    )?;
    writeln!(
        text,
        "# HELP countersign_key_set_age_seconds Since the issuer's keys were last fetched."
    )?;
    writeln!(text, "# TYPE countersign_key_set_age_seconds gauge")?;
    let sets = key_sets.status(clock.now());
    for set in &sets {
        if let Some(age) = set.age {
            writeln!(
                text,
                "countersign_key_set_age_seconds{{issuer=\"{}\"}} {}",
                label(&set.issuer),
                age.as_secs()
            )?;
        }
    }
    writeln!(text, "# HELP countersign_key_set_keys Usable keys of the issuer.")?;
    writeln!(text, "# TYPE countersign_key_set_keys gauge")?;
    for set in &sets {
        writeln!(
            text,
            "countersign_key_set_keys{{issuer=\"{}\"}} {}",
            label(&set.issuer),
            set.keys
        )?;
    }
    let stats = tokens.stats();
    for (name, kind, help, value) in [
        (
            "token_cache_hits",
            "counter",
            "Tokens found verified.",
            stats.hits,
        ),
        (
            "token_cache_misses",
            "counter",
            "Tokens that were verified.",
            stats.misses,
        ),
        (
            "token_cache_entries",
            "gauge",
            "Tokens remembered.",
            stats.entries as u64,
        ),
        (
            "token_cache_bytes",
            "gauge",
            "Memory the remembered tokens take.",
            stats.bytes,
        ),
    ] {
        let total = if kind == "counter" { "_total" } else { "" };
        writeln!(text, "# HELP countersign_{name} {help}")?;
        writeln!(text, "# TYPE countersign_{name} {kind}")?;
        writeln!(text, "countersign_{name}{total} {value}")?;
    }
    Ok(())
}

/// A label's value, escaped as OpenMetrics wants it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
