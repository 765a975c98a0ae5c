//! A certificate that ends while its connection is open opens nothing from then on.

use super::site::{Kind, Site, another_authority, keep};
use crate::fronts::reason;
use crate::process::until;
use countersign_testkit::pki::{Key, San, Template};
use std::process::Command;

/// The time in some seconds, as certificates write it.
fn in_seconds(seconds: u32) -> String {
    let mut command = Command::new("date");
    command.args(["-u", "-d", &format!("+{seconds} seconds"), "+%Y%m%d%H%M%SZ"]);
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn check(kind: Kind) {
    let mut another = None;
    let site = Site::start_edited(kind, |folder| another = Some(another_authority(folder)));
    // Long enough for a handshake on a busy machine.
    let template = Template::client("brief", Key(3)).names(&[San::Email("ann@example.org")]);
    let template = template.valid("20250101000000Z", &in_seconds(10));
    keep(&site.folder, "brief", &another.unwrap().issue(&template), Key(3));
    let mut brief = site.connect("brief", &[]);
    assert_eq!(brief.get("/page").status, 200, "{kind:?}");
    let mut answer = None;
    until("the certificate has ended", || {
        answer.insert(brief.get("/page")).status != 200
    });
    let answer = answer.unwrap();
    assert_eq!(
        (answer.status, reason(&answer).as_str()),
        (403, "certificate_expired"),
        "{kind:?}"
    );
}

#[test]
fn behind_nginx_a_certificate_that_ends_is_refused_on_its_open_connection() {
    check(Kind::Nginx);
}

#[test]
fn standing_alone_a_certificate_that_ends_is_refused_on_its_open_connection() {
    check(Kind::Standalone);
}
