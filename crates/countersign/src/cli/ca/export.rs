//! A certificate with its key in one file, for browsers and phones.

use super::folder::Folder;
use super::issue::Files;
use super::written::{SECRET, Staged, folder_of};
use super::{Place, day, now, renew};
use crate::ca::Role;
use crate::ca::index::Status;
use crate::ca::pkcs12::{Bundle, bundle, password};
use crate::config::Environment;
use crate::output::Output;
use countersign_edge::system::OsEntropy;
use serde_json::json;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What files of this kind end with.
const BUNDLES: [&str; 2] = ["p12", "pfx"];

/// What to export.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The name of its files, without their ending.
    name: String,
    /// As PKCS#12: AES-256 and SHA-256, which everything reads that was made since 2022.
    #[arg(long, required = true)]
    pkcs12: bool,
    /// With 3DES and SHA-1, for older phones and keychains. Its password is all that protects it: remove the file when it
    /// is imported.
    #[arg(long)]
    legacy: bool,
    /// The file to write, instead of NAME.p12 beside the certificate. A PKCS#12 file that is there is replaced, and no other.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// One JSON object: the file and its password.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let folder = Folder(args.place.folder.clone());
    let _held = folder.hold()?;
    let index = folder.index()?;
    let newest = folder
        .places(&index, &args.name)?
        .last()
        .copied()
        .unwrap_or_default();
    let record = index.certificates.get(newest).ok_or("the index changed")?;
    match (record.status(now()), &record.revoked) {
        (Status::Valid, _) => {}
        (Status::Expired, _) => {
            let (file, on) = (&record.file, day(record.not_after));
            return Err(format!(
                "{file} has ended on {on}: `countersign ca renew {file}` makes it hold again"
            ));
        }
        (Status::Revoked, _) => return Err(format!("{} was revoked, and nobody would take it", record.file)),
    }
    let files = Files::new(&folder.of(record), &record.file);
    let key = renew::kept(&files.key)?;
    let paths = [
        files.certificate.clone(),
        folder.certificate(Role::Intermediate),
        folder.certificate(Role::Root),
    ];
    let certificates = paths.iter().map(|path| renew::certificate(path, environment));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    if certificates.first().is_none_or(|own| !key.is_of(own)) {
        return Err(format!(
            "{} is not the key of {}: `countersign ca renew {}` makes a new pair",
            files.key.display(),
            files.certificate.display(),
            record.file
        ));
    }
    let form = if args.legacy {
        Bundle::Legacy
    } else {
        Bundle::Modern
    };
    let entropy = OsEntropy::new();
    let password = password(&entropy);
    let name = record.names.first().map_or(record.file.as_str(), String::as_str);
    let bytes =
        bundle(form, &key, &certificates, name, &password, &entropy).map_err(|error| error.to_string())?;
    let beside = files.certificate.with_file_name(format!("{}.p12", record.file));
    let path = args.output.clone().unwrap_or(beside);
    refuse_own(&path, &folder)?;
    refuse_another(&path)?;
    let staged = Staged::write(&path, &bytes, SECRET)?;
    let shown = path.display().to_string();
    if args.json {
        out.line(&json!({ "written": [shown], "password": password.expose() }).to_string());
    } else {
        out.line(&format!("password: {}", password.expose()));
        out.line("It is shown this once, and kept nowhere.");
        out.line(&format!("written: {shown}"));
    }
    // A file whose password nobody has seen is of no use.
    if out.lost().is_some() {
        return Err(format!(
            "{shown}: not written, for its password could not be shown"
        ));
    }
    staged.place().map(drop)
}

/// Refuses a place that the authority keeps for its own files, there or not: of those in its folders only bundles are
/// anybody's to name.
fn refuse_own(path: &Path, folder: &Folder) -> Result<(), String> {
    let whole = |path: &Path| std::fs::canonicalize(path);
    let real = whole(path).or_else(|_| {
        let name = path.file_name().unwrap_or_default();
        whole(folder_of(path)).map(|folder| folder.join(name))
    });
    // Where there is no folder nothing is written.
    let Ok(real) = real else { return Ok(()) };
    let own = [whole(&folder.0), whole(&folder.issued())];
    let inside = own.iter().flatten().any(|own| folder_of(&real) == own);
    let ending = real.extension().and_then(|ending| ending.to_str());
    let bundle =
        ending.is_some_and(|ending| BUNDLES.iter().any(|bundle| ending.eq_ignore_ascii_case(bundle)));
    let hidden = real
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    if inside && (hidden || !bundle) {
        return Err(format!(
            "{} is among the authority's own files: give --output another folder, or a name that ends in .p12",
            path.display()
        ));
    }
    Ok(())
}

/// Refuses to take the place of what is no PKCS#12 file: a key of the authority, say.
fn refuse_another(path: &Path) -> Result<(), String> {
    let Ok(facts) = std::fs::metadata(path) else {
        return Ok(());
    };
    let mut begins = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read(&mut begins));
    let begins = begins.get(..read.unwrap_or_default()).unwrap_or_default();
    let replaceable = facts.is_file() && (facts.len() == 0 || is_bundle(begins));
    replaceable.then_some(()).ok_or_else(|| {
        format!(
            "{} is there and is no PKCS#12 file: nothing else is overwritten, give --output another name",
            path.display()
        )
    })
}

/// Whether these bytes begin a PKCS#12 file: a sequence, and version 3 in it.
fn is_bundle(begins: &[u8]) -> bool {
    let length = match begins {
        [0x30, short, ..] if *short <= 0x80 => 2,
        [0x30, long, ..] => 2 + usize::from(*long & 0x7f),
        _ => return false,
    };
    begins
        .get(length..)
        .is_some_and(|rest| rest.starts_with(&[2, 1, 3]))
}
