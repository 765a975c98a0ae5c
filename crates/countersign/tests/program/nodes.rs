//! Several gateways on one Redis: one refresh, one logout, one key of the provider.

use super::gateway::{Client, Folder, Gateway, countersign, free, text};
use super::provider::{Browser, Provider};
use countersign_testkit::pki::{Authority, Key};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;

/// A Redis, ended with the test; its address, and its socket.
pub(crate) struct Redis(Child, SocketAddr, String);

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Redis {
    pub(crate) fn start(folder: &Folder) -> Self {
        let (at, socket) = (free(), folder.0.join("redis.sock").display().to_string());
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", &at.ip().to_string(), "--port", &at.port().to_string()])
            .args(["--unixsocket", &socket])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(&folder.0);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("redis-server is there: `cargo xtask tools` installs it");
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = said.any(|line| line.unwrap().contains("Ready to accept connections"));
        assert!(ready, "redis-server starts");
        drop(thread::spawn(move || said.for_each(drop)));
        Self(child, at, socket)
    }

    /// How the three of a test come by it: two over TCP, one at the socket.
    pub(crate) fn urls(&self) -> [String; 3] {
        let over_tcp = format!("redis://{}", self.1);
        [over_tcp.clone(), over_tcp, format!("unix://{}", self.2)]
    }
}

/// Three gateways with one key.
fn three(folder: &Folder, provider: &Provider, redis: &Redis) -> Vec<(Folder, Gateway, SocketAddr)> {
    let key = folder.write("key", "a key that all of them have, and nobody else");
    let config = |url: &str| {
        format!(
            "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"reverse-proxy\"\n\n{}\n[[route]]\n\
         hosts = [\"localhost\"]\naccept = \"login.home\"\nto = \"http://127.0.0.1:9\"\n\n[session]\nstore = \"redis\"\n\
         url = \"{url}\"\nrecheck = \"0s\"\nsealing_keys = {{ file = {key:?} }}\n",
            provider.table(),
        )
    };
    let nodes = redis.urls().into_iter().map(|url| {
        let own = Folder::new();
        let config = own.write("a.toml", config(&url));
        let mut gateway = Gateway::start(&own, &config);
        let at = gateway.listening();
        (own, gateway, at)
    });
    nodes.collect()
}

#[test]
fn three_gateways_on_one_redis_spend_a_refresh_token_once_and_nobody_is_logged_out() {
    let (folder, provider) = (Folder::new(), Provider::start());
    let redis = Redis::start(&folder);
    let nodes = three(&folder, &provider, &redis);
    for round in 0..5 {
        let person = format!("ann-{round}");
        let mut browser = Browser::default();
        browser.come_back(nodes[0].2, &person);
        // Its access token has ended: all of these come at the moment of expiry.
        let asking = (0..200).map(|number| {
            let (mut browser, at) = (browser.clone(), nodes[number % 3].2);
            thread::spawn(move || browser.subject(at))
        });
        for asked in asking.collect::<Vec<_>>() {
            assert_eq!(asked.join().unwrap().as_deref(), Some(&*person));
        }
        assert_eq!(provider.refreshed(), (round + 1, 0));
    }
}

#[test]
fn a_logout_at_one_gateway_is_one_at_all_of_them() {
    let (folder, provider) = (Folder::new(), Provider::start());
    let redis = Redis::start(&folder);
    let nodes = three(&folder, &provider, &redis);
    let mut browser = Browser::default();
    browser.log_in(nodes[0].2, "ann");
    for (_, _, at) in &nodes {
        assert_eq!(browser.clone().subject(*at).as_deref(), Some("ann"));
    }
    let mut command = countersign();
    command.args([
        "session",
        "revoke",
        "--user",
        &provider.issuer(),
        "ann",
        "--state",
    ]);
    let revoked = command.arg(nodes[1].0.0.join("state")).output().unwrap();
    assert_eq!(
        text(&revoked.stdout),
        "1 session ended\n",
        "{}",
        text(&revoked.stderr)
    );
    for (_, _, at) in &nodes {
        assert_eq!(browser.clone().subject(*at), None);
    }
}

#[test]
fn gateways_that_start_at_once_on_one_redis_sign_with_one_key_that_one_of_them_made() {
    let folder = Folder::new();
    let redis = Redis::start(&folder);
    let key = folder.write("key", "a key that all of them have, and nobody else");
    let ca = folder.write("ca.pem", Authority::root("Home", Key(1)).pem());
    let statuses = [free(), free(), free()];
    let starting = redis.urls().into_iter().zip(statuses).map(|(url, status)| {
        let own = Folder::new();
        let config = format!(
            "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"reverse-proxy\"\n\n\
             [[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"auth-request\"\ntrusted_peers = [\"127.0.0.1\"]\n\n\
             [certificate.home]\n\
             authorities = {ca:?}\n\n[openid_provider]\nissuer = \"https://localhost\"\ncertificates = [\"certificate.home\"]\n\n\
             [session]\nstore = \"redis\"\nurl = \"{url}\"\nsealing_keys = {{ file = {key:?} }}\n\n[status]\naddress = \"{status}\"\n"
        );
        let config = own.write("a.toml", config);
        // All of them are started before any is waited for.
        let gateway = Gateway::start(&own, &config);
        (own, gateway, status)
    });
    let mut nodes = starting.collect::<Vec<_>>();
    let sets = nodes.iter_mut().map(|(own, gateway, status)| {
        let at = gateway.listening();
        gateway.line("(status)");
        let metrics = Client::tcp(*status).read("/metrics");
        for line in [
            "countersign_provider_keys 1\n",
            "countersign_provider_key_age_seconds ",
            "countersign_provider_key_seconds_left 77",
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        let kept = own.0.join("state/provider-keys");
        assert!(!kept.exists(), "nothing of it is on the node");
        Client::tcp(at).read("/.countersign/keys")
    });
    let sets = sets.collect::<Vec<_>>();
    assert!(sets[0].contains("\"alg\":\"ES256\""), "{}", sets[0]);
    assert_eq!([&sets[1], &sets[2]], [&sets[0], &sets[0]]);
}
