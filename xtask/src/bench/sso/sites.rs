//! The provider, the site it guards, and the application behind: three processes.

use crate::Failure;
use crate::bench::measure::Server;
use crate::bench::servers::Bench;
use crate::handshakes::pki::Pki;

/// The names that every program finds on this machine without being told.
pub(super) const PROVIDER: &str = "localhost";
pub(super) const SITE: &str = "app.localhost";
pub(super) const PROVIDER_PORT: u16 = 18_301;
pub(super) const SITE_PORT: u16 = 18_302;
const APPLICATION_PORT: u16 = 18_303;

/// All of them, running.
pub(super) struct Sites {
    pub(super) provider: Server,
    pub(super) guard: Server,
    _application: Server,
}

impl Sites {
    pub(super) fn start(bench: &Bench, pki: &Pki) -> Result<Self, Failure> {
        pki.write(&bench.folder)?;
        pki.write_server(&bench.folder, "sso", PROVIDER)?;
        pki.write_server(&bench.folder, "site", SITE)?;
        let application = bench.nginx(
            "application",
            &APPLICATION_PORT.to_string(),
            "",
            "    location / { return 200 \"hello\"; }",
        )?;
        let head = |port: u16, name: &str, file: &str, more: &str| {
            format!(
                "config = 1\n[log]\nlevel = \"events\"\n[limits]\naddress_rate = 1000000\naddress_burst = 1000000\n\
                 total_rate = 1000000\n[[listen]]\naddress = \"127.0.0.1:{port}\"\nspeak = \"reverse-proxy\"\n\
                 [[listen.host]]\nnames = [\"{name}\"]\ncertificate = \"{file}.pem\"\nkey = {{ file = \"server.key\" }}\n{more}\
                 [session]\nstore = \"memory\"\n"
            )
        };
        let asking = "client_certificates = { mode = \"ask\", by = [\"certificate.people\"] }\n";
        let issuer = format!("https://{PROVIDER}:{PROVIDER_PORT}");
        let provider = format!(
            "{}[certificate.people]\nauthorities = [\"root.pem\"]\nsubject = \"san.email\"\n[openid_provider]\n\
             issuer = \"{issuer}\"\ncertificates = [\"certificate.people\"]\nsites = [\"{SITE}:{SITE_PORT}\"]\n",
            head(PROVIDER_PORT, PROVIDER, "sso", asking)
        );
        let guard = format!(
            "{}[sso.bench]\nissuer = \"{issuer}\"\nca_file = \"root.pem\"\n[[route]]\nhosts = [\"{SITE}\"]\n\
             accept = [\"sso.bench\"]\nto = \"http://127.0.0.1:{APPLICATION_PORT}\"\n",
            head(SITE_PORT, SITE, "site", "")
        );
        let provider = bench.write("sso.toml", &provider)?;
        let guard = bench.write("guard.toml", &guard)?;
        Ok(Self {
            provider: bench.gateway("sso", &provider, PROVIDER_PORT)?,
            guard: bench.gateway("guard", &guard, SITE_PORT)?,
            _application: application,
        })
    }

    /// User and system seconds of the provider and the guard together.
    pub(super) fn cpu_seconds(&self) -> f64 {
        self.provider.cpu_seconds() + self.guard.cpu_seconds()
    }
}
