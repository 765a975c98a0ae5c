//! The accounts: every row of `docs/parity.md` and `docs/attacks.md`, counted, and held against the tests that ran.

use crate::{Failure, repository, say};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

#[cfg(test)]
mod tests;

/// One of the two pages: where it is, which rows it must have, and what may be said of one.
struct Account {
    page: &'static str,
    ids: fn() -> Vec<String>,
    verdicts: &'static [Verdict],
}

/// A word of the table, how the count calls it, and what a row with it owes its reader.
struct Verdict {
    word: &'static str,
    counted_as: &'static str,
    owes: Owes,
}

enum Owes {
    /// A scenario or a test that shows it.
    Evidence,
    /// The same, or a note that says why.
    Reason,
    Nothing,
}

const PARITY: Account = Account {
    page: "docs/parity.md",
    ids: parity_ids,
    verdicts: &[
        verdict("kept", "kept", Owes::Evidence),
        verdict("bettered", "bettered", Owes::Evidence),
        verdict("refused", "refused", Owes::Reason),
        verdict("open", "open", Owes::Nothing),
    ],
};

const ATTACKS: Account = Account {
    page: "docs/attacks.md",
    ids: || (1..=194).map(|number: u32| number.to_string()).collect(),
    verdicts: &[
        verdict("immune", "immune", Owes::Evidence),
        verdict("not applicable", "not-applicable", Owes::Reason),
        verdict("open", "open", Owes::Nothing),
    ],
};

/// The rows of parity: a prefix, and the numbers there are.
const PARITY_IDS: [(&str, &[RangeInclusive<u32>]); 13] = [
    ("CS", &[1..=17, 20..=39, 60..=61]),
    ("SB", &[1..=14]),
    ("OI", &[1..=46]),
    ("OF", &[1..=21]),
    ("OR", &[1..=20]),
    ("OC", &[1..=5]),
    ("RS", &[1..=37, 40..=50]),
    ("RV", &[1..=12]),
    ("ON", &[1..=11]),
    ("MT", &[1..=21, 30..=34, 40..=47]),
    ("JA", &[1..=17, 20..=29]),
    ("JL", &[1..=10]),
    ("W", &[1..=38]),
];

/// Where the scenario pages are.
const SCENARIOS: &str = "crates/countersign/tests/scenarios";

const fn verdict(word: &'static str, counted_as: &'static str, owes: Owes) -> Verdict {
    Verdict {
        word,
        counted_as,
        owes,
    }
}

fn parity_ids() -> Vec<String> {
    let of = |(prefix, ranges): &(&str, &[RangeInclusive<u32>])| {
        let numbers = ranges.iter().cloned().flatten();
        numbers
            .map(|number| format!("{prefix}-{number:02}"))
            .collect::<Vec<_>>()
    };
    PARITY_IDS.iter().flat_map(of).collect()
}

/// Counts `docs/parity.md`.
pub(crate) fn parity() -> Result<(), Failure> {
    PARITY.count()
}

/// Counts `docs/attacks.md`.
pub(crate) fn attacks() -> Result<(), Failure> {
    ATTACKS.count()
}

impl Account {
    fn count(&self) -> Result<(), Failure> {
        let text = String::from_utf8(std::fs::read(repository().join(self.page))?)?;
        say(&self.judge(&text, &Evidence::read()?)?);
        Ok(())
    }

    /// The line of the count, or everything that is wrong with the page, each fault with the row it is in.
    fn judge(&self, text: &str, evidence: &Evidence) -> Result<String, String> {
        let (rows, mut faults) = self.rows(text);
        for row in &rows {
            faults.extend(self.faults(row, evidence));
        }
        if !faults.is_empty() {
            let faults = faults.iter().map(|fault| format!("\n  {fault}"));
            return Err(format!("{}:{}", self.page, faults.collect::<String>()));
        }
        let counts = self.verdicts.iter().map(|verdict| {
            let count = rows.iter().filter(|row| row.verdict == verdict.word).count();
            format!(" {} {count}", verdict.counted_as)
        });
        Ok(format!("rows {}{}", rows.len(), counts.collect::<String>()))
    }

    /// The rows of the tables, and what is wrong with their ids.
    fn rows<'t>(&self, text: &'t str) -> (Vec<Row<'t>>, Vec<String>) {
        let wanted = (self.ids)();
        let (mut rows, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let line = line.trim_end();
            let inner = line.strip_prefix('|').unwrap_or(line);
            let inner = inner.strip_suffix('|').unwrap_or(inner);
            let cells = inner.split('|').map(str::trim).collect::<Vec<_>>();
            let id = cells.first().copied().unwrap_or("");
            let heading = ["id", "#"].contains(&id) || id.starts_with("---");
            if heading {
                continue;
            }
            if !wanted.iter().any(|wanted| wanted == id) {
                faults.push(format!("row {id}: no such row is to be answered"));
            } else if !seen.insert(id) {
                faults.push(format!("row {id}: it is there twice"));
            } else if let [_, _, verdict, evidence, note] = *cells.as_slice() {
                let evidence = evidence.split("<br>").map(str::trim);
                rows.push(Row {
                    id,
                    verdict,
                    evidence: evidence.filter(|one| !one.is_empty()).collect(),
                    note,
                });
            } else {
                faults.push(format!("row {id}: {} cells where 5 are wanted", cells.len()));
            }
        }
        let missing = wanted.iter().filter(|id| !seen.contains(id.as_str()));
        faults.extend(missing.map(|id| format!("row {id}: it is missing")));
        (rows, faults)
    }

    fn faults(&self, row: &Row<'_>, evidence: &Evidence) -> Vec<String> {
        let shown = !row.evidence.is_empty();
        let verdict = self.verdicts.iter().find(|verdict| verdict.word == row.verdict);
        let own = match verdict.map(|verdict| &verdict.owes) {
            None => {
                let words = self.verdicts.iter().map(|verdict| verdict.word);
                let words = words.collect::<Vec<_>>().join(", ");
                Some(format!("{:?} is no verdict; known are {words}", row.verdict))
            }
            Some(Owes::Evidence) if !shown => Some(format!("{}, and nothing shows it", row.verdict)),
            Some(Owes::Reason) if !shown && row.note.is_empty() => {
                Some(format!("{}, and neither a test nor a note says why", row.verdict))
            }
            Some(Owes::Evidence | Owes::Reason | Owes::Nothing) => None,
        };
        let evidence = row.evidence.iter().filter_map(|one| evidence.fault(one));
        own.into_iter()
            .chain(evidence)
            .map(|fault| format!("row {}: {fault}", row.id))
            .collect()
    }
}

struct Row<'t> {
    id: &'t str,
    verdict: &'t str,
    evidence: Vec<&'t str>,
    note: &'t str,
}

/// What there is to show, and what of it ran and passed in the last `cargo xtask test`.
struct Evidence {
    /// Pages there are, as paths below [`SCENARIOS`].
    exists: fn(&str) -> bool,
    scenarios: BTreeSet<String>,
    tests: BTreeSet<String>,
}

impl Evidence {
    fn read() -> Result<Self, Failure> {
        let lines = |name: &str| -> Result<BTreeSet<String>, Failure> {
            let file = format!("target/evidence/{name}");
            let text = std::fs::read(repository().join(&file))
                .map_err(|_| format!("{file} is not there: run `cargo xtask test` first"))?;
            Ok(String::from_utf8(text)?.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            exists: |page| repository().join(SCENARIOS).join(page).is_file(),
            scenarios: lines("scenarios.txt")?,
            tests: lines("tests.txt")?,
        })
    }

    /// What is wrong with one piece of evidence: `scenarios/PATH.md`, or `test NAME`, where NAME is a test's
    /// `binary::path::name` or as much of its end as only one test has.
    fn fault(&self, evidence: &str) -> Option<String> {
        if let Some(page) = evidence.strip_prefix("scenarios/") {
            if !(self.exists)(page) {
                return Some(format!("{evidence} does not exist"));
            }
            let ran = self.scenarios.contains(page);
            return (!ran).then(|| format!("{evidence} did not run, or failed"));
        }
        let Some(name) = evidence.strip_prefix("test ") else {
            return Some(format!(
                "{evidence:?} is neither `scenarios/PATH.md` nor `test NAME`"
            ));
        };
        let end = format!("::{name}");
        let mut called = self
            .tests
            .iter()
            .filter(|ran| *ran == name || ran.ends_with(&end));
        match (called.next(), called.next()) {
            (Some(_), None) => None,
            (None, _) => Some(format!("no test {name} ran and passed")),
            (Some(one), Some(other)) => Some(format!("{name} may be {one} or {other}: write more of it")),
        }
    }
}
