//! Logins that are begun and never ended: what provider and guard keep of them.

use super::sites::Sites;
use super::visitor::Visitor;
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::measure::pin_the_load;
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::bench::start::mebibytes;
use crate::handshakes::pki::Pki;
use crate::{Failure, say};

/// How many are begun, one by one.
const ATTEMPTS: u32 = 100_000;
/// By how many people, by turns: by one alone no more would be kept than there is room for one.
const PEOPLE: u32 = 500;
/// How far provider and guard may grow by them, in MiB.
const MOST: f64 = 128.0;

/// Begins so many logins, and looks at the memory of both.
pub(crate) fn measure(bench: &Bench, _: Effort) -> Result<Vec<Bar>, Failure> {
    pin_the_load()?;
    let pki = Pki::new();
    let sites = Sites::start(bench, &pki)?;
    Visitor::new(&pki, "ann")?.log_in()?;
    let resident = || mebibytes(sites.provider.resident_kib() + sites.guard.resident_kib());
    let before = resident();
    say(&format!("{PEOPLE} people begin {ATTEMPTS} logins, and end none"));
    for person in 0..PEOPLE {
        let mut visitor = Visitor::new(&pki, &format!("person-{person}"))?;
        for _ in 0..ATTEMPTS / PEOPLE {
            visitor.as_far_as_the_code()?;
        }
    }
    let grown = resident() - before;
    Visitor::new(&pki, "ann")?.log_in()?;
    say("\n### Logins that were begun and never ended\n");
    say("| attempts | provider and guard before, MiB | grown by, MiB |");
    say("|---|---|---|");
    say(&format!("| {ATTEMPTS} | {before:.0} | {grown:.0} |\n"));
    let what = format!("memory of {ATTEMPTS} abandoned logins, provider and guard");
    Ok(vec![Bar::at_most_of(what, MOST, " MiB", Spread::of([grown]))])
}
