//! `cargo xtask soak`: what takes too long for `test`. Every decoder under many more mutations, kill -9 at any moment, of
//! the gateway and of the store of sessions in a file, and files, bodies and lines that are far too large.

use crate::options::Options;
use crate::{Failure, cargo, run, say, target};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

mod big;
mod bodies;
mod kill;
mod random;
mod watched;
mod world;

const OPTIONS: [&str; 6] = [
    "--only",
    "--mutations",
    "--kills",
    "--seconds",
    "--seed",
    "--body-mib",
];
const PARTS: [&str; 4] = ["mutations", "kill", "store", "big"];

/// Runs every part, or the one that is named.
pub(crate) fn run_all(words: &[&str]) -> Result<(), Failure> {
    let options = Options::read(words, &OPTIONS)?;
    let only = options.text("--only");
    if let Some(only) = only.filter(|only| !PARTS.contains(only)) {
        return Err(format!("no part {only:?}; known are: {}", PARTS.join(", ")).into());
    }
    let wanted = |part: &str| only.is_none_or(|only| only == part);
    let mutations_of_each = options.number("--mutations", 5_000_000_u64)?;
    let limits = kill::Limits {
        kills: options.number("--kills", 300)?,
        seconds: options.number("--seconds", 600)?,
    };
    let kills_of_store = options.number("--kills", 100)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let seed = options.number("--seed", now)?;
    let body_mebibytes = options.number("--body-mib", 1024_u64)?;
    let folder = target().join("soak");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder)?;
    if wanted("mutations") {
        mutations(mutations_of_each)?;
    }
    if wanted("kill") || wanted("big") {
        cargo(&["build", "--release", "-p", "countersign"])?;
    }
    if wanted("kill") {
        let (kills, seconds) = (limits.kills, limits.seconds);
        say(&format!(
            "-- kill: {kills} times, or {seconds} s; --seed {seed} does it again"
        ));
        kill::run(&folder, seed, limits)?;
    }
    if wanted("store") {
        store(kills_of_store)?;
    }
    if wanted("big") {
        say("-- big: files, bodies and lines that are far too large");
        big::run(&folder, body_mebibytes)?;
    }
    Ok(())
}

/// Every decoder under many more mutations, with optimisations on.
fn mutations(of_each: u64) -> Result<(), Failure> {
    say(&format!("-- mutations: {of_each} for every decoder"));
    let packages = ["-p", "countersign-testkit", "-p", "countersign"];
    run(Command::new(env!("CARGO"))
        .args(["test", "--release", "--test", "fuzz"])
        .args(packages)
        .env("COUNTERSIGN_MUTATIONS", of_each.to_string()))
}

/// The store of sessions in a file, killed while it is written; what was acknowledged is there each time.
fn store(kills: usize) -> Result<(), Failure> {
    say(&format!("-- store: the file of sessions, killed {kills} times"));
    let test = [
        "killed::what_was_acknowledged_outlives_a_kill",
        "--exact",
        "--nocapture",
    ];
    run(Command::new(env!("CARGO"))
        .args(["test", "--release", "-p", "countersign", "--test", "stores", "--"])
        .args(test)
        .env("COUNTERSIGN_KILLS", kills.to_string()))
}
