//! An authority is made.

use super::folder::Folder;
use super::passphrase::Unlock;
use super::written::{PUBLIC, SECRET, Staged, folder_of, told};
use super::{Place, day, lists, now, rfc_3339};
use crate::ca::index::AuthorityRecord;
use crate::ca::{Authority, Foundation, PrivateKey, Role, certificate_pem};
use crate::config::Environment;
use crate::output::Output;
use crate::state;
use countersign_core::secret::Secret;
use countersign_edge::system::OsEntropy;
use serde_json::json;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// What to make.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    place: Place,
    /// What the authority is called: `NAME Root CA` and `NAME Issuing CA`.
    #[arg(long, default_value = "Countersign")]
    name: String,
    /// How many days the root holds, at most 7300.
    #[arg(long, value_name = "DAYS", default_value = "3650")]
    root_days: u32,
    /// How many days the intermediate holds, at most 3650.
    #[arg(long, value_name = "DAYS", default_value = "1095")]
    intermediate_days: u32,
    /// Ask for a passphrase that locks the keys.
    #[arg(long)]
    passphrase: bool,
    #[command(flatten)]
    unlock: Unlock,
    /// One JSON object: the two certificates, and the files that were written.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<(), String> {
    let folder = Folder(args.place.folder.clone());
    refuse_another(&folder)?;
    let passphrase = args.unlock.new_one(args.passphrase, environment)?;
    let foundation = Foundation {
        name: &args.name,
        root_days: args.root_days,
        intermediate_days: args.intermediate_days,
    };
    let authority = Authority::found(foundation, now(), &OsEntropy::new());
    let mut authority = authority.map_err(|error| error.to_string())?;
    let written = put(&folder, &mut authority, passphrase.as_ref(), &[])?;
    if args.root_days < args.intermediate_days {
        out.error_line("note: the intermediate ends with the root, earlier than asked");
    }
    if args.json {
        out.line(&report(&authority, &written).to_string());
    } else {
        tell(&folder, &authority, &written, out);
    }
    Ok(())
}

/// Refuses a folder in which an authority is, or might be.
pub(super) fn refuse_another(folder: &Folder) -> Result<(), String> {
    let shown = folder.0.display();
    if folder.index_path().exists() {
        return Err(format!(
            "{shown} has an authority already, and nothing of it is overwritten: name another folder with --folder"
        ));
    }
    let mut parts = [Role::Root, Role::Intermediate]
        .into_iter()
        .flat_map(|role| [folder.key(role), folder.certificate(role)]);
    if let Some(part) = parts.find(|part| part.exists()) {
        return Err(format!(
            "{} is there, and no index.json: a `countersign ca init` that did not come to its end (then nothing was issued \
             by it, and the folder can be removed), or somebody else's; nothing was overwritten",
            part.display()
        ));
    }
    if state::is_open(&folder.0) {
        return Err(format!(
            "others can write into {shown}: `chmod go-w` it, or name another folder"
        ));
    }
    Ok(())
}

/// A file that comes with a new authority: where, what, and who may read it.
pub(super) type Further<'a> = (PathBuf, &'a [u8], u32);

/// Writes a new authority into its folder, and what comes with it: the index comes last, and is what makes it one. When
/// something cannot be written, what was is taken away again.
pub(super) fn put(
    folder: &Folder,
    authority: &mut Authority,
    passphrase: Option<&Secret<Vec<u8>>>,
    further: &[Further<'_>],
) -> Result<Vec<PathBuf>, String> {
    make_folder(&folder.0)?;
    let _held = folder.hold()?;
    // Another may have come first.
    refuse_another(folder)?;
    let lists = [Role::Intermediate, Role::Root].map(|role| lists::make(authority, role, None));
    let lists = lists.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut staged = Vec::new();
    let keys = [
        (Role::Root, &authority.root_key),
        (Role::Intermediate, &authority.intermediate_key),
    ];
    for (role, key) in keys {
        let Some(key) = key else { continue };
        let text = locked(key, passphrase)?;
        staged.push(Staged::write(
            &folder.key(role),
            text.expose().as_bytes(),
            SECRET,
        )?);
    }
    let root = certificate_pem(&authority.root);
    let intermediate = certificate_pem(&authority.intermediate);
    let certificates = [
        (folder.certificate(Role::Root), &root),
        (folder.certificate(Role::Intermediate), &intermediate),
        (folder.authorities(), &authority.chain()),
    ];
    for (path, text) in certificates {
        staged.push(Staged::write(&path, text.as_bytes(), PUBLIC)?);
    }
    for (path, text) in lists::files(folder, &lists)? {
        staged.push(Staged::write(&path, text.as_bytes(), PUBLIC)?);
    }
    for (path, bytes, mode) in further {
        make_folder(folder_of(path))?;
        staged.push(Staged::write(path, bytes, *mode)?);
    }
    let mut written = Vec::new();
    for file in staged {
        match file.place() {
            Ok(path) => written.push(path),
            Err(why) => return Err(undone(&written, &why)),
        }
    }
    match folder.save(&authority.index) {
        Ok(()) => written.push(folder.index_path()),
        Err(why) => return Err(undone(&written, &why)),
    }
    Ok(written)
}

fn locked(key: &PrivateKey, passphrase: Option<&Secret<Vec<u8>>>) -> Result<Secret<String>, String> {
    match passphrase {
        None => Ok(key.to_pem()),
        Some(passphrase) => key
            .to_locked_pem(passphrase, &OsEntropy::new())
            .map_err(|error| error.to_string()),
    }
}

/// Takes away what was made in vain.
fn undone(written: &[PathBuf], why: &str) -> String {
    for path in written {
        drop(std::fs::remove_file(path));
    }
    format!("{why}; nothing was made")
}

/// Makes the folder, for its owner alone.
pub(super) fn make_folder(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(|error| told(path, &error))
}

fn tell(folder: &Folder, authority: &Authority, written: &[PathBuf], out: &mut Output) {
    for role in [Role::Root, Role::Intermediate] {
        if let Some(record) = authority.index.current(role) {
            let (subject, until) = (authority.subject(role), day(record.not_after));
            out.line(&format!("{subject}, until {until}"));
            out.line(&format!("  SHA-256 {}", record.sha256));
        }
    }
    for path in written {
        out.line(&format!("written: {}", path.display()));
    }
    let shown = folder.0.display();
    out.line(&format!(
        "Whoever is to trust it needs {shown}/root.crt. {shown}/root.key can be moved to a safe place."
    ));
}

fn report(authority: &Authority, written: &[PathBuf]) -> serde_json::Value {
    let of = |role: Role| {
        let record = authority.index.current(role);
        record.map(|record| authority_json(authority, role, record))
    };
    let written = written.iter().map(|path| path.display().to_string());
    json!({
        "root": of(Role::Root),
        "intermediate": of(Role::Intermediate),
        "written": written.collect::<Vec<_>>(),
    })
}

fn authority_json(authority: &Authority, role: Role, record: &AuthorityRecord) -> serde_json::Value {
    json!({
        "subject": authority.subject(role),
        "serial": record.serial,
        "not_before": rfc_3339(record.not_before),
        "not_after": rfc_3339(record.not_after),
        "sha256": record.sha256,
    })
}
