//! The program run once to its end, its memory watched.

use crate::gateway::program;
use crate::{Failure, process};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a run may take.
const DEADLINE: Duration = Duration::from_mins(2);
/// How long it is looked at without a pause.
const SHORT: Duration = Duration::from_millis(50);
/// Between two looks at its memory, after that.
const PAUSE: Duration = Duration::from_millis(1);

/// How a run went.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) took: Duration,
    /// The most memory that was resident, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs `countersign` with `arguments` in `folder`, its standard input from a file.
pub(crate) fn run(folder: &Path, arguments: &[&str], input: Option<&Path>) -> Result<Run, Failure> {
    let output = folder.join("output");
    let written = File::create(&output)?;
    let begun = Instant::now();
    let mut child = Command::new(program())
        .args(arguments)
        .current_dir(folder)
        .stdin(input.map_or(Ok(Stdio::null()), |path| File::open(path).map(Stdio::from))?)
        .stdout(written.try_clone()?)
        .stderr(written)
        .spawn()?;
    let mut peak_kib = 0;
    let status = loop {
        peak_kib = peak_kib.max(process::peak_kib(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > DEADLINE {
            child.kill()?;
            child.wait()?;
            return Err(format!("countersign {arguments:?} takes more than two minutes").into());
        }
        // Many a run is over before it could be looked at twice.
        if begun.elapsed() > SHORT {
            std::thread::park_timeout(PAUSE);
        }
    };
    Ok(Run {
        code: status.code(),
        output: String::from_utf8_lossy(&std::fs::read(&output)?).into_owned(),
        took: begun.elapsed(),
        peak_kib,
    })
}
