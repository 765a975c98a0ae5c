//! `[pages]`: the operator's own templates, read and tried.

use super::diagnostic::Diagnostic;
use super::nearest::nearest;
use super::shape::Document;
use super::source::{Environment, MAX_FILE_BYTES};
use countersign_edge::page::{Mistake, Pages};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The pages as configured; the built-in ones where nothing is, or where what is has mistakes, which are told.
pub(super) fn pages(
    document: &Document,
    environment: &Environment,
    told: &mut Vec<Diagnostic>,
) -> Arc<Pages> {
    let folder = document
        .values
        .table("pages")
        .and_then(|table| table.text("folder"));
    let Some(folder) = folder.map(Path::new) else {
        return Pages::built_in();
    };
    let way = ["pages".to_owned(), "folder".to_owned()];
    let place = document.place(&way);
    let (own, mut wrong) = read(folder, environment);
    let unknown = unknown(folder);
    if own.is_empty() && wrong.is_empty() && unknown.is_empty() {
        let files = Pages::files().collect::<Vec<_>>().join(", ");
        let message = format!("{} holds no template", folder.display());
        let help = format!("any of these: {files}");
        told.push(Diagnostic::error(place, message).help(help));
        return Pages::built_in();
    }
    for name in unknown {
        let message = format!("{} is no template of these pages", folder.join(&name).display());
        let help = nearest(&name, Pages::files()).map_or_else(
            || "leave it out: what the files of this folder are called is in docs/pages.md".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        told.push(Diagnostic::warning(place.clone(), message).help(help));
    }
    if wrong.is_empty() {
        match Pages::with(&own) {
            Ok(pages) => return Arc::new(pages),
            Err(mistakes) => wrong = mistakes,
        }
    }
    for mut mistake in wrong {
        mistake.file = folder.join(&mistake.file).display().to_string();
        told.push(Diagnostic::error(place.clone(), mistake.to_string()).help(mistake.help));
    }
    Pages::built_in()
}

/// Reads the files, for what is in them alone.
pub(crate) fn look(document: &Document, environment: &Environment) {
    if let Some(folder) = folder(document) {
        drop(read(folder, environment));
    }
}

fn folder(document: &Document) -> Option<&Path> {
    let table = document.values.table("pages")?;
    table.text("folder").map(Path::new)
}

type Files = Vec<(String, Vec<u8>)>;

/// The files that are there, and what is wrong with those that cannot be read.
fn read(folder: &Path, environment: &Environment) -> (Files, Vec<Mistake>) {
    let (mut own, mut wrong) = (Vec::new(), Vec::new());
    for name in Pages::files() {
        let mut fail = |what: String| {
            wrong.push(Mistake {
                file: name.to_owned(),
                line: None,
                what,
                help: "a file of text that the gateway's user can read".to_owned(),
            });
        };
        match (environment.read)(&folder.join(name)) {
            Ok(bytes) if bytes.len() > MAX_FILE_BYTES => fail("larger than 1 MiB".to_owned()),
            Ok(bytes) => own.push((name.to_owned(), bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => fail(error.to_string()),
        }
    }
    (own, wrong)
}

/// Files with the endings of templates that are none.
fn unknown(folder: &Path) -> Vec<String> {
    let ends = |name: &&String| [".html", ".json", ".css"].iter().any(|end| name.ends_with(end));
    let known = |name: &&String| Pages::files().any(|file| file == name.as_str());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut unknown = names
        .filter(|name| ends(&name) && !known(&name))
        .collect::<Vec<_>>();
    unknown.sort();
    unknown
}
