//! How long handshakes take in the ten seconds around a long revocation list's coming in.

use super::servers::{Exchanges, REVOKED, client, countersign, prepare};
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::handshakes::PACE;
use crate::handshakes::pki::Pki;
use crate::{Failure, say};
use std::path::Path;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(10);
/// What the 99th of 100 may take of what it takes without.
const MOST: f64 = 2.0;
/// How long a list may take to be in force, the second between two looks at the file included.
const TAKEN: Duration = Duration::from_secs(10);

/// The list in force, and where it is said that another is.
struct Lists<'a> {
    pki: &'a Pki,
    folder: &'a Path,
    log: &'a Path,
    /// The number of the last that was made: an older one never takes a newer one's place.
    number: u8,
}

impl Lists<'_> {
    /// Makes the next list, which revokes so many certificates.
    fn make(&mut self, revoked: usize) -> Result<(), Failure> {
        self.number = self
            .number
            .checked_add(1)
            .filter(|number| *number < 128)
            .ok_or("too many rounds")?;
        std::fs::write(self.folder.join("next.crl"), self.pki.lists(self.number, revoked))?;
        Ok(())
    }

    /// Puts the list that was made in the place of the one there, in one step.
    fn replace(&self) -> Result<(), Failure> {
        std::fs::rename(self.folder.join("next.crl"), self.folder.join("in-force.crl"))?;
        Ok(())
    }

    /// How often lists were taken so far.
    fn taken(&self) -> usize {
        let log = std::fs::read(self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).matches("crl_taken").count()
    }

    /// Waits until lists were taken more often than `before`.
    fn until_taken(&self, before: usize) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.taken() == before {
            if begun.elapsed() > TAKEN {
                return Err("the list was never taken".into());
            }
            park_timeout(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// The same load without and with one.
pub(crate) fn measure(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let pki = prepare(bench)?;
    let log = bench.folder.join("countersign-reload.log");
    let mut lists = Lists {
        pki: &pki,
        folder: &bench.folder,
        log: &log,
        number: 0,
    };
    lists.make(1)?;
    lists.replace()?;
    let peer = countersign(bench, "countersign-reload", 18_221, Some("in-force.crl"))?;
    let port = peer.port.to_string();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        say(&format!(
            "  a list of {REVOKED} comes in: round {} of {}",
            round + 1,
            effort.rounds
        ));
        without.push(window(&port, || Ok(()))?);
        lists.make(REVOKED)?;
        with.push(window(&port, || {
            let before = lists.taken();
            lists.replace()?;
            lists.until_taken(before)
        })?);
        let before = lists.taken();
        lists.make(1)?;
        lists.replace()?;
        lists.until_taken(before)?;
    }
    let per_second = 1.0 / PACE.as_secs_f64();
    say(&format!(
        "\n### A revocation list of {REVOKED} comes in, {per_second:.0} full handshakes a second (TLS 1.3), 10 s around it\n"
    ));
    say("| | p50 ms | p99 ms | slowest ms |");
    say("|---|---|---|---|");
    for (name, rounds) in [("without", &without), ("with", &with)] {
        let of = |of: fn(&Exchanges) -> f64| Spread::of(rounds.iter().map(of));
        say(&format!(
            "| {name} | {} | {} | {} |",
            of(|it| it.p50_milliseconds),
            of(|it| it.p99_milliseconds),
            of(|it| it.slowest_milliseconds)
        ));
    }
    say("");
    let pairs = with.iter().zip(&without);
    let ratio = Spread::of(pairs.map(|(with, without)| with.p99_milliseconds / without.p99_milliseconds));
    let what = "p99 of full handshakes over 10 s in which a list of 100,000 comes in, against 10 s without";
    Ok(Bar::at_most(what, MOST, Some(ratio)))
}

/// Ten seconds of load, and what happens in the middle of them.
fn window(port: &str, middle: impl FnOnce() -> Result<(), Failure>) -> Result<Exchanges, Failure> {
    let milliseconds = WINDOW.as_millis().to_string();
    let child = client(&["paced", port, &milliseconds])?.spawn()?;
    park_timeout(WINDOW / 2);
    let happened = middle();
    let output = child.wait_with_output()?;
    happened?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(format!("the client ended with {}: {text}", output.status).into());
    }
    Exchanges::read(&text)
}
