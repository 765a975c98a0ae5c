//! The gateway is killed, again and again: with the `file` store whoever had logged in has, and whoever had logged out has not.

use super::site::{Kind, Site, Visitor, WHAT};
use crate::fronts::read;
use crate::process::until;

const BROWSER: [&str; 2] = ["-H", "Accept: text/html"];

/// Access tokens last so many seconds.
fn with_file_store(lasts: u64) -> Site {
    Site::start_with(Kind::Standalone, lasts, |folder| {
        let configuration = Kind::Standalone.configuration(WHAT, folder);
        let text = read(&configuration);
        std::fs::write(configuration, format!("{text}\n[session]\nstore = \"file\"\n")).unwrap();
    })
}

#[test]
fn sessions_outlive_five_kills_and_no_logout_is_undone() {
    let mut site = with_file_store(600);
    let names = ["one", "two", "three", "four", "five"];
    for (number, name) in names.iter().enumerate() {
        let visitor = Visitor::new(&site, name);
        assert_eq!(visitor.log_in("/page", "ann").status, 200);
        let leaver = Visitor::new(&site, &format!("leaver-{name}"));
        assert_eq!(leaver.log_in("/page", "bob").status, 200);
        // The cookie as it was: the browser forgets it with the logout.
        let jar = site.folder.0.join(format!("jar-of-leaver-{name}"));
        let before = read(&jar);
        let gone = leaver.ask(
            "/.countersign/logout",
            &["-X", "POST", "-H", "Sec-Fetch-Site: same-origin"],
        );
        assert_eq!(gone.status, 303, "{gone:?}");
        std::fs::write(&jar, before).unwrap();
        site.kill();
        for (number, name) in names.iter().enumerate().take(number + 1) {
            let status = Visitor::new(&site, name).ask("/page", &BROWSER).status;
            assert_eq!(status, 200, "{name} after {number} kills");
            let leaver = Visitor::new(&site, &format!("leaver-{name}"));
            assert_eq!(
                leaver.ask("/page", &BROWSER).status,
                303,
                "{name} after {number} kills"
            );
        }
    }
}

/// The refresh token is spent and what came of it is lost: that session logs in once more, and no other.
#[test]
fn a_kill_inside_a_rotation_costs_one_login_at_most() {
    let mut site = with_file_store(10);
    let ann = Visitor::new(&site, "ann");
    ann.log_in("/page", "ann");
    let bob = Visitor::new(&site, "bob");
    bob.log_in("/page", "bob");
    // The provider does its work and is slow to say so.
    site.provider.delay(20_000);
    let asked = site.provider.counts().refreshes;
    until("a refresh is under way", || {
        ann.ask("/page", &BROWSER);
        site.provider.counts().refreshes > asked
    });
    site.kill();
    site.provider.delay(0);
    let bob = Visitor::new(&site, "bob");
    assert_eq!(bob.ask("/page", &BROWSER).status, 200);
    let ann = Visitor::new(&site, "ann");
    until("the access token has ended", || {
        ann.ask("/page", &BROWSER).status == 303
    });
    // Its own session at the provider holds: back without a question.
    let back = ann.follow(&site.url("/page"), &[]);
    assert_eq!((back.status, back.body.as_str()), (200, "the page\n"));
    assert_eq!(bob.ask("/page", &BROWSER).status, 200);
}
