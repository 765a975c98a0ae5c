//! Our provider, running, and somebody with a certificate who visits its clients with curl.

use crate::certificates::site::{ca, openssl};
use crate::fronts::gateway;
use crate::process::{Folder, Process, until, until_open};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// Whose certificate it is.
pub(super) const ANN: &str = "ann@home.example";
/// The secret of every client.
pub(super) const SECRET: &str = "a secret of 40 letters, spaces and %2F +";

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
        let key = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out provider.key";
        let signs = "key = { file = \"provider.key\" }";
        Self::signing(address, redirect_uri, signs, Some(key))
    }

    /// The same, with these lines about what it signs with, and the key file that this command of OpenSSL makes.
    pub(super) fn signing(address: SocketAddr, redirect_uri: &str, signs: &str, key: Option<&str>) -> Self {
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
client_secret = {{ file = "client-secret" }}
"#
        );
        folder.write("countersign.toml", configuration);
        folder.write("client-secret", SECRET);
        if let Some(key) = key {
            openssl(&folder, key);
        }
        for secret in ["client-secret", "provider.key"] {
            if !folder.0.join(secret).exists() {
                continue;
            }
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(folder.0.join(secret), private).unwrap();
        }
        let mut gateway = gateway(&folder.0.join("countersign.toml"), &folder.0.join("state"));
        until_open(&mut gateway, address);
        Self {
            folder,
            issuer,
            gateway,
            address,
        }
    }

    /// Stops, and starts again.
    pub(super) fn restart(&mut self) {
        self.gateway.signal("TERM");
        until("the gateway to end", || self.gateway.has_ended());
        let (configuration, state) = (
            self.folder.0.join("countersign.toml"),
            self.folder.0.join("state"),
        );
        self.gateway = gateway(&configuration, &state);
        until_open(&mut self.gateway, self.address);
    }

    /// What is shown at `url` to whoever sends these fields as a form.
    pub(super) fn post(&self, url: &str, fields: &[(&str, &str)]) -> String {
        let mut command = self.curl(url);
        for (name, value) in fields {
            command.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    /// Where a browser with a certificate that goes to `url` is sent.
    pub(super) fn sends_to(&self, url: &str) -> String {
        let output = self
            .curl(url)
            .args(["-o", "answer", "-w", "%{redirect_url}"])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// Where such a browser ends up, the status there, and what it is shown.
    pub(super) fn follow(&self, url: &str) -> (String, u16, String) {
        let mut command = self.curl(url);
        command.args(["-L", "-w", "\n%{http_code} %{url_effective}"]);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{url}: {told}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, end) = text.rsplit_once('\n').unwrap();
        let (status, url) = end.split_once(' ').unwrap();
        (url.to_owned(), status.parse().unwrap(), body.to_owned())
    }

    fn curl(&self, url: &str) -> Command {
        let mut command = Command::new("curl");
        command
            .args(["-s", "-S", "--max-time", "30", "--noproxy", "*"])
            .args(["--cacert", "ca/root.crt", "-c", "jar", "-b", "jar"])
            .args(["--cert", &format!("ca/issued/{ANN}.crt")])
            .args(["--key", &format!("ca/issued/{ANN}.key")])
            .args(["-H", "Accept: text/html", url])
            .current_dir(&self.folder.0);
        command
    }
}
