//! Where the bars stand: what is wanted, what was measured, and whether it will do.

use super::spread::Spread;
use crate::{Failure, say};

/// A bar, and what was measured against it.
pub(crate) struct Bar {
    what: String,
    limit: f64,
    most: bool,
    measured: Option<Spread>,
    /// What follows a figure, such as ` ms`.
    unit: &'static str,
    digits: usize,
}

/// How a measurement stands to its bar. A bar is missed when no round reached it: the rest is the machine's noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    MetInTheMedian,
    WithinReach,
    Missed,
}

impl Bar {
    /// A ratio that is at most `limit`.
    pub(crate) fn at_most(what: impl Into<String>, limit: f64, measured: Option<Spread>) -> Vec<Self> {
        vec![Self::new(what, limit, true, measured)]
    }

    /// A ratio that is at least `limit`.
    pub(crate) fn at_least(what: impl Into<String>, limit: f64, measured: Option<Spread>) -> Vec<Self> {
        vec![Self::new(what, limit, false, measured)]
    }

    fn new(what: impl Into<String>, limit: f64, most: bool, measured: Option<Spread>) -> Self {
        Self {
            what: what.into(),
            limit,
            most,
            measured,
            unit: "",
            digits: 2,
        }
    }

    /// A figure with a unit, of at most `limit`.
    pub(crate) fn at_most_of(
        what: impl Into<String>,
        limit: f64,
        unit: &'static str,
        measured: Spread,
    ) -> Self {
        Self {
            unit,
            digits: if limit < 10.0 { 2 } else { 0 },
            ..Self::new(what, limit, true, Some(measured))
        }
    }

    /// A figure with a unit, of at least `limit`.
    pub(crate) fn at_least_of(
        what: impl Into<String>,
        limit: f64,
        unit: &'static str,
        measured: Spread,
    ) -> Self {
        Self {
            unit,
            digits: if limit < 10.0 { 2 } else { 0 },
            ..Self::new(what, limit, false, Some(measured))
        }
    }

    fn verdict(&self) -> Verdict {
        let reached = |figure: f64| {
            if self.most {
                figure <= self.limit
            } else {
                figure >= self.limit
            }
        };
        let Some(measured) = self.measured else {
            return Verdict::Missed;
        };
        let (best, worst) = if self.most {
            (measured.lowest, measured.highest)
        } else {
            (measured.highest, measured.lowest)
        };
        match (reached(worst), reached(measured.median), reached(best)) {
            (true, _, _) => Verdict::Met,
            (false, true, _) => Verdict::MetInTheMedian,
            (false, false, true) => Verdict::WithinReach,
            (false, false, false) => Verdict::Missed,
        }
    }
}

/// Prints the table. Fails when a bar is missed.
pub(crate) fn conclude(bars: &[Bar]) -> Result<(), Failure> {
    say("## Where the bars stand\n");
    say("| bar | wanted | measured | |");
    say("|---|---|---|---|");
    let mut missed = 0;
    for bar in bars {
        let (unit, digits) = (bar.unit, bar.digits);
        let way = if bar.most { "most" } else { "least" };
        let measured = bar
            .measured
            .map_or_else(|| "nothing".to_owned(), |it| it.shown(digits));
        let verdict = match bar.verdict() {
            Verdict::Met => "met",
            Verdict::MetInTheMedian => "met; some rounds were beyond it",
            Verdict::WithinReach => "met by some rounds only",
            Verdict::Missed => {
                missed += 1;
                "**MISSED**"
            }
        };
        let limit = format!("at {way} {:.digits$}{unit}", bar.limit);
        say(&format!(
            "| {} | {limit} | {measured}{unit} | {verdict} |",
            bar.what
        ));
    }
    say("");
    if missed > 0 {
        return Err(format!("{missed} of {} bars missed", bars.len()).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Bar, Verdict};
    use crate::bench::spread::Spread;

    #[test]
    fn a_bar_is_missed_when_the_whole_range_is_beyond_it() {
        let most = |values: [f64; 3]| Bar::new("", 1.25, true, Some(Spread::of(values))).verdict();
        assert_eq!(most([1.0, 1.1, 1.25]), Verdict::Met);
        assert_eq!(most([1.0, 1.1, 1.3]), Verdict::MetInTheMedian);
        assert_eq!(most([1.0, 1.3, 1.3]), Verdict::WithinReach);
        assert_eq!(most([1.26, 1.3, 1.3]), Verdict::Missed);
        let least = |values: [f64; 3]| Bar::new("", 0.93, false, Some(Spread::of(values))).verdict();
        assert_eq!(least([0.93, 0.95, 1.0]), Verdict::Met);
        assert_eq!(least([0.9, 0.91, 0.92]), Verdict::Missed);
        assert_eq!(Bar::new("", 1.0, true, None).verdict(), Verdict::Missed);
    }
}
