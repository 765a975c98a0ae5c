//! Revocation lists.

use super::folder::Folder;
use super::passphrase::Unlock;
use super::written::{PUBLIC, told, write};
use super::{Place, day, now, rfc_3339};
use crate::ca::{Authority, LIST_DAYS, Role};
use crate::config::Environment;
use crate::output::Output;
use serde_json::json;
use std::path::PathBuf;

/// Of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Of {
    Root,
    Intermediate,
}

/// Which lists to make.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    place: Place,
    /// Of the root or the intermediate alone.
    #[arg(long, value_enum)]
    of: Option<Of>,
    /// The days until the next list is due, at most 397. Otherwise 30 for the intermediate, 365 for the root.
    #[arg(long)]
    days: Option<u32>,
    #[command(flatten)]
    unlock: Unlock,
    /// One JSON object: the lists, their numbers, and the files that were written.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let folder = Folder(args.place.folder.clone());
    let root_is_here = folder.key(Role::Root).exists();
    let roles: &[Role] = match (args.of, root_is_here) {
        (Some(Of::Root), _) => &[Role::Root],
        (None, true) => &[Role::Intermediate, Role::Root],
        (Some(Of::Intermediate), _) | (None, false) => &[Role::Intermediate],
    };
    let keys = folder.keys(roles, &args.unlock, environment)?;
    let held = folder.hold()?;
    let mut authority = folder.authority(keys, environment, &held)?;
    let (made, written) = renew(&folder, &mut authority, roles, args.days)?;
    if args.json {
        let lists = made.iter().map(|list| {
            json!({ "of": list.role.word(), "number": list.number, "next_update": rfc_3339(list.next_update) })
        });
        let written = written.iter().map(|path| path.display().to_string());
        let report = json!({ "lists": lists.collect::<Vec<_>>(), "written": written.collect::<Vec<_>>() });
        out.line(&report.to_string());
    } else {
        for list in &made {
            let (of, next) = (list.role.word(), day(list.next_update));
            out.line(&format!(
                "revocation list {} of the {of}: the next is due before {next}",
                list.number
            ));
        }
        for path in &written {
            out.line(&format!("written: {}", path.display()));
        }
    }
    if args.of.is_none() && !root_is_here {
        out.error_line(&format!(
            "note: {} is not here, so the root's list stays as it is",
            folder.key(Role::Root).display()
        ));
    }
    Ok(())
}

/// A list that was made.
#[derive(Debug)]
pub(super) struct Made {
    role: Role,
    number: u64,
    next_update: i64,
    text: String,
}

/// A list of `role`, held in memory.
pub(super) fn make(authority: &mut Authority, role: Role, days: Option<u32>) -> Result<Made, String> {
    let usual = match role {
        Role::Root => LIST_DAYS.0,
        Role::Intermediate => LIST_DAYS.1,
    };
    let list = authority.revocation_list(role, days.unwrap_or(usual), now());
    let (text, life) = list.map_err(|error| error.to_string())?;
    Ok(Made {
        role,
        number: authority.list_number(role),
        next_update: life.not_after.seconds(),
        text,
    })
}

/// The files that `lists` become, all in one among them. A list that is not made now stays as it is on the disk.
pub(super) fn files(folder: &Folder, lists: &[Made]) -> Result<Vec<(PathBuf, String)>, String> {
    let mut files = Vec::new();
    let mut together = String::new();
    for role in [Role::Intermediate, Role::Root] {
        let path = folder.list(role);
        let text = if let Some(list) = lists.iter().find(|list| list.role == role) {
            files.push((path, list.text.clone()));
            list.text.clone()
        } else {
            let bytes = std::fs::read(&path).map_err(|error| told(&path, &error))?;
            String::from_utf8(bytes).map_err(|_| format!("{}: is no text", path.display()))?
        };
        together.push_str(&text);
    }
    files.push((folder.lists(), together));
    Ok(files)
}

/// Makes new lists and writes them. What is remembered of revocations is remembered with it.
pub(super) fn renew(
    folder: &Folder,
    authority: &mut Authority,
    roles: &[Role],
    days: Option<u32>,
) -> Result<(Vec<Made>, Vec<PathBuf>), String> {
    let lists = roles.iter().map(|role| make(authority, *role, days));
    let lists = lists.collect::<Result<Vec<_>, _>>()?;
    let files = files(folder, &lists)?;
    // A number that no list got does no harm; a list whose number comes twice would.
    folder.save(&authority.index)?;
    let written = files
        .iter()
        .map(|(path, text)| write(path, text.as_bytes(), PUBLIC));
    Ok((lists, written.collect::<Result<_, _>>()?))
}
