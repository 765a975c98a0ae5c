//! Our provider, running, and somebody with a certificate who visits its clients with curl.

use crate::certificates::site::{ca, openssl};
use crate::curl::{Place, curl, follow, succeed};
use crate::fronts::gateway;
use crate::process::{Folder, Process, until, until_open};
use std::net::SocketAddr;
use std::process::Command;

/// Whose certificate it is.
pub(super) const ANN: &str = "ann@home.example";
/// The secret of every client.
pub(super) const SECRET: &str = "a secret of 40 letters, spaces and %2F +";

/// The lines of a client that proves itself by it.
pub(super) const BY_SECRET: &str = "client_secret = { file = \"client-secret\" }\n";
/// The lines of one that proves itself by what it signs with the key in `client.key`.
pub(super) const BY_KEY: &str = "jwks = \"client.pub\"\n";

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) folder: Folder,
    pub(super) issuer: String,
    gateway: Process,
    address: SocketAddr,
}

impl Provider {
    /// One whose only client is `app`, with this redirect URI. It is known by the one name that every program finds on
    /// this machine without being told.
    pub(super) fn start(address: SocketAddr, redirect_uri: &str) -> Self {
        Self::with_client(address, redirect_uri, BY_SECRET)
    }

    /// The same, with these lines about the client.
    pub(super) fn with_client(address: SocketAddr, redirect_uri: &str, client: &str) -> Self {
        let key = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out provider.key";
        let signs = "key = { file = \"provider.key\" }";
        Self::of(address, redirect_uri, (signs, Some(key)), client)
    }

    /// The same, with these lines about what it signs with, and the key file that this command of OpenSSL makes.
    pub(super) fn signing(address: SocketAddr, redirect_uri: &str, signs: &str, key: Option<&str>) -> Self {
        Self::of(address, redirect_uri, (signs, key), BY_SECRET)
    }

    fn of(address: SocketAddr, redirect_uri: &str, (signs, key): (&str, Option<&str>), client: &str) -> Self {
        let folder = Folder::new();
        ca(&folder, &["init", "--name", "Example"]);
        ca(&folder, &["issue", "server", "localhost"]);
        ca(&folder, &["issue", "client", ANN]);
        let issuer = format!("https://localhost:{}", address.port());
        let configuration = format!(
            r#"config = 1

[[listen]]
address = "{address}"
speak   = "reverse-proxy"

[[listen.host]]
names               = ["localhost"]
certificate         = "ca/issued/localhost.crt"
key                 = {{ file = "ca/issued/localhost.key" }}
client_certificates = {{ mode = "ask", by = ["certificate.people"] }}

[certificate.people]
authorities = "ca/authorities.pem"
crls        = "ca/crls.pem"
subject     = "san.email"

[openid_provider]
issuer       = "{issuer}"
certificates = ["certificate.people"]
{signs}

[openid_provider.client.app]
redirect_uris = ["{redirect_uri}"]
{client}"#
        );
        folder.write("countersign.toml", configuration);
        folder.write_secret("client-secret", SECRET);
        // What OpenSSL makes is its user's alone.
        if let Some(key) = key {
            openssl(&folder, key);
        }
        if client.contains(BY_KEY) {
            openssl(
                &folder,
                "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out client.key",
            );
            openssl(&folder, "pkey -in client.key -pubout -out client.pub");
        }
        Self {
            gateway: running(&folder, address),
            folder,
            issuer,
            address,
        }
    }

    /// Stops, and starts again.
    pub(super) fn restart(&mut self) {
        self.gateway.signal("TERM");
        until("the gateway to end", || self.gateway.has_ended());
        self.gateway = running(&self.folder, self.address);
    }

    /// What is shown at `url` to whoever sends these fields as a form.
    pub(super) fn post(&self, url: &str, fields: &[(&str, &str)]) -> String {
        let mut command = self.curl(url);
        for (name, value) in fields {
            command.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        succeed(&mut command)
    }

    /// Where a browser with a certificate that goes to `url` is sent.
    pub(super) fn sends_to(&self, url: &str) -> String {
        succeed(self.curl(url).args(["-o", "answer", "-w", "%{redirect_url}"]))
    }

    /// Where such a browser ends up.
    pub(super) fn follow(&self, url: &str) -> Place {
        follow(self.curl(url))
    }

    fn curl(&self, url: &str) -> Command {
        let mut command = curl(&self.folder);
        command
            .args(["-c", "jar", "-b", "jar"])
            .args(["--cert", &format!("ca/issued/{ANN}.crt")])
            .args(["--key", &format!("ca/issued/{ANN}.key")])
            .args(["-H", "Accept: text/html", url]);
        command
    }
}

fn running(folder: &Folder, address: SocketAddr) -> Process {
    let configuration = folder.0.join("countersign.toml");
    let mut gateway = gateway(&configuration, &folder.0.join("state"));
    until_open(&mut gateway, address);
    gateway
}
