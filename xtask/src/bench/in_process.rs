//! What is measured inside one process: programs such as `crates/authn/benches/decision.rs`, run on the servers' core.

use super::Effort;
use super::bars::Bar;
use super::measure::SERVER_CORE;
use super::servers::Bench;
use super::spread::Spread;
use crate::{Failure, cargo, repository, say};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// The ratio each algorithm may come to.
const MOST: [(&str, f64); 2] = [("RS256", 1.35), ("ES256", 1.15)];
/// How long a rule may take, in milliseconds.
const RULE_MILLISECONDS: f64 = 1.0;

/// A program that prints its own figures: a package and one of its benches.
pub(crate) struct Program {
    pub(crate) package: &'static str,
    pub(crate) name: &'static str,
}

const DECISION: Program = Program {
    package: "countersign-authn",
    name: "decision",
};

impl Program {
    /// The lines it prints for `part`, as fields. `words` go to it before the number of rounds.
    pub(crate) fn lines(
        &self,
        part: &str,
        words: &[&str],
        effort: Effort,
    ) -> Result<Vec<Vec<String>>, Failure> {
        let bench = ["bench", "--quiet", "-p", self.package, "--bench", self.name];
        cargo(&[bench.as_slice(), &["--no-run"]].concat())?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", SERVER_CORE, env!("CARGO")])
            .args(bench)
            .args(["--", part])
            .args(words)
            .arg(effort.rounds.to_string())
            .current_dir(repository())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("{part}: {}", output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let lines = text
            .lines()
            .map(|line| line.split('\t').map(str::to_owned).collect());
        let lines = lines.filter(|fields: &Vec<_>| fields.first().is_some_and(|first| first == part));
        Ok(lines.collect())
    }
}

/// Fields as numbers.
pub(crate) fn figures(fields: &[String]) -> Result<Vec<f64>, Failure> {
    let figures = fields.iter().map(|field| field.parse::<f64>());
    Ok(figures.collect::<Result<_, _>>()?)
}

/// From a token's text to a principal.
pub(crate) fn tokens(_: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let mut rounds = BTreeMap::<String, Vec<(f64, f64)>>::new();
    for fields in DECISION.lines("tokens", &[], effort)? {
        let [_, algorithm, rest @ ..] = fields.as_slice() else {
            return Err(format!("not a round: {fields:?}").into());
        };
        let figures = figures(rest)?;
        let [whole, bare] = figures.as_slice() else {
            return Err(format!("not a round: {fields:?}").into());
        };
        rounds.entry(algorithm.clone()).or_default().push((*whole, *bare));
    }
    say("\n### In process: from a token's text to a principal, the key parsed, no token cache\n");
    say("| algorithm | the whole path, CPU us | the bare verification, CPU us | ratio |");
    say("|---|---|---|---|");
    let mut bars = Vec::new();
    for (algorithm, most) in MOST {
        let rounds = rounds.get(algorithm).ok_or("an algorithm was not measured")?;
        let whole = Spread::of(rounds.iter().map(|(whole, _)| *whole));
        let bare = Spread::of(rounds.iter().map(|(_, bare)| *bare));
        let ratio = Spread::of(rounds.iter().map(|(whole, bare)| whole / bare));
        say(&format!("| {algorithm} | {whole} | {bare} | {ratio} |"));
        let what = format!("in process, {algorithm} token to principal: CPU against the bare verification");
        bars.extend(Bar::at_most(what, most, Some(ratio)));
    }
    say("");
    Ok(bars)
}

/// The slowest conditions that are allowed.
pub(crate) fn rules(_: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    say("\n### `when`: the largest rule of each kind that is judged\n");
    say("| rule | N | answer | CPU ms |");
    say("|---|---|---|---|");
    let mut slowest: Option<(Spread, String)> = None;
    for fields in DECISION.lines("rules", &[], effort)? {
        let [_, kind, number, answer, rest @ ..] = fields.as_slice() else {
            return Err(format!("not a rule: {fields:?}").into());
        };
        let took = Spread::of(
            figures(rest)?
                .into_iter()
                .map(|microseconds| microseconds / 1000.0),
        );
        say(&format!("| {kind} | {number} | {answer} | {} |", took.shown(3)));
        if slowest
            .as_ref()
            .is_none_or(|(known, _)| known.median < took.median)
        {
            slowest = Some((took, kind.clone()));
        }
    }
    say("");
    let (took, kind) = slowest.ok_or("no rule was measured")?;
    let what = format!("the slowest rule allowed ({kind}): CPU");
    Ok(vec![Bar::at_most_of(what, RULE_MILLISECONDS, " ms", took)])
}
