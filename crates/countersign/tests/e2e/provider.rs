//! A real OpenID Provider at which people log in: oidc-provider in a process of its own (`tests-node/provider.mjs`).

use crate::http::{Address, Request};
use crate::issuer::address;
use crate::process::{Process, repository, tool};
use serde_json::{Value, json};

/// The secret of the client `app`.
pub(crate) const SECRET: &str = "secret-of-app";

/// The provider and the handle on it.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) url: String,
    control: Address,
    pub(crate) process: Process,
}

/// What its token endpoint did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) codes: u64,
    pub(crate) refreshes: u64,
    pub(crate) refused: u64,
}

impl Provider {
    /// One whose only client is `app`, at `origin`, with these members besides.
    pub(crate) fn start(origin: &str, client: &Value) -> Self {
        Self::with(&json!({ "clients": [Self::client(origin, client)] }))
    }

    /// Such a client. Its logins may be run by `auth.test`, too.
    pub(crate) fn client(origin: &str, client: &Value) -> Value {
        let own = format!("{origin}/.countersign/callback");
        let mut own = json!({
            "client_id": "app",
            "client_secret": SECRET,
            "redirect_uris": [format!("{origin}/auth"), own.clone(), own.replace("app.test", "auth.test")],
            "post_logout_redirect_uris": [format!("{origin}/bye")],
        });
        let members = client.as_object().unwrap().clone();
        own.as_object_mut().unwrap().extend(members);
        own
    }

    /// One that is told all of it.
    pub(crate) fn with(settings: &Value) -> Self {
        let folder = repository().join("tests-node");
        assert!(
            folder.join("node_modules/oidc-provider").exists(),
            "oidc-provider is missing: run `cargo xtask tools`"
        );
        let mut command = tool("node");
        command
            .current_dir(folder)
            .args(["provider.mjs", &settings.to_string()]);
        let mut process = Process::start("provider", &mut command);
        let line = process.line("that it is ready", |line| line.starts_with('{'));
        let ready = serde_json::from_str::<Value>(&line).unwrap();
        Self {
            url: ready["issuer"].as_str().unwrap().to_owned(),
            control: address(ready["control"].as_str().unwrap()),
            process,
        }
    }

    /// Answers 503 from now on where codes and tokens are exchanged.
    pub(crate) fn fail_at_the_token_endpoint(&self) {
        self.control("/down?how=token");
    }

    /// Answers again.
    pub(crate) fn come_back(&self) {
        self.control("/up");
    }

    /// Answers at the token endpoint so late.
    pub(crate) fn delay(&self, milliseconds: u64) {
        self.control(&format!("/delay?ms={milliseconds}"));
    }

    /// Takes back everything that was given in the name of `user`.
    pub(crate) fn revoke(&self, user: &str) {
        self.control(&format!("/revoke?user={user}"));
    }

    /// Ends the sessions of `user` and tells the clients behind the browser's back; says how many there were.
    pub(crate) fn log_out(&self, user: &str) -> u64 {
        let ended = self.control(&format!("/logout?user={user}"));
        ended["sessions"].as_u64().unwrap()
    }

    /// What its token endpoint did so far.
    pub(crate) fn counts(&self) -> Counts {
        let counts = self.control("/counts");
        let of = |name: &str| counts[name].as_u64().unwrap();
        Counts {
            codes: of("authorization_code"),
            refreshes: of("refresh_token"),
            refused: of("refused"),
        }
    }

    fn control(&self, action: &str) -> Value {
        let answer = Request::new("POST", action, "127.0.0.1").send(&self.control);
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}
