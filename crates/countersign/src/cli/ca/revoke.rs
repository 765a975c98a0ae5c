//! Certificates called back.

use super::folder::Folder;
use super::passphrase::Unlock;
use super::{Place, lists, now};
use crate::ca::index::{Reason, Status};
use crate::ca::{Authority, Role};
use crate::config::Environment;
use crate::output::Output;
use serde_json::json;

/// The word that means the intermediate itself.
pub(super) const INTERMEDIATE: &str = "intermediate";

/// What to call back.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Its files' name (then everything that still holds by this name), its serial number, or its file. `intermediate` is
    /// the intermediate itself, and with it all that it signed.
    what: String,
    #[command(flatten)]
    place: Place,
    /// Why.
    #[arg(long, value_enum, default_value = "unspecified")]
    reason: Reason,
    #[command(flatten)]
    unlock: Unlock,
    /// One JSON object: the serial numbers that were revoked, and the files that were written.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let folder = Folder(args.place.folder.clone());
    let role = if args.what == INTERMEDIATE {
        Role::Root
    } else {
        Role::Intermediate
    };
    let keys = folder.keys(&[role], &args.unlock, environment)?;
    let held = folder.hold()?;
    let mut authority = folder.authority(keys, environment, &held)?;
    let serials = match role {
        Role::Root => {
            Folder::means_the_intermediate(&authority.index, INTERMEDIATE)?;
            authority.revoke_intermediate(args.reason, now())
        }
        Role::Intermediate => revoke(&mut authority, &folder, args)?,
    };
    // Also when it was revoked before: whoever was broken off then asks again now.
    let (_, written) = lists::renew(&folder, &mut authority, &[role], None)?;
    if args.json {
        let written = written.iter().map(|path| path.display().to_string());
        out.line(&json!({ "revoked": serials, "written": written.collect::<Vec<_>>() }).to_string());
        return Ok(());
    }
    for serial in &serials {
        out.line(&format!("revoked: {serial}"));
    }
    if serials.is_empty() {
        out.line("it was revoked before, or had ended; the lists were made anew");
    }
    for path in &written {
        out.line(&format!("written: {}", path.display()));
    }
    out.line("It takes effect where the new lists are read.");
    Ok(())
}

/// The serial numbers that are called back now.
fn revoke(authority: &mut Authority, folder: &Folder, args: &Args) -> Result<Vec<String>, String> {
    let places = folder.places(&authority.index, &args.what)?;
    let now = now();
    let several = places.len() > 1;
    let mut serials = Vec::new();
    for place in places {
        let Some(record) = authority.index.certificates.get(place) else {
            continue;
        };
        // What has ended by itself is in nobody's way; one that was named alone is called back all the same.
        if several && record.status(now) == Status::Expired {
            continue;
        }
        let serial = record.serial.clone();
        if authority.revoke(place, args.reason, now) {
            serials.push(serial);
        }
    }
    Ok(serials)
}
