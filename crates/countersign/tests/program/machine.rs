//! `countersign token get`, by a certificate at a running provider.

use super::gateway::{Folder, Gateway, countersign, free, text};
use countersign_testkit::pki::{Authority, Key, San, Template, pem};
use std::net::SocketAddr;
use std::process::Output;

/// A root, and what it issued: the listeners' certificate, and `robot` and `guest`, who are clients. One gateway is the provider,
/// and guards a site.
struct World {
    folder: Folder,
    provider: SocketAddr,
    site: SocketAddr,
    _gateway: Gateway,
}

impl World {
    fn new() -> Self {
        Self::with(None)
    }

    /// One whose machines have an address of their own, if there is one: nobody is asked for a certificate at the issuer's.
    fn with(machines: Option<SocketAddr>) -> Self {
        let folder = Folder::new();
        let root = Authority::root("Root", Key(6));
        folder.write("root.crt", root.pem());
        let ours = Template::new("listener", Key(1))
            .basic_constraints(false, None)
            .key_usage(0x80)
            .extended_key_usages(&["1.3.6.1.5.5.7.3.1"])
            .names(&[
                San::Ip(&[127, 0, 0, 2]),
                San::Ip(&[127, 0, 0, 3]),
                San::Ip(&[127, 0, 0, 4]),
            ]);
        let robot = Template::client("robot", Key(2));
        let guest = Template::client("guest", Key(3));
        for (name, template, key) in [
            ("ours", ours, Key(1)),
            ("robot", robot, Key(2)),
            ("guest", guest, Key(3)),
        ] {
            folder.write(&format!("{name}.crt"), pem("CERTIFICATE", &root.issue(&template)));
            folder.write(&format!("{name}.key"), key.pem());
        }
        let stranger = Template::client("robot", Key(4)).self_signed();
        folder.write("stranger.crt", pem("CERTIFICATE", &stranger));
        folder.write("stranger.key", Key(4).pem());
        let (provider, mut site) = (free(), free());
        site.set_ip([127, 0, 0, 3].into());
        let config = folder.write("a.toml", config(provider, site, machines));
        let mut gateway = Gateway::start(&folder, &config);
        for _ in [provider, site].into_iter().chain(machines) {
            gateway.line("listening");
        }
        Self {
            folder,
            provider,
            site,
            _gateway: gateway,
        }
    }

    /// `token get` by the certificate of `name`.
    fn get(&self, name: &str, more: &[&str]) -> Output {
        let mut command = countersign();
        command.args(["token", "get", "--ca", &self.folder.path("root.crt")]);
        command.args(["--cert", &self.folder.path(&format!("{name}.crt"))]);
        command.args(["--key", &self.folder.path(&format!("{name}.key"))]);
        command.args(more).output().unwrap()
    }

    fn get_at_provider(&self, name: &str, more: &[&str]) -> Output {
        let issuer = format!("https://{}", self.provider);
        let usual = ["--issuer", &issuer, "--resource", "https://app.test/reports?x=1"];
        self.get(name, &[usual.as_slice(), more].concat())
    }
}

fn config(provider: SocketAddr, site: SocketAddr, machines: Option<SocketAddr>) -> String {
    let asks = "client_certificates = { mode = \"ask\", by = [\"certificate.devices\"] }";
    let (asks, listener, origin) = match machines {
        None => (asks, String::new(), String::new()),
        Some(at) => (
            "",
            format!(
                "[[listen]]\naddress = \"{at}\"\nspeak = \"reverse-proxy\"\n\n[[listen.host]]\nnames = [\"{}\"]\n\
                 certificate = \"ours.crt\"\nkey = {{ file = \"ours.key\" }}\n{asks}\n",
                at.ip()
            ),
            format!("mtls_origin = \"https://{at}\""),
        ),
    };
    format!(
        r#"config = 1

[[listen]]
address = "{provider}"
speak = "reverse-proxy"

[[listen.host]]
names = ["127.0.0.2"]
certificate = "ours.crt"
key = {{ file = "ours.key" }}
{asks}

{listener}
[[listen]]
address = "{site}"
speak = "reverse-proxy"

[[listen.host]]
names = ["127.0.0.3"]
certificate = "ours.crt"
key = {{ file = "ours.key" }}

[session]
store = "memory"

[sso.home]
issuer = "https://{provider}"

[certificate.devices]
authorities = "root.crt"
subject = "subject.CN"

[openid_provider]
issuer = "https://{provider}"
certificates = ["certificate.devices"]
key = {{ file = "ours.key" }}
sites = ["app.test", "secret.test", "{site}"]
{origin}

[[openid_provider.rule]]
sites = ["secret.test"]
require = {{ subjects = ["robot"] }}

[[route]]
hosts = ["127.0.0.3"]
accept = ["sso.home"]
to = "http://127.0.0.1:1"
"#
    )
}

/// The payload of a JWT.
fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn a_certificate_gets_a_token_for_a_site_alone_on_a_line() {
    let world = World::new();
    let output = world.get_at_provider("robot", &["--expires-in", "1m"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let said = text(&output.stdout);
    assert_eq!(said.lines().count(), 1);
    let claims = claims(said.trim());
    assert_eq!(claims["aud"], "https://app.test");
    assert_eq!(claims["sub"], "robot");
    assert!(claims["cnf"]["x5t#S256"].is_string());
    let output = world.get_at_provider("robot", &["--expires-in", "1m", "--json"]);
    let whole: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(whole["expires_in"], 60);
    assert_eq!(whole["token_type"], "Bearer");
    assert!(whole["access_token"].is_string());
}

#[test]
fn without_an_issuer_the_site_says_where_people_log_in() {
    let world = World::new();
    let resource = format!("https://{}/reports", world.site);
    let output = world.get("robot", &["--resource", &resource]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let claims = claims(text(&output.stdout).trim());
    assert_eq!(claims["aud"], format!("https://{}", world.site));
    assert_eq!(claims["iss"], format!("https://{}", world.provider));
}

/// The issuer's own address asks nobody for a certificate, so that a token from there would be refused.
#[test]
fn where_machines_have_a_host_of_their_own_the_token_is_got_there() {
    let mut machines = free();
    machines.set_ip([127, 0, 0, 4].into());
    let world = World::with(Some(machines));
    let output = world.get_at_provider("robot", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let claims = claims(text(&output.stdout).trim());
    assert_eq!(claims["iss"], format!("https://{}", world.provider));
    assert_eq!(claims["sub"], "robot");
}

#[test]
fn a_refusal_says_why_and_what_to_do_and_exits_with_1() {
    let world = World::new();
    let check = |name: &str, more: &[&str], error: &str, help: &str| {
        let issuer = format!("https://{}", world.provider);
        let output = world.get(name, &[&["--issuer", &issuer], more].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(text(&output.stdout), "");
        assert!(said.starts_with(error), "{said}");
        let lines = said.lines().collect::<Vec<_>>();
        assert!(
            lines.len() == 2 && lines[1].starts_with("help: ") && lines[1].contains(help),
            "{said}"
        );
    };
    check(
        "guest",
        &["--resource", "https://secret.test"],
        "invalid_target: ",
        "rules",
    );
    check(
        "robot",
        &["--resource", "https://elsewhere.test"],
        "invalid_target: ",
        "--resource",
    );
    check(
        "robot",
        &["--resource", "https://app.test", "--client-id", "nobody"],
        "invalid_client: ",
        "certificate inspect",
    );
    check(
        "stranger",
        &["--resource", "https://app.test"],
        "invalid_client: ",
        "certificate inspect",
    );
}

#[test]
fn whoever_cannot_be_asked_is_named_and_the_exit_is_2() {
    let world = World::new();
    let issuer = format!("https://{}", world.provider);
    let check = |arguments: &[&str], wanted: &[&str]| {
        let mut command = countersign();
        let output = command.args(["token", "get"]).args(arguments).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(text(&output.stdout), "");
        for piece in wanted {
            assert!(said.contains(piece), "no {piece:?} in {said}");
        }
    };
    let (ca, cert, key) = (
        world.folder.path("root.crt"),
        world.folder.path("robot.crt"),
        world.folder.path("robot.key"),
    );
    let own = ["--cert", &cert, "--key", &key];
    let with = |more: &[&'static str]| [own.as_slice(), more].concat();
    let site = ["--resource", "https://app.test"];
    // Nobody vouches for the listener.
    check(
        &[&own[..], &site, &["--issuer", &issuer]].concat(),
        &["127.0.0.2", "help: --ca FILE"],
    );
    // Nobody listens.
    let gone = format!("https://{}", free());
    check(
        &[&own[..], &site, &["--ca", &ca, "--issuer", &gone]].concat(),
        &[&gone, "/.well-known/openid-configuration", "help: nobody listens"],
    );
    // A site is no provider.
    let of_site = format!("https://{}", world.site);
    check(
        &[&own[..], &site, &["--ca", &ca, "--issuer", &of_site]].concat(),
        &["nothing that an OpenID Provider", "help: --issuer"],
    );
    // The site is no site of ours.
    let resource = ["--resource", &issuer, "--ca", &ca];
    check(
        &[&own[..], &resource].concat(),
        &["does not say at which provider", "--issuer"],
    );
    check(
        &with(&["--resource", "http://app.test"]),
        &["--resource", "https"],
    );
    check(&with(&["--resource", "app.test"]), &["--resource", "https"]);
    check(
        &with(&["--resource", "https://app.test", "--expires-in", "soon"]),
        &["--expires-in", "5m"],
    );
    check(
        &[&["--cert", &cert, "--key", &cert][..], &site].concat(),
        &["--key", "it holds a certificate and no key"],
    );
    let other = world.folder.path("guest.key");
    check(
        &[&["--cert", &cert, "--key", &other][..], &site].concat(),
        &["the key is not that of the certificate"],
    );
}
