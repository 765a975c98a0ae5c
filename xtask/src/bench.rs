//! `cargo xtask bench NAME`: side by side with the peers, the same bytes, logging and pinning for all; CPU per request
//! from /proc; interleaved rounds; median ratio and range.

use crate::{Failure, cargo, repository, say, tools};

mod decision;
mod measure;
mod servers;
mod tokens;

/// Runs the measurement called `name`.
pub(crate) fn run(name: &str, options: &[&str]) -> Result<(), Failure> {
    if name != "decision" {
        return Err(format!("no measurement {name:?}; known are: decision").into());
    }
    let option = |wanted: &str, otherwise: u32| {
        let given = options
            .iter()
            .zip(options.iter().skip(1))
            .find(|(key, _)| **key == wanted)
            .map(|(_, value)| value);
        given.map_or(Ok(otherwise), |text| text.parse::<u32>())
    };
    let effort = decision::Effort {
        rounds: option("--rounds", 7)?,
        seconds: option("--seconds", 4)?,
    };
    tools::for_bench()?;
    cargo(&["build", "--release", "-p", "countersign"])?;
    let folder = repository().join("target/bench");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder)?;
    let countersign = repository().join("target/release/countersign");
    let bench = servers::Bench {
        folder,
        keys: tokens::Keys::generate()?,
        countersign,
    };
    say(&format!(
        "{} rounds of {} s each, interleaved; server on core 0, load on core 1",
        effort.rounds, effort.seconds
    ));
    decision::run(&bench, &repository().join(".tools/bin/envoy"), effort)
}
