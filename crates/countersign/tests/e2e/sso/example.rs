//! `examples/sso`, running, with an authority of its own and an application behind.

use crate::browser::{Browser, home, nss};
use crate::certificates::site::ca;
use crate::curl::{curl, follow};
use crate::fronts::{copy, gateway, nginx, own_bodies};
use crate::process::{Folder, Process, free_addresses, repository, until_open};
use crate::upstream::{Seen, Upstream};
use std::net::SocketAddr;
use std::path::Path;

/// Whose certificates there are.
pub(super) const ANN: &str = "ann@home.example";
/// Lets Chromium show a certificate without asking anybody. Without it, it waits for a click that never comes.
const POLICY: &str = "/etc/chromium/policies/managed/countersign-tests.json";

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Standalone,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Nginx, Self::Standalone];
}

/// The provider, the sites, and the application.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) kind: Kind,
    pub(super) folder: Folder,
    pub(super) upstream: Upstream,
    /// The port of the provider, and of the sites.
    provider: SocketAddr,
    sites: SocketAddr,
    _processes: Vec<Process>,
}

impl Example {
    pub(super) fn start(kind: Kind) -> Self {
        Self::start_edited(kind, |_| ())
    }

    /// `edit` changes the copied files before anything starts.
    pub(super) fn start_edited(kind: Kind, edit: impl FnOnce(&Folder)) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let [provider, other, asked] = free_addresses();
        let (from, sites) = match kind {
            Kind::Nginx => ("nginx", provider),
            Kind::Standalone => ("standalone", other),
        };
        let port = |there: u16, here: SocketAddr| (format!(":{there}"), format!(":{}", here.port()));
        let mut replace = vec![
            port(8443, provider),
            port(9443, sites),
            port(9180, asked),
            port(9000, upstream.address),
        ];
        // `public_ports`, where nginx is.
        replace.push(("[8443]".to_owned(), format!("[{}]", provider.port())));
        if kind == Kind::Standalone {
            // The one name that every program finds on this machine without being told.
            replace.push(("sso.home.test".to_owned(), "localhost".to_owned()));
        }
        let replace = replace.iter().map(|(there, here)| (there.as_str(), here.clone()));
        let from = repository().join("examples/sso").join(from);
        copy(&from, &folder.0, &replace.collect::<Vec<_>>());
        ca(&folder, &["init", "--name", "Example"]);
        let names = ["app.home.test", "wiki.home.test", "shop.other.test"];
        ca(
            &folder,
            &[
                "issue",
                "server",
                if kind == Kind::Nginx {
                    "sso.home.test"
                } else {
                    "localhost"
                },
            ],
        );
        ca(&folder, &[&["issue", "server"][..], &names].concat());
        ca(&folder, &["issue", "client", ANN]);
        edit(&folder);
        let run = |file: &str, address| {
            let mut gateway = gateway(&folder.0.join(file), &folder.0.join(format!("state-of-{file}")));
            until_open(&mut gateway, address);
            gateway
        };
        let processes = match kind {
            Kind::Nginx => {
                own_bodies(&folder.0.join("nginx.conf"));
                let gateway = run("countersign.toml", asked);
                let mut nginx = Process::start("nginx", &mut nginx(&folder.0, "nginx.conf"));
                until_open(&mut nginx, provider);
                vec![gateway, nginx]
            }
            Kind::Standalone => vec![run("sso.toml", provider), run("sites.toml", sites)],
        };
        Self {
            kind,
            folder,
            upstream,
            provider,
            sites,
            _processes: processes,
        }
    }

    /// What browsers call a page of a site.
    pub(super) fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.sites.port())
    }

    /// What browsers call the provider.
    pub(super) fn issuer(&self) -> String {
        let name = match self.kind {
            Kind::Nginx => "sso.home.test",
            Kind::Standalone => "localhost",
        };
        format!("https://{name}:{}", self.provider.port())
    }

    /// A browser that has the certificate called `file`, or none.
    pub(super) fn browser(&self, file: Option<&str>) -> Browser {
        browser(&self.folder, file)
    }

    /// Where curl ends up that goes to this page of a site with the certificate in these files, and keeps cookies on the
    /// way: the status, and the page.
    pub(super) fn curl(&self, path: &str, files: &str) -> String {
        let here = |name: &str, at: SocketAddr| format!("{name}:{}:127.0.0.1", at.port());
        let mut command = curl(&self.folder);
        command
            .args(["-b", "", "--cert", &format!("{files}.crt")])
            .args(["--key", &format!("{files}.key")])
            .args(["--resolve", &here("sso.home.test", self.provider)])
            .args(["--resolve", &here("app.home.test", self.sites)])
            .arg(self.url("app.home.test", path));
        let place = follow(command);
        format!("{} {}", place.status, place.body)
    }

    /// What reached the application since it was last asked, but for icons: one request.
    pub(super) fn seen(&self) -> Seen {
        self.upstream.take_one()
    }
}

/// A browser that has the certificate called `file` of the authority in `desk`, or none.
pub(super) fn browser(desk: &Folder, file: Option<&str>) -> Browser {
    assert!(
        Path::new(POLICY).exists(),
        "{POLICY} is missing: run `cargo xtask tools`"
    );
    let home = home(desk);
    if let Some(file) = file {
        let exported = ca(desk, &["export", file, "--pkcs12"]);
        let mut lines = exported.lines();
        let password = lines.find_map(|line| line.strip_prefix("password: ")).unwrap();
        let bundle = desk.path(&format!("ca/issued/{file}.p12"));
        nss(&home, "pk12util", &["-i", &bundle, "-W", password]);
    }
    Browser::start_at(home)
}
