//! A complete silent login: the site, the provider, the callback, the token behind it, the first page.

use super::sites::Sites;
use super::visitor::Visitor;
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::measure::pin_the_load;
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::handshakes::pki::Pki;
use crate::{Failure, say};
use std::time::{Duration, Instant};

/// What provider and guard may take of a processor for one login, in milliseconds.
const MOST: f64 = 0.6;
/// How many log in at once.
const AT_ONCE: usize = 8;

/// What one round showed.
struct Round {
    cpu_milliseconds: f64,
    per_second: f64,
}

/// Logs in as often as it goes, over connections that are open.
pub(crate) fn measure(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    pin_the_load()?;
    let pki = Pki::new();
    let sites = Sites::start(bench, &pki)?;
    let visitors = (0..AT_ONCE).map(|_| Visitor::new(&pki, "ann"));
    let mut visitors = visitors.collect::<Result<Vec<_>, _>>()?;
    // Discovery, keys, connections between the two.
    round(&sites, &mut visitors, Duration::from_secs(1))?;
    let mut rounds = Vec::new();
    for number in 0..effort.rounds {
        say(&format!(
            "  silent logins: round {} of {}",
            number + 1,
            effort.rounds
        ));
        rounds.push(round(
            &sites,
            &mut visitors,
            Duration::from_secs(effort.seconds.into()),
        )?);
    }
    let of = |of: fn(&Round) -> f64| Spread::of(rounds.iter().map(of));
    let cpu = of(|it| it.cpu_milliseconds);
    say("\n### A silent login, ES256, over open TLS connections\n");
    say("| CPU ms a login, provider and guard | logins/s, both on one core |");
    say("|---|---|");
    say(&format!(
        "| {} | {} |\n",
        cpu.shown(3),
        of(|it| it.per_second).shown(0)
    ));
    let what = "a silent login by certificate: CPU of provider and guard";
    Ok(vec![Bar::at_most_of(what, MOST, " ms", cpu)])
}

fn round(sites: &Sites, visitors: &mut [Visitor], within: Duration) -> Result<Round, Failure> {
    let (before, begun) = (sites.cpu_seconds(), Instant::now());
    let logins = std::thread::scope(|scope| {
        let working = visitors.iter_mut().map(|visitor| {
            scope.spawn(move || {
                let mut logins = 0_u32;
                while begun.elapsed() < within {
                    visitor.log_in().map_err(|failure| failure.to_string())?;
                    logins += 1;
                }
                Ok::<_, String>(logins)
            })
        });
        let working = working.collect::<Vec<_>>();
        let ended = working.into_iter().map(|thread| match thread.join() {
            Ok(logins) => logins,
            Err(_) => Err("a visitor panicked".to_owned()),
        });
        ended.sum::<Result<u32, String>>()
    })?;
    let logins = f64::from(logins);
    Ok(Round {
        cpu_milliseconds: (sites.cpu_seconds() - before) * 1000.0 / logins,
        per_second: logins / begun.elapsed().as_secs_f64(),
    })
}
