//! The authority of these measurements: a root, an intermediate, a server, and as many clients as are wanted. Its keys are
//! the test kit's, so that whoever makes it has the same; nothing it signs holds anywhere else.

use crate::Failure;
use aws_lc_rs::digest::{SHA256, digest};
use maker::{Authority, Key, Revocations, San, Template, pem};
use std::path::Path;

/// The test kit's, which stands above this crate but needs nothing of what stands between.
#[path = "../../../crates/testkit/src/pki.rs"]
#[expect(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the test kit's, where it is public"
)]
mod maker;

/// The server's name.
pub(crate) const HOST: &str = "app.bench.test";
/// What is asked for.
pub(crate) const PATH: &str = "/check";
/// The subject of every client's certificate, in an answer's header.
pub(super) const SUBJECT: &str = "CN=ann";
/// The key of every client.
pub(crate) const CLIENT_KEY: Key = Key(4);

const NOT_BEFORE: &str = "20250101000000Z";
const NOT_AFTER: &str = "20350101000000Z";

/// The authority.
pub(crate) struct Pki {
    root: Authority,
    intermediate: Authority,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let root = Authority::root("Bench Root", Key(1));
        let intermediate = root.under("Bench Intermediate", Key(2));
        Self { root, intermediate }
    }

    /// What clients trust.
    pub(crate) fn server_root(&self) -> &[u8] {
        &self.root.certificate
    }

    /// A client's chain, leaf first. `name` makes it another than the rest.
    pub(crate) fn client(&self, name: &str) -> [Vec<u8>; 2] {
        self.issued(name, "ann")
    }

    /// The same of another person for each `name`.
    pub(crate) fn person(&self, name: &str) -> [Vec<u8>; 2] {
        self.issued(name, name)
    }

    fn issued(&self, name: &str, person: &str) -> [Vec<u8>; 2] {
        let (uri, email) = (
            format!("spiffe://bench.test/{person}"),
            format!("{person}@bench.test"),
        );
        let template = Template::client("ann", CLIENT_KEY)
            .serial(&serial(name))
            .names(&[San::Uri(&uri), San::Email(&email)]);
        [
            self.intermediate.issue(&template),
            self.intermediate.certificate.clone(),
        ]
    }

    /// Writes what servers need into `folder`: `root.pem`, `server.pem` and `server.key`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::write(folder.join("root.pem"), self.root.pem())?;
        std::fs::write(folder.join("server.key"), Key(3).pem())?;
        self.write_server(folder, "server", HOST)
    }

    /// Writes `file.pem`: the chain of a server called `name`, whose key is `server.key`.
    pub(crate) fn write_server(&self, folder: &Path, file: &str, name: &str) -> Result<(), Failure> {
        let server = self.intermediate.issue(&Template::server(name, Key(3)));
        let chain = pem("CERTIFICATE", &server) + &self.intermediate.pem();
        std::fs::write(folder.join(format!("{file}.pem")), chain)?;
        Ok(())
    }

    /// The root's list and the intermediate's of this number, which revokes so many certificates, in PEM.
    pub(crate) fn lists(&self, number: u8, revoked: usize) -> String {
        let list = |authority: &Authority, revoked: usize| {
            let serials = (0..revoked).map(|number| serial(&format!("revoked {number}")));
            let serials = serials.collect::<Vec<_>>();
            let serials = serials.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>();
            let list = Revocations::of(&serials).updated(NOT_BEFORE, Some(NOT_AFTER));
            let list = list.number(number);
            pem("X509 CRL", &authority.revoke(&list))
        };
        list(&self.root, 0) + &list(&self.intermediate, revoked)
    }
}

/// A serial number as good authorities choose them: 16 bytes that nobody could guess.
fn serial(name: &str) -> [u8; 16] {
    let digest = digest(&SHA256, name.as_bytes());
    let mut serial = [0; 16];
    for (byte, digit) in serial.iter_mut().zip(digest.as_ref()) {
        *byte = *digit;
    }
    // Positive, and no zeros in front.
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    serial
}
