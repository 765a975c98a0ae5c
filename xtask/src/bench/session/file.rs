//! The file store with a million sessions: `crates/edge/benches/store.rs`, run on the servers' core.

use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::in_process::{Program, figures};
use crate::bench::servers::Bench;
use crate::bench::spread::Spread;
use crate::{Failure, say};

const STORE: Program = Program {
    package: "countersign-edge",
    name: "store",
};
/// Blocks of the disk against sealed bytes.
const MOST_SIZE: f64 = 2.5;
const MOST_RESIDENT_MEBIBYTES: f64 = 200.0;
const LEAST_LOADS: f64 = 100_000.0;
const LEAST_CREATES: f64 = 4000.0;
const MOST_OPEN_SECONDS: f64 = 5.0;

/// Fills a file, reads it, and opens it after kills.
pub(crate) fn measure(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let file = bench.folder.join("sessions.redb");
    let path = file.display().to_string();
    let mut lines = Vec::new();
    for part in ["fill", "load", "opened"] {
        lines.extend(STORE.lines(part, &[&path], effort)?);
    }
    std::fs::remove_file(&file)?;
    let of = |name: &str| {
        let rows = lines
            .iter()
            .filter(|fields| fields.get(1).is_some_and(|field| field == name));
        let rows = rows.map(|fields| figures(fields.get(2..).unwrap_or(&[])));
        rows.collect::<Result<Vec<_>, _>>()
    };
    let spread = |rows: Vec<Vec<f64>>| Spread::of(rows.into_iter().flatten());
    let (creates, loads) = (spread(of("creates")?), spread(of("loads")?));
    let (resident, seconds) = (spread(of("resident")?), spread(of("seconds")?));
    let sizes = of("size")?;
    let Some([allocated, sealed]) = sizes.first().map(Vec::as_slice) else {
        return Err("the size of the file was not told".into());
    };
    let ratio = allocated / sealed;
    say("\n### The file store: 1,000,000 records of 600 sealed bytes, each found by two keys\n");
    say("| what | measured |");
    say("|---|---|");
    say(&format!(
        "| durable creates a second, 64 writers | {} |",
        creates.shown(0)
    ));
    say(&format!(
        "| loads a second, one core, warm page cache | {} |",
        loads.shown(0)
    ));
    say(&format!(
        "| peak resident MiB, filling and loading | {} |",
        resident.shown(0)
    ));
    say(&format!(
        "| seconds to open it after kill -9 | {} |",
        seconds.shown(2)
    ));
    say(&format!(
        "| MiB of blocks for {sealed:.0} MiB sealed | {allocated:.0}, {ratio:.2} times |"
    ));
    say("");
    let size = Spread::of([ratio]);
    Ok([
        Bar::at_least_of(
            "file store: durable creates, 64 writers",
            LEAST_CREATES,
            "/s",
            creates,
        ),
        Bar::at_least_of("file store: loads on one core", LEAST_LOADS, "/s", loads),
        Bar::at_most_of(
            "file store: resident memory",
            MOST_RESIDENT_MEBIBYTES,
            " MiB",
            resident,
        ),
        Bar::at_most_of("file store: open after kill -9", MOST_OPEN_SECONDS, " s", seconds),
    ]
    .into_iter()
    .chain(Bar::at_most(
        "file store: blocks against sealed bytes",
        MOST_SIZE,
        Some(size),
    ))
    .collect())
}
