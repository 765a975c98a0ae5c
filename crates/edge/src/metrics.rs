//! Counters and one histogram, in OpenMetrics text. Labels are bounded: routes and authenticators come from the
//! configuration, outcomes and reasons from our own lists.

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
pub struct Word(pub Arc<str>);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

/// What a decision is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DecisionLabels {
    /// The route's name, or `-`.
    pub route: Word,
    /// The authenticator's name, or `-`.
    pub authenticator: Word,
    /// The outcome.
    pub outcome: &'static str,
    /// The reason code.
    pub reason: &'static str,
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
    seconds: Histogram,
    reloads: Family<ResultLabel, Counter>,
    refused_by_the_parser: Counter,
    refused_connections: Counter,
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
        Self {
            registry,
            decisions,
            seconds,
            reloads,
            refused_by_the_parser,
            refused_connections,
            source: Mutex::new(None),
        }
    }

    /// Counts a decision that took so many seconds.
    pub fn decision(&self, labels: &DecisionLabels, seconds: f64) {
        self.decisions.get_or_create(labels).inc();
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
        let word = |text: &str| Word(text.into());
        let labels = DecisionLabels {
            route: word("app"),
            authenticator: word("token.services"),
            outcome: "allow",
            reason: "allowed",
        };
        metrics.decision(&labels, 0.000_02);
        metrics.reload(true);
        metrics.set_source(Box::new(|text| {
            text.push_str("countersign_key_set_age_seconds{issuer=\"x\"} 5\n");
        }));
        let text = metrics.render();
        let line = "countersign_decisions_total{route=\"app\",authenticator=\"token.services\",outcome=\"allow\",reason=\"allowed\"} 1";
        assert!(text.contains(line), "{text}");
        assert!(
            text.ends_with("countersign_key_set_age_seconds{issuer=\"x\"} 5\n# EOF\n"),
            "{text}"
        );
    }
}
