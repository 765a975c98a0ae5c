//! `cargo xtask bench NAME`: side by side with the peers, the same bytes, logging and pinning for all; CPU per request
//! from /proc; interleaved rounds; median ratio and range.

use crate::options::Options;
use crate::tokens::Keys;
use crate::{Failure, cargo, repository, say, target, tools};

mod bars;
mod decision;
mod growth;
mod handshake;
mod in_process;
mod measure;
mod parts;
pub(crate) mod servers;
mod session;
mod side_by_side;
mod spread;
mod sso;
mod start;

/// Rounds and their length.
#[derive(Clone, Copy)]
struct Effort {
    rounds: u32,
    seconds: u32,
}

/// Runs the measurement called `name`.
pub(crate) fn run(name: &str, words: &[&str]) -> Result<(), Failure> {
    let parts = match name {
        "decision" => decision::PARTS,
        "handshake" => handshake::PARTS,
        "session" => session::PARTS,
        "sso" => sso::PARTS,
        other => {
            return Err(
                format!("no measurement {other:?}; known are: decision, handshake, session, sso").into(),
            );
        }
    };
    let options = Options::read(words, &["--rounds", "--seconds", "--only"])?;
    let effort = Effort {
        rounds: options.number("--rounds", 7)?,
        seconds: options.number("--seconds", 4)?,
    };
    let only = options.text("--only");
    only.map_or(Ok(()), |only| parts::must_be_known(parts, only))?;
    tools::for_bench()?;
    cargo(&["build", "--release", "-p", "countersign"])?;
    let folder = target().join("bench");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder)?;
    let bench = servers::Bench {
        folder,
        keys: Keys::generate()?,
        envoy: repository().join(".tools/bin/envoy"),
    };
    say(&format!(
        "{} rounds of {} s each, interleaved; server on core 0, load on core 1",
        effort.rounds, effort.seconds
    ));
    parts::run(parts, &bench, only, effort)
}
