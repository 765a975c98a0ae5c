//! One name in the handshake and another in the request: whoever was not asked for a certificate does not get to where one
//! is asked for, and the other way round.

use super::site::{ANN, Kind, Site, WHAT, ca};
use crate::fronts::{change, read, reason};

/// The example standing alone, with a second host that asks nobody.
fn two_hosts() -> Site {
    Site::start_edited(Kind::Standalone, |folder| {
        ca(folder, &["issue", "server", "open.test"]);
        let configuration = Kind::Standalone.configuration(WHAT, folder);
        let files = "certificate = \"ca/issued/open.test.crt\"\nkey = { file = \"ca/issued/open.test.key\" }";
        change(
            &configuration,
            "\n[[listen]]  ",
            &format!("\n[[listen.host]]\nnames = [\"open.test\"]\n{files}\n\n[[listen]]  "),
        );
        let text = read(&configuration);
        let to = text.lines().find(|line| line.starts_with("to ")).unwrap();
        let route = format!("\n[[route]]\nhosts = [\"open.test\"]\naccept = [\"anonymous\"]\n{to}\n");
        std::fs::write(&configuration, text.clone() + &route).unwrap();
    })
}

#[test]
fn a_request_for_a_host_that_asks_otherwise_is_misdirected_in_both_versions_of_http() {
    let site = two_hosts();
    for version in ["--http1.1", "--http2"] {
        for who in [None, Some(ANN)] {
            let answer = site.get("/page", who, &["-H", "Host: open.test", version]);
            assert_eq!(answer.status, 421, "{version} {who:?}: {answer:?}");
            assert_eq!(reason(&answer), "misdirected");
        }
        assert_eq!(site.get("/page", Some(ANN), &[version]).status, 200);
    }
    assert_eq!(site.upstream.take().len(), 2);
    let files = format!("ca/issued/{ANN}");
    // Asked for nothing under the other name, and not let in by it.
    let mut open = site.connect(&files, &["-servername", "open.test"]);
    assert_eq!(open.get("/page").status, 421);
    assert!(site.upstream.take().is_empty());
    // Without a name it is the first host.
    let mut nameless = site.connect(&files, &["-noservername"]);
    assert_eq!(nameless.get("/page").status, 200);
    assert_eq!(site.seen().said("X-Auth-Subject"), [ANN]);
}
