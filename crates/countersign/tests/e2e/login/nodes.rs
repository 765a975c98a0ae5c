//! Three gateways on one Redis, and a provider whose refresh tokens hold once: whatever comes at once at the moment of expiry is
//! one refresh, and nobody is logged out. A logout on one node is one on all.

use super::site::{certificate, secret};
use crate::curl::{curl, succeed};
use crate::fronts::{copy, gateway, read};
use crate::process::{Folder, Process, free_addresses, moment, repository, until, until_open};
use crate::provider::{Counts, Provider, SECRET};
use crate::upstream::Upstream;
use serde_json::json;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// How long the first access token lasts, in seconds; that of the refresh lasts longer than any test.
const LASTS: u64 = 5;
/// How many requests come at once.
const AT_ONCE: usize = 200;

struct Nodes {
    folder: Folder,
    all: Vec<(SocketAddr, Process)>,
    provider: Provider,
    upstream: Upstream,
    _redis: Process,
}

impl Nodes {
    fn start() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let addresses = free_addresses::<3>();
        let [redis] = free_addresses();
        let mut command = Command::new("redis-server");
        let (host, port) = (redis.ip().to_string(), redis.port().to_string());
        command
            .args([
                "--bind",
                &host,
                "--port",
                &port,
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .current_dir(&folder.0);
        let mut store = Process::start("redis-server", &mut command);
        until_open(&mut store, redis);
        let back = addresses.map(|at| format!("https://app.test:{}/.countersign/callback", at.port()));
        let behind = format!(
            "https://app.test:{}/.countersign/backchannel-logout",
            addresses[2].port()
        );
        let provider = Provider::with(&json!({
            "first_ttl": LASTS,
            "clients": [{
                "client_id": "app",
                "client_secret": SECRET,
                "redirect_uris": back,
                "backchannel_logout_uri": behind,
            }],
        }));
        let issuer = format!("issuer = \"{}\"\ndanger_allow_http = true", provider.url);
        let replace = [
            ("issuer        = \"https://op.example\"", issuer),
            (":9000", format!(":{}", upstream.address.port())),
        ];
        copy(&repository().join("examples/standalone"), &folder.0, &replace);
        certificate(&folder);
        secret(&folder);
        folder.write_secret("sealing-key", "0123456789abcdef0123456789abcdef");
        let session = format!(
            "[session]\nstore = \"redis\"\nurl = \"redis://{redis}\"\nsealing_keys = [{{ file = \"sealing-key\" }}]\n"
        );
        let example = read(&folder.0.join("login.toml"));
        let nodes = addresses.map(|at| {
            let (tls, plain) = (format!("\"{at}\""), free_addresses::<1>());
            let text = example
                .replace("\"127.0.0.1:8443\"", &tls)
                .replace("\"127.0.0.1:8080\"", &format!("\"{}\"", plain[0]));
            let name = format!("node-{}.toml", at.port());
            let configuration = folder.write(&name, format!("{text}\n{session}"));
            let mut node = gateway(&configuration, &folder.0.join(format!("state-{}", at.port())));
            until_open(&mut node, at);
            (at, node)
        });
        Self {
            folder,
            all: nodes.into(),
            provider,
            upstream,
            _redis: store,
        }
    }

    fn curl(&self, arguments: &[&str]) -> String {
        let mut command = curl(&self.folder);
        for (at, _) in &self.all {
            command.args(["--resolve", &format!("app.test:{}:127.0.0.1", at.port())]);
        }
        command
            .args(["-c", "jar", "-b", "jar", "-H", "Accept: text/html"])
            .args(arguments);
        succeed(&mut command)
    }

    fn url(&self, node: usize, path: &str) -> String {
        format!("https://app.test:{}{path}", self.all[node].0.port())
    }

    /// Logs in on the first node; the cookie is good for all, for they have one name.
    fn log_in(&self) {
        let form = self.curl(&["-L", &self.url(0, "/page")]);
        let action = form
            .split("action=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        let action = format!("{}{action}", self.provider.url);
        assert_eq!(
            self.curl(&["-L", "-d", "login=ann&password=any", &action]),
            "the page\n"
        );
    }

    fn status(&self, node: usize) -> String {
        self.curl(&["-o", "page", "-w", "%{http_code}", &self.url(node, "/page")])
    }

    /// The statuses of as many requests at once, on all the nodes: over HTTP/2, one connection to each.
    fn at_once(&self) -> Vec<String> {
        let urls = (0..AT_ONCE).map(|number| self.url(number % 3, &format!("/page/{number}")));
        let urls = urls.collect::<Vec<_>>();
        let mut arguments = vec!["-Z", "--parallel-max", "200", "-w", "%{http_code}\n"];
        for url in &urls {
            arguments.extend(["-o", "page", url]);
        }
        self.curl(&arguments).lines().map(str::to_owned).collect()
    }

    fn written(&self) -> String {
        self.all.iter().map(|(_, node)| node.written()).collect()
    }
}

fn one_refresh(late_by_milliseconds: u64) {
    let nodes = Nodes::start();
    nodes.log_in();
    let began = moment();
    for node in 0..3 {
        assert_eq!(nodes.status(node), "200");
    }
    nodes.provider.delay(late_by_milliseconds);
    until("the access token ends", || {
        began.elapsed() > Duration::from_secs(LASTS)
    });
    let statuses = nodes.at_once();
    assert_eq!(statuses.len(), AT_ONCE);
    assert!(
        statuses.iter().all(|status| status == "200"),
        "{statuses:?}\n{}",
        nodes.written()
    );
    let after = nodes.provider.counts();
    assert_eq!(
        after,
        Counts {
            codes: 1,
            refreshes: 1,
            refused: 0
        },
        "{}",
        nodes.written()
    );
    // Everybody goes on with what came of it.
    for node in 0..3 {
        assert_eq!(nodes.status(node), "200");
    }
    assert_eq!(nodes.provider.counts(), after);
    assert!(nodes.upstream.take().len() >= AT_ONCE);
}

#[test]
fn two_hundred_requests_at_the_moment_of_expiry_are_one_refresh() {
    one_refresh(0);
}

#[test]
fn they_are_when_the_provider_takes_a_second() {
    one_refresh(1000);
}

#[test]
fn they_are_when_the_provider_takes_five() {
    one_refresh(5000);
}

#[test]
fn what_ends_on_one_node_has_ended_on_each_within_a_second() {
    let nodes = Nodes::start();
    nodes.log_in();
    for node in 0..3 {
        assert_eq!(nodes.status(node), "200");
    }
    // The provider tells the third; the others knew the session a moment ago.
    assert_eq!(nodes.provider.log_out("ann"), 1);
    let told = moment();
    for node in 0..2 {
        until("the session has ended here, too", || nodes.status(node) == "303");
    }
    // A second, and what a busy machine takes for the questions.
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
}
