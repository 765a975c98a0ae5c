//! All faces agree: one table of 200 requests, put to each face in its own dialect, gets one decision and one reason
//! code from all of them, with the status that each dialect gives it.

use crate::forge;
use crate::fronts::{configured_issuer, gateway, reason};
use crate::http::{Address, Request};
use crate::issuer::{API, Issuer, OTHER};
use crate::process::{Folder, Process, free_addresses, until_open};
use crate::upstream::Upstream;
use serde_json::json;
use std::collections::BTreeMap;

const REQUESTS: usize = 200;

const METHODS: [&str; 7] = ["GET", "GET", "POST", "PUT", "DELETE", "PROPFIND", "BREW"];

const HOSTS: [&str; 9] = [
    "open.test",
    "app.test",
    "app.test",
    "APP.test.",
    "app.test:8080",
    "one.wild.test",
    "wild.test",
    "none.test",
    "app..test",
];

const PATHS: [&str; 16] = [
    "/",
    "/page",
    "/page?to=//elsewhere/..",
    "/admin",
    "/admin/page",
    "/administrators",
    "/read/only",
    "/scoped",
    "/quiet",
    "/a//b",
    "/a/../admin",
    "/a/%2e%2e/admin",
    "/%61dmin",
    "/a%2fadmin",
    "/a;b/admin",
    "/a%zz",
];

/// One gateway with every face over one rule set.
struct Faces {
    upstream: Upstream,
    proxy: Address,
    forward_auth: Address,
    auth_request: [Address; 2],
    _gateway: Process,
    _folder: Folder,
}

impl Faces {
    fn start(issuer: &Issuer) -> Self {
        let folder = Folder::new();
        let upstream = Upstream::start();
        let [proxy, forward_auth, auth_request] = free_addresses();
        let socket = folder.0.join("auth.sock");
        let configuration = format!(
            r#"config = 1
[[listen]]
address = "{proxy}"
speak = "reverse-proxy"
[[listen]]
address = "{forward_auth}"
speak = "forward-auth"
trusted_peers = ["127.0.0.1"]
[[listen]]
address = "{auth_request}"
speak = "auth-request"
trusted_peers = ["127.0.0.1"]
[[listen]]
address = "unix:{}"
speak = "auth-request"
trusted_peers = ["unix"]
[token.services]
{}
audiences = ["api"]
algorithms = ["RS256", "ES256"]
[identity_headers]
preset = "x-auth"
{}"#,
            socket.display(),
            configured_issuer(issuer),
            routes(&upstream),
        );
        let configuration = folder.write("countersign.toml", &configuration);
        let mut gateway = gateway(&configuration, &folder.0.join("state"));
        for address in [proxy, forward_auth, auth_request] {
            until_open(&mut gateway, address);
        }
        Self {
            upstream,
            proxy: proxy.into(),
            forward_auth: forward_auth.into(),
            auth_request: [auth_request.into(), Address::Unix(socket)],
            _gateway: gateway,
            _folder: folder,
        }
    }
}

/// Routes that differ by host, path, method, scope and challenge.
fn routes(upstream: &Upstream) -> String {
    let route = |hosts: &str, paths: &str, rest: &str| {
        let to = upstream.address;
        format!("[[route]]\nhosts = [\"{hosts}\"]\npaths = [\"{paths}\"]\nto = \"http://{to}\"\n{rest}\n")
    };
    let token = "accept = [\"token.services\"]";
    [
        route("open.test", "/**", "accept = [\"token.services\", \"anonymous\"]"),
        route("*.wild.test", "/**", token),
        route("app.test", "/**", token),
        route(
            "app.test",
            "/admin/**",
            &format!("{token}\nrequire = {{ groups = [\"operators\"] }}"),
        ),
        route(
            "app.test",
            "/read/**",
            &format!("{token}\nmethods = [\"GET\", \"PROPFIND\"]"),
        ),
        route(
            "app.test",
            "/scoped",
            &format!("{token}\nrequire = {{ scopes = [\"write\"] }}"),
        ),
        route("app.test", "/quiet", &format!("{token}\nchallenge = \"403\"")),
    ]
    .concat()
}

/// The kinds of token, by name.
fn tokens(issuer: &Issuer) -> Vec<(&'static str, Option<String>)> {
    let mut expired = forge::claims(&issuer.url, "ann");
    expired["exp"] = json!(forge::now() - 120);
    let ann = issuer.token("ann", API);
    let tampered = forge::tampered(&ann, &forge::claims(&issuer.url, "root"));
    vec![
        ("none", None),
        ("ann", Some(ann)),
        ("bob", Some(issuer.token("bob", API))),
        ("bob again", Some(issuer.token("bob", API))),
        ("expired", Some(issuer.sign("RS256", &expired))),
        ("tampered", Some(tampered)),
        ("other audience", Some(issuer.token("ann", OTHER))),
        ("other issuer", Some(Issuer::stranger().token("ann", API))),
        ("broken", Some("not.a.token".to_owned())),
    ]
}

/// The same choices on each run: a linear congruential generator (Knuth's MMIX constants).
fn choices() -> impl FnMut(usize) -> usize {
    let mut state = 2030_u64;
    move |bound| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    }
}

/// What an answer says: the status and the reason code, `allowed` for a 200.
type Said = (u16, String);

fn said(request: &Request, to: &Address) -> Said {
    let answer = request.send(to);
    let word = if answer.status == 200 {
        "allowed".to_owned()
    } else {
        reason(&answer)
    };
    assert_ne!(word, "", "no reason code: {answer:?}");
    (answer.status, word)
}

/// What the status of a decision becomes for nginx's sub-request (auth_request knows 2xx, 401 and 403).
fn for_sub_request(status: u16) -> u16 {
    match status {
        400 | 404 => 403,
        other => other,
    }
}

#[test]
fn all_faces_agree_on_two_hundred_requests() {
    let issuer = Issuer::shared();
    let faces = Faces::start(issuer);
    let tokens = tokens(issuer);
    let mut choose = choices();
    let mut words = BTreeMap::<String, u32>::new();
    for number in 0..REQUESTS {
        let method = METHODS[choose(METHODS.len())];
        let host = HOSTS[choose(HOSTS.len())];
        let path = PATHS[choose(PATHS.len())];
        let (kind, token) = &tokens[choose(tokens.len())];
        let name = format!("{number}: {method} {path} at {host} with token: {kind}");
        let dress = |request: Request| {
            request
                .bearer(token.as_deref())
                .header("Accept", "application/json")
        };

        let (status, word) = said(&dress(Request::new(method, path, host)), &faces.proxy);
        let forwarded = faces.upstream.take().len();
        assert_eq!(forwarded, usize::from(word == "allowed"), "{name}: {word}");

        let question = dress(Request::get("/.countersign/decide", "asked"))
            .header("X-Forwarded-Method", method)
            .header("X-Forwarded-Proto", "http")
            .header("X-Forwarded-Host", host)
            .header("X-Forwarded-Uri", path)
            .header("X-Forwarded-For", "203.0.113.9");
        assert_eq!(
            said(&question, &faces.forward_auth),
            (status, word.clone()),
            "{name}: forward-auth"
        );

        let (chosen, _) = host.split_once(':').unwrap_or((host, ""));
        let question = |path_here: &str| {
            dress(Request::get(path_here, "asked"))
                .header("X-Original-Method", method)
                .header("X-Original-URL", &format!("http://{host}{path}"))
                .header("X-Original-Host", chosen)
                .header("X-Original-Client", "203.0.113.9")
        };
        for face in &faces.auth_request {
            let decided = question("/.countersign/decide").send(face);
            assert_eq!(
                decided.status,
                for_sub_request(status),
                "{name}: {face:?}, {word}"
            );
            let explained = said(&question("/.countersign/answer"), face);
            let expected = match status {
                200 => (403, "refused_by_proxy".to_owned()),
                other => (other, word.clone()),
            };
            assert_eq!(explained, expected, "{name}: {face:?}");
        }
        *words.entry(word).or_default() += 1;
    }
    assert!(
        words["allowed"] > 10 && words.len() > 12,
        "the table is one-sided: {words:?}"
    );
}
