//! A client of mutual TLS, the same for every server: so many handshakes at once, one request each, no session taken up
//! again. `cargo xtask bench handshake` runs it as a process of its own, on a core of its own, and reads what it prints.
//!
//!   xtask handshakes full PORT VERSION SECONDS same|new
//!   xtask handshakes paced PORT MILLISECONDS
//!   xtask handshakes hold PORT COUNT

use crate::{Failure, say};
use client::{Certificates, Client, Version};
use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

mod client;
pub(crate) mod pki;

/// How many handshakes are under way at once.
const AT_ONCE: u32 = 16;
/// How many certificates are made for each second in which each is shown once: more than any client here gets through.
const NEW_PER_SECOND: u64 = 3000;
/// Between the beginnings of two handshakes that come at their times, whether the server has kept up or not.
pub(crate) const PACE: Duration = Duration::from_micros(2500);
/// How many of those may be under way at once.
const PACED_AT_ONCE: u32 = 64;

/// Runs what `words` say.
pub(crate) fn run(words: &[&str]) -> Result<(), Failure> {
    match words {
        ["full", port, version, seconds, certificates] => {
            let seconds = seconds.parse::<u32>()?;
            let certificates = match *certificates {
                "new" => Certificates::New(u64::from(seconds) * NEW_PER_SECOND),
                _ => Certificates::Same,
            };
            let client = Client::new(port.parse()?, Version::by_name(version)?, certificates)?;
            full(&client, Duration::from_secs(seconds.into()))
        }
        ["paced", port, milliseconds] => {
            let client = Client::new(port.parse()?, Version::Tls13, Certificates::Same)?;
            paced(&client, Duration::from_millis(milliseconds.parse()?))
        }
        ["hold", port, count] => {
            let client = Client::new(port.parse()?, Version::Tls13, Certificates::Same)?;
            hold(&client, count.parse()?)
        }
        other => Err(format!("no such handshakes: {}", other.join(" ")).into()),
    }
}

/// Shakes hands as fast as it goes, and prints how often, and how long one of them took.
fn full(client: &Client, within: Duration) -> Result<(), Failure> {
    let begun = Instant::now();
    let shaken = side_by_side(AT_ONCE, || {
        let mut took = Vec::new();
        while begun.elapsed() < within && !client.is_spent() {
            let one = Instant::now();
            client.exchange()?;
            took.push(one.elapsed());
        }
        Ok(took)
    })?;
    print(shaken, begun.elapsed());
    Ok(())
}

/// Shakes hands at a steady pace. Each takes from when it was due: a server that stands still is late for all that were
/// due meanwhile.
fn paced(client: &Client, within: Duration) -> Result<(), Failure> {
    let begun = Instant::now();
    let next = AtomicU32::new(0);
    let shaken = side_by_side(PACED_AT_ONCE, || {
        let mut took = Vec::new();
        loop {
            let due = PACE.saturating_mul(next.fetch_add(1, Ordering::Relaxed));
            if due >= within {
                return Ok(took);
            }
            while let Some(left) = due.checked_sub(begun.elapsed()) {
                park_timeout(left);
            }
            client.exchange()?;
            took.push(begun.elapsed().saturating_sub(due));
        }
    })?;
    print(shaken, begun.elapsed());
    Ok(())
}

/// Opens connections, asks once on each, says so, and keeps them until its input ends.
fn hold(client: &Client, count: u32) -> Result<(), Failure> {
    let next = AtomicU32::new(0);
    let held = side_by_side(AT_ONCE, || {
        let mut held = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < count {
            held.push(client.open()?);
        }
        Ok(held)
    })?;
    say("held");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

/// Does `work` on so many threads, and gives back what all of them brought. The first failure is that of all.
fn side_by_side<T: Send>(
    threads: u32,
    work: impl Fn() -> Result<Vec<T>, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    // What fails is told as text: a failure itself stays on its thread.
    let run = || work().map_err(|failure| failure.to_string());
    let all = std::thread::scope(|scope| {
        let threads = (0..threads).map(|_| scope.spawn(run)).collect::<Vec<_>>();
        let ended = threads.into_iter().map(|thread| {
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err("a thread of the client panicked".to_owned()))
        });
        ended.collect::<Result<Vec<_>, _>>()
    });
    Ok(all?.into_iter().flatten().collect())
}

/// How many, in how many seconds, and in how many milliseconds half of them, 99 of 100 and the slowest were done.
fn print(mut took: Vec<Duration>, elapsed: Duration) {
    took.sort_unstable();
    let milliseconds = |hundredths: usize| {
        let place = (took.len() * hundredths / 100).min(took.len().saturating_sub(1));
        took.get(place)
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
    };
    say(&format!(
        "{}\t{}\t{}\t{}\t{}",
        took.len(),
        elapsed.as_secs_f64(),
        milliseconds(50),
        milliseconds(99),
        milliseconds(100)
    ));
}
