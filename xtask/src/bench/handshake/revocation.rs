//! What a long revocation list adds to judging: `crates/x509/benches/verify.rs`, run on the servers' core.

use super::servers::REVOKED;
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::in_process::{Program, figures};
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::{Failure, say};

/// What it may add, in microseconds.
const MICROSECONDS: f64 = 5.0;
const PROGRAM: Program = Program {
    package: "countersign-x509",
    name: "verify",
};

/// A client's chain, leaf and intermediate, by an authority, without and with its list.
pub(crate) fn measure(_: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let lines = PROGRAM.lines("revocation", &[&REVOKED.to_string()], effort)?;
    let rounds = lines.iter().map(
        |fields| match figures(fields.get(1..).unwrap_or_default())?.as_slice() {
            [without, with] => Ok((*without, *with)),
            _ => Err(format!("not a round: {fields:?}").into()),
        },
    );
    let rounds = rounds.collect::<Result<Vec<_>, Failure>>()?;
    let without = Spread::of(rounds.iter().map(|(without, _)| *without));
    let with = Spread::of(rounds.iter().map(|(_, with)| *with));
    let added = Spread::of(rounds.iter().map(|(without, with)| with - without));
    say("\n### In process: a chain of two certificates is verified, each of them another\n");
    say("| no list, CPU us | a list of 100,000, CPU us | more, us |");
    say("|---|---|---|");
    say(&format!("| {without} | {with} | {added} |"));
    say("");
    let what = "judging against a revocation list of 100,000: CPU more than without";
    Ok(vec![Bar::at_most_of(what, MICROSECONDS, " us", added)])
}
