//! Figures that key sets and the token cache keep themselves, read when somebody asks for metrics.

use crate::version::{COMMIT, VERSION};
use countersign_authn::token_cache::{CacheStats, TokenCache};
use countersign_core::time::Clock;
use countersign_edge::key_sets::KeySets;
use std::fmt::Write as _;
use std::sync::Arc;

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

/// The lines for `/metrics`.
pub(super) fn source(
    key_sets: &Arc<KeySets>,
    tokens: &Tokens,
    clock: &Arc<dyn Clock>,
) -> Box<dyn Fn(&mut String) + Send + Sync> {
    let (key_sets, tokens, clock) = (Arc::clone(key_sets), tokens.clone(), Arc::clone(clock));
    Box::new(move |text| {
        // Writing to a String does not fail.
        let _: std::fmt::Result = write_all(text, &key_sets, &tokens, &*clock);
    })
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
