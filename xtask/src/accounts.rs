//! The accounts: every row of `docs/parity.md` and `docs/attacks.md`, counted, and held against the tests that ran.

use crate::{Failure, repository, say};
use std::collections::BTreeMap;

/// Row ids: a prefix and the numbers there are.
const PARITY: [(&str, &[std::ops::RangeInclusive<u32>]); 13] = [
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
const ATTACKS: u32 = 194;

/// Where the scenario pages are.
const SCENARIOS: &str = "crates/countersign/tests/scenarios";

struct Row {
    id: String,
    verdict: String,
    evidence: Vec<String>,
    note: String,
}

/// Counts `docs/parity.md`.
pub(crate) fn parity() -> Result<(), Failure> {
    let wanted = PARITY.iter().flat_map(|(prefix, ranges)| {
        ranges
            .iter()
            .flat_map(|range| range.clone())
            .map(move |number| format!("{prefix}-{number:02}"))
    });
    let rows = rows("docs/parity.md", &wanted.collect::<Vec<_>>())?;
    let count = counted(
        &rows,
        &["kept", "bettered", "refused", "open"],
        &["kept", "bettered"],
        &["refused"],
    )?;
    let of = |verdict: &str| count.get(verdict).copied().unwrap_or(0);
    say(&format!(
        "rows {} kept {} bettered {} refused {} open {}",
        rows.len(),
        of("kept"),
        of("bettered"),
        of("refused"),
        of("open")
    ));
    Ok(())
}

/// Counts `docs/attacks.md`.
pub(crate) fn attacks() -> Result<(), Failure> {
    let wanted = (1..=ATTACKS).map(|number| number.to_string()).collect::<Vec<_>>();
    let rows = rows("docs/attacks.md", &wanted)?;
    let count = counted(
        &rows,
        &["immune", "not applicable", "open"],
        &["immune"],
        &["not applicable"],
    )?;
    let of = |verdict: &str| count.get(verdict).copied().unwrap_or(0);
    say(&format!(
        "rows {} immune {} not-applicable {} open {}",
        rows.len(),
        of("immune"),
        of("not applicable"),
        of("open")
    ));
    Ok(())
}

/// The table rows of a page, each wanted id exactly once and no other.
fn rows(page: &str, wanted: &[String]) -> Result<Vec<Row>, Failure> {
    let text = String::from_utf8(std::fs::read(repository().join(page))?)?;
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells = line
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>();
        let [id, _, verdict, evidence, note] = cells.as_slice() else {
            if cells
                .first()
                .is_some_and(|id| wanted.iter().any(|wanted| wanted == id))
            {
                return Err(format!("{page}: row {}: not five cells", cells.first().unwrap_or(&"")).into());
            }
            continue;
        };
        if !wanted.iter().any(|wanted| wanted == id) {
            if ["id", "#"].contains(id) {
                continue;
            }
            return Err(format!("{page}: row {id} is nobody's").into());
        }
        if rows.iter().any(|row| row.id == *id) {
            return Err(format!("{page}: row {id} is there twice").into());
        }
        let evidence = evidence
            .split("<br>")
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect();
        rows.push(Row {
            id: (*id).to_owned(),
            verdict: (*verdict).to_owned(),
            evidence,
            note: (*note).to_owned(),
        });
    }
    match wanted
        .iter()
        .find(|wanted| rows.iter().all(|row| row.id != **wanted))
    {
        None => Ok(rows),
        Some(missing) => Err(format!("{page}: row {missing} is missing").into()),
    }
}

/// How often each verdict stands, once every row's evidence was looked at.
fn counted<'r>(
    rows: &'r [Row],
    verdicts: &[&str],
    shown: &[&str],
    argued: &[&str],
) -> Result<BTreeMap<&'r str, usize>, Failure> {
    let ran = Ran::read()?;
    let (mut count, mut faults) = (BTreeMap::new(), Vec::new());
    for row in rows {
        let verdict = row.verdict.as_str();
        if !verdicts.contains(&verdict) {
            faults.push(format!(
                "row {}: {verdict:?} is no verdict; known are {}",
                row.id,
                verdicts.join(", ")
            ));
        }
        if shown.contains(&verdict) && row.evidence.is_empty() {
            faults.push(format!("row {}: {verdict}, and nothing shows it", row.id));
        }
        if argued.contains(&verdict) && row.note.is_empty() {
            faults.push(format!("row {}: {verdict}, and no note says why", row.id));
        }
        faults.extend(
            row.evidence
                .iter()
                .filter_map(|one| ran.fault(one))
                .map(|fault| format!("row {}: {fault}", row.id)),
        );
        *count.entry(verdict).or_insert(0) += 1;
    }
    if faults.is_empty() {
        Ok(count)
    } else {
        Err(faults.join("\n").into())
    }
}

/// What ran and passed last time.
struct Ran {
    scenarios: Vec<String>,
    tests: Vec<String>,
}

impl Ran {
    fn read() -> Result<Self, Failure> {
        let lines = |name: &str| -> Result<Vec<String>, Failure> {
            let path = repository().join("target/evidence").join(name);
            let text =
                std::fs::read(path).map_err(|_| "no test has run yet: run `cargo xtask test` first")?;
            Ok(String::from_utf8(text)?.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            scenarios: lines("scenarios.txt")?,
            tests: lines("tests.txt")?,
        })
    }

    /// What is wrong with one piece of evidence: `scenarios/PATH.md`, or `test PATH`, where the end of a test's path will
    /// do.
    fn fault(&self, evidence: &str) -> Option<String> {
        if let Some(page) = evidence.strip_prefix("scenarios/") {
            if !repository().join(SCENARIOS).join(page).exists() {
                return Some(format!("{evidence} does not exist"));
            }
            let ran = self.scenarios.iter().any(|ran| ran == page);
            return (!ran).then(|| format!("{evidence} did not run, or failed"));
        }
        let Some(name) = evidence.strip_prefix("test ") else {
            return Some(format!(
                "{evidence:?} is neither `scenarios/PATH.md` nor `test PATH`"
            ));
        };
        let ran = self
            .tests
            .iter()
            .any(|ran| ran == name || ran.ends_with(&format!("::{name}")));
        (!ran).then(|| format!("the test {name} does not exist, did not run, or failed"))
    }
}
