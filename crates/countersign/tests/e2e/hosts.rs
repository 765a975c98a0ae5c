//! Requests that name two hosts: in the target's absolute form, and in the Host header. Whatever the front proxy makes
//! of them, the host that is decided on is the host that is served.

use crate::fronts::{Front, Kind, change, read, reason};
use crate::http::Request;
use crate::issuer::{API, Issuer};
use std::path::Path;

/// Two hosts instead of the example's one: `pub.test` is open, `adm.test` is for tokens.
fn two_hosts(kind: Kind, folder: &Path) {
    let configuration = folder.join(kind.configuration());
    let opened = "hosts  = [\"pub.test\"]\npaths  = [\"/**\"]\naccept = [\"anonymous\"]";
    let closed = "hosts   = [\"adm.test\"]\npaths   = [\"/**\"]";
    change(
        &configuration,
        "hosts  = [\"app.test\"]\npaths  = [\"/**\"]\naccept = [\"token.services\"]",
        opened,
    );
    change(
        &configuration,
        "hosts   = [\"app.test\"]\npaths   = [\"/admin/**\"]",
        closed,
    );
    match kind {
        Kind::Nginx | Kind::NginxUnix => {
            // Two servers, each of which signs what it serves.
            let server = read(&folder.join("app.conf"));
            let named = |name: &str| {
                let signed =
                    format!("proxy_pass http://127.0.0.1:{{}};\n proxy_set_header X-Served-By {name};");
                let port = server
                    .split("proxy_pass http://127.0.0.1:")
                    .nth(1)
                    .unwrap()
                    .split(';')
                    .next()
                    .unwrap();
                server.replace("app.test", name).replace(
                    &format!("proxy_pass http://127.0.0.1:{port};"),
                    &signed.replace("{}", port),
                )
            };
            std::fs::write(folder.join("app.conf"), named("pub.test") + &named("adm.test")).unwrap();
        }
        Kind::Caddy => {
            let site = read(&folder.join("Caddyfile"));
            let (global, site) = site.split_once("http://app.test").unwrap();
            let site = format!("{global}http://pub.test{site}\nhttp://adm.test{site}");
            std::fs::write(folder.join("Caddyfile"), site).unwrap();
        }
        Kind::Traefik => {
            let both = "Host(`pub.test`) || Host(`adm.test`)";
            change(&folder.join("dynamic.yml"), "Host(`app.test`)", both);
        }
        Kind::Standalone => {}
    }
}

fn check(kind: Kind) {
    let issuer = Issuer::shared();
    let front = Front::start_edited(kind, issuer, |folder| two_hosts(kind, folder));
    let send = |target: &str, host: &str, token: Option<&str>| {
        let request = Request::get(target, host)
            .bearer(token)
            .header("Accept", "application/json");
        let answer = front.send(&request);
        let seen = front.upstream.take();
        for seen in &seen {
            // nginx signs for the server it chose; elsewhere the Host header that goes on says it.
            let served = if matches!(kind, Kind::Nginx | Kind::NginxUnix) {
                "X-Served-By"
            } else {
                "Host"
            };
            let open = seen
                .said(served)
                .iter()
                .all(|host| host.eq_ignore_ascii_case("pub.test"));
            assert!(
                open || token.is_some(),
                "{kind:?}: {target} with Host {host} was served: {seen:?}"
            );
        }
        (answer.status, reason(&answer), seen.len())
    };
    let ann = issuer.token("ann", API);
    let refused = (400, "host_mismatch".to_owned(), 0);

    assert_eq!(send("http://pub.test/x", "pub.test", None).0, 200, "{kind:?}");
    assert_eq!(send("http://adm.test/x", "adm.test", None).0, 401, "{kind:?}");
    assert_eq!(
        send("http://adm.test/x", "adm.test", Some(&ann)).0,
        200,
        "{kind:?}"
    );
    let closed_in_target = send("http://adm.test/x", "pub.test", None);
    let open_in_target = send("http://pub.test/x", "adm.test", None);
    match kind {
        Kind::Nginx | Kind::NginxUnix | Kind::Standalone => {
            assert_eq!(closed_in_target, refused, "{kind:?}");
            assert_eq!(open_in_target, refused, "{kind:?}");
            assert_eq!(
                send("http://adm.test/x", "pub.test", Some(&ann)),
                refused,
                "{kind:?}"
            );
        }
        // These two leave the Host header aside, as RFC 9112 section 3.2.2 says, and so decide on what they serve.
        Kind::Caddy | Kind::Traefik => {
            assert_eq!(closed_in_target, (401, "no_credential".to_owned(), 0), "{kind:?}");
            assert_eq!(open_in_target, (200, String::new(), 1), "{kind:?}");
        }
    }
    let twice = Request::get("/x", "pub.test").header("Host", "adm.test");
    assert_eq!(front.send(&twice).status, 400, "{kind:?}");
    assert!(front.upstream.take().is_empty(), "{kind:?}");
}

#[test]
fn nginx_serves_no_host_but_the_one_decided_on() {
    check(Kind::Nginx);
}

#[test]
fn nginx_over_a_unix_socket_serves_no_host_but_the_one_decided_on() {
    check(Kind::NginxUnix);
}

#[test]
fn caddy_serves_no_host_but_the_one_decided_on() {
    check(Kind::Caddy);
}

#[test]
fn traefik_serves_no_host_but_the_one_decided_on() {
    check(Kind::Traefik);
}

#[test]
fn the_gateway_alone_serves_no_host_but_the_one_decided_on() {
    check(Kind::Standalone);
}
