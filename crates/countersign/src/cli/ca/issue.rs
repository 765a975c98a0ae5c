//! Certificates with new keys.

use super::folder::Folder;
use super::init::make_folder;
use super::passphrase::Unlock;
use super::written::{PUBLIC, SECRET, Staged, told};
use super::{Place, day, days, now, rfc_3339};
use crate::ca::index::{Index, Record, Status, days_left, is_serial};
use crate::ca::names::{Kind, Name};
use crate::ca::{Issued, PrivateKey, Role, Wish};
use crate::config::Environment;
use crate::output::Output;
use clap::Subcommand;
use countersign_edge::system::OsEntropy;
use serde_json::json;
use std::path::{Path, PathBuf};

/// For whom.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Issue {
    /// For a server: DNS names and addresses, all that clients call it by.
    #[command(after_help = "\
NAME.crt holds the certificate and the intermediate's, NAME.key its key: what nginx calls
ssl_certificate and ssl_certificate_key. NAME is the first of the names; `*` is written `_`.

  countersign ca issue server app.example www.app.example 10.0.0.7
  countersign ca issue server '*.example.org' --days 30
  countersign ca issue server localhost 127.0.0.1 ::1 --output /etc/nginx/tls")]
    Server(Args),
    /// For a client: an e-mail address, a URI, or a name in words.
    #[command(after_help = "\
An e-mail address or a URI becomes an alternative name, a name in words the common name.

  countersign ca issue client ann@example.org
  countersign ca issue client \"Ann Example\" ann@example.org --days 30
  countersign ca issue client https://example.org/users/7
  countersign ca issue client backup --file backup-2")]
    Client(Args),
    /// For a workload: its SPIFFE ID.
    #[command(after_help = "\
An X.509-SVID, for client and server at once. It holds for one day, at most for seven: have it
renewed by a timer.

  countersign ca issue workload spiffe://example.org/billing
  countersign ca issue workload spiffe://example.org/ns/prod/sa/web --days 7 --file web")]
    Workload(Args),
}

/// How long what is issued holds, and where it goes.
#[derive(Debug, clap::Args)]
pub(super) struct ToIssue {
    /// How many days it holds. Otherwise 90 for servers and clients, at most 397; 1 for workloads, at most 7.
    #[arg(long)]
    pub(super) days: Option<u32>,
    /// What its files are called, without their ending, instead of the first name.
    #[arg(long, value_name = "NAME")]
    pub(super) file: Option<String>,
    /// Where its files go, instead of `issued` in the authority's folder.
    #[arg(long, value_name = "FOLDER")]
    pub(super) output: Option<PathBuf>,
}

/// What to issue.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The names, the most important one first.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    issued: ToIssue,
    #[command(flatten)]
    unlock: Unlock,
    /// One JSON object: what was issued, and the files that were written.
    #[arg(long)]
    json: bool,
}

/// Issues.
pub(super) fn run(command: &Issue, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let (kind, args) = match command {
        Issue::Server(args) => (Kind::Server, args),
        Issue::Client(args) => (Kind::Client, args),
        Issue::Workload(args) => (Kind::Workload, args),
    };
    let names = Name::parse_all(kind, &args.names).map_err(|error| error.to_string())?;
    let stem = stem(args.issued.file.as_deref(), &names)?;
    let folder = Folder(args.place.folder.clone());
    let keys = folder.keys(&[Role::Intermediate], &args.unlock, environment)?;
    let held = folder.hold()?;
    let mut authority = folder.authority(keys, environment, &held)?;
    let elsewhere = args.issued.output.as_deref().map(absolute).transpose()?;
    let files = Files::new(
        &elsewhere
            .as_deref()
            .map_or_else(|| folder.issued(), PathBuf::from),
        &stem,
    );
    // First: to renew what is another's would give it away.
    must_be_nobodys(&authority.index, &stem, elsewhere.as_deref(), (kind, &names))?;
    files.must_be_new()?;
    let key = PrivateKey::generate().map_err(|error| error.to_string())?;
    let wish = Wish {
        kind,
        names: &names,
        days: args.issued.days.unwrap_or(crate::ca::days(kind).0),
        file: &stem,
        folder: elsewhere.as_deref(),
        requested: false,
    };
    let issued = authority.issue(wish, key.public_half(), now(), &OsEntropy::new());
    let issued = issued.map_err(|error| error.to_string())?;
    let staged = files.stage(&issued.chain, Some(&key))?;
    // From here on it can be revoked, whatever becomes of its files.
    folder.save(&authority.index)?;
    let written = staged
        .into_iter()
        .map(Staged::place)
        .collect::<Result<Vec<_>, _>>()?;
    tell(&issued, &written, args.json, out);
    Ok(())
}

/// What its files are called.
pub(super) fn stem(named: Option<&str>, names: &[Name]) -> Result<String, String> {
    let Some(named) = named else {
        let stem = names.first().map(Name::file_stem).unwrap_or_default();
        return means_nothing_else(&stem).map(|()| stem);
    };
    // Two that look the same would be taken for one: é may be one letter or two.
    let plain = |character: char| character == ' ' || character.is_ascii_graphic() && character != '/';
    let whole = named.trim() == named && !named.contains("  ") && named.chars().all(plain);
    if named.is_empty() || named.starts_with(['.', '-']) || named.len() > 120 || !whole {
        return Err(format!(
            "--file {named:?} is no name for files: at most 120 letters, digits and signs of ASCII, no `/`, spaces one by one \
             and not around it, neither `.` nor `-` first; folders are --output's"
        ));
    }
    means_nothing_else(named).map(|()| named.to_owned())
}

/// What the files of a certificate end with, which is never part of their name.
const ENDINGS: [&str; 4] = [".crt", ".key", ".p12", ".csr"];

/// Refuses a name of files that means something else to the commands that take one: whoever revokes by it would revoke
/// another.
fn means_nothing_else(stem: &str) -> Result<(), String> {
    let role = [Role::Root, Role::Intermediate]
        .into_iter()
        .find(|role| stem.eq_ignore_ascii_case(role.word()));
    let what = match role {
        Some(role) => format!("the {} itself", role.word()),
        None if is_serial(stem) => "a serial number".to_owned(),
        None if ENDINGS.iter().any(|ending| stem.ends_with(ending)) => "a file".to_owned(),
        None => return Ok(()),
    };
    Err(format!(
        "{stem:?} means {what} where certificates are named: give its files another name with --file"
    ))
}

/// Whether a certificate is for just these names.
pub(super) fn same_names(record: &Record, kind: Kind, names: &[Name]) -> bool {
    record.is_for(kind, &names.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Refuses a name of files under which another certificate holds: whoever revokes or renews by it would mean both.
pub(super) fn must_be_nobodys(
    index: &Index,
    stem: &str,
    folder: Option<&str>,
    (kind, names): (Kind, &[Name]),
) -> Result<(), String> {
    let mut records = index.certificates.iter().filter(|record| record.file == stem);
    let other = records.find(|record| {
        let same = same_names(record, kind, names) && record.folder.as_deref() == folder;
        !same && record.status(now()) == Status::Valid
    });
    other.map_or(Ok(()), |other| {
        Err(format!(
            "{stem:?} is what the files of {} {} are called already: give these another name with --file",
            other.kind.word(),
            other.names.join(", ")
        ))
    })
}

/// A folder of somebody else's, by its whole path, so that it is found again from anywhere.
pub(super) fn absolute(folder: &Path) -> Result<String, String> {
    let path = std::path::absolute(folder).map_err(|error| told(folder, &error))?;
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("{}: its path is no text", folder.display()))
}

/// Where a certificate and its key go.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Files {
    pub(super) fn new(folder: &Path, stem: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            certificate: folder.join(format!("{stem}.crt")),
            key: folder.join(format!("{stem}.key")),
        }
    }

    /// Refuses to overwrite.
    pub(super) fn must_be_new(&self) -> Result<(), String> {
        let mut there = [&self.certificate, &self.key]
            .into_iter()
            .filter(|path| path.exists());
        match there.next() {
            None => Ok(()),
            Some(path) => Err(format!(
                "{} is there already, and nothing is overwritten: `countersign ca renew` makes it hold again, --file gives \
                 the new one another name",
                path.display()
            )),
        }
    }

    /// Writes both beside their places, the key first.
    pub(super) fn stage(&self, chain: &str, key: Option<&PrivateKey>) -> Result<Vec<Staged>, String> {
        make_folder(&self.folder)?;
        let mut staged = Vec::new();
        if let Some(key) = key {
            staged.push(Staged::write(
                &self.key,
                key.to_pem().expose().as_bytes(),
                SECRET,
            )?);
        }
        staged.push(Staged::write(&self.certificate, chain.as_bytes(), PUBLIC)?);
        Ok(staged)
    }
}

/// What was issued, and where it is.
pub(super) fn tell(issued: &Issued, written: &[PathBuf], json: bool, out: &mut Output) {
    let record = &issued.record;
    if json {
        let mut report = record_json(record);
        let written = written.iter().map(|path| path.display().to_string());
        if let Some(report) = report.as_object_mut() {
            report.insert("written".to_owned(), written.collect::<Vec<_>>().into());
        }
        out.line(&report.to_string());
        return;
    }
    let (kind, names) = (record.kind.word(), record.names.join(", "));
    let left = days(days_left(record.not_after, now()));
    out.line(&format!(
        "{kind} {names}: until {} ({left}), serial {}",
        day(record.not_after),
        record.serial
    ));
    for path in written {
        out.line(&format!("written: {}", path.display()));
    }
    if issued.shortened {
        out.error_line("note: it ends with the intermediate, earlier than asked; `countersign ca renew intermediate` first");
    }
}

/// That the certificate before still holds.
pub(super) fn tell_former(record: &Record, out: &mut Output) {
    let (until, serial) = (day(record.not_after), &record.serial);
    out.line(&format!(
        "the one before holds until {until}; `countersign ca revoke {serial}` ends it now"
    ));
}

/// A certificate for a program.
pub(super) fn record_json(record: &Record) -> serde_json::Value {
    json!({
        "file": record.file,
        "kind": record.kind,
        "names": record.names,
        "serial": record.serial,
        "not_before": rfc_3339(record.not_before),
        "not_after": rfc_3339(record.not_after),
        "sha256": record.sha256,
    })
}
