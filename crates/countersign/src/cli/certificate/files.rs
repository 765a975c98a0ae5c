//! Certificates and revocation lists in files, or on standard input.

use crate::config::Environment;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, MAX_CRL_BYTES};
use countersign_x509::pem::sections;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

/// The most that is read from standard input. A chain is 32 KiB at most.
const MAX_INPUT_BYTES: u64 = 1024 * 1024;
/// How DER of a certificate begins.
const SEQUENCE: u8 = 0x30;
/// The version of PKCS #12, as an INTEGER.
const PKCS12_VERSION: &[u8] = &[2, 1, 3];

/// The certificates of `path`, or of standard input: PEM, of which other sections (a key, say) are passed over, or one in
/// DER. One at least.
pub(super) fn chain(
    path: Option<&Path>,
    environment: &Environment,
    say: impl FnOnce(&str),
) -> Result<Vec<Vec<u8>>, String> {
    let name = path.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    let bytes = match path {
        Some(path) => environment.whole(path)?,
        None => input(say)?,
    };
    if is_pkcs12(&bytes) {
        return Err(format!(
            "{name} is PKCS #12: a certificate with its key, under a passphrase\n\
             help: `openssl pkcs12 -in FILE -nokeys` writes its certificates in PEM (with `-legacy` those of an old file)"
        ));
    }
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(vec![bytes]);
    }
    let sections = sections(&bytes).map_err(|error| format!("{name}: {error}"))?;
    let (certificates, others) = sections
        .into_iter()
        .partition::<Vec<_>, _>(|section| section.label == "CERTIFICATE");
    match (certificates.is_empty(), others.first()) {
        (false, _) => Ok(certificates.into_iter().map(|section| section.der).collect()),
        (true, Some(other)) => Err(format!(
            "{name} holds no certificate, but a section `{}`",
            other.label.escape_default()
        )),
        (true, None) => Err(format!("{name} holds no certificate in PEM or DER")),
    }
}

/// Whether it begins as PKCS #12 does (RFC 7292): with a version, where a certificate has what was signed.
fn is_pkcs12(bytes: &[u8]) -> bool {
    let Some((&SEQUENCE, [length, rest @ ..])) = bytes.split_first() else {
        return false;
    };
    // A long length says in how many bytes it stands; one that stands at the end, in none.
    let longer = if *length < 0x80 {
        0
    } else {
        usize::from(length & 0x7f)
    };
    rest.get(longer..)
        .is_some_and(|content| content.starts_with(PKCS12_VERSION))
}

fn input(say: impl FnOnce(&str)) -> Result<Vec<u8>, String> {
    let input = io::stdin();
    if input.is_terminal() {
        say("A certificate in PEM, and what it came with; Ctrl-D ends.");
    }
    let mut bytes = Vec::new();
    let read = input.lock().take(MAX_INPUT_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| format!("standard input: {error}"))?;
    Ok(bytes)
}

/// The authorities of these files.
pub(super) fn authorities(paths: &[PathBuf], environment: &Environment) -> Result<Authorities, String> {
    let files = paths
        .iter()
        .map(|path| environment.whole(path))
        .collect::<Result<Vec<_>, _>>()?;
    let texts = files.iter().map(Vec::as_slice).collect::<Vec<_>>();
    Authorities::from_pem(&texts).map_err(|error| {
        let file = error.file().and_then(|file| paths.get(file));
        match file {
            Some(path) => format!("{}: {error}", path.display()),
            None => error.to_string(),
        }
    })
}

/// The revocation lists of a file.
pub(super) fn lists(path: &Path) -> Result<Vec<Crl>, String> {
    let told = |why: String| format!("{}: {why}", path.display());
    let file = File::open(path).map_err(|error| told(error.to_string()))?;
    // PEM takes a third more than what it holds; what is longer still is refused where it is read.
    let most = u64::try_from(MAX_CRL_BYTES).unwrap_or(u64::MAX).saturating_mul(2);
    let mut bytes = Vec::new();
    let read = file.take(most).read_to_end(&mut bytes);
    read.map_err(|error| told(error.to_string()))?;
    Crl::parse_all(&bytes).map_err(|error| told(error.to_string()))
}
