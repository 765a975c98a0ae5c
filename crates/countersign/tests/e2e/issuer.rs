//! A real issuer: oidc-provider in a process of its own (`tests-node/issuer.mjs`).

use crate::http::{Address, Request};
use crate::process::{Process, repository, tool};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::OnceLock;

/// Tokens for this resource have the audience `api` and are signed with RS256.
pub(crate) const API: &str = "https://api.example/";

/// As [`API`], signed with ES256.
pub(crate) const API_ES256: &str = "https://api.example/es";

/// Tokens for this resource have another audience.
pub(crate) const OTHER: &str = "https://other.example/";

/// The issuer and the handle on it.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    address: Address,
    control: Address,
    _process: Process,
}

impl Issuer {
    /// Starts an issuer whose key ids begin with `name`.
    pub(crate) fn start(name: &str) -> Self {
        let folder = repository().join("tests-node");
        assert!(
            folder.join("node_modules/oidc-provider").exists(),
            "oidc-provider is missing: run `cargo xtask tools`"
        );
        let mut command = tool("node");
        command.current_dir(folder).args(["issuer.mjs", "0", name]);
        let mut process = Process::start(name, &mut command);
        let line = process.line("that it is ready", |line| line.starts_with('{'));
        let ready = serde_json::from_str::<Value>(&line).unwrap();
        let url = ready["issuer"].as_str().unwrap().to_owned();
        Self {
            address: address(&url),
            control: address(ready["control"].as_str().unwrap()),
            url,
            _process: process,
        }
    }

    /// The issuer that tests share which only want tokens of it. It ends with the test process, whose pipe it reads.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Issuer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("issuer"))
    }

    /// Another one, which no configuration of a test trusts.
    pub(crate) fn stranger() -> &'static Self {
        static STRANGER: OnceLock<Issuer> = OnceLock::new();
        STRANGER.get_or_init(|| Self::start("stranger"))
    }

    /// Asks for an access token as any client would (RFC 6749 section 4.4, RFC 8707).
    pub(crate) fn token(&self, client: &str, resource: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret=secret-of-{client}&scope=read&resource={resource}"
        );
        let answer = Request::new("POST", "/token", "127.0.0.1")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.as_bytes())
            .send(&self.address);
        let answer = serde_json::from_str::<Value>(&answer.body).unwrap();
        answer["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token: {answer}"))
            .to_owned()
    }

    /// Signs any claims with the present key.
    pub(crate) fn sign(&self, algorithm: &str, claims: &Value) -> String {
        self.signed(&json!({ "alg": algorithm, "claims": claims }))
    }

    /// As [`Self::sign`], under a key id of the caller's making.
    pub(crate) fn sign_as(&self, algorithm: &str, kid: &str, claims: &Value) -> String {
        self.signed(&json!({ "alg": algorithm, "claims": claims, "header": { "kid": kid } }))
    }

    fn signed(&self, order: &Value) -> String {
        let answer = self.control("/sign", &order.to_string());
        answer["token"].as_str().unwrap().to_owned()
    }

    /// New keys; the old ones are no longer published.
    pub(crate) fn rotate(&self) {
        self.control("/rotate", "");
    }

    /// New keys beside the old ones.
    pub(crate) fn rotate_keeping(&self) {
        self.control("/rotate?keep=1", "");
    }

    /// Answers 500 from now on.
    pub(crate) fn fail(&self) {
        self.control("/down", "");
    }

    /// Refuses connections from now on.
    pub(crate) fn refuse(&self) {
        self.control("/down?how=refuse", "");
    }

    /// Answers again.
    pub(crate) fn come_back(&self) {
        self.control("/up", "");
    }

    /// How often the JWK Set was asked for.
    pub(crate) fn key_set_requests(&self) -> u64 {
        self.control("/keys", "")["requests"].as_u64().unwrap()
    }

    fn control(&self, action: &str, body: &str) -> Value {
        let answer = Request::new("POST", action, "127.0.0.1")
            .body(body.as_bytes())
            .send(&self.control);
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

/// Where the server of an `http` URL listens.
pub(crate) fn address(url: &str) -> Address {
    let address = url.strip_prefix("http://").unwrap();
    Address::Tcp(address.parse::<SocketAddr>().unwrap())
}
