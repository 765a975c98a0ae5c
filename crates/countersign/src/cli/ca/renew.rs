//! Certificates made to hold again, under the same names.

use super::folder::Folder;
use super::issue::{self, Files};
use super::others;
use super::passphrase::Unlock;
use super::revoke::INTERMEDIATE;
use super::written::{PUBLIC, Staged};
use super::{Place, day, lists, now, rfc_3339};
use crate::ca::index::{Index, Record, Status, days_left};
use crate::ca::names::Name;
use crate::ca::{
    Authority, Foundation, Issued, PrivateKey, Role, Wish, certificate_pem, first_certificate, sha256,
};
use crate::config::Environment;
use crate::output::Output;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_edge::system::OsEntropy;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to renew.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The names of the files, without their ending, or serial numbers; `intermediate` is the intermediate itself.
    #[arg(required_unless_present = "due", value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// Only what has fewer days left than this; without a name, everything of which this is true but what ended as many days
    /// ago: that was let lapse.
    #[arg(long, value_name = "DAYS")]
    due: Option<u32>,
    /// How many days it holds from now. Otherwise as many as before.
    #[arg(long)]
    days: Option<u32>,
    /// Keep the key, instead of making a new one.
    #[arg(long)]
    keep_key: bool,
    #[command(flatten)]
    unlock: Unlock,
    /// One JSON object a line: what was issued, and the files that were written.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    if args.names.iter().any(|name| name == INTERMEDIATE) {
        if args.names.len() > 1 {
            return Err("the intermediate is renewed by itself: give its name alone".to_owned());
        }
        return intermediate(args, environment, out);
    }
    let folder = Folder(args.place.folder.clone());
    let keys = folder.keys(&[Role::Intermediate], &args.unlock, environment)?;
    let held = folder.hold()?;
    let mut authority = folder.authority(keys, environment, &held)?;
    let chosen = chosen(args, &folder, &authority.index)?;
    let mut failures = Vec::new();
    for place in &chosen {
        let Some(record) = authority.index.certificates.get(*place).cloned() else {
            continue;
        };
        match again(args, &folder, &mut authority, &record) {
            Ok((issued, written)) => {
                issue::tell(&issued, &written, args.json, out);
                if !args.json {
                    issue::tell_former(&record, out);
                }
            }
            // The others are due all the same.
            Err(why) => failures.push(why),
        }
    }
    if chosen.is_empty() && !args.json {
        out.line("nothing is due");
    }
    match failures.as_slice() {
        [] => Ok(()),
        [why] if chosen.len() == 1 => Err(why.clone()),
        several => Err(format!(
            "{} of {} not renewed: {}",
            several.len(),
            chosen.len(),
            several.join("; ")
        )),
    }
}

/// The newest certificates of the names that were given, or of all; those that are due, where that was asked.
fn chosen(args: &Args, folder: &Folder, index: &Index) -> Result<Vec<usize>, String> {
    let now = now();
    let due = |record: &Record| {
        args.due
            .is_none_or(|due| days_left(record.not_after, now) < i64::from(due))
    };
    let mut chosen = Vec::new();
    if args.names.is_empty() {
        let records = index.certificates.iter().enumerate();
        // Of each pair of files the last entry wins.
        let newest = records.map(|(place, record)| ((&record.file, &record.folder), (place, record)));
        let newest = newest.collect::<BTreeMap<_, _>>().into_values();
        // What was revoked or comes from a request is not renewed by a timer.
        let lapsed = |record: &Record| {
            args.due
                .is_some_and(|due| days_left(record.not_after, now) <= -i64::from(due))
        };
        let wanted = newest.filter(|(_, record)| due(record) && !lapsed(record));
        let wanted = wanted.filter(|(_, record)| record.revoked.is_none() && !record.requested);
        return Ok(wanted.map(|(place, _)| place).collect());
    }
    for name in &args.names {
        let places = folder.places(index, name)?;
        let newest = places.last().copied().unwrap_or_default();
        let Some(record) = index.certificates.get(newest) else {
            continue;
        };
        may_be_renewed(record, now)?;
        may_be_renewed(in_the_files(index, record)?, now)?;
        if due(record) && !chosen.contains(&newest) {
            chosen.push(newest);
        }
    }
    Ok(chosen)
}

/// The certificate whose files the new one would take the place of. Refuses where that is another's, or where another holds
/// under this name of files: whoever revokes by it would mean both.
fn in_the_files<'i>(index: &'i Index, record: &'i Record) -> Result<&'i Record, String> {
    let of_the_name = || {
        let records = index.certificates.iter().rev();
        records.filter(|other| other.file == record.file)
    };
    let last = of_the_name().find(|other| other.folder == record.folder);
    let last = last.unwrap_or(record);
    let mut others = of_the_name().filter(|other| !other.is_of_the_same(record));
    let holds = others.find(|other| other.status(now()) == Status::Valid);
    let other = holds.or_else(|| (!last.is_of_the_same(record)).then_some(last));
    other.map_or(Ok(last), |other| {
        Err(format!(
            "{} is what the files of {} {} are called now: issue {} anew under another --file",
            record.file,
            other.kind.word(),
            other.names.join(", "),
            record.names.join(", ")
        ))
    })
}

fn may_be_renewed(record: &Record, now: Timestamp) -> Result<(), String> {
    let file = &record.file;
    if let (Status::Revoked, Some(revoked)) = (record.status(now), &record.revoked) {
        return Err(format!(
            "{file} was revoked on {}: if it may hold again, issue it anew under another --file",
            day(revoked.at)
        ));
    }
    if record.requested {
        return Err(format!(
            "the key of {file} is not ours: have its owner send a new request, and `countersign ca sign` it"
        ));
    }
    Ok(())
}

/// The same again.
fn again(
    args: &Args,
    folder: &Folder,
    authority: &mut Authority,
    record: &Record,
) -> Result<(Issued, Vec<PathBuf>), String> {
    let told = |error: &dyn std::error::Error| format!("{}: {error}", record.file);
    let names = Name::parse_all(record.kind, &record.names).map_err(|error| told(&error))?;
    let files = Files::new(&folder.of(record), &record.file);
    let key = if args.keep_key {
        others::may_be_kept(&files.key, record.folder.is_none())?;
        its_own(&files, record)?
    } else {
        PrivateKey::generate().map_err(|error| told(&error))?
    };
    let wish = Wish {
        kind: record.kind,
        names: &names,
        days: args.days.unwrap_or(record.days),
        file: &record.file,
        folder: record.folder.as_deref(),
        requested: false,
    };
    let issued = authority.issue(wish, key.public_half(), now(), &OsEntropy::new());
    let issued = issued.map_err(|error| told(&error))?;
    let staged = files.stage(&issued.chain, (!args.keep_key).then_some(&key));
    let saved = staged.and_then(|staged| folder.save(&authority.index).map(|()| staged));
    let staged = saved.inspect_err(|_| {
        // Nobody has it, and the next one is remembered without it.
        authority.index.certificates.pop();
    })?;
    let written = staged.into_iter().map(Staged::place).collect::<Result<_, _>>()?;
    Ok((issued, written))
}

/// The key of the certificate that was issued last. Any other may be somebody else's.
fn its_own(files: &Files, record: &Record) -> Result<PrivateKey, String> {
    let otherwise = "without --keep-key a new one is made";
    let key = kept(&files.key)?;
    let certificate = certificate(&files.certificate, &Environment::real())?;
    let (path, shown) = (files.certificate.display(), files.key.display());
    if sha256(&certificate) != record.sha256 {
        return Err(format!(
            "{path} is not what was issued last for {}, and whose key it has is not known: {otherwise}",
            record.names.join(", ")
        ));
    }
    if !key.is_of(&certificate) {
        return Err(format!("{shown} is not the key of {path}: {otherwise}"));
    }
    Ok(key)
}

/// The first certificate of a file.
pub(super) fn certificate(path: &Path, environment: &Environment) -> Result<Vec<u8>, String> {
    let bytes = environment.whole(path)?;
    let text = String::from_utf8_lossy(&bytes);
    first_certificate(&text).ok_or_else(|| format!("{}: holds no certificate", path.display()))
}

/// The key that a certificate has.
pub(super) fn kept(path: &Path) -> Result<PrivateKey, String> {
    let bytes = Environment::real().whole(path)?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{}: is no text", path.display()))?;
    let text = Secret::new(text);
    PrivateKey::from_pem(text.expose(), None).map_err(|error| format!("{}: {error}", path.display()))
}

/// A new certificate for the intermediate's key.
fn intermediate(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let folder = Folder(args.place.folder.clone());
    let index = folder.index()?;
    Folder::means_the_intermediate(&index, INTERMEDIATE)?;
    let before = index
        .current(Role::Intermediate)
        .map_or(0, |record| record.not_after);
    if args
        .due
        .is_some_and(|due| days_left(before, now()) >= i64::from(due))
    {
        if !args.json {
            out.line("nothing is due");
        }
        return Ok(());
    }
    let keys = folder.keys(&[Role::Root, Role::Intermediate], &args.unlock, environment)?;
    let held = folder.hold()?;
    let mut authority = folder.authority(keys, environment, &held)?;
    let days = args.days.unwrap_or(Foundation::usual("").intermediate_days);
    let renewed = authority.renew_intermediate(days, now(), &OsEntropy::new());
    renewed.map_err(|error| error.to_string())?;
    // Killed after the index, the certificate before is still a known one, and this can be done again.
    let certificate = certificate_pem(&authority.intermediate);
    let staged = [
        Staged::write(
            &folder.certificate(Role::Intermediate),
            certificate.as_bytes(),
            PUBLIC,
        )?,
        Staged::write(&folder.authorities(), authority.chain().as_bytes(), PUBLIC)?,
    ];
    folder.save(&authority.index)?;
    let mut written = staged
        .into_iter()
        .map(Staged::place)
        .collect::<Result<Vec<_>, _>>()?;
    written.extend(lists::renew(&folder, &mut authority, &[Role::Intermediate], None)?.1);
    let until = authority
        .index
        .current(Role::Intermediate)
        .map_or(0, |record| record.not_after);
    if args.json {
        let written = written.iter().map(|path| path.display().to_string());
        let report = json!({ "intermediate": rfc_3339(until), "written": written.collect::<Vec<_>>() });
        out.line(&report.to_string());
        return Ok(());
    }
    out.line(&format!(
        "{}, until {}",
        authority.subject(Role::Intermediate),
        day(until)
    ));
    for path in &written {
        out.line(&format!("written: {}", path.display()));
    }
    out.line(&format!(
        "What was issued before carries the former one, until {}: renew it before then.",
        day(before)
    ));
    Ok(())
}
