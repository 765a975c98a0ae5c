//! From exec to the first answer, and what memory is resident then.

use super::Effort;
use super::bars::Bar;
use super::servers::Bench;
use super::side_by_side::question;
use super::spread::Spread;
use crate::gateway::{Gateway, free_port};
use crate::http::Publisher;
use crate::tokens::Signed;
use crate::{Failure, say};
use std::path::Path;
use std::time::{Duration, Instant};

const STARTS: usize = 20;
const MILLISECONDS: f64 = 100.0;
const IDLE_MIB: f64 = 20.0;
/// How long a gateway has nothing to do before its memory is read.
const IDLE: Duration = Duration::from_millis(200);

/// What the starts of one kind showed.
struct Starts {
    milliseconds: Spread,
    mebibytes: Spread,
}

/// Twenty starts from each place keys may be in, with the issuer down.
pub(crate) fn measure(bench: &Bench, _: Effort) -> Result<Vec<Bar>, Failure> {
    let port = free_port()?;
    let state = bench.folder.join("start.state");
    std::fs::create_dir_all(&state)?;
    let file = bench.configuration("start-file", port, "jwk_set_file = \"jwks.json\"", "")?;
    let from_file = starts(bench, port, &file, &state)?;

    let issuer = Publisher::start(0, bench.keys.jwk_set()?)?;
    let source = format!(
        "jwk_set_url = \"http://127.0.0.1:{}/jwks\"\ndanger_allow_http = true",
        issuer.port
    );
    let kept = bench.configuration("start-kept", port, &source, "")?;
    let fetched = start(bench, port, &kept, &state)?;
    until_kept(&state)?;
    drop(fetched);
    drop(issuer);
    let from_state = starts(bench, port, &kept, &state)?;

    say("\n### From exec to the first answer to a good token\n");
    say("| keys | starts | ms | resident MiB |");
    say("|---|---|---|---|");
    for (name, starts) in [
        ("a JWK Set file", &from_file),
        ("the set kept in the state folder, the issuer down", &from_state),
    ] {
        let (took, memory) = (starts.milliseconds.shown(1), starts.mebibytes.shown(1));
        say(&format!("| {name} | {STARTS} | {took} | {memory} |"));
    }
    say("");
    let of = |what: &str, limit, unit, measured| Bar::at_most_of(what, limit, unit, measured);
    Ok(vec![
        of(
            "exec to first answer, JWK Set file",
            MILLISECONDS,
            " ms",
            from_file.milliseconds,
        ),
        of(
            "exec to first answer, key set kept on disk, issuer down",
            MILLISECONDS,
            " ms",
            from_state.milliseconds,
        ),
        of("idle resident memory", IDLE_MIB, " MiB", from_state.mebibytes),
    ])
}

/// Waits until a key set is on disk: it is written after the first answer, not before.
fn until_kept(state: &Path) -> Result<(), Failure> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        for entry in std::fs::read_dir(state)? {
            if entry?.file_name().to_string_lossy().starts_with("keys-") {
                return Ok(());
            }
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Err(format!("no key set was kept in {}", state.display()).into())
}

fn starts(bench: &Bench, port: u16, configuration: &Path, state: &Path) -> Result<Starts, Failure> {
    let (mut took, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let (gateway, milliseconds) = start(bench, port, configuration, state)?;
        took.push(milliseconds);
        std::thread::park_timeout(IDLE);
        resident.push(mebibytes(gateway.resident_kib()));
    }
    Ok(Starts {
        milliseconds: Spread::of(took),
        mebibytes: Spread::of(resident),
    })
}

/// A gateway that has let a good token in, and the milliseconds until then.
fn start(bench: &Bench, port: u16, configuration: &Path, state: &Path) -> Result<(Gateway, f64), Failure> {
    let question = question(Some(&bench.keys.token(Signed::Es256, 0)?));
    let begun = Instant::now();
    let mut gateway = Gateway::start(configuration, state, &bench.folder.join("start.log"))?;
    gateway.until(port, &question, |answer| answer.status == 200)?;
    Ok((gateway, begun.elapsed().as_secs_f64() * 1000.0))
}

/// Mebibytes of so many kibibytes.
pub(crate) fn mebibytes(kibibytes: u64) -> f64 {
    f64::from(u32::try_from(kibibytes).unwrap_or(u32::MAX)) / 1024.0
}
