//! One connection after another: a full handshake with a client's certificate, and one request.

use super::servers::{Exchanges, Peer, REVOKED, countersign, nginx, prepare};
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::{Failure, say};
use std::collections::BTreeMap;

/// One line of a table: who is asked, and whether each connection shows another certificate.
struct Row<'a> {
    name: &'a str,
    peer: &'a Peer,
    certificates: &'static str,
}

/// What one round showed.
#[derive(Clone, Copy)]
struct Round {
    cpu_microseconds: f64,
    exchanges: Exchanges,
}

/// TLS 1.3.
pub(crate) fn tls_1_3(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    measure(bench, effort, "1.3", 0.35)
}

/// TLS 1.2.
pub(crate) fn tls_1_2(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    measure(bench, effort, "1.2", 0.45)
}

fn measure(bench: &Bench, effort: Effort, version: &str, most: f64) -> Result<Vec<Bar>, Failure> {
    let pki = prepare(bench)?;
    bench.write("long.crl", &pki.lists(1, REVOKED))?;
    let (theirs, ours) = (
        nginx(bench, "nginx-mtls", 18_201, None)?,
        countersign(bench, "countersign-mtls", 18_202, None)?,
    );
    let (theirs_revoking, ours_revoking) = (
        nginx(bench, "nginx-mtls-crl", 18_203, Some("long.crl"))?,
        countersign(bench, "countersign-mtls-crl", 18_204, Some("long.crl"))?,
    );
    let row = |name, peer, certificates| Row {
        name,
        peer,
        certificates,
    };
    let rows = [
        row("nginx", &theirs, "new"),
        row("Countersign", &ours, "new"),
        row("nginx, one certificate again and again", &theirs, "same"),
        row("Countersign, one certificate again and again", &ours, "same"),
        row("nginx, 100,000 revoked", &theirs_revoking, "new"),
        row("Countersign, 100,000 revoked", &ours_revoking, "new"),
    ];
    let title = format!("TLS {version}: a full handshake with a client certificate, and one request");
    let ratios = table(&title, version, &rows, effort)?;
    let what = |row: &Row<'_>| {
        let how = row.name.strip_prefix("Countersign").unwrap_or_default();
        let never = if row.certificates == "new" {
            " never seen before"
        } else {
            ""
        };
        format!("mutual TLS {version}, full handshake, certificates{never}{how}: CPU against nginx")
    };
    let bars = rows.iter().zip(&ratios).skip(1).step_by(2);
    Ok(bars
        .flat_map(|(row, ratio)| Bar::at_most(what(row), most, Some(*ratio)))
        .collect())
}

/// Runs the rows in turn, and prints a table in which each second row stands against the one before.
fn table(title: &str, version: &str, rows: &[Row<'_>], effort: Effort) -> Result<Vec<Spread>, Failure> {
    let mut results: BTreeMap<usize, Vec<Round>> = BTreeMap::new();
    for round in 0..effort.rounds {
        for (index, row) in rows.iter().enumerate() {
            let (number, of) = (round + 1, effort.rounds);
            say(&format!("  {title}: round {number} of {of}: {}", row.name));
            results
                .entry(index)
                .or_default()
                .push(run(row, version, effort.seconds)?);
        }
    }
    say(&format!("\n### {title}\n"));
    say(
        "| server | CPU us per connection | CPU ratio to nginx | connections/s | p50 ms | p99 ms | RSS MiB |",
    );
    say("|---|---|---|---|---|---|---|");
    let mut ratios = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let of = |index: usize| results.get(&index).map_or(&[][..], Vec::as_slice);
        let (own, theirs) = (of(index), of(index - index % 2));
        let cpu = Spread::of(own.iter().map(|round| round.cpu_microseconds));
        let pairs = own.iter().zip(theirs);
        let ratio = Spread::of(pairs.map(|(own, theirs)| own.cpu_microseconds / theirs.cpu_microseconds));
        let median =
            |of: fn(&Exchanges) -> f64| Spread::of(own.iter().map(|round| of(&round.exchanges))).median;
        say(&format!(
            "| {} | {} | {ratio} | {:.0} | {:.2} | {:.2} | {} |",
            row.name,
            cpu.shown(0),
            median(|it| it.count / it.seconds),
            median(|it| it.p50_milliseconds),
            median(|it| it.p99_milliseconds),
            row.peer.server.resident_kib() / 1024
        ));
        ratios.push(ratio);
    }
    say("");
    Ok(ratios)
}

fn run(row: &Row<'_>, version: &str, seconds: u32) -> Result<Round, Failure> {
    let (port, seconds) = (row.peer.port.to_string(), seconds.to_string());
    let before = row.peer.server.cpu_seconds();
    let exchanges = Exchanges::run(&["full", &port, version, &seconds, row.certificates])?;
    let used = row.peer.server.cpu_seconds() - before;
    Ok(Round {
        cpu_microseconds: used * 1e6 / exchanges.count,
        exchanges,
    })
}
