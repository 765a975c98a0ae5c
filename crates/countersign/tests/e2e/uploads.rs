//! Bodies: what is allowed arrives whole, what is refused is answered from its head alone.

use crate::fronts::{Front, Kind, change};
use crate::http::Request;
use crate::issuer::{API, Issuer};

/// Just within nginx's own limit (`client_max_body_size`, 1 MiB by default).
const BYTES: usize = 1_000_000;

fn check(kind: Kind) {
    let issuer = Issuer::shared();
    let front = Front::start(kind, issuer);
    let body = vec![b'x'; BYTES];
    let upload = Request::new("POST", "/upload", "app.test").body(&body);

    let refused = front.send(&upload);
    assert_eq!(refused.status, 401, "{kind:?}: {refused:?}");
    assert!(front.upstream.take().is_empty(), "{kind:?}");

    let allowed = front.send(&upload.bearer(Some(&issuer.token("ann", API))));
    assert_eq!(allowed.status, 200, "{kind:?}: {allowed:?}");
    let seen = front.upstream.take();
    assert_eq!(
        seen.iter().map(|seen| seen.body).collect::<Vec<_>>(),
        [BYTES],
        "{kind:?}"
    );

    // A refused client that announces a body and never sends it gets its answer all the same. (nginx itself reads a
    // body before it asks for the page that explains a refusal; what it asks first, the question, needs none.)
    if matches!(kind, Kind::Nginx | Kind::NginxUnix) {
        return;
    }
    let announced = Request::new("POST", "/upload", "app.test").header("Content-Length", "1000000");
    assert_eq!(front.send(&announced).status, 401, "{kind:?}");
}

#[test]
fn behind_nginx_an_upload_arrives_whole_or_not_at_all() {
    check(Kind::Nginx);
}

#[test]
fn behind_nginx_a_body_may_be_as_large_as_its_location_says() {
    let issuer = Issuer::shared();
    let front = Front::start_edited(Kind::Nginx, issuer, |folder| {
        let guarded = "include countersign/guard.conf;";
        let larger = format!("{guarded}\n        client_max_body_size 3m;");
        change(&folder.join("app.conf"), guarded, &larger);
    });
    let send = |bytes: usize, token: Option<&str>| {
        let upload = Request::new("POST", "/upload", "app.test").bearer(token);
        front.send(&upload.body(&vec![b'x'; bytes])).status
    };
    let ann = issuer.token("ann", API);
    assert_eq!(send(2 * BYTES, Some(&ann)), 200);
    assert_eq!(front.upstream.take()[0].body, 2 * BYTES);
    assert_eq!(send(2 * BYTES, None), 401);
    assert_eq!(send(4 * BYTES, Some(&ann)), 413);
    assert!(front.upstream.take().is_empty());
}

#[test]
fn behind_nginx_over_a_unix_socket_an_upload_arrives_whole_or_not_at_all() {
    check(Kind::NginxUnix);
}

#[test]
fn behind_caddy_an_upload_arrives_whole_or_not_at_all() {
    check(Kind::Caddy);
}

#[test]
fn behind_traefik_an_upload_arrives_whole_or_not_at_all() {
    check(Kind::Traefik);
}

#[test]
fn through_the_gateway_alone_an_upload_arrives_whole_or_not_at_all() {
    check(Kind::Standalone);
}
