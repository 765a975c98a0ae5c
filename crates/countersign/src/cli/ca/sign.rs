//! Somebody else's request, signed for the names that were confirmed.

use super::folder::Folder;
use super::issue::{self, Files};
use super::passphrase::Unlock;
use super::written::Staged;
use super::{Place, day, now, quoted};
use crate::ca::index::{Index, Record};
use crate::ca::names::{Kind, Name};
use crate::ca::request::Request;
use crate::ca::{Role, Wish, first_certificate, sha256};
use crate::config::Environment;
use crate::output::Output;
use countersign_edge::system::OsEntropy;
use std::path::PathBuf;

/// What to sign.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What the certificate is for.
    #[arg(value_enum)]
    kind: Kind,
    /// The request (PKCS#10, in PEM).
    request: PathBuf,
    /// A name that it asks for and shall have. All that it asks for must be named.
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    issued: issue::ToIssue,
    #[command(flatten)]
    unlock: Unlock,
    /// One JSON object: what was issued, and the file that was written.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", args.request.display());
    let bytes = environment.whole(&args.request)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| told(&"is no text; of a DER file `openssl req -inform der` makes one"))?;
    let request = Request::from_pem(&text).map_err(|why| told(&why))?;
    let asked = request.names(args.kind).map_err(|why| told(&why))?;
    confirmed(args, &asked)?;
    let stem = issue::stem(args.issued.file.as_deref(), &asked)?;
    let folder = Folder(args.place.folder.clone());
    let keys = folder.keys(&[Role::Intermediate], &args.unlock, environment)?;
    let held = folder.hold()?;
    let mut authority = folder.authority(keys, environment, &held)?;
    let elsewhere = args.issued.output.as_deref().map(issue::absolute).transpose()?;
    let files = Files::new(
        &elsewhere
            .as_deref()
            .map_or_else(|| folder.issued(), PathBuf::from),
        &stem,
    );
    let wish = Wish {
        kind: args.kind,
        names: &asked,
        days: args.issued.days.unwrap_or(crate::ca::days(args.kind).0),
        file: &stem,
        folder: elsewhere.as_deref(),
        requested: true,
    };
    let before = replaced(&authority.index, &folder, &wish, environment)?;
    if before.is_none() {
        issue::must_be_nobodys(&authority.index, &stem, elsewhere.as_deref(), (args.kind, &asked))?;
        files.must_be_new()?;
    }
    let issued = authority.issue(wish, request.key(), now(), &OsEntropy::new());
    let issued = issued.map_err(|error| error.to_string())?;
    let staged = files.stage(&issued.chain, None)?;
    folder.save(&authority.index)?;
    let written = staged
        .into_iter()
        .map(Staged::place)
        .collect::<Result<Vec<_>, _>>()?;
    issue::tell(&issued, &written, args.json, out);
    if let Some(before) = before.filter(|_| !args.json) {
        issue::tell_former(&before, out);
    }
    Ok(())
}

/// The certificate whose place the new one takes: the last of these files, when it came from a request for the same
/// purpose and the same names, and its file is the one that was written. Two names may make one name of files.
fn replaced(
    index: &Index,
    folder: &Folder,
    wish: &Wish<'_>,
    environment: &Environment,
) -> Result<Option<Record>, String> {
    let mut records = index.certificates.iter().rev();
    let last = records.find(|record| record.file == wish.file && record.folder.as_deref() == wish.folder);
    let same = |last: &Record| last.requested && issue::same_names(last, wish.kind, wish.names);
    let Some(last) = last.filter(|last| same(last)) else {
        return Ok(None);
    };
    let path = Files::new(&folder.of(last), wish.file).certificate;
    let bytes = environment.whole(&path).unwrap_or_default();
    let there = first_certificate(&String::from_utf8_lossy(&bytes)).map(|der| sha256(&der));
    if there.as_ref() != Some(&last.sha256) {
        return Ok(None);
    }
    match &last.revoked {
        Some(revoked) => Err(format!(
            "{} was revoked on {}: if it may hold again, sign the request under another --file",
            wish.file,
            day(revoked.at)
        )),
        None => Ok(Some(last.clone())),
    }
}

/// Whether just the names that are asked for were named on the command line.
fn confirmed(args: &Args, asked: &[Name]) -> Result<(), String> {
    let named = args.name.iter().map(|name| Name::parse(args.kind, name));
    let named = named
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("--name: {error}"))?;
    if let Some(further) = named.iter().find(|name| !asked.contains(name)) {
        return Err(format!(
            "--name {}: the request does not ask for it",
            quoted(&further.to_string())
        ));
    }
    if asked.iter().all(|name| named.contains(name)) {
        return Ok(());
    }
    let flags = asked
        .iter()
        .map(|name| format!(" --name={}", quoted(&name.to_string())));
    Err(format!(
        "{0} asks for {1}. If it shall have that: countersign ca sign {2} {3}{4}",
        args.request.display(),
        asked
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        args.kind.word(),
        quoted(&args.request.display().to_string()),
        flags.collect::<String>()
    ))
}
