//! Codes and grants of our provider where it is several gateways on one Redis: each is good once in all of them.

use super::gateway::{Folder, Gateway};
use super::nodes::Redis;
use countersign_testkit::pki::{Authority, Key, Template, pem};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use url::{Url, form_urlencoded};

/// A code verifier and its challenge (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The only client of those providers, and where its codes go.
const CLIENT: [(&str, &str); 1] = [("client_id", "app")];
const BACK: &str = "https://app.test/back";

/// Gateways that are one provider, each behind an nginx that hands on Ann's certificate.
struct Providers {
    nodes: Vec<(Folder, Gateway, SocketAddr)>,
    certificate: String,
    _redis: Redis,
}

impl Providers {
    fn start() -> Self {
        let folder = Folder::new();
        let redis = Redis::start(&folder);
        let key = folder.write("key", "a key that all of them have, and nobody else");
        let root = Authority::root("Home", Key(1));
        let ca = folder.write("ca.pem", root.pem());
        let ann = pem("CERTIFICATE", &root.issue(&Template::client("ann", Key(2))));
        let nodes = redis.urls().into_iter().map(|url| {
            let own = Folder::new();
            let config = own.write(
                "a.toml",
                format!(
                    r#"config = 1

[[listen]]
address = "127.0.0.1:0"
speak = "auth-request"
trusted_peers = ["127.0.0.1"]
forwarded_certificate = {{ format = "escaped-pem", by = ["certificate.home"] }}

[certificate.home]
authorities = {ca:?}
subject = "subject.CN"

[openid_provider]
issuer = "https://sso.test"
certificates = ["certificate.home"]

[openid_provider.client.app]
redirect_uris = ["{BACK}"]
offline = true

[session]
store = "redis"
url = "{url}"
sealing_keys = {{ file = {key:?} }}
"#
                ),
            );
            let mut gateway = Gateway::start(&own, &config);
            let at = gateway.listening();
            (own, gateway, at)
        });
        let encoded = form_urlencoded::byte_serialize(ann.as_bytes());
        Self {
            nodes: nodes.collect(),
            certificate: encoded.collect::<String>().replace('+', "%20"),
            _redis: redis,
        }
    }

    /// What the gateway of this number answers: head and body.
    fn ask(&self, node: usize, method: &str, target: &str, form: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.nodes[node].2).unwrap();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: countersign\r\nX-Original-Method: {method}\r\n\
             X-Original-URL: https://sso.test{target}\r\nX-Original-Host: sso.test\r\nX-Original-Client: 192.0.2.1\r\n\
             X-Original-Client-Cert: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{form}",
            self.certificate,
            form.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// A code that this one gives for Ann.
    fn code(&self, node: usize, scope: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(CLIENT)
            .extend_pairs([("redirect_uri", BACK), ("response_type", "code")])
            .extend_pairs([("scope", scope), ("code_challenge_method", "S256")])
            .append_pair("code_challenge", CHALLENGE)
            .finish();
        let target = format!("/.countersign/authorize?{query}");
        let (head, body) = self.ask(node, "GET", &target, "");
        let mut lines = head.lines();
        let place = lines.find_map(|line| line.strip_prefix("location: "));
        let place = Url::parse(place.unwrap_or_else(|| panic!("{head}\n{body}"))).unwrap();
        let code = place.query_pairs().find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("{place}")).1.into_owned()
    }

    /// What this one gives for it: an ID Token, and a refresh token if that was asked for; or the error.
    fn token(&self, node: usize, form: &[(&str, &str)]) -> Result<Given, String> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(CLIENT)
            .extend_pairs(form)
            .finish();
        let (head, body) = self.ask(node, "POST", "/.countersign/token", &form);
        let told: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{head}\n{body}"));
        let text = |name: &str| told[name].as_str().map(ToOwned::to_owned);
        match text("error") {
            Some(error) => Err(error),
            None => Ok(Given {
                id: text("id_token").unwrap_or_else(|| panic!("{told}")),
                refresh: text("refresh_token"),
            }),
        }
    }

    fn redeem(&self, node: usize, code: &str) -> Result<Given, String> {
        let code = [("grant_type", "authorization_code"), ("code", code)];
        let more = [("redirect_uri", BACK), ("code_verifier", VERIFIER)];
        self.token(node, &[code, more].concat())
    }

    fn refresh(&self, node: usize, given: &Given) -> Result<Given, String> {
        let token = given.refresh.as_deref().unwrap();
        self.token(node, &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// What thirty get who come with one code at once, at all of the gateways.
    fn redeem_at_once(&self, code: &str) -> Vec<Given> {
        thread::scope(|scope| {
            let asking = (0..30).map(|number| scope.spawn(move || self.redeem(number % 3, code)));
            // All of them are started before any is waited for.
            let asking = asking.collect::<Vec<_>>().into_iter();
            let came = asking.map(|asked| asked.join().unwrap());
            came.filter_map(|given| given.map_err(|error| assert_eq!(error, USED_UP)).ok())
                .collect()
        })
    }
}

/// Tokens.
#[derive(Debug)]
struct Given {
    id: String,
    refresh: Option<String>,
}

/// What is said to whoever comes with what is used up.
const USED_UP: &str = "invalid_grant";
const OFFLINE: &str = "openid offline_access";

#[test]
fn a_grant_of_our_provider_is_renewed_at_every_gateway_and_ends_at_all_of_them() {
    let providers = Providers::start();
    let code = providers.code(0, OFFLINE);
    let first = providers.redeem(1, &code).unwrap();
    let second = providers.refresh(2, &first).unwrap();
    let third = providers.refresh(0, &second).unwrap();
    let fourth = providers.refresh(1, &third).unwrap();
    assert_ne!(first.id, fourth.id);
    // Whoever comes with an old one ends it, for the newest too.
    for (node, given) in [(2, &second), (0, &fourth), (1, &fourth)] {
        assert_eq!(providers.refresh(node, given).unwrap_err(), USED_UP);
    }
}

#[test]
fn a_code_of_our_provider_is_good_once_at_all_gateways_together() {
    let providers = Providers::start();
    let code = providers.code(0, OFFLINE);
    let given = providers.redeem(1, &code).unwrap();
    assert_eq!(providers.redeem(2, &code).unwrap_err(), USED_UP);
    // What was given for it has ended, wherever it is asked for.
    assert_eq!(providers.refresh(0, &given).unwrap_err(), USED_UP);
    let code = providers.code(1, "openid");
    assert_eq!(providers.redeem_at_once(&code).len(), 1);
    // Of those who ask for a grant as well perhaps none has anything: each ends what it finds that another has.
    let code = providers.code(2, OFFLINE);
    let given = providers.redeem_at_once(&code);
    assert!(given.len() <= 1, "{given:?}");
    for given in given {
        assert_eq!(providers.refresh(0, &given).unwrap_err(), USED_UP);
    }
}
