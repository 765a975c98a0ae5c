//! What a connection takes that was asked once and is idle now.

use super::servers::{Peer, client, countersign, nginx, prepare};
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::{Failure, say};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

const CONNECTIONS: u32 = 2000;
/// What it may take of what one of nginx takes.
const MOST: f64 = 1.25;

/// Opens them at one server after the other, each new for each round.
pub(crate) fn measure(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    prepare(bench)?;
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        say(&format!(
            "  {CONNECTIONS} idle connections: round {} of {}",
            round + 1,
            effort.rounds
        ));
        theirs.push(per_connection(&nginx(bench, "nginx-idle", 18_211, None)?)?);
        ours.push(per_connection(&countersign(
            bench,
            "countersign-idle",
            18_212,
            None,
        )?)?);
    }
    let ratio = Spread::of(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
    say(&format!(
        "\n### Memory of an idle connection, TLS 1.3 with a client certificate: {CONNECTIONS} after one request each\n"
    ));
    say("| server | KiB per connection (PSS) |");
    say("|---|---|");
    say(&format!("| nginx | {} |", Spread::of(theirs).shown(1)));
    say(&format!("| Countersign | {} |", Spread::of(ours).shown(1)));
    say("");
    let what = "memory of an idle mutual TLS connection against nginx";
    Ok(Bar::at_most(what, MOST, Some(ratio)))
}

/// KiB for each.
fn per_connection(peer: &Peer) -> Result<f64, Failure> {
    let port = peer.port.to_string();
    // Whatever is made once is made before.
    held(&port, 16, || ())?;
    let before = peer.server.proportional_kib();
    let after = held(&port, CONNECTIONS, || peer.server.proportional_kib())?;
    let grown = u32::try_from(after.saturating_sub(before))?;
    Ok(f64::from(grown) / f64::from(CONNECTIONS))
}

/// What `look` sees while so many connections are held.
fn held<T>(port: &str, count: u32, look: impl FnOnce() -> T) -> Result<T, Failure> {
    let mut child = client(&["hold", port, &count.to_string()])?
        .stdin(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let seen = look();
    drop(child.stdin.take());
    let status = child.wait()?;
    if line != "held\n" || !status.success() {
        return Err(format!("the client printed {line:?}, and ended with {status}").into());
    }
    Ok(seen)
}
