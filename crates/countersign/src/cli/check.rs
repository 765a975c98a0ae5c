//! `countersign check`: every mistake of a configuration at once.

use super::{fail, offline_parts};
use crate::compose;
use crate::config::{Diagnostic, Environment, Severity, Sources, render};
use crate::output::Output;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// How many files are named in the last line.
const NAMED: usize = 8;

/// Checks what `run` would take.
pub(super) fn run(path: Option<&Path>, json: bool, environment: &Environment, out: &mut Output) -> ExitCode {
    let sources = Sources::locate(path, environment).and_then(|path| Sources::read(&path, environment));
    let sources = match sources {
        Ok(sources) => sources,
        Err(error) => return fail(out, &error.to_string()),
    };
    let (told, sound) = match compose::load(&sources, environment, &offline_parts()) {
        Ok(loaded) => (loaded.warnings, true),
        Err(told) => (told, false),
    };
    if json {
        tell_as_json(&told, &sources, sound, out);
    } else {
        let plain = (environment.variable)("NO_COLOR").is_some_and(|value| !value.is_empty());
        tell(&told, &sources, (sound, out.colours() && !plain), out);
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn count(told: &[Diagnostic], severity: Severity) -> usize {
    told.iter().filter(|one| one.severity == severity).count()
}

fn tell(told: &[Diagnostic], sources: &Sources, (sound, colours): (bool, bool), out: &mut Output) {
    if !told.is_empty() {
        out.error_line(&render(told, sources, colours));
        out.error_line("");
    }
    let counted = |severity, one: &str| match count(told, severity) {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    };
    out.line(&format!(
        "{}: {}: {}, {}",
        named(sources),
        if sound { "can be run" } else { "cannot be run" },
        counted(Severity::Error, "mistake"),
        counted(Severity::Warning, "warning"),
    ));
}

/// The files by name, the first few of many.
fn named(sources: &Sources) -> String {
    let first = sources.0.iter().take(NAMED).map(|source| source.name.as_str());
    let first = first.collect::<Vec<_>>().join(", ");
    match sources.0.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn tell_as_json(told: &[Diagnostic], sources: &Sources, sound: bool, out: &mut Output) {
    for one in told {
        let severity = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let (file, place) = one.place_in(sources);
        let (line, column) = place.unzip();
        let object = json!({
            "severity": severity, "file": file, "line": line, "column": column, "message": one.message, "help": one.help,
        });
        out.line(&object.to_string());
    }
    let files = sources.0.iter().map(|source| source.name.as_str());
    let verdict = json!({
        "verdict": if sound { "can be run" } else { "cannot be run" },
        "files": files.collect::<Vec<_>>(),
        "errors": count(told, Severity::Error),
        "warnings": count(told, Severity::Warning),
    });
    out.line(&verdict.to_string());
}
