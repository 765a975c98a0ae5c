//! The demo's authority, and what it issued: files in the demo's own folder.

use super::DemoError;
use crate::ca::{Quick, Quickstart};
use countersign_core::time::Clock as _;
use countersign_edge::system::{OsEntropy, SystemClock};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Where they are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The root and the intermediate.
    pub(super) authorities: PathBuf,
    pub(super) server: PathBuf,
    pub(super) server_key: PathBuf,
    pub(super) client: PathBuf,
    pub(super) client_key: PathBuf,
}

/// Makes an authority, a server's certificate and a client's, and writes them to `folder`, for its owner alone.
pub(super) fn make(folder: &Path) -> Result<Files, DemoError> {
    let wish = Quick {
        name: "Countersign demo",
        server: &["localhost", "127.0.0.1", "app.localhost"],
        client: &["ann@demo.test"],
    };
    let now = SystemClock::new().now().wall;
    let made = Quickstart::make(&wish, now, &OsEntropy::new())
        .map_err(|error| DemoError::Certificate(error.to_string()))?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok::<_, std::io::Error>(path)
    };
    Ok(Files {
        authorities: write("ca.pem", &made.authority.chain())?,
        server: write("server.crt", &made.server.issued.chain)?,
        server_key: write("server.key", made.server.key.to_pem().expose())?,
        client: write("client.crt", &made.client.issued.chain)?,
        client_key: write("client.key", made.client.key.to_pem().expose())?,
    })
}
