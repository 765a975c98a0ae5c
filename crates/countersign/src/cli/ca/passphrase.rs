//! The passphrase of an authority's keys: out of a file, out of the environment, or asked for.

use crate::config::Environment;
use countersign_core::secret::Secret;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroize as _;

/// What a new passphrase has at least, in characters.
const SHORTEST: usize = 8;
/// The longest, in bytes.
const LONGEST: usize = 1024;

/// How locked keys are opened.
#[derive(Debug, clap::Args)]
pub(super) struct Unlock {
    /// The passphrase of the authority's keys: the first line of this file.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_env")]
    passphrase_file: Option<PathBuf>,
    /// The passphrase of the authority's keys: this variable of the environment.
    #[arg(long, value_name = "NAME")]
    passphrase_env: Option<String>,
}

impl Unlock {
    /// The passphrase that was given, if one was.
    pub(super) fn given(&self, environment: &Environment) -> Result<Option<Secret<Vec<u8>>>, String> {
        if let Some(path) = &self.passphrase_file {
            let mut bytes = environment.whole(path)?;
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
            bytes.zeroize();
            return sound(line, &format!("{}: its first line", path.display())).map(Some);
        }
        if let Some(name) = &self.passphrase_env {
            let value = (environment.variable)(name);
            let value = value.ok_or_else(|| format!("--passphrase-env: ${name} is not set"))?;
            return sound(value.into_bytes(), &format!("${name}")).map(Some);
        }
        Ok(None)
    }

    /// The passphrase, from whoever sits at the terminal.
    pub(super) fn asked(file: &Path) -> Result<Secret<Vec<u8>>, String> {
        let ask = format!("Passphrase of {}: ", file.display());
        sound(hidden_line(&ask)?, "the passphrase")
    }

    /// A new passphrase: as given, or asked for twice.
    pub(super) fn new_one(
        &self,
        ask: bool,
        environment: &Environment,
    ) -> Result<Option<Secret<Vec<u8>>>, String> {
        let passphrase = match self.given(environment)? {
            Some(given) => given,
            None if ask => {
                let first = sound(hidden_line("New passphrase: ")?, "the passphrase")?;
                let again = Secret::new(hidden_line("The same again: ")?);
                if !first.ct_eq(again.expose()) {
                    return Err("the two passphrases are not the same: nothing was made".to_owned());
                }
                first
            }
            None => return Ok(None),
        };
        let length = String::from_utf8_lossy(passphrase.expose()).chars().count();
        if length < SHORTEST {
            return Err(format!(
                "the passphrase has {length} characters, and {SHORTEST} are the least"
            ));
        }
        Ok(Some(passphrase))
    }
}

fn sound(passphrase: Vec<u8>, what: &str) -> Result<Secret<Vec<u8>>, String> {
    let passphrase = Secret::new(passphrase);
    match passphrase.expose().len() {
        0 => Err(format!("{what} is empty")),
        1..=LONGEST => Ok(passphrase),
        _ => Err(format!("{what} is longer than {LONGEST} bytes")),
    }
}

/// A line that is not shown while it is typed.
fn hidden_line(ask: &str) -> Result<Vec<u8>, String> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(
            "a passphrase is needed, and nobody can be asked: give --passphrase-file or --passphrase-env"
                .to_owned(),
        );
    }
    let failed = |error: std::io::Error| format!("the terminal: {error}");
    let mut error = std::io::stderr().lock();
    error.write_all(ask.as_bytes()).map_err(failed)?;
    error.flush().map_err(failed)?;
    let shown = tcgetattr(&input).map_err(|error| failed(error.into()))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Flush, &hidden).map_err(|error| failed(error.into()))?;
    let mut line = Vec::new();
    let read = input.lock().read_until(b'\n', &mut line);
    tcsetattr(&input, OptionalActions::Flush, &shown).map_err(|error| failed(error.into()))?;
    // The line break was not shown either.
    error.write_all(b"\n").map_err(failed)?;
    read.map_err(failed)?;
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(line)
}
