//! The example provider of zitadel's library, as its module has it: one user, no session of its own, no administrators.

use super::browser::{Browser, Shown};
use super::service::Service;
use super::site::Ports;
use super::{Administrators, Login, Provider};
use crate::{Failure, tools};
use std::path::Path;
use std::process::Command;

/// It runs until this is dropped.
#[derive(Debug)]
pub(super) struct Zitadel {
    port: u16,
    _service: Service,
}

impl Zitadel {
    /// Starts it; its words are in `folder`.
    pub(super) fn start(folder: &Path, ports: Ports) -> Result<Self, Failure> {
        let redirects = [
            ports.alone("plain", "/.countersign/callback"),
            ports.nginx("/auth"),
        ];
        let mut command = Command::new(tools::zitadel());
        command
            .env("PORT", ports.provider.to_string())
            .env("REDIRECT_URI", redirects.join(","));
        let path = "/.well-known/openid-configuration";
        let service = Service::start(&mut command, &folder.join("log"), ports.provider, (path, 200))?;
        Ok(Self {
            port: ports.provider,
            _service: service,
        })
    }
}

impl Provider for Zitadel {
    fn name(&self) -> &'static str {
        "zitadel's example"
    }

    fn issuer(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    fn logins(&self) -> Vec<Login> {
        vec![Login {
            name: "plain",
            // It knows no addresses for after the logout, and refuses those it does not know.
            options: "client_id = \"web\"\nclient_secret = { file = \"client-secret\" }\n\
                      scopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]\n"
                .to_owned(),
        }]
    }

    fn client(&self) -> (&'static str, &'static str) {
        ("web", "secret")
    }

    fn leads_back(&self) -> bool {
        false
    }

    fn sign_in(&self, browser: &mut Browser, until: &str) -> Result<Shown, Failure> {
        let fields = [
            ("input[name=username]", "test-user@localhost"),
            ("input[name=password]", "verysecure"),
        ];
        browser.fill(&fields)?;
        browser.press("Login", until)
    }

    fn administrators(&self) -> Option<&dyn Administrators> {
        None
    }

    fn tells_of_logouts(&self, _login: &str) -> bool {
        false
    }

    fn is_short_lived(&self) -> bool {
        false
    }
}
