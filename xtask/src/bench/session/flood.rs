//! What others notice while one address asks to log in a thousand times a second.

use super::site::{Ours, Provider, question};
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::measure::pin_the_load;
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::http::Connection;
use crate::{Failure, say};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{ScopedJoinHandle, park_timeout};
use std::time::{Duration, Instant};

const PORT: u16 = 18_115;
const WINDOW: Duration = Duration::from_secs(5);
const FLOODER: &str = "198.51.100.66";
/// What the 99th of 100 may take of what it takes without.
const MOST: f64 = 2.0;

/// So many requests a second, each at its time whether the server has kept up or not.
#[derive(Clone, Copy)]
struct Pace {
    per_second: u32,
    connections: u32,
}

const SESSIONS: Pace = Pace {
    per_second: 300,
    connections: 16,
};
const LOGINS: Pace = Pace {
    per_second: 50,
    connections: 8,
};
const FLOOD: Pace = Pace {
    per_second: 1000,
    connections: 32,
};

/// How long the requests of one pace took, in milliseconds: 99 of 100 no longer than this.
struct Window {
    sessions: f64,
    logins: f64,
    /// How many of the flood's were told to come later.
    limited: usize,
}

/// The same two loads, without a flood and with one.
pub(crate) fn measure(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    pin_the_load()?;
    let provider = Provider::start()?;
    let ours = Ours::start(bench, &provider, "memory", PORT)?;
    let cookie = ours.log_in(&provider)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        say(&format!(
            "  a flood of logins: round {} of {}",
            round + 1,
            effort.rounds
        ));
        without.push(window(&ours, &cookie, round, None)?);
        with.push(window(&ours, &cookie, round, Some(FLOOD))?);
    }
    say(&format!(
        "\n### One address asks to log in {} times a second, {} s\n",
        FLOOD.per_second,
        WINDOW.as_secs()
    ));
    say(
        "| | decisions from a session, 300/s: p99 ms | logins of others, 50/s: p99 ms | told to come later |",
    );
    say("|---|---|---|---|");
    for (name, windows) in [("without", &without), ("with", &with)] {
        let of = |of: fn(&Window) -> f64| Spread::of(windows.iter().map(of));
        let limited = windows.iter().map(|window| window.limited).sum::<usize>();
        say(&format!(
            "| {name} | {} | {} | {limited} |",
            of(|it| it.sessions),
            of(|it| it.logins)
        ));
    }
    say("");
    let ratio = |of: fn(&Window) -> f64| {
        let pairs = with.iter().zip(&without);
        Some(Spread::of(pairs.map(|(with, without)| of(with) / of(without))))
    };
    let mut bars = Bar::at_most(
        "a flood of logins: p99 of others' decisions against none",
        MOST,
        ratio(|it| it.sessions),
    );
    bars.append(&mut Bar::at_most(
        "a flood of logins: p99 of others' logins against none",
        MOST,
        ratio(|it| it.logins),
    ));
    Ok(bars)
}

fn window(ours: &Ours, cookie: &str, round: u32, flood: Option<Pace>) -> Result<Window, Failure> {
    let login = "/.countersign/login?to=/app";
    let decisions = |_| question("/app/index.html", "203.0.113.9", Some(cookie));
    // Everybody else comes from an address of its own.
    let logins = |number: u32| {
        let other = round * 1000 + number;
        question(login, &format!("10.1.{}.{}", other / 250, other % 250), None)
    };
    let floods = |_| question(login, FLOODER, None);
    std::thread::scope(|scope| {
        let flood = flood.map(|pace| scope.spawn(move || paced(pace, ours.port, &floods)));
        let sessions = scope.spawn(|| paced(SESSIONS, ours.port, &decisions));
        let logins = scope.spawn(|| paced(LOGINS, ours.port, &logins));
        let flood = flood.map_or_else(|| Ok(Vec::new()), ended)?;
        let limited = flood.iter().filter(|(status, _)| *status == 429).count();
        Ok(Window {
            sessions: p99(ended(sessions)?, 200)?,
            logins: p99(ended(logins)?, 303)?,
            limited,
        })
    })
}

/// What 99 of 100 took at most, in milliseconds, all being answered with `status`.
fn p99(mut answers: Vec<(u16, Duration)>, status: u16) -> Result<f64, Failure> {
    if let Some((other, _)) = answers.iter().find(|(own, _)| *own != status) {
        return Err(format!("somebody got {other} in place of {status}").into());
    }
    answers.sort_by_key(|(_, took)| *took);
    let (_, took) = answers.get(answers.len() * 99 / 100).ok_or("nothing was asked")?;
    Ok(took.as_secs_f64() * 1000.0)
}

/// Asks at a pace. Each takes from when it was due: a server that stands still is late for all that were due meanwhile.
fn paced(pace: Pace, port: u16, head: &(impl Fn(u32) -> String + Sync)) -> io::Result<Vec<(u16, Duration)>> {
    let begun = Instant::now();
    let next = AtomicU32::new(0);
    let between = Duration::from_secs(1) / pace.per_second;
    let work = || {
        let mut connection = Connection::open(port)?;
        let mut took = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = between.saturating_mul(number);
            if due >= WINDOW {
                return Ok::<_, io::Error>(took);
            }
            while let Some(left) = due.checked_sub(begun.elapsed()) {
                park_timeout(left);
            }
            let answer = connection.ask(&head(number))?;
            took.push((answer.status, begun.elapsed().saturating_sub(due)));
        }
    };
    std::thread::scope(|scope| {
        let threads = (0..pace.connections)
            .map(|_| scope.spawn(work))
            .collect::<Vec<_>>();
        let mut all = Vec::new();
        for thread in threads {
            all.append(&mut ended(thread)?);
        }
        Ok(all)
    })
}

fn ended<T>(thread: ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    let panicked = |_| Err(io::Error::other("a load panicked"));
    thread.join().unwrap_or_else(panicked)
}
