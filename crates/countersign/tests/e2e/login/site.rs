//! An example for logins, running, with a provider of its own; and somebody who visits it with curl.

use crate::certificates::site::ca;
use crate::curl::{curl, follow};
use crate::http::Answer;
use crate::process::{Folder, Process, free_addresses, until};
use crate::provider::{Provider, SECRET};
use crate::upstream::{Seen, Upstream};
use serde_json::json;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;

/// How long access tokens last, in seconds: longer than a test.
const LASTS: u64 = 600;

pub(super) use crate::curl::Place;
pub(super) use crate::tls_front::Kind;

/// What the examples are for.
pub(super) const WHAT: &str = "login";

/// The path that logs out.
pub(super) const fn logout(kind: Kind) -> &'static str {
    match kind {
        Kind::Nginx => "/logout",
        Kind::Caddy | Kind::Traefik | Kind::Standalone => "/.countersign/logout",
    }
}

/// An example with an application behind it and a provider beside.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) kind: Kind,
    pub(super) folder: Folder,
    pub(super) secure: SocketAddr,
    pub(super) upstream: Upstream,
    pub(super) provider: Provider,
    gateway: Process,
    /// Where it listens itself.
    own: SocketAddr,
    _proxy: Option<Process>,
}

impl Site {
    pub(super) fn start(kind: Kind) -> Self {
        Self::start_edited(kind, |_| ())
    }

    /// `edit` changes the copied files before anything starts.
    pub(super) fn start_edited(kind: Kind, edit: impl FnOnce(&Folder)) -> Self {
        Self::start_with(kind, LASTS, edit)
    }

    /// The same; the access tokens that come with a login last so many seconds.
    pub(super) fn start_with(kind: Kind, lasts: u64, edit: impl FnOnce(&Folder)) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let [secure, plain, asked] = free_addresses();
        let origin = format!("https://app.test:{}", secure.port());
        let own = |page: &str| format!("{origin}/.countersign/{page}-logout");
        let told = json!({
            "backchannel_logout_uri": own("backchannel"),
            "frontchannel_logout_uri": own("frontchannel"),
        });
        let client = Provider::client(&origin, &told);
        let provider = Provider::with(&json!({ "clients": [client], "first_ttl": lasts }));
        let replace = [
            (":8443", format!(":{}", secure.port())),
            (":9180", format!(":{}", asked.port())),
            (":9000", format!(":{}", upstream.address.port())),
            (":8080", format!(":{}", plain.port())),
            ("https_port = 8443", format!("https_port = {}", secure.port())),
            (
                "issuer        = \"https://op.example\"",
                format!("issuer = \"{}\"\ndanger_allow_http = true", provider.url),
            ),
        ];
        kind.copy(WHAT, &folder, &replace);
        certificate(&folder);
        secret(&folder);
        edit(&folder);
        let own = if kind == Kind::Standalone { secure } else { asked };
        let gateway = kind.gateway(WHAT, &folder, own);
        let proxy = kind.front(&folder, secure);
        let site = Self {
            kind,
            folder,
            secure,
            upstream,
            provider,
            gateway,
            own,
            _proxy: proxy,
        };
        if kind == Kind::Traefik {
            // It listens before it has read its routers, and then answers 404 for itself.
            let nobody = Visitor::new(&site, "nobody");
            until("Traefik has read its routers", || {
                nobody
                    .try_ask("/.countersign/session", &["-k"])
                    .is_ok_and(|answer| answer.status != 404)
            });
        }
        site
    }

    /// Kills the gateway, which has no time to put anything in order, and starts it again.
    pub(super) fn kill(&mut self) {
        self.gateway.signal("KILL");
        until("the gateway is gone", || self.gateway.has_ended());
        self.gateway = self.kind.gateway(WHAT, &self.folder, self.own);
    }

    /// What browsers call it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("https://app.test:{}{path}", self.secure.port())
    }

    /// What reached the application since it was last asked: one request.
    pub(super) fn seen(&self) -> Seen {
        self.upstream.take_one()
    }
}

/// Makes the certificate of the example's host.
pub(super) fn certificate(folder: &Folder) {
    ca(folder, &["init", "--name", "Example"]);
    ca(folder, &["issue", "server", "app.test"]);
    for name in ["app.test.crt", "app.test.key"] {
        std::fs::copy(folder.0.join("ca/issued").join(name), folder.0.join(name)).unwrap();
    }
}

/// Writes the secret of the client as the page for its users says it.
pub(super) fn secret(folder: &Folder) {
    folder.write_secret("client-secret", SECRET);
}

/// Guards `/admin/` for a group besides, in every example that has but one route for what is guarded.
pub(super) fn guard_admin(kind: Kind, folder: &Folder) {
    let configuration = kind.configuration(WHAT, folder);
    let to = match kind {
        Kind::Nginx | Kind::Caddy | Kind::Traefik => "",
        Kind::Standalone => "to = \"http://127.0.0.1:1\"\n",
    };
    let route = format!(
        "[[route]]\nhosts = [\"app.test\"]\npaths = [\"/admin/**\"]\naccept = [\"login.home\"]\n\
         require = {{ groups = [\"operators\"] }}\n{to}\n[[route]]"
    );
    let text = crate::fronts::read(&configuration);
    let text = text.replacen("[[route]]", &route, 1);
    std::fs::write(&configuration, text).unwrap();
}

/// Somebody with a cookie jar.
#[derive(Debug)]
pub(super) struct Visitor<'a> {
    site: &'a Site,
    jar: String,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(site: &'a Site, name: &str) -> Self {
        Self {
            site,
            jar: format!("jar-of-{name}"),
        }
    }

    fn curl(&self, url: &str, options: &[&str]) -> Command {
        let name = format!("app.test:{}:127.0.0.1", self.site.secure.port());
        let mut command = curl(&self.site.folder);
        command
            .args(["-c", &self.jar, "-b", &self.jar, "--resolve", &name])
            .args(options)
            .arg(url);
        command
    }

    /// What curl gets for `path`, led nowhere.
    pub(super) fn ask(&self, path: &str, options: &[&str]) -> Answer {
        let got = self.try_ask(path, options);
        got.unwrap_or_else(|told| panic!("{path} {options:?}: {told}"))
    }

    pub(super) fn try_ask(&self, path: &str, options: &[&str]) -> Result<Answer, String> {
        let output = self
            .curl(&self.site.url(path), options)
            .arg("-i")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let answer = Answer::read(&mut output.stdout.as_slice(), false);
        answer.map_err(|error| format!("{error}; curl says {told}"))
    }

    /// Has a cookie of the application's from now on.
    pub(super) fn takes_the_cookie(&self, name: &str, value: &str) {
        let jar = self.site.folder.0.join(&self.jar);
        let mut kept = crate::fronts::read(&jar);
        writeln!(kept, "app.test\tFALSE\t/\tTRUE\t0\t{name}\t{value}").unwrap();
        std::fs::write(jar, kept).unwrap();
    }

    /// Where a browser that goes to `url` ends up.
    pub(super) fn follow(&self, url: &str, options: &[&str]) -> Place {
        follow(self.curl(url, options))
    }

    /// Goes to `path`, signs in at the provider where it is led there, and ends up where that leads.
    pub(super) fn log_in(&self, path: &str, name: &str) -> Place {
        let form = self.follow(&self.site.url(path), &[]);
        assert!(form.url.starts_with(&self.site.provider.url), "{form:?}");
        self.follow(
            &self.action(&form),
            &["-d", &format!("login={name}&password=any")],
        )
    }

    /// Presses the button of the provider's page that asks whether to sign out.
    pub(super) fn sign_out(&self, page: &Place) -> Place {
        let xsrf = attribute(&page.body, "name=\"xsrf\" value=");
        let form = format!("xsrf={xsrf}&logout=yes");
        self.follow(&self.action(page), &["-d", &form])
    }

    /// Where a form of the provider's goes.
    fn action(&self, page: &Place) -> String {
        let action = attribute(&page.body, "action=");
        if action.starts_with("http") {
            return action;
        }
        format!("{}{action}", self.site.provider.url)
    }
}

/// What stands in quotes after `before`.
fn attribute(page: &str, before: &str) -> String {
    let after = page.split(before).nth(1);
    let value = after.and_then(|after| after.split('"').nth(1));
    value.unwrap_or_else(|| panic!("no {before}: {page}")).to_owned()
}
