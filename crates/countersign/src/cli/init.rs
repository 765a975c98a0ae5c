//! `countersign init`: a configuration with which people log in, and what the proxy in front needs.

use super::token::shown::harmless;
use crate::output::Output;
use answers::{Answers, Given, Person};
use files::Front;
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod answers;
mod files;

/// What to write, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What stands in front of the application.
    #[arg(value_enum)]
    front: Front,
    #[command(flatten)]
    given: Given,
    /// The folder to write into; it is made where it is missing.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    output: PathBuf,
    /// Write over what is there already.
    #[arg(long)]
    force: bool,
    /// One JSON object: the files that were written, and what is left to do. Nothing is asked.
    #[arg(long)]
    json: bool,
}

/// Writes it.
pub(super) fn run(args: &Args, out: &mut Output) -> ExitCode {
    let done = answered(args, out).and_then(|answers| {
        let written = write_all(&args.output, args.front, &answers, args.force)?;
        tell(args, &answers, &written, out);
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            out.error_line(&format!("countersign cannot go on: {}", harmless(&why)));
            ExitCode::from(2)
        }
    }
}

/// What the arguments say, and for the rest whoever sits at the terminal.
fn answered(args: &Args, out: &mut Output) -> Result<Answers, String> {
    match Person::at_the_terminal().filter(|_| !args.json) {
        Some(person) => Answers::asked(&args.given, &mut |question, why| {
            person.answer(question, why, out)
        }),
        None => Answers::given(&args.given),
    }
}

/// Writes all or nothing.
fn write_all(folder: &Path, front: Front, answers: &Answers, force: bool) -> Result<Vec<PathBuf>, String> {
    let files = files::of(front, answers);
    let paths = files
        .iter()
        .map(|(name, _)| folder.join(name))
        .collect::<Vec<_>>();
    let there = paths.iter().filter(|path| path.exists() && !force);
    let there = there.map(|path| path.display().to_string()).collect::<Vec<_>>();
    if !there.is_empty() {
        return Err(format!(
            "there already, so nothing was written: {}; name another folder (--output), or write over them (--force)",
            there.join(", ")
        ));
    }
    for ((_, content), path) in files.iter().zip(&paths) {
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above).map_err(told)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options
            .write(true)
            .create(force)
            .create_new(!force)
            .truncate(force);
        let mut file = options.open(path).map_err(told)?;
        file.write_all(content.as_bytes()).map_err(told)?;
    }
    Ok(paths)
}

fn tell(args: &Args, answers: &Answers, written: &[PathBuf], out: &mut Output) {
    let next = files::next(args.front, answers, &args.output);
    let written = written
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>();
    if args.json {
        out.line(&json!({ "written": written, "next": next }).to_string());
        return;
    }
    for path in written {
        out.line(&format!("written: {path}"));
    }
    out.line("");
    out.line("Left to do:");
    for (number, step) in next.iter().enumerate() {
        out.line(&format!("{}. {step}", number + 1));
    }
}
