//! The place that is measured, and the provider at which people log in for it.

use super::visitor::{Site, log_in};
use crate::bench::measure::Server;
use crate::bench::servers::Bench;
use crate::{Failure, http, repository};
use serde_json::{Value, json};
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

/// The host that is asked for: no resolver knows it, and nothing is sent there.
pub(crate) const HOST: &str = "app.bench.test";
/// Where a proxy asks.
pub(crate) const DECIDE: &str = "/.countersign/decide";
/// The secret of the client `app`.
pub(crate) const SECRET: &str = "secret-of-the-bench";

/// oidc-provider, on loopback.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) port: u16,
    child: Child,
}

impl Provider {
    /// With the client `app`, whose access tokens last for as long as anything is measured.
    pub(crate) fn start() -> Result<Self, Failure> {
        let back = |path: &str| format!("https://{HOST}{path}");
        let settings = json!({
            "access_token_ttl": 86_400,
            "clients": [{
                "client_id": "app",
                "client_secret": SECRET,
                "redirect_uris": [back("/.countersign/callback"), back("/apache/callback")],
            }],
        });
        let mut child = Command::new(repository().join(".tools/bin/node"))
            .current_dir(repository().join("tests-node"))
            .args(["provider.mjs", &settings.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("a provider without output")?;
        BufReader::new(output).read_line(&mut line)?;
        let ready = serde_json::from_str::<Value>(&line);
        let ready = ready.map_err(|error| format!("oidc-provider says {line:?}: {error}"))?;
        let issuer = ready
            .get("issuer")
            .and_then(Value::as_str)
            .ok_or("a provider without issuer")?;
        let port = issuer.rsplit(':').next().unwrap_or("").parse()?;
        Ok(Self {
            issuer: issuer.to_owned(),
            port,
            child,
        })
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Countersign as nginx's decision endpoint, five identity headers, the log off; people log in at the provider.
pub(crate) struct Ours {
    pub(crate) server: Server,
    pub(crate) port: u16,
}

impl Ours {
    /// Sessions are kept in the store `store`.
    pub(crate) fn start(bench: &Bench, provider: &Provider, store: &str, port: u16) -> Result<Self, Failure> {
        let name = format!("countersign-session-{store}-{port}");
        let text = format!(
            "config = 1\n[log]\nlevel = \"events\"\n[[listen]]\naddress = \"127.0.0.1:{port}\"\nspeak = \"auth-request\"\n\
             trusted_peers = [\"127.0.0.1\"]\n[login.bench]\nissuer = \"{}\"\nclient_id = \"app\"\n\
             client_secret = {{ file = \"bench-secret\" }}\nscopes = [\"openid\", \"profile\", \"email\"]\n\
             danger_allow_http = true\n[session]\nstore = \"{store}\"\n\
             [identity_headers]\npreset = \"none\"\n[identity_headers.add]\nX-Auth-Subject = \"subject\"\n\
             X-Auth-Groups = \"groups\"\nX-Auth-Username = \"claims.preferred_username\"\nX-Auth-Email = \"email\"\n\
             X-Auth-Tenant = \"claims.locale\"\n\
             [[route]]\nhosts = [\"{HOST}\"]\npaths = [\"/**\"]\naccept = [\"login.bench\"]\n",
            provider.issuer
        );
        let secret = bench.write("bench-secret", SECRET)?;
        std::fs::set_permissions(secret, Permissions::from_mode(0o600))?;
        let config = bench.write(&format!("{name}.toml"), &text)?;
        let server = bench.gateway(&name, &config, port)?;
        Ok(Self { server, port })
    }

    /// Logs ann in: with the cookies that this answers with a decision is yes, and without them it is no.
    pub(crate) fn log_in(&self, provider: &Provider) -> Result<String, Failure> {
        let client = "203.0.113.9";
        let head = |path: &str, cookie: Option<&str>| question(path, client, cookie);
        let site = Site {
            port: self.port,
            head: &head,
        };
        let cookie = log_in(&site, "/.countersign/login?to=/app/index.html", provider)?;
        let asked = |cookie| http::ask(self.port, &question("/app/index.html", client, cookie));
        let (good, bad) = (asked(Some(&cookie))?, asked(None)?.status);
        if good.status != 200 || good.header("X-Auth-Subject") != Some("ann") || bad == 200 {
            let (name, status) = (&self.server.name, good.status);
            return Err(format!("{name} answers {status} to a session and {bad} to none").into());
        }
        Ok(cookie)
    }
}

/// What nginx asks when a client at `client` asks for `path`: a page of ours, or the decision.
pub(crate) fn question(path: &str, client: &str, cookie: Option<&str>) -> String {
    let own = if path.starts_with("/.countersign/") {
        path
    } else {
        DECIDE
    };
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n"));
    format!(
        "GET {own} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nX-Original-Method: GET\r\n\
         X-Original-URL: https://{HOST}{path}\r\nX-Original-Host: {HOST}\r\nX-Original-Client: {client}\r\n{}\r\n",
        cookie.unwrap_or_default()
    )
}
