//! Counters and one histogram, in OpenMetrics text. Labels are bounded: routes and authenticators come from the
//! configuration, outcomes and reasons from our own lists.

use arc_swap::ArcSwapOption;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// A word that is a label's value: shared, so that counting allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Word(Arc<str>);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

/// What a decision is counted under: the labels while they are still somebody else's.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The route's name, or `-`.
    pub route: &'a Arc<str>,
    /// The authenticator's name, or `-`.
    pub authenticator: &'a Arc<str>,
    /// The outcome.
    pub outcome: &'static str,
    /// The reason code.
    pub reason: &'static str,
}

impl Counted<'_> {
    fn labels(&self) -> DecisionLabels {
        DecisionLabels {
            route: Word(Arc::clone(self.route)),
            authenticator: Word(Arc::clone(self.authenticator)),
            outcome: self.outcome,
            reason: self.reason,
        }
    }

    /// Whether the labels are these very words, told by where they stand: equal words elsewhere are found the slow way.
    fn is(&self, labels: &DecisionLabels) -> bool {
        Arc::ptr_eq(self.route, &labels.route.0)
            && Arc::ptr_eq(self.authenticator, &labels.authenticator.0)
            && self.reason == labels.reason
            && self.outcome == labels.outcome
    }

    /// Where among `found` the counter of these words is kept.
    fn slot<'f>(&self, found: &'f FoundCounters) -> &'f ArcSwapOption<Found> {
        let words = [
            self.route.as_ptr(),
            self.authenticator.as_ptr(),
            self.reason.as_ptr(),
        ];
        let mixed = words.iter().fold(0_usize, |mixed, word| {
            (mixed ^ word.addr()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        let [first, ..] = found;
        found.get(mixed >> (usize::BITS - 6)).unwrap_or(first)
    }
}

/// A counter that was found by its labels once.
#[derive(Debug)]
struct Found {
    labels: DecisionLabels,
    counter: Counter,
}

/// Counters by where their words stand, so that the usual ones are not looked up by text: 64 places.
type FoundCounters = [ArcSwapOption<Found>; 64];

/// What a decision is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    route: Word,
    authenticator: Word,
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// The clock that is passed in tells milliseconds, so nothing finer is counted.
const SECONDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];

type Source = Box<dyn Fn(&mut String) + Send + Sync>;

/// The program's figures.
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    found: FoundCounters,
    seconds: Histogram,
    reloads: Family<ResultLabel, Counter>,
    refused_by_the_parser: Counter,
    refused_connections: Counter,
    failed_handshakes: Family<ReasonLabel, Counter>,
    source: Mutex<Option<Source>>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let decisions = Family::default();
        let seconds = Histogram::new(SECONDS);
        let (reloads, refused_by_the_parser, refused_connections) =
            (Family::default(), Counter::default(), Counter::default());
        registry.register(
            "decisions",
            "Decisions by route, authenticator, outcome and reason",
            Family::clone(&decisions),
        );
        registry.register(
            "decision_seconds",
            "From the head of a request to its answer's",
            Histogram::clone(&seconds),
        );
        registry.register(
            "reloads",
            "Configurations taken (ok) and refused (failed)",
            Family::clone(&reloads),
        );
        registry.register(
            "malformed_requests",
            "Connections ended by the HTTP parser before there was a request",
            Counter::clone(&refused_by_the_parser),
        );
        registry.register(
            "refused_connections",
            "Connections closed at once because the limit was reached",
            Counter::clone(&refused_connections),
        );
        let failed_handshakes = Family::default();
        registry.register(
            "failed_handshakes",
            "TLS handshakes that came to nothing, by why",
            Family::clone(&failed_handshakes),
        );
        Self {
            registry,
            decisions,
            found: [const { ArcSwapOption::const_empty() }; 64],
            seconds,
            reloads,
            refused_by_the_parser,
            refused_connections,
            failed_handshakes,
            source: Mutex::new(None),
        }
    }

    /// Counts a decision that took so many seconds.
    pub fn decision(&self, counted: &Counted<'_>, seconds: f64) {
        let slot = counted.slot(&self.found);
        let found = slot.load();
        if let Some(found) = found.as_ref().filter(|found| counted.is(&found.labels)) {
            found.counter.inc();
        } else {
            let labels = counted.labels();
            let counter = self.decisions.get_or_create(&labels).clone();
            counter.inc();
            slot.store(Some(Arc::new(Found { labels, counter })));
        }
        self.seconds.observe(seconds);
    }

    /// Counts a reload.
    pub fn reload(&self, ok: bool) {
        self.reloads
            .get_or_create(&ResultLabel {
                result: if ok { "ok" } else { "failed" },
            })
            .inc();
    }

    /// Counts a connection that the HTTP parser ended.
    pub fn refused_by_the_parser(&self) {
        self.refused_by_the_parser.inc();
    }

    /// Counts a connection that found no place.
    pub fn refused_connection(&self) {
        self.refused_connections.inc();
    }

    /// Counts a TLS handshake that came to nothing.
    pub fn failed_handshake(&self, reason: &'static str) {
        self.failed_handshakes
            .get_or_create(&ReasonLabel { reason })
            .inc();
    }

    /// Figures that others keep (key sets, caches) are asked for when somebody reads: `source` appends lines of
    /// OpenMetrics text.
    pub fn set_source(&self, source: Source) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// Everything, as OpenMetrics text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _: fmt::Result = encode(&mut text, &self.registry);
        let end = "# EOF\n";
        if let Some(source) = &*self.source.lock().unwrap_or_else(PoisonError::into_inner) {
            text.truncate(text.strip_suffix(end).map_or(text.len(), str::len));
            source(&mut text);
            let _: fmt::Result = text.write_str(end);
        }
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_open_metrics_text() {
        let metrics = Metrics::new();
        let (route, authenticator) = ("app".into(), "token.services".into());
        let counted = Counted {
            route: &route,
            authenticator: &authenticator,
            outcome: "allow",
            reason: "allowed",
        };
        metrics.decision(&counted, 0.000_02);
        // The same words in another place, as after a reload, are counted in the same line.
        let again = "app".into();
        metrics.decision(
            &Counted {
                route: &again,
                ..counted
            },
            0.000_02,
        );
        metrics.decision(&counted, 0.000_02);
        metrics.reload(true);
        metrics.set_source(Box::new(|text| {
            text.push_str("countersign_key_set_age_seconds{issuer=\"x\"} 5\n");
        }));
        let text = metrics.render();
        let line = "countersign_decisions_total{route=\"app\",authenticator=\"token.services\",outcome=\"allow\",reason=\"allowed\"} 3";
        assert!(text.contains(line), "{text}");
        assert!(
            text.ends_with("countersign_key_set_age_seconds{issuer=\"x\"} 5\n# EOF\n"),
            "{text}"
        );
    }
}
