//! What was issued, and how long it holds.

use super::folder::Folder;
use super::issue::record_json;
use super::{Place, day, days, now, rfc_3339};
use crate::ca::Role;
use crate::ca::index::{Index, Revocation, Status, days_left};
use crate::cli::token::shown::harmless;
use crate::config::Environment;
use crate::output::Output;
use countersign_core::time::Timestamp;
use serde_json::{Value, json};

/// What has fewer days left than this is worth a look.
const SOON: i64 = 14;
const HEADINGS: [&str; 6] = ["file", "kind", "left", "until", "serial", "names"];

/// What to list.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    place: Place,
    /// Also what has ended or was revoked.
    #[arg(long)]
    all: bool,
    /// One JSON object: the authorities, and the certificates, the first to end first.
    #[arg(long)]
    json: bool,
}

/// One line.
struct Row {
    cells: [String; 6],
    /// How the third cell is to be read.
    mood: Mood,
}

#[derive(Clone, Copy)]
enum Mood {
    Good,
    Soon,
    Over,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let mut index = Folder(args.place.folder.clone()).index()?;
    let now = now();
    index.certificates.sort_by_key(|record| record.not_after);
    if !args.all {
        index
            .certificates
            .retain(|record| record.status(now) == Status::Valid);
    }
    if args.json {
        out.line(&report(&index, now).to_string());
        return Ok(());
    }
    let colours =
        out.answer_colours() && (environment.variable)("NO_COLOR").is_none_or(|value| value.is_empty());
    for line in table(&rows(&index, now), colours) {
        out.line(&line);
    }
    Ok(())
}

fn rows(index: &Index, now: Timestamp) -> Vec<Row> {
    let authorities = [Role::Root, Role::Intermediate].into_iter().filter_map(|role| {
        let record = index.current(role)?;
        let shown = [role.word(), "authority", &record.serial, &index.name];
        Some(row(shown, record.not_after, record.status(now), now))
    });
    let issued = index.certificates.iter().map(|record| {
        let names = record.names.join(", ");
        let shown = [&record.file, record.kind.word(), &record.serial, &names];
        row(shown, record.not_after, record.status(now), now)
    });
    authorities.chain(issued).collect()
}

fn row([file, kind, serial, names]: [&str; 4], not_after: i64, status: Status, now: Timestamp) -> Row {
    let left = days_left(not_after, now);
    let (shown, mood) = match status {
        Status::Revoked => ("revoked".to_owned(), Mood::Over),
        Status::Expired => ("expired".to_owned(), Mood::Over),
        Status::Valid if left < SOON => (days(left), Mood::Soon),
        Status::Valid => (days(left), Mood::Good),
    };
    let cells = [file, kind, &shown, &day(not_after), serial, names].map(harmless);
    Row { cells, mood }
}

fn table(rows: &[Row], colours: bool) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.cells.get(column));
        let heading = HEADINGS.get(column).map_or(0, |heading| heading.len());
        cells.map(|cell| cell.chars().count()).fold(heading, usize::max)
    };
    let widths = [0, 1, 2, 3, 4, 5].map(width);
    let line = |cells: [&str; 6], mood: Option<Mood>| {
        let mut line = String::new();
        for (column, (cell, width)) in cells.into_iter().zip(widths).enumerate() {
            let padded = format!("{cell:<width$}  ");
            match (column, mood.filter(|_| colours)) {
                (2, Some(mood)) => line.push_str(&coloured(&padded, mood)),
                (_, Some(_) | None) => line.push_str(&padded),
            }
        }
        line.trim_end().to_owned()
    };
    let body = rows
        .iter()
        .map(|row| line(row.cells.each_ref().map(String::as_str), Some(row.mood)));
    std::iter::once(line(HEADINGS, None)).chain(body).collect()
}

fn coloured(text: &str, mood: Mood) -> String {
    let colour = match mood {
        Mood::Good => 32,
        Mood::Soon => 33,
        Mood::Over => 31,
    };
    format!("\u{1b}[{colour}m{text}\u{1b}[0m")
}

fn report(index: &Index, now: Timestamp) -> Value {
    let authority = |role| {
        index.current(role).map(|record| {
            json!({
                "serial": record.serial,
                "not_before": rfc_3339(record.not_before),
                "not_after": rfc_3339(record.not_after),
                "sha256": record.sha256,
                "status": record.status(now).word(),
                "days_left": days_left(record.not_after, now),
            })
        })
    };
    let certificates = index.certificates.iter().map(|record| {
        let mut shown = record_json(record);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("status".to_owned(), record.status(now).word().into());
            shown.insert("days_left".to_owned(), days_left(record.not_after, now).into());
            shown.insert(
                "revoked".to_owned(),
                record.revoked.as_ref().map_or(Value::Null, revocation_json),
            );
        }
        shown
    });
    json!({
        "name": index.name,
        "root": authority(Role::Root),
        "intermediate": authority(Role::Intermediate),
        "certificates": certificates.collect::<Vec<_>>(),
    })
}

fn revocation_json(revocation: &Revocation) -> Value {
    json!({ "at": rfc_3339(revocation.at), "reason": revocation.reason })
}
